"""A partner's week: whether availability, price and service kept what was promised, and where they are heading."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import ibis
import ibis.expr.types as ir
from pydantic import Field

from include.stockwatch.domain.kpis import STORE, headline
from include.stockwatch.domain.sums import exact_sum
from include.stockwatch.domain.value import Value

WEEKS_BEFORE = 4
DAYS_OF_WEEK = 7
PER_UNITS = 1000
OF_SERVICE = ("complaints", "units_sold")
"""Counts that only weeks have of which complaints are told."""


class Verdict(StrEnum):
    """How a promise ended the week."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_PROMISED = "not promised"  # measured, with nothing to hold it to
    NOT_MEASURED = "not measured"


class Figures(Value):
    """Counts of a partner over some weeks; rates follow from them, so that weeks add up."""

    days: int = 0
    ranged: int = 0
    known: int = 0
    out: int = 0
    priced: int = 0
    outside: int = 0
    complaints: int | None = Field(default=None, description="null = no feed of complaints speaks of the partner")
    units_sold: float = Field(default=0.0, description="of the weeks that complaints are told of")

    @property
    def in_stock_rate(self) -> float | None:
        """Share of known series-days that were not out."""
        return 1 - self.out / self.known if self.known else None

    @property
    def price_kept(self) -> float | None:
        """Share of priced series-days inside their band."""
        return 1 - self.outside / self.priced if self.priced else None

    @property
    def complaint_rate(self) -> float | None:
        """Complaints for 1,000 units sold."""
        if self.complaints is None or self.units_sold <= 0:
            return None
        return PER_UNITS * self.complaints / self.units_sold

    @property
    def coverage(self) -> float | None:
        """Share of ranged series-days with fresh data."""
        return self.known / self.ranged if self.ranged else None


class Promised(Value):
    """One promise over a week. Rates; `change` is against the weeks before."""

    value: float | None
    limit: float | None
    before: float | None
    is_at_most: bool = False

    @property
    def verdict(self) -> Verdict:
        """Kept or broken, as far as it can be said."""
        if self.value is None:
            return Verdict.NOT_MEASURED
        if self.limit is None:
            return Verdict.NOT_PROMISED
        kept = self.value <= self.limit if self.is_at_most else self.value >= self.limit
        return Verdict.KEPT if kept else Verdict.BROKEN

    @property
    def change(self) -> float | None:
        """Value less that of the weeks before; none where one of the two is not known."""
        return None if self.value is None or self.before is None else self.value - self.before


class Score(Value):
    """The scorecard of one partner."""

    partner: str
    partner_name: str
    monday: dt.date
    week: Figures
    before: Figures = Field(description="of the four weeks before together")
    location_type: str = Field(default=STORE, description="dc: availability is that of its DCs, it has no stores")
    due: int = Field(default=DAYS_OF_WEEK, description="days of the week that its feeds were to report")
    promised_in_stock: float
    promised_price: float | None = None
    promised_complaints: float | None = None

    def promises(self) -> dict[str, Promised]:
        """Availability, price and service, in this order."""
        week, before = self.week, self.before
        return {
            "availability": Promised(
                value=week.in_stock_rate, limit=self.promised_in_stock, before=before.in_stock_rate
            ),
            "price": Promised(value=week.price_kept, limit=self.promised_price, before=before.price_kept),
            "service": Promised(
                value=week.complaint_rate,
                limit=self.promised_complaints,
                before=before.complaint_rate,
                is_at_most=True,
            ),
        }


def monday_of(date: dt.date) -> dt.date:
    """First day of the week that a date is in."""
    return date - dt.timedelta(days=date.weekday())


def weekly_availability(kpis: ir.Table) -> ir.Table:
    """Series-days of each partner and week: in its stores, or its DCs if it has no stores (`kpis.headline`).

    Grain: (business_date, partner, category, location_type) -> (partner, monday)
    """
    partners = headline(kpis.filter((kpis.partner != "") & (kpis.category == "")))
    partners = partners.mutate(monday=partners.business_date.truncate("W").cast("date"))
    return partners.group_by("partner", "monday").agg(
        days=(partners.known > 0).sum(),
        ranged=partners.ranged.sum(),
        known=partners.known.sum(),
        out=partners.out_of_stock.sum(),
        location_type=partners.location_type.min(),
    )


def weekly_prices(prices: ir.Table) -> ir.Table:
    """Priced series-days of each partner and week, and how many of them lie outside their band.

    Grain: (business_date, series), as `promise.banded` -> (partner, monday)
    """
    known = prices.filter(prices.price.notnull() & prices.has_band)
    known = known.mutate(monday=known.business_date.truncate("W").cast("date"))
    return known.group_by("partner", "monday").agg(priced=known.count(), outside=known.is_outside.sum())


def weekly_sales(observed: ir.Table, missing: ir.Table) -> ir.Table:
    """Units sold of each partner and week; net returns of a row count as no sale.

    Days of which not all sales are told are left out, here and of the complaints, as a rate is of the same days.
    Grain: (business_date, series); missing (partner, business_date) -> (partner, monday)
    """
    told = observed.anti_join(missing, ["partner", "business_date"])
    sold = told.mutate(monday=told.business_date.truncate("W").cast("date"))
    units = ibis.greatest(sold.units_sold, 0.0)
    return sold.group_by("partner", "monday").agg(units_sold=exact_sum(units).fill_null(0.0))


def weekly_complaints(complaints: ir.Table, missing: ir.Table) -> ir.Table:
    """Complaints that name a partner, by week, but for the days that `weekly_sales` leaves out.

    Grain: complaints any; missing (partner, business_date) -> (partner, monday)
    """
    said = complaints.filter(complaints.partner != "").anti_join(missing, ["partner", "business_date"])
    said = said.mutate(monday=said.business_date.truncate("W").cast("date"))
    return said.group_by("partner", "monday").agg(complaints=said.complaints.sum())


def figures(rows: Iterable[dict[str, Any]], mondays: Iterable[dt.date], heard: Iterable[dt.date] = ()) -> Figures:
    """The counts of one partner over some weeks; `rows` are those of the weekly tables.

    Service is counted over the weeks that are `heard` of alone, its units sold too.
    """
    wanted = set(mondays)
    told = wanted.intersection(heard)
    counts: dict[str, Any] = {"complaints": 0} if told else {}
    for row in rows:
        for name in Figures.model_fields.keys() & row.keys():
            if row["monday"] in (told if name in OF_SERVICE else wanted):
                counts[name] = counts.get(name, 0) + (row[name] or 0)
    return Figures(**counts)


def is_heard(monday: dt.date, spans: Iterable[tuple[dt.date, dt.date]]) -> bool:
    """Whether complaints are told of a week, by all feeds that had begun: to its end, but for a weekend.

    Silence of a feed is no praise, and no less if another one speaks.
    """
    last = monday + dt.timedelta(days=DAYS_OF_WEEK - 1)
    begun = [until for first, until in spans if first <= last]
    return bool(begun) and min(begun) >= last - dt.timedelta(days=2)


def weeks_before(monday: dt.date) -> list[dt.date]:
    """The four Mondays before one."""
    return [monday - dt.timedelta(days=DAYS_OF_WEEK * n) for n in range(1, WEEKS_BEFORE + 1)]

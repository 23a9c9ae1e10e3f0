"""Complaints about quality that are more than an item's own history and sales explain."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.customer_signals import ComplaintKind
from include.stockwatch.domain.promise import Unusual
from include.stockwatch.domain.sums import exact_sum

ABOUT_QUALITY = (ComplaintKind.QUALITY.value, ComplaintKind.PACK.value)
PRIOR_COMPLAINTS = 1.0
"""Complaints that the average of all items counts for beside an item's own history."""


def quality_counts(complaints: ir.Table, sales: ir.Table, on: dt.date, settings: Unusual) -> ir.Table:
    """Complaints about each item's quality and the units sold, in the recent days and before them.

    A partner's recent days without figures count as those that came, else as the days before: files that are missing
    make no complaint unusual.
    Grain:  complaints any, sales (partner, item_id, business_date, units_sold) -> (item_id)
    Nulls:  units are null where no sale of the item is known
    """
    first, middle = _windows(on, settings)
    said = complaints.filter(
        complaints.kind.isin(ABOUT_QUALITY) & complaints.item_id.notnull() & complaints.business_date.between(first, on)
    )
    count = said.group_by("item_id").agg(
        recent=said.complaints.sum(where=said.business_date >= middle).fill_null(0),
        before=said.complaints.sum(where=said.business_date < middle).fill_null(0),
        since=said.business_date.min(where=said.business_date >= middle),
    )
    sold = sales.filter(sales.business_date.between(first, on))
    is_recent, is_told = sold.business_date >= middle, sold.units_sold.notnull()
    sold = sold.group_by("partner", "item_id").agg(
        recent_units=exact_sum(sold.units_sold, where=is_recent),
        before_units=exact_sum(sold.units_sold, where=~is_recent),
        recent_dates=sold.business_date.nunique(where=is_recent & is_told),
        before_dates=sold.business_date.nunique(where=~is_recent & is_told),
    )
    part = settings.recent_days / settings.history_days
    missing = ibis.greatest(1.0, part * sold.before_dates / ibis.greatest(sold.recent_dates, 1))
    recent = (sold.recent_dates == 0).ifelse(part * sold.before_units, missing * sold.recent_units)
    sold = sold.mutate(recent_units=recent)
    sold = sold.group_by("item_id").agg(
        recent_units=exact_sum(sold.recent_units), before_units=exact_sum(sold.before_units)
    )
    joined = count.left_join(sold, "item_id", rname="sold_{name}")
    return joined.select(*count.columns, "recent_units", "before_units")


def unusual(counts: Iterable[Mapping[str, Any]], settings: Unusual) -> list[dict[str, Any]]:
    """Items with more complaints in the recent days than chance explains, each with what was expected.

    The count to come is negative binomial, given the item's own rate so far and that of all items as one complaint
    beside it; the rate is per unit sold, or per day for an item whose sales are not known.
    """
    by_units, by_days = [], []
    for count in counts:
        recent, before = count["recent_units"] or 0, count["before_units"] or 0
        row = dict(count)
        if recent > 0 and before > 0:
            by_units.append((row, recent, before))
        else:
            by_days.append((row, settings.recent_days, settings.history_days))
    return _found(by_units, settings) + _found(by_days, settings)


def tail(count: int, size: float, mean: float) -> float:
    """P(X >= count) of a negative binomial with a size and a mean."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    p, q = math.log(size) - math.log(size + mean), math.log(mean) - math.log(size + mean)
    logs = (math.lgamma(size + k) - math.lgamma(size) - math.lgamma(k + 1) + size * p + k * q for k in range(count))
    return min(1.0, max(0.0, 1.0 - math.fsum(map(math.exp, logs))))


def _found(exposed: Sequence[tuple[dict[str, Any], float, float]], settings: Unusual) -> list[dict[str, Any]]:
    before = math.fsum(row["before"] for row, _, _ in exposed)
    units = math.fsum(earlier for _, _, earlier in exposed)
    rate = max(before, PRIOR_COMPLAINTS) / units if units else 0.0
    found = []
    for row, recent, earlier in exposed:
        size = PRIOR_COMPLAINTS + row["before"]
        expected = size / (PRIOR_COMPLAINTS / rate + earlier) * recent
        chance = tail(row["recent"], size, expected)
        if row["recent"] >= settings.least and chance < settings.probability:
            found.append(row | {"expected": expected, "chance": chance})
    return found


def _windows(on: dt.date, settings: Unusual) -> tuple[dt.date, dt.date]:
    """First day of the history, and first of the recent days."""
    middle = on - dt.timedelta(days=settings.recent_days - 1)
    return middle - dt.timedelta(days=settings.history_days), middle

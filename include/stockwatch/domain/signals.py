"""What complaints say about stock: "could not find it" speaks for an empty shelf, at one store or at one of many.

A complaint is evidence, and weighs as much as it is likelier from an empty shelf than from a full one (a likelihood
ratio). How many silent shoppers stand behind it is told beside it and enters no figure.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
from pydantic import Field, model_validator

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.customer_signals import ComplaintKind
from include.stockwatch.domain.daily import AS_OF, SERIES_ON
from include.stockwatch.domain.sums import exact_sum
from include.stockwatch.domain.value import Value

RATIO_PSEUDO_COUNT = 10
"""Complaints that the ratio of the settings counts for, beside those whose shelf is known."""
MOST_RATIO = 100.0


class NotFound(Value):
    """How much "could not find it" says, and how many it stands for."""

    ratio: float = Field(
        default=15.0,
        ge=1,
        le=MOST_RATIO,
        description="times as many such complaints from an empty shelf as from a full one, per shopper who wants it",
    )
    learn_ratio: bool = Field(default=True, description="from complaints of series that were surely out or surely not")
    most_counted: int = Field(
        default=3, ge=1, description="of one series: those who write together are not independent"
    )
    memory_days: int = Field(default=28, ge=1, le=365, description="older complaints say nothing about the shelf now")
    silent_per_complaint: float = Field(default=50, ge=1, description="shoppers who stand behind one who complains")
    silent_low: float = Field(default=26, ge=1)
    silent_high: float = Field(default=100, ge=1)
    silent_source: str = "Goodman/Nielsen for grocery items, one written complaint per 50; range by judgement"

    @model_validator(mode="after")
    def _brackets_the_number_told(self) -> NotFound:
        if not self.silent_low <= self.silent_per_complaint <= self.silent_high:
            raise ValueError("`silent_per_complaint` must lie between `silent_low` and `silent_high`")
        return self


class Heard(NamedTuple):
    """Complaints that an item could not be found, as `not_found` gives them, and how much one of them says."""

    complaints: ir.Table
    settings: NotFound
    ratio: float

    def told(self, runs: ir.Table) -> ir.Table:
        """What they say about silent runs, as `with_complaints`."""
        return with_complaints(runs, self.complaints, self.settings, self.ratio)


def stored(complaints: ir.Table, items: ir.Table) -> ir.Table:
    """Complaints whose own numbers stand for the item that the item master stores them under.

    Grain: complaints any; items from `master.per_partner` -> as complaints
    """
    known = items.filter(items.partner_item_id.notnull() & (items.partner_item_id != items.item_id))
    known = known.group_by("partner", "partner_item_id").agg(stored_id=known.item_id.max())
    joined = complaints.left_join(
        known, [complaints.partner == known.partner, complaints.item_id == known.partner_item_id], rname="known_{name}"
    )
    return joined.mutate(item_id=ibis.coalesce(joined.stored_id, joined.item_id)).select(complaints.columns)


def not_found(complaints: ir.Table) -> ir.Table:
    """Complaints that an item of a partner could not be found, summed up by day.

    Grain: complaints any -> (partner, item_id, location_id, business_date); location_id null = somewhere at the partner
    """
    said = complaints.filter((complaints.kind == ComplaintKind.COULD_NOT_FIND.value) & complaints.item_id.notnull())
    return said.group_by(*SERIES, "business_date").agg(complaints=said.complaints.sum())


def with_complaints(runs: ir.Table, complaints: ir.Table, settings: NotFound, ratio: float | None = None) -> ir.Table:
    """What complaints say about each series since its last sign of life.

    A complaint without a store may come from any store that has the item: for one of them it says as much less as its
    share of the item's demand is smaller.
    Grain:  runs (as_of, series) with `run_start_date` (the day after the last sale or receipt) and
            `demand_units_per_day`; complaints as `not_found` -> (as_of, series)
    Units:  complaints_here and complaints_somewhere are counts; complaint_log_odds is the natural logarithm by which
            the odds of an empty shelf grow
    Nulls:  no run start: all complaints of `memory_days`; a series without demand counts as an average one
    """
    weight = ratio or settings.ratio
    oldest = runs.as_of - ibis.interval(days=settings.memory_days - 1)
    item = ibis.window(group_by=(AS_OF, "partner", "item_id"))
    series = runs.select(
        *SERIES_ON, "demand_units_per_day", since=ibis.greatest(ibis.coalesce(runs.run_start_date, oldest), oldest)
    )
    demand = series.demand_units_per_day.fill_null(series.demand_units_per_day.mean().over(item)).fill_null(1.0)
    series = series.mutate(demand=ibis.greatest(demand, 1e-6))
    series = series.mutate(share=series.demand / series.demand.sum().over(item))
    here = _counted(series, complaints.filter(complaints.location_id.notnull()), SERIES, "complaints_here")
    away = complaints.filter(complaints.location_id.isnull()).drop("location_id")
    somewhere = _counted(series, away, ("partner", "item_id"), "complaints_somewhere")
    told = runs.left_join(here, list(SERIES_ON), rname="here_{name}")
    told = told.left_join(somewhere, list(SERIES_ON), rname="away_{name}")
    told = told.left_join(series.select(*SERIES_ON, "share"), list(SERIES_ON), rname="of_{name}")
    told = told.mutate(
        complaints_here=told.complaints_here.fill_null(0), complaints_somewhere=told.complaints_somewhere.fill_null(0)
    )
    odds = (
        ibis.least(told.complaints_here, settings.most_counted) * math.log(weight)
        + ibis.least(told.complaints_somewhere, settings.most_counted) * (1 + (weight - 1) * told.share).ln()
    )
    added = ("complaints_here", "complaints_somewhere", "complaint_log_odds")
    return told.mutate(complaint_log_odds=odds).select(*runs.columns, *added)


def _counted(series: ir.Table, complaints: ir.Table, key: tuple[str, ...], name: str) -> ir.Table:
    met = series.inner_join(complaints, list(key), rname="said_{name}")
    met = met.filter((met.business_date >= met.since) & (met.business_date <= met.as_of))
    return met.group_by(*SERIES_ON).agg(**{name: met.complaints.sum()})


def shelf_known(availability: ir.Table, complaints: ir.Table) -> ir.Table:
    """How often shoppers complain where the shelf is known: out by the record, or with a sale on the day.

    Grain:  availability (business_date, series), complaints as `not_found` -> one row
    Units:  *_units are expected sales, the shoppers who could have complained
    """
    days = availability.select(
        "business_date",
        *SERIES,
        "demand_units_per_day",
        is_out=availability.status == "out_of_stock",
        has_sold=(availability.last_sale_date == availability.business_date).fill_null(False),
    )
    said = complaints.filter(complaints.location_id.notnull())
    days = days.left_join(said, ["business_date", *SERIES], rname="said_{name}")
    days = days.mutate(complaints=days.complaints.fill_null(0), full=~days.is_out & days.has_sold)
    return days.agg(
        out_complaints=days.complaints.sum(where=days.is_out).fill_null(0),
        out_units=exact_sum(days.demand_units_per_day, where=days.is_out).fill_null(0.0),
        full_complaints=days.complaints.sum(where=days.full).fill_null(0),
        full_units=exact_sum(days.demand_units_per_day, where=days.full).fill_null(0.0),
    )


def learned_ratio(
    prior: float, out_complaints: float, out_units: float, full_complaints: float, full_units: float
) -> float:
    """The likelihood ratio of one complaint, from where the shelf is known; the settings' where little is.

    Weighed on the logarithm, by the smaller of the two counts; from 1 to 100.
    """
    count = min(out_complaints, full_complaints)
    if count < 1 or out_units < 1 or full_units < 1:
        return prior
    seen = math.log((out_complaints + 0.5) / out_units) - math.log((full_complaints + 0.5) / full_units)
    log = (RATIO_PSEUDO_COUNT * math.log(prior) + count * seen) / (RATIO_PSEUDO_COUNT + count)
    return min(max(math.exp(log), 1.0), MOST_RATIO)


def evidence(here: int, somewhere: int, since: dt.date, settings: NotFound) -> str:
    """What complaints say about a series or an item, in words; empty if there are none."""
    count = here + somewhere
    if not count:
        return ""
    who = "1 complaint" if count == 1 else f"{count:,} complaints"
    placed = "" if not somewhere else " (none names the store)" if not here else f" ({somewhere:,} without a store)"
    behind = f"about {count * settings.silent_per_complaint:,.0f}"
    spread = f"{count * settings.silent_low:,.0f} to {count * settings.silent_high:,.0f}"
    return (
        f"{who} since {since.isoformat()} that it could not be found{placed}; published ratios put {behind} "
        f"({spread}) silent shoppers behind that, which no figure counts"
    )

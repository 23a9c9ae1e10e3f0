"""Availability of every series on a date: status, demand, days of supply, out-of-stock spell.

One aggregation over a look-back window gives every series its position; only the series that are out are looked at
a second time, for the shape of their spell. Late or restated data needs no repair: the date is computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import ibis
import ibis.expr.types as ir
from pydantic import Field, model_validator

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.master import with_assortment
from include.stockwatch.domain.sums import exact_sum
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.domain.value import Value

KEY = (AS_OF, "feed_id", *SERIES)
LAST_KNOWN = (
    "on_hand_units",
    "price",
    "currency",
    "location_name",
    "item_name",
    "category",
)
"""Columns of which the latest reported value counts."""


class Status(StrEnum):
    """What is known of a ranged series on a date."""

    UNKNOWN = "unknown"
    OUT_OF_STOCK = "out_of_stock"
    PHANTOM_SUSPECTED = "phantom_suspected"  # the record shows stock, the shelf is probably empty
    AT_RISK = "at_risk"
    VOID = "void"  # ranged, with stock on record, and never sold
    IN_STOCK = "in_stock"


class CheckSettings(Value):
    """How far a check looks and how it learns demand."""

    lookback_days: int = Field(default=56, ge=7, le=400, description="days read, the checked date included")
    forgetting: float = Field(default=0.97, ge=0.5, le=1, description="weight of a day against the next one")
    sell_out_day_exposure: float = Field(
        default=0.5, gt=0, le=1, description="share of a day on sale that is counted when the shelf emptied that day"
    )
    horizon_days: int = Field(default=7, ge=1, le=60, description="days ahead for figures `at risk`")

    @model_validator(mode="after")
    def _oldest_day_still_counts(self) -> CheckSettings:
        if self.forgetting**self.lookback_days < 1e-19:
            raise ValueError("the oldest day would count for nothing: shorten `lookback_days` or raise `forgetting`")
        return self


def marked(rows: ir.Table, thresholds: Thresholds, check: CheckSettings) -> ir.Table:
    """Mark each day of each series as in stock or out, and with how much of the day it was on sale.

    A record below zero is out of stock: something was sold that the record says was not there.
    Units:  on_sale is a share of the day, 0 where the day teaches nothing about demand
    Nulls:  a day without a reported stock is neither in stock nor out
    """
    limit = thresholds.limit_column("out_of_stock_at_or_below_units", rows)
    rows = rows.mutate(
        is_in_stock=(rows.on_hand_units > limit).fill_null(False),
        is_out=(rows.on_hand_units <= limit).fill_null(False),
        sold=ibis.greatest(rows.units_sold.fill_null(0.0), 0.0),  # net returns are no demand
        age_days=rows.as_of.delta(rows.business_date, unit="day"),
    )
    return rows.mutate(
        on_sale=ibis.cases(
            (rows.units_sold.isnull(), 0.0),
            (rows.is_in_stock, 1.0),
            (rows.is_out & (rows.sold > 0), check.sell_out_day_exposure),
            else_=0.0,
        ),
        # counted from the oldest day, whose weight is 1, so that no day is too light for `exact_sum`
        weight=ibis.literal(check.forgetting) ** (rows.age_days - (check.lookback_days - 1)),
    )


def positions(rows: ir.Table, check: CheckSettings) -> ir.Table:
    """One row per series and checked date: the last known stock and the demand learnt in the window.

    Grain:  (as_of, series, business_date), as `marked` -> (as_of, series)
    Units:  demand_a / demand_b in units per day on sale
    Nulls:  demand_b = 0 where no day with stock and sales was seen: demand is not estimated
    Source: Gamma-Poisson with forgetting; days out of stock teach nothing, and those of the current spell make
            nothing forgotten: weights count back from the last day on sale
    """
    day = rows.business_date
    seen = rows.on_hand_units.notnull()
    position = rows.group_by(*KEY).agg(
        last_seen_date=day.max(where=seen),
        last_in_stock_date=day.max(where=rows.is_in_stock),
        is_out=(rows.is_out & (rows.age_days == 0)).any(),
        last_sale_date=day.max(where=rows.sold > 0),
        days_observed=seen.sum(),
        on_order_units=rows.on_order_units.max(where=rows.age_days == 0),
        in_transit_units=rows.in_transit_units.max(where=rows.age_days == 0),
        **{name: rows[name].argmax(day, where=rows[name].notnull()) for name in LAST_KNOWN},
        is_ranged=(rows.is_in_stock | (rows.sold > 0)).any(),
        sold_weighted=exact_sum(rows.weight * rows.sold, where=rows.on_sale > 0),
        exposure_weighted=exact_sum(rows.weight * rows.on_sale),
        evidence_age=rows.age_days.min(where=rows.on_sale > 0),
    )
    regained = ibis.literal(check.forgetting) ** (check.lookback_days - 1 - position.evidence_age)
    return position.mutate(
        demand_a=(position.sold_weighted * regained).fill_null(0.0),
        demand_b=(position.exposure_weighted * regained).fill_null(0.0),
    ).drop("sold_weighted", "exposure_weighted", "evidence_age")


def with_status(position: ir.Table, thresholds: Thresholds) -> ir.Table:
    """Give every ranged series its status; series that are not ranged are left out.

    Ranged means listed in the partner's assortment; for want of one, stocked or sold in the window.
    Nulls:  no stock reported for the date itself gives `unknown`, never out of stock
    """
    ranged = position.filter(position.is_ranged).drop("is_ranged")
    ranged = ranged.mutate(
        rule=thresholds.rule_column(ranged),
        demand_units_per_day=(ranged.demand_b > 0).ifelse(ranged.demand_a / ranged.demand_b, ibis.null("float64")),
        is_fresh=(ranged.last_seen_date == ranged.as_of).fill_null(False),
    )
    ranged = ranged.mutate(
        days_of_supply=(ranged.demand_units_per_day > 0).ifelse(
            ibis.greatest(ranged.on_hand_units, 0.0) / ranged.demand_units_per_day, ibis.null("float64")
        )
    )
    low = ranged.days_of_supply < thresholds.limit_column("min_days_of_supply", ranged)
    status = ibis.cases(
        (~ranged.is_fresh, Status.UNKNOWN.value),
        (ranged.is_out, Status.OUT_OF_STOCK.value),
        (low.fill_null(False), Status.AT_RISK.value),
        else_=Status.IN_STOCK.value,
    )
    return ranged.mutate(status=status).drop("is_fresh", "is_out")


def spells(
    rows: ir.Table, statuses: ir.Table, check: CheckSettings, memory_half_life_days: ir.Value | float
) -> ir.Table:
    """The current out-of-stock spell of every series that is out, and what is remembered of earlier ones.

    Grain:  rows (as_of, series, business_date) as `marked`, statuses (as_of, series) -> (as_of, series)
    Units:  exposure days: a day out counts 1, the day on which the shelf emptied counts its unsold share
    Nulls:  days without a reported stock count nothing
    """
    out = statuses.filter(statuses.status == Status.OUT_OF_STOCK.value).select(*KEY, since=statuses.last_in_stock_date)
    days = rows.filter(rows.is_out).inner_join(out, KEY)
    days = days.mutate(
        is_current=days.since.isnull() | (days.business_date > days.since),
        exposure=(days.sold > 0).ifelse(1 - check.sell_out_day_exposure, 1.0),
    )
    faded = days.exposure * ibis.literal(2.0) ** (-days.age_days / memory_half_life_days)
    return days.group_by(*KEY).agg(
        spell_start_date=days.business_date.min(where=days.is_current),
        spell_exposure_days=exact_sum(days.exposure, where=days.is_current),
        exposure_today=exact_sum(days.exposure, where=days.age_days == 0),
        earlier_exposure_days=exact_sum(faded, where=~days.is_current).fill_null(0.0),
    )


def with_spells(statuses: ir.Table, spell: ir.Table, thresholds: Thresholds) -> ir.Table:
    """Statuses with their spell, the units not sold, and whether the spell is long enough to alert."""
    joined = statuses.left_join(spell, KEY).drop([f"{key}_right" for key in KEY])
    joined = joined.mutate(spell_days=joined.as_of.delta(joined.spell_start_date, unit="day") + 1)
    rate = joined.demand_units_per_day
    return joined.mutate(
        lost_units=rate * joined.spell_exposure_days,
        lost_units_today=rate * joined.exposure_today,
        alert_due=(joined.spell_days >= thresholds.limit_column("days_out_before_alert", joined)).fill_null(False),
    ).drop("exposure_today")


def with_store_scope(table: ir.Table) -> ir.Table:
    """Add x_S: for a series that is out, the share of the partner's other known locations that are out as well.

    Nulls: 0 where no other location is known, as the model's default says
    """
    item = ibis.window(group_by=("as_of", "partner", "item_id"))
    is_out = table.status == Status.OUT_OF_STOCK.value
    others_out = is_out.sum().over(item) - 1
    others_known = (table.status != Status.UNKNOWN.value).sum().over(item) - 1
    return table.mutate(
        store_scope=ibis.cases(
            (~is_out, ibis.null("float64")), (others_known == 0, 0.0), else_=others_out / others_known
        )
    )


def availability(
    rows: ir.Table,
    thresholds: Thresholds,
    check: CheckSettings,
    memory_half_life_days: float,
    *,
    listed: ir.Table | None = None,
    location_types: Mapping[str, str] | None = None,
) -> ir.Table:
    """Everything that is known of every ranged series on each checked date, but for the loss of customers.

    `listed` is what assortments range (`master.ranged_on`), `location_types` the kind of place that each feed reports.
    Grain:  (as_of, series, business_date), see `daily.looking_back` -> (as_of, series)
    """
    rows = marked(rows, thresholds, check)
    position = positions(rows, check)
    if listed is not None:
        position = with_assortment(position, listed, location_types or {})
    statuses = with_status(position, thresholds)
    return with_store_scope(with_spells(statuses, spells(rows, statuses, check, memory_half_life_days), thresholds))

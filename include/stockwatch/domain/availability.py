"""Availability of every series on a date: status, demand, days of supply, out-of-stock spell.

One aggregation over a look-back window gives every series its position; only the series that are out are looked at
a second time, for the shape of their spell. Late or restated data needs no repair: the date is computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

import ibis
import ibis.expr.types as ir
from pydantic import Field, model_validator

from include.stockwatch.domain import demand, phantom
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.master import with_assortment
from include.stockwatch.domain.signals import Heard
from include.stockwatch.domain.steps import step
from include.stockwatch.domain.sums import exact_sum, fast_sum, unit_sum
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


OF_THE_DATE = ("on_order_units", "in_transit_units")
"""Columns of which only the value of the date counts."""
ORDERS = ("pipeline_unit_days", "first_waiting_date", "last_waiting_date", "last_idle_date")
"""What the days of the look-back say of orders, see `positions`."""
EVIDENCE = (
    *("last_sale_date", "last_receipt_date", "on_hand_units"),
    *("sold_weighted", "exposure_weighted", "sale_mask"),
)
LEARNED_FROM = (*ORDERS, "least_price", "greatest_price")
"""Columns of a position that its status does not need."""
WORKING = (
    *("promotion_factor", "promotion_mask", "hazard", "silence", "silent_expected", "p_empty"),
    *("factor_today", "sold_today", "exposure_today", "is_phantom"),
)
"""Columns that only lead to others."""


class Status(StrEnum):
    """What is known of a ranged series on a date."""

    UNKNOWN = "unknown"
    OUT_OF_STOCK = "out_of_stock"
    PHANTOM_SUSPECTED = "phantom_suspected"  # the record shows stock, the shelf is probably empty
    AT_RISK = "at_risk"
    PLANNED = "planned"  # was meant to leave the range: no stock-out, and in no rate
    VOID = "void"  # ranged, with stock on record, and never sold
    IN_STOCK = "in_stock"


class CheckSettings(Value):
    """How far a check looks and how it learns demand."""

    lookback_days: int = Field(default=56, ge=7, le=400, description="days read, the checked date included")
    forgetting: float = Field(default=0.97, ge=0.5, le=1, description="weight of a day against the next one")
    sell_out_day_exposure: float = Field(
        default=0.5, gt=0, le=1, description="share of a day on sale that is counted when the shelf emptied that day"
    )
    void_days: int = Field(default=28, ge=7, description="days seen with stock and no sale before an item is void")
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
        # counted from the oldest day, whose weight is 1, so that no day is too light for an exact sum
        weight=ibis.literal(check.forgetting) ** (rows.age_days - (check.lookback_days - 1)),
    )


Hold = Callable[[ir.Table], ir.Table]
"""Computes a table that several others are made of, so that an engine does it once."""


def unheld(table: ir.Table) -> ir.Table:
    """Leave a table an expression: the engine decides."""
    return table


def positions(rows: ir.Table, check: CheckSettings, hold: Hold = unheld) -> ir.Table:
    """One row per series and checked date: the last known stock and what the window says of demand.

    Grain:  (as_of, series, business_date), as `marked` -> (as_of, series)
    Units:  sold_weighted and exposure_weighted count the oldest day once and each later one more;
            sale_mask has a bit for each of the newest days on sale, see `demand.MASK_DAYS`;
            pipeline_unit_days is what was on its way on each day, summed; last_waiting_date the last day on which
            something had not left yet, where the feed tells that apart
    Nulls:  pipeline_unit_days where the feed never says anything of orders
    """
    day = rows.business_date
    seen = rows.on_hand_units.notnull()
    on_sale = rows.on_sale > 0
    total = fast_sum if check.forgetting ** (1 - check.lookback_days) < 2**16 else exact_sum
    core = rows.group_by(*KEY).agg(  # each aggregate over all rows costs: what can be derived is
        last_seen_date=day.max(where=seen),
        last_in_stock_date=day.max(where=rows.is_in_stock),
        last_sale_date=day.max(where=rows.sold > 0),
        last_receipt_date=day.max(where=rows.received_units > 0),
        days_observed=rows.on_hand_units.count(),
        sold_weighted=total(rows.weight * rows.sold, where=on_sale),
        exposure_weighted=total(rows.weight * rows.on_sale, where=on_sale),
        sale_mask=demand.bit_of(rows.age_days).bit_or(where=on_sale).fill_null(0),
        least_price=rows.price.min(),
        greatest_price=rows.price.max(),
        **_orders(rows),
    )
    core = core.mutate(
        is_out=(core.last_seen_date == core.as_of).fill_null(False)
        & (core.last_in_stock_date.isnull() | (core.last_in_stock_date < core.as_of)),
        is_ranged=core.last_in_stock_date.notnull() | core.last_sale_date.notnull(),
    )
    return step(with_last_known(hold(core), rows, hold))


def _orders(rows: ir.Table) -> dict[str, ir.Scalar]:
    told = rows.on_order_units.notnull() | rows.in_transit_units.notnull()
    inbound = rows.on_order_units.fill_null(0.0) + rows.in_transit_units.fill_null(0.0)
    waits = rows.in_transit_units.isnull().ifelse(inbound, rows.on_order_units.fill_null(0.0)) > 0
    day = rows.business_date
    sums = (
        unit_sum(inbound, told),
        day.min(where=inbound > 0),
        day.max(where=waits),
        day.max(where=told & (inbound <= 0)),
    )
    return dict(zip(ORDERS, sums, strict=True))


def with_last_known(position: ir.Table, rows: ir.Table, hold: Hold = unheld) -> ir.Table:
    """Positions with the values of the date and, where the date says nothing, the last ones reported before it.

    Most series say everything on the date itself, so that only the others are looked for in the days before.
    """
    told = LAST_KNOWN
    today = rows.filter(rows.age_days == 0).select(*KEY, *told, *OF_THE_DATE, sold_today="sold")
    ever = rows.aggregate(**{f"ever_{name}": rows[name].count() for name in told})
    joined = position.left_join(today, KEY, rname="{name}_today")
    joined = hold(joined.select(*position.columns, *told, *OF_THE_DATE, "sold_today").cross_join(ever))
    lacks = ibis.or_(*(joined[name].isnull() & (joined[f"ever_{name}"] > 0) for name in told))
    older = rows.semi_join(joined.filter(lacks), KEY)
    older = older.group_by(*KEY).agg(
        **{f"last_{name}": older[name].argmax(older.business_date, where=older[name].notnull()) for name in told}
    )
    found = joined.left_join(older, KEY, rname="{name}_older")
    known = {name: ibis.coalesce(found[name], found[f"last_{name}"]) for name in told}
    on_its_way = ibis.or_(*((found[name] > 0).fill_null(False) for name in OF_THE_DATE))
    others = [name for name in position.columns if name != "is_ranged"]
    kept = {name: found[name] for name in (*OF_THE_DATE, "sold_today")}
    return found.select(*others, **known, **kept, is_ranged=found.is_ranged | on_its_way)


def with_demand(
    rows: ir.Table,
    position: ir.Table,
    check: CheckSettings,
    heard: Heard | None = None,
    hold: Hold = unheld,
) -> ir.Table:
    """Positions with the demand learned and the probability that the shelf is empty though the record shows stock.

    Grain:  rows as `marked`, position as `positions` -> as position
    Units:  demand_a / demand_b in units per day on sale of a mean weekday without promotion
    Nulls:  demand_b = 0 where no day with stock and sales was seen: demand is not estimated
    Source: Gamma-Poisson with forgetting. Days out of stock teach nothing and make nothing forgotten; silent days
            count as far as the shelf probably had stock, so that a run does not talk the rate down that judges it
    """
    days = hold(demand.history(hold(demand.sample(rows, position))))
    weekdays = hold(demand.weekday_factors(days, position))
    promotions = hold(demand.promotion_factors(demand.weekdayed(days, weekdays)))
    days = demand.with_expected(days, weekdays, promotions)
    dispersions = hold(demand.dispersions(days))
    hazards = hold(phantom.hazards(hold(phantom.runs(days, dispersions))))
    table = position.select(*KEY, *EVIDENCE, pool=position.category.fill_null(""), told=_packed(position))
    promoted = demand.promoted_days(rows, position, promotions)
    table = demand.with_profile(table, demand.profiles(weekdays, promotions), promoted)
    table = demand.with_evidence(table.drop("pool"), check, dispersions)
    table = hold(phantom.with_hazard(demand.with_item_prior(table, demand.noise(check)), hazards))
    found = phantom.judged(rows, table, demand.noise(check))
    if heard is not None:
        found = hold(found)
        found = phantom.raised(found, heard.told(phantom.silent_since(table, found)))
    table = demand.with_rate(phantom.with_judgement(table, found), check)
    packed = [name for name in position.columns if name not in (*KEY, *EVIDENCE, *LEARNED_FROM)]
    return step(table.mutate(**{name: table.told[name] for name in packed}).drop("told", "sale_mask"))


def _packed(position: ir.Table) -> ir.StructValue:
    """What only has to be carried along, in one column."""
    return ibis.struct(
        {name: position[name] for name in position.columns if name not in (*KEY, *EVIDENCE, *LEARNED_FROM)}
    )


def with_status(position: ir.Table, thresholds: Thresholds, check: CheckSettings) -> ir.Table:
    """Give every ranged series its status; series that are not ranged are left out.

    Ranged means listed in the partner's assortment; for want of one, stocked or sold in the window, or on its way.
    Nulls:  no stock reported for the date itself gives `unknown`, never out of stock
    """
    ranged = position.filter(position.is_ranged).drop("is_ranged")
    ranged = ranged.mutate(
        rule=thresholds.rule_column(ranged),
        is_fresh=(ranged.last_seen_date == ranged.as_of).fill_null(False),
        is_out=ranged.is_out.fill_null(False),
    )
    is_known = ranged.is_fresh
    has_record = is_known & ~ranged.is_out
    ranged = ranged.mutate(
        days_of_supply=(ranged.demand_units_per_day > 0).ifelse(
            ibis.greatest(ranged.on_hand_units, 0.0) / ranged.demand_units_per_day, ibis.null("float64")
        ),
        p_phantom=has_record.ifelse(ranged.p_empty, ibis.null("float64")),
        is_negative_record=(is_known & (ranged.on_hand_units < 0)).fill_null(False),
        sold_out_today=ranged.is_out & (ranged.sold_today > 0).fill_null(False),
    )
    never_sold = ranged.last_sale_date.isnull() & (ranged.days_observed >= check.void_days)
    suspected = ranged.p_phantom >= thresholds.limit_column("phantom_probability", ranged)
    status = ibis.cases(
        (~ranged.is_fresh, Status.UNKNOWN.value),
        (ranged.is_out, Status.OUT_OF_STOCK.value),
        (never_sold, Status.VOID.value),
        (suspected.fill_null(False), Status.PHANTOM_SUSPECTED.value),
        (at_risk(ranged, thresholds), Status.AT_RISK.value),
        else_=Status.IN_STOCK.value,
    )
    return step(ranged.mutate(status=status).drop("is_fresh", "is_out"))


def at_risk(table: ir.Table, thresholds: Thresholds) -> ir.BooleanValue:
    """Whether a series that has stock may soon have none: by its days of supply."""
    return (table.days_of_supply < thresholds.limit_column("min_days_of_supply", table)).fill_null(False)


def rows_of_out(rows: ir.Table, position: ir.Table) -> ir.Table:
    """The rows of the series that are out on the date, with the columns that tell of their spell.

    Grain:  rows as `marked`, position as `positions` -> as rows, of some series
    """
    out = position.filter(position.is_out).select(*KEY)
    units = ("on_hand_units", "units_sold", "returned_units", "received_units", *OF_THE_DATE)
    return rows.semi_join(out, KEY).select(*KEY, "business_date", "age_days", "is_out", "sold", *units)


def spells(
    rows: ir.Table, statuses: ir.Table, check: CheckSettings, memory_half_life_days: ir.Value | float
) -> ir.Table:
    """The current out-of-stock spell of every series that is out, and what is remembered of earlier ones.

    Grain:  rows (as_of, series, business_date) as `marked`, statuses (as_of, series) -> (as_of, series)
    Units:  exposure in days of a mean weekday: a day out counts its weekday's factor, the day on which the shelf
            emptied the share of it that was not sold
    Nulls:  days without a reported stock count nothing
    """
    out = statuses.filter(statuses.status == Status.OUT_OF_STOCK.value)
    out = out.select(
        *KEY, "factors", "demand_units_per_day", "promotion_mask", "promotion_factor", since=out.last_in_stock_date
    )
    days = rows.filter(rows.is_out).select(*KEY, "business_date", "age_days", "sold").inner_join(out, KEY)
    is_promoted = (days.promotion_mask & demand.bit_of(days.age_days)) != 0
    factor = days.factors[days.age_days % 7] * is_promoted.ifelse(days.promotion_factor, 1.0)
    days = days.mutate(
        is_current=days.since.isnull() | (days.business_date > days.since),
        exposure=factor * (days.sold > 0).ifelse(1 - check.sell_out_day_exposure, 1.0),
    )
    faded = days.exposure * ibis.literal(2.0) ** (-days.age_days / memory_half_life_days)
    return days.group_by(*KEY).agg(
        spell_start_date=days.business_date.min(where=days.is_current),
        spell_exposure_days=exact_sum(days.exposure, where=days.is_current),
        exposure_today=exact_sum(days.exposure, where=days.age_days == 0),
        earlier_exposure_days=exact_sum(faded, where=~days.is_current).fill_null(0.0),
    )


def with_spells(statuses: ir.Table, spell: ir.Table, thresholds: Thresholds) -> ir.Table:
    """Statuses with their spell, the units not sold, and whether the spell is long enough to alert.

    A phantom spell begins on the day after the last sale or receipt; its days count with the probability that the
    shelf was empty.
    """
    joined = statuses.left_join(spell, KEY).drop([f"{key}_right" for key in KEY])
    joined = joined.mutate(is_phantom=joined.status == Status.PHANTOM_SUSPECTED.value)
    empty = phantom.empty_days(joined.silent_days, joined.silence, joined.hazard)
    mean_factor = joined.silent_expected / joined.silent_days.cast("float64").nullif(0.0)
    joined = joined.mutate(
        spell_start_date=joined.is_phantom.ifelse(phantom.run_start(joined), joined.spell_start_date),
        spell_exposure_days=joined.is_phantom.ifelse(
            joined.p_phantom * empty * mean_factor, joined.spell_exposure_days
        ),
        exposure_today=joined.is_phantom.ifelse(joined.p_phantom * joined.factor_today, joined.exposure_today),
        earlier_exposure_days=joined.is_phantom.ifelse(0.0, joined.earlier_exposure_days),
    )
    joined = joined.mutate(spell_days=joined.as_of.delta(joined.spell_start_date, unit="day") + 1)
    rate = joined.demand_units_per_day
    return joined.mutate(
        lost_units=rate * joined.spell_exposure_days,
        lost_units_today=rate * joined.exposure_today,
        alert_due=(joined.spell_days >= thresholds.limit_column("days_out_before_alert", joined)).fill_null(False),
    )


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
    position: ir.Table,
    thresholds: Thresholds,
    check: CheckSettings,
    memory_half_life_days: float,
    *,
    listed: ir.Table | None = None,
    location_types: Mapping[str, str] | None = None,
    heard: Heard | None = None,
    days_out: ir.Table | None = None,
    hold: Hold = unheld,
) -> ir.Table:
    """Everything that is known of every ranged series on each checked date, but for the loss of customers.

    `listed` is what assortments range (`master.ranged_on`), `location_types` the kind of place that each feed reports,
    `days_out` the rows of the series that are out (`rows_of_out`), where these were looked up already.
    Grain:  rows (as_of, series, business_date) as `marked`, position as `positions` -> (as_of, series)
    Units:  factors are those of the weekdays, by days before the checked date modulo seven
    """
    if listed is not None:
        position = hold(with_assortment(position, listed, location_types or {}))
    statuses = hold(with_status(with_demand(rows, position, check, heard, hold), thresholds, check))
    spell = spells(rows if days_out is None else days_out, statuses, check, memory_half_life_days)
    table = with_spells(statuses, spell, thresholds)
    return with_store_scope(table).drop(*WORKING)

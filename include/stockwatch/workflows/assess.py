"""What is known of every series on some dates: status, demand, risk, cause and cost, from rows and master data.

Three steps, because the risk of running out needs a distribution that no engine has: the tables of the look-back in
one query, the probabilities in numpy, and what follows from them in a second query over the few columns that are left.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from include.stockwatch.domain import transitions
from include.stockwatch.domain.availability import (
    CheckSettings,
    Hold,
    Status,
    availability,
    marked,
    positions,
    rows_of_out,
)
from include.stockwatch.domain.causes import ScopeSettings, with_causes
from include.stockwatch.domain.chain import dc_outages, dc_states, dcs_of, links_on, regions
from include.stockwatch.domain.columns import AVAILABILITY, SERIES
from include.stockwatch.domain.customers import Array, Assumptions
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.intervals import with_intervals
from include.stockwatch.domain.losses import INPUTS, CustomerModel, losses, with_item_scope
from include.stockwatch.domain.loyalty import Figure, in_force, measured
from include.stockwatch.domain.master import with_details
from include.stockwatch.domain.run_out import RUN_OUT_INPUTS, is_at_risk, run_out
from include.stockwatch.domain.signals import Heard
from include.stockwatch.domain.supply import (
    SupplySettings,
    feeds_without_receipts,
    receipts,
    replenishment,
    with_spell_supply,
    with_supply,
)
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.domain.value import Value

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

EMPTY = (Status.OUT_OF_STOCK.value, Status.PHANTOM_SUSPECTED.value)
"""What costs: empty by the record, or probably empty in spite of it."""


NUMBERS = itertools.count(1)
LABEL = ("partner", "category", "brand", "currency")
"""What assumptions of the lost-customer model may differ by."""
Label = tuple[str, str | None, str | None, str | None]
BUSINESS_DATE = "business_date"
THURSDAY = 3
"""The weekday of 1 January 1970, Monday being 0."""


class Rules(Value):
    """What a check goes by."""

    thresholds: Thresholds
    check: CheckSettings = CheckSettings()
    supply: SupplySettings = SupplySettings()
    scope: ScopeSettings = ScopeSettings()
    customers: CustomerModel = CustomerModel()
    loyalty: tuple[Figure, ...] = ()
    promise_strength: Mapping[str, float] = {}

    def assumed(self, label: Label, on: dt.date) -> Assumptions:
        """The assumptions for items of a partner, category, brand and currency: as set, or as measured by a date."""
        partner, category, brand, currency = label
        as_set = self.customers.for_category(category)
        figures = in_force(self.loyalty, on, partner=partner, category=category, brand=brand, currency=currency)
        known = measured(as_set, figures, self.promise_strength.get(brand or ""))
        return as_set if known is as_set else with_intervals(known)


@dataclass(frozen=True)
class MasterData:
    """Master data as they speak for each partner (`master.per_partner`): empty tables where there never were any.

    `listed` is what assortments range on the dates (`master.ranged_on`), with names; none where there never was a list.
    `heard` is what customers could not find; none where no complaint was ever loaded.
    """

    items: ir.Table
    locations: ir.Table
    supply_links: ir.Table
    assortment: ir.Table
    listed: ir.Table | None = None
    heard: Heard | None = None


def assess(
    engine: Any,
    rows: ir.Table,
    dates: Sequence[dt.date],
    rules: Rules,
    known: MasterData,
    location_types: Mapping[str, str],
) -> pa.Table:
    """The availability table of some dates.

    `rows` are those of the look-back (`daily.looking_back`), `location_types` the kind of place that each feed reports.
    Grain:  (as_of, series, business_date) -> (business_date, series), the columns of AVAILABILITY
    """
    name, made = f"look_back_{next(NUMBERS)}", list[str]()

    def held(table: ir.Table) -> ir.Table:
        """Computed now, and kept in the engine, which puts on disk what does not fit into its memory."""
        made.append(f"held_{next(NUMBERS)}")
        return engine.create_table(made[-1], table, temp=True)

    view = engine.create_view(name, rows)  # large expressions take longer to write down than to run
    try:
        return _assessed(engine, held, view, dates, rules, known, location_types)
    finally:
        for table in made:
            engine.raw_sql(f"DROP TABLE IF EXISTS {table}")
        engine.raw_sql(f"DROP VIEW {name}")  # `drop_view` of ibis 12 loses the name


def _assessed(
    engine: Any,
    held: Hold,
    rows: ir.Table,
    dates: Sequence[dt.date],
    rules: Rules,
    known: MasterData,
    location_types: Mapping[str, str],
) -> pa.Table:
    import ibis

    dc_feeds = {feed_id for feed_id, kind in location_types.items() if kind == "dc"}
    days = marked(rows, rules.thresholds, rules.check)
    position = held(positions(days, rules.check, held))
    days_out = held(rows_of_out(days, position))
    memory = rules.customers.defaults.memory_half_life_days
    table = held(
        availability(
            days,
            position,
            rules.thresholds,
            rules.check,
            memory,
            listed=known.listed,
            location_types=location_types,
            heard=known.heard,
            days_out=days_out,
            hold=held,
        )
    )
    links = links_on(known.supply_links, known.items, dates)
    dcs = held(dcs_of(table.select(AS_OF, *SERIES), links, dc_states(days, dc_feeds)))
    outages = held(dc_outages(days, dc_feeds))
    silent = engine.to_pyarrow(feeds_without_receipts(rows))["feed_id"].to_pylist()
    found = replenishment(position, receipts(rows, silent))
    table = held(with_supply(table, found, dcs, rules.supply))
    table = with_details(with_spell_supply(table, days_out, rules.supply), known.items)
    table = held(_at_risk(ibis.memtable(_with_run_outs(engine.to_pyarrow(table), rules)), rules))
    places = held(regions(known.locations))
    planned = held(transitions.planned(table, known.items, known.assortment, places))
    table = held(with_causes(table, dcs, outages, planned, places, dc_feeds, rules.scope))
    table = with_item_scope(_planned(table)).rename(business_date=AS_OF)
    return _with_losses(engine.to_pyarrow(table), rules)


def _with_run_outs(table: pa.Table, rules: Rules) -> pa.Table:
    """Add the risk of running out, and the day on which stock is as likely gone as not."""
    import pyarrow as pa

    today = table[AS_OF].to_numpy().astype("datetime64[D]")
    inputs = {name: _figures(table, name) for name in RUN_OUT_INPUTS if name != "weekday"}
    inputs["weekday"] = (today.astype(int) + THURSDAY) % 7
    found = run_out(inputs, rules.check.horizon_days, rules.supply, _profile(table, inputs["weekday"]))
    # a feed that says nothing of orders tells too little of the next receipt: there days of supply decide
    told = np.isfinite(inputs["exposed_days"]) & np.isfinite(_figures(table, "inbound_units"))
    found["p_runs_out"] = np.where(told, found["p_runs_out"], np.nan)
    ahead = found.pop("runs_out_in_days")
    gone = np.where(np.isnan(ahead), np.datetime64("NaT"), today + np.nan_to_num(ahead).astype("timedelta64[D]"))
    for name, values in {**found, "runs_out_on": gone.astype("datetime64[D]")}.items():
        table = table.append_column(name, pa.array(values, from_pandas=True))
    return table


def _profile(table: pa.Table, weekday: Array) -> Array:
    """Factors of the weekdays from Monday on, of every series: (series, 7)."""
    by_age = table["factors"].combine_chunks().flatten().to_numpy().reshape(-1, 7)
    monday_first = (weekday[:, None] - np.arange(7)) % 7
    profile: Array = np.take_along_axis(by_age, monday_first.astype(int), axis=1)
    return profile


def _at_risk(table: ir.Table, rules: Rules) -> ir.Table:
    """Give what has stock its status by its risk to run out."""
    stocked = table.status.isin([Status.IN_STOCK.value, Status.AT_RISK.value])
    limits = (rules.thresholds.limit_column(name, table) for name in ("run_out_probability", "min_days_of_supply"))
    is_near = table.days_of_supply < 2 * rules.check.horizon_days  # what runs out later is nobody's task today
    status = (is_at_risk(table, *limits) & is_near).ifelse(Status.AT_RISK.value, Status.IN_STOCK.value)
    return table.mutate(status=stocked.ifelse(status, table.status))


def _planned(table: ir.Table) -> ir.Table:
    """Give what was meant to leave the range a status of its own: it is never a stock-out."""
    return table.mutate(status=table.is_planned.ifelse(Status.PLANNED.value, table.status))


def _with_losses(table: pa.Table, rules: Rules) -> pa.Table:
    """Add the loss columns: filled for series that are out, probably are or may run out, null for all others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    costly = pc.is_in(table["status"], value_set=pa.array([*EMPTY, Status.AT_RISK.value]))
    chosen = table.filter(costly)
    labels = list(zip(*(chosen[name].to_pylist() for name in LABEL), strict=True))
    latest = pc.max(table[BUSINESS_DATE]).as_py()
    found = losses(_loss_inputs(chosen, rules.check.horizon_days), labels, lambda label: rules.assumed(label, latest))
    places = np.flatnonzero(costly.to_numpy(zero_copy_only=False))
    for name, values in found.items():
        column = np.full(len(table), np.nan)
        column[places] = values
        table = table.append_column(name, pa.array(column, from_pandas=True))
    schema = AVAILABILITY.to_pyarrow()
    return table.select(schema.names).cast(schema)


def _loss_inputs(chosen: pa.Table, horizon_days: int) -> dict[str, Array]:
    """What the loss model needs. A series that may run out has no spell yet; it is short for some days to come."""
    may_run_out = np.array([status == Status.AT_RISK.value for status in chosen["status"].to_pylist()], bool)
    inputs = {name: _figures(chosen, name) for name in INPUTS if name != "ahead_days"}
    for name in ("spell_exposure_days", "earlier_exposure_days", "store_scope", "item_scope"):
        inputs[name] = np.where(may_run_out, 0.0, inputs[name])
    rate = _figures(chosen, "demand_units_per_day")
    short_days = np.divide(_figures(chosen, "short_units"), rate, out=np.full(len(chosen), np.nan), where=rate > 0)
    inputs["ahead_days"] = np.where(may_run_out, short_days, _days_out_ahead(chosen, horizon_days))
    return inputs


def _days_out_ahead(chosen: pa.Table, horizon_days: int) -> Array:
    """Days that a gap goes on: until what is on order or in transit is expected, and not past the horizon (A-20)."""
    import pyarrow.compute as pc

    days = pc.days_between(chosen[BUSINESS_DATE], chosen["next_receipt_on"]).to_numpy(zero_copy_only=False)
    coming = np.nan_to_num(_figures(chosen, "on_order_units")) + np.nan_to_num(_figures(chosen, "in_transit_units"))
    until: Array = np.where(coming > 0, days.astype(float), np.nan)
    return np.fmin(until, float(horizon_days))


def _figures(table: pa.Table, name: str) -> Array:
    column: Array = table[name].to_numpy(zero_copy_only=False).astype(float)
    return column

"""What is known of every series on some dates: status, demand, risk, cause and cost, from rows and master data.

The look-back is read into matrices, and what they tell is worked out in numpy, one element for each series. What is a
matter of master data (range, supply chain, planned changes) and of causes is asked of the engine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from include.stockwatch.domain import demand, supply, transitions
from include.stockwatch.domain.availability import CheckSettings, Status, forget_before, share_out
from include.stockwatch.domain.causes import EXPLAINED, ScopeSettings, with_causes
from include.stockwatch.domain.chain import cut_off, dc_outages, dc_states, dcs_of, links_on, nearest_dc, regions
from include.stockwatch.domain.columns import AVAILABILITY, SERIES
from include.stockwatch.domain.customer_signals import Measure
from include.stockwatch.domain.customers import Assumptions
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.figures import Common, Figures, Limits, Told, figures, learned
from include.stockwatch.domain.intervals import with_intervals
from include.stockwatch.domain.losses import INPUTS, CustomerModel, losses
from include.stockwatch.domain.loyalty import Figure, in_force, measured
from include.stockwatch.domain.master import NAMES, PLACES, named, never_reported, with_details, with_listing
from include.stockwatch.domain.panel import Array, Codes, Dates, Mask, Panel, on, or_zero
from include.stockwatch.domain.run_out import is_at_risk, run_out
from include.stockwatch.domain.signals import Heard
from include.stockwatch.domain.supply import SupplySettings
from include.stockwatch.domain.thresholds import Limit, Thresholds
from include.stockwatch.domain.value import Value
from include.stockwatch.workflows.look_back import codes, look_back

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

LIMITS: tuple[Limit, ...] = (
    "out_of_stock_at_or_below_units",
    "phantom_probability",
    "min_days_of_supply",
    "days_out_before_alert",
    "run_out_probability",
)
SERIES_ON = (AS_OF, *SERIES)
EMPTY = (Status.OUT_OF_STOCK.value, Status.PHANTOM_SUSPECTED.value)
"""What costs: empty by the record, or probably empty in spite of it."""


LABEL = ("partner", "category", "brand", "currency")
"""What assumptions of the lost-customer model may differ by."""
Label = tuple[str, str | None, str | None, str | None]
BUSINESS_DATE = "business_date"
CAUSE_INPUTS = (
    *SERIES_ON,
    "feed_id",
    "status",
    *("spell_start_date", "spell_days", "last_seen_date", "last_sale_date", "last_receipt_date", "lead_time_days"),
    *("inbound_units", "on_order_since", "last_waiting_date", "order_due_on", "order_overdue_days"),
    *("overdue_units", "corrected_units", "demand_units_per_day", "receipt_interval_days"),
)
CAUSE_OUTPUTS = ("cause", "scope", "scope_id", "cause_evidence")
Texts = npt.NDArray[np.str_]
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

    def measured_by(self, on: dt.date) -> dt.date:
        """The latest day, up to a date, from which a loyalty figure counts: until the next all is assumed alike."""
        return max((one.valid_from for one in self.loyalty if one.valid_from <= on), default=dt.date.min)

    def assumed(self, label: Label, on: dt.date) -> Assumptions:
        """The assumptions for items of a partner, category, brand and currency: as set, or as measured by a date."""
        _, category, brand, _ = label
        as_set = self.customers.for_category(category)
        known = measured(as_set, self.in_force(label, on), self.promise_strength.get(brand or ""))
        return as_set if known is as_set else with_intervals(known)

    def in_force(self, label: Label, on: dt.date) -> dict[Measure, Figure]:
        """What was measured of the customers of such items by a date."""
        partner, category, brand, currency = label
        return in_force(self.loyalty, on, partner=partner, category=category, brand=brand, currency=currency)


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
) -> tuple[pa.Table, int]:
    """The availability table of some dates, and how many series were seen in their look-back, ranged or not.

    `rows` are daily rows that reach back as far as the dates look (`daily.daily`), `location_types` the kind of place
    that each feed reports.
    Grain:  (feed_id, series, business_date) -> (business_date, series), the columns of AVAILABILITY
    """
    dc_feeds = {feed_id for feed_id, kind in location_types.items() if kind == "dc"}
    facts, chain = _reckoned(engine, rows, dates, rules, known, location_types, dc_feeds)
    seen = len(np.unique(codes(*(facts[name] for name in SERIES))))
    table = _with_unreported(engine, facts.filter(facts["is_ranged"]), rules, known)
    return _with_losses(_explained(engine, table, chain, known, dc_feeds, rules), rules), seen


def _reckoned(
    engine: Any,
    rows: ir.Table,
    dates: Sequence[dt.date],
    rules: Rules,
    known: MasterData,
    location_types: Mapping[str, str],
    dc_feeds: Set[str],
) -> tuple[pa.Table, _Chain]:
    """Every series that was seen with its figures, and the supply chain. The look-back, which is large, ends here."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seen = look_back(engine, rows, dates, rules.check.lookback_days)
    series = _described(engine, seen.series, rules, known, location_types)
    pool, limits = _pools(series), Limits(*(_figures(series, name) for name in LIMITS[:2]))
    forget_before(seen.panel, _age(series, "begun_on"), limits.out_of_stock_at_or_below_units)
    common = learned(seen.panel, pool, limits, rules.check)
    memory, heard = rules.customers.defaults.memory_half_life_days, _told(engine, series, known.heard)
    with ThreadPoolExecutor(_threads(engine)) as threads:
        found = figures(seen.panel, pool, limits, common, rules.check, memory, heard, threads.map)
    chain = _chain(engine, series, seen.panel, limits, dates, known, dc_feeds)
    facts = _facts(series, found, pool, common, chain, seen.panel, rules)
    is_ranged = pc.coalesce(series["is_listed"], pa.chunked_array([found.position.is_stocked]))
    return facts.append_column("is_ranged", is_ranged), chain


def _threads(engine: Any) -> int:
    """As many threads as the engine has."""
    ((threads,),) = engine.con.sql("SELECT current_setting('threads')").fetchall()
    return int(threads)


def _described(
    engine: Any, series: pa.Table, rules: Rules, known: MasterData, location_types: Mapping[str, str]
) -> pa.Table:
    """Series with the names and details of the master data, whether they are listed, since when, and their limits."""
    import ibis

    told = ibis.memtable(series.append_column("row", [np.arange(len(series))]))
    told = with_listing(_named(told, known), known.listed, location_types)
    begun = transitions.begun(told, known.items, known.assortment)
    told = told.left_join(begun, list(SERIES_ON), rname="{name}_of_plan").select(*told.columns, "begun_on")
    return engine.to_pyarrow(_limited(told, rules.thresholds).order_by("row")).drop(["row"])


def _named(series: ir.Table, known: MasterData) -> ir.Table:
    """Series with the names that master data have where the feed has none, and what only these say of items."""
    series = named(series, known.items, "item_id", NAMES)
    series = named(series, known.locations, "location_id", PLACES)
    return with_details(series, known.items)


def _limited(series: ir.Table, thresholds: Thresholds) -> ir.Table:
    limits = {name: thresholds.limit_column(name, series) for name in LIMITS}
    return series.mutate(rule=thresholds.rule_column(series), **limits)


def _pools(series: pa.Table) -> demand.Pools:
    feed = (series[AS_OF], series["feed_id"])
    columns = (series["category"].fill_null(""), series["item_id"], series["location_id"])
    return demand.Pools(codes(*feed), *(codes(*feed, column) for column in columns))


def _told(engine: Any, series: pa.Table, heard: Heard | None) -> Told | None:
    """What customers say of silent runs, as a question that can be asked."""
    import ibis
    import pyarrow as pa

    if heard is None:
        return None

    def told(rate: Array, start: Array) -> Array:
        silent = np.flatnonzero(start >= 0)
        runs = series.select(SERIES_ON).take(silent)
        columns = {"run_start_date": on(_today(runs), start[silent]), "demand_units_per_day": rate[silent]}
        for name, values in {**columns, "row": silent}.items():
            runs = runs.append_column(name, pa.array(values, from_pandas=True))
        said = heard.told(ibis.memtable(runs)).select("row", "complaint_log_odds")
        answer = engine.to_pyarrow(said.filter(said.complaint_log_odds.notnull()))
        log_odds = np.zeros(len(series))
        log_odds[answer["row"].to_numpy()] = answer["complaint_log_odds"].to_numpy()
        return log_odds

    return told


@dataclass(frozen=True)
class _Chain:
    """The supply chain as causes ask for it, and the DC that each series is counted under with the age of its outage.

    Shapes: place and out_since (series,)
    """

    dcs: ir.Table
    outages: ir.Table
    places: ir.Table
    place: Codes
    out_since: Array


def _chain(
    engine: Any,
    series: pa.Table,
    panel: Panel,
    limits: Limits,
    dates: Sequence[dt.date],
    known: MasterData,
    dc_feeds: Set[str],
) -> _Chain:
    import ibis

    is_dc = np.isin(series["feed_id"].to_pylist(), sorted(dc_feeds))
    days = ibis.memtable(_dc_days(series, panel, limits, is_dc))
    keys = ibis.memtable(series.select(SERIES_ON).append_column("row", [np.arange(len(series))]))
    links = links_on(known.supply_links, known.items, dates)
    dcs = ibis.memtable(engine.to_pyarrow(dcs_of(keys, links, dc_states(days, dc_feeds))))
    placed = keys.left_join(nearest_dc(dcs), list(SERIES_ON), rname="{name}_of_dc").select(*keys.columns, "dc_id")
    placed = placed.left_join(cut_off(dcs), list(SERIES_ON), rname="{name}_of_cut")
    told = engine.to_pyarrow(placed.select("row", "dc_id", "dc_out_since").order_by("row"))
    told = told.append_column(AS_OF, series[AS_OF])
    return _Chain(
        dcs=dcs,
        outages=ibis.memtable(engine.to_pyarrow(dc_outages(days, dc_feeds))),
        places=ibis.memtable(engine.to_pyarrow(regions(known.locations))),
        place=codes(series[AS_OF], series["feed_id"], told["dc_id"]),
        out_since=_age(told, "dc_out_since"),
    )


def _dc_days(series: pa.Table, panel: Panel, limits: Limits, is_dc: Mask) -> pa.Table:
    """The days on which feeds of DCs reported stock, and whether the DC was out of it.

    Grain: (as_of, feed_id, series, business_date)
    """
    import pyarrow as pa

    places = np.flatnonzero(is_dc)
    on_hand, limit = panel.of(places).on_hand_units, limits.out_of_stock_at_or_below_units[places]
    age, place = np.nonzero(~np.isnan(on_hand))
    days = series.select([AS_OF, "feed_id", *SERIES]).take(places[place])
    is_out = on_hand[age, place] <= limit[place]
    columns = {"business_date": on(_today(days), age.astype(float)), "on_hand_units": on_hand[age, place]}
    for name, values in {**columns, "is_out": is_out, "is_in_stock": ~is_out}.items():
        days = days.append_column(name, pa.array(values))
    return days


def _facts(
    series: pa.Table,
    found: Figures,
    pool: demand.Pools,
    common: Common,
    chain: _Chain,
    panel: Panel,
    rules: Rules,
) -> pa.Table:
    """Every series with its figures as columns: those of AVAILABILITY but cause and cost, and what these ask for."""
    import pyarrow as pa

    rate, refill = found.rate, found.replenishment
    usual = supply.habits(refill, np.where(rate == 0, np.nan, rate), chain.place, rules.supply)
    last_receipt = np.fmin(found.shelf.last_receipt, refill.last_receipt)
    orders, stock = supply.order_days(refill.is_order, pool.location), found.position.on_hand_units
    ahead = supply.next_receipt(refill, usual, orders, rate, stock, chain.out_since, rules.supply)
    today = _today(series)
    risk = _run_outs(found, ahead, refill, common, pool, today, rules)
    status = _with_risk(series, found, risk["p_runs_out"], rules.check)
    is_out = status == Status.OUT_OF_STOCK.value
    corrected, overdue = _of_spells(panel, found, usual, common.reports_receipts[pool.feed], is_out, rules)
    columns = {
        **_told_of(found, today, last_receipt),
        **_promotion_of(found, common.promotions[pool.category], today),
        **_spell_of(series, found, today),
        **risk,
        "status": status,
        "next_receipt_on": on(today, -ahead.days_to_receipt),
        "order_due_on": on(today, ahead.order_due),
        "order_overdue_days": ahead.order_overdue_days,
        "lead_time_days": usual.lead_time_days,
        "receipt_interval_days": refill.receipt_interval_days,
        "inbound_units": refill.inbound_units,
        "on_order_since": on(today, refill.on_order_since),
        "last_waiting_date": on(today, refill.last_waiting),
        "corrected_units": corrected,
        "overdue_units": overdue,
    }
    for name, values in columns.items():
        series = series.append_column(name, pa.array(values, from_pandas=True))
    return series


def _told_of(found: Figures, today: Dates, last_receipt: Array) -> dict[str, Any]:
    """Stock, moments and demand of every series."""
    where, rate = found.position, found.rate
    return {
        "on_hand_units": where.on_hand_units,
        "is_negative_record": where.is_fresh & (where.on_hand_units < 0),
        "sold_out_today": where.sold_out_today,
        "on_order_units": where.on_order_units,
        "in_transit_units": where.in_transit_units,
        "price": where.price,
        "last_seen_date": on(today, where.last_seen),
        "last_in_stock_date": on(today, where.last_in_stock),
        "last_sale_date": on(today, where.last_sale),
        "last_receipt_date": on(today, last_receipt),
        "days_observed": where.days_observed,
        "demand_a": found.demand_a,
        "demand_b": found.demand_b,
        "dispersion": found.dispersion,
        "demand_units_per_day": rate,
        "expected_units_today": rate * found.factor_today,
        "days_of_supply": found.days_of_supply,
        "silent_days": found.shelf.silent_days,
        "p_phantom": found.p_phantom,
    }


def _promotion_of(found: Figures, promotion: Array, today: Dates) -> dict[str, Any]:
    """What every series sells a day while the promotion that is under way goes on, and until when."""
    left = np.floor(found.promotion_days_left)
    is_promoted = left > 0
    return {
        "promoted_units_per_day": np.where(is_promoted, found.rate * promotion, np.nan),
        "promoted_until": on(today, np.where(is_promoted, -left, np.nan)),
    }


def _spell_of(series: pa.Table, found: Figures, today: Dates) -> dict[str, Any]:
    """The spell of every series, and what it cost in units."""
    spell, rate = found.spell, found.rate
    return {
        "spell_start_date": on(today, spell.start),
        "spell_days": spell.start + 1,
        "spell_exposure_days": spell.exposure_days,
        "earlier_exposure_days": spell.earlier_exposure_days,
        "lost_units": rate * spell.exposure_days,
        "lost_units_today": rate * spell.exposure_today,
        "alert_due": spell.start + 1 >= _figures(series, "days_out_before_alert"),
    }


def _of_spells(
    panel: Panel, found: Figures, usual: supply.Habits, reports: Mask, is_out: Mask, rules: Rules
) -> tuple[Array, Array]:
    """Corrected and overdue units of the series that are out, NaN of all others."""
    out = np.flatnonzero(is_out)
    days, corrected, overdue = panel.of(out), np.full(len(is_out), np.nan), np.full(len(is_out), np.nan)
    corrected[out] = supply.corrected_units(days, found.spell.start[out], found.position.last_in_stock[out])
    overdue[out] = supply.overdue_units(days, usual.lead_time_days[out], reports[out], rules.supply)
    return corrected, overdue


def _run_outs(
    found: Figures,
    ahead: supply.NextReceipt,
    refill: supply.Replenishment,
    common: Common,
    pool: demand.Pools,
    today: Dates,
    rules: Rules,
) -> dict[str, Any]:
    """The risk of running out, and the day on which stock is as likely gone as not."""
    weekday = (today.astype(int) + THURSDAY) % 7
    by_weekday = np.take_along_axis(common.weekdays[pool.category], (weekday[:, None] - np.arange(7)) % 7, axis=1)
    inputs = {
        "demand_a": found.demand_a,
        "demand_b": found.demand_b,
        "dispersion": found.dispersion,
        "on_hand_units": found.position.on_hand_units,
        "exposed_units": ahead.exposed_units,
        "exposed_days": ahead.exposed_days,
        "doubtful_days": ahead.doubtful_days,
        "late_share": ahead.late_share,
        "weekday": weekday,
        "promotion": common.promotions[pool.category],
        "promotion_days": found.promotion_days_left,
        "is_to_come": ahead.is_to_come,
    }
    risk = run_out(inputs, rules.check.horizon_days, rules.supply, by_weekday)
    # a feed that says nothing of orders tells too little of the next receipt: there days of supply decide
    told = np.isfinite(ahead.exposed_days) & np.isfinite(refill.inbound_units)
    has_stock = found.position.is_fresh & ~found.position.is_out  # what is out does not run out any more
    return {
        "p_runs_out": np.where(told & has_stock, risk["p_runs_out"], np.nan),
        "short_units": np.where(has_stock, risk["short_units"], np.nan),
        "runs_out_on": on(today, np.where(has_stock, -risk["runs_out_in_days"], np.nan)),
    }


def _with_risk(series: pa.Table, found: Figures, p_runs_out: Array, check: CheckSettings) -> Texts:
    """Statuses in which what has stock is at risk or not by its risk to run out."""
    limits = (_figures(series, name) for name in ("run_out_probability", "min_days_of_supply"))
    is_near = found.days_of_supply < 2 * check.horizon_days  # what runs out later is nobody's task today
    is_short = is_at_risk(p_runs_out, found.days_of_supply, *limits) & is_near
    return np.where((found.status == Status.IN_STOCK.value) & is_short, Status.AT_RISK.value, found.status)


def _with_unreported(engine: Any, table: pa.Table, rules: Rules, known: MasterData) -> pa.Table:
    """A table with the series that are listed and that no feed spoke of: nothing is known of them."""
    import ibis
    import pyarrow as pa

    if known.listed is None:
        return table
    missing = never_reported(ibis.memtable(table.select([*SERIES_ON, "location_type"])), known.listed)
    missing = _limited(_named(missing, known), rules.thresholds)
    nothing: dict[str, Any] = dict.fromkeys(("is_negative_record", "sold_out_today", "alert_due"), False)
    nothing |= dict.fromkeys(("days_observed", "demand_a", "demand_b", "silent_days"), 0.0)
    missing = missing.mutate(**nothing, status=ibis.literal(Status.UNKNOWN.value))
    found = engine.to_pyarrow(missing.order_by(*SERIES_ON))
    shared = [name for name in found.column_names if name in table.column_names]
    return pa.concat_tables([table, found.select(shared)], promote_options="permissive")


def _explained(
    engine: Any, table: pa.Table, chain: _Chain, known: MasterData, dc_feeds: Set[str], rules: Rules
) -> pa.Table:
    """A table with cause and scope; what is not meant to be had has a status of its own: neither out nor in stock."""
    import ibis
    import pyarrow as pa

    status = table["status"].to_numpy()
    is_asked = np.isin(status, EXPLAINED) | np.isin(table["feed_id"].to_numpy(), sorted(dc_feeds))
    ranged = ibis.memtable(table.select(SERIES_ON).append_column("place", [np.arange(len(table))]))
    planned = transitions.planned(ranged, ranged, known.items, known.assortment, chain.places)
    planned = ibis.memtable(engine.to_pyarrow(planned))
    is_planned = engine.to_pyarrow(ranged.semi_join(planned, list(SERIES_ON)).place).to_numpy()
    is_asked[is_planned] = True
    rows = np.flatnonzero(is_asked)
    asked = ibis.memtable(table.select(CAUSE_INPUTS).take(rows).append_column("row", [np.arange(len(rows))]))
    status[is_planned] = Status.PLANNED.value
    table = table.set_column(table.column_names.index("status"), "status", pa.array(status.astype(str)))
    stores = ibis.memtable(table.select([*SERIES_ON, "feed_id", "status"]))
    found = with_causes(asked, stores, chain.dcs, chain.outages, planned, chain.places, dc_feeds, rules.scope)
    told = engine.to_pyarrow(found.select("row", *CAUSE_OUTPUTS).order_by("row"))
    for name, scope in (
        ("store_scope", _store_scope(table, status, dc_feeds)),
        ("item_scope", _item_scope(table, status)),
    ):
        table = table.append_column(name, pa.array(scope, from_pandas=True))
    place = np.full(len(table), -1)
    place[rows] = np.arange(len(rows))
    places = pa.array(place, mask=~is_asked)
    for name in CAUSE_OUTPUTS:
        table = table.append_column(name, told[name].take(places))
    return table.rename_columns([BUSINESS_DATE if name == AS_OF else name for name in table.column_names])


def _store_scope(table: pa.Table, status: Texts, dc_feeds: Set[str]) -> Array:
    """x_S: for a series that is empty, the share of the partner's other known places that are out of the item; a DC is
    no store to go to instead."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_dc = pc.is_in(table["feed_id"], value_set=pa.array(sorted(dc_feeds), pa.string()))
    places = codes(table[AS_OF], table["partner"], table["item_id"], is_dc)
    return share_out(np.isin(status, EMPTY), *_out_and_known(status), places)


def _item_scope(table: pa.Table, status: Texts) -> Array:
    """x_I: for a series that is empty, the share of the brand's other known items at the location that are out."""
    is_empty, brand = np.isin(status, EMPTY), table["brand"]
    shelf = codes(table[AS_OF], table["partner"], table["location_id"], brand)
    of_brand = share_out(is_empty, *_out_and_known(status), shelf)
    return np.where(is_empty & brand.is_null().to_numpy(), 0.0, of_brand)


def _out_and_known(status: Texts) -> tuple[Mask, Mask]:
    return status == Status.OUT_OF_STOCK.value, ~np.isin(status, (Status.UNKNOWN.value, Status.PLANNED.value))


def _today(series: pa.Table) -> Dates:
    return np.asarray(series[AS_OF].to_numpy(), "datetime64[D]")


def _age(table: pa.Table, name: str) -> Array:
    """A date as days before the checked one; NaN where it is not known."""
    since = table[name].to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(since), np.nan, (_today(table) - since).astype(float))


def _with_losses(table: pa.Table, rules: Rules) -> pa.Table:
    """Add the loss columns: filled for series that are out, probably are or may run out, null for all others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    costly = pc.is_in(table["status"], value_set=pa.array([*EMPTY, Status.AT_RISK.value]))
    chosen = table.filter(costly)
    known_by = {date: rules.measured_by(date) for date in pc.unique(chosen[BUSINESS_DATE]).to_pylist()}
    by_date = [known_by[date] for date in chosen[BUSINESS_DATE].to_pylist()]
    labels = list(zip(zip(*(chosen[name].to_pylist() for name in LABEL), strict=True), by_date, strict=True))
    found = losses(_loss_inputs(chosen, rules.check.horizon_days), labels, lambda label: rules.assumed(*label))
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
    coming = or_zero(_figures(chosen, "on_order_units")) + or_zero(_figures(chosen, "in_transit_units"))
    until: Array = np.where(coming > 0, days.astype(float), np.nan)
    return np.fmin(until, float(horizon_days))


def _figures(table: pa.Table, name: str) -> Array:
    column: Array = table[name].to_numpy(zero_copy_only=False).astype(float)
    return column

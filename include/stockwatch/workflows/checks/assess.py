"""What is known of every series on some dates: status, demand, risk, cause and cost, from rows and master data.

The look-back is read into matrices, and what they tell is worked out in numpy, one element for each series. What is a
matter of master data (range, supply chain, planned changes) and of causes is asked of the engine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from include.stockwatch.domain import demand, transitions
from include.stockwatch.domain.availability import Status, forget_before, forget_closed
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF, SERIES_ON
from include.stockwatch.domain.figures import Limits, Told, figures, learned
from include.stockwatch.domain.master import (
    LIST_PRICE,
    NAMES,
    PLACES,
    named,
    never_reported,
    with_details,
    with_list_price,
    with_listing,
)
from include.stockwatch.domain.panel import Array, on
from include.stockwatch.domain.signals import Heard
from include.stockwatch.domain.thresholds import Limit, Thresholds
from include.stockwatch.workflows.checks.arrays import age_of, checked_on, codes, numbers
from include.stockwatch.workflows.checks.costs import with_losses
from include.stockwatch.workflows.checks.explained import explained
from include.stockwatch.workflows.checks.facts import with_figures
from include.stockwatch.workflows.checks.look_back import look_back
from include.stockwatch.workflows.checks.supply_chain import Chain, supply_chain
from include.stockwatch.workflows.rules import MasterData, Rules

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
    return with_losses(_told_once(explained(engine, table, chain, known, dc_feeds, rules)), rules), seen


def _told_once(table: pa.Table) -> pa.Table:
    """One row for each series and date, where several feeds tell of one: the row that says most counts.

    That is the one that is known, was reported last, saw a sale last, or says that nothing is there, in this order.
    """
    whose = table.select(["partner", "feed_id"]).group_by(["partner", "feed_id"]).aggregate([])
    whose = whose.filter(whose["feed_id"].is_valid())
    if len(whose["partner"].unique()) == len(whose):  # each partner has one feed
        return table
    same = codes(*(table[name] for name in ("business_date", *SERIES, "location_type")))
    status = table["status"].to_numpy(zero_copy_only=False)
    seen, sold = (
        -table[name].to_numpy().astype("datetime64[D]").astype(float) for name in ("last_seen_date", "last_sale_date")
    )
    is_unknown, has_stock = status == Status.UNKNOWN.value, status != Status.OUT_OF_STOCK.value
    order = np.lexsort((codes(table["feed_id"]), has_stock, sold, seen, is_unknown, same))
    return table.take(np.sort(order[np.unique(same[order], return_index=True)[1]]))


def _reckoned(
    engine: Any,
    rows: ir.Table,
    dates: Sequence[dt.date],
    rules: Rules,
    known: MasterData,
    location_types: Mapping[str, str],
    dc_feeds: Set[str],
) -> tuple[pa.Table, Chain]:
    """Every series that was seen with its figures, and the supply chain. The look-back, which is large, ends here."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seen = look_back(engine, rows, dates, rules.check.lookback_days)
    series = _described(engine, seen.series, rules, known, location_types)
    is_dc = np.asarray(pc.is_in(series["feed_id"], pa.array(sorted(dc_feeds), pa.string())))
    out_at, doubtful_from = (numbers(series, name) for name in LIMITS[:2])
    pool, limits = _pools(series), Limits(out_at, doubtful_from, is_dc)
    forget_before(seen.panel, age_of(series, "begun_on"), out_at)
    closed = forget_closed(seen.panel, out_at, pool.feed, pool.location, pool.item, is_dc)
    common = learned(seen.panel, pool, limits, rules.check)
    memory, heard = rules.customers.defaults.memory_half_life_days, _told(engine, series, known.heard)
    with ThreadPoolExecutor(_threads(engine)) as threads:
        found = figures(seen.panel, pool, limits, common, rules.check, memory, closed, heard, threads.map)
    chain = supply_chain(engine, series, seen.panel, limits, dates, known, dc_feeds)
    facts = with_figures(series, found, pool, common, chain, seen.panel, rules)
    facts = _priced(facts)
    is_ranged = pc.coalesce(series["is_listed"], pa.chunked_array([found.position.is_stocked]))
    return facts.append_column("is_ranged", is_ranged), chain


def _priced(facts: pa.Table) -> pa.Table:
    """Series with the price of the item master, and its currency, where the feed has no price."""
    import pyarrow.compute as pc

    is_listed = pc.and_(pc.is_null(facts["price"]), pc.is_valid(facts["list_price"]))
    for name, listed in zip(("price", "currency"), LIST_PRICE, strict=True):
        told = pc.if_else(is_listed, facts[listed], facts[name])
        facts = facts.set_column(facts.column_names.index(name), name, told)
    return facts


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
    told = with_list_price(_named(told, known), known.items)
    told = with_listing(told, known.listed, location_types)
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
        columns = {"run_start_date": on(checked_on(runs), start[silent]), "demand_units_per_day": rate[silent]}
        for name, values in {**columns, "row": silent}.items():
            runs = runs.append_column(name, pa.array(values, from_pandas=True))
        said = heard.told(ibis.memtable(runs)).select("row", "complaint_log_odds")
        answer = engine.to_pyarrow(said.filter(said.complaint_log_odds.notnull()))
        log_odds = np.zeros(len(series))
        log_odds[answer["row"].to_numpy()] = answer["complaint_log_odds"].to_numpy()
        return log_odds

    return told


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

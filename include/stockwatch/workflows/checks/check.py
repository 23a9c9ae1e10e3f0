"""Check availability on a date: tables first, then incidents and messages in one transaction."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import ledger
from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.columns import AVAILABILITY, KPIS
from include.stockwatch.domain.daily import daily, joined, with_blind_rows
from include.stockwatch.domain.kpis import headline, kpis
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.errors import LakeLost
from include.stockwatch.workflows import master, signals
from include.stockwatch.workflows.checks.assess import assess
from include.stockwatch.workflows.checks.idle_rules import idle_rules
from include.stockwatch.workflows.checks.not_due import standing_reports, with_not_due
from include.stockwatch.workflows.checks.settled import awaited, feeds_of
from include.stockwatch.workflows.incidents import decide
from include.stockwatch.workflows.promises.watch import watch as watch_promises
from include.stockwatch.workflows.rules import Rules
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

ORIGIN = ("delivery_id", "source_file", "line", "received_at")
"""Columns of observations that no figure of a day depends on."""

log = logging.getLogger(__name__)


def check(services: Services, business_date: dt.date, *, actor: str = "command line") -> dict[str, Any]:
    """Check one date: availability and KPIs are replaced, incidents and messages decided. Returns a summary.

    `series.seen` were reported in the look-back, `ranged` are those that count, `by_status` adds up to them.
    Repeating a check on the same deliveries gives the same tables and no second event or message. Tables tell of all
    partners; nothing is decided of those that are `awaited`, until a check finds them settled.
    """
    settings = services.settings
    delivered = delivered_until(services, business_date)
    fresh = set(delivered.get(business_date, {}))
    with services.state.begin() as tx:
        span, revised = ledger.delivered_span(tx), ledger.revised(tx)
    waits = awaited(services, span, {business_date: fresh}, services.now())[business_date]
    lookback_days = settings.stockwatch.check.lookback_days
    inputs = ledger.inputs_of(business_date, delivered, revised, lookback_days, feeds_of(settings, waits))
    table, seen = availability_on(services, [business_date], delivered)
    figures = kpis_of(services, table)
    services.lake.replace_dates("availability", table, [business_date])
    services.lake.replace_dates("kpis", figures, [business_date])
    rules = rules_of(services)
    decided = decide.decide_date(services, business_date, table, fresh, rules, actor=actor, awaited=waits)
    believed = fresh - feeds_of(settings, waits.union(decided["held"]))
    promised = watch_promises(services, business_date, believed, actor=actor, awaited=waits)
    told = {"awaited": sorted(waits), "incidents": decided, "promises": promised}
    rates = in_all(services, figures).get(business_date, {})
    return _finish(services, business_date, delivered, table, seen, rates, told, inputs)


def delivered_until(services: Services, last: dt.date | None = None) -> dict[dt.date, dict[str, str]]:
    """For every date, the deliveries that count, of the feeds that are set up."""
    with services.state.begin() as tx:
        return ledger.delivered(tx, last=last, feeds=services.settings.feeds)


def availability_on(
    services: Services, dates: Sequence[dt.date], delivered: dict[dt.date, dict[str, str]]
) -> tuple[pa.Table, int]:
    """The availability table of some dates, and how many series were seen in their look-back."""
    rows = daily_rows(services, dates, delivered)
    engine = services.lake.engine
    types = {feed_id: feed.location_type for feed_id, feed in services.settings.feeds.items()}
    table, seen = assess(engine, rows, dates, rules_of(services), master.master_data(services, dates), types)
    return with_not_due(table, services.settings, standing_reports(services.settings, dates, delivered)), seen


def rules_of(services: Services) -> Rules:
    """What a check goes by, as it is set and as loyalty was measured."""
    settings = services.settings
    return Rules(
        thresholds=settings.thresholds,
        check=settings.stockwatch.check,
        supply=settings.stockwatch.supply,
        scope=settings.stockwatch.scope,
        customers=settings.lost_customers,
        loyalty=tuple(signals.loyalty(services)),
        loyalty_days=settings.signals.loyalty_days,
        promise_strength=settings.signals.promise_strength,
    )


def kpis_of(services: Services, table: pa.Table) -> pa.Table:
    """The KPI table of an availability table."""
    import ibis

    return services.lake.engine.to_pyarrow(kpis(ibis.memtable(table, schema=AVAILABILITY)))


def in_all(services: Services, figures: pa.Table) -> dict[dt.date, dict[str, Any]]:
    """The rows of a KPI table of all partners and categories together, by date: of stores, if there are any."""
    import ibis

    rows = ibis.memtable(figures, schema=KPIS)
    shown = headline(rows.filter((rows.partner == "") & (rows.category == "")))
    return {row["business_date"]: row for row in services.lake.engine.to_pyarrow(shown).to_pylist()}


def daily_rows(services: Services, dates: Sequence[dt.date], delivered: dict[dt.date, dict[str, str]]) -> ir.Table:
    """Daily rows of the look-back of some dates; feeds that send only changes are read from their beginning.

    What a feed adds to the series of another one is in the rows of that one.
    Grain: (feed_id, series, business_date)
    """
    import ibis
    import pyarrow as pa

    settings = services.settings
    lookback = settings.stockwatch.check.lookback_days
    first, last = min(dates) - dt.timedelta(days=lookback - 1), max(dates)
    _look_for_lake(services, first, last)
    schema = ibis.schema({"feed_id": "string", "business_date": "date", "delivery_id": "string"})
    days = [
        {"feed_id": feed, "business_date": date, "delivery_id": delivery}
        for date, feeds in delivered.items()
        for feed, delivery in feeds.items()
    ]
    came = ibis.memtable(pa.Table.from_pylist(days, schema=schema.to_pyarrow()), schema=schema)
    adds_to = settings.adds_to()
    mains = sorted(set(adds_to.values()))
    alone = [feed for feed in settings.main_feeds() if feed not in mains]
    parts = [_daily(services, alone, came, first, last)] if alone else []
    for main in mains:
        rows = _daily(services, [main], came, first, last)
        for feed in sorted(one for one, to in adds_to.items() if to == main):
            rows = _with_added(services, rows, main, feed, came, first, last)
        parts.append(rows)
    rows = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return rows.drop(*ORIGIN)


def _daily(services: Services, some: Collection[str], came: ir.Table, first: dt.date, last: dt.date) -> ir.Table:
    """Daily rows of some feeds, as each of them tells by itself."""
    import ibis

    parts = []
    for meaning in AbsentMeans:
        means = services.settings.absent_means()
        feeds = {feed: meaning for feed in some if means[feed] is meaning}
        if feeds:
            since = first if meaning is AbsentMeans.UNKNOWN else None
            observed = services.lake.table("observations", first=since, last=last, feeds=feeds)
            if meaning is not AbsentMeans.UNKNOWN:
                observed = with_blind_rows(observed, services.lake.table("rejects", feeds=feeds), came)
            parts.append(daily(observed, came, feeds, first, last))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _with_added(
    services: Services, rows: ir.Table, main: str, feed_id: str, came: ir.Table, first: dt.date, last: dt.date
) -> ir.Table:
    """Daily rows of a main feed with what another feed adds to them."""
    import ibis

    feed = services.settings.feeds[feed_id]
    added = services.lake.table("observations", first=first, last=last, feeds=[feed_id])
    if feed.absent_means is not AbsentMeans.UNKNOWN:
        added = with_blind_rows(added, services.lake.table("rejects", feeds=[feed_id]), came)
    added = added.filter(added.business_date.between(first, last)).mutate(feed_id=ibis.literal(main))
    dates = came.filter(came.feed_id == feed_id).select("business_date")
    return joined(rows, added, dates, feed.measures, feed.absent_means)


def _look_for_lake(services: Services, first: dt.date, last: dt.date) -> None:
    """Raises: LakeLost, where most of the dates that feeds published are not there."""
    with services.state.begin() as tx:
        published = ledger.with_rows(tx, first, last, services.settings.feeds)
    told = {(date.isoformat(), feed) for date, feed in published}
    there = told & {(one["business_date"], one["feed_id"]) for one in services.lake.partitions("observations")}
    if 2 * len(there) < len(told):
        raise LakeLost(str(services.lake.root), len(told), len(there))


def _finish(
    services: Services,
    date: dt.date,
    delivered: dict[dt.date, dict[str, str]],
    table: pa.Table,
    seen: int,
    rates: dict[str, Any],
    told: dict[str, Any],
    inputs: str,
) -> dict[str, Any]:
    import ibis

    statuses = table["status"].to_pylist()
    by_status = {status.value: statuses.count(status.value) for status in Status}
    shares = {name: rates.get(name) for name in ("coverage", "in_stock_rate")}
    summary = {
        "business_date": date.isoformat(),
        "feeds": sorted(delivered.get(date, {})),
        "series": {"seen": seen, "ranged": len(statuses), "by_status": by_status},
        **{name: None if share is None else round(share, 6) for name, share in shares.items()},
        **told,
        "without_master_data": master.unsaid(services, [date]),
        "idle_rules": idle_rules(services, ibis.memtable(table, schema=AVAILABILITY)),
    }
    for file, rules in summary["idle_rules"].items():
        for rule, why in rules.items():
            log.warning("`%s` of %s changes nothing: %s", rule, file, why)
    with services.state.begin() as tx:
        ledger.record_check(tx, date, inputs, services.now(), summary)
    log.info(
        "checked %s: %s series, %s out, coverage %s",
        date,
        len(statuses),
        by_status["out_of_stock"],
        summary["coverage"],
    )
    return summary

"""Check availability on a date: tables first, then incidents and messages in one transaction."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import ledger
from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.columns import AVAILABILITY
from include.stockwatch.domain.daily import daily, with_blind_rows
from include.stockwatch.domain.kpis import kpis
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.workflows import incidents, master, promise, signals
from include.stockwatch.workflows.assess import Rules, assess
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

ORIGIN = ("flow_days", "delivery_id", "source_file", "line", "received_at")
"""Columns of observations that no figure of a day depends on."""

log = logging.getLogger(__name__)


def check(services: Services, business_date: dt.date, *, actor: str = "command line") -> dict[str, Any]:
    """Check one date: availability and KPIs are replaced, incidents and messages decided. Returns a summary.

    Repeating a check on the same deliveries gives the same tables and no second event or message.
    """
    delivered = delivered_until(services, business_date)
    with services.state.begin() as tx:
        inputs = ledger.inputs_of(delivered.get(business_date, {}), ledger.revised(tx).get(business_date))
    table, known = availability_on(services, [business_date], delivered)
    figures = kpis_of(services, table)
    services.lake.replace_dates("availability", table, [business_date])
    services.lake.replace_dates("kpis", figures, [business_date])
    fresh = set(delivered.get(business_date, {}))
    decided = incidents.decide_date(services, business_date, table, fresh, rules_of(services), actor=actor)
    believed = {feed for feed in fresh if services.settings.feeds[feed].partner not in decided["held"]}
    promised = promise.watch(services, business_date, believed, actor=actor)
    return _finish(
        services, business_date, delivered, table, known, {"incidents": decided, "promises": promised}, inputs
    )


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
    return assess(engine, rows, dates, rules_of(services), master.master_data(services, dates), types)


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
        promise_strength=settings.signals.promise_strength,
    )


def kpis_of(services: Services, table: pa.Table) -> pa.Table:
    """The KPI table of an availability table."""
    import ibis

    return services.lake.engine.to_pyarrow(kpis(ibis.memtable(table, schema=AVAILABILITY)))


def daily_rows(services: Services, dates: Sequence[dt.date], delivered: dict[dt.date, dict[str, str]]) -> ir.Table:
    """Daily rows of the look-back of some dates; feeds that send only changes are read from their beginning.

    Grain: (feed_id, series, business_date)
    """
    import ibis
    import pyarrow as pa

    settings = services.settings
    lookback = settings.stockwatch.check.lookback_days
    first, last = min(dates) - dt.timedelta(days=lookback - 1), max(dates)
    schema = ibis.schema({"feed_id": "string", "business_date": "date", "delivery_id": "string"})
    days = [
        {"feed_id": feed, "business_date": date, "delivery_id": delivery}
        for date, feeds in delivered.items()
        for feed, delivery in feeds.items()
    ]
    came = ibis.memtable(pa.Table.from_pylist(days, schema=schema.to_pyarrow()), schema=schema)
    parts = []
    for meaning in AbsentMeans:
        feeds = {feed: means for feed, means in settings.absent_means().items() if means is meaning}
        if feeds:
            since = first if meaning is AbsentMeans.UNKNOWN else None
            observed = services.lake.table("observations", first=since, last=last, feeds=feeds)
            if meaning is not AbsentMeans.UNKNOWN:
                observed = with_blind_rows(observed, services.lake.table("rejects", feeds=feeds), came)
            parts.append(daily(observed, came, feeds, first, last))
    rows = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return rows.drop(*ORIGIN)


def _finish(
    services: Services,
    date: dt.date,
    delivered: dict[dt.date, dict[str, str]],
    table: pa.Table,
    known: int,
    told: dict[str, Any],
    inputs: str,
) -> dict[str, Any]:
    statuses = table["status"].to_pylist()
    by_status = {status.value: statuses.count(status.value) for status in Status}
    fresh = len(statuses) - by_status[Status.UNKNOWN.value]
    summary = {
        "business_date": date.isoformat(),
        "feeds": sorted(delivered.get(date, {})),
        "series": {"known": known, "ranged": len(statuses), "by_status": by_status},
        "coverage": round(fresh / len(statuses), 6) if statuses else None,
        "in_stock_rate": round(1 - by_status[Status.OUT_OF_STOCK.value] / fresh, 6) if fresh else None,
        **told,
        "without_master_data": master.unsaid(services, [date]),
    }
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

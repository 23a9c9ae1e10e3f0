"""Packs and GTINs that changed without a word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from include.stockwatch.alerting.messages.promise_message import unit_words
from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind
from include.stockwatch.domain import packs
from include.stockwatch.workflows.promises.found import Found
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import ibis.expr.types as ir


def remember(services: Services) -> None:
    """Keep what the item masters say now of numbers and packs, to see what changes in the next list."""
    if services.lake.version("items") is None:
        return
    items = services.lake.table("items", feeds=services.settings.master_ids())
    engine = services.lake.engine
    feeds = engine.to_pyarrow(items.select("feed_id", "delivery_id").distinct()).to_pylist()
    for feed_id in sorted({row["feed_id"] for row in feeds}):
        before = services.lake.table("identities", feeds=[feed_id])
        after = packs.remembered(before, packs.identities(items.filter(items.feed_id == feed_id)))
        known, now = (engine.to_pyarrow(one.order_by(one.columns)) for one in (before, after))
        if known.to_pylist() != now.to_pylist():
            services.lake.replace_feed("identities", now, feed_id)


def changed_packs(services: Services, date: dt.date, watched: Iterable[PromiseIncident]) -> Found:
    days, lists = services.settings.promises.pack_told_days, services.settings.master_ids()
    known = services.lake.table("identities", feeds=lists)
    now = packs.identities(services.lake.table("items", feeds=lists))
    rows = services.lake.engine.to_pyarrow(packs.pack_changes(known, now, date, days)).to_pylist()
    findings: dict[tuple[str, str], Finding] = {}
    for row in sorted(rows, key=lambda row: (row["since"], row["fact"], row["feed_id"])):
        one = {name: row[name] for name in ("partner", "item_id", "item_name", "fact", "before", "after", "since")}
        findings[row["partner"], row["item_id"]] = Finding(kind=PromiseKind.PACK, **one)
    found = Found(PromiseKind.PACK, list(findings.values()))
    for told in (incident.found for incident in watched):
        key = (told.partner, told.item_id)
        if told.kind is PromiseKind.PACK and key not in findings:
            found.endings[key] = _pack_ending(services, told, known, now, date)
    return found


def _pack_ending(services: Services, one: Finding, known: ir.Table, now: ir.Table, date: dt.date) -> str:
    """Why a change is told no more, as far as the lists tell; empty where they do not."""
    numbers = known.filter((known.partner == one.partner) & (known.gtin == one.after)).partner_item_id
    fact, before, after = one.fact or "", one.before or "", one.after or ""

    def about(rows: ir.Table) -> list[dict[str, Any]]:
        is_it = rows.partner_item_id.isin(numbers) if fact == packs.GTIN else rows.item_id == one.item_id
        names_it = (rows.gtin == before) & (rows.successor_gtin == after)  # whichever list does
        told = rows.filter((rows.partner == one.partner) & is_it | names_it)
        return list(services.lake.engine.to_pyarrow(told).to_pylist())

    became = packs.what_became(about(known), about(now), fact, before, after)
    days = services.settings.promises.pack_told_days
    pack = unit_words(fact)
    if became.is_announced:
        return f"announced: the item list names GTIN {after} as the successor of {before}"
    if after in became.values:
        return f"told for {days} days, and still so" if (date - one.since).days >= days else ""
    if before in became.values:
        again = f"GTIN {before} is back under the partner's own number"
        return again if fact == packs.GTIN else f"a {pack} holds {before} pieces again"
    if became.values:
        return f"it changed again, to {', '.join(sorted(became.values))}"
    if became.is_listed:
        return f"the item list no longer says what a {pack} holds"
    return "the item list no longer has the item"

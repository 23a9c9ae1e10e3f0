"""Complaints about quality that are more than usual."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from include.stockwatch.alerting.messages.words import day_words
from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind
from include.stockwatch.domain.complaint_rates import ABOUT_QUALITY, quality_counts, unusual
from include.stockwatch.workflows.promises.found import Found
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import complaints, heard, partner_names

EXTRACTS_SHOWN = 2


def unusual_complaints(services: Services, date: dt.date, watched: Iterable[PromiseIncident]) -> Iterator[Found]:
    """Complaints are counted up to the last day that any feed tells of.

    An item that was told is back to the usual once all feeds that complained of it tell so: a file that is missing, and
    not one that has no complaints, may hold more of them.
    """
    settings = services.settings.promises.quality
    told_until = {feed_id: until for feed_id, (_, until) in heard(services, date).items()}
    newest = max(told_until.values(), default=None)
    if newest is None or (date - newest).days > settings.stale_after_days:
        return  # whether nobody complains or nobody sends, is not known
    first = date - dt.timedelta(days=settings.recent_days + settings.history_days + settings.stale_after_days)
    said = complaints(services, first, date)
    said = said.filter(said.kind.isin(ABOUT_QUALITY) & said.item_id.notnull())
    engine = services.lake.engine
    told = engine.to_pyarrow(said).to_pylist()
    stores = [feed_id for feed_id, feed in services.settings.feeds.items() if feed.location_type == "store"]
    sold = services.lake.table("observations", first=first, last=date, feeds=stores).semi_join(said, "item_id")
    ends = _known_until(told, told_until, newest, watched)
    unusual_until: dict[str, tuple[dict[str, Any], dt.date]] = {}
    for end in sorted({newest, *ends.values()}, reverse=True):
        for row in unusual(engine.to_pyarrow(quality_counts(said, sold, end, settings)).to_pylist(), settings):
            if end in (newest, ends.get(row["item_id"])):
                unusual_until.setdefault(row["item_id"], (row, end))
    found = Found(PromiseKind.QUALITY)
    found.endings = {
        ("", item): f"complaints are back to the usual in the {settings.recent_days} days to {day_words(end)}"
        for item, end in ends.items()
        if (date - end).days <= settings.stale_after_days
    }
    if unusual_until:
        names = engine.to_pyarrow(
            sold.group_by("item_id").agg(item_name=sold.item_name.max(), category=sold.category.max())
        ).to_pylist()
        named = {row["item_id"]: row for row in names} | _named(services, list(unusual_until))
        found.findings = [
            _complained(services, row, named.get(item, {}), told, end) for item, (row, end) in unusual_until.items()
        ]
    yield found


def _known_until(
    told: Iterable[dict[str, Any]],
    told_until: Mapping[str, dt.date],
    newest: dt.date,
    watched: Iterable[PromiseIncident],
) -> dict[str, dt.date]:
    """For each item that was told, the last day of which all feeds tell that complained of it since then."""
    since = {one.found.item_id: one.found.since for one in watched if one.found.kind is PromiseKind.QUALITY}
    until = dict.fromkeys(since, newest)
    for row in told:
        item = row["item_id"]
        if item in since and row["business_date"] >= since[item]:
            until[item] = min(until[item], told_until[row["feed_id"]])
    return until


def _named(services: Services, items: list[str]) -> dict[str, dict[str, Any]]:
    rows = services.lake.table("items", feeds=services.settings.master_ids())
    rows = rows.filter(rows.item_id.isin(items) & rows.item_name.notnull())
    found = rows.group_by("item_id").agg(item_name=rows.item_name.max(), category=rows.category.max())
    return {row["item_id"]: row for row in services.lake.engine.to_pyarrow(found).to_pylist()}


def _complained(
    services: Services, row: dict[str, Any], named: dict[str, Any], told: list[dict[str, Any]], until: dt.date
) -> Finding:
    settings, names = services.settings.promises.quality, partner_names(services)
    first = until - dt.timedelta(days=settings.recent_days - 1)
    recent = [one for one in told if one["item_id"] == row["item_id"] and first <= one["business_date"] <= until]
    by_partner: Counter[str] = Counter()
    for one in recent:
        by_partner[names.get(one["partner"], one["partner"]) or "no partner named"] += one["complaints"]
    where = ", ".join(f"{name} {count:,}" for name, count in sorted(by_partner.items(), key=lambda p: (-p[1], p[0])))
    recent.sort(key=lambda one: (one["business_date"], one["feed_id"], one["source_file"], one["line"]))
    words = [f"“{one['extract']}”" for one in recent if one["extract"]][-EXTRACTS_SHOWN:]
    return Finding(
        kind=PromiseKind.QUALITY,
        partner="",
        item_id=row["item_id"],
        item_name=named.get("item_name"),
        category=named.get("category"),
        since=row["since"],
        complaints=row["recent"],
        expected=row["expected"],
        days=settings.recent_days,
        until=until,
        evidence=(f"Named in them: {where}.", *(f"Said: {word}" for word in words)),
    )

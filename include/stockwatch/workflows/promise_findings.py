"""What the tables show of each promise on a date: prices, packs, items that vanished, complaints about quality."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind
from include.stockwatch.domain import packs, vanishing
from include.stockwatch.domain.chain import regions
from include.stockwatch.domain.complaint_rates import ABOUT_QUALITY, quality_counts, unusual
from include.stockwatch.domain.promise import banded, price_findings, with_reference
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.workflows import master
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import complaints, of_masters, partner_names

if TYPE_CHECKING:
    import ibis.expr.types as ir

EXTRACTS_SHOWN = 2


@dataclass
class Found:
    """What the tables show of one kind of promise: what is broken, and how it ended where it is broken no more."""

    kind: PromiseKind
    findings: list[Finding] = field(default_factory=list)
    partners: set[str] | None = None  # with fresh data; None: whoever it is about
    known: Mapping[tuple[str, str], frozenset[str]] | None = None  # locations that were looked at; None: all
    ending: str = ""  # without one nothing ends
    endings: dict[tuple[str, str], str] = field(default_factory=dict)  # by partner and item

    def speaks_of(self, partner: str) -> bool:
        """Whether there are data that could show it."""
        return self.partners is None or partner in self.partners


def findings(
    services: Services, business_date: dt.date, fresh_feeds: set[str], ongoing: Iterable[PromiseIncident]
) -> Iterator[Found]:
    """What the tables show of each kind of promise on a date. A kind without its data shows nothing."""
    settings, watched = services.settings, list(ongoing)
    fresh = {settings.feeds[feed].partner for feed in fresh_feeds if feed in settings.feeds}
    items = [one.found.item_id for one in watched if one.found.kind is PromiseKind.PRICE]
    if services.lake.version("items") is not None or any(
        one.price and one.price.currency for one in settings.promises.promises
    ):
        yield _prices(services, business_date, fresh, items)
    if services.lake.version("identities") is not None:
        yield _packs(services, business_date)
    yield _vanished(services, business_date, settings.wholly_delivered(fresh_feeds) & fresh, watched)
    if services.lake.version("complaints") is not None:
        yield from _quality(services, business_date)


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


def prices_of(services: Services, first: dt.date, last: dt.date) -> ir.Table:
    """Shelf prices of some dates with their bands."""
    feeds = [feed_id for feed_id, feed in services.settings.feeds.items() if feed.location_type == "store"]
    rows = _in_open_places(services, feeds, first, last)
    named = master.with_names(services, rows.filter(rows.price.notnull()))
    return banded(with_reference(named, of_masters(services, "items")), services.settings.promises)


def _in_open_places(services: Services, feeds: list[str], first: dt.date, last: dt.date) -> ir.Table:
    """What was reported of some dates, but for places that are closed: they say nothing of their shelves."""
    rows = services.lake.table("observations", first=first, last=last, feeds=feeds)
    places = regions(of_masters(services, "locations"))
    closed = places.filter(~places.is_active)
    return rows.filter(rows.business_date.between(first, last)).anti_join(closed, ["partner", "location_id"])


def _prices(services: Services, date: dt.date, fresh: set[str], watched: list[str]) -> Found:
    rows = services.lake.engine.to_pyarrow(price_findings(prices_of(services, date, date), watched)).to_pylist()
    known: dict[tuple[str, str], frozenset[str]] = {}
    found = Found(PromiseKind.PRICE, partners=fresh, known=known, ending="no price is reported any more")
    for row in rows:
        key = (row["partner"], row["item_id"])
        outside, inside = set(row["outside"] or ()), set(row["inside"] or ())
        known[key] = known.get(key, frozenset()) | outside | inside
        banded_now = row["priced"] or 0
        found.endings.setdefault(
            key, "every price is inside its band again" if banded_now else "no price is promised any more"
        )
        if outside:
            found.findings.append(
                Finding(
                    kind=PromiseKind.PRICE,
                    since=date,
                    locations=tuple(sorted(outside)),
                    of_locations=len(outside | inside),
                    lowest=row["lowest_outside"],
                    highest=row["highest_outside"],
                    rule=row["promise_rule"],
                    **{name: row[name] for name in ("partner", "item_id", "item_name", "category", "currency")},
                    **{name: row[name] for name in ("band_low", "band_high")},
                )
            )
    return found


def _packs(services: Services, date: dt.date) -> Found:
    days = services.settings.promises.pack_told_days
    known = services.lake.table("identities", feeds=services.settings.master_ids())
    rows = services.lake.engine.to_pyarrow(packs.pack_changes(known, date, days)).to_pylist()
    ending = f"it was announced, taken back, or told for {days} days"
    findings: dict[tuple[str, str], Finding] = {}
    for row in sorted(rows, key=lambda row: (row["since"], row["fact"], row["feed_id"])):
        one = {name: row[name] for name in ("partner", "item_id", "item_name", "fact", "before", "after", "since")}
        findings[row["partner"], row["item_id"]] = Finding(kind=PromiseKind.PACK, **one)
    return Found(PromiseKind.PACK, list(findings.values()), ending=ending)


def _vanished(services: Services, date: dt.date, whole: set[str], watched: list[PromiseIncident]) -> Found:
    """Only feeds that list every item tell whether one is missing; of the others an absent row is no news."""
    import ibis

    settings = services.settings.promises.vanishing
    feeds = [
        feed_id
        for feed_id, feed in services.settings.feeds.items()
        if feed.location_type == "store" and feed.absent_means is AbsentMeans.UNKNOWN
    ]
    found = Found(PromiseKind.VANISHED, partners=whole)
    if not (feeds and whole):
        return found
    first = date - dt.timedelta(days=settings.look_back_days - 1)
    rows = master.with_names(services, _in_open_places(services, feeds, first, date))
    presences = vanishing.presence(rows, date, settings)
    newest = ibis.memtable(
        {"partner": sorted(whole), "newest": [date] * len(whole)},
        schema=ibis.schema({"partner": "string", "newest": "date"}),
    )
    listed = of_masters(services, "assortment") if services.lake.version("assortment") is not None else None
    planned = vanishing.planned_ends(of_masters(services, "items"), listed, date)
    engine = services.lake.engine
    gone = engine.to_pyarrow(vanishing.vanished(presences, newest, planned, date, settings)).to_pylist()
    found.findings = [_vanishing(row) for row in gone]
    open_items = [one.found for one in watched if one.found.kind is PromiseKind.VANISHED]
    if open_items:
        wanted = presences.filter(presences.item_id.isin([one.item_id for one in open_items]))
        there = {(row["partner"], row["item_id"]): row["still_at"] for row in engine.to_pyarrow(wanted).to_pylist()}
        ends = {(row["partner"], row["item_id"]) for row in engine.to_pyarrow(planned).to_pylist()}
        for one in open_items:
            key = (one.partner, one.item_id)
            if there.get(key):
                found.endings[key] = (
                    f"{there[key]:,} {'location has' if there[key] == 1 else 'locations have'} it again"
                )
            elif key in ends:
                found.endings[key] = "its end is announced now"
            elif key not in there:
                found.endings[key] = f"gone for {settings.look_back_days} days: it counts as delisted"
    return found


def _vanishing(row: dict[str, Any]) -> Finding:
    return Finding(
        kind=PromiseKind.VANISHED,
        since=row["last_had_on"] + dt.timedelta(days=1),
        locations=tuple(sorted(set(row["had_by"]))),
        of_locations=row["locations"],
        unlisted=row["unlisted"],
        **{name: row[name] for name in ("partner", "item_id", "item_name", "category")},
    )


def _quality(services: Services, date: dt.date) -> Iterator[Found]:
    settings = services.settings.promises.quality
    first = date - dt.timedelta(days=settings.recent_days + settings.history_days + settings.stale_after_days)
    said = complaints(services, first, date)
    engine = services.lake.engine
    newest = engine.to_pyarrow(said.agg(newest=said.business_date.max()))["newest"][0].as_py()
    if newest is None or (date - newest).days > settings.stale_after_days:
        return  # whether nobody complains or nobody sends, is not known
    about = said.filter(said.kind.isin(ABOUT_QUALITY) & said.item_id.notnull()).select("item_id").distinct()
    stores = [feed_id for feed_id, feed in services.settings.feeds.items() if feed.location_type == "store"]
    sold = services.lake.table("observations", first=first, last=date, feeds=stores).semi_join(about, "item_id")
    rows = unusual(engine.to_pyarrow(quality_counts(said, sold, newest, settings)).to_pylist(), settings)
    found = Found(PromiseKind.QUALITY, ending="complaints are back to the usual")
    if rows:
        told = engine.to_pyarrow(said.filter(said.item_id.isin([row["item_id"] for row in rows]))).to_pylist()
        names = engine.to_pyarrow(
            sold.group_by("item_id").agg(item_name=sold.item_name.max(), category=sold.category.max())
        ).to_pylist()
        named = {row["item_id"]: row for row in names} | _named(services, [row["item_id"] for row in rows])
        found.findings = [_complained(services, row, named.get(row["item_id"], {}), told, newest) for row in rows]
    yield found


def _named(services: Services, items: list[str]) -> dict[str, dict[str, Any]]:
    rows = services.lake.table("items", feeds=services.settings.master_ids())
    rows = rows.filter(rows.item_id.isin(items) & rows.item_name.notnull())
    found = rows.group_by("item_id").agg(item_name=rows.item_name.max(), category=rows.category.max())
    return {row["item_id"]: row for row in services.lake.engine.to_pyarrow(found).to_pylist()}


def _complained(
    services: Services, row: dict[str, Any], named: dict[str, Any], told: list[dict[str, Any]], newest: dt.date
) -> Finding:
    settings, names = services.settings.promises.quality, partner_names(services)
    first = newest - dt.timedelta(days=settings.recent_days - 1)
    recent = [
        one
        for one in told
        if one["item_id"] == row["item_id"] and one["kind"] in ABOUT_QUALITY and first <= one["business_date"] <= newest
    ]
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
        evidence=(f"Named in them: {where}.", *(f"Said: {word}" for word in words)),
    )

"""What the tables show of each promise on a date: prices, packs, items that vanished, complaints about quality."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind
from include.stockwatch.alerting.promise_message import unit_words
from include.stockwatch.alerting.words import day_words
from include.stockwatch.domain import packs, vanishing
from include.stockwatch.domain.chain import regions
from include.stockwatch.domain.complaint_rates import ABOUT_QUALITY, quality_counts, unusual
from include.stockwatch.domain.master import EVERY_PARTNER
from include.stockwatch.domain.promise import banded, price_findings, with_reference
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.workflows import master
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import complaints, heard, of_masters, partner_names

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
    if services.lake.version("items") is not None or any(
        one.price and one.price.currency for one in settings.promises.promises
    ):
        yield _prices(services, business_date, fresh, watched)
    changed = Found(PromiseKind.PACK)
    if services.lake.version("identities") is not None:
        changed = _packs(services, business_date, watched)
        yield changed
    gone = _vanished(services, business_date, settings.wholly_delivered(fresh_feeds) & fresh, watched)
    yield _but_for_new_gtins(gone, changed.findings, watched)
    if services.lake.version("complaints") is not None:
        yield from _quality(services, business_date, watched)


def _but_for_new_gtins(gone: Found, changed: Iterable[Finding], watched: Iterable[PromiseIncident]) -> Found:
    """What vanished, but for what goes on under another GTIN: that is told already."""
    after = {(one.partner, one.before): one.after for one in changed if one.fact == packs.GTIN}

    def goes_on(one: Finding) -> str | None:
        return after.get((one.partner, one.item_id)) or after.get((EVERY_PARTNER, one.item_id))

    for one in (incident.found for incident in watched if incident.found.kind is PromiseKind.VANISHED):
        if gtin := goes_on(one):
            gone.endings[one.partner, one.item_id] = f"it goes on under GTIN {gtin}"
    gone.findings = [one for one in gone.findings if not goes_on(one)]
    return gone


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
    named = master.with_names(services, rows.filter(rows.price > 0))  # nobody sells for nothing: 0 is no price
    return banded(with_reference(named, of_masters(services, "items")), services.settings.promises)


def _in_open_places(services: Services, feeds: list[str], first: dt.date, last: dt.date) -> ir.Table:
    """What was reported of some dates, but for places that are closed: they say nothing of their shelves."""
    rows = services.lake.table("observations", first=first, last=last, feeds=feeds)
    rows = rows.filter(rows.business_date.between(first, last))
    return rows.anti_join(_closed(services), ["partner", "location_id"])


def _closed(services: Services) -> ir.Table:
    """The locations that are closed, by partner."""
    places = regions(of_masters(services, "locations"))
    return places.filter(~places.is_active).select("partner", "location_id")


def _prices(services: Services, date: dt.date, fresh: set[str], watched: Iterable[PromiseIncident]) -> Found:
    told = [one.found for one in watched if one.found.kind is PromiseKind.PRICE]
    engine = services.lake.engine
    prices = price_findings(prices_of(services, date, date), [one.item_id for one in told])
    rows = engine.to_pyarrow(prices).to_pylist()
    known: dict[tuple[str, str], frozenset[str]] = {}
    found = Found(PromiseKind.PRICE, partners=fresh, known=known, ending="no price is reported any more")
    broken: dict[tuple[str, str], list[Finding]] = {}
    banded_now: Counter[tuple[str, str]] = Counter()
    for row in sorted(rows, key=lambda row: (row["partner"], row["item_id"], row["currency"] or "")):
        key = (row["partner"], row["item_id"])
        outside, inside = set(row["outside"] or ()), set(row["inside"] or ())
        known[key] = known.get(key, frozenset()) | outside | inside
        banded_now[key] += row["priced"] or 0
        found.endings[key] = (
            "every price is inside its band again" if banded_now[key] else "no price is promised any more"
        )
        if outside:
            broken.setdefault(key, []).append(
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
    found.findings = [_of_all_currencies(of, len(known[key])) for key, of in broken.items()]
    closed = {tuple(row.values()) for row in engine.to_pyarrow(_closed(services)).to_pylist()} if told else set()
    for one in told:  # what is closed asks no price any more
        shut = {place for place in one.locations if (one.partner, place) in closed}
        known[one.partner, one.item_id] = known.get((one.partner, one.item_id), frozenset()) | shut
    return found


def _of_all_currencies(findings: list[Finding], looked_at: int) -> Finding:
    """What is asked for one item at one partner; first the currency in which most locations ask too much or little."""
    ranked = sorted(findings, key=lambda one: -len(one.locations))
    places = tuple(sorted({place for one in ranked for place in one.locations}))
    told = {"locations": places, "of_locations": looked_at, "by_currency": tuple(ranked) if len(ranked) > 1 else ()}
    return ranked[0].model_copy(update=told)


def _packs(services: Services, date: dt.date, watched: Iterable[PromiseIncident]) -> Found:
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


def _vanished(services: Services, date: dt.date, whole: set[str], watched: list[PromiseIncident]) -> Found:
    """Only feeds that list every item tell whether one is missing; of the others an absent row is no news."""
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
    newest = vanishing.newest_dates(rows.filter(rows.partner.isin(sorted(whole))))
    listed = of_masters(services, "assortment") if services.lake.version("assortment") is not None else None
    planned = vanishing.planned_ends(of_masters(services, "items"), listed, date)
    ranged = master.listed_on(services, [date])
    if ranged is not None:
        stores = ranged.filter(ranged.location_type == "store")
        planned = planned.union(vanishing.not_ranged(presences, stores), distinct=True)
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


def _quality(services: Services, date: dt.date, watched: Iterable[PromiseIncident]) -> Iterator[Found]:
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

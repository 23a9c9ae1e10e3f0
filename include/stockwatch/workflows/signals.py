"""What customers say and do, for those who ask: complaints per series, measured loyalty, and the day's relay."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import bulletins, ledger
from include.stockwatch.alerting.messages.relay_message import Day, Said, render
from include.stockwatch.domain import signals as domain
from include.stockwatch.domain.customer_signals import ComplaintKind
from include.stockwatch.domain.loyalty import Figure
from include.stockwatch.domain.master import per_partner
from include.stockwatch.settings.feed import Expected
from include.stockwatch.settings.signals import Relay
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import ibis.expr.types as ir

log = logging.getLogger(__name__)

LATEST_FILES = 10
"""Files of a complaint feed of which the latest that counts is looked for."""
RATIO_DAYS = 56
"""Days of the availability table from which the ratio of complaints is learnt."""


def of_masters(services: Services, table: str) -> ir.Table:
    """A list as it speaks for each partner."""
    rows = services.lake.table(table, feeds=services.settings.master_ids())
    return per_partner(rows, {feed.partner for feed in services.settings.feeds.values()})


def complaints(services: Services, first: dt.date, last: dt.date) -> ir.Table:
    """Complaints of some dates, under the ids that items are stored under."""
    rows = services.lake.table("complaints", first=first, last=last, feeds=services.settings.master_ids())
    return domain.stored(rows.filter(rows.business_date.between(first, last)), of_masters(services, "items"))


def heard(services: Services, last: dt.date) -> dict[str, tuple[dt.date, dt.date]]:
    """The first and the last day, up to a date, that each feed of complaints tells of.

    A file tells of the days before it came too, whether anybody complained on them or not: one without rows says that
    nobody did. One that ends before what was told already corrects the past, and says nothing of today.
    """
    masters = services.settings.masters
    rows = services.lake.table("complaints", first=last - dt.timedelta(days=365), last=last, feeds=set(masters))
    days = {"first": rows.business_date.min(), "until": rows.business_date.max()}
    told = services.lake.engine.to_pyarrow(rows.group_by("feed_id").agg(**days))
    found: dict[str, tuple[dt.date, dt.date]] = {}
    for row in told.to_pylist():
        with services.state.read() as tx:
            until = told_until(ledger.came(tx, row["feed_id"], LATEST_FILES), masters[row["feed_id"]].expected)
        found[row["feed_id"]] = row["first"], min(max(row["until"], until), last)
    return found


def told_until(files: Sequence[tuple[dt.datetime, tuple[str, ...], int]], expected: Expected | None = None) -> dt.date:
    """The last day that some files tell of: when they came, the newest first, with which dates and how many rows.

    A file tells of the days before it came, and of its own day where that is expected.
    """
    known_when = expected or Expected()
    until = known = dt.date.min
    for at, dates, rows in reversed(files):
        newest = max(map(dt.date.fromisoformat, dates), default=dt.date.min if rows else known)
        if newest >= known:
            last = known_when.local_date(at) - dt.timedelta(days=min(1, known_when.days_after))
            known, until = newest, max(newest, last)
    return until


def not_found(services: Services, dates: Sequence[dt.date]) -> ir.Table | None:
    """Complaints that an item could not be found, as far back as they count on some dates; none if there never were.

    For the phantom posterior: `domain.signals.with_complaints` counts them in each series' silent run.
    """
    if services.lake.version("complaints") is None:
        return None
    memory = services.settings.signals.not_found.memory_days
    return domain.not_found(complaints(services, min(dates) - dt.timedelta(days=memory - 1), max(dates)))


def ratio(services: Services, before: dt.date) -> float:
    """How much likelier a complaint is from an empty shelf than from a full one, from the checks before a date."""
    settings = services.settings.signals.not_found
    first, last = before - dt.timedelta(days=RATIO_DAYS), before - dt.timedelta(days=1)
    if not settings.learn_ratio or None in (services.lake.version("availability"), services.lake.version("complaints")):
        return settings.ratio
    days = services.lake.table("availability", first=first, last=last)
    days = days.filter(days.business_date.between(first, last))
    said = domain.not_found(complaints(services, first, last))
    (found,) = services.lake.engine.to_pyarrow(domain.shelf_known(days, said)).to_pylist()
    return domain.learned_ratio(settings.ratio, **found)


def loyalty(services: Services) -> list[Figure]:
    """Every loyalty figure that counts, in an order that does not depend on how it is stored."""
    if services.lake.version("loyalty") is None:
        return []
    rows = services.lake.table("loyalty", feeds=services.settings.master_ids())
    found = services.lake.engine.to_pyarrow(rows.select("feed_id", "line", *Figure.model_fields)).to_pylist()
    placed = sorted(found, key=lambda row: (row.pop("feed_id"), row.pop("line")))
    return [Figure(**row) for row in placed]


def relay(services: Services) -> dict[str, Any]:
    """Tell each named channel what customers said on the latest days: one message per date, changed if more comes.

    "Could not find it" belongs to incidents of stock, and is relayed only where the settings name a channel for it.
    """
    settings, now = services.settings.signals, services.now()
    told: dict[str, list[str]] = {"post": [], "update": []}
    if not settings.relay or services.lake.version("complaints") is None:
        return {**told, "unheard": 0}
    first = now.date() - dt.timedelta(days=settings.relay_days)
    found = complaints(services, first, now.date() + dt.timedelta(days=1))
    names = _names(services)
    rows = services.lake.engine.to_pyarrow(
        found.order_by("business_date", "feed_id", "source_file", "line")
    ).to_pylist()
    with services.state.begin() as tx:
        for one in settings.relay:
            mine = [row for row in rows if row["kind"] in one.kinds]
            for date in (first + dt.timedelta(days=n) for n in range(settings.relay_days + 2)):
                said = _said([row for row in mine if row["business_date"] == date], names, services)
                name = f"SAID-{date.isoformat()}-{_mark(one)}"
                if not said and not bulletins.is_published(tx, name, one.channel):
                    continue
                message = render(_day(date, one, said))
                queued = bulletins.publish(tx, message, bulletin_id=name, channel=one.channel, now=now)
                if queued:
                    told[queued].append(name)
    heard = {kind for one in settings.relay for kind in one.kinds} | {ComplaintKind.COULD_NOT_FIND}
    unheard = sum(row["complaints"] for row in rows if row["kind"] not in heard)
    log.info("complaints: %s days posted, %s changed, %s told nobody", len(told["post"]), len(told["update"]), unheard)
    return {**told, "unheard": unheard}


def _mark(relay: Relay) -> str:
    """Names a relay among those of one channel."""
    return "".join(kind.value[:2] for kind in sorted(relay.kinds))


def _day(date: dt.date, relay: Relay, said: Iterable[Said]) -> Day:
    kinds = tuple(kind.value for kind in relay.kinds)
    return Day(business_date=date, owner=relay.owner, kinds=kinds, said=tuple(said))


def _said(rows: Sequence[dict[str, Any]], names: dict[str, str], services: Services) -> list[Said]:
    partners = partner_names(services)
    counts: Counter[tuple[str, str, str | None]] = Counter()
    extracts: dict[tuple[str, str, str | None], list[str]] = {}
    for row in rows:
        key = (row["kind"], row["partner"], row["item_id"])
        counts[key] += row["complaints"]
        if row["extract"]:
            extracts.setdefault(key, []).append(row["extract"])
    return [
        Said(
            kind=kind,
            partner_name=partners.get(partner, partner) or None,
            item_name=names.get(item, f"item {item}") if item else None,
            complaints=count,
            extracts=tuple(extracts.get((kind, partner, item), ())[:2]),
        )
        for (kind, partner, item), count in counts.items()
        if count
    ]


def partner_names(services: Services) -> dict[str, str]:
    """What messages call each partner."""
    return {feed.partner: feed.partner_name for feed in services.settings.feeds.values()}


def _names(services: Services) -> dict[str, str]:
    items = services.lake.table("items", feeds=services.settings.master_ids())
    named = items.filter(items.item_name.notnull()).group_by("item_id").agg(item_name=items.item_name.max())
    return {row["item_id"]: row["item_name"] for row in services.lake.engine.to_pyarrow(named).to_pylist()}

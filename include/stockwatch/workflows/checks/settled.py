"""Who is settled on a date, and who is awaited: a partner is decided once its feeds and those of its suppliers are in.

Gate and check both ask here, so that a date is due as soon as there is somebody to decide, and nobody else is (A-14).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from include.stockwatch.domain.chain import links_on, suppliers
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows import master
from include.stockwatch.workflows.services import Services

Span = Mapping[str, tuple[dt.date, dt.date]]
"""First and last delivered date of feeds."""


def expected(settings: Settings, span: Span, date: dt.date) -> set[str]:
    """Feeds that are meant to have this date: all that had delivered by then, and that report such a day."""
    return {
        feed_id
        for feed_id, feed in settings.feeds.items()
        if feed_id in span and span[feed_id][0] <= date and feed.expected.is_due(date)
    }


def partners(settings: Settings, feeds: Iterable[str]) -> set[str]:
    """Whose feeds these are."""
    return {settings.feeds[feed].partner for feed in feeds}


def feeds_of(settings: Settings, partners: Collection[str]) -> set[str]:
    """The feeds of some partners."""
    return {feed_id for feed_id, feed in settings.feeds.items() if feed.partner in partners}


def awaited(
    services: Services, span: Span, have: Mapping[dt.date, Collection[str]], now: dt.datetime
) -> dict[dt.date, set[str]]:
    """For each date of `have`, which are the feeds that have it, the partners that are not settled: a feed that is
    meant to have the date has not come and is not past its cut-off, be it of the partner or of one that supplies it.
    """
    late = {date: late_on(services.settings, span, date, feeds, now) for date, feeds in have.items()}
    supplied = _supplied(services, {date: some for date, some in late.items() if some})
    return {date: with_supplied(some, supplied.get(date, ())) for date, some in late.items()}


def late_on(settings: Settings, span: Span, date: dt.date, have: Collection[str], now: dt.datetime) -> set[str]:
    """Partners of whom a feed that is meant to have a date has not come, and may still come in time."""
    missing = expected(settings, span, date) - set(have)
    return partners(settings, (feed for feed in missing if now < settings.feeds[feed].expected.cut_off(date)))


def with_supplied(late: Collection[str], supplied: Collection[tuple[str, str]]) -> set[str]:
    """Partners, and those that they supply, directly or through others; `supplied` is partner and supplier."""
    found = set(late)
    while more := {partner for partner, supplier in supplied if supplier in found} - found:
        found |= more
    return found


def _supplied(services: Services, late: Mapping[dt.date, Collection[str]]) -> dict[dt.date, set[tuple[str, str]]]:
    """Partners and who supplies them, as far as the tables before the dates tell: on dates that wait for a partner with
    DCs."""
    dc_feeds = {feed_id for feed_id, feed in services.settings.feeds.items() if feed.location_type == "dc"}
    run_dcs = partners(services.settings, dc_feeds)
    dates = sorted(date for date, some in late.items() if run_dcs & set(some))
    if not dates or services.lake.version("supply_links") is None:
        return {}
    told = {dt.date.fromisoformat(one["business_date"]) for one in services.lake.partitions("availability")}
    newest = max((date for date in told if date < min(dates)), default=None)
    if newest is None:
        return {}
    table = services.lake.table("availability", first=newest, last=newest)
    places = table.select("partner", "location_id", is_dc=table.feed_id.isin(sorted(dc_feeds)).fill_null(False))
    known = master.master_data(services, dates)
    links = links_on(known.supply_links, known.items, dates)
    found: dict[dt.date, set[tuple[str, str]]] = {date: set() for date in dates}
    for row in services.lake.engine.to_pyarrow(suppliers(links, places.distinct())).to_pylist():
        found[row["as_of"]].add((row["partner"], row["supplier"]))
    return found

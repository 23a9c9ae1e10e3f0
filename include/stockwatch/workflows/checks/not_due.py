"""Dates on which nothing was due of a feed: its last report stands, and it is no lack of data."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.causes import Cause
from include.stockwatch.settings.models import Settings

if TYPE_CHECKING:
    import pyarrow as pa

StandingReports = Mapping[dt.date, Mapping[str, dt.date]]
"""Date -> feed of which nothing was due on it -> business date of the report that stands."""


def standing_reports(
    settings: Settings, dates: Sequence[dt.date], delivered: Mapping[dt.date, Collection[str]]
) -> StandingReports:
    """The reports that stand on some dates: none of a feed that has the date, or whose report before it is missing."""
    return {date: found for date in dates if (found := _standing_on(settings, date, delivered))}


def _standing_on(settings: Settings, date: dt.date, delivered: Mapping[dt.date, Collection[str]]) -> dict[str, dt.date]:
    found: dict[str, dt.date] = {}
    for feed_id, feed in settings.main_feeds().items():
        if feed_id in delivered.get(date, ()) or feed.expected.is_due(date):
            continue
        last = max((day for day, feeds in delivered.items() if day < date and feed_id in feeds), default=None)
        wanted = feed.expected.newest_due(date - dt.timedelta(days=feed.expected.days_after))  # to be here by the date
        if last is not None and (wanted is None or last >= wanted):
            found[feed_id] = last
    return found


def with_not_due(table: pa.Table, settings: Settings, reports: StandingReports) -> pa.Table:
    """An availability table in which what nothing was due of has that as its cause, by the `standing_reports`.

    What is listed, and no feed ever spoke of, was not due if nothing was of any feed of such places of its partner.
    """
    for date, feeds in reports.items():
        for feed_id, last in feeds.items():
            text = f"nothing was due, the report of {last} stands"
            table = _put(table, date, {"feed_id": feed_id}, text)
        for partner, kind in _off(settings, feeds):
            table = _put(table, date, {"feed_id": None, "partner": partner, "location_type": kind}, "nothing was due")
    return table


def _off(settings: Settings, feeds: Collection[str]) -> set[tuple[str, str]]:
    """Partners and kinds of places of whose feeds none is due."""
    kinds = {feed_id: (feed.partner, str(feed.location_type)) for feed_id, feed in settings.main_feeds().items()}
    return {kinds[feed] for feed in feeds} - {kind for feed, kind in kinds.items() if feed not in feeds}


def _put(table: pa.Table, date: dt.date, which: Mapping[str, str | None], text: str) -> pa.Table:
    """Say of the series that are not known on a date, and are of such a feed, that nothing was due."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = pc.and_(pc.equal(table["business_date"], date), pc.equal(table["status"], Status.UNKNOWN.value))
    for name, value in which.items():
        is_it = pc.is_null(table[name]) if value is None else pc.equal(table[name], value)
        chosen = pc.and_(chosen, pc.fill_null(is_it, False))
    told = {"cause": Cause.NOT_DUE.value, "cause_evidence": json.dumps([f"{Cause.NOT_DUE.value}: {text}"])}
    for name, value in {**told, "scope": None, "scope_id": None}.items():
        place = table.schema.get_field_index(name)
        told_anew = pc.if_else(chosen, pa.scalar(value, table.schema.field(name).type), table[name])
        table = table.set_column(place, table.schema.field(name), told_anew)
    return table

"""How every feed stands: plain values for the page *Feeds*."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.stockwatch.adapters.state import ledger, questions
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.alerting.data_incident import DataIncident, FeedPicture, Trouble
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.feeds.feed_watch import open_incidents, pictures
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

PUBLISHED, HELD, DISCARDED = "published", "held", "discarded"
DAYS_SHOWN, DELIVERIES_READ = 14, 300


class Status(StrEnum):
    """How a feed stands now. Trouble comes first."""

    HELD = "held"
    SILENT = "silent"
    LATE = "late"
    SMALL = "small"
    NO_SALES = "without sales"
    RESTATED = "restated"  # on time, and its last delivery changed what was known of a date
    ON_TIME = "on time"
    IN_PLACE = "in place"  # master data, which are due at no time
    NEW = "nothing yet"


class DayState(StrEnum):
    """What became of one business date of a feed."""

    ON_TIME = "on time"
    LATE = "late"
    RESTATED = "restated"
    HISTORY = "history"  # was due before the first file of the feed came
    REJECTED = "rejected"  # a file came on its due day, and none of it is published
    MISSING = "missing"
    WAITING = "waiting"
    NOT_DUE = "not due"


@dataclass(frozen=True)
class Day:
    """One business date: the file that counts, its run, and the files that counted before it."""

    date: dt.date
    state: DayState
    file_name: str = ""
    run_id: str | None = None
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeedStatus:
    """One feed as the page shows it. `since` is set with trouble; times are in `zone`."""

    feed_id: str
    partner_name: str
    status: Status
    zone: ZoneInfo
    newest: dt.date | None = None
    since: dt.datetime | None = None
    expected_by: dt.datetime | None = None
    usually_by: str | None = None
    usual_rows: float | None = None
    last: Delivery | None = None
    release_run: str | None = None
    incident: DataIncident | None = None
    days: tuple[Day, ...] = ()

    @property
    def dag_id(self) -> str:
        """The Dag that ingests the feed."""
        return f"ingest_{self.feed_id}"


def feed_statuses(
    services: Services, shown: Collection[str] | None = None, *, days: int = DAYS_SHOWN
) -> list[FeedStatus]:
    """Every feed (of those that may be shown), by partner and id, with its latest dates."""
    now, feeds = services.now(), services.settings.feeds
    wanted = {feed_id: feed for feed_id, feed in feeds.items() if shown is None or feed_id in shown}
    with services.state.begin() as tx:
        seen = {picture.feed_id: picture for picture in pictures(services, tx, now)}
        asking = questions.open_questions(tx)
        incidents = open_incidents(tx)
        found = [
            _status(tx, feed_id, feed, seen.get(feed_id), asking, incidents.get(feed_id), now, days)
            for feed_id, feed in wanted.items()
        ]
    return sorted(found, key=lambda one: (one.partner_name, one.feed_id))


def list_statuses(services: Services, shown: Collection[str] | None = None) -> list[FeedStatus]:
    """Every list (of those that may be shown), by whose it is and id. Only one with `expected` is ever late."""
    masters = services.settings.masters
    found = []
    with services.state.begin() as tx:
        asking = questions.open_questions(tx)
        seen = {picture.feed_id: picture for picture in pictures(services, tx, services.now())}
        incidents = open_incidents(tx)
        for list_id, master in masters.items():
            if shown is not None and list_id not in shown:
                continue
            latest = ledger.latest(tx, list_id, DELIVERIES_READ)
            last = latest[0] if latest else None
            waiting = next((asking[list_id, d.delivery_id] for d in latest if (list_id, d.delivery_id) in asking), None)
            in_place = any(one.status == PUBLISHED for one in latest)
            status = Status.IN_PLACE if in_place else Status.NEW
            if last is not None and last.status == HELD:
                status = Status.HELD
            picture = seen.get(list_id)
            if picture and picture.trouble:
                status = Status(picture.trouble.value)
            found.append(
                FeedStatus(
                    list_id,
                    master.partner_name,
                    status,
                    ZoneInfo(picture.time_zone if picture else "UTC"),
                    newest=picture.newest if picture else None,
                    since=_since(picture) if picture else None,
                    last=last,
                    release_run=waiting,
                    incident=incidents.get(list_id),
                )
            )
    return sorted(found, key=lambda one: (one.partner_name, one.feed_id))


def _status(
    tx: Connection,
    feed_id: str,
    feed: Feed,
    picture: FeedPicture | None,
    asking: Mapping[tuple[str, str], str],
    incident: DataIncident | None,
    now: dt.datetime,
    days: int,
) -> FeedStatus:
    zone = ZoneInfo(feed.expected.time_zone)
    latest = ledger.latest(tx, feed_id, DELIVERIES_READ)
    last = latest[0] if latest else None
    waiting = next((asking[feed_id, one.delivery_id] for one in latest if (feed_id, one.delivery_id) in asking), None)
    if picture is None:
        held = last is not None and last.status == HELD
        status = Status.HELD if held else Status.NEW
        return FeedStatus(feed_id, feed.partner_name, status, zone, last=last, release_run=waiting, incident=incident)
    dates = _days(tx, feed_id, feed, latest, picture.newest, now, days)
    return FeedStatus(
        feed_id,
        feed.partner_name,
        _word(picture.trouble, last, dates),
        zone,
        newest=picture.newest,
        since=_since(picture),
        expected_by=picture.expected_by,
        usually_by=picture.usually_by,
        usual_rows=picture.usual_rows,
        last=last,
        release_run=waiting,
        incident=incident,
        days=dates,
    )


def _word(trouble: Trouble | None, last: Delivery | None, days: tuple[Day, ...]) -> Status:
    if trouble:
        return Status(trouble.value)
    changed = [day.file_name for day in days if day.state is DayState.RESTATED]
    return Status.RESTATED if last and last.file_name in changed else Status.ON_TIME


def _since(picture: FeedPicture) -> dt.datetime | None:
    match picture.trouble:
        case Trouble.HELD:
            return picture.held.received_at if picture.held else None
        case Trouble.LATE | Trouble.SILENT:
            return picture.expected_by
        case _:
            return None


def _days(
    tx: Connection, feed_id: str, feed: Feed, latest: list[Delivery], newest: dt.date, now: dt.datetime, shown: int
) -> tuple[Day, ...]:
    """The latest dates, the newest first; the last one is the newest that has come or is due today."""
    today = now.astimezone(ZoneInfo(feed.expected.time_zone)).date()
    end = max(newest, today - dt.timedelta(days=feed.expected.days_after))
    dates = [end - dt.timedelta(days=n) for n in range(shown)]
    counting = {date: have[feed_id] for date, have in ledger.delivered(tx, dates[-1], end, feeds=[feed_id]).items()}
    begun = ledger.begun(tx, feed_id) or now
    published = sorted((one for one in latest if one.status == PUBLISHED), key=lambda one: one.finished_at or now)
    refused = _refused(feed, latest, [date for date in reversed(dates) if date not in counting], newest)
    return tuple(
        _day(date, feed, counting[date], published, latest, begun)
        if date in counting
        else _absent(date, feed, refused.get(date), now)
        for date in dates
    )


def _refused(feed: Feed, latest: list[Delivery], absent: list[dt.date], newest: dt.date) -> dict[dt.date, Delivery]:
    """The file that was sent for an absent date and is not published, where there is one.

    Nobody can tell for what date a file is that cannot be read: it is taken to be for the oldest date that was waited
    for when it came, else for the one that was due that day.
    """
    zone, wait = ZoneInfo(feed.expected.time_zone), dt.timedelta(days=feed.expected.days_after)
    found: dict[dt.date, Delivery] = {}
    for one in reversed(latest):
        if one.status not in (HELD, DISCARDED):
            continue
        told = [date for date in absent if date.isoformat() in one.business_dates]
        due = [date for date in absent if date + wait <= one.received_at.astimezone(zone).date()]
        awaited = [date for date in due if date > newest and feed.expected.is_due(date)][:1]
        that_day = [date for date in due if date + wait == one.received_at.astimezone(zone).date()]
        found |= dict.fromkeys(told or awaited or that_day, one)
    return found


def _day(
    date: dt.date, feed: Feed, counts: str, published: list[Delivery], latest: list[Delivery], begun: dt.datetime
) -> Day:
    files = [one for one in published if date.isoformat() in one.business_dates]
    current = next((one for one in latest if one.delivery_id == counts), None)
    if current is None or not files:
        return Day(date, DayState.HISTORY)
    earlier = tuple(one.file_name for one in files if one.delivery_id != counts)
    if earlier:
        state = DayState.RESTATED
    elif (cut_off := feed.expected.cut_off(date)) < begun:
        state = DayState.HISTORY
    else:
        state = DayState.ON_TIME if files[0].received_at <= cut_off else DayState.LATE
    return Day(date, state, current.file_name, current.run_id, earlier)


def _absent(date: dt.date, feed: Feed, refused: Delivery | None, now: dt.datetime) -> Day:
    if refused:
        return Day(date, DayState.REJECTED, refused.file_name, refused.run_id)
    if not feed.expected.is_due(date):
        return Day(date, DayState.NOT_DUE)
    return Day(date, DayState.WAITING if feed.expected.cut_off(date) > now else DayState.MISSING)

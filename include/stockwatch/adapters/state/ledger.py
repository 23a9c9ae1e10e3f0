"""The delivery ledger: which files came, what of them counts, which dates were checked on them.

Every function works in the caller's transaction.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import (
    checks,
    control_numbers,
    delivered_dates,
    deliveries,
    landed_files,
    watermarks,
)
from include.stockwatch.errors import HoldCode

USUAL_OVER = 28
"""How many recent dates say how many rows are usual."""
SAME_WEEKDAYS, FEWEST_WEEKDAYS, LOOKED_AT = 8, 3, 400
"""Latest dates of one weekday that say what is usual on it, how few are too few, and among how many dates they are."""


@dataclass(frozen=True)
class Delivery:
    """One file of one feed, known by its content."""

    feed_id: str
    delivery_id: str
    file_name: str
    received_at: dt.datetime
    status: str
    rows_in: int
    rows_published: int
    rows_rejected: int
    business_dates: tuple[str, ...] = ()
    reject_codes: dict[str, int] = field(default_factory=dict)
    holds: tuple[dict[str, str], ...] = ()
    quality: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    finished_at: dt.datetime | None = None
    rows_parked: int = 0
    rows_dropped: int = 0
    observations: int = 0
    drop_rules: dict[str, int] = field(default_factory=dict)
    warnings: tuple[dict[str, Any], ...] = ()
    controls: tuple[dict[str, Any], ...] = ()
    restated: dict[str, Any] = field(default_factory=dict)
    decision: str | None = None
    decided_by: str | None = None
    decided_at: dt.datetime | None = None

    @property
    def is_releasable(self) -> bool:
        """Whether every hold of the file is one that a person may overrule."""
        return all(HoldCode(hold["code"]).is_releasable for hold in self.holds)


LISTS = ("business_dates", "holds", "warnings", "controls")


def file_key(feed_id: str, path: str, size: int, modified: str) -> str:
    """Name of one state of one landed file; a file that still grows never has the same key twice."""
    return hashlib.sha256("\0".join((feed_id, path, str(size), modified)).encode()).hexdigest()[:24]


def claim(tx: Connection, feed_id: str, path: str, key: str, now: dt.datetime, *, settled: bool = False) -> bool:
    """Look at a landed file once; the second look at an unchanged file claims it. True when claimed by this look.

    `settled` claims at the first look, for stores whose files appear whole.
    """
    row = tx.execute(sa.select(landed_files.c.status).where(landed_files.c.file_key == key)).first()
    if row is None:
        same = sa.and_(landed_files.c.feed_id == feed_id, landed_files.c.path == path)
        tx.execute(landed_files.delete().where(same, landed_files.c.status == "seen"))  # what it was before it grew
        status = "claimed" if settled else "seen"
        values = {"file_key": key, "feed_id": feed_id, "path": path, "status": status, "first_seen_at": now}
        tx.execute(landed_files.insert().values(**values, claimed_at=now if settled else None))
        return settled
    if row.status != "seen":
        return False
    tx.execute(landed_files.update().where(landed_files.c.file_key == key).values(status="claimed", claimed_at=now))
    return True


def claimed(tx: Connection) -> list[tuple[str, str]]:
    """Feed and key of every file that is claimed and whose ingest has not started, oldest claim first."""
    waiting = sa.select(landed_files.c.feed_id, landed_files.c.file_key).where(landed_files.c.status == "claimed")
    return [
        (row.feed_id, row.file_key)
        for row in tx.execute(waiting.order_by(landed_files.c.claimed_at, landed_files.c.path))
    ]


def start_file(tx: Connection, key: str) -> str | None:
    """Note that the ingest of a claimed file has started; returns where the file lies."""
    mine = landed_files.c.file_key == key
    tx.execute(landed_files.update().where(mine, landed_files.c.status == "claimed").values(status="ingesting"))
    return tx.execute(sa.select(landed_files.c.path).where(mine)).scalar()


def finish_file(tx: Connection, key: str, status: str, delivery_id: str) -> None:
    """Note that a claimed file was ingested (`done`) or held (`failed`)."""
    change = landed_files.update().where(landed_files.c.file_key == key)
    tx.execute(change.values(status=status, delivery_id=delivery_id))


def in_flight(tx: Connection, since: dt.datetime) -> int:
    """Files seen or claimed after `since` that are neither ingested nor held yet."""
    lately = sa.func.coalesce(landed_files.c.claimed_at, landed_files.c.first_seen_at) >= since
    waiting = sa.and_(landed_files.c.status.in_(("seen", "claimed", "ingesting")), lately)
    return tx.execute(sa.select(sa.func.count()).select_from(landed_files).where(waiting)).scalar_one()


def delivery(tx: Connection, feed_id: str, delivery_id: str) -> Delivery | None:
    """A delivery by its content, if it is known."""
    mine = sa.and_(deliveries.c.feed_id == feed_id, deliveries.c.delivery_id == delivery_id)
    row = tx.execute(sa.select(deliveries).where(mine)).first()
    return None if row is None else _delivery(row)


def runs_of(tx: Connection, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The Dag run that ingested each of some deliveries, by feed and delivery."""
    keys = sorted(set(wanted))
    mine = sa.tuple_(deliveries.c.feed_id, deliveries.c.delivery_id).in_(keys)
    query = sa.select(deliveries.c.feed_id, deliveries.c.delivery_id, deliveries.c.run_id).where(mine)
    return {(row.feed_id, row.delivery_id): row.run_id for row in tx.execute(query) if row.run_id} if keys else {}


def delivery_of_run(tx: Connection, feed_id: str, run_id: str) -> Delivery | None:
    """The delivery that a Dag run of a feed ingested."""
    mine = sa.select(deliveries).where(deliveries.c.feed_id == feed_id, deliveries.c.run_id == run_id)
    row = tx.execute(mine.order_by(deliveries.c.received_at.desc())).first()
    return None if row is None else _delivery(row)


def _delivery(row: Any) -> Delivery:
    values = dict(row._mapping)
    values |= {name: tuple(values[name]) for name in LISTS}
    return Delivery(**values)


def record(tx: Connection, found: Delivery) -> None:
    """Store a delivery, replacing what was known of it."""
    mine = sa.and_(deliveries.c.feed_id == found.feed_id, deliveries.c.delivery_id == found.delivery_id)
    tx.execute(deliveries.delete().where(mine))
    values = found.__dict__ | {name: list(getattr(found, name)) for name in LISTS}
    tx.execute(deliveries.insert().values(**values))


def reused_numbers(
    tx: Connection, feed_id: str, delivery_id: str, numbers: Iterable[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """Sender, control number and earlier delivery of the interchanges that another delivery of the feed carried."""
    found = []
    for sender, number in numbers:
        mine = (
            control_numbers.c.feed_id == feed_id,
            control_numbers.c.sender == sender,
            control_numbers.c.number == number,
        )
        first = tx.execute(sa.select(control_numbers.c.delivery_id).where(*mine)).scalar()
        if first not in (None, delivery_id):
            found.append((sender, number, str(first)))
    return found


def record_numbers(tx: Connection, feed_id: str, delivery_id: str, numbers: Iterable[tuple[str, str]]) -> None:
    """Note the interchanges of a published delivery; the first that carried a number keeps it."""
    for sender, number in sorted(set(numbers)):
        values = {"feed_id": feed_id, "sender": sender, "number": number}
        known = sa.and_(*(control_numbers.c[name] == value for name, value in values.items()))
        if tx.execute(sa.select(control_numbers.c.delivery_id).where(known)).scalar() is None:
            tx.execute(control_numbers.insert().values(**values, delivery_id=delivery_id))


def undecided(tx: Connection) -> list[Delivery]:
    """Held deliveries that wait for a person, oldest first."""
    held = sa.select(deliveries).where(deliveries.c.status == "held", deliveries.c.decision.is_(None))
    return [_delivery(row) for row in tx.execute(held.order_by(deliveries.c.received_at))]


def held(tx: Connection, count: int) -> list[Delivery]:
    """The deliveries that were held last, decided or not, the newest first."""
    was_held = sa.or_(deliveries.c.status.in_(("held", "discarded")), deliveries.c.decision.is_not(None))
    query = sa.select(deliveries).where(was_held).order_by(deliveries.c.received_at.desc()).limit(count)
    return [_delivery(row) for row in tx.execute(query)]


def parked(tx: Connection, feeds: Iterable[str]) -> list[Delivery]:
    """Published deliveries with parked rows that still count for some date, oldest first.

    One that was read again and not published since, because somebody pulled the plug, is among them.
    """
    counts = sa.exists().where(
        delivered_dates.c.feed_id == deliveries.c.feed_id, delivered_dates.c.delivery_id == deliveries.c.delivery_id
    )
    nothing_good = deliveries.c.rows_published == 0
    published = sa.and_(deliveries.c.status == "published", deliveries.c.rows_parked > 0, counts | nothing_good)
    begun = sa.and_(deliveries.c.status == "read", deliveries.c.finished_at.is_not(None))
    waiting = sa.select(deliveries).where(deliveries.c.feed_id.in_(list(feeds)), published | begun)
    return [_delivery(row) for row in tx.execute(waiting.order_by(deliveries.c.received_at))]


def latest(tx: Connection, feed_id: str, count: int) -> list[Delivery]:
    """The deliveries of a feed that came last, the newest first."""
    mine = sa.select(deliveries).where(deliveries.c.feed_id == feed_id).order_by(deliveries.c.received_at.desc())
    return [_delivery(row) for row in tx.execute(mine.limit(count))]


def came(tx: Connection, feed_id: str, count: int) -> list[tuple[dt.datetime, tuple[str, ...], int]]:
    """The published files of a feed that came last, the newest first: when, with which dates and how many rows.

    The same bytes that landed again are one delivery, and came again.
    """
    same = sa.and_(landed_files.c.feed_id == feed_id, landed_files.c.delivery_id == deliveries.c.delivery_id)
    at = sa.func.coalesce(landed_files.c.claimed_at, deliveries.c.received_at, type_=deliveries.c.received_at.type)
    files = sa.outerjoin(deliveries, landed_files, sa.and_(same, landed_files.c.status == "done"))
    query = sa.select(at, deliveries.c.business_dates, deliveries.c.rows_in).select_from(files)
    mine = sa.and_(deliveries.c.feed_id == feed_id, deliveries.c.status == "published")
    return [
        (at, tuple(dates), rows) for at, dates, rows in tx.execute(query.where(mine).order_by(at.desc()).limit(count))
    ]


def deliver_dates(
    tx: Connection,
    feed_id: str,
    delivery_id: str,
    rows_per_date: dict[dt.date, int],
    now: dt.datetime,
    units_sold: Mapping[dt.date, float | None] = MappingProxyType({}),
) -> None:
    """Make a delivery the one that counts for its dates. One that counted before has a new revision of them.

    `units_sold` is what all rows of a date sold together; none where they say nothing of sales.
    """
    dates = list(rows_per_date)
    again: dict[dt.date, int] = {}
    for start in range(0, len(dates), 500):  # SQLite allows 32,766 bound values
        some = dates[start : start + 500]
        mine = sa.and_(delivered_dates.c.feed_id == feed_id, delivered_dates.c.business_date.in_(some))
        before = sa.select(delivered_dates.c.business_date, delivered_dates.c.revision)
        same = before.where(mine, delivered_dates.c.delivery_id == delivery_id)
        again |= {row.business_date: row.revision + 1 for row in tx.execute(same)}
        tx.execute(delivered_dates.delete().where(mine))
    if dates:
        common = {"feed_id": feed_id, "delivery_id": delivery_id, "published_at": now}
        rows = [
            {
                **common,
                "business_date": date,
                "rows": rows_per_date[date],
                "units_sold": units_sold.get(date),
                "revision": again.get(date, 0),
            }
            for date in dates
        ]
        tx.execute(delivered_dates.insert(), rows)


def counting(tx: Connection, feed_id: str) -> dict[dt.date, tuple[str, dt.datetime]]:
    """For every delivered date of a feed, the file that counts and when it came."""
    same = sa.and_(
        deliveries.c.feed_id == delivered_dates.c.feed_id, deliveries.c.delivery_id == delivered_dates.c.delivery_id
    )
    columns = (delivered_dates.c.business_date, deliveries.c.file_name, deliveries.c.received_at)
    query = sa.select(*columns).join(deliveries, same).where(delivered_dates.c.feed_id == feed_id)
    return {date: (file_name, received_at) for date, file_name, received_at in tx.execute(query)}


def arrivals(tx: Connection, feed_id: str, count: int) -> dict[dt.date, dt.datetime]:
    """When the first file of which a date is the newest came, of the latest published files of a feed: neither what
    corrected it nor the history in it says when a date comes."""
    published = (deliveries.c.feed_id == feed_id) & (deliveries.c.status == "published")
    latest = sa.select(deliveries.c.business_dates, deliveries.c.received_at).where(published)
    found: dict[dt.date, dt.datetime] = {}
    for dates, received_at in tx.execute(latest.order_by(deliveries.c.received_at.desc()).limit(2 * count)):
        if dates:
            found[dt.date.fromisoformat(max(dates))] = received_at
    return dict(sorted(found.items())[-count:])


def begun(tx: Connection, feed_id: str) -> dt.datetime | None:
    """When the first file of a feed came that was published; none if none was."""
    published = (deliveries.c.feed_id == feed_id) & (deliveries.c.status == "published")
    return tx.execute(sa.select(sa.func.min(deliveries.c.received_at)).where(published)).scalar()


def usual_rows_by_date(tx: Connection, feed_id: str, dates: Iterable[dt.date], besides: str) -> dict[dt.date, float]:
    """Rows that are usual on each of some dates: the median of the latest dates of its weekday, where there are enough
    of them, else of the feed's latest dates. Dates of one delivery (`besides`) say nothing; a new feed gives no value.
    """
    usual = _usual_of_weekdays(_latest_figures(tx, delivered_dates.c.rows, feed_id, besides))
    return {date: usual[date.weekday()] for date in dates} if usual else {}


def _latest_figures(tx: Connection, of: sa.Column[Any], feed_id: str, besides: str) -> list[tuple[int, float]]:
    """Weekday and figure of the latest dates of a feed, newest first."""
    mine = sa.and_(
        delivered_dates.c.feed_id == feed_id, delivered_dates.c.delivery_id != besides, delivered_dates.c.rows > 0
    )
    day = delivered_dates.c.business_date
    query = sa.select(day, of).where(mine, of.is_not(None)).order_by(day.desc()).limit(LOOKED_AT)
    return [(date.weekday(), value) for date, value in tx.execute(query)]


def _usual_of_weekdays(latest: Sequence[tuple[int, float]]) -> dict[int, float]:
    if not latest:
        return {}
    otherwise = statistics.median(value for _, value in latest[:USUAL_OVER])
    usual = {}
    for weekday in range(7):
        alike = [value for day, value in latest if day == weekday][:SAME_WEEKDAYS]
        usual[weekday] = float(statistics.median(alike) if len(alike) >= FEWEST_WEEKDAYS else otherwise)
    return usual


@dataclass(frozen=True)
class DateFigures:
    """What a feed delivered of one date, and what is usual on it; units are none where rows say nothing of sales.

    `least_units_sold` is the least of the latest dates on whose weekdays something usually sells.
    """

    rows: int = 0
    usual_rows: float | None = None
    units_sold: float | None = None
    usual_units_sold: float | None = None
    least_units_sold: float | None = None


def figures_of(tx: Connection, feed_id: str, date: dt.date) -> DateFigures:
    """What a feed delivered of a date; nothing where it did not."""
    mine = sa.and_(delivered_dates.c.feed_id == feed_id, delivered_dates.c.business_date == date)
    columns = (delivered_dates.c.delivery_id, delivered_dates.c.rows, delivered_dates.c.units_sold)
    row = tx.execute(sa.select(*columns).where(mine)).first()
    if row is None:
        return DateFigures()
    rows, sold = (
        _latest_figures(tx, column, feed_id, row.delivery_id)
        for column in (delivered_dates.c.rows, delivered_dates.c.units_sold)
    )
    usual_rows, usual_sold = _usual_of_weekdays(rows), _usual_of_weekdays(sold)
    least = min((units for weekday, units in sold[:USUAL_OVER] if usual_sold[weekday] > 0), default=None)
    weekday = date.weekday()
    return DateFigures(row.rows, usual_rows.get(weekday), row.units_sold, usual_sold.get(weekday), least)


def delivered(
    tx: Connection,
    first: dt.date | None = None,
    last: dt.date | None = None,
    feeds: Iterable[str] | None = None,
) -> dict[dt.date, dict[str, str]]:
    """For every delivered date, the feeds (all, or of those given) that have it and the delivery that counts."""
    query = sa.select(delivered_dates.c.business_date, delivered_dates.c.feed_id, delivered_dates.c.delivery_id)
    if first:
        query = query.where(delivered_dates.c.business_date >= first)
    if last:
        query = query.where(delivered_dates.c.business_date <= last)
    if feeds is not None:
        query = query.where(delivered_dates.c.feed_id.in_(list(feeds)))
    found: dict[dt.date, dict[str, str]] = {}
    for row in tx.execute(query.order_by(delivered_dates.c.business_date)):
        found.setdefault(row.business_date, {})[row.feed_id] = row.delivery_id
    return found


def with_rows(tx: Connection, first: dt.date, last: dt.date, feeds: Iterable[str]) -> set[tuple[dt.date, str]]:
    """The delivered dates that brought rows, each with its feed."""
    query = sa.select(delivered_dates.c.business_date, delivered_dates.c.feed_id).where(
        delivered_dates.c.business_date.between(first, last),
        delivered_dates.c.feed_id.in_(list(feeds)),
        delivered_dates.c.rows > 0,
    )
    return {(row.business_date, row.feed_id) for row in tx.execute(query)}


def delivered_span(tx: Connection) -> dict[str, tuple[dt.date, dt.date]]:
    """First and last delivered date of every feed."""
    day = delivered_dates.c.business_date
    query = sa.select(delivered_dates.c.feed_id, sa.func.min(day), sa.func.max(day)).group_by(delivered_dates.c.feed_id)
    return {feed: (first, last) for feed, first, last in tx.execute(query)}


def revised(tx: Connection) -> dict[dt.date, dict[str, int]]:
    """The revisions of deliveries that were published again with rows that had been parked, by date and feed."""
    columns = (delivered_dates.c.business_date, delivered_dates.c.feed_id, delivered_dates.c.revision)
    found: dict[dt.date, dict[str, int]] = {}
    for row in tx.execute(sa.select(*columns).where(delivered_dates.c.revision > 0)):
        found.setdefault(row.business_date, {})[row.feed_id] = row.revision
    return found


def revise(tx: Connection, feeds: Iterable[str], date: dt.date) -> None:
    """Have a date looked at again on the same deliveries, because somebody has decided about it."""
    mine = sa.and_(delivered_dates.c.feed_id.in_(list(feeds)), delivered_dates.c.business_date == date)
    tx.execute(delivered_dates.update().where(mine).values(revision=delivered_dates.c.revision + 1))


def inputs_of(
    date: dt.date,
    delivered: Mapping[dt.date, Mapping[str, str]],
    revised: Mapping[dt.date, Mapping[str, int]],
    lookback_days: int,
    awaited: Collection[str] = (),
) -> str:
    """Name of what a date is checked on: the deliveries that count, and their revisions, of all days it looks back on,
    itself among them; and which feeds are `awaited`, so that what they bring before they are settled is no news.
    `delivered` and `revised` as the functions of that name give them."""
    named: list[tuple[Any, ...]] = [
        (day.isoformat(), feed, delivery, revised.get(day, {}).get(feed, 0))
        for day, feeds in delivered.items()
        if 0 <= (date - day).days < lookback_days
        for feed, delivery in feeds.items()
        if feed not in awaited
    ]
    named += [(feed,) for feed in awaited]
    return hashlib.sha256(repr(sorted(named)).encode()).hexdigest()[:12]


def checked(tx: Connection, first: dt.date) -> dict[dt.date, set[str]]:
    """The dates from `first` on that were checked, and on what."""
    found: dict[dt.date, set[str]] = {}
    for row in tx.execute(sa.select(checks).where(checks.c.business_date >= first)):
        found.setdefault(row.business_date, set()).add(row.inputs)
    return found


def restated(tx: Connection, first: dt.date, last: dt.date) -> list[dt.date]:
    """The dates between two that were checked on more than one state of their deliveries, or more than once while
    partners were awaited, and the last if it was checked; the oldest first."""
    day = checks.c.business_date
    again = sa.or_(sa.func.count() > 1, day == last)
    query = sa.select(day).where(day.between(first, last)).group_by(day).having(again).order_by(day)
    return list(tx.execute(query).scalars())


def latest_check(tx: Connection) -> tuple[dt.date, dt.datetime] | None:
    """The newest business date that was checked, and when anything was checked last; none before the first check.

    A date on which partners are awaited is passed over while there is one without: it is not whole.
    """
    when = tx.execute(sa.select(sa.func.max(checks.c.checked_at))).scalar()
    if when is None:
        return None
    day = checks.c.business_date
    dates = tx.execute(sa.select(day, checks.c.summary["awaited"]).order_by(day.desc()).limit(LOOKED_AT)).all()
    return next((date for date, awaited in dates if not awaited), dates[0][0]), when


def record_check(tx: Connection, date: dt.date, inputs: str, now: dt.datetime, summary: dict[str, Any]) -> None:
    """Note that a date was checked on these inputs."""
    mine = sa.and_(checks.c.business_date == date, checks.c.inputs == inputs)
    tx.execute(checks.delete().where(mine))
    tx.execute(checks.insert().values(business_date=date, inputs=inputs, checked_at=now, summary=summary))


def watermark(tx: Connection) -> dict[str, dt.date]:
    """Latest date with fresh data that was decided on, by partner."""
    return {row.partner: row.business_date for row in tx.execute(sa.select(watermarks))}


def raise_watermark(tx: Connection, partner: str, date: dt.date) -> None:
    """Note that a partner's date was decided on; older dates no longer move its incidents."""
    before = watermark(tx).get(partner)
    if before is None:
        tx.execute(watermarks.insert().values(partner=partner, business_date=date))
    elif date > before:
        tx.execute(watermarks.update().where(watermarks.c.partner == partner).values(business_date=date))

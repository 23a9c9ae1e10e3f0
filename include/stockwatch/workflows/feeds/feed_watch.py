"""Watch the feeds: late, silent, held, too small or without sales is told once, as a data incident, and never as a
stock-out."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Sequence, Set
from statistics import median
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from include.stockwatch.adapters.state import incidents, ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.alerting.case import STOCK_KINDS, Decision, Kind
from include.stockwatch.alerting.data_incident import (
    DataIncident,
    FeedPicture,
    HeldFile,
    Reason,
    decide,
    fingerprint_of,
)
from include.stockwatch.settings.feed import Expected, Feed
from include.stockwatch.settings.master import Master
from include.stockwatch.workflows.incidents.record import record_all
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import LATEST_FILES, told_until

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

log = logging.getLogger(__name__)

LOOK_BACK, LOOK_AHEAD = 400, 60
"""Days in which due dates are looked for, before and after today."""
SKIPPED_DAYS = 14
"""Days in which dates that a later one overtook are told of."""
ARRIVALS, FEWEST_ARRIVALS, ON_TIME_SHARE = 28, 5, 0.95
"""Latest dates that say when a feed usually arrives, how few say nothing, and the share that had come by then."""


def watch(services: Services, *, actor: str = "command line") -> dict[str, Any]:
    """Decide on every feed that has delivered before; store events and messages in one transaction.

    Repeating it while nothing changes gives no second event or message.
    """
    now = services.now()
    changed: dict[str, list[str]] = {"opened": [], "updated": [], "resolved": [], "reopened": []}
    reasons: Counter[str] = Counter()
    decisions: list[Decision[DataIncident]] = []
    with services.state.begin() as tx:
        ongoing = open_incidents(tx)
        ids = incidents.new_ids(tx, Kind.FEED_PROBLEM, now.year)
        tenant = services.settings.stockwatch.tenant
        candidate = next(ids)
        marked = {fingerprint_of(picture, tenant): picture for picture in pictures(services, tx, now)}
        before = incidents.latest_resolved(tx, marked)
        for mark, picture in marked.items():
            decision = decide(
                picture,
                ongoing.get(picture.feed_id),
                tenant=tenant,
                new_id=candidate,
                now=now,
                previous=before.get(mark),
            )
            reasons[decision.reason.value] += 1
            kind, incident = decision.event_kind, decision.incident
            if kind is None or incident is None:
                continue
            if decision.reason is Reason.FIRST:
                candidate = next(ids)
            decisions.append(decision)
            changed[kind].append(incident.incident_id)
        record_all(services, tx, decisions, at=now, actor=actor)
        open_now = incidents.count_open(tx, [Kind.FEED_PROBLEM])
    log.info("feeds: %s data incidents open, %s", open_now, dict(reasons))
    return {**changed, "open": open_now, "reasons": dict(sorted(reasons.items()))}


def open_incidents(tx: Connection) -> dict[str, DataIncident]:
    """Data incidents that are not resolved, by feed."""
    return {one.feed_id: one for one in incidents.open_incidents(tx, [Kind.FEED_PROBLEM]).values()}


def pictures(services: Services, tx: Connection, now: dt.datetime) -> list[FeedPicture]:
    """One picture per feed that has delivered before, in the order of their ids; of lists, per one that is expected."""
    settings = services.settings
    newest = {feed_id: last for feed_id, (_, last) in ledger.delivered_span(tx).items()}
    lists = {list_id: one for list_id, one in settings.masters.items() if one.expected}
    held: dict[str, Delivery] = {found.feed_id: found for found in ledger.undecided(tx)}  # the newest of each feed
    for list_id, one in lists.items():
        if files := ledger.came(tx, list_id, LATEST_FILES):
            newest[list_id] = told_until(files, one.expected)
            if list_id in held and files[0][0] > held[list_id].received_at:
                del held[list_id]
    frozen: dict[str, list[str]] = {}
    for incident in incidents.open_incidents(tx, STOCK_KINDS).values():
        if incident.data_stale:
            frozen.setdefault(incident.partner, []).append(incident.incident_id)

    def stands_still(feed_id: str, feed: Feed | Master) -> list[str]:
        return [] if feed_id in lists else frozen.get(feed.partner or "", [])

    return [
        _picture(services, tx, feed_id, feed, newest[feed_id], held.get(feed_id), stands_still(feed_id, feed), now)
        for feed_id, feed in sorted({**settings.feeds, **lists}.items())
        if feed_id in newest
    ]


def _picture(
    services: Services,
    tx: Connection,
    feed_id: str,
    feed: Feed | Master,
    newest: dt.date,
    held: Delivery | None,
    frozen: list[str],
    now: dt.datetime,
) -> FeedPicture:
    expected, partner = feed.expected or Expected(), feed.partner or ""
    came = ledger.counting(tx, feed_id)
    if held and any(received_at > held.received_at for _, received_at in came.values()):
        held = None  # a file that came later was published: nobody waits for this one
    missing = overdue(expected, newest, now)
    awaited = missing[0] if missing else next_due(expected, newest)
    figures = ledger.figures_of(tx, feed_id, newest)
    route = services.settings.routes.route(partner, None)
    return FeedPicture(
        feed_id=feed_id,
        partner=partner,
        partner_name=feed.partner_name,
        time_zone=expected.time_zone,
        channel=route.channel,
        owner=route.owner,
        newest=newest,
        missing=missing,
        skipped=skipped(expected, set(came), newest),
        wanted=missing[-1] if missing else awaited if held else newest,
        expected_by=expected.cut_off(awaited),
        usually_by=usually_by(expected, ledger.arrivals(tx, feed_id, ARRIVALS)),
        held=_held(held, ledger.came(tx, feed_id, LATEST_FILES)) if held else None,
        rows=figures.rows,
        usual_rows=figures.usual_rows,
        units_sold=figures.units_sold,
        usual_units_sold=figures.usual_units_sold,
        least_units_sold=figures.least_units_sold,
        min_rows_share=feed.quality.min_rows_share,
        frozen=tuple(sorted(frozen)),
    )


def _held(found: Delivery, before: Sequence[tuple[dt.datetime, tuple[str, ...], int]]) -> HeldFile:
    usual = [rows / max(len(dates), 1) for _, dates, rows in before]  # of one date: history comes in one file
    return HeldFile(
        file_name=found.file_name,
        received_at=found.received_at,
        codes=tuple(hold["code"] for hold in found.holds),
        rows_in=found.rows_in,
        usual_rows_in=max(len(found.business_dates), 1) * median(usual) if usual else None,
        rows_rejected=found.rows_rejected,
        is_releasable=found.is_releasable,
    )


def overdue(expected: Expected, newest: dt.date, now: dt.datetime) -> tuple[dt.date, ...]:
    """Dates after the newest delivered one that are due and past their cut-off, oldest first."""
    first = max(newest + dt.timedelta(days=1), now.date() - dt.timedelta(days=LOOK_BACK))
    days = (
        first + dt.timedelta(days=n) for n in range((now.date() - first).days + 2)
    )  # a day is ahead of UTC somewhere
    return tuple(date for date in days if expected.is_due(date) and expected.cut_off(date) <= now)


def skipped(expected: Expected, came: Set[dt.date], newest: dt.date) -> tuple[dt.date, ...]:
    """Due dates of the last `SKIPPED_DAYS` before the newest one, and after the first that came, that did not come."""
    first = max(min(came, default=newest), newest - dt.timedelta(days=SKIPPED_DAYS))
    days = (first + dt.timedelta(days=n) for n in range((newest - first).days))
    return tuple(date for date in days if expected.is_due(date) and date not in came)


def next_due(expected: Expected, after: dt.date) -> dt.date:
    """The first date after another that the partner reports."""
    days = (after + dt.timedelta(days=n) for n in range(1, LOOK_AHEAD))
    return next((date for date in days if expected.is_due(date)), after + dt.timedelta(days=1))


def usually_by(expected: Expected, received: dict[dt.date, dt.datetime]) -> str | None:
    """By when nearly all of some dates had come, on the partner's clock: `07:10`, or `07:10 a day later`.

    Dates that came more than three days after they were due (history, corrections) say nothing. None if too few do.
    """
    lags = []
    for date, at in received.items():
        due_day = dt.datetime.combine(date + dt.timedelta(days=expected.days_after), dt.time.min)
        local = at.astimezone(ZoneInfo(expected.time_zone)).replace(tzinfo=None)
        lag = local - due_day
        if dt.timedelta(days=-1) < lag < dt.timedelta(days=3):
            lags.append(lag)
    if len(lags) < FEWEST_ARRIVALS:
        return None
    lag = sorted(lags)[min(len(lags) - 1, int(len(lags) * ON_TIME_SHARE))]
    days, rest = divmod(lag, dt.timedelta(days=1))
    clock = f"{rest // dt.timedelta(hours=1):02d}:{rest // dt.timedelta(minutes=1) % 60:02d}"
    words = {-1: " a day earlier", 0: "", 1: " a day later"}
    return clock + words.get(days, f" {days} days later")

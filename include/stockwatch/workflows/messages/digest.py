"""The daily digest: what a channel has to know of its day, once, at its own opening (A-57)."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import bulletins, incidents, silences
from include.stockwatch.adapters.state import follow_up as store
from include.stockwatch.alerting.case import Case, Kind
from include.stockwatch.alerting.data_incident import DataIncident
from include.stockwatch.alerting.messages.digest import Day, Feed, daily
from include.stockwatch.alerting.routing import Route, Routes, facts_of
from include.stockwatch.alerting.silence import Silence, silenced_by
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

LATEST = dt.timedelta(hours=3)
"""After a channel's opening: what begins later has its own message, and is no news of the morning."""

log = logging.getLogger(__name__)


def post(services: Services) -> dict[str, Any]:
    """Post the digest of the day in every channel whose business day has just begun and that has none yet.

    A channel in which nothing is open and nothing happened gets none.
    """
    now, routes = services.now(), services.settings.routes
    posted = []
    with services.state.begin() as tx:
        open_now: dict[str, list[Case]] = {route.channel: [] for route in routes.routes if not route.continue_}
        for case in incidents.open_incidents(tx, tuple(Kind)).values():
            open_now.setdefault(case.channel, []).append(case)
        quiet = silences.active(tx, now)
        for channel, cases in open_now.items():
            hours = _route(routes, channel).hours
            date = hours.local_date(now)
            opens = hours.span(date)[0]
            if not hours.is_business_day(date) or not opens <= now < opens + LATEST:
                continue
            day = _day(tx, channel, cases, quiet, date, hours.previous_opening(now), now)
            name = f"DAY-{date.isoformat()}"
            told = day.is_worth_telling() and bulletins.publish(
                tx, daily(day), bulletin_id=name, channel=channel, now=now, once=True
            )
            if told:
                posted.append(channel)
    log.info("daily digest: %s channels", len(posted))
    return {"posted": posted, "channels": list(open_now)}


def _route(routes: Routes, channel: str) -> Route:
    """The route whose hours count in a channel: its first one; the last of all where no route has it any more."""
    return next((route for route in routes.routes if route.channel == channel), routes.routes[-1])


def _day(
    tx: Connection,
    channel: str,
    cases: list[Case],
    quiet: list[Silence],
    date: dt.date,
    since: dt.datetime,
    now: dt.datetime,
) -> Day:
    opened, resolved = store.counted_since(tx, channel, since)
    shown = store.with_root(tx, channel)
    return Day(
        on=date,
        since=since,
        open_now=tuple(cases),
        opened=opened,
        resolved=resolved,
        unseen=tuple(_name(case) for case in store.unseen(tx, channel, since)),
        without_message=sum(case.incident_id not in shown for case in cases),
        silenced=sum(silenced_by(facts_of(case), quiet, now) is not None for case in cases),
        feeds=tuple(
            Feed(feed_id=one.feed_id, partner_name=one.partner_name, trouble=one.trouble.value, newest=one.newest)
            for one in cases
            if isinstance(one, DataIncident)
        ),
    )


def _name(case: Case) -> str:
    item = case.listed().item_name
    return f"{item} at {case.partner_name} {case.incident_id}" if item else f"{case.partner_name} {case.incident_id}"

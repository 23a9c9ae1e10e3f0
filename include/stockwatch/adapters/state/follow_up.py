"""What the clock asks of open incidents: whose they are, which nobody took, and a channel's day.

Every function works in the caller's transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.incidents import IS_OPEN, read
from include.stockwatch.adapters.state.outbox import POST, SENT, UNSHOWN
from include.stockwatch.adapters.state.tables import incident_events, incidents, outbox
from include.stockwatch.alerting.case import STARTS, Case, Kind, Severity, Standing
from include.stockwatch.alerting.follow_up import FOLLOWED_UP
from include.stockwatch.alerting.routing import Facts, facts_of
from include.stockwatch.alerting.silence import OVER, Silence


class Owned(NamedTuple):
    """An open incident as routes see it, and whom it belongs to."""

    incident_id: str
    facts: Facts
    owner: str


class Sum(NamedTuple):
    """What is open at a partner in a currency."""

    partner: str
    currency: str | None
    incidents: int
    money_at_risk: float | None


def owned(tx: Connection) -> list[Owned]:
    """Every open incident, without reading its state."""
    rows = tx.execute(sa.select(incidents).where(IS_OPEN).order_by(incidents.c.incident_id))
    return [
        Owned(
            row.incident_id,
            Facts(
                partner=row.partner,
                brand=row.brand,
                category=row.category,
                item=row.item_id or None,
                kind=Kind(row.kind),
                cause=row.cause,
                severity=Severity(row.severity) if row.severity else None,
            ),
            row.owner,
        )
        for row in rows
    ]


def unanswered(tx: Connection) -> list[Case]:
    """Open incidents that nobody took and somebody is reminded of, on fresh data."""
    severe = incidents.c.severity.in_([severity.value for severity in FOLLOWED_UP])
    wanted = sa.and_(incidents.c.standing == Standing.OPEN.value, severe, incidents.c.data_stale.is_(False))
    query = sa.select(incidents.c.kind, incidents.c.state).where(wanted).order_by(incidents.c.incident_id)
    return [read(row.kind, row.state) for row in tx.execute(query)]


def untold(tx: Connection, silence: Silence) -> list[Case]:
    """Open incidents that began during a silence that is over, have no root message, and were not told since."""
    mine, sent = (
        incident_events.c.incident_id == incidents.c.incident_id,
        outbox.c.incident_id == incidents.c.incident_id,
    )
    at = incident_events.c.at
    began = sa.exists().where(mine, incident_events.c.kind.in_(STARTS), at >= silence.starts_at, at < silence.ends_at)
    told = sa.exists().where(mine, incident_events.c.kind == OVER, at >= silence.ends_at)
    shown = sa.exists().where(
        sent, outbox.c.channel == incidents.c.channel, outbox.c.operation == POST, outbox.c.status.not_in(UNSHOWN)
    )
    query = sa.select(incidents.c.kind, incidents.c.state).where(IS_OPEN, began, ~told, ~shown)
    found = [read(row.kind, row.state) for row in tx.execute(query.order_by(incidents.c.incident_id))]
    return [case for case in found if silence.match.accepts(facts_of(case))]


def sums(tx: Connection, kinds: Collection[str]) -> list[Sum]:
    """What is open of some kinds, by partner and currency, most money first."""
    money = sa.func.sum(incidents.c.money_at_risk)
    by = (incidents.c.partner, incidents.c.currency)
    query = sa.select(*by, sa.func.count(), money).where(IS_OPEN, incidents.c.kind.in_(list(kinds))).group_by(*by)
    return sorted((Sum(*row) for row in tx.execute(query)), key=lambda one: -(one.money_at_risk or 0.0))


def counted_since(tx: Connection, channel: str, since: dt.datetime) -> tuple[int, int]:
    """Incidents of a channel that were opened, and that were resolved, from a moment on."""
    found = [
        tx.execute(
            sa.select(sa.func.count()).select_from(incidents).where(incidents.c.channel == channel, column >= since)
        ).scalar()
        for column in (incidents.c.opened_at, incidents.c.resolved_at)
    ]
    return found[0] or 0, found[1] or 0


def unseen(tx: Connection, channel: str, since: dt.datetime) -> list[Case]:
    """Incidents of a channel that ended, from a moment on, before it was told of them."""
    roots = (
        outbox.c.incident_id == incidents.c.incident_id,
        outbox.c.channel == channel,
        outbox.c.operation == POST,
    )
    withdrawn = sa.exists().where(*roots, outbox.c.status == "superseded")
    told = sa.exists().where(*roots, outbox.c.status.in_((*SENT, "lost")))
    wanted = sa.and_(incidents.c.channel == channel, incidents.c.resolved_at >= since, withdrawn, ~told)
    query = sa.select(incidents.c.kind, incidents.c.state).where(wanted).order_by(incidents.c.incident_id)
    return [read(row.kind, row.state) for row in tx.execute(query)]


def with_root(tx: Connection, channel: str) -> set[str]:
    """Open incidents that a channel shows, or is about to."""
    shown = sa.and_(outbox.c.channel == channel, outbox.c.operation == POST, outbox.c.status.not_in(UNSHOWN))
    query = sa.select(outbox.c.incident_id).join(incidents, incidents.c.incident_id == outbox.c.incident_id)
    return set(tx.execute(query.where(shown, IS_OPEN)).scalars())

"""Whether a channel shows an incident, or is about to. Works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.outbox import POST, UNSHOWN
from include.stockwatch.adapters.state.tables import outbox


class Root(StrEnum):
    """How the root message of an incident stands in a channel."""

    NONE = "none"  # there is none, or it was withdrawn or given up
    HELD = "held"  # it waits for office hours: nobody has seen it
    SHOWN = "shown"  # it is there, or on its way


def root(tx: Connection, incident_id: str, channel: str, now: dt.datetime) -> Root:
    """How the root message of an incident, or a bulletin, stands in a channel."""
    wanted = sa.and_(_of(incident_id, channel), outbox.c.operation == POST, outbox.c.status.not_in(_GONE))
    row = tx.execute(
        sa.select(outbox.c.status, outbox.c.attempts, outbox.c.not_before)
        .where(wanted)
        .order_by(outbox.c.outbox_id.desc())
        .limit(1)
    ).first()
    if row is None:
        return Root.NONE
    is_held = row.status == "pending" and not row.attempts and row.not_before > now
    return Root.HELD if is_held else Root.SHOWN


_GONE = tuple(status for status in UNSHOWN if status != "lost")
"""Statuses of a root that is not in its channel; a lost one is replaced by the dispatcher."""


def channels(tx: Connection, incident_id: str) -> list[str]:
    """The channels that were ever to show an incident, in order."""
    posted = sa.select(outbox.c.channel).where(outbox.c.incident_id == incident_id, outbox.c.operation == POST)
    return list(tx.execute(posted.distinct().order_by(outbox.c.channel)).scalars())


def withdraw(tx: Connection, incident_id: str, channel: str) -> bool:
    """Take back all that waits to be said of an incident in a channel, if nobody has begun to send its root message.

    Whether it was taken back: a message that is being sent, or may have arrived, stands.
    """
    waiting = sa.and_(_of(incident_id, channel), outbox.c.status == "pending")
    taken = outbox.update().values(status="superseded")
    if not tx.execute(taken.where(waiting, outbox.c.operation == POST, outbox.c.attempts == 0)).rowcount:
        return False
    tx.execute(taken.where(waiting))
    return True


def hasten(tx: Connection, incident_id: str, channel: str, due: dt.datetime) -> None:
    """Let a root that waits for office hours go earlier."""
    waiting = sa.and_(_of(incident_id, channel), outbox.c.operation == POST, outbox.c.status == "pending")
    tx.execute(outbox.update().where(waiting, outbox.c.not_before > due).values(not_before=due, due_at=due))


def _of(incident_id: str, channel: str) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.incident_id == incident_id, outbox.c.channel == channel)

"""Messages that belong to no incident: a scorecard, a day's complaints, a digest. Works in the caller's transaction."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state import outbox as store
from include.stockwatch.adapters.state.tables import outbox


def is_published(tx: Connection, bulletin_id: str, channel: str) -> bool:
    """Whether a bulletin was ever put into the outbox for a channel."""
    mine = sa.and_(outbox.c.incident_id == bulletin_id, outbox.c.channel == channel)
    return bool(tx.execute(sa.select(sa.exists().where(mine))).scalar())


def publish(
    tx: Connection,
    message: store.Content,
    *,
    bulletin_id: str,
    channel: str,
    now: dt.datetime,
    once: bool = False,
    not_before: dt.datetime | None = None,
) -> str | None:
    """Post a bulletin in a channel, or change the one that is there; returns what was queued, none if nothing was.

    `once` leaves the first one as it is. The same content again changes nothing.
    """
    mine = sa.and_(outbox.c.incident_id == bulletin_id, outbox.c.channel == channel)
    sent = tx.execute(sa.select(sa.func.count()).select_from(outbox).where(mine)).scalar() or 0
    if sent and once:
        return None
    operation = store.UPDATE if sent else store.POST
    queued = store.enqueue(
        tx,
        message,
        incident_id=bulletin_id,
        seq=sent + 1,
        operation=operation,
        channel=channel,
        now=now,
        not_before=not_before,
    )
    return operation if queued else None

"""How fast Slack may be called, for all dispatchers (A-67). Works in the caller's transaction."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import channel_pace, method_pace

PAUSE_AFTER = 3
"""Refusals in a row by rate limit after which a method rests in the whole workspace."""


def hold_channel(tx: Connection, channel: str, until: dt.datetime) -> None:
    """Send nothing more to a channel before a time."""
    held = channel_pace.update().where(channel_pace.c.channel == channel).values(free_at=until)
    if tx.execute(held).rowcount == 0:
        tx.execute(channel_pace.insert().values(channel=channel, free_at=until))


def refused_by_rate_limit(tx: Connection, method: str, until: dt.datetime) -> None:
    """Count a 429 of a Slack method; the third in a row pauses the method until a time."""
    mine = method_pace.c.method == method
    row = tx.execute(sa.select(method_pace).where(mine)).first()
    if row is None:
        tx.execute(method_pace.insert().values(method=method, refused_in_a_row=1, refused=1))
        return
    in_a_row = row.refused_in_a_row + 1
    paused_until = until if in_a_row >= PAUSE_AFTER else row.paused_until
    values = {"refused_in_a_row": in_a_row, "refused": row.refused + 1, "paused_until": paused_until}
    tx.execute(method_pace.update().where(mine).values(**values))


def answered(tx: Connection, methods: tuple[str, ...]) -> None:
    """Note that Slack took calls of these methods: refusals in a row start anew."""
    mine = sa.and_(method_pace.c.method.in_(methods), method_pace.c.refused_in_a_row > 0)
    tx.execute(method_pace.update().where(mine).values(refused_in_a_row=0, paused_until=None))


def paused_methods(tx: Connection, now: dt.datetime) -> list[str]:
    """Slack methods that rest now."""
    return list(tx.execute(sa.select(method_pace.c.method).where(method_pace.c.paused_until > now)).scalars())


def refusals(tx: Connection) -> int:
    """How often Slack has said 429."""
    return tx.execute(sa.select(sa.func.sum(method_pace.c.refused))).scalar() or 0

"""Buttons that people pressed in Slack, kept until they are done. Works in the caller's transaction."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import presses
from include.stockwatch.alerting.messages.buttons import Press


def keep(tx: Connection, press: Press, now: dt.datetime) -> bool:
    """Keep a press; false if Slack has sent it before."""
    if tx.execute(sa.select(presses.c.press_id).where(presses.c.press_id == press.press_id)).first():
        return False
    row = {"press_id": press.press_id, "incident_id": press.incident_id, "press": press.model_dump(mode="json")}
    tx.execute(presses.insert().values(**row, received_at=now))
    return True


def waiting(tx: Connection) -> list[Press]:
    """Presses that nobody has dealt with yet, oldest first."""
    query = sa.select(presses.c.press).where(presses.c.done_at.is_(None))
    found = tx.execute(query.order_by(presses.c.received_at, presses.c.press_id)).scalars()
    return [Press.model_validate(press) for press in found]


def claim(tx: Connection, press: Press, now: dt.datetime) -> bool:
    """Take a press to be done in this transaction; false if another has done it."""
    mine = presses.c.press_id == press.press_id
    taken = tx.execute(presses.update().where(mine, presses.c.done_at.is_(None)).values(done_at=now))
    return taken.rowcount == 1


def answer(tx: Connection, press: Press, said: str) -> None:
    """Write down what the person is told."""
    tx.execute(presses.update().where(presses.c.press_id == press.press_id).values(said=said))

"""Questions to people about held files: which run of `release_feed` waits for which answer.

Every function works in the caller's transaction.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import questions


def ask(tx: Connection, run_id: str, feed_id: str, delivery_id: str, now: dt.datetime) -> None:
    """Note that a run asks about a held file; a run that asks again, e.g. when cleared, is open again."""
    mine = questions.c.run_id == run_id
    if tx.execute(sa.select(questions.c.run_id).where(mine)).first():
        tx.execute(questions.update().where(mine).values(answered_at=None))
    else:
        values = {"run_id": run_id, "feed_id": feed_id, "delivery_id": delivery_id, "asked_at": now}
        tx.execute(questions.insert().values(**values))


def answer(tx: Connection, run_id: str, now: dt.datetime) -> None:
    """Note that the question of a run was answered, whatever came of it."""
    tx.execute(questions.update().where(questions.c.run_id == run_id).values(answered_at=now))


def asked(tx: Connection, feed_id: str, delivery_id: str) -> int:
    """How often somebody was asked about a delivery."""
    mine = sa.and_(questions.c.feed_id == feed_id, questions.c.delivery_id == delivery_id)
    return tx.execute(sa.select(sa.func.count()).select_from(questions).where(mine)).scalar_one()


def open_questions(tx: Connection) -> dict[tuple[str, str], str]:
    """The run that waits for an answer, by feed and delivery."""
    waiting = sa.select(questions).where(questions.c.answered_at.is_(None)).order_by(questions.c.asked_at)
    return {(row.feed_id, row.delivery_id): row.run_id for row in tx.execute(waiting)}

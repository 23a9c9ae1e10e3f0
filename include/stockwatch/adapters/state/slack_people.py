"""Whom Slack knows by which address, and how often they were called today. Works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import slack_people

KEPT = dt.timedelta(hours=24)
"""How long a look-up counts (A-32)."""
RENEWED = dt.timedelta(hours=20)
"""Age from which it is looked up again."""


def known(tx: Connection, now: dt.datetime) -> dict[str, str | None]:
    """Address -> Slack id, of the look-ups that still count; none where Slack knows nobody."""
    fresh = sa.select(slack_people).where(slack_people.c.looked_up_at > now - KEPT)
    return {row.email: row.slack_id for row in tx.execute(fresh)}


def wanted(tx: Connection, emails: Collection[str], now: dt.datetime) -> list[str]:
    """Addresses that must be looked up, in order."""
    fresh = sa.select(slack_people.c.email).where(slack_people.c.looked_up_at > now - RENEWED)
    return sorted(set(emails) - set(tx.execute(fresh).scalars()))


def keep(tx: Connection, email: str, slack_id: str | None, now: dt.datetime) -> None:
    """Note what Slack said of an address."""
    mine = slack_people.c.email == email
    found = {"slack_id": slack_id, "looked_up_at": now}
    if tx.execute(slack_people.update().where(mine).values(**found)).rowcount == 0:
        tx.execute(slack_people.insert().values(email=email, mentions=0, **found))


def mention(tx: Connection, email: str, limit: int, day: dt.date, now: dt.datetime) -> str | None:
    """The Slack id of somebody who is called now; none if Slack does not know them or they were called often enough."""
    row = tx.execute(sa.select(slack_people).where(slack_people.c.email == email)).first()
    if row is None or row.slack_id is None or row.looked_up_at <= now - KEPT:
        return None
    called = row.mentions if row.mentioned_on == day else 0
    if called >= limit:
        return None
    counted = {"mentioned_on": day, "mentions": called + 1}
    tx.execute(slack_people.update().where(slack_people.c.email == email).values(**counted))
    return str(row.slack_id)

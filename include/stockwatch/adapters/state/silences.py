"""Silences: incidents whose messages are held back for a while (A-05). Works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import silences
from include.stockwatch.alerting.silence import Silence


def add(tx: Connection, silence: Silence, now: dt.datetime) -> int:
    """Keep a silence; returns its number."""
    row = silence.model_dump(exclude={"match", "silence_id"}) | {"match": silence.match.model_dump(mode="json")}
    made = tx.execute(silences.insert().values(**row, created_at=now)).inserted_primary_key
    return int(made[0]) if made else 0


def find(tx: Connection, silence_id: int) -> Silence | None:
    """One silence by its number."""
    row = tx.execute(sa.select(silences).where(silences.c.silence_id == silence_id)).first()
    return None if row is None else _read(row)


def listed(tx: Connection) -> list[Silence]:
    """Every silence there ever was, the one that ends last first."""
    rows = tx.execute(sa.select(silences).order_by(silences.c.ends_at.desc(), silences.c.silence_id.desc()))
    return [_read(row) for row in rows]


def active(tx: Connection, now: dt.datetime) -> list[Silence]:
    """The silences of a moment."""
    holds = sa.and_(silences.c.starts_at <= now, silences.c.ends_at > now)
    return [_read(row) for row in tx.execute(sa.select(silences).where(holds).order_by(silences.c.silence_id))]


def ended(tx: Connection, since: dt.datetime, now: dt.datetime) -> list[Silence]:
    """The silences that ended from a moment on."""
    over = sa.and_(silences.c.ends_at >= since, silences.c.ends_at <= now)
    return [_read(row) for row in tx.execute(sa.select(silences).where(over).order_by(silences.c.silence_id))]


def end(tx: Connection, silence_id: int, now: dt.datetime, by: str) -> None:
    """End a silence before its time."""
    mine = silences.update().where(silences.c.silence_id == silence_id)
    tx.execute(mine.values(ends_at=now, ended_by=by))


def _read(row: Any) -> Silence:
    known = {name: value for name, value in row._mapping.items() if name in Silence.model_fields}
    return Silence.model_validate(known)

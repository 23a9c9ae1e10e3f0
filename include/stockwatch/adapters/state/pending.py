"""What is pending (A-01). Works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import pending
from include.stockwatch.alerting.pending import Pending


def replace(tx: Connection, rows: Iterable[Pending]) -> None:
    """Let this be all that is pending, of all partners."""
    tx.execute(pending.delete())
    told = [row.model_dump() | {"kind": row.kind.value, "places": list(row.places)} for row in rows]
    if told:
        tx.execute(pending.insert(), told)


def listed(tx: Connection, partners: Collection[str] | None = None, limit: int | None = None) -> list[Pending]:
    """What is pending, of all partners or of some: what is due first, then what costs most, first."""
    c = pending.c
    order = c.due_on.asc().nulls_last(), c.money_at_risk.desc().nulls_last(), c.fingerprint
    query = sa.select(pending).where(_is_of(partners)).order_by(*order).limit(limit)
    return [Pending.model_validate(dict(row)) for row in tx.execute(query).mappings()]


def count(tx: Connection, partners: Collection[str]) -> int:
    """How much of some partners is pending."""
    return tx.execute(sa.select(sa.func.count()).select_from(pending).where(_is_of(partners))).scalar_one()


def _is_of(partners: Collection[str] | None) -> sa.ColumnElement[bool]:
    return sa.true() if partners is None else pending.c.partner.in_(sorted(partners))

"""Data incidents and their events. Every function works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import data_incident_events, data_incidents
from include.stockwatch.alerting.data_incident import DataIncident
from include.stockwatch.alerting.incident import Standing


def open_incidents(tx: Connection) -> dict[str, DataIncident]:
    """Data incidents that are not resolved, by feed."""
    rows = tx.execute(sa.select(data_incidents.c.state).where(data_incidents.c.standing != Standing.RESOLVED.value))
    found = (DataIncident.model_validate(state) for (state,) in rows)
    return {incident.feed_id: incident for incident in found}


def new_ids(tx: Connection, year: int) -> Iterator[str]:
    """Unused ids of a year, in order: DATA-2026-00001 and on."""
    prefix = f"DATA-{year}-"
    of_year = sa.select(data_incidents.c.incident_id).where(data_incidents.c.incident_id.startswith(prefix))
    numbers = [int(found.removeprefix(prefix)) for found in tx.execute(of_year).scalars()]
    number = max(numbers, default=0)
    while True:
        number += 1
        yield f"{prefix}{number:05d}"


def append(tx: Connection, incident: DataIncident, *, kind: str, reason: str, at: dt.datetime, actor: str) -> int:
    """Add an event and make its state the incident's; returns the event's number, from 1."""
    mine = data_incidents.c.incident_id == incident.incident_id
    last = tx.execute(sa.select(data_incidents.c.last_seq).where(mine)).scalar()
    seq = (last or 0) + 1
    state = incident.model_dump(mode="json")
    values = {"standing": incident.standing.value, "last_seq": seq, "state": state}
    if last is None:
        known = {"incident_id": incident.incident_id, "feed_id": incident.feed_id}
        tx.execute(data_incidents.insert().values(**known, **values))
    else:
        tx.execute(data_incidents.update().where(mine).values(**values))
    event = {"kind": kind, "reason": reason, "at": at, "actor": actor, "state": state}
    tx.execute(data_incident_events.insert().values(incident_id=incident.incident_id, seq=seq, **event))
    return seq


def events(tx: Connection, incident_id: str) -> list[dict[str, Any]]:
    """The history of one data incident, oldest first."""
    mine = sa.select(data_incident_events).where(data_incident_events.c.incident_id == incident_id)
    return [dict(row._mapping) for row in tx.execute(mine.order_by(data_incident_events.c.seq))]

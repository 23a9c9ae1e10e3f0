"""Promise incidents and their events. Every function works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import promise_incident_events, promise_incidents
from include.stockwatch.alerting.incident import Standing
from include.stockwatch.alerting.promise_incident import PromiseIncident


def open_incidents(tx: Connection) -> dict[str, PromiseIncident]:
    """Promise incidents that are not resolved, by fingerprint."""
    rows = tx.execute(
        sa.select(promise_incidents.c.state).where(promise_incidents.c.standing != Standing.RESOLVED.value)
    )
    found = (PromiseIncident.model_validate(state) for (state,) in rows)
    return {incident.fingerprint: incident for incident in found}


def find(tx: Connection, incident_id: str) -> PromiseIncident | None:
    """One promise incident."""
    mine = sa.select(promise_incidents.c.state).where(promise_incidents.c.incident_id == incident_id)
    state = tx.execute(mine).scalar()
    return None if state is None else PromiseIncident.model_validate(state)


def new_ids(tx: Connection, year: int) -> Iterator[str]:
    """Unused ids of a year, in order: PROM-2026-00001 and on."""
    prefix = f"PROM-{year}-"
    of_year = sa.select(promise_incidents.c.incident_id).where(promise_incidents.c.incident_id.startswith(prefix))
    numbers = [int(found.removeprefix(prefix)) for found in tx.execute(of_year).scalars()]
    number = max(numbers, default=0)
    while True:
        number += 1
        yield f"{prefix}{number:05d}"


def append(
    tx: Connection,
    incident: PromiseIncident,
    *,
    kind: str,
    reason: str,
    business_date: dt.date,
    at: dt.datetime,
    actor: str,
) -> int:
    """Add an event and make its state the incident's; returns the event's number, from 1."""
    mine = promise_incidents.c.incident_id == incident.incident_id
    last = tx.execute(sa.select(promise_incidents.c.last_seq).where(mine)).scalar()
    seq = (last or 0) + 1
    state = incident.model_dump(mode="json")
    values = {"standing": incident.standing.value, "last_seq": seq, "state": state}
    if last is None:
        known = {"incident_id": incident.incident_id, "fingerprint": incident.fingerprint}
        about = {
            "kind": incident.found.kind.value,
            "partner": incident.found.partner,
            "item_id": incident.found.item_id,
        }
        tx.execute(promise_incidents.insert().values(**known, **about, **values))
    else:
        tx.execute(promise_incidents.update().where(mine).values(**values))
    event = {"kind": kind, "reason": reason, "business_date": business_date, "at": at, "actor": actor, "state": state}
    tx.execute(promise_incident_events.insert().values(incident_id=incident.incident_id, seq=seq, **event))
    return seq


def events(tx: Connection, incident_id: str) -> list[dict[str, Any]]:
    """The history of one promise incident, oldest first."""
    mine = sa.select(promise_incident_events).where(promise_incident_events.c.incident_id == incident_id)
    return [dict(row._mapping) for row in tx.execute(mine.order_by(promise_incident_events.c.seq))]

"""Incidents and their events. Every function works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import incident_events, incidents
from include.stockwatch.alerting.incident import Incident, Standing


def open_incidents(tx: Connection) -> dict[str, Incident]:
    """Incidents that are not resolved, by fingerprint."""
    rows = tx.execute(sa.select(incidents.c.state).where(incidents.c.standing != Standing.RESOLVED.value))
    found = (Incident.model_validate(state) for (state,) in rows)
    return {incident.fingerprint: incident for incident in found}


def latest_ids(tx: Connection, fingerprints: Iterable[str]) -> dict[str, str]:
    """The latest incident of each fingerprint, whatever its standing."""
    wanted = set(fingerprints)
    oldest_first = (sa.func.length(incidents.c.incident_id), incidents.c.incident_id)
    rows = tx.execute(sa.select(incidents.c.fingerprint, incidents.c.incident_id).order_by(*oldest_first))
    return {fingerprint: incident_id for fingerprint, incident_id in rows if fingerprint in wanted}


def new_ids(tx: Connection, year: int) -> Iterator[str]:
    """Unused incident ids of a year, in order: INC-2026-00001 and on."""
    prefix = f"INC-{year}-"
    of_year = sa.select(incidents.c.incident_id).where(incidents.c.incident_id.startswith(prefix))
    by_number = (sa.func.length(incidents.c.incident_id).desc(), incidents.c.incident_id.desc())
    latest = tx.execute(of_year.order_by(*by_number).limit(1)).scalar()
    number = int(latest.removeprefix(prefix)) if latest else 0
    while True:
        number += 1
        yield f"{prefix}{number:05d}"


def find(tx: Connection, incident_id: str) -> Incident | None:
    """One incident by its id."""
    state = tx.execute(sa.select(incidents.c.state).where(incidents.c.incident_id == incident_id)).scalar()
    return None if state is None else Incident.model_validate(state)


def append(
    tx: Connection, incident: Incident, *, kind: str, reason: str, business_date: dt.date, at: dt.datetime, actor: str
) -> int:
    """Add an event and make its state the incident's; returns the event's number, from 1."""
    mine = incidents.c.incident_id == incident.incident_id
    last = tx.execute(sa.select(incidents.c.last_seq).where(mine)).scalar()
    seq = (last or 0) + 1
    state = incident.model_dump(mode="json")
    values = {"standing": incident.standing.value, "last_seq": seq, "state": state}
    if last is None:
        known = {name: getattr(incident, name) for name in ("incident_id", "fingerprint", "partner", "item_id")}
        tx.execute(incidents.insert().values(**known, **values))
    else:
        tx.execute(incidents.update().where(mine).values(**values))
    event = {"kind": kind, "reason": reason, "business_date": business_date, "at": at, "actor": actor, "state": state}
    tx.execute(incident_events.insert().values(incident_id=incident.incident_id, seq=seq, **event))
    return seq


def events(tx: Connection, incident_id: str) -> list[dict[str, Any]]:
    """The history of one incident, oldest first."""
    mine = sa.select(incident_events).where(incident_events.c.incident_id == incident_id)
    return [dict(row._mapping) for row in tx.execute(mine.order_by(incident_events.c.seq))]

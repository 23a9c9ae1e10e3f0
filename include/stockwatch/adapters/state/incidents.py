"""Incidents of every kind, and their events. Every function works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import incident_events, incidents
from include.stockwatch.alerting.case import SEVERITY_ORDER, Case, Kind, Standing
from include.stockwatch.alerting.kinds import CASES, PREFIXES

IS_OPEN = incidents.c.standing != Standing.RESOLVED.value
MANY = 500
"""Values in one list of a query; SQLite takes some thousand."""


def open_incidents(tx: Connection, kinds: Collection[Kind]) -> dict[str, Any]:
    """Incidents of some kinds that are not resolved, by fingerprint."""
    wanted = sa.and_(IS_OPEN, incidents.c.kind.in_([kind.value for kind in kinds]))
    rows = tx.execute(sa.select(incidents.c.kind, incidents.c.state).where(wanted).order_by(incidents.c.incident_id))
    found = (read(kind, state) for kind, state in rows)
    return {case.fingerprint: case for case in found}


def count_open(tx: Connection, kinds: Collection[Kind]) -> int:
    """How many incidents of some kinds are not resolved."""
    wanted = sa.and_(IS_OPEN, incidents.c.kind.in_([kind.value for kind in kinds]))
    return tx.execute(sa.select(sa.func.count()).select_from(incidents).where(wanted)).scalar() or 0


def ended_since(tx: Connection, kinds: Collection[Kind], date: dt.date) -> list[Any]:
    """Incidents of some kinds that are resolved and have data of a date or a later one, in the order of their ids."""
    wanted = sa.and_(~IS_OPEN, incidents.c.kind.in_([kind.value for kind in kinds]), incidents.c.data_as_of >= date)
    rows = tx.execute(sa.select(incidents.c.kind, incidents.c.state).where(wanted).order_by(incidents.c.incident_id))
    return [read(kind, state) for kind, state in rows]


def latest_resolved(tx: Connection, fingerprints: Iterable[str]) -> dict[str, Any]:
    """The latest resolved incident of each fingerprint that has one."""
    wanted = sorted(set(fingerprints))
    oldest_first = (sa.func.length(incidents.c.incident_id), incidents.c.incident_id)
    found: dict[str, Case] = {}
    for start in range(0, len(wanted), MANY):
        mine = sa.and_(~IS_OPEN, incidents.c.fingerprint.in_(wanted[start : start + MANY]))
        for kind, state in tx.execute(
            sa.select(incidents.c.kind, incidents.c.state).where(mine).order_by(*oldest_first)
        ):
            case = read(kind, state)
            found[case.fingerprint] = case
    return found


def new_ids(tx: Connection, kind: Kind, year: int) -> Iterator[str]:
    """Unused incident ids of a year, in order: INC-2026-00001 and on, DATA- and PROM- for feeds and promises."""
    prefix = f"{PREFIXES[kind]}-{year}-"
    of_year = sa.select(incidents.c.incident_id).where(incidents.c.incident_id.startswith(prefix))
    by_number = (sa.func.length(incidents.c.incident_id).desc(), incidents.c.incident_id.desc())
    latest = tx.execute(of_year.order_by(*by_number).limit(1)).scalar()
    number = int(latest.removeprefix(prefix)) if latest else 0
    while True:
        number += 1
        yield f"{prefix}{number:05d}"


def find(tx: Connection, incident_id: str) -> Case | None:
    """One incident by its id."""
    row = tx.execute(
        sa.select(incidents.c.kind, incidents.c.state).where(incidents.c.incident_id == incident_id)
    ).first()
    return None if row is None else read(row.kind, row.state)


def read(kind: str, state: dict[str, Any]) -> Case:
    """A case from the state that is stored of it."""
    return CASES[Kind(kind)].model_validate(state)


def append(
    tx: Connection,
    case: Case,
    *,
    kind: str,
    reason: str,
    at: dt.datetime,
    actor: str,
    business_date: dt.date | None = None,
    note: str | None = None,
) -> int:
    """Add an event and make its state the incident's; returns the event's number, from 1."""
    mine = incidents.c.incident_id == case.incident_id
    before = tx.execute(sa.select(incidents.c.last_seq, incidents.c.resolved_at).where(mine)).first()
    seq = before.last_seq + 1 if before else 1
    state = case.model_dump(mode="json", exclude_none=True)  # an incident of 4,000 stores is large enough
    values = {**_columns(case), "last_seq": seq, "state": state, "updated_at": at}
    values["resolved_at"] = None if case.is_open else (before and before.resolved_at) or at  # it has ended once
    if before is None:
        tx.execute(incidents.insert().values(incident_id=case.incident_id, opened_at=at, **values))
    else:
        tx.execute(incidents.update().where(mine).values(**values))
    event = {"kind": kind, "reason": reason, "business_date": business_date, "at": at, "actor": actor, "note": note}
    tx.execute(incident_events.insert().values(incident_id=case.incident_id, seq=seq, state=state, **event))
    return seq


def _columns(case: Case) -> dict[str, Any]:
    """The columns that are taken from a case, for lists."""
    listed = case.listed()
    severity = listed.severity
    return {
        **listed.model_dump(),
        "severity": severity.value if severity else None,
        "severity_rank": SEVERITY_ORDER.index(severity) if severity else len(SEVERITY_ORDER),
        "kind": case.kind.value,
        "fingerprint": case.fingerprint,
        "standing": case.standing.value,
        "partner": case.partner,
        "channel": case.channel,
        "owner": case.owner,
        "acknowledged_until": case.handling.acknowledged_until if case.standing is Standing.ACKNOWLEDGED else None,
        "snoozed_until": case.handling.snoozed_until if case.standing is Standing.SNOOZED else None,
    }


def events(tx: Connection, incident_id: str) -> list[dict[str, Any]]:
    """The history of one incident, oldest first."""
    mine = sa.select(incident_events).where(incident_events.c.incident_id == incident_id)
    return [dict(row._mapping) for row in tx.execute(mine.order_by(incident_events.c.seq))]


def stood_before(tx: Connection, incident_ids: Iterable[str], date: dt.date) -> dict[str, Any]:
    """Incidents as the last date before another left them, by id; one that is not older is not among them."""
    found: dict[str, Any] = {}
    for incident_id in incident_ids:
        mine = sa.and_(incident_events.c.incident_id == incident_id, incident_events.c.business_date < date)
        last = sa.select(incidents.c.kind, incident_events.c.state).join_from(incident_events, incidents).where(mine)
        if row := tx.execute(last.order_by(incident_events.c.seq.desc()).limit(1)).first():
            found[incident_id] = read(row.kind, row.state)
    return found


def detected(tx: Connection, kinds: Collection[Kind], first: dt.date, last: dt.date) -> list[Case]:
    """Incidents of some kinds whose first event is about a date between two, in the order of their ids."""
    born = sa.and_(incident_events.c.incident_id == incidents.c.incident_id, incident_events.c.seq == 1)
    wanted = incidents.c.kind.in_([kind.value for kind in kinds]), incident_events.c.business_date.between(first, last)
    query = sa.select(incidents.c.kind, incidents.c.state).join(incident_events, born).where(*wanted)
    return [read(kind, state) for kind, state in tx.execute(query.order_by(incidents.c.incident_id))]


def due(tx: Connection, now: dt.datetime) -> list[Case]:
    """Incidents whose snooze or acknowledgement has run out."""
    over = sa.or_(incidents.c.acknowledged_until <= now, incidents.c.snoozed_until <= now)
    rows = tx.execute(
        sa.select(incidents.c.kind, incidents.c.state).where(IS_OPEN, over).order_by(incidents.c.incident_id)
    )
    return [read(kind, state) for kind, state in rows]

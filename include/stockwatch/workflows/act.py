"""What people do with incidents, from Slack, the board or the command line, and what the clock undoes of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.stockwatch.adapters.state import incidents
from include.stockwatch.alerting.actions import EVENTS, Act, Action, Reason, run_out, take
from include.stockwatch.alerting.case import Case, Standing
from include.stockwatch.alerting.thread import CLOCK
from include.stockwatch.errors import ActionRefused
from include.stockwatch.workflows.record import record
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

ACKNOWLEDGED_DAYS = 3
"""Business days for which an acknowledgement holds (A-03)."""


@dataclass(frozen=True)
class Acted:
    """What came of an action: the incident as it stands, whether anything changed, and a line for the person."""

    case: Case
    has_changed: bool
    said: str


def act(services: Services, incident_id: str, action: Action) -> Acted:
    """Do one thing with one incident; its event and messages are stored with it.

    Raises: ActionRefused if there is no such incident, or the action lacks what it needs
    """
    if action.act in (Act.ACKNOWLEDGE, Act.CLAIM) and action.until is None:
        action = action.model_copy(update={"until": business_days_later(action.at, ACKNOWLEDGED_DAYS)})
    with services.state.begin() as tx:
        case = incidents.find(tx, incident_id)
        if case is None:
            raise ActionRefused(f"there is no incident {incident_id}")
        decision = take(case, action)
        record(tx, decision, at=action.at, actor=action.person, note=action.reason)
    after = decision.incident or case
    return Acted(after, decision.incident is not None, _said(after, action, Reason(decision.reason)))


def wake(services: Services) -> list[str]:
    """Open again what was snoozed or acknowledged until now; returns the incidents' ids."""
    now = services.now()
    with services.state.begin() as tx:
        return [case.incident_id for case in incidents.due(tx, now) if _woken(tx, case, now)]


def _woken(tx: Connection, case: Case, now: dt.datetime) -> bool:
    return record(tx, run_out(case, now), at=now, actor=CLOCK)


def _said(case: Case, action: Action, reason: Reason) -> str:
    standing = {Standing.ACKNOWLEDGED: f"acknowledged by {case.handling.acknowledged_by}"}
    now = standing.get(case.standing, case.standing.value)
    if reason is Reason.TOO_LATE:
        return f"{case.incident_id} is {now} by now: nothing was changed."
    if reason is Reason.NOTHING_NEW:
        return f"{case.incident_id} was {now} already."
    return f"{case.incident_id}: {EVENTS[action.act].replace('_', ' ')}, now {now}."


def business_days_later(at: dt.datetime, days: int) -> dt.datetime:
    """The same time of day some business days later, Monday to Friday."""
    import numpy as np

    date = np.busday_offset(np.datetime64(at.date(), "D"), days, roll="forward").astype(dt.date)
    return dt.datetime.combine(date, at.timetz())

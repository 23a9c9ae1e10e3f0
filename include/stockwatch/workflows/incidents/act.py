"""What people do with incidents, from Slack, the board or the command line, and what the clock undoes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.stockwatch.adapters.state import incidents, ledger
from include.stockwatch.alerting.actions import EVENTS, Act, Action, Reason, run_out, take
from include.stockwatch.alerting.case import Case, Standing
from include.stockwatch.alerting.mass_change import MassChange
from include.stockwatch.alerting.messages.thread import CLOCK
from include.stockwatch.alerting.routing import facts_of
from include.stockwatch.errors import ActionRefused
from include.stockwatch.workflows.incidents.record import record, record_all
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
    with services.state.begin() as tx:
        return act_in(services, tx, incident_id, action)


def act_in(services: Services, tx: Connection, incident_id: str, action: Action) -> Acted:
    """The same in a transaction of the caller. Raises: ActionRefused"""
    case = incidents.find(tx, incident_id)
    if case is None:
        raise ActionRefused(f"there is no incident {incident_id}")
    if action.act in (Act.ACKNOWLEDGE, Act.CLAIM) and action.until is None:
        hours = services.settings.routes.taken(facts_of(case))[0].hours
        action = action.model_copy(update={"until": hours.days_later(action.at, ACKNOWLEDGED_DAYS)})
    decision = take(case, action)
    record(tx, decision, at=action.at, actor=action.person, note=action.reason)
    if action.act is Act.APPROVE and decision.incident is not None and isinstance(case, MassChange):
        ledger.revise(tx, case.feeds, case.business_date)  # the gate has the date decided again
    after = decision.incident or case
    return Acted(after, decision.incident is not None, _said(after, action, Reason(decision.reason)))


def wake(services: Services) -> list[str]:
    """Open again what was snoozed or acknowledged until now; returns the incidents' ids."""
    now = services.now()
    with services.state.begin() as tx:
        over = [run_out(case, now) for case in incidents.due(tx, now)]
        return [change.after.incident_id for change in record_all(services, tx, over, at=now, actor=CLOCK)]


def _said(case: Case, action: Action, reason: Reason) -> str:
    standing = {Standing.ACKNOWLEDGED: f"acknowledged by {case.handling.acknowledged_by}"}
    now = standing.get(case.standing, case.standing.value)
    if reason is Reason.TOO_LATE:
        return f"{case.incident_id} is {now} by now: nothing was changed."
    if reason is Reason.NOTHING_NEW:
        return f"{case.incident_id} was {now} already."
    return f"{case.incident_id}: {EVENTS[action.act].replace('_', ' ')}, now {now}."

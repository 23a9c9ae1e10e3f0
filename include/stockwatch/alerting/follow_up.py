"""What follows when nobody takes an incident: a reminder, then the backup, then the lead (A-42, A-43).

Only what is critical or high is followed up, and only on fresh data. Time counts in office hours of the route, from
the latest of: opened, reopened, woken, handed over, severity risen, the step before. An acknowledgement stops it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from include.stockwatch.alerting.case import SEVERITY_ORDER, C, Case, Decision, Severity, Standing
from include.stockwatch.alerting.silence import OVER
from include.stockwatch.domain.hours import Hours


class Reason(StrEnum):
    """Why something was done, or not."""

    UNANSWERED = "unanswered"  # nobody has taken it
    OTHER_OWNER = "other_owner"  # the account changed hands
    NOT_YET = "not_yet"
    NOTHING_NEW = "nothing_new"


FOLLOWED_UP = (Severity.CRITICAL, Severity.HIGH)
"""What people are reminded of; the rest is in the digest alone."""
WAITS = ("reopened", OVER, "handed_over", "reminded", "escalated")
"""Events from which the wait counts, beside those that open an incident, or open it again."""


def is_followed_up(case: Case) -> bool:
    """Whether somebody is reminded of a case as it stands: stale data stop the clock (A-02)."""
    listed = case.listed()
    return case.standing is Standing.OPEN and listed.severity in FOLLOWED_UP and not listed.data_stale


def due_at(severity: Severity, since: dt.datetime, hours: Hours) -> dt.datetime:
    """When the next step is due: after 4 office hours of a critical one, else after a business day."""
    if severity is Severity.CRITICAL:
        return hours.later(since, dt.timedelta(hours=4))
    return hours.days_later(hours.opening(since), 1)


def waiting_since(events: Iterable[Mapping[str, Any]]) -> dt.datetime | None:
    """From when the wait for an answer counts, by the events of an incident in order."""
    since, rank, was_open = None, len(SEVERITY_ORDER), False
    for event in events:
        severity, is_open = event["state"].get("severity"), event["state"]["standing"] == Standing.OPEN.value
        now = SEVERITY_ORDER.index(Severity(severity)) if severity else len(SEVERITY_ORDER)
        if event["kind"] in WAITS or now < rank or (is_open and not was_open):
            since = event["at"]
        rank, was_open = now, is_open
    return since


def follow_up(case: C, since: dt.datetime, hours: Hours, people: int, now: dt.datetime) -> Decision[C]:
    """Take the next step if it is due and somebody is left to ask; `people` is how many there are to ask in all."""
    severity, handling = case.listed().severity, case.handling
    steps = handling.reminders + handling.escalation
    if severity is None or not is_followed_up(case) or steps >= people or now < due_at(severity, since, hours):
        return Decision(Reason.NOT_YET)
    counted = {"reminders": handling.reminders + 1} if not steps else {"escalation": handling.escalation + 1}
    after = case.model_copy(update={"handling": handling.model_copy(update=counted)})
    return Decision(Reason.UNANSWERED, "escalated" if steps else "reminded", after)


def hand_over(case: C, owner: str, known_as: Collection[str] = ()) -> Decision[C]:
    """Give an incident to another owner: what the one before took or silenced is open again (A-34).

    `known_as` are names and addresses of the new owner: what they took themselves stays theirs.
    """
    if case.owner == owner or not case.is_open:
        return Decision(Reason.NOTHING_NEW)
    if case.standing is Standing.ACKNOWLEDGED and case.handling.acknowledged_by in known_as:
        return Decision(Reason.OTHER_OWNER, "handed_over", case.model_copy(update={"owner": owner}))
    over = dict.fromkeys(
        ("acknowledged_by", "acknowledged_at", "acknowledged_until", "snoozed_by", "snoozed_until", "snooze_reason")
    )
    handling = case.handling.model_copy(update={**over, "reminders": 0, "escalation": 0})
    after = case.model_copy(update={"owner": owner, "standing": Standing.OPEN, "handling": handling})
    return Decision(Reason.OTHER_OWNER, "handed_over", after)

"""What people and the clock do with an incident: one function behind Slack's buttons, the board and the command line.

An action that no longer fits (the incident has moved on) changes nothing; its answer says how things stand (A-76).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field

from include.stockwatch.alerting.case import C, Case, Decision, Handling, Kind, Standing, Verdict
from include.stockwatch.domain.value import Value
from include.stockwatch.errors import ActionRefused

MAX_SNOOZE = dt.timedelta(days=14)
"""The longest snooze; there is none without an end (A-04)."""
FALSE_ALARM_REASONS = {
    "wrong_record": "the stock record is wrong",
    "delisted": "the item was delisted or the shelf reset",
    "closed": "the store is closed",
    "season_over": "a promotion or season ended",
    "feed_error": "the feed is wrong",
    "too_tight": "the threshold is too tight",
    "other": "another reason",
}
"""Why an alert was a false alarm (A-55)."""
JUDGED_KINDS = (Kind.OUT_OF_STOCK, Kind.PHANTOM_STOCK, Kind.WILL_RUN_OUT, Kind.DC_OUT)
"""Kinds that people are asked a verdict of."""


class Act(StrEnum):
    """What can be done with an incident."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    WAKE = "wake"
    RESOLVE = "resolve"
    CONFIRM = "confirm"
    FALSE_ALARM = "false_alarm"
    CLAIM = "claim"
    RESTOCK = "restock"
    APPROVE = "approve"  # a mass change: it is true
    DISCARD = "discard"


class Reason(StrEnum):
    """Why something was done, or not."""

    PERSON = "person"  # a person did it
    RAN_OUT = "ran_out"  # the end of a snooze or an acknowledgement
    NOTHING_NEW = "nothing_new"  # it was so already
    TOO_LATE = "too_late"  # the incident has moved on


EVENTS = {
    Act.ACKNOWLEDGE: "acknowledged",
    Act.SNOOZE: "snoozed",
    Act.WAKE: "woken",
    Act.RESOLVE: "resolved",
    Act.CONFIRM: "confirmed",
    Act.FALSE_ALARM: "false_alarm",
    Act.CLAIM: "claimed",
    Act.RESTOCK: "restock",
    Act.APPROVE: "approved",
    Act.DISCARD: "discarded",
}
"""The kind of event that each action makes."""
UNASKED: Mapping[str, Any] = {"reminders": 0, "escalation": 0}
"""Who answers ends the round of those who are asked; the next one begins with the owner (A-43)."""


class Action(Value):
    """One thing that a person does with an incident."""

    act: Act
    person: str = Field(min_length=1, description="e-mail, or the name in Airflow where there is none")
    at: dt.datetime
    until: dt.datetime | None = Field(default=None, description="end of an acknowledgement or a snooze")
    reason: str | None = Field(default=None, max_length=500)
    restock_on: dt.date | None = None
    restock_units: float | None = Field(default=None, ge=0)


def take(case: C, action: Action) -> Decision[C]:
    """Decide on an action. Raises: ActionRefused if it lacks what it needs, saying what"""
    _complete(case, action)
    if not case.is_open and action.act not in (Act.CONFIRM, Act.FALSE_ALARM):
        return Decision(Reason.TOO_LATE)
    standing, done = _done(case.handling, case.standing, action)
    after = case.model_copy(update={"standing": standing, "handling": case.handling.model_copy(update=done)})
    if standing is Standing.RESOLVED and case.is_open:
        after = after.model_copy(update=_ended(case, action.at))
    if _said(after) == _said(case):
        return Decision(Reason.NOTHING_NEW)
    return Decision(Reason.PERSON, EVENTS[action.act], after)


def run_out(case: C, now: dt.datetime) -> Decision[C]:
    """Decide whether a snooze or an acknowledgement is over: then the incident is open again (A-03, A-04)."""
    handling = case.handling
    ends = {Standing.ACKNOWLEDGED: handling.acknowledged_until, Standing.SNOOZED: handling.snoozed_until}
    end = ends.get(case.standing)
    if end is None or now < end:
        return Decision(Reason.NOTHING_NEW)
    done = {"acknowledged_by": None, "acknowledged_until": None, "snoozed_by": None, "snoozed_until": None}
    after = case.model_copy(update={"standing": Standing.OPEN, "handling": handling.model_copy(update=done)})
    return Decision(Reason.RAN_OUT, "woken", after)


def _complete(case: Case, action: Action) -> None:
    """Raises: ActionRefused"""
    if action.act is Act.SNOOZE:
        if action.until is None or not action.at < action.until <= action.at + MAX_SNOOZE:
            raise ActionRefused(f"a snooze ends later than now and within {MAX_SNOOZE.days} days; give its end")
        if not action.reason:
            raise ActionRefused("say why the incident is to be quiet")
    if action.act is Act.RESOLVE and not action.reason:
        raise ActionRefused("say how it ended; it reopens if the data still show it")
    if action.act is Act.FALSE_ALARM and action.reason not in FALSE_ALARM_REASONS:
        known = ", ".join(FALSE_ALARM_REASONS)
        raise ActionRefused(f"`{action.reason}` is no reason for a false alarm; give one of {known}")
    if action.act is Act.RESTOCK and action.restock_on is None:
        raise ActionRefused("give the date on which stock arrives")
    if action.act in (Act.CONFIRM, Act.FALSE_ALARM) and case.kind not in JUDGED_KINDS:
        raise ActionRefused("a verdict is given on stock alone")
    if action.act in (Act.APPROVE, Act.DISCARD) and case.kind is not Kind.MASS_CHANGE:
        raise ActionRefused("only a mass change is approved or discarded")
    if action.act is Act.CLAIM and case.kind is not Kind.NO_OWNER:
        raise ActionRefused("this account has an owner: acknowledge the incident instead")


def _done(handling: Handling, standing: Standing, action: Action) -> tuple[Standing, dict[str, Any]]:
    """The standing after an action, and what is written down of it."""
    match action.act:
        case Act.ACKNOWLEDGE | Act.CLAIM:
            first = handling.first_acknowledged_at or action.at
            done = {"acknowledged_by": action.person, "acknowledged_at": action.at, "first_acknowledged_at": first}
            done |= {"acknowledged_until": action.until, "snoozed_by": None, "snoozed_until": None, **UNASKED}
            if action.act is Act.CLAIM:
                done["claimed_by"] = action.person
            return Standing.ACKNOWLEDGED, done
        case Act.SNOOZE:
            done = {"snoozed_by": action.person, "snoozed_until": action.until, "snooze_reason": action.reason}
            return Standing.SNOOZED, {**done, **UNASKED}
        case Act.WAKE:
            return Standing.OPEN, {"acknowledged_by": None, "acknowledged_until": None, "snoozed_until": None}
        case Act.RESOLVE:
            return Standing.RESOLVED, {"resolved_by": action.person, "resolve_reason": action.reason}
        case Act.RESTOCK:
            return standing, {"restock_on": action.restock_on, "restock_units": action.restock_units}
    is_confirmed = action.act in (Act.CONFIRM, Act.APPROVE)
    mine = Verdict(person=action.person, is_confirmed=is_confirmed, reason=action.reason, at=action.at)
    others = tuple(verdict for verdict in handling.verdicts if verdict.person != action.person)
    done = {"verdicts": (*others, mine)}
    if action.act in (Act.APPROVE, Act.DISCARD):
        return Standing.RESOLVED, done | {"resolved_by": action.person, "resolve_reason": action.reason}
    if is_confirmed or standing is Standing.RESOLVED:
        return standing, done
    ended = {"resolved_by": action.person, "resolve_reason": FALSE_ALARM_REASONS[action.reason or "other"]}
    return Standing.RESOLVED, done | ended


def _ended(case: Case, at: dt.datetime) -> dict[str, Any]:
    """What else changes where a person ends an incident: the moment, as its kind keeps it."""
    moments = {"resolved_on": getattr(case, "data_as_of", None), "ended_on": at.date(), "ended_at": at}
    return {name: moment for name, moment in moments.items() if name in type(case).model_fields and moment}


def _said(case: Case) -> Any:
    """What counts of what people said: pressing a button twice is no news."""
    moments = {"acknowledged_at": None, "acknowledged_until": None, "first_acknowledged_at": None}
    verdicts = tuple((verdict.person, verdict.is_confirmed, verdict.reason) for verdict in case.handling.verdicts)
    return case.standing, case.handling.model_copy(update={**moments, "verdicts": ()}), verdicts

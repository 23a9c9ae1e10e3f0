"""What people do with incidents on the board: the same actions, events and rights as in Slack."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from include.stockwatch.adapters.state import worklist
from include.stockwatch.alerting.actions import FALSE_ALARM_REASONS, MAX_SNOOZE, Act, Action
from include.stockwatch.alerting.messages.words import moment_words
from include.stockwatch.alerting.silence import LONGEST
from include.stockwatch.board.access import Desk
from include.stockwatch.errors import ActionRefused, NotReplayable
from include.stockwatch.workflows.incidents import silences
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.messages.dead_letters import discard, replay

MOST_BYTES = 64_000
SAID_EACH = 5
REASONS = FALSE_ALARM_REASONS


class Asked(BaseModel):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    incidents: tuple[Annotated[str, StringConstraints(min_length=1, max_length=32)], ...] = Field(
        min_length=1, max_length=200
    )
    action: Act
    reason: str | None = Field(default=None, max_length=500)
    hours: float | None = Field(default=None, gt=0, le=MAX_SNOOZE / dt.timedelta(hours=1))
    on: dt.date | None = None
    units: float | None = Field(default=None, ge=0)


def act_on(at: Desk, asked: Asked) -> tuple[bool, str]:
    """Do one thing with some incidents; whether any of it was done, and what to say.

    Each incident is its own transaction, as in Slack: what is refused for one holds back no other.
    """
    now = at.services.now()
    until = now + dt.timedelta(hours=asked.hours) if asked.hours and asked.action is Act.SNOOZE else None
    action = Action(
        act=asked.action,
        person=at.viewer.email or at.viewer.name,
        at=now,
        until=until,
        reason=asked.reason,
        restock_on=asked.on,
        restock_units=asked.units,
    )
    with at.services.state.read() as tx:
        seen = worklist.visible(tx, set(asked.incidents), at.scope)
    said, done = [], 0
    for incident_id in dict.fromkeys(asked.incidents):
        if incident_id not in seen:
            said.append(f"there is no incident {incident_id} that you may see")
            continue
        try:
            acted = act(at.services, incident_id, action)
        except ActionRefused as refused:
            said.append(f"{incident_id}: {refused}")
            continue
        done += 1
        said.append(acted.said)
    more = f" And {len(said) - SAID_EACH} more." if len(said) > SAID_EACH else ""
    return done > 0, " ".join(said[:SAID_EACH]) + more


class AskedOfMessage(BaseModel):
    """What the page sends of a message that was given up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: int = Field(ge=1)
    action: Literal["replay", "discard"]
    reason: str = Field(default="", max_length=500)


def act_on_message(at: Desk, asked: AskedOfMessage) -> tuple[bool, str]:
    """Send a dead message again, or take it off the list; whether it was done, and what to say."""
    by = at.viewer.email or at.viewer.name
    if not at.sees_all:
        with at.services.state.read() as tx:
            if not worklist.message_is_of(tx, asked.message, at.scope):
                return False, f"there is no message {asked.message} that you may see"
    try:
        if asked.action == "replay":
            replay(at.services, asked.message, by)
            return True, f"Message {asked.message} goes again at the next run, after a look whether it arrived."
        discard(at.services, asked.message, asked.reason or "no reason given", by)
    except NotReplayable as refused:
        return False, str(refused)
    return True, f"Message {asked.message} was discarded."


class AskedOfSilence(BaseModel):
    """What the page sends of a silence: a new one, or the end of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["silence", "end_silence"]
    silence: int | None = None
    partner: str = ""
    category: str = ""
    kind: str = ""
    hours: float = Field(default=24, gt=0, le=LONGEST / dt.timedelta(hours=1))
    reason: str = Field(default="", max_length=500)


def act_on_silence(at: Desk, asked: AskedOfSilence) -> tuple[bool, str]:
    """Make or end a silence; whether it was done, and what to say. Only of partners that one may see."""
    by = at.viewer.email or at.viewer.name
    try:
        if asked.action == "end_silence":
            seen = {one.silence_id: one for one in silences.active(at.services)}
            found = seen.get(asked.silence or 0)
            if found is None or not set(found.match.partner or ("",)) <= at.scope:
                return False, f"there is no silence {asked.silence} that you may end"
            silences.end(at.services, found.silence_id, by)
            return True, f"Silence {found.silence_id} is over."
        if asked.partner not in at.scope:
            return False, "name a partner that you may see"
        told = {name: getattr(asked, name) for name in ("partner", "category", "kind")}
        match = {name: value for name, value in told.items() if value}
        until = at.services.now() + dt.timedelta(hours=asked.hours)
        made = silences.add(at.services, match, until=until, author=by, comment=asked.reason)
    except ActionRefused as refused:
        return False, str(refused)
    return True, f"Silence {made.silence_id} holds until {moment_words(made.ends_at)}."

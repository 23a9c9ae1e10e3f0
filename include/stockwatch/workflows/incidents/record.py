"""Make decisions on incidents last: events, states and messages, in the caller's transaction (A-60).

Nothing is dropped: whatever a silence, a budget or the hour keeps from Slack has its state, its row on the board, and
its line in a digest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import incidents, outbox, roots, silences, slack_people
from include.stockwatch.adapters.state.roots import Root
from include.stockwatch.alerting.budget import parts
from include.stockwatch.alerting.case import SEVERITY_ORDER, STARTS, Case, Decision, Severity
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.messages.digest import csv_of, overflow
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.alerting.messages.thread import is_loud, told
from include.stockwatch.alerting.owners import Assigned, Directory
from include.stockwatch.alerting.precision import Group
from include.stockwatch.alerting.routing import facts_of
from include.stockwatch.alerting.silence import OVER, silenced_by
from include.stockwatch.workflows.routing import directory, keeps_its_own
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

CALLS = (*STARTS, OVER, "reminded", "escalated")
"""Events of critical and high incidents by which somebody is mentioned (A-35)."""


@dataclass(frozen=True)
class Change:
    """One decision that was stored: the incident before and after it, and who has it."""

    before: Case | None
    after: Case
    kind: str
    seq: int
    actor: str
    note: str | None
    assigned: Assigned | None = None

    @property
    def severity(self) -> Severity | None:
        """How much the incident matters now."""
        return self.after.listed().severity

    def is_news(self) -> bool:
        """Whether an incident that the channel does not show is shown from now on."""
        return self.after.is_open and (self.kind in (*STARTS, OVER) or _rank(self.after) < _rank(self.before))


def record(
    tx: Connection,
    decision: Decision[Any],
    *,
    at: dt.datetime,
    actor: str,
    business_date: dt.date | None = None,
    note: str | None = None,
) -> bool:
    """Store what one decision changes and say it at once: what people do themselves. False if it changes nothing.

    The root message is refreshed in place; its thread gets a line of what happened, and the whole message at the end.
    """
    change = _store(tx, decision, at=at, actor=actor, business_date=business_date, note=note)
    if change is None:
        return False
    if change.kind in STARTS or _root(tx, change, at) is not Root.NONE:
        _tell(tx, change, at, due=at)
    return True


def record_all(
    services: Services,
    tx: Connection,
    decisions: Iterable[Decision[Any]],
    *,
    at: dt.datetime,
    actor: str,
    business_date: dt.date | None = None,
    digest_only: Collection[Group] = (),
) -> list[Change]:
    """Store what the decisions of a run change, and queue what is said of it: to whom, when and how loud routes say.

    New incidents are ranked by severity and money: up to the route's budget get a message of their own in a channel,
    the rest one digest. Critical ones are outside the budget; more than five become one roll-up. `digest_only` are
    groups of alerts that were wrong too often (A-56).
    """
    people, quiet = directory(services, tx), silences.active(tx, at)
    changes, fresh = [], []
    for decision in decisions:
        change = _assigned(services, tx, decision, people, at=at, actor=actor, business_date=business_date)
        if change is None:
            continue
        changes.append(change)
        is_silenced = silenced_by(facts_of(change.after), quiet, at) is not None
        if _root(tx, change, at) is not Root.NONE:
            _tell(tx, change, at, due=_due(change, at), is_silenced=is_silenced)
        elif change.is_news() and not is_silenced:
            fresh.append(change)
    for channel in dict.fromkeys(change.after.channel for change in fresh):
        _introduce(tx, [change for change in fresh if change.after.channel == channel], at, digest_only)
    return changes


def _assigned(
    services: Services, tx: Connection, decision: Decision[Any], people: Directory, *, at: dt.datetime, **event: Any
) -> Change | None:
    """Store a decision. Who has an incident is said when it starts; later by a hand-over alone (see follow_up)."""
    case, kind = decision.incident, decision.event_kind
    if case is None or kind is None:
        return None
    assigned = people.assign(facts_of(case), at)
    if kind in STARTS and not keeps_its_own(services, case.kind):
        before = incidents.find(tx, case.incident_id)
        channel = before.channel if before else assigned.route.channel  # its thread goes on where it began
        case = case.model_copy(update={"owner": assigned.owner, "channel": channel})
    notes = {"handed_over": case.owner, "escalated": _called(case, assigned)}
    routed = Decision(decision.reason, kind, case)
    return _store(tx, routed, at=at, note=notes.get(kind), assigned=assigned, **event)


def _store(
    tx: Connection,
    decision: Decision[Any],
    *,
    at: dt.datetime,
    actor: str,
    business_date: dt.date | None,
    note: str | None,
    assigned: Assigned | None = None,
) -> Change | None:
    case, kind = decision.incident, decision.event_kind
    if case is None or kind is None:
        return None
    before = incidents.find(tx, case.incident_id)
    seq = incidents.append(
        tx, case, kind=kind, reason=decision.reason.value, at=at, actor=actor, business_date=business_date, note=note
    )
    return Change(before, case, kind, seq, actor, note, assigned)


def _introduce(tx: Connection, fresh: Sequence[Change], at: dt.datetime, digest_only: Collection[Group]) -> None:
    """Say what is new in one channel: the worst by themselves, the rest together."""
    by_id = {change.after.incident_id: change for change in fresh}
    budget = max((change.assigned.route.budget for change in fresh if change.assigned), default=0)
    found = parts([change.after for change in fresh], budget, digest_only)
    for case in found.alone:
        _tell(tx, by_id[case.incident_id], at, due=_due(by_id[case.incident_id], at))
    for name, cases in (("ROLL", found.rolled_up), ("MORE", found.together)):
        if cases:
            _together(tx, cases, name, at, due=_due(by_id[cases[0].incident_id], at))


def _together(tx: Connection, cases: Sequence[Case], name: str, at: dt.datetime, *, due: dt.datetime) -> None:
    """One message for many incidents of a channel, with all of them as a file in its thread."""
    channel = cases[0].channel
    named: dict[str, Any] = {"incident_id": f"{name}-{at:%Y%m%d%H%M%S%f}", "seq": 1, "channel": channel, "now": at}
    outbox.enqueue(tx, overflow(cases, at), operation=outbox.POST, not_before=due, **named)
    title, rows = f"{len(cases):,} incidents of {at:%Y-%m-%d %H:%M} UTC", csv_of(cases, outbox.MAX_FILE_BYTES)
    outbox.attach(tx, outbox.Attachment(f"incidents_{at:%Y-%m-%d}.csv", title, "A table of incidents", rows), **named)


def _tell(tx: Connection, change: Change, at: dt.datetime, *, due: dt.datetime, is_silenced: bool = False) -> None:
    """Queue what a change says in its channel, and the line in channels that show a copy."""
    case, root = change.after, _root(tx, change, at)
    message = render(case)
    named: dict[str, Any] = {"incident_id": case.incident_id, "seq": change.seq, "now": at, "not_before": due}
    has_ended = not case.is_open and (change.before is None or change.before.is_open)
    if not (has_ended and roots.withdraw(tx, case.incident_id, case.channel)):  # seen by nobody: the digest has a line
        operation = outbox.POST if root is Root.NONE else outbox.UPDATE
        outbox.enqueue(tx, message, operation=operation, channel=case.channel, **named)
        if root is Root.HELD and change.assigned:  # what people do at night waits for the morning too
            roots.hasten(tx, case.incident_id, case.channel, due)
        if not is_silenced:
            content = message if has_ended else _line(tx, change, at, is_new=root is Root.NONE)
            _reply(tx, change, content, is_new=root is Root.NONE, **named)
    for channel in _copies(tx, change):
        _copy(tx, channel, case, Notice(message.fallback, channel=case.channel), is_silenced=is_silenced, **named)


def _reply(tx: Connection, change: Change, content: outbox.Content | None, *, is_new: bool, **named: Any) -> None:
    if content is not None:
        is_shown = not is_new and is_loud(change.before, change.after, change.kind)
        named |= {"operation": outbox.REPLY, "channel": change.after.channel, "broadcast": is_shown}
        outbox.enqueue(tx, content, **named)


def _line(tx: Connection, change: Change, at: dt.datetime, *, is_new: bool) -> Notice | None:
    """What the thread is told, and who is called by it: at most one person. A new message says all by itself."""
    line = None if is_new else told(change.before, change.after, change.kind, change.actor, change.note)
    called = _mention(tx, change, at)
    if called is None:
        return line
    return Notice(line.words if line else "This is yours to look at.", mention=called)


def _mention(tx: Connection, change: Change, at: dt.datetime) -> str | None:
    """The Slack id of whom an event calls: the owner, later the backup, then the lead; none if nobody is."""
    assigned = change.assigned
    if assigned is None or change.kind not in CALLS or change.severity not in (Severity.CRITICAL, Severity.HIGH):
        return None
    email = assigned.emails.get(_called(change.after, assigned))
    day = assigned.route.hours.local_date(at)
    return slack_people.mention(tx, email, assigned.route.mentions, day, at) if email else None


def _called(case: Case, assigned: Assigned) -> str:
    """Who has to answer at this step."""
    return assigned.asked[min(case.handling.escalation, len(assigned.asked) - 1)]


def _copies(tx: Connection, change: Change) -> tuple[str, ...]:
    """Channels that show a line of the incident: those of its routes, and those that it names itself (A-31). Where one
    stands it is kept up to date, also when no route asks for it any more, or a person acts."""
    routed = change.assigned.copies if change.assigned else ()
    wanted = (*change.after.copies, *routed, *roots.channels(tx, change.after.incident_id))
    return tuple(channel for channel in dict.fromkeys(wanted) if channel != change.after.channel)


def _copy(tx: Connection, channel: str, case: Case, line: Notice, *, is_silenced: bool, **named: Any) -> None:
    """Show a line of an incident in another channel, changed in place; nobody is called there."""
    root = roots.root(tx, case.incident_id, channel, named["now"])
    if root is Root.NONE and case.is_open and not is_silenced:
        outbox.enqueue(tx, line, operation=outbox.POST, channel=channel, **named)
    elif root is not Root.NONE and (case.is_open or not roots.withdraw(tx, case.incident_id, channel)):
        outbox.enqueue(tx, line, operation=outbox.UPDATE, channel=channel, **named)


def _due(change: Change, at: dt.datetime) -> dt.datetime:
    return change.assigned.route.sends_at(at, change.severity) if change.assigned else at


def _root(tx: Connection, change: Change, at: dt.datetime) -> Root:
    return roots.root(tx, change.after.incident_id, change.after.channel, at)


def _rank(case: Case | None) -> int:
    severity = case.listed().severity if case else None
    return SEVERITY_ORDER.index(severity) if severity else len(SEVERITY_ORDER)

"""The dated history in an incident's thread: which events are told there, and in which words (A-51).

Figures that change are not told; the root message shows them. A few events are shown in the channel as well.
"""

from __future__ import annotations

import datetime as dt

from include.stockwatch.alerting.actions import FALSE_ALARM_REASONS
from include.stockwatch.alerting.case import SEVERITY_ORDER, Case, Handling, Severity
from include.stockwatch.alerting.causes import title
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.alerting.messages.words import day_words, moment_words, one_line, units_words

CLOCK = "clock"
"""The actor of what happens because time has passed."""
GROWN_SHARE, GROWN_LOCATIONS = 0.25, 10
"""New locations that are told: this share of those before, and at least so many (A-11)."""


def told(before: Case | None, after: Case, event_kind: str, actor: str, note: str | None) -> Notice | None:
    """The line of an event in the thread; none if the root message says it all, or a reply of its own does."""
    words = _by_people(after.handling, event_kind, one_line(actor), note) or _by_data(before, after, event_kind)
    return Notice(words) if words else None


def is_loud(before: Case | None, after: Case, event_kind: str) -> bool:
    """Whether the line is shown in the channel too: what was over is back, or it has become critical."""
    return event_kind == "reopened" or _has_become_critical(before, after)


def _by_people(handling: Handling, event_kind: str, actor: str, note: str | None) -> str | None:
    said = f": {one_line(note)}" if note else ""
    units = f", {units_words(handling.restock_units)}" if handling.restock_units is not None else ""
    lines = {
        "acknowledged": f"Acknowledged by {actor}, until {_moment(handling.acknowledged_until)}.",
        "snoozed": f"Snoozed by {actor} until {_moment(handling.snoozed_until)}{said}.",
        "woken": f"Woken by {actor}." if actor != CLOCK else "Open again: its acknowledgement or snooze is over.",
        "confirmed": f"{actor} looked: confirmed.",
        "false_alarm": f"{actor} looked: false alarm, {FALSE_ALARM_REASONS.get(note or 'other', note)}.",
        "claimed": f"Claimed by {actor}; the lead is to confirm it.",
        "restock": f"{actor} expects stock on {_moment(handling.restock_on)}{units}.",
        "reminded": f"Reminder: nobody has taken this yet{said}.",
        "escalated": f"Nobody has taken this yet: now with {one_line(note or 'the lead')}.",
        "handed_over": f"Now with {one_line(note or 'somebody else')}.",
    }
    return lines.get(event_kind)


def _moment(when: dt.date | None) -> str:
    if when is None:
        return "further notice"
    return moment_words(when) if isinstance(when, dt.datetime) else day_words(when)


def _by_data(before: Case | None, after: Case, event_kind: str) -> str | None:
    if event_kind == "reopened":
        by = before.handling.resolved_by if before else None
        return f"Opened again{f'; {one_line(by)} had closed it' if by else ''}."
    if event_kind != "updated" or not isinstance(before, Incident) or not isinstance(after, Incident):
        return None
    if not after.is_open:
        return "A report was corrected: the message above says what is left of it."
    rank = SEVERITY_ORDER.index
    parts = []
    if rank(after.severity) < rank(before.severity):
        parts.append(f"Severity is {after.severity.value} now, it was {before.severity.value}.")
    grown = len(after.empty()) - len(before.empty())
    if grown >= max(GROWN_LOCATIONS, GROWN_SHARE * len(before.empty())):
        parts.append(f"{grown:,} more locations: {len(after.empty()):,} now.")
    was, cause = before.cause(), after.cause()
    if cause and was and cause != was:
        parts.append(f"The likely cause is now: {title(cause, after.now_out())}.")
    if new := [told for told in after.vanished if told not in before.vanished]:
        parts.append(f"The item has vanished from the partner: {', '.join(new)}.")
    return " ".join(parts) or None


def _has_become_critical(before: Case | None, after: Case) -> bool:
    ranks = [one.severity for one in (before, after) if isinstance(one, Incident)]
    return len(ranks) == 2 and ranks[0] is not Severity.CRITICAL and ranks[1] is Severity.CRITICAL

"""Make a decision on an incident last: its event, its state and its messages, in the caller's transaction (A-60)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.alerting.case import Decision
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.thread import is_loud, told

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def record(
    tx: Connection,
    decision: Decision[Any],
    *,
    at: dt.datetime,
    actor: str,
    business_date: dt.date | None = None,
    note: str | None = None,
) -> bool:
    """Store what a decision changes, and queue what is said of it; false if it changes nothing.

    The root message is refreshed in place; its thread gets a line of what happened, and the whole message at the end.
    """
    case, kind = decision.incident, decision.event_kind
    if case is None or kind is None:
        return False
    before = incidents.find(tx, case.incident_id)
    seq = incidents.append(
        tx, case, kind=kind, reason=decision.reason.value, at=at, actor=actor, business_date=business_date, note=note
    )
    named: dict[str, Any] = {"incident_id": case.incident_id, "seq": seq, "channel": case.channel, "now": at}
    has_ended = not case.is_open and (before is None or before.is_open)
    outbox.announce(tx, render(case), kind="resolved" if has_ended else kind, **named)
    line = told(before, case, kind, actor, note)
    if line and not has_ended:
        outbox.enqueue(tx, line, operation=outbox.REPLY, broadcast=is_loud(before, case, kind), **named)
    return True

"""Buttons under an incident's message, the forms that some of them open, and what a press says (A-55, A-75 to A-77).

Everything here is Slack's JSON in and out; who may press, and what comes of it, is decided elsewhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from include.stockwatch.alerting.actions import FALSE_ALARM_REASONS, JUDGED_KINDS, Act
from include.stockwatch.alerting.case import Case, Kind, Standing
from include.stockwatch.alerting.messages.words import clip, one_line
from include.stockwatch.domain.value import Value

PREFIX = "stockwatch."
OPEN = "stockwatch-open"
"""The button that only leads to the board; Slack tells us of it all the same."""
LABELS = {
    Act.ACKNOWLEDGE: "Acknowledge",
    Act.SNOOZE: "Snooze …",
    Act.WAKE: "Wake up",
    Act.RESOLVE: "Resolve …",
    Act.CONFIRM: "Confirmed",
    Act.FALSE_ALARM: "False alarm …",
    Act.CLAIM: "Claim",
    Act.RESTOCK: "Restock confirmed …",
    Act.APPROVE: "It is true",
    Act.DISCARD: "Discard",
}
FORMS = (Act.SNOOZE, Act.RESOLVE, Act.FALSE_ALARM, Act.RESTOCK)
"""Actions that ask for more in a form."""
RESTOCKED_KINDS = (Kind.WILL_RUN_OUT, Kind.DC_OUT)
MOST = 4
"""Buttons of actions; the one to the page is the fifth."""
TITLE_LIMIT = 24
UNTIL, REASON, CHOICE, DAY, UNITS = "until", "reason", "choice", "day", "units"
"""Fields of the forms."""


class Press(Value):
    """A button that somebody pressed. `press_id` is the same however often Slack sends it."""

    press_id: str
    user: str
    incident_id: str
    act: Act
    channel: str | None = None
    message_ts: str | None = None
    trigger: str | None = None
    until: dt.datetime | None = None
    reason: str | None = None
    restock_on: dt.date | None = None
    restock_units: float | None = None
    is_complete: bool = True


def acts(case: Case) -> tuple[Act, ...]:
    """What can be done with an incident as it stands, the most likely first."""
    judge = (Act.CONFIRM, Act.FALSE_ALARM) if case.kind in JUDGED_KINDS else ()
    if not case.is_open:
        return judge if not case.handling.verdicts else ()
    if case.kind is Kind.MASS_CHANGE:
        return (Act.APPROVE, Act.DISCARD)
    first = Act.CLAIM if case.kind is Kind.NO_OWNER else Act.ACKNOWLEDGE
    restock = (Act.RESTOCK,) if case.kind in RESTOCKED_KINDS else ()
    match case.standing:
        case Standing.ACKNOWLEDGED:
            return (*restock, *judge, Act.SNOOZE, Act.RESOLVE)[:MOST]
        case Standing.SNOOZED:
            return (Act.WAKE, *restock, *judge, Act.RESOLVE)[:MOST]
    return (first, *restock, *judge, Act.SNOOZE)[:MOST]


def buttons(case: Case, address: str = "") -> list[dict[str, Any]]:
    """One block with the buttons of an incident, the last one to its page; none if there is nothing left to do."""
    elements = [_button(case, act) for act in acts(case)]
    if address:
        elements.append({"type": "button", "action_id": OPEN, "url": address, "text": _plain("Open incident")})
    return [{"type": "actions", "block_id": f"{PREFIX}{case.incident_id}", "elements": elements}] if elements else []


def link(address: str, words: str) -> list[dict[str, Any]]:
    """A line with a link, where buttons would be dead (A-77); nothing without an address."""
    text = {"type": "mrkdwn", "text": f"<{address}|{words}>", "verbatim": True}
    return [{"type": "context", "elements": [text]}] if address else []


def _button(case: Case, act: Act) -> dict[str, Any]:
    label = LABELS[act]
    button: dict[str, Any] = {
        "type": "button",
        "action_id": f"{PREFIX}{act.value}",
        "value": case.incident_id,
        "text": _plain(label),
        "accessibility_label": clip(f"{label.removesuffix(' …')} {case.incident_id}", 75),
    }
    return button | ({"style": "primary"} if act is Act.ACKNOWLEDGE else {})


def form(case: Case, press: Press, now: dt.datetime) -> dict[str, Any]:
    """The modal that asks for what an action needs. `now` decides the dates that it offers first."""
    about = {"incident": press.incident_id, "act": press.act.value, "channel": press.channel, "ts": press.message_ts}
    return {
        "type": "modal",
        "callback_id": f"{PREFIX}{press.act.value}",
        "private_metadata": json.dumps(about, sort_keys=True),
        "title": _plain(clip(LABELS[press.act].removesuffix(" …"), TITLE_LIMIT)),
        "submit": _plain("Save"),
        "close": _plain("Cancel"),
        "blocks": [
            {"type": "section", "text": _plain(f"{case.incident_id} at {one_line(case.partner_name)}")},
            *_fields(press.act, now),
        ],
    }


def _fields(act: Act, now: dt.datetime) -> list[dict[str, Any]]:
    tomorrow = (now + dt.timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    match act:
        case Act.SNOOZE:
            picker = {"type": "datetimepicker", "initial_date_time": int(tomorrow.timestamp())}
            return [_field(UNTIL, "Quiet until (at most 14 days)", picker), _text("Why")]
        case Act.RESOLVE:
            return [_text("How did it end? It opens again if the data still show it.")]
        case Act.FALSE_ALARM:
            options = [{"text": _plain(words), "value": key} for key, words in FALSE_ALARM_REASONS.items()]
            return [_field(CHOICE, "Why is it a false alarm?", {"type": "static_select", "options": options})]
    day = {"type": "datepicker", "initial_date": tomorrow.date().isoformat()}
    number = {"type": "number_input", "is_decimal_allowed": True, "min_value": "0"}
    units = _field(UNITS, "Units, if known", number) | {"optional": True}
    return [_field(DAY, "Stock arrives on", day), units]


def _text(label: str) -> dict[str, Any]:
    return _field(REASON, label, {"type": "plain_text_input", "max_length": 500, "multiline": True})


def _field(name: str, label: str, element: dict[str, Any]) -> dict[str, Any]:
    return {"type": "input", "block_id": name, "label": _plain(label), "element": {"action_id": name, **element}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def read(payload: Mapping[str, Any]) -> Press | None:
    """What a payload of Slack says was pressed or sent; none if it is nothing of ours (a link was followed, say).

    A payload is what anybody can make Slack send: whatever does not fit is nothing of ours.
    """
    try:
        match payload.get("type"):
            case "block_actions":
                return _pressed(payload)
            case "view_submission":
                return _sent(payload)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, ValidationError):
        return None
    return None


def _pressed(payload: Mapping[str, Any]) -> Press | None:
    action = payload["actions"][0]
    name = str(action["action_id"])
    if not name.startswith(PREFIX):
        return None
    act, user = Act(name.removeprefix(PREFIX)), str(payload["user"]["id"])
    container = payload.get("container") or {}
    message = str(container.get("message_ts") or "")
    return Press(
        press_id=_mark(message, user, name, str(action["action_ts"])),
        user=user,
        incident_id=str(action["value"]),
        act=act,
        channel=container.get("channel_id"),
        message_ts=message or None,
        trigger=payload.get("trigger_id"),
        is_complete=act not in FORMS,
    )


def _sent(payload: Mapping[str, Any]) -> Press | None:
    view = payload["view"]
    if not str(view["callback_id"]).startswith(PREFIX):
        return None
    about, user = json.loads(view["private_metadata"]), str(payload["user"]["id"])
    given = {name: next(iter(fields.values())) for name, fields in view["state"]["values"].items()}
    until = (given.get(UNTIL) or {}).get("selected_date_time")
    chosen = ((given.get(CHOICE) or {}).get("selected_option") or {}).get("value")
    day, units = (given.get(DAY) or {}).get("selected_date"), (given.get(UNITS) or {}).get("value")
    return Press(
        press_id=_mark(str(view["id"]), user, str(view["callback_id"]), str(view.get("hash", ""))),
        user=user,
        incident_id=str(about["incident"]),
        act=Act(about["act"]),
        channel=about.get("channel"),
        message_ts=about.get("ts"),
        until=dt.datetime.fromtimestamp(int(until), dt.UTC) if until else None,
        reason=chosen or (given.get(REASON) or {}).get("value"),
        restock_on=dt.date.fromisoformat(day) if day else None,
        restock_units=float(units) if units else None,
    )


def _mark(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]

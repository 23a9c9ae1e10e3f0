"""Buttons that people press in Slack: kept at once, done afterwards, and answered to the person alone (A-75, A-76)."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Protocol

from include.stockwatch.adapters.state import incidents
from include.stockwatch.adapters.state import presses as store
from include.stockwatch.alerting.actions import Act, Action, take
from include.stockwatch.alerting.messages.buttons import CHOICE, DAY, FORMS, REASON, UNTIL, Press, form, read
from include.stockwatch.errors import ActionRefused, DeliveryFailed, StockwatchError
from include.stockwatch.workflows.incidents.act import act_in
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

log = logging.getLogger(__name__)

FIELDS = {Act.SNOOZE: UNTIL, Act.FALSE_ALARM: CHOICE, Act.RESTOCK: DAY}
"""The field of each form that a refusal is shown at; the reason in all others."""
NO_FORM = "Slack did not show the form in time: press once more. Nothing was changed."
NO_RIGHT = "Your Slack account's e-mail belongs to nobody who may act on incidents here; nothing was changed."


class Inbound(Protocol):
    """What is needed of Slack to answer a person."""

    def email_of(self, user: str) -> str | None:
        """The e-mail of a Slack user. Raises: DeliveryFailed"""

    def open_form(self, trigger: str, view: dict[str, Any]) -> None:
        """Show a form. Raises: DeliveryFailed"""

    def whisper(self, channel: str, user: str, text: str, thread_ts: str | None) -> None:
        """Tell one person something."""


class Socket(Inbound, Protocol):
    """What is needed of Slack where nothing reaches us from outside."""

    def listen(self, handle: Callable[[dict[str, Any]], dict[str, Any] | None], stop: Event) -> None:
        """Take payloads until `stop` is set."""


def receive(services: Services, inbound: Inbound, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Keep what was pressed, or open the form that it needs; returns what Slack is answered, none for a plain yes.

    Quick, for Slack waits three seconds: what was kept is done by `work` afterwards, and what is only looked at waits
    for no writer. What is not ours is left alone.
    """
    press = read(payload)
    if press is None:
        return None
    now = services.now()
    if press.is_complete:
        wrong = _lacking(services, press, now) if press.act in FORMS else None
        if wrong:  # a form is still open to show it; whoever pressed a plain button is told afterwards
            return {"response_action": "errors", "errors": {FIELDS.get(press.act, REASON): wrong}}
        with services.state.begin() as tx:
            store.keep(tx, press, now)
        return None
    with services.state.read() as tx:
        case = incidents.find(tx, press.incident_id)
    if case and press.trigger:
        try:
            inbound.open_form(press.trigger, form(case, press, now))
        except DeliveryFailed as failure:
            log.warning("no form for %s: %s", press.user, failure)
            if press.channel:
                inbound.whisper(press.channel, press.user, NO_FORM, press.message_ts)
    return None


def work(services: Services, inbound: Inbound) -> list[str]:
    """Do what was pressed and not done yet; returns what each person was told. A second call does nothing.

    A press that cannot be done now (Slack does not say who it was, say) waits for the next call, and keeps none back.
    """
    with services.state.read() as tx:
        waiting = store.waiting(tx)
    if not waiting:
        return []
    told, current = [], services.with_settings_anew()
    for press in waiting:
        try:
            said = _do(current, inbound, press)
        except StockwatchError as error:
            log.warning("%s of %s by %s waits: %s", press.act.value, press.incident_id, press.user, error)
        else:
            told += [] if said is None else [said]
    return told


def listen(services: Services, inbound: Socket, stop: Event) -> None:
    """Take presses over Slack's socket until `stop` is set; what was kept before is done first."""
    work(services, inbound)

    def handle(payload: dict[str, Any]) -> dict[str, Any] | None:
        answer = receive(services, inbound, payload)
        Thread(target=work, args=(services, inbound), daemon=True).start()
        return answer

    inbound.listen(handle, stop)


def _do(services: Services, inbound: Inbound, press: Press) -> str | None:
    """Do one press; none if somebody else was faster. The claim and what comes of it are one transaction."""
    person, now = inbound.email_of(press.user), services.now()
    with services.state.begin() as tx:
        if not store.claim(tx, press, now):
            return None
        said = _outcome(services, tx, press, person, now)
        store.answer(tx, press, said)
    if press.channel:
        inbound.whisper(press.channel, press.user, said, press.message_ts)
    log.info("%s of %s by %s: %s", press.act.value, press.incident_id, press.user, said)
    return said


def _outcome(services: Services, tx: Connection, press: Press, person: str | None, now: dt.datetime) -> str:
    if person is None or not _may_act(services, person):
        return NO_RIGHT
    try:
        return act_in(services, tx, press.incident_id, _action(press, person, now)).said
    except ActionRefused as refused:
        return f"{refused}; nothing was changed."


def _may_act(services: Services, email: str) -> bool:
    """Whether an e-mail is that of somebody whom the routes name; letters count alike, large or small."""
    known = {person.email.lower() for person in services.settings.routes.people.values() if person.email}
    return email.lower() in known


def _lacking(services: Services, press: Press, now: dt.datetime) -> str | None:
    """What a form lacks, said while it is still open."""
    with services.state.read() as tx:
        case = incidents.find(tx, press.incident_id)
    if case is None:
        return None
    try:
        take(case, _action(press, press.user, now))
    except ActionRefused as refused:
        return str(refused)
    return None


def _action(press: Press, person: str, now: dt.datetime) -> Action:
    return Action(
        act=press.act,
        person=person,
        at=now,
        until=press.until,
        reason=press.reason,
        restock_on=press.restock_on,
        restock_units=press.restock_units,
    )

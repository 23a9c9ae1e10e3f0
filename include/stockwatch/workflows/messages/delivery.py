"""Send what the outbox holds, each message effectively once.

A message is leased, sent, and settled, in three transactions: a crash leaves a lease that runs out, and the next run
first looks in Slack whether the message arrived (alerting requirements A-61 to A-63).
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.preview import PREFIX
from include.stockwatch.adapters.state import incidents, outbox, pace
from include.stockwatch.adapters.state.outbox import FILE, PLAIN, POST, UPDATE, Outgoing
from include.stockwatch.alerting.kinds import page
from include.stockwatch.alerting.messages.buttons import buttons, link
from include.stockwatch.alerting.messages.limits import MAX_TEXT, violations
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.alerting.messages.words import clip, escape
from include.stockwatch.errors import ConfigError, DeliveryFailed, Refusal
from include.stockwatch.workflows.routing import triage_channel
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from include.stockwatch.alerting.case import Case

log = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=2)
LOOK_AFTER = dt.timedelta(seconds=10)
LONGEST_WAIT = dt.timedelta(minutes=30)
LOOK_BACK = dt.timedelta(seconds=60)
DEFAULT_WAIT = dt.timedelta(seconds=30)
MAX_ATTEMPTS = {Refusal.AMBIGUOUS: 8, Refusal.UNKNOWN: 3, Refusal.TARGET: 3}
IN_DOUBT_AFTER = dt.timedelta(minutes=15)
"""After so long a message that cannot be looked for is sent again, marked: better twice than never (A-66)."""
PACE = dt.timedelta(seconds=1)
"""At most one message in this time per channel (A-67)."""
DRAIN = dt.timedelta(minutes=5)
"""How long one run goes on; the next one takes over."""
JOINED, UNMENTIONED = "joined", "unmentioned"
MENTION = re.compile(r"<@[UW][A-Z0-9]+(\|[^>]*)?>")
DEAD_LETTER = "DEAD-"
CONTENT_ALERT = "FORM-"


def deliver(services: Services) -> dict[str, int]:
    """Send every message that is due, at Slack's pace; returns how many ended in which way.

    Raises: DeliveryFailed when Slack refuses our token, or a dead message could not be told of: somebody must act.
    """
    ended: Counter[str] = Counter()
    previews = services.messenger.previews
    if previews:
        _refuse_to_preview_what_should_be_sent(services)
    until = services.now() + DRAIN
    while services.now() < until:
        now = services.now()
        with services.state.begin() as tx:
            message = outbox.take(tx, now, LEASE, is_paced=not previews)
            wait = None if message else outbox.seconds_until_free(tx, now)
        if message:
            ended[_send(services, message)] += 1
        elif wait is not None and wait <= PACE.total_seconds():
            services.pause(wait)
        else:
            break
    log.info("delivered: %s", dict(ended) or "nothing due")
    if ended["untold"]:
        raise DeliveryFailed(
            Refusal.CHANNEL, f"{ended['untold']} dead messages could not be told of: see `deliver --dead`"
        )
    return dict(ended)


def _refuse_to_preview_what_should_be_sent(services: Services) -> None:
    with services.state.read() as tx:
        sent_before = outbox.counts(tx).get("sent", 0)
    if sent_before:
        reason = f"{sent_before} messages were sent to Slack before, and now there is no Slack connection"
        raise DeliveryFailed(Refusal.TOKEN, f"{reason}: nothing is previewed that should be sent")


def _send(services: Services, message: Outgoing) -> str:
    """Send one leased message and settle it; returns how it ended."""
    try:
        found, in_doubt = _found(services, message)
        ts = found or _put(services, _marked(message) if in_doubt else message)
    except DeliveryFailed as failure:
        return _failed(services, message, failure)
    previews, now = services.messenger.previews, services.now()
    status = "previewed" if previews else "sent"
    with services.state.begin() as tx:
        done = {"ts": ts, "sent_at": now, "refusal": None, "error": None, "is_reconciled": found is not None}
        kept = outbox.settle(tx, message, status, **done)
        if not previews:
            looked = message.status == "uncertain"
            pace.answered(tx, (*outbox.METHODS[message.operation], *(outbox.LOOK_UPS if looked else ())))
            pace.hold_channel(tx, message.channel, now + PACE)
        if PLAIN in message.remedies:
            _tell_of_wrong_form(services, tx, message, now)
    if not kept:
        log.warning("message %s outlived its lease: it may come twice", message.outbox_id)
    return status if kept else "outlived"


def _found(services: Services, message: Outgoing) -> tuple[str | None, bool]:
    """The ts of a message that an earlier attempt may have left behind, and whether that cannot be known."""
    if message.status != "uncertain" or message.operation == UPDATE:
        return None, False
    messenger, oldest = services.messenger, (message.first_attempt_at - LOOK_BACK).timestamp()
    thread = None if message.operation == POST else message.root_ts
    try:
        if message.file:
            return messenger.find_file(message.channel, message.file.name, oldest, thread or ""), False
        return messenger.find(message.channel, message.idem_key, oldest, thread), False
    except DeliveryFailed as failure:
        unreadable = failure.refusal in (Refusal.WAIT, Refusal.AMBIGUOUS, Refusal.UNKNOWN)
        if unreadable and services.now() - message.first_attempt_at >= IN_DOUBT_AFTER:
            return None, True
        raise


def _marked(message: Outgoing) -> Outgoing:
    """The message as it is sent when nobody can say whether it was sent before."""
    mark = {"type": "context", "elements": [{"type": "mrkdwn", "text": "This message may be repeated."}]}
    blocks = [*message.blocks[:49], mark] if message.blocks else []
    return replace(message, text=f"May be repeated: {message.text}", blocks=blocks)


def _put(services: Services, message: Outgoing) -> str:
    messenger = services.messenger
    if PLAIN in message.remedies:
        text, blocks = _plain(services, message), []
    else:
        text, blocks = message.text, _blocks(services, message)
    if message.operation == POST:
        return messenger.post(message.channel, text, blocks, message.idem_key, None)
    root = _root(services, message)
    if root is None:
        raise DeliveryFailed(Refusal.TARGET, "the message to change or answer was never sent")
    if message.operation == UPDATE:
        messenger.update(message.channel, root, text, blocks, message.idem_key)
        return root
    if message.file:
        file = message.file
        return messenger.upload(message.channel, root, file.name, file.title, file.alt_text, file.content)
    return messenger.post(message.channel, text, blocks, message.idem_key, root, broadcast=message.broadcast)


def _blocks(services: Services, message: Outgoing) -> list[dict[str, Any]]:
    """The blocks of a message; below a root the buttons of the incident as it stands, where presses reach us (A-77).

    Where they do not, a link to the board stands there. Neither is shown if the message would be too long with it.
    """
    if message.operation not in (POST, UPDATE) or not message.blocks:
        return message.blocks
    with services.state.read() as tx:
        case = incidents.find(tx, message.incident_id)
    address, words = _page(services, case)
    if case is not None and services.messenger.has_buttons and case.channel == message.channel:
        below = buttons(case, address)
    else:
        below = link(address, words)
    docs = _docs_url(services)
    if case is not None and docs and case.channel == message.channel:
        below = [*below, *link(f"{docs}/{page(case.kind)}", "What this means")]
    blocks = [*message.blocks, *below]
    return message.blocks if violations(message.text, blocks) else blocks


def _page(services: Services, case: Case | None) -> tuple[str, str]:
    """Where the board shows an incident, or all of them for a bulletin, and what the link says; '' without a board."""
    board = services.board_url()
    if case is None:
        return board and f"{board}/incidents", "Open the board"
    return board and f"{board}/incidents/{case.incident_id}", f"Open {case.incident_id}"


def _docs_url(services: Services) -> str:
    """Where the pages of the kinds are shown; a broken setting elsewhere keeps no message back."""
    try:
        return (services.settings.stockwatch.docs_url or "").rstrip("/")
    except ConfigError:
        return ""


def _root(services: Services, message: Outgoing) -> str | None:
    """The ts of the message to change or answer; what was only previewed is not in Slack."""
    was_previewed = message.root_ts is not None and message.root_ts.startswith(PREFIX)
    return None if was_previewed and not services.messenger.previews else message.root_ts


def _plain(services: Services, message: Outgoing) -> str:
    """A message without blocks: all of it in words, and below a root the link to the board (A-69)."""
    if message.operation not in (POST, UPDATE):
        return clip(escape(message.plain), MAX_TEXT)
    with services.state.read() as tx:
        address, words = _page(services, incidents.find(tx, message.incident_id))
    below = f"\n<{address}|{words}>" if address else ""
    return clip(escape(message.plain), MAX_TEXT - len(below)) + below


@dataclass(frozen=True)
class _Next:
    """What becomes of a message that Slack refused."""

    status: str
    wait: dt.timedelta = dt.timedelta(0)
    counts: bool = True
    remedy: str | None = None


def _failed(services: Services, message: Outgoing, failure: DeliveryFailed) -> str:
    """Settle a refused message as its class of error asks (A-69); returns how it ended."""
    following, failure = _following(services, message, failure)
    triage, now = triage_channel(services), services.now()
    ended = following.status
    with services.state.begin() as tx:
        values: dict[str, Any] = {"error": str(failure), "refusal": failure.refusal.value}
        values["attempts"] = message.attempts - (0 if following.counts else 1)
        if following.status != "dead":
            values["not_before"] = now + following.wait
        if following.remedy:
            values["remedies"] = [*message.remedies, following.remedy]
        if not outbox.settle(tx, message, following.status, **values):
            return "outlived"
        _hold(tx, message, failure, following, now)
        if following.remedy == UNMENTIONED:
            outbox.change_content(tx, message.outbox_id, _unmentioned(message.text), _unmentioned(message.blocks))
        if failure.refusal is Refusal.TARGET and following.status == "pending":
            _replace_target(tx, message, now)
            ended = "reposted"
        elif following.status == "dead" and message.operation == POST:
            ended = _tell_of_dead_root(tx, message, failure, triage, now)
    log.warning("message %s to %s: %s, now %s", message.outbox_id, message.channel, failure, ended)
    if failure.refusal is Refusal.TOKEN:
        raise failure
    return ended


def _following(services: Services, message: Outgoing, failure: DeliveryFailed) -> tuple[_Next, DeliveryFailed]:
    """What comes after a refusal, and the refusal that counts: joining a channel can be refused as well."""
    refusal, as_before = failure.refusal, message.status
    attempts = MAX_ATTEMPTS.get(refusal, 0)
    if failure.reason == "not_in_channel" and JOINED not in message.remedies:
        try:
            services.messenger.join(message.channel)
        except DeliveryFailed as not_joined:
            if not_joined.refusal in (Refusal.WAIT, Refusal.AMBIGUOUS):
                return _following(services, message, not_joined)
            return _Next("dead"), DeliveryFailed(
                Refusal.CHANNEL, f"{failure.reason}, and not joined: {not_joined.reason}"
            )
        return _Next(as_before, remedy=JOINED), failure
    match refusal:
        case Refusal.WAIT:
            wait = dt.timedelta(seconds=failure.retry_after_seconds or DEFAULT_WAIT.total_seconds())
            return _Next(as_before, wait, counts=False), failure
        case Refusal.TOKEN:
            return _Next(as_before, counts=False), failure
        case Refusal.AMBIGUOUS | Refusal.UNKNOWN if message.attempts < attempts:
            wait = min(LOOK_AFTER * 2 ** (message.attempts - 1), LONGEST_WAIT)
            return _Next("uncertain", wait), failure
        case Refusal.CONTENT if PLAIN not in message.remedies and message.operation != FILE:
            return _Next(as_before, remedy=PLAIN), failure
        case Refusal.PERSON if UNMENTIONED not in message.remedies:
            return _Next(as_before, remedy=UNMENTIONED), failure
        case Refusal.TARGET if _can_replace_target(services, message) and message.attempts < attempts:
            return _Next("pending"), failure
        case _:
            return _Next("dead"), failure


def _can_replace_target(services: Services, message: Outgoing) -> bool:
    """Whether a message whose target is gone has another way: an update becomes a root, a reply waits for a new one."""
    return message.operation == UPDATE or (message.operation != POST and _root(services, message) is not None)


def _replace_target(tx: Connection, message: Outgoing, now: dt.datetime) -> None:
    """Put one new root into the place of a lost one (A-53)."""
    if message.root_ts:
        outbox.lose_root(tx, message)
    if message.operation == UPDATE:
        outbox.reopen_as_post(tx, message.outbox_id, now)
    else:
        outbox.repost_root(tx, message, now)


def _hold(tx: Connection, message: Outgoing, failure: DeliveryFailed, following: _Next, now: dt.datetime) -> None:
    """Keep to what Slack asked for, for the whole channel; three times in a row for the method (A-67)."""
    is_rate_limit = failure.refusal is Refusal.WAIT
    pace.hold_channel(tx, message.channel, now + (following.wait if is_rate_limit else dt.timedelta(0)))
    if is_rate_limit:
        method = failure.method or outbox.METHODS[message.operation][0]
        pace.refused_by_rate_limit(tx, method, now + following.wait)


def _unmentioned(content: Any) -> Any:
    """Text or blocks without the people they call."""
    if isinstance(content, str):
        return MENTION.sub("", content).replace("  ", " ")
    if isinstance(content, list):
        return [_unmentioned(part) for part in content]
    return {name: _unmentioned(part) for name, part in content.items()} if isinstance(content, dict) else content


def _tell_of_dead_root(
    tx: Connection, message: Outgoing, failure: DeliveryFailed, triage: str | None, now: dt.datetime
) -> str:
    """Queue one line per dead root, once (A-70); a line that is dead itself is told of by the failing task."""
    if triage is None or message.incident_id.startswith((DEAD_LETTER, CONTENT_ALERT)):
        return "untold"
    what = clip(" ".join(message.plain.split("\n", 1)[0].split()), 200)
    words = f"Not delivered ({failure}), {message.incident_id}: {what}. Replay or discard it; it was meant for"
    name = f"{DEAD_LETTER}{outbox.key_of(message.incident_id, message.channel, 'dead', 0)[:16]}"
    line = Notice(words, channel=message.channel)
    outbox.enqueue(tx, line, incident_id=name, seq=1, operation=POST, channel=triage, now=now)
    return "dead"


def _tell_of_wrong_form(services: Services, tx: Connection, message: Outgoing, now: dt.datetime) -> None:
    """Tell the triage channel once a day that Slack does not take our blocks: it is a defect of ours (A-69)."""
    triage = triage_channel(services)
    if triage is None:
        return
    words = f"Slack did not take the form of a message on {message.incident_id}, so it went as words alone: a defect of"
    line = Notice(f"{words} Stockwatch. The log of deliver_alerts and the outbox have the details.")
    name = f"{CONTENT_ALERT}{now.date():%Y%m%d}"
    outbox.enqueue(tx, line, incident_id=name, seq=1, operation=POST, channel=triage, now=now)

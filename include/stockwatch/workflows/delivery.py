"""Send what the outbox holds, each message effectively once.

A message is leased, sent, and settled, in three transactions: a crash leaves a lease that runs out, and the next run
first looks in Slack whether the message arrived (alerting requirements A-61 to A-63).
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter

from include.stockwatch.adapters.preview import PREFIX
from include.stockwatch.adapters.state import outbox
from include.stockwatch.adapters.state.outbox import POST, UPDATE, Outgoing
from include.stockwatch.errors import DeliveryFailed, Refusal
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=2)
LOOK_AFTER = dt.timedelta(seconds=10)
LOOK_BACK = dt.timedelta(seconds=60)
MAX_ATTEMPTS = 8


def deliver(services: Services) -> dict[str, int]:
    """Send every message that is due; returns how many ended in which way.

    Raises: DeliveryFailed when Slack refuses our token: nothing can be sent until somebody mends it.
    """
    ended: Counter[str] = Counter()
    if services.messenger.previews:
        with services.state.begin() as tx:
            sent_before = outbox.counts(tx).get("sent", 0)
        if sent_before:
            reason = f"{sent_before} messages were sent to Slack before, and now there is no Slack connection"
            raise DeliveryFailed(Refusal.STOP, f"{reason}: nothing is previewed that should be sent")
    while True:
        now = services.now()
        with services.state.begin() as tx:
            message = outbox.take(tx, now, LEASE)
        if message is None:
            break
        ended[_send(services, message)] += 1
    log.info("delivered: %s", dict(ended) or "nothing due")
    return dict(ended)


def _send(services: Services, message: Outgoing) -> str:
    """Send one leased message and settle it; returns its new status."""
    try:
        ts = _found(services, message) or _put(services, message)
    except DeliveryFailed as failure:
        return _failed(services, message, failure)
    status = "previewed" if services.messenger.previews else "sent"
    with services.state.begin() as tx:
        outbox.settle(tx, message.outbox_id, status, services.now(), ts=ts)
    return status


def _found(services: Services, message: Outgoing) -> str | None:
    """The ts of a message that an earlier attempt may have left behind."""
    if message.status != "uncertain" or message.operation == UPDATE or message.first_attempt_at is None:
        return None
    thread = message.root_ts if message.operation != POST else None
    oldest = (message.first_attempt_at - LOOK_BACK).timestamp()
    return services.messenger.find(message.channel, message.idem_key, oldest, thread)


def _put(services: Services, message: Outgoing) -> str:
    messenger = services.messenger
    if message.operation == POST:
        return messenger.post(message.channel, message.text, message.blocks, message.idem_key, None)
    never_sent = message.root_ts is None or (message.root_ts.startswith(PREFIX) and not messenger.previews)
    if message.root_ts is None or never_sent:
        raise DeliveryFailed(Refusal.TARGET_GONE, "the message to change was never sent")
    if message.operation == UPDATE:
        messenger.update(message.channel, message.root_ts, message.text, message.blocks, message.idem_key)
        return message.root_ts
    return messenger.post(message.channel, message.text, message.blocks, message.idem_key, message.root_ts)


def _failed(services: Services, message: Outgoing, failure: DeliveryFailed) -> str:
    now, status, wait, counts = services.now(), "dead", None, True
    match failure.refusal:
        case Refusal.WAIT:
            status = "pending" if message.status == "pending" else "uncertain"
            wait, counts = dt.timedelta(seconds=failure.retry_after_seconds or 30), False
        case Refusal.STOP:
            status, wait, counts = "pending" if message.status == "pending" else "uncertain", dt.timedelta(0), False
        case Refusal.UNCERTAIN if message.attempts < MAX_ATTEMPTS:
            status, wait = "uncertain", LOOK_AFTER * 2 ** (message.attempts - 1)  # 10 s to 11 min
        case _:
            pass
    with services.state.begin() as tx:
        not_before = now + wait if wait is not None else None
        outbox.settle(
            tx, message.outbox_id, status, now, error=str(failure), not_before=not_before, count_attempt=counts
        )
        if failure.refusal is Refusal.TARGET_GONE and message.operation == UPDATE:
            outbox.reopen_as_post(tx, message.outbox_id)  # one new message in the place of the lost one
            status = "reposted"
    log.warning("message %s to %s: %s, now %s", message.outbox_id, message.channel, failure, status)
    if failure.refusal is Refusal.STOP:
        raise failure
    return status

"""Looks for messages that stand in Slack twice."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from include.stockwatch.adapters.state import bulletins, outbox
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.errors import DeliveryFailed
from include.stockwatch.workflows.routing import triage_channel
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)

COPIES_ALERT = "COPY-"
AUDITED = dt.timedelta(days=7)


def look_for_copies(services: Services) -> dict[str, Any]:
    """Look in every channel for second copies of what was sent in the last week: the weekly audit (A-71).

    A copy carries the key of a message that we know under another ts. The triage channel is told in one line, once a
    week. Threads are not looked at: one call for each would take hours of Slack's allowance.
    """
    now = services.now()
    since = now - AUDITED
    with services.state.read() as tx:
        sent = {} if services.messenger.previews else outbox.names_since(tx, since)
    copied, unread = [], []
    for channel, names in sent.items():
        try:
            history = list(services.messenger.keys(channel, since.timestamp()))
        except DeliveryFailed as failure:
            log.warning("could not look for copies in %s: %s", channel, failure)
            unread.append(channel)
            continue
        copied += [names[key].incident_id for key, ts in history if key in names and names[key].ts != ts]
    if copied:
        _tell_of_copies(services, sorted(copied), now)
    return {"channels": len(sent), "copies": len(copied), "not_read": unread}


def _tell_of_copies(services: Services, copied: list[str], now: dt.datetime) -> None:
    """Tell the triage channel whose messages are there twice."""
    triage = triage_channel(services)
    if triage is None:
        return
    more = f" and {len(copied) - 10} more" if len(copied) > 10 else ""
    words = f"Sent more than once in the last {AUDITED.days} days: {', '.join(copied[:10])}{more}."
    line = Notice(f"{words} Only one copy of each stays up to date: delete the others. docs/slack-setup.md says why.")
    name = "{}{}-W{:02d}".format(COPIES_ALERT, *now.isocalendar()[:2])
    with services.state.begin() as tx:
        bulletins.publish(tx, line, bulletin_id=name, channel=triage, now=now, once=True)

"""The connection test of Slack (A-78): what the token may do, and whether every channel can be written to.

Nothing is posted, and no channel is joined.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import incidents
from include.stockwatch.alerting.case import Case, Kind
from include.stockwatch.alerting.messages.words import one_or_many
from include.stockwatch.errors import DeliveryFailed, Refusal, SlackNotReady
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from include.stockwatch.settings.models import Settings

SCOPES: Mapping[str, str] = {
    "chat:write": "to post messages and keep them up to date",
    "channels:read": "to find out how a channel stands",
    "channels:history": "to look whether a message arrived before it is sent again",
    "users:read": "to mention owners, and to know who pressed a button",
    "users:read.email": "to mention owners, and to know who pressed a button",
    "files:write": "to put lists and pictures into threads",
}
PRIVATE_SCOPES: Mapping[str, str] = {
    "groups:read": "because a channel is private",
    "groups:history": "because a channel is private",
}
JOIN = "channels:join"

log = logging.getLogger(__name__)


def check_slack(services: Services) -> dict[str, Any]:
    """Look whether messages will arrive; without a Slack connection that is all that is said.

    Raises: SlackNotReady with every finding; ConnectionError if Slack does not answer, which says nothing of the app
    """
    if services.messenger.previews:
        return {"connected": False}
    try:
        return _checked(services)
    except DeliveryFailed as failure:
        if failure.refusal is Refusal.TOKEN:
            what = f"Slack refuses the token ({failure.reason}): renew it in the connection"
            raise SlackNotReady([what]) from failure
        raise ConnectionError(f"Slack did not say how things stand: {failure}") from failure


def _checked(services: Services) -> dict[str, Any]:
    scopes = services.messenger.scopes()
    with services.state.read() as tx:
        ongoing = incidents.open_incidents(tx, tuple(Kind)).values()
    used, is_private, findings = channels(services.settings, ongoing), False, list[str]()
    for channel, users in used.items():
        hidden, found = _looked_at(services, channel, scopes)
        is_private |= hidden
        if found:
            findings.append(f"{channel} ({', '.join(users)}): {found}")
    findings += _missing(scopes, is_private=is_private)
    if findings:
        raise SlackNotReady(findings)
    log.info("Slack: %s channels can be written to", len(used))
    return {"connected": True, "channels": len(used), "scopes": sorted(scopes) if scopes else "not told by Slack"}


def channels(settings: Settings, ongoing: Iterable[Case] = ()) -> dict[str, list[str]]:
    """Every channel that something may be sent to, with what sends to it.

    Open incidents go on where they began (A-07), though their route may name another channel now.
    """
    used: dict[str, list[str]] = defaultdict(list)
    begun: dict[str, list[str]] = defaultdict(list)
    for route in settings.routes.routes:
        used[route.channel].append(f"route `{route.name}`")
    for relay in settings.signals.relay:
        used[relay.channel].append(f"relay of {', '.join(kind.value for kind in relay.kinds)}")
    for case in ongoing:
        for channel in {case.channel, *case.copies} - used.keys():
            begun[channel].append(case.incident_id)
    told = {channel: [f"{one_or_many(len(ids), 'open incident')}, {ids[0]} first"] for channel, ids in begun.items()}
    return used | told


def _looked_at(services: Services, channel: str, scopes: frozenset[str] | None) -> tuple[bool, str | None]:
    """Whether a channel is private, and what keeps messages out of it."""
    try:
        told = services.messenger.channel_info(channel)
    except DeliveryFailed as failure:
        if failure.refusal is Refusal.CHANNEL:
            return False, "Slack knows no such channel, or it is private: correct the id, or invite the app there"
        if failure.refusal is Refusal.TOKEN:
            lacks = "`channels:read`, or `groups:read` and `groups:history` if it is private"
            return False, f"how it stands may not be read ({failure.reason}): the app needs {lacks}"
        raise
    is_private = bool(told.get("is_private"))
    if told.get("is_archived"):
        return is_private, "it is archived: open it again, or name another"
    joins = not is_private and (scopes is None or JOIN in scopes)
    return is_private, None if told.get("is_member") or joins else "the app is not in it: invite it there"


def _missing(scopes: frozenset[str] | None, *, is_private: bool) -> Iterator[str]:
    """Scopes that the token lacks; none where Slack does not say which it has."""
    needed = {**SCOPES, **(PRIVATE_SCOPES if is_private else {})}
    for scope, why in needed.items():
        if scopes is not None and scope not in scopes:
            yield f"the token lacks the scope `{scope}`, {why}: add it to the app, and install the app again"

"""Routes, people, the owner list and claims, put together; and why an incident goes where it goes."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from include.stockwatch.adapters.state import incidents, slack_people
from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.owners import Assigned, Directory, Owner
from include.stockwatch.alerting.routing import Facts, facts_of
from include.stockwatch.domain.customer_signals import ComplaintKind
from include.stockwatch.errors import ActionRefused, ConfigError, closest
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

log = logging.getLogger(__name__)

OWNER_COLUMNS = tuple(Owner.model_fields)


def directory(services: Services, tx: Connection) -> Directory:
    """All that says who has what, as it is now."""
    claims = {
        case.partner: case.handling.claimed_by
        for case in incidents.open_incidents(tx, [Kind.NO_OWNER]).values()
        if case.handling.claimed_by
    }
    owners = owner_list(services)
    return Directory(services.settings.routes, owners or (), owners is not None, claims)


def owner_list(services: Services) -> tuple[Owner, ...] | None:
    """The rows of every owner list; none if there never was one."""
    if services.lake.version("owners") is None:
        return None
    rows = services.lake.table("owners", feeds=services.settings.master_ids())
    found = services.lake.engine.to_pyarrow(rows.select(*OWNER_COLUMNS)).to_pylist()
    return tuple(Owner.model_validate(row) for row in found)


def keeps_its_own(services: Services, kind: Kind) -> bool:
    """Whether a kind is told to those whom `signals.yaml` names, not to the account."""
    return kind is Kind.PROMISE_QUALITY and services.settings.signals.relay_of(ComplaintKind.QUALITY) is not None


def explain(services: Services, wanted: Sequence[str]) -> dict[str, Any]:
    """Where an incident goes and why: of its id, or of facts like `partner=northfield severity=high`.

    Raises: ActionRefused if there is no such incident or fact
    """
    now = services.now()
    with services.state.read() as tx:
        found, facts = _facts(tx, wanted)
        assigned = directory(services, tx).assign(facts, now)
        known = slack_people.known(tx, now)
    route = assigned.route
    passed = [
        {"route": one.name, "why": "; ".join(misses) or "adds a copy, and goes on"}
        for one in services.settings.routes.routes[: services.settings.routes.routes.index(route)]
        for misses in [one.match.misses(facts)]
    ]
    return {
        "incident": found,
        "facts": {name: getattr(value, "value", value) for name, value in facts if value},
        "route": route.name,
        "matches": str(route.match),
        "channel": route.channel,
        "copies": list(assigned.copies),
        "owner": assigned.owner,
        "asked_in_order": [_known_as(name, assigned, known) for name in assigned.asked],
        "window": f"{route.window} {route.hours.time_zone}" + (f", {route.calendar}" if route.calendar else ""),
        "sent_at": route.sends_at(now, facts.severity),
        "budget": route.budget,
        "passed": passed,
    }


def _facts(tx: Connection, wanted: Sequence[str]) -> tuple[str | None, Facts]:
    if len(wanted) == 1 and "=" not in wanted[0]:
        case = incidents.find(tx, wanted[0])
        if case is None:
            raise ActionRefused(f"there is no incident {wanted[0]}; give its id, or facts like partner=northfield")
        return case.incident_id, facts_of(case)
    pairs = [text.partition("=") for text in wanted]
    given = {name: value for name, _, value in pairs}
    unknown = next((name for name in given if name not in Facts.model_fields), None)
    if unknown is not None:
        fix = closest(unknown, Facts.model_fields) or f"facts are {', '.join(Facts.model_fields)}"
        raise ActionRefused(f"`{unknown}` is no fact of an incident; {fix}")
    try:
        return None, Facts.model_validate(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ActionRefused(f"{wrong['loc'][0]}: `{wrong['input']}`: {wrong['msg']}") from None


def _known_as(name: str, assigned: Assigned, known: Mapping[str, str | None]) -> str:
    """A person, and whether they can be mentioned."""
    email = assigned.emails.get(name)
    if email is None:
        return f"{name} (no e-mail: not mentioned)"
    if email not in known:
        return f"{name} ({email}, not looked up in Slack yet)"
    return f"{name} ({email}, {'in Slack' if known[email] else 'not found in Slack'})"


def emails_in_use(services: Services, tx: Connection, now: dt.datetime) -> set[str]:
    """Addresses of everybody who may be called: of the settings, the owner list and claims."""
    found = directory(services, tx)
    named = {person.email for person in found.routes.people.values() if person.email}
    listed = {row.contact for row in found.owners if row.contact and "@" in row.contact and row.is_in_force(now.date())}
    return named | listed | {name for name in found.claims.values() if "@" in name}


def triage_channel(services: Services) -> str | None:
    """Where we tell of our own trouble: the channel that takes what no other takes. None if the settings are wrong."""
    try:
        return services.settings.routes.routes[-1].channel
    except ConfigError:
        log.exception("no triage channel: the settings are wrong")
        return None

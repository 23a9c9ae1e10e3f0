"""Accounts without somebody who acts, and what happens to them: one incident each, which anybody may claim (A-33).

The audit is a pure look at the owner list, the people and the accounts; an incident ends when nothing is found.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from pydantic import Field

from include.stockwatch.alerting.case import (
    REOPEN_DAYS,
    Case,
    Decision,
    Kind,
    Listing,
    Severity,
    Standing,
    fingerprint,
    reopened,
)
from include.stockwatch.alerting.owners import Directory, Owner
from include.stockwatch.alerting.routing import Facts
from include.stockwatch.domain.value import Value


class Trouble(StrEnum):
    """What is wrong with the owner of an account. The first that applies is told."""

    NO_ROW = "no_row"  # the owner list has nobody
    ENDED = "ended"  # the last row has ended
    NOT_IN_SLACK = "not_in_slack"  # Slack knows nobody by the address
    AWAY = "away"  # absent, and nobody stands in


class Account(Value):
    """A partner, and what is open there."""

    partner: str
    partner_name: str
    incidents: int = 0
    currency: str | None = Field(default=None, description="of most of the money")
    money_at_risk: float | None = None


class Finding(Value):
    """What is wrong with the owner of an account."""

    partner: str
    trouble: Trouble
    owner: str | None = Field(default=None, description="whom the list names, or named last")
    since: dt.date | None = Field(default=None, description="first day without an owner, where the list says it")


def audit(
    accounts: Iterable[Account], people: Directory, in_slack: Mapping[str, str | None], at: dt.datetime
) -> dict[str, Finding]:
    """What is wrong, by partner; an account in good hands has no entry.

    `in_slack` are addresses with their Slack ids, null where Slack knows nobody; one that is not in it is not judged.
    """
    found = (_audited(account.partner, people, in_slack, at) for account in accounts)
    return {finding.partner: finding for finding in found if finding}


def _audited(partner: str, people: Directory, in_slack: Mapping[str, str | None], at: dt.datetime) -> Finding | None:
    assigned = people.assign(Facts(partner=partner), at)
    on = assigned.route.hours.local_date(at)
    if assigned.is_unowned and not people.row_of_any_category(partner, on):
        return _without_row(partner, people.owners, on)
    owner = assigned.asked[0]
    if in_slack.get(assigned.emails.get(owner, ""), "not looked up") is None:
        return Finding(partner=partner, trouble=Trouble.NOT_IN_SLACK, owner=owner)
    if owner in people.routes.people and people.routes.people[owner].is_away(on):
        return Finding(partner=partner, trouble=Trouble.AWAY, owner=owner)
    return None


def _without_row(partner: str, owners: Sequence[Owner], on: dt.date) -> Finding:
    ended = [row for row in owners if row.partner == partner and row.valid_to and row.valid_to < on]
    if not ended:
        return Finding(partner=partner, trouble=Trouble.NO_ROW)
    last = max(ended, key=lambda row: (row.valid_to or on, row.owner))
    since = (last.valid_to or on) + dt.timedelta(days=1)
    return Finding(partner=partner, trouble=Trouble.ENDED, owner=last.owner, since=since)


class Reason(StrEnum):
    """Why something was done, or not."""

    FIRST = "first"  # opened
    AGAIN = "again"  # reopened in its thread
    OTHER_TROUBLE = "other_trouble"
    FIGURES = "figures"  # the same trouble, other money or incidents
    OWNED = "owned"  # resolved: somebody is on record
    ALL_WELL = "all_well"
    NOTHING_NEW = "nothing_new"


CHANGES = {
    Reason.FIRST: "opened",
    Reason.AGAIN: "reopened",
    Reason.OTHER_TROUBLE: "updated",
    Reason.FIGURES: "updated",
    Reason.OWNED: "resolved",
}
"""Reasons that make an event, and the kind of event."""


class NoOwner(Case):
    """An account that nobody who can be reached is on record for."""

    kind: Kind = Kind.NO_OWNER
    severity: Severity = Field(default=Severity.HIGH, description="people are reminded of it like of a high one")
    trouble: Trouble
    named: str | None = Field(default=None, description="whom the list names, or named last")
    since: dt.date
    ended_on: dt.date | None = None
    incidents: int
    currency: str | None = None
    money_at_risk: float | None = None

    def listed(self) -> Listing:
        """The incident as a line of a list; its money is that of other incidents, and not counted again."""
        return Listing(severity=self.severity, cause=self.trouble.value, opened_on=self.since)


def fingerprint_of(account: Account, tenant: str) -> str:
    """The fingerprint of the incident of an account: one for each."""
    return fingerprint(tenant, Kind.NO_OWNER, account.partner, "")


def decide(
    account: Account,
    finding: Finding | None,
    incident: NoOwner | None,
    *,
    tenant: str,
    new_id: str,
    today: dt.date,
    previous: NoOwner | None = None,
) -> Decision[NoOwner]:
    """Decide on one account; `incident` is the open one, if any, `previous` the latest that was resolved.

    The same again changes nothing. What a person closed is asked again by the next audit.
    """
    if finding is None:
        if incident is None:
            return Decision(Reason.ALL_WELL)
        ended = {"standing": Standing.RESOLVED, "ended_on": today}
        return Decision(Reason.OWNED, CHANGES[Reason.OWNED], incident.model_copy(update=ended))
    told = {name: getattr(account, name) for name in ("incidents", "currency", "money_at_risk")}
    told |= {"trouble": finding.trouble, "named": finding.owner}
    if incident is None:
        first = NoOwner(
            incident_id=new_id,
            fingerprint=fingerprint_of(account, tenant),
            partner=account.partner,
            partner_name=account.partner_name,
            channel="",
            owner="",
            since=finding.since or today,
            **told,
        )
        if previous and previous.ended_on and (today - previous.ended_on).days <= REOPEN_DAYS:
            return Decision(Reason.AGAIN, CHANGES[Reason.AGAIN], reopened(first, previous))
        return Decision(Reason.FIRST, CHANGES[Reason.FIRST], first)
    after = incident.model_copy(update=told)
    if after == incident:
        return Decision(Reason.NOTHING_NEW)
    reason = Reason.FIGURES if after.trouble is incident.trouble else Reason.OTHER_TROUBLE
    return Decision(reason, CHANGES[reason], after)

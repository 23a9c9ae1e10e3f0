"""Whom Slack knows, and which accounts nobody acts for (A-32, A-33)."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import follow_up as store
from include.stockwatch.adapters.state import incidents, slack_people
from include.stockwatch.adapters.state.worklist import COSTING
from include.stockwatch.alerting.case import Decision, Kind
from include.stockwatch.alerting.no_owner import Account, NoOwner, Reason, decide, fingerprint_of
from include.stockwatch.alerting.no_owner import audit as audited
from include.stockwatch.errors import DeliveryFailed
from include.stockwatch.workflows.incidents.record import record_all
from include.stockwatch.workflows.routing import directory, emails_in_use
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import partner_names

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

log = logging.getLogger(__name__)


def look_up(services: Services) -> dict[str, int]:
    """Ask Slack for the ids of those who may be mentioned and whose last look-up is old.

    Where Slack does not answer, the rest is asked next time: a message without a mention is better than none.
    """
    now, done = services.now(), Counter[str]()
    if services.messenger.previews:
        return {}
    with services.state.read() as tx:
        wanted = slack_people.wanted(tx, emails_in_use(services, tx, now), now)
    for email in wanted:
        try:
            slack_id = services.messenger.user_id(email)
        except DeliveryFailed as failure:
            log.warning("Slack did not say who %s is: %s", email, failure)
            break
        with services.state.begin() as tx:
            slack_people.keep(tx, email, slack_id, now)
        done["found" if slack_id else "not found"] += 1
    return dict(done)


def audit(services: Services, *, actor: str = "command line") -> dict[str, Any]:
    """Look whether every account has an owner who can be reached: one incident for each that has none (A-33)."""
    now, tenant = services.now(), services.settings.stockwatch.tenant
    decisions: list[Decision[NoOwner]] = []
    with services.state.begin() as tx:
        people = directory(services, tx)
        accounts = _accounts(services, tx)
        found = audited(accounts, people, slack_people.known(tx, now), now)
        ongoing = {one.partner: one for one in incidents.open_incidents(tx, [Kind.NO_OWNER]).values()}
        ids = incidents.new_ids(tx, Kind.NO_OWNER, now.year)
        candidate = next(ids)
        marks = {account.partner: fingerprint_of(account, tenant) for account in accounts}
        before = incidents.latest_resolved(tx, marks.values())
        for account in accounts:
            partner = account.partner
            decision = decide(
                account,
                found.get(partner),
                ongoing.get(partner),
                tenant=tenant,
                new_id=candidate,
                today=now.date(),
                previous=before.get(marks[partner]),
            )
            if decision.reason is Reason.FIRST:
                candidate = next(ids)
            decisions.append(decision)
        changes = record_all(services, tx, decisions, at=now, actor=actor)
    return {
        "accounts": len(accounts),
        "findings": {partner: finding.trouble.value for partner, finding in sorted(found.items())},
        "changed": {change.after.incident_id: change.kind for change in changes},
    }


def _accounts(services: Services, tx: Connection) -> list[Account]:
    """Every partner with a feed, with what is open there; its money in the currency that most of it is in."""
    sums = store.sums(tx, COSTING)
    return [
        Account(
            partner=partner,
            partner_name=name,
            incidents=sum(one.incidents for one in sums if one.partner == partner),
            currency=first.currency if first else None,
            money_at_risk=first.money_at_risk if first else None,
        )
        for partner, name in sorted(partner_names(services).items())
        for first in [next((one for one in sums if one.partner == partner), None)]
    ]

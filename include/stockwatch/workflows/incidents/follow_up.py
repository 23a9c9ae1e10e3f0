"""What time does to incidents: quiet ones wake, owners change, and what nobody takes is asked of the next person."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import bulletins, incidents, outbox, roots, slack_people
from include.stockwatch.adapters.state import follow_up as store
from include.stockwatch.adapters.state.roots import Root
from include.stockwatch.alerting import follow_up as alerting
from include.stockwatch.alerting.case import Case
from include.stockwatch.alerting.messages.digest import handed_over
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.alerting.messages.thread import CLOCK
from include.stockwatch.alerting.owners import Assigned
from include.stockwatch.alerting.routing import facts_of
from include.stockwatch.workflows.incidents import silences
from include.stockwatch.workflows.incidents.act import wake
from include.stockwatch.workflows.incidents.record import record_all
from include.stockwatch.workflows.routing import directory, keeps_its_own
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy.engine import Connection

log = logging.getLogger(__name__)


def follow_up(services: Services) -> dict[str, Any]:
    """Wake, hand over, tell what was silenced, remind, as far as it is time; a second call at once changes nothing."""
    done = {
        "woken": wake(services),
        "handed_over": hand_over(services),
        "unsilenced": silences.tell(services),
        **remind(services),
    }
    log.info("follow-up: %s", {name: len(ids) for name, ids in done.items()})
    return done


def remind(services: Services) -> dict[str, list[str]]:
    """Ask the owner, then the backup, then the lead about what nobody has taken (A-42, A-43).

    Incidents that have no message of their own are in the daily digest instead.
    """
    now = services.now()
    done: dict[str, list[str]] = {"reminded": [], "escalated": []}
    with services.state.begin() as tx:
        people, decisions = directory(services, tx), []
        for case in store.unanswered(tx):
            if roots.root(tx, case.incident_id, case.channel, now) is not Root.SHOWN:
                continue
            assigned = people.assign(facts_of(case), now)
            since = alerting.waiting_since(incidents.events(tx, case.incident_id))
            if since is not None:
                hours, asked = assigned.route.hours, len(assigned.asked)
                decisions.append(alerting.follow_up(case, since, hours, asked, now))
        for change in record_all(services, tx, decisions, at=now, actor=CLOCK):
            done[change.kind].append(change.after.incident_id)
    return done


def hand_over(services: Services) -> list[str]:
    """Give open incidents to the owners that count now, each of whom gets one message in a channel (A-34).

    Who was assigned by the cause of an incident changes with it; that is a hand-over as well.
    """
    now = services.now()
    with services.state.begin() as tx:
        people = directory(services, tx)
        assigned = {}
        for one in store.owned(tx):
            found = people.assign(one.facts, now)
            if found.owner != one.owner and not keeps_its_own(services, one.facts.kind):
                assigned[one.incident_id] = found
        cases = {incident_id: incidents.find(tx, incident_id) for incident_id in assigned}
        decisions = [
            alerting.hand_over(case, found.owner, _names(found))
            for incident_id, found in assigned.items()
            if (case := cases[incident_id])
        ]
        changes = record_all(services, tx, decisions, at=now, actor=CLOCK)
        taken: dict[tuple[str, str], list[Case]] = defaultdict(list)
        for change in changes:
            taken[change.after.channel, change.after.owner].append(change.after)
        for (channel, owner), of in taken.items():
            _tell(tx, channel, owner, of, assigned[of[0].incident_id], now)
    return [change.after.incident_id for change in changes]


def _tell(tx: Connection, channel: str, owner: str, cases: list[Case], assigned: Assigned, now: dt.datetime) -> None:
    """One message for all that somebody takes over in a channel; they are called in its thread, once."""
    name = f"HAND-{outbox.key_of(owner, channel, 'handed over', 0)[:8]}-{now:%Y%m%d%H%M}"
    due = assigned.route.sends_at(now, None)
    bulletins.publish(tx, handed_over(cases, owner, now), bulletin_id=name, channel=channel, now=now, not_before=due)
    email, day = assigned.emails.get(assigned.asked[0]), assigned.route.hours.local_date(now)
    called = slack_people.mention(tx, email, assigned.route.mentions, day, now) if email else None
    if called:
        line = Notice("These are yours now.", mention=called)
        named: dict[str, Any] = {"incident_id": name, "seq": 1, "channel": channel, "now": now, "not_before": due}
        outbox.enqueue(tx, line, operation=outbox.REPLY, **named)


def _names(assigned: Assigned) -> set[str]:
    """What the new owner may be called where somebody acknowledged an incident."""
    first = assigned.asked[0]
    return {assigned.owner, first, assigned.emails.get(first, first)}

"""What tests of delivery say and look at: incidents without stores of their own, and the dispatcher run to its end."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.stockwatch.adapters.state import outbox
from include.stockwatch.adapters.state.tables import OUTBOX_OPEN
from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.incident import Basis, Incident, Member, MemberState
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.alerting.messages.out_of_stock_message import render
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock
from tests.slack_server.server import GENERAL

DAY = dt.date(2026, 11, 1)


def incident(number: int = 1, **changes: object) -> Incident:
    """An open incident in the server's general channel."""
    values: dict[str, object] = {
        "incident_id": f"INC-2026-{number:05d}",
        "fingerprint": f"f{number}",
        "partner": "northfield",
        "partner_name": "Northfield Grocers",
        "item_id": "00850007123017",
        "item_name": "Oat Bar <!channel> & co",
        "rule": "default",
        "promise": 0.95,
        "channel": GENERAL,
        "owner": "Dana Ruiz",
        "basis": Basis(horizon_days=7, assumptions="published averages", dated="2026-11-22", low=0.09, high=2.35),
        "opened_on": DAY,
        "detected_on": DAY,
        "data_as_of": DAY,
        "members": (Member(location_id="0118", out_since=DAY, last_out=DAY, lost_units=6.0),),
        "ranged": 6,
        "known": 6,
        "peak_out": 1,
    }
    return Incident(**{**values, **changes})


def resolved(number: int = 1) -> Incident:
    """The incident after its end."""
    back = (Member(location_id="0118", out_since=DAY, last_out=DAY, lost_units=6.0, state=MemberState.BACK),)
    return incident(number, standing=Standing.RESOLVED, resolved_on=DAY + dt.timedelta(days=1), members=back)


def record(services: Services, state: Incident, kind: str) -> None:
    """Queue what an event of an incident says, as a check does."""
    with services.state.begin() as tx:
        seq = len(outbox.of_incident(tx, state.incident_id)) + 1
        names = {"incident_id": state.incident_id, "seq": seq, "kind": kind, "channel": state.channel}
        outbox.announce(tx, render(state), **names, now=services.now())


def note(services: Services, words: str, number: int = 1, *, broadcast: bool = False) -> None:
    """Queue a note for the thread of an incident."""
    with services.state.begin() as tx:
        seq = len(outbox.of_incident(tx, f"INC-2026-{number:05d}")) + 1
        outbox.enqueue(
            tx,
            Notice(words),
            incident_id=f"INC-2026-{number:05d}",
            seq=seq,
            operation=outbox.REPLY,
            channel=GENERAL,
            now=services.now(),
            broadcast=broadcast,
        )


def deliver_all(services: Services, clock: Clock, rounds: int = 14) -> list[dict[str, int]]:
    """Run the dispatcher as its schedule would, a minute apart, until the outbox is quiet."""
    ended = []
    for _ in range(rounds):
        ended.append(deliver(services))
        clock.move(minutes=1)
        with services.state.begin() as tx:
            if not set(OUTBOX_OPEN) & set(outbox.counts(tx)):
                break
    return ended


def rows(services: Services) -> list[dict[str, Any]]:
    """Every message of the outbox, oldest first."""
    with services.state.read() as tx:
        return outbox.messages(tx)


def statuses(services: Services) -> list[str]:
    """Status of every message, oldest first."""
    return [row["status"] for row in rows(services)]

"""Messages about many incidents and about people: digests, roll-ups, hand-overs, accounts without an owner."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.stockwatch.alerting.case import Case, Handling, Severity, Standing
from include.stockwatch.alerting.messages.audit_message import NearMiss
from include.stockwatch.alerting.messages.audit_message import render as weekly_audit
from include.stockwatch.alerting.messages.digest import Day, Feed, daily, handed_over, overflow
from include.stockwatch.alerting.messages.message import Message
from include.stockwatch.alerting.messages.no_owner_message import render
from include.stockwatch.alerting.no_owner import NoOwner, Trouble
from tests.alerting.data_examples import data_incident
from tests.alerting.examples import LONG_150, MALICE, incident, member
from tests.domain.tables import day

AT = dt.datetime(2026, 11, 5, 6, 40, tzinfo=dt.UTC)


def item(number: int, **told: Any) -> Case:
    """One of many incidents: the higher the number, the less money."""
    figures = {"at_risk_money": 5000.0 / number, "at_risk_units": 100.0 / number}
    known = {
        "incident_id": f"INC-2026-{number:05d}",
        "fingerprint": f"{number:032d}",
        "item_id": f"{number:014d}",
        "item_name": f"Bar no. {number}",
        "severity": (Severity.HIGH, Severity.MEDIUM, Severity.LOW)[number % 3],
    }
    return incident(member("0118", 1, 3, **figures), member("0204", 2, 3, **figures), **(known | told))


def many(count: int, **told: Any) -> list[Case]:
    """Many incidents at two partners."""
    westway = {"partner": "westway", "partner_name": "Westway Distribution", "currency": "EUR", "owner": "Priya Nair"}
    return [item(n, **(westway if n % 4 == 0 else {}), **told) for n in range(1, count + 1)]


def no_owner(trouble: Trouble = Trouble.NO_ROW, **told: Any) -> NoOwner:
    """Northfield without an owner, from Monday 2 November 2026 on."""
    known = {
        "incident_id": "OWN-2026-00001",
        "fingerprint": "f",
        "partner": "northfield",
        "partner_name": "Northfield Grocers",
        "channel": "C0NORTHFIELD",
        "owner": "nobody on record, shown to Sam Lee",
        "trouble": trouble,
        "since": day(1),
        "incidents": 12,
        "currency": "USD",
        "money_at_risk": 18240.4,
    }
    return NoOwner(**(known | told))


FALLBACK = "nobody on record, shown to Sam Lee"
SNOOZED = Handling(snoozed_by="dana@example.com", snoozed_until=AT + dt.timedelta(hours=20), snooze_reason="on its way")
TAKEN = Handling(acknowledged_by="dana@example.com", acknowledged_until=AT + dt.timedelta(days=2))

SHELVES = (
    NearMiss("northfield/0118/00850000000011", "Oat Bar 6-pack", "Northfield Grocers", "Reno (0118)", 0.31),
    NearMiss("westway/0204/00850000000028", "00850000000028", "Westway Distribution", "0204", 0.4),
)
HARMFUL = NearMiss("<!channel>/*0118*/<https://x.example|y>", LONG_150, "<!here>", "<https://x.example|y>", 0.4)

PEOPLE_EXAMPLES: dict[str, Message] = {
    "weekly_audit": weekly_audit(day(1), many(3), SHELVES),
    "weekly_audit_of_one_shelf": weekly_audit(day(1), [], SHELVES[:1]),
    "weekly_audit_that_means_harm": weekly_audit(
        day(1), [item(n, **MALICE, owner="<!here>") for n in range(1, 4)], [HARMFUL]
    ),
    "digest_of_a_run": overflow(many(43), AT),
    "digest_of_one_without_a_price": overflow(
        [incident(member("0118", 1, 3, at_risk_money=None, lost_money=None), severity=Severity.LOW)], AT
    ),
    "digest_that_means_harm": overflow([item(n, **MALICE, owner="<!here>") for n in range(1, 4)], AT),
    "digest_of_long_names": overflow(
        [item(n, item_name=LONG_150, partner_name=f"{n} {LONG_150}", owner=LONG_150) for n in range(1, 13)], AT
    ),
    "roll_up_of_critical_ones": overflow(many(8, severity=Severity.CRITICAL), AT),
    "daily_digest": daily(
        Day(
            on=day(4),
            since=AT - dt.timedelta(days=1),
            open_now=(
                *many(14),
                item(50, standing=Standing.SNOOZED, handling=SNOOZED),
                item(51, standing=Standing.ACKNOWLEDGED, handling=TAKEN),
                data_incident(),
            ),
            opened=9,
            resolved=4,
            unseen=("Oat Bar 6-pack at Northfield Grocers INC-2026-00077",),
            without_message=7,
            silenced=2,
            feeds=(
                Feed(feed_id="northfield_stores", partner_name="Northfield Grocers", trouble="late", newest=day(2)),
            ),
        )
    ),
    "daily_digest_with_everything_in_hand": daily(
        Day(
            on=day(4),
            since=AT - dt.timedelta(days=1),
            open_now=(item(1, standing=Standing.ACKNOWLEDGED, handling=TAKEN),),
            opened=0,
            resolved=1,
        )
    ),
    "handed_over": handed_over(
        [
            *many(3, owner="Pat Moon"),
            item(7, owner="Pat Moon", handling=Handling(restock_on=day(9), restock_units=400.0)),
        ],
        "Pat Moon",
        AT,
    ),
    "handed_over_one": handed_over([item(1, owner=FALLBACK)], FALLBACK, AT),
    "no_owner": render(no_owner()),
    "no_owner_since_a_row_ended": render(no_owner(Trouble.ENDED, named="Dana Ruiz")),
    "no_owner_in_slack": render(no_owner(Trouble.NOT_IN_SLACK, named="Dana Ruiz", owner="Dana Ruiz", incidents=1)),
    "no_owner_while_away": render(
        no_owner(Trouble.AWAY, named="Dana Ruiz", owner="Dana Ruiz", incidents=0, money_at_risk=None, currency=None)
    ),
    "no_owner_and_claimed": render(
        no_owner(
            standing=Standing.ACKNOWLEDGED,
            handling=Handling(
                claimed_by="pat@example.com",
                acknowledged_by="pat@example.com",
                acknowledged_until=AT + dt.timedelta(days=3),
            ),
        )
    ),
    "no_owner_resolved": render(no_owner(standing=Standing.RESOLVED, ended_on=day(10))),
    "no_owner_that_means_harm": render(
        no_owner(Trouble.ENDED, named="<!channel>", partner_name="Müller & Söhne <@U0123456>", owner="<!here>")
    ),
    "no_owner_of_long_names": render(no_owner(Trouble.ENDED, named=LONG_150, partner_name=LONG_150, owner=LONG_150)),
}

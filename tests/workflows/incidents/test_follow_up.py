"""What time does to incidents: reminders, hand-overs, the daily digest, the audit of owners, and why a route is taken."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.preview import PreviewMessenger
from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import Case, Decision, Kind, Severity, Standing
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.domain import columns
from include.stockwatch.errors import ActionRefused, DeliveryFailed, Refusal
from include.stockwatch.workflows import routing
from include.stockwatch.workflows.incidents import owners, silences
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.incidents.follow_up import follow_up
from include.stockwatch.workflows.incidents.record import record_all
from include.stockwatch.workflows.messages import digest
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.alerting.people_examples import item
from tests.fakes import Clock

MONDAY = dt.datetime(2026, 11, 2, 15, tzinfo=dt.UTC)  # 10:00 in New York
ROUTES = """
people:
  Dana Ruiz: {email: dana@example.com}
  Sam Lee: {email: sam@example.com}
  Jo King: {email: jo@example.com}
  supply planning: {}
routes:
  - name: northfield account
    match: {partner: northfield}
    channel: C0NORTHFIELD
    owner: Dana Ruiz
    backup: Sam Lee
    lead: Jo King
    time_zone: America/New_York
  - {name: everything else, channel: C0TRIAGE, owner: supply planning}
"""


OWNERS = """
partner_column: partner
table: owners
landing: {pattern: "owners_*.csv"}
date_format: "%Y-%m-%d"
columns: {owner: owner, contact: contact, valid_from: valid_from, valid_to: valid_to}
"""


class Known(PreviewMessenger):
    """Knows some people, like Slack."""

    previews = False

    def __init__(self, ids: dict[str, str]) -> None:
        self.ids, self.refuses, self.asked_to_post = ids, False, 0
        self.asked: list[str] = []

    def post(self, *told: Any, **more: Any) -> str:
        """Takes a message."""
        self.asked_to_post += 1
        return f"{self.asked_to_post}.000"

    def user_id(self, email: str) -> str | None:
        """Somebody's id."""
        if self.refuses:
            raise DeliveryFailed(Refusal.WAIT, "ratelimited")
        self.asked.append(email)
        return self.ids.get(email)


@pytest.fixture(autouse=True)
def routes(config: Path, clock: Clock) -> None:
    """Routes with people; and it is Monday morning."""
    (config / "routes.yaml").write_text(ROUTES, "utf-8")
    (config / "master" / "our_owners.yaml").write_text(OWNERS, "utf-8")
    clock.at = MONDAY


@pytest.fixture
def slack(services: Services) -> Known:
    """A Slack that knows all but Jo King."""
    known = Known({"dana@example.com": "U0DANA", "sam@example.com": "U0SAM"})
    services.__dict__["messenger"] = known
    return known


def opened(services: Services, *cases: Case) -> None:
    decisions = [Decision(Reason.FIRST, "opened", case) for case in cases]
    with services.state.begin() as tx:
        record_all(services, tx, decisions, at=services.now(), actor="check")


def events(services: Services, number: int = 1) -> list[tuple[str, str | None]]:
    with services.state.read() as tx:
        return [(event["kind"], event["note"]) for event in incidents.events(tx, f"INC-2026-{number:05d}")]


def posted(services: Services) -> list[tuple[str, str]]:
    with services.state.read() as tx:
        return [(row["operation"], row["incident_id"]) for row in outbox.messages(tx)]


def pending(services: Services) -> list[tuple[str, str]]:
    with services.state.read() as tx:
        return [(row["operation"], row["text"]) for row in outbox.messages(tx) if row["status"] == "pending"]


def owner_list(services: Services, rows: Iterable[dict[str, Any]]) -> None:
    """The owner list as it stands now."""
    import pyarrow as pa

    schema = columns.OWNERS.to_pyarrow()
    blank = dict.fromkeys(schema.names) | {"feed_id": "our_owners", "partner": "northfield"}
    table = pa.Table.from_pylist([blank | row for row in rows], schema=schema)
    services.lake.replace_feed("owners", table, "our_owners")


# --- reminders -------------------------------------------------------------------------------------------------------


def test_owner_backup_and_lead_are_asked_in_turn_each_once(services: Services, clock: Clock, slack: Known) -> None:
    """A-42, A-43: every four business hours for a critical one."""
    assert owners.look_up(services) == {"found": 2, "not found": 1}
    opened(services, item(1, severity=Severity.CRITICAL))
    deliver(services)
    for hours in (3, 1, 0, 20):
        clock.move(hours=hours)
        owners.look_up(services)
        follow_up(services)
    assert events(services) == [("opened", None), ("reminded", None), ("escalated", "Sam Lee")]
    clock.move(days=1)
    follow_up(services)
    follow_up(services)
    clock.move(days=9)
    follow_up(services)
    assert events(services)[3:] == [("escalated", "Jo King")]
    assert [text for operation, text in pending(services) if operation == "reply"] == [
        "<@U0DANA> Reminder: nobody has taken this yet.",
        "<@U0SAM> Nobody has taken this yet: now with Sam Lee.",
        "Nobody has taken this yet: now with Jo King.",
    ]


def test_an_acknowledgement_stops_it_and_its_end_starts_it_anew(services: Services, clock: Clock) -> None:
    opened(services, item(1, severity=Severity.CRITICAL))
    deliver(services)
    act(services, "INC-2026-00001", Action(act=Act.ACKNOWLEDGE, person="dana@example.com", at=clock.at))
    clock.move(days=2)
    assert follow_up(services)["reminded"] == []
    clock.move(days=1, hours=1)
    done = follow_up(services)
    assert (done["woken"], done["reminded"]) == (["INC-2026-00001"], [])
    clock.move(hours=4)
    assert follow_up(services)["reminded"] == ["INC-2026-00001"]


def test_what_is_only_in_a_digest_is_reminded_of_by_the_digest(services: Services, clock: Clock) -> None:
    opened(services, *(item(n, severity=Severity.HIGH) for n in range(1, 8)))
    deliver(services)
    clock.move(days=2)
    assert follow_up(services)["reminded"] == [f"INC-2026-{n:05d}" for n in range(1, 6)]


# --- hand-over -------------------------------------------------------------------------------------------------------


def test_open_incidents_follow_the_owner_list_and_the_new_owner_is_told_once(
    services: Services, clock: Clock, slack: Known
) -> None:
    """A-34"""
    opened(services, *(item(n, severity=Severity.HIGH) for n in (1, 2, 3)))
    act(services, "INC-2026-00002", Action(act=Act.ACKNOWLEDGE, person="dana@example.com", at=clock.at))
    deliver(services)
    assert follow_up(services)["handed_over"] == []
    owner_list(services, [{"owner": "Sam Lee", "valid_from": MONDAY.date()}])
    owners.look_up(services)
    handed = follow_up(services)["handed_over"]
    assert handed == [f"INC-2026-{n:05d}" for n in (1, 2, 3)]
    assert follow_up(services)["handed_over"] == []
    assert events(services, 2)[-1] == ("handed_over", "Sam Lee")
    with services.state.read() as tx:
        after = incidents.find(tx, "INC-2026-00002")
    assert after is not None
    assert (after.owner, after.standing, after.handling.acknowledged_by) == ("Sam Lee", Standing.OPEN, None)
    told = pending(services)
    assert [text for operation, text in told if operation == "post"] == [
        "HANDED OVER: 3 incidents to Sam Lee, USD 18,333 at risk, Northfield Grocers."
    ]
    assert [text for _, text in told if "<@" in text] == ["<@U0SAM> These are yours now."]
    assert [text for operation, text in told if operation == "reply" and "Now with" in text] == [
        "Now with Sam Lee."
    ] * 3


# --- owners ----------------------------------------------------------------------------------------------------------


def test_slack_is_asked_once_a_day_and_not_at_all_while_it_refuses(
    services: Services, clock: Clock, slack: Known
) -> None:
    """A-32"""
    slack.refuses = True
    assert owners.look_up(services) == {}
    slack.refuses = False
    owners.look_up(services)
    owners.look_up(services)
    assert slack.asked == ["dana@example.com", "jo@example.com", "sam@example.com"]
    clock.move(hours=20)
    owners.look_up(services)
    assert len(slack.asked) == 6


def test_without_slack_nobody_is_looked_up(services: Services) -> None:
    assert owners.look_up(services) == {}


def test_an_account_without_an_owner_is_one_incident_that_may_be_claimed(services: Services, clock: Clock) -> None:
    """A-33"""
    opened(services, item(1, severity=Severity.HIGH), item(2))
    assert owners.audit(services)["findings"] == {}
    owner_list(
        services, [{"owner": "Dana Ruiz", "valid_to": dt.date(2026, 10, 31)}, {"owner": "Priya", "partner": "westway"}]
    )
    found = owners.audit(services)
    assert (found["findings"], found["changed"]) == ({"northfield": "ended"}, {"OWN-2026-00001": "opened"})
    assert owners.audit(services)["changed"] == {}
    follow_up(services)
    with services.state.read() as tx:
        one, own = incidents.find(tx, "INC-2026-00001"), incidents.find(tx, "OWN-2026-00001")
    assert one is not None
    assert own is not None
    assert one.owner == own.owner == "nobody on record, shown to Sam Lee"
    assert (own.channel, own.kind, own.model_dump()["money_at_risk"]) == ("C0NORTHFIELD", Kind.NO_OWNER, 15_000.0)
    act(services, "OWN-2026-00001", Action(act=Act.CLAIM, person="jo@example.com", at=clock.at))
    follow_up(services)
    with services.state.read() as tx:
        one, own = incidents.find(tx, "INC-2026-00001"), incidents.find(tx, "OWN-2026-00001")
    assert one is not None
    assert own is not None
    assert one.owner == "nobody on record, shown to jo@example.com"
    assert (own.standing, own.handling.claimed_by) == (Standing.ACKNOWLEDGED, "jo@example.com")
    owner_list(services, [{"owner": "Jo King"}, {"owner": "Priya", "partner": "westway"}])
    assert owners.audit(services)["changed"] == {"OWN-2026-00001": "resolved"}
    follow_up(services)
    with services.state.read() as tx:
        one = incidents.find(tx, "INC-2026-00001")
    assert one is not None
    assert one.owner == "Jo King"


# --- the daily digest ------------------------------------------------------------------------------------------------


def test_a_channel_gets_its_digest_once_a_business_day_from_its_opening_on(services: Services, clock: Clock) -> None:
    """A-57"""
    opened(services, *(item(n, severity=Severity.HIGH) for n in range(1, 8)))
    clock.at = dt.datetime(2026, 11, 3, 11, 59, tzinfo=dt.UTC)
    assert digest.post(services)["posted"] == []
    clock.move(minutes=1)  # 07:00 in New York
    assert digest.post(services)["posted"] == ["C0NORTHFIELD"]
    assert digest.post(services)["posted"] == []
    with services.state.read() as tx:
        (row,) = outbox.of_incident(tx, "DAY-2026-11-03")
    assert row["text"].startswith("DAILY Tue 3 Nov: 7 open (7 high)")
    assert "2 are told here alone" in row["plain"]
    clock.at = dt.datetime(2026, 11, 7, 15, tzinfo=dt.UTC)  # Saturday
    assert digest.post(services)["posted"] == []


def test_what_begins_after_the_morning_is_in_the_next_digest_alone(services: Services, clock: Clock) -> None:
    """A channel with nothing to say at its opening got a digest of the message that it had just got."""
    clock.at = dt.datetime(2026, 11, 3, 12, 5, tzinfo=dt.UTC)  # 07:05 in New York
    assert digest.post(services)["posted"] == []
    clock.move(hours=3)
    opened(services, item(1))
    assert digest.post(services)["posted"] == []
    clock.move(hours=21)
    assert digest.post(services)["posted"] == ["C0NORTHFIELD"]


def test_what_came_and_went_over_night_and_what_is_silenced_is_in_the_digest(services: Services, clock: Clock) -> None:
    clock.at = dt.datetime(2026, 11, 3, 4, tzinfo=dt.UTC)  # 23:00 in New York
    opened(services, item(1), item(2))
    with services.state.begin() as tx:
        case = incidents.find(tx, "INC-2026-00001")
        assert case is not None
        ended = case.model_copy(update={"standing": Standing.RESOLVED})
        record_all(services, tx, [Decision(Reason.RESTOCKED, "resolved", ended)], at=clock.at, actor="check")
    until = clock.at + dt.timedelta(days=3)
    silences.add(services, {"item": f"{2:014d}"}, until=until, author="dana@example.com", comment="reset")
    clock.move(hours=10)
    digest.post(services)
    with services.state.read() as tx:
        (row,) = outbox.of_incident(tx, "DAY-2026-11-03")
    assert "Came and went before it was told: Bar no. 1 at Northfield Grocers INC-2026-00001." in row["plain"]
    assert "1 are silenced" in row["plain"]
    assert "2 opened, 1 resolved" in row["text"]


def test_what_was_told_before_it_ended_did_not_come_and_go_unseen(services: Services, clock: Clock) -> None:
    """Its first message was withdrawn; then it was back, and was told."""
    opened(services, item(1))
    for reason, kind, standing in (
        (Reason.RESTOCKED, "resolved", Standing.RESOLVED),
        (Reason.AGAIN, "reopened", Standing.OPEN),
        (Reason.RESTOCKED, "resolved", Standing.RESOLVED),
    ):
        with services.state.begin() as tx:
            case = item(1, standing=standing)
            record_all(services, tx, [Decision(reason, kind, case)], at=clock.at, actor="check")
        if kind == "reopened":
            deliver(services)
    clock.at = dt.datetime(2026, 11, 3, 12, 5, tzinfo=dt.UTC)
    digest.post(services)
    with services.state.read() as tx:
        assert "superseded" in {row["status"] for row in outbox.of_incident(tx, "INC-2026-00001")}
        (row,) = outbox.of_incident(tx, "DAY-2026-11-03")
    assert "Came and went" not in row["plain"]


# --- silences and routes ---------------------------------------------------------------------------------------------


def test_a_silence_is_listed_and_ended_once(services: Services, clock: Clock) -> None:
    until = clock.at + dt.timedelta(days=1)
    made = silences.add(
        services, {"partner": ["northfield", "osa"]}, until=until, author="d@example.com", comment="reset"
    )
    assert silences.active(services) == [made]
    ended = silences.end(services, made.silence_id, "sam@example.com")
    assert (ended.ends_at, ended.ended_by) == (clock.at, "sam@example.com")
    assert (silences.active(services), silences.listed(services)) == ([], [ended])
    with pytest.raises(ActionRefused, match="is over since"):
        silences.end(services, made.silence_id, "sam@example.com")
    with pytest.raises(ActionRefused, match="there is no silence 7"):
        silences.end(services, 7, "sam@example.com")


def test_what_began_under_a_silence_is_told_as_new_when_it_is_over(services: Services, clock: Clock) -> None:
    """A-05, A-44: within the budget, once, and not while another silence holds."""
    until = clock.at + dt.timedelta(days=1)
    for end in (until, until + dt.timedelta(hours=2)):
        silences.add(services, {"partner": "northfield"}, until=end, author="d@example.com", comment="reset")
    opened(services, *(item(n, severity=Severity.MEDIUM) for n in range(1, 8)))
    clock.at = until
    assert follow_up(services)["unsilenced"] == []
    clock.move(hours=2)
    assert len(follow_up(services)["unsilenced"]) == 7
    clock.move(minutes=10)
    assert follow_up(services)["unsilenced"] == []
    assert sorted(name[:4] for operation, name in posted(services) if operation == "post") == [*["INC-"] * 5, "MORE"]


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ({"partnr": "northfield"}, "did you mean `partner`"),
        ({"kind": "phantom"}, "kind.0: `phantom`"),
        ({}, "a silence of everything"),
    ],
)
def test_a_silence_of_what_there_is_not_is_refused(services: Services, match: dict[str, str], why: str) -> None:
    with pytest.raises(ActionRefused, match=why):
        silences.add(services, match, until=MONDAY + dt.timedelta(days=1), author="d@example.com", comment="why")


def test_a_route_says_who_is_asked_and_why_it_is_taken(services: Services, slack: Known) -> None:
    """A-30"""
    owners.look_up(services)
    opened(services, item(1))
    found = routing.explain(services, ["INC-2026-00001"])
    assert (found["route"], found["owner"], found["passed"]) == ("northfield account", "Dana Ruiz", [])
    assert found["asked_in_order"] == [
        "Dana Ruiz (dana@example.com, in Slack)",
        "Sam Lee (sam@example.com, in Slack)",
        "Jo King (jo@example.com, not found in Slack)",
    ]
    other = routing.explain(services, ["partner=westway", "severity=critical"])
    assert other["passed"] == [{"route": "northfield account", "why": "partner is westway, not northfield"}]
    with pytest.raises(ActionRefused, match="there is no incident INC-9"):
        routing.explain(services, ["INC-9"])
    with pytest.raises(ActionRefused, match="did you mean `severity`"):
        routing.explain(services, ["severty=high"])

"""What a run says of its decisions: to whom, when and how loud; and what it keeps for a digest."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.stockwatch.adapters.state import incidents, outbox, slack_people
from include.stockwatch.adapters.state.tables import outbox as outbox_table
from include.stockwatch.adapters.state.tables import outbox_files
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import Case, Decision, Handling, Kind, Severity, Standing
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.workflows.incidents import silences
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.incidents.record import record, record_all
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.alerting.people_examples import item
from tests.fakes import Clock

MONDAY = dt.datetime(2026, 11, 2, 15, tzinfo=dt.UTC)  # 07:00 in Los Angeles
NIGHT = dt.datetime(2026, 11, 4, 4, tzinfo=dt.UTC)  # Tuesday 20:00 there
WEDNESDAY = dt.datetime(2026, 11, 4, 15, tzinfo=dt.UTC)
ROUTES = """
people:
  Dana Ruiz: {email: dana@example.com}
  Sam Lee: {email: sam@example.com}
  Kim Oh: {}
  supply planning: {}
routes:
  - {name: care, match: {severity: critical}, continue: true, channel: C0CARE000, owner: Kim Oh}
  - name: planners
    match: {cause: [retailer_dc, distributor_dc]}
    channel: C0PLANNERS
    owner: supply planning
  - name: northfield account
    match: {partner: northfield}
    channel: C0NORTHFIELD
    owner: Dana Ruiz
    backup: Sam Lee
    time_zone: America/Los_Angeles
    calendar: US
    breaks_quiet_hours: true
    mentions: 2
  - name: everything else
    channel: C0TRIAGE
    owner: supply planning
    budget: 1
"""


@pytest.fixture(autouse=True)
def routes(config: Path) -> None:
    """Routes with everything that a route can say."""
    (config / "routes.yaml").write_text(ROUTES, "utf-8")


@pytest.fixture(autouse=True)
def daytime(clock: Clock) -> None:
    """Office hours have begun in Los Angeles."""
    clock.at = MONDAY


def opened(*cases: Case) -> list[Decision[Any]]:
    return [Decision(Reason.FIRST, "opened", case) for case in cases]


def changed(case: Case, kind: str = "updated", **told: Any) -> Decision[Any]:
    return Decision(Reason.WORSE, kind, case.model_copy(update=told))


def run(services: Services, *decisions: Decision[Any], at: dt.datetime = MONDAY, **told: Any) -> list[Case]:
    """One run; returns the incidents as they are stored after it."""
    with services.state.begin() as tx:
        return [change.after for change in record_all(services, tx, decisions, at=at, actor="check", **told)]


def queued(services: Services, *statuses: str) -> list[dict[str, Any]]:
    with services.state.read() as tx:
        return [row for row in outbox.messages(tx) if row["status"] in (statuses or ("pending",))]


def told(services: Services, channel: str) -> list[tuple[str, str]]:
    """Operation and incident (or bulletin, without its moment) of what waits for a channel."""
    return [(row["operation"], row["incident_id"].split("-202")[0] if row["incident_id"][:4] in ("MORE", "ROLL") else row["incident_id"]) for row in queued(services) if row["channel"] == channel]  # fmt: skip


def test_many_new_ones_are_five_messages_and_one_digest_with_a_table(services: Services) -> None:
    """A-44"""
    run(services, *opened(*(item(n, severity=Severity.HIGH) for n in range(1, 13))))
    posts = [("post", f"INC-2026-{n:05d}") for n in range(1, 6)]
    assert told(services, "C0NORTHFIELD") == [*posts, ("post", "MORE"), ("file", "MORE")]
    (digest,) = (
        row for row in queued(services) if row["incident_id"].startswith("MORE") and row["operation"] == "post"
    )
    assert digest["text"].startswith("DIGEST: 7 more incidents")
    with services.state.read() as tx:
        assert incidents.count_open(tx, [Kind.OUT_OF_STOCK]) == 12
        content = tx.execute(sa.select(outbox_files.c.content)).scalar_one()
    told_of = {line.split(",")[0] for line in content.decode("utf-8-sig").splitlines()[1:]}
    assert told_of == {f"INC-2026-{n:05d}" for n in range(6, 13)}


def test_each_channel_has_the_budget_of_its_route(services: Services) -> None:
    others = [item(n, partner="westway", severity=Severity.HIGH) for n in range(1, 4)]
    run(services, *opened(*others, *(item(n) for n in range(4, 7))))
    assert told(services, "C0TRIAGE") == [("post", "INC-2026-00001"), ("post", "MORE"), ("file", "MORE")]
    assert [operation for operation, _ in told(services, "C0NORTHFIELD")] == ["post"] * 3


def test_what_was_only_in_a_digest_is_posted_once_its_severity_rises(services: Services) -> None:
    found = run(services, *opened(*(item(n, partner="westway", severity=Severity.MEDIUM) for n in (1, 2))))
    run(services, changed(found[1], known=200))
    run(services, changed(found[1], data_stale=True, kind="frozen"))
    assert ("post", "INC-2026-00002") not in told(services, "C0TRIAGE")
    run(services, changed(found[1], severity=Severity.HIGH))
    assert told(services, "C0TRIAGE")[-1] == ("post", "INC-2026-00002")


def test_what_the_channel_never_saw_ends_without_a_word(services: Services) -> None:
    found = run(services, *opened(*(item(n, partner="westway") for n in (1, 3))))
    before = len(queued(services))
    run(services, changed(found[0], "resolved", standing=Standing.RESOLVED, resolved_on=found[0].data_as_of))
    assert len(queued(services)) == before


def test_what_comes_and_goes_before_its_message_is_sent_is_never_posted(services: Services) -> None:
    """Many dates checked in one go, as when history is loaded; what is being sent stands."""
    one, other = run(services, *opened(item(1), item(2)))
    with services.state.begin() as tx:
        named = outbox_table.c.incident_id == other.incident_id
        tx.execute(outbox_table.update().where(named).values(status="sending", attempts=1))
    for case in (one, other):
        run(services, changed(case, "resolved", standing=Standing.RESOLVED, resolved_on=case.data_as_of))
    assert {row["incident_id"] for row in queued(services)} == {other.incident_id}
    assert [row["operation"] for row in queued(services)] == ["update", "reply"]


def test_six_critical_ones_are_one_roll_up(services: Services) -> None:
    run(services, *opened(*(item(n, severity=Severity.CRITICAL) for n in range(1, 7))))
    assert told(services, "C0NORTHFIELD") == [("post", "ROLL"), ("file", "ROLL")]
    assert queued(services)[0]["text"].startswith("CRITICAL: 6 critical incidents")


def test_the_cause_decides_who_has_it_and_copies_are_a_line_that_follows(services: Services) -> None:
    """A-31"""
    case = item(1, severity=Severity.CRITICAL)
    dc = case.model_copy(update={"members": tuple(m.model_copy(update={"cause": "retailer_dc"}) for m in case.members)})
    (stored,) = run(services, *opened(dc))
    assert (stored.channel, stored.owner) == ("C0PLANNERS", "supply planning")
    (copy,) = (row for row in queued(services) if row["channel"] == "C0CARE000")
    assert copy["text"].endswith("INC-2026-00001 <#C0PLANNERS>")
    assert copy["blocks"] == []
    deliver(services)
    run(services, changed(stored, "resolved", standing=Standing.RESOLVED, resolved_on=stored.data_as_of))
    (copy,) = (row for row in queued(services) if row["channel"] == "C0CARE000")
    assert copy["text"].startswith("RESOLVED")


def test_a_copy_follows_also_when_its_route_matches_no_more_and_when_a_person_acts(services: Services) -> None:
    """A-50: a channel in which an incident was critical does not go on saying so."""
    (stored,) = run(services, *opened(item(1, severity=Severity.CRITICAL)))
    deliver(services)
    (eased,) = run(services, changed(stored, severity=Severity.HIGH))
    (copy,) = (row for row in queued(services) if row["channel"] == "C0CARE000")
    assert (copy["operation"], copy["text"].split()[0]) == ("update", "HIGH")
    deliver(services)
    false_alarm = Action(act=Act.FALSE_ALARM, person="dana@example.com", at=MONDAY, reason="wrong_record")
    act(services, eased.incident_id, false_alarm)
    (copy,) = (row for row in queued(services) if row["channel"] == "C0CARE000")
    assert copy["text"].startswith("RESOLVED")


# --- quiet hours -----------------------------------------------------------------------------------------------------


def test_at_night_state_moves_and_messages_wait_for_the_opening(services: Services) -> None:
    """A-40"""
    (stored,) = run(services, *opened(item(1)), at=NIGHT)
    run(services, changed(stored, known=150), at=NIGHT)
    (row,) = queued(services)
    assert (row["operation"], row["not_before"]) == ("post", WEDNESDAY)
    with services.state.read() as tx:
        assert incidents.find(tx, "INC-2026-00001").known == 150  # type: ignore[union-attr]


def test_a_critical_one_breaks_quiet_hours_only_where_the_route_says_so(services: Services) -> None:
    run(services, *opened(item(1, severity=Severity.CRITICAL)), at=NIGHT)
    assert {row["not_before"] for row in queued(services)} == {NIGHT}


def test_one_that_becomes_critical_at_night_goes_at_once(services: Services) -> None:
    (stored,) = run(services, *opened(item(1)), at=NIGHT)
    later = NIGHT + dt.timedelta(hours=1)
    run(services, changed(stored, severity=Severity.CRITICAL), at=later)
    (root,) = (row for row in queued(services) if row["channel"] == "C0NORTHFIELD" and row["operation"] == "post")
    assert root["not_before"] == later
    assert root["text"].startswith("CRITICAL")


def test_what_comes_and_goes_over_night_is_never_posted(services: Services) -> None:
    (stored,) = run(services, *opened(item(1)), at=NIGHT)
    ended = changed(stored, "resolved", standing=Standing.RESOLVED, resolved_on=stored.data_as_of)
    run(services, ended, at=NIGHT + dt.timedelta(hours=2))
    assert queued(services) == []
    again = changed(stored, "reopened", handling=Handling(reopened=1))
    run(services, again, at=WEDNESDAY)
    assert told(services, "C0NORTHFIELD") == [("post", "INC-2026-00001")]


def test_what_a_person_does_at_night_wakes_nobody(services: Services) -> None:
    (stored,) = run(services, *opened(item(1)), at=NIGHT)
    with services.state.begin() as tx:
        record(tx, changed(stored, "acknowledged", standing=Standing.ACKNOWLEDGED), at=NIGHT, actor="dana")
    assert {row["not_before"] for row in queued(services) if row["operation"] == "post"} == {WEDNESDAY}


def test_a_route_without_a_time_zone_knows_no_night(services: Services) -> None:
    run(services, *opened(item(1, partner="westway")), at=NIGHT)
    assert queued(services)[0]["not_before"] == NIGHT


# --- silences --------------------------------------------------------------------------------------------------------


def test_a_silenced_incident_has_its_state_and_says_nothing(services: Services) -> None:
    """A-05"""
    until = MONDAY + dt.timedelta(days=2)
    silences.add(services, {"partner": "northfield"}, until=until, author="dana@example.com", comment="reset")
    (stored,) = run(services, *opened(item(1, severity=Severity.CRITICAL)))
    assert queued(services) == []
    with services.state.read() as tx:
        assert incidents.find(tx, stored.incident_id) is not None
    run(services, *opened(item(2)), at=until)
    assert told(services, "C0NORTHFIELD") == [("post", "INC-2026-00002")]


def test_a_message_that_is_there_stays_true_while_it_is_silenced(services: Services) -> None:
    (stored,) = run(services, *opened(item(1, severity=Severity.MEDIUM)))
    mark_sent(services)
    until = MONDAY + dt.timedelta(days=2)
    silences.add(services, {"kind": "out_of_stock"}, until=until, author="dana@example.com", comment="reset")
    run(services, changed(stored, severity=Severity.CRITICAL))
    assert told(services, "C0NORTHFIELD") == [("update", "INC-2026-00001")]
    assert told(services, "C0CARE000") == []


def mark_sent(services: Services) -> None:
    """Deliver what waits, as previews."""
    deliver(services)


# --- mentions --------------------------------------------------------------------------------------------------------


def know(services: Services, email: str, slack_id: str | None, at: dt.datetime = MONDAY) -> None:
    with services.state.begin() as tx:
        slack_people.keep(tx, email, slack_id, at)


def calls(services: Services) -> list[str]:
    return [row["text"] for row in queued(services) if "<@" in row["text"]]


def test_the_owner_is_called_when_a_high_one_opens_and_at_most_so_often_a_day(services: Services) -> None:
    """A-35, A-44"""
    know(services, "dana@example.com", "U0DANA")
    run(services, *opened(item(1, severity=Severity.MEDIUM), item(2, severity=Severity.HIGH)))
    assert calls(services) == ["<@U0DANA> This is yours to look at."]
    run(services, *opened(item(3, severity=Severity.HIGH), item(4, severity=Severity.HIGH)))
    assert len(calls(services)) == 2
    tomorrow = MONDAY + dt.timedelta(hours=23)
    know(services, "dana@example.com", "U0DANA", tomorrow)
    run(services, *opened(item(5, severity=Severity.HIGH)), at=tomorrow)
    assert len(calls(services)) == 3


@pytest.mark.parametrize(
    ("slack_id", "looked_up"), [(None, MONDAY), ("U0DANA", MONDAY - dt.timedelta(hours=24))], ids=["unknown", "stale"]
)
def test_nobody_is_called_whom_slack_does_not_know(
    services: Services, slack_id: str | None, looked_up: dt.datetime
) -> None:
    know(services, "dana@example.com", slack_id, looked_up)
    run(services, *opened(item(1, severity=Severity.HIGH)))
    assert [row["operation"] for row in queued(services)] == ["post"]


def test_a_reopened_one_calls_its_owner_in_the_thread_where_it_began(services: Services) -> None:
    know(services, "dana@example.com", "U0DANA")
    (stored,) = run(services, *opened(item(1, severity=Severity.HIGH)))
    mark_sent(services)
    run(services, changed(stored, "resolved", standing=Standing.RESOLVED, resolved_on=stored.data_as_of))
    mark_sent(services)
    again = changed(stored, "reopened", channel="C0ELSEWHERE", handling=Handling(reopened=1))
    (after,) = run(services, again)
    assert after.channel == "C0NORTHFIELD"
    assert [(row["operation"], row["broadcast"]) for row in queued(services)] == [("update", False), ("reply", True)]
    assert calls(services) == ["<@U0DANA> Opened again."]


def test_a_reopened_one_goes_on_where_it_began_though_its_cause_is_anothers_now(services: Services) -> None:
    """A-07, A-31"""
    (stored,) = run(services, *opened(item(1)))
    mark_sent(services)
    run(services, changed(stored, "resolved", standing=Standing.RESOLVED, resolved_on=stored.data_as_of))
    members = tuple(one.model_copy(update={"cause": "retailer_dc"}) for one in stored.members)
    (after,) = run(services, changed(stored, "reopened", members=members, handling=Handling(reopened=1)))
    assert (after.channel, after.owner) == ("C0NORTHFIELD", "supply planning")


def test_what_a_person_does_is_said_at_once_and_only_where_there_is_a_message(services: Services) -> None:
    found = run(services, *opened(item(1, partner="westway"), item(3, partner="westway")))
    with services.state.begin() as tx:
        for case in found:
            record(tx, changed(case, "acknowledged", standing=Standing.ACKNOWLEDGED), at=NIGHT, actor="dana")
    assert [row["incident_id"] for row in queued(services) if row["operation"] == "reply"] == ["INC-2026-00003"]
    assert ("post", "INC-2026-00001") not in told(services, "C0TRIAGE")

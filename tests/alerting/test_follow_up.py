"""What nobody takes is asked of the next person; what changes hands is open again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.case import Handling, Severity, Standing
from include.stockwatch.alerting.follow_up import Reason, follow_up, hand_over, waiting_since
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.domain.hours import Hours
from tests.alerting.examples import incident, member

MONDAY = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
HOURS = Hours()


def case(**told: Any) -> Incident:
    return incident(member("0118", 1, 3), **told)


def step(one: Incident, now: dt.datetime, since: dt.datetime = MONDAY, people: int = 3) -> str | None:
    return follow_up(one, since, HOURS, people, now).event_kind


@pytest.mark.parametrize(
    ("severity", "due"),
    [
        (Severity.CRITICAL, dt.datetime(2026, 11, 2, 13, tzinfo=dt.UTC)),
        (Severity.HIGH, dt.datetime(2026, 11, 3, 9, tzinfo=dt.UTC)),
    ],
)
def test_a_reminder_comes_after_four_business_hours_or_one_business_day(severity: Severity, due: dt.datetime) -> None:
    """A-42"""
    one = case(severity=severity)
    assert step(one, due - dt.timedelta(minutes=1)) is None
    assert step(one, due) == "reminded"


def test_a_high_incident_of_friday_night_is_reminded_of_on_tuesday_morning() -> None:
    friday = dt.datetime(2026, 11, 6, 20, tzinfo=dt.UTC)
    assert step(case(), dt.datetime(2026, 11, 10, 6, 59, tzinfo=dt.UTC), friday) is None
    assert step(case(), dt.datetime(2026, 11, 10, 7, tzinfo=dt.UTC), friday) == "reminded"


@pytest.mark.parametrize(
    "told",
    [
        {"severity": Severity.MEDIUM},
        {"severity": Severity.LOW},
        {"data_stale": True},  # the clock stands still
        {"standing": Standing.ACKNOWLEDGED},
        {"standing": Standing.SNOOZED},
        {"standing": Standing.RESOLVED},
    ],
)
def test_nobody_is_reminded_of_what_is_small_stale_taken_or_over(told: dict[str, Any]) -> None:
    assert step(case(**told), MONDAY + dt.timedelta(days=30)) is None


def test_the_backup_is_asked_then_the_lead_then_nobody() -> None:
    """A-43"""
    one, told = case(severity=Severity.CRITICAL), []
    for _ in range(5):
        decision = follow_up(one, MONDAY, HOURS, 3, MONDAY + dt.timedelta(hours=4))
        one = decision.incident or one
        told.append((decision.event_kind, one.handling.reminders, one.handling.escalation))
    assert told == [("reminded", 1, 0), ("escalated", 1, 1), ("escalated", 1, 2), (None, 1, 2), (None, 1, 2)]
    assert follow_up(case(), MONDAY, HOURS, 1, MONDAY + dt.timedelta(days=9)).event_kind == "reminded"
    alone = case(handling=Handling(reminders=1))
    assert follow_up(alone, MONDAY, HOURS, 1, MONDAY + dt.timedelta(days=9)).reason is Reason.NOT_YET


def event(kind: str, hour: int, severity: str = "high", standing: str = "open") -> dict[str, Any]:
    state = {"severity": severity, "standing": standing}
    return {"kind": kind, "at": MONDAY + dt.timedelta(hours=hour), "state": state}


def test_the_wait_counts_from_the_latest_start_and_from_a_rise() -> None:
    history = [event("opened", 0, "medium"), event("updated", 1, "high"), event("updated", 2, "high")]
    assert waiting_since(history) == MONDAY + dt.timedelta(hours=1)
    taken = event("acknowledged", 3, standing="acknowledged")
    assert waiting_since([*history, taken, event("woken", 5)]) == MONDAY + dt.timedelta(hours=5)
    asleep = event("snoozed", 3, standing="snoozed")  # and another cause ends that early
    assert waiting_since([*history, asleep, event("updated", 5)]) == MONDAY + dt.timedelta(hours=5)
    assert waiting_since([*history, event("reminded", 6), event("updated", 7, "medium")]) == MONDAY + dt.timedelta(
        hours=6
    )
    assert waiting_since([]) is None


@pytest.mark.parametrize("kind", ["reopened", "unsilenced", "handed_over", "reminded", "escalated"])
def test_the_wait_counts_anew_from_whatever_asks_somebody_again(kind: str) -> None:
    assert waiting_since([event("opened", 0), event(kind, 3), event("updated", 5)]) == MONDAY + dt.timedelta(hours=3)


@given(st.lists(st.integers(1, 30), max_size=12), st.sampled_from([Severity.CRITICAL, Severity.HIGH]))
def test_however_often_it_is_looked_at_at_most_three_people_are_asked(gaps: list[int], severity: Severity) -> None:
    one, since, now, kinds = case(severity=severity), MONDAY, MONDAY, []
    for gap in gaps:
        now += dt.timedelta(hours=gap)
        for _ in range(2):  # a second look at once changes nothing
            decision = follow_up(one, since, HOURS, 3, now)
            if decision.incident:
                kinds.append(decision.event_kind)
                one, since = decision.incident, now
    assert kinds == ["reminded", "escalated", "escalated"][: len(kinds)]


def test_a_new_owner_starts_anew() -> None:
    """A-34, A-04"""
    handling = Handling(
        acknowledged_by="dana@example.com", acknowledged_until=MONDAY, snoozed_by="d", reminders=1, escalation=2
    )
    one = case(standing=Standing.ACKNOWLEDGED, handling=handling)
    after = hand_over(one, "Pat Moon").incident
    assert after is not None
    assert (after.owner, after.standing) == ("Pat Moon", Standing.OPEN)
    assert after.handling == Handling()
    assert hand_over(after, "Pat Moon").event_kind is None
    assert hand_over(case(standing=Standing.RESOLVED), "Pat Moon").event_kind is None


def test_what_the_new_owner_took_before_stays_taken() -> None:
    handling = Handling(acknowledged_by="pat@example.com", acknowledged_until=MONDAY)
    after = hand_over(
        case(standing=Standing.ACKNOWLEDGED, handling=handling), "Pat Moon", {"Pat Moon", "pat@example.com"}
    )
    assert after.incident is not None
    assert (after.incident.owner, after.incident.standing) == ("Pat Moon", Standing.ACKNOWLEDGED)
    assert after.incident.handling == handling

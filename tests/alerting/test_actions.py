"""What people and the clock do with an incident (A-03 to A-06, A-55, A-76)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.actions import FALSE_ALARM_REASONS, MAX_SNOOZE, Act, Action, Reason, run_out, take
from include.stockwatch.alerting.case import Case, Handling, Standing
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.messages.thread import is_loud, told
from include.stockwatch.errors import ActionRefused
from tests.alerting.data_examples import data_incident
from tests.alerting.examples import incident, member, resolved
from tests.alerting.promise_examples import incident as promise_incident

NOW = dt.datetime(2026, 11, 4, 9, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DANA, SAM = "dana@example.com", "sam@example.com"
STOCK = incident(member("0118", 1, 3))
OTHERS = (Act.CLAIM, Act.APPROVE, Act.DISCARD)
"""Actions for incidents of one kind alone."""
NEEDED: dict[Act, dict[str, Any]] = {
    Act.ACKNOWLEDGE: {"until": NOW + 24 * HOUR},
    Act.SNOOZE: {"until": NOW + 4 * HOUR, "reason": "delivery on its way"},
    Act.RESOLVE: {"reason": "back on the shelf"},
    Act.FALSE_ALARM: {"reason": "wrong_record"},
    Act.RESTOCK: {"restock_on": dt.date(2026, 11, 6), "restock_units": 48.0},
}


def action(act: Act, **told: Any) -> Action:
    """Something that Dana does now, with all that it needs."""
    return Action(**({"act": act, "person": DANA, "at": NOW} | NEEDED.get(act, {}) | told))


def after(case: Case, *acts: Action) -> Case:
    """The case after some actions, each of which counts."""
    for act in acts:
        decision = take(case, act)
        assert decision.incident is not None, act
        case = decision.incident
    return case


@pytest.mark.parametrize("case", [STOCK, data_incident(), promise_incident()], ids=["stock", "data", "promise"])
def test_any_incident_can_be_taken_put_off_and_ended(case: Case) -> None:
    taken = after(case, action(Act.ACKNOWLEDGE))
    assert (taken.standing, taken.handling.acknowledged_by) == (Standing.ACKNOWLEDGED, DANA)
    assert f"acknowledged by {DANA}" in render(taken).as_text()
    quiet = after(taken, action(Act.SNOOZE))
    assert (quiet.standing, quiet.handling.snooze_reason) == (Standing.SNOOZED, "delivery on its way")
    assert "snoozed until Wed 4 Nov 13:00 UTC" in render(quiet).as_text()
    ended = after(quiet, action(Act.RESOLVE))
    assert (ended.standing, ended.handling.resolved_by) == (Standing.RESOLVED, DANA)
    assert render(ended).header.startswith("Resolved")


def test_a_button_pressed_twice_is_no_news() -> None:
    taken = after(STOCK, action(Act.ACKNOWLEDGE))
    assert take(taken, action(Act.ACKNOWLEDGE, at=NOW + HOUR)).reason is Reason.NOTHING_NEW
    assert take(taken, action(Act.ACKNOWLEDGE, person=SAM)).reason is Reason.PERSON


@pytest.mark.parametrize("act", [Act.ACKNOWLEDGE, Act.SNOOZE])
def test_who_answered_is_asked_first_again_when_the_time_is_over(act: Act) -> None:
    """A-03, A-43"""
    asked = STOCK.model_copy(update={"handling": Handling(reminders=1, escalation=2)})
    handling = after(asked, action(act)).handling
    assert (handling.reminders, handling.escalation) == (0, 0)


@pytest.mark.parametrize("act", [act for act in Act if act not in (Act.CONFIRM, Act.FALSE_ALARM, *OTHERS)])
def test_what_has_ended_is_not_changed_any_more(act: Act) -> None:
    assert take(resolved(member("0118", 1, 4)), action(act)).reason is Reason.TOO_LATE


def test_a_verdict_is_welcome_after_the_end_and_ends_nothing_again() -> None:
    judged = after(resolved(member("0118", 1, 4)), action(Act.FALSE_ALARM))
    assert (judged.standing, judged.handling.resolved_by) == (Standing.RESOLVED, None)
    assert [verdict.is_confirmed for verdict in judged.handling.verdicts] == [False]


def test_a_false_alarm_ends_the_incident_and_a_confirmation_does_not() -> None:
    assert after(STOCK, action(Act.CONFIRM)).standing is Standing.OPEN
    ended = after(STOCK, action(Act.FALSE_ALARM))
    assert ended.standing is Standing.RESOLVED
    assert "closed by dana@example.com: the stock record is wrong" in render(ended).as_text()


def test_the_message_says_what_people_found() -> None:
    # and so changes, so that the question is not asked again
    confirmed = after(STOCK, action(Act.CONFIRM))
    assert f"confirmed by {DANA}" in render(confirmed).context
    disputed = after(confirmed, action(Act.FALSE_ALARM, person=SAM))
    assert f"disputed: confirmed by {DANA}, called a false alarm by {SAM}" in render(disputed).context
    assert render(confirmed).digest() != render(STOCK).digest()


def test_the_last_verdict_of_each_person_counts() -> None:
    judged = after(STOCK, action(Act.CONFIRM), action(Act.CONFIRM, person=SAM), action(Act.FALSE_ALARM))
    assert [(one.person, one.is_confirmed) for one in judged.handling.verdicts] == [(SAM, True), (DANA, False)]


@pytest.mark.parametrize(
    ("act", "lacks", "said"),
    [
        (Act.SNOOZE, {"until": None}, "give its end"),
        (Act.SNOOZE, {"until": NOW}, "later than now"),
        (Act.SNOOZE, {"until": NOW + MAX_SNOOZE + HOUR}, "within 14 days"),
        (Act.SNOOZE, {"reason": None}, "say why"),
        (Act.RESOLVE, {"reason": ""}, "say how it ended"),
        (Act.FALSE_ALARM, {"reason": "wrong record"}, "give one of wrong_record, delisted"),
        (Act.RESTOCK, {"restock_on": None}, "give the date"),
        (Act.CLAIM, {}, "has an owner"),
    ],
)
def test_an_action_that_lacks_something_says_what(act: Act, lacks: dict[str, Any], said: str) -> None:
    with pytest.raises(ActionRefused, match=said):
        take(STOCK, action(act, **lacks))


def test_no_verdict_is_asked_of_a_late_feed() -> None:
    with pytest.raises(ActionRefused, match="on stock alone"):
        take(data_incident(), action(Act.CONFIRM))


@pytest.mark.parametrize(
    ("act", "end"), [(Act.ACKNOWLEDGE, NOW + 24 * HOUR), (Act.SNOOZE, NOW + 4 * HOUR)], ids=["taken", "quiet"]
)
def test_it_is_open_again_when_the_time_is_over(act: Act, end: dt.datetime) -> None:
    held = after(STOCK, action(act))
    assert run_out(held, end - dt.timedelta(seconds=1)).reason is Reason.NOTHING_NEW
    woken = run_out(held, end)
    assert (woken.reason, woken.event_kind) == (Reason.RAN_OUT, "woken")
    assert woken.incident is not None
    assert woken.incident.standing is Standing.OPEN
    assert run_out(woken.incident, end + HOUR).reason is Reason.NOTHING_NEW


@given(st.lists(st.sampled_from(list(Act)), max_size=12), st.sampled_from([STOCK, resolved(member("0118", 1, 4))]))
def test_whatever_is_done_twice_counts_once(acts: list[Act], case: Case) -> None:
    for act in acts:
        if act in OTHERS:
            continue
        decision = take(case, action(act))
        assert (decision.incident is None) == (decision.event_kind is None)
        if decision.incident is not None:
            case = decision.incident
            assert take(case, action(act)).incident is None
            assert type(case).model_validate(case.model_dump(mode="json")) == case


def test_the_thread_says_who_did_what() -> None:
    lines = []
    for act in (Act.ACKNOWLEDGE, Act.SNOOZE, Act.WAKE, Act.RESTOCK, Act.CONFIRM, Act.FALSE_ALARM):
        done = action(act)
        decision = take(STOCK, done)
        changed = decision.incident or STOCK
        line = told(STOCK, changed, decision.event_kind or "woken", DANA, done.reason)
        assert line is not None
        lines.append(line.as_text())
    assert lines == [
        "Acknowledged by dana@example.com, until Thu 5 Nov 09:00 UTC.",
        "Snoozed by dana@example.com until Wed 4 Nov 13:00 UTC: delivery on its way.",
        "Woken by dana@example.com.",
        "dana@example.com expects stock on Fri 6 Nov, 48 units.",
        "dana@example.com looked: confirmed.",
        "dana@example.com looked: false alarm, the stock record is wrong.",
    ]


def test_the_thread_tells_what_got_worse_and_no_mere_figures() -> None:
    #
    few = incident(*(member(f"{n:04d}", 1, 3, cause="not_ordered") for n in range(20)))
    more = incident(*(member(f"{n:04d}", 1, 3, cause="not_ordered") for n in range(29)))
    many = incident(*(member(f"{n:04d}", 1, 3, cause="retailer_dc") for n in range(30)), severity="critical")
    assert told(few, more, "updated", "check", None) is None
    line = told(few, many, "updated", "check", None)
    assert line is not None
    assert line.as_text() == (
        "Severity is critical now, it was high. 10 more locations: 30 now. The likely cause is now: the DC is out."
    )
    ordered = told(many, incident(member("0001", 1, 3, cause="not_ordered", has_open_order=True)), "updated", "", None)
    assert ordered is not None
    assert ordered.as_text() == "The likely cause is now: ordered too late or too little."
    assert (is_loud(few, many, "updated"), is_loud(few, more, "updated")) == (True, False)
    again = told(None, few, "reopened", "check", None)
    assert again is not None
    assert again.as_text() == "Opened again."


def test_every_reason_of_a_false_alarm_has_its_words() -> None:
    assert all(FALSE_ALARM_REASONS.values())

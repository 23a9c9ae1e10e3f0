"""Precision of the alerts as people judged them (A-56)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.case import Kind, Verdict
from include.stockwatch.alerting.precision import Judged, Outcome, judged, outcome, precisions, sample, weak
from tests.alerting.data_examples import data_incident
from tests.alerting.examples import EXAMPLES, incident, member
from tests.domain.tables import day

RIGHT, WRONG, DISPUTED, NOBODY = Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.DISPUTED, Outcome.UNANSWERED
MONDAY = dt.date(2026, 11, 2)


def alert(said: Outcome, money: float = 10.0, **told: object) -> Judged:
    """An alert of Northfield's bars."""
    known = {"incident_id": "INC-2026-00001", "kind": Kind.OUT_OF_STOCK, "rule": "core bars", "partner": "northfield"}
    return Judged(**({**known, "detected_on": day(2), "outcome": said, "money": money} | told))


def verdict(person: str, is_confirmed: bool) -> Verdict:
    """What somebody said on day 4."""
    return Verdict(person=person, is_confirmed=is_confirmed, at=dt.datetime(2026, 11, 5, 9, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("said", "comes_to"), [([], NOBODY), ([True], RIGHT), ([False, False], WRONG), ([True, False], DISPUTED)]
)
def test_verdicts_of_several_people_come_to_one_outcome(said: list[bool], comes_to: Outcome) -> None:
    assert outcome([verdict(f"{n}@example.com", one) for n, one in enumerate(said)]) is comes_to


def test_precision_leaves_out_what_is_disputed_or_not_answered() -> None:
    (found,) = precisions([alert(RIGHT)] * 7 + [alert(WRONG)] * 3 + [alert(DISPUTED)] + [alert(NOBODY)] * 4)
    assert (found.alerts, found.confirmed, found.false_alarms, found.disputed) == (15, 7, 3, 1)
    assert (found.precision, found.answered) == (0.7, 11 / 15)


def test_the_interval_is_wilsons() -> None:
    # Wilson (1927) for 41 of 47, computed by hand: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    (found,) = precisions([alert(RIGHT)] * 41 + [alert(WRONG)] * 6)
    assert (found.low, found.high) == (pytest.approx(0.7483, abs=1e-4), pytest.approx(0.9402, abs=1e-4))


def test_precision_by_value_weighs_each_alert_with_its_money() -> None:
    (found,) = precisions([alert(RIGHT, 300.0), alert(WRONG, 100.0), alert(NOBODY, 5000.0)])
    assert (found.precision, found.by_value) == (0.5, 0.75)


def test_nobody_answered_is_not_a_precision_of_zero() -> None:
    (found,) = precisions([alert(NOBODY)])
    assert (found.precision, found.low, found.by_value, found.answered) == (None, None, None, 0.0)


def test_only_a_rule_that_was_judged_often_enough_is_weak() -> None:
    def said(right: int, wrong: int, kind: Kind) -> list[Judged]:
        return [alert(RIGHT, kind=kind)] * right + [alert(WRONG, kind=kind)] * wrong

    too_few, good_enough = said(0, 19, Kind.OUT_OF_STOCK), said(12, 8, Kind.DC_OUT)
    wrong_too_often = said(11, 9, Kind.PHANTOM_STOCK)
    assert weak(precisions([*too_few, *good_enough, *wrong_too_often])) == {
        (Kind.PHANTOM_STOCK, wrong_too_often[0].rule, "northfield")
    }


def test_an_incident_is_read_as_an_alert() -> None:
    said = incident(member("0118", 1, 3, lost_money=40.0, at_risk_money=60.0), data_as_of=day(3))
    said = said.model_copy(
        update={"handling": said.handling.model_copy(update={"verdicts": (verdict("a@example.com", True),)})}
    )
    found = judged(said)
    assert found is not None
    assert (found.outcome, found.money, found.rule, found.data_age_days) == (RIGHT, 100.0, "core bars", 1.0)
    assert judged(data_incident()) is None
    assert judged(EXAMPLES["resolved_by_a_corrected_report"]) is None


@given(st.sets(st.text(min_size=1, max_size=8), max_size=30), st.integers(0, 10))
def test_a_sample_is_the_same_whenever_it_is_asked_for(keys: set[str], size: int) -> None:
    drawn = sample(keys, MONDAY, size)
    assert sample(sorted(keys, reverse=True), MONDAY, size) == drawn
    assert len(drawn) == min(size, len(keys))
    assert set(drawn) <= keys


def test_another_week_draws_others() -> None:
    keys = {f"INC-2026-{n:05d}" for n in range(200)}
    assert sample(keys, MONDAY, 5) != sample(keys, MONDAY + dt.timedelta(days=7), 5)

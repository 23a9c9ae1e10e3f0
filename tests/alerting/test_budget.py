"""A channel gets few messages a run, and nothing is lost by it (A-44)."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.budget import parts
from include.stockwatch.alerting.case import Case, Severity
from include.stockwatch.alerting.precision import Group
from tests.alerting.data_examples import data_incident
from tests.alerting.people_examples import item, many, no_owner


def ids(cases: list[Case]) -> list[str]:
    return [case.incident_id for case in cases]


def test_the_worst_within_the_budget_stand_alone_and_the_rest_share_a_message() -> None:
    found = parts(many(12, severity=Severity.HIGH), budget=5)
    assert ids(found.alone) == [f"INC-2026-{n:05d}" for n in range(1, 6)]
    assert ids(found.together) == [f"INC-2026-{n:05d}" for n in range(6, 13)]
    assert found.rolled_up == []


def test_critical_ones_are_outside_the_budget_up_to_five() -> None:
    critical = [item(n, severity=Severity.CRITICAL) for n in range(1, 6)]
    high = [item(n, severity=Severity.HIGH) for n in range(10, 13)]
    found = parts([*high, *critical], budget=2)
    assert (len(found.alone), len(found.rolled_up), len(found.together)) == (7, 0, 1)
    found = parts([*high, *critical, item(6, severity=Severity.CRITICAL)], budget=2)
    assert (len(found.alone), len(found.rolled_up), len(found.together)) == (2, 6, 1)


def test_feeds_mass_changes_and_owners_take_nothing_of_the_budget() -> None:
    found = parts([data_incident(), no_owner(), *many(3, severity=Severity.HIGH)], budget=1)
    assert sorted(ids(found.alone)) == ["DATA-2026-00007", "INC-2026-00001", "OWN-2026-00001"]


def test_what_is_wrong_too_often_interrupts_nobody_unless_it_is_critical() -> None:
    """A-56"""
    loud = [item(1), item(2, severity=Severity.CRITICAL)]
    others = [item(3, partner="westway"), item(4, rule="another rule")]
    found = parts([*loud, *others], budget=5, digest_only={Group.of(loud[0])})
    assert sorted(ids(found.alone)) == ["INC-2026-00002", "INC-2026-00003", "INC-2026-00004"]
    assert ids(found.together) == ["INC-2026-00001"]


CASES = st.lists(st.tuples(st.sampled_from(list(Severity)), st.sampled_from(["northfield", "westway"])), max_size=40)


@given(found=CASES, budget=st.integers(0, 8), is_noisy=st.booleans())
def test_no_incident_is_dropped_and_none_comes_twice(
    found: list[tuple[Severity, str]], budget: int, is_noisy: bool
) -> None:
    cases = [item(n, severity=severity, partner=partner) for n, (severity, partner) in enumerate(found, 1)]
    noisy = {Group.of(item(1, partner="westway"))} if is_noisy else set()
    shared = parts(cases, budget, noisy)
    everywhere = [*shared.alone, *shared.rolled_up, *shared.together]
    assert Counter(ids(everywhere)) == Counter(ids(cases))
    assert sum(case.listed().severity is not Severity.CRITICAL for case in shared.alone) <= budget
    assert all(case.listed().severity is Severity.CRITICAL for case in shared.rolled_up)
    assert len(shared.rolled_up) == 0 or len(shared.rolled_up) > 5

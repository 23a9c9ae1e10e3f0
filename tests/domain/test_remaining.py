"""How long a spell still lasts, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.remaining import Hazards, expected_remaining_days, hazards


def fitted(spells: list[tuple[str, int, bool]], last_day: int = 3, weight: float = 1e-9) -> Hazards:
    partners, days, over = (np.array(column) for column in zip(*spells, strict=True))
    return hazards(partners, days, over, last_day=last_day, weight=weight)


def test_a_day_ends_the_share_of_spells_at_risk_on_it() -> None:
    # day 1: 4 at risk (the spell going on since 1 day is not), 2 end; day 2: 2 at risk, 1 ends; day 3: 1 at risk, 1 ends
    spells = [("a", 1, True), ("a", 1, True), ("a", 2, True), ("a", 3, True), ("a", 1, False)]
    assert fitted(spells).pool == pytest.approx([0.5, 0.5, 1.0])


def test_a_spell_going_on_counts_only_for_the_days_it_has_survived() -> None:
    # day 1: both at risk, none ends; day 2: only the finished one is at risk
    assert fitted([("a", 2, True), ("a", 2, False)], last_day=2).pool == pytest.approx([0.0, 1.0], abs=1e-8)


def test_days_past_the_last_one_share_its_chance() -> None:
    # from day 2 on: a spell of 5 days was at risk on days 2, 3, 4, 5 and ended once
    assert fitted([("a", 5, True)], last_day=2).pool == pytest.approx([0.0, 0.25], abs=1e-8)


def test_a_partner_is_pulled_towards_the_pool_by_the_weight() -> None:
    # 4 spells, all end on day 1: mean (4 + 2/3) / (4 + 2) = 7/9; pool day 1 (4 + 2 * 7/9) / 6 = 25/27
    # partner b, one of them: (1 + 2 * 25/27) / 3 = 77/81; day 2 has no evidence at all and stays the mean
    found = fitted([("a", 1, True)] * 3 + [("b", 1, True)], last_day=2, weight=2)
    assert found.pool == pytest.approx([25 / 27, 7 / 9])
    assert found.by_partner["b"] == pytest.approx([77 / 81, 7 / 9])


def test_a_partner_without_a_spell_is_taken_for_the_pool() -> None:
    found = fitted([("a", 1, True), ("a", 2, True)])
    assert found.of("new") is found.pool


def test_without_any_spell_three_days_are_expected_between_ends() -> None:
    found = hazards(np.array([], str), np.array([]), np.array([], bool), last_day=2)
    assert found.pool == pytest.approx([1 / 3, 1 / 3])


BY_HAND = Hazards(np.array([0.5, 0.2, 0.25]), {})


@pytest.mark.parametrize(
    ("spell_days", "expected"),
    [
        (3, 3.0),  # 0.75 / 0.25
        (2, 3.2),  # 0.8 * (1 + 3)
        (1, 2.1),  # 0.5 * (1 + 3.2)
        (9, 3.0),  # as day 3
    ],
)
def test_the_days_left_follow_from_the_chances_by_hand(spell_days: int, expected: float) -> None:
    assert expected_remaining_days(BY_HAND, np.array(["x"]), np.array([spell_days])) == pytest.approx([expected])


def test_a_horizon_counts_no_day_past_itself() -> None:
    # after day 1: tomorrow with 0.5, the day after with 0.5 * 0.8
    within = expected_remaining_days(BY_HAND, np.array(["x"]), np.array([1]), horizon_days=2)
    assert within == pytest.approx([0.9])


def test_a_long_horizon_is_no_horizon() -> None:
    days = np.array([1, 2, 3, 8])
    who = np.array(["x"] * 4)
    assert expected_remaining_days(BY_HAND, who, days, 400) == pytest.approx(
        expected_remaining_days(BY_HAND, who, days)
    )


def test_a_spell_of_unknown_length_has_no_expectation() -> None:
    found = expected_remaining_days(BY_HAND, np.array(["x", "x"]), np.array([np.nan, 3.0]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(3.0)


@pytest.mark.parametrize("chance", [0.1, 0.4])
def test_spells_that_end_by_chance_are_seen_to_do_so(chance: float) -> None:
    rng = np.random.default_rng(3)
    days = rng.geometric(chance, 20_000)
    seen = rng.integers(1, 40, days.size)  # some are still going on when we look
    over = days <= seen
    found = hazards(np.array(["a"] * days.size), np.minimum(days, seen), over)
    left = expected_remaining_days(found, np.array(["a"]), np.array([2]))
    assert left == pytest.approx([(1 - chance) / chance], rel=0.05)


SPELLS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 90), st.booleans()), min_size=1, max_size=30)


@given(SPELLS, st.floats(0.5, 50), st.integers(1, 30))
def test_chances_are_shares_and_nothing_lasts_for_ever(
    spells: list[tuple[str, int, bool]], weight: float, horizon: int
) -> None:
    found = fitted(spells, last_day=20, weight=weight)
    for chances in (found.pool, *found.by_partner.values()):
        assert ((chances > 0) & (chances <= 1)).all()
    who, days = np.array(["a", "b", "c"]), np.array([1, 7, 60])
    left, within = expected_remaining_days(found, who, days), expected_remaining_days(found, who, days, horizon)
    assert np.isfinite(left).all()
    assert (within <= np.minimum(left, horizon) + 1e-9).all()

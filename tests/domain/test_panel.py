"""Matrices of a look-back, each figure held against a plain walk along the days."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.panel import (
    BLOCK,
    Array,
    Columns,
    Panel,
    before,
    blocks,
    last_known,
    median,
    newest,
    oldest,
    on,
    total,
)

NAN = np.nan
CELLS = st.one_of(st.just(NAN), st.integers(0, 9).map(float))


@st.composite
def matrices(draw: st.DrawFn) -> Array:
    """A few series over a few days, some of it not known."""
    days, series = draw(st.integers(1, 9)), draw(st.integers(0, 4))
    cells = draw(st.lists(CELLS, min_size=days * series, max_size=days * series))
    return np.array(cells, float).reshape(days, series)


@given(matrices())
def test_the_newest_and_the_oldest_marked_day(values: Array) -> None:
    marked = values > 4
    for series, days in enumerate(marked.T):
        ages = [age for age, is_marked in enumerate(days) if is_marked] or [NAN]
        np.testing.assert_equal((newest(marked)[series], oldest(marked)[series]), (ages[0], ages[-1]))


@given(matrices())
def test_what_was_known_last_and_what_was_known_before_each_day(values: Array) -> None:
    for series, days in enumerate(values.T):
        known = [next((day for day in days[age:] if not np.isnan(day)), NAN) for age in range(len(days) + 1)]
        np.testing.assert_equal(last_known(values)[series], known[0])
        np.testing.assert_equal(before(values)[:, series], known[1:])


@given(st.lists(st.tuples(CELLS, st.integers(0, 3)), max_size=20))
def test_the_median_of_a_group_is_that_of_its_known_members(told: list[tuple[float, int]]) -> None:
    values, of = np.array([value for value, _ in told]), np.array([group for _, group in told], np.int64)
    for group, found in zip(of, median(values, of), strict=True):
        known = [value for value, other in told if other == group and not np.isnan(value)]
        np.testing.assert_equal(found, statistics.median(known) if known else NAN)


def test_a_sum_counts_the_marked_days_alone() -> None:
    assert total(np.array([[1.0, NAN], [2.0, 4.0]]), np.array([[True, False], [False, True]])).tolist() == [1, 4]


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_sum_has_the_same_digits_whatever_series_stand_beside(order: Literal["C", "F"]) -> None:
    values = np.random.default_rng(3).random((56, 40)).copy(order)
    every = np.ones(values.shape, bool)
    alone = [total(values[:, [n]], every[:, [n]])[0] for n in range(40)]
    assert total(values, every).tolist() == alone


def test_dates_follow_from_ages_before_and_after_the_checked_one() -> None:
    today = np.array(["2026-03-01"] * 3, "datetime64[D]")
    assert on(today, np.array([1.0, -2.0, NAN])).astype(str).tolist() == ["2026-02-28", "2026-03-03", "NaT"]


@dataclass(frozen=True)
class _Pair(Columns):
    panel: Panel
    rate: Array


@pytest.mark.parametrize("chosen", [slice(1, 3), np.array([2, 0]), np.array([False, True, True])], ids=str)
def test_columns_are_cut_as_one_and_what_is_not_reported_takes_no_room(chosen: object) -> None:
    stock, nothing = np.arange(6.0).reshape(2, 3), np.broadcast_to(NAN, (2, 3))
    cut = _Pair(Panel(stock, *[nothing] * 7), np.arange(3.0)).of(chosen)
    assert cut.panel.on_hand_units.tolist() == stock[:, chosen].tolist()
    assert cut.rate.tolist() == np.arange(3.0)[chosen].tolist()
    assert (cut.panel.price.shape, cut.panel.price.strides) == ((2, len(cut.rate)), (0, 0))


def test_parts_one_after_another_are_the_whole() -> None:
    whole = _Pair(Panel(*(np.arange(6.0).reshape(2, 3) + n for n in range(8))), np.arange(3.0))
    joined = _Pair.joined((whole.of(one) for one in (slice(0, 1), slice(1, 3))), 3)
    assert joined.rate.tolist() == whole.rate.tolist()
    assert joined.panel.price.tolist() == whole.panel.price.tolist()


@pytest.mark.parametrize(("series", "parts"), [(0, 1), (1, 1), (BLOCK, 1), (BLOCK + 1, 2)])
def test_blocks_cover_every_series_once(series: int, parts: int) -> None:
    found = [*blocks(series)]
    assert len(found) == parts
    assert [place for one in found for place in range(one.start, one.stop)] == [*range(series)]

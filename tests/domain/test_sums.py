"""Sums that do not depend on the order of their rows."""

from __future__ import annotations

import random

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.domain.sums import exact_sum
from tests.domain.tables import rows_of, table

NUMBERS = ibis.schema({"value": "float64", "counts": "boolean"})


def summed(values: list[float | None], counts: bool = True) -> float | None:
    told = table([{"value": value, "counts": counts} for value in values], NUMBERS)
    (row,) = rows_of(told.agg(total=exact_sum(told.value, where=told.counts)))
    total = row["total"]
    return None if total is None else float(total)


def test_values_that_are_not_known_are_left_out() -> None:
    assert summed([0.1, None, 0.2]) == pytest.approx(0.3, abs=1e-9)


def test_a_sum_of_nothing_is_not_known() -> None:
    assert summed([None]) is None
    assert summed([0.1], counts=False) is None


def test_large_amounts_have_room() -> None:
    # a warehouse's stock-out in rupiah: ten milliards a day
    assert summed([1e10, 2e12]) == 2.01e12


@settings(max_examples=10)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_sum_to_the_last_digit(values: list[float], shuffling: random.Random) -> None:
    shuffled = [*values]
    shuffling.shuffle(shuffled)
    assert summed(values) == summed(shuffled) == pytest.approx(sum(values), rel=1e-9, abs=1e-7)

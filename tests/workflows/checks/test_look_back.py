"""The look-back as it is read: which days belong to a date, and what its series are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from include.stockwatch.workflows.checks.arrays import codes
from include.stockwatch.workflows.checks.look_back import LookBack, look_back
from tests.domain.tables import STORE, day, engine, observation, observations, series

TEN_DAYS = series({number: (float(number), 1.0) for number in range(1, 11)})


def seen(rows: list[dict[str, Any]], on: Sequence[int], days: int = 4) -> LookBack:
    return look_back(engine(), observations(rows), [day(number) for number in on], days)


def test_the_checked_date_is_the_first_of_the_days_looked_back_on() -> None:
    found = seen(TEN_DAYS, [9])
    assert found.panel.on_hand_units.tolist() == [[9], [8], [7], [6]]
    assert found.series["as_of"].to_pylist() == [day(9)]


def test_several_dates_look_back_as_each_does_alone() -> None:
    found = seen(TEN_DAYS, [9, 2])
    assert found.series["as_of"].to_pylist() == [day(2), day(9)]
    np.testing.assert_equal(found.panel.on_hand_units.T, [[2, 1, np.nan, np.nan], [9, 8, 7, 6]])


def test_a_series_belongs_to_the_dates_that_see_a_row_of_it() -> None:
    rows = [*TEN_DAYS, observation(1, location_id="0204"), observation(5, 3.0, location_id="0118b")]
    found = seen(rows, [4, 5, 9])
    assert [*zip(*(found.series[name].to_pylist() for name in ("as_of", "location_id")), strict=True)] == [
        (day(4), STORE),
        (day(4), "0204"),  # a row without a figure is a row
        (day(5), STORE),
        (day(5), "0118b"),
        (day(9), STORE),
    ]


def test_a_date_without_any_row_has_no_series() -> None:
    assert len(seen(TEN_DAYS, [30, 40]).series) == 0
    assert len(seen([], [3]).series) == 0


def test_a_series_is_called_what_it_was_last_called_up_to_the_date() -> None:
    rows = [
        observation(5, 1.0, category="Old", item_name="Oat"),
        observation(8, 1.0, category="Tea"),
        observation(9, 1.0),
        observation(10, 1.0, category="Later"),
    ]
    found = seen(rows, [8, 9, 10]).series
    assert found["category"].to_pylist() == ["Tea", "Tea", "Later"]
    assert found["item_name"].to_pylist() == ["Oat", None, None], "said four days ago, and no longer looked back on"
    assert found["currency"].null_count == 3


def test_what_is_never_reported_takes_no_room() -> None:
    panel = seen(TEN_DAYS, [9]).panel
    assert panel.price.strides == (0, 0)
    assert np.isnan(panel.price).all()


def test_what_is_reported_on_an_earlier_day_alone_is_read_too() -> None:
    rows = [observation(7, 5.0, received_units=3.0), observation(8, 4.0), observation(9, 4.0)]
    assert seen(rows, [9]).panel.received_units[2].tolist() == [3]


def test_codes_number_what_occurs_in_its_order_and_nothing_comes_last() -> None:
    one, two = pa.chunked_array([["b", "a", None, "a"]]), pa.chunked_array([["x", "y", "x", "x"]])
    assert codes(one).tolist() == [1, 0, 2, 0]
    assert codes(one, two).tolist() == [2, 1, 3, 0]

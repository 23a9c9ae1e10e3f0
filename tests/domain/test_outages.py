"""When DCs that are out are expected back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from include.stockwatch.domain.orders import replenishment
from include.stockwatch.domain.outages import USUAL_DAYS, CutOff, Outages, back, outages
from include.stockwatch.domain.panel import Array, Panel

Days = Sequence[float]
NONE = float("nan")


def panel(stock: Sequence[Days], on_order: Sequence[Days], in_transit: Sequence[Days]) -> Panel:
    """DCs by what they told on each day, the last one the date that is checked."""
    told = [np.array(days, float)[:, ::-1].T for days in (stock, on_order, in_transit)]
    nothing = np.full(told[0].shape, np.nan)
    return Panel(told[0], nothing, told[1], told[2], nothing, nothing, nothing, nothing)


def found(*dcs: tuple[Days, Days, Days], feed: Sequence[int] = ()) -> Outages:
    """The outages of DCs, each with its stock, what is on order and what is under way to it; of one feed or several."""
    stock, on_order, in_transit = zip(*dcs, strict=True)
    number = np.array(feed or [0] * len(dcs))
    return outages(panel(stock, on_order, in_transit), np.zeros(len(dcs)), number)


def test_days_on_which_nothing_is_under_way_to_a_dc_tell_how_long_that_lasts_at_its_feed() -> None:
    ended = ([0, 0, 0, 0, 0, 9], [5, 5, 5, 5, 5, 0], [0, 0, 0, 5, 5, 0])
    lasts = ([9, 9, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5], [0, 0, 0, 0, 0, 0])
    waits = found(ended, lasts, lasts, feed=[0, 0, 1]).waits_days
    # the first waited on three days and then no more, the second on three that another day followed
    assert waits == pytest.approx(np.log(2) * np.array([(3 + 3 + USUAL_DAYS) / 2] * 2 + [3 + USUAL_DAYS]))


@pytest.mark.parametrize(
    ("days", "waited"),
    [
        pytest.param(([0, 0, 0], [0, 0, 0], [0, 0, 0]), 0, id="nothing is ordered"),
        pytest.param(([0, NONE, 0], [5, NONE, 5], [0, NONE, 0]), 0, id="no report on the day after"),
        pytest.param(([0, 0, 0], [5, 5, 5], [NONE, NONE, NONE]), 2, id="not told what is under way"),
        pytest.param(([0, 0, 0], [NONE, NONE, NONE], [NONE, NONE, NONE]), 2, id="not told what is ordered"),
    ],
)
def test_a_dc_waits_where_nothing_is_known_to_be_under_way_or_not_ordered(
    days: tuple[Days, Days, Days], waited: int
) -> None:
    assert found(days).waits_days == pytest.approx([np.log(2) * (waited + USUAL_DAYS)])


def test_what_is_under_way_was_sent_when_more_was_under_way_than_the_day_before() -> None:
    sent = found(
        ([0] * 4, [5, 5, 0, 0], [0, 0, 5, 5]),
        ([0] * 4, [5, NONE, 0, 0], [0, NONE, 5, 5]),
        ([0] * 4, [5, 5, 5, 5], [5, 5, 0, 0]),
        ([0] * 4, [5, 5, 5, 5], [NONE] * 4),
    )
    assert np.array_equal(sent.sent, [1, 1, NONE, NONE], equal_nan=True)
    assert sent.tells_sent.tolist() == [True, True, True, False]


LEAD = 4.0


def days_until(sent: Days, waits: Days, tells: Sequence[bool], ordered: Days = ()) -> tuple[Array, Array]:
    """Days until DCs are back that each serve a series of its own, and whether they are known; `ordered` are the ages
    of their orders."""
    count = len(sent)
    stock, orders = np.zeros((count, 9)), np.zeros((count, 9))
    for place, age in enumerate(ordered):
        orders[place, 8 - int(age) :] = 5.0
    told = replenishment(panel(stock, orders, np.full((count, 9), np.nan)), np.zeros((9, count)))
    cut = CutOff(np.arange(count), np.arange(count), Outages(np.array(sent), np.array(waits), np.array(tells)))
    found = back(cut, told, np.full(count, LEAD))
    return found.days, found.is_known


def test_a_dc_is_back_a_lead_time_after_goods_were_sent_to_it_and_tomorrow_at_the_earliest() -> None:
    days, is_known = days_until([1.0, 9.0], [20.0, 20.0], [True, True])
    assert (days.tolist(), is_known.tolist()) == ([3, 1], [True, True])


def test_while_nothing_is_under_way_a_dc_is_out_as_long_as_its_feed_usually_waits_and_a_lead_time_more() -> None:
    days, is_known = days_until([NONE, NONE], [20.0, 20.0], [True, False])
    assert (days.tolist(), is_known.tolist()) == ([20 + LEAD, 20], [False, False])


def test_what_a_dc_ordered_tells_where_no_feed_says_what_is_under_way_unless_it_is_late() -> None:
    days, is_known = days_until([NONE, NONE, NONE], [20.0] * 3, [False, False, True], ordered=[3, 6, 3])
    assert (days.tolist(), is_known.tolist()) == ([1, 20, 24], [True, False, False])


def test_of_several_dcs_that_serve_a_series_the_first_that_is_back_counts() -> None:
    sent = Outages(np.array([NONE, 2.0, 2.0, 1.0]), np.ones(4), np.ones(4) > 0)
    cut = CutOff(np.array([0, 0, 2, 2]), np.array([4, 3, 3, 4]), sent)
    told = replenishment(panel(np.zeros((5, 3)), np.zeros((5, 3)), np.zeros((5, 3))), np.zeros((3, 5)))
    found = back(cut, told, np.array([1.0, 1.0, 1.0, 9.0, 3.0]))
    assert np.array_equal(found.days, [4, NONE, 2, NONE, NONE], equal_nan=True)
    assert found.is_known.tolist() == [False, False, True, False, False]

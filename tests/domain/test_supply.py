"""How series are replenished, and when their next receipt is expected."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.domain.availability import CheckSettings
from include.stockwatch.domain.demand import Pools
from include.stockwatch.domain.orders import OrderDays, divided, order_days, receipts, replenishment
from include.stockwatch.domain.outages import Back
from include.stockwatch.domain.panel import Panel, newest, risen
from include.stockwatch.domain.phantom import reports_receipts
from include.stockwatch.domain.supply import SupplySettings, corrected_units, habits, next_receipt, overdue_units
from include.stockwatch.workflows.checks.arrays import codes
from include.stockwatch.workflows.checks.look_back import look_back
from tests.domain.tables import day, engine, observation, observations
from tests.domain.tables import one as one_of_check

SETTINGS = SupplySettings()
ALONE = SupplySettings(pool_level_receipts=0)


def order(number: int, pending: float | None, received: float | None = 0.0, **more: Any) -> dict[str, Any]:
    """A day of a series with what is on order at its close and what came in."""
    return observation(number, 5.0, 1.0, on_order_units=pending, received_units=received, **more)


def known(
    rows: Iterable[Mapping[str, Any]],
    on: int,
    supply: SupplySettings = ALONE,
    dcs: Mapping[str, str] | None = None,
    *,
    rate: float = 1.0,
    on_hand: float = 5.0,
    dc_back: tuple[float, bool] | None = None,
    order_days: tuple[float, float] = (0.0, 1.0),
) -> dict[str, dict[str, Any]]:
    """Replenishment of each location on a day, with a demand and a stock.

    Its DC may be out and `dc_back` in so many days, which may be known. `order_days` are the age of the last one and the
    days from one to the next.
    """
    seen = look_back(engine(), observations(rows), [day(on)], 56)
    feed = codes(seen.series["feed_id"])
    pool = Pools(feed, feed, feed, feed)
    reports = reports_receipts(seen.panel, pool)[feed]
    came_in = receipts(seen.panel, risen(seen.panel), reports)
    found = replenishment(seen.panel, came_in)
    places = seen.series["location_id"].to_pylist()
    dc = pa.chunked_array([pa.array([(dcs or {}).get(place) for place in places], pa.string())])
    rates, stock = np.full(len(places), rate), np.full(len(places), on_hand)
    usual = habits(found, rates, codes(seen.series["feed_id"], dc), supply)
    back = Back(*(np.full(len(places), told) for told in dc_back or (np.nan, False)))
    orders = OrderDays(*(np.full(len(places), days) for days in order_days), np.full((7, len(places)), np.nan))
    expected = next_receipt(found, usual, orders, rates, stock, back, supply)
    columns = vars(usual) | vars(found) | vars(expected)
    columns["receipt_interval_days"] = found.receipt_interval_days
    columns["receipt_units"] = divided(came_in.sum(axis=0), found.receipts)
    columns["next_receipt"] = -expected.days_to_receipt
    return {
        place: {
            name: None if np.isnan(values[n]) else float(values[n])
            for name, values in columns.items()
            if values.ndim == 1
        }
        | {
            f"{name}_on": None if np.isnan(columns[name][n]) else day(on - int(columns[name][n]))
            for name in ("last_receipt", "on_order_since", "oldest_order", "next_receipt")
        }
        for n, place in enumerate(places)
    }


def one(rows: Iterable[Mapping[str, Any]], on: int, supply: SupplySettings = ALONE, **facts: Any) -> dict[str, Any]:
    """Replenishment of the only series."""
    (found,) = known(rows, on, supply, **facts).values()
    return found


def weekly(last: int, lead: int = 2) -> list[dict[str, Any]]:
    """Ten units come in every seventh day; they are on order at the close of the days of lead before."""
    return [
        order(number, 10.0 if -number % 7 and -number % 7 <= lead else 0.0, 0.0 if number % 7 else 10.0)
        if (-number % 7) > 0
        else order(number, 0.0, 10.0)
        for number in range(1, last + 1)
    ]


def ordering_every(days: int, leads: Sequence[int], store: str) -> list[dict[str, Any]]:
    """Ten units are ordered every so many days, and come in after as many closes as `leads` say one after another."""
    ordered = [1 + days * n for n in range(len(leads))]
    came = [on + lead for on, lead in zip(ordered, leads, strict=True)]
    return [
        order(
            number,
            10.0 * (sum(on <= number for on in ordered) - sum(on <= number for on in came)),
            10.0 * came.count(number),
            location_id=store,
        )
        for number in range(1, max(came) + 1)
    ]


def refilled() -> list[dict[str, Any]]:
    """Every fourth day ten units come to a stock of three; they are on order the day before."""
    stocks = (10.0, 7.0, 5.0, 13.0)
    return [
        observation(
            number,
            stocks[(number - 1) % 4],
            3.0,
            on_order_units=10.0 if number % 4 == 3 else 0.0,
            received_units=0.0 if number % 4 else 10.0,
        )
        for number in range(1, 22)
    ]


def test_receipts_have_a_date_a_size_and_an_interval() -> None:
    found = one(weekly(22), 22)
    assert (found["last_receipt_on"], found["receipts"]) == (day(21), 3)
    assert (found["receipt_units"], found["receipt_interval_days"]) == (10, 7)


@pytest.mark.parametrize("lead", [1, 2, 5])
def test_the_lead_time_is_the_closes_that_an_order_waited_through(lead: int) -> None:
    assert one(weekly(21, lead), 21)["lead_time_days"] == lead


@pytest.mark.parametrize(
    ("leads", "usual"),
    [
        ([3] * 8, 3),
        ([3] * 4, 2),
        ([2, 3, 2, 3, 3, 2, 3, 3], 2),
        ([2, 2, 2, 9, 2, 12, 2, 2], 2),
    ],
    ids=["eight that agree", "too few", "few more than of the others", "two that were late"],
)
def test_a_series_has_a_lead_time_of_its_own_where_its_receipts_speak_against_that_of_its_dc(
    leads: list[int], usual: int
) -> None:
    others = [row for n in range(5) for row in ordering_every(4, [2] * 12, f"{n}")]
    found = known([*others, *ordering_every(4, leads, "0204")], 46)
    assert found["0204"]["lead_time_days"] == usual
    assert found["0"]["lead_time_days"] == 2


def test_stores_of_another_dc_do_not_make_the_lead_time_longer() -> None:
    rows = [*ordering_every(2, [1] * 10, "0001"), *ordering_every(20, [9], "0204")]
    found = known(rows, 20, SETTINGS, {"0001": "D1", "0204": "D2"})
    assert (found["0001"]["lead_time_days"], found["0204"]["lead_time_days"]) == (1, 9)


def test_a_receipt_of_days_after_it_was_sent_is_of_its_order() -> None:
    """What is sent is on order no more; it comes in two days later. An order that is withdrawn is of no receipt."""
    pending = {1: 10.0, 8: 10.0, 15: 10.0, 16: 10.0, 22: 10.0, 29: 10.0}
    rows = [order(n, pending.get(n, 0.0), 10.0 * (n in (4, 11, 25, 32))) for n in range(0, 34)]
    assert one(rows[1:], 33)["lead_time_days"] == 3


@pytest.mark.parametrize("begun", range(7), ids=lambda begun: f"{begun} days later")
@pytest.mark.parametrize("last", range(28, 35))
def test_what_was_ordered_before_the_look_back_or_still_waits_makes_no_lead_time_shorter(begun: int, last: int) -> None:
    found = one([row for row in weekly(last, lead=3) if row["business_date"] > day(begun)], last)
    assert found["lead_time_days"] == 3


def test_a_feed_without_orders_has_the_lead_time_of_the_settings() -> None:
    rows = [order(number, None, 0.0 if number % 7 else 10.0) for number in range(1, 22)]
    assert one(rows, 21)["lead_time_days"] is None
    assert one(rows, 21, SupplySettings(lead_time_days=4))["lead_time_days"] == 4


def test_what_is_on_order_comes_a_lead_time_after_it_was_ordered() -> None:
    found = one(weekly(19), 19)
    assert (found["on_order_since_on"], found["inbound_units"]) == (day(19), 10)
    assert found["next_receipt_on"] == day(21)


def test_with_nothing_on_order_an_order_comes_at_the_usual_stock_and_then_a_lead_time() -> None:
    # receipts come to a stock of 5 - 10 = -5: an order a lead time of 2 days before, at -3 with a demand of 1
    found = one(weekly(22), 22, on_hand=1.0)
    assert (found["left_days"], found["lead_time_days"]) == (-5, 2)
    assert found["next_receipt_on"] == day(22 + (1 + 3) + 2)


def test_above_the_usual_stock_of_an_order_the_risk_is_that_of_the_time_after_the_order() -> None:
    found = one(refilled(), 21, on_hand=20.0)
    assert (found["left_days"], found["lead_time_days"]) == (3, 1)
    assert (found["exposed_units"], found["exposed_days"], found["doubtful_days"]) == (4, 1, 0)


def test_below_the_usual_stock_of_an_order_it_is_late_by_the_days_since() -> None:
    found = one(refilled(), 21, on_hand=1.0)
    assert (found["exposed_units"], found["doubtful_days"]) == (1, 3)
    assert found["exposed_days"] == 1 + 3
    assert found["next_receipt_on"] is None


def test_doubt_has_an_end() -> None:
    assert one(refilled(), 21, SupplySettings(most_doubtful_days=2), on_hand=0.0)["doubtful_days"] == 2


def test_what_waits_at_a_dc_that_is_out_leaves_it_once_that_is_back() -> None:
    rows = [*refilled(), order(22, 10.0), order(23, 10.0)]
    served, told = one(rows, 23), one(rows, 23, dc_back=(4.0, True))
    assert (served["next_receipt_on"], served["exposed_days"], served["doubtful_days"]) == (day(24), 0, 0)
    assert (told["next_receipt_on"], told["exposed_days"], told["doubtful_days"]) == (day(23 + 4), 3, 0)
    late = [*weekly(21), *(order(number, 10.0) for number in range(26, 33))]
    assert one(late, 32, dc_back=(4.0, True))["next_receipt_on"] == day(32 + 4 - 1 + 2)


def test_how_long_a_dc_will_be_out_while_nothing_is_under_way_to_it_is_a_guess() -> None:
    rows = [*refilled(), order(22, 10.0), order(23, 10.0)]
    guessed = one(rows, 23, dc_back=(20.0, False))
    assert guessed["next_receipt_on"] is None
    assert (guessed["exposed_days"], guessed["doubtful_days"]) == (20, 20)


def test_what_is_to_be_ordered_waits_as_long_as_its_dc_is_likely_to_be_out_by_then() -> None:
    """Stock of 20 at a demand of 1 is ordered in 16 days; a DC that is back by then delays nothing."""
    rows = refilled()
    plain, told = one(rows, 21, on_hand=20.0), one(rows, 21, on_hand=20.0, dc_back=(9.0, True))
    late = one(rows, 21, on_hand=20.0, dc_back=(19.0, True))
    guessed = one(rows, 21, on_hand=20.0, dc_back=(16.0, False))
    assert plain["next_receipt_on"] == told["next_receipt_on"] == day(21 + 16 + 1)
    assert late["next_receipt_on"] == day(21 + 19)
    assert guessed["doubtful_days"] == pytest.approx(16 / np.e)
    assert guessed["exposed_days"] == pytest.approx(plain["exposed_days"] + 16 / np.e)


def test_a_dc_that_is_out_does_not_delay_what_is_in_transit() -> None:
    rows = [*refilled(), order(22, 0.0, in_transit_units=10.0), order(23, 0.0, in_transit_units=10.0)]
    assert one(rows, 23, dc_back=(9.0, True)) == one(rows, 23)


def test_what_a_dc_sent_when_it_was_back_comes_a_lead_time_after_it_waited_last() -> None:
    waited = [order(number, 10.0, in_transit_units=0.0) for number in range(26, 33)]
    rows = [*weekly(21), *waited, order(33, 0.0, in_transit_units=10.0)]
    found = one(rows, 33)
    assert found["order_overdue_days"] > 0
    assert (found["next_receipt_on"], found["doubtful_days"]) == (day(34), None)


def test_without_orders_in_the_feed_the_cadence_counts() -> None:
    rows = [order(number, None, 0.0 if number % 5 else 10.0) for number in range(1, 18)]
    found = one(rows, 17)
    assert (found["inbound_units"], found["next_receipt_on"]) == (None, day(20))


def test_an_order_past_its_lead_time_is_overdue_and_nobody_knows_when_it_comes() -> None:
    rows = weekly(21) + [order(number, 10.0) for number in range(26, 32)]
    found = one(rows, 31)
    assert found["order_overdue_days"] > 0
    assert found["next_receipt_on"] is None


def test_an_order_that_is_late_does_not_hold_up_the_one_after_it_unless_the_dc_is_out() -> None:
    rows = [*weekly(21), *(order(number, 10.0) for number in range(26, 33)), order(33, 20.0)]
    found, without_dc = one(rows, 33), one(rows, 33, dc_back=(9.0, False))
    assert found["order_overdue_days"] == without_dc["order_overdue_days"] > 0
    assert (found["next_receipt_on"], without_dc["next_receipt_on"]) == (day(35), None)
    assert one(rows, 33, dc_back=(9.0, True))["next_receipt_on"] == day(33 + 9 - 1 + 2)


def test_receipts_that_follow_one_another_while_orders_wait_are_not_overdue() -> None:
    rows = [order(number, 20.0, 10.0) for number in range(1, 21)]
    found = one(rows, 20)
    assert found["order_overdue_days"] is None
    assert found["next_receipt_on"] == day(21)


def test_of_several_orders_that_wait_the_oldest_comes_first() -> None:
    """Ten units ordered every evening come in three days later; what is due on the last day does not come."""
    found = one([*(order(number, 30.0, 10.0) for number in range(1, 20)), order(20, 30.0)], 20)
    assert found["lead_time_days"] == pytest.approx(3, rel=0.1)
    assert (found["oldest_order_on"], found["next_receipt_on"]) == (day(17), day(21))


def test_orders_of_which_nothing_came_in_make_no_lead_time_shorter_or_longer() -> None:
    rows = [
        *weekly(14),
        order(15, 0.0),
        order(16, 0.0),
        order(17, 10.0),
        *(order(n, 10.0) for n in (18, 19)),
        order(20, 15.0),
    ]
    found = one([*rows, order(21, 15.0)], 21)
    assert (found["lead_time_days"], found["oldest_order_on"]) == (2, day(17))


def test_what_is_in_transit_is_inbound_too() -> None:
    found = one([order(1, 4.0, in_transit_units=6.0)], 1)
    assert found["inbound_units"] == 10


def test_a_feed_that_tells_only_what_is_in_transit_does_not_say_that_nothing_is_ordered() -> None:
    sent, nothing = order(1, None, in_transit_units=6.0), order(2, None, in_transit_units=0.0)
    assert (one([sent], 1)["inbound_units"], one([sent, nothing], 2)["inbound_units"]) == (6, None)
    assert one([sent, order(2, 0.0, in_transit_units=0.0)], 2)["inbound_units"] == 0


def test_a_feed_that_reports_no_orders_says_nothing_of_them() -> None:
    rows = [order(1, None, 10.0), order(2, None)]
    found = one(rows, 2)
    assert (found["inbound_units"], found["on_order_since"], found["order_overdue_days"]) == (None, None, None)


def test_receipts_that_a_feed_never_reports_show_in_the_stock_balance() -> None:
    stocks = {1: (5.0, 2.0), 2: (4.0, 1.0), 3: (12.0, 2.0), 4: (9.0, 3.0)}
    found = one([observation(number, *figures) for number, figures in stocks.items()], 4)
    assert (found["last_receipt_on"], found["receipts"], found["receipt_units"]) == (day(3), 1, 10)


def test_a_feed_that_reports_receipts_and_one_that_does_not_are_each_read_in_their_way() -> None:
    said = [order(1, None, 0.0), observation(2, 20.0, 1.0), order(3, None, 10.0)]
    elsewhere = {"feed_id": "westway_stores", "location_id": "0204"}
    unsaid = [observation(1, 5.0, 2.0, **elsewhere), observation(3, 12.0, 1.0, **elsewhere)]
    found = known([*said, *unsaid], 3)
    assert (found["0118"]["receipts"], found["0118"]["receipt_units"]) == (1, 10)
    assert (found["0204"]["receipts"], found["0204"]["receipt_units"]) == (1, 8)


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=2, max_size=20),
    st.randoms(use_true_random=False),
)
def test_what_the_balance_shows_is_what_stock_rose_by_and_what_was_sold_in_any_order_of_rows(
    days: list[tuple[int, int]], shuffling: random.Random
) -> None:
    rows = [observation(n, float(stock), float(sold)) for n, (stock, sold) in enumerate(days, 1)]
    came = [now - before + sold for (before, _), (now, sold) in itertools.pairwise(days)]
    large = [units for units in came if units >= max(1, max(came) / 4)]
    shuffling.shuffle(rows)
    found = one(rows, len(days))
    assert found["receipts"] == len(large)
    assert (found["receipt_units"] or 0) * len(large) == pytest.approx(sum(large))


@pytest.mark.parametrize(
    ("stock", "sold", "reports", "overdue"),
    [
        ((2, 1, 6, 5, 0), (0, 1, 1, 1, 5), False, 0.0),
        ((2, 1, 6, 5, 0), (0, 1, 1, 1, 5), True, 6.0),  # its feed tells of receipts, and of none here
        ((2, 1, 0, 0, 0), (0, 1, 1, 0, 0), False, 6.0),
    ],
)
def test_what_only_the_balance_shows_to_have_come_is_not_overdue(
    stock: tuple[float, ...], sold: tuple[float, ...], reports: bool, overdue: float
) -> None:
    days = enumerate(zip(stock, sold, (6, 6, 0, 0, 0), strict=True))
    rows = [observation(number, have, gone, on_order_units=pending) for number, (have, gone, pending) in days]
    panel = look_back(engine(), observations(rows), [day(4)], 56).panel
    assert overdue_units(panel, np.array([2.0]), np.array([reports]), SETTINGS).tolist() == [overdue]


def test_a_return_is_no_receipt() -> None:
    rows = [observation(1, 5.0, 0.0), observation(2, 8.0, 0.0, returned_units=3.0), observation(3, 5.0, 3.0)]
    assert one(rows, 3)["receipts"] == 0


def test_a_feed_that_reports_receipts_is_believed() -> None:
    rows = [order(1, None, 0.0), observation(2, 50.0, 0.0), order(3, None, 10.0)]
    assert one(rows, 3)["receipts"] == 1


def test_dates_of_several_checks_do_not_mix() -> None:
    seen = look_back(engine(), observations(weekly(22)), [day(20), day(22)], 56)
    found = replenishment(seen.panel, np.nan_to_num(seen.panel.received_units))
    assert seen.series["as_of"].to_pylist() == [day(20), day(22)]
    assert found.last_receipt.tolist() == [6, 1]  # on days 14 and 21


# --- order days -------------------------------------------------------------------------------------------------------


def ordering(place: str, item: str, days: Iterable[int], until: int = 20) -> list[dict[str, Any]]:
    """A series of which six units more are on order from each of some days on; nothing comes in."""
    return [
        observation(
            number, 5.0, 1.0, location_id=place, item_id=item, on_order_units=6.0 * sum(on <= number for on in days)
        )
        for number in range(1, until + 1)
    ]


def order_days_of(rows: Iterable[Mapping[str, Any]], on: int = 20) -> dict[str, tuple[float, float]]:
    """Age of the last order day of each location, and the days from one to the next."""
    seen = look_back(engine(), observations(rows), [day(on)], 56)
    found = replenishment(seen.panel, receipts(seen.panel, risen(seen.panel), np.ones(len(seen.series), bool)))
    orders = order_days(found.is_order, codes(seen.series["location_id"]))
    places = seen.series["location_id"].to_pylist()
    return {place: (float(orders.last[n]), float(orders.interval[n])) for n, place in enumerate(places)}


def test_all_that_a_location_orders_tells_its_order_days() -> None:
    rows = [
        *ordering("0118", "A", [6, 15]),
        *ordering("0118", "B", [9, 12, 18]),
        *ordering("0204", "A", [10, 17]),
        *ordering("0300", "A", [19]),
    ]
    assert order_days_of(rows) == {"0118": (2.0, 3.0), "0204": (3.0, 7.0), "0300": (0.0, 1.0)}, "one day tells nothing"


def test_what_comes_in_hides_no_order() -> None:
    """On day 12 as much comes in as is ordered anew: as much is on order as before."""
    rows = [
        observation(n, 5.0, 1.0, on_order_units=6.0 * (n >= 6), received_units=6.0 * (n == 12)) for n in range(1, 21)
    ]
    assert set(order_days_of(rows).values()) == {(8.0, 6.0)}


def test_a_day_without_a_report_is_no_order_day() -> None:
    rows = [one for one in ordering("0118", "A", [6, 9, 12]) if one["business_date"] != day(9)]
    assert set(order_days_of(rows).values()) == {(8.0, 6.0)}


@pytest.mark.parametrize(
    ("days", "last", "interval", "expected"),
    [(0, 0, 1, 1), (4, 0, 1, 4), (4.5, 0, 1, 5), (0, 1, 3, 2), (2, 1, 3, 2), (2.5, 1, 3, 5), (0, 9, 3, 1)],
)
def test_an_order_comes_on_the_first_order_day_on_which_it_is_needed(
    days: float, last: float, interval: float, expected: float
) -> None:
    orders = OrderDays(np.array([last]), np.array([interval]), np.full((7, 1), np.nan))
    assert orders.first_after(np.array([float(days)])) == expected


def test_orders_on_some_weekdays_are_expected_on_these() -> None:
    """On Tuesdays and Fridays, but for one that was left out; day 43 is a Monday: one day, then four, to go."""
    is_order = np.array([[age % 7 in (3, 6) and age != 10] for age in range(42)])
    orders = order_days(is_order, np.zeros(1, np.int64))
    assert (orders.last.tolist(), orders.interval.tolist(), orders.ahead.tolist()) == ([3], [3.5], [1])
    days = {ahead: orders.first_after(np.array([ahead])).item() for ahead in (0.0, 1.0, 1.5, 4.0, 4.5, 8.0, 8.5)}
    assert days == {0.0: 1, 1.0: 1, 1.5: 4, 4.0: 4, 4.5: 8, 8.0: 8, 8.5: 11}
    assert np.isnan(orders.first_after(np.array([np.nan]))), "what nobody knows to sell is not known to be ordered"


@pytest.mark.parametrize("days", [8, 20])
def test_orders_of_some_days_tell_no_weekdays(days: int) -> None:
    is_order = np.array([[age < days] for age in range(56)])
    assert order_days(is_order, np.zeros(1, np.int64)).first_after(np.arange(1.0, 2.0)).tolist() == [1]


@pytest.mark.parametrize("interval", [2, 3, 4])
def test_orders_every_so_many_days_keep_to_no_weekday(interval: int) -> None:
    is_order = np.array([[age % interval == 1] for age in range(56)])
    orders = order_days(is_order, np.zeros(1, np.int64))
    assert (orders.last.tolist(), orders.interval.tolist()) == ([1], [interval])
    assert orders.first_after(np.array([float(interval)])).tolist() == [2 * interval - 1]


@pytest.mark.parametrize(("days", "usual"), [(2.2, 2), (2.7, 2), (2.8, 3), (0.4, 1)])
def test_the_usual_lead_time_is_a_little_less_than_the_mean_of_all(days: float, usual: int) -> None:
    rows = [order(number, 10.0 * (number == 14)) for number in range(1, 15)]
    found = one(rows, 14, SupplySettings(lead_time_days=days))
    assert found["next_receipt_on"] == day(14 + usual)


def test_the_next_receipt_waits_for_the_order_day() -> None:
    """Stock of 1 is where it is ordered in four days; the lead time is two. The next order day is in five days."""
    rows = weekly(14)
    daily, on_grid = (one(rows, 14, on_hand=1.0, order_days=days) for days in ((0, 1), (2, 7)))
    assert (daily["next_receipt_on"], on_grid["next_receipt_on"]) == (day(20), day(21))
    assert (on_grid["exposed_days"], on_grid["exposed_units"]) == (6, 1), "what there is must last until then"


@pytest.mark.parametrize(
    ("after", "corrected"),
    [
        ({4: (7.0, 1.0), 5: (0.0, 1.0)}, 6.0),
        ({5: (0.0, 1.0)}, None),
        ({4: (None, 3.0), 5: (0.0, 1.0)}, 4.0),
        ({4: (0.0, None)}, None),
    ],
    ids=["told", "a day is missing", "a day without stock", "sales not told"],
)
def test_a_record_is_corrected_by_what_no_sale_explains_where_all_sales_are_told(
    after: dict[int, tuple[float | None, float | None]], corrected: float | None
) -> None:
    """A day that no file is about, as six of a weekly feed's seven, may have sold anything."""
    days = {1: (10.0, 1.0), 2: (9.0, 1.0), 3: (8.0, 1.0)} | after
    last = max(days)
    on_hand, sold = (
        np.array([[days.get(number, (None, None))[place]] for number in range(last, 0, -1)], float) for place in (0, 1)
    )
    nothing = np.full(on_hand.shape, np.nan)
    panel = Panel(on_hand, sold, *[nothing] * 6)
    (found,) = corrected_units(panel, newest(on_hand > 0))
    assert found == pytest.approx(np.nan if corrected is None else corrected, nan_ok=True)


def test_a_receipt_of_after_a_year_is_none_that_anybody_knows_of() -> None:
    """A record of 99,999 units stands for many things; an item that sells once a month would last for ages."""
    rows = [
        observation(
            number,
            10.0 if number < 6 else 99_999_999.0,
            1.0 if number == 1 else 0.0,
            on_order_units=10.0 if number in (2, 3) else 0.0,
            received_units=10.0 if number == 4 else 0.0,
        )
        for number in range(1, 57)
    ]
    assert one_of_check(rows, 56, check=CheckSettings())["next_receipt_on"] is None


def test_a_receipt_of_a_day_without_a_count_says_nothing_of_the_stock_before_it() -> None:
    rows = [observation(number, 5.0, 1.0, received_units=0.0) for number in range(1, 15)]
    rows[4] |= {"on_hand_units": 14.0, "received_units": 10.0}
    rows[9] |= {"on_hand_units": None, "received_units": 10.0}
    found = one(rows, 14)
    assert (found["receipts"], found["units_before_receipt"], found["spread_before_receipt"]) == (2, 4, 0)

"""Availability of a series on a date: worked examples by hand, then properties.

Unless said otherwise a day counts half of the next one (forgetting 0.5), a sell-out day counts half a day on sale,
what is remembered of earlier spells halves every day, and below 2 days of supply a series is at risk.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.domain.availability import EMPTY, CheckSettings, Status
from include.stockwatch.domain.columns import ITEMS
from include.stockwatch.domain.daily import daily
from include.stockwatch.domain.master import per_partner
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.domain.thresholds import Match, Threshold, Thresholds
from include.stockwatch.workflows.checks.assess import assess
from include.stockwatch.workflows.rules import Rules
from tests.domain.tables import (
    DEFAULT,
    FEED,
    ITEM,
    PARTNER,
    PLAIN,
    STORE,
    checked,
    day,
    engine,
    nothing_known,
    observation,
    observations,
    one,
    rows_of,
    series,
    table,
    with_rules,
)
from tests.strategies import HISTORY_DAYS, histories

# --- demand and days of supply ---------------------------------------------------------------------------------------


def test_demand_is_the_decayed_sum_of_sales_over_days_on_sale() -> None:
    found = one(series({1: (10, 4), 2: (10, 2), 3: (8, 6)}), on=3)
    # weights .25, .5, 1: a = .25 x 4 + .5 x 2 + 6 = 8, b = .25 + .5 + 1 = 1.75
    assert (found["demand_a"], found["demand_b"]) == (8, 1.75)
    assert found["demand_units_per_day"] == pytest.approx(8 / 1.75)
    assert found["days_of_supply"] == pytest.approx(8 / (8 / 1.75))
    assert found["status"] == Status.AT_RISK  # 1.75 days, 2 are asked for


def test_days_out_of_stock_neither_teach_demand_nor_are_forgotten() -> None:
    found = one(series({1: (10, 4), 2: (10, 2), 3: (0, 0), 4: (0, 0)}), on=4)
    # as it stood on day 2: a = .5 x 4 + 2 = 4, b = .5 + 1 = 1.5; not a quarter of each
    assert (found["demand_a"], found["demand_b"]) == (4, 1.5)


def test_a_day_on_which_the_shelf_emptied_counts_half_a_day_on_sale() -> None:
    found = one(series({1: (5, 4), 2: (0, 3), 3: (9, 1)}), on=3)
    # a = .25 x 4 + .5 x 3 + 1 = 3.5, b = .25 x 1 + .5 x .5 + 1 = 1.5
    assert (found["demand_a"], found["demand_b"]) == (3.5, 1.5)


def test_the_sale_that_emptied_the_shelf_says_nothing_of_how_soon_the_next_comes() -> None:
    found = one(series({1: (9, 6), 2: (5, 4), 3: (0, 5)}), on=3)
    # weights .25 and .5, as of day 3: a = .25 x 6 + .5 x 4 = 3.5, b = .25 + .5
    assert (found["demand_a"], found["demand_b"]) == (3.5, 0.75)
    # the unsold half of the day is lost
    assert found["spell_exposure_days"] == 0.5
    assert found["lost_units"] == found["lost_units_today"] == pytest.approx(3.5 / 0.75 / 2)


def test_the_sale_that_emptied_the_shelf_counts_where_nothing_else_sold() -> None:
    found = one(series({1: (3, 0), 2: (3, 0), 3: (0, 3)}), on=3)
    assert (found["demand_a"], found["demand_b"]) == (3, 0.25 + 0.5 + 0.5)


def test_what_is_emptied_again_and_again_sells_as_often_as_it_is_filled() -> None:
    """A unit comes every ten days, and sells on the fifth day after; it is out for the other five."""
    days = {number: (1.0, 0.0) if number % 10 < 5 else (0.0, float(number % 10 == 5)) for number in range(1, 57)}
    rows = [row for row in series(days, received_units=0.0)]
    rows = [{**row, "received_units": float(row["business_date"].day % 10 == 0)} for row in rows]
    found = one(rows, on=56, check=CheckSettings(forgetting=1))
    assert found["demand_units_per_day"] == pytest.approx(5 / (6 * 5 + 5 * 0.5 - 1), rel=0.05)


@pytest.mark.parametrize(("forgetting", "days"), [(0.97, 56), (0.9, 56), (0.7, 56), (0.97, 400), (0.9, 400)])
def test_a_spell_as_long_as_the_look_back_fades_no_demand(forgetting: float, days: int) -> None:
    check = CheckSettings(lookback_days=days, forgetting=forgetting)
    found = one(series({1: (10, 4), **{number: (0, 0) for number in range(2, days + 1)}}), on=days, check=check)
    assert (found["demand_a"], found["demand_b"]) == pytest.approx((4, 1), rel=1e-6)
    assert found["spell_exposure_days"] == days - 1


@pytest.mark.parametrize("share", [0.25, 0.6, 0.7, 0.8, 0.9, 1])
def test_a_sell_out_day_may_count_another_share(share: float) -> None:
    check = CheckSettings(forgetting=0.5, sell_out_day_exposure=share)
    found = checked(series({1: (5, 4), 2: (0, 3), 3: (9, 1)}), [2, 3], check=check)
    assert found[2, STORE, ITEM]["spell_exposure_days"] == pytest.approx(1 - share)
    assert found[3, STORE, ITEM]["demand_b"] == pytest.approx(0.25 + 0.5 * share + 1)


@pytest.mark.parametrize(
    ("least", "told"), [(-1e9, {}), (0.0, {"received_units": 0.0})], ids=["below zero", "at zero, nothing received"]
)
def test_what_sells_on_while_its_record_is_at_its_end_ran_out_on_no_day(least: float, told: dict[str, float]) -> None:
    """Its record is wrong: a day on which it sold four is no half of a day."""
    days = {number: (max(16.0 - 4 * number, least), 4.0) for number in range(1, 21)}
    found = one(series(days, **told), on=20, check=CheckSettings())
    assert found["status"] == Status.OUT_OF_STOCK
    assert found["demand_units_per_day"] == pytest.approx(16 / 3.5, rel=0.02)  # day 4 sold out
    assert (found["spell_exposure_days"], found["lost_units_today"]) == (0.5, 0)
    sold_out = {key[0]: row["sold_out_today"] for key, row in checked(series(days, **told), [3, 4, 5]).items()}
    assert sold_out == {3: False, 4: True, 5: False}


@pytest.mark.parametrize("told", [{"received_units": 4.0}, {}], ids=["received", "by the balance"])
def test_what_came_in_on_a_day_may_have_run_out_on_it(told: dict[str, float]) -> None:
    days = {1: (4, 4), 2: (0, 4), 3: (0, 4)}
    found = one(series(days, **told), on=3, check=CheckSettings(forgetting=1))
    assert found["spell_exposure_days"] == 1  # half of each
    assert (found["demand_a"], found["demand_b"]) == (8, 1.5)


def test_a_day_without_reported_sales_teaches_nothing() -> None:
    found = one(series({1: (10, 4), 2: (10, None), 3: (10, 6)}), on=3)
    # day 2 leaves no trace in a or b: a = .25 x 4 + 6 = 7, b = .25 + 1 = 1.25
    assert (found["demand_a"], found["demand_b"]) == (7, 1.25)


def test_sales_of_a_day_without_reported_stock_teach_nothing() -> None:
    found = one(series({1: (10, 4), 2: (None, 9), 3: (10, 6)}), on=3)
    assert (found["demand_a"], found["demand_b"]) == (7, 1.25)
    assert found["days_observed"] == 2


def test_net_returns_are_no_demand_but_the_day_was_on_sale() -> None:
    found = one(series({1: (100, 4), 2: (102, -2)}), on=2)
    # a = .5 x 4 + 0, b = .5 + 1
    assert (found["demand_a"], found["demand_b"]) == pytest.approx((2, 1.5), rel=0.03)
    assert found["last_sale_date"] == day(1)


def test_a_series_that_never_sold_has_no_days_of_supply_and_is_in_stock() -> None:
    found = one(series({1: (10, 0), 2: (10, 0)}), on=2)
    assert (found["demand_a"], found["demand_b"], found["demand_units_per_day"]) == (0, 1.5, 0)
    assert found["days_of_supply"] is None
    assert found["status"] == Status.IN_STOCK


def test_a_series_without_a_day_on_sale_has_no_estimated_demand() -> None:
    found = one(series({1: (10, None), 2: (0, 0)}), on=2)
    assert found["demand_b"] == 0
    assert (found["demand_units_per_day"], found["days_of_supply"], found["lost_units"]) == (None, None, None)
    assert found["status"] == Status.OUT_OF_STOCK


@pytest.mark.parametrize(
    ("on_hand", "status"), [(4, Status.IN_STOCK), (3.9, Status.AT_RISK), (0.1, Status.AT_RISK), (0, "out_of_stock")]
)
def test_a_series_is_at_risk_below_the_days_of_supply_asked_for(on_hand: float, status: str) -> None:
    # 2 a day and 2 days asked for: 4 units are enough
    sold = 1 if on_hand == 0 else 2  # half a day on sale
    found = one(series({1: (10, 2), 2: (on_hand, sold)}), on=2)
    assert found["demand_units_per_day"] == pytest.approx(2)
    assert found["status"] == status


def test_a_record_below_zero_supplies_nothing() -> None:
    found = one(series({1: (3, 2), 2: (-4, 0)}), on=2)
    assert (found["status"], found["on_hand_units"], found["days_of_supply"]) == (Status.OUT_OF_STOCK, -4, 0)


# --- what is known ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [(7, 2), (0, 0)], ids=["in stock before", "out before"])
@pytest.mark.parametrize("today", [{}, {3: (None, 2)}], ids=["no row", "no stock reported"])
def test_without_a_stock_of_the_date_itself_a_series_is_unknown(
    before: tuple[float, float], today: dict[int, tuple[float | None, float]]
) -> None:
    found = one(series({1: (9, 3), 2: before} | today), on=3)
    assert (found["status"], found["last_seen_date"]) == (Status.UNKNOWN, day(2))
    assert (found["spell_start_date"], found["lost_units"], found["alert_due"]) == (None, None, False)


@pytest.mark.parametrize("today", [{}, {3: (None, 2)}], ids=["no row", "no stock reported"])
def test_an_unknown_series_still_shows_its_last_known_stock(today: dict[int, tuple[float | None, float]]) -> None:
    found = one(series({1: (9, 3), 2: (7, 2)} | today), on=3)
    assert (found["last_seen_date"], found["on_hand_units"]) == (day(2), 7)  # `explain` prints the two side by side


def test_a_series_that_was_never_stocked_or_sold_is_not_ranged() -> None:
    rows = series({1: (0, 0), 2: (0, 0)}, location_id="0118") + series({1: (0, 0), 2: (None, 1)}, location_id="0204")
    assert list(checked(rows, [2])) == [(2, "0204", "oat")]


def test_a_record_below_zero_without_a_sale_ranges_nothing() -> None:
    assert checked(series({1: (-3, 0), 2: (-3, None)}), [2]) == {}


def test_what_lies_before_the_look_back_does_not_count() -> None:
    week = CheckSettings(lookback_days=7, forgetting=0.5)
    rows = series({1: (9, 3), **{number: (0, 0) for number in range(2, 10)}})
    assert one(rows, on=7, check=week)["last_in_stock_date"] == day(1)
    assert checked(rows, [8], check=week) == {}  # no stock and no sale from day 2 to day 8


def test_price_and_names_are_the_last_ones_that_were_reported() -> None:
    rows = [
        observation(1, 9, 3, price=2.5, currency="USD", item_name="Oat Bar", category="Snacks"),
        observation(2, 8, 1, price=3.0, currency="USD", location_name="Reno"),
        observation(3, 0, 0),  # a shelf without sales has no price in many feeds
    ]
    found = one(rows, on=3)
    assert (found["price"], found["currency"], found["item_name"]) == (3.0, "USD", "Oat Bar")
    assert (found["location_name"], found["category"]) == ("Reno", "Snacks")


def test_orders_are_those_of_the_date() -> None:
    coming = {"on_order_units": 4.0, "in_transit_units": 5.0}
    found = one([observation(1, 9, 3, on_order_units=9.0), observation(2, 8, 1, **coming)], on=2)
    assert {name: found[name] for name in coming} == coming


def test_a_price_that_changed_is_the_one_of_the_date() -> None:
    rows = [observation(1, 9, 3, price=2.5, currency="USD"), observation(2, 8, 1, price=3.0, currency="USD")]
    assert {key[0]: row["price"] for key, row in checked(rows, [1, 2]).items()} == {1: 2.5, 2: 3.0}


def test_a_series_without_any_price_has_no_price_and_no_currency() -> None:
    found = one(series({1: (9, 3)}), on=1)
    assert (found["price"], found["currency"]) == (None, None)


# --- spells ----------------------------------------------------------------------------------------------------------


def test_a_spell_runs_from_the_first_day_out_after_the_last_day_in_stock() -> None:
    rows = series({1: (9, 2), 2: (0, 0), 3: (6, 2), 4: (0, 0), 5: (-1, 0), 6: (0, 0)})
    found = one(rows, on=6)
    assert (found["last_in_stock_date"], found["spell_start_date"], found["spell_days"]) == (day(3), day(4), 3)
    assert found["spell_exposure_days"] == 3
    assert (found["lost_units"], found["lost_units_today"]) == (6, 2)  # 2 a day


def test_a_gap_inside_a_spell_lengthens_it_but_is_no_exposure() -> None:
    found = one(series({1: (9, 2), 2: (0, 0), 4: (None, None), 5: (0, 0)}), on=5)
    # days 3 and 4 are not known: the spell is four days long, two of them are seen to be out
    assert (found["spell_start_date"], found["spell_days"], found["spell_exposure_days"]) == (day(2), 4, 2)
    assert found["lost_units"] == 4


def per_day(rows: Iterable[Row], absent: AbsentMeans = AbsentMeans.UNKNOWN, on: Sequence[int] = ()) -> list[Row]:
    """Daily rows of what was delivered, on some days."""
    came = [{"feed_id": FEED, "business_date": day(number)} for number in on]
    delivered = table(came, ibis.schema({"feed_id": "string", "business_date": "date"}))
    return [*rows_of(daily(observations(rows), delivered, {FEED: absent}, day(1), day(28)))]


def test_a_weekly_report_of_no_stock_stands_for_its_week() -> None:
    """Sold out in the week up to day 14, half of which it was there; out in all of the two weeks after."""
    weeks = {7: (90, 35), 14: (0, 35), 21: (0, 0), 28: (0, 0)}
    rows = per_day(series(weeks, flow_days=7))
    found = checked(rows, [14, 21, 28], check=CheckSettings(forgetting=1))
    shown = [found[on, STORE, ITEM] for on in (14, 21, 28)]
    assert [row["demand_units_per_day"] for row in shown] == [pytest.approx(5)] * 3  # that of the first week
    assert [row["spell_exposure_days"] for row in shown] == [3.5, 10.5, 17.5]
    rate = shown[0]["demand_units_per_day"]
    assert [row["lost_units_today"] for row in shown] == [pytest.approx(rate * days) for days in (3.5, 7, 7)]
    assert shown[2]["lost_units"] == pytest.approx(sum(row["lost_units_today"] for row in shown))


def test_a_week_of_a_shelf_that_is_suspected_empty_costs_a_week() -> None:
    rows = per_day(series({7 * week: (90, 70 if week < 4 else 0) for week in range(1, 5)}, flow_days=7))
    found = one(rows, 28, check=CheckSettings())
    assert found["status"] == Status.PHANTOM_SUSPECTED
    assert found["lost_units_today"] == pytest.approx(7 * found["p_phantom"] * found["demand_units_per_day"])
    assert 6 < found["spell_exposure_days"] <= 7


def test_a_day_of_a_shelf_that_is_silent_costs_what_its_small_probability_says() -> None:
    rows = series({on: (90, 4) for on in range(1, 27)} | {27: (90, 0)})
    found = checked(rows, [26, 27])
    sold, silent = (found[on, STORE, ITEM] for on in (26, 27))
    assert (sold["status"], silent["status"]) == (Status.IN_STOCK, Status.IN_STOCK)
    assert silent["lost_units_today"] == pytest.approx(silent["p_phantom"] * silent["expected_units_today"]) != 0
    assert (silent["lost_units"], silent["spell_days"]) == (None, None)
    unserved = sold["expected_units_today"] * (1 - CheckSettings().sell_out_day_exposure)
    assert sold["lost_units_today"] == pytest.approx(sold["p_phantom"] * unserved) != 0, "if it sold the last one"


@pytest.mark.parametrize(
    ("more", "exposure"),
    [
        ({"flow_days": 7}, 1 + 7),
        ({"flow_days": 28}, 1 + 14),  # not past the report before
        ({}, 2),
    ],
    ids=["a week's sales with the stock", "four weeks' sales", "the sales of the day"],
)
def test_of_a_report_that_never_came_nothing_is_known(more: dict[str, Any], exposure: float) -> None:
    rows = series({1: (9, 2), 2: (0, 0)}) + series({16: (0, 0)}, **more)
    assert one(per_day(rows), 16)["spell_exposure_days"] == exposure


@pytest.mark.parametrize("means", [AbsentMeans.ZERO, AbsentMeans.UNCHANGED])
def test_a_weekly_feed_that_leaves_rows_out_has_weeks_out_as_well(means: AbsentMeans) -> None:
    quiet = [] if means is AbsentMeans.ZERO else series({14: (0, 0)}, flow_days=7)
    rows = per_day([*series({7: (90, 35)}, flow_days=7), *quiet], means, on=(7, 14, 21))
    found = one(rows, 21, check=CheckSettings(forgetting=1))
    assert (found["spell_exposure_days"], found["demand_units_per_day"], found["lost_units_today"]) == (14, 5, 35)


def shop(location: str, items: int, sold: Callable[[int, int], int]) -> list[Row]:
    """Four weeks of a store whose shelves are full; `sold` says of an item and a day what sold."""
    days = range(1, 29)
    return [
        row
        for item in range(items)
        for row in series({on: (90, sold(item, on)) for on in days}, location_id=location, item_id=f"item {item}")
    ]


@pytest.mark.parametrize(
    ("items", "sold", "silent_days"),
    [
        (3, lambda _, on: 0 if on == 28 else 8, 0),
        (3, lambda _, on: 0 if on > 25 else 8, 0),
        (3, lambda item, on: 0 if on == 28 and item < 2 else 8, 1),
        (1, lambda _, on: 0 if on == 28 else 60, 1),
        (3, lambda _, on: 0 if on == 28 else 2, 1),
    ],
    ids=["nothing sold", "for three days", "a third item sold", "its one item is silent", "by chance"],
)
def test_a_day_on_which_a_store_sold_nothing_of_anything_says_nothing_of_its_shelves(
    items: int, sold: Callable[[int, int], int], silent_days: int
) -> None:
    rows = shop("closed", items, sold) + shop("open", 3, lambda *_: 6)
    found = checked(rows, [28], check=CheckSettings())[28, "closed", "item 0"]
    assert found["silent_days"] == silent_days
    assert found["demand_units_per_day"] == pytest.approx(sold(0, 1), rel=0.1)


@pytest.mark.parametrize(("told", "days_out"), [(0, 2), (None, 3)], ids=["closed", "its sales were not told"])
def test_a_closed_store_loses_no_shopper_that_day(told: int | None, days_out: int) -> None:
    """Out from Tuesday on, and closed on Wednesday, the 24th: two days count, and of Wednesday itself nothing."""
    rows = shop("0118", 3, lambda _, on: told if on == 24 else 8) + shop("0204", 3, lambda *_: 6)
    gap = series({on: (0, told if on == 24 else 0) if on > 22 else (90, 8) for on in range(1, 26)}, location_id="0118")
    found = checked([*rows, *gap], [24, 25], check=CheckSettings(forgetting=1))
    lost = {on: found[on, "0118", "oat"]["lost_units"] for on in (24, 25)}
    assert lost == {24: pytest.approx(8 * (days_out - 1)), 25: pytest.approx(8 * days_out)}
    assert found[24, "0118", "oat"]["lost_units_today"] == pytest.approx(8 * (days_out - 2))
    assert found[25, "0118", "oat"]["spell_days"] == 3


def test_a_day_on_which_a_whole_chain_was_closed_says_nothing() -> None:
    """Of no store alone is it certain: each sells 6 units a day."""
    rows = [row for store in "abcd" for row in shop(store, 3, lambda _, on: 0 if on == 25 else 2)]
    found = checked(rows, [25], check=CheckSettings())
    assert {row["silent_days"] for row in found.values()} == {0}


@pytest.mark.parametrize(("kind", "units_a_day"), [("dc", 8), ("store", 24)])
def test_days_on_which_nobody_ordered_from_a_dc_are_no_days_on_which_it_was_closed(kind: str, units_a_day: int) -> None:
    rows = shop("DC1", 3, lambda _, on: 0 if on % 3 else 24)
    found = checked(rows, [27], check=CheckSettings(forgetting=1), location_types={FEED: kind})[27, "DC1", "item 0"]
    assert found["demand_units_per_day"] == pytest.approx(units_a_day)


@pytest.mark.parametrize(("kind", "days"), [("dc", 28), ("store", 22)])
def test_what_a_dc_that_was_out_ships_when_it_is_back_was_wanted_while_it_was_out(kind: str, days: int) -> None:
    """Out for six days, and back with what was wanted on them; a store sells that much on one day."""
    sold = {on: (90, 8) for on in range(1, 29)} | {on: (0, 0) for on in range(11, 17)} | {17: (90, 7 * 8)}
    found = one(series(sold), on=28, check=CheckSettings(forgetting=1), location_types={FEED: kind})
    assert found["demand_units_per_day"] == pytest.approx(28 * 8 / days)


@pytest.mark.parametrize(("kind", "a", "b"), [("dc", 8.5, 1.25), ("store", 3.5, 0.75)])
def test_the_shipment_that_emptied_a_dc_counts_as_what_is_wanted_waits(kind: str, a: float, b: float) -> None:
    found = one(series({1: (9, 6), 2: (5, 4), 3: (0, 5)}), on=3, location_types={FEED: kind})
    assert (found["demand_a"], found["demand_b"]) == (a, b)


def test_the_days_of_an_outage_that_goes_on_talk_no_demand_of_a_dc_down() -> None:
    sold = {on: (90, 8) for on in range(1, 20)} | {on: (0, 0) for on in range(20, 29)}
    found = one(series(sold), on=28, check=CheckSettings(forgetting=1), location_types={FEED: "dc"})
    assert found["demand_units_per_day"] == pytest.approx(8)


def test_a_dc_whose_record_is_always_empty_tells_no_demand() -> None:
    """What it ships goes past its record, but on the first day perhaps: no other day counts, with a shipment or not."""
    past_record = series({on: (0, 8 if on % 2 else 0) for on in range(1, 29)}, received_units=0)
    assert one(past_record, on=28, location_types={FEED: "dc"})["demand_b"] == pytest.approx(0, abs=1e-6)


def test_the_weekday_on_which_a_chain_rests_stays_one_of_no_demand() -> None:
    rows = [row for store in "ab" for row in shop(store, 3, lambda _, on: 0 if on % 7 == 0 else 60)]
    found = checked(rows, [27, 28], check=CheckSettings())
    rest, before = (found[on, "a", "item 0"]["expected_units_today"] for on in (28, 27))
    assert rest < 0.1 * before


def test_a_gap_before_the_first_day_seen_out_is_not_part_of_the_spell() -> None:
    found = one(series({1: (9, 2), 4: (0, 0)}), on=4)
    assert (found["spell_start_date"], found["spell_days"]) == (day(4), 1)


def test_a_spell_without_any_day_in_stock_begins_with_the_first_day_seen() -> None:
    found = one(series({2: (-1, 3), 3: (0, 0)}), on=3)
    assert found["last_in_stock_date"] is None
    assert (found["spell_start_date"], found["spell_days"]) == (day(2), 2)
    # half of day 2 and all of day 3; 3 sold in half a day on sale
    assert (found["spell_exposure_days"], found["demand_units_per_day"], found["lost_units"]) == (1.5, 6, 9)


def test_what_is_remembered_of_earlier_spells_halves_with_the_half_life() -> None:
    rows = series({1: (9, 2), 2: (0, 0), 3: (0, 2), 4: (6, 2), 5: (0, 0)})
    found = one(rows, on=5, memory_half_life_days=1.0)
    # day 2 is three days ago and counts 1/8, day 3 counts half of 1/4; today is not "earlier"
    assert found["earlier_exposure_days"] == pytest.approx(1 / 8 + 0.5 / 4)
    assert found["spell_exposure_days"] == 1


def test_a_shelf_that_is_doubtful_remembers_what_the_record_told_before() -> None:
    days = {number: (90, 10) for number in range(1, 31)} | {number: (90, 0) for number in range(31, 39)}
    found = one(series(days | {5: (0, 0), 6: (0, 0)}), on=38, memory_half_life_days=16.0)
    assert found["status"] == "phantom_suspected"
    assert found["earlier_exposure_days"] == pytest.approx(2 ** (-33 / 16) + 2 ** (-32 / 16), rel=0.01)


def test_a_first_spell_remembers_nothing() -> None:
    assert one(series({1: (9, 2), 2: (0, 0)}), on=2)["earlier_exposure_days"] == 0


def test_a_series_that_is_not_out_has_no_spell() -> None:
    found = one(series({1: (9, 2), 2: (0, 0), 3: (6, 2)}), on=3)
    empty = ("spell_start_date", "spell_days", "spell_exposure_days", "earlier_exposure_days", "lost_units")
    assert [found[name] for name in empty] == [None] * len(empty)
    assert found["alert_due"] is False


def test_an_alert_is_due_when_the_spell_is_as_long_as_the_threshold_asks() -> None:
    patient = with_rules(Threshold(name="patient", match=Match(item_id="oat"), days_out_before_alert=3))
    rows = series({1: (9, 2), 2: (0, 0), 3: (0, 0), 4: (0, 0)})
    found = checked(rows, [2, 3, 4], thresholds=patient)
    assert {key[0]: row["alert_due"] for key, row in found.items()} == {2: False, 3: False, 4: True}
    assert {row["rule"] for row in found.values()} == {"patient"}


def test_a_threshold_may_call_a_low_record_out() -> None:
    display = with_rules(
        Threshold(name="display", match=Match(location_id="0204"), out_of_stock_at_or_below_units=3),
    )
    days = {1: (9, 2), 2: (3, 2), 3: (3, 0)}
    found = checked(series(days) + series(days, location_id="0204"), [3], thresholds=display)
    assert found[3, "0118", "oat"]["status"] != Status.OUT_OF_STOCK
    strict = found[3, "0204", "oat"]
    assert (strict["status"], strict["spell_start_date"], strict["spell_days"]) == (Status.OUT_OF_STOCK, day(2), 2)
    assert (strict["demand_a"], strict["demand_b"]) == (1, 0.5)  # of day 1; day 2 emptied it
    assert strict["spell_exposure_days"] == 1.5


SNACKS_LEAVE_THREE = with_rules(
    Threshold(name="snacks", match=Match(category="Snacks"), out_of_stock_at_or_below_units=3)
)


@pytest.mark.parametrize("today", [None, "Tea"])
def test_what_is_out_has_a_spell_even_if_today_names_another_category_or_none(today: str | None) -> None:
    rows = [observation(1, 9, 2, category="Snacks"), observation(2, 3, 1, category=today)]
    found = one(rows, on=2, thresholds=SNACKS_LEAVE_THREE)
    assert (found["status"] == Status.OUT_OF_STOCK) == (found["spell_start_date"] is not None)


# --- scope -----------------------------------------------------------------------------------------------------------


def test_store_scope_is_the_share_of_other_known_stores_that_are_out_too() -> None:
    rows = [
        *series({1: (5, 1), 2: (0, 0)}, location_id="0001"),
        *series({1: (5, 1), 2: (0, 0)}, location_id="0002"),
        *series({1: (5, 1), 2: (5, 1)}, location_id="0003"),
        *series({1: (5, 1), 2: (5, 1)}, location_id="0004"),
        *series({1: (5, 1), 2: (None, 1)}, location_id="0005"),  # not known: counts nowhere
        *series({1: (5, 1), 2: (0, 0)}, location_id="0006", partner="westway", feed_id="westway_dcs"),
        *series({1: (5, 1), 2: (0, 0)}, location_id="0007", item_id="nut"),
    ]
    scope = {key[1]: row["store_scope"] for key, row in checked(rows, [2]).items()}
    assert scope == {
        "0001": pytest.approx(1 / 3),  # one of three others
        "0002": pytest.approx(1 / 3),
        "0003": None,
        "0004": None,
        "0005": None,
        "0006": None,  # the only one of its partner: nothing is known of others
        "0007": None,  # the only one of its item
    }


def test_what_two_feeds_say_of_one_shelf_is_no_other_shelf() -> None:
    items = [
        {**dict.fromkeys(ITEMS.names), "feed_id": "list", "partner": PARTNER, "item_id": item, "brand": "Fell"}
        for item in (ITEM, "nut")
    ]
    rows = series({1: (5, 1), 2: (5, 1)}, location_id="0204") + series({1: (5, 1), 2: (5, 1)}, item_id="nut")
    for feed in (FEED, "portal"):
        rows += series({1: (5, 1), 2: (0, 0)}, feed_id=feed)
    for feed in ("dcs", "orders"):  # which sends three quarters of what the partner's DCs send
        rows += series({1: (9, 9), 2: (0, 0)}, feed_id=feed, location_id="D1")
    rows += series({1: (9, 3), 2: (9, 3)}, feed_id="dcs", location_id="D2")
    known = nothing_known(items=per_partner(table(items, ITEMS), {PARTNER}))
    kinds = {"dcs": "dc", "orders": "dc"}
    found, _ = assess(engine(), observations(rows), [day(2)], Rules(thresholds=PLAIN), known, kinds)
    out = [row for row in found.to_pylist() if row["status"] == Status.OUT_OF_STOCK]
    scopes = [(row["location_id"], row["store_scope"], row["item_scope"]) for row in out]
    assert sorted(scopes) == [(STORE, 0, 0), ("D1", pytest.approx(0.75), None)]


def test_a_dc_is_no_store_that_shoppers_could_go_to_instead() -> None:
    rows = [row for place in ("0001", "0002") for row in series({1: (5, 1), 2: (0, 0)}, location_id=place)]
    rows += [row for place in ("D1", "D2") for row in series({1: (5, 1), 2: (5, 1)}, location_id=place, feed_id="dcs")]
    found = checked(rows, [2], location_types={FEED: "store", "dcs": "dc"})
    assert {key[1]: row["store_scope"] for key, row in found.items() if row["status"] == "out_of_stock"} == {
        "0001": 1,
        "0002": 1,
    }


@pytest.mark.parametrize(
    ("sold", "out", "covered"),
    [
        ({"D1": 4}, {"D1"}, 1.0),
        ({"D1": 9, "D2": 3}, {"D1"}, 0.75),
        ({"D1": 2, "D2": 2, "D3": 2, "D4": 2, "D5": 2}, {"D1", "D2"}, 0.4),
        ({"D1": 5, "D2": 5}, {"D1", "D2"}, 1.0),
    ],
    ids=["one pool", "by demand", "two of five", "all"],
)
def test_the_stores_of_a_dc_are_as_many_of_the_partners_as_its_share_of_the_demand(
    sold: dict[str, int], out: set[str], covered: float
) -> None:
    """Eq. 12: shoppers of a DC whose stores are not seen go to others that it serves, or that another DC does."""
    rows = [
        row
        for place, units in sold.items()
        for row in series(
            {n: (9, units) for n in range(1, 6)} | {6: (0, 0) if place in out else (9, units)},
            location_id=place,
            feed_id="dcs",
        )
    ]
    found = checked(rows, [6], location_types={"dcs": "dc"})
    scope = {key[1]: row["store_scope"] for key, row in found.items()}
    assert scope == {place: pytest.approx(covered) if place in out else None for place in sold}


def test_store_scope_is_that_of_each_date() -> None:
    rows = [
        *series({1: (5, 1), 2: (0, 0), 3: (0, 0)}, location_id="0001"),
        *series({1: (5, 1), 2: (5, 1), 3: (0, 0)}, location_id="0002"),
    ]
    found = checked(rows, [2, 3])
    assert {key: row["store_scope"] for key, row in found.items() if key[1] == "0001"} == {
        (2, "0001", "oat"): 0,
        (3, "0001", "oat"): 1,
    }


@pytest.mark.parametrize("today", [{24: (0.0, 0.0)}, {}], ids=["out", "unknown"])
def test_what_is_out_or_not_known_does_not_run_out_any_more(today: dict[int, tuple[float, float]]) -> None:
    found = one(series({n: (5.0, 1.0) for n in range(1, 24)} | today, on_order_units=0.0), 24, check=CheckSettings())
    assert [found[name] for name in ("p_runs_out", "short_units", "runs_out_on")] == [None] * 3


def test_what_may_run_out_lacks_what_the_days_of_the_horizon_ask_for() -> None:
    """10 units left, 4 a day are sold, and orders come after twelve days: 18 are missing in a week, 26 until then (A-20)."""
    ordered, wait, stock, rows = (2, 5, 26), 12, 62.0, []
    for on in range(1, 29):
        came = 30.0 * (on - wait in ordered)
        stock += came - 4
        waiting = 30.0 * sum(one <= on < one + wait for one in ordered)
        rows.append(observation(on, stock, 4, on_order_units=waiting, received_units=came))
    found = one(rows, 28, check=CheckSettings())
    assert (found["status"], found["on_hand_units"]) == (Status.AT_RISK, 10)
    assert found["short_units"] == pytest.approx(26, abs=0.1)
    assert found["at_risk_units"] == pytest.approx(18, abs=0.1)


def test_what_is_said_to_be_missing_until_a_receipt_is_what_is_at_risk_where_the_receipt_comes_soon() -> None:
    """It was told of an order at its usual stock, and what is at risk of today's: `42 at risk, 10 missing by then`."""
    stock, waiting, rows = 50.0, 0.0, []
    for on in range(1, 28):
        sold = (6.0, 14.0, 10.0, 4.0, 16.0)[on % 5]
        came, waiting = waiting, 0.0
        stock += came - sold
        if on % 7 in (0, 2, 4) and on < 24:
            waiting = 50 - stock
        rows.append(observation(on, stock, sold, on_order_units=waiting, received_units=came))
    found = one(rows, 27, check=CheckSettings())
    assert (found["status"], found["on_hand_units"]) == (Status.AT_RISK, 4)
    assert found["next_receipt_on"] is not None
    assert found["short_units"] == pytest.approx(found["at_risk_units"])
    assert found["at_risk_units"] == pytest.approx(16, abs=1)


def test_where_the_next_receipt_is_not_known_nothing_is_said_to_be_missing_until_it() -> None:
    rows = [observation(on, 300 - 10 * on, 10, on_order_units=0.0) for on in range(1, 30)]
    found = one(rows, 29, check=CheckSettings())
    assert (found["status"], found["next_receipt_on"], found["short_units"]) == (Status.AT_RISK, None, None)
    assert found["at_risk_units"] == pytest.approx(60, abs=1)


# --- properties ------------------------------------------------------------------------------------------------------

Row = Mapping[str, Any]
DATES = tuple(range(1, HISTORY_DAYS + 1))
THREE_BACK = Thresholds(
    thresholds=(
        DEFAULT,
        Threshold(name="low is out", match=Match(item_id="nut"), out_of_stock_at_or_below_units=1),
        Threshold(name="wait", match=Match(partner="westway"), days_out_before_alert=2, min_days_of_supply=4),
    )
)
WEEK = CheckSettings(lookback_days=7, forgetting=0.9, sell_out_day_exposure=0.5)


@dataclass
class Walk:
    """One series, walked day by day up to a date."""

    ranged: bool = False
    last_seen: dt.date | None = None
    last_in_stock: dt.date | None = None
    on_hand: float = 0.0
    spell: list[tuple[dt.date, float]] = field(default_factory=list)  # date, share of the day out
    earlier: list[tuple[dt.date, float]] = field(default_factory=list)

    def take(self, row: Row, limit: float, sell_out: float) -> None:
        """One more day."""
        today, stock, sold = row["business_date"], row["on_hand_units"], max(row["units_sold"] or 0.0, 0.0)
        self.ranged |= sold > 0 or (stock is not None and stock > limit)
        if stock is None:
            return
        before = self.on_hand if self.last_seen else None
        self.last_seen, self.on_hand = today, stock
        if stock > limit:
            self.last_in_stock, self.earlier, self.spell = today, self.earlier + self.spell, []
        else:
            nothing_came = before is not None and stock - before + sold < 1
            is_wrong = nothing_came and before <= limit
            self.spell.append((today, (0.0 if is_wrong else 1 - sell_out) if sold else 1.0))


def walked(rows: Iterable[Row], on: int, thresholds: Thresholds, check: CheckSettings) -> dict[str, Any] | None:
    """Availability of one series on one day, in plain steps; none if it is not ranged."""
    today, walk = day(on), Walk()
    facts: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: row["business_date"]):
        facts = {key: row[key] for key in ("partner", "category", "item_id", "location_id")}
        if 0 <= (today - row["business_date"]).days < check.lookback_days:
            limit, _ = thresholds.limit("out_of_stock_at_or_below_units", facts)
            walk.take(row, limit, check.sell_out_day_exposure)
    if not walk.ranged:
        return None
    found: dict[str, Any] = {"rule": thresholds.rule(facts)}
    found |= {"last_seen_date": walk.last_seen, "last_in_stock_date": walk.last_in_stock}
    if walk.last_seen != today:
        return found | {"status": "unknown", "spell_start_date": None, "lost_units": None, "alert_due": False}
    found |= {"on_hand_units": walk.on_hand}
    if not walk.spell:
        return found | {"status": STOCKED}
    length = (today - walk.spell[0][0]).days + 1
    exposure = sum(share for _, share in walk.spell)
    return found | {
        "status": "out_of_stock",
        "spell_start_date": walk.spell[0][0],
        "spell_days": length,
        "spell_exposure_days": exposure,
        "earlier_exposure_days": sum(share * 2.0 ** -(today - date).days for date, share in walk.earlier),
        "alert_due": length >= thresholds.limit("days_out_before_alert", facts)[0],
    }


STOCKED = "stocked"
"""Has stock on record. How long it lasts and whether it is there is a matter of demand, which has tests of its own."""


def same(found: Row, expected: Row) -> None:
    is_stocked = found["status"] in ("in_stock", "at_risk", "phantom_suspected", "void")
    shown = {**found, "status": STOCKED} if is_stocked and expected["status"] == STOCKED else found
    assert {name: shown[name] for name in expected} == {
        name: pytest.approx(value, rel=1e-5, abs=1e-9) if isinstance(value, float) else value
        for name, value in expected.items()
    }


@settings(max_examples=8)
@given(histories())
def test_one_query_says_what_a_plain_walk_along_each_series_says(rows: list[Row]) -> None:
    found = checked(rows, DATES, thresholds=THREE_BACK, check=WEEK)
    by_series: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_series[row["location_id"], row["item_id"]].append(row)
    expected = {
        (on, *key): walk
        for key, own in by_series.items()
        for on in DATES
        if (walk := walked(own, on, THREE_BACK, WEEK)) is not None
    }
    assert found.keys() == expected.keys()
    for key, walk in expected.items():
        same(found[key], walk)


@settings(max_examples=5)
@given(histories(), st.lists(st.sampled_from(DATES), min_size=2, max_size=4, unique=True))
def test_many_dates_in_one_query_equal_each_date_alone(rows: list[Row], dates: list[int]) -> None:
    together = checked(rows, dates, check=WEEK)
    alone: dict[Any, Row] = {}
    for on in dates:
        alone |= checked(rows, [on], check=WEEK)
    assert together.keys() == alone.keys()
    for key, row in alone.items():
        same(together[key], row)


@settings(max_examples=5)
@given(histories(), st.randoms(use_true_random=False))
def test_row_order_is_irrelevant(rows: list[Row], shuffling: random.Random) -> None:
    shuffled = [*rows]
    shuffling.shuffle(shuffled)
    before, after = checked(rows, DATES[-2:], check=WEEK), checked(shuffled, DATES[-2:], check=WEEK)
    assert before == after  # to the last digit: a changed digit would be a changed incident


@settings(max_examples=4)
@given(histories(), st.integers(1, 20))
def test_more_stock_today_never_lowers_days_of_supply(rows: list[Row], more: int) -> None:
    today = day(HISTORY_DAYS)
    richer = [
        {**row, "on_hand_units": row["on_hand_units"] + more}
        if row["business_date"] == today and row["on_hand_units"] is not None
        else row
        for row in rows
    ]
    before, after = checked(rows, [HISTORY_DAYS]), checked(richer, [HISTORY_DAYS])
    for key, row in before.items():
        if row["days_of_supply"] is not None:
            assert after[key]["days_of_supply"] >= row["days_of_supply"] - 1e-9


@settings(max_examples=5)
@given(histories())
def test_what_is_out_has_a_spell_and_what_is_unknown_has_none(rows: list[Row]) -> None:
    reported = {(row["location_id"], row["business_date"]): row["on_hand_units"] for row in rows}
    for (on, location, _), row in checked(rows, DATES, check=WEEK).items():
        stock = reported.get((location, day(on)))
        assert (row["status"] == Status.UNKNOWN) == (stock is None)
        assert (row["status"] == Status.OUT_OF_STOCK) == (stock is not None and stock <= 0)
        assert (row["spell_start_date"] is not None) == (row["status"] in EMPTY)
        if row["status"] == Status.OUT_OF_STOCK:
            assert 1 <= row["spell_days"] <= WEEK.lookback_days
            assert 0 <= row["spell_exposure_days"] <= row["spell_days"]
            assert row["earlier_exposure_days"] >= 0
            assert row["store_scope"] is None or 0 <= row["store_scope"] <= 1
            assert row["lost_units"] is None or row["lost_units"] >= row["lost_units_today"] >= 0


def test_what_another_feed_of_the_partner_sells_teaches_nothing_about_this_one() -> None:
    days = {number: (40.0, float(1 + number % 3)) for number in range(1, 15)}
    stores = [row for place in ("0118", "0204", "0077") for row in series(days, location_id=place)]
    warehouse = series({n: (9_000.0, 800.0 + 90 * (n % 2)) for n in days}, location_id="DC1", feed_id="northfield_dcs")
    alone, beside = (
        checked(rows, [14], check=CheckSettings())[14, "0118", "oat"] for rows in (stores, [*stores, *warehouse])
    )
    assert {name: beside[name] for name in ("demand_a", "demand_b", "dispersion", "p_phantom")} == {
        name: pytest.approx(alone[name]) for name in ("demand_a", "demand_b", "dispersion", "p_phantom")
    }


# --- how far it reaches ----------------------------------------------------------------------------------------------


def scopes(*shelf: tuple[str, str, str | None, bool | None]) -> dict[tuple[str, str], float | None]:
    """x_I by (location, item) of rows (location, item, brand, is it out); None is not known on the date. Cake is of a
    category of its own."""
    rows = [
        row
        for place, item, _, is_out in shelf
        for row in series(
            {1: (5, 1)} | ({} if is_out is None else {2: (0 if is_out else 5, 1)}),
            location_id=place,
            item_id=item,
            category="Cakes" if item == "cake" else "Snacks",
        )
    ]
    items = [
        {**dict.fromkeys(ITEMS.names), "feed_id": "list", "partner": PARTNER, "item_id": item, "brand": brand}
        for item, brand in sorted({(item, brand or "") for _, item, brand, _ in shelf})
        if brand
    ]
    found = checked(rows, [2], items=per_partner(table(items, ITEMS), {PARTNER}))
    return {(place, item): row["item_scope"] for (_, place, item), row in found.items()}


def test_item_scope_is_the_share_of_the_brands_other_known_items_that_are_out() -> None:
    found = scopes(
        ("0118", "oat", "Fell", True),
        ("0118", "nut", "Fell", True),
        ("0118", "fig", "Fell", False),
        ("0118", "plum", "Fell", None),
        ("0118", "cake", "Fell", False),
        ("0118", "tea", "Glen", True),
        ("0204", "oat", "Fell", True),
    )
    assert found["0118", "oat"] == found["0118", "nut"] == 0.5
    assert found["0118", "fig"] is None
    assert found["0118", "tea"] is None, "the only item of its brand"
    assert found["0204", "oat"] is None, "another location is another shelf"


def test_items_without_a_brand_are_no_brand() -> None:
    assert set(scopes(("0118", "oat", None, True), ("0118", "nut", None, True)).values()) == {None}

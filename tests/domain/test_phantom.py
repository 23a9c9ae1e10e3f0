"""Phantom stock: the two states of a shelf by hand, then what a check says of silent runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from include.stockwatch.domain import phantom
from include.stockwatch.domain.availability import CheckSettings, Status
from include.stockwatch.domain.demand import Pools
from include.stockwatch.domain.figures import Limits, learned
from include.stockwatch.domain.panel import Panel
from tests.domain.tables import checked, day, observation, one, series

USUAL = CheckSettings()


def numbers(*values: float) -> list[Any]:
    return [np.array([value], float) for value in values]


def probability(silent_days: int, silence: float, initial: float, hazard: float, recovery: float) -> float:
    found = phantom.weights(*numbers(initial, hazard, recovery, silence, silent_days))
    return float(found.empty[0] / (found.empty[0] + found.stocked[0]))


def walked(silent_days: int, silence: float, initial: float, hazard: float, recovery: float) -> float:
    """The same, day by day."""
    stocked, empty = 1 - initial, initial
    for _ in range(silent_days):
        stocked, empty = (
            ((1 - hazard) * stocked + recovery * empty) * silence,
            hazard * silence * stocked + (1 - recovery) * empty,
        )
    return empty / (stocked + empty)


CHANCE, RARE = st.floats(1e-3, 0.99), st.floats(1e-4, 0.05)


@settings(max_examples=30)
@given(st.integers(0, 56), CHANCE, st.floats(1e-4, 0.6), RARE, st.floats(0, 0.6))
def test_the_closed_form_is_the_walk_day_by_day(
    days: int, silence: float, initial: float, hazard: float, recovery: float
) -> None:
    found = probability(days, silence, initial, hazard, recovery)
    assert found == pytest.approx(walked(days, silence, initial, hazard, recovery), rel=1e-6, abs=1e-9)


def test_a_shelf_that_is_never_filled_again_follows_the_sum_over_the_days_of_its_end() -> None:
    initial, hazard, silence, days = 0.02, 0.01, 0.3, 4
    kept = (1 - hazard) * silence
    ended = initial + (1 - initial) * hazard * silence * sum(kept**on for on in range(days))
    expected = ended / (ended + (1 - initial) * kept**days)
    assert probability(days, silence, initial, hazard, 0.0) == pytest.approx(expected)


@settings(max_examples=30)
@given(st.integers(1, 56), CHANCE, st.floats(1e-4, 0.6), RARE)
def test_the_days_of_an_empty_shelf_are_those_after_each_end_by_its_weight(
    days: int, silence: float, initial: float, hazard: float
) -> None:
    ends = [initial] + [
        (1 - initial) * hazard * silence * ((1 - hazard) * silence) ** (on - 1) for on in range(1, days + 1)
    ]
    expected = sum(weight * (days - max(on - 1, 0)) for on, weight in enumerate(ends)) / sum(ends)
    (found,) = phantom.empty_days(*numbers(initial, hazard, silence, days))
    assert found == pytest.approx(expected, rel=1e-6)


@settings(max_examples=10)
@given(st.floats(0.05, 0.95), RARE)
def test_another_silent_day_never_speaks_for_a_full_shelf(silence: float, hazard: float) -> None:
    along = [probability(days, silence, hazard, hazard, 0.0) for days in (0, 1, 2, 5, 20)]
    assert along == sorted(along)


@pytest.mark.parametrize("dispersion", [1.0, 1.0004, 1.5, 3.0])
def test_the_chance_of_no_sale_is_that_of_negative_binomial_days_with_a_gamma_rate(dispersion: float) -> None:
    shape, expected = 6.0, 2.5
    (logarithm,) = phantom.no_sale(*(np.array([number]) for number in (expected, shape, dispersion)))
    rates = np.random.default_rng(1).gamma(shape, expected / shape, 400_000)
    almost = max(dispersion, 1 + 1e-6)  # Poisson is its limit
    none = float(np.mean(nbinom.pmf(0, rates / (almost - 1), 1 / almost)))
    assert np.exp(logarithm) == pytest.approx(none, rel=0.01)


# --- what a check says -----------------------------------------------------------------------------------------------

SELLS = {number: (20.0, 3.0) for number in range(1, 29)}


def silent(days: int, **more: Any) -> list[dict[str, Any]]:
    return series(SELLS | {number: (20.0, 0.0) for number in range(29, 29 + days)}, **more)


def test_a_brisk_item_that_stops_selling_with_stock_on_record_is_suspected() -> None:
    found = checked(silent(5), [28, 33], check=USUAL)
    before, after = found[28, "0118", "oat"], found[33, "0118", "oat"]
    assert (before["status"], before["silent_days"]) == (Status.IN_STOCK, 0)
    assert before["p_phantom"] < 0.02
    assert (after["status"], after["silent_days"]) == (Status.PHANTOM_SUSPECTED, 5)
    assert after["p_phantom"] > 0.95
    # the spell begins after the last sale; each of its days counts as far as the shelf was probably empty on it
    assert (after["spell_start_date"], after["spell_days"]) == (day(29), 5)
    assert 4 < after["spell_exposure_days"] <= 5
    assert after["lost_units"] == pytest.approx(3 * after["spell_exposure_days"], rel=0.01)
    assert after["demand_units_per_day"] == pytest.approx(3, rel=0.01)  # the run does not talk down what judges it


def test_an_item_that_sells_once_a_week_is_not_suspected_after_a_silent_week() -> None:
    weekly = {number: (20.0, 1.0 if number % 7 == 0 else 0.0) for number in range(1, 43)}
    found = one(series(weekly | {number: (20.0, 0.0) for number in range(43, 50)}), on=49, check=USUAL)
    assert (found["silent_days"], found["status"]) == (7, Status.IN_STOCK)
    assert found["p_phantom"] < 0.2


@pytest.mark.parametrize("reported", [True, False], ids=["reported", "seen in the balance"])
def test_a_receipt_begins_the_run_anew(reported: bool) -> None:
    rows = series({number: (20.0, 3.0) for number in range(1, 29)} | {number: (20.0, 0.0) for number in range(29, 32)})
    came = {"received_units": 30.0} if reported else {}
    rows += [observation(32, 50.0, 0.0, **came), observation(33, 50.0, 0.0)]
    found = one(rows, on=33, check=USUAL)
    assert (found["last_receipt_date"], found["silent_days"]) == (day(32), 1)
    assert found["p_phantom"] < 0.5


def test_what_the_record_says_is_out_is_not_phantom() -> None:
    found = one(silent(4) + series({33: (-2.0, 0.0)}), on=33, check=USUAL)
    assert (found["status"], found["is_negative_record"], found["p_phantom"]) == (Status.OUT_OF_STOCK, True, None)


def test_an_item_with_stock_that_never_sold_is_void() -> None:
    found = checked(series({number: (6.0, 0.0) for number in range(1, 41)}), [27, 28, 40], check=USUAL)
    assert {key[0]: row["status"] for key, row in found.items()} == {27: "in_stock", 28: "void", 40: "void"}


def test_partners_whose_shelves_are_often_silent_have_a_higher_hazard() -> None:
    often = [row for place in range(6) for row in silent(8, location_id=f"a{place}")]
    often += [
        row for place in range(6, 12) for row in series({n: (20.0, 3.0) for n in range(1, 37)}, location_id=f"a{place}")
    ]
    never = [
        row for place in range(12) for row in series({n: (20.0, 3.0) for n in range(1, 37)}, location_id=f"b{place}")
    ]
    never = [{**row, "feed_id": "westway_stores", "partner": "westway"} for row in never]
    found = checked(often + never, [36], check=USUAL)
    calm, troubled = found[36, "b0", "oat"]["p_phantom"], found[36, "a11", "oat"]["p_phantom"]
    assert 0 < calm < troubled < 0.02  # both sold today


def test_only_days_on_which_it_could_have_sold_make_an_item_void() -> None:
    empty_before = series({number: (0.0, 0.0) for number in range(1, 40)} | {40: (6.0, 0.0)})
    assert one(empty_before, 40, check=USUAL)["status"] == Status.IN_STOCK
    sales_not_told = series({number: (6.0, None) for number in range(1, 41)})
    assert one(sales_not_told, 40, check=USUAL)["status"] == Status.IN_STOCK


def test_a_shelf_that_never_sold_is_suspected_from_its_first_day_on() -> None:
    elsewhere = [
        row for place in range(10) for row in series({n: (50.0, 10.0) for n in range(1, 41)}, location_id=f"{place}")
    ]
    new = series({number: (50.0, 0.0) for number in range(37, 41)}, location_id="new")
    found = checked(elsewhere + new, [40], check=USUAL)[40, "new", "oat"]
    assert (found["status"], found["silent_days"]) == (Status.PHANTOM_SUSPECTED, 4)
    assert (found["spell_start_date"], found["spell_days"]) == (day(37), 4)


def test_what_hardly_sells_does_not_teach_that_shelves_are_empty() -> None:
    """Shelves that always have stock, and sell a unit in twenty days."""
    shape = (56, 600)
    sold = np.random.default_rng(1).poisson(0.05, shape).astype(float)
    full, unknown, nothing = np.full(shape, 5.0), np.full(shape, np.nan), np.zeros(shape)
    panel = Panel(full, sold, unknown, unknown, nothing, unknown, unknown, unknown)
    feed = np.zeros(600, np.int64)
    pool = Pools(feed, feed, np.arange(600) % 30, np.arange(600) // 30)
    found = learned(panel, pool, Limits(np.zeros(600), np.full(600, 0.5), np.zeros(600, bool)), CheckSettings())
    assert found.hazards.hazard.max() < 0.004


def lumpiness(sold: Any) -> Any:
    """That of one feed, by velocity, from shelves that always have stock."""
    unknown, feed = np.full(sold.shape, np.nan), np.zeros(sold.shape[1], np.int64)
    panel = Panel(np.full(sold.shape, 500.0), sold, unknown, unknown, unknown, unknown, unknown, unknown)
    pool = Pools(feed, feed, feed, np.arange(sold.shape[1]))
    found = learned(panel, pool, Limits(feed * 0.0, feed + 0.5, feed < 0), USUAL)
    return found.lumpiness[0]


def test_days_as_the_model_has_them_tell_as_much_as_it_says_of_silence() -> None:
    sold = np.random.default_rng(2).negative_binomial(3.0, 0.5, (56, 300)).astype(float)  # mean 3, dispersion 2
    assert lumpiness(sold).min() > 0.95


def test_what_stores_order_from_is_silent_between_orders_and_not_suspected() -> None:
    """Cases of 24, on three days in ten: four silent days are much for sales to shoppers, and not for orders."""
    rng = np.random.default_rng(3)
    orders = np.where(rng.random((70, 20)) < 0.3, 24.0, 0.0)
    assert lumpiness(orders[:56]).min() < 0.6
    orders[-5:, 0] = 24.0, 0.0, 0.0, 0.0, 0.0
    rows = [
        row
        for place in range(20)
        for row in series({n + 1: (500.0, orders[n, place]) for n in range(70)}, location_id=f"{place}")
    ]
    found = checked(rows, [70], check=USUAL)[70, "0", "oat"]
    assert (found["status"], found["silent_days"], found["p_phantom"] < 0.2) == (Status.IN_STOCK, 4, True)


# --- what is learned -------------------------------------------------------------------------------------------------


def lives(records_too_high: float, stores: int = 400, days: int = 56, seed: int = 5) -> Panel:
    """Shelves that sell two a day and are filled to twelve every sixth day, and records some of which are two units
    too high: what is left by them is not there. Newest day first."""
    rng = np.random.default_rng(seed)
    too_high = np.where(rng.random(stores) < records_too_high, 2.0, 0.0)
    stock, rows = np.full(stores, 12.0), []
    for on in range(days):
        received = np.where((on + np.arange(stores)) % 6 == 0, np.maximum(12 - stock - too_high, 0), 0)
        stock = stock + received
        sold = np.minimum(rng.poisson(2.0, stores), stock)
        stock = stock - sold
        rows.append((stock + too_high, sold, received))
    on_hand, sold, received = (np.array(values[::-1]) for values in zip(*rows, strict=True))
    unknown = np.full(on_hand.shape, np.nan)
    return Panel(on_hand, sold, unknown, unknown, received, unknown, unknown, unknown)


def learned_of(panel: Panel) -> Any:
    feed = np.zeros(panel.series, np.int64)
    pool = Pools(feed, feed, np.arange(panel.series) % 20, np.arange(panel.series) // 20)
    return learned(panel, pool, Limits(feed * 0.0, feed + 0.5, feed < 0), USUAL).hazards


def test_the_size_of_a_record_is_counted_in_roots_of_the_units_that_sell_a_day() -> None:
    records, rates = np.array([0.4, 4, 4, 4, 4, 200, 1]), np.array([1, 16, 1, 1 / 16, 1e-3, 1, np.nan])
    assert phantom.record_size(records, rates).tolist() == [0, 1, 3, 5, 5, 6, 3]


def test_records_that_are_too_high_are_doubted_where_they_say_that_little_is_left() -> None:
    right, wrong = learned_of(lives(0.0)), learned_of(lives(0.3))
    few, some, many = wrong.initial[0][[1, 2, 3]]  # two or three units, four to seven, eight and more
    assert few > 10 * right.initial[0][1]
    assert few > 20 * some > 0
    assert many < 0.01


def test_what_little_a_doubtful_feed_has_left_is_suspected_sooner() -> None:
    def last(left: float) -> Any:
        panel = lives(0.3)
        panel.units_sold[:3, 0] = 0.0
        panel.received_units[:4, 0] = 0.0
        panel.units_sold[3, 0] = 2.0
        panel.on_hand_units[:4, 0] = left
        names = ("on_hand_units", "units_sold", "received_units")
        rows = [
            observation(56 - age, *(float(getattr(panel, name)[age, place]) for name in names[:2]),
                        location_id=f"{place // 20:02}", item_id=f"{place % 20:02}",
                        received_units=float(panel.received_units[age, place]))
            for place in range(panel.series) for age in range(panel.days)
        ]  # fmt: skip
        return checked(rows, [56], check=USUAL)[56, "00", "00"]

    little, much = last(2.0), last(9.0)
    assert (little["silent_days"], much["silent_days"]) == (3, 3)
    assert little["p_phantom"] > 0.9 > 0.5 > much["p_phantom"]


def test_a_shelf_that_was_empty_for_a_while_teaches_no_lower_demand() -> None:
    """Three a day, but for ten silent days in the middle, with stock on record, that a receipt ended."""
    rng = np.random.default_rng(7)

    def demand(silent: range, item: str) -> float:
        rows = []
        for number in range(1, 57):
            sold = 0.0 if number in silent else float(rng.poisson(3.0))
            came = {"received_units": 30.0 if number == 40 else 0.0}
            rows.append(observation(number, 30.0, sold, item_id=item, **came))
        return float(checked(rows, [56], check=USUAL)[56, "0118", item]["demand_units_per_day"])

    assert demand(range(30, 40), "oat") == pytest.approx(3, rel=0.12)  # 2.3 if these days counted
    assert demand(range(0), "rye") == pytest.approx(3, rel=0.12)


def test_an_ordinary_silent_day_counts_in_full() -> None:
    days = {number: (20.0, float(number % 3 == 0)) for number in range(1, 57)}
    found = one(series(days), on=54, check=CheckSettings(forgetting=1))
    assert found["demand_units_per_day"] == pytest.approx(18 / 54, rel=0.02)

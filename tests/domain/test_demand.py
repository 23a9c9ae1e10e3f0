"""What is common to many series: weekdays, promotions, dispersion, and what an item's other locations teach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from include.stockwatch.domain.availability import CheckSettings
from include.stockwatch.domain.demand import Pools, item_prior, promotion_days, promotion_days_left, raised
from include.stockwatch.domain.figures import Limits, learned
from include.stockwatch.domain.panel import Panel
from tests.domain.tables import checked, day, observation, series

USUAL = CheckSettings()
EVEN = CheckSettings(forgetting=1.0)
WEEK = (0.5, 0.5, 0.5, 1.0, 1.0, 2.0, 1.5)  # day 1 is a Monday; the mean is 1
DAYS = 56


def shop(rate: float, place: str, *, factors: tuple[float, ...] = (1.0,) * 7, **more: Any) -> list[dict[str, Any]]:
    """A series that sells its rate to the unit, weekday by weekday."""
    return series({n: (50.0, rate * factors[(n - 1) % 7]) for n in range(1, DAYS + 1)}, location_id=place, **more)


# --- weekdays and promotions -----------------------------------------------------------------------------------------


def test_days_to_come_are_expected_with_their_weekday() -> None:
    rows = [row for place in range(10) for row in shop(4, f"{place:04d}", factors=WEEK)]
    found = checked(rows, [55, 56], check=USUAL)  # a Saturday, then a Sunday
    saturday, sunday = (found[on, "0003", "oat"] for on in (55, 56))
    assert saturday["expected_units_today"] == pytest.approx(8, rel=0.1)
    assert sunday["expected_units_today"] == pytest.approx(6, rel=0.1)
    # of a mean weekday, whatever the date
    assert saturday["demand_units_per_day"] == pytest.approx(4, rel=0.05)
    assert sunday["demand_units_per_day"] == pytest.approx(4, rel=0.05)


def test_a_feed_that_sold_little_has_every_day_alike() -> None:
    found = checked(shop(1, "0001", factors=WEEK), [55, 56], check=USUAL)
    assert {row["expected_units_today"] == row["demand_units_per_day"] for row in found.values()} == {True}


def test_a_spell_over_the_weekend_costs_more_than_one_over_its_first_days() -> None:
    shops = [row for place in range(10) for row in shop(4, f"{place:04d}", factors=WEEK)]
    weekend = [{**row, "on_hand_units": 0.0, "units_sold": 0.0} for row in shops[54:56]]
    rows = [row for row in shops if row not in shops[54:56]] + weekend
    found = checked(rows, [56], check=USUAL)[56, "0000", "oat"]
    assert found["spell_days"] == 2
    assert found["lost_units"] == pytest.approx(4 * (WEEK[5] + WEEK[6]), rel=0.1)


def promoted(place: str, days: set[int], price: float = 4.0) -> list[dict[str, Any]]:
    figures = {n: (6.0, price) if n in days else (2.0, 5.0) for n in range(1, DAYS + 1)}
    return [
        observation(n, 50.0, sold, price=asked, location_id=place, category="Snacks")
        for n, (sold, asked) in figures.items()
    ]


def test_a_promotion_raises_what_its_days_are_expected_to_sell_and_not_the_rate() -> None:
    days = {10, 11, 12, 13, 14, 15, 16, 55, 56}
    rows = [row for place in range(10) for row in promoted(f"{place:04d}", days)]
    found = checked(rows, [54, 56], check=USUAL)
    plain, raised = (found[on, "0004", "oat"] for on in (54, 56))
    assert plain["expected_units_today"] == pytest.approx(2, rel=0.05)
    assert raised["demand_units_per_day"] == pytest.approx(2, rel=0.05)
    assert raised["expected_units_today"] == pytest.approx(6, rel=0.1)


def test_a_price_a_little_lower_is_no_promotion() -> None:
    rows = [row for place in range(7) for row in promoted(f"{place:04d}", {10, 11, 12, 55, 56}, price=4.9)]
    found = checked(rows, [56], check=USUAL)[56, "0004", "oat"]
    # though it sold three times as much, at too few locations to tell; what is left is the profile of the weekdays
    assert found["expected_units_today"] == pytest.approx(found["demand_units_per_day"], rel=0.15)


def unpriced(days: set[int]) -> list[dict[str, Any]]:
    rows = [row for place in range(10) for row in promoted(f"{place:04d}", days)]
    return [row | {"price": None, "units_sold": 2 * row["units_sold"]} for row in rows]


def test_without_prices_a_promotion_raises_its_days_and_not_the_rate() -> None:
    found = checked(unpriced({10, 11, 12, 13, 14, 15, 16, 55, 56}), [54, 56], check=USUAL)
    plain, raised = (found[on, "0004", "oat"] for on in (54, 56))
    assert plain["demand_units_per_day"] == pytest.approx(4, rel=0.03)
    assert raised["demand_units_per_day"] == pytest.approx(4, rel=0.03)
    assert raised["expected_units_today"] == pytest.approx(12, rel=0.05)
    assert (plain["promoted_until"], raised["promoted_until"]) == (None, day(61)), "seven days, as the one before"
    assert raised["promoted_units_per_day"] == pytest.approx(12, rel=0.05)


def test_where_some_prices_are_told_the_others_are_no_promotions_for_what_they_sell() -> None:
    days = {10, 11, 12, 13, 14, 55, 56}
    rows = [row for place in range(10) for row in promoted(f"{place:04d}", days, price=5.0)]
    untold = [row | {"price": None} for row in rows if row["business_date"] == day(56) or row["location_id"] == "0009"]
    told = [row for row in rows if row["business_date"] != day(56) and row["location_id"] != "0009"]
    found = checked([*told, *untold], [56])
    assert found[56, "0004", "oat"]["promoted_until"] is None
    assert found[56, "0009", "oat"]["promoted_until"] == day(59), "five days, as the one before"


@pytest.mark.parametrize(
    ("high", "seems"),
    [
        ("0001110", "0001110"),
        ("0011011", "0011111"),  # a day that is not as high between others that are
        ("0001000", "0000000"),  # a single day is chance
        ("1000000", "1000000"),  # but of the checked date nobody knows yet
        ("0" * (DAYS - 1) + "1", "0" * (DAYS - 1) + "1"),  # and what was before the oldest nobody knows
        ("1" * 14, "1" * 14),
        ("1" * 15, "0" * 15),  # how the item sells now
        ("0" + "1" * 15, "0" + "1" * 15),  # how it sold, and does no more
    ],
)
def test_what_looks_promoted_lasts_more_than_a_day_and_not_for_good(high: str, seems: str) -> None:
    def of_days(marks: str) -> Any:
        return np.array([[float(mark)] for mark in marks.ljust(DAYS, "0")])

    assert raised(1 + of_days(high)).tolist() == of_days(seems).astype(bool).tolist()


def test_what_an_item_sells_at_all_its_locations_shows_a_promotion_that_no_price_tells() -> None:
    days = {10, 11, 12, 13, 14, 55, 56}
    rows = [row for place in range(10) for row in promoted(f"{place:04d}", days, price=5.0)]
    rows[-1] |= {"on_hand_units": 0.0, "units_sold": 0.0}  # the last location is out on the last day
    found = checked(rows, [54, 56], check=USUAL)
    assert found[54, "0004", "oat"]["expected_units_today"] == pytest.approx(2, rel=0.15)
    assert found[56, "0004", "oat"]["demand_units_per_day"] < 3
    assert found[56, "0009", "oat"]["lost_units_today"] == pytest.approx(6, rel=0.15)


def test_an_item_that_sells_nowhere_is_amiss_and_not_unwanted() -> None:
    places = [row for place in range(10) for row in shop(4, f"{place:04d}")]
    rows = [row | {"units_sold": 0.0} if row["business_date"] > places[51]["business_date"] else row for row in places]
    found = checked(rows, [56], check=USUAL)[56, "0004", "oat"]
    assert found["expected_units_today"] > 0.4 * found["demand_units_per_day"]
    assert found["p_phantom"] > 0.9


def test_a_shelf_that_is_probably_empty_does_not_make_its_item_unwanted_elsewhere() -> None:
    empty, full = (f"000{place}" for place in range(6)), (f"001{place}" for place in range(6))
    rows = [row for place in full for row in shop(8.0, place)]
    rows += [
        row
        for place in empty
        for row in shop(8.0, place)[:-2] + series({55: (9.0, 0.0), 56: (9.0, 0.0)}, location_id=place)
    ]
    assert checked(rows, [56], check=EVEN)[56, "0010", "oat"]["expected_units_today"] == pytest.approx(8, rel=0.02)


def on_promotion(days: int, *runs: tuple[int, int]) -> Any:
    """Whether one series is promoted on each day; a run from an age to an older one."""
    found = np.zeros((days, 1), bool)
    for newest, oldest in runs:
        found[newest : oldest + 1] = True
    return found


ONE = Pools(*(np.zeros(1, np.int64) for _ in range(4)))


@pytest.mark.parametrize(
    ("runs", "lasts"),
    [
        (((10, 13), (20, 25), (30, 33)), 4),
        (((0, 11), (20, 24), (50, 55)), 5),  # what goes on yet, or began before the look-back, says nothing
        (((0, 11),), 7),
        ((), 7),
    ],
)
def test_how_long_promotions_last_is_learned_from_whole_ones(runs: tuple[tuple[int, int], ...], lasts: float) -> None:
    is_promoted = on_promotion(56, *runs)
    assert promotion_days(is_promoted, np.ones((56, 1)), ONE, 1).tolist() == [lasts]


def test_a_day_without_a_price_does_not_end_a_promotion() -> None:
    is_promoted, price = on_promotion(56, (10, 12), (14, 15)), np.ones((56, 1))
    price[13] = np.nan
    assert promotion_days(is_promoted, price, ONE, 1).tolist() == [6]
    price[10:12], is_promoted[10:12] = np.nan, False
    left = promotion_days_left(is_promoted[10:], price[10:], np.array([8.0]))
    assert left.tolist() == [2], "nor one that is under way: it has lasted six days, two of them without a price"


@pytest.mark.parametrize(
    ("runs", "left"), [(((0, 2),), 4), (((0, 0),), 6), (((0, 8),), 0), (((1, 3),), 0), ((), 0), (((0, 55),), 0)]
)
def test_a_promotion_under_way_goes_on_until_it_lasted_as_long_as_is_usual(
    runs: tuple[tuple[int, int], ...], left: float
) -> None:
    usual = np.array([7.0])
    assert promotion_days_left(on_promotion(56, *runs), np.ones((56, 1)), usual).tolist() == [left]


# --- dispersion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dispersion", [1.0, 2.5])
def test_dispersion_is_measured(dispersion: float) -> None:
    random = np.random.default_rng(7)
    rows = []
    for place in range(40):
        if dispersion == 1:
            sold = random.poisson(3, DAYS)
        else:
            sold = random.negative_binomial(3 / (dispersion - 1), 1 / dispersion, DAYS)
        rows += series({n: (90.0, float(units)) for n, units in enumerate(sold, 1)}, location_id=f"{place:04d}")
    found = checked(rows, [56], check=USUAL)
    assert np.mean([row["dispersion"] for row in found.values()]) == pytest.approx(dispersion, rel=0.12)


# --- pooling ---------------------------------------------------------------------------------------------------------


def thin(places: int) -> dict[tuple[int, str, str], dict[str, Any]]:
    """An item that sells one unit every other day everywhere, and a newcomer with three days."""
    rows = []
    for place in range(places):
        rows += series({n: (9.0, float((n + place) % 2)) for n in range(1, 57)}, location_id=f"{place:04d}")
    return checked(rows + series({54: (9.0, 0.0), 55: (9.0, 4.0), 56: (9.0, 2.0)}, location_id="new"), [56], check=EVEN)


def test_a_thin_series_borrows_from_the_other_locations_of_its_item() -> None:
    rate = thin(12)[56, "new", "oat"]["demand_units_per_day"]
    assert 0.5 < rate < 1.2  # its own three days say 2


def test_where_nothing_ever_sold_the_other_locations_say_what_would() -> None:
    rows = [
        row for place in range(3) for row in series({n: (9.0, 6.0) for n in range(40, 57)}, location_id=f"{place:04d}")
    ]
    found = checked(rows + series({n: (1.0, 0.0) for n in range(50, 57)}, location_id="new"), [56], check=EVEN)
    assert found[56, "new", "oat"]["demand_units_per_day"] > 0.2


def test_a_series_with_much_of_its_own_borrows_little() -> None:
    assert thin(12)[56, "0003", "oat"]["demand_units_per_day"] == pytest.approx(0.5, abs=0.05)


def test_what_is_borrowed_is_taken_by_the_size_of_the_location() -> None:
    sizes, items = np.linspace(0.25, 4, 12), np.array([0.5, 1.0, 2.0, 4.0])
    size, rate = (grid.ravel() for grid in np.meshgrid(sizes, items, indexing="ij"))
    item, location = np.tile(np.arange(4), 12), np.repeat(np.arange(12), 4)
    days = np.full(48, 100.0)
    days[-1] = 1.0  # the last item is new at the largest location
    pool, one = Pools(np.zeros(48, np.int64), item, item, location), np.ones(48)
    prior = item_prior(size * rate * days, days, one, pool, 1.0)
    assert prior.a[-1] / prior.b[-1] == pytest.approx(4 * 4, rel=0.1)
    other = item_prior(size * rate * days * np.where(np.arange(48) == 47, 9, 1), days, one, pool, 1.0)
    assert other.a[-1] / other.b[-1] == pytest.approx(prior.a[-1] / prior.b[-1], rel=0.02), "its own sales say nothing"


def test_two_locations_borrow_nothing() -> None:
    assert thin(1)[56, "new", "oat"]["demand_units_per_day"] == pytest.approx(2, rel=0.01)


# --- many feeds at once ----------------------------------------------------------------------------------------------


def test_a_feed_learns_the_same_whatever_feeds_are_reckoned_beside_it() -> None:
    feeds, size = 9, 700  # more than a block: in parts
    number, random = np.arange(feeds * size), np.random.default_rng(7)
    on_hand = random.integers(0, 9, (28, len(number))).astype(float)
    sold = random.poisson(random.uniform(0.1, 3, len(number)), on_hand.shape).astype(float)
    received = np.where(number // size % 2, random.integers(0, 2, on_hand.shape), np.nan)
    nothing, price = np.broadcast_to(np.nan, on_hand.shape), random.choice([4.0, 5.0], on_hand.shape, p=[0.1, 0.9])
    panel = Panel(on_hand, sold, nothing, nothing, received, nothing, price, nothing)
    pool = Pools(number // size, number // (size // 2), number, number // 10)
    limits = Limits(*np.zeros((2, len(number))), np.zeros(len(number), bool))
    found = learned(panel, pool, limits, USUAL)
    assert len(pool.parts()) > 1
    for feed in range(feeds):
        mine = slice(feed * size, (feed + 1) * size)
        alone = learned(panel.of(mine), pool.part(mine), limits.of(mine), USUAL)
        np.testing.assert_array_equal(found.weekdays[2 * feed : 2 * feed + 2], alone.weekdays)
        np.testing.assert_array_equal(found.promotions[2 * feed : 2 * feed + 2], alone.promotions)
        np.testing.assert_array_equal(found.dispersion[feed], alone.dispersion[0])
        np.testing.assert_array_equal(found.hazards.hazard[feed], alone.hazards.hazard[0])
        assert (found.hazards.recovery[feed], found.reports_receipts[feed]) == (
            alone.hazards.recovery[0],
            alone.reports_receipts[0],
        )

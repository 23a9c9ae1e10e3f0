"""Shoppers: what they buy, what they do at an empty shelf, and how much of it lasts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.simulation.habits import BRAND, CANCEL, DELAY, RESPONSES, SAME_BRAND, STORE, Habits
from include.stockwatch.simulation.shoppers import Shoppers, Trade

PLENTY = 1e9


def only(response: int) -> tuple[float, ...]:
    return tuple(float(number == response) for number in range(len(RESPONSES)))


def live(shoppers: Shoppers, days: range, empty: dict[tuple[int, int], range] | None = None) -> list[Trade]:
    """Let days pass with full shelves, but for some that are empty on some days."""
    trades = []
    for day in days:
        shelf = np.full(shoppers.shape, PLENTY)
        for place, out in (empty or {}).items():
            if day in out:
                shelf[place] = 0
        trades.append(shoppers.buy(day, shelf))
    return trades


def total(trades: list[Trade], name: str) -> np.ndarray:
    return sum(getattr(trade, name) for trade in trades)


RATES = np.array([[4.0, 1.0], [0.3, 8.0], [2.0, 2.0]])


@pytest.mark.parametrize(
    "habits",
    [Habits(), Habits(regularity=4), Habits(rate_variation=0.7), Habits(units_per_purchase=2.5, cycle_days=9)],
    ids=["by chance", "regular", "uneven", "often and much"],
)
def test_demand_is_what_the_population_was_made_for(habits: Habits) -> None:
    shoppers = Shoppers(np.tile(RATES, (20, 1)), seed=4, habits=habits)
    wanted = total(live(shoppers, range(120)), "wanted").reshape(20, 3, 2).mean(axis=0) / 120
    assert wanted == pytest.approx(RATES, rel=0.1, abs=0.1)
    assert wanted.sum() == pytest.approx(RATES.sum(), rel=0.03)


def test_regular_buyers_come_at_more_even_intervals() -> None:
    def scatter(regularity: int) -> float:
        habits = Habits(loyal_share=1.0, cycle_days=10, units_per_purchase=1.0, regularity=regularity)
        shoppers = Shoppers(np.full((1, 1), 0.1), seed=1, habits=habits)  # one shopper
        bought = [trade.sold.sum() for trade in live(shoppers, range(1_500))]
        return float(np.diff(np.flatnonzero(bought)).std())

    assert scatter(4) < 0.65 * scatter(1)


def test_twice_the_demand_factor_is_twice_the_demand() -> None:
    plain, doubled = (Shoppers(np.full((30, 2), 3.0), seed=2) for _ in range(2))
    days = range(60)
    usual = sum(plain.buy(day, np.full((30, 2), PLENTY)).wanted.sum() for day in days)
    more = sum(doubled.buy(day, np.full((30, 2), PLENTY), np.full((30, 2), 2.0)).wanted.sum() for day in days)
    assert more / usual == pytest.approx(2.0, rel=0.03)


def test_the_same_seed_lives_the_same_days_and_another_does_not() -> None:
    first, again, other = (total(live(Shoppers(RATES, seed=seed), range(30)), "sold") for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_an_empty_shelf_does_not_change_what_anybody_else_sets_out_for() -> None:
    # Without persistence and with every substitute outside, an empty shelf is the business of its own shoppers alone.
    areas = np.arange(3)
    full, gap = (Shoppers(RATES[:, :1], seed=5, areas=areas) for _ in range(2))
    undisturbed = live(full, range(40))
    disturbed = live(gap, range(40), {(0, 0): range(10, 20)})
    for one, other in zip(undisturbed, disturbed, strict=True):
        assert (one.wanted[1:] == other.wanted[1:]).all()
        assert (one.sold[1:] == other.sold[1:]).all()


@settings(max_examples=25)
@given(st.integers(0, 1_000), st.lists(st.integers(0, 12), min_size=6, max_size=6), st.booleans())
def test_no_shelf_sells_more_than_it_holds_and_every_unit_is_accounted_for(
    seed: int, stock: list[int], retries: bool
) -> None:
    shoppers = Shoppers(RATES, seed=seed, habits=Habits(cycle_days=5, retry_disappoints=retries))
    for day in range(8):
        shelf = np.array(stock, float).reshape(RATES.shape)
        trade = shoppers.buy(day, shelf)
        assert (shelf >= 0).all()
        assert trade.sold + shelf == pytest.approx(np.array(stock).reshape(RATES.shape))
        assert (trade.unmet <= trade.wanted).all()
        assert (trade.recovered <= trade.sold + 1e-9).all()
        assert ((trade.unmet == 0) | (trade.responses.sum(axis=-1) > 0) | (trade.sold > 0)).all()


def test_every_scarce_shelf_is_sold_out_whatever_the_others_hold() -> None:
    shoppers = Shoppers(np.full((30, 2), 50.0), seed=8, habits=Habits(cycle_days=7))
    stock = np.arange(60.0).reshape(30, 2) % 20
    shelf = stock.copy()
    trade = shoppers.buy(0, shelf)
    assert (trade.wanted > stock).all()
    assert (shelf == 0).all()
    assert (trade.sold == stock).all()


def test_only_loyal_buyers_count_as_switched() -> None:
    shoppers = Shoppers(np.full((200, 1), 5.0), seed=3, habits=Habits(response=only(BRAND), first_persistence=0.0))
    trades = [shoppers.buy(day, np.zeros((200, 1))) for day in range(20)]
    people = total(trades, "responses")[..., BRAND].sum() / 1.2
    assert total(trades, "switched").sum() / people == pytest.approx(0.5, abs=0.02)


def test_responses_at_an_empty_shelf_follow_their_shares() -> None:
    habits = Habits(cycle_days=7)
    shoppers = Shoppers(np.full((400, 1), 5.0), seed=3, habits=habits, areas=np.arange(400))
    trades = [shoppers.buy(day, np.zeros((400, 1))) for day in range(10)]
    counted = total(trades, "responses").sum(axis=(0, 1))
    assert counted / counted.sum() == pytest.approx(habits.response, abs=0.01)
    assert counted.sum() == pytest.approx(total(trades, "unmet").sum())


def test_loyal_buyers_can_respond_otherwise() -> None:
    habits = Habits(response=only(CANCEL), loyal_response=only(BRAND), first_persistence=0.0)
    shoppers = Shoppers(np.full((200, 1), 5.0), seed=3, habits=habits)
    trades = [shoppers.buy(day, np.zeros((200, 1))) for day in range(20)]
    responses = total(trades, "responses").sum(axis=(0, 1))
    assert set(np.flatnonzero(responses)) == {BRAND, CANCEL}
    assert responses[BRAND] / responses.sum() == pytest.approx(0.5, abs=0.02)  # the loyal share of purchases
    assert total(trades, "switched").sum() * habits.units_per_purchase == pytest.approx(responses[BRAND], rel=0.03)


def test_who_goes_to_another_store_buys_there_and_nobody_goes_to_another_area() -> None:
    rates = np.full((4, 1), 6.0)
    areas = np.array([0, 1, 0, 1])
    habits = Habits(response=only(STORE))
    with_gap, without = (Shoppers(rates, seed=9, habits=habits, areas=areas) for _ in range(2))
    gap = live(with_gap, range(50), {(0, 0): range(50)})
    full = live(without, range(50))
    more = total(gap, "sold") - total(full, "sold")
    assert more[2] == -more[0] > 0
    assert more[1] == more[3] == 0


def test_who_takes_a_sibling_buys_it_in_the_same_store() -> None:
    habits = Habits(response=only(SAME_BRAND))
    with_gap, without = (Shoppers(np.full((2, 2), 6.0), seed=9, habits=habits) for _ in range(2))
    more = total(live(with_gap, range(50), {(0, 0): range(50)}), "sold") - total(live(without, range(50)), "sold")
    assert more[0, 1] == -more[0, 0] > 0
    assert (more[1] == 0).all()


def test_busy_stores_are_the_alternative_more_often() -> None:
    shoppers = Shoppers(np.array([[5.0], [1.0], [9.0]]), seed=1, habits=Habits(response=only(STORE)))
    sold = total(live(shoppers, range(300), {(0, 0): range(300)}), "sold").ravel()
    assert (sold[2] - 9 * 300) / (sold[1] - 1 * 300) == pytest.approx(9, rel=0.35)


@pytest.mark.parametrize("looks_for", [STORE, SAME_BRAND])
def test_with_every_alternative_empty_the_others_are_chosen_pro_rata(looks_for: int) -> None:
    shares = [0.0] * 5
    shares[looks_for], shares[BRAND], shares[DELAY], shares[CANCEL] = 0.5, 0.26, 0.15, 0.09
    shoppers = Shoppers(np.full((40, 2), 6.0), seed=7, habits=Habits(response=tuple(shares), delay_recovered=1e-9))
    trades = [shoppers.buy(day, np.zeros((40, 2))) for day in range(30)]
    counted = total(trades, "responses").sum(axis=(0, 1))
    assert counted[looks_for] == 0
    assert counted / counted.sum() == pytest.approx([0, 0.52, 0, 0.30, 0.18], abs=0.015)


def test_of_the_delayed_purchases_the_recovered_share_is_made_once_the_item_is_back() -> None:
    shoppers = Shoppers(np.full((60, 1), 6.0), seed=7, habits=Habits(response=only(DELAY), delay_recovered=0.8))
    out = dict.fromkeys([(store, 0) for store in range(60)], range(10))
    trades = live(shoppers, range(60), out)
    assert total(trades[:10], "recovered").sum() == 0
    assert total(trades, "recovered").sum() / total(trades, "unmet").sum() == pytest.approx(0.8, abs=0.02)


def test_who_retries_and_is_disappointed_again_may_switch_at_last() -> None:
    half = tuple(0.5 * (number in (BRAND, DELAY)) for number in range(5))
    patient, impatient = (
        Shoppers(
            np.full((60, 1), 6.0),
            seed=7,
            habits=Habits(response=half, delay_recovered=1.0, delay_days=2.0, retry_disappoints=retries),
        )
        for retries in (False, True)
    )
    switched = [
        sum(shoppers.buy(day, np.zeros((60, 1))).switched.sum() for day in range(20))
        for shoppers in (patient, impatient)
    ]
    assert switched[1] > 1.3 * switched[0]


SWITCHES = Habits(
    loyal_share=1.0, cycle_days=1.0, units_per_purchase=1.0, regularity=400, response=only(BRAND), max_persistence=0.3
)


def test_attachment_falls_by_more_with_every_switch_up_to_the_cap() -> None:
    # one shopper who comes once a day, and finds nothing on seven days: rho = .05 x 1.5 each, then .30
    habits = Habits(**{**SWITCHES.__dict__, "memory_half_life_days": 1e9})
    shoppers = Shoppers(np.ones((50, 1)), seed=1, habits=habits)
    kept = 1.0
    rho = [0.05, 0.075, 0.1125, 0.16875, 0.253125, 0.30, 0.30]
    for day, expected in enumerate(rho):
        before = shoppers.attachment(day)
        trade = shoppers.buy(day, np.zeros((50, 1)))
        if day == 0:
            met = shoppers.attachment(day) < 1
            assert met.sum() == trade.switched.sum() > 10
            kept = 1 - expected
            assert shoppers.attachment(day)[met] == pytest.approx(kept)
        fallen = shoppers.attachment(day) < before
        ratios = shoppers.attachment(day)[fallen] / before[fallen]
        assert {round(float(1 - ratio), 6) for ratio in ratios} <= {round(value, 6) for value in rho[: day + 1]}
        assert (1 - ratios).max() == pytest.approx(expected)


def test_a_forgotten_empty_shelf_does_not_escalate() -> None:
    shoppers = Shoppers(np.ones((50, 1)), seed=1, habits=Habits(**{**SWITCHES.__dict__, "memory_half_life_days": 1e-3}))
    for day in (0, 1, 2):
        before = shoppers.attachment(day)
        shoppers.buy(day, np.zeros((50, 1)))
        ratios = shoppers.attachment(day) / before
        assert ratios[ratios < 1] == pytest.approx(0.95)


def test_buyers_come_back_at_the_pace_of_recovery() -> None:
    shoppers = Shoppers(
        np.ones((50, 1)), seed=1, habits=Habits(**{**SWITCHES.__dict__, "recovery_half_life_days": 90.0})
    )
    shoppers.buy(0, np.zeros((50, 1)))
    lost = 1 - shoppers.attachment(0)
    assert lost.max() == pytest.approx(0.05)
    assert 1 - shoppers.attachment(90) == pytest.approx(lost / 2)
    assert 1 - shoppers.attachment(180) == pytest.approx(lost / 4)


def test_without_a_switch_nobody_is_lost() -> None:
    responses = (0.4, 0.0, 0.2, 0.2, 0.2)
    shoppers = Shoppers(np.full((10, 2), 5.0), seed=1, habits=Habits(response=responses, cycle_days=5))
    before = shoppers.loyal_buyers(0)
    live(shoppers, range(60), {(store, 0): range(60) for store in range(5)})
    assert (shoppers.loyal_buyers(60) == before).all()


def test_lost_buyers_want_less_of_the_brand() -> None:
    habits = Habits(loyal_share=1.0, cycle_days=5, response=only(BRAND), first_persistence=0.5, max_persistence=0.5)
    shoppers = Shoppers(np.full((20, 1), 5.0), seed=1, habits=habits)
    out = dict.fromkeys([(store, 0) for store in range(20)], range(20, 40))
    trades = live(shoppers, range(80), out)
    before, after = total(trades[:20], "wanted").sum() / 20, total(trades[40:], "wanted").sum() / 40
    left = shoppers.loyal_buyers(80).sum() / shoppers.is_loyal.sum()
    assert after / before == pytest.approx(left, rel=0.15)
    assert left < 0.3


def test_habits_can_differ_between_areas() -> None:
    habits = [Habits(response=only(BRAND)), Habits(response=only(CANCEL))]
    shoppers = Shoppers(np.full((2, 1), 20.0), seed=1, habits=habits, areas=np.array([0, 1]))
    responses = total([shoppers.buy(day, np.zeros((2, 1))) for day in range(10)], "responses")[:, 0]
    assert responses[0, CANCEL] == responses[1, BRAND] == 0
    assert responses[0, BRAND] > 0 < responses[1, CANCEL]


def test_a_store_without_demand_has_no_shoppers() -> None:
    shoppers = Shoppers(np.array([[0.0, 3.0], [0.0, 0.0]]), seed=1)
    trades = live(shoppers, range(30), {(0, 1): range(30)})
    assert total(trades, "wanted")[[0, 1, 1], [0, 0, 1]].sum() == 0
    assert total(trades, "unmet")[0, 1] > 0

"""The validation of the lost-customer model, on few replications; its figures are in docs/validation.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.stockwatch.simulation.habits import Habits
from include.stockwatch.validation import customers as validation
from include.stockwatch.validation.customers import CATEGORIES, WORLDS, customers_validation
from include.stockwatch.validation.customers_plot import plot_customers_validation
from include.stockwatch.validation.evidence import seen
from include.stockwatch.validation.gaps import DAYS, PLENTY, Feed, layout, live
from include.stockwatch.validation.ranking import captured_by_first_tenth, rank_correlation


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return customers_validation(seed=1, replications=16)


def row(result: dict[str, Any], world: str) -> dict[str, Any]:
    return next(one for one in result["worlds"] if one["world"] == world)


def test_every_world_has_a_row_and_the_result_is_plain_json(result: dict[str, Any]) -> None:
    assert [one["world"] for one in result["worlds"]] == [world.name for world in WORLDS]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again, other = (
        validation._world_row(WORLDS[1], validation._judged(WORLDS[1], seed, 2)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_matched_world_is_met_within_its_error(result: dict[str, Any]) -> None:
    matched = row(result, "W1")
    assert abs(matched["bias"]) <= 0.05 + 2 * matched["bias_error"]
    assert abs(matched["unmet_units_bias"]) <= 0.05
    assert abs(matched["lost_units_bias"]) <= 0.08


def test_nobody_is_lost_without_persistence_and_the_interval_all_but_says_so(result: dict[str, Any]) -> None:
    world = row(result, "W0")
    assert world["customers_lost"] == 0
    assert world["bias"] is None
    assert world["said_low"] <= 0.1 * world["customers_said"]


@pytest.mark.parametrize(("world", "sign"), [("W2", -1), ("W4", 1), ("W8", -1), ("W9", 1), ("W9 fast", 1), ("W12", 1)])
def test_a_stress_world_errs_on_the_documented_side(result: dict[str, Any], world: str, sign: int) -> None:
    assert sign * row(result, world)["bias"] > 0.1


@pytest.mark.parametrize("world", ["W2", "W3", "W4", "W8"])
def test_with_its_parameters_known_the_model_fits_the_world(result: dict[str, Any], world: str) -> None:
    one = row(result, world)
    assert abs(one["oracle_bias"]) < 0.05 + 2 * one["bias_error"]


def test_the_costly_gaps_come_first(result: dict[str, Any]) -> None:
    caught = result["ranking"]["captured_by_top_decile"]
    assert result["ranking"]["rank_correlation"] >= 0.9
    assert caught["days_out"] * 1.5 <= caught["lost_lifetime_value"] <= result["ranking"]["captured_at_best"]


def test_a_gate_says_what_it_held_against_what(result: dict[str, Any]) -> None:
    for gate in result["gates"]:
        inside = gate["value"] >= gate["at_least"] and (gate["at_most"] is None or gate["value"] <= gate["at_most"])
        assert gate["holds"] is inside
    assert len(result["gates"]) == 6


def test_what_the_model_is_given_does_not_know_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all shoppers' secrets changed and the feed kept, the model says the same."""
    feed: list[Feed] = []

    def kept(*arguments: Any) -> Any:
        lived = live(*arguments)
        feed.append(lived.feed)
        return lived._replace(feed=feed[0])

    monkeypatch.setattr(validation, "live", kept)
    one, other = (
        validation._judged(validation.WorldOfShoppers("x", "", changed), 1, 2).loss
        for changed in ({}, {"loyal_share": 0.9, "first_persistence": 0.2, "response": (0.1, 0.6, 0.1, 0.1, 0.1)})
    )
    assert (one.customers_lost == other.customers_lost).all()
    assert (feed[0].units_sold != feed[1].units_sold).any()


def test_the_gap_that_is_judged_is_the_only_difference_between_the_runs() -> None:
    plan = layout(1, CATEGORIES, 5)
    no_gap = plan.__class__(**{**plan.__dict__, "last_day": plan.first_day - 1})
    lived = live(no_gap, [Habits()] * 15, 1, 3)
    assert (lived.truth.customers == 0).all()
    assert (lived.truth.unmet_units == 0).all()
    assert (lived.lost_units == 0).all()


def test_a_feed_shows_a_gap_as_a_check_would_see_it() -> None:
    # plenty and 2 units a day; the day before the last three sells the rest; an earlier day out ten days before
    stock, sold = np.full((DAYS, 1, 1), PLENTY), np.full((DAYS, 1, 1), 2.0)
    last = DAYS - 5
    stock[last - 3 : last + 1], sold[last - 2 : last + 1] = 0, 0
    stock[last - 10], sold[last - 10] = 0, 0
    found = seen(Feed(sold, stock), np.array([0]), np.array([[last]]))
    assert found.days_out == 4
    assert found.exposure_days == 3.5
    assert found.earlier_exposure_days == pytest.approx(2 ** (-10 / 90))
    days_on_sale = [age for age in range(4, 56) if age != 10]
    weights = sum(0.97 ** (age - 3) for age in days_on_sale)
    assert found.demand_b == pytest.approx(0.5 + weights)  # the sell-out day counts half
    assert found.demand_a == pytest.approx(2 + 2 * weights)


def test_the_share_of_other_stores_and_of_other_items_out_is_seen() -> None:
    stock = np.full((DAYS, 3, 3), PLENTY)
    last = DAYS - 1
    stock[last - 1 :, 0, 0] = 0
    stock[last, 1, 0] = 0  # one of two other stores, on the date alone: a check looks at no other day
    stock[last - 1, 2, 0] = 0
    stock[last - 1 :, 0, 2] = 0  # one of two other items
    found = seen(Feed(np.zeros(stock.shape), stock), np.zeros(3, int), np.full((3, 3), last))
    assert found.store_scope[0, 0] == pytest.approx(0.5)
    assert found.item_scope[0, 0] == pytest.approx(0.5)


def test_gaps_of_an_area_begin_and_end_together_where_the_centre_is_out() -> None:
    plan = layout(1, CATEGORIES, 40, is_connected=True, is_dc_wide=True)
    by_area = plan.first_day.reshape(3, 8, 5)
    assert (by_area == by_area[:, :1]).all()
    assert (plan.last_day >= plan.first_day).all()


def test_half_of_the_gaps_are_moved_into_a_promotion() -> None:
    plan, plain = (layout(1, CATEGORIES, 400, has_promotions=promoted) for promoted in (True, False))
    in_week = np.take_along_axis(plan.factor, plan.first_day[None], axis=0) > 1
    assert in_week.mean() == pytest.approx(0.5 + 0.5 * 0.25, abs=0.05)
    assert (plain.factor == 1).all()
    assert (plan.factor > 1).mean() == pytest.approx(0.25, abs=0.01)


def test_ties_share_their_places_at_the_top_of_a_list() -> None:
    # the first tenth of twenty is two: one place for the 9, the other shared by two with 5 that are worth 1 and 3
    figures = np.array([[9.0, 5, 5, *[0] * 17]])
    worth = np.array([4.0, 1, 3, 2, *[0] * 16])
    assert captured_by_first_tenth(figures, worth) == pytest.approx((4 + 2) / 10)


def test_rank_correlation_is_that_of_spearman() -> None:
    # ranks 1, 2.5, 2.5, 4 against 2, 1, 3, 4: sum of products of deviations 3, of squares 4.5 and 5
    found = rank_correlation(np.array([[1.0, 2, 2, 9]]), np.array([20.0, 10, 30, 40]))
    assert found == pytest.approx(3 / (4.5 * 5) ** 0.5)


def test_the_picture_is_drawn_and_drawn_alike(result: dict[str, Any], tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        plot_customers_validation(result, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_bytes()
    assert drawn == (tmp_path / "two.svg").read_bytes()
    assert len(drawn) > 10_000

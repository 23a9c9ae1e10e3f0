"""The risk to run out before the next receipt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from include.stockwatch.domain.run_out import exceeding, run_out, short_units, shortfall
from include.stockwatch.domain.supply import SupplySettings

SETTINGS = SupplySettings()


@given(
    mean=st.floats(0.01, 60),
    shape=st.floats(0.2, 200),
    dispersion=st.floats(1, 6),
    stock=st.integers(0, 80),
)
@settings(max_examples=200)
def test_the_tail_is_that_of_a_negative_binomial(mean: float, shape: float, dispersion: float, stock: int) -> None:
    given = [np.array([value], float) for value in (mean, shape, dispersion, stock)]
    k = mean / (dispersion - 1 + mean / shape)
    demand = nbinom(k, k / (k + mean))
    units = np.arange(stock + 1)
    expected = mean - stock + ((stock - units) * demand.pmf(units)).sum()
    assert exceeding(*given)[0] == pytest.approx(demand.sf(stock), abs=1e-9)
    assert shortfall(*given)[0] == pytest.approx(expected, abs=1e-6)


def risk(**changes: Any) -> dict[str, float]:
    """The run-out risk of one series: 2 units a day, 4 on hand, the next receipt after 3 days."""
    plain = {"demand_a": 40, "demand_b": 20, "dispersion": 1, "on_hand_units": 4, "exposed_units": 4, "exposed_days": 3}
    plain |= {"doubtful_days": 0, "late_share": 0, "weekday": 0, "promotion": 1, "promotion_days": 0, "is_to_come": 0}
    profile = changes.pop("profile", None)
    changes = {"exposed_units": changes["on_hand_units"]} | changes if "on_hand_units" in changes else changes
    inputs = {name: np.array([value], float) for name, value in (plain | changes).items()}
    by_weekday = None if profile is None else np.array([profile], float)
    found = run_out(inputs, 7, SETTINGS, by_weekday)
    found |= {"short_units": short_units(inputs, 7, SETTINGS, by_weekday)}
    return {name: float(values[0]) for name, values in found.items()}


def test_demand_until_the_receipt_is_held_against_the_stock() -> None:
    found = risk()
    assert found["p_runs_out"] == pytest.approx(nbinom(40, 20 / 23).sf(4))
    assert found["runs_out_in_days"] == 3


def test_nothing_runs_out_before_a_receipt_of_tomorrow() -> None:
    assert risk(exposed_days=0)["p_runs_out"] == 0


def test_parts_of_days_count() -> None:
    assert risk(exposed_days=2)["p_runs_out"] < risk(exposed_days=2.5)["p_runs_out"] < risk()["p_runs_out"]


def test_doubt_about_the_days_is_doubt_about_demand() -> None:
    sure, unsure = risk(on_hand_units=12), risk(on_hand_units=12, doubtful_days=3)
    assert sure["p_runs_out"] < unsure["p_runs_out"]


def test_what_usually_goes_wrong_comes_on_top() -> None:
    plain, usual = risk()["p_runs_out"], risk(late_share=0.1)["p_runs_out"]
    assert usual == pytest.approx(0.1 + 0.9 * plain)


def test_what_usually_goes_wrong_does_not_show_where_stock_lasts() -> None:
    assert (
        risk(on_hand_units=60, late_share=0.1)["p_runs_out"]
        < 0.05
        < 0.09
        < risk(on_hand_units=40, late_share=0.1)["p_runs_out"]
    )


def test_where_the_level_of_an_order_is_at_risk_the_date_is_that_of_the_stock() -> None:
    found = risk(on_hand_units=20, exposed_units=1)
    assert found["p_runs_out"] > 0.9
    assert found["runs_out_in_days"] == 11


def test_without_a_known_receipt_the_horizon_is_looked_at() -> None:
    assert risk(exposed_days=np.nan) == risk(exposed_days=7)


def test_the_weekdays_until_the_receipt_count() -> None:
    quiet_start = [4.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert (
        risk(profile=quiet_start)["p_runs_out"]
        < risk()["p_runs_out"]
        < risk(profile=quiet_start, weekday=6)["p_runs_out"]
    )


def test_a_promotion_counts_for_as_long_as_it_goes_on() -> None:
    assert risk(promotion=2, promotion_days=9) == risk(demand_b=10)
    ends_tomorrow = risk(promotion=2, promotion_days=1)["p_runs_out"]
    assert risk()["p_runs_out"] < ends_tomorrow < risk(promotion=2, promotion_days=2)["p_runs_out"]
    assert risk(promotion=2, promotion_days=1, on_hand_units=6)["runs_out_in_days"] == 3
    assert risk(promotion=2, promotion_days=3, on_hand_units=6)["runs_out_in_days"] == 2


def test_an_order_to_come_is_made_for_the_promotions_that_are_planned() -> None:
    assert risk(promotion=2, promotion_days=9, is_to_come=1)["p_runs_out"] == risk()["p_runs_out"]


def test_more_doubt_about_a_small_risk_makes_it_larger() -> None:
    assert risk(on_hand_units=10)["p_runs_out"] < risk(on_hand_units=10, dispersion=3)["p_runs_out"]


@pytest.mark.parametrize("missing", ["demand_b", "on_hand_units"])
def test_a_risk_that_cannot_be_estimated_is_not_a_number(missing: str) -> None:
    found = risk(**{missing: 0 if missing == "demand_b" else np.nan})
    assert all(np.isnan(value) for value in found.values())


@given(stock=st.integers(0, 30), days=st.integers(1, 20), rate=st.floats(0.05, 8))
def test_more_stock_never_raises_the_risk(stock: int, days: int, rate: float) -> None:
    facts = {"demand_a": rate * 20, "exposed_days": days}
    less, more = risk(on_hand_units=stock, **facts), risk(on_hand_units=stock + 1, **facts)
    assert more["p_runs_out"] <= less["p_runs_out"]
    assert more["short_units"] <= less["short_units"] + 1e-9

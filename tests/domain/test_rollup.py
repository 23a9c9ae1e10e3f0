"""A distribution centre's outage as the sum over its stores, against values worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.customers import Assumptions, spell_loss
from include.stockwatch.domain.rollup import raised_store_scope, served_stores_loss, unseen_stores_loss

VECTOR_A = Assumptions(units_per_purchase=1.25, purchase_cycle_days=28)
"""The assumptions of test vectors A and C: N is 0.1089356853 with x_S = 0, and 0.1762689703 with x_S = 1."""
MEMORY = 3 * 2 ** (-20 / 90)


def stores(p_out: list[float], **changed: Any) -> dict[str, Any]:
    count = len(p_out)
    spell = {
        "outage": np.zeros(count, int),
        "p_out": np.array(p_out),
        "exposure_days": np.full(count, 4.8),
        "store_scope": np.zeros(count),
        "demand_a": np.full(count, 120.0),
        "demand_b": np.full(count, 30.0),
        "earlier_exposure_days": np.full(count, MEMORY),
        "price": np.full(count, 3.0),
        "assumed": VECTOR_A,
    }
    return spell | changed


def test_the_scope_of_a_store_is_the_share_of_the_others_that_will_be_out() -> None:
    # market 0: three stores with 1, .5, 0; market 1: a store on its own
    scope = raised_store_scope(np.array([1.0, 0.5, 0.0, 0.7]), np.array([0, 0, 0, 1]))
    assert scope == pytest.approx([0.25, 0.5, 0.75, 0.0])


def test_an_outage_costs_what_each_store_loses_times_its_chance_to_run_out() -> None:
    found = served_stores_loss(**stores([1.0, 0.5, 0.0]))
    assert found.customers_lost == pytest.approx([1.5 * 0.1089356853])
    assert found.lost_units == pytest.approx([1.5 * 7.296])
    assert found.lost_lifetime_value == pytest.approx([1.5 * 3.318965])
    assert found.stores_out == pytest.approx([1.5])


def test_stores_that_are_all_out_lose_as_in_vector_c() -> None:
    scope = raised_store_scope(np.ones(2), np.zeros(2, int))
    found = served_stores_loss(**stores([1.0, 1.0], store_scope=scope))
    assert found.customers_lost == pytest.approx([2 * 0.1762689703])


def test_every_outage_has_its_own_sum() -> None:
    found = served_stores_loss(**stores([1.0, 0.5, 0.25], outage=np.array([1, 0, 1])))
    assert found.customers_lost == pytest.approx([0.5 * 0.1089356853, 1.25 * 0.1089356853])


def test_a_store_without_a_demand_estimate_adds_nothing() -> None:
    found = served_stores_loss(**stores([1.0, 1.0], demand_b=np.array([30.0, 0.0])))
    assert found.customers_lost == pytest.approx([0.1089356853])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_an_outage_never_costs_less_for_hitting_the_alternatives_too(p_out: list[float]) -> None:
    scope = raised_store_scope(np.array(p_out), np.zeros(len(p_out), int))
    assert ((scope >= 0) & (scope <= 1 + 1e-12)).all()
    raised, alone = served_stores_loss(**stores(p_out, store_scope=scope)), served_stores_loss(**stores(p_out))
    assert raised.customers_lost[0] >= alone.customers_lost[0] - 1e-12


POOL = {"demand_a": 120.0, "demand_b": 30.0, "price": 3.0, "assumed": VECTOR_A}


def test_unseen_stores_are_one_pool_that_notices_after_its_own_stock() -> None:
    found = unseen_stores_loss(**POOL, outage_days=10.0, store_cover_days=5.2, coverage=1.0)
    expected = spell_loss(**POOL, exposure_days=4.8, earlier_exposure_days=0.0, store_scope=1.0)
    assert found.customers_lost == pytest.approx(expected.customers_lost)
    assert found.lost_units == pytest.approx([11.81952])  # vector C


def test_an_outage_shorter_than_the_stores_own_stock_costs_nothing() -> None:
    found = unseen_stores_loss(**POOL, outage_days=4.0, store_cover_days=5.2, coverage=0.6)
    assert found.customers_lost == pytest.approx([0.0])
    assert found.lost_units == pytest.approx([0.0])

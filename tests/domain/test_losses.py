"""Loss columns of the series that are out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from include.stockwatch.domain.customers import Assumptions, Response, spell_loss
from include.stockwatch.domain.losses import INPUTS, OUTPUTS, CategoryAssumptions, CustomerModel, losses

SNACKS = Response(store=0.21, brand=0.25, same_brand=0.20, delay=0.09, cancel=0.25)
MODEL = CustomerModel(categories={"Snacks": CategoryAssumptions(response=SNACKS, purchase_cycle_days=18)})


def columns(*rows: tuple[float, ...]) -> dict[str, np.ndarray]:
    return {name: np.array([row[place] for row in rows], float) for place, name in enumerate(INPUTS)}


#      a,   b, days out, earlier, price, x_S
LONG = (120, 30, 4.0, 0.0, 3.0, 0.0)  # 4 a day, 16 units so far
SHORT = (10, 5, 1.5, 0.0, 2.0, 0.5)  # 2 a day, 3 units so far


def test_lost_is_the_spell_so_far_and_at_risk_is_what_the_horizon_adds() -> None:
    found = losses(columns(LONG), [None], CustomerModel(), horizon_days=7)
    # 4 a day: 16 units at 3.00 are lost, 7 more days put 28 units at risk
    assert found["lost_money"][0] == pytest.approx(48)
    assert found["at_risk_units"][0] == pytest.approx(28)
    assert found["at_risk_money"][0] == pytest.approx(84)
    # of 4 x 30 / 1.2 = 100 buyers, those who come by in 4 + 7 days meet the gap
    assert found["shoppers_exposed"][0] == pytest.approx(100 * (1 - math.exp(-11 / 30)))
    now, later = (
        spell_loss(
            demand_a=120,
            demand_b=30,
            exposure_days=days,
            earlier_exposure_days=0,
            price=3,
            assumed=Assumptions(),
        ).customers_lost[0]
        for days in (4, 11)
    )
    assert found["customers_lost"][0] == pytest.approx(now)
    assert found["customers_at_risk"][0] == pytest.approx(later - now)


def test_each_series_is_judged_by_its_own_category_and_keeps_its_place() -> None:
    mixed = losses(columns(LONG, SHORT, LONG), ["Snacks", None, "Tea"], MODEL, 7)
    alone = [
        losses(columns(LONG), ["Snacks"], MODEL, 7),
        losses(columns(SHORT), [None], MODEL, 7),
        losses(columns(LONG), [None], MODEL, 7),  # a category without assumptions of its own takes the defaults
    ]
    for name in OUTPUTS:
        assert mixed[name] == pytest.approx([found[name][0] for found in alone]), name
    assert mixed["customers_lost"][0] != pytest.approx(mixed["customers_lost"][2])


def test_a_category_takes_what_it_leaves_out_from_the_defaults() -> None:
    assumed = MODEL.for_category("Snacks")
    assert (assumed.response, assumed.purchase_cycle_days) == (SNACKS, 18)
    assert (assumed.units_per_purchase, assumed.loyal_share) == (1.2, 0.5)
    assert MODEL.for_category(None) == MODEL.for_category("Tea") == Assumptions()


def test_without_a_price_money_is_not_estimated_but_people_are() -> None:
    found = losses(columns((120, 30, 4.0, 0.0, math.nan, 0.0)), [None], CustomerModel(), 7)
    unknown = {name for name in OUTPUTS if math.isnan(found[name][0])}
    assert unknown == {"lost_money", "at_risk_money", "lost_lifetime_value"}


def test_without_demand_nothing_is_estimated() -> None:
    found = losses(columns((0, 0, 4.0, 0.0, 3.0, 0.0)), [None], CustomerModel(), 7)
    assert all(math.isnan(found[name][0]) for name in OUTPUTS)


def test_nothing_out_gives_empty_columns() -> None:
    found = losses(columns(), [], CustomerModel(), 7)
    assert {name: values.size for name, values in found.items()} == dict.fromkeys(OUTPUTS, 0)

"""Loss columns of the series that are out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from include.stockwatch.domain.customers import Assumptions, Interval, Response, spell_loss
from include.stockwatch.domain.intervals import with_intervals
from include.stockwatch.domain.losses import (
    INPUTS,
    OUTPUTS,
    CategoryAssumptions,
    CustomerModel,
    losses,
)

SNACKS = Response(store=0.21, brand=0.25, same_brand=0.20, delay=0.09, cancel=0.25)
OWN = Interval(low=0.5, median=0.9, high=1.5)
MODEL = CustomerModel(categories={"Snacks": CategoryAssumptions(response=SNACKS, purchase_cycle_days=18)})


def columns(*rows: tuple[float, ...]) -> dict[str, np.ndarray]:
    return {name: np.array([row[place] for row in rows], float) for place, name in enumerate(INPUTS)}


def loss(
    row: tuple[float, ...], category: str | None = None, model: CustomerModel | None = None
) -> dict[str, np.ndarray]:
    """The losses of one series."""
    return losses(columns(row), np.zeros(1, int), [category], (model or CustomerModel()).for_category)


NAN = math.nan
#      a,   b, days out, earlier, price, x_S, x_I, margin, cycle, days ahead
LONG = (120, 30, 4.0, 0.0, 3.0, 0.0, 0.0, NAN, NAN, 7.0)  # 4 a day, 16 units so far
SHORT = (10, 5, 1.5, 0.0, 2.0, 0.5, 0.0, NAN, NAN, 7.0)  # 2 a day, 3 units so far


def test_lost_is_the_spell_so_far_and_at_risk_is_what_the_horizon_adds() -> None:
    found = loss(LONG)
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
    labels = [None, "Tea", "Snacks"]  # a category without assumptions of its own takes the defaults
    mixed = losses(columns(LONG, SHORT, LONG), np.array([2, 0, 1]), labels, MODEL.for_category)
    alone = [loss(LONG, "Snacks", MODEL), loss(SHORT, None, MODEL), loss(LONG, None, MODEL)]
    for name in OUTPUTS:
        assert mixed[name] == pytest.approx([found[name][0] for found in alone]), name
    assert mixed["customers_lost"][0] != pytest.approx(mixed["customers_lost"][2])


def test_a_category_takes_what_it_leaves_out_from_the_defaults() -> None:
    assumed = MODEL.for_category("Snacks")
    assert (assumed.response, assumed.purchase_cycle_days) == (SNACKS, 18)
    assert (assumed.units_per_purchase, assumed.loyal_share) == (1.2, 0.5)
    assert MODEL.for_category(None) == MODEL.for_category("Tea") == Assumptions()


def test_without_a_price_money_is_not_estimated_but_people_are() -> None:
    found = loss((120, 30, 4.0, 0.0, NAN, 0.0, 0.0, NAN, NAN, 7.0))
    unknown = {name for name in OUTPUTS if math.isnan(found[name][0])}
    assert unknown == {"lost_money", "at_risk_money", "lost_lifetime_value"}


def test_without_demand_nothing_is_estimated() -> None:
    found = loss((0, 0, 4.0, 0.0, 3.0, 0.0, 0.0, NAN, NAN, 7.0))
    assert all(math.isnan(found[name][0]) for name in OUTPUTS)


def test_what_the_item_master_knows_of_margin_and_cycle_goes_before_the_assumptions() -> None:
    known = (*LONG[:-3], 0.25, 14.0, 7.0)
    found = loss(known, "Snacks", MODEL)
    assumed = MODEL.for_category("Snacks").model_copy(update={"margin_share": 0.25, "purchase_cycle_days": 14.0})
    expected = loss(LONG, None, CustomerModel(defaults=assumed))
    assert {name: found[name][0] for name in OUTPUTS} == {name: pytest.approx(expected[name][0]) for name in OUTPUTS}


def test_a_brand_whose_other_items_are_out_too_loses_more_customers() -> None:
    alone, all_out = (loss((*LONG[:6], share, NAN, NAN, 7.0)) for share in (0, 1))
    assert all_out["customers_lost"][0] > 1.2 * alone["customers_lost"][0]


def test_a_series_that_may_run_out_puts_at_risk_what_it_will_be_short_of() -> None:
    short_of_6_units = (120, 30, 0.0, 0.0, 3.0, 0.0, 0.0, NAN, NAN, 1.5)
    found = loss(short_of_6_units)
    assert (found["lost_money"][0], found["customers_lost"][0]) == (0, 0)
    assert found["at_risk_units"][0] == pytest.approx(6)
    assert found["customers_at_risk"][0] > 0


def test_the_interval_is_that_of_the_assumptions_unless_it_is_set() -> None:
    surer = Assumptions(first_persistence=0.2)
    changed, left, own = (
        CustomerModel(defaults=one).for_category(None)
        for one in (surer, Assumptions(name="ours"), Assumptions(first_persistence=0.2, customers_interval=OWN))
    )
    assert changed.customers_interval == with_intervals(surer).customers_interval
    assert left.customers_interval == Assumptions().customers_interval
    assert own.customers_interval == OWN


def test_an_interval_goes_up() -> None:
    with pytest.raises(ValueError, match="must go up"):
        Interval(low=2.35, median=0.64, high=0.09)


def test_nothing_out_gives_empty_columns() -> None:
    found = losses(columns(), np.zeros(0, int), [], MODEL.for_category)
    assert {name: values.size for name, values in found.items()} == dict.fromkeys(OUTPUTS, 0)

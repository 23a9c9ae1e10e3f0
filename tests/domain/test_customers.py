"""The lost-customer model against its printed test vectors (docs/lost-customer-risk.md, section 8)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.domain.customers import (
    Assumptions,
    Loss,
    Response,
    loss_probability,
    persistence,
    scoped_response,
    small_risk_probability,
    spell_loss,
)
from tests.strategies import assumptions

Days = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Vector:
    """One column of the table of test vectors: what goes in, and what the document prints."""

    a: float
    b: float
    q: float
    cycle: float
    days: Days  # (p, u, w) of each day
    earlier: tuple[tuple[float, float], ...]  # (E_s, age in days)
    store_scope: float = 0.0
    printed: dict[str, str] = field(default_factory=dict)

    def assumed(self) -> Assumptions:
        """Price 3.00, m 1.20 = 40 %, and the defaults."""
        return Assumptions(units_per_purchase=self.q, purchase_cycle_days=self.cycle)

    def exposure(self) -> float:
        """Equation 1."""
        return sum(p * u * w for p, u, w in self.days)

    def memory(self) -> float:
        """Equation 6 before it is divided by T."""
        return sum(days * 2 ** (-age / 90) for days, age in self.earlier)

    def loss(self) -> Loss:
        """What the code makes of it."""
        return spell_loss(
            demand_a=self.a,
            demand_b=self.b,
            exposure_days=self.exposure(),
            earlier_exposure_days=self.memory(),
            price=3.00,
            store_scope=self.store_scope,
            assumed=self.assumed(),
        )


SPELL_A: Days = ((1, 0.5, 1), (1, 1, 1), (1, 1, 1.4), (1, 1, 1), (0.9, 1, 1))
INPUTS_A = {"E": "4.8", "lam": "4", "nu": "0.171429", "mu": "0.0918476"}
UNITS_A = {"U": "19.2", "sd": "4.719322", "occasions": "15.36", "shoppers": "14.115544", "loyal exposed": "7.057772"}
VECTORS = {
    "A": Vector(
        a=120,
        b=30,
        q=1.25,
        cycle=28,
        days=SPELL_A,
        earlier=((3, 20),),
        printed={
            **INPUTS_A,
            **UNITS_A,
            "f": "0.38",
            "L": "7.296",
            "revenue": "21.888",
            "margin": "8.7552",
            "h": "0.0024316001",
            "h small": "0.0024362203",
            "N": "0.1089356853",
            "P(>= 1)": "0.1032119",
            "V": "30.467193",
            "N V": "3.318965",
            "total": "12.074165",
        },
    ),
    "B": Vector(
        a=45,
        b=30,
        q=1.0,
        cycle=14,
        days=((1, 1, 1),) * 42,
        earlier=((10, 30), (7, 75)),
        printed={
            "E": "42",
            "lam": "1.5",
            "nu": "3",
            "mu": "0.8475445",
            "U": "63",
            "sd": "12.296341",
            "f": "0.38",
            "L": "23.94",
            "revenue": "71.82",
            "margin": "28.728",
            "occasions": "63",
            "shoppers": "19.954472",
            "loyal exposed": "9.977236",
            "h": "0.1034811859",
            "h small": "0.1382946161",
            "N": "1.0865524523",
            "P(>= 1)": "0.6626224",  # 1 - exp(-N) with the printed N; the document's .6623864 is a misprint
            "V": "48.747508",
            "N V": "52.966725",
            "total": "81.694725",
        },
    ),
    "C": Vector(
        a=120,
        b=30,
        q=1.25,
        cycle=28,
        days=SPELL_A,
        earlier=((3, 20),),
        store_scope=1.0,
        printed={
            **INPUTS_A,
            **UNITS_A,
            "f": "0.6156",
            "L": "11.81952",
            "revenue": "35.45856",
            "margin": "14.183424",
            "h": "0.0039345752",
            "h small": "0.0039466769",
            "N": "0.1762689703",
            "P(>= 1)": "0.1616075",
            "V": "30.467193",
            "N V": "5.370421",
            "total": "19.553845",
        },
    ),
}
FIELDS = {
    "U": "unmet_units",
    "sd": "unmet_units_sd",
    "f": "lost_share",
    "L": "lost_units",
    "revenue": "lost_revenue",
    "margin": "lost_margin",
    "occasions": "occasions",
    "shoppers": "shoppers_exposed",
    "loyal exposed": "loyal_exposed",
    "h": "loss_probability",
    "h small": "loss_probability_small_risk",
    "N": "customers_lost",
    "P(>= 1)": "at_least_one",
    "V": "value_per_customer",
    "N V": "lost_lifetime_value",
    "total": "total_cost",
}


def printed_like(value: float, text: str) -> str:
    """A value with as many decimals as the document prints."""
    return f"{value:.{len(text.partition('.')[2])}f}"


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("figure", FIELDS)
def test_every_printed_figure_is_met_to_its_last_digit(name: str, figure: str) -> None:
    vector = VECTORS[name]
    found = float(getattr(vector.loss(), FIELDS[figure])[0])
    assert printed_like(found, vector.printed[figure]) == vector.printed[figure]


@pytest.mark.parametrize("name", VECTORS)
def test_the_inputs_of_the_vectors_are_the_printed_ones(name: str) -> None:
    vector = VECTORS[name]
    found = {
        "E": vector.exposure(),
        "lam": vector.a / vector.b,
        "nu": vector.exposure() / vector.cycle,
        "mu": vector.memory() / vector.cycle,
    }
    expected = {key: vector.printed[key] for key in found}
    assert {key: printed_like(value, expected[key]) for key, value in found.items()} == expected


def test_no_printed_figure_is_left_unchecked() -> None:
    checked = {"E", "lam", "nu", "mu", *FIELDS}
    assert all(vector.printed.keys() == checked for vector in VECTORS.values())


def test_the_default_assumptions_are_the_documented_ones() -> None:
    assumed = Assumptions()
    assert assumed.response == Response(store=0.31, brand=0.26, same_brand=0.19, delay=0.15, cancel=0.09)
    assert (assumed.delay_recovered, assumed.first_persistence, assumed.escalation) == (0.80, 0.05, 1.5)
    assert (assumed.max_persistence, assumed.memory_half_life_days, assumed.loyal_share) == (0.30, 90, 0.50)
    assert (assumed.purchase_cycle_days, assumed.units_per_purchase, assumed.margin_share) == (30, 1.2, 0.40)
    assert (assumed.retention, assumed.discount_rate, assumed.brand_breadth) == (0.67, 0.10, 1.0)
    assert (assumed.customers_interval.low, assumed.customers_interval.high) == (0.09, 2.35)
    assert (assumed.value_interval.low, assumed.value_interval.high) == (0.09, 2.89)


def test_with_every_sibling_out_store_and_delay_make_52_percent() -> None:
    brand, delay, cancel = scoped_response(Response(), 0.0, 1.0)
    assert float(0.31 + delay) == pytest.approx(0.517, abs=1e-12)  # the document rounds to 52 %
    assert float(0.31 + brand + delay + cancel) == pytest.approx(1.0)


def test_with_every_store_out_the_freed_shoppers_are_shared_out_pro_rata() -> None:
    # .31 is freed over .26 + .15 + .09 = .50: each grows by the factor 1.62
    brand, delay, cancel = scoped_response(Response(), 1.0, 0.0)
    assert [float(brand), float(delay), float(cancel)] == pytest.approx([0.26 * 1.62, 0.15 * 1.62, 0.09 * 1.62])


def test_persistence_grows_by_half_each_time_up_to_its_cap() -> None:
    # 0.05, x 1.5 each: 0.075, 0.1125, 0.16875, 0.253125, then 0.3797 is capped at 0.30
    expected = [0.05, 0.075, 0.1125, 0.16875, 0.253125, 0.30, 0.30]
    assert persistence(7, Assumptions()) == pytest.approx(expected)


def test_response_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must add up to 1, these add up to 1\.05"):
        Response(store=0.36)


def poisson(mean: float, count: int) -> float:
    return math.exp(-mean + count * math.log(mean) - math.lgamma(count + 1)) if mean else float(count == 0)


def lost_by_brute_force(mu: float, nu: float, switch: float, assumed: Assumptions) -> float:
    """Equation 8, written down as it stands: every J and K up to 60."""

    def kept_after(first: int, last: int) -> float:
        kept = 1.0
        for k in range(first, last + 1):
            rho = min(assumed.max_persistence, assumed.first_persistence * assumed.escalation ** (k - 1))
            kept *= 1 - switch * rho
        return kept

    return sum(
        poisson(mu, j) * poisson(nu, k) * (1 - kept_after(j + 1, j + k)) for j in range(61) for k in range(1, 61)
    )


EXPOSURE = st.floats(0, 8)


@settings(max_examples=25)
@given(EXPOSURE, EXPOSURE, st.floats(0, 1), assumptions())
def test_the_loss_probability_is_the_plain_double_sum(
    mu: float, nu: float, switch: float, assumed: Assumptions
) -> None:
    found = float(loss_probability(mu, nu, switch, assumed)[0])
    assert found == pytest.approx(lost_by_brute_force(mu, nu, switch, assumed), rel=1e-9, abs=1e-12)


@given(EXPOSURE, EXPOSURE, st.floats(0, 1), assumptions())
def test_the_loss_probability_lies_between_nothing_and_meeting_the_gap(
    mu: float, nu: float, switch: float, assumed: Assumptions
) -> None:
    found = float(loss_probability(mu, nu, switch, assumed)[0])
    assert 0 <= found <= 1
    assert found <= -math.expm1(-nu) + 1e-12


SPELLS = st.fixed_dictionaries(
    {
        "demand_a": st.floats(0.1, 500),
        "demand_b": st.floats(0.5, 60),
        "exposure_days": st.floats(0, 60),
        "earlier_exposure_days": st.floats(0, 60),
        "price": st.floats(0, 50),
        "store_scope": st.floats(0, 1),
        "item_scope": st.floats(0, 1),
    }
)


@given(SPELLS, assumptions())
def test_no_more_customers_are_lost_than_loyal_ones_met_the_gap(spell: dict[str, float], assumed: Assumptions) -> None:
    loss = spell_loss(**spell, assumed=assumed)
    assert float(loss.customers_lost[0]) <= float(loss.loyal_exposed[0]) * (1 + 1e-9) + 1e-9
    assert 0 <= float(loss.at_least_one[0]) <= 1


@given(SPELLS, assumptions(), st.floats(0, 30))
def test_a_longer_spell_never_loses_fewer_customers(
    spell: dict[str, float], assumed: Assumptions, more_days: float
) -> None:
    shorter = spell_loss(**spell, assumed=assumed)
    longer = spell_loss(**(spell | {"exposure_days": spell["exposure_days"] + more_days}), assumed=assumed)
    for figure in ("unmet_units", "shoppers_exposed", "customers_lost", "lost_lifetime_value"):
        before, after = float(getattr(shorter, figure)[0]), float(getattr(longer, figure)[0])
        assert after >= before - 1e-9 * max(1.0, abs(before)), figure


@given(SPELLS, assumptions())
def test_more_alternatives_out_never_lose_fewer_sales(spell: dict[str, float], assumed: Assumptions) -> None:
    alone = spell_loss(**(spell | {"store_scope": 0.0, "item_scope": 0.0}), assumed=assumed)
    loss = spell_loss(**spell, assumed=assumed)
    assert float(loss.lost_share[0]) >= float(alone.lost_share[0]) - 1e-12
    assert float(loss.lost_share[0]) <= 1 + 1e-12


@given(EXPOSURE, EXPOSURE, st.floats(0, 1), st.floats(0, 0.3))
def test_without_escalation_the_loss_is_that_of_one_rate(mu: float, nu: float, switch: float, first: float) -> None:
    # With G = 1 every exposure costs the same share B' rho_1, and K is Poisson: h = 1 - exp(-nu B' rho_1).
    assumed = Assumptions(escalation=1, first_persistence=first)
    exact = float(loss_probability(mu, nu, switch, assumed)[0])
    assert exact == pytest.approx(-math.expm1(-nu * switch * first), rel=1e-9, abs=1e-12)
    assert float(small_risk_probability(mu, nu, switch, assumed)) == pytest.approx(switch * first * nu, abs=1e-15)


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0, 1))
def test_the_small_risk_form_has_no_jump_at_no_escalation(mu: float, nu: float, switch: float) -> None:
    at_one = small_risk_probability(mu, nu, switch, Assumptions(escalation=1))
    near_one = small_risk_probability(mu, nu, switch, Assumptions(escalation=1 + 1e-9))
    assert float(near_one) == pytest.approx(float(at_one), rel=1e-6, abs=1e-12)


@settings(max_examples=30)
@given(st.lists(SPELLS, min_size=1, max_size=6), assumptions())
def test_many_spells_at_once_give_what_each_gives_alone(spells: list[dict[str, float]], assumed: Assumptions) -> None:
    columns: dict[str, Any] = {name: np.array([spell[name] for spell in spells]) for name in spells[0]}
    together = spell_loss(**columns, assumed=assumed)
    for place, spell in enumerate(spells):
        alone = spell_loss(**spell, assumed=assumed)
        for figure in Loss._fields:
            found, expected = getattr(together, figure), getattr(alone, figure)
            assert float(found[place]) == pytest.approx(float(expected[0]), rel=1e-9, abs=1e-9), figure


SPELL = {
    "demand_a": 120.0,
    "demand_b": 30.0,
    "exposure_days": 4.8,
    "earlier_exposure_days": 2.0,
    "price": 3.0,
    "store_scope": 0.2,
}
MONEY = {"lost_revenue", "lost_margin", "value_per_customer", "lost_lifetime_value", "total_cost"}
UNTOUCHED = {
    "demand_a": {"lost_share", "loss_probability", "loss_probability_small_risk", "value_per_customer"},
    "demand_b": {"lost_share", "loss_probability", "loss_probability_small_risk", "value_per_customer"},
    "exposure_days": {"lost_share", "value_per_customer"},
    "price": set(Loss._fields) - MONEY,
}
"""What can still be said without an input."""


@pytest.mark.parametrize("missing", UNTOUCHED)
def test_a_figure_without_its_inputs_is_not_estimated(missing: str) -> None:
    loss = spell_loss(**(SPELL | {missing: math.nan}), assumed=Assumptions())
    known = {figure for figure in Loss._fields if not math.isnan(float(getattr(loss, figure)[0]))}
    assert known == UNTOUCHED[missing]


@pytest.mark.parametrize("missing", [*SPELL])
def test_a_missing_input_of_one_spell_leaves_the_others_alone(missing: str) -> None:
    columns: dict[str, Any] = {name: np.array([value, value]) for name, value in SPELL.items()}
    columns[missing][0] = math.nan
    together, alone = spell_loss(**columns, assumed=Assumptions()), spell_loss(**SPELL, assumed=Assumptions())
    assert [float(column[1]) for column in together] == pytest.approx([float(column[0]) for column in alone])


def test_a_series_without_a_day_on_sale_has_no_estimate_and_no_infinite_one() -> None:
    loss = spell_loss(**(SPELL | {"demand_a": 0.0, "demand_b": 0.0}), assumed=Assumptions())
    assert math.isnan(float(loss.unmet_units[0]))
    assert math.isnan(float(loss.customers_lost[0]))


def test_no_spells_give_no_losses() -> None:
    empty: dict[str, Any] = {name: np.array([]) for name in SPELL}
    assert [column.size for column in spell_loss(**empty, assumed=Assumptions())] == [0] * len(Loss._fields)

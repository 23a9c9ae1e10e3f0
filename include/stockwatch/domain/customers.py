"""Lost-customer risk: how many loyal buyers a stock-out is expected to cost, and what they are worth.

Formulas, defaults and their evidence: docs/lost-customer-risk.md (equation numbers below refer to it).
Everything works on numpy arrays, one element per series, and on plain numbers alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator
from scipy.special import pdtrc

from include.stockwatch.domain.panel import Array, Codes, Mask, or_zero, summed
from include.stockwatch.domain.value import Value

TAIL = 1e-15


class Response(Value):
    """What shoppers do at the empty shelf. Shares that add up to 1."""

    store: float = Field(default=0.31, ge=0, le=1, description="buy it in another store")
    brand: float = Field(default=0.26, ge=0, le=1, description="buy another brand")
    same_brand: float = Field(default=0.19, ge=0, le=1, description="buy another item of the same brand")
    delay: float = Field(default=0.15, ge=0, le=1, description="buy it later")
    cancel: float = Field(default=0.09, ge=0, le=1, description="do not buy")

    @model_validator(mode="after")
    def _adds_up(self) -> Response:
        total = self.store + self.brand + self.same_brand + self.delay + self.cancel
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the five shares must add up to 1, these add up to {total:.4g}")
        return self


class Interval(Value):
    """Multipliers of a point estimate that give its 10, 50 and 90 % points; valid for the default priors."""

    low: float = Field(gt=0)
    median: float = Field(gt=0)
    high: float = Field(gt=0)

    @model_validator(mode="after")
    def _is_in_order(self) -> Interval:
        if not self.low <= self.median <= self.high:
            raise ValueError(f"low, median and high must go up, these are {self.low}, {self.median}, {self.high}")
        return self


class Priors(Value):
    """How firmly each assumption is held: the number of people asked who would leave us as sure as we are.

    The mean of each prior is the assumption itself. A share that was measured on n people has n more.
    """

    loyal_share_weight: float = Field(default=10, gt=0, description="pseudo-counts behind ell")
    response_weight: float = Field(default=50, gt=0, description="pseudo-counts behind the response split")
    persistence_weight: float = Field(default=20, gt=0, description="pseudo-counts behind rho_1: 0.05 is Beta(1, 19)")
    retention_weight: float = Field(default=20, gt=0, description="pseudo-counts behind r: 0.67 is Beta(13.4, 6.6)")
    cycle_variation: float = Field(default=0.3, ge=0, description="coefficient of variation of T, lognormal")


class Assumptions(Value):
    """The inputs of the model that are assumed until they are measured. Named and dated: every message says so."""

    name: str = "published averages"
    dated: str = "2026-11-22"
    response: Response = Response()
    delay_recovered: float = Field(default=0.80, ge=0, le=1, description="c_D, share of delayed purchases made later")
    first_persistence: float = Field(default=0.05, ge=0, le=1, description="rho_1, purchases lost after one switch")
    escalation: float = Field(default=1.5, ge=1, description="G, growth of persistence with each exposure")
    max_persistence: float = Field(default=0.30, ge=0, le=1, description="rho_max")
    memory_half_life_days: float = Field(default=90, gt=0, description="H")
    loyal_share: float = Field(default=0.50, ge=0, le=1, description="ell, share of purchases by loyal buyers")
    purchase_cycle_days: float = Field(default=30, gt=0, description="T, days between a loyal buyer's purchases")
    units_per_purchase: float = Field(default=1.2, gt=0, description="q")
    margin_share: float = Field(default=0.40, ge=0, le=1, description="unit contribution as a share of price")
    retention: float = Field(default=0.67, ge=0, lt=1, description="r, share of loyal buyers kept for a year")
    discount_rate: float = Field(default=0.10, ge=0, description="i, per year")
    brand_breadth: float = Field(default=1.0, gt=0, description="v, above 1 if losing the item loses siblings too")
    value_per_customer: float | None = Field(default=None, gt=0, description="V as measured; none: from the above")
    priors: Priors = Field(default=Priors(), description="how firmly these are held: makes the intervals")
    customers_interval: Interval = Interval(low=0.09, median=0.64, high=2.35)
    value_interval: Interval = Interval(low=0.09, median=0.67, high=2.89)


class Loss(NamedTuple):
    """What one spell costs. Units: sellable units, money in the price's currency, people."""

    unmet_units: Array  # U
    unmet_units_sd: Array
    lost_share: Array  # f
    lost_units: Array  # L
    lost_revenue: Array
    lost_margin: Array
    occasions: Array  # U / q
    shoppers_exposed: Array
    loyal_exposed: Array
    loss_probability: Array  # h
    loss_probability_small_risk: Array
    customers_lost: Array  # N
    at_least_one: Array
    value_per_customer: Array  # V
    lost_lifetime_value: Array  # N V
    total_cost: Array  # L m + N V


def scoped_response(response: Response, store_scope: Any, item_scope: Any) -> tuple[Array, Array, Array]:
    """Shares (brand, delay, cancel) once other stores or sibling items are out too (equation 2).

    `store_scope` and `item_scope` are x_S and x_I, shares 0..1 of the alternatives that are out as well.
    """
    freed = np.asarray(store_scope, float) * response.store + np.asarray(item_scope, float) * response.same_brand
    staying = response.brand + response.delay + response.cancel
    growth = 1 + (freed / staying if staying else np.zeros_like(freed))
    return response.brand * growth, response.delay * growth, response.cancel * growth


def covered(units_per_day: Array, is_asked: Mask, is_out: Mask, is_known: Mask, of: Codes) -> Array:
    """x_S of DCs whose stores are taken as one pool of shoppers (equation 12).

    The other stores that these could go to are served by the DCs of the partner as its demand is: the share of it that
    DCs serve which are out, the one that is asked about too, is the share of stores that lack the item.
    Shapes: one element per DC and item; `of` numbers partner and item
    Nulls:  NaN for a DC that is not asked about, and where no demand is known
    """
    groups, units = int(of.max(initial=-1)) + 1, or_zero(units_per_day)
    out, known = (summed(of, units * counts, groups)[of] for counts in (is_out, is_known))
    lacking = out + np.where(is_out, 0.0, units)
    share = np.divide(lacking, known, out=np.full(len(of), np.nan), where=known > 0)
    return np.where(is_asked, share, np.nan)


def persistence(exposures: int, assumed: Assumptions) -> Array:
    """rho_k for k = 1..exposures: share of future purchases lost given a switch at the k-th exposure (equation 7)."""
    steps = np.arange(exposures)
    rho: Array = np.minimum(assumed.max_persistence, assumed.first_persistence * assumed.escalation**steps)
    return rho


def _poisson(mean: Array, highest: int) -> Array:
    """P(0..highest) of a Poisson with each mean; shape (highest + 1, len(mean))."""
    shares = np.empty((highest + 1, mean.size))
    shares[0] = np.exp(-mean)
    for count in range(1, highest + 1):
        shares[count] = shares[count - 1] * mean / count
    return shares


def _highest_count(mean: float) -> int:
    """The count past which a Poisson tail is below `TAIL`."""
    counts = np.arange(np.ceil(mean + 9 * np.sqrt(mean) + 20) + 1)
    return int(np.argmax(pdtrc(counts, mean) < TAIL))


def loss_probability(earlier: Any, exposure: Any, brand_switch: Any, assumed: Assumptions) -> Array:
    """Probability that one loyal buyer is lost over a spell (equation 8, exact).

    `earlier` is mu and `exposure` is nu, mean exposures per buyer before and during the spell;
    `brand_switch` is B'. h = 1 - E[Sv(J + K) / Sv(J)] with J ~ Poisson(mu), K ~ Poisson(nu).
    """
    mu, nu, switch = (np.atleast_1d(np.asarray(x, float)) for x in np.broadcast_arrays(earlier, exposure, brand_switch))
    if mu.size == 0:
        return np.zeros(0)
    before, during = _highest_count(float(mu.max())), _highest_count(float(nu.max()))
    rho = persistence(before + during, assumed)
    p_during, lost = _poisson(nu, during), np.zeros(mu.size)
    for j, weight in enumerate(_poisson(mu, before)):
        some = np.flatnonzero((weight >= TAIL) & (nu > 0))
        survival, gone = np.ones(len(some)), np.zeros(len(some))
        for k in range(1, during + 1):
            survival *= 1 - switch[some] * rho[j + k - 1]
            gone += p_during[k, some] * (1 - survival)
        lost[some] += weight[some] * gone
    return np.minimum(lost, 1.0)


def small_risk_probability(earlier: Any, exposure: Any, brand_switch: Any, assumed: Assumptions) -> Array:
    """The explainable form of `loss_probability`, ignoring the cap on persistence (equation 8, second line)."""
    growth = assumed.escalation - 1
    mu, nu = np.asarray(earlier, float), np.asarray(exposure, float)
    grown = np.expm1(nu * growth) / growth if growth else nu
    chance: Array = np.asarray(brand_switch, float) * assumed.first_persistence * np.exp(mu * growth) * grown
    return chance


def spell_loss(
    *,
    demand_a: Any,
    demand_b: Any,
    exposure_days: Any,
    earlier_exposure_days: Any,
    price: Any,
    assumed: Assumptions,
    store_scope: Any = 0.0,
    item_scope: Any = 0.0,
    margin: Any | None = None,
    cycle_days: Any | None = None,
) -> Loss:
    """Cost of an out-of-stock spell in units, money and customers (equations 1 to 10).

    Shapes: numbers or equally long arrays, one element per series and spell.
    Units:  `demand_a`, `demand_b` are the Gamma posterior of units a day; `exposure_days` is E, the weighted days out;
            `earlier_exposure_days` is E_s summed over earlier spells, each halved every memory half-life;
            `price` and `margin` (default: price times the assumed margin share) are money per unit;
            `cycle_days` (default: as assumed) is T, days between two purchases of a loyal buyer.
    Nulls:  NaN in, NaN out: a figure without its inputs is not estimated.
    Source: docs/lost-customer-risk.md, test vectors A, B and C.
    """
    a, b, days, memory, unit_price, x_store, x_item = (
        np.atleast_1d(np.asarray(x, float))
        for x in np.broadcast_arrays(
            demand_a, demand_b, exposure_days, earlier_exposure_days, price, store_scope, item_scope
        )
    )
    unit_margin = unit_price * assumed.margin_share if margin is None else np.atleast_1d(np.asarray(margin, float))
    cycle = np.asarray(assumed.purchase_cycle_days if cycle_days is None else cycle_days, float)
    per_purchase = assumed.units_per_purchase
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(b > 0, a / b, np.nan)
        unmet = rate * days
        unmet_sd = np.sqrt(unmet * (1 + days / b))
    nu, mu = days / cycle, memory / cycle
    brand, delay, cancel = scoped_response(assumed.response, x_store, x_item)
    lost_share = brand + cancel + (1 - assumed.delay_recovered) * delay
    lost = unmet * lost_share
    buyers = rate * cycle / per_purchase
    met_gap = -np.expm1(-nu)
    estimable = np.isfinite(nu) & np.isfinite(mu)
    chance = np.full(nu.shape, np.nan)
    chance[estimable] = loss_probability(mu[estimable], nu[estimable], brand[estimable], assumed)
    customers = assumed.loyal_share * buyers * chance
    value = (
        unit_margin
        * per_purchase
        * (365 / cycle)
        * assumed.brand_breadth
        * assumed.retention
        / (1 + assumed.discount_rate - assumed.retention)
    )
    if assumed.value_per_customer is not None:
        value = np.full_like(value, assumed.value_per_customer)
    return Loss(
        unmet_units=unmet,
        unmet_units_sd=unmet_sd,
        lost_share=lost_share,
        lost_units=lost,
        lost_revenue=lost * unit_price,
        lost_margin=lost * unit_margin,
        occasions=unmet / per_purchase,
        shoppers_exposed=buyers * met_gap,
        loyal_exposed=assumed.loyal_share * buyers * met_gap,
        loss_probability=chance,
        loss_probability_small_risk=small_risk_probability(mu, nu, brand, assumed),
        customers_lost=customers,
        at_least_one=-np.expm1(-customers),
        value_per_customer=value,
        lost_lifetime_value=customers * value,
        total_cost=lost * unit_margin + customers * value,
    )

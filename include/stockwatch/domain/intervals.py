"""How wide the figures of the lost-customer model are: the spread of its priors, as multipliers of the point estimate.

The constants in `customers.Assumptions` hold for the default priors. Whoever changes an assumption, or has measured
one, gets the multipliers that belong to it from here. No random numbers: the same priors give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from include.stockwatch.domain.customers import Assumptions, Interval
from include.stockwatch.domain.panel import Array

EVENLY = (np.arange(4_096) + 0.5) / 4_096
"""Probabilities at which every prior is looked at."""
STEP = 0.005
"""Resolution of a multiplier on the log scale: half a percent."""
SMALLEST = 1e-9
"""A multiplier is never printed as zero: nothing is known to be exactly nothing."""


@lru_cache(maxsize=512)
def with_intervals(assumed: Assumptions) -> Assumptions:
    """The same assumptions with the multipliers that belong to them and their priors."""
    customers, value = (
        Interval(low=low, median=median, high=high)
        for low, median, high in multiplier_quantiles(assumed, (0.1, 0.5, 0.9))
    )
    return assumed.model_copy(update={"customers_interval": customers, "value_interval": value})


def multiplier_quantiles(assumed: Assumptions, probabilities: Sequence[float]) -> tuple[Array, Array]:
    """Quantiles of what N, and N V, can be as multiples of their point estimate.

    First order in the risk, where N is proportional to ell B rho_1 and V to r / (1 + i - r) / T; T cancels in N.
    A value per customer that is given has no spread: N V is then as uncertain as N.
    Source: docs/lost-customer-risk.md#interval; with the default priors x0.09 / x0.65 / x2.35 and x0.09 / x0.67 / x2.89
    """
    priors = assumed.priors
    customers = (
        _relative_share(assumed.loyal_share, priors.loyal_share_weight),
        _relative_share(assumed.response.brand, priors.response_weight),
        _relative_share(assumed.first_persistence, priors.persistence_weight),
    )
    of_customers = _product_quantiles(customers, probabilities)
    if assumed.value_per_customer is not None:
        return of_customers, of_customers
    retained = assumed.retention * _relative_share(assumed.retention, priors.retention_weight)
    per_buyer = (
        _margin_multiple(retained, assumed) / max(float(_margin_multiple(assumed.retention, assumed)), SMALLEST),
        1 / _relative_cycle(priors.cycle_variation),
    )
    return of_customers, _product_quantiles((*customers, *per_buyer), probabilities)


def _product_quantiles(factors: Sequence[Array], probabilities: Sequence[float]) -> Array:
    """Quantiles of the product of independent factors, each given as equally likely values.

    On the log scale a product is a sum, and the distribution of a sum is the convolution of its parts.
    """
    mass, lowest = np.ones(1), 0
    for factor in factors:
        place = np.rint(np.log(np.maximum(factor, SMALLEST)) / STEP).astype(int)
        mass = np.convolve(mass, np.bincount(place - place.min()) / place.size)
        lowest += int(place.min())
    reached = np.searchsorted(np.cumsum(mass), probabilities)
    quantiles: Array = np.maximum(np.exp((reached + lowest) * STEP), SMALLEST)
    return quantiles


def _relative_share(mean: float, weight: float) -> Array:
    """A share that is Beta around its mean, as multiples of the mean; nothing is uncertain about all or nothing."""
    if not 0 < mean < 1:
        return np.ones(1)
    return _beta_quantiles(mean * weight, (1 - mean) * weight) / mean


def _beta_quantiles(a: float, b: float) -> Array:
    """Quantiles of Beta(a, b), from its density on a grid that is even in the log-odds: fine at both ends."""
    centre, width = np.log(a / b), 12 * np.sqrt(1 / a + 1 / b)
    log_odds = np.linspace(centre - width - 30 / a, centre + width + 30 / b, 8_001)
    log_density = -a * np.logaddexp(0, -log_odds) - b * np.logaddexp(0, log_odds)
    at: Array = _quantiles(log_odds, np.exp(log_density - log_density.max()))
    return np.exp(-np.logaddexp(0, -at))


def _relative_cycle(variation: float) -> Array:
    """A lognormal cycle, as multiples of its mean."""
    sigma = float(np.sqrt(np.log1p(variation**2)))
    grid = np.linspace(-9, 9, 8_001)
    cycle: Array = np.exp(sigma * _quantiles(grid, np.exp(-(grid**2) / 2)) - sigma**2 / 2)
    return cycle


def _quantiles(grid: Array, density: Array) -> Array:
    """Equally likely values of a variable with this density on an even grid."""
    below = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2)))
    quantiles: Array = np.interp(EVENLY, below / below[-1], grid)
    return quantiles


def _margin_multiple(retention: Array | float, assumed: Assumptions) -> Array:
    """r / (1 + i - r), equation 10."""
    multiple: Array = np.asarray(retention, float) / (1 + assumed.discount_rate - np.asarray(retention, float))
    return multiple

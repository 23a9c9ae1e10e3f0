"""What shoppers want and buy on a day, as counts; `shoppers.py` has people in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Purchases:
    """One day. Shapes: (store, item); units."""

    sold: Array
    wanted: Array  # before anybody takes something else instead
    switched: Array  # of what was sold, units for others than those who first wanted them here today


class Demand(Protocol):
    """Anything that buys."""

    def buy(self, day: int, shelf_units: Array, expected_factor: Array) -> Purchases:
        """What is wanted and sold on a day, with so much to be had and demand at so much of its mean."""
        ...


class CountDemand:
    """Independent negative-binomial demand; what is not there is not bought."""

    def __init__(self, units_per_day: Array, dispersion: float, rng: np.random.Generator) -> None:
        self.units_per_day, self.dispersion, self._rng = units_per_day, dispersion, rng

    def buy(self, day: int, shelf_units: Array, expected_factor: Array) -> Purchases:
        """What is wanted does not depend on what is there, so that two worlds can be compared day by day."""
        del day
        wanted = counts(self.units_per_day * expected_factor, self.dispersion, self._rng)
        return Purchases(np.minimum(wanted, shelf_units), wanted, np.zeros_like(wanted))


def counts(mean: Array, dispersion: float, rng: np.random.Generator) -> Array:
    """Negative binomial of a mean and variance / mean; Poisson at 1."""
    if dispersion <= 1:
        return rng.poisson(mean).astype(float)
    return rng.poisson(rng.standard_gamma(mean / (dispersion - 1)) * (dispersion - 1)).astype(float)


def empty_share(sellable: Array, wanted: Array) -> Array:
    """Share of the day without anything to sell: shoppers come at any time, and the last unit goes with one of them."""
    return np.where(wanted >= sellable, 1 - sellable / (wanted + 1), 0.0)

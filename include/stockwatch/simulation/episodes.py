"""Things that go on for some days: outages, promotions, prices out of bounds."""

from __future__ import annotations

import numpy as np

from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.parameters import Parameters


def episodes(rng: np.random.Generator, rate: float | Array, mean_days: float, shape: tuple[int, ...]) -> Array:
    """Whether something goes on, by day (first axis); it begins at a rate and lasts for geometric times."""
    starts = rng.random(shape) < rate
    lasts = rng.geometric(1 / max(mean_days, 1.0), shape)
    day = np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    ends = np.maximum.accumulate(np.where(starts, day + lasts, 0), axis=0)
    return np.asarray(ends > day)


def promotions(rng: np.random.Generator, parameters: Parameters, shape: tuple[int, ...]) -> Array:
    """Whether a partner promotes an item: (day, partner, item). It begins on any weekday and lasts a fixed time."""
    share, days = parameters.promotion_share, parameters.promotion_days
    if share <= 0:
        return np.zeros(shape, bool)
    starts = rng.random(shape) < share / days / (1 - share)
    day = np.arange(shape[0]).reshape(-1, 1, 1)
    ends = np.maximum.accumulate(np.where(starts, day + days, 0), axis=0)
    return np.asarray(ends > day)

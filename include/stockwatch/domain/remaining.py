"""How long a spell that is going on will last, learnt from the spells that a partner has had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from include.stockwatch.domain.customers import Array

Words = npt.NDArray[Any]
LAST_DAY = 56
WEIGHT = 20.0
MEAN_DAYS_BEFORE_EVIDENCE = 3.0
"""Judgement, for an installation that has seen no spell end; it weighs as much as `WEIGHT` days."""


class Hazards(NamedTuple):
    """Chance that a spell of k days does not see day k + 1, for k = 1.. `last_day`; the last one holds ever after."""

    pool: Array
    by_partner: Mapping[str, Array]

    def of(self, partner: str) -> Array:
        """The chances of one partner; those of all partners together where it has no spell yet."""
        return self.by_partner.get(partner, self.pool)


def hazards(
    partners: Words,
    spell_days: Array,
    is_over: npt.NDArray[np.bool_],
    *,
    last_day: int = LAST_DAY,
    weight: float = WEIGHT,
) -> Hazards:
    """Fit the chance of ending, by day of the spell, to spells that are over or still going on.

    Shapes: three arrays, one element per spell; a spell of which the start was not seen does not belong here.
    Units:  `spell_days` whole days out, today included for a spell going on. That it lasted this long is known,
            whether it ends today is not. `weight` is a number of spells, above 0.
    Source: discrete-time hazard, ends over spells at risk. Shrunk twice by `weight`: each day of the pool to its mean
            over all days, each day of a partner to the pool. Days past `last_day` share one chance.
    """
    days = np.asarray(spell_days, int)
    ends, at_risk = _counts(days, is_over, last_day)
    before = 1 / MEAN_DAYS_BEFORE_EVIDENCE
    mean = (ends.sum() + weight * before) / (at_risk.sum() + weight)
    pool = (ends + weight * mean) / (at_risk + weight)
    by_partner = {}
    for partner in np.unique(partners):
        own = partners == partner
        own_ends, own_at_risk = _counts(days[own], is_over[own], last_day)
        by_partner[str(partner)] = (own_ends + weight * pool) / (own_at_risk + weight)
    return Hazards(pool, by_partner)


def _counts(days: npt.NDArray[np.int_], is_over: npt.NDArray[np.bool_], last_day: int) -> tuple[Array, Array]:
    """How many spells ended on each day 1.. `last_day`, and how many could have; later days count as the last."""
    longest = max(last_day, int(days.max(initial=0)))
    ended, survived = (np.bincount(days[chosen], minlength=longest + 1) for chosen in (is_over, ~is_over))
    reached = np.cumsum((ended + survived)[::-1])[::-1]
    at_risk = (reached - survived).astype(float)
    ends = ended.astype(float)
    ends[last_day], at_risk[last_day] = ends[last_day:].sum(), at_risk[last_day:].sum()
    return ends[1 : last_day + 1], at_risk[1 : last_day + 1]


def expected_remaining_days(
    fitted: Hazards, partners: Words, spell_days: Array, horizon_days: int | None = None
) -> Array:
    """Days that spells going on are expected to last beyond today, at most `horizon_days` of them if given.

    Shapes: `partners` and `spell_days` have one element per spell.
    Nulls:  NaN for a spell of unknown length
    """
    lengths = np.asarray(spell_days, float)
    remaining = np.full(lengths.shape, np.nan)
    for partner in np.unique(partners):
        hazard = fitted.of(str(partner))
        by_day = _remaining_by_day(hazard) if horizon_days is None else _remaining_within(hazard, horizon_days)
        chosen = (partners == partner) & np.isfinite(lengths)
        day = np.clip(lengths[chosen].astype(int), 1, hazard.size)
        remaining[chosen] = by_day[day - 1]
    return remaining


def _remaining_by_day(hazard: Array) -> Array:
    """Expected days left after day 1, 2, ..: none if the spell ends, else one and what is left after that one."""
    left = np.empty(hazard.size)
    left[-1] = (1 - hazard[-1]) / hazard[-1]
    for day in range(hazard.size - 2, -1, -1):
        left[day] = (1 - hazard[day]) * (1 + left[day + 1])
    return left


def _remaining_within(hazard: Array, horizon_days: int) -> Array:
    """The same, counting no day past the horizon: the chances to see the next day, the one after, .., added up."""
    going_on = np.concatenate((1 - hazard, np.full(horizon_days, 1 - hazard[-1])))
    lasts = np.lib.stride_tricks.sliding_window_view(going_on, horizon_days)[: hazard.size]
    within: Array = np.cumprod(lasts, axis=1).sum(axis=1)
    return within

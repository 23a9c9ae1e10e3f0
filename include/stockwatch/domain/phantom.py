"""Phantom stock: how probable it is that a shelf is empty although the record shows stock.

A shelf with stock becomes empty with a daily hazard and is filled again, unseen, with a daily recovery. An empty one
sells nothing; one with stock sells nothing with the probability that its demand says. After a sale or a receipt the
shelf is known to have stock; k silent days later the odds follow from the k-th power of a two by two matrix.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from include.stockwatch.domain.availability import Days
from include.stockwatch.domain.demand import History, Pools, velocity_band
from include.stockwatch.domain.panel import (
    Array,
    Codes,
    Columns,
    Mask,
    Panel,
    ages,
    before,
    begun,
    newest,
    or_zero,
    risen,
    summed,
    total,
)

HAZARDS: Array = np.array([0.00015 * 1.7**n for n in range(9)])
"""From 0.00015 to 0.0105 a day: what is silent more often than that is not lost, it sells in fits and starts."""
RECOVERIES = np.array([0.003, 0.01, 0.03, 0.06, 0.12, 0.25, 0.5])
USUAL_HAZARD, USUAL_RECOVERY = 0.002, 0.06
PRIOR_SPREAD = 1.5
"""Standard deviation of the logarithm that hazard and recovery of a feed are given beforehand: weak."""
BUCKET_SPREAD = 0.7
"""The same for the hazard at a record of some size, around the feed's."""
BUCKETS = 5
"""Records are told apart by powers of two units, up to this one."""
LONGEST = 56
RUN_UNITS = 5.0
"""Units that a series must have sold for its runs to be learned from: the rate of one that hardly sells is taken up to
a sale, too high, and its silence would pass for empty shelves."""
POSSIBLE_BY_CHANCE = 0.1
"""Runs less probable than this, if the shelf has stock, are looked at for receipts that only the balance shows."""
LUMPY_DAYS, LEAST_LUMPINESS = 50.0, 0.01
"""Days that the silent share which demand says counts as, beside those that were seen; and the least lumpiness."""
EMPTY_SHARE = 0.02
"""Of all days: as many silent ones may be those of empty shelves, and say nothing of how sales come."""
RECEIPT_DAYS = 28
"""Receipts before the newest days are not looked for: a run that long is judged as it is."""


class Weights(NamedTuple):
    """Weights of a shelf with stock and of an empty one; both lack the factor larger^silent_days / (2 root)."""

    stocked: Array
    empty: Array
    larger: Array
    root: Array


def weights(hazard: Array, recovery: Array, silence: Array, silent_days: Array) -> Weights:
    """How a shelf stands some silent days after a sale or receipt.

    A shelf may become empty on every day, that of the sale or receipt included, and then after what it sold.
    Shapes: all broadcast
    Units:  silence is the probability that a day with stock passes without a sale
    Source: eigenvalues of M = [[(1 - h) z, g z], [h z, 1 - g]], the weights are M^k (1 - h, h); without recovery the
            odds are h (1 + z + ... + z^k), each term with its power of 1 - h, against (1 - h) ((1 - h) z)^k
    """
    stays, returns = (1 - hazard) * silence, recovery * silence
    enters, remains = hazard * silence, 1 - recovery
    half, determinant = (stays + remains) / 2, stays * remains - returns * enters
    root = np.sqrt(np.maximum(half**2 - determinant, 1e-18))
    larger, smaller = half + root, half - root
    faded = (np.maximum(smaller, 0.0) / larger) ** silent_days
    passed = 1 - faded
    return Weights(
        (1 - hazard) * (stays - smaller - (stays - larger) * faded) + hazard * returns * passed,
        (1 - hazard) * enters * passed + hazard * (remains - smaller - (remains - larger) * faded),
        larger,
        root,
    )


def no_sale(expected: Array, shape: Array, dispersion: Array) -> Array:
    """Logarithm of the probability that nothing is sold where some units are expected.

    Units:  shape is a of the Gamma posterior, in units of Poisson evidence
    Source: negative binomial days (variance = dispersion x mean) with a Gamma rate
    """
    above = np.where(np.abs(dispersion - 1) < 1e-3, 1e-9, dispersion - 1)
    return np.asarray(-shape * np.log1p(np.log1p(above) / above * expected / shape))


def lumpiness(seen: History, expected: Array, dispersion: Array, pool: Pools, feeds: int) -> Array:
    """How much less a silent day tells than negative binomial days say, by velocity: 1 = as much.

    What sells in lumps, as a DC that stores order from, is silent on more days. The share of days without a sale, up to
    the last one, is held against what is said of them; some are those of empty shelves.
    Shapes: expected as history, dispersion (feeds, bands) -> (feeds, bands)
    """
    used = seen.is_evidence & (seen.reports > 1) & (expected > 0)
    band, bands = velocity_band(seen.base_rate), dispersion.shape[1]
    place, spread = pool.feed * bands + band, dispersion[pool.feed, band]
    chance = np.exp(no_sale(or_zero(expected), np.maximum(seen.plain_units, 0.5) / spread, spread))
    days, silent, said = (
        summed(place, total(values, used), feeds * bands).reshape(feeds, bands)
        for values in (np.ones(used.shape), (seen.sold <= 0).astype(float), chance)
    )
    said = (said + 0.5) / (days + 1)
    silent = (silent - EMPTY_SHARE * days + LUMPY_DAYS * said) / (days + LUMPY_DAYS)
    return np.asarray(np.clip(np.log(np.maximum(silent, said)) / np.log(said), LEAST_LUMPINESS, 1.0))


def record_bucket(on_hand: Array) -> Codes:
    """Size class of a record: 0 for up to one unit, then a power of two each."""
    return np.floor(np.log2(np.clip(or_zero(on_hand), 1.0, 2.0**BUCKETS))).astype(np.int64)


@dataclass(frozen=True)
class Runs(Columns):
    """Silent runs in the history: from a sale or receipt to the next one, or to the checked date.

    Shapes: (kinds of runs,), `count` of each
    Units:  silence_class is four times the power of two of the units expected on a silent day, taken down
    """

    feed: Codes
    bucket: Codes
    silent_days: Codes
    silence_class: Codes
    is_sold: Codes
    count: Codes

    def kinds(self) -> tuple[Runs, Codes]:
        """One run of each kind, whatever its feed and record, and which of them each run is."""
        told = np.stack([self.silent_days, self.silence_class, self.is_sold])
        first, kind, _ = _distinct(told)
        return self.of(first), kind


def _distinct(told: Codes) -> tuple[Codes, Codes, Codes]:
    """The distinct columns in their order: where each is first, which of them each column is, and how many it is.

    As `np.unique` gives them for columns, which compares one by one where numbers can be sorted.
    """
    above = told - told.min(axis=1, initial=0, keepdims=True)
    number = np.ravel_multi_index(tuple(above), tuple(above.max(axis=1, initial=0) + 1))
    _, first, kind, count = np.unique(number, return_index=True, return_inverse=True, return_counts=True)
    return first, kind, count


def runs(
    panel: Panel,
    days: Days,
    seen: History,
    expected: Array,
    dispersion: Array,
    lumpy: Array,
    pool: Pools,
    reports: Mask,
) -> Runs:
    """The runs of a history; `expected` is what each day was expected to sell, `dispersion` and `lumpy` by feed and
    velocity, `reports` the feeds that report receipts."""
    came = np.where(reports[pool.feed], panel.received_units > 0, risen(panel) >= 1)
    is_event = came | (days.sold > 0)
    is_silent = ~is_event & days.is_whole
    # a run is the days after an event up to the next one, that day included; time runs along the rows here
    event, last = is_event[::-1].T, panel.days - 1
    starts = np.flatnonzero(np.pad(event[:, :-1], ((0, 0), (1, 0))))
    ends = np.append(starts[1:], event.size) - 1
    ends = np.minimum(ends, starts // panel.days * panel.days + last)
    series = starts // panel.days

    def along(values: npt.NDArray[np.float64] | Mask, ufunc: np.ufunc) -> Array:
        """A figure of each run."""
        flat = np.append(np.asarray(values[::-1].T, float).ravel(), 0.0)
        return np.asarray(ufunc.reduceat(flat, np.column_stack([starts, ends + 1]).ravel())[::2])

    if not len(starts):
        return Runs(*np.zeros((6, 0), np.int64))
    silent_days = np.minimum(along(np.where(is_silent, days.on_sale, 0.0), np.add), LONGEST)
    units = along(np.where(is_silent, or_zero(expected), 0.0), np.add)
    is_sold = along((days.sold > 0) & ~came, np.maximum)  # a receipt alone would explain that it sells again
    record = along(before(panel.on_hand_units), np.fmax)
    group = pool.feed[series], velocity_band(seen.base_rate[series])
    spread = dispersion[group]
    silence = lumpy[group] * no_sale(units, np.maximum(seen.plain_units[series], 0.5) / spread, spread)
    silence = np.divide(silence, silent_days, out=np.full(len(series), -1.0), where=silent_days > 0)
    level = np.rint(np.log2(np.clip(-silence, 2.0**-8, 8.0)) * 4)
    kept = (seen.plain_units[series] >= RUN_UNITS) & (record > 0)
    told = (pool.feed[series], record_bucket(record), silent_days, level, is_sold)
    kinds = np.stack(told).astype(np.int64)[:, kept]
    first, _, count = _distinct(kinds)
    return Runs(*(*kinds[:, first], count))


def reports_receipts(panel: Panel, pool: Pools) -> Mask:
    """Whether each feed says of any day what came in: (feeds,)."""
    is_told = ~np.isnan(panel.received_units).all(axis=0)
    return np.bincount(pool.feed, weights=is_told, minlength=pool.feeds) > 0


@dataclass(frozen=True)
class Hazards:
    """Hazard at records of each size (feeds, buckets), and recovery (feeds,)."""

    hazard: Array
    recovery: Array


def hazards(found: Runs, feeds: int) -> Hazards:
    """Hazard and recovery of each feed, and the hazard at records of each size.

    Source: posterior means of the logarithm on a grid, with a weak log-normal prior
    """
    hazard: Array
    recovery: Array
    hazard, recovery = (grid.ravel() for grid in np.meshgrid(HAZARDS, RECOVERIES, indexing="ij"))
    prior = _log_normal(hazard, USUAL_HAZARD, PRIOR_SPREAD) + _log_normal(recovery, USUAL_RECOVERY, PRIOR_SPREAD)
    kinds, kind = found.kinds()
    said = _said(kinds, hazard[None, :], recovery[None, :])
    told = _told(found.feed, feeds, found.count, said[kind]) + prior
    of_feed, recovered = (_mean(told, np.log(values)) for values in (hazard, recovery))
    sizes = BUCKETS + 1
    prior = _log_normal(HAZARDS, of_feed[:, None], BUCKET_SPREAD).repeat(sizes, axis=0)
    place = found.feed * sizes + found.bucket
    said = _said(found, HAZARDS[None, :], recovered[found.feed, None])
    told = _told(place, feeds * sizes, found.count, said) + prior
    return Hazards(_mean(told, np.log(HAZARDS)).reshape(feeds, sizes), recovered)


def _log_normal(value: Array, usual: Array | float, spread: float) -> Array:
    return np.asarray(-((np.log(value / usual) / spread) ** 2) / 2)


def _said(found: Runs, hazard: Array, recovery: Array) -> Array:
    """Logarithm of the likelihood of one run of each kind at some points: (kinds, points)."""
    silence = np.exp(-(2.0 ** (found.silence_class / 4.0)))[:, None]
    silent_days = found.silent_days[:, None].astype(float)
    tried = weights(hazard, recovery, silence, silent_days)
    # what does not depend on the point is left out: the probability of the sale itself
    seen = tried.stocked + np.where(found.is_sold[:, None] > 0, recovery, 1.0) * tried.empty
    return np.asarray(np.log(seen) + silent_days * np.log(tried.larger) - np.log(2 * tried.root))


def _told(of: Codes, groups: int, count: Codes, said: Array) -> Array:
    """What all runs of each group say: (groups, points)."""
    return np.stack([summed(of, count * values, groups) for values in said.T], axis=-1)


def _mean(told: Array, values: Array) -> Array:
    weight = np.exp(told - told.max(axis=1, keepdims=True))
    return np.asarray(np.exp((weight * values).sum(axis=1) / weight.sum(axis=1)))


@dataclass(frozen=True)
class Silence(Columns):
    """The days since the last sale or receipt, as reported; and as the balance of stock shows a receipt.

    Shapes: (series,)
    Units:  days on sale without a sale, and the same as days of a mean weekday; first_on_sale is the age of the first
            day on sale, NaN = none; risen that of the last day on which stock rose by more than the balance explains
    """

    first_on_sale: Array
    silent_days: Array
    silent_expected: Array
    risen: Array
    days_since_risen: Array
    expected_since_risen: Array


def silence(rise: Array, days: Days, factor: Array, last_sale: Array, last_receipt: Array) -> Silence:
    """Silent runs going on; `rise` as `risen`, `factor` what each day is expected to sell of a mean one."""
    age = ages(len(factor))
    on_sale, expected = days.on_sale > 0, days.on_sale * factor
    has_risen = (rise[: RECEIPT_DAYS - 1] >= 1) & ~(age[: RECEIPT_DAYS - 1] >= last_sale)
    found = newest(has_risen)

    def since(event: Array) -> tuple[Array, Array]:
        silent = on_sale & ~(age >= event)
        return total(days.on_sale, silent), total(expected, silent)

    first = begun(on_sale, days.report_days)
    return Silence(first, *since(np.fmin(last_sale, last_receipt)), found, *since(np.fmin(last_sale, found)))


@dataclass(frozen=True)
class Judgement(Columns):
    """How each silent run is judged, whatever the record of the date says.

    Shapes: (series,)
    Units:  silence is the chance of one silent day with stock; last_receipt and run_start are ages
    """

    silent_days: Array
    silent_expected: Array
    silence: Array
    hazard: Array
    p_empty: Array
    last_receipt: Array
    run_start: Array

    def raised(self, log_odds: Array) -> Judgement:
        """The same with the odds of silent shelves raised by what customers said."""
        heard = self.p_empty * np.exp(log_odds)
        p_empty = np.where(self.silent_days > 0, heard / (heard + 1 - self.p_empty), self.p_empty)
        return dataclasses.replace(self, p_empty=p_empty)

    def empty_days(self) -> Array:
        """Expected number of the silent days on which the shelf was empty, if it is empty now.

        Source: an onset j days after the sale or receipt counts q^j; recoveries within a run are neglected
        """
        q = np.minimum((1 - self.hazard) * self.silence, 1 - 1e-9)
        faded = q**self.silent_days
        return np.asarray((self.silent_days - q**2 * (1 - faded) / (1 - q)) / (1 - q * faded))


def judged(
    found: Silence,
    rate: Array,
    shape: Array,
    dispersion: Array,
    lumpy: Array,
    hazard: Array,
    recovery: Array,
    last_sale: Array,
    last_receipt: Array,
) -> Judgement:
    """The probability that the shelf is empty, of every series; without a silent day it is not suspected.

    A series that reports its receipts is believed; of another a run that is improbable begins anew where stock rose.
    Units: rate in units a day, shape in units of Poisson evidence, both without the run itself
    """
    by_chance = lumpy * no_sale(found.silent_expected * rate, shape, dispersion)
    is_anew = np.isnan(last_receipt) & (by_chance < math.log(POSSIBLE_BY_CHANCE)) & np.isfinite(found.risen)
    silent_days = np.where(is_anew, found.days_since_risen, found.silent_days)
    expected = np.where(is_anew, found.expected_since_risen, found.silent_expected)
    is_silent = silent_days > 0
    days = np.where(is_silent, silent_days, 1.0)
    silence = np.where(is_silent, np.exp(lumpy * no_sale(expected * rate, shape, dispersion) / days), 1.0)
    odds = weights(hazard, recovery, silence, silent_days)
    receipt = np.where(is_anew & is_silent, found.risen, last_receipt)
    event = np.fmin(last_sale, receipt)
    return Judgement(
        silent_days=silent_days,
        silent_expected=expected,
        silence=silence,
        hazard=hazard,
        p_empty=np.where(is_silent, odds.empty / (odds.empty + odds.stocked), hazard),
        last_receipt=receipt,
        run_start=np.where(np.isnan(event), found.first_on_sale, event - 1),
    )

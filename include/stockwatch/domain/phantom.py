"""Phantom stock: how probable it is that a shelf is empty although the record shows stock.

After a sale or a receipt a shelf is empty with an initial probability, the higher the less the record says is left: a
record that is a unit too high shows when there is nothing more to sell. A shelf with stock becomes empty with a daily
hazard and is filled again, unseen, with a daily recovery. An empty one sells nothing; one with stock sells nothing with
the probability that its demand says. k silent days after the sale or receipt the odds follow from the k-th power of a
two by two matrix.
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
USUAL_INITIALS = np.array([0.15, 0.06, 0.02, 0.005, 0.0015, 0.0015, 0.0015])
"""At records below one, of one, of two or three, and so on by powers of two; the last of all larger ones. They are
counted in roots of the units that are sold a day: the errors of a record add up like the units of a random walk."""
SLOWEST = 2.0**-4
"""Units a day below which a series counts as one that sells so many."""
TIMES: Array = 2.0 ** np.arange(-4, 4, 0.5)
"""How many times these a feed may have them: a large record that is silent more often sells in fits and starts."""
PRIOR_SPREAD = 1.5
"""Standard deviation of the logarithm that all of them are given beforehand, feed by feed: weak."""
ROUNDS = 2
"""How often what hangs on one another is learned, each time with the other as it was found before."""
LONGEST = 56
RUN_UNITS = 5.0
"""Units that a series must have sold for its runs to be learned from: the rate of one that hardly sells is taken up to
a sale, too high, and its silence would pass for empty shelves."""
DOUBTED = 0.02
"""Earlier runs less probable than this, if the shelf had stock, may be those of an empty one: they teach as much less
of demand."""
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


def weights(initial: Array, hazard: Array, recovery: Array, silence: Array, silent_days: Array) -> Weights:
    """How a shelf stands some silent days after a sale or receipt.

    Shapes: all broadcast
    Units:  initial is the probability that the shelf is empty when the silence begins; silence the probability that a
            day with stock passes without a sale
    Source: eigenvalues of M = [[(1 - h) z, g z], [h z, 1 - g]], the weights are M^k (1 - i, i); without recovery the
            odds are i + (1 - i) h z (1 + s + ... + s^(k - 1)) against (1 - i) s^k, s = (1 - h) z
    """
    stays, returns = (1 - hazard) * silence, recovery * silence
    enters, remains = hazard * silence, 1 - recovery
    half, determinant = (stays + remains) / 2, stays * remains - returns * enters
    root = np.sqrt(np.maximum(half**2 - determinant, 1e-18))
    larger, smaller = half + root, half - root
    faded = (np.maximum(smaller, 0.0) / larger) ** silent_days
    passed = 1 - faded
    return Weights(
        (1 - initial) * (stays - smaller - (stays - larger) * faded) + initial * returns * passed,
        (1 - initial) * enters * passed + initial * (remains - smaller - (remains - larger) * faded),
        larger,
        root,
    )


def empty_days(initial: Array, hazard: Array, silence: Array, silent_days: Array) -> Array:
    """Expected number of silent days on which a shelf was empty, if it is at their end.

    Source: empty from the start with weight i, and from the j-th of k silent days on with (1 - i) h z s^(j - 1), as in
            `weights`; recoveries within a run are neglected
    """
    stays = np.minimum((1 - hazard) * silence, 1 - 1e-9)
    passed = (1 - stays**silent_days) / (1 - stays)
    later = (1 - initial) * hazard * silence
    days = initial * silent_days + later * (silent_days - stays * passed) / (1 - stays)
    return np.asarray(days / (initial + later * passed))


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


def record_size(on_hand: Array, rate: Array) -> Codes:
    """Size class of a record of a series that sells `rate` units a day: 0 below the root of it, 1 below twice that, and
    so on by powers of two."""
    size = or_zero(on_hand) / np.sqrt(np.maximum(or_zero(rate), SLOWEST))
    return np.floor(np.log2(np.clip(size, 0.5, 2.0 ** (len(USUAL_INITIALS) - 2)))).astype(np.int64) + 1


@dataclass(frozen=True)
class Runs(Columns):
    """Silent runs in the history: from a sale or receipt to the next one, or to the checked date.

    Shapes: (kinds of runs,), `count` of each
    Units:  silence_class is four times the power of two of the units expected on a silent day, taken down
    """

    feed: Codes
    size: Codes
    silent_days: Codes
    silence_class: Codes
    is_sold: Codes
    count: Codes


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
    told = (pool.feed[series], record_size(record, seen.base_rate[series]), silent_days, level, is_sold)
    kinds = np.stack(told).astype(np.int64)[:, kept]
    above = kinds - kinds.min(axis=1, initial=0, keepdims=True)
    number = np.ravel_multi_index(tuple(above), tuple(above.max(axis=1, initial=0) + 1))  # sorts faster than columns
    _, first, count = np.unique(number, return_index=True, return_counts=True)
    return Runs(*(*kinds[:, first], count))


def reports_receipts(panel: Panel, pool: Pools) -> Mask:
    """Whether each feed says of any day what came in: (feeds,)."""
    is_told = ~np.isnan(panel.received_units).all(axis=0)
    return np.bincount(pool.feed, weights=is_told, minlength=pool.feeds) > 0


@dataclass(frozen=True)
class Hazards:
    """How shelves become empty and are filled again: initial probability at records of each size (feeds, sizes), hazard
    and recovery (feeds,)."""

    initial: Array
    hazard: Array
    recovery: Array


def hazards(found: Runs, feeds: int) -> Hazards:
    """Those of each feed.

    Source: posterior means of the logarithm on grids, with weak log-normal priors; hazard and recovery together, given
            the initial probabilities, and these given both
    """
    hazard, recovery = (grid.ravel() for grid in np.meshgrid(HAZARDS, RECOVERIES, indexing="ij"))
    sizes = len(USUAL_INITIALS)
    place, usual = found.feed * sizes + found.size, np.tile(USUAL_INITIALS, feeds)[:, None]
    of_feed = _log_normal(hazard, USUAL_HAZARD) + _log_normal(recovery, USUAL_RECOVERY)
    of_size, initial = _log_normal(TIMES, 1.0), usual
    for _ in range(ROUNDS):
        said = _said(found, initial[place], hazard[None, :], recovery[None, :])
        told = _told(found.feed, feeds, found.count, said) + of_feed
        emptied, filled = (_mean(told, np.log(values)) for values in (hazard, recovery))
        said = _said(found, _times(usual)[place], emptied[found.feed, None], filled[found.feed, None])
        times = _mean(_told(place, feeds * sizes, found.count, said) + of_size, np.log(TIMES))
        initial = _times(usual, times[:, None])
    return Hazards(initial.reshape(feeds, sizes), emptied, filled)


def _times(usual: Array, times: Array = TIMES) -> Array:
    """Probabilities whose odds are so many times the usual ones."""
    return np.asarray(usual * times / (1 - usual + usual * times))


def _log_normal(value: Array, usual: Array | float) -> Array:
    return np.asarray(-((np.log(value / usual) / PRIOR_SPREAD) ** 2) / 2)


def _said(found: Runs, initial: Array, hazard: Array, recovery: Array) -> Array:
    """Logarithm of the likelihood of one run of each kind at some points: (kinds, points)."""
    silence = np.exp(-(2.0 ** (found.silence_class / 4.0)))[:, None]
    silent_days = found.silent_days[:, None].astype(float)
    tried = weights(initial, hazard, recovery, silence, silent_days)
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
class Shelf(Columns):
    """What is expected of the shelf of each series: how it sells, becomes empty and is filled again.

    Shapes: (series,), initial (sizes, series)
    Units:  rate in units a day, shape in units of Poisson evidence; the others as the functions above have them
    """

    rate: Array
    shape: Array
    dispersion: Array
    lumpy: Array
    initial: Array
    hazard: Array
    recovery: Array

    def initially(self, on_hand: Array) -> Array:
        """The initial probability at a record."""
        size = record_size(on_hand, self.rate)
        return np.asarray(np.take_along_axis(self.initial, size[None, :], axis=0)[0], float)

    def by_chance(self, expected: Array) -> Array:
        """Logarithm of the probability that nothing is sold on so many days of a mean weekday."""
        return self.lumpy * no_sale(expected * self.rate, self.shape, self.dispersion)


def doubted(expected: Array, is_event: Mask, shelf: Shelf) -> Codes:
    """The series of which a run between two events is improbable (DOUBTED), if the shelf had stock.

    Units: expected in days of a mean weekday, where nothing was sold: (days, series)
    """
    return np.flatnonzero(shelf.by_chance(longest_silence(expected, is_event)) < math.log(DOUBTED))


def longest_silence(expected: Array, is_event: Mask) -> Array:
    """The most that is expected of any run between two events; all as `doubted`: (series,)."""
    run, longest = np.zeros((2, expected.shape[1]))
    for of_day, ends in zip(expected[::-1], is_event[::-1], strict=True):
        run = np.where(ends, 0.0, run + of_day)
        np.maximum(longest, run, out=longest)
    return longest


def stocked(on_sale: Array, factor: Array, is_event: Mask, is_sale: Mask, on_hand: Array, shelf: Shelf) -> Array:
    """The share of each day on which a shelf probably had stock: (days, series).

    1 but in silent runs that an event ended. What sold again without a receipt was filled unseen if it was empty.
    Units:  on_sale of the silent days alone; factor what a day is expected to sell of a mean one
    """
    days, series = is_event.shape
    run = np.cumsum(is_event[::-1], axis=0)[::-1] + (days + 1) * np.arange(series)  # the one that begins with an event
    number = (run - is_event).ravel()  # the one that a day belongs to, that of its end included

    def of_runs(values: Array) -> Array:
        return summed(number, values.ravel(), (days + 1) * series)

    silent_days = of_runs(on_sale)
    some = np.flatnonzero(silent_days)
    silent_days, of = silent_days[some], some // (days + 1)
    own = shelf.of(of)
    silence = np.exp(own.by_chance(of_runs(on_sale * factor)[some]) / silent_days)
    initial = own.initially(of_runs(on_sale * or_zero(on_hand))[some] / silent_days)
    odds = weights(initial, own.hazard, own.recovery, silence, silent_days)
    empty = odds.empty * np.where(of_runs(is_sale.astype(float))[some] > 0, own.recovery, 1.0)
    share = np.zeros((days + 1) * series)
    share[some] = empty / (empty + odds.stocked) * empty_days(initial, own.hazard, silence, silent_days) / silent_days
    return np.where(on_sale > 0, 1 - share[number].reshape(days, series), 1.0)


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
    initial: Array
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
        """Expected number of the silent days on which the shelf was empty, if it is empty now."""
        return empty_days(self.initial, self.hazard, self.silence, self.silent_days)


def judged(found: Silence, shelf: Shelf, on_hand: Array, last_sale: Array, last_receipt: Array) -> Judgement:
    """The probability that the shelf is empty, of every series; without a silent day it is not suspected.

    A series that reports its receipts is believed; of another a run that is improbable begins anew where stock rose.
    `shelf` is what was expected without the run itself.
    """
    by_chance = shelf.by_chance(found.silent_expected)
    is_anew = np.isnan(last_receipt) & (by_chance < math.log(POSSIBLE_BY_CHANCE)) & np.isfinite(found.risen)
    silent_days = np.where(is_anew, found.days_since_risen, found.silent_days)
    expected = np.where(is_anew, found.expected_since_risen, found.silent_expected)
    is_silent = silent_days > 0
    days = np.where(is_silent, silent_days, 1.0)
    silence = np.where(is_silent, np.exp(shelf.by_chance(expected) / days), 1.0)
    initial = shelf.initially(on_hand)
    odds = weights(initial, shelf.hazard, shelf.recovery, silence, silent_days)
    receipt = np.where(is_anew & is_silent, found.risen, last_receipt)
    event = np.fmin(last_sale, receipt)
    return Judgement(
        silent_days=silent_days,
        silent_expected=expected,
        silence=silence,
        initial=initial,
        hazard=shelf.hazard,
        p_empty=np.where(is_silent, odds.empty / (odds.empty + odds.stocked), initial),
        last_receipt=receipt,
        run_start=np.where(np.isnan(event), found.first_on_sale, event - 1),
    )

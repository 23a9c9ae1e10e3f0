"""Demand of every series: weekday, promotion, over-dispersion, and what an item's other locations teach.

What is common to many series (profiles, factors, dispersion) is learned from the days of some locations, the
`History`; what is a series' own comes out of its `Evidence`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from include.stockwatch.domain.availability import CheckSettings, Days
from include.stockwatch.domain.panel import (
    BLOCK,
    WEEK,
    Array,
    Codes,
    Columns,
    Mask,
    Panel,
    ages,
    median,
    newest,
    or_zero,
    summed,
    total,
)

HISTORY_SERIES = 3000
"""Series of a feed from which the common figures are learned, about."""
PROMOTED_BELOW = 0.95
"""A price at or below this share of the series' usual price is a promotion."""
PROFILE_UNITS = 100.0
"""Units sold per weekday that the wider pool's profile counts as, beside a category's own."""
PROFILE_AT_LEAST = 50.0
"""Units per weekday below which a feed has no profile: every day is alike."""
PROMOTION_UNITS = 20.0
PROMOTION_DAYS = 7.0
"""How long a promotion lasts where none was seen from its first day to its last."""
DISPERSION_UNITS = 30.0
DISPERSIONS = (0.5, 200.0)
LOCATION_UNITS = 10.0
"""Units that a location of mean size counts as, beside what its other items sold."""
POOLED_LOCATIONS, LOCATIONS_OF_A_DAY = 3, 8
"""Locations that an item needs at a feed before they borrow from one another, and before its days differ."""
AMISS_UNITS = 5.0
"""A location that expected so much of an item and sold none has probably none on its shelf, whatever its record."""
RAISED, RAISED_DAYS = 1.5, 14
"""An item's day of so many times its usual one looks promoted; what lasts more days is how the item sells now."""
LEAST_DAY = 0.5
"""An item's day counts at least as so much of a usual one: what sells nowhere at all is amiss, not unwanted."""
BANDS = (-4, 4)
"""Bands of velocity, powers of two of units a day."""
MOST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Pools(Columns):
    """What each series learns together with: its feed on the date; in it its category, item and location.

    Shapes: (series,)
    Units:  numbers from 0 on, in the order of feeds
    """

    feed: Codes
    category: Codes
    item: Codes
    location: Codes

    @property
    def feeds(self) -> int:
        """How many feeds there are, each on each date."""
        return int(self.feed.max(initial=-1)) + 1

    @property
    def categories(self) -> int:
        """How many categories of feeds there are."""
        return int(self.category.max(initial=-1)) + 1

    def parts(self) -> list[slice]:
        """Whole feeds, near enough a block of series in each; one part where the series of a feed do not lie together.

        What is learned of a feed rests on it alone, and small matrices stay in the caches of a processor.
        """
        if np.any(np.diff(self.feed) < 0):
            return [slice(0, len(self.feed))]
        starts = np.flatnonzero(np.diff(self.feed, prepend=-1))
        cuts = [int(cut) for cut in starts[np.diff(starts // BLOCK, prepend=-1) > 0]] or [0]
        return [slice(*ends) for ends in pairwise((*cuts, len(self.feed)))]

    def part(self, feeds: slice) -> Pools:
        """Those of a part, numbered from 0 on."""
        return Pools(*(codes - codes.min(initial=MOST) for codes in self.of(feeds)._values()))

    def feed_of_category(self) -> Codes:
        """The feed of each category."""
        found = np.zeros(self.categories, np.int64)
        found[self.category] = self.feed
        return found


def sample(pool: Pools) -> Mask:
    """The series that the common figures are learned from: those of every so many-th location of each feed."""
    _, first = np.unique(pool.location, return_index=True)
    feed = pool.feed[first]
    number = np.arange(len(first)) - np.searchsorted(feed, feed)  # locations are numbered feed by feed
    stride = np.maximum(np.bincount(pool.feed, minlength=pool.feeds) // HISTORY_SERIES, 1)
    return np.asarray((number % stride[feed] == 0)[pool.location])


def promoted(price: Array, is_raised: Mask | bool = False) -> Mask:
    """The days on which the price of a series lies well below its usual one, the median of the look-back; of a series
    without prices those that `is_raised`."""
    found = np.isnan(price).all(axis=0) & np.broadcast_to(is_raised, price.shape)
    lowest, highest = np.fmin.reduce(price, axis=0), np.fmax.reduce(price, axis=0)
    varied = np.flatnonzero(lowest <= PROMOTED_BELOW * highest)
    if len(varied):
        prices = np.sort(price[:, varied], axis=0)  # NaN comes last
        count = (~np.isnan(prices)).sum(axis=0)
        middle = np.take_along_axis(prices, np.stack([(count - 1) // 2, count // 2]), axis=0)
        found[:, varied] = price[:, varied] <= PROMOTED_BELOW * middle.mean(axis=0)
    return found


def raised(item_days: Array) -> Mask:
    """The days of items that look promoted: they count far more than the usual one, the median, as does a day beside.

    A single day may be chance, unless it is the newest or the oldest, of which the day beside is not known; one day
    between others does not part them.
    Shapes: (days, items)
    """
    is_high = np.pad(item_days >= RAISED * np.median(item_days, axis=0), ((1, 1), (0, 0)), mode="edge").astype(int)
    found = np.asarray(is_high[:-2] + is_high[1:-1] + is_high[2:] >= 2)
    return found & ~found[: RAISED_DAYS + 1].all(axis=0)


def _is_told(price: Array) -> Mask:
    """The days on which it is known whether a series is promoted: those with a price, or all if none has one."""
    is_known = ~np.isnan(price)
    return np.asarray(is_known | ~is_known.any(axis=0))


@dataclass(frozen=True)
class History(Columns):
    """Days that the common figures are learned from.

    Shapes: (days, series), and (series,) from base_rate on
    Units:  is_evidence marks the reports of whole days on sale up to the last sale, on_sale how many days each is;
            base_rate is units on one of them without promotion, reports how many it rests on, plain_units what they
            sold
    Nulls:  base_rate NaN where it rests on nothing
    """

    sold: Array
    on_sale: Array
    is_evidence: Mask
    is_promoted: Mask
    base_rate: Array
    reports: Array
    plain_units: Array


def history(panel: Panel, days: Days, is_raised: Mask) -> History:
    """Look-back as history; `is_raised` as `promoted`."""
    is_promoted = promoted(panel.price, is_raised)
    is_evidence = days.is_whole & (ages(panel.days) >= newest(days.sold > 0))
    is_plain = is_evidence & ~is_promoted
    plain_units, plain_days, reports = total(days.sold, is_plain), total(days.on_sale, is_plain), is_plain.sum(axis=0)
    base_rate = np.divide(plain_units, plain_days, out=np.full(len(plain_units), np.nan), where=plain_days > 0)
    return History(days.sold, days.on_sale, is_evidence, is_promoted, base_rate, reports.astype(float), plain_units)


def weekday_factors(seen: History, pool: Pools, of: Pools) -> Array:
    """How much more or less each weekday sells than the mean day: (categories, 7), by age modulo seven.

    A category's profile is drawn to its feed's, and that to a flat one, the more the less they have sold; a
    feed that sold little has none. `pool` are the pools of the history, `of` those of all series.
    """
    is_plain = seen.is_evidence & ~seen.is_promoted
    rate = or_zero(seen.base_rate)
    units, expected = np.empty((2, of.categories, WEEK))
    for rest in range(WEEK):
        marked = is_plain[rest::WEEK]
        units[:, rest] = summed(pool.category, total(seen.sold[rest::WEEK], marked), of.categories)
        expected[:, rest] = summed(pool.category, rate * total(seen.on_sale[rest::WEEK], marked), of.categories)
    feed = of.feed_of_category()
    all_units, all_expected = _of_feeds(units, feed, of.feeds), _of_feeds(expected, feed, of.feeds)
    drawn = ((all_units + PROFILE_UNITS) / (all_expected + PROFILE_UNITS))[feed]
    factor = (units + PROFILE_UNITS * drawn) / (expected + PROFILE_UNITS)
    is_flat = all_expected.min(axis=1)[feed] < PROFILE_AT_LEAST
    return np.where(is_flat[:, None], 1.0, factor / factor.mean(axis=1, keepdims=True))


def _of_feeds(values: Array, feed: Codes, feeds: int) -> Array:
    found = np.zeros((feeds, *values.shape[1:]))
    np.add.at(found, feed, values)
    return found


def promotion_factors(seen: History, pool: Pools, of: Pools, weekdays: Array) -> Array:
    """How many times the usual a promoted day sells, by category; drawn to the feed's, and that to 1: (categories,).

    1 where no promotion was seen.
    """
    counted = seen.is_promoted & seen.is_evidence
    usual = or_zero(seen.base_rate) * daily_factors(weekdays[pool.category], len(seen.sold)) * seen.on_sale
    units, expected, days = (
        summed(pool.category, values, of.categories)
        for values in (total(seen.sold, counted), total(usual, counted), counted.sum(axis=0).astype(float))
    )
    feed = of.feed_of_category()
    all_units, all_expected = summed(feed, units, of.feeds), summed(feed, expected, of.feeds)
    of_feed = ((all_units + PROMOTION_UNITS) / (all_expected + PROMOTION_UNITS))[feed]
    return np.where(days > 0, (units + PROMOTION_UNITS * of_feed) / (expected + PROMOTION_UNITS), 1.0)


def promotion_days(is_promoted: Mask, price: Array, pool: Pools, feeds: int) -> Array:
    """How long a promotion usually lasts at each feed, in days: the median of those that began and ended within the
    look-back: (feeds,). A day without a price goes on as the day before it, if the series has prices."""
    known, runs = _is_told(price), np.zeros((len(price) + 2, price.shape[1]), np.int8)
    for day in reversed(range(len(price))):
        runs[day + 1] = np.where(known[day], is_promoted[day], runs[day + 2])
    change = np.diff(runs, axis=0).T
    (series, last), (_, before) = np.nonzero(change > 0), np.nonzero(change < 0)
    is_whole = (last > 0) & (before < len(price))
    feed = pool.feed[series[is_whole]]
    found = np.full(feeds, PROMOTION_DAYS)
    found[feed] = median((before - last)[is_whole].astype(float), feed)
    return found


def promotion_days_left(is_promoted: Mask, price: Array, usual: Array) -> Array:
    """Days after the date on which the promotion of each series is expected to go on; 0 where there is none, or where
    it has lasted as long as is `usual` (series,). It goes on over days without a price, if the series has prices."""
    plain = newest(~is_promoted & _is_told(price))
    lasts = np.where(np.isnan(plain), len(price), plain)
    return np.where(newest(is_promoted) < lasts, np.maximum(usual - lasts, 0.0), 0.0)


def item_days(days: Days, expected: Array, pool: Pools, of: Pools, forgetting: float) -> Array:
    """How many times the usual an item sells on each day, at all locations with stock: (days, items).

    It tells promotions that no price shows, holidays and trends. Where a location probably had none (AMISS_UNITS), its
    day is left out: an item that runs short has most of them, and would seem unwanted. How much the days of an item
    differ shows in what its locations have in common; a day is drawn to 1 the more, the less is expected of it. Items
    of few locations have 1.
    Units:  expected as the history, without this factor; the decayed mean of an item's days is 1
    Source: Gamma prior of mean 1, its variance of a feed's items by moments (products of different locations)
    """
    items, used = int(of.item.max(initial=-1)) + 1, days.is_whole & (expected > 0)
    used &= (days.sold > 0) | (expected < AMISS_UNITS)
    sold, mean = (np.where(used, values, 0.0) for values in (days.sold, expected))

    def by_item(values: Array) -> Array:
        return np.stack([summed(pool.item, of_day, items) for of_day in values])

    units, usual, scatter = by_item(sold), by_item(mean), by_item((sold - mean) ** 2)
    is_pooled = np.bincount(pool.item, minlength=items) >= LOCATIONS_OF_A_DAY
    feed = np.zeros(items, np.int64)
    feed[of.item] = of.feed
    common, weight = (
        summed(feed, np.where(is_pooled, values.sum(axis=0), 0.0), of.feeds)
        for values in ((units - usual) ** 2 - scatter, usual**2 - by_item(mean**2))
    )
    variance = np.divide(common, weight, out=np.zeros(of.feeds), where=weight > 0).clip(1e-6)[feed]
    chance = np.divide(
        scatter.sum(axis=0), usual.sum(axis=0), out=np.ones(items), where=is_pooled & (usual.sum(axis=0) > 0)
    )
    prior = chance.clip(DISPERSIONS[0]) / variance
    found = np.maximum((units + prior) / (usual + prior), LEAST_DAY)
    kept = forgetting ** ages(len(found))
    return np.where(is_pooled, found / ((found * kept).sum(axis=0) / kept.sum()), 1.0)


def daily_factors(profile: Array, days: int) -> Array:
    """Profiles of weekdays (series, 7) as the factor of every day: (days, series)."""
    return np.asarray(profile.T[np.arange(days) % WEEK])


def velocity_band(rate: Array) -> Codes:
    """The power of two at or below a rate of units a day, within `BANDS`, counted from the lowest."""
    kept = np.clip(or_zero(rate), 2.0 ** BANDS[0], 2.0 ** BANDS[1])
    return np.floor(np.log2(kept)).astype(np.int64) - BANDS[0]


def dispersions(seen: History, expected: Array, pool: Pools, feeds: int) -> Array:
    """Variance of demand over its mean, that of a day or of a week, by velocity; drawn to the feed's, and that to 1
    (Poisson).

    Shapes: expected as history -> (feeds, bands)
    """
    used = seen.is_evidence & (seen.reports > 1) & (expected > 0)
    scale = seen.reports / np.maximum(seen.reports - 1, 1)
    band, bands = velocity_band(seen.base_rate), BANDS[1] - BANDS[0] + 1
    place = pool.feed * bands + band
    spread, units = (
        summed(place, total(values, used), feeds * bands).reshape(feeds, bands)
        for values in ((seen.sold - expected) ** 2 * scale, expected)
    )
    of_feed = (spread.sum(axis=1) + DISPERSION_UNITS) / (units.sum(axis=1) + DISPERSION_UNITS)
    own = (spread + DISPERSION_UNITS * of_feed[:, None]) / (units + DISPERSION_UNITS)
    return np.asarray(np.clip(own, *DISPERSIONS))


@dataclass(frozen=True)
class Evidence(Columns):
    """What a series' own days say of its demand.

    Shapes: (series,)
    Units:  frozen_a units and frozen_b days of a mean weekday without promotion, up to the last sale, which weighs 1;
            unsold_days are days on sale since, unsold_expected the same as days of a mean weekday
    """

    frozen_a: Array
    frozen_b: Array
    unsold_days: Array
    unsold_expected: Array


def evidence(days: Days, factor: Array, last_sale: Array, check: CheckSettings, is_dc: Mask | bool = False) -> Evidence:
    """Evidence of series; `factor` is what each day is expected to sell of a mean one: (days, series).

    Without a sale all days count as they are. Where the last sale emptied the shelf, its day is left out if anything
    else sold: days that end when something is sold say too much. Of a DC what is wanted waits, and ends nothing.
    Source: n - 1 sales, not n, in the time until the n-th are an unbiased rate (inverse sampling)
    """
    age, since = ages(len(factor)), or_zero(last_sale)
    on_sale = days.on_sale > 0
    is_old, is_unsold = on_sale & (age >= since), on_sale & (age < since)
    is_rest = is_old & ~(days.is_out & (age == since) & ~np.asarray(is_dc))
    is_old = np.where(total(days.sold, is_rest) > 0, is_rest, is_old)
    weight = check.forgetting**age
    regained = check.forgetting**-since
    return Evidence(
        frozen_a=total(weight * days.sold, is_old) * regained,
        frozen_b=total(weight * days.on_sale * factor, is_old) * regained,
        unsold_days=total(days.on_sale, is_unsold),
        unsold_expected=total(days.on_sale * factor, is_unsold),
    )


def noise(check: CheckSettings) -> float:
    """Variance of a decayed mean against that of a plain one of the same weight; 1 without forgetting."""
    kept = check.forgetting
    return 1.0 if kept == 1 else float((1 + kept**check.lookback_days) / (1 + kept))


def decayed_days(days: Array, forgetting: float) -> Array:
    """Weight of so many whole days, the newest counting 1."""
    return days if forgetting == 1 else (1 - forgetting**days) / (1 - forgetting)


def silent_sum(own: Evidence, check: CheckSettings) -> Array:
    """What the days without a sale add to b: each as much as a mean one of them is expected to sell."""
    mean = np.divide(own.unsold_expected, own.unsold_days, out=np.ones(len(own.unsold_days)), where=own.unsold_days > 0)
    return decayed_days(own.unsold_days, check.forgetting) * mean


def with_silence(own: Evidence, check: CheckSettings, stocked: Array | float = 1.0) -> tuple[Array, Array]:
    """a and b with the days since the last sale, as far as the shelf had stock on them.

    What was known before fades with each of them; days out of stock teach nothing and make nothing forgotten.
    """
    faded = check.forgetting ** (stocked * own.unsold_days)
    return own.frozen_a * faded, own.frozen_b * faded + stocked * silent_sum(own, check)


@dataclass(frozen=True)
class Prior(Columns):
    """What the item's other locations, and the location's other items, say of a series' demand, as units and days.

    Shapes: (series,)
    """

    a: Array
    b: Array


def item_prior(a: Array, b: Array, dispersion: Array, pool: Pools, noise: float) -> Prior:
    """Priors from what the item sells at the feed's other locations, each taken by its size; they weigh the more the
    more alike they are.

    Units:  a, b of all days; noise is the variance of a decayed mean against that of a plain one of the same weight
    Source: Gamma prior of an item by moments (between-location variance as DerSimonian and Laird have it)
    """
    known, items = b > 0, int(pool.item.max(initial=-1)) + 1
    a, b, item = np.where(known, a, 0.0), np.where(known, b, 0.0), pool.item
    size = _sizes(a, b, pool)
    b = b * size  # days of a location of mean size
    locations, pool_a, pool_b, squares, weights, scatter = (
        summed(item, values, items)
        for values in (
            known.astype(float),
            a,
            b,
            np.divide(a**2, b, out=np.zeros(len(a)), where=known),
            b**2,
            np.where(known, dispersion, 0.0),
        )
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = pool_a / pool_b
        by_chance = (locations - 1) / locations * scatter * noise * mean
        free = pool_b - weights / pool_b
        between = np.where(free == 0, np.nan, (squares - mean**2 * pool_b - by_chance) / free)
        days = np.minimum(mean / np.fmax(between, (0.2 * mean) ** 2), 200.0)
    is_pooled = (locations >= POOLED_LOCATIONS) & (mean > 0)
    days = np.where(is_pooled, days, 0.0)[item] * dispersion * noise
    return Prior(days * np.where(is_pooled, mean, 0.0)[item], days / size)


def _sizes(a: Array, b: Array, pool: Pools) -> Array:
    """How many times the mean location of its feed the location of each series sells, by its other items: (series,).

    What a series sold itself is left out of its own, or it would count twice.
    """
    items, locations = int(pool.item.max(initial=-1)) + 1, int(pool.location.max(initial=-1)) + 1
    size = np.ones(len(a))
    for _ in range(2):  # what an item usually sells and how large locations are hang on one another
        units, days = summed(pool.item, a, items), summed(pool.item, b * size, items)
        usual = b * np.divide(units, days, out=np.zeros(items), where=days > 0)[pool.item]
        sold, expected = (summed(pool.location, of, locations)[pool.location] - of for of in (a, usual))
        size = (sold + LOCATION_UNITS) / (expected + LOCATION_UNITS)
    return size


def rate(a: Array, b: Array) -> Array:
    """Units a day; NaN where nothing is known."""
    return np.asarray(np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0))

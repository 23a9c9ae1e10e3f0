"""Gaps laid out over stores and items, the same in every replication: what a feed shows of them, and the truth."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from include.stockwatch.simulation.habits import SAME_BRAND, STORE, Habits
from include.stockwatch.simulation.shoppers import Shoppers, Trade

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

HISTORY_DAYS, START_DAYS, LONGEST_DAYS = 63, 49, 42
DAYS = HISTORY_DAYS + START_DAYS + LONGEST_DAYS
PLENTY = 1e9
PROMOTION_DAYS, PROMOTION_EVERY_DAYS, PROMOTION_FACTOR = 7, 28, 3.0


@dataclass(frozen=True)
class Category:
    """What the customer sets for a category: T and q."""

    cycle_days: float
    units_per_purchase: float


@dataclass(frozen=True)
class Layout:
    """Series of one replication, one gap to be judged for each. Arrays have the shape (stores, items)."""

    categories: Sequence[Category]
    category: Index  # of each area
    area: Index  # of each store
    rates: Array  # units a day
    price: Array
    first_day: Index  # of the gap that is judged
    last_day: Index
    is_empty: Flags  # (days, stores, items), gaps before the judged one included
    factor: Array  # (days, stores, items), demand of the day against the usual one


def layout(
    seed: int,
    categories: Sequence[Category],
    series: int,
    *,
    is_connected: bool = False,
    is_dc_wide: bool = False,
    has_promotions: bool = False,
) -> Layout:
    """Draw velocities, prices and gaps for so many series of each category: fast and slow, short and long.

    Series stand alone, and shoppers go elsewhere to places that are not in the feed; `is_connected` makes them shops of
    five items in one area, which shoppers choose between. `is_dc_wide` lets every gap hit all stores of an area at
    once; `has_promotions` triples the demand of an item one week in four, and starts half of the gaps in such a week.
    """
    rng = np.random.default_rng([seed, 11])
    items = 5 if is_connected else 1
    stores, areas = (series // items, 1) if is_connected else (1, series)
    category = np.repeat(np.arange(len(categories)), areas)
    area = np.repeat(np.arange(category.size), stores)
    shape = (area.size, items)
    promoted = (np.arange(DAYS)[:, None, None] + rng.integers(PROMOTION_EVERY_DAYS, size=(1, *shape))) % (
        PROMOTION_EVERY_DAYS
    ) < PROMOTION_DAYS
    factor = np.where(promoted & has_promotions, PROMOTION_FACTOR, 1.0)

    def one_for_each(drawn: Index) -> Index:
        first_store = np.arange(shape[0]) // stores * stores
        return np.asarray(drawn[first_store] if is_dc_wide else drawn, np.int64)

    first_day = one_for_each(HISTORY_DAYS + rng.integers(START_DAYS, size=shape))
    if has_promotions:
        first_day = first_day + np.where(rng.random(shape) < 0.5, _days_to(promoted, first_day), 0)
    length = one_for_each(_lengths(rng, shape))
    last_day = np.minimum(first_day + length, DAYS) - 1
    is_empty = _between(first_day, last_day)
    for _ in range(2):  # up to two gaps before, each with a chance of one half
        before = np.where(rng.random(shape) < 0.5, rng.integers(7, HISTORY_DAYS - 7, size=shape), DAYS)
        is_empty |= _between(before, np.minimum(before + _lengths(rng, shape), HISTORY_DAYS - 3) - 1)
    return Layout(
        categories=categories,
        category=category,
        area=area,
        rates=_rates(rng, category.size, stores, items),
        price=np.exp(rng.uniform(np.log(1.0), np.log(10.0), (category.size, items)))[area],
        first_day=first_day,
        last_day=last_day,
        is_empty=is_empty,
        factor=factor,
    )


def _rates(rng: np.random.Generator, areas: int, stores: int, items: int) -> Array:
    """Units a day: items from 0.15 to 6 in an ordinary store, smaller and larger stores, and chance."""
    item = np.exp(rng.uniform(np.log(0.15), np.log(6.0), (areas, 1, items)))
    store = rng.lognormal(0.0, 0.5, (areas, stores, 1))
    rates: Array = item * store * rng.lognormal(0.0, 0.3, (areas, stores, items))
    return rates.reshape(areas * stores, items)


def _lengths(rng: np.random.Generator, shape: tuple[int, ...]) -> Index:
    """Days of a gap: three on average in the middle, six weeks at most."""
    return np.asarray(np.clip(np.ceil(rng.lognormal(np.log(3.0), 1.0, shape)), 1, LONGEST_DAYS), np.int64)


def _between(first: Index, last: Index) -> Flags:
    day = np.arange(DAYS)[:, None, None]
    between: Flags = (day >= first) & (day <= last)
    return between


def _days_to(promoted: Flags, day: Index) -> Index:
    """Days until the next promotion of each series; none for one that is in a promotion."""
    ahead = np.stack(
        [np.take_along_axis(promoted, (day + step)[None] % DAYS, axis=0)[0] for step in range(PROMOTION_EVERY_DAYS)]
    )
    return np.asarray(ahead.argmax(axis=0), np.int64)


class Feed(NamedTuple):
    """What a partner reports, and nothing else. Shape (days, replications x stores, items)."""

    units_sold: Array
    on_hand_units: Array


class Truth(NamedTuple):
    """What the gap that is judged did, by paired runs; shape (replications x stores, items)."""

    unmet_units: Array
    customers: Array
    """Loyal buyers lost: the further purchases of each that the gap cost, as a share, on the gap's last day."""
    purchases_per_year: Array
    """Brand purchases a year lost on that day; people who come often count more."""


class Lived(NamedTuple):
    """Replications of a layout, side by side."""

    feed: Feed
    truth: Truth
    lost_units: Array  # of the brand, by replication: neither bought elsewhere, nor of a sibling, nor later
    area: Index  # of each store of each replication
    category: Index  # the same


def live(plan: Layout, habits: Sequence[Habits], replications: int, seed: int) -> Lived:
    """Let the same gaps happen to ever new shoppers, and look at the same shoppers without the gap that is judged.

    `habits` has one element per area of each replication.
    """
    areas = plan.category.size
    area = (np.arange(replications)[:, None] * areas + plan.area).ravel()
    rates = np.tile(plan.rates, (replications, 1))
    shoppers = Shoppers(rates, seed=seed, habits=habits, areas=area)
    rng = np.random.default_rng([seed, 12])
    gap = _between(plan.first_day, plan.last_day)
    feed = Feed(*(np.zeros((DAYS, *rates.shape), np.float32) for _ in Feed._fields))
    unmet = np.zeros(rates.shape)
    lost = np.zeros(areas * replications)
    without = shoppers
    for day in range(DAYS):
        if day == HISTORY_DAYS:
            without = copy.deepcopy(shoppers)
        factor = np.tile(plan.factor[day], (replications, 1))
        shelf = _shelf(plan, day, rates, rng)
        if without is not shoppers:
            trade = without.buy(day, np.where(np.tile(gap[day], (replications, 1)), PLENTY, shelf), factor)
            lost -= _lost(trade, area)
        trade = shoppers.buy(day, shelf, factor)
        if without is not shoppers:
            lost += _lost(trade, area)
            unmet += trade.unmet * np.tile(gap[day], (replications, 1))
        feed.units_sold[day], feed.on_hand_units[day] = trade.sold, shelf
    recovery = np.array([own.recovery_half_life_days or np.inf for own in habits])[area, None]
    undone = np.exp2((DAYS - np.tile(plan.last_day, (replications, 1))) / recovery)
    truth = _truth(shoppers, without, unmet, undone)
    return Lived(feed, truth, lost.reshape(replications, -1).sum(axis=1), area, plan.category[area % areas])


def _shelf(plan: Layout, day: int, rates: Array, rng: np.random.Generator) -> Array:
    """Plenty on ordinary days; on the first day of a gap what is left of the stock, afterwards nothing."""
    replications = rates.shape[0] // plan.rates.shape[0]
    empty = np.tile(plan.is_empty[day], (replications, 1))
    begins = empty & ~np.tile(plan.is_empty[day - 1], (replications, 1))
    left = np.minimum(rng.poisson(rates * 0.5), PLENTY)
    return np.where(empty, np.where(begins, left, 0.0), PLENTY)


def _lost(trade: Trade, area: Index) -> Array:
    """Units of the day that the brand did not sell, by area; what is bought late comes off on a later day."""
    kept = trade.responses[..., STORE] + trade.responses[..., SAME_BRAND] + trade.recovered
    return np.asarray(np.bincount(area, weights=(trade.unmet - kept).sum(axis=1)), float)


def _truth(shoppers: Shoppers, without: Shoppers, unmet: Array, undone: Array) -> Truth:
    """Attachment with the gap against attachment without; `undone` takes back what healed after the gap."""
    a_year = 365 * shoppers.pace
    return Truth(
        unmet_units=unmet,
        customers=(without.loyal_buyers(DAYS) - shoppers.loyal_buyers(DAYS)) * undone,
        purchases_per_year=(without.loyal_buyers(DAYS, a_year) - shoppers.loyal_buyers(DAYS, a_year)) * undone,
    )

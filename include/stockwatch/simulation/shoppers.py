"""Shoppers with habits: who comes on a day, what they do at an empty shelf, and whether they stay with the brand.

One shopper here is one person's habit of buying one item: a home store, an alternative store in the same area, a
rhythm, and, for loyal buyers, an attachment to the brand that wears off when an empty shelf makes them switch.
When shoppers need something, and how they would choose, never depends on the shelf: two populations with the same
seed live the same days, so that a run with a stock-out can be held against the same run without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from include.stockwatch.simulation.habits import BRAND, CANCEL, DELAY, SAME_BRAND, STORE, Habits, HabitTable

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
PUBLISHED = Habits()
"""The published averages."""


class Trade(NamedTuple):
    """A day's trade, in units unless said otherwise; every array has the shape (stores, items)."""

    sold: Array
    """By this store: to shoppers from elsewhere, and to those who had waited, as well."""
    wanted: Array
    """At the home store and as first choice, whether or not it was there."""
    unmet: Array
    """Wanted and not there."""
    recovered: Array
    """Part of `sold`: bought by shoppers who had waited."""
    responses: Array
    """What those did who found nothing, in units; one more axis in the order of `RESPONSES`."""
    switched: Array
    """Loyal buyers who took another brand; people."""


class _Occasions(NamedTuple):
    """Purchases that shoppers set out for, with every choice that they would make; one element each."""

    shopper: Index
    units: Array
    comes: Array  # below the attachment, they want the brand
    responds: Array
    queues: Array  # place in the day's queue
    returns: Array  # whether and when a delayed purchase is made

    def chosen(self, which: Flags) -> _Occasions:
        """Some of them."""
        return _Occasions(self.shopper[which], *(column[which] for column in self[1:]))

    def and_then(self, others: _Occasions) -> _Occasions:
        """These, followed by others."""
        rest = (np.concatenate(pair) for pair in zip(self[1:], others[1:], strict=True))
        return _Occasions(np.concatenate((self.shopper, others.shopper)), *rest)


class Shoppers:
    """The shoppers of some stores for the items of one brand in one category.

    `rates[store, item]` is the demand in units a day that the population is made for, met up to whole shoppers;
    `areas[store]` numbers the stores that shoppers choose between, and `habits` are one for all or one per area.
    Everybody has one alternative store and one sibling item in mind, busy ones more often. Where there is no other
    store in the area, or no other item, shoppers are taken to find what they want outside of this population.
    """

    def __init__(
        self,
        rates: Array,
        *,
        seed: int,
        habits: Habits | Sequence[Habits] = PUBLISHED,
        areas: Index | None = None,
    ) -> None:
        rates = np.asarray(rates, float)
        self.shape = rates.shape
        store_area = np.zeros(rates.shape[0], np.int64) if areas is None else np.asarray(areas, np.int64)
        each = [habits] * int(store_area.max() + 1) if isinstance(habits, Habits) else habits
        self._habit = HabitTable(each)
        self._rng = np.random.default_rng([seed, 1])
        self._retry_rng = np.random.default_rng([seed, 2])  # apart: how many are waiting depends on the shelf
        self._settle(rates, store_area, np.random.default_rng([seed, 0]))
        self._lived_days = np.zeros(rates.size)  # of each series, stretched by the demand factor of the day
        self._waiting, self._waiting_units, self._looks_on = np.empty(0, np.int64), np.empty(0), np.empty(0)

    def _settle(self, rates: Array, store_area: Index, rng: np.random.Generator) -> None:
        """Draw everybody: home, alternative, loyalty, rhythm, and the next purchase."""
        items = rates.shape[1]
        area = np.repeat(store_area, items)
        habit = self._habit
        buyers = rates.ravel() * habit.cycle[area] / habit.units[area]  # if all came as often as loyal ones do
        loyal = _whole(buyers * habit.loyal_share[area], rng)
        occasional = _whole(buyers * (1 - habit.loyal_share[area]) * habit.occasional_factor[area], rng)
        series = np.arange(rates.size)
        self.home = np.repeat(np.tile(series, 2), np.concatenate((loyal, occasional)))
        self.is_loyal = np.arange(self.home.size) < loyal.sum()
        self._area = area[self.home]
        store, item = np.divmod(series, items)
        self._alternative = _another(self.home, area * items + item, rates.ravel(), rng)
        self._sibling = _another(self.home, store, rates.ravel(), rng)
        every = habit.cycle[self._area] * np.where(self.is_loyal, 1.0, habit.occasional_factor[self._area])
        self.pace = _uneven(habit.rate_variation[self._area], rng) / every
        shape = habit.regularity[self._area]
        # met at any moment, a shopper is more likely to be in a long gap than in a short one
        self._due = rng.random(self.home.size) * rng.gamma(shape + 1) / shape / self.pace
        self._attachment, self._attachment_on = np.ones(self.home.size), np.zeros(self.home.size)
        self._memory, self._memory_on = np.zeros(self.home.size), np.zeros(self.home.size)

    def buy(self, day: int, shelf_units: Array, factor: Array | float = 1.0) -> Trade:
        """Let the day's shoppers shop, and take what they buy out of `shelf_units`.

        First those at home in random order, with those who had waited; then those who found their own shelf empty.
        Units: `day` counts up; `shelf_units[store, item]` whole units; `factor[store, item]` multiplies usual demand
        """
        shelf = shelf_units.ravel().astype(float)
        fresh, waited = self._occasions(day, factor), self._looking_again(day)
        come = fresh.and_then(waited)
        is_fresh = np.arange(come.shopper.size) < fresh.shopper.size
        series, units = self.home[come.shopper], come.units
        bought = _served(shelf, series, units, come.queues)
        knew = ~is_fresh & ~self._habit.retries[self._area[come.shopper]]
        disappointed, patient = come.chosen((bought == 0) & ~knew), come.chosen((bought == 0) & knew)
        response, elsewhere, found = self._respond(disappointed, shelf)
        self._wait(day, disappointed.chosen(response == DELAY), patient)
        switched = self._remember(day, disappointed.shopper, response == BRAND)
        home = self.home[disappointed.shopper]
        shelf_units[...] = shelf.reshape(self.shape)
        return Trade(
            sold=self._sum(series, bought) + self._sum(elsewhere, found),
            wanted=self._sum(series, units * is_fresh),
            unmet=self._sum(series, (units - bought) * is_fresh),
            recovered=self._sum(series, bought * ~is_fresh),
            responses=np.stack([self._sum(home, disappointed.units * (response == r)) for r in range(5)], axis=-1),
            switched=self._sum(home, switched.astype(float)),
        )

    def attachment(self, day: int, shoppers: Index | slice = slice(None)) -> Array:
        """Chance that a shopper wants the brand when the need comes, on a day not before the latest one shopped."""
        away = 1 - self._attachment[shoppers]
        passed = day - self._attachment_on[shoppers]
        attached: Array = 1 - away * np.exp2(-passed / self._habit.recovery[self._area[shoppers]])
        return attached

    def loyal_buyers(self, day: int, weights: Array | None = None) -> Array:
        """Loyal buyers kept, each counted with the attachment that is left; optionally weighted. (stores, items)"""
        kept = self.attachment(day) * self.is_loyal
        return self._sum(self.home, kept if weights is None else kept * weights)

    def _sum(self, series: Index, values: Array) -> Array:
        total = np.bincount(series, weights=values, minlength=self._lived_days.size)
        return np.asarray(total, float).reshape(self.shape)

    def _occasions(self, day: int, factor: Array | float) -> _Occasions:
        """Everybody who needs something today and wants the brand; what is drawn does not depend on any shelf."""
        self._lived_days += np.broadcast_to(factor, self.shape).ravel()
        due = np.flatnonzero(self._due <= self._lived_days[self.home])
        shoppers = []
        while due.size:
            shoppers.append(due)
            shape = self._habit.regularity[self._area[due]]
            self._due[due] += self._rng.standard_gamma(shape) / shape / self.pace[due]
            due = due[self._due[due] <= self._lived_days[self.home[due]]]
        who = np.concatenate(shoppers) if shoppers else np.empty(0, np.int64)
        units: Array = (1 + self._rng.poisson(self._habit.units[self._area[who]] - 1)).astype(float)
        needs = _Occasions(who, units, *self._rng.random((4, who.size)))
        return needs.chosen(needs.comes < self.attachment(day, who))

    def _looking_again(self, day: int) -> _Occasions:
        """Shoppers who had put their purchase off and look today; they leave the list of those who wait."""
        looks = self._looks_on <= day
        choices = self._retry_rng.random((4, int(looks.sum())))
        found = _Occasions(self._waiting[looks], self._waiting_units[looks], *choices)
        self._waiting, self._looks_on = self._waiting[~looks], self._looks_on[~looks]
        self._waiting_units = self._waiting_units[~looks]
        return found

    def _respond(self, missed: _Occasions, shelf: Array) -> tuple[Index, Index, Array]:
        """What each does in the end; where those who look elsewhere do so, and the units they find there."""
        shares = self._habit.response[self._area[missed.shopper], self.is_loyal[missed.shopper].astype(int)]
        reached = np.cumsum(shares, axis=1)
        response = (missed.responds[:, None] >= reached[:, :-1]).sum(axis=1)
        target = np.full(response.shape, -1)
        target = np.where(response == STORE, self._alternative[missed.shopper], target)
        target = np.where(response == SAME_BRAND, self._sibling[missed.shopper], target)
        looks = np.flatnonzero(target >= 0)
        found = _served(shelf, target[looks], missed.units[looks], missed.queues[looks])
        empty = looks[found == 0]
        own = np.arange(response.size), response
        within = (missed.responds - reached[own] + shares[own]) / np.maximum(shares[own], 1e-300)  # uniform again
        rest = np.cumsum(shares[empty][:, [BRAND, DELAY, CANCEL]], axis=1)
        second = (within[empty, None] * rest[:, -1:] >= rest[:, :-1]).sum(axis=1)
        response[empty] = np.array([BRAND, DELAY, CANCEL])[second]
        return response, target[looks], found

    def _wait(self, day: int, delayed: _Occasions, patient: _Occasions) -> None:
        """Put those who will still make their purchase on the list; who knew of the empty shelf looks every day."""
        area = self._area[delayed.shopper]
        returns = delayed.returns < self._habit.delay_recovered[area]
        share = delayed.returns[returns] / self._habit.delay_recovered[area][returns]
        days = np.ceil(-np.log(np.maximum(share, 1e-12)) * self._habit.delay_days[area][returns])
        self._waiting = np.concatenate((self._waiting, delayed.shopper[returns], patient.shopper))
        self._waiting_units = np.concatenate((self._waiting_units, delayed.units[returns], patient.units))
        self._looks_on = np.concatenate((self._looks_on, day + days, np.full(patient.shopper.size, day + 1.0)))

    def _remember(self, day: int, shoppers: Index, takes_another_brand: Flags) -> Flags:
        """Let loyal buyers remember the empty shelf, and lose some of those who switched; says which did."""
        loyal = self.is_loyal[shoppers]
        met, area = shoppers[loyal], self._area[shoppers[loyal]]
        memory = self._memory[met] * np.exp2(-(day - self._memory_on[met]) / self._habit.memory[area])
        persists = self._habit.first_persistence[area] * self._habit.escalation[area] ** memory
        lost = np.minimum(persists, self._habit.max_persistence[area]) * takes_another_brand[loyal]
        self._attachment[met] = self.attachment(day, met) * (1 - lost)
        self._attachment_on[met] = day
        self._memory[met], self._memory_on[met] = memory + 1, day
        switched: Flags = takes_another_brand & loyal
        return switched


def _whole(people: Array, rng: np.random.Generator) -> Index:
    """Whole people, right on average."""
    return np.floor(people + rng.random(people.shape)).astype(np.int64)


def _uneven(variation: Array, rng: np.random.Generator) -> Array:
    """Gamma-distributed factors with mean 1 and this coefficient of variation."""
    shape = 1 / np.maximum(variation, 1e-3) ** 2
    factors: Array = np.where(variation > 0, np.maximum(rng.standard_gamma(shape) / shape, 1e-6), 1.0)
    return factors


def _another(series: Index, group: Index, rates: Array, rng: np.random.Generator) -> Index:
    """For each shopper of `series` another series of its group, a busy one more likely; -1 where there is none."""
    order = np.argsort(group, kind="stable")
    upto = np.cumsum(rates[order])
    ends, starts = np.empty_like(rates), np.empty_like(rates)
    ends[order], starts[order] = upto, upto - rates[order]
    first, last = np.full(group.max(initial=0) + 1, np.inf), np.zeros(group.max(initial=0) + 1)
    np.minimum.at(first, group, starts)
    np.maximum.at(last, group, ends)
    own, others = rates[series], (last - first)[group[series]] - rates[series]
    drawn = first[group[series]] + rng.random(series.size) * others
    drawn += np.where(drawn >= starts[series], own, 0.0)
    place = np.minimum(np.searchsorted(upto, drawn, side="right"), rates.size - 1)
    other = order[place]
    return np.where((others > 1e-9) & (other != series) & (group[other] == group[series]), other, -1)


def _served(shelf: Array, series: Index, units: Array, queue: Array) -> Array:
    """Units that each gets when all reach for these shelves in the order of the queue; the shelves are emptied."""
    got = units.copy()
    scarce = np.flatnonzero((np.bincount(series, weights=units, minlength=shelf.size) > shelf)[series])
    order = scarce[np.lexsort((queue[scarce], series[scarce]))]
    taken = np.cumsum(units[order])
    first = np.flatnonzero(np.diff(series[order], prepend=-1))
    before = taken - units[order]
    before -= np.repeat(before[first], np.diff(first, append=order.size))
    got[order] = np.clip(shelf[series[order]] - before, 0.0, units[order])
    shelf -= np.bincount(series, weights=got, minlength=shelf.size)
    return got

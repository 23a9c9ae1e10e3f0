"""What a look-back tells of every series: position, demand, shelf, spell and replenishment, worked out in one go.

The common figures come first, from a sample; then each series by itself, in blocks; then what needs all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from include.stockwatch.domain import demand, orders, phantom
from include.stockwatch.domain.availability import (
    CheckSettings,
    Days,
    Position,
    Spell,
    Status,
    marked,
    phantom_spells,
    position,
    spells,
    statuses,
)
from include.stockwatch.domain.panel import Array, Codes, Columns, Mask, Panel, ages, blocks, or_zero, risen

Told = Callable[[Array, Array], Array]
"""What customers say of silent runs: (units a day, age of the first silent day) -> log odds, 0 = nothing."""


@dataclass(frozen=True)
class Limits(Columns):
    """Thresholds of each series, and whether it is one of a DC. Shapes: (series,)"""

    out_of_stock_at_or_below_units: Array
    phantom_probability: Array
    is_dc: Mask


@dataclass(frozen=True)
class Common:
    """What is learned from many series: factors of weekdays (categories, 7), by age modulo seven, and of promotions
    (categories,), and of the days of items (days, items), and which of these are raised; dispersion and lumpiness
    (feeds, bands); hazards of the shelves; which feeds report receipts, and how many days their promotions last
    (feeds,)."""

    weekdays: Array
    promotions: Array
    item_days: Array
    raised: Mask
    dispersion: Array
    lumpiness: Array
    hazards: phantom.Hazards
    reports_receipts: Mask
    promotion_days: Array

    @classmethod
    def of_feeds(cls, parts: Sequence[Common]) -> Common:
        """Those of all feeds from those of some each."""
        hazards = [one.hazards for one in parts]
        return cls(
            np.concatenate([one.weekdays for one in parts]),
            np.concatenate([one.promotions for one in parts]),
            np.concatenate([one.item_days for one in parts], axis=1),
            np.concatenate([one.raised for one in parts], axis=1),
            np.concatenate([one.dispersion for one in parts]),
            np.concatenate([one.lumpiness for one in parts]),
            phantom.Hazards(
                np.concatenate([one.initial for one in hazards]),
                np.concatenate([one.hazard for one in hazards]),
                np.concatenate([one.recovery for one in hazards]),
            ),
            np.concatenate([one.reports_receipts for one in parts]),
            np.concatenate([one.promotion_days for one in parts]),
        )


def learned(panel: Panel, pool: demand.Pools, limits: Limits, check: CheckSettings) -> Common:
    """The common figures, from a sample of the series."""
    reports = phantom.reports_receipts(panel, pool)
    parts = pool.parts()
    found = [
        _learned(panel, part, pool.part(part), limits, check, reports[np.unique(pool.feed[part])]) for part in parts
    ]
    return Common.of_feeds(found)


def _learned(
    panel: Panel, part: slice, pool: demand.Pools, limits: Limits, check: CheckSettings, reports: Mask
) -> Common:
    """The same of some feeds, `part` being their series, and `pool` and `reports` theirs alone."""
    kept = np.flatnonzero(demand.sample(pool))
    chosen = part.start + kept
    some, own = panel.of(chosen), pool.of(kept)
    days = marked(some, limits.out_of_stock_at_or_below_units[chosen], check, limits.is_dc[chosen])

    def factors(raised: Mask) -> tuple[demand.History, Array, Array, Array, Array]:
        seen = demand.history(some, days, raised[:, own.item])
        weekdays = demand.weekday_factors(seen, own, pool)
        promotions = demand.promotion_factors(seen, own, pool, weekdays)
        factor = _factor(some, weekdays[own.category], promotions[own.category], seen.is_promoted)
        expected = or_zero(seen.base_rate) * factor * days.on_sale
        return seen, weekdays, promotions, expected, demand.item_days(days, expected, own, pool, check.forgetting)

    raised = np.zeros((some.days, int(pool.item.max(initial=-1)) + 1), bool)
    seen, weekdays, promotions, expected, item_days = factors(raised)
    if np.isnan(some.price).all(axis=0).any():  # promotions that no price tells show in what the items' days are
        raised = demand.raised(item_days)
        seen, weekdays, promotions, expected, item_days = factors(raised)
    expected = expected * item_days[:, own.item]
    dispersion = demand.dispersions(seen, expected, own, pool.feeds)
    lumpy = phantom.lumpiness(seen, expected, dispersion, own, pool.feeds)
    runs = phantom.runs(some, days, seen, expected, dispersion, lumpy, own, reports)
    lasts = demand.promotion_days(seen.is_promoted, some.price, own, pool.feeds)
    found = phantom.hazards(runs, pool.feeds)
    return Common(weekdays, promotions, item_days, raised, dispersion, lumpy, found, reports, lasts)


def _factor(panel: Panel, profile: Array, promotion: Array, is_promoted: Mask) -> Array:
    """What each day is expected to sell of a mean one, or each of those that a report stands for: (days, series)."""
    weekday = panel.mean_of_reports(demand.daily_factors(profile, panel.days))
    return weekday * np.where(is_promoted, promotion, 1.0)


@dataclass(frozen=True)
class _Own(Columns):
    """What the days of each series say by themselves."""

    position: Position
    evidence: demand.Evidence
    silence: phantom.Silence
    replenishment: orders.Replenishment
    report_days: Array
    factor_today: Array
    promotion_days_left: Array


InParts = Callable[[Callable[[slice], Any], Iterable[slice]], Iterable[Any]]
"""Applies a function to parts of the series, in their order."""


def _own(panel: Panel, pool: demand.Pools, limits: Limits, common: Common, check: CheckSettings) -> _Own:
    days, is_promoted, factor = _days(panel, pool, limits, common, check)
    found, rise = position(panel, days), risen(panel)
    received = orders.receipts(panel, rise, common.reports_receipts[pool.feed])
    return _Own(
        found,
        _evidence(panel, pool, days, factor, received > 0, found.last_sale, limits.is_dc, common, check),
        phantom.silence(rise, days, factor, found.last_sale, found.last_receipt),
        orders.replenishment(panel, received),
        days.report_days[0],
        factor[0],
        demand.promotion_days_left(is_promoted, panel.price, common.promotion_days[pool.feed]),
    )


def _evidence(
    panel: Panel,
    pool: demand.Pools,
    days: Days,
    factor: Array,
    came: Mask,
    last_sale: Array,
    is_dc: Mask,
    common: Common,
    check: CheckSettings,
) -> demand.Evidence:
    """What the days of series say of their demand: those on which their shelf was probably empty as much less."""
    found = demand.evidence(days, factor, last_sale, check, is_dc)
    is_sale = (days.sold > 0) & ~came
    is_event = came | is_sale | days.is_out
    silent = np.where(is_event | ~days.is_whole | ~(ages(panel.days) > last_sale), 0.0, days.on_sale)
    a, b = found.frozen_a, found.frozen_b
    shelf = _shelf(a, b, demand.rate(a, b), pool, common, check)
    some = phantom.doubted(silent * factor, is_event, shelf)
    if not len(some):
        return found
    own = days.of(some)
    stocked = phantom.stocked(
        silent[:, some],
        factor[:, some],
        is_event[:, some],
        is_sale[:, some],
        panel.on_hand_units[:, some],
        shelf.of(some),
    )
    own = dataclasses.replace(own, on_sale=own.on_sale * stocked)
    found.put(some, demand.evidence(own, factor[:, some], last_sale[some], check, is_dc[some]))
    return found


def _shelf(
    a: Array, b: Array, velocity: Array, pool: demand.Pools, common: Common, check: CheckSettings
) -> phantom.Shelf:
    """What is expected of the shelf of each series: of its demand, a units in b days; of its feed, of what sells like
    it in `velocity`, units a day; of records of its feed."""
    group = pool.feed, demand.velocity_band(velocity)
    dispersion = common.dispersion[group]
    return phantom.Shelf(
        or_zero(demand.rate(a, b)),
        np.maximum(a / (dispersion * demand.noise(check)), 1e-3),
        dispersion,
        common.lumpiness[group],
        common.hazards.initial[pool.feed].T,
        common.hazards.hazard[pool.feed],
        common.hazards.recovery[pool.feed],
    )


def _days(
    panel: Panel, pool: demand.Pools, limits: Limits, common: Common, check: CheckSettings
) -> tuple[Days, Mask, Array]:
    """The days of series, whether each was one of a promotion, and what it is expected to sell of a mean one."""
    days = marked(panel, limits.out_of_stock_at_or_below_units, check, limits.is_dc)
    is_promoted = demand.promoted(panel.price, common.raised[:, pool.item])
    factor = _factor(panel, common.weekdays[pool.category], common.promotions[pool.category], is_promoted)
    return days, is_promoted, factor * common.item_days[:, pool.item]


@dataclass(frozen=True)
class Figures(Columns):
    """What is known of each series on its date.

    Shapes: (series,), those of the parts as well
    Units:  demand_a / demand_b in units per day on sale of a mean weekday without promotion, factor_today what the
            date is worth of such a day; promotion_days_left after the date, as promotions at the feed usually last
    Nulls:  NaN where it is not known; demand_b = 0 where no day with stock and sales was seen; p_phantom where the
            record of the date does not show stock
    """

    position: Position
    replenishment: orders.Replenishment
    shelf: phantom.Judgement
    spell: Spell
    status: npt.NDArray[np.str_]
    dispersion: Array
    demand_a: Array
    demand_b: Array
    factor_today: Array
    promotion_days_left: Array
    days_of_supply: Array
    p_phantom: Array

    @property
    def rate(self) -> Array:
        """Units a day."""
        return demand.rate(self.demand_a, self.demand_b)


def figures(
    panel: Panel,
    pool: demand.Pools,
    limits: Limits,
    common: Common,
    check: CheckSettings,
    memory_half_life_days: float,
    closed: Mask,
    told: Told | None = None,
    in_parts: InParts = map,
) -> Figures:
    """The figures of every series; `in_parts` is `map`, or works on several parts at the same time.

    `closed` are the days on which a location was closed, (days, locations): nobody met a gap on them.

    Source: Gamma-Poisson with forgetting. Days out of stock teach nothing and make nothing forgotten; silent days
            count as far as the shelf probably had stock, so that a run does not talk the rate down that judges it
    """

    def of_part(one: slice) -> _Own:
        return _own(panel.of(one), pool.of(one), limits.of(one), common, check)

    own = _Own.joined(in_parts(of_part, blocks(panel.series)), panel.series)
    found = own.position
    a, b = demand.with_silence(own.evidence, check)
    velocity = demand.rate(a, b)
    dispersion = common.dispersion[pool.feed, demand.velocity_band(velocity)]
    prior = demand.item_prior(a, b, dispersion, pool, demand.noise(check))
    frozen = own.evidence.frozen_a + prior.a, own.evidence.frozen_b + prior.b
    expected = _shelf(*frozen, velocity, pool, common, check)
    shelf = phantom.judged(own.silence, expected, found.on_hand_units, found.last_sale, found.last_receipt)
    if told is not None:
        shelf = shelf.raised(told(demand.rate(*frozen), shelf.silent_days - 1))
    a, b = demand.with_silence(own.evidence, check, 1 - shelf.p_empty)
    a, b = a + prior.a, b + prior.b
    days_of_supply = orders.divided(np.maximum(found.on_hand_units, 0.0), demand.rate(a, b))
    status = statuses(found, shelf.p_empty, limits.phantom_probability, check)
    p_phantom = np.where(found.is_fresh & ~found.is_out, shelf.p_empty, np.nan)

    def by_record(one: Status) -> tuple[Codes, Spell]:
        """The series of a status, and their spells as the record tells them."""
        some = np.flatnonzero(status == one.value)

        def recorded(part: slice) -> Spell:
            these = some[part]
            reported, last = panel.of(these), found.last_in_stock[these]
            days, _, factor = _days(reported, pool.of(these), limits.of(these), common, check)
            worth = np.where(closed[:, pool.location[these]], 0.0, reported.of_reports(factor))
            return spells(days, worth, last, check, memory_half_life_days)

        return some, Spell.joined(in_parts(recorded, blocks(len(some))), len(some))

    worth_today = np.where(closed[0, pool.location], 0.0, own.factor_today * own.report_days)
    spell = Spell.none(panel.series)
    rest = np.where(found.last_sale == 0, 1 - check.sell_out_day_exposure, np.nan)  # of a day that sold the shelf empty
    spell.exposure_today[:] = p_phantom * worth_today * np.where(shelf.silent_days > 0, 1.0, rest)
    out, of_out = by_record(Status.OUT_OF_STOCK)
    spell.put(out, of_out)
    doubted, of_doubted = by_record(Status.PHANTOM_SUSPECTED)
    spell.put(doubted, phantom_spells(shelf.of(doubted), p_phantom[doubted], of_doubted, worth_today[doubted]))
    return Figures(
        found,
        own.replenishment,
        shelf,
        spell,
        status,
        dispersion,
        a,
        b,
        own.factor_today,
        own.promotion_days_left,
        days_of_supply,
        p_phantom,
    )

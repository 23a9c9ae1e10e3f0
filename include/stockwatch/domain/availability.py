"""Availability of every series on a date: status, days of supply, out-of-stock spell.

Late or restated data needs no repair: the date is computed again from its look-back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from include.stockwatch.domain.panel import (
    WEEK,
    Array,
    Codes,
    Columns,
    Mask,
    Panel,
    ages,
    before,
    begun,
    last_known,
    newest,
    risen,
    summed,
    total,
)
from include.stockwatch.domain.value import Value

if TYPE_CHECKING:
    from include.stockwatch.domain.phantom import Judgement


CLOSED_UNITS = 10.0
"""Units that a place would have sold, as a rule: that it sold none of them is no chance."""


class Status(StrEnum):
    """What is known of a ranged series on a date."""

    UNKNOWN = "unknown"
    OUT_OF_STOCK = "out_of_stock"
    PHANTOM_SUSPECTED = "phantom_suspected"  # the record shows stock, the shelf is probably empty
    AT_RISK = "at_risk"
    PLANNED = "planned"  # not meant to be had, whether there is stock or not: in no rate
    VOID = "void"  # ranged, with stock on record, and never sold
    IN_STOCK = "in_stock"


EMPTY = (Status.OUT_OF_STOCK.value, Status.PHANTOM_SUSPECTED.value)
"""Statuses of what is empty by the record, or probably empty in spite of it."""


class CheckSettings(Value):
    """How far a check looks and how it learns demand."""

    lookback_days: int = Field(default=56, ge=7, le=400, description="days read, the checked date included")
    forgetting: float = Field(default=0.97, ge=0.5, le=1, description="weight of a day against the next one")
    sell_out_day_exposure: float = Field(
        default=0.5, gt=0, le=1, description="share of a day on sale that is counted when the shelf emptied that day"
    )
    void_days: int = Field(default=28, ge=7, description="days seen with stock and no sale before an item is void")
    horizon_days: int = Field(default=7, ge=1, le=60, description="days ahead for figures `at risk`")

    @model_validator(mode="after")
    def _oldest_day_still_counts(self) -> CheckSettings:
        if self.forgetting**self.lookback_days < 1e-19:
            raise ValueError("the oldest day would count for nothing: shorten `lookback_days` or raise `forgetting`")
        return self


@dataclass(frozen=True)
class Days(Columns):
    """Each report of each series: in stock or out, what sold, and on how many of its days it was on sale.

    Shapes: (days, series)
    Units:  on_sale is a share of the day, or of all the days that the report stands for (`report_days`) together; 0
            where it teaches nothing about demand
    Nulls:  a day without a reported stock is neither in stock nor out; nothing reported sold is 0
    """

    is_in_stock: Mask
    is_out: Mask
    sold: Array
    on_sale: Array
    report_days: Array

    @property
    def is_whole(self) -> Mask:
        """The reports of which all days were on sale."""
        return self.is_in_stock & (self.on_sale > 0)


def marked(panel: Panel, out_at: Array, check: CheckSettings, is_dc: Mask | bool = False) -> Days:
    """Mark the days of a look-back; `out_at` is the stock of each series at or below which it is out.

    A record below zero is out of stock: something was sold that the record says was not there. Of a DC that is out
    orders wait, and go out later: the days before its last shipment are days of demand, with stock or without.
    """
    is_in_stock, is_out = panel.on_hand_units > out_at, panel.on_hand_units <= out_at
    sold = np.fmax(panel.of_reports(panel.units_sold), 0.0)  # net returns are no demand
    is_told = ~np.isnan(panel.units_sold)
    sold_out = np.where(
        is_told & _sold_out(panel, is_in_stock, is_out & (sold > 0), out_at), check.sell_out_day_exposure, 0.0
    )
    on_sale = np.where(is_told & is_in_stock, 1.0, sold_out)
    if np.any(is_dc):
        shipped = (sold > 0) & (on_sale > 0)
        on_sale[is_told & is_out & is_dc & (sold <= 0) & (ages(panel.days) > newest(shipped))] = 1.0
    return Days(is_in_stock, is_out, sold, panel.of_reports(on_sale), panel.report_days)


def _sold_out(panel: Panel, is_in_stock: Mask, sold_and_out: Mask, out_at: Array) -> Mask:
    """The days on which stock ran out: not those of a record that was at its end before, and sells on all the same."""
    doubtful = sold_and_out.copy()
    doubtful[:-1] &= ~is_in_stock[1:]
    some = np.flatnonzero(doubtful.any(axis=0))
    if not len(some):
        return sold_and_out
    of_some = panel.of(some)
    earlier, received = before(of_some.on_hand_units), of_some.received_units
    came_in = np.where(np.isnan(received), risen(of_some) >= 1, received > 0)
    found = sold_and_out.copy()
    found[:, some] &= came_in | ~(earlier <= out_at[some])
    return found


def forget_before(panel: Panel, begun: Array, out_at: Array) -> None:
    """Take the empty records of days before a series was meant to be had off a look-back: nobody was out.

    It changes `panel` itself, before anything is read off it: a matrix of a million series has 0.2 GB, and a check has
    no room for a second one of stock.
    Shapes: begun (series,), the age of its first day; NaN where none is known
    """
    early = np.flatnonzero(begun < panel.days - 1)
    if len(early) and panel.on_hand_units.flags.writeable:  # not where one value stands for all
        on_hand = panel.on_hand_units[:, early]
        is_early = (ages(panel.days) > begun[early]) & (on_hand <= out_at[early])
        panel.on_hand_units[:, early] = np.where(is_early, np.nan, on_hand)


def forget_closed(panel: Panel, out_at: Array, feed: Codes, location: Codes, item: Codes, is_dc: Mask) -> Mask:
    """Take the sales of days on which a place was closed off a look-back: what did not sell then says nothing. Which
    days these are, of every location: nobody met a gap on them.

    A location, or all of a feed, that sold nothing of anything was closed, or its sales were not sent, if by the
    weekday it would have sold `CLOSED_UNITS` of what was in stock, its best seller left out: a single item that is
    silent may be missing. Weekdays on which a whole feed rests stay: the profile of demand tells them. So do days on
    which a DC shipped nothing: stores order on some days and not on others, and what they want goes out later. It
    changes `panel` itself, as `forget_before`.
    Shapes: feed, location, item and is_dc (series,), numbers from 0 on in the order of feeds; series of one feed stand
            beside one another, and in it those of one location -> (days, locations)
    """
    closed = np.zeros((panel.days, int(location.max(initial=-1)) + 1), bool)
    if not panel.units_sold.flags.writeable:
        return closed
    usual, weekdays = _usual_sales(panel.units_sold, feed)
    for place, seller in ((feed, item), (location, np.arange(panel.series))):
        first, of_seller = _starts(place), _starts(_place_of(place, seller))
        factor = weekdays[np.arange(panel.days) % WEEK][:, feed[first]]
        is_silent = ~np.logical_or.reduceat(panel.units_sold > 0, first, axis=1)
        is_silent &= ~is_dc[first] & (np.add.reduceat(usual, first) * factor >= CLOSED_UNITS)
        for day in np.flatnonzero(is_silent.any(axis=1)):
            in_stock = np.where(panel.on_hand_units[day] > out_at, usual, 0.0)
            most = np.maximum.reduceat(np.bincount(seller, weights=in_stock), of_seller)
            beside = np.add.reduceat(in_stock, first) - most
            is_closed = is_silent[day] & (beside * factor[day] >= CLOSED_UNITS)
            is_closed &= np.logical_or.reduceat(~np.isnan(panel.units_sold[day]), first)  # nothing told is not nothing
            of_series = np.repeat(is_closed, np.diff(first, append=panel.series))
            panel.units_sold[day, of_series] = np.nan
            closed[day, location[of_series]] = True
    return closed


def _starts(place: Codes) -> Codes:
    """Where each of some places begins, of which each is beside itself."""
    return np.flatnonzero(np.diff(place, prepend=-1))


def _place_of(place: Codes, seller: Codes) -> Codes:
    """The place of each seller: of an item, or of an item at a location."""
    found = np.zeros(int(seller.max(initial=-1)) + 1, np.int64)
    found[seller] = place
    return found


def _usual_sales(sold: Array, feed: Codes) -> tuple[Array, Array]:
    """Units that each series sells a day, and how many times that its feed sells on a weekday: (7, feeds)."""
    is_told = ~np.isnan(sold)
    units = np.stack([total(sold[rest::WEEK], is_told[rest::WEEK]) for rest in range(WEEK)])
    days = np.stack([is_told[rest::WEEK].sum(axis=0) for rest in range(WEEK)])
    first = _starts(feed)
    of_feed, of_weekday = (np.add.reduceat(values, first, axis=1) for values in (units, days))
    mean = of_feed.sum(axis=0) / np.maximum(of_weekday.sum(axis=0), 1)
    weekdays = of_feed / np.maximum(of_weekday, 1) / np.where(mean > 0, mean, 1.0)
    return units.sum(axis=0) / np.maximum(days.sum(axis=0), 1), weekdays


@dataclass(frozen=True)
class Position(Columns):
    """Where each series stands: the last known stock, and when what was last seen.

    Shapes: (series,)
    Units:  last_* are ages in days; days_observed have a reported stock, days_on_sale stock and a figure of what sold
    Nulls:  NaN where the look-back does not show it
    """

    last_seen: Array
    last_in_stock: Array
    last_sale: Array
    last_receipt: Array
    days_observed: Array
    days_on_sale: Array
    on_hand_units: Array
    on_order_units: Array
    in_transit_units: Array
    price: Array
    sold_out_today: Mask
    is_out: Mask
    is_stocked: Mask

    @property
    def is_fresh(self) -> Mask:
        """Whether stock was reported for the date itself."""
        return np.asarray(self.last_seen == 0)


def position(panel: Panel, days: Days) -> Position:
    """The position of each series; it is out if the date itself says so, and stocked if anything speaks for a range."""
    is_seen = ~np.isnan(panel.on_hand_units)
    last_in_stock, last_sale = newest(days.is_in_stock), newest(days.sold > 0)
    on_order, in_transit = panel.on_order_units[0], panel.in_transit_units[0]
    return Position(
        last_seen=newest(is_seen),
        last_in_stock=last_in_stock,
        last_sale=last_sale,
        last_receipt=newest(panel.received_units > 0),
        days_observed=is_seen.sum(axis=0).astype(float),
        days_on_sale=total(days.on_sale, days.is_in_stock),
        on_hand_units=last_known(panel.on_hand_units),
        on_order_units=np.array(on_order),
        in_transit_units=np.array(in_transit),
        price=last_known(panel.price),
        sold_out_today=days.is_out[0] & (days.on_sale[0] > 0),
        is_out=days.is_out[0],
        is_stocked=np.isfinite(last_in_stock) | np.isfinite(last_sale) | (on_order > 0) | (in_transit > 0),
    )


def statuses(found: Position, p_empty: Array, phantom_probability: Array, check: CheckSettings) -> npt.NDArray[np.str_]:
    """The status of every ranged series, as texts, but that what is in stock may yet be at risk (`run_out.is_at_risk`).

    Nulls: no stock reported for the date itself gives `unknown`, never out of stock; what a feed without sales brings
           is never void
    """
    never_sold = np.isnan(found.last_sale) & (found.days_on_sale >= check.void_days)
    cases = (
        (~found.is_fresh, Status.UNKNOWN),
        (found.is_out, Status.OUT_OF_STOCK),
        (never_sold, Status.VOID),
        (p_empty >= phantom_probability, Status.PHANTOM_SUSPECTED),
    )
    return np.select([case for case, _ in cases], [status.value for _, status in cases], Status.IN_STOCK.value)


@dataclass(frozen=True)
class Spell(Columns):
    """The current spell of each series that is out or probably is, and what is remembered of earlier ones.

    Shapes: (series,)
    Units:  exposure in days of a mean weekday: a day out counts its weekday's factor, the day on which the shelf
            emptied the share of it that was not sold; start is the age of the first day; exposure_today is that of all
            the days that the date's report stands for, with its probability also of a shelf that is silent, or that
            sold today, for the rest of the day
    Nulls:  NaN where no spell goes on
    """

    start: Array
    exposure_days: Array
    exposure_today: Array
    earlier_exposure_days: Array

    @classmethod
    def none(cls, series: int) -> Spell:
        """No spell of any series."""
        return cls(*(np.full(series, np.nan) for _ in range(4)))


def spells(
    days: Days, worth: Array, last_in_stock: Array, check: CheckSettings, memory_half_life_days: Array | float
) -> Spell:
    """The spells of series that are out; `worth` is what each report counts for in days of a mean weekday, for all the
    days that it stands for, nothing where the place was closed: (days, series).

    Days for which no report stands count nothing, and neither do those that sold though the record was at its end
    before: it is wrong, and there was stock.
    """
    age = ages(len(worth))
    is_current = days.is_out & ~(age >= last_in_stock)
    unserved = np.where(days.on_sale > 0, 1 - check.sell_out_day_exposure, 0.0)
    share = np.where(days.sold > 0, unserved, 1.0)
    exposure = worth * share
    faded = exposure * 2.0 ** (-age / memory_half_life_days)
    return Spell(
        start=begun(is_current, np.maximum(np.ceil(days.report_days * share), 1.0)),
        exposure_days=total(exposure, is_current),
        exposure_today=np.where(days.is_out[0], exposure[0], np.nan),
        earlier_exposure_days=total(faded, days.is_out & ~is_current),
    )


def phantom_spells(found: Judgement, p_phantom: Array, recorded: Spell, worth_today: Array) -> Spell:
    """The spells of shelves that are suspected to be empty: they begin on the day after the last sale or receipt, and
    their days count with the probability that the shelf was empty. `recorded` are the same by the record."""
    mean_factor = np.divide(
        found.silent_expected, found.silent_days, out=np.full(len(p_phantom), np.nan), where=found.silent_days > 0
    )
    return Spell(
        start=found.run_start,
        exposure_days=p_phantom * found.empty_days() * mean_factor,
        exposure_today=p_phantom * worth_today,
        earlier_exposure_days=recorded.earlier_exposure_days,
    )


def row_weight(is_known: Mask, own: Codes) -> Array:
    """What each row counts for: its part, where several feeds tell of one series. `own` numbers the series."""
    told = summed(own, is_known.astype(float), int(own.max(initial=-1)) + 1)[own]
    return 1 / np.maximum(told, 1.0)


def share_out(is_asked: Mask, is_out: Mask, is_known: Mask, of: Codes, own: Codes) -> Array:
    """For a series that is asked about, the share of the other known series of its group that are out.

    Shapes: (rows,); `own` numbers the series: several feeds may report one, and it is no other of itself
    Nulls: NaN where no other is known, and for a series that is not asked about
    """

    def sums(by: Codes, values: Array) -> Array:
        return summed(by, values, int(by.max(initial=-1)) + 1)[by]

    weight = row_weight(is_known, own)
    others_out, others_known = (
        np.round(sums(of, weight * is_so) - sums(own, weight * is_so), 9) for is_so in (is_out, is_known)
    )
    share = np.divide(others_out, others_known, out=np.full(len(of), np.nan), where=others_known > 0)
    return np.where(is_asked, share, np.nan)

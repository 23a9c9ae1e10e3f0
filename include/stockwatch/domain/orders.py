"""What was ordered of every series, what came in of it, and what still waits.

Receipts and orders come from the look-back. What was ordered first comes first: that tells which order a receipt is of,
how long it took, and what still waits. Moments are ages: days before the checked date, below zero what is to come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.stockwatch.domain.panel import (
    WEEK,
    Array,
    Codes,
    Columns,
    Mask,
    Panel,
    ages,
    before,
    is_often,
    median,
    newest,
    oldest,
    or_zero,
    total,
)

Counts = npt.NDArray[np.uint8]
ORDER_DAY_SHARE = 0.4
"""Of the orders on the weekday with most: a weekday with as many is one of orders."""
WEEKS_OF_ORDERS = 4
"""Fewer weeks tell no weekdays of orders."""
RECEIPT_SHARE = 0.25
"""Of the largest rise of a series: a smaller one is a corrected record rather than a receipt."""


@dataclass(frozen=True)
class Replenishment(Columns):
    """What the look-back tells of how each series is replenished.

    Shapes: (series,)
    Units:  first_receipt, last_receipt, on_order_since (something has been ever since), oldest_order (the one that
            waits longest) and last_waiting are ages; receipts counts those of which the day is known, not those of a
            week, first_receipt is the first of them, late_receipts came to an empty record; inbound_units is on order
            and in transit on the date; receipt_units the mean of a receipt, units_before_receipt what was on record
            before it, spread_before_receipt its standard deviation; last_waiting the last day on which something had
            not left yet, where the feed tells that apart; is_order marks the days on which something was ordered, and
            leads counts receipts by the days since their order, of those ordered in the look-back: (days, series)
    Nulls:  inbound_units where the feed says nothing of orders on the date; units and spread before a receipt where
            stock was reported on no day of one; leads are none where reports of orders stand for fewer than every
            second day
    """

    receipts: Array
    first_receipt: Array
    last_receipt: Array
    units_before_receipt: Array
    spread_before_receipt: Array
    late_receipts: Array
    inbound_units: Array
    on_order_since: Array
    oldest_order: Array
    last_waiting: Array
    is_order: Mask
    leads: Counts

    @property
    def receipt_interval_days(self) -> Array:
        """Mean days from one receipt to the next; NaN without two of them."""
        return divided(self.first_receipt - self.last_receipt, self.receipts - 1)


def divided(values: Array, by: Array) -> Array:
    """A quotient; NaN where there is nothing to divide by."""
    by = np.where(by == 0, np.nan, by)
    return np.asarray(values / by)


def replenishment(panel: Panel, came_in: Array) -> Replenishment:
    """The replenishment of each series; `came_in` is what was received on each day, as `receipts`."""
    is_receipt = came_in > 0
    is_dated = is_receipt & _is_dated(panel)
    left = panel.on_hand_units - came_in
    is_counted = is_dated & ~np.isnan(left)
    counted = is_counted.sum(axis=0).astype(float)
    mean, square = (divided(total(values, is_counted), counted) for values in (left, left**2))
    is_told = ~(np.isnan(panel.on_order_units) & np.isnan(panel.in_transit_units))
    on_order = or_zero(panel.on_order_units)
    inbound = on_order + or_zero(panel.in_transit_units)
    waits = np.where(np.isnan(panel.in_transit_units), inbound, on_order) > 0
    # nothing in transit does not say that nothing is ordered
    inbound_units = np.where(~np.isnan(panel.on_order_units[0]) | (inbound[0] > 0), inbound[0], np.nan)
    last_idle = newest(is_told & (inbound <= 0))
    since = np.where(np.isnan(last_idle), oldest(inbound > 0), last_idle - 1)
    since = np.where(inbound_units > 0, since, np.nan)
    ordered = _ordered(inbound, is_told, came_in)
    oldest_order = _oldest_order(ordered, inbound_units)
    is_seen = is_receipt & is_told & is_often(is_told, panel.report_days)
    return Replenishment(
        receipts=is_dated.sum(axis=0).astype(float),
        first_receipt=oldest(is_dated),
        last_receipt=newest(is_receipt),
        units_before_receipt=mean,
        spread_before_receipt=np.sqrt(np.maximum(square - mean**2, 0.0)),
        late_receipts=(is_dated & (left + or_zero(panel.units_sold) <= 0)).sum(axis=0).astype(float),
        inbound_units=inbound_units,
        on_order_since=since,
        oldest_order=oldest_order,
        last_waiting=newest(waits),
        is_order=_is_order(inbound, is_told, came_in),
        leads=_leads(ordered, ordered - inbound, came_in, is_seen, is_dated, oldest(is_told), oldest_order),
    )


def _is_dated(panel: Panel) -> Mask:
    """The days on which what comes in is known to come on the day itself: as it is told, or because stock is told of
    every second day at least: (days, series)."""
    is_told = ~np.isnan(panel.received_units) | is_often(~np.isnan(panel.on_hand_units))
    return is_told & ~(panel.flow_days > 1)


def _ordered(inbound: Array, is_told: Mask, came_in: Array) -> Array:
    """Units ordered from the first day on which orders are told up to each close; what that day shows, on it.

    A day's orders are what came in and what more is inbound. What is inbound no more has left: what comes in within a
    week is that, and not ordered anew; else it was withdrawn.
    """
    ever = inbound + _up_to_now(came_in)
    if not is_told.all():
        ever = np.where(is_told, ever, np.nan)
        ever = or_zero(np.where(is_told, ever, before(ever)))
    highest = ever
    for days in (1, 2, 4):  # of each day and the seven before it
        earlier, highest = highest, highest.copy()
        np.maximum(highest[:-days], earlier[days:], out=highest[:-days])
    more = highest.copy()
    more[:-1] -= highest[1:]
    return _up_to_now(np.maximum(more, 0.0, out=more))


def _up_to_now(values: Array) -> Array:
    """The sum of each day and all days before it; much faster than `cumsum` over days."""
    found, so_far = np.empty(values.shape), np.zeros(values.shape[1])
    for day in range(len(values) - 1, -1, -1):
        so_far += values[day]
        found[day] = so_far
    return found


def _ordered_on(ordered: Array, series: Codes, units: Array) -> Array:
    """The age of the order that the `units`-th unit of some series belongs to, counted as `_ordered` does."""
    days = len(ordered)
    base = np.concatenate([[0.0], (ordered[0] + 1).cumsum()[:-1]])
    one_after_another = (ordered + base)[::-1].T.ravel()
    place = np.searchsorted(one_after_another, np.minimum(units, ordered[0, series]) + base[series])
    return np.asarray(days - 1 - (place - series * days), float)


def _oldest_order(ordered: Array, inbound_units: Array) -> Array:
    """The age of the oldest order that still waits; NaN where nothing does."""
    some = np.flatnonzero(inbound_units > 0)
    found = np.full(len(inbound_units), np.nan)
    found[some] = _ordered_on(ordered, some, (ordered[0] - inbound_units)[some] + 0.5)  # reports are rounded
    return found


def _leads(
    ordered: Array, left: Array, came_in: Array, is_seen: Mask, is_dated: Mask, first: Array, oldest_order: Array
) -> Counts:
    """`Replenishment.leads` of the receipts that are seen: the middle one of its units tells the order of each; what
    came in on no known day may be of many, and counts as seven. `left` are the units that wait no more at each close.

    Nobody knows since when that was on order which the `first` day shows: it counts where nothing else does. What was
    ordered on the day of the `oldest_order` that waits is there in part, which tells too short a time.
    """
    series, day = np.nonzero(is_seen[::-1].T)  # in the order of `_ordered_on`, which makes it quick
    age = len(ordered) - 1 - day
    parts = np.where(is_dated[age, series], 1, WEEK)
    part = np.arange(parts.sum()) - np.repeat(parts.cumsum() - parts, parts)
    age, series, parts = (np.repeat(values, parts) for values in (age, series, parts))
    units = left[age, series] - came_in[age, series] * (part + 0.5) / parts
    ordered_on = _ordered_on(ordered, series, units)
    is_since = (ordered_on < first[series]) & ~(ordered_on <= oldest_order[series])
    has_none = np.bincount(series, is_since, ordered.shape[1]) == 0
    is_known = (is_since | has_none[series]) & (ordered_on >= age)
    place = (ordered_on - age)[is_known].astype(int) * ordered.shape[1] + series[is_known]
    count = np.bincount(place, minlength=ordered.size).reshape(ordered.shape)
    return np.minimum(count, np.iinfo(np.uint8).max).astype(np.uint8)


def _is_order(inbound: Array, is_told: Mask, came_in: Array) -> Mask:
    """The days at whose close more is inbound than at that of the day before, less what came in."""
    found = np.zeros(inbound.shape, bool)
    found[:-1] = is_told[:-1] & is_told[1:] & (inbound[:-1] - inbound[1:] + came_in[:-1] > 0)
    return found


@dataclass(frozen=True)
class OrderDays(Columns):
    """When the location of each series orders, whatever it is that it orders: on some weekdays, or every so many days.

    Shapes: (series,); wait (7, series)
    Units:  last is the age of the last order day, interval the usual days from one to the next; where no two were seen,
            every day is one: 0 and 1. wait tells of a day by how many days ahead it is, modulo seven, how many more it
            takes to a weekday of orders; NaN where orders keep to an interval and not to weekdays
    """

    last: Array
    interval: Array
    wait: Array

    @property
    def ahead(self) -> Array:
        """Days until the next one: 1 is tomorrow."""
        return self.first_after(np.ones(len(self.last)))

    def first_after(self, days: Array) -> Array:
        """Days until the first order day that is as many days ahead, or more; tomorrow at the earliest."""
        day = np.maximum(np.ceil(days), 1.0)
        next_one = np.maximum(self.interval - self.last, 1.0)
        by_interval = next_one + np.ceil(np.maximum(days - next_one, 0.0) / self.interval) * self.interval
        more = np.take_along_axis(self.wait, (or_zero(day) % WEEK).astype(int)[None, :], axis=0)[0]
        return np.where(np.isnan(more), by_interval, day + more)


def order_days(is_order: Mask, location: Codes) -> OrderDays:
    """The order days of series at numbered locations: those on which their location ordered anything.

    Shapes: is_order (days, series), location (series,)
    """
    locations = int(location.max(initial=-1)) + 1
    ordered = np.stack([np.bincount(location[of_day], minlength=locations) > 0 for of_day in is_order])
    place, age = np.nonzero(ordered.T)
    gap = np.where(np.diff(place) == 0, np.diff(age), np.nan)
    last, interval = np.zeros(locations), np.ones(locations)
    usual = median(gap, place[1:])
    several = np.isfinite(usual)
    interval[place[1:][several]] = usual[several]
    last[place[1:][several]] = newest(ordered)[place[1:][several]]
    wait, weekly = _weekdays(ordered, last, interval)
    interval = np.where(np.isnan(wait[0]), interval, weekly)
    return OrderDays(last[location], interval[location], wait[:, location])


def _weekdays(ordered: Mask, last: Array, interval: Array) -> tuple[Array, Array]:
    """Wait and interval of `OrderDays` where weekdays tell the days on which locations ordered better than intervals.

    Weeks in which a location ordered are looked at, from its first order on; less than some of them tell no weekdays.
    Shapes: ordered (days, locations), wait (7, locations)
    """
    age, first = ages(len(ordered)), oldest(ordered)
    count = np.stack([ordered[rest::WEEK].sum(axis=0) for rest in range(WEEK)])
    is_weekday = count >= np.maximum(ORDER_DAY_SHARE * count.max(axis=0), 2)
    by_weekday = is_weekday[np.arange(len(ordered)) % WEEK]
    by_interval = np.round((age - last) % interval) == 0
    missed = [((ordered != told) & (age <= first)).sum(axis=0) for told in (by_weekday, by_interval)]
    is_weekly = (first >= WEEKS_OF_ORDERS * WEEK - 1) & (missed[0] <= missed[1])
    wait = np.full(is_weekday.shape, np.nan)
    for ahead in range(WEEK):
        for more in reversed(range(WEEK)):
            wait[ahead] = np.where(is_weekday[-(ahead + more) % WEEK] & is_weekly, more, wait[ahead])
    return wait, WEEK / np.maximum(is_weekday.sum(axis=0), 1)


def receipts(panel: Panel, rise: Array, reports: Mask) -> Array:
    """What came in on each day, or on all days of a report: as it was reported, else as the balance of stock shows it;
    0 where nothing did.

    Shapes: rise as `panel.risen` (days, series); reports (series,): whether the feed ever reports a receipt
    """
    large = np.maximum(RECEIPT_SHARE * np.fmax.reduce(rise, axis=0), 1.0)
    inferred = np.where(rise >= large, rise, 0.0)
    return np.where(reports, np.fmax(panel.of_reports(panel.received_units), 0.0), inferred)


def rounded(days: Array) -> Array:
    """Whole days, halves up."""
    return np.floor(days + 0.5)

"""How every series is replenished, and when its next receipt is expected.

Receipts and orders come from the look-back. What was ordered first comes first: that tells which order a receipt is of,
how long it took, and what still waits. Moments are ages: days before the checked date, below zero what is to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from include.stockwatch.domain.panel import (
    WEEK,
    Array,
    Codes,
    Columns,
    Mask,
    Panel,
    ages,
    at,
    before,
    is_often,
    median,
    newest,
    oldest,
    or_zero,
    risen,
    summed,
    total,
)
from include.stockwatch.domain.value import Value

Counts = npt.NDArray[np.uint8]
FARTHEST_DAYS = 366
"""A receipt that is expected later than this is none that anybody knows of: a record of 99,999 units, say, that sells
one a month."""
LATE_PART = 0.75
"""Of a day of the mean lead time: as much may come from the few that were late, and makes the usual one no longer."""
ORDER_DAY_SHARE = 0.4
"""Of the orders on the weekday with most: a weekday with as many is one of orders."""
WEEKS_OF_ORDERS = 4
"""Fewer weeks tell no weekdays of orders."""
POOL_RECEIPTS = 4
"""That those of its DC and feed count as, all together, beside a series' own when its lead time is told."""
RECEIPT_SHARE = 0.25
"""Of the largest rise of a series: a smaller one is a corrected record rather than a receipt."""


class SupplySettings(Value):
    """How replenishment is read and how far ahead a run-out is looked for."""

    lead_time_days: float | None = Field(
        default=None, ge=0, description="between order and receipt, where history says nothing"
    )
    pool_level_receipts: float = Field(
        default=3.0,
        ge=0,
        description="receipts that the stock usually left at the DC or feed when one comes counts as, beside own ones",
    )
    most_doubtful_days: float = Field(
        default=10.0, ge=0, description="what is late is expected to take as long again, but no more than this"
    )
    overdue_days: float = Field(default=1.0, ge=0, description="days past its lead time before an order is overdue")
    look_ahead_days: int = Field(default=28, ge=1, le=60, description="a run-out is looked for this far ahead")


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


@dataclass(frozen=True)
class Habits(Columns):
    """How each series is usually replenished.

    Shapes: (series,)
    Units:  lead_time_days between the first close that shows an order and the day of its receipt; late_share of the
            receipts of its DC and feed that came to an empty record; left_days are days of supply left when a receipt
            comes, and the spread_days by which it varies, of the usual demand
    Nulls:  lead_time_days where no order was seen and the settings say nothing; left_days where nothing was received
    """

    lead_time_days: Array
    late_share: Array
    left_days: Array
    spread_days: Array


def habits(found: Replenishment, rate: Array, place: Codes, supply: SupplySettings) -> Habits:
    """Habits of series that sell `rate` units a day; `place` numbers the DC and feed that each belongs to.

    The lead time is the median of a series' receipts and of those of its DC and feed, which count as a few. The stock
    that is left is drawn to the median of theirs, the more the fewer receipts the series had.
    """
    left, spread = divided(found.units_before_receipt, rate), divided(found.spread_before_receipt, rate)
    is_usual = found.receipts >= 2

    def drawn(own: Array, pooled: Array, weight: float) -> Array:
        mixed = divided(own * found.receipts + pooled * weight, found.receipts + weight)
        return np.where(np.isnan(mixed), np.where(np.isnan(own), pooled, own), mixed)

    def usual(own: Array) -> Array:
        return median(np.where(is_usual, own, np.nan), place)

    lead = _lead_times(found, place)
    if supply.lead_time_days is not None:
        lead = np.where(np.isnan(lead), supply.lead_time_days, lead)
    places = int(place.max(initial=-1)) + 1
    late, count = (summed(place, values, places) for values in (found.late_receipts, found.receipts))
    return Habits(
        lead_time_days=lead,
        late_share=divided(late, count)[place],
        left_days=drawn(left, usual(left), supply.pool_level_receipts),
        spread_days=drawn(spread, usual(spread), supply.pool_level_receipts),
    )


def _lead_times(found: Replenishment, place: Codes) -> Array:
    """The usual lead time of each series; of a place of whose receipts no day is known, their mean."""
    places = int(place.max(initial=-1)) + 1
    pooled = np.stack([summed(place, of_lead, places) for of_lead in found.leads])
    received = pooled.sum(axis=0)
    days = np.arange(len(pooled), dtype=float)
    mean = divided(days @ pooled, received)
    share = POOL_RECEIPTS * divided(pooled, received)
    half = (found.leads.sum(axis=0) + POOL_RECEIPTS) / 2
    usual, until = np.where(summed(place, found.receipts, places) > 0, np.nan, mean)[place], np.zeros(len(place))
    for lead in np.flatnonzero(pooled.any(axis=1)):
        until += found.leads[lead] + share[lead, place]
        usual = np.where(np.isnan(usual) & (until >= half), lead, usual)
    return usual


@dataclass(frozen=True)
class NextReceipt(Columns):
    """When the next receipt is expected, and for how many days an order is overdue.

    Shapes: (series,)
    Units:  order_due is an age; days_to_receipt counts the day of the receipt: 1 is tomorrow. The risk is that of
            `exposed_units` over `exposed_days` before a receipt, of which `doubtful_days` are a guess: where nothing is
            on order as yet and stock is above the level of an order, that of the level over the time from the order on
            (is_to_come)
    Nulls:  days_to_receipt where it is late, or the DC is out, or neither order, cadence nor lead time is known, or
            where it is more than a year ahead
    """

    order_due: Array
    order_overdue_days: Array
    days_to_receipt: Array
    exposed_units: Array
    exposed_days: Array
    doubtful_days: Array
    late_share: Array
    is_to_come: Mask


class _Expected(NamedTuple):
    """A series as its next receipt is worked out: its state, and the days that calendar and stock give."""

    is_ordered: Mask
    is_to_order: Mask
    is_untold: Mask
    lead: Array
    due: Array
    level_units: Array
    above_days: Array
    below_days: Array

    @property
    def late(self) -> Array:
        """Days since the receipt was due by the calendar."""
        return np.maximum(self.due, 0.0)

    @property
    def ahead(self) -> Array:
        """Days until the receipt is due by the calendar."""
        return np.maximum(-self.due, 1.0)


def next_receipt(
    found: Replenishment,
    usual: Habits,
    orders: OrderDays,
    rate: Array,
    on_hand: Array,
    dc_out_since: Array,
    supply: SupplySettings,
) -> NextReceipt:
    """The next receipt of each series; `dc_out_since` is the age since when the DCs that serve it are all out.

    What is on order comes a lead time after it was ordered, what was ordered first before the rest. Where nothing
    is on order, an order comes on the first order day of the location on which stock is down to where it usually is
    ordered, and the receipt a lead time later. A feed that says nothing of orders leaves the cadence, and the stock
    that is usually left when a receipt comes. What is late is expected to take as long again as it is late by now.
    """
    stock = np.maximum(on_hand, 0.0)
    one = _expected(found, usual, orders, rate, stock)
    wait = np.where(one.is_to_order, orders.first_after(one.above_days) + one.lead, one.ahead)
    late_days = _late(found, one, dc_out_since)
    doubtful = np.minimum(late_days, supply.most_doubtful_days)
    guess = or_zero(doubtful)
    # an order is to come, not on the next order day as yet: the risk is that of its usual stock, from then on
    to_come = one.is_to_order & (one.above_days > orders.ahead)
    # what comes at no known order comes at its time, or before stock is lower than usual
    at_no_order = np.where(one.is_untold, np.fmin(wait, one.above_days + 1), wait)
    days_to_receipt = np.ceil(wait + guess)
    is_known = ~(late_days > supply.overdue_days) & (days_to_receipt <= FARTHEST_DAYS)
    return NextReceipt(
        order_due=np.where(one.is_ordered, one.due, np.nan),
        order_overdue_days=np.where(one.is_ordered & (one.late > supply.overdue_days), one.late, np.nan),
        days_to_receipt=np.where(is_known, days_to_receipt, np.nan),
        exposed_units=np.where(to_come, np.fmin(np.maximum(np.ceil(one.level_units), 1.0), stock), stock),
        exposed_days=np.where(to_come, one.lead + 1, at_no_order) + guess - 1,
        doubtful_days=doubtful,
        late_share=np.where(one.is_ordered, usual.late_share / 2, usual.late_share),  # it was ordered, at least
        is_to_come=to_come,
    )


def _expected(found: Replenishment, usual: Habits, orders: OrderDays, rate: Array, stock: Array) -> _Expected:
    is_ordered, is_untold = found.inbound_units > 0, np.isnan(found.inbound_units)
    interval = np.maximum(rounded(found.receipt_interval_days), 1.0)
    lead = np.maximum(np.floor(usual.lead_time_days + 1 - LATE_PART), 1.0)
    by_cadence, by_order = found.last_receipt - interval, found.oldest_order - lead
    # how stock stands to the usual moment of an order, or of a receipt where nothing is told of orders
    level = rate * np.where(is_untold, usual.left_days, usual.left_days + lead)
    above = divided(stock - level, rate)
    is_to_order = ~is_ordered & ~is_untold
    # when it is ordered, stock has been below the point for half an interval; late is what an order day passed by
    above = np.where(is_to_order, above - (orders.interval - 1) / 2, above)
    passed = np.where(is_to_order, np.minimum(orders.last, orders.interval), 0.0)
    return _Expected(
        is_ordered=is_ordered,
        is_to_order=is_to_order,
        is_untold=is_untold,
        lead=lead,
        due=np.where(is_ordered, by_order, by_cadence),
        level_units=level,
        above_days=np.maximum(above, 0.0),
        below_days=np.maximum(-above - usual.spread_days - passed, 0.0),
    )


def _late(found: Replenishment, one: _Expected, dc_out_since: Array) -> Array:
    """Days by which it is late: by its date, by the stock, or because the DC is out that is to send it."""
    late = np.where(one.is_to_order, one.below_days, np.fmin(one.late, one.below_days))
    late = np.where(one.is_ordered, one.late, late)
    out = dc_out_since + 1
    cut = np.where(one.is_to_order, out - one.above_days, out - one.ahead)
    cut = np.where(one.is_ordered, np.where(found.last_waiting == 0, out, 0.0), cut)
    return np.fmax(late, cut)


def rounded(days: Array) -> Array:
    """Whole days, halves up."""
    return np.floor(days + 0.5)


def corrected_units(panel: Panel, last_in_stock: Array) -> Array:
    """What the records of series that are out lost beyond sales on the way to the first report that they are: stock
    that was on record and not there, until somebody counted. `last_in_stock` is the age of the last one with stock.

    Nulls: NaN where no stock was reported before, and where the sales of a day from the one report to the other are
           not told: a day without a report may have sold all there was
    """
    age = ages(panel.days)
    first_out = oldest(~np.isnan(panel.on_hand_units) & (age < last_in_stock))
    is_since = (first_out <= age) & (age < last_in_stock)
    told_days = total(panel.report_days, is_since & ~np.isnan(panel.units_sold))
    flow = (panel.received_units, panel.units_sold, panel.returned_units)
    received, sold, returned = (panel.of_reports(or_zero(values)) for values in flow)
    change = np.where(age == last_in_stock, panel.on_hand_units, received - sold + returned)
    expected = total(change, is_since | (age == last_in_stock))
    lost = np.maximum(expected - at(panel.on_hand_units, first_out), 0.0)
    return np.where(told_days >= last_in_stock - first_out, lost, np.nan)


def overdue_units(panel: Panel, lead_time_days: Array, reports: Mask, supply: SupplySettings) -> Array:
    """What was inbound a lead time and some days ago, less all that has come in since: first ordered, first delivered.

    Shapes: reports (series,), as `receipts`: a feed that tells receipts means by a blank that nothing came
    Nulls: NaN where orders or lead time are not known
    """
    wait = np.trunc(rounded(lead_time_days) + supply.overdue_days)
    inbound = np.where(
        np.isnan(panel.on_order_units) & np.isnan(panel.in_transit_units),
        np.nan,
        or_zero(panel.on_order_units) + or_zero(panel.in_transit_units),
    )
    came_in = receipts(panel, risen(panel), reports)
    came_since = total(came_in, ages(panel.days) < wait)
    return np.maximum(at(inbound, wait) - came_since, 0.0)

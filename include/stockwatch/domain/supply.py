"""How long a series waits for its orders as a rule, and when its next receipt is expected.

Moments are ages: days before the checked date, below zero what is to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from pydantic import Field

from include.stockwatch.domain.orders import OrderDays, Replenishment, divided, receipts, rounded
from include.stockwatch.domain.outages import Back
from include.stockwatch.domain.panel import (
    Array,
    Codes,
    Columns,
    Mask,
    Panel,
    ages,
    at,
    median,
    newest,
    oldest,
    or_zero,
    risen,
    summed,
    total,
)
from include.stockwatch.domain.value import Value

FARTHEST_DAYS = 366
"""A receipt that is expected later than this is none that anybody knows of: a record of 99,999 units, say, that sells
one a month."""
LATE_PART = 0.75
"""Of a day of the mean lead time: as much may come from the few that were late, and makes the usual one no longer."""
POOL_RECEIPTS = 4
"""That those of its DC and feed count as, all together, beside a series' own when its lead time is told."""


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
        default=10.0,
        ge=0,
        description="what is late, but for a DC that is out, is expected to take as long again, but no more than this",
    )
    overdue_days: float = Field(default=1.0, ge=0, description="days past its lead time before an order is overdue")
    look_ahead_days: int = Field(default=28, ge=1, le=60, description="a run-out is looked for this far ahead")


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
    Nulls:  days_to_receipt where it is late, or the DC is out and nothing is under way to it, or neither order, cadence
            nor lead time is known, or where it is more than a year ahead
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
    back: Back,
    supply: SupplySettings,
) -> NextReceipt:
    """The next receipt of each series; `back` is when the DCs that serve it have stock again, where all are out.

    What is on order comes a lead time after it was ordered, what was ordered first before the rest. Where nothing
    is on order, an order comes on the first order day of the location on which stock is down to where it usually is
    ordered, and the receipt a lead time later. A feed that says nothing of orders leaves the cadence, and the stock
    that is usually left when a receipt comes. What has not left a DC that is out leaves it once that is back. What is
    late otherwise is expected to take as long again as it is late by now.
    """
    stock = np.maximum(on_hand, 0.0)
    one = _expected(found, usual, orders, rate, stock)
    has_left = one.is_ordered & (found.last_waiting != 0)
    is_cut_off = ~np.isnan(back.days) & ~has_left
    # an order that is late does not hold up one that was made or left after it
    newest_order = newest(found.is_order)
    newest_order = np.where(has_left, np.fmin(newest_order, found.last_waiting), newest_order)
    is_newer = one.is_ordered & (one.late > 0) & (newest_order < one.lead)
    ahead = np.where(is_newer, one.lead - newest_order, one.ahead)
    wait = np.where(one.is_to_order, orders.first_after(one.above_days) + one.lead, ahead)
    late_days = np.where(is_newer, np.nan, _late(one))
    doubtful = np.minimum(late_days, supply.most_doubtful_days)
    delay = _delay(wait, one.lead, back)
    doubtful = np.where(is_cut_off, np.where(back.is_known, 0.0, delay), doubtful)
    more = np.where(is_cut_off, delay, or_zero(doubtful))
    # an order is to come, not on the next order day as yet: the risk is that of its usual stock, from then on
    to_come = one.is_to_order & (one.above_days > orders.ahead)
    # what comes at no known order comes at its time, or before stock is lower than usual
    at_no_order = np.where(one.is_untold, np.fmin(wait, one.above_days + 1), wait)
    days_to_receipt = np.ceil(wait + more)
    is_known = np.where(is_cut_off, back.is_known, ~(late_days > supply.overdue_days))
    is_known &= days_to_receipt <= FARTHEST_DAYS
    return NextReceipt(
        order_due=np.where(one.is_ordered, one.due, np.nan),
        order_overdue_days=np.where(one.is_ordered & (one.late > supply.overdue_days), one.late, np.nan),
        days_to_receipt=np.where(is_known, days_to_receipt, np.nan),
        exposed_units=np.where(to_come, np.fmin(np.maximum(np.ceil(one.level_units), 1.0), stock), stock),
        exposed_days=np.where(to_come, one.lead + 1, at_no_order) + more - 1,
        doubtful_days=doubtful,
        late_share=np.where(one.is_ordered, usual.late_share / 2, usual.late_share),  # it was ordered, at least
        is_to_come=to_come,
    )


def _delay(wait: Array, lead: Array, back: Back) -> Array:
    """Days by which what is expected in so many days comes later because the DC has nothing to send until it is back.

    Source: an outage that ends with the same chance every day is expected to last m more days whenever it is looked at;
            in n days it is still on with a chance of exp(-n/m), which leaves m exp(-n/m) days
    """
    lead = or_zero(lead)
    leaves = np.maximum(wait - lead, 0.0)  # what is ordered would have left at once
    held = np.where(back.is_known, np.maximum(back.days - 1 - leaves, 0.0), back.days * np.exp(-leaves / back.days))
    return leaves + held + lead - wait


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


def _late(one: _Expected) -> Array:
    """Days by which it is late: by its date, or by the stock."""
    late = np.where(one.is_to_order, one.below_days, np.fmin(one.late, one.below_days))
    return np.where(one.is_ordered, one.late, late)


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

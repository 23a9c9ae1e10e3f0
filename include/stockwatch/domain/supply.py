"""How every series is replenished, and when its next receipt is expected.

Receipts and orders come from the look-back rows. The lead time follows from Little's law: what is on its way, summed
over the days, is the units received times the days each of them was on its way. Sums suffice, no order is followed.
"""

from __future__ import annotations

from collections.abc import Collection

import ibis
import ibis.expr.types as ir
from pydantic import Field

from include.stockwatch.domain.availability import KEY, ORDERS, Status
from include.stockwatch.domain.chain import cut_off, nearest_dc
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF, series_hash
from include.stockwatch.domain.sums import unit_sum
from include.stockwatch.domain.value import Value

ORDERED, TO_ORDER, UNTOLD = "ordered", "to_order", "untold"
"""Something is on order; nothing is; the feed says nothing of orders."""
RECEIPT_SHARE = 0.25
"""Of the largest rise of a series: a smaller one is a corrected record rather than a receipt."""


class SupplySettings(Value):
    """How replenishment is read and how far ahead a run-out is looked for."""

    lead_time_days: float | None = Field(
        default=None, ge=0, description="between order and receipt, where history says nothing"
    )
    pool_receipts: float = Field(
        default=10.0, ge=0, description="receipts that the lead time of the DC or feed counts as, beside a series' own"
    )
    pool_level_receipts: float = Field(
        default=3.0, ge=0, description="the same for the stock that is left when a receipt comes"
    )
    most_doubtful_days: float = Field(
        default=10.0, ge=0, description="what is late is expected to take as long again, but no more than this"
    )
    overdue_days: float = Field(default=1.0, ge=0, description="days past its lead time before an order is overdue")
    look_ahead_days: int = Field(default=28, ge=1, le=60, description="a run-out is looked for this far ahead")


def feeds_without_receipts(rows: ir.Table) -> ir.Table:
    """The feeds that report no receipt on any day.

    Grain:  (as_of, feed_id, series, business_date) -> feed_id
    """
    feeds = rows.group_by("feed_id").agg(reports=rows.received_units.notnull().any())
    return feeds.filter(~feeds.reports).select("feed_id")


def receipts(rows: ir.Table, silent_feeds: Collection[str]) -> ir.Table:
    """The receipts of the look-back, summed up: as they were reported, else as the stock balance shows them.

    Grain:  (as_of, feed_id, series, business_date) -> (series_hash) of series with a receipt
    Units:  before_receipts is the stock on record before each; late_receipts came to an empty record
    """
    said = rows if not silent_feeds else rows.filter(rows.feed_id.notin(sorted(silent_feeds)))
    said = said.filter(said.received_units > 0)
    came = said.select(
        *("business_date", "received_units"),
        series_hash=series_hash(said),
        before=said.on_hand_units - said.received_units,
        sold=said.units_sold.fill_null(0.0),
    )
    if silent_feeds:
        came = ibis.union(came, _risen(rows.filter(rows.feed_id.isin(sorted(silent_feeds)))).select(came.columns))
    day = came.business_date
    return came.group_by("series_hash").agg(
        receipts=came.count(),
        first_receipt_date=day.min(),
        last_receipt_date=day.max(),
        received_units=unit_sum(came.received_units),
        before_receipts=unit_sum(came.before),
        before_receipts_squared=unit_sum(came.before * came.before),
        late_receipts=(came.before + came.sold <= 0).sum().fill_null(0),
    )


def _risen(rows: ir.Table) -> ir.Table:
    """What must have come in: what stock rose by since the report before, and what was sold on the day.

    Nulls:  without two reports of stock nothing is inferred
    """
    told = rows.filter(rows.on_hand_units.notnull())
    told = told.select(
        *("business_date", "on_hand_units"),
        series_hash=series_hash(told),
        sold=told.units_sold.fill_null(0.0),
        returned=told.returned_units.fill_null(0.0),
    )
    before = told.on_hand_units.lag().over(ibis.window(group_by="series_hash", order_by="business_date"))
    risen = told.mutate(received_units=told.on_hand_units - before + told.sold - told.returned)
    risen = risen.filter(risen.received_units >= 1)
    most = risen.received_units.max().over(ibis.window(group_by="series_hash"))
    found = risen.mutate(before=risen.on_hand_units - risen.received_units, most=most)
    return found.filter(found.received_units >= RECEIPT_SHARE * found.most)


def replenishment(position: ir.Table, found: ir.Table) -> ir.Table:
    """What the look-back tells of how each series is replenished.

    Grain:  position (as_of, feed_id, series) with `availability.ORDERS` and the date's on_order_units and
            in_transit_units, found as `receipts` -> (as_of, feed_id, series)
    Units:  inbound_units is on order and in transit on the date; receipt_units the mean of a receipt;
            pipeline_unit_days what waited on each day, summed, of which received_units came in
    Nulls:  inbound_units where the feed says nothing of orders on the date, pipeline_unit_days where it never does
    """
    told = position.on_order_units.notnull() | position.in_transit_units.notnull()
    inbound = position.on_order_units.fill_null(0.0) + position.in_transit_units.fill_null(0.0)
    orders = position.select(
        *KEY, *ORDERS, inbound_units=told.ifelse(inbound, ibis.null("float64")), series_hash=series_hash(position)
    )
    sums = orders.left_join(found, "series_hash", rname="{name}_received").drop("series_hash_received", "series_hash")
    sums = sums.mutate(
        receipts=sums.receipts.fill_null(0),
        received_units=sums.received_units.fill_null(0.0),
        late_receipts=sums.late_receipts.fill_null(0),
    )
    since = ibis.coalesce(sums.last_idle_date + ibis.interval(days=1), sums.first_waiting_date)
    since = (sums.inbound_units > 0).ifelse(since, ibis.null("date"))
    span = sums.last_receipt_date.delta(sums.first_receipt_date, unit="day")
    mean, square = (sums[name] / sums.receipts.nullif(0) for name in ("before_receipts", "before_receipts_squared"))
    # an order that still waits tells nothing of lead times: nothing of it has come in
    waited = sums.inbound_units * (sums.as_of.delta(since, unit="day") + 1)
    unmet = (sums.last_receipt_date < since).fill_null(True).ifelse(waited.fill_null(0.0), 0.0)
    return sums.mutate(
        on_order_since=since,
        pipeline_unit_days=_at_least(sums.pipeline_unit_days - unmet, 0.0),
        receipt_units=sums.received_units / sums.receipts.nullif(0),
        units_before_receipt=mean,
        spread_before_receipt=_at_least(square - mean**2, 0.0).sqrt(),
        receipt_interval_days=span / (sums.receipts - 1).nullif(0),
    ).drop("first_receipt_date", "first_waiting_date", "last_idle_date", "before_receipts", "before_receipts_squared")


def with_spell_supply(table: ir.Table, rows: ir.Table, supply: SupplySettings) -> ir.Table:
    """A table with what its rows tell of how each series that is out came to be: corrected and overdue units.

    corrected_units is what the record lost beyond sales on the way to the first day out: stock that was on record
    and not there, until somebody counted. overdue_units is what was inbound a lead time and some days ago, less all
    that has come in since: first ordered, first delivered.
    Grain:  table (as_of, series) of `with_supply`, rows (as_of, feed_id, series, business_date) -> as table
    Nulls:  null for series that are not out; overdue_units where orders or lead time are not known
    """
    out = table.filter(table.status == Status.OUT_OF_STOCK.value)
    facts = ("spell_start_date", "last_in_stock_date", "lead_time_days")
    days = rows.inner_join(out.select(*KEY, *facts), list(KEY), rname="{name}_of_spell")
    began, before = days.spell_start_date, days.last_in_stock_date
    flow = days.received_units.fill_null(0.0) - days.units_sold.fill_null(0.0) + days.returned_units.fill_null(0.0)
    change = (days.business_date == before).ifelse(days.on_hand_units, flow)
    wait = (days.lead_time_days.round() + supply.overdue_days).cast("int64")
    ordered_on = days.as_of - wait.as_interval("D")
    inbound = days.on_order_units.fill_null(0.0) + days.in_transit_units.fill_null(0.0)
    told = days.on_order_units.notnull() | days.in_transit_units.notnull()
    found = days.group_by(*KEY).agg(
        expected_units=unit_sum(change, days.business_date.between(before, began)),
        found_units=days.on_hand_units.max(where=days.business_date == began),
        inbound_then=inbound.max(where=told & (days.business_date == ordered_on)),
        came_since=unit_sum(days.received_units, days.business_date > ordered_on),
    )
    found = found.select(
        *KEY,
        corrected_units=_at_least(found.expected_units - found.found_units, 0.0),
        overdue_units=_at_least(found.inbound_then - found.came_since.fill_null(0.0), 0.0),
    )
    joined = table.left_join(found, list(KEY), rname="{name}_of_spell")
    return joined.select(*table.columns, "corrected_units", "overdue_units")


def with_habits(found: ir.Table, places: ir.Table, supply: SupplySettings) -> ir.Table:
    """Replenishment with its habits: lead time, and how many days of supply are left when a receipt comes.

    A series' own history is drawn to the median of those of its DC and feed, the more the fewer receipts it had.
    Grain:  found as `replenishment` with demand_units_per_day, places (as_of, series, dc_id) from `chain.nearest_dc`
            -> found
    Units:  lead_time_days between the first close that shows an order and the day of its receipt; late_share of the
            receipts of its DC and feed that came to an empty record; left_days, and the
            spread_days by which it varies, of the usual demand
    Nulls:  lead_time_days where no order was seen and the settings say nothing; left_days where nothing was received
    Source: Little's law for the lead time
    """
    rate = found.demand_units_per_day.nullif(0.0)
    own = found.mutate(
        own_lead=found.pipeline_unit_days / found.received_units.nullif(0.0),
        own_left=found.units_before_receipt / rate,
        own_spread=found.spread_before_receipt / rate,
    )
    placed = own.left_join(places, [AS_OF, *SERIES], rname="{name}_of_place")
    placed = placed.select(*own.columns, dc_id=placed.dc_id.fill_null("")).mutate(is_usual=own.receipts >= 2)
    pool = [AS_OF, "feed_id", "dc_id"]
    pools = placed.group_by(*pool).agg(
        pooled_lead=placed.own_lead.quantile(0.5),
        pooled_left=placed.own_left.quantile(0.5, where=placed.is_usual),
        pooled_late=placed.late_receipts.sum() / placed.receipts.sum().nullif(0),
        pooled_spread=placed.own_spread.quantile(0.5, where=placed.is_usual),
    )
    joined = placed.left_join(pools, pool, rname="{name}_of_pool")

    def drawn(own: ir.FloatingColumn, pooled: ir.FloatingColumn, weight: float) -> ir.FloatingValue:
        mixed = (own * joined.receipts + pooled * weight) / (joined.receipts + weight)
        return ibis.coalesce(mixed, own, pooled)

    given = ibis.null("float64") if supply.lead_time_days is None else ibis.literal(supply.lead_time_days)
    lead = drawn(joined.own_lead, joined.pooled_lead, supply.pool_receipts)
    habits = joined.select(
        *found.columns,
        lead_time_days=ibis.coalesce(lead, given),
        late_share=joined.pooled_late,
        left_days=drawn(joined.own_left, joined.pooled_left, supply.pool_level_receipts),
        spread_days=drawn(joined.own_spread, joined.pooled_spread, supply.pool_level_receipts),
    )
    return habits.drop(
        "units_before_receipt", "spread_before_receipt", "late_receipts", "pipeline_unit_days", "demand_units_per_day"
    )


def with_next_receipt(table: ir.Table, supply: SupplySettings) -> ir.Table:
    """Add when the next receipt is expected, and for how many days an order is overdue.

    What is on order comes a lead time after it was ordered, or, where receipts follow one another while orders wait,
    at the usual cadence. Where nothing is on order, an order comes when stock is down to where it usually is ordered,
    and the receipt a lead time later. A feed that says nothing of orders leaves the cadence, and the stock that is
    usually left when a receipt comes. What is late is expected to take as long again as it is late by now.
    Grain:  table (as_of, series) with the columns of `with_habits`, and `dc_out_since` -> the same
    Units:  days_to_receipt counts the day of the receipt: 1 is tomorrow. The risk is that of `exposed_units` over
            `exposed_days` before a receipt, of which `doubtful_days` are a guess: where nothing is on order as yet and
            stock is above the level of an order, that of the level over the time from the order on
    Nulls:  next_receipt_on null where it is late, or the DC is out, or neither order, cadence nor lead time is known
    """
    timed = _by_level(_by_date(table))
    wait, doubtful = _wait(timed), _doubtful(timed)
    judged = timed.mutate(wait=wait, late_days=doubtful).mutate(
        doubtful_days=_at_most(ibis._.late_days, supply.most_doubtful_days)
    )
    # an order is to come: the risk is that of its usual stock, from then on
    to_come = (judged.state == TO_ORDER) & (judged.above_days > 0)
    exposed = ibis.cases(
        (to_come, judged.lead + 1),
        # what comes at no known order comes at its time, or before stock is lower than usual
        (judged.state == UNTOLD, ibis.least(judged.wait, judged.above_days + 1)),
        else_=judged.wait,
    )
    is_ordered, guess = judged.state == ORDERED, judged.doubtful_days.fill_null(0.0)
    is_late = (judged.late_days > supply.overdue_days).fill_null(False)
    ordered_units = ibis.least(_at_least(judged.order_level_units.ceil(), 1.0), judged.stock)
    expected = judged.mutate(
        order_due_on=is_ordered.ifelse(judged.due, ibis.null("date")),
        order_overdue_days=(is_ordered & (judged.late > supply.overdue_days)).ifelse(judged.late, ibis.null("float64")),
        days_to_receipt=(judged.wait + guess).ceil().cast("int64"),
        exposed_days=exposed + guess - 1,
        exposed_units=to_come.ifelse(ordered_units, judged.stock),
        late_share=is_ordered.ifelse(judged.late_share / 2, judged.late_share),  # it was ordered, at least
    )
    due = _later(expected.as_of, expected.days_to_receipt)
    expected = expected.mutate(next_receipt_on=is_late.ifelse(ibis.null("date"), due))
    return expected.drop(
        "state", "stock", "lead", "due", "late", "ahead", "above_days", "below_days", "wait", "late_days"
    )


def _by_date(table: ir.Table) -> ir.Table:
    """When the calendar expects the next receipt: `due`, `late` days ago or `ahead`."""
    today = table.as_of
    interval = _at_least(table.receipt_interval_days.round(), 1.0)
    lead = _at_least(table.lead_time_days.round(), 1.0)
    table = table.mutate(
        state=ibis.cases((table.inbound_units > 0, ORDERED), (table.inbound_units.notnull(), TO_ORDER), else_=UNTOLD),
        stock=_at_least(table.on_hand_units, 0.0),
        lead=lead,
        by_cadence=_later(table.last_receipt_date, interval),
        by_order=_later(table.on_order_since, lead),
    )
    # what waited already when the last receipt came is there a lead time after it, or sooner if that is usual
    keeps_coming = (table.last_receipt_date >= table.on_order_since).fill_null(False)
    sooner = (table.by_cadence > today).ifelse(table.by_cadence, ibis.null("date"))
    after_receipt = ibis.least(_later(table.last_receipt_date, table.lead), sooner)
    ordered = keeps_coming.ifelse(after_receipt, table.by_order)
    table = table.mutate(due=(table.state == ORDERED).ifelse(ordered, table.by_cadence)).drop("by_cadence", "by_order")
    return table.mutate(
        late=_at_least(table.as_of.delta(table.due, unit="day"), 0).cast("float64"),
        ahead=_at_least(table.due.delta(table.as_of, unit="day"), 1).cast("float64"),
    )


def _by_level(table: ir.Table) -> ir.Table:
    """How stock stands to the usual moment of an order, or of a receipt where nothing is told of orders, in days."""
    rate = table.demand_units_per_day
    left = (table.state == UNTOLD).ifelse(table.left_days, table.left_days + table.lead)
    table = table.mutate(order_level_units=rate * left)
    above = (table.stock - table.order_level_units) / rate.nullif(0.0)
    return table.mutate(above_days=_at_least(above, 0.0), below_days=_at_least(-above - table.spread_days, 0.0))


def _wait(table: ir.Table) -> ir.FloatingValue:
    """Days until the next receipt, were nothing late."""
    return (table.state == TO_ORDER).ifelse(table.above_days + table.lead + 1, table.ahead)


def _doubtful(table: ir.Table) -> ir.FloatingValue:
    """Days by which it is late: by its date, by the stock, or because the DC is out that is to send it."""
    late = table.state.cases(
        (ORDERED, table.late), (TO_ORDER, table.below_days), else_=ibis.least(table.late, table.below_days)
    )
    out = (table.as_of.delta(table.dc_out_since, unit="day") + 1).cast("float64")
    waits_there = (table.last_waiting_date == table.as_of).fill_null(False)
    cut = table.state.cases(
        (ORDERED, waits_there.ifelse(out, 0.0)), (TO_ORDER, out - table.above_days), else_=out - table.ahead
    )
    return ibis.greatest(late, cut)


def _at_most(value: ir.NumericValue, most: float) -> ir.NumericValue:
    """The value, or the most it can be; null stays null, which `least` would not let it."""
    return (value > most).ifelse(most, value)


def _at_least(value: ir.NumericValue, least: float) -> ir.NumericValue:
    """The value, or the least it can be; null stays null, which `greatest` would not let it."""
    return (value < least).ifelse(least, value)


def _later(date: ir.DateValue, days: ir.IntegerValue) -> ir.DateValue:
    return date + days.cast("int64").as_interval("D")


def with_supply(table: ir.Table, found: ir.Table, dcs: ir.Table, supply: SupplySettings) -> ir.Table:
    """A table of series with how each is replenished and when the next receipt is expected.

    Grain:  table (as_of, series), found as `replenishment`, dcs as `chain.dcs_of` -> as table
    """
    key = [AS_OF, *SERIES]
    rates = table.select(*KEY, "demand_units_per_day")
    found = found.left_join(rates, list(KEY), rname="{name}_of_rate").select(*found.columns, "demand_units_per_day")
    found = with_habits(found, nearest_dc(dcs), supply)
    joined = table.left_join(found, list(KEY), rname="{name}_of_supply")
    joined = joined.select(*table.columns, *(name for name in found.columns if name not in table.columns))
    cut = joined.left_join(cut_off(dcs), key, rname="{name}_of_cut").select(*joined.columns, "dc_out_since")
    return with_next_receipt(cut, supply)

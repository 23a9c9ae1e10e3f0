"""From the rows that partners sent to one row per series and day.

A partner that sends only movements says nothing on a quiet day, and means "unchanged"; another leaves out items
with no stock, and means "zero"; a third simply did not count. The feed definition says which.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.reported import FLOWS, MEASURES, AbsentMeans

AS_OF = "as_of"
SERIES_ON = (AS_OF, *SERIES)
"""A series on a checked date."""


def daily(
    observations: ir.Table,
    delivered: ir.Table,
    absent_means: Mapping[str, AbsentMeans],
    first: dt.date,
    last: dt.date,
) -> ir.Table:
    """One row per series and delivered day between two dates, absent rows filled in as each feed means them.

    Grain:  observations (feed_id, business_date, series), delivered (feed_id, business_date)
            -> (feed_id, business_date, series)
    Nulls:  a day on which the feed was not delivered has no row, whatever absent rows mean
    """
    observations = _per_day(observations)
    parts = []
    for meaning in AbsentMeans:
        feeds = sorted(feed for feed, means in absent_means.items() if means is meaning)
        if not feeds:
            continue
        rows = observations.filter(observations.feed_id.isin(feeds), observations.business_date <= last)
        if meaning is AbsentMeans.UNKNOWN:
            parts.append(rows.filter(rows.business_date >= first))
        else:
            parts.append(_filled(rows, delivered, first, last, keeps_stock=meaning is AbsentMeans.UNCHANGED))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _per_day(observations: ir.Table) -> ir.Table:
    """Flows that cover several days as what they are for one of them: a week's sales are no day's demand.

    Nulls: flow_days stays only where it is more than one; a price of zero is none that is known
    """
    days = ibis.greatest(observations.flow_days.fill_null(1), 1)
    flows = {name: observations[name] / days for name in FLOWS}
    return observations.mutate(**flows, flow_days=days.nullif(1), price=observations.price.nullif(0))


def joined(
    rows: ir.Table, added: ir.Table, came: ir.Table, measures: Collection[str], absent_means: AbsentMeans
) -> ir.Table:
    """Daily rows of one feed with what another adds to its series, as where one file tells stock and another sales.

    `measures` are what the other feed reports, and this one does not; of price and names it tells what this one does
    not tell of the day. Unless absent means `unknown`, a file of it that lacks a series has 0 of each of its measures.
    Grain:  rows (feed_id, business_date, series) of one feed as `daily`, added (business_date, series) observations of
            the other one, came (business_date) its deliveries -> as rows
    Nulls:  `measures` on a date for which the other feed was not delivered; all else where it alone tells of a series
    """
    key = ["business_date", *SERIES]
    added = _per_day(added).mutate(is_added=True)
    of_file = added.group_by("business_date").agg(days_of_file=added.flow_days.max())
    dates = came.mutate(is_there=True).left_join(of_file, "business_date")
    both = rows.outer_join(added, key, rname="{name}_added")
    both = both.mutate({name: both[name].coalesce(both[f"{name}_added"]) for name in key})
    both = both.left_join(dates.select("business_date", "is_there", "days_of_file"), "business_date")
    lacks = both.is_added.isnull() & both.is_there.notnull() & (absent_means is not AbsentMeans.UNKNOWN)
    found = {}
    for name in rows.columns:
        own, other = both[name], both[f"{name}_added"]
        if name in measures:
            found[name] = lacks.ifelse(0.0, other)
        elif name == "flow_days" and not set(FLOWS).isdisjoint(measures):
            found[name] = ibis.cases((lacks, both.days_of_file), (both.is_added, other), else_=own)
        else:
            found[name] = own if name in (*key, *MEASURES, "flow_days") else own.coalesce(other)
    return both.select(**found)


def with_blind_rows(observations: ir.Table, rejects: ir.Table, delivered: ir.Table) -> ir.Table:
    """Observations and, without any figure, the rows that came for a series and could not be read.

    Where an absent row means something, a rejected row must not pass for an absent one: its series is not known,
    whatever an earlier delivery said of it. Of what was read in part, that part counts.
    Grain:  delivered (feed_id, business_date, delivery_id): the delivery that counts for a date
    """
    key = ["feed_id", "business_date", "delivery_id"]
    counting = rejects.filter(rejects.location_id.notnull() & rejects.item_id.notnull()).semi_join(delivered, key)
    read_too = observations.semi_join(counting, [*key, *SERIES])
    counting = counting.anti_join(read_too, [*key, *SERIES])
    blind = counting.group_by(*key, *SERIES).agg(line=counting.line.min())
    missing = {name: ibis.null(kind) for name, kind in observations.schema().items() if name not in blind.columns}
    seen = observations.anti_join(blind, ["feed_id", "business_date", *SERIES])
    return ibis.union(seen, blind.mutate(**missing).select(observations.columns).cast(observations.schema()))


def _filled(rows: ir.Table, delivered: ir.Table, first: dt.date, last: dt.date, *, keeps_stock: bool) -> ir.Table:
    """Let each row stand until the next one of its series, with no sales on the days between."""
    order = ibis.window(group_by=("feed_id", *SERIES), order_by="business_date")
    end = ibis.literal(last + dt.timedelta(days=1), "date")
    held = rows.mutate(reported_on=rows.business_date, next_on=rows.business_date.lead().over(order).fill_null(end))
    held = held.filter(held.next_on > ibis.literal(first, "date"))
    start = ibis.greatest(held.business_date, ibis.literal(first, "date"))
    days = ibis.range(start.cast("timestamp"), held.next_on.cast("timestamp"), ibis.interval(days=1))
    spread = held.mutate(business_date=days.unnest()).mutate(business_date=ibis._.business_date.cast("date"))
    own_day = spread.business_date == spread.reported_on
    stocks = () if keeps_stock else ("on_order_units", "in_transit_units")
    # times zero, not zero: a measure that the feed never reports stays not reported
    quiet = {name: own_day.ifelse(spread[name], spread[name] * 0) for name in (*FLOWS, *stocks)}
    if not keeps_stock:
        quiet["on_hand_units"] = own_day.ifelse(spread.on_hand_units, ibis.literal(0.0))
    spread = spread.mutate(**quiet)
    return spread.semi_join(delivered, ["feed_id", "business_date"]).select(rows.columns)

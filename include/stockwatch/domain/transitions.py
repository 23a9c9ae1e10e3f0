"""Changes that were meant: items that end, begin or give way to a successor, and places that leave the range.

A series that is not to be had because of one of them is planned: neither out nor, with stock left, in stock.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF, SERIES_ON
from include.stockwatch.domain.master import as_stored


def planned(
    table: ir.Table,
    ranged: ir.Table,
    items: ir.Table | None = None,
    assortment: ir.Table | None = None,
    places: ir.Table | None = None,
) -> ir.Table:
    """The series of which the master data say that they are not to be had on the date, and why.

    Grain:  table (as_of, series) that is asked about, ranged (as_of, series) all that is ranged; items, assortment
            from `master.per_partner`; places from `chain.regions` -> (as_of, series, planned): one text each
    Nulls:  a series that no master data speak of has no row
    """
    reasons = []
    if items is not None:
        reasons += [_not_active(table, items), _succeeded(table, ranged, items)]
    if assortment is not None:
        reasons.append(_not_ranged(table, assortment if items is None else as_stored(assortment, items)))
    if places is not None:
        reasons.append(_closed(table, places))
    if not reasons:
        nothing = table.filter(ibis.literal(False)).select(*SERIES_ON)
        return nothing.mutate(planned=ibis.null("string"))
    found = ibis.union(*reasons) if len(reasons) > 1 else reasons[0]
    return found.group_by(*SERIES_ON).agg(planned=found.planned.argmin(found.order))


def begun(table: ir.Table, items: ir.Table, assortment: ir.Table) -> ir.Table:
    """The day from which on each series is meant to be had: the first of its item, or of its range if that is later.

    Grain:  table (as_of, series); items, assortment from `master.per_partner` -> (as_of, series, begun_on)
    Nulls:  a series that no master data give a first day has no row
    """
    series = table.select(*SERIES_ON).distinct()
    active = series.inner_join(_first_said(items, "active_from"), ["partner", "item_id"])
    ranged = series.inner_join(_begun_ranges(as_stored(assortment, items)), list(SERIES))
    found = ibis.union(
        *(one.select(*SERIES_ON, begun_on=one[day]) for one, day in ((active, "active_from"), (ranged, "ranged_from")))
    )
    found = found.filter(found.begun_on <= found.as_of)
    return found.group_by(*SERIES_ON).agg(begun_on=found.begun_on.max())


def ending(table: ir.Table, items: ir.Table, assortment: ir.Table) -> ir.Table:
    """The series that will have ended when their stock does: what gives way to a successor is meant to run out.

    The last day is that of the item or of its range, or the one before its successor begins; where no day is said of
    the successor, any day may be the last.
    Grain:  table (as_of, series) with `runs_out_on` and `days_of_supply`; items, assortment from `master.per_partner`
            -> (as_of, series)
    Nulls:  where `runs_out_on` is not known, stock ends with its days of supply
    """
    left = table.days_of_supply.ceil().cast("int64").as_interval("D")
    asked = table.select(*SERIES_ON, gone_on=ibis.coalesce(table.runs_out_on, (table.as_of + left).cast("date")))
    said = asked.inner_join(_first_said(items, "active_to", "successor_gtin"), ["partner", "item_id"])
    first_days = _first_said(items, "active_from").select("partner", successor_gtin="item_id", begins="active_from")
    said = said.left_join(first_days, ["partner", "successor_gtin"], rname="{name}_of_successor")
    succeeded = (said.begins > said.as_of).ifelse(said.begins - ibis.interval(days=1), said.as_of)
    until = said.successor_gtin.notnull().ifelse(ibis.coalesce(succeeded, said.as_of), ibis.null("date"))
    open_end = ibis.date(9999, 1, 1)
    ranges = as_stored(assortment, items).group_by(*SERIES).agg(last=lambda t: t.ranged_to.fill_null(open_end).max())
    listed = asked.inner_join(ranges, list(SERIES))
    ended = [said.filter((said.gone_on > said.active_to).fill_null(False) | (said.gone_on > until).fill_null(False))]
    ended.append(listed.filter(listed.gone_on > listed.last))
    return ibis.union(*(one.select(*SERIES_ON) for one in ended), distinct=True)


def _begun_ranges(assortment: ir.Table) -> ir.Table:
    """The days on which series came into the range; a range that is renewed goes on."""
    always, open_end = ibis.date(1, 1, 1), ibis.date(9999, 1, 1)
    spans = assortment.select(
        *SERIES,
        ranged_from=ibis.coalesce(assortment.ranged_from, always),
        ranged_to=ibis.coalesce(assortment.ranged_to, open_end),
    )
    earlier = ibis.window(group_by=SERIES, order_by="ranged_from", preceding=(None, 1), following=None)
    spans = spans.mutate(until=spans.ranged_to.max().over(earlier))
    goes_on = (spans.ranged_from <= spans.until + ibis.interval(days=1)).fill_null(False)
    return spans.filter(~goes_on, spans.ranged_from > always).select(*SERIES, "ranged_from")


def _not_active(table: ir.Table, items: ir.Table) -> ir.Table:
    known = _first_said(items, "active_from", "active_to")
    found = table.select(*SERIES_ON).inner_join(known, ["partner", "item_id"])
    ended = ibis.literal("the item ended on ") + found.active_to.cast("string")
    begins = ibis.literal("the item begins on ") + found.active_from.cast("string")
    return _reason(
        found, 1, ibis.cases((found.active_to < found.as_of, ended), (found.active_from > found.as_of, begins))
    )


def _succeeded(table: ir.Table, ranged: ir.Table, items: ir.Table) -> ir.Table:
    """Items whose successor is ranged at the same location, where it has a row of its own, and has begun."""
    known = _first_said(items, "successor_gtin")
    known = known.filter(known.successor_gtin.notnull() & (known.successor_gtin != known.item_id))
    first_days = _first_said(items, "active_from")
    there = ranged.left_join(first_days, ["partner", "item_id"], rname="{name}_of_list")
    there = there.filter(there.active_from.isnull() | (there.active_from <= there.as_of))
    there = there.select(AS_OF, "partner", "location_id", successor_gtin="item_id")
    found = table.select(*SERIES_ON).inner_join(known, ["partner", "item_id"])
    found = found.inner_join(there, [AS_OF, "partner", "location_id", "successor_gtin"])
    return _reason(found, 2, ibis.literal("its successor ") + found.successor_gtin + " is ranged here")


def _not_ranged(table: ir.Table, assortment: ir.Table) -> ir.Table:
    found = table.select(*SERIES_ON).inner_join(assortment.select(*SERIES, "ranged_from", "ranged_to"), list(SERIES))
    begun = found.ranged_from.isnull() | (found.ranged_from <= found.as_of)
    lasts = found.ranged_to.isnull() | (found.ranged_to >= found.as_of)
    spans = found.group_by(*SERIES_ON).agg(
        in_force=(begun & lasts).any(), ended=found.ranged_to.max(), begins=found.ranged_from.min(where=~begun)
    )
    ended = ibis.literal("its range ended on ") + spans.ended.cast("string")
    begins = ibis.literal("it is ranged from ") + spans.begins.cast("string")
    gone = spans.ended < spans.as_of
    return _reason(spans, 3, ibis.cases((spans.in_force, ibis.null("string")), (gone, ended), else_=begins))


def _closed(table: ir.Table, places: ir.Table) -> ir.Table:
    closed = places.filter(~places.is_active).select("partner", "location_id")
    found = table.select(*SERIES_ON).semi_join(closed, ["partner", "location_id"])
    return _reason(found, 4, ibis.literal("the location is not active"))


def _first_said(items: ir.Table, *columns: str) -> ir.Table:
    """What the masters say of each item: a partner's own before ours, of several the first by feed."""
    order = ibis.window(group_by=("partner", "item_id"), order_by=("is_own", "feed_id"))
    placed = items.mutate(place=ibis.row_number().over(order))
    said = {name: placed[name].argmin(placed.place, where=placed[name].notnull()) for name in columns}
    return placed.group_by("partner", "item_id").agg(**said)


def _reason(found: ir.Table, order: int, text: ir.StringValue) -> ir.Table:
    reasons = found.select(*SERIES_ON, planned=text, order=ibis.literal(order, "int64"))
    return reasons.filter(reasons.planned.notnull())

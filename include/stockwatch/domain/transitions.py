"""Changes that were meant: items that end, begin or give way to a successor, and places that leave the range.

A series that is empty because of one of them is planned, never a stock-out.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF

SERIES_ON = (AS_OF, *SERIES)


def planned(
    table: ir.Table,
    items: ir.Table | None = None,
    assortment: ir.Table | None = None,
    places: ir.Table | None = None,
) -> ir.Table:
    """The series of which the master data say that they are not to be had on the date, and why.

    Grain:  table (as_of, series); items, assortment from `master.per_partner`; places from `chain.regions`
            -> (as_of, series, planned): one text each
    Nulls:  a series that no master data speak of has no row
    """
    reasons = []
    if items is not None:
        reasons += [_not_active(table, items), _succeeded(table, items)]
    if assortment is not None:
        reasons.append(_not_ranged(table, assortment))
    if places is not None:
        reasons.append(_closed(table, places))
    if not reasons:
        nothing = table.filter(ibis.literal(False)).select(*SERIES_ON)
        return nothing.mutate(planned=ibis.null("string"))
    found = ibis.union(*reasons) if len(reasons) > 1 else reasons[0]
    return found.group_by(*SERIES_ON).agg(planned=found.planned.argmin(found.order))


def _not_active(table: ir.Table, items: ir.Table) -> ir.Table:
    known = _first_said(items, "active_from", "active_to")
    found = table.select(*SERIES_ON).inner_join(known, ["partner", "item_id"])
    ended = ibis.literal("the item ended on ") + found.active_to.cast("string")
    begins = ibis.literal("the item begins on ") + found.active_from.cast("string")
    return _reason(
        found, 1, ibis.cases((found.active_to < found.as_of, ended), (found.active_from > found.as_of, begins))
    )


def _succeeded(table: ir.Table, items: ir.Table) -> ir.Table:
    """Items whose successor is ranged at the same location: it has a row of its own there."""
    known = _first_said(items, "successor_gtin")
    known = known.filter(known.successor_gtin.notnull() & (known.successor_gtin != known.item_id))
    there = table.select(AS_OF, "partner", "location_id", successor_gtin="item_id")
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

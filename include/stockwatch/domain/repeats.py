"""What it means that a file has several rows for one date, location and item."""

from __future__ import annotations

from enum import StrEnum
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.reported import MEASURES
from include.stockwatch.domain.sums import exact_sum

KEY = ("business_date", "location_id", "item_id")


class Repeats(StrEnum):
    """What two values of one measure of one series and date mean at a partner."""

    REJECT = "reject"  # nobody knows: none of them counts
    SUM = "sum"  # single transactions, or departments of one store
    COLLAPSE = "collapse"  # the same row sent twice; different values contradict each other
    LAST = "last"  # a correction behind what it corrects


def merged(rows: ir.Table, repeats: Repeats, order: str) -> ir.Table:
    """One row per key: values of different measures side by side, values of one measure as the partner means them.

    Grain:  rows (order: the column that numbers them) -> (business_date, location_id, item_id)
    Nulls:  a measure without any value stays null; names and prices are those of the last row that has one
    `inputs` counts the rows behind a result, `is_conflict` says that they contradict each other.
    """
    place = rows[order]
    columns: dict[str, ir.Value] = {}
    for name in MEASURES:
        value = rows[name]
        match repeats:
            case Repeats.SUM:
                columns[name] = exact_sum(value)
            case Repeats.LAST:
                columns[name] = value.argmax(ibis.ifelse(value.notnull(), place, ibis.null("int64")))
            case _:
                columns[name] = value.max()
    for name in ("location_name", "item_name", "category", "price"):
        value = rows[name]
        columns[name] = value.argmax(ibis.ifelse(value.notnull(), place, ibis.null("int64")))
    return rows.group_by(*KEY).agg(
        **columns,
        flow_days=rows.flow_days.max(),
        line=rows.line.argmin(place),
        source=rows.source.argmin(place),
        inputs=rows.count(),
        **{order: place.min()},
        is_conflict=_is_conflict(rows, repeats),
    )


def _is_conflict(rows: ir.Table, repeats: Repeats) -> ir.BooleanValue:
    if repeats is Repeats.REJECT:
        return reduce(or_, (rows[name].count() > 1 for name in MEASURES)) | _only_names_repeat(rows)
    if repeats is Repeats.COLLAPSE:
        return reduce(or_, ((rows[name].min() != rows[name].max()).fill_null(False) for name in MEASURES))
    return ibis.literal(False)


def _only_names_repeat(rows: ir.Table) -> ir.BooleanValue:
    """Several rows of a key none of which reports anything contradict each other as well."""
    return reduce(lambda a, b: a & b, (rows[name].count() == 0 for name in MEASURES)) & (rows.count() > 1)

"""Master data as they speak for each partner: names, and which item is ranged where on a date.

What the master data do not say stays as the feeds say it, or unknown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF, SERIES_ON

EVERY_PARTNER = ""
"""What stands for the partner in a row of our own master data that is about all of them."""
LOCATION_TYPES = ("store", "dc")
DETAILS = ("brand", "item_class", "margin_share", "purchase_cycle_days")
NAMES = {"item_name": "item_name", "category": "category"}
"""Columns of rows that an item master may fill, and its own names for them."""
PLACES = {"location_name": "location_name"}
"""The same of a location master."""
LIST_PRICE = ("list_price", "list_currency")
LISTED = (*SERIES_ON, "location_type")


def per_partner(rows: ir.Table, partners: Collection[str]) -> ir.Table:
    """Rows about each of some partners; `is_own` marks those that serve every partner.

    Grain:  (feed_id, partner, …) -> the same, rows about every partner once for each
    """
    every = rows.filter(rows.partner == EVERY_PARTNER).drop("partner")
    known = ibis.memtable({"partner": sorted(partners)}, schema=ibis.schema({"partner": "string"}))
    spread = every.cross_join(known).select(rows.columns).mutate(is_own=ibis.literal(True))
    return ibis.union(rows.filter(rows.partner.isin(sorted(partners))).mutate(is_own=ibis.literal(False)), spread)


def named(rows: ir.Table, names: ir.Table, key: str, columns: Mapping[str, str]) -> ir.Table:
    """Rows with the names of `key` filled in where they have none; `columns` are row column -> master column.

    Grain:  rows any with `partner` and `key`; names (feed_id, partner, key) from `per_partner` -> as rows
    Nulls:  a partner's own master comes before ours; of several the first by feed that says something
    """
    order = ibis.window(group_by=("partner", key), order_by=("is_own", "feed_id"))
    placed = names.mutate(place=ibis.row_number().over(order))
    said = placed.group_by("partner", key).agg(
        **{
            f"said_{name}": placed[column].argmin(placed.place, where=placed[column].notnull())
            for name, column in columns.items()
        }
    )
    joined = rows.left_join(said, ["partner", key])
    filled = {name: ibis.coalesce(joined[name], joined[f"said_{name}"]) for name in columns}
    return joined.mutate(**filled).select(rows.columns)


def with_details(series: ir.Table, items: ir.Table) -> ir.Table:
    """Series with what only an item master says of their items, no feed; null where none does.

    Grain:  series any with partner and item_id, items from `per_partner` -> as series
    """
    blank = series.mutate(**{name: ibis.null(items.schema()[name]) for name in DETAILS})
    return named(blank, items, "item_id", {name: name for name in DETAILS})


def with_list_price(series: ir.Table, items: ir.Table) -> ir.Table:
    """Series with the `list_price` of the item master and its `list_currency`.

    Grain:  series any with partner, item_id and currency, items from `per_partner` -> as series
    Nulls:  where no master has a price above zero, or one in another currency than the feed's; a partner's own comes
            before ours
    """
    priced = items.filter(items.price > 0, items.currency.notnull())
    order = ibis.window(group_by=("partner", "item_id"), order_by=("is_own", "feed_id"))
    placed = priced.mutate(place=ibis.row_number().over(order))
    first = placed.filter(placed.place == 0)
    first = first.select("partner", "item_id", list_price=first.price, list_currency=first.currency)
    found = series.left_join(first, ["partner", "item_id"], rname="{name}_of_list")
    is_like = found.currency.isnull() | (found.currency == found.list_currency)
    told = {name: is_like.ifelse(found[name], ibis.null(found[name].type())) for name in LIST_PRICE}
    return found.mutate(**told).select(*series.columns, *LIST_PRICE)


def as_stored(rows: ir.Table, items: ir.Table) -> ir.Table:
    """Rows in which a partner's own number gives way to the item that the item master stores it under.

    Grain:  rows any with partner and item_id, items from `per_partner` -> as rows
    """
    stored = items.filter(items.partner_item_id.notnull() & (items.partner_item_id != items.item_id))
    stored = stored.group_by("partner", "partner_item_id").agg(stored_id=stored.item_id.max())
    known = rows.left_join(stored, ["partner", (rows.item_id, stored.partner_item_id)])
    return known.mutate(item_id=ibis.coalesce(known.stored_id, known.item_id)).select(rows.columns)


def ranged_on(assortment: ir.Table, items: ir.Table, dates: Sequence[dt.date]) -> ir.Table:
    """The series that an assortment ranges on each of some dates, and the type of location that it speaks for.

    Grain:  assortment, items from `per_partner` -> (as_of, series, location_type); a list of all locations gives
            both types
    """
    known = as_stored(assortment, items)
    days = ibis.memtable({AS_OF: list(dates)}, schema=ibis.schema({AS_OF: "date"}))
    known = known.select(*SERIES, "location_type", "ranged_from", "ranged_to").cross_join(days)
    in_force = (known.ranged_from.isnull() | (known.ranged_from <= known.as_of)) & (
        known.ranged_to.isnull() | (known.ranged_to >= known.as_of)
    )
    listed = known.filter(in_force).select(*LISTED)
    typed = [listed.filter(listed.location_type.notnull())]
    typed += [
        listed.filter(listed.location_type.isnull()).mutate(location_type=ibis.literal(one)) for one in LOCATION_TYPES
    ]
    return ibis.union(*typed).distinct()


def with_listing(series: ir.Table, listed: ir.Table | None, location_types: Mapping[str, str]) -> ir.Table:
    """Series with the `location_type` that their feed reports, and `is_listed`: whether the assortment in force ranges
    them; null where there is none for their place.

    A date for which a partner has no list in force is not told: no list does not mean no range.
    Grain:  (as_of, series) with feed_id; listed as `ranged_on` -> as series
    """
    unknown = ibis.null("string")
    kinds = [(series.feed_id == feed, kind) for feed, kind in location_types.items()]
    typed = series.mutate(location_type=ibis.cases(*kinds, else_=unknown) if kinds else unknown)
    if listed is None:
        return typed.mutate(is_listed=ibis.null("boolean"))
    speaks = listed.select(AS_OF, "partner", "location_type").distinct().mutate(speaks=True)
    names = listed.select(*SERIES_ON).distinct().mutate(lists=True)
    found = typed.left_join(speaks, [AS_OF, "partner", "location_type"], rname="{name}_of_list")
    found = found.select(*typed.columns, "speaks")
    found = found.left_join(names, list(SERIES_ON), rname="{name}_of_list")
    is_listed = found.speaks.fill_null(False).ifelse(found.lists.fill_null(False), ibis.null("boolean"))
    return found.mutate(is_listed=is_listed).select(*typed.columns, "is_listed")


def never_reported(series: ir.Table, listed: ir.Table) -> ir.Table:
    """The series that an assortment ranges and no feed spoke of in the look-back: in range, and lost coverage.

    What a list of all locations ranges is at a place of the kind that feeds report of it, or else of the partner.
    Grain:  series (as_of, series) with location_type; listed as `ranged_on` -> (as_of, series), the columns of listed
    """
    key: tuple[str, ...] = SERIES_ON
    kind = listed.location_type
    of_one_kind = (kind.min() == kind.max()).ifelse(kind.max(), ibis.null("string"))
    reported = series.location_type.max()  # of a partner with both, that is store
    told = [(key, listed.group_by(*key).agg(kind=of_one_kind))]
    told += [(by, series.group_by(*by).agg(kind=reported)) for by in (key[:3], key[:2])]
    found = listed.distinct(on=list(key)).anti_join(series, list(key)).mutate(location_type=ibis.null("string"))
    for by, kinds in told:
        joined = found.left_join(kinds, list(by))
        found = joined.mutate(location_type=ibis.coalesce(joined.location_type, joined.kind)).select(listed.columns)
    return found

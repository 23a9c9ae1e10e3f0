"""The supply chain on a date: which DC serves which series, how that DC stands, and where a location lies.

What the master data and the feeds do not say stays unknown: a store without a supply link has no DC, and a DC whose
feed says nothing about an item is neither out nor in stock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.daily import AS_OF, SERIES_ON
from include.stockwatch.domain.master import as_stored

PLACE = (AS_OF, "partner", "location_id")


def links_on(links: ir.Table, items: ir.Table, dates: Sequence[dt.date]) -> ir.Table:
    """The supply links in force on each of some dates.

    Grain:  links, items from `master.per_partner` -> (as_of, partner, dc_id, location_id, item_id)
    Nulls:  item_id null is a link for every item
    """
    known = as_stored(links, items)
    days = ibis.memtable({AS_OF: list(dates)}, schema=ibis.schema({AS_OF: "date"}))
    known = known.select("partner", "dc_id", "location_id", "item_id", "valid_from", "valid_to").cross_join(days)
    in_force = (known.valid_from.isnull() | (known.valid_from <= known.as_of)) & (
        known.valid_to.isnull() | (known.valid_to >= known.as_of)
    )
    return known.filter(in_force).select(*PLACE, "item_id", "dc_id").distinct()


def serving(series: ir.Table, links: ir.Table) -> ir.Table:
    """The DCs that serve each series: those linked for the item; for want of one, those linked for every item.

    Grain:  series (as_of, series), links from `links_on` -> (as_of, series, dc_id)
    """
    series = series.select(*SERIES_ON).distinct()
    own = links.filter(links.item_id.notnull())
    specific = series.inner_join(own, list(SERIES_ON)).select(*SERIES_ON, "dc_id")
    general = links.filter(links.item_id.isnull()).drop("item_id")
    rest = series.anti_join(specific, list(SERIES_ON)).inner_join(general, list(PLACE))
    return ibis.union(specific, rest.select(*SERIES_ON, "dc_id"))


def dc_outages(rows: ir.Table, dc_feeds: Collection[str]) -> ir.Table:
    """The days of the look-back on which each DC was out of an item.

    Grain:  rows (as_of, series, business_date) as `availability.marked`
            -> (as_of, dc_partner, dc_id, item_id, out_date)
    Units:  out_since is the first day of the outage, out_days how many it has up to the day
    """
    found = rows.filter(rows.feed_id.isin(sorted(dc_feeds)))
    key = {AS_OF: found.as_of, "dc_partner": found.partner, "dc_id": found.location_id, "item_id": found.item_id}
    days = found.group_by(**key, out_date=found.business_date).agg(
        is_out=found.is_out.any(), has_stock=found.is_in_stock.any()
    )
    until = ibis.window(group_by=list(key), order_by="out_date", preceding=None, following=0)
    days = days.mutate(outage=days.has_stock.sum().over(until))
    out = days.filter(days.is_out)
    until = ibis.window(group_by=[*key, "outage"], order_by="out_date", preceding=None, following=0)
    out = out.mutate(out_since=out.out_date.min().over(until), out_days=out.count().over(until))
    return out.drop("is_out", "has_stock", "outage")


def least_orders(orders: ir.Table, links: ir.Table) -> ir.Table:
    """The smallest order that waited at each DC in the look-back: with less than that it can send nothing.

    Grain:  orders (as_of, series) with least_order_units, the smallest that it has waited for; links from `links_on`
            -> (as_of, dc_id, item_id)
    """
    asked = serving(orders, links).inner_join(orders, list(SERIES_ON))
    return asked.group_by(AS_OF, "dc_id", "item_id").agg(least_order_units=asked.least_order_units.min())


def dc_states(rows: ir.Table, dc_feeds: Collection[str]) -> ir.Table:
    """How each DC stands with every item that its feed speaks of on the date.

    Grain:  rows (as_of, series, business_date) as `availability.marked` -> (as_of, dc_partner, dc_id, item_id); a DC
            without a reported stock for the date has no row
    """
    days = rows.filter(rows.feed_id.isin(sorted(dc_feeds)), rows.on_hand_units.notnull())
    today = days.filter(days.business_date == days.as_of)
    found = today.group_by(AS_OF, "item_id", dc_partner=today.partner, dc_id=today.location_id)
    return found.agg(is_told=ibis.literal(True), is_out=today.is_out.any())


def dcs_of(series: ir.Table, links: ir.Table, states: ir.Table) -> ir.Table:
    """The DCs that serve each series, and whether a feed tells how they stand with the item on the date.

    A link names a DC by its id. It is the partner's own if the partner's feeds speak of it, else the distributor's
    whose feed does. A DC is never served by itself: one of the same id is the distributor's.
    Grain:  series (as_of, series), `links_on`, `dc_states` -> (as_of, series, dc_id)
    Nulls:  dc_partner is null where no feed speaks of the DC and the item
    """
    asked = serving(series, links)
    is_other = (states.dc_partner != asked.partner) | (asked.dc_id != asked.location_id)
    found = asked.left_join(states, [AS_OF, "item_id", "dc_id", is_other], rname="{name}_of_dc")
    key = (*SERIES_ON, "dc_id")
    order = ibis.window(group_by=key, order_by=[(found.dc_partner != found.partner).fill_null(True), found.dc_partner])
    first = found.mutate(place=ibis.row_number().over(order))
    first = first.filter(first.place == 0)
    told = {name: first[name].fill_null(False) for name in ("is_told", "is_out")}
    return first.select(*key, "dc_partner", **told)


def cut_off(dcs: ir.Table) -> ir.Table:
    """The series whose DCs are all out of the item, as far as feeds tell, with these DCs.

    Grain:  (as_of, series, dc_id), as `dcs_of` -> (as_of, series, dc_id)
    """
    told = dcs.filter(dcs.is_told)
    return told.anti_join(told.filter(~told.is_out), list(SERIES_ON)).drop("is_told", "is_out")


def nearest_dc(dcs: ir.Table) -> ir.Table:
    """The one DC that a series is counted under: the first by id of those that serve it.

    Grain:  (as_of, series, dc_id), as `dcs_of` or `serving` -> (as_of, series)
    """
    return dcs.group_by(*SERIES_ON).agg(dc_id=dcs.dc_id.min())


def suppliers(links: ir.Table, places: ir.Table) -> ir.Table:
    """The partners whose DCs serve each partner, where they are others. A partner's own DC goes before one of its name.

    Grain:  links from `links_on`; places (partner, location_id) with is_dc -> (as_of, partner, supplier)
    """
    served = links.semi_join(places, ["partner", "location_id"]).select(AS_OF, "partner", "dc_id").distinct()
    dcs = places.filter(places.is_dc).select(supplier=places.partner, dc_id=places.location_id)
    found = served.inner_join(dcs, "dc_id").select(AS_OF, "partner", "dc_id", "supplier")
    own = found.filter(found.partner == found.supplier)
    return found.anti_join(own, [AS_OF, "partner", "dc_id"]).select(AS_OF, "partner", "supplier").distinct()


def regions(locations: ir.Table) -> ir.Table:
    """Region and activity of every location.

    Grain:  locations from `master.per_partner` -> (partner, location_id)
    Nulls:  what no location master says; of several, the partner's own comes before ours
    """
    order = ibis.window(group_by=("partner", "location_id"), order_by=("is_own", "feed_id"))
    placed = locations.mutate(place=ibis.row_number().over(order))
    return placed.group_by("partner", "location_id").agg(
        region=placed.region.argmin(placed.place, where=placed.region.notnull()),
        is_active=placed.is_active.argmin(placed.place, where=placed.is_active.notnull()),
    )

"""Items that vanish from all locations of a partner within a few days, without anybody having planned it."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.promise import Vanishing

ITEM = ("partner", "item_id")
NEARLY_ALL = 0.8
"""Share of the locations that must have lost the item within the few days."""
STILL_THERE = 0.5
"""Share of the partner's items that must still be there: else it is its feed that is missing."""


def presence(rows: ir.Table, on: dt.date, settings: Vanishing) -> ir.Table:
    """How each item stands at each partner: where it was, since when it is gone, and whether it can come back.

    A location is gone without the item if it no longer lists it, or lists it with no stock and nothing on order.
    Grain:  rows (series, business_date) of the look-back, with the numbers of observations -> (partner, item_id)
    Units:  locations had it in the look-back; unlisted of them no longer list it; open_locations may get it back
    """
    recent = ibis.literal(on - dt.timedelta(days=settings.gone_days - 1))
    has_it = (rows.on_hand_units > 0).fill_null(False) | (rows.units_sold > 0).fill_null(False)
    coming = rows.on_order_units.fill_null(0.0) + rows.in_transit_units.fill_null(0.0)
    says = rows.on_order_units.notnull()
    is_recent = rows.business_date >= recent
    series = rows.group_by(*SERIES).agg(
        item_name=rows.item_name.max(),
        category=rows.category.max(),
        last_had_on=rows.business_date.max(where=has_it),
        is_listed=is_recent.any(),
        may_come=(is_recent & ((coming > 0) | ~says)).any(),
    )
    series = series.filter(series.last_had_on.notnull())
    item = series.group_by(*ITEM).agg(
        item_name=series.item_name.max(),
        category=series.category.max(),
        locations=series.count(),
        had_by=series.location_id.collect(),
        last_had_on=series.last_had_on.max(),
        unlisted=(~series.is_listed).sum(),
        open_locations=(series.is_listed & series.may_come).sum(),
        still_at=(series.last_had_on >= recent).sum(),
    )
    near = series.inner_join(item.select(*ITEM, item_last=item.last_had_on), list(ITEM))
    soon = near.last_had_on > near.item_last - ibis.interval(days=settings.within_days)
    share = near.group_by(*ITEM).agg(share_within=soon.mean())
    return item.inner_join(share, list(ITEM)).select(*item.columns, "share_within")


def vanished(
    presences: ir.Table, partner_newest: ir.Table, planned: ir.Table, on: dt.date, settings: Vanishing
) -> ir.Table:
    """Items that nobody at the partner has any more, though its feed came and nothing said that it would end.

    One report alone does not tell, however many were missing before it.
    Grain:  presences as `presence`; partner_newest (partner, newest, before) are the partner's newest date and the one
            before; planned (partner, item_id) are items whose end was announced -> (partner, item_id)
    """
    recent = ibis.literal(on - dt.timedelta(days=settings.gone_days - 1))
    of_partner = presences.group_by("partner").agg(share_there=(presences.still_at > 0).mean())
    found = presences.inner_join(of_partner, ["partner"]).inner_join(partner_newest, ["partner"])
    gone = found.filter(
        (found.last_had_on < recent)
        & ((found.last_had_on < found.before) | (settings.gone_days == 1))
        & (found.open_locations == 0)
        & (found.locations >= settings.min_locations)
        & (found.share_within >= NEARLY_ALL)
        & (found.share_there >= STILL_THERE)
        & (found.newest == on)
    )
    return gone.anti_join(planned, list(ITEM)).select(*presences.columns)


def not_ranged(presences: ir.Table, ranged: ir.Table) -> ir.Table:
    """Items that the list in force ranges in no store of a partner that has one: whoever wrote it meant them to go.

    Grain: presences as `presence`, ranged (series) of one date -> (partner, item_id)
    """
    of_lists = presences.semi_join(ranged, ["partner"])
    return of_lists.anti_join(ranged, list(ITEM)).select(*ITEM)


def newest_dates(rows: ir.Table) -> ir.Table:
    """The newest date of each partner and the one before.

    Grain:  rows (series, business_date) -> (partner)
    Nulls:  before is null where there is one date alone
    """
    dates = rows.select("partner", "business_date").distinct()
    newest = dates.group_by("partner").agg(newest=dates.business_date.max())
    told = dates.inner_join(newest, ["partner"])
    earlier = told.business_date < told.newest
    return told.group_by("partner", "newest").agg(before=told.business_date.max(where=earlier))


def planned_ends(items: ir.Table, listed: ir.Table | None, on: dt.date) -> ir.Table:
    """Items whose end is announced: a last day that has come, a successor, or an assortment that ends.

    Grain: items and assortment from `master.per_partner` -> (partner, item_id)
    """
    ended = items.filter((items.active_to <= on).fill_null(False) | items.successor_gtin.notnull())
    parts = [ended.select(*ITEM)]
    if listed is not None:
        last = listed.group_by(*ITEM).agg(last=listed.ranged_to.max(), is_open=listed.ranged_to.isnull().any())
        parts.append(last.filter(~last.is_open & (last["last"] <= on)).select(*ITEM))
    return ibis.union(*parts, distinct=True) if len(parts) > 1 else parts[0].distinct()

"""What an item master said before and says now: a pack or a GTIN that changes without notice breaks a promise.

A list replaces the one before it, so what was ever seen in one is remembered with its dates.
"""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import IDENTITIES

KEY = ("feed_id", "partner", "item_id", "gtin", "partner_item_id", "successor_gtin", "unit", "pieces")
OWN = ("feed_id", "partner")


def identities(items: ir.Table) -> ir.Table:
    """What the item masters say now of each item's numbers and packs, seen on the day its list came.

    Grain: (feed_id, partner, item_id) -> IDENTITIES
    """
    seen = items.mutate(first_seen_on=items.received_at.date(), last_seen_on=items.received_at.date())
    count = seen.packs.length().fill_null(0)
    packed = seen.filter(count > 0)
    packed = packed.mutate(unit=packed.packs.keys().unnest())
    packed = packed.mutate(pieces=packed.packs[packed.unit]).select(IDENTITIES.names)
    loose = seen.filter(count == 0).mutate(unit=ibis.null("string"), pieces=ibis.null("float64"))
    return ibis.union(packed, loose.select(IDENTITIES.names)).cast(IDENTITIES)


def remembered(before: ir.Table, now: ir.Table) -> ir.Table:
    """What was ever said, from when to when. Saying the same again changes its last day alone.

    Grain: IDENTITIES -> IDENTITIES
    """
    told = ibis.union(before, now)
    return (
        told.group_by(*KEY)
        .agg(
            item_name=told.item_name.max(),
            first_seen_on=told.first_seen_on.min(),
            last_seen_on=told.last_seen_on.max(),
        )
        .select(IDENTITIES.names)
    )


def pack_changes(known: ir.Table, on: dt.date, told_days: int) -> ir.Table:
    """GTINs and packs that changed in the last days although nothing announced it.

    A GTIN that takes the place of another under one own number is announced by `successor_gtin`. A number of pieces
    that changes under one GTIN never is: a changed pack is another trade item and has another GTIN.
    Grain:  IDENTITIES -> (feed_id, partner, item_id, fact); `fact` is gtin, or the unit of the pack
    """
    of_gtin = known.filter(known.gtin.notnull() & known.partner_item_id.notnull())
    of_pack = known.filter(known.unit.notnull())
    facts = ibis.union(
        _facts(of_gtin, of_gtin.partner_item_id, ibis.literal("gtin"), of_gtin.gtin),
        _facts(of_pack, of_pack.item_id, of_pack.unit, of_pack.pieces.cast("int64").cast("string")),
    )
    newest = facts.group_by(*OWN).agg(newest=facts.last_on.max())
    facts = facts.inner_join(newest, list(OWN))
    current = facts.filter((facts.last_on == facts.newest) & (facts.first_on > on - dt.timedelta(days=told_days)))
    past = facts.select(*OWN, "number", "fact", before=facts.value, before_from=facts.first_on, before_to=facts.last_on)
    changed = current.inner_join(past, [*OWN, "number", "fact"])
    changed = changed.filter((changed.before != changed.value) & (changed.before_from < changed.first_on))
    latest = ibis.window(
        group_by=(*OWN, "number", "fact"), order_by=(changed.first_on.desc(), changed.before_to.desc(), "before")
    )
    changed = changed.mutate(place=ibis.row_number().over(latest))
    said = known.filter(known.successor_gtin.notnull()).select("partner", before=known.gtin, value=known.successor_gtin)
    changed = changed.filter((changed.place == 0) & (changed.first_on <= on))
    changed = changed.anti_join(said.distinct(), ["before", "value"])
    return changed.select(*OWN, "item_id", "item_name", "fact", "before", after=changed.value, since=changed.first_on)


def _facts(rows: ir.Table, number: ir.Value, fact: ir.Value, value: ir.Value) -> ir.Table:
    told = rows.mutate(number=number, fact=fact, value=value)
    return told.group_by(*OWN, "number", "fact", "value").agg(
        item_id=told.item_id.max(),
        item_name=told.item_name.max(),
        first_on=told.first_seen_on.min(),
        last_on=told.last_seen_on.max(),
    )

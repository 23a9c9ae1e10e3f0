"""What an item master said before and says now: a pack or a GTIN that changes without notice breaks a promise.

A list replaces the one before it, so what was ever seen in one is remembered with its dates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import IDENTITIES

KEY = ("feed_id", "partner", "item_id", "gtin", "partner_item_id", "successor_gtin", "unit", "pieces")
OWN = ("feed_id", "partner")
GTIN = "gtin"
"""The fact that another GTIN has an own number; every other fact is the unit of a pack."""


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


def pack_changes(known: ir.Table, now: ir.Table, on: dt.date, told_days: int) -> ir.Table:
    """GTINs and packs that changed in the last days although nothing announced it.

    A GTIN that takes the place of another under one own number is announced by `successor_gtin`. A number of pieces
    that changes under one GTIN never is: a changed pack is another trade item and has another GTIN.
    Grain:  known is all that was ever `remembered`, now the `identities` of today's lists; both IDENTITIES ->
            (feed_id, partner, item_id, fact); `fact` is gtin, or the unit of the pack
    """
    facts = _facts(known)
    current = facts.semi_join(_facts(now), [*OWN, "number", "fact", "value"])
    current = current.filter(current.first_on > on - dt.timedelta(days=told_days))
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


class Now(NamedTuple):
    """What became of a change."""

    is_announced: bool
    values: frozenset[str]  # GTIN or pieces that today's lists say, of those that told of the change
    is_listed: bool  # the lists still have the item, or the own number of the GTIN


def what_became(
    known: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], fact: str, before: str, after: str
) -> Now:
    """What today's lists say of a change that was told.

    Grain: rows of IDENTITIES that are about its item, or its own number: all that were ever said, and those of today
    """

    def value(row: Mapping[str, Any]) -> str | None:
        if fact == GTIN:
            return str(row["gtin"])
        return f"{row['pieces']:.0f}" if row["unit"] == fact else None

    old, new = ({row["feed_id"] for row in known if value(row) == one} for one in (before, after))
    mine = [row for row in now if row["feed_id"] in old & new]
    return Now(
        is_announced=any(row["gtin"] == before and row["successor_gtin"] == after for row in known),
        values=frozenset(found for row in mine if (found := value(row))),
        is_listed=bool(mine),
    )


def _facts(said: ir.Table) -> ir.Table:
    """What was said of each own number and each item, from when to when."""
    of_gtin = said.filter(said.gtin.notnull() & said.partner_item_id.notnull())
    of_pack = said.filter(said.unit.notnull())
    return ibis.union(
        _spans(of_gtin, of_gtin.partner_item_id, ibis.literal(GTIN), of_gtin.gtin),
        _spans(of_pack, of_pack.item_id, of_pack.unit, of_pack.pieces.cast("int64").cast("string")),
    )


def _spans(rows: ir.Table, number: ir.Value, fact: ir.Value, value: ir.Value) -> ir.Table:
    told = rows.mutate(number=number, fact=fact, value=value)
    return told.group_by(*OWN, "number", "fact", "value").agg(
        item_id=told.item_id.max(),
        item_name=told.item_name.max(),
        first_on=told.first_seen_on.min(),
        last_on=told.last_seen_on.max(),
    )

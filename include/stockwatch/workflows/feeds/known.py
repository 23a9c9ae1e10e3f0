"""What master data know of a feed's partner, to tell which rows of its files are about something known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.stockwatch.domain.master import EVERY_PARTNER
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.services import Services


@dataclass(frozen=True)
class Known:
    """What the master data of a partner know; None where there are none: nothing is parked then.

    `items` maps what partners call an item to its id as it is stored, `packs` gives the pieces of a unit by item id.
    """

    items: Mapping[str, str] | None = None
    locations: frozenset[str] | None = None
    packs: Mapping[tuple[str, str], float] = field(default_factory=dict)


def known(services: Services, feed: Feed) -> Known:
    """Items, locations and packs of a feed's partner; None where no master data speak for the feed.

    What the partner's own master says goes before ours. An own number that several items bear, as a follow-up item may
    bear that of the item before, is the one that became active last. A master says nothing about ids that it has none
    of: GTINs do not tell which own numbers exist, nor stores which warehouses.
    """
    items = _rows(services, "items", feed.partner, "active_from")
    places = _rows(services, "locations", feed.partner)
    id_column = "gtin" if feed.item_id.kind == "gtin" else "partner_item_id"
    return Known(
        _ids(items) if any(item[id_column] for item in items) else None,
        frozenset(place["location_id"] for place in places)
        if any(place["location_type"] in (None, feed.location_type) for place in places)
        else None,
        {(item["item_id"], unit): pieces for item in items for unit, pieces in item["packs"] or ()},
    )


def _ids(items: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What an item may be called -> its id as it is stored. An id is never taken for another item's own number."""
    numbers = {item["partner_item_id"]: item["item_id"] for item in items if item["partner_item_id"]}
    return numbers | {item["item_id"]: item["item_id"] for item in items}


def _rows(services: Services, table: str, partner: str, *order: str) -> list[dict[str, Any]]:
    """Rows about a partner, those that serve every partner first."""
    rows = services.lake.table(table, feeds=services.settings.master_ids())
    mine = rows.filter(rows.partner.isin([EVERY_PARTNER, partner]))
    placed = sorted(
        services.lake.engine.to_pyarrow(mine).to_pylist(),
        key=lambda row: (row["partner"], *(row[name] or dt.date.min for name in order), row["feed_id"], row["line"]),
    )
    return list(placed)

"""The lists of master data and complaints as files, and the definitions that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.simulation.files.delimited import text
from include.stockwatch.simulation.files.workbook import WIDTH, number_of
from include.stockwatch.simulation.partners import PartnerFeed
from include.stockwatch.simulation.world import World

DATES = {"date_format": "%Y-%m-%d"}
ITEM_COLUMNS = {
    "item_name": "description",
    "brand": "brand",
    "category": "category",
    "item_class": "class",
    "price": "list_price",
    "margin_share": "margin",
    "purchase_cycle_days": "cycle_days",
    "successor_gtin": "replaced_by",
    "active_from": "first_day",
    "active_to": "last_day",
}
LOCATION_COLUMNS = {
    "location_name": "name",
    "location_type": "type",
    "region": "region",
    "time_zone": "time_zone",
    "gln": "gln",
}
OWNER_COLUMNS = {"category": "category", "region": "region", "owner": "owner", "contact": "contact"}
COMPLAINT_COLUMNS = {
    "business_date": "date",
    "channel": "channel",
    "kind": "about",
    "complaints": "count",
    "extract": "words",
}
KINDS = ("could_not_find", "quality", "price", "pack", "service", "other")


@dataclass(frozen=True)
class MasterFile:
    """One list, whole."""

    feed_id: str
    definition: Mapping[str, Any]
    content: bytes


def master_files(world: World, feeds: list[PartnerFeed]) -> list[MasterFile]:
    """Every list of a world."""
    partners = sorted({feed.partner for feed in feeds})
    own_numbers = [feed.partner for feed in feeds if feed.format == "workbook"]
    return [
        _items(world),
        *(_numbers(world, partner) for partner in own_numbers),
        *(_locations(world, partner) for partner in partners),
        *(_links(world, partner) for partner in sorted(set(world.supply_links.column("partner").to_pylist()))),
        *(_range(world, partner) for partner in world.network.retailers),
        _owners(world),
        _complaints(world),
    ]


def _items(world: World) -> MasterFile:
    table = world.items.append_column("pack", pa.array(world.catalogue.pack_units))
    columns = {"gtin": "gtin", **ITEM_COLUMNS, "pack": "case_pack"}
    definition = {
        "table": "items",
        **DATES,
        "item_id": {"gtin": "gtin"},
        "columns": ITEM_COLUMNS,
        "packs": {"CA": "case_pack"},
        "currency": "USD",
    }
    return MasterFile("our_items", definition, _csv(table, columns))


def _numbers(world: World, partner: str) -> MasterFile:
    """A partner's own numbers beside our GTINs."""
    numbers = [number_of(item_id) for item_id in world.items.column("item_id").to_pylist()]
    table = world.items.append_column("number", pa.array(numbers))
    item_id = {"gtin": "gtin", "number": "item_nbr", "width": WIDTH}
    definition = {"partner": partner, "table": "items", "item_id": item_id}
    return MasterFile(f"{partner}_items", definition, _csv(table, {"gtin": "gtin", "number": "item_nbr"}))


def _locations(world: World, partner: str) -> MasterFile:
    definition = {
        "partner": partner,
        "table": "locations",
        "location_id": {"column": "location"},
        "columns": LOCATION_COLUMNS,
        "types": {"store": "store", "dc": "dc"},
    }
    columns = {"location_id": "location", **LOCATION_COLUMNS}
    return MasterFile(f"{partner}_locations", definition, _csv(_of(world.locations, partner), columns))


def _links(world: World, partner: str) -> MasterFile:
    definition = {
        "partner": partner,
        "table": "supply_links",
        "dc_id": {"column": "from"},
        "location_id": {"column": "to"},
    }
    columns = {"dc_id": "from", "location_id": "to"}
    return MasterFile(f"{partner}_supply", definition, _csv(_of(world.supply_links, partner), columns))


def _range(world: World, partner: str) -> MasterFile:
    days = {"ranged_from": "first_day", "ranged_to": "last_day"}
    definition = {
        "partner": partner,
        "table": "assortment",
        **DATES,
        "location_id": {"column": "store"},
        "item_id": {"column": "gtin", "kind": "gtin"},
        "location_type": "store",
        "columns": days,
    }
    columns = {"location_id": "store", "item_id": "gtin", **days}
    return MasterFile(f"{partner}_range", definition, _csv(_of(world.assortment, partner), columns))


def _owners(world: World) -> MasterFile:
    definition = {"table": "owners", "partner_column": "partner", "columns": OWNER_COLUMNS}
    return MasterFile("our_owners", definition, _csv(world.owners, {"partner": "partner", **OWNER_COLUMNS}))


def _complaints(world: World) -> MasterFile:
    definition = {
        "table": "complaints",
        "partner_column": "partner",
        **DATES,
        "location_id": {"column": "store"},
        "item_id": {"column": "gtin", "kind": "gtin"},
        "columns": COMPLAINT_COLUMNS,
        "kinds": {kind: kind for kind in KINDS},
    }
    columns = {"partner": "partner", "location_id": "store", "item_id": "gtin", **COMPLAINT_COLUMNS}
    return MasterFile("our_complaints", definition, _csv(world.complaints.rename_columns({"text": "extract"}), columns))


def _of(table: pa.Table, partner: str) -> pa.Table:
    return table.filter(pc.equal(table.column("partner"), partner))


def _csv(table: pa.Table, columns: Mapping[str, str]) -> bytes:
    """Some columns of a table under the names of the file."""
    values = [table.column(name).to_pylist() for name in columns]
    return text([list(columns.values()), *zip(*values, strict=True)])

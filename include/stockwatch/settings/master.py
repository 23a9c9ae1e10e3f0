"""A master-data definition: how a file of items, locations, supply links, assortment or owners is found and understood.

The same folder defines what customers say and do, see `signal_feeds`.

Dag files read this at every parse, so nothing here imports more than pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from include.stockwatch.domain.value import Value
from include.stockwatch.errors import ConfigError, closest
from include.stockwatch.settings import reading
from include.stockwatch.settings.feed import FEED_ID
from include.stockwatch.settings.master_feed import ItemRef, MasterFeed, PlaceId
from include.stockwatch.settings.signal_feeds import Complaints, Loyalty

LocationType = Literal["store", "dc"]


class ItemIds(Value):
    """What identifies an item of the item master. An item with a GTIN is stored under it, else under its own number."""

    gtin: str | None = Field(default=None, description="column with the GTIN")
    number: str | None = Field(default=None, description="column with the partner's own number")
    width: int = Field(default=0, ge=0, le=20, description="own numbers are padded with zeros to this many digits")
    repair: bool = Field(default=True, description="put back zeros and check digits that every GTIN lacks")

    @model_validator(mode="after")
    def _has_one(self) -> ItemIds:
        if not (self.gtin or self.number):
            raise ValueError("`gtin` or `number` is needed: the column with the GTIN or the partner's own number")
        return self


class ItemColumns(Value):
    """Which column of the file feeds which column of `items`."""

    item_name: str | None = None
    brand: str | None = None
    category: str | None = None
    item_class: str | None = None
    price: str | None = None
    margin_share: str | None = None
    purchase_cycle_days: str | None = None
    successor_gtin: str | None = None
    active_from: str | None = None
    active_to: str | None = None


class LocationColumns(Value):
    """Which column of the file feeds which column of `locations`."""

    location_name: str | None = None
    location_type: str | None = None
    region: str | None = None
    time_zone: str | None = None
    gln: str | None = None
    is_active: str | None = None


class SupplyLinkColumns(Value):
    """Which column of the file feeds which column of `supply_links`."""

    valid_from: str | None = None
    valid_to: str | None = None


class AssortmentColumns(Value):
    """Which column of the file feeds which column of `assortment`."""

    ranged_from: str | None = None
    ranged_to: str | None = None


class OwnerColumns(Value):
    """Which column of the file feeds which column of `owners`."""

    owner: str
    contact: str | None = None
    category: str | None = None
    region: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


class Items(MasterFeed):
    """The item master."""

    key: ClassVar = ("item_id",)
    needed: ClassVar = ("item_id",)
    dates: ClassVar = ("active_from", "active_to")

    table: Literal["items"]
    item_id: ItemIds
    columns: ItemColumns = ItemColumns()
    packs: Mapping[str, str] = Field(default={}, description="unit -> column with the pieces in it, e.g. CA: Case Qty")
    margin_in: Literal["share", "percent"] = Field(default="share", description="of the price: 0.35, or 35")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None

    @model_validator(mode="after")
    def _prices_have_a_currency(self) -> Items:
        if self.columns.price and not self.currency:
            raise ValueError("`columns.price` is set, so `currency` must be, e.g. USD")
        return self

    def bound(self) -> dict[str, str]:
        """Column of the table -> column of the file; packs are `pack CA`, one for each unit."""
        ids = {"gtin": self.item_id.gtin, "partner_item_id": self.item_id.number}
        packs = {f"pack {unit.upper()}": column for unit, column in self.packs.items()}
        return {name: column for name, column in ids.items() if column} | super().bound() | packs

    def widths(self) -> dict[str, int]:
        """Ids of the table that are padded, and to how many digits."""
        return {"partner_item_id": self.item_id.width}

    def gtins(self) -> tuple[tuple[str, ...], bool]:
        """Columns of the table that are GTINs, and whether all of them together may be repaired."""
        return ("gtin", "successor_gtin"), self.item_id.repair


class Locations(MasterFeed):
    """The location master."""

    key: ClassVar = ("location_id",)
    needed: ClassVar = ("location_id",)

    table: Literal["locations"]
    location_id: PlaceId
    location_type: LocationType | None = Field(default=None, description="of every row, where no column says it")
    types: Mapping[str, LocationType] = Field(default={}, description="text of `columns.location_type` -> store or dc")
    active: tuple[str, ...] = Field(default=(), description="texts of `columns.is_active` that mean: it is")
    columns: LocationColumns = LocationColumns()

    @model_validator(mode="after")
    def _says_what_texts_mean(self) -> Locations:
        if self.columns.location_type and not self.types:
            raise ValueError("`columns.location_type` is set, so `types` must be, e.g. {S: store, W: dc}")
        if self.columns.is_active and not self.active:
            raise ValueError("`columns.is_active` is set, so `active` must be, e.g. [Y]")
        return self

    def bound(self) -> dict[str, str]:
        """Column of the table -> column of the file, for those that are set."""
        return {"location_id": self.location_id.column} | super().bound()

    def widths(self) -> dict[str, int]:
        """Ids of the table that are padded, and to how many digits."""
        return {"location_id": self.location_id.width}


class SupplyLinks(MasterFeed):
    """Which DC serves which store, for which items, from when."""

    key: ClassVar = ("dc_id", "location_id", "item_id", "valid_from")
    needed: ClassVar = ("dc_id", "location_id")
    dates: ClassVar = ("valid_from", "valid_to")

    table: Literal["supply_links"]
    dc_id: PlaceId
    location_id: PlaceId
    item_id: ItemRef | None = Field(default=None, description="none, or a blank cell: every item")
    columns: SupplyLinkColumns = SupplyLinkColumns()

    def bound(self) -> dict[str, str]:
        """Column of the table -> column of the file, for those that are set."""
        places = {"dc_id": self.dc_id.column, "location_id": self.location_id.column}
        return places | ({"item_id": self.item_id.column} if self.item_id else {}) | super().bound()

    def widths(self) -> dict[str, int]:
        """Ids of the table that are padded, and to how many digits."""
        places = {"dc_id": self.dc_id.width, "location_id": self.location_id.width}
        return places | ({"item_id": self.item_id.width} if self.item_id else {})

    def gtins(self) -> tuple[tuple[str, ...], bool]:
        """Columns of the table that are GTINs, and whether all of them together may be repaired."""
        return (("item_id",), self.item_id.repair) if self.item_id and self.item_id.kind == "gtin" else ((), False)


class Assortment(MasterFeed):
    """Which item is ranged at which location, from when to when."""

    key: ClassVar = ("location_id", "item_id", "ranged_from")
    needed: ClassVar = ("location_id", "item_id")
    dates: ClassVar = ("ranged_from", "ranged_to")

    table: Literal["assortment"]
    location_id: PlaceId
    item_id: ItemRef
    location_type: LocationType | None = Field(
        default=None, description="locations that it lists; the range of others is inferred. None: all of the partner"
    )
    columns: AssortmentColumns = AssortmentColumns()

    def bound(self) -> dict[str, str]:
        """Column of the table -> column of the file, for those that are set."""
        return {"location_id": self.location_id.column, "item_id": self.item_id.column} | super().bound()

    def widths(self) -> dict[str, int]:
        """Ids of the table that are padded, and to how many digits."""
        return {"location_id": self.location_id.width, "item_id": self.item_id.width}

    def gtins(self) -> tuple[tuple[str, ...], bool]:
        """Columns of the table that are GTINs, and whether all of them together may be repaired."""
        return (("item_id",), self.item_id.repair) if self.item_id.kind == "gtin" else ((), False)


class Owners(MasterFeed):
    """Who owns the account, per partner, category and region; a blank category or region means all of them."""

    key: ClassVar = ("category", "region", "valid_from")
    needed: ClassVar = ("owner",)
    dates: ClassVar = ("valid_from", "valid_to")

    table: Literal["owners"]
    columns: OwnerColumns


Master = Items | Locations | SupplyLinks | Assortment | Owners | Complaints | Loyalty
TABLES: Mapping[str, type[Master]] = {
    "items": Items,
    "locations": Locations,
    "supply_links": SupplyLinks,
    "assortment": Assortment,
    "owners": Owners,
    "complaints": Complaints,
    "loyalty": Loyalty,
}


def load_master(path: Path) -> Master:
    """Read one definition of master data; its file name is its id.

    Raises: ConfigError with every problem of the file.
    """
    if not FEED_ID.match(path.stem):
        fix = "rename the file: lower-case letters, digits and underscores, starting with a letter"
        raise ConfigError((reading.file_problem(path, f"`{path.stem}` is no feed id", fix),))
    file = reading.open_file(path)
    content = reading.content_of(path)
    named = content.get("table") if isinstance(content, dict) else None
    model = TABLES.get(named) if isinstance(named, str) else None
    if model is None:
        what = "missing" if named is None else f"`{named}` is no table of master data"
        near = closest(str(named), TABLES) if named else "say what the file is about."
        fix = f"{near or 'use one of these.'} Tables: {', '.join(TABLES)}."
        raise ConfigError((file.problem(file.mark(("table",)), "table", what, fix),))
    return reading.read(path, model)

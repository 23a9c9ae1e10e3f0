"""Definitions of what customers say and do: complaints, and measured loyalty. Their files are read as master data are.

Dag files read this at every parse, so nothing here imports more than pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from include.stockwatch.domain.customer_signals import RANGES, ComplaintKind, Measure
from include.stockwatch.domain.value import Value
from include.stockwatch.settings.master_feed import ItemRef, MasterFeed, MasterQuality, PlaceId


class ComplaintColumns(Value):
    """Which column of the file feeds which column of `complaints`."""

    business_date: str
    channel: str | None = None
    kind: str | None = Field(default=None, description="column with the category of the complaint")
    complaints: str | None = Field(default=None, description="column with how many a row stands for; none: one")
    extract: str | None = Field(default=None, description="column with the words; only their beginning is kept")


class Complaints(MasterFeed):
    """Complaints of customers, one row for each or for several alike."""

    needed: ClassVar = ("business_date",)
    needs_partner: ClassVar = False
    dates: ClassVar = ("business_date",)
    replaces: ClassVar = "dates"

    table: Literal["complaints"]
    location_id: PlaceId | None = None
    item_id: ItemRef | None = None
    columns: ComplaintColumns
    kinds: Mapping[str, ComplaintKind] = Field(
        default={}, description="text of `columns.kind` -> could_not_find, quality, price, pack, service or other"
    )
    kind: ComplaintKind | None = Field(default=None, description="of every row, where no column says it")
    quality: MasterQuality = MasterQuality(max_rejected_share=0.2, min_rows_share=0)  # few complaints are good news

    @model_validator(mode="after")
    def _says_what_texts_mean(self) -> Complaints:
        if self.columns.kind and not self.kinds:
            raise ValueError("`columns.kind` is set, so `kinds` must be, e.g. {not on shelf: could_not_find}")
        if not (self.columns.kind or self.kind):
            raise ValueError("`columns.kind` or `kind` is needed: what the complaints are about")
        return self

    def bound(self) -> dict[str, str]:
        """Column of the table -> column of the file, for those that are set."""
        known = {"location_id": self.location_id, "item_id": self.item_id}
        return {name: one.column for name, one in known.items() if one} | super().bound()

    def widths(self) -> dict[str, int]:
        """Ids of the table that are padded, and to how many digits."""
        known = {"location_id": self.location_id, "item_id": self.item_id}
        return {name: one.width for name, one in known.items() if one}

    def gtins(self) -> tuple[tuple[str, ...], bool]:
        """Columns of the table that are GTINs, and whether all of them together may be repaired."""
        return (("item_id",), self.item_id.repair) if self.item_id and self.item_id.kind == "gtin" else ((), False)


class LoyaltyColumns(Value):
    """Which column of the file feeds which column of `loyalty`."""

    measure: str
    value: str
    valid_from: str
    brand: str | None = None
    category: str | None = None
    segment: str | None = None
    sample_size: str | None = None


class Loyalty(MasterFeed):
    """What was measured of customers' loyalty, one figure a row; blank brand, category or segment: all of them."""

    key: ClassVar = ("measure", "brand", "category", "segment", "valid_from")
    needed: ClassVar = ("measure", "value", "valid_from")
    dates: ClassVar = ("valid_from",)

    table: Literal["loyalty"]
    columns: LoyaltyColumns
    measures: Mapping[str, Measure] = Field(
        default={measure.value: measure for measure in Measure},
        description="text of `columns.measure` -> repeat_purchase_rate, retention, churn, nps, ...",
    )
    shares_in: Literal["share", "percent"] = Field(default="share", description="how shares are written: 0.35, or 35")
    period_days: int = Field(default=365, ge=7, le=1100, description="that retention and churn are about")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, description="of lifetime values"
    )
    quality: MasterQuality = MasterQuality(min_rows_share=0)

    @model_validator(mode="after")
    def _lifetime_values_have_a_currency(self) -> Loyalty:
        said = self.model_fields_set & {"measures"}
        if said and Measure.LIFETIME_VALUE in self.measures.values() and not self.currency:
            raise ValueError("`measures` has lifetime_value, so `currency` must be set, e.g. USD")
        return self

    def read_value(self, measure: Measure, number: float) -> float | None:
        """A figure as it is stored; none if it cannot be one of the measure."""
        known = RANGES[measure]
        value = number / 100 if known.is_share and self.shares_in == "percent" else number
        return value if known.holds(value) else None

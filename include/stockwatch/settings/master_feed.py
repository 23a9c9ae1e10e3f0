"""What all definitions of lists have in common: whose they are, how files are found and read, and when one is held."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from include.stockwatch.domain.value import Value
from include.stockwatch.settings.feed import (
    Csv,
    DateFormat,
    Expected,
    Html,
    Identifier,
    JsonLines,
    Landing,
    Parquet,
    Xlsx,
    csv_by_default,
)

TableFormat = Annotated[
    Annotated[Csv | Xlsx | Html | Parquet | JsonLines, Field(discriminator="kind")], BeforeValidator(csv_by_default)
]


class MasterQuality(Value):
    """When a file of master data is held. Never is half a master published."""

    max_rejected_share: float = Field(default=0.02, ge=0, le=1, description="above it the whole file is held")
    min_rows_share: float = Field(
        default=0.70, ge=0, le=1, description="of the rows of the file before; 0 switches it off"
    )


class PlaceId(Value):
    """What identifies a location: a column, padded to the width that the feeds use."""

    column: str
    width: int = Field(default=0, ge=0, le=20)


class ItemRef(Value):
    """What identifies an item in a table about something else: a GTIN, or the partner's own number as in its feeds."""

    column: str
    kind: Literal["gtin", "partner"] = "partner"
    width: int = Field(default=0, ge=0, le=20)
    repair: bool = Field(default=True, description="put back zeros and check digits that every id of the column lacks")


class MasterFeed(Value):
    """What every definition of master data has. Without a `partner` the data are our own, and serve all partners."""

    key: ClassVar[tuple[str, ...]] = ()  # what is given once in a file, beside the partner
    needed: ClassVar[tuple[str, ...]] = ()  # what no row may lack
    needs_partner: ClassVar[bool] = True  # where a column has it
    replaces: ClassVar[Literal["all", "dates"]] = "all"  # rows of its feed that a file takes the place of
    dates: ClassVar[tuple[str, ...]] = ()  # first and last day

    table: str
    partner: Identifier | None = None
    partner_column: str | None = Field(
        default=None, description="our own data: column with the partner that a row is about; none: all partners"
    )
    format: TableFormat = Csv()
    landing: Landing = Landing()
    date_format: DateFormat | None = Field(default=None, description="of every date in the file, e.g. %Y-%m-%d")
    expected: Expected | None = Field(
        default=None, description="when its files are due; without it the list is never late, and no data incident"
    )
    quality: MasterQuality = MasterQuality()

    @field_validator("partner_column")
    @classmethod
    def _names_no_second_partner(cls, column: str | None, info: ValidationInfo) -> str | None:
        if column and info.data.get("partner"):
            raise ValueError("the file is `partner`'s, so leave one of the two out")
        return column

    @model_validator(mode="after")
    def _says_how_dates_are_written(self) -> MasterFeed:
        dated = [name for name in self.bound() if name in self.dates]
        if dated and not self.date_format:
            raise ValueError(f"`columns.{dated[0]}` is set, so `date_format` must be, e.g. %Y-%m-%d")
        return self

    @property
    def partner_name(self) -> str:
        """Whose data these are, as people say it."""
        return self.partner or "our own master data"

    def serves(self, partner: str) -> bool:
        """Whether the rows may be about a partner."""
        return self.partner in (None, partner)

    def bound(self) -> dict[str, str]:
        """Column of the table -> column of the file, for those that are set."""
        columns = {name: column for name, column in getattr(self, "columns", ()) if column is not None}
        return columns | ({"partner": self.partner_column} if self.partner_column else {})

    def file_columns(self) -> tuple[str, ...]:
        """Every column that a file must have."""
        return tuple(dict.fromkeys(self.bound().values()))

    def widths(self) -> dict[str, int]:
        """Ids of the table that are padded, and to how many digits."""
        return {}

    def gtins(self) -> tuple[tuple[str, ...], bool]:
        """Columns of the table that are GTINs, and whether all of them together may be repaired."""
        return (), False

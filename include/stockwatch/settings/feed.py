"""A feed definition: everything that is particular to one partner's files.

Dag files read this at every parse, so nothing here imports more than pydantic.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from include.stockwatch.domain.reported import MEASURES, AbsentMeans
from include.stockwatch.domain.value import Value
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings import reading

FEED_ID = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"`{name}` is no text encoding; usual ones are utf-8, utf-16 and cp1252") from None


def _known_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a region such as `America` is a folder
        raise ValueError(f"`{name}` is no IANA time zone; one looks like America/New_York") from None
    return name


def _date_format(text: str) -> str:
    day = dt.date(2026, 11, 22)
    try:
        read = dt.datetime.strptime(day.strftime(text), text).replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise ValueError(f"`{text}` is no date format: {error}") from None
    if read.date() != day:
        raise ValueError(f"`{text}` does not name a day; use %Y, %m and %d, e.g. %Y-%m-%d or %d.%m.%Y")
    return text


Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
DateFormat = Annotated[str, AfterValidator(_date_format)]


class Csv(Value):
    """How a delimited text file is written."""

    kind: Literal["csv"] = "csv"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = Field(
        default="", description="mark between thousands, none by default"
    )

    @model_validator(mode="after")
    def _marks_differ(self) -> Csv:
        if self.thousands == self.decimal:
            raise ValueError("`decimal` and `thousands` must differ")
        return self


class DateColumn(Value):
    """The column that holds the business date, and how it is written in this file: one format per feed."""

    column: str
    format: DateFormat


class LocationId(Value):
    """The column that identifies the location. Ids are text; `width` pads lost leading zeros back."""

    column: str
    width: int = Field(default=0, ge=0, le=20)


class ItemId(Value):
    """The column that identifies the item: a GTIN (checked, stored with 14 digits) or the partner's own number."""

    column: str
    kind: Literal["gtin", "partner"] = "partner"
    width: int = Field(default=0, ge=0, le=20)


class Columns(Value):
    """Which column of the file feeds which column of the observations table. Leave out what the file lacks."""

    on_hand_units: str
    units_sold: str | None = None
    on_order_units: str | None = None
    in_transit_units: str | None = None
    received_units: str | None = None
    returned_units: str | None = None
    price: str | None = None
    item_name: str | None = None
    location_name: str | None = None
    category: str | None = None

    def bound(self) -> dict[str, str]:
        """Observation column -> column of the file, for those that are set."""
        return {name: column for name, column in self if column is not None}

    def units(self) -> dict[str, str]:
        """The same, measures only."""
        return {name: column for name, column in self.bound().items() if name in MEASURES}


class Landing(Value):
    """Where files of the feed arrive. By default a folder named after the feed under the landing URL."""

    url: str | None = Field(default=None, description="folder URL, e.g. s3://bucket/northfield")
    pattern: str = Field(default="*.csv", description="file name pattern")


class Expected(Value):
    """When a date's file is due; past it the date is checked without this feed."""

    by: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "12:00"
    days_after: int = Field(default=1, ge=0, le=60, description="days from the business date to the due day")
    time_zone: TimeZone = "UTC"

    def cut_off(self, business_date: dt.date) -> dt.datetime:
        """The moment, aware, after which the date no longer waits for this feed."""
        due = dt.datetime.combine(business_date + dt.timedelta(days=self.days_after), dt.time.fromisoformat(self.by))
        return due.replace(tzinfo=ZoneInfo(self.time_zone))


class Expectation(Value):
    """One more Great Expectations check of the bound rows, by its type and arguments."""

    type: Annotated[str, StringConstraints(pattern=r"^expect_[a-z0-9_]+$")]
    kwargs: Mapping[str, Any] = {}
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] = Field(description="code in `rejects`")
    fix: str = Field(description="what a person can do about it")


class Quality(Value):
    """When rows and whole files of the feed are turned away."""

    max_rejected_share: float = Field(default=0.02, ge=0, le=1, description="above it the whole file is held")
    min_rows_share: float = Field(default=0.70, ge=0, le=1, description="of the usual rows per date; 0 switches it off")
    max_units: float = Field(default=1_000_000, gt=0, description="no quantity of one row is larger")
    max_price: float = Field(default=1_000_000, gt=0, description="no price is higher")
    expectations: tuple[Expectation, ...] = ()


class Feed(Value):
    """One partner's feed: how its files are found, read, checked and understood."""

    partner: Identifier
    partner_name: str = Field(min_length=1, max_length=80)
    location_type: Literal["store", "dc"] = "store"
    format: Csv = Csv()
    landing: Landing = Landing()
    date: DateColumn
    location_id: LocationId
    item_id: ItemId
    columns: Columns
    absent_means: AbsentMeans = AbsentMeans.UNKNOWN
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    expected: Expected = Expected()
    quality: Quality = Quality()

    @model_validator(mode="after")
    def _price_has_a_currency(self) -> Feed:
        if self.columns.price and not self.currency:
            raise ValueError("`columns.price` is set, so `currency` must be, e.g. USD")
        return self

    def file_columns(self) -> tuple[str, ...]:
        """Every column that a file of this feed must have."""
        return (self.date.column, self.location_id.column, self.item_id.column, *self.columns.bound().values())


def load_feed(path: Path) -> Feed:
    """Read one feed definition; its file name is its id.

    Raises: ConfigError with every problem of the file.
    """
    if not FEED_ID.match(path.stem):
        fix = "rename the file: lower-case letters, digits and underscores, starting with a letter"
        raise ConfigError((reading.file_problem(path, f"`{path.stem}` is no feed id", fix),))
    return reading.read(path, Feed)

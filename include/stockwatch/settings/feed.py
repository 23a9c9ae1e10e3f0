"""A feed definition: everything that is particular to one partner's files.

Dag files read this at every parse, so nothing here imports more than pydantic.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
from calendar import monthrange
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from include.stockwatch.domain.calendar import Calendar, TimeZone, is_holiday
from include.stockwatch.domain.reported import MEASURES, AbsentMeans
from include.stockwatch.domain.value import Value
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings import reading

FEED_ID = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


def _known_encoding(name: str) -> str:
    try:
        "".encode(name)  # a codec of texts, not of bytes such as hex
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"`{name}` is no text encoding; usual ones are utf-8, utf-16 and cp1252") from None


def _date_format(text: str) -> str:
    day = dt.date(2026, 11, 22)
    try:
        read = dt.datetime.strptime(day.strftime(text), text).replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise ValueError(f"`{text}` is no date format: {error}") from None
    if read.date() != day:
        raise ValueError(f"`{text}` does not name a day; use %Y, %m and %d, e.g. %Y-%m-%d or %d.%m.%Y")
    return text


def _day_of_month(day: int) -> int:
    nearest = min(max(day, 1), 31)
    if day != nearest:
        raise ValueError(f"`{day}` is no day of a month; did you mean {nearest}? 31 is the last day of every month")
    return day


PIECES = ("EA", "PCE", "PCS", "C62", "PC", "ST", "EACH", "UN")
"""Units that are single pieces; `EA`, `PCE` and `C62` in X12 and EDIFACT."""

Measure = Literal[
    "on_hand_units",
    "units_sold",
    "on_order_units",
    "in_transit_units",
    "received_units",
    "returned_units",
]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
DayOfMonth = Annotated[int, AfterValidator(_day_of_month)]


class Table(Value):
    """How numbers are written in a table, and where its header may stand."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = Field(
        default="", description="mark between thousands, none by default"
    )
    header_within: int = Field(default=50, ge=1, le=1000, description="rows in which the header is looked for")

    @model_validator(mode="after")
    def _marks_differ(self) -> Table:
        if self.thousands == self.decimal:
            raise ValueError("`decimal` and `thousands` must differ")
        return self


class Csv(Table):
    """How a delimited text file is written."""

    kind: Literal["csv"] = "csv"
    delimiter: str = Field(default=",", pattern=r"^[^\"\r\n]$", description="one character, no quote or line end")
    encoding: Encoding = "utf-8"
    quotes: bool = Field(
        default=True, description="false where a quote is a letter like any other, as in some TSV files"
    )


class Xlsx(Table):
    """Which sheet of a workbook is read; the first one by default. `decimal` is for numbers that are texts."""

    kind: Literal["xlsx"]
    sheet: str | None = None


class Html(Table):
    """An HTML page with a table, as portals name `.xls`."""

    kind: Literal["html"]
    encoding: Encoding = "utf-8"


class Parquet(Table):
    """A Parquet file."""

    kind: Literal["parquet"]


class JsonLines(Table):
    """One JSON object a line; nested names are joined by a dot."""

    kind: Literal["jsonl"]
    encoding: Encoding = "utf-8"


class Edi(Value):
    """What every EDI envelope has."""

    messages: tuple[str, ...] = Field(default=(), description="message types taken, e.g. 852; none: all that are known")
    senders: tuple[str, ...] = Field(default=(), description="interchange senders that are trusted; none: any")
    receivers: tuple[str, ...] = Field(default=(), description="interchange receivers that are us; none: any")
    wrong_counts: Literal["hold", "take"] = Field(
        default="hold", description="a file whose envelope counts or control numbers are wrong"
    )
    test_data: Literal["hold", "take"] = Field(default="hold", description="a file that is marked as test data")
    level: Literal["location", "total"] = Field(
        default="location", description="what is loaded where a total stands beside its parts; the other is checked"
    )


class X12(Edi):
    """ANSI X12: 852, 846, 867."""

    kind: Literal["x12"]
    bare_sets: bool = Field(default=False, description="take ST..SE without an envelope")
    bare_terminator: str = Field(default="~", min_length=1, max_length=1, description="of segments of bare sets")
    versions: tuple[str, ...] = Field(
        default=("004", "005"), description="how the versions (GS08) that are taken begin"
    )
    location_parties: tuple[str, ...] = Field(
        default=(), description="N101 of the location, first found; none: ST (852, 867: store, ship-to), WH (846)"
    )
    decimal: Literal["."] = "."
    thousands: Literal[""] = ""


class Edifact(Edi):
    """UN/EDIFACT: INVRPT, SLSRPT. The decimal mark is the file's own (UNA)."""

    kind: Literal["edifact"]
    decimal: Literal["."] = "."
    thousands: Literal[""] = ""


def csv_by_default(given: Any) -> Any:
    """A format that does not say its kind is CSV."""
    return {"kind": "csv", **given} if isinstance(given, dict) and "kind" not in given else given


Format = Annotated[
    Annotated[Csv | Xlsx | Html | Parquet | JsonLines | X12 | Edifact, Field(discriminator="kind")],
    BeforeValidator(csv_by_default),
]

TWO_GROUPS = 2


class BusinessDate(Value):
    """Where the business date of a row stands, and how it is written: one format per feed, never guessed.

    With a `pattern` of two groups the text names a period, `first` and `last` day: flows cover all of it, snapshots are
    of the last day.
    """

    source: Literal["column", "preamble", "file_name", "receipt"] = "column"
    column: str | None = None
    format: DateFormat | None = None
    pattern: str | None = Field(default=None, description="regular expression; one group for a day, two for a period")
    period_days: int = Field(default=1, ge=1, le=400, description="days that flows cover, the business date the last")
    days_before_receipt: int = Field(default=1, ge=0, le=60, description="for `source: receipt`")

    @model_validator(mode="after")
    def _is_whole(self) -> BusinessDate:
        if self.source == "column" and not self.column:
            raise ValueError("`column` is needed, or another `source`: preamble, file_name, receipt")
        if self.source != "receipt" and not self.format:
            raise ValueError("`format` is needed, e.g. %Y-%m-%d")
        if self.source in ("preamble", "file_name") and not self.pattern:
            raise ValueError("`pattern` is needed: a regular expression with the date as its group")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"`pattern` is no regular expression: {error}") from None
            if groups not in (1, TWO_GROUPS):
                raise ValueError("`pattern` needs one group (the day) or two (first and last day)")
        return self


class LocationId(Value):
    """What identifies the location. Ids are text; `width` pads lost leading zeros back.

    A table names its `column`, or a `constant` where the file is about one place (a national number, one warehouse).
    `constant` also stands in where an EDI message names no location.
    """

    column: str | None = None
    constant: str | None = None
    width: int = Field(default=0, ge=0, le=20)


X12_QUALIFIERS = ("UP", "EN", "UK", "UI", "IN", "CB", "SK", "VN", "VP", "VC", "MG", "MF", "ND", "N4")
EDIFACT_QUALIFIERS = ("EN", "SRV", "UP", "IN", "BP", "SA", "VN", "VP", "MF")


class ItemId(Value):
    """What identifies the item: a GTIN (checked, stored with 14 digits) or the partner's own number.

    `repair` lets the whole column decide whether lost zeros or check digits are put back: one number alone cannot tell,
    as one in ten passes the check by luck.
    """

    column: str | None = None
    kind: Literal["gtin", "partner"] = "partner"
    width: int = Field(default=0, ge=0, le=20)
    repair: bool = Field(default=True, description="put back zeros and check digits that every id of the column lacks")
    qualifiers: tuple[str, ...] = Field(default=(), description="EDI: which ids of an item are taken, in this order")


class Columns(Value):
    """Which column of the file feeds which column of the observations table. Leave out what the file lacks."""

    on_hand_units: str | None = None
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


class Codes(Value):
    """A long feed: one quantity a row, and a code that says what it is. EDI messages are long by nature.

    A code that is neither in `measures` nor in `ignored` is kept as it came, reported, and not loaded.
    """

    measures: Mapping[str, Measure] = Field(description="code -> observation column, e.g. QS: units_sold")
    ignored: tuple[str, ...] = ()
    code_column: str = Field(default="code", description="tables only: the column with the code")
    quantity_column: str = Field(default="quantity", description="tables only: the column with the quantity")


class DropRule(Value):
    """Rows that are no observations: totals, last year, items that are not carried. Every set condition must hold.

    With `total_of`, the row is a control value: that column of it must equal the sum of the rows that are loaded.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    column: str
    equals: tuple[str, ...] = Field(default=(), description="texts, any of them; upper and lower case are the same")
    matches: str | None = Field(default=None, description="regular expression found in the text")
    blank: bool = Field(default=False, description="the cell is empty")
    unless: tuple[str, ...] = Field(default=(), description="drop every row whose text is none of these")
    total_of: Measure | None = None

    @model_validator(mode="after")
    def _says_when(self) -> DropRule:
        if not (self.equals or self.matches or self.blank or self.unless):
            raise ValueError("one of `equals`, `matches`, `blank` and `unless` is needed")
        try:
            re.compile(self.matches or "")
        except re.error as error:
            raise ValueError(f"`matches` is no regular expression: {error}") from None
        return self


class Units(Value):
    """Quantities in units other than single pieces, and how many pieces each has."""

    column: str | None = Field(default=None, description="tables only: the column with the unit")
    default: str = Field(default="EA", description="unit of a row that names none; `` makes it a fault")
    packs: Mapping[str, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="unit -> pieces, e.g. CA: 12; else the file's own pack or the item master's"
    )
    pack_column: str | None = Field(default=None, description="tables only: the column with the pieces in a pack")

    def are_pieces(self, unit: str) -> bool:
        """Whether one of this unit is one piece; a blank unit says nothing else."""
        known = {name.upper(): pieces for name, pieces in self.packs.items()}
        return known.get(unit.upper(), 1.0 if unit.upper() in (*PIECES, "") else 0.0) == 1


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Landing(Value):
    """Where files of the feed arrive. By default a folder named after the feed under the landing URL."""

    url: str | None = Field(default=None, description="a folder, s3://bucket/prefix or sftp://host/folder")
    connection: str | None = Field(default=None, description="Airflow connection with the credentials of the URL")
    pattern: str = Field(default="*.csv", description="file name pattern")
    members: str = Field(default="*", description="name pattern of the files in an archive that are read")

    @model_validator(mode="after")
    def _can_be_opened(self) -> Landing:
        kind, colon, place = (self.url or "").partition("://")
        if not colon and re.match("(s3|sftp|file)(:|//)", kind, re.IGNORECASE):
            raise ValueError(
                f"`url` is no folder and no address: `{kind}`; write s3://bucket/prefix or sftp://host/folder"
            )
        if not colon or kind == "file":
            return self
        if kind not in ("s3", "sftp"):
            raise ValueError(f"`url` begins with {kind}://; use a folder, s3://bucket/prefix or sftp://host/folder")
        if "@" in place.partition("/")[0]:
            raise ValueError("`url` holds a login; put login and password into the Airflow connection `connection`")
        if not self.connection:
            raise ValueError(f"`connection` is needed: the Airflow connection with the credentials for {kind}://")
        return self


class Expected(Value):
    """When a date's file is due; past it the date is checked without this feed."""

    by: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "12:00"
    days_after: int = Field(default=1, ge=0, le=60, description="days from the business date to the due day")
    time_zone: TimeZone = "UTC"
    weekdays: tuple[Weekday, ...] = Field(
        default=WEEKDAYS, min_length=1, description="business dates that the partner reports"
    )
    days_of_month: tuple[DayOfMonth, ...] = Field(
        default=(),
        description="1 to 31, of each month; 31 is its last day. Business dates of a feed that comes monthly",
    )
    holidays: Calendar | None = Field(
        default=None, description="calendar whose holidays are not reported: a country, or country-region, e.g. US-CA"
    )

    @model_validator(mode="after")
    def _comes_by_week_or_by_month(self) -> Expected:
        if self.days_of_month and self.weekdays != WEEKDAYS:
            raise ValueError("a feed comes by `weekdays` or by `days_of_month`: leave one of the two out")
        return self

    def is_due(self, business_date: dt.date) -> bool:
        """Whether the partner reports this date: no day off of the week or of the month, no holiday."""
        if WEEKDAYS[business_date.weekday()] not in self.weekdays:
            return False
        days_of_it = monthrange(business_date.year, business_date.month)[1]
        if self.days_of_month and business_date.day not in {min(day, days_of_it) for day in self.days_of_month}:
            return False
        return self.holidays is None or not is_holiday(self.holidays, business_date)

    def newest_due(self, until: dt.date) -> dt.date | None:
        """The newest date up to another that the partner reports; null within a year of none."""
        dates = (until - dt.timedelta(days=n) for n in range(365))
        return next((date for date in dates if self.is_due(date)), None)

    def local_date(self, moment: dt.datetime) -> dt.date:
        """The partner's own day at an aware moment."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

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
    max_unknown_share: float = Field(default=0.05, ge=0, le=1, description="rows of unknown items or locations")
    max_age_days: int = Field(default=0, ge=0, le=4000, description="older rows are rejected; 0 switches it off")
    max_units: float = Field(default=1_000_000, gt=0, description="no quantity of one row is larger")
    max_price: float = Field(default=1_000_000, gt=0, description="no price is higher")
    expectations: tuple[Expectation, ...] = ()


class Feed(Value):
    """One partner's feed: how its files are found, read, checked and understood."""

    partner: Identifier
    partner_name: str = Field(min_length=1, max_length=80)
    location_type: Literal["store", "dc"] = "store"
    adds_to: Identifier | None = Field(
        default=None, description="the partner's feed with the stock of the series that this one tells more of"
    )
    format: Format = Csv()
    landing: Landing = Landing()
    date: BusinessDate | None = None
    location_id: LocationId = LocationId()
    item_id: ItemId
    columns: Columns = Columns()
    codes: Codes | None = None
    drop: tuple[DropRule, ...] = ()
    not_ranged: tuple[str, ...] = Field(default=(), description="texts in place of a quantity: not carried there")
    no_data: tuple[str, ...] = Field(default=(), description="texts in place of a quantity: no data, like a blank")
    units: Units = Units()
    repeats: Literal["reject", "sum", "collapse", "last"] = Field(
        default="reject",
        description="the same date, location, item and measure twice: reject all, add up, "
        "keep one if they are equal, or take the last",
    )
    replaces: Literal["dates", "rows"] = Field(
        default="dates", description="a new file replaces its dates whole, or only the series that it names"
    )
    absent_means: AbsentMeans = AbsentMeans.UNKNOWN
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    expected: Expected = Expected()
    quality: Quality = Quality()

    @property
    def is_edi(self) -> bool:
        """Whether the format is EDI: its values name their date, location, item and code by themselves."""
        return isinstance(self.format, Edi)

    @model_validator(mode="after")
    def _is_whole(self) -> Feed:
        if self.columns.price and not self.currency:
            raise ValueError("`columns.price` is set, so `currency` must be, e.g. USD")
        if self.replaces == "rows" and self.absent_means is not AbsentMeans.UNKNOWN:
            raise ValueError("`replaces: rows` needs `absent_means: unknown`: a row that a file lacks says nothing")
        if self.is_edi:
            if self.codes is None:
                raise ValueError("`codes.measures` is needed: what a code means at this partner, e.g. QS: units_sold")
            return self
        if self.date is None:
            raise ValueError("`date` is needed: where the business date stands and how it is written")
        if not (self.location_id.column or self.location_id.constant):
            raise ValueError("`location_id` needs a `column`, or a `constant` for a file about one place")
        if not self.item_id.column:
            raise ValueError("`item_id.column` is needed")
        if not (self.columns.units() or self.codes):
            raise ValueError("`columns` binds no quantity; set at least one, e.g. on_hand_units")
        return self

    @property
    def measures(self) -> frozenset[str]:
        """The quantities that the feed reports."""
        return frozenset({*self.columns.units(), *(self.codes.measures.values() if self.codes else ())})

    def file_columns(self) -> tuple[str, ...]:
        """Every column that a table of this feed must have."""
        named = [
            self.date.column if self.date else None,
            self.location_id.column,
            self.item_id.column,
            *self.columns.bound().values(),
            *((self.codes.code_column, self.codes.quantity_column) if self.codes else ()),
            *(rule.column for rule in self.drop),
            self.units.column,
            self.units.pack_column,
        ]
        return () if self.is_edi else tuple(dict.fromkeys(column for column in named if column))


def load_feed(path: Path) -> Feed:
    """Read one feed definition; its file name is its id.

    Raises: ConfigError with every problem of the file.
    """
    if not FEED_ID.match(path.stem):
        fix = "rename the file: lower-case letters, digits and underscores, starting with a letter"
        raise ConfigError((reading.file_problem(path, f"`{path.stem}` is no feed id", fix),))
    return reading.read(path, Feed)

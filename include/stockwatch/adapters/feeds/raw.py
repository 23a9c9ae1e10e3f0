"""What every format reader gives: the rows of a file as texts, in batches, nothing guessed.

A reader is a function `read(path, name, feed, notes)` that yields `Batch`es and puts what it learns about the file as a
whole into `Notes`. It never raises for what a partner sent: a file that cannot be read ends in a hold.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.settings.feed import Feed

BATCH_ROWS = 250_000
"""Most rows of one batch: what a reader holds in memory, whatever the size of the file."""

LINE = "line"
"""The one column that is no text: where the row stands. A line of a text file, a segment of an EDI file, else a row."""

PLACE = " place"
"""How many rows of the file come before a row: unlike `line` no two rows share it. Added when a batch is bound.

The blank keeps it apart from the columns of a file, whose names have none at their ends."""

MOST_KEPT = 20
"""Warnings of one code that are kept with their place; the others are counted."""


class Value:
    """Columns of the long tables that EDI readers give: one row per quantity, all texts, null where not said."""

    ITEM = "item"  # the id, as the profile orders the qualifiers
    ITEM_KIND = "item_kind"  # its qualifier: UP, EN, UK, VN, ...
    ITEM_NAME = "item_name"
    LOCATION = "location"
    LOCATION_KIND = "location_kind"  # its qualifier: UL, 92, 54, ...
    CODE = "code"  # the qualifier of the quantity: QS, QA, 33, 145, ...
    QUANTITY = "quantity"
    UNIT = "unit"
    PACK = "pack"  # eaches in a case, where the message says so
    FIRST_DATE = "first_date"  # YYYYMMDD: first day that a flow covers, null = the last day alone
    LAST_DATE = "last_date"  # YYYYMMDD: the day of a snapshot, the last day of a flow
    PRICE = "price"
    LEVEL = "level"  # LOCATION, or TOTAL where the parts of this total stand beside it
    MESSAGE = "message"  # control number of the set or message


LOCATION, TOTAL = "location", "total"
LONG = tuple(value for name, value in vars(Value).items() if not name.startswith("_"))


@dataclass(frozen=True)
class Reject:
    """One row that is not published: where it stands, what is wrong, how to mend it."""

    line: int
    code: str
    field: str
    value: str
    reason: str
    fix: str
    raw: str
    business_date: dt.date | None = None
    location_id: str | None = None
    item_id: str | None = None

    @property
    def is_placed(self) -> bool:
        """Whether it is known which series and date the row was for."""
        return None not in (self.business_date, self.location_id, self.item_id)


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, in their order.

    `rows` has the column `line` (int64) and one string (or dictionary of string) column per column of the file; a blank
    cell is "" or null. `rejects` are rows that have no cells: a wrong number of fields, a cut pair.
    """

    rows: pa.Table
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True)
class Warn:
    """Something odd that keeps nothing from being published."""

    code: str
    line: int
    what: str


@dataclass(frozen=True)
class Control:
    """One interchange of an EDI file: who sent it, and the number that the sender gave it."""

    sender: str
    receiver: str
    number: str
    rows: int = 0


@dataclass
class Notes:
    """What a reader learns about a file beside its rows. Complete once its batches have been read to the end."""

    holds: list[Hold] = field(default_factory=list)
    warnings: list[Warn] = field(default_factory=list)
    warned: Counter[str] = field(default_factory=Counter)  # by code, those not kept included
    controls: list[Control] = field(default_factory=list)
    preamble: list[str] = field(default_factory=list)  # texts above the header row, in reading order
    columns: tuple[str, ...] = ()  # of the file
    lacks_line_end: bool = False  # a text file is over, and its last line, at hand now, has no end

    def warn(self, code: str, line: int, what: str) -> None:
        """Note an oddity."""
        self.warned[code] += 1
        if self.warned[code] <= MOST_KEPT:
            self.warnings.append(Warn(code, line, what))

    def hold_cancellation(self, segment: int, name: str) -> None:
        """Note, once, that a message takes an earlier one back: none of its quantities is stock or sales."""
        if not any(hold.code is HoldCode.CANCELLATION for hold in self.holds):
            what = f"segment {segment}: {name} says that the message cancels an earlier one"
            fix = (
                "ask the partner for a whole report of the date; release the file if its quantities count all the same"
            )
            self.hold(HoldCode.CANCELLATION, what, fix)

    def hold(self, code: HoldCode, what: str, fix: str) -> None:
        """Note a reason to hold the whole file."""
        self.holds.append(Hold(code, what, fix))


class Reader(Protocol):
    """One format. Reads in bounded memory, whatever the size of the file."""

    def __call__(self, path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:
        """Yield the rows of a file; `name` is what the partner called it, and never a path."""


def as_raw(cells: Sequence[str]) -> str:
    """A row as it came, for the rejects table."""
    return json.dumps(list(cells), ensure_ascii=False)

"""One damaged file, and what is wrong with how it is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from include.stockwatch.adapters.feeds.raw import LINE, Notes, Reader, Reject
from include.stockwatch.settings.feed import Feed

DICTIONARY = pa.dictionary(pa.int32(), pa.string())


class Case(Protocol):
    """One file for one reader."""

    content: bytes
    was_judged: bool
    """Whether the reader went to the end of the file, and the oracle could say what it must have found."""

    def problem(self, path: Path) -> str | None:
        """Read the file, which lies at `path`. None if all is well. Whatever is raised is a problem, too."""


@dataclass
class Read:
    """What a reader gave for a file."""

    tables: list[pa.Table]
    rejects: list[Reject]
    notes: Notes

    @cached_property
    def count(self) -> int:
        """Rows and rejects."""
        return sum(map(len, self.tables)) + len(self.rejects)

    def texts(self, column: str) -> list[str | None]:
        """A column of all rows."""
        return [text for table in self.tables for text in table.column(column).to_pylist()]

    @cached_property
    def is_given_up(self) -> bool:
        """Whether a hold says that the file was not read to its end."""
        return any(not hold.code.is_releasable for hold in self.notes.holds)


Judge = Callable[[Read], str | None]


@dataclass
class FeedCase:
    """A file for a reader of feeds. `judge` is asked about a file that was read to its end; none: nothing is known."""

    content: bytes
    reader: Reader
    feed: Feed
    judge: Judge | None
    was_judged: bool = False

    def problem(self, path: Path) -> str | None:
        notes = Notes()
        tables: list[pa.Table] = []
        rejects: list[Reject] = []
        for batch in self.reader(path, "stock", self.feed, notes):
            tables.append(batch.rows)
            rejects += batch.rejects
        read = Read(tables, rejects, notes)
        broken = _broken_promise(read)
        if broken or self.judge is None or read.is_given_up:
            return broken
        self.was_judged = True
        return self.judge(read)


def _broken_promise(read: Read) -> str | None:
    """What breaks the contract of readers, whatever the file."""
    if not (read.count or read.notes.holds):
        return "neither row nor reject nor hold"
    for table in read.tables:
        names = table.column_names
        if len(set(names)) != len(names) or not set(names) <= {*read.notes.columns, LINE}:
            return f"columns {names}, promised {read.notes.columns}"
        for field in table.schema:
            if field.type not in ((pa.int64(),) if field.name == LINE else (pa.string(), DICTIONARY)):
                return f"{field}"
        lines = table.column(LINE).to_pylist()
        if None in lines or (lines and min(lines) < 1):
            return f"lines {lines}"
    for reject in read.rejects:
        if reject.line < 1 or not reject.code or not isinstance(json.loads(reject.raw), list):
            return f"{reject}"
    if not all(hold.what and hold.fix for hold in read.notes.holds):
        return f"{read.notes.holds}"
    return None


def missing(expected: Sequence[str], found: Sequence[str | None]) -> int:
    """How many of the expected texts are not among those that were found."""
    return (Counter[str | None](expected) - Counter(found)).total()


def lost_quantities(read: Read, least: int, most: int, quantities: Sequence[str]) -> str | None:
    """What a long table lacks of the quantities that a file has, or has too much."""
    if not least <= read.count <= most:
        return f"{least} to {most} quantities, {read.count} rows and rejects"
    lost = missing(quantities, [text and text.strip() for text in read.texts("quantity")])
    if lost > len(read.rejects):
        return f"{lost} quantities are in no row, and {len(read.rejects)} are rejected"
    return None

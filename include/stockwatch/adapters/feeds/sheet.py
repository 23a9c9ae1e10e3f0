"""The rows of a worksheet as texts, in a stream."""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from include.stockwatch.adapters.feeds import typed, xml_part
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.adapters.feeds.workbook import Sheet, Style, Workbook, plain
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed

MOST_CELLS = 1_000_000
MOST_LETTERS = 100_000
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384

NUMBER = re.compile("[0-9]{1,9}")
REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?ref=[\"']([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3}[0-9]{1,7})[\"']")
MOST_MERGED = 100_000
OVERLAP = 256


T = TypeVar("T")


@dataclass(frozen=True)
class Cells:
    """A row that has a text: its number in the sheet, and its texts by the number of their column (from 0)."""

    row: int
    texts: dict[int, str]


def rows(book: Workbook, sheet: Sheet, feed: Feed, notes: Notes) -> Iterator[Cells]:
    """Yield the rows of a sheet that have a text, top down. Raises: Unreadable"""
    events = _Rows(book, feed, notes)
    with book.stream(sheet) as source:
        for _ in xml_part.parse(source, events, sheet.part):
            while events.done:
                yield events.done.popleft()


@dataclass(frozen=True)
class Merged:
    """Cells of several rows that are one, with the text of the first."""

    column: int
    first: int
    last: int


def merged(book: Workbook, sheet: Sheet) -> list[Merged]:
    """What of a sheet is merged over several rows, top down. It is listed behind the rows, so the part is read for it.

    Raises: Unreadable
    """
    found: list[Merged] = []
    with book.stream(sheet) as source:
        left = b""
        while chunk := source.read(xml_part.CHUNK):
            left += chunk
            end = 0
            for match in MERGED.finditer(left):
                end = match.end()
                (column, first), (_, last) = (place(corner.decode()) for corner in match.groups())
                if last > first:
                    found.append(Merged(column, first, last))
            left = left[max(end, len(left) - OVERLAP) :]
            if len(found) > MOST_MERGED:
                what = f"more than {MOST_MERGED:,} cells are merged over rows"
                raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for a plain table")
    return sorted(found, key=lambda one: one.first)


def place(reference: str) -> tuple[int, int]:
    """Column (from 0) and row (from 1) of a cell such as B7. Raises: Unreadable"""
    match = REFERENCE.fullmatch(reference)
    column = 0
    for letter in match[1] if match else "":
        column = column * 26 + ord(letter) - ord("A") + 1
    if not match or not 1 <= column <= LAST_COLUMN or not 1 <= int(match[2]) <= LAST_ROW:
        raise _damaged(f"`{reference[:20]}` is no cell of a sheet")
    return column - 1, int(match[2])


class _Rows(xml_part.Events):
    """Gathers rows from the part of a sheet."""

    def __init__(self, book: Workbook, feed: Feed, notes: Notes) -> None:
        self.book, self.feed, self.notes = book, feed, notes
        self.decimal = feed.format.decimal
        self.done: deque[Cells] = deque()
        self.cells = 0
        self.row, self.column = 0, -1
        self.texts: dict[int, str] = {}
        self.kind, self.style = "n", Style()
        self.holder = "v"  # the element with the value
        self.has_formula, self.has_value, self.is_spoken = False, False, False
        self.is_open = False
        self.letters: list[str] = []
        self.length = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name == self.holder:
            self.has_value, self.is_open = True, not self.is_spoken
        elif name == "f":
            self.has_formula = True
        elif name == "rPh":
            self.is_spoken = True
        elif name == "row":
            self._start_row(attributes.get("r"))

    def end(self, name: str) -> None:
        if name == "c":
            self._end_cell("".join(self.letters))
        elif name == self.holder:
            self.is_open = False
        elif name == "rPh":
            self.is_spoken = False
        elif name == "row" and any(text.strip() for text in self.texts.values()):
            self.done.append(Cells(self.row, self.texts))

    def text(self, text: str) -> None:
        if self.is_open:
            self.letters.append(text)
            self.length += len(text)
            if self.length > MOST_LETTERS:
                raise _damaged(f"a cell in row {self.row} has more than {MOST_LETTERS:,} letters")

    def _start_row(self, number: str | None) -> None:
        row = self.row + 1 if number is None else int(number) if NUMBER.fullmatch(number) else 0
        if not self.row < row <= LAST_ROW:
            raise _damaged(f"row {number or row} stands below row {self.row}"[:200])
        self.row, self.column, self.texts = row, -1, {}

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        reference = attributes.get("r")
        self.column = place(reference)[0] if reference else self.column + 1
        self.kind = attributes.get("t", "n")
        self.holder = "t" if self.kind == "inlineStr" else "v"
        style = _one_of(self.book.styles, attributes.get("s", ""))
        self.style = style or Style()
        self.has_formula, self.has_value, self.is_spoken, self.is_open = False, False, False, False
        self.letters, self.length = [], 0

    def _end_cell(self, value: str) -> None:
        if self.has_formula and not value and not (self.kind == "str" and self.has_value):
            what = f"the formula in row {self.row}, column {self.column + 1} was saved without a value, and is blank"
            self.notes.warn("FORMULA_WITHOUT_VALUE", self.row, what)
        if not value:
            return
        self.cells += 1
        if self.cells > MOST_CELLS:
            what = f"the sheet has more than {MOST_CELLS:,} cells"
            raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for smaller files, or for CSV")
        self.texts[self.column] = self._meaning(value)

    def _meaning(self, value: str) -> str:
        match self.kind:
            case "s":
                text = _one_of(self.book.texts, value.strip())
                if text is None:
                    raise _damaged(f"row {self.row} names the text {value[:20]}, which is not in the workbook")
                return text
            case "b":
                return typed.TRUE if value.strip() in ("1", "true") else typed.FALSE
            case "d":
                return self._iso(value)
            case "n":
                return self._number(value.strip())
            case _:  # str, inlineStr: texts; e: an error such as #DIV/0!
                return plain(value)

    def _iso(self, value: str) -> str:
        try:
            return typed.date(dt.datetime.fromisoformat(value.strip()), self.feed)
        except ValueError:
            return value

    def _number(self, value: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return value
        if self.style.is_date:
            moment = self.book.moment(number)
            if moment:
                return typed.date(moment, self.feed)
        text = value if value.isdecimal() else typed.real(number, self.decimal)
        return text.zfill(self.style.zeros)


def _one_of(found: Sequence[T], number: str) -> T | None:
    """What has a number in a table of the workbook; none if the table has no such number."""
    at = int(number) if NUMBER.fullmatch(number) else len(found)
    return found[at] if at < len(found) else None


def _damaged(what: str) -> Unreadable:
    fix = "ask the partner to save the workbook again and to send it whole"
    return Unreadable(HoldCode.ARCHIVE_DAMAGED, what, fix)

"""Excel workbooks (.xlsx): the saved values of one sheet, nothing evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from include.stockwatch.adapters.feeds import header, sheet, workbook
from include.stockwatch.adapters.feeds.archive import Limits
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.raw import Batch, Notes
from include.stockwatch.adapters.feeds.rows import Row, batches, hold_if_empty, must_be_narrow, summed
from include.stockwatch.adapters.feeds.sheet import Cells, Merged
from include.stockwatch.adapters.feeds.workbook import Sheet, Workbook
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed, Xlsx


def read(path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:
    """Read a sheet of a workbook as texts; `line` is the number of the row in the sheet.

    Numbers have the feed's decimal mark and no other, dates its date format, booleans are TRUE and FALSE. A formula
    counts with its saved value; without one it is blank, with a warning. Rows without a text are no rows. Cells merged
    over several rows have their text in all of them, but a quantity in the first alone. Macros, links to other files,
    document types, too many cells and damage are held.
    """
    if hold_if_empty(path, name, notes):
        return
    try:
        with workbook.opened(path, Limits()) as book:
            yield from _Table(book, feed, notes).batches()
    except Unreadable as error:
        notes.holds.append(error.hold)


class _Table:
    """The table of one sheet while it is read."""

    def __init__(self, book: Workbook, feed: Feed, notes: Notes) -> None:
        self.book, self.feed, self.notes = book, feed, notes
        self.sheet = self._sheet()
        self.merged = _Spans(sheet.merged(book, self.sheet))
        self.names: tuple[str, ...] = ()

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of the table. Raises: Unreadable"""
        rows = map(self.merged.filled, sheet.rows(self.book, self.sheet, self.feed, self.notes))
        found = header.find(map(_dense, rows), self.feed, self.notes)
        if found is None:
            self._name_sheets()
            return
        must_be_narrow(found)
        self.names = found.names
        self.merged.single = frozenset(map(self.names.index, summed(self.feed)))
        yield from batches(map(self._row, rows), self.names, self.notes)

    def _sheet(self) -> Sheet:
        assert isinstance(self.feed.format, Xlsx)
        wanted = self.feed.format.sheet
        sheets = self.book.sheets
        shown = [one for one in sheets if one.is_visible]
        if wanted is None and shown:
            if len(shown) > 1:
                what = f"`{shown[0].name}` is read, not {header.quoted([one.name for one in shown[1:]])}"
                self.notes.warn("OTHER_SHEETS", 0, f"{what}; `format.sheet` would say which one is meant")
            return shown[0]
        named = [one for one in sheets if one.name == wanted] or [
            one for one in sheets if wanted and header.plain(one.name) == header.plain(wanted)
        ]
        if named:
            return named[0]
        what = f"no sheet is named `{wanted}`" if wanted else "no sheet is visible"
        there = header.quoted([one.name for one in sheets]) or "none"
        fix = "set `format.sheet` to the sheet that is meant, or ask the partner what changed"
        raise Unreadable(HoldCode.LAYOUT_CHANGED, f"{what}; sheets of the workbook: {there}", fix)

    def _name_sheets(self) -> None:
        """Say in what was found wrong which sheet was read, where there are others."""
        others = [f"{one.name}{'' if one.is_visible else ' (hidden)'}" for one in self.book.sheets if one != self.sheet]
        if others:
            place = f"sheet `{self.sheet.name}` was read, not {header.quoted(others)}; "
            self.notes.holds = [replace(hold, what=place + hold.what) for hold in self.notes.holds]

    def _row(self, cells: Cells) -> Row:
        width = len(self.names)
        outside = [column for column, text in cells.texts.items() if column >= width and text.strip()]
        if outside:
            what = f"a text in column {outside[0] + 1}, and the header ends at column {width}: it is left out"
            self.notes.warn("OUTSIDE_TABLE", cells.row, what)
        return Row(cells.row, [cells.texts.get(column) for column in range(width)])


class _Spans:
    """What is merged over several rows, while the rows go by. Columns of `single` keep their text to the first row."""

    def __init__(self, found: list[Merged]) -> None:
        self.waiting = found[::-1]
        self.open: list[tuple[Merged, str]] = []
        self.single: frozenset[int] = frozenset()

    def filled(self, cells: Cells) -> Cells:
        """The row with the texts that reach down into it."""
        texts = dict(cells.texts)
        self.open = [(one, text) for one, text in self.open if one.last >= cells.row]
        for one, text in self.open:
            if one.column not in self.single:
                texts.setdefault(one.column, text)
        while self.waiting and self.waiting[-1].first <= cells.row:
            one = self.waiting.pop()
            if one.first == cells.row and texts.get(one.column):
                self.open.append((one, texts[one.column]))
        return Cells(cells.row, texts)


def _dense(cells: Cells) -> list[str]:
    return [cells.texts.get(column, "") for column in range(max(cells.texts) + 1)]

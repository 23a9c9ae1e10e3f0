"""The rows of the tables of an HTML page, in a stream.

Python's own HTML parser takes time by the square of what it does not understand (30 KB of `<a ` take seconds), and a
page comes from outside; so tags are found here, in one pass, and only those that make tables mean something.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from include.stockwatch.adapters.feeds import typed
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.errors import HoldCode

MOST_LETTERS = 100_000
"""Letters of a cell, of a tag, and of the text between two tables that is kept."""
MOST_CELLS, MOST_CELLS_OF_PAGE = 16_384, 20_000_000
"""Cells of a row and of all rows, those that a cell spans included."""
MOST_SPAN = 1_000
DEEPEST = 30

TAG = re.compile(r"""<([/!?]?)([A-Za-z\[][^\s/<>]*)((?:[^"'<>]|"[^"]*"|'[^']*')*)>""")
SPAN = re.compile(r"\b(colspan|rowspan)\s*=\s*[\"']?\s*([0-9]{1,5})", re.IGNORECASE)
SILENT = ("script", "style", "template")
"""Elements whose content is no text of the page."""
BLOCKS = ("br", "p", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "caption", "title", "pre", "option")
"""Elements that part words."""


@dataclass(frozen=True)
class Tag:
    """A tag: `td` as it opens, `/td` as it closes."""

    name: str
    attributes: str


@dataclass(frozen=True)
class PageRow:
    """A row of a table, or (with table and number 0) the text between tables.

    `number` counts the rows of the page, `reaching` has the columns whose text reaches down from a row above.
    """

    table: int
    number: int
    cells: list[str]
    reaching: frozenset[int] = frozenset()


def rows(parts: Iterable[str]) -> Iterator[PageRow]:
    """Yield the rows of all tables in the order in which they end. Raises: Unreadable"""
    page = _Page()
    for token in tokens(parts):
        if isinstance(token, Tag):
            yield from page.tag(token)
        else:
            page.text(token)
    yield from page.close()


def tokens(parts: Iterable[str]) -> Iterator[Tag | str]:
    """Yield the tags of a page and the texts between them; comments, scripts and styles are left out.

    Raises: Unreadable for entities that the page itself declares, and where what is left out has no end.
    """
    source = _Text(parts)
    while source.has(1):
        text = source.until("<")
        if text:
            yield text
        if source.starts_with("<!--"):
            source.take(2)
            source.skip_past("-->")
        elif source.has(1):
            tag = source.tag()
            if tag is None:
                yield source.take(1)  # a mere "less than"
                continue
            yield tag
            if tag.name in SILENT:
                source.skip_past(f"</{tag.name}")
                source.skip_past(">")


class _Text:
    """A text that comes in parts, and is taken from its front."""

    def __init__(self, parts: Iterable[str]) -> None:
        self.parts = iter(parts)
        self.left, self.at = "", 0

    def has(self, count: int) -> bool:
        """Whether there are so many more letters."""
        while len(self.left) - self.at < count:
            part = next(self.parts, None)
            if part is None:
                return False
            self.left, self.at = self.left[self.at :] + part, 0
        return True

    def starts_with(self, text: str) -> bool:
        """Whether the next letters are these."""
        return self.has(len(text)) and self.left.startswith(text, self.at)

    def take(self, count: int) -> str:
        """The next letters."""
        self.at += count
        return self.left[self.at - count : self.at]

    def until(self, mark: str) -> str:
        """The letters before a mark, or all that are at hand."""
        found = self.left.find(mark, self.at)
        return self.take((len(self.left) if found < 0 else found) - self.at)

    def skip_past(self, mark: str) -> None:
        """Leave out what comes up to a mark and the mark itself, upper and lower case alike. Raises: Unreadable"""
        pattern = re.compile(re.escape(mark), re.IGNORECASE)
        while self.has(len(mark)):
            found = pattern.search(self.left, self.at)
            if found:
                self.at = found.end()
                return
            self.at = len(self.left) - len(mark) + 1
        raise _cut_off(f"before the `{mark}` that something waits for")

    def tag(self) -> Tag | None:
        """The tag that begins here; none if none does."""
        self.has(MOST_LETTERS)
        match = TAG.match(self.left, self.at, self.at + MOST_LETTERS)
        if match is None:
            return None
        self.at = match.end()
        name = match[2].lower()
        if match[1] == "!" and (name.startswith("entity") or (name == "doctype" and "[" in match[3])):
            fix = "ask the partner for a file that a portal or a spreadsheet program saved"
            raise Unreadable(HoldCode.UNSAFE_CONTENT, "the page declares entities of its own", fix)
        return Tag(match[1] + name, match[3])


@dataclass
class _Table:
    """A table that is open, with its row and its cell where they are."""

    number: int
    row: int = 0
    cells: list[str] | None = None
    pieces: list[str] | None = None
    length: int = 0
    span: tuple[int, int] = (1, 1)
    above: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Column -> text that reaches into this row from above, and how many rows it still covers."""
    below: dict[int, tuple[int, str]] = field(default_factory=dict)
    """The same for the rows below, of cells of this row."""

    def start_row(self, number: int) -> None:
        self.row, self.cells = number, []

    def start_cell(self, attributes: str) -> None:
        spans = {name.lower(): max(1, min(int(count), MOST_SPAN)) for name, count in SPAN.findall(attributes)}
        self.pieces, self.length = [], 0
        self.span = spans.get("colspan", 1), spans.get("rowspan", 1)

    def write(self, text: str) -> None:
        if self.pieces is not None:
            self.pieces.append(text)
            self.length += len(text)
            if self.length > MOST_LETTERS:
                what = f"a cell in row {self.row} of the page has more than {MOST_LETTERS:,} letters"
                raise Unreadable(HoldCode.LAYOUT_CHANGED, what, "ask the partner what changed")

    def end_cell(self) -> None:
        if self.pieces is None or self.cells is None:
            return
        while len(self.cells) in self.above:
            self.cells.append(self.above[len(self.cells)][1])
        text, (across, down) = plain("".join(self.pieces)), self.span
        self.pieces = None
        for column in range(len(self.cells), len(self.cells) + across):
            self.cells.append(text)
            if down > 1:
                self.below[column] = (down - 1, text)
            text = ""
        if len(self.cells) > MOST_CELLS:
            what = f"row {self.row} of the page has more than {MOST_CELLS:,} cells"
            raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for a plain table")

    def end_row(self) -> PageRow | None:
        """The row, if it has a text of its own."""
        self.end_cell()
        cells, above = self.cells, self.above
        self.above = {column: (left - 1, text) for column, (left, text) in above.items() if left > 1} | self.below
        self.below, self.cells = {}, None
        if cells is None or not any(text for column, text in enumerate(cells) if column not in above):
            return None
        for column in sorted(column for column in above if column >= len(cells)):
            cells += [""] * (column - len(cells)) + [above[column][1]]
        return PageRow(self.number, self.row, cells, frozenset(above))


class _Page:
    """The tables of a page while it goes by."""

    def __init__(self) -> None:
        self.tables, self.rows, self.cells = 0, 0, 0
        self.open: list[_Table] = []
        self.outside: list[str] = []
        self.kept = 0
        self.is_whole = False

    def text(self, text: str) -> None:
        """Letters between two tags."""
        if self.open and self.open[-1].pieces is not None:
            self.open[-1].write(text)
        elif self.kept < MOST_LETTERS:
            self.outside.append(text)
            self.kept += len(text)

    def tag(self, tag: Tag) -> Iterator[PageRow]:
        """A tag, and the row that ends with it."""
        if tag.name == "table":
            yield from self._between()
            self._start_table()
        elif tag.name in ("/body", "/html"):
            self.is_whole = True
        elif tag.name in BLOCKS:
            self.text(" ")
        elif self.open:
            yield from self._in_table(self.open[-1], tag)

    def close(self) -> Iterator[PageRow]:
        """The end of the page. Raises: Unreadable where it is within a table, or there was none"""
        if not self.rows and (self.tables or plain("".join(self.outside))):
            fix = "ask the partner for the right file; is it text (`format.kind: csv`)?"
            raise Unreadable(HoldCode.WRONG_FORMAT, "the page has no table", fix)
        if self.open and not self.is_whole:
            raise _cut_off(f"within a table, in row {self.rows} of the page")
        while self.open:
            yield from self._end_row(self.open.pop())

    def _in_table(self, table: _Table, tag: Tag) -> Iterator[PageRow]:
        match tag.name:
            case "tr":
                yield from self._end_row(table)
                self._start_row(table)
            case "td" | "th":
                table.end_cell()
                if table.cells is None:
                    self._start_row(table)
                table.start_cell(tag.attributes)
            case "/td" | "/th":
                table.end_cell()
            case "/tr" | "thead" | "tbody" | "tfoot":
                yield from self._end_row(table)
            case "/table":
                yield from self._end_row(table)
                self.open.pop()

    def _start_table(self) -> None:
        self.tables += 1
        self.open.append(_Table(self.tables))
        if len(self.open) > DEEPEST:
            what = f"more than {DEEPEST} tables within each other"
            raise Unreadable(HoldCode.LAYOUT_CHANGED, what, "ask the partner for a plain table")

    def _start_row(self, table: _Table) -> None:
        self.rows += 1
        table.start_row(self.rows)

    def _end_row(self, table: _Table) -> Iterator[PageRow]:
        if table.cells is None:
            return
        row = table.end_row()
        self.cells += len(table.above) + (len(row.cells) if row else 1)
        if self.cells > MOST_CELLS_OF_PAGE:
            what = f"the page has more than {MOST_CELLS_OF_PAGE:,} cells"
            raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for smaller files, or for CSV")
        if row:
            yield row

    def _between(self) -> Iterator[PageRow]:
        """The text between tables, or before the one that begins within a cell."""
        pieces, self.outside, self.kept = self.outside, [], 0
        if self.open and self.open[-1].pieces is not None:
            pieces += self.open[-1].pieces
            self.open[-1].pieces, self.open[-1].length = [], 0
        text = plain("".join(pieces))
        if text:
            yield PageRow(0, 0, [text])


def plain(text: str) -> str:
    """A text as a browser shows it: entities are their characters, and blanks in a row are one."""
    with suppress(ValueError):  # a number of more digits than Python reads
        text = html.unescape(text)
    return typed.text(" ".join(text.split()))


def _cut_off(where: str) -> Unreadable:
    return Unreadable(HoldCode.TRUNCATED, f"the page ends {where}", "ask the partner to send it again")

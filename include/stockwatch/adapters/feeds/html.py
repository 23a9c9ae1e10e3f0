"""HTML pages with a table, which portals like to name .xls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from include.stockwatch.adapters.feeds import encoding, header, html_tables
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.header import Header
from include.stockwatch.adapters.feeds.html_tables import PageRow
from include.stockwatch.adapters.feeds.raw import Batch, Notes, Reject
from include.stockwatch.adapters.feeds.rows import Row, batches, fitted, hold_if_empty, must_be_narrow, summed
from include.stockwatch.settings.feed import Feed, Html

PART_BYTES = 1024 * 1024


def read(path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:
    """Read the table of a page that has the feed's columns; `line` counts the table rows of the page.

    Texts and tables above are the preamble. Tables below are left out with a warning, but those that begin with the
    same header go on. A cell that spans columns has its text in the first of them; one that spans rows in all of them,
    but a quantity in the first alone. Rows without a text are no rows, those with another number of cells than the
    header rejects.
    """
    assert isinstance(feed.format, Html)
    if hold_if_empty(path, name, notes):
        return
    table = _Table(feed, notes)
    try:
        yield from table.batches(html_tables.rows(encoding.texts(path, feed.format.encoding, notes, PART_BYTES)))
    except Unreadable as error:
        notes.holds.append(error.hold)


class _Table:
    """The table of a page while it is read."""

    def __init__(self, feed: Feed, notes: Notes) -> None:
        self.feed, self.notes = feed, notes
        self.top = PageRow(0, 0, [])
        self.header = Header((), 0)
        self.single: frozenset[int] = frozenset()

    def batches(self, rows: Iterator[PageRow]) -> Iterator[Batch]:
        """Yield the rows of the table. Raises: Unreadable"""
        found = header.find(self._head(rows), self.feed, self.notes)
        if found is None:
            return
        must_be_narrow(found)
        self.header = found
        self.single = frozenset(map(found.names.index, summed(self.feed)))
        yield from batches(self._body(rows), found.names, self.notes)

    def _head(self, rows: Iterator[PageRow]) -> Iterator[list[str]]:
        for row in rows:
            self.top = row
            yield row.cells

    def _body(self, rows: Iterator[PageRow]) -> Iterator[Row | Reject]:
        table = self.top.table
        for row in rows:
            if row.table == table:
                cells = ["" if at in row.reaching & self.single else text for at, text in enumerate(row.cells)]
                yield fitted(row.number, cells, self.header)
            elif row.table and row.cells == self.top.cells:
                table = row.table
            elif row.table:
                what = "a row of another table below is left out"
                self.notes.warn("OTHER_TABLE", row.number, what)

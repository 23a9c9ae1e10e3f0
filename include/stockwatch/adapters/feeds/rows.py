"""Rows of a table below its header, gathered into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.header import Header
from include.stockwatch.adapters.feeds.raw import LINE, Batch, Notes, Reject, as_raw
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed

MOST_ROWS = 50_000
MOST_LETTERS = 64 * 1024 * 1024
"""What is held as Python texts before it becomes a batch: rows, and the letters in them."""

MOST_COLUMNS = 2_000
"""Columns of a table that is still taken for one."""


class Kept(Protocol):
    """What becomes a row of a batch."""

    @property
    def letters(self) -> int:
        """How much memory it needs, roughly."""


K = TypeVar("K", bound=Kept)


@dataclass(frozen=True)
class Row:
    """One row: where it stands, and a text for every column."""

    line: int
    cells: Sequence[str | None]

    @property
    def letters(self) -> int:
        """Letters of all texts."""
        return sum(len(cell) for cell in self.cells if cell)


def batches(rows: Iterator[Row | Reject], names: Sequence[str], notes: Notes) -> Iterator[Batch]:
    """Yield rows and rejects in batches; a file without any is held."""
    is_empty = True
    for kept, rejects in gathered(rows):
        is_empty = False
        yield batch(kept, names, rejects)
    if is_empty:
        hold_for_no_rows(notes)


def gathered(rows: Iterator[K | Reject]) -> Iterator[tuple[list[K], list[Reject]]]:
    """Yield rows and the rejects between them in lots that fit in memory."""
    kept: list[K] = []
    rejects: list[Reject] = []
    letters = 0
    for row in rows:
        if isinstance(row, Reject):
            rejects.append(row)
        else:
            kept.append(row)
            letters += row.letters
        if len(kept) + len(rejects) >= MOST_ROWS or letters >= MOST_LETTERS:
            yield kept, rejects
            kept, rejects, letters = [], [], 0
    if kept or rejects:
        yield kept, rejects


def batch(rows: Sequence[Row], names: Sequence[str], rejects: Sequence[Reject] = ()) -> Batch:
    """Some rows as a batch."""
    columns = zip(*(row.cells for row in rows), strict=True) if rows else [()] * len(names)
    arrays = [pa.array(column, pa.string()) for column in columns]
    lines = pa.array([row.line for row in rows], pa.int64())
    return Batch(pa.table([*arrays, lines], names=[*names, LINE]), tuple(rejects))


def fitted(line: int, cells: list[str], header: Header) -> Row | Reject:
    """Cells that stand one after the other as a row; a reject where some are missing, or more than the header has."""
    width = len(header.names)
    if len(cells) >= header.needed and not "".join(cells[width:]).strip():
        return Row(line, (cells + [""] * (width - len(cells)))[:width])
    reason = f"{len(cells)} cells, the header has {width}"
    return Reject(line, "FIELD_COUNT", "", "", reason, "look for a cell that is missing or joined", as_raw(cells))


def must_be_narrow(header: Header) -> None:
    """Refuse a table of more columns than a feed has. Raises: Unreadable"""
    if len(header.names) > MOST_COLUMNS:
        what = f"the header goes on up to column {len(header.names):,}"
        fix = f"ask the partner for a table of at most {MOST_COLUMNS:,} columns"
        raise Unreadable(HoldCode.TOO_LARGE, what, fix)


def summed(feed: Feed) -> list[str]:
    """Columns whose values must not be taken twice: quantities, as against what names a row."""
    quantities = list(feed.columns.units().values())
    return [*quantities, feed.codes.quantity_column] if feed.codes and not feed.is_edi else quantities


def hold_if_empty(path: Path, name: str, notes: Notes) -> bool:
    """Hold a file without a byte, and whether it is one."""
    is_empty = not path.stat().st_size
    if is_empty:
        notes.hold(HoldCode.EMPTY, f"`{name}` has no bytes", "ask the partner to send it again")
    return is_empty


def hold_for_no_rows(notes: Notes) -> None:
    """Hold a file that has nothing below its header."""
    fix = "no row never means no stock; ask the partner to send the file again"
    notes.hold(HoldCode.NO_ROWS, "the file has no rows", fix)

"""Delimited text files: parsed by Arrow where it is certain that every line is one row, by the csv module elsewhere.

Both ways give the same rows. The csv module is the authority, and some ten times slower.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from include.stockwatch.adapters.feeds import encoding, header, raw
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.header import Header
from include.stockwatch.adapters.feeds.raw import LINE, Batch, Notes, Reject, as_raw
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Csv, Feed

if TYPE_CHECKING:
    from _csv import Reader

MAX_CELL = 100_000
"""Characters of a cell; a longer one is a quote that was never closed."""

HEAD_BYTES = 64 * 1024
BLOCK_BYTES = 8 * 1024 * 1024
"""What is read of a file at once, before and after its header was found."""

THREAD_BYTES = 4 * 1024 * 1024
"""What of a block one thread of Arrow parses."""

PARTS, SMALL_BYTES = 8, 256 * 1024
"""A block that Arrow cannot be trusted with is tried again in parts, so that one odd line costs little."""

SLOW_ROWS = 10_000
"""Rows that are held as Python texts."""

BLANKS = " \t"
FORMULA = r'[ \t]*="([^"]*)"[ \t]*'
"""What spreadsheets write to keep an id a text: ="0012". No other formula is touched."""


def read(path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:  # noqa: ARG001
    """Read a CSV file as texts; `line` is the physical line on which a row starts.

    Rows above the header are the preamble; lines without any text are no rows. A row with another number of fields than
    the header is a reject `FIELD_COUNT`, but for blank fields behind the last column. Cells come as they are, except
    ="0012", which is 0012. A file that cannot be split into rows, or lacks a column, is held.
    """
    csv.field_size_limit(MAX_CELL)
    table = _Table(path, feed, notes)
    try:
        yield from _gathered(table.batches())
    except Unreadable as error:
        notes.holds.append(error.hold)
    except csv.Error as error:
        what = f"line {table.line + 1}: {error}"
        notes.hold(HoldCode.LAYOUT_CHANGED, what, "is this a CSV file with the delimiter of `format.delimiter`?")


def _gathered(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same rows and rejects, in batches as large as they may be."""
    rows: list[pa.Table] = []
    rejects: list[Reject] = []
    for batch in batches:
        rows.append(batch.rows)
        rejects += batch.rejects
        while max(sum(map(len, rows)), len(rejects)) >= raw.BATCH_ROWS:
            table = pa.concat_tables(rows)
            yield Batch(table.slice(0, raw.BATCH_ROWS), tuple(rejects))
            rows, rejects = [table.slice(raw.BATCH_ROWS)], []
    if rejects or any(map(len, rows)):
        yield Batch(pa.concat_tables(rows), tuple(rejects))


class _Lines:
    """The lines of blocks for the csv module, which asks for one more where a quoted cell goes on."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks = blocks
        self.are_missing = False  # the file is over, and one more was asked for
        self._block, self._length = io.StringIO(), 0

    def open(self, block: bytes) -> None:
        """Go on with the lines of this block."""
        text = block.decode()
        self._block, self._length = io.StringIO(text, newline=""), len(text)

    def end_a_block(self) -> bool:
        """Whether the next line would be the first of another block."""
        return self._block.tell() == self._length

    def __iter__(self) -> Iterator[str]:
        yield from self._block
        for block in self.blocks:
            self.open(block)
            yield from self._block
        self.are_missing = True


class _Table:
    """One file while it is read."""

    def __init__(self, path: Path, feed: Feed, notes: Notes) -> None:
        assert isinstance(feed.format, Csv)
        self.feed, self.notes, self.format = feed, notes, feed.format
        self.lines = _Lines(encoding.blocks(path, feed.format.encoding, notes, HEAD_BYTES, BLOCK_BYTES))
        self.line = 0  # where the last row ended
        self.header = Header((), 0)
        self.schema = pa.schema([])
        self.is_wrapped = False  # each line is quoted as one field, and has its fields inside

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of the file.

        Raises: Unreadable, csv.Error.
        """
        rows = self._rows(self.lines)
        found = header.find(self._head(rows), self.feed, self.notes, self.format.delimiter)
        if found is None:
            return
        self.header = found
        used, repeating = set(self.feed.file_columns()), pa.dictionary(pa.int32(), pa.string())
        self.schema = pa.schema([(name, repeating if name in used else pa.string()) for name in found.names])
        is_empty = True
        for batch in self._body(rows):
            is_empty = is_empty and not batch.rejects and not len(batch.rows)
            yield batch
        if is_empty:
            fix = "no row never means no stock; ask the partner to send the file again"
            self.notes.hold(HoldCode.NO_ROWS, "the file has a header and no rows", fix)

    def _head(self, rows: Reader) -> Iterator[list[str]]:
        for cells in rows:
            self.line = rows.line_num
            inside = self._inside(cells)
            self.is_wrapped = inside is not None
            yield [re.sub(f"^{FORMULA}$", r"\1", cell) for cell in inside or cells]

    def _body(self, rows: Reader) -> Iterator[Batch]:
        yield from self._by_rows(rows)
        while block := next(self.lines.blocks, b""):
            table = self._at_once(block)
            if table is not None:
                yield Batch(table)
            elif len(parts := _parts(block)) > 1 and not self.is_wrapped:
                self.lines.blocks = itertools.chain(parts, self.lines.blocks)
            else:
                self.lines.open(block)
                yield from self._by_rows(self._rows(self.lines))

    def _rows(self, lines: Iterable[str]) -> Reader:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.format.quotes else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.format.delimiter, quoting=quoting)

    def _inside(self, cells: list[str]) -> list[str] | None:
        """The fields of a line that is quoted as one field, None of another."""
        if not cells or self.format.delimiter not in cells[0] or any(cells[1:]):
            return None
        rows = list(self._rows(io.StringIO(cells[0], newline="")))
        return rows[0] if len(rows) == 1 else None

    def _unwrapped(self, rows: Reader) -> Iterator[str]:
        """The lines that were quoted as one field each, others as they were; a cell may go on in the next line."""
        for cells in rows:
            is_one = not any(cells[1:]) and (not re.search("[\r\n]", "".join(cells)) or self._inside(cells))
            quoted = ('"' + cell.replace('"', '""') + '"' for cell in cells)
            yield ("".join(cells[:1]) if is_one else self.format.delimiter.join(quoted)) + "\n"

    # by the csv module

    def _by_rows(self, rows: Reader) -> Iterator[Batch]:
        """Read up to the end of a block, or of a later one if a row goes on there."""
        found = self._each(rows)
        while some := list(itertools.islice(found, SLOW_ROWS)):
            kept = [one for one in some if not isinstance(one, Reject)]
            columns = zip(*(cells for _, cells in kept), strict=True) if kept else [()] * len(self.schema)
            table = self._table([pa.chunked_array([pa.array(column, pa.string())]) for column in columns])
            lines = pa.array([line for line, _ in kept], pa.int64())
            yield Batch(table.append_column(LINE, lines), tuple(one for one in some if isinstance(one, Reject)))

    def _each(self, rows: Reader) -> Iterator[tuple[int, list[str]] | Reject]:
        width, before = len(self.header.names), self.line - rows.line_num
        found = self._rows(self._unwrapped(rows)) if self.is_wrapped else rows
        while not self.lines.end_a_block():
            cells = next(found)
            first, self.line = self.line + 1, before + rows.line_num
            if self.line > first or self.lines.are_missing:
                self._must_be_one_row(cells, first)
            if _is_blank_row(cells):
                continue
            if len(cells) == width:
                yield first, cells
            elif self._fits(cells):
                yield first, cells[:width] + [""] * (width - len(cells))
            else:
                if 1 < len(cells) < self.header.needed and self.notes.lacks_line_end:
                    what = (
                        f"line {first} has {len(cells)} of {width} fields and no line end: the file was cut off there"
                    )
                    fix = "ask the partner to send the file again; release it if this line is a note and the file whole"
                    self.notes.hold(HoldCode.LAST_LINE_CUT, what, fix)
                yield self._wrong_field_count(cells, first)

    def _fits(self, cells: list[str]) -> bool:
        return len(cells) >= self.header.needed and _is_blank(cells[len(self.header.names) :])

    def _must_be_one_row(self, cells: list[str], first: int) -> None:
        """Whether a row of several lines is one row, and not many that a stray quote made one.

        Two stray quotes may leave the right number of fields; then each line has the delimiters of a row by itself.
        """
        if self.line == first:
            what = f"the file ends within the quoted cell that opens on line {first}"
            raise Unreadable(HoldCode.TRUNCATED, what, "ask the partner to send it again, or close the quote")
        if self.lines.are_missing or not self._fits(cells) or self._are_rows(self.format.delimiter.join(cells)):
            what = f"a quote opens on line {first} and swallows the lines up to {self.line}"
            fix = "close or remove the quote on that line; `format.quotes: false` if quotes mean nothing in this feed"
            raise Unreadable(HoldCode.LAYOUT_CHANGED, what, fix)

    def _are_rows(self, text: str) -> bool:
        least = self.header.needed - 1
        if text.count(self.format.delimiter) < 2 * least:
            return False
        lines = [line for line in re.split(r"\r\n|\r|\n", text) if line]
        return len(lines) > 1 and all(line.count(self.format.delimiter) >= least for line in lines)

    def _wrong_field_count(self, cells: list[str], line: int) -> Reject:
        reason = f"{len(cells)} fields, the header has {len(self.header.names)}"
        fix = f"quote fields that contain `{self.format.delimiter}`; look for a cut or joined line"
        return Reject(line, "FIELD_COUNT", "", "", reason, fix, as_raw(cells))

    # by Arrow

    def _at_once(self, block: bytes) -> pa.Table | None:
        """The rows of a block that Arrow parses; None where a line may be no row, or a row have the wrong fields."""
        if self.is_wrapped:
            return None
        count, fields = _count_lines(block), self._count_fields(block)
        if not count or fields < self.header.needed or self._ends_within_quotes(block):
            return None
        table = self._parsed(block, fields)
        if table is None or len(table) != count or _longest(table) > MAX_CELL:
            return None
        width = len(self.schema)
        if not all(pc.all(_are_blank(column)).as_py() for column in table.columns[width:]):
            return None
        columns = table.columns[:width] + [pa.chunked_array([pa.repeat("", count)])] * (width - fields)
        lines = pa.array(np.arange(self.line + 1, self.line + count + 1))
        self.line += count
        table = self._table(columns, may_have_formulas=b"=" in block).append_column(LINE, lines)
        blank = _blank_rows(table)
        return table.filter(pc.invert(blank)) if pc.any(blank).as_py() else table

    def _count_fields(self, block: bytes) -> int:
        """Fields of the first line, 0 if it cannot be told."""
        return len(self._cells(block[: block.find(b"\n") + 1]))

    def _ends_within_quotes(self, block: bytes) -> bool:
        """Whether the last cell goes on: Arrow takes the end of the block for the end of quotes, and says nothing."""
        cells = self._cells(block[block.rfind(b"\n", 0, -1) + 1 :])
        return bool(cells) and cells[-1].endswith("\n")

    def _cells(self, line: bytes) -> list[str]:
        try:
            return next(self._rows([line.decode()]))
        except csv.Error:
            return []

    def _parsed(self, block: bytes, fields: int) -> pa.Table | None:
        if len(self.format.delimiter.encode()) > 1 or block.startswith(codecs.BOM_UTF8):
            return None  # Arrow knows no such delimiter, and takes the mark for no text
        beyond = [(f"\0{number}", pa.string()) for number in range(fields - len(self.schema))]
        schema = pa.schema([*list(self.schema)[:fields], *beyond])
        has_quotes = self.format.quotes and b'"' in block
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(block),
                arrow_csv.ReadOptions(column_names=schema.names, block_size=THREAD_BYTES),
                arrow_csv.ParseOptions(
                    delimiter=self.format.delimiter,
                    quote_char='"' if has_quotes else False,
                    newlines_in_values=has_quotes,  # else what a thread parses may end within quotes
                    ignore_empty_lines=False,
                ),
                arrow_csv.ConvertOptions(check_utf8=False, column_types=schema, strings_can_be_null=False),
            )
        except pa.ArrowInvalid:
            return None

    def _table(self, columns: Iterable[pa.ChunkedArray], *, may_have_formulas: bool = True) -> pa.Table:
        if may_have_formulas:
            columns = map(_without_formulas, columns)
        typed = [
            column if column.type == field.type else column.dictionary_encode()
            for column, field in zip(columns, self.schema, strict=True)
        ]
        return pa.table(typed, schema=self.schema)


def _parts(block: bytes) -> list[bytes]:
    """A block in some parts of whole lines; a small one is its only part, and so is a line."""
    size = len(block) // PARTS if len(block) > SMALL_BYTES else len(block)
    parts, start = [], 0
    while start < len(block):
        end = block.find(b"\n", start + size) + 1 or len(block)
        parts.append(block[start:end])
        start = end
    return parts


def _count_lines(block: bytes) -> int:
    """How many lines a block has; 0 if a CR without an LF makes it doubtful."""
    letters = np.frombuffer(block, dtype=np.uint8)
    ends = letters == ord("\n")
    if b"\r" in block:
        returns = letters == ord("\r")
        if np.count_nonzero(returns) != np.count_nonzero(returns[:-1] & ends[1:]):
            return 0
    return int(np.count_nonzero(ends))


def _is_blank(cells: list[str]) -> bool:
    return not "".join(cells).strip(BLANKS)


def _is_blank_row(cells: list[str]) -> bool:
    """Whether no cell has a text; ="" has none."""
    letters = "".join(cells).strip(BLANKS)
    if not letters or letters.strip(BLANKS + '="'):
        return not letters
    return _is_blank([re.sub(f"^{FORMULA}$", r"\1", cell) for cell in cells])


def _texts(chunk: pa.Array) -> pa.Array:
    """The texts of a chunk, each once where it has a dictionary."""
    return chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk


def _longest(table: pa.Table) -> int:
    """Bytes of the longest cell, no less than its characters."""
    chunks = (chunk for column in table.columns for chunk in column.chunks)
    lengths: Iterator[int | None] = (pc.max(pc.binary_length(_texts(chunk))).as_py() for chunk in chunks)
    return max(filter(None, lengths), default=0)


def _are_blank(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """For every cell, whether it is blank."""
    chunks = []
    for chunk in column.chunks:
        blank = pc.equal(pc.ascii_trim(_texts(chunk), BLANKS), "")
        chunks.append(blank.take(chunk.indices) if pa.types.is_dictionary(chunk.type) else blank)
    return pa.chunked_array(chunks, pa.bool_())


def _blank_rows(table: pa.Table) -> pa.ChunkedArray:
    """For every row, whether all its cells are blank. Dictionaries first: most often one column is enough to say no."""
    first, *others = sorted(table.drop_columns([LINE]).columns, key=lambda column: column.type == pa.string())
    blank = _are_blank(first)
    for column in others:
        if not pc.any(blank).as_py():
            break
        blank = pc.and_(blank, _are_blank(column))
    return blank


def _without_formulas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = column.cast(pa.string())
    if not pc.any(pc.match_substring(texts, '="')).as_py():
        return column
    return pc.replace_substring_regex(texts, f"^{FORMULA}$", r"\1")

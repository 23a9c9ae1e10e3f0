"""The first rows of a table of any format as texts, whatever its header is."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from include.stockwatch.adapters.feeds import archive, html_tables, sheet, workbook
from include.stockwatch.adapters.feeds.content import Kind
from include.stockwatch.adapters.feeds.encoding import Unreadable, texts
from include.stockwatch.adapters.feeds.formats import reader_of
from include.stockwatch.adapters.feeds.raw import LINE, Notes
from include.stockwatch.adapters.feeds.sniff import Fact
from include.stockwatch.errors import Hold
from include.stockwatch.settings.feed import Feed, ItemId, JsonLines, Parquet, Xlsx
from include.stockwatch.settings.spellings import known_names

MOST_ROWS, MOST_CELLS = 50_000, 1_500_000
"""What of a table is looked at."""

DELIMITERS = (",", ";", "\t", "|", "^", "~")
NAMED = {"\t": "TAB", ",": "`,`", ";": "`;`", "|": "`|`", "^": "`^`", "~": "`~`"}
SAMPLE_LINES = 300
MOST_SHEETS = 5
PART_BYTES, PART_ROWS = 1024 * 1024, 1000
SURE_NAMES, SURE_SHARE = 2, 0.9
"""Known column names, or the share of rows with as many fields as most, that make a delimiter sure."""


Rows = tuple[list[list[str]], list[int], bool]
"""Rows that are not blank, where each stands, and whether there are no more."""


@dataclass(frozen=True)
class Grid:
    """The first rows of a table, blank ones left out, and where each stands."""

    rows: list[list[str]]
    lines: list[int]
    is_whole: bool
    facts: tuple[Fact, ...] = ()
    settings: dict[str, str | bool | int] = field(default_factory=dict)
    is_sparse: bool = False
    """Whether blank cells at the end of a row are left out, as a workbook does."""


def grid_of(path: Path, name: str, kind: str, encoding: Fact | None) -> tuple[Grid, tuple[Hold, ...]]:
    """The rows of a table, its header among them, and why it cannot be read, if it cannot."""
    if kind == Kind.TEXT and encoding:
        return _grid_of_text(path, encoding), ()
    notes = Notes()
    settings: dict[str, str | bool | int] = {"encoding": encoding.value} if encoding else {}
    facts = [encoding] if encoding else []
    try:
        if kind == Kind.XLSX:
            rows, found = _of_workbook(path, notes)
            facts += found
            settings |= {"sheet": found[0].value} if found else {}
        elif kind == Kind.HTML and encoding:
            rows = limited(_of_page(path, encoding.value, notes))
        else:
            rows = limited(_of_reader(path, name, kind, encoding, notes))
    except Unreadable as error:
        notes.holds.append(error.hold)
        rows = [], [], True
    return Grid(*rows, tuple(facts), settings, kind == Kind.XLSX), tuple(notes.holds)


def _grid_of_text(path: Path, encoding: Fact) -> Grid:
    """The rows of a delimited text, by the delimiter that explains it best."""
    name = "utf-8-sig" if encoding.value == "utf-8" else encoding.value
    with path.open(encoding=name, errors="replace", newline="") as file:
        sample = list(itertools.islice((line for line in file if line.strip()), SAMPLE_LINES))
    csv.field_size_limit(100_000)
    tried = [_Try.of(sample, delimiter, quotes=quotes) for delimiter in DELIMITERS for quotes in (True, False)]
    best = max(tried, key=lambda one: one.score)
    second = max((one for one in tried if one.delimiter != best.delimiter), key=lambda one: one.score)
    sure = best.width > 1 and (best.known >= SURE_NAMES > second.known or best.share > SURE_SHARE > second.share)
    why = f"{best.rows} of {best.tried} rows have {best.width} fields"
    if best.known:
        why += f", {best.known} of them with a known name"
    facts = [Fact("delimiter", NAMED[best.delimiter], sure, why)]
    if not best.quotes:
        facts.append(
            Fact("quotes", "letters like any other", False, "with them as quotes, fewer rows have the same fields")
        )
    with path.open(encoding=name, errors="replace", newline="") as file:
        rows, lines, whole = limited(_parsed(file, best.delimiter, quotes=best.quotes))
    settings: dict[str, str | bool | int] = {"delimiter": best.delimiter, "encoding": encoding.value}
    if not best.quotes:
        settings["quotes"] = False
    return Grid(rows, lines, whole, (encoding, *facts), settings)


@dataclass(frozen=True)
class _Try:
    """A delimiter, and how well it explains some lines."""

    delimiter: str
    quotes: bool
    width: int
    rows: int
    tried: int
    known: int

    @property
    def share(self) -> float:
        return self.rows / self.tried if self.width > 1 else 0.0

    @property
    def score(self) -> tuple[int, float, bool, int]:
        return self.known, round(self.share, 1), self.quotes, self.width

    @classmethod
    def of(cls, sample: Sequence[str], delimiter: str, *, quotes: bool) -> _Try:
        rows = [cells for _, cells in _parsed(sample, delimiter, quotes=quotes)]
        widths = Counter(len(cells) for cells in rows)
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        known = max((known_names(cells) for cells in rows), default=0)
        return cls(delimiter, quotes, width, count, max(len(rows), 1), known if width > 1 else 0)


def _parsed(lines: Iterable[str], delimiter: str, *, quotes: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE)
    before = 0
    try:
        for cells in reader:
            if len(cells) == 1 and delimiter in cells[0]:  # each line is quoted as one field
                cells = next(csv.reader(cells, delimiter=delimiter), cells)
            yield before + 1, [re.sub(r'^\s*="([^"]*)"\s*$', r"\1", cell).strip() for cell in cells]
            before = reader.line_num
    except csv.Error:
        return


def limited(rows: Iterable[tuple[int, list[str]]]) -> Rows:
    """Rows that are not blank, up to what is looked at."""
    kept: list[list[str]] = []
    lines: list[int] = []
    cells = 0
    for line, row in rows:
        if not any(row):
            continue
        if len(kept) >= MOST_ROWS or cells > MOST_CELLS:
            return kept, lines, False
        kept.append(row)
        lines.append(line)
        cells += len(row)
    return kept, lines, True


def _of_workbook(path: Path, notes: Notes) -> tuple[Rows, list[Fact]]:
    """The rows of the sheet whose header is known best; of a hidden one only if no other has a known name."""
    feed = _any_table(Xlsx(kind="xlsx"))
    with workbook.opened(path, archive.Limits()) as book:
        names: list[str] = []
        found: list[Rows] = []
        known: list[int] = []
        for one in sorted(book.sheets, key=lambda one: not one.is_visible)[:MOST_SHEETS]:
            if one.is_visible or not any(known):
                names.append(one.name)
                found.append(limited(_of_sheet(sheet.rows(book, one, feed, notes))))
                known.append(max(map(known_names, found[-1][0][:SAMPLE_LINES]), default=0))
    if not found:
        return ([], [], True), []
    best = known.index(max(known))
    if len(found) == 1:
        return found[best], []
    why = f"{known[best]} of its names are known; the sheets are {', '.join(names)}"
    return found[best], [Fact("sheet", names[best], known[best] > sorted(known)[-2], why)]


def _of_sheet(rows: Iterable[sheet.Cells]) -> Iterator[tuple[int, list[str]]]:
    for cells in rows:
        yield cells.row, [cells.texts.get(column, "").strip() for column in range(max(cells.texts) + 1)]


def _of_page(path: Path, encoding: str, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    """The rows of the largest table of a page, and the texts and tables above it."""
    rows = list(itertools.islice(html_tables.rows(texts(path, encoding, notes, PART_BYTES)), MOST_ROWS))
    sizes: Counter[int] = Counter()
    for row in rows:
        sizes[row.table] += len(row.cells) if row.table else 0
    largest = max(sizes, key=lambda table: sizes[table], default=0)
    for row in rows:
        if row.table <= largest:
            yield row.number, [cell.strip() for cell in row.cells]


def _of_reader(
    path: Path, name: str, kind: str, encoding: Fact | None, notes: Notes
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a format that names its columns itself."""
    written = Parquet(kind="parquet")
    feed = _any_table(
        written if kind == Kind.PARQUET else JsonLines(kind="jsonl", encoding=encoding.value if encoding else "utf-8")
    )
    is_first = True
    for batch in reader_of(kind)(path, name, feed, notes):
        names = [one for one in batch.rows.column_names if one != LINE]
        if is_first:
            yield 0, names
        is_first = False
        for start in range(0, min(len(batch.rows), MOST_ROWS), PART_ROWS):
            part = batch.rows.slice(start, PART_ROWS)
            columns = [part.column(one).to_pylist() for one in names]
            for line, *cells in zip(part.column(LINE).to_pylist(), *columns, strict=True):
                yield line, [cell.strip() if cell else "" for cell in cells]


def _any_table(written: Xlsx | Parquet | JsonLines) -> Feed:
    """A definition that uses no column."""
    return Feed.model_construct(partner="unknown", partner_name="unknown", format=written, item_id=ItemId())

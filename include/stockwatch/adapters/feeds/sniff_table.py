"""What a table of an unknown file holds: its header row, its columns, how numbers and dates are written in it."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from include.stockwatch.adapters.feeds import sniff_numbers
from include.stockwatch.adapters.feeds.header import plain, quoted
from include.stockwatch.adapters.feeds.sniff import Fact
from include.stockwatch.adapters.feeds.sniff_columns import Column
from include.stockwatch.adapters.feeds.sniff_dates import DateForm, form_of
from include.stockwatch.adapters.feeds.sniff_grid import SURE_NAMES, Grid
from include.stockwatch.adapters.feeds.sniff_numbers import NumberForm, is_number
from include.stockwatch.domain.reported import MEASURES
from include.stockwatch.settings.spellings import TOTALS, known_names, meaning_of

HEADER_WITHIN = 150
MOST = 0.9
"""Share of the columns that a header names."""


@dataclass(frozen=True)
class DatePlace:
    """Where the date of a row stands."""

    source: str
    form: DateForm | None
    column: Column | None = None
    text: str = ""
    others: tuple[Column, ...] = ()
    unread: tuple[Column, ...] = ()  # called a date, and written like none


@dataclass(frozen=True)
class Total:
    """A row that looks like a total."""

    column: str
    text: str
    line: int
    values: tuple[str, ...] = field(repr=False, default=())


@dataclass(frozen=True)
class Table:
    """All that was found out about a table. `rows` are those below the header, as wide as it, totals left out."""

    facts: tuple[Fact, ...]
    header_row: int
    preamble: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: list[list[str]]
    lines: list[int]
    totals: tuple[Total, ...]
    headers_again: int
    odd_widths: int
    is_whole: bool
    numbers: NumberForm
    date: DatePlace
    settings: dict[str, str | bool | int]

    def of(self, role: str) -> list[Column]:
        """The columns that may have a role, the likeliest first."""
        found = [column for column in self.columns if column.meaning and column.meaning.role == role]
        return sorted(found, key=lambda column: (not column.filled, column.meaning.rank if column.meaning else 0))


def table_of(grid: Grid, file_names: Sequence[Sequence[str]], latest: dt.date) -> Table | None:
    """What a table holds; none where it has no header that could name columns. `latest` is today.

    `file_names` are that of its file, and that of the archive in which it came, each before others of the same kind.
    """
    found = _header(grid.rows, grid.lines)
    if found is None:
        return None
    at, header = found
    names = grid.rows[at]
    body, lines, again, odd = _body(grid, at)
    totals, body, lines = _totals(names, body, lines)
    spelled = Counter(map(plain, names))
    columns = tuple(
        _reconsidered(Column(name, place, Counter(row[place] for row in body), meaning_of(name)))
        for place, name in enumerate(names)
        if name and spelled[plain(name)] == 1
    )
    preamble = tuple(" | ".join(filter(None, row)) for row in grid.rows[:at])
    numbers = _number_form(columns)
    day_first = numbers.decimal == "," or grid.settings.get("delimiter") == ";"
    date = _date_place(columns, preamble, file_names, latest, day_first=day_first)
    facts = [*grid.facts, header]
    twice = [name for name in names if name and spelled[plain(name)] > 1]
    if twice:
        why = "nobody can say which of them is meant, so they are left out"
        facts.append(Fact("names given twice", quoted(list(dict.fromkeys(twice))), False, why))
    if again:
        facts.append(Fact("header again", str(again), True, "rows that repeat the header: no observations"))
    if odd:
        facts.append(Fact("rows of another width", str(odd), False, "cut or joined lines, or a note below the table"))
    return Table(
        tuple(facts),
        grid.lines[at],
        preamble,
        columns,
        body,
        lines,
        totals,
        again,
        odd,
        grid.is_whole,
        numbers,
        date,
        dict(grid.settings),
    )


def _header(rows: list[list[str]], lines: list[int]) -> tuple[int, Fact] | None:
    """The row that names the columns."""
    head = rows[:HEADER_WITHIN]
    known = [known_names(cells) for cells in head]
    best = max(known, default=0)
    if best >= SURE_NAMES:
        at = known.index(best)
        return at, Fact("header", _row(lines[at]), True, f"{best} of its {len(rows[at])} names are known")
    width = Counter(len(row) for row in rows).most_common(1)[0][0] if rows else 0
    for at, row in enumerate(head):
        texts = [cell for cell in row if cell]
        is_named = len(set(texts)) == len(texts) and not any(map(is_number, texts))
        if width > 1 and len(row) == width and len(texts) >= MOST * width and is_named:
            why = "the first row as wide as the others that has texts alone; " + (
                "one of its names is known" if best else "NONE of its names is known"
            )
            return at, Fact("header", _row(lines[at]), False, why)
    return None


def _row(line: int) -> str:
    return f"row {line}" if line else "the names of the file's own columns"


def _body(grid: Grid, at: int) -> tuple[list[list[str]], list[int], int, int]:
    """The rows below the header, as wide as it; how many are the header again; and how many have another width."""
    names = grid.rows[at]
    needed = max(place for place, name in enumerate(names) if name) + 1
    body: list[list[str]] = []
    lines: list[int] = []
    again = odd = 0
    for row, line in zip(grid.rows[at + 1 :], grid.lines[at + 1 :], strict=True):
        if row == names:
            again += 1
        elif (len(row) >= needed or grid.is_sparse) and not any(row[len(names) :]):
            body.append((row + [""] * (len(names) - len(row)))[: len(names)])
            lines.append(line)
        else:
            odd += 1
    return body, lines, again, odd


def _totals(
    names: Sequence[str], body: list[list[str]], lines: list[int]
) -> tuple[tuple[Total, ...], list[list[str]], list[int]]:
    """Rows that hold totals by what their first text says, and the others."""
    totals, kept, kept_lines = [], [], []
    for row, line in zip(body, lines, strict=True):
        place = next((place for place, cell in enumerate(row) if cell), 0)
        roles = [
            p
            for p, name in enumerate(names)
            if (m := meaning_of(name)) and m.role in ("location_id", "item_id", "gtin")
        ]
        hit = next((p for p in (place, *roles) if names[p] and TOTALS.fullmatch(row[p])), None)
        if hit is None:
            kept.append(row)
            kept_lines.append(line)
        else:
            totals.append(Total(names[hit], row[hit], line, tuple(row)))
    return (tuple(totals), kept, kept_lines) if kept else ((), body, lines)


def _reconsidered(column: Column) -> Column:
    """A column without the meaning that its texts contradict."""
    role = column.meaning.role if column.meaning else ""
    needs_numbers = role in (*MEASURES, "price", "quantity", "available", "pack")
    is_wrong = needs_numbers and column.filled and not column.is_number
    numbers = len(column.digits) + len(column.rounded)
    is_wrong = is_wrong or (role == "gtin" and column.filled and numbers < len(column.different) / 2)
    return Column(column.name, column.place, column.texts, None) if is_wrong else column


def _number_form(columns: Iterable[Column]) -> NumberForm:
    """How numbers are written in all columns that hold quantities or prices."""
    others = ("date", "period", "location_id", "item_id", "gtin", "unit", "code")
    numbers = [one for one in columns if one.is_number and not (one.meaning and one.meaning.role in others)]
    return sniff_numbers.form_of((one.name, text) for one in numbers for text in one.different if text not in one.words)


def _date_place(
    columns: Sequence[Column],
    preamble: Sequence[str],
    file_names: Sequence[Sequence[str]],
    latest: dt.date,
    *,
    day_first: bool,
) -> DatePlace:
    """Where the date stands: a column, the rows above the header, the file name, or nowhere."""
    named: list[tuple[Column, DateForm]] = []
    other: list[tuple[Column, DateForm]] = []
    unread: list[Column] = []
    for column in columns:
        role = column.meaning.role if column.meaning else ""
        if role not in ("", "date", "period") or not column.filled:
            continue
        form = form_of(column.different, latest, day_first=day_first)
        if form:
            (named if role else other).append((column, form))
        elif role:
            unread.append(column)
    named.sort(key=lambda one: one[0].meaning.rank if one[0].meaning else 0)
    found = [
        *named,
        *(one for one in other if not re.search(r"(?i)exp|best|mhd|creat|updat|deliv|launch|last", one[0].name)),
    ]
    if found:
        column, form = found[0]
        return DatePlace("column", form, column, others=tuple(one for one, _ in found[1:]))
    for source, places in (("preamble", [[text] for text in preamble]), ("file_name", file_names)):
        for texts in places:
            form = form_of(texts, latest, day_first=day_first, in_name=source == "file_name")
            if form:
                return DatePlace(source, form, text=texts[0], unread=tuple(unread))
    return DatePlace("receipt", None, unread=tuple(unread))

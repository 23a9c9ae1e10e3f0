"""What was found in a file that nobody has described, before any definition reads it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from include.stockwatch.adapters.feeds import content, unpack
from include.stockwatch.adapters.feeds.content import Kind
from include.stockwatch.adapters.feeds.numbers import parser
from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.adapters.feeds.sniff import Fact, encoding_of, kind_of, shown
from include.stockwatch.adapters.feeds.sniff_edi import Edi, edi_of
from include.stockwatch.adapters.feeds.sniff_grid import grid_of
from include.stockwatch.adapters.feeds.sniff_table import Table, table_of
from include.stockwatch.errors import Hold

MOST_NAMED = 5
IDS = ("location_id", "item_id", "gtin", "date")


@dataclass
class Sniffed:
    """What was found in a file before any definition reads it."""

    kind: str
    facts: list[Fact]
    table: Table | None = None
    edi: Edi | None = None
    problems: list[dict[str, str]] = field(default_factory=list)

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """The different business dates that it names, as far as it was read."""
        form = self.table.date.form if self.table else None
        return self.edi.dates if self.edi else form.dates if form else ()

    def add_problem(self, code: str, what: str, fix: str) -> None:
        """Note what keeps a file from being read."""
        self.problems.append({"code": code, "what": what, "fix": fix})

    def add_holds(self, holds: Iterable[Hold]) -> None:
        """Note why a reader would hold the file."""
        for one in holds:
            self.add_problem(one.code.value, one.what, one.fix)

    def as_answer(self) -> dict[str, Any]:
        """The facts for scripts, and for the text that people read."""
        edi, table = self.edi, self.table
        return {
            "kind": str(self.kind),
            "facts": [one.__dict__ for one in self.facts],
            "preamble": list(table.preamble) if table else [],
            "columns": list(_columns(table)) if table else [],
            "values": list(_values(edi)) if edi else [],
            "ids": list(_ids(edi)) if edi else [],
            "odd": [{"code": str(one.code), "line": one.line, "what": one.what} for one in edi.warnings] if edi else [],
            "problems": self.problems,
        }


def sniff(path: Path, name: str, folder: Path, latest: dt.date, beside: Sequence[str] = ()) -> Sniffed:
    """What a file is. Of an archive the largest member is looked at; all of them are read later. `latest` is today.

    `beside` are the names of other files of the feed: one of them may decide how dates are written in all.
    """
    kind, names = kind_of(path), [[name, *beside]]
    found = Sniffed(kind.value, [kind])
    if kind.value in (Kind.ZIP, Kind.GZIP):
        notes = Notes()
        members = unpack.members(path, name, Kind.TEXT, folder, unpack.Limits(), notes)
        found.add_holds(notes.holds)
        if not members:
            return found
        largest = max(members, key=lambda one: one.path.stat().st_size)
        inside = [Path(one.name) for one in (largest, *members) if Path(one.name).suffix == Path(largest.name).suffix]
        path, names = largest.path, [list(dict.fromkeys(one.name for one in inside)), *names]
        inner = kind_of(path)
        found.kind = inner.value
        called = ", ".join(f"`{shown(one.name, 40)}`" for one in members[:MOST_NAMED])
        found.facts.append(Fact("files in it", str(len(members)), True, called))
        found.facts.append(replace(inner, what="kind of the largest"))
    if found.kind == Kind.EMPTY:
        found.add_problem("EMPTY", "the file has 0 bytes", "ask the partner to send it again")
    elif found.kind not in content.READABLE:
        what = f"no feed can be of this kind: {found.kind}"
        found.add_problem("UNSUPPORTED", what, "ask the partner for CSV, XLSX, Parquet or EDI")
    elif found.kind in (Kind.X12, Kind.EDIFACT):
        found.edi = edi_of(path, name, found.kind)
        found.facts += found.edi.facts
        found.add_holds(found.edi.holds)
    else:
        _sniff_table(path, names, found, latest)
    return found


def _sniff_table(path: Path, names: Sequence[Sequence[str]], found: Sniffed, latest: dt.date) -> None:
    encoding = encoding_of(path) if found.kind in (Kind.TEXT, Kind.HTML, Kind.JSONL) else None
    grid, holds = grid_of(path, names[0][0], found.kind, encoding)
    found.add_holds(holds)
    found.table = table_of(grid, names, latest)
    if found.table:
        found.facts += [*found.table.facts, *_table_facts(found.table)]
        return
    found.facts += grid.facts
    what = "no row names the columns: there is none, or the delimiter is another, or columns have fixed widths"
    found.add_problem("NO_HEADER", what, "ask the partner for a file with a header row")


def _table_facts(table: Table) -> Iterator[Fact]:
    more = "" if table.is_whole else ", the first of the file"
    yield Fact("rows", str(len(table.rows)), table.is_whole, f"below the header{more}")
    numbers = table.numbers
    between = f", `{numbers.thousands}` between thousands" if numbers.thousands else ""
    yield Fact("numbers", f"`{numbers.decimal}` as decimal mark{between}", numbers.sure, numbers.why)
    column, form = table.date.column, table.date.form
    if form:
        place = f"column `{shown(column.name)}`" if column else table.date.source.replace("_", " ")
        days = f"{form.first} to {form.last}" if form.first != form.last else f"{form.first}"
        yield Fact("date", f"{place}, {form.format}: {days}", form.sure and column is not None, form.why)
    else:
        yield Fact("date", "none", False, "not in a column, above the header or in the file's name")
    for total in table.totals[:MOST_NAMED]:
        yield Fact("total", f"row {total.line}", False, f"`{shown(total.text, 40)}` in `{shown(total.column)}`")


def _columns(table: Table) -> Iterator[dict[str, Any]]:
    number = parser(table.numbers.decimal, table.numbers.thousands, money=True)
    for column in table.columns:
        meaning, total = column.meaning, None
        if column.is_number and not (meaning and meaning.role in IDS):
            parts = ((number(text), count) for text, count in column.texts.items() if text)
            total = round(sum(value * count for value, count in parts if value is not None), 6)
        yield {
            "column": column.name,
            "filled": column.filled,
            "different": len(column.different),
            "sum": total,
            "words": dict(column.words.most_common(MOST_NAMED)) if column.is_number else {},
            "samples": column.different[:3],
            "may_be": meaning.role if meaning else None,
            "known_from": meaning.known_from if meaning else None,
        }


def _values(edi: Edi) -> Iterator[dict[str, Any]]:
    for (code, level, unit), one in sorted(edi.values.items()):
        yield {"code": code, "level": level, "unit": unit, "values": one.count, "sum": round(one.total, 6)}


def _ids(edi: Edi) -> Iterator[dict[str, Any]]:
    for one in edi.ids:
        share = f"{one.pass_share:.0%}"
        yield {"qualifier": one.qualifier, "items": one.items, "different": len(one.texts), "check_digits_right": share}

"""What one partner file says: every row published, rejected with a reason, parked or dropped by a rule."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds import content, unpack
from include.stockwatch.adapters.feeds.binding import BOUND, CODED, CONTROL, UNMAPPED
from include.stockwatch.adapters.feeds.formats import reader_of
from include.stockwatch.adapters.feeds.raw import Batch, Notes
from include.stockwatch.adapters.lake import bounded_engine
from include.stockwatch.domain.columns import OBSERVATIONS
from include.stockwatch.domain.repeats import KEY
from include.stockwatch.errors import Hold
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.feeds.stage import Stage

SOURCE = "source"
KEYED = pa.schema([pa.field("item_id", CODED) if f.name == "item_text" else f for f in BOUND])
KEYED = KEYED.remove(KEYED.get_field_index("pack_unit")).append(pa.field(SOURCE, pa.int64()))
FOUND = pa.schema([*KEYED, pa.field("inputs", pa.int64())])
PARKED = ("UNKNOWN_ITEM", "UNKNOWN_LOCATION")
"""Codes of rows that wait: they are loaded by themselves once the master data know the item or the location."""


class Decision(StrEnum):
    """What a person said about a held file."""

    RELEASE = "release"  # publish every row that can be read, those that fail a check included
    RELEASE_PASSING = "release_passing"  # publish the rows that pass
    DISCARD = "discard"


@dataclass(frozen=True)
class File:
    """One partner file on its way into a feed.

    `received` is the day it came, at the feed; `decision` what a person said of it, if it was held before; the folder
    is for what does not fit in memory, and may be emptied.
    """

    path: Path
    name: str
    feed_id: str
    feed: Feed
    received: dt.date
    folder: Path
    decision: Decision | None = None

    @cached_property
    def engine(self) -> Any:
        """A DuckDB of bounded memory, opened at the first use."""
        return bounded_engine(self.folder / "spill")


@dataclass
class Contents:
    """A file as it was understood. `found` are its observations (`FOUND`), `rejects` its other rows (`REJECT_ROWS`)."""

    found: Stage
    rejects: Stage
    rows_in: int = 0
    rows_good: int = 0
    reject_codes: Counter[str] = field(default_factory=Counter)
    unplaced: dict[str, Any] | None = None
    first_rejects: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    rows_of_date: Counter[dt.date] = field(default_factory=Counter)
    holds: list[Hold] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    quality: dict[str, Any] = field(default_factory=dict)
    page: str = ""

    @property
    def rows_parked(self) -> int:
        """Rows that wait for the master data."""
        return sum(self.reject_codes[code] for code in PARKED)

    @property
    def rows_rejected(self) -> int:
        """Rows with a reason why they are not published."""
        return sum(self.reject_codes.values()) - self.rows_parked

    def leave_out(self, dates: set[dt.date]) -> None:
        """Drop the observations of some dates: a later file counts for them."""
        if not dates & set(self.rows_of_date):
            return

        def others() -> Iterator[pa.Table]:
            for rows in self.found:
                gone = pc.is_in(rows.column("business_date"), pa.array(sorted(dates), pa.date32()))
                inputs = pc.sum(rows.filter(gone).column("inputs")).as_py() or 0
                self.rows_good -= inputs
                self.dropped["superseded"] += inputs
                yield rows.filter(pc.invert(gone))

        self.found = self.found.replace(list(others()))
        self.rows_of_date = Counter({date: rows for date, rows in self.rows_of_date.items() if date not in dates})

    def reject(self, rows: pa.Table) -> None:
        """Count and keep rejects (`REJECT_ROWS`)."""
        if not len(rows):
            return
        counts = counted(rows.column("code"))
        self.reject_codes.update(counts)
        self.rejects.add(rows)
        faults = rows.filter(pc.not_equal(rows.column("code"), UNMAPPED))
        for code in counts.keys() - self.first_rejects.keys():
            chosen = rows.filter(pc.equal(rows.column("code"), code))
            self.first_rejects[code] = chosen.take(pc.sort_indices(chosen.column("line"))[:1]).to_pylist()[0]
        if self.unplaced is None and len(faults):
            whole = [pc.is_valid(faults.column(name)) for name in KEY]
            lost = faults.filter(pc.invert(pc.and_(pc.and_(whole[0], whole[1]), whole[2])))
            self.unplaced = lost.slice(0, 1).to_pylist()[0] if len(lost) else None


def batches(path: Path, name: str, feed: Feed, folder: Path, read: Contents) -> Iterator[tuple[str, Notes, Batch]]:
    """Every batch of every member of a file, with what is known of the member so far."""
    outer = Notes()
    kind = feed.format.kind
    members = unpack.members(path, name, kind, folder, unpack.Limits(), outer, feed.landing.members)
    _note(outer, read, name)
    for member in members if not outer.holds else ():
        read.sources.append(member.name)
        contradiction = content.contradiction(member.path, kind)
        notes = Notes(holds=[contradiction] if contradiction else [])
        if not contradiction:
            for batch in reader_of(kind)(member.path, member.name, feed, notes):
                yield member.name, notes, batch
        _note(notes, read, member.name, names_file=len(members) > 1)
    shutil.rmtree(folder, ignore_errors=True)


def _note(notes: Notes, read: Contents, source: str, *, names_file: bool = False) -> None:
    place = f"`{source}`: " if names_file else ""
    more = "; `landing.members` leaves out what is no report" if names_file else ""
    for hold in notes.holds:
        read.holds.append(Hold(hold.code, CONTROL.sub(" ", place + hold.what), hold.fix + more))
    shown = Counter(one.code for one in notes.warnings)
    for one in notes.warnings:
        read.warnings.append({"code": one.code, "source": source, "line": one.line, "what": one.what})
    for code, count in notes.warned.items():
        if count > shown[code]:
            read.warnings.append({"code": code, "source": source, "line": 0, "what": f"{count - shown[code]} more"})
    read.controls += [{"sender": c.sender, "receiver": c.receiver, "number": c.number} for c in notes.controls]


def counted(column: pa.ChunkedArray) -> dict[Any, int]:
    """How often each value of a column stands in it."""
    counted = pc.value_counts(column)
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


def observations(found: Stage, constants: Mapping[str, Any], sources: list[str]) -> Iterator[pa.Table]:
    """The observations of a file as rows of the table: what all rows share is added here."""
    names = pa.array(sources or [""], pa.string())
    for rows in found:
        shared = {
            name: _repeated(value, OBSERVATIONS[name].to_pyarrow(), len(rows)) for name, value in constants.items()
        }
        source = pa.DictionaryArray.from_arrays(rows.column(SOURCE).combine_chunks().cast(pa.int32()), names)
        given = {name: rows.column(name) for name in rows.column_names} | shared | {"source_file": source}
        yield pa.table({name: given[name] for name in OBSERVATIONS.names})


def _repeated(value: Any, kind: pa.DataType, times: int) -> pa.Array:
    """One value as a column that takes little room."""
    if value is None:
        return pa.nulls(times, kind)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), times), pa.array([value], kind))

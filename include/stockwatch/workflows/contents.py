"""What one partner file says: every row published, rejected with a reason, parked or dropped by a rule.

A file is read in batches. What a batch can tell alone (dates, quantities, codes) is bound at once; ids, repeats, totals
and ranges need the whole file and come second. Memory is bounded by a batch, not by the file.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds import binding, content, unpack
from include.stockwatch.adapters.feeds.binding import BOUND, UNMAPPED, ControlTotal
from include.stockwatch.adapters.feeds.faults import Fault
from include.stockwatch.adapters.feeds.formats import reader_of
from include.stockwatch.adapters.feeds.raw import BATCH_ROWS, PLACE, Batch, Notes
from include.stockwatch.adapters.lake import bounded_engine
from include.stockwatch.domain import gtin
from include.stockwatch.domain.columns import OBSERVATIONS
from include.stockwatch.domain.repeats import KEY, Repeats, merged
from include.stockwatch.domain.reported import MEASURES, AbsentMeans
from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.rejected import REJECT_ROWS, Late, describe, late_rejects, reject_rows
from include.stockwatch.workflows.stage import Stage

if TYPE_CHECKING:
    from include.stockwatch.adapters.quality import Limits, Quality

SOURCE = "source"
KEYED = pa.schema([pa.field("item_id", pa.string()) if f.name == "item_text" else f for f in BOUND])
KEYED = KEYED.remove(KEYED.get_field_index("pack_unit")).append(pa.field(SOURCE, pa.int64()))
FOUND = pa.schema([*KEYED, pa.field("inputs", pa.int64())])
PARKED = ("UNKNOWN_ITEM", "UNKNOWN_LOCATION")
"""Codes of rows that wait: they are loaded by themselves once the master data know the item or the location."""

PASS_ROWS = 4_000_000
"""Rows of a large file that are put together at once, those of some items: what a pass holds cannot go to disk."""
MOST_DIFFERENT = 200_000
"""Different values of a column that are kept for the checks of a file; beyond it the extremes alone."""


class Decision(StrEnum):
    """What a person said about a held file."""

    RELEASE = "release"  # publish every row that can be read, those that fail a check included
    RELEASE_PASSING = "release_passing"  # publish the rows that pass
    DISCARD = "discard"


@dataclass(frozen=True)
class Known:
    """What the master data of a partner know; None where there are none: nothing is parked then.

    `items` maps what partners call an item to its id as it is stored, `packs` gives the pieces of a unit by item id.
    """

    items: Mapping[str, str] | None = None
    locations: frozenset[str] | None = None
    packs: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass
class Contents:
    """A file as it was understood. `found` are its observations (`FOUND`), `rejects` its other rows (`REJECT_ROWS`)."""

    found: Stage
    rejects: Stage
    rows_in: int = 0
    rows_good: int = 0
    reject_codes: Counter[str] = field(default_factory=Counter)
    unplaced: dict[str, Any] | None = None
    first_reject: dict[str, Any] | None = None
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
        self.reject_codes.update(_counted(rows.column("code")))
        self.rejects.add(rows)
        faults = rows.filter(pc.not_equal(rows.column("code"), UNMAPPED))
        if self.first_reject is None or (self.first_reject["code"] == UNMAPPED and len(faults)):
            chosen = faults if len(faults) else rows
            self.first_reject = chosen.take(pc.sort_indices(chosen.column("line"))[:1]).to_pylist()[0]
        if self.unplaced is None and len(faults):
            whole = [pc.is_valid(faults.column(name)) for name in KEY]
            lost = faults.filter(pc.invert(pc.and_(pc.and_(whole[0], whole[1]), whole[2])))
            self.unplaced = lost.slice(0, 1).to_pylist()[0] if len(lost) else None


def read_contents(
    path: Path,
    name: str,
    feed_id: str,
    feed: Feed,
    received: dt.date,
    *,
    known: Known,
    limits: Callable[[Iterable[dt.date]], Limits],
    decision: Decision | None,
    folder: Path,
    engine: Any,
) -> Contents:
    """Read a file whole. `limits` says which dates make sense and how many rows of them are usual.

    `decision` is what a person said of the file, if it was held before.

    Every row of the file is counted once: rows_in = rows_good + rows rejected + parked + dropped.
    """
    shutil.rmtree(folder, ignore_errors=True)
    read = Contents(Stage(folder / "found", FOUND), Stage(folder / "rejects", REJECT_ROWS))
    bound = Stage(folder / "bound", BOUND.append(pa.field(SOURCE, pa.int64())))
    pending = Stage(folder / "pending", REJECT_ROWS)
    totals: list[ControlTotal] = []
    texts: Counter[str] = Counter()
    place = 0
    for source, notes, batch in batches(path, name, feed, folder / "members", read):
        first_place, place = place, place + len(batch.rows)
        came = len(batch.rows) + len(batch.rejects)
        read.rows_in += came
        period = _period(feed, source, notes, received, read)
        if period is _NO_PERIOD:
            read.reject_codes["FILE_HELD"] += came
            continue
        part = binding.bind(batch, feed, period, first_place)
        read.dropped += part.dropped
        totals += part.totals
        texts.update(_counted(part.rows.column("item_text")))
        bound.add(part.rows.append_column(SOURCE, pa.repeat(pa.scalar(len(read.sources) - 1), len(part.rows))))
        pending.add(reject_rows(part.rejects, source))
    bound.settle()
    ids = _resolve(texts, feed, read)
    for rejects in pending:
        read.reject(_placed(rejects, ids, feed))
    late = Late()
    keyed = _keyed(bound, ids, feed, known, late, folder)
    _check_totals(keyed, totals, read)
    checked = _merge(keyed, feed, late, folder, engine)
    _validate(checked, keyed, feed_id, feed, limits, decision, late, read, engine)
    _reject_late(late, path, name, feed, folder, read)
    read.holds += _verdicts(read, feed)
    if decision in (Decision.RELEASE, Decision.RELEASE_PASSING):
        read.holds = [hold for hold in read.holds if not hold.code.is_releasable]
    return read


# --- reading and binding, batch by batch


_NO_PERIOD: Any = object()


def batches(path: Path, name: str, feed: Feed, folder: Path, read: Contents) -> Iterator[tuple[str, Notes, Batch]]:
    """Every batch of every member of a file, with what is known of the member so far."""
    outer = Notes()
    kind = feed.format.kind
    members = unpack.members(path, name, kind, folder, unpack.Limits(), outer)
    _note(outer, read, name)
    for member in members if not outer.holds else ():
        read.sources.append(member.name)
        contradiction = content.contradiction(member.path, kind)
        if contradiction:
            read.holds.append(contradiction)
            continue
        notes = Notes()
        for batch in reader_of(kind)(member.path, member.name, feed, notes):
            yield member.name, notes, batch
        _note(notes, read, member.name)
    shutil.rmtree(folder, ignore_errors=True)


def _note(notes: Notes, read: Contents, source: str) -> None:
    read.holds += notes.holds
    shown = Counter(one.code for one in notes.warnings)
    for one in notes.warnings:
        read.warnings.append({"code": one.code, "source": source, "line": one.line, "what": one.what})
    for code, count in notes.warned.items():
        if count > shown[code]:
            read.warnings.append({"code": code, "source": source, "line": 0, "what": f"{count - shown[code]} more"})
    read.controls += [{"sender": c.sender, "receiver": c.receiver, "number": c.number} for c in notes.controls]


def _period(feed: Feed, source: str, notes: Notes, received: dt.date, read: Contents) -> Any:
    """The period of the whole file, None where every row has its own date."""
    if feed.date is None or feed.date.source == "column":
        return None
    sought = Notes(preamble=notes.preamble)
    found = binding.period_of(feed.date, source, sought, received)
    if found is None and not any(hold.code is HoldCode.NO_DATE for hold in read.holds):
        read.holds += sought.holds
    return found or _NO_PERIOD


def _counted(column: pa.ChunkedArray) -> dict[Any, int]:
    """How often each value of a column stands in it."""
    counted = pc.value_counts(column)
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


# --- ids


@dataclass(frozen=True)
class Ids:
    """The id of every item text of a file, and the code of those that have none."""

    of: Mapping[str, str]
    lossy: frozenset[str] = frozenset()


def _resolve(texts: Counter[str], feed: Feed, read: Contents) -> Ids:
    """What the item texts of the whole file are."""
    scientific = frozenset(text for text in texts if gtin.SCIENTIFIC.fullmatch(text))
    if feed.item_id.kind == "partner":
        return Ids({text: binding.item_id(text, feed) for text in texts if text not in scientific}, scientific)
    found = gtin.resolve(texts, repair=feed.item_id.repair)
    share = f"{found.pass_share:.0%} of {len(texts)} different numbers have a valid check digit"
    if found.verdict is gtin.Verdict.UNCLEAR:
        what = f"{share}: too few to be GTINs, too many to lack the digit"
        fix = "ask the partner what the column holds; `item_id.kind: partner` takes the numbers as they are"
        read.holds.append(Hold(HoldCode.ID_REPAIR_UNCLEAR, what, fix))
    elif found.repaired:
        what = "check digits were put back" if found.verdict is gtin.Verdict.NO_CHECK_DIGITS else "zeros were put back"
        read.warnings.append({"code": "IDS_REPAIRED", "source": "", "line": 0, "what": f"{share}: {what}"})
    return Ids(found.gtins, found.lossy)


def _placed(rejects: pa.Table, ids: Ids, feed: Feed) -> pa.Table:
    """Rejects with their item as it is stored, where that is known."""

    def meaning(text: str | None) -> str | None:
        if text is None or gtin.SCIENTIFIC.fullmatch(text):
            return None
        if feed.item_id.kind == "partner":
            return binding.item_id(text, feed)
        digits = gtin.cleaned(text)
        return ids.of.get(text) or (digits.zfill(14) if gtin.is_gtin(digits) else None)

    place = rejects.column_names.index("item_id")
    return rejects.set_column(place, REJECT_ROWS.field("item_id"), _mapped(rejects.column("item_id"), meaning))


def _keyed(bound: Stage, ids: Ids, feed: Feed, known: Known, late: Late, folder: Path) -> Stage:
    """Bound rows with their ids and in pieces; rows of unknown items and locations are set aside."""
    keyed = Stage(folder / "keyed", KEYED)
    column = feed.item_id.column or "item"
    for rows in bound:
        items = _mapped(rows.column("item_text"), lambda text: _item(text, ids, known))
        rows = rows.set_column(rows.column_names.index("item_text"), "item_id", items)
        for fault, bad, has_item in _late_faults(rows, feed, ids, known, column):
            if bad.any():
                late.add(rows.filter(pa.array(bad)), fault, has_item=has_item)
                rows = rows.filter(pa.array(~bad))
        keyed.add(_unpacked(rows, known, late, feed).select(KEYED.names).cast(KEYED))
    keyed.settle()
    return keyed


def _item(text: str, ids: Ids, known: Known) -> str:
    """The id of an item, or its text behind a mark that it is none."""
    if text in ids.lossy:
        return LOSSY + text
    found = ids.of.get(text)
    if found is None:
        return BROKEN + text
    return (known.items or {}).get(found, found)


LOSSY, BROKEN = "\x00lossy:", "\x00broken:"  # no id holds a NUL: binding strips control characters


def _late_faults(
    rows: pa.Table, feed: Feed, ids: Ids, known: Known, column: str
) -> Iterator[tuple[Fault, np.ndarray, bool]]:
    kept = np.ones(len(rows), dtype=bool)

    def of(name: str, test: Any) -> np.ndarray:
        flags = _mapped(rows.column(name), lambda text: "1" if test(text) else "")
        hit = pc.equal(flags, "1").to_numpy(zero_copy_only=False)[kept]
        kept[np.flatnonzero(kept)[hit]] = False
        return np.asarray(hit)

    if ids.lossy:
        fix = "export the column as text: a spreadsheet has rounded the number"
        fault = Fault("LOSSY_ID", column, "an id in scientific notation has lost digits", fix)
        yield fault, of("item_id", lambda text: text.startswith(LOSSY)), False
    if feed.item_id.kind == "gtin":
        fix = "correct the GTIN, or set `item_id.kind: partner` if these are the partner's own numbers"
        fault = Fault("BAD_GTIN", column, "not a GTIN with a valid check digit", fix)
        yield fault, of("item_id", lambda text: text.startswith(BROKEN)), False
    if known.items is not None:
        stored = frozenset(known.items.values())
        fix = "nothing to do: the row waits, and is loaded when the item master has it"
        fault = Fault("UNKNOWN_ITEM", column, "the item master does not have this item", fix)
        yield fault, of("item_id", lambda text: text not in stored), True
    if known.locations is not None:
        fix = "nothing to do: the row waits, and is loaded when the location master has it"
        where = feed.location_id.column or "location"
        fault = Fault("UNKNOWN_LOCATION", where, "the location master does not have this location", fix)
        yield fault, of("location_id", lambda text: text not in (known.locations or ())), True


def _mapped(column: pa.ChunkedArray, meaning: Any) -> pa.Array:
    """A text column with the meaning of each of its different texts."""
    coded = column.combine_chunks().dictionary_encode()
    return pa.array([meaning(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _unpacked(rows: pa.Table, known: Known, late: Late, feed: Feed) -> pa.Table:
    """Rows in pieces, where the item master knows the pack; the others are rejected."""
    waiting = rows.column("pack_unit")
    if waiting.null_count == len(rows):
        return rows
    keys = zip(rows.column("item_id").to_pylist(), waiting.to_pylist(), strict=True)
    pieces = np.array([1.0 if unit is None else known.packs.get((item, unit), np.nan) for item, unit in keys])
    bad = np.isnan(pieces)
    if bad.any():
        fix = "give the pack in `units.packs`, or load an item master that has it"
        where = feed.units.column or "unit"
        late.add(rows.filter(pa.array(bad)), Fault("UNIT_UNKNOWN", where, "no pack size for this unit", fix))
        rows, pieces = rows.filter(pa.array(~bad)), pieces[~bad]
    for name in MEASURES:
        place = rows.column_names.index(name)
        rows = rows.set_column(place, name, pc.multiply(rows.column(name), pa.array(pieces)))
    return rows


# --- repeats and totals


def _check_totals(keyed: Stage, totals: list[ControlTotal], read: Contents) -> None:
    for total in totals:
        got = sum(pc.sum(rows.column(total.measure)).as_py() or 0.0 for rows in keyed)
        if abs(got - total.value) > 1e-6 * max(1.0, abs(total.value)):
            what = f"line {total.line} states {total.value:g} {total.measure}, the rows add up to {got:g}"
            read.holds.append(Hold(HoldCode.TOTAL_DIFFERS, what, "ask the partner for the whole file"))


def _merge(keyed: Stage, feed: Feed, late: Late, folder: Path, engine: Any) -> Stage:
    """One row per date, location and item. Rows that contradict each other are set aside."""
    found = Stage(folder / "found", FOUND)
    if feed.codes is None and not _repeats(keyed):
        for rows in keyed:
            found.add(rows.append_column("inputs", pa.repeat(pa.scalar(1), len(rows))))
        return found
    engine = bounded_engine(folder / "spill") if keyed.files else engine
    table = keyed.table(engine)
    passes = -(-len(keyed) // PASS_ROWS)
    for number in range(passes):
        # the engine's hash may be negative, and so its remainder
        part = table if passes == 1 else table.filter((table.item_id.hash() % passes + passes) % passes == number)
        for rows in keyed.results(engine, merged(part, Repeats(feed.repeats), PLACE)):
            clash = rows.column("is_conflict")
            if pc.any(clash).as_py():
                _set_aside(rows.filter(clash), part, feed, late, engine)
                rows = rows.filter(pc.invert(clash))
            found.add(rows.select(FOUND.names).cast(FOUND))
    return found


def _set_aside(keys: pa.Table, table: Any, feed: Feed, late: Late, engine: Any) -> None:
    import ibis

    fault = Fault(
        "DUPLICATE_KEY",
        feed.item_id.column or "item",
        "the same date, location and item more than once",
        "ask the partner which of the rows counts, or say in `repeats` what repeated rows mean; none is published",
    )
    late.add(engine.to_pyarrow(table.semi_join(ibis.memtable(keys.select(list(KEY))), list(KEY))), fault)


def _repeats(keyed: Stage) -> bool:
    """Whether any date, location and item has several rows: exact, on a number for each key."""
    codes: dict[str, dict[str, int]] = {"location_id": {}, "item_id": {}}
    parts = []
    for rows in keyed:
        key = rows.column("business_date").cast(pa.int32()).to_numpy().astype(np.int64)
        for name, known in codes.items():
            coded = rows.column(name).combine_chunks().dictionary_encode()
            numbers = np.array([known.setdefault(text, len(known)) for text in coded.dictionary.to_pylist()])
            key = (key << 24) | numbers.astype(np.int64)[coded.indices.to_numpy()] if len(rows) else key
        parts.append(key)
    every = np.concatenate(parts) if parts else np.empty(0, np.int64)
    every.sort()
    return bool((every[1:] == every[:-1]).any())


# --- quality


def _validate(
    checked: Stage,
    keyed: Stage,
    feed_id: str,
    feed: Feed,
    limits: Callable[[Iterable[dt.date]], Limits],
    decision: Decision | None,
    late: Late,
    read: Contents,
    engine: Any,
) -> None:
    """Check what is to be published; rows that fail are set aside, unless a person has released them."""
    from include.stockwatch.adapters import quality

    waiting = late.count(*PARKED)
    digest = _digest(checked, late.count("DUPLICATE_KEY"), waiting / read.rows_in if read.rows_in else 0.0, read)
    if not read.rows_of_date and not len(late):
        read.found = checked
        return
    results = [quality.validate(digest, feed_id, feed, limits(read.rows_of_date))]
    faults: list[quality.Fault] = list(results[0].faults)
    if feed.quality.expectations:
        results += [quality.validate_rows(rows.to_pandas(), feed_id, feed) for rows in checked]
    failing = [fault for fault in faults if fault.values and fault.code != "DUPLICATE_KEY"]
    holding = [fault for fault in faults if not fault.values and fault.code != "DUPLICATE_KEY"]
    by_rows = results[1:]
    holding += [fault for result in by_rows for fault in result.faults if not fault.lines]
    read.holds += list(dict.fromkeys(map(_hold_of, holding)))
    read.quality = {
        "success": all(result.success for result in results),
        "checks": [check for result in results[:2] for check in result.summary["checks"]],
    }
    read.page = "".join(result.page for result in results[:2])
    if decision is not Decision.RELEASE and (failing or any(fault.lines for r in by_rows for fault in r.faults)):
        checked = _without_failing(checked, keyed, failing, by_rows, late, engine)
    read.found = checked
    read.rows_of_date = Counter()
    for rows in checked:
        read.rows_of_date.update(_counted(rows.column("business_date")))
        read.rows_good += pc.sum(rows.column("inputs")).as_py()


def _hold_of(fault: Any) -> Hold:
    known = {code.value: code for code in HoldCode}
    code = known.get(fault.code, HoldCode.NOT_VALIDATED)
    return Hold(code, fault.reason if code.value == fault.code else f"{fault.code}: {fault.reason}", fault.fix)


def _digest(checked: Stage, repeated: int, unknown_share: float, read: Contents) -> Any:
    """The different values of what is to be published."""
    from include.stockwatch.adapters.quality import Digest

    values: dict[str, Any] = {name: np.empty(0) for name in (*MEASURES, "price")}
    dates: Counter[dt.date] = Counter()
    for rows in checked:
        dates.update(_counted(rows.column("business_date")))
        for name, before in values.items():
            found = pc.drop_null(pc.unique(rows.column(name))).to_numpy(zero_copy_only=False)
            every = np.unique(np.concatenate([before, found]))
            values[name] = every if len(every) <= MOST_DIFFERENT else every[[0, -1]]
    read.rows_of_date = dates
    keys = (1, 2) if repeated else (1,)
    return Digest({**values, "business_date": sorted(dates)}, dates, keys, unknown_share)


def _without_failing(
    checked: Stage, keyed: Stage, failing: list[Any], by_rows: list[Quality], late: Late, engine: Any
) -> Stage:
    """What passes; the rows behind what does not are set aside."""

    def passing() -> Iterator[pa.Table]:
        for place, rows in enumerate(checked):
            bad = np.zeros(len(rows), dtype=bool)
            for fault in failing:
                column = rows.column(fault.column)
                wanted = pa.array(_plain(fault.values), column.type)
                hit = pc.fill_null(pc.is_in(column, wanted), False).to_numpy(zero_copy_only=False) & ~bad
                _fail(rows.filter(pa.array(hit)), keyed, fault, late, engine)
                bad |= hit
            for fault in by_rows[place].faults if by_rows else ():
                hit = np.zeros(len(rows), dtype=bool)
                hit[list(fault.lines)] = True
                _fail(rows.filter(pa.array(hit & ~bad)), keyed, fault, late, engine)
                bad |= hit
            yield rows.filter(pa.array(~bad)) if bad.any() else rows

    return checked.replace(list(passing()) if not checked.files else passing())


def _plain(values: Iterable[Any]) -> list[Any]:
    return [value.date() if hasattr(value, "date") else value for value in values]


def _fail(rows: pa.Table, keyed: Stage, fault: Any, late: Late, engine: Any) -> None:
    """Set aside the rows of the file behind some observations."""
    import ibis

    if not len(rows):
        return
    said = Fault(fault.code, fault.field, fault.reason, fault.fix)
    late.add(rows, said)
    several = rows.filter(pc.greater(rows.column("inputs"), 1))
    if len(several):
        keys = ibis.memtable(several.select(list(KEY)))
        late.add(engine.to_pyarrow(keyed.table(engine).semi_join(keys, list(KEY))), said)


# --- rejects that were found late, and what they mean for the file


def _reject_late(late: Late, path: Path, name: str, feed: Feed, folder: Path, read: Contents) -> None:
    """Write the late rejects, with value and row as they came: the file is read again for them."""
    if not len(late):
        return
    places, rows = late.in_order()
    again = Contents(read.found, read.rejects)
    place = 0
    for source, _, batch in batches(path, name, feed, folder / "members", again):
        first_place, place = place, place + len(batch.rows)
        start, end = np.searchsorted(places, [first_place, place])
        if start < end:
            texts = batch.rows.take(pa.array(places[start:end] - first_place))
            read.reject(late_rejects(texts, rows.slice(start, end - start), late.faults, source))


def _verdicts(read: Contents, feed: Feed) -> Iterator[Hold]:
    """Reasons to hold the file that lie in its rejects."""
    if not read.rows_in and not read.holds:
        fix = "no row never means no stock; ask the partner to send the file again"
        yield Hold(HoldCode.NO_ROWS, "the file has no rows", fix)
    faults = Counter({c: n for c, n in read.reject_codes.items() if c not in (*PARKED, UNMAPPED, "FILE_HELD")})
    if read.unplaced and feed.absent_means is not AbsentMeans.UNKNOWN:
        what = f"a row without a readable date, location or item: {describe(read.unplaced)}"
        why = f"an absent row means {feed.absent_means} at this feed, so a lost row would pass for a statement"
        yield Hold(HoldCode.UNPLACED_ROWS, f"{what}; {why}", "mend these rows, or release the file as it is")
    bad = sum(faults.values())
    share = bad / read.rows_in if read.rows_in else 0.0
    if share > feed.quality.max_rejected_share and read.first_reject:
        codes = ", ".join(f"{code} {count}" for code, count in faults.most_common(3))
        limit = f"{share:.1%}; limit {feed.quality.max_rejected_share:.1%}"
        what = f"{bad} of {read.rows_in} rows rejected ({limit}): {codes}"
        yield Hold(HoldCode.TOO_MANY_REJECTS, what, f"start with {describe(read.first_reject)}")
    if feed.codes and read.rows_in and not read.rows_good and not bad and read.reject_codes[UNMAPPED]:
        what = f"none of the {read.rows_in} values has a code that the profile knows"
        yield Hold(HoldCode.LAYOUT_CHANGED, what, "say what the codes mean in `codes.measures`")


def observations(found: Stage, constants: Mapping[str, Any], sources: list[str]) -> Iterator[pa.RecordBatch]:
    """The observations of a file as rows of the table: what all rows share is added here."""
    schema = OBSERVATIONS.to_pyarrow()
    names = pa.array(sources or [""], pa.string())
    for rows in found:
        columns = []
        for one in schema:
            if one.name == "source_file":
                columns.append(names.take(rows.column(SOURCE).combine_chunks()))
            elif one.name in constants:
                columns.append(pa.repeat(pa.scalar(constants[one.name], one.type), len(rows)))
            else:
                columns.append(rows.column(one.name).cast(one.type))
        yield from pa.table(columns, schema=schema).to_batches(max_chunksize=BATCH_ROWS)

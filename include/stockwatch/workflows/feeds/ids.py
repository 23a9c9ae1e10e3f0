"""The ids of a file's rows: what the item texts of the whole file are, and whether the master data know them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds import binding
from include.stockwatch.adapters.feeds.faults import Fault
from include.stockwatch.domain import gtin
from include.stockwatch.domain.reported import MEASURES
from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.feeds.contents import KEYED, Contents, File
from include.stockwatch.workflows.feeds.known import Known
from include.stockwatch.workflows.feeds.rejected import REJECT_ROWS, Late
from include.stockwatch.workflows.feeds.stage import Stage


@dataclass(frozen=True)
class Ids:
    """The id of every item text of a file, and the code of those that have none."""

    of: Mapping[str, str]
    lossy: frozenset[str] = frozenset()


def resolve(texts: Counter[str], feed: Feed, read: Contents) -> Ids:
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


def placed(rejects: pa.Table, ids: Ids, feed: Feed) -> pa.Table:
    """Rejects with their item as it is stored, where that is known."""

    def meaning(text: str | None) -> str | None:
        if text is None or gtin.SCIENTIFIC.fullmatch(text):
            return None
        if feed.item_id.kind == "partner":
            return binding.item_id(text, feed)
        digits = gtin.cleaned(text)
        return ids.of.get(text) or (digits.zfill(14) if gtin.is_gtin(digits) else None)

    place = rejects.column_names.index("item_id")
    items = _mapped(rejects.column("item_id"), meaning).cast(pa.string())
    return rejects.set_column(place, REJECT_ROWS.field("item_id"), items)


def keyed(bound: Stage, ids: Ids, known: Known, file: File, late: Late) -> Stage:
    """Bound rows with their ids and in pieces; rows of unknown items and locations are set aside."""
    found, feed = Stage(file.folder / "keyed", KEYED), file.feed
    column = feed.item_id.column or "item"
    for rows in bound:
        items = _mapped(rows.column("item_text"), lambda text: _item(text, ids, known))
        rows = rows.set_column(rows.column_names.index("item_text"), "item_id", items)
        for fault, bad, has_item in _late_faults(rows, feed, ids, known, column):
            if bad.any():
                late.add(rows.filter(pa.array(bad)), fault, has_item=has_item)
                rows = rows.filter(pa.array(~bad))
        found.add(_unpacked(rows, known, late, feed).select(KEYED.names).cast(KEYED))
    found.settle()
    return found


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
    texts = column.unify_dictionaries().combine_chunks().dictionary_encode()
    return binding.coded(map(meaning, texts.dictionary.to_pylist()), texts.indices)


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

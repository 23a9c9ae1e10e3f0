"""One row per date, location and item, out of as many as a file has of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds.binding import ControlTotal
from include.stockwatch.adapters.feeds.faults import Fault
from include.stockwatch.adapters.feeds.raw import PLACE
from include.stockwatch.domain.repeats import KEY, Repeats, merged
from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.workflows.feeds.contents import FOUND, Contents, File
from include.stockwatch.workflows.feeds.rejected import Late
from include.stockwatch.workflows.feeds.stage import Stage

PASS_ROWS = 2_500_000
"""Rows of a large file that are put together at once, those of some items: what a pass holds cannot go to disk."""


def check_totals(keyed: Stage, totals: list[ControlTotal], read: Contents) -> None:
    """Hold a file whose rows do not add up to what it states: each total, or the sum of those of several exports."""
    for measure in dict.fromkeys(total.measure for total in totals):
        stated = [total for total in totals if total.measure == measure]
        got = sum(pc.sum(rows.column(measure)).as_py() or 0.0 for rows in keyed)
        if _is_close(got, sum(total.value for total in stated)):
            continue
        for total in stated:
            if not _is_close(got, total.value):
                what = f"line {total.line} states {total.value:g} {measure}, the rows add up to {got:g}"
                read.holds.append(Hold(HoldCode.TOTAL_DIFFERS, what, "ask the partner for the whole file"))


def _is_close(got: float, stated: float) -> bool:
    return abs(got - stated) <= 1e-6 * max(1.0, abs(stated))


def merge(keyed: Stage, file: File, late: Late) -> Stage:
    """One row per date, location and item. Rows that contradict each other are set aside."""
    found, feed = Stage(file.folder / "found", FOUND), file.feed
    if feed.codes is None and not _repeats(keyed):
        for rows in keyed:
            found.add(rows.append_column("inputs", pa.repeat(pa.scalar(1), len(rows))))
        return found
    table = keyed.table(file.engine)
    passes = -(-len(keyed) // PASS_ROWS)
    for number in range(passes):
        # the engine's hash may be negative, and so its remainder
        part = table if passes == 1 else table.filter((table.item_id.hash() % passes + passes) % passes == number)
        for rows in keyed.results(file.engine, merged(part, Repeats(feed.repeats), PLACE)):
            clash = rows.column("is_conflict")
            if pc.any(clash).as_py():
                _set_aside(rows.filter(clash), part, file, late)
                rows = rows.filter(pc.invert(clash))
            found.add(rows.select(FOUND.names).cast(FOUND))
    return found


def _set_aside(keys: pa.Table, table: Any, file: File, late: Late) -> None:
    import ibis

    fault = Fault(
        "DUPLICATE_KEY",
        file.feed.item_id.column or "item",
        "the same date, location and item more than once",
        "ask the partner which of the rows counts, or say in `repeats` what repeated rows mean; none is published",
    )
    late.add(file.engine.to_pyarrow(table.semi_join(ibis.memtable(keys.select(list(KEY))), list(KEY))), fault)


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

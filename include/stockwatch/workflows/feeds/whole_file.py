"""Read one partner file whole, in batches: memory is bounded by a batch, not by the file.

What a batch can tell alone (dates, quantities, codes) is bound at once; ids, repeats, totals and ranges need the whole
file and come second.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds import binding
from include.stockwatch.adapters.feeds.binding import BOUND, UNMAPPED, ControlTotal
from include.stockwatch.adapters.feeds.raw import LINE, Notes
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.feeds.contents import (
    FOUND,
    PARKED,
    SOURCE,
    Contents,
    Decision,
    File,
    batches,
    counted,
)
from include.stockwatch.workflows.feeds.ids import Ids, keyed, placed, resolve
from include.stockwatch.workflows.feeds.known import Known
from include.stockwatch.workflows.feeds.merging import check_totals, merge
from include.stockwatch.workflows.feeds.rejected import REJECT_ROWS, Late, describe, late_rejects, reject_rows
from include.stockwatch.workflows.feeds.stage import Stage
from include.stockwatch.workflows.feeds.validating import validate

if TYPE_CHECKING:
    from include.stockwatch.adapters.quality import Limits


DAMAGED = re.compile("\ufffd|Ã[^\\x00-\\x7f]|â€")
"""A character that a program could not write, or UTF-8 that one took for cp1252."""


def read_contents(file: File, known: Known, limits: Callable[[Iterable[dt.date]], Limits]) -> Contents:
    """Read a file whole. `limits` says which dates make sense and how many rows of them are usual.

    Every row of the file is counted once: rows_in = rows_good + rows rejected + parked + dropped.
    """
    shutil.rmtree(file.folder, ignore_errors=True)
    read = Contents(Stage(file.folder / "found", FOUND), Stage(file.folder / "rejects", REJECT_ROWS))
    late = Late()
    bound, totals, ids = _bound(file, read)
    rows = keyed(bound, ids, known, file, late)
    check_totals(rows, totals, read)
    validate(merge(rows, file, late), rows, file, limits, late, read)
    _reject_late(late, file, read)
    read.holds += _verdicts(read, file.feed)
    if file.decision in (Decision.RELEASE, Decision.RELEASE_PASSING):
        read.holds = [hold for hold in read.holds if not hold.code.is_releasable]
    return read


def _bound(file: File, read: Contents) -> tuple[Stage, list[ControlTotal], Ids]:
    """What the batches tell one by one: rows that can be read, totals that the file states, and what its items are."""
    bound = Stage(file.folder / "bound", BOUND.append(pa.field(SOURCE, pa.int64())))
    rejects = Stage(file.folder / "pending", REJECT_ROWS)
    totals: list[ControlTotal] = []
    texts: Counter[str] = Counter()
    place = 0
    for source, notes, batch in batches(file.path, file.name, file.feed, file.folder / "members", read):
        first_place, place = place, place + len(batch.rows)
        came = len(batch.rows) + len(batch.rejects)
        read.rows_in += came
        period = _period(file, source, notes, read)
        if period is _NO_PERIOD:
            read.reject_codes["FILE_HELD"] += came
            continue
        part = binding.bind(batch, file.feed, period, first_place)
        _warn_of_damage(part.rows, source, read)
        read.dropped += part.dropped
        totals += part.totals
        texts.update(counted(part.rows.column("item_text")))
        bound.add(part.rows.append_column(SOURCE, pa.repeat(pa.scalar(len(read.sources) - 1), len(part.rows))))
        rejects.add(reject_rows(part.rejects, source))
    bound.settle()
    ids = resolve(texts, file.feed, read)
    for some in rejects:
        read.reject(placed(some, ids, file.feed))
    return bound, totals, ids


def _warn_of_damage(rows: pa.Table, source: str, read: Contents) -> None:
    """Warn, once for each column, of texts that lost characters before the file was written: the bytes are right."""
    warned = {one["field"] for one in read.warnings if one["code"] == "TEXT_DAMAGED"}
    for name in sorted({*binding.NAMES, "location_id"} - warned):
        found = next(filter(DAMAGED.search, filter(None, pc.unique(rows.column(name)).to_pylist())), None)
        if found:
            line = rows.column(LINE)[pc.index(rows.column(name).cast(pa.string()), found).as_py()].as_py()
            what = f"{name} `{found}`: characters were lost or doubled before the file was written"
            read.warnings.append({"code": "TEXT_DAMAGED", "source": source, "line": line, "what": what, "field": name})


_NO_PERIOD: Any = object()


def _period(file: File, source: str, notes: Notes, read: Contents) -> Any:
    """The period of the whole file, None where every row has its own date."""
    date = file.feed.date
    if date is None or date.source == "column":
        return None
    sought = Notes(preamble=notes.preamble)
    found = binding.period_of(date, (source, file.name), sought, file.received)
    if found is None and not any(hold.code is HoldCode.NO_DATE for hold in read.holds):
        read.holds += sought.holds
    return found or _NO_PERIOD


def _reject_late(late: Late, file: File, read: Contents) -> None:
    """Write the late rejects, with value and row as they came: the file is read again for them."""
    if not len(late):
        return
    places, rows = late.in_order()
    again = Contents(read.found, read.rejects)
    place = 0
    for source, _, batch in batches(file.path, file.name, file.feed, file.folder / "members", again):
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
    are_several = len(read.sources) > 1
    if read.unplaced and feed.absent_means is not AbsentMeans.UNKNOWN:
        what = f"a row without a readable date, location or item: {describe(read.unplaced, names_file=are_several)}"
        why = f"an absent row means {feed.absent_means} at this feed, so a lost row would pass for a statement"
        yield Hold(HoldCode.UNPLACED_ROWS, f"{what}; {why}", "mend these rows, or release the file as it is")
    bad = sum(faults.values())
    share = bad / read.rows_in if read.rows_in else 0.0
    if share > feed.quality.max_rejected_share:
        most = faults.most_common(3)
        codes = ", ".join(f"{code} {count}" for code, count in most)
        limit = f"{share:.1%}; limit {feed.quality.max_rejected_share:.1%}"
        what = f"{bad} of {read.rows_in} rows rejected ({limit}): {codes}"
        first = describe(read.first_rejects[most[0][0]], names_file=are_several)
        yield Hold(HoldCode.TOO_MANY_REJECTS, what, f"start with {first}")
    if feed.codes and read.rows_in and not read.rows_good and not bad and read.reject_codes[UNMAPPED]:
        what = f"none of the {read.rows_in} values has a code that the profile knows"
        yield Hold(HoldCode.LAYOUT_CHANGED, what, "say what the codes mean in `codes.measures`")

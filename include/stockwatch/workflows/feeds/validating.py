"""The checks of what a file would publish: rows that fail are set aside, or the whole file is held."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds.faults import Fault
from include.stockwatch.domain.repeats import KEY
from include.stockwatch.domain.reported import MEASURES
from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.workflows.feeds.contents import PARKED, Contents, Decision, File, counted
from include.stockwatch.workflows.feeds.rejected import Late
from include.stockwatch.workflows.feeds.stage import Stage

if TYPE_CHECKING:
    from include.stockwatch.adapters.quality import Limits, Quality

MOST_DIFFERENT = 200_000
"""Different values of a column that are kept for the checks of a file; beyond it the extremes alone."""


def validate(
    checked: Stage,
    keyed: Stage,
    file: File,
    limits: Callable[[Iterable[dt.date]], Limits],
    late: Late,
    read: Contents,
) -> None:
    """Check what is to be published; rows that fail are set aside, unless a person has released them."""
    from include.stockwatch.adapters import quality

    waiting = late.count(*PARKED)
    digest = _digest(checked, late.count("DUPLICATE_KEY"), waiting / read.rows_in if read.rows_in else 0.0, read)
    if not read.rows_of_date and not len(late):
        read.found = checked
        return
    results = [quality.validate(digest, file.feed_id, file.feed, limits(read.rows_of_date))]
    faults: list[quality.Fault] = list(results[0].faults)
    if file.feed.quality.expectations:
        results += [quality.validate_rows(rows.to_pandas(), file.feed_id, file.feed) for rows in checked]
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
    if file.decision is not Decision.RELEASE and (failing or any(fault.lines for r in by_rows for fault in r.faults)):
        checked = _without_failing(checked, keyed, failing, by_rows, late, file)
    read.found = checked
    read.rows_of_date = Counter()
    for rows in checked:
        read.rows_of_date.update(counted(rows.column("business_date")))
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
        dates.update(counted(rows.column("business_date")))
        for name, before in values.items():
            found = pc.drop_null(pc.unique(rows.column(name))).to_numpy(zero_copy_only=False)
            every = np.unique(np.concatenate([before, found]))
            values[name] = every if len(every) <= MOST_DIFFERENT else every[[0, -1]]
    read.rows_of_date = dates
    keys = (1, 2) if repeated else (1,)
    return Digest({**values, "business_date": sorted(dates)}, dates, keys, unknown_share)


def _without_failing(
    checked: Stage, keyed: Stage, failing: list[Any], by_rows: list[Quality], late: Late, file: File
) -> Stage:
    """What passes; the rows behind what does not are set aside."""

    def passing() -> Iterator[pa.Table]:
        for place, rows in enumerate(checked):
            bad = np.zeros(len(rows), dtype=bool)
            for fault in failing:
                column = rows.column(fault.column)
                wanted = pa.array(_plain(fault.values), column.type)
                hit = pc.fill_null(pc.is_in(column, wanted), False).to_numpy(zero_copy_only=False) & ~bad
                _fail(rows.filter(pa.array(hit)), keyed, fault, late, file)
                bad |= hit
            for fault in by_rows[place].faults if by_rows else ():
                hit = np.zeros(len(rows), dtype=bool)
                hit[list(fault.lines)] = True
                _fail(rows.filter(pa.array(hit & ~bad)), keyed, fault, late, file)
                bad |= hit
            yield rows.filter(pa.array(~bad)) if bad.any() else rows

    return checked.replace(list(passing()) if not checked.files else passing())


def _plain(values: Iterable[Any]) -> list[Any]:
    return [value.date() if hasattr(value, "date") else value for value in values]


def _fail(rows: pa.Table, keyed: Stage, fault: Any, late: Late, file: File) -> None:
    """Set aside the rows of the file behind some observations."""
    import ibis

    if not len(rows):
        return
    said = Fault(fault.code, fault.field, fault.reason, fault.fix)
    late.add(rows, said)
    several = rows.filter(pc.greater(rows.column("inputs"), 1))
    if len(several):
        keys = ibis.memtable(several.select(list(KEY)))
        late.add(file.engine.to_pyarrow(keyed.table(file.engine).semi_join(keys, list(KEY))), said)

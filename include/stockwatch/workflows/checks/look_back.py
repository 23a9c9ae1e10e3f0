"""Reads the look-back of some dates into matrices: which series there are, what they are called, what was reported."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.panel import Array, Codes, Mask, Panel

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

KEY = ("feed_id", *SERIES)
TEXTS = ("location_name", "item_name", "category", "currency")
"""Columns of which the latest reported value counts."""
MEASURED = tuple(Panel.__dataclass_fields__)
BATCH_ROWS = 1_000_000
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class LookBack:
    """Every series that was reported in the look-back of some dates, once for each date.

    `series` has `as_of`, the key and the texts that were last reported, ordered by date and key; `panel` a column for
    each of its rows.
    """

    series: pa.Table
    panel: Panel


def look_back(engine: Any, source: ir.Table, dates: Sequence[dt.date], lookback_days: int) -> LookBack:
    """The look-back of some dates from daily rows.

    Grain: source (feed_id, series, business_date) as `daily.daily`; others than those that some date looks back on are
           left out
    """
    import ibis

    dates = sorted(dates)
    span = (dates[-1] - dates[0]).days + lookback_days
    first = dates[-1] - dt.timedelta(days=span - 1)
    number_of = next(NUMBERS)
    asked, series_of = f"look_back_{number_of}", f"series_{number_of}"
    # a view, as it is asked five times, and ibis takes longer to write out the whole query than DuckDB for some answers
    rows = engine.create_view(asked, source.filter(source.business_date.between(first, dates[-1])))
    try:
        keys = engine.to_pyarrow(rows.select(*KEY).distinct().order_by(*KEY))
        number = np.arange(len(keys), dtype=np.int64)
        numbers = engine.create_table(series_of, ibis.memtable(keys.append_column("number", [number])), temp=True)
        numbered = rows.inner_join(numbers, list(KEY), rname="{name}_of_series")
        today = _today(engine, numbered, dates)
        told = _told(engine, rows, today)
        matrices, is_there = _matrices(engine, numbered, told, dates[-1], span, len(keys))
        since = [(dates[-1] - date).days for date in dates]
        windows = [np.flatnonzero(is_there[start : start + lookback_days].any(axis=0)) for start in since]
        chosen, day = np.concatenate(windows), np.repeat(np.arange(len(dates)), [len(window) for window in windows])
        series = keys.take(chosen).add_column(0, AS_OF, [np.array(dates, "datetime64[D]")[day]])
        for text, values in _texts(engine, numbered, today, told, dates, chosen, day, lookback_days).items():
            series = series.append_column(text, values)
    finally:
        engine.raw_sql(f"DROP VIEW {asked}; DROP TABLE IF EXISTS {series_of}")
    return LookBack(series, _windows(matrices, since, windows, lookback_days))


def _matrices(
    engine: Any, rows: ir.Table, told: Set[str], last: dt.date, days: int, series: int
) -> tuple[dict[str, Array], Mask]:
    """Measures by age and number of the series, and on which days there was a row at all; `told` are columns that have
    values."""
    import ibis

    nothing = np.broadcast_to(np.nan, (days, series))
    matrices: dict[str, Any] = dict.fromkeys(MEASURED, nothing)
    measured = [name for name in MEASURED if name in told]
    is_there = np.zeros((days, series), bool)

    def put(batch: pa.RecordBatch) -> None:
        place = batch["place"].to_numpy()
        is_there.ravel()[place] = True
        for name in measured:
            column = batch[name]
            if column.null_count == len(column):
                continue
            values = column.to_numpy(zero_copy_only=False)
            narrow = values.astype(np.float32)
            is_narrow = np.count_nonzero(narrow != values) == column.null_count  # as with whole units: nothing is lost
            if matrices[name] is nothing:
                matrices[name] = np.full((days, series), np.nan, np.float32)
            if matrices[name].dtype == np.float32 and not is_narrow:
                matrices[name] = matrices[name].astype(float)
            matrices[name].ravel()[place] = narrow if is_narrow else values

    age = ibis.literal(last).delta(rows.business_date, unit="day")
    asked = rows.select(*measured, place=age.cast("int64") * series + rows.number)
    # `to_pyarrow_batches` of ibis 12 does not work with DuckDB 2
    batches = engine.con.sql(ibis.to_sql(asked, dialect="duckdb")).to_arrow_reader(BATCH_ROWS)
    with ThreadPoolExecutor(1) as beside:  # a batch is put in its place while the next one is read
        placed: Future[None] | None = None
        for batch in batches:
            if placed is not None:
                placed.result()
            placed = beside.submit(put, batch)
        if placed is not None:
            placed.result()
    return matrices, is_there


def _windows(matrices: dict[str, Array], since: Sequence[int], windows: Sequence[Codes], days: int) -> Panel:
    """A column for each series of each date: the days that the date looks back on."""
    if len(since) == 1 and len(windows[0]) == next(iter(matrices.values())).shape[1]:
        return Panel(*matrices.values())

    def of(matrix: Array) -> Array:
        if not any(matrix.strides):
            return np.broadcast_to(np.nan, (days, sum(len(window) for window in windows)))
        parts = (matrix[start : start + days, window] for start, window in zip(since, windows, strict=True))
        return np.concatenate(list(parts), axis=1)

    return Panel(*(of(matrix) for matrix in matrices.values()))


def _today(engine: Any, rows: ir.Table, dates: Sequence[dt.date]) -> pa.Table:
    """Texts and measures of the dates themselves, by number of the series."""
    of_date = rows.filter(rows.business_date.isin(list(dates)))
    return engine.to_pyarrow(of_date.select("business_date", "number", *TEXTS, *MEASURED))


def _told(engine: Any, rows: ir.Table, today: pa.Table) -> set[str]:
    """The texts and measures that any row has: most show on the date itself, and only the others are looked for."""
    count = len(today)
    told = {name for name in (*TEXTS, *MEASURED) if today[name].null_count < count}
    sought = {name: rows[name].count() for name in (*TEXTS, *MEASURED) if name not in told}
    if sought:
        (found,) = engine.to_pyarrow(rows.aggregate(**sought)).to_pylist()
        told |= {name for name, known in found.items() if known}
    return told


def _texts(
    engine: Any,
    rows: ir.Table,
    today: pa.Table,
    told: Set[str],
    dates: Sequence[dt.date],
    chosen: Codes,
    day: Codes,
    lookback_days: int,
) -> dict[str, pa.ChunkedArray]:
    """The latest text of each series on each date; `today` has those of the dates, `told` are all that occur.

    Most series say everything on the date itself, so that only the others are looked for in the days before.
    """
    import ibis
    import pyarrow as pa

    texts = dict.fromkeys(TEXTS, pa.chunked_array([pa.nulls(len(chosen), pa.string())]))
    named = [text for text in TEXTS if text in told]
    if not named:
        return texts
    texts |= _placed(today, dates, chosen, day, named)
    lacking = np.logical_or.reduce([texts[text].is_null().to_numpy() for text in named])
    if lacking.any():
        asked = {"number": chosen[lacking], AS_OF: np.array(dates, "datetime64[D]")[day[lacking]]}
        reach = ibis.interval(days=lookback_days - 1)
        older = rows.select("number", "business_date", *named).inner_join(ibis.memtable(pa.table(asked)), "number")
        older = older.filter(older.business_date <= older.as_of, older.business_date >= older.as_of - reach)
        last = {text: older[text].argmax(older.business_date, where=older[text].notnull()) for text in named}
        found = engine.to_pyarrow(older.group_by(AS_OF, "number").agg(**last).rename(business_date=AS_OF))
        before = _placed(found, dates, chosen, day, named)
        texts |= {text: pa.compute.coalesce(texts[text], before[text]) for text in named}
    return texts


def _placed(
    found: pa.Table, dates: Sequence[dt.date], chosen: Codes, day: Codes, names: Sequence[str]
) -> dict[str, pa.ChunkedArray]:
    """Columns of a table by date and number of the series, put where they belong; null where it has no row."""
    import pyarrow as pa

    count = int(chosen.max(initial=0)) + 1
    row_of = np.full(len(dates) * count, -1)
    on = np.searchsorted(np.array(dates, "datetime64[D]"), found["business_date"].to_numpy().astype("datetime64[D]"))
    row_of[on * count + found["number"].to_numpy()] = np.arange(len(found))
    rows = row_of[day * count + chosen]
    places = pa.array(rows, mask=rows < 0)
    return {name: found[name].take(places) for name in names}

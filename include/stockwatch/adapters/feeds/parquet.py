"""Parquet files: typed columns, written as the texts that the feed definition expects."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.stockwatch.adapters.feeds import header, parquet_claims, raw, typed
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.raw import LINE, Batch, Notes
from include.stockwatch.adapters.feeds.rows import hold_for_no_rows, hold_if_empty
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed

BUFFER_BYTES = 1024 * 1024
FEW_COLUMNS = 200
"""Up to so many, all columns are read, so that a reject shows its row; else only those that the feed uses."""

BATCH_CELLS = 10_000_000
AGAIN = "ask the partner to write the file again and to send it whole"


def read(path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:
    """Read a Parquet file as texts; `line` is the number of the row, from 1.

    Numbers are plain decimals with the feed's decimal mark, days and moments in its date format, booleans TRUE and
    FALSE; NaN is no data. A column whose values have several parts (list, struct, map) is left out, and the file held
    if the feed uses it; so are damaged and encrypted files.
    """
    if hold_if_empty(path, name, notes):
        return
    try:
        yield from _batches(path, feed, notes)
    except Unreadable as error:
        notes.holds.append(error.hold)
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        _hold(error, notes)


def _hold(error: Exception, notes: Notes) -> None:
    """Hold a file that Arrow cannot read."""
    said = str(error).partition("\n")[0]
    if "UTF8" in said:
        notes.hold(HoldCode.ENCODING, f"a column of texts is not UTF-8: {said}", "ask the partner for texts in UTF-8")
    else:
        notes.hold(HoldCode.TRUNCATED, f"the file is cut off or damaged: {said}", AGAIN)


def _batches(path: Path, feed: Feed, notes: Notes) -> Iterator[Batch]:
    parquet_claims.check(path)
    metadata = pq.read_metadata(path)
    columns = _columns(metadata.schema.to_arrow_schema(), feed, notes)
    if not columns:
        return
    texts = [field.name for field in columns.values() if _is_text(field.type)]
    options = {"pre_buffer": False, "buffer_size": BUFFER_BYTES, "page_checksum_verification": True}
    with pq.ParquetFile(path, metadata=metadata, read_dictionary=texts, **options) as file:
        count = max(1, min(raw.BATCH_ROWS, BATCH_CELLS // len(columns)))
        row = 0
        for part in file.iter_batches(count, columns=[field.name for field in columns.values()]):
            arrays = [_texts(part.column(field.name), feed) for field in columns.values()]
            lines = pa.array(range(row + 1, row + len(part) + 1), pa.int64())
            yield Batch(pa.table([*arrays, lines], names=[*columns, LINE]))
            row += len(part)
        if row < metadata.num_rows:
            what = f"the file says that it has {metadata.num_rows:,} rows, and {row:,} are there"
            raise Unreadable(HoldCode.TRUNCATED, what, AGAIN)
        if not row:
            hold_for_no_rows(notes)


def _columns(schema: pa.Schema, feed: Feed, notes: Notes) -> dict[str, pa.Field]:
    """The columns that are read, by their names in the feed; none and a hold where they lack what it uses."""
    used = feed.file_columns()
    flat = [field for field in schema if _is_flat(field.type)]
    for field in schema:
        if field not in flat and header.plain(field.name) in map(header.plain, used):
            what = f"the values of column `{field.name}` have several parts ({field.type})"
            raise Unreadable(HoldCode.LAYOUT_CHANGED, what, "ask the partner for one value in each cell")
    found = header.find(iter([[field.name for field in flat]]), feed, notes)
    if found is None:
        return {}
    names = [field.name for field in schema]
    columns = {name: field for name, field in zip(found.names, flat, strict=True) if names.count(field.name) == 1}
    return columns if len(columns) <= FEW_COLUMNS else {name: columns[name] for name in used}


def _is_flat(kind: pa.DataType) -> bool:
    """Whether values are single ones that have a text."""
    types = pa.types
    if types.is_dictionary(kind):
        return _is_flat(kind.value_type)
    is_single = types.is_primitive(kind) or types.is_decimal(kind) or types.is_null(kind)
    return _is_text(kind) or (is_single and not types.is_interval(kind))


def _is_text(kind: pa.DataType) -> bool:
    """Whether values are texts, or bytes that may be. They are read with a dictionary, each different one once."""
    return kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view())


def _texts(values: pa.Array, feed: Feed) -> pa.Array:
    """Values as texts. Raises: ArrowInvalid where bytes are no UTF-8"""
    types, kind, decimal = pa.types, values.type, feed.format.decimal
    if types.is_dictionary(kind) and not _is_text(kind.value_type):
        return _texts(values.dictionary_decode(), feed)
    if types.is_dictionary(kind) and kind.value_type != pa.string():
        return pa.DictionaryArray.from_arrays(values.indices, values.dictionary.cast(pa.string()))
    if types.is_dictionary(kind) or types.is_string(kind):
        values.validate(full=True)  # Arrow takes the bytes of a file for UTF-8 without a look
        return values
    if types.is_boolean(kind):
        return pc.if_else(values, typed.TRUE, typed.FALSE)
    if types.is_floating(kind):
        return _by_value(values, lambda value: None if math.isnan(value) else typed.real(value, decimal))
    if types.is_timestamp(kind):
        moments = values.cast(pa.timestamp("us", kind.tz), safe=False)
        return _by_value(moments, lambda value: typed.date(value, feed))
    if types.is_date(kind):
        return _by_value(values, lambda value: typed.date(value, feed))
    if types.is_temporal(kind):
        return _by_value(values, str)
    if types.is_decimal(kind):
        return _by_value(values, lambda value: f"{value:f}".replace(".", decimal))  # Arrow writes 0E-10
    return values.cast(pa.string())


def _by_value(values: pa.Array, text: Callable[[Any], str | None]) -> pa.Array:
    """Texts of values that Arrow cannot write as we need them, each made once."""
    encoded = values.dictionary_encode()
    # a float32 is written with the digits that it has, not those of the float64 next to it
    singles = encoded.dictionary.cast(pa.string()) if values.type in (pa.float16(), pa.float32()) else None
    different = map(float, singles.to_pylist()) if singles else encoded.dictionary.to_pylist()
    return pa.array([text(value) for value in different], pa.string()).take(encoded.indices)

"""Damaged Parquet files, and the rows that they were made of."""

from __future__ import annotations

import datetime as dt
import io
from functools import cache
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.stockwatch.adapters.feeds import parquet
from tests.feeds.reading import feed
from tests.fuzz.case import FeedCase, Read, missing
from tests.fuzz.mutation import sizes, with_damaged_bytes, with_damaged_parts

Row = tuple[Any, ...]
ROWS: list[Row] = [
    ("2026-11-01", "0012", "A1", 4.0),
    ("2026-11-01", "0013", "A1", -1.5),
    ("2026-11-02", "0012", "Müsli", None),
    ("2026-11-02", "0013", "B7", 12.0),
]
ODD: list[Row] = [("", "", "", None), (None, None, None, None), ("2026-11-02", "é" * 40, "line", float("nan"))]
VALUES = ("", " ", None, "0012", '="7"', "\n", "x" * 70, "é", "\u2028")
TOKENS = [
    b"PAR1",
    b"PARE",
    b"\x00",
    b"\xff\xff",
    b"\x15",
    b"\x19",
    b"\x1c",
    b"\x80\x80\x80\x80\x08",
    b"\xff\xff\xff\x7f",
]
STOCKS = {"float": pa.float64(), "int": pa.int32(), "text": pa.string(), "decimal": pa.decimal128(12, 2)}
FEED = feed("parquet")


def case(rng: Random) -> FeedCase:
    """A file of damaged rows, or in three of four one with damaged bytes."""
    sizes(rng, parquet, BATCH_CELLS=(*[10_000_000] * 3, 8))
    if rng.random() < 0.75:
        return FeedCase(with_damaged_bytes(rng, _whole(rng.randrange(32)), TOKENS), parquet.read, FEED, None)
    rows = with_damaged_parts(rng, ROWS, ODD, lambda row: _changed(rng, row))
    content = _written(rng, rows)
    return FeedCase(content, parquet.read, FEED, lambda read: _judge(read, rows))


def _changed(rng: Random, row: Row) -> Row:
    at = rng.randrange(3)
    return (*row[:at], rng.choice(VALUES), *row[at + 1 :])


@cache
def _whole(number: int) -> bytes:
    return _written(Random(number), ROWS * (1 + number % 3))


def _written(rng: Random, rows: list[Row]) -> bytes:
    columns: dict[str, Any] = {
        name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(("date", "store", "item"))
    }
    kind = rng.choice(list(STOCKS))
    stocks = [None if row[3] is None or row[3] != row[3] else row[3] for row in rows]
    if kind in ("int", "text"):
        stocks = [None if stock is None else int(stock) if kind == "int" else str(stock) for stock in stocks]
    columns["stock"] = (
        pa.array(stocks, pa.float64()).cast(STOCKS[kind]) if kind == "decimal" else pa.array(stocks, STOCKS[kind])
    )
    if rng.random() < 0.2:
        columns["made"] = pa.array([dt.datetime(2026, 11, 3)] * len(rows), pa.timestamp("ms"))  # noqa: DTZ001
    if rng.random() < 0.1:
        columns["tags"] = pa.array([["x"]] * len(rows), pa.list_(pa.string()))
    if rng.random() < 0.2:
        columns["item"] = columns["item"].cast(rng.choice((pa.large_string(), pa.binary(), pa.string_view())))
    out = io.BytesIO()
    has_dictionary = rng.random() < 0.5
    options: Any = {
        "compression": rng.choice(("none", "snappy", "zstd", "gzip")),
        "use_dictionary": has_dictionary,
        "column_encoding": None if has_dictionary or rng.random() < 0.5 else _encodings(rng, columns),
        "row_group_size": rng.choice((2, 1000)),
        "write_page_checksum": rng.random() < 0.3,
        "store_schema": rng.random() < 0.5,
        "data_page_version": rng.choice(("1.0", "2.0")),
    }
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def _encodings(rng: Random, columns: dict[str, Any]) -> dict[str, str]:
    """Encodings other than plain, which also say what they need."""
    of_numbers = {pa.float64(): ["BYTE_STREAM_SPLIT"], pa.int32(): ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]}
    of_texts = ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"]
    of_column = {name: of_numbers.get(values.type, ["PLAIN"]) for name, values in columns.items()}
    of_column |= {name: of_texts for name in ("date", "store", "item")}
    return {name: rng.choice(some) for name, some in of_column.items() if name != "tags"}


def _judge(read: Read, rows: list[Row]) -> str | None:
    """Every row is a row, with the item that it has."""
    if len(rows) != read.count:
        return f"{len(rows)} rows, {read.count} rows and rejects"
    lost = missing([row[2] for row in rows if row[2]], read.texts("item"))
    return f"{lost} items are in no row" if lost else None

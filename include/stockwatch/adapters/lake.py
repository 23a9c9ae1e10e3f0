"""The lake: Delta tables in a folder, read with DuckDB through ibis.

Writes replace whole dates (or whole deliveries) in one commit, so a repeated or killed task leaves no half and no
double. Reads take the live files of the current version.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from include.stockwatch.domain.columns import AVAILABILITY, KPIS, MASTERS, OBSERVATIONS, REJECTS

SCHEMAS = {"observations": OBSERVATIONS, "rejects": REJECTS, "availability": AVAILABILITY, "kpis": KPIS, **MASTERS}
COMMIT_ATTEMPTS = 5
PARTITIONS = {
    "observations": ["business_date", "feed_id"],
    "rejects": ["feed_id"],
    "availability": ["business_date"],
    "kpis": ["business_date"],
    **{name: ["feed_id"] for name in MASTERS},
}


def bounded_engine(folder: Path, memory: str = "1GB") -> Any:
    """A DuckDB of its own that keeps to some memory and spills into a folder: for files of any size."""
    folder.mkdir(parents=True, exist_ok=True)
    return ibis.duckdb.connect(memory_limit=memory, temp_directory=str(folder), preserve_insertion_order=False)


Rows: TypeAlias = pa.Table | Callable[[], Iterator[pa.RecordBatch]]
"""Rows to write: a table, or a function that gives them batch by batch, from the beginning each time."""


class Lake:
    """The tables under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._engine: Any = None

    @property
    def engine(self) -> Any:
        """The DuckDB connection of this process, opened at the first use."""
        if self._engine is None:
            self._engine = ibis.duckdb.connect()
        return self._engine

    def replace_dates(self, table: str, rows: Rows, dates: Iterable[dt.date], feed_id: str | None = None) -> None:
        """Put rows in the place of all rows of the given dates (and feed), in one commit."""
        wanted = ", ".join(f"'{date.isoformat()}'" for date in sorted(set(dates)))
        if wanted:
            of_feed = f" AND feed_id = '{feed_id}'" if feed_id else ""
            self._replace(table, rows, f"business_date IN ({wanted}){of_feed}")

    def replace_rejects(self, feed_id: str, delivery_id: str, batches: Rows, *, rows: int | None = None) -> None:
        """Put the rejects of one delivery in the place of those it had; `rows` says how many there are, if known."""
        rows = len(batches) if isinstance(batches, pa.Table) else rows
        if rows or self._exists("rejects"):
            self._replace("rejects", batches, f"feed_id = '{feed_id}' AND delivery_id = '{delivery_id}'")

    def replace_feed(self, table: str, rows: Rows, feed_id: str) -> None:
        """Put rows in the place of all rows of a feed, in one commit."""
        self._replace(table, rows, f"feed_id = '{feed_id}'")

    def _replace(self, table: str, rows: Rows, predicate: str) -> None:
        schema = SCHEMAS[table].to_pyarrow()
        if isinstance(rows, pa.Table):
            rows = rows.select(schema.names).cast(schema)
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                return self._commit(table, rows, schema, predicate)
            except CommitFailedError:  # somebody else made the table, or changed its schema, in the meantime
                if attempt + 1 == COMMIT_ATTEMPTS:
                    raise
                time.sleep(0.1 * 2**attempt)
        return None

    def _commit(self, table: str, rows: Rows, schema: pa.Schema, predicate: str) -> None:
        path = self._path(table)
        if callable(rows):
            rows = pa.RecordBatchReader.from_batches(schema, rows())
        if self._exists(table):
            known = {field.name for field in DeltaTable(path).schema().fields}
            grown = None if known.issuperset(schema.names) else "merge"  # a column that is new since the table was made
            write_deltalake(path, rows, mode="overwrite", predicate=predicate, schema_mode=grown)
        else:
            path.mkdir(parents=True, exist_ok=True)
            write_deltalake(path, rows, mode="append", partition_by=PARTITIONS[table])

    def table(
        self,
        name: str,
        *,
        first: dt.date | None = None,
        last: dt.date | None = None,
        feeds: Iterable[str] | None = None,
    ) -> ir.Table:
        """A table as an expression, of which only the files of the given dates and feeds are read."""
        schema = SCHEMAS[name]
        pruned: list[tuple[str, str, Any]] = []
        if first:
            pruned.append(("business_date", ">=", first))
        if last:
            pruned.append(("business_date", "<=", last))
        if feeds is not None:
            pruned.append(("feed_id", "in", sorted(feeds)))
        files = self._files(name, pruned)
        if not files:
            return ibis.memtable(schema.to_pyarrow().empty_table(), schema=schema)
        rows = self.engine.read_parquet(files, hive_partitioning=True, hive_types_autocast=False, union_by_name=True)
        missing = {column: ibis.null(kind) for column, kind in schema.items() if column not in rows.columns}
        return rows.mutate(**missing).select(schema.names).cast(schema)

    def version(self, name: str) -> int | None:
        """Version of a table, none before its first write."""
        return DeltaTable(self._path(name)).version() if self._exists(name) else None

    def _files(self, name: str, pruned: list[tuple[str, str, Any]]) -> list[str]:
        if not self._exists(name):
            return []
        uris = DeltaTable(self._path(name)).file_uris(file_pruning_predicate=pruned or None)
        return [unquote(uri) for uri in uris]  # a blank in the path comes back as %20

    def _exists(self, name: str) -> bool:
        return bool(DeltaTable.is_deltatable(str(self._path(name))))

    def _path(self, name: str) -> Path:
        return self.root / name

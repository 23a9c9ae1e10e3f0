"""The lake: Delta tables in a folder, read with DuckDB through ibis.

Writes replace whole partitions (dates, feeds, deliveries) in one commit, which names files that are complete by then:
a repeated or killed task leaves no half and no double. Reads take the live files of the current version.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, CommitProperties, Transaction, create_table_with_add_actions

from include.stockwatch.adapters.parts import ROWS, Parts, as_added, found
from include.stockwatch.domain.columns import AVAILABILITY, IDENTITIES, KPIS, MASTERS, OBSERVATIONS, REJECTS
from include.stockwatch.errors import LakeTooOld

SCHEMAS = {
    "observations": OBSERVATIONS,
    "rejects": REJECTS,
    "availability": AVAILABILITY,
    "kpis": KPIS,
    "identities": IDENTITIES,
    **MASTERS,
}
COMMIT_ATTEMPTS = 5
MEMORY = "1500MB"
"""What the engine of a lake takes before it spills into the folder `spill` beside the lake."""
PARTITIONS: dict[str, list[str]] = {
    "observations": ["business_date", "feed_id"],
    "rejects": ["feed_id", "delivery_id"],
    "availability": ["business_date"],
    "kpis": ["business_date"],
    "identities": ["feed_id"],
    **{name: [*(["business_date"] if "business_date" in of else []), "feed_id"] for name, of in MASTERS.items()},
}


Where: TypeAlias = list[tuple[str, str, Any]]
"""Partitions, as Delta takes them: column, comparison, value."""


def bounded_engine(folder: Path, memory: str = "700MB") -> Any:
    """A DuckDB of its own that keeps to some memory and spills into a folder: for files of any size."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"memory_limit": memory, "temp_directory": str(folder), "preserve_insertion_order": False}
    return _quiet(ibis.duckdb.connect(**settings))


def _quiet(engine: Any) -> Any:
    """An engine that draws no progress bar on standard output, and leaves it to DuckDB to make queries simple."""
    ibis.options.sql.fuse_selects = False  # ibis took longer to fuse them than DuckDB to run them
    engine.raw_sql("SET enable_progress_bar = false")
    return engine


Rows: TypeAlias = pa.Table | Callable[[], Iterator[pa.RecordBatch]] | Path
"""Rows to write: a table, a function that gives them batch by batch, or a folder with their files (`Lake.parts`)."""


class Lake:
    """The tables under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._engine: Any = None

    @property
    def engine(self) -> Any:
        """The DuckDB connection of this process, opened at the first use; it makes its folder when it has to spill."""
        if self._engine is None:
            settings = {"memory_limit": MEMORY, "temp_directory": str(self.root.parent / "spill")}
            self._engine = _quiet(ibis.duckdb.connect(**settings))
        return self._engine

    def parts(self, table: str, folder: Path, name: str = ROWS) -> Parts:
        """A writer of files in a folder that one of the `replace` methods then takes over as they are."""
        return Parts(folder, PARTITIONS[table], name)

    def replace_dates(self, table: str, rows: Rows, dates: Iterable[dt.date], feed_id: str | None = None) -> None:
        """Put rows in the place of all rows of the given dates (and feed), in one commit."""
        wanted = sorted({date.isoformat() for date in dates})
        if wanted:
            of_feed: Where = [("feed_id", "=", feed_id)] if feed_id else []
            self._replace(table, rows, [("business_date", "in", wanted), *of_feed], feed_id or table)

    def replace_rejects(self, feed_id: str, delivery_id: str, batches: Rows, *, rows: int | None = None) -> None:
        """Put the rejects of one delivery in the place of those it had; `rows` says how many there are, if known."""
        rows = len(batches) if isinstance(batches, pa.Table) else rows
        if rows or self._exists("rejects"):
            where: Where = [("feed_id", "=", feed_id), ("delivery_id", "=", delivery_id)]
            self._replace("rejects", batches, where, feed_id)

    def replace_feed(self, table: str, rows: Rows, feed_id: str) -> None:
        """Put rows in the place of all rows of a feed, in one commit."""
        self._replace(table, rows, [("feed_id", "=", feed_id)], feed_id)

    def _replace(self, table: str, rows: Rows, where: Where, owner: str) -> None:
        """Replace partitions. Of two writers with one owner at the same moment, the second begins again."""
        if isinstance(rows, Path):
            self._adopt(table, rows, where, owner)
            return
        schema = SCHEMAS[table].to_pyarrow()
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=self.root) as name:
            with self.parts(table, Path(name)) as parts:
                if isinstance(rows, pa.Table):
                    parts.add(rows.select(schema.names).cast(schema))
                else:
                    for batch in rows():
                        parts.add(pa.Table.from_batches([batch], schema))
            self._adopt(table, Path(name), where, owner)

    def _adopt(self, table: str, folder: Path, where: Where, owner: str) -> None:
        """Make the files of a folder those of some partitions. Raises: LakeTooOld"""
        path = self._path(table)
        if self._exists(table):
            parted_by = DeltaTable(path).metadata().partition_columns
            if parted_by != PARTITIONS[table]:  # Delta would take the files, and not be able to read the table
                raise LakeTooOld(table, parted_by, PARTITIONS[table])
        added = [as_added(_linked(file, path / file.parent.relative_to(folder)), path) for file in found(folder)]
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                return self._commit(table, added, where, owner)
            except DeltaError:  # somebody else made the table, or replaced partitions, in the meantime
                if attempt + 1 == COMMIT_ATTEMPTS:
                    raise
                time.sleep(0.1 * 2**attempt)
        return None

    def _commit(self, table: str, added: list[AddAction], where: Where, owner: str) -> None:
        path, by, schema = self._path(table), PARTITIONS[table], Schema.from_arrow(SCHEMAS[table].to_pyarrow())
        only = CommitProperties(app_transactions=[Transaction(owner, 1)])
        if self._exists(table):
            DeltaTable(path).create_write_transaction(added, "overwrite", schema, by, where, commit_properties=only)
        else:
            path.mkdir(parents=True, exist_ok=True)
            create_table_with_add_actions(str(path), schema, added, partition_by=by, commit_properties=only)

    def table(
        self,
        name: str,
        *,
        first: dt.date | None = None,
        last: dt.date | None = None,
        feeds: Iterable[str] | None = None,
        engine: Any = None,
    ) -> ir.Table:
        """A table as an expression (of this lake's engine, or another), of which only the files of the given dates and
        feeds are read.
        """
        schema = SCHEMAS[name]
        pruned: Where = []
        if first:
            pruned.append(("business_date", ">=", first))
        if last:
            pruned.append(("business_date", "<=", last))
        if feeds is not None:
            pruned.append(("feed_id", "in", sorted(feeds)))
        files = self._files(name, pruned)
        if not files:
            return ibis.memtable(schema.to_pyarrow().empty_table(), schema=schema)
        rows = (engine or self.engine).read_parquet(
            files, hive_partitioning=True, hive_types_autocast=False, union_by_name=True
        )
        missing = {column: ibis.null(kind) for column, kind in schema.items() if column not in rows.columns}
        return rows.mutate(**missing).select(schema.names).cast(schema)

    def partitions(self, name: str) -> list[dict[str, str]]:
        """The partitions of a table: column -> value, as Delta writes it."""
        return list(DeltaTable(self._path(name)).partitions()) if self._exists(name) else []

    def version(self, name: str) -> int | None:
        """Version of a table, none before its first write."""
        return DeltaTable(self._path(name)).version() if self._exists(name) else None

    def _files(self, name: str, pruned: Where) -> list[str]:
        if not self._exists(name):
            return []
        uris = DeltaTable(self._path(name)).file_uris(file_pruning_predicate=pruned or None)
        return [unquote(uri) for uri in uris]  # a blank in the path comes back as %20

    def _exists(self, name: str) -> bool:
        return bool(DeltaTable.is_deltatable(str(self._path(name))))

    def _path(self, name: str) -> Path:
        return self.root / name


def _linked(file: Path, folder: Path) -> Path:
    """A second name of a file, in a folder; a copy where the file system knows no second names.

    The name is new at every try: a commit may not replace a file by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{uuid.uuid4().hex}.parquet"
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, target)
    return target

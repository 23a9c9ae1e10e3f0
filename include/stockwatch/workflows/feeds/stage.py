"""Rows on their way from a file to the tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.stockwatch.adapters.feeds.raw import BATCH_ROWS

MOST_BYTES = 160_000_000
"""What rows on their way may take in memory before they go to files."""


class Stage:
    """Rows on their way: in memory while they are few, else in Parquet files of a folder."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.folder, self.schema = folder, schema
        self.waiting: list[pa.Table] = []
        self.files: list[Path] = []

    def __len__(self) -> int:
        stored: int = sum(pq.read_metadata(file).num_rows for file in self.files)
        return stored + sum(map(len, self.waiting))

    def __iter__(self) -> Iterator[pa.Table]:
        for file in self.files:
            yield pq.read_table(file, schema=self.schema)
        yield from self.waiting

    def add(self, rows: pa.Table) -> None:
        """Append rows; the order of `add` is kept."""
        if not len(rows):
            return
        self.waiting.append(rows)
        if sum(one.nbytes for one in self.waiting) > MOST_BYTES:
            self.spill()

    def spill(self) -> None:
        """Put what is in memory into a file."""
        if self.waiting:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{len(self.files):05d}.parquet"
            pq.write_table(pa.concat_tables(self.waiting), file, compression="lz4", write_statistics=False)
            self.files.append(file)
            self.waiting = []

    def settle(self) -> None:
        """Free what is in memory, if some of the rows lie in files already."""
        if self.files:
            self.spill()
            pa.default_memory_pool().release_unused()

    def replace(self, rows: Iterable[pa.Table]) -> Stage:
        """A stage of other rows in place of this one."""
        other = Stage(self.folder.with_name(self.folder.name + "_"), self.schema)
        for one in rows:
            other.add(one)
        shutil.rmtree(self.folder, ignore_errors=True)
        return other

    def table(self, engine: Any) -> Any:
        """The rows as an expression."""
        import ibis

        if not self.files:
            return ibis.memtable(pa.concat_tables(self.waiting or [self.schema.empty_table()]))
        self.spill()
        return engine.read_parquet([str(file) for file in self.files])

    def results(self, engine: Any, expression: Any) -> Iterator[pa.Table]:
        """What an expression over these rows gives; through a file where the rows lie in files themselves."""
        if not self.files:
            yield engine.to_pyarrow(expression)
            return
        file = self.folder / "results.parquet"
        engine.to_parquet(expression, file)
        with pq.ParquetFile(file) as results:
            for batch in results.iter_batches(BATCH_ROWS):
                yield pa.Table.from_batches([batch])
        file.unlink()

"""Parquet files of a table's partitions, written in bounded memory to be taken over by the lake as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

MOST_BYTES = 64_000_000
"""What waits in memory for its file."""
MOST_OPEN = 200
"""Files that are written side by side, one for each partition."""
SOUGHT = ("location_id", "item_id")
"""Columns whose least and greatest value is kept: what single series are looked up by."""
ROWS = "rows"
COUNTED = "line"
"""A column of rising numbers, which takes next to nothing as differences."""


class Parts:
    """Files below a folder, `column=value/.../name-00000.parquet`, each with the rows of a partition in their order."""

    def __init__(self, folder: Path, partition_by: Sequence[str], name: str = ROWS) -> None:
        self.folder, self.partition_by, self.name = folder, list(partition_by), name
        self._count = 0
        self._waiting: list[pa.Table] = []
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._flush()
        self._close()

    def add(self, rows: pa.Table) -> None:
        """Append rows, all columns and the partition's among them."""
        self._waiting.append(rows)
        if sum(one.nbytes for one in self._waiting) > MOST_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not any(map(len, self._waiting)):
            return
        rows = pa.concat_tables(self._waiting).unify_dictionaries()
        self._waiting = []
        for values, some in _by_partition(rows, self.partition_by):
            names = zip(self.partition_by, values, strict=True)
            partition = "/".join(f"{name}={quote(str(value), safe='')}" for name, value in names)
            some = some.drop_columns(self.partition_by)
            self._writer(partition, some.schema).write_table(some)

    def _writer(self, partition: str, schema: pa.Schema) -> pq.ParquetWriter:
        if partition not in self._writers:
            if len(self._writers) == MOST_OPEN:
                self._close()
            file = self.folder / partition / f"{self.name}-{self._count:05d}.parquet"
            self._count += 1
            file.parent.mkdir(parents=True, exist_ok=True)
            self._writers[partition] = pq.ParquetWriter(
                file,
                schema,
                use_dictionary=[name for name in schema.names if name != COUNTED],
                column_encoding={COUNTED: "DELTA_BINARY_PACKED"} if COUNTED in schema.names else None,
                write_statistics=[name for name in SOUGHT if name in schema.names],
                store_schema=False,  # columns that are coded in memory are plain texts to every reader
            )
        return self._writers[partition]

    def _close(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()


def found(folder: Path) -> list[Path]:
    """The files below a folder, by their partition."""
    return sorted(folder.rglob("*.parquet"))


def partition_of(file: Path, folder: Path) -> dict[str, str]:
    """The values of the partition columns, as the path of a file says them."""
    pairs = (part.split("=", 1) for part in file.relative_to(folder).parts[:-1])
    return {name: unquote(value) for name, value in pairs}


def as_added(file: Path, folder: Path) -> AddAction:
    """What a commit says of a file of a table's folder."""
    path, state = quote(file.relative_to(folder).as_posix(), safe="/="), file.stat()
    said = json.dumps(_statistics(pq.read_metadata(file)))
    return AddAction(path, state.st_size, partition_of(file, folder), int(state.st_mtime * 1000), True, said)


def _by_partition(rows: pa.Table, by: list[str]) -> Iterator[tuple[tuple[object, ...], pa.Table]]:
    """The rows of each partition, in their order."""
    several = [name for name in by if len(pc.unique(rows.column(name))) > 1]
    if several:
        rows = rows.take(pc.sort_indices(rows.select(several), [(name, "ascending") for name in several]))
    start = 0
    for count in rows.select(several).group_by(several, use_threads=False).aggregate([([], "count_all")])["count_all"]:
        some = rows.slice(start, count.as_py())
        yield tuple(some.column(name)[0].as_py() for name in by), some
        start += len(some)


def _statistics(metadata: pq.FileMetaData) -> dict[str, object]:
    """Rows of a file, and what is known of the columns that are sought in all of it."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    least, greatest = {}, {}
    for place in range(metadata.num_columns):
        name, columns = metadata.schema.column(place).path, [group.column(place) for group in groups]
        said = [one.statistics for one in columns if one.is_stats_set and one.statistics.has_min_max]
        if name in SOUGHT and said and len(said) == len(groups):
            least[name], greatest[name] = min(one.min for one in said), max(one.max for one in said)
    return {"numRecords": metadata.num_rows, "minValues": least, "maxValues": greatest}

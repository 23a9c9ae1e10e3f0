"""Rows that are not published: as a table, and those found at fault only when the whole file was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds.faults import Fault
from include.stockwatch.adapters.feeds.raw import LINE, PLACE, Reject, as_raw
from include.stockwatch.domain.columns import REJECTS
from include.stockwatch.domain.repeats import KEY

REJECT_ROWS = pa.schema([f for f in REJECTS.to_pyarrow() if f.name in {*Reject.__dataclass_fields__, "source_file"}])
"""What a reject says of itself; the delivery adds the rest of the table."""

FOUND_LATE = pa.schema([(PLACE, pa.int64()), *((name, REJECT_ROWS.field(name).type) for name in KEY)])
"""Where a row stands in its file, and its series."""


def reject_rows(rejects: Iterable[Reject], source: str) -> pa.Table:
    """Rejects of one source as a table (`REJECT_ROWS`)."""
    columns = [{**one.__dict__, "source_file": source} for one in rejects]
    return pa.Table.from_pylist(columns, schema=REJECT_ROWS)


def describe(reject: Mapping[str, Any], *, names_file: bool = False) -> str:
    """One reject in a sentence: its file where there are several, line, field, value, what is wrong, how to mend it."""
    subject = f" `{reject['field']}` = `{reject['value']}`:" if reject["field"] else ""
    place = f"`{reject['source_file']}`, line {reject['line']}" if names_file else f"line {reject['line']}"
    return f"{place}:{subject} {reject['reason']} ({reject['code']}); {reject['fix']}"


class Late:
    """Rows that turned out to be rejects after they were bound: where they stand, and why."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.rows: list[pa.Table] = []

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    def count(self, *codes: str) -> int:
        """Rows with one of some codes."""
        wanted = [number for number, fault in enumerate(self.faults) if fault.code in codes]
        return sum(
            pc.sum(pc.is_in(rows.column("fault"), pa.array(wanted, pa.int64()))).as_py() or 0 for rows in self.rows
        )

    def add(self, rows: pa.Table, fault: Fault, *, has_item: bool = True) -> None:
        """Note rows with what is wrong with them."""
        if not len(rows):
            return
        if fault not in self.faults:
            self.faults.append(fault)
        rows = rows.select(FOUND_LATE.names).cast(FOUND_LATE)
        if not has_item:
            rows = rows.set_column(3, "item_id", pa.nulls(len(rows), pa.string()))
        number = pa.repeat(pa.scalar(self.faults.index(fault)), len(rows))
        self.rows.append(rows.append_column("fault", number))

    def in_order(self) -> tuple[np.ndarray, pa.Table]:
        """The places of all rows, ascending and each once, and the rows; the first fault noted is kept."""
        rows = pa.concat_tables(self.rows)
        places, first = np.unique(rows.column(PLACE).to_numpy(), return_index=True)
        return places, rows.take(pa.array(first))


def late_rejects(texts: pa.Table, rows: pa.Table, faults: list[Fault], source: str) -> pa.Table:
    """Rejects of some rows of a batch: `texts` as they came, `rows` with what is wrong."""
    names = [column for column in texts.column_names if column != LINE]
    cells = [[cell or "" for cell in texts.column(column).cast(pa.string()).to_pylist()] for column in names]
    which = rows.column("fault").to_pylist()
    said = [faults[number] for number in which]
    columns: dict[str, Any] = {name: [getattr(fault, name) for fault in said] for name in ("code", "reason", "fix")}
    columns["field"] = [fault.column for fault in said]
    columns["value"] = [
        cells[names.index(fault.column)][row] if fault.column in names else "" for row, fault in enumerate(said)
    ]
    columns["raw"] = [as_raw(row) for row in zip(*cells, strict=True)]
    columns |= {"line": texts.column(LINE), "source_file": [source] * len(rows)}
    columns |= {key: rows.column(key) for key in KEY}
    return pa.table([_column(columns[one.name], one) for one in REJECT_ROWS], schema=REJECT_ROWS)


def _column(values: Any, field: pa.Field) -> Any:
    return values.cast(field.type) if isinstance(values, pa.ChunkedArray) else pa.array(values, field.type)

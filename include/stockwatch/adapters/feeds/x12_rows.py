"""Rows of the long table of an EDI file, gathered into batches.

Quantities that share their context (item, code, unit, dates, ...) are kept as one block: a context is stored once,
whatever the number of its locations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from include.stockwatch.adapters.feeds.raw import BATCH_ROWS, LINE, LONG, Batch, Reject, Value

FULL = BATCH_ROWS // 4
"""Rows that are worth a batch. One item may bring many more at once, so there is room up to `BATCH_ROWS`."""

OF_ROWS = (Value.LOCATION, Value.QUANTITY)
CONTEXT = tuple(name for name in LONG if name not in OF_ROWS)
"""Columns that the rows of a block share, in the order of a context."""

Context = tuple[str | None, ...]
TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([(LINE, pa.int64()), *((name, TEXT) for name in LONG)])


class LongRows:
    """Rows and rejects that wait for their batch."""

    def __init__(self) -> None:
        self.total = self.rejected = 0
        self.is_full = False
        """Whether it is time for a batch."""
        self._clear()

    def _clear(self) -> None:
        self._contexts: list[Context] = []
        self._block_sizes: list[int] = []
        self._lines: list[int] = []
        self._line_sizes: list[int] = []
        self._locations: list[str | None] = []
        self._quantities: list[str | None] = []
        self._rejects: list[Reject] = []
        self.is_full = False

    def add(self, context: Context, line: int, location: str | None, quantity: str | None) -> None:
        """One row."""
        self.extend(context, (line,), (1,), (location,), (quantity,))

    def extend(
        self,
        context: Context,
        lines: Sequence[int],
        sizes: Sequence[int],
        locations: Sequence[str | None],
        quantities: Sequence[str | None],
    ) -> None:
        """The rows of one context: `sizes` says how many come from each line."""
        self._contexts.append(context)
        self._block_sizes.append(len(quantities))
        self._lines += lines
        self._line_sizes += sizes
        self._locations += locations
        self._quantities += quantities
        self.total += len(quantities)
        self.is_full = len(self._quantities) >= FULL

    def reject(self, reject: Reject) -> None:
        """A part of a segment that has no row."""
        self._rejects.append(reject)
        self.rejected += 1
        self.is_full = self.is_full or len(self._rejects) >= FULL

    def batches(self) -> Iterator[Batch]:
        """All that waits, none of it afterwards."""
        if not (self._quantities or self._rejects):
            return
        table, rejects = self._table(), tuple(self._rejects)
        self._clear()
        yield Batch(table.slice(0, BATCH_ROWS), rejects)
        for start in range(BATCH_ROWS, len(table), BATCH_ROWS):
            yield Batch(table.slice(start, BATCH_ROWS))

    def _table(self) -> pa.Table:
        block = pa.array(np.repeat(np.arange(len(self._contexts), dtype=np.int32), self._block_sizes))
        columns: dict[str, pa.Array] = {LINE: np.repeat(np.array(self._lines, dtype=np.int64), self._line_sizes)}
        for place, name in enumerate(CONTEXT):
            values = pa.array([context[place] for context in self._contexts], pa.string())
            columns[name] = values.dictionary_encode().take(block)
        columns[Value.LOCATION] = pa.array(self._locations, pa.string()).dictionary_encode()
        columns[Value.QUANTITY] = pa.array(self._quantities, pa.string()).dictionary_encode()
        return pa.table(columns).select(SCHEMA.names).cast(SCHEMA)

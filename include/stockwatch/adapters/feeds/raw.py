"""What every format reader gives: the rows of a file as texts, nothing guessed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from include.stockwatch.errors import Hold


@dataclass(frozen=True)
class Reject:
    """One row that is not published: where it stands, what is wrong, how to mend it."""

    line: int
    code: str
    field: str
    value: str
    reason: str
    fix: str
    raw: str


@dataclass(frozen=True)
class RawTable:
    """The rows of one file. `frame` has the file's columns as texts, and the line of each row as its index."""

    columns: tuple[str, ...]
    frame: pd.DataFrame
    broken: tuple[Reject, ...] = ()
    holds: tuple[Hold, ...] = field(default=())

    @property
    def rows_in(self) -> int:
        """Rows the file has, the header not counted."""
        return len(self.frame) + len(self.broken)


def as_raw(cells: Sequence[str]) -> str:
    """A row as it came, for the rejects table."""
    return json.dumps(list(cells), ensure_ascii=False)

"""What every format reader gives: the rows of a file as texts, nothing guessed."""

from __future__ import annotations

import datetime as dt
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
    business_date: dt.date | None = None
    location_id: str | None = None
    item_id: str | None = None

    @property
    def is_placed(self) -> bool:
        """Whether it is known which series and date the row was for."""
        return None not in (self.business_date, self.location_id, self.item_id)


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

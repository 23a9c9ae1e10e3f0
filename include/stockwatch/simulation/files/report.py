"""What one partner file says: the records of one feed and day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

Row = Mapping[str, Any]
"""One series: location_id, location_name, item_id (GTIN), item_name, category, price and the quantities."""


@dataclass(frozen=True)
class Report:
    """Rows of one day, and when and as which number the file is made."""

    partner: str
    business_date: dt.date
    created_at: dt.datetime
    number: int
    rows: Sequence[Row]
    has_totals: bool = True  # where the format has any

    @property
    def day(self) -> str:
        """The business date, YYYYMMDD."""
        return f"{self.business_date:%Y%m%d}"

    def by(self, key: str) -> list[tuple[str, list[Row]]]:
        """The rows by location or item."""
        ordered = sorted(self.rows, key=lambda row: (row[key], row["location_id"], row["item_id"]))
        return [(name, list(rows)) for name, rows in groupby(ordered, key=lambda row: row[key])]


def units(value: float | None) -> str:
    """A quantity as systems write it."""
    return "" if value is None else f"{value:.0f}"


def upc(item_id: str) -> str:
    """The GTIN as a UPC-12."""
    return item_id[-12:]

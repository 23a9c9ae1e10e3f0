"""What of the board goes into a CSV file, and how the file is called."""

from __future__ import annotations

import re
from typing import Any

HEATMAP = (
    "partner", "item_id", "item_name", "category", "business_date", "rate", "known", "out", "ranged", "money",
    "currency", "stale",
)  # fmt: skip


def file_name(*parts: Any) -> str:
    """`stockwatch_incidents_northfield_2026-11-22.csv`: what it is, how it is filtered, and as of when."""
    told = [str(part) for part in ("stockwatch", *parts) if part not in (None, "")]
    words = (re.sub(r"[^\w.-]+", "-", part, flags=re.ASCII).strip("-") for part in told)
    return f"{'_'.join(words)[:120]}.csv"

"""What partners report: the measures a feed may bring, and what it means when it brings no row."""

from __future__ import annotations

from enum import StrEnum

MEASURES = (
    "on_hand_units",
    "units_sold",
    "on_order_units",
    "in_transit_units",
    "received_units",
    "returned_units",
)
"""Quantities a feed may report, each in sellable units."""

FLOWS = ("units_sold", "received_units", "returned_units")
"""Those of them that cover days; the others are of one moment, the close of the business date."""


class AbsentMeans(StrEnum):
    """What it means that a delivered date has no row for a series that was seen before."""

    UNKNOWN = "unknown"
    UNCHANGED = "unchanged"
    ZERO = "zero"

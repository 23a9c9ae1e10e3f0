"""Text tables: a portal's CSV with words above and totals below, and a plain one with semicolons."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from include.stockwatch.simulation.files.report import Report, units, upc

PORTAL = {
    "location_name": "Store name",
    "item_name": "Description",
    "category": "Department",
    "on_hand_units": "On hand",
    "units_sold": "Units sold",
    "on_order_units": "On order",
    "in_transit_units": "In transit",
    "received_units": "Received",
    "price": "Retail",
}
DEPOTS = {
    "on_hand_units": "Bestand",
    "units_sold": "Abgang",
    "on_order_units": "Bestellt",
    "in_transit_units": "Unterwegs",
    "received_units": "Zugang",
}
QUANTITIES = ("on_hand_units", "units_sold", "on_order_units", "in_transit_units", "received_units")


def portal_definition() -> dict[str, Any]:
    """How a portal's daily export is read: the date stands above the header, the last row is a total."""
    return {
        "format": {"kind": "csv", "thousands": ","},
        "landing": {"pattern": "*"},
        "date": {"source": "preamble", "format": "%m/%d/%Y", "pattern": r"Business date\W+(\d\d/\d\d/\d{4})"},
        "location_id": {"column": "Store"},
        "item_id": {"column": "UPC", "kind": "gtin"},
        "columns": PORTAL,
        "drop": [{"name": "totals", "column": "Store", "equals": ["Total"], "total_of": "on_hand_units"}],
        "currency": "USD",
    }


def portal(report: Report) -> bytes:
    """A portal's daily export."""
    above = [
        [f"{report.partner.title()} supplier portal"],
        ["Report", "Daily item activity by store"],
        ["Business date", f"{report.business_date:%m/%d/%Y}"],
        ["Run at", f"{report.created_at:%m/%d/%Y %H:%M}"],
        [],
    ]
    rows = [
        [
            row["location_id"],
            row["location_name"],
            row.get("item_text", upc(row["item_id"])),
            row["item_name"],
            row["category"],
            *(f"{row[name]:,.0f}" for name in QUANTITIES),
            f"{row['price']:.2f}",
        ]
        for row in report.rows
    ]
    sums = [f"{sum(row[name] for row in report.rows):,.0f}" for name in QUANTITIES]
    header = ["Store", "Store name", "UPC", *list(PORTAL.values())[1:]]
    totals = [["Total", "", "", "", "", *sums, ""]] if report.has_totals else []
    return text([*above, header, *rows, *totals])


def depots_definition() -> dict[str, Any]:
    """How the list of DCs is read: semicolons, the day first."""
    return {
        "format": {"kind": "csv", "delimiter": ";", "encoding": "cp1252", "decimal": ",", "thousands": "."},
        "landing": {"pattern": "*"},
        "date": {"column": "Stichtag", "format": "%d.%m.%Y"},
        "location_id": {"column": "Lager"},
        "item_id": {"column": "EAN", "kind": "gtin"},
        "columns": DEPOTS | {"item_name": "Artikel"},
    }


def depots(report: Report) -> bytes:
    """A list of DCs."""
    header = ["Stichtag", "Lager", "EAN", "Artikel", *DEPOTS.values()]
    rows = [
        [
            f"{report.business_date:%d.%m.%Y}",
            row["location_id"],
            row["item_id"][-13:],
            row["item_name"],
            *(units(row[name]) for name in DEPOTS),
        ]
        for row in report.rows
    ]
    return text([header, *rows], delimiter=";", encoding="cp1252")


def text(rows: Iterable[Sequence[object]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """A table as text; what is None is left blank."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode(encoding)

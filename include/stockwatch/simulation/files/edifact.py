"""EDIFACT: the distributor's INVRPT of its DCs."""

from __future__ import annotations

from typing import Any

from include.stockwatch.simulation.files.report import Report, units

CODES = {
    "145": "on_hand_units",
    "153": "units_sold",
    "21": "on_order_units",
    "198": "in_transit_units",
    "48": "received_units",
}
US = "8500071000001"


def stock_definition() -> dict[str, Any]:
    """How an INVRPT is read."""
    return {
        "format": {"kind": "edifact", "messages": ["INVRPT"], "receivers": [US]},
        "landing": {"pattern": "*"},
        "item_id": {"kind": "gtin", "qualifiers": ["EN"]},
        "codes": {"measures": CODES},
    }


def stock(report: Report) -> bytes:
    """An INVRPT: a message per DC."""
    segments = [f"UNB+UNOC:3+{report.partner.upper()}:ZZ+{US}:14+{report.created_at:%y%m%d:%H%M}+{report.number}"]
    depots = report.by("location_id")
    for number, (location_id, rows) in enumerate(depots, 1):
        body = [
            f"BGM+35+{report.number}-{number}+9",
            f"DTM+137:{report.created_at:%Y%m%d}:102",
            f"DTM+366:{report.day}:102",
            f"NAD+GY+{location_id}::92",
        ]
        for place, row in enumerate(rows, 1):
            body.append(f"LIN+{place}++{row['item_id'][-13:]}:EN")
            body += [f"QTY+{code}:{units(row[name])}:PCE" for code, name in CODES.items()]
        segments += [f"UNH+{number}+INVRPT:D:96A:UN:EAN004", *body, f"UNT+{len(body) + 2}+{number}"]
    segments.append(f"UNZ+{len(depots)}+{report.number}")
    return ("UNA:+.? '" + "".join(f"{segment}'\n" for segment in segments)).encode("latin-1")

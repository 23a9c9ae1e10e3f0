"""X12: a retailer's 852 of its stores, and an 846 of its DCs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from include.stockwatch.simulation.files.report import Report, Row, units, upc

SALES = {
    "QA": "on_hand_units",
    "QS": "units_sold",
    "QP": "on_order_units",
    "QI": "in_transit_units",
    "QR": "received_units",
}
STOCK = {
    "33": "on_hand_units",
    "39": "units_sold",
    "63": "on_order_units",
    "IQ": "in_transit_units",
    "87": "received_units",
}
PAIRS = 10
"""Locations in one SDQ."""


def sales_definition() -> dict[str, Any]:
    """How an 852 is read."""
    return _definition("852", SALES)


def stock_definition() -> dict[str, Any]:
    """How an 846 is read."""
    return _definition("846", STOCK)


def _definition(message: str, codes: dict[str, str]) -> dict[str, Any]:
    return {
        "format": {"kind": "x12", "messages": [message], "receivers": ["OATWORKS"]},
        "landing": {"pattern": "*"},
        "location_id": {"width": 4} if message == "852" else {},
        "item_id": {"kind": "gtin", "qualifiers": ["UP"]},
        "codes": {"measures": codes},
        "currency": "USD",
    }


def sales(report: Report) -> bytes:
    """An 852: a loop per item, and in it the quantities of all stores."""
    body = [f"XQ*H*{report.day}", f"N1*FR*{report.partner.upper()}*92*{report.partner[:8].upper()}"]
    for place, (item_id, rows) in enumerate(report.by("item_id"), 1):
        body.append(f"LIN*{place}*UP*{upc(item_id)}")
        body.append(f"CTP**RES*{rows[0]['price']:.2f}")
        for code, name in SALES.items():
            body += [f"ZA*{code}", *_by_location(rows, name)]
    body.append(f"CTT*{len(report.by('item_id'))}")
    return _written(report, "PD", [_set("852", body, 1)])


def _by_location(rows: Sequence[Row], name: str) -> list[str]:
    pairs = [f"{row['location_id']}*{units(row[name])}" for row in rows]
    return [f"SDQ*EA*92*{'*'.join(pairs[start : start + PAIRS])}" for start in range(0, len(pairs), PAIRS)]


def stock(report: Report) -> bytes:
    """An 846: a set per DC."""
    sets = []
    for number, (location_id, rows) in enumerate(report.by("location_id"), 1):
        body = [f"BIA*00*DD*{report.number}*{report.day}", f"N1*WH*{rows[0]['location_name']}*92*{location_id}"]
        for place, row in enumerate(rows, 1):
            body.append(f"LIN*{place}*UP*{upc(row['item_id'])}")
            body += [f"QTY*{code}*{units(row[name])}*EA" for code, name in STOCK.items()]
        sets.append(_set("846", [*body, f"CTT*{len(rows)}"], number))
    return _written(report, "IB", sets)


def _set(kind: str, body: list[str], number: int) -> list[str]:
    return [f"ST*{kind}*{number:04d}", *body, f"SE*{len(body) + 2}*{number:04d}"]


def _written(report: Report, group: str, sets: list[list[str]]) -> bytes:
    """Sets in their envelope."""
    sender, made = report.partner.upper(), report.created_at
    isa = (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{sender:<15}*ZZ*{'OATWORKS':<15}"
        f"*{made:%y%m%d}*{made:%H%M}*U*00401*{report.number:09d}*0*P*>"
    )
    head = f"GS*{group}*{sender}*OATWORKS*{made:%Y%m%d}*{made:%H%M}*{report.number}*X*004010"
    body = [segment for one in sets for segment in one]
    tail = [f"GE*{len(sets)}*{report.number}", f"IEA*1*{report.number:09d}"]
    return "".join(f"{segment}~\n" for segment in (isa, head, *body, *tail)).encode("ascii")

"""A workbook: a retailer's stores, with its own item numbers, numbers as numbers and dates as dates."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from include.stockwatch.simulation.files.report import Report

COLUMNS = {
    "location_name": "Store Name",
    "item_name": "Item Description",
    "category": "Category",
    "on_hand_units": "On Hand Qty",
    "units_sold": "POS Qty",
    "on_order_units": "On Order Qty",
    "in_transit_units": "In Transit Qty",
    "received_units": "Received Qty",
    "price": "Retail Price",
}
SHEET = "Store Item"
WIDTH = 6
DAY_ONE = dt.date(1899, 12, 30)
"""What a workbook counts its days from."""
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KINDS = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def definition() -> dict[str, Any]:
    """How the workbook is read."""
    return {
        "format": {"kind": "xlsx", "sheet": SHEET},
        "landing": {"pattern": "*"},
        "date": {"column": "Business Date", "format": "%Y-%m-%d"},
        "location_id": {"column": "Store"},
        "item_id": {"column": "Item Nbr", "kind": "partner", "width": WIDTH},
        "columns": COLUMNS,
        "currency": "USD",
    }


def number_of(item_id: str) -> str:
    """The retailer's own number of an item."""
    return f"{int(item_id[-5:-1]) * 7:0{WIDTH}d}"


def stores(report: Report) -> bytes:
    """The workbook of a day: a title, a header, a row per store and item."""
    header = ["Business Date", "Store", "Item Nbr", *COLUMNS.values()]
    rows: list[Sequence[object]] = [[f"{report.partner.title()} inventory and sales"], [], header]
    rows += [
        [
            report.business_date,
            row["location_id"],
            row.get("item_text", number_of(row["item_id"])),
            *(row[name] for name in COLUMNS),
        ]
        for row in report.rows
    ]
    return _book(_sheet(rows), report.created_at)


def _sheet(rows: Sequence[Sequence[object]]) -> str:
    lines = (f'<row r="{number}">{_cells(row, number)}</row>' for number, row in enumerate(rows, 1) if row)
    return f'{XML}<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cells(row: Sequence[object], number: int) -> str:
    return "".join(_cell(f"{chr(65 + place)}{number}", value) for place, value in enumerate(row))


def _cell(reference: str, value: object) -> str:
    match value:
        case None:
            return ""
        case dt.date():
            return f'<c r="{reference}" s="1"><v>{(value - DAY_ONE).days}</v></c>'
        case int() | float():
            return f'<c r="{reference}"><v>{value:g}</v></c>'
        case _:
            return f'<c r="{reference}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def _book(sheet: str, made: dt.datetime) -> bytes:
    """The parts that a workbook needs, with the time at which it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            part = zipfile.ZipInfo(name, made.timetuple()[:6])
            part.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(part, content)
    return out.getvalue()


def _relations(*targets: tuple[str, str]) -> str:
    links = "".join(
        f'<Relationship Id="rId{place}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(targets, 1)
    )
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'


PARTS: Mapping[str, str] = {
    "[Content_Types].xml": f'{XML}<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{KINDS}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KINDS}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{KINDS}.styles+xml"/></Types>',
    "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
    "xl/workbook.xml": f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
    f'<sheet name="{SHEET}" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": _relations(("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")),
    "xl/styles.xml": f'{XML}<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
}

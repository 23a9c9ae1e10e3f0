"""The same made-up rows as files of every format."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ("date", "store", "item", "stock", "sold")
Row = Sequence[str]
"""Texts in the order of `COLUMNS`; dates are written YYYYMMDD."""

TABLE: dict[str, Any] = {
    "partner": "harbor",
    "partner_name": "Harbor Foods",
    "landing": {"pattern": "*"},
    "date": {"column": "date", "format": "%Y%m%d"},
    "location_id": {"column": "store", "width": 4},
    "item_id": {"column": "item", "kind": "partner"},
    "columns": {"on_hand_units": "stock", "units_sold": "sold"},
    "quality": {"max_rejected_share": 1, "min_rows_share": 0},
}
EDI: dict[str, Any] = {
    "partner": "harbor",
    "partner_name": "Harbor Foods",
    "landing": {"pattern": "*"},
    "location_id": {"width": 4},
    "item_id": {"kind": "partner"},
    "repeats": "reject",
    "quality": {"max_rejected_share": 1, "min_rows_share": 0},
}


def csv_file(rows: Sequence[Row]) -> bytes:
    """Commas, UTF-8."""
    lines = [COLUMNS, *rows]
    return "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in lines).encode() + b"\r\n"


def utf16_file(rows: Sequence[Row]) -> bytes:
    """Tabs, UTF-16 with a byte order mark."""
    return "\n".join("\t".join(row) for row in [COLUMNS, *rows]).encode("utf-16")


def xlsx_file(rows: Sequence[Row]) -> bytes:
    """A workbook of text cells."""
    from openpyxl import Workbook

    book = Workbook()
    for row in [COLUMNS, *rows]:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def html_file(rows: Sequence[Row]) -> bytes:
    """A page with one table."""
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in [COLUMNS, *rows])
    return f"<html><body><table>{lines}</table></body></html>".encode()


def parquet_file(rows: Sequence[Row]) -> bytes:
    """Text columns."""
    out = io.BytesIO()
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(COLUMNS)}
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def jsonl_file(rows: Sequence[Row]) -> bytes:
    """One object a line."""
    return "\n".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in rows).encode()


def zip_file(rows: Sequence[Row]) -> bytes:
    """The CSV file in a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/stock.csv", csv_file(rows))
    return out.getvalue()


def gzip_file(rows: Sequence[Row]) -> bytes:
    """The CSV file in a gzip."""
    return gzip.compress(csv_file(rows))


def x12_file(rows: Sequence[Row], number: str = "000000017") -> bytes:
    """An 852 with one item loop a row, stock and sales as two quantities of one store."""
    body = ["ST*852*0001", "XQ*H*20261101"]
    for date, store, item, stock, sold in rows:
        body += [f"LIN**IN*{item}"]
        for code, quantity in (("QA", stock), ("QS", sold)):
            body += [f"ZA*{code}", f"DTM*007*{date}", f"SDQ*EA*92*{store}*{quantity}"]
    body.append(f"SE*{len(body) + 1}*0001")
    isa = f"ISA*00*          *00*          *ZZ*HARBOR         *ZZ*BRAND          *261102*0600*U*00401*{number}*0*P*>"
    whole = [isa, f"GS*PD*HARBOR*BRAND*20261102*0600*{int(number)}*X*004010", *body]
    return "~\n".join([*whole, f"GE*1*{int(number)}", f"IEA*1*{number}", ""]).encode()


def edifact_file(rows: Sequence[Row], number: str = "17") -> bytes:
    """An INVRPT with one line a row."""
    body = ["UNH+1+INVRPT:D:96A:UN:EAN005", "BGM+35+1+9", "DTM+137:20261102:102"]
    for place, (date, store, item, stock, sold) in enumerate(rows, 1):
        body.append(f"LIN+{place}++{item}:IN")
        for code, quantity in (("145", stock), ("153", sold)):
            body += [f"QTY+{code}:{quantity}:PCE", f"LOC+14+{store}", f"DTM+366:{date}:102"]
    body.append(f"UNT+{len(body) + 1}+1")
    whole = [f"UNB+UNOC:3+HARBOR:14+BRAND:14+261102:0600+{number}", *body, f"UNZ+1+{number}", ""]
    return ("UNA:+.? '" + "'".join(whole)).encode("latin-1")


FORMATS: dict[str, tuple[dict[str, Any], Callable[[Sequence[Row]], bytes]]] = {
    "csv": (TABLE, csv_file),
    "tsv in UTF-16": ({**TABLE, "format": {"kind": "csv", "delimiter": "\t", "encoding": "utf-16"}}, utf16_file),
    "xlsx": ({**TABLE, "format": {"kind": "xlsx"}}, xlsx_file),
    "html": ({**TABLE, "format": {"kind": "html"}}, html_file),
    "parquet": ({**TABLE, "format": {"kind": "parquet"}}, parquet_file),
    "jsonl": ({**TABLE, "format": {"kind": "jsonl"}}, jsonl_file),
    "zip": (TABLE, zip_file),
    "gzip": (TABLE, gzip_file),
    "x12": (
        {**EDI, "format": {"kind": "x12"}, "codes": {"measures": {"QA": "on_hand_units", "QS": "units_sold"}}},
        x12_file,
    ),
    "edifact": (
        {**EDI, "format": {"kind": "edifact"}, "codes": {"measures": {"145": "on_hand_units", "153": "units_sold"}}},
        edifact_file,
    ),
}


def write_feed(config: Path, feed_id: str, definition: dict[str, Any]) -> None:
    """A feed definition in a settings folder: JSON is YAML."""
    (config / "feeds" / f"{feed_id}.yaml").write_text(json.dumps(definition), "utf-8")

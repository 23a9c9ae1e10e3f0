"""Damaged workbooks, and the rows that their sheets were made of."""

from __future__ import annotations

import io
import re
import zipfile
from random import Random
from xml.sax.saxutils import escape

from include.stockwatch.adapters.feeds import xlsx
from tests.feeds.reading import feed
from tests.fuzz.case import FeedCase, Read, missing
from tests.fuzz.mutation import with_damaged_bytes, with_damaged_parts

NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "_rels/.rels": f'{RELATIONS}<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook {NAMESPACE} xmlns:r="{OFFICE}"><sheets><sheet name="Stock" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{RELATIONS}<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="r3" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet {NAMESPACE}><numFmts><numFmt numFmtId="170" formatCode="0000"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>',
}
SHEET, SHARED = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
HEADER = ["date", "store", "item", "stock"]
ROWS = [
    ["2026-11-01", "0012", "A1", "4"],
    ["2026-11-01", "0013", "A<1>", "-1"],
    ["2026-11-02", "0012", "Müsli & more", ""],
    ["2026-11-02", "0013", "7", "1.5"],
]
ODD = [["Total", "", "", "8"], ["", "", "", ""], [" "], [], ["2026-11-01"], [*ROWS[0], "x"], [*ROWS[0], ""], HEADER]
VALUES = ("", " ", "0", "12", "1e5", "a < b", "é", "\u00a0", "]]>", "line", "x" * 60, "00")
TOKENS = [
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"<row>",
    b"</row>",
    b"<c>",
    b"<v>1</v>",
    b"<c r='B2' t='s'><v>999</v></c>",
    b"<is><t>x</t></is>",
]
TOKENS += [
    b"<f>A1</f>",
    b"<row r='1'/>",
    b"&x;",
    b"&#0;",
    b"<![CDATA[",
    b"]]>",
    b"<rPh>",
    b"<x:c xmlns:x='y'>",
    b"_x000D_",
    b"_xD800_",
    b"nan",
    b"\xff",
    b"\x00",
]
TOKENS += [
    b'<mergeCell ref="B3:B5"/>',
    b"1e400",
    b"-1",
    b"99999999",
    b"XFD1048576",
    b"ZZZZ9",
    b"\xef\xbb\xbf",
    b"<?xml version='1.0' encoding='utf-7'?>",
]
ZIP_TOKENS = [
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\x01",
    b"vbaProject.bin",
]
ATTRIBUTE = re.compile(rb'"[^"<>]{0,20}"')
ATTRIBUTES = [
    b"0",
    b"-1",
    b"99999999",
    b"A0",
    b"XFD1048576",
    b"ZZZZ9",
    b"s",
    b"n",
    b"e",
    b"d",
    b"b",
    b"inlineStr",
    b"1e400",
    b"",
    b"r1",
    b"\xc3\xa9",
    b"1",
    b"2",
]
TYPED = (
    ' s="1"><v>46329</v>',
    ' s="1"><v>46329.75</v>',
    ' s="1"><v>-1</v>',
    ' s="2"><v>12</v>',
    "><v>1E+16</v>",
    "><f>1+1</f><v>2</v>",
    ' t="b"><v>1</v>',
    ' t="e"><v>#DIV/0!</v>',
    ' t="d"><v>2026-11-03</v>',
)
MERGED = ("A2:A4", "B2:D3", "C1:C9", "A2:D2", "D3:D1048576")
ITEM = 2
"""The column that is compared."""
FEED = feed("xlsx")


def case(rng: Random) -> FeedCase:
    """A workbook with damaged rows and cells, or in half of all with damaged parts or bytes and an unknown sheet."""
    rows = with_damaged_parts(rng, ROWS, ODD, lambda row: _changed(rng, row))
    parts = {name: text.encode() for name, text in PARTS.items()} | _sheet(rng, [HEADER, *rows])
    if rng.random() < 0.9:
        del parts["[Content_Types].xml"]  # nobody reads it, and every part takes time
    if rng.random() < 0.5:
        return FeedCase(_zipped(parts), xlsx.read, FEED, lambda read: _judge(read, rows))
    if rng.random() < 0.2:
        return FeedCase(with_damaged_bytes(rng, _zipped(parts), ZIP_TOKENS), xlsx.read, FEED, None)
    for _ in range(rng.randrange(1, 3)):
        name = SHEET if rng.random() < 0.5 else rng.choice(list(parts))
        parts[name] = _damaged(rng, parts[name])
    if rng.random() < 0.05:
        del parts[rng.choice(list(parts))]
    return FeedCase(_zipped(parts), xlsx.read, FEED, None)


def _changed(rng: Random, row: list[str]) -> list[str]:
    row = list(row) or [""]
    at, kind = rng.randrange(len(row)), rng.randrange(5)
    if kind == 0:
        del row[at]
    elif kind == 1:
        row.insert(at, rng.choice(VALUES))
    else:
        row[at] = rng.choice(VALUES)
    return row


def _damaged(rng: Random, part: bytes) -> bytes:
    found = list(ATTRIBUTE.finditer(part))
    if not found or rng.random() < 0.5:
        return with_damaged_bytes(rng, part, TOKENS)
    one = rng.choice(found)
    return part[: one.start()] + b'"' + rng.choice(ATTRIBUTES) + b'"' + part[one.end() :]


def _sheet(rng: Random, rows: list[list[str]]) -> dict[str, bytes]:
    """The part of the sheet, and that of its shared texts."""
    shared: list[str] = []
    has_places = rng.random() < 0.7
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            (_typed if column != ITEM and number > 1 and rng.random() < 0.1 else _cell)(
                rng, text, f' r="{chr(65 + column)}{number}"' if has_places else "", shared
            )
            for column, text in enumerate(row)
        )
        lines.append(f'<row r="{number}">{cells}</row>' if has_places else f"<row>{cells}</row>")
    merged = f'<mergeCells><mergeCell ref="{rng.choice(MERGED)}"/></mergeCells>' if rng.random() < 0.2 else ""
    texts = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in shared)
    return {
        SHEET: f"<worksheet {NAMESPACE}><sheetData>{''.join(lines)}</sheetData>{merged}</worksheet>".encode(),
        SHARED: f"<sst {NAMESPACE}>{texts}</sst>".encode(),
    }


def _cell(rng: Random, text: str, place: str, shared: list[str]) -> str:
    if not text:
        return f"<c{place}/>"
    kind = rng.choice(("inlineStr", "str", "s", "n"))
    if kind == "n" and text.isdecimal() and not text.startswith("0"):
        return f"<c{place}><v>{text}</v></c>"
    if kind == "s":
        shared.append(text)
        return f'<c{place} t="s"><v>{len(shared) - 1}</v></c>'
    if kind == "str":
        return f'<c{place} t="str"><f>T(A1)</f><v>{escape(text)}</v></c>'
    return f'<c{place} t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _typed(rng: Random, text: str, place: str, shared: list[str]) -> str:
    """A cell that has a value exactly where there is a text, but of some other kind."""
    return f"<c{place}{rng.choice(TYPED)}</c>" if text.strip() else _cell(rng, text, place, shared)


def _zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, part in parts.items():
            packed.writestr(zipfile.ZipInfo(name), part)
    return out.getvalue()


def _judge(read: Read, rows: list[list[str]]) -> str | None:
    """Every row below the header that has a text is a row, with the item that it has."""
    texts = [row for row in rows if any(cell.strip() for cell in row)]
    if len(texts) != read.count:
        return f"{len(texts)} rows, {read.count} rows and rejects"
    lost = missing([row[ITEM] for row in texts if len(row) > ITEM and row[ITEM]], read.texts("item"))
    return f"{lost} items are in no row" if lost else None

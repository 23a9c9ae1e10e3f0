"""What a file really is."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.stockwatch.adapters.feeds.content import Kind, contradiction, kind_of
from include.stockwatch.errors import HoldCode

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def zipped(*names: str) -> bytes:
    """A zip of empty members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return target.getvalue()


def workbook() -> bytes:
    """A workbook as openpyxl saves it."""
    target = io.BytesIO()
    openpyxl.Workbook().save(target)
    return target.getvalue()


def parquet() -> bytes:
    """A Parquet file."""
    target = io.BytesIO()
    pq.write_table(pa.table({"store": ["12"]}), target)
    return target.getvalue()


KINDS = [
    (b"", Kind.EMPTY),
    (b"store,item,stock\n12,A,3\n", Kind.TEXT),
    (b"\xef\xbb\xbfstore;item\n", Kind.TEXT),
    ("store\titem\n".encode("utf-16"), Kind.TEXT),
    (b" \n", Kind.TEXT),
    (b"MZ_CODE,STORE\n", Kind.TEXT),
    (b"PK,STORE\n", Kind.TEXT),
    (b"ISA number,store\n", Kind.TEXT),
    (b"ST,QTY,UPC\n", Kind.TEXT),
    (b"UNA,UNB\n", Kind.TEXT),
    (b"<ALL>,<STORE>\n1,2\n", Kind.TEXT),
    (b"[Retail],[Sourcing]\n", Kind.TEXT),
    ("café,straße\n".encode("cp1252"), Kind.TEXT),
    (zipped("a.csv", "b.csv"), Kind.ZIP),
    (zipped(), Kind.ZIP),
    (b"PK\x03\x04 and nothing else", Kind.ZIP),
    (gzip.compress(b"store"), Kind.GZIP),
    (workbook(), Kind.XLSX),
    (zipped("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"), Kind.MACROS),
    (zipped("[Content_Types].xml", "xl/workbook.xml", "xl/macrosheets/sheet1.xml"), Kind.MACROS),
    (zipped("[Content_Types].xml", "xl/workbook.bin"), Kind.OLD_EXCEL),
    (zipped("[Content_Types].xml", "word/document.xml"), Kind.DOCUMENT),
    (zipped("mimetype", "content.xml"), Kind.DOCUMENT),
    (OLE + "Workbook".encode("utf-16-le"), Kind.OLD_EXCEL),
    (OLE + "EncryptedPackage".encode("utf-16-le"), Kind.ENCRYPTED),
    (OLE + "Workbook _VBA_PROJECT".encode("utf-16-le"), Kind.MACROS),
    (OLE + "WordDocument".encode("utf-16-le"), Kind.DOCUMENT),
    (parquet(), Kind.PARQUET),
    (b"PARE" + bytes(20) + b"PARE", Kind.ENCRYPTED),
    (b"<html><table>", Kind.HTML),
    (b"\r\n  <TABLE border=1>", Kind.HTML),
    (b"<!DOCTYPE html>", Kind.HTML),
    (b"<!-- report -->\n<table>", Kind.HTML),
    ("\ufeff<html>".encode("utf-16-le"), Kind.HTML),
    (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', Kind.HTML),
    (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', Kind.XML),
    (b"<report><row/></report>", Kind.XML),
    (b"ISA*00*          *00*", Kind.X12),
    (b"\xef\xbb\xbf\r\n ISA|00||00|", Kind.X12),
    (b"ST*852*0001~", Kind.X12),
    (b"UNA:+.? 'UNB+UNOC:3+", Kind.EDIFACT),
    (b"UNA:+.?\r\n'\nUNB+UNOC:3+", Kind.TEXT),
    (b"UNB+UNOA:1+4012345000009:14+", Kind.EDIFACT),
    (b'{"store": "12"}\n', Kind.JSONL),
    (b'[\n {"store": "12"}]', Kind.JSONL),
    (b"%PDF-1.7", Kind.DOCUMENT),
    (b"7z\xbc\xaf\x27\x1c\0\4", Kind.OTHER_ARCHIVE),
    (b"Rar!\x1a\x07\x01\0", Kind.OTHER_ARCHIVE),
    (b"x" * 257 + b"ustar\x0000", Kind.OTHER_ARCHIVE),
    (b"\x7fELF\x02\x01", Kind.PROGRAM),
    (b"MZ\x90\0\x03\0\0\0", Kind.PROGRAM),
    (b"\x89PNG\r\n\x1a\n", Kind.PICTURE),
    (b"store,item\0\0\0\0", Kind.BINARY),
]


@pytest.mark.parametrize(("content", "kind"), KINDS, ids=range(len(KINDS)))
def test_the_kind_of_a_file_is_told_by_its_first_bytes(tmp_path: Path, content: bytes, kind: Kind) -> None:
    path = tmp_path / "stock.xls"
    path.write_bytes(content)
    assert kind_of(path) is kind


AGREEING = [
    ("csv", b"store,item\n"),
    ("csv", "store,item\n".encode("utf-16-le")),
    ("csv", b""),
    ("xlsx", b""),
    ("xlsx", workbook()),
    ("parquet", parquet()),
    ("html", b"<table>"),
    ("html", b"no tag at all"),
    ("jsonl", b'{"store": 1}'),
    ("jsonl", b"oops\n"),
    ("x12", b"ISA*00*"),
    ("x12", b"no envelope"),
    ("edifact", b"UNB+UNOA:1"),
]


@pytest.mark.parametrize(("kind", "content"), AGREEING, ids=range(len(AGREEING)))
def test_a_file_that_may_be_what_its_feed_says_is_left_to_its_reader(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "stock"
    path.write_bytes(content)
    assert contradiction(path, kind) is None


WRONG = [
    ("xlsx", b"<html><table>", "`format.kind: html`"),
    ("xlsx", b"store\titem\n", "`format.kind: csv`"),
    ("csv", workbook(), "`format.kind: xlsx`"),
    ("csv", b"ISA*00*          *00*", "`format.kind: x12`"),
    ("csv", b"<!doctype html><title>Log in</title>", "`format.kind: html`"),
    ("x12", b"UNB+UNOA:1+", "`format.kind: edifact`"),
    ("parquet", b'{"store": 1}', "`format.kind: jsonl`"),
    ("html", b'<?xml version="1.0"?><Workbook>', "as html"),
    ("csv", OLE + "Workbook".encode("utf-16-le"), "as csv"),
    ("csv", b"%PDF-1.4", "as csv"),
    ("parquet", b"\0\1\2\3", "as parquet"),
]


@pytest.mark.parametrize(("kind", "content", "fix"), WRONG, ids=range(len(WRONG)))
def test_a_file_of_another_kind_is_held_with_what_it_looks_like(
    tmp_path: Path, kind: str, content: bytes, fix: str
) -> None:
    path = tmp_path / "stock"
    path.write_bytes(content)
    hold = contradiction(path, kind)
    assert hold is not None
    assert hold.code is HoldCode.WRONG_FORMAT
    assert fix in hold.fix


@pytest.mark.parametrize("kind", ["csv", "xlsx", "html", "x12"])
@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\0\x03\0\0\0",
        b"\x7fELF\x02\x01",
        OLE + "EncryptedPackage".encode("utf-16-le"),
        zipped("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"),
    ],
    ids=["windows program", "linux program", "encrypted workbook", "macros"],
)
def test_a_file_that_could_do_harm_is_held_whatever_the_feed_says(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "stock"
    path.write_bytes(content)
    hold = contradiction(path, kind)
    assert hold is not None
    assert hold.code is HoldCode.UNSAFE_CONTENT


def test_a_mark_across_two_parts_of_an_old_office_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "stock.xls"
    mark = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(OLE + bytes(1024 * 1024 - len(OLE) - 7) + mark)
    assert kind_of(path) is Kind.ENCRYPTED

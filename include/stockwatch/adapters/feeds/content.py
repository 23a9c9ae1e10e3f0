"""What a file really is, by its first bytes: partners call anything `.xls`, and anything may be sent by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from include.stockwatch.adapters.feeds import archive
from include.stockwatch.adapters.feeds.encoding import BOMS, Unreadable
from include.stockwatch.errors import Hold, HoldCode

HEAD_BYTES = 8192


class Kind(StrEnum):
    """What a file can be. Kinds that have a reader are called as in `format.kind`; a text may be a CSV file."""

    XLSX = "xlsx"
    HTML = "html"
    PARQUET = "parquet"
    JSONL = "jsonl"
    X12 = "x12"
    EDIFACT = "edifact"
    TEXT = "csv"
    EMPTY = "empty file"
    ZIP = "zip archive"
    GZIP = "gzip archive"
    OTHER_ARCHIVE = "archive of another kind than zip and gz"
    OLD_EXCEL = "workbook of an old or binary kind (.xls, .xlsb)"
    XML = "XML document"
    DOCUMENT = "document that is no table"
    PICTURE = "picture"
    BINARY = "binary file of no known kind"
    ENCRYPTED = "encrypted file"
    MACROS = "workbook with macros"
    PROGRAM = "executable program"


READABLE = (Kind.XLSX, Kind.HTML, Kind.PARQUET, Kind.JSONL, Kind.X12, Kind.EDIFACT, Kind.TEXT)
UNSAFE = (Kind.ENCRYPTED, Kind.MACROS, Kind.PROGRAM)

STARTS = (
    (b"PAR1", Kind.PARQUET),
    (b"PARE", Kind.ENCRYPTED),  # Parquet with an encrypted footer
    (b"\x1f\x8b", Kind.GZIP),
    (b"7z\xbc\xaf\x27\x1c", Kind.OTHER_ARCHIVE),
    (b"Rar!\x1a\x07", Kind.OTHER_ARCHIVE),
    (b"BZh", Kind.OTHER_ARCHIVE),
    (b"\xfd7zXZ\0", Kind.OTHER_ARCHIVE),
    (b"\x28\xb5\x2f\xfd", Kind.OTHER_ARCHIVE),  # zstd
    (b"\x7fELF", Kind.PROGRAM),
    (b"\xcf\xfa\xed\xfe", Kind.PROGRAM),  # Mach-O
    (b"\xca\xfe\xba\xbe", Kind.PROGRAM),  # Mach-O for several machines, Java class
    (b"%PDF-", Kind.DOCUMENT),
    (b"{\\rtf", Kind.DOCUMENT),
    (b"\x89PNG\r\n", Kind.PICTURE),
    (b"\xff\xd8\xff", Kind.PICTURE),
    (b"GIF8", Kind.PICTURE),
)
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TAR, TAR_AT = b"ustar", 257

HTML = re.compile(
    r"<(!doctype\s+html|html|head|body|meta|title|style|script|link|table|thead|tbody|tr|td|th|div|p|center|font|h[1-6]"
    r"|b|br|span|form|pre)\b|<!--",
    re.IGNORECASE,
)
XML = re.compile(r"<\?xml\b|<!doctype\b|<[A-Za-z_][\w.:-]*(\s[^<>]*)?/?>\s*<", re.IGNORECASE)
JSON = re.compile(r'\{\s*["}]|\[\s*[\[{"\]]')
EDIFACT = re.compile(r"UNA.{6}\s*UN[BGH]|UNB[^\w\s][A-Z]{4}[^\w\s]", re.DOTALL)
X12 = re.compile(r"ISA([^A-Za-z0-9\r\n])[ 0-9]{0,4}\1|ST([*|~^])[0-9]{3}\2")

AGAIN = "ask the partner for the right file"


def kind_of(path: Path) -> Kind:
    """What a file is. Reads its first bytes; of a zip the list of members, of an old office file all of it."""
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    if not start:
        return Kind.EMPTY
    if start.startswith(ZIPS):
        return _zip_kind(path)
    if start.startswith(OLE):
        return _ole_kind(path)
    if start.startswith(b"MZ") and b"\0" in start[:64]:
        return Kind.PROGRAM
    if start[TAR_AT:].startswith(TAR):
        return Kind.OTHER_ARCHIVE
    return next((kind for magic, kind in STARTS if start.startswith(magic)), None) or _text_kind(start)


def contradiction(path: Path, kind: str) -> Hold | None:
    """A hold if a file cannot be what its feed says it is, by `format.kind`. A text may yet turn out to be another."""
    found = kind_of(path)
    if found in UNSAFE:
        return Hold(HoldCode.UNSAFE_CONTENT, f"the feed is `{kind}`, and this is: {found}", _safe_fix(found))
    if found in (kind, Kind.EMPTY) or (found in (Kind.TEXT, Kind.BINARY) and _is_text(kind)):
        return None
    if found in READABLE:
        fix = f"set `format.kind: {found}` if the partner changed it; else {AGAIN}"
        return Hold(HoldCode.WRONG_FORMAT, f"the feed is `{kind}`, and this looks like `{found}`", fix)
    return Hold(HoldCode.WRONG_FORMAT, f"the feed is `{kind}`, and this looks like: {found}", f"{AGAIN}, as {kind}")


def _safe_fix(found: Kind) -> str:
    if found is Kind.ENCRYPTED:
        return "ask the partner to send it without a password"
    return "ask the partner for a plain data file; tell your security people if you did not expect this"


def _is_text(kind: str) -> bool:
    return kind not in (Kind.XLSX, Kind.PARQUET)


def _zip_kind(path: Path) -> Kind:
    try:
        with archive.opened(path) as packed:
            names = [archive.plain(name) for name in packed.namelist()]
    except Unreadable:
        return Kind.ZIP  # whose damage unpacking tells of
    if any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in names):
        return Kind.MACROS
    if "xl/workbook.bin" in names:
        return Kind.OLD_EXCEL
    if any(name.startswith("xl/") for name in names) and "[content_types].xml" in names:
        return Kind.XLSX
    return Kind.DOCUMENT if {"[content_types].xml", "mimetype"} & set(names) else Kind.ZIP


def _ole_kind(path: Path) -> Kind:
    """An encrypted workbook, one with macros, a plain .xls, or what else office programs keep in this container."""
    found: set[bytes] = set()
    marks = {name.encode("utf-16-le") for name in ("EncryptedPackage", "_VBA_PROJECT", "Workbook", "Book")}
    for part in _parts(path, 64):
        found |= {mark for mark in marks if mark in part}
    names = {mark.decode("utf-16-le") for mark in found}
    if "EncryptedPackage" in names:
        return Kind.ENCRYPTED
    if "_VBA_PROJECT" in names:
        return Kind.MACROS
    return Kind.OLD_EXCEL if names else Kind.DOCUMENT


def _parts(path: Path, overlap: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        left = b""
        while part := file.read(archive.CHUNK):
            yield left + part
            left = part[-overlap:]


def _text_kind(start: bytes) -> Kind:
    text = _text(start)
    if text is None:
        return Kind.BINARY
    text = text.lstrip()
    if HTML.match(text):
        return Kind.HTML
    if XML.match(text):
        return Kind.HTML if re.search(r"<html\b", text, re.IGNORECASE) else Kind.XML
    for kind, pattern in ((Kind.EDIFACT, EDIFACT), (Kind.X12, X12), (Kind.JSONL, JSON)):
        if pattern.match(text):
            return kind
    return Kind.TEXT


def _text(start: bytes) -> str | None:
    """The text of some bytes, near enough to tell its kind; none if they are no text."""
    for mark, encoding in BOMS:
        if start.startswith(mark):
            return start[len(mark) :].decode(encoding, "ignore")
    if b"\0" in start:
        return None
    return start.decode("latin-1")

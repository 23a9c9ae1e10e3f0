"""The parts of an .xlsx workbook (ECMA-376, SpreadsheetML) that its cells need, opened without trust.

Every part is parsed in a stream, so memory is bounded by the rows at hand and the workbook's table of texts, whatever a
sheet claims of its size. Nothing is evaluated: a formula counts with the value that was saved with it.
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from include.stockwatch.adapters.feeds import archive, typed, xml_part
from include.stockwatch.adapters.feeds.archive import Budget, Limits
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.errors import HoldCode

MOST_TEXT_BYTES = 100_000_000
"""Of the table of texts, which is held in memory."""
MOST_STYLES = 100_000

UNSAFE_PARTS = {
    "vbaproject.bin": "macros",
    "xl/macrosheets/": "macros",
    "xl/externallinks/": "links to other files",
    "xl/activex/": "controls that run code",
    "xl/embeddings/": "embedded files",
}
DATES = frozenset([*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)])
"""Built-in number formats that are dates or times; the ranges above 22 in East Asian versions."""

NO_LETTERS_OF_DATE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
ONLY_ZEROS = re.compile(r"0{2,}")
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
SURROGATES = range(0xD800, 0xE000)
FIRST_SERIAL = 61


@dataclass(frozen=True)
class Sheet:
    """One sheet with cells. `part` is its name in the archive."""

    name: str
    part: str
    is_visible: bool


@dataclass(frozen=True)
class Style:
    """What the number format of a cell says of its value: a moment, or a number of fixed length with leading zeros."""

    is_date: bool = False
    zeros: int = 0


@dataclass(frozen=True)
class Workbook:
    """An open workbook."""

    archive: ZipFile
    sheets: tuple[Sheet, ...]
    texts: tuple[str, ...]
    styles: tuple[Style, ...]
    first_day: dt.datetime
    """The day that serial number 0 stands for."""

    def stream(self, sheet: Sheet) -> IO[bytes]:
        """The bytes of a sheet's part. Raises: Unreadable"""
        return self.archive.open(_member(self.archive, sheet.part))

    def moment(self, serial: float) -> dt.datetime | None:
        """The moment of a serial number; none if it is no date, or one before Excel's day too many of 1900."""
        if not serial >= FIRST_SERIAL:
            return None
        try:
            whole = int(serial)
            return self.first_day + dt.timedelta(days=whole, seconds=round((serial - whole) * 86_400))
        except OverflowError:
            return None


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Workbook]:
    """A workbook that is safe to read: bounded, in the open, without macros, links, embedded files or document types.

    Raises: Unreadable, also for damage that is found while it is used
    """
    with archive.opened(path) as packed:
        members = packed.infolist()
        archive.check(members, are_paths=False)
        Budget(limits, path.stat().st_size).spend(sum(member.file_size for member in members))
        _must_be_safe(packed, members)
        yield _workbook(packed)


def _must_be_safe(packed: ZipFile, members: list[ZipInfo]) -> None:
    for member in members:
        name = archive.plain(member.filename)
        found = next((what for part, what in UNSAFE_PARTS.items() if part in name), None)
        if found:
            fix = "ask the partner for a plain workbook of values (.xlsx), or a CSV file"
            raise Unreadable(HoldCode.UNSAFE_CONTENT, f"the workbook has {found}: `{member.filename}`", fix)
        if name.endswith((".xml", ".rels", ".vml")):
            with packed.open(member) as source:
                xml_part.refuse_document_type(source, member.filename)


def _workbook(packed: ZipFile) -> Workbook:
    main = next((r.target for r in _relations(packed, "").values() if r.kind == "officeDocument"), "xl/workbook.xml")
    relations = _relations(packed, main)
    book = _Book()
    _read(packed, main, book)
    sheets = [
        Sheet(name, relations[key].target, is_visible)
        for name, key, is_visible in book.sheets
        if key in relations and relations[key].kind == "worksheet"
    ]
    styles, texts = _Styles(), _Texts()
    for relation in relations.values():
        if relation.kind == "styles":
            _read(packed, relation.target, styles)
        if relation.kind == "sharedStrings":
            _read(packed, relation.target, texts)
    first_day = dt.datetime(1904, 1, 1) if book.starts_1904 else dt.datetime(1899, 12, 30)  # noqa: DTZ001  (no moment)
    return Workbook(packed, tuple(sheets), tuple(texts.found), tuple(styles.found), first_day)


def _read(packed: ZipFile, part: str, events: xml_part.Events) -> None:
    member = _member(packed, part)
    if member.file_size > MOST_TEXT_BYTES:
        what = f"`{part}` has {member.file_size:,} bytes, and {MOST_TEXT_BYTES:,} are read"
        raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for smaller files, or for CSV")
    with packed.open(member) as source:
        for _ in xml_part.parse(source, events, part):
            pass


def _member(packed: ZipFile, part: str) -> ZipInfo:
    """A part by its name, in which upper and lower case are the same, and for some programs both slashes."""
    for member in packed.infolist():
        if archive.plain(member.filename) == archive.plain(part):
            return member
    fix = "ask the partner to save the workbook again and to send it whole"
    raise Unreadable(HoldCode.ARCHIVE_DAMAGED, f"the workbook has no part `{part}`", fix)


@dataclass(frozen=True)
class _Relation:
    kind: str
    target: str


def _relations(packed: ZipFile, part: str) -> dict[str, _Relation]:
    """The parts that a part points to, by the ids that it uses for them."""
    folder, name = posixpath.split(part)
    events = _Relations(folder)
    _read(packed, posixpath.join(folder, "_rels", f"{name}.rels"), events)
    return events.found


class _Relations(xml_part.Events):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, _Relation] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", self.folder, attributes.get("Target", "")))
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = _Relation(kind, target.lstrip("/"))


class _Book(xml_part.Events):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, bool]] = []  # name, id of the relation, whether it is visible
        self.starts_1904 = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "workbookPr":
            self.starts_1904 |= attributes.get("date1904") in ("1", "true")  # extensions have one of the same name
        if name == "sheet":
            key = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            is_visible = attributes.get("state", "visible") == "visible"
            self.sheets.append((attributes.get("name", ""), key, is_visible))


class _Texts(xml_part.Events):
    """The table of texts, each the sum of its runs without their pronunciation."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._runs: list[str] = []
        self._is_open, self._is_spoken = False, False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        if name == "si":
            self._runs = []
        self._is_spoken = name == "rPh" or (self._is_spoken and name != "si")
        self._is_open = name == "t" and not self._is_spoken

    def end(self, name: str) -> None:
        self._is_open = False
        if name == "rPh":
            self._is_spoken = False
        if name == "si":
            self.found.append(plain("".join(self._runs)))

    def text(self, text: str) -> None:
        if self._is_open:
            self._runs.append(text)


class _Styles(xml_part.Events):
    """The styles that cells name by their number."""

    def __init__(self) -> None:
        self.found: list[Style] = []
        self._codes: dict[str, str] = {}
        self._is_of_cells = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "numFmt":
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._is_of_cells = True
        elif name == "xf" and self._is_of_cells and len(self.found) < MOST_STYLES:
            key = attributes.get("numFmtId", "0")
            self.found.append(_style(key, self._codes.get(key, "")))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._is_of_cells = False


def _style(key: str, code: str) -> Style:
    if not code:
        return Style(is_date=key.isdecimal() and int(key[:9]) in DATES)
    if ONLY_ZEROS.fullmatch(code):
        return Style(zeros=len(code))
    if ELAPSED.search(code):  # a length of time, not a moment
        return Style()
    letters = NO_LETTERS_OF_DATE.sub("", code.split(";")[0])
    return Style(is_date=re.search("[dmyhs]", letters, re.IGNORECASE) is not None)


def plain(text: str) -> str:
    """A text of a cell, in which _x000D_ and the like are the characters that they stand for."""
    return typed.text(ESCAPED.sub(_character, text) if "_x" in text else text)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if code in SURROGATES else chr(code)

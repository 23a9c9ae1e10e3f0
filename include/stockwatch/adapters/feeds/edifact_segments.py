"""EDIFACT syntax (ISO 9735): from bytes to segments, an interchange at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import BinaryIO

from include.stockwatch.errors import Hold, HoldCode

CHUNK = 1 << 20
"""Bytes read at once."""

MOST_IN_SEGMENT = 100_000
"""Characters in which the end of a segment must come; the longest real ones have a few hundred."""

HEAD = 4_096
"""Characters in which UNA and UNB end."""

Segment = list[list[str]]
"""Elements of components: `QTY+145:12:PCE` is [[QTY], [145, 12, PCE]]."""

BOM = "\xef\xbb\xbf"
BETWEEN = re.compile(rf"[ \t\n\x00\x1a{BOM}]*")
"""What may stand between interchanges: blanks, NUL, the Ctrl-Z that ends a DOS file, byte order marks."""

UNA = re.compile(r"UNA(.)(.)(.)(.)(.?)(.)[ \t\n]*(?=UNB)", re.DOTALL)  # the reserved blank is sometimes trimmed
SHOWN = {0x100 + code: code for code in range(0x100)}


class Unreadable(Exception):
    """The file cannot be read any further; `hold` says why."""

    def __init__(self, code: HoldCode, what: str, fix: str) -> None:
        self.hold = Hold(code, what, fix)
        super().__init__(what)


@dataclass(frozen=True)
class Marks:
    """The characters that structure an interchange. A line feed as terminator means any line end."""

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"  # "" = there is none
    terminator: str = "'"

    @cached_property
    def released(self) -> re.Pattern[str]:
        """A released character, as group 1."""
        return re.compile(re.escape(self.release) + "(.)", re.DOTALL)


WITHOUT_UNA = {"+": Marks(), "\x1d": Marks("\x1f", "\x1d", ".", "", "\x1c")}
"""By the character after UNB: the usual marks, and those of character set level B."""


class Segments:
    """The segments of a file.

    A byte is a character here (latin-1), and CR is LF. The marks are ASCII in every character set in use, so values can
    be decoded afterwards, by the set that their own interchange names.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self.number = 0  # of the segment that was read last, from 1; UNA is one too
        self.marks = Marks()
        self.has_bom = False

    def begins(self) -> bool:
        """Move past what may stand between interchanges; whether one begins there."""
        while True:
            between = BETWEEN.match(self._text, self._at)
            assert between  # it matches nothing, too
            self.has_bom |= BOM in between[0]
            self._at = between.end()
            if len(self._text) - self._at >= len("UNB") or not self._more():
                return self._text.startswith(("UNA", "UNB"), self._at)

    def rest(self) -> str:
        """What follows, as far as a segment may reach."""
        while len(self._text) - self._at <= MOST_IN_SEGMENT and self._more():
            pass
        return self._text[self._at : self._at + MOST_IN_SEGMENT]

    def interchange(self) -> Iterator[Segment]:
        """The segments from UNB to UNZ, or to the end of the file if that comes first.

        Line ends between and within segments are no part of them: files are wrapped at 80 columns.

        Raises: Unreadable, if the marks are not clear or a segment does not end.
        """
        marks = self.marks = self._marks()
        component, element, release = marks.component, marks.element, marks.release
        for piece in self._pieces(marks):
            if "\n" in piece:
                piece = piece.replace("\n", "")
            piece = piece.strip(" \t")
            if not piece:
                continue
            self.number += 1
            if release and release in piece:
                segment = _split_released(piece, marks)
            else:
                segment = [part.split(component) for part in piece.split(element)]
            yield segment
            if segment[0][0] == "UNZ":
                return

    def _marks(self) -> Marks:
        """The marks of the interchange that begins here; moves past its UNA."""
        while len(self._text) - self._at < HEAD and self._more():
            pass
        head = self._text[self._at : self._at + HEAD]
        marks = WITHOUT_UNA.get(head[3:4])
        if head.startswith("UNA"):
            self.number += 1
            found = UNA.match(head)
            marks = _marks_of(*found.groups()) if found else None
            end = found.end() if found else 0
            self._at += end
            head = head[end:]
        if marks is None:
            what = f"segment {max(self.number, 1)}: {head[:12]!r} does not say which characters divide the file"
            fix = "ask the partner for a UNA of nine characters before UNB, e.g. UNA:+.? '"
            raise Unreadable(HoldCode.WRONG_FORMAT, what, fix)
        if re.match(rf"UNB[^{re.escape(marks.terminator)}\n]*\n[ \t\n]*UN[GHZ]{re.escape(marks.element)}", head):
            return replace(marks, terminator="\n")
        return marks

    def _pieces(self, marks: Marks) -> Iterator[str]:
        """The text from here, cut at the terminators; what follows the last one is a piece too."""
        terminator, release = marks.terminator, marks.release
        doubtful = release + "\n" if release and terminator != "\n" else ""  # a line end is never released
        start = look = self._at
        while True:
            end = self._text.find(terminator, look)
            if end < 0:
                look = len(self._text) - start
                self._check_length(look)
                self._at = start
                if not self._more():
                    break
                start = 0
            elif end and self._text[end - 1] in doubtful and _is_released(self._text, start, end, release):
                look = end + 1
            else:
                self._at = look = end + 1
                yield self._text[start:end]
                start = look
        self._at = len(self._text)
        yield self._text[start:]

    def _check_length(self, length: int) -> None:
        if length > MOST_IN_SEGMENT:
            what = f"segment {self.number + 1} does not end within {MOST_IN_SEGMENT} characters"
            fix = "is this EDIFACT, and does its UNA name the character that ends segments?"
            raise Unreadable(HoldCode.WRONG_FORMAT, what, fix)

    def _more(self) -> bool:
        chunk = self._file.read(CHUNK)
        if chunk:
            self._text = self._text[self._at :] + chunk.decode("latin-1").replace("\r", "\n")
            self._at = 0
        return bool(chunk)


def _marks_of(component: str, element: str, decimal: str, release: str, _: str, terminator: str) -> Marks | None:
    """The marks that a UNA names; none if they cannot be told from each other or from what they divide."""
    release = "" if release == " " else release
    used = [component, element, terminator, *release]
    if len(set(used)) < len(used) or any(mark.isalnum() or mark == " " for mark in used):
        return None
    return Marks(component, element, "," if decimal == "," else ".", release, terminator)


def _is_released(text: str, start: int, end: int, release: str) -> bool:
    """Whether the terminator at `end` is data: an odd number of release characters stands before it."""
    while end > start and text[end - 1] == "\n":
        end -= 1
    first = end
    while first > start and text[first - 1] == release:
        first -= 1
    return (end - first) % 2 == 1


def _split_released(piece: str, marks: Marks) -> Segment:
    """Split a segment that has release characters: what they release is moved out of latin-1 meanwhile."""
    hidden = marks.released.sub(lambda found: chr(0x100 + ord(found[1])), piece)
    return [[value.translate(SHOWN) for value in part.split(marks.component)] for part in hidden.split(marks.element)]

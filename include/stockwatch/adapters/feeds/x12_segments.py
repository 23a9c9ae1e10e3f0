"""X12 files as segments, in bounded memory: what text they are written in, and the separators of each interchange.

A segment is the list of its elements, its id first. Separators stand where the 16 elements of an ISA end, not at fixed
offsets: real ISA segments are unpadded, over-long or wrapped.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from include.stockwatch.errors import HoldCode

CHUNK = 1 << 20
LONGEST_SEGMENT = 1 << 20
"""Characters. Without a bound, a file that lacks its terminator would be read into memory whole."""

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
ISA_ELEMENTS = 16
ISA_WINDOW = 4000
"""Characters in which an ISA must end; by the book it has 106."""

BLANK = " \t"
BLANKS = re.compile(r"[ \t\r\n\ufeff]*")
ISA = re.compile(r"I[\r\n]*S[\r\n]*A[\r\n]*([^A-Za-z0-9 \r\n])")
LINE = re.compile(r"[^\r\n]*")
ST = re.compile(r"ST([^A-Za-z0-9 \r\n])")

Segment = list[str]


class Unreadable(Exception):
    """The file cannot be read on. Ends as a hold: `code`, what is wrong, and what a person can do."""

    def __init__(self, code: HoldCode, what: str, fix: str) -> None:
        self.code, self.what, self.fix = code, what, fix
        super().__init__(what)


def element(segment: Segment, place: int) -> str:
    """An element without the blanks around it, "" where the segment is shorter."""
    return segment[place].strip(BLANK) if place < len(segment) else ""


@dataclass(frozen=True)
class Separators:
    """Between elements, inside elements, and after segments. A terminator of CR or LF stands for any line end."""

    element: str
    component: str
    terminator: str

    @property
    def is_by_line(self) -> bool:
        """Whether segments end where lines end."""
        return self.terminator in "\r\n"

    @property
    def ends(self) -> str:
        """Every character that ends a segment."""
        return "\r\n" if self.is_by_line else self.terminator

    def split(self, text: str) -> Iterator[Segment]:
        """The segments of a text. Empty ones are left out: they are line ends or doubled terminators."""
        if self.is_by_line:
            text = text.replace("\r", self.terminator).replace("\n", self.terminator)
        else:
            text = text.replace("\r", "").replace("\n", "")
        element = self.element
        for piece in text.split(self.terminator):
            segment = piece.split(element)
            segment[0] = segment[0].strip(BLANK)
            if segment[0] or len(segment) > 1:
                yield segment


def segments(path: Path, bare_terminator: str | None = None) -> Iterator[Segment]:
    """Every segment of a file, that of several interchanges one after the other.

    `bare_terminator` ends the segments of a file of ST..SE sets without an envelope; None: such a file is unreadable.
    Text behind an interchange is split by the separators of that interchange.
    Raises: Unreadable
    """
    text = _Text(_decoded(path, encoding_of(path)))
    separators = None
    if not text.skip_blanks():
        raise Unreadable(HoldCode.EMPTY, "the file is empty", "ask the partner to send it again")
    while text.skip_blanks():
        if text.has(ISA):
            header, separators = _header(text)
            yield header
            yield from _body(text, separators, last="IEA")
        elif separators is None:
            separators = _bare_separators(text, bare_terminator)
            yield from _body(text, separators, last="SE")
        else:
            yield from separators.split(_piece(text, separators))


def encoding_of(path: Path) -> str:
    """The encoding of a whole text file: its byte order mark, else UTF-8, else cp1252.

    Raises: Unreadable, with the place of the first byte that is no text
    """
    with path.open("rb") as file:
        head = file.read(4)
    marked = tuple(encoding for mark, encoding in MARKS if head.startswith(mark))
    problem = None
    for encoding in marked or ("utf-8", "cp1252"):
        problem = _not_text(path, encoding)
        if problem is None:
            return encoding
    raise Unreadable(HoldCode.ENCODING, f"the file is no text: {problem}", "ask the partner to send it again as text")


class _Text:
    """What has been read of a file and not been taken: `text` from `at` on."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self.text, self.at = "", 0

    @property
    def left(self) -> int:
        """Characters in memory that have not been taken."""
        return len(self.text) - self.at

    def more(self) -> bool:
        """Read on; False at the end of the file."""
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self.text, self.at = self.text[self.at :] + chunk, 0
        return True

    def need(self, characters: int) -> bool:
        """Have so many characters in memory; False if the file has fewer."""
        while self.left < characters:
            if not self.more():
                return False
        return True

    def skip_blanks(self) -> bool:
        """Go to the next character that is neither blank nor line end; False at the end of the file."""
        while True:
            found = BLANKS.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.left or not self.more():
                return self.left > 0

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Whether the text goes on with a segment id."""
        self.need(ISA_WINDOW)
        return pattern.match(self.text, self.at) is not None


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield decoder.decode(chunk)


def _not_text(path: Path, encoding: str) -> str | None:
    """The first place that is not text of an encoding, none if all is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return f"byte {done - (len(error.object) - len(chunk)) + error.start} cannot be {encoding}"
            if "\0" in text:
                return f"a NUL stands at byte {done + chunk.find(0)}"
            if not chunk:
                return None
            done += len(chunk)


def _header(text: _Text) -> tuple[Segment, Separators]:
    """The ISA at hand and the separators that it names."""
    whole = not text.need(ISA_WINDOW)
    window = text.text[text.at : text.at + ISA_WINDOW]
    found = ISA.match(window)
    element = found.group(1) if found else "*"
    parts = window.split(element, ISA_ELEMENTS)
    if len(parts) <= ISA_ELEMENTS:
        code = HoldCode.TRUNCATED if whole else HoldCode.NO_ENVELOPE
        what = f"the ISA has {len(parts) - 1} elements, and needs {ISA_ELEMENTS}"
        raise Unreadable(code, what, "ask the partner to send the whole file again")
    rest = parts[ISA_ELEMENTS]
    component, terminator, taken = _last_of_header(rest, element)
    header = [part.replace("\r", "").replace("\n", "") for part in (*parts[:ISA_ELEMENTS], component)]
    text.at += len(window) - len(rest) + taken - 1  # at the terminator, where a body begins
    return header, Separators(element, component, terminator)


def _last_of_header(rest: str, element: str) -> tuple[str, str, int]:
    """Component separator, terminator, and how many characters they took, from the text behind the 16th separator.

    By the book they are its first two characters. A line may be wrapped between them, or ISA16 be empty: what follows
    tells, as it must be the id of a segment.
    """
    follows = rf"[ \t\r\n]*(?=[A-Z](?:[\r\n]*[A-Z0-9]){{1,2}}[ \r\n]*{re.escape(element)}|\Z)"
    both = re.match(rf"[\r\n]*([^\r\n])[\r\n]*?(.){follows}", rest, re.DOTALL)
    if both and both[2] in "\r\n" and LINE.match(rest, both.end())[0].endswith(both[1]):  # type: ignore[index]
        both = None  # ISA16 is empty, and each segment ends with its terminator and a line end
    alone = re.match(rf"(.){follows}", rest, re.DOTALL)
    if both:
        component, terminator, taken = both[1], both[2], both.end(2)
    elif alone:
        component, terminator, taken = "", alone[1], alone.end(1)
    else:
        component, terminator, taken = rest[:1], rest[1:2], 2
    if not terminator or terminator.isalnum() or terminator in element + BLANK:
        what = f"the ISA names no segment terminator: `{rest[:20]}` follows its 16th `{element}`"
        code = HoldCode.NO_ENVELOPE if len(rest) > 1 else HoldCode.TRUNCATED
        raise Unreadable(code, what, "ask the partner for a file whose ISA has its 16 elements")
    return component, terminator, taken


def _bare_separators(text: _Text, terminator: str | None) -> Separators:
    """The separators of a file that begins without an ISA, if the feed takes such files."""
    found = ST.match(text.text, text.at)
    if found and terminator and terminator != found.group(1):
        if terminator not in "\r\n":
            text.text, text.at = terminator + text.text[text.at :], 0
        return Separators(found.group(1), "", terminator)
    raise _no_x12(text.text[text.at : text.at + 20])


def _no_x12(beginning: str) -> Unreadable:
    """What a file is that does not begin with an ISA."""
    if beginning.startswith(("UNA", "UNB")):
        what = f"the file is EDIFACT: it begins with `{beginning}`"
        return Unreadable(HoldCode.WRONG_FORMAT, what, "set `format.kind: edifact`, or move the file to its feed")
    if re.match(r"(ISA|GS|ST)[^A-Za-z0-9]", beginning):
        what = f"the file begins with `{beginning}`: a part of an interchange without its ISA..IEA envelope"
        fix = "ask the partner for whole files, or set `format.bare_sets: true` if ST..SE sets are what they send"
        return Unreadable(HoldCode.NO_ENVELOPE, what, fix)
    what = f"the file begins with `{beginning}`, and an X12 file with ISA"
    return Unreadable(HoldCode.WRONG_FORMAT, what, "set `format` to what the partner sends, or ask for the right file")


def _body(text: _Text, separators: Separators, last: str) -> Iterator[Segment]:
    """The segments from a terminator up to the IEA, or to the end of the file; only `last` may end without terminator.

    The search for the IEA comes before the split, as the next interchange may have other separators.
    """
    ends, element = re.escape(separators.ends), re.escape(separators.element)
    between = BLANK if separators.is_by_line else BLANK + "\r\n"
    iea = re.compile(rf"[{ends}][{between}]*I[\r\n]*E[\r\n]*A[{between}]*{element}")
    while True:
        found = iea.search(text.text, text.at) if last == "IEA" else None
        end = _end_of_segment(text.text, found.end(), separators) if found else -1
        if end >= 0:
            yield from _taken(text, end + 1, separators)
            return
        until = found.start() if found else max(text.text.rfind(mark, text.at) for mark in separators.ends)
        yield from _taken(text, max(until, text.at), separators)
        if text.left > LONGEST_SEGMENT:
            what = (
                f"a segment is longer than {LONGEST_SEGMENT} characters: `{text.text[text.at : text.at + 40].strip()}`…"
            )
            fix = f"ask the partner whether `{separators.terminator!r}` really ends the segments"
            raise Unreadable(HoldCode.TOO_LARGE, what, fix)
        if not text.more():
            yield from _tail(text, separators, last)
            return


def _taken(text: _Text, until: int, separators: Separators) -> Iterator[Segment]:
    taken, text.at = text.text[text.at : until], until
    return separators.split(taken)


def _tail(text: _Text, separators: Separators, last: str) -> Iterable[Segment]:
    """What stands behind the last terminator of a file."""
    tail = list(_taken(text, len(text.text), separators))
    if tail and tail[0][0] != last:
        what = f"the file ends in the middle of a segment: `{separators.element.join(tail[0])[:60]}`"
        raise Unreadable(HoldCode.TRUNCATED, what, "ask the partner to send the whole file again")
    return tail


def _piece(text: _Text, separators: Separators) -> str:
    """Text behind an interchange, up to a terminator, the end of the file, or as much as is kept of it."""
    while (end := _end_of_segment(text.text, text.at, separators)) < 0:
        if text.left > LONGEST_SEGMENT or not text.more():
            end = len(text.text)
            break
    piece, text.at = text.text[text.at : end], min(end + 1, len(text.text))
    return piece


def _end_of_segment(text: str, start: int, separators: Separators) -> int:
    if not separators.is_by_line:
        return text.find(separators.terminator, start)
    found = re.compile(r"[\r\n]").search(text, start)
    return found.start() if found else -1

"""EDIFACT files with inventory reports (INVRPT) and sales reports (SLSRPT): D.96A, D.97A, D.01B and their kin.

Place of a quantity: LOC 14, 18, 19 or 11, else NAD WH or GY (INVRPT); LOC 162, else NAD ST (SLSRPT).
Days of a quantity: DTM 366, 179, 91 (from 90) or 206 (from 194), else 137 (INVRPT); DTM 357 (from 356 or 90), 356 or 91
(from 90) (SLSRPT). `edifact_segments` reads the syntax, `edifact_message` the segments of a message, and `edifact_line`
says what holds for a quantity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from include.stockwatch.adapters.feeds.edifact_line import LAYOUTS
from include.stockwatch.adapters.feeds.edifact_message import READERS, Message, Reading, Row, component
from include.stockwatch.adapters.feeds.edifact_segments import HEAD, MOST_IN_SEGMENT, Segment, Segments, Unreadable
from include.stockwatch.adapters.feeds.raw import LINE, LONG, MOST_KEPT, Batch, Control, Notes, Reject, Value
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import EDIFACT_QUALIFIERS, Edifact, Feed

MOST_ROWS = 50_000
"""Rows of one batch, give or take those of one LIN."""

RELEASES = ("96A", "97A", "01B")
"""Directories that files were seen of. Others are read alike, and warned of."""

LATIN_PARTS = {"UNOD": 2, "UNOE": 5, "UNOF": 7, "UNOG": 3, "UNOH": 4, "UNOI": 6, "UNOJ": 8, "UNOK": 9}
"""Parts of ISO 8859 by character set (UNB 0001), beside those that are or belong to part 1."""

MOST_IN_UNB = 12
"""Its tag and elements, by the book. What has more has swallowed the segments behind it. Source: ISO 9735, UNB."""

TAG = re.compile(r"[A-Z][A-Z0-9]{2}")
SEND_AGAIN = "the file is not whole: ask the partner to send it again"


def read(path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:  # noqa: ARG001  (a Reader)
    """Yield the quantities of a file in the columns of `raw.LONG`, one row per QTY; `line` is its segment, from 1.

    Held and not read on: what is no EDIFACT, ends early, has other messages, or ids that its character set lacks.
    Held, but read all the same: wrong counts, unknown senders, other receivers, test data.
    """
    notes.columns = LONG
    try:
        with path.open("rb") as file:
            yield from _batches(file, feed, notes)
    except Unreadable as end:
        notes.holds.append(end.hold)


def _batches(file: BinaryIO, feed: Feed, notes: Notes) -> Iterator[Batch]:
    segments, found = Segments(file), Found()
    if not segments.begins():
        raise _no_edifact(file)
    while segments.begins():
        interchange = Interchange(segments, found, feed, notes)
        for segment in segments.interchange():
            interchange.take(segment)
            if len(found.rows) + len(found.rejects) >= MOST_ROWS:
                yield found.batch()
        interchange.check_end()
    _check_rest(segments, notes)
    if found.wrong:
        fix = "ask the partner; release the file if it is whole, or set `format.wrong_counts: take`"
        notes.hold(HoldCode.WRONG_COUNTS, found.all_wrong(), fix)
    if not found.count:
        fix = "no row never means no stock; ask the partner to send the file again"
        notes.hold(HoldCode.NO_ROWS, "the file has no QTY", fix)
    if found.rows or found.rejects:
        yield found.batch()


@dataclass
class Found:
    """What was found in a file and not given away yet."""

    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # counts and control numbers; those past the first are counted
    more_wrong: int = 0
    given: int = 0

    @property
    def count(self) -> int:
        """Rows and rejects of the file so far."""
        return self.given + len(self.rows) + len(self.rejects)

    def add_wrong(self, what: str) -> None:
        """Note a wrong count or control number."""
        if len(self.wrong) < MOST_KEPT:
            self.wrong.append(what)
        else:
            self.more_wrong += 1

    def all_wrong(self) -> str:
        """Every wrong count and control number, in words."""
        return "; ".join(self.wrong) + (f"; and {self.more_wrong} more" if self.more_wrong else "")

    def batch(self) -> Batch:
        """Give away the rows and rejects."""
        columns = list(zip(*self.rows, strict=True)) or [()] * (1 + len(LONG))
        arrays = {LINE: pa.array(columns[0], pa.int64())}
        for name, texts in zip(LONG, columns[1:], strict=True):
            column = pa.array(texts, pa.string())
            arrays[name] = column if name == Value.QUANTITY else column.dictionary_encode()
        batch = Batch(pa.table(arrays), tuple(self.rejects))
        self.given = self.count
        self.rows.clear()
        self.rejects.clear()
        return batch


class Interchange:
    """The envelope from UNB to UNZ: what it says of itself is checked, its messages are read."""

    def __init__(self, segments: Segments, found: Found, feed: Feed, notes: Notes) -> None:
        assert isinstance(feed.format, Edifact)
        self._segments, self._found, self._feed, self._form, self._notes = segments, found, feed, feed.format, notes
        self._reading = Reading(".", (), (), False, notes, found.rows, found.rejects, feed.units)
        self._message: Message | None = None
        self._sender = self._receiver = self._number = ""
        self._group = self._reference = ""  # control numbers of the group and the message that are open
        self._messages = self._groups = self._of_group = 0
        self._started = 0  # segment of UNH
        self._rows_before = found.count
        self._is_open = False

    def take(self, segment: Segment) -> None:
        """Read the next segment.

        Raises: Unreadable, if it cannot stand here.
        """
        tag = segment[0][0]
        if tag in SERVICE:
            SERVICE[tag](self, segment)
        elif self._message:
            if tag not in READERS and not TAG.fullmatch(tag):
                self._wrong(f"{tag[:20]!r} is no segment of message {self._reference}")
            self._message.take(tag, segment, self._segments.number)
        else:
            what = f"segment {self._segments.number} `{tag[:20]}` stands outside of a message"
            raise Unreadable(HoldCode.WRONG_FORMAT, what, "ask the partner to send the file again, with UNH and UNT")

    def check_end(self) -> None:
        """The file ends, or another interchange begins.

        Raises: Unreadable, if this one is not whole.
        """
        if self._is_open:
            raise self._truncated("the file ends")

    def _truncated(self, end: str) -> Unreadable:
        missing = f"message {self._reference} (UNT is missing)" if self._message else "the interchange (UNZ is missing)"
        what = f"{end} at segment {self._segments.number} within {missing}, interchange {self._number}"
        return Unreadable(HoldCode.TRUNCATED, what, SEND_AGAIN)

    def _unb(self, segment: Segment) -> None:
        if self._is_open:
            raise self._truncated("another UNB stands")
        if len(segment) > MOST_IN_UNB:
            what = f"segment {self._segments.number}: UNB has {len(segment) - 1} elements, at most {MOST_IN_UNB - 1}"
            fix = "the segments behind it are taken for a part of it; ask the partner for the file with whole line ends"
            raise Unreadable(HoldCode.WRONG_FORMAT, what, fix)
        self._is_open = True
        self._sender, self._receiver = component(segment, 2), component(segment, 3)
        self._number = component(segment, 5)
        self._reading = Reading(
            decimal=self._segments.marks.decimal,
            charsets=("utf-8",) if self._segments.has_bom else _charsets(component(segment, 1)),
            qualifiers=self._feed.item_id.qualifiers or EDIFACT_QUALIFIERS,
            takes_others=not self._feed.item_id.qualifiers,
            notes=self._notes,
            rows=self._found.rows,
            rejects=self._found.rejects,
            units=self._feed.units,
        )
        self._check_parties(is_test=component(segment, 11) not in ("", "0"))

    def _check_parties(self, *, is_test: bool) -> None:
        form, which = self._form, f"interchange {self._number}"
        if form.senders and self._sender not in form.senders:
            fix = "add the sender to `format.senders` if the partner uses it, else discard the file"
            self._hold(HoldCode.UNKNOWN_SENDER, f"{which} is from `{self._sender}`", fix)
        if form.receivers and self._receiver not in form.receivers:
            fix = "add the receiver to `format.receivers` if it is us, else tell the partner"
            self._hold(HoldCode.WRONG_RECEIVER, f"{which} is for `{self._receiver}`", fix)
        if is_test and form.test_data == "hold":
            fix = "ask the partner to send live data; set `format.test_data: take` while testing"
            self._hold(HoldCode.TEST_DATA, f"{which} is marked as test data (UNB 0035)", fix)

    def _hold(self, code: HoldCode, what: str, fix: str) -> None:
        if sum(hold.code is code for hold in self._notes.holds) < MOST_KEPT:
            self._notes.hold(code, what, fix)

    def _ung(self, segment: Segment) -> None:
        if self._message:
            raise self._truncated("UNG stands")
        if self._group:
            self._wrong(f"group {self._group} has no UNE")
        self._group, self._of_group = component(segment, 5), 0
        self._groups += 1

    def _unh(self, segment: Segment) -> None:
        if self._message:
            raise self._truncated("another UNH stands")
        self._reference, self._started = component(segment, 1), self._segments.number
        self._messages += 1
        self._of_group += 1
        kind, release = component(segment, 2), component(segment, 2, 2)
        taken = [name for name in LAYOUTS if name in (self._form.messages or LAYOUTS)]
        if kind not in taken:
            which = f"segment {self._started}: message {self._reference}"
            what = f"{which} is {kind or 'of no kind'}, not {' or '.join(taken)}"
            fix = "take it out of the folder of this feed, or name it in `format.messages` if it is a report we read"
            raise Unreadable(HoldCode.UNSUPPORTED, what, fix)
        if release not in RELEASES:
            self._notes.warn("VERSION", self._started, f"{kind} of directory {release or 'unknown'} is read like D.96A")
        self._message = Message(LAYOUTS[kind], self._reference, self._reading)

    def _unt(self, segment: Segment) -> None:
        message, self._message = self._message, None
        if message is None:
            what = f"segment {self._segments.number}: UNT without UNH"
            raise Unreadable(HoldCode.WRONG_FORMAT, what, SEND_AGAIN)
        message.close()
        which = f"message {self._reference}"
        self._check_count(segment, which, "segments", [self._segments.number - self._started + 1])
        self._check_number(segment, which, self._reference)
        if message.lines_said and _figure(message.lines_said) != str(message.lines):
            self._wrong(f"CNT of {which} says {message.lines_said} lines, there are {message.lines}")

    def _une(self, segment: Segment) -> None:
        if self._message:
            raise self._truncated("UNE stands")
        which = f"group {self._group}"
        self._check_count(segment, which, "messages", [self._of_group])
        self._check_number(segment, which, self._group)
        self._group = ""

    def _unz(self, segment: Segment) -> None:
        if self._message:
            raise self._truncated("UNZ stands")
        if self._group:
            self._wrong(f"group {self._group} has no UNE")
        which = f"interchange {self._number}"
        # by the book the groups are counted where there are any; many count the messages all the same
        counts = [self._groups, self._messages] if self._groups else [self._messages]
        self._check_count(segment, which, "messages", counts)
        self._check_number(segment, which, self._number)
        self._is_open = False
        rows = self._found.count - self._rows_before
        self._notes.controls.append(Control(self._sender, self._receiver, self._number, rows))

    def _check_count(self, segment: Segment, which: str, of_what: str, counted: list[int]) -> None:
        said = component(segment, 1)
        if _figure(said) not in map(str, counted):
            self._wrong(f"{segment[0][0]} of {which} says {said or 'no'} {of_what}, there are {counted[-1]}")

    def _check_number(self, segment: Segment, which: str, number: str) -> None:
        said = component(segment, 2)
        if said != number:
            self._wrong(f"{segment[0][0]} of {which} has the control number `{said}`")

    def _wrong(self, what: str) -> None:
        if self._form.wrong_counts == "take":
            self._notes.warn("WRONG_COUNTS", self._segments.number, what)
        else:
            self._found.add_wrong(f"segment {self._segments.number}: {what}")


SERVICE = {
    "UNB": Interchange._unb,
    "UNG": Interchange._ung,
    "UNH": Interchange._unh,
    "UNT": Interchange._unt,
    "UNE": Interchange._une,
    "UNZ": Interchange._unz,
}


def _charsets(name: str) -> tuple[str, ...]:
    """Encodings to try in turn, by UNB 0001. Source: ISO 9735, character sets."""
    match name:
        case "UNOA" | "UNOB" | "UNOC":
            return ("latin-1",)
        case "UNOY":
            return ("utf-8",)
        case _:
            return ("utf-8", f"iso8859-{LATIN_PARTS.get(name, 1)}")


def _figure(count: str) -> str:
    """A count as it is compared: without leading zeros."""
    return count.lstrip("0") or count[:1]


def _no_edifact(file: BinaryIO) -> Unreadable:
    """Why a file that does not begin with UNA or UNB is held."""
    file.seek(0)
    head = file.read(HEAD)
    if not head.strip(b" \t\r\n\x00\x1a"):
        return Unreadable(HoldCode.EMPTY, "the file is empty or blank", "ask the partner to send it again")
    nul = head.find(b"\x00")
    if nul >= 0:
        fix = "this is binary, or text in UTF-16: ask the partner for the EDIFACT text"
        return Unreadable(HoldCode.ENCODING, f"byte {nul} is zero, which no EDIFACT text has", fix)
    text = head.decode("latin-1").strip()
    if text.startswith("UNH"):
        fix = "ask the partner for the whole interchange, from UNB to UNZ"
        return Unreadable(HoldCode.NO_ENVELOPE, "the file begins with UNH: it has no envelope", fix)
    what = f"the file begins with {text[:20]!r}, EDIFACT with UNA or UNB"
    return Unreadable(HoldCode.WRONG_FORMAT, what, "set `format.kind` to what the partner sends, or discard the file")


def _check_rest(segments: Segments, notes: Notes) -> None:
    """What follows the last UNZ: a footer is warned of, segments that would be lost are not passed over.

    Raises: Unreadable, if there are segments in it.
    """
    rest = segments.rest()
    if not rest:
        return
    where = f"text follows the last UNZ (segment {segments.number})"
    tags = rf"(UN[BGHTEZ]|BGM|LIN|QTY|LOC|NAD){re.escape(segments.marks.element)}"
    if len(rest) >= MOST_IN_SEGMENT or re.search(tags, rest):
        fix = "ask the partner to send the file again, with each interchange from UNB to UNZ"
        raise Unreadable(HoldCode.WRONG_FORMAT, f"{where}, and it is no footer: {rest[:40]!r}", fix)
    notes.warn("TRAILING_TEXT", segments.number, f"{where}: {rest[:40]!r}")

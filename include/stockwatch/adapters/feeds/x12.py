"""X12: product activity (852), inventory (846) and resale (867) reports, of the versions 004010 and 005010.

This module reads the envelope, `ISA GS ST … SE GE IEA`, and says what is wrong with it; `x12_segments` cuts the text,
`x12_messages` understands what stands between ST and SE, `x12_rows` gathers the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from include.stockwatch.adapters.feeds.raw import LONG, Batch, Control, Notes
from include.stockwatch.adapters.feeds.x12_messages import MESSAGES
from include.stockwatch.adapters.feeds.x12_rows import LongRows
from include.stockwatch.adapters.feeds.x12_segments import ISA_ELEMENTS, Segment, Unreadable, element, segments
from include.stockwatch.adapters.feeds.x12_set import Opened, Reading
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import X12, Feed

ENVELOPE = frozenset({"ISA", "GS", "ST", "SE", "GE", "IEA"})
IN_INTERCHANGE = frozenset({"TA1", "ISB", "ISE"})
"""Segments that may stand between groups and say nothing about stock."""

GROUPS = {"852": "PD", "846": "IB", "867": "PT"}
"""GS01 of each message."""

ISA_LENGTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
"""Of ISA01 to ISA16, by the book."""

SEGMENT_ID = re.compile(r"[A-Z][A-Z0-9]{1,2}")
MOST_NAMED = 20
"""Wrong counts that a hold spells out."""

AGAIN = "ask the partner to send the whole file again"


def read(path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:  # noqa: ARG001  (as every reader)
    """Read every quantity of an X12 file as one row of the long table.

    `line` is the ordinal of a segment in the file, the first ISA is 1. Codes are those of the message: ZA01 (852) and
    QTY01 (846, 867); `QTY:<QTY01>` for a QTY inside an 852; `<PTD01>:<QTY01>` in an 867 for what is no sale (PTD01 is
    neither SS nor SD), e.g. `RP:39` for a return; `SDQ` for an SDQ of an 846 that no QTY goes with; `SCH:<QTY01>` for
    a schedule; `SLN:<QTY01>` for a part of an item.
    """
    written = feed.format
    if not isinstance(written, X12):
        raise TypeError(f"a feed of format {written.kind} is not for the X12 reader")
    notes.columns = LONG
    envelope, rows = Envelope(written, notes), LongRows()
    reading = Reading(feed, notes, rows)
    try:
        for opened in envelope.sets(segments(path, written.bare_terminator if written.bare_sets else None)):
            before = rows.total
            message = MESSAGES[opened.kind](opened, reading)
            for line, segment in envelope.body():
                message.take(line, segment)
                if rows.is_full:
                    yield from rows.batches()
            message.end()
            envelope.count_rows(rows.total - before)
        yield from rows.batches()
    except Unreadable as problem:
        notes.hold(problem.code, problem.what, problem.fix)
    envelope.report()
    if not (rows.total or rows.rejected or notes.holds):
        fix = "no row never means no stock; ask the partner whether this file is a stock report"
        notes.hold(HoldCode.NO_ROWS, "the file has no quantity", fix)


@dataclass
class _Interchange:
    line: int
    number: str
    sender: str
    receiver: str
    component: str
    groups: int = 0
    rows: int = 0


@dataclass
class _Group:
    line: int
    number: str
    kind: str
    sent: str
    sets: int = 0


class Envelope:
    """The levels of a file, opened and closed in turn. What is odd goes into the notes, wrong counts at the end."""

    def __init__(self, written: X12, notes: Notes) -> None:
        self._written, self._notes = written, notes
        self._numbered: Iterator[tuple[int, Segment]] = iter(())
        self._interchange: _Interchange | None = None
        self._group: _Group | None = None
        self._set: Opened | None = None
        self._is_bare = False
        self._wrong: list[str] = []
        self._more_wrong = 0
        self._held: set[tuple[HoldCode, str]] = set()

    def sets(self, found: Iterable[Segment]) -> Iterator[Opened]:
        """Every transaction set. Its `body` is to be read before the next one is asked for.

        Raises: Unreadable where a level is not closed, or a segment stands where none may
        """
        self._numbered = enumerate(found, 1)
        for line, segment in self._numbered:
            match segment[0]:
                case "ISA":
                    self._open_interchange(line, segment)
                case "GS":
                    self._open_group(line, segment)
                case "ST":
                    yield self._open_set(line, segment)
                case "GE" if self._group:
                    self._close_group(line, segment, self._group)
                case "IEA" if self._interchange:
                    self._close_interchange(line, segment, self._interchange)
                case _:
                    self._between(line, segment)
        self._expect_closed("the file ends")

    def body(self) -> Iterator[tuple[int, Segment]]:
        """The segments between ST and SE, with their ordinals.

        Raises: Unreadable if the set does not end
        """
        opened, count = self._set, 1
        for line, segment in self._numbered:
            count += 1
            if segment[0] not in ENVELOPE:
                yield line, segment
            elif segment[0] == "SE" and opened:
                self._compare(line, "SE01", element(segment, 1), str(count))
                self._same(line, "SE02", element(segment, 2), "ST02", opened.number)
                self._set = None
                return
            else:
                self._expect_closed(f"segment {line} is {segment[0]}")
        self._expect_closed("the file ends")

    def count_rows(self, rows: int) -> None:
        """Say how many rows the latest set had."""
        if self._interchange:
            self._interchange.rows += rows

    def report(self) -> None:
        """Note the last interchange if it was cut, and what does not add up."""
        if self._interchange:
            self._note_control(self._interchange)
        if not self._wrong:
            return
        more = f" and {self._more_wrong} more" if self._more_wrong else ""
        fix = "ask the partner for a whole file; set `format.wrong_counts: take` if they never count right"
        self._notes.hold(HoldCode.WRONG_COUNTS, "; ".join(self._wrong) + more, fix)

    def _open_interchange(self, line: int, segment: Segment) -> None:
        self._expect_closed(f"segment {line} is ISA")
        if self._is_bare or len(segment) <= ISA_ELEMENTS:
            _outside(line, segment)
        sender, receiver, number = (segment[place].strip() for place in (6, 8, 13))
        self._interchange = _Interchange(line, number, sender, receiver, segment[16])
        odd = [f"ISA{n:02}" for n, length in enumerate(ISA_LENGTHS, 1) if len(segment[n]) != length]
        if odd:
            self._notes.warn("ISA_LENGTH", line, f"not as long as by the book: {', '.join(odd)}")
        self._check_parties(line, sender, receiver)
        if segment[15].strip() == "T":
            self._note_test_data(line)

    def _check_parties(self, line: int, sender: str, receiver: str) -> None:
        senders, receivers = self._written.senders, self._written.receivers
        if senders and sender not in senders:
            fix = "ask who sent it; add the sender to `format.senders` if it is the partner"
            self._hold_once(HoldCode.UNKNOWN_SENDER, line, f"the sender (ISA06) is `{sender}`", fix)
        if receivers and receiver not in receivers:
            fix = "ask the partner whether it was meant for us; add the receiver to `format.receivers` if so"
            self._hold_once(HoldCode.WRONG_RECEIVER, line, f"the receiver (ISA08) is `{receiver}`", fix)

    def _note_test_data(self, line: int) -> None:
        if self._written.test_data == "take":
            self._notes.warn(HoldCode.TEST_DATA, line, "ISA15 is `T`: test data")
        else:
            fix = "ask the partner for production data; set `format.test_data: take` while you are testing"
            self._hold_once(HoldCode.TEST_DATA, line, "ISA15 is `T`: test data", fix)

    def _hold_once(self, code: HoldCode, line: int, what: str, fix: str) -> None:
        """Hold the file; the same of several interchanges is said once."""
        if (code, what) not in self._held and len(self._held) < MOST_NAMED:
            self._held.add((code, what))
            self._notes.hold(code, f"segment {line}: {what}", fix)

    def _open_group(self, line: int, segment: Segment) -> None:
        if not self._interchange:
            _outside(line, segment)
        if self._group:
            self._expect_closed(f"segment {line} is GS")
        self._interchange.groups += 1
        version = element(segment, 8)
        if version and not version.startswith(self._written.versions):
            what = f"segment {line}: version (GS08) `{version}`; the feed takes {', '.join(self._written.versions)}…"
            fix = "ask the partner for 004010 or 005010, or add the version to `format.versions` if it reads the same"
            raise Unreadable(HoldCode.UNSUPPORTED, what, fix)
        self._group = _Group(line, element(segment, 6), element(segment, 1), element(segment, 4))

    def _open_set(self, line: int, segment: Segment) -> Opened:
        self._is_bare = self._is_bare or line == 1
        if not (self._group or self._is_bare):
            _outside(line, segment)
        kind, number = element(segment, 1), element(segment, 2)
        if kind not in MESSAGES or (self._written.messages and kind not in self._written.messages):
            taken = ", ".join(self._written.messages or MESSAGES)
            what = f"segment {line}: message {kind}, and the feed takes {taken}"
            raise Unreadable(HoldCode.UNSUPPORTED, what, "move the file to the feed it is for, or out of the folder")
        if self._group:
            self._group.sets += 1
            if self._group.kind != GROUPS[kind]:
                what = f"GS01 is `{self._group.kind}`, and that of an {kind} is `{GROUPS[kind]}`"
                self._notes.warn("GROUP_CODE", self._group.line, what)
        component = self._interchange.component if self._interchange else ""
        self._set = Opened(kind, number, line, self._group.sent if self._group else "", component)
        return self._set

    def _close_group(self, line: int, segment: Segment, group: _Group) -> None:
        self._compare(line, "GE01", element(segment, 1), str(group.sets))
        self._same(line, "GE02", element(segment, 2), "GS06", group.number)
        self._group = None

    def _close_interchange(self, line: int, segment: Segment, interchange: _Interchange) -> None:
        if self._group:
            self._expect_closed(f"segment {line} is IEA")
        self._compare(line, "IEA01", element(segment, 1), str(interchange.groups))
        self._same(line, "IEA02", element(segment, 2), "ISA13", interchange.number)
        self._note_control(interchange)
        self._interchange = None

    def _note_control(self, interchange: _Interchange) -> None:
        control = Control(interchange.sender, interchange.receiver, interchange.number, interchange.rows)
        self._notes.controls.append(control)

    def _between(self, line: int, segment: Segment) -> None:
        """A segment that neither opens nor closes anything, and stands in no set."""
        is_segment = len(segment) > 1 and SEGMENT_ID.fullmatch(segment[0])
        if self._interchange and segment[0] in IN_INTERCHANGE:
            self._notes.warn("UNREAD_SEGMENT", line, f"{segment[0]} between the groups")
        elif self._interchange or self._is_bare or is_segment:
            _outside(line, segment)
        else:
            self._notes.warn("TRAILING_TEXT", line, f"text behind the interchange: `{' '.join(segment)[:60]}`")

    def _expect_closed(self, here: str) -> None:
        """Raise if anything is still open: what should have closed it was cut off."""
        if self._set:
            _cut(here, "SE", f"the set of segment {self._set.line}")
        if self._group:
            _cut(here, "GE", f"the group of segment {self._group.line}")
        if self._interchange:
            _cut(here, "IEA", f"the interchange of segment {self._interchange.line}")

    def _compare(self, line: int, name: str, said: str, counted: str) -> None:
        if not said or said.lstrip("0") != counted.lstrip("0"):
            self._differs(line, f"{name} says {said or 'nothing'}, counted {counted}")

    def _same(self, line: int, name: str, said: str, other: str, number: str) -> None:
        if said != number:
            self._differs(line, f"{name} is `{said}`, and {other} `{number}`")

    def _differs(self, line: int, what: str) -> None:
        if self._written.wrong_counts == "take":
            self._notes.warn(HoldCode.WRONG_COUNTS, line, what)
        elif len(self._wrong) < MOST_NAMED:
            self._wrong.append(f"segment {line}: {what}")
        else:
            self._more_wrong += 1


def _cut(here: str, missing: str, of: str) -> NoReturn:
    raise Unreadable(HoldCode.TRUNCATED, f"{here} without the {missing} of {of}", AGAIN)


def _outside(line: int, segment: Segment) -> NoReturn:
    what = f"segment {line} `{' '.join(segment)[:60]}` stands outside of its envelope"
    raise Unreadable(HoldCode.NO_ENVELOPE, what, AGAIN)

"""What an EDI file of an unknown partner holds: who sent it, and its values by code, whatever they may mean."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds.formats import reader_of
from include.stockwatch.adapters.feeds.numbers import parser
from include.stockwatch.adapters.feeds.raw import TOTAL, Notes, Value, Warn
from include.stockwatch.adapters.feeds.sniff import Fact, shown
from include.stockwatch.domain import gtin
from include.stockwatch.errors import Hold
from include.stockwatch.settings.feed import EDIFACT_QUALIFIERS, X12, X12_QUALIFIERS, Codes, Edifact, Feed, ItemId

MOST_SEGMENTS = 2_000_000
"""Segments that are looked at for parties, versions and ids. Values are counted to the end of the file."""

GS, ST, UNH, VERSION = "GS", "ST", "UNH", 8
BARE_SET = re.compile(r"\s*ST([^\w\s])[0-9]{3}\1")
BARE_ENDS = "~'\n\r|^"
HEAD = 64 * 1024


@dataclass
class Values:
    """The quantities of one code, level and unit."""

    count: int = 0
    total: float = 0.0
    no_number: int = 0


@dataclass(frozen=True)
class Ids:
    """One kind of item ids: in how many items it has a value, and which."""

    qualifier: str
    items: int
    texts: tuple[str, ...]

    @property
    def pass_share(self) -> float:
        """How many of the different ones have a valid check digit as they are."""
        return sum(map(gtin.is_gtin, self.texts)) / len(self.texts) if self.texts else 0.0


@dataclass
class Envelope:
    """What the segments around the values say, counted."""

    senders: Counter[str] = field(default_factory=Counter)
    receivers: Counter[str] = field(default_factory=Counter)
    messages: Counter[tuple[str, str]] = field(default_factory=Counter)  # type and version
    parties: Counter[tuple[str, str]] = field(default_factory=Counter)  # role and qualifier
    items: int = 0
    ids: dict[str, list[str]] = field(default_factory=dict)

    def add_item(self, ids: Iterable[tuple[str, str]]) -> None:
        """An item with its ids, qualifier first; those without a value do not count."""
        self.items += 1
        self.add_ids(ids)

    def add_ids(self, ids: Iterable[tuple[str, str]]) -> None:
        """Further ids of the item."""
        for qualifier, text in ids:
            if text:
                self.ids.setdefault(qualifier, []).append(text)


@dataclass(frozen=True)
class Edi:
    """All that was found out about an EDI file."""

    kind: str
    facts: tuple[Fact, ...]
    envelope: Envelope
    bare_terminator: str | None
    values: Mapping[tuple[str, str, str], Values]  # code, level, unit
    ids: tuple[Ids, ...]
    locations: Mapping[str, int]  # kind of location id -> values
    without_location: int
    days: tuple[str, ...]  # YYYYMMDD, first and last
    dates: tuple[dt.date, ...]
    undated: int
    periods: Mapping[int, int]  # days, more than one -> values that cover so many
    repeated: Mapping[str, int]  # code -> values beside an earlier one of the same day, location, item and code
    packs: int
    prices: int
    holds: tuple[Hold, ...]
    warnings: tuple[Warn, ...]
    warned: Mapping[str, int]

    @property
    def message(self) -> str:
        """The type of the first message: 852, INVRPT, ..."""
        return next(iter(self.envelope.messages), ("", ""))[0]

    @property
    def count(self) -> int:
        """Values of all codes."""
        return sum(one.count for one in self.values.values())


def edi_of(path: Path, name: str, kind: str) -> Edi:
    """Read all of an EDI file, trusting everything, and count what it holds."""
    terminator = _bare_terminator(path) if kind == "x12" else None
    feed, notes = _takes_all(kind, terminator), Notes()
    counts = _Counts()
    for batch in reader_of(kind)(path, name, feed, notes):
        counts.add(batch.rows)
    envelope = (_of_x12 if kind == "x12" else _of_edifact)(path, terminator)
    ids = tuple(Ids(qualifier, len(texts), tuple(dict.fromkeys(texts))) for qualifier, texts in envelope.ids.items())
    return Edi(
        kind,
        tuple(_facts(envelope, counts)),
        envelope,
        terminator,
        counts.values,
        ids,
        counts.locations,
        counts.without_location,
        (min(counts.days), max(counts.days)) if counts.days else (),
        tuple(sorted(filter(None, map(_date, counts.days)))),
        counts.undated,
        counts.periods,
        counts.repeated,
        counts.packs,
        counts.prices,
        tuple(notes.holds),
        tuple(notes.warnings),
        notes.warned,
    )


def _takes_all(kind: str, terminator: str | None) -> Feed:
    """A definition under which nothing is held that can be read."""
    written: X12 | Edifact = Edifact(kind="edifact", wrong_counts="take", test_data="take")
    if kind == "x12":
        written = X12(kind="x12", bare_sets=terminator is not None, bare_terminator=terminator or "~")
        written = written.model_copy(update={"wrong_counts": "take", "test_data": "take", "versions": ("",)})
    qualifiers = X12_QUALIFIERS if kind == "x12" else EDIFACT_QUALIFIERS
    return Feed(
        partner="unknown",
        partner_name="unknown",
        format=written,
        item_id=ItemId(qualifiers=qualifiers),
        codes=Codes(measures={}),
    )


def _bare_terminator(path: Path) -> str | None:
    """What ends the segments of a file without an envelope; None for a file that has one."""
    with path.open("rb") as file:
        head = file.read(HEAD).decode("latin-1")
    found = BARE_SET.match(head)
    if found is None:
        return None
    behind = head[found.end() :]
    return next((c for c in behind if c in BARE_ENDS and c != found[1]), "~")


class _Counts:
    """The values of a file, counted batch by batch."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str, str], Values] = {}
        self.locations: Counter[str] = Counter()
        self.days: set[str] = set()
        self.repeated: Counter[str] = Counter()
        self.periods: Counter[int] = Counter()
        self.without_location = self.undated = self.packs = self.prices = 0
        self._seen: set[int] = set()
        self._number = parser(".", "")

    def add(self, rows: pa.Table) -> None:
        """Count the rows of a batch."""
        key = [Value.CODE, Value.LEVEL, Value.UNIT, Value.QUANTITY]
        for code, level, unit, quantity, count in _groups(rows, key):
            at = self.values.setdefault((code, level or "location", unit), Values())
            number = self._number(quantity)
            at.count += count
            at.total += (number or 0.0) * count
            at.no_number += 0 if number is not None else count
        for kind, location, level, count in _groups(rows, [Value.LOCATION_KIND, Value.LOCATION, Value.LEVEL]):
            if location:
                self.locations[kind] += count
            elif level != TOTAL:
                self.without_location += count
        for first, last, count in _groups(rows, [Value.FIRST_DATE, Value.LAST_DATE]):
            self.days |= {last} if last else set()
            self.undated += 0 if last else count
            begin, end = _date(first), _date(last)
            if begin and end and begin < end:
                self.periods[(end - begin).days + 1] += count
        self.packs += len(rows) - rows.column(Value.PACK).null_count
        self.prices += len(rows) - rows.column(Value.PRICE).null_count
        for *one, count in _groups(rows, [Value.CODE, Value.LAST_DATE, Value.LOCATION, Value.ITEM, Value.LEVEL]):
            known = hash(tuple(one))
            again = count - (known not in self._seen)
            self._seen.add(known)
            if again:
                self.repeated[one[0]] += again


def _date(text: str) -> dt.date | None:
    """A day written YYYYMMDD; None where it is none."""
    try:
        return dt.datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  (a date, no moment)
    except ValueError:
        return None


def _groups(rows: pa.Table, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """The different values of some columns, "" for null, each with its count."""
    plain = pa.table({name: pc.fill_null(rows.column(name).cast(pa.string()), "") for name in columns})
    counted = plain.group_by(columns).aggregate([([], "count_all")])
    return zip(*(counted.column(name).to_pylist() for name in [*columns, "count_all"]), strict=True)


def _of_x12(path: Path, terminator: str | None) -> Envelope:
    from include.stockwatch.adapters.feeds.x12_segments import Unreadable, element, segments

    found, version = Envelope(), ""
    try:
        for number, segment in enumerate(segments(path, terminator)):
            if number > MOST_SEGMENTS:
                break
            match segment[0]:
                case "ISA":
                    found.senders[element(segment, 6)] += 1
                    found.receivers[element(segment, 8)] += 1
                case "GS":
                    version = element(segment, VERSION)
                case "ST":
                    found.messages[element(segment, 1), version] += 1
                case "N1":
                    found.parties[element(segment, 1), element(segment, 3)] += 1
                case "LIN":
                    found.add_item(
                        [(element(segment, at), element(segment, at + 1)) for at in range(2, len(segment), 2)]
                    )
    except Unreadable:
        pass  # the reader has noted it
    return found


def _of_edifact(path: Path, _: str | None) -> Envelope:
    from include.stockwatch.adapters.feeds.edifact_segments import Segments, Unreadable

    found = Envelope()
    try:
        with path.open("rb") as file:
            segments = Segments(file)
            while segments.begins():
                for segment in segments.interchange():
                    if segments.number > MOST_SEGMENTS:
                        return found
                    _take_edifact(segment, found)
    except Unreadable:
        pass  # the reader has noted it
    return found


def _take_edifact(segment: list[list[str]], found: Envelope) -> None:
    def part(element: int, component: int = 0) -> str:
        return (
            segment[element][component].strip() if len(segment) > element and len(segment[element]) > component else ""
        )

    match segment[0][0]:
        case "UNB":
            found.senders[part(2)] += 1
            found.receivers[part(3)] += 1
        case "UNH":
            found.messages[part(2), ".".join(filter(None, (part(2, 1), part(2, 2), part(2, 4))))] += 1
        case "NAD":
            found.parties[part(1), part(2, 2)] += 1
        case "LIN":
            found.add_item([(part(3, 1), part(3))])
        case "PIA":
            found.add_ids((part(at, 1), part(at)) for at in range(2, len(segment)))


def _facts(envelope: Envelope, counts: _Counts) -> Iterator[Fact]:
    def listed(found: Mapping[str, int]) -> str:
        return ", ".join(f"`{shown(text, 40)}`" for text in found) or "none"

    messages = [
        f"{shown(kind, 20)} ({shown(version, 20) or 'no version'}) x{count}"
        for (kind, version), count in envelope.messages.items()
    ]
    yield Fact("messages", ", ".join(messages) or "none", bool(messages), "as the file says")
    yield Fact("sender", listed(envelope.senders), len(envelope.senders) == 1, "as the envelope says")
    yield Fact("receiver", listed(envelope.receivers), len(envelope.receivers) == 1, "as the envelope says")
    parties = Counter(
        {f"{role}:{qualifier or 'no qualifier'}": count for (role, qualifier), count in envelope.parties.items()}
    )
    yield Fact("parties", listed(parties), True, "N1 or NAD, with the list its id is from")
    places = ", ".join(f"{kind or 'no qualifier'} x{count}" for kind, count in counts.locations.items())
    without = f"; {counts.without_location} values name none" if counts.without_location else ""
    yield Fact(
        "location ids",
        places or "none",
        not counts.without_location,
        f"qualifier of the location of each value{without}",
    )

"""Damaged EDIFACT files, and how many quantities a naive split finds in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from include.stockwatch.adapters.feeds import edifact, edifact_segments
from include.stockwatch.settings.feed import Feed
from tests.fuzz.case import FeedCase, Read, lost_quantities
from tests.fuzz.mutation import sizes, with_damaged_bytes, with_damaged_parts

Segment = tuple[tuple[str, ...], ...]
"""Elements of components."""

cache_of_most = lru_cache(maxsize=100_000)
"""Most segments of a damaged file are those of its source."""


@dataclass(frozen=True, eq=False)
class Marks:
    """The characters that structure a file, and whether a UNA says so."""

    component: str = ":"
    element: str = "+"
    release: str = "?"
    terminator: str = "'"
    after: str = ""
    decimal: str = "."
    has_una: bool = True

    def escaped(self, value: str) -> str:
        """A value in which marks are released."""
        if not self.release or value.isalnum():
            return value
        marks = (self.component, self.element, self.release, self.terminator)
        return "".join(self.release + letter if letter in marks else letter for letter in value)

    @cache_of_most
    def written(self, segment: Segment) -> str:
        """A segment as it stands in the file."""
        elements = (self.component.join(map(self.escaped, element)) for element in segment)
        return self.element.join(elements) + self.terminator + self.after

    def una(self) -> str:
        """The segment that names the marks."""
        if not self.has_una:
            return ""
        return f"UNA{self.component}{self.element}{self.decimal}{self.release or ' '} {self.terminator}"

    def pieces(self, text: str) -> list[str]:
        """The segments of a text, split without a thought about speed."""
        if self.terminator.strip("\r\n") == "":
            return re.split("[\r\n]", text)
        return self._split(re.sub("[\r\n]", "", text), self.terminator)

    @cache_of_most
    def values(self, piece: str) -> Segment:
        """A piece as elements of components."""
        split = (self._split(element, self.component) for element in self._split(piece, self.element))
        return tuple(tuple(map(self._plain, element)) for element in split)

    def _split(self, text: str, mark: str) -> list[str]:
        """The texts between marks that are not released."""
        if not self.release or self.release not in text:
            return text.split(mark)
        parts, is_released = [""], False
        for letter in text:
            if letter == mark and not is_released:
                parts.append("")
                continue
            is_released = letter == self.release and not is_released
            parts[-1] += letter
        return parts

    def _plain(self, value: str) -> str:
        return (
            re.sub(re.escape(self.release) + "(.)", r"\1", value, flags=re.DOTALL)
            if self.release and self.release in value
            else value
        )


MARKS = [
    Marks(),
    Marks(after="\r\n"),
    Marks(has_una=False),
    Marks(has_una=False, after="\n"),
    Marks(terminator="\n", has_una=False),
    Marks(terminator="\r\n", has_una=False),
    Marks(element="|", terminator="~", decimal=","),
    Marks(release=""),
    Marks("\x1f", "\x1d", "", "\x1c", has_una=False),
]


def _parsed(text: str) -> list[Segment]:
    return [tuple(tuple(one.split(":")) for one in segment.split("+")) for segment in text.split("'") if segment]


OAT, NUT = "4012345000016", "4012345000023"
STOCK = (
    "UNB+UNOC:3+HARBOR:14+BRAND:14+261102:0600+17'UNH+1+INVRPT:D:96A:UN:EAN005'BGM+35+1+9'DTM+137:20261102:102'"
    f"NAD+WH+5412345000013::9'LIN+1++{OAT}:EN'QTY+145:12:PCE'LOC+14+A1'QTY+145:7:PCE'LOC+14+A2'"
    f"LIN+2++{NUT}:EN'IMD+F++:::Nut bar'QTY+145:1.5:PCE'QTY+153:-3'DTM+366:20261101:102'UNT+15+1'UNZ+1+17'"
)
SALES = (
    "UNB+UNOA:2+HARBOR+BRAND+261102:0600+18'UNH+1+SLSRPT:D:96A:UN'BGM+73E+2'DTM+137:20261102:102'"
    "DTM+356:20261025:102'DTM+357:20261031:102'LOC+162+5412345000020::9'"
    f"LIN+1++{OAT}:EN'PRI+AAA:2.49'QTY+153:4'QTY+77E:1'LOC+162+77'LIN+2++{NUT}:EN'QTY+153:6:PCE'UNT+14+1'UNZ+1+18'"
)
BY_INV = (
    "UNB+UNOC:3+H+B+261102:0600+19'UNH+1+INVRPT:D:01B:UN'BGM+35+1+9'DTM+137:20261102:102'"
    f"LIN+1++{OAT}:SRV'INV+2'QTY+145:5'LOC+18+W1'INV+1'QTY+48:2'LIN+2++{NUT}:SRV'QTY+17:9'UNT+12+1'"
    "UNH+2+INVRPT:D:01B:UN'BGM+35+2+9'DTM+137:20261102:102'LOC+11+S1'LIN+1++7:BP'QTY+145:5'CNT+2:1'UNT+8+2'UNZ+2+19'"
)
GROUPED = (
    "UNB+UNOC:3+H+B+261102:0600+20'UNG+INVRPT+H+B+261102:0600+3+UN+D:96A'UNH+1+INVRPT:D:96A:UN'BGM+35+1'"
    f"DTM+137:20261102:102'LIN+1++{OAT}:EN'QTY+145:5'LOC+14+X'UNT+7+1'UNE+1+3'UNZ+1+20'"
)
FILES = [_parsed(text) for text in (STOCK, SALES, BY_INV, GROUPED, STOCK + SALES)]
SEGMENTS = [segment for one in FILES for segment in one if segment[0] != ("UNB",)] + _parsed(
    "QTY'QTY+145'QTY+145:'QTY+:5'QTY+145:5:PCE+x'QTY+145:1,5'QTY+21:1E3'LIN'LIN+9'LIN+1+++1:EN'INV'INV+1'DTM'"
    "DTM+366:20261109-20261101:718'DTM+366:202611:610'LOC'LOC+14'NAD+WH'XX'PIA+5+12:SA'UNS+D'UNH+9+ORDERS:D:96A'"
    "QTY+145:5 :KGM'PAC+3'CNT+1:4'FTX+AAI+++it?+s'UNT+1+1'"
)
VALUES = (
    "",
    " ",
    "0",
    "-1",
    "1.5",
    "1,5",
    "145",
    "153",
    "EN",
    "102",
    "PCE",
    "it's",
    "a+b:c?",
    "\xe9",
    "20261101",
    "UNH",
    "QTY",
)
TOKENS = [
    b"'",
    b"?",
    b"??",
    b"?'",
    b"+",
    b":",
    b"\n",
    b"\r\n",
    b"\x1c",
    b"\x1d",
    b"|",
    b"~",
    b"\xff",
    b"\x00",
    b"\xc3\xa9",
    b" ",
]
TOKENS += [
    b"'QTY+145:5'",
    b"'LIN+1'",
    b"'LOC+14+X'",
    b"'INV+1'",
    b"'UNZ+1+7'",
    b"'UNT+2+1'",
    b"'UNH+1+INVRPT:D:96A:UN'",
    b"?\n'",
]
HEAD = re.compile(r"U[\r\n]*N[\r\n]*[AB]")


def _feed(item_id: dict[str, Any] | None = None, **form: Any) -> Feed:
    return Feed.model_validate(
        {
            "partner": "harbor",
            "partner_name": "Harbor Foods",
            "format": {"kind": "edifact", **form},
            "item_id": item_id or {},
            "codes": {"measures": {"145": "on_hand_units", "153": "units_sold"}},
        }
    )


FEEDS = [_feed(), _feed(wrong_counts="take"), _feed({"qualifiers": ["EN"]}, wrong_counts="take")]


def case(rng: Random) -> FeedCase:
    """A file with damaged segments and values, in four of ten with damaged bytes too."""
    sizes(rng, edifact_segments, CHUNK=(*[1 << 20] * 8, 64, 7))
    sizes(rng, edifact, MOST_ROWS=(*[50_000] * 8, 1))
    source, marks = rng.choice(FILES), rng.choice(MARKS)
    segments = with_damaged_parts(rng, source, SEGMENTS, lambda segment: _changed(rng, segment))
    if rng.random() < 0.7:
        segments = _recounted(segments)
    written = [(marks.una() if segment[0] == ("UNB",) else "") + marks.written(segment) for segment in segments]
    text = "".join(written)
    heads = len(HEAD.findall(text))
    has_known_marks = segments[:1] == source[:1] and all(one in source for one in segments if one[0] == ("UNB",))
    content = text.encode("latin-1")
    if rng.random() < 0.4:
        start = 0 if rng.random() < 0.1 else len("".join(written[:2]))
        damaged = with_damaged_bytes(rng, content, TOKENS, start)
        envelopes = {line.encode("latin-1") for line in written if line.startswith(("UNA", "UNB"))}
        is_whole = start > 0 and damaged.startswith(content[:start])
        has_known_marks = (
            has_known_marks and is_whole and all(damaged.count(one) >= content.count(one) for one in envelopes)
        )
        content = damaged
    known = content.decode("latin-1")
    if not has_known_marks or len(HEAD.findall(known)) != heads:
        return FeedCase(content, edifact.read, rng.choice(FEEDS), None)
    return FeedCase(content, edifact.read, rng.choice(FEEDS), lambda read: _judge(read, known, marks))


def _changed(rng: Random, segment: Segment) -> Segment:
    if segment[0] == ("UNB",) and rng.random() < 0.9:
        return segment
    elements = [list(element) for element in segment]
    at = rng.randrange(len(elements))
    kind = rng.randrange(6)
    if kind == 0:
        del elements[at]
    elif kind == 1:
        elements.insert(at, [rng.choice(VALUES)])
    elif kind == 2:
        elements[at] += elements[at][-1:]
    else:
        elements[at][rng.randrange(len(elements[at]))] = rng.choice(VALUES)
    return tuple(map(tuple, elements)) or (("",),)


def _recounted(segments: list[Segment]) -> list[Segment]:
    """Segments with right counts, so that damage is not always told by them."""
    right: list[Segment] = []
    started = messages = groups = 0
    for at, segment in enumerate(segments):
        match segment[0][0]:
            case "UNB":
                messages = groups = 0
            case "UNG":
                groups += 1
            case "UNH":
                started, messages = at, messages + 1
        count = {"UNT": at - started + 1, "UNE": messages, "UNZ": groups or messages}.get(segment[0][0])
        right.append(segment if count is None or len(segment) < 2 else (segment[0], (str(count),), *segment[2:]))
    return right


def _judge(read: Read, text: str, marks: Marks) -> str | None:
    """Every QTY is a row or a reject."""
    found = [marks.values(piece.strip(" \t")) for piece in marks.pieces(text)]
    values = [segment for segment in found if segment[0][0] == "QTY"]
    least = sum(len(segment) > 1 for segment in values)
    quantities = [segment[1][1] for segment in values if len(segment) > 1 and len(segment[1]) > 1]
    return lost_quantities(read, least, len(values), [text for text in quantities if text.isascii() and text.isdigit()])

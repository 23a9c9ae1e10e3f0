"""Damaged X12 files, and how many quantities a naive split finds in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from random import Random
from typing import Any

from include.stockwatch.adapters.feeds import x12, x12_segments
from include.stockwatch.settings.feed import Feed
from tests.feeds.x12_files import NUT, OAT, RYE, file_of, group_of, interchange, set_of
from tests.fuzz.case import FeedCase, Read, lost_quantities
from tests.fuzz.mutation import sizes, with_damaged_bytes, with_damaged_parts

HEADER_STORE = set_of(
    "852",
    "XQ*H*20260103",
    "N1*ST*NORTHFIELD*92*0118",
    f"LIN*1*UP*{OAT}",
    "ZA*QS*4*EA",
    "ZA*QA*9*EA",
    f"LIN*2*UP*{NUT}*VN*N7",
    "PO4*6",
    "ZA*QS*-1*EA",
    "CTT*2",
)
PAIRS = set_of(
    "852",
    "XQ*H*20260103*20260109",
    f"LIN*1*UP*{OAT}",
    "CTP**RTL*2.49",
    "ZA*QS",
    "SDQ*EA*92*0118*4*0119*7*0120*11",
    "ZA*QA*30*EA",
    "SDQ*EA*92*0118*12*0119*18",
    "CTT*1",
)
LOOPS = set_of(
    "852",
    "XQ*H*20260103",
    "N9*IV*88",
    f"LIN**UP*{OAT}",
    "ZA*QS*3*EA",
    "CTP*RS*RTL*12.29",
    "N1*ST**UL*9000000000123",
    f"LIN**UP*{RYE}",
    "QTY*38*6*EA",
    "N1*ST**UL*9000000000130",
)
STOCK = set_of(
    "846",
    "BIA*00*DD*1*20260103",
    "N1*WH*DEPOT*92*MEL",
    f"LIN*1*UP*{OAT}*VP*OW302",
    "PID*F****Oat bar",
    "QTY*33*57*EA",
    "SCH*5*EA*WH*DEPOT*068*20260109",
    f"LIN*2*UP*{NUT}",
    "QTY*33*20*CA",
    "SDQ*EA*92*100*8*101*12",
    "DTM*405*20260102",
)
RESALE = set_of(
    "867",
    "BPT*00*1*20260105",
    "PTD*SS",
    "DTM*090*20260101",
    "N1*ST*SHOP*92*31",
    "QTY*39*5*EA",
    f"LIN*1*UP*{OAT}",
    "UIT*EA*3.50",
    "PTD*RP",
    "QTY*39*2*EA",
    f"LIN*1*UP*{NUT}",
    number="0002",
)
FILES = [
    [segment.split("*") for segment in one]
    for one in (
        file_of(HEADER_STORE),
        file_of(PAIRS),
        file_of(LOOPS),
        file_of(STOCK),
        file_of(RESALE),
        [*file_of(HEADER_STORE), *interchange(group_of(STOCK, number="72"), number="000000418", padded=False)],
        interchange(group_of(HEADER_STORE, PAIRS), group_of(RESALE, number="73")),
    )
]
BARE = [[segment.split("*") for segment in one] for one in (HEADER_STORE, PAIRS, STOCK)]
SEGMENTS = [segment for one in FILES for segment in one if segment[0] != "ISA"] + [
    text.split("*")
    for text in (
        "SDQ*EA*92*0118",
        "SDQ*EA*92*0118*4*0119",
        "SDQ*EA*92**4*0119*",
        "SDQ*EA*92" + "*0118*4" * 10 + "*AISLE",
        "SDQ*EA*92" + "*0118*4" * 12,
        "SDQ",
        "ZA",
        "QTY",
        "QTY*33",
        "QTY*33**EA",
        "LIN",
        "SLN*1**I*2*EA****UP*1",
        "TA1*1*260105*0600*A*000",
        "ZA*QS*1e3*EA",
        "N1*WH**92*X",
        "DTM*007*20260132",
        "DTM****RD8*20260101-20260107",
        "ST*997*1",
        "ST*852*9",
        "SE*1*1",
    )
]
VALUES = (
    "",
    " ",
    "0",
    "-1",
    "1.5",
    "999999999999",
    "EA",
    "92",
    "UP",
    "QS",
    "RP",
    "33",
    "39",
    "20260101",
    "é",
    "ST",
    "RD8",
)
MARKS = [("*", "~", "\n"), ("*", "~", ""), ("|", "~", "\r\n"), ("*", "\n", ""), ("*", "\r\n", ""), ("\x1d", "\x1c", "")]
TOKENS = [
    b"~",
    b"*",
    b"|",
    b"\n",
    b"\r\n",
    b" ",
    b"~~",
    b"SDQ*EA*92*",
    b"~ZA*QS*5*EA~",
    b"~QTY*33*6~",
    b"\xc3\xa9",
    b"\xe9",
    b"\x00",
]
TOKENS += [b"~IEA*1*1~", b"~LIN**UP*1~", b"\x1c", b"\x1d", "\u2028".encode(), b">", b"~SE*1*1~", b"GS*"]
IS_A = re.compile(r"I[\r\n]*S[\r\n]*A")


def _feed(**form: Any) -> Feed:
    return Feed.model_validate(
        {
            "partner": "northfield",
            "partner_name": "Northfield Grocers",
            "format": {"kind": "x12", **form},
            "item_id": {},
            "codes": {"measures": {"QS": "units_sold", "QA": "on_hand_units", "33": "on_hand_units"}},
        }
    )


FEEDS = [_feed(), _feed(wrong_counts="take"), _feed(wrong_counts="take", test_data="take")]
BARE_FEED = _feed(wrong_counts="take", bare_sets=True)


def case(rng: Random) -> FeedCase:
    """A file with damaged segments and elements, in four of ten with damaged bytes too."""
    sizes(rng, x12_segments, CHUNK=(*[1 << 20] * 8, 64, 7))
    is_bare = rng.random() < 0.1
    source = rng.choice(BARE if is_bare else FILES)
    feed = BARE_FEED if is_bare else rng.choice(FEEDS)
    segments = with_damaged_parts(rng, source, SEGMENTS, lambda segment: _changed(rng, segment))
    if not is_bare and rng.random() < 0.7:
        segments = _recounted(segments)
    element, terminator, after = ("*", "~", "\n") if is_bare else rng.choice(MARKS)
    lines = [element.join(segment) + terminator + after for segment in segments]
    text = "".join(lines)
    heads = len(IS_A.findall(text))
    has_known_marks = segments[:1] == source[:1] and all(one in source for one in segments if one[0] == "ISA")
    content = text.encode(rng.choice(("utf-8",) * 8 + ("cp1252", "utf-16")), "replace")
    if rng.random() < 0.4:
        start = 0 if rng.random() < 0.1 else len(lines[0]) + 4 if lines else 0
        damaged = with_damaged_bytes(rng, content, TOKENS, start)
        envelopes = {line.encode() for line in lines if line.startswith("ISA")}
        is_whole = start > 0 and damaged.startswith(content[:start])
        has_known_marks = (
            has_known_marks and is_whole and all(damaged.count(one) >= content.count(one) for one in envelopes)
        )
        content = damaged
    known = _text(content) if has_known_marks else None
    if known is None or len(IS_A.findall(known)) != heads:
        return FeedCase(content, x12.read, feed, None)
    return FeedCase(content, x12.read, feed, lambda read: _judge(read, known, element, terminator))


def _changed(rng: Random, segment: list[str]) -> list[str]:
    segment = list(segment)
    if segment[0] == "ISA" and rng.random() < 0.9:
        return segment
    at = rng.randrange(len(segment))
    kind = rng.randrange(5)
    if kind == 0:
        del segment[at]
    elif kind == 1:
        segment.insert(at, rng.choice(VALUES))
    elif kind == 2:
        segment += segment[1:]
    else:
        segment[at] = rng.choice(VALUES)
    return segment or [""]


def _recounted(segments: Sequence[list[str]]) -> list[list[str]]:
    """Segments with right counts, so that damage is not always told by them."""
    right, started, sets, groups = [], 0, 0, 0
    for at, segment in enumerate(segments):
        match segment[0]:
            case "ST":
                started, sets = at, sets + 1
            case "GS":
                sets, groups = 0, groups + 1
            case "ISA":
                groups = 0
        count = {"SE": at - started + 1, "GE": sets, "IEA": groups}.get(segment[0])
        right.append(segment if count is None or len(segment) < 2 else [segment[0], str(count), *segment[2:]])
    return right


def _text(content: bytes) -> str | None:
    encodings = ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _judge(read: Read, text: str, element: str, terminator: str) -> str | None:
    """Every ZA or QTY with a quantity, and every pair of an SDQ, is a row or a reject."""
    least = most = 0
    quantities = []
    is_by_line = terminator[0] in "\r\n"
    pieces = re.split("[\r\n]", text) if is_by_line else re.sub("[\r\n]", "", text).split(terminator)
    for piece in pieces:
        segment = [cell.strip() for cell in piece.split(element)]
        segment[0] = piece.split(element)[0].strip(" \t")  # a segment by another name is warned of
        if segment[0] in ("QTY", "ZA"):
            most += 1
            if len(segment) > 2 and segment[2]:
                least += 1
                quantities.append(segment[2])
        elif segment[0] == "SCH":
            most += 1
        elif segment[0] == "SDQ":
            cells = segment[3:]
            pairs = list(zip_longest(cells[::2], cells[1::2], fillvalue=""))
            whole = [pair for pair in pairs[: len(cells) // 2] if any(pair)]
            least += len(whole)
            most += len(pairs)
            quantities += [quantity for _, quantity in whole if quantity]
    return lost_quantities(read, least, most, quantities)

"""EDIFACT syntax: marks, release characters, line ends, and several interchanges in one file."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydifact.parser import Parser

from include.stockwatch.adapters.feeds.edifact_segments import MOST_IN_SEGMENT, Marks, Segment, Segments, Unreadable
from include.stockwatch.errors import HoldCode
from tests.feeds import edifact_files as files


class Slow(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self.most, size) if size and size > 0 else self.most)


def split(content: bytes, most: int = 1 << 20) -> list[Segment]:
    """All segments of all interchanges of a file."""
    segments = Segments(Slow(content, most))
    found = []
    while segments.begins():
        found += segments.interchange()
    return found


def joined(segments: list[Segment]) -> list[str]:
    """Segments in the usual marks, nothing released."""
    return ["+".join(":".join(parts) for parts in segment) for segment in segments]


def one(*segments: str, head: str = "UNB+UNOA:3+A+B+261110:0215+7", una: str = "", end: str = "'") -> bytes:
    """An interchange with these segments, whatever they are."""
    return files.written([head, "UNH+1+X", *segments, "UNT+9+1", "UNZ+1+7"], una, end)


@pytest.mark.parametrize("end", ["'", "'\n", "'\r\n", "\n", "\r\n", "\r", "\r\n\r\n"])
def test_a_segment_ends_at_its_mark_or_its_line(end: str) -> None:
    assert joined(split(one("LIN+1++4711:EN", "QTY+145:2", end=end)))[2:4] == ["LIN+1++4711:EN", "QTY+145:2"]


@pytest.mark.parametrize("una", ["UNA:+.? \n", "UNA:+.? \r", "UNA:+.? \r\n", "UNA:+.?\n", "UNA:+.? '\n"])
def test_lines_end_segments_whatever_una_names(una: str) -> None:
    assert joined(split(one("QTY+145:2", una=una, end="\r\n")))[2] == "QTY+145:2"


def test_una_names_other_marks() -> None:
    content = b"UNA*|,! ~UNB|UNOA*3|A|B|261110*0215|7~UNH|1|X~IMD|F||***a!|b!!c!~d:e+f~UNT|3|1~UNZ|1|7~"
    assert split(content)[2] == [["IMD"], ["F"], [""], ["", "", "", "a|b!c~d:e+f"]]


def test_level_b_has_its_own_marks() -> None:
    content = b"UNB\x1dUNOB\x1f1\x1dA\x1dB\x1d261110\x1f0215\x1d7\x1cQTY\x1d145\x1f2?\x1cUNZ\x1d1\x1d7\x1c"
    assert split(content)[1] == [["QTY"], ["145", "2?"]]


@pytest.mark.parametrize("una", ["UNA++.? '", "UNA:+.:'", "UNA:+.?", "UNAA+.? '", "UNA:+.? 'X", "UNA' .? '"])
def test_marks_that_cannot_be_told_apart_are_refused(una: str) -> None:
    with pytest.raises(Unreadable) as raised:
        split(one("QTY+145:2", una=una))
    assert raised.value.hold.code is HoldCode.WRONG_FORMAT


def test_an_unknown_mark_after_unb_needs_a_una() -> None:
    with pytest.raises(Unreadable, match="does not say which characters"):
        split(b"UNB*UNOA:3*A*B*261110:0215*7'UNZ*0*7'")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("L?'UNA", "L'UNA"),
        ("a?+b", "a+b"),
        ("a?:b", "a:b"),
        ("why??", "why?"),
        ("???'", "?'"),
        ("????", "??"),
        ("a?b", "ab"),
    ],
)
def test_a_released_character_is_data(written: str, meant: str) -> None:
    segments = split(one(f"IMD+F++:::{written}", "QTY+145:2"))
    assert segments[2][3][3] == meant
    assert segments[3] == [["QTY"], ["145", "2"]]


def test_a_line_end_is_never_released() -> None:
    assert joined(split(one("IMD+F++:::WHY?", "QTY+145:2", end="\n")))[2:4] == ["IMD+F++:::WHY?", "QTY+145:2"]


def test_a_file_wrapped_at_any_column_reads_the_same() -> None:
    content = one("IMD+F++:::L?'UNA ?+ 6", "LIN+1++4711:EN", "QTY+145:2")
    for column in range(7, 40):
        wrapped = b"\r\n".join(content[at : at + column] for at in range(0, len(content), column))
        assert split(wrapped) == split(content), column


def test_blanks_around_a_segment_are_no_part_of_it() -> None:
    assert joined(split(one(" BGM+35", "\tQTY+145:2 ", end=" \n")))[2:4] == ["BGM+35", "QTY+145:2"]


def test_empty_segments_are_none() -> None:
    assert len(split(one("", " ", "QTY+145:2"))) == len(split(one("QTY+145:2")))


@pytest.mark.parametrize("between", ["", "\n", "\r\n\r\n", "\x1a", "\x00\x00", "\xef\xbb\xbf", " \t"])
def test_an_interchange_follows_another(between: str) -> None:
    content = one("QTY+145:2") + between.encode("latin-1") + one("QTY+145:3", una="UNA:+.? '")
    assert [parts[1] for tag, parts, *_ in split(content) if tag == ["QTY"]] == ["2", "3"]


def test_each_interchange_has_its_own_marks() -> None:
    content = one("QTY+145:2", una="UNA:+.? '") + one("QTY+145:3", una="UNA:+.? \r\n", end="\r\n")
    content += one("QTY+145:4", end="'\n") + b"UNA*|,! ~UNB|UNOA*3|A|B|261110*0215|7~QTY|145*5~UNZ|1|7~"
    content += one("QTY+145:6", end="\n")
    assert [parts[1] for tag, parts, *_ in split(content) if tag == ["QTY"]] == ["2", "3", "4", "5", "6"]


def test_segments_are_numbered_through_the_file() -> None:
    segments = Segments(io.BytesIO(one(una=files.UNA) + one(una=files.UNA)))
    numbers = []
    while segments.begins():
        numbers += [segments.number for _ in segments.interchange()]
    assert numbers == [2, 3, 4, 5, 7, 8, 9, 10]


def test_the_last_terminator_may_be_missing() -> None:
    assert joined(split(one("QTY+145:2")[:-1]))[-1] == "UNZ+1+7"


def test_a_segment_without_end_is_refused_before_it_fills_the_memory() -> None:
    content = b"UNB+UNOA:3+A+B+261110:0215+7'UNH+1+X'" + b"x" * (MOST_IN_SEGMENT + 1)
    with pytest.raises(Unreadable, match="segment 3 does not end"):
        split(content)


@pytest.mark.parametrize(
    "content",
    [
        files.warehouse_only(),
        files.till_transactions(),
        files.totals_and_parts(),
        files.grouped_by_inv(),
        one("IMD+F++:::a?+b?:c?'d??e", "ABC++:x::y+z"),
    ],
)
@pytest.mark.filterwarnings("ignore:segments.xml not found")
def test_pydifact_finds_the_same_segments(content: bytes) -> None:
    """What pydifact cannot tell apart is made alike: an element of one component, trailing blanks."""
    expected = [
        [[segment.tag], *([part] if isinstance(part, str) else part for part in segment.elements)]
        for segment in Parser().parse(content.decode("latin-1"))
        if segment.tag != "UNA"
    ]
    assert [[_trimmed(parts) for parts in segment] for segment in split(content)] == expected


def _trimmed(parts: list[str]) -> list[str]:
    while len(parts) > 1 and not parts[-1]:
        parts = parts[:-1]
    return parts


VALUES = st.text(st.characters(max_codepoint=0xFF, exclude_categories=("Cc",)), max_size=8).map(str.strip)
COMPOSITES = st.lists(VALUES, min_size=1, max_size=4)
BODIES = st.lists(st.lists(COMPOSITES, max_size=4).map(lambda elements: [["IMD"], *elements]), max_size=5)


@given(BODIES, st.permutations(":+?'*|~!^"), st.sampled_from((1, 2, 3, 7, 1 << 20)))
@example([[["IMD"], ["'"], ["?"]]], list(":+?'*|~!^"), 1)
def test_any_value_comes_back_from_any_marks_in_pieces_of_any_size(
    body: list[Segment], chosen: list[str], most: int
) -> None:
    marks = Marks(chosen[0], chosen[1], ".", chosen[2], chosen[3])
    whole: list[Segment] = [[["UNB"], ["UNOA", "3"]], *body, [["UNZ"], ["1"]]]
    una = f"UNA{marks.component}{marks.element}{marks.decimal}{marks.release} {marks.terminator}"
    content = una + "".join(_written(segment, marks) for segment in whole)
    assert split(content.encode("latin-1"), most) == whole


def _written(segment: Segment, marks: Marks) -> str:
    used = {mark: marks.release + mark for mark in (marks.component, marks.element, marks.release, marks.terminator)}
    released = [["".join(used.get(letter, letter) for letter in value) for value in parts] for parts in segment]
    return marks.element.join(marks.component.join(parts) for parts in released) + marks.terminator

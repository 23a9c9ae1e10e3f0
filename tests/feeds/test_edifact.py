"""EDIFACT files as a whole: what is read of them, what is held, what is warned of, and that nothing is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import edifact
from include.stockwatch.adapters.feeds.edifact import MOST_ROWS
from include.stockwatch.adapters.feeds.edifact_segments import Segments, Unreadable
from include.stockwatch.adapters.feeds.raw import LINE, LOCATION, LONG, TOTAL, Control, Notes
from tests.feeds import edifact_files as files
from tests.feeds.edifact_files import (
    DEPOT,
    FIG,
    NUT,
    OAT,
    OTHER_STORE,
    RETAILER,
    RYE,
    STORE,
    TEA,
    US,
    interchange,
    invrpt,
    message,
    read,
    slsrpt,
    written,
)

# Files as they are found, in files of our own


def test_a_depot_named_by_its_party_only() -> None:
    found = read(files.warehouse_only())
    assert found.columns("line", "item", "item_kind", "location", "location_kind", "code", "quantity", "unit") == [
        (7, "OAT-12", "VN", "MAIN_DEPOT", "92", "145", "640", "EA"),
        (9, "NUT-06", "VN", "MAIN_DEPOT", "92", "145", "215", "EA"),
    ]
    assert found.columns("last_date") == ["20261104"] * 2
    assert (found.notes.holds, found.notes.warnings) == ([], [])


def test_lines_that_end_in_a_line_feed_without_una() -> None:
    found = read(files.lines_without_una())
    assert found.columns("item", "item_kind", "location", "last_date", "code", "quantity", "unit") == [
        ("OW500081", "MF", "3140NL02", "20261109", "17", "7", "EA"),
        ("OW500081", "MF", "3140NL02", "20261109", "16", "0", "EA"),
    ]
    assert (found.notes.holds, found.notes.warnings) == ([], [])
    assert found.notes.controls == [Control("WIDENET", "700081OW", "57", 2)]


def test_till_transactions_that_look_alike_are_all_kept() -> None:
    found = read(files.till_transactions())
    assert Counter(found.columns("item")) == {OAT: 3, NUT: 2, RYE: 1, FIG: 2, TEA: 4}
    assert set(found.columns("code", "quantity", "unit", "location", "last_date", "first_date")) == {
        ("153", "1", "PCE", STORE, "20261109", None)
    }
    assert found.columns("price")[:6] == ["3.95", "3.95", "3.95", "4.95", "4.95", "6.45"]
    assert (found.notes.holds, found.notes.warnings) == ([], [])


def test_stock_of_a_store_with_quantities_that_share_their_place() -> None:
    found = read(files.store_stock())
    assert found.columns("item", "code", "quantity") == [
        (OAT, "145", "4"),
        (OAT, "51E", "1"),
        (NUT, "145", "0"),
        (NUT, "61", "1"),
        (NUT, "34E", "2"),
        (RYE, "145", "-1"),
    ]
    assert set(found.columns("location", "last_date", "level")) == {(STORE, "20261109", LOCATION)}
    assert (found.notes.holds, found.notes.warnings) == ([], [])


def test_sales_of_several_days_in_interchanges_after_one_una() -> None:
    found = read(files.concatenated_sales())
    assert found.columns("item", "location", "code", "quantity", "last_date", "message") == [
        (OAT, STORE, "153", "2", "20261109", "EW44"),
        (OAT, STORE, "153", "1", "20261109", "EW44"),
        (NUT, STORE, "153", "0", "20261109", "EW44"),
        (NUT, STORE, "77E", "1", "20261109", "EW44"),
        ("17729719", OTHER_STORE, "153", "1", "20261109", "EW45"),
        (TEA, OTHER_STORE, "153", "5", "20261110", "EW46"),
    ]
    assert found.notes.controls == [
        Control(RETAILER, US, "EW7001", 4),
        Control(RETAILER, US, "EW7002", 1),
        Control(RETAILER, US, "EW7003", 1),
    ]
    assert (found.notes.holds, found.notes.warnings) == ([], [])


def test_stock_that_is_listed_again_by_container() -> None:
    found = read(files.totals_and_parts())
    assert found.columns("item", "quantity", "level", "location") == [
        (OAT, "300", TOTAL, DEPOT),
        (OAT, "180", LOCATION, DEPOT),
        (OAT, "120", LOCATION, DEPOT),
        (NUT, "55", LOCATION, DEPOT),
    ]
    assert not found.notes.warned


def test_stock_in_groups_that_inv_starts() -> None:
    found = read(files.grouped_by_inv())
    assert found.columns("item", "item_kind", "quantity", "price", "level", "location") == [
        (OAT, "SRV", "55", "8.90", LOCATION, DEPOT),
        (OAT, "SRV", "185", "8.90", LOCATION, DEPOT),
        (NUT, "SRV", "325", "5.40", LOCATION, STORE),
    ]
    assert not found.notes.warned


# The table


def test_rows_are_texts_and_their_segment(tmp_path: Path) -> None:
    path, notes = tmp_path / "a.edi", Notes()
    path.write_bytes(files.till_transactions())
    (batch,) = edifact.read(path, "a.edi", files.profile(), notes)
    assert batch.rows.column_names == [LINE, *LONG]
    assert batch.rows.schema.field(LINE).type == pa.int64()
    texts = {batch.rows.schema.field(name).type for name in LONG}
    assert texts == {pa.string(), pa.dictionary(pa.int32(), pa.string())}
    assert notes.columns == LONG


def test_the_line_of_a_row_is_its_segment_in_the_file() -> None:
    content = files.warehouse_only() + files.warehouse_only()
    assert read(content).columns("line") == [7, 9, 18, 20]
    assert read(b"UNA:+.? '" + content).columns("line") == [8, 10, 19, 21]


def test_a_large_file_comes_in_small_batches() -> None:
    body = [segment for at in range(MOST_ROWS + 9) for segment in (f"LIN+{at}++{at}:SA", "QTY+145:4")]
    found = read(written(interchange(invrpt("LIN+0++0:SA", "QTY+1+4", *body))))
    assert (found.batches, len(found.rejects)) == ([MOST_ROWS - 1, 10], 1)
    assert [row["line"] for row in found.rows] == list(range(10, 10 + 2 * (MOST_ROWS + 9), 2))
    assert found.notes.controls[0].rows == MOST_ROWS + 10


# The envelope


ONE = written(interchange(invrpt(f"LIN+1++{OAT}:EN", "QTY+145:4")))


def changed(old: str, new: str, **changes: object) -> files.Read:
    """The plainest file with one text replaced."""
    assert old.encode() in ONE
    return read(ONE.replace(old.encode(), new.encode("latin-1")), **changes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("UNT+8+1", "UNT+9+1", "UNT of message 1 says 9 segments, there are 8"),
        ("UNT+8+1", "UNT++1", "UNT of message 1 says no segments, there are 8"),
        ("UNT+8+1", "UNT+eight+1", "UNT of message 1 says eight segments"),
        ("UNT+8+1", "UNT+8+2", "UNT of message 1 has the control number `2`"),
        ("UNZ+1+417", "UNZ+2+417", "UNZ of interchange 417 says 2 messages, there are 1"),
        ("UNZ+1+417", "UNZ+1+418", "UNZ of interchange 417 has the control number `418`"),
        ("QTY+145:4'", "QTY+145:4'CNT+2:2'", "CNT of message 1 says 2 lines, there are 1"),
        ("LIN+1", "STRAY TEXT'LIN+1", "segment 7: 'STRAY TEXT' is no segment of message 1"),
    ],
)
def test_a_wrong_count_or_number_is_held_or_taken_as_the_feed_says(old: str, new: str, said: str) -> None:
    held = changed(old, new)
    assert (set(held.holds), held.columns("quantity")) == ({"WRONG_COUNTS"}, ["4"])
    assert said in held.notes.holds[0].what
    taken = changed(old, new, wrong_counts="take")
    assert (taken.holds, taken.columns("quantity")) == ([], ["4"])
    assert said.removeprefix("segment 7: ") in " ".join(warn.what for warn in taken.notes.warnings)


def test_every_wrong_count_is_named_in_one_hold() -> None:
    content = ONE.replace(b"UNT+8+1", b"UNT+9+2").replace(b"UNZ+1+417", b"UNZ+3+418")
    (hold,) = read(content).notes.holds
    assert hold.what.count(";") == 3
    assert "segment 9: UNT" in hold.what
    assert "segment 10: UNZ" in hold.what


def test_counts_may_have_leading_zeros() -> None:
    assert read(ONE.replace(b"UNT+8", b"UNT+000008").replace(b"UNZ+1", b"UNZ+01")).holds == []


def grouped(une: str = "UNE+2+33", unz: str = "UNZ+1+417") -> bytes:
    """Two messages in a functional group."""
    lines = (f"LIN+1++{OAT}:EN", "QTY+145:4")
    messages = [*invrpt(*lines), *invrpt(*lines, number="2")]
    unb = interchange()[0]
    return written([unb, "UNG+INVRPT+A+B+261110:0215+33+UN+D:96A", *messages, *([une] if une else []), unz])


@pytest.mark.parametrize("unz", ["UNZ+1+417", "UNZ+2+417"])
def test_a_group_may_stand_in_the_envelope_and_unz_counts_it_or_its_messages(unz: str) -> None:
    found = read(grouped(unz=unz))
    assert (found.holds, found.columns("message")) == ([], ["1", "2"])


def test_each_group_counts_its_own_messages() -> None:
    groups = [[f"UNG+X+A+B+1:2+{at}", *invrpt("QTY+145:4"), f"UNE+1+{at}"] for at in (31, 32)]
    found = read(written([interchange()[0], *groups[0], *groups[1], "UNZ+2+417"]))
    assert (found.holds, found.columns("quantity")) == ([], ["4", "4"])


@pytest.mark.parametrize("une", ["", "UNE+1+33", "UNE+2+34"])
def test_a_wrong_group_is_a_wrong_count(une: str) -> None:
    assert read(grouped(une=une)).holds == ["WRONG_COUNTS"]


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        (ONE[: ONE.index(b"UNT")], "UNT is missing"),
        (ONE[: ONE.index(b"+145:4")], "UNT is missing"),
        (ONE[: ONE.index(b"UNZ")], "UNZ is missing"),
        (ONE.replace(b"UNT+8+1'\n", b""), "UNZ stands at segment 9 within message 1"),
        (ONE.replace(b"UNZ+1+417'\n", b"") + ONE, "another UNB stands"),
        (ONE.replace(b"UNT+8+1'\n", b"UNH+2+INVRPT:D:96A:UN'"), "another UNH stands"),
        (ONE.replace(b"UNT+8+1", b"UNE+1+1"), "UNE stands"),
        (ONE.replace(b"UNT+8+1", b"UNG+1+1"), "UNG stands"),
        (ONE[: ONE.index(b"UNH")], "UNZ is missing"),
    ],
)
def test_a_file_that_is_not_whole_is_held_and_gives_no_rows(content: bytes, missing: str) -> None:
    found = read(content)
    assert (found.holds, found.rows) == (["TRUNCATED"], [])
    assert missing in found.notes.holds[0].what
    assert found.notes.controls == []


@pytest.mark.parametrize("kind", ["CONTRL:4:1", "DESADV:D:96A:UN", "", "SLSRPT:D:96A:UN"])
def test_a_message_that_the_feed_does_not_take_is_held(kind: str) -> None:
    found = changed("INVRPT:D:96A:UN:EAN004", kind, messages=["INVRPT"])
    assert (found.holds, found.rows) == (["UNSUPPORTED"], [])
    assert "not INVRPT" in found.notes.holds[0].what


def test_another_release_is_read_and_warned_of() -> None:
    found = changed(":D:96A:", ":D:99A:")
    assert (found.columns("quantity"), found.notes.warned) == (["4"], {"VERSION": 1})


def test_an_unknown_sender_is_held() -> None:
    assert read(ONE, senders=[RETAILER]).holds == []
    found = read(ONE, senders=[US])
    assert (found.holds, found.columns("quantity")) == (["UNKNOWN_SENDER"], ["4"])
    assert RETAILER in found.notes.holds[0].what


def test_a_file_for_somebody_else_is_held() -> None:
    assert read(ONE, receivers=["X", US]).holds == []
    found = read(ONE, receivers=["X"])
    assert (found.holds, found.columns("quantity")) == (["WRONG_RECEIVER"], ["4"])
    assert US in found.notes.holds[0].what


def test_test_data_is_held_or_taken_as_the_feed_says() -> None:
    content = written(interchange(invrpt(f"LIN+1++{OAT}:EN", "QTY+145:4"), test="1"))
    assert read(content).holds == ["TEST_DATA"]
    taken = read(content, test_data="take")
    assert (taken.holds, taken.columns("quantity")) == ([], ["4"])


@pytest.mark.parametrize("date", ["261110:0215", "20261110:0215", ""])
def test_the_date_of_the_envelope_may_be_short_long_or_missing(date: str) -> None:
    assert changed("261110:0215", date).holds == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY"),
        (b" \r\n\x00\x00\n", "EMPTY"),
        (b"ISA*00*          *00*          *ZZ*A~", "WRONG_FORMAT"),
        (b"store,item,stock\n1,2,3\n", "WRONG_FORMAT"),
        (b"UNZUFRIEDEN", "WRONG_FORMAT"),
        (b"UNB", "WRONG_FORMAT"),
        (b"UNA", "WRONG_FORMAT"),
        (b"PK\x03\x04\x14\x00\x00\x00", "ENCODING"),
        (ONE.decode().encode("utf-16"), "ENCODING"),
        (b"".join(written(invrpt("QTY+145:4"))[at : at + 80] for at in (0, 80, 160, 240)), "NO_ENVELOPE"),
        (written(interchange()), "NO_ROWS"),
        (written(interchange(invrpt(f"LIN+1++{OAT}:EN"))), "NO_ROWS"),
        (ONE.replace(b"UNH+1+INVRPT:D:96A:UN:EAN004'\n", b""), "WRONG_FORMAT"),
        (ONE.replace(b"UNT+8+1", b"UNT+8+1'UNT+8+1"), "WRONG_FORMAT"),
        (ONE.replace(b"UNB+", b"UNBOX+"), "WRONG_FORMAT"),
    ],
)
def test_what_is_no_report_is_held(content: bytes, code: str) -> None:
    found = read(content)
    assert (found.holds, found.rows) == ([code], [])


@pytest.mark.parametrize("rest", ["\x1a", "\n\n", "\x00" * 5000])
def test_blanks_after_the_end_are_nothing(rest: str) -> None:
    found = read(ONE + rest.encode())
    assert (found.holds, found.notes.warnings) == ([], [])


def test_a_footer_is_warned_of() -> None:
    found = read(ONE + b"-- \nSent by the mail gateway of Harbor Foods")
    assert (found.holds, found.columns("quantity"), found.notes.warned) == ([], ["4"], {"TRAILING_TEXT": 1})


@pytest.mark.parametrize("rest", [b"-- \n" + ONE, b"QTY+145:5'", b"x" * 200_000])
def test_segments_after_the_end_are_held_and_not_passed_over(rest: bytes) -> None:
    assert read(ONE + rest).holds == ["WRONG_FORMAT"]


@pytest.mark.parametrize("bom", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_a_byte_order_mark_is_passed_over(bom: bytes) -> None:
    assert read(bom + ONE).columns("quantity") == ["4"]


@pytest.mark.parametrize(
    ("syntax", "bom", "encoding", "name"),
    [
        ("UNOA:2", "", "latin-1", "MÜSLI"),
        ("UNOC:3", "", "latin-1", "MÜSLI"),
        ("UNOY:3", "", "utf-8", "MÜSLI"),
        ("UNOC:3", "\ufeff", "utf-8", "MÜSLI"),
        ("UNOD:3", "", "iso8859-2", "ŽITNÉ"),
        ("UNOD:3", "", "utf-8", "ŽITNÉ"),
        ("UNOW:4", "", "utf-8", "Овсянка"),
        ("XXXX:1", "", "latin-1", "MÜSLI"),
        ("", "", "latin-1", "MÜSLI"),
    ],
)
def test_names_and_ids_are_in_the_character_set_of_unb(syntax: str, bom: str, encoding: str, name: str) -> None:
    body = (f"LIN+1++{name}-7:SA", f"IMD+F++:::{name}", "QTY+145:4")
    segments = "".join(f"{segment}'" for segment in interchange(invrpt(*body), syntax=syntax))
    assert read(f"{bom}{segments}".encode(encoding)).columns("item", "item_name") == [(f"{name}-7", name)]


def test_a_name_that_cannot_be_decoded_is_warned_of() -> None:
    body = (f"LIN+1++{OAT}:EN", "IMD+F++:::MÜSLI", "QTY+145:4")
    found = read(written(interchange(invrpt(*body), syntax="UNOY:4")))
    assert (found.columns("item_name"), found.notes.warned) == (["M\ufffdSLI"], {"ENCODING": 1})


def test_an_id_that_cannot_be_decoded_is_held() -> None:
    found = read(written(interchange(invrpt("LIN+1++MÜ-7:SA", "QTY+145:4"), syntax="UNOY:4")))
    assert (found.holds, found.rows) == (["ENCODING"], [])
    assert "segment 7" in found.notes.holds[0].what


def test_holds_of_a_kind_are_bounded() -> None:
    content = b"".join(
        written(interchange(invrpt(f"LIN+1++{OAT}:EN", "QTY+145:4"), sender=f"S{at}")) for at in range(50)
    )
    assert Counter(read(content, senders=["X"]).holds) == {"UNKNOWN_SENDER": 20}


# Nothing is lost, nothing raises


SEEDS = (
    files.warehouse_only(),
    files.lines_without_una(),
    files.till_transactions(),
    files.store_stock(),
    files.concatenated_sales(),
    files.totals_and_parts(),
    files.grouped_by_inv(),
    grouped(),
    written(interchange(invrpt(f"LIN+1++{OAT}:EN", "IMD+F++:::L?'UNA ??", "QTY+145:4")), files.UNA, end="'"),
)
PIECES = (b"'", b"?", b"??'", b"+", b":", b"\n", b"\r\n", b"UNA:+.? '", b"UNB+", b"UNZ+1+7'", b"UNH+1+INVRPT:D:96A:UN'")
PIECES += (b"UNT+2+1'", b"QTY+145:5'", b"LIN+1'", b"LOC+14+X'", b"INV+1'", b"DTM+366:20261109:102'", b"\xff", b"\x00")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of ours with a few cuts, copies and insertions."""
    content = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        first, last = sorted(draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=6) | st.just(content[first:last]))
        last = draw(st.sampled_from((first, min(first + 1, len(content)), last)))
        content = content[:first] + piece + content[last:]
    return content


def quantities(content: bytes, tmp: Path) -> int:
    """QTY segments of a file, as far as its syntax can be read."""
    tmp.write_bytes(content)
    count = 0
    with tmp.open("rb") as file:
        segments = Segments(file)
        try:
            while segments.begins():
                count += sum(segment[0][0] == "QTY" for segment in segments.interchange())
        except Unreadable:
            return count
    return count


GOES_ON = {"WRONG_COUNTS", "UNKNOWN_SENDER", "WRONG_RECEIVER", "TEST_DATA", "NO_ROWS"}
"""Holds of a file that is read to its end all the same."""


@given(damaged())
@example(b"UNB+UNOA:3'UNH+1+INVRPT'LIN'INV'DTM+366:20261109-20261101:718'QTY'UNT'UNZ'")
def test_a_damaged_file_never_raises_and_every_quantity_is_a_row_a_reject_or_held(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    found = read(content)
    expected = quantities(content, tmp_path_factory.getbasetemp() / "file.edi")
    if set(found.holds) <= GOES_ON:
        assert len(found.rows) + len(found.rejects) == expected
        assert sum(control.rows for control in found.notes.controls) == expected


@given(st.binary(max_size=300) | st.binary(max_size=200).map(b"UNB+UNOA:3+A+B+1:2+7'".__add__))
def test_any_bytes_are_read_or_held(content: bytes) -> None:
    found = read(content)
    assert found.holds or found.rows


NAMES = st.text(st.characters(max_codepoint=0xFF, exclude_categories=("Cc",)), min_size=1, max_size=12)
LINES = st.lists(
    st.tuples(
        st.integers(1, 999),
        NAMES.map(str.strip).filter(bool),
        st.lists(st.tuples(st.sampled_from(("145", "198", "61")), st.integers(-9, 999)), min_size=1, max_size=3),
    ),
    max_size=6,
)


@given(LINES, st.sampled_from(("INVRPT", "SLSRPT")), st.sampled_from(("'", "'\n", "'\r\n", "\n", "\r\n")))
def test_what_is_written_is_read(lines: list[tuple[int, str, list[tuple[str, int]]]], kind: str, end: str) -> None:
    body = ["DTM+356:20261109:102", "DTM+366:20261109:102"]
    for item, name, listed in lines:
        released = "".join(f"?{letter}" if letter in "?'+:" else letter for letter in name)
        body += [f"LIN+1++{item}:SA", f"IMD+F++:::{released}", *(f"QTY+{code}:{number}" for code, number in listed)]
    content = written(interchange(message(kind, *body)), end=end)
    found = read(content)
    expected = [(str(item), name, code, str(number)) for item, name, listed in lines for code, number in listed]
    assert found.columns("item", "item_name", "code", "quantity") == expected
    assert found.holds == ([] if expected else ["NO_ROWS"])


def test_a_sales_report_without_any_place_or_date_is_read_and_says_so_by_its_nulls() -> None:
    assert read(written(interchange(slsrpt(f"LIN+1++{OAT}:EN", "QTY+153:1")))).columns("location", "last_date") == [
        (None, None)
    ]

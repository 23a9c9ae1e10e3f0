"""X12 files: what is read of them, what is said about them, and that nothing of them is lost in silence."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyx12.x12file import X12Reader

from include.stockwatch.adapters.feeds import x12, x12_rows, x12_segments
from include.stockwatch.adapters.feeds.raw import BATCH_ROWS, LINE, LONG, Notes, Reject
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed
from tests.feeds import x12_files as files
from tests.feeds.x12_files import FIG, NUT, OAT, RYE, file_of, group_of, interchange, recounted, set_of, upc, written


@dataclass
class Read:
    """A file that was read to its end."""

    rows: list[dict[str, Any]]
    rejects: list[Reject]
    notes: Notes
    sizes: list[int]

    def of(self, *columns: str) -> list[Any]:
        """Some columns of every row, one alone as itself."""
        picked = [tuple(row[column] for column in columns) for row in self.rows]
        return [one[0] for one in picked] if len(columns) == 1 else picked

    @property
    def holds(self) -> dict[HoldCode, str]:
        return {hold.code: hold.what for hold in self.notes.holds}

    @property
    def warned(self) -> dict[str, int]:
        return dict(self.notes.warned)

    def said(self, code: str) -> list[tuple[int, str]]:
        return [(warning.line, warning.what) for warning in self.notes.warnings if warning.code == code]


def read(
    data: str | bytes, measures: dict[str, str] | None = None, qualifiers: tuple[str, ...] = (), **written: Any
) -> Read:
    """Read a file with the X12 reader; `written` is what the profile says of its format."""
    feed = Feed.model_validate(
        {
            "partner": "northfield",
            "partner_name": "Northfield Grocers",
            "format": {"kind": "x12", **written},
            "item_id": {"qualifiers": qualifiers},
            "codes": {"measures": measures or {"QS": "units_sold", "QA": "on_hand_units"}},
        }
    )
    notes = Notes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "landed"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        batches = list(x12.read(path, "activity.edi", feed, notes))
    for batch in batches:
        assert batch.rows.schema == x12_rows.SCHEMA
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    return Read(
        rows, [one for batch in batches for one in batch.rejects], notes, [batch.rows.num_rows for batch in batches]
    )


def activity(*body: str, **more: Any) -> str:
    """A plain 852 file of one set."""
    return written(file_of(set_of("852", "XQ*H*20260103", *body, **more)))


def inventory(*body: str) -> str:
    """A plain 846 file of one set."""
    return written(file_of(set_of("846", "BIA*00*DD*1*20260103", *body)))


def depletions(*body: str) -> str:
    """A plain 867 file of one set."""
    return written(file_of(set_of("867", "BPT*00*1*20260105", *body)))


# The files seen in the wild


def test_scan_based_trading_gives_a_row_per_store_and_invoice() -> None:
    got = read(files.scan_based(), wrong_counts="take")
    assert len(got.rows) == 33
    assert sum(int(quantity) for quantity in got.of("quantity")) == 296
    assert len(set(got.of("location"))) == 30
    assert Counter(got.of("item")) == {OAT: 29, NUT: 1, RYE: 1, FIG: 1, upc(305): 1}
    shared = ("item_kind", "location_kind", "code", "unit", "first_date", "last_date", "level", "message")
    assert set(got.of(*shared)) == {("UP", "UL", "QS", "EA", None, "20260103", "location", "2677001")}
    of_line = {row["line"]: (row["quantity"], row["price"]) for row in got.rows}
    assert (of_line[13], of_line[73], of_line[205]) == (("3", "12.29"), ("6", "13.74"), ("2", "3.44"))
    assert got.holds == {}
    assert got.warned == {"ISA_LENGTH": 1, "CTT_COUNT": 1, "WRONG_COUNTS": 3}
    assert got.said("CTT_COUNT") == [(206, "CTT01 says 20, counted 33 items")]


def test_wrong_counts_hold_the_file_and_each_is_named() -> None:
    got = read(files.scan_based())
    assert len(got.rows) == 33
    assert list(got.holds) == [HoldCode.WRONG_COUNTS]
    assert got.holds[HoldCode.WRONG_COUNTS] == (
        "segment 207: SE01 says 129, counted 205; segment 207: SE02 is `2678002`, and ST02 `2677001`; "
        "segment 208: GE01 says 1096, counted 1"
    )


def test_a_store_in_the_header_is_that_of_every_quantity() -> None:
    got = read(files.store_in_header())
    assert got.of("location", "location_kind", "code", "quantity", "unit") == [
        ("STR0118", "92", "QS", "48", "EA"),
        ("STR0118", "92", "QA", "120", "EA"),
        ("STR0118", "92", "QS", "22", "EA"),
        ("STR0118", "92", "QA", "40", "EA"),
    ]
    assert set(got.of("first_date", "last_date")) == {("20260105", "20260111")}
    assert got.warned == {"GTIN_CHECK": 2}
    assert got.holds == {}


def test_a_bare_set_is_no_interchange() -> None:
    got = read(files.bare_set())
    assert (got.rows, list(got.holds)) == ([], [HoldCode.NO_ENVELOPE])


def test_a_bare_set_is_read_where_the_profile_takes_it() -> None:
    got = read(files.bare_set(), bare_sets=True)
    assert got.of("item", "code", "quantity", "unit") == [
        (OAT, "QTY:38", "500", None),
        (OAT, "QS", "100", "EA"),
        (OAT, "QTY:17", "50", None),
        (NUT[:-1] + "0", "QS", "50", None),
    ]
    assert set(got.of("location", "location_kind", "last_date")) == {("STORE01", "9", "20260101")}
    assert got.warned == {"GTIN_CHECK": 1}
    assert (got.holds, got.notes.controls) == ({}, [])


def test_a_total_beside_its_warehouse_is_kept_apart_from_it() -> None:
    got = read(files.warehouse_beside_total(), {"33": "on_hand_units"})
    assert sorted(got.of("line", "item", "level", "location", "quantity", "price"), key=lambda row: row[0]) == [
        (12, OAT, "location", "MEL", "50", "28.99"),
        (13, OAT, "total", None, "7", "28.99"),
        (17, "OW302", "location", "MEL", "7", "55.0"),
        (18, "OW302", "total", None, "0", "55.0"),
    ]
    assert set(got.of("code", "unit", "last_date")) == {("33", "EA", "20260103")}
    assert set(got.of("item_kind", "item_name")) == {("UP", "Oat bar, 6-pack"), ("VP", "Nut bar, 6-pack")}
    assert got.warned == {"LOCATION_SUM_DIFFERS": 2, "NO_QUANTITY": 1}
    assert got.said("LOCATION_SUM_DIFFERS") == [
        (13, f"the total is 7, the parts add up to 50: 33 of `{OAT}`"),
        (18, "the total is 0, the parts add up to 7: 33 of `OW302`"),
    ]
    assert got.said("NO_QUANTITY") == [(19, f"item `{RYE}` has no quantity")]
    assert got.holds == {}


def test_a_catalogue_of_two_sets_is_not_counted_twice() -> None:
    got = read(files.catalogue(), {"33": "on_hand_units"})
    at_locations = [row for row in got.rows if row["level"] == "location"]
    assert len({(row["item"], row["location"]) for row in at_locations}) == 80
    assert {row["location"] for row in at_locations} == {"100"}
    assert sum(int(row["quantity"]) for row in at_locations) == 1036
    assert sum(row["quantity"] != "0" for row in at_locations) == 58
    assert [row["quantity"] for row in at_locations if row["message"] == "84670008"] == ["0", "0"]
    last = at_locations[-1]
    assert (last["item"], last["quantity"], last["price"]) == (upc(79), "39", "378")
    assert Counter(got.of("level")) == {"location": 80, "total": 80}
    assert got.warned == {}
    assert got.holds == {
        HoldCode.WRONG_COUNTS: "segment 15: SE01 says 8, counted 13; segment 408: SE01 says 403, counted 393"
    }


def test_a_warehouse_in_the_header_holds_cases() -> None:
    got = read(files.cases())
    assert got.of("location", "location_kind", "quantity", "unit", "last_date") == [
        ("STK01", "91", "850", "CA", "20260104"),
        ("STK01", "91", "320", "CA", "20260104"),
    ]
    assert (got.warned, got.holds) == ({"GTIN_CHECK": 2}, {})


def test_an_overlong_header_is_read_by_its_separators() -> None:
    got = read(files.overlong_header(), wrong_counts="take")
    assert got.of("item", "item_kind", "code", "quantity", "unit", "location", "location_kind") == [
        ("10085000712301", "UK", "1", "250", None, "WH-NORTH", "ZZ"),
        ("10085000712301", "UK", "QA", "198", None, "WH-NORTH", "ZZ"),
        ("5901234123457", "EN", "1", "0", None, "WH-NORTH", "ZZ"),
        ("5901234123457", "EN", "QA", "0", None, "WH-NORTH", "ZZ"),
    ]
    assert got.warned == {"ISA_LENGTH": 1, "GTIN_CHECK": 1, "WRONG_COUNTS": 1}
    assert got.said("ISA_LENGTH") == [(1, "not as long as by the book: ISA06, ISA08")]
    [control] = got.notes.controls
    assert (control.sender, control.receiver) == ("NORTHFIELD-DEPOT1", "OATWORKS-PLANT-2")


def test_a_warehouse_inside_an_item_is_for_that_item_only() -> None:
    got = read(files.warehouse_behind_item())
    assert got.of("item", "code", "quantity", "unit", "location", "last_date") == [
        (OAT[:-1] + "0", "33", "500", "EA", "WH001", "20260102"),
        (OAT[:-1] + "0", "02", "120", "EA", "WH001", "20260102"),
        (NUT[:-1] + "0", "33", "250", None, None, "20260105"),
    ]
    assert got.warned == {"GROUP_CODE": 1, "GTIN_CHECK": 2}
    assert list(got.holds) == [HoldCode.WRONG_COUNTS]


def test_a_resale_is_read_with_its_item_before_its_quantity() -> None:
    got = read(files.resale(), {"SR:39": "units_sold"})
    assert got.of("item", "item_kind", "code", "quantity", "unit", "price", "location", "location_kind") == [
        ("55512345678", "N4", "SR:39", "10", "EA", "100", "AB7654321", "ZI"),
    ]
    assert got.of("last_date") == ["20260102"]
    assert got.warned == {"ISA_LENGTH": 1}
    assert got.holds == {HoldCode.WRONG_COUNTS: "segment 17: SE01 says 14, counted 15"}


# Separators, line ends, encodings

STORE = file_of(
    set_of(
        "852",
        "XQ*H*20260103",
        "N1*ST*NORTHFIELD*92*0118",
        f"LIN*1*UP*{OAT}",
        "ZA*QS*4*EA",
        "SDQ*EA*92*0118*4",
        "ZA*QA*9*EA",
    )
)
AS_READ = read(written(STORE)).rows


@pytest.mark.parametrize(
    ("element", "terminator", "after"),
    [
        ("|", "~", ""),
        ("~", "?", "\r\n"),
        ("*", "\n", ""),
        ("*", "\r\n", ""),
        ("*", "\r", ""),
        ("*", "]", "\n"),
        ("\x1d", "\x1c", ""),
        ("\t", "'", "\n"),
        ("*", "\x85", ""),
    ],
)
def test_separators_are_what_the_header_says(element: str, terminator: str, after: str) -> None:
    text = written(STORE, element, terminator, after)
    assert read(text).rows == AS_READ
    assert len(AS_READ) == 3


def test_a_component_separator_may_equal_the_element_separator() -> None:
    text = written(STORE, "|").replace("|P|>", "|P||")
    assert read(text).rows == AS_READ


@pytest.mark.parametrize("after", ["", "\n", "\r\n"])
def test_an_empty_last_element_of_the_header_does_not_shift_the_terminator(after: str) -> None:
    got = read(written(STORE, after=after).replace("*P*>", "*P*"))
    assert got.rows == AS_READ
    assert got.holds == {}


@pytest.mark.parametrize("width", [1, 3, 40, 79, 80, 104, 105, 106, 107, 108])
def test_wrapped_lines_are_put_together(width: int) -> None:
    text = written([*STORE, *STORE], after="")
    wrapped = "\r\n".join(text[start : start + width] for start in range(0, len(text), width))
    got = read(wrapped)
    assert [{**row, LINE: 0} for row in got.rows] == [{**row, LINE: 0} for row in AS_READ * 2]
    assert got.holds == {}


def test_blanks_before_segment_ids_and_before_the_file_are_no_part_of_it() -> None:
    got = read(" \r\n\t" + written([STORE[0], *(f"  {segment}" for segment in STORE[1:])]))
    assert (got.rows, got.holds) == (AS_READ, {})


def test_empty_segments_count_for_nothing() -> None:
    got = read(written([part for segment in STORE for part in (segment, "", "  ")]))
    assert (got.rows, got.holds) == (AS_READ, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_by_its_mark_else_as_utf8_else_as_cp1252(encoding: str) -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", "PID*F****Müsli", "ZA*QS*1*EA").encode(encoding))
    assert got.of("item_name") == ["Müsli"]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_letter_on_the_border_of_two_chunks_is_one_letter(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x12_segments, "CHUNK", cut)
    got = read(activity(f"LIN*1*UP*{OAT}", "PID*F****Müsli für 5 €", "ZA*QS*1*EA").replace("\n", "\r\n"))
    assert got.of("item_name", "quantity") == [("Müsli für 5 €", "1")]
    assert got.holds == {}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (written(STORE).encode() + b"\x81", f"byte {len(written(STORE))} "),
        (written(STORE).encode() + b"\0\0\0", f"byte {len(written(STORE))}"),
        (written(STORE).encode("utf-16-le"), "byte 1"),
        (b"\xff\xfe\x00", "byte "),
    ],
)
def test_what_is_no_text_is_held_with_its_place(data: bytes, place: str) -> None:
    got = read(data)
    assert (got.rows, list(got.holds)) == ([], [HoldCode.ENCODING])
    assert place in got.holds[HoldCode.ENCODING]


# Files and envelopes


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", HoldCode.EMPTY),
        (" \r\n ", HoldCode.EMPTY),
        ("store,item,sold\n0118,1,2\n", HoldCode.WRONG_FORMAT),
        ("UNB+UNOA:2+A+B+260105:0600+1'", HoldCode.WRONG_FORMAT),
        ("ISABELLA*1*2", HoldCode.WRONG_FORMAT),
        (written(STORE[1:]), HoldCode.NO_ENVELOPE),
        (written([STORE[0].replace("*00401", ""), *STORE[1:]]), HoldCode.NO_ENVELOPE),
        (written([STORE[0].replace("*00401", "*0*0401"), *STORE[1:]]), HoldCode.NO_ENVELOPE),
        (written([STORE[0], *STORE[2:]]), HoldCode.NO_ENVELOPE),
        (written([*STORE[:2], *STORE[3:]]), HoldCode.NO_ENVELOPE),
        (written([*STORE, *STORE[-2:]]), HoldCode.NO_ENVELOPE),
        (written([*STORE, "ZA*QS*4*EA"]), HoldCode.NO_ENVELOPE),
        (written([*STORE[:-1], "IEA", "ISA*1*2"], terminator="\n", after=""), HoldCode.NO_ENVELOPE),
        ("ISA*00*" + "x" * 5000, HoldCode.NO_ENVELOPE),
    ],
)
def test_what_is_no_interchange_is_held(data: str, code: HoldCode) -> None:
    got = read(data)
    assert got.notes.holds[0].code == code
    assert not code.is_releasable


def test_a_file_is_held_wherever_it_was_cut() -> None:
    text = written(STORE, after="")
    for kept in range(1, len(text) - 1):  # without the last terminator it is still whole
        cut = text[:kept]
        known = HoldCode.WRONG_COUNTS if "IEA" in cut else HoldCode.TRUNCATED
        assert list(read(cut).holds) == [known if kept > len("ISA") else HoldCode.WRONG_FORMAT], cut


@pytest.mark.parametrize("header", ["*0*P*P*>~", "*0*P*> ", "*0*P*>x"])
def test_a_header_that_names_no_terminator_is_not_guessed_at(header: str) -> None:
    got = read(written(STORE).replace("*0*P*>~", header))
    assert "names no segment terminator" in got.holds[HoldCode.NO_ENVELOPE]


def test_a_cut_file_is_still_known_by_its_control_number() -> None:
    [control] = read(written(STORE[:-1])).notes.controls
    assert (control.sender, control.number, control.rows) == ("NORTHFIELD", "000000417", 3)


@pytest.mark.parametrize("missing", ["SE", "GE", "IEA"])
def test_a_level_that_is_not_closed_is_held(missing: str) -> None:
    segments = [segment for segment in STORE if not segment.startswith(missing)]
    for more in ([], STORE):
        got = read(written([*segments, *more]))
        assert f"without the {missing} of" in got.holds[HoldCode.TRUNCATED]


def test_the_last_segment_needs_no_terminator() -> None:
    assert read(written(STORE).rstrip("~\n")).holds == {}
    assert read(written(STORE, terminator="\n", after="").rstrip("\n")).holds == {}


@pytest.mark.parametrize("other", [("|", "\n", ""), ("*", "~", "\r\n"), ("+", "'", "")])
def test_several_interchanges_have_their_own_separators(other: tuple[str, str, str]) -> None:
    second = interchange(group_of(set_of("852", "XQ*H*20260104", f"LIN*1*UP*{NUT}", "ZA*QA*7*EA")), number="000000418")
    got = read(written(STORE) + written(second, *other) + "\ufeff" + written(STORE))
    assert got.of("item", "quantity") == [
        (OAT, "4"),
        (OAT, "4"),
        (OAT, "9"),
        (NUT, "7"),
        (OAT, "4"),
        (OAT, "4"),
        (OAT, "9"),
    ]
    assert got.of(LINE)[3] == len(STORE) + 6
    assert [(one.sender, one.receiver, one.number, one.rows) for one in got.notes.controls] == [
        ("NORTHFIELD", "OATWORKS", "000000417", 3),
        ("NORTHFIELD", "OATWORKS", "000000418", 1),
        ("NORTHFIELD", "OATWORKS", "000000417", 3),
    ]
    assert got.holds == {}


def test_several_sets_and_groups_are_told_apart() -> None:
    sets = [
        set_of("852", "XQ*H*20260103", f"N1*ST**92*{store}", f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", number=store)
        for store in ("0118", "0204", "0309")
    ]
    stock = set_of("846", "BIA*00*DD*1*20260104", "N1*WH**92*DC1", f"LIN*1*UP*{OAT}", "QTY*33*5*EA", number="9")
    got = read(written(interchange(group_of(*sets[:2]), group_of(sets[2], number="72"), group_of(stock, number="73"))))
    assert got.of("message", "location", "code", "last_date") == [
        ("0118", "0118", "QS", "20260103"),
        ("0204", "0204", "QS", "20260103"),
        ("0309", "0309", "QS", "20260103"),
        ("9", "DC1", "33", "20260104"),
    ]
    assert (got.holds, got.warned) == ({}, {})


@pytest.mark.parametrize("footer", ["\x1a", "-- \nSent by the EDI desk\n", "~~ thank you ~"])
def test_text_behind_the_last_interchange_is_a_warning(footer: str) -> None:
    got = read(written(STORE) + footer)
    assert (got.rows, got.holds) == (AS_READ, {})
    assert set(got.warned) == {"TRAILING_TEXT"}


def test_an_interchange_behind_other_text_is_not_overlooked() -> None:
    got = read(written(STORE) + "-- \n" + written(STORE))
    assert got.holds
    assert read(written(STORE) + "-- ~" + written(STORE)).of("quantity") == ["4", "4", "9"] * 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"SE*8*0001": "SE*9*0001"}, "segment 10: SE01 says 9, counted 8"),
        ({"SE*8*0001": "SE*8*0002"}, "segment 10: SE02 is `0002`, and ST02 `0001`"),
        ({"GE*1*71": "GE*2*71"}, "segment 11: GE01 says 2, counted 1"),
        ({"GE*1*71": "GE*1*72"}, "segment 11: GE02 is `72`, and GS06 `71`"),
        ({"IEA*1*000000417": "IEA*x*000000417"}, "segment 12: IEA01 says x, counted 1"),
        ({"IEA*1*000000417": "IEA*1*000000418"}, "segment 12: IEA02 is `000000418`, and ISA13 `000000417`"),
        ({"SE*8*0001": "SE"}, "segment 10: SE01 says nothing, counted 8; segment 10: SE02 is ``, and ST02 `0001`"),
    ],
)
def test_every_wrong_count_and_number_is_named(wrong: dict[str, str], told: str) -> None:
    text = written(recounted(STORE, wrong))
    got = read(text)
    assert (got.rows, got.holds) == (AS_READ, {HoldCode.WRONG_COUNTS: told})
    taken = read(text, wrong_counts="take")
    assert (taken.rows, taken.holds) == (AS_READ, {})
    assert set(taken.warned) == {"WRONG_COUNTS"}


def test_a_count_of_nothing_must_be_said_too() -> None:
    empty = [STORE[0], "IEA**000000417"]
    assert read(written(empty)).holds == {HoldCode.WRONG_COUNTS: "segment 2: IEA01 says nothing, counted 0"}


def test_a_thousand_wrong_counts_are_one_hold_of_readable_length() -> None:
    sets = [[*one[:-1], "SE*9*0001"] for one in [set_of("852", f"LIN*1*UP*{OAT}", "ZA*QS*1*EA")] * 1000]
    got = read(written(file_of(*sets)))
    assert len(got.notes.holds) == 1
    assert got.holds[HoldCode.WRONG_COUNTS].endswith("counted 4 and 980 more")


@pytest.mark.parametrize(
    ("segments", "profile", "code"),
    [
        (interchange(STORE[1:-1], usage="T"), {}, HoldCode.TEST_DATA),
        (STORE, {"senders": ("WESTWAY", "NORTH")}, HoldCode.UNKNOWN_SENDER),
        (STORE, {"receivers": ("SOMEBODY",)}, HoldCode.WRONG_RECEIVER),
    ],
)
def test_a_file_that_is_not_meant_for_us_waits_for_a_decision(
    segments: list[str], profile: dict[str, Any], code: HoldCode
) -> None:
    got = read(written([*segments, *segments]), **profile)
    assert [hold.code for hold in got.notes.holds] == [code]
    assert code.is_releasable
    assert len(got.rows) == 6


def test_known_senders_and_test_data_that_is_wanted_are_taken() -> None:
    got = read(
        written(interchange(STORE[1:-1], usage="T")), test_data="take", senders=("NORTHFIELD",), receivers=("OATWORKS",)
    )
    assert (got.rows, got.holds, got.warned) == (AS_READ, {}, {"TEST_DATA": 1})


@pytest.mark.parametrize(
    ("segments", "profile", "told"),
    [
        (file_of(set_of("997", "AK1*PD*71", "AK9*A*1*1*1")), {}, "message 997"),
        (file_of(set_of("850", "BEG*00*SA*1"), set_of("852")), {}, "message 850"),
        (STORE, {"messages": ("846",)}, "the feed takes 846"),
        (interchange(group_of(set_of("852", "ZA*QS*1"), version="003040")), {}, "version (GS08) `003040`"),
        (file_of(set_of("867", "BPT*SU*1*20260101", "PTD*BJ", "QTY*QD*10*KH")), {}, "BPT says `SU`"),
        (file_of(set_of("867", "BPT*00*1*20260101", "PTD*BJ", "QTY*QD*10*KH")), {}, "PTD says `BJ`"),
        (file_of(set_of("867", "BPT*00*1*20260101", "PTD*PM", "QTY*QD*10*KH")), {}, "QTY says `KH`"),
    ],
)
def test_what_is_no_stock_report_is_held_as_unsupported(
    segments: list[str], profile: dict[str, Any], told: str
) -> None:
    got = read(written(segments), **profile)
    assert (got.rows, list(got.holds)) == ([], [HoldCode.UNSUPPORTED])
    assert told in got.holds[HoldCode.UNSUPPORTED]


@pytest.mark.parametrize("version", ["004010", "004010VICS", "005010", "004030", ""])
def test_versions_4_and_5_are_read(version: str) -> None:
    got = read(written(interchange(group_of(STORE[2:-2], version=version))))
    assert (got.rows, got.holds) == (AS_READ, {})


def test_another_version_is_read_where_the_profile_takes_it() -> None:
    got = read(written(interchange(group_of(STORE[2:-2], version="003040"))), versions=("003",))
    assert (got.rows, got.holds) == (AS_READ, {})


def test_an_offer_of_capacity_is_no_stock_report() -> None:
    got = read(inventory("LIN*1*GU*PIPE1", "PID*F****Capacity", "LIN*2*GU*PIPE2"))
    assert (got.rows, list(got.holds)) == ([], [HoldCode.NO_ROWS])
    assert got.warned == {"ITEM_QUALIFIER": 2, "NO_QUANTITY": 2}


def test_segments_that_no_message_has_are_reported() -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", "SDX*EA*92*0118*4", "N9*IK*7", "REF*ZZ*7"))
    assert got.said("UNREAD_SEGMENT") == [(7, "SDX in an 852")]
    between = [*STORE[:-1], "TA1*000000417", STORE[-1]]
    assert read(written(between)).said("UNREAD_SEGMENT") == [(12, "TA1 between the groups")]


def test_a_quantity_of_another_message_is_rejected() -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "QTY*33*1*EA", "ZA*QA*5*EA"))
    assert (len(got.rows), [(one.line, one.code) for one in got.rejects]) == (1, [(7, "MISPLACED")])
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QA*5*EA", "SCH*5*EA*WH*SALEM"))
    assert (len(got.rows), [(one.line, one.code) for one in got.rejects]) == (1, [(7, "MISPLACED")])


# Items


def test_the_first_id_in_the_order_of_the_profile_is_taken() -> None:
    text = activity(f"LIN*1*VN*OW1*IN**UP*{OAT}*EN*5901234123457", "ZA*QS*1*EA")
    assert read(text).of("item", "item_kind") == [(OAT, "UP")]
    assert read(text, qualifiers=("IN", "VN", "UP")).of("item", "item_kind") == [("OW1", "VN")]


def test_an_item_without_an_id_that_is_taken_is_reported_and_kept() -> None:
    got = read(activity("LIN*1*ZZ*OW1", "ZA*QS*1*EA", "LIN*2", "ZA*QS*2*EA"))
    assert got.of("item", "quantity") == [(None, "1"), (None, "2")]
    assert got.said("ITEM_QUALIFIER") == [
        (5, "no id that the feed takes; the LIN has `ZZ`"),
        (7, "no id that the feed takes; the LIN has none"),
    ]


def test_a_quantity_without_any_item_is_kept() -> None:
    assert read(activity("ZA*QS*1*EA")).of("item", "code", "quantity") == [(None, "QS", "1")]
    assert read(inventory("QTY*33*1*EA", "SDQ*EA*54*A*1")).of("level") == ["total", "location"]
    assert read(depletions("QTY*32*1*EA")).of("item", "code") == [(None, "32")]


@pytest.mark.parametrize(
    ("kind", "number", "is_doubted"),
    [
        ("UP", OAT, False),
        ("UP", OAT[:-1], True),
        ("UK", "00" + OAT, False),
        ("EN", "5901234123458", True),
        ("UI", OAT[:-1], False),
        ("UI", OAT[1:-1], False),
        ("UI", OAT[:-1] + "0", True),
        ("VN", "1", False),
    ],
)
def test_a_number_that_is_no_gtin_is_doubted_once_and_taken(kind: str, number: str, is_doubted: bool) -> None:
    got = read(activity(f"LIN*1*{kind}*{number}", "ZA*QS*1*EA", f"LIN*2*{kind}*{number}", "ZA*QS*1*EA"))
    assert got.of("item", "item_kind") == [(number, kind)] * 2
    assert got.warned == ({"GTIN_CHECK": 1} if is_doubted else {})


@pytest.mark.parametrize("place", [1, 2, 3])
def test_the_price_of_an_item_may_stand_anywhere_in_its_loop(place: int) -> None:
    body = [f"LIN*1*UP*{OAT}", "ZA*QS", "SDQ*EA*92*0118*4", f"LIN*2*UP*{NUT}", "ZA*QS*1*EA"]
    body.insert(place, "CTP**RTL*3.49")
    assert read(activity(*body)).of("price") == ["3.49", None]


@pytest.mark.parametrize(
    ("prices", "taken", "warned"),
    [
        (("CTP**UCP*2.10", "CTP**RTL*3.49"), "3.49", {"SEVERAL_PRICES": 1}),
        (("CTP**RTL*3.49", "CTP**UCP*2.10"), "3.49", {"SEVERAL_PRICES": 1}),
        (("CTP**UCP*2.10", "CTP**WHL*2.30"), "2.10", {"SEVERAL_PRICES": 1}),
        (("CTP**UCP*25.20**CA", "CTP**UCP*2.10**EA"), "2.10", {"PRICE_BASIS": 1}),
    ],
)
def test_of_several_prices_that_of_consumers_for_a_piece_is_taken(
    prices: tuple[str, ...], taken: str, warned: dict[str, int]
) -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", *prices, "ZA*QS*1*EA"))
    assert (got.of("price"), got.warned) == ([taken], warned)


@pytest.mark.parametrize(
    ("segment", "pack"),
    [("PO4*12", "12"), ("PO4*1", None), ("PO4*6" + "*" * 13 + "4", "24"), ("PO4*x", None), ("PO4*²", None)],
)
def test_a_pack_is_inner_packs_times_eaches(segment: str, pack: str | None) -> None:
    assert read(activity(f"LIN*1*UP*{OAT}", segment, "ZA*QS*1*CA")).of("pack") == [pack]


# Locations of an 852


def test_every_pair_of_every_sdq_is_a_row_of_its_za() -> None:
    pairs = [(f"{number:04d}", str(number % 7)) for number in range(25)]
    sdq = [f"SDQ*EA*92*{'*'.join(f'{s}*{q}' for s, q in pairs[start : start + 10])}" for start in (0, 10, 20)]
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS", *sdq, "ZA*QA", *sdq))
    assert got.of("code", "location", "quantity") == [
        *(("QS", *pair) for pair in pairs),
        *(("QA", *pair) for pair in pairs),
    ]
    assert Counter(got.of(LINE)) == {7: 10, 8: 10, 9: 5, 11: 10, 12: 10, 13: 5}
    assert set(got.of("unit", "location_kind", "level")) == {("EA", "92", "location")}


@pytest.mark.parametrize(
    ("total", "sdq", "warned"),
    [
        ("9", "SDQ*EA*92*0118*4*0204*5", {}),
        ("9.5", "SDQ*EA*92*0118*4.25*0204*5.25", {}),
        ("10", "SDQ*EA*92*0118*4*0204*5", {"LOCATION_SUM_DIFFERS": 1}),
        ("10", "SDQ*EA*92*0118*4*0204*n/a", {}),
        ("10", "SDQ*CA*92*0118*4*0204*5", {"UNITS_DIFFER": 1}),
    ],
)
def test_a_total_is_checked_against_its_locations(total: str, sdq: str, warned: dict[str, int]) -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", f"ZA*QS*{total}*EA", sdq))
    assert got.of("level", "location") == [("total", None), ("location", "0118"), ("location", "0204")]
    assert got.of("unit") == ["EA", sdq[4:6], sdq[4:6]]
    assert got.warned == warned


def test_a_cut_pair_is_rejected_and_the_others_are_read() -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS", "SDQ*EA*92*0118*4*0204", "SDQ*EA*92*0309*1**7*0410*2"))
    assert got.of("location", "quantity") == [("0118", "4"), ("0309", "1"), ("0410", "2")]
    assert [(one.line, one.code, one.value) for one in got.rejects] == [(7, "CUT_PAIR", "0204"), (8, "CUT_PAIR", "7")]
    assert json.loads(got.rejects[0].raw) == ["SDQ", "EA", "92", "0118", "4", "0204"]


def test_a_file_of_nothing_but_cut_pairs_still_gives_its_rejects() -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", "SDQ*EA*92*0118"))
    assert (got.rows, len(got.rejects), got.holds) == ([], 1, {})


def test_a_blank_quantity_is_no_data_and_trailing_separators_are_nothing() -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS", "SDQ*EA*92*0118*4*0204****", "SDQ*EA*92*0309*1*"))
    assert got.of("location", "quantity") == [("0118", "4"), ("0204", ""), ("0309", "1")]
    assert got.rejects == []


def test_a_place_inside_the_location_is_reported() -> None:
    pairs = "*".join(f"{number:04d}*1" for number in range(10))
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS", f"SDQ*EA*92*{pairs}*BACKROOM"))
    assert (len(got.rows), got.rejects, got.warned) == (10, [], {"PLACE_IN_LOCATION": 1})


def test_more_pairs_than_the_book_has_are_read() -> None:
    pairs = "*".join(f"{number:04d}*1" for number in range(12))
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS", f"SDQ*EA*92*{pairs}"))
    assert (len(got.rows), got.rejects, got.warned) == (12, [], {"LONG_SDQ": 1})


def test_a_za_without_quantity_is_kept_as_no_data() -> None:
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QK"))
    assert got.of("code", "quantity") == [("QK", None)]
    assert got.warned == {"NO_QUANTITY": 1}


def test_stores_that_follow_each_other_in_one_set_have_their_own_items() -> None:
    one = [f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", f"LIN*2*UP*{NUT}", "ZA*QS*2*EA"]
    got = read(activity("N1*ST**92*0118", *one, "N1*ST**92*0204", *one))
    assert got.of("location", "quantity") == [("0118", "1"), ("0118", "2"), ("0204", "1"), ("0204", "2")]


def test_two_stores_in_one_header_are_not_chosen_from() -> None:
    got = read(activity("N1*ST**92*0118", "N1*ST**92*0204", f"LIN*1*UP*{OAT}", "ZA*QS*1*EA"))
    assert (got.of("location"), got.warned) == ([None], {"SEVERAL_LOCATIONS": 1})


def test_a_store_without_an_id_is_known_by_its_name() -> None:
    got = read(activity("N1*ST*SALEM MILL LANE", f"LIN*1*UP*{OAT}", "ZA*QS*1*EA"))
    assert got.of("location", "location_kind") == [("SALEM MILL LANE", None)]


def test_the_profile_may_name_another_party_as_the_location() -> None:
    text = activity("N1*ST**92*0118", "N1*BY**UL*8500071000008", f"LIN*1*UP*{OAT}", "ZA*QS*1*EA")
    assert read(text).of("location") == ["0118"]
    assert read(text, location_parties=("BY", "ST")).of("location") == ["8500071000008"]


# Locations of an 846


@pytest.mark.parametrize(
    "body",
    [
        ["N1*WH*DEPOT*92*DC7", f"LIN*1*UP*{OAT}", "QTY*33*5*EA"],
        [f"LIN*1*UP*{OAT}", "N1*WH*DEPOT*92*DC7", "QTY*33*5*EA"],
        [f"LIN*1*UP*{OAT}", "QTY*33*5*EA", "N1*WH*DEPOT*92*DC7"],
        ["N1*WH*OTHER*92*DC1", f"LIN*1*UP*{OAT}", "REF*ZZ*WH-9", "QTY*33*5*EA", "N1*WH*DEPOT*92*DC7"],
        ["REF*LU*DC1", f"LIN*1*UP*{OAT}", "REF*WS*DC7", "QTY*33*5*EA"],
        ["N1*SF*FACTORY*92*F1", "N1*WH*DC7", f"LIN*1*UP*{OAT}", "REF*ZZ*LOT-9", "QTY*33*5*EA"],
        [f"LIN*1*UP*{OAT}", "QTY*33**EA", "SCH*5*EA*WH*DC7*097*20260103"],
        [f"LIN*1*UP*{OAT}", "SDQ*EA*54*DC7*5"],
    ],
)
def test_a_warehouse_is_found_wherever_it_stands(body: list[str]) -> None:
    assert read(inventory(*body)).of("location", "quantity", "level") == [("DC7", "5", "location")]


@pytest.mark.parametrize("before", [True, False])
def test_of_several_warehouses_of_an_item_each_has_its_quantity(before: bool) -> None:
    body = []
    for place, quantity in (("DC1", "5"), ("DC2", "6"), ("DC3", "7")):
        one = [f"N1*WH**92*{place}", f"QTY*33*{quantity}*EA"]
        body += one if before else one[::-1]
    got = read(inventory(f"LIN*1*UP*{OAT}", *body))
    assert got.of("location", "quantity") == [("DC1", "5"), ("DC2", "6"), ("DC3", "7")]


def test_one_sch_per_warehouse_is_the_stock_there() -> None:
    got = read(
        inventory(f"LIN*1*UP*{OAT}", "QTY*33*9*EA", "SCH*4*EA*WH*SALEM*097*20260102", "SCH*5*EA*WH*BEND*097*20260102")
    )
    assert got.of("location", "quantity", "code", "level", "last_date") == [
        (None, "9", "33", "total", "20260103"),
        ("SALEM", "4", "33", "location", "20260102"),
        ("BEND", "5", "33", "location", "20260102"),
    ]
    assert got.warned == {}


@pytest.mark.parametrize("schedule", ["SCH*40*EA***018*20260201", "SCH*40*EA*WH*SALEM*018*20260201"])
def test_a_schedule_is_a_plan_and_no_stock(schedule: str) -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "QTY*33*9*EA", schedule))
    assert got.of("code", "quantity", "level", "last_date") == [
        ("33", "9", "location", "20260103"),
        ("SCH:33", "40", "location", "20260201"),
    ]


def test_a_status_in_place_of_a_location_is_neither_location_nor_part() -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "SDQ*CS*A*02", "QTY*33*9*CS"))
    assert got.of("code", "quantity", "level", "location") == [("33", "9", "location", None)]
    assert (got.rejects, list(got.warned)) == ([], ["LOCATION_KIND"])


@pytest.mark.parametrize(
    ("measures", "codes"),
    [
        ({"33": "on_hand_units"}, [("33", "total"), ("33", "location")]),
        ({"SDQ": "on_hand_units"}, [("33", "total"), ("SDQ", "location")]),
        ({"SDQ": "on_hand_units", "33": "on_hand_units"}, [("33", "total"), ("33", "location")]),
        ({"SDQ": "on_hand_units", "33": "on_order_units"}, [("SDQ", "location"), ("33", "location")]),
    ],
)
def test_an_sdq_before_the_one_quantity_has_the_code_of_it(
    measures: dict[str, str], codes: list[tuple[str, str]]
) -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "SDQ*EA*54*DC7*5", "QTY*33*5*EA"), measures)
    assert got.of("code", "level") == codes


@pytest.mark.parametrize(
    ("measures", "levels"),
    [
        ({"33": "on_hand_units"}, {"SDQ": "location", "33": "location", "63": "location"}),
        (
            {"SDQ": "on_hand_units", "33": "on_hand_units", "63": "on_order_units"},
            {"33": "total", "63": "location"},
        ),
    ],
)
def test_an_sdq_before_several_quantities_is_not_given_to_any_by_guess(
    measures: dict[str, str], levels: dict[str, str]
) -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "SDQ*EA*54*DC7*5", "QTY*33*5*EA", "QTY*63*8*EA"), measures)
    assert {row["code"]: row["level"] for row in got.rows if row["location"] is None} | {
        row["code"]: row["level"] for row in got.rows if row["code"] == "SDQ"
    } == levels
    assert sum(int(quantity) for quantity in got.of("quantity")) == 18


def test_warehouses_behind_their_quantities_are_told_apart_though_an_sdq_stands_before_them() -> None:
    body = ["SDQ*EA*54*DC7*5", "QTY*33*5*EA", "N1*WH**92*DC1", "QTY*63*8*EA", "N1*WH**92*DC2"]
    measures = {"SDQ": "on_hand_units", "33": "on_hand_units", "63": "on_order_units"}
    got = read(inventory(f"LIN*1*UP*{OAT}", *body), measures)
    assert got.of("location", "level") == [("DC1", "total"), ("DC7", "location"), ("DC2", "location")]


def test_an_sdq_behind_its_quantity_belongs_to_it() -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "QTY*33*5*EA", "SDQ*EA*54*DC7*5", "QTY*63*8*EA"))
    assert got.of("code", "level") == [("33", "total"), ("33", "location"), ("63", "location")]


def test_the_quantity_of_a_part_of_an_item_is_not_that_of_the_item() -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "QTY*33*5*EA", "SLN*1**I*2*EA", "QTY*33*9*EA"))
    assert got.of("code", "quantity") == [("33", "5"), ("SLN:33", "9")]


@pytest.mark.parametrize(
    ("body", "unit"),
    [
        (["QTY*33*5*CA>1"], "CA"),
        (["QTY*33*5"], None),
        (["QTY*33*5", "UIT*DZ"], "DZ"),
        (["UIT*DZ", "QTY*33*5*EA"], "EA"),
    ],
)
def test_a_unit_is_that_of_the_quantity_else_of_the_item(body: list[str], unit: str | None) -> None:
    assert read(inventory(f"LIN*1*UP*{OAT}", *body)).of("unit") == [unit]


# 867


@pytest.mark.parametrize(
    "body",
    [
        [f"LIN**UP*{OAT}", "QTY*32*5*EA", f"LIN**UP*{NUT}", "QTY*32*6*EA", "QTY*39*7*EA"],
        ["QTY*32*5*EA", f"LIN**UP*{OAT}", "QTY*32*6*EA", "QTY*39*7*EA", f"LIN**UP*{NUT}"],
    ],
)
def test_quantity_and_item_of_a_resale_may_stand_in_either_order(body: list[str]) -> None:
    got = read(depletions("PTD*SS", "N1*ST*SHOP*92*C1", *body, "PTD*RP", *body))
    sold = [(OAT, "32", "5"), (NUT, "32", "6"), (NUT, "39", "7")]
    assert got.of("item", "code", "quantity") == [*sold, *((item, f"RP:{code}", q) for item, code, q in sold)]
    assert got.of("location") == ["C1"] * 3 + [None] * 3


def test_the_customer_of_a_resale_is_known_by_its_id_and_never_by_its_name() -> None:
    got = read(depletions("PTD*SD", f"LIN**UP*{OAT}", "QTY*32*5*EA", "N1*ST*JANE DOE"))
    assert got.of("location") == [None]


@pytest.mark.parametrize("total", ["1", "2"])
def test_items_or_transfers_may_be_what_a_resale_counts(total: str) -> None:
    body = ["PTD*SS", "QTY*32*5*EA", f"LIN**UP*{OAT}", "QTY*32*5*EA", f"LIN**UP*{NUT}"]
    assert read(depletions(*body, f"CTT*{total}")).warned == {}
    assert read(depletions(*body, "CTT*3")).warned == {"CTT_COUNT": 1}


# Days


@pytest.mark.parametrize(
    ("data", "period"),
    [
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA"), (None, "20260103")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA*007*20260102"), (None, "20260102")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA*018*20260202"), (None, "20260103")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA*007*20260102", "DTM*007*20260101"), (None, "20260101")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS", "SDQ*EA*92*1*1", "DTM*007*20260101"), (None, "20260101")),
        (activity(f"LIN*1*UP*{OAT}", "DTM*007*20260101", "ZA*QS*1*EA"), (None, "20260101")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", "DTM*036*20270101"), (None, "20260103")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", "DTM*090*20251228", "DTM*091*20260102"), ("20251228", "20260102")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", "DTM*090*20251228"), ("20251228", "20260103")),
        (activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", "DTM*582****RD8*20251228-20260102"), ("20251228", "20260102")),
        (written(file_of(set_of("852", "XQ*H*20251229*20260104", "ZA*QS*1*EA"))), ("20251229", "20260104")),
        (written(file_of(set_of("852", "XQ*H*251229*260104", "ZA*QS*1*EA"))), ("20251229", "20260104")),
        (written(file_of(set_of("852", "XQ*H", "DTM*090*20260101", "ZA*QS*1*EA"))), ("20260101", "20260105")),
        (written(file_of(set_of("852", "ZA*QS*1*EA"))), (None, "20260105")),
        (written(file_of(set_of("852", "XQ*H*20260231", "ZA*QS*1*EA"))), (None, "20260231")),
        (written(file_of(set_of("852", "XQ*H*Jan 3", "ZA*QS*1*EA"))), (None, "Jan 3")),
        (inventory(f"LIN*1*UP*{OAT}", "QTY*33*5*EA"), (None, "20260103")),
        (inventory("DTM*007*202601021830", f"LIN*1*UP*{OAT}", "QTY*33*5*EA"), (None, "20260102")),
        (inventory("DTM*007*20260102", f"LIN*1*UP*{OAT}", "QTY*33*5*EA", "DTM*405*20260101"), (None, "20260101")),
        (inventory(f"LIN*1*UP*{OAT}", "QTY*33*5*EA", "DTM*169*20260301"), (None, "20260103")),
        (depletions("PTD*SS", f"LIN**UP*{OAT}", "QTY*32*5*EA"), (None, "20260105")),
        (depletions("DTM*090*20260101", "DTM*091*20260104", "PTD*SS", "QTY*32*5*EA"), ("20260101", "20260104")),
        (depletions("PTD*SS", "DTM*011*20260102", "QTY*32*5*EA", f"LIN**UP*{OAT}"), (None, "20260102")),
    ],
)
def test_the_days_of_a_quantity_are_the_nearest_that_are_told(data: str, period: tuple[str | None, str]) -> None:
    assert read(data).of("first_date", "last_date") == [period]


def test_a_date_in_a_za_loop_is_for_that_za_only() -> None:
    for more in (["QTY*17*3"], []):
        got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS*1*EA", "ZA*QA*2*EA", "DTM*007*20260102", *more))
        expected = [("QS", "20260103"), ("QA", "20260102"), ("QTY:17", "20260102")]
        assert got.of("code", "last_date") == expected[: 2 + len(more)]


def test_a_date_before_a_later_item_of_a_resale_is_for_that_item_only() -> None:
    items = [f"LIN**UP*{OAT}", "QTY*32*1*EA", f"LIN**UP*{NUT}", "DTM*011*20260102", "QTY*32*2*EA"]
    assert read(depletions("PTD*SS", *items)).of("item", "last_date") == [(OAT, "20260105"), (NUT, "20260102")]


def test_a_date_behind_each_quantity_is_for_that_quantity() -> None:
    got = read(inventory(f"LIN*1*UP*{OAT}", "QTY*33*1", "DTM*007*20260101", "QTY*63*2", "DTM*007*20260102"))
    assert got.of("last_date") == ["20260101", "20260102"]
    got = read(inventory(f"LIN*1*UP*{OAT}", "QTY*33*1", "DTM*007*20260101", "QTY*63*2"))
    assert got.of("last_date") == ["20260101", "20260103"]
    dated = ["QTY*33*1", "DTM*007*20260101", "QTY*63*2", "QTY*02*3", "DTM*007*20260102"]
    assert read(inventory(f"LIN*1*UP*{OAT}", *dated)).of("last_date") == ["20260101", "20260103", "20260102"]


# Batches


def test_batches_are_bounded_and_keep_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x12_rows, "FULL", 7)
    monkeypatch.setattr(x12_rows, "BATCH_ROWS", 10)
    body = []
    for number in range(9):
        pairs = "*".join(f"{store:04d}*{store}" for store in range(number))
        body += [f"LIN*{number}*UP*{upc(number)}", "ZA*QS", f"SDQ*EA*92*{pairs}", "ZA*QA", f"SDQ*EA*92*{pairs}"]
    got = read(activity(*body))
    assert max(got.sizes) == 10
    assert len(got.rows) == 2 + 2 * sum(range(9))
    assert got.notes.controls[0].rows == len(got.rows)
    assert sorted(got.of(LINE)) == got.of(LINE)


def test_one_item_with_more_quantities_than_a_batch_is_held() -> None:
    sdq = "SDQ*EA*92*" + "*".join(["0118*1"] * 10)
    got = read(activity(f"LIN*1*UP*{OAT}", "ZA*QS", *[sdq] * (BATCH_ROWS // 10 + 1)))
    assert (got.rows, list(got.holds)) == ([], [HoldCode.TOO_LARGE])


@pytest.mark.parametrize("fill", ["x", "*", "IEA", "\n", " "])
def test_a_file_without_terminators_is_not_read_into_memory(fill: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x12_segments, "LONGEST_SEGMENT", 10_000)
    monkeypatch.setattr(x12_segments, "CHUNK", 1_000)
    got = read(written(STORE[:5]) + "N9*" + fill * 30_000)
    assert list(got.holds) == [HoldCode.TOO_LARGE]


@pytest.mark.parametrize("fill", ["~", "\n", " ", "x\n", "~ ", "ISA", "ISA*", "IEA*~"])
def test_filling_behind_an_interchange_is_read_in_time_that_grows_with_it(fill: str) -> None:
    for terminator in ("~", "\n"):
        started = time.process_time()
        got = read(written(STORE, terminator=terminator, after="") + fill * 200_000)
        assert len(got.rows) == 3 or list(got.holds) == [HoldCode.NO_ENVELOPE]
        assert time.process_time() - started < 20


def test_a_row_has_every_column_of_the_long_table() -> None:
    got = read(written(STORE))
    assert list(got.rows[0]) == [LINE, *LONG]
    assert got.notes.columns == LONG


# pyx12 as the oracle of the segments, and files that were damaged at random


@pytest.mark.parametrize(
    "make",
    [files.store_in_header, files.cases, files.warehouse_beside_total, files.catalogue, files.warehouse_behind_item],
)
def test_pyx12_finds_the_same_segments(make: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "file.edi"
    path.write_bytes(make().encode())
    with X12Reader(str(path)) as reader:
        theirs = [segment.format("", "*", ">") for segment in reader]
    ours = ["*".join(segment).rstrip("*") for segment in x12_segments.segments(path)]
    assert ours == theirs


SOURCES = [
    make()
    for make in (
        files.scan_based,
        files.store_in_header,
        files.warehouse_beside_total,
        files.cases,
        files.overlong_header,
        files.warehouse_behind_item,
        files.resale,
    )
] + [
    written(
        [*STORE, *file_of(set_of("852", f"LIN*1*UP*{OAT}", "ZA*QA*9", "SDQ*EA*92*1*4*2*5*3", "CTT*1"))], "|", "\n", ""
    ),
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A file of ours in which some spans were deleted, doubled, moved or overwritten."""
    text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 80)))
        span = text[start:end]
        new = draw(
            st.sampled_from(("", span * 2, span[::-1], "~", "*", "\n", "ISA*", "IEA*1*1~", "SDQ*EA*92*1*", "é", "\0"))
        )
        text = text[:start] + new + text[end:]
    return text


def expected_quantities(path: Path) -> tuple[int, int]:
    """How many quantities the segments of a file have, at least and at most."""
    least = most = 0
    for segment in x12_segments.segments(path, "~"):
        match segment[0]:
            case "QTY" | "ZA":
                has_quantity = len(segment) > 2 and segment[2].strip() != ""
                least, most = least + has_quantity, most + 1
            case "SDQ":
                cells = [cell.strip() for cell in segment[3:]]
                pairs = [pair for pair in zip(cells[::2], cells[1::2], strict=False) if any(pair)]
                is_cut = len(cells) % 2 == 1 and cells[-1] != ""
                least, most = least + len(pairs), most + len(pairs) + is_cut
            case "SCH":
                most += 1
    return least, most


@given(damaged())
def test_nothing_of_a_damaged_file_is_lost_in_silence(text: str) -> None:
    got = read(text)
    fatal = [code for code in got.holds if not code.is_releasable]
    if fatal:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "landed"
        path.write_bytes(text.encode())
        least, most = expected_quantities(path)
    assert least <= len(got.rows) + len(got.rejects) <= most


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: written(STORE[:4]).encode() + tail))
def test_any_bytes_end_in_rows_or_in_a_hold(data: bytes) -> None:
    got = read(data, bare_sets=True)
    assert got.rows or got.rejects or got.holds


@given(st.lists(st.sampled_from([part for segment in STORE for part in (segment, segment.split("*")[0])]), max_size=30))
def test_segments_in_any_order_end_in_rows_or_in_a_hold(segments: list[str]) -> None:
    got = read(written([STORE[0], *segments]), bare_sets=True)
    assert got.rows or got.holds

"""Tests of how the header row is found among preamble rows."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import header
from include.stockwatch.adapters.feeds.header import Header
from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed

HEADER = ["Store Nbr", "Item Nbr", "Curr Str On Hand Qty", "Status"]
DATA = ["0118", "9204417", "12", "A"]


def feed(more: dict[str, str] | None = None, **formatted: Any) -> Feed:
    return Feed.model_validate(
        {
            "partner": "northfield",
            "partner_name": "Northfield",
            "format": {"kind": "csv"} | formatted,
            "date": {"source": "receipt"},
            "location_id": {"column": "Store Nbr"},
            "item_id": {"column": "Item Nbr"},
            "columns": {"on_hand_units": "Curr Str On Hand Qty"} | (more or {}),
        }
    )


def found(rows: list[list[str]], **formatted: Any) -> tuple[Header | None, Notes]:
    notes = Notes()
    return header.find(iter(rows), feed(**formatted), notes), notes


def held(rows: list[list[str]], **formatted: Any) -> str:
    """What the one hold says."""
    header_row, notes = found(rows, **formatted)
    (hold,) = notes.holds
    assert header_row is None
    assert hold.code is HoldCode.LAYOUT_CHANGED
    return hold.what


def test_the_rows_above_the_header_are_the_preamble() -> None:
    header_row, notes = found([["Stock report", ""], ["Period:", "", "10/27/2026", ""], HEADER, DATA])
    assert header_row == Header(tuple(HEADER), 4)
    assert notes.preamble == ["Stock report", "Period: |  | 10/27/2026"]
    assert notes.columns == tuple(HEADER)
    assert notes.holds == []


def test_the_next_row_is_the_first_below_the_header() -> None:
    rows = iter([["Stock report"], HEADER, DATA])
    header.find(rows, feed(), Notes())
    assert next(rows) == DATA


def test_cells_of_the_header_are_stripped() -> None:
    header_row, _ = found([[f" {name}\t" for name in HEADER]])
    assert header_row == Header(tuple(HEADER), 4)


@pytest.mark.parametrize(
    "name",
    [
        "CURR STR ON HAND QTY",
        "Curr Str On Hand Qty.",
        "Curr\u00a0Str  On\nHand Qty",
        "\ufeffCurr Str On Hand Qty",
    ],
)
def test_a_name_may_differ_in_case_blanks_and_a_last_dot(name: str) -> None:
    header_row, notes = found([["Store Nbr", "Item Nbr", name]])
    assert header_row == Header(("Store Nbr", "Item Nbr", "Curr Str On Hand Qty"), 3)
    assert notes.columns[2] == "Curr Str On Hand Qty"


def test_curly_quotes_and_long_dashes_are_plain_ones() -> None:
    assert header.plain("Buyer’s “on–hand”") == header.plain('buyer\'s "on-hand"')


def test_a_name_as_it_is_written_comes_before_one_that_is_alike() -> None:
    header_row, _ = found([["STORE NBR", "Item Nbr", "Curr Str On Hand Qty", "Store Nbr"]])
    assert header_row == Header(("STORE NBR", "Item Nbr", "Curr Str On Hand Qty", "Store Nbr"), 4)


def test_one_column_is_not_taken_for_two() -> None:
    notes = Notes()
    rows = iter([["Store Nbr", "Item Nbr", "CURR STR ON HAND QTY"]])
    assert header.find(rows, feed({"units_sold": "curr str on hand qty"}), notes) is None
    assert "`curr str on hand qty` is missing" in notes.holds[0].what


def test_a_row_that_lacks_a_column_is_no_header() -> None:
    header_row, notes = found([["Store Nbr", "Item Nbr"], HEADER])
    assert header_row is not None
    assert notes.preamble == ["Store Nbr | Item Nbr"]


def test_blank_rows_are_no_preamble_and_do_not_count() -> None:
    header_row, notes = found([["", " "], [], ["Stock report"], [""], HEADER], header_within=2)
    assert header_row is not None
    assert notes.preamble == ["Stock report"]


def test_a_header_below_the_rows_looked_at_is_not_found() -> None:
    rows = [["Stock"], ["report"], HEADER]
    assert found(rows, header_within=3)[0] is not None
    assert "are missing" in held(rows, header_within=2)


def test_no_row_is_taken_behind_the_last_one_looked_at() -> None:
    rows = iter([["Stock"], ["report"], HEADER])
    header.find(rows, feed(header_within=2), Notes())
    assert next(rows) == HEADER


def test_what_is_missing_is_told_from_the_row_most_like_a_header() -> None:
    what = held([["Stock report"], ["Store Nbr", "Item Nbr", "Curr Str On-Hand Qty", "Status"], DATA])
    assert "`Curr Str On Hand Qty` is missing" in what
    assert "does not use: `Curr Str On-Hand Qty`, `Status`" in what
    assert "near `Curr Str On Hand Qty`: `Curr Str On-Hand Qty`" in what


def test_a_longer_name_that_begins_the_same_is_near() -> None:
    what = held([["Store Nbr", "Item Nbr", "Curr Str On Hand Qty (current, not editable)", "Currency"]])
    assert "near `Curr Str On Hand Qty`: `Curr Str On Hand Qty (current, not editable)`" in what


def test_a_row_with_near_names_is_more_like_a_header_than_a_longer_one() -> None:
    assert "`Store Number`" in held([["a", "b", "c", "d"], ["Store Number", "Item Number", "On Hand"]])


def test_one_column_alone_hints_at_the_delimiter() -> None:
    assert "stand between `,`" in held([[",".join(HEADER)], [",".join(DATA)]], delimiter=";")
    assert "is the delimiter really `;`?" in held([[",".join(HEADER[1:])], [",".join(DATA)]], delimiter=";")


def test_other_formats_have_no_delimiter_to_doubt() -> None:
    what = held([[",".join(HEADER)]], kind="html")
    assert "only one column" in what
    assert "delimiter" not in what


def test_a_column_of_the_feed_that_stands_twice_holds_the_file() -> None:
    assert "names `Item Nbr` more than once" in held([[*HEADER, "Item Nbr"], DATA])


def test_two_columns_that_are_alike_hold_the_file() -> None:
    assert "names `Item Nbr` more than once" in held([["Store Nbr", "ITEM NBR", "item nbr.", "Curr Str On Hand Qty"]])


def test_what_stands_twice_is_told_beside_what_is_missing() -> None:
    _, notes = found([["Store Nbr", "Store Nbr", "Item Nbr"]])
    assert ["more than once" in hold.what for hold in notes.holds] == [True, False]


def test_other_columns_are_kept_under_names_of_their_own() -> None:
    header_row, _ = found([["line", *HEADER, "Status", "", "Status", "Status (2)"]])
    assert header_row is not None
    assert header_row.names == ("line (2)", *HEADER, "Status (2)", "column 7", "Status (3)", "Status (2) (2)")


def test_a_row_may_end_at_the_last_name() -> None:
    header_row, _ = found([["", *HEADER, "", ""]])
    assert header_row == Header(("column 1", *HEADER, "column 6", "column 7"), 5)


def test_no_text_at_all_is_an_empty_file() -> None:
    _, notes = found([[""], [" ", ""]])
    assert [hold.code for hold in notes.holds] == [HoldCode.EMPTY]


def test_a_large_table_is_not_compared_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing each name with each would take minutes."""
    compared = 0
    get_close_matches = difflib.get_close_matches

    def counted(word: str, possibilities: dict[str, str]) -> list[str]:
        nonlocal compared
        compared += len(possibilities)
        return get_close_matches(word, possibilities)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    held([[f"Item {row} {column}" for column in range(150)] for row in range(150)], header_within=1000)
    assert compared <= (100 + 1) * 100 * 3


def test_a_hold_stays_readable_whatever_the_names_are() -> None:
    what = held([["x" * 90_000 + str(number) for number in range(2_000)]])
    assert len(what) < 3_000
    assert "and 1970 more" in what


@given(st.lists(st.lists(st.text(max_size=5), max_size=6), max_size=8), st.permutations(HEADER))
def test_every_row_above_the_header_is_preamble_or_blank(above: list[list[str]], names: list[str]) -> None:
    header_row, notes = found([*above, names, DATA])
    assert header_row is not None
    assert header_row.names == tuple(names)
    assert len(notes.preamble) == sum(any(cell.strip() for cell in row) for row in above)


@given(st.lists(st.sampled_from(("Status", "status", "", "line", "column 5", "Status (2)")), max_size=12))
def test_names_are_unique(more: list[str]) -> None:
    header_row, _ = found([[*HEADER, *more]])
    assert header_row is not None
    assert len({*header_row.names, "line"}) == len(HEADER) + len(more) + 1

"""Texts of a batch with the meaning that the profile gives them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from include.stockwatch.adapters.feeds.binding import Bound, Period, bind, period_of
from include.stockwatch.adapters.feeds.raw import LINE, LONG, Batch, Notes
from include.stockwatch.settings.feed import BusinessDate, Feed

TABLE: dict[str, Any] = {
    "partner": "harbor",
    "partner_name": "Harbor Foods",
    "date": {"column": "date", "format": "%Y-%m-%d"},
    "location_id": {"column": "store", "width": 4},
    "item_id": {"column": "item"},
    "columns": {"on_hand_units": "stock", "units_sold": "sold"},
}
MESSAGE: dict[str, Any] = {
    "partner": "harbor",
    "partner_name": "Harbor Foods",
    "format": {"kind": "x12"},
    "item_id": {},
    "codes": {"measures": {"QS": "units_sold", "QA": "on_hand_units"}, "ignored": ["QM"]},
}


def table(rows: list[dict[str, str]], **changes: Any) -> Bound:
    """Rows of a table, bound by a profile."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name, "") for row in rows] for name in names}
    texts = pa.table({LINE: pa.array(range(2, len(rows) + 2), pa.int64()), **columns})
    return bind(Batch(texts), Feed.model_validate({**TABLE, **changes}), None)


def message(rows: list[dict[str, str | None]], **changes: Any) -> Bound:
    """Values of a message, bound by a profile."""
    usual = {"item": "850007123017", "location": "0605", "last_date": "20261103", "level": "location", "unit": "EA"}
    arrays = {name: pa.array([{**usual, **row}.get(name) for row in rows], pa.string()) for name in LONG}
    texts = pa.table({LINE: pa.array(range(1, len(rows) + 1), pa.int64()), **arrays})
    return bind(Batch(texts), Feed.model_validate({**MESSAGE, **changes}), None)


def row(**cells: str) -> dict[str, str]:
    """One row of a table."""
    return {"date": "2026-11-03", "store": "7", "item": "A-1", "stock": "5", "sold": "2", **cells}


def values(bound: Bound, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of the bound rows."""
    return [tuple(one[name] for name in names) for one in bound.rows.to_pylist()]


def codes(bound: Bound) -> list[tuple[int, str, str]]:
    """Line, code and value of the rejects."""
    return [(one.line, one.code, one.value) for one in bound.rejects]


def test_a_row_of_a_table_has_date_place_item_and_quantities() -> None:
    found = values(table([row()]), "business_date", "location_id", "item_text", "on_hand_units", "units_sold")
    assert found == [(dt.date(2026, 11, 3), "0007", "A-1", 5.0, 2.0)]


def test_the_first_fault_of_a_row_is_its_reject() -> None:
    found = table([row(date="03.11.2026", stock="x"), row(store=""), row(item=""), row(sold="viel")])
    assert codes(found) == [
        (2, "BAD_DATE", "03.11.2026"),
        (3, "MISSING_ID", ""),
        (4, "MISSING_ID", ""),
        (5, "BAD_QUANTITY", "viel"),
    ]
    assert "`format.decimal`" in found.rejects[3].fix
    assert found.rejects[3].is_placed
    assert not found.rejects[0].is_placed


@pytest.mark.parametrize("text", ["7", "7.0", "'0007", "0007.00", " 7 "])
def test_ids_are_the_same_however_a_spreadsheet_writes_them(text: str) -> None:
    ((location, item),) = values(table([row(store=text, item=text)]), "location_id", "item_text")
    assert (location, item.zfill(4)) == ("0007", "0007")


def test_a_day_as_spreadsheets_number_it_is_told_from_other_texts() -> None:
    found = table([row(date=text) for text in ("46329", "46329.5", "4632", "03.11.2026")])
    assert ["spreadsheets number it" in one.reason for one in found.rejects] == [True, True, False, False]


def test_days_and_months_need_no_zero_before_them() -> None:
    found = table([row(date="2026/1/1")], date={"column": "date", "format": "%Y/%m/%d"})
    assert values(found, "business_date") == [(dt.date(2026, 1, 1),)]


def test_a_text_with_two_dates_is_a_period_of_flows() -> None:
    pattern = r"(\S+) to (\S+)"
    found = table(
        [row(date="10/1/2026 to 10/31/2026")], date={"column": "date", "format": "%m/%d/%Y", "pattern": pattern}
    )
    assert values(found, "business_date", "flow_days") == [(dt.date(2026, 10, 31), 31)]


def test_a_period_that_ends_before_it_begins_is_no_date() -> None:
    found = table(
        [row(date="2026-11-03 to 2026-11-01")],
        date={"column": "date", "format": "%Y-%m-%d", "pattern": r"(\S+) to (\S+)"},
    )
    assert codes(found) == [(2, "BAD_DATE", "2026-11-03 to 2026-11-01")]


def test_a_blank_quantity_is_no_data_and_no_fault() -> None:
    assert values(table([row(stock="", sold=" ")]), "on_hand_units", "units_sold") == [(None, None)]


def test_texts_for_no_data_are_no_data_whatever_their_case() -> None:
    found = table([row(stock="n/a")], no_data=["N/A"])
    assert values(found, "on_hand_units", "units_sold") == [(None, 2.0)]


def test_a_row_that_says_not_carried_is_dropped_and_counted() -> None:
    found = table([row(stock="not stocked", sold="not stocked"), row()], not_ranged=["Not stocked"])
    assert (len(found.rows), found.dropped) == (1, {"not_ranged": 1})


def test_a_row_that_says_not_carried_and_sold_is_kept() -> None:
    found = table([row(stock="not stocked", sold="1")], not_ranged=["not stocked"])
    assert values(found, "on_hand_units", "units_sold") == [(None, 1.0)]


def test_total_rows_are_dropped_and_become_control_values() -> None:
    rule = {"name": "grand_total", "column": "store", "equals": ["Grand Total"], "total_of": "on_hand_units"}
    found = table([row(), row(store="GRAND TOTAL", item="", date="", stock="5")], drop=[rule])
    assert (len(found.rows), found.dropped, found.rejects) == (1, {"grand_total": 1}, ())
    assert [(one.measure, one.value, one.line) for one in found.totals] == [("on_hand_units", 5.0, 3)]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"matches": "^LY"}, ["TY", ""]),
        ({"blank": True}, ["TY", "LY 2025"]),
        ({"unless": ["TY"]}, ["TY"]),
        ({"matches": "Y", "unless": ["TY"]}, ["TY", ""]),
    ],
)
def test_a_drop_rule_drops_what_it_describes(rule: dict[str, Any], kept: list[str]) -> None:
    rows = [row(year=one, item=one or "none") for one in ("TY", "LY 2025", "")]
    found = table(rows, drop=[{"name": "last_year", "column": "year", **rule}])
    assert [one or "" for (one,) in values(found, "item_text")] == [one or "none" for one in kept]


def test_a_constant_location_stands_for_a_file_about_one_place() -> None:
    found = table([row()], location_id={"constant": "national"})
    assert values(found, "location_id") == [("national",)]


def test_cases_become_pieces_by_the_profile() -> None:
    found = table([row(uom="CA"), row(uom="ea")], units={"column": "uom", "packs": {"ca": 12}})
    assert values(found, "on_hand_units") == [(60.0,), (5.0,)]


def test_cases_become_pieces_by_the_pack_of_the_file() -> None:
    found = table([row(uom="CA", pack="6")], units={"column": "uom", "pack_column": "pack"})
    assert values(found, "on_hand_units", "pack_unit") == [(30.0, None)]


def test_a_unit_of_unknown_size_waits_for_the_item_master() -> None:
    assert values(table([row(uom="CA")], units={"column": "uom"}), "on_hand_units", "pack_unit") == [(5.0, "CA")]


def test_a_row_without_a_unit_is_rejected_where_none_is_usual() -> None:
    found = table([row(uom="")], units={"column": "uom", "default": ""})
    assert codes(found) == [(2, "UNIT_UNKNOWN", "")]


def test_control_characters_do_not_get_into_ids_and_names() -> None:
    found = table([row(item="A\u202e-1\x07", name="Oat\u200e Bar")], columns={**TABLE["columns"], "item_name": "name"})
    assert values(found, "item_text", "item_name") == [("A-1", "Oat Bar")]


def test_a_code_says_which_measure_a_value_is_of() -> None:
    found = message([{"code": "QS", "quantity": "4"}, {"code": "QA", "quantity": "-1"}])
    assert values(found, "units_sold", "on_hand_units") == [(4.0, None), (None, -1.0)]


def test_an_unknown_code_is_kept_as_a_reject_and_not_loaded() -> None:
    found = message([{"code": "QP", "quantity": "4"}])
    assert (codes(found), len(found.rows)) == ([(1, "UNMAPPED_CODE", "QP")], 0)


def test_an_ignored_code_is_dropped_and_counted() -> None:
    assert message([{"code": "QM", "quantity": "4"}]).dropped == {"ignored_code": 1}


@pytest.mark.parametrize(("level", "kept"), [("location", [3.0, 4.0]), ("total", [9.0])])
def test_one_level_is_loaded_where_a_total_stands_beside_its_parts(level: str, kept: list[float]) -> None:
    rows: list[dict[str, str | None]] = [
        {"code": "QA", "quantity": "9", "level": "total", "message": "1", "location": "all"},
        {"code": "QA", "quantity": "3", "message": "1"},
        {"code": "QA", "quantity": "4", "message": "1", "location": "0606"},
    ]
    found = message(rows, format={"kind": "x12", "level": level})
    assert [one for (one,) in values(found, "on_hand_units")] == kept
    assert found.dropped == {"total_beside_parts": 3 - len(kept)}


def test_a_total_of_one_place_does_not_drop_the_same_item_elsewhere() -> None:
    rows: list[dict[str, str | None]] = [
        {"code": "QA", "quantity": "9", "level": "total", "message": "1", "location": "all"},
        {"code": "QA", "quantity": "9", "message": "1"},
        {"code": "QA", "quantity": "5", "message": "1", "item": "850007123024"},
        {"code": "QA", "quantity": "4", "message": "1", "location": "0606"},  # of the next interchange
    ]
    found = message(rows, format={"kind": "x12", "level": "total"})
    assert [one for (one,) in values(found, "on_hand_units")] == [9.0, 5.0, 4.0]


def test_a_value_without_a_total_is_loaded_at_either_level() -> None:
    rows: list[dict[str, str | None]] = [{"code": "QA", "quantity": "3", "message": "1"}]
    found = message(rows, format={"kind": "x12", "level": "total"})
    assert values(found, "on_hand_units") == [(3.0,)]


def test_flows_of_a_message_cover_its_period() -> None:
    found = message([{"code": "QS", "quantity": "4", "first_date": "20261028"}])
    assert values(found, "business_date", "flow_days") == [(dt.date(2026, 11, 3), 7)]


def test_a_message_without_a_date_is_rejected() -> None:
    assert codes(message([{"code": "QS", "quantity": "4", "last_date": None}])) == [(1, "BAD_DATE", "")]


def test_a_message_without_a_location_is_of_the_constant_one() -> None:
    found = message([{"code": "QA", "quantity": "4", "location": None}], location_id={"constant": "DC1"})
    assert values(found, "location_id") == [("DC1",)]


def test_the_date_of_a_file_may_stand_in_its_name_its_preamble_or_its_receipt() -> None:
    received = dt.date(2026, 11, 4)
    by_name = BusinessDate(source="file_name", format="%Y%m%d", pattern=r"_(\d{8})\.")
    assert period_of(by_name, ["stock.csv", "stock_20261102.zip"], Notes(), received) == Period(
        dt.date(2026, 11, 2), dt.date(2026, 11, 2)
    )
    by_preamble = BusinessDate(source="preamble", format="%m/%d/%Y", pattern=r"from (\S+) to (\S+)")
    notes = Notes(preamble=["Report 12", "from 10/26/2026 to 11/01/2026"])
    assert period_of(by_preamble, ["x"], notes, received) == Period(dt.date(2026, 10, 26), dt.date(2026, 11, 1))
    by_receipt = BusinessDate(source="receipt", period_days=7)
    assert period_of(by_receipt, ["x"], Notes(), received) == Period(dt.date(2026, 10, 28), dt.date(2026, 11, 3))


def test_a_file_without_its_date_is_held() -> None:
    notes = Notes()
    assert (
        period_of(
            BusinessDate(source="file_name", format="%Y%m%d", pattern=r"(\d{8})"),
            ["stock.csv"],
            notes,
            dt.date(2026, 11, 4),
        )
        is None
    )
    assert [(hold.code.value, "`stock.csv`" in hold.what) for hold in notes.holds] == [("NO_DATE", True)]

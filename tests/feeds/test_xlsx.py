"""Workbooks: the values of a sheet as texts, and what of a workbook is not touched."""

from __future__ import annotations

import datetime as dt
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import binding, content, sheet
from tests.feeds.reading import Read, bitten, feed, read

HEADER = ["date", "store", "item", "stock"]
DAY = dt.date(2026, 11, 3)
SHEET = "xl/worksheets/sheet1.xml"
START = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stock.xlsx"


def save(path: Path, rows: list[list[Any]], change: Callable[[Any], None] = lambda _: None) -> Path:
    """Save rows as the first sheet of a workbook; `change` does the rest to the sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book.active)
    book.save(path)
    return path


def with_parts(path: Path, parts: dict[str, str | bytes | Callable[[bytes], bytes]]) -> Path:
    """Replace parts of a saved workbook, or add some."""
    old = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    contents: dict[str, str | bytes] = {name: old.read(name) for name in old.namelist()}
    for name, part in parts.items():
        contents[name] = part(contents[name]) if callable(part) else part
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in contents.items():
            new.writestr(name, content)
    return path


def with_sheet(path: Path, rows: str) -> Path:
    """A workbook whose sheet has these rows, as XML."""
    return with_parts(save(path, []), {SHEET: f"{START}{rows}</sheetData></worksheet>"})


def text_cells(*texts: str) -> str:
    """A row without any numbers of rows and columns, as some programs write it."""
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts) + "</row>"


def shared(*numbers: object) -> str:
    """A row whose texts stand in the table of texts."""
    return "<row>" + "".join(f'<c t="s"><v>{number}</v></c>' for number in numbers) + "</row>"


def with_texts(path: Path, rows: str, texts: str) -> Path:
    """A workbook with a table of texts, as most programs write it."""
    link = b'<Relationship Id="rId99" Type="urn:relationships/sharedStrings" Target="/xl/sharedStrings.xml"/>'
    return with_parts(
        with_sheet(path, rows),
        {
            "xl/sharedStrings.xml": f"<sst>{texts}</sst>",
            "xl/_rels/workbook.xml.rels": lambda part: part.replace(b"</Relationships>", link + b"</Relationships>"),
        },
    )


def cells(path: Path, *values: Any, **changes: Any) -> Read:
    """A workbook of one row, whose stock is one of some values, read with a feed."""
    return read(save(path, [HEADER, *([DAY, 7, "A-1", value] for value in values)]), feed("xlsx", **changes))


class TestValues:
    def test_numbers_are_written_plainly(self, path: Path) -> None:
        found = cells(path, 5, 5.0, 0.1, -3, 0, 1234567.25, 0.00001, 72470006431)
        assert found.column("stock") == ["5", "5", "0.1", "-3", "0", "1234567.25", "0.00001", "72470006431"]

    def test_a_number_that_has_lost_digits_keeps_its_exponent(self, path: Path) -> None:
        found = read(
            with_parts(
                save(path, [HEADER, [DAY, 7, "A-1", 0]]),
                {SHEET: lambda part: part.replace(b"<v>0</v>", b"<v>1.23456789012345E+17</v>")},
            ),
            feed("xlsx"),
        )
        assert found.column("stock") == ["1.23456789012345e+17"]

    def test_numbers_take_the_decimal_mark_of_the_feed(self, path: Path) -> None:
        found = cells(path, 1234.5, 7, form={"decimal": ",", "thousands": "."})
        assert found.column("stock") == ["1234,5", "7"]

    def test_typed_numbers_survive_a_feed_with_a_decimal_comma(self, path: Path) -> None:
        profile = feed("xlsx", form={"decimal": ",", "thousands": "."})
        (batch,) = read(save(path, [HEADER, [DAY, 7, "A-1", 1234.5], [DAY, 8, "A-1", "1.205,5"]]), profile).batches
        assert binding.bind(batch, profile, None).rows["on_hand_units"].to_pylist() == [1234.5, 1205.5]

    def test_days_have_the_date_format_of_the_feed(self, path: Path) -> None:
        date = {"column": "date", "format": "%d.%m.%Y"}
        rows = [
            HEADER,
            [DAY, 7, "A", 1],
            [dt.datetime.fromisoformat("2026-11-04T23:59:59"), 7, "A", 1],
            ["05.11.2026", 7, "A", 1],
        ]
        found = read(save(path, rows), feed("xlsx", date=date))
        assert found.column("date") == ["03.11.2026", "04.11.2026", "05.11.2026"]

    def test_days_are_iso_in_a_feed_without_a_date_format(self, path: Path) -> None:
        rows = [
            ["store", "item", "stock", "when"],
            [7, "A", 1, DAY],
            [7, "B", 1, dt.datetime.fromisoformat("2026-11-03T08:30:00")],
        ]
        found = read(save(path, rows), feed("xlsx", date={"source": "receipt"}))
        assert found.column("when") == ["2026-11-03", "2026-11-03 08:30:00"]

    def test_days_count_from_1904_where_the_workbook_says_so(self, path: Path) -> None:
        book = openpyxl.Workbook()
        book.epoch = dt.datetime.fromisoformat("1904-01-01")
        for row in (HEADER, [DAY, 7, "A-1", 1]):
            book.active.append(row)
        book.save(path)
        assert read(path, feed("xlsx")).column("date") == ["2026-11-03"]

    def test_extensions_do_not_change_the_first_day(self, path: Path) -> None:
        def extended(part: bytes) -> bytes:
            start = part.replace(b"<workbookPr />", b'<workbookPr date1904="1"/>')
            more = b'<extLst><ext><x:workbookPr xmlns:x="urn:x" chartTrackingRefBase="1"/></ext></extLst></workbook>'
            return start.replace(b"</workbook>", more)

        save(path, [HEADER, [DAY, 7, "A", 1]])
        found = read(with_parts(path, {"xl/workbook.xml": extended}), feed("xlsx"))
        assert found.column("date") == ["2030-11-04"]

    def test_a_moment_written_as_text_is_a_day(self, path: Path) -> None:
        rows = text_cells(*HEADER) + '<row><c t="d"><v>2026-11-03T00:00:00</v></c><c><v>7</v></c></row>'
        assert read(with_sheet(path, rows), feed("xlsx")).column("date") == ["2026-11-03"]

    @pytest.mark.parametrize("form", ["0.00", "General", '0 "days"', "[Red]0", "#,##0 \\d", "@", "[h]:mm"])
    def test_a_number_format_that_is_no_date_leaves_the_number(self, path: Path, form: str) -> None:
        rows = [HEADER, ["2026-11-03", 7, "A", 46329]]
        found = read(save(path, rows, lambda one: setattr(one["D2"], "number_format", form)), feed("xlsx"))
        assert found.column("stock") == ["46329"]

    @pytest.mark.parametrize("form", ["yyyy-mm-dd", "d/m", "[$-409]mmm d;@", "mm-dd-yy", 'yyyy"-W"ww d'])
    def test_a_number_format_of_dates_makes_a_day(self, path: Path, form: str) -> None:
        rows = [HEADER, [46329, 7, "A", 5]]
        found = read(save(path, rows, lambda one: setattr(one["A2"], "number_format", form)), feed("xlsx"))
        assert found.column("date") == ["2026-11-03"]

    def test_a_number_that_no_calendar_has_stays_a_number(self, path: Path) -> None:
        def as_dates(one: Any) -> None:
            for cell in one["D"][1:]:
                cell.number_format = "yyyy-mm-dd"

        rows = [HEADER, *(["2026-11-03", 7, "A", number] for number in (5, -1, 0.5, 3_000_000, 1e300))]
        assert read(save(path, rows, as_dates), feed("xlsx")).column("stock") == ["5", "-1", "0.5", "3000000", "1e+300"]

    @pytest.mark.parametrize("style", ["", "-1", "999", "0000000001", "x"])
    def test_a_style_that_is_not_in_the_workbook_is_none(self, path: Path, style: str) -> None:
        rows = text_cells(*HEADER) + f'<row><c/><c/><c/><c s="{style}"><v>46329</v></c></row>'
        assert read(with_sheet(path, rows), feed("xlsx")).column("stock") == ["46329"]

    def test_an_id_keeps_the_zeros_that_its_format_shows(self, path: Path) -> None:
        rows = [HEADER, [DAY, 7, 72470006431, 5]]
        found = read(save(path, rows, lambda one: setattr(one["C2"], "number_format", "0" * 12)), feed("xlsx"))
        assert found.column("item") == ["072470006431"]

    def test_booleans_and_errors_are_texts(self, path: Path) -> None:
        assert cells(path, True, False, "#DIV/0!", "#N/A").column("stock") == ["TRUE", "FALSE", "#DIV/0!", "#N/A"]

    def test_texts_come_as_they_are(self, path: Path) -> None:
        texts = ["0012", " 5 ", "1.205", "a\nb", "<&>\"'", "Größe ☕", "=", "'5"]
        rows = [HEADER, *([DAY, 7, "A", text] for text in texts)]

        def as_texts(one: Any) -> None:
            for cell in one["D"][1:]:
                cell.data_type = "s"

        assert read(save(path, rows, as_texts), feed("xlsx")).column("stock") == texts

    def test_a_text_that_was_to_stay_one_is_unwrapped(self, path: Path) -> None:
        rows = text_cells(*HEADER) + text_cells("2026-11-03", '="0012"', "A", "5")
        assert read(with_sheet(path, rows), feed("xlsx")).column("store") == ["0012"]

    def test_runs_of_a_text_are_one_and_its_pronunciation_is_none(self, path: Path) -> None:
        rows = (
            text_cells(*HEADER)
            + '<row><c/><c/><c t="inlineStr"><is><r><t>A-</t></r><r><t>1</t></r><rPh><t>ay</t></rPh></is></c></row>'
        )
        assert read(with_sheet(path, rows), feed("xlsx")).column("item") == ["A-1"]

    def test_a_text_of_its_own_counts_and_not_the_value_beside_it(self, path: Path) -> None:
        rows = text_cells(*HEADER) + '<row><c/><c/><c t="inlineStr"><v>0</v><is><t>A-1</t></is></c></row>'
        assert read(with_sheet(path, rows), feed("xlsx")).column("item") == ["A-1"]

    def test_texts_are_taken_from_the_table_of_texts(self, path: Path) -> None:
        texts = [f"<si><t>{name}</t></si>" for name in HEADER]
        texts.append("<si><r><t>A-</t></r><r><rPr/><t>1</t></r><rPh><t>ay</t></rPh><phoneticPr/></si>")
        texts.append("<si><t>=&quot;0012&quot;</t></si><si><t/></si><si><t xml:space='preserve'> _x0041_ </t></si>")
        rows = shared(0, 1, 2, 3) + shared(7, 5, 4, 6)
        found = read(with_texts(path, rows, "".join(texts)), feed("xlsx"))
        assert [found.rows[0][name] for name in HEADER] == [" A ", "0012", "A-1", ""]

    @pytest.mark.parametrize("number", [-1, 10, 10**30, "x", "0000000099", "٣"])
    def test_a_text_that_is_not_in_the_table_is_held(self, path: Path, number: object) -> None:
        rows = shared(0, 1, 2, 3) + shared(4, 4, 4, number)
        texts = "".join(f"<si><t>{name}</t></si>" for name in [*HEADER, *"123456"])
        assert read(with_texts(path, rows, texts), feed("xlsx")).holds == ["ARCHIVE_DAMAGED"]

    def test_escaped_characters_are_read(self, path: Path) -> None:
        rows = text_cells(*HEADER) + text_cells("2026-11-03", "7", "A_x0041_ _xD800_ _x00", "5")
        assert read(with_sheet(path, rows), feed("xlsx")).column("item") == ["AA _xD800_ _x00"]

    def test_a_formula_counts_with_its_saved_value(self, path: Path) -> None:
        rows = text_cells(*HEADER) + "<row><c/><c><v>7</v></c><c/><c><f>2+3</f><v>5</v></c></row>"
        found = read(with_sheet(path, rows), feed("xlsx"))
        assert found.column("stock") == ["5"]
        assert not found.notes.warnings

    def test_a_formula_without_a_value_is_blank_with_a_warning(self, path: Path) -> None:
        found = cells(path, "=2+3", 4)
        assert found.column("stock") == [None, "4"]
        assert found.warned == {"FORMULA_WITHOUT_VALUE": [2]}

    def test_a_formula_whose_text_is_empty_has_a_value(self, path: Path) -> None:
        rows = text_cells(*HEADER) + '<row><c/><c><v>7</v></c><c/><c t="str"><f>""</f><v></v></c></row>'
        found = read(with_sheet(path, rows), feed("xlsx"))
        assert found.column("stock") == [None]
        assert not found.notes.warnings


class TestLayout:
    def test_the_line_is_the_row_of_the_sheet(self, path: Path) -> None:
        rows: list[list[Any]] = [["Stock report"], [], ["as of", DAY], HEADER, [DAY, 7, "A", 1], [], [DAY, 8, "A", 2]]
        found = read(save(path, rows), feed("xlsx"))
        assert found.lines == [5, 7]
        assert found.notes.preamble == ["Stock report", "as of | 2026-11-03"]

    def test_rows_without_a_text_are_no_rows(self, path: Path) -> None:
        rows = [HEADER, [DAY, 7, "A", 1], [None, " ", None, None], [None] * 4]
        found = read(save(path, rows, lambda one: setattr(one["D9"], "number_format", "0.00")), feed("xlsx"))
        assert found.lines == [2]

    def test_a_row_may_lack_cells_at_its_end(self, path: Path) -> None:
        found = read(save(path, [[*HEADER, "note"], [DAY, 7, "A", 1], [DAY, 8, None, None, "x"]]), feed("xlsx"))
        assert [(row["item"], row["stock"], row["note"]) for row in found.rows] == [("A", "1", None), (None, None, "x")]

    def test_empty_columns_behind_the_header_are_none(self, path: Path) -> None:
        rows = [[*HEADER, None, " "], [DAY, 7, "A", 1, None, ""]]
        found = read(save(path, rows, lambda one: setattr(one["Z9"], "number_format", "0.00")), feed("xlsx"))
        assert set(found.rows[0]) >= {*HEADER, "line"}
        assert not found.notes.warnings

    def test_a_text_outside_the_table_is_warned_about(self, path: Path) -> None:
        found = read(save(path, [HEADER, [DAY, 7, "A", 1, None, "see note"]]), feed("xlsx"))
        assert found.column("stock") == ["1"]
        assert found.warned == {"OUTSIDE_TABLE": [2]}

    def test_cells_need_no_place_of_their_own(self, path: Path) -> None:
        rows = text_cells(*HEADER) + text_cells("2026-11-03", "7", "A", "5") + text_cells("2026-11-03", "8", "A", "6")
        found = read(with_sheet(path, rows), feed("xlsx"))
        assert found.lines == [2, 3]
        assert found.column("stock") == ["5", "6"]

    def test_prefixed_names_are_read(self, path: Path) -> None:
        def prefixed(part: bytes) -> bytes:
            for name in (b"worksheet", b"sheetData", b"row", b"c", b"v"):
                for end in (b" ", b">"):
                    part = part.replace(b"<" + name + end, b"<x:" + name + end)
                part = part.replace(b"</" + name + b">", b"</x:" + name + b">")
            return part.replace(b"xmlns=", b"xmlns:x=")

        found = read(with_parts(save(path, [HEADER, [DAY, 7, "A", 5]]), {SHEET: prefixed}), feed("xlsx"))
        assert found.column("stock") == ["5"]

    def test_backslashes_between_the_names_of_parts_are_read(self, path: Path) -> None:
        old = zipfile.ZipFile(io.BytesIO(save(path, [HEADER, [DAY, 7, "A", 5]]).read_bytes()))
        with zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                new.writestr(name.replace("/", "\\"), old.read(name))
        assert content.contradiction(path, "xlsx") is None
        assert read(path, feed("xlsx")).column("stock") == ["5"]

    def test_the_size_that_a_sheet_claims_is_not_believed(self, path: Path) -> None:
        def lying(part: bytes) -> bytes:
            return part.replace(b'<dimension ref="A1:D3"', b'<dimension ref="A1:A1"')

        rows = [HEADER, [DAY, 7, "A", 1], [DAY, 8, "A", 2]]
        assert read(with_parts(save(path, rows), {SHEET: lying}), feed("xlsx")).column("stock") == ["1", "2"]

    def test_the_first_visible_sheet_is_read(self, path: Path) -> None:
        book = openpyxl.Workbook()
        book.active.append(["hidden"])
        book.active.sheet_state = "hidden"
        shown = book.create_sheet("Stock")
        for row in (HEADER, [DAY, 7, "A", 1]):
            shown.append(row)
        book.save(path)
        found = read(path, feed("xlsx"))
        assert found.column("stock") == ["1"]
        assert not found.notes.warnings

    def test_other_visible_sheets_are_warned_about(self, path: Path) -> None:
        found = read(save(path, [HEADER, [DAY, 7, "A", 1]], lambda one: one.parent.create_sheet("More")), feed("xlsx"))
        assert found.warned == {"OTHER_SHEETS": [0]}
        assert "`More`" in found.notes.warnings[0].what

    def test_a_sheet_is_read_by_its_name(self, path: Path) -> None:
        def more(one: Any) -> None:
            other = one.parent.create_sheet("Bestand  neu ")
            for row in (HEADER, [DAY, 7, "A", 2]):
                other.append(row)
            other.sheet_state = "hidden"

        save(path, [HEADER, [DAY, 7, "A", 1]], more)
        assert read(path, feed("xlsx", form={"sheet": "bestand neu"})).column("stock") == ["2"]

    def test_a_sheet_that_is_missing_is_held_with_those_that_are_there(self, path: Path) -> None:
        found = read(save(path, [HEADER]), feed("xlsx", form={"sheet": "Stock"}))
        assert found.holds == ["LAYOUT_CHANGED"]
        assert "no sheet is named `Stock`; sheets of the workbook: `Sheet`" in found.why

    def test_a_missing_column_is_held(self, path: Path) -> None:
        def hidden(one: Any) -> None:
            one.parent.create_sheet("Stock").sheet_state = "hidden"

        rows = [["date", "store", "item", "on hand"], [DAY, 7, "A", 1]]
        found = read(save(path, rows, hidden), feed("xlsx"))
        assert found.holds == ["LAYOUT_CHANGED"]
        assert found.why.startswith("sheet `Sheet` was read, not `Stock (hidden)`; column `stock` is missing")

    def test_a_header_without_rows_is_held(self, path: Path) -> None:
        assert read(save(path, [HEADER]), feed("xlsx")).holds == ["NO_ROWS"]

    def test_a_sheet_without_a_text_is_held(self, path: Path) -> None:
        assert read(save(path, []), feed("xlsx")).holds == ["EMPTY"]

    def test_a_file_without_a_byte_is_held(self, path: Path) -> None:
        path.write_bytes(b"")
        assert read(path, feed("xlsx")).holds == ["EMPTY"]


class TestMergedCells:
    def test_a_title_over_the_table_changes_nothing(self, path: Path) -> None:
        rows = [["Stock", None, None, None], HEADER, [DAY, 7, "A", 1]]
        found = read(save(path, rows, lambda one: one.merge_cells("A1:D1")), feed("xlsx"))
        assert found.column("stock") == ["1"]
        assert found.notes.preamble == ["Stock"]

    def test_a_header_of_two_rows_is_found(self, path: Path) -> None:
        def merge(one: Any) -> None:
            for cells in ("A1:A2", "B1:B2", "C1:C2", "D1:E1"):
                one.merge_cells(cells)

        rows = [["date", "store", "item", "units"], [None, None, None, "stock", "sold"], [DAY, 7, "A", 1, 2]]
        assert read(save(path, rows, merge), feed("xlsx")).column("stock") == ["1"]

    def test_what_names_a_row_reaches_down(self, path: Path) -> None:
        rows = [HEADER, [DAY, 7, "A", 1], [None, None, "B", 2], [None, None, "C", 3], [DAY, 8, "A", 4]]

        def merge(one: Any) -> None:
            one.merge_cells("A2:A4")
            one.merge_cells("B2:B4")

        found = read(save(path, rows, merge), feed("xlsx"))
        assert found.column("store") == ["7", "7", "7", "8"]
        assert found.column("date") == ["2026-11-03"] * 4

    def test_a_quantity_does_not_reach_down(self, path: Path) -> None:
        rows = [HEADER, [DAY, 7, "A", 12], [DAY, 7, "B", None]]
        found = read(save(path, rows, lambda one: one.merge_cells("D2:D3")), feed("xlsx"))
        assert found.column("stock") == ["12", None]

    @pytest.mark.parametrize("first", ["A", ""], ids=["a row", "no row"])
    def test_what_lies_hidden_under_merged_cells_does_not_reach_down(self, path: Path, first: str) -> None:
        rows = text_cells(*HEADER) + text_cells("", "", first, "") + text_cells("", "9", "B", "2")
        rows += text_cells("", "", "C", "3") + '</sheetData><mergeCells><mergeCell ref="B2:B4"/></mergeCells>'
        parts = {SHEET: f"{START}{rows}</worksheet>"}
        found = read(with_parts(save(path, []), parts), feed("xlsx"))
        assert found.column("store")[-2:] == ["9", None]

    def test_merged_cells_alone_make_no_row(self, path: Path) -> None:
        found = read(save(path, [HEADER, [DAY, 7, "A", 1]], lambda one: one.merge_cells("B2:B9")), feed("xlsx"))
        assert found.lines == [2]

    def test_merged_cells_are_found_across_the_parts_that_are_read(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [HEADER, *([DAY, n if n % 2 else None, "A", n] for n in range(1, 41))]

        def merge(one: Any) -> None:
            for row in range(2, 42, 2):
                one.merge_cells(f"B{row}:B{row + 1}")

        save(path, rows, merge)
        monkeypatch.setattr("include.stockwatch.adapters.feeds.xml_part.CHUNK", 61)
        assert read(path, feed("xlsx")).column("store") == [str(n - 1 + n % 2) for n in range(1, 41)]


ENTITY = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


class TestUnsafe:
    @pytest.mark.parametrize(
        "part",
        [
            "xl/vbaProject.bin",
            "xl/externalLinks/externalLink1.xml",
            "xl/embeddings/oleObject1.bin",
            "xl/macrosheets/sheet1.xml",
            "xl/activeX/activeX1.xml",
        ],
    )
    def test_what_could_run_or_reach_out_is_held(self, path: Path, part: str) -> None:
        found = read(with_parts(save(path, [HEADER, [DAY, 7, "A", 1]]), {part: "<a/>"}), feed("xlsx"))
        assert found.holds == ["UNSAFE_CONTENT"]
        assert part in found.why

    @pytest.mark.parametrize(
        "part", [SHEET, "xl/sharedStrings.xml", "xl/workbook.xml", "_rels/.rels", "docProps/core.xml", "xl/new.xml"]
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_a_document_type_in_any_part_is_held(self, path: Path, part: str, encoding: str) -> None:
        content = f"{ENTITY}<x>&b;</x>".encode(encoding)
        found = read(with_parts(save(path, [HEADER, [DAY, 7, "A", 1]]), {part: content}), feed("xlsx"))
        assert found.holds == ["UNSAFE_CONTENT"]
        assert not found.rows

    def test_a_document_type_in_a_part_of_an_odd_name_is_held(self, path: Path) -> None:
        def moved(part: bytes) -> bytes:
            return part.replace(b"worksheets/sheet1.xml", b"worksheets/sheet1.dat")

        parts = {"xl/worksheets/sheet1.dat": f"{ENTITY}<x>&b;</x>", "xl/_rels/workbook.xml.rels": moved}
        found = read(with_parts(save(path, [HEADER, [DAY, 7, "A", 1]]), parts), feed("xlsx"))
        assert found.holds == ["UNSAFE_CONTENT"]

    def test_a_document_type_far_into_a_part_is_held(self, path: Path) -> None:
        content = f'<?xml version="1.0"?><!--{"x" * 600_000}--><!DOCTYPE x><x/>'
        found = read(with_parts(save(path, [HEADER, [DAY, 7, "A", 1]]), {"xl/new.xml": content}), feed("xlsx"))
        assert found.holds == ["UNSAFE_CONTENT"]

    def test_a_hyperlink_is_no_harm(self, path: Path) -> None:
        rows = [HEADER, [DAY, 7, "A", 1]]
        found = read(save(path, rows, lambda one: setattr(one["C2"], "hyperlink", "https://example.com")), feed("xlsx"))
        assert found.column("stock") == ["1"]

    def test_more_than_a_million_cells_are_held(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [HEADER, [DAY, 7, "A", 1], [DAY, 8, "A", 1]]
        monkeypatch.setattr(sheet, "MOST_CELLS", 11)
        assert read(save(path, rows), feed("xlsx")).holds == ["TOO_LARGE"]
        monkeypatch.setattr(sheet, "MOST_CELLS", 12)
        assert read(path, feed("xlsx")).holds == []

    def test_a_workbook_that_unpacks_to_far_more_is_held(self, path: Path) -> None:
        save(path, [HEADER, [DAY, 7, "A", 1]])
        with_parts(path, {"xl/media/image1.png": bytes(5_000_000)})
        assert read(path, feed("xlsx")).holds == ["ARCHIVE_RATIO"]

    def test_a_row_number_beyond_the_sheet_does_not_hang(self, path: Path) -> None:
        for number in ("1048577", "2000000000", "-1", "x", "9" * 5000):
            rows = text_cells(*HEADER) + f'<row r="{number}"><c><v>1</v></c></row>'
            assert read(with_sheet(path, rows), feed("xlsx")).holds == ["ARCHIVE_DAMAGED"], number

    @pytest.mark.parametrize(
        "row",
        [
            '<row r="1"><c><v>1</v></c></row>',
            '<row><c r="ZZZ2"><v>1</v></c></row>',
            '<row><c r="7"><v>1</v></c></row>',
            '<row><c t="s"><v>99</v></c></row>',
            '<row><c t="s"><v>-1</v></c></row>',
            "<row><c><v>1</c></row>",
            f'<row><c t="str"><v>{"x" * 100_001}</v></c></row>',
            f'<row a="{"x" * 5_000_000}"/>',
        ],
        ids=["row twice", "column", "place", "no such text", "text", "no XML", "long cell", "long tag"],
    )
    def test_what_no_spreadsheet_program_writes_is_held(self, path: Path, row: str) -> None:
        with_sheet(path, text_cells(*HEADER) + row)
        found = read(path, feed("xlsx"))
        assert found.holds in (["ARCHIVE_DAMAGED"], ["ARCHIVE_RATIO"])

    @pytest.mark.parametrize("part", [SHEET, "xl/new.xml"])
    @pytest.mark.parametrize("encoding", ["utf-7", "shift_jis", "hex", "nonsense", "unicode_escape"])
    def test_a_part_in_an_encoding_that_no_workbook_has_is_held(self, path: Path, part: str, encoding: str) -> None:
        content = f'<?xml version="1.0" encoding="{encoding}"?><x/>'
        found = read(with_parts(save(path, [HEADER, [DAY, 7, "A", 1]]), {part: content}), feed("xlsx"))
        assert found.holds == ["ARCHIVE_DAMAGED"]
        assert f"it says that it is in {encoding}" in found.why

    @pytest.mark.parametrize("encoding", ["UTF-8", "utf-16", "ISO-8859-1", "windows-1252"])
    def test_a_part_is_read_in_the_encoding_that_it_says(self, path: Path, encoding: str) -> None:
        rows = text_cells(*HEADER) + text_cells("2026-11-03", "7", "Größe", "5")
        content = f'<?xml version="1.0" encoding="{encoding}"?>{START}{rows}</sheetData></worksheet>'.encode(encoding)
        assert read(with_parts(save(path, []), {SHEET: content}), feed("xlsx")).column("item") == ["Größe"]

    def test_a_tag_without_end_is_not_waited_for(self, path: Path) -> None:
        noise = "".join(random.Random(7).choices("0123456789abcdef", k=5_000_000))  # does not pack well
        found = read(with_sheet(path, f'{text_cells(*HEADER)}<row a="{noise}"/>'), feed("xlsx"))
        assert found.holds == ["ARCHIVE_DAMAGED"]
        assert "longer than 4 MB" in found.why

    def test_junk_between_rows_takes_no_memory_and_changes_nothing(self, path: Path) -> None:
        rows = text_cells(*HEADER) + "<a/>" * 10_000 + text_cells("2026-11-03", "7", "A", "5")
        assert read(with_sheet(path, rows), feed("xlsx")).column("stock") == ["5"]

    @pytest.mark.parametrize("part", ["xl/workbook.xml", SHEET, "xl/_rels/workbook.xml.rels", "xl/styles.xml"])
    def test_a_part_that_is_missing_is_held(self, path: Path, part: str) -> None:
        old = zipfile.ZipFile(io.BytesIO(save(path, [HEADER, [DAY, 7, "A", 1]]).read_bytes()))
        with zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                if name != part:
                    new.writestr(name, old.read(name))
        assert read(path, feed("xlsx")).holds == ["ARCHIVE_DAMAGED"]

    def test_a_truncated_workbook_is_held(self, path: Path) -> None:
        whole = save(path, [HEADER, [DAY, 7, "A", 1]]).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert read(path, feed("xlsx")).holds == ["ARCHIVE_DAMAGED"]


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8)
VALUES = st.one_of(
    st.none(),
    st.integers(-(10**14), 10**14),
    st.floats(-1e8, 1e8, allow_nan=False).map(lambda number: round(number, 6)),
    st.booleans(),
    TEXTS.filter(lambda text: text.strip() and not text.startswith("=")),
)


@given(st.lists(st.lists(VALUES, min_size=4, max_size=6), min_size=1, max_size=8))
def test_every_cell_that_was_saved_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[list[Any]]) -> None:
    path = tmp_path_factory.mktemp("xlsx") / "stock.xlsx"
    names = [*HEADER, "e", "f"]
    found = read(save(path, [names, *rows]), feed("xlsx"))
    kept = [(at, row) for at, row in enumerate(rows, 2) if any(value is not None for value in row)]
    assert found.lines == [at for at, _ in kept]
    for (_, row), got in zip(kept, found.rows, strict=True):
        for name, value in zip(names, row, strict=False):
            _same(value, got[name])


def _same(value: Any, text: str | None) -> None:
    if isinstance(value, bool):
        assert text == str(value).upper()
    elif isinstance(value, (int, float)):
        assert float(text or "") == value
        assert "e" not in (text or "")
    else:
        assert text == value


@given(st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=5)), min_size=1, max_size=4))
def test_damage_of_a_sheet_ends_in_rows_or_a_hold(
    tmp_path_factory: pytest.TempPathFactory, bites: list[tuple[int, bytes]]
) -> None:
    path = save(tmp_path_factory.mktemp("xlsx") / "stock.xlsx", [HEADER, *([DAY, n, "A", n / 4] for n in range(9))])
    found = read(with_parts(path, {SHEET: lambda part: bitten(part, bites)}), feed("xlsx"))
    assert found.rows or found.holds

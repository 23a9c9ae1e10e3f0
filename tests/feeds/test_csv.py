"""Tests of the CSV reader. Both ways through a file must give the same rows."""

from __future__ import annotations

import csv as csv_module
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import csv, raw
from include.stockwatch.adapters.feeds.raw import Notes, Reject
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed

HEADER = "store,item,on_hand,note"
ROWS = 400
"""Rows enough for some blocks behind the head."""


@dataclass
class Found:
    """All that a reader gave."""

    notes: Notes = field(default_factory=Notes)
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)

    def cells(self) -> list[list[str]]:
        return [[cell for name, cell in row.items() if name != "line"] for row in self.rows]

    def lines(self) -> list[int]:
        return [row["line"] for row in self.rows]

    def codes(self) -> list[str]:
        return [hold.code for hold in self.notes.holds]


def feed(**formatted: Any) -> Feed:
    return Feed.model_validate(
        {
            "partner": "northfield",
            "partner_name": "Northfield",
            "format": {"kind": "csv"} | formatted,
            "date": {"source": "receipt"},
            "location_id": {"column": "store"},
            "item_id": {"column": "item"},
            "columns": {"on_hand_units": "on_hand"},
        }
    )


def read(path: Path, **formatted: Any) -> Found:
    found = Found()
    for batch in csv.read(path, "stock.csv", feed(**formatted), found.notes):
        assert len(batch.rows) or batch.rejects
        found.tables.append(batch.rows)
        found.rows += batch.rows.to_pylist()
        found.rejects += batch.rejects
    return found


@pytest.fixture(params=["by rows", "by Arrow"])
def way(request: pytest.FixtureRequest) -> str:
    """Once the whole file goes to the csv module, once all that stands below the header goes to Arrow first."""
    return str(request.param)


@pytest.fixture
def read_text(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Found]:
    by_arrow = "way" in request.fixturenames and request.getfixturevalue("way") == "by Arrow"

    def of(text: str | bytes, **formatted: Any) -> Found:
        path = tmp_path / "stock.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if not by_arrow:
            return read(path, **formatted)
        head = end_of_header(path.read_bytes(), formatted.get("encoding", "utf-8"))
        with monkeypatch.context() as patch:
            patch.setattr(csv, "HEAD_BYTES", head)
            spy = Spy(patch)
            found = read(path, **formatted)
        assert spy.parsed or spy.refused or head == path.stat().st_size or found.codes()
        return found

    return of


def end_of_header(content: bytes, encoding: str) -> int:
    """Bytes up to the end of the line with the header."""
    text = content.decode(encoding, errors="replace")
    behind = text[text.index("on_hand") :]
    line = re.split("(?<=\n)|(?<=\r)(?!\n)", behind)[0]
    known = len((text[: text.index("on_hand")] + line).encode(encoding))
    return known + line.endswith("\r")  # which is the end of a line only if no LF follows


class Spy:
    """Counts the blocks that Arrow parsed, and those it was not trusted with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parsed = self.refused = 0
        at_once = csv._Table._at_once

        def counted(table: Any, block: bytes) -> pa.Table | None:
            parsed = at_once(table, block)
            self.parsed += parsed is not None
            self.refused += parsed is None
            return parsed

        monkeypatch.setattr(csv._Table, "_at_once", counted)


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


def held(found: Found, code: HoldCode) -> str:
    """What the one hold says."""
    (hold,) = found.notes.holds
    assert hold.code is code
    return hold.what


# what cells and lines are


def test_cells_come_as_they_are(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\n0118, 00042 ,1.5,NULL\n0204,null,,NA\n")
    assert found.cells() == [["0118", " 00042 ", "1.5", "NULL"], ["0204", "null", "", "NA"]]
    assert found.notes.columns == tuple(HEADER.split(","))
    assert found.notes.holds == []


def test_columns_of_the_feed_are_dictionaries_and_others_texts(read_text: Callable[..., Found], way: str) -> None:
    (table,) = read_text(f"{HEADER}\n0118,7,1,a\n").tables
    repeating = pa.dictionary(pa.int32(), pa.string())
    assert table.schema.types == [repeating, repeating, repeating, pa.string(), pa.int64()]


def test_quotes_delimiters_and_line_ends_in_cells_are_text(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f'{HEADER}\n0118,7,1,"12"" board, oak\nlong"\n"0204","8","2",plain "6"\n')
    assert found.cells() == [["0118", "7", "1", '12" board, oak\nlong'], ["0204", "8", "2", 'plain "6"']]
    assert found.lines() == [2, 4]


def test_a_line_is_where_the_row_starts_whatever_is_above(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f'Stock report\n\n"as of\n10/27/2026"\n{HEADER}\n\n0118,7,1,a\n , ,\t,\n\n0204,8,2,b\n')
    assert found.lines() == [7, 10]
    assert found.notes.preamble == ["Stock report", "as of\n10/27/2026"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "{end}", "{end}{end}"])
def test_lines_may_end_in_any_way(read_text: Callable[..., Found], way: str, end: str, last: str) -> None:
    found = read_text(end.join([HEADER, "0118,7,1,a", "0204,8,2,b"]) + last.format(end=end))
    assert found.cells() == [["0118", "7", "1", "a"], ["0204", "8", "2", "b"]]
    assert found.lines() == [2, 3]
    assert found.rejects == []


def test_a_doubled_carriage_return_is_a_blank_line(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\r\r\n0118,7,1,a\r\r\n0204,8,2,b\r\r\n")
    assert found.lines() == [3, 5]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "§"])
def test_any_character_may_be_the_delimiter(read_text: Callable[..., Found], way: str, delimiter: str) -> None:
    found = read_text(f"{HEADER}\n0118,7,1,a\n".replace(",", delimiter), delimiter=delimiter)
    assert found.cells() == [["0118", "7", "1", "a"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_texts_do_not_depend_on_the_encoding(read_text: Callable[..., Found], way: str, encoding: str) -> None:
    found = read_text(f"{HEADER}\nGröße,7,1,5 €\n".encode(encoding), encoding=encoding)
    assert found.cells() == [["Größe", "7", "1", "5 €"]]
    assert found.notes.warnings == []


def test_quotes_may_be_letters_like_others(read_text: Callable[..., Found], way: str) -> None:
    text = f'{HEADER}\n0118,7,1,"6 inch\n0204,8,2,a "b"\n"0204",9,2,"\n'.replace(",", "\t")
    found = read_text(text, delimiter="\t", quotes=False)
    assert found.cells() == [["0118", "7", "1", '"6 inch'], ["0204", "8", "2", 'a "b"'], ['"0204"', "9", "2", '"']]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('="0012"', "0012"),
        ('"=""0012"""', "0012"),
        ('  ="0012" ', "0012"),
        ('=""', ""),
        ("=12", "=12"),
        ('="1"&"2"', '="1"&"2"'),
        ('x="12"', 'x="12"'),
        ('="12"x', '="12"x'),
        ("=SUM(A1)", "=SUM(A1)"),
        ("+12", "+12"),
        ("@x", "@x"),
    ],
)
def test_of_formulas_only_a_quoted_text_is_unwrapped(
    read_text: Callable[..., Found], way: str, cell: str, text: str
) -> None:
    found = read_text(f"{HEADER}\n{cell},7,1,{cell}\n0012,8,2,b\n")
    assert found.cells() == [[text, "7", "1", text], ["0012", "8", "2", "b"]]


def test_the_header_may_be_written_as_formulas(read_text: Callable[..., Found]) -> None:
    found = read_text('="store",="item",="on_hand"\n0118,7,1\n')
    assert found.cells() == [["0118", "7", "1"]]


# rows with the wrong fields


def test_a_row_with_another_number_of_fields_is_a_reject(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\n0118,7,1,a\n0118,7,1,a,b\n0204,8,2\nTotal rows: 2\n0301,9,3,c\n")
    assert found.lines() == [2, 6]
    assert [(reject.line, reject.code) for reject in found.rejects] == [(n, "FIELD_COUNT") for n in (3, 4, 5)]
    assert [json.loads(reject.raw) for reject in found.rejects] == [
        ["0118", "7", "1", "a", "b"],
        ["0204", "8", "2"],
        ["Total rows: 2"],
    ]
    assert found.rejects[1].reason == "3 fields, the header has 4"


def test_blank_cells_behind_the_last_column_are_fine(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\n0118,7,1,a,\n0204,8,2,b,\n0301,9,3,c, \n")
    assert found.cells() == [["0118", "7", "1", "a"], ["0204", "8", "2", "b"], ["0301", "9", "3", "c"]]
    assert found.rejects == []


def test_a_text_behind_the_last_column_is_a_reject(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\n0118,7,1,a,,\n0204,8,2,b,,x\n")
    assert found.lines() == [2]
    assert [reject.line for reject in found.rejects] == [3]


def test_a_row_that_ends_early_is_a_reject_though_blanks_are_missing(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\n0118,7,1\n0204,8,2,\n")
    assert [reject.line for reject in found.rejects] == [2]
    assert found.lines() == [3]


def test_columns_without_a_name_at_the_end_may_be_left_out(read_text: Callable[..., Found], way: str) -> None:
    found = read_text("store,item,on_hand,,\n0118,7,1\n0204,8,2,x\n0301,9,3,,y\n0402,1,4,,,\n0403,1\n")
    assert found.cells() == [
        ["0118", "7", "1", "", ""],
        ["0204", "8", "2", "x", ""],
        ["0301", "9", "3", "", "y"],
        ["0402", "1", "4", "", ""],
    ]
    assert found.notes.columns == ("store", "item", "on_hand", "column 4", "column 5")
    assert [reject.line for reject in found.rejects] == [6]


def test_rows_that_all_lack_unnamed_columns_are_whole(read_text: Callable[..., Found], way: str) -> None:
    found = read_text("store,item,on_hand,,\n0118,7,1\n0204,8,2\n")
    assert found.cells() == [["0118", "7", "1", "", ""], ["0204", "8", "2", "", ""]]


# lines that are quoted as one field


WRAPPED = '"Programme=[Retail],View=[Sourcing]"\n"store,item,on_hand,""note"""\n"0118,7,""1,204"",a"\n"0204,8,2,b"\n'


def test_lines_quoted_as_one_field_are_unwrapped(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(WRAPPED)
    assert found.cells() == [["0118", "7", "1,204", "a"], ["0204", "8", "2", "b"]]
    assert found.lines() == [3, 4]
    assert found.notes.preamble == ["Programme=[Retail],View=[Sourcing]"]


def test_a_wrapped_line_with_other_fields_is_a_reject(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(WRAPPED + '"0301,9,3"\nTotal\n')
    assert [json.loads(reject.raw) for reject in found.rejects] == [["0301", "9", "3"], ["Total"]]


def test_cells_beside_a_wrapped_line_are_fine_if_blank(read_text: Callable[..., Found], way: str) -> None:
    found = read_text('"store,item,on_hand,note",,,\n"0118,7,1,a",,,\n"0204,8,2,b",,,\n"0301,9,3,c",x,,\n')
    assert found.cells() == [["0118", "7", "1", "a"], ["0204", "8", "2", "b"], ["0301,9,3,c", "x", "", ""]]


def test_a_wrapped_line_with_a_text_beside_it_loses_neither(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(WRAPPED + '"0301,9,3,c",x\n')
    assert [json.loads(reject.raw) for reject in found.rejects] == [["0301,9,3,c", "x"]]


def test_two_lines_in_one_wrapped_line_hold_the_file(read_text: Callable[..., Found], way: str) -> None:
    what = held(read_text(WRAPPED + '"0301,9,3,c\n0402,1,4,d"\n'), HoldCode.LAYOUT_CHANGED)
    assert what == "a quote opens on line 5 and swallows the lines up to 6"


def test_a_line_quoted_as_one_field_among_others_is_a_reject(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f'{HEADER}\n0118,7,1,a\n"0204,8,2,b"\n')
    assert found.lines() == [2]
    assert [json.loads(reject.raw) for reject in found.rejects] == [["0204,8,2,b"]]


# files that are held


@pytest.mark.parametrize("content", ["", "\n", "\ufeff", " \r\n\r\n"])
def test_a_file_without_text_is_empty(read_text: Callable[..., Found], content: str) -> None:
    assert read_text(content).codes() == ["EMPTY"]


@pytest.mark.parametrize("rest", ["", "\n", "\n\n , ,,\n"])
def test_a_header_alone_has_no_rows(read_text: Callable[..., Found], way: str, rest: str) -> None:
    found = read_text(HEADER + rest)
    assert held(found, HoldCode.NO_ROWS) == "the file has a header and no rows"
    assert found.rows == []


def test_rejects_alone_are_not_nothing(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\n0118\n")
    assert found.codes() == []
    assert len(found.rejects) == 1


def test_another_delimiter_is_told_from_a_missing_column(read_text: Callable[..., Found]) -> None:
    found = read_text(f"{HEADER}\n0118,7,1,a\n", delimiter=";")
    assert "stand between `,`" in held(found, HoldCode.LAYOUT_CHANGED)
    assert 'set `format.delimiter: ","`' in found.notes.holds[0].fix
    found = read_text(f"{HEADER.replace('on_hand', 'stock')}\n0118,7,1,a\n", delimiter=";")
    assert "only one column was found: is the delimiter really `;`?" in held(found, HoldCode.LAYOUT_CHANGED)


def test_bytes_of_another_encoding_hold_the_file(read_text: Callable[..., Found], way: str) -> None:
    content = f"{HEADER}\n0118,7,1,Größe\n".encode("cp1252")
    assert held(read_text(content), HoldCode.ENCODING) == f"not utf-8 text at byte {content.index(0xF6)}"
    assert read_text(content, encoding="cp1252").cells() == [["0118", "7", "1", "Größe"]]


def test_a_nul_holds_the_file(read_text: Callable[..., Found], way: str) -> None:
    held(read_text(f"{HEADER}\n0118,7,1,a\n\0\0\0\0"), HoldCode.ENCODING)


def test_a_stray_quote_that_swallows_lines_holds_the_file(read_text: Callable[..., Found], way: str) -> None:
    what = held(read_text(f'{HEADER}\n0118,7,1,a\n0118,8,"2,b\n0118,9,3,c\n0118,10",4,d\n'), HoldCode.LAYOUT_CHANGED)
    assert what == "a quote opens on line 3 and swallows the lines up to 5"


def test_two_stray_quotes_that_leave_the_right_fields_hold_the_file(read_text: Callable[..., Found], way: str) -> None:
    """Read as one row, lines 2 to 4 would have four fields."""
    found = read_text(f'{HEADER}\n0118,7,1,"6 inch\n0204,8,2,b\n0301,9,3,5"\n')
    assert held(found, HoldCode.LAYOUT_CHANGED) == "a quote opens on line 2 and swallows the lines up to 4"


def test_a_text_of_several_lines_with_delimiters_is_one_cell(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f'{HEADER}\n0118,7,1,"salted, roasted, ground, fine\nbagged, boxed"\n0204,8,2,"\n\n"\n')
    assert found.lines() == [2, 4]
    assert found.notes.holds == []


def test_a_quote_that_is_never_closed_holds_the_file(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f'{HEADER}\n0118,7,1,"a\nb\nc\n')
    assert held(found, HoldCode.LAYOUT_CHANGED) == "a quote opens on line 2 and swallows the lines up to 4"


@pytest.mark.parametrize("last", ["", "\n", "\r\n"])
def test_a_file_that_ends_within_a_quoted_cell_is_truncated(
    read_text: Callable[..., Found], way: str, last: str
) -> None:
    found = read_text(f'{HEADER}\n0118,7,1,a\n0204,8,2,"almo' + last)
    assert held(found, HoldCode.TRUNCATED) == "the file ends within the quoted cell that opens on line 3"


@pytest.mark.parametrize(
    ("last", "is_cut"),
    [("0301,9", True), ("0301,9\n", False), ("0301,9,3,", False), ("Total rows: 2", False), ("0301,9\n\n", False)],
)
def test_a_last_line_without_all_its_fields_and_its_end_was_cut_off(
    read_text: Callable[..., Found], way: str, last: str, is_cut: bool
) -> None:
    found = read_text(f"{HEADER}\n0118,7,1,a\n0204,8,2,b\n" + last)
    assert found.codes() == (["LAST_LINE_CUT"] if is_cut else [])
    if is_cut:
        assert "line 4 has 2 of 4 fields and no line end" in held(found, HoldCode.LAST_LINE_CUT)


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_cell_has_at_most_100_000_characters(read_text: Callable[..., Found], way: str, letter: str) -> None:
    assert read_text(f"{HEADER}\n0118,7,1,{letter * 100_000}\n").codes() == []
    what = held(read_text(f"{HEADER}\n0118,7,1,a\n0204,8,2,{letter * 100_001}\n"), HoldCode.LAYOUT_CHANGED)
    assert what == "line 3: field larger than field limit (100000)"


# blocks and batches


def rows_of(count: int, **odd: str) -> str:
    """A file of a header and some rows; `odd` replaces lines by number, as `line_7`."""
    lines = [HEADER, *(f"{n % 9:04d},{n % 7},{n % 5},note {n}" for n in range(count))]
    for name, line in odd.items():
        lines[int(name.removeprefix("line_")) - 1] = line
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "".join(f'"{line}"\n' for line in text.replace(",", '","').splitlines()),
        lambda text: text.replace("note", "grüße"),
        lambda text: text.replace("\n", ",\n"),
        lambda text: text + "\n",
        lambda text: text.replace(",note 200\n", ',"a ""quoted"" note"\n'),
    ],
    ids=["plain", "crlf", "quoted", "accents", "trailing delimiter", "blank line", "quote"],
)
def test_arrow_parses_all_behind_the_head_of_a_clean_file(
    read_text: Callable[..., Found],
    blocks: Spy,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[str], str],
) -> None:
    monkeypatch.setattr(csv, "HEAD_BYTES", 100)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 2_000)
    found = read_text(change(rows_of(ROWS)))
    assert len(found.rows) == ROWS
    assert found.lines() == list(range(2, ROWS + 2))
    assert (blocks.parsed > 3, blocks.refused) == (True, 0)


def test_one_odd_line_leaves_arrow_most_of_its_block(
    read_text: Callable[..., Found], blocks: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv, "HEAD_BYTES", 100)
    monkeypatch.setattr(csv, "SMALL_BYTES", 200)
    found = read_text(rows_of(ROWS, line_300="cut"))
    assert [reject.line for reject in found.rejects] == [300]
    assert found.lines() == [line for line in range(2, ROWS + 2) if line != 300]
    assert blocks.parsed > 10
    assert blocks.refused < 6


def test_a_small_block_with_an_odd_line_goes_to_the_csv_module(
    read_text: Callable[..., Found], blocks: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv, "HEAD_BYTES", 100)
    assert len(read_text(rows_of(ROWS, line_300="cut")).rows) == ROWS - 1
    assert (blocks.parsed, blocks.refused) == (0, 1)


def test_a_cell_may_go_on_in_the_next_blocks(read_text: Callable[..., Found], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "HEAD_BYTES", 10)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 10)
    note = "\n".join(["a note of", "many", "lines"] * 9)
    found = read_text(f'{HEADER}\n0118,7,1,"{note}"\n0204,8,2,b\n')
    assert found.cells() == [["0118", "7", "1", note], ["0204", "8", "2", "b"]]
    assert found.lines() == [2, 29]


def test_quotes_that_open_at_the_end_of_what_a_thread_parses_are_seen(
    read_text: Callable[..., Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being told of line ends in cells, Arrow closes such quotes by itself and keeps the number of rows."""
    monkeypatch.setattr(csv, "HEAD_BYTES", len(HEADER) + 1)
    line = "0118,7,1,note\n"
    for size in range(20, 4 * len(line)):
        monkeypatch.setattr(csv, "THREAD_BYTES", size)
        found = read_text(f'{HEADER}\n{line}{line}0118,7,1,"\n{line}')
        assert found.codes() == ["LAYOUT_CHANGED"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_that_open_before_the_last_byte_of_a_block_are_seen(
    read_text: Callable[..., Found], monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A thread that gets the last byte alone leaves no trace of such quotes in what Arrow gives."""
    monkeypatch.setattr(csv, "HEAD_BYTES", len(HEADER) + len(end))
    lines = f'0118,7,1,note{end}0118,7,1,"{end}'
    monkeypatch.setattr(csv, "BLOCK_BYTES", len(lines))
    for size in range(len(end) * 10, len(lines) + 1):
        monkeypatch.setattr(csv, "THREAD_BYTES", size)
        found = read_text(f"{HEADER}{end}{lines}0118,7,1,note{end}")
        assert found.codes() == ["LAYOUT_CHANGED"]


def test_a_line_end_in_a_cell_and_an_odd_one_do_not_make_up_for_each_other(
    read_text: Callable[..., Found], way: str
) -> None:
    found = read_text(f'{HEADER}\n0118,7,1,"a\nb"\n0204,8,2,c\r0301,9,3,d\n')
    assert found.lines() == [2, 4, 5]


def test_a_mark_within_a_file_is_text(read_text: Callable[..., Found], way: str) -> None:
    found = read_text(f"{HEADER}\n\ufeff0118,7,1,a\n")
    assert found.cells() == [["\ufeff0118", "7", "1", "a"]]


def test_batches_are_full_and_not_larger(read_text: Callable[..., Found], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "HEAD_BYTES", 100)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 2_000)
    monkeypatch.setattr(raw, "BATCH_ROWS", 150)
    found = read_text(rows_of(ROWS, line_100='0001,2,3,"two\nlines"'))
    assert [len(table) for table in found.tables] == [150, 150, 100]
    assert len({str(table.schema) for table in found.tables}) == 1


def test_rows_before_an_unreadable_place_were_given(
    read_text: Callable[..., Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv, "HEAD_BYTES", 100)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 100)
    monkeypatch.setattr(raw, "BATCH_ROWS", 10)
    found = read_text(rows_of(ROWS).encode() + b"0118,7,1,\xff\n")
    assert found.codes() == ["ENCODING"]
    assert 0 < len(found.rows) < ROWS


# properties

DELIMITERS = (",", ";", "\t", "§")
LETTERS = st.sampled_from(
    (*'ab0 é€"\n,;=\t😀\x0b\u2028\x1a', "\r\n")
)  # the csv module writes a lone CR as if it were a letter
TEXTS = st.lists(LETTERS, max_size=6).map("".join)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], str, str]:
    """Rows of four cells with any text, a delimiter, and the file as the csv module writes it."""
    rows = draw(st.lists(st.lists(TEXTS, min_size=4, max_size=4), max_size=12))
    delimiter, end = draw(st.sampled_from(DELIMITERS)), draw(st.sampled_from(("\n", "\r\n")))
    written = io.StringIO(newline="")
    writer = csv_module.writer(
        written,
        delimiter=delimiter,
        lineterminator=end,
        quoting=draw(st.sampled_from((csv_module.QUOTE_MINIMAL, csv_module.QUOTE_ALL))),
    )
    writer.writerows([HEADER.split(","), *rows])
    return rows, delimiter, written.getvalue()


def is_swallowing(row: list[str], delimiter: str) -> bool:
    """Whether a row of several lines could as well be as many rows."""
    lines = [line for line in io.StringIO(delimiter.join(row), newline=None) if line.strip("\n")]
    return len(lines) > 1 and all(line.count(delimiter) >= 3 for line in lines)


SIZES = st.tuples(st.integers(1, 60), st.integers(1, 300), st.integers(30, 90), st.integers(1, 90), st.integers(1, 9))


def read_in_pieces(path: Path, sizes: tuple[int, ...], **formatted: Any) -> tuple[Found, Spy]:
    """Read with small blocks, so that many borders fall into rows and cells."""
    names = ("HEAD_BYTES", "BLOCK_BYTES", "THREAD_BYTES", "SMALL_BYTES", "SLOW_ROWS")
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(names, sizes, strict=True):
            patch.setattr(csv, name, size)
        patch.setattr(raw, "BATCH_ROWS", sizes[-1])
        spy = Spy(patch)
        return read(path, **formatted), spy


@given(table=tables(), sizes=SIZES)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[list[str]], str, str], sizes: tuple[int, ...]
) -> None:
    rows, delimiter, text = table
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(text.encode())
    found, _ = read_in_pieces(path, sizes, delimiter=delimiter)
    if any(is_swallowing(row, delimiter) for row in rows):
        assert found.codes() == ["LAYOUT_CHANGED"]
        return
    formula = re.compile(csv.FORMULA)
    expected = [
        [match[1] if (match := formula.fullmatch(cell)) else cell for cell in row]
        for row in rows
        if "".join(row).strip(" \t")
    ]
    assert found.cells() == expected
    assert found.codes() == ([] if expected else ["NO_ROWS"])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    """Lines as people and machines write them, most of them sound, and their delimiter."""
    delimiter, end = draw(st.sampled_from(DELIMITERS)), draw(st.sampled_from(("\n", "\n", "\r\n", "\r\n", "\r")))
    quoted = st.sampled_from(('"q"', '"a ""b"""', f'"a{delimiter}b"', '""'))
    sound = st.sampled_from(("0118", "12", "", "é", ' "x', '="7"', " ")) | quoted
    odd = sound | st.sampled_from((f'"a{end}b"', '"a\nb"', 'a"b', '"a"b', '"', "\r", "\ufeff", '"a"b"', f'"{end}'))
    cell = draw(st.sampled_from((sound, sound, odd)))
    count = draw(st.sampled_from((st.just(4), st.just(4), st.integers(0, 6))))
    line = count.flatmap(lambda fields: st.lists(cell, min_size=fields, max_size=fields)).map(delimiter.join)
    head = draw(st.sampled_from(([], [], ["Stock report", ""])))
    lines = [*head, delimiter.join(HEADER.split(",")), *draw(st.lists(line, max_size=20))]
    return end.join(lines) + draw(st.sampled_from((end, ""))), delimiter


@settings(max_examples=400)
@given(written=files(), sizes=SIZES, quotes=st.booleans(), encoding=st.sampled_from(("utf-8", "utf-8", "utf-16-be")))
def test_blocks_change_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    written: tuple[str, str],
    sizes: tuple[int, ...],
    quotes: bool,
    encoding: str,
) -> None:
    text, delimiter = written
    path = tmp_path_factory.getbasetemp() / "pieces.csv"
    path.write_bytes(text.encode(encoding))
    form = {"delimiter": delimiter, "quotes": quotes, "encoding": encoding}
    whole = read(path, **form)
    pieces, spy = read_in_pieces(path, sizes, **form)
    event(f"Arrow parsed some: {spy.parsed > 0}, held: {whole.codes()}")
    assert pieces.notes == whole.notes
    if whole.codes() in ([], ["NO_ROWS"]):
        assert pieces.rows == whole.rows
        assert pieces.rejects == whole.rejects


@given(written=files(), sizes=SIZES)
def test_every_line_with_text_is_a_row_a_reject_or_in_a_hold(
    tmp_path_factory: pytest.TempPathFactory, written: tuple[str, str], sizes: tuple[int, ...]
) -> None:
    """Without quotes every line is a row, so that lines can be counted."""
    text, delimiter = written
    path = tmp_path_factory.getbasetemp() / "counted.csv"
    path.write_bytes(text.encode())
    found, _ = read_in_pieces(path, sizes, delimiter=delimiter, quotes=False)
    lines = [line for line in io.StringIO(text, newline=None) if line.replace(delimiter, "").strip(" \t\n")]
    if found.codes() in ([], ["NO_ROWS"]):
        assert len(found.rows) + len(found.rejects) + len(found.notes.preamble) + 1 == len(lines)

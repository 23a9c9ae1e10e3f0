"""HTML pages: their tables as texts."""

from __future__ import annotations

import html
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import html_tables
from tests.feeds.reading import Read, bitten, feed, read

HEADER = "<tr><th>date</th><th>store</th><th>item</th><th>stock</th></tr>"


def row(*cells: str) -> str:
    """A row of a table."""
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


ROW = row("2026-11-03", "7", "A-1", "5")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stock.xls"


def page(path: Path, body: str, written: str = "utf-8", **form: str) -> Read:
    """A page, read."""
    path.write_bytes(body.encode(written))
    return read(path, feed("html", form=form))


def table(path: Path, *rows: str) -> Read:
    """A page with one table below its header, read."""
    return page(path, f"<html><body><table border=1>{HEADER}{''.join(rows)}</table></body></html>")


def test_a_table_is_read_as_texts(path: Path) -> None:
    found = table(path, ROW, row("2026-11-03", "8", "A-1", "1,205.5"))
    assert found.column("store") == ["7", "8"]
    assert found.column("stock") == ["5", "1,205.5"]
    assert not found.holds
    assert not found.notes.warnings


def test_the_line_counts_the_rows_of_the_page(path: Path) -> None:
    body = f"<table>{row('Stock report')}</table><table>{HEADER}{ROW}<tr></tr>{ROW}</table>"
    assert page(path, body).lines == [3, 5]


def test_markup_within_a_cell_is_none(path: Path) -> None:
    cell = "<font color='red'><b>1</b>2</font><!-- 9 --><script>if (a < b) { x = '</td>' }</script>"
    found = table(path, row("2026-11-03", "7", "A<br>1 <i>x</i>", cell))
    assert (found.rows[0]["item"], found.rows[0]["stock"]) == ("A 1 x", "12")


def test_entities_are_their_characters(path: Path) -> None:
    found = table(path, row("2026-11-03", "&#55;", "A&amp;B &lt;1&gt; &eacute;&#x2615;", "&nbsp;5&nbsp;"))
    assert (found.rows[0]["store"], found.rows[0]["item"]) == ("7", "A&B <1> é☕")
    assert found.rows[0]["stock"] == "5"


def test_a_text_that_was_to_stay_one_is_unwrapped(path: Path) -> None:
    assert table(path, row("2026-11-03", '="0012"', "A", "5")).column("store") == ["0012"]


def test_blanks_and_line_breaks_are_one_blank(path: Path) -> None:
    assert table(path, row("\n  2026-11-03\r\n", "7", "A \n\t 1", "5")).rows[0]["item"] == "A 1"


def test_tags_that_are_left_open_end_where_the_next_begins(path: Path) -> None:
    body = "<TABLE><TR><TD>date<TD>store<TD>item<TD>stock<TR><TD>2026-11-03<TD>7<TD>A<TD>5</TABLE>"
    assert page(path, body).column("stock") == ["5"]


def test_quoted_signs_in_a_tag_end_nothing(path: Path) -> None:
    assert table(path, "<tr><td title='a > b'>2026-11-03<td x=\"<td>\">7<td>A<td>5</tr>").column("stock") == ["5"]


def test_a_mere_less_than_is_text(path: Path) -> None:
    assert table(path, row("2026-11-03", "7", "A < B <3", "5")).rows[0]["item"] == "A < B <3"


def test_a_spanned_column_is_blank(path: Path) -> None:
    found = table(path, "<tr><td colspan=2>2026-11-03<td>A<td>5</tr>")
    assert [found.rows[0][name] for name in ("date", "store", "item", "stock")] == ["2026-11-03", "", "A", "5"]


def test_a_cell_that_spans_rows_names_all_of_them(path: Path) -> None:
    first = "<tr><td rowspan=3>2026-11-03<td rowspan='2'>7<td>A<td>5</tr>"
    found = table(path, first, row("B", "6"), row("8", "A", "7"), row("2026-11-04", "7", "A", "8"))
    assert found.column("date") == ["2026-11-03"] * 3 + ["2026-11-04"]
    assert found.column("store") == ["7", "7", "8", "7"]
    assert found.column("stock") == ["5", "6", "7", "8"]


def test_a_quantity_that_spans_rows_counts_once(path: Path) -> None:
    found = table(path, "<tr><td>2026-11-03<td>7<td>A<td rowspan=2>12</tr>", row("2026-11-03", "7", "B"))
    assert found.column("stock") == ["12", ""]


def test_a_header_of_two_rows_is_found(path: Path) -> None:
    top = "<tr><th rowspan=2>date<th rowspan=2>store<th rowspan=2>item<th colspan=2>units</tr>"
    body = f"<table>{top}<tr><th>stock<th>sold</tr>{row('2026-11-03', '7', 'A', '5', '2')}</table>"
    assert page(path, body).column("stock") == ["5"]


def test_what_stands_above_the_header_is_the_preamble(path: Path) -> None:
    body = f"<html><head><style>td {{}}</style></head><h1>Stock</h1><p>as of 2026-11-03</p><table>{row('DC', '12')}"
    found = page(path, f"{body}{HEADER}{ROW}</table>")
    assert found.notes.preamble == ["Stock as of 2026-11-03", "DC | 12"]


def test_a_table_within_a_layout_table_is_read(path: Path) -> None:
    body = f"<table><tr><td>as of 2026-11-03<table>{HEADER}{ROW}</table></td><td>menu</td></tr></table>"
    found = page(path, body)
    assert found.column("stock") == ["5"]
    assert found.notes.preamble == ["as of 2026-11-03"]
    assert found.warned == {"OTHER_TABLE": [1]}


def test_a_table_that_begins_with_the_same_header_goes_on(path: Path) -> None:
    found = page(path, f"<table>{HEADER}{ROW}</table><p>page 2</p><table>{HEADER}{ROW}</table>")
    assert found.lines == [2, 4]
    assert not found.notes.warnings


def test_rows_of_another_table_below_are_left_out_with_a_warning(path: Path) -> None:
    found = page(path, f"<table>{HEADER}{ROW}</table><table>{row('printed by', 'x')}</table>")
    assert found.lines == [2]
    assert found.warned == {"OTHER_TABLE": [3]}


def test_a_row_of_another_number_of_cells_is_a_reject(path: Path) -> None:
    found = table(path, ROW, row("2026-11-03", "7", "A-2"), row("2026-11-03", "7", "A", "5", "6"))
    assert [(one.line, one.code, one.raw) for one in found.rejects] == [
        (3, "FIELD_COUNT", '["2026-11-03", "7", "A-2"]'),
        (4, "FIELD_COUNT", '["2026-11-03", "7", "A", "5", "6"]'),
    ]
    assert found.lines == [2]


def test_blank_cells_behind_the_header_are_none(path: Path) -> None:
    assert table(path, row("2026-11-03", "7", "A-1", "5", "&nbsp;", "")).column("stock") == ["5"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_page_is_read_in_its_encoding(path: Path, encoding: str) -> None:
    form = {"encoding": encoding} if encoding == "cp1252" else {}
    found = page(path, f"<table>{HEADER}{row('2026-11-03', '7', 'Käse', '5')}</table>", encoding, **form)
    assert found.rows[0]["item"] == "Käse"


def test_another_encoding_is_held(path: Path) -> None:
    assert page(path, f"<table>{HEADER}{row('2026-11-03', '7', 'Käse', '5')}</table>", "cp1252").holds == ["ENCODING"]


def test_a_page_of_one_long_line_is_read(path: Path) -> None:
    assert len(table(path, ROW * 20_000).rows) == 20_000


def test_a_page_is_the_same_in_parts_of_any_length() -> None:
    body = f"a<!-- <table> --><table>{HEADER}<tr><td>x</td><td>1 < 2</td><script>'<td>'</script></tr></table>&amp; b"
    whole = list(html_tables.rows([body]))
    for length in range(1, 20):
        assert list(html_tables.rows(body[at : at + length] for at in range(0, len(body), length))) == whole


def test_a_missing_column_is_held(path: Path) -> None:
    found = page(path, f"<table>{row('date', 'store', 'item', 'on hand')}{ROW}</table>")
    assert found.holds == ["LAYOUT_CHANGED"]
    assert "`stock`" in found.why


@pytest.mark.parametrize("body", ["store\titem\n7\tA\n", "<p>Please log in</p>", "<Workbook><Table><Row/></Table>"])
def test_a_page_without_a_table_is_held(path: Path, body: str) -> None:
    assert page(path, body).holds == ["WRONG_FORMAT"]


def test_a_header_without_rows_is_held(path: Path) -> None:
    assert table(path).holds == ["NO_ROWS"]


def test_a_file_without_a_byte_is_held(path: Path) -> None:
    assert page(path, "").holds == ["EMPTY"]


@pytest.mark.parametrize("cut", ["</td></tr>", "<td", "<!-- x", "<script> x", ""])
def test_a_page_that_ends_within_a_table_is_held(path: Path, cut: str) -> None:
    found = page(path, f"<html><table>{HEADER}{ROW}<tr><td>2026-11-03{cut}")
    assert found.holds == ["TRUNCATED"]


def test_a_table_may_stay_open_to_the_end_of_the_page(path: Path) -> None:
    found = page(path, f"<html><body><table>{HEADER}{ROW}</body></html>")
    assert found.column("stock") == ["5"]
    assert not found.holds


@pytest.mark.parametrize("start", ['<!DOCTYPE html [<!ENTITY a "b">]>', '<!ENTITY a "b">'])
def test_entities_that_a_page_declares_are_held(path: Path, start: str) -> None:
    assert page(path, f"{start}<table>{HEADER}{ROW}</table>").holds == ["UNSAFE_CONTENT"]


def test_the_usual_document_type_is_no_harm(path: Path) -> None:
    start = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1.dtd">'
    assert page(path, f"{start}<table>{HEADER}{ROW}</table>").column("stock") == ["5"]


def test_an_endless_number_in_an_entity_is_text(path: Path) -> None:
    found = table(path, row("2026-11-03", "7", f"&#{'9' * 5000};", "5"))
    assert found.rows[0]["item"].startswith("&#999")


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (f"<tr><td>{'x' * 100_001}", "LAYOUT_CHANGED"),
        ("<tr>" + "<td colspan=1000>" * 20, "TOO_LARGE"),
        ("<tr><td>" + "<table><tr><td>" * 40, "LAYOUT_CHANGED"),
    ],
    ids=["cell", "row", "tables"],
)
def test_what_no_portal_writes_is_held(path: Path, rows: str, code: str) -> None:
    assert table(path, rows).holds == [code]


def test_the_cells_of_a_page_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_tables, "MOST_CELLS_OF_PAGE", 100_000)
    spans = "<td colspan=1000 rowspan=1000>1" * 10
    assert table(path, f"<tr>{spans}</tr>", "<tr></tr>" * 500).holds == ["TOO_LARGE"]


@pytest.mark.parametrize(
    "junk",
    ["<a ", "<!--", "<!-->", "<", "<a x='", '<a "', "<td a=b ", "</", "<![CDATA[", "&a", "<a x=\"'", "<script>", "<x:"],
)
def test_time_grows_with_the_length_of_junk_not_with_its_square(path: Path, junk: str) -> None:
    start = time.process_time()
    page(path, f"<table>{HEADER}{ROW}{junk * 100_000}")
    assert time.process_time() - start < 10


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(lambda text: " ".join(text.split()))


@given(st.lists(st.lists(CELL, min_size=4, max_size=4), min_size=1, max_size=8), st.integers(1, 50))
def test_every_cell_of_a_page_is_read(rows: list[list[str]], length: int) -> None:
    cells = "".join(row(*(f" <b>{html.escape(cell)}</b>\n" for cell in one)) for one in rows)
    body = f"<table>{cells}</table>"
    found = html_tables.rows(body[at : at + length] for at in range(0, len(body), length))
    kept = [(at, one) for at, one in enumerate(rows, 1) if any(one)]
    assert [(one.number, one.cells) for one in found] == kept


@given(
    st.lists(st.tuples(st.integers(0, 600), st.sampled_from(["<", ">", '"', "'", "<td>", "<tr", "<table>", "</", "&"])))
)
def test_damage_of_a_page_ends_in_rows_rejects_or_a_hold(
    tmp_path_factory: pytest.TempPathFactory, bites: list[tuple[int, str]]
) -> None:
    path = tmp_path_factory.mktemp("html") / "stock.xls"
    body = f"<html><table>{HEADER}{ROW * 5}</table></html>".encode()
    found = page(path, bitten(body, [(at, bite.encode()) for at, bite in bites]).decode())
    assert found.rows or found.rejects or found.holds

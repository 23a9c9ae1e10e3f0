"""Facts of files that nobody has described."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from include.stockwatch.adapters.feeds import sniff_dates, sniff_numbers
from include.stockwatch.adapters.feeds.sniff import encoding_of, kind_of, shown
from include.stockwatch.adapters.feeds.sniff_edi import Edi, edi_of
from include.stockwatch.adapters.feeds.sniff_grid import grid_of
from include.stockwatch.adapters.feeds.sniff_table import Table, table_of
from include.stockwatch.settings.spellings import meaning_of

TODAY = dt.date(2026, 11, 22)


def sniffed(path: Path, text: str | bytes, name: str = "file.csv") -> Table | None:
    """The table that a text file holds."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    grid, holds = grid_of(path, name, "csv", encoding_of(path))
    assert not holds
    return table_of(grid, [[name]], TODAY)


def table(path: Path, text: str | bytes, name: str = "file.csv") -> Table:
    """The same, where there must be one."""
    found = sniffed(path, text, name)
    assert found is not None
    return found


def fact(found: Table | Edi, what: str) -> tuple[str, bool]:
    """The value of a fact, and whether it is sure."""
    one = next(one for one in found.facts if one.what == what)
    return one.value, one.sure


# --- encoding


@pytest.mark.parametrize(
    ("content", "encoding", "sure"),
    [
        (b"plain", "utf-8", True),
        ("Käse".encode(), "utf-8", True),
        (b"\xef\xbb\xbfa", "utf-8", True),
        ("Käse".encode("utf-16"), "utf-16", True),
        ("Käse".encode("cp1252"), "cp1252", False),
    ],
)
def test_a_mark_comes_before_utf8_and_utf8_before_cp1252(
    tmp_path: Path, content: bytes, encoding: str, sure: bool
) -> None:
    (tmp_path / "f").write_bytes(content)
    found = encoding_of(tmp_path / "f")
    assert (found.value, found.sure) == (encoding, sure)


def test_a_guessed_encoding_shows_a_word_to_judge_it_by(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 3_000_000 + " Köln ".encode("cp1252"))
    assert "not UTF-8 at byte 3000002" in encoding_of(tmp_path / "f").why
    assert "Köln" in encoding_of(tmp_path / "f").why


def test_a_letter_between_two_reads_is_still_utf8(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * ((1 << 20) - 1) + "ä".encode())
    assert encoding_of(tmp_path / "f").value == "utf-8"


def test_texts_are_shown_without_what_steers_a_terminal() -> None:
    assert shown("a\x1b[31m\u202eb\x00\x85") == "a\ufffd[31m\ufffdb\ufffd\ufffd"
    assert shown("x" * 100, 5) == "xxxx…"


def test_the_kind_is_that_of_the_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "f.xls").write_text("<html><table><tr><td>x</td></tr></table></html>")
    assert kind_of(tmp_path / "f.xls").value == "html"


# --- delimiter, header, rows


@pytest.mark.parametrize(("delimiter", "named"), [(",", "`,`"), (";", "`;`"), ("\t", "TAB"), ("|", "`|`")])
def test_the_delimiter_is_the_one_that_gives_known_names(tmp_path: Path, delimiter: str, named: str) -> None:
    rows = [("Date", "Store", "SKU", "On Hand"), ("2026-11-01", "1", "A", "5"), ("2026-11-01", "2", "A", "6")]
    found = table(tmp_path / "f", "\n".join(delimiter.join(row) for row in rows))
    assert fact(found, "delimiter") == (named, True)
    assert found.settings["delimiter"] == delimiter


def test_decimal_commas_are_no_delimiters(tmp_path: Path) -> None:
    rows = [f"2026-11-01;{store};1,5;2,5;3,5" for store in range(9)]
    found = table(tmp_path / "f", "\n".join(["Datum;Filiale;Bestand;Absatz;VK", *rows]))
    assert fact(found, "delimiter")[0] == "`;`"
    assert found.numbers.decimal == ","


def test_names_say_more_about_the_delimiter_than_commas_in_texts(tmp_path: Path) -> None:
    rows = [f"{store};Bar, oat, nut, big, new;5" for store in range(30)]
    assert fact(table(tmp_path / "f", "\n".join(["Store;Item Name;On Hand", *rows])), "delimiter")[0] == "`;`"


def test_the_header_is_found_below_a_long_preamble(tmp_path: Path) -> None:
    above = [f"Parameter {number}, a, b" for number in range(60)]
    text = "\n".join([*above, "Item Nbr,Store Nbr,POS Qty", "1,2,3", "1,3,4"])
    found = table(tmp_path / "f", text)
    assert (found.header_row, len(found.preamble), len(found.rows)) == (61, 60, 2)
    assert fact(found, "header") == ("row 61", True)


def test_names_that_nobody_knows_make_an_unsure_header(tmp_path: Path) -> None:
    found = table(tmp_path / "f", "alpha,beta\nx,1\ny,2\n")
    assert fact(found, "header") == ("row 1", False)


@pytest.mark.parametrize("text", ["2026-11-01,12,4\n2026-11-02,13,5\n", "0010043100012\n0010043100013\n", "\n\n"])
def test_a_file_without_names_has_no_table(tmp_path: Path, text: str) -> None:
    assert sniffed(tmp_path / "f", text) is None


def test_lines_that_are_quoted_as_one_field_are_taken_apart(tmp_path: Path) -> None:
    found = table(tmp_path / "f", '"ASIN,Sellable On Hand Units"\n"B1,""1,200"""\n')
    assert found.rows == [["B1", "1,200"]]


def test_a_name_given_twice_is_left_out_and_said(tmp_path: Path) -> None:
    found = table(tmp_path / "f", "date,store,on hand,On Hand,sku\n2026-11-01,1,2,3,A\n")
    assert [column.name for column in found.columns] == ["date", "store", "sku"]
    assert fact(found, "names given twice")[0] == "`on hand`, `On Hand`"


def test_rows_of_totals_are_no_rows(tmp_path: Path) -> None:
    text = "Store,SKU,On Hand\n1,A,2\nTotal for 1,,3\nGrand Total:,,5\n1,Total,2\nTotal Wine,C,0\n"
    found = table(tmp_path / "f", text)
    assert [(one.line, one.column) for one in found.totals] == [(3, "Store"), (4, "Store"), (5, "SKU")]
    assert [row[0] for row in found.rows] == ["1", "Total Wine"]


def test_a_column_whose_texts_contradict_its_name_has_no_meaning(tmp_path: Path) -> None:
    found = table(tmp_path / "f", "Date,Store,Stock,UPC\n2026-11-01,1,yes,red\n2026-11-01,2,no,blue\n")
    assert [column.name for column in found.columns if column.meaning] == ["Date", "Store"]


# --- numbers


@pytest.mark.parametrize(
    ("texts", "decimal", "thousands", "sure"),
    [
        (["1", "22"], ".", "", True),
        (["1.5"], ".", "", True),
        (["1,5"], ",", "", True),
        (["1.234,50"], ",", ".", True),
        (["$1,234.50"], ".", ",", True),
        (["1.234.567"], ",", ".", True),
        (["1,205", "3.25"], ".", ",", True),
        (["1.205", "3,25"], ",", ".", True),
        (["1 205", "3,25"], ",", " ", True),
        (["0.125"], ".", "", True),
        (["12345.678"], ".", "", True),
        (["1.205", "7"], ",", ".", False),
        (["1,205"], ".", ",", False),
        (["1.5", "1,5"], ".", "", False),
        (["(1.5)", "2-"], ".", "", True),
    ],
)
def test_marks_are_read_by_what_decides(texts: Sequence[str], decimal: str, thousands: str, sure: bool) -> None:
    found = sniff_numbers.form_of(("n", text) for text in texts)
    assert (found.decimal, found.thousands, found.sure) == (decimal, thousands, sure), found.why


def test_a_long_text_is_no_number_and_takes_no_time() -> None:
    assert not sniff_numbers.is_number("1" + " " * 100_000 + "x")
    assert sniff_numbers.is_number("$ (1,234.50)"[2:])


def test_marks_that_nothing_decides_are_said_to_be_so() -> None:
    assert "NOTHING decides" in sniff_numbers.form_of([("stock", "1.205")]).why


# --- dates


@pytest.mark.parametrize(
    ("texts", "form", "sure"),
    [
        (["2026-11-01"], "%Y-%m-%d", True),
        (["2022/1/1", "2022/1/31"], "%Y/%m/%d", True),
        (["20261101", "20261102"], "%Y%m%d", True),
        (["01/13/2026"], "%m/%d/%Y", True),
        (["13/01/2026", "01/02/2026"], "%d/%m/%Y", True),
        (["13.01.26"], "%d.%m.%y", True),
        (["01-Nov-2026"], "%d-%b-%Y", True),
        (["November 3, 2026"], "%B %d, %Y", True),
        (["01-02-2026"], "%m-%d-%Y", False),
        (["01.02.2026"], "%d.%m.%Y", False),
        (["01-02-2026", "02-02-2026", "03-02-2026"], "%d-%m-%Y", False),
        (["01/12/2026"], "%m/%d/%Y", False),  # 1 December has not come
    ],
)
def test_a_date_is_read_by_what_decides(texts: list[str], form: str, sure: bool) -> None:
    found = sniff_dates.form_of(texts, TODAY)
    assert found is not None
    assert (found.format, found.sure) == (form, sure), found.why


def test_the_row_that_decides_is_shown() -> None:
    found = sniff_dates.form_of(["01/02/2026", "25/02/2026"], TODAY)
    assert found is not None
    assert found.why == "`25/02/2026` can only be read so"


def test_a_date_that_nothing_decides_is_said_to_be_so() -> None:
    found = sniff_dates.form_of(["01-02-2022"], TODAY, day_first=True)
    assert found is not None
    assert (found.format, found.why) == (
        "%d-%m-%Y",
        "NOTHING decides: every row can be read as %m-%d-%Y too; ask the partner",
    )


def test_a_reading_in_the_future_is_not_taken() -> None:
    found = sniff_dates.form_of(["12/01/2026"], TODAY)
    assert found is not None
    assert (found.format, found.sure) == ("%d/%m/%Y", False)
    assert found.why.startswith("%m/%d/%Y would be in the future")


def test_two_dates_in_a_text_are_a_period() -> None:
    found = sniff_dates.form_of(["2/1/2025 to 2/28/2025"], TODAY)
    assert found is not None
    assert (found.is_period, found.format, found.first, found.last) == (
        True,
        "%m/%d/%Y",
        dt.date(2025, 2, 1),
        dt.date(2025, 2, 28),
    )


@pytest.mark.parametrize("texts", [["850007123017"], ["12345678"], ["99999999"], ["1.5"], ["32/13/2026"], [""], []])
def test_other_texts_are_no_dates(texts: list[str]) -> None:
    assert sniff_dates.form_of(texts, TODAY) is None


def test_the_date_of_a_file_may_be_above_its_header_or_in_its_name(tmp_path: Path) -> None:
    text = "Store,SKU,On Hand\n1,A,2\n"
    above = table(tmp_path / "f", f"Run on 2026-11-20,,\n{text}").date
    assert (above.source, above.form and above.form.last) == ("preamble", dt.date(2026, 11, 20))
    named = table(tmp_path / "f", text, "stock_20261119_v2.csv").date
    assert (named.source, named.form and named.form.last) == ("file_name", dt.date(2026, 11, 19))
    assert table(tmp_path / "f", text).date.source == "receipt"


def test_the_date_by_which_goods_expire_is_not_the_date(tmp_path: Path) -> None:
    text = "Store,SKU,On Hand,Expiry Date\n1,A,2,2027-01-01\n"
    assert table(tmp_path / "f", text).date.source == "receipt"


# --- names


@pytest.mark.parametrize(
    ("name", "role", "portal"),
    [
        ("Range 1 POS Qty", "units_sold", "Walmart Retail Link"),
        ("Curr Str On Hand Qty.", "on_hand_units", "Walmart Retail Link"),
        ("store_on_hand_quantity_this_year", "on_hand_units", "Walmart Luminate"),
        ("STR NBR", "location_id", "Home Depot"),
        ("On hand (current)", "on_hand_units", "Shopify"),
        ("Sellable On‑Hand Units", "on_hand_units", "Amazon Vendor Central"),
        ("Unités vendables en stock", "on_hand_units", "Amazon Vendor Central"),
        ("Sellable On Hand Inventory", "unused", "Amazon Vendor Central"),
        ("PriorYearQTY", "unused", "KeHE"),
        ("BESTAND", "on_hand_units", "German"),
        ("Quantite vendue", "units_sold", "French"),
        ("Existencias", "on_hand_units", "Spanish"),
        ("Giacenza", "on_hand_units", "Italian"),
        ("Voorraad", "on_hand_units", "Dutch"),
        ("TotalOnHandQty", "on_hand_units", ""),
        ("SKU Number", "item_id", ""),
        ("Rcvd Qty", "received_units", "English"),
        ("RECD_QTY", "received_units", "English"),
        ("Rec. Qty", "received_units", "English"),
        ("Total Rcvd", "received_units", ""),
        ("Dept", "category", "English"),
        ("Department", "category", "English"),
        ("Str #", "location_id", "English"),
        ("O/H Qty", "on_hand_units", "English"),
        ("Sls Units", "units_sold", "English"),
        ("Qty On Order", "on_order_units", "English"),
        ("Sale Price", "price", ""),
        ("Main SKU Description", "item_name", ""),
    ],
)
def test_names_of_portals_are_known(name: str, role: str, portal: str) -> None:
    found = meaning_of(name)
    assert found is not None
    assert (found.role, found.known_from) == (role, portal)


@pytest.mark.parametrize(
    "name",
    [
        "On Hand Qty Last Year",
        "Stock Value",
        "Sales Cost",
        "Out of Stock Qty",
        "Min Stock",
        "In Stock %",
        "inventory_pipeline",
        "Colour",
        "Qty_1",
        "",
    ],
)
def test_what_is_not_the_quantity_of_today_is_not_taken_for_one(name: str) -> None:
    assert meaning_of(name) is None


# --- EDI


def x12(*segments: str) -> str:
    """An 852 with a right envelope."""
    isa = "ISA*00*          *00*          *ZZ*SHOP           *ZZ*US             *261120*0800*U*00401*000000007*0*P*>"
    body = ["ST*852*0001", *segments]
    ends = [f"SE*{len(body) + 1}*0001", "GE*1*7", "IEA*1*000000007"]
    return "~\n".join([isa, "GS*PD*SHOP*US*20261120*0800*7*X*004010", *body, *ends]) + "~\n"


def edi(path: Path, text: str, kind: str = "x12") -> Edi:
    """What an EDI file holds."""
    path.write_text(text)
    return edi_of(path, path.name, kind)


def test_values_of_edi_are_counted_by_code_level_and_unit(tmp_path: Path) -> None:
    item = ("LIN**UP*850007123017", "ZA*QS*7*EA", "SDQ*EA*92*0001*3*0002*4", "ZA*QA*5*CA")
    found = edi(tmp_path / "f.edi", x12("XQ*H*20261119", "N1*ST*S*92*0009", *item))
    counted = {key: (one.count, one.total) for key, one in found.values.items()}
    assert counted == {
        ("QS", "total", "EA"): (1, 7),
        ("QS", "location", "EA"): (2, 7),
        ("QA", "location", "CA"): (1, 5),
    }
    assert (found.message, found.days, dict(found.locations)) == ("852", ("20261119", "20261119"), {"92": 4})
    assert fact(found, "sender") == ("`SHOP`", True)


def test_a_total_beside_its_parts_needs_no_location(tmp_path: Path) -> None:
    text = x12("BIA*00*DD*1*20261120", "LIN**VN*A1", "QTY*33*7*EA", "SDQ*EA*54*W1*3*W2*4", "LIN**VN*A2", "QTY*33*5*EA")
    found = edi(tmp_path / "f.edi", text.replace("ST*852", "ST*846").replace("GS*PD", "GS*IB"))
    assert (dict(found.locations), found.without_location) == ({"54": 2}, 1)


def test_ids_of_edi_are_counted_by_qualifier(tmp_path: Path) -> None:
    items = ("LIN**UP*850007123017*VN*A1", "ZA*QS*7*EA", "LIN**UP**VN*A2", "ZA*QS*7*EA")
    found = edi(tmp_path / "f.edi", x12("XQ*H*20261119", "N1*ST*S*92*0009", *items))
    assert [(one.qualifier, one.items, one.pass_share) for one in found.ids] == [("UP", 1, 1.0), ("VN", 2, 0.0)]
    assert found.envelope.items == 2


def test_wrong_counts_do_not_keep_edi_from_being_counted(tmp_path: Path) -> None:
    text = x12("XQ*H*20261119", "N1*ST*S*92*0009", "LIN**UP*850007123017", "ZA*QS*7*EA").replace("SE*6", "SE*60")
    found = edi(tmp_path / "f.edi", text)
    assert found.count == 1
    assert found.warned["WRONG_COUNTS"] == 1


def test_repeated_values_of_edi_are_counted(tmp_path: Path) -> None:
    sold = ("LIN**UP*850007123017", "ZA*QS*7*EA")
    found = edi(tmp_path / "f.edi", x12("XQ*H*20261119", "N1*ST*S*92*0009", *sold, *sold, *sold))
    assert found.repeated == {"QS": 2}


def test_sets_without_an_envelope_are_read_by_their_own_terminator(tmp_path: Path) -> None:
    text = "ST*852*0001\nXQ*H*20261119\nN1*ST*S*92*9\nLIN**UP*850007123017\nZA*QS*7*EA\nSE*6*0001\n"
    found = edi(tmp_path / "f.edi", text)
    assert (found.bare_terminator, found.count) == ("\n", 1)


def test_edifact_is_counted_too(tmp_path: Path) -> None:
    text = (
        "UNB+UNOA:2+SHOP:14+US:14+261120:0800+7'UNH+1+SLSRPT:D:96A:UN'BGM+73+1+9'DTM+137:20261120:102'"
        "LOC+162+0009::92'DTM+356:20261119:102'LIN+1++4006381333931:EN'QTY+153:4:PCE'QTY+77E:1:PCE'UNT+9+1'UNZ+1+7'"
    )
    found = edi(tmp_path / "f.edi", text, "edifact")
    assert {code: one.total for (code, _, _), one in found.values.items()} == {"153": 4, "77E": 1}
    assert (found.message, found.ids[0].pass_share, found.days) == ("SLSRPT", 1.0, ("20261119", "20261119"))

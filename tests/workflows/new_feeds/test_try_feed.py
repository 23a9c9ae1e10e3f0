"""An unknown file, from its bytes to what would be published of it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.strategies  # noqa: F401  (registers the profile)
from include.stockwatch.cli import main
from include.stockwatch.domain.gtin import check_digit
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings.feed import Feed, load_feed
from include.stockwatch.workflows.new_feeds.proposal import NoProposal, Partner
from include.stockwatch.workflows.new_feeds.proposal_table import of_table
from include.stockwatch.workflows.new_feeds.sniffed import sniff
from include.stockwatch.workflows.new_feeds.try_feed import try_feed
from include.stockwatch.workflows.new_feeds.try_feed_text import as_text

NOW = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
ITEMS = [digits + check_digit(digits) for digits in (f"85000812{number:03d}" for number in range(12))]


def tried(path: Path, content: str | bytes | None = None, **options: Any) -> dict[str, Any]:
    """What is said about a file."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = {"feed_id": None, "partner": "Harbor Foods", "write": False} | options
    return try_feed(path, path.name, path.parent / "config", NOW, **options)


def proposed(tmp_path: Path, content: str | bytes, name: str = "file.csv") -> tuple[Feed, str]:
    """The definition that is proposed for a file, and its text; nothing is read by it."""
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = sniff(tmp_path / name, name, tmp_path / "sniffed", NOW.date())
    assert found.table is not None
    text = of_table(found.table, found.kind, name, Partner("Harbor Foods")).text
    (tmp_path / "proposed.yaml").write_text(text, "utf-8")
    return load_feed(tmp_path / "proposed.yaml"), text


def lines(header: str, rows: Iterable[str]) -> str:
    """A text file."""
    return "\n".join([header, *rows]) + "\n"


def note_on(text: str, field: str) -> str:
    """The comment at, or right above, the line of a field."""
    found = text.splitlines()
    at = next(number for number, line in enumerate(found) if line.strip().startswith(f"{field}:"))
    above = ""
    while at and found[at - 1].strip().startswith("#"):
        at -= 1
        above = f"{found[at].strip()} {above}"
    line = next(one for one in found if one.strip().startswith(f"{field}:"))
    return f"{above}{line.partition('  # ')[2]}"


# --- whole files, of every format, by what is published of them


ROWS = [
    (f"2026-11-{day}", f"{store:04d}", item, number % 5, 1)
    for day in (19, 20)
    for store in (7, 118)
    for number, item in enumerate(ITEMS)
]
NAMES = ("Date", "Store Nbr", "UPC", "On Hand", "POS Qty")
ON_HAND, SOLD = float(sum(row[3] for row in ROWS)), float(len(ROWS))


def delimited(delimiter: str = ",", rows: Sequence[Sequence[object]] = ROWS, names: Sequence[str] = NAMES) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([names, *rows])
    return out.getvalue()


def in_excel(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Notes"
    sheet.append(["nothing to see"])
    sheet = book.create_sheet("Data")
    sheet.append(["Inventory"])
    sheet.append(NAMES)
    for day, *others in ROWS:
        sheet.append([dt.datetime.fromisoformat(day), *others])
    book.save(path)


def in_html(path: Path) -> None:
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in [NAMES, *ROWS])
    path.write_text(f"<html><body><p>Report</p><table>{rows}</table></body></html>")


def in_jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS))


def in_parquet(path: Path) -> None:
    pq.write_table(pa.table(dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True))), path)


def in_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for day in (19, 20):
            archive.writestr(f"d/{day}.csv", delimited(rows=[row for row in ROWS if row[0].endswith(str(day))]))


def in_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(delimited().encode()))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("plain.csv", lambda path: path.write_text(delimited())),
        (
            "preamble.csv",
            lambda path: path.write_text("\n".join(f"Parameter {n}" for n in range(20)) + "\n" + delimited()),
        ),
        ("wide.tsv", lambda path: path.write_bytes(delimited("\t").encode("utf-16"))),
        ("unmarked.txt", lambda path: path.write_bytes(delimited("\t").encode("utf-16-le"))),
        ("pipes.txt", lambda path: path.write_text(delimited("|"))),
        ("book.xlsx", in_excel),
        ("portal.xls", in_html),
        ("lines.json", in_jsonl),
        ("table.parquet", in_parquet),
        ("both.zip", in_zip),
        ("one.csv.gz", in_gzip),
    ],
)
def test_a_file_of_every_format_would_be_published_whole(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    answer = tried(tmp_path / name)
    assert answer["outcome"] == "would be published", as_text(answer)
    gives = answer["gives"]
    assert (gives["rows_in"], gives["published"], gives["rejected"], gives["dropped"]) == (48, 48, 0, 0)
    assert (gives["first_date"], gives["last_date"]) == (dt.date(2026, 11, 19), dt.date(2026, 11, 20))
    assert (gives["locations"], gives["items"]) == (2, 12)
    assert gives["sums"] == {"on_hand_units": ON_HAND, "units_sold": SOLD}
    assert gives["first_rows"][0]["item_id"] == ITEMS[0].zfill(14)


def test_a_german_file_in_cp1252_is_read_with_its_marks_dates_zeros_and_total(tmp_path: Path) -> None:
    rows = [
        (f"{day:02d}.11.2026", store, item, "Müsli", stock, "2,49 €")
        for day in (12, 13)
        for store, stock in (("0012", "1.250"), ("7", "33"))
        for item in ITEMS
    ]
    total = ("Gesamt", "", "", "", "30.792", "")
    names = ("Stichtag", "Filial-Nr.", "EAN", "Artikelbezeichnung", "Bestand", "VK-Preis")
    answer = tried(tmp_path / "bestand_2026-11-13.csv", delimited(";", [*rows, total], names).encode("cp1252"))
    gives = answer["gives"]
    assert (gives["rows_in"], gives["published"], gives["dropped_by"]) == (49, 48, {"totals": 1})
    assert gives["sums"] == {"on_hand_units": 30_792.0}
    assert gives["first_rows"][0] | {"item_name": ""} == gives["first_rows"][0] | {
        "location_id": "0012",
        "price": 2.49,
        "item_name": "",
    }
    assert gives["locations"] == 2
    feed = answer["definition"]["text"]
    for line in ('decimal: ","', 'thousands: "."', "width: 4", "currency: EUR", 'pattern: "bestand_*.csv"'):
        assert line in feed
    assert "total_of: on_hand_units" in feed


def test_rows_of_a_workbook_that_end_early_are_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["Date", "Store", "SKU", "On Hand", "Note"],
        *[["2026-11-20", "S1", sku, 5] for sku in "AB"],
        ["Total", None, None, 10],
    ):
        book.active.append(row)
    book.save(tmp_path / "f.xlsx")
    answer = tried(tmp_path / "f.xlsx")
    assert (answer["gives"]["published"], answer["gives"]["dropped_by"]) == (2, {"totals": 1})
    assert {one["column"]: one["sum"] for one in answer["columns"]}["On Hand"] == 10


def test_a_hidden_sheet_is_named_where_no_other_has_a_table(tmp_path: Path) -> None:
    in_excel(tmp_path / "f.xlsx")
    book = openpyxl.load_workbook(tmp_path / "f.xlsx")
    book["Data"].sheet_state = "hidden"
    book.save(tmp_path / "f.xlsx")
    answer = tried(tmp_path / "f.xlsx")
    assert "sheet: Data" in answer["definition"]["text"]
    assert answer["gives"]["published"] == 48
    seen = book.copy_worksheet(book["Data"])
    seen.title = "Seen"
    book["Data"].insert_cols(1)
    book["Data"]["A2"] = "Store Name"  # the hidden one says more
    book.save(tmp_path / "f.xlsx")
    assert "sheet: Seen" in tried(tmp_path / "f.xlsx")["definition"]["text"]


def test_a_header_that_comes_again_is_dropped(tmp_path: Path) -> None:
    head = "Date,Store,SKU,On Hand"
    answer = tried(tmp_path / "f.csv", lines(head, ["2026-11-20,S1,A,5", head, "2026-11-21,S1,A,5"]))
    assert answer["gives"]["dropped_by"] == {"header_again": 1}
    assert answer["gives"]["published"] == 2


def test_a_total_that_the_rows_do_not_add_up_to_is_dropped_and_not_checked(tmp_path: Path) -> None:
    rows = ["1,A,2", "1,B,3", "Total,,6"]
    feed, text = proposed(tmp_path, lines("Store,SKU,On Hand", rows))
    assert [(rule.equals, rule.total_of) for rule in feed.drop] == [(("Total",), None)]
    assert "row 4 looks like a total" in text


def test_check_digits_that_all_ids_lack_are_put_back(tmp_path: Path) -> None:
    rows = [(day, store, item[:-1].lstrip("0"), stock, sold) for day, store, item, stock, sold in ROWS]
    answer = tried(tmp_path / "f.csv", delimited(rows=rows))
    assert answer["gives"]["first_rows"][0]["item_id"] == ITEMS[0].zfill(14)
    assert "none has one, they are put back" in answer["definition"]["text"]


def test_what_would_be_rejected_is_shown_with_an_example_and_a_fix(tmp_path: Path) -> None:
    text = lines("date,store,sku,on hand", [*(f"2026-11-01,{n},A,5" for n in range(12)), "2026-11-01,x,A,#DIV/0!"])
    answer = tried(tmp_path / "f.csv", text)
    (reject,) = answer["gives"]["rejects"]
    assert (reject["code"], reject["count"], reject["line"], reject["value"]) == ("BAD_QUANTITY", 1, 14, "#DIV/0!")
    assert answer["outcome"] == "held"
    assert [hold["code"] for hold in answer["gives"]["holds"]] == ["TOO_MANY_REJECTS"]
    said = as_text(answer)
    assert "13 rows in = 12 published + 1 rejected + 0 parked + 0 dropped" in said
    assert "texts in quantities that are rejected: `#DIV/0!` x1" in said
    assert "HELD TOO_MANY_REJECTS" in said


# --- what is proposed, and what is said to be a guess


def test_names_of_other_files_decide_what_a_date_in_a_name_means(tmp_path: Path) -> None:
    paths = [tmp_path / f"pos_{day}.csv" for day in ("07-11-26", "21-11-26")]
    for path in paths:
        path.write_text(lines("Store,SKU,Units Sold", ["S1,A,5"]))
    archive = tmp_path / "pos.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in paths:
            packed.write(path, path.name)
    for answer in (tried(paths[0], more=paths[1:]), tried(archive)):
        assert 'format: "%d-%m-%y"' in answer["definition"]["text"]
        assert answer["outcome"] == "would be published"


def test_an_ambiguous_date_is_marked(tmp_path: Path) -> None:
    feed, text = proposed(tmp_path, lines("date,store,sku,on hand", ["01-02-2022,1,A,5"]))
    assert feed.date is not None
    assert feed.date.format == "%m-%d-%Y"
    assert note_on(
        text, "format"
    ) == "check: NOTHING decides: every row can be read as %d-%m-%Y too; ask the partner" or ("NOTHING decides" in text)


def test_a_month_in_a_column_is_a_period(tmp_path: Path) -> None:
    rows = [f"2/1/2025 to 2/28/2025,{900 + n},{ITEMS[0]},{n}" for n in range(4)]
    answer = tried(tmp_path / "f.csv", lines("DateRangeSelected,AddressBookNumber,UPC,CurrentYearQTY", rows))
    first = answer["gives"]["first_rows"][0]
    assert (first["business_date"], first["flow_days"]) == (dt.date(2025, 2, 28), 28)
    assert answer["gives"]["sums"] == {"units_sold": 6.0}
    assert "about 28 days at once" in answer["definition"]["text"]
    assert "a month ends" in answer["definition"]["text"], "so the feed is not late between two reports"


@pytest.mark.parametrize(
    ("days", "of_month"),
    [(["09-30", "10-31"], [31]), (["10-31"], []), (["09-30", "10-30"], [])],
)
def test_dates_that_end_months_are_those_of_a_monthly_feed(
    tmp_path: Path, days: list[str], of_month: list[int]
) -> None:
    feed, _ = proposed(tmp_path, lines("Date,Store,SKU,On Hand", [f"2026-{day},S1,A,5" for day in days]))
    assert list(feed.expected.days_of_month) == of_month


def test_a_week_and_its_last_day_cover_seven_days(tmp_path: Path) -> None:
    rows = [f"1 week ending 11-1{n}-2026,S{n},A,5" for n in (4, 5)]
    feed, _ = proposed(tmp_path, lines("Time,Store,Item Number,Unit Sales", rows))
    assert feed.date is not None
    assert (feed.date.pattern, feed.date.format, feed.date.period_days) == (
        r"\b(\d{1,2}-\d{1,2}-\d{4})\b",
        "%m-%d-%Y",
        7,
    )


@pytest.mark.parametrize(
    ("days", "weekdays"),
    [
        ([7, 14, 21], ["sat"]),
        ([7, 21], ["sat"]),
        ([7], []),
        ([2, 3, 4, 5, 6, 9, 10, 12, 13, 16], ["mon", "tue", "wed", "thu", "fri"]),
        ([2, 3, 4, 5, 6, 9], []),
        ([1, 12, 20], []),
        (list(range(1, 22)), []),
    ],
)
def test_the_weekdays_that_dates_show_are_proposed(tmp_path: Path, days: list[int], weekdays: list[str]) -> None:
    feed, text = proposed(tmp_path, lines("Date,Store,SKU,Units Sold", [f"2026-11-{day:02},S1,A,5" for day in days]))
    assert ("weekdays" in text, feed.date and feed.date.period_days) == (
        bool(weekdays),
        7 if weekdays == ["sat"] else 1,
    )
    assert not weekdays or list(feed.expected.weekdays) == weekdays


def test_how_many_series_a_date_has_is_said_beside_what_a_missing_row_means(tmp_path: Path) -> None:
    rows = ["2026-11-01,S1,A,5", "2026-11-01,S1,B,5", "2026-11-02,S2,A,5", "2026-11-03,S2,A,5"]
    _, text = proposed(tmp_path, lines("Date,Store,SKU,On Hand", rows))
    assert "on a date 1 to 2 of 3 series have a row" in " ".join(text.replace("#", "").split())
    _, text = proposed(tmp_path, lines("Date,Store,SKU,On Hand", rows[-2:]))
    assert "series have a row" not in text


def test_dates_of_other_files_show_the_weekday_and_the_definition_is_tried_on_them(tmp_path: Path) -> None:
    paths = [tmp_path / f"pos_202611{day}.csv" for day in ("07", "14", "21")]
    for path in paths:
        path.write_text(lines("Store,SKU,Units Sold", ["S1,A,5", f"S1,B,{'many' if path is paths[2] else 3}"]))
    answer = tried(paths[0], more=paths[1:])
    assert "all 3 dates are a Saturday" in answer["definition"]["text"]
    assert [(one["file"], one["published"], len(one["holds"])) for one in answer["more"]] == [
        ("pos_20261114.csv", 2, 0),
        ("pos_20261121.csv", 1, 1),
    ]
    assert answer["outcome"] == "held"
    assert "pos_20261121.csv: 2 rows in = 1 published + 1 rejected + 0 parked + 0 dropped; would be HELD" in as_text(
        answer
    )


def test_the_two_columns_that_could_be_on_hand_are_compared(tmp_path: Path) -> None:
    rows = ["A,Shop,9,10", "B,Shop,4,4"]
    feed, text = proposed(tmp_path, lines("SKU,Location,Available (not editable),On hand (current)", rows))
    assert feed.columns.on_hand_units == "On hand (current)"
    assert "or `Available (not editable)`? sums 14 and 13, 1 row differ" in note_on(text, "on_hand_units")


def test_words_in_quantities_are_told_apart(tmp_path: Path) -> None:
    rows = ["A,1,not stocked", "B,1,N/A", "C,1,3", "D,1,-"]
    feed, text = proposed(tmp_path, lines("SKU,Location,On hand (current)", rows))
    assert (feed.not_ranged, feed.no_data) == (("not stocked",), ("N/A", "-"))
    assert "check: `not stocked` x1" in note_on(text, "not_ranged")


def test_a_gtin_that_few_rows_have_is_not_the_item(tmp_path: Path) -> None:
    rows = [f"A{n},{ITEMS[n] if n < 3 else ''},Shop,{n}" for n in range(12)]
    feed, text = proposed(tmp_path, lines("SKU,UPC,Location,On Hand", rows))
    assert (feed.item_id.column, feed.item_id.kind) == ("SKU", "partner")
    assert "`UPC` is filled in 3 of 12 rows" in text


def test_a_column_of_gtins_is_known_by_its_check_digits(tmp_path: Path) -> None:
    feed, _ = proposed(tmp_path, lines("Store,Whatever,On Hand", [f"1,{item},2" for item in ITEMS]))
    assert (feed.item_id.column, feed.item_id.kind) == ("Whatever", "gtin")


def test_half_of_the_check_digits_right_are_no_gtins(tmp_path: Path) -> None:
    numbers = [item if n % 2 else item[:-1] + str((int(item[-1]) + 1) % 10) for n, item in enumerate(ITEMS)]
    feed, text = proposed(tmp_path, lines("Store,UPC,On Hand", [f"1,{number},2" for number in numbers]))
    assert feed.item_id.kind == "partner"
    assert "50% of 12 different have a valid check digit" in text


def test_the_own_number_that_repeats_least_is_the_item(tmp_path: Path) -> None:
    rows = [f"shirt,{size},Shop,{number}" for number, size in enumerate("SML")]
    feed, text = proposed(tmp_path, lines("SKU,Item Number,Location,On hand (current)", rows))
    assert feed.item_id.column == "Item Number"
    assert "or is it `SKU`?" in text
    feed, _ = proposed(tmp_path, lines("Item Number,SKU,Location,On hand (current)", rows))
    assert feed.item_id.column == "SKU"


@pytest.mark.parametrize(
    ("stores", "width"), [(("1", "22", "333"), 0), (("0001", "22", "0333"), 4), (("001", "002"), 0), (("A1", "B22"), 0)]
)
def test_zeros_were_lost_only_where_others_are_there(tmp_path: Path, stores: Sequence[str], width: int) -> None:
    feed, _ = proposed(tmp_path, lines("Store Nbr,SKU,On Hand", [f"{store},A,1" for store in stores]))
    assert feed.location_id.width == width


def test_repeated_flows_are_added_up_and_stocks_are_not(tmp_path: Path) -> None:
    rows = ["2026-11-01,1,A,2", "2026-11-01,1,A,3"]
    sold, text = proposed(tmp_path, lines("Date,Store,SKU,POS Qty", rows))
    assert sold.repeats == "sum"
    assert "1 row with the date, location and item of another" in text
    stock, _ = proposed(tmp_path, lines("Date,Store,SKU,On Hand", rows))
    assert stock.repeats == "reject"
    equal, _ = proposed(tmp_path, lines("Date,Store,SKU,On Hand", [rows[0], rows[0]]))
    assert equal.repeats == "collapse"


def test_a_price_without_currency_is_not_loaded(tmp_path: Path) -> None:
    feed, text = proposed(tmp_path, lines("Store,SKU,On Hand,Price", ["1,A,2,3.50"]))
    assert feed.columns.price is None
    assert "  # price: Price" in text
    feed, _ = proposed(tmp_path, lines("Store,SKU,On Hand,Price", ["1,A,2,$3.50"]))
    assert (feed.columns.price, feed.currency) == ("Price", "USD")


def test_cases_and_pieces_in_a_column_are_the_unit(tmp_path: Path) -> None:
    _, text = proposed(tmp_path, lines("Date,Store,SKU,On Hand,UOM", ["2026-11-20,S1,A,5,CA", "2026-11-20,S1,B,5,EA"]))
    assert "units: {column: UOM}  # check: pieces in each of [CA]" in text


def test_a_column_of_sizes_is_no_unit(tmp_path: Path) -> None:
    feed, text = proposed(tmp_path, lines("Store,SKU,On Hand,Unit", ["1,A,2,OZ", "1,B,2,LB"]))
    assert feed.units.column is None
    assert "`Unit` holds `OZ`, `LB`" in text
    feed, _ = proposed(tmp_path, lines("Store,SKU,On Hand,Unit,Case Pack", ["1,A,2,CA,12", "1,B,2,EA,1"]))
    assert (feed.units.column, feed.units.pack_column) == ("Unit", "Case Pack")


def test_only_sellable_stock_is_taken_where_there_is_other(tmp_path: Path) -> None:
    rows = ["A,Shop,SELLABLE,5", "A,Shop,CUSTOMER_DAMAGED,1"]
    feed, _ = proposed(tmp_path, lines("MSKU,Location,Disposition,Ending Warehouse Balance", rows))
    assert [(rule.column, rule.unless) for rule in feed.drop] == [("Disposition", ("SELLABLE",))]


def test_a_table_with_one_quantity_a_row_is_long(tmp_path: Path) -> None:
    rows = [
        f"D7,{item},20261120,{code},{q},1" for item in ("1", "2") for code, q in (("BOH", 9), ("EOH", 8), ("ZZZ", 1))
    ]
    answer = tried(tmp_path / "f.txt", lines("DISTID,INITEM,INDATE,INTRANS,INQUAN,INWHSE", rows))
    gives = answer["gives"]
    assert (gives["sums"], gives["dropped_by"]) == ({"on_hand_units": 16.0}, {"ignored_code": 2})
    assert [(one["code"], one["count"]) for one in gives["rejects"]] == [("UNMAPPED_CODE", 2)]
    assert "unmapped, so kept and not loaded: ZZZ (2 values, sum 2): ask what it means" in answer["definition"]["text"]


def test_a_date_that_names_no_day_is_said_to_be_none(tmp_path: Path) -> None:
    feed, text = proposed(tmp_path, lines("Date,DPCI,Sales U", ["Dec Wk 5 2024,071-09-0001,3"]))
    assert feed.date is not None
    assert feed.date.source == "receipt"
    assert "`Date` holds `Dec Wk 5 2024`, which name no day" in " ".join(text.replace("#", "").split())


def test_a_name_that_holds_dates_is_known_and_said_not_to_last(tmp_path: Path) -> None:
    feed, text = proposed(tmp_path, lines("Store,SKU,Qty Sold 10/1/2026 - 10/31/2026", ["1,A,(1)"]))
    assert feed.columns.units_sold == "Qty Sold 10/1/2026 - 10/31/2026"
    assert "its name holds dates, so the next file will have another" in text


def test_one_column_for_each_location_is_said_to_be_unreadable(tmp_path: Path) -> None:
    _, text = proposed(tmp_path, lines("SKU,Reno,Elko", ["A,1,2", "B,0,5"]))
    assert "no feed can read one column for each location" in text


def test_gtins_that_a_spreadsheet_rounded_are_no_gtins(tmp_path: Path) -> None:
    feed, text = proposed(tmp_path, lines("Store,SKU,UPC,On Hand", [f"1,A{n},8.500081{n}E+11,2" for n in range(3)]))
    assert (feed.item_id.column, feed.item_id.kind) == ("SKU", "partner")
    assert "`UPC`: a spreadsheet has rounded the numbers" in text


def test_a_plain_quantity_is_sold_where_the_file_is_called_sales(tmp_path: Path) -> None:
    text = lines("Store,SKU,Quantity", ["1,A,2"])
    assert proposed(tmp_path, text, "weekly_sales.csv")[0].columns.units_sold == "Quantity"
    assert proposed(tmp_path, text, "export.csv")[0].columns.on_hand_units == "Quantity"


@pytest.mark.parametrize(("column", "is_told"), [("Units Sold", True), ("On Hand", False)])
def test_sales_without_stock_may_add_to_a_feed_that_has_it(tmp_path: Path, column: str, is_told: bool) -> None:
    answer = tried(tmp_path / "export.csv", lines(f"Store,SKU,{column}", ["1,A,2"]))
    assert ("name that feed in `adds_to`" in as_text(answer)) is is_told


def test_what_people_stumble_over_in_a_portal_is_said(tmp_path: Path) -> None:
    names = "Item Nbr,Store Nbr,UPC,Daily,POS Qty,Curr Str On Hand Qty"
    _, text = proposed(tmp_path, lines(names, [f"1,2,{ITEMS[0]},2026/11/20,1,1"]))
    assert "looks like Walmart Retail Link: `Curr ...` is the stock when the report ran" in text


NAMES_OF_ALL_KINDS = st.one_of(
    st.sampled_from(
        ("Date", "Store Nbr", "UPC", "SKU", "On Hand", "POS Qty", "Price", "Unit", "Currency", "INTRANS", "Qty")
    ),
    st.text(min_size=1, max_size=12),
)
CELLS = st.one_of(
    st.sampled_from(
        ("", "5", "1,205", "1.5", "not stocked", "Total", "2026-11-01", "01/02/2026", ITEMS[0], "EA", "SELLABLE")
    ),
    st.text(max_size=8),
)


@given(names=st.lists(NAMES_OF_ALL_KINDS, min_size=1, max_size=7), cells=st.lists(CELLS, min_size=1, max_size=30))
def test_whatever_is_proposed_loads_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], cells: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    rows = [cells[at : at + len(names)] for at in range(0, len(cells), len(names))]
    path = folder / "any.csv"
    path.write_text(delimited(rows=rows, names=names), "utf-8", errors="replace", newline="")
    found = sniff(path, path.name, folder / "sniffed", NOW.date())
    if found.table is None:
        return
    try:
        text = of_table(found.table, found.kind, path.name, Partner("Harbor Foods")).text
    except NoProposal:
        return
    (folder / "any.yaml").write_text(text, "utf-8")
    feed = load_feed(folder / "any.yaml")
    assert set(feed.file_columns()) <= {column.name for column in found.table.columns}
    assert text.replace("\n", "").isprintable()


# --- EDI


ISA = "ISA*00*          *00*          *ZZ*SHOP           *ZZ*US             *261120*0800*U*00401*000000007*0*P*>"


def x12(*segments: str, kind: str = "852", group: str = "PD") -> str:
    """A set with a right envelope."""
    body = [f"ST*{kind}*0001", *segments]
    ends = [f"SE*{len(body) + 1}*0001", "GE*1*7", "IEA*1*000000007"]
    return "~\n".join([ISA, f"GS*{group}*SHOP*US*20261120*0800*7*X*004010", *body, *ends]) + "~\n"


def product(item: str, sold: int, available: int, gross: int) -> tuple[str, ...]:
    return (f"LIN**UP*{item}", f"ZA*QS*{sold}*EA", f"ZA*QA*{available}*EA", f"ZA*OH*{gross}*EA", "ZA*QC*1*EA")


def test_an_852_is_proposed_with_its_codes_and_their_usual_meanings(tmp_path: Path) -> None:
    text = x12("XQ*H*20261114*20261120", "N1*ST*S*92*0009", *product(ITEMS[0], 3, 9, 10), *product(ITEMS[1], 4, 0, 1))
    answer = tried(tmp_path / "f.edi", text)
    assert answer["outcome"] == "would be published", as_text(answer)
    assert answer["gives"]["sums"] == {"on_hand_units": 9.0, "units_sold": 7.0}
    assert answer["gives"]["first_rows"][0]["flow_days"] == 7
    definition = answer["definition"]["text"]
    assert "QA: on_hand_units" in definition
    assert "or OH (gross on hand, 2 values, sum 11): never both" in definition
    assert "ignored: [OH, QC]" in definition
    assert "senders: [SHOP]" in definition
    assert "weekdays: [fri]" in definition
    sums = {one["code"]: (one["values"], one["sum"]) for one in answer["values"]}
    assert sums == {"QS": (2, 7.0), "QA": (2, 9.0), "OH": (2, 11.0), "QC": (2, 2.0)}


def test_wrong_counts_hold_the_file_and_every_value_is_shown_all_the_same(tmp_path: Path) -> None:
    text = x12("XQ*H*20261120", "N1*ST*S*92*0009", *product(ITEMS[0], 3, 9, 10)).replace("SE*9", "SE*90")
    answer = tried(tmp_path / "f.edi", text)
    assert [hold["code"] for hold in answer["gives"]["holds"]] == ["WRONG_COUNTS"]
    assert answer["gives"]["sums"]["units_sold"] == 3.0
    assert "`take` once the partner says it is whole" in answer["definition"]["text"]
    assert any(one["code"] == "WRONG_COUNTS" for one in answer["odd"])


def test_cases_without_a_pack_are_asked_about(tmp_path: Path) -> None:
    item = ("LIN**VN*A1", "CTP**RES*3.49", "QTY*33*5*CA")
    text = x12("BIA*00*DD*1*20261120", "N1*WH*W*92*W1", *item, kind="846", group="IB")
    answer = tried(tmp_path / "f.edi", text)
    assert [one["code"] for one in answer["gives"]["rejects"]] == ["UNIT_UNKNOWN"]
    assert answer["definition"]["feed_id"] == "harbor_foods_dcs"
    settled = answer["definition"]["text"].replace("# units: {packs: {CA: 12}}", "units: {packs: {CA: 12}}")
    (tmp_path / "config/feeds").mkdir(parents=True)
    (tmp_path / "config/feeds/harbor.yaml").write_text(settled.replace("# currency: USD", "currency: USD"))
    (row,) = tried(tmp_path / "f.edi", feed_id="harbor")["gives"]["first_rows"]
    assert (row["on_hand_units"], row["price"]) == (60, 3.49)


def test_a_qualifier_that_partners_use_differently_stays_unmapped(tmp_path: Path) -> None:
    text = x12("BIA*00*DD*1*20261120", "N1*WH*W*92*W1", "LIN**VN*A1", "QTY*33*5", "QTY*02*7", kind="846", group="IB")
    answer = tried(tmp_path / "f.edi", text)
    assert (
        "unmapped, so kept and not loaded: 02 (cumulative quantity; some mean on order, 1 value"
        in answer["definition"]["text"]
    )
    assert [(one["code"], one["count"]) for one in answer["gives"]["rejects"]] == [("UNMAPPED_CODE", 1)]


def test_the_ids_that_every_item_has_are_taken(tmp_path: Path) -> None:
    first = ("LIN**UP*850008120005*VN*A1", "ZA*QS*1*EA")  # a wrong check digit
    text = x12("XQ*H*20261120", "N1*ST*S*92*0009", *first, f"LIN**UP*{ITEMS[1]}*VN*A2", "ZA*QS*1*EA")
    answer = tried(tmp_path / "f.edi", text)
    assert "qualifiers: [VN]" in answer["definition"]["text"]
    assert answer["gives"]["published"] == 2


def test_gtins_that_some_items_lack_are_not_taken(tmp_path: Path) -> None:
    items = (f"LIN**UP*{ITEMS[0]}*VN*A1", "ZA*QS*1*EA", "LIN**UP**VN*A2", "ZA*QS*1*EA")
    answer = tried(tmp_path / "f.edi", x12("XQ*H*20261120", "N1*ST*S*92*0009", *items))
    assert "qualifiers: [VN]" in answer["definition"]["text"]
    assert "UP in 1 of 2 items, 100% of 1 pass the check" in " ".join(answer["definition"]["text"].split())


def test_ids_that_only_together_name_every_item_are_taken_together(tmp_path: Path) -> None:
    items = (f"LIN**UP*{ITEMS[0]}", "ZA*QS*1*EA", "LIN**EN*4006381333931", "ZA*QS*1*EA")
    answer = tried(tmp_path / "f.edi", x12("XQ*H*20261120", "N1*ST*S*92*0009", *items))
    assert "qualifiers: [UP, EN]" in answer["definition"]["text"]
    assert "kind: gtin" in answer["definition"]["text"]
    assert answer["gives"]["items"] == 2


def test_sets_without_an_envelope_are_asked_about(tmp_path: Path) -> None:
    text = "ST*852*0001~\nXQ*H*20261120~\nN1*ST*S*92*9~\nLIN**UP*850007123017~\nZA*QS*7*EA~\nSE*6*0001~\n"
    answer = tried(tmp_path / "f.edi", text)
    assert "bare_sets: true  # check:" in answer["definition"]["text"]
    assert answer["gives"]["sums"] == {"units_sold": 7.0}


def test_edifact_till_transactions_are_added_up(tmp_path: Path) -> None:
    line = "LIN+{0}++4006381333931:EN'QTY+153:1:PCE'"
    text = (
        "UNB+UNOA:2+SHOP:14+US:14+261120:0800+7'UNH+1+SLSRPT:D:96A:UN'BGM+73+1+9'DTM+137:20261120:102'"
        f"LOC+162+0009::92'DTM+356:20261119:102'{line.format(1)}{line.format(2)}UNT+10+1'UNZ+1+7'"
    )
    answer = tried(tmp_path / "f.edi", text)
    assert answer["outcome"] == "would be published", as_text(answer)
    assert (answer["gives"]["observations"], answer["gives"]["sums"]) == (1, {"units_sold": 2.0})
    assert "repeats: sum" in answer["definition"]["text"]


# --- files that nothing can be made of


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.csv", b"", "EMPTY"),
        ("junk.bin", bytes(range(256)) * 9, "UNSUPPORTED"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "UNSUPPORTED"),
        ("fixed.txt", b"001004310M20261120\n002004310M20261120\n", "NO_HEADER"),
        ("names.csv", b"Colour,Shape\nred,round\nblue,square\n", "NO_PROPOSAL"),
        ("days.csv", b"key,vendor_id,store_id,item_id,LEAD_TIME_IN_DC\n1,7,1763,1,4\n2,8,0486,2,2\n", "NO_PROPOSAL"),
        ("not.zip", b"PK\x03\x04" + b"\0" * 90, "ARCHIVE_DAMAGED"),
    ],
)
def test_what_cannot_be_proposed_says_why(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    answer = tried(tmp_path / name, content)
    assert answer["outcome"] == "held"
    assert code in [one["code"] for one in answer["problems"]]
    assert f"{code}: " in as_text(answer)


def test_nothing_in_the_answer_steers_a_terminal(tmp_path: Path) -> None:
    text = 'date,store\x1b[31m,sku,"on\nhand\u202e"\n2026-11-01,1\x07,A\x1b]0;x\x07,5\n2026-11-02,2,=cmd|,4\n'
    answer = tried(tmp_path / "evil.csv", text)
    assert answer["gives"]["sums"] == {"on_hand_units": 9.0}
    assert as_text(answer).replace("\n", "").isprintable()
    assert json.dumps(answer, default=str, ensure_ascii=False).isprintable()


# --- at the command line


@pytest.fixture
def settings(tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STOCKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STOCKWATCH_CONFIG", str(config))
    return config


def test_the_command_proposes_and_touches_nothing(
    tmp_path: Path, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.csv").write_text(delimited())
    before = sorted(settings.rglob("*"))
    assert main(["try-feed", str(tmp_path / "f.csv"), "--partner", "Harbor Foods"]) == 0
    shown = capsys.readouterr().out
    assert "partner: harbor_foods" in shown
    assert "48 rows in = 48 published" in shown
    assert sorted(settings.rglob("*")) == before
    assert not (tmp_path / "home").exists()


def test_a_proposal_is_written_once_and_can_be_used_then(
    tmp_path: Path, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(delimited())
    assert main(["try-feed", str(path), "--partner", "Harbor Foods", "--feed", "harbor_all", "--write"]) == 0
    written = settings / "feeds" / "harbor_all.yaml"
    assert load_feed(written).partner_name == "Harbor Foods"
    capsys.readouterr()
    assert main(["try-feed", str(path), "--feed", "harbor_all", "--write"]) == 1
    assert "this feed exists, and is not overwritten" in capsys.readouterr().err
    written.write_text(written.read_text("utf-8").replace("On Hand", "Stock"), "utf-8")
    assert main(["--json", "try-feed", str(path), "--feed", "harbor_all"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["definition"]["is_proposed"] is False
    assert [hold["code"] for hold in answer["gives"]["holds"]] == ["LAYOUT_CHANGED"]


@pytest.mark.parametrize(("feed_id", "write"), [("nobody", False), ("Not An Id", True), ("../../evil", True)])
def test_an_id_that_is_none_is_refused(tmp_path: Path, feed_id: str, write: bool) -> None:
    with pytest.raises(ConfigError):
        tried(tmp_path / "f.csv", delimited(), feed_id=feed_id, write=write)
    assert not list(tmp_path.rglob("*.yaml"))


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path, settings: Path) -> None:
    with pytest.raises(SystemExit, match="no such file"):
        main(["try-feed", str(tmp_path / "nowhere.csv")])

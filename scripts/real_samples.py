"""Read a folder of real partner files and compare with what their READMEs say: `make real-samples DIR=…`.

The files are not part of the project. Each is read with a profile of its own, up to the observations; nothing is
published. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from include.stockwatch.adapters.feeds.formats import reader_of  # noqa: E402
from include.stockwatch.adapters.feeds.raw import Notes  # noqa: E402
from include.stockwatch.settings.feed import Feed  # noqa: E402

X12, EDIFACT = {"kind": "x12", "wrong_counts": "take"}, {"kind": "edifact"}
CSV: dict[str, Any] = {"kind": "csv"}


@dataclass
class Read:
    """One file as it was read: its rows as texts, and what the reader noted."""

    rows: pa.Table
    rejects: int
    notes: Notes

    def total(self, column: str, where: str | None = None, level: str | None = None) -> float:
        """Sum of a column of texts, of the rows with a code."""
        return sum(self.numbers(column, where, level))

    def numbers(self, column: str, where: str | None = None, level: str | None = None) -> list[float]:
        """The numbers of a column, of the rows with a code or level; other texts are left out."""
        found = []
        for row in self.rows.to_pylist():
            if (where is None or row.get("code") == where) and (level is None or row.get("level") == level):
                text = (row[column] or "").strip().replace("$", "").replace(",", "")
                if text and text.replace(".", "").replace("-", "").isdigit():
                    found.append(float(text))
        return found

    def different(self, column: str) -> int:
        """Different texts of a column, blanks left out."""
        return len({text for text in self.rows.column(column).to_pylist() if text})

    def has(self, **cells: str | None) -> int:
        """Rows with these cells."""
        return sum(all(row[name] == text for name, text in cells.items()) for row in self.rows.to_pylist())


Check = tuple[str, Callable[[Read], Any], Any]


def feed(form: dict[str, Any], **more: Any) -> Feed:
    """A profile; EDI messages need none of the columns."""
    table = {
        "date": {"source": "receipt"},
        "location_id": {"constant": "all"},
    }
    edi = {"codes": {"measures": {"QS": "units_sold"}}, "item_id": {}}
    usual = edi if form["kind"] in ("x12", "edifact") else table
    return Feed.model_validate({"partner": "sample", "partner_name": "Sample", "format": form, **usual, **more})


def rows(expected: int) -> Check:
    """How many values or rows there are."""
    return ("values", lambda read: len(read.rows), expected)


def count(code: str, expected: int) -> Check:
    """How many warnings of a code there are."""
    return (f"warnings {code}", lambda read: read.notes.warned[code], expected)


SAMPLES: dict[str, tuple[Feed, list[Check]]] = {
    "x12_852/sams_scan_based_sdq_005010.edi": (
        feed(X12),
        [
            rows(33),
            ("sum sold (QS)", lambda read: read.total("quantity", "QS"), 296.0),
            ("locations", lambda read: read.different("location"), 30),
            ("items", lambda read: read.different("item"), 5),
            ("rows of UPC 072470006431", lambda read: read.has(item="072470006431"), 29),
            ("first row", lambda read: read.has(location="0605388006059", quantity="3", price="12.29"), 1),
            (
                "last row",
                lambda read: read.has(location="0078742077857", item="072470005779", quantity="2", price="3.44"),
                1,
            ),
            ("location qualifier UL", lambda read: read.has(location_kind="UL"), 33),
            ("date", lambda read: read.has(last_date="20251116"), 33),
            ("no hold with counts tolerated", lambda read: [hold.code.value for hold in read.notes.holds], []),
            ("holds under the strict policy", lambda read: strict(read), ["WRONG_COUNTS"]),
        ],
    ),
    "x12_852/store_n1_za_qty_004010.edi": (
        feed({**X12, "wrong_counts": "hold"}),
        [
            rows(4),
            ("sold", lambda read: read.numbers("quantity", "QS"), [48.0, 22.0]),
            ("on hand", lambda read: read.numbers("quantity", "QA"), [120.0, 40.0]),
            ("store", lambda read: read.has(location="STR4022", location_kind="92"), 4),
            ("period of sold", lambda read: read.has(code="QS", first_date="20260828", last_date="20260903"), 2),
            ("items with a wrong check digit", lambda read: read.notes.warned["GTIN_CHECK"], 2),
            ("holds", lambda read: [hold.code.value for hold in read.notes.holds], []),
        ],
    ),
    "x12_852/set_only_qty_in_za_loop.edi": (
        feed({**X12, "bare_sets": True}),
        [
            ("sold", lambda read: read.numbers("quantity", "QS"), [100.0, 50.0]),
            (
                "units of sold",
                lambda read: [row["unit"] for row in read.rows.to_pylist() if row["code"] == "QS"],
                ["EA", None],
            ),
            ("QTY 38 beside it", lambda read: read.total("quantity", "QTY:38"), 500.0),
            ("QTY 17 beside it", lambda read: read.total("quantity", "QTY:17"), 50.0),
            ("store", lambda read: read.has(code="QS", location="STORE01", location_kind="9"), 2),
            ("date", lambda read: read.has(code="QS", last_date="20200101"), 2),
            ("strict policy", lambda read: strict(read), ["NO_ENVELOPE"]),
        ],
    ),
    "x12_846/supplier_sdq54_vs_qty33_004010.txt": (
        feed(X12),
        [
            rows(4),
            (
                "at MEL",
                lambda read: [row["quantity"] for row in read.rows.to_pylist() if row["location"] == "MEL"],
                ["50", "7"],
            ),
            ("totals", lambda read: read.numbers("quantity", "33", "total"), [7.0, 0.0]),
            count("LOCATION_SUM_DIFFERS", 2),
            count("NO_QUANTITY", 1),
            ("prices", lambda read: sorted({row["price"] for row in read.rows.to_pylist()}), ["28.99", "55.0"]),
        ],
    ),
    "x12_846/two_sets_wrong_se_counts_004010.txt": (
        feed(X12),
        [
            ("items at warehouse 100", lambda read: read.has(location="100", level="location"), 80),
            ("sum", lambda read: read.total("quantity", None, "location"), 1036.0),
            ("above 0", lambda read: sum(n > 0 for n in read.numbers("quantity", None, "location")), 58),
            ("sum of totals", lambda read: read.total("quantity", "33", "total"), 1036.0),
            ("different items", lambda read: read.different("item"), 80),
            count("GTIN_CHECK", 0),
            count("LOCATION_SUM_DIFFERS", 0),
            ("strict policy", lambda read: strict(read), ["WRONG_COUNTS"]),
        ],
    ),
    "x12_846/n1wh_cases_004010.edi": (
        feed({**X12, "wrong_counts": "hold"}),
        [
            rows(2),
            ("cases at STK01", lambda read: read.has(location="STK01", location_kind="91", unit="CA"), 2),
            ("quantities", lambda read: read.numbers("quantity"), [850.0, 320.0]),
            ("date", lambda read: read.has(last_date="20260904"), 2),
            count("GTIN_CHECK", 2),
        ],
    ),
    "x12_846/snapshot_overlong_isa_005010.edi": (
        feed(X12),
        [
            rows(4),
            ("code 1", lambda read: read.numbers("quantity", "1"), [250.0, 0.0]),
            ("code QA", lambda read: read.numbers("quantity", "QA"), [198.0, 0.0]),
            ("at WH-NORTH", lambda read: read.has(location="WH-NORTH"), 4),
            count("GTIN_CHECK", 1),
            ("strict policy", lambda read: strict(read), ["WRONG_COUNTS"]),
        ],
    ),
    "x12_846/n1_after_lin_wrong_gs01.edi": (
        feed(X12),
        [
            rows(3),
            ("code 33", lambda read: read.numbers("quantity", "33"), [500.0, 250.0]),
            ("code 02", lambda read: read.numbers("quantity", "02"), [120.0]),
            ("at WH001", lambda read: read.has(location="WH001", last_date="20260115"), 2),
            ("without a warehouse and unit", lambda read: read.has(location=None, unit=None), 1),
        ],
    ),
    "x12_867/pharma_lin_before_qty.edi": (
        feed(X12, item_id={"qualifiers": ["N4"]}),
        [
            rows(1),
            (
                "shipped",
                lambda read: read.has(item="12345678901", item_kind="N4", code="SR:39", quantity="10", unit="EA"),
                1,
            ),
            ("ship-to", lambda read: read.has(location="AB1234567", last_date="20240105", price="100"), 1),
            ("strict policy", lambda read: strict(read), ["WRONG_COUNTS"]),
        ],
    ),
    "edifact_invrpt/d96a_wh_only_vendor_codes.edi": (
        feed(EDIFACT),
        [
            rows(2),
            ("actual stock", lambda read: read.numbers("quantity", "145"), [850.0, 320.0]),
            ("at the warehouse", lambda read: read.has(location="CENTRAL_DEPOT", last_date="20260904"), 2),
            ("vendor codes", lambda read: read.has(item_kind="VN"), 2),
            ("holds", lambda read: [hold.code.value for hold in read.notes.holds], []),
        ],
    ),
    "edifact_invrpt/d97a_newline_no_una.edi": (
        feed(EDIFACT),
        [
            rows(2),
            (
                "QTY 17 and 16",
                lambda read: [(row["code"], row["quantity"]) for row in read.rows.to_pylist()],
                [("17", "2"), ("16", "0")],
            ),
            (
                "at the stock location",
                lambda read: read.has(location="2030SG01", last_date="20260909", item="STFR5000800"),
                2,
            ),
        ],
    ),
    "edifact_slsrpt/eancom_d96a_loc162.edi": (
        feed(EDIFACT),
        [
            rows(12),
            ("sold", lambda read: read.total("quantity", "153"), 12.0),
            ("by item", lambda read: sorted(Counter(read.rows.column("item").to_pylist()).values()), [1, 2, 2, 3, 4]),
            ("store", lambda read: read.has(location="4260026610102", last_date="20260707"), 12),
            ("price", lambda read: read.has(price="39.95") > 0, True),
        ],
    ),
    "retail_csv/shopify_inventory_long_layout.csv": (
        feed(
            CSV,
            item_id={"column": "SKU"},
            location_id={"column": "Location"},
            columns={"on_hand_units": "On hand (current)"},
        ),
        [
            rows(150),
            ("not stocked", lambda read: read.has(**{"On hand (current)": "not stocked"}), 83),
            ("numbers", lambda read: len(read.numbers("On hand (current)")), 67),
            ("on hand", lambda read: read.total("On hand (current)"), 41435.0),
            ("negative", lambda read: sum(n < 0 for n in read.numbers("On hand (current)")), 4),
            ("zero", lambda read: sum(n == 0 for n in read.numbers("On hand (current)")), 30),
            ("committed", lambda read: read.total("Committed (not editable)"), 191.0),
            ("without a SKU", lambda read: read.has(SKU=""), 4),
        ],
    ),
    "retail_csv/warehouse_export_dirty_upc.csv": (
        feed(CSV, item_id={"column": "SKU"}, columns={"on_hand_units": "Quantity"}),
        [
            rows(400),
            ("quantity", lambda read: read.total("Quantity"), 21891.0),
            ("quantity at the location", lambda read: read.total("Qty_1"), 22870.0),
            (
                "rows on which they differ",
                lambda read: sum(row["Quantity"] != row["Qty_1"] for row in read.rows.to_pylist()),
                26,
            ),
            ("no UPC", lambda read: read.has(UPC=""), 355),
            ("valid UPCs", lambda read: valid(read, "UPC"), 44),
        ],
    ),
    "retail_csv/kehe_full_pod_monthly_masked.csv": (
        feed(
            CSV,
            item_id={"column": "UPC", "kind": "gtin"},
            location_id={"column": "AddressBookNumber"},
            columns={"units_sold": "CurrentYearQTY"},
            date={"column": "DateRangeSelected", "format": "%m/%d/%Y", "pattern": r"(\S+) to (\S+)"},
        ),
        [
            rows(80),
            ("columns", lambda read: len(read.notes.columns), 43),
            ("this year", lambda read: read.total("CurrentYearQTY"), 1332.0),
            ("last year", lambda read: read.total("PriorYearQTY"), 1272.0),
            ("cost", lambda read: round(read.total("CurrentYearCost"), 2), 3252.24),
            ("zero", lambda read: sum(n == 0 for n in read.numbers("CurrentYearQTY")), 40),
            ("items", lambda read: read.different("UPC"), 7),
        ],
    ),
    "retail_csv/kaggle_store_inventory_unpadded_dates.csv": (
        feed(
            CSV,
            item_id={"column": "Product ID"},
            location_id={"column": "Store ID"},
            columns={"on_hand_units": "Inventory Level", "units_sold": "Units Sold"},
            date={"column": "Date", "format": "%Y/%m/%d"},
        ),
        [
            rows(10),
            ("inventory", lambda read: read.total("Inventory Level"), 2179.0),
            ("sold", lambda read: read.total("Units Sold"), 624.0),
        ],
    ),
    "retail_parquet/freshretailnet_hourly_chunk_0000.parquet": (
        feed({"kind": "parquet"}, item_id={"column": "product_id"}, columns={"units_sold": "hourly_sale"}),
        [
            rows(48000),
            ("stockouts", lambda read: read.total("hourly_stockout"), 14483.0),
            ("sales", lambda read: round(read.total("hourly_sale"), 2), 1672.09),
            ("items", lambda read: read.different("product_id"), 23),
        ],
    ),
}


def strict(read: Read) -> list[str]:
    """Codes of the holds when nothing is tolerated."""
    return sorted({code for code in STRICT[id(read)]})


STRICT: dict[int, list[str]] = {}


def valid(read: Read, column: str) -> int:
    """Valid GTINs of a column."""
    from include.stockwatch.domain.gtin import is_gtin

    return sum(is_gtin(text) for text in read.rows.column(column).to_pylist())


def read_file(path: Path, profile: Feed) -> Read:
    """The rows and notes of one file."""
    notes = Notes()
    batches = list(reader_of(profile.format.kind)(path, path.name, profile, notes))
    tables = [batch.rows.cast(pa.schema([(f.name, plain(f.type)) for f in batch.rows.schema])) for batch in batches]
    whole = pa.concat_tables(tables) if tables else pa.table({})
    return Read(whole, sum(len(batch.rejects) for batch in batches), notes)


def plain(kind: pa.DataType) -> pa.DataType:
    """The type of a column without its dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def compare(folder: Path) -> int:
    """Read every known sample of a folder; returns how many figures differ."""
    differing = 0
    for name, (profile, checks) in SAMPLES.items():
        path = folder / name
        if not path.is_file():
            print(f"{name}\n  not in this folder")
            continue
        read = read_file(path, profile)
        if profile.is_edi:
            tight = {**profile.model_dump(), "format": {"kind": profile.format.kind}}
            STRICT[id(read)] = [hold.code.value for hold in read_file(path, Feed.model_validate(tight)).notes.holds]
        print(name)
        for label, got_of, expected in checks:
            got = got_of(read)
            differing += got != expected
            print(f"  {'ok ' if got == expected else 'BAD'} {label}: expected {expected}, got {got}")
        others = sorted(set(read.notes.warned) - {label.removeprefix("warnings ") for label, *_ in checks})
        print(f"  warnings: {', '.join(f'{code} {read.notes.warned[code]}' for code in others) or 'no others'}")
    print(f"{differing} figures differ" if differing else "every figure is as the READMEs say")
    return differing


def main() -> int:
    """Compare the files of one folder."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder
    if not folder.is_dir():
        print(f"{folder}: no such folder", file=sys.stderr)
        return 2
    return 1 if compare(folder) else 0


if __name__ == "__main__":
    sys.exit(main())

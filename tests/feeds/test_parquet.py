"""Parquet files: typed columns as texts."""

from __future__ import annotations

import base64
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import binding, parquet, parquet_claims, raw
from tests.feeds.reading import Read, bitten, feed, read

DAY = dt.date(2026, 11, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stock.parquet"


def columns(count: int = 1, **changes: Any) -> pa.Table:
    """A table with what every row needs."""
    usual = {"date": [DAY] * count, "store": ["7"] * count, "item": ["A-1"] * count, "stock": [5] * count}
    return pa.table({**usual, **changes})


def saved(path: Path, table: pa.Table, **options: Any) -> Path:
    """A table as a file."""
    pq.write_table(table, path, **options)
    return path


def stock(path: Path, values: Any, kind: pa.DataType | None = None, **changes: Any) -> list[str | None]:
    """Some values of a column, read."""
    return read(saved(path, columns(len(values), stock=pa.array(values, kind))), feed("parquet", **changes)).column(
        "stock"
    )


class TestValues:
    @pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint32(), pa.float64(), pa.float32()], ids=str)
    def test_whole_numbers_have_no_decimals(self, path: Path, kind: pa.DataType) -> None:
        assert stock(path, [5, 0, None], kind) == ["5", "0", None]

    def test_large_whole_numbers_keep_all_digits(self, path: Path) -> None:
        assert stock(path, [72470006431.0, 123456789012345.0], pa.float64()) == ["72470006431", "123456789012345"]
        assert stock(path, [2**63 - 1], pa.int64()) == ["9223372036854775807"]

    def test_a_number_that_may_have_lost_digits_keeps_its_exponent(self, path: Path) -> None:
        assert stock(path, [1.2e17], pa.float64()) == ["1.2e+17"]

    @pytest.mark.parametrize("kind", [pa.float64(), pa.float32()], ids=str)
    def test_fractions_have_the_digits_that_say_them(self, path: Path, kind: pa.DataType) -> None:
        assert stock(path, [0.1, -1.5, 0.00001], kind) == ["0.1", "-1.5", "0.00001"]

    def test_decimals_keep_their_zeros(self, path: Path) -> None:
        assert stock(path, [Decimal("1.10"), Decimal("-0.50")]) == ["1.10", "-0.50"]
        assert stock(path, [Decimal(0), Decimal("0.000001")], pa.decimal128(18, 8)) == ["0.00000000", "0.00000100"]

    def test_numbers_take_the_decimal_mark_of_the_feed(self, path: Path) -> None:
        form = {"decimal": ",", "thousands": "."}
        assert stock(path, [1234.5], pa.float64(), form=form) == ["1234,5"]
        assert stock(path, [Decimal("1234.50")], form=form) == ["1234,50"]
        assert stock(path, ["1.234,5"], form=form) == ["1.234,5"]

    def test_typed_numbers_survive_a_feed_with_a_decimal_comma(self, path: Path) -> None:
        profile = feed("parquet", form={"decimal": ",", "thousands": "."})
        (batch,) = read(saved(path, columns(2, stock=[1234.5, 0.25])), profile).batches
        assert binding.bind(batch, profile, None).rows["on_hand_units"].to_pylist() == [1234.5, 0.25]

    def test_nan_is_no_data(self, path: Path) -> None:
        values = pa.array([float("nan"), float("inf"), None, 1.0], from_pandas=False)
        assert stock(path, values) == [None, "inf", None, "1"]

    def test_booleans_are_texts(self, path: Path) -> None:
        assert stock(path, [True, False, None]) == ["TRUE", "FALSE", None]

    def test_a_column_of_nulls_is_blank(self, path: Path) -> None:
        assert stock(path, [None, None], pa.null()) == [None, None]

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ([DAY], pa.date32()),
            ([DAY], pa.date64()),
            ([dt.datetime.fromisoformat("2026-11-03T23:59:59")], pa.timestamp("ms")),
            ([dt.datetime.fromisoformat("2026-11-03T00:00:00")], pa.timestamp("ns")),
            (
                [dt.datetime(2026, 11, 3, 23, 59, tzinfo=ZoneInfo("America/New_York"))],
                pa.timestamp("us", "America/New_York"),
            ),
        ],
        ids=["date32", "date64", "ms", "ns", "zone"],
    )
    def test_days_and_moments_have_the_date_format_of_the_feed(
        self, path: Path, values: list[Any], kind: pa.DataType
    ) -> None:
        date = {"column": "date", "format": "%d.%m.%Y"}
        found = read(saved(path, columns(date=pa.array(values, kind))), feed("parquet", date=date))
        assert found.column("date") == ["03.11.2026"]

    def test_moments_are_iso_in_a_feed_without_a_date_format(self, path: Path) -> None:
        table = columns(2, when=[dt.datetime.fromisoformat("2026-11-03T08:30:00"), None])
        assert read(saved(path, table), feed("parquet", date={"source": "receipt"})).column("when") == [
            "2026-11-03 08:30:00",
            None,
        ]

    def test_times_of_day_are_texts(self, path: Path) -> None:
        assert read(saved(path, columns(at=[dt.time(8, 30)])), feed("parquet")).column("at") == ["08:30:00"]

    @pytest.mark.parametrize(
        "kind",
        [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int8(), pa.string())],
        ids=str,
    )
    def test_texts_come_as_they_are(self, path: Path, kind: pa.DataType) -> None:
        texts = ["0012", "", " 5 ", "Größe ☕", None]
        values = [text if text is None or not pa.types.is_binary(kind) else text.encode() for text in texts]
        assert stock(path, values, kind) == texts

    @pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.large_binary()], ids=str)
    def test_a_text_that_repeats_is_in_memory_once(self, path: Path, kind: pa.DataType) -> None:
        (batch,) = read(
            saved(path, columns(3, store=pa.array([b"7"] * 3, pa.binary()).cast(kind))), feed("parquet")
        ).batches
        assert batch.rows["store"].combine_chunks().dictionary.to_pylist() == ["7"]

    @pytest.mark.parametrize("kind", [pa.string(), pa.binary()], ids=str)
    def test_bytes_that_are_no_text_are_held(self, path: Path, kind: pa.DataType) -> None:
        values = pa.array([b"\xff\xfe", b"ok"], pa.binary()).view(kind)
        found = read(saved(path, columns(2, store=values)), feed("parquet"))
        assert found.holds == ["ENCODING"]
        assert not found.rows


class TestLayout:
    def test_the_line_is_the_number_of_the_row(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(raw, "BATCH_ROWS", 3)
        found = read(saved(path, columns(10), row_group_size=4), feed("parquet"))
        assert found.lines == list(range(1, 11))
        assert max(len(batch.rows) for batch in found.batches) == 3

    def test_wide_files_are_read_in_shorter_batches(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet, "BATCH_CELLS", 8)
        assert [len(batch.rows) for batch in read(saved(path, columns(5)), feed("parquet")).batches] == [2, 2, 1]

    def test_columns_have_the_names_of_the_feed(self, path: Path) -> None:
        table = columns().rename_columns(["Date", "store ", "ITEM.", "stock"])
        assert set(read(saved(path, table), feed("parquet")).rows[0]) == {"date", "store", "item", "stock", "line"}

    def test_a_column_named_line_is_not_the_line(self, path: Path) -> None:
        (row,) = read(saved(path, columns(line=["x"])), feed("parquet")).rows
        assert (row["line"], row["line (2)"]) == (1, "x")

    def test_a_missing_column_is_held(self, path: Path) -> None:
        found = read(saved(path, columns().drop_columns(["stock"])), feed("parquet"))
        assert found.holds == ["LAYOUT_CHANGED"]
        assert "`stock`" in found.why

    def test_a_column_of_lists_that_the_feed_uses_is_held(self, path: Path) -> None:
        found = read(saved(path, columns(stock=[[1, 2]])), feed("parquet"))
        assert found.holds == ["LAYOUT_CHANGED"]
        assert "`stock` have several parts" in found.why

    def test_other_columns_of_lists_are_left_out(self, path: Path) -> None:
        (row,) = read(saved(path, columns(tags=[["a"]], at=[{"dc": "1"}])), feed("parquet")).rows
        assert set(row) == {"date", "store", "item", "stock", "line"}

    def test_of_very_many_columns_those_of_the_feed_are_read(self, path: Path) -> None:
        more = {f"c{n}": [n] for n in range(250)}
        assert set(read(saved(path, columns(**more)), feed("parquet")).rows[0]) == {
            "date",
            "store",
            "item",
            "stock",
            "line",
        }

    def test_a_file_without_rows_is_held(self, path: Path) -> None:
        assert read(saved(path, columns(0)), feed("parquet")).holds == ["NO_ROWS"]

    def test_a_file_without_a_byte_is_held(self, path: Path) -> None:
        path.write_bytes(b"")
        assert read(path, feed("parquet")).holds == ["EMPTY"]


class TestDamage:
    def test_a_truncated_file_is_held(self, path: Path) -> None:
        whole = saved(path, columns(100)).read_bytes()
        for end in range(1, len(whole), 97):
            path.write_bytes(whole[:end])
            assert read(path, feed("parquet")).holds == ["TRUNCATED"], end

    def test_a_page_that_changed_on_the_way_is_held(self, path: Path) -> None:
        options = {"use_dictionary": False, "compression": "none", "write_page_checksum": True}
        whole = saved(path, columns(item=["needle"]), **options).read_bytes()
        path.write_bytes(whole.replace(b"\6\0\0\0needle", b"\6\0\0\0noodle"))
        assert read(path, feed("parquet")).holds == ["TRUNCATED"]

    def test_another_file_is_held(self, path: Path) -> None:
        path.write_bytes(b"date,store,item,stock\n2026-11-03,7,A-1,5\n")
        assert read(path, feed("parquet")).holds == ["TRUNCATED"]

    def test_fewer_rows_than_the_footer_says_are_held(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def some(self: pq.ParquetFile, *args: Any, **options: Any) -> Any:
            return (batch.slice(1) for batch in original(self, *args, **options))

        original = pq.ParquetFile.iter_batches
        monkeypatch.setattr(pq.ParquetFile, "iter_batches", some)
        assert read(saved(path, columns(10)), feed("parquet")).holds == ["TRUNCATED"]

    @pytest.mark.parametrize("in_the_open", [True, False], ids=["columns", "footer"])
    def test_an_encrypted_file_is_held(self, path: Path, in_the_open: bool) -> None:
        encrypted(path, in_the_open)
        assert read(path, feed("parquet")).holds == ["UNSAFE_CONTENT"]

    def test_more_rows_than_any_feed_has_are_held(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet_claims, "MOST_ROWS", 9)
        assert read(saved(path, columns(10)), feed("parquet")).holds == ["TOO_LARGE"]

    def test_a_row_group_that_fits_nowhere_is_held(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet_claims, "MOST_PAGE_BYTES", 20)
        assert read(saved(path, columns(10)), feed("parquet")).holds == ["TOO_LARGE"]


def encrypted(path: Path, in_the_open: bool) -> None:
    """A file with an encrypted column; `in_the_open` leaves its footer readable."""
    from pyarrow.parquet import encryption

    class Keys(encryption.KmsClient):  # type: ignore[misc]
        def wrap_key(self, key: bytes, _: str) -> bytes:
            return base64.b64encode(key)

    factory = encryption.CryptoFactory(lambda _: Keys())
    settings = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["stock"]}, plaintext_footer=in_the_open
    )
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), settings)
    with pq.ParquetWriter(path, columns().schema, encryption_properties=properties) as writer:
        writer.write_table(columns())


@given(st.lists(st.one_of(st.none(), st.floats(-1e14, 1e14, allow_nan=False)), min_size=1, max_size=20))
def test_every_number_means_what_it_meant(tmp_path_factory: pytest.TempPathFactory, values: list[float | None]) -> None:
    path = tmp_path_factory.mktemp("parquet") / "stock.parquet"
    found = stock(path, values, pa.float64())
    assert [None if text is None else float(text) for text in found] == values
    assert not any("e" in text for text in found if text)


def _whole() -> bytes:
    target = pa.BufferOutputStream()
    pq.write_table(columns(50, stock=[n / 4 for n in range(50)]), target)
    return target.getvalue().to_pybytes()  # type: ignore[no-any-return]


WHOLE = _whole()


@given(st.integers(4, len(WHOLE) - 900), st.binary(min_size=1, max_size=4))
def test_damage_of_a_page_ends_in_rows_or_a_hold(
    tmp_path_factory: pytest.TempPathFactory, at: int, bite: bytes
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "stock.parquet"
    path.write_bytes(bitten(WHOLE, [(at, bite)]))
    found: Read = read(path, feed("parquet"))
    assert found.holds or len(found.rows) == 50

"""What a Parquet file says of its own size, held against the file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import parquet_claims
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.thrift import DEEPEST, MOST_ELEMENTS, Compact, Damaged
from tests.feeds.reading import feed, read
from tests.feeds.thrift_files import Claims, number, written

WHOLE = st.integers(-(2**63), 2**63 - 1)
VALUES: Any = st.recursive(
    WHOLE | st.binary(max_size=20),
    lambda one: st.lists(WHOLE, max_size=20) | st.dictionaries(st.integers(1, 300), one | st.booleans(), max_size=4),
    max_leaves=10,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stock.parquet"


def checked(path: Path, **claims: Any) -> None:
    """Check a file that claims something."""
    path.write_bytes(Claims(**claims).file())
    parquet_claims.check(path)


class TestThrift:
    @given(st.dictionaries(st.integers(1, 300), VALUES | st.booleans(), max_size=6))
    def test_a_struct_says_what_was_written(self, struct: Any) -> None:
        letters = written(struct)
        reader = Compact(letters + b"more", 0, len(letters))
        assert (reader.struct(), reader.at) == (struct, len(letters))

    @given(st.binary(max_size=60))
    def test_whatever_the_bytes_are_nothing_behind_the_end_is_read(self, letters: bytes) -> None:
        reader = Compact(letters + b"\0" * 1000, 0, len(letters))
        with suppress(Damaged):
            reader.struct()
        assert reader.at <= len(letters)

    @pytest.mark.parametrize(
        ("letters", "what"),
        [
            (b"", "ends within a struct"),
            (b"\x16", "ends within a struct"),
            (b"\x16" + b"\xff" * 20, "a number without end"),
            (b"\x18" + number(2**31) + b"xx", "2,147,483,648 bytes where 2 are"),
            (b"\x19\xf6" + number(50) + b"\0" * 49, "a list of 50 elements"),
            (b"\x19\xf6" + number(MOST_ELEMENTS + 1) + b"\0" * (MOST_ELEMENTS + 1), "a list of 100,001 elements"),
            (b"\x1b\0", "a value of kind 11"),
            (b"\x1c" * (DEEPEST + 2), "structs within each other"),
            (b"\x19" * (DEEPEST + 3) + b"\0", "lists within each other"),
        ],
        ids=["nothing", "cut", "number", "text", "short list", "long list", "map", "deep structs", "deep lists"],
    )
    def test_damage_is_told(self, letters: bytes, what: str) -> None:
        with pytest.raises(Damaged, match=what):
            Compact(letters, 0, len(letters)).struct()

    def test_other_kinds_of_values_are_passed_over(self) -> None:
        letters = b"\x13\x07" + b"\x17" + b"\1" * 8 + b"\x19\x22\1\0" + b"\x16\x06\0"  # byte, double, two booleans, 3
        assert Compact(letters, 0, len(letters)).struct()[4] == 3


class TestClaims:
    def test_what_agrees_with_the_file_is_fine(self, path: Path) -> None:
        checked(path)

    @pytest.mark.parametrize(
        ("claims", "what"),
        [
            ({"rows": 4}, "4 rows, and its row groups have 3"),
            ({"rows": -1}, "below zero"),
            ({"page_values": 2}, "3 values has 2 in its pages"),
            ({"packed": 2**31 - 1}, "2,147,483,647 bytes where 40 are"),
            ({"packed": -1}, "below zero"),
            ({"unpacked": -1}, "below zero"),
            ({"entries": 11}, "a dictionary of 11 values in 10 bytes"),
            ({"beyond": 1000}, "outside the file"),
            ({"chunk": {9: 0}}, "outside the file"),
            ({"name": 5}, "a column without a name"),
            ({"column": {1: b"other.parquet"}}, "a column without its pages"),
            ({"chunk": {11: [4]}}, "a number is missing"),
            ({"footer": {4: 5}}, "a list is missing"),
            ({"footer": {4: [5]}}, "a list is missing"),
            ({"footer": {4: [{}]}}, "a number is missing"),
        ],
        ids=str,
    )
    def test_what_cannot_be_is_damage(self, path: Path, claims: dict[str, Any], what: str) -> None:
        with pytest.raises(Damaged, match=what):
            checked(path, **claims)

    @pytest.mark.parametrize(
        "claims",
        [
            {"unpacked": 70_000_000},
            {"dictionary": 70_000_000},
            {"dictionary": 5_000_000, "entries": 5_000_000},
            {"rows": 2**40, "group_rows": 2**40},
        ],
        ids=str,
    )
    def test_what_needs_too_much_memory_is_too_large(self, path: Path, claims: dict[str, Any]) -> None:
        with pytest.raises(Unreadable) as raised:
            checked(path, **claims)
        assert raised.value.hold.code.value == "TOO_LARGE"

    def test_more_bytes_in_the_file_may_need_more_memory(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet_claims, "FREE_BYTES", 0)
        checked(path, unpacked=70_000)
        with pytest.raises(Unreadable, match="need 200,042 bytes of memory"):
            checked(path, unpacked=200_000)

    def test_the_largest_page_of_a_column_counts(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        table = pa.table({"a": range(1030)})
        pq.write_table(table, path, use_dictionary=False, data_page_size=4000)  # 1,024 values, then 6
        monkeypatch.setattr(parquet_claims, "MOST_PAGE_BYTES", 1000)
        with pytest.raises(Unreadable, match="bytes of memory"):
            parquet_claims.check(path)

    def test_a_column_may_say_that_its_dictionary_begins_nowhere(self, path: Path) -> None:
        checked(path, chunk={9: 4, 11: 0})

    def test_a_file_that_ends_as_another_is_damage(self, path: Path) -> None:
        path.write_bytes(Claims().file()[:-1] + b"2")
        with pytest.raises(Damaged, match="does not end as a Parquet file"):
            parquet_claims.check(path)

    def test_a_footer_that_is_too_long_is_too_large(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet_claims, "MOST_FOOTER_BYTES", 20)
        with pytest.raises(Unreadable, match="the footer has"):
            checked(path)

    def test_a_footer_that_begins_before_the_file_is_damage(self, path: Path) -> None:
        path.write_bytes(b"PAR1\0\0\0\0" + b"\xff\xff\xff\x7fPAR1")
        with pytest.raises(Damaged, match="a footer of 2,147,483,647 bytes"):
            parquet_claims.check(path)

    @pytest.mark.parametrize("rows", [0, 1, 5000])
    @pytest.mark.parametrize(
        "options", [{}, {"row_group_size": 700}, {"data_page_version": "2.0"}, {"compression": "none"}]
    )
    def test_no_file_that_arrow_writes_claims_what_cannot_be(
        self, path: Path, rows: int, options: dict[str, Any]
    ) -> None:
        table = pa.table({"a": ["x" * (n % 7) for n in range(rows)], "b": [[n] * (n % 3) for n in range(rows)]})
        pq.write_table(table, path, data_page_size=1000, **options)
        parquet_claims.check(path)


def test_arrow_is_not_asked_for_what_a_damaged_file_claims(path: Path) -> None:
    path.write_bytes(Claims(packed=2**31 - 1, unpacked=2**31 - 1).file())
    found = read(path, feed("parquet"))
    assert (found.holds, "2,147,483,647 bytes where 40 are" in found.why) == (["TRUNCATED"], True)

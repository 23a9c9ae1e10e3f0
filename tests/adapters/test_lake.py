"""The lake: partitions are replaced whole, in one commit, by files of bounded memory."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Schema

from include.stockwatch.adapters import parts
from include.stockwatch.adapters.lake import Lake
from include.stockwatch.domain.columns import OBSERVATIONS
from include.stockwatch.errors import LakeTooOld

DATES = [dt.date(2026, 11, day) for day in (1, 2, 3)]
CODED = pa.dictionary(pa.int32(), pa.string())


def rows(feed_id: str, units: float, dates: list[dt.date] = DATES, items: int = 3) -> pa.Table:
    """Observations of some items on some dates, the dates mixed."""
    given: dict[str, Any] = {
        "feed_id": [feed_id] * items * len(dates),
        "business_date": dates * items,
        "location_id": ["0001"] * items * len(dates),
        "item_id": [f"item {item}" for item in range(items) for _ in dates],
        "on_hand_units": [units] * items * len(dates),
        "line": list(range(items * len(dates))),
    }
    schema = OBSERVATIONS.to_pyarrow()
    return pa.table(
        [
            pa.array(given[field.name], field.type) if field.name in given else pa.nulls(items * len(dates), field.type)
            for field in schema
        ],
        schema=schema,
    )


def found(lake: Lake) -> list[tuple[dt.date, str, float]]:
    """What the table of observations has."""
    table = lake.engine.to_pyarrow(lake.table("observations").order_by("business_date", "item_id"))
    return [(row["business_date"], row["item_id"], row["on_hand_units"]) for row in table.to_pylist()]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake in a folder whose name has a blank."""
    return Lake(tmp_path / "a lake")


def test_only_the_dates_that_are_named_are_replaced(lake: Lake) -> None:
    lake.replace_dates("observations", rows("a", 1.0), DATES, "a")
    lake.replace_dates("observations", rows("a", 2.0, DATES[:1], items=1), DATES[:2], "a")
    assert found(lake) == [
        (DATES[0], "item 0", 2.0),
        *((DATES[2], f"item {item}", 1.0) for item in range(3)),
    ]


def test_an_earlier_version_has_the_rows_that_it_had(lake: Lake) -> None:
    lake.replace_dates("observations", rows("a", 1.0), DATES, "a")
    lake.replace_dates("observations", rows("a", 2.0), DATES, "a")
    table = DeltaTable(lake.root / "observations", version=0)
    before = pa.table(pa.RecordBatchReader.from_stream(table.scan()).read_all())
    assert before["on_hand_units"].to_pylist() == [1.0] * 9
    assert lake.version("observations") == 1


def test_a_folder_of_files_may_be_taken_over_twice(lake: Lake, tmp_path: Path) -> None:
    with lake.parts("observations", tmp_path / "staged") as staged:
        staged.add(rows("a", 1.0))
    lake.replace_dates("observations", tmp_path / "staged", DATES, "a")
    once = found(lake)
    lake.replace_dates("observations", tmp_path / "staged", DATES, "a")
    assert found(lake) == once
    assert len(once) == 9


def test_a_file_system_without_second_names_is_served_by_copies(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(1, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuses)
    with lake.parts("observations", tmp_path / "staged") as staged:
        staged.add(rows("a", 1.0))
    lake.replace_dates("observations", tmp_path / "staged", DATES, "a")
    assert len(found(lake)) == 9


def test_of_two_writers_of_one_feed_at_once_one_replaces_the_other(tmp_path: Path) -> None:
    for number in range(4):
        lakes = [Lake(tmp_path / f"lake{number}") for _ in range(4)]
        lakes[0].replace_dates("observations", rows("b", 7.0), DATES, "b")  # the table exists, the feed's dates do not
        with ThreadPoolExecutor(len(lakes)) as pool:
            writes = [
                pool.submit(lake.replace_dates, "observations", rows("a", float(units)), DATES, "a")
                for units, lake in enumerate(lakes)
            ]
            for write in writes:
                write.result()
        table = lakes[0].table("observations", feeds=["a"])
        units = lakes[0].engine.to_pyarrow(table)["on_hand_units"].to_pylist()
        assert len(units) == 9
        assert len(set(units)) == 1


def test_files_say_how_many_rows_they_have_and_of_which_items(lake: Lake) -> None:
    lake.replace_dates("observations", rows("a", 1.0, DATES[:1]), DATES[:1], "a")
    actions = DeltaTable(lake.root / "observations").get_add_actions(flatten=True)
    (said,) = pa.table(actions).to_pylist()
    assert (said["num_records"], said["min.item_id"], said["max.item_id"]) == (3, "item 0", "item 2")


def test_texts_that_are_coded_in_memory_are_plain_texts_in_the_table(lake: Lake, tmp_path: Path) -> None:
    table = rows("a", 1.0)
    table = table.set_column(
        table.column_names.index("item_id"), "item_id", table["item_id"].combine_chunks().dictionary_encode()
    )
    with lake.parts("observations", tmp_path / "staged") as staged:
        staged.add(table)
    lake.replace_dates("observations", tmp_path / "staged", DATES, "a")
    for file in DeltaTable(lake.root / "observations").file_uris():
        assert pq.read_schema(file.replace("%20", " ")).field("item_id").type == pa.string()
    pandas = DeltaTable(lake.root / "observations").to_pandas()
    assert sorted(set(pandas["item_id"])) == ["item 0", "item 1", "item 2"]


def test_rows_of_many_dates_reach_their_partitions_with_few_files_open(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST_BYTES", 1)
    monkeypatch.setattr(parts, "MOST_OPEN", 2)
    with lake.parts("observations", tmp_path / "staged") as staged:
        for item in range(5):
            staged.add(rows("a", float(item), items=1))
    lake.replace_dates("observations", tmp_path / "staged", DATES, "a")
    assert sorted(units for _, _, units in found(lake)) == sorted([float(item) for item in range(5)] * 3)


def test_a_table_that_is_parted_in_another_way_is_left_as_it_is(lake: Lake) -> None:
    DeltaTable.create(
        lake.root / "observations", Schema.from_arrow(OBSERVATIONS.to_pyarrow()), partition_by=["feed_id"]
    )
    with pytest.raises(LakeTooOld, match="`observations` is parted by feed_id, this version"):
        lake.replace_dates("observations", rows("a", 1.0), DATES, "a")
    assert (lake.version("observations"), found(lake)) == (0, [])


def test_what_breaks_off_while_it_is_written_is_not_published(lake: Lake) -> None:
    def breaks() -> Any:
        yield rows("a", 1.0).to_batches()[0]
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        lake.replace_dates("observations", breaks, DATES, "a")
    assert lake.version("observations") is None
    assert [path for path in lake.root.rglob("*") if path.is_file()] == []

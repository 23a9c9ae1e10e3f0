"""Several rows for one date, location and item."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pyarrow as pa
import pytest

from include.stockwatch.domain.repeats import Repeats, merged
from include.stockwatch.domain.reported import MEASURES
from tests.domain.tables import engine

DATE = dt.date(2026, 11, 1)


def row(line: int, **values: Any) -> dict[str, Any]:
    """One bound row of one series and date."""
    blank = dict.fromkeys((*MEASURES, "price", "item_name", "location_name", "category"))
    key = {"business_date": DATE, "location_id": "0001", "item_id": "oat", "source": 0, "flow_days": 1}
    made = {**blank, **key, "line": line, **values}
    return {"place": made["source"] * 1000 + line, **made}


SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("business_date", pa.date32()),
        ("flow_days", pa.int64()),
        ("location_id", pa.string()),
        ("item_id", pa.string()),
        ("item_name", pa.string()),
        ("location_name", pa.string()),
        ("category", pa.string()),
        *((name, pa.float64()) for name in MEASURES),
        ("price", pa.float64()),
        ("source", pa.int64()),
        ("place", pa.int64()),
    ]
)


def merge(rows: list[dict[str, Any]], repeats: Repeats) -> list[dict[str, Any]]:
    """The merged rows."""
    table = ibis.memtable(pa.Table.from_pylist(rows, schema=SCHEMA))
    return list(engine().to_pyarrow(merged(table, repeats, "place")).to_pylist())


def test_values_of_different_measures_stand_side_by_side() -> None:
    rows = [row(3, on_hand_units=120.0), row(7, units_sold=48.0, flow_days=7)]
    (found,) = merge(rows, Repeats.REJECT)
    assert (found["on_hand_units"], found["units_sold"], found["flow_days"]) == (120.0, 48.0, 7)
    assert (found["line"], found["inputs"], found["is_conflict"]) == (3, 2, False)


@pytest.mark.parametrize(
    ("repeats", "expected", "conflict"),
    [(Repeats.SUM, 3.0, False), (Repeats.LAST, 1.0, False), (Repeats.REJECT, 2.0, True), (Repeats.COLLAPSE, 2.0, True)],
)
def test_two_values_of_one_measure_mean_what_the_partner_says(
    repeats: Repeats, expected: float, conflict: bool
) -> None:
    (found,) = merge([row(1, units_sold=2.0), row(2, units_sold=1.0)], repeats)
    assert (found["units_sold"], found["is_conflict"]) == (expected, conflict)


def test_the_same_row_twice_collapses_to_one() -> None:
    (found,) = merge([row(1, units_sold=2.0), row(2, units_sold=2.0)], Repeats.COLLAPSE)
    assert (found["units_sold"], found["is_conflict"], found["inputs"]) == (2.0, False, 2)


def test_the_last_value_is_the_last_that_says_something() -> None:
    rows = [row(1, units_sold=2.0, price=3.5), row(2, units_sold=None, price=None, on_hand_units=1.0)]
    (found,) = merge(rows, Repeats.LAST)
    assert (found["units_sold"], found["price"], found["on_hand_units"]) == (2.0, 3.5, 1.0)


def test_a_later_member_of_an_archive_is_later_whatever_its_line() -> None:
    rows = [row(9, units_sold=2.0), row(1, units_sold=5.0, source=1)]
    assert merge(rows, Repeats.LAST)[0]["units_sold"] == 5.0


def test_two_rows_that_report_nothing_contradict_each_other() -> None:
    assert merge([row(1), row(2)], Repeats.REJECT)[0]["is_conflict"] is True


def test_sums_are_exact() -> None:
    (found,) = merge([row(n, units_sold=0.1) for n in range(1, 11)], Repeats.SUM)
    assert found["units_sold"] == 1.0

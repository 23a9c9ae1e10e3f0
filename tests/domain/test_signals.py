"""What complaints say about a shelf: which count, how much, and for whom."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import ibis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.columns import AVAILABILITY, COMPLAINTS, ITEMS
from include.stockwatch.domain.customer_signals import MAX_EXTRACT, extract
from include.stockwatch.domain.signals import (
    NotFound,
    evidence,
    learned_ratio,
    not_found,
    shelf_known,
    stored,
    with_complaints,
)
from tests.domain.tables import ITEM, PARTNER, STORE, day, rows_of, table
from tests.strategies import NASTY

PLAIN = NotFound(ratio=10, most_counted=3, memory_days=14)
RUNS = ibis.schema(
    {
        "as_of": "date",
        "partner": "string",
        "location_id": "string",
        "item_id": "string",
        "run_start_date": "date",
        "demand_units_per_day": "float64",
    }
)


def complaint(number: int, location: str | None = STORE, *, count: int = 1, **more: Any) -> dict[str, Any]:
    """Somebody could not find the item on a day."""
    row: dict[str, Any] = dict.fromkeys(COMPLAINTS.names)
    row |= {"feed_id": "voice", "partner": PARTNER, "item_id": ITEM, "location_id": location, "kind": "could_not_find"}
    return row | {"business_date": day(number), "complaints": count} | more


def run(location: str = STORE, *, since: int | None = 5, on: int = 10, rate: float | None = 2.0) -> dict[str, Any]:
    """A series that has been silent since a day."""
    start = None if since is None else day(since)
    key = {"as_of": day(on), "partner": PARTNER, "location_id": location, "item_id": ITEM}
    return key | {"run_start_date": start, "demand_units_per_day": rate}


def told(runs: Iterable[dict[str, Any]], complaints: Iterable[dict[str, Any]]) -> dict[str, tuple[int, int, float]]:
    """Complaints here, somewhere and their log odds, by location."""
    found = with_complaints(table(runs, RUNS), not_found(table(complaints, COMPLAINTS)), PLAIN)
    return {
        row["location_id"]: (row["complaints_here"], row["complaints_somewhere"], row["complaint_log_odds"])
        for row in rows_of(found)
    }


def test_complaints_of_the_silent_run_count_and_earlier_or_later_ones_do_not() -> None:
    said = [complaint(4), complaint(5), complaint(10, count=2), complaint(11)]
    assert told([run()], said)[STORE][:2] == (3, 0)


def test_a_complaint_at_the_store_multiplies_the_odds_by_the_ratio() -> None:
    assert told([run()], [complaint(6)])[STORE][2] == pytest.approx(math.log(10))


def test_more_than_a_few_complaints_of_one_shelf_say_no_more() -> None:
    assert told([run()], [complaint(6, count=500)])[STORE][2] == pytest.approx(3 * math.log(10))


def test_a_complaint_without_a_store_is_shared_by_demand() -> None:
    runs = [run("0001", rate=3.0), run("0002", rate=1.0)]
    found = told(runs, [complaint(6, None)])
    assert found["0001"] == (0, 1, pytest.approx(math.log(1 + 9 * 0.75)))
    assert found["0002"] == (0, 1, pytest.approx(math.log(1 + 9 * 0.25)))


def test_a_complaint_without_a_store_says_the_same_as_one_with_it_where_there_is_one_store() -> None:
    assert told([run()], [complaint(6, None)])[STORE][2] == pytest.approx(math.log(10))


def test_a_series_without_a_demand_counts_as_an_average_one() -> None:
    found = told([run("0001", rate=None), run("0002", rate=3.0)], [complaint(6, None)])
    assert found["0001"][2] == pytest.approx(found["0002"][2])


def test_without_a_last_sign_of_life_complaints_of_the_memory_count() -> None:
    assert told([run(since=None, on=20)], [complaint(6), complaint(7)])[STORE][0] == 1


def test_a_series_without_complaints_stays_and_gains_nothing() -> None:
    assert told([run(), run("0002")], [complaint(6)])["0002"] == (0, 0, 0.0)


@pytest.mark.parametrize("other", [{"kind": "quality"}, {"item_id": None}, {"partner": ""}, {"partner": "westway"}])
def test_other_complaints_say_nothing_about_a_shelf(other: dict[str, Any]) -> None:
    assert told([run()], [complaint(6, **other)])[STORE] == (0, 0, 0.0)


def test_an_own_number_of_a_complaint_means_the_item_that_the_master_stores() -> None:
    item: dict[str, Any] = dict.fromkeys(ITEMS.names)
    item |= {"partner": PARTNER, "item_id": ITEM, "partner_item_id": "014101", "packs": None}
    said = [complaint(6, item_id="014101"), complaint(6, item_id="other"), complaint(6, item_id=None)]
    found = stored(table(said, COMPLAINTS), table([item], ITEMS))
    assert sorted(str(row["item_id"]) for row in rows_of(found)) == ["None", ITEM, "other"]


def available(number: int, location: str, status: str, *, sold: int | None = None) -> dict[str, Any]:
    """One row of the availability table."""
    row: dict[str, Any] = dict.fromkeys(AVAILABILITY.names)
    key = {"business_date": day(number), "partner": PARTNER, "location_id": location, "item_id": ITEM}
    return row | key | {"status": status, "demand_units_per_day": 2.0, "last_sale_date": sold and day(sold)}


def test_the_ratio_is_learnt_only_where_the_shelf_is_known() -> None:
    days = [
        available(5, "0001", "out_of_stock"),
        available(5, "0002", "in_stock", sold=5),
        available(5, "0003", "in_stock", sold=4),  # silent: nobody knows
    ]
    said = [complaint(5, "0001", count=2), complaint(5, "0002"), complaint(5, "0003"), complaint(5, None)]
    (found,) = rows_of(shelf_known(table(days, AVAILABILITY), not_found(table(said, COMPLAINTS))))
    assert found == {"out_complaints": 2, "out_units": 2.0, "full_complaints": 1, "full_units": 2.0}


def test_many_known_complaints_outweigh_the_ratio_of_the_settings() -> None:
    assert learned_ratio(15, 0, 0, 0, 0) == 15
    assert learned_ratio(15, 4000, 1000, 8000, 20_000) == pytest.approx(10, rel=0.01)
    assert learned_ratio(15, 1, 10, 1, 10) == pytest.approx(15, rel=0.3)


@given(st.floats(1, 100), *[st.floats(0, 1e6)] * 4)
def test_a_learnt_ratio_never_speaks_against_an_empty_shelf(
    prior: float, a: float, b: float, c: float, d: float
) -> None:
    assert 1 <= learned_ratio(prior, a, b, c, d) <= 100


def test_evidence_names_the_silent_shoppers_as_a_published_ratio() -> None:
    assert evidence(3, 1, day(2), NotFound()) == (
        "4 complaints since 2026-11-03 that it could not be found (1 without a store); published ratios put about 200 "
        "(104 to 400) silent shoppers behind that, which no figure counts"
    )
    assert evidence(0, 0, day(2), NotFound()) == ""


def test_an_extract_tells_no_address_and_no_number() -> None:
    said = "Anna <anna@example.com>, +49 171 5550199:\nno oat bars,\u202e see https://x.example/a?b"
    assert extract(said) == "Anna [address] [number]: no oat bars, see [address]"


@given(st.sampled_from(NASTY) | st.text(max_size=400))
def test_an_extract_is_one_bounded_line_and_stays_as_it_is(text: str) -> None:
    kept = extract(text)
    assert len(kept) <= MAX_EXTRACT
    assert len(kept.splitlines()) <= 1
    assert extract(kept) == kept

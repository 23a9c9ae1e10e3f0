"""From the rows that partners sent to one row per series and day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.columns import REJECTS
from include.stockwatch.domain.daily import daily, joined, with_blind_rows
from include.stockwatch.domain.reported import MEASURES, AbsentMeans
from tests.domain.tables import (
    FEED,
    FIRST,
    ITEM,
    PARTNER,
    STORE,
    day,
    observation,
    observations,
    rows_of,
    series,
    table,
)

DELIVERED = ibis.schema({"feed_id": "string", "business_date": "date"})
EVERY_DAY = range(1, 8)


def filled(
    rows: Iterable[Mapping[str, Any]],
    means: AbsentMeans | Mapping[str, AbsentMeans],
    *,
    delivered: Iterable[int] = EVERY_DAY,
    days: tuple[int, int] = (1, 7),
) -> dict[tuple[str, int], dict[str, Any]]:
    """Daily rows by (location, day)."""
    by_feed = {FEED: means} if isinstance(means, AbsentMeans) else means
    came = [{"feed_id": feed, "business_date": day(number)} for feed in by_feed for number in delivered]
    first, last = (day(number) for number in days)
    found = rows_of(daily(observations(rows), table(came, DELIVERED), by_feed, first, last))
    keyed = {(row["location_id"], (row["business_date"] - FIRST).days + 1): row for row in found}
    assert len(keyed) == len(found), "a series has two rows on a day"
    return keyed


def stock_and_sales(rows: Mapping[tuple[str, int], Mapping[str, Any]]) -> dict[int, tuple[Any, Any]]:
    """(on_hand_units, units_sold) of the only series, by day."""
    return {number: (row["on_hand_units"], row["units_sold"]) for (_, number), row in sorted(rows.items())}


SENT = {2: (8, 3), 5: (4, 1)}


def test_an_absent_row_that_means_unknown_stays_absent() -> None:
    assert stock_and_sales(filled(series(SENT), AbsentMeans.UNKNOWN)) == SENT


def test_a_price_of_zero_is_no_price() -> None:
    """Or what is lost would be worth nothing, and the day one of a promotion."""
    rows = filled([observation(1, 8, 3, price=0.0), observation(2, 8, 3, price=2.5)], AbsentMeans.UNKNOWN)
    assert [row["price"] for _, row in sorted(rows.items())] == [None, 2.5]


def test_an_absent_row_that_means_unchanged_holds_the_stock_and_sells_nothing() -> None:
    assert stock_and_sales(filled(series(SENT), AbsentMeans.UNCHANGED)) == {
        # nothing is known before the first row
        2: (8, 3),
        3: (8, 0),
        4: (8, 0),
        5: (4, 1),
        6: (4, 0),
        7: (4, 0),
    }


def test_an_absent_row_that_means_zero_has_no_stock_and_sells_nothing() -> None:
    assert stock_and_sales(filled(series(SENT), AbsentMeans.ZERO)) == {
        2: (8, 3),
        3: (0, 0),
        4: (0, 0),
        5: (4, 1),
        6: (0, 0),
        7: (0, 0),
    }


MORE = {"on_order_units": 6.0, "in_transit_units": 2.0, "received_units": 5.0, "returned_units": 1.0}
NAMED = {"price": 2.5, "currency": "USD", "item_name": "Oat Bar", "location_name": "Reno", "category": "Snacks"}


@pytest.mark.parametrize(
    ("means", "still_coming"),
    [(AbsentMeans.UNCHANGED, (6.0, 2.0)), (AbsentMeans.ZERO, (0.0, 0.0))],
)
def test_a_filled_day_keeps_the_names_and_repeats_no_movement(
    means: AbsentMeans, still_coming: tuple[float, float]
) -> None:
    rows = filled([observation(2, 8, 3, **MORE, **NAMED)], means, days=(1, 3))
    quiet = rows[STORE, 3]
    assert (quiet["on_order_units"], quiet["in_transit_units"]) == still_coming
    assert (quiet["received_units"], quiet["returned_units"]) == (0, 0)
    assert {name: quiet[name] for name in NAMED} == NAMED
    own = rows[STORE, 2]
    assert {name: own[name] for name in MORE} == MORE


@pytest.mark.parametrize("means", [AbsentMeans.UNCHANGED, AbsentMeans.ZERO])
def test_a_day_on_which_nothing_was_delivered_has_no_row(means: AbsentMeans) -> None:
    rows = filled(series(SENT), means, delivered=(2, 3, 5, 7))
    assert sorted(number for _, number in rows) == [2, 3, 5, 7]


@pytest.mark.parametrize(
    ("means", "on_hand"), [(AbsentMeans.UNCHANGED, 8), (AbsentMeans.ZERO, 0), (AbsentMeans.UNKNOWN, None)]
)
def test_a_row_from_before_the_first_day_still_says_what_absent_rows_mean(
    means: AbsentMeans, on_hand: float | None
) -> None:
    rows = stock_and_sales(filled(series({1: (8, 3)}), means, days=(4, 5)))
    assert rows == ({} if on_hand is None else {4: (on_hand, 0), 5: (on_hand, 0)})


@pytest.mark.parametrize("means", AbsentMeans)
def test_rows_after_the_last_day_are_left_out(means: AbsentMeans) -> None:
    rows = filled(series({2: (8, 3), 3: (7, 1), 6: (0, 0)}), means, days=(1, 3))
    assert stock_and_sales(rows) == {2: (8, 3), 3: (7, 1)}


def test_stock_that_was_not_reported_stays_not_reported_until_the_next_row() -> None:
    rows = filled(series({1: (8, 3), 2: (None, None), 4: (5, 0)}), AbsentMeans.UNCHANGED, days=(1, 4))
    assert stock_and_sales(rows) == {1: (8, 3), 2: (None, None), 3: (None, None), 4: (5, 0)}


def test_an_order_that_was_never_reported_does_not_become_zero_orders() -> None:
    rows = filled([observation(1, 8, 3)], AbsentMeans.ZERO, days=(1, 2))
    assert rows[STORE, 2]["on_order_units"] is None


def test_each_series_is_filled_by_itself() -> None:
    rows = filled(
        series({1: (8, 3)}, location_id="0118") + series({2: (5, 1)}, location_id="0204"),
        AbsentMeans.UNCHANGED,
        days=(1, 3),
    )
    assert {key: row["on_hand_units"] for key, row in rows.items()} == {
        ("0118", 1): 8,
        ("0118", 2): 8,
        ("0118", 3): 8,
        ("0204", 2): 5,
        ("0204", 3): 5,
    }


def test_each_feed_has_its_own_meaning() -> None:
    means = {"counts": AbsentMeans.UNKNOWN, "movements": AbsentMeans.UNCHANGED, "stocked": AbsentMeans.ZERO}
    rows = [observation(1, 8, 3, feed_id=feed, location_id=feed) for feed in means]
    found = filled(rows, means, days=(1, 2))
    assert {key: row["on_hand_units"] for key, row in found.items()} == {
        ("counts", 1): 8,
        ("movements", 1): 8,
        ("movements", 2): 8,
        ("stocked", 1): 8,
        ("stocked", 2): 0,
    }


def test_rows_of_other_feeds_are_left_out() -> None:
    rows = [observation(1, 8, 3), observation(1, 8, 3, feed_id="removed", location_id="9999")]
    assert list(filled(rows, AbsentMeans.UNKNOWN)) == [(STORE, 1)]


DELIVERIES = ibis.schema({**DELIVERED, "delivery_id": "string"})


def reject(number: int, **more: Any) -> dict[str, Any]:
    """A row that came and could not be read."""
    row: dict[str, Any] = dict.fromkeys(REJECTS.names)
    row |= {"feed_id": FEED, "partner": PARTNER, "location_id": STORE, "item_id": ITEM, "business_date": day(number)}
    return row | {"delivery_id": "new", "line": 7, "code": "NOT_A_NUMBER"} | more


def filled_with_rejects(
    rejects: Iterable[Mapping[str, Any]], means: AbsentMeans, sent: Mapping[int, tuple[float, float]]
) -> dict[int, tuple[Any, Any]]:
    """(on_hand_units, units_sold) of days 1 to 4, all of them delivered by the delivery `new`."""
    came = table(
        [{"feed_id": FEED, "business_date": day(number), "delivery_id": "new"} for number in range(1, 5)], DELIVERIES
    )
    told = with_blind_rows(observations(series(sent, delivery_id="new")), table(rejects, REJECTS), came)
    found = rows_of(daily(told, came, {FEED: means}, day(1), day(4)))
    return {
        (row["business_date"] - FIRST).days + 1: (row["on_hand_units"], row["units_sold"])
        for row in sorted(found, key=lambda row: row["business_date"])
    }


def test_a_rejected_row_is_not_an_absent_row_that_means_zero() -> None:
    found = filled_with_rejects([reject(2)], AbsentMeans.ZERO, {1: (8, 3)})
    assert {number: stock for number, (stock, _) in found.items()} == {1: 8, 2: None, 3: 0, 4: 0}


def test_after_a_rejected_row_nothing_is_unchanged_until_the_next_one_that_can_be_read() -> None:
    found = filled_with_rejects([reject(2)], AbsentMeans.UNCHANGED, {1: (8, 3), 4: (5, 1)})
    assert {number: stock for number, (stock, _) in found.items()} == {1: 8, 2: None, 3: None, 4: 5}


@pytest.mark.parametrize("means", [AbsentMeans.ZERO, AbsentMeans.UNCHANGED])
@pytest.mark.parametrize(("said_by", "stock"), [("new", 6), ("earlier", None)])
def test_what_was_read_of_a_series_counts_unless_an_earlier_delivery_said_it(
    means: AbsentMeans, said_by: str, stock: float | None
) -> None:
    came = table([{"feed_id": FEED, "business_date": day(2), "delivery_id": "new"}], DELIVERIES)
    told = with_blind_rows(observations(series({2: (6, 1)}, delivery_id=said_by)), table([reject(2)], REJECTS), came)
    (row,) = rows_of(daily(told, came, {FEED: means}, day(1), day(4)))
    assert row["on_hand_units"] == stock


@pytest.mark.parametrize("other", [{"delivery_id": "replaced"}, {"location_id": None}, {"item_id": None}])
def test_a_reject_of_a_replaced_delivery_or_of_no_series_blinds_nothing(other: dict[str, Any]) -> None:
    found = filled_with_rejects([reject(2, **other)], AbsentMeans.ZERO, {1: (8, 3)})
    assert found == {1: (8, 3), 2: (0, 0), 3: (0, 0), 4: (0, 0)}


# --- one feed adds to the series of another ---------------------------------------------------------------------------

SALES = "northfield_sales"
DATES = ibis.schema({"business_date": "date"})


def together(
    stock: Iterable[Mapping[str, Any]],
    sales: Iterable[Mapping[str, Any]],
    means: AbsentMeans = AbsentMeans.UNKNOWN,
    *,
    came: Iterable[int] = EVERY_DAY,
    measures: Iterable[str] = ("units_sold",),
) -> dict[tuple[str, int], dict[str, Any]]:
    """Daily rows by (location, day) of a feed that lists all it has, and what one of sales adds to them."""
    delivered = table([{"feed_id": FEED, "business_date": day(number)} for number in EVERY_DAY], DELIVERED)
    rows = daily(observations(stock), delivered, {FEED: AbsentMeans.UNKNOWN}, day(1), day(7))
    dates = table([{"business_date": day(number)} for number in came], DATES)
    added = observations([{**row, "feed_id": FEED} for row in sales])
    found = rows_of(joined(rows, added, dates, set(measures), means))
    keyed = {(row["location_id"], (row["business_date"] - FIRST).days + 1): row for row in found}
    assert len(keyed) == len(found), "a series has two rows on a day"
    return keyed


def stock_only(numbers: Iterable[int], **more: Any) -> list[dict[str, Any]]:
    return [observation(number, 8, **more) for number in numbers]


@pytest.mark.parametrize(
    ("means", "of_day_3"), [(AbsentMeans.UNKNOWN, None), (AbsentMeans.UNCHANGED, 0), (AbsentMeans.ZERO, 0)]
)
def test_what_a_file_leaves_out_is_what_its_absence_means_and_a_file_that_did_not_come_says_nothing(
    means: AbsentMeans, of_day_3: float | None
) -> None:
    rows = together(stock_only((1, 2, 3)), [observation(1, sold=3)], means, came=(1, 3))
    assert stock_and_sales(rows) == {1: (8, 3), 2: (8, None), 3: (8, of_day_3)}


def test_what_the_other_feed_never_named_is_left_out_as_well() -> None:
    """Or an item that never sells would not be known to."""
    rows = together(stock_only((1,), location_id="0204"), [observation(1, sold=3)], AbsentMeans.ZERO)
    assert rows["0204", 1]["units_sold"] == 0


def test_sales_without_stock_are_told_and_say_nothing_of_stock() -> None:
    rows = together(stock_only((1,)), [observation(number, sold=3, item_name="Oat") for number in (1, 2)])
    assert stock_and_sales(rows) == {1: (8, 3), 2: (None, 3)}
    assert [(row["feed_id"], row["item_name"]) for row in rows.values()] == [(FEED, "Oat")] * 2


def test_names_and_prices_are_those_of_the_feed_itself_where_it_has_them() -> None:
    stock = stock_only((1,), item_name="Oat Bar", price=2.5, currency="USD") + stock_only((2,))
    rows = together(stock, [observation(number, sold=1, item_name="OAT", price=3.0) for number in (1, 2)])
    assert [(row["item_name"], row["price"]) for _, row in sorted(rows.items())] == [("Oat Bar", 2.5), ("OAT", 3.0)]


def test_only_what_the_other_feed_reports_is_taken_from_it() -> None:
    told = dict.fromkeys(MEASURES, 1.0)
    (row,) = together([observation(1, **told)], [observation(1, **dict.fromkeys(MEASURES, 5.0))]).values()
    assert {name: row[name] for name in MEASURES} == {**told, "units_sold": 5.0}


def test_sales_of_a_week_are_those_of_its_days_and_so_are_sales_that_a_week_lacks() -> None:
    sales = [observation(7, sold=14, flow_days=7)]
    rows = together(stock_only((7,)) + stock_only((7,), location_id="0204"), sales, AbsentMeans.ZERO)
    told = {place: (row["units_sold"], row["flow_days"]) for (place, _), row in rows.items()}
    assert told == {STORE: (2, 7), "0204": (0, 7)}


@pytest.mark.parametrize(("measure", "days"), [("on_order_units", 7), ("units_sold", None)])
def test_the_days_that_movements_cover_are_those_of_the_feed_that_reports_them(measure: str, days: int | None) -> None:
    stock = stock_only((7,), flow_days=7, received_units=14.0)
    (row,) = together(stock, [observation(7, **{measure: 4.0})], measures=[measure]).values()
    assert (row[measure], row["flow_days"]) == (4, days)


FIGURES = st.none() | st.sampled_from((0.0, 1.0, 4.0))
TOLD = st.fixed_dictionaries({name: FIGURES for name in ("on_hand_units", "units_sold", "returned_units", "price")})


@given(
    told=st.dictionaries(st.tuples(st.sampled_from((STORE, "0204")), st.integers(1, 4)), TOLD, max_size=8),
    lists_all=st.booleans(),
)
def test_a_report_in_two_files_is_the_report_in_one(
    told: dict[tuple[str, int], dict[str, float | None]], lists_all: bool
) -> None:
    """Whether the file of sales lists all, or leaves out what did not move and says so."""
    moved = ("units_sold", "returned_units")
    if not lists_all:
        told = {key: row | {name: row[name] or 0.0 for name in moved} for key, row in told.items()}
    whole = [observation(date, location_id=place, **row) for (place, date), row in told.items()]
    stock = [row | dict.fromkeys(moved) for row in whole]
    sales = [row | {"on_hand_units": None} for row in whole if lists_all or any(row[name] for name in moved)]
    means = AbsentMeans.UNKNOWN if lists_all else AbsentMeans.ZERO
    assert together(stock, sales, means, measures=moved) == filled(whole, AbsentMeans.UNKNOWN)

"""How many rows a date usually has, by its weekday."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.state import State, ledger
from include.stockwatch.workflows.services import Services

MONDAY, SATURDAY = dt.date(2026, 11, 2), dt.date(2026, 11, 7)
WEEK = dt.timedelta(days=7)


def usual(state: State, rows: Mapping[dt.date, int], *dates: dt.date, besides: str = "new") -> dict[dt.date, float]:
    """What is usual after one delivery of some dates."""
    with state.begin() as tx:
        ledger.deliver_dates(tx, "f", "old", dict(rows), dt.datetime(2026, 11, 8, tzinfo=dt.UTC))
        return ledger.usual_rows_by_date(tx, "f", dates, besides)


def days(first: dt.date, count: int) -> list[dt.date]:
    """Consecutive dates."""
    return [first + dt.timedelta(days=n) for n in range(count)]


def test_a_quiet_saturday_is_not_held_against_the_busy_weekdays(services: Services) -> None:
    rows = {day: 40 if day.weekday() == 5 else 100 for day in days(MONDAY - 4 * WEEK, 28)}
    assert usual(services.state, rows, MONDAY, SATURDAY) == {MONDAY: 100.0, SATURDAY: 40.0}


def test_two_dates_of_a_weekday_are_too_few_and_all_dates_speak_for_it(services: Services) -> None:
    rows = {day: 40 if day.weekday() == 5 else 100 for day in days(MONDAY - 2 * WEEK, 14)}
    assert usual(services.state, rows, SATURDAY) == {SATURDAY: 100.0}


def test_the_eight_latest_dates_of_a_weekday_count(services: Services) -> None:
    rows = {SATURDAY - n * WEEK: 200 if n > 8 else 50 for n in range(1, 30)}
    assert usual(services.state, rows, SATURDAY) == {SATURDAY: 50.0}


def test_the_delivery_that_is_judged_and_dates_without_rows_say_nothing(services: Services) -> None:
    rows = {SATURDAY - n * WEEK: 0 for n in range(1, 5)}
    assert usual(services.state, rows, SATURDAY) == {}
    assert usual(services.state, {SATURDAY: 10}, SATURDAY, besides="old") == {}


def test_a_new_feed_has_no_usual_rows(services: Services) -> None:
    assert usual(services.state, {}, MONDAY) == {}


@given(st.dictionaries(st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31)), st.integers(1, 1000), min_size=1))
def test_what_is_usual_lies_between_the_fewest_and_the_most_rows(rows: dict[dt.date, int]) -> None:
    state = State.open("sqlite://")
    for value in usual(state, rows, *days(MONDAY, 7)).values():
        assert min(rows.values()) <= value <= max(rows.values())
    state.engine.dispose()

"""A partner's week: what counts, what is kept, and what nobody measured."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.columns import COMPLAINTS, KPIS
from include.stockwatch.domain.scorecard import (
    Figures,
    Promised,
    Verdict,
    figures,
    monday_of,
    weekly_availability,
    weekly_complaints,
    weekly_sales,
    weeks_before,
)
from tests.domain.tables import day, observation, observations, rows_of, table

NONE_MISSING = table([], ibis.schema({"partner": "string", "business_date": "date"}))


def kpi(
    number: int, *, known: int = 10, out: int = 1, partner: str = "northfield", category: str = ""
) -> dict[str, Any]:
    """One row of the KPI table."""
    row: dict[str, Any] = dict.fromkeys(KPIS.names)
    row |= {"business_date": day(number), "partner": partner, "category": category}
    return row | {"ranged": 12, "known": known, "out_of_stock": out}


def test_a_week_goes_from_monday_to_sunday() -> None:
    found = rows_of(weekly_availability(table([kpi(n) for n in (0, 1, 7, 8)], KPIS)))
    assert {(row["monday"], row["days"]) for row in found} == {(day(-6), 1), (day(1), 2), (day(8), 1)}


def test_a_category_and_all_partners_together_are_not_counted_twice() -> None:
    rows = [kpi(1), kpi(1, category="Snacks"), kpi(1, partner="")]
    (found,) = rows_of(weekly_availability(table(rows, KPIS)))
    assert (found["partner"], found["known"], found["out"], found["ranged"]) == ("northfield", 10, 1, 12)


def test_a_day_of_which_nothing_is_known_is_no_day_with_data() -> None:
    (found,) = rows_of(weekly_availability(table([kpi(1), kpi(2, known=0, out=0)], KPIS)))
    assert (found["days"], found["known"]) == (1, 10)


def test_units_sold_leave_out_net_returns() -> None:
    rows = observations([observation(1, 5, 3.0), observation(2, 5, -2.0), observation(3, 5, None)])
    assert [row["units_sold"] for row in rows_of(weekly_sales(rows, NONE_MISSING))] == [3.0]


def test_complaints_that_name_no_partner_are_nobodys() -> None:
    base: dict[str, Any] = dict.fromkeys(COMPLAINTS.names) | {"kind": "price", "business_date": day(3)}
    rows = [base | {"partner": "", "complaints": 5}, base | {"partner": "northfield", "complaints": 2}]
    (found,) = rows_of(weekly_complaints(table(rows, COMPLAINTS), NONE_MISSING))
    assert (found["partner"], found["complaints"]) == ("northfield", 2)


def test_figures_of_several_weeks_and_tables_add_up() -> None:
    rows = [
        {"monday": day(1), "known": 10, "out": 1},
        {"monday": day(1), "units_sold": 2000.0},
        {"monday": day(8), "known": 30, "out": 3},
        {"monday": day(15), "known": 99, "out": 9},
    ]
    found = figures(rows, [day(1), day(8)], [day(1), day(8)])
    assert (found.known, found.in_stock_rate, found.complaint_rate) == (40, pytest.approx(0.9), 0.0)


def test_service_is_that_of_the_weeks_of_which_complaints_are_told() -> None:
    rows = [{"monday": day(n), "units_sold": 2000.0} for n in (1, 8)] + [{"monday": day(1), "complaints": 3}]
    assert figures(rows, [day(1), day(8)], [day(1), day(15)]).complaint_rate == 1.5
    assert figures(rows, [day(1), day(8)]).complaint_rate is None, "silence is no praise"


def test_a_week_without_data_has_no_rate() -> None:
    empty = Figures(complaints=0)
    assert (empty.in_stock_rate, empty.price_kept, empty.complaint_rate, empty.coverage) == (None, None, None, None)


@pytest.mark.parametrize(
    ("value", "limit", "is_at_most", "verdict"),
    [
        (0.95, 0.95, False, Verdict.KEPT),
        (0.949, 0.95, False, Verdict.BROKEN),
        (0.5, 0.5, True, Verdict.KEPT),
        (0.51, 0.5, True, Verdict.BROKEN),
        (0.5, None, True, Verdict.NOT_PROMISED),
        (None, 0.5, True, Verdict.NOT_MEASURED),
    ],
)
def test_a_promise_is_kept_at_its_limit(
    value: float | None, limit: float | None, is_at_most: bool, verdict: Verdict
) -> None:
    assert Promised(value=value, limit=limit, before=None, is_at_most=is_at_most).verdict is verdict


@given(st.dates(dt.date(2000, 1, 10), dt.date(2100, 1, 1)))
def test_the_four_weeks_before_are_mondays_that_end_where_the_week_begins(date: dt.date) -> None:
    monday = monday_of(date)
    assert (date - monday).days in range(7)
    assert weeks_before(monday) == [monday - dt.timedelta(days=n) for n in (7, 14, 21, 28)]

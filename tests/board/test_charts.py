"""What charts show: gaps stay gaps, and every colour has a name that the style knows."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.board import charts
from include.stockwatch.board.incident import band
from tests.conftest import PROJECT
from tests.fakes import days

DATES = days(dt.date(2026, 11, 1), 6)
SOME: list[float | None] = [None, 1.0, None, 2.0, 3.0, None]


def told(values: list[Any]) -> list[float | None]:
    """Values of a line, dots or not."""
    return [one["value"] if isinstance(one, dict) else one for one in values]


def timeline(**changes: Any) -> dict[str, Any]:
    """Six days of an item."""
    shown = {
        "date": DATES,
        **dict.fromkeys(("on_hand", "sold", "expected", "low", "high", "received", "ordered"), SOME),
        "missing": [one is None for one in SOME],
    }
    return charts.timeline({**shown, **changes}, ("2026-11-02", "2026-11-05"), 0.0)


def test_a_day_without_data_is_a_gap_and_a_day_alone_is_a_dot() -> None:
    (line,) = charts.trend(DATES, {"Northfield": [None, 0.5, None, 0.9, 1.0, None]}, [0.95])["series"]
    assert told(line["data"]) == [None, 50.0, None, 90.0, 100.0, None]
    assert line["data"][1]["symbolSize"] > 0, "it has no neighbour, so no line would show it"
    assert line["data"][3] == 90.0
    assert line["connectNulls"] is False


def test_a_line_runs_across_days_on_which_nothing_was_due_and_breaks_where_a_report_is_missing() -> None:
    weekly = {"Hillcrest": [0.9, None, 0.8, None, None, 0.7]}
    due = {"Hillcrest": [True, False, True, True, False, True]}
    (line,) = charts.trend(DATES, weekly, [0.95], due)["series"]
    on = [one.isoformat() for one in DATES]
    assert told(line["data"]) == [[on[0], 90.0], [on[2], 80.0], [on[3], None], [on[5], 70.0]]
    assert line["data"][3]["symbolSize"] > 0
    stock = timeline(missing=[False] * 6)["series"][0]
    assert [area[0]["name"] for area in stock["markArea"]["data"]] == ["incident"]
    assert stock["data"] == [[on[1], 1.0], [on[3], 2.0], [on[4], 3.0]]


def test_the_promise_is_a_line_with_its_words() -> None:
    (line, _) = charts.trend(DATES, {"a": [0.9] * 6, "b": [0.99] * 6}, [0.95, 0.95, 0.9])["series"]
    assert [one["yAxis"] for one in line["markLine"]["data"]] == [90.0, 95.0]
    assert line["markLine"]["data"][1]["label"]["formatter"] == "promise 95%"


def test_days_without_reports_are_shaded_and_so_is_the_incident() -> None:
    stock = timeline()["series"][0]
    areas = [(area[0]["name"], area[0]["xAxis"], area[1]["xAxis"]) for area in stock["markArea"]["data"]]
    assert areas == [
        ("", "2026-11-01", "2026-11-02"),
        ("no data", "2026-11-02", "2026-11-04"),
        ("", "2026-11-05", "2026-11-06"),
        ("incident", "2026-11-02", "2026-11-05"),
    ]
    assert stock["markLine"]["data"] == [{"yAxis": 0.0}]


def test_the_band_is_stacked_on_its_lower_edge() -> None:
    low, width = (one for one in timeline(high=[5.0] * 6, low=[2.0] * 6)["series"] if one.get("stack") == "band")
    assert told(low["data"]) == [2.0] * 6
    assert told(width["data"]) == [3.0] * 6


def test_every_colour_is_in_the_style_and_every_chart_says_what_it_shows() -> None:
    style = (PROJECT / "assets" / "board.css").read_text("utf-8")
    for options in (timeline(), charts.trend(DATES, {str(n): SOME for n in range(9)}, [0.95])):
        for name in re.findall(r'"\$([\w-]+)"', json.dumps(options)):
            assert style.count(f"--{name}:") == 2, f"{name} in light and dark"
        assert options["aria"]["enabled"]
        assert len(options["aria"]["label"]["description"]) > 40


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_band_holds_the_mean_and_never_goes_below_zero(mean: float, variance: float) -> None:
    low, high = band(mean, variance)
    assert low is not None
    assert high is not None
    assert 0 <= low <= mean <= high
    assert math.isclose(high - mean, 1.2816 * math.sqrt(variance), abs_tol=1e-6)


def test_without_an_expectation_there_is_no_band() -> None:
    assert band(None, 1.0) == (None, None)

"""Which dates a partner reports, and until when they wait."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.errors import ConfigError
from include.stockwatch.settings.feed import Expected, load_feed

THANKSGIVING, CHRISTMAS = dt.date(2026, 11, 26), dt.date(2026, 12, 25)
SUNDAY = dt.date(2026, 11, 22)


def test_every_day_is_reported_unless_said_otherwise() -> None:
    assert all(Expected().is_due(dt.date(2026, 12, 20) + dt.timedelta(days=n)) for n in range(14))


def test_a_partner_that_rests_on_sundays_reports_no_sunday() -> None:
    expected = Expected(weekdays=("mon", "tue", "wed", "thu", "fri", "sat"))
    assert [expected.is_due(SUNDAY + dt.timedelta(days=n)) for n in range(8)] == [False, *[True] * 6, False]


@pytest.mark.parametrize(
    ("calendar", "date", "is_due"),
    [
        ("US", THANKSGIVING, False),
        ("US", CHRISTMAS, False),
        ("DE", THANKSGIVING, True),
        ("DE-BY", dt.date(2026, 1, 6), False),  # Epiphany is a holiday in Bavaria
        ("DE-BE", dt.date(2026, 1, 6), True),  # and none in Berlin
        ("US-CA", dt.date(2027, 3, 31), False),  # Cesar Chavez Day, in a year of its own
        ("US-NY", dt.date(2027, 3, 31), True),
    ],
)
def test_a_holiday_of_the_partners_calendar_is_not_reported(calendar: str, date: dt.date, is_due: bool) -> None:
    assert Expected(holidays=calendar).is_due(date) is is_due


@pytest.mark.parametrize(
    ("calendar", "fix"),
    [
        ("us", "did you mean `US`?"),
        ("us-ca", "did you mean `US-CA`?"),
        ("US-Cal", "did you mean `US-CA`?"),
        ("DE-XX", "regions of DE: BB, BE, BW"),
        ("USAA", "did you mean `USA`?"),
        ("", "a country is written like US, a region of it like US-CA"),
        ("Thanksgiving", "a country is written like US"),
    ],
)
def test_a_calendar_that_does_not_exist_is_refused_with_the_nearest_names(calendar: str, fix: str) -> None:
    with pytest.raises(ValueError, match="is no known calendar") as refused:
        Expected(holidays=calendar)
    assert fix in str(refused.value)


def test_a_wrong_calendar_is_shown_where_it_stands(config: Path) -> None:
    path = config / "feeds" / "northfield_stores.yaml"
    path.write_text(path.read_text("utf-8").replace("expected: {", "expected: {holidays: us, "), "utf-8")
    with pytest.raises(ConfigError) as refused:
        load_feed(path)
    (problem,) = refused.value.problems
    assert (problem.path, problem.source_line[problem.column - 1 :][:12]) == ("expected.holidays", "holidays: us")
    assert "did you mean `US`?" in problem.what


def test_no_weekday_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="weekdays"):
        Expected(weekdays=())


def test_a_feed_without_a_calendar_loads_no_calendars() -> None:
    code = "import sys; from include.stockwatch.settings.feed import Expected; Expected(); print('holidays' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("zone", "by", "business_date", "cut_off"),
    [
        # clocks of New York go back on 1 November 2026: 01:30 is there twice, the first one counts
        ("America/New_York", "01:30", dt.date(2026, 10, 31), utc(2026, 11, 1, 5, 30)),
        ("America/New_York", "09:00", dt.date(2026, 10, 31), utc(2026, 11, 1, 14)),
        ("America/New_York", "09:00", dt.date(2026, 10, 30), utc(2026, 10, 31, 13)),
        # and forward on 14 March 2027: 02:30 does not exist, and is taken as 03:30
        ("America/New_York", "02:30", dt.date(2027, 3, 13), utc(2027, 3, 14, 7, 30)),
        ("America/New_York", "09:00", dt.date(2027, 3, 13), utc(2027, 3, 14, 13)),
        # Sydney on 4 October 2026, the other way round
        ("Australia/Sydney", "09:00", dt.date(2026, 10, 2), utc(2026, 10, 2, 23)),
        ("Australia/Sydney", "09:00", dt.date(2026, 10, 3), utc(2026, 10, 3, 22)),
    ],
)
def test_a_cut_off_follows_the_partners_clock_when_it_is_changed(
    zone: str, by: str, business_date: dt.date, cut_off: dt.datetime
) -> None:
    expected = Expected(by=by, time_zone=zone)
    assert expected.cut_off(business_date).astimezone(dt.UTC) == cut_off
    assert expected.cut_off(business_date) <= cut_off < expected.cut_off(business_date) + dt.timedelta(seconds=1)


def test_a_monthly_feed_is_due_on_its_days_and_the_31st_is_the_last_day_of_every_month() -> None:
    expected = Expected(days_of_month=(15, 31))
    days = (dt.date(2027, 12, 1) + dt.timedelta(days=n) for n in range(120))
    due = [f"{day:%m-%d}" for day in days if expected.is_due(day)]
    assert due == ["12-15", "12-31", "01-15", "01-31", "02-15", "02-29", "03-15"]
    assert expected.newest_due(dt.date(2028, 3, 14)) == dt.date(2028, 2, 29)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"days_of_month": (32,)}, "`32` is no day of a month; did you mean 31"),
        ({"days_of_month": (0,)}, "`0` is no day of a month; did you mean 1"),
        ({"days_of_month": (1,), "weekdays": ("mon",)}, "by `weekdays` or by `days_of_month`"),
    ],
)
def test_days_of_the_month_that_cannot_be_are_refused_with_the_nearest(said: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Expected(**said)

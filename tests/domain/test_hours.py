"""Office hours: when a message may go, and how much time people have had."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.hours import Hours

NEW_YORK, BERLIN, SYDNEY = "America/New_York", "Europe/Berlin", "Australia/Sydney"
ZONES = ("UTC", NEW_YORK, BERLIN, SYDNEY, "America/Santiago", "Africa/Cairo", "Asia/Kolkata", "Australia/Lord_Howe")

MOMENTS = st.integers(0, 2 * 366 * 86_400).map(
    lambda s: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=s)
)


def utc(*moment: int) -> dt.datetime:
    return dt.datetime(*moment, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("zone", "friday_night", "monday_opening"),
    [
        (NEW_YORK, utc(2026, 3, 7, 1), utc(2026, 3, 9, 11)),  # clocks go forward on Sunday 8 March: 07:00 is UTC-4
        (NEW_YORK, utc(2026, 10, 31, 1), utc(2026, 11, 2, 12)),  # and back on Sunday 1 November: UTC-5
        (BERLIN, utc(2026, 3, 27, 20), utc(2026, 3, 30, 5)),  # forward on Sunday 29 March
        (BERLIN, utc(2026, 10, 23, 20), utc(2026, 10, 26, 6)),  # back on Sunday 25 October
        (SYDNEY, utc(2026, 10, 2, 12), utc(2026, 10, 4, 20)),  # forward on Sunday 4 October
    ],
)
def test_it_opens_at_seven_on_the_clock_whatever_the_clocks_did(
    zone: str, friday_night: dt.datetime, monday_opening: dt.datetime
) -> None:
    """A-40: both days on which clocks change."""
    hours = Hours(time_zone=zone)
    assert not hours.is_open(friday_night)
    assert hours.opening(friday_night) == monday_opening
    assert monday_opening.astimezone(ZoneInfo(zone)).time() == dt.time(7)


def test_a_day_on_which_clocks_change_has_its_own_length() -> None:
    """A window that spans the change, on a business day: in Cairo clocks go forward on a Friday at midnight."""
    every = Hours(time_zone="Africa/Cairo", window="00:00-24:00")
    lengths = [closes - opens for opens, closes in map(every.span, (dt.date(2026, 4, 24), dt.date(2026, 4, 23)))]
    assert lengths == [dt.timedelta(hours=23), dt.timedelta(hours=24)]


def test_business_days_leave_out_weekends_and_holidays_of_the_calendar() -> None:
    hours = Hours(time_zone=NEW_YORK, calendar="US")
    thanksgiving_eve = utc(2026, 11, 25, 23)  # 18:00
    assert hours.opening(thanksgiving_eve) == utc(2026, 11, 27, 12)
    assert Hours(time_zone=NEW_YORK).opening(thanksgiving_eve) == utc(2026, 11, 26, 12)
    assert hours.previous_opening(utc(2026, 11, 27, 15)) == utc(2026, 11, 25, 12)


@pytest.mark.parametrize(
    ("day", "expected"), [(6, 11), (7, 12), (8, 12), (9, 12)], ids=["Friday", "Saturday", "Sunday", "Monday"]
)
def test_days_later_leave_out_the_weekend(day: int, expected: int) -> None:
    assert Hours().days_later(utc(2026, 11, day, 9), 3) == utc(2026, 11, expected, 9)


@pytest.mark.parametrize(
    ("since", "hours", "expected"),
    [
        (utc(2026, 11, 2, 9), 4, utc(2026, 11, 2, 13)),
        (utc(2026, 11, 2, 16), 4, utc(2026, 11, 3, 9)),  # two hours are left on Monday
        (utc(2026, 11, 6, 17), 4, utc(2026, 11, 9, 10)),  # one on Friday
        (utc(2026, 11, 7, 3), 4, utc(2026, 11, 9, 11)),  # none at the weekend
        (utc(2026, 11, 2, 7), 22, utc(2026, 11, 3, 18)),  # two whole days
    ],
)
def test_time_to_answer_runs_in_office_hours_alone(since: dt.datetime, hours: int, expected: dt.datetime) -> None:
    """A-41"""
    assert Hours().later(since, dt.timedelta(hours=hours)) == expected


def test_a_window_that_is_always_open_knows_no_weekend() -> None:
    sunday = utc(2026, 11, 8, 3)
    always = Hours(window="always", time_zone=NEW_YORK)
    assert always.is_open(sunday)
    assert always.later(sunday, dt.timedelta(hours=4)) == utc(2026, 11, 8, 7)


@pytest.mark.parametrize("window", ["7-18", "07:00", "18:00-07:00", "07:00-07:00", "07:00-25:00", "day"])
def test_a_window_that_is_none_is_refused(window: str) -> None:
    with pytest.raises(ValueError, match="window"):
        Hours(window=window)


@given(
    zone=st.sampled_from(ZONES),
    window=st.sampled_from(["07:00-18:00", "00:00-24:00", "02:30-03:00", "00:30-01:30"]),
    calendar=st.sampled_from([None, "US"]),
    at=MOMENTS,
)
def test_an_opening_is_the_first_open_moment_from_then_on(
    zone: str, window: str, calendar: str | None, at: dt.datetime
) -> None:
    """A-40: holds on both days on which clocks change, as on any other."""
    hours = Hours(time_zone=zone, window=window, calendar=calendar)
    opening = hours.opening(at)
    assert opening >= at
    assert hours.is_open(opening)
    assert hours.is_business_day(hours.local_date(opening))
    assert hours.opening(opening) == opening
    if opening > at:
        for before in (opening - dt.timedelta(seconds=1), at, at + (opening - at) / 2):
            assert not hours.is_open(before)


@given(
    zone=st.sampled_from(ZONES),
    at=MOMENTS,
    first=st.integers(0, 40),
    then=st.integers(0, 40),
)
def test_spans_of_office_hours_add_up(zone: str, at: dt.datetime, first: int, then: int) -> None:
    hours = Hours(time_zone=zone)
    one, other = dt.timedelta(hours=first), dt.timedelta(hours=then)
    together, apart = hours.later(at, one + other), hours.later(hours.later(at, one), other)
    assert hours.opening(together) == hours.opening(apart)  # a close and the next opening are the same moment of work

"""Office hours in a time zone: when people are told something, and how long they have had to answer (A-40, A-41)."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from include.stockwatch.domain.calendar import Calendar, TimeZone, is_holiday
from include.stockwatch.domain.value import Value

ALWAYS = "always"
SATURDAY = 5
LOOK_AHEAD = 400
"""Days in which the next business day is looked for; no calendar rests as long."""


def _span(window: str) -> tuple[dt.timedelta, dt.timedelta]:
    """Opening and close from midnight on. Raises: ValueError"""
    try:
        opens, closes = (_since_midnight(text) for text in window.split("-"))
    except ValueError:
        raise ValueError(f"`{window}` is no window; write it like 07:00-18:00, or `always`") from None
    return opens, closes


def _since_midnight(text: str) -> dt.timedelta:
    if text == "24:00":
        return dt.timedelta(days=1)
    clock = dt.datetime.strptime(text, "%H:%M").replace(tzinfo=dt.UTC)
    return dt.timedelta(hours=clock.hour, minutes=clock.minute)


def known_window(window: str) -> str:
    """The window, if it is a span within one day, or `always`. Raises: ValueError"""
    if window != ALWAYS:
        opens, closes = _span(window)
        if opens >= closes:
            raise ValueError(f"`{window}` ends before it begins; a window lies within one day, e.g. 07:00-18:00")
    return window


Window = Annotated[str, AfterValidator(known_window)]


class Hours(Value):
    """Office hours: a span of every business day, on the clock of a time zone.

    Every span is a pair of moments of its own date, so the days on which clocks change are an hour shorter or longer
    at night, and never in between. Moments in and out are aware; out they are UTC.
    """

    time_zone: TimeZone = "UTC"
    calendar: Calendar | None = Field(default=None, description="whose holidays are no business days, e.g. US-CA")
    window: Window = Field(default="07:00-18:00", description="opening and close, e.g. 07:00-18:00, or `always`")

    def is_business_day(self, date: dt.date) -> bool:
        """Monday to Friday without the calendar's holidays; every day where the window is `always`."""
        if self.window == ALWAYS:
            return True
        return date.weekday() < SATURDAY and not (self.calendar and is_holiday(self.calendar, date))

    def span(self, date: dt.date) -> tuple[dt.datetime, dt.datetime]:
        """Opening and close of a date, whether it is a business day or not."""
        zone = ZoneInfo(self.time_zone)
        opens, closes = _span("00:00-24:00" if self.window == ALWAYS else self.window)
        midnight = dt.datetime.combine(date, dt.time.min)
        # local arithmetic first, then the zone: 07:00 is 07:00 on the day the clocks change
        local = midnight + opens, midnight + closes
        return local[0].replace(tzinfo=zone).astimezone(dt.UTC), local[1].replace(tzinfo=zone).astimezone(dt.UTC)

    def local_date(self, at: dt.datetime) -> dt.date:
        """The day it is there."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def is_open(self, at: dt.datetime) -> bool:
        """Whether a moment lies in office hours; the close does not."""
        return self.opening(at) == at

    def opening(self, at: dt.datetime) -> dt.datetime:
        """The moment itself within office hours, else the next opening."""
        first = self.local_date(at)
        for days in range(LOOK_AHEAD):
            date = first + dt.timedelta(days=days)
            if self.is_business_day(date):
                opens, closes = self.span(date)
                if at < closes:
                    return max(opens, at.astimezone(dt.UTC))
        raise ValueError(f"the calendar {self.calendar} has no business day within {LOOK_AHEAD} days")

    def later(self, at: dt.datetime, span: dt.timedelta) -> dt.datetime:
        """The moment by which a span of office hours has passed."""
        at = self.opening(at)
        while True:
            _, closes = self.span(self.local_date(at))
            if span <= closes - at:
                return at + span
            span -= closes - at
            at = self.opening(closes)

    def days_later(self, at: dt.datetime, days: int) -> dt.datetime:
        """The same time of day some business days later; counted from the next business day if `at` is in none."""
        zone = ZoneInfo(self.time_zone)
        local = at.astimezone(zone)
        date = self._business_day(local.date())
        for _ in range(days):
            date = self._business_day(date + dt.timedelta(days=1))
        return dt.datetime.combine(date, local.time(), zone).astimezone(dt.UTC)

    def previous_opening(self, at: dt.datetime) -> dt.datetime:
        """The opening of the latest business day before the day of a moment."""
        date = self.local_date(at)
        for _ in range(LOOK_AHEAD):
            date -= dt.timedelta(days=1)
            if self.is_business_day(date):
                break
        return self.span(date)[0]

    def _business_day(self, date: dt.date) -> dt.date:
        return next((day for n in range(LOOK_AHEAD) if self.is_business_day(day := date + dt.timedelta(days=n))), date)

"""Time zones and public holidays by the names that settings use.

A calendar is named by a country, or a country and its region, e.g. `US` or `US-CA`.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from include.stockwatch.errors import closest


def is_holiday(calendar: str, date: dt.date) -> bool:
    """Whether a date is a public holiday of a known calendar."""
    return date in _holidays(calendar, date.year)


@lru_cache(maxsize=1024)
def _holidays(calendar: str, year: int) -> frozenset[dt.date]:
    import holidays  # Dag files read feed definitions at every parse: only feeds with a calendar pay for it

    country, _, region = calendar.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))


def known_calendar(name: str) -> str:
    """The name, if there is such a calendar. Raises: ValueError with the nearest names"""
    import holidays

    countries = holidays.list_supported_countries()
    country, dash, region = name.partition("-")
    if country in countries and (not dash or region in countries[country]):
        return name
    country = country.upper()
    if country not in countries:
        fix = closest(country, countries) or "a country is written like US, a region of it like US-CA"
    elif region.upper() in countries[country] or not dash:
        fix = f"did you mean `{name.upper()}`?"
    else:
        near = closest(region.upper(), countries[country]).replace("`", f"`{country}-", 1)
        fix = near or f"regions of {country}: {', '.join(countries[country]) or 'none'}"
    raise ValueError(f"`{name}` is no known calendar; {fix}")


def known_time_zone(name: str) -> str:
    """The name, if it is an IANA time zone. Raises: ValueError"""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a region such as `America` is a folder
        raise ValueError(f"`{name}` is no IANA time zone; one looks like America/New_York") from None
    return name


Calendar = Annotated[str, AfterValidator(known_calendar)]
TimeZone = Annotated[str, AfterValidator(known_time_zone)]

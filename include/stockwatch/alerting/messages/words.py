"""How counts, days and names are said in messages, on the board and by the command line."""

from __future__ import annotations

import datetime as dt
import re

NAME_LIMIT = 60
OWN_DATE = re.compile(r"(?<= )(on|since|by|of|receipt|days,|to|from) (\d{4}-\d\d-\d\d)(?![\w-])")
"""A date of the check's own words, which it always puts after one of these: an id may look like a date as well."""


def escape(text: str) -> str:
    """Text that Slack shows as it is: it can form no mention, link or channel name."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def one_line(text: str) -> str:
    """A name of a feed as it may stand in a line: without line breaks and runs of blanks."""
    return clip(" ".join(text.split()), NAME_LIMIT)


def clip(text: str, limit: int) -> str:
    """Text cut to a length, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def number(value: float) -> str:
    """A count as people read it: whole from ten on, one decimal below, two below one; `6` and `0`, not `6.0`."""
    if value <= 0:
        return f"-{number(-value)}" if value else "0"
    places = 0 if round(value, 1) >= 10 else 1 if round(value, 2) >= 1 else 2
    return f"{value:,.{places}f}".removesuffix(".0")


def units_words(value: float) -> str:
    """`1 unit`, `6 units`."""
    return f"{number(value)} {'unit' if number(value) == '1' else 'units'}"


def day_words(date: dt.date) -> str:
    """`Sun 22 Nov`: the weekday in words, whatever the machine's language."""
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[date.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[date.month - 1]
    return f"{weekday} {date.day} {month}"


def spoken_dates(text: str) -> str:
    """A text of the check in which dates read as in messages: `due on Fri 27 Nov` for `due on 2026-11-27`."""
    return OWN_DATE.sub(_spoken, text)


def _spoken(found: re.Match[str]) -> str:
    try:
        return f"{found[1]} {day_words(dt.date.fromisoformat(found[2]))}"
    except ValueError:  # a name that looks like a date
        return found[0]


def moment_words(at: dt.datetime) -> str:
    """`Sun 22 Nov 06:40 UTC`."""
    at = at.astimezone(dt.UTC)
    return f"{day_words(at.date())} {at:%H:%M} UTC"


def one_or_many(count: int, noun: str) -> str:
    """`1 date`, `2 dates`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

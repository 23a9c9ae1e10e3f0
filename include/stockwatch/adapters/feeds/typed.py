"""Values that a format has with their type, as the texts that the feed definition says the partner writes.

So numbers carry the feed's decimal mark and dates its date format, and binding reads both as it reads a CSV file.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from include.stockwatch.adapters.feeds.csv import FORMULA
from include.stockwatch.settings.feed import Feed

EXPONENT = re.compile(r"[eE]-0*([0-9]{1,3})$")
KEPT_A_TEXT = re.compile(FORMULA)
EXACT = 1e15
"""From here on a binary number may have lost its last digit."""
TRUE, FALSE = "TRUE", "FALSE"


def text(value: str) -> str:
    """A text; one that a spreadsheet was to keep a text (="0012") without that."""
    match = KEPT_A_TEXT.fullmatch(value) if '="' in value else None
    return match[1] if match else value


def number(text: str, decimal: str) -> str:
    """A number in the notation of programs (1.10, 5e-05) with a decimal mark.

    Small ones are written out. Large ones keep their exponent (7.2E+10): their last digits may be lost.
    """
    if EXPONENT.search(text):
        text = format(Decimal(text), "f")
    return text.replace(".", decimal)


def real(value: float, decimal: str) -> str:
    """A binary number in the shortest way that says it; a whole one is written without decimals."""
    if value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return number(repr(value), decimal)


def date(value: dt.date, feed: Feed) -> str:
    """A day, or a moment, in the feed's date format; ISO if the feed has none."""
    if feed.date and feed.date.format:
        return value.strftime(feed.date.format)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time.min else value.isoformat(" ")
    return value.isoformat()

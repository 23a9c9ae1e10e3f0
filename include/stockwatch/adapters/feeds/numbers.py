"""Numbers as partners write them."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

SIGNS: Mapping[str, tuple[str, ...]] = {
    **{"USD": ("$", "US$"), "CAD": ("$", "CA$", "C$"), "AUD": ("$", "A$", "AU$"), "MXN": ("$", "MX$")},
    **{"EUR": ("€",), "GBP": ("£",), "JPY": ("¥",), "CNY": ("¥",), "CHF": ("Fr.", "SFr."), "PLN": ("zł",)},
    **dict.fromkeys(("SEK", "NOK", "DKK"), ("kr", "kr.")),
}
"""Currency -> its signs, beside its code."""

SAME = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})
"""Blanks and apostrophes that stand between thousands like the plain ones."""


def parser(
    decimal: str, thousands: str, *, money: bool = False, currency: str | None = None
) -> Callable[[str], float | None]:
    """A function from a text to its number, none for a text that is not one.

    A minus may stand before or behind, or be a pair of parentheses. `money` may carry its code or sign: that of its
    `currency` if one is given, of any other it is no number.
    """
    signs = _signs(currency)
    mark, between = re.escape(decimal), re.escape(thousands)
    whole = rf"(?:[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|[0-9]+)" if thousands else r"[0-9]+"
    plain = re.compile(rf"{whole}(?:{mark}[0-9]+)?|{mark}[0-9]+")

    def parse(text: str) -> float | None:
        sign, text = _sign(text.translate(SAME).strip())
        if money:
            text = signs.sub("", text)
            if sign > 0:
                sign, text = _sign(text)
        if not plain.fullmatch(text) or not text.isascii():
            return None
        if thousands:
            text = text.replace(thousands, "")
        number = sign * float(text.replace(decimal, ".") if decimal != "." else text)
        return number if math.isfinite(number) else None

    return parse


@lru_cache(maxsize=64)
def _signs(currency: str | None) -> re.Pattern[str]:
    """What names a currency before or behind a number; of none, any."""
    known = {code: (code, *signs) for code, signs in SIGNS.items()}
    texts = known.get(currency, (currency,)) if currency else itertools.chain.from_iterable(known.values())
    either = "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
    return re.compile(rf"^(?:{either})\s*|\s*(?:{either})$", re.IGNORECASE)


def _sign(text: str) -> tuple[int, str]:
    if text.startswith("(") and text.endswith(")"):
        return -1, text[1:-1].strip()
    for sign, mark in ((-1, "-"), (-1, "\u2212"), (1, "+")):
        if text.startswith(mark):
            return sign, text[1:].lstrip()
    return (-1, text[:-1].rstrip()) if text.endswith("-") else (1, text)

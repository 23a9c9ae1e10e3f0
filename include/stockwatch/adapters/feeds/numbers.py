"""Numbers as partners write them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

CURRENCY = re.compile(r"^[$€£¥]\s*|\s*[$€£¥]$|^(?:USD|EUR|GBP)\s+|\s+(?:USD|EUR|GBP)$")


def parser(decimal: str, thousands: str, *, money: bool = False) -> Callable[[str], float | None]:
    """A function from a text to its number, none for a text that is not one.

    A minus may stand before or behind, or be a pair of parentheses; `money` may carry a currency sign.
    """
    mark, between = re.escape(decimal), re.escape(thousands)
    whole = rf"(?:[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|[0-9]+)" if thousands else r"[0-9]+"
    plain = re.compile(rf"{whole}(?:{mark}[0-9]+)?|{mark}[0-9]+")

    def parse(text: str) -> float | None:
        sign, text = _sign(text.replace("\u00a0", " ").strip())
        if money:
            text = CURRENCY.sub("", text)
            if sign > 0:
                sign, text = _sign(text)
        if not plain.fullmatch(text) or not text.isascii():
            return None
        if thousands:
            text = text.replace(thousands, "")
        number = sign * float(text.replace(decimal, ".") if decimal != "." else text)
        return number if math.isfinite(number) else None

    return parse


def _sign(text: str) -> tuple[int, str]:
    if text.startswith("(") and text.endswith(")"):
        return -1, text[1:-1].strip()
    for sign, mark in ((-1, "-"), (-1, "\u2212"), (1, "+")):
        if text.startswith(mark):
            return sign, text[1:].lstrip()
    return (-1, text[:-1].rstrip()) if text.endswith("-") else (1, text)

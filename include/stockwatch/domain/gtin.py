"""GTINs: the check digit, and what a whole column of damaged ones tells that one number cannot.

One number in ten passes the check by luck, so whether zeros or check digits are missing is decided by the share of a
column's different numbers that pass. Source: GS1 General Specifications, section 7.9 (check digit).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

LENGTHS = (8, 12, 13, 14)
ENOUGH = 10
"""Different numbers that a column needs before it may be repaired."""
HAS_CHECK_DIGITS, HAS_NONE = 0.90, 0.25
"""Shares of numbers that pass: from the first on the column has check digits, up to the second it has none."""

SCIENTIFIC = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+")
FILLING = re.compile(r"[ \u00a0-]")
TRAILING_ZERO = re.compile(r"\.0+$")


class Verdict(StrEnum):
    """What a column of numbers turned out to be."""

    WHOLE = "whole"  # with check digits
    NO_CHECK_DIGITS = "no_check_digits"  # they were appended
    UNCLEAR = "unclear"  # neither: somebody must say
    TOO_FEW = "too_few"  # to tell: every number stands for itself


@dataclass(frozen=True)
class Resolved:
    """A column of ids: `gtins` by text as it came (14 digits), and the texts that are none."""

    verdict: Verdict
    pass_share: float
    gtins: dict[str, str] = field(default_factory=dict)
    lossy: frozenset[str] = frozenset()  # in scientific notation: digits are lost, whatever is left
    repaired: int = 0


def check_digit(digits: str) -> str:
    """The check digit that belongs behind some digits: weights 3, 1, 3, … from the right."""
    weighed = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str((10 - weighed % 10) % 10)


def is_gtin(digits: str) -> bool:
    """Whether digits are a GTIN-8, -12, -13 or -14 with the right check digit."""
    return len(digits) in LENGTHS and _is_digits(digits) and check_digit(digits[:-1]) == digits[-1]


def cleaned(text: str) -> str:
    """An id without the blanks, dashes, apostrophe and `.0` that printing and spreadsheets add."""
    return FILLING.sub("", TRAILING_ZERO.sub("", text.strip().removeprefix("'")))


def resolve(texts: Iterable[str], *, repair: bool) -> Resolved:
    """What the different ids of a column are. Without `repair`, or with too few of them, each must be a whole GTIN."""
    digits = {text: cleaned(text) for text in texts}
    lossy = frozenset(text for text in digits if SCIENTIFIC.fullmatch(text.strip()))
    numbers = {text: number for text, number in digits.items() if _is_digits(number) and text not in lossy}
    whole = {text: number.zfill(14) for text, number in numbers.items() if is_gtin(number)}
    padded = {text: number.zfill(14) for text, number in numbers.items() if _passes_padded(number)}
    share = len(padded) / len(numbers) if numbers else 1.0
    if not repair or len(numbers) < ENOUGH:
        return Resolved(Verdict.TOO_FEW, share, whole, lossy)
    if share >= HAS_CHECK_DIGITS:
        return Resolved(Verdict.WHOLE, share, padded, lossy, len(padded) - len(whole))
    if share <= HAS_NONE:
        bare = {text: number.lstrip("0") for text, number in numbers.items()}
        added = {text: (n + check_digit(n)).zfill(14) for text, n in bare.items() if 0 < len(n) <= max(LENGTHS) - 1}
        return Resolved(Verdict.NO_CHECK_DIGITS, share, added, lossy, len(added))
    return Resolved(Verdict.UNCLEAR, share, whole, lossy)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _passes_padded(number: str) -> bool:
    """Whether a number is a GTIN once lost zeros are put back; at least six digits, so that a zero is no GTIN."""
    return 6 < len(number.lstrip("0")) <= max(LENGTHS) and check_digit(number[:-1]) == number[-1]

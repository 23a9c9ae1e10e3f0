"""What customers say and do, as files bring it: kinds of complaints, measures of loyalty, and the text that is kept.

Light on purpose: definitions of feeds are read at every parse of a Dag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class ComplaintKind(StrEnum):
    """What a complaint is about."""

    COULD_NOT_FIND = "could_not_find"  # the item was not on the shelf
    QUALITY = "quality"
    PRICE = "price"
    PACK = "pack"  # the pack or its label
    SERVICE = "service"
    OTHER = "other"


class Measure(StrEnum):
    """What a loyalty figure measures."""

    REPEAT_PURCHASE_RATE = "repeat_purchase_rate"  # buyers with two or more purchases / buyers
    LOYAL_SHARE = "loyal_share"  # share of purchases made by loyal buyers
    RETENTION = "retention"  # share of loyal buyers kept over a period
    CHURN = "churn"  # share of loyal buyers lost over a period
    PURCHASE_CYCLE_DAYS = "purchase_cycle_days"
    LIFETIME_VALUE = "lifetime_value"  # margin that a loyal buyer still brings, discounted
    NPS = "nps"
    CSAT = "csat"  # share of the two best answers
    GAP_STORE = "gap_store"  # share of shoppers who buy it in another store when it is missing
    GAP_BRAND = "gap_brand"
    GAP_SAME_BRAND = "gap_same_brand"
    GAP_DELAY = "gap_delay"
    GAP_CANCEL = "gap_cancel"


class Range(NamedTuple):
    """Values that a measure can have."""

    least: float
    most: float
    is_share: bool = False
    without_most: bool = False  # the largest value itself is out of the question
    without_least: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value can be one of the measure."""
        above = value > self.least if self.without_least else value >= self.least
        return above and (value < self.most if self.without_most else value <= self.most)

    def words(self) -> str:
        """The range for people."""
        least = f"{'above' if self.without_least else 'from'} {self.least:g}"
        return f"{least} to {'below ' if self.without_most else ''}{self.most:g}"


SHARE = Range(0, 1, is_share=True)
RANGES: Mapping[Measure, Range] = {
    **dict.fromkeys(Measure, SHARE),
    Measure.RETENTION: Range(0, 1, is_share=True, without_most=True),  # nobody keeps every buyer for ever
    Measure.CHURN: Range(0, 1, is_share=True, without_least=True),
    Measure.PURCHASE_CYCLE_DAYS: Range(1, 1000),
    Measure.LIFETIME_VALUE: Range(0, 1e6, without_least=True),
    Measure.NPS: Range(-100, 100),
}
MAX_EXTRACT = 120
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|www\.\S+", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d[\d\s()/.-]{5,}\d")


def extract(text: str) -> str:
    """The beginning of what somebody wrote, in one line and without what tells who it was.

    Addresses and numbers of seven digits or more are left out. At most 120 characters are kept; the rest is nowhere.
    """
    told = " ".join(_CONTROL.sub(" ", text[: MAX_EXTRACT * 10]).split())
    told = _NUMBER.sub("[number]", _ADDRESS.sub("[address]", told))
    return told if len(told) <= MAX_EXTRACT else told[: MAX_EXTRACT - 1] + "…"

"""What one loop of an X12 report says: items, quantities, and the dates and places that hold for them.

X12 senders disagree about order: a price, a date or a place may stand before or after the quantity that it is for. So a
loop is gathered first, and turned into rows when it ends.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from include.stockwatch.adapters.feeds.x12_segments import Segment, element

DATE, SHORT_DATE = 8, 6
STARTS = frozenset({"090", "150", "193", "196"})
ENDS = frozenset({"091", "151", "194", "197"})
"""DTM01: first and last day of a period (report, service, period, start and end)."""

OTHER_DAYS = frozenset(
    "001 002 010 017 018 036 037 038 063 064 067 068 069 071 074 077 079 092 093 094 106 118 169 208 361 371".split()  # noqa: SIM905
)
"""DTM01 and SCH05: days that are not those of a quantity. Requested, expected, available, expiry, contract, made."""


class Period(NamedTuple):
    """The days that a quantity is for, as YYYYMMDD: a snapshot has the last one only."""

    first: str | None = None
    last: str | None = None

    def over(self, other: Period) -> Period:
        """This period, and the other where this one does not say it."""
        return Period(self.first, other.last) if self.first and not self.last else self if self.last else other

    def with_date(self, segment: Segment) -> Period:
        """This period, with what a DTM adds to it."""
        qualifier, text = element(segment, 1), element(segment, 2) or element(segment, 6)
        if not text or qualifier in OTHER_DAYS:
            return self
        if element(segment, 5) == "RD8" and "-" in text:
            first, _, last = text.partition("-")
            return Period(day(first), day(last))
        if qualifier in STARTS:
            return self._replace(first=day(text))
        if qualifier in ENDS:
            return self._replace(last=day(text))
        return self if self.last else self._replace(last=day(text))


NOT_SAID = Period()


@lru_cache(maxsize=4096)
def day(text: str) -> str:
    """A date as YYYYMMDD from CCYYMMDD, with or without a time, or YYMMDD; as it came if it is none."""
    digits = text.strip()
    if len(digits) == SHORT_DATE:
        digits = f"20{digits}"
    if not (digits.isascii() and digits.isdigit() and len(digits) in (DATE, DATE + 4, DATE + 6)):
        return text
    try:
        dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return text
    return digits[:DATE]


class Place(NamedTuple):
    """A location by its id and the qualifier of that id. Of places that compete the lowest rank counts."""

    id: str | None = None
    kind: str | None = None
    rank: int = 0


@dataclass(slots=True)
class Item:
    """An item as a LIN and what belongs to it describe it."""

    line: int
    id: str | None = None
    kind: str | None = None
    name: str | None = None
    pack: str | None = None
    price: str | None = None
    price_kind: str = ""  # CTP02
    unit: str | None = None
    dated: Period = NOT_SAID  # by a DTM between it and its amounts
    is_named: bool = False  # by a LIN
    is_counted: bool = False  # by any quantity


@dataclass(slots=True)
class Part:
    """Quantities by location, of one unit, kind of location and day: from SDQ or SCH."""

    unit: str
    kind: str
    period: Period = NOT_SAID
    locations: list[str] = field(default_factory=list)
    quantities: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, line: int, locations: list[str], quantities: list[str]) -> None:
        """Pairs of one segment."""
        self.locations += locations
        self.quantities += quantities
        self.lines.append(line)
        self.sizes.append(len(quantities))


@dataclass(slots=True)
class Amount:
    """One ZA or QTY: a quantity of its own, quantities by location under it, or both."""

    item: Item
    line: int
    code: str
    quantity: str = ""
    unit: str = ""
    stated: Period = NOT_SAID  # in the segment itself
    dated: Period = NOT_SAID  # by a DTM behind it
    above: Amount | None = None  # whose dates hold for this one too
    is_schedule: bool = False
    parts: list[Part] = field(default_factory=list)
    code_of_parts: str = ""  # if it is another

    @property
    def is_total(self) -> bool:
        """Whether its own quantity is that of all its parts."""
        return bool(self.quantity and self.parts)

    @property
    def period(self) -> Period:
        """What it says about its days by itself."""
        own = self.dated.over(self.stated).over(self.item.dated)
        return own.over(self.above.period) if self.above else own

    def part(self, unit: str, kind: str, period: Period = NOT_SAID) -> Part:
        """The part that further pairs belong to."""
        last = self.parts[-1] if self.parts else None
        if last is None or last.unit != unit or last.kind != kind or last.period != period:
            last = Part(unit, kind, period)
            self.parts.append(last)
        return last

    @property
    def has_other_units(self) -> bool:
        """Whether a part is in another unit than the total."""
        return bool(self.unit) and any(part.unit not in ("", self.unit) for part in self.parts)

    def sum_of_parts(self) -> float | None:
        """None where a quantity is no number, or units differ."""
        if self.has_other_units:
            return None
        return parsed_sum(quantity for part in self.parts for quantity in part.quantities)


@dataclass(slots=True)
class Loop:
    """A LIN loop, or a PTD loop with its items."""

    line: int
    prefix: str = ""  # of its codes
    dated: Period = NOT_SAID  # by a DTM before the first item
    items: list[Item] = field(default_factory=list)
    amounts: list[Amount] = field(default_factory=list)
    places: list[tuple[int, Place]] = field(default_factory=list)  # amounts before it, place
    size: int = 0  # of all lists together

    def closing_date(self) -> Period:
        """The date behind the last amount if no other has one: it is for all of them."""
        dates = [amount.dated for amount in self.amounts if not amount.is_schedule]
        return dates[-1] if dates and not any(date.last for date in dates[:-1]) else NOT_SAID

    def leave_out(self, amount: Amount) -> None:
        """Take an amount out of the loop."""
        at = next(place for place, one in enumerate(self.amounts) if one is amount)
        del self.amounts[at]
        self.places = [(before - (before > at), place) for before, place in self.places]

    def places_of_amounts(self, default: Place) -> list[Place]:
        """For every amount its place.

        One place of a loop holds for all. Of several, each is for the amounts behind it if the first stands before the
        first amount, else for those before it.
        """
        if not self.places:
            return [default] * len(self.amounts)
        best = min(place.rank for _, place in self.places)
        marks = [(before, place) for before, place in self.places if place.rank == best]
        starts, places = [before for before, _ in marks], [place for _, place in marks]
        behind = 1 if len(marks) == 1 or starts[0] == 0 else 0
        last = len(marks) - 1
        return [places[min(max(bisect_right(starts, n) - behind, 0), last)] for n in range(len(self.amounts))]


def parsed_sum(texts: Iterable[str]) -> float | None:
    """The sum of some quantities, for checks only; None if one of them is no number."""
    try:
        total = math.fsum(map(float, texts))
    except (ValueError, OverflowError):
        return None
    return total if math.isfinite(total) else None

"""What holds for the quantities of one LIN: their place, their days, and whether they are totals or parts.

A value holds for the nearest of these that names it: the group of the quantity, its LIN, the LOC group (SLSRPT), the
message. Source: EANCOM 1997 (D.96A) and 2002 (D.01B).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from include.stockwatch.adapters.feeds.raw import Notes

Place = tuple[str, str | None]
"""Id of a location, and the agency that gave it (3055: 9 = GS1, 92 = the buyer, ...)."""

Days = tuple[str | None, str | None]
"""First day, if it is another one, and last day; YYYYMMDD, or as it came where that is no date."""

Part = tuple[str, Days, Place | None]
"""Code, days and place of quantities that add up; no place: wherever they are."""

DAY, PERIOD = 8, 16
STARTS_WITH_DAY = frozenset({"102", "203", "204", "205", "303", "304"})
RETAIL, SUGGESTED = "RTP", "SRP"
SHELF = frozenset({"AAC", "AAD", "AAE"})
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


@dataclass(frozen=True)
class Layout:
    """Where a type of message says place and date, the best first."""

    locations: tuple[str, ...]  # qualifiers of LOC
    parties: tuple[str, ...]  # qualifiers of NAD, looked at where no LOC is
    dates: Mapping[str, tuple[str, ...]]  # qualifier of the last day -> those of the first
    document_date: str = ""  # qualifier of the date of the message, where no other is
    opens: bool = False  # a LOC opens a group of LINs
    has_parts: bool = False  # a total may stand beside its parts in one LIN


LAYOUTS = {
    "INVRPT": Layout(
        locations=("14", "18", "19", "11"),
        parties=("WH", "GY"),
        dates={"366": (), "179": (), "91": ("90",), "206": ("194",)},
        document_date="137",
        has_parts=True,
    ),
    "SLSRPT": Layout(
        locations=("162",),
        parties=("ST",),
        dates={"357": ("356", "90"), "356": (), "91": ("90",)},
        opens=True,
    ),
}


class Quantity(NamedTuple):
    """A QTY, at its segment; `number` is None if it cannot be read, and "" if there is none."""

    segment: int
    code: str
    number: str | None
    unit: str


class Price(NamedTuple):
    """An amount of a PRI, and how near it is to what shoppers pay: 0 is just that."""

    rank: int
    amount: str


@dataclass(slots=True)
class Scope:
    """What was said of a message, of a group of LINs, of a LIN, or of some quantities."""

    place: Place | None = None
    rank: int = 99  # of the place, 0 is best
    dates: dict[str, Days] = field(default_factory=dict)
    about: set[str] = field(default_factory=set)  # tags that single out a part: LOC, STS, GIN, ...


@dataclass(slots=True)
class Group(Scope):
    """Quantities of different codes that share the segments after them."""

    quantities: dict[str, Quantity] = field(default_factory=dict)  # by code
    price: Price | None = None
    is_closed: bool = False  # by a segment after them: the next QTY starts another group
    moves: bool = False  # INV says in or out: no stock, so neither a total nor a part of one


@dataclass(slots=True)
class Line(Scope):
    """One LIN."""

    segment: int = 0
    ids: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    price: Price | None = None  # the best of all its PRI
    groups: list[Group] = field(default_factory=list)
    starts_with_inv: bool = False
    size: int = 0  # quantities


class Held(NamedTuple):
    """Quantities, and what holds for them."""

    group: Group
    place: Place | None
    days: Days


def held(line: Line, outer: list[Scope], layout: Layout, notes: Notes) -> list[Held]:
    """The groups of a LIN, each with its place and days; `outer` are the scopes around the LIN, the nearest first.

    By the book a LOC follows its QTY. Where each one stands before its quantities all through a LIN, it holds from
    there on instead, and that is warned of.
    """
    groups = [group for group in line.groups if group.quantities]
    if not _leads(line, groups):
        return [_held(group, [group, line, *outer], layout, notes) for group in groups]
    what = "each LOC stands before its quantities in this LIN, so it was not read as that of the QTY before it"
    notes.warn("LOCATION_ORDER", line.segment, what)
    found, before = [], Scope(line.place, dates=line.dates)
    for group in groups:
        found.append(_held(group, [before, *outer], layout, notes))
        before = Scope(group.place or before.place, dates=group.dates or before.dates)
        group.about.clear()  # it is about the quantities that follow
    return found


def _leads(line: Line, groups: list[Group]) -> bool:
    """Whether the places of a LIN stand before their quantities: the first does, and none follows the last."""
    if line.place is None or line.starts_with_inv:
        return False
    return groups[-1].place is None and any(group.place for group in groups)


def _held(group: Group, scopes: list[Scope], layout: Layout, notes: Notes) -> Held:
    first, last = _days_of(scopes, layout)
    if first and last and first > last:
        segment = next(iter(group.quantities.values())).segment
        notes.warn("PERIOD", segment, f"the first day {first} is after the last day {last}: it is left out")
        first = None
    return Held(group, _place_of(scopes), (None if first == last else first, last))


def _place_of(scopes: list[Scope]) -> Place | None:
    for scope in scopes:
        if scope.place:
            return scope.place
    return None


def _days_of(scopes: list[Scope], layout: Layout) -> Days:
    for scope in scopes:
        if scope.dates:
            for qualifier, firsts in layout.dates.items():
                if qualifier in scope.dates:
                    first, last = scope.dates[qualifier]
                    starts = [scope.dates[other] for other in firsts if other in scope.dates]
                    return first or (starts[0][0] or starts[0][1] if starts else None), last
    return scopes[-1].dates.get(layout.document_date, (None, None))


def price_rank(kind: str, pricing: str) -> int:
    """How near a price is to what shoppers pay, by its 5125 and its 5387, whose codes may stand in 5125 too.

    A retail price (RTP) comes first, with taxes before without; then what has taxes in it or is a selling price, as no
    price between companies is; then what is suggested (SRP). Calculation prices (AAA, AAB) are what companies pay.
    """
    if RETAIL in (kind, pricing):
        return 0 if kind in SHELF else 1
    if SUGGESTED in (kind, pricing):
        return 3
    return 2 if kind in SHELF else 4


def nearest(*prices: Price | None) -> Price | None:
    """The price that is nearest to what shoppers pay, of several alike the first."""
    return min(filter(None, prices), key=lambda price: price.rank, default=None)


@lru_cache(maxsize=4096)
def days(value: str, form: str) -> Days:
    """The days of a DTM (2380 in the format 2379). What is no such date stays as it is, for a reject to show."""
    digits = value.strip()
    if form in STARTS_WITH_DAY and digits[:DAY].isdecimal() and (len(digits) == DAY or form != "102"):
        return None, digits[:DAY]
    if form == "718":
        both = digits.replace("-", "")
        if len(both) == PERIOD and both.isdecimal():
            return both[:DAY], both[DAY:]
    if form in ("101", "201") and digits.isdecimal():
        return None, f"20{digits[:6]}"
    return None, digits or None


def totals(found: list[Held], notes: Notes) -> set[int]:
    """Segments of the quantities that are totals: the same code and day stands again in the LIN, in parts.

    A part stands after its total and says more: a place, a status, a batch, packages. GS1's own example gives actual
    stock (145) as a total and again by container. A total that is not the sum of its parts is warned of.
    """
    kinds: dict[Part, set[frozenset[str]]] = defaultdict(set)  # what the quantities from here on are about
    sums: dict[Part, Decimal] = defaultdict(Decimal)  # of those that are no totals themselves
    whole: set[int] = set()
    for group, _, when in reversed(found):
        about = frozenset(group.about)
        for quantity in () if group.moves else group.quantities.values():
            own = (quantity.code, when, group.place)
            if any(part > about for part in kinds[own]):
                whole.add(quantity.segment)
                _compare(quantity, sums[own], notes)
            for part in {own, (quantity.code, when, None)}:
                kinds[part].add(about)
                sums[part] += 0 if quantity.segment in whole else _decimal(quantity)
    return whole


def _compare(total: Quantity, parts: Decimal, notes: Notes) -> None:
    difference = _decimal(total) - parts
    if difference and not difference.is_nan():
        what = f"QTY {total.code} is {total.number} in all, its parts add up to {parts}"
        notes.warn("LOCATION_SUM_DIFFERS", total.segment, what)


def _decimal(quantity: Quantity) -> Decimal:
    number = quantity.number or ""
    return Decimal(number if NUMBER.fullmatch(number) else "NaN")

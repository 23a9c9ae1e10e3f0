"""One transaction set of an X12 report: what the messages have in common, and how its loops become rows.

A set takes its segments one by one. Each message adds the segments that only it has, see `x12_messages`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import ClassVar

from include.stockwatch.adapters.feeds.raw import BATCH_ROWS, LOCATION, TOTAL, Notes, Reject, as_raw
from include.stockwatch.adapters.feeds.x12_loops import NOT_SAID, Amount, Item, Loop, Period, Place, day, parsed_sum
from include.stockwatch.adapters.feeds.x12_rows import Context, LongRows
from include.stockwatch.adapters.feeds.x12_segments import Segment, Unreadable, element
from include.stockwatch.domain.gtin import is_gtin
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import X12, X12_QUALIFIERS, Feed

SDQ_HEAD, SDQ_PAIRS = 3, 10
"""Elements of an SDQ before its pairs, and most pairs by the book, in SDQ03 to SDQ22. SDQ23 is a place inside."""

LOCATION_KINDS = frozenset(
    "1 2 8 9 10 11 12 15 16 21 24 54 55 91 92 93 94 CL DNS ML SL SV UL XV XX ZN ZZ".split()  # noqa: SIM905
)
"""SDQ02 that qualify the id of a location (X12 element 66)."""

CHECKED_KINDS = frozenset({"UP", "EN", "UK", "EO", "UG"})
"""LIN qualifiers of numbers with a check digit. UI, UA and UN have none by the book, in 10 or 11 digits."""
UNCHECKED_KINDS, UNCHECKED_LENGTHS = frozenset({"UI", "UA", "UN"}), (10, 11)

MOST_DOUBTS = 100_000
"""Different ids whose warning is remembered, so that each is warned of once."""

LONGEST_COUNT = 9
SMALLEST_DIFFERENCE = 1e-6

SILENT = frozenset(
    "AMT CUR FOB G61 G62 G95 ITA LDT LE LM LQ LS MAN MEA MSG N2 N3 N4 N9 NTE PER PKG PRF PWK REF TD5 XPO".split()  # noqa: SIM905
)
"""Segments that these messages may have and that say nothing about quantity, item, place or day."""


CANCELS = "01"
"""BIA01 and BPT01 (X12 element 353) of a set that cancels an earlier one."""

RETAIL = frozenset({"RES", "RTL"})
"""CTP02 of what consumers pay; it counts before costs and list prices, wherever it stands."""

QUANTITIES = frozenset({"SCH", "ZA"})
"""Segments with a quantity that only one message has: in another one they are rejected."""


@dataclass(frozen=True)
class Opened:
    """A transaction set: ST01, ST02, the ordinal of its ST, GS04 as it came, and the separator inside elements."""

    kind: str
    number: str
    line: int
    sent: str
    component: str


@dataclass
class Reading:
    """What all sets of a file share."""

    feed: Feed
    notes: Notes
    rows: LongRows
    doubted: set[str] = field(default_factory=set)  # ids that were warned of

    @cached_property
    def qualifiers(self) -> tuple[str, ...]:
        """Which ids of an item are taken, in this order."""
        return self.feed.item_id.qualifiers or X12_QUALIFIERS

    @cached_property
    def parties(self) -> tuple[str, ...]:
        """N101 of the location, if the profile says so."""
        return self.feed.format.location_parties if isinstance(self.feed.format, X12) else ()


class TransactionSet:
    """One transaction set: takes its segments one by one, and adds the rows of each loop when the loop ends."""

    default_parties: ClassVar[tuple[str, ...]] = ("ST",)
    takes_names: ClassVar[bool] = True
    """Whether the name of a place may stand in for an id that it lacks. Not where places are somebody's customers."""

    def __init__(self, opened: Opened, reading: Reading) -> None:
        self._opened, self._reading = opened, reading
        self._notes, self._rows = reading.notes, reading.rows
        self._parties = reading.parties or self.default_parties
        self._sent = Period(None, day(opened.sent) or None)
        self._dated = self._stated = NOT_SAID  # of the set, by its DTM and by its first segment
        self._place: Place | None = None
        self._loop: Loop | None = None
        self._amount: Amount | None = None
        self._line_items = 0
        self._takes: dict[str, Callable[[int, Segment], None]] = {
            "CTP": self._price,
            "CTT": self._count,
            "DTM": self._date,
            "LIN": self._line_item,
            "N1": self._party,
            "PID": self._description,
            "PO4": self._pack,
            "QTY": self._quantity,
            "SDQ": self._by_location,
            "UIT": self._unit_of_item,
        }

    def take(self, line: int, segment: Segment) -> None:
        """One segment of the set.

        Raises: Unreadable if it is no stock report, or an item has more quantities than fit into memory
        """
        take = self._takes.get(segment[0])
        if take:
            take(line, segment)
        elif segment[0] in QUANTITIES:
            reason, fix = f"{segment[0]} has no place in an {self._opened.kind}", "ask the partner what it means"
            self._rows.reject(Reject(line, "MISPLACED", segment[0], "", reason, fix, as_raw(segment)))
        elif segment[0] not in SILENT:
            self._notes.warn("UNREAD_SEGMENT", line, f"{segment[0]} in an {self._opened.kind}")

    def end(self) -> None:
        """The set is over."""
        self._close()

    # Items

    def _line_item(self, line: int, segment: Segment) -> None:
        self._close()
        self._line_items += 1
        item = Item(line)
        self._loop = Loop(line, items=[item])
        self._identify(item, line, segment)

    def _identify(self, item: Item, line: int, segment: Segment) -> None:
        """Take the first id of a LIN in the order of the profile."""
        item.is_named, item.line = True, line
        ids: dict[str, str] = {}
        for place in range(2, len(segment) - 1, 2):
            text = segment[place + 1].strip()
            if text:
                ids.setdefault(segment[place].strip(), text)
        item.kind = next((kind for kind in self._reading.qualifiers if kind in ids), None)
        if item.kind is None:
            named = ", ".join(f"`{kind}`" for kind in ids) or "none"
            self._notes.warn("ITEM_QUALIFIER", line, f"no id that the feed takes; the LIN has {named}")
            return
        item.id = ids[item.kind]
        doubted = self._reading.doubted
        if _is_doubtful(item.kind, item.id) and item.id not in doubted and len(doubted) < MOST_DOUBTS:
            doubted.add(item.id)
            self._notes.warn("GTIN_CHECK", line, f"{item.kind} `{item.id}` is no GTIN with a valid check digit")

    def _item(self, line: int) -> Item:
        """The item at hand; one without a name if there is none."""
        loop = self._loop_at(line)
        if not loop.items:
            loop.items.append(Item(line))
        return loop.items[-1]

    def _loop_at(self, line: int) -> Loop:
        if self._loop is None:
            self._loop = Loop(line)
        return self._loop

    def _description(self, _: int, segment: Segment) -> None:
        if self._loop and self._loop.items and element(segment, 1) == "F":
            item = self._loop.items[-1]
            item.name = item.name or element(segment, 5) or None

    def _pack(self, _: int, segment: Segment) -> None:
        """Eaches in a case: PO401 packs of PO414 eaches."""
        if self._loop and self._loop.items:
            pieces = _whole(element(segment, 1)) * (_whole(element(segment, 14)) or 1)
            if pieces > 1:
                self._loop.items[-1].pack = str(pieces)

    def _unit_of_item(self, line: int, segment: Segment) -> None:
        if self._loop:
            item = self._item(line)
            item.unit = item.unit or element(segment, 1) or None

    def _must_add(self, line: int, segment: Segment) -> None:
        """Whether the purpose of the set (BIA01, BPT01) is to say something, and not to take it back."""
        if element(segment, 1) == CANCELS:
            self._notes.hold_cancellation(line, f"{segment[0]}01 `{CANCELS}`")

    def _price(self, line: int, segment: Segment) -> None:
        price = element(segment, 3)
        if not (price and self._loop and self._loop.items):
            return
        item, kind, unit = self._loop.items[-1], element(segment, 2), self._unit(segment, 5)
        if not self._reading.feed.units.are_pieces(unit):
            self._notes.warn("PRICE_BASIS", line, f"price {price} is of one `{unit}`, not of one piece: left out")
            return
        is_better = kind in RETAIL and item.price_kind not in RETAIL
        if item.price and item.price != price:
            taken = price if is_better else item.price
            what = f"{item.price_kind} {item.price} and {kind} {price}: {taken} is taken"
            self._notes.warn("SEVERAL_PRICES", line, what)
        if is_better or not item.price:
            item.price, item.price_kind = price, kind

    # Places and days

    def _party(self, line: int, segment: Segment) -> None:
        party, kind, location = element(segment, 1), element(segment, 3), element(segment, 4)
        if party not in self._parties:
            return
        if not location and self.takes_names:
            kind, location = "", element(segment, 2)
        if location:
            self._locate(line, Place(location, kind or None, self._parties.index(party)))

    def _locate(self, line: int, place: Place) -> None:
        """A place of the loop; before the first loop, of the whole set."""
        if self._loop:
            self._grow(self._loop, 1)
            self._loop.places.append((len(self._loop.amounts), place))
        elif self._place is None or place.rank < self._place.rank:
            self._place = place
        elif place.rank == self._place.rank and place.id != self._place.id:
            what = f"`{place.id}` and `{self._place.id}` are both locations of the set; none is taken"
            self._notes.warn("SEVERAL_LOCATIONS", line, what)
            self._place = Place(None, None, place.rank)

    def _date(self, _: int, segment: Segment) -> None:
        if self._loop is None:
            self._dated = self._dated.with_date(segment)
        else:
            bearer = self._amount or (self._loop.items[-1] if self._loop.items else self._loop)
            bearer.dated = bearer.dated.with_date(segment)

    def _period_of_set(self) -> Period:
        return self._dated.over(self._stated).over(self._sent)

    def _period_of_loop(self, loop: Loop) -> Period:
        return loop.dated.over(loop.closing_date()).over(self._period_of_set())

    # Quantities

    def _quantity(self, line: int, segment: Segment) -> None:
        self._amount = self._add(line, element(segment, 1), element(segment, 2), self._unit(segment))

    def _add(self, line: int, code: str, quantity: str, unit: str) -> Amount:
        item, loop = self._item(line), self._loop_at(line)
        amount = Amount(item, line, loop.prefix + code, quantity, unit)
        self._grow(loop, 1)
        loop.amounts.append(amount)
        item.is_counted = item.is_counted or bool(quantity)
        return amount

    def _unit(self, segment: Segment, place: int = 3) -> str:
        """QTY03 or CTP05, the first part of it if it is a composite."""
        unit = element(segment, place)
        return unit.split(self._opened.component)[0] if self._opened.component else unit

    def _grow(self, loop: Loop, by: int) -> None:
        loop.size += by
        if loop.size > BATCH_ROWS:
            what = f"the loop of segment {loop.line} has more than {BATCH_ROWS} quantities"
            raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner to split the report")

    def _bearer(self, line: int) -> Amount:
        """The quantity that an SDQ belongs to."""
        if self._amount is None:
            self._amount = self._add(line, "SDQ", "", "")
        return self._amount

    def _by_location(self, line: int, segment: Segment) -> None:
        """An SDQ: unit, kind of location, and pairs of location and quantity."""
        size = len(segment)
        if size % 2 == 0 or "" in segment or size > SDQ_HEAD + 2 * SDQ_PAIRS:
            segment = self._tidy(line, segment)
            size = len(segment)
        if size <= SDQ_HEAD:
            return
        amount = self._bearer(line)
        unit, kind = segment[1], segment[2]
        if not (amount.parts and amount.parts[-1].kind == kind) and kind and kind not in LOCATION_KINDS:
            self._notes.warn("LOCATION_KIND", line, f"SDQ02 `{kind}` is not known to qualify a location")
        amount.part(unit, kind).add(line, segment[3::2], segment[4::2])
        amount.item.is_counted = True
        self._grow(self._loop_at(line), (size - SDQ_HEAD) // 2)

    def _tidy(self, line: int, segment: Segment) -> Segment:
        """An SDQ of whole pairs; a pair that was cut is rejected."""
        kind = element(segment, 2)
        cells = [cell.strip() for cell in segment[SDQ_HEAD:]]
        if len(cells) == 2 * SDQ_PAIRS + 1:
            inside = cells.pop()
            if inside:
                self._notes.warn("PLACE_IN_LOCATION", line, f"SDQ23 `{inside}` is not told apart")
        elif len(cells) > 2 * SDQ_PAIRS:
            self._notes.warn("LONG_SDQ", line, f"{len(cells)} elements of pairs, by the book {2 * SDQ_PAIRS}")
        cut = cells.pop() if len(cells) % 2 else ""
        if cut and not cells and kind not in LOCATION_KINDS:
            self._notes.warn("LOCATION_KIND", line, f"SDQ02 `{kind}`, SDQ03 `{cut}`: a status, no location; not read")
        elif cut:
            self._reject_pair(line, segment, cut, "a location without quantity")
        pairs = list(zip(cells[::2], cells[1::2], strict=True))
        for location, quantity in pairs:
            if quantity and not location:
                self._reject_pair(line, segment, quantity, "a quantity without location")
        return [segment[0], element(segment, 1), kind, *(cell for pair in pairs if pair[0] for cell in pair)]

    def _reject_pair(self, line: int, segment: Segment, value: str, reason: str) -> None:
        fix = "ask the partner to send the segment again"
        self._rows.reject(Reject(line, "CUT_PAIR", "SDQ", value, f"{reason}: the pair was cut", fix, as_raw(segment)))

    # Ends

    def _count(self, line: int, segment: Segment) -> None:
        self._close()
        said = element(segment, 1)
        if said.lstrip("0") not in {str(count).lstrip("0") for count in self._counts()}:
            self._notes.warn("CTT_COUNT", line, f"CTT01 says {said or 'nothing'}, counted {self._counts()[0]} items")

    def _counts(self) -> tuple[int, ...]:
        return (self._line_items,)

    def _close(self) -> None:
        """The loop is over: add its rows."""
        loop, self._loop, self._amount = self._loop, None, None
        if loop is None:
            return
        self._pair_up(loop)
        period = self._period_of_loop(loop)
        for amount, place in zip(loop.amounts, loop.places_of_amounts(self._place or Place()), strict=True):
            self._add_rows(amount, amount.period.over(period), place)
        for item in loop.items:
            if item.is_named and not item.is_counted:
                self._notes.warn("NO_QUANTITY", item.line, f"item `{item.id or ''}` has no quantity")

    def _pair_up(self, loop: Loop) -> None:
        """Bring together what belongs together, once the whole loop is known."""

    def _add_rows(self, amount: Amount, period: Period, place: Place) -> None:
        unit = amount.unit or amount.item.unit or next((part.unit for part in amount.parts), "")
        if amount.quantity or not amount.parts:
            level = TOTAL if amount.is_total else LOCATION
            context = self._context(amount.item, amount.code, unit, place.kind, period, level)
            self._rows.add(context, amount.line, place.id, amount.quantity or None)
        for part in amount.parts:
            code, days = amount.code_of_parts or amount.code, part.period.over(period)
            context = self._context(amount.item, code, part.unit or unit, part.kind, days, LOCATION)
            self._rows.extend(context, part.lines, part.sizes, part.locations, part.quantities)
        if amount.is_total:
            self._check_total(amount)

    def _context(self, item: Item, code: str, unit: str, kind: str | None, period: Period, level: str) -> Context:
        """In the order of `x12_rows.CONTEXT`."""
        return (
            item.id,
            item.kind,
            item.name,
            kind or None,
            code or None,
            unit or None,
            item.pack,
            period.first,
            period.last,
            item.price,
            level,
            self._opened.number,
        )

    def _check_total(self, amount: Amount) -> None:
        if amount.has_other_units:
            self._notes.warn("UNITS_DIFFER", amount.line, f"the total is in {amount.unit}, its parts are not")
        parts = amount.sum_of_parts()
        total = parsed_sum((amount.quantity,))
        if parts is not None and total is not None and abs(total - parts) > SMALLEST_DIFFERENCE:
            what = f"the total is {amount.quantity}, the parts add up to {parts:.15g}"
            self._notes.warn("LOCATION_SUM_DIFFERS", amount.line, f"{what}: {amount.code} of `{amount.item.id or ''}`")


def _is_doubtful(kind: str, number: str) -> bool:
    return (kind in CHECKED_KINDS and not _is_gtin(number)) or (
        kind in UNCHECKED_KINDS and len(number) not in UNCHECKED_LENGTHS and not _is_gtin(number)
    )


_is_gtin = lru_cache(maxsize=65_536)(is_gtin)


def _whole(text: str) -> int:
    """A count as a number; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_COUNT else 0

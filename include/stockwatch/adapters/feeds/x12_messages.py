"""What stands between ST and SE of an X12 report: one reader per message, each a table of the segments it understands.

| | 852 | 846 | 867 |
|---|---|---|---|
| quantity | ZA, SDQ; QTY beside it | QTY, SDQ, SCH | QTY |
| item | LIN | LIN | LIN, before or behind its QTY |
| location | SDQ, N1*ST | SDQ, SCH, N1*WH, REF | N1*ST |
| day | DTM in the ZA loop, ZA05, XQ | DTM of the item, of the set, BIA04 | DTM of the PTD loop, of the set, BPT03 |

Behind all of these comes GS04, the day on which the file was sent. An N1*SF of an 846 says who ships, not where the
stock lies; a feed for which it does says so (`format.location_parties`). An N1 in a loop is for that loop only.
"""

from __future__ import annotations

from include.stockwatch.adapters.feeds.x12_loops import OTHER_DAYS, Amount, Item, Loop, Period, Place, day
from include.stockwatch.adapters.feeds.x12_segments import Segment, Unreadable, element
from include.stockwatch.adapters.feeds.x12_set import Opened, Reading, TransactionSet
from include.stockwatch.errors import HoldCode

WAREHOUSE = "WH"
LOCATION_REFERENCES = frozenset({"LU", "ST", "WS"})
"""REF01 whose REF02 is a location; `ZZ` means one if the id says so by beginning with `WH`."""

METERED = {"BPT": "SU", "PTD": "BJ", "QTY": "KH"}
"""What marks an 867 as meter readings of the energy trade: BPT01, PTD01, and the unit in QTY03."""

SALES = frozenset({"", "SD", "SS"})
"""PTD01 of a sale."""


class ProductActivity(TransactionSet):
    """852: what a retailer's locations sold and hold."""

    def __init__(self, opened: Opened, reading: Reading) -> None:
        super().__init__(opened, reading)
        self._takes |= {"XQ": self._report_period, "ZA": self._activity}

    def _locate(self, line: int, place: Place) -> None:
        """By the book an N1 stands before all items. If it stands behind one too, it opens the next location."""
        if self._loop and self._loop.amounts and self._place and place.rank <= self._place.rank:
            self._close()
            self._place = place
        else:
            super()._locate(line, place)

    def _report_period(self, _: int, segment: Segment) -> None:
        first, last = element(segment, 2), element(segment, 3)
        self._stated = Period(day(first) or None, day(last)) if last else Period(None, day(first) or None)

    def _activity(self, line: int, segment: Segment) -> None:
        self._amount = self._add(line, element(segment, 1), element(segment, 2), element(segment, 3))
        date = element(segment, 5)
        if date and element(segment, 4) not in OTHER_DAYS:
            self._amount.stated = Period(None, day(date))

    def _quantity(self, line: int, segment: Segment) -> None:
        """A QTY is another figure beside the ZA, and never added to it."""
        beside = self._add(line, f"QTY:{element(segment, 1)}", element(segment, 2), self._unit(segment))
        beside.above = self._amount

    def _period_of_set(self) -> Period:
        return self._stated.over(self._dated).over(self._sent)

    def _period_of_loop(self, loop: Loop) -> Period:
        return loop.dated.over(self._period_of_set())


class Inventory(TransactionSet):
    """846: what a warehouse or distributor holds."""

    default_parties = (WAREHOUSE,)

    def __init__(self, opened: Opened, reading: Reading) -> None:
        super().__init__(opened, reading)
        self._loose: Amount | None = None  # of SDQ that stand before any QTY
        self._takes |= {
            "BIA": self._report_date,
            "REF": self._reference,
            "SCH": self._schedule,
            "SLN": self._part_of_item,
        }

    def _report_date(self, line: int, segment: Segment) -> None:
        self._must_add(line, segment)
        self._stated = Period(None, day(element(segment, 4)) or None)

    def _reference(self, line: int, segment: Segment) -> None:
        kind, location = element(segment, 1), element(segment, 2)
        if location and (kind in LOCATION_REFERENCES or (kind == "ZZ" and location.upper().startswith(WAREHOUSE))):
            self._locate(line, Place(location, kind, len(self._parties)))

    def _part_of_item(self, line: int, _: Segment) -> None:
        self._loop_at(line).prefix = "SLN:"

    def _bearer(self, line: int) -> Amount:
        if self._amount is not None:
            return self._amount
        if self._loose is None:
            self._loose = self._add(line, "SDQ", "", "")
        return self._loose

    def _schedule(self, line: int, segment: Segment) -> None:
        """An SCH with a place is the stock there; without one, or for another day, a plan."""
        quantity, unit, date = element(segment, 1), element(segment, 2), element(segment, 6)
        party, place = element(segment, 3), element(segment, 4)
        is_plan = element(segment, 5) in OTHER_DAYS
        period = Period(None, day(date) or None)
        if self._amount and place and not is_plan and party in {*self._parties, WAREHOUSE}:
            self._grow(self._loop_at(line), 1)
            self._amount.part(unit, party, period).add(line, [place], [quantity])
            self._amount.item.is_counted = True
            return
        code = f"SCH:{self._amount.code}" if self._amount else "SCH"
        plan = self._add(line, code, quantity, unit)
        plan.stated, plan.above, plan.is_schedule = period, self._amount, True

    def _pair_up(self, loop: Loop) -> None:
        """Give the SDQ that stood before any QTY to the one QTY that is their total."""
        loose, self._loose = self._loose, None
        if loose is None:
            return
        codes = self._reading.feed.codes
        measures = codes.measures if codes else {}
        meaning = measures.get("SDQ")
        totals = [
            amount
            for amount in loop.amounts
            if amount is not loose
            and not (amount.parts or amount.is_schedule)
            and (meaning is None or measures.get(amount.code, meaning) == meaning)
        ]
        if len(totals) == 1:
            total = totals[0]
            total.parts = loose.parts
            total.code_of_parts = "SDQ" if meaning and total.code not in measures else ""
            loop.leave_out(loose)


class Resale(TransactionSet):
    """867: what a distributor sold on, and to whom. QTY may stand before its LIN (by the book) or behind it."""

    takes_names = False

    def __init__(self, opened: Opened, reading: Reading) -> None:
        super().__init__(opened, reading)
        self._transfers = 0
        self._takes |= {"BPT": self._report_date, "PTD": self._transfer}

    def _report_date(self, line: int, segment: Segment) -> None:
        self._refuse_readings(line, segment, element(segment, 1))
        self._must_add(line, segment)
        self._stated = Period(None, day(element(segment, 3)) or None)

    def _transfer(self, line: int, segment: Segment) -> None:
        self._close()
        self._refuse_readings(line, segment, element(segment, 1))
        self._transfers += 1
        kind = element(segment, 1)
        self._loop = Loop(line, prefix="" if kind in SALES else f"{kind}:")

    def _refuse_readings(self, line: int, segment: Segment, said: str) -> None:
        if said == METERED[segment[0]]:
            what = f"segment {line}: {segment[0]} says `{said}`: meter readings, no stock report"
            raise Unreadable(HoldCode.UNSUPPORTED, what, "move the file out of the folder of this feed")

    def _line_item(self, line: int, segment: Segment) -> None:
        """The name of the quantities before it if they have none, else a new item."""
        self._line_items += 1
        loop = self._loop_at(line)
        if not loop.items or loop.items[-1].is_named:
            self._open_item(loop, line)
        self._identify(loop.items[-1], line, segment)

    def _quantity(self, line: int, segment: Segment) -> None:
        self._refuse_readings(line, segment, self._unit(segment))
        loop = self._loop_at(line)
        quantity_first = bool(loop.amounts) and loop.amounts[0].line < loop.items[0].line
        if quantity_first and loop.items[-1].is_named:
            self._open_item(loop, line)
        super()._quantity(line, segment)

    def _open_item(self, loop: Loop, line: int) -> None:
        self._grow(loop, 1)
        loop.items.append(Item(line))
        if loop.amounts:
            self._amount = None

    def _counts(self) -> tuple[int, ...]:
        return self._line_items, self._transfers


MESSAGES: dict[str, type[TransactionSet]] = {"852": ProductActivity, "846": Inventory, "867": Resale}

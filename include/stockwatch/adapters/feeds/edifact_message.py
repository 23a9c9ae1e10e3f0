"""What the messages INVRPT and SLSRPT say: one row per QTY."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from include.stockwatch.adapters.feeds.edifact_line import (
    LAYOUTS,
    Group,
    Layout,
    Line,
    Price,
    Quantity,
    Scope,
    days,
    held,
    nearest,
    price_rank,
    totals,
)
from include.stockwatch.adapters.feeds.edifact_segments import Segment, Unreadable
from include.stockwatch.adapters.feeds.raw import LOCATION, TOTAL, Notes, Reject, Value, as_raw
from include.stockwatch.domain.gtin import is_gtin
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Units

MOST_IN_LINE = 100_000
"""Quantities of one LIN, which are read together."""

MOST_IDS = 100
"""Kinds of ids of one LIN."""

Row = tuple[int | str | None, ...]
"""The segment of the QTY, then the columns of `raw.LONG`."""

GTIN_KINDS = frozenset({"EN", "SRV", "UP"})
IS_GTIN = lru_cache(maxsize=1 << 16)(is_gtin)
OWN_IDS = frozenset({"", "1", "5"})
"""Functions of PIA whose ids are the item's own; 2, 3 and 4 name substitutes."""

DATES = {"137"}.union(*({last, *firsts} for layout in LAYOUTS.values() for last, firsts in layout.dates.items()))


CANCELS = "1"
"""The function of a message (1225) that cancels an earlier one."""


@dataclass(frozen=True)
class Reading:
    """How the values of an interchange are written, which ids the feed takes, and where rows and findings go."""

    decimal: str
    charsets: tuple[str, ...]  # tried in turn
    qualifiers: tuple[str, ...]
    takes_others: bool  # the feed names no qualifiers, so an item that has none of the usual ones is taken all the same
    notes: Notes
    rows: list[Row]
    rejects: list[Reject]
    units: Units

    def text(self, value: str, number: int) -> str:
        """An id or a code in its character set.

        Raises: Unreadable, as two ids that cannot be read would become one.
        """
        text = self._decoded(value)
        if "\ufffd" in text:
            fix = "ask the partner to write what UNB says, or to name the right character set there"
            raise Unreadable(HoldCode.ENCODING, f"segment {number}: `{text}` is not {self.charsets[0]} text", fix)
        return text

    def name(self, value: str, number: int) -> str:
        """A name in its character set; what cannot be read in it is warned of."""
        text = self._decoded(value)
        if "\ufffd" in text:
            self.notes.warn("ENCODING", number, f"the name `{text}` is not {self.charsets[0]} text")
        return text

    def _decoded(self, value: str) -> str:
        value = value.strip()
        if value.isascii():
            return value
        raw = value.encode("latin-1")
        for charset in self.charsets:
            with suppress(UnicodeDecodeError):
                return raw.decode(charset)
        return raw.decode(self.charsets[0], errors="replace")

    def number(self, value: str) -> str | None:
        """A number with a dot as decimal mark; None if it has a dot where UNA names a comma."""
        value = value.strip()
        if self.decimal == ".":
            return value
        return None if "." in value else value.replace(",", ".")

    def reject(self, segment: Segment, number: int, reason: str) -> None:
        """Set a QTY aside that cannot be read."""
        raw = [":".join(parts) for parts in segment]
        fix = "ask the partner what is meant: one number and one decimal mark"
        value = ":".join(composite(segment, 1))
        self.rejects.append(Reject(number, "BAD_QUANTITY", Value.QUANTITY, value, reason, fix, as_raw(raw)))


class Message:
    """Reads the segments between UNH and UNT."""

    def __init__(self, layout: Layout, reference: str, reading: Reading) -> None:
        self.lines = 0
        self.lines_said = ""  # CNT+2
        self._layout, self._reference, self._reading = layout, reference, reading
        self._message = Scope()
        self._lines: Scope | None = None  # the group of LINs after a LOC of SLSRPT
        self._line: Line | None = None

    def take(self, tag: str, segment: Segment, number: int) -> None:
        """Read the segment of this number in the file.

        Raises: Unreadable, if an id is not in the character set of the interchange, or a LIN is without bounds.
        """
        reader = READERS.get(tag)
        if reader:
            reader(self, segment, number)

    def close(self) -> None:
        """Give the rows of the LIN that ends here."""
        line, self._line = self._line, None
        if line is None:
            return
        notes = self._reading.notes
        if not line.size:
            notes.warn("NO_QUANTITY", line.segment, f"item {', '.join(line.ids.values()) or 'without id'} has no QTY")
            return
        item, kind = self._item(line)
        outer = [self._lines, self._message] if self._lines else [self._message]
        found = held(line, outer, self._layout, notes)
        whole = totals(found, notes) if self._layout.has_parts and len(found) > 1 else set()
        for group, place, (first, last) in found:
            where, agency = place or (None, None)
            price = nearest(group.price, line.price)
            for segment, code, quantity, unit in group.quantities.values():
                if quantity is not None:
                    level = TOTAL if segment in whole else LOCATION
                    row = (segment, item, kind, line.name, where, agency, code or None, quantity or None, unit or None)
                    self._reading.rows.append((*row, None, first, last, price and price.amount, level, self._reference))

    def _item(self, line: Line) -> tuple[str | None, str | None]:
        notes, wanted = self._reading.notes, self._reading.qualifiers
        kind = next((kind for kind in wanted if kind in line.ids), None)
        if kind is None and line.ids:
            what = f"ids of {_quoted(line.ids)}, none of {_quoted(wanted)}"
            notes.warn("ITEM_QUALIFIER", line.segment, what)
            kind = next(iter(line.ids)) if self._reading.takes_others else None
        if kind is None:
            return None, None
        item = line.ids[kind]
        if kind in GTIN_KINDS and not IS_GTIN(item):
            notes.warn("GTIN_CHECK", line.segment, f"`{item}` ({kind}) is no GTIN with a valid check digit")
        return item, kind or None

    # What a segment is about

    def _scope(self) -> Scope:
        """What segments say something of here."""
        if self._line is None:
            return self._lines or self._message
        return self._line.groups[-1] if self._line.groups else self._line

    def _after(self) -> Scope:
        """The same, for a segment that stands after the quantities which it is about."""
        scope = self._scope()
        if isinstance(scope, Group) and scope.quantities:
            scope.is_closed = True
        return scope

    # The segments

    def _lin(self, segment: Segment, number: int) -> None:
        self.close()
        self.lines += 1
        self._line = Line(segment=number)
        self._add_id(self._line, composite(segment, 3), number)

    def _pia(self, segment: Segment, number: int) -> None:
        if self._line and component(segment, 1) in OWN_IDS:
            for element in range(2, len(segment)):
                self._add_id(self._line, segment[element], number)

    def _add_id(self, line: Line, parts: list[str], number: int) -> None:
        value = parts[0] if parts else ""
        if value.strip(" 0") and len(line.ids) < MOST_IDS:  # an id of zeros only is none: a sale without item
            kind = self._reading.text(parts[1], number) if len(parts) > 1 else ""
            line.ids.setdefault(kind, self._reading.text(value, number))

    def _imd(self, segment: Segment, number: int) -> None:
        if self._line and self._line.name is None:
            name = " ".join(composite(segment, 3)[3:5])
            self._line.name = self._reading.name(name, number) or None

    def _inv(self, segment: Segment, number: int) -> None:
        line = self._line
        if line and (line.starts_with_inv or not line.groups):
            line.starts_with_inv = True
            if line.groups and not line.groups[-1].quantities:
                line.groups.pop()
            line.groups.append(Group())
        scope = self._after()
        if component(segment, 2):
            scope.about.add("INV")
        direction = component(segment, 1)
        if direction and isinstance(scope, Group):
            scope.moves = True
            what = f"INV says direction {direction} (1 = out, 2 = in), which the code of the quantity does not tell"
            self._reading.notes.warn("MOVEMENT", number, what)

    def _qty(self, segment: Segment, number: int) -> None:
        reading = self._reading
        line = self._line = self._line or Line(segment=number)
        line.size += 1
        if line.size > MOST_IN_LINE:
            what = f"the LIN at segment {line.segment} has more than {MOST_IN_LINE} quantities"
            raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for a LIN per item and location")
        code, value, unit, *_ = [*composite(segment, 1), "", "", ""]
        quantity = Quantity(number, reading.text(code, number), reading.number(value), reading.text(unit, number))
        if any(map(any, segment[2:])):
            quantity = quantity._replace(number=None)
            reading.reject(segment, number, "QTY has one element, of a code, a number and a unit; here are more")
        elif quantity.number is None:
            reading.reject(segment, number, f"not a number with `{reading.decimal}` as decimal mark, which UNA names")
        group = line.groups[-1] if line.groups else None
        if group is None or group.is_closed or quantity.code in group.quantities:
            group = Group()
            line.groups.append(group)
        group.quantities[quantity.code] = quantity

    def _loc(self, segment: Segment, number: int) -> None:
        qualifier, known = component(segment, 1), self._layout.locations
        # a LOC of another kind that follows an opening one directly only adds to it
        if self._layout.opens and (qualifier in known or self._line):
            self.close()
            self._lines = Scope()
        if qualifier in known:
            self._place(segment, number, known.index(qualifier))
        self._after().about.add("LOC")

    def _nad(self, segment: Segment, number: int) -> None:
        qualifier, known = component(segment, 1), self._layout.parties
        if qualifier in known:
            self._place(segment, number, len(self._layout.locations) + known.index(qualifier))
        self._after().about.add("NAD")

    def _place(self, segment: Segment, number: int, rank: int) -> None:
        scope, parts = self._scope(), [*composite(segment, 2), "", "", ""]
        place = self._reading.text(parts[0], number)
        if place and rank < scope.rank:
            scope.place, scope.rank = (place, self._reading.text(parts[2], number) or None), rank

    def _dtm(self, segment: Segment, _: int) -> None:
        qualifier, value, form, *_rest = [*composite(segment, 1), "", "", ""]
        scope = self._after()
        if qualifier in DATES:
            scope.dates.setdefault(qualifier, days(value, form))
        else:
            scope.about.add("DTM")

    def _pri(self, segment: Segment, number: int) -> None:
        scope, line, notes = self._after(), self._line, self._reading.notes
        kind, value, _, pricing, basis, unit, *_ = [*composite(segment, 1), "", "", "", "", "", ""]
        price = self._reading.number(value)
        if price is None:
            what = f"price `{value}` is no number with `{self._reading.decimal}` as decimal mark (UNA): left out"
            notes.warn("BAD_PRICE", number, what)
        elif price and not (basis.strip() in ("", "1") and self._reading.units.are_pieces(unit.strip())):
            of = f"{basis.strip() or 1} {unit.strip() or 'units'}"
            notes.warn("PRICE_BASIS", number, f"price {value} is for {of}, not for one piece: left out")
        elif price and line:
            said, before = Price(price_rank(kind.strip(), pricing.strip()), price), line.price
            if isinstance(scope, Group):
                before, scope.price = scope.price, nearest(scope.price, said)
            line.price = nearest(line.price, said)
            if before and before.amount != price:
                taken = nearest(before, said)
                what = f"{before.amount} and {price}: {taken and taken.amount} is taken"
                notes.warn("SEVERAL_PRICES", number, what)

    def _bgm(self, segment: Segment, number: int) -> None:
        if component(segment, 3) == CANCELS:
            self._reading.notes.hold_cancellation(number, f"BGM `{CANCELS}`")

    def _part(self, segment: Segment, _: int) -> None:
        self._after().about.add(segment[0][0])

    def _rff(self, _: Segment, __: int) -> None:
        self._scope().about.add("RFF")  # some stand before their QTY, so a reference ends no group

    def _summary(self, segment: Segment, _: int) -> None:
        self.close()
        self._lines = None
        if composite(segment, 1)[:1] == ["2"] and segment[0][0] == "CNT":
            self.lines_said = component(segment, 1, 1)


READERS = {
    "BGM": Message._bgm,
    "LIN": Message._lin,
    "PIA": Message._pia,
    "IMD": Message._imd,
    "INV": Message._inv,
    "QTY": Message._qty,
    "LOC": Message._loc,
    "NAD": Message._nad,
    "DTM": Message._dtm,
    "PRI": Message._pri,
    "RFF": Message._rff,
    "UNS": Message._summary,
    "CNT": Message._summary,
} | dict.fromkeys(("STS", "GIN", "GIR", "CPS", "PAC", "PCI"), Message._part)


def composite(segment: Segment, element: int) -> list[str]:
    """The components of an element; none if the segment is shorter."""
    return segment[element] if element < len(segment) else []


def component(segment: Segment, element: int, index: int = 0) -> str:
    """One component of a segment; blank if the segment is shorter."""
    parts = segment[element] if element < len(segment) else []
    return parts[index].strip() if index < len(parts) else ""


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

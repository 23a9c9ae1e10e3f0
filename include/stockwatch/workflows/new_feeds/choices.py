"""Which columns of an unknown table are its location, its item and its quantities: the likeliest, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from include.stockwatch.adapters.feeds.numbers import parser
from include.stockwatch.adapters.feeds.sniff import shown
from include.stockwatch.adapters.feeds.sniff_columns import Column
from include.stockwatch.adapters.feeds.sniff_table import Table
from include.stockwatch.domain import gtin
from include.stockwatch.domain.reported import MEASURES
from include.stockwatch.settings.spellings import names_a_count

WAREHOUSE = re.compile(r"(?i)warehouse|whse|whs|\bdc\b|lager|werk|plant|depot|dépôt|entrep|almac|magazz|magazijn")
STORE = re.compile(r"(?i)store|str nbr|filial|markt|magasin|tienda|negozio|pdv|punto|winkel")
SALES = re.compile(r"(?i)sales|sold|sell.?out|\bpos\b|verkauf|absatz|ventes|venta|vendite|verkoop|slsda")
OF_WAREHOUSES = ("UNFI",)
"""Portals whose locations are warehouses, whatever they call them."""

FILLED, USUALLY_FILLED = 0.5, 0.98
"""Shares of the rows: a location has a text in most, a GTIN in nearly all."""

MOST_CODES = 50
SELLABLE = "SELLABLE"


@dataclass(frozen=True)
class Item:
    """The column that identifies the item."""

    column: Column
    kind: str  # gtin or partner
    note: str
    sure: bool


class Choices:
    """What each column of a table is taken for."""

    def __init__(self, table: Table, file_name: str) -> None:
        self.table, self.file_name = table, file_name
        self.number: Callable[[str], float | None] = parser(table.numbers.decimal, table.numbers.thousands, money=True)

    @cached_property
    def locations(self) -> list[Column]:
        """The columns that could be the location, the likeliest first."""
        return [one for one in self.filled("location_id") if one.filled >= FILLED * len(self.table.rows)]

    @property
    def location(self) -> Column | None:
        """The likeliest of them."""
        return next(iter(self.locations), None)

    @property
    def location_type(self) -> tuple[str, bool]:
        """Store or dc, and whether the name of the location says so."""
        column = self.location
        names = [column.name] if column else [self.file_name, *self.table.preamble]
        text = " ".join(names).replace("_", " ")
        of_warehouses = column and column.meaning and column.meaning.known_from in OF_WAREHOUSES
        if of_warehouses or WAREHOUSE.search(text):
            return "dc", column is not None
        return "store", column is not None and STORE.search(text) is not None

    @cached_property
    def item(self) -> Item | None:
        """A GTIN if a column has one in nearly all rows and its check digits are right, or wanting everywhere.

        Else the partner's own number, that by which the fewest rows repeat each other.
        """
        own = self.filled("item_id")
        poor: list[str] = []
        for column in self._gtins():
            if column.filled < USUALLY_FILLED * len(self.table.rows) and own:
                poor.append(f"`{shown(column.name)}` is filled in {column.filled} of {len(self.table.rows)} rows")
                continue
            if not column.digits:
                poor.append(f"`{shown(column.name)}`: a spreadsheet has rounded the numbers")
                continue
            found, count = column.as_gtins, len(column.different)
            share = f"{found.pass_share:.0%} of {count} different have a valid check digit"
            if found.verdict is gtin.Verdict.NO_CHECK_DIGITS:
                return Item(column, "gtin", f"{share}: none has one, they are put back", False)
            if found.pass_share >= gtin.HAS_CHECK_DIGITS:
                return Item(column, "gtin", share, found.verdict is gtin.Verdict.WHOLE)
            poor.append(f"`{shown(column.name)}`: {share}")
        return self._own_number(own, poor)

    def _gtins(self) -> list[Column]:
        named = self.filled("gtin")
        return named + [one for one in self.table.columns if one.meaning is None and _looks_like_gtins(one)]

    def _own_number(self, own: Sequence[Column], poor: list[str]) -> Item | None:
        if own:
            column = min(own, key=self._repeated)
            others = [one for one in own if one is not column]
            notes = [*poor, *([f"or is it {named(others)}?"] if others else [])]
            notes += [] if column.is_known else ["guessed by its name"]
            return Item(column, "partner", "; ".join(notes), not notes)
        texts = [one for one in self.table.columns if one.meaning is None and not one.is_number and one.filled]
        texts = [one for one in texts if one is not self.table.date.column]
        found = next(iter(self._gtins()), None) or max(texts, key=lambda one: len(one.different), default=None)
        why = "; ".join(poor) or "no name says which column is the item: this one has the most different texts"
        return Item(found, "partner", why, False) if found else None

    def _repeated(self, column: Column) -> int:
        """Rows without an item, or with the date, location and item of another row, if this column were the item."""
        places = self.key_places(column)
        keys = {tuple(row[place] for place in places) for row in self.rows if row[column.place]}
        return len(self.rows) - len(keys)

    @cached_property
    def of_stock_kind(self) -> Column | None:
        """The column that tells sellable stock from other, if there is other."""
        kinds = [one for one in self.table.columns if SELLABLE in one.texts and len(one.different) > 1]
        return next(iter(kinds), None)

    @cached_property
    def rows(self) -> list[list[str]]:
        """The rows of the table without those of stock that cannot be sold."""
        kind = self.of_stock_kind
        return [row for row in self.table.rows if kind is None or row[kind.place] == SELLABLE]

    def key_places(self, item: Column) -> list[int]:
        """Where date, location and item stand in a row, and the code if there is one."""
        coded = self.table.of("code") if self.is_long else []
        return [one.place for one in (self.table.date.column, self.location, item, *coded[:1]) if one]

    @cached_property
    def measures(self) -> Mapping[str, list[Column]]:
        """Observation column -> the columns that could be it, the likeliest first."""
        item = self.item.column if self.item else None
        taken = {item, self.location, self.table.date.column}
        found = {name: [one for one in self.filled(name) if one not in taken] for name in MEASURES}
        found = {name: columns for name, columns in found.items() if columns}
        if "on_hand_units" not in found and self.filled("available"):
            found["on_hand_units"] = self.filled("available")
        if found or self.is_long:
            return found
        plain = self.filled("quantity")
        numbers = [one for one in self.table.columns if one.is_number and not one.meaning and one not in taken]
        plain = plain or [one for one in numbers if names_a_count(one.name)]
        text = " ".join([self.file_name.replace("_", " "), *self.table.preamble])
        return {"units_sold" if SALES.search(text) else "on_hand_units": plain} if plain else {}

    @cached_property
    def is_long(self) -> bool:
        """Whether the table has one quantity a row, and a code that says what it is."""
        if any(self.filled(name) for name in (*MEASURES, "available")):
            return False
        codes = self.filled("code")[:1]
        return bool(self.filled("quantity")) and any(1 < len(code.different) <= MOST_CODES for code in codes)

    def filled(self, role: str) -> list[Column]:
        """The columns of a role that have any text."""
        return [column for column in self.table.of(role) if column.filled]

    def total(self, column: Column) -> float:
        """The sum of the numbers of a column."""
        numbers = ((self.number(text), count) for text, count in column.texts.items() if text)
        return sum(number * count for number, count in numbers if number is not None)


def named(columns: Sequence[Column], most: int = 3) -> str:
    """Columns by their names."""
    return ", ".join(f"`{shown(column.name)}`" for column in columns[:most])


def _looks_like_gtins(column: Column) -> bool:
    enough = len(column.digits) >= gtin.ENOUGH and len(column.digits) == len(column.different)
    return enough and min(column.widths) >= min(gtin.LENGTHS) and column.as_gtins.pass_share >= gtin.HAS_CHECK_DIGITS

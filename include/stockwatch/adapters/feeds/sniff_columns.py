"""A column of an unknown table, and what its texts tell."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from include.stockwatch.adapters.feeds.sniff import shown
from include.stockwatch.adapters.feeds.sniff_numbers import is_number
from include.stockwatch.domain import gtin
from include.stockwatch.settings.spellings import NO_DATA, NOT_RANGED, Meaning

MOST = 0.9
FRACTION = re.compile(r"[.,]\d{1,2}\D*$")
NONE_SAID = frozenset(text.casefold() for text in (*NO_DATA, *NOT_RANGED))


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its different texts with their counts, and what its name says."""

    name: str
    place: int
    texts: Counter[str]
    meaning: Meaning | None = None

    @cached_property
    def filled(self) -> int:
        """Rows with a text."""
        return self.texts.total() - self.texts[""]

    @cached_property
    def different(self) -> list[str]:
        """The different texts, none of them blank, in the order in which they come."""
        return [text for text in self.texts if text]

    @cached_property
    def words(self) -> Counter[str]:
        """Texts that are no numbers."""
        return Counter({text: self.texts[text] for text in self.different if not is_number(text)})

    @cached_property
    def number_share(self) -> float:
        """Of the rows that say anything, how many hold a number."""
        silent = sum(count for text, count in self.words.items() if text.casefold() in NONE_SAID)
        return (self.filled - self.words.total()) / max(self.filled - silent, 1)

    @property
    def is_number(self) -> bool:
        """Whether it is a column of numbers."""
        return self.filled > self.words.total() and self.number_share >= MOST

    @cached_property
    def digits(self) -> list[str]:
        """The different texts that are digits alone, as an id is cleaned."""
        return [text for text in map(gtin.cleaned, self.different) if text.isascii() and text.isdigit()]

    @cached_property
    def rounded(self) -> list[str]:
        """The different texts that a spreadsheet has rounded, such as 8.5E+11."""
        return [text for text in self.different if gtin.SCIENTIFIC.fullmatch(text)]

    @cached_property
    def as_gtins(self) -> gtin.Resolved:
        """What its texts are if they are GTINs."""
        return gtin.resolve(self.different, repair=True)

    @cached_property
    def widths(self) -> Counter[int]:
        """How many digits its texts have, each text counted once."""
        return Counter(map(len, self.digits))

    @property
    def is_known(self) -> bool:
        """Whether its whole name is known, and not some words of it."""
        return self.meaning is not None and self.meaning.sure

    @cached_property
    def is_mostly_fractions(self) -> bool:
        """Whether most of its numbers have one or two decimals, as money has."""
        return sum(1 for text in self.different if FRACTION.search(text)) > len(self.different) / 2

    @property
    def samples(self) -> str:
        """Some of its texts."""
        return ", ".join(f"`{shown(text, 24)}`" for text in self.different[:3])

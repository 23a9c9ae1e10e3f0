"""What is wrong with the rows of a batch: of each the first thing that was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fault:
    """What is wrong with a field of some rows, and how to mend it."""

    code: str
    column: str
    reason: str
    fix: str


class Faults:
    """The first fault of each row of a batch."""

    def __init__(self, rows: int) -> None:
        self._kind = np.full(rows, -1, dtype=np.int16)
        self._said: list[Fault] = []

    def note(self, bad: np.ndarray, fault: Fault) -> None:
        """Note a fault of some rows; those that have one already keep it."""
        fresh = bad & (self._kind < 0)
        if fresh.any():
            self._kind[fresh] = len(self._said)
            self._said.append(fault)

    @property
    def good(self) -> np.ndarray:
        """For every row, whether nothing is wrong with it."""
        return self._kind < 0

    def __iter__(self) -> Iterator[tuple[int, Fault]]:
        for row in np.flatnonzero(self._kind >= 0):
            yield int(row), self._said[self._kind[row]]

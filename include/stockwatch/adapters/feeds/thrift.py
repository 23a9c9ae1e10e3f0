"""Thrift's compact protocol, in which Parquet writes its footer and the header of every page."""

from __future__ import annotations

from mmap import mmap
from typing import Any

Struct = dict[int, Any]
"""Values by the number of their field: numbers, bytes, lists, structs."""

TRUE, FALSE = 1, 2
"""Kinds of values that a field has in place of a value."""

DEEPEST = 16
MOST_ELEMENTS = 100_000
LONGEST_NUMBER, DOUBLE_BYTES = 10, 8
"""Bytes of numbers of 64 bits: the most of a whole one, and of another."""


class Damaged(ValueError):
    """Bytes that are no struct, or one that lacks what it must have."""


class Compact:
    """Reads structs one after the other, and nothing at or behind `end`: what a length claims costs nothing."""

    def __init__(self, source: bytes | mmap, at: int, end: int) -> None:
        self.source, self.at, self.end = source, at, end

    def struct(self, depth: int = 0) -> Struct:
        """The next struct. Raises: Damaged"""
        if depth > DEEPEST:
            raise Damaged("structs within each other without end")
        fields: Struct = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._whole()
            kind = head & 15
            fields[number] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
        return fields

    def skip(self, count: int) -> None:
        """Pass over bytes that are no struct. Raises: Damaged"""
        if count > self.end - self.at:
            raise Damaged(f"{count:,} bytes where {self.end - self.at:,} are")
        self.at += count

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 4 | 5 | 6:  # of 16, 32 and 64 bits
                return self._whole()
            case 8:
                return self._bytes(self._number())
            case 9 | 10:  # list, set
                return self._elements(depth)
            case 12:
                return self.struct(depth + 1)
            case 1 | 2 | 3:  # among elements a boolean is a byte
                return self._byte()
            case 7:
                return self._bytes(DOUBLE_BYTES)
        raise Damaged(f"a value of kind {kind}")

    def _elements(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._number()
        if count > min(MOST_ELEMENTS, self.end - self.at):
            raise Damaged(f"a list of {count:,} elements")
        if depth > DEEPEST:
            raise Damaged("lists within each other without end")
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _byte(self) -> int:
        if self.at >= self.end:
            raise Damaged("it ends within a struct")
        self.at += 1
        return self.source[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        self.skip(count)
        return self.source[self.at - count : self.at]

    def _number(self) -> int:
        number = 0
        for place in range(LONGEST_NUMBER):
            byte = self._byte()
            number |= (byte & 127) << 7 * place
            if byte < 128:
                return number
        raise Damaged("a number without end")

    def _whole(self) -> int:
        number = self._number()
        return number >> 1 ^ -(number & 1)

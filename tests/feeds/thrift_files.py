"""Structs in Thrift's compact protocol, and Parquet files that say of themselves whatever a test wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from include.stockwatch.adapters.feeds.thrift import Struct

TRUE, FALSE, WHOLE, TEXT, LIST, STRUCT = 1, 2, 6, 8, 9, 12


def written(struct: Struct) -> bytes:
    """A struct as bytes; numbers of fields ascend."""
    out, last = b"", 0
    for number, value in struct.items():
        kind, letters = _value(value)
        step = number - last
        out += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _signed(number)
        out += b"" if kind in (TRUE, FALSE) else letters
        last = number
    return out + b"\0"


def _value(value: Any) -> tuple[int, bytes]:
    match value:
        case bool():
            return (TRUE if value else FALSE), bytes([value])
        case int():
            return WHOLE, _signed(value)
        case bytes():
            return TEXT, number(len(value)) + value
        case dict():
            return STRUCT, written(value)
    elements = [_value(one) for one in value]
    kind = elements[0][0] if elements else STRUCT
    head = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + number(len(value))
    return LIST, head + b"".join(letters for _, letters in elements)


def number(value: int) -> bytes:
    """A number that is not below zero."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)


def _signed(value: int) -> bytes:
    return number((value << 1) ^ (value >> 63))


@dataclass
class Claims:
    """A file of one column in one page, behind its dictionary; its letters are of no use."""

    rows: int = 3
    group_rows: int = 3
    values: int = 3
    page_values: int = 3
    unpacked: int = 40
    packed: int = 40
    entries: int = 2
    dictionary: int = 10
    beyond: int = 0  # bytes that the column has more than its pages
    name: Any = b"store"
    footer: Struct = field(default_factory=dict)
    column: Struct = field(default_factory=dict)
    chunk: Struct = field(default_factory=dict)

    def file(self) -> bytes:
        """The file."""
        first = b"PAR1" + written({1: 2, 2: self.dictionary, 3: 10, 7: {1: self.entries, 2: 0}}) + bytes(10)
        pages = first + written({1: 0, 2: self.unpacked, 3: self.packed, 5: {1: self.page_values, 2: 0}}) + bytes(40)
        size = len(pages) - 4 + self.beyond
        chunk = {
            1: 6,
            2: [0],
            3: [b"store"],
            4: 0,
            5: self.values,
            6: size,
            7: size,
            9: len(first),
            11: 4,
            **self.chunk,
        }
        group = {1: [{2: 0, 3: chunk, **self.column}], 2: size, 3: self.group_rows}
        schema = [{4: b"schema", 5: 1}, {1: 6, 3: 1, 4: self.name}]
        footer = written({1: 2, 2: schema, 3: self.rows, 4: [group], **self.footer})
        return pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"

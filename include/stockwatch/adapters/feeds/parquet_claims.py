"""What a Parquet file says of its own size, held against the bytes that are there before Arrow believes it.

Arrow takes the memory that a page, dictionary or list claims to need before it finds that nothing is behind it: 5 GB
for a damaged file of 4 KB. So the footer and the headers of all pages are read here first, and no page itself.
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path

from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.thrift import Compact, Damaged, Struct
from include.stockwatch.errors import HoldCode

MOST_ROWS = 200_000_000
MOST_FOOTER_BYTES = 16_000_000
FREE_BYTES, RATIO, MOST_PAGE_BYTES = 64_000_000, 1_000, 2_000_000_000
"""What the pages of a row group that are in memory at a time may need, the largest of each column: always so much, more
where the group has a thousandth of it in the file, never above the last."""
ENTRY_BYTES = 16
"""Of a value of a dictionary in memory, beside its letters."""

MAGIC, ENCRYPTED, TAIL_BYTES = b"PAR1", b"PARE", 8


class Field:
    """Numbers of the fields of Parquet's structs (parquet.thrift), as far as they are read."""

    SCHEMA, ROWS, GROUPS, ENCRYPTION = 2, 3, 4, 8
    NAME = 4  # of an element of the schema
    COLUMNS, GROUP_ROWS = 1, 3  # of a row group
    ELSEWHERE, CHUNK = 1, 3  # of a column of a row group
    VALUES, PACKED_BYTES, FIRST_DATA, FIRST_DICTIONARY = 5, 7, 9, 11  # of a chunk
    UNPACKED_PAGE, PACKED_PAGE = 2, 3  # of a page; then what kind it is of
    DATA, DICTIONARY, DATA_2 = 5, 7, 8
    PAGE_VALUES = 1  # of each kind


def check(path: Path) -> None:
    """Whether the footer and the pages of a file can be, and need no more memory than they may.

    Raises: Unreadable; Damaged
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as whole:
        end = len(whole) - TAIL_BYTES
        if whole[-4:] == ENCRYPTED:
            raise _encrypted()
        if end < len(MAGIC) or whole[-4:] != MAGIC:
            raise Damaged("it does not end as a Parquet file does")
        length = int.from_bytes(whole[end : end + 4], "little")
        if length > end - len(MAGIC):
            raise Damaged(f"a footer of {length:,} bytes")
        if length > MOST_FOOTER_BYTES:
            raise _too_large(f"the footer has {length:,} bytes")
        _check_footer(whole, Compact(whole, end - length, end).struct(), end - length)


def _check_footer(whole: mmap, footer: Struct, end: int) -> None:
    if Field.ENCRYPTION in footer:
        raise _encrypted()
    for element in _structs(footer, Field.SCHEMA):
        if not isinstance(element.get(Field.NAME), bytes):
            raise Damaged("a column without a name")
    rows = _count(footer, Field.ROWS)
    groups = _structs(footer, Field.GROUPS)
    if rows > MOST_ROWS:
        raise _too_large(f"the file says that it has {rows:,} rows")
    there = sum(_count(group, Field.GROUP_ROWS) for group in groups)
    if there != rows:
        raise Damaged(f"the file says that it has {rows:,} rows, and its row groups have {there:,}")
    for group in groups:
        if _count(group, Field.GROUP_ROWS):
            _check_group(whole, group, end)


def _check_group(whole: mmap, group: Struct, end: int) -> None:
    needed = packed = 0
    for column in _structs(group, Field.COLUMNS):
        chunk = column.get(Field.CHUNK)
        if not isinstance(chunk, dict) or Field.ELSEWHERE in column:
            raise Damaged("a column without its pages")
        needed += _page_bytes(whole, chunk, end)
        packed += _count(chunk, Field.PACKED_BYTES)
    if needed > min(FREE_BYTES + RATIO * packed, MOST_PAGE_BYTES):
        raise _too_large(f"the pages of a row group of {packed:,} bytes need {needed:,} bytes of memory")


def _page_bytes(whole: mmap, chunk: Struct, end: int) -> int:
    """What the largest pages of a column need in memory. Raises: Damaged"""
    start = _count(chunk, Field.FIRST_DATA)
    if Field.FIRST_DICTIONARY in chunk:
        start = min(start, _count(chunk, Field.FIRST_DICTIONARY) or start)
    last = start + _count(chunk, Field.PACKED_BYTES)
    if start < len(MAGIC) or last > end:
        raise Damaged("a column lies outside the file")
    pages = Compact(whole, start, last)
    values = dictionary = data = 0
    while pages.at < last:
        page = pages.struct()
        unpacked = _count(page, Field.UNPACKED_PAGE)
        pages.skip(_count(page, Field.PACKED_PAGE))
        if Field.DICTIONARY in page:
            entries = _count(page[Field.DICTIONARY], Field.PAGE_VALUES)
            if entries > unpacked:
                raise Damaged(f"a dictionary of {entries:,} values in {unpacked:,} bytes")
            dictionary = max(dictionary, unpacked + entries * ENTRY_BYTES)
        elif Field.DATA in page or Field.DATA_2 in page:
            values += _count(page.get(Field.DATA) or page[Field.DATA_2], Field.PAGE_VALUES)
            data = max(data, unpacked)
    if values != _count(chunk, Field.VALUES):
        raise Damaged(f"a column of {_count(chunk, Field.VALUES):,} values has {values:,} in its pages")
    return dictionary + data


def _structs(struct: Struct, field: int) -> list[Struct]:
    found = struct.get(field)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Damaged("a list is missing")
    return found


def _count(struct: object, field: int) -> int:
    found = struct.get(field) if isinstance(struct, dict) else None
    if not isinstance(found, int) or found < 0:
        raise Damaged("a number is missing, or below zero")
    return found


def _encrypted() -> Unreadable:
    return Unreadable(HoldCode.UNSAFE_CONTENT, "the file is encrypted", "ask the partner for it in the open")


def _too_large(what: str) -> Unreadable:
    return Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for smaller files, or smaller row groups")

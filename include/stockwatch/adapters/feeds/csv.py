"""Delimited text files."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from include.stockwatch.adapters.feeds.raw import RawTable, Reject, as_raw
from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.settings.feed import Feed

MAX_CELL = 100_000


def read(path: Path, feed: Feed) -> RawTable:
    """Read a whole CSV file as texts.

    Rows with another number of fields than the header are set aside as rejects; empty lines are no rows. A file that
    cannot be split into rows, or lacks a column, comes back with a hold that says why.
    """
    if path.stat().st_size == 0:
        return _held(HoldCode.EMPTY, "the file has 0 bytes", "ask the partner to send it again")
    encoding = "utf-8-sig" if feed.format.encoding == "utf-8" else feed.format.encoding
    rows: list[list[str]] = []
    lines: list[int] = []
    broken: list[Reject] = []
    csv.field_size_limit(MAX_CELL)
    try:
        with path.open(encoding=encoding, newline="") as text:
            reader = csv.reader(text, delimiter=feed.format.delimiter)
            header = _header(reader)
            before = reader.line_num
            for cells in reader:
                first, before = before + 1, reader.line_num
                if not any(cells):
                    continue
                if len(cells) == len(header):
                    rows.append(cells)
                    lines.append(first)
                elif first == reader.line_num:
                    broken.append(_wrong_field_count(first, cells, header, feed.format.delimiter))
                else:
                    what = f"a quote opens on line {first} and swallows the lines up to {reader.line_num}"
                    return _held(HoldCode.LAYOUT_CHANGED, what, "close or remove the quote on that line")
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        what = f"not {feed.format.encoding} text{at}"
        return _held(HoldCode.ENCODING, what, "set `format.encoding` to what the partner sends, e.g. cp1252")
    except csv.Error as error:
        what = f"line {reader.line_num}: {error}"
        return _held(HoldCode.LAYOUT_CHANGED, what, "is this a CSV file with the delimiter of `format.delimiter`?")
    frame = pd.DataFrame(rows, columns=pd.Index(header), index=pd.Index(lines, dtype="int64"), dtype="str")
    return RawTable(tuple(header), frame, tuple(broken), tuple(_layout(header, frame, broken, feed)))


def _header(reader: Iterator[list[str]]) -> list[str]:
    for cells in reader:
        if any(cells):
            return [cell.strip() for cell in cells]
    return []


def _layout(header: list[str], frame: pd.DataFrame, broken: list[Reject], feed: Feed) -> Iterator[Hold]:
    repeated = sorted(name for name, count in Counter(header).items() if count > 1 and name in feed.file_columns())
    missing = [name for name in dict.fromkeys(feed.file_columns()) if name not in header]
    if repeated:
        what = f"the header names {_quoted(repeated)} more than once: {_quoted(header)}"
        yield Hold(HoldCode.LAYOUT_CHANGED, what, "ask the partner which of the columns is meant")
    if missing:
        unused = [name for name in header if name not in feed.file_columns()]
        what = f"column {_quoted(missing)} is missing; columns the feed does not use: {_quoted(unused) or 'none'}"
        if len(header) == 1:
            what += f" (only one column was found: is the delimiter really `{feed.format.delimiter}`?)"
        yield Hold(HoldCode.LAYOUT_CHANGED, what, "ask the partner what changed, or bind the new name in the feed")
    if not len(frame) and not broken:
        fix = "no row never means no stock; ask the partner to send the file again"
        yield Hold(HoldCode.NO_ROWS, "the file has a header and no rows", fix)


def _wrong_field_count(line: int, cells: list[str], header: list[str], delimiter: str) -> Reject:
    reason = f"{len(cells)} fields, the header has {len(header)}"
    fix = f"quote fields that contain `{delimiter}`; look for a cut or joined line"
    return Reject(line, "FIELD_COUNT", "", "", reason, fix, as_raw(cells))


def _held(code: HoldCode, what: str, fix: str) -> RawTable:
    return RawTable((), pd.DataFrame(), (), (Hold(code, what, fix),))


def _quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

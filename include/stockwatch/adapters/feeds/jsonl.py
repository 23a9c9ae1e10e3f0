"""JSON lines: one object a line; also a file that is one array of objects, if it is small."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.stockwatch.adapters.feeds import encoding, header, rows, typed
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.raw import LINE, Batch, Notes, Reject, as_raw
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed, JsonLines

BLOCK_BYTES = 8 * 1024 * 1024
MOST_ARRAY_BYTES = 50_000_000
LONGEST_LINE = 1_000_000
LONGEST_RAW = 10_000
"""Letters of a line that is still taken for one object, and of one that is kept with its reject."""

BLANKS = re.compile(r"[ \t\r\n]*")
FIX = 'ask the partner for one object a line, such as {"store": "12", "on_hand": 3}'


def read(path: Path, name: str, feed: Feed, notes: Notes) -> Iterator[Batch]:
    """Read JSON objects as texts; `line` is the physical line, in an array the number of the object.

    The names of an object within an object are joined with a dot, a list is its JSON text. Numbers are as they are
    written, with the feed's decimal mark; true and false are TRUE and FALSE; null and NaN are no data. The columns are
    the names of all objects so far, and the first batch must have those that the feed uses. A line that is no object,
    or has a name twice, is a reject `NOT_JSON`; a file that ends within a line is held.
    """
    assert isinstance(feed.format, JsonLines)
    if rows.hold_if_empty(path, name, notes):
        return
    try:
        yield from _batches(_records(path, feed.format, notes), feed, notes)
    except Unreadable as error:
        notes.holds.append(error.hold)


@dataclass(frozen=True)
class Record:
    """One object: where it stands, and its texts by their names."""

    line: int
    texts: dict[str, str | None]

    @property
    def letters(self) -> int:
        """Letters of all names and texts."""
        return sum(len(name) + len(text or "") for name, text in self.texts.items())


@dataclass(frozen=True)
class _Fault:
    """In place of an object that is no row, or not even JSON."""

    reason: str
    is_json: bool = True


def _records(path: Path, form: JsonLines, notes: Notes) -> Iterator[Record | Reject]:
    start = next(encoding.texts(path, form.encoding, Notes(), 4096), "")
    if not start.lstrip().startswith("["):
        return _of_lines(path, form, notes)
    if path.stat().st_size > MOST_ARRAY_BYTES:
        what = f"the file is one array, and has more than {MOST_ARRAY_BYTES // 1_000_000} MB"
        raise Unreadable(HoldCode.TOO_LARGE, what, FIX)
    return _of_array("".join(encoding.texts(path, form.encoding, notes, BLOCK_BYTES)), form)


def _of_lines(path: Path, form: JsonLines, notes: Notes) -> Iterator[Record | Reject]:
    decoder = _decoder(form.decimal)
    line, value = 0, None  # the last one
    for block in encoding.blocks(path, form.encoding, notes, BLOCK_BYTES, BLOCK_BYTES):
        for letters in block.splitlines():
            line += 1
            text = letters.decode()
            if not text.strip():
                value = None
                continue
            value = _decoded(decoder, text)
            yield _row(value, line, text)
    if isinstance(value, _Fault) and not value.is_json and notes.lacks_line_end:
        what = f"the file ends within line {line}, which is no whole object"
        raise Unreadable(HoldCode.TRUNCATED, what, "ask the partner to send it again")


def _of_array(text: str, form: JsonLines) -> Iterator[Record | Reject]:
    decoder = _decoder(form.decimal)
    at, number = _skip(text, 0) + 1, 0
    at = _skip(text, at)
    while not text.startswith("]", at):
        number += 1
        start = at
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise _broken_array(text, number, str(error)) from None
        yield _row(_checked(value, text[start:at]), number, text[start:at])
        at = _skip(text, at)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
        elif not text.startswith("]", at):
            raise _broken_array(text, number, "neither a comma nor the end of the array follows")
    if _skip(text, at + 1) < len(text):
        raise _broken_array(text, number, "something follows the array")


def _skip(text: str, at: int) -> int:
    match = BLANKS.match(text, at)
    return match.end() if match else at


def _broken_array(text: str, number: int, why: str) -> Unreadable:
    if not text.rstrip().endswith("]"):
        what = f"the file is an array, and ends within it, in or behind object {number}"
        return Unreadable(HoldCode.TRUNCATED, what, "ask the partner to send it again")
    return Unreadable(HoldCode.LAYOUT_CHANGED, f"object {number} of the array: {why}", FIX)


def _decoder(decimal: str) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_flat,
        parse_float=lambda text: typed.number(text, decimal),
        parse_int=str,
        parse_constant=lambda text: None if text == "NaN" else text,
    )


def _flat(pairs: Sequence[tuple[str, Any]]) -> dict[str, str | None] | _Fault:
    """An object as texts by name; those within it are flat already."""
    flat: dict[str, str | None] = {}
    count = 0
    for name, value in pairs:
        if isinstance(value, _Fault):
            return value
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": text for inner, text in value.items()}
            count += len(value)
        else:
            flat[name] = _text(value)
            count += 1
        if count > rows.MOST_COLUMNS:
            return _Fault(f"more than {rows.MOST_COLUMNS:,} names")
    return flat if len(flat) == count else _Fault("a name stands twice")


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return typed.TRUE if value else typed.FALSE
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return None if value is None else typed.text(value)


def _decoded(decoder: json.JSONDecoder, text: str) -> Any:
    if len(text) > LONGEST_LINE:
        return _Fault(f"a line of {len(text):,} letters")
    try:
        return _checked(decoder.decode(text), text)
    except json.JSONDecodeError as error:
        return _Fault(f"{error.msg} at letter {error.pos + 1}", is_json=False)
    except RecursionError:
        return _Fault("too many values within each other")


def _checked(value: Any, text: str) -> Any:
    """The value, unless it has half a character: JSON can write one, and no file can hold it."""
    if "\\u" in text and isinstance(value, dict):
        try:
            "".join([*value, *filter(None, value.values())]).encode()
        except UnicodeEncodeError:
            return _Fault("half a character (a surrogate without the other)")
    return value


def _row(value: Any, line: int, text: str) -> Record | Reject:
    if isinstance(value, dict):
        return Record(line, value)
    reason = value.reason if isinstance(value, _Fault) else "JSON, but no object"
    return Reject(line, "NOT_JSON", "", "", reason, FIX, as_raw([text[:LONGEST_RAW]]))


class _Columns:
    """The names of all objects so far, and the columns that they are."""

    def __init__(self, feed: Feed, notes: Notes) -> None:
        self.feed, self.notes = feed, notes
        self.keys: dict[str, None] = {}
        self.names: tuple[str, ...] = ()
        self.used = {header.plain(name): name for name in feed.file_columns()}

    def learn(self, records: list[Record]) -> bool:
        """Take in the names of some objects. False, and a hold, where they lack what the feed uses.

        Raises: Unreadable
        """
        known = len(self.keys)
        for record in records:
            self.keys |= {key: None for key in record.texts if key not in self.keys}
            if len(self.keys) > rows.MOST_COLUMNS:
                what = f"the objects have more than {rows.MOST_COLUMNS:,} different names"
                raise Unreadable(HoldCode.TOO_LARGE, what, "ask the partner for the same names in every object")
        if self.names and len(self.keys) == known:
            return True
        if not self.keys:
            self.notes.hold(HoldCode.LAYOUT_CHANGED, "the objects name nothing", "ask the partner what changed")
            return False
        found = header.find(iter([list(self.keys)]), self.feed, self.notes)
        if found is None:
            return False
        self.names = found.names
        for key, name in list(zip(self.keys, self.names, strict=True))[known:]:
            meant = self.used.get(header.plain(key), name)
            if name not in self.used.values() and meant != name:
                self.notes.warn("NAME_ALIKE", 0, f"`{key}` stands beside `{meant}`, and is not used")
        return True


def _batches(records: Iterator[Record | Reject], feed: Feed, notes: Notes) -> Iterator[Batch]:
    columns = _Columns(feed, notes)
    is_empty = True
    for kept, rejects in rows.gathered(records):
        is_empty = False
        if kept and not columns.learn(kept):
            return
        arrays = [pa.array([one.texts.get(key) for one in kept], pa.string()) for key in columns.keys]
        lines = pa.array([one.line for one in kept], pa.int64())
        yield Batch(pa.table([*arrays, lines], names=[*columns.names, LINE]), tuple(rejects))
    if is_empty:
        rows.hold_for_no_rows(notes)

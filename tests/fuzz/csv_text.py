"""Damaged delimited files, and the rows that the csv module alone finds in them."""

from __future__ import annotations

import csv as stdlib
import io
import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from include.stockwatch.adapters.feeds import csv
from include.stockwatch.adapters.feeds.raw import LINE
from include.stockwatch.settings.feed import Csv, Feed
from tests.feeds.reading import feed
from tests.fuzz.case import FeedCase, Read
from tests.fuzz.mutation import sizes, with_damaged_bytes, with_damaged_parts

HEADER = ["date", "store", "item", "stock", "note"]
ROWS = [
    ["2026-11-01", "0012", "A1", "4", ""],
    ["2026-11-01", "0013", "A1", "-1", "last one"],
    ["2026-11-01", '="0014"', "A2", "1,5", "a, b"],
    ["2026-11-02", "0012", 'Müsli 5"', "", 'he said "no"'],
    ["2026-11-02", "0013", "B7", "12", "two\nlines"],
]
ABOVE = [["Stock report"], ["made", "2026-11-03"], []]
ODD = [
    *ABOVE,
    HEADER,
    ["Total", "", "", "20", ""],
    ["", "", "", "", ""],
    [" ", "\t"],
    ["2026-11-01"],
    ["2026-11-01", "0015", "A1", "3"],
    ["2026-11-01", "0015", "A1", "3", "", "", ""],
    ["2026-11-01", "0015", "A1", "3", "x", "y"],
    ['=""', '=""', '=""', '=""', '=""'],
    ["\u2003", "", "", "", ""],
]
VALUES = (
    "",
    " ",
    "0",
    '"',
    '""',
    'a"b',
    '="7"',
    "=1+1",
    "\n",
    "a\nb",
    "a\r\nb\nc",
    ",",
    ";",
    "\t",
    "é",
    "\u2028",
    "\ufeff",
    "line",
    "stock",
    "x" * 70,
)
TOKENS = [
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b'"\n',
    b',"',
    b'",',
    b"\x00",
    b"\xe9",
    b"\xc3\xa9",
    b"\xef\xbb\xbf",
    b'="',
    b" ",
    b"|",
]
MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
)
MARKS += ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
FORMULA = re.compile(r'[ \t]*="([^"]*)"[ \t]*')
FEEDS = [
    feed("csv", form=form)
    for form in (
        {},
        {},
        {"delimiter": ";", "encoding": "cp1252"},
        {"delimiter": "\t", "quotes": False},
        {"delimiter": "|"},
        {"delimiter": "¦"},
        {"encoding": "utf-16"},
    )
]


def case(rng: Random) -> FeedCase:
    """A file with damaged rows and cells, in half of all with damaged bytes too."""
    sizes(rng, csv, HEAD_BYTES=(16, 64, *[64 * 1024] * 6), BLOCK_BYTES=(40, 100, *[8 * 1024 * 1024] * 4))
    sizes(rng, csv, SMALL_BYTES=(20, 256 * 1024), SLOW_ROWS=(2, *[10_000] * 5), THREAD_BYTES=(*[64 * 1024] * 5, 90))
    profile = rng.choice(FEEDS)
    assert isinstance(profile.format, Csv)
    above = ABOVE[: rng.choice((0, 0, 0, 1, 3))]
    rows = with_damaged_parts(rng, ROWS * rng.choice((1, 1, 2)), ODD, lambda row: _changed(rng, row))
    table = [*above, HEADER, *rows]
    if rng.random() < 0.1:
        table = with_damaged_parts(rng, table, ODD, lambda row: _changed(rng, row))
    end = rng.choice(("\n", "\r\n", "\n", "\r"))
    quoting: Any = rng.choice((stdlib.QUOTE_MINIMAL, stdlib.QUOTE_MINIMAL, stdlib.QUOTE_ALL, None))
    text = _written(table, profile.format.delimiter, end, quoting)
    if rng.random() < 0.03:
        text = _written([[line] for line in text.splitlines()], profile.format.delimiter, end, stdlib.QUOTE_ALL)
    encoding = rng.choice((profile.format.encoding,) * 6 + ("utf-8", "utf-8-sig", "utf-16"))
    content = text.encode(encoding, "replace")
    if rng.random() < 0.5:
        content = with_damaged_bytes(rng, content, TOKENS)
    return FeedCase(content, csv.read, profile, lambda read: _judge(read, content, profile))


def _changed(rng: Random, row: list[str]) -> list[str]:
    row = list(row) or [""]
    at, kind = rng.randrange(len(row)), rng.randrange(6)
    if kind == 0:
        del row[at]
    elif kind == 1:
        row.insert(at, rng.choice(VALUES))
    elif kind == 2:
        row[at] += rng.choice(VALUES)
    else:
        row[at] = rng.choice(VALUES)
    return row


def _written(table: list[list[str]], delimiter: str, end: str, quoting: Any) -> str:
    if quoting is None:
        return "".join(delimiter.join(row) + end for row in table)
    out = io.StringIO(newline="")
    stdlib.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    return out.getvalue()


def _judge(read: Read, content: bytes, profile: Feed) -> str | None:
    """Every row below the header is a row or a reject, in the order of the file, with the cells that it has."""
    assert isinstance(profile.format, Csv)
    try:
        rows = list(_rows(_text(content, profile), profile))
    except (UnicodeDecodeError, stdlib.Error) as error:
        return f"no hold, though: {error}"
    heads = [row for row in rows if any(_plain(cell).strip() for cell in _inside(row, profile))]
    above = len(read.notes.preamble)
    header = heads[above]
    below = rows[rows.index(header, above) + 1 :]
    is_wrapped = profile.format.delimiter in header[0] and not any(header[1:])
    if is_wrapped:
        try:
            below = list(_rows("".join(_line(row, profile.format.delimiter) for row in below), profile))
        except stdlib.Error as error:
            return f"no hold, though: {error}"
    below = [row for row in below if "".join(map(_plain, row)).strip(" \t")]
    found = _found(read)
    if len(found) != len(below):
        return f"{len(below)} rows below the header, {len(found)} rows and rejects"
    width = len(read.notes.columns)
    for expected, (cells, is_row) in zip(below, found, strict=True):
        if is_row:
            expected = [_plain(cell) for cell in (expected + [""] * width)[:width]]
        if cells != expected:
            return f"{cells}, and the file has {expected}"
    return None


def _text(content: bytes, profile: Feed) -> str:
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    assert isinstance(profile.format, Csv)
    return content.decode("utf-16-le" if profile.format.encoding == "utf-16" else profile.format.encoding)


def _rows(text: str, profile: Feed) -> Iterator[list[str]]:
    assert isinstance(profile.format, Csv)
    quoting: Any = stdlib.QUOTE_MINIMAL if profile.format.quotes else stdlib.QUOTE_NONE
    yield from stdlib.reader(io.StringIO(text, newline=""), delimiter=profile.format.delimiter, quoting=quoting)


def _inside(row: list[str], profile: Feed) -> list[str]:
    """The row within a row that was quoted as one cell."""
    assert isinstance(profile.format, Csv)
    is_wrapped = row and profile.format.delimiter in row[0] and not any(row[1:])
    rows = list(_rows(row[0], profile)) if is_wrapped else []
    return rows[0] if len(rows) == 1 else row


def _line(row: list[str], delimiter: str) -> str:
    """The line that was quoted as one cell; a row that was not, as it was."""
    return _written([row], delimiter, "\n", stdlib.QUOTE_ALL) if any(row[1:]) else "".join(row[:1]) + "\n"


def _plain(cell: str) -> str:
    found = FORMULA.fullmatch(cell)
    return found[1] if found else cell


def _found(read: Read) -> list[tuple[list[str], bool]]:
    """Cells of every row and reject in the order of their lines, and whether it is a row."""
    found = [(reject.line, json.loads(reject.raw), False) for reject in read.rejects]
    for table in read.tables:
        columns = [table.column(name).to_pylist() for name in read.notes.columns]
        found += [
            (line, list(cells), True) for line, *cells in zip(table.column(LINE).to_pylist(), *columns, strict=True)
        ]
    return [(cells, is_row) for _, cells, is_row in sorted(found, key=lambda one: one[0])]

"""Damaged JSON lines, and the objects that the json module alone finds in them."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from include.stockwatch.adapters.feeds import jsonl
from include.stockwatch.adapters.feeds.raw import LINE
from include.stockwatch.settings.feed import JsonLines
from tests.feeds.reading import feed
from tests.fuzz.case import FeedCase, Read
from tests.fuzz.mutation import sizes, with_damaged_bytes, with_damaged_parts

LINES = [
    '{"date":"2026-11-01","store":"0012","item":"A1","stock":4}',
    '{"date":"2026-11-01","store":"0013","item":"A1","stock":-1.50,"note":null}',
    '{"stock":12,"date":"2026-11-02","item":"B7","store":"0012","place":{"aisle":4,"tags":["x",{"y":1}]}}',
    '{"date":"2026-11-02","store":"0013","item":"M\\u00fcsli","stock":"7","ok":true}',
]
ODD = [
    "",
    "  ",
    "\u2003",
    "{}",
    "[]",
    "null",
    "7",
    '"text"',
    '{"date":"2026-11-02","date":"2026-11-03","store":"1","item":"A","stock":1}',
    '{"date":"2026-11-02","store":"1","item":"A","stock":1e400}',
    '{"date":"2026-11-02","store":"1","item":"A","stock":NaN}',
    '{"date":"2026-11-02","store":"1","item":"\\ud800","stock":1}',
    '{"date":"2026-11-02","store":"1","item":"A","stock":1} {"a":1}',
    '{"date":"2026-11-02","store":"1","item":"A","stock":{"a":1,"a":2}}',
    '{"date":"2026-11-02","store":"1","item":"A","Stock":3,"line":9}',
    '{"date":"2026-11-02","store":"1","item":"A","stock":' + "[" * 40 + "]" * 40 + "}",
    "[" * 3000,
    '{"a":' * 3000,
]
TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\u",
    b"\\ud800",
    b"1e5",
    b"null",
    b",",
    b":",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xc3\xa9",
    b"NaN",
]
TOKENS += [b"-", b"\\", b'"stock":1,', b"\xef\xbb\xbf", "\u2028".encode(), b" ", b"0"]
CELL = re.compile(r'"[^"]*"|-?[0-9.]+')
VALUES = (
    '"x"',
    "0",
    "-0",
    "1.10",
    "1E+3",
    "null",
    "true",
    '""',
    "[1,2]",
    '{"a":1}',
    '"=\\"0012\\""',
    '"stock"',
    '"line"',
    '"\\n"',
    "999999999999999999999",
)
FEEDS = [feed("jsonl"), feed("jsonl"), feed("jsonl", form={"encoding": "cp1252"})]


def case(rng: Random) -> FeedCase:
    """Lines, or in one of five an array, with damaged objects and values, in four of ten with damaged bytes too."""
    sizes(rng, jsonl, BLOCK_BYTES=(*[8 * 1024 * 1024] * 4, 60, 13))
    profile = rng.choice(FEEDS)
    assert isinstance(profile.format, JsonLines)
    encoding = profile.format.encoding
    lines = with_damaged_parts(rng, LINES * rng.choice((1, 1, 2)), ODD, lambda line: _changed(rng, line))
    end = rng.choice(("\n", "\n", "\r\n", "\r"))
    text = f"[{f',{end}'.join(lines)}]" if rng.random() < 0.2 else "".join(line + end for line in lines)
    content = text.encode(rng.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "cp1252")), "replace")
    if rng.random() < 0.4:
        content = with_damaged_bytes(rng, content, TOKENS)
    return FeedCase(content, jsonl.read, profile, lambda read: _judge(read, content, encoding))


def _changed(rng: Random, line: str) -> str:
    cells = list(CELL.finditer(line))
    if not cells:
        return rng.choice(LINES)
    cell = rng.choice(cells)
    return line[: cell.start()] + rng.choice(VALUES) + line[cell.end() :]


def _judge(read: Read, content: bytes, encoding: str) -> str | None:
    """Every line with a text, or object of an array, is a row or a reject; a plain stock is that of its row."""
    try:
        text = _text(content, encoding)
    except UnicodeDecodeError as error:
        return f"no hold, though: {error}"
    if text.lstrip().startswith("["):
        array = re.sub(r",([ \t\r\n]*\][ \t\r\n]*)\Z", r"\1", text)  # one comma too many does no harm
        objects = dict(enumerate(json.loads(array, parse_int=str, parse_float=str), 1))
    else:
        lines = re.split("\r\n|\r|\n", text)
        objects = {number: _object(line) for number, line in enumerate(lines, 1) if line.strip()}
    if len(objects) != read.count:
        return f"{len(objects)} objects, {read.count} rows and rejects"
    rejected = {reject.line for reject in read.rejects}
    stocks = {line: stock for table in read.tables if len(table) for line, stock in zip(*_columns(table), strict=True)}
    if rejected | set(stocks) != set(objects):
        return f"objects {sorted(objects)}, rejects {sorted(rejected)}, rows {sorted(stocks)}"
    for number, stock in stocks.items():
        one = objects[number]
        if not isinstance(one, dict):
            return f"object {number} is a row: {one}"
        if isinstance(one.get("stock"), str) and re.fullmatch("-?[0-9]+", one["stock"]) and stock != one["stock"]:
            return f"object {number} has the stock {one['stock']}, its row {stock}"
    return None


def _columns(table: Any) -> tuple[list[int], list[str | None]]:
    return table.column(LINE).to_pylist(), table.column("stock").to_pylist()


def _text(content: bytes, encoding: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else encoding)


def _object(line: str) -> Any:
    try:
        return json.loads(line, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None

"""Damaged HTML pages, and the rows that their tables were made of."""

from __future__ import annotations

import html as stdlib
from random import Random

from include.stockwatch.adapters.feeds import html
from tests.feeds.reading import feed
from tests.fuzz.case import FeedCase, Read, missing
from tests.fuzz.mutation import sizes, with_damaged_bytes, with_damaged_parts

HEADER = ["date", "store", "item", "stock"]
ROWS = [
    ["2026-11-01", "0012", "A1", "4"],
    ["2026-11-01", "0013", "A<1>", "-1"],
    ["2026-11-02", "0012", "Müsli & more", ""],
    ["2026-11-02", "0013", "B7", "1,5"],
]
ODD = [["Total", "", "", "8"], ["", "", "", ""], [" "], [], ["2026-11-01"], [*ROWS[0], "x"], [*ROWS[0], ""], HEADER]
VALUES = ("", " ", "0", "a < b", "&amp;", "<td>", "é", "\u00a0", "]]>", "<!--", '"', "x" * 60)
TOKENS = [
    b"<table>",
    b"</table>",
    b"<tr>",
    b"</tr>",
    b"<td>",
    b"</td>",
    b"<td colspan=3>",
    b"<td rowspan=2 colspan=2>",
    b"<td rowspan=0>",
]
TOKENS += [
    b"<!--",
    b"-->",
    b"<script>",
    b"</script>",
    b"<style",
    b"<",
    b">",
    b'"',
    b"'",
    b"&#99999999999;",
    b"&amp",
    b"<a ",
    b"\x00",
    b"\xff",
    b"<th>",
]
TOKENS += [
    b"&#x110000;",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"</html>",
    b"<br>",
    b"/",
    b"=",
    b"<![CDATA[",
    b"\xc3",
    b"<td colspan=99999>",
]
FEED = feed("html")


def case(rng: Random) -> FeedCase:
    """A page with damaged rows and cells, or in half of all with damaged bytes and an unknown table."""
    sizes(rng, html, PART_BYTES=(*[1024 * 1024] * 4, 7, 64))
    rows = with_damaged_parts(rng, ROWS, ODD, lambda row: _changed(rng, row))
    content = _written(rng, rows).encode()
    if rng.random() < 0.5:
        return FeedCase(with_damaged_bytes(rng, content, TOKENS), html.read, FEED, None)
    return FeedCase(content, html.read, FEED, lambda read: _judge(read, rows))


def _changed(rng: Random, row: list[str]) -> list[str]:
    row = list(row) or [""]
    at, kind = rng.randrange(len(row)), rng.randrange(5)
    if kind == 0:
        del row[at]
    elif kind == 1:
        row.insert(at, rng.choice(VALUES))
    else:
        row[at] = rng.choice(VALUES)
    return row


def _written(rng: Random, rows: list[list[str]]) -> str:
    closed = rng.random() < 0.7
    end, row_end = ("</td>", "</tr>\n") if closed else ("", "")
    start = rng.choice(("<td>", "<td align='right'>", "<TD >", '<td class="a>b">'))
    lines = "".join(f"<tr>{''.join(start + stdlib.escape(cell) + end for cell in row)}{row_end}" for row in rows)
    head = "".join(f"<th>{name}</th>" for name in HEADER)
    above = rng.choice(
        ("", "<p>Stock report</p>", "<table><tr><td>Week<td>44</table>", "<!-- <table> --><script>'<tr>'</script>")
    )
    return f"<html><body>{above}<table border=1><tr>{head}</tr>{lines}</table></body></html>"


def _judge(read: Read, rows: list[list[str]]) -> str | None:
    """Every row below the header that has a text is a row or a reject, and a row has its cells."""
    texts = [[" ".join(cell.split()) for cell in row] for row in rows]
    texts = [row for row in texts if any(row)]
    if len(texts) != read.count:
        return f"{len(texts)} rows, {read.count} rows and rejects"
    items = [row[2] for row in texts if len(row) == len(HEADER)]
    lost = missing(items, [" ".join((text or "").split()) for text in read.texts("item")])
    return f"{lost} items are in no row" if lost else None

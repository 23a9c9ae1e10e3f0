"""What `try-feed` found, for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from include.stockwatch.adapters.feeds.sniff import shown

MOST_SHOWN = 20


def as_text(answer: dict[str, Any]) -> str:
    """The answer for a person."""
    return "\n".join(_lines(answer))


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    yield f"{answer['file']}, {answer['bytes']:,} bytes"
    yield from _heading("What it is")
    yield from _grid(
        [(one["what"], one["value"], "sure" if one["sure"] else "CHECK", one["why"]) for one in answer["facts"]]
    )
    if answer["preamble"]:
        yield from _heading("Rows above the header")
        yield from (f"  {shown(text, 110)}" for text in answer["preamble"][:12])
    yield from _inside(answer)
    for one in answer["problems"]:
        yield from ("", f"{one['code']}: {one['what']}", f"  fix: {one['fix']}")
    if "definition" in answer:
        yield from _defined(answer["definition"])
    if "gives" in answer:
        yield from _given(answer["gives"])
    yield from _more(answer.get("more", ()))


def _more(others: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What the other files give: a line each, and why one is held."""
    for one in others:
        yield from ("", f"{one['file']}: {_counts(one)}; {'would be HELD' if one['holds'] else 'would be published'}")
        yield from _holds(one["holds"])


def _counts(gives: dict[str, Any]) -> str:
    parts = " + ".join(f"{gives[name]} {name}" for name in ("published", "rejected", "parked", "dropped"))
    return f"{gives['rows_in']} rows in = {parts}"


def _holds(holds: Iterable[dict[str, Any]]) -> Iterator[str]:
    for one in holds:
        yield from ("", f"  HELD {one['code']}: {one['what']}", f"    fix: {one['fix']}")


def _defined(definition: dict[str, Any]) -> Iterator[str]:
    kept = f"written to {definition['written']}" if definition["written"] else "not written; --write does"
    which = f"proposed; {definition['guesses']} places to check; {kept}" if definition["is_proposed"] else "as it is"
    yield from _heading(f"feeds/{definition['feed_id']}.yaml ({which})")
    yield definition["text"].rstrip("\n")


def _heading(text: str) -> Iterator[str]:
    yield from ("", text, "-" * len(text))


def _inside(answer: dict[str, Any]) -> Iterator[str]:
    """The columns of a table, the values and ids of an EDI file."""
    if answer["columns"]:
        yield from _heading("Columns")
        head = ("column", "filled", "different", "sum", "may be", "known from", "first texts")
        yield from _grid([head, *(_column(one) for one in answer["columns"])])
    if answer["values"]:
        yield from _heading("Values, before anything is decided: compare with the partner's own numbers")
        yield from _table(answer["values"])
    if answer["ids"]:
        yield from _heading("Ids of the items")
        yield from _table(answer["ids"])
    if answer["odd"]:
        yield from _heading("Odd")
        yield from (f"  segment {one['line']}: {one['what']} ({one['code']})" for one in answer["odd"][:MOST_SHOWN])


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield from _grid([tuple(rows[0]), *(tuple(map(_text, one.values())) for one in rows)])


def _column(one: dict[str, Any]) -> tuple[str, ...]:
    words = [f"{shown(text, 16)} x{count}" for text, count in one["words"].items()]
    texts = ", ".join([*words, *(shown(text, 20) for text in one["samples"])])
    known = one["known_from"] or ("a guess" if one["may_be"] else "")
    may_be = one["may_be"] or ""
    return (
        shown(one["column"], 34),
        _text(one["filled"]),
        _text(one["different"]),
        _text(one["sum"]),
        may_be,
        known,
        texts,
    )


def _given(gives: dict[str, Any]) -> Iterator[str]:
    yield from _heading("What it gives")
    yield f"  {_counts(gives)}"
    if gives["dropped_by"]:
        yield "  dropped: " + ", ".join(f"{name} {count}" for name, count in gives["dropped_by"].items())
    if gives["observations"]:
        dates = f"{gives['dates']} dates, {gives['first_date']} to {gives['last_date']}"
        yield f"  {gives['observations']} observations: {dates}, {gives['locations']} locations, {gives['items']} items"
    for measure, total in gives["sums"].items():
        yield f"  sum of {measure}: {total:,.10g}"
    if gives["lacks_stock"]:
        yield "  no stock: if another feed of the partner tells it, name that feed in `adds_to`"
    if gives["first_rows"]:
        used = [name for name in gives["first_rows"][0] if any(row[name] is not None for row in gives["first_rows"])]
        yield ""
        yield from _grid(
            [tuple(used), *(tuple(shown(_text(row[name]), 30) for name in used) for row in gives["first_rows"])]
        )
    for one in gives["rejects"]:
        yield ""
        where = f"line {one['line']}: `{one['field']}` = `{shown(one['value'] or '', 60)}`: " if "line" in one else ""
        yield f"  {one['code']} x{one['count']}: {where}{one.get('reason', 'nothing of the file is published')}"
        if one.get("fix"):
            yield f"    fix: {one['fix']}"
    for one in gives["warnings"]:
        yield f"  warning {one['code']} x{one['count']}: line {one['line']}: {shown(one['what'], 160)}"
    yield from _holds(gives["holds"])
    outcome = "HELD: nothing of it is published until somebody decides" if gives["holds"] else "published"
    yield from ("", f"The file would be {outcome}.")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)


def _grid(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows as columns of even width; the last column as long as it is."""
    rows = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        yield "  " + "  ".join([*cells, row[-1]]).rstrip()

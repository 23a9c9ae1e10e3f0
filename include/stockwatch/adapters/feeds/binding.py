"""Give the texts of a partner file their meaning, as the feed definition says: dates, numbers, ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from include.stockwatch.adapters.feeds.raw import RawTable, Reject, as_raw
from include.stockwatch.domain.columns import OBSERVATIONS
from include.stockwatch.settings.feed import Csv, Feed

GTIN_LENGTHS = (8, 12, 13, 14)
MAX_NAME = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SCIENTIFIC = r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+"
UNPLACED = {"BAD_DATE", "MISSING_ID", "LOSSY_ID", "BAD_GTIN"}
"""Faults that leave open which series and date a row was for."""


@dataclass(frozen=True)
class Bound:
    """Rows with their meaning, indexed by line; the rows that have none; and the date and series of both, if read."""

    frame: pd.DataFrame
    rejects: tuple[Reject, ...]
    keys: pd.DataFrame


def bind(raw: RawTable, feed: Feed) -> Bound:
    """Bind every row of a file. A row with a field that cannot be read is rejected with the first such field.

    The frame has the columns of `OBSERVATIONS` that come from the file, and the line of each row as its index.
    Blank quantities are null: no data, not zero.
    """
    bound = pd.DataFrame(index=raw.frame.index)
    faults: dict[int, tuple[str, str, str, str]] = {}  # line -> code, field, reason, fix

    def note(bad: pd.Series, code: str, column: str, reason: str, fix: str) -> None:
        for line in bad.index[bad.to_numpy(dtype=bool)]:
            faults.setdefault(int(line), (code, column, reason, fix))

    texts = {name: raw.frame[name].str.strip() for name in feed.file_columns()}
    dates = pd.to_datetime(texts[feed.date.column], format=feed.date.format, errors="coerce", exact=True)
    reason = f"not a date of the form {feed.date.format}"
    note(dates.isna(), "BAD_DATE", feed.date.column, reason, "correct the date, or `date.format` if all are like this")
    bound["business_date"] = dates.dt.normalize()

    locations = _padded(texts[feed.location_id.column], feed.location_id.width)
    note(locations == "", "MISSING_ID", feed.location_id.column, "no location id", "fill in the location")
    bound["location_id"] = locations

    items = texts[feed.item_id.column]
    note(items == "", "MISSING_ID", feed.item_id.column, "no item id", "fill in the item")
    damaged = items.str.fullmatch(SCIENTIFIC)
    fix = "export the column as text: a spreadsheet has rounded the number"
    note(damaged, "LOSSY_ID", feed.item_id.column, "an id in scientific notation has lost digits", fix)
    if feed.item_id.kind == "gtin":
        items = items.str.replace(r"[ -]", "", regex=True)
        fix = "correct the GTIN, or set `item_id.kind: partner` if these are the partner's own numbers"
        note(
            ~items.map(is_gtin).astype(bool),
            "BAD_GTIN",
            feed.item_id.column,
            "not a GTIN with a valid check digit",
            fix,
        )
        items = items.str.zfill(14)
    else:
        items = _padded(items, feed.item_id.width)
    bound["item_id"] = items

    measures = feed.columns.units() | ({"price": feed.columns.price} if feed.columns.price else {})
    for name, column in measures.items():
        numbers, bad = parse_numbers(texts[column], feed.format)
        code = "BAD_PRICE" if name == "price" else "BAD_QUANTITY"
        reason = f"not a number with `{feed.format.decimal}` as decimal mark"
        note(bad, code, column, reason, "correct the number, or leave it blank")
        bound[name] = numbers
    for name in ("item_name", "location_name", "category"):
        column = getattr(feed.columns, name)
        bound[name] = _clean_names(texts[column]) if column else None
    for name in OBSERVATIONS.names:
        if OBSERVATIONS[name].is_floating() and name not in bound:
            bound[name] = float("nan")

    unplaced = [line for line, (code, *_) in faults.items() if code in UNPLACED]
    keys = bound[["business_date", "location_id", "item_id"]].drop(index=unplaced)
    rejects = (*raw.broken, *(reject_of(raw, keys, line, *fault) for line, fault in sorted(faults.items())))
    return Bound(bound.drop(index=list(faults)), rejects, keys)


def reject_of(raw: RawTable, keys: pd.DataFrame, line: int, code: str, column: str, reason: str, fix: str) -> Reject:
    """A reject for one row of the file, with the value and the row as they came, and the series it was for."""
    cells = raw.frame.loc[line]
    value = str(cells[column]) if column in raw.columns else ""
    row = as_raw([str(cell) for cell in cells])
    if line not in keys.index:
        return Reject(line, code, column, value, reason, fix, row)
    date, location, item = (keys[name].loc[line] for name in ("business_date", "location_id", "item_id"))
    return Reject(line, code, column, value, reason, fix, row, date.date(), str(location), str(item))


def parse_numbers(texts: pd.Series, written: Csv) -> tuple[pd.Series, pd.Series]:
    """Numbers written as the feed says, and which texts are none. A blank is no data, and no mistake."""
    decimal, thousands = re.escape(written.decimal), re.escape(written.thousands)
    whole = rf"(?:[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+|[0-9]+)" if thousands else r"[0-9]+"
    blank = texts == ""
    good = texts.str.fullmatch(rf"[+-]?(?:{whole}(?:{decimal}[0-9]+)?|{decimal}[0-9]+)")
    plain = texts.where(good)
    if written.thousands:
        plain = plain.str.replace(written.thousands, "", regex=False)
    if written.decimal != ".":
        plain = plain.str.replace(written.decimal, ".", regex=False)
    return pd.to_numeric(plain, errors="coerce").astype("float64"), ~(good | blank)


def is_gtin(digits: str) -> bool:
    """Whether digits are a GTIN-8, -12, -13 or -14 with the right check digit (GS1: weights 3, 1, 3, … from right)."""
    if len(digits) not in GTIN_LENGTHS or not digits.isascii() or not digits.isdigit():
        return False
    weighed = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits[:-1])))
    return (10 - weighed % 10) % 10 == int(digits[-1])


def _padded(texts: pd.Series, width: int) -> pd.Series:
    return texts.where(~texts.str.isdigit(), texts.str.zfill(width)) if width else texts


def _clean_names(texts: pd.Series) -> pd.Series:
    cleaned = texts.str.replace(CONTROL, "", regex=True).str.slice(0, MAX_NAME)
    return cleaned.where(cleaned != "", None)

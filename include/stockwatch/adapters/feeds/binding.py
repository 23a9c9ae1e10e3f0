"""Give the texts of a partner file their meaning, as the feed definition says: dates, quantities, codes, units.

Every rule looks at the different texts of a column, not at its rows: a file of a million rows has a few thousand
different numbers and a handful of dates. What needs the whole file (ids, repeats, totals) comes later, in `contents`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds.faults import Fault, Faults
from include.stockwatch.adapters.feeds.numbers import parser
from include.stockwatch.adapters.feeds.raw import LINE, LOCATION, PLACE, TOTAL, Batch, Notes, Reject, Value, as_raw
from include.stockwatch.domain.reported import MEASURES
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import PIECES, BusinessDate, DropRule, Edi, Feed

MAX_NAME, MAX_ID = 200, 80
CONTROL = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
DOT_ZERO = re.compile(r"[0-9]+\.0+")

SERIAL = re.compile(r"[3-6][0-9]{4}(\.[0-9]+)?")
"""A day as spreadsheets number it, from 1982 to 2091."""

NAMES = ("item_name", "location_name", "category")
UNMAPPED = "UNMAPPED_CODE"
"""A code that the profile does not know: kept as it came, reported, not loaded, and no fault of the partner."""

CODED = pa.dictionary(pa.int32(), pa.string())
"""Texts in memory: each once, and for every row which of them it has."""

BOUND = pa.schema(
    [
        (LINE, pa.int64()),
        (PLACE, pa.int64()),
        ("business_date", pa.date32()),
        ("flow_days", pa.int64()),
        ("location_id", CODED),
        ("item_text", CODED),
        *((name, CODED) for name in NAMES),
        *((name, pa.float64()) for name in MEASURES),
        ("price", pa.float64()),
        ("pack_unit", CODED),  # quantities are in this unit, whose pieces only the item master knows
    ]
)


@dataclass(frozen=True)
class Period:
    """The day of a snapshot, and the first of the days that the flows beside it cover."""

    first: dt.date
    last: dt.date


@dataclass(frozen=True)
class ControlTotal:
    """A total that the file states about itself."""

    measure: str
    value: float
    line: int


@dataclass(frozen=True)
class Bound:
    """A batch with its meaning: rows of `BOUND`, rejects (`item_id` still as text), rows dropped by rule, totals."""

    rows: pa.Table
    rejects: tuple[Reject, ...] = ()
    dropped: Counter[str] = field(default_factory=Counter)
    totals: tuple[ControlTotal, ...] = ()


class Texts:
    """One column: its different texts, stripped, and which of them stands in which row. A null is ""."""

    def __init__(self, rows: pa.Table, name: str | None) -> None:
        if name is None or name not in rows.column_names:
            self.places, self.different = np.zeros(len(rows), dtype=np.int32), [""]
            return
        column = rows.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        column = column.unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
        self.different = [text.strip() if text else "" for text in column.dictionary.to_pylist()]
        places = column.indices
        if places.null_count:
            self.different.append("")
            places = places.fill_null(len(self.different) - 1)
        self.places = places.to_numpy(zero_copy_only=False)

    def at(self, row: int | np.integer[Any]) -> str:
        """The text in a row."""
        return str(self.different[self.places[row]])

    def are(self, test: Callable[[str], bool]) -> np.ndarray:
        """For every row, whether its text passes a test."""
        passing = np.fromiter(map(test, self.different), bool, len(self.different))
        return np.asarray(passing[self.places])

    def floats(self, meaning: Callable[[str], float | None]) -> np.ndarray:
        """For every row a number, NaN where the text means none."""
        found = (meaning(text) for text in self.different)
        numbers = np.array([np.nan if one is None else one for one in found], dtype=float)
        return np.asarray(numbers[self.places])

    def strings(self, meaning: Callable[[str], str | None]) -> pa.DictionaryArray:
        """For every row a text, null where none is meant."""
        return coded(map(meaning, self.different), pa.array(self.places))


def coded(texts: Iterable[str | None], places: pa.Array) -> pa.DictionaryArray:
    """A column whose rows have some of these texts; `places` says which."""
    different = pa.array(texts, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(different.indices.take(places), different.dictionary)


def bind(batch: Batch, feed: Feed, period: Period | None, first_place: int = 0) -> Bound:
    """Bind the rows of a batch. A row with a field that cannot be read is rejected with the first such field.

    `period` is the date of the whole file, where the feed says so; `first_place` counts the rows of earlier batches.
    Blank quantities are null: no data, not zero.
    """
    rows, dropped, totals = _drop(with_places(batch.rows, first_place), feed)
    faults = Faults(len(rows))
    columns: dict[str, pa.Array | np.ndarray] = {}
    columns["business_date"], columns["flow_days"] = _dates(rows, feed, period, faults)
    columns["location_id"] = _locations(rows, feed, faults)
    columns["item_text"] = _items(rows, feed, faults)
    measures, absent = _quantities(rows, feed, faults)
    measures, columns["pack_unit"] = _pieces(rows, feed, measures, faults)
    columns |= measures
    columns |= {name: Texts(rows, _name_column(feed, name)).strings(_clean_name) for name in NAMES}
    price = Value.PRICE if feed.is_edi and feed.currency else feed.columns.price
    if price:
        texts = Texts(rows, price)
        columns["price"] = _numbers(texts, feed, price, "BAD_PRICE", faults, money=True)
    bound = _table(rows, columns)
    good = faults.good & ~absent
    dropped["not_ranged"] += int((faults.good & absent).sum())
    rejects = tuple(_rejects(rows, bound, faults))
    kept = bound if good.all() else bound.filter(pa.array(good))
    return Bound(kept, (*batch.rejects, *rejects), +dropped, totals)


def with_places(rows: pa.Table, first: int) -> pa.Table:
    """Rows of a batch, numbered on from those before."""
    return rows.append_column(PLACE, pa.array(np.arange(first, first + len(rows))))


def period_of(source: BusinessDate, names: Sequence[str], notes: Notes, received: dt.date) -> Period | None:
    """The date that the whole file is for, by its name, its preamble or its receipt; none and a hold if not found.

    `names` are that of the file, and that of the archive in which it came.
    """
    if source.source == "receipt":
        day = received - dt.timedelta(days=source.days_before_receipt)
        return Period(day - dt.timedelta(days=source.period_days - 1), day)
    texts = list(dict.fromkeys(names)) if source.source == "file_name" else notes.preamble
    for text in texts:
        found = read_period(text, source)
        if found:
            return found
    called = ", ".join(f"`{text}`" for text in texts)
    where = f"the file name {called}" if source.source == "file_name" else "the rows above the header"
    what = f"no date of the form {source.format} where `date.pattern` looks for it: {where}"
    notes.hold(HoldCode.NO_DATE, what, "correct `date.pattern` or `date.format`, or ask the partner what changed")
    return None


def read_period(text: str, source: BusinessDate) -> Period | None:
    """The period that a text names, none if it names none."""
    parts: tuple[str | None, ...] = (text,)
    if source.pattern:
        match = re.search(source.pattern, text)
        parts = match.groups() if match else ()
    days = [_day(part or "", source.format or "%Y%m%d") for part in parts]
    last = days[-1] if days else None
    if last is None or days[0] is None or days[0] > last:
        return None
    first = days[0] if len(days) > 1 else last - dt.timedelta(days=source.period_days - 1)
    return Period(first, last)


def _day(text: str, form: str) -> dt.date | None:
    text = text.strip()
    if not text.isascii():
        return None
    try:
        return dt.datetime.strptime(text, form).date()  # noqa: DTZ007  (a date, no moment)
    except ValueError:
        return None


def _drop(rows: pa.Table, feed: Feed) -> tuple[pa.Table, Counter[str], tuple[ControlTotal, ...]]:
    """Leave out rows that are no observations, by the first rule that says so."""
    keep = np.ones(len(rows), dtype=bool)
    dropped: Counter[str] = Counter()
    totals: list[ControlTotal] = []
    for rule in feed.drop:
        hit = keep & Texts(rows, rule.column).are(_test(rule))
        dropped[rule.name] += int(hit.sum())
        keep &= ~hit
        if rule.total_of and hit.any():
            totals += _totals(rows, feed, rule, hit)
    if feed.codes:
        ignored = set(feed.codes.ignored)
        hit = keep & Texts(rows, _code_column(feed)).are(ignored.__contains__)
        dropped["ignored_code"] += int(hit.sum())
        keep &= ~hit
    if feed.is_edi:
        hit = keep & _other_level(rows, feed)
        dropped["total_beside_parts"] += int(hit.sum())
        keep &= ~hit
    return (rows if keep.all() else rows.filter(pa.array(keep))), dropped, tuple(totals)


def _test(rule: DropRule) -> Callable[[str], bool]:
    equals, unless = ({text.casefold().strip() for text in texts} for texts in (rule.equals, rule.unless))
    pattern = re.compile(rule.matches) if rule.matches else None

    def hits(text: str) -> bool:
        return (
            (not equals or text.casefold() in equals)
            and (pattern is None or pattern.search(text) is not None)
            and (not rule.blank or not text)
            and (not unless or text.casefold() not in unless)
        )

    return hits


def _totals(rows: pa.Table, feed: Feed, rule: DropRule, hit: np.ndarray) -> Iterable[ControlTotal]:
    column = feed.columns.bound().get(rule.total_of or "")
    parse = parser(feed.format.decimal, feed.format.thousands)
    texts = Texts(rows, column)
    for row in np.flatnonzero(hit):
        value = parse(texts.at(row))
        if value is not None and rule.total_of:
            yield ControlTotal(rule.total_of, value, rows.column(LINE)[row].as_py())


def _other_level(rows: pa.Table, feed: Feed) -> np.ndarray:
    """Rows of the level that is not loaded: totals beside their parts, or the parts beside their total."""
    totals = Texts(rows, Value.LEVEL).are(TOTAL.__eq__)
    if isinstance(feed.format, Edi) and feed.format.level == LOCATION:
        return totals
    message, item = (Texts(rows, name).places for name in (Value.MESSAGE, Value.ITEM))
    starts = np.r_[True, (message[1:] != message[:-1]) | (item[1:] != item[:-1])][: len(rows)]
    keys = list(zip(np.cumsum(starts), Texts(rows, Value.CODE).places, strict=True))  # parts follow their total
    whole = {key for key, is_total in zip(keys, totals, strict=True) if is_total}
    parts = np.fromiter((key in whole for key in keys), bool, len(keys)) & ~totals
    return np.asarray(parts)


def _dates(
    rows: pa.Table, feed: Feed, period: Period | None, faults: Faults
) -> tuple[pa.Array | np.ndarray, np.ndarray]:
    """Business date of every row, and how many days its flows cover."""
    if period:
        covered = (period.last - period.first).days + 1
        return pa.array([period.last] * len(rows), pa.date32()), np.full(len(rows), covered)
    if feed.date is None:
        return _message_dates(rows, faults)
    source, column = feed.date, feed.date.column or ""
    texts = Texts(rows, column)
    found = [read_period(text, source) for text in texts.different]
    bad = np.array([one is None for one in found], bool)[texts.places]
    reason = "a day as spreadsheets number it, in a cell that is not formatted as a date"
    serial = Fault("BAD_DATE", column, reason, "ask the partner to format the column as dates")
    faults.note(bad & texts.are(lambda text: SERIAL.fullmatch(text) is not None), serial)
    reason = f"not a date of the form {source.format}"
    fix = (
        "correct the date, or `date.format` if all are like this; `drop` leaves out totals and headers that come again"
    )
    faults.note(bad, Fault("BAD_DATE", column, reason, fix))
    last = pa.array([one and one.last for one in found], pa.date32()).take(pa.array(texts.places))
    days = np.array([(one.last - one.first).days + 1 if one else 1 for one in found], np.int64)[texts.places]
    return last, days


def _message_dates(rows: pa.Table, faults: Faults) -> tuple[pa.Array, np.ndarray]:
    """The dates that EDI values carry, YYYYMMDD."""
    texts = Texts(rows, Value.LAST_DATE)
    last = [_day(text, "%Y%m%d") for text in texts.different]
    bad = np.array([one is None for one in last], bool)[texts.places]
    fix = "ask the partner to date the message; it has none where one is meant to be"
    faults.note(bad, Fault("BAD_DATE", Value.LAST_DATE, "no date of the form YYYYMMDD", fix))
    starts = Texts(rows, Value.FIRST_DATE)
    first = [_day(text, "%Y%m%d") for text in starts.different]
    ends = np.array([one.toordinal() if one else 0 for one in last], np.int64)[texts.places]
    begins = np.array([one.toordinal() if one else -1 for one in first], np.int64)[starts.places]
    begins = np.where(begins < 0, ends, begins)
    fix = "ask the partner to correct the period"
    faults.note(begins > ends, Fault("BAD_DATE", Value.FIRST_DATE, "the period ends before it begins", fix))
    dates = pa.array(last, pa.date32()).take(pa.array(texts.places))
    return dates, np.maximum(ends - begins + 1, 1)


def _locations(rows: pa.Table, feed: Feed, faults: Faults) -> pa.Array:
    where = feed.location_id
    column = Value.LOCATION if feed.is_edi else where.column
    texts = Texts(rows, column)

    def meaning(text: str) -> str:
        return _padded(clean_id(text), where.width) or (where.constant or "")

    fix = "fill in the location, or set `location_id.constant` if the file is about one place"
    found = texts.strings(meaning)
    missing = pc.equal(found, "").to_numpy(zero_copy_only=False)
    faults.note(missing, Fault("MISSING_ID", column or "", "no location id", fix))
    return found


def _items(rows: pa.Table, feed: Feed, faults: Faults) -> pa.Array:
    """The text of the item id; what it is, the whole column decides later."""
    column = Value.ITEM if feed.is_edi else feed.item_id.column
    texts = Texts(rows, column)
    fix = "fill in the item, or drop such rows by a rule with `blank: true`"
    fault = Fault("MISSING_ID", column or "", "no item id", fix)
    faults.note(texts.are(lambda text: not text), fault)
    return texts.strings(lambda text: clean_id(text) or None)


def item_id(text: str, feed: Feed) -> str:
    """A partner's own item number as it is stored."""
    return _padded(text, feed.item_id.width)


def _quantities(rows: pa.Table, feed: Feed, faults: Faults) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every measure as numbers in the unit that the file uses, and the rows that say `not carried here`."""
    absent = np.zeros(len(rows), dtype=bool)
    if feed.codes:
        return _coded_quantities(rows, feed, faults), absent
    found = {}
    for name, column in feed.columns.units().items():
        texts = Texts(rows, column)
        absent |= texts.are(_is_one_of(feed.not_ranged))
        found[name] = _numbers(texts, feed, column, "BAD_QUANTITY", faults)
    for numbers in found.values():
        absent &= np.isnan(numbers)
    return found, absent


def _coded_quantities(rows: pa.Table, feed: Feed, faults: Faults) -> dict[str, np.ndarray]:
    codes = Texts(rows, _code_column(feed))
    measures = feed.codes.measures if feed.codes else {}
    unknown = codes.are(lambda code: code not in measures)
    fix = "say what it is in `codes.measures`, or that it is not wanted in `codes.ignored`"
    faults.note(unknown, Fault(UNMAPPED, _code_column(feed), "the profile does not say what this code means", fix))
    column = Value.QUANTITY if feed.is_edi or not feed.codes else feed.codes.quantity_column
    numbers = _numbers(Texts(rows, column), feed, column, "BAD_QUANTITY", faults)
    return {
        name: np.where(codes.are(lambda code, name=name: measures.get(code) == name), numbers, np.nan)  # type: ignore[misc]
        for name in dict.fromkeys(measures.values())
    }


def _numbers(texts: Texts, feed: Feed, column: str, code: str, faults: Faults, *, money: bool = False) -> np.ndarray:
    parse = parser(feed.format.decimal, feed.format.thousands, money=money, currency=feed.currency)
    is_none = _is_one_of((*feed.no_data, *feed.not_ranged, ""))
    numbers = texts.floats(lambda text: None if is_none(text) else parse(text))
    bad = np.isnan(numbers) & ~texts.are(is_none)
    reason = f"not a number{f' of {feed.currency}' if money else ''} with `{feed.format.decimal}` as decimal mark"
    fix = "correct the number, or leave it blank"
    if not feed.is_edi:
        settings = f"{'`currency`, ' if money else ''}`format.decimal`, `format.thousands` or `no_data`"
        fix += f"; if all are like this, {settings} says what is meant"
    faults.note(bad, Fault(code, column, reason, fix))
    return numbers


def _pieces(
    rows: pa.Table, feed: Feed, measures: dict[str, np.ndarray], faults: Faults
) -> tuple[dict[str, np.ndarray], pa.Array | None]:
    """Quantities in pieces; where only the item master knows how many pieces a pack has, the unit stays beside."""
    units = feed.units
    column = Value.UNIT if feed.is_edi else units.column
    if column is None or column not in rows.column_names:
        pieces = _pieces_of(units.default, feed)
        if pieces is None:
            return measures, pa.array([units.default.upper()] * len(rows), pa.string())
        return (measures if pieces == 1 else {n: m * pieces for n, m in measures.items()}), None
    texts = Texts(rows, column)
    missing = texts.are(lambda text: not (text or units.default))
    faults.note(missing, Fault("UNIT_UNKNOWN", column, "no unit", "fill it in, or set `units.default`"))
    factor = texts.floats(lambda text: _pieces_of(text or units.default, feed))
    packs = Texts(rows, Value.PACK if feed.is_edi else units.pack_column).floats(parser(".", ""))
    factor = np.where(np.isnan(factor) & (packs > 0), packs, factor)
    waiting = np.isnan(factor)
    if not (waiting.any() or (factor != 1).any()):
        return measures, None
    in_pieces = {name: numbers * np.where(waiting, 1.0, factor) for name, numbers in measures.items()}
    names = texts.strings(lambda text: (text or units.default).upper())
    return in_pieces, pc.if_else(pa.array(waiting), names, pa.scalar(None, pa.string()))


def _pieces_of(unit: str, feed: Feed) -> float | None:
    known = {name.upper(): pieces for name, pieces in feed.units.packs.items()}
    return known.get(unit.upper(), 1.0 if unit.upper() in PIECES else None)


def _table(rows: pa.Table, columns: dict[str, pa.Array | np.ndarray]) -> pa.Table:
    arrays = [rows.column(LINE), rows.column(PLACE)]
    for one in list(BOUND)[2:]:
        found = columns.get(one.name)
        if found is None:
            arrays.append(pa.nulls(len(rows), one.type))
        elif isinstance(found, np.ndarray):
            arrays.append(pa.array(found, one.type, from_pandas=True))
        else:
            arrays.append(found)
    return pa.table(arrays, schema=BOUND)


def _rejects(rows: pa.Table, bound: pa.Table, faults: Faults) -> Iterable[Reject]:
    """A reject for every row with a fault, with its series as far as it could be read."""
    bad = np.flatnonzero(~faults.good)
    if not len(bad):
        return
    cells = rows.drop_columns([LINE, PLACE]).take(pa.array(bad))
    names = cells.column_names
    wide = [cells.column(name).cast(pa.string()).to_pylist() for name in names]
    keys = bound.select([LINE, "business_date", "location_id", "item_text"]).take(pa.array(bad)).to_pylist()
    for place, ((_, fault), key) in enumerate(zip(faults, keys, strict=True)):
        raw = [column[place] or "" for column in wide]
        yield Reject(
            key[LINE],
            fault.code,
            fault.column,
            raw[names.index(fault.column)] if fault.column in names else "",
            fault.reason,
            fault.fix,
            as_raw(raw),
            None if fault.code == "BAD_DATE" else key["business_date"],
            key["location_id"] or None,
            key["item_text"],
        )


def _name_column(feed: Feed, name: str) -> str | None:
    if feed.is_edi:
        return Value.ITEM_NAME if name == "item_name" else None
    return getattr(feed.columns, name)  # type: ignore[no-any-return]


def _code_column(feed: Feed) -> str:
    return Value.CODE if feed.is_edi or not feed.codes else feed.codes.code_column


def _is_one_of(texts: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text is one of some, upper and lower case alike."""
    known = {text.strip().casefold() for text in texts}
    return lambda text: text.casefold() in known


def _padded(text: str, width: int) -> str:
    return text.zfill(width) if width and text.isdigit() else text


def clean_id(text: str) -> str:
    """An id without what nobody sees, and without the apostrophe and the `.0` that spreadsheets add to numbers."""
    text = CONTROL.sub("", text)[:MAX_ID].removeprefix("'")
    return text.partition(".")[0] if DOT_ZERO.fullmatch(text) else text


def _clean_name(text: str) -> str | None:
    return CONTROL.sub("", text)[:MAX_NAME] or None

"""Give the texts of a master-data file their meaning, as its definition says.

As in `binding`, every rule looks at the different texts of a column, not at its rows.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds import signal_rows
from include.stockwatch.adapters.feeds.binding import CONTROL, MAX_NAME, Texts, clean_id
from include.stockwatch.adapters.feeds.faults import Fault, Faults
from include.stockwatch.adapters.feeds.meaning import Meaning
from include.stockwatch.adapters.feeds.numbers import parser
from include.stockwatch.adapters.feeds.raw import LINE, Batch, Reject, as_raw
from include.stockwatch.domain import gtin
from include.stockwatch.domain.columns import MASTERS
from include.stockwatch.domain.master import EVERY_PARTNER
from include.stockwatch.settings.master import Items, Locations, Master
from include.stockwatch.settings.signal_feeds import Complaints, Loyalty

PACK = "pack "
PERCENT = 100
GLN_DIGITS = 13
LARGEST = 1e12


@dataclass(frozen=True)
class Bound:
    """A batch with its meaning: rows of the definition's table, without what all rows of a file share; rejects."""

    rows: pa.Table
    rejects: tuple[Reject, ...] = ()


def schema_of(master: Master) -> pa.Schema:
    """The columns of a table that the rows of a file have of their own."""
    shared = ("feed_id", "delivery_id", "source_file", "received_at")
    return pa.schema([field for field in MASTERS[master.table].to_pyarrow() if field.name not in shared])


def gtin_texts(batch: Batch, master: Master) -> Iterator[str]:
    """The different texts of the columns that are GTINs."""
    columns, _ = master.gtins()
    for name in columns:
        yield from filter(None, Texts(batch.rows, master.bound().get(name)).different)


def bind(batch: Batch, master: Master, gtins: Mapping[str, str]) -> Bound:
    """Bind the rows of a batch. A row with a field that cannot be read is rejected with the first such field.

    `gtins` says what the texts of GTIN columns are, which only the whole file can tell. Blank cells are null.
    """
    if isinstance(master, Complaints):
        batch = signal_rows.bounded(batch, master)
    faults = Faults(len(batch.rows))
    columns = _columns(batch.rows, master, gtins, faults)
    _check_needed(columns, master, faults)
    _check_order(columns, master, faults)
    schema = schema_of(master)
    bound = pa.table(
        [columns.get(one.name, pa.nulls(len(batch.rows), one.type)) for one in schema],
        schema=schema,
    )
    rejects = (*batch.rejects, *_rejects(batch.rows, bound, faults))
    return Bound(bound.filter(pa.array(faults.good)), rejects)


def _columns(rows: pa.Table, master: Master, gtins: Mapping[str, str], faults: Faults) -> dict[str, pa.Array]:
    schema = schema_of(master)
    columns: dict[str, Any] = {LINE: rows.column(LINE)}
    packs: dict[str, pa.Array] = {}
    for name, column in master.bound().items():
        kind = pa.float64() if name.startswith(PACK) else schema.field(name).type
        found = _column(Texts(rows, column), _meaning(name, kind, master, gtins), column, kind, faults)
        if name.startswith(PACK):
            packs[name.removeprefix(PACK)] = found
        else:
            columns[name] = found

    def constant(name: str, value: str | None) -> None:
        if name in schema.names and name not in columns:
            columns[name] = pa.repeat(pa.scalar(value, pa.string()), len(rows))

    constant("partner", master.partner or EVERY_PARTNER)
    constant("location_type", getattr(master, "location_type", None))
    constant("currency", getattr(master, "currency", None))
    if isinstance(master, Items):
        ids = [columns[name] for name in ("gtin", "partner_item_id") if name in columns]
        columns["item_id"] = pc.coalesce(*ids)
        columns["packs"] = _packs(packs, len(rows))
    if isinstance(master, Complaints | Loyalty):
        signal_rows.completed(columns, len(rows), master, faults)
    return columns


def _column(texts: Texts, meaning: Meaning, column: str, kind: pa.DataType, faults: Faults) -> pa.Array:
    values = [meaning.of(text) if text else None for text in texts.different]
    bad = [value is None and bool(text) for value, text in zip(values, texts.different, strict=True)]
    if meaning.code:
        faults.note(np.array(bad, bool)[texts.places], Fault(meaning.code, column, meaning.reason, meaning.fix))
    return pa.array(values, kind).take(pa.array(texts.places))


def _meaning(name: str, kind: pa.DataType, master: Master, gtins: Mapping[str, str]) -> Meaning:
    """How the texts of a column are read."""
    columns, _ = master.gtins()
    if name in columns:
        return _gtin(gtins)
    if isinstance(master, Complaints | Loyalty) and (special := signal_rows.meaning(name, master)):
        return special
    if pa.types.is_date(kind):
        return _date(master.date_format or "")
    if pa.types.is_floating(kind):
        return _number(name, master)
    if isinstance(master, Locations) and name in ("location_type", "is_active", "time_zone", "gln"):
        return _of_location(name, master)
    if name == "partner" or name in master.widths():
        width = master.widths().get(name, 0)
        fix = "export the column as text: a spreadsheet has rounded the number"
        return Meaning(lambda text: _id(text, width), "LOSSY_ID", "an id in scientific notation has lost digits", fix)
    return Meaning(lambda text: CONTROL.sub("", text)[:MAX_NAME] or None)


def _gtin(gtins: Mapping[str, str]) -> Meaning:
    reason = "not a GTIN with a valid check digit"
    fix = "correct the GTIN; a spreadsheet rounds long numbers, so export the column as text"
    return Meaning(gtins.get, "BAD_GTIN", reason, fix)


def _date(form: str) -> Meaning:
    def day(text: str) -> dt.date | None:
        try:
            return dt.datetime.strptime(text, form).date() if text.isascii() else None  # noqa: DTZ007  (no moment)
        except ValueError:
            return None

    fix = "correct the date, or `date_format` if all are like this"
    return Meaning(day, "BAD_DATE", f"not a date of the form {form}", fix)


def _number(name: str, master: Master) -> Meaning:
    """A number in the range that makes sense for a column: no pack is empty, no margin is above the price."""
    parse = parser(master.format.decimal, master.format.thousands, money=name == "price")
    percent = name == "margin_share" and isinstance(master, Items) and master.margin_in == "percent"
    least, most = 0.0, 1.0 if name == "margin_share" else LARGEST
    may_be_zero = name in ("price", "margin_share")

    def number(text: str) -> float | None:
        found = parse(text.removesuffix("%").rstrip() if percent else text)
        if found is None:
            return None
        found = found / PERCENT if percent else found
        return found if least <= found <= most and (found or may_be_zero) else None

    said = "from 0" if may_be_zero else "above 0"
    reason = f"not a number {said}{' to 1' if most == 1 else ''}, with `{master.format.decimal}` as decimal mark"
    if percent:
        reason = f"not a percentage, with `{master.format.decimal}` as decimal mark"
    return Meaning(number, "BAD_NUMBER", reason, "correct the number, or leave it blank")


def _of_location(name: str, master: Locations) -> Meaning:
    if name == "is_active":
        active = {text.strip().casefold() for text in master.active}
        return Meaning(lambda text: text.casefold() in active)
    if name == "location_type":
        types = {text.strip().casefold(): kind for text, kind in master.types.items()}
        fix = "say in `types` whether it is a store or a dc"
        return Meaning(lambda text: types.get(text.casefold()), "BAD_VALUE", "a type that `types` does not have", fix)
    if name == "time_zone":
        zones = zoneinfo.available_timezones()
        reason = "no IANA time zone; one looks like America/New_York"
        return Meaning(
            lambda text: text if text in zones else None, "BAD_VALUE", reason, "correct it, or leave it blank"
        )
    return Meaning(_gln, "BAD_VALUE", "not a GLN: 13 digits, the last a check digit", "correct it, or leave it blank")


def _gln(text: str) -> str | None:
    digits = gtin.cleaned(text)
    return digits if len(digits) == GLN_DIGITS and gtin.is_gtin(digits) else None


def _id(text: str, width: int) -> str | None:
    text = clean_id(text)
    if gtin.SCIENTIFIC.fullmatch(text):
        return None
    return (text.zfill(width) if width and text.isdigit() else text) or None


def _packs(packs: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """One map of unit to pieces per row, from a column of pieces for each unit."""
    kind = MASTERS["items"].to_pyarrow().field("packs").type
    if not packs:
        return pa.nulls(rows, kind)
    wide = [column.to_pylist() for column in packs.values()]
    return pa.array(
        [
            [(unit, one) for unit, one in zip(packs, row, strict=True) if one is not None]
            for row in zip(*wide, strict=True)
        ],
        kind,
    )


def _check_needed(columns: Mapping[str, pa.Array], master: Master, faults: Faults) -> None:
    """Ids that no row may lack."""
    named = master.bound()
    for name in (*master.needed, *(("partner",) if master.partner_column and master.needs_partner else ())):
        column = named.get(name) or named.get("gtin") or named.get("partner_item_id") or name
        missing = pc.is_null(columns[name]).to_numpy(zero_copy_only=False)
        faults.note(missing, Fault("MISSING_ID", column, f"no {name.replace('_', ' ')}", "fill it in"))


def _check_order(columns: Mapping[str, pa.Array], master: Master, faults: Faults) -> None:
    """No row ends before it begins."""
    if len(master.dates) < 2 or not all(name in columns for name in master.dates):
        return
    first, last = (columns[name] for name in master.dates)
    bad = pc.fill_null(pc.greater(first, last), False).to_numpy(zero_copy_only=False)
    column = master.bound()[master.dates[1]]
    faults.note(bad, Fault("BAD_DATE", column, "the last day is before the first", "correct one of the two dates"))


def _rejects(rows: pa.Table, bound: pa.Table, faults: Faults) -> Iterable[Reject]:
    """A reject for every row with a fault, with its ids as far as they could be read."""
    found = list(faults)
    if not found:
        return
    cells = rows.take(pa.array([row for row, _ in found])).to_pylist()
    ids = [name for name in ("location_id", "item_id") if name in bound.column_names]
    places = pa.array([row for row, _ in found])
    keys = bound.select(ids).take(places).to_pylist() if ids else [{} for _ in found]  # no columns, no rows
    for cell, key, (_, fault) in zip(cells, keys, found, strict=True):
        yield rejected(cell, fault, **key)


def rejected(
    cells: Mapping[str, Any], fault: Fault, *, location_id: str | None = None, item_id: str | None = None
) -> Reject:
    """The reject of a row with a fault."""
    raw = as_raw([text or "" for name, text in cells.items() if name != LINE])
    value = cells.get(fault.column) or ""
    said = (fault.code, fault.column, value, fault.reason, fault.fix, raw)
    return Reject(cells[LINE], *said, location_id=location_id, item_id=item_id)

"""What is special about rows of complaints and of loyalty; the rest of their meaning is that of master data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds.faults import Fault, Faults
from include.stockwatch.adapters.feeds.meaning import Meaning
from include.stockwatch.adapters.feeds.numbers import parser
from include.stockwatch.adapters.feeds.raw import Batch
from include.stockwatch.domain.customer_signals import RANGES, ComplaintKind, Measure, extract
from include.stockwatch.settings.signal_feeds import Complaints, Loyalty

MOST_COMPLAINTS = 100_000
"""That one row may stand for."""


def bounded(batch: Batch, definition: Complaints) -> Batch:
    """The batch without more of what people wrote than may be kept, in good rows and in rejects alike."""
    column = definition.columns.extract
    if column is None:
        return batch
    rejects = tuple(replace(one, raw=extract(one.raw), value=extract(one.value)) for one in batch.rejects)
    place = batch.rows.schema.get_field_index(column)
    if place < 0:
        return replace(batch, rejects=rejects)
    texts = batch.rows.column(column).cast(pa.string()).to_pylist()
    kept = pa.array([extract(text or "") for text in texts], pa.string())
    return replace(batch, rows=batch.rows.set_column(place, column, kept), rejects=rejects)


def meaning(name: str, definition: Complaints | Loyalty) -> Meaning | None:
    """How the texts of a column are read that no list of master data has; none for all others."""
    if name == "kind" and isinstance(definition, Complaints):
        kinds = {_same(text): kind.value for text, kind in definition.kinds.items()}
        return Meaning(lambda text: kinds.get(_same(text), ComplaintKind.OTHER.value))
    if name == "complaints":
        return _whole(definition, MOST_COMPLAINTS)
    if name == "sample_size":
        return _whole(definition, 1_000_000_000)
    if name == "measure" and isinstance(definition, Loyalty):
        measures = {_same(text): measure.value for text, measure in definition.measures.items()}
        reason, fix = "a measure that `measures` does not have", "say in `measures` what it measures"
        return Meaning(lambda text: measures.get(_same(text)), "BAD_VALUE", reason, fix)
    if name == "value":
        parse = parser(definition.format.decimal, definition.format.thousands, money=True)
        reason = f"not a number, with `{definition.format.decimal}` as decimal mark"
        sign = "%" if isinstance(definition, Loyalty) and definition.shares_in == "percent" else ""
        fix = "correct the number, or say in `shares_in` that shares are in percent"
        return Meaning(lambda text: parse(text.removesuffix(sign).rstrip()), "BAD_NUMBER", reason, fix)
    return None


def completed(columns: dict[str, Any], rows: int, definition: Complaints | Loyalty, faults: Faults) -> None:
    """Fill in what blank cells mean, and turn figures into those of the table; those that cannot be are faults."""
    if isinstance(definition, Complaints):
        columns["partner"] = pc.fill_null(columns["partner"], "")
        kind = (definition.kind or ComplaintKind.OTHER).value
        columns["kind"] = pc.fill_null(columns.get("kind", pa.nulls(rows, pa.string())), kind)
        columns["complaints"] = pc.fill_null(columns.get("complaints", pa.nulls(rows, pa.int64())), 1)
        return
    measures = [Measure(text) if text else None for text in columns["measure"].to_pylist()]
    figures = columns["value"].to_pylist()
    values = [
        definition.read_value(measure, figure) if measure and figure is not None else None
        for measure, figure in zip(measures, figures, strict=True)
    ]
    for measure in {one for one in measures if one}:
        of_measure = [one is measure for one in measures]
        given = zip(of_measure, figures, values, strict=True)
        bad = [mine and figure is not None and value is None for mine, figure, value in given]
        column, words = definition.columns.value, RANGES[measure].words()
        reason = f"no {measure.value.replace('_', ' ')}: it goes {words}"
        fix = (
            "correct it, or say in `shares_in` that shares are in percent" if RANGES[measure].is_share else "correct it"
        )
        faults.note(np.array(bad, bool), Fault("OUT_OF_RANGE", column, reason, fix))
        if measure is Measure.LIFETIME_VALUE and not definition.currency:
            fault = Fault("NO_CURRENCY", column, "money without a currency", "set `currency` in the definition")
            faults.note(np.array(of_measure, bool), fault)
    columns["value"] = pa.array(values, pa.float64())
    of_value = [definition.currency if one is Measure.LIFETIME_VALUE else None for one in measures]
    columns["currency"] = pa.array(of_value, pa.string())
    columns["period_days"] = pa.repeat(pa.scalar(definition.period_days, pa.int64()), rows)


def _same(text: str) -> str:
    return extract(text).strip().casefold()


def _whole(definition: Complaints | Loyalty, most: int) -> Meaning:
    parse = parser(definition.format.decimal, definition.format.thousands, money=False)

    def whole(text: str) -> int | None:
        found = parse(text)
        return int(found) if found is not None and 0 <= found <= most and found == int(found) else None

    return Meaning(
        whole, "BAD_NUMBER", f"not a whole number from 0 to {most:,}", "correct the number, or leave it blank"
    )

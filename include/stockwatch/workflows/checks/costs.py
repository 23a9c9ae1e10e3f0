"""What gaps cost: the loss columns of the availability table."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from include.stockwatch.domain.availability import EMPTY, Status
from include.stockwatch.domain.columns import AVAILABILITY
from include.stockwatch.domain.losses import INPUTS, losses
from include.stockwatch.domain.panel import Array, Codes, or_zero
from include.stockwatch.workflows.checks.arrays import codes, numbers
from include.stockwatch.workflows.rules import Label, Rules

if TYPE_CHECKING:
    import pyarrow as pa


LABEL = ("partner", "category", "brand", "currency")
"""What assumptions of the lost-customer model may differ by: `rules.Label`."""
ASKED = (
    *LABEL,
    *(name for name in INPUTS if name != "ahead_days"),
    *("business_date", "status", "p_phantom", "demand_units_per_day", "short_units_ahead"),
    *("on_order_units", "in_transit_units", "next_receipt_on", "promoted_units_per_day", "promoted_until"),
)
"""Columns that the loss model is asked with."""
COSTLY = (*EMPTY, Status.AT_RISK.value)
LOST = {"lost_units": (), "lost_units_today": (Status.IN_STOCK.value,)}
"""Units that a spell has cost so far, and in which status they are told beside those that are costly: a shelf that is
silent for a day or two is probably full, but many of them together have cost what their probabilities say."""


def with_losses(table: pa.Table, rules: Rules) -> pa.Table:
    """Add the loss columns: filled for series that are out, probably are or may run out, null for all others but what
    the date has probably cost.

    What is planned may have a spell, and loses nothing by it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    def in_status(*values: str) -> pa.ChunkedArray:
        return pc.is_in(table["status"], value_set=pa.array(values))

    costly = in_status(*COSTLY)
    chosen = table.select(ASKED).filter(costly)
    of, labels = _labels(chosen, rules)
    found = losses(loss_inputs(chosen, rules.check.horizon_days), of, labels, lambda label: rules.assumed(*label))
    places = np.flatnonzero(costly.to_numpy(zero_copy_only=False))
    for name, values in found.items():
        column = np.full(len(table), np.nan)
        column[places] = values
        table = table.append_column(name, pa.array(column, from_pandas=True))
    for name, others in LOST.items():
        lost = pc.if_else(in_status(*COSTLY, *others), table[name], pa.scalar(None, pa.float64()))
        table = table.set_column(table.column_names.index(name), name, lost)
    schema = AVAILABILITY.to_pyarrow()
    return table.select(schema.names).cast(schema)


def _labels(chosen: pa.Table, rules: Rules) -> tuple[Codes, list[tuple[Label, dt.date]]]:
    """The place of each row's label, and the labels: what it is an item of, and the day it is measured by."""
    import pyarrow as pa
    import pyarrow.compute as pc

    dates = pc.unique(chosen["business_date"])
    measured = pa.array([rules.measured_by(date) for date in dates.to_pylist()], dates.type)
    whose = chosen.select(LABEL)
    whose = whose.append_column("measured", measured.take(pc.index_in(chosen["business_date"], dates)))
    of = codes(*whose.columns)
    first = whose.take(np.unique(of, return_index=True)[1])
    return of, [
        ((*label,), date) for *label, date in zip(*(column.to_pylist() for column in first.columns), strict=True)
    ]


def loss_inputs(chosen: pa.Table, horizon_days: int) -> dict[str, Array]:
    """What the loss model needs. A series that may run out has no spell yet; it is short for days of the horizon. The
    days of a suspected phantom count with its probability, those to come as well."""
    status = chosen["status"].to_numpy(zero_copy_only=False)
    may_run_out, is_doubted = status == Status.AT_RISK.value, status == Status.PHANTOM_SUSPECTED.value
    inputs = {name: numbers(chosen, name) for name in INPUTS if name != "ahead_days"}
    for name in ("spell_exposure_days", "earlier_exposure_days", "store_scope", "item_scope"):
        inputs[name] = np.where(may_run_out, 0.0, inputs[name])
    for name in ("store_scope", "item_scope"):  # where no other place or item is known, none counts as out
        inputs[name] = or_zero(inputs[name])
    rate = numbers(chosen, "demand_units_per_day")
    short_days = np.divide(numbers(chosen, "short_units_ahead"), rate, out=np.full(len(chosen), np.nan), where=rate > 0)
    out_days = _days_out_ahead(chosen, horizon_days) * np.where(is_doubted, numbers(chosen, "p_phantom"), 1.0)
    inputs["ahead_days"] = np.where(may_run_out, short_days, out_days)
    return inputs


def _days_out_ahead(chosen: pa.Table, horizon_days: int) -> Array:
    """Days that a gap goes on: until what is on order or in transit is expected, and not past the horizon (A-20). A day
    of the promotion under way counts for what it sells of a plain one."""
    import pyarrow.compute as pc

    days = pc.days_between(chosen["business_date"], chosen["next_receipt_on"]).to_numpy(zero_copy_only=False)
    coming = or_zero(numbers(chosen, "on_order_units")) + or_zero(numbers(chosen, "in_transit_units"))
    until = np.fmin(np.where(coming > 0, days.astype(float), np.nan), float(horizon_days))
    promoted = pc.days_between(chosen["business_date"], chosen["promoted_until"]).to_numpy(zero_copy_only=False)
    rate, as_promoted = numbers(chosen, "demand_units_per_day"), numbers(chosen, "promoted_units_per_day")
    lift = np.divide(as_promoted, rate, out=np.ones(len(rate)), where=rate > 0) - 1
    more: Array = np.minimum(until, promoted.astype(float)) * lift
    return np.asarray(until + or_zero(more))

"""Phantom stock and empty shelves: what the check finds, held against a world's truth and against other rules.

Every score is one number per series and day, higher meaning likelier empty; days are those that were judged.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.stockwatch.domain.columns import SERIES

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Panel:
    """Truth and records as arrays of series by day; nan where a series was not reported or not ranged."""

    dates: list[dt.date]
    keys: list[tuple[str, ...]]
    record: Array
    sold: Array
    received: Array
    expected: Array  # true mean demand of the day
    lost: Array
    is_phantom: Flags
    is_empty: Flags


def panel(truth: pa.Table) -> Panel:
    """A truth table as arrays."""
    frame = truth.to_pandas()
    dates = sorted(frame.business_date.unique())
    keys = frame[list(SERIES)].drop_duplicates().sort_values(list(SERIES))
    series = frame[list(SERIES)].merge(keys.assign(row=np.arange(len(keys))), on=list(SERIES)).row.to_numpy()
    column = np.searchsorted(np.array(dates), frame.business_date.to_numpy())

    def grid(name: str) -> Array:
        values = np.full((len(keys), len(dates)), np.nan)
        values[series, column] = frame[name].to_numpy(dtype=float)
        return values

    return Panel(
        dates=[dt.date.fromisoformat(str(date)[:10]) for date in dates],
        keys=[tuple(key) for key in keys.itertuples(index=False)],
        record=grid("record_units"),
        sold=grid("units_sold"),
        received=grid("received_units"),
        expected=grid("expected_units"),
        lost=grid("lost_units"),
        is_phantom=grid("is_phantom") == 1,
        is_empty=grid("is_empty") == 1,
    )


def on_days(world: Panel, table: pa.Table, name: str, dates: Sequence[dt.date]) -> Array:
    """A column of an availability table as series by judged day."""
    frame = table.select(["as_of", *SERIES, name]).to_pandas()
    row = {key: number for number, key in enumerate(world.keys)}
    column = {date: number for number, date in enumerate(dates)}
    values = np.full((len(world.keys), len(dates)), np.nan)
    keys = list(zip(*(frame[key] for key in SERIES), strict=True))
    rows = np.array([row.get(key, -1) for key in keys])
    columns = np.array([column[dt.date.fromisoformat(str(date)[:10])] for date in frame.as_of])
    kept = rows >= 0
    values[rows[kept], columns[kept]] = frame[name].to_numpy(dtype=float)[kept]
    return values


def run_rule(world: Panel) -> Array:
    """The public accelerator's rule: -p0^run, p0 the share of days without a sale, run the days since the last sale
    on which the record showed stock."""
    silent = world.sold == 0
    share = np.nanmean(np.where(np.isnan(world.sold), np.nan, silent), axis=1)
    run = np.zeros(len(world.keys))
    scores = np.empty_like(world.sold)
    for day in range(world.sold.shape[1]):
        run = np.where(silent[:, day] & (world.record[:, day] > 0), run + 1, 0)
        scores[:, day] = -(share**run)
    return scores


def filtered(world: Panel, no_sale: Array, hazard: float, recovery: float) -> Array:
    """Probability of an empty shelf by a forward filter that a sale or a receipt resets; `no_sale` of each day."""
    empty = np.zeros(len(world.keys))
    scores = np.zeros_like(world.sold)
    for day in range(world.sold.shape[1]):
        before = empty * (1 - recovery) + (1 - empty) * hazard
        silent = before / (before + (1 - before) * no_sale[:, day])
        event = (world.sold[:, day] > 0) | (world.received[:, day] > 0)
        empty = np.where(event, 0.0, np.where(world.record[:, day] > 0, silent, empty))
        empty = np.nan_to_num(empty)
        scores[:, day] = np.where(world.record[:, day] > 0, empty, 0.0)
    return scores


def oracle(world: Panel, dispersion: float) -> Array:
    """The same filter with the true demand of every day, the true hazard and the true recovery."""
    per_unit = 1.0 if dispersion == 1 else np.log(dispersion) / (dispersion - 1)
    had = ~world.is_phantom[:, :-1] & (world.record[:, :-1] > 0)
    hazard = (world.is_phantom[:, 1:] & had).sum() / had.sum()
    event = (world.sold > 0) | (world.received > 0)
    was = world.is_phantom[:, :-1] & ~event[:, 1:]
    recovery = (~world.is_phantom[:, 1:] & was).sum() / max(was.sum(), 1)
    return filtered(world, np.exp(-per_unit * world.expected), hazard, recovery)


def plain_filter(world: Panel) -> Array:
    """A frozen-rate filter without weekday, promotion, pooling or learned hazard."""
    rates = np.zeros_like(world.sold)
    a, b = np.full(len(world.keys), 0.5), np.full(len(world.keys), 1.0)
    frozen_a, frozen_b = a.copy(), b.copy()
    for day in range(world.sold.shape[1]):
        rates[:, day] = frozen_a / frozen_b
        stocked = (world.record[:, day] > 0) & ~np.isnan(world.sold[:, day])
        a = np.where(stocked, 0.97 * a + np.nan_to_num(world.sold[:, day]), a)
        b = np.where(stocked, 0.97 * b + 1, b)
        sold = world.sold[:, day] > 0
        frozen_a, frozen_b = np.where(sold, a, frozen_a), np.where(sold, b, frozen_b)
    return filtered(world, np.exp(-rates), 0.002, 0.0)


def average_precision(score: Array, truth: Flags) -> float:
    """Area under the precision-recall curve, ties counted as one step."""
    precision, recall = _curve(score, truth)
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision))


def precision_at_recall(score: Array, truth: Flags, recall: float = 0.5) -> float:
    """Best precision at a recall of at least this."""
    precision, reached = _curve(score, truth)
    return float(precision[reached >= recall].max())


def _curve(score: Array, truth: Flags) -> tuple[Array, Array]:
    order = np.argsort(-score, kind="stable")
    ranked, hit = score[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(hit)[last]
    return true / (last + 1), true / max(hit.sum(), 1)


@dataclass(frozen=True)
class Bin:
    """One row of a reliability table."""

    low: float
    high: float
    days: int
    predicted: float
    observed: float


def reliability(
    p: Array, truth: Flags, edges: Sequence[float] = (0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0001)
) -> list[Bin]:
    """Mean predicted probability against the observed share, by bin."""
    bins = []
    for low, high in itertools.pairwise(edges):
        inside = (p >= low) & (p < high)
        if inside.any():
            bins.append(Bin(low, high, int(inside.sum()), float(p[inside].mean()), float(truth[inside].mean())))
    return bins


def brier(p: Array, truth: Flags) -> float:
    """Mean squared distance of a probability from what happened."""
    return float(np.mean((p - truth) ** 2))


@dataclass(frozen=True)
class Alarms:
    """Empty-at-close days that were called empty, and what was called wrongly."""

    recall: float
    false_per_thousand: float


def alarms(called: Flags, is_empty: Flags) -> Alarms:
    """Recall of empty days, and false alarms per 1,000 series-days."""
    return Alarms(
        recall=float((called & is_empty).sum() / max(is_empty.sum(), 1)),
        false_per_thousand=float(1000 * (called & ~is_empty).sum() / called.size),
    )


def best_recall(score: Array, recorded: Flags, is_empty: Flags, false_per_thousand: float = 3.0) -> Alarms:
    """The best recall that any threshold of a score reaches, what is recorded as empty always being called."""
    order = np.argsort(-score[~recorded], kind="stable")
    hit = is_empty[~recorded][order]
    wrong = np.cumsum(~hit) + (recorded & ~is_empty).sum()
    allowed = np.flatnonzero(1000 * wrong / score.size <= false_per_thousand)
    extra = 0 if not len(allowed) else int(np.cumsum(hit)[allowed[-1]])
    right = (recorded & is_empty).sum() + extra
    made = wrong[allowed[-1]] if len(allowed) else (recorded & ~is_empty).sum()
    return Alarms(float(right / max(is_empty.sum(), 1)), float(1000 * made / score.size))

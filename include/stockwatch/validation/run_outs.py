"""How well a check foresees that stock runs out, in a world whose truth is known.

A run-out is the first day of an empty shelf that was sold empty: for want of an order or a delivery, not by theft, a
neglected shelf or a plan. That of a DC is the first day at whose close nothing is left to ship. It is foreseen on a day
if it comes before the next receipt; that is what `p_runs_out` is the probability of, and what the days-of-supply rule
is held to as well. Days on which the shelf is empty already, whatever the record says, are not judged: nothing is left
to run out.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.causes import Cause
from include.stockwatch.domain.panel import Array
from include.stockwatch.simulation.world import World

SOLD_OUT = (
    Cause.DISTRIBUTOR_DC.value,
    Cause.RETAILER_DC.value,
    Cause.NOT_ORDERED.value,
    Cause.NOT_DELIVERED.value,
)
SERIES = ["partner", "location_id", "item_id"]
AHEAD, LOOK_AHEAD = 2, 7
"""An announcement counts from so many to so many days before."""


@dataclass(frozen=True)
class Foresight:
    """Sums over series-days with stock on record, and over run-outs; worlds can be added up."""

    days: int  # series-days judged
    run_out_days: int  # of them, those before a run-out and with no receipt between
    squared_error: float  # of the probability
    rule_squared_error: float  # of the days-of-supply rule, as 0 or 1
    announced_days: int  # series-days at risk
    right_days: int  # of them, those followed by a run-out before the next receipt
    run_outs: int
    announced: int  # at risk on one of the 2 to 7 days before
    standing: int  # at risk on the day 2 days before
    rule_announced: int
    rule_announced_days: int
    rule_right_days: int

    def __add__(self, other: Foresight) -> Foresight:
        return Foresight(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def brier(self) -> float:
        """Mean squared error of the probability."""
        return self.squared_error / self.days

    @property
    def rule_brier(self) -> float:
        """The same of the rule `days of supply below the threshold`."""
        return self.rule_squared_error / self.days

    @property
    def precision(self) -> float:
        """Share of series-days at risk that a run-out follows."""
        return self.right_days / max(self.announced_days, 1)

    @property
    def announced_share(self) -> float:
        """Share of run-outs announced at least two days ahead."""
        return self.announced / max(self.run_outs, 1)


def foresight(
    world: World,
    found: pa.Table,
    limit: float,
    min_days_of_supply: float,
    draws: int | None = None,
    *,
    of_dcs: bool = False,
) -> Foresight:
    """Hold the risks of `pictures.pictures` on every date against what happened in the stores, or in the DCs.

    Grain:  found (business_date, series) for all dates from some day on
    Source: a risk that is the share p of so many `draws` is off by chance; p (1 - p) / (draws - 1), which is what that
            adds to its squared error on average, is taken off
    """
    truth = _Truth(world, world.dc_truth if of_dcs else world.truth)
    day, series = truth.places(found)
    inside = series >= 0
    risk, supply = (np.asarray(found.column(name), float) for name in ("p_runs_out", "days_of_supply"))
    stocked = np.asarray(pc.is_in(found.column("status"), pa.array([Status.AT_RISK.value, Status.IN_STOCK.value])))
    # without a picture of the days after it, a day cannot be judged
    judged = inside & stocked & np.isfinite(risk) & (day < truth.days - LOOK_AHEAD)
    judged[judged] &= ~truth.empty[day[judged], series[judged]]
    risk, low = risk[judged], supply[judged] < min_days_of_supply
    day, series = day[judged], series[judged]
    happens = truth.runs_out_first(day, series)
    by_chance = risk * (1 - risk) / (draws - 1) if draws else 0.0
    panels = []
    for flags in (risk >= limit, low):
        panel = np.zeros((truth.days, truth.series), bool)
        panel[day, series] = flags
        panels.append(panel)
    first = day.min() + LOOK_AHEAD
    starts, which = np.nonzero(truth.starts[first : truth.days - LOOK_AHEAD])
    starts = starts + first
    early = [
        np.any([panel[starts - ahead, which] for ahead in range(AHEAD, LOOK_AHEAD + 1)], axis=0) for panel in panels
    ]
    return Foresight(
        days=len(risk),
        run_out_days=int(happens.sum()),
        squared_error=float(((risk - happens) ** 2 - by_chance).sum()),
        rule_squared_error=float(((low * 1.0 - happens) ** 2).sum()),
        announced_days=int((risk >= limit).sum()),
        right_days=int(happens[risk >= limit].sum()),
        run_outs=len(starts),
        announced=int(early[0].sum()),
        standing=int(panels[0][starts - AHEAD, which].sum()),
        rule_announced=int(early[1].sum()),
        rule_announced_days=int(low.sum()),
        rule_right_days=int(happens[low].sum()),
    )


def announced_at(world: World, found: pa.Table, precision: float, *, of_dcs: bool = False) -> float | None:
    """The largest share of run-outs that any limit announces at a precision of at least this; None if none has it."""
    held = [foresight(world, found, percent / 100, 0.0, of_dcs=of_dcs) for percent in range(1, 100)]
    return max((one.announced_share for one in held if one.announced_days and one.precision >= precision), default=None)


class _Truth:
    """What happened, as arrays (day, series)."""

    def __init__(self, world: World, truth: pa.Table) -> None:
        self.first_date: dt.date = world.parameters.first_date
        self.days = world.parameters.days
        keys = _keys(truth)
        self.keys = pc.unique(keys)
        self.series = len(self.keys)
        day = _days(truth.column("business_date"), self.first_date)
        place = np.asarray(pc.index_in(keys, self.keys), int)
        empty, came = (np.zeros((self.days, self.series), bool) for _ in range(2))
        sold_out = pc.is_in(truth.column("cause"), pa.array(SOLD_OUT))
        empty[day, place] = np.asarray(truth.column("is_empty"))
        gone = np.zeros_like(empty)
        gone[day, place] = np.asarray(sold_out)
        came[day, place] = np.asarray(truth.column("received_units"), float) > 0
        self.empty, self.starts = empty, gone.copy()
        self.starts[1:] &= ~empty[:-1]
        self.starts[0] = False
        self._next_start, self._next_receipt = _next(self.starts), _next(came)

    def places(self, table: pa.Table) -> tuple[Array, Array]:
        """Day and series of each row; -1 for series of which the truth does not tell."""
        series = pc.fill_null(pc.index_in(_keys(table), self.keys), -1)
        return _days(table.column("business_date"), self.first_date), np.asarray(series, int)

    def runs_out_first(self, day: Array, series: Array) -> Array:
        """Whether after each day a run-out comes before a receipt; a receipt comes in the morning."""
        return np.asarray(self._next_start[day, series] < self._next_receipt[day, series])


def _next(happens: Array) -> Array:
    """The first later day on which something happens; far away if none."""
    days = len(happens)
    result = np.full(happens.shape, 10**6)
    for day in range(days - 2, -1, -1):
        result[day] = np.where(happens[day + 1], day + 1, result[day + 1])
    return result


def _keys(table: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(table.column(name) for name in SERIES), "\t")


def _days(dates: pa.ChunkedArray, first: dt.date) -> Array:
    return (np.asarray(dates).astype("datetime64[D]") - np.datetime64(first)).astype(int)

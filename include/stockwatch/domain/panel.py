"""The look-back of a check as matrices: a column for every series, a row for every day, the checked date first.

The row of a day is its age: 0 is the checked date, 1 the day before it. What is not known is NaN, and False in a mask.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
Dates = npt.NDArray[np.datetime64]
WEEK = 7
BLOCK = 4_000
"""Series that are worked on at once: their matrices fit into the caches of a processor, near enough."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Arrays, or further columns, of which the last axis is the series: cut and put together all at once."""

    def of(self, chosen: Any) -> Self:
        """The same of some series: a mask, their places or a slice."""
        return type(self)(*(_cut(values, chosen) for values in self._values()))

    @classmethod
    def joined(cls, parts: Iterable[Self], series: int) -> Self:
        """Parts one after another, of so many series together. Each is let go as soon as it is put in its place."""
        whole: Self | None = None
        end = 0
        for part in parts:
            whole = part._room(series) if whole is None else whole
            end = whole._put(part, end)
        if whole is None or end != series:
            raise ValueError(f"parts of {end} series, not of {series}")
        return whole

    def put(self, places: Codes, columns: Self) -> None:
        """Set the values at some places, of arrays alone."""
        for own, values in zip(self._values(), columns._values(), strict=True):
            own[..., places] = values

    def _room(self, series: int) -> Self:
        """Columns like these, for so many series, that have no values yet."""
        return type(self)(
            *(
                values._room(series)
                if isinstance(values, Columns)
                else np.empty((*values.shape[:-1], series), values.dtype)
                for values in self._values()
            )
        )

    def _put(self, part: Self, start: int) -> int:
        """Write the values of a part from a place on; where it ends."""
        end = start
        for whole, values in zip(self._values(), part._values(), strict=True):
            if isinstance(whole, Columns):
                end = whole._put(values, start)
            else:
                end = start + values.shape[-1]
                np.copyto(whole[..., start:end], values, casting="no")
        return end

    def _values(self) -> Iterator[Any]:
        return (getattr(self, field.name) for field in dataclasses.fields(self))


def _cut(values: Any, chosen: Any) -> Any:
    if isinstance(values, Columns):
        return values.of(chosen)
    if _is_one(values):  # it stays one
        count = np.empty(values.shape[-1], bool)[chosen].size
        return np.broadcast_to(values.flat[0], (*values.shape[:-1], count))
    return values[..., chosen]


def _is_one(values: npt.NDArray[Any]) -> bool:
    """Whether one value stands for all of them, as where a measure is never reported."""
    return bool(values.size) and not any(values.strides)


@dataclasses.dataclass(frozen=True)
class Panel(Columns):
    """What partners reported of each series on each day of the look-back.

    The whole may be kept in numbers of 32 bits; those of some series have 64 (`of`), and are reckoned with.
    Shapes: (days, series)
    Units:  units, and the price of one; net of nothing. Flows are those of a day: flow_days is how many days, this one
            the last, were reported together
    Nulls:  NaN where nothing was reported; flow_days where it is the day alone
    """

    on_hand_units: Array
    units_sold: Array
    on_order_units: Array
    in_transit_units: Array
    received_units: Array
    returned_units: Array
    price: Array
    flow_days: Array

    def of(self, chosen: Any) -> Self:
        """The same of some series, side by side in memory."""
        return type(self)(
            *(values if _is_one(values) else values.astype(float) for values in super().of(chosen)._values())
        )

    @property
    def days(self) -> int:
        """Days of the look-back, the checked date included."""
        return len(self.on_hand_units)

    @property
    def series(self) -> int:
        """How many series there are."""
        return int(self.on_hand_units.shape[1])

    @functools.cached_property
    def report_days(self) -> Array:
        """How many days each report stands for: all whose flows it brings, down to the report of stock before it."""
        if _is_one(self.flow_days):
            return np.broadcast_to(1.0, self.flow_days.shape)
        age = ages(self.days)
        report = np.where(np.isnan(self.on_hand_units), self.days, age)
        earlier = np.full_like(report, self.days)
        earlier[:-1] = np.minimum.accumulate(report[:0:-1])[::-1]
        return np.minimum(np.fmax(self.flow_days, 1.0), earlier - age)

    def of_reports(self, values: Array) -> Array:
        """Values of a day as those of all the days that each report stands for; seven sevenths of a unit are one."""
        days = self.report_days
        return values if _is_one(days) else np.where(days == 1, values, np.round(values * days, 9))

    def mean_of_reports(self, factor: Array) -> Array:
        """The mean of a factor of every day over the days that each report stands for."""
        days = self.report_days
        if _is_one(days):
            return factor
        until = np.cumsum(factor, axis=0)
        first = (ages(self.days) + days - 1).astype(int)
        several = (np.take_along_axis(until, first, axis=0) - until + factor) / days
        return np.where(days == 1, factor, several)


def blocks(series: int) -> Iterator[slice]:
    """So many series in parts that are worked on one after another; at least one."""
    return (slice(start, min(start + BLOCK, series)) for start in range(0, max(series, 1), BLOCK))


def newest(mask: Mask) -> Array:
    """The age of the last day of each series that is marked; NaN where none is."""
    return _age(mask, mask.argmax(axis=0))


def oldest(mask: Mask) -> Array:
    """The age of the first day of each series that is marked; NaN where none is."""
    return _age(mask, len(mask) - 1 - mask[::-1].argmax(axis=0))


def is_often(is_told: Mask, report_days: Array | float = 1.0) -> Mask:
    """Whether the reports that are marked stand for at least every second day, from the first of them to the last."""
    days = total(np.broadcast_to(report_days, is_told.shape), is_told)
    return np.asarray(2 * days > oldest(is_told) - newest(is_told))


def begun(mask: Mask, days: Array) -> Array:
    """The age of the first of the `days` that end with the first marked report of each series; NaN where none is."""
    first = oldest(mask)
    return first if _is_one(days) else first + at(days, first) - 1


def at(values: Array, age: Array) -> Array:
    """The value of each series at an age; NaN where that is not known, or before the look-back."""
    is_inside = (age >= 0) & (age < len(values))
    place = np.where(is_inside, age, 0).astype(int)
    return np.where(is_inside, np.take_along_axis(values, place[None, :], axis=0)[0], np.nan)


def _age(mask: Mask, place: npt.NDArray[np.intp]) -> Array:
    return np.where(mask.any(axis=0), place, np.nan)


def ages(days: int) -> Array:
    """The age of every day, as a column that matrices are compared with: (days, 1)."""
    return np.arange(days, dtype=float)[:, None]


def last_known(values: Array) -> Array:
    """The latest value of each series that is not NaN."""
    age = newest(~np.isnan(values))
    place = or_zero(age).astype(int)
    return np.asarray(np.take_along_axis(values, place[None, :], axis=0)[0])


def or_zero(values: Array) -> Array:
    """Values with 0 for what is not known."""
    if _is_one(values):
        return np.broadcast_to(np.where(np.isnan(values.flat[0]), 0.0, values.flat[0]), values.shape)
    return np.where(np.isnan(values), 0.0, values)


def before(values: Array) -> Array:
    """The value known on the days before each day; NaN where none is."""
    found = np.full(values.shape, np.nan)
    for day in range(len(values) - 2, -1, -1):
        earlier = values[day + 1]
        found[day] = np.where(np.isnan(earlier), found[day + 1], earlier)
    return found


def risen(panel: Panel) -> Array:
    """What must have come in on each day: what stock rose by since the report before, and what sold less returns.

    Where stock is not told of every second day, what sold in between counts too.
    Nulls: NaN without two reports of stock: nothing is inferred
    """
    sold, returned = (panel.of_reports(or_zero(flow)) for flow in (panel.units_sold, panel.returned_units))
    rise = panel.on_hand_units - before(panel.on_hand_units) + sold - returned
    is_between = np.isnan(panel.on_hand_units)
    some = np.flatnonzero(~is_often(~is_between))
    if len(some):
        rise[:, some] += _between_reports((sold - returned)[:, some], is_between[:, some])
    return rise


def _between_reports(flow: Array, is_between: Mask) -> Array:
    """What flowed on the days that are marked, since the last one that is not, before each day."""
    found = np.zeros(flow.shape)
    for day in range(len(flow) - 2, -1, -1):
        found[day] = np.where(is_between[day + 1], found[day + 1] + flow[day + 1], 0.0)
    return found


def total(values: Array, mask: Mask) -> Array:
    """Sum over the days that are marked; always in the order of the days, so that a series has equal digits in every
    check. (`sum` of numpy adds in pairs where there is but one column, or days lie side by side in memory.)"""
    found = np.zeros(mask.shape[1])
    for of_day, is_marked in zip(values, mask, strict=True):
        found += np.where(is_marked, of_day, 0.0)
    return found


def on(as_of: Dates, age: Array) -> Dates:
    """The date so many days before the checked one, of each series; NaT where the age is not known."""
    days = or_zero(age).astype("timedelta64[D]")
    return np.where(np.isnan(age), np.datetime64("NaT"), as_of - days).astype("datetime64[D]")


def summed(of: Codes, values: Array, groups: int) -> Array:
    """Sums of values by group; always in the order of the series."""
    return np.asarray(np.bincount(of, weights=values, minlength=groups), float)


def median(values: Array, of: Codes) -> Array:
    """The median of each group, for each of its members; NaN where no member has a value."""
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.lexsort((values[known], of[known]))]
    groups = int(of.max(initial=-1)) + 1
    count = np.bincount(of[order], minlength=groups)
    last = np.cumsum(count) - 1
    middle = np.stack([last - count // 2, last - (count - 1) // 2])
    found = np.append(values[order], np.nan)[np.where(count > 0, middle, -1)].mean(axis=0)
    return np.asarray(found[of])

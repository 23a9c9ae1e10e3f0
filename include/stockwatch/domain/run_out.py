"""The risk of every series to run out before its next receipt, one element per series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import betainc

from include.stockwatch.domain.panel import Array, Mask, or_zero
from include.stockwatch.domain.supply import SupplySettings

RUN_OUT_INPUTS = (
    "demand_a",
    "demand_b",
    "dispersion",
    "on_hand_units",
    "exposed_units",
    "exposed_days",
    "doubtful_days",
    "late_share",
    "weekday",
    "promotion",
    "promotion_days",
    "is_to_come",
)


class _Wanted(NamedTuple):
    """What each series will have sold by its next receipt, and the units that this is held against. Shapes: (series,),
    week (series, 8)"""

    mean: Array
    shape: Array
    dispersion: Array
    units: Array
    rate: Array
    week: Array


def run_out(
    inputs: Mapping[str, Array], horizon_days: int, supply: SupplySettings, profile: Array | None = None
) -> dict[str, Array]:
    """The risk of each series to sell more than it has before the next receipt.

    Demand until then is negative binomial: its mean is the rate times the days, its variance has a Poisson part times
    the dispersion, and parts of the doubt about the rate and about the days. What may yet go wrong, as it does before
    `late_share` of all receipts, comes on top, as far as stock ends within the days that are looked ahead.
    Shapes: one element per series; `profile` (series, 7) are factors of the weekdays from Monday on, of mean 1
    Units:  as `with_next_receipt`; exposed_days NaN = not known: the horizon is looked at; weekday of the checked
            date, Monday 0; promotion is what a promoted day sells of a plain one, promotion_days how many of the next
            days are promoted; is_to_come as `NextReceipt`: the risk is that of an order to come, which is made large
            enough for what is promoted by then; runs_out_in_days is the first day by whose close stock is as likely
            gone as not
    Nulls:  NaN where demand or stock is not known; runs_out_in_days also where it lasts until the receipt
    """
    a, on_hand, late_share, promotion, promoted = (
        np.asarray(inputs[name], float)
        for name in ("demand_a", "on_hand_units", "late_share", "promotion", "promotion_days")
    )
    wanted = _wanted(inputs, horizon_days, supply, profile)
    risk = exceeding(*wanted[:4])
    usual = np.where(late_share > 0, late_share * _ends(inputs, wanted, supply), 0.0)
    runs_out = np.full(len(a), np.nan)
    likely = np.flatnonzero(risk >= 0.5)
    day = np.arange(1.0, supply.look_ahead_days + 1)[None, :]
    ahead = _ahead(wanted.week[likely], day, promotion[likely, None] - 1, promoted[likely, None])
    left = np.floor(np.maximum(on_hand[likely, None], 0.0))
    by_day = wanted.rate[likely, None] * ahead
    reached = exceeding(by_day, a[likely, None], wanted.dispersion[likely, None], left) >= 0.5
    runs_out[likely] = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, np.nan)
    return {"p_runs_out": usual + (1 - usual) * risk, "runs_out_in_days": runs_out}


def _ends(inputs: Mapping[str, Array], wanted: _Wanted, supply: SupplySettings) -> Array:
    """The chance that stock of today ends within the days that are looked ahead, if nothing comes in."""
    a, on_hand, promotion, promoted = (
        np.asarray(inputs[name], float)[:, None]
        for name in ("demand_a", "on_hand_units", "promotion", "promotion_days")
    )
    days = np.full(a.shape, float(supply.look_ahead_days))
    mean = wanted.rate[:, None] * _ahead(wanted.week, days, promotion - 1, promoted)
    ends = exceeding(mean, a, wanted.dispersion[:, None], np.floor(np.maximum(on_hand, 0.0)))
    return or_zero(ends[:, 0])


def short_units(
    inputs: Mapping[str, Array], horizon_days: int, supply: SupplySettings, profile: Array | None = None
) -> Array:
    """Units that each series is expected to lack before its next receipt; all as `run_out`."""
    return shortfall(*_wanted(inputs, horizon_days, supply, profile)[:4])


def _wanted(inputs: Mapping[str, Array], horizon_days: int, supply: SupplySettings, profile: Array | None) -> _Wanted:
    a, b, dispersion, on_hand, units, days, doubtful, _, weekday, promotion, promoted, to_come = (
        np.asarray(inputs[name], float) for name in RUN_OUT_INPUTS
    )
    known = (b > 0) & np.isfinite(on_hand)
    rate = np.divide(a, b, out=np.full(len(a), np.nan), where=known)
    days = np.where(np.isfinite(days), days, horizon_days).clip(0, supply.look_ahead_days)
    doubtful = np.where(np.isfinite(doubtful), doubtful, 0.0)
    week, is_promoted = _week_ahead(weekday, profile), np.where(to_come > 0, 0.0, promoted)
    mean = rate * _ahead(week, days[:, None], promotion[:, None] - 1, is_promoted[:, None])[:, 0]
    dispersion = np.where(np.isfinite(dispersion), np.maximum(dispersion, 1.0), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = 1 / (1 / a + np.where(days > 0, np.minimum(doubtful / days, 1.0), 0.0) ** 2)
    stock = np.floor(np.where(np.isfinite(units), units, np.maximum(on_hand, 0.0)))
    return _Wanted(mean, shape, dispersion, stock, rate, week)


def _week_ahead(weekday: Array, profile: Array | None) -> Array:
    """Days of usual demand in the next 0, 1, … 7 days: (series, 8)."""
    factors = np.ones((len(weekday), 7))
    if profile is not None:
        factors = np.take_along_axis(profile, ((weekday[:, None] + np.arange(1, 8)) % 7).astype(int), axis=1)
    return np.concatenate([np.zeros((len(weekday), 1)), factors.cumsum(axis=1)], axis=1)


def _ahead(week: Array, days: Array, lift: Array, promoted: Array) -> Array:
    """Days of plain demand that the next so many days of each series bring, of which the first are promoted: each
    (series, n) or (series, 1)."""
    return _within(week, days) + lift * _within(week, np.minimum(days, promoted))


def _within(week: Array, days: Array) -> Array:
    """Days of usual demand in so many days of each series, in a straight line within a day: (series, n)."""
    days = np.broadcast_to(days, (len(week), days.shape[1]))
    whole = days.astype(int)
    before, after = (np.take_along_axis(week, day % 7, axis=1) + day // 7 * week[:, 7:] for day in (whole, whole + 1))
    return np.asarray(before + (days - whole) * (after - before))


def exceeding(mean: Array, shape: Array, dispersion: Array, stock: Array) -> Array:
    """P(demand > stock) of a negative binomial by its mean.

    Units:  variance = dispersion × mean + mean² / shape; a dispersion of 1 and a large shape is Poisson
    Source: the tail is the regularised incomplete beta function I_q(stock + 1, k) with q = mean / (mean + k)
    """
    k, q = _beta(mean, shape, dispersion)
    return np.where(mean == 0, 0.0, betainc(stock + 1, k, q))


def shortfall(mean: Array, shape: Array, dispersion: Array, stock: Array) -> Array:
    """E[(demand − stock)+], all as `exceeding`."""
    k, q = _beta(mean, shape, dispersion)
    reached = np.where(stock > 0, betainc(np.maximum(stock, 1), k + 1, q), 1.0)
    short = np.maximum(mean * reached - stock * betainc(stock + 1, k, q), 0.0)
    return np.where(mean == 0, 0.0, short)


def _beta(mean: Array, shape: Array, dispersion: Array) -> tuple[Array, Array]:
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.minimum(mean / (dispersion - 1 + mean / shape), 1e6)
        return k, mean / (mean + k)


def is_at_risk(p_runs_out: Array, days_of_supply: Array, run_out_probability: Array, min_days_of_supply: Array) -> Mask:
    """Whether series with stock are at risk: by the risk to run out; where that is not known, by days of supply.

    The last two arguments are limits of each series.
    """
    is_low = days_of_supply < min_days_of_supply
    return np.where(np.isnan(p_runs_out), is_low, p_runs_out >= run_out_probability)

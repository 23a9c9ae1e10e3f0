"""What a check says of DCs, held against what happened in them and at the stores that hang on them.

What a DC sells is what it ships; what is wanted of it is what shoppers want at the stores that it serves, directly or
through another DC. In the long run that is the same, and it knows no order days and no backlog.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.domain.availability import EMPTY, Status
from include.stockwatch.domain.causes import Cause
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.panel import Array
from include.stockwatch.simulation.network import Place
from include.stockwatch.simulation.world import World
from include.stockwatch.validation.run_out_oracle import COPIES
from include.stockwatch.validation.run_outs import announced_at, foresight

KEY = [*SERIES, "business_date"]
SAID = ("status", "lost_units_today", "demand_units_per_day", "days_of_supply", "cause")
AHEAD_DAYS = 7
"""The rate is held against the mean demand of so many days after the date."""
MOST_SUPPLY_DAYS = 14
"""Supply for longer counts as for so long: nobody does anything about it."""


def dc_validation(world: World, table: pa.Table, known: pa.Table, limit: float, min_days: float) -> dict[str, Any]:
    """All figures of the DCs of a world, of series-days on which their status is known and stock is meant to be there.

    Grain: table, and known with the oracle's risks: (business_date, series) of all dates from some day on
    """
    days = _judged(world, table)
    called = days[days.status.isin(EMPTY)]
    stocked = days[~days.is_empty]
    seen = foresight(world, table, limit, min_days, of_dcs=True)
    return {
        "days": len(days),
        "empty": int(days.is_empty.sum()),
        "found": int(called.is_empty.sum()),
        "false": int((~called.is_empty).sum()),
        "suspected": int((called.status == Status.PHANTOM_SUSPECTED.value).sum()),
        **_losses(called),
        **_demand(stocked),
        **_supply(stocked),
        "run_outs": seen.run_outs,
        "announced": seen.announced_share,
        "precision": seen.precision,
        "oracle_announced": announced_at(world, known, seen.precision, of_dcs=True),
        "brier": seen.brier,
        "oracle_brier": foresight(world, known, limit, min_days, COPIES, of_dcs=True).brier,
        "rule_brier": seen.rule_brier,
        "causes_right": float((called.cause == called.true_cause)[called.is_empty].mean()),
    }


def _judged(world: World, table: pa.Table) -> pd.DataFrame:
    """The judged series-days: what is said, what is true, and what was wanted of the DC."""
    of_dcs = table.filter(pc.equal(table["location_type"], "dc")).select([*KEY, *SAID]).to_pandas()
    is_judged = ~of_dcs.status.isin([Status.UNKNOWN.value, Status.PLANNED.value])
    judged: pd.DataFrame = of_dcs[is_judged].merge(_truth(world), on=KEY)
    return judged


def _truth(world: World) -> pd.DataFrame:
    """The truth of DCs with the causes of their own gaps, and the demand of the stores behind them.

    A DC orders every day, so one of a retailer is out for want of stock at the distributor's, or because nothing was
    sent to it while it had ordered, or because it ordered too little.
    """
    truth: pd.DataFrame = world.dc_truth.to_pandas().rename(columns={"cause": "fault_of"})
    truth = truth.merge(_behind(world), on=KEY, how="left")
    truth = truth.sort_values(KEY, ignore_index=True)
    series = truth.groupby(list(SERIES))
    is_held = truth.is_stopped & (series.on_order_units.shift() > 0)
    receipt = (truth.received_units > 0).groupby([truth[name] for name in SERIES]).cumsum()
    was_held = is_held.groupby([*(truth[name] for name in SERIES), receipt]).cummax()
    own = np.where(was_held, Cause.NOT_DELIVERED.value, Cause.NOT_ORDERED.value)
    far = {place.location_id for place in world.network.warehouses[: world.network.distributor_dcs]}
    is_passed_on = (truth.fault_of == Cause.DISTRIBUTOR_DC.value) & ~truth.location_id.isin(far)
    truth["true_cause"] = np.where(is_passed_on, Cause.DISTRIBUTOR_DC.value, own)
    truth["mean_ahead"] = series.expected_units.transform(lambda day: day.rolling(AHEAD_DAYS).mean().shift(-AHEAD_DAYS))
    truth["lasts_days"] = np.concatenate([_lasts(one) for _, one in series])
    return truth


def _behind(world: World) -> pd.DataFrame:
    """What shoppers wanted on each day at the stores behind each DC, and what they want on average."""
    places = world.network
    served = list(zip(places.stores, places.warehouse_of, strict=True))
    served += [(store, places.feeder_of[dc]) for store, dc in served if places.feeder_of[dc] >= 0]
    links = pd.DataFrame(
        [(*_key(store), *_key(places.warehouses[dc])) for store, dc in served],
        columns=[*SERIES[:2], "dc_partner", "dc_id"],
    )
    wanted = world.truth.select([*KEY, "units_wanted", "expected_units"]).to_pandas().merge(links, on=list(SERIES[:2]))
    behind: pd.DataFrame = wanted.groupby(["dc_partner", "dc_id", *KEY[2:]])[["units_wanted", "expected_units"]].sum()
    return behind.reset_index().rename(columns={"dc_partner": "partner", "dc_id": "location_id"})


def _key(place: Place) -> tuple[str, str]:
    return place.partner, place.location_id


def _lasts(days: pd.DataFrame) -> Array:
    """Days after each evening until shoppers have wanted as much as is there; infinite where the world ends before."""
    wanted, day = days.units_wanted.fillna(0).cumsum().to_numpy(), np.arange(len(days))
    return np.asarray(np.interp(wanted + days.record_units.to_numpy(), wanted, day, right=np.inf) - day)


def _losses(called: pd.DataFrame) -> dict[str, Any]:
    """Units said to be lost at DCs that are out, those that were wanted and not shipped, and what suspicions add."""
    is_out = called.status == Status.OUT_OF_STOCK.value
    unmet = float((called.units_wanted - called.units_sold).clip(lower=0)[is_out].sum())
    said = called.lost_units_today
    return {
        "unmet_units": unmet,
        "unmet_units_bias": float(said[is_out].sum() / unmet - 1) if unmet else None,
        "suspected_units": float(said[~is_out].sum()),
    }


def _demand(stocked: pd.DataFrame) -> dict[str, Any]:
    """WAPE and bias of the rate on days with stock, held against the mean demand of the days after."""
    told = stocked[stocked.demand_units_per_day.notna() & stocked.mean_ahead.notna()]
    off, mean = told.demand_units_per_day - told.mean_ahead, told.mean_ahead.sum()
    return {"rate_wape": float(off.abs().sum() / mean), "rate_bias": float(off.sum() / mean)}


def _supply(stocked: pd.DataFrame) -> dict[str, Any]:
    """By how many days the supply is off, and on which side, where the days ahead show how long it lasted."""
    last = stocked.business_date.max() - pd.Timedelta(days=MOST_SUPPLY_DAYS)
    told = stocked[(stocked.business_date <= last) & stocked.days_of_supply.notna()]
    off = told.days_of_supply.clip(upper=MOST_SUPPLY_DAYS) - told.lasts_days.clip(upper=MOST_SUPPLY_DAYS)
    return {"supply_off_days": float(off.abs().mean()), "supply_bias_days": float(off.mean())}

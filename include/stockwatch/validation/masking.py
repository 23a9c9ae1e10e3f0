"""Demand on days that are made to look like a stock-out: what the check believes against what was sold there.

Days with stock from end to end are masked, as the feed would show them had the shelf been empty: no stock, no sale.
What was truly sold on them is then known, which it never is of a real stock-out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.simulation.world import World
from include.stockwatch.validation.pictures import pictures

MASKED_SHARE = 0.1
"""Of the series with full stock on a date and the two days before it."""
MASKED_DAYS = 3


def masked_demand(world: World, dates: Sequence[dt.date], seed: int) -> dict[str, Any]:
    """WAPE and bias (WPE) of the units said to be lost on masked days.

    Units: shares of what was wanted on those days. The noise of single days is part of WAPE and can't be foreseen;
           `wape_oracle` is that of the true mean demand.
    """
    rng = np.random.default_rng([seed, 31])
    truth = world.truth.to_pandas()
    said, wanted, true_mean = [], [], []
    for date in dates:
        span = truth[truth.business_date.between(date - dt.timedelta(days=MASKED_DAYS - 1), date)]
        full = span.groupby(list(SERIES)).agg(days=("is_empty", "size"), empty=("was_empty_share", "sum"))
        whole = full[(full.days == MASKED_DAYS) & (full.empty == 0)].index
        chosen = whole[rng.random(len(whole)) < MASKED_SHARE]
        if chosen.empty:
            continue
        found = pictures(_masked(world, chosen, date), [date]).select([*SERIES, "lost_units_today"]).to_pandas()
        day = span[span.business_date == date].set_index(list(SERIES))
        both = found.set_index(list(SERIES)).join(day[["units_wanted", "expected_units"]], how="inner")
        both = both[both.index.isin(chosen) & both.lost_units_today.notna()]
        said += both.lost_units_today.tolist()
        wanted += both.units_wanted.tolist()
        true_mean += both.expected_units.tolist()
    told, sold, mean = np.array(said), np.array(wanted), np.array(true_mean)
    return {
        "days": len(told),
        "wape": float(np.abs(told - sold).sum() / sold.sum()),
        "wape_oracle": float(np.abs(mean - sold).sum() / sold.sum()),
        "wpe": float((told - sold).sum() / sold.sum()),
    }


def _masked(world: World, chosen: Any, date: dt.date) -> World:
    """The world with the records of some series emptied on a date and the days before it."""
    frame = world.records.to_pandas()
    inside = frame.business_date.between(date - dt.timedelta(days=MASKED_DAYS - 1), date)
    hit = inside & frame.set_index(list(SERIES)).index.isin(chosen)
    for name in ("on_hand_units", "units_sold", "received_units"):
        frame.loc[hit, name] = 0.0
    return replace(world, records=pa.Table.from_pandas(frame, schema=world.records.schema, preserve_index=False))

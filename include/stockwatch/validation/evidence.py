"""What a feed shows of a gap, put together as the product does it: a check without its tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from include.stockwatch.domain.customers import Assumptions
from include.stockwatch.validation.gaps import DAYS, Array, Feed, Flags, Index

LOOKBACK_DAYS, FORGETTING, SELL_OUT_DAY_EXPOSURE = 56, 0.97, 0.5
"""As `availability.CheckSettings` has them."""


class Evidence(NamedTuple):
    """What a feed shows of the gap that a series is in on a day; shape (stores, items)."""

    demand_a: Array
    demand_b: Array
    exposure_days: Array
    earlier_exposure_days: Array
    store_scope: Array
    item_scope: Array
    days_out: Array


def seen(feed: Feed, area: Index, as_of: Index, factor: Array | float = 1.0) -> Evidence:
    """Demand before the gap, days out in it, and days out before, as a check of the date `as_of` has them. What else is
    out on that date counts for the whole gap.

    `factor` is w of equation 1, demand of a day against the usual one; 1 when nothing is known of it.
    """
    day = np.arange(DAYS)[:, None, None]
    age = as_of - day
    in_window = (age >= 0) & (age < LOOKBACK_DAYS)
    is_out = feed.on_hand_units <= 0
    sold = np.maximum(feed.units_sold, 0.0)
    last_in_stock = np.where(~is_out & in_window, day, -1).max(axis=0)
    is_current = is_out & (day > last_in_stock) & (age >= 0)
    on_sale = np.where(~is_out, 1.0, np.where(sold > 0, SELL_OUT_DAY_EXPOSURE, 0.0)) * in_window * factor
    evidence_age = np.where(on_sale > 0, age, DAYS).min(axis=0)
    weight = FORGETTING ** np.clip(age - evidence_age, 0, None)
    exposure = np.where(sold > 0, 1 - SELL_OUT_DAY_EXPOSURE, 1.0) * is_out * in_window * factor
    half_life = Assumptions().memory_half_life_days
    store_scope, item_scope = (
        np.take_along_axis(np.broadcast_to(share, is_out.shape), as_of[None].astype(np.int64), axis=0)[0]
        for share in _others_out(is_out, area)
    )
    return Evidence(
        demand_a=(weight * sold * (on_sale > 0)).sum(axis=0),
        demand_b=(weight * on_sale).sum(axis=0),
        exposure_days=(exposure * is_current).sum(axis=0),
        earlier_exposure_days=(exposure * ~is_current * np.exp2(-np.clip(age, 0, None) / half_life)).sum(axis=0),
        store_scope=store_scope,
        item_scope=item_scope,
        days_out=is_current.sum(axis=0),
    )


def _others_out(is_out: Flags, area: Index) -> tuple[Array, Array]:
    """Share of the other stores of the area, and of the other items of the store, that are out; by day."""
    order = np.argsort(area, kind="stable")
    starts = np.flatnonzero(np.diff(area[order], prepend=-1))
    size = np.bincount(area)[area]
    in_area = np.add.reduceat(is_out[:, order].astype(np.float32), starts, axis=1)[:, area]
    stores = (in_area - is_out) / np.maximum(size - 1, 1)[None, :, None]
    items = (is_out.sum(axis=2, keepdims=True) - is_out) / max(is_out.shape[2] - 1, 1)
    return stores, items

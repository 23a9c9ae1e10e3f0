"""What a check reckons from the rows of every series, in plain pandas: the same figures as `look_back.sql`, and which
order waits longest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

KEY = ["partner", "location_id", "item_id"]
COLUMNS = ["category", "business_date", "on_hand_units", "units_sold", "on_order_units", "in_transit_units"]
COLUMNS += ["received_units", "returned_units", "price"]


def look_back(observations: Path, date: pd.Timestamp, every: int) -> pd.DataFrame:
    """Grain: (series, day) -> (series). Factors are learned from one location in `every`."""
    rows = _marked(_read(observations, date))
    weekday, promotion = _factors(rows, every)
    factor = weekday.reindex(pd.MultiIndex.from_arrays([rows.category, rows.age % 7])).to_numpy()
    lift = np.where(rows.is_promoted, rows.category.map(promotion).fillna(1.0), 1.0)
    return _told(rows.assign(factor=factor * lift))


def _read(observations: Path, date: pd.Timestamp) -> pd.DataFrame:
    rows = pd.read_parquet(observations, columns=[*KEY, *COLUMNS])
    rows["age"] = (date - pd.to_datetime(rows.pop("business_date").astype(str))).dt.days
    rows["series"] = rows.groupby(KEY).ngroup()
    return rows.sort_values(["series", "age"], ascending=[True, False], ignore_index=True)


def _least(rows: pd.DataFrame, chosen: pd.Series) -> pd.Series:
    """The age of the last day of each series that is chosen, on all of its rows."""
    return rows.age.where(chosen).groupby(rows.series).transform("min")


def _marked(rows: pd.DataFrame) -> pd.DataFrame:
    by, stock, sold = rows.series, rows.on_hand_units, rows.units_sold.clip(lower=0).fillna(0)
    told, before = rows.units_sold.notna(), stock.groupby(by).ffill().groupby(by).shift()
    inbound = rows.on_order_units.where(rows.in_transit_units.isna(), rows.on_order_units + rows.in_transit_units)
    risen = stock - before + rows.units_sold.fillna(0) - rows.returned_units.fillna(0)
    came = (risen >= 1).where(rows.received_units.isna(), rows.received_units > 0)
    ran_out = (stock <= 0) & (came | ~(before <= 0))
    rows = rows.assign(
        sold=sold,
        inbound=inbound,
        risen=risen,
        is_promoted=rows.price <= 0.95 * rows.price.groupby(by).transform("median"),
        on_sale=np.select([told & (stock > 0), told & (sold > 0) & ran_out], [1.0, 0.5], 0.0),
        last_sale=_least(rows, sold > 0),
        last_in_stock=_least(rows, stock > 0),
        last_receipt=_least(rows, rows.received_units > 0),
        last_idle=_least(rows, inbound <= 0),
    )
    is_rise = (rows.risen >= 1) & (rows.age < 27) & ~(rows.age >= rows.last_sale)
    least = (0.25 * rows.risen.groupby(by).transform("max")).clip(lower=1)
    return rows.assign(last_risen=_least(rows, is_rise), came=rows.risen.where(rows.risen >= least))


def _factors(rows: pd.DataFrame, every: int) -> tuple[pd.Series, pd.Series]:
    """Factors of weekdays by category and age modulo seven, of promotions by category."""
    is_learned = (rows.location_id.astype(int) % every == 0) & (rows.on_sale == 1) & (rows.age >= rows.last_sale)
    seen = rows[is_learned].assign(rest=rows.age % 7)
    plain = seen[~seen.is_promoted]
    seen["base_rate"] = seen.series.map(plain.groupby("series")["sold"].mean())
    units = seen[~seen.is_promoted].groupby(["category", "rest"])[["sold", "base_rate"]].sum()
    of_all = units.groupby("rest")[["sold", "base_rate"]].sum() + 100
    drawn = units.index.get_level_values("rest").map((of_all.sold / of_all.base_rate).to_dict())
    weekday = (units.sold + 100 * drawn) / (units.base_rate + 100)
    weekday = weekday / weekday.groupby("category").transform("mean")
    promoted = seen[seen.is_promoted]
    factor = weekday.reindex(pd.MultiIndex.from_frame(promoted[["category", "rest"]])).to_numpy()
    by_category = promoted.assign(expected=promoted.base_rate * factor).groupby("category")[["sold", "expected"]].sum()
    all_drawn = (by_category.sold.sum() + 20) / (by_category.expected.sum() + 20)
    return weekday, (by_category.sold + 20 * all_drawn) / (by_category.expected + 20)


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    on_sale, since = rows.on_sale > 0, rows.last_sale.fillna(0)
    old, unsold = on_sale & (rows.age >= since), on_sale & (rows.age < since)
    rest = old & ~((rows.on_hand_units <= 0) & (rows.age == since))
    old = rest.where(rows.sold.where(rest).groupby(rows.series).transform("sum") > 0, old)
    silent = on_sale & ~(rows.age >= rows[["last_sale", "last_receipt"]].min(axis=1))
    anew = on_sale & ~(rows.age >= rows[["last_sale", "last_risen"]].min(axis=1))
    weight = 0.97 ** (rows.age - since)
    came, left, is_out = rows.came > 0, rows.on_hand_units - rows.came, rows.on_hand_units <= 0
    exposure = rows.factor * np.where(rows.sold > 0, np.where(on_sale, 0.5, 0.0), 1.0)
    of_series = rows.assign(
        seen_age=rows.age.where(rows.on_hand_units.notna()),
        frozen_a=(weight * rows.sold).where(old),
        frozen_b=(weight * rows.on_sale * rows.factor).where(old),
        unsold_expected=rows.factor.where(unsold),
        silent_expected=rows.factor.where(silent),
        expected_since_risen=rows.factor.where(anew),
        left=left.where(came),
        receipt_age=rows.age.where(came),
        is_late=came & (left + rows.sold <= 0),
        inbound_today=rows.inbound.where(rows.age == 0),
        ordered_age=rows.age.where(rows.inbound > 0),
        waiting_age=rows.age.where(rows.on_order_units > 0),
        out_age=rows.age.where(is_out & ~(rows.age >= rows.last_in_stock)),
        exposure=exposure.where(is_out & ~(rows.age >= rows.last_in_stock)),
        earlier=(exposure * 2 ** (-rows.age / 90)).where(is_out & (rows.age > rows.last_in_stock)),
    ).groupby("series")
    told = of_series.agg(
        **{name: (name, "first") for name in KEY},
        last_seen=("seen_age", "min"),
        last_sale=("last_sale", "first"),
        last_in_stock=("last_in_stock", "first"),
        days_observed=("on_hand_units", "count"),
        on_hand_units=("on_hand_units", "last"),
        price=("price", "last"),
        frozen_a=("frozen_a", "sum"),
        frozen_b=("frozen_b", "sum"),
        unsold_days=("unsold_expected", "count"),
        unsold_expected=("unsold_expected", "sum"),
        silent_days=("silent_expected", "count"),
        silent_expected=("silent_expected", "sum"),
        risen=("last_risen", "first"),
        days_since_risen=("expected_since_risen", "count"),
        expected_since_risen=("expected_since_risen", "sum"),
        receipts=("receipt_age", "count"),
        first_receipt=("receipt_age", "max"),
        last_inferred_receipt=("receipt_age", "min"),
        received_units=("came", "sum"),
        units_before_receipt=("left", "mean"),
        late_receipts=("is_late", "sum"),
        inbound_units=("inbound_today", "first"),
        last_idle=("last_idle", "first"),
        oldest_order=("ordered_age", "max"),
        last_waiting=("waiting_age", "min"),
        inbound_unit_days=("inbound", "sum"),
        spell_start=("out_age", "max"),
        exposure_days=("exposure", "sum"),
        earlier_exposure_days=("earlier", "sum"),
    )
    told["longest_silence"] = _longest_silence(rows)
    waits_since = _oldest_order(rows)
    since_idle = (told.pop("last_idle") - 1).fillna(told.pop("oldest_order"))
    told["on_order_since"] = since_idle.where(told.inbound_units > 0)
    told["oldest_order"] = waits_since.where(told.inbound_units > 0)
    told["spread_before_receipt"] = of_series["left"].std(ddof=0)
    return told


def _longest_silence(rows: pd.DataFrame) -> pd.Series:
    """The most days of usual demand between two events of each series on which it was in stock and sold none."""
    ends = (rows.came > 0) | (rows.sold > 0) | (rows.on_hand_units <= 0)
    is_silent = ~ends & (rows.on_hand_units > 0) & (rows.age > rows.last_sale)
    expected = (rows.on_sale * rows.factor).where(is_silent, 0.0)
    run = ends.groupby(rows.series).cumsum()
    return expected.groupby([rows.series, run]).sum().groupby(level=0).max()


def _oldest_order(rows: pd.DataFrame) -> pd.Series:
    """The age of the order that waits longest: what was ordered first comes first, and what is no more inbound has left
    for a week before it counts as withdrawn."""
    inbound, came = (
        values.set_axis(pd.MultiIndex.from_arrays([-rows.age, rows.series])).unstack().sort_index()
        for values in (rows.inbound, rows.came)
    )
    ever = (inbound + came.fillna(0).cumsum()).ffill().fillna(0)
    ordered = ever.rolling(8, min_periods=1).max()
    ordered = ordered.diff().fillna(ordered).clip(lower=0).cumsum()
    waiting = inbound.iloc[-1].fillna(0)
    return -ordered.ge((ordered.iloc[-1] - waiting + 0.5).clip(upper=ordered.iloc[-1])).idxmax()

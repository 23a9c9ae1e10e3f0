"""What is reckoned from rows, against the same written by hand in SQL and in pandas (`scripts/beside`, `make bench`)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.stockwatch.domain import demand, orders, phantom
from include.stockwatch.domain.availability import CheckSettings, marked, position, spells
from include.stockwatch.domain.columns import OBSERVATIONS
from include.stockwatch.domain.figures import Limits, learned
from include.stockwatch.domain.panel import ages, risen
from include.stockwatch.workflows.checks.arrays import codes
from include.stockwatch.workflows.checks.look_back import look_back
from scripts.bench import store_days
from scripts.beside.__main__ import DATE, DAYS, sql
from scripts.beside.in_pandas import look_back as in_pandas
from tests.domain.tables import engine

KEY = ["partner", "location_id", "item_id"]
CHECK = CheckSettings(lookback_days=DAYS)
MEMORY_DAYS = 90.0


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Two stores, 200 items each; some rows are missing, some lack stock, sales, tell of returns or are wrong."""
    found = pa.concat_tables(rows for _, rows in store_days(400)).to_pandas()
    random = np.random.default_rng(2)
    found = found[random.random(len(found)) > 0.05].reset_index(drop=True)
    for name in ("on_hand_units", "units_sold"):
        found.loc[random.random(len(found)) < 0.04, name] = np.nan
    found.loc[found.item_id.str.endswith("3"), "on_hand_units"] -= 8.0  # records below zero that sell on
    found["returned_units"] = np.where(random.random(len(found)) < 0.02, 1.0, np.nan)
    found.loc[(found.item_id.str.endswith("7")) & (random.random(len(found)) < 0.6), "units_sold"] = 0.0
    return found


@pytest.fixture(scope="module")
def ours(rows: pd.DataFrame) -> pd.DataFrame:
    told = pa.Table.from_pandas(rows, schema=OBSERVATIONS.to_pyarrow(), preserve_index=False)
    seen = look_back(engine(), ibis.memtable(told, schema=OBSERVATIONS), [DATE], DAYS)
    series, panel = seen.series, seen.panel
    pool = demand.Pools(*(codes(series[name]) for name in ("feed_id", "category", "item_id", "location_id")))
    nothing = np.zeros(panel.series)
    common = learned(panel, pool, Limits(nothing, nothing, nothing > 0), CHECK)
    days = marked(panel, nothing, CHECK)
    lift = np.where(demand.promoted(panel.price), common.promotions[pool.category], 1.0)
    factor = demand.daily_factors(common.weekdays[pool.category], DAYS) * lift
    found, rise = position(panel, days), risen(panel)
    came_in = orders.receipts(panel, rise, np.zeros(panel.series, bool))
    figures = {
        **asdict(found),
        **asdict(demand.evidence(days, factor, found.last_sale, CHECK)),
        **asdict(phantom.silence(rise, days, factor, found.last_sale, found.last_receipt)),
        **asdict(orders.replenishment(panel, came_in)),
    }
    is_event = (came_in > 0) | (days.sold > 0) | days.is_out
    silent = np.where(is_event | ~days.is_whole | ~(ages(DAYS) > found.last_sale), 0.0, days.on_sale)
    spell = spells(days, factor, found.last_in_stock, CHECK, MEMORY_DAYS)
    figures |= {"last_inferred_receipt": figures["last_receipt"], "spell_start": spell.start}
    figures |= {"received_units": came_in.sum(axis=0)}
    figures |= {"longest_silence": phantom.longest_silence(silent * factor, is_event)}
    figures |= {"exposure_days": spell.exposure_days, "earlier_exposure_days": spell.earlier_exposure_days}
    del figures["is_order"], figures["leads"]  # by day
    return pd.concat([series.select(KEY).to_pandas(), pd.DataFrame(figures)], axis=1).set_index(KEY)


def differing(ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, int]:
    """How many series differ in each figure that the others tell."""
    theirs = theirs.set_index(KEY).loc[ours.index]
    assert len(theirs.columns) > 25
    told = {
        name: ~np.isclose(ours[name].astype(float), theirs[name].astype(float), rtol=1e-9, equal_nan=True)
        for name in theirs.columns.drop("inbound_unit_days")
    }
    return {name: int(differ.sum()) for name, differ in told.items() if differ.any()}


def test_sql_by_hand_finds_the_same(ours: pd.DataFrame, rows: pd.DataFrame) -> None:
    assert differing(ours, duckdb.sql(sql("look_back", "rows", 1)).df()) == {}


def test_plain_pandas_finds_the_same(ours: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(rows), tmp_path / "rows.parquet")
    assert differing(ours, in_pandas(tmp_path, pd.Timestamp(DATE), 1)) == {}

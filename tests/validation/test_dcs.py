"""What a check says of DCs, held against the truth of a simulated world."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from include.stockwatch.domain.availability import Status
from include.stockwatch.simulation.world import WORLDS, World, simulate
from include.stockwatch.validation import dcs
from include.stockwatch.validation.dcs import KEY, dc_validation

LIMIT, MIN_DAYS = 0.2, 2.0


@pytest.fixture(scope="module")
def world() -> World:
    """A small world with many outages."""
    return simulate(WORLDS["small"].with_(days=100, distributor_outage_rate=0.02, retailer_outage_rate=0.02), seed=3)


@pytest.fixture(scope="module")
def perfect(world: World) -> pa.Table:
    """What one who knows everything says of DCs from the 51st day on."""
    truth = dcs._truth(world)
    truth["status"] = np.select(
        [truth.fault_of == "planned", truth.is_empty],
        [Status.PLANNED.value, Status.OUT_OF_STOCK.value],
        Status.IN_STOCK.value,
    )
    truth["lost_units_today"] = (truth.units_wanted - truth.units_sold).clip(lower=0)
    truth["demand_units_per_day"], truth["days_of_supply"] = truth.mean_ahead, truth.lasts_days
    truth["cause"], truth["p_runs_out"], truth["location_type"] = truth.true_cause, 0.0, "dc"
    is_late = truth.business_date >= world.parameters.first_date + dt.timedelta(50)
    return as_told(truth[is_late])


def as_told(frame: pd.DataFrame) -> pa.Table:
    """A frame as a check tells it."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    texts = [pa.field(one.name, pa.string()) if pa.types.is_large_string(one.type) else one for one in table.schema]
    return table.cast(pa.schema(texts))


def test_who_knows_everything_is_never_wrong(world: World, perfect: pa.Table) -> None:
    held = dc_validation(world, perfect, perfect, LIMIT, MIN_DAYS)
    assert held["empty"] == held["found"] > 30
    assert held["unmet_units"] > 100
    nothing = ("false", "suspected", "suspected_units", "rate_wape", "rate_bias", "supply_off_days", "supply_bias_days")
    assert {held[name] for name in nothing} == {0}
    assert (held["unmet_units_bias"], held["causes_right"]) == (pytest.approx(0), 1)
    assert held["run_outs"] > 5


def test_errors_are_told_with_their_size(world: World, perfect: pa.Table) -> None:
    frame = perfect.to_pandas()
    frame["demand_units_per_day"] *= 1.1
    frame["lost_units_today"] *= 0.8
    stocked = frame.index[frame.status == Status.IN_STOCK.value]
    frame.loc[stocked[:3], "status"] = Status.PHANTOM_SUSPECTED.value
    frame.loc[stocked[:3], "lost_units_today"] = 2.0
    table = as_told(frame)
    held = dc_validation(world, table, table, LIMIT, MIN_DAYS)
    assert (held["false"], held["suspected"], held["suspected_units"]) == (3, 3, 6)
    assert (held["rate_wape"], held["rate_bias"]) == (pytest.approx(0.1), pytest.approx(0.1))
    assert held["unmet_units_bias"] == pytest.approx(-0.2)


def test_all_that_is_wanted_is_wanted_of_one_dc_that_is_nearest(world: World) -> None:
    """What the retailers' DCs serve is wanted of the distributor's as well."""
    wanted = dcs._behind(world).groupby("partner").units_wanted.sum()
    truth = world.truth.to_pandas().groupby("partner").units_wanted.sum()
    own = wanted.drop("westway")
    assert (own == truth[own.index]).all()
    assert wanted["westway"] == truth.sum()


def test_stock_lasts_until_as_much_was_wanted() -> None:
    days = pd.DataFrame({"units_wanted": [5.0, 4, 4, 2], "record_units": [6.0, 4, 3, 1]})
    assert dcs._lasts(days).tolist() == [1.5, 1, np.inf, np.inf]


def test_a_dc_is_held_against_its_own_truth_by_series_and_day(world: World) -> None:
    assert not dcs._truth(world).duplicated(KEY).any()

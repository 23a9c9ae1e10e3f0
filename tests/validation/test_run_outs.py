"""Risks held against the run-outs of a simulated world."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from include.stockwatch.simulation.world import WORLDS, World, simulate
from include.stockwatch.validation.pictures import pictures
from include.stockwatch.validation.run_outs import SOLD_OUT, foresight

LIMIT, MIN_DAYS = 0.2, 2.0


@pytest.fixture(scope="module")
def world() -> World:
    """A small world."""
    return simulate(WORLDS["small"].with_(days=84), seed=2)


@pytest.fixture(scope="module")
def found(world: World) -> pa.Table:
    """What a check says of every date from the 43rd on."""
    first = world.parameters.first_date
    return pictures(world, [first + dt.timedelta(day) for day in range(42, world.parameters.days)])


def test_the_probability_is_closer_to_what_happens_than_the_rule(world: World, found: pa.Table) -> None:
    held = foresight(world, found, LIMIT, MIN_DAYS)
    assert held.days > 1000
    assert held.brier < held.rule_brier


def test_a_certain_risk_of_what_happens_has_no_error(world: World, found: pa.Table) -> None:
    truth = world.truth.select(["partner", "location_id", "item_id", "business_date", "cause", "received_units"])
    rows = {tuple(row.values())[:4]: row for row in truth.to_pylist()}
    risk = []
    for row in found.select(["partner", "location_id", "item_id", "business_date"]).to_pylist():
        happens = 0.0
        for ahead in range(1, 60):
            later = rows.get(
                (row["partner"], row["location_id"], row["item_id"], row["business_date"] + dt.timedelta(ahead))
            )
            if later is None or later["received_units"] > 0:
                break
            if later["cause"] in SOLD_OUT:
                happens = 1.0
                break
        risk.append(happens)
    place = found.schema.get_field_index("p_runs_out")
    held = foresight(world, found.set_column(place, "p_runs_out", pa.array(risk)), 0.5, MIN_DAYS)
    assert held.squared_error == 0
    assert held.precision == 1


def test_a_limit_of_nothing_announces_every_day(world: World, found: pa.Table) -> None:
    held = foresight(world, found, 0.0, MIN_DAYS)
    assert held.announced_days == held.days
    assert held.precision == pytest.approx(held.run_out_days / held.days)


def test_a_higher_limit_announces_less(world: World, found: pa.Table) -> None:
    shares = [foresight(world, found, limit, MIN_DAYS).announced_share for limit in np.arange(0.1, 1, 0.2)]
    assert shares == sorted(shares, reverse=True)


def test_worlds_add_up(world: World, found: pa.Table) -> None:
    held = foresight(world, found, LIMIT, MIN_DAYS)
    assert held + held == replace(held, **{name: 2 * getattr(held, name) for name in held.__dataclass_fields__})

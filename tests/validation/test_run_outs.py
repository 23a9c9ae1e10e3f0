"""Risks held against the run-outs of a simulated world."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from include.stockwatch.simulation.world import WORLDS, World, simulate
from include.stockwatch.validation.pictures import pictures
from include.stockwatch.validation.run_out_oracle import COPIES, with_true_risks
from include.stockwatch.validation.run_outs import SOLD_OUT, announced_at, foresight

LIMIT, MIN_DAYS = 0.2, 2.0
KEY = ["partner", "location_id", "item_id", "business_date"]


@pytest.fixture(scope="module")
def world() -> World:
    """A small world."""
    return simulate(WORLDS["small"].with_(days=84), seed=2)


@pytest.fixture(scope="module")
def found(world: World) -> pa.Table:
    """What a check says of every date from the 43rd on."""
    first = world.parameters.first_date
    return pictures(world, [first + dt.timedelta(day) for day in range(42, world.parameters.days)])


@pytest.fixture(scope="module")
def known(world: World, found: pa.Table) -> pa.Table:
    """The same with the risks of one who knows the world."""
    return with_true_risks(world, found)


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


def test_a_risk_that_is_a_share_of_draws_is_off_by_chance(world: World, found: pa.Table) -> None:
    place = found.schema.get_field_index("p_runs_out")
    halves = found.set_column(place, "p_runs_out", pa.array([0.5] * len(found)))
    drawn, said = (foresight(world, halves, LIMIT, MIN_DAYS, draws) for draws in (11, None))
    assert said.squared_error - drawn.squared_error == pytest.approx(said.days * 0.5 * 0.5 / 10)


def test_more_is_announced_where_less_precision_is_asked_for(world: World, found: pa.Table) -> None:
    shares = [announced_at(world, found, precision) for precision in (0.1, 0.5, 0.9)]
    assert shares == sorted((share or 0.0 for share in shares), reverse=True)
    assert announced_at(world, found, 1.01) is None


def test_the_oracle_foresees_more_than_the_check(world: World, found: pa.Table, known: pa.Table) -> None:
    ours, oracles = foresight(world, found, LIMIT, MIN_DAYS), foresight(world, known, LIMIT, MIN_DAYS, COPIES)
    assert (oracles.days, oracles.run_outs) == (ours.days, ours.run_outs)
    assert oracles.brier < ours.brier
    assert (announced_at(world, known, ours.precision) or 0) > ours.announced_share


def test_the_oracle_lives_in_the_world_that_it_is_asked_about(world: World, known: pa.Table) -> None:
    truth = world.truth.select([*KEY, "is_empty"]).join(known.select([*KEY, "p_runs_out"]), KEY, join_type="inner")
    is_empty, risk = np.asarray(truth["is_empty"]), np.asarray(truth["p_runs_out"], float)
    assert is_empty[risk >= 0].sum() > 10  # phantoms: what the record calls out has no risk
    assert not risk[is_empty & (risk >= 0)].any(), "what is empty cannot run out"
    assert (risk[~is_empty & np.isfinite(risk)] > 0).mean() > 0.2

"""Causes held against the truth of a simulated world."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pytest

from include.stockwatch.simulation.world import WORLDS, World, simulate
from include.stockwatch.validation.attribution import NOT_EMPTY, Attribution, attribution
from include.stockwatch.validation.pictures import pictures

FIRST_DAY = 50


@pytest.fixture(scope="module")
def world() -> World:
    """A small world with many outages."""
    return simulate(WORLDS["small"].with_(distributor_outage_rate=0.02, retailer_outage_rate=0.02), seed=3)


@pytest.fixture(scope="module")
def found(world: World) -> pa.Table:
    """What a check says of every fourth date."""
    first = world.parameters.first_date
    return pictures(world, [first + dt.timedelta(day) for day in range(FIRST_DAY, world.parameters.days, 4)])


def test_shares_are_of_what_is_truly_empty() -> None:
    counts = {("phantom", "phantom"): 3, ("retailer_dc", "unknown"): 1, (NOT_EMPTY, "phantom"): 9}
    found = Attribution(counts)
    assert (found.flagged, found.right_share, found.dc_right_share) == (4, 0.75, 0)


def test_a_share_of_nothing_is_not_known() -> None:
    assert Attribution({}).right_share is None


def test_worlds_add_up() -> None:
    both = Attribution({("shelf", "shelf"): 1}) + Attribution({("shelf", "shelf"): 2, ("shelf", "phantom"): 1})
    assert both.right_share == 0.75


def test_most_causes_are_found(world: World, found: pa.Table) -> None:
    held = attribution(world, found)
    assert held.flagged > 30
    assert (held.right_share or 0) >= 0.8
    assert (held.dc_right_share or 0) >= 0.8


def test_orders_that_are_filled_before_a_report_shows_them_clear_no_dc(world: World) -> None:
    records = world.records
    for name in ("on_order_units", "in_transit_units"):
        nothing = pa.array([0.0] * len(records), records.schema.field(name).type)
        records = records.set_column(records.column_names.index(name), name, nothing)
    dates = [world.parameters.first_date + dt.timedelta(day) for day in range(FIRST_DAY, world.parameters.days, 4)]
    unseen = replace(world, records=records)
    assert (attribution(unseen, pictures(unseen, dates)).dc_right_share or 0) >= 0.8


def test_no_cause_is_named_of_what_the_feeds_do_not_tell(world: World) -> None:
    without = ("on_order_units", "in_transit_units")
    first = world.parameters.first_date
    table = pictures(world, [first + dt.timedelta(69)], without=without)
    assert not {"not_ordered", "not_delivered"} & set(table.column("cause").to_pylist())

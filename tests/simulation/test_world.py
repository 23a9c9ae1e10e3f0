"""A world keeps its books: stock balances, causes are consistent, and a seed decides everything."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from include.stockwatch.simulation.catalogue import check_digit
from include.stockwatch.simulation.world import PLAIN, WORLDS, Parameters, World, simulate

SERIES = ["partner", "location_id", "item_id"]
SMALL = WORLDS["small"].with_(discontinued_share=0.2)


@pytest.fixture(scope="module", params=["small", "noisy_records", "dc_outages", "daily_receipts", "shoppers"])
def world(request: pytest.FixtureRequest) -> World:
    named = PLAIN.with_(demand="shoppers") if request.param == "shoppers" else WORLDS[request.param]
    return simulate(named.with_(stores=12, items=10, days=80), seed=3)


@pytest.fixture(scope="module")
def plain() -> World:
    return simulate(PLAIN.with_(stores=40, items=30), seed=5)


def rows(world: World) -> pd.DataFrame:
    return world.truth.to_pandas().sort_values([*SERIES, "business_date"], ignore_index=True)


def day_before(table: pd.DataFrame, column: str) -> pd.Series:
    return table.groupby(SERIES)[column].shift()


def test_the_stock_of_a_store_changes_by_receipts_sales_and_shrink_alone(world: World) -> None:
    told = rows(world)
    told["stock"] = told.shelf_units + told.backroom_units
    expected = day_before(told, "stock") + told.received_units - told.units_sold + told.shrink_units
    later = expected.notna()
    assert (told.stock[later] == expected[later]).all()


def test_a_record_changes_by_receipts_sales_and_adjustments_alone(world: World) -> None:
    told = rows(world)
    expected = day_before(told, "record_units") + told.received_units - told.units_sold + told.adjusted_units
    later = expected.notna()
    assert (told.record_units[later] == expected[later]).all()


def test_what_is_under_way_to_a_store_is_what_its_dc_shipped_and_did_not_arrive(world: World) -> None:
    shipped = world.dc_truth.to_pandas().groupby(["item_id", "business_date"]).units_sold.sum()
    arrived = pd.concat([world.truth.to_pandas(), world.dc_truth.to_pandas()])
    launched = arrived.item_id.isin(set(world.items["successor_gtin"].to_pylist()) - {None})
    days = arrived[~launched].groupby(["item_id", "business_date"])[["received_units", "in_transit_units"]].sum()
    fed = world.dc_truth.to_pandas()
    from_factory = fed[fed.partner == "westway"].groupby(["item_id", "business_date"])
    sent = shipped.reindex(days.index)
    own = from_factory[["received_units", "in_transit_units"]].sum().reindex(days.index).fillna(0)
    under_way = days.in_transit_units - own.in_transit_units
    came = days.received_units - own.received_units
    expected = under_way.groupby("item_id").shift() + sent - came
    later = expected.notna()
    assert later.any()
    assert (under_way[later] == expected[later]).all()


def test_the_stock_of_a_dc_changes_by_receipts_and_shipments_alone(world: World) -> None:
    told = world.dc_truth.to_pandas().sort_values([*SERIES, "business_date"], ignore_index=True)
    expected = day_before(told, "record_units") + told.received_units - told.units_sold
    later = expected.notna()
    assert (told.record_units[later] == expected[later]).all()
    assert (told.record_units >= 0).all()


def test_nobody_buys_what_is_not_there(world: World) -> None:
    told = rows(world)
    before = day_before(told, "shelf_units") + day_before(told, "backroom_units")
    later = before.notna()
    assert (told.units_sold[later] <= (before + told.received_units + told.shrink_units.clip(lower=0))[later]).all()
    assert (told.shelf_units >= 0).all()
    assert (told.backroom_units >= 0).all()
    assert (told.lost_units >= 0).all()


def test_only_an_empty_shelf_has_a_cause(world: World) -> None:
    told = rows(world)
    assert (told.cause.notna() == told.is_empty).all()
    assert (told.is_empty == (told.shelf_units <= 0)).all()
    assert (told.is_phantom == (told.is_empty & (told.record_units > 0))).all()


def test_each_cause_shows_in_the_books(world: World) -> None:
    told = rows(world)
    starts = told[told.is_empty & ~day_before(told, "is_empty").fillna(True).astype(bool)]
    assert (starts[starts.cause == "phantom"].record_units > 0).all()
    assert (starts[starts.cause == "shelf"].backroom_units > 0).all()
    assert (starts[starts.cause == "retailer_dc"].on_order_units > 0).all()
    assert (starts[starts.cause == "distributor_dc"].on_order_units > 0).all()
    assert (starts[starts.cause == "not_delivered"].in_transit_units > 0).all()
    assert not told[told.cause == "planned"].is_ranged.any()
    assert told[told.is_empty & ~told.is_ranged].cause.eq("planned").all()


def test_no_shelf_is_empty_for_a_day_on_which_all_was_sold_that_was_wanted(world: World) -> None:
    told = rows(world)
    assert told.was_empty_share.between(0, 1).all()
    assert (told[told.lost_units > 0].was_empty_share > 0).all()
    whole = told[told.is_empty & (told.units_sold == 0) & (told.units_wanted == 0)]
    assert (whole.was_empty_share == 1).all()


def test_the_same_seed_gives_the_same_world() -> None:
    first, second, other = simulate(SMALL, seed=7), simulate(SMALL, seed=7), simulate(SMALL, seed=8)
    for name in ("truth", "dc_truth", "records", "items", "locations", "assortment", "complaints"):
        assert getattr(first, name).equals(getattr(second, name)), name
    assert not first.truth.equals(other.truth)


def test_trouble_changes_nothing_that_shoppers_want() -> None:
    calm = simulate(SMALL.with_(phantom_rate=0.0, not_ordered_rate=0.0, distributor_outage_rate=0.0), seed=7)
    troubled = simulate(SMALL, seed=7)
    assert calm.truth["units_wanted"].equals(troubled.truth["units_wanted"])
    assert calm.truth["lost_units"].to_numpy().sum() < troubled.truth["lost_units"].to_numpy().sum()


def quiet(**trouble: object) -> Parameters:
    """A world in which nothing goes wrong but what is asked for."""
    rates = {name: 0.0 for name in vars(PLAIN) if name.endswith("_rate")}
    return PLAIN.with_(**(rates | {"theft_share": 0.0, "record_error_share": 0.0, "safety": 3.5} | trouble))


def test_without_trouble_shelves_are_hardly_ever_empty_and_records_right() -> None:
    told = simulate(quiet(discontinued_share=0.0), seed=2).truth.to_pandas()
    assert told.is_empty.mean() < 0.005
    assert not told.is_phantom.any()
    assert (told.record_units == told.shelf_units + told.backroom_units).all()


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ({"distributor_outage_rate": 0.01}, "distributor_dc"),
        ({"retailer_outage_rate": 0.01}, "retailer_dc"),
        ({"not_ordered_rate": 0.01}, "not_ordered"),
        ({"not_delivered_rate": 0.2}, "not_delivered"),
        ({"phantom_rate": 0.004}, "phantom"),
        ({"shelf_gap_rate": 0.02}, "shelf"),
    ],
)
def test_the_one_thing_that_goes_wrong_is_the_cause(trouble: dict[str, float], cause: str) -> None:
    told = simulate(quiet(**trouble), seed=4).truth.to_pandas()
    empty = told[told.is_empty & told.is_ranged]
    assert len(empty) > 300
    assert (empty.cause == cause).mean() > 0.9


@pytest.mark.parametrize("level", ["distributor", "retailer"])
def test_a_store_runs_out_for_a_dc_only_while_the_dc_that_serves_it_is_out(level: str) -> None:
    world = simulate(quiet(**{f"{level}_outage_rate": 0.01}), seed=4)
    links = world.supply_links.to_pandas().rename(columns={"location_id": "store", "dc_id": "depot"})
    dcs = world.dc_truth.to_pandas()
    out = dcs[dcs.is_empty].rename(columns={"location_id": "depot"})[["depot", "item_id", "business_date", "cause"]]
    told = rows(world)
    starts = told[(told.cause == f"{level}_dc") & ~day_before(told, "is_empty").fillna(True).astype(bool)]
    served = starts.rename(columns={"location_id": "store"}).merge(links[["partner", "store", "depot"]])
    met = served.merge(out, on=["depot", "item_id", "business_date"], suffixes=("", "_of_dc"), how="left")
    assert len(met) > 30
    assert (met.cause_of_dc == f"{level}_dc").mean() > 0.95


def test_rates_are_those_of_the_shops_that_studies_looked_at(plain: World) -> None:
    told = plain.truth.to_pandas().query("is_ranged")
    share = told[told.is_empty].cause.value_counts(normalize=True)
    assert 0.035 < told.is_empty.mean() < 0.09
    assert 0.003 < told.is_phantom.mean() < 0.014
    assert 0.003 < (told.cause == "phantom").mean() < 0.01
    assert share["not_ordered"] == pytest.approx(0.47, abs=0.12)
    assert share["phantom"] + share["shelf"] == pytest.approx(0.25, abs=0.1)
    assert share[["distributor_dc", "retailer_dc", "not_delivered"]].sum() == pytest.approx(0.28, abs=0.12)


def test_the_share_of_wrong_records_is_the_one_asked_for() -> None:
    told = simulate(quiet(record_error_share=0.6, record_error_units=2.5), seed=2).truth.to_pandas()
    wrong = told.record_units != told.shelf_units + told.backroom_units
    assert wrong[told.is_ranged].mean() == pytest.approx(0.6, abs=0.03)


def test_demand_has_the_mean_the_weekdays_and_the_spread_asked_for() -> None:
    parameters = PLAIN.with_(stores=30, items=20, days=140, dispersion=1.6, promotion_share=0.0)
    told = simulate(parameters, seed=6).truth.to_pandas().query("is_ranged")
    assert told.units_wanted.sum() == pytest.approx(told.expected_units.sum(), rel=0.01)
    by_day = told.groupby(pd.to_datetime(told.business_date).dt.day_of_week).units_wanted.mean()
    assert (by_day / by_day.mean()).to_numpy() == pytest.approx(np.asarray(parameters.weekday_profile), abs=0.03)
    residual = (told.units_wanted - told.expected_units) ** 2
    assert residual.sum() / told.expected_units.sum() == pytest.approx(1.6, rel=0.05)


def test_shoppers_want_what_counts_expect_and_find_some_of_it_elsewhere() -> None:
    told = simulate(PLAIN.with_(demand="shoppers"), seed=6).truth.to_pandas().query("is_ranged")
    assert told.units_wanted.sum() == pytest.approx(told.expected_units.sum(), rel=0.03)
    assert 0.2 < told.switched_units.sum() / told.lost_units.sum() < 0.8


def test_a_promotion_lowers_the_price_and_raises_demand(plain: World) -> None:
    told = plain.truth.to_pandas().query("is_ranged")
    promoted = told[told.is_promoted]
    assert promoted.price.to_numpy() == pytest.approx(promoted.list_price.to_numpy() * 0.8, abs=0.006)
    assert promoted.units_wanted.sum() / promoted.expected_units.sum() == pytest.approx(1, abs=0.05)
    breached = told[told.is_price_breach]
    assert len(breached)
    assert (breached.price > breached.list_price).all()


def test_a_successor_takes_over_the_day_after_the_old_item_ends() -> None:
    world = simulate(SMALL, seed=7)
    told = world.truth.to_pandas()
    for old in (row for row in world.items.to_pylist() if row["successor_gtin"]):
        new = told[told.item_id == old["successor_gtin"]]
        assert new.business_date.min() == old["active_to"] + dt.timedelta(days=1)
        after = told[(told.item_id == old["item_id"]) & (told.business_date > old["active_to"])]
        assert len(after)
        assert (after.record_units == 0).all()
        assert (after.lost_units == 0).all()


def test_every_gtin_has_its_check_digit(plain: World) -> None:
    for gtin in plain.items["gtin"].to_pylist():
        assert len(gtin) == 14
        assert check_digit(gtin[:-1]) == gtin[-1]


def test_complaints_follow_what_was_not_there(plain: World) -> None:
    told = plain.complaints.to_pandas()
    missed = (told.kind == "could_not_find").sum()
    lost = plain.truth["lost_units"].to_numpy().sum()
    assert missed == pytest.approx(plain.parameters.complaint_rate * lost, rel=0.25)
    assert told.location_id.isna().any()

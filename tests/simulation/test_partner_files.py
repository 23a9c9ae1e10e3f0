"""The files of a world, read by the real workflows, bring exactly what the world's systems had on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
import yaml

from include.stockwatch import cli
from include.stockwatch.errors import FeedHeld
from include.stockwatch.simulation.folder import Written, write_world
from include.stockwatch.simulation.world import WORLDS, World, simulate
from include.stockwatch.workflows.feeds import ingest, master_files
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock

KEY = ["feed_id", "business_date", "partner", "location_id", "item_id"]
MEASURES = ["on_hand_units", "units_sold", "received_units", "on_order_units", "in_transit_units"]


@dataclass
class Loaded:
    """A world, its files, and what became of them."""

    world: World
    written: Written
    services: Services
    outcomes: dict[tuple[str, str], str] = field(default_factory=dict)  # feed, file -> what happened to it

    def table(self, name: str) -> pd.DataFrame:
        lake = self.services.lake
        return lake.engine.to_pyarrow(lake.table(name)).to_pandas()

    def outcome(self, kind: str) -> set[str]:
        hit = [one for one in self.written.defects if one.kind == kind and one.file_name]
        return {self.outcomes[one.feed_id, one.file_name] for one in hit}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    world = simulate(WORLDS["small"].with_(record_error_share=0.5, discontinued_share=0.2), seed=1)
    written = write_world(world, tmp_path_factory.mktemp("world"), history_days=58)
    clock = Clock(dt.datetime(2026, 1, 5, tzinfo=dt.UTC))
    services = Services(written.folder, written.folder / "config", clock)
    found = Loaded(world, written, services)
    for arrival in written.arrivals:
        clock.at = arrival.arrives_at
        path = written.folder / "landing" / arrival.feed_id / arrival.file_name
        found.outcomes[arrival.feed_id, arrival.file_name] = take(services, arrival.feed_id, path)
    yield found
    services.state.engine.dispose()


def take(services: Services, feed_id: str, path: Path) -> str:
    """What became of a file: a code of its hold or of its rejects, or that it was published."""
    workflow = master_files if feed_id in services.settings.masters else ingest
    try:
        stored = workflow.ingest_file(services, feed_id, path)
    except FeedHeld as held:
        return str(held.holds[0].code.value)
    codes = [*stored.reject_codes, *(one["code"] for one in stored.warnings)]
    return codes[0] if codes else "published" if stored.file_name == path.name else "known"


def expected_rows(loaded: Loaded) -> pd.DataFrame:
    """The world's records without what the injected defects take away."""
    told = loaded.world.records.to_pandas()
    gone = pd.Series(False, index=told.index)
    for one in loaded.written.defects:
        of_day = (told.feed_id == one.feed_id) & (told.business_date == one.business_date)
        if one.effect == "absent":
            gone |= of_day
        elif one.effect == "absent_row":
            gone |= of_day & (told.location_id == one.location_id) & (told.item_id == one.item_id)
    return told[~gone]


def test_every_row_is_published_as_the_partners_systems_have_it(loaded: Loaded) -> None:
    expected, published = expected_rows(loaded), loaded.table("observations")
    both = expected.merge(published, on=KEY, how="outer", suffixes=("", "_read"), indicator=True)
    assert set(both._merge) == {"both"}
    for name in MEASURES:
        assert (both[name] == both[f"{name}_read"]).all(), name
    of_stores = both.feed_id.str.endswith("_stores")
    assert (both[of_stores].price == both[of_stores].price_read).all()


def test_the_files_come_in_five_formats_and_some_records_are_below_zero(loaded: Loaded) -> None:
    kinds = {feed.format.kind for feed in loaded.services.settings.feeds.values()}
    assert kinds == {"x12", "csv", "xlsx", "edifact"}
    messages = {feed.format.messages for feed in loaded.services.settings.feeds.values() if feed.is_edi}
    assert messages == {("852",), ("846",), ("INVRPT",)}
    assert (loaded.table("observations").on_hand_units < 0).any()


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [
        ("late", {"published"}),
        ("twice", {"known"}),
        ("half_empty", {"ROW_COUNT"}),
        ("corrected", {"published"}),
        ("lost_zeros", {"published"}),
        ("no_check_digits", {"IDS_REPAIRED"}),
    ],
)
def test_each_defect_meets_its_answer(loaded: Loaded, kind: str, outcomes: set[str]) -> None:
    assert loaded.outcome(kind) == outcomes


def test_an_unknown_number_waits_and_a_total_that_does_not_add_up_holds(loaded: Loaded) -> None:
    assert loaded.outcome("damaged_id") == {"UNKNOWN_ITEM", "TOTAL_DIFFERS"}


def test_every_other_file_is_published_without_a_word(loaded: Loaded) -> None:
    wrong = {(one.feed_id, one.file_name) for one in loaded.written.defects}
    rest = {outcome for file, outcome in loaded.outcomes.items() if file not in wrong}
    assert rest == {"published"}


def test_a_missing_file_never_comes(loaded: Loaded) -> None:
    missing = [one for one in loaded.written.defects if one.kind == "missing"]
    came = {(one.feed_id, one.business_date) for one in loaded.written.arrivals}
    assert len(missing) == len(loaded.services.settings.feeds)
    assert not came & {(one.feed_id, one.business_date) for one in missing}


def test_the_master_data_say_what_the_world_is(loaded: Loaded) -> None:
    world = loaded.world
    places = loaded.table("locations")
    assert set(zip(places.partner, places.location_id, places.location_type, strict=True)) == {
        (row["partner"], row["location_id"], row["location_type"]) for row in world.locations.to_pylist()
    }
    links = loaded.table("supply_links")
    assert len(links) == len(world.supply_links)
    ours = loaded.table("items").query("feed_id == 'our_items'").set_index("item_id").successor_gtin.dropna()
    assert ours.to_dict() == {
        row["item_id"]: row["successor_gtin"] for row in world.items.to_pylist() if row["successor_gtin"]
    }
    assert len(loaded.table("assortment")) == len(world.assortment)
    assert len(loaded.table("complaints")) == len(world.complaints)


def test_the_written_settings_pass_the_settings_check(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STOCKWATCH_CONFIG", str(loaded.written.folder / "config"))
    monkeypatch.setenv("STOCKWATCH_HOME", str(loaded.written.folder))
    assert cli.main(["check-config"]) == 0
    assert "northfield_stores" in capsys.readouterr().out


def test_the_truth_lies_beside_the_files(loaded: Loaded) -> None:
    folder = loaded.written.folder / "truth"
    assert pd.read_parquet(folder / "truth.parquet").is_empty.any()
    assert len(pd.read_csv(folder / "defects.csv")) == len(loaded.written.defects)
    assert len(pd.read_csv(folder / "arrivals.csv")) == len(loaded.written.arrivals)
    assert yaml.safe_load((folder / "parameters.json").read_text("utf-8"))["seed"] == loaded.world.seed


def test_the_same_world_writes_the_same_files(tmp_path: Path) -> None:
    parameters = WORLDS["small"].with_(stores=3, items=3, days=32)
    one, other = (write_world(simulate(parameters, 4), tmp_path / name, history_days=5) for name in ("one", "other"))
    assert one.arrivals == other.arrivals
    assert one.defects == other.defects

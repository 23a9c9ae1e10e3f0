"""What settings mean, and what is said of every way to get them wrong.

tests/golden/settings/<mistake>/ holds the files that are wrong, to be laid over the shipped settings; `without.txt`
names files to take away. <mistake>.txt is what people are told.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.alerting.routing import Routes
from include.stockwatch.domain.customers import Assumptions
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings.loader import load
from include.stockwatch.settings.models import Stockwatch
from include.stockwatch.settings.reading import read
from tests.golden import GOLDEN, same_as_golden

PROJECT = Path(__file__).resolve().parents[2]
MISTAKES = sorted(path.name for path in (GOLDEN / "settings").iterdir() if path.is_dir())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped settings; messages call it `config`."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(PROJECT / "include" / "config", tmp_path / "config"))


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained_with_its_place_and_its_fix(mistake: str, folder: Path) -> None:
    source = GOLDEN / "settings" / mistake
    shutil.copytree(source, folder, dirs_exist_ok=True)
    without = folder / "without.txt"
    if without.exists():
        for path in without.read_text("utf-8").split():
            (folder / path).unlink()
        without.unlink()
    with pytest.raises(ConfigError) as caught:
        load(folder)
    same_as_golden(f"{caught.value}\n", GOLDEN / "settings" / f"{mistake}.txt")
    for problem in caught.value.problems:
        assert problem.what
        assert problem.fix


def test_every_golden_mistake_has_its_files_and_its_text() -> None:
    texts = {path.stem for path in (GOLDEN / "settings").glob("*.txt")}
    assert texts == set(MISTAKES)


def routes_with(channel: str) -> str:
    return f"routes:\n  - name: everything else\n    channel: {channel}\n    owner: supply planning\n"


@pytest.mark.parametrize(
    "channel", ["{{ var.value.channel }}", "{[a, b]: c}", "&a [*a]", "!!python/object:os.system x", "*unknown"]
)
def test_odd_yaml_is_explained_and_not_a_crash(channel: str, folder: Path) -> None:
    (folder / "routes.yaml").write_text(routes_with(channel), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert str(caught.value).startswith("config/routes.yaml:3:")


def test_a_mistake_in_the_only_route_is_not_followed_by_a_complaint_about_no_routes(folder: Path) -> None:
    (folder / "routes.yaml").write_text(routes_with("northfield"), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert [problem.path for problem in caught.value.problems] == ["routes.0.channel"]


def test_a_huge_file_is_not_read(folder: Path) -> None:
    (folder / "routes.yaml").write_text("# " + "x" * 1_000_000, "utf-8")
    with pytest.raises(ConfigError, match=r"config/routes\.yaml:1:1: the file is larger than 1 MB"):
        load(folder)


def test_a_missing_folder_names_the_setting_that_points_to_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the config folder does not exist\n  fix: set STOCKWATCH_CONFIG"):
        load(tmp_path / "nowhere")


# --- one broken feed -------------------------------------------------------------------------------------------------

BROKEN_FEED = "partner: westway\n"


def test_a_broken_feed_can_be_left_out_and_is_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "feeds" / "westway_dcs.yaml").write_text(BROKEN_FEED, "utf-8")
    with caplog.at_level(logging.ERROR):
        settings = load(folder, skip_broken_feeds=True)
    assert set(settings.feeds) == {"northfield_stores"}
    assert "config/feeds/westway_dcs.yaml:1:1: partner_name: missing" in caplog.text


def test_a_definition_with_another_ending_stops_no_other_feed(folder: Path) -> None:
    (folder / "feeds" / "harbor_stores.yml").write_text("partner: harbor\n", "utf-8")
    assert set(load(folder, skip_broken_feeds=True).feeds) == {"northfield_stores", "westway_dcs"}


def test_a_draft_beside_the_file_that_it_is_of_is_no_mistake(folder: Path) -> None:
    shutil.copy(folder / "thresholds.yaml", folder / "thresholds-new.yaml")
    assert load(folder).thresholds.thresholds


def test_rules_for_the_partner_of_a_broken_feed_are_no_further_mistake(folder: Path) -> None:
    (folder / "feeds" / "westway_dcs.yaml").write_text(BROKEN_FEED, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert {problem.file for problem in caught.value.problems} == {"config/feeds/westway_dcs.yaml"}


def test_other_files_must_be_right_even_if_broken_feeds_are_left_out(folder: Path) -> None:
    (folder / "routes.yaml").write_text(routes_with("northfield"), "utf-8")
    with pytest.raises(ConfigError, match=r"routes\.0\.channel"):
        load(folder, skip_broken_feeds=True)


def test_not_every_feed_can_be_left_out(folder: Path) -> None:
    for path in (folder / "feeds").iterdir():
        path.write_text(BROKEN_FEED, "utf-8")
    with pytest.raises(ConfigError, match="partner_name: missing"):
        load(folder, skip_broken_feeds=True)


# --- what plain words mean -------------------------------------------------------------------------------------------


def routes_of(tmp_path: Path, name: str) -> Any:
    path = tmp_path / "routes.yaml"
    path.write_text(f"routes:\n  - name: {name}\n    channel: C0TRIAGE\n    owner: supply planning\n", "utf-8")
    return read(path, Routes).routes[0].name


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("0012", "0012"),
        ("00850007123017", "00850007123017"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("10:30", "10:30"),
        ("190:20:30", "190:20:30"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("2026-11-22", "2026-11-22"),
        ("1_000", "1_000"),
        ("118", "118"),
        ("12345678901234567890", "12345678901234567890"),
        ("'1.10'", "1.10"),
        ('"true"', "true"),
        ("Müller & Söhne", "Müller & Söhne"),
    ],
)
def test_a_word_stays_the_text_that_it_looks_like(tmp_path: Path, written: str, text: str) -> None:
    assert routes_of(tmp_path, written) == text


@pytest.mark.parametrize("written", ["true", "null", "~", "[a]"])
def test_what_is_no_text_is_not_taken_for_one(tmp_path: Path, written: str) -> None:
    with pytest.raises(ConfigError, match=r"routes\.0\.name: .*valid string"):
        routes_of(tmp_path, written)


def test_ids_in_rules_keep_their_leading_zeros(folder: Path) -> None:
    text = (folder / "thresholds.yaml").read_text("utf-8")
    more = "  - name: reno bars\n    match: {location_id: 0118, item_id: 00850007123017}\n    min_days_of_supply: 3\n"
    (folder / "thresholds.yaml").write_text(text + more, "utf-8")
    rules = load(folder).thresholds
    facts = {"partner": "northfield", "category": None, "item_id": "00850007123017", "location_id": "0118"}
    assert rules.limit("min_days_of_supply", facts) == (3, "reno bars")


def test_a_byte_order_mark_is_no_mistake(folder: Path) -> None:
    path = folder / "routes.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(folder).routes.routes[-1].name == "everything else"


# --- what is shipped -------------------------------------------------------------------------------------------------


def test_the_shipped_settings_load() -> None:
    settings = load(PROJECT / "include" / "config")
    assert {"northfield_stores", "westway_dcs"} <= settings.feeds.keys()
    assert settings.absent_means() == {
        "northfield_stores": AbsentMeans.UNKNOWN,
        "westway_dcs": AbsentMeans.ZERO,
    }
    assert settings.feeds["westway_dcs"].format.decimal == ","


def test_the_example_of_a_simulated_retailer_loads_and_takes_the_defaults_for_what_it_leaves_out() -> None:
    settings = load(PROJECT / "docs" / "examples" / "osa")
    assert settings.feeds["osa"].absent_means is AbsentMeans.UNCHANGED
    assert settings.stockwatch == Stockwatch()
    assert settings.lost_customers.defaults == Assumptions()


def test_the_shipped_general_settings_say_the_defaults_as_they_promise() -> None:
    assert load(PROJECT / "include" / "config").stockwatch == Stockwatch()


def test_settings_cannot_be_changed_by_accident() -> None:
    settings = load(PROJECT / "include" / "config")
    with pytest.raises(ValueError, match="frozen"):
        settings.thresholds.thresholds[0].name = "other"  # type: ignore[misc]
    assert isinstance(settings.thresholds, Thresholds)

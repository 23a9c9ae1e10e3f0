"""Definitions of master data: whose they are, what a file of them must have, and what a wrong one stops.

What is said of each way to get one wrong is in tests/golden/settings/master_data_*, see `test_loader`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from include.stockwatch.domain.columns import MASTERS
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings.loader import load
from include.stockwatch.settings.master import TABLES, Assortment, Items, Locations, Owners, SupplyLinks, load_master

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped settings."""
    return Path(shutil.copytree(PROJECT / "include" / "config", tmp_path / "config"))


def items(**more: Any) -> Items:
    """A definition of an item master."""
    return Items.model_validate({"table": "items", "item_id": {"gtin": "upc"}, **more})


def test_the_shipped_definitions_load_into_the_settings() -> None:
    masters = load(PROJECT / "include" / "config").masters
    assert {feed_id: master.table for feed_id, master in masters.items()} == {
        "northfield_items": "items",
        "northfield_locations": "locations",
        "northfield_complaints": "complaints",
        "brand_loyalty": "loyalty",
    }


def test_a_config_folder_needs_no_master_data(folder: Path) -> None:
    shutil.rmtree(folder / "master")
    assert load(folder).masters == {}


def test_every_table_of_master_data_has_a_definition_of_its_own() -> None:
    assert set(TABLES) == set(MASTERS)


def test_every_column_that_a_definition_can_bind_is_one_of_its_table() -> None:
    for table, model in TABLES.items():
        columns = model.model_fields["columns"].annotation
        assert columns is not None
        assert set(columns.model_fields) <= set(MASTERS[table].names), table


def test_files_arrive_for_feeds_and_for_master_data(folder: Path) -> None:
    settings = load(folder)
    assert set(settings.receiving()) == {*settings.feeds, *settings.masters}


def test_data_without_a_partner_serve_all_of_them() -> None:
    assert items().serves("northfield")
    assert items(partner="northfield").serves("northfield")
    assert not items(partner="northfield").serves("westway")


def test_a_file_must_have_every_column_that_is_bound_and_none_twice() -> None:
    made = items(
        item_id={"gtin": "upc", "number": "sku"},
        columns={"item_name": "what", "category": "what"},
        packs={"ca": "case", "CS": "case", "PK": "inner"},
        partner_column="account",
    )
    assert made.file_columns() == ("upc", "sku", "what", "account", "case", "inner")


def test_a_unit_of_a_pack_is_written_in_capitals() -> None:
    assert "pack CA" in items(packs={"ca": "case"}).bound()


@pytest.mark.parametrize(
    ("model", "content", "columns"),
    [
        (Locations, {"location_id": {"column": "nbr"}, "columns": {"gln": "GLN"}}, ("nbr", "GLN")),
        (SupplyLinks, {"dc_id": {"column": "dc"}, "location_id": {"column": "nbr"}}, ("dc", "nbr")),
        (
            SupplyLinks,
            {"dc_id": {"column": "dc"}, "location_id": {"column": "nbr"}, "item_id": {"column": "upc"}},
            ("dc", "nbr", "upc"),
        ),
        (Assortment, {"location_id": {"column": "nbr"}, "item_id": {"column": "upc"}}, ("nbr", "upc")),
        (Owners, {"columns": {"owner": "who", "region": "area"}}, ("who", "area")),
    ],
)
def test_each_table_names_the_columns_of_its_file(
    model: Any, content: dict[str, Any], columns: tuple[str, ...]
) -> None:
    table = next(name for name, one in TABLES.items() if one is model)
    assert model.model_validate({"table": table, **content}).file_columns() == columns


def test_a_file_that_says_which_texts_mean_active_needs_them() -> None:
    content = {"table": "locations", "location_id": {"column": "nbr"}, "columns": {"is_active": "status"}}
    with pytest.raises(ValidationError, match="`active` must be"):
        Locations.model_validate(content)


def test_a_name_that_is_no_id_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Item List.yaml"
    path.write_text("table: items\nitem_id: {gtin: upc}\n", "utf-8")
    with pytest.raises(ConfigError, match="`Item List` is no feed id"):
        load_master(path)


def test_a_wrong_definition_can_be_left_out_and_what_it_brought_before_still_counts(folder: Path) -> None:
    (folder / "master" / "northfield_items.yaml").write_text("table: items\n", "utf-8")
    settings = load(folder, skip_broken_feeds=True)
    others = {"northfield_locations", "northfield_complaints", "brand_loyalty"}
    assert set(settings.masters) == others
    assert settings.master_ids() == {"northfield_items", *others}
    assert not settings.feeds_left_out, "every feed is there"


def test_a_list_of_a_partner_that_no_feed_has_any_more_stops_nothing(folder: Path) -> None:
    (folder / "master" / "harbor_items.yaml").write_text(
        "table: items\npartner: harbor\nitem_id: {gtin: upc}\n", "utf-8"
    )
    assert "harbor_items" not in load(folder, skip_broken_feeds=True).masters
    with pytest.raises(ConfigError, match="no feed has the partner `harbor`"):
        load(folder)

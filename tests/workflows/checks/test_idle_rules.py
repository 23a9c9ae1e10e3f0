"""Rules of the settings that change nothing: which, why, and that none is called so for want of data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.columns import AVAILABILITY, ITEMS
from include.stockwatch.workflows.checks.idle_rules import CUSTOMERS, PROMISES, ROUTES, SIGNALS, THRESHOLDS, idle_rules
from include.stockwatch.workflows.services import Services
from tests.workflows.days import IN, row, table

UNKNOWN = Status.UNKNOWN.value
NORTHFIELD = (row("0118", IN, item_class="bars"), row("0204", IN))
WESTWAY = row("07", UNKNOWN, partner="westway")
"""A series of a partner that delivered nothing on the date."""


def idle(services: Services, config: Path, rules: dict[str, dict[str, Any]], *rows: dict[str, Any]) -> dict[str, str]:
    """What is told of the shipped rules with some more."""
    path = config / "thresholds.yaml"
    more = [f"  - {json.dumps({'name': name, **rule})}\n" for name, rule in rules.items()]
    path.write_text(path.read_text("utf-8") + "".join(more), "utf-8")
    return told_of(services, *rows).get(THRESHOLDS, {})


def told_of(services: Services, *rows: dict[str, Any]) -> dict[str, dict[str, str]]:
    return idle_rules(services, ibis.memtable(table(5, rows), schema=AVAILABILITY))


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ({"category": "Snaks"}, "category 'Snaks': no series has it; nearest: 'Snacks'"),
        ({"category": "SNACKS"}, "category 'SNACKS': no series has it; nearest: 'Snacks'"),
        ({"category": "Tea"}, "category 'Tea': no series has it; none is like it"),
        ({"location_id": "118"}, "location '118': no series has it; nearest: '0118'"),
        (
            {"partner": "northfield", "item_class": "barrs"},
            "item class 'barrs': no series of northfield has it; nearest: 'bars'",
        ),
        ({"partner": "westway", "item_class": "bars"}, "item class 'bars': no series of westway has it; none is known"),
        (
            {"item_class": "bars", "location_id": "0204"},
            "no series has all of item class 'bars', location '0204'",
        ),
        ({"partner": "westway", "category": "Snacks"}, None),
        ({"item_class": "bars"}, None),
    ],
)
def test_a_rule_whose_selectors_no_series_has_is_told_with_the_nearest_name(
    match: dict[str, str], why: str | None, services: Services, config: Path
) -> None:
    told = idle(services, config, {"mine": {"match": match, "min_days_of_supply": 3}}, *NORTHFIELD, WESTWAY)
    assert told.get("mine") == why


def test_a_rule_that_gives_way_everywhere_is_another_matter_than_one_that_matches_nothing(
    services: Services, config: Path
) -> None:
    rules: dict[str, dict[str, Any]] = {
        "snacks": {"match": {"category": "Snacks"}, "min_days_of_supply": 3},
        "retail": {"match": {"partner": "northfield", "category": "Snacks"}, "min_days_of_supply": 4},
        "trade": {"match": {"partner": "westway", "category": "Snacks"}, "min_days_of_supply": 5},
    }
    told = idle(services, config, rules, *NORTHFIELD, WESTWAY)
    others = "`retail`, `trade`"
    assert (
        told.pop("snacks")
        == f"it matches series, and more specific rules set its limits for every one of them: {others}"
    )
    assert "core bars" not in told, "nobody else sets the in-stock rate of snacks"
    assert told == {"distributor": told["distributor"]}
    assert told["distributor"].endswith("every one of them: `trade`")


def test_a_rule_that_may_be_about_a_feed_of_which_nothing_came_yet_is_not_judged(
    services: Services, config: Path
) -> None:
    wrong = {"category": "Snaks"}
    rules = {
        "any": {"match": wrong, "min_days_of_supply": 3},
        "theirs": {"match": {**wrong, "partner": "westway"}, "min_days_of_supply": 3},
        "ours": {"match": {**wrong, "partner": "northfield"}, "min_days_of_supply": 3},
    }
    assert set(idle(services, config, rules, *NORTHFIELD)) == {"ours"}


SET = {
    PROMISES: "promises: [{name: bars, match: {partner: northfield, category: Snaks}, price: {above: 0, below: 0}}]\n",
    ROUTES: (
        "routes:\n"
        "  - {name: planners, match: {brand: [Acorn, Acron], severity: low}, channel: C0PLANNERS, owner: Sam Lee}\n"
        "  - {name: none, match: {brand: Acorn, category: Tea}, channel: C0PLANNERS, owner: Sam Lee}\n"
        "  - {name: none, channel: C0TRIAGE, owner: Sam Lee}\n"
    ),
    CUSTOMERS: "categories: {Snaks: &own {loyal_share: 0.4}, Diapers: *own, Snacks: *own, Teas: *own}\n",
    SIGNALS: "promise_strength: {Acron: 0.5, Acorn: 0.5}\n",
}


def items_of_northfield(services: Services) -> None:
    """Its item master came, and names an item that nobody stocks."""
    item = {"feed_id": "northfield_items", "partner": "northfield", "item_id": "9", "brand": "Acorn", "category": "Tea"}
    services.lake.replace_feed("items", pa.Table.from_pylist([item], schema=ITEMS.to_pyarrow()), "northfield_items")


def test_a_name_that_no_series_has_is_told_whatever_file_it_is_set_in(services: Services, config: Path) -> None:
    for file, text in SET.items():
        (config / file).write_text(text, "utf-8")
    series = (row("0118", IN, brand="Acorn"), row("0204", IN, brand="Acorn"), row("07", IN, partner="westway"))
    told = told_of(services, *series, row("08", IN, partner="westway", category="Tea", item="1"))
    nearest = "brand 'Acron': no series has it; nearest: 'Acorn'"
    assert told == {
        PROMISES: {"bars": "category 'Snaks': no series of northfield has it; nearest: 'Snacks'"},
        ROUTES: {"planners": nearest, "none (2)": "no series has all of brand 'Acorn', category 'Tea'"},
        CUSTOMERS: {"Teas": "category 'Teas': no series has it; nearest: 'Tea'"},
        SIGNALS: {"Acron": nearest},
    }


def test_a_brand_is_not_judged_before_the_item_master_that_may_name_it_came(services: Services, config: Path) -> None:
    (config / SIGNALS).write_text(SET[SIGNALS], "utf-8")
    westway = row("07", IN, partner="westway", brand="Acorn")
    assert SIGNALS not in told_of(services, *NORTHFIELD, westway), "northfield's items are still to come"
    items_of_northfield(services)
    assert set(told_of(services, *NORTHFIELD, westway)[SIGNALS]) == {"Acron"}


def test_a_route_for_an_item_that_only_a_master_names_is_not_told(services: Services, config: Path) -> None:
    (config / ROUTES).write_text(SET[ROUTES].replace("brand: [Acorn, Acron], severity: low", "item: '9'"), "utf-8")
    items_of_northfield(services)
    assert ROUTES not in told_of(services, *NORTHFIELD, WESTWAY)


def test_nothing_is_judged_while_a_feed_is_left_out(services: Services, config: Path) -> None:
    (config / SIGNALS).write_text("promise_strength: {Acron: 0.5}\n", "utf-8")
    (config / "feeds" / "broken.yaml").write_text("partner: 1\n", "utf-8")
    assert told_of(services, row("0118", IN, brand="Acorn"), row("07", IN, partner="westway", brand="Acorn")) == {}

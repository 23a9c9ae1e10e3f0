"""Threshold rules that change nothing: which, why, and that none is called so for want of data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ibis
import pytest

from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.columns import AVAILABILITY
from include.stockwatch.workflows.idle_rules import idle_rules
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

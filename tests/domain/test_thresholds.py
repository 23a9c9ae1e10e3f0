"""Which rule applies to a series."""

from __future__ import annotations

from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.domain.thresholds import LIMITS, Match, SeverityBand, SeverityBands, Threshold, Thresholds
from tests.domain.tables import BANDS, DEFAULT, rows_of, table, with_rules
from tests.strategies import FACTS, threshold_sets

FACT_COLUMNS = ibis.schema(dict.fromkeys(("partner", "category", "item_class", "item_id", "location_id"), "string"))
OAT_IN_RENO = {
    "partner": "northfield",
    "category": "Snacks",
    "item_class": "bars",
    "item_id": "oat",
    "location_id": "0118",
}


def rule(name: str, days: float | None = None, rate: float | None = None, **match: str) -> Threshold:
    return Threshold(name=name, match=Match(**match), min_days_of_supply=days, min_in_stock_rate=rate)


BY_PRECEDENCE = (
    {"location_id": "0118"},
    {"item_id": "oat", "category": "Snacks", "partner": "northfield"},
    {"item_id": "oat", "category": "Snacks"},
    {"item_id": "oat", "partner": "northfield"},
    {"item_id": "oat"},
    {"item_class": "bars", "category": "Snacks", "partner": "northfield"},
    {"item_class": "bars"},
    {"category": "Snacks", "partner": "northfield"},
    {"category": "Snacks"},
    {"partner": "northfield"},
    {},
)
"""Every match of the same series, most specific first."""


@pytest.mark.parametrize("place", range(len(BY_PRECEDENCE) - 1))
@pytest.mark.parametrize("turned_round", [False, True], ids=["general first", "specific first"])
def test_the_most_specific_rule_wins_wherever_it_stands(place: int, turned_round: bool) -> None:
    pair = [rule("specific", 5, **BY_PRECEDENCE[place]), rule("general", 9, **BY_PRECEDENCE[place + 1])]
    rules = with_rules(*(pair if turned_round else pair[::-1]))
    expected = (5, "specific")
    assert rules.limit("min_days_of_supply", OAT_IN_RENO) == expected
    assert rules.rule(OAT_IN_RENO) == "specific"


def test_two_keys_beat_one_of_them_and_a_location_beats_all_other_keys_together() -> None:
    everything_else = {"partner": "northfield", "category": "Snacks", "item_class": "bars", "item_id": "oat"}
    rules = with_rules(rule("four keys", 3, **everything_else), rule("location", 4, location_id="0118"))
    assert rules.limit("min_days_of_supply", OAT_IN_RENO) == (4, "location")


def test_a_limit_that_a_rule_leaves_out_comes_from_the_next_less_specific_one() -> None:
    rules = with_rules(
        rule("item", days=7, item_id="oat"),
        rule("category", rate=0.97, category="Snacks"),
        rule("partner", days=3, rate=0.90, partner="northfield"),
    )
    found = {name: rules.limit(name, OAT_IN_RENO) for name in LIMITS}
    assert found == {
        "min_days_of_supply": (7, "item"),
        "min_in_stock_rate": (0.97, "category"),
        "out_of_stock_at_or_below_units": (0, "default"),
        "days_out_before_alert": (1, "default"),
        "run_out_probability": (0.19, "default"),
        "phantom_probability": (0.6, "default"),
        "phantom_days_before_alert": (2, "default"),
        "run_out_alert_probability": (0.5, "default"),
        "run_out_alert_days": (7, "default"),
        "restock_transit_days": (2, "default"),
        "severity": (BANDS, "default"),
    }
    assert rules.rule(OAT_IN_RENO) == "item"


def test_of_two_equally_specific_rules_the_later_one_wins() -> None:
    rules = with_rules(rule("first", 5, category="Snacks"), rule("second", 9, category="Snacks"))
    assert rules.limit("min_days_of_supply", OAT_IN_RENO) == (9, "second")
    assert rules.rule(OAT_IN_RENO) == "second"


def test_a_rule_for_another_series_does_not_apply() -> None:
    rules = with_rules(rule("other store", 5, location_id="0204"), rule("two keys", 9, item_id="oat", category="Tea"))
    assert rules.limit("min_days_of_supply", OAT_IN_RENO) == (2, "default")


def test_a_series_without_a_category_takes_no_category_rule() -> None:
    rules = with_rules(rule("snacks", 5, category="Snacks"))
    nameless = OAT_IN_RENO | {"category": None}
    assert rules.limit("min_days_of_supply", nameless) == (2, "default")
    facts = table([nameless, OAT_IN_RENO], FACT_COLUMNS)
    found = facts.mutate(limit=rules.limit_column("min_days_of_supply", facts), rule=rules.rule_column(facts))
    assert {row["category"]: (row["limit"], row["rule"]) for row in rows_of(found)} == {
        None: (2, "default"),
        "Snacks": (5, "snacks"),
    }


def test_a_limit_of_zero_is_a_limit() -> None:
    rules = with_rules(rule("no cover needed", 0, category="Snacks"))
    assert rules.limit("min_days_of_supply", OAT_IN_RENO) == (0, "no cover needed")


COLUMN_LIMITS = tuple(name for name in LIMITS if name != "severity")


@settings(max_examples=40)
@given(threshold_sets(), st.lists(FACTS, min_size=1, max_size=12))
def test_a_column_of_limits_says_what_each_series_is_told(rules: Thresholds, facts: list[dict[str, Any]]) -> None:
    told = table([{**fact} for fact in facts], FACT_COLUMNS)
    columns = {name: rules.limit_column(name, told) for name in COLUMN_LIMITS}
    found = rows_of(told.mutate(rule=rules.rule_column(told), **columns))
    for row in found:
        fact = {key: row[key] for key in FACT_COLUMNS.names}
        assert row["rule"] == rules.rule(fact)
        # DuckDB reads the literal 0.95 as a decimal, and makes 0.9500000000000001 of it
        assert [row[name] for name in columns] == pytest.approx([rules.limit(name, fact)[0] for name in columns])


@given(threshold_sets(), FACTS)
def test_every_limit_comes_from_a_rule_that_accepts_the_series(rules: Thresholds, fact: dict[str, Any]) -> None:
    named = {each.name: each for each in rules.thresholds}
    for limit in LIMITS:
        value, name = rules.limit(limit, fact)
        chosen = named[name]
        assert chosen.match.accepts(fact)
        assert getattr(chosen, limit) == value
        better = [r for r in rules.thresholds if r.match.weight() > chosen.match.weight() and r.match.accepts(fact)]
        assert all(getattr(r, limit) is None for r in better)


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ((rule("first", item_id="oat"),), "must not have a `match`"),
        ((Threshold(name="default", min_in_stock_rate=0.9),), "must set out_of_stock_at_or_below_units, days_out"),
        ((DEFAULT, rule("twice", 1), rule("twice", 2)), "names must differ; repeated: twice"),
    ],
)
def test_rules_that_cannot_work_together_are_refused(rules: tuple[Threshold, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Thresholds(thresholds=rules)


def test_a_rule_for_one_location_cannot_set_what_belongs_to_an_incident() -> None:
    with pytest.raises(ValueError, match="leave them out of a rule that matches a `location_id`"):
        rule("reno", rate=0.9, location_id="0118")
    with pytest.raises(ValueError, match="leave them out of a rule that matches a `location_id`"):
        Threshold(name="reno", match=Match(location_id="0118"), severity=BANDS)


@pytest.mark.parametrize("figure", ["money", "customers"])
def test_severity_bands_that_do_not_rise_are_refused(figure: str) -> None:
    low, high = SeverityBand(**{figure: 5}), SeverityBand(**{figure: 9})
    assert SeverityBands(critical=high, high=SeverityBand(), medium=low)
    with pytest.raises(ValueError, match=f"`{figure}` must rise"):
        SeverityBands(critical=low, high=SeverityBand(), medium=high)

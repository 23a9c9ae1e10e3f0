"""Availability figures per partner and category, by hand and as properties."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.columns import AVAILABILITY, KPIS
from include.stockwatch.domain.kpis import headline, kpis
from tests.domain.tables import day, rows_of, table

IN, OUT, LOW, UNKNOWN = Status.IN_STOCK.value, Status.OUT_OF_STOCK.value, Status.AT_RISK.value, Status.UNKNOWN.value


def of_series(status: str, **more: Any) -> dict[str, Any]:
    """One row of the availability table on day 1; what is left out is null."""
    row: dict[str, Any] = dict.fromkeys(AVAILABILITY.names)
    return row | {"business_date": day(1), "partner": "northfield", "item_id": "oat", "status": status} | more


def figures(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """KPI rows of one date, by (partner, category)."""
    found = rows_of(kpis(table(rows, AVAILABILITY)))
    keyed = {(row["partner"], row["category"]): row for row in found}
    assert len(keyed) == len(found), "two rows for one partner and category"
    return keyed


USD = {"price": 2.5, "currency": "USD"}
OAT_OUT = {"demand_units_per_day": 4.0, "lost_units": 10.0, "lost_units_today": 4.0, "customers_lost": 0.25, **USD}
SHOP = [
    of_series(OUT, category="Snacks", location_id="0118", **OAT_OUT),
    of_series(IN, category="Snacks", location_id="0204", demand_units_per_day=6.0, **USD),
    of_series(UNKNOWN, category="Snacks", location_id="0077", demand_units_per_day=90.0, **USD),
    of_series(LOW, category="Tea", location_id="0118", item_id="tea", demand_units_per_day=2.0, **USD),
]


def test_figures_of_a_small_shop_by_hand() -> None:
    found = figures(SHOP)
    assert found.keys() == {("northfield", "Snacks"), ("northfield", "Tea"), ("northfield", ""), ("", "")}
    snacks = found["northfield", "Snacks"]
    assert {name: snacks[name] for name in ("ranged", "known", "in_stock", "out_of_stock", "at_risk")} == {
        "ranged": 3,
        "known": 2,
        "in_stock": 1,
        "out_of_stock": 1,
        "at_risk": 0,
    }
    assert snacks["coverage"] == pytest.approx(2 / 3)
    assert (snacks["in_stock_rate"], snacks["oos_rate"]) == (0.5, 0.5)
    assert snacks["oos_rate_sales_weighted"] == pytest.approx(4 / (4 + 6))  # the unknown series' 90 leave it
    # 4 units were lost on the date itself, though 10 in the spell so far; at 2.50
    assert (snacks["lost_units"], snacks["lost_money"], snacks["currency"]) == (4, 10, "USD")
    assert snacks["customers_lost"] == 0.25


def test_a_series_at_risk_is_in_stock() -> None:
    tea = figures(SHOP)["northfield", "Tea"]
    assert (tea["in_stock_rate"], tea["oos_rate"], tea["at_risk"], tea["in_stock"]) == (1, 0, 1, 0)


def test_the_partner_and_everything_add_the_categories_up() -> None:
    found = figures([*SHOP, of_series(IN, partner="westway", category="Tea", demand_units_per_day=12.0, **USD)])
    partner, everything = found["northfield", ""], found["", ""]
    assert (partner["ranged"], partner["known"], partner["in_stock_rate"]) == (4, 3, pytest.approx(2 / 3))
    assert partner["oos_rate_sales_weighted"] == pytest.approx(4 / 12)
    assert (everything["ranged"], everything["known"], everything["in_stock_rate"]) == (5, 4, 0.75)
    assert everything["oos_rate_sales_weighted"] == pytest.approx(4 / 24)


def test_a_feed_without_categories_is_counted_once_per_level() -> None:
    found = figures([of_series(IN), of_series(OUT, location_id="0204")])
    assert found.keys() == {("northfield", ""), ("", "")}
    assert found["northfield", ""]["ranged"] == 2


def test_where_nothing_is_known_rates_and_losses_are_null_not_zero() -> None:
    total = figures([of_series(UNKNOWN, **OAT_OUT), of_series(UNKNOWN, location_id="0204")])["", ""]
    assert (total["ranged"], total["known"], total["coverage"]) == (2, 0, 0)
    absent = ("in_stock_rate", "oos_rate", "oos_rate_sales_weighted", "lost_units", "lost_money", "customers_lost")
    assert [total[name] for name in absent] == [None] * len(absent)


def test_where_nothing_is_out_nothing_is_lost() -> None:
    total = figures([of_series(IN, demand_units_per_day=3.0, **USD), of_series(UNKNOWN)])["", ""]
    assert (total["lost_units"], total["lost_money"], total["customers_lost"]) == (0, 0, 0)
    assert total["oos_rate_sales_weighted"] == 0


def test_losses_that_could_not_be_estimated_are_null() -> None:
    total = figures([of_series(OUT), of_series(IN, location_id="0204", demand_units_per_day=3.0, **USD)])["", ""]
    assert (total["out_of_stock"], total["lost_units"], total["lost_money"], total["customers_lost"]) == (
        1,
        None,
        None,
        None,
    )


def test_money_without_a_price_is_null_though_units_are_known() -> None:
    unpriced = OAT_OUT | {"price": None, "currency": None}
    total = figures([of_series(OUT, **unpriced)])["", ""]
    assert (total["lost_units"], total["lost_money"], total["currency"]) == (4, None, None)


def test_money_in_two_currencies_is_not_added_up() -> None:
    rows = [
        of_series(OUT, **OAT_OUT),
        of_series(OUT, partner="westway", **(OAT_OUT | {"currency": "EUR"})),
    ]
    found = figures(rows)
    assert (found["", ""]["lost_units"], found["", ""]["lost_money"], found["", ""]["currency"]) == (8, None, None)
    assert (found["westway", ""]["lost_money"], found["westway", ""]["currency"]) == (10, "EUR")


def test_sales_of_nothing_weigh_nothing() -> None:
    assert figures([of_series(IN), of_series(OUT, location_id="0204")])["", ""]["oos_rate_sales_weighted"] is None


def test_the_shelf_is_as_full_as_the_records_less_what_is_probably_phantom() -> None:
    silent = of_series(IN, p_phantom=0.25, lost_units_today=1.0, **USD)
    rows = [silent, of_series(IN, location_id="0204"), of_series(OUT, location_id="0077")]
    lost = {"lost_units_today": 3.0, "customers_lost": 0.5, **USD}  # of 4 a day, as it is empty with 75 %
    suspected = of_series(Status.PHANTOM_SUSPECTED.value, location_id="0099", p_phantom=0.75, **lost)
    total = figures([*rows, suspected])["", ""]
    assert (total["in_stock_rate"], total["osa_estimate"], total["phantom_suspected"]) == (0.75, 0.5, 1)
    assert (total["lost_units"], total["lost_money"], total["customers_lost"]) == (4, 10, 0.5)


def test_what_leaves_the_range_by_plan_counts_nowhere() -> None:
    planned = of_series(Status.PLANNED.value, location_id="0204", demand_units_per_day=9.0, lost_units_today=9.0)
    assert figures([of_series(IN), planned]) == figures([of_series(IN)])


def test_days_of_supply_are_all_stock_over_all_demand() -> None:
    rows = [
        of_series(IN, on_hand_units=30.0, demand_units_per_day=2.0),
        of_series(OUT, location_id="0204", on_hand_units=-4.0, demand_units_per_day=4.0),
        of_series(IN, location_id="0077", on_hand_units=500.0),
    ]
    assert figures(rows)["", ""]["days_of_supply"] == 5


def test_spells_are_those_that_go_on() -> None:
    rows = [of_series(OUT, spell_days=2), of_series(OUT, location_id="0204", spell_days=7), of_series(IN)]
    total = figures(rows)["", ""]
    assert (total["mean_spell_days"], total["longest_spell_days"]) == (4.5, 7)


def test_a_dc_is_no_store_and_a_partner_without_stores_is_known_by_its_dcs() -> None:
    dc = {"location_type": "dc", "location_id": "07"}
    rows = [
        *(of_series(status, location_id=place, location_type="store") for place, status in (("1", IN), ("2", OUT))),
        of_series(IN, **dc),
        of_series(UNKNOWN, **dc | {"item_id": "tea"}),
        of_series(OUT, **dc | {"partner": "westway"}),
    ]
    table_of_kpis = kpis(table(rows, AVAILABILITY))
    told = {
        (row["partner"], row["location_type"]): (row["in_stock_rate"], row["oos_rate"], row["coverage"], row["ranged"])
        for row in rows_of(table_of_kpis)
    }
    assert told == {
        ("northfield", "store"): (0.5, 0.5, 1, 2),
        ("northfield", "dc"): (1, 0, 0.5, 2),
        ("westway", "dc"): (0, 1, 1, 1),
        ("", "store"): (0.5, 0.5, 1, 2),
        ("", "dc"): (0.5, 0.5, 2 / 3, 3),
    }
    shown = {(row["partner"], row["location_type"]) for row in rows_of(headline(table_of_kpis))}
    assert shown == {("northfield", "store"), ("westway", "dc"), ("", "store")}
    before = table([{**row, "business_date": day(0), "location_type": None} for row in rows_of(table_of_kpis)], KPIS)
    both = rows_of(headline(before.union(table_of_kpis)))
    assert {row["location_type"] for row in both if row["partner"] == "westway"} == {None, "dc"}, "an older lake"
    unreported = kpis(table([of_series(UNKNOWN, partner="westway") | {"business_date": day(0)}], AVAILABILITY))
    both = rows_of(headline(unreported.union(table_of_kpis)))
    days = [row["business_date"] for row in both if row["partner"] == "westway"]
    assert sorted(days) == [day(0), day(1)], "listed before any feed told of it: no kind is known, and it has no store"


def test_each_date_has_its_own_figures() -> None:
    rows = [of_series(IN), of_series(OUT) | {"business_date": day(2)}]
    found = {row["business_date"]: row for row in rows_of(kpis(table(rows, AVAILABILITY))) if row["partner"] == ""}
    assert {date: row["in_stock_rate"] for date, row in found.items()} == {day(1): 1, day(2): 0}


def test_the_columns_are_those_of_the_kpi_table() -> None:
    assert kpis(table(SHOP, AVAILABILITY)).schema() == KPIS


SERIES = st.fixed_dictionaries(
    {
        "status": st.sampled_from([str(one) for one in Status if one is not Status.PLANNED]),
        "partner": st.sampled_from(("northfield", "westway")),
        "category": st.sampled_from((None, "", "Snacks", "Tea")),
        "demand_units_per_day": st.none() | st.sampled_from((0.0, 0.5, 3.0)),
        "lost_units_today": st.none() | st.sampled_from((0.0, 0.5, 3.0)),
        "price": st.sampled_from((None, 2.0)),
        "currency": st.sampled_from((None, "EUR", "USD")),
        "customers_lost": st.none() | st.sampled_from((0.0, 0.25)),
        "p_phantom": st.none() | st.sampled_from((0.0, 0.25, 1.0)),
    }
)
SHOPS = st.lists(SERIES.map(lambda fields: of_series(**fields)), min_size=1, max_size=15)
RATES = ("coverage", "in_stock_rate", "osa_estimate", "oos_rate", "oos_rate_sales_weighted")
KNOWN = ("in_stock", "out_of_stock", "phantom_suspected", "at_risk", "void")


@settings(max_examples=20)
@given(SHOPS)
def test_counts_add_up_and_rates_are_shares(rows: list[dict[str, Any]]) -> None:
    found = figures(rows)
    for row in found.values():
        assert sum(row[name] for name in KNOWN) == row["known"] <= row["ranged"]
        assert all(row[name] is None or 0 <= row[name] <= 1 for name in RATES)
        if row["known"]:
            assert row["in_stock_rate"] + row["oos_rate"] == pytest.approx(1)
            assert row["osa_estimate"] <= row["in_stock_rate"] + 1e-12
            assert row["oos_rate"] == pytest.approx(row["out_of_stock"] / row["known"])
    assert found["", ""]["ranged"] == len(rows)
    assert found["", ""]["ranged"] == sum(row["ranged"] for key, row in found.items() if key[0] and not key[1])


@settings(max_examples=6)
@given(SHOPS, st.integers(1, 5))
def test_unknown_series_lower_coverage_and_nothing_else(rows: list[dict[str, Any]], more: int) -> None:
    lost = of_series(UNKNOWN, partner="northfield", demand_units_per_day=7.0, lost_units_today=7.0, customers_lost=1.0)
    before, after = figures(rows)["", ""], figures([*rows, *[lost] * more])["", ""]
    assert after["ranged"] == before["ranged"] + more
    assert after["coverage"] <= before["coverage"]
    left = [name for name in KPIS.names if name not in ("ranged", "coverage")]
    assert {name: after[name] for name in left} == {name: pytest.approx(before[name]) for name in left}


@settings(max_examples=6)
@given(SHOPS, st.randoms(use_true_random=False))
def test_row_order_is_irrelevant(rows: list[dict[str, Any]], shuffling: random.Random) -> None:
    shuffled = [*rows]
    shuffling.shuffle(shuffled)
    assert figures(rows) == figures(shuffled)

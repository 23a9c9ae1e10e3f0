"""Which DC serves which series on a date, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from include.stockwatch.domain.chain import (
    cut_off,
    dc_outages,
    dc_states,
    dcs_of,
    links_on,
    nearest_dc,
    regions,
    serving,
    suppliers,
)
from include.stockwatch.domain.columns import ITEMS, LOCATIONS, SUPPLY_LINKS
from include.stockwatch.domain.master import per_partner
from tests.domain.tables import ITEM, PARTNER, STORE, day, observation, rows_of, table

Row = Mapping[str, Any]
SERIES_ON = ibis.schema({"as_of": "date", "partner": "string", "location_id": "string", "item_id": "string"})
DC_FEEDS = {"northfield_dcs", "westway_dcs"}


def master(schema: ibis.Schema, *found: Row) -> ir.Table:
    """Rows of a table of master data as they speak for Northfield; what is left out is null."""
    blank = {**dict.fromkeys(schema.names), "feed_id": "list", "partner": PARTNER}
    return per_partner(table([{**blank, **one} for one in found], schema), {PARTNER})


def links(*found: Row, on: int = 10, items: ir.Table | None = None) -> ir.Table:
    """Supply links in force on a day; without a location that of the store of the other tests."""
    rows = master(SUPPLY_LINKS, *({"location_id": STORE, **one} for one in found))
    return links_on(rows, master(ITEMS) if items is None else items, [day(on)])


def series(*items: str, on: int = 10, location: str = STORE) -> ir.Table:
    """Series of one location on a day."""
    rows = [{"as_of": day(on), "partner": PARTNER, "location_id": location, "item_id": item} for item in items]
    return table(rows, SERIES_ON)


def stands(location: str, partner: str = PARTNER, item: str = ITEM, **stocks: float) -> list[dict[str, Any]]:
    """Days of a DC; `on_10=0.0` is no stock on day 10. Without any, there is stock on day 10."""
    who = {"feed_id": f"{partner}_dcs", "partner": partner, "location_id": location, "item_id": item}
    return [observation(int(name[3:]), on_hand, 0.0, **who) for name, on_hand in (stocks or {"on_10": 5.0}).items()]


DC_DAYS = ibis.schema(
    {"as_of": "date", "feed_id": "string", "partner": "string", "location_id": "string", "item_id": "string"}
    | {"business_date": "date", "on_hand_units": "float64", "is_out": "boolean", "is_in_stock": "boolean"}
)


def marked_days(*rows: list[dict[str, Any]], on: int = 10) -> ir.Table:
    """Days as DCs report them, as a date looks back on them."""
    told = [
        {name: row.get(name) for name in DC_DAYS.names}
        | {"as_of": day(on), "is_out": row["on_hand_units"] <= 0, "is_in_stock": row["on_hand_units"] > 0}
        for days in rows
        for row in days
    ]
    return table(told, DC_DAYS)


def served(*dcs: list[dict[str, Any]], link: str = "D1") -> dict[str, Any]:
    """What is known of the DC that serves the store of the other tests."""
    known = dc_states(marked_days(*dcs), DC_FEEDS)
    (found,) = rows_of(dcs_of(series("oat"), links({"dc_id": link}), known))
    return found


def dcs_by_item(expression: ir.Table) -> dict[str, set[str]]:
    """Ids of the DCs of each item."""
    found: dict[str, set[str]] = {}
    for row in rows_of(expression):
        found.setdefault(row["item_id"], set()).add(row["dc_id"])
    return found


def test_a_link_for_every_item_serves_every_item_of_the_store() -> None:
    found = serving(series("oat", "nut"), links({"dc_id": "D1"}))
    assert dcs_by_item(found) == {"oat": {"D1"}, "nut": {"D1"}}


def test_a_link_for_the_item_goes_before_one_for_every_item() -> None:
    found = serving(series("oat", "nut"), links({"dc_id": "D1"}, {"dc_id": "D2", "item_id": "oat"}))
    assert dcs_by_item(found) == {"oat": {"D2"}, "nut": {"D1"}}


def test_a_link_of_an_own_number_serves_the_item_it_is_stored_under() -> None:
    known = master(ITEMS, {"item_id": "oat", "partner_item_id": "77"})
    found = serving(series("oat"), links({"dc_id": "D1", "item_id": "77"}, items=known))
    assert dcs_by_item(found) == {"oat": {"D1"}}


@pytest.mark.parametrize(("on", "expected"), [(4, {}), (5, {"oat": {"D1"}}), (8, {"oat": {"D1"}}), (9, {})])
def test_a_link_counts_from_its_first_day_to_its_last(on: int, expected: dict[str, set[str]]) -> None:
    found = links({"dc_id": "D1", "valid_from": day(5), "valid_to": day(8)}, on=on)
    assert dcs_by_item(serving(series("oat", on=on), found)) == expected


@pytest.mark.parametrize(("whose", "expected"), [("westway", "westway"), (PARTNER, None)])
def test_a_dc_is_not_served_by_itself_but_by_the_distributors_of_the_same_id(whose: str, expected: str | None) -> None:
    own = (
        [stands("W1", item="oat"), stands("W1", whose, item="oat")] if whose != PARTNER else [stands("W1", item="oat")]
    )
    known = dc_states(marked_days(*own), DC_FEEDS)
    asked = series("oat", location="W1")
    (found,) = rows_of(dcs_of(asked, links({"dc_id": "W1", "location_id": "W1"}), known))
    assert (found["dc_partner"], found["is_told"]) == (expected, expected is not None)


def test_a_link_of_another_store_serves_nothing_here() -> None:
    assert dcs_by_item(serving(series("oat"), links({"dc_id": "D1", "location_id": "0204"}))) == {}


def test_a_dc_of_the_same_partner_goes_before_one_of_another_with_the_same_id() -> None:
    assert served(stands("D1", "a_distributor"), stands("D1"))["dc_partner"] != "a_distributor"


def test_a_dc_of_a_distributor_is_found_by_its_id() -> None:
    found = served(stands("W1", "westway"), link="W1")
    assert (found["dc_partner"], found["is_told"]) == ("westway", True)


def test_of_a_dc_that_no_feed_tells_of_nothing_is_known() -> None:
    found = served(stands("D2"))
    assert (found["dc_id"], found["dc_partner"], found["is_told"]) == ("D1", None, False)


def test_of_a_dc_whose_feed_is_late_nothing_is_known() -> None:
    assert not served(stands("D1", on_9=0.0))["is_told"]


def test_a_dc_that_has_another_item_says_nothing_of_this_one() -> None:
    assert not served(stands("D1", item="nut"))["is_told"]


def test_a_store_of_another_partner_is_no_dc() -> None:
    days = [{**row, "feed_id": "westway_stores"} for row in stands("D1", "westway")]
    assert not served(days)["is_told"]


@pytest.mark.parametrize(("on_10", "is_out"), [(0.0, True), (1.0, False)])
def test_a_dc_is_out_by_its_stock_on_the_date(on_10: float, is_out: bool) -> None:
    assert served(stands("D1", on_9=1.0 - on_10, on_10=on_10))["is_out"] == is_out


def test_a_store_is_cut_off_once_all_its_dcs_that_are_told_of_are_out() -> None:
    days = [stands("D1", on_6=0.0, on_10=0.0), stands("D2", on_8=0.0, on_10=0.0)]
    both = links({"dc_id": "D1"}, {"dc_id": "D2"}, {"dc_id": "D3"})

    def cut_by(*rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
        found = cut_off(dcs_of(series("oat"), both, dc_states(marked_days(*rows), DC_FEEDS)))
        return sorted((row["dc_partner"], row["dc_id"]) for row in rows_of(found))

    assert cut_by(*days) == [(PARTNER, "D1"), (PARTNER, "D2")]
    assert cut_by(*days, stands("D3")) == []
    assert cut_by() == []


def test_the_days_out_of_a_dc_are_listed_and_those_of_a_store_are_not() -> None:
    rows = [
        observation(number, on_hand, 0.0, feed_id=feed, location_id=feed[:5])
        for feed in ("northfield_dcs", "store_feed")
        for number, on_hand in ((1, 0.0), (2, 4.0), (3, -1.0))
    ]
    days = rows_of(dc_outages(marked_days(rows, on=3), DC_FEEDS))
    found = {(row["dc_id"], row["out_date"]) for row in days}
    assert found == {("north", day(1)), ("north", day(3))}


def test_an_outage_lasts_until_there_is_stock_again() -> None:
    days = [stands("D1", on_1=0.0, on_2=4.0, on_4=0.0, on_6=-1.0), stands("D2", on_5=0.0)]
    found = rows_of(dc_outages(marked_days(*days), DC_FEEDS))
    assert sorted((row["dc_id"], row["out_date"], row["out_since"], row["out_days"]) for row in found) == [
        ("D1", day(1), day(1), 1),
        ("D1", day(4), day(4), 1),
        ("D1", day(6), day(4), 2),
        ("D2", day(5), day(5), 1),
    ]


def test_a_series_of_several_dcs_is_counted_under_one() -> None:
    chain = serving(series("oat"), links({"dc_id": "D2"}, {"dc_id": "D1"}))
    assert [row["dc_id"] for row in rows_of(nearest_dc(chain))] == ["D1"]


def test_what_a_partner_says_of_its_regions_goes_before_what_we_say() -> None:
    found = regions(
        master(
            LOCATIONS,
            {"location_id": STORE, "partner": "", "region": "ours", "is_active": False},
            {"location_id": STORE, "region": "theirs"},
        )
    )
    assert [(row["region"], row["is_active"]) for row in rows_of(found)] == [("theirs", False)]


PLACES = ibis.schema({"partner": "string", "location_id": "string", "is_dc": "boolean"})


@pytest.mark.parametrize(
    ("dcs", "found"),
    [
        ({"westway": "07"}, {"westway"}),
        ({"westway": "07", "harbor": "07"}, {"westway", "harbor"}),
        ({"westway": "07", PARTNER: "07"}, set()),  # its own goes before
        ({"westway": "08", PARTNER: "09"}, set()),
    ],
)
def test_a_partner_is_supplied_by_those_who_run_the_dcs_that_its_links_name(
    dcs: Mapping[str, str], found: set[str]
) -> None:
    told = links({"dc_id": "07"}, {"dc_id": "08", "location_id": "elsewhere"})
    places = [{"partner": PARTNER, "location_id": STORE, "is_dc": False}]
    places += [{"partner": partner, "location_id": dc_id, "is_dc": True} for partner, dc_id in dcs.items()]
    rows = suppliers(told, table(places, PLACES)).to_pyarrow().to_pylist()
    assert {(row["as_of"], row["partner"], row["supplier"]) for row in rows} == {
        (day(10), PARTNER, one) for one in found
    }

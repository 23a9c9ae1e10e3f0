"""What master data add to a check: names, and which series are ranged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stockwatch.domain.columns import ASSORTMENT, AVAILABILITY, ITEMS, LOCATIONS
from include.stockwatch.domain.kpis import kpis
from include.stockwatch.domain.master import named, per_partner, ranged_on, with_list_price
from tests.domain.tables import (
    FEED,
    ITEM,
    PARTNER,
    STORE,
    checked,
    day,
    observation,
    observations,
    rows_of,
    series,
    table,
)

Row = Mapping[str, Any]
STORES_FEED = {FEED: "store"}


def rows(schema: ibis.Schema, *found: Row) -> ir.Table:
    """Rows of a table of master data; what is left out is null, the partner Northfield."""
    blank = {**dict.fromkeys(schema.names), "feed_id": "list", "partner": PARTNER}
    return table([{**blank, **one} for one in found], schema)


def items(*found: Row) -> ir.Table:
    """Items as they speak for Northfield."""
    return per_partner(rows(ITEMS, *found), {PARTNER})


def ranged(*found: Row, on: Sequence[int] = (10,), known: ir.Table | None = None) -> ir.Table:
    """What an assortment ranges; without a series in a row that of the other tests."""
    listed = rows(ASSORTMENT, *({"location_id": STORE, "item_id": ITEM, **one} for one in found))
    dates = [day(number) for number in on]
    return ranged_on(per_partner(listed, {PARTNER}), items() if known is None else known, dates)


def with_blank_names(listed: ir.Table) -> ir.Table:
    """A list without any names."""
    return listed.mutate(**{name: ibis.null("string") for name in ("item_name", "location_name", "category")})


def statuses(
    found: Iterable[Row], listed: ir.Table | None, on: Sequence[int] = (10,), types: Mapping[str, str] | None = None
) -> dict[tuple[str, str], str]:
    """Status by (location, item) on one day."""
    listed = None if listed is None else with_blank_names(listed)
    table = checked(found, on, listed=listed, location_types=types or STORES_FEED)
    return {(location, item): row["status"] for (_, location, item), row in table.items()}


# --- the range -------------------------------------------------------------------------------------------------------


def test_without_an_assortment_the_range_is_what_was_stocked_or_sold() -> None:
    found = [*series({9: (5, 1), 10: (5, 1)}), *series({9: (0, 0), 10: (0, 0)}, item_id="nut")]
    assert statuses(found, None) == {(STORE, ITEM): "in_stock"}


def test_a_series_that_is_not_listed_does_not_count_though_it_sells() -> None:
    found = [*series({9: (5, 1), 10: (5, 1)}), *series({9: (5, 1), 10: (5, 1)}, item_id="nut")]
    assert statuses(found, ranged({})) == {(STORE, ITEM): "in_stock"}


def test_a_listed_series_counts_though_it_was_never_stocked() -> None:
    assert statuses(series({9: (0, 0), 10: (0, 0)}), ranged({})) == {(STORE, ITEM): "out_of_stock"}


def test_a_listed_series_that_was_never_reported_is_unknown_and_not_out() -> None:
    found = statuses(series({10: (5, 1)}), ranged({}, {"location_id": "0204"}))
    assert found == {(STORE, ITEM): "in_stock", ("0204", ITEM): "unknown"}


def test_a_listed_series_that_is_not_reported_today_stays_unknown() -> None:
    assert statuses(series({8: (5, 1)}), ranged({})) == {(STORE, ITEM): "unknown"}


def test_a_series_that_was_never_reported_is_lost_coverage_and_moves_no_rate() -> None:
    listed = with_blank_names(ranged({}, {"location_id": "0204"}))
    found = checked(series({10: (0, 0), 9: (5, 1)}), [10], listed=listed, location_types=STORES_FEED)
    whole = table(found.values(), AVAILABILITY)
    (row,) = [row for row in rows_of(kpis(whole)) if row["partner"] == PARTNER and row["category"] == ""]
    assert (row["ranged"], row["known"], row["coverage"], row["in_stock_rate"]) == (2, 1, 0.5, 0.0)


@pytest.mark.parametrize(
    ("first", "last", "is_ranged"),
    [
        (None, None, True),
        (10, None, True),
        (11, None, False),
        (None, 10, True),
        (None, 9, False),
        (10, 10, True),
        (1, 9, False),
    ],
)
def test_both_days_of_a_listing_belong_to_it(first: int | None, last: int | None, is_ranged: bool) -> None:
    listing = {"ranged_from": first and day(first), "ranged_to": last and day(last)}
    always = {"item_id": "nut"}  # keeps a list in force whatever becomes of the other one
    found = statuses(series({10: (5, 1)}), ranged(listing, always))
    assert ((STORE, ITEM) in found) is is_ranged


def test_a_partner_without_a_list_in_force_is_inferred() -> None:
    found = series({10: (5, 1)})
    assert statuses(found, ranged({"ranged_from": day(11), "item_id": "nut"})) == {(STORE, ITEM): "in_stock"}


def test_a_list_of_one_partner_says_nothing_about_another() -> None:
    found = [*series({10: (5, 1)}), *series({10: (5, 1)}, partner="westway", feed_id="westway_dcs", location_id="L1")]
    listed = ranged({"item_id": "nut"})
    types = {FEED: "store", "westway_dcs": "dc"}
    assert statuses(found, listed, types=types) == {("L1", ITEM): "in_stock", (STORE, "nut"): "unknown"}


def test_a_list_of_stores_says_nothing_about_warehouses() -> None:
    found = [*series({10: (5, 1)}, item_id="nut"), *series({10: (5, 1)}, feed_id="dcs", location_id="DC1")]
    types = {FEED: "store", "dcs": "dc"}
    of_stores, of_all = ranged({"location_type": "store"}), ranged({})
    assert statuses(found, of_stores, types=types) == {("DC1", ITEM): "in_stock", (STORE, ITEM): "unknown"}
    assert statuses(found, of_all, types=types) == {(STORE, ITEM): "unknown"}


def test_what_was_never_reported_is_at_a_place_of_the_kind_that_its_list_or_its_feeds_tell() -> None:
    stores, dcs = series({10: (5, 1)}), series({10: (5, 1)}, feed_id="dcs", location_id="DC1")
    types = {FEED: "store", "dcs": "dc"}

    def kinds(found: Iterable[Row], *listed: Row) -> dict[str, str]:
        rows = checked(found, [10], listed=with_blank_names(ranged(*listed)), location_types=types)
        return {key[1]: row["location_type"] for key, row in rows.items() if row["status"] == "unknown"}

    both, new = [*stores, *dcs], [{}, *({"location_id": "DC1", "item_id": one} for one in (ITEM, "rye"))]
    new.append({"location_id": "NEW"})
    assert kinds(both, *new) == {"NEW": "store", "DC1": "dc"}
    assert kinds(dcs, *new[1:]) == {"NEW": "dc", "DC1": "dc"}, "a distributor without stores"
    assert kinds(stores, {}, {"location_id": "NEW", "location_type": "dc"}) == {"NEW": "dc"}


def test_dates_checked_at_once_are_told_as_each_is_alone() -> None:
    dcs = series({4: (5, 1), 5: (5, 1), 10: (5, 1)}, feed_id="dcs", location_id="DC1")
    found, types = [*dcs, *series({9: (5, 1)}, location_id="NEW")], {FEED: "store", "dcs": "dc"}
    new = [{"location_id": "DC1"}, *({"location_id": "NEW", "item_id": one} for one in (ITEM, "rye"))]

    def told(*on: int) -> dict[tuple[int, str, str], dict[str, Any]]:
        return checked(found, on, listed=with_blank_names(ranged(*new, on=on)), location_types=types)

    together = told(5, 10)
    assert together == told(5) | told(10)
    assert {number: together[number, "NEW", "rye"]["location_type"] for number in (5, 10)} == {5: "dc", 10: "store"}


def test_an_own_number_in_a_list_stands_for_the_item_as_it_is_stored() -> None:
    known = items({"item_id": ITEM, "gtin": ITEM, "partner_item_id": "4711"})
    assert statuses(series({10: (5, 1)}), ranged({"item_id": "4711"}, known=known)) == {(STORE, ITEM): "in_stock"}


def test_a_series_listed_twice_has_one_row() -> None:
    twice = ranged({}, {"ranged_from": day(1)}, {"feed_id": "other list"})
    assert len(rows_of(with_blank_names(twice).filter(twice.location_type == "store"))) == 1


def test_a_list_changes_on_its_day() -> None:
    changing = ranged({"ranged_to": day(10)}, {"item_id": "nut", "ranged_from": day(11)}, on=(10, 11))
    listed = {(row["as_of"], row["item_id"]) for row in rows_of(changing)}
    assert listed == {(day(10), ITEM), (day(11), "nut")}


SERIES = st.tuples(st.sampled_from(["0118", "0204"]), st.sampled_from(["oat", "nut", "bar"]))


@settings(max_examples=20)
@given(reported=st.sets(SERIES), listed=st.sets(SERIES, min_size=1))
def test_what_counts_is_what_is_listed_and_only_that(
    reported: set[tuple[str, str]], listed: set[tuple[str, str]]
) -> None:
    found = [observation(10, 5, 1, location_id=place, item_id=item) for place, item in reported]
    counted = statuses(found, ranged(*({"location_id": place, "item_id": item} for place, item in listed)))
    assert counted == {one: "in_stock" if one in reported else "unknown" for one in listed}


# --- names -----------------------------------------------------------------------------------------------------------


def name_of(*known: Row, sent: str | None = None) -> str | None:
    """The item name of a series after the item masters filled it in."""
    found = observations([observation(1, 5, item_name=sent)])
    (row,) = rows_of(named(found, items(*known), "item_id", {"item_name": "item_name"}))
    assert set(row) == set(found.columns)
    return row["item_name"]  # type: ignore[no-any-return]


def test_a_name_is_filled_in_only_where_the_feed_has_none() -> None:
    assert name_of({"item_id": ITEM, "item_name": "Oat Bar"}) == "Oat Bar"
    assert name_of({"item_id": ITEM, "item_name": "Oat Bar"}, sent="OAT BAR 6P") == "OAT BAR 6P"
    assert name_of({"item_id": "nut", "item_name": "Nut Mix"}) is None


def test_the_partners_own_master_goes_before_ours_and_ours_before_nothing() -> None:
    ours = {"item_id": ITEM, "item_name": "Oat Bar", "partner": "", "feed_id": "a"}
    assert name_of(ours, {"item_id": ITEM, "item_name": "Bar, oat", "feed_id": "b"}) == "Bar, oat"
    assert name_of(ours, {"item_id": ITEM, "item_name": None, "feed_id": "b"}) == "Oat Bar"
    assert name_of(ours, {"item_id": ITEM, "item_name": "Barre", "partner": "westway", "feed_id": "b"}) == "Oat Bar"


@pytest.mark.parametrize(
    ("currency", "prices", "found"),
    [
        ("USD", {"": (3.0, "USD")}, (3.0, "USD")),
        (None, {"": (3.0, "USD")}, (3.0, "USD")),
        ("EUR", {"": (3.0, "USD")}, (None, None)),
        ("USD", {"": (3.0, "USD"), PARTNER: (2.5, "USD")}, (2.5, "USD")),
        ("USD", {"": (3.0, "USD"), PARTNER: (None, None)}, (3.0, "USD")),
        ("USD", {"": (3.0, "USD"), PARTNER: (0.0, "USD")}, (3.0, "USD")),
        (None, {"westway": (3.0, "USD")}, (None, None)),
    ],
)
def test_the_price_of_a_list_is_that_of_the_partner_or_ours_and_in_the_currency_of_the_feed(
    currency: str | None, prices: Mapping[str, tuple[float | None, str | None]], found: tuple[float | None, str | None]
) -> None:
    known = items(
        *(
            {"item_id": ITEM, "partner": partner, "feed_id": partner, "price": price, "currency": whose}
            for partner, (price, whose) in prices.items()
        )
    )
    schema = ibis.schema({"partner": "string", "item_id": "string", "currency": "string"})
    asked = table([{"partner": PARTNER, "item_id": one, "currency": currency} for one in (ITEM, "nut")], schema)
    told = {row["item_id"]: row for row in rows_of(with_list_price(asked, known))}
    assert (told[ITEM]["list_price"], told[ITEM]["list_currency"]) == found
    assert (told["nut"]["list_price"], told["nut"]["list_currency"]) == (None, None)


@pytest.mark.parametrize(
    ("price", "currency", "told"),
    [(None, None, (3.0, "USD")), (4.0, None, (4.0, None)), (4.0, "EUR", (4.0, "EUR")), (None, "EUR", (None, "EUR"))],
)
def test_the_price_of_a_list_counts_where_the_feed_has_none(
    price: float | None, currency: str | None, told: tuple[float | None, str | None]
) -> None:
    rows_told = series({1: (5, 1)}, price=price, currency=currency)
    found = checked(
        rows_told, [1], items=per_partner(items({"item_id": ITEM, "price": 3.0, "currency": "USD"}), {PARTNER})
    )
    assert (found[1, STORE, ITEM]["price"], found[1, STORE, ITEM]["currency"]) == told


def test_filling_in_names_neither_adds_nor_drops_a_row() -> None:
    found = observations(series({1: (5, 1), 2: (4, 1)}) + series({1: (3, 0)}, item_id="nut"))
    known = items(*({"item_id": ITEM, "item_name": name, "feed_id": name} for name in ("a", "b")))
    names = rows_of(named(found, known, "item_id", {"item_name": "item_name"}))
    assert sorted((row["item_id"], row["business_date"], row["item_name"]) for row in names if row["item_name"]) == [
        (ITEM, day(1), "a"),
        (ITEM, day(2), "a"),
    ]
    assert len(names) == 3


def test_rows_about_every_partner_speak_once_for_each() -> None:
    ours = rows(LOCATIONS, {"partner": "", "location_id": "1"}, {"partner": "westway", "location_id": "2"})
    found = {
        (row["partner"], row["location_id"], row["is_own"]) for row in rows_of(per_partner(ours, {"a", "westway"}))
    }
    assert found == {("a", "1", True), ("westway", "1", True), ("westway", "2", False)}

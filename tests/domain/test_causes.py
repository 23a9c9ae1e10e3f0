"""Why a series is out, suspected empty or at risk, and how far that reaches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import ibis
import pytest

from include.stockwatch.domain.causes import ScopeSettings, with_causes
from include.stockwatch.domain.columns import ASSORTMENT, ITEMS
from include.stockwatch.domain.transitions import planned
from tests.domain.tables import FEED, ITEM, PARTNER, STORE, day, rows_of, table
from tests.domain.test_chain import master

Row = Mapping[str, Any]
SCOPES = ScopeSettings()
DC_FEED = "northfield_dcs"
TABLE = ibis.schema(
    {
        "as_of": "date",
        "feed_id": "string",
        "partner": "string",
        "location_id": "string",
        "item_id": "string",
        "status": "string",
        "is_low": "boolean",
        "last_seen_date": "date",
        "last_sale_date": "date",
        "last_receipt_date": "date",
        "spell_start_date": "date",
        "inbound_units": "float64",
        "lead_time_days": "float64",
        "order_due_on": "date",
        "order_overdue_days": "float64",
        "on_order_since": "date",
        "last_waiting_date": "date",
        "overdue_units": "float64",
        "corrected_units": "float64",
        "spell_days": "int64",
        "receipt_interval_days": "float64",
        "demand_units_per_day": "float64",
    }
)
DCS = ibis.schema(
    {
        "as_of": "date",
        "partner": "string",
        "location_id": "string",
        "item_id": "string",
        "dc_id": "string",
        "dc_partner": "string",
        "is_told": "boolean",
    }
)
OUTAGES = ibis.schema(
    {"as_of": "date", "dc_partner": "string", "dc_id": "string", "item_id": "string", "out_date": "date"}
    | {"out_since": "date", "out_days": "int64"}
)
PLACES = ibis.schema({"partner": "string", "location_id": "string", "region": "string", "is_active": "boolean"})
KEY = {"as_of": day(10), "partner": PARTNER, "location_id": STORE, "item_id": ITEM}


def series(status: str = "out_of_stock", **more: Any) -> dict[str, Any]:
    """A series on day 10; out since day 8, the last receipt on day 4, of orders nothing known."""
    row: dict[str, Any] = dict.fromkeys(TABLE.names) | KEY | {"feed_id": FEED, "status": status}
    row |= {"last_seen_date": day(10), "last_sale_date": day(8), "last_receipt_date": day(4), "lead_time_days": 2.0}
    if status == "out_of_stock":
        row |= {"spell_start_date": day(8), "spell_days": 3, "demand_units_per_day": 2.0}
    return row | more


def ordered(since: int, until: int = 10, due: int = 11, **more: Any) -> dict[str, Any]:
    """The same series with twelve units on order from one day to another."""
    dates = {"on_order_since": day(since), "last_waiting_date": day(until), "order_due_on": day(due)}
    return series(inbound_units=12.0, **dates, **more)


def dc(first: int | None = 6, last: int = 10, **more: Any) -> dict[str, Any]:
    """The DC D1 of the partner behind the series of the other tests, out from one day to another."""
    link = KEY | {"dc_id": "D1", "dc_partner": PARTNER, "is_told": True} | more
    days = [] if first is None else range(first, last + 1)
    return {"link": link, "days": [day(number) for number in days]}


def outages(dcs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Days out of DCs."""
    key = ("as_of", "dc_partner", "dc_id", "item_id")
    return [
        {name: one["link"][name] for name in key} | {"out_date": date, "out_since": one["days"][0], "out_days": number}
        for one in dcs
        for number, date in enumerate(one["days"], start=1)
    ]


def explained(
    found: list[dict[str, Any]],
    dcs: list[dict[str, Any]] | None = None,
    places: list[dict[str, Any]] | None = None,
    items: list[Row] | None = None,
    assortment: list[Row] | None = None,
    scopes: ScopeSettings = SCOPES,
) -> dict[tuple[str, str], dict[str, Any]]:
    """Every series with its cause, by (location, item)."""
    facts = table(found, TABLE)
    where = table(places or [], PLACES)
    plan = planned(
        facts,
        facts,
        master(ITEMS, *items) if items else None,
        master(ASSORTMENT, *assortment) if assortment else None,
        where,
    )
    served = table([one["link"] for one in dcs or []], DCS).distinct()
    rows = rows_of(
        with_causes(facts, facts, served, table(outages(dcs or []), OUTAGES), plan, where, {DC_FEED}, scopes)
    )
    assert len(rows) == len(found), "a series is lost or has two rows"
    return {(row["location_id"], row["item_id"]): row for row in rows}


def one(row: dict[str, Any], dcs: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """The series of the other tests with its cause."""
    return explained([row], dcs, **more)[STORE, ITEM]


def evidence(row: Mapping[str, Any]) -> list[str]:
    """The causes that the evidence names, in order; those not known with a question mark."""
    texts = [text.split(": ", 1) for text in json.loads(row["cause_evidence"])]
    return [cause + ("?" if text.startswith("not known") else "") for cause, text in texts]


UNSURE = ["distributor_dc?", "retailer_dc?", "not_ordered?", "not_delivered?"]


def test_what_is_in_stock_has_no_cause() -> None:
    found = one(series("in_stock"))
    assert (found["cause"], found["scope"], found["cause_evidence"]) == (None, None, None)


def test_of_what_nothing_is_known_nothing_is_denied() -> None:
    found = one(series())
    assert found["cause"] == "unknown"
    assert evidence(found) == ["unknown", *UNSURE]


def test_without_a_report_the_feed_is_the_cause() -> None:
    found = one(series("unknown", last_seen_date=day(7)))
    assert found["cause"] == "feed"
    assert json.loads(found["cause_evidence"])[0] == f"feed: no report of its stock, the last of {day(7)}"


def test_a_dc_that_was_out_when_the_store_ran_out_is_the_cause() -> None:
    found = one(series(), [dc()])
    assert (found["cause"], found["scope"], found["scope_id"]) == ("retailer_dc", "dc", "D1")
    assert json.loads(found["cause_evidence"])[0] == f"retailer_dc: D1 was out on 5 days, {day(6)} to {day(10)}"


def test_a_dc_of_another_partner_is_a_distributors() -> None:
    found = one(series(), [dc(dc_partner="westway", dc_id="W1")])
    assert (found["cause"], found["scope_id"]) == ("distributor_dc", "W1")
    assert (
        json.loads(found["cause_evidence"])[0]
        == f"distributor_dc: W1 of westway was out on 5 days, {day(6)} to {day(10)}"
    )


def depot(status: str = "out_of_stock", began: int | None = 6, **more: Any) -> dict[str, Any]:
    """The DC D1 as a series of its own."""
    dates = {"spell_start_date": None if began is None else day(began), "last_receipt_date": day(3), **more}
    return series(status, location_id="D1", feed_id=DC_FEED, **dates)


def test_a_distributors_dc_behind_the_retailers_takes_the_blame() -> None:
    behind = dc(4, 10, location_id="D1", dc_id="W1", dc_partner="westway")
    found = explained([series(), depot()], [dc(), behind])
    store = found[STORE, ITEM]
    assert (store["cause"], store["scope_id"]) == ("distributor_dc", "W1")
    assert evidence(store)[:2] == ["distributor_dc", "retailer_dc"]
    assert found["D1", ITEM]["cause"] == "distributor_dc"


def test_a_distributors_dc_does_not_take_the_blame_where_the_retailers_had_stock() -> None:
    behind = dc(4, 10, location_id="D1", dc_id="W1", dc_partner="westway")
    found = explained([series(), depot("in_stock", None)], [dc(None), behind])
    assert found[STORE, ITEM]["cause"] == "unknown"


def test_a_distributors_dc_that_ran_out_after_the_retailers_is_not_to_blame() -> None:
    behind = dc(8, 10, location_id="D1", dc_id="W1", dc_partner="westway")
    assert explained([series(), depot()], [dc(), behind])[STORE, ITEM]["cause"] == "retailer_dc"


def test_a_dc_in_stock_is_no_cause_and_no_evidence() -> None:
    assert evidence(one(series(), [dc(None)])) == ["unknown", "not_ordered?", "not_delivered?"]


def test_a_dc_that_ran_out_after_the_store_is_no_cause() -> None:
    assert one(series(), [dc(9)])["cause"] == "unknown"


def test_a_dc_that_is_back_in_stock_is_the_cause_until_the_store_is_served() -> None:
    assert one(series(), [dc(5, 7)])["cause"] == "retailer_dc"
    assert one(series(last_receipt_date=day(9)), [dc(5, 7)])["cause"] == "unknown"


def test_a_dc_outage_that_ended_long_before_is_no_cause() -> None:
    assert one(series(), [dc(4, 5)])["cause"] == "unknown"
    assert one(series(lead_time_days=3.0), [dc(4, 5)])["cause"] == "retailer_dc"


def test_a_second_dc_that_could_serve_the_store_clears_the_first() -> None:
    assert one(series(), [dc(), dc(None, dc_id="D2")])["cause"] == "unknown"


def test_a_dc_of_which_nothing_is_known_clears_nobody() -> None:
    assert one(series(), [dc(), dc(None, dc_id="D2", is_told=False, dc_partner=None)])["cause"] == "retailer_dc"


def test_nothing_on_order_is_the_cause_where_the_feed_tells_of_orders() -> None:
    found = one(series(inbound_units=0.0))
    assert found["cause"] == "not_ordered"
    assert json.loads(found["cause_evidence"])[0] == f"not_ordered: nothing is on order, last receipt {day(4)}"


def test_an_overdue_order_is_not_delivered() -> None:
    found = one(ordered(5, due=7, order_overdue_days=3.0))
    assert found["cause"] == "not_delivered"
    assert json.loads(found["cause_evidence"])[0] == f"not_delivered: an order is overdue since {day(7)}"


def test_units_that_are_overdue_among_others_are_not_delivered() -> None:
    found = one(ordered(5, due=14, overdue_units=4.0))
    assert found["cause"] == "not_delivered"
    assert json.loads(found["cause_evidence"])[0] == "not_delivered: an order is overdue", "only a later one has a date"


def test_an_order_that_is_not_late_was_placed_too_late() -> None:
    found = one(ordered(10), [dc(None)])
    assert json.loads(found["cause_evidence"]) == [f"not_ordered: ordered too late or too little, due on {day(11)}"]


def test_an_order_that_waits_at_a_dc_that_is_out_is_the_dcs_matter() -> None:
    found = one(ordered(5, due=7, order_overdue_days=3.0), [dc(9)])
    assert evidence(found) == ["retailer_dc", "not_delivered", "distributor_dc?"]


def test_an_order_that_a_dc_sent_before_it_ran_out_is_not_its_matter() -> None:
    assert one(ordered(5, until=6, order_overdue_days=3.0), [dc(7)])["cause"] == "not_delivered"


def test_what_is_in_transit_and_never_was_seen_to_wait_is_not_a_dcs_matter() -> None:
    sent = series(inbound_units=12.0, on_order_since=day(5), order_overdue_days=3.0)
    assert one(sent, [dc(7)])["cause"] == "not_delivered"


def test_an_order_of_after_an_outage_is_not_the_dcs_matter() -> None:
    assert one(ordered(10), [dc(5, 9)])["cause"] == "not_ordered"


def test_a_dc_that_could_send_a_lead_time_ago_is_not_to_blame() -> None:
    assert one(ordered(5, order_overdue_days=3.0), [dc(5, 7)])["cause"] == "not_delivered"
    assert one(ordered(5, order_overdue_days=3.0), [dc(5, 8)])["cause"] == "retailer_dc"


def test_a_dc_of_which_nothing_was_ordered_is_not_to_blame() -> None:
    assert one(series(inbound_units=0.0), [dc()])["cause"] == "not_ordered"
    assert one(series(inbound_units=0.0, last_waiting_date=day(3)), [dc()])["cause"] == "not_ordered"


def test_a_dc_that_was_out_and_not_asked_is_evidence() -> None:
    """A-12: what does not count is kept."""
    texts = json.loads(one(series(inbound_units=0.0), [dc()])["cause_evidence"])
    assert texts[1] == f"retailer_dc: D1 was out on 5 days, {day(6)} to {day(10)}, and no order waited there"
    far = dc(dc_partner="westway", dc_id="W1")
    assert evidence(one(series(inbound_units=0.0), [far]))[:2] == ["not_ordered", "distributor_dc"]


def test_a_dc_that_was_back_in_time_for_an_order_is_no_evidence_where_none_was_placed() -> None:
    assert evidence(one(series(inbound_units=0.0), [dc(5, 7)]))[:1] == ["not_ordered"]
    assert "retailer_dc" not in evidence(one(series(inbound_units=0.0), [dc(5, 7)]))


def test_where_orders_are_filled_before_they_are_seen_none_on_order_clears_no_dc() -> None:
    found = one(series(inbound_units=0.0, lead_time_days=0.0), [dc(7)])
    assert evidence(found)[:2] == ["retailer_dc", "not_ordered"]
    assert one(series(inbound_units=0.0, lead_time_days=0.0), [dc(9)])["cause"] == "not_ordered", "it ran out later"
    came = series(inbound_units=0.0, lead_time_days=0.0, last_receipt_date=day(9))
    assert one(came, [dc(7, 8)])["cause"] == "not_ordered", "it was served since"


@pytest.mark.parametrize("until", [9, 7])
def test_an_order_that_went_away_without_a_receipt_was_the_dcs_matter(until: int) -> None:
    """However long ago, as long as the DC has nothing to send."""
    found = one(series(inbound_units=0.0, last_waiting_date=day(until)), [dc()])
    assert evidence(found)[:2] == ["retailer_dc", "not_ordered"]


def test_an_order_that_went_away_before_the_outage_or_long_after_it_is_not_the_dcs_matter() -> None:
    assert one(series(inbound_units=0.0, last_waiting_date=day(5)), [dc()])["cause"] == "not_ordered"
    assert one(series(inbound_units=0.0, last_waiting_date=day(6)), [dc(5, 7)])["cause"] == "not_ordered"


def test_an_outage_is_told_from_its_first_day_on() -> None:
    found = one(series(), [dc(1, 6), dc(8, 8)])
    assert json.loads(found["cause_evidence"])[0] == f"retailer_dc: D1 was out on 7 days, {day(1)} to {day(8)}"
    found = one(series(), [dc(1, 2), dc(8, 8)])
    assert json.loads(found["cause_evidence"])[0] == f"retailer_dc: D1 was out on 1 day, {day(8)} to {day(8)}"


def test_a_record_that_was_set_to_zero_without_a_sale_was_phantom_stock() -> None:
    found = one(series(inbound_units=0.0, corrected_units=6.0, receipt_interval_days=7.0))
    assert found["cause"] == "phantom"
    text = json.loads(found["cause_evidence"])[0]
    assert text == f"phantom: the record lost stock without a sale by {day(8)}"


def test_a_correction_that_would_not_have_lasted_until_today_is_no_cause() -> None:
    assert one(series(inbound_units=0.0, corrected_units=5.0, receipt_interval_days=7.0))["cause"] == "not_ordered"


def test_a_corrected_record_that_nobody_ordered_for_in_its_time_is_not_ordered() -> None:
    found = one(series(inbound_units=0.0, corrected_units=6.0, receipt_interval_days=2.0))
    assert evidence(found)[:2] == ["not_ordered", "phantom"]


def test_an_order_that_is_not_late_explains_no_risk() -> None:
    found = one({**ordered(10), "status": "at_risk", "spell_start_date": None}, [dc(None)])
    assert evidence(found) == ["unknown"]


def test_a_silent_shelf_is_phantom_stock() -> None:
    found = one(series("phantom_suspected", inbound_units=0.0), [dc()])
    assert (found["cause"], found["scope"]) == ("phantom", "store")
    assert evidence(found) == ["phantom"]


def test_what_is_suspected_empty_with_little_on_record_ran_low_for_a_reason() -> None:
    """A unit is left on record, nobody has sold it for days, and twelve wait at a DC that is out."""
    waiting = ordered(6) | {"status": "phantom_suspected", "is_low": True, "spell_start_date": day(8)}
    found = one(waiting, [dc()])
    assert (found["cause"], found["scope"], found["scope_id"]) == ("retailer_dc", "dc", "D1")
    assert evidence(found)[:2] == ["retailer_dc", "phantom"]
    assert one(waiting | {"inbound_units": 0.0})["cause"] == "not_ordered"
    assert one(waiting | {"is_low": False}, [dc()])["cause"] == "phantom", "much is left on record: nothing ran low"


def test_a_shelf_that_stays_silent_after_a_receipt_was_not_filled() -> None:
    assert one(series("phantom_suspected", last_receipt_date=day(9)))["cause"] == "shelf"
    at_dc = series("phantom_suspected", last_receipt_date=day(9), feed_id=DC_FEED)
    assert one(at_dc)["cause"] == "phantom", "a DC has no shelf"


def test_an_item_that_ended_is_planned() -> None:
    found = one(series(), items=[{"item_id": ITEM, "active_to": day(9)}])
    assert found["cause"] == "planned"
    assert json.loads(found["cause_evidence"])[0] == f"planned: the item ended on {day(9)}"


@pytest.mark.parametrize("dates", [{"active_to": day(10)}, {"active_from": day(10)}, {}])
def test_an_item_that_is_active_is_not_planned_to_be_out(dates: dict[str, Any]) -> None:
    assert one(series(), items=[{"item_id": ITEM, **dates}])["cause"] != "planned"


def test_planned_goes_before_the_dc() -> None:
    found = one(series(), [dc()], items=[{"item_id": ITEM, "active_from": day(11)}])
    assert evidence(found)[:2] == ["planned", "retailer_dc"]
    assert found["scope"] == "store"


def test_an_item_whose_successor_is_ranged_here_is_planned() -> None:
    items = [{"item_id": ITEM, "successor_gtin": "oat2"}]
    found = explained([series(), series("in_stock", item_id="oat2")], items=items)
    assert found[STORE, ITEM]["cause"] == "planned"


def test_a_successor_at_another_store_plans_nothing_here() -> None:
    items = [{"item_id": ITEM, "successor_gtin": "oat2"}]
    found = explained([series(), series("in_stock", item_id="oat2", location_id="0204")], items=items)
    assert found[STORE, ITEM]["cause"] == "unknown"


def test_an_item_whose_range_ended_is_planned() -> None:
    ranged = {"location_id": STORE, "item_id": ITEM, "ranged_to": day(9)}
    assert one(series(), assortment=[ranged])["cause"] == "planned"
    assert one(series(), assortment=[ranged, {**ranged, "ranged_to": None}])["cause"] == "unknown"


def test_an_item_before_its_range_begins_is_planned() -> None:
    assert one(series(), assortment=[{"location_id": STORE, "item_id": ITEM, "ranged_from": day(11)}])["cause"] == (
        "planned"
    )


def test_a_closed_location_is_planned() -> None:
    place = {"partner": PARTNER, "location_id": STORE, "region": None, "is_active": False}
    assert one(series(), places=[place])["cause"] == "planned"


def test_a_series_of_which_two_feeds_speak_has_the_cause_of_each() -> None:
    facts = table([series(), series("unknown", feed_id=DC_FEED)], TABLE)
    nothing, nowhere = table([], DCS), table([], PLACES)
    found = rows_of(
        with_causes(facts, facts, nothing, table([], OUTAGES), planned(facts, facts), nowhere, {DC_FEED}, SCOPES)
    )
    assert sorted((row["feed_id"], row["cause"]) for row in found) == sorted([(FEED, "unknown"), (DC_FEED, "feed")])


def test_ids_with_quotes_make_valid_evidence() -> None:
    found = one(series(), [dc(dc_id='D"1\\')])
    assert json.loads(found["cause_evidence"])[0].startswith('retailer_dc: D"1\\ was out')


def stores(out: int, known: int, **more: Any) -> list[dict[str, Any]]:
    """Stores s0, s1, … of which the first are out."""
    return [
        series("out_of_stock" if number < out else "in_stock", location_id=f"s{number}", **more)
        for number in range(known)
    ]


def behind(count: int, first: int = 0, dc_id: str = "D1", **more: Any) -> list[dict[str, Any]]:
    """The DC of stores, in stock."""
    return [dc(None, location_id=f"s{number}", dc_id=dc_id, **more) for number in range(first, first + count)]


def scopes(*arguments: Any, **more: Any) -> set[tuple[str, str]]:
    """Scopes of what is out, with their ids."""
    found = explained(*arguments, **more).values()
    return {(row["scope"], row["scope_id"]) for row in found if row["status"] == "out_of_stock"}


def test_one_store_is_a_matter_of_its_own() -> None:
    assert scopes(stores(1, 10)) == {("store", "s0")}


def test_most_stores_of_a_partner_are_one_matter() -> None:
    assert scopes(stores(8, 10)) == {("partner", PARTNER)}


def test_stores_that_nothing_is_known_of_do_not_count() -> None:
    silent = [series("unknown", location_id=f"u{number}") for number in range(30)]
    assert scopes(stores(8, 10) + silent) == {("partner", PARTNER)}


def test_two_stores_are_too_few_to_be_one_matter() -> None:
    assert scopes(stores(2, 2)) == {("store", "s0"), ("store", "s1")}


def test_most_stores_of_a_dc_are_one_matter_though_the_dc_is_in_stock() -> None:
    assert scopes(stores(4, 20), behind(6) + behind(14, 6, "D2")) == {("dc", "D1")}


def test_most_stores_of_a_region_are_one_matter() -> None:
    places = [
        {
            "partner": PARTNER,
            "location_id": f"s{number}",
            "region": "north" if number < 6 else "south",
            "is_active": None,
        }
        for number in range(20)
    ]
    assert scopes(stores(4, 20), places=places) == {("region", "north")}


def test_a_store_that_two_feeds_tell_of_is_one_store() -> None:
    stores = [series(location_id=store, feed_id=feed) for store in (STORE, "0204") for feed in (FEED, "portal")]
    assert {row["scope"] for row in explained(stores).values()} == {"store"}, "two are no partner"


def test_another_item_does_not_widen_the_scope() -> None:
    assert scopes([*stores(2, 10), *stores(9, 10, item_id="nut")]) == {
        ("store", "s0"),
        ("store", "s1"),
        ("partner", PARTNER),
    }


def test_a_dc_that_is_out_is_its_own_scope() -> None:
    found = one(series(feed_id=DC_FEED, inbound_units=0.0))
    assert (found["cause"], found["scope"], found["scope_id"]) == ("not_ordered", "dc", STORE)


def test_dates_do_not_mix() -> None:
    rows = [series(), series("in_stock", as_of=day(11))]
    facts, nowhere, late = table(rows, TABLE), table([], PLACES), [dc(as_of=day(11))]
    served = table([one["link"] for one in late], DCS)
    found = rows_of(
        with_causes(
            facts,
            facts,
            served,
            table(outages(late), OUTAGES),
            planned(facts, facts),
            nowhere,
            {DC_FEED},
            ScopeSettings(),
        )
    )
    assert {row["as_of"]: row["cause"] for row in found} == {day(10): "unknown", day(11): None}

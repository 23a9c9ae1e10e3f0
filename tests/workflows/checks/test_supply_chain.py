"""Which DCs are out, as a check reads it from the reports of DCs and of the stores that order there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.stockwatch.domain.columns import SUPPLY_LINKS
from include.stockwatch.domain.master import per_partner
from tests.domain.tables import PARTNER, STORE, checked, day, observation, table

DC_FEED = "northfield_dcs"
TYPES = {"northfield_stores": "store", DC_FEED: "dc"}


def reported(dc_units: float, other_order: float | None = None) -> list[dict[str, Any]]:
    """Twenty days: on day 15 a store orders a case of 6 of a DC that has held so many units since day 12, gets nothing,
    and is out from day 17 on. Another store may have an order there too."""
    rows = []
    for number in range(1, 21):
        on_hand, waits = max(17.0 - number, 0.0), 6.0 if number >= 15 else 0.0
        sold = 1.0 if number <= 17 else 0.0
        rows.append(observation(number, on_hand, sold, on_order_units=waits, in_transit_units=0.0, received_units=0.0))
        rows.append(observation(number, 60.0 if number < 12 else dc_units, 0.0, location_id="D1", feed_id=DC_FEED))
        if other_order is not None:
            rows.append(observation(number, 9.0, 1.0, location_id="0200", on_order_units=other_order))
    return rows


@pytest.mark.parametrize(
    ("dc_units", "other_order", "cause"),
    [
        pytest.param(0.0, None, "retailer_dc", id="nothing"),
        pytest.param(5.0, None, "retailer_dc", id="less than a case"),
        pytest.param(6.0, None, "not_ordered", id="a case"),
        pytest.param(5.0, 2.0, "not_ordered", id="as much as another store orders"),
    ],
)
def test_a_dc_that_holds_less_than_the_smallest_order_there_is_out(
    dc_units: float, other_order: float | None, cause: str
) -> None:
    blank = {**dict.fromkeys(SUPPLY_LINKS.names), "feed_id": "links", "partner": PARTNER, "dc_id": "D1"}
    links = table([{**blank, "location_id": place} for place in (STORE, "0200")], SUPPLY_LINKS)
    found = checked(
        reported(dc_units, other_order), [20], location_types=TYPES, supply_links=per_partner(links, {PARTNER})
    )
    assert found[20, STORE, "oat"]["cause"] == cause


def with_an_outage(ordered_on: int, sent_on: int | None) -> list[dict[str, Any]]:
    """Twenty days: what a store orders comes two days later, what its DC orders three days later. The DC D2 is out from
    day 14 on; what it ordered on another day is sent to it on a third, or nothing tells of that. D1 has stock and serves
    nobody."""
    rows = []
    for number in range(1, 21):
        waits, received = 8.0 if number in (4, 5) or number >= 16 else 0.0, 8.0 if number == 6 else 0.0
        told = {"on_order_units": waits, "in_transit_units": 0.0, "received_units": received}
        rows.append(observation(number, 25.0 - number, 1.0, **told))
        is_sent = sent_on is not None and number >= sent_on
        dc = {"on_order_units": 60.0 if 4 <= number < 7 or (number >= ordered_on and not is_sent) else 0.0}
        dc["received_units"] = 60.0 if number == 7 else 0.0
        if sent_on is not None:
            dc["in_transit_units"] = 60.0 if is_sent else 0.0
        on_hand = 60.0 if number < 14 else 0.0
        rows.append(observation(number, 60.0, 0.0, location_id="D1", feed_id=DC_FEED))
        rows.append(observation(number, on_hand, 0.0, location_id="D2", feed_id=DC_FEED, **dc))
    return rows


@pytest.mark.parametrize(
    ("ordered_on", "sent_on", "expected"),
    [
        pytest.param(14, 19, day(20 + 2 + 1), id="sent the day before"),
        pytest.param(14, 20, day(20 + 3 + 1), id="sent today"),
        pytest.param(14, 21, None, id="not sent"),
        pytest.param(19, None, day(20 + 2 + 1), id="nothing tells of what is sent, and the order is due"),
        pytest.param(14, None, None, id="nothing tells of what is sent, and the order is late"),
    ],
)
def test_what_waits_at_a_dc_that_is_out_comes_after_what_is_under_way_to_the_dc(
    ordered_on: int, sent_on: int | None, expected: dt.date | None
) -> None:
    """The DC is back a lead time after it was sent something, and sends it on at once: that takes a day more."""
    blank = {**dict.fromkeys(SUPPLY_LINKS.names), "feed_id": "links", "partner": PARTNER, "dc_id": "D2"}
    links = per_partner(table([{**blank, "location_id": STORE}], SUPPLY_LINKS), {PARTNER})
    found = checked(with_an_outage(ordered_on, sent_on), [20], location_types=TYPES, supply_links=links)
    assert found[20, STORE, "oat"]["next_receipt_on"] == expected

"""Which DCs are out, as a check reads it from the reports of DCs and of the stores that order there."""

from __future__ import annotations

from typing import Any

import pytest

from include.stockwatch.domain.columns import SUPPLY_LINKS
from include.stockwatch.domain.master import per_partner
from tests.domain.tables import PARTNER, STORE, checked, observation, table

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

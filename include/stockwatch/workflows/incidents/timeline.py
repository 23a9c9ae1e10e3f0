"""What was reported of an incident's item day by day, and what was expected to sell: one query for board and Slack."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from include.stockwatch.workflows.services import Services

Place = tuple[str, str]
"""Partner and location."""


def days(
    services: Services,
    item_id: str,
    first: dt.date,
    last: dt.date,
    *,
    partner: str | None = None,
    places: Collection[Place] = (),
) -> list[dict[str, Any]]:
    """Each day on which anything is known of an item at a partner, or at some places, in order.

    Grain:  (business_date)
    Units:  sums over the locations that reported the date; what sold and was received is of the `flow_days` that end
            with it, if they are more than one; `ordered` is on order or in transit; `variance` is that of negative
            binomial days, dispersion x expected, and of the rate itself, expected squared / a (docs/availability.md)
    Nulls:  what no location tells is missing from the day. A checked date has the stock that the check went by, so that
            a feed that leaves out what it has none of, or what did not change, makes no gap
    """
    import ibis

    lake = services.lake
    seen, told = (lake.table(name, first=first, last=last) for name in ("observations", "availability"))

    def of_item(table: Any) -> Any:
        table = table.filter(table.item_id == item_id, table.business_date.between(first, last))
        if partner is not None:
            table = table.filter(table.partner == partner)
        if not places:
            return table
        wanted = ibis.memtable(
            {"partner": [one for one, _ in places], "location_id": [one for _, one in places]},
            schema=ibis.schema({"partner": "string", "location_id": "string"}),
        )
        return table.semi_join(wanted, ["partner", "location_id"])

    seen, told = of_item(seen), of_item(told)
    seen = seen.filter(seen.on_hand_units.notnull() | seen.feed_id.isin(list(services.settings.adds_to())))
    on_order, in_transit = seen.on_order_units.sum(), seen.in_transit_units.sum()
    reported = seen.group_by("business_date").agg(
        on_hand=seen.on_hand_units.sum(),
        sold=seen.units_sold.sum(),
        received=seen.received_units.sum(),
        ordered=ibis.coalesce(on_order + in_transit, on_order, in_transit),
        flow_days=seen.flow_days.max().nullif(1),
    )
    mean = told.expected_units_today
    spread = mean * told.dispersion.fill_null(1.0) + mean * mean / told.demand_a.nullif(0.0)
    on_hand = told.on_hand_units.sum(where=told.last_seen_date == told.business_date)
    expected = told.group_by("business_date").agg(expected=mean.sum(), variance=spread.sum(), on_hand=on_hand)
    found: dict[dt.date, dict[str, Any]] = {}
    for table in (reported, expected):
        for row in lake.engine.to_pyarrow(table).to_pylist():
            known = {name: value for name, value in row.items() if value is not None}
            found.setdefault(row["business_date"], {}).update(known)
    return [found[date] for date in sorted(found)]

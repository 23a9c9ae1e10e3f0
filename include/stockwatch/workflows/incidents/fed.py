"""Which stores a DC feeds with an item, as the supply links of the date say."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping

from include.stockwatch.alerting.grouping import Dcs, Group, whose
from include.stockwatch.domain.chain import links_on, serving
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.workflows import master
from include.stockwatch.workflows.incidents.day import Day
from include.stockwatch.workflows.services import Services

Stores = frozenset[tuple[str, str]]
"""Partner and location of each."""
NOT_KNOWN: Mapping[Group, Stores] = {}


def fed_by(services: Services, day: Day, groups: Collection[Group]) -> dict[Group, Stores]:
    """The stores that some DCs feed, directly or through a DC that they feed; one without supply links has no entry."""
    if not groups or services.lake.version("supply_links") is None:
        return {}
    served = _served(services, day.date, day, {group.item_id for group in groups})
    found = {}
    for group in groups:
        stores = _stores(group, served, day)
        if stores:
            found[group] = frozenset(stores)
    return found


Served = Mapping[tuple[str, str], list[tuple[str, str]]]
"""DC and item -> partner and location of what it serves."""


def _served(services: Services, date: dt.date, day: Day, items: Collection[str]) -> Served:
    import ibis
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = day.table.filter(pc.is_in(day.table["item_id"], value_set=pa.array(sorted(items), pa.string())))
    series = chosen.select(["partner", "location_id", "item_id"])
    series = series.append_column(AS_OF, pa.array([date] * len(series), pa.date32()))
    known = master.master_data(services, [date])
    links = serving(ibis.memtable(series), links_on(known.supply_links, known.items, [date]))
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in services.lake.engine.to_pyarrow(links).to_pylist():
        found[row["dc_id"], row["item_id"]].append((row["partner"], row["location_id"]))
    return found


def _stores(group: Group, served: Served, day: Day) -> set[tuple[str, str]]:
    """What a DC serves, and what the DCs among that serve in their turn, whether the date tells of them or not."""
    places = {
        (partner, location)
        for partner, location in served.get((group.scope, group.item_id), ())
        if _is_served_by(partner, group, day.dcs)
    }
    through = places & {(one.partner, one.location_id) for one in day.seen(group.item_id) if one.is_dc}
    for partner, dc_id in through:
        places |= {place for place in served.get((dc_id, group.item_id), ()) if place[0] == partner}
    return places - through


def _is_served_by(partner: str, group: Group, dcs: Dcs) -> bool:
    """Whether the DC that a partner's link names is the one that is meant: its own goes before a distributor's."""
    own = whose(partner, group.scope, group.item_id, dcs, is_own=True)
    return (own or whose(partner, group.scope, group.item_id, dcs, is_own=False)) in (group.partner, None)

"""What master data add to a check. Works without any, and says so."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.domain.master import NAMES, PLACES, named, per_partner, ranged_on
from include.stockwatch.domain.signals import Heard
from include.stockwatch.workflows import signals
from include.stockwatch.workflows.rules import MasterData
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import ibis.expr.types as ir


def _table(services: Services, table: str) -> ir.Table:
    """The rows of a table of master data that count."""
    return services.lake.table(table, feeds=services.settings.master_ids())


def _per_partner(services: Services, table: str) -> ir.Table:
    return per_partner(_table(services, table), {feed.partner for feed in services.settings.feeds.values()})


def with_names(services: Services, rows: ir.Table) -> ir.Table:
    """Rows of series with the names and categories that the master data have where the feed has none."""
    if services.lake.version("items") is not None:
        rows = named(rows, _per_partner(services, "items"), "item_id", NAMES)
    if services.lake.version("locations") is not None:
        rows = named(rows, _per_partner(services, "locations"), "location_id", PLACES)
    return rows


def with_location_types(services: Services, rows: ir.Table) -> ir.Table:
    """Rows of availability with their kind of place where they lack it: they were checked before it was told.

    It is that of their feed; of what no feed spoke of that of the location master, or of all feeds of the partner.
    """
    import ibis

    feeds = services.settings.feeds
    of_partner: dict[str, set[str]] = defaultdict(set)
    for feed in feeds.values():
        of_partner[feed.partner].add(feed.location_type)
    told = [(rows.feed_id == feed_id, feed.location_type) for feed_id, feed in feeds.items()]
    found = rows.mutate(location_type=ibis.coalesce(rows.location_type, _cases(told)))
    if services.lake.version("locations") is not None:
        found = named(found, _per_partner(services, "locations"), "location_id", {"location_type": "location_type"})
    told = [(found.partner == partner, *kinds) for partner, kinds in of_partner.items() if len(kinds) == 1]
    return found.mutate(location_type=ibis.coalesce(found.location_type, _cases(told)))


def _cases(told: Sequence[tuple[Any, ...]]) -> ir.StringValue:
    import ibis

    return ibis.cases(*told, else_=ibis.null("string")) if told else ibis.null("string")


def master_data(services: Services, dates: Sequence[dt.date]) -> MasterData:
    """All master data that count for a check of some dates."""
    return MasterData(
        **{name: _per_partner(services, name) for name in ("items", "locations", "supply_links", "assortment")},
        listed=listed_on(services, dates),
        heard=_heard(services, dates),
    )


def _heard(services: Services, dates: Sequence[dt.date]) -> Heard | None:
    said = signals.not_found(services, dates)
    if said is None:
        return None
    return Heard(said, services.settings.signals.not_found, signals.ratio(services, min(dates)))


def listed_on(services: Services, dates: Sequence[dt.date]) -> ir.Table | None:
    """The series that an assortment ranges on some dates, with their names; none where there never was one."""
    import ibis

    if services.lake.version("assortment") is None:
        return None
    listed = ranged_on(_per_partner(services, "assortment"), _per_partner(services, "items"), dates)
    blank = {name: ibis.null("string") for name in (*NAMES, *PLACES)}
    return with_names(services, listed.mutate(**blank))


def unsaid(services: Services, dates: Sequence[dt.date]) -> dict[str, list[str]]:
    """What no master data say, by partner, and what that means for a check of some dates."""
    partners = {feed.partner for feed in services.settings.feeds.values()}
    lists = listed_on(services, dates)
    lacking = {
        "no item master: every item that a feed names is taken": _per_partner(services, "items"),
        "no location master: every location that a feed names is taken": _per_partner(services, "locations"),
        "no assortment: the range is inferred from what was sold or stocked": lists,
    }
    served = {what: set() if rows is None else _partners(services, rows) for what, rows in lacking.items()}
    return {one: [what for what, known in served.items() if one not in known] for one in sorted(partners)}


def _partners(services: Services, rows: ir.Table) -> set[str]:
    return set(services.lake.engine.to_pyarrow(rows.select("partner").distinct())["partner"].to_pylist())

"""Places that are closed say nothing of their shelves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from include.stockwatch.domain.chain import regions
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import of_masters

if TYPE_CHECKING:
    import ibis.expr.types as ir


def in_open_places(services: Services, feeds: list[str], first: dt.date, last: dt.date) -> ir.Table:
    """What was reported of some dates, but for places that are closed: they say nothing of their shelves."""
    rows = services.lake.table("observations", first=first, last=last, feeds=feeds)
    rows = rows.filter(rows.business_date.between(first, last))
    return rows.anti_join(closed(services), ["partner", "location_id"])


def closed(services: Services) -> ir.Table:
    """The locations that are closed, by partner."""
    places = regions(of_masters(services, "locations"))
    return places.filter(~places.is_active).select("partner", "location_id")

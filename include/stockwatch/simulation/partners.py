"""Which feeds a world has, in which format each partner sends it, and how it is to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from include.stockwatch.simulation.files import delimited, edifact, workbook, x12
from include.stockwatch.simulation.files.report import Report
from include.stockwatch.simulation.network import DISTRIBUTOR, Network

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class PartnerFeed:
    """One feed: its definition, and how its files are written."""

    feed_id: str
    partner: str
    kind: str  # stores or dcs
    format: str
    suffix: str
    definition: Definition
    written: Callable[[Report], bytes]


FORMATS: Mapping[str, tuple[str, Callable[[], dict[str, Any]], Callable[[Report], bytes]]] = {
    "852": (".edi", x12.sales_definition, x12.sales),
    "846": (".edi", x12.stock_definition, x12.stock),
    "portal": (".csv", delimited.portal_definition, delimited.portal),
    "list": (".csv", delimited.depots_definition, delimited.depots),
    "workbook": (".xlsx", workbook.definition, workbook.stores),
    "invrpt": (".edi", edifact.stock_definition, edifact.stock),
}
OF_STORES = ("852", "portal", "workbook")
OF_DCS = ("846", "list")
TITLES = {DISTRIBUTOR: "Westway Distribution"}


def partner_feeds(places: Network) -> list[PartnerFeed]:
    """The feeds of a world: of every partner its stores, its DCs, or both."""
    feeds = [_feed(name, "stores", OF_STORES[one % len(OF_STORES)]) for one, name in enumerate(places.retailers)]
    owners = {place.partner for place in places.warehouses}
    with_dcs = [name for name in places.retailers if name in owners]
    feeds += [_feed(name, "dcs", OF_DCS[one % len(OF_DCS)]) for one, name in enumerate(with_dcs)]
    return [*feeds, _feed(DISTRIBUTOR, "dcs", "invrpt")] if DISTRIBUTOR in owners else feeds


def title(partner: str) -> str:
    """A partner as people call it."""
    return TITLES.get(partner, f"{partner.title()} Stores")


def _feed(partner: str, kind: str, form: str) -> PartnerFeed:
    suffix, definition, written = FORMATS[form]
    about = {
        "partner": partner,
        "partner_name": title(partner),
        "location_type": "store" if kind == "stores" else "dc",
    }
    rules = {
        "absent_means": "unknown",
        "expected": {"by": "09:00", "days_after": 1, "time_zone": "UTC"},
        "quality": {"max_rejected_share": 0.05, "max_unknown_share": 0.1, "min_rows_share": 0.7},
    }
    return PartnerFeed(f"{partner}_{kind}", partner, kind, form, suffix, about | definition() | rules, written)

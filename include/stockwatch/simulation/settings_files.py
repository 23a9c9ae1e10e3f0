"""The config folder of a world: everything that is needed to run on its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from include.stockwatch.simulation.master_files import MasterFile
from include.stockwatch.simulation.partners import PartnerFeed, title
from include.stockwatch.simulation.world import World

CHANNEL = "C0SIM{:05d}"
CATEGORY_RESPONSES = {
    "Snacks": {"store": 0.21, "brand": 0.25, "same_brand": 0.20, "delay": 0.09, "cancel": 0.25},
    "Coffee": {"store": 0.29, "brand": 0.20, "same_brand": 0.13, "delay": 0.21, "cancel": 0.17},
}
"""GMA 2002 as tabulated by Supermarket News."""


def write_settings(folder: Path, world: World, feeds: Sequence[PartnerFeed], masters: Sequence[MasterFile]) -> None:
    """Write feeds/, master/ and the general files."""
    for feed in feeds:
        _write(
            folder / "feeds" / f"{feed.feed_id}.yaml",
            f"{title(feed.partner)}: {feed.kind}, simulated.",
            feed.definition,
        )
    for master in masters:
        _write(folder / "master" / f"{master.feed_id}.yaml", "A simulated list.", master.definition)
    partners = sorted({feed.partner for feed in feeds})
    _write(folder / "thresholds.yaml", "Dependable-access thresholds of a simulated world.", _thresholds(feeds))
    _write(folder / "routes.yaml", "Who is told in a simulated world.", _routes(world, partners))
    _write(folder / "stockwatch.yaml", "General settings of a simulated world.", {"check": {"lookback_days": 56}})
    _write(folder / "signals.yaml", "Who is told what customers say.", _signals(len(partners)))
    _write(folder / "lost_customers.yaml", "Assumptions of the lost-customer model.", _customers(world))


def _thresholds(feeds: Sequence[PartnerFeed]) -> Mapping[str, Any]:
    default = {
        "name": "default",
        "min_in_stock_rate": 0.95,
        "out_of_stock_at_or_below_units": 0,
        "days_out_before_alert": 1,
        "min_days_of_supply": 1,
        "severity": {
            "critical": {"money": 1500, "customers": 20},
            "high": {"money": 600, "customers": 5},
            "medium": {"money": 100, "customers": 1},
        },
    }
    far = [feed for feed in feeds if feed.format == "invrpt"]
    rules = [{"name": "distributor", "match": {"partner": feed.partner}, "min_days_of_supply": 3} for feed in far]
    return {"thresholds": [default, *rules]}


def _routes(world: World, partners: Sequence[str]) -> Mapping[str, Any]:
    owners = {row["partner"]: row["owner"] for row in world.owners.to_pylist() if row["category"] is None}
    routes = [
        {
            "name": f"{partner} account",
            "match": {"partner": partner},
            "channel": CHANNEL.format(place),
            "owner": owners[partner],
        }
        for place, partner in enumerate(partners, 1)
    ]
    rest = {"name": "everything else", "channel": CHANNEL.format(0), "owner": "supply planning"}
    return {"routes": [*routes, rest]}


def _signals(partners: int) -> Mapping[str, Any]:
    """Those who make an item, and those who speak for it, after the channels of the partners."""
    told = {"quality desk": ["quality", "pack"], "brand marketing": ["price", "service", "other"]}
    return {
        "relay": [
            {"kinds": kinds, "channel": CHANNEL.format(place), "owner": owner}
            for place, (owner, kinds) in enumerate(told.items(), partners + 1)
        ]
    }


def _customers(world: World) -> Mapping[str, Any]:
    cycles = dict(zip(world.catalogue.categories, world.catalogue.purchase_cycle_days.tolist(), strict=True))
    return {
        "defaults": {"name": "published averages", "dated": world.parameters.first_date.isoformat()},
        "categories": {
            name: {"response": CATEGORY_RESPONSES[name], "purchase_cycle_days": days}
            for name, days in cycles.items()
            if name in CATEGORY_RESPONSES
        },
    }


def _write(path: Path, about: str, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# {about}\n{yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)}", "utf-8")

"""Rules of the settings that change nothing for the series that are checked, and why.

A selector that no series has is most often a name misspelt; a threshold rule that gives way to others is right, and not
needed. Partners, kinds, causes and severities are judged as the files are read.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import ledger
from include.stockwatch.domain.promise import PromiseRule
from include.stockwatch.domain.thresholds import LIMITS, Threshold, Thresholds
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import of_masters

if TYPE_CHECKING:
    import ibis.expr.types as ir

Selectors = Mapping[str, tuple[str, ...]]
"""Columns of AVAILABILITY, each with the values one of which a series must have to be meant."""
Names = Mapping[str, Mapping[str, set[str]]]
"""Column -> partner -> what its series have there."""
THRESHOLDS, PROMISES, ROUTES = "thresholds.yaml", "promises.yaml", "routes.yaml"
CUSTOMERS, SIGNALS = "lost_customers.yaml", "signals.yaml"
OF_ITEMS = ("brand", "category", "item_class")
"""Columns that an item master fills."""
ROUTED = {"partner": "partner", "brand": "brand", "category": "category", "item": "item_id"}
"""Keys of a route that name something, and the columns they are compared with."""
ALIKE = 0.8
"""How like a name of the series a category of studies must be to count as misspelt: difflib's ratio. By judgement."""
WORDS = {"item_class": "item class", "item_id": "item", "location_id": "location"}
"""Columns as people say them; the others are said as they are."""


def selectors(settings: Settings) -> dict[str, dict[str, Selectors]]:
    """What each rule is for, by settings file and name of the rule; nothing for a rule that is for everything.

    Names of routes may repeat: then their place in the file is added.
    """
    matched: dict[str, Sequence[Threshold | PromiseRule]] = {
        THRESHOLDS: settings.thresholds.thresholds,
        PROMISES: settings.promises.promises,
    }
    found: dict[str, dict[str, Selectors]] = {
        file: {rule.name: {key: (value,) for key, value in rule.match.keys().items()} for rule in rules}
        for file, rules in matched.items()
    }
    names = [route.name for route in settings.routes.routes]
    found[ROUTES] = {
        name if names.count(name) == 1 else f"{name} ({place})": {
            ROUTED[key]: values for key, values in route.match if key in ROUTED and values
        }
        for place, (name, route) in enumerate(zip(names, settings.routes.routes, strict=True), start=1)
    }
    found[CUSTOMERS] = {name: {"category": (name,)} for name in settings.lost_customers.categories}
    found[SIGNALS] = {name: {"brand": (name,)} for name in settings.signals.promise_strength}
    return found


def idle_now(services: Services) -> dict[str, dict[str, str]]:
    """The rules, as they are set now, that change nothing for the series of the newest date that was checked."""
    if services.lake.version("availability") is None:
        return {}
    with services.state.read() as tx:
        checked = ledger.latest_check(tx)
    return (
        idle_rules(services, services.lake.table("availability", first=checked[0], last=checked[0])) if checked else {}
    )


def idle_rules(services: Services, series: ir.Table) -> dict[str, dict[str, str]]:
    """By settings file, each rule that changes nothing, and why: `category 'Cofee': no series has it`.

    A rule that may be about a feed of which no series is known yet is not judged, nor is a brand, category or class
    while an item master that may name it is still to come. A value of a list is told though the others have series.
    A category of `lost_customers.yaml`, most of which come from studies, is told only if it is much like one of the
    series that has no entry.
    Grain:  series of one date, with the columns of AVAILABILITY
    """
    settings, engine = services.settings, services.lake.engine
    if settings.feeds_left_out:
        return {}
    awaited = _without_series(services, series)
    told: dict[str, dict[str, str]] = {}
    for file, rules in selectors(settings).items():
        judged = {
            name: wanted
            for name, wanted in rules.items()
            if wanted and awaited.isdisjoint(wanted.get("partner", awaited))
        }
        rows = _with_items(services, series) if file == ROUTES and judged else series
        told[file] = _unmatched(services, rows, judged)
        if file == THRESHOLDS:
            matching = {rule.name for rule in settings.thresholds.thresholds[1:]} & judged.keys() - told[file].keys()
            told[file] |= _giving_way(engine, series, settings.thresholds, matching)
    categories = settings.lost_customers.categories
    if told[CUSTOMERS]:
        others = set().union(*_names(engine, series, "category").values()) - categories.keys()
        told[CUSTOMERS] = {name: why for name, why in told[CUSTOMERS].items() if _nearest(name, others, ALIKE)}
    return {file: whys for file, whys in told.items() if whys}


def _without_series(services: Services, series: ir.Table) -> set[str]:
    """Partners with a feed of which no series is known yet."""
    found = services.lake.engine.to_pyarrow(series.select("feed_id").distinct())["feed_id"].to_pylist()
    return {feed.partner for feed_id, feed in services.settings.main_feeds().items() if feed_id not in found}


def _without_items(services: Services) -> set[str]:
    """Partners with an item master of which nothing came yet; all partners, if it serves them all."""
    masters = {one: master for one, master in services.settings.masters.items() if master.table == "items"}
    rows = services.lake.table("items", feeds=masters).select("feed_id").distinct()
    came = set(services.lake.engine.to_pyarrow(rows)["feed_id"].to_pylist()) if masters else set()
    partners = {feed.partner for feed in services.settings.feeds.values()}
    return {
        partner
        for one, master in masters.items()
        if one not in came
        for partner in ([master.partner] if master.partner else partners)
    }


def _with_items(services: Services, series: ir.Table) -> ir.Table:
    """Series, and the items of masters: an incident of a complaint or a pack may be about one that nobody stocks."""
    columns = list(ROUTED.values())
    return series.select(columns).union(of_masters(services, "items").select(columns))


def _unmatched(services: Services, rows: ir.Table, rules: Mapping[str, Selectors]) -> dict[str, str]:
    """Why rules have no row, or one of their values has none among those of the rule's partners; what is nearest."""
    engine, partners = services.lake.engine, {feed.partner for feed in services.settings.feeds.values()}
    keys = sorted({key for wanted in rules.values() for key in wanted} - {"partner"})
    names = {key: _names(engine, rows, key) for key in keys}
    lacking = _without_items(services) if set(keys) & set(OF_ITEMS) else set()
    unlisted = {(key, one) for key in keys if key in OF_ITEMS for one in lacking if not names[key].get(one)}
    judged = {
        name: wanted
        for name, wanted in rules.items()
        if unlisted.isdisjoint((key, one) for key in wanted for one in wanted.get("partner", partners))
    }
    counts = _counts(engine, rows, list(judged.values()))
    said = {
        name: _unknown(wanted, names)
        or ("" if count else f"no series has all of {', '.join(_selector(*one) for one in wanted.items())}")
        for (name, wanted), count in zip(judged.items(), counts, strict=True)
    }
    return {name: why for name, why in said.items() if why}


def _names(engine: Any, rows: ir.Table, key: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in engine.to_pyarrow(rows.select("partner", name=rows[key]).drop_null("name").distinct()).to_pylist():
        found.setdefault(row["partner"], set()).add(row["name"])
    return found


def _counts(engine: Any, rows: ir.Table, rules: Sequence[Selectors]) -> list[int]:
    """How many rows each rule is for."""
    import ibis

    if not rules:
        return []
    counted = {
        f"n{place}": ibis.and_(*(rows[key].isin(values) for key, values in wanted.items())).sum()
        for place, wanted in enumerate(rules)
    }
    (row,) = engine.to_pyarrow(rows.aggregate(**counted)).to_pylist()
    return [count or 0 for count in row.values()]


def _unknown(wanted: Selectors, names: Names) -> str:
    """Which values no series has, of the rule's partners if it names some, and what is nearest."""
    partners = wanted.get("partner")
    whose = f" of {' or '.join(partners)}" if partners else ""
    said = []
    for key, values in wanted.items():
        if key != "partner":
            known = set().union(*(names[key].get(one, set()) for one in partners or names[key]))
            missing = (value for value in values if value not in known)
            said += [f"{_selector(key, (value,))}: no series{whose} has it; {_near(value, known)}" for value in missing]
    return "; ".join(said)


def _selector(key: str, values: Sequence[str]) -> str:
    said = " or ".join(f"'{value}'" for value in values)
    return f"{WORDS.get(key, key)} {said}"


def _nearest(name: str, names: Iterable[str], alike: float = 0.6) -> str | None:
    """The one of some names that is most like another, whatever its case; none below `alike`, 0..1."""
    folded = {one.casefold(): one for one in sorted(names, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=alike)
    return folded[close[0]] if close else None


def _near(name: str, names: Iterable[str]) -> str:
    nearest = _nearest(name, names)
    return f"nearest: '{nearest}'" if nearest else "none is like it" if names else "none is known"


def _giving_way(engine: Any, series: ir.Table, thresholds: Thresholds, names: set[str]) -> dict[str, str]:
    """Of some threshold rules that match series: whose limits more specific rules set for every one of them."""
    if not names:
        return {}
    found = engine.to_pyarrow(series.select(rule=thresholds.rule_column(series)).distinct())["rule"].to_pylist()
    unused = [rule for rule in thresholds.thresholds if rule.name in names and rule.name not in found]
    said = {rule.name: _given_way(engine, series, thresholds, rule) for rule in unused}
    return {name: why for name, why in said.items() if why}


def _given_way(engine: Any, series: ir.Table, thresholds: Thresholds, rule: Threshold) -> str | None:
    """That more specific rules set all that a rule sets, of every series that it accepts; none if they do not."""
    limits = [limit for limit in LIMITS if getattr(rule, limit) is not None]
    mine = series.filter(rule.match.accepts_rows(series))
    sources = mine.select(**{limit: thresholds.source_column(limit, mine) for limit in limits}).distinct()
    set_by = (
        {name for column in engine.to_pyarrow(sources).to_pydict().values() for name in column} if limits else set()
    )
    if rule.name in set_by or not set_by:
        return None
    others = ", ".join(f"`{name}`" for name in sorted(set_by))
    return f"it matches series, and more specific rules set its limits for every one of them: {others}"

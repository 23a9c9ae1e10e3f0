"""Threshold rules that change nothing for the series that are checked, and why.

A selector that no series has is most often a name misspelt; a rule that gives way to others is right, and not needed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import ledger
from include.stockwatch.domain.thresholds import LIMITS, Threshold, Thresholds
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import ibis.expr.types as ir

WORDS = {"item_class": "item class", "item_id": "item", "location_id": "location"}
"""Keys of a match as people say them; the others are said as they are."""


def idle_now(services: Services) -> dict[str, str]:
    """The rules, as they are set now, that change nothing for the series of the newest date that was checked."""
    if services.lake.version("availability") is None:
        return {}
    with services.state.read() as tx:
        checked = ledger.latest_check(tx)
    return (
        idle_rules(services, services.lake.table("availability", first=checked[0], last=checked[0])) if checked else {}
    )


def idle_rules(services: Services, series: ir.Table) -> dict[str, str]:
    """The name of each rule that changes nothing for some series, and why: `category 'Cofee': no series has it`.

    A rule that may be about a feed of which no series is known yet is not judged.
    Grain:  series of one date, with the columns of AVAILABILITY
    """
    thresholds, engine = services.settings.thresholds, services.lake.engine
    if len(thresholds.thresholds) == 1:
        return {}
    found = engine.to_pyarrow(series.select("feed_id", rule=thresholds.rule_column(series)).distinct()).to_pydict()
    awaited = {feed.partner for feed_id, feed in services.settings.feeds.items() if feed_id not in found["feed_id"]}
    unused = [rule for rule in thresholds.thresholds[1:] if rule.name not in found["rule"]]
    judged = [rule for rule in unused if not (awaited if rule.match.partner is None else rule.match.partner in awaited)]
    said = {
        rule.name: _given_way(engine, series, thresholds, rule) if count else _unmatched(engine, series, rule)
        for rule, count in zip(judged, _counts(engine, series, judged), strict=True)
    }
    return {name: why for name, why in said.items() if why}


def _counts(engine: Any, series: ir.Table, rules: Sequence[Threshold]) -> list[int]:
    """How many series each rule accepts."""
    if not rules:
        return []
    counted = {f"n{place}": rule.match.accepts_rows(series).sum() for place, rule in enumerate(rules)}
    (row,) = engine.to_pyarrow(series.aggregate(**counted)).to_pylist()
    return [count or 0 for count in row.values()]


def _unmatched(engine: Any, series: ir.Table, rule: Threshold) -> str:
    """Which selector no series has, of the rule's partner if it names one, and what is nearest."""
    wanted, partner = rule.match.keys(), rule.match.partner
    said = []
    for key, value in wanted.items():
        within = series if key == "partner" or partner is None else series.filter(series.partner == partner)
        names = set(engine.to_pyarrow(within.select(key).distinct())[key].drop_null().to_pylist())
        if value not in names:
            whose = f" of {partner}" if within is not series else ""
            said.append(f"{_selector(key, value)}: no series{whose} has it; {_near(value, names)}")
    return "; ".join(said) or f"no series has all of {', '.join(_selector(*one) for one in wanted.items())}"


def _selector(key: str, value: str) -> str:
    return f"{WORDS.get(key, key)} '{value}'"


def _near(name: str, names: Iterable[str]) -> str:
    """The one of some names that is most like another, whatever its case."""
    folded = {one.casefold(): one for one in sorted(names, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"nearest: '{folded[close[0]]}'" if close else "none is like it" if folded else "none is known"


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

"""Shelf prices outside the promised band."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind
from include.stockwatch.domain.promise import banded, price_findings, with_reference
from include.stockwatch.workflows import master
from include.stockwatch.workflows.promises.found import Found
from include.stockwatch.workflows.promises.open_places import closed, in_open_places
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import of_masters

if TYPE_CHECKING:
    import ibis.expr.types as ir


def prices_of(services: Services, first: dt.date, last: dt.date) -> ir.Table:
    """Shelf prices of some dates with their bands."""
    feeds = [feed_id for feed_id, feed in services.settings.feeds.items() if feed.location_type == "store"]
    rows = in_open_places(services, feeds, first, last)
    named = master.with_names(services, rows.filter(rows.price > 0))  # nobody sells for nothing: 0 is no price
    return banded(with_reference(named, of_masters(services, "items")), services.settings.promises)


def broken_prices(services: Services, date: dt.date, fresh: set[str], watched: Iterable[PromiseIncident]) -> Found:
    """Items whose price is outside its band, by partner; and how it ended where it is not any more."""
    told = [one.found for one in watched if one.found.kind is PromiseKind.PRICE]
    prices = price_findings(prices_of(services, date, date), [one.item_id for one in told])
    rows = services.lake.engine.to_pyarrow(prices).to_pylist()
    known: dict[tuple[str, str], frozenset[str]] = {}
    found = Found(PromiseKind.PRICE, partners=fresh, known=known, ending="no price is reported any more")
    broken: dict[tuple[str, str], list[Finding]] = {}
    banded_now: Counter[tuple[str, str]] = Counter()
    for row in sorted(rows, key=lambda row: (row["partner"], row["item_id"], row["currency"] or "")):
        key = (row["partner"], row["item_id"])
        known[key] = known.get(key, frozenset()).union(row["outside"] or (), row["inside"] or ())
        banded_now[key] += row["priced"] or 0
        if row["outside"]:
            broken.setdefault(key, []).append(_outside(row, date))
    for key, priced in banded_now.items():
        found.endings[key] = "every price is inside its band again" if priced else "no price is promised any more"
    found.findings = [_of_all_currencies(of, len(known[key])) for key, of in broken.items()]
    if told:
        shut_now = {tuple(row.values()) for row in services.lake.engine.to_pyarrow(closed(services)).to_pylist()}
        for one in told:  # what is closed asks no price any more
            shut = {place for place in one.locations if (one.partner, place) in shut_now}
            known[one.partner, one.item_id] = known.get((one.partner, one.item_id), frozenset()) | shut
    return found


def _outside(row: dict[str, Any], date: dt.date) -> Finding:
    """The locations of a partner that ask too much or too little for an item in one currency."""
    outside = set(row["outside"])
    return Finding(
        kind=PromiseKind.PRICE,
        since=date,
        locations=tuple(sorted(outside)),
        of_locations=len(outside.union(row["inside"] or ())),
        lowest=row["lowest_outside"],
        highest=row["highest_outside"],
        rule=row["promise_rule"],
        **{name: row[name] for name in ("partner", "item_id", "item_name", "category", "currency")},
        **{name: row[name] for name in ("band_low", "band_high")},
    )


def _of_all_currencies(findings: list[Finding], looked_at: int) -> Finding:
    """What is asked for one item at one partner; first the currency in which most locations ask too much or little."""
    ranked = sorted(findings, key=lambda one: -len(one.locations))
    places = tuple(sorted({place for one in ranked for place in one.locations}))
    told = {"locations": places, "of_locations": looked_at, "by_currency": tuple(ranked) if len(ranked) > 1 else ()}
    return ranked[0].model_copy(update=told)

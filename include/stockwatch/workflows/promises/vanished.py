"""Items that vanished at one partner."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind
from include.stockwatch.domain import vanishing
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.workflows import master
from include.stockwatch.workflows.promises.found import Found
from include.stockwatch.workflows.promises.open_places import in_open_places
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import of_masters


def vanished_items(services: Services, date: dt.date, whole: set[str], watched: list[PromiseIncident]) -> Found:
    """Only feeds that list every item tell whether one is missing; of the others an absent row is no news."""
    settings = services.settings.promises.vanishing
    feeds = [
        feed_id
        for feed_id, feed in services.settings.main_feeds().items()
        if feed.location_type == "store" and feed.absent_means is AbsentMeans.UNKNOWN
    ]
    found = Found(PromiseKind.VANISHED, partners=whole)
    if not (feeds and whole):
        return found
    first = date - dt.timedelta(days=settings.look_back_days - 1)
    rows = master.with_names(services, in_open_places(services, feeds, first, date))
    presences = vanishing.presence(rows, date, settings)
    newest = vanishing.newest_dates(rows.filter(rows.partner.isin(sorted(whole))))
    listed = of_masters(services, "assortment") if services.lake.version("assortment") is not None else None
    planned = vanishing.planned_ends(of_masters(services, "items"), listed, date)
    ranged = master.listed_on(services, [date])
    if ranged is not None:
        stores = ranged.filter(ranged.location_type == "store")
        planned = planned.union(vanishing.not_ranged(presences, stores), distinct=True)
    engine = services.lake.engine
    gone = engine.to_pyarrow(vanishing.vanished(presences, newest, planned, date, settings)).to_pylist()
    found.findings = [_vanishing(row) for row in gone]
    told = {(one.found.partner, one.found.item_id) for one in watched if one.found.kind is PromiseKind.VANISHED}
    if told:
        wanted = presences.filter(presences.item_id.isin(sorted({item for _, item in told})))
        there = {(row["partner"], row["item_id"]): row["still_at"] for row in engine.to_pyarrow(wanted).to_pylist()}
        ends = {(row["partner"], row["item_id"]) for row in engine.to_pyarrow(planned).to_pylist()}
        for key in told:
            if there.get(key):
                has = "location has" if there[key] == 1 else "locations have"
                found.endings[key] = f"{there[key]:,} {has} it again"
            elif key in ends:
                found.endings[key] = "its end is announced now"
            elif key not in there:
                found.endings[key] = f"gone for {settings.look_back_days} days: it counts as delisted"
    return found


def _vanishing(row: dict[str, Any]) -> Finding:
    return Finding(
        kind=PromiseKind.VANISHED,
        since=row["last_had_on"] + dt.timedelta(days=1),
        locations=tuple(sorted(set(row["had_by"]))),
        of_locations=row["locations"],
        unlisted=row["unlisted"],
        **{name: row[name] for name in ("partner", "item_id", "item_name", "category")},
    )

"""Dates by hand: rows of the availability table in, incidents out, without a lake and without a database."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from include.stockwatch.alerting.grouping import Group, Series
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.pending import Pending
from include.stockwatch.domain.columns import AVAILABILITY
from include.stockwatch.settings.feed import Feed
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.incidents.day import LACKS
from include.stockwatch.workflows.incidents.decide import Decided, day_of, decide_day, still_pending
from include.stockwatch.workflows.incidents.fed import Stores
from include.stockwatch.workflows.incidents.pictures import Known
from include.stockwatch.workflows.rules import Rules
from tests.domain.tables import day

OUT, PHANTOM, SHORT, IN, UNKNOWN = "out_of_stock", "phantom_suspected", "at_risk", "in_stock", "unknown"
ITEM = "00850007123024"
NAMES = {"northfield": "Northfield Grocers", "harbor": "Harbor Foods", "quickmart": "Quickmart", "westway": "Westway"}
NAMES |= {"lakeside": "Lakeside Stores", "eastside": "Eastside Markets"}


def chain(settings: Settings, partners: Collection[str] = tuple(NAMES)[:4]) -> Settings:
    """Settings with one feed of stores for each partner, but of DCs for Westway; a retailer may have DCs as well."""
    stores, dcs = settings.feeds["northfield_stores"], settings.feeds["westway_dcs"]
    feeds: dict[str, Feed] = {}
    for partner in partners:
        told = {"partner": partner, "partner_name": NAMES[partner]}
        if partner != "westway":
            feeds[f"{partner}_stores"] = stores.model_copy(update=told)
        feeds[f"{partner}_dcs"] = dcs.model_copy(update=told)
    return settings.model_copy(update={"feeds": feeds})


def row(
    location: str, status: str, *, partner: str = "northfield", item: str = ITEM, since: int = 2, **told: Any
) -> dict[str, Any]:
    """A row of the availability table; `since` is the day on which the spell began. `dc` says whose cause it is."""
    found: dict[str, Any] = dict.fromkeys(AVAILABILITY.names)
    is_dc = told.pop("is_dc", partner == "westway")
    found |= {"partner": partner, "location_id": location, "item_id": item, "status": status}
    found |= {"feed_id": f"{partner}_{'dcs' if is_dc else 'stores'}", "item_name": "Nut Mix", "category": "Snacks"}
    found |= {"currency": "USD", "price": 5.0, "last_sale_date": day(1), "demand_units_per_day": 2.0}
    if status in LACKS:
        found |= {"at_risk_units": 14.0, "at_risk_money": 70.0, "customers_at_risk": 0.1, "cause": "unknown"}
        found |= {"scope": "store", "scope_id": location, "cause_evidence": "[]"}
    if status in (OUT, PHANTOM):
        found |= {"spell_start_date": day(since), "lost_units": 2.0, "lost_money": 10.0, "alert_due": True}
    if status == PHANTOM:
        found |= {"on_hand_units": 7.0, "silent_days": 5, "p_phantom": 0.9}
    if status == SHORT:
        found |= {"on_hand_units": 4.0, "p_runs_out": 0.8, "days_of_supply": 2.0, "runs_out_on": day(6)}
    if dc := told.pop("dc", None):
        whose = "distributor_dc" if told.pop("of_another", True) else "retailer_dc"
        found |= {"cause": whose, "scope": "dc", "scope_id": dc}
    return found | told


def table(number: int, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as the availability table of a day."""
    dated = [{**one, "business_date": day(number)} for one in rows]
    return pa.Table.from_pylist(dated, schema=AVAILABILITY.to_pyarrow())


@dataclass
class Book:
    """All incidents of stock over time, as decisions leave them."""

    settings: Settings
    ongoing: dict[str, Incident] = field(default_factory=dict)
    ended: dict[str, Incident] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)  # kind of event, incident
    states: dict[str, list[Incident]] = field(default_factory=dict)  # incident -> its state after every event
    suspected: dict[Series, int] = field(default_factory=dict)
    fed: dict[Group, Stores] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)

    def on(
        self,
        number: int,
        *rows: Mapping[str, Any],
        whole: Collection[str] | None = None,
        untouched: Collection[str] = (),
        awaited: Collection[str] = (),
    ) -> Decided:
        """Decide on a day, and let the decisions stand."""
        partners = {feed.partner for feed in self.settings.feeds.values()}
        shown = day_of(self.settings, day(number), table(number, rows)).without(awaited, stands=True)
        rules = Rules(thresholds=self.settings.thresholds)
        known = Known(
            whole=(partners if whole is None else set(whole)).difference(awaited),
            untouched={*untouched, *awaited},
            suspected=self.suspected,
            fed=lambda groups: {group: self.fed[group] for group in groups if group in self.fed},
        )
        decided = decide_day(
            self.settings,
            rules,
            shown,
            known,
            dict(self.ongoing),
            lambda marks: {mark: self.ended[mark] for mark in marks if mark in self.ended},
            (f"INC-{n}" for n in itertools.count(len(self.states) + 1)),
        )
        self.pending = [*decided.pending, *still_pending(self.pending, decided, shown, known)]
        for decision in decided.decisions:
            after = decision.incident
            if after is None or decision.event_kind is None:
                continue
            self.events.append((decision.event_kind, after.incident_id))
            self.states.setdefault(after.incident_id, []).append(after)
            self.ongoing.pop(after.fingerprint, None)
            self.ended.pop(after.fingerprint, None)
            (self.ongoing if after.is_open else self.ended)[after.fingerprint] = after
        return decided

    def open_ones(self) -> dict[str, list[str]]:
        """Active members of every open incident, by kind, partner and scope."""
        return {
            f"{one.kind.value} {one.partner} {one.scope}": [member.place for member in one.now_out()]
            for one in sorted(self.ongoing.values(), key=lambda one: (one.kind.value, one.partner, one.scope))
        }

    def pending_ones(self) -> dict[str, tuple[list[str], dt.date | None]]:
        """Places of everything that is pending, and when it becomes due, by kind, partner and scope."""
        return {f"{one.kind.value} {one.partner} {one.scope}": ([*one.places], one.due_on) for one in self.pending}

    def last(self, incident_id: str) -> Incident:
        """How an incident stands."""
        return self.states[incident_id][-1]


def date_of(number: int) -> dt.date:
    """Day 1 is Monday 2 November 2026."""
    return day(number)

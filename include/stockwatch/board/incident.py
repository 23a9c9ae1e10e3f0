"""One incident: how it stands, what it costs and how that is counted, what happened, and what it rests on."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from include.stockwatch.adapters.state import incidents, outbox, worklist
from include.stockwatch.adapters.state.ledger import runs_of
from include.stockwatch.adapters.state.worklist import Filters
from include.stockwatch.alerting.actions import JUDGED_KINDS, Act
from include.stockwatch.alerting.case import Case, Kind, Standing
from include.stockwatch.alerting.causes import WORDS, explained
from include.stockwatch.alerting.incident import Incident, Lack, Member, MemberState
from include.stockwatch.alerting.kinds import page, render
from include.stockwatch.alerting.messages.out_of_stock_message import at_risk, units_and_money, whose
from include.stockwatch.board import charts
from include.stockwatch.board.access import Desk
from include.stockwatch.board.incidents import line
from include.stockwatch.board.words import sentence, spoken
from include.stockwatch.workflows.incidents.timeline import days

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

DAYS = 60
EVIDENCE = 40
SIMILAR = 8
LACKS = {Lack.EMPTY: "Out", Lack.DOUBTFUL: "Doubtful", Lack.SHORT: "Running out"}
"""How a location stands that is a member for this."""
NINETY = 1.2816
"""The 90% point of a normal distribution: a band from -z to z holds 80%."""


@dataclass(frozen=True)
class Step:
    """One station of an incident's life: reached at a moment by somebody, or not yet."""

    name: str
    at: dt.datetime | None = None
    by: str = ""
    is_now: bool = False


def find(desk: Desk, incident_id: str) -> Case | None:
    """An incident that the viewer may see."""
    with desk.services.state.read() as tx:
        case = incidents.find(tx, incident_id)
    return case if case is not None and case.partner in desk.scope else None


def incident_page(desk: Desk, case: Case) -> dict[str, Any]:
    """Everything that the page of an incident shows, but for its timeline."""
    with desk.services.state.read() as tx:
        events = incidents.events(tx, case.incident_id)
        sent = outbox.of_incident(tx, case.incident_id)
        similar = _similar(tx, desk, case)
    shown = scoped(desk, case)
    stock = shown if isinstance(shown, Incident) else None
    return {
        "case": case,
        "listed": case.listed(),
        "message": render(shown),
        "stock": stock,
        "steps": steps(case, events),
        "events": _history(events),
        "sent": sent,
        "similar": similar,
        "impact": impact(stock) if stock else None,
        "causes": causes(stock.now_out() or stock.members) if stock else [],
        "members": members(stock) if stock else [],
        "hidden": len(case.members) - len(stock.members) if stock and isinstance(case, Incident) else 0,
        "evidence": evidence(desk, stock) if stock else [],
        "can": possible(case),
        "docs": (desk.services.settings.stockwatch.docs_url or "").rstrip("/"),
        "explained_at": page(case.kind),
    }


def possible(case: Case) -> list[str]:
    """What a person can do with it now, the likeliest first."""
    acts = [Act.WAKE] if case.standing is Standing.SNOOZED else [Act.ACKNOWLEDGE, Act.SNOOZE]
    if case.kind is Kind.NO_OWNER:
        acts = [Act.CLAIM, *acts]
    if case.kind is Kind.MASS_CHANGE:
        acts = [Act.APPROVE, Act.DISCARD, *acts]
    if case.kind in JUDGED_KINDS:
        acts += [Act.RESTOCK, Act.CONFIRM, Act.FALSE_ALARM]
    return [one.value for one in (*acts, Act.RESOLVE)]


def steps(case: Case, events: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The strip at the top: opened, taken, quiet, ended."""
    done = case.handling
    opened = events[0]["at"] if events else None
    found = [Step("Opened", opened, is_now=case.standing is Standing.OPEN)]
    taken = Step("Acknowledged", done.acknowledged_at or done.first_acknowledged_at, done.acknowledged_by or "",
                 case.standing is Standing.ACKNOWLEDGED)  # fmt: skip
    found.append(taken)
    if case.standing is Standing.SNOOZED:
        found.append(Step("Snoozed", done.snoozed_until, done.snoozed_by or "", is_now=True))
    ended = next((event for event in reversed(events) if event["kind"] == "resolved"), None)
    is_over = case.standing is Standing.RESOLVED
    found.append(Step("Resolved", ended["at"] if ended and is_over else None, done.resolved_by or "", is_over))
    return found


def impact(incident: Incident) -> dict[str, Any]:
    """What it costs, and the sums that this is made of: rows of the members below add up to these figures."""
    lost, ahead = incident.total("customers_lost"), incident.total("customers_at_risk", now_out_only=True)
    customers = None if lost is None and ahead is None else (lost or 0.0) + (ahead or 0.0)
    low, high = incident.basis.low, incident.basis.high
    return {
        "at_risk_money": incident.total("at_risk_money", now_out_only=True),
        "at_risk_units": incident.total("at_risk_units", now_out_only=True),
        "lost_money": incident.total("lost_money"),
        "lost_units": incident.total("lost_units"),
        "shoppers": incident.total("shoppers_exposed", now_out_only=True),
        "customers": customers,
        "customers_lost": lost,
        "customers_ahead": ahead,
        "low": None if customers is None else customers * low,
        "high": None if customers is None else customers * high,
        "at_risk_words": _at_risk(incident),
        "lost_words": units_and_money(incident, "lost_units", "lost_money"),
        "is_ahead": incident.kind is Kind.WILL_RUN_OUT,
    }


def _at_risk(incident: Incident) -> str:
    """Units and money at risk as the message says them, and of whom they are."""
    told = incident.sides("at_risk_units", now_out_only=True)
    words = at_risk(incident)
    return f"{words} ({whose(incident, told[0])})" if told and "; " not in words else words


def causes(found: Sequence[Member]) -> list[dict[str, Any]]:
    """Causes by the locations that they explain, with what speaks for each, and what was weighed and rejected."""
    named = explained(found)
    chosen = [
        {
            "cause": one.cause,
            "why": sentence(one.why()),
            "place": one.place,
            "locations": len(one.members),
            "evidence": Counter(member.evidence[0] for member in one.members if member.evidence).most_common(3),
            "rejected": Counter(text for member in one.members for text in member.evidence[1:]).most_common(6),
        }
        for one in named
    ]
    rest = [one for one in found if one.cause not in WORDS]
    if rest:
        said = Counter(text for member in rest for text in member.evidence).most_common(6)
        unknown: dict[str, Any] = {"cause": "unknown", "why": "Not known", "place": None, "evidence": []}
        chosen.append({**unknown, "locations": len(rest), "rejected": said})
    return chosen


def scoped(desk: Desk, case: Case) -> Case:
    """The incident without what is of partners that the viewer may not see: a DC feeds stores of several (A-83)."""
    if not isinstance(case, Incident) or desk.sees_all:
        return case
    mine = tuple(one for one in case.members if not one.partner or one.partner in desk.scope)
    return case.model_copy(update={"members": mine, "fed": tuple(one for one in case.fed if one.partner in desk.scope)})


def members(incident: Incident) -> list[dict[str, Any]]:
    """One row per spell, those that cost most first."""

    def weight(one: Member) -> tuple[bool, float, str]:
        return not one.is_active, -(one.at_risk_money or one.lost_money or 0.0), one.location_id

    ranked = sorted(incident.members, key=weight)
    return [
        {
            **one.model_dump(mode="python", exclude={"evidence"}),
            "days": one.days_out(),
            "how": LACKS[one.lack] if one.state is MemberState.OUT else spoken(one.state.value),
        }
        for one in ranked
    ]


def evidence(desk: Desk, incident: Incident) -> list[dict[str, Any]]:
    """The rows of the partner's files on the last date that counts: file, line, load time and run.

    Grain:  observations of the members that are out, on `data_as_of`
    """
    found = incident.now_out() or incident.members
    places = sorted({(one.partner or incident.partner, one.location_id) for one in found})[:EVIDENCE]
    if not places:
        return []
    lake, day = desk.services.lake, incident.data_as_of
    rows = lake.table("observations", first=day, last=day)
    told = [(rows.partner == partner) & (rows.location_id == location) for partner, location in places]
    mine = rows.filter((rows.item_id == incident.item_id) & ibis.or_(*told))
    wanted = ("feed_id", "location_id", "location_name", "on_hand_units", "units_sold", "on_order_units",
              "in_transit_units", "delivery_id", "source_file", "line", "received_at")  # fmt: skip
    mine = mine.select(*wanted).order_by("location_id", "feed_id")
    shown: list[dict[str, Any]] = lake.engine.to_pyarrow(mine).to_pylist()
    with desk.services.state.read() as tx:
        runs = runs_of(tx, {(row["feed_id"], row["delivery_id"]) for row in shown})
    return [{**row, "run_id": runs.get((row["feed_id"], row["delivery_id"]))} for row in shown]


def timeline(desk: Desk, incident: Incident, location: str = "") -> dict[str, Any]:
    """Sixty days of the item at the incident, at one `location`, or at `all`: a chart, and a table of its days."""
    last = max((desk.checked[0] if desk.checked else incident.data_as_of), incident.data_as_of)
    own = sorted({one.location_id for one in incident.members if not one.partner})
    told = {"": own, "all": []}.get(location, [location])
    places = [(incident.partner, one) for one in told]
    first = last - dt.timedelta(days=DAYS - 1)
    rows = days(desk.services, incident.item_id, first, last, partner=incident.partner, places=places)
    dates = [last - dt.timedelta(days=n) for n in reversed(range(DAYS))]
    by_date = {row["business_date"]: row for row in rows}
    kind = "dc" if incident.kind is Kind.DC_OUT else incident.location_type
    table = [{"business_date": date, **_told(by_date.get(date))} for date in dates]
    for row in table:
        row["missing"] = row["on_hand"] is None and desk.is_due(incident.partner, kind, row["business_date"])
    ended = incident.resolved_on or last
    span = (max(incident.opened_on, dates[0]).isoformat(), ended.isoformat()) if ended >= dates[0] else None
    facts = incident.facts(told[0] if len(told) == 1 else None)
    floor, rule = desk.services.settings.thresholds.limit("out_of_stock_at_or_below_units", facts)
    columns = {name: [row[name] for row in table] for name in table[0]}
    chart = charts.timeline({"date": dates, **columns}, span, float(floor) if len(told) == 1 else None)
    known = [row for row in table if row["on_hand"] is not None]
    return {
        "chart": chart if known else None,
        "table": table[::-1],
        "gaps": sum(row["missing"] for row in table),
        "location": location,
        "floor": floor,
        "rule": rule,
        "locations": own,
        "places": len(places),
    }


def _told(row: Mapping[str, Any] | None) -> dict[str, Any]:
    known = row or {}
    low, high = band(known.get("expected"), known.get("variance"))
    named = {name: known.get(name) for name in ("on_hand", "sold", "received", "ordered", "expected")}
    return {**named, "low": low, "high": high}


def band(mean: float | None, variance: float | None) -> tuple[float | None, float | None]:
    """The middle 80% of a day's demand, by the normal approximation, never below zero."""
    if mean is None or variance is None:
        return None, None
    reach = NINETY * math.sqrt(max(variance, 0.0))
    return max(mean - reach, 0.0), mean + reach


def _similar(tx: Connection, desk: Desk, case: Case) -> list[dict[str, Any]]:
    """Other incidents of the item, or of the feed's partner: how they ended, and what people said of them."""
    listed = case.listed()
    filters = (
        Filters(desk.scope, standing="all", item=listed.item_id)
        if listed.item_id
        else Filters(desk.scope, standing="all", kind=case.kind.value, partner=case.partner)
    )
    rows = worklist.page(tx, filters, "opened", limit=SIMILAR + 1)
    others = [row for row in rows if row["incident_id"] != case.incident_id][:SIMILAR]
    return [line(row, desk.services.now()) for row in others]


def _history(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Events, the newest first, with how the severity changed."""
    told, before = [], None
    for event in events:
        severity = event["state"].get("severity")
        changed = f"{before} to {severity}" if before and severity and severity != before else ""
        told.append({**{name: event[name] for name in event if name != "state"}, "severity": changed})
        before = severity or before
    return told[::-1]


def exported(desk: Desk, case: Case, table: str, location: str = "") -> list[dict[str, Any]] | None:
    """The rows of one of an incident's tables, for the CSV; none for a table that it does not have."""
    if table == "history":
        with desk.services.state.read() as tx:
            return _history(incidents.events(tx, case.incident_id))
    shown = scoped(desk, case)
    if not isinstance(shown, Incident):
        return None
    match table:
        case "locations":
            return [{**row, "state": row["state"].value, "currency": shown.currency} for row in members(shown)]
        case "evidence":
            return evidence(desk, shown)
        case "timeline":
            return list(timeline(desk, shown, location)["table"])
    return None

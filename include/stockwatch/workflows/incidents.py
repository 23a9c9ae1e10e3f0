"""Turn the availability of a date into incidents, events and messages."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import incidents as store
from include.stockwatch.adapters.state import ledger
from include.stockwatch.alerting.case import STOCK_KINDS, Decision, Kind
from include.stockwatch.alerting.decisions import Reason, decide, fingerprint_of
from include.stockwatch.alerting.incident import Basis, Incident, Member, Picture
from include.stockwatch.alerting.severity import severity
from include.stockwatch.domain.availability import Status
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.assess import Rules
from include.stockwatch.workflows.record import record
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import pyarrow as pa

FIGURES = (
    "lost_units",
    "lost_money",
    "at_risk_units",
    "at_risk_money",
    "shoppers_exposed",
    "customers_lost",
    "customers_at_risk",
)


def decide_date(
    services: Services, business_date: dt.date, table: pa.Table, fresh_feeds: set[str], rules: Rules, *, actor: str
) -> dict[str, Any]:
    """Decide on every item that is out or has an open incident; store events and messages in one transaction."""
    settings, now = services.settings, services.now()
    fresh = {settings.feeds[feed].partner for feed in fresh_feeds if feed in settings.feeds}
    reasons: Counter[str] = Counter()
    changed: dict[str, list[str]] = {name: [] for name in ("opened", "reopened", "updated", "frozen", "resolved")}
    with services.state.begin() as tx:
        ongoing = store.open_incidents(tx, STOCK_KINDS)
        marks = ledger.watermark(tx)
        whole = settings.wholly_delivered(fresh_feeds)
        shown = list(pictures(settings, rules, business_date, table, ongoing.values(), whole))
        tenant = settings.stockwatch.tenant
        earlier = store.latest_resolved(tx, (fingerprint_of(picture, tenant) for picture in shown))
        ids = store.new_ids(tx, Kind.OUT_OF_STOCK, business_date.year)
        candidate = next(ids)
        for picture in shown:
            mark = fingerprint_of(picture, tenant)
            if picture.business_date < marks.get(picture.partner, picture.business_date):
                decision: Decision[Incident] = Decision(Reason.OLDER_DATE)
            else:
                decision = decide(
                    picture, ongoing.get(mark), tenant=tenant, new_id=candidate, previous=earlier.get(mark)
                )
            reasons[decision.reason.value] += 1
            if decision.incident is None or decision.event_kind is None:
                continue
            if decision.reason is Reason.FIRST:
                candidate = next(ids)
            record(tx, decision, at=now, actor=actor, business_date=business_date)
            changed[decision.event_kind].append(decision.incident.incident_id)
        for partner in fresh:
            ledger.raise_watermark(tx, partner, business_date)
        open_now = store.count_open(tx, STOCK_KINDS)
    return {**changed, "open": open_now, "reasons": dict(sorted(reasons.items()))}


def pictures(
    settings: Settings,
    rules: Rules,
    business_date: dt.date,
    table: pa.Table,
    ongoing: Iterable[Incident],
    whole: set[str],
) -> Iterator[Picture]:
    """One picture per partner and item that is out or has an open incident, ordered by partner and item.

    `whole` are the partners all of whose feeds delivered the date. A partner that reports no such day (a weekend, a
    holiday) and sent nothing gives no picture: its silence freezes nothing.
    """
    import pyarrow.compute as pc

    table = table.filter(pc.not_equal(table["status"], Status.PLANNED.value))
    out_rows = table.filter(pc.equal(table["status"], Status.OUT_OF_STOCK.value))
    wanted = {(i.partner, i.item_id): i for i in ongoing if i.is_open}
    keys = set(zip(out_rows["partner"].to_pylist(), out_rows["item_id"].to_pylist(), strict=True)) | set(wanted)
    if not keys:
        return
    of_items = table.filter(pc.is_in(table["item_id"], value_set=_texts({item for _, item in keys})))
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {key: [] for key in keys}
    for row in of_items.to_pylist():
        key = (row["partner"], row["item_id"])
        if key in grouped:
            grouped[key].append(row)
    resting = settings.resting(business_date)
    for (partner, item_id), rows in sorted(grouped.items()):
        shown = _picture(
            settings, rules, business_date, partner, item_id, rows, wanted.get((partner, item_id)), partner in whole
        )
        if shown.known or partner not in resting:
            yield shown


def _picture(
    settings: Settings,
    rules: Rules,
    business_date: dt.date,
    partner: str,
    item_id: str,
    rows: list[dict[str, Any]],
    incident: Incident | None,
    is_whole: bool,
) -> Picture:
    def first(name: str) -> Any:
        return next((row[name] for row in rows if row[name] is not None), None)

    feed = next((feed for feed in settings.feeds.values() if feed.partner == partner), None)
    named = feed or incident  # the feed may be gone, or broken, while its incident is open
    if named is None:
        raise LookupError(f"rows of {partner}, which has no feed")  # no feed, no rows: see workflows/check.py
    out = tuple(_member(row) for row in rows if row["status"] == Status.OUT_OF_STOCK.value)
    category = first("category") or (incident.category if incident else None)
    facts = {"partner": partner, "category": category, "item_id": item_id, "location_id": None}
    bands, _ = settings.thresholds.limit("severity", facts)
    promise, _ = settings.thresholds.limit("min_in_stock_rate", facts)
    route = settings.routes.route(partner, category)
    assumed = rules.assumed((partner, category, first("brand"), first("currency")), business_date)
    known = frozenset(row["location_id"] for row in rows if row["status"] != Status.UNKNOWN.value)
    return Picture(
        partner=partner,
        partner_name=named.partner_name,
        item_id=item_id,
        item_name=first("item_name"),
        category=category,
        brand=first("brand"),
        currency=first("currency"),
        business_date=business_date,
        ranged=len(rows),
        known=len(known),
        known_locations=known,
        ranged_locations=frozenset(row["location_id"] for row in rows),
        partner_is_whole=is_whole,
        location_type=named.location_type,
        out=out,
        alert_due=any(row["alert_due"] for row in rows if row["status"] == Status.OUT_OF_STOCK.value),
        rule=settings.thresholds.rule(facts),
        promise=promise,
        severity=severity(_sum(out, "at_risk_money"), _sum(out, "customers_lost", "customers_at_risk"), bands),
        channel=incident.channel if incident else route.channel,
        owner=route.owner,
        basis=Basis(
            horizon_days=settings.stockwatch.check.horizon_days,
            assumptions=assumed.name,
            dated=assumed.dated,
            low=assumed.customers_interval.low,
            high=assumed.customers_interval.high,
        ),
    )


def _member(row: dict[str, Any]) -> Member:
    coming = [row[name] for name in ("on_order_units", "in_transit_units") if row[name] is not None]
    return Member(
        location_id=row["location_id"],
        location_name=row["location_name"],
        out_since=row["spell_start_date"],
        last_out=row["business_date"],
        has_open_order=any(units > 0 for units in coming) if coming else None,
        cause=row["cause"],
        cause_place=row["scope_id"] if row["scope"] != "store" else None,
        evidence=tuple(json.loads(row["cause_evidence"] or "[]", strict=False)),
        **{name: row[name] for name in FIGURES},
    )


def _sum(members: Iterable[Member], *figures: str) -> float | None:
    found = [value for member in members for name in figures if (value := getattr(member, name)) is not None]
    return sum(found) if found else None


def _texts(values: set[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(sorted(values), type=pa.string())

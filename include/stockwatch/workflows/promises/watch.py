"""Watch what the brand promises at the shelf: findings of a date become promise incidents, told like all others."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import incidents, ledger
from include.stockwatch.alerting.case import PROMISE_KINDS, STOCK_KINDS, Decision, Kind
from include.stockwatch.alerting.grouping import active_series
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.promise_incident import (
    PromiseIncident,
    PromiseKind,
    PromisePicture,
    Reason,
    decide,
    fingerprint_of,
)
from include.stockwatch.alerting.routing import Route
from include.stockwatch.domain.customer_signals import ComplaintKind
from include.stockwatch.settings.signals import Relay
from include.stockwatch.workflows.incidents.record import record_all
from include.stockwatch.workflows.promises.findings import findings
from include.stockwatch.workflows.promises.found import Found
from include.stockwatch.workflows.promises.pack_changes import remember
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import partner_names

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

log = logging.getLogger(__name__)

Key = tuple[PromiseKind, str, str]
"""A promise of a partner for an item."""


def watch(
    services: Services, business_date: dt.date, fresh_feeds: set[str], *, actor: str, awaited: Collection[str] = ()
) -> dict[str, Any]:
    """Decide on every promise that is broken or has an open incident; events and messages in one transaction.

    Promises of partners that are `awaited` are left as they are. Call it after the incidents of the date, which raise
    the watermark. Repeating it changes nothing.
    """
    tenant, now = services.settings.stockwatch.tenant, services.now()
    remember(services)
    with services.state.begin() as tx:
        ongoing = open_incidents(tx)
    found = list(findings(services, business_date, fresh_feeds, ongoing.values()))
    reasons: Counter[str] = Counter()
    decisions: list[Decision[Any]] = []
    changed: dict[str, list[str]] = {"opened": [], "updated": [], "resolved": [], "reopened": []}
    with services.state.begin() as tx:
        ongoing = open_incidents(tx)
        marks = ledger.watermark(tx)
        ids = incidents.new_ids(tx, Kind.PROMISE_PRICE, business_date.year)
        candidate = next(ids)
        stock = stock_of(incidents.open_incidents(tx, STOCK_KINDS).values())
        shown = list(pictures(services, business_date, found, ongoing.values(), stock))
        before = incidents.latest_resolved(tx, (fingerprint_of(picture, tenant) for picture in shown))
        for picture in shown:
            if picture.partner in awaited:
                continue
            mark = marks.get(picture.partner) if picture.partner else max(marks.values(), default=None)
            if mark and business_date < mark:
                reasons["older_date"] += 1
                continue
            decision = decide(
                picture,
                ongoing.get((picture.kind, picture.partner, picture.item_id)),
                tenant=tenant,
                new_id=candidate,
                previous=before.get(fingerprint_of(picture, tenant)),
            )
            reasons[decision.reason.value] += 1
            kind, incident = decision.event_kind, decision.incident
            if kind is None or incident is None:
                continue
            if incident.incident_id == candidate:
                candidate = next(ids)
            decisions.append(decision)
            changed[kind].append(incident.incident_id)
            ongoing[picture.kind, picture.partner, picture.item_id] = incident
        decisions += vanishings_named(stock, ongoing.values())
        record_all(services, tx, decisions, at=now, actor=actor, business_date=business_date)
        open_now = incidents.count_open(tx, PROMISE_KINDS)
    log.info("promises on %s: %s open, %s", business_date, open_now, dict(reasons))
    return {**changed, "open": open_now, "reasons": dict(sorted(reasons.items()))}


def open_incidents(tx: Connection) -> dict[Key, PromiseIncident]:
    """Promise incidents that are not resolved."""
    found = incidents.open_incidents(tx, PROMISE_KINDS).values()
    return {(one.found.kind, one.found.partner, one.found.item_id): one for one in found}


def stock_of(open_now: Iterable[Incident]) -> dict[tuple[str, str], list[Incident]]:
    """Open incidents of stock by the partners and the item of the series that lack."""
    found: dict[tuple[str, str], list[Incident]] = {}
    for one in sorted(open_now, key=lambda one: one.incident_id):
        for partner in {partner for partner, _, _ in active_series(one)}:
            found.setdefault((partner, one.item_id), []).append(one)
    return found


def vanishings_named(
    stock: Mapping[tuple[str, str], Iterable[Incident]], promises: Iterable[PromiseIncident]
) -> list[Decision[Incident]]:
    """What makes incidents of stock name the promise that tells of the same item as vanished, for as long as it does.

    A partner that drops an item shows it without stock, if it shows it at all: both are one matter.
    """
    told: dict[str, set[str]] = {}
    for one in promises:
        for incident in stock.get((one.found.partner, one.found.item_id), ()):
            if one.found.kind is PromiseKind.VANISHED and one.is_open:
                told.setdefault(incident.incident_id, set()).add(one.incident_id)
    every = {one.incident_id: one for found in stock.values() for one in found}
    named = [
        one.model_copy(update={"vanished": tuple(sorted(told.get(one.incident_id, ())))}) for one in every.values()
    ]
    return [Decision(Reason.FIGURES, "updated", one) for one in named if one != every[one.incident_id]]


def pictures(
    services: Services,
    business_date: dt.date,
    found: Iterable[Found],
    ongoing: Iterable[PromiseIncident],
    stock: Mapping[tuple[str, str], Iterable[Incident]],
) -> Iterator[PromisePicture]:
    """One picture per promise that is broken or has an open incident, by kind, partner and item."""
    names, by_kind = partner_names(services), {one.kind: one for one in found}
    open_now = {(one.found.kind, one.found.partner, one.found.item_id): one for one in ongoing}
    broken = {(one.kind, one.partner, one.item_id): one for of in by_kind.values() for one in of.findings}
    about = {key: incident.found for key, incident in open_now.items()} | broken
    for key in sorted(about):
        kind, partner, item_id = key
        incident, finding = open_now.get(key), broken.get(key)
        route = _route(services, kind, partner, about[key].category)
        shown = by_kind.get(kind, Found(kind, partners=set()))
        ending = shown.endings.get((partner, item_id), shown.ending)
        looked_at = shown.known.get((partner, item_id), frozenset()) if shown.known is not None else None
        yield PromisePicture(
            kind=kind,
            partner=partner,
            partner_name=names.get(partner, partner),
            item_id=item_id,
            business_date=business_date,
            finding=finding,
            is_known=shown.speaks_of(partner) and bool(finding or ending),
            known=frozenset(about[key].locations) if looked_at is None else looked_at,
            ending=ending,
            stock=tuple(one.incident_id for one in stock.get((partner, item_id), ()))
            if kind is PromiseKind.VANISHED
            else (),
            channel=incident.channel if incident else route.channel,
            owner=incident.owner if incident else route.owner,
        )


def _route(services: Services, kind: PromiseKind, partner: str, category: str | None) -> Relay | Route:
    """Quality is told to those who are told of such complaints; all else to the partner's account."""
    relay = services.settings.signals.relay_of(ComplaintKind.QUALITY) if kind is PromiseKind.QUALITY else None
    return relay or services.settings.routes.route(partner, category)

"""What a promise incident is, and what happens to it: a partner breaks what the brand promises at its shelf.

A price outside its band, a pack or GTIN that changed without notice, an item that vanished, complaints about quality
above the usual. None of it is a stock-out, and none is opened or ended by data that are missing.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from pydantic import Field

from include.stockwatch.alerting.case import (
    REOPEN_DAYS,
    Case,
    Decision,
    Kind,
    Listing,
    Standing,
    fingerprint,
    reopened,
)
from include.stockwatch.domain.value import Value

FORGOTTEN_DAYS = 28
"""Days after which a location that is not looked at any more no longer keeps an incident open."""


class PromiseKind(StrEnum):
    """Which promise is broken."""

    PRICE = "price"
    PACK = "pack"
    VANISHED = "vanished"
    QUALITY = "quality"


class Reason(StrEnum):
    """Why something was done, or not."""

    FIRST = "first"  # opened
    AGAIN = "again"  # reopened in its thread
    FIGURES = "figures"  # goes on, with other locations or figures
    KEPT_AGAIN = "kept_again"  # resolved
    STALE = "stale"  # no fresh data: neither broken nor kept is claimed
    OLDER_DATE = "older_date"
    ALL_WELL = "all_well"
    NOTHING_NEW = "nothing_new"
    JUDGED = "judged"  # a person closed it on the same data


CHANGES = {
    Reason.FIRST: "opened",
    Reason.AGAIN: "reopened",
    Reason.FIGURES: "updated",
    Reason.KEPT_AGAIN: "resolved",
}
"""Reasons that make an event, and the kind of event."""


class Finding(Value):
    """One broken promise, as the tables show it on a date. Figures that a kind does not have are null."""

    kind: PromiseKind
    partner: str = Field(description="'' = no partner alone: it is the item itself")
    item_id: str
    item_name: str | None = None
    category: str | None = None
    since: dt.date
    locations: tuple[str, ...] = Field(default=(), description="where, in order")
    of_locations: int | None = Field(default=None, description="locations that were looked at")
    currency: str | None = None
    lowest: float | None = Field(default=None, description="price farthest below the band")
    highest: float | None = Field(default=None, description="price farthest above it")
    band_low: float | None = None
    band_high: float | None = None
    by_currency: tuple[Finding, ...] = Field(default=(), description="of several currencies, the prices in each")
    fact: str | None = Field(default=None, description="what changed: gtin, or the unit of a pack")
    before: str | None = None
    after: str | None = None
    unlisted: int | None = Field(default=None, description="locations that no longer list the item")
    complaints: int | None = None
    expected: float | None = Field(default=None, description="complaints expected in the same days")
    days: int | None = Field(default=None, description="recent days that complaints are counted in")
    until: dt.date | None = Field(default=None, description="the last of them, where it is not the checked date")
    rule: str | None = None
    evidence: tuple[str, ...] = Field(default=(), description="what else speaks for it, a line each")


class PromisePicture(Value):
    """One promise on one date: what the tables show, and whether they can show anything."""

    kind: PromiseKind
    partner: str
    partner_name: str
    item_id: str
    business_date: dt.date
    finding: Finding | None = None
    is_known: bool = Field(description="there are fresh data that could show it")
    known: frozenset[str] = Field(default=frozenset(), description="locations that were looked at")
    ending: str = Field(default="", description="what the data show now, if nothing is found any more")
    stock: tuple[str, ...] = Field(default=(), description="incidents of stock of a vanished item")
    channel: str
    owner: str


class PromiseIncident(Case):
    """A promise that a partner breaks."""

    found: Finding
    stock: tuple[str, ...] = Field(default=(), description="incidents of stock that tell of the same vanished item")
    data_as_of: dt.date
    resolved_on: dt.date | None = None
    ending: str = ""

    def listed(self) -> Listing:
        """The incident as a line of a list."""
        found = self.found
        return Listing(
            item_id=found.item_id,
            item_name=found.item_name,
            category=found.category,
            currency=found.currency,
            locations_out=len(found.locations),
            locations=found.of_locations,
            opened_on=found.since,
            data_as_of=self.data_as_of,
        )


def kind_of(kind: PromiseKind) -> Kind:
    """The kind of incident that a broken promise makes."""
    return Kind(f"promise_{kind.value}")


def fingerprint_of(picture: PromisePicture, tenant: str) -> str:
    """The fingerprint of the incident that a picture is of: one for each kind of promise, partner and item."""
    return fingerprint(tenant, kind_of(picture.kind), picture.partner, picture.item_id)


def decide(
    picture: PromisePicture,
    incident: PromiseIncident | None,
    *,
    tenant: str,
    new_id: str,
    previous: PromiseIncident | None = None,
) -> Decision[PromiseIncident]:
    """Decide on one promise; `incident` is the open one, if any, `previous` the latest that was resolved.

    A location that is not looked at keeps what was known of it: it neither ends the incident nor leaves it.
    """
    if incident and picture.business_date < incident.data_as_of:
        return _decided(Reason.OLDER_DATE)
    if not picture.is_known:
        return _decided(Reason.STALE)
    if incident is None:
        return _opened(picture, tenant, new_id, previous)
    unseen = tuple(place for place in incident.found.locations if place not in picture.known)
    is_forgotten = (picture.business_date - incident.data_as_of).days >= FORGOTTEN_DAYS
    if picture.finding is None and unseen and not is_forgotten:
        return _decided(Reason.STALE)
    told = {name: getattr(picture, name) for name in ("partner_name", "owner", "stock")}
    told["data_as_of"] = picture.business_date
    if picture.finding is None:
        ended = {"standing": Standing.RESOLVED, "resolved_on": picture.business_date}
        ended["ending"] = f"not seen for {FORGOTTEN_DAYS} days" if unseen else picture.ending
        return _decided(Reason.KEPT_AGAIN, incident.model_copy(update=told | ended))
    places = tuple(sorted({*picture.finding.locations, *unseen}))
    since = min(incident.found.since, picture.finding.since)
    looked_at = picture.finding.of_locations
    of_locations = None if looked_at is None else looked_at + len(set(unseen) - set(picture.finding.locations))
    update = {"locations": places, "of_locations": of_locations, "since": since}
    found = picture.finding.model_copy(update=update)
    after = incident.model_copy(update=told | {"found": found})
    return _decided(Reason.NOTHING_NEW) if after == incident else _decided(Reason.FIGURES, after)


def _decided(reason: Reason, incident: PromiseIncident | None = None) -> Decision[PromiseIncident]:
    return Decision(reason, CHANGES.get(reason), incident)


def _opened(
    picture: PromisePicture, tenant: str, new_id: str, previous: PromiseIncident | None
) -> Decision[PromiseIncident]:
    found = picture.finding
    if found is None:
        return _decided(Reason.ALL_WELL)
    first = PromiseIncident(
        incident_id=new_id,
        kind=kind_of(found.kind),
        fingerprint=fingerprint_of(picture, tenant),
        partner=found.partner,
        partner_name=picture.partner_name,
        channel=picture.channel,
        owner=picture.owner,
        found=found,
        stock=picture.stock,
        data_as_of=picture.business_date,
    )
    ended = previous.resolved_on if previous else None
    if previous is None or ended is None or (picture.business_date - ended).days > REOPEN_DAYS:
        return _decided(Reason.FIRST, first)
    if previous.handling.resolved_by and picture.business_date <= ended:
        return _decided(Reason.JUDGED)
    return _decided(Reason.AGAIN, reopened(first, previous))

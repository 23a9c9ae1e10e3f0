"""What happens to incidents when a date has been checked.

One mechanism: the picture of a date and the incident as it stood give a decision with a reason; a decision that
changes something becomes an event, and the state after it. Deciding again on the same date changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from include.stockwatch.alerting.incident import (
    SEVERITY_ORDER,
    Incident,
    Member,
    MemberState,
    Picture,
    Standing,
    fingerprint,
)


class Reason(StrEnum):
    """Why something was done, or not."""

    FIRST = "first"  # opened
    WORSE = "worse"  # more locations, or a higher severity
    EASED = "eased"  # fewer locations
    FIGURES = "figures"  # same locations, other numbers
    STALE = "stale"  # no fresh data: frozen
    RESTOCKED = "restocked"  # resolved, stock is back
    LEFT_RANGE = "left_range"  # resolved, no longer ranged
    NOT_DUE = "not_due"  # out, but not as long as the threshold asks
    NOTHING_NEW = "nothing_new"
    OLDER_DATE = "older_date"  # the incident has moved on


CHANGES = {
    Reason.FIRST: "opened",
    Reason.WORSE: "updated",
    Reason.EASED: "updated",
    Reason.FIGURES: "updated",
    Reason.STALE: "frozen",
    Reason.RESTOCKED: "resolved",
    Reason.LEFT_RANGE: "resolved",
}
"""Reasons that make an event, and the kind of event."""


@dataclass(frozen=True)
class Decision:
    """What to do about one item at one partner, why, and the incident as it stands after."""

    reason: Reason
    incident: Incident | None = None

    @property
    def event_kind(self) -> str | None:
        """Kind of the event to store, or none if nothing changes."""
        return CHANGES.get(self.reason)


def decide(
    picture: Picture, incident: Incident | None, *, tenant: str, new_id: str, previous_id: str | None
) -> Decision:
    """Decide on one item of one partner.

    `incident` is the open one, if any. Absence of data neither opens, closes nor moves anything (A-02): a member
    without fresh data keeps its state and is marked stale.
    """
    if incident is None:
        return _open(picture, tenant, new_id, previous_id)
    if picture.business_date < incident.data_as_of:
        return Decision(Reason.OLDER_DATE)
    return _follow(picture, incident)


def fingerprint_of(picture: Picture, tenant: str) -> str:
    """The fingerprint of an out-of-stock incident: one per partner and item."""
    return fingerprint(tenant, "out_of_stock", picture.partner, picture.item_id, scope="partner", cause="unknown")


SHARED = (
    "partner",
    "partner_name",
    "item_id",
    "item_name",
    "category",
    "currency",
    "location_type",
    "rule",
    "promise",
    "channel",
    "owner",
    "basis",
)
"""What an incident takes over from the picture of the date."""


def _open(picture: Picture, tenant: str, new_id: str, previous_id: str | None) -> Decision:
    if not picture.out:
        return Decision(Reason.NOTHING_NEW)
    if not picture.alert_due:
        return Decision(Reason.NOT_DUE)
    opened = Incident(
        incident_id=new_id,
        fingerprint=fingerprint_of(picture, tenant),
        severity=picture.severity,
        opened_on=min(member.out_since for member in picture.out),
        detected_on=picture.business_date,
        data_as_of=picture.business_date,
        members=_sorted(picture.out),
        ranged=picture.ranged,
        known=picture.known,
        known_out=len(picture.out),
        peak_out=len(picture.out),
        previous_id=previous_id,
        **{name: getattr(picture, name) for name in SHARED},
    )
    return Decision(Reason.FIRST, opened)


def _follow(picture: Picture, incident: Incident) -> Decision:
    rank = SEVERITY_ORDER.index
    members = _next_members(picture, incident)
    still_out = [m for m in members if m.state in (MemberState.OUT, MemberState.STALE)]
    was_out = len(incident.now_out())
    after = incident.model_copy(
        update={
            "members": _sorted(members),
            "data_stale": any(m.state is MemberState.STALE for m in still_out),
            "peak_out": max(incident.peak_out, len(still_out)),
        }
    )
    if picture.known:
        taken = {name: value for name in SHARED if (value := getattr(picture, name)) is not None}
        fresh = {"data_as_of": picture.business_date, "ranged": picture.ranged, "known": picture.known}
        fresh["known_out"] = len(picture.out)
        if picture.business_date > incident.data_as_of:
            fresh["out_before"] = was_out
        if picture.out:
            stays = after.data_stale and rank(incident.severity) < rank(picture.severity)
            fresh["severity"] = incident.severity if stays else picture.severity
        after = after.model_copy(update=taken | fresh)
    if not still_out:
        came_back = any(m.state is MemberState.BACK for m in after.latest_spells())
        reason = Reason.RESTOCKED if came_back else Reason.LEFT_RANGE
        ended = {"standing": Standing.RESOLVED, "resolved_on": picture.business_date, "end_reason": reason.value}
        return Decision(reason, after.model_copy(update=ended))
    if after == incident:
        return Decision(Reason.NOTHING_NEW)
    if after.stale_locations() - incident.stale_locations():
        return Decision(Reason.STALE, after)
    if len(still_out) > was_out or rank(after.severity) < rank(incident.severity):
        return Decision(Reason.WORSE, after)
    return Decision(Reason.EASED if len(still_out) < was_out else Reason.FIGURES, after)


def _next_members(picture: Picture, incident: Incident) -> list[Member]:
    """Every spell of the incident as it stands now; a location that went out again after a pause is a new spell."""
    fresh = {member.location_id: member for member in picture.out}
    members: list[Member] = []
    for member in incident.members:
        now = fresh.get(member.location_id)
        if now is not None and now.out_since <= member.last_out:
            continue  # the same spell, seen anew
        if member.state in (MemberState.BACK, MemberState.LEFT_RANGE):
            members.append(member)
        elif now is not None or member.location_id in picture.known_locations:
            members.append(member.model_copy(update={"state": MemberState.BACK}))
        elif picture.partner_is_whole and member.location_id not in picture.ranged_locations:
            members.append(member.model_copy(update={"state": MemberState.LEFT_RANGE}))
        else:
            members.append(member.model_copy(update={"state": MemberState.STALE}))
    return members + list(fresh.values())


def _sorted(members: tuple[Member, ...] | list[Member]) -> tuple[Member, ...]:
    return tuple(sorted(members, key=lambda m: (m.location_id, m.out_since)))

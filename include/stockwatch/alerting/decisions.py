"""What happens to incidents when a date has been checked.

One mechanism: the picture of a date and the incident as it stood give a decision with a reason; a decision that
changes something becomes an event, and the state after it. Deciding again on the same date changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from enum import StrEnum
from operator import attrgetter

from include.stockwatch.alerting.case import (
    REOPEN_DAYS,
    SEVERITY_ORDER,
    Decision,
    Kind,
    Severity,
    Standing,
    fingerprint,
)
from include.stockwatch.alerting.incident import (
    Incident,
    Lack,
    Member,
    MemberState,
    Picture,
    counted,
    is_source,
)
from include.stockwatch.alerting.retold import AS_IT_WAS, Left, TakenBack, retold

CALM_CHECKS = 2
"""Dates in a row with figures below the band before severity falls (A-23)."""


class Reason(StrEnum):
    """Why something was done, or not."""

    FIRST = "first"  # opened
    AGAIN = "again"  # reopened in its thread
    WORSE = "worse"  # more locations, or a higher severity
    EASED = "eased"  # fewer locations
    FIGURES = "figures"  # same locations, other numbers
    STALE = "stale"  # no fresh data: frozen
    RESTOCKED = "restocked"  # resolved, stock is back
    CORRECTED = "corrected"  # resolved, the report was wrong: nothing was ever out
    LEFT_RANGE = "left_range"  # resolved, no longer ranged
    PART_OF = "part_of"  # resolved, its locations are members of other incidents now
    NOT_DUE = "not_due"  # out, but not as long as the threshold asks
    NOTHING_NEW = "nothing_new"
    JUDGED = "judged"  # a person ended it on the same data, or called just this a false alarm
    OLDER_DATE = "older_date"  # the incident has moved on


CHANGES = {
    Reason.FIRST: "opened",
    Reason.AGAIN: "reopened",
    Reason.WORSE: "updated",
    Reason.EASED: "updated",
    Reason.FIGURES: "updated",
    Reason.STALE: "frozen",
    Reason.RESTOCKED: "resolved",
    Reason.CORRECTED: "resolved",
    Reason.LEFT_RANGE: "resolved",
    Reason.PART_OF: "resolved",
}
"""Reasons that make an event, and the kind of event."""


Moved = Mapping[str, str | None]
NOWHERE: Moved = {}


def decide(
    picture: Picture,
    incident: Incident | None,
    *,
    tenant: str,
    new_id: str,
    previous: Incident | None,
    moved: Moved = NOWHERE,
    told: TakenBack = AS_IT_WAS,
    stood: Incident | None = None,
) -> Decision[Incident]:
    """Decide on one item of one partner, or of all partners that a DC feeds.

    `incident` is the open one, if any, `previous` the latest that was resolved; `moved` are places that belong to
    another incident now, and to which: while it has not opened, they stay. `told` is what reports take back of days
    before the date; what the picture takes back of the date itself it says. `stood` is the incident before the date,
    where that was decided on already, see `retold`. Absence of data neither opens, closes nor moves anything (A-02): a
    member without fresh data keeps its state and is marked stale. A date before the data of the incident changes it
    only if it is a DC's: partners that are settled later than the DC join and leave it all the same (A-14).
    """
    if incident is None:
        return _open(picture, tenant, new_id, previous)
    if picture.business_date < incident.data_as_of and incident.kind is not Kind.DC_OUT:
        return _decided(Reason.OLDER_DATE)
    return _follow(picture, incident, moved, told, stood)


def taken_back(ended: Incident, told: TakenBack) -> Decision[Incident]:
    """What is left of an incident that has ended when reports take back days of it."""
    after = retold(ended, told)
    if after == ended:
        return _decided(Reason.NOTHING_NEW)
    if ended.resolved_on and ended.end_reason:  # else a person ended it
        left = {"end_reason": _end(after).value, "resolved_on": _ended_on(after, ended.resolved_on)}
        after = after.model_copy(update=left)
    return Decision(Reason.CORRECTED, "updated", after)


def _decided(reason: Reason, incident: Incident | None = None) -> Decision[Incident]:
    return Decision(reason, CHANGES.get(reason), incident)


def fingerprint_of(picture: Picture, tenant: str) -> str:
    """The fingerprint of the incident that a picture is of: one per kind, partner, item and scope."""
    return fingerprint(tenant, picture.kind, picture.partner, picture.item_id, picture.scope)


SHARED = (
    "kind",
    "scope",
    "scope_name",
    "fed",
    "elsewhere",
    "transit_days",
    "business_days",
    "notes",
    "partner",
    "partner_name",
    "item_id",
    "item_name",
    "category",
    "item_class",
    "brand",
    "currency",
    "location_type",
    "rule",
    "promise",
    "channel",
    "owner",
    "basis",
)
"""What an incident takes over from the picture of the date."""


def _open(picture: Picture, tenant: str, new_id: str, previous: Incident | None) -> Decision[Incident]:
    if not picture.out:
        return _decided(Reason.NOTHING_NEW)
    if not picture.alert_due:
        return _decided(Reason.NOT_DUE)
    ended = previous.resolved_on if previous else None
    is_soon = ended is not None and abs((picture.business_date - ended).days) <= REOPEN_DAYS
    if previous and ended and previous.end_reason is None and picture.business_date <= ended:
        return _decided(Reason.JUDGED)  # only a later date says more than the person who ended it knew
    if (
        previous
        and ended
        and previous.is_false_alarm
        and all(_was_judged(member, previous, ended, is_soon=is_soon) for member in picture.out)
    ):
        return _decided(Reason.JUDGED)
    if previous and is_soon and not previous.was_never_out:  # what never was does not come back
        return _decided(Reason.AGAIN, _reopened(picture, previous))
    opened = Incident(
        incident_id=new_id,
        fingerprint=fingerprint_of(picture, tenant),
        severity=picture.severity,
        opened_on=min(member.out_since for member in picture.out),
        detected_on=picture.business_date,
        data_as_of=picture.business_date,
        members=_sorted(picture, picture.out),
        copies=_copies(picture, ()),
        ranged=picture.ranged,
        known=picture.known,
        known_out=picture.known_out,
        peak_out=picture.counted(),
        previous_id=previous.incident_id if previous else None,
        **{name: getattr(picture, name) for name in SHARED},
    )
    return _decided(Reason.FIRST, opened)


def _was_judged(member: Member, previous: Incident, ended: dt.date, *, is_soon: bool) -> bool:
    """Whether a false alarm was about just this: the same spell; or what was to come there, if that was lately."""
    if member.lack is not Lack.SHORT:
        return member.out_since <= ended
    return is_soon and member.place in {one.place for one in previous.members}


def _reopened(picture: Picture, previous: Incident) -> Incident:
    """The incident of before, going on: a person may have ended it too early, or it came back soon (A-07)."""
    again = previous.model_copy(
        update={
            "standing": Standing.OPEN,
            "resolved_on": None,
            "end_reason": None,
            "handling": previous.handling.again(),
            "severity": picture.severity,  # that of before is over
            "calm_checks": 0,
        }
    )
    return _follow(picture, again).incident or again


def _follow(
    picture: Picture,
    incident: Incident,
    moved: Moved = NOWHERE,
    told: TakenBack = AS_IT_WAS,
    stood: Incident | None = None,
) -> Decision[Incident]:
    rank = SEVERITY_ORDER.index
    left = retold(incident, {**_not_out(picture, incident, moved), **told}, stood)
    members = _next_members(picture, left, moved)
    still_out = [member for member in members if member.is_active]
    was_out = len(incident.now_out())
    after = incident.model_copy(
        update={
            "members": _sorted(picture, members),
            "opened_on": min([left.opened_on, *(one.out_since for one in still_out)]),  # late files tell of before
            "data_stale": any(m.state is MemberState.STALE for m in still_out),
            "peak_out": max(left.peak_out, len(counted(picture.kind, picture.scope, still_out))),
        }
    )
    if picture.business_date < incident.data_as_of:  # the figures of the later date stand
        after = after.model_copy(update={"fed": picture.fed, "copies": _copies(picture, incident.copies)})
    elif picture.known_locations or picture.out:
        taken = {name: value for name in SHARED if (value := getattr(picture, name)) is not None}
        fresh = {"data_as_of": picture.business_date, "ranged": picture.ranged, "known": picture.known}
        fresh |= {"known_out": picture.known_out, "copies": _copies(picture, incident.copies)}
        if picture.business_date > incident.data_as_of:
            fresh["out_before"] = left.count_empty()
        if picture.out:
            fresh |= _severity(picture, incident, is_stale=after.data_stale)
        after = _heeded(incident, after.model_copy(update=taken | fresh))
    if not still_out:
        return _ended(max(picture.business_date, incident.data_as_of), incident, after)
    if after == incident:
        return _decided(Reason.NOTHING_NEW)
    if after.stale_locations() - incident.stale_locations():
        return _decided(Reason.STALE, after)
    if len(still_out) > was_out or rank(after.severity) < rank(incident.severity):
        return _decided(Reason.WORSE, after)
    return _decided(Reason.EASED if len(still_out) < was_out else Reason.FIGURES, after)


def _not_out(picture: Picture, incident: Incident, moved: Moved) -> TakenBack:
    """What the picture takes back of its own date: it was said to be out then, and has stock."""
    date, out = picture.business_date, {member.place for member in picture.out}
    known = picture.known_locations - out - moved.keys()
    before = date - dt.timedelta(days=1)
    return {
        one.spell: Left(one.out_since, before, date) if one.out_since < date else None
        for one in incident.now_out()
        if one.last_out >= date and one.place in known
    }


def _ended(date: dt.date, before: Incident, after: Incident) -> Decision[Incident]:
    """The end of an incident: by a correction, where all that was left of it was never out."""
    reason, on = _end(after), _ended_on(after, date)
    ended = {"standing": Standing.RESOLVED, "resolved_on": on, "end_reason": reason.value}
    if on < date:
        ended["business_days"] = before.business_days  # the picture counts them to its date
    were_out = {member.spell for member in after.members if member.state is not MemberState.CORRECTED}
    is_taken_back = were_out.isdisjoint(member.spell for member in before.now_out())
    return _decided(Reason.CORRECTED if is_taken_back else reason, after.model_copy(update=ended))


def _ended_on(incident: Incident, date: dt.date) -> dt.date:
    """The date on which the last of it was back, as reports tell now; else the date on which that was seen."""
    back = [one.back_on for one in incident.latest_spells() if one.state is MemberState.BACK]
    return max((one for one in back if one), default=date) if len(back) == len(incident.latest_spells()) else date


def _end(incident: Incident) -> Reason:
    """How an incident ended of which nothing is out any more: it never was, or is back, elsewhere or not ranged."""
    if incident.was_never_out:
        return Reason.CORRECTED
    states = {member.state for member in incident.latest_spells()}
    if MemberState.BACK in states:
        return Reason.RESTOCKED
    return Reason.PART_OF if MemberState.MOVED in states else Reason.LEFT_RANGE


def _copies(picture: Picture, before: Iterable[str]) -> tuple[str, ...]:
    """Channels that show a line of it: one that has it keeps it, so that it is brought up to date there."""
    return tuple(sorted({*before, *picture.copies} - {picture.channel}))


def _severity(picture: Picture, incident: Incident, *, is_stale: bool) -> dict[str, object]:
    """Up at once; down by one level, and only on the second date in a row that asks for less (A-23)."""
    rank = SEVERITY_ORDER.index
    if rank(picture.severity) <= rank(incident.severity):
        return {"severity": picture.severity, "calm_checks": 0}
    if is_stale or picture.business_date <= incident.data_as_of:
        return {}
    calm = incident.calm_checks + 1
    if calm < CALM_CHECKS:
        return {"calm_checks": calm}
    return {"severity": SEVERITY_ORDER[rank(incident.severity) + 1], "calm_checks": 0}


def _heeded(before: Incident, after: Incident) -> Incident:
    """What got worse asks for attention again: a snooze ends, and at the highest severity also an acknowledgement."""
    rank = SEVERITY_ORDER.index
    has_risen = rank(after.severity) < rank(before.severity)
    ends_snooze = after.standing is Standing.SNOOZED and (has_risen or before.cause() not in (None, after.cause()))
    ends_ack = after.standing is Standing.ACKNOWLEDGED and has_risen and after.severity is Severity.CRITICAL
    return after.model_copy(update={"standing": Standing.OPEN}) if ends_snooze or ends_ack else after


def _next_members(picture: Picture, incident: Incident, moved: Moved) -> list[Member]:
    """Every spell of the incident as it stands now; a location that went out again after a pause is a new spell."""
    fresh = {member.place: member for member in picture.out}
    members: list[Member] = []
    for member in incident.members:
        now = fresh.get(member.place)
        # what was only to come is no spell: whatever is seen next takes its place
        if now is not None and (now.out_since <= member.last_out or member.lack is Lack.SHORT):
            continue  # the same spell, seen anew
        if not member.is_active or (now is None and _says_nothing(picture, member)):
            members.append(member)
        else:
            members.append(member.model_copy(update=_became(picture, member, now is not None, moved)))
    return members + list(fresh.values())


def _says_nothing(picture: Picture, member: Member) -> bool:
    return (member.partner or picture.partner) in picture.untouched or member.place in picture.not_due


def _became(picture: Picture, member: Member, is_out_anew: bool, moved: Moved) -> dict[str, object]:
    """What changes of a member that is not seen out as before."""
    if is_out_anew:
        return {"state": MemberState.BACK, "back_on": picture.business_date}
    if member.place in moved:
        elsewhere = moved[member.place]
        return {"state": MemberState.MOVED, "moved_to": elsewhere} if elsewhere else {"last_out": picture.business_date}
    if member.place in picture.known_locations:
        return {"state": MemberState.BACK, "back_on": picture.business_date}
    is_whole = member.partner in picture.whole if member.partner else picture.partner_is_whole
    if is_whole and member.place not in picture.ranged_locations:
        return {"state": MemberState.LEFT_RANGE}
    return {"state": MemberState.STALE}


def _sorted(picture: Picture, members: Iterable[Member]) -> tuple[Member, ...]:
    """By location; the DC that it began with comes first."""
    by_location = sorted(members, key=attrgetter("partner", "location_id", "out_since"))
    return tuple(sorted(by_location, key=lambda member: not is_source(picture.kind, picture.scope, member)))

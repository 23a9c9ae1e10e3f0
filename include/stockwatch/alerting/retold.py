"""An incident as reports tell of it now: a corrected report takes back days of its spells, or all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from include.stockwatch.alerting.incident import RECORDED, Incident, Member, MemberState, SpellKey, most_at_once

LOST = ("lost_units", "lost_money", "shoppers_exposed", "customers_lost")
"""What a member has lost by its last day."""


class Left(NamedTuple):
    """What reports leave of a spell that they told more of."""

    out_since: dt.date
    last_out: dt.date
    back_on: dt.date | None  # none while it goes on


TakenBack = Mapping[SpellKey, Left | None]
"""Of spells that are over, what is left; none where reports tell no day of it any more."""
AS_IT_WAS: TakenBack = {}


def retold(incident: Incident, told: TakenBack, stood: Incident | None = None) -> Incident:
    """The incident without what reports take back: a spell of which nothing is left was never out, if reports said so.

    `stood` is the incident before the date, if it was decided on already: a spell that ends as it stood there has lost
    what it had lost; else its days that are left have their share.
    """
    before = {one.spell: one for one in stood.members} if stood else {}
    never = {"state": MemberState.CORRECTED} if incident.kind in RECORDED else {}
    members = tuple(
        _as_told(member, told[member.spell], before.get(member.spell), never) if member.spell in told else member
        for member in incident.members
    )
    if members == incident.members:
        return incident
    first = min((one.out_since for one in members if one.state is not MemberState.CORRECTED), default=None)
    peak = most_at_once(incident.kind, incident.scope, members)
    return incident.model_copy(update={"members": members, "opened_on": first or incident.opened_on, "peak_out": peak})


def _as_told(member: Member, left: Left | None, stood: Member | None, never: Mapping[str, MemberState]) -> Member:
    if left is None:
        nothing = {name: 0.0 for name in LOST if getattr(member, name) is not None}
        return member.model_copy(update={**nothing, "last_out": member.out_since, **never})
    told: dict[str, object] = {"out_since": left.out_since, "back_on": left.back_on}
    if left.back_on is not None:
        told["state"] = MemberState.BACK
    if stood is not None and stood.last_out <= left.last_out and stood.out_since == left.out_since:
        return stood.model_copy(update=told)
    share = ((left.last_out - left.out_since).days + 1) / member.days_out()
    lost = {name: value * share for name in LOST if (value := getattr(member, name)) is not None}
    return member.model_copy(update={**lost, **told, "last_out": left.last_out})

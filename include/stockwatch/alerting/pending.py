"""What lacks stock and is not due yet: on the board with the date on which it becomes due, in no message (A-01)."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.decisions import fingerprint_of
from include.stockwatch.alerting.incident import Lack, Picture, total
from include.stockwatch.domain.value import Value


class Pending(Value):
    """One group that would be an incident if it went on. Locations are named as `Member.place`."""

    fingerprint: str = Field(description="of the incident that it would be")
    business_date: dt.date = Field(description="last date with fresh data that showed it")
    kind: Kind
    partner: str
    scope: str = Field(description="the partner, or the id of a DC")
    item_id: str
    item_name: str | None = None
    category: str | None = None
    currency: str | None = None
    money_at_risk: float | None = Field(default=None, description="of the horizon, as of an incident")
    locations: int = Field(description="that count: of a DC's group, the stores that are empty")
    places: tuple[str, ...] = Field(description="all its locations, the DC as well")
    since: dt.date | None = Field(default=None, description="first date out; null for what is yet to run out")
    due_on: dt.date | None = Field(default=None, description="when it opens if it goes on; null where not known")


def pending_of(picture: Picture, tenant: str) -> Pending:
    """A picture that opens nothing because it is not due."""
    told = {name: getattr(picture, name) for name in Pending.model_fields if name in Picture.model_fields}
    return Pending(
        **told,
        fingerprint=fingerprint_of(picture, tenant),
        money_at_risk=total(picture.kind, picture.scope, picture.out, "at_risk_money"),
        locations=picture.counted(),
        places=tuple(sorted(member.place for member in picture.out)),
        since=min((member.out_since for member in picture.out if member.lack is not Lack.SHORT), default=None),
    )

"""What an incident is: a partner's item that cannot be bought, its locations being members."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from enum import StrEnum

from pydantic import Field

from include.stockwatch.alerting.case import Case, Kind, Listing, Severity
from include.stockwatch.domain.value import Value


class MemberState(StrEnum):
    """How a location of an incident stands on the last date that was looked at."""

    OUT = "out"
    STALE = "stale"  # was out, no fresh data: neither out nor back is claimed
    BACK = "back"
    LEFT_RANGE = "left_range"  # not stocked or sold for the whole look-back: no longer counted


class Member(Value):
    """One out-of-stock spell at one location. Units are sellable units, money in the incident's currency."""

    location_id: str
    location_name: str | None = None
    out_since: dt.date
    last_out: dt.date
    state: MemberState = MemberState.OUT
    lost_units: float | None = Field(default=None, description="spell so far; null = not estimated")
    lost_money: float | None = None
    at_risk_units: float | None = Field(default=None, description="over the horizon, if it lasts")
    at_risk_money: float | None = None
    shoppers_exposed: float | None = None
    customers_lost: float | None = None
    customers_at_risk: float | None = None
    has_open_order: bool | None = Field(default=None, description="null = the feed does not say")
    cause: str | None = Field(default=None, description="why it is out, see alerting/causes.py")
    cause_place: str | None = Field(default=None, description="the DC or region that explains it")
    evidence: tuple[str, ...] = Field(default=(), description="every cause that was weighed, the one that counts first")

    def days_out(self) -> int:
        """Days of the spell, both ends included."""
        return (self.last_out - self.out_since).days + 1


class Basis(Value):
    """What the figures of an incident rest on; said in every message."""

    horizon_days: int = Field(description="days ahead of every figure `at risk`")
    assumptions: str = Field(description="name of the lost-customer assumptions")
    dated: str
    low: float = Field(description="10 % point of customers lost, as a multiple of the estimate")
    high: float = Field(description="90 % point")


class Picture(Value):
    """One partner's item on one date, as the availability table shows it."""

    kind: Kind = Kind.OUT_OF_STOCK
    scope: str = Field(default="partner", description="what it covers: the partner, or the id of a DC")
    partner: str
    partner_name: str
    item_id: str
    item_name: str | None = None
    category: str | None = None
    brand: str | None = None
    currency: str | None = None
    business_date: dt.date
    ranged: int = Field(description="locations where the item is ranged")
    known: int = Field(description="of these, with fresh data")
    known_locations: frozenset[str] = frozenset()
    ranged_locations: frozenset[str] = frozenset()
    partner_is_whole: bool = Field(description="every feed of the partner delivered this date")
    location_type: str = "store"
    out: tuple[Member, ...] = ()
    alert_due: bool = Field(default=False, description="some location is out as long as its threshold asks")
    rule: str = "default"
    promise: float = Field(description="min_in_stock_rate that applies, a share")
    severity: Severity = Severity.LOW
    channel: str
    owner: str
    basis: Basis


class Incident(Case):
    """An item of a partner without stock, or soon without."""

    kind: Kind = Kind.OUT_OF_STOCK
    severity: Severity = Severity.LOW
    item_id: str
    item_name: str | None = None
    category: str | None = None
    brand: str | None = None
    currency: str | None = None
    location_type: str = "store"
    rule: str
    promise: float
    basis: Basis
    scope: str = "partner"
    calm_checks: int = Field(default=0, description="dates in a row whose figures ask for less severity (A-23)")
    opened_on: dt.date = Field(description="first business date out")
    detected_on: dt.date = Field(description="business date whose check opened the incident")
    data_as_of: dt.date = Field(description="last business date with fresh data of this item")
    data_stale: bool = False
    resolved_on: dt.date | None = None
    end_reason: str | None = None
    members: tuple[Member, ...] = ()
    ranged: int = 0
    known: int = 0
    known_out: int = Field(default=0, description="locations known to be out on `data_as_of`")
    out_before: int | None = Field(default=None, description="locations out on the date looked at before")
    peak_out: int = 0
    previous_id: str | None = None

    def listed(self) -> Listing:
        """The incident as a line of a list."""
        told = {name: getattr(self, name) for name in Listing.model_fields if name in type(self).model_fields}
        lost, at_risk = self.total("customers_lost"), self.total("customers_at_risk", now_out_only=True)
        return Listing(
            **told,
            cause=self.cause(),
            money_at_risk=self.total("at_risk_money", now_out_only=True),
            money_lost=self.total("lost_money"),
            customers_at_risk=None if lost is None and at_risk is None else (lost or 0.0) + (at_risk or 0.0),
            locations_out=len({member.location_id for member in self.now_out()}) if self.is_open else 0,
            locations=self.ranged,
        )

    @property
    def is_false_alarm(self) -> bool:
        """Whether the latest person who looked found nothing wrong."""
        return bool(self.handling.verdicts) and not self.handling.verdicts[-1].is_confirmed

    def cause(self) -> str | None:
        """What explains most of the locations that are out."""
        causes = Counter(member.cause for member in self.now_out() if member.cause)
        return min(causes, key=lambda cause: (-causes[cause], cause)) if causes else None

    def total(self, figure: str, *, now_out_only: bool = False) -> float | None:
        """Sum of a member figure; null when no member has it."""
        members = self.now_out() if now_out_only else self.members
        found = [value for member in members if (value := getattr(member, figure)) is not None]
        return sum(found) if found else None

    def stale_locations(self) -> set[str]:
        """Locations of which neither out nor back is known."""
        return {member.location_id for member in self.members if member.state is MemberState.STALE}

    def latest_spells(self) -> tuple[Member, ...]:
        """The latest spell of every location."""
        latest: dict[str, Member] = {}
        for member in sorted(self.members, key=lambda m: m.out_since):
            latest[member.location_id] = member
        return tuple(latest.values())

    def now_out(self) -> tuple[Member, ...]:
        """Members not known to be back: out, or out when last seen."""
        return tuple(m for m in self.members if m.state in (MemberState.OUT, MemberState.STALE))

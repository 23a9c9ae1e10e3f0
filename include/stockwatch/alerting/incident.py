"""What an incident is: a partner's item that cannot be bought, its locations being members."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from enum import StrEnum

from pydantic import Field

from include.stockwatch.domain.value import Value

FINGERPRINT_VERSION = 1


class Standing(StrEnum):
    """Whether an incident is still going on."""

    OPEN = "open"
    RESOLVED = "resolved"


class MemberState(StrEnum):
    """How a location of an incident stands on the last date that was looked at."""

    OUT = "out"
    STALE = "stale"  # was out, no fresh data: neither out nor back is claimed
    BACK = "back"
    LEFT_RANGE = "left_range"  # not stocked or sold for the whole look-back: no longer counted


class Severity(StrEnum):
    """How much an incident matters, from money and customers at risk."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SEVERITY_ORDER = tuple(Severity)


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

    partner: str
    partner_name: str
    item_id: str
    item_name: str | None = None
    category: str | None = None
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


class Incident(Value):
    """The whole state of an incident; a message is rendered from this and nothing else."""

    incident_id: str
    fingerprint: str
    standing: Standing = Standing.OPEN
    severity: Severity = Severity.LOW
    partner: str
    partner_name: str
    item_id: str
    item_name: str | None = None
    category: str | None = None
    currency: str | None = None
    location_type: str = "store"
    rule: str
    promise: float
    channel: str
    owner: str
    basis: Basis
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


def fingerprint(tenant: str, rule_family: str, partner: str, item_id: str, scope: str, cause: str) -> str:
    """What makes two sightings the same incident (alerting requirement A-10): no numbers, dates or names in it."""
    identity = {
        "v": FINGERPRINT_VERSION,
        "tenant": tenant,
        "rule": rule_family,
        "partner": partner,
        "item": item_id,
        "scope": scope,
        "cause": cause,
    }
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]

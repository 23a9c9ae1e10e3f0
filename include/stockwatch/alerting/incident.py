"""What an incident of stock is: an item that cannot be bought, or soon cannot, its locations being members.

Four kinds share it: out of stock, phantom stock, will run out, and DC out. Every series that costs is a member of one
incident alone; where it belongs elsewhere by and by, it moves (see grouping.py).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from include.stockwatch.alerting.actions import FALSE_ALARM_REASONS
from include.stockwatch.alerting.case import Case, Kind, Listing, Severity
from include.stockwatch.domain.value import Value


class MemberState(StrEnum):
    """How a location of an incident stands on the last date that was looked at."""

    OUT = "out"
    STALE = "stale"  # was out, no fresh data: neither out nor back is claimed
    BACK = "back"
    LEFT_RANGE = "left_range"  # not stocked or sold for the whole look-back: no longer counted
    MOVED = "moved"  # still out, and a member of another incident now
    CORRECTED = "corrected"  # was never out: the report that said so was put right


UNITS_OF = {"lost_money": "lost_units", "at_risk_money": "at_risk_units"}
"""What money is the worth of."""
RECORDED = (Kind.OUT_OF_STOCK, Kind.DC_OUT)
"""Kinds that are what reports say; the others are what we make of them."""
ACTIVE = (MemberState.OUT, MemberState.STALE)
"""Not known to be back: out, or out when last seen."""
SpellKey = tuple[str, dt.date]
"""What names a member among those of an incident: its place, and its first day."""


class Lack(StrEnum):
    """What a location is a member for."""

    EMPTY = "empty"  # by the record
    DOUBTFUL = "doubtful"  # the record shows stock, the shelf is probably empty
    SHORT = "short"  # there is stock, and it will not last


class Member(Value):
    """One spell at one location. Units are sellable units, money in the incident's currency."""

    partner: str = Field(default="", description="where it is not the incident's own: stores that a DC feeds")
    location_id: str
    location_name: str | None = None
    is_dc: bool = Field(default=False, description="of an incident of a DC: this DC, or one that it serves")
    lack: Lack = Lack.EMPTY
    out_since: dt.date = Field(description="first day of the spell; of a lack to come, when it was seen first")
    last_out: dt.date
    state: MemberState = MemberState.OUT
    moved_to: str | None = Field(default=None, description="incident that it is a member of now")
    back_on: dt.date | None = Field(default=None, description="date on which it was seen to be back")
    lost_units: float | None = Field(default=None, description="spell so far; null = not estimated")
    lost_money: float | None = None
    other_currency: str | None = Field(default=None, description="of its money, left out: not the incident's")
    at_risk_units: float | None = Field(default=None, description="over the horizon, if it lasts")
    at_risk_money: float | None = None
    shoppers_exposed: float | None = None
    customers_lost: float | None = None
    customers_at_risk: float | None = None
    has_open_order: bool | None = Field(default=None, description="null = the feed does not say")
    on_hand_units: float | None = Field(default=None, description="on record; null where it is empty")
    units_per_day: float | None = Field(default=None, description="expected to be wanted, without a promotion")
    promoted_units_per_day: float | None = Field(default=None, description="while a promotion goes on; null = none is")
    promoted_until: dt.date | None = Field(default=None, description="the last day that it is expected to")
    silent_days: int | None = Field(default=None, description="days with stock on record and no sale")
    p_phantom: float | None = Field(default=None, description="probability that the shelf is empty all the same")
    p_phantom_before: float | None = Field(default=None, description="the same before the silence, by the record alone")
    days_of_supply: float | None = None
    p_runs_out: float | None = Field(default=None, description="before the next receipt")
    runs_out_on: dt.date | None = None
    short_units: float | None = Field(default=None, description="wanted and missing until the next receipt")
    next_receipt_on: dt.date | None = Field(default=None, description="expected; null = not known")
    inbound_units: float | None = Field(default=None, description="on order or in transit; null = not told")
    cause: str | None = Field(default=None, description="why it is out, see alerting/causes.py")
    cause_place: str | None = Field(default=None, description="the DC or region that explains it")
    evidence: tuple[str, ...] = Field(default=(), description="every cause that was weighed, the one that counts first")

    def days_out(self) -> int:
        """Days of the spell, both ends included."""
        return (self.last_out - self.out_since).days + 1

    @property
    def place(self) -> str:
        """What names the location among those of an incident."""
        return place(self.partner, self.location_id)

    @property
    def spell(self) -> SpellKey:
        """What names it among the members of an incident."""
        return self.place, self.out_since

    @property
    def is_active(self) -> bool:
        """Not known to be back: out, or out when last seen."""
        return self.state in ACTIVE


def place(partner: str, location_id: str) -> str:
    """What names a location among those of an incident; `partner` is '' for the incident's own."""
    return f"{partner}:{location_id}" if partner else location_id


class Fed(Value):
    """A partner whose stores a DC feeds."""

    partner: str
    partner_name: str
    locations: int | None = Field(default=None, description="that the DC feeds with the item; null = not known")


class Elsewhere(Value):
    """Locations of a partner that are out as well, and members of another incident."""

    partner: str
    dc_id: str | None = Field(default=None, description="that the other incident is of; null = it is of no DC")
    locations: int


class Basis(Value):
    """What the figures of an incident rest on; said in every message."""

    horizon_days: int = Field(description="days ahead of every figure `at risk`")
    assumptions: str = Field(description="name of the lost-customer assumptions")
    dated: str
    low: float = Field(description="10 % point of customers lost, as a multiple of the estimate")
    high: float = Field(description="90 % point")


class Picture(Value):
    """One partner's item on one date, as the availability table shows it. Locations are named as `Member.place`."""

    kind: Kind = Kind.OUT_OF_STOCK
    scope: str = Field(default="partner", description="what it covers: the partner, or the id of a DC")
    scope_name: str | None = Field(default=None, description="the name of the DC")
    partner: str
    partner_name: str
    item_id: str
    item_name: str | None = None
    category: str | None = None
    item_class: str | None = None
    brand: str | None = None
    currency: str | None = None
    business_date: dt.date
    ranged: int = Field(description="locations where the item is ranged")
    known: int = Field(description="of these, with fresh data")
    known_out: int = Field(default=0, description="of these, out, whichever incident they are in; of a DC, its own")
    elsewhere: tuple[Elsewhere, ...] = Field(default=(), description="of these, out and in other incidents")
    known_locations: frozenset[str] = frozenset()
    ranged_locations: frozenset[str] = frozenset()
    partner_is_whole: bool = Field(description="every feed of the partner delivered this date")
    whole: frozenset[str] = Field(default=frozenset(), description="the same of other partners")
    untouched: frozenset[str] = Field(default=frozenset(), description="partners of whom the date says nothing")
    not_due: frozenset[str] = Field(default=frozenset(), description="locations of which nothing was due")
    fed: tuple[Fed, ...] = ()
    transit_days: float | None = Field(default=None, description="that stores wait for goods after the DC is back")
    business_days: int | None = Field(
        default=None, description="of the route, that the incident lasted; once it may end"
    )
    location_type: str = "store"
    out: tuple[Member, ...] = ()
    alert_due: bool = Field(default=False, description="some location is out as long as its threshold asks")
    due_on: dt.date | None = Field(default=None, description="if none is: when the first will be, if it goes on")
    rule: str = "default"
    promise: float = Field(description="min_in_stock_rate that applies, a share")
    severity: Severity = Severity.LOW
    notes: tuple[str, ...] = Field(default=(), description="what moved the severity, and what figures leave out")
    channel: str
    copies: tuple[str, ...] = Field(default=(), description="channels that get a line of it")
    owner: str
    basis: Basis

    def counted(self) -> int:
        """Locations that are counted: of a DC's, the stores that are empty."""
        return len(counted(self.kind, self.scope, self.out))


def counted(kind: Kind, scope: str, members: Iterable[Member]) -> list[Member]:
    """Members that count as locations: under a DC, the stores that are empty, no DC and not what it will leave."""
    if kind is not Kind.DC_OUT:
        return list(members)
    return [one for one in members if one.lack is not Lack.SHORT and not is_source(kind, scope, one) and not one.is_dc]


def most_at_once(kind: Kind, scope: str, members: Iterable[Member]) -> int:
    """The most locations that were out on one day, as `counted`, by the spells of members that were out at all."""
    spells = [one for one in counted(kind, scope, members) if one.state is not MemberState.CORRECTED]
    days = {one.out_since for one in spells}
    return max((sum(one.out_since <= on <= one.last_out for one in spells) for on in days), default=0)


def is_source(kind: Kind, scope: str, member: Member) -> bool:
    """Whether a member is the DC itself."""
    return kind is Kind.DC_OUT and member.location_id == scope and not member.partner


def total(kind: Kind, scope: str, members: Iterable[Member], *figures: str) -> float | None:
    """Sum of some figures of members, of the first of the `sides` that tells them; null when no member has any."""
    found = sides(kind, scope, members, *(UNITS_OF.get(name, name) for name in figures))
    return next((value for side in found if (value := summed(side, *figures)) is not None), None)


def sides(kind: Kind, scope: str, members: Iterable[Member], *figures: str) -> list[list[Member]]:
    """The members whose figures count, and those whose do not.

    A DC tells of all that it sends, so do the DCs that it serves, and its stores of what they lack so far: the largest
    stands. What is no DC has one side.
    """
    parts: tuple[list[Member], ...] = ([], [], [])
    for member in members:
        parts[2 if is_source(kind, scope, member) else member.is_dc].append(member)
    return sorted(filter(None, parts), key=lambda part: -(summed(part, *figures) or 0.0))


def summed(members: Iterable[Member], *figures: str) -> float | None:
    """Sum of some figures; null when no member has any."""
    values = [value for one in members for name in figures if (value := getattr(one, name)) is not None]
    return sum(values) if values else None


def cause_of(kind: Kind, partner: str, fed: Iterable[Fed], out: Iterable[Member]) -> str | None:
    """What explains most of the locations that are out. Of a DC it is the DC, a retailer's or a distributor's, however
    many of its stores are empty by now: who acts does not change from day to day."""
    theirs = {one.partner for one in fed}
    if kind is Kind.DC_OUT and theirs:
        return "retailer_dc" if theirs == {partner} else "distributor_dc"
    causes = Counter(member.cause for member in out if member.cause)
    return min(causes, key=lambda cause: (-causes[cause], cause)) if causes else None


class Incident(Case):
    """An item of a partner without stock, or soon without."""

    kind: Kind = Kind.OUT_OF_STOCK
    severity: Severity = Severity.LOW
    item_id: str
    item_name: str | None = None
    category: str | None = None
    item_class: str | None = None
    brand: str | None = None
    currency: str | None = None
    location_type: str = "store"
    rule: str
    promise: float
    basis: Basis
    scope: str = "partner"
    scope_name: str | None = None
    fed: tuple[Fed, ...] = ()
    transit_days: float | None = None
    business_days: int | None = None
    notes: tuple[str, ...] = ()
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
    known_out: int = Field(default=0, description="locations out on `data_as_of`, as the picture tells")
    elsewhere: tuple[Elsewhere, ...] = ()
    out_before: int | None = Field(default=None, description="locations out on the date looked at before")
    peak_out: int = 0
    previous_id: str | None = None
    vanished: tuple[str, ...] = Field(default=(), description="promise incidents of its item having vanished")

    def listed(self) -> Listing:
        """The incident as a line of a list."""
        told = {name: getattr(self, name) for name in Listing.model_fields if name in type(self).model_fields}
        lost, at_risk = self.total("customers_lost"), self.total("customers_at_risk", now_out_only=True)
        customers = None if lost is None and at_risk is None else (lost or 0.0) + (at_risk or 0.0)
        return Listing(
            **told,
            cause=self.cause(),
            money_at_risk=self.total("at_risk_money", now_out_only=True),
            money_lost=self.total("lost_money"),
            customers_at_risk=customers,
            customers_low=None if customers is None else customers * self.basis.low,
            customers_high=None if customers is None else customers * self.basis.high,
            locations_out=len({member.place for member in self.empty()}) if self.is_open else 0,
            locations=self.ranged,
        )

    def facts(self, location_id: str | None = None) -> dict[str, str | None]:
        """What threshold rules match: of one of its locations, or of all together."""
        told = {name: getattr(self, name) for name in ("partner", "category", "item_class", "item_id")}
        return {**told, "location_id": location_id}

    @property
    def is_false_alarm(self) -> bool:
        """Whether the latest person who looked found nothing wrong, and nobody ended it for another reason since."""
        said, ended = self.handling.verdicts, self.handling.resolve_reason
        return bool(said) and not said[-1].is_confirmed and ended in (None, *FALSE_ALARM_REASONS.values())

    @property
    def was_never_out(self) -> bool:
        """Whether nothing but a report that was corrected ever said that something was out."""
        said = [member for member in self.members if member.lack is not Lack.SHORT]
        return bool(said) and all(member.state is MemberState.CORRECTED for member in said)

    def cause(self) -> str | None:
        """What explains it, as `cause_of`; once it has ended, what did."""
        return cause_of(self.kind, self.partner, self.fed, self.now_out() or self.members)

    def total(self, figure: str, *, now_out_only: bool = False) -> float | None:
        """Sum of a member figure as `total`; null when no member has it."""
        members = self.now_out() if now_out_only else self.members
        return total(self.kind, self.scope, members, figure)

    def sides(self, figure: str, *, now_out_only: bool = False) -> list[list[Member]]:
        """The members whose figure counts, and those whose does not, as `sides`."""
        return sides(self.kind, self.scope, self.now_out() if now_out_only else self.members, figure)

    def count_empty(self) -> int:
        """Locations that are empty: its members, and of those that a DC feeds also those in other incidents."""
        others = sum(one.locations for one in self.elsewhere) if self.kind is Kind.DC_OUT else 0
        return len(self.empty()) + others

    def empty(self) -> list[Member]:
        """Members not known to be back that count as locations, as `counted`."""
        return counted(self.kind, self.scope, self.now_out())

    def dcs_behind(self) -> list[Member]:
        """The DCs that are empty because the DC of the incident is."""
        out = [one for one in self.now_out() if one.is_dc and one.lack is not Lack.SHORT]
        return [one for one in out if not is_source(self.kind, self.scope, one)]

    def source(self) -> Member | None:
        """The latest spell of the DC itself; none where it is no incident of a DC, or the DC was never seen out."""
        seen = [member for member in self.members if member.state is not MemberState.CORRECTED]
        mine = [member for member in seen if is_source(self.kind, self.scope, member)]
        return max(mine, key=lambda member: member.out_since) if mine else None

    def stale_locations(self) -> set[str]:
        """Locations of which neither out nor back is known."""
        return {member.place for member in self.members if member.state is MemberState.STALE}

    def latest_spells(self) -> tuple[Member, ...]:
        """The latest spell of every location; where any was out, only of those that were."""
        latest: dict[str, Member] = {}
        were_out = [member for member in self.members if member.state is not MemberState.CORRECTED]
        for member in sorted(were_out or self.members, key=lambda m: m.out_since):
            latest[member.place] = member
        return tuple(latest.values())

    def now_out(self) -> tuple[Member, ...]:
        """Members not known to be back: out, or out when last seen."""
        return tuple([member for member in self.members if member.state in ACTIVE])

"""What every incident has in common, whatever it is about: who is told, how it stands, and what people did with it.

A case is changed by decisions alone: of a check, of the feed watch, or of a person. A decision that changes something
becomes an event with the case as it stands after, so that state can be told from events (A-08).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import Field

from include.stockwatch.domain.value import Value

FINGERPRINT_VERSION = 1
STARTS = ("opened", "reopened")
"""Events with which an incident begins."""
REOPEN_DAYS = 9
"""Days (about seven business days) in which the same incident is opened again, in its thread (A-07)."""


class Kind(StrEnum):
    """What an incident is about. Each has its page in docs/alerts."""

    OUT_OF_STOCK = "out_of_stock"
    PHANTOM_STOCK = "phantom_stock"  # the record shows stock, the shelf is probably empty
    WILL_RUN_OUT = "will_run_out"  # stock will not last until the next receipt
    DC_OUT = "dc_out"  # a distribution centre is empty, and the locations that it feeds with it
    MASS_CHANGE = "mass_change"  # so much changed at once that it is not believed
    FEED_PROBLEM = "feed_problem"  # late, silent, held, small or without sales
    PROMISE_PRICE = "promise_price"
    PROMISE_PACK = "promise_pack"
    PROMISE_VANISHED = "promise_vanished"
    PROMISE_QUALITY = "promise_quality"
    NO_OWNER = "no_owner"  # an account without somebody who acts


STOCK_KINDS = (Kind.OUT_OF_STOCK, Kind.PHANTOM_STOCK, Kind.WILL_RUN_OUT, Kind.DC_OUT)
"""Kinds that stand for locations without stock, or soon without."""
PROMISE_KINDS = (Kind.PROMISE_PRICE, Kind.PROMISE_PACK, Kind.PROMISE_VANISHED, Kind.PROMISE_QUALITY)


class Standing(StrEnum):
    """Whether an incident is still going on, and whether somebody has it in hand."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # somebody took it: no reminders for a while
    SNOOZED = "snoozed"  # quiet until a time that somebody named
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How much an incident matters, from money and customers at risk."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SEVERITY_ORDER = tuple(Severity)


class Verdict(Value):
    """What a person who looked says of an alert (A-55)."""

    person: str = Field(description="e-mail")
    is_confirmed: bool = Field(description="false = false alarm")
    reason: str | None = Field(default=None, description="why it was a false alarm")
    at: dt.datetime


class Handling(Value):
    """What people did with an incident."""

    acknowledged_by: str | None = None
    acknowledged_at: dt.datetime | None = None
    acknowledged_until: dt.datetime | None = Field(default=None, description="then it is open again (A-03)")
    first_acknowledged_at: dt.datetime | None = None
    snoozed_by: str | None = None
    snoozed_until: dt.datetime | None = None
    snooze_reason: str | None = None
    resolved_by: str | None = Field(default=None, description="the person; none where data ended it, or it goes on")
    resolve_reason: str | None = None
    claimed_by: str | None = Field(default=None, description="who took an account without owner over")
    restock_on: dt.date | None = Field(default=None, description="as somebody confirmed it")
    restock_units: float | None = None
    verdicts: tuple[Verdict, ...] = Field(default=(), description="the last one of each person")
    reopened: int = 0
    reminders: int = 0
    escalation: int = Field(default=0, description="steps taken: 1 = backup, 2 = lead")

    def again(self) -> Handling:
        """What stays of it when the incident is opened again: verdicts, and when it was taken first."""
        kept = {"verdicts": self.verdicts, "first_acknowledged_at": self.first_acknowledged_at}
        return Handling(**kept, reopened=self.reopened + 1)


class Listing(Value):
    """An incident as a line of a list: what is filtered, sorted and summed. Units and money as in the case."""

    severity: Severity | None = None
    item_id: str = ""
    item_name: str | None = None
    category: str | None = None
    brand: str | None = None
    cause: str | None = None
    currency: str | None = None
    money_at_risk: float | None = None
    money_lost: float | None = None
    customers_at_risk: float | None = Field(default=None, description="lost for good so far and over the horizon")
    customers_low: float | None = Field(default=None, description="10 % point of the same")
    customers_high: float | None = Field(default=None, description="90 % point")
    locations_out: int | None = None
    locations: int | None = None
    opened_on: dt.date | None = None
    data_as_of: dt.date | None = None
    data_stale: bool = False


class Case(Value):
    """The whole state of an incident; its message and its line in a list are made from this and nothing else."""

    kind: Kind
    incident_id: str
    fingerprint: str
    standing: Standing = Standing.OPEN
    partner: str = Field(default="", description="'' = no partner alone")
    partner_name: str
    channel: str
    copies: tuple[str, ...] = Field(default=(), description="channels that show a line of it (A-31)")
    owner: str
    handling: Handling = Handling()

    @property
    def is_open(self) -> bool:
        """Whether it goes on: somebody may have it in hand, or it may be quiet for a while."""
        return self.standing is not Standing.RESOLVED

    def listed(self) -> Listing:
        """The incident as a line of a list."""
        return Listing()


C = TypeVar("C", bound=Case)


@dataclass(frozen=True)
class Decision(Generic[C]):
    """What to do about an incident, why, and the incident as it stands after; without an event nothing changes."""

    reason: StrEnum
    event_kind: str | None = None
    incident: C | None = None


def reopened(found: C, before: C) -> C:
    """What has just been found as the incident of before going on, in its thread and with its history (A-07)."""
    kept = {name: getattr(before, name) for name in ("incident_id", "channel", "owner")}
    return found.model_copy(update={**kept, "handling": before.handling.again()})


def fingerprint(tenant: str, kind: Kind, partner: str, item_id: str, scope: str = "partner") -> str:
    """What makes two sightings the same incident (A-10): no numbers, dates or names in it.

    `scope` is what the incident covers: the whole partner, a DC, or a feed.
    """
    identity = {
        "v": FINGERPRINT_VERSION,
        "tenant": tenant,
        "rule": kind.value,
        "partner": partner,
        "item": item_id,
        "scope": scope,
        "cause": "unknown",  # causes change while an incident goes on
    }
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]

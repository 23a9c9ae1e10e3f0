"""What a data incident is, and what happens to it: a feed is late, silent, held, smaller than usual, or without sales.

Missing or partial data is no news about stock: it never opens, closes or moves an incident of stock (A-02). It is told
once per feed instead, as a data incident of its own, which only a delivery of the newest due date ends.
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
from include.stockwatch.domain.availability import CLOSED_UNITS
from include.stockwatch.domain.value import Value

SILENT_FROM = 2
"""Due dates without a delivery from which a feed is silent, not merely late."""


class Trouble(StrEnum):
    """What is wrong with a feed. The first that applies is told."""

    HELD = "held"  # a file came and waits for somebody
    SILENT = "silent"  # several due dates without a delivery
    LATE = "late"  # one due date past its cut-off
    SMALL = "small"  # its newest date has far fewer rows than usual
    NO_SALES = "without sales"  # its newest date sold nothing of anything, where usually something sells


class Reason(StrEnum):
    """Why something was done, or not."""

    FIRST = "first"  # opened
    AGAIN = "again"  # reopened in its thread
    OTHER_TROUBLE = "other_trouble"  # late became silent, held became late
    FIGURES = "figures"  # the same trouble, other dates or effects
    DELIVERED = "delivered"  # resolved
    ALL_WELL = "all_well"
    NOTHING_NEW = "nothing_new"
    JUDGED = "judged"  # a person closed just this


CHANGES = {
    Reason.FIRST: "opened",
    Reason.AGAIN: "reopened",
    Reason.OTHER_TROUBLE: "updated",
    Reason.FIGURES: "updated",
    Reason.DELIVERED: "resolved",
}
"""Reasons that make an event, and the kind of event."""


class HeldFile(Value):
    """A file of the feed that waits for a decision."""

    file_name: str
    received_at: dt.datetime
    codes: tuple[str, ...]
    rows_in: int
    usual_rows_in: float | None = Field(
        default=None, description="of files with as many dates before it, counted alike"
    )
    rows_rejected: int
    is_releasable: bool


class Told(Value):
    """What a message tells of a feed beside its trouble."""

    partner: str
    partner_name: str
    time_zone: str = Field(description="the partner's; times of the message are in it")
    channel: str
    owner: str
    newest: dt.date = Field(description="newest delivered date: the last good day")
    missing: tuple[dt.date, ...] = Field(default=(), description="due dates past their cut-off after `newest`")
    skipped: tuple[dt.date, ...] = Field(default=(), description="due dates of late before `newest` that never came")
    wanted: dt.date = Field(description="the newest date that is due, or due next; its delivery ends the incident")
    expected_by: dt.datetime = Field(description="cut-off of the oldest date that is waited for, or of the next")
    usually_by: str | None = Field(default=None, description="by when 95 % of the files came, e.g. 07:10")
    held: HeldFile | None = None
    rows: int = Field(description="of the newest date")
    usual_rows: float | None = None
    units_sold: float | None = Field(default=None, description="on the newest date; none where its rows do not say")
    usual_units_sold: float | None = None
    least_units_sold: float | None = Field(default=None, description="of the latest dates on which something sells")
    min_rows_share: float = 0.0
    frozen: tuple[str, ...] = Field(default=(), description="open incidents of the partner that stand still")


class FeedPicture(Told):
    """A feed as the ledger shows it now."""

    feed_id: str

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with the feed; none if all is well."""
        if self.held:
            return Trouble.HELD
        if len(self.missing) >= SILENT_FROM:
            return Trouble.SILENT
        if self.missing:
            return Trouble.LATE
        if self.usual_rows and self.rows < self.min_rows_share * self.usual_rows:
            return Trouble.SMALL
        if not self.units_sold and min(self.usual_units_sold or 0.0, self.least_units_sold or 0.0) >= CLOSED_UNITS:
            return Trouble.NO_SALES
        return None


class DataIncident(Told, Case):
    """A feed that cannot be relied on."""

    kind: Kind = Kind.FEED_PROBLEM
    feed_id: str
    trouble: Trouble
    since: dt.datetime = Field(description="the cut-off that passed, or the arrival of the file")
    ended_at: dt.datetime | None = None

    def listed(self) -> Listing:
        """The incident as a line of a list."""
        return Listing(cause=self.trouble.value, opened_on=self.since.date(), data_as_of=self.newest)


def fingerprint_of(picture: FeedPicture, tenant: str) -> str:
    """The fingerprint of the incident that a picture is of: one for each feed."""
    return fingerprint(tenant, Kind.FEED_PROBLEM, picture.partner, "", scope=picture.feed_id)


def decide(
    picture: FeedPicture,
    incident: DataIncident | None,
    *,
    tenant: str,
    new_id: str,
    now: dt.datetime,
    previous: DataIncident | None = None,
) -> Decision[DataIncident]:
    """Decide on one feed; `incident` is the open one, if any, `previous` the latest that was resolved.

    The same picture again changes nothing. What a person closed stays closed until another date is missing, or there
    is other trouble. An incident whose trouble is gone without a delivery (a held file was
    discarded before its date is late) stays open until the date that it waits for is there.
    """
    trouble = picture.trouble
    if incident is None:
        if trouble is None:
            return _decided(Reason.ALL_WELL)
        first = DataIncident(
            incident_id=new_id,
            fingerprint=fingerprint_of(picture, tenant),
            trouble=trouble,
            since=_since(picture, trouble, now),
            **_told(picture, None),
        )
        if previous is None or (picture.wanted - previous.wanted).days > REOPEN_DAYS:
            return _decided(Reason.FIRST, first)
        is_same = picture.wanted <= previous.wanted and trouble is previous.trouble
        if previous.handling.resolved_by and is_same:
            return _decided(Reason.JUDGED)
        return _decided(Reason.AGAIN, reopened(first, previous))
    if trouble is None and picture.newest >= incident.wanted:
        ended = {"standing": Standing.RESOLVED, "ended_at": now, **_told(picture, incident)}
        return _decided(Reason.DELIVERED, incident.model_copy(update=ended))
    trouble = trouble or Trouble.LATE  # not there, though its cut-off may be to come
    after = incident.model_copy(update={"trouble": trouble, **_told(picture, incident)})
    if after == incident:
        return _decided(Reason.NOTHING_NEW)
    return _decided(Reason.OTHER_TROUBLE if trouble is not incident.trouble else Reason.FIGURES, after)


def _decided(reason: Reason, incident: DataIncident | None = None) -> Decision[DataIncident]:
    return Decision(reason, CHANGES.get(reason), incident)


def _told(picture: FeedPicture, before: DataIncident | None) -> dict[str, object]:
    told = {name: getattr(picture, name) for name in FeedPicture.model_fields}
    if before:
        told |= {"channel": before.channel, "owner": before.owner}  # only a hand-over moves it
        told["wanted"] = max(picture.wanted, before.wanted)
    return told


def _since(picture: FeedPicture, trouble: Trouble, now: dt.datetime) -> dt.datetime:
    if trouble is Trouble.HELD and picture.held:
        return picture.held.received_at
    return now if trouble in (Trouble.SMALL, Trouble.NO_SALES) else picture.expected_by

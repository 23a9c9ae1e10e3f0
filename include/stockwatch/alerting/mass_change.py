"""So much of a partner ran out at once that it is not believed: nothing is decided until somebody has looked (A-17).

A file that lost half of its rows, or a column, looks like an outage of everything. Instead of hundreds of incidents
there is one, which says what would have changed. It is approved (then the date is decided as it is), discarded, or
settled by data that are believed.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import Field

from include.stockwatch.alerting.case import Case, Decision, Kind, Listing, Standing, fingerprint
from include.stockwatch.domain.value import Value

ITEMS_KEPT = 5


class MassChangeSettings(Value):
    """When what ran out at once is too much to be believed."""

    members: int = Field(default=20, ge=1, description="newly out series of a partner on a date: more are held")
    share: float = Field(default=0.05, gt=0, le=1, description="of the partner's ranged series, where that is more")
    locations_share: float = Field(default=0.3, gt=0, le=1, description="of the locations of one item: more are held")
    min_locations: int = Field(default=10, ge=1, description="fewer newly out locations of one item are believed")
    feed_share: float = Field(default=0.8, gt=0, le=1, description="of a feed's series that had stock: more are held")
    feed_min_series: int = Field(default=5, ge=1, description="fewer newly out series of a feed are believed")


class Reason(StrEnum):
    """Why something was done, or not."""

    FIRST = "first"  # opened
    ANOTHER_DATE = "another_date"  # the next date shows the same
    FIGURES = "figures"
    SETTLED = "settled"  # resolved: a date is believed
    ALL_WELL = "all_well"
    NOTHING_NEW = "nothing_new"
    JUDGED = "judged"  # a person discarded just this
    OLDER_DATE = "older_date"


CHANGES = {
    Reason.FIRST: "opened",
    Reason.ANOTHER_DATE: "updated",
    Reason.FIGURES: "updated",
    Reason.SETTLED: "resolved",
}
"""Reasons that make an event, and the kind of event."""


class NewlyOut(Value):
    """An item in the locations of a partner that ran out since the date decided on before."""

    item_id: str
    item_name: str | None = None
    locations: int = Field(description="newly out")
    of_locations: int = Field(description="where it is ranged")


class Emptied(Value):
    """What of one feed ran out, and how much could have."""

    feed_id: str
    newly_out: int
    items: int = Field(description="of which something is newly out")
    had_stock: int = Field(description="series known on the date that were not out before")


class MassPicture(Value):
    """What ran out at one partner since the date that was decided on before, no DC being the cause."""

    partner: str
    partner_name: str
    business_date: dt.date
    newly_out: int
    series: int = Field(description="ranged series of the partner")
    items: tuple[NewlyOut, ...] = Field(default=(), description="those with most locations, most first")
    emptied: tuple[Emptied, ...] = Field(default=(), description="by feed")
    currency: str | None = None
    money_at_risk: float | None = Field(default=None, description="if it were true")
    feeds: tuple[str, ...] = ()
    channel: str
    owner: str


class MassChange(MassPicture, Case):
    """A partner's date that nothing was decided on."""

    kind: Kind = Kind.MASS_CHANGE
    dates: tuple[dt.date, ...] = Field(description="that nothing was decided on, the newest last")
    why: str = Field(description="which limit was passed, in words")
    settled_by: dt.date | None = Field(default=None, description="the date that is believed")

    @property
    def is_approved(self) -> bool:
        """Whether somebody looked and said that it is true."""
        return not self.is_open and bool(self.handling.verdicts) and self.handling.verdicts[-1].is_confirmed

    def lets(self, date: dt.date) -> bool:
        """Whether a date may be decided on all the same."""
        return self.is_approved and date <= self.business_date

    def listed(self) -> Listing:
        """The incident as a line of a list."""
        return Listing(
            currency=self.currency,
            money_at_risk=self.money_at_risk,
            locations_out=self.newly_out if self.is_open else 0,
            locations=self.series,
            opened_on=self.dates[0],
            data_as_of=self.business_date,
        )


def suspicion(picture: MassPicture, limits: MassChangeSettings) -> str | None:
    """Why a date is not believed; none if it is."""
    most = max(limits.members, limits.share * picture.series)
    if picture.newly_out > most:
        return f"{picture.newly_out:,} series ran out at once, the limit is {most:,.0f}"
    for item in picture.items:
        if item.locations >= limits.min_locations and item.locations > limits.locations_share * item.of_locations:
            share = item.locations / item.of_locations
            return (
                f"one item ran out in {item.locations:,} of its {item.of_locations:,} locations at once, "
                f"{share:.0%}, the limit is {limits.locations_share:.0%}"
            )
    for feed in picture.emptied:  # of a single item, few locations are believed
        share = feed.newly_out / feed.had_stock
        if feed.newly_out >= limits.feed_min_series and feed.items > 1 and share > limits.feed_share:
            return (
                f"{feed.newly_out:,} of the {feed.had_stock:,} series of feed {feed.feed_id} that had stock ran out "
                f"at once, {share:.0%}, the limit is {limits.feed_share:.0%}"
            )
    return None


def most_first(
    newly_out: Iterable[str], ranged: Mapping[str, int], names: Mapping[str, str | None]
) -> tuple[NewlyOut, ...]:
    """The items with most newly out locations, of one element per series that ran out."""
    counts = Counter(newly_out)
    ranked = sorted(counts, key=lambda item: (-counts[item], item))
    return tuple(
        NewlyOut(item_id=item, item_name=names.get(item), locations=counts[item], of_locations=ranged[item])
        for item in ranked
    )


def decide(
    picture: MassPicture,
    why: str | None,
    incident: MassChange | None,
    *,
    tenant: str,
    new_id: str,
    previous: MassChange | None,
) -> Decision[MassChange]:
    """Decide on one partner's date with fresh data; `why` is the suspicion.

    `incident` is the open one, if any, `previous` the latest that was resolved. What somebody discarded is not asked
    again, unless the date shows something else by now.
    """
    if incident is None:
        if why is None:
            return _decided(Reason.ALL_WELL)
        if previous is not None and _is_the_same(picture, previous):
            return _decided(Reason.JUDGED)
        first = MassChange(
            incident_id=new_id,
            fingerprint=fingerprint(tenant, Kind.MASS_CHANGE, picture.partner, ""),
            dates=(picture.business_date,),
            why=why,
            **_told(picture),
        )
        return _decided(Reason.FIRST, first)
    if picture.business_date < incident.business_date:
        return _decided(Reason.OLDER_DATE)
    if why is None:
        ended = {"standing": Standing.RESOLVED, "settled_by": picture.business_date}
        return _decided(Reason.SETTLED, incident.model_copy(update=ended))
    dates = tuple(sorted({*incident.dates, picture.business_date}))
    told = {**_told(picture), "channel": incident.channel, "owner": incident.owner}  # only a hand-over moves it
    after = incident.model_copy(update={"dates": dates, "why": why, **told})
    if after == incident:
        return _decided(Reason.NOTHING_NEW)
    return _decided(Reason.FIGURES if dates == incident.dates else Reason.ANOTHER_DATE, after)


def _decided(reason: Reason, incident: MassChange | None = None) -> Decision[MassChange]:
    return Decision(reason, CHANGES.get(reason), incident)


def _is_the_same(picture: MassPicture, before: MassChange) -> bool:
    seen = ("business_date", "newly_out", "series")
    return before.settled_by is None and all(getattr(picture, name) == getattr(before, name) for name in seen)


def _told(picture: MassPicture) -> dict[str, object]:
    return {name: getattr(picture, name) for name in MassPicture.model_fields} | {"items": picture.items[:ITEMS_KEPT]}

"""Who is told of an incident, who owns it, and when (A-30, A-31, A-40)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from include.stockwatch.alerting.case import Case, Kind, Severity
from include.stockwatch.alerting.causes import UNKNOWN, WORDS
from include.stockwatch.domain.calendar import Calendar, TimeZone
from include.stockwatch.domain.hours import Hours, Window
from include.stockwatch.domain.value import Value
from include.stockwatch.errors import closest

Channel = Annotated[str, StringConstraints(pattern=r"^[CDG][A-Z0-9]{6,}$")]
"""A Slack channel id. Ids do not change when a channel is renamed, and need no look-up."""
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


def _listed(given: Any) -> Any:
    """One value stands for a list of one."""
    return (given,) if isinstance(given, str | int | float) else given


def _known_cause(name: str) -> str:
    known = (*WORDS, UNKNOWN)
    if name not in known:
        fix = closest(name, known) or f"causes are {', '.join(known)}"
        raise ValueError(f"`{name}` is no cause; {fix}")
    return name


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_listed)]
Severities = Annotated[tuple[Severity, ...], BeforeValidator(_listed)]
Causes = Annotated[tuple[Annotated[str, AfterValidator(_known_cause)], ...], BeforeValidator(_listed)]


class Facts(Value):
    """What routes and silences look at in an incident."""

    partner: str = Field(default="", description="'' = no partner alone")
    brand: str | None = None
    category: str | None = None
    item: str | None = Field(default=None, description="as in `observations`")
    kind: Kind = Kind.OUT_OF_STOCK
    cause: str | None = None
    severity: Severity | None = None


def facts_of(case: Case) -> Facts:
    """What routes and silences look at."""
    listed = case.listed()
    same = {name: getattr(listed, name) for name in ("brand", "category", "cause", "severity")}
    return Facts(partner=case.partner, kind=case.kind, item=listed.item_id or None, **same)


class Match(Value):
    """Which incidents are meant: every key that is given must hold, by one of its values. No key means all."""

    partner: Names = ()
    brand: Names = ()
    category: Names = ()
    item: Names = ()
    kind: Kinds = ()
    cause: Causes = ()
    severity: Severities = ()

    def misses(self, facts: Facts) -> list[str]:
        """What does not match, a line each; none if all does."""
        return [
            f"{name} is {getattr(facts, name) or 'not known'}, not {' or '.join(values)}"
            for name, values in self
            if values and getattr(facts, name) not in values
        ]

    def accepts(self, facts: Facts) -> bool:
        """Whether an incident is meant."""
        return all(not values or getattr(facts, name) in values for name, values in self)

    def covers(self, other: Match) -> bool:
        """Whether all that another one means is meant here too."""
        theirs = dict(other)
        return all(not values or (theirs[name] and set(theirs[name]) <= set(values)) for name, values in self)

    def __str__(self) -> str:
        return ", ".join(f"{name} {' or '.join(values)}" for name, values in self if values) or "everything"


class Away(Value):
    """An absence, both days included."""

    first: dt.date
    last: dt.date

    @model_validator(mode="after")
    def _ends(self) -> Away:
        if self.last < self.first:
            raise ValueError(f"the absence ends on {self.last}, before it begins")
        return self


class Person(Value):
    """Somebody who is told, or a team. Their name is what messages call them."""

    email: Email | None = Field(default=None, description="by which Slack knows them; none = nobody is mentioned")
    delegate: str | None = Field(default=None, description="who is told in their absence")
    away: tuple[Away, ...] = ()

    def is_away(self, on: dt.date) -> bool:
        """Whether they are absent on a date."""
        return any(one.first <= on <= one.last for one in self.away)


class Route(Value):
    """Where an incident goes. The first route that matches wins; the last one matches everything.

    A route with `continue: true` only adds a channel, which shows a line of the incident; who owns it, and all else,
    is said by the first route without.
    """

    model_config = ConfigDict(validate_by_name=True)

    name: str = Field(min_length=1)
    match: Match = Match()
    continue_: bool = Field(default=False, alias="continue", description="only a copy: go on with the next route")
    channel: Channel
    owner: str = Field(min_length=1, description="the person who acts, as named in messages")
    backup: str | None = Field(default=None, description="who is asked if the owner does not answer")
    lead: str | None = Field(default=None, description="who is asked last")
    time_zone: TimeZone | None = Field(default=None, description="whose clock counts; none = UTC, and no quiet hours")
    calendar: Calendar | None = Field(default=None, description="whose holidays are no business days, e.g. US-CA")
    window: Window = Field(default="07:00-18:00", description="when messages are sent on business days, or `always`")
    breaks_quiet_hours: bool = Field(default=False, description="whether critical incidents are sent at any hour")
    budget: int = Field(default=5, ge=0, le=50, description="new messages a run; the rest is one digest")
    mentions: int = Field(default=10, ge=0, le=100, description="mentions per person and day")

    @property
    def is_by_account(self) -> bool:
        """Whether the owner of the account acts; a cause or a kind that a route matches decides who does (A-31)."""
        return not self.match.cause and not self.match.kind

    @property
    def hours(self) -> Hours:
        """What counts as time to answer."""
        return Hours(time_zone=self.time_zone or "UTC", calendar=self.calendar, window=self.window)

    def sends_at(self, at: dt.datetime, severity: Severity | None) -> dt.datetime:
        """When a message of a moment may be sent: at once within office hours, or where nobody said whose they are."""
        is_urgent = severity is Severity.CRITICAL and self.breaks_quiet_hours
        return at if is_urgent or self.time_zone is None else self.hours.opening(at)


class Routes(Value):
    """`routes.yaml`: an ordered list, closed by a route without a match; and the people whom it names."""

    people: Mapping[str, Person] = Field(default={}, description="name, as messages have it -> who it is")
    routes: tuple[Route, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _last_matches_everything(self) -> Routes:
        last = self.routes[-1]
        if last.match != Match():
            raise ValueError("the last route takes what no other takes, so it must not have a `match`")
        if last.continue_:
            raise ValueError("the last route takes what no other takes, so it must not have `continue`")
        return self

    def taken(self, facts: Facts) -> tuple[Route, tuple[Route, ...]]:
        """The route an incident takes, and those before it that add a channel."""
        copies: list[Route] = []
        for route in self.routes:
            if route.match.accepts(facts):
                if not route.continue_:
                    return route, tuple(copies)
                copies.append(route)
        raise LookupError("the last route matches everything")

    def route(self, partner: str, category: str | None = None, **facts: Any) -> Route:
        """The route an incident takes; `facts` as in `Facts`."""
        return self.taken(Facts(partner=partner, category=category, **facts))[0]

    def unreachable(self) -> list[tuple[int, Route]]:
        """Places of routes that can never be taken, each with the one that takes all they match."""
        return [
            (place, before)
            for place, route in enumerate(self.routes)
            for before in [next((one for one in self.routes[:place] if _hides(one, route)), None)]
            if before
        ]


def _hides(one: Route, other: Route) -> bool:
    return not one.continue_ and one.match.covers(other.match)

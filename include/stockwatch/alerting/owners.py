"""Who owns an incident on a date, and who is asked when the owner does not answer (A-32, A-33).

The owner list goes before the route, as people move faster than settings, unless what happened decides who acts: a
route that matches a cause or a kind keeps its own owner. Where an account has no row in force, the
incident is shown to whoever claimed the account, else to the route's backup, lead or owner, and says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from include.stockwatch.alerting.routing import Facts, Person, Route, Routes
from include.stockwatch.domain.value import Value

MOST_STEPS = 3
"""People who are asked about one incident: owner, backup, lead (A-43)."""
NOBODY = "nobody on record, shown to"


class Owner(Value):
    """A row of the owner list. What is null holds for all."""

    partner: str
    category: str | None = None
    region: str | None = None
    owner: str
    contact: str | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    def is_in_force(self, on: dt.date) -> bool:
        """Whether the row counts on a date."""
        return (self.valid_from or on) <= on <= (self.valid_to or on)


@dataclass(frozen=True)
class Assigned:
    """Where an incident goes and who has it."""

    route: Route
    copies: tuple[str, ...]  # channels that show a line of it
    owner: str  # as messages name it
    asked: tuple[str, ...]  # people in the order in which they are asked, with their delegates; at most three
    emails: Mapping[str, str]  # of those who have one

    @property
    def is_unowned(self) -> bool:
        """Whether nobody is on record for the account."""
        return self.owner.startswith(NOBODY)


@dataclass(frozen=True)
class Directory:
    """Routes, people, the owner list and what was claimed: all that says who has what."""

    routes: Routes
    owners: tuple[Owner, ...] = ()
    has_list: bool = False  # an owner list is in use: an account that is not in it has no owner
    claims: Mapping[str, str] = field(default_factory=dict)  # partner -> who claimed it

    def assign(self, facts: Facts, at: dt.datetime) -> Assigned:
        """Where an incident goes at a moment, and who has it."""
        route, copies = self.routes.taken(facts)
        on = route.hours.local_date(at)
        row = self.row(facts, on) if route.is_by_account else None
        fallback = self.claims.get(facts.partner)
        later = [name for name in (route.backup, route.lead) if name]
        if row:
            owner, chain = row.owner, [row.owner, *later]
        elif not (self.has_list and facts.partner and route.is_by_account):
            owner, chain = route.owner, [route.owner, *later]
        else:
            chain = [*([fallback] if fallback else []), *later, route.owner]
            owner = f"{NOBODY} {chain[0]}"
        people = self._people(row)
        asked = tuple(dict.fromkeys(self._present(name, people, on) for name in chain))[:MOST_STEPS]
        emails = {name: email for name in asked if (email := _email(name, people))}
        channels = tuple(dict.fromkeys(one.channel for one in copies if one.channel != route.channel))
        return Assigned(route, channels, owner, asked, emails)

    def row(self, facts: Facts, on: dt.date) -> Owner | None:
        """The row of the owner list that counts on a date: the closest, then the latest.

        An incident covers every region of its partner, so a row for one region counts where there is none for all.
        """
        rows = [
            row
            for row in self.owners
            if row.partner in (facts.partner, "") and row.category in (None, facts.category) and row.is_in_force(on)
        ]
        return max(rows, key=_closeness, default=None)

    def row_of_any_category(self, partner: str, on: dt.date) -> bool:
        """Whether somebody is on record for a part of an account at least."""
        return any(row.partner in (partner, "") and row.is_in_force(on) for row in self.owners)

    def _people(self, row: Owner | None) -> Mapping[str, Person]:
        """Those of the settings; and the owner of the list, who need not be among them, by their contact."""
        people = self.routes.people
        if row is None or row.owner in people or not row.contact or "@" not in row.contact:
            return people
        return {**people, row.owner: Person(email=row.contact)}

    def _present(self, name: str, people: Mapping[str, Person], on: dt.date) -> str:
        """The person, or who stands in: the first of their delegates who is there, if any is."""
        tried: list[str] = []
        current: str | None = name
        while current and current not in tried:
            if current not in people or not people[current].is_away(on):
                return current
            tried.append(current)
            current = people[current].delegate
        return name


def _closeness(row: Owner) -> tuple[Any, ...]:
    since = row.valid_from or dt.date.min
    return (bool(row.partner), row.category is not None, row.region is None, since, row.owner)


def _email(name: str, people: Mapping[str, Person]) -> str | None:
    """The address of a person; somebody who claimed an account may be known by it alone."""
    return people[name].email if name in people else name if "@" in name else None

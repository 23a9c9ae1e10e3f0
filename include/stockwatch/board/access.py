"""Who is looking at the board, what they may see and do, and the headers that every answer carries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from include.stockwatch.adapters.state import ledger
from include.stockwatch.workflows.routing import owner_list
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from starlette.requests import Request

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Nothing runs on a page but what the board serves, and no other site may frame or read one (A-82)."""
ACTION_HEADER = "x-stockwatch"
"""A header that no form of another site can set: with it a browser asks first, and is refused."""


@dataclass(frozen=True)
class Viewer:
    """A person who is logged in. `feeds` are those whose Dags they may read; none = all."""

    name: str
    email: str = ""
    feeds: frozenset[str] | None = None
    may_act: bool = False


class Desk:
    """What one request works with: the services, and the rows that its viewer may see (A-83)."""

    def __init__(self, services: Services, viewer: Viewer) -> None:
        self.services, self.viewer = services, viewer

    @cached_property
    def feeds(self) -> frozenset[str]:
        """Feeds, and lists of master data, that may be shown."""
        known = frozenset(self.services.settings.receiving())
        return known if self.viewer.feeds is None else known & self.viewer.feeds

    @cached_property
    def partners(self) -> Mapping[str, str]:
        """Partners that may be shown, those with a readable feed: id and name, by name."""
        found = {
            feed.partner: feed.partner_name
            for feed_id, feed in self.services.settings.feeds.items()
            if feed_id in self.feeds
        }
        return dict(sorted(found.items(), key=lambda one: one[1]))

    @property
    def sees_all(self) -> bool:
        """Whether nothing is kept from the viewer: then rows that belong to no partner alone are shown too."""
        return frozenset(self.services.settings.feeds) <= self.feeds

    @property
    def scope(self) -> frozenset[str]:
        """Partners as rows name them; '' stands for none alone."""
        return frozenset(self.partners) | ({""} if self.sees_all else frozenset())

    @property
    def own_names(self) -> frozenset[str]:
        """Names under which the viewer owns incidents: their own, and those that settings and owner lists give them."""
        mine = self.viewer.email.lower()
        people = self.services.settings.routes.people.items()
        told = [(name, person.email) for name, person in people]
        told += [(row.owner, row.contact) for row in owner_list(self.services) or ()]
        return frozenset({self.viewer.name, *(name for name, email in told if email and email.lower() == mine)})

    @property
    def told_of(self) -> frozenset[str] | None:
        """Partners whose messages are shown; none = every message, also those of no incident."""
        return None if self.sees_all else self.scope

    @property
    def horizon_days(self) -> int:
        """Days ahead of every figure "at risk"."""
        return self.services.settings.stockwatch.check.horizon_days

    def is_due(self, partner: str, location_type: str, date: dt.date) -> bool:
        """Whether a partner's feeds of stores, or of DCs, were to report a date; also where none is known any more."""
        feeds = [one for one in self.services.settings.feeds.values() if one.partner == partner]
        mine = [one for one in feeds if one.location_type == location_type]
        return not mine or any(one.expected.is_due(date) for one in mine)

    @cached_property
    def checked(self) -> tuple[dt.date, dt.datetime] | None:
        """The newest business date that was checked, and when anything was checked last."""
        with self.services.state.read() as tx:
            return ledger.latest_check(tx)

    def close(self) -> None:
        """Let go of what was opened."""
        if "state" in self.services.__dict__:
            self.services.state.engine.dispose()


def refusal(request: Request) -> str | None:
    """Why a write is not taken for the viewer's own, or none if it is: JSON, our header, and our own origin."""
    headers = request.headers
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        return "actions are sent as application/json"
    if ACTION_HEADER not in headers:
        return f"the header {ACTION_HEADER} is missing"
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is not None:  # a browser without TLS; a proxy with it may change the host
        site = "same-origin" if origin.split("://", 1)[-1] == headers.get("host") else "cross-site"
    return "the request comes from another site" if site not in (None, "same-origin") else None

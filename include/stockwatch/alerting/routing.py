"""Who is told of an incident, and who owns it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from include.stockwatch.domain.value import Value

Channel = Annotated[str, StringConstraints(pattern=r"^[CDG][A-Z0-9]{6,}$")]
"""A Slack channel id. Ids do not change when a channel is renamed, and need no look-up."""


class RouteMatch(Value):
    """Which incidents a route is for. A key left out matches everything."""

    partner: str | None = None
    category: str | None = None


class Route(Value):
    """Where an incident goes. The first route that matches wins; the last one matches everything."""

    name: str = Field(min_length=1)
    match: RouteMatch = RouteMatch()
    channel: Channel
    owner: str = Field(min_length=1, description="the person who acts, as named in messages")

    def accepts(self, partner: str, category: str | None) -> bool:
        """Whether an incident of this partner and category takes this route."""
        return self.match.partner in (None, partner) and self.match.category in (None, category)


class Routes(Value):
    """`routes.yaml`: an ordered list, closed by a route without a match."""

    routes: tuple[Route, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _last_matches_everything(self) -> Routes:
        *earlier, last = self.routes
        if last.match != RouteMatch():
            raise ValueError("the last route takes what no other takes, so it must not have a `match`")
        for position, route in enumerate(earlier):
            if route.match == RouteMatch():
                raise ValueError(
                    f"route `{route.name}` matches everything, so `{self.routes[position + 1].name}` is never reached"
                )
        return self

    def route(self, partner: str, category: str | None) -> Route:
        """The route an incident takes."""
        return next(route for route in self.routes if route.accepts(partner, category))

"""Who is told of an incident."""

from __future__ import annotations

import pytest

from include.stockwatch.alerting.routing import Route, RouteMatch, Routes


def route(name: str, channel: str = "C0SOMEWHERE", **match: str) -> Route:
    return Route(name=name, match=RouteMatch(**match), channel=channel, owner="Dana Ruiz")


ROUTES = Routes(
    routes=(
        route("northfield snacks", partner="northfield", category="Snacks"),
        route("northfield", partner="northfield"),
        route("coffee", category="Coffee"),
        route("rest"),
    )
)


@pytest.mark.parametrize(
    ("partner", "category", "name"),
    [
        ("northfield", "Snacks", "northfield snacks"),
        ("northfield", "Tea", "northfield"),
        ("northfield", "Coffee", "northfield"),  # the first that matches, not the most specific
        ("northfield", None, "northfield"),
        ("westway", "Coffee", "coffee"),
        ("westway", "Snacks", "rest"),
        ("westway", None, "rest"),
    ],
)
def test_the_first_route_that_matches_takes_the_incident(partner: str, category: str | None, name: str) -> None:
    assert ROUTES.route(partner, category).name == name


def test_the_last_route_must_take_the_rest() -> None:
    with pytest.raises(ValueError, match="the last route takes what no other takes"):
        Routes(routes=(route("northfield", partner="northfield"),))


def test_a_route_behind_one_that_takes_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="`rest` matches everything, so `coffee` is never reached"):
        Routes(routes=(route("rest"), route("coffee", category="Coffee"), route("rest of the rest")))


@pytest.mark.parametrize("channel", ["C0NORTHFIELD", "G012345678", "D0ABCDEFG"])
def test_a_channel_is_a_slack_id(channel: str) -> None:
    assert route("rest", channel).channel == channel


@pytest.mark.parametrize("channel", ["#northfield", "northfield", "C0", "c0northfield", "U012345678", "C0NORTHFIELD "])
def test_a_channel_name_or_a_person_is_refused(channel: str) -> None:
    with pytest.raises(ValueError, match="channel"):
        route("rest", channel)

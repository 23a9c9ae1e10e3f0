"""Who is told of an incident."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.case import Kind, Severity
from include.stockwatch.alerting.routing import Facts, Match, Route, Routes


def route(
    name: str, channel: str = "C0SOMEWHERE", *, continue_: bool = False, match: Match | None = None, **keys: Any
) -> Route:
    return Route(name=name, match=match or Match(**keys), channel=channel, owner="Dana Ruiz", continue_=continue_)


FACTS = st.builds(
    Facts,
    partner=st.sampled_from(["northfield", "westway", "osa"]),
    category=st.sampled_from([None, "Snacks", "Coffee"]),
    severity=st.sampled_from([None, *Severity]),
)
MATCHES = st.builds(
    Match,
    partner=st.lists(st.sampled_from(["northfield", "westway", "osa"]), max_size=2).map(tuple),
    category=st.lists(st.sampled_from(["Snacks", "Coffee"]), max_size=2).map(tuple),
    severity=st.lists(st.sampled_from(list(Severity)), max_size=3).map(tuple),
)


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


def test_a_route_that_an_earlier_one_hides_is_named_with_it() -> None:
    routes = Routes(
        routes=(
            route("two partners", partner=("northfield", "westway")),
            route("copy", continue_=True),
            route("coffee at one", partner="westway", category="Coffee"),
            route("coffee", category="Coffee"),
            route("rest"),
        )
    )
    assert [(routes.routes[place].name, before.name) for place, before in routes.unreachable()] == [
        ("coffee at one", "two partners")
    ]


def test_a_route_that_goes_on_only_adds_a_channel() -> None:
    routes = Routes(
        routes=(
            route("care", "C0CARE000", severity="critical", continue_=True),
            route("supply", "C0SUPPLY0", cause=("distributor_dc", "retailer_dc")),
            route("brand", "C0BRAND00", brand="Morning", continue_=True),
            route("rest", "C0REST000"),
        )
    )
    critical = Facts(partner="northfield", brand="Morning", severity=Severity.CRITICAL)
    taken, copies = routes.taken(critical)
    assert (taken.name, [one.name for one in copies]) == ("rest", ["care", "brand"])
    taken, copies = routes.taken(critical.model_copy(update={"cause": "retailer_dc"}))
    assert (taken.name, [one.name for one in copies]) == ("supply", ["care"])


def test_a_match_says_what_it_misses() -> None:
    match = Match(partner=("northfield", "osa"), kind=Kind.PHANTOM_STOCK, severity=("critical", "high"))
    assert match.misses(Facts(partner="westway", kind=Kind.PHANTOM_STOCK)) == [
        "partner is westway, not northfield or osa",
        "severity is not known, not critical or high",
    ]
    assert str(match) == "partner northfield or osa, kind phantom_stock, severity critical or high"
    assert str(Match()) == "everything"


@given(facts=FACTS, match=MATCHES, other=MATCHES)
def test_a_match_accepts_what_it_does_not_miss_and_covers_no_more(facts: Facts, match: Match, other: Match) -> None:
    assert match.accepts(facts) == (not match.misses(facts))
    if match.covers(other) and other.accepts(facts):
        assert match.accepts(facts)


@given(facts=FACTS, matches=st.lists(st.tuples(MATCHES, st.booleans()), max_size=6))
def test_every_incident_takes_one_route_and_never_an_unreachable_one(
    facts: Facts, matches: list[tuple[Match, bool]]
) -> None:
    made = [route(f"{n}", match=match, continue_=goes_on) for n, (match, goes_on) in enumerate(matches)]
    routes = Routes(routes=(*made, route("rest")))
    taken, copies = routes.taken(facts)
    assert not taken.continue_
    assert all(copy.continue_ and copy.match.accepts(facts) for copy in copies)
    hidden = {routes.routes[place].name for place, _ in routes.unreachable()}
    assert not hidden & {one.name for one in (taken, *copies)}


@pytest.mark.parametrize("channel", ["C0NORTHFIELD", "G012345678", "D0ABCDEFG"])
def test_a_channel_is_a_slack_id(channel: str) -> None:
    assert route("rest", channel).channel == channel


@pytest.mark.parametrize("channel", ["#northfield", "northfield", "C0", "c0northfield", "U012345678", "C0NORTHFIELD "])
def test_a_channel_name_or_a_person_is_refused(channel: str) -> None:
    with pytest.raises(ValueError, match="channel"):
        route("rest", channel)

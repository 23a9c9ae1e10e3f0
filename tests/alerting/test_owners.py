"""Whose an incident is on a date, who is asked when they do not answer, and which accounts nobody acts for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.actions import Act, Action, take
from include.stockwatch.alerting.case import Kind, Severity, Standing
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.no_owner import Account, Finding, NoOwner, Reason, Trouble, audit, decide
from include.stockwatch.alerting.owners import Directory, Owner
from include.stockwatch.alerting.routing import Away, Facts, Match, Person, Route, Routes

AT = dt.datetime(2026, 11, 4, 12, tzinfo=dt.UTC)
TODAY = AT.date()
PEOPLE = {
    "Dana Ruiz": Person(email="dana@example.com", delegate="Sam Lee"),
    "Sam Lee": Person(email="sam@example.com"),
    "Jo King": Person(email="jo@example.com"),
    "Kim Oh": Person(email="kim@example.com"),
    "duty": Person(),
}
NORTHFIELD = Facts(partner="northfield", category="Snacks")


def directory(*owners: Owner, people: dict[str, Person] | None = None, **told: Any) -> Directory:
    account = Route(
        name="account", match=Match(partner="northfield"), channel="C0ACCOUNT", owner="Dana Ruiz", backup="Kim Oh", lead="Jo King"
    )  # fmt: skip
    rest = Route(name="rest", channel="C0TRIAGE", owner="duty")
    routes = Routes(people=people or PEOPLE, routes=(account, rest))
    return Directory(routes, owners, **{"has_list": bool(owners), **told})


def owner(name: str, **told: Any) -> Owner:
    return Owner(**{"partner": "northfield", "owner": name, **told})


def test_without_an_owner_list_the_route_says_who_owns_it() -> None:
    found = directory().assign(NORTHFIELD, AT)
    assert (found.owner, found.asked) == ("Dana Ruiz", ("Dana Ruiz", "Kim Oh", "Jo King"))
    assert found.emails["Dana Ruiz"] == "dana@example.com"


def test_the_owner_list_goes_before_the_route() -> None:
    """A-32"""
    found = directory(owner("Pat Moon", contact="pat@example.com")).assign(NORTHFIELD, AT)
    assert (found.owner, found.asked) == ("Pat Moon", ("Pat Moon", "Kim Oh", "Jo King"))
    assert found.emails["Pat Moon"] == "pat@example.com"


@pytest.mark.parametrize("match", [{"cause": "retailer_dc"}, {"kind": "dc_out"}])
def test_a_cause_or_a_kind_decides_who_acts_whoever_owns_the_account(match: dict[str, str]) -> None:
    """A-31"""
    planners = Route(name="planners", match=Match(**match), channel="C0PLANNERS", owner="duty", backup="Kim Oh")
    found = directory(owner("Pat Moon"))
    routes = Routes(people=PEOPLE, routes=(planners, *found.routes.routes))
    facts = Facts(partner="northfield", kind=Kind.DC_OUT, cause="retailer_dc")
    assert Directory(routes, found.owners, has_list=True).assign(facts, AT).asked == ("duty", "Kim Oh")
    elsewhere = facts.model_copy(update={"partner": "westway"})
    assert not Directory(routes, found.owners, has_list=True).assign(elsewhere, AT).is_unowned


@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [
        (None, None, True),
        (TODAY, TODAY, True),
        (dt.date(2026, 11, 5), None, False),
        (None, dt.date(2026, 11, 3), False),
    ],
)
def test_a_row_counts_from_its_first_day_to_its_last(first: dt.date | None, last: dt.date | None, counts: bool) -> None:
    found = directory(owner("Pat Moon", valid_from=first, valid_to=last)).assign(NORTHFIELD, AT)
    assert (found.owner == "Pat Moon") is counts


def test_the_closest_row_counts_then_the_latest() -> None:
    rows = (
        owner("everywhere", partner=""),
        owner("account"),
        owner("account anew", valid_from=dt.date(2026, 11, 1)),
        owner("snacks", category="Snacks"),
        owner("snacks in the west", category="Snacks", region="West"),
    )
    assert directory(*rows).assign(NORTHFIELD, AT).owner == "snacks"
    assert directory(*rows[:3]).assign(NORTHFIELD, AT).owner == "account anew"
    assert directory(rows[0]).assign(NORTHFIELD, AT).owner == "everywhere"
    assert directory(rows[4]).assign(NORTHFIELD, AT).owner == "snacks in the west"  # better than nobody


def test_an_account_without_a_row_is_shown_to_the_next_in_line() -> None:
    """A-33: whoever claimed it, else backup, lead, the route's owner."""
    other = owner("Pat Moon", partner="westway")
    found = directory(other).assign(NORTHFIELD, AT)
    assert (found.is_unowned, found.owner) == (True, "nobody on record, shown to Kim Oh")
    assert found.asked == ("Kim Oh", "Jo King", "Dana Ruiz")
    claimed = directory(other, claims={"northfield": "pat@example.com"}).assign(NORTHFIELD, AT)
    assert claimed.asked == ("pat@example.com", "Kim Oh", "Jo King")
    assert claimed.emails["pat@example.com"] == "pat@example.com"


def test_an_absent_owner_is_still_the_owner_and_their_delegate_is_asked() -> None:
    away = Away(first=TODAY, last=TODAY)
    people = {**PEOPLE, "Dana Ruiz": Person(email="dana@example.com", delegate="Sam Lee", away=(away,))}
    found = directory(people=people).assign(NORTHFIELD, AT)
    assert (found.owner, found.asked) == ("Dana Ruiz", ("Sam Lee", "Kim Oh", "Jo King"))
    later = directory(people=people).assign(NORTHFIELD, AT + dt.timedelta(days=1))
    assert later.asked[0] == "Dana Ruiz"


def test_delegates_who_stand_in_for_each_other_end_with_the_one_who_is_named() -> None:
    away = (Away(first=TODAY, last=TODAY),)
    people = {
        **PEOPLE,
        "Dana Ruiz": Person(delegate="Sam Lee", away=away),
        "Sam Lee": Person(delegate="Dana Ruiz", away=away),
    }
    assert directory(people=people).assign(NORTHFIELD, AT).asked[0] == "Dana Ruiz"


def test_who_is_asked_comes_once_and_at_most_three_are() -> None:
    found = directory(owner("Kim Oh")).assign(NORTHFIELD, AT)
    assert found.asked == ("Kim Oh", "Jo King")


@given(
    named=st.lists(st.sampled_from([*PEOPLE, "nobody else"]), min_size=1, max_size=3),
    away=st.sets(st.sampled_from(list(PEOPLE))),
)
def test_somebody_is_always_asked(named: list[str], away: set[str]) -> None:
    absent = (Away(first=TODAY, last=TODAY),)
    people = {name: one.model_copy(update={"away": absent if name in away else ()}) for name, one in PEOPLE.items()}
    found = directory(*(owner(name) for name in named), people=people).assign(NORTHFIELD, AT)
    assert 1 <= len(found.asked) <= 3
    assert len(set(found.asked)) == len(found.asked)
    assert set(found.emails) <= set(found.asked)


# --- the audit -------------------------------------------------------------------------------------------------------

ACCOUNT = Account(
    partner="northfield", partner_name="Northfield Grocers", incidents=3, currency="USD", money_at_risk=900.0
)


def findings(people: Directory, in_slack: dict[str, str | None] | None = None) -> dict[str, Finding]:
    return audit([ACCOUNT], people, in_slack or {}, AT)


def test_an_account_in_good_hands_is_not_told_of() -> None:
    assert findings(directory(owner("Dana Ruiz")), {"dana@example.com": "U1"}) == {}
    assert findings(directory()) == {}


def test_what_was_not_looked_up_is_not_judged() -> None:
    assert findings(directory(owner("Dana Ruiz"))) == {}


def test_no_row_an_ended_row_an_unknown_address_and_an_absence_are_found() -> None:
    """A-32"""
    found = {
        "no row": findings(directory(owner("Pat", partner="westway"))),
        "ended": findings(directory(owner("Dana Ruiz", valid_to=dt.date(2026, 10, 31)), owner("Old", valid_to=dt.date(2026, 9, 1)))),
        "not in Slack": findings(directory(owner("Dana Ruiz")), {"dana@example.com": None}),
        "away": findings(
            directory(people={**PEOPLE, "Dana Ruiz": Person(away=(Away(first=TODAY, last=TODAY),))})
        ),
    }  # fmt: skip
    told = {name: of["northfield"] for name, of in found.items()}
    assert {name: one.trouble.value for name, one in told.items()} == {
        "no row": "no_row",
        "ended": "ended",
        "not in Slack": "not_in_slack",
        "away": "away",
    }
    assert (told["ended"].owner, told["ended"].since) == ("Dana Ruiz", dt.date(2026, 11, 1))


def test_an_owner_of_one_category_is_an_owner() -> None:
    assert findings(directory(owner("Dana Ruiz", category="Coffee"))) == {}


def decided(finding: Finding | None, incident: NoOwner | None, account: Account = ACCOUNT) -> Any:
    return decide(account, finding, incident, tenant="t", new_id="OWN-2026-00001", today=TODAY)


def test_an_account_without_an_owner_is_one_incident_until_somebody_is_on_record() -> None:
    """A-33"""
    finding = Finding(partner="northfield", trouble=Trouble.NO_ROW)
    first = decided(finding, None)
    assert (first.reason, first.event_kind) == (Reason.FIRST, "opened")
    assert first.incident.listed().severity is Severity.HIGH
    assert decided(finding, first.incident).event_kind is None
    more = decided(finding, first.incident, ACCOUNT.model_copy(update={"money_at_risk": 950.0}))
    assert (more.reason, more.event_kind) == (Reason.FIGURES, "updated")
    other = decided(finding.model_copy(update={"trouble": Trouble.AWAY}), more.incident)
    assert other.reason is Reason.OTHER_TROUBLE
    ended = decided(None, other.incident)
    assert (ended.event_kind, ended.incident.standing, ended.incident.ended_on) == (
        "resolved",
        Standing.RESOLVED,
        TODAY,
    )
    assert decided(None, None).event_kind is None


def test_an_account_that_a_person_closed_is_asked_about_again_in_its_thread() -> None:
    """A-06, A-07"""
    finding = Finding(partner="northfield", trouble=Trouble.NO_ROW)
    at = dt.datetime.combine(TODAY, dt.time(9), dt.UTC)
    closing = Action(act=Act.RESOLVE, person="dana@example.com", at=at, reason="soon")
    closed = take(decided(finding, None).incident, closing).incident
    assert closed is not None
    assert render(closed).fallback == (
        "RESOLVED: incident of Northfield Grocers closed by dana@example.com: soon. OWN-2026-00001"
    )
    known = {"tenant": "t", "new_id": "OWN-2026-00002", "previous": closed}
    again = decide(ACCOUNT, finding, None, **known, today=TODAY + dt.timedelta(days=1))
    assert (again.event_kind, again.incident.incident_id) == ("reopened", "OWN-2026-00001")
    assert decide(ACCOUNT, finding, None, **known, today=TODAY + dt.timedelta(days=10)).event_kind == "opened"

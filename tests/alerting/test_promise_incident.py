"""What happens to a promise incident: opened once, told in place, ended by what the data show and by nothing less."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.stockwatch.alerting.actions import Act, Action, take
from include.stockwatch.alerting.case import Standing, fingerprint
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.promise_incident import (
    FORGOTTEN_DAYS,
    Decision,
    PromiseIncident,
    PromiseKind,
    PromisePicture,
    Reason,
    decide,
    kind_of,
)
from tests.alerting.promise_examples import finding
from tests.domain.tables import day

PLACES = ("0001", "0002")


def picture(number: int = 3, *, broken: tuple[str, ...] | None = PLACES, **told: Any) -> PromisePicture:
    """The oat bar's price on a day, at two stores that were looked at."""
    known = {
        "kind": PromiseKind.PRICE,
        "partner": "northfield",
        "partner_name": "Northfield Grocers",
        "item_id": "00850007123017",
        "business_date": day(number),
        "finding": None if broken is None else finding(since=day(number), locations=broken),
        "is_known": True,
        "known": frozenset(PLACES),
        "ending": "every price is inside its band again",
        "channel": "C0NORTHFIELD",
        "owner": "Dana Ruiz",
    }
    return PromisePicture(**(known | told))


def decided(shown: PromisePicture, before: PromiseIncident | None = None) -> Decision:
    """The decision on a picture."""
    return decide(shown, before, tenant="stockwatch", new_id="PROM-2026-00001")


def opened(**told: Any) -> PromiseIncident:
    """An incident that opened on day 3."""
    incident = decided(picture(**told)).incident
    assert incident is not None
    return incident


def test_a_broken_promise_opens_one_incident() -> None:
    decision = decided(picture())
    assert (decision.reason, decision.event_kind) == (Reason.FIRST, "opened")


def test_the_same_picture_again_changes_nothing() -> None:
    assert decided(picture(), opened()).reason is Reason.NOTHING_NEW


def test_a_kept_promise_opens_nothing() -> None:
    assert decided(picture(broken=None)).reason is Reason.ALL_WELL


@pytest.mark.parametrize("before", [True, False])
def test_stale_data_open_and_end_nothing(before: bool) -> None:
    known = opened() if before else None
    for broken in (PLACES, None):
        assert decided(picture(4, broken=broken, is_known=False), known).event_kind is None


def test_it_ends_when_every_place_that_was_outside_keeps_the_promise_again() -> None:
    decision = decided(picture(6, broken=None), opened())
    assert (decision.reason, decision.event_kind) == (Reason.KEPT_AGAIN, "resolved")
    assert decision.incident is not None
    assert (decision.incident.standing, decision.incident.resolved_on) == (Standing.RESOLVED, day(6))
    assert decision.incident.ending == "every price is inside its band again"


def test_it_goes_on_while_one_place_is_not_looked_at() -> None:
    half = picture(6, broken=None, known=frozenset(PLACES[:1]))
    assert decided(half, opened()).reason is Reason.STALE


def test_a_place_that_is_not_looked_at_stays_in_the_incident() -> None:
    decision = decided(picture(4, broken=("0003",), known=frozenset({"0001", "0003"})), opened())
    assert decision.incident is not None
    assert (decision.incident.found.locations, decision.incident.found.of_locations) == (("0002", "0003"), 212 + 1)


def test_a_place_that_is_never_looked_at_again_keeps_it_open_for_four_weeks() -> None:
    half = {"broken": None, "known": frozenset(PLACES[:1])}
    assert decided(picture(3 + FORGOTTEN_DAYS - 1, **half), opened()).reason is Reason.STALE
    ended = decided(picture(3 + FORGOTTEN_DAYS, **half), opened()).incident
    assert ended is not None
    assert ended.ending == "not seen for 28 days"


def test_it_is_as_old_as_its_first_day() -> None:
    decision = decided(picture(9), opened())
    assert decision.incident is not None
    assert (decision.reason, decision.incident.found.since) == (Reason.FIGURES, day(3))


def test_an_older_date_moves_nothing() -> None:
    for broken in (PLACES, None):
        assert decided(picture(2, broken=broken), opened()).reason is Reason.OLDER_DATE


def test_what_a_person_closed_is_reopened_by_a_later_date_alone() -> None:
    """A-06, A-07"""
    closing = Action(
        act=Act.RESOLVE, person="dana@example.com", at=dt.datetime(2026, 11, 4, tzinfo=dt.UTC), reason="agreed"
    )
    closed = take(opened(), closing).incident
    assert closed is not None
    assert render(closed).body == ("Closed by dana@example.com: agreed.",)
    known = {"tenant": "stockwatch", "new_id": "PROM-2026-00002", "previous": closed}
    assert decide(picture(3), None, **known).reason is Reason.JUDGED
    again = decide(picture(4), None, **known)
    assert (again.reason, again.event_kind) == (Reason.AGAIN, "reopened")
    assert again.incident is not None
    assert (again.incident.incident_id, again.incident.handling.reopened) == (closed.incident_id, 1)
    assert decide(picture(13), None, **known).reason is Reason.FIRST


def test_its_message_stays_in_its_channel() -> None:
    decision = decided(picture(4, channel="C0OTHER12", owner="Someone Else"), opened())
    assert decision.incident is not None
    assert (decision.incident.channel, decision.incident.owner) == ("C0NORTHFIELD", "Someone Else")


def test_two_promises_of_one_item_are_two_incidents() -> None:
    marks = {fingerprint("stockwatch", kind_of(kind), "northfield", "i") for kind in PromiseKind}
    assert len(marks) == len(PromiseKind)

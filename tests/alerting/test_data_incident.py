"""When a feed becomes a data incident, what it becomes, and what alone ends it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.actions import Act, Action, take
from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.data_incident import DataIncident, FeedPicture, Reason, Trouble, decide
from include.stockwatch.alerting.kinds import render
from tests.alerting.data_examples import at, data_incident, held
from tests.domain.tables import day

NOW = at(5, 1)


def picture(**told: Any) -> FeedPicture:
    """The feed of the examples, all well unless told otherwise: day 3 is in."""
    known = {name: getattr(data_incident(), name) for name in FeedPicture.model_fields}
    known |= {"newest": day(3), "missing": (), "wanted": day(3), "frozen": ()}
    return FeedPicture(**(known | told))


def late(*missing: int, **told: Any) -> FeedPicture:
    """The same with dates missing."""
    dates = tuple(day(n) for n in missing)
    return picture(newest=dates[0] - dt.timedelta(days=1), missing=dates, wanted=dates[-1], **told)


def opened(first: FeedPicture) -> DataIncident:
    """The data incident that a picture opens."""
    incident = decide(first, None, tenant="stockwatch", new_id="DATA-2026-00001", now=NOW).incident
    assert incident is not None
    return incident


def follow(shown: FeedPicture, incident: DataIncident) -> tuple[Reason, DataIncident | None]:
    """What a later picture makes of it."""
    decision = decide(shown, incident, tenant="stockwatch", new_id="DATA-2026-00002", now=NOW)
    return decision.reason, decision.incident


def test_a_feed_that_is_in_opens_nothing() -> None:
    assert decide(picture(), None, tenant="stockwatch", new_id="x", now=NOW).reason is Reason.ALL_WELL


def test_one_date_past_its_cut_off_is_late_and_several_are_silent() -> None:
    assert opened(late(3)).trouble is Trouble.LATE
    assert opened(late(3, 4)).trouble is Trouble.SILENT


def test_a_held_file_is_told_before_anything_else() -> None:
    assert opened(late(3, 4, held=held())).trouble is Trouble.HELD
    assert opened(picture(held=held())).since == held().received_at


def test_a_date_with_far_fewer_rows_than_usual_is_small() -> None:
    assert picture(rows=69, usual_rows=100, min_rows_share=0.7).trouble is Trouble.SMALL
    assert picture(rows=70, usual_rows=100, min_rows_share=0.7).trouble is None
    assert picture(rows=1, usual_rows=None, min_rows_share=0.7).trouble is None
    assert picture(rows=1, usual_rows=100, min_rows_share=0).trouble is None


def test_the_same_picture_again_changes_nothing() -> None:
    assert follow(late(3), opened(late(3)))[0] is Reason.NOTHING_NEW


def test_a_late_feed_that_stays_away_becomes_silent_in_the_same_incident() -> None:
    first = opened(late(3))
    reason, after = follow(late(3, 4), first)
    assert (reason, after and after.trouble, after and after.incident_id) == (
        Reason.OTHER_TROUBLE,
        Trouble.SILENT,
        first.incident_id,
    )
    assert after is not None
    assert after.since == first.since


def test_more_incidents_that_stand_still_are_figures() -> None:
    assert follow(late(3, frozen=("INC-2026-00001",)), opened(late(3)))[0] is Reason.FIGURES


def test_the_newest_due_date_ends_it() -> None:
    reason, after = follow(picture(), opened(late(3)))
    assert reason is Reason.DELIVERED
    assert after is not None
    assert (after.standing, after.ended_at, after.newest) == (Standing.RESOLVED, NOW, day(3))


def test_an_older_date_does_not_end_it() -> None:
    reason, after = follow(late(4), opened(late(3, 4)))
    assert reason is Reason.OTHER_TROUBLE
    assert after is not None
    assert after.standing is Standing.OPEN


def test_discarding_a_held_file_does_not_end_it() -> None:
    waits = opened(picture(held=held(), wanted=day(4)))
    reason, after = follow(picture(), waits)
    assert (reason, after and after.trouble) == (Reason.OTHER_TROUBLE, Trouble.LATE)
    assert after is not None
    assert follow(picture(), after)[0] is Reason.NOTHING_NEW
    assert follow(picture(newest=day(4), wanted=day(4)), after)[0] is Reason.DELIVERED


@pytest.mark.parametrize(
    ("sold", "usual", "least", "is_trouble"),
    [
        (0.0, 10.0, 10.0, True),
        (None, 10.0, 10.0, True),  # the cells of its sales are empty
        (1.0, 1000.0, 900.0, False),
        (0.0, 9.0, 9.0, False),  # so few may well not sell
        (0.0, 150.0, 0.0, False),  # a DC on a day without orders, as there were before
        (0.0, 0.0, 80.0, False),  # a Sunday
        (None, None, None, False),  # a feed of stock alone
        (-3.0, 100.0, 90.0, False),  # a day of returns
    ],
)
def test_a_date_that_sold_nothing_of_anything_is_without_sales(
    sold: float | None, usual: float | None, least: float | None, is_trouble: bool
) -> None:
    told = {"units_sold": sold, "usual_units_sold": usual, "least_units_sold": least}
    found = picture(rows=100, usual_rows=100, **told).trouble
    assert found == (Trouble.NO_SALES if is_trouble else None)


def test_a_small_date_ends_when_all_of_it_has_come() -> None:
    small = opened(picture(rows=10, usual_rows=100))
    assert follow(picture(rows=99, usual_rows=100), small)[0] is Reason.DELIVERED


def test_what_a_person_closed_stays_closed_until_another_date_is_missing() -> None:
    """A-06, A-07: the watch looks every few minutes, and nobody closes a thing twice."""
    closing = Action(act=Act.RESOLVE, person="dana@example.com", at=NOW, reason="a holiday")
    closed = take(opened(late(2)), closing).incident
    assert closed is not None
    assert (
        "feed northfield_stores of Northfield Grocers closed by dana@example.com: a holiday" in render(closed).fallback
    )
    known: dict[str, Any] = {"tenant": "stockwatch", "new_id": "DATA-2026-00002", "now": NOW}
    assert decide(late(2), None, **known, previous=closed).reason is Reason.JUDGED
    again = decide(late(2, 3), None, **known, previous=closed)
    assert (again.reason, again.event_kind) == (Reason.AGAIN, "reopened")
    assert again.incident is not None
    assert (again.incident.incident_id, again.incident.handling.reopened) == (closed.incident_id, 1)
    assert decide(late(20), None, **known, previous=closed).reason is Reason.FIRST


def test_a_feed_that_is_late_again_soon_goes_on_in_its_thread() -> None:
    """A-07"""
    delivered = follow(picture(newest=day(2), wanted=day(2)), opened(late(2)))[1]
    assert delivered is not None
    known: dict[str, Any] = {"tenant": "stockwatch", "new_id": "DATA-2026-00002", "now": NOW}
    assert decide(late(3), None, **known, previous=delivered).reason is Reason.AGAIN


def test_the_message_stays_in_the_channel_it_was_opened_in() -> None:
    _, after = follow(late(3, 4, channel="C0ELSEWHERE"), opened(late(3)))
    assert after is not None
    assert after.channel == "C0NORTHFIELD"


PICTURES = st.builds(
    lambda newest, missing, is_held, rows: picture(
        newest=day(newest),
        missing=tuple(day(newest + 1 + n) for n in range(missing)),
        wanted=day(newest + missing),
        held=held() if is_held else None,
        rows=rows,
        usual_rows=100,
    ),
    st.integers(1, 20),
    st.integers(0, 4),
    st.booleans(),
    st.integers(0, 120),
)


@given(st.lists(PICTURES, min_size=1, max_size=12))
def test_deciding_twice_changes_nothing_and_only_a_wanted_date_without_trouble_ends_it(
    story: list[FeedPicture],
) -> None:
    incident: DataIncident | None = None
    for shown in story:
        before, decision = incident, decide(shown, incident, tenant="stockwatch", new_id="DATA-2026-00001", now=NOW)
        if decision.event_kind == "resolved":
            assert before is not None
            assert shown.trouble is None
            assert shown.newest >= before.wanted
            incident = None
            continue
        incident = decision.incident if decision.event_kind else incident
        if incident is not None:
            assert decide(shown, incident, tenant="stockwatch", new_id="x", now=NOW).event_kind is None
            assert before is None or incident.wanted >= before.wanted
        else:
            assert shown.trouble is None

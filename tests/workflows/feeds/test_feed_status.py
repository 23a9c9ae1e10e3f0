"""How feeds are said to stand, and what is said of their latest dates."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from include.stockwatch.adapters.state import ledger, questions
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.workflows.feeds.feed_status import DayState, FeedStatus, Status, feed_statuses, list_statuses
from include.stockwatch.workflows.feeds.feed_watch import watch
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, days

# The fixture clock says Monday 2 November, 06:00 UTC; Northfield's dates are due the day after at 17:00 UTC.
FEED = "northfield_stores"
SATURDAY, SUNDAY = dt.date(2026, 10, 31), dt.date(2026, 11, 1)


def came(
    services: Services,
    name: str,
    dates: list[dt.date],
    *,
    rows: int = 100,
    status: str = "published",
    by_hand: bool = False,
) -> None:
    """A delivery of some dates, taken in now by a run of its own, or by no run."""
    now = services.now()
    found = Delivery(
        FEED,
        f"sha-{name}",
        name,
        now,
        status,
        rows_in=rows * len(dates),
        rows_published=rows * len(dates) if status == "published" else 0,
        rows_rejected=0,
        business_dates=tuple(date.isoformat() for date in dates) if status == "published" else (),
        holds=({"code": "ROW_COUNT", "what": "few", "fix": "ask"},) if status == "held" else (),
        run_id=None if by_hand else f"file__{name}",
        finished_at=now,
    )
    with services.state.begin() as tx:
        ledger.record(tx, found)
        if status == "published":
            ledger.deliver_dates(tx, FEED, found.delivery_id, dict.fromkeys(dates, rows), now)


def status(services: Services) -> FeedStatus:
    """The feed as it stands."""
    return next(one for one in feed_statuses(services) if one.feed_id == FEED)


@pytest.fixture
def fed(services: Services, clock: Clock) -> Services:
    """Services of a feed with history in two files until Thursday, then Friday and Saturday on time."""
    clock.move(days=-2)
    for name, ago, count in (("history-1", 29, 21), ("history-2", 8, 7)):
        came(services, name, days(SATURDAY - dt.timedelta(days=ago), count))
        clock.move(minutes=1)
    clock.move(days=1)
    came(services, "friday", [SATURDAY - dt.timedelta(days=1)])
    came(services, "saturday", [SATURDAY])
    clock.move(days=1, hours=10)  # Monday morning in Los Angeles, an hour before Sunday is due
    return services


def test_a_feed_without_a_delivery_has_nothing_yet(services: Services) -> None:
    assert [(one.status, one.days, one.last) for one in feed_statuses(services)] == [(Status.NEW, (), None)] * 2


def listed(services: Services, status: str) -> FeedStatus:
    """How the item list stands after a delivery."""
    now, name = services.now(), f"items-{status}.csv"
    with services.state.begin() as tx:
        ledger.record(tx, Delivery("northfield_items", f"sha-{status}", name, now, status, 5, 5, 0, finished_at=now))
    return next(one for one in list_statuses(services) if one.feed_id == "northfield_items")


def test_a_list_of_master_data_is_nothing_yet_then_in_place_then_held(services: Services, clock: Clock) -> None:
    assert {one.status for one in list_statuses(services)} == {Status.NEW}
    assert listed(services, "published").status is Status.IN_PLACE
    clock.move(hours=1)
    shown = listed(services, "held")
    assert (shown.status, shown.last and shown.last.file_name) == (Status.HELD, "items-held.csv")
    assert list_statuses(services, shown=[]) == []


def test_a_feed_that_is_in_is_on_time(fed: Services) -> None:
    shown = status(fed)
    assert (shown.status, shown.newest, shown.since, shown.incident) == (Status.ON_TIME, SATURDAY, None, None)
    assert [(day.date, day.state) for day in shown.days[:4]] == [
        (SUNDAY, DayState.WAITING),
        (SATURDAY, DayState.ON_TIME),
        (SATURDAY - dt.timedelta(days=1), DayState.LATE),
        (SATURDAY - dt.timedelta(days=2), DayState.HISTORY),
    ]
    assert {day.state for day in shown.days[3:]} == {DayState.HISTORY}
    assert len(shown.days) == 14


def test_past_its_cut_off_it_is_late_and_then_silent_since_then(fed: Services, clock: Clock) -> None:
    clock.move(hours=2)
    watch(fed)
    shown = status(fed)
    assert (shown.status, shown.since) == (Status.LATE, dt.datetime(2026, 11, 2, 17, tzinfo=dt.UTC))
    assert shown.days[0].state is DayState.MISSING
    assert shown.incident is not None
    clock.move(days=1)
    assert (status(fed).status, status(fed).since) == (Status.SILENT, shown.since)


def test_a_held_file_is_shown_with_the_run_that_asks_about_it(fed: Services) -> None:
    came(fed, "sunday", [SUNDAY], status="held")
    with fed.state.begin() as tx:
        questions.ask(tx, "release__x", FEED, "sha-sunday", fed.now())
    shown = status(fed)
    assert (shown.status, shown.release_run) == (Status.HELD, "release__x")
    assert (shown.days[0].state, shown.days[0].file_name) == (DayState.REJECTED, "sunday")


def test_a_discarded_file_leaves_a_rejected_date(fed: Services, clock: Clock) -> None:
    came(fed, "sunday", [SUNDAY], status="discarded")
    assert (status(fed).status, status(fed).days[0].state) == (Status.ON_TIME, DayState.REJECTED)
    clock.move(hours=2)
    assert (status(fed).status, status(fed).days[0].state) == (Status.LATE, DayState.REJECTED)


def test_a_small_date_is_small(fed: Services) -> None:
    came(fed, "sunday", [SUNDAY], rows=69)
    assert (status(fed).status, status(fed).usual_rows) == (Status.SMALL, 100)


def test_a_date_whose_counting_file_changed_is_restated_and_names_the_earlier_one(fed: Services, clock: Clock) -> None:
    clock.move(minutes=10)
    came(fed, "corrected", [SATURDAY])
    shown = status(fed)
    day = shown.days[1]
    assert (shown.status, day.state, day.file_name, day.earlier, day.run_id) == (
        Status.RESTATED,
        DayState.RESTATED,
        "corrected",
        ("saturday",),
        "file__corrected",
    )
    clock.move(minutes=10)
    came(fed, "sunday", [SUNDAY])
    assert status(fed).status is Status.ON_TIME, "what came last restated nothing"
    assert status(fed).days[1].state is DayState.RESTATED


def test_files_that_no_run_took_in_are_told_apart(fed: Services, clock: Clock) -> None:
    for name, date in (("corrected", SATURDAY), ("sunday", SUNDAY)):
        clock.move(minutes=10)
        came(fed, name, [date], by_hand=True)
    assert status(fed).status is Status.ON_TIME, "what came last restated nothing"


def test_a_date_that_is_not_reported_is_not_due(fed: Services, config: Path, clock: Clock) -> None:
    path = config / "feeds" / f"{FEED}.yaml"
    path.write_text(path.read_text("utf-8").replace("expected: {", "expected: {weekdays: [mon], "), "utf-8")
    made = Services(fed.home, config, clock)
    made.__dict__["state"] = fed.state
    clock.move(days=1)
    assert [day.state for day in status(made).days[:2]] == [DayState.WAITING, DayState.NOT_DUE]


def test_only_feeds_that_may_be_seen_are_shown(fed: Services) -> None:
    assert [one.feed_id for one in feed_statuses(fed, {FEED})] == [FEED]
    assert feed_statuses(fed, set()) == []

"""A feed that is late, silent, held, small or without sales is told once, in place, and never as a stock-out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.stockwatch.adapters.state import incidents, ledger, outbox
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.errors import FeedHeld
from include.stockwatch.settings.feed import Expected
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.feeds import ingest
from include.stockwatch.workflows.feeds.feed_watch import open_incidents, skipped, usually_by, watch
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, days, northfield, row

# The fixture clock says Monday 2 November, 06:00 UTC. Northfield's files are due the day after at 09:00 in Los
# Angeles, 17:00 UTC.
FEED = "northfield_stores"
SATURDAY, SUNDAY = dt.date(2026, 10, 31), dt.date(2026, 11, 1)
STORES = ("1", "2", "3", "4")


def has(services: Services, tmp_path: Path, date: dt.date, stores: tuple[str, ...] = STORES, **cells: object) -> None:
    """Northfield delivers a date."""
    path = northfield(tmp_path / f"n{date}{len(stores)}{cells}.csv", [row(date, store, **cells) for store in stores])
    ingest_file(services, FEED, path)


def trouble(services: Services) -> str | None:
    """What the open data incident of the feed says."""
    with services.state.begin() as tx:
        found = open_incidents(tx).get(FEED)
    return found.trouble.value if found else None


@pytest.fixture
def fed(services: Services, tmp_path: Path) -> Services:
    """Services of a feed that delivered ten days until Saturday."""
    rows = [row(date, store, sold=3) for date in days(SATURDAY - dt.timedelta(days=9), 10) for store in STORES]
    ingest_file(services, FEED, northfield(tmp_path / "history.csv", rows))
    return services


def test_a_feed_that_never_delivered_and_one_that_is_on_time_are_no_news(fed: Services) -> None:
    assert watch(fed)["open"] == 0, "Sunday is due at 17:00 UTC"


def test_a_date_without_any_sale_is_told_until_sales_come(fed: Services, tmp_path: Path, clock: Clock) -> None:
    clock.move(hours=9)
    has(fed, tmp_path, SUNDAY, sold=0)
    (opened,) = watch(fed)["opened"]
    assert trouble(fed) == "without sales"
    clock.move(hours=1)
    assert watch(fed)["reasons"] == {"nothing_new": 1}
    has(fed, tmp_path, SUNDAY, sold=3)
    assert watch(fed)["resolved"] == [opened], "the file came again, with its sales"


def test_a_feed_that_has_days_without_an_order_is_not_told_for_another(
    fed: Services, tmp_path: Path, clock: Clock
) -> None:
    has(fed, tmp_path, SATURDAY - dt.timedelta(days=3), sold=0)
    clock.move(hours=9)
    has(fed, tmp_path, SUNDAY, sold=0)
    assert (watch(fed)["opened"], trouble(fed)) == ([], None)


def test_past_its_cut_off_a_feed_is_late_once_and_then_silent_in_the_same_message(fed: Services, clock: Clock) -> None:
    clock.move(hours=11)
    first = watch(fed)
    assert (len(first["opened"]), trouble(fed)) == (1, "late")
    for _ in range(3):
        clock.move(minutes=5)
        assert watch(fed)["reasons"] == {"nothing_new": 1}
    deliver(fed)
    clock.move(days=1)
    assert watch(fed)["updated"] == first["opened"]
    assert trouble(fed) == "silent"
    deliver(fed)
    with fed.state.begin() as tx:
        sent = [(message["operation"], message["status"]) for message in outbox.messages(tx)]
    assert sent == [("post", "previewed"), ("update", "previewed")]


def test_the_newest_due_date_ends_it_with_a_reply_and_an_older_one_does_not(
    fed: Services, tmp_path: Path, clock: Clock
) -> None:
    clock.move(days=1, hours=11)
    (opened,) = watch(fed)["opened"]
    deliver(fed)
    has(fed, tmp_path, SUNDAY)
    assert watch(fed)["updated"] == [opened], "Monday is still missing"
    assert trouble(fed) == "late"
    has(fed, tmp_path, SUNDAY + dt.timedelta(days=1))
    assert watch(fed)["resolved"] == [opened]
    deliver(fed)
    with fed.state.begin() as tx:
        last = [(message["operation"], message["text"][:9]) for message in outbox.messages(tx)][-2:]
        assert [event["kind"] for event in incidents.events(tx, opened)] == ["opened", "updated", "resolved"]
    assert last == [("update", "RESOLVED:"), ("reply", "RESOLVED:")]
    assert watch(fed)["opened"] == []


def test_a_feed_that_a_person_closed_is_quiet_until_another_date_is_missing(fed: Services, clock: Clock) -> None:
    """A-06, A-07: one thread, however often the watch looks."""
    clock.move(hours=11)
    (opened,) = watch(fed)["opened"]
    deliver(fed)
    act(fed, opened, Action(act=Act.RESOLVE, person="dana@example.com", at=clock.at, reason="a holiday"))
    deliver(fed)
    clock.move(minutes=10)
    assert watch(fed)["reasons"] == {"judged": 1}
    clock.move(days=1)
    assert watch(fed)["reopened"] == [opened]
    with fed.state.begin() as tx:
        told = [(message["operation"], message["text"]) for message in outbox.messages(tx)]
    assert ("reply", "Opened again; dana@example.com had closed it.") in told
    assert [operation for operation, _ in told].count("post") == 1


def test_a_late_feed_opens_no_stock_incident_and_freezes_those_that_are_open(
    fed: Services, tmp_path: Path, clock: Clock
) -> None:
    has(fed, tmp_path, SUNDAY, on_hand=0, sold=0)
    check(fed, SUNDAY)
    clock.move(days=1, hours=11)
    for due in due_checks(fed):
        check(fed, due.business_date)
    watch(fed)
    with fed.state.begin() as tx:
        (stock,) = incidents.open_incidents(tx, STOCK_KINDS).values()
        data = open_incidents(tx)[FEED]
    assert (stock.data_stale, len(stock.members)) == (True, 4)
    assert data.frozen == (stock.incident_id,)


def hold(services: Services, tmp_path: Path) -> str:
    """A file of Sunday with one store of four is held; its delivery id."""
    with pytest.raises(FeedHeld):
        has(services, tmp_path, SUNDAY, stores=("1",))
    with services.state.begin() as tx:
        (held,) = ledger.undecided(tx)
    return held.delivery_id


def test_a_held_file_is_told_at_once_and_ends_when_it_is_released(fed: Services, tmp_path: Path) -> None:
    delivery_id = hold(fed, tmp_path)
    (opened,) = watch(fed)["opened"]
    assert trouble(fed) == "held"
    with fed.state.begin() as tx:
        held = open_incidents(tx)[FEED].held
    assert held
    assert held.usual_rows_in == 4 * held.rows_in, "the files before it have four stores"
    ingest.decide(fed, FEED, delivery_id, "release", "ada")
    assert watch(fed)["updated"] == [opened], "released, and still far smaller than usual"
    assert trouble(fed) == "small"
    has(fed, tmp_path, SUNDAY)
    assert watch(fed)["resolved"] == [opened]


def test_a_discarded_file_leaves_the_date_awaited(fed: Services, tmp_path: Path, clock: Clock) -> None:
    (delivery_id, opened) = hold(fed, tmp_path), watch(fed)["opened"]
    ingest.decide(fed, FEED, delivery_id, "discard", "ada")
    assert watch(fed)["updated"] == opened
    assert trouble(fed) == "late"
    clock.move(hours=1)
    has(fed, tmp_path, SUNDAY)
    assert watch(fed)["resolved"] == opened


def test_a_file_that_came_after_a_held_one_makes_it_no_matter(fed: Services, tmp_path: Path, clock: Clock) -> None:
    hold(fed, tmp_path)
    clock.move(minutes=5)
    has(fed, tmp_path, SUNDAY)
    assert watch(fed)["opened"] == []


def test_the_end_of_a_data_incident_names_the_dates_that_later_ones_overtook(
    fed: Services, tmp_path: Path, clock: Clock
) -> None:
    hold(fed, tmp_path)
    (opened,) = watch(fed)["opened"]
    deliver(fed)
    clock.move(days=1)
    has(fed, tmp_path, SUNDAY + dt.timedelta(days=1))
    assert watch(fed)["resolved"] == [opened]
    deliver(fed)
    with fed.state.begin() as tx:
        last = outbox.messages(tx)[-1]
    assert "Still missing: Sun 1 Nov; nothing is known of that day." in last["text"] + str(last["blocks"])
    assert skipped(Expected(weekdays=["mon"]), {SATURDAY}, SUNDAY) == (), "Sundays are not reported"


def test_when_a_feed_is_usually_there_is_said_by_the_first_file_of_a_newest_date(
    fed: Services, tmp_path: Path, clock: Clock
) -> None:
    for number in range(5):
        date = SUNDAY + dt.timedelta(days=number)
        clock.at = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(15), dt.UTC)  # 07:00 in Los Angeles
        has(fed, tmp_path, date)
        clock.move(hours=6)
        has(fed, tmp_path, date, sold=7)  # corrected
    with fed.state.begin() as tx:
        came = ledger.arrivals(tx, FEED, 28)
    assert min(came) == SATURDAY, "of ten days of history the newest"
    assert came.pop(SATURDAY) == dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)
    assert usually_by(Expected(time_zone="America/Los_Angeles"), came) == "07:00"


def test_a_partner_that_rests_is_not_late(fed: Services, config: Path, clock: Clock) -> None:
    path = config / "feeds" / f"{FEED}.yaml"
    path.write_text(
        path.read_text("utf-8").replace("expected: {", "expected: {weekdays: [mon, tue, wed, thu, fri, sat], "), "utf-8"
    )
    made = Services(fed.home, config, clock)
    made.__dict__["state"] = fed.state
    clock.move(hours=20)
    assert watch(made)["opened"] == []
    clock.move(days=1)
    watch(made)
    assert trouble(made) == "late"


def test_a_day_of_rest_freezes_no_incident(fed: Services, tmp_path: Path, config: Path, clock: Clock) -> None:
    path = config / "feeds" / f"{FEED}.yaml"
    path.write_text(path.read_text("utf-8").replace("expected: {", "expected: {weekdays: [mon], "), "utf-8")
    made = Services(fed.home, config, clock)
    made.__dict__["state"] = fed.state
    has(fed, tmp_path, SATURDAY, on_hand=0, sold=0)
    check(fed, SATURDAY)
    assert check(made, SUNDAY)["incidents"]["frozen"] == []
    clock.move(days=2)
    assert len(check(made, SUNDAY + dt.timedelta(days=1))["incidents"]["frozen"]) == 1, "Monday is reported"


def received(*hours: float, first: dt.date = dt.date(2026, 10, 20)) -> dict[dt.date, dt.datetime]:
    """When dates came: hours after the local midnight of their due day in Berlin."""
    found: dict[dt.date, dt.datetime] = {}
    for number, hour in enumerate(hours):
        date = first + dt.timedelta(days=number)
        local = dt.datetime.combine(date + dt.timedelta(days=1), dt.time.min) + dt.timedelta(hours=hour)
        found[date] = local.replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(dt.UTC)
    return found


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ((6, 6.5, 7, 7.25, 6), "07:15"),
        ((6, 6, 6, 6), None),  # too few
        ((6, 6, 6, 6, 300), None),  # the fifth was history
        ((6, 6, 6, 6, 25.5), "01:30 a day later"),
        ((-2, -2, -2, -1, -3), "23:00 a day earlier"),
        ((6,) * 10, "06:00"),  # the clocks go back on 25 October: 06:00 stays 06:00
    ],
)
def test_the_usual_arrival_is_by_the_partners_clock(hours: tuple[float, ...], words: str | None) -> None:
    assert usually_by(Expected(time_zone="Europe/Berlin"), received(*hours)) == words


def test_two_watches_at_once_open_one_incident(fed: Services, config: Path, clock: Clock) -> None:
    clock.move(hours=11)
    other = Services(fed.home, config, clock)
    found: list[dict[str, Any]] = [watch(fed), watch(other)]
    other.state.engine.dispose()
    assert [len(one["opened"]) for one in found] == [1, 0]
    with fed.state.begin() as tx:
        assert len([m for m in outbox.messages(tx) if m["incident_id"].startswith("DATA-")]) == 1

"""Which dates are checked, when, and why."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from include.stockwatch.adapters.state import ledger
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.feeds import landing
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, dc, northfield, row, westway

# The fixture clock says Monday 2 November, 06:00 UTC. Northfield's files are due the day after at 09:00 in Los
# Angeles (17:00 UTC), Westway's at 10:00 in Berlin (09:00 UTC).
SATURDAY, SUNDAY = dt.date(2026, 10, 31), dt.date(2026, 11, 1)


def northfield_has(services: Services, tmp_path: Path, date: dt.date, on_hand: int = 9) -> None:
    """Northfield delivers a date."""
    ingest_file(
        services, "northfield_stores", northfield(tmp_path / f"n{date}{on_hand}.csv", [row(date, "1", on_hand=on_hand)])
    )


def westway_has(services: Services, tmp_path: Path, date: dt.date) -> None:
    """Westway delivers a date."""
    path = westway(tmp_path / f"bestand_{date}.csv", [dc("L1", date=f"{date:%d.%m.%Y}")])
    ingest_file(services, "westway_dcs", path)


def due(services: Services) -> list[tuple[dt.date, str]]:
    """Dates and reasons."""
    return [(one.business_date, one.why.value) for one in due_checks(services)]


def run(services: Services) -> None:
    """Check what is due."""
    for one in due_checks(services):
        check(services, one.business_date)


def test_nothing_is_due_before_anything_was_delivered(services: Services) -> None:
    assert due(services) == []


def test_a_date_is_due_for_each_partner_that_is_settled_on_it(services: Services, tmp_path: Path) -> None:
    """A-14"""
    northfield_has(services, tmp_path, SATURDAY)
    westway_has(services, tmp_path, SATURDAY)
    assert due(services) == [(SATURDAY, "complete")]
    run(services)
    northfield_has(services, tmp_path, SUNDAY)
    assert due(services) == [(SUNDAY, "in part")], "Westway is not in, and not due before 09:00 UTC"
    run(services)
    assert due(services) == []
    westway_has(services, tmp_path, SUNDAY)
    assert due(services) == [(SUNDAY, "restated")]
    run(services)
    assert due(services) == []


def test_past_its_cut_off_a_date_no_longer_waits(services: Services, tmp_path: Path, clock: Clock) -> None:
    for date in (SATURDAY, SUNDAY):
        northfield_has(services, tmp_path, date)
    westway_has(services, tmp_path, SATURDAY)
    (first,) = [one for one in due_checks(services) if one.business_date == SUNDAY]
    run(services)
    clock.move(hours=2, minutes=59)
    assert due(services) == []
    clock.move(minutes=1)
    (again,) = due_checks(services)
    assert (again.business_date, again.run_id != first.run_id) == (SUNDAY, True), "Westway's Sunday is decided now"
    run(services)
    assert due(services) == []


def test_a_date_that_is_not_checked_before_the_cut_off_waits_for_nobody(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    northfield_has(services, tmp_path, SUNDAY)
    westway_has(services, tmp_path, SATURDAY)
    clock.move(hours=3)
    assert due(services) == [(SATURDAY, "complete"), (SUNDAY, "cut-off")]


def test_nothing_is_due_while_the_only_news_are_of_a_partner_of_whom_more_is_to_come(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    own = (config / "feeds" / "westway_dcs.yaml").read_text("utf-8").replace("partner: westway", "partner: northfield")
    (config / "feeds" / "northfield_dcs.yaml").write_text(own.replace("Westway Distribution", "Northfield"), "utf-8")
    services = rest(services, config, clock)
    for has in (northfield_has, westway_has):
        has(services, tmp_path, SATURDAY)
    ingest_file(services, "northfield_dcs", westway(tmp_path / "bestand_n.csv", [dc("N1", date="31.10.2026")]))
    westway_has(services, tmp_path, SUNDAY)
    run(services)
    northfield_has(services, tmp_path, SUNDAY)
    assert due(services) == [], "the feed of its DCs has not come"
    path = westway(tmp_path / "bestand_n2.csv", [dc("N1", date="01.11.2026")])
    ingest_file(services, "northfield_dcs", path)
    assert due(services) == [(SUNDAY, "restated")]


def test_a_late_or_corrected_file_has_its_date_checked_again(services: Services, tmp_path: Path) -> None:
    northfield_has(services, tmp_path, SATURDAY)
    westway_has(services, tmp_path, SATURDAY)
    run(services)
    first = {one.run_id for one in due_checks(services)}
    northfield_has(services, tmp_path, SATURDAY, on_hand=0)
    (again,) = due_checks(services)
    assert (again.business_date, again.why.value) == (SATURDAY, "restated")
    assert again.run_id not in first


def test_dates_that_look_back_on_a_late_file_are_checked_again_after_it(services: Services, tmp_path: Path) -> None:
    friday = SATURDAY - dt.timedelta(days=1)
    for date in (friday, SUNDAY):
        northfield_has(services, tmp_path, date)
        westway_has(services, tmp_path, date)
    run(services)
    northfield_has(services, tmp_path, SATURDAY)
    westway_has(services, tmp_path, SATURDAY)
    assert due(services) == [(SATURDAY, "complete"), (SUNDAY, "restated")], "Friday does not look ahead"
    run(services)
    assert due(services) == []


def test_a_day_on_which_nothing_came_at_all_is_checked_once_it_is_late(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    northfield_has(services, tmp_path, SATURDAY)
    westway_has(services, tmp_path, SATURDAY)
    run(services)
    clock.move(hours=3)  # 09:00 UTC on Monday: Sunday's file is overdue at Westway
    assert due(services) == [(SUNDAY, "in part")]
    run(services)
    assert due(services) == []
    clock.move(hours=8)  # 17:00: at Northfield as well
    assert due(services) == [(SUNDAY, "restated")]
    run(services)
    assert due(services) == []


def test_a_day_of_which_only_one_partner_reports_and_brings_nothing_is_checked_once_it_is_late(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    services = rest(services, config, clock, northfield_stores=NO_SUNDAY, westway_dcs="weekdays: [sun]")
    for number in (7, 1):
        northfield_has(services, tmp_path, SUNDAY - dt.timedelta(days=number))
    westway_has(services, tmp_path, SUNDAY - dt.timedelta(days=7))
    clock.move(hours=2)
    run(services)
    northfield_has(services, tmp_path, SUNDAY + dt.timedelta(days=1))
    assert due(services) == [(SUNDAY + dt.timedelta(days=1), "complete")]
    run(services)
    clock.move(hours=1)
    assert due(services) == [(SUNDAY, "cut-off")], "what is open at Westway freezes, though Monday was checked"


def test_nothing_is_due_while_a_claimed_file_is_being_ingested(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    northfield_has(services, tmp_path, SATURDAY)
    with services.state.begin() as tx:
        ledger.claim(tx, "westway_dcs", "x", "key", clock(), settled=True)
    assert due(services) == []
    clock.move(minutes=31)
    assert due(services) == [(SATURDAY, "complete")], "a stuck ingest holds dates back for half an hour"


def test_history_older_than_the_horizon_is_loaded_and_not_checked(services: Services, tmp_path: Path) -> None:
    rows = [row(SUNDAY - dt.timedelta(days=n), "1") for n in range(60)]
    ingest_file(services, "northfield_stores", northfield(tmp_path / "n.csv", rows))
    found = [date for date, _ in due(services)]
    assert found == [SUNDAY - dt.timedelta(days=n) for n in reversed(range(14))]


def test_a_file_is_claimed_when_two_looks_find_it_unchanged(services: Services) -> None:
    folder = services.home / "landing" / "northfield_stores"
    path = northfield(folder / "n.csv", [row(SUNDAY, "1")])
    (folder / "n2.csv.part").write_text("half", "utf-8")
    (folder / ".hidden.csv").write_text("x", "utf-8")
    (folder / "notes.txt").write_text("x", "utf-8")
    assert landing.scan(services) == []
    with path.open("a", encoding="utf-8") as file:
        file.write(row(SUNDAY, "2") + "\n")
    assert landing.scan(services) == [], "it has grown since the first look"
    (claimed,) = landing.scan(services)
    with services.state.begin() as tx:
        assert ledger.in_flight(tx, services.now()) == 1, "what it was before it grew holds nothing up"
    assert claimed.feed_id == "northfield_stores"
    assert claimed.run_id == f"file__northfield_stores__{claimed.file_key}"


def test_a_claimed_file_is_offered_until_its_ingest_starts(services: Services) -> None:
    northfield(services.home / "landing" / "northfield_stores" / "n.csv", [row(SUNDAY, "1")])
    landing.scan(services)
    first = landing.scan(services)
    assert landing.scan(services) == first, "a scan that was killed before the trigger loses no file"
    with services.state.begin() as tx:
        ledger.start_file(tx, first[0].file_key)
    assert landing.scan(services) == []


@pytest.mark.parametrize("url", ["s3://bucket/westway", "nowhere://x", "/dev/null/nowhere"])
def test_a_landing_of_whatever_kind_that_cannot_be_opened_stops_no_other(
    url: str, services: Services, config: Path, clock: Clock
) -> None:
    feed = config / "feeds" / "westway_dcs.yaml"
    feed.write_text(feed.read_text("utf-8").replace("landing: {", f'landing: {{url: "{url}", '), "utf-8")
    made = Services(services.home, config, clock)
    northfield(services.home / "landing" / "northfield_stores" / "n.csv", [row(SUNDAY, "1")])
    landing.scan(made)
    assert len(landing.scan(made)) == 1
    made.state.engine.dispose()


def test_files_are_taken_in_the_order_they_were_written(services: Services) -> None:
    folder = services.home / "landing" / "northfield_stores"
    for age, name in ((20, "stock_2026-11-01.csv"), (10, "stock_2026-11-01-corrected.csv")):
        path = northfield(folder / name, [row(SUNDAY, "1", on_hand=age)])
        os.utime(path, (1_790_000_000 - age, 1_790_000_000 - age))
    landing.scan(services)
    keys = [file.file_key for file in landing.scan(services)]
    with services.state.begin() as tx:
        names = [(ledger.start_file(tx, key) or "").rsplit("/", 1)[-1] for key in keys]
    assert names == ["stock_2026-11-01.csv", "stock_2026-11-01-corrected.csv"]


def test_one_scan_starts_no_more_than_airflow_can_map(services: Services) -> None:
    folder = services.home / "landing" / "northfield_stores"
    for number in range(250):
        northfield(folder / f"n{number:03d}.csv", [row(SUNDAY, str(number))])
    landing.scan(services)
    first = landing.scan(services)
    assert len(first) == 200
    with services.state.begin() as tx:
        for file in first:
            ledger.start_file(tx, file.file_key)
    assert len(landing.scan(services)) == 50


def test_a_file_that_waits_for_its_second_look_holds_the_gate(services: Services, tmp_path: Path, clock: Clock) -> None:
    northfield_has(services, tmp_path, SATURDAY)
    northfield(services.home / "landing" / "northfield_stores" / "n.csv", [row(SUNDAY, "1")])
    landing.scan(services)
    assert due(services) == []


def rest(services: Services, config: Path, clock: Clock, **expected: str) -> Services:
    """Services of partners that do not report every day: what to add to a feed's `expected`, by feed."""
    for feed, added in expected.items():
        path = config / "feeds" / f"{feed}.yaml"
        path.write_text(path.read_text("utf-8").replace("expected: {", f"expected: {{{added}, "), "utf-8")
    made = Services(services.home, config, clock)
    made.__dict__["state"] = services.state
    return made


NO_SUNDAY = "weekdays: [mon, tue, wed, thu, fri, sat]"


def test_a_sunday_waits_only_for_the_feeds_that_report_sundays(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    services = rest(services, config, clock, westway_dcs=NO_SUNDAY)
    northfield_has(services, tmp_path, SATURDAY)
    westway_has(services, tmp_path, SATURDAY)
    run(services)
    northfield_has(services, tmp_path, SUNDAY)
    assert due(services) == [(SUNDAY, "complete")], "Westway has no Sunday"


def test_a_holiday_that_no_feed_reports_is_never_checked_for_absence(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    thanksgiving = dt.date(2026, 11, 26)
    services = rest(services, config, clock, northfield_stores="holidays: US", westway_dcs="holidays: US")
    clock.at = dt.datetime(2026, 11, 26, 20, tzinfo=dt.UTC)
    for has in (northfield_has, westway_has):
        has(services, tmp_path, thanksgiving - dt.timedelta(days=1))
    run(services)
    clock.move(hours=24)
    assert due(services) == [], "Thursday was a holiday, and Friday is not over its cut-off"
    clock.move(hours=24)
    assert due(services) == [(thanksgiving + dt.timedelta(days=1), "cut-off")]


def test_a_day_off_that_a_partner_reports_all_the_same_is_checked(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    services = rest(services, config, clock, northfield_stores=NO_SUNDAY, westway_dcs=NO_SUNDAY)
    northfield_has(services, tmp_path, SUNDAY)
    assert due(services) == [(SUNDAY, "complete")]

"""What becomes of a late, a held and a corrected file, seen in a real browser before a real Airflow.

The pictures in docs/screenshots are made here when STOCKWATCH_SCREENSHOTS=1.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from include.stockwatch.adapters.state import State, ledger, outbox
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.workflows.feeds.feed_watch import open_incidents
from scripts.local_airflow import PROJECT, LocalAirflow, running
from tests.browser.browser import chromium
from tests.fakes import days, northfield, row

FEED = "northfield_stores"
STORES = tuple(f"{n:04d}" for n in range(1, 11))
TODAY = dt.datetime.now(dt.UTC).date()  # noqa: TID251  (a real Airflow runs on the real clock)
LATE = TODAY - dt.timedelta(days=2)
"""Set anew when the first test of this module starts: collecting all tests may be long before, on another day."""
PICTURES = PROJECT / "docs" / "screenshots"


class World:
    """A running Airflow with its stores, and a browser in which somebody is logged in."""

    def __init__(self, airflow: LocalAirflow, browser: Browser) -> None:
        self.airflow = airflow
        self.state = State.open(f"sqlite:///{airflow.home / 'state.db'}")
        self.page = self.logged_in(browser, "admin")

    def logged_in(self, browser: Browser, user: str) -> Page:
        """A page of Airflow after the login form."""
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-US", timezone_id="UTC")
        page.goto(self.airflow.url)
        login = self.airflow.login(user)
        page.locator("input[name=username]").fill(login["username"])
        page.locator("input[name=password]").fill(login["password"])
        page.locator("input[name=password]").press("Enter")
        expect(page.get_by_text("Dags").first).to_be_visible(timeout=60_000)
        return page

    def deliver(self, name: str, rows: list[str]) -> Delivery:
        """Put a file into the landing, as a partner does; the delivery when it was published or held."""
        northfield(self.airflow.home / "landing" / FEED / name, rows)
        for _ in range(2):
            self.run("landing_scan")
        self.wait(f"{name} to be taken in", lambda: self.latest(name) in ("published", "held"))
        with self.state.begin() as tx:
            return ledger.latest(tx, FEED, 1)[0]

    def latest(self, name: str) -> str | None:
        """Status of the delivery that came last, if it is of this file."""
        with self.state.begin() as tx:
            found = ledger.latest(tx, FEED, 1)
        return found[0].status if found and found[0].file_name == name else None

    def run(self, dag_id: str) -> None:
        """Run a Dag to its end."""
        assert self.airflow.wait_for_run(dag_id, self.airflow.trigger(dag_id)) == "success"

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        self.airflow.wait(ready, what, 150)

    def feeds(self) -> FrameLocator:
        """The page *Feeds* of the board, by its own address."""
        self.page.goto(f"{self.airflow.url}/plugin/feeds")
        frame = self.page.frame_locator("iframe")
        expect(frame.get_by_role("heading", name="Feeds", exact=True)).to_be_visible(timeout=60_000)
        return frame

    def picture(self, name: str, height: int = 700) -> None:
        """Keep a picture of the page for the docs, if asked to."""
        if os.environ.get("STOCKWATCH_SCREENSHOTS") == "1":
            self.page.set_viewport_size({"width": 1440, "height": height})
            self.page.wait_for_timeout(1500)  # what still moves comes to rest
            self.page.screenshot(path=PICTURES / f"{name}.png")

    def trouble(self) -> str | None:
        """What the open data incident of the feed says."""
        with self.state.begin() as tx:
            found = open_incidents(tx).get(FEED)
        return found.trouble.value if found else None


def dates_of(frame: FrameLocator) -> Locator:
    """The cells of the feed's latest dates, the newest first."""
    return frame.locator(".calendar tbody tr").filter(has_text=FEED).locator("td")


def day(date: dt.date, faulty: int = 0, sold: int = 5) -> list[str]:
    """One date of ten stores, the first of which have no readable stock."""
    return [
        row(date, store, on_hand="<b>none</b>" if number < faulty else 20, sold=sold)
        for number, store in enumerate(STORES)
    ]


@pytest.fixture(scope="module", autouse=True)
def dates() -> None:
    """The dates as the clock has them when this module starts."""
    global TODAY, LATE
    TODAY = dt.datetime.now(dt.UTC).date()  # noqa: TID251
    LATE = TODAY - dt.timedelta(days=2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of this module."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, browser: Browser, dates: None) -> Iterator[World]:
    """One Airflow for all tests of this module: four weeks until the day before the one that is late."""
    home = tmp_path_factory.mktemp("feeds")
    config = Path(shutil.copytree(PROJECT / "include" / "config", home / "config"))
    feed = config / "feeds" / f"{FEED}.yaml"
    expected = 'expected: {by: "23:59", days_after: 1, time_zone: UTC}'
    feed.write_text(re.sub(r"expected: \{.*\}", expected, feed.read_text("utf-8")), "utf-8")
    (config / "stockwatch.yaml").write_text("gate: {history_days: 5}\n", "utf-8")
    with running(LocalAirflow(home, config=config)) as airflow:
        made = World(airflow, browser)
        history = [line for date in days(LATE - dt.timedelta(days=28), 28) for line in day(date)]
        made.deliver("history.csv", history)
        yield made
        made.state.engine.dispose()


def test_a_late_feed_is_shown_and_told_once(world: World) -> None:
    for _ in range(2):
        world.run("feed_watch")
    frame = world.feeds()
    northfield = frame.locator(f"#{FEED}")
    expect(northfield).to_contain_text(re.compile(r"Late\s+since"))
    expect(northfield).to_contain_text(re.compile(r"DATA-\d{4}-00001, late"))
    expect(dates_of(frame).nth(0)).to_contain_text("waiting")
    expect(dates_of(frame).nth(1)).to_contain_text("missing")
    world.picture("feeds-late")
    with world.state.begin() as tx:
        told = [message["operation"] for message in outbox.messages(tx) if message["incident_id"].startswith("DATA-")]
    assert told == ["post"]


def test_a_held_file_waits_for_a_person_and_takes_no_worker_meanwhile(world: World) -> None:
    held = world.deliver("northfield_late.csv", day(LATE, faulty=2))
    assert held.status == "held"
    world.run("landing_scan")
    world.wait("somebody to be asked", lambda: state_of(world, held) == "awaiting_input")
    world.run("feed_watch")
    assert world.trouble() == "held"
    frame = world.feeds()
    expect(frame.locator(f"#{FEED} .mark").first).to_have_text("Held")
    world.picture("feeds-quarantined")
    running_now = world.airflow.api("GET", "/dags/~/dagRuns/~/taskInstances?state=running&dag_id=release_feed")
    assert [one for one in running_now["task_instances"] if one["dag_id"] == "release_feed"] == []
    frame.locator(f"#{FEED}").get_by_role("link", name="Decide on the held file").click()
    expect(world.page).to_have_url(re.compile("/dags/release_feed/runs/release__"), timeout=30_000)


def test_who_may_only_read_may_not_decide(world: World, browser: Browser) -> None:
    (run_id,) = world.airflow.runs("release_feed")
    session = requests.Session()
    session.trust_env = False
    login = world.airflow.login("viewer")
    token = session.post(f"{world.airflow.url}/auth/token", json=login, timeout=60).json()["access_token"]
    address = f"{world.airflow.url}/api/v2/dags/release_feed/dagRuns/{run_id}/taskInstances/decide/-1/hitlDetails"
    answer = session.patch(
        address, json={"chosen_options": ["Release"]}, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert answer.status_code == 403, answer.text


def test_a_click_releases_the_rows_that_pass(world: World) -> None:
    page = world.page
    page.goto(f"{world.airflow.url}/required_actions")
    page.get_by_role("link", name=re.compile("northfield_late.csv")).first.click()
    expect(page.get_by_text("Why it is held")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("<b>none</b>").first).to_be_visible()
    world.picture("feeds-approval", height=1250)
    page.get_by_role("button", name="Release without the failing rows").click()
    (run_id,) = world.airflow.runs("release_feed")
    assert world.airflow.wait_for_run("release_feed", run_id) == "success"
    with world.state.begin() as tx:
        published = ledger.latest(tx, FEED, 1)[0]
        assert LATE in ledger.delivered(tx)
    assert (published.status, published.decision, published.decided_by) == ("published", "release_passing", "admin")
    assert (published.rows_published, published.rows_rejected) == (8, 2)
    world.run("feed_watch")
    assert world.trouble() is None
    world.wait("the date to be checked", lambda: LATE in checked(world))


def test_a_correction_is_shown_as_a_restatement(world: World) -> None:
    assert world.deliver("northfield_corrected.csv", day(LATE, sold=6)).status == "published"
    frame = world.feeds()
    northfield = frame.locator(f"#{FEED}")
    expect(northfield.locator(".mark").first).to_have_text("Restated")
    told = re.compile("northfield_corrected.csv, before: northfield_late.csv")
    expect(dates_of(frame).nth(1).locator("a")).to_have_attribute("title", told)
    world.picture("feeds-restated")
    northfield.get_by_role("link", name="northfield_corrected.csv").first.click()
    expect(world.page).to_have_url(re.compile(rf"/dags/ingest_{FEED}/runs/file__.*/plugin/data-quality"))


def state_of(world: World, held: Delivery) -> str | None:
    """State of the question about a held file."""
    run_id = f"release__{FEED}__{held.delivery_id[:24]}"
    if run_id not in world.airflow.runs("release_feed"):
        return None
    tasks: list[dict[str, Any]] = world.airflow.api("GET", f"/dags/release_feed/dagRuns/{run_id}/taskInstances")[
        "task_instances"
    ]
    return next((task["state"] for task in tasks if task["task_id"] == "decide"), None)


def checked(world: World) -> set[dt.date]:
    """Dates that were checked."""
    with world.state.begin() as tx:
        return set(ledger.checked(tx, LATE - dt.timedelta(days=5)))

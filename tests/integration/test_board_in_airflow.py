"""The ops board in a real browser before a real Airflow: navigation, links, actions, rights, themes, accessibility.

The pictures in docs/screenshots are made here when STOCKWATCH_SCREENSHOTS=1.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, FrameLocator, Page, expect
from slack_sdk import WebClient

from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.adapters.state import incidents, outbox, worklist
from include.stockwatch.adapters.state.tables import outbox as outbox_table
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import Case, Decision, Standing
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.simulation.folder import write_world
from include.stockwatch.simulation.world import WORLDS, simulate
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.feeds import feed_watch, ingest, master_files
from include.stockwatch.workflows.incidents import act as acting
from include.stockwatch.workflows.incidents import silences
from include.stockwatch.workflows.incidents.record import record, record_all
from include.stockwatch.workflows.services import Services
from scripts.local_airflow import PROJECT, LocalAirflow, running
from tests.alerting.examples import incident, member
from tests.alerting.people_examples import no_owner
from tests.browser.browser import chromium
from tests.browser.install import HERE
from tests.fakes import Clock
from tests.integration.sending import deliver_all
from tests.slack_server.server import GENERAL, TOKEN, SlackServer

AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
TODAY = dt.datetime.now(dt.UTC).date()  # noqa: TID251  (a real Airflow runs on the real clock)
LAST = TODAY - dt.timedelta(days=1)
DAYS, HISTORY, CHECKED = 50, 40, 7
PICTURES = PROJECT / "docs" / "screenshots"
VIEWS = {
    "overview": "Overview", "heatmap": "Partner by product", "incidents": "Worklist", "feeds": "Feeds",
    "scorecard": "Scorecard", "quality-of-alerts": "Alert quality", "routes": "Routes and owners",
    "silences": "Silences", "deliveries": "Messages", "thresholds": "Thresholds", "incidents/pending": "Pending",
}  # fmt: skip


class World:
    """A running Airflow on the home of a simulated world."""

    def __init__(self, airflow: LocalAirflow, services: Services, browser: Browser) -> None:
        self.airflow, self.services, self.browser = airflow, services, browser
        self.worst = _open(services)[0]

    def logged_in(self, user: str = "admin", *, theme: str = "light", at: str = "", bypass_csp: bool = False) -> Page:
        """A page of Airflow after the login form, which was reached by way of an address."""
        context = self.browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="en-US", timezone_id="UTC", color_scheme=theme,
            bypass_csp=bypass_csp,
        )  # fmt: skip
        page = context.new_page()
        page.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page.goto(f"{self.airflow.url}{at}")
        login = self.airflow.login(user)
        page.locator("input[name=username]").fill(login["username"])
        page.locator("input[name=password]").fill(login["password"])
        page.locator("input[name=password]").press("Enter")
        expect(page.get_by_role("link", name="Dags").first).to_be_visible(timeout=60_000)
        return page

    def case(self, incident_id: str) -> Case:
        """An incident as it is stored."""
        with self.services.state.read() as tx:
            found = incidents.find(tx, incident_id)
        assert found is not None
        return found

    def sent(self, incident_id: str) -> list[str]:
        """What is queued for Slack of an incident."""
        with self.services.state.read() as tx:
            return [f"{one['operation']}: {one['plain']}" for one in outbox.of_incident(tx, incident_id)]


def _open(services: Services) -> list[str]:
    """Open incidents of stock that is out, those that cost most first."""
    with services.state.read() as tx:
        partners = {feed.partner for feed in services.settings.feeds.values()}
        rows = worklist.page(tx, worklist.Filters(partners, kind="out_of_stock"), "money")
    return [row["incident_id"] for row in rows]


def fill(home: Path) -> Services:
    """A world's files, taken in and checked as if every day had come and gone."""
    parameters = WORLDS["small"].with_(not_ordered_rate=0.03, days=DAYS, first_date=LAST - dt.timedelta(days=DAYS - 1))
    written = write_world(simulate(parameters, 4), home, history_days=HISTORY, defects=False)
    (home / "config" / "stockwatch.yaml").write_text(f"gate: {{history_days: {CHECKED}}}\n", "utf-8")
    routes = home / "config" / "routes.yaml"
    routes.write_text(re.sub(r"C0SIM\d+", GENERAL, routes.read_text("utf-8")), "utf-8")
    clock = Clock(dt.datetime.combine(parameters.first_date, dt.time(), dt.UTC))
    services = Services(home, home / "config", clock)
    for arrival in written.arrivals:
        clock.at = arrival.arrives_at
        take = master_files if arrival.feed_id in services.settings.masters else ingest
        take.ingest_file(services, arrival.feed_id, home / "landing" / arrival.feed_id / arrival.file_name)
    clock.at = dt.datetime.combine(TODAY, dt.time(9, 30), dt.UTC)
    for due in due_checks(services):
        clock.at = dt.datetime.combine(due.business_date, dt.time(9, 30), dt.UTC) + dt.timedelta(days=1)
        check(services, due.business_date, actor="check_availability")
    feed_watch.watch(services)
    shutil.rmtree(home / "landing")  # everything is in; nothing is to be taken in again
    return services


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of this module."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[World]:
    """One Airflow for all tests of this module."""
    home = tmp_path_factory.mktemp("board")
    services = fill(home)
    environment = {"STOCKWATCH_SLACK_CONNECTION": "", "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}
    with running(LocalAirflow(home, config=home / "config", extra=environment)) as airflow:
        yield World(airflow, services, browser)  # no Dag runs: the clock of the world stands still
    services.state.engine.dispose()


@pytest.fixture(scope="module")
def page(world: World) -> Iterator[Page]:
    """Somebody who may do everything."""
    made = world.logged_in()
    yield made
    made.context.close()


def frame_of(page: Page) -> FrameLocator:
    """The board inside Airflow's page."""
    return page.frame_locator("iframe")


def settled(frame: FrameLocator) -> None:
    """Wait until every part of a page is there."""
    expect(frame.locator("[aria-busy=true]")).to_have_count(0, timeout=90_000)


def deep(world: World, path: str) -> str:
    """The address of a page of the board inside Airflow."""
    return f"{world.airflow.url}/plugin/stockwatch/stockwatch/board/{path}"


def picture(page: Page, name: str, height: int = 900) -> None:
    """Keep a picture of the page for the docs, if asked to."""
    if os.environ.get("STOCKWATCH_SCREENSHOTS") == "1":
        page.set_viewport_size({"width": 1440, "height": height})
        page.wait_for_timeout(1500)  # what still moves comes to rest
        page.screenshot(path=PICTURES / f"board-{name}.png")
        page.set_viewport_size({"width": 1440, "height": 900})


def test_the_board_opens_from_the_navigation_and_leads_to_the_worst_problem(world: World, page: Page) -> None:
    page.goto(world.airflow.url)
    page.get_by_role("link", name="Stock", exact=True).first.click()
    frame = frame_of(page)
    expect(frame.get_by_role("heading", name="Overview")).to_be_visible(timeout=60_000)
    settled(frame)
    expect(frame.locator(".tile")).to_have_count(7)
    expect(frame.locator("[data-chart][data-drawn=yes] canvas")).to_have_count(1)
    picture(page, "overview", 1080)
    frame.get_by_role("row").nth(1).get_by_role("link").click()
    expect(frame.get_by_role("heading", name="Impact")).to_be_visible(timeout=60_000)
    settled(frame)
    expect(frame.locator("[data-chart][data-drawn=yes] canvas")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/plugin/stockwatch/.*/incidents/INC-\d{4}-\d{5}"))
    picture(page, "incident", 1240)
    page.go_back()
    expect(frame.get_by_role("heading", name="Overview")).to_be_visible(timeout=30_000)


def test_filters_live_in_the_address_and_a_link_opens_the_same_list(world: World, page: Page) -> None:
    page.goto(deep(world, "incidents?standing=all&kind=out_of_stock"))
    frame = frame_of(page)
    expect(frame.get_by_role("heading", name="Worklist")).to_be_visible(timeout=60_000)
    expect(frame.locator("#f-kind")).to_have_value("out_of_stock")
    frame.locator("#f-severity").select_option("low")
    frame.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("severity=low"), timeout=30_000)
    address = page.url
    page.goto(address)
    expect(frame.locator("#f-severity")).to_have_value("low", timeout=60_000)
    frame.locator("#view-name").fill("Small ones")
    frame.get_by_role("button", name="Save", exact=True).click()
    page.goto(deep(world, "incidents"))
    expect(frame.locator("#f-severity")).to_have_value("", timeout=30_000)
    picture(page, "worklist", 720)
    frame.get_by_role("link", name="Small ones").click()
    expect(frame.locator("#f-severity")).to_have_value("low", timeout=30_000)


def test_the_heatmap_is_walked_by_keyboard(world: World, page: Page) -> None:
    page.goto(deep(world, "heatmap"))
    frame = frame_of(page)
    first = frame.locator(".heat td [tabindex='0']")
    expect(first).to_have_count(1, timeout=60_000)
    picture(page, "heatmap", 760)
    first.focus()
    first.press("ArrowRight")
    first.press("ArrowDown")
    expect(frame.locator(".heat tbody tr").nth(1).locator("td").nth(1).locator("[tabindex='0']")).to_be_focused()
    frame.locator(".heat td a:focus").press("Enter")
    expect(page).to_have_url(re.compile("partner=.*item="), timeout=30_000)


def test_a_deep_link_lands_on_its_incident_after_the_login(world: World) -> None:
    page = world.logged_in(at=f"/plugin/stockwatch/stockwatch/board/incidents/{world.worst}")
    expect(frame_of(page).get_by_text(world.worst).first).to_be_visible(timeout=60_000)
    page.context.close()


def test_an_acknowledgement_by_click_is_stored_and_told(world: World, page: Page) -> None:
    page.goto(deep(world, f"incidents/{world.worst}"))
    frame = frame_of(page)
    before = len(world.sent(world.worst))
    frame.get_by_role("button", name="Acknowledge").first.click()
    dialog = frame.get_by_role("dialog", name="Acknowledge")
    expect(dialog).to_contain_text(world.worst)
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(frame.locator("#said")).to_contain_text("acknowledged", timeout=30_000)
    assert world.case(world.worst).handling.acknowledged_by == "admin"
    assert len(world.sent(world.worst)) > before
    expect(frame.locator(".strip .now")).to_contain_text("Acknowledged")


def test_many_are_snoozed_at_once_after_a_question(world: World, page: Page) -> None:
    page.goto(deep(world, "incidents?unacknowledged=1"))
    frame = frame_of(page)
    boxes = frame.locator("input[name=chosen]")
    expect(boxes.first).to_be_visible(timeout=60_000)
    ids = [boxes.nth(place).get_attribute("value") or "" for place in range(2)]
    for place in range(2):
        boxes.nth(place).check()
    expect(frame.locator("#bulk")).to_contain_text("2 chosen")
    frame.locator("#bulk").get_by_role("button", name="Snooze…").click()
    dialog = frame.get_by_role("dialog", name="Snooze")
    dialog.get_by_label("Why").fill("deliveries are booked")
    dialog.get_by_role("button", name="Snooze").click()
    expect(frame.locator("#said")).to_contain_text("snoozed", timeout=30_000)
    assert {world.case(one).handling.snooze_reason for one in ids} == {"deliveries are booked"}


class Channel:
    """The Slack server, and the dispatcher that fills it."""

    def __init__(self, world: World, server: SlackServer) -> None:
        self.server, self.world = server, world
        self.clock = Clock(dt.datetime.combine(TODAY, dt.time(12), dt.UTC) + dt.timedelta(days=1))
        self.services = Services(world.services.home, world.services.config, self.clock, pause=self.clock.wait)
        client = WebClient(token=TOKEN, base_url=f"{server.url}/api/", retry_handlers=[])
        self.services.__dict__["messenger"] = SlackMessenger(client)

    def thread(self, incident_id: str) -> list[str]:
        """What Slack shows of an incident once everything was sent: its root, then the replies."""
        deliver_all(self.services, self.clock)
        with self.services.state.read() as tx:
            sent = outbox.of_incident(tx, incident_id)
        roots = {one["ts"] for one in sent if one["operation"] == "post" and one["status"] == "sent"}
        if not roots:
            return []
        (root,) = [one for one in self.server.messages() if one["ts"] in roots]
        return [root["text"], *(one["text"] for one in self.server.replies(root["ts"]))]


def test_the_worklist_follows_what_others_do_unless_somebody_is_at_work_in_it(world: World, page: Page) -> None:
    """A-87"""
    watched = _open(world.services)[-1]
    page.goto(deep(world, "incidents"))
    frame = frame_of(page)
    row = frame.get_by_role("row").filter(has_text=watched)
    expect(row).to_contain_text("Open", timeout=60_000)
    inner = next(one for one in page.frames if "/stockwatch/board/" in one.url and one != page.main_frame)

    def come_back() -> None:
        inner.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    moment = dt.datetime.now(dt.UTC)  # noqa: TID251  (a real Airflow runs on the real clock)
    taken = Action(act=Act.ACKNOWLEDGE, person="dana@example.com", at=moment)
    acting.act(world.services, watched, taken)
    row.get_by_role("checkbox").check()
    come_back()
    page.wait_for_timeout(1000)  # longer than it would take
    expect(row).to_contain_text("Open")
    row.get_by_role("checkbox").uncheck()
    row.get_by_role("checkbox").blur()
    come_back()
    expect(row).to_contain_text("Acknowledged")


def act(frame: FrameLocator, button: str, **fields: str) -> None:
    """Press a button, fill its form by the labels of its fields, and wait until the board says what was done."""
    frame.get_by_role("button", name=button, exact=True).first.click()
    dialog = frame.locator("dialog[open]")
    for label, value in fields.items():
        field = dialog.get_by_label(label, exact=True)
        if field.evaluate("(one) => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    dialog.locator("button[type=submit]").click()
    expect(frame.locator("#said.shown")).not_to_be_empty(timeout=30_000)


def test_every_action_reaches_the_store_and_slack(world: World, page: Page, slack_process: SlackServer) -> None:
    channel = Channel(world, slack_process)
    told_alone = [one for one in reversed(_open(world.services)) if channel.thread(one)]  # others are in a digest
    true, false = told_alone[:2]
    nobody = no_owner(partner="northfield", channel=GENERAL)
    with world.services.state.begin() as tx:
        record(tx, Decision(Reason.FIRST, "opened", nobody), at=dt.datetime.now(dt.UTC), actor="audit_owners")  # noqa: TID251
    frame = frame_of(page)
    soon = f"{TODAY + dt.timedelta(days=3)}"
    for incident_id, button, fields, event, told in (
        (true, "Acknowledge", {}, "acknowledged", "Acknowledged by admin"),
        (true, "Snooze…", {"For": "72", "Why": "a delivery is booked"}, "snoozed", "Snoozed by admin"),
        (true, "End snooze", {}, "woken", "Woken by admin"),
        (true, "Restock…", {"On": soon, "Units": "48"}, "restock", "admin expects stock on"),
        (true, "Confirmed out…", {"Note": "empty"}, "confirmed", "admin looked: confirmed"),
        (true, "Resolve…", {"Why": "counted"}, "resolved", "RESOLVED: "),
        (false, "False alarm…", {"Why": "wrong_record"}, "false_alarm", "RESOLVED: "),
        (nobody.incident_id, "Claim", {}, "claimed", "Claimed by admin"),
    ):  # fmt: skip
        page.goto(deep(world, f"incidents/{incident_id}"))
        act(frame, button, **fields)
        with world.services.state.read() as tx:
            last = incidents.events(tx, incident_id)[-1]
        assert (last["kind"], last["actor"]) == (event, "admin")
        assert told in " ".join(channel.thread(incident_id))
    assert {world.case(one).standing for one in (true, false)} == {Standing.RESOLVED}

    page.goto(deep(world, "silences"))
    act(frame, "New silence…", Partner="northfield", Why="store refit")
    quiet = incident(member("N101", 1, 3), incident_id="INC-2026-09000", fingerprint="q", partner="northfield")
    with world.services.state.begin() as tx:
        now = dt.datetime.now(dt.UTC)  # noqa: TID251  (that of the silence)
        record_all(channel.services, tx, [Decision(Reason.FIRST, "opened", quiet)], at=now, actor="check")
    assert channel.thread("INC-2026-09000") == []
    page.goto(deep(world, "silences"))
    act(frame, "End…")
    assert silences.listed(world.services)[0].ended_by == "admin"

    with world.services.state.begin() as tx:
        lost = next(one for one in outbox.of_incident(tx, true) if one["plain"].startswith("Acknowledged"))
        tx.execute(outbox_table.update().where(outbox_table.c.outbox_id == lost["outbox_id"]).values(status="dead"))
    slack_process.call("chat.delete", channel=GENERAL, ts=lost["ts"])
    assert lost["text"] not in channel.thread(true)
    page.goto(deep(world, "deliveries?status=dead"))
    act(frame, "Send again…")
    assert channel.thread(true).count(lost["text"]) == 1


def test_the_worst_problem_is_found_and_taken_by_keyboard_alone(world: World, page: Page) -> None:
    #
    def tab_to(what: str) -> None:
        for _ in range(80):
            inner = next(one for one in page.frames if "/stockwatch/board/" in one.url and one != page.main_frame)
            if inner.evaluate("(what) => document.activeElement.matches(what)", what):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"80 tabs do not lead to {what}")

    page.goto(deep(world, "overview"))
    frame = frame_of(page)
    expect(frame.get_by_role("heading", name="What costs most now")).to_be_visible(timeout=60_000)
    settled(frame)
    tab_to("table th a")
    page.keyboard.press("Enter")
    expect(frame.get_by_role("heading", name="Impact")).to_be_visible(timeout=60_000)
    tab_to("button[data-act=snooze], button[data-act=wake]")
    page.keyboard.press("Enter")
    dialog = frame.locator("dialog[open]")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("(one) => one.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(frame.locator("dialog[open]")).to_have_count(0)
    expect(frame.locator("button[data-act=snooze], button[data-act=wake]").first).to_be_focused()


def test_who_may_only_read_sees_no_button_and_is_refused(world: World) -> None:
    page = world.logged_in("viewer", at=f"/plugin/stockwatch/stockwatch/board/incidents/{world.worst}")
    frame = frame_of(page)
    expect(frame.get_by_text("You may look, and not act.")).to_be_visible(timeout=60_000)
    expect(frame.locator("[data-act]")).to_have_count(0)
    page.context.close()
    session = requests.Session()
    session.trust_env = False
    address = f"{world.airflow.url}/stockwatch/board"
    body = {"incidents": [world.worst], "action": "resolve", "reason": "x"}
    headers = {"X-Stockwatch": "board"}
    assert session.get(f"{address}/incidents", timeout=60).status_code == 401
    assert session.post(f"{address}/actions", json=body, headers=headers, timeout=60).status_code == 401
    token = session.post(f"{world.airflow.url}/auth/token", json=world.airflow.login("viewer"), timeout=60).json()
    session.headers["Authorization"] = f"Bearer {token['access_token']}"
    assert session.get(f"{address}/incidents", timeout=60).status_code == 200
    assert session.post(f"{address}/actions", json=body, headers=headers, timeout=60).status_code == 403
    assert world.case(world.worst).is_open


def test_evidence_and_feeds_lead_to_their_run_outside_the_frame(world: World, page: Page) -> None:
    page.goto(f"{world.airflow.url}/plugin/feeds")
    frame = frame_of(page)
    expect(frame.get_by_role("heading", name="Feeds", exact=True)).to_be_visible(timeout=60_000)
    picture(page, "feeds", 1100)
    frame.locator("nav.tabs").get_by_role("link", name="Messages").click()
    expect(frame.get_by_role("heading", name="Messages")).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile("/deliveries"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_view(world: World, theme: str) -> None:
    page = world.logged_in(theme=theme, bypass_csp=True)
    found = []
    for path, heading in {**VIEWS, f"incidents/{world.worst}": ""}.items():
        page.goto(deep(world, path))
        frame = frame_of(page)
        expect(frame.locator("h1")).to_contain_text(heading, timeout=60_000)
        settled(frame)
        inner = next(one for one in page.frames if "/stockwatch/board/" in one.url and one != page.main_frame)
        assert inner.evaluate("document.documentElement.classList.contains('dark')") is (theme == "dark")
        inner.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        inner.evaluate(AXE.read_text("utf-8"))
        told = inner.evaluate("axe.run(document)")
        found += [
            (path, one["id"], one["nodes"][0]["html"][:200])
            for one in told["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        if theme == "dark" and path == "overview":
            picture(page, "overview-dark", 1080)
        if theme == "light" and path == "incidents/pending":
            picture(page, "pending", 600)
    assert found == []
    page.context.close()


def test_at_twice_the_size_nothing_is_cut_off(world: World) -> None:
    page = world.logged_in()
    page.set_viewport_size({"width": 720, "height": 450})  # 1440 x 900 at 200 %
    wide = []
    for path in (*VIEWS, f"incidents/{world.worst}"):
        page.goto(deep(world, path))
        frame = frame_of(page)
        expect(frame.locator("h1")).to_be_visible(timeout=60_000)
        settled(frame)
        inner = next(one for one in page.frames if "/stockwatch/board/" in one.url and one != page.main_frame)
        if inner.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"):
            wide.append(path)
    assert wide == []
    page.context.close()

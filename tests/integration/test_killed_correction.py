"""Checks of corrected dates, and the messages about them, that are killed at any step and run again (A-61, A-91)."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import incidents
from include.stockwatch.adapters.state.tables import OUTBOX_OPEN
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests import dispatchers
from tests.domain.tables import day
from tests.fakes import COFFEE, NUT, OAT, Clock, northfield, row
from tests.integration.sending import deliver_all, statuses
from tests.slack_server.server import GENERAL, SlackServer

FEED, STORES, ITEMS, CORRECTED = "northfield_stores", ("0001", "0002"), (OAT, NUT, COFFEE), (day(2), day(3))
BEFORE, DAYS = 20, 3
KILLS = range(1, 100) if os.environ.get("STOCKWATCH_KILL_ALL") else (22, 43, 68)
"""Steps of the two checks and the delivery after them at which a run is killed."""
TOLD = {1: ("", "", "1"), 2: ("1", "", "1"), 3: ("1", "", "1")}
"""Stores that were said to be out of each item on each day."""
TRUE = {2: ("", "", "12"), 3: ("", "2", "12")}
"""The first was never out, one more is, and a store joins the third."""


@pytest.fixture
def state_url() -> None:
    """In the home, which the test copies."""


def take(services: Services, path: Path, out: Mapping[int, Sequence[str]]) -> None:
    """Take in one file of some days."""
    rows = [
        row(day(number), store, item=item, name=item, on_hand=20 * is_in, sold=5 * is_in)
        for number, told in out.items()
        for item, stores in zip(ITEMS, told, strict=True)
        for store in STORES
        for is_in in [store[-1] not in stores]
    ]
    ingest_file(services, FEED, northfield(path, rows))


def left(services: Services) -> dict[str, Any]:
    """The tables of the corrected dates and all that happened to incidents, without when it was written down."""
    found: dict[str, Any] = {}
    for name in ("availability", "kpis"):
        rows = services.lake.engine.to_pyarrow(services.lake.table(name)).to_pylist()
        found[name] = sorted((row for row in rows if row["business_date"] in CORRECTED), key=repr)
    with services.state.read() as tx:
        every = [event for n in range(1, 5) for event in incidents.events(tx, f"INC-2026-{n:05d}")]
    found["events"] = [{key: value for key, value in event.items() if key != "at"} for event in every]
    return found


def said(slack: SlackServer) -> list[tuple[str, str, list[str]]]:
    """What the channel shows: each message and what is in its thread."""
    return [
        (root["text"], repr(root["blocks"]), [one["text"] for one in slack.replies(root["ts"])])
        for root in slack.messages()
    ]


def forget(slack: SlackServer, roots: Sequence[dict[str, Any]]) -> None:
    """Take the channel back to some roots without threads; what they said last is wiped out."""
    for root in slack.messages():
        for reply in slack.replies(root["ts"]):
            slack.call("chat.delete", channel=GENERAL, ts=reply["ts"])
        if root["ts"] in {one["ts"] for one in roots}:
            slack.call("chat.update", channel=GENERAL, ts=root["ts"], text="before", blocks="[]")
        else:
            slack.call("chat.delete", channel=GENERAL, ts=root["ts"])


def test_a_correction_killed_at_any_step_gives_the_tables_and_messages_of_one_that_was_not(
    sending: Services, slack: SlackServer, config: Path, clock: Clock, tmp_path: Path
) -> None:
    """At a few steps, one of them after Slack took a post; STOCKWATCH_KILL_ALL=1 for all."""
    routes = config / "routes.yaml"
    routes.write_text(routes.read_text("utf-8").replace("C0NORTHFIELD", GENERAL), "utf-8")
    clock.move(days=DAYS)
    take(sending, tmp_path / "history.csv", {-n: ("", "", "") for n in range(BEFORE)})
    for number, told in TOLD.items():
        take(sending, tmp_path / f"{number}.csv", {number: told})
        check(sending, day(number))
    deliver_all(sending, clock)
    roots = slack.messages()
    assert len(roots) == 2
    take(sending, tmp_path / "corrected.csv", TRUE)
    sending.state.engine.dispose()
    begun = clock()

    def run(name: str, kill_at: int | None) -> tuple[Services, int | None]:
        forget(slack, roots)
        clock.at = begun
        home = Path(shutil.copytree(sending.home, tmp_path / name))
        one = Services(home, config, clock, pause=clock.wait, messenger=lambda: sending.messenger)
        process = dispatchers.start(one, slack.url, clock(), kill_at, CORRECTED)
        process.join(60)
        return one, process.exitcode

    whole, ended = run("whole", None)
    assert ended == 0
    expected, shown = left(whole), said(slack)
    whole.state.engine.dispose()
    assert len(shown) == 3
    assert "before" not in [text for text, _, _ in shown]
    in_doubt = False
    for step in KILLS:
        one, ended = run(f"killed{step}", step)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, f"step {step}"
        in_doubt |= "sending" in statuses(one) and len(slack.messages()) == len(shown)
        clock.move(minutes=3)
        for date in CORRECTED:
            check(one, date)
        deliver_all(one, clock)
        assert left(one) == expected, f"killed at step {step}"
        assert said(slack) == shown, f"killed at step {step}"
        assert not set(OUTBOX_OPEN) & set(statuses(one)), f"killed at step {step}"
        one.state.engine.dispose()
        shutil.rmtree(one.home)
    assert in_doubt, "one kill must fall between Slack's answer and the store"

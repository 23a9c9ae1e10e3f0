"""The main job in a real Airflow with a real Slack server: from a partner's file to a message, and its end.

The state is in PostgreSQL here; the other tests with a real Airflow have it in SQLite.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from include.stockwatch.adapters.lake import Lake
from include.stockwatch.adapters.state import State, ledger, outbox
from include.stockwatch.domain.availability import CheckSettings
from scripts.local_airflow import PROJECT, LocalAirflow, running
from tests.fakes import days, northfield, row
from tests.postgres import Postgres
from tests.slack_server.server import GENERAL, TOKEN, SlackServer

FEED = "northfield_stores"
DAGS = ("landing_scan", f"ingest_{FEED}", "release_feed", "gate", "check_availability", "deliver_alerts")
"""Those that run: dates are delivered late here, to people who do not exist, which others would tell of."""
STORES = ("0001", "0002", "0003", "0004")
YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)  # noqa: TID251  (a real Airflow runs on the real clock)
HISTORY_END = YESTERDAY - dt.timedelta(days=3)


class World:
    """A running Airflow with its stores, and the Slack server it talks to."""

    def __init__(self, airflow: LocalAirflow, slack: SlackServer, state_url: str) -> None:
        self.airflow, self.slack = airflow, slack
        self.state = State.open(state_url)
        self.lake = Lake(airflow.home / "lake")

    def deliver(self, name: str, rows: list[str], date: dt.date | None) -> None:
        """Put a file into the landing; wait until it is ingested, its date checked and all messages sent."""
        northfield(self.airflow.home / "landing" / FEED / name, rows)
        for _ in range(2):
            assert self.airflow.wait_for_run("landing_scan", self.airflow.trigger("landing_scan")) == "success"
        if date:
            self.wait(f"{date} to be checked", lambda: self.is_checked(date))
            self.wait("the outbox to be empty", self.is_quiet)

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        self.airflow.wait(ready, what, 150)

    def is_checked(self, date: dt.date) -> bool:
        """Whether a date was checked on what is delivered for it."""
        with self.state.begin() as tx:
            have = ledger.delivered(tx)
            inputs = ledger.inputs_of(date, have, ledger.revised(tx), CheckSettings().lookback_days)
            return date in have and inputs in ledger.checked(tx, date).get(date, set())

    def is_quiet(self) -> bool:
        """Whether every message has been sent."""
        with self.state.begin() as tx:
            return not {"pending", "sending", "uncertain"} & set(outbox.counts(tx))

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """What the checks have written."""
        names = {"availability": ("location_id", "item_id"), "kpis": ("category", "location_type")}
        return {
            name: self.lake.engine.to_pyarrow(
                self.lake.table(name).order_by("business_date", "partner", *key)
            ).to_pylist()
            for name, key in names.items()
        }

    def ingest_runs(self) -> dict[str, str]:
        """State of every ingest run of the feed."""
        return self.airflow.runs(f"ingest_{FEED}")


def day(date: dt.date, out: tuple[str, ...] = ()) -> list[str]:
    """One date, some stores having nothing."""
    return [row(date, s, on_hand=0 if s in out else 20, sold=0 if s in out else 5) for s in STORES]


@pytest.fixture(scope="module", autouse=True)
def dates() -> None:
    """The dates as the clock has them when this module starts: collecting all tests may be on another day."""
    global YESTERDAY, HISTORY_END
    YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)  # noqa: TID251
    HISTORY_END = YESTERDAY - dt.timedelta(days=3)


@pytest.fixture(scope="module")
def world(
    slack_process: SlackServer, postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory, dates: None
) -> Iterator[World]:
    """One Airflow for all tests of this module, with two dates delivered: one out, one worse."""
    home = tmp_path_factory.mktemp("a world")
    config = Path(shutil.copytree(PROJECT / "include" / "config", home / "config"))
    routes = config / "routes.yaml"
    text = routes.read_text("utf-8")
    for channel in ("C0NORTHFIELD", "C0WESTWAY", "C0TRIAGE"):
        text = text.replace(channel, GENERAL)
    routes.write_text(text, "utf-8")
    (config / "stockwatch.yaml").write_text("gate: {history_days: 5}\n", "utf-8")
    slack_process.clear()
    connection = {
        "conn_type": "slack",
        "password": TOKEN,
        "extra": {"base_url": f"{slack_process.url}/api/", "timeout": 5},
    }
    state_url = postgres_server.empty()
    extra = {"AIRFLOW_CONN_SLACK_API_DEFAULT": json.dumps(connection), "STOCKWATCH_DB": state_url}
    extra["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] = "True"
    with running(LocalAirflow(home, config=config, extra=extra)) as airflow:
        for dag in DAGS:
            airflow.api("PATCH", f"/dags/{dag}", json={"is_paused": False})
        made = World(airflow, slack_process, state_url)
        history = [line for date in days(HISTORY_END - dt.timedelta(days=27), 28) for line in day(date)]
        made.deliver("history.csv", history, HISTORY_END)
        made.deliver("day1.csv", day(HISTORY_END + dt.timedelta(days=1), ("0001",)), HISTORY_END + dt.timedelta(days=1))
        made.deliver(
            "day2.csv",
            day(HISTORY_END + dt.timedelta(days=2), ("0001", "0002", "0003")),
            HISTORY_END + dt.timedelta(days=2),
        )
        yield made
        assert not (airflow.home / "state.db").exists()
        made.state.engine.dispose()


def said_in_thread(world: World, ts: str) -> list[str]:
    """What was said in a thread, without files."""
    return [reply["text"] for reply in world.slack.replies(ts) if not reply.get("files")]


def test_a_file_becomes_one_slack_message_that_follows_the_outage(world: World) -> None:
    (root,) = world.slack.messages()
    assert "Oat Bar at Northfield Grocers, 3 of 4 stores" in root["text"]
    assert "+2 since the date before" in json.dumps(root["blocks"])
    assert said_in_thread(world, root["ts"]) == ["Severity is critical now, it was high."]

    world.deliver("day3.csv", day(YESTERDAY), YESTERDAY)
    (after,) = world.slack.messages()
    assert after["ts"] == root["ts"]
    assert after["text"].startswith("RESOLVED: Oat Bar back at Northfield Grocers")
    assert said_in_thread(world, root["ts"])[1:] == [after["text"]]
    (picture,) = (file for reply in world.slack.replies(root["ts"]) for file in reply.get("files") or ())
    assert "_last_weeks" in picture["name"]
    with world.state.begin() as tx:
        assert {message["status"] for message in outbox.messages(tx)} <= {"sent", "superseded"}


def test_clearing_old_runs_changes_no_table_and_sends_no_second_message(world: World) -> None:
    before = world.tables(), world.slack.messages()
    for dag_id in (f"ingest_{FEED}", "check_availability"):
        run_ids = [run for run in world.airflow.runs(dag_id) if run.startswith(("file__", "avail__"))]
        assert run_ids
        for run_id in run_ids:
            world.airflow.api("POST", f"/dags/{dag_id}/dagRuns/{run_id}/clear", json={"dry_run": False})
        for run_id in run_ids:
            assert world.airflow.wait_for_run(dag_id, run_id, 240) == "success"
    for dag_id in ("gate", "deliver_alerts"):
        assert world.airflow.wait_for_run(dag_id, world.airflow.trigger(dag_id)) == "success"
    world.wait("the outbox to be empty", world.is_quiet)
    assert (world.tables(), world.slack.messages()) == before


def test_a_held_file_fails_its_run_at_once_and_publishes_nothing(world: World) -> None:
    before = set(world.ingest_runs())
    date = dt.datetime.now(dt.UTC).date()  # noqa: TID251
    world.deliver("half.csv", day(date)[:1], None)
    world.wait(
        "the run of the held file",
        lambda: "failed" in {world.ingest_runs().get(r) for r in set(world.ingest_runs()) - before},
    )
    (run_id,) = set(world.ingest_runs()) - before
    tasks = world.airflow.api("GET", f"/dags/ingest_{FEED}/dagRuns/{run_id}/taskInstances")["task_instances"]
    assert {task["task_id"]: (task["state"], task["try_number"]) for task in tasks} == {
        "read": ("failed", 1),
        "publish": ("upstream_failed", 0),
    }
    log = world.airflow.api("GET", f"/dags/ingest_{FEED}/dagRuns/{run_id}/taskInstances/read/logs/1")
    assert "ROW_COUNT: a date has fewer than 70% of its usual rows" in json.dumps(log)
    with world.state.begin() as tx:
        assert date not in ledger.delivered(tx)


def test_the_quality_report_of_a_run_is_there_for_those_who_may_see_it(world: World) -> None:
    run_id = next(run for run, state in world.ingest_runs().items() if state == "success" and run.startswith("file__"))
    address = f"{world.airflow.url}/stockwatch/board/quality/ingest_{FEED}?run_id={run_id}"
    session = requests.Session()
    session.trust_env = False
    assert session.get(address, timeout=30).status_code == 401
    assert session.get(address, headers={"Authorization": "Bearer forged"}, timeout=30).status_code in (401, 403)
    page = world.airflow._session.get(address, timeout=60)
    assert page.status_code == 200, page.text[:500]
    assert "published" in page.text
    assert "rows_of_key" in page.text
    assert "values must be less than or equal to" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<link|\bsrc=|url\(|\son\w+=", page.text), "the page loads and runs nothing"
    missing = world.airflow._session.get(address.replace(run_id, "file__nothing"), timeout=30)
    assert missing.status_code == 404
    assert "No quality report" in missing.text

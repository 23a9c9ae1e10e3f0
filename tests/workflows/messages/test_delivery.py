"""Delivery without Slack, what people do with dead messages at the command line, and where the store is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import outbox
from include.stockwatch.adapters.state.outbox import POST, Attachment
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.errors import DeliveryFailed, Refusal
from include.stockwatch.workflows.messages.delivery import _unmentioned, deliver
from include.stockwatch.workflows.messages.delivery_metrics import _p95
from include.stockwatch.workflows.services import Services
from scripts.local_airflow import LocalAirflow
from tests.fakes import Clock
from tests.stores import state_url as state_url  # on both stores


def put(services: Services, words: str, number: int = 1, channel: str = "C0NORTHFIELD") -> None:
    """Queue a root message."""
    with services.state.begin() as tx:
        named = {"incident_id": f"INC-{number}", "seq": 1, "operation": POST, "channel": channel}
        outbox.enqueue(tx, Notice(words), **named, now=services.now())


def rows(services: Services) -> list[dict[str, Any]]:
    """Every message of the outbox."""
    with services.state.read() as tx:
        return outbox.messages(tx)


def test_without_slack_everything_is_previewed_at_once_and_kept(services: Services, clock: Clock) -> None:
    for number in range(5):
        put(services, f"message {number}", number)
    with services.state.begin() as tx:
        csv = Attachment("out.csv", "Out", "", b"a\r\n")
        outbox.attach(tx, csv, incident_id="INC-1", seq=1, channel="C0NORTHFIELD", now=clock())
    start = clock()
    assert deliver(services) == {"previewed": 6}
    assert clock() == start, "what is not sent needs no pace"
    assert {row["status"] for row in rows(services)} == {"previewed"}
    with services.state.read() as tx:
        assert [row.name for row in tx.execute(outbox.outbox_files.select())] == ["out.csv"], "there to be looked at"


def test_a_run_ends_after_a_while_and_the_next_goes_on(services: Services, clock: Clock) -> None:
    class Slow:
        previews, has_buttons = True, False

        def post(self, *_arguments: object, **_named: object) -> str:
            clock.move(minutes=2)
            return "preview-1"

    services.__dict__["messenger"] = Slow()
    for number in range(5):
        put(services, "words", number)
    assert deliver(services) == {"previewed": 3}
    assert deliver(services) == {"previewed": 2}


def test_a_wrong_setting_stops_no_message_but_the_task_tells_of_dead_ones(services: Services, config: Path) -> None:
    class Refusing:
        previews, has_buttons = False, False

        def post(self, *_arguments: object, **_named: object) -> str:
            raise DeliveryFailed(Refusal.CHANNEL, "is_archived")

    services.__dict__["messenger"] = Refusing()
    (config / "routes.yaml").write_text("routes: wrong", "utf-8")
    put(services, "words")
    with pytest.raises(DeliveryFailed, match="1 dead messages could not be told of"):
        deliver(services)
    assert [row["status"] for row in rows(services)] == ["dead"]


@pytest.mark.parametrize(
    ("seconds", "p95"),
    [([], None), ([7.0], 7.0), ([float(n) for n in range(1, 101)], 95.0), ([float(n) for n in range(20, 0, -1)], 19.0)],
)
def test_p95_is_the_smallest_value_that_95_percent_do_not_exceed(seconds: list[float], p95: float | None) -> None:
    assert _p95(seconds) == p95


def test_mentions_are_taken_out_wherever_they_are() -> None:
    blocks = [{"type": "section", "fields": [{"type": "mrkdwn", "text": "*Owner:* <@U0DANA>"}], "n": 1}]
    assert _unmentioned(blocks) == [{"type": "section", "fields": [{"type": "mrkdwn", "text": "*Owner:* "}], "n": 1}]
    assert _unmentioned("&lt;@U0DANA&gt; <#C0NORTH>") == "&lt;@U0DANA&gt; <#C0NORTH>", "names and channels stay"


SCRIPT = """
from include.stockwatch.orchestration import services
print(services().state.engine.url.render_as_string(hide_password=False))
"""


def test_a_task_takes_the_store_from_the_environment_else_from_its_connection_else_from_the_home(
    services: Services,
    state_url: str | None,
    tmp_path: Path,
) -> None:
    """Run where Airflow's secrets come from the environment, as in a task."""
    url = services.state.engine.url.render_as_string(hide_password=False)
    bare = {name: value for name, value in LocalAirflow(tmp_path).environment.items() if name != "STOCKWATCH_DB"}
    if state_url is None:
        assert used(bare) == f"sqlite:///{LocalAirflow(tmp_path).home / 'state.db'}"
        assert used(bare | {"STOCKWATCH_DB": url}) == url
    else:
        as_airflow_has_it = url.replace("postgresql+pg8000", "postgres")
        assert used(bare | {"AIRFLOW_CONN_STOCKWATCH_DB": as_airflow_has_it}) == url
        elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        both = {"AIRFLOW_CONN_STOCKWATCH_DB": as_airflow_has_it, "STOCKWATCH_DB": elsewhere}
        assert used(bare | both) == elsewhere


def used(environment: dict[str, str]) -> str:
    """URL of the store that a task uses."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    return ran.stdout.strip().splitlines()[-1]

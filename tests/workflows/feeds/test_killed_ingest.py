"""An ingest that is killed at any point and run again leaves the tables of one that was not killed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import ledger
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests.fakes import COFFEE, NUT, OAT, northfield, row

FEED = "northfield_stores"
NOW = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)
KILLS = 16


def take_in(home: str, config: str, path: str) -> float:
    """One whole ingest; returns how long it took."""
    began = time.monotonic()
    services = Services(Path(home), Path(config), lambda: NOW)
    ingest_file(services, FEED, Path(path))
    services.state.engine.dispose()
    return time.monotonic() - began


def in_child(context: Any, home: Path, config: Path, path: Path, kill_after: float | None) -> int | None:
    """Run one ingest in a process of its own, kill it after some seconds; returns its exit code."""
    child = context.Process(target=take_in, args=(str(home), str(config), str(path)))
    child.start()
    child.join(kill_after)
    if child.is_alive() and kill_after is not None:
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    return child.exitcode


def tables(home: Path, config: Path) -> dict[str, Any]:
    """Everything that an ingest leaves behind, without the moments at which it ran."""
    services = Services(home, config, lambda: NOW)
    read = services.lake.engine.to_pyarrow
    with services.state.begin() as tx:
        deliveries = [ledger.delivery(tx, FEED, one.name) for one in (home / "archive" / FEED).glob("[0-9a-f]*")]
        counting = ledger.delivered(tx)
    found = {
        "observations": read(services.lake.table("observations").order_by("line")).to_pylist(),
        "rejects": read(services.lake.table("rejects").order_by("line")).to_pylist(),
        "deliveries": deliveries,
        "counting": counting,
    }
    services.state.engine.dispose()
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with good and bad rows of two dates."""
    dates = (dt.date(2026, 10, 31), dt.date(2026, 11, 1))
    rows = [row(date, f"{n:04d}", item=item) for date in dates for n in range(200) for item in (OAT, NUT, COFFEE)]
    rows[17] = row("never", "0001")
    return northfield(tmp_path / "northfield.csv", rows)


def test_a_killed_ingest_runs_again_to_the_same_tables(file: Path, config: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["include.stockwatch.workflows.feeds.contents", "include.stockwatch.adapters.quality"]
    )
    assert in_child(context, tmp_path / "warm", config, file, None) == 0
    began = time.monotonic()
    assert in_child(context, tmp_path / "whole", config, file, None) == 0
    seconds = time.monotonic() - began
    expected = tables(tmp_path / "whole", config)
    assert (len(expected["observations"]), len(expected["rejects"])) == (1199, 1)
    killed = 0
    for number in range(KILLS):
        home = tmp_path / f"killed{number}"
        code = in_child(context, home, config, file, seconds * (number + 0.5) / KILLS)
        killed += code == -signal.SIGKILL
        assert in_child(context, home, config, file, None) == 0
        assert tables(home, config) == expected
        leftover = [path for path in (home / "staging").rglob("*") if path.is_file()]
        assert leftover == []
    assert killed >= KILLS // 2, "most kills must hit a running ingest"

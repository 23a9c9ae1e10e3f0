"""What tests of every folder share."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.stockwatch.workflows.services import Services
from tests.fakes import Clock
from tests.postgres import Postgres, postgres

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def clock() -> Clock:
    """A clock that tests move: Monday 2 November 2026, 06:00 UTC."""
    return Clock(dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped settings, to be changed."""
    return Path(shutil.copytree(PROJECT / "include" / "config", tmp_path / "config"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL for all tests."""
    with postgres() as server:
        yield server


@pytest.fixture
def state_url(request: pytest.FixtureRequest) -> str | None:
    """Where the state store is; none = SQLite in the home. STOCKWATCH_TEST_STORE=postgresql puts it there."""
    if os.environ.get("STOCKWATCH_TEST_STORE") != "postgresql":
        return None
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.migrated()


@pytest.fixture
def services(
    tmp_path: Path, config: Path, clock: Clock, state_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """Services on an empty home and the shipped settings."""
    home = tmp_path / "a höme"  # paths with blanks and letters like these are ordinary
    monkeypatch.setenv("STOCKWATCH_DB", state_url or "")
    made = Services(home, config, clock, pause=clock.wait)
    yield made
    if (state := made.__dict__.get("state")) is not None:  # opened
        state.engine.dispose()

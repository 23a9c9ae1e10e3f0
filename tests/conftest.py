"""What tests of every folder share."""

from __future__ import annotations

import datetime as dt
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
def state_url() -> str | None:
    """Where the state store is; none = SQLite in the home."""
    return None


@pytest.fixture
def services(tmp_path: Path, config: Path, clock: Clock, state_url: str | None) -> Iterator[Services]:
    """Services on an empty home and the shipped settings."""
    home = tmp_path / "a höme"  # paths with blanks and letters like these are ordinary
    made = Services(home, config, clock, state_url=lambda: state_url, pause=clock.wait)
    yield made
    made.state.engine.dispose()

"""What tests of every folder share."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.stockwatch.workflows.services import Services
from tests.fakes import Clock

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def clock() -> Clock:
    """A clock that tests move: Monday 2 November 2026, 06:00 UTC."""
    return Clock(dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped settings, to be changed."""
    return Path(shutil.copytree(PROJECT / "include" / "config", tmp_path / "config"))


@pytest.fixture
def services(tmp_path: Path, config: Path, clock: Clock) -> Iterator[Services]:
    """Services on an empty home and the shipped settings."""
    made = Services(tmp_path / "a höme", config, clock)  # paths with blanks and letters like these are ordinary
    yield made
    made.state.engine.dispose()

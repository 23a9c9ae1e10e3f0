"""Properties run under the profile of tests/strategies.py; one DuckDB serves all tests of the domain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

import tests.strategies  # noqa: F401  (registers the profile)
from tests.domain.tables import engine

settings.load_profile("stockwatch")


@pytest.fixture(scope="session", autouse=True)
def _duckdb() -> Iterator[None]:
    yield
    engine().disconnect()
    engine.cache_clear()

"""Both kinds of state store: a test module that imports `state_url` from here runs on each."""

from __future__ import annotations

import pytest

from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest) -> str | None:
    """Where the state store of the test is; none = SQLite in the home."""
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.migrated()

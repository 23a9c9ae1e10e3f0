"""Real services for integration tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import FaultProxy, fault_proxy
from tests.slack_server.server import SlackServer, slack_server


@pytest.fixture(scope="session")
def slack_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackServer]:
    """One Slack server for all tests."""
    with slack_server(tmp_path_factory.mktemp("slack")) as server:
        yield server


@pytest.fixture
def slack(slack_process: SlackServer) -> SlackServer:
    """The Slack server with an empty channel."""
    slack_process.clear()
    return slack_process


@pytest.fixture
def proxy(slack: SlackServer) -> Iterator[FaultProxy]:
    """A fault proxy before the Slack server."""
    with fault_proxy(slack.url) as running:
        yield running

"""Real services for integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from slack_sdk import WebClient

from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.workflows.services import Services
from tests.fakes import FaultProxy, fault_proxy
from tests.slack_server.server import RANDOM, TOKEN, SlackServer, slack_server
from tests.stores import state_url  # noqa: F401  (delivery is tested on both stores)

TIMEOUT = 3
"""Seconds that a call may take: a busy machine answers within them."""


@pytest.fixture(scope="session")
def slack_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackServer]:
    """One Slack server for all tests."""
    with slack_server(tmp_path_factory.mktemp("slack")) as server:
        yield server


@pytest.fixture
def slack(slack_process: SlackServer) -> SlackServer:
    """The Slack server with empty channels."""
    slack_process.clear()
    return slack_process


@pytest.fixture
def proxy(slack: SlackServer) -> Iterator[FaultProxy]:
    """A fault proxy before the Slack server."""
    with fault_proxy(slack.url) as running:
        yield running


@pytest.fixture
def sending(services: Services, config: Path, proxy: FaultProxy) -> Services:
    """Services that send to the Slack server through the proxy; #random is the triage channel."""
    routes = config / "routes.yaml"
    routes.write_text(routes.read_text("utf-8").replace("C0TRIAGE", RANDOM), "utf-8")
    client = WebClient(token=TOKEN, base_url=f"{proxy.url}/api/", retry_handlers=[], timeout=TIMEOUT)
    services.__dict__["messenger"] = SlackMessenger(client)
    return services

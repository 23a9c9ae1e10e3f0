"""A real Slack API server on loopback for tests (npm package `emulate`)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from scripts.local_airflow import free_port
from tests.slack_server.install import NODE, SERVER

TOKEN = "test_token_admin"  # the server's own default
GENERAL, RANDOM = "C000000001", "C000000002"


@dataclass
class SlackServer:
    """A running server and what can be read from it."""

    url: str

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a Slack method past every fault, to see what is really there."""
        session = requests.Session()
        session.trust_env = False
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = session.post(f"{self.url}/api/{method}", data=arguments, headers=headers, timeout=10).json()
        assert answer["ok"], answer
        return dict(answer)

    def messages(self, channel: str = GENERAL) -> list[dict[str, Any]]:
        """Root messages of a channel, oldest first."""
        found = self.call("conversations.history", channel=channel, limit=200, include_all_metadata="true")["messages"]
        return [message for message in reversed(found) if message.get("thread_ts") in (None, message["ts"])]

    def replies(self, ts: str, channel: str = GENERAL) -> list[dict[str, Any]]:
        """Replies in a thread, oldest first."""
        found = self.call("conversations.replies", channel=channel, ts=ts, limit=200)["messages"]
        return [message for message in found if message["ts"] != ts]

    def clear(self, *channels: str) -> None:
        """Delete every message of some channels, of both if none is named."""
        for channel in channels or (GENERAL, RANDOM):
            self._clear(channel)

    def _clear(self, channel: str) -> None:
        for message in self.messages(channel):
            for reply in self.replies(message["ts"], channel):
                self.call("chat.delete", channel=channel, ts=reply["ts"])
            self.call("chat.delete", channel=channel, ts=message["ts"])


@contextmanager
def slack_server(folder: Path) -> Iterator[SlackServer]:
    """A running Slack server; fails, never skips, where it is not installed."""
    if not SERVER.exists():
        raise RuntimeError("the Slack test server is not installed; run `make test`, or tests.slack_server.install")
    port = free_port()
    command = [str(NODE), str(SERVER), "start", "--service", "slack", "--port", str(port), "--host", "127.0.0.1"]
    with (folder / "slack-server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 30
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((folder / "slack-server.log").read_text("utf-8", errors="replace"))
            time.sleep(0.1)
        yield SlackServer(url)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(url: str) -> bool:
    session = requests.Session()
    session.trust_env = False
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        return bool(session.post(f"{url}/api/auth.test", headers=headers, timeout=2).json().get("ok"))
    except (requests.RequestException, ValueError):
        return False

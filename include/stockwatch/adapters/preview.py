"""The messenger without Slack: messages are shown and kept, nothing is sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

log = logging.getLogger(__name__)

PREFIX = "preview-"
"""What the ts of a previewed message starts with; Slack's are numbers."""


# ruff: noqa: ARG002  (the signature is the Messenger protocol's)
class PreviewMessenger:
    """Takes every message as delivered and writes its text to the log."""

    previews = True
    has_buttons = False

    def post(
        self,
        channel: str,
        text: str,
        blocks: list[dict[str, Any]],
        key: str,
        thread_ts: str | None,
        *,
        broadcast: bool = False,
    ) -> str:
        """Show a post or a reply; the ts names the preview."""
        log.info("preview, %s in %s: %s", "reply" if thread_ts else "post", channel, text)
        return f"{PREFIX}{key[:12]}"

    def update(self, channel: str, ts: str, text: str, blocks: list[dict[str, Any]], key: str) -> None:
        """Show an update."""
        log.info("preview, update in %s: %s", channel, text)

    def upload(self, channel: str, thread_ts: str, name: str, title: str, alt_text: str, content: bytes) -> str:
        """Show that there is a file."""
        log.info("preview, file in %s: %s, %s bytes", channel, name, len(content))
        return f"{PREFIX}{name[:20]}"

    def find(self, channel: str, key: str, oldest: float, thread_ts: str | None) -> str | None:
        """Nothing was ever sent."""
        return None

    def find_file(self, channel: str, name: str, oldest: float, thread_ts: str) -> str | None:
        """Nothing was ever sent."""
        return None

    def keys(self, channel: str, oldest: float, thread_ts: str | None = None) -> Iterator[tuple[str, str]]:
        """Nothing was ever sent."""
        return iter(())

    def user_id(self, email: str) -> str | None:
        """There is nobody."""
        return None

    def scopes(self) -> frozenset[str] | None:
        """There is no token."""
        return None

    def channel_info(self, channel: str) -> dict[str, Any]:
        """There is no channel."""
        return {}

    def join(self, channel: str) -> None:
        """There is no channel."""

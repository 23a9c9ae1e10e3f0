"""A message of one line: a note in a thread, or a word to the triage channel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from include.stockwatch.alerting.message import clip, escape

LIMIT = 1000


@dataclass(frozen=True)
class Notice:
    """Words without blocks. `channel` is a channel that the line ends with, as a link."""

    words: str
    channel: str | None = None

    def as_text(self) -> str:
        """The line for people who read it in a terminal or a log."""
        return f"{self.words} {self.channel}" if self.channel else self.words

    def slack_text(self) -> str:
        """The line for Slack, with every name escaped (A-35)."""
        words = clip(escape(self.words), LIMIT)
        return f"{words} <#{self.channel}>" if self.channel else words

    def blocks(self) -> list[dict[str, Any]]:
        """None: the text says it all."""
        return []

    def digest(self) -> str:
        """The same for the same content."""
        return hashlib.sha256(self.slack_text().encode()).hexdigest()[:16]

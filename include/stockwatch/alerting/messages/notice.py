"""A message of one line: a note in a thread, or a word to the triage channel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from include.stockwatch.alerting.messages.words import clip, escape

LIMIT = 1000


@dataclass(frozen=True)
class Notice:
    """Words without blocks. `channel` is one that the line ends with, as a link; `mention` the Slack id of somebody
    who is called by it (A-35).
    """

    words: str
    channel: str | None = None
    mention: str | None = None

    def as_text(self) -> str:
        """The line for people who read it in a terminal or a log."""
        return f"{self.words} {self.channel}" if self.channel else self.words

    def slack_text(self) -> str:
        """The line for Slack, with every name escaped (A-35)."""
        words = clip(escape(self.words), LIMIT)
        called = f"<@{self.mention}> {words}" if self.mention else words
        return f"{called} <#{self.channel}>" if self.channel else called

    def blocks(self) -> list[dict[str, Any]]:
        """None: the text says it all."""
        return []

    def digest(self) -> str:
        """The same for the same content."""
        return hashlib.sha256(self.slack_text().encode()).hexdigest()[:16]

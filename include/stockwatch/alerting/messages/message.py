"""A message in words, for any channel; and the same as Slack blocks. No emoji; words carry severity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from include.stockwatch.alerting.messages.words import clip, escape

HEADER_LIMIT, FIELD_LIMIT, SECTION_LIMIT, FALLBACK_LIMIT = 150, 2000, 3000, 240


@dataclass(frozen=True)
class Message:
    """One message, without markup. `fallback` stands alone in one line, as in a notification."""

    fallback: str
    header: str
    fields: tuple[tuple[str, str], ...]
    body: tuple[str, ...]
    context: tuple[str, ...]

    def as_text(self) -> str:
        """The message for people who read it in a terminal or a log."""
        fields = [f"  {label}: {value}" for label, value in self.fields]
        return "\n".join([self.header, *fields, *(f"  {line}" for line in self.body), "  " + " | ".join(self.context)])

    def blocks(self) -> list[dict[str, Any]]:
        """The message as Slack blocks, every name escaped (A-35) and within Slack's limits (A-68)."""
        fields = [_mrkdwn(f"*{escape(label)}:* {escape(value)}", FIELD_LIMIT) for label, value in self.fields]
        said = "\n".join(escape(line) for line in self.body)
        body = [{"type": "section", "text": _mrkdwn(said, SECTION_LIMIT)}] if said else []  # Slack takes no empty text
        return [
            {"type": "header", "text": {"type": "plain_text", "text": clip(self.header, HEADER_LIMIT), "emoji": False}},
            {"type": "section", "fields": fields[:10]},
            *body,
            {"type": "context", "elements": [_mrkdwn(" | ".join(escape(c) for c in self.context), SECTION_LIMIT)]},
        ]

    def slack_text(self) -> str:
        """The fallback for Slack, which looks for mentions in it as well."""
        return escape(self.fallback)

    def digest(self) -> str:
        """The same for the same content: an unchanged message is not sent again."""
        content = json.dumps([self.fallback, self.blocks()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def _mrkdwn(text: str, limit: int) -> dict[str, Any]:
    # verbatim: without it Slack turns bare URLs and #names of product texts into links
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}

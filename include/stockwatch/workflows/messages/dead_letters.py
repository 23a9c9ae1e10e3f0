"""Messages that were given up: seen, sent again, or taken off the list."""

from __future__ import annotations

from typing import Any

from include.stockwatch.adapters.state import outbox
from include.stockwatch.workflows.services import Services


def dead_letters(services: Services) -> list[dict[str, Any]]:
    """Messages that were given up, oldest first: what, where, why, how old, how often tried (A-70)."""
    now = services.now()
    with services.state.read() as tx:
        found = outbox.dead(tx)
    wanted = ("outbox_id", "incident_id", "operation", "channel", "attempts", "error", "text")
    return [
        {
            **{name: row[name] for name in wanted},
            "hours_old": round((now - row["created_at"]).total_seconds() / 3600, 1),
        }
        for row in found
    ]


def replay(services: Services, outbox_id: int, by: str) -> None:
    """Send a dead message again at the next run. Raises: NotReplayable"""
    now = services.now()
    with services.state.begin() as tx:
        outbox.replay(tx, outbox_id, now, f"replayed by {by} at {now:%Y-%m-%d %H:%M} UTC")


def discard(services: Services, outbox_id: int, reason: str, by: str) -> None:
    """Take a dead message off the list for good. Raises: NotReplayable"""
    now = services.now()
    with services.state.begin() as tx:
        outbox.discard(tx, outbox_id, f"discarded by {by} at {now:%Y-%m-%d %H:%M} UTC: {reason}")

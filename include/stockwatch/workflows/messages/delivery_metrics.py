"""How delivery does: what waits, what was sent and how fast, what failed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from include.stockwatch.adapters.state import outbox, pace
from include.stockwatch.adapters.state.tables import OUTBOX_OPEN
from include.stockwatch.workflows.services import Services


@dataclass(frozen=True)
class DeliveryMetrics:
    """How delivery does (A-71). Durations in seconds; what was sent and how fast is of the last days asked for."""

    waiting: int
    oldest_waiting_seconds: float | None
    oldest_waiting_error: str | None
    stopped_by: str | None  # what Slack says against our token
    sent: int
    reconciled: int  # found in Slack instead of sent again
    previewed: int
    dead: int
    rate_limited: int  # 429 answers ever
    p95_seconds: float | None  # from due to sent


def metrics(services: Services, window: dt.timedelta = dt.timedelta(days=7)) -> DeliveryMetrics:
    """The figures of the dispatcher, for the board."""
    now = services.now()
    with services.state.read() as tx:
        counts, oldest, stopped = outbox.counts(tx), outbox.oldest_open(tx), outbox.stopped_by(tx)
        (seconds, reconciled), refused = outbox.sent_since(tx, now - window), pace.refusals(tx)
    return DeliveryMetrics(
        waiting=sum(counts.get(status, 0) for status in OUTBOX_OPEN),
        oldest_waiting_seconds=max((now - oldest[0]).total_seconds(), 0.0) if oldest else None,
        oldest_waiting_error=oldest[1] if oldest else None,
        stopped_by=stopped,
        sent=len(seconds),
        reconciled=reconciled,
        previewed=counts.get("previewed", 0),
        dead=counts.get("dead", 0),
        rate_limited=refused,
        p95_seconds=_p95(seconds),
    )


def _p95(seconds: list[float]) -> float | None:
    """The smallest value that at least 95 % do not exceed."""
    ordered = sorted(seconds)
    return ordered[-(-95 * len(ordered) // 100) - 1] if ordered else None

"""Feed health: what became of every feed's latest dates, and of the files that were held."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import ledger, worklist
from include.stockwatch.board.access import Desk
from include.stockwatch.workflows.feeds.feed_status import FeedStatus, Status, feed_statuses, list_statuses

if TYPE_CHECKING:
    from include.stockwatch.settings.models import Settings

DAYS = 30
DECISIONS = 25
MARKS = {
    "on time": "✓", "late": "L", "restated": "R", "history": "h", "rejected": "✕", "missing": "–", "waiting": "…",
    "not due": "", "partial": "½",
}  # fmt: skip
"""A letter for each state of a date: colour is never alone (A-86)."""
TONES = {
    "on time": "good", "in place": "good", "restated": "new", "late": "bad", "silent": "bad", "held": "bad",
    "rejected": "bad", "missing": "bad", "small": "warn", "without sales": "warn", "partial": "warn", "waiting": "dim",
    "not due": "dim", "history": "dim", "nothing yet": "dim",
}  # fmt: skip


def feed_health(desk: Desk) -> dict[str, Any]:
    """Feeds with their last 30 dates, lists of master data, and decisions on held files."""
    found = feed_statuses(desk.services, desk.feeds, days=DAYS)
    lists = list_statuses(desk.services, desk.feeds)
    settings = desk.services.settings
    with desk.services.state.read() as tx:
        frozen = worklist.stale_by_partner(tx, desk.scope)
        held = [one for one in ledger.held(tx, DECISIONS) if one.feed_id in desk.feeds]
    dates = sorted({day.date for one in found for day in one.days}, reverse=True)[:DAYS]
    return {
        "feeds": [_told(one, dates, settings, frozen) for one in found],
        "lists": lists,
        "dates": dates,
        "held": held,
        "well": sum(one.status in (Status.ON_TIME, Status.RESTATED) for one in found),
        "marks": MARKS,
        "tones": TONES,
    }


def _told(one: FeedStatus, dates: Sequence[dt.date], settings: Settings, frozen: Mapping[str, int]) -> dict[str, Any]:
    feed = settings.feeds[one.feed_id]
    by_date = {day.date: day for day in one.days}
    route = settings.routes.route(feed.partner, None)
    good = next((day.date for day in one.days if day.state.value in ("on time", "late", "restated", "history")), None)
    return {
        "status": one,
        "days": [by_date.get(date) for date in dates],
        "frozen": frozen.get(feed.partner, 0),
        "partner": feed.partner,
        "call": route.owner,
        "last_good": good,
        "failed": _failed(one),
    }


def _failed(one: FeedStatus) -> list[str]:
    """What was wrong with the last file: holds, failed checks and codes of rejected rows, most rows first."""
    if one.last is None:
        return []
    told = [f"{hold['code']}: {hold['what']}" for hold in one.last.holds]
    told += [f"{number:,} rows {code}" for code, number in Counter(one.last.reject_codes).most_common(3)]
    return told

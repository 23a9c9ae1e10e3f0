"""Decide which dates are to be checked now: complete, past their cut-off, or restated.

A date is restated when what it was checked on has changed: its own deliveries, or those of a day that it looks back on.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from enum import StrEnum

from include.stockwatch.adapters.state import ledger
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)


class Why(StrEnum):
    """What makes a date due."""

    COMPLETE = "complete"
    CUT_OFF = "cut-off"
    RESTATED = "restated"


@dataclass(frozen=True)
class DueCheck:
    """A date to check, and why."""

    business_date: dt.date
    inputs: str
    why: Why

    @property
    def run_id(self) -> str:
        """Name of the check run: the same date on the same deliveries never starts two."""
        return f"avail__{self.business_date}__{self.inputs}"


def due_checks(services: Services) -> list[DueCheck]:
    """Dates whose picture has changed since they were last checked, oldest first.

    Nothing is due while a claimed file is being ingested (for at most `gate.wait_minutes`), so that files that come
    together are checked together; the end of that ingest asks again.
    """
    now, settings = services.now(), services.settings
    with services.state.begin() as tx:
        busy = ledger.in_flight(tx, now - dt.timedelta(minutes=settings.stockwatch.gate.wait_minutes))
        span = {feed: days for feed, days in ledger.delivered_span(tx).items() if feed in settings.feeds}
        if not span:
            return []
        newest = max(last for _, last in span.values())
        first = newest - dt.timedelta(days=settings.stockwatch.gate.history_days - 1)
        lookback_days = settings.stockwatch.check.lookback_days
        have = ledger.delivered(tx, first - dt.timedelta(days=lookback_days - 1), feeds=settings.feeds)
        done = ledger.checked(tx, first)
        revised = ledger.revised(tx)
    if busy:
        log.info("gate: waiting for %s files that are being ingested", busy)
        return []
    overdue = _newest_past_cut_off(settings, span, now)
    if overdue and overdue > newest:
        have.setdefault(overdue, {})
    found = []
    dates = sorted(date for date in have if date >= first)
    for date in dates:
        inputs = ledger.inputs_of(date, have, revised, lookback_days)
        if inputs in done.get(date, set()):
            continue
        why = _why(settings, span, date, set(have[date]), now, was_checked=date in done)
        if why:
            found.append(DueCheck(date, inputs, why))
    log.info("gate: %s dates due of %s looked at", len(found), len(dates))
    return found


def _expected(settings: Settings, span: dict[str, tuple[dt.date, dt.date]], date: dt.date) -> set[str]:
    """Feeds that are meant to have this date: all that had delivered by then, and that report such a day."""
    return {feed for feed, (first, _) in span.items() if first <= date and settings.feeds[feed].expected.is_due(date)}


def _why(
    settings: Settings,
    span: dict[str, tuple[dt.date, dt.date]],
    date: dt.date,
    have: set[str],
    now: dt.datetime,
    *,
    was_checked: bool,
) -> Why | None:
    if was_checked:
        return Why.RESTATED
    missing = _expected(settings, span, date) - have
    if not missing:
        return Why.COMPLETE
    late = all(settings.feeds[feed].expected.cut_off(date) <= now for feed in missing)
    return Why.CUT_OFF if late else None


def _newest_past_cut_off(
    settings: Settings, span: dict[str, tuple[dt.date, dt.date]], now: dt.datetime
) -> dt.date | None:
    """The newest date that no longer waits for any feed: it is checked even if nothing at all came for it.

    A date that no feed reports is no such date.
    """
    day = now.date()
    for back in range(settings.stockwatch.gate.history_days):
        date = day - dt.timedelta(days=back)
        due = _expected(settings, span, date)
        if due and all(settings.feeds[feed].expected.cut_off(date) <= now for feed in due):
            return date
    return None

"""Decide which dates are to be checked now: those with somebody to decide, on news that no check of them has seen.

A date is restated when what it was checked on has changed: its own deliveries, those of a day that it looks back on, or
who is awaited on it.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from include.stockwatch.adapters.state import ledger
from include.stockwatch.workflows.checks.settled import awaited, expected, feeds_of, partners
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)


class Why(StrEnum):
    """What makes a date due."""

    COMPLETE = "complete"
    CUT_OFF = "cut-off"
    IN_PART = "in part"
    RESTATED = "restated"


@dataclass(frozen=True)
class DueCheck:
    """A date to check, and why."""

    business_date: dt.date
    inputs: str
    why: Why

    @property
    def run_id(self) -> str:
        """Name of the check run: a date on the same deliveries that awaits the same partners never starts two."""
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
    looked_at = {date: set(have.get(date, ())) for date in _days(first, max(newest, now.date()))}
    waits = awaited(services, span, looked_at, now)
    settled = {
        date: partners(settings, expected(settings, span, date) | came) - waits[date]
        for date, came in looked_at.items()
    }
    found = []
    for date in sorted({date for date in have if date >= first} | _newest_of_each(settled)):
        inputs = ledger.inputs_of(date, have, revised, lookback_days, feeds_of(settings, waits[date]))
        if settled[date] and inputs not in done.get(date, set()):
            missing = expected(settings, span, date) - looked_at[date]
            why = _why(was_checked=date in done, awaits=bool(waits[date]), is_whole=not missing)
            found.append(DueCheck(date, inputs, why))
    log.info("gate: %s dates due of %s looked at", len(found), len(looked_at))
    return found


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def _newest_of_each(settled: Mapping[dt.date, Collection[str]]) -> set[dt.date]:
    """The newest date on which each partner is settled: it is looked at even if nothing at all came for it."""
    return set({partner: date for date in sorted(settled) for partner in settled[date]}.values())


def _why(*, was_checked: bool, awaits: bool, is_whole: bool) -> Why:
    if was_checked:
        return Why.RESTATED
    if awaits:
        return Why.IN_PART
    return Why.COMPLETE if is_whole else Why.CUT_OFF

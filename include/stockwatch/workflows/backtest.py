"""Replay history as if it were today, touching nothing: who would be told how often, and what it would catch.

A proposed set of thresholds is replayed beside the current one, so that a change is seen before it is made.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.decisions import Reason, decide, fingerprint_of
from include.stockwatch.alerting.incident import Incident, MemberState
from include.stockwatch.alerting.message import render
from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.errors import StockwatchError
from include.stockwatch.workflows.check import availability_on, delivered_until, kpis_of, rules_of
from include.stockwatch.workflows.incidents import pictures
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_DAYS = 120
"""Dates computed in one query; bounds memory, not the result."""
UNAVAILABLE = (Status.OUT_OF_STOCK.value, Status.PHANTOM_SUSPECTED.value)
TRUTH_COLUMNS = ("business_date", *SERIES, "is_empty")

Key = tuple[str, str, str]


class WrongTruth(StockwatchError):
    """A file of truth lacks a column that the comparison needs."""


@dataclass
class _Replay:
    """The incidents of a replay as they stand, and what has been counted so far."""

    tenant: str
    ongoing: dict[str, Incident] = field(default_factory=dict)
    ended: dict[str, Incident] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    severities: Counter[str] = field(default_factory=Counter)
    per_owner: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    per_day: list[dict[str, Any]] = field(default_factory=list)

    def alerted(self) -> set[Key]:
        """Series that an open incident says are out."""
        return {
            (incident.partner, member.location_id, incident.item_id)
            for incident in self.ongoing.values()
            for member in incident.members
            if member.state is MemberState.OUT
        }


def backtest(
    services: Services,
    first: dt.date | None = None,
    last: dt.date | None = None,
    *,
    proposed: Thresholds | None = None,
    truth: Path | None = None,
) -> dict[str, Any]:
    """Replay every delivered date between two dates, from no incidents at all.

    With `proposed` thresholds the answer holds both: `current` and `proposed`. `truth` is a Parquet file with
    `business_date`, `partner`, `location_id`, `item_id` and `is_empty`; with it, precision and recall are given.
    Raises: WrongTruth
    """
    known = None if truth is None else _truth(truth)
    current = _replayed(services, first, last, known)
    if proposed is None:
        return current
    return {"current": current, "proposed": _replayed(services.proposing(proposed), first, last, known)}


def _replayed(
    services: Services, first: dt.date | None, last: dt.date | None, truth: Mapping[dt.date, set[Key]] | None
) -> dict[str, Any]:
    import pyarrow.compute as pc

    delivered = delivered_until(services)
    dates = [date for date in delivered if (first or date) <= date <= (last or date)]
    replay = _Replay(services.settings.stockwatch.tenant)
    for start in range(0, len(dates), BATCH_DAYS):
        batch = dates[start : start + BATCH_DAYS]
        table, _ = availability_on(services, batch, delivered)
        figures = {row["business_date"]: row for row in kpis_of(services, table).to_pylist() if row["partner"] == ""}
        for date in batch:
            rows = table.filter(pc.equal(table["business_date"], date))
            counted = _day(services, replay, date, rows, set(delivered[date]))
            kpi = figures.get(date, {})
            rates = {name: _rounded(kpi.get(name)) for name in ("in_stock_rate", "osa_estimate", "coverage")}
            money = _money(rows, replay.alerted())
            found = {} if truth is None else _against(truth.get(date, set()), replay.alerted(), rows)
            replay.per_day.append({"date": date.isoformat(), **rates, **counted, **money, **found})
    return _summary(replay, has_truth=truth is not None)


def _day(services: Services, replay: _Replay, date: dt.date, rows: pa.Table, feeds: set[str]) -> dict[str, int]:
    """Decide one date; counts of what happened on it."""
    day: Counter[str] = Counter()
    whole = services.settings.wholly_delivered(feeds)
    for picture in pictures(services.settings, rules_of(services), date, rows, [*replay.ongoing.values()], whole):
        mark = fingerprint_of(picture, replay.tenant)
        before = replay.ongoing.get(mark)
        new_id = f"REPLAY-{next(replay.numbers):06d}" if before is None else ""
        decision = decide(picture, before, tenant=replay.tenant, new_id=new_id, previous=replay.ended.get(mark))
        after = decision.incident
        if after is None or decision.event_kind is None:
            continue
        sent = _messages(decision.event_kind, before, after)
        day[decision.event_kind] += 1
        day["messages"] += sent
        replay.per_owner[after.owner]["messages"] += sent
        if decision.reason is Reason.FIRST:
            replay.severities[after.severity.value] += 1
            replay.per_owner[after.owner]["opened"] += 1
        if after.standing is Standing.RESOLVED:
            replay.ongoing.pop(mark, None)
            replay.ended[mark] = after
        else:
            replay.ongoing[mark] = after
    return {
        "opened": day["opened"],
        "resolved": day["resolved"],
        "open": len(replay.ongoing),
        "messages": day["messages"],
    }


def _money(rows: pa.Table, alerted: set[Key]) -> dict[str, Any]:
    """Money lost on a date, by currency: at series that an open incident names, and at those that none does."""
    caught: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for row in rows.select(
        ["partner", "location_id", "item_id", "status", "lost_units_today", "price", "currency"]
    ).to_pylist():
        if row["status"] not in UNAVAILABLE or row["lost_units_today"] is None or row["price"] is None:
            continue
        is_caught = (row["partner"], row["location_id"], row["item_id"]) in alerted
        (caught if is_caught else missed)[row["currency"] or ""] += row["lost_units_today"] * row["price"]
    return {"money_caught": _amounts(caught), "money_missed": _amounts(missed)}


def _against(empty: set[Key], alerted: set[Key], rows: pa.Table) -> dict[str, int]:
    """Series alerted and series that were empty, of those that the date's table knows."""
    known = set(zip(*(rows[name].to_pylist() for name in SERIES), strict=True))
    return {
        "alerted": len(alerted & known),
        "empty": len(empty & known),
        "alerted_and_empty": len(alerted & empty & known),
        "series": len(known),
    }


def _summary(replay: _Replay, *, has_truth: bool) -> dict[str, Any]:
    days = replay.per_day
    opened = [day["opened"] for day in days]
    messages = [day["messages"] for day in days]
    caught, missed = (_total(day[name] for day in days) for name in ("money_caught", "money_missed"))
    summary: dict[str, Any] = {
        "dates": len(days),
        "opened": sum(opened),
        "opened_per_day": _rounded(sum(opened) / len(opened)) if opened else None,
        "opened_on_the_worst_day": max(opened, default=0),
        "messages_per_day": _rounded(sum(messages) / len(messages)) if messages else None,
        "still_open": len(replay.ongoing),
        "opened_by_severity": dict(sorted(replay.severities.items())),
        "per_owner": {
            owner: {
                "opened": counts["opened"],
                "messages": counts["messages"],
                "opened_per_day": _rounded(counts["opened"] / len(days)),
                "messages_per_day": _rounded(counts["messages"] / len(days)),
            }
            for owner, counts in sorted(replay.per_owner.items())
        },
        "money_caught": caught,
        "money_missed": missed,
        "money_caught_share": {
            currency: _rounded(caught.get(currency, 0) / total)
            for currency in sorted(caught | missed)
            if (total := caught.get(currency, 0) + missed.get(currency, 0)) > 0
        },
    }
    if has_truth:
        both, alerted, empty, series = (
            sum(day[name] for day in days) for name in ("alerted_and_empty", "alerted", "empty", "series")
        )
        summary |= {
            "precision": _rounded(both / alerted) if alerted else None,
            "recall": _rounded(both / empty) if empty else None,
            "false_alarms_per_1000": _rounded(1000 * (alerted - both) / series) if series else None,
        }
    return summary | {"per_day": days}


def _truth(path: Path) -> dict[dt.date, set[Key]]:
    """Series that were empty, by date. Raises: WrongTruth"""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    missing = set(TRUTH_COLUMNS) - set(pq.read_schema(path).names)
    if missing:
        what = f"lacks {', '.join(sorted(missing))}; a file of truth has {', '.join(TRUTH_COLUMNS)}"
        raise WrongTruth(f"{path.name}: {what}")
    table = pq.read_table(path, columns=list(TRUTH_COLUMNS))
    empty: dict[dt.date, set[Key]] = defaultdict(set)
    chosen = table.filter(pc.equal(table["is_empty"], True))
    for date, *series in zip(*(chosen[name].to_pylist() for name in ("business_date", *SERIES)), strict=True):
        empty[date].add((series[0], series[1], series[2]))
    return empty


def _messages(kind: str, before: Incident | None, after: Incident) -> int:
    """Slack calls that an event costs: a post, an update if the text changes, an update and a reply at the end."""
    if kind in ("resolved", "reopened"):
        return 2
    return int(before is None or render(before).digest() != render(after).digest())


def _total(amounts: Iterator[Mapping[str, float]]) -> dict[str, float]:
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums.update(amount)
    return _amounts(sums)


def _amounts(sums: Mapping[str, float]) -> dict[str, float]:
    return {currency: round(amount, 2) for currency, amount in sorted(sums.items())}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

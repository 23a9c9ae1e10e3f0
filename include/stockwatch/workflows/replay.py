"""Replay history with today's settings, touching nothing: incidents and messages per day."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from typing import Any

import pyarrow.compute as pc

from include.stockwatch.alerting.decisions import Reason, decide, fingerprint_of
from include.stockwatch.alerting.incident import Incident, Standing
from include.stockwatch.alerting.message import render
from include.stockwatch.workflows.check import availability_on, delivered_until, kpis_of
from include.stockwatch.workflows.incidents import pictures
from include.stockwatch.workflows.services import Services

BATCH_DAYS = 120
"""Dates computed in one query; bounds memory, not the result."""


def replay(services: Services, first: dt.date | None = None, last: dt.date | None = None) -> dict[str, Any]:
    """Decide every delivered date between two dates in order, from no incidents at all."""
    settings = services.settings
    delivered = delivered_until(services)
    dates = [date for date in delivered if (first or date) <= date <= (last or date)]
    ongoing: dict[str, Incident] = {}
    numbers = itertools.count(1)
    per_day: list[dict[str, Any]] = []
    severities: Counter[str] = Counter()
    for start in range(0, len(dates), BATCH_DAYS):
        batch = dates[start : start + BATCH_DAYS]
        table, _ = availability_on(services, batch, delivered)
        figures = {row["business_date"]: row for row in kpis_of(services, table).to_pylist() if row["partner"] == ""}
        for date in batch:
            rows = table.filter(pc.equal(table["business_date"], date))
            fresh = settings.wholly_delivered(delivered[date])
            day: Counter[str] = Counter()
            shown = pictures(settings, date, rows, [*ongoing.values()], fresh)
            for picture in shown:
                mark = fingerprint_of(picture, settings.stockwatch.tenant)
                new_id = f"REPLAY-{next(numbers):06d}" if mark not in ongoing else ""
                before = ongoing.get(mark)
                decision = decide(picture, before, tenant=settings.stockwatch.tenant, new_id=new_id, previous_id=None)
                after = decision.incident
                if after is None or decision.event_kind is None:
                    continue
                day[decision.event_kind] += 1
                if decision.reason is Reason.FIRST:
                    severities[after.severity.value] += 1
                day["messages"] += _messages(decision.event_kind, before, after)
                if after.standing is Standing.RESOLVED:
                    ongoing.pop(mark, None)
                else:
                    ongoing[mark] = after
            kpi = figures.get(date, {})
            per_day.append(
                {
                    "date": date.isoformat(),
                    "in_stock_rate": _rounded(kpi.get("in_stock_rate")),
                    "coverage": _rounded(kpi.get("coverage")),
                    "opened": day["opened"],
                    "resolved": day["resolved"],
                    "open": len(ongoing),
                    "messages": day["messages"],
                }
            )
    opened = [day["opened"] for day in per_day]
    return {
        "dates": len(per_day),
        "opened": sum(opened),
        "opened_per_day": _rounded(sum(opened) / len(opened)) if opened else None,
        "opened_on_the_worst_day": max(opened, default=0),
        "still_open": len(ongoing),
        "opened_by_severity": dict(sorted(severities.items())),
        "per_day": per_day,
    }


def _messages(kind: str, before: Incident | None, after: Incident) -> int:
    """Slack calls that an event costs: a post, an update if the text changes, an update and a reply at the end."""
    if kind == "resolved":
        return 2
    return int(before is None or render(before).digest() != render(after).digest())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

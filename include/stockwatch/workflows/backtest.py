"""Replay history as if it were today, touching nothing: who would be told how often, and what it would catch.

A proposed set of thresholds is replayed beside the current one, so that a change is seen before it is made.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.stockwatch.alerting.case import STARTS, Standing
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.alerting.grouping import Series
from include.stockwatch.alerting.incident import Incident, Lack, MemberState
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.mass_change import suspicion
from include.stockwatch.alerting.messages import thread
from include.stockwatch.alerting.owners import Directory
from include.stockwatch.alerting.routing import facts_of
from include.stockwatch.domain.availability import EMPTY, Status
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.errors import StockwatchError
from include.stockwatch.workflows.checks.check import availability_on, delivered_until, in_all, kpis_of, rules_of
from include.stockwatch.workflows.incidents.day import Day
from include.stockwatch.workflows.incidents.decide import day_of, decide_day
from include.stockwatch.workflows.incidents.fed import fed_by
from include.stockwatch.workflows.incidents.mass import mass_pictures
from include.stockwatch.workflows.incidents.pictures import Known
from include.stockwatch.workflows.incidents.precision import Told, verdicts
from include.stockwatch.workflows.routing import directory
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_SERIES = 150_000
"""Series of all dates that are computed in one query; it bounds memory, not the result."""
TRUTH_COLUMNS = ("business_date", *SERIES, "is_empty")

Key = tuple[str, str, str]


class WrongTruth(StockwatchError):
    """A file of truth lacks what the comparison needs: a column, or shelves that had stock."""


class NothingDelivered(StockwatchError):
    """There is no delivered date between the dates of a replay."""


@dataclass
class _Replay:
    """The incidents of a replay as they stand, and what has been counted so far."""

    people: Directory
    ongoing: dict[str, Incident] = field(default_factory=dict)
    ended: dict[str, Incident] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    decided_on: dict[str, dt.date] = field(default_factory=dict)  # partner -> latest date with fresh data
    suspected: dict[Series, int] = field(default_factory=dict)  # dates in a row that a shelf was suspected empty
    severities: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    messages_of_kinds: Counter[str] = field(default_factory=Counter)
    per_owner: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    per_day: list[dict[str, Any]] = field(default_factory=list)
    open_on: dict[str, list[dt.date]] = field(default_factory=lambda: defaultdict(list))  # by fingerprint

    def alerted(self) -> set[Key]:
        """Series that an open incident says are out."""
        return {
            (member.partner or incident.partner, member.location_id, incident.item_id)
            for incident in self.ongoing.values()
            for member in incident.members
            if member.state is MemberState.OUT and member.lack is not Lack.SHORT
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
    `business_date`, `partner`, `location_id`, `item_id` and `is_empty`; with it, precision and recall are given, of
    the series-days that it speaks of. Where people have given verdicts, so are those of the alerts that they judged.
    Raises: NothingDelivered, WrongTruth
    """
    known = None if truth is None else _truth(truth)
    current = _replayed(services, first, last, known)
    if proposed is None:
        return current
    return {"current": current, "proposed": _replayed(services.proposing(proposed), first, last, known)}


def _replayed(
    services: Services, first: dt.date | None, last: dt.date | None, truth: pa.Table | None
) -> dict[str, Any]:
    delivered = delivered_until(services)
    dates = [date for date in delivered if (first or date) <= date <= (last or date)]
    if not dates:
        raise NothingDelivered(_nothing(sorted(delivered), first, last))
    with services.state.read() as tx:
        replay = _Replay(directory(services, tx))
    series = services.lake.table("observations", feeds=services.settings.feeds).select(*SERIES).distinct().count()
    size = max(1, BATCH_SERIES // max(1, services.lake.engine.execute(series)))
    for start in range(0, len(dates), size):
        batch = dates[start : start + size]
        table, _ = availability_on(services, batch, delivered)
        figures = in_all(services, kpis_of(services, table))
        for date, rows in zip(batch, _by_date(table, batch), strict=True):
            counted = _day(services, replay, date, rows, set(delivered[date]))
            kpi = figures.get(date, {})
            rates = {name: _rounded(kpi.get(name)) for name in ("in_stock_rate", "osa_estimate", "coverage")}
            money = _money(rows, replay.alerted())
            found = {} if truth is None else _against(_shelves(truth, date), replay.alerted(), rows)
            for fingerprint in replay.ongoing:
                replay.open_on[fingerprint].append(date)
            replay.per_day.append({"date": date.isoformat(), **rates, **counted, **money, **found})
    return _summary(replay, has_truth=truth is not None, said=verdicts(services, min(dates), max(dates)))


def _nothing(delivered: Sequence[dt.date], first: dt.date | None, last: dt.date | None) -> str:
    if not delivered:
        return "no date was delivered yet: nothing to replay"
    wanted = f"from {first or delivered[0]} to {last or delivered[-1]}"
    return f"nothing to replay {wanted}: delivered are {delivered[0]} to {delivered[-1]}"


def _by_date(table: pa.Table, dates: Sequence[dt.date]) -> Iterator[pa.Table]:
    """The rows of each date, in their order. A slice costs nothing, where a filter would look at all rows again."""
    table = table.sort_by("business_date")
    counts = Counter(table["business_date"].to_pylist())
    for date, end in zip(dates, itertools.accumulate(counts[date] for date in dates), strict=True):
        yield table.slice(end - counts[date], counts[date])


def _day(services: Services, replay: _Replay, date: dt.date, rows: pa.Table, feeds: set[str]) -> dict[str, int]:
    """Decide one date; counts of what happened on it. A mass change is counted, and taken as approved."""
    settings, shown = services.settings, day_of(services.settings, date, rows)
    fresh = settings.fresh(feeds)
    known = Known(
        whole=settings.wholly_delivered(feeds),
        untouched=settings.resting(date) - fresh,
        suspected=replay.suspected,
        fed=lambda groups: fed_by(services, shown, groups),
    )
    decided = decide_day(
        settings,
        rules_of(services),
        shown,
        known,
        dict(replay.ongoing),
        lambda marks: {mark: replay.ended[mark] for mark in marks if mark in replay.ended},
        (f"REPLAY-{number:06d}" for number in replay.numbers),
    )
    day: Counter[str] = Counter(mass_changes=_mass_changes(services, replay, shown, fresh, feeds))
    for decision in decided.decisions:
        if decision.incident is not None and decision.event_kind is not None:
            _count(replay, day, date, decision.incident, decision.event_kind, is_new=decision.reason is Reason.FIRST)
    replay.decided_on |= dict.fromkeys(fresh, date)
    _remember(replay, shown)
    told = ("opened", "resolved", "messages", "mass_changes")
    return {**{name: day[name] for name in told}, "open": len(replay.ongoing)}


def _count(
    replay: _Replay, day: Counter[str], date: dt.date, after: Incident, event_kind: str, *, is_new: bool
) -> None:
    """Count what an event costs, and let its state stand. Who has an incident is said when it starts."""
    assigned = replay.people.assign(facts_of(after), dt.datetime.combine(date, dt.time(12), dt.UTC))
    if event_kind in STARTS:
        after = after.model_copy(update={"owner": assigned.owner})
    copies = len({*after.copies, *assigned.copies} - {after.channel})
    sent = _messages(event_kind, replay.ongoing.get(after.fingerprint), after, copies)
    day[event_kind] += 1
    day["messages"] += sent
    replay.per_owner[after.owner]["messages"] += sent
    replay.messages_of_kinds[after.kind.value] += sent
    if is_new:
        replay.severities[after.severity.value] += 1
        replay.kinds[after.kind.value] += 1
        replay.per_owner[after.owner]["opened"] += 1
    if after.standing is Standing.RESOLVED:
        replay.ongoing.pop(after.fingerprint, None)
        replay.ended[after.fingerprint] = after
    else:
        replay.ongoing[after.fingerprint] = after


def _mass_changes(services: Services, replay: _Replay, shown: Day, fresh: set[str], feeds: set[str]) -> int:
    """Partners of which the date would be held."""
    since = {partner: date for partner, date in replay.decided_on.items() if partner in fresh}
    limits = services.settings.stockwatch.mass_change
    found = mass_pictures(services.settings, shown, since, feeds, ())
    return sum(suspicion(picture, limits) is not None for picture in found)


def _remember(replay: _Replay, shown: Day) -> None:
    """Note for how many dates in a row each shelf has been suspected empty; a date without data is passed over."""
    names = (*SERIES, "status")
    for *key, status in zip(*(shown.table[name].to_pylist() for name in names), strict=True):
        series = (key[0], key[1], key[2])
        if status == Status.PHANTOM_SUSPECTED.value:
            replay.suspected[series] = replay.suspected.get(series, 0) + 1
        elif status != Status.UNKNOWN.value:
            replay.suspected.pop(series, None)


def _money(rows: pa.Table, alerted: set[Key]) -> dict[str, Any]:
    """Money lost on a date, by currency: at series that an open incident names, and at those that none does."""
    caught: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for row in rows.select(
        ["partner", "location_id", "item_id", "status", "lost_units_today", "price", "currency"]
    ).to_pylist():
        if row["status"] not in EMPTY or row["lost_units_today"] is None or row["price"] is None:
            continue
        is_caught = (row["partner"], row["location_id"], row["item_id"]) in alerted
        (caught if is_caught else missed)[row["currency"] or ""] += row["lost_units_today"] * row["price"]
    return {"money_caught": _amounts(caught), "money_missed": _amounts(missed)}


def _against(shelves: Mapping[Key, bool], alerted: set[Key], rows: pa.Table) -> dict[str, int]:
    """Series alerted and series that were empty, of those that both the date's table and the truth know."""
    known = set(zip(*(rows[name].to_pylist() for name in SERIES), strict=True)) & shelves.keys()
    empty = {key for key, is_empty in shelves.items() if is_empty}
    return {
        "alerted": len(alerted & known),
        "empty": len(empty & known),
        "alerted_and_empty": len(alerted & empty & known),
        "series": len(known),
    }


def _judged(replay: _Replay, said: Sequence[Told]) -> dict[str, Any]:
    """How the replay does by what people said of alerts: those that it tells as well, and how many of them are right.

    An alert that nobody judged, or that was never sent, counts on neither side.
    """
    told = [one for one in said if any(one.first <= on <= one.last for on in replay.open_on.get(one.fingerprint, ()))]
    right, right_told = (sum(one.is_right for one in of) for of in (said, told))
    return {
        "judged": len(said),
        "told": len(told),
        "precision": _rounded(right_told / len(told)) if told else None,
        "recall": _rounded(right_told / right) if right else None,
    }


def _summary(replay: _Replay, *, has_truth: bool, said: Sequence[Told]) -> dict[str, Any]:
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
        "by_kind": {
            kind: {
                "opened": replay.kinds[kind],
                "messages": sent,
                "opened_per_day": _rounded(replay.kinds[kind] / len(days)),
                "messages_per_day": _rounded(sent / len(days)),
            }
            for kind, sent in sorted(replay.messages_of_kinds.items())
        },
        "mass_changes": sum(day["mass_changes"] for day in days),
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
    if said:
        summary["verdicts"] = _judged(replay, said)
    return summary | {"per_day": days}


def _truth(path: Path) -> pa.Table:
    """What is known of the shelves: TRUTH_COLUMNS. Raises: WrongTruth"""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        missing = set(TRUTH_COLUMNS) - set(pq.read_schema(path).names)
    except (OSError, pa.ArrowInvalid) as error:
        raise WrongTruth(f"{path.name}: no Parquet file that can be read") from error
    if missing:
        what = f"lacks {', '.join(sorted(missing))}; a file of truth has {', '.join(TRUTH_COLUMNS)}"
        raise WrongTruth(f"{path.name}: {what}")
    table = pq.read_table(path, columns=list(TRUTH_COLUMNS)).drop_null()
    if not set(table["is_empty"].unique().to_pylist()) >= {False}:
        raise WrongTruth(f"{path.name}: no shelf in it had stock; say of every shelf that was looked at how it was")
    return table


def _shelves(truth: pa.Table, date: dt.date) -> dict[Key, bool]:
    """Whether each shelf that the truth speaks of was empty on a date."""
    import pyarrow.compute as pc

    of_date = truth.filter(pc.equal(truth["business_date"], date))
    keys = zip(*(of_date[name].to_pylist() for name in SERIES), strict=True)
    return dict(zip(keys, of_date["is_empty"].to_pylist(), strict=True))


def _messages(kind: str, before: Incident | None, after: Incident, copies: int) -> int:
    """Slack calls that an event costs, as `record`: its message if that changes, its lines in other channels and in the
    thread.
    """
    if kind in ("resolved", "reopened"):
        return 2 + copies
    if before is None:
        return 1 + copies
    has_a_line = thread.told(before, after, kind, "", None) is not None
    if before.data_as_of != after.data_as_of and not copies:  # a message names the date of its data
        return 1 + has_a_line
    was, now = render(before), render(after)
    return (was.digest() != now.digest()) + copies * (was.fallback != now.fallback) + has_a_line


def _total(amounts: Iterator[Mapping[str, float]]) -> dict[str, float]:
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums.update(amount)
    return _amounts(sums)


def _amounts(sums: Mapping[str, float]) -> dict[str, float]:
    return {currency: round(amount, 2) for currency, amount in sorted(sums.items())}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

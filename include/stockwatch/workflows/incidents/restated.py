"""What reports as they stand now take back of incidents: a corrected file may cover days that were decided on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from include.stockwatch.adapters.state import incidents as store
from include.stockwatch.adapters.state import ledger
from include.stockwatch.alerting.grouping import Series
from include.stockwatch.alerting.incident import RECORDED, Incident, Lack, Member, MemberState, SpellKey
from include.stockwatch.alerting.retold import Left, TakenBack
from include.stockwatch.domain.availability import EMPTY, Status
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.workflows.incidents.day import LACKS, Day
from include.stockwatch.workflows.services import Services

SILENT = (Status.UNKNOWN.value, Status.PLANNED.value)
"""Statuses that say neither that a series was out nor that it had stock."""

DAY = dt.timedelta(days=1)
BEFORE = dt.timedelta(days=31)
"""How far before a spell tables are asked whether they tell of its series at all."""


class Asked(NamedTuple):
    """A spell that may have days that were restated: it is over, or goes on and began later than it was said to."""

    incident_id: str
    member: Member
    series: Series
    began: dt.date | None = None


def restated(
    services: Services, tx: Any, day: Day, ongoing: Iterable[Incident], untouched: Collection[str]
) -> tuple[dict[str, TakenBack], list[Incident]]:
    """What reports take back of spells, by incident, and those of the incidents that have ended.

    Only spells that reports told of, and that reach into dates of the latest `gate.history_days` that were checked
    again. Days before the tables tell of a series are believed.
    """
    first = day.date - dt.timedelta(days=services.settings.stockwatch.gate.history_days - 1)
    dates = ledger.restated(tx, first, day.date)
    if not dates:
        return {}, []
    since = min(dates)
    ended = [one for one in store.ended_since(tx, RECORDED, since) if one.partner not in untouched]
    recorded = [one for one in ongoing if one.kind in RECORDED]
    asked = [one for one in _asked([*recorded, *ended], day, since) if one.series[0] not in untouched]
    told = _taken_back(services, day.date, asked) if asked else {}
    return told, [one for one in ended if one.incident_id in told]


def _asked(incidents: Iterable[Incident], day: Day, since: dt.date) -> Iterator[Asked]:
    for incident in incidents:
        recent = [one for one in incident.members if one.lack is Lack.EMPTY and one.last_out >= since]
        known = {(one.partner, one.location_id) for one in day.seen(incident.item_id) if one.is_known} if recent else ()
        for member in recent:
            whose = member.partner or incident.partner
            series = (whose, member.location_id, incident.item_id)
            row = day.costing.get(series)
            lack = LACKS[row["status"]] if row else None
            has_stock = (whose, member.location_id) in known and lack in (None, Lack.SHORT)
            if member.state is MemberState.BACK or (member.is_active and has_stock):
                yield Asked(incident.incident_id, member, series)
            elif row and lack is Lack.EMPTY and member.is_active:
                began = row["spell_start_date"]
                if began and member.out_since < began <= member.last_out:
                    yield Asked(incident.incident_id, member, series, began)


def _taken_back(services: Services, date: dt.date, asked: Collection[Asked]) -> dict[str, TakenBack]:
    """What is left of every spell that has lost days, by incident."""
    first = min(one.member.out_since for one in asked) - BEFORE
    rows = services.lake.table("availability", first=first, last=date)
    rows = rows.filter(rows.item_id.isin(sorted({one.series[2] for one in asked})))
    rows = rows.select(*SERIES, "business_date", "status")
    told: dict[Series, dict[dt.date, str]] = {}
    for partner, location, item, on, status in zip(
        *(column.to_pylist() for column in services.lake.engine.to_pyarrow(rows).columns), strict=True
    ):
        told.setdefault((partner, location, item), {})[on] = status
    found: dict[str, dict[SpellKey, Left | None]] = {}
    for one in asked:
        member = one.member
        left = _left(one, told.get(one.series, {}))
        if left != Left(member.out_since, member.last_out, member.back_on):
            found.setdefault(one.incident_id, {})[member.spell] = left
    return dict(found)


def _left(asked: Asked, days: Mapping[dt.date, str]) -> Left | None:
    """What is left of a spell by the status of its days. Absence of data takes nothing back (A-02)."""
    member, began = asked.member, asked.began
    return _of_one_over(member, member.last_out, days) if began is None else _of_one_going_on(member, began, days)


def _of_one_going_on(member: Member, began: dt.date, days: Mapping[dt.date, str]) -> Left:
    """The spell before the last day with stock, where there was one; else what has gone on since it `began`."""
    stocked = [on for on in _stocked(days) if member.out_since <= on < began]
    if not stocked:
        return Left(member.out_since, member.last_out, member.back_on)
    return _of_one_over(member, max(stocked), days) or Left(began, member.last_out, member.back_on)


def _of_one_over(member: Member, last: dt.date, days: Mapping[dt.date, str]) -> Left | None:
    """What is left of a spell that was over after its `last` day; none where no day of it is."""
    stocked = _stocked(days)
    out = [on for on, status in days.items() if status in EMPTY and member.out_since <= on <= last]
    if days and member.out_since < min(days):
        out.append(min(days) - DAY)
    first = min(out, default=last) if member.out_since in stocked else member.out_since
    if last not in stocked:
        return Left(first, last, member.back_on)
    return Left(first, max(out), min(on for on in stocked if on > max(out))) if out else None


def _stocked(days: Mapping[dt.date, str]) -> set[dt.date]:
    return {on for on, status in days.items() if status not in (*EMPTY, *SILENT)}

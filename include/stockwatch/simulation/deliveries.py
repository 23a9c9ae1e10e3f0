"""When which file arrives, and what is wrong with it: late, missing, twice, half empty, damaged ids, corrected."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.simulation.files.report import Report, Row, upc
from include.stockwatch.simulation.files.workbook import number_of
from include.stockwatch.simulation.partners import PartnerFeed

SENT_AT = dt.time(6, 12, tzinfo=dt.UTC)
FIRST_DEFECT = 14
"""Days without a defect, in which the usual size of a file is learnt."""
ARCHIVE_DAYS = 20
"""Days of history in one archive."""
KINDS = ("late", "missing", "twice", "half_empty", "corrected")
KINDS_OF = {"portal": ("no_check_digits", "damaged_id"), "workbook": ("lost_zeros", "damaged_id")}
"""Defects of some formats only."""
ENOUGH_IDS = 10
"""Different ids that show that all of them lack the check digit."""


@dataclass(frozen=True)
class Arrival:
    """A file that arrives."""

    feed_id: str
    business_date: dt.date
    arrives_at: dt.datetime
    file_name: str
    content: bytes


@dataclass(frozen=True)
class Defect:
    """What was done to a delivery, and what should become of it."""

    kind: str
    feed_id: str
    business_date: dt.date
    effect: str  # none, absent (the date has no rows), or absent_row (one series has none)
    file_name: str = ""
    location_id: str = ""
    item_id: str = ""


def reports(records: pa.Table, feed: PartnerFeed) -> Iterator[Report]:
    """What a feed says day by day."""
    own = records.filter(pc.equal(records.column("feed_id"), feed.feed_id))
    own = own.sort_by([("business_date", "ascending"), ("location_id", "ascending"), ("item_id", "ascending")])
    dates = own.column("business_date").to_numpy()
    edges = [0, *(np.flatnonzero(dates[1:] != dates[:-1]) + 1).tolist(), len(dates)]
    for number, (start, end) in enumerate(pairwise(edges), 1):
        rows = own.slice(start, end - start).to_pylist()
        date = rows[0]["business_date"]
        yield Report(feed.partner, date, _sent(date, days=1), number * 10, rows)


def _sent(date: dt.date, days: int, hours: int = 0) -> dt.datetime:
    return dt.datetime.combine(date, SENT_AT) + dt.timedelta(days=days, hours=hours)


def plan(feed: PartnerFeed, first: int, days: int, rng: np.random.Generator) -> dict[int, str]:
    """Which day of a feed has which defect, from a first day on. A world too short for all of them has none."""
    kinds = [*KINDS, *KINDS_OF.get(feed.format, ())]
    first = max(first, FIRST_DEFECT)
    free = days - first - 4
    if free < len(kinds):
        return {}
    chosen = first + rng.permutation(free)[: len(kinds)]
    return dict(zip(chosen.tolist(), kinds, strict=True))


def deliveries(
    feed: PartnerFeed, told: Sequence[Report], defects: dict[int, str], rng: np.random.Generator, history_days: int
) -> Iterator[tuple[list[Arrival], Defect | None]]:
    """The files of a feed, day by day, and what is wrong with those of the day; the first days come in archives."""
    for first in range(0, history_days, ARCHIVE_DAYS):
        yield [_archive(feed, told[first : min(first + ARCHIVE_DAYS, history_days)])], None
    for day, report in enumerate(told[history_days:], history_days):
        kind = defects.get(day)
        yield _delivered(feed, report, kind, rng) if kind else ([_arrival(feed, report)], None)


def _archive(feed: PartnerFeed, told: Sequence[Report]) -> Arrival:
    """A zip of the files of some days, which comes with the last of them. Exports of many days have no totals."""
    last = _arrival(feed, told[-1])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for report in told:
            part = zipfile.ZipInfo(_name(feed, report.created_at), report.created_at.timetuple()[:6])
            part.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(part, feed.written(replace(report, has_totals=False)))
    return replace(last, file_name=_name(feed, last.arrives_at, ".zip"), content=out.getvalue())


def _delivered(feed: PartnerFeed, report: Report, kind: str, rng: np.random.Generator) -> tuple[list[Arrival], Defect]:
    plain = _arrival(feed, report)
    defect = Defect(kind, feed.feed_id, report.business_date, "none", plain.file_name)
    match kind:
        case "missing":
            return [], replace(defect, effect="absent", file_name="")
        case "late":
            late = _arrival(feed, replace(report, created_at=_sent(report.business_date, days=3, hours=5)))
            return [late], replace(defect, file_name=late.file_name)
        case "twice":
            at = _sent(report.business_date, days=2, hours=9)
            again = replace(plain, arrives_at=at, file_name=_name(feed, at))
            return [plain, again], replace(defect, file_name=again.file_name)
        case "half_empty":
            half = replace(report, rows=report.rows[: len(report.rows) // 2])
            return [_arrival(feed, half)], replace(defect, effect="absent")
        case "corrected":
            at = _sent(report.business_date, days=2, hours=3)
            wrong = replace(report, rows=[_off(row, rng) for row in report.rows])
            right = replace(report, created_at=at, number=report.number + 1)
            return [_arrival(feed, wrong), _arrival(feed, right)], replace(defect, file_name=_name(feed, at))
        case "no_check_digits":
            bare = [upc(row["item_id"])[:-1] for row in report.rows]
            effect = "none" if len(set(bare)) >= ENOUGH_IDS else "absent"
            return [_arrival(feed, _with_ids(report, bare))], replace(defect, effect=effect)
        case "lost_zeros":
            return [_arrival(feed, _with_ids(report, [int(number_of(row["item_id"])) for row in report.rows]))], defect
        case _:
            return _damaged(feed, report, defect, rng)


def _damaged(
    feed: PartnerFeed, report: Report, defect: Defect, rng: np.random.Generator
) -> tuple[list[Arrival], Defect]:
    """One id with a wrong last digit; where the file states a total, what is left does not add up to it."""
    has_total = feed.format == "portal"
    number = upc if has_total else number_of
    stocked = [place for place, row in enumerate(report.rows) if row["on_hand_units"] > 0]
    hit = int(rng.choice(stocked))
    texts: list[object] = [number(row["item_id"]) for row in report.rows]
    text = str(texts[hit])
    texts[hit] = text[:-1] + str((int(text[-1]) + 3) % 10)
    row = report.rows[hit]
    effect = "absent" if has_total else "absent_row"
    told = replace(defect, effect=effect, location_id=row["location_id"], item_id=row["item_id"])
    return [_arrival(feed, _with_ids(report, texts))], told


def _with_ids(report: Report, texts: Sequence[object]) -> Report:
    rows = [{**row, "item_text": text} for row, text in zip(report.rows, texts, strict=True)]
    return replace(report, rows=rows)


def _off(row: Row, rng: np.random.Generator) -> Row:
    """A row before its correction."""
    return {**row, "on_hand_units": row["on_hand_units"] + float(rng.integers(0, 4)), "units_sold": 0.0}


def _arrival(feed: PartnerFeed, report: Report) -> Arrival:
    at = report.created_at
    return Arrival(feed.feed_id, report.business_date, at, _name(feed, at), feed.written(report))


def _name(feed: PartnerFeed, at: dt.datetime, suffix: str = "") -> str:
    return f"{feed.partner}_{feed.kind}_{at:%Y%m%d%H%M}{suffix or feed.suffix}"

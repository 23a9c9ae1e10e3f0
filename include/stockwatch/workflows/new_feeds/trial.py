"""What a feed definition makes of a file, without publishing anything: counts, sums, first rows, rejects, holds."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.domain.reported import MEASURES
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.feeds.contents import Contents, File
from include.stockwatch.workflows.feeds.known import Known
from include.stockwatch.workflows.feeds.whole_file import read_contents

FIRST_ROWS = 5
SHOWN = ("business_date", "flow_days", "location_id", "item_id", *MEASURES, "price", "item_name")


def try_out(path: Path, name: str, feed_id: str, feed: Feed, now: dt.datetime, folder: Path) -> dict[str, Any]:
    """Read a file as a feed would, into a folder that may be thrown away. No master data, nothing known from before."""
    from include.stockwatch.adapters.quality import Limits

    age = feed.quality.max_age_days
    oldest = now.date() - dt.timedelta(days=age) if age else None

    def limits(_dates: Iterable[dt.date]) -> Limits:
        return Limits(now.date() + dt.timedelta(days=1), oldest, {})

    file = File(path, name, feed_id, feed, feed.expected.local_date(now), folder)
    read = read_contents(file, Known(), limits)
    return {
        "rows_in": read.rows_in,
        "published": read.rows_good,
        "rejected": read.rows_rejected,
        "parked": read.rows_parked,
        "dropped": sum(read.dropped.values()),
        "dropped_by": dict(read.dropped),
        "lacks_stock": feed.adds_to is None and "on_hand_units" not in feed.measures,
        **_published(read),
        "rejects": _rejects(read),
        "warnings": _warnings(read),
        "holds": [{"code": hold.code.value, "what": hold.what, "fix": hold.fix} for hold in read.holds],
    }


def _published(read: Contents) -> dict[str, Any]:
    """What the observations add up to."""
    dates = sorted(read.rows_of_date)
    places: dict[str, set[str]] = {"location_id": set(), "item_id": set()}
    sums: dict[str, list[float]] = {}
    first: list[dict[str, Any]] = []
    for rows in read.found:
        for column, different in places.items():
            different.update(pc.unique(rows.column(column)).to_pylist())
        for measure in MEASURES:
            total = pc.sum(rows.column(measure)).as_py()
            if total is not None:
                sums.setdefault(measure, []).append(total)
        if len(first) < FIRST_ROWS:
            first += rows.slice(0, FIRST_ROWS - len(first)).select(list(SHOWN)).to_pylist()
    return {
        "observations": len(read.found),
        "dates": len(dates),
        "first_date": dates[0] if dates else None,
        "last_date": dates[-1] if dates else None,
        "locations": len(places["location_id"]),
        "items": len(places["item_id"]),
        "sums": {measure: round(math.fsum(parts), 6) for measure, parts in sums.items()},
        "first_rows": first,
    }


def _rejects(read: Contents) -> list[dict[str, Any]]:
    """For each code how many rows have it, with the first of them."""
    found: dict[str, dict[str, Any]] = {}
    columns = ["line", "code", "field", "value", "reason", "fix", "source_file"]
    for rows in read.rejects:
        codes = rows.column("code")
        for code in pc.unique(codes).to_pylist():
            if code not in found:
                of_code = rows.filter(pc.equal(codes, pa.scalar(code)))
                found[code] = of_code.slice(0, 1).select(columns).to_pylist()[0]
    counts = read.reject_codes
    return [{"count": counts[code], **found.get(code, {"code": code})} for code, _ in counts.most_common()]


def _warnings(read: Contents) -> list[dict[str, Any]]:
    """For each code how often it was warned of, with the first warning."""
    kept: Counter[str] = Counter()
    first: dict[str, dict[str, Any]] = {}
    for one in read.warnings:
        is_rest = one["line"] == 0 and one["what"].endswith(" more")  # those that were counted alone
        kept[one["code"]] += int(one["what"].split()[0]) if is_rest else 1
        first.setdefault(one["code"], one)
    return [{**one, "count": kept[code]} for code, one in first.items()]

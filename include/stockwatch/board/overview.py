"""The first page: how things stand, what it costs, and where to look first."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import worklist
from include.stockwatch.adapters.state.tables import OUTBOX_OPEN
from include.stockwatch.adapters.state.worklist import COSTING, Filters
from include.stockwatch.alerting.case import SEVERITY_ORDER
from include.stockwatch.board import charts, words
from include.stockwatch.board.access import Desk
from include.stockwatch.domain.kpis import STORE, headline
from include.stockwatch.domain.scorecard import DAYS_OF_WEEK, Figures, figures, monday_of
from include.stockwatch.workflows.feeds.feed_status import Status, feed_statuses

if TYPE_CHECKING:
    import ibis.expr.types as ir

WEEKS = 13
WORST = 5
FEWEST_DAYS = 28
"""Days that the trend shows at least, however short the history is."""
WELL = (Status.ON_TIME, Status.RESTATED)
UNDELIVERED = (*OUTBOX_OPEN, "dead")


@dataclass(frozen=True)
class Tile:
    """One figure, in words, and the list that it counts."""

    name: str
    figure: str
    about: str
    leads_to: str
    tone: str = ""


def tiles(desk: Desk) -> dict[str, Any]:
    """The figures of now. Incidents are those that are not resolved."""
    open_now = Filters(desk.scope)
    with desk.services.state.read() as tx:
        rows = worklist.totals(tx, open_now)
        unowned = worklist.totals(tx, Filters(desk.scope, unowned=True))
        sent = worklist.message_counts(tx, desk.told_of)
    likely = words.ranged(_sum(rows, "customers_low"), _sum(rows, "customers_high"))
    return {
        "tiles": [
            *_availability(desk),
            Tile(f"At risk, next {desk.horizon_days} days", words.sums(_by_currency(rows, "money")),
                 "money, if nothing changes", "incidents?sort=money",
                 "bad" if any(row["money"] for row in rows) else "good"),
            Tile("Customers at risk", words.count(_sum(rows, "customers")),
                 "; ".join(filter(None, ("may be lost for good", likely))),
                 "incidents?sort=customers"),
            _severities(rows),
            Tile("Money without owner", words.sums(_by_currency(unowned, "money")),
                 f"{sum(row['incidents'] for row in unowned)} incidents", "incidents?unowned=1",
                 "bad" if unowned else "good"),
            _feeds(desk),
            _messages(sent),
        ]
    }  # fmt: skip


def _availability(desk: Desk) -> Iterable[Tile]:
    rows = _kpis(desk)
    latest = latest_week(desk, rows)
    if not latest:
        yield Tile("Availability", words.NONE, "no date was checked yet", "feeds")
        return
    of_dcs = _of_dcs(rows)
    counted = [one for partner, one in latest.items() if partner not in of_dcs] or [*latest.values()]
    known, out = (sum(getattr(one, name) for one in counted) for name in ("known", "out"))
    rate = 1 - out / known if known else None
    rates = {partner: one.in_stock_rate for partner, one in latest.items() if one.in_stock_rate is not None}
    if not rates:
        yield Tile("Availability", words.NONE, "no stock was reported in the last 7 days", "feeds", "warn")
        return
    broken = [partner for partner, one in rates.items() if one < promise_of(desk, partner)]
    about = f"{len(rates) - len(broken)} of {len(rates)} partners keep their promise, last 7 days"
    yield Tile("Availability", words.share(rate), about, "scorecard", "bad" if broken else "good")


def _severities(rows: Sequence[Mapping[str, Any]]) -> Tile:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row["severity"] or ""] += row["incidents"]
    told = [f"{counts[one.value]} {one.value}" for one in SEVERITY_ORDER if counts[one.value]]
    tone = "bad" if counts["critical"] else "warn" if counts["high"] else ""
    return Tile("Open incidents", words.count(sum(counts.values())), ", ".join(told) or "none", "incidents", tone)


def _feeds(desk: Desk) -> Tile:
    found = feed_statuses(desk.services, desk.feeds)
    well = sum(one.status in WELL for one in found)
    worst = [f"{one.partner_name} {one.status.value}" for one in found if one.status not in WELL]
    about = f"{worst[0]}{f' and {len(worst) - 1} more' if worst[1:] else ''}" if worst else "all on time and whole"
    return Tile("Feeds on time", f"{well} of {len(found)}", about, "feeds", "bad" if worst else "good")


def _messages(sent: Mapping[str, int]) -> Tile:
    waiting = {name: sent.get(name, 0) for name in UNDELIVERED if sent.get(name)}
    about = ", ".join(f"{number} {name}" for name, number in waiting.items())
    if not about:
        about = "preview: Slack is not set up" if sent.get("previewed") else "everything was delivered"
    tone = "bad" if waiting.get("dead") or waiting.get("uncertain") else "" if waiting else "good"
    return Tile("Undelivered messages", words.count(sum(waiting.values())), about, "deliveries?status=waiting", tone)


def worst(desk: Desk) -> dict[str, Any]:
    """The open incidents that cost most; why, and who acts."""
    with desk.services.state.read() as tx:
        rows = worklist.page(tx, Filters(desk.scope, kinds=COSTING), "money", limit=WORST)
        total = worklist.count(tx, Filters(desk.scope))
        stale = worklist.count(tx, Filters(desk.scope, stale=True))
    return {"rows": rows, "total": total, "stale": stale, "checked": desk.checked}


def trend(desk: Desk) -> dict[str, Any]:
    """Availability of 13 weeks by day and partner, and the same by week as a table."""
    rows = _kpis(desk)
    if not rows:
        return {"chart": None}
    last = max(row["business_date"] for row in rows)
    known_days = (last - min(row["business_date"] for row in rows)).days + 1
    shown = min(max(known_days, FEWEST_DAYS), WEEKS * DAYS_OF_WEEK)
    dates = [last - dt.timedelta(days=n) for n in reversed(range(shown))]
    rates: dict[str, dict[dt.date, float | None]] = defaultdict(dict)
    for row in rows:
        rates[row["partner"]][row["business_date"]] = row["in_stock_rate"]
    of_dcs = _of_dcs(rows)
    names = {one: f"{name} (DCs)" if one in of_dcs else name for one, name in desk.partners.items() if one in rates}
    points = {name: [rates[one].get(date) for date in dates] for one, name in names.items()}
    kinds = {one: "dc" if one in of_dcs else STORE for one in names}
    due = {name: [desk.is_due(one, kinds[one], date) for date in dates] for one, name in names.items()}
    promises = {one: promise_of(desk, one) for one in rates}
    weeks = sorted({monday_of(date) for date in dates})
    return {
        "chart": charts.trend(dates, points, sorted(set(promises.values())), due),
        "weeks": weeks,
        "table": [
            {"partner": one, "name": name, "promise": promises[one], "weeks": _weeks(rows, one, weeks)}
            for one, name in names.items()
        ],
        "gaps": sum(_gaps(values, due[name]) for name, values in points.items()),
    }


def _gaps(values: Sequence[float | None], due: Sequence[bool]) -> int:
    """Days without data that some were due of, from the first one with data on."""
    began = next((place for place, value in enumerate(values) if value is not None), len(values))
    return sum(value is None and is_due for value, is_due in zip(values[began:], due[began:], strict=True))


def _weeks(rows: Sequence[Mapping[str, Any]], partner: str, weeks: Sequence[dt.date]) -> list[Figures]:
    """The counts of each week, as the scorecard has them (A-88)."""
    mine = [_counts(row) for row in rows if row["partner"] == partner]
    return [figures(mine, [week]) for week in weeks]


def _counts(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {"days": int(row["known"] > 0), "ranged": row["ranged"], "known": row["known"], "out": row["out_of_stock"]}
    return {"monday": monday_of(row["business_date"]), **told}


def _of_dcs(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Partners without stores, whose figures are those of their DCs."""
    return {row["partner"] for row in rows if row["location_type"] == "dc"}


def latest_week(desk: Desk, rows: Sequence[Mapping[str, Any]]) -> dict[str, Figures]:
    """The counts of the last seven days that were checked, by partner; `rows` of the KPI table."""
    if not rows:
        return {}
    first = max(row["business_date"] for row in rows) - dt.timedelta(days=DAYS_OF_WEEK - 1)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["business_date"] >= first:
            found[row["partner"]].append({**_counts(row), "monday": first})
    return {one: figures(found[one], [first]) for one in desk.partners if one in found}


def promise_of(desk: Desk, partner: str) -> float:
    """The in-stock rate that a partner is held to, as the scorecard says it."""
    limit, _ = desk.services.settings.thresholds.limit("min_in_stock_rate", {"partner": partner})
    return float(limit)


def _kpis(desk: Desk) -> list[dict[str, Any]]:
    """Rows of the KPI table of 13 weeks, one per partner and date: of its stores, or DCs if it has none."""
    lake = desk.services.lake
    checked = desk.checked
    if checked is None:
        return []
    last, _ = checked
    first = last - dt.timedelta(days=WEEKS * DAYS_OF_WEEK - 1)
    table: ir.Table = lake.table("kpis", first=first, last=last)
    mine = headline(table.filter(table.partner.isin(sorted(desk.partners)) & (table.category == "")))
    wanted = ("partner", "business_date", "location_type", "ranged", "known", "out_of_stock", "in_stock_rate")
    rows: list[dict[str, Any]] = lake.engine.to_pyarrow(mine.select(*wanted)).to_pylist()
    return rows


def _by_currency(rows: Iterable[Mapping[str, Any]], figure: str) -> dict[str | None, float]:
    found: dict[str | None, float] = defaultdict(float)
    for row in rows:
        if row[figure]:
            found[row["currency"]] += row[figure]
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def _sum(rows: Iterable[Mapping[str, Any]], figure: str) -> float | None:
    known = [row[figure] for row in rows if row[figure] is not None]
    return sum(known) if known else None

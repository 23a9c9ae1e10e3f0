"""The weekly scorecard: what each partner kept and broke, posted once per week and channel."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import bulletins, ledger
from include.stockwatch.alerting.messages.scorecard_message import render
from include.stockwatch.alerting.routing import Facts
from include.stockwatch.domain import scorecard as domain
from include.stockwatch.domain.kpis import STORE
from include.stockwatch.domain.scorecard import DAYS_OF_WEEK, Score, monday_of, weeks_before
from include.stockwatch.workflows.incidents.precision import post_audit
from include.stockwatch.workflows.promises.prices import prices_of
from include.stockwatch.workflows.routing import directory
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import complaints, heard, partner_names

if TYPE_CHECKING:
    import ibis.expr.types as ir

log = logging.getLogger(__name__)

WEEK = re.compile(r"(\d{4})-?W(\d{1,2})")


def week_of(text: str) -> dt.date:
    """The Monday of a week, from `2026-W45` or any date in it. Raises: ValueError"""
    found = WEEK.fullmatch(text.strip().upper())
    if found:
        return dt.date.fromisocalendar(int(found[1]), int(found[2]), 1)
    return monday_of(dt.date.fromisoformat(text.strip()))


def last_whole_week(now: dt.datetime) -> dt.date:
    """The Monday of the latest week that is over."""
    return monday_of(now.date()) - dt.timedelta(days=DAYS_OF_WEEK)


def scorecard(services: Services, monday: dt.date | None = None) -> dict[str, Any]:
    """The scorecard of a week, by default the latest that is over, as it would be posted. Posts nothing."""
    monday = monday_of(monday) if monday else last_whole_week(services.now())
    found = scores(services, monday)
    cards = [render(of, owner) for (_, owner), of in _by_channel(services, found).items()]
    return {
        "week": "{}-W{:02d}".format(*monday.isocalendar()[:2]),
        "partners": [_told(score) for score in found],
        "text": "\n\n".join(card.as_text() for card in cards) or "no partner has delivered in this week",
    }


def post(services: Services, monday: dt.date | None = None) -> dict[str, Any]:
    """Put scorecard and audit of a week into the outbox, one message each per channel; a second call posts nothing.

    What is delivered or corrected later changes the command's answer, and not what was posted.
    """
    monday = monday_of(monday) if monday else last_whole_week(services.now())
    now, name = services.now(), "CARD-{}-W{:02d}".format(*monday.isocalendar()[:2])
    posted = []
    cards = {key: render(of, key[1]) for key, of in _by_channel(services, scores(services, monday)).items()}
    with services.state.begin() as tx:
        for (channel, _), card in cards.items():
            if bulletins.publish(tx, card, bulletin_id=name, channel=channel, now=now, once=True):
                posted.append(channel)
    audited = post_audit(services, monday)
    log.info("scorecard %s: %s channels posted", name, len(posted))
    channels = [channel for channel, _ in cards]
    return {"week": name.removeprefix("CARD-"), "posted": posted, "channels": channels, "audited": audited}


def scores(services: Services, monday: dt.date) -> list[Score]:
    """The scorecards of all partners that were checked in a week, by id: who was silent is not measured."""
    settings, before = services.settings, weeks_before(monday)
    first, last = before[-1], monday + dt.timedelta(days=DAYS_OF_WEEK - 1)
    spoken = _heard(services, last)
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in _tables(services, first, last):
        for row in services.lake.engine.to_pyarrow(table).to_pylist():
            rows.setdefault(row["partner"], []).append(row)
    found = []
    for partner, name in sorted(partner_names(services).items()):
        spans = [span for speaker in ("", partner) for span in spoken.get(speaker, ())]
        told = [day for day in (monday, *before) if domain.is_heard(day, spans)]
        week, earlier = (domain.figures(rows.get(partner, ()), mondays, told) for mondays in ([monday], before))
        if not week.ranged:
            continue
        kind = min((kind for row in rows[partner] if (kind := row.get("location_type"))), default=STORE)
        found.append(
            Score(
                partner=partner,
                partner_name=name,
                monday=monday,
                week=week,
                before=earlier,
                location_type=kind,
                due=_due(services, partner, kind, monday),
                promised_in_stock=settings.thresholds.limit("min_in_stock_rate", {"partner": partner})[0],
                promised_price=settings.promises.limit("min_price_kept", partner),
                promised_complaints=settings.promises.limit("max_complaints", partner),
            )
        )
    return found


def _due(services: Services, partner: str, location_type: str, monday: dt.date) -> int:
    """The days of a week that some feed of a partner's stores, or DCs, was to report."""
    feeds = [one for one in services.settings.main_feeds().values() if one.partner == partner]
    mine = [one.expected for one in feeds if one.location_type == location_type]
    week = (monday + dt.timedelta(days=n) for n in range(DAYS_OF_WEEK))
    return sum(any(one.is_due(date) for one in mine) for date in week)


def _tables(services: Services, first: dt.date, last: dt.date) -> Iterable[ir.Table]:
    """The counts of each partner and week, a table for each promise."""
    stores = [feed_id for feed_id, feed in services.settings.feeds.items() if feed.location_type == "store"]
    kpis = services.lake.table("kpis", first=first, last=last)
    yield domain.weekly_availability(kpis.filter(kpis.business_date.between(first, last)))
    sold = services.lake.table("observations", first=first, last=last, feeds=stores)
    missing = _missing(services, stores, first, last)
    yield domain.weekly_sales(sold.filter(sold.business_date.between(first, last)), missing)
    yield domain.weekly_prices(prices_of(services, first, last))
    yield domain.weekly_complaints(complaints(services, first, last), missing)


def _missing(services: Services, stores: Iterable[str], first: dt.date, last: dt.date) -> ir.Table:
    """The days of each partner whose sales a feed of its stores should have told and did not."""
    import ibis
    import pyarrow as pa

    with services.state.read() as tx:
        delivered = ledger.delivered(tx, last=last, feeds=stores)
        began = {feed_id: span[0] for feed_id, span in ledger.delivered_span(tx).items()}
    found: set[tuple[str, dt.date]] = set()
    for feed_id in stores:
        feed = services.settings.feeds[feed_id]
        if "units_sold" not in feed.measures:
            continue
        since = max(first, began.get(feed_id, last + dt.timedelta(days=1)))
        for date in (since + dt.timedelta(days=n) for n in range((last - since).days + 1)):
            if feed.expected.is_due(date) and feed_id not in delivered.get(date, {}):
                days = range(feed.date.period_days if feed.date else 1)
                found |= {(feed.partner, date - dt.timedelta(days=n)) for n in days}
    rows = [{"partner": partner, "business_date": date} for partner, date in sorted(found)]
    schema = ibis.schema({"partner": "string", "business_date": "date"})
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema.to_pyarrow()), schema=schema)


def _heard(services: Services, last: dt.date) -> dict[str, list[tuple[dt.date, dt.date]]]:
    """The spans that complaint feeds tell of, by the partner that they speak of; '' is all of them."""
    found: dict[str, list[tuple[dt.date, dt.date]]] = {}
    for feed_id, span in heard(services, last).items():
        found.setdefault(services.settings.masters[feed_id].partner or "", []).append(span)
    return found


def _by_channel(services: Services, found: Iterable[Score]) -> dict[tuple[str, str], list[Score]]:
    """Scores by channel, with those who own the accounts that it is told of, as incidents have them."""
    with services.state.read() as tx:
        people = directory(services, tx)
    routed: dict[str, list[Score]] = {}
    owners: dict[str, list[str]] = {}
    for score in found:
        assigned = people.assign(Facts(partner=score.partner), services.now())
        routed.setdefault(assigned.route.channel, []).append(score)
        owners.setdefault(assigned.route.channel, []).append(assigned.owner)
    return {(channel, ", ".join(dict.fromkeys(owners[channel]))): of for channel, of in routed.items()}


def _told(score: Score) -> dict[str, Any]:
    promises = {
        name: {"verdict": one.verdict.value, "value": one.value, "promised": one.limit, "before": one.before}
        for name, one in score.promises().items()
    }
    return {"partner": score.partner, "days": score.week.days, "coverage": score.week.coverage, **promises}

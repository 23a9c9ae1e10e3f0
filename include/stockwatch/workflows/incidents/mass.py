"""What ran out at every partner since the date that was decided on before, no DC being the cause."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.incident import Lack
from include.stockwatch.alerting.mass_change import Emptied, MassPicture, most_first, suspicion
from include.stockwatch.settings.feed import Expected
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.incidents.day import LACKS, Day


def mass_pictures(
    settings: Settings, day: Day, marks: Mapping[str, dt.date], feeds: Collection[str], approved: Collection[str]
) -> list[MassPicture]:
    """A picture of every partner of `marks`, the date that each was decided on before. No DC is a cause that is not
    believed itself.
    """
    limits, newly = settings.stockwatch.mass_change, _newly_out(settings, day, marks)
    doubted: set[str] = set()
    while True:
        shown = [
            _picture(settings, day, one, _unexplained(newly.get(one, ()), doubted), newly.get(one, ()), feeds)
            for one in sorted(marks)
        ]
        found = {one.partner for one in shown if one.partner not in approved and suspicion(one, limits)}
        if found <= doubted:
            return shown
        doubted |= found


Newly = tuple[dict[str, Any], str | None]
"""A series that ran out, and the partner whose DC is the cause."""


def _unexplained(newly: Iterable[Newly], doubted: Collection[str]) -> list[dict[str, Any]]:
    return [row for row, dc_partner in newly if dc_partner is None or dc_partner in doubted]


def _newly_out(settings: Settings, day: Day, marks: Mapping[str, dt.date]) -> dict[str, list[Newly]]:
    """Series that ran out since, by partner, each with the partner whose DC is the cause.

    A feed of which nothing was due since the mark, as another of the partner's came, is told from its report before.
    """
    since_of = {
        feed_id: _before(feed.expected, day.date, marks[feed.partner])
        for feed_id, feed in settings.feeds.items()
        if feed.partner in marks
    }
    found: dict[str, list[Newly]] = {}
    for row in day.rows:
        partner = row.series[0]
        told = day.costing[row.series]
        since = told["spell_start_date"]
        if LACKS[told["status"]] is not Lack.EMPTY or partner not in marks or since is None:
            continue
        if since <= since_of.get(told["feed_id"], marks[partner]):
            continue
        dc = row.blamed(day.dcs)
        is_itself = dc is not None and (dc.partner, dc.scope) == row.series[:2]
        cause = dc.partner if dc is not None and dc.kind is Kind.DC_OUT and not is_itself else None
        found.setdefault(partner, []).append((told, cause))
    return found


def _before(expected: Expected, date: dt.date, mark: dt.date) -> dt.date:
    """The date that a feed was decided on before, with `mark` that of its partner."""
    reported = expected.newest_due(date - dt.timedelta(days=1)) if mark < date else None
    return min(mark, reported or mark)


def _emptied(day: Day, partner: str, rows: Iterable[dict[str, Any]], newly: Iterable[Newly]) -> tuple[Emptied, ...]:
    """What of each feed ran out, no DC being the cause; `newly` is what ran out at all."""
    is_newly = Counter(told["feed_id"] for told, _ in newly)
    is_out = Counter(
        told["feed_id"]
        for (whose, _, _), told in day.costing.items()
        if whose == partner and LACKS[told["status"]] is Lack.EMPTY
    )
    of_feed: dict[str, list[str]] = {}
    for row in rows:
        of_feed.setdefault(row["feed_id"], []).append(row["item_id"])
    return tuple(
        Emptied(
            feed_id=feed_id,
            newly_out=len(items),
            items=len(set(items)),
            had_stock=day.known_of[feed_id] - is_out[feed_id] + is_newly[feed_id],
        )
        for feed_id, items in sorted(of_feed.items())
    )


def _picture(
    settings: Settings,
    day: Day,
    partner: str,
    rows: list[dict[str, Any]],
    newly: Collection[Newly],
    feeds: Collection[str],
) -> MassPicture:
    mine = {feed_id: feed for feed_id, feed in settings.feeds.items() if feed.partner == partner}
    route = settings.routes.route(partner, None)
    items = [row["item_id"] for row in rows]
    ranged = {item: len(day.seen(item, partner)) for item in set(items)}
    currencies = Counter(row["currency"] for row in rows if row["currency"] and row["at_risk_money"] is not None)
    currency = currencies.most_common(1)[0][0] if len(currencies) == 1 else None
    money = [row["at_risk_money"] for row in rows if row["at_risk_money"] is not None] if currency else []
    return MassPicture(
        partner=partner,
        partner_name=next(iter(mine.values())).partner_name,
        business_date=day.date,
        newly_out=len(rows),
        series=day.series_of(partner),
        items=most_first(items, ranged, {row["item_id"]: row["item_name"] for row in rows}),
        emptied=_emptied(day, partner, rows, newly),
        currency=currency,
        money_at_risk=sum(money) if money else None,
        feeds=tuple(sorted(set(mine) & set(feeds))),
        channel=route.channel,
        owner=route.owner,
    )

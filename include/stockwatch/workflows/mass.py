"""What ran out at every partner since the date that was decided on before, no DC being the cause."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.incident import Lack
from include.stockwatch.alerting.mass_change import MassPicture, most_first, suspicion
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.day import LACKS, Day


def mass_pictures(
    settings: Settings, day: Day, marks: Mapping[str, dt.date], feeds: Collection[str], approved: Collection[str]
) -> list[MassPicture]:
    """A picture of every partner of `marks`, the date that each was decided on before. No DC is a cause that is not
    believed itself.
    """
    limits, newly = settings.stockwatch.mass_change, _newly_out(day, marks)
    doubted: set[str] = set()
    while True:
        shown = [
            _picture(settings, day, one, _unexplained(newly.get(one, ()), doubted), feeds) for one in sorted(marks)
        ]
        found = {one.partner for one in shown if one.partner not in approved and suspicion(one, limits)}
        if found <= doubted:
            return shown
        doubted |= found


Newly = tuple[dict[str, Any], str | None]
"""A series that ran out, and the partner whose DC is the cause."""


def _unexplained(newly: Iterable[Newly], doubted: Collection[str]) -> list[dict[str, Any]]:
    return [row for row, dc_partner in newly if dc_partner is None or dc_partner in doubted]


def _newly_out(day: Day, marks: Mapping[str, dt.date]) -> dict[str, list[Newly]]:
    """Series that ran out since, by partner, each with the partner whose DC is the cause."""
    found: dict[str, list[Newly]] = {}
    for row in day.rows:
        partner = row.series[0]
        told = day.costing[row.series]
        since = told["spell_start_date"]
        if LACKS[told["status"]] is not Lack.EMPTY or partner not in marks or since is None or since <= marks[partner]:
            continue
        dc = row.blamed(day.dcs)
        is_itself = dc is not None and (dc.partner, dc.scope) == row.series[:2]
        cause = dc.partner if dc is not None and dc.kind is Kind.DC_OUT and not is_itself else None
        found.setdefault(partner, []).append((told, cause))
    return found


def _picture(
    settings: Settings, day: Day, partner: str, rows: list[dict[str, Any]], feeds: Collection[str]
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
        currency=currency,
        money_at_risk=sum(money) if money else None,
        feeds=tuple(sorted(set(mine) & set(feeds))),
        channel=route.channel,
        owner=route.owner,
    )

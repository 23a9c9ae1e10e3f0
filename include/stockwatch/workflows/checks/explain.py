"""What is known of one series on a date: every number behind its status, and the rule that applies."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.domain.causes import Cause
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.customers import Assumptions
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.loyalty import context
from include.stockwatch.domain.master import as_stored, with_details
from include.stockwatch.domain.thresholds import LIMITS, WEIGHT
from include.stockwatch.domain.transitions import planned
from include.stockwatch.errors import StockwatchError, closest
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows import master
from include.stockwatch.workflows.checks.check import availability_on, delivered_until, rules_of
from include.stockwatch.workflows.checks.explain_text import note, nothing_due
from include.stockwatch.workflows.checks.not_due import standing_reports
from include.stockwatch.workflows.incidents import timeline
from include.stockwatch.workflows.services import Services
from include.stockwatch.workflows.signals import of_masters, partner_names

DAYS_SHOWN = 14


class UnknownSeries(StockwatchError):
    """Nothing is known of a series on a date: it is not ranged, or was never delivered."""


def explain(services: Services, partner: str, location: str, item: str, date: dt.date) -> dict[str, Any]:
    """The availability row of one series, its latest days, the limits that apply, and a note on all of it.

    Of a date that nothing was due of, it is the last report that is explained, as it stands.
    Raises: UnknownSeries
    """
    settings = services.settings
    delivered = delivered_until(services, date)
    table, _ = availability_on(services, [date], delivered)
    chosen = pc.and_(
        pc.equal(table["partner"], partner),
        pc.and_(pc.equal(table["location_id"], location), pc.equal(table["item_id"], item)),
    )
    rows = table.filter(chosen).to_pylist()
    if not rows:
        seen = _last_reported(services, partner, location, item, date)
        why = _range_said(services, partner, location, item, date) or _not_listed(settings)
        raise UnknownSeries(
            f"{partner} / {location} / {item} is not ranged on {date}: {why}; "
            f"{seen or _nearest(table, partner, location, item)}"
        )
    row = rows[0]
    if row["cause"] == Cause.NOT_DUE.value and row["feed_id"]:
        with suppress(UnknownSeries):  # ranged since the report
            reported_on = standing_reports(settings, [date], delivered)[date][row["feed_id"]]
            last = explain(services, partner, location, item, reported_on)
            return {**last, "text": f"{nothing_due(row, reported_on)}\n\n{last['text']}"}
    lacking = master.unsaid(services, [date]).get(partner, [])
    facts = {name: row[name] for name in WEIGHT}
    limits = {name: settings.thresholds.limit(name, facts) for name in LIMITS}
    rules = rules_of(services)
    label = (partner, row["category"], row["brand"], row["currency"])
    known, outdated = rules.in_force(label, date), rules.outdated(label, date)
    first = date - dt.timedelta(days=DAYS_SHOWN - 1)
    found = {
        "row": row,
        "partner_name": partner_names(services).get(partner, partner),
        "days": timeline.days(services, item, first, date, partner=partner, places=[(partner, location)]),
        "rule": settings.thresholds.rule(facts),
        "limits": {name: {"value": _plain(value), "from": rule} for name, (value, rule) in limits.items()},
        "without_master_data": lacking,
        "loyalty": (*context(known), *(f"{one}, too old" for one in context(outdated))),
    }
    assumed = _with_own(services, rules.assumed(label, date), partner, item)
    return {**found, "text": note(found, settings.stockwatch.check, assumed)}


def _range_said(services: Services, partner: str, location: str, item: str, date: dt.date) -> str | None:
    """What a list says of a series whose range ended or is yet to begin, and which list it is."""
    import ibis

    known = master.master_data(services, [date])
    asked = ibis.memtable({AS_OF: [date], "partner": [partner], "location_id": [location], "item_id": [item]})
    listed = as_stored(known.assortment, known.items).semi_join(asked, list(SERIES))
    engine = services.lake.engine
    reasons = engine.to_pyarrow(planned(asked, asked, assortment=listed)).to_pylist()
    lists = sorted(set(engine.to_pyarrow(listed.select("feed_id"))["feed_id"].to_pylist()))
    return f"{reasons[0]['planned']}, as `{'`, `'.join(lists)}` says" if reasons else None


def _not_listed(settings: Settings) -> str:
    seen = f"no stock and no sale in the last {settings.stockwatch.check.lookback_days} days"
    return f"not in the partner's assortment or, without one, {seen}"


def _last_reported(services: Services, partner: str, location: str, item: str, date: dt.date) -> str | None:
    """What a feed reported last in the look-back of a series that is not ranged."""
    first = date - dt.timedelta(days=services.settings.stockwatch.check.lookback_days - 1)
    seen = services.lake.table("observations", first=first, last=date, feeds=services.settings.feeds)
    seen = seen.filter(seen.business_date.between(first, date), seen.partner == partner)
    seen = seen.filter(seen.location_id == location, seen.item_id == item)
    rows = services.lake.engine.to_pyarrow(seen.order_by(seen.business_date.desc()).limit(1)).to_pylist()
    if not rows:
        return None
    told = ((rows[0]["on_hand_units"], "in stock"), (rows[0]["units_sold"], "sold"))
    units = ", ".join(f"{value:g} {words}" for value, words in told if value is not None)
    return f"it was last reported on {rows[0]['business_date']}: {units or 'neither stock nor sales'}"


def _nearest(table: pa.Table, partner: str, location: str, item: str) -> str:
    """Which of the ids is not known, and the nearest one that is."""
    for name, told in (("partner", partner), ("location_id", location), ("item_id", item)):
        known = pc.unique(table[name]).to_pylist()
        if told not in known:
            break
        table = table.filter(pc.equal(table[name], told))
    near = closest(told, known)
    return f"{name} `{told}` is not known there{f': {near}' if near else ''}"


def _with_own(services: Services, assumed: Assumptions, partner: str, item: str) -> Assumptions:
    """Assumptions with the margin and the purchase cycle that an item master has for the item."""
    import ibis

    asked = with_details(ibis.memtable({"partner": [partner], "item_id": [item]}), of_masters(services, "items"))
    (own,) = services.lake.engine.to_pyarrow(asked).to_pylist()
    known = {name: own[name] for name in ("margin_share", "purchase_cycle_days") if own[name] is not None}
    return assumed.model_copy(update=known)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value

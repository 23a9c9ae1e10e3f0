"""A storm in one date: what a team reads of one empty DC, 200 unrelated stock-outs, a late feed and half a file."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pyarrow as pa

from include.stockwatch.adapters.state import incidents, ledger, outbox
from include.stockwatch.alerting.case import STOCK_KINDS, Kind
from include.stockwatch.alerting.routing import Route, Routes
from include.stockwatch.domain.columns import SUPPLY_LINKS
from include.stockwatch.settings.master import SupplyLinks
from include.stockwatch.workflows.feeds import feed_watch
from include.stockwatch.workflows.incidents.decide import decide_date
from include.stockwatch.workflows.rules import Rules
from include.stockwatch.workflows.services import Services
from tests.domain.tables import day
from tests.golden import GOLDEN, same_as_golden
from tests.workflows.days import IN, OUT, chain, row, table

FED = {"northfield": 180, "harbor": 150, "quickmart": 70}
UNRELATED = {"northfield": 70, "harbor": 70, "quickmart": 60}
OTHERS = ("lakeside", "eastside")
STORES = 25
"""Stores in which each of the other items is ranged."""


def settled(services: Services) -> set[str]:
    """Five retailers and a distributor whose dates up to day 2 are decided; returns the feeds that came on day 3."""
    settings = chain(services.settings, [*FED, *OTHERS, "westway"])
    routes = tuple(
        Route(name=name, match={"partner": name}, channel=f"C0{name.upper()}", owner=f"{name} owner")
        for name in (*FED, *OTHERS, "westway")
    )
    other = Route(name="rest", channel="C0TRIAGE", owner="supply planning")
    feeds = {id_: feed for id_, feed in settings.feeds.items() if not id_.endswith("dcs") or id_ == "westway_dcs"}
    links = SupplyLinks.model_construct(table="supply_links", partner=None)
    services.settings = settings.model_copy(
        update={"routes": Routes(routes=(*routes, other)), "feeds": feeds, "masters": {"links": links}}
    )
    with services.state.begin() as tx:
        for feed_id, feed in feeds.items():
            came = {day(2): 10} if feed.partner == "lakeside" else {day(2): 10, day(3): 10}
            ledger.deliver_dates(tx, feed_id, "a" * 64, came, services.now())
            ledger.raise_watermark(tx, feed.partner, day(2))
    services.lake.replace_feed("supply_links", supply_links(), "links")
    return set(feeds) - {"lakeside_stores"}


def supply_links() -> pa.Table:
    """DC 07 feeds 400 stores of three retailers with everything."""
    blank = dict.fromkeys(SUPPLY_LINKS.names)
    told = {"feed_id": "links", "dc_id": "07", "source_file": "links.csv", "line": 2, "delivery_id": "b" * 64}
    rows = [
        {**blank, **told, "partner": partner, "location_id": f"{n:04d}"}
        for partner, count in FED.items()
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=SUPPLY_LINKS.to_pyarrow())


def storm() -> list[dict[str, Any]]:
    """Day 3: DC 07 is out and 400 stores with it; 200 items are out in one store each; Eastside's file is half empty."""
    rows = [dc_row()]
    for partner, count in FED.items():
        rows += [row(f"{n:04d}", OUT, partner=partner, since=3, dc="07", location_name=None) for n in range(count)]
        for item in range(UNRELATED[partner]):
            named = {"partner": partner, "item": f"9{item:03d}", "item_name": f"Item {item:03d}", "since": 3}
            named |= {"at_risk_money": 10.0 * (item + 1)}
            rows += [row(f"{n:04d}", OUT if n == item % STORES else IN, **named) for n in range(STORES)]
    for item in range(40):
        named = {"partner": "eastside", "item": f"9{item:03d}", "item_name": f"Item {item:03d}", "since": 3}
        rows += [row(f"{n:04d}", OUT if n % 2 else IN, **named) for n in range(STORES)]
    return rows


def dc_row() -> dict[str, Any]:
    """DC 07 without the Nut Mix since day 1."""
    figures = {"at_risk_units": 6440.0, "at_risk_money": 37352.0, "lost_units": 2760.0, "lost_money": 16008.0}
    return row("07", OUT, partner="westway", since=1, on_order_units=1200.0, next_receipt_on=day(6), **figures)


def test_a_storm_is_a_handful_of_messages(services: Services, clock: Any) -> None:
    clock.at = dt.datetime(2026, 11, 5, 18, tzinfo=dt.UTC)
    feeds = settled(services)
    rules = Rules(thresholds=services.settings.thresholds)
    found = decide_date(services, day(3), table(3, storm()), feeds, rules, actor="check")
    feed_watch.watch(services)
    assert found["by_kind"] == {"dc_out": 1, "out_of_stock": 200}
    assert found["held"] == ["eastside"]
    with services.state.begin() as tx:
        (dc,) = (one for one in incidents.open_incidents(tx, STOCK_KINDS).values() if one.kind is Kind.DC_OUT)
        mass = list(incidents.open_incidents(tx, [Kind.MASS_CHANGE]).values())
        late = list(incidents.open_incidents(tx, [Kind.FEED_PROBLEM]).values())
        sent = outbox.messages(tx)
    assert (len(dc.empty()), dc.ranged, [one.locations for one in dc.fed]) == (400, 400, [150, 180, 70])
    assert ([one.partner for one in mass], [one.partner for one in late]) == (["eastside"], ["lakeside"])
    roots = Counter(one["channel"] for one in sent if one["operation"] == "post")
    assert max(roots.values()) <= 8, "five of its own, one digest, and copies"
    lines = [f"{one['channel']} {one['operation']}: {one['plain'].splitlines()[0]}" for one in sent]
    same_as_golden("\n".join(sorted(lines)) + "\n", GOLDEN / "storm.txt")

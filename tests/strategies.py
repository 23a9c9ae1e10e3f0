"""Hypothesis strategies for what Stockwatch works on, and the profile that properties run under."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from include.stockwatch.alerting.case import Severity
from include.stockwatch.alerting.incident import Basis, Member, Picture
from include.stockwatch.domain.customers import Assumptions, Response
from include.stockwatch.domain.thresholds import Match, SeverityBand, SeverityBands, Threshold, Thresholds
from tests.domain.tables import DEFAULT, day, observation

# The first example opens DuckDB and takes seconds; the same examples every time keep a red build reproducible.
settings.register_profile(
    "stockwatch",
    deadline=None,
    derandomize=True,
    max_examples=100,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

HISTORY_DAYS = 10

ON_HAND = st.sampled_from((None, -2.0, 0.0, 0.0, 1.0, 3.0, 8.0))
SOLD = st.sampled_from((None, -1.0, 0.0, 0.0, 1.0, 2.0, 5.0))
PRICE = st.sampled_from((None, 2.5, 3.0))


@st.composite
def histories(draw: st.DrawFn, most_series: int = 5) -> list[dict[str, Any]]:
    """Ten days of a few series: gaps, stock that is not reported, records below zero, net returns.

    Two partners, two items: a series is one of each with its own location. In no particular order.
    """
    keys = [(partner, item) for partner in ("northfield", "westway") for item in ("nut", "oat")]
    rows = []
    for number in range(draw(st.integers(1, most_series))):
        partner, item = draw(st.sampled_from(keys))
        who = {"partner": partner, "item_id": item, "location_id": f"{number:04d}", "feed_id": f"{partner}_feed"}
        who |= {"category": draw(st.sampled_from((None, "Snacks", "Coffee")))}
        figures = st.none() | st.tuples(ON_HAND, SOLD, PRICE)
        for date, found in enumerate(draw(st.lists(figures, min_size=HISTORY_DAYS, max_size=HISTORY_DAYS)), 1):
            if found is not None:
                on_hand, sold, price = found
                money = {"price": price, "currency": None if price is None else "USD"}
                rows.append(observation(date, on_hand, sold, **who, **money))
    return draw(st.permutations(rows))


PARTNERS, CATEGORIES, CLASSES, ITEMS, LOCATIONS = (
    ("northfield", "westway"),
    ("Snacks", "Coffee"),
    ("bars", "beans"),
    ("nut", "oat"),
    ("0118", "0204"),
)

FACTS = st.fixed_dictionaries(
    {
        "partner": st.sampled_from(PARTNERS),
        "category": st.none() | st.sampled_from(CATEGORIES),
        "item_class": st.none() | st.sampled_from(CLASSES),
        "item_id": st.sampled_from(ITEMS),
        "location_id": st.sampled_from(LOCATIONS),
    }
)
"""What thresholds look at, of one series."""


@st.composite
def threshold_sets(draw: st.DrawFn) -> Thresholds:
    """A complete default and up to six rules in any order, each with some keys and some limits."""
    rules = []
    for number in range(draw(st.integers(0, 6))):
        match = Match(
            partner=draw(st.none() | st.sampled_from(PARTNERS)),
            category=draw(st.none() | st.sampled_from(CATEGORIES)),
            item_class=draw(st.none() | st.sampled_from(CLASSES)),
            item_id=draw(st.none() | st.sampled_from(ITEMS)),
            location_id=draw(st.none() | st.sampled_from(LOCATIONS)),
        )
        of_incidents = {}
        if match.location_id is None:  # an incident spans locations, so its limits belong to none of them
            of_incidents["min_in_stock_rate"] = draw(st.none() | st.sampled_from((0.0, 0.9, 1.0)))
            of_incidents["severity"] = draw(st.none() | severity_bands())
            of_incidents["restock_transit_days"] = draw(st.none() | st.integers(0, 60))
        rules.append(
            Threshold(
                name=f"rule {number}",
                match=match,
                out_of_stock_at_or_below_units=draw(st.none() | st.sampled_from((-1.0, 0.0, 2.5))),
                days_out_before_alert=draw(st.none() | st.integers(1, 56)),
                min_days_of_supply=draw(st.none() | st.sampled_from((0.0, 3.0, 14.0))),
                phantom_probability=draw(st.none() | st.sampled_from((0.3, 1.0))),
                run_out_alert_days=draw(st.none() | st.integers(1, 60)),
                **of_incidents,
            )
        )
    return Thresholds(thresholds=(DEFAULT, *rules))


@st.composite
def severity_bands(draw: st.DrawFn) -> SeverityBands:
    """Bands that rise from medium to critical; either figure may be left out of all three."""

    def from_critical_down() -> list[float | None]:
        if draw(st.booleans()):
            return [None, None, None]
        return list(draw(st.lists(st.integers(0, 2000).map(float), min_size=3, max_size=3).map(sorted)))[::-1]

    money, customers = from_critical_down(), from_critical_down()
    names = ("critical", "high", "medium")
    return SeverityBands(
        **{n: SeverityBand(money=m, customers=c) for n, m, c in zip(names, money, customers, strict=True)}
    )


@st.composite
def assumptions(draw: st.DrawFn) -> Assumptions:
    """Assumptions over their plausible ranges and past them."""
    weights = draw(st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
    shares = [weight / sum(weights) for weight in weights]
    first = draw(st.floats(0, 0.5))
    return Assumptions(
        response=Response(**dict(zip(Response.model_fields, shares, strict=True))),
        delay_recovered=draw(st.floats(0, 1)),
        first_persistence=first,
        escalation=draw(st.floats(1, 2)),
        max_persistence=draw(st.floats(first, 1)),
        loyal_share=draw(st.floats(0, 1)),
        purchase_cycle_days=draw(st.floats(3, 91)),
        units_per_purchase=draw(st.floats(0.5, 4)),
    )


NASTY = (
    "<!channel>",
    "<!here|here>",
    "<@U0123456>",
    "<#C0123456>",
    "<https://evil.example|Oat Bar>",
    "https://evil.example",
    "&lt;!channel&gt;",
    "Müller & Söhne",
    "a\nb",
    "x" * 200,
    "<" * 200,
    "&" * 200,
    "ขนม",
    "燕麦棒",
    "שיבולת שועל",
)

NAMES = st.sampled_from(NASTY) | st.text(min_size=1, max_size=80) | st.text("<>&!@#|*_~`: a", min_size=1, max_size=80)
"""Names as partners' files may hold them, and as somebody who means harm would write them."""


@st.composite
def picture_stories(draw: st.DrawFn, most_days: int = 7, most_locations: int = 3) -> list[Picture]:
    """Pictures of one item at one partner on consecutive days, as the availability table would show them.

    A location is out, in stock, not reported, or no longer ranged; a day may bring no delivery at all, or not that of
    every feed. A spell begins on the first day out after the last day known to be in stock.
    """
    states = st.sampled_from(("out", "out", "in", "unknown", "gone"))
    length, places = draw(st.integers(1, most_days)), draw(st.integers(1, most_locations))
    since: dict[str, dt.date | None] = {}
    story = []
    for number in range(1, length + 1):
        delivered = draw(st.sampled_from((True, True, True, False)))
        out, known, ranged = [], set(), set()
        for place in (f"{100 + n}" for n in range(places)):
            state = draw(states) if delivered else "unknown"
            if state != "gone":
                ranged.add(place)
            if state == "in":
                known.add(place)
                since[place] = None
            if state == "out":
                known.add(place)
                since[place] = since.get(place) or day(number)
                out.append(_member(draw, place, since[place], day(number)))
        story.append(
            picture_of(
                day(number),
                out=tuple(out),
                known_locations=frozenset(known),
                ranged_locations=frozenset(ranged),
                partner_is_whole=delivered and draw(st.sampled_from((True, True, False))),
                alert_due=bool(out) and draw(st.booleans()),
                severity=draw(st.sampled_from(Severity)),
            )
        )
    return story


def _member(draw: st.DrawFn, place: str, since: dt.date | None, today: dt.date) -> Member:
    units = draw(st.none() | st.integers(0, 50).map(float))
    return Member(location_id=place, out_since=since or today, last_out=today, lost_units=units)


def picture_of(date: dt.date, **fields: Any) -> Picture:
    """A picture of the Oat Bar at Northfield, all counts taken from the locations that are named."""
    counts = {
        "ranged": len(fields.get("ranged_locations", ())),
        "known": len(fields.get("known_locations", ())),
        "known_out": len(fields.get("out", ())),
    }
    told = {
        "partner": "northfield",
        "partner_name": "Northfield Grocers",
        "item_id": "00850007123017",
        "item_name": "Oat Bar 6-pack",
        "category": "Snacks",
        "currency": "USD",
        "partner_is_whole": True,
        "promise": 0.95,
        "channel": "C0NORTHFIELD",
        "owner": "Dana Ruiz",
        "basis": Basis(horizon_days=7, assumptions="published averages", dated="2026-11-22", low=0.09, high=2.35),
    }
    return Picture(business_date=date, **(told | counts | fields))

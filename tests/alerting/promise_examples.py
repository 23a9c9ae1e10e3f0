"""Promise incidents, scorecards and relayed complaints to render: one per way a message can look."""

from __future__ import annotations

from typing import Any

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.messages.relay_message import Day, Said
from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind, kind_of
from include.stockwatch.domain.scorecard import Figures, Score
from tests.alerting.examples import LONG_150
from tests.domain.tables import day

OAT = {"partner": "northfield", "item_id": "00850007123017", "item_name": "Oat Bar 6-pack", "category": "Snacks"}
STORES = tuple(f"{number:04d}" for number in range(1, 39))


def finding(kind: PromiseKind = PromiseKind.PRICE, **told: Any) -> Finding:
    """What Northfield does to the oat bar since day 3."""
    figures: dict[PromiseKind, dict[str, Any]] = {
        PromiseKind.PRICE: {
            "locations": STORES[:12], "of_locations": 212, "currency": "USD", "lowest": 7.29, "highest": 7.99,
            "band_low": 4.54, "band_high": 7.14, "rule": "default",
        },
        PromiseKind.PACK: {"fact": "CA", "before": "12", "after": "10"},
        PromiseKind.VANISHED: {"locations": STORES, "of_locations": 38, "unlisted": 38},
        PromiseKind.QUALITY: {
            "partner": "", "complaints": 14, "expected": 1.62, "days": 7, "until": day(4),
            "evidence": ("Named in them: Northfield Grocers 11, no partner named 3.", "Said: “tastes stale, lot 42”"),
        },
    }  # fmt: skip
    return Finding(**(OAT | {"kind": kind, "since": day(3)} | figures[kind] | told))


def incident(found: Finding | None = None, **told: Any) -> PromiseIncident:
    """A promise incident as of day 5."""
    found = found or finding()
    known = {
        "kind": kind_of(found.kind),
        "incident_id": "PROM-2026-00007",
        "fingerprint": "f" * 64,
        "partner_name": "Northfield Grocers",
        "channel": "C0NORTHFIELD",
        "owner": "Dana Ruiz",
        "found": found,
        "data_as_of": day(5),
    }
    return PromiseIncident(**(known | told))


GTIN = {"fact": "gtin", "before": "00850007123017", "after": "00850007123024"}
HARM = {"item_name": "<!channel> & <https://evil.example|free>\n*bold*", "evidence": ("<@U0123456>\nsecond line",)}
ENDED: dict[str, Any] = {"standing": Standing.RESOLVED, "resolved_on": day(9), "data_as_of": day(9)}

PROMISE_EXAMPLES: dict[str, PromiseIncident] = {
    "promise_price": incident(),
    "promise_price_at_most": incident(
        finding(band_low=None, lowest=7.99, locations=STORES[:1], of_locations=1, rule="oat bars")
    ),
    "promise_pack": incident(finding(PromiseKind.PACK)),
    "promise_gtin": incident(finding(PromiseKind.PACK, **GTIN)),
    "promise_vanished": incident(finding(PromiseKind.VANISHED), stock=("INC-2026-00418",)),
    "promise_quality": incident(finding(PromiseKind.QUALITY), owner="quality desk"),
    "promise_names_that_mean_harm": incident(finding(**HARM), partner_name="<!here>", owner="<@U0123456>"),
    "promise_long_names": incident(finding(item_name=LONG_150, rule=LONG_150), partner_name=LONG_150, owner=LONG_150),
    "promise_resolved": incident(ending="every price is inside its band again", **ENDED),
    "promise_vanished_resolved": incident(finding(PromiseKind.VANISHED), ending="its end is announced now", **ENDED),
}


def score(name: str = "Northfield Grocers", **told: Any) -> Score:
    """A week with a promise of each kind: availability broken, price and service kept."""
    known: dict[str, Any] = {
        "partner": "northfield",
        "partner_name": name,
        "monday": day(1),
        "week": Figures(days=7, ranged=9000, known=8900, out=552, priced=8900, outside=160, complaints=31, units_sold=74000),
        "before": Figures(days=28, ranged=36000, known=35800, out=2005, priced=35800, outside=630, complaints=98, units_sold=301000),
        "promised_in_stock": 0.95,
        "promised_price": 0.95,
        "promised_complaints": 0.5,
    }  # fmt: skip
    return Score(**(known | told))


SCORECARDS: dict[str, list[Score]] = {
    "scorecard": [score()],
    "scorecard_without_weeks_before": [score(before=Figures(), promised_complaints=None)],
    "scorecard_of_a_distributor": [
        score(
            "Westway Distribution",
            partner="westway",
            week=Figures(days=5, ranged=60, known=50, out=1),
            before=Figures(),
        )
    ],
    "scorecard_of_two_partners": [score("Alder & Sons", partner="alder", promised_in_stock=0.9), score()],
    "scorecard_of_a_silent_partner": [
        score(),
        score("Westway Distribution", partner="westway", week=Figures(ranged=60), before=Figures()),
    ],
    "scorecard_of_many_partners": [score(f"Partner {n}", partner=f"p{n}") for n in range(9)],
    "scorecard_names_that_mean_harm": [score("<!channel>\n<https://evil.example|x>"), score("&amp;<@U0123456>" * 20)],
}


def said(kind: str = "quality", count: int = 5, **told: Any) -> Said:
    """Complaints about the oat bar at Northfield."""
    known = {"kind": kind, "partner_name": "Northfield Grocers", "item_name": "Oat Bar 6-pack", "complaints": count}
    return Said(**(known | told))


def relayed(*lines: Said) -> Day:
    """What production is told of day 2."""
    return Day(business_date=day(2), owner="quality desk", kinds=("quality", "pack"), said=lines)


RELAYED: dict[str, Day] = {
    "relay": relayed(
        said(extracts=("tastes stale, lot 42", "rancid")), said("pack", 2, item_name=None, partner_name=None)
    ),
    "relay_of_one": relayed(said(count=1)),
    "relay_of_many": relayed(*(said(count=n, item_name=f"Item {n}") for n in range(1, 20))),
    "relay_that_means_harm": relayed(
        said(extracts=("<!channel>\nbuy at <https://evil.example|x>",), item_name="<!here>")
    ),
}

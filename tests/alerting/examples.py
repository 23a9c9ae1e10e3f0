"""Incidents to render: one per way a message can look."""

from __future__ import annotations

from typing import Any

from include.stockwatch.alerting.case import Severity, Standing
from include.stockwatch.alerting.incident import Basis, Incident, Member, MemberState
from tests.domain.tables import day

PLACES = {"0118": "Reno", "0204": "Sparks", "0077": "Elko", "0301": "Carson City"}


def member(location: str, since: int, last: int, **figures: Any) -> Member:
    """A spell at a store of Northfield."""
    told = {"location_name": PLACES.get(location), "lost_units": 6.0, "lost_money": 38.94, "at_risk_units": 14.0}
    told |= {"at_risk_money": 90.86, "shoppers_exposed": 11.7, "customers_lost": 0.04, "customers_at_risk": 0.12}
    return Member(location_id=location, out_since=day(since), last_out=day(last), **(told | figures))


NOT_PRICED: dict[str, Any] = {"lost_money": None, "at_risk_money": None}
NOT_ESTIMATED: dict[str, Any] = dict.fromkeys(
    (
        "lost_units",
        "lost_money",
        "at_risk_units",
        "at_risk_money",
        "shoppers_exposed",
        "customers_lost",
        "customers_at_risk",
    )
)


def incident(*members: Member, **told: Any) -> Incident:
    """The Oat Bar at Northfield on day 3, Wednesday 4 November 2026."""
    out = [m for m in members if m.state is MemberState.OUT]
    known = {
        "incident_id": "INC-2026-00418",
        "fingerprint": "8f58c55da69240056487a0130968d8f7",
        "severity": Severity.HIGH,
        "partner": "northfield",
        "partner_name": "Northfield Grocers",
        "item_id": "00850007123017",
        "item_name": "Oat Bar 6-pack",
        "category": "Snacks",
        "currency": "USD",
        "rule": "core bars",
        "promise": 0.95,
        "channel": "C0NORTHFIELD",
        "owner": "Dana Ruiz",
        "basis": Basis(horizon_days=7, assumptions="published averages", dated="2026-11-22", low=0.09, high=2.35),
        "opened_on": min(m.out_since for m in members),
        "detected_on": day(1),
        "data_as_of": day(3),
        "members": members,
        "ranged": 212,
        "known": 212,
        "known_out": len(out),
        "peak_out": len(members),
    }
    return Incident(**(known | told))


def many(count: int) -> tuple[Member, ...]:
    """Many stores out since day 1, most of them without an open order."""
    return tuple(member(f"{100 + n:04d}", 1, 3, has_open_order=n % 5 == 0, location_name=None) for n in range(count))


def resolved(*members: Member, **told: Any) -> Incident:
    """The same, at its end on day 5, Friday 6 November 2026."""
    ended = {"standing": Standing.RESOLVED, "resolved_on": day(5), "data_as_of": day(5), "end_reason": "restocked"}
    return incident(*members, **(ended | told))


BACK, GONE, STALE = MemberState.BACK, MemberState.LEFT_RANGE, MemberState.STALE
NEVER: dict[str, Any] = {"state": MemberState.CORRECTED, "lost_units": 0.0, "lost_money": 0.0}
LONG = (
    "Organic Gluten-Free Oat and Almond Breakfast Bar with Wild Blueberries, Chia Seeds and a Hint of Ceylon Cinnamon"
)
LONG_150 = f"{LONG}, Family Value Multipack, 24 x 40 g"
MALICE = {
    "item_name": "<!channel> Oat & Bar <https://evil.example|free>",
    "partner_name": "Müller & Söhne <@U0123456>",
    "rule": "<#C0123456>",
}

EXAMPLES: dict[str, Incident] = {
    "opened_in_one_store": incident(
        member("0118", 3, 3, has_open_order=False), known=6, ranged=6, severity=Severity.LOW, opened_on=day(3)
    ),
    "opened_in_some_stores": incident(
        member("0118", 1, 3, has_open_order=False),
        member("0204", 2, 3, has_open_order=True),
        member("0077", 3, 3, has_open_order=False),
        known=6,
        ranged=6,
    ),
    "explained_by_a_dc": incident(
        *(member(f"{100 + n:04d}", 1, 3, cause="retailer_dc", cause_place="9", location_name=None) for n in range(5)),
        member("0118", 2, 3, cause="not_ordered", has_open_order=False),
        member("0204", 3, 3, cause="unknown"),
        known=9,
        ranged=9,
    ),
    "explained_in_one_way": incident(
        member("0118", 2, 3, cause="phantom"), member("0204", 3, 3, cause="phantom"), known=9, ranged=9
    ),
    "ordered_too_late": incident(
        member("0118", 2, 3, cause="not_ordered", cause_place="9", has_open_order=True, next_receipt_on=day(5)),
        member("0204", 3, 3, cause="not_ordered", has_open_order=True, **NOT_PRICED),
        known=9,
        ranged=9,
    ),
    "ordered_in_part": incident(
        member("0118", 2, 3, cause="not_ordered", has_open_order=True),
        member("0204", 3, 3, cause="not_ordered", has_open_order=False),
        known=9,
        ranged=9,
    ),
    "worse_in_many_stores": incident(*many(38), severity=Severity.CRITICAL, out_before=29, known=209),
    "eased_with_orders_open": incident(
        member("0118", 1, 3, has_open_order=True),
        member("0204", 1, 1, state=BACK),
        out_before=2,
        known=6,
        ranged=6,
    ),
    "distributor_in_euro": incident(
        Member(
            location_id="07",
            out_since=day(1),
            last_out=day(3),
            lost_units=2760.0,
            lost_money=16008.0,
            at_risk_units=6440.0,
            at_risk_money=37352.0,
            shoppers_exposed=5120.4,
            customers_lost=11.2,
            customers_at_risk=26.0,
            has_open_order=True,
        ),
        partner="westway",
        partner_name="Westway Distribution",
        location_type="dc",
        currency="EUR",
        item_name="Nut Mix 200 g",
        owner="Priya Nair",
        rule="distributor",
        severity=Severity.CRITICAL,
        ranged=4,
        known=4,
    ),
    "frozen_in_part": incident(
        member("0118", 1, 3, has_open_order=False),
        member("0204", 1, 2, has_open_order=False, state=STALE),
        member("0077", 1, 2, has_open_order=True, state=STALE),
        data_stale=True,
        known=4,
        ranged=6,
        out_before=3,
    ),
    "frozen_without_a_delivery": incident(
        member("0118", 1, 3, has_open_order=False, state=STALE),
        member("0204", 2, 3, has_open_order=False, state=STALE),
        data_stale=True,
        known=6,
        known_out=2,
        ranged=6,
        out_before=1,
    ),
    "without_a_price": incident(
        member("0118", 1, 3, **NOT_PRICED), currency=None, known=6, ranged=6, severity=Severity.MEDIUM
    ),
    "without_any_estimate": incident(
        member("0118", 1, 3, **NOT_ESTIMATED), currency=None, known=6, ranged=6, severity=Severity.LOW
    ),
    "nothing_sells": incident(
        member(
            "0118",
            1,
            3,
            lost_units=0.0,
            lost_money=0.0,
            at_risk_units=0.0,
            at_risk_money=0.0,
            shoppers_exposed=0.0,
            customers_lost=0.0,
            customers_at_risk=0.0,
        ),
        known=6,
        ranged=6,
        severity=Severity.LOW,
    ),
    "a_slow_seller": incident(
        member(
            "0118",
            3,
            3,
            lost_units=0.04,
            lost_money=0.14,
            at_risk_units=0.55,
            at_risk_money=1.93,
            shoppers_exposed=0.44,
            customers_lost=0.0002,
            customers_at_risk=0.0031,
        ),
        known=6,
        ranged=6,
        severity=Severity.LOW,
        opened_on=day(3),
    ),
    "without_names": incident(
        member("AB-7", 1, 3, location_name=None), item_name=None, partner_name="osa_retail", known=6, ranged=6
    ),
    "a_name_of_150_letters": incident(
        member("0118", 1, 3, location_name=LONG_150), item_name=LONG_150, partner_name=LONG_150[:80], known=6, ranged=6
    ),
    "right_to_left_and_east_asian_names": incident(
        member("0118", 1, 3, location_name="سوق الربيع"),
        member("0204", 2, 3, location_name="新宿三丁目店"),
        item_name="燕麦棒 6 支装",
        partner_name="שופרסל",
        known=6,
        ranged=6,
    ),
    "names_that_mean_harm": incident(
        member("0118", 1, 3, location_name="<!here> & <https://evil.example>"), **MALICE, known=6, ranged=6
    ),
    "resolved": resolved(
        member("0118", 1, 4, state=BACK),
        member("0204", 1, 2, state=BACK),
        member("0204", 4, 4, state=BACK),
        peak_out=2,
        known=6,
        ranged=6,
    ),
    "resolved_after_one_day": resolved(
        member("0118", 4, 4, state=BACK), opened_on=day(4), peak_out=1, known=1, ranged=1
    ),
    "resolved_by_a_corrected_report": resolved(
        member("0118", 4, 4, **NEVER),
        member("0204", 4, 4, **NEVER),
        opened_on=day(4),
        data_as_of=day(4),
        resolved_on=day(4),
        end_reason="corrected",
        known=6,
        ranged=6,
    ),
    "resolved_with_stores_that_never_were_out": resolved(
        member("0118", 1, 3, state=BACK, back_on=day(4)),
        member("0118", 5, 5, **NEVER),
        member("0204", 4, 4, **NEVER),
        resolved_on=day(4),
        peak_out=1,
        known=6,
        ranged=6,
    ),
    "resolved_without_any_estimate": resolved(
        member("0118", 1, 4, state=BACK, **NOT_ESTIMATED), currency=None, known=6, ranged=6
    ),
    "resolved_in_part_by_leaving_the_range": resolved(
        member("0118", 1, 4, state=BACK), member("0204", 1, 4, state=GONE), known=5, ranged=5
    ),
    "left_the_range": resolved(
        member("0118", 1, 4, state=GONE),
        member("0204", 2, 4, state=GONE),
        end_reason="left_range",
        known=4,
        ranged=4,
        resolved_on=day(57),
        data_as_of=day(57),
    ),
}

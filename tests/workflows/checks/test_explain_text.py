"""The note that `explain` writes on a series in each status, against golden files."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from include.stockwatch.alerting.messages import stock_messages
from include.stockwatch.domain.availability import CheckSettings, Status
from include.stockwatch.domain.columns import AVAILABILITY
from include.stockwatch.domain.customers import Assumptions, Response
from include.stockwatch.workflows.checks.explain_text import STATES, note
from tests.alerting.examples import incident
from tests.alerting.stock_examples import PHANTOM, silent
from tests.golden import GOLDEN, same_as_golden

DATE = dt.date(2026, 11, 22)
KNOWN: dict[str, Any] = {
    "business_date": DATE,
    "partner": "northfield",
    "location_id": "0118",
    "location_name": "Cedar Street",
    "item_id": "00850007123017",
    "item_name": "Oat Bar\n12-pack",
    "on_hand_units": 12.0,
    "is_negative_record": False,
    "sold_out_today": False,
    "on_order_units": 24.0,
    "in_transit_units": 0.0,
    "last_seen_date": DATE,
    "last_in_stock_date": DATE,
    "last_sale_date": DATE,
    "last_receipt_date": dt.date(2026, 11, 17),
    "days_observed": 56,
    "demand_a": 90.0,
    "demand_b": 25.0,
    "dispersion": 1.3,
    "demand_units_per_day": 3.6,
    "expected_units_today": 5.2,
    "days_of_supply": 3.3,
    "silent_days": 0,
    "p_phantom": 0.002,
    "next_receipt_on": dt.date(2026, 11, 24),
    "p_runs_out": 0.07,
    "alert_due": True,
}
SPELL: dict[str, Any] = {
    "spell_start_date": dt.date(2026, 11, 19),
    "spell_days": 4,
    "spell_exposure_days": 4.4,
    "earlier_exposure_days": 0.6,
    "lost_units": 15.8,
    "lost_money": 71.1,
    "at_risk_units": 7.2,
    "at_risk_money": 32.4,
    "store_scope": 0.25,
    "item_scope": 0.0,
    "price": 4.5,
    "currency": "USD",
    "customers_lost": 0.12,
    "customers_at_risk": 0.05,
    "lost_lifetime_value": 17.2,
}
OUT = {"on_hand_units": 0.0, "last_in_stock_date": dt.date(2026, 11, 18), "last_sale_date": dt.date(2026, 11, 18)}
NOTHING = dict.fromkeys(
    ("on_hand_units", "last_seen_date", "last_in_stock_date", "last_sale_date", "last_receipt_date")
)
CASES: dict[str, dict[str, Any]] = {
    "out_of_stock": SPELL
    | OUT
    | {
        "cause": "retailer_dc",
        "scope": "dc",
        "scope_id": "D4",
        "cause_evidence": json.dumps(
            [
                "retailer_dc: D4 was out on 5 days, 2026-11-16 to 2026-11-20",
                "not_delivered: an order is overdue since 2026-11-20",
                "distributor_dc: not known, no feed tells of such a DC",
            ]
        ),
    },
    "phantom_suspected": SPELL
    | {
        "p_phantom": 0.91,
        "silent_days": 8,
        "last_sale_date": dt.date(2026, 11, 14),
        "last_receipt_date": dt.date(2026, 11, 12),
        "cause": "phantom",
        "scope": "store",
        "cause_evidence": '["phantom: stock on record and no sale since 2026-11-14"]',
        "price": None,
        "lost_money": None,
        "at_risk_money": None,
        "lost_lifetime_value": None,
    },
    "at_risk": {
        "p_runs_out": 0.81,
        "runs_out_on": dt.date(2026, 11, 25),
        "short_units": 6.4,
        "next_receipt_on": dt.date(2026, 11, 27),
        "promoted_units_per_day": 6.5,
        "promoted_until": dt.date(2026, 11, 24),
        "cause": "not_ordered",
        "scope": "store",
        "cause_evidence": '["not_ordered: ordered too late or too little, due on 2026-11-27"]',
    },
    "unknown": {"last_seen_date": dt.date(2026, 11, 20), "on_hand_units": 3.0, "days_of_supply": None}
    | {"cause": "feed", "scope": "store", "cause_evidence": '["feed: no report of its stock, the last of 2026-11-20"]'},
    "void": {"last_sale_date": None, "demand_a": 0.0, "demand_units_per_day": 0.0, "expected_units_today": 0.0},
    "planned": OUT | {"on_order_units": 0.0},
    "in_stock": {"in_transit_units": 1.0},
}


def told(status: str, days: list[dict[str, Any]] | None = None, assumed: Assumptions | None = None, **more: Any) -> str:
    row: dict[str, Any] = dict.fromkeys(AVAILABILITY.names) | KNOWN | {"status": status} | more
    limits = {
        name: {"value": value, "from": "default"}
        for name, value in {"min_days_of_supply": 2.0, "run_out_probability": 0.18}.items()
    }
    found = {
        "row": row,
        "partner_name": "Northfield Grocers",
        "days": days or [],
        "rule": "core bars",
        "limits": limits,
        "without_master_data": [],
        "loyalty": [],
    }
    return note(found, CheckSettings(), assumed or Assumptions())


DAYS = [
    {"business_date": DATE - dt.timedelta(days=ago), "on_hand": 12.0 + ago, "sold": float(ago % 3), "expected": 3.6}
    for ago in (5, 4, 2, 1, 0)
]


def test_every_status_has_its_words() -> None:
    assert set(STATES) == set(Status) == set(CASES)


@pytest.mark.parametrize("status", CASES)
def test_the_note_on_a_status_reads_as_its_golden_text(status: str) -> None:
    same_as_golden(told(status, DAYS, **CASES[status]) + "\n", GOLDEN / "explain" / f"{status}.txt")


@pytest.mark.parametrize("status", CASES)
def test_what_is_not_known_is_said_in_words(status: str) -> None:
    text = told(status, **(CASES[status] | NOTHING if status == "unknown" else CASES[status]))
    assert not any(word in text for word in ("None", "nan", "inf"))


def test_a_record_below_zero_is_called_wrong_and_what_is_not_due_is_said() -> None:
    text = told("out_of_stock", **CASES["out_of_stock"] | {"is_negative_record": True, "on_hand_units": -3.0})
    assert "-3 units by its record, which is below zero and so wrong" in text
    assert "not out for long enough" in told("out_of_stock", **CASES["out_of_stock"] | {"alert_due": False})


def test_of_other_places_and_items_it_says_what_is_known() -> None:
    text = told("out_of_stock", **CASES["out_of_stock"] | {"store_scope": None, "item_scope": None})
    assert "Also out" not in text
    assert "x_S = 0.000, x_I = 0.000" in text
    pool = {"store_scope": 1.0, "item_scope": None, "location_type": "dc"}
    text = told("out_of_stock", **CASES["out_of_stock"] | pool).replace("\n", " ")
    assert "Also out: 100% of the demand that the partner's DCs serve, its own counted." in text


def test_a_report_of_a_week_is_told_as_one() -> None:
    week = [{**DAYS[-1], "flow_days": 7}]
    text = told("out_of_stock", week, **CASES["out_of_stock"] | {"sold_out_today": True, "days_observed": 8})
    assert "the day itself" not in text
    text = text.replace("\n", " ")
    assert "Out since about Thu 19 Nov" in text
    assert "sold out in the 7 days of the report" in text
    assert "last sale in the 7 days to" in text
    assert "8 reports of the last 56 days were seen" in text
    assert "Sold and received are of the `of days`" in text


def test_a_spell_that_began_before_the_look_back_is_not_given_a_beginning() -> None:
    text = told("out_of_stock", **CASES["out_of_stock"] | {"last_in_stock_date": None})
    assert "Out since Thu 19 Nov or before, day 4 at least: 0 units" in text


def test_what_is_planned_and_no_longer_reported_has_no_record() -> None:
    text = told("planned", **NOTHING)
    assert "\nBy plan it is not to be had here, so this is no stock-out." in text


def test_an_order_that_comes_too_late_is_not_called_none() -> None:
    text = told("at_risk", **CASES["at_risk"])
    assert "Why: ordered too late or too little, due on Fri 27 Nov." in text
    assert "Next: ask Northfield Grocers replenishment to expedite the open orders" in text


@pytest.mark.parametrize("cause", ["shelf", "phantom"])
def test_the_next_step_of_a_shelf_suspected_empty_is_that_of_the_message(cause: str) -> None:
    sent = stock_messages.render(incident(silent("0118", 9, cause=cause), **PHANTOM)).as_text()
    noted = told("phantom_suspected", **CASES["phantom_suspected"] | {"cause": cause})
    (step,) = (line.removeprefix("Next: ").removesuffix(".") for line in noted.splitlines() if line.startswith("Next"))
    assert f"Next step: {step} in the store." in sent
    assert ("from the back" in step) == (cause == "shelf")


def test_a_shelf_suspected_empty_that_ran_low_asks_for_what_let_it() -> None:
    text = told("phantom_suspected", **CASES["phantom_suspected"] | {"cause": "not_ordered"})
    assert "Next: ask Northfield Grocers replenishment to expedite the open orders" in " ".join(text.split())


def test_a_receipt_of_which_nothing_is_on_order_is_no_promise() -> None:
    text = told("at_risk", **CASES["at_risk"] | {"on_order_units": 0.0, "in_transit_units": 0.0})
    assert "expected on Fri 27 Nov if orders go out as usual, with" in " ".join(text.split())


def test_without_orders_the_note_says_whether_the_feed_or_the_date_lacks_them() -> None:
    orders = {"on_order_units": None, "in_transit_units": None}
    assert "The feed says nothing of orders." in told("in_stock", **orders)
    assert "No feed reported its orders for the date." in told("unknown", **CASES["unknown"] | orders)


def test_an_assumption_is_told_with_as_many_digits_as_it_deserves() -> None:
    found = told("out_of_stock", assumed=Assumptions(loyal_share=0.599009900990099), **CASES["out_of_stock"])
    assert "ell = 0.599, " in found


def test_a_lifetime_value_that_was_measured_needs_no_price() -> None:
    case = CASES["out_of_stock"] | {"price": None, "lost_money": None, "lost_lifetime_value": 4.15}
    text = told("out_of_stock", assumed=Assumptions(value_per_customer=40.0), **case)
    assert "V = 40.00, lifetime value 4.15 (" in text
    assert "nan" not in text


def test_no_more_customers_are_said_to_be_lost_than_shoppers_met_the_gap() -> None:
    all_leave = Response(store=0, brand=1, same_brand=0, delay=0, cancel=0)
    for_ever = Assumptions(response=all_leave, loyal_share=1, first_persistence=1, max_persistence=1)
    text = told("out_of_stock", assumed=for_ever, **CASES["out_of_stock"])
    assert "12 shoppers met the gap, 12 of them loyal: 12 may be lost for good (1.1 to 12 at 80%)" in text


def test_what_ends_before_it_runs_out_is_said_not_to_be_at_risk() -> None:
    assert "It is not at risk: by then it will have ended by plan" in told("in_stock", p_runs_out=0.18)
    assert "It is not at risk" not in told("in_stock", p_runs_out=0.18, days_of_supply=14.0)


def test_without_a_chance_of_running_out_days_of_supply_are_what_counts() -> None:
    text = told("at_risk", p_runs_out=None, days_of_supply=1.4)
    assert "12 units left, 1.4 days of demand, which is less than the rule asks for." in text


def test_of_a_feed_that_tells_sales_alone_it_is_not_said_that_nothing_is_known() -> None:
    only_sales = NOTHING | {"last_sale_date": DATE, "days_observed": 0, "demand_units_per_day": None, "demand_b": 0.0}
    only_sales |= {"cause": "feed", "cause_evidence": '["feed: no report of its stock"]', "p_phantom": None}
    text = " ".join(told("unknown", **only_sales).split())
    assert "only what it sells, last on Sun 22 Nov: whether it is out is not known." in text
    assert "Next: ask Northfield Grocers for its stock as well." in text
    assert not any(words in text for words in ("nothing is known of it", "missing data", "0 of the last", "Gamma"))


def test_what_sells_so_slowly_that_silence_is_chance_is_not_said_never_to_have_reached_the_shelf() -> None:
    slow = CASES["void"] | {"demand_a": 1.4, "demand_units_per_day": 0.02, "days_observed": 31}
    text = " ".join(told("void", **slow).split())
    assert (
        "none sold on any of the 31 days looked back on: 0.62 would have been sold, so that it may as well be" in text
    )
    assert "never reached the shelf" not in text
    assert "never reached the shelf" in told("void", **slow | {"demand_units_per_day": 0.2})


def test_what_a_feed_without_sales_makes_one_expect_is_not_said_to_be_nothing() -> None:
    text = told("in_stock", demand_a=0.0, demand_b=0.0, demand_units_per_day=None, expected_units_today=None)
    assert "0 a day are expected" not in text
    assert "demand    not known; forgetting" in text


def test_a_silence_that_is_counted_from_a_receipt_is_not_said_to_have_begun_then() -> None:
    came = CASES["phantom_suspected"] | {"silent_days": 5, "last_receipt_date": dt.date(2026, 11, 17)}
    assert "nothing has sold in the 5 days since the last receipt, where" in " ".join(
        told("phantom_suspected", **came).split()
    )


def test_a_dc_is_named_as_messages_name_it() -> None:
    text = told("out_of_stock", **CASES["out_of_stock"] | {"scope_id": "DC07"})
    assert "It reaches as far as DC07." in " ".join(text.split())
    assert "as far as DC D4." in told("out_of_stock", **CASES["out_of_stock"])


def test_a_record_so_low_that_it_is_often_wrong_is_a_reason_of_its_own() -> None:
    low = " ".join(told("phantom_suspected", on_hand_units=1.0, p_phantom_before=0.22).split())
    assert "A record of this feed as low as that is wrong in 22% of cases." in low
    assert "0.220 before them, by the record" in low
    assert "as low as that" not in told("phantom_suspected", p_phantom_before=0.002)

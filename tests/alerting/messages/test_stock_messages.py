"""What the other kinds of stock incidents and mass changes say, against golden files."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given

from include.stockwatch.alerting.case import Handling, Kind
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.kinds import CASES, page, render
from include.stockwatch.alerting.messages.limits import violations
from tests.alerting.examples import EXAMPLES, day, incident
from tests.alerting.messages.test_message import assert_slack_takes
from tests.alerting.stock_examples import (
    MASS_EXAMPLES,
    PHANTOM,
    STOCK_EXAMPLES,
    dc_incident,
    empty_dc,
    mass,
    short,
    silent,
    stores,
)
from tests.golden import GOLDEN, same_as_golden
from tests.strategies import NAMES

PROJECT = GOLDEN.parents[1]
ALL = STOCK_EXAMPLES | MASS_EXAMPLES


@pytest.mark.parametrize("name", ALL)
def test_a_message_reads_as_its_golden_text(name: str) -> None:
    message = render(ALL[name])
    same_as_golden(f"{message.fallback}\n\n{message.as_text()}\n", GOLDEN / "messages" / f"{name}.txt")


@pytest.mark.parametrize("name", ALL)
def test_a_message_is_sent_as_its_golden_blocks(name: str) -> None:
    message = render(ALL[name])
    sent = {"fallback": message.slack_text(), "blocks": message.blocks()}
    same_as_golden(json.dumps(sent, indent=2, ensure_ascii=False) + "\n", GOLDEN / "messages" / f"{name}.json")


@pytest.mark.parametrize("name", ALL)
def test_slack_takes_every_example(name: str) -> None:
    message = render(ALL[name])
    assert violations(message.slack_text(), message.blocks()) == []
    assert_slack_takes(message)
    assert message.fallback.endswith(ALL[name].incident_id)


@pytest.mark.parametrize("name", ALL)
def test_an_incident_read_back_from_the_store_gives_the_same_message(name: str) -> None:
    stored = CASES[ALL[name].kind].model_validate(ALL[name].model_dump(mode="json"))
    assert render(stored) == render(ALL[name])


@pytest.mark.parametrize("name", [*EXAMPLES, *STOCK_EXAMPLES])
def test_data_of_another_date_make_another_message(name: str) -> None:
    """A replay counts on it, and so renders no message of an incident that has moved on (workflows/backtest.py)."""
    incident = (EXAMPLES | STOCK_EXAMPLES)[name]
    later = [incident.model_copy(update={"data_as_of": incident.data_as_of + dt.timedelta(days=n)}) for n in (1, 7, 28)]
    assert len({render(one).digest() for one in (incident, *later)}) == 4


@given(NAMES, NAMES, NAMES, NAMES)
def test_no_name_can_form_a_mention_or_a_link(item: str, partner: str, place: str, dc: str) -> None:
    told = {"item_name": item, "partner_name": partner}
    assert_slack_takes(render(dc_incident(empty_dc(), **told, scope_name=dc)))
    assert_slack_takes(render(STOCK_EXAMPLES["phantom_in_one_store"].model_copy(update=told)))
    assert_slack_takes(render(STOCK_EXAMPLES["run_out_in_some_stores"].model_copy(update={**told, "owner": place})))
    assert_slack_takes(render(mass(partner_name=partner, feeds=("x",))))


def test_what_is_not_known_is_never_said_to_be_nothing() -> None:
    for name in ("phantom_without_figures", "run_out_without_figures"):
        text = render(STOCK_EXAMPLES[name]).as_text()
        assert "not estimated" in text
        assert "not known" in text
        assert " 0 units" not in text


def test_a_dc_costs_what_it_sends_until_its_stores_show_more() -> None:
    """Units and money of the same: the DC's prices may be lower than those of its stores."""
    dc = empty_dc(at_risk_units=300.0, at_risk_money=900.0)
    alone, some, many = (
        dc_incident(dc, *stores({"northfield": count}, at_risk_units=20.0, at_risk_money=100.0))
        for count in (0, 14, 20)
    )
    assert [one.total("at_risk_units") for one in (alone, some, many)] == [300, 300, 400]
    assert [one.total("at_risk_money") for one in (alone, some, many)] == [900, 900, 2000]


def test_the_dc_itself_is_no_store_that_is_empty() -> None:
    listed = dc_incident(empty_dc(), *stores({"northfield": 2}), ranged=180).listed()
    assert (listed.locations_out, listed.locations) == (2, 180)


def test_a_phantom_of_many_stores_lists_the_longest_silent() -> None:
    incident = STOCK_EXAMPLES["phantom_in_some_stores"]
    assert isinstance(incident, Incident)
    assert (
        render(incident).body[-1] == "Longest silent: #0118 Reno (9 days), #0204 Sparks (5 days), #0077 Elko (4 days)."
    )
    assert silent("0118", 9).days_out() == 9


def test_a_phantom_with_little_on_record_says_what_let_it_run_low() -> None:
    members = (
        silent("0118", 9, cause="retailer_dc", cause_place="D1"),
        *(silent(place, 5, cause="not_ordered") for place in ("0204", "0077")),
        silent("0009", 4, cause="shelf"),
    )
    lines = [line for line in render(incident(*members, **PHANTOM)).body if line.startswith("Little")]
    assert lines == [
        "Little was left on record in 2 stores: nothing was ordered; "
        "ask Northfield Grocers replenishment to raise the missing orders.",
        "Little was left on record in 1 store: the DC D1 is out; "
        "ask Northfield Grocers when D1 is refilled, and for an allocation until then.",
    ]


def test_money_is_said_to_be_of_a_part_where_the_units_that_count_have_no_price() -> None:
    unpriced = stores({"harbor": 2}, lost_money=None, at_risk_money=None)
    whole = render(dc_incident(empty_dc(), *unpriced)).as_text()
    some = (*stores({"harbor": 2}), *stores({"northfield": 1}, lost_money=None, at_risk_money=None))
    part = render(dc_incident(empty_dc(lost_units=None, at_risk_units=None), *some)).as_text()
    assert ("where a price is known" in whole, part.count("where a price is known")) == (False, 2)


def test_units_of_a_dc_without_a_price_are_not_said_to_be_worth_what_its_stores_lose() -> None:
    unpriced = empty_dc(lost_money=None, at_risk_money=None)
    text = render(dc_incident(unpriced, *stores({"harbor": 2}))).as_text()
    assert "Lost so far: about 2,760 units at the DC; about 12 units at its stores, USD 78." in text
    assert "Lost so far: about 2,760 units." in render(dc_incident(unpriced)).as_text()


def test_a_confirmed_date_that_has_passed_is_not_told_as_if_it_were_to_come() -> None:
    handling = Handling(restock_on=day(2), restock_units=480.0)
    text = render(dc_incident(empty_dc(), handling=handling)).as_text()
    assert "Restock: 480 units Tue 3 Nov, as somebody confirmed, and not seen by Wed 4 Nov" in text


def test_what_will_run_out_has_not_run_out_and_counts_until_the_next_receipt_of_each_location() -> None:
    soon = short("0118", 5, next_receipt_on=day(5), inbound_units=0.0, has_open_order=True, cause="unknown")
    later = short("0204", 7, next_receipt_on=None, cause="unknown")
    text = render(STOCK_EXAMPLES["run_out_in_some_stores"].model_copy(update={"members": (soon, later)})).as_text()
    assert "an order is open or in transit for every store that will run out." in text
    assert "until the next receipt where that is sooner" in text
    assert "Next receipt: Fri 6 Nov, if orders go out as usual; not known for 1 of 2" in text


# --- the pages in docs/alerts ----------------------------------------------------------------------------------------

SHOWN_ON_PAGES = {
    Kind.DC_OUT: "dc_out_and_stores_of_three_partners",
    Kind.PHANTOM_STOCK: "phantom_in_some_stores",
    Kind.WILL_RUN_OUT: "run_out_in_some_stores",
    Kind.MASS_CHANGE: "mass_change",
}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_page_and_the_index_lists_it(kind: Kind) -> None:
    assert (PROJECT / page(kind)).read_text("utf-8").startswith("# ")
    assert f"({kind.value}.md)" in (PROJECT / "docs/alerts/README.md").read_text("utf-8")


@pytest.mark.parametrize("kind", SHOWN_ON_PAGES)
def test_a_page_shows_a_message_as_it_reads(kind: Kind) -> None:
    assert render(ALL[SHOWN_ON_PAGES[kind]]).as_text() in (PROJECT / page(kind)).read_text("utf-8")


def test_a_silence_that_is_counted_from_a_receipt_says_so() -> None:
    """`none for 2 days` where the last sale was four days ago, and goods came in two days later."""
    came, other = silent("0118", 2, cause="shelf"), silent("0204", 4, cause="phantom")
    assert "Sales: none for 2 days, counted from the last receipt; " in render(incident(came, **PHANTOM)).as_text()
    both = render(incident(came, other, **PHANTOM)).as_text()
    assert "Sales: none for 2 to 4 days, counted from the last receipt in 1 of them; " in both
    assert "receipt" not in render(incident(other, **PHANTOM)).as_text().partition("Sales: ")[2].partition("\n")[0]

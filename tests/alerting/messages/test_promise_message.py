"""What promise incidents, scorecards and relayed complaints say, against golden files, and what they cannot do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from include.stockwatch.alerting.messages import promise_message, relay_message, scorecard_message
from include.stockwatch.alerting.messages.message import Message
from include.stockwatch.alerting.promise_incident import PromiseIncident, PromiseKind
from include.stockwatch.domain.scorecard import Figures
from tests.alerting.messages.test_message import assert_slack_takes
from tests.alerting.promise_examples import (
    PROMISE_EXAMPLES,
    RELAYED,
    SCORECARDS,
    finding,
    incident,
    relayed,
    said,
    score,
)
from tests.golden import GOLDEN, same_as_golden
from tests.strategies import NAMES

MESSAGES: dict[str, Message] = {
    **{name: promise_message.render(one) for name, one in PROMISE_EXAMPLES.items()},
    **{name: scorecard_message.render(one, "Dana Ruiz") for name, one in SCORECARDS.items()},
    **{name: relay_message.render(one) for name, one in RELAYED.items()},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_reads_as_its_golden_text(name: str) -> None:
    message = MESSAGES[name]
    same_as_golden(f"{message.fallback}\n\n{message.as_text()}\n", GOLDEN / "messages" / f"{name}.txt")


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_sent_as_its_golden_blocks(name: str) -> None:
    sent = {"fallback": MESSAGES[name].slack_text(), "blocks": MESSAGES[name].blocks()}
    same_as_golden(json.dumps(sent, indent=2, ensure_ascii=False) + "\n", GOLDEN / "messages" / f"{name}.json")


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_takes_every_message_within_its_limits(name: str) -> None:
    assert_slack_takes(MESSAGES[name])


@given(NAMES, NAMES, NAMES)
def test_no_name_can_form_a_mention_a_link_or_a_second_line(item: str, partner: str, text: str) -> None:
    about = finding(PromiseKind.QUALITY, item_name=item, partner=partner, evidence=(text,))
    messages = [
        promise_message.render(incident(about, partner_name=partner, owner=text)),
        promise_message.render(incident(finding(PromiseKind.PACK, fact=item), partner_name=partner)),
        scorecard_message.render([score(partner), score(item, partner="other")], text),
        relay_message.render(relayed(said(item_name=item, partner_name=partner, extracts=(text,)))),
    ]
    for message in messages:
        assert_slack_takes(message)
        for line in (message.fallback, message.header, *message.body, *message.context):
            assert len(line.splitlines()) == 1


def test_no_promise_message_calls_a_broken_promise_a_stock_out() -> None:
    for example in PROMISE_EXAMPLES.values():
        assert "out of stock" not in promise_message.render(example).as_text().lower()


@pytest.mark.parametrize("name", PROMISE_EXAMPLES)
def test_a_notification_ends_with_the_id_however_long_the_names(name: str) -> None:
    assert promise_message.render(PROMISE_EXAMPLES[name]).fallback.endswith(". PROM-2026-00007")


@pytest.mark.parametrize("name", PROMISE_EXAMPLES)
def test_an_incident_read_back_from_the_store_gives_the_same_message(name: str) -> None:
    stored = PromiseIncident.model_validate(PROMISE_EXAMPLES[name].model_dump(mode="json"))
    assert promise_message.render(stored) == promise_message.render(PROMISE_EXAMPLES[name])


def test_broken_promises_stand_first_in_a_scorecard() -> None:
    message = scorecard_message.render(SCORECARDS["scorecard_of_two_partners"], "Dana Ruiz")
    assert message.body[0] == "Northfield Grocers: 2 of 3 kept"


def test_a_promise_of_half_a_point_is_said_as_it_was_made() -> None:
    (card,) = SCORECARDS["scorecard"]
    finer = card.model_copy(update={"promised_in_stock": 0.975})
    assert "(promise 97.5%)" in scorecard_message.render([finer], "Dana Ruiz").body[0]


def test_a_promise_that_was_just_broken_does_not_read_as_kept() -> None:
    (card,) = SCORECARDS["scorecard"]
    week = card.week.model_copy(update={"known": 10_000, "out": 504})
    said = scorecard_message.render([card.model_copy(update={"week": week, "promised_in_stock": 0.95})], "Dana Ruiz")
    assert "BROKEN - 94.9% (promise 95%)" in said.body[0]


def test_a_service_that_was_just_broken_does_not_read_as_kept_nor_a_standstill_as_a_change() -> None:
    (card,) = SCORECARDS["scorecard"]
    week = card.week.model_copy(update={"complaints": 502, "units_sold": 1_000_000.0})
    before = card.before.model_copy(update={"complaints": 499, "units_sold": 1_000_000.0})
    said = scorecard_message.render([card.model_copy(update={"week": week, "before": before})], "Dana Ruiz").body[2]
    assert said == "Service: BROKEN - 0.51 complaints for 1,000 units sold (at most 0.50), steady"


def test_fewer_complaints_are_better_and_less_availability_is_worse() -> None:
    (card,) = SCORECARDS["scorecard"]
    lines = scorecard_message.render([card], "Dana Ruiz").body
    assert "worse: -0.6 points" in lines[0]
    assert "worse: +0.09" in lines[2]
    swapped = card.model_copy(update={"week": card.before, "before": card.week})
    assert "better: -0.09" in scorecard_message.render([swapped], "Dana Ruiz").body[2]


def test_a_partner_that_tells_prices_and_no_stock_did_not_send_nothing() -> None:
    unstocked = score("Benton Drug", partner="benton", week=Figures(ranged=24, priced=80, outside=0))
    assert "Data: no stock of Benton Drug" in scorecard_message.render([unstocked], "Dana Ruiz").as_text()
    silent = score("Westway", partner="westway", week=Figures(ranged=24))
    text = scorecard_message.render([score(), unstocked, silent], "Dana Ruiz").as_text()
    assert "of series fresh; no stock of Benton Drug; none of Westway" in text

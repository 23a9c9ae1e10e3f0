"""What messages about data say, against golden files, and what they can never do in Slack."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from include.stockwatch.alerting.data_incident import DataIncident, Trouble
from include.stockwatch.alerting.messages.data_message import render
from tests.alerting.data_examples import DATA_EXAMPLES, HELD, data_incident, held
from tests.alerting.messages.test_message import assert_slack_takes
from tests.domain.tables import day
from tests.golden import GOLDEN, same_as_golden
from tests.strategies import NAMES


@pytest.mark.parametrize("name", DATA_EXAMPLES)
def test_a_data_message_reads_as_its_golden_text(name: str) -> None:
    message = render(DATA_EXAMPLES[name])
    same_as_golden(f"{message.fallback}\n\n{message.as_text()}\n", GOLDEN / "messages" / f"{name}.txt")


@pytest.mark.parametrize("name", DATA_EXAMPLES)
def test_a_data_message_is_sent_as_its_golden_blocks(name: str) -> None:
    message = render(DATA_EXAMPLES[name])
    sent = {"fallback": message.slack_text(), "blocks": message.blocks()}
    same_as_golden(json.dumps(sent, indent=2, ensure_ascii=False) + "\n", GOLDEN / "messages" / f"{name}.json")


@pytest.mark.parametrize("name", DATA_EXAMPLES)
def test_slack_takes_every_data_message_within_its_limits(name: str) -> None:
    assert_slack_takes(render(DATA_EXAMPLES[name]))


@given(NAMES, NAMES, NAMES)
def test_no_name_can_form_a_mention_a_link_or_a_second_line(partner: str, owner: str, file_name: str) -> None:
    told = {"partner_name": partner, "owner": owner, **HELD, "held": held(file_name=file_name)}
    message = render(data_incident(**told))
    assert_slack_takes(message)
    for line in (message.fallback, message.header, *message.body, *message.context):
        assert len(line.splitlines()) == 1


def test_a_notification_says_what_is_missing_since_when_and_what_stands_still() -> None:
    assert render(data_incident()).fallback == (
        "DATA: northfield_stores of Northfield Grocers late: Wed 4 Nov has not come; "
        "figures stay as of Tue 3 Nov, 2 incidents frozen. DATA-2026-00007"
    )


@pytest.mark.parametrize("name", DATA_EXAMPLES)
def test_a_notification_ends_with_the_id_however_long_the_names(name: str) -> None:
    assert render(DATA_EXAMPLES[name]).fallback.endswith(" DATA-2026-00007")


def test_times_are_those_of_the_partners_clock() -> None:
    assert dict(render(data_incident()).fields)["Status"] == "Open since Thu 5 Nov 09:00 - late"


def test_no_data_message_calls_missing_data_a_stock_out() -> None:
    for example in DATA_EXAMPLES.values():
        assert "out of stock" not in render(example).as_text().lower()


@pytest.mark.parametrize("name", DATA_EXAMPLES)
def test_a_data_incident_read_back_from_the_store_gives_the_same_message(name: str) -> None:
    stored = DataIncident.model_validate(DATA_EXAMPLES[name].model_dump(mode="json"))
    assert render(stored) == render(DATA_EXAMPLES[name])


def test_a_silent_feed_names_the_first_and_the_last_date() -> None:
    missing = tuple(day(n) for n in (3, 4, 5))
    message = render(data_incident(trouble=Trouble.SILENT, missing=missing, wanted=day(5)))
    assert message.body[0] == "3 dates have not come, Wed 4 Nov to Fri 6 Nov."

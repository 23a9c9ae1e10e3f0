"""What digests, roll-ups, hand-overs and accounts without an owner say, and what they cannot do in Slack."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.case import Severity
from include.stockwatch.alerting.messages.digest import COLUMNS, Day, csv_of, daily, line, money_words, overflow, ranked
from include.stockwatch.alerting.messages.limits import violations
from include.stockwatch.alerting.messages.notice import Notice
from tests.alerting.messages.test_message import is_safe, texts_of
from tests.alerting.people_examples import AT, PEOPLE_EXAMPLES, item, many
from tests.alerting.promise_examples import PROMISE_EXAMPLES
from tests.alerting.stock_examples import STOCK_EXAMPLES
from tests.golden import GOLDEN, same_as_golden


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "phantom_in_some_stores",
            "Medium phantom stock: Oat Bar 6-pack at Northfield Grocers, USD 273 at risk, 3 of 212 doubtful",
        ),
        (
            "run_out_in_some_stores",
            "High will run out: Oat Bar 6-pack at Northfield Grocers, USD 182 at risk, 2 of 6 running out",
        ),
        (
            "dc_out_of_a_retailer",
            "Critical DC out: Nut Mix 200 g at Northfield Grocers DC 07 Fresno, USD 37,352 at risk, 4 of 6 left empty",
        ),
        ("promise_price", "Price outside its band: Oat Bar 6-pack at Northfield Grocers, 12 of 212"),
    ],
)
def test_a_line_calls_out_only_what_is_out(name: str, said: str) -> None:
    assert line({**STOCK_EXAMPLES, **PROMISE_EXAMPLES}[name]).startswith(f"{said}, owner")


@pytest.mark.parametrize("name", PEOPLE_EXAMPLES)
def test_a_message_reads_as_its_golden_text(name: str) -> None:
    message = PEOPLE_EXAMPLES[name]
    same_as_golden(f"{message.fallback}\n\n{message.as_text()}\n", GOLDEN / "messages" / f"{name}.txt")


@pytest.mark.parametrize("name", PEOPLE_EXAMPLES)
def test_a_message_is_sent_as_its_golden_blocks(name: str) -> None:
    message = PEOPLE_EXAMPLES[name]
    sent = {"fallback": message.slack_text(), "blocks": message.blocks()}
    same_as_golden(json.dumps(sent, indent=2, ensure_ascii=False) + "\n", GOLDEN / "messages" / f"{name}.json")


@pytest.mark.parametrize("name", PEOPLE_EXAMPLES)
def test_slack_takes_a_message_and_no_name_in_it_calls_anybody(name: str) -> None:
    message = PEOPLE_EXAMPLES[name]
    assert violations(message.slack_text(), message.blocks()) == []
    assert is_safe(message.slack_text())
    assert all(is_safe(text["text"]) for text in texts_of(message.blocks()) if text["type"] == "mrkdwn")


def test_a_line_calls_the_one_person_it_is_for() -> None:
    """A-35: a name in the words calls nobody."""
    line = Notice("<@U666> <!channel> Nobody has taken this yet.", mention="U0DANA")
    assert re.findall(r"<[^>]*>", line.slack_text()) == ["<@U0DANA>"]
    assert line.as_text() == "<@U666> <!channel> Nobody has taken this yet."


@given(st.integers(1, 200))
def test_a_digest_of_any_length_is_taken_by_slack_and_counts_all(count: int) -> None:
    message = overflow([item(n) for n in range(1, count + 1)], AT)
    assert violations(message.slack_text(), message.blocks()) == []
    assert f"{count:,} more incident" in message.header
    assert len(message.body) <= 12


def test_a_day_on_which_nothing_is_open_says_so() -> None:
    message = daily(Day(on=AT.date(), since=AT, open_now=(), opened=0, resolved=2))
    assert violations(message.slack_text(), message.blocks()) == []  # without lines: a block of no words is refused
    text = message.as_text()
    assert "At risk: nothing" in text
    assert "somebody's hands" not in text
    assert "not estimated" not in text


def test_the_worst_come_first_and_money_adds_up_by_currency() -> None:
    found = ranked(many(9))
    order = [(case.listed().severity, case.listed().money_at_risk) for case in found]
    assert order == sorted(order, key=lambda one: (list(Severity).index(one[0]), -one[1]))  # type: ignore[operator]
    assert money_words([item(1), item(2, currency="EUR"), item(5)]) == "USD 12,000 + EUR 5,000 at risk"


def test_the_table_has_every_incident_and_no_cell_that_a_spreadsheet_computes() -> None:
    """A-84"""
    cases = [*many(30), item(31, item_name='=HYPERLINK("https://evil.example")', owner="@dana")]
    text = csv_of(cases).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert {row["incident_id"] for row in rows} == {case.incident_id for case in cases}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    cut = csv_of(cases, 1000)
    assert len(cut) <= 1000
    assert cut.endswith(b"\r\n")
    assert csv_of(cases).startswith(cut)
    first = next(row for row in rows if row["incident_id"] == "INC-2026-00001")
    assert (first["money_at_risk"], first["opened_on"], first["currency"]) == ("10000.0", "2026-11-02", "USD")

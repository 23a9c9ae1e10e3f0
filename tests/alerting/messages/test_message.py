"""What messages say, against golden files, and what they can never do in Slack."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.incident import Incident, MemberState
from include.stockwatch.alerting.messages.message import Message
from include.stockwatch.alerting.messages.out_of_stock_message import render
from tests.alerting.data_examples import DATA_EXAMPLES
from tests.alerting.examples import BACK, EXAMPLES, GONE, NOT_ESTIMATED, STALE, incident, many, member, resolved
from tests.alerting.people_examples import PEOPLE_EXAMPLES
from tests.alerting.promise_examples import PROMISE_EXAMPLES, RELAYED, SCORECARDS
from tests.alerting.stock_examples import MASS_EXAMPLES, STOCK_EXAMPLES
from tests.alerting.stories import Story
from tests.domain.tables import day
from tests.golden import GOLDEN, same_as_golden
from tests.strategies import NAMES

# --- golden ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_message_reads_as_its_golden_text(name: str) -> None:
    message = render(EXAMPLES[name])
    same_as_golden(f"{message.fallback}\n\n{message.as_text()}\n", GOLDEN / "messages" / f"{name}.txt")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_message_is_sent_as_its_golden_blocks(name: str) -> None:
    message = render(EXAMPLES[name])
    sent = {"fallback": message.slack_text(), "blocks": message.blocks()}
    text = json.dumps(sent, indent=2, ensure_ascii=False) + "\n"
    same_as_golden(text, GOLDEN / "messages" / f"{name}.json")


def test_every_golden_message_belongs_to_an_example() -> None:
    kept = {path.name for path in (GOLDEN / "messages").iterdir()}
    names = (
        *EXAMPLES,
        *STOCK_EXAMPLES,
        *MASS_EXAMPLES,
        *DATA_EXAMPLES,
        *PROMISE_EXAMPLES,
        *SCORECARDS,
        *RELAYED,
        *PEOPLE_EXAMPLES,
    )
    assert kept == {f"{name}.{ending}" for name in names for ending in ("txt", "json")}


# --- what Slack asks for (A-35, A-68) --------------------------------------------------------------------------------


def texts_of(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every text object of some blocks."""
    found = []
    for block in blocks:
        found += [block["text"]] if "text" in block else []
        found += block.get("fields", []) + block.get("elements", [])
    return found


def is_safe(text: str) -> bool:
    """No control sequence can begin: Slack's start with `<`, and `&` is only there as one of its three entities."""
    return not re.search(r"[<>]|&(?!(amp|lt|gt);)", text)


def assert_slack_takes(message: Message) -> None:
    blocks = message.blocks()
    assert 0 < len(blocks) <= 50
    assert len(json.dumps(blocks, ensure_ascii=False)) <= 10_000
    assert [block["type"] for block in blocks] == ["header", "section", "section", "context"]
    header, fields, body, context = blocks
    assert header["text"]["type"] == "plain_text"
    assert 0 < len(header["text"]["text"]) <= 150
    assert 0 < len(fields["fields"]) <= 10
    assert all(0 < len(one["text"]) <= 2000 for one in fields["fields"])
    assert 0 < len(body["text"]["text"]) <= 3000
    assert 0 < len(context["elements"]) <= 10
    assert 0 < len(message.fallback) <= 240
    assert len(message.slack_text()) <= 4000
    for text in texts_of(blocks):
        if text["type"] == "mrkdwn":
            assert text["verbatim"] is True
            assert is_safe(text["text"])
    assert is_safe(message.slack_text())


@pytest.mark.parametrize("name", EXAMPLES)
def test_slack_takes_every_example_within_its_limits(name: str) -> None:
    assert_slack_takes(render(EXAMPLES[name]))


def test_a_message_of_very_many_stores_stays_short() -> None:
    message = render(incident(*many(5000), ranged=5000, known=5000))
    assert_slack_takes(message)
    assert re.search(r"4,?997 more", message.body[2])


STATES = st.sampled_from((MemberState.OUT, STALE))


@given(NAMES, NAMES, st.lists(NAMES, min_size=1, max_size=4), NAMES, NAMES, STATES)
def test_no_name_can_form_a_mention_or_a_link(
    item: str, partner: str, places: list[str], location: str, owner: str, state: MemberState
) -> None:
    members = tuple(
        member(f"{location}{n}", 1, 3, location_name=place, state=state, has_open_order=bool(n % 2))
        for n, place in enumerate(places)
    )
    told = {"item_name": item, "partner_name": partner, "owner": owner, "ranged": 9, "known": 9}
    assert_slack_takes(render(incident(*members, **told)))
    back = tuple(m.model_copy(update={"state": GONE}) for m in members)
    assert_slack_takes(render(resolved(*back, **told)))


@given(NAMES, NAMES, NAMES)
def test_a_name_cannot_break_a_line(item: str, partner: str, place: str) -> None:
    message = render(incident(member("0118", 1, 3, location_name=place), item_name=item, partner_name=partner))
    for line in (message.fallback, message.header, *message.body, *message.context, *(v for _, v in message.fields)):
        assert len(line.splitlines()) == 1
    assert len(message.as_text().splitlines()) == 1 + len(message.fields) + len(message.body) + 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_notification_ends_with_the_incident_id(name: str) -> None:
    assert render(EXAMPLES[name]).fallback.endswith("INC-2026-00418")


# --- what is said ----------------------------------------------------------------------------------------------------


def field(message: Message, label: str) -> str:
    return dict(message.fields)[label]


def test_all_locations_in_stock_but_one_make_the_share_of_the_known_ones() -> None:
    message = render(incident(member("0118", 1, 3), known=8, ranged=10))
    assert field(message, "Availability") == "87.5% (promise 95%)"
    assert field(message, "Stores out") == "1 of 10"


def test_a_frozen_incident_says_the_availability_of_its_last_data() -> None:
    story = Story()
    story.on(2, out={"0118": 2, "0204": 2}, back=["0077", "0301"])
    before = render(story.incident)
    story.on(3, unknown=["0118", "0204", "0077", "0301"], delivered=False)
    frozen = render(story.incident)
    assert field(before, "Availability") == field(frozen, "Availability") == "50.0% (promise 95%)"
    assert field(frozen, "Status") == "Open, day 1 - frozen, no fresh data"


def test_a_message_names_its_date_and_its_assumptions() -> None:
    message = render(incident(member("0118", 1, 3)))
    assert message.context[0] == "Data as of Wed 4 Nov"
    assert "customers modelled: published averages, 2026-11-22" in message.context


def test_customers_are_a_range_over_the_spell_so_far_and_the_horizon() -> None:
    # (0.04 + 0.12) x 100 stores = 16 customers, x 0.09 to x 2.35
    message = render(incident(*(member(f"{n:04d}", 1, 3) for n in range(100))))
    assert field(message, "Customers") == "about 1,170 shoppers meet the gap, 16 (1.4 to 38) may be lost for good"


def test_what_is_not_estimated_is_never_said_to_be_nothing() -> None:
    for name in ("without_any_estimate", "resolved_without_any_estimate"):
        text = render(EXAMPLES[name]).as_text()
        assert "not estimated" in text
        assert not re.search(r"\b0(\.0+)? (units|shoppers)|USD 0", text)


def test_figures_of_a_part_of_the_locations_are_said_to_be_so() -> None:
    told = (member("0118", 1, 3), member("0204", 2, 3, **NOT_ESTIMATED), member("0077", 1, 1, state=BACK))
    for some in (incident(*told), resolved(*told)):
        count = "1 of 2" if some.is_open else "1 of 3"
        assert f"figures without {count} locations: no demand is known there" in render(some).context
    assert not any("no demand" in one for one in render(EXAMPLES["without_any_estimate"]).context)


def test_a_location_that_was_back_once_and_then_left_the_range_is_not_said_to_be_back() -> None:
    ended = resolved(
        member("0118", 1, 2, state=BACK),
        member("0118", 4, 4, state=GONE),
        end_reason="left_range",
        resolved_on=day(60),
        data_as_of=day(60),
    )
    message = render(ended)
    assert "no longer meant to be sold there" in field(message, "Ended")
    assert "back in 1 of 1" not in field(message, "Ended")
    assert "no longer ranged at Northfield Grocers" in message.fallback


# --- what makes another message --------------------------------------------------------------------------------------


def test_the_same_incident_gives_the_same_digest_and_a_changed_one_another() -> None:
    one = incident(member("0118", 1, 3))
    assert render(one).digest() == render(one.model_copy()).digest()
    changed = one.model_copy(update={"owner": "Priya Nair"})
    assert render(one).digest() != render(changed).digest()


def test_what_no_message_shows_makes_no_other_message() -> None:
    one = incident(member("0118", 1, 3))
    assert render(one).digest() == render(one.model_copy(update={"detected_on": day(2)})).digest()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_incident_read_back_from_the_store_gives_the_same_message(name: str) -> None:
    stored = Incident.model_validate(EXAMPLES[name].model_dump(mode="json"))
    assert render(stored) == render(EXAMPLES[name])
    assert (stored.standing is Standing.RESOLVED) == render(stored).header.startswith("Resolved")

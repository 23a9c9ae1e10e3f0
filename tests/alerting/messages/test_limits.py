"""Slack's limits, one mistake each; what we render keeps them all (A-68, A-92)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.messages.limits import violations
from include.stockwatch.alerting.messages.message import Message
from include.stockwatch.alerting.messages.notice import Notice

GOLDEN = sorted((Path(__file__).resolve().parents[2] / "golden" / "messages").glob("*.json"))
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Acknowledge"}, "action_id": "acknowledge"}
SELECT = {
    "type": "static_select",
    "action_id": "snooze",
    "placeholder": {"type": "plain_text", "text": "Snooze"},
    "options": [{"text": {"type": "plain_text", "text": "4 hours"}, "value": "4h"}],
}


def words(text: str, kind: str = "mrkdwn") -> dict[str, Any]:
    """A text object."""
    return {"type": kind, "text": text}


def right() -> dict[str, Any]:
    """A message with every kind of block, as long as it may be at some places."""
    return {
        "text": "x" * 4000,
        "blocks": [
            {"type": "header", "text": words("x" * 150, "plain_text"), "block_id": "top"},
            {"type": "section", "fields": [words("a")] * 10},
            {"type": "section", "text": words("x" * 3000), "accessory": dict(BUTTON)},
            {"type": "context", "elements": [words("c")] * 9 + [{"type": "image", "image_url": "u", "alt_text": "a"}]},
            {"type": "actions", "elements": [*[dict(BUTTON) for _ in range(24)], json.loads(json.dumps(SELECT))]},
            {"type": "image", "image_url": "https://example.org/a.png", "alt_text": "stock by day"},
            {"type": "divider"},
        ],
        "metadata": {"event_type": "stockwatch_notice", "event_payload": {"key": "k" * 32, "v": 1}},
    }


def test_a_message_within_all_limits_may_go() -> None:
    assert violations(**right()) == []


Change = Callable[[dict[str, Any]], Any]


def at(block: int, **values: Any) -> Change:
    """Change a block."""
    return lambda message: message["blocks"][block].update(values)


def button(**values: Any) -> Change:
    """Change the first button."""
    return lambda message: message["blocks"][4]["elements"][0].update(values)


def option(**values: Any) -> Change:
    """Change the only choice of the menu."""
    return lambda message: message["blocks"][4]["elements"][24]["options"][0].update(values)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda message: message.update(text="x" * 4001), "text"),
        (lambda message: message.update(text=""), "text"),
        (lambda message: message["blocks"].extend([{"type": "divider"}] * 44), "blocks"),
        (at(0, text=words("x" * 151, "plain_text")), "blocks[0].text.text"),
        (at(0, text=words("x")), "blocks[0].text"),
        (at(0, text=words("", "plain_text")), "blocks[0].text.text"),
        (at(0, block_id="x" * 256), "blocks[0].block_id"),
        (at(1, block_id="top"), "blocks"),
        (at(1, fields=[words("a")] * 11), "blocks[1].fields"),
        (at(1, fields=[]), "blocks[1].fields"),
        (at(1, fields=[words("a"), words("x" * 2001)]), "blocks[1].fields[1].text"),
        (lambda message: message["blocks"][1].pop("fields"), "blocks[1]"),
        (at(2, text=words("x" * 3001)), "blocks[2].text.text"),
        (at(2, text="bare"), "blocks[2].text"),
        (at(2, accessory={"type": "kitten"}), "blocks[2].accessory.type"),
        (at(3, elements=[words("c")] * 11), "blocks[3].elements"),
        (at(3, elements=[]), "blocks[3].elements"),
        (at(3, elements=[{"type": "image", "image_url": "u"}]), "blocks[3].elements[0].alt_text"),
        (at(4, elements=[dict(BUTTON)] * 26), "blocks[4].elements"),
        (at(4, elements=[]), "blocks[4].elements"),
        (button(text=words("x" * 76, "plain_text")), "blocks[4].elements[0].text.text"),
        (button(value="x" * 2001), "blocks[4].elements[0].value"),
        (button(url="x" * 3001), "blocks[4].elements[0].url"),
        (button(action_id="x" * 256), "blocks[4].elements[0].action_id"),
        (button(accessibility_label="x" * 76), "blocks[4].elements[0].accessibility_label"),
        (button(style="loud"), "blocks[4].elements[0].style"),
        (option(text=words("x" * 76, "plain_text")), "blocks[4].elements[24].options[0].text.text"),
        (option(value="x" * 151), "blocks[4].elements[24].options[0].value"),
        (option(value=""), "blocks[4].elements[24].options[0].value"),
        (lambda message: message["blocks"][4]["elements"][24].update(options=[]), "blocks[4].elements[24].options"),
        (at(5, alt_text=""), "blocks[5].alt_text"),
        (at(5, image_url=""), "blocks[5].image_url"),
        (at(6, type="kitten"), "blocks[6].type"),
        (lambda message: message["metadata"].pop("event_type"), "metadata"),
        (lambda message: message["metadata"]["event_payload"].update(more="x" * 200), "metadata"),
    ],
)
def test_one_mistake_is_found_where_it_is(change: Change, path: str) -> None:
    message = right()
    change(message)
    assert [violation.path for violation in violations(**message)] == [path]


def test_blocks_that_are_too_long_in_all_are_found_although_each_is_not() -> None:
    """slackapi/bolt-js issue 2509."""
    blocks = [{"type": "section", "text": words("x" * 2900)} for _ in range(4)]
    (found,) = violations("text", blocks)
    assert str(found).startswith("blocks: 11,")
    assert str(found).endswith("characters in all, at most 10,000")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_message_that_is_kept_as_an_example_keeps_the_limits(path: Path) -> None:
    kept = json.loads(path.read_text("utf-8"))
    assert violations(kept["fallback"], kept["blocks"]) == []


def test_there_are_examples() -> None:
    assert len(GOLDEN) > 40


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=600)


@given(
    WORDS, WORDS, st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=12), st.lists(WORDS, min_size=1, max_size=20)
)
def test_a_message_of_any_words_keeps_the_limits_of_its_parts(
    fallback: str, header: str, fields: list[tuple[str, str]], body: list[str]
) -> None:
    """All but that of the whole, which long words can break: those are sent as words alone."""
    made = Message(fallback, header, tuple(fields), tuple(body), ("as of Sun 1 Nov",))
    parts = [
        violation for violation in violations(made.slack_text()[:4000], made.blocks()) if violation.path != "blocks"
    ]
    assert parts == []


@given(st.text(min_size=1, max_size=3000))
def test_a_notice_of_any_words_keeps_the_limits_and_calls_nobody(said: str) -> None:
    notice = Notice(said, channel="C0TRIAGE")
    assert violations(notice.slack_text(), notice.blocks()) == []
    assert notice.slack_text().count("<") == 1, "the channel's link alone"

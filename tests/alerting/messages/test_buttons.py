"""Buttons, forms, and what Slack sends when somebody uses them (A-55, A-75 to A-77)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.actions import Act
from include.stockwatch.alerting.case import Case, Standing
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.messages.buttons import FORMS, MOST, Press, acts, buttons, form, read
from include.stockwatch.alerting.messages.limits import violations
from tests.alerting.data_examples import data_incident
from tests.alerting.examples import MALICE, incident, member, resolved
from tests.alerting.promise_examples import incident as promise_incident

NOW = dt.datetime(2026, 11, 6, 16, 30, tzinfo=dt.UTC)
STOCK = incident(member("0118", 1, 3))
CASES = {"stock": STOCK, "data": data_incident(), "promise": promise_incident()}


def standing(case: Case, standing: Standing) -> Case:
    """The case as it stands otherwise."""
    return case.model_copy(update={"standing": standing})


def pressed(act: str, **told: Any) -> dict[str, Any]:
    """What Slack sends when Dana presses a button."""
    return {
        "type": "block_actions",
        "user": {"id": "U0DANA"},
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        "container": {"type": "message", "message_ts": "1762445400.000100", "channel_id": "C0NORTHFIELD"},
        "actions": [{"action_id": act, "value": "INC-2026-00418", "action_ts": "1762446000.5", "type": "button"}],
    } | told


def sent(act: Act, values: dict[str, Any]) -> dict[str, Any]:
    """What Slack sends when Dana saves a form."""
    view = form(STOCK, read(pressed(f"stockwatch.{act.value}")) or pytest.fail("not read"), NOW)
    state = {"values": {name: {name: value} for name, value in values.items()}}
    return {
        "type": "view_submission",
        "user": {"id": "U0DANA"},
        "view": {**view, "id": "V1", "hash": "156663117.cd33ad1f", "state": state},
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("how", list(Standing))
def test_a_message_with_its_buttons_keeps_to_slacks_limits(case: Case, how: Standing) -> None:
    shown = standing(case, how)
    message = render(shown)
    assert violations(message.slack_text(), [*message.blocks(), *buttons(shown)]) == []
    assert len(acts(shown)) <= MOST


def test_buttons_follow_how_it_stands() -> None:
    assert acts(STOCK) == (Act.ACKNOWLEDGE, Act.CONFIRM, Act.FALSE_ALARM, Act.SNOOZE)
    assert Act.ACKNOWLEDGE not in acts(standing(STOCK, Standing.ACKNOWLEDGED))
    assert acts(standing(STOCK, Standing.SNOOZED))[0] is Act.WAKE
    assert acts(data_incident()) == (Act.ACKNOWLEDGE, Act.SNOOZE)


def test_what_has_ended_asks_for_a_verdict_alone_and_only_once() -> None:
    #
    ended = resolved(member("0118", 1, 4))
    assert acts(ended) == (Act.CONFIRM, Act.FALSE_ALARM)
    verdict = {"person": "dana@example.com", "is_confirmed": True, "at": NOW}
    judged = ended.handling.model_validate({"verdicts": [verdict]})
    assert buttons(ended.model_copy(update={"handling": judged})) == []


def test_each_button_names_its_incident_for_those_who_hear_it() -> None:
    (block,) = buttons(STOCK)
    labels = [element["accessibility_label"] for element in block["elements"]]
    assert labels[0] == "Acknowledge INC-2026-00418"
    assert [element.get("style") for element in block["elements"]] == ["primary", None, None, None]


def test_a_press_is_read_and_is_the_same_however_often_it_is_sent() -> None:
    press = read(pressed("stockwatch.acknowledge"))
    assert press is not None
    assert (press.user, press.incident_id, press.act, press.is_complete) == (
        "U0DANA",
        "INC-2026-00418",
        Act.ACKNOWLEDGE,
        True,
    )
    again = read(pressed("stockwatch.acknowledge", trigger_id="another"))
    assert again is not None
    assert again.press_id == press.press_id
    other = read(pressed("stockwatch.acknowledge", user={"id": "U0SAM"}))
    assert other is not None
    assert other.press_id != press.press_id


@pytest.mark.parametrize("act", FORMS)
def test_a_press_that_needs_more_opens_a_form_within_slacks_limits(act: Act) -> None:
    press = read(pressed(f"stockwatch.{act.value}"))
    assert press is not None
    assert not press.is_complete
    shown = form(incident(member("0118", 1, 3), **MALICE), press, NOW)
    assert len(shown["title"]["text"]) <= 24
    assert all(block["type"] in ("section", "input") for block in shown["blocks"])
    assert "mrkdwn" not in json.dumps(shown), "names of feeds stand in plain text"
    assert len(shown["private_metadata"]) <= 3000


def test_what_was_sent_in_a_form_is_read() -> None:
    tomorrow = int(dt.datetime(2026, 11, 7, 8, tzinfo=dt.UTC).timestamp())
    until, why = {"selected_date_time": tomorrow}, {"value": "on its way"}
    press = read(sent(Act.SNOOZE, {"until": until, "reason": why}))
    assert press is not None
    assert (press.until, press.reason) == (dt.datetime(2026, 11, 7, 8, tzinfo=dt.UTC), "on its way")
    press = read(sent(Act.FALSE_ALARM, {"choice": {"selected_option": {"value": "delisted"}}}))
    assert press is not None
    assert (press.act, press.reason, press.channel) == (Act.FALSE_ALARM, "delisted", "C0NORTHFIELD")
    press = read(sent(Act.RESTOCK, {"day": {"selected_date": "2026-11-09"}, "units": {"value": None}}))
    assert press is not None
    assert (press.restock_on, press.restock_units) == (dt.date(2026, 11, 9), None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PARTS = ("type", "user", "container", "actions", "view", "trigger_id")


@given(st.sampled_from(PARTS), JSON, st.booleans())
def test_whatever_is_sent_is_read_or_left_alone(part: str, value: Any, is_form: bool) -> None:
    payload = sent(Act.RESOLVE, {"reason": {"value": "back"}}) if is_form else pressed("stockwatch.acknowledge")
    assert isinstance(read(payload | {part: value}), Press | None)


@given(st.dictionaries(st.sampled_from(("id", "callback_id", "private_metadata", "state")), JSON))
def test_a_form_of_any_content_is_read_or_left_alone(view: dict[str, Any]) -> None:
    payload = sent(Act.RESOLVE, {"reason": {"value": "back"}})
    assert isinstance(read(payload | {"view": {**payload["view"], **view}}), Press | None)


@pytest.mark.parametrize("payload", [{}, {"type": "block_actions"}, pressed("other.app"), pressed("stockwatch.sing")])
def test_what_is_not_ours_is_left_alone(payload: dict[str, Any]) -> None:
    assert read(payload) is None

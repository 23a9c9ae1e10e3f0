"""What people do on the board is what they do in Slack: same function, same events, same answers."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.alerting.case import Case, Standing
from tests.board.conftest import NOW, Board

OPEN = "INC-2026-00001"


def stored(board: Board, incident_id: str = OPEN) -> tuple[Case, list[dict[str, Any]]]:
    """An incident and its events."""
    with board.services.state.read() as tx:
        case = incidents.find(tx, incident_id)
        assert case is not None
        return case, incidents.events(tx, incident_id)


@pytest.mark.parametrize(
    ("asked", "standing", "event"),
    [
        ({"action": "acknowledge"}, Standing.ACKNOWLEDGED, "acknowledged"),
        ({"action": "snooze", "hours": 4, "reason": "on its way"}, Standing.SNOOZED, "snoozed"),
        ({"action": "resolve", "reason": "counted"}, Standing.RESOLVED, "resolved"),
        ({"action": "confirm"}, Standing.OPEN, "confirmed"),
        ({"action": "false_alarm", "reason": "closed"}, Standing.RESOLVED, "false_alarm"),
        ({"action": "restock", "on": "2026-11-06", "units": 48}, Standing.OPEN, "restock"),
    ],
)
def test_each_action_is_stored_with_its_event_and_who_did_it(
    own_board: Board, asked: dict[str, Any], standing: Standing, event: str
) -> None:
    answer = own_board.post("/actions", {"incidents": [OPEN], **asked})
    assert answer.status_code == 200, answer.text
    assert OPEN in answer.json()["said"]
    case, events = stored(own_board)
    assert case.standing is standing
    assert (events[-1]["kind"], events[-1]["actor"]) == (event, "dana@example.com")
    page = own_board.get(f"/incidents/{OPEN}").text
    assert "dana@example.com" in page


def test_a_snooze_can_be_ended_and_shows_among_the_silences(own_board: Board) -> None:
    own_board.post("/actions", {"incidents": [OPEN], "action": "snooze", "hours": 24, "reason": "a delivery is booked"})
    assert "a delivery is booked" in own_board.get("/silences").text
    assert stored(own_board)[0].handling.snoozed_until == NOW + dt.timedelta(hours=24)
    assert 'data-act="wake"' in own_board.get(f"/incidents/{OPEN}").text
    assert OPEN in own_board.get("/incidents?snooze_ending=1").text
    own_board.post("/actions", {"incidents": [OPEN], "action": "wake"})
    assert stored(own_board)[0].standing is Standing.OPEN


def test_a_stale_action_changes_nothing_and_says_how_things_stand(own_board: Board) -> None:
    own_board.post("/actions", {"incidents": [OPEN], "action": "resolve", "reason": "counted"})
    _, before = stored(own_board)
    answer = own_board.post("/actions", {"incidents": [OPEN], "action": "acknowledge"})
    assert "is resolved by now: nothing was changed" in answer.json()["said"]
    assert stored(own_board)[1] == before


def test_many_at_once_are_done_one_by_one(own_board: Board) -> None:
    with own_board.services.state.read() as tx:
        found = [one["incident_id"] for one in outbox.messages(tx)]
    ids = sorted(set(found))
    answer = own_board.post("/actions", {"incidents": [*ids, "INC-1999-00001"], "action": "acknowledge"})
    assert answer.status_code == 200
    assert "there is no incident INC-1999-00001" in answer.json()["said"]
    assert stored(own_board)[0].standing is Standing.ACKNOWLEDGED


def test_an_incident_of_a_partner_that_one_may_not_see_is_not_touched(own_board: Board) -> None:
    answer = own_board.post("/actions", {"incidents": [OPEN], "action": "acknowledge"}, user="westway")
    assert answer.status_code == 409
    assert "that you may see" in answer.json()["said"]
    assert stored(own_board)[0].standing is Standing.OPEN


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"incidents": [], "action": "acknowledge"}, 422),
        ({"incidents": [OPEN], "action": "explode"}, 422),
        ({"incidents": [OPEN], "action": "acknowledge", "more": 1}, 422),
        ({"incidents": [OPEN], "action": "snooze", "hours": 4}, 409),  # says no reason
        ({"incidents": [OPEN], "action": "snooze", "hours": 9999, "reason": "x"}, 422),
        ({"incidents": [OPEN], "action": "false_alarm", "reason": "nonsense"}, 409),
        ({"incidents": [OPEN] * 201, "action": "acknowledge"}, 422),
        ({"incidents": ["x" * 100_000], "action": "acknowledge"}, 413),
    ],
)
def test_what_cannot_be_done_is_answered_in_words(own_board: Board, asked: dict[str, Any], status: int) -> None:
    before = stored(own_board)
    answer = own_board.post("/actions", asked)
    assert answer.status_code == status, answer.text
    assert answer.json()["said"]
    assert stored(own_board) == before


def test_a_message_that_was_given_up_can_be_sent_again_or_discarded(own_board: Board) -> None:
    with own_board.services.state.begin() as tx:
        first, second = [one["outbox_id"] for one in outbox.messages(tx)][-2:]
        from include.stockwatch.adapters.state.tables import outbox as table

        tx.execute(table.update().where(table.c.outbox_id.in_([first, second])).values(status="dead", error="gone"))
    page = own_board.get("/deliveries?status=waiting").text
    assert page.count('data-act="replay"') == 2
    again = own_board.post("/messages", {"message": second, "action": "replay"})
    assert again.status_code == 200, again.text
    away = own_board.post("/messages", {"message": first, "action": "discard", "reason": "too old"})
    assert away.status_code == 200, away.text
    assert own_board.post("/messages", {"message": 999_999, "action": "replay"}).status_code == 409
    hidden = own_board.post("/messages", {"message": second, "action": "replay"}, user="westway")
    assert (hidden.status_code, "that you may see" in hidden.json()["said"]) == (409, True)
    with own_board.services.state.read() as tx:
        told = {one["outbox_id"]: one["status"] for one in outbox.messages(tx)}
    assert (told[second], told[first]) == ("uncertain", "discarded")


def test_a_silence_is_made_shown_and_ended(own_board: Board) -> None:
    asked = {"action": "silence", "partner": "northfield", "kind": "out_of_stock", "hours": 24, "reason": "store refit"}
    made = own_board.post("/silences", asked)
    assert made.status_code == 200, made.text
    page = own_board.get("/silences").text
    assert "store refit" in page
    assert "partner northfield, kind out_of_stock" in page
    assert "dana@example.com" in page
    assert "store refit" not in own_board.get("/silences", user="westway").text
    (number,) = [int(one) for one in re.findall(r'data-act="end_silence" data-silence="(\d+)"', page)]
    hidden = own_board.post("/silences", {"action": "end_silence", "silence": number}, user="westway")
    assert (hidden.status_code, "that you may end" in hidden.json()["said"]) == (409, True)
    assert own_board.post("/silences", {"action": "end_silence", "silence": number}).status_code == 200
    assert 'data-act="end_silence" data' not in own_board.get("/silences").text


@pytest.mark.parametrize(
    "changes", [{"partner": ""}, {"partner": "westway"}, {"reason": ""}, {"kind": "nonsense"}, {"partner": "nobody"}]
)
def test_a_silence_needs_a_partner_that_one_may_see_and_a_reason(own_board: Board, changes: dict[str, str]) -> None:
    asked = {"action": "silence", "partner": "northfield", "reason": "refit", **changes}
    user = "westway" if changes.get("partner") == "" else "admin"
    if changes.get("partner") == "westway":
        asked["partner"], user = "northfield", "westway"
    answer = own_board.post("/silences", asked, user=user)
    assert answer.status_code == 409, answer.text
    assert answer.json()["said"]

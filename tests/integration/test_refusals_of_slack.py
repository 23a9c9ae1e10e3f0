"""What becomes of a message that Slack refuses: every class of error, the pace, and dead messages (A-67 to A-71)."""

from __future__ import annotations

import datetime as dt

import pytest

from include.stockwatch.adapters.state import outbox, pace
from include.stockwatch.errors import DeliveryFailed, NotReplayable
from include.stockwatch.workflows.messages.dead_letters import dead_letters, discard, replay
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.messages.delivery_metrics import metrics
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, Fault, FaultProxy, lose_answer, page, rate_limit, refuse, unavailable
from tests.integration.sending import deliver_all, incident, note, record, resolved, rows, statuses
from tests.slack_server.server import GENERAL, RANDOM, SlackServer

POST, UPDATE = "chat.postMessage", "chat.update"


def triage(slack: SlackServer) -> list[str]:
    """What the triage channel was told."""
    return [message["text"] for message in slack.messages(RANDOM)]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (rate_limit(90), 90),
        (refuse("ratelimited"), 30),
        (refuse("rate_limited"), 30),
        (refuse("message_limit_exceeded"), 30),
    ],
    ids=["429", "ratelimited", "rate_limited", "message_limit_exceeded"],
)
def test_a_rate_limit_is_waited_for_and_counts_as_no_attempt(
    fault: Fault, seconds: int, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class wait: as long as Retry-After says, 30 s without it."""
    proxy.script(POST, fault)
    record(sending, incident(), "opened")
    start = clock()
    deliver(sending)
    (row,) = rows(sending)
    assert row["attempts"] == 0
    assert row["not_before"] - start == dt.timedelta(seconds=seconds)
    deliver_all(sending, clock)
    assert len(slack.messages()) == 1
    assert rows(sending)[0]["attempts"] == 1


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "service_unavailable", "request_timeout"])
def test_an_error_inside_slack_is_looked_into_before_the_message_is_repeated(
    error: str, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class ambiguous."""
    proxy.script(POST, refuse(error))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert proxy.calls == [POST, "conversations.history", POST]
    assert len(slack.messages()) == 1


@pytest.mark.parametrize("status", [200, 403, 404, 500, 503])
def test_an_answer_that_is_not_slacks_says_nothing_about_the_message(
    status: int, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class ambiguous: something in between may have answered before or after Slack."""
    proxy.script(POST, *[page(status)] * 4)
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert proxy.calls.count("conversations.history") == 4
    assert len(slack.messages()) == 1


def test_the_eighth_attempt_without_an_answer_is_the_last(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class ambiguous: 10 s, then twice as long each time."""
    proxy.script(POST, *[unavailable] * 9)
    record(sending, incident(), "opened")
    waits = []
    for _ in range(8):
        assert statuses(sending)[0] in ("pending", "uncertain")
        deliver(sending)
        waits.append((rows(sending)[0]["not_before"] - clock()).total_seconds())
        clock.move(seconds=max(waits[-1], 0))
    assert waits[:7] == [10, 20, 40, 80, 160, 320, 640]
    assert statuses(sending)[0] == "dead"
    assert slack.messages() == []


CHANNEL_ERRORS = ("channel_not_found", "is_archived", "restricted_action", "restricted_action_read_only_channel")


@pytest.mark.parametrize("error", [*CHANNEL_ERRORS, "posting_to_channel_denied", "no_permission"])
def test_a_channel_that_takes_no_message_is_given_up_and_triage_told_why_once(
    error: str, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class channel, and A-70: one line per dead root, once."""
    proxy.script(POST, refuse(error))
    record(sending, incident(1), "opened")
    record(sending, incident(2), "opened")
    deliver_all(sending, clock)
    proxy.script(POST, refuse(error))
    record(sending, incident(1, ranged=8), "updated")
    deliver_all(sending, clock)
    assert statuses(sending) == ["dead", "sent", "sent", "dead"], "nothing else is held up"
    assert len(slack.messages()) == 1
    (line,) = triage(slack)
    assert line.startswith(f"Not delivered (channel: {error}), INC-2026-00001: ")
    assert line.endswith(f"it was meant for <#{GENERAL}>")


def test_a_public_channel_without_the_bot_is_joined_once(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class channel: not_in_channel."""
    proxy.script(POST, refuse("not_in_channel"))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert proxy.calls == [POST, "conversations.join", POST]
    assert len(slack.messages()) == 1
    assert triage(slack) == []


def test_a_channel_that_does_not_take_the_joined_bot_is_given_up(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, refuse("not_in_channel"), refuse("not_in_channel"))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert proxy.calls.count("conversations.join") == 1
    assert statuses(sending) == ["dead", "sent"]
    assert len(triage(slack)) == 1


@pytest.mark.parametrize("error", ["missing_scope", "method_not_supported_for_channel_type", "not_in_channel"])
def test_a_channel_that_cannot_be_joined_is_given_up_and_stops_nothing(
    error: str, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """The scope channels:join is optional (A-78): its lack is no trouble with the token."""
    proxy.script(POST, refuse("not_in_channel"))
    proxy.script("conversations.join", refuse(error))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert statuses(sending) == ["dead", "sent"]
    assert f"not_in_channel, and not joined: {error}" in triage(slack)[0]


def test_joining_waits_when_slack_asks_for_it(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, refuse("not_in_channel"), refuse("not_in_channel"))
    proxy.script("conversations.join", rate_limit(5))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert statuses(sending) == ["sent"]


TOKEN_ERRORS = ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope")


@pytest.mark.parametrize("error", [*TOKEN_ERRORS, "org_login_required"])
def test_a_refused_token_stops_everything_and_loses_nothing(
    error: str, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class token."""
    proxy.script(POST, refuse(error))
    record(sending, incident(1), "opened")
    record(sending, incident(2), "opened")
    with pytest.raises(DeliveryFailed, match=error):
        deliver(sending)
    assert statuses(sending) == ["pending", "pending"]
    assert metrics(sending).stopped_by == f"token: {error}"
    deliver_all(sending, clock)
    assert statuses(sending) == ["sent", "sent"]
    assert len(slack.messages()) == 2
    assert metrics(sending).stopped_by is None


CONTENT_ERRORS = ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text")
METADATA_ERRORS = ("invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large")


@pytest.mark.parametrize("error", [*CONTENT_ERRORS, *METADATA_ERRORS, "too_many_attachments"])
def test_a_message_in_a_form_that_slack_refuses_goes_as_words_and_triage_hears_of_the_defect(
    error: str,
    sending: Services,
    slack: SlackServer,
    proxy: FaultProxy,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Class content: once as plain text, with the link to the board."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    proxy.script(POST, refuse(error))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert not root.get("blocks")
    assert "Oat Bar &lt;!channel&gt; &amp; co" in root["text"]
    assert "Owner: Dana Ruiz" in root["text"], "all of it, in words"
    board = "https://airflow.example.com/plugin/stockwatch/stockwatch/board/incidents"
    assert root["text"].endswith(f"\n<{board}|Open the board>")
    (line,) = triage(slack)
    assert line.startswith("Slack did not take the form of a message on INC-2026-00001")


def test_a_form_that_slack_refuses_is_told_of_once_a_day(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, *[refuse("invalid_blocks"), lambda _handler, forward: forward()] * 2)
    record(sending, incident(1), "opened")
    record(sending, incident(2), "opened")
    deliver_all(sending, clock)
    assert len(slack.messages()) == 2
    assert len(triage(slack)) == 1


def test_words_that_slack_refuses_too_are_dead(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, refuse("invalid_blocks"), refuse("msg_too_long"))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert slack.messages() == []
    assert statuses(sending) == ["dead", "sent"]
    assert triage(slack)[0].startswith("Not delivered (content: msg_too_long)")


def test_an_update_in_a_form_that_slack_refuses_changes_the_root_into_words(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    proxy.script(UPDATE, refuse("invalid_blocks"))
    record(sending, resolved(), "resolved")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert root["text"].startswith("Resolved - Out of stock")
    assert not root.get("blocks")


TARGET_ERRORS = ("message_not_found", "cant_update_message", "edit_window_closed", "restricted_action_thread_locked")


@pytest.mark.parametrize("error", TARGET_ERRORS)
def test_a_root_that_cannot_be_changed_is_replaced_once(
    error: str, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class target, A-53: one new root, the old one lost."""
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    slack.clear(GENERAL)
    proxy.script(UPDATE, refuse(error))
    record(sending, resolved(), "resolved")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert root["text"].startswith("RESOLVED")
    assert len(slack.replies(root["ts"])) == 1
    assert statuses(sending) == ["lost", "sent", "sent"]
    assert proxy.calls.count(UPDATE) == 1


@pytest.mark.parametrize("error", TARGET_ERRORS)
def test_a_reply_whose_thread_is_gone_waits_for_a_new_root(
    error: str, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class target: no event is lost with the thread."""
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    record(sending, incident(ranged=9), "updated")
    deliver_all(sending, clock)
    slack.clear(GENERAL)
    proxy.script(POST, refuse(error))
    note(sending, "Dana Ruiz took it")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert "1 of 9" in root["text"], "what the lost one showed last"
    assert [reply["text"] for reply in slack.replies(root["ts"])] == ["Dana Ruiz took it"]
    assert statuses(sending) == ["lost", "sent", "sent", "sent"]


def test_a_thread_that_vanishes_again_and_again_ends(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-53: never loop."""
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    gone, fine = refuse("message_not_found"), lambda _handler, forward: forward()
    proxy.script(POST, *[gone, fine] * 10)
    note(sending, "Dana Ruiz took it")
    deliver_all(sending, clock)
    assert statuses(sending).count("dead") == 1
    assert len(slack.messages()) == 3


def test_a_reply_to_a_dead_message_is_dead_and_posts_nothing(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, refuse("is_archived"))
    record(sending, incident(), "opened")
    note(sending, "Dana Ruiz took it")
    deliver_all(sending, clock)
    assert statuses(sending) == ["dead", "dead", "sent"]
    assert slack.messages() == []


@pytest.mark.parametrize("error", ["users_not_found", "user_not_found"])
def test_a_person_whom_slack_does_not_know_is_left_out(
    error: str, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class person: without mention."""
    record(sending, incident(), "opened")
    with sending.state.begin() as tx:
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "<@U0DANA> has it"}}]
        outbox.change_content(tx, 1, "Low: <@U0DANA|dana> Oat Bar", blocks)
    proxy.script(POST, refuse(error))
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert root["text"] == "Low: Oat Bar"
    assert root["blocks"][0]["text"]["text"] == " has it"


def test_an_error_that_nobody_knows_is_tried_three_times(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Class unknown."""
    proxy.script(POST, *[refuse("something_new")] * 3)
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert slack.messages() == []
    assert statuses(sending) == ["dead", "sent"]
    assert [row["attempts"] for row in rows(sending)] == [3, 1]


def test_a_triage_channel_that_fails_too_makes_the_task_fail(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-70: the failing task is the last resort."""
    proxy.script(POST, refuse("is_archived"), refuse("is_archived"))
    record(sending, incident(1), "opened")
    with pytest.raises(DeliveryFailed, match="1 dead messages could not be told of"):
        deliver(sending)
    assert statuses(sending) == ["dead", "dead"]
    record(sending, incident(2), "opened")
    assert deliver(sending) == {"sent": 1}, "the next run goes on"


def test_dead_messages_are_listed_replayed_and_discarded(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-70."""
    proxy.script(POST, refuse("is_archived"), refuse("no_permission"))
    record(sending, incident(1), "opened")
    record(sending, incident(2), "opened")
    deliver_all(sending, clock)
    clock.move(hours=3)
    first, second = dead_letters(sending)
    assert (first["incident_id"], first["channel"], first["attempts"]) == ("INC-2026-00001", GENERAL, 1)
    assert (first["error"], round(first["hours_old"])) == ("channel: is_archived", 3)
    assert second["error"] == "channel: no_permission"

    replay(sending, first["outbox_id"], "dana")
    discard(sending, second["outbox_id"], "the account is closed", "dana")
    deliver_all(sending, clock)
    assert dead_letters(sending) == []
    (root,) = slack.messages()
    assert "INC-2026-00001" in root["text"]
    notes = [row["note"] for row in rows(sending) if row["note"]]
    assert notes == [
        "replayed by dana at 2026-11-02 09:01 UTC",
        "discarded by dana at 2026-11-02 09:01 UTC: the account is closed",
    ]


def test_a_replayed_message_that_had_arrived_after_all_is_not_sent_again(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, lose_answer)
    proxy.script("conversations.history", refuse("is_archived"))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert statuses(sending) == ["dead", "sent"]
    replay(sending, 1, "dana")
    deliver_all(sending, clock)
    assert len(slack.messages()) == 1
    assert statuses(sending) == ["sent", "sent"]


def test_only_dead_messages_that_still_say_the_newest_can_be_replayed(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, refuse("is_archived"))
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    record(sending, incident(ranged=9), "updated")
    deliver_all(sending, clock)
    with pytest.raises(NotReplayable, match="message 3 of INC-2026-00001 shows more"):
        replay(sending, 1, "dana")
    with pytest.raises(NotReplayable, match="it is sent, not dead"):
        discard(sending, 3, "", "dana")
    with pytest.raises(NotReplayable, match="no such message"):
        replay(sending, 99, "dana")


def test_a_channel_gets_one_message_a_second_and_others_do_not_wait_for_it(
    sending: Services, slack: SlackServer, clock: Clock
) -> None:
    """A-67: the drain goes on; only the pace is waited for."""
    for number in range(4):
        record(sending, incident(number), "opened")
    for number in range(4, 6):
        record(sending, incident(number, channel=RANDOM), "opened")
    start = clock()
    assert deliver(sending) == {"sent": 6}
    assert clock() - start == dt.timedelta(seconds=3)
    sent = [(row["channel"], (row["sent_at"] - start).total_seconds()) for row in rows(sending)]
    assert sorted(sent) == [(GENERAL, 0), (GENERAL, 1), (GENERAL, 2), (GENERAL, 3), (RANDOM, 0), (RANDOM, 1)]


def test_a_rate_limit_holds_its_whole_channel_and_no_other(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, rate_limit(20))
    record(sending, incident(1), "opened")
    record(sending, incident(2), "opened")
    record(sending, incident(3, channel=RANDOM), "opened")
    assert deliver(sending) == {"pending": 1, "sent": 1}
    assert statuses(sending) == ["pending", "pending", "sent"]
    clock.move(seconds=19)
    assert deliver(sending) == {"sent": 2}, "a second more is waited for within the run"
    assert len(proxy.calls) == 4


def test_the_third_rate_limit_in_a_row_pauses_the_method_everywhere(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-67."""
    record(sending, incident(9, channel=RANDOM), "opened")
    deliver_all(sending, clock)
    proxy.script(POST, *[rate_limit(30)] * 3)
    record(sending, incident(1), "opened")
    for wait in (30, 30, 20):
        assert deliver(sending) == {"pending": 1}
        clock.move(seconds=wait)
    record(sending, incident(2, channel=RANDOM), "opened")
    record(sending, incident(9, channel=RANDOM, ranged=8), "updated")
    assert deliver(sending) == {"sent": 1}, "an update is another method"
    assert proxy.calls[-1] == UPDATE
    clock.move(seconds=10)
    deliver_all(sending, clock)
    assert set(statuses(sending)) == {"sent"}
    assert metrics(sending).rate_limited == 3


def test_a_paused_history_holds_only_what_must_be_looked_for(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(POST, lose_answer)
    proxy.script("conversations.history", *[rate_limit(60)] * 3)
    record(sending, incident(1), "opened")
    for wait in (60, 60, 60, 30):
        assert deliver(sending) == {"uncertain": 1}
        clock.move(seconds=wait)
    with sending.state.begin() as tx:
        pace.hold_channel(tx, GENERAL, clock())  # what holds now is the pause of the method alone
    record(sending, incident(2), "opened")
    before = len(proxy.calls)
    assert deliver(sending) == {"sent": 1}
    assert proxy.calls[before:] == [POST]
    clock.move(minutes=2)
    deliver_all(sending, clock)
    assert len(slack.messages()) == 2

"""Messages to a real Slack API server, through a proxy that breaks calls on purpose (A-50 to A-66, A-90)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from slack_sdk import WebClient

from include.stockwatch.adapters.preview import PreviewMessenger
from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.adapters.state import outbox
from include.stockwatch.adapters.state.outbox import Attachment
from include.stockwatch.errors import DeliveryFailed
from include.stockwatch.workflows.messages.copies import look_for_copies
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.messages.delivery_metrics import metrics
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, Fault, FaultProxy, hang, lose_answer, lose_request, rate_limit, refuse, unavailable
from tests.integration.conftest import TIMEOUT
from tests.integration.sending import deliver_all, incident, note, record, resolved, rows, statuses
from tests.slack_server.server import GENERAL, RANDOM, TOKEN, SlackServer, slack_server

CSV = Attachment("locations.csv", "Locations that are out", "", b"location,out since\r\n0118,2026-11-01\r\n")


def test_an_incident_is_one_message_that_changes_and_one_reply_at_its_end(
    sending: Services, slack: SlackServer, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    opened = slack.messages()
    assert [message["text"][:21] for message in opened] == ["LOW out of stock: Oat"]
    assert opened[0]["metadata"]["event_type"] == "stockwatch_notice"

    record(sending, incident(ranged=7), "updated")
    deliver_all(sending, clock)
    record(sending, resolved(), "resolved")
    deliver_all(sending, clock)

    (root,) = slack.messages()
    assert root["ts"] == opened[0]["ts"]
    assert root["text"].startswith("RESOLVED: Oat Bar")
    assert root["blocks"][0]["text"]["text"].startswith("Resolved - Out of stock")
    assert [reply["text"] for reply in slack.replies(root["ts"])] == [root["text"]]
    assert statuses(sending) == ["sent"] * 4


def test_text_of_a_feed_cannot_call_the_channel(sending: Services, slack: SlackServer, clock: Clock) -> None:
    record(sending, incident(), "opened")
    note(sending, "the store says <!channel> & more")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    (reply,) = slack.replies(root["ts"])
    for said in (root, reply):
        assert "<!channel>" not in said["text"]
        assert "&lt;!channel&gt;" in said["text"]


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("clean", ()),
        ("lost request", (lose_request,)),
        ("lost answer", (lose_answer,)),
        ("answer after the time-out", (hang(TIMEOUT + 0.3),)),
        ("503, then lost answer", (unavailable, lose_answer)),
        ("rate limit", (rate_limit(2),)),
        ("rate limit, then lost answer", (rate_limit(1), lose_answer)),
        ("Slack's own error, then fine", (refuse("internal_error"),)),
        ("lost answer, then lost request", (lose_answer, lose_request)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_message_arrives_exactly_once_whatever_happens_to_the_call(
    name: str, faults: tuple[Fault, ...], sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """Every row of A-63."""
    proxy.script("chat.postMessage", *faults)
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert len(slack.messages()) == 1, name
    assert statuses(sending) == ["sent"]


@pytest.mark.parametrize("fault", [lose_answer, lose_request, unavailable, rate_limit(3)])
def test_a_reply_arrives_exactly_once_whatever_happens_to_the_call(
    fault: Fault, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    record(sending, resolved(), "resolved")
    proxy.script("chat.postMessage", fault)
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert len(slack.replies(root["ts"])) == 1


@pytest.mark.parametrize("fault", [lose_answer, lose_request, unavailable, rate_limit(3)])
def test_an_update_is_repeated_until_slack_confirms_it(
    fault: Fault, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    record(sending, incident(ranged=7), "updated")
    proxy.script("chat.update", fault, fault)
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert "1 of 7" in root["text"]
    assert proxy.calls.count("chat.update") == 3


def test_an_uncertain_post_is_not_repeated_while_the_history_cannot_be_read(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script("chat.postMessage", lose_answer)
    proxy.script("conversations.history", unavailable, lose_request)
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert len(slack.messages()) == 1
    assert proxy.calls.count("chat.postMessage") == 1
    assert [row["is_reconciled"] for row in rows(sending)] == [True]


def test_a_post_that_cannot_be_looked_for_comes_again_with_a_mark_rather_than_never(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-66: after a quarter of an hour in doubt a marked copy is better than silence."""
    proxy.script("chat.postMessage", lose_answer)
    proxy.script("conversations.history", *[unavailable] * 20)
    record(sending, incident(), "opened")
    deliver_all(sending, clock, rounds=14)
    assert len(slack.messages()) == 1, "within a quarter of an hour nothing is repeated"
    clock.move(minutes=10)
    deliver_all(sending, clock)
    first, second = slack.messages()
    assert second["text"] == f"May be repeated: {first['text']}"
    assert second["blocks"][-1]["elements"][0]["text"] == "This message may be repeated."
    proxy.script("conversations.history")
    record(sending, incident(ranged=7), "updated")
    deliver_all(sending, clock)
    assert look_for_copies(sending) == {"channels": 1, "copies": 1, "not_read": []}, "though one changed since"
    assert look_for_copies(sending)["copies"] == 1
    deliver_all(sending, clock)
    (told,) = slack.messages(RANDOM)
    assert told["text"].startswith("Sent more than once in the last 7 days: INC-2026-00001.")
    assert look_for_copies(sending) == {"channels": 2, "copies": 1, "not_read": []}


def test_an_unchanged_message_is_not_sent_again(
    sending: Services, proxy: FaultProxy, slack: SlackServer, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    record(sending, incident(), "updated")
    deliver_all(sending, clock)
    assert proxy.calls == ["chat.postMessage"]


def test_of_several_waiting_updates_only_the_newest_is_sent(
    sending: Services, proxy: FaultProxy, slack: SlackServer, clock: Clock
) -> None:
    """A-52."""
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    for ranged in (7, 8, 9):
        record(sending, incident(ranged=ranged), "updated")
    deliver_all(sending, clock)
    assert proxy.calls == ["chat.postMessage", "chat.update"]
    assert "1 of 9" in slack.messages()[0]["text"]
    assert statuses(sending) == ["sent", "superseded", "superseded", "sent"]


def test_a_root_that_was_not_sent_yet_takes_the_newer_content(
    sending: Services, proxy: FaultProxy, slack: SlackServer, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    for ranged in (7, 9):
        record(sending, incident(ranged=ranged), "updated")
    deliver_all(sending, clock)
    assert proxy.calls == ["chat.postMessage"]
    assert "1 of 9" in slack.messages()[0]["text"]


def test_a_root_that_may_have_arrived_is_left_as_it_is_and_updated_after(
    sending: Services, proxy: FaultProxy, slack: SlackServer, clock: Clock
) -> None:
    proxy.script("chat.postMessage", lose_answer)
    record(sending, incident(), "opened")
    deliver(sending)
    record(sending, incident(ranged=9), "updated")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert "1 of 9" in root["text"]
    assert proxy.calls == ["chat.postMessage", "conversations.history", "chat.update"]


def test_what_follows_a_message_waits_until_that_message_is_sent(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-61: a reply needs the ts of its root."""
    proxy.script("chat.postMessage", rate_limit(150))
    record(sending, incident(), "opened")
    assert deliver(sending) == {"pending": 1}
    note(sending, "Dana Ruiz took it")
    record(sending, resolved(), "resolved")
    clock.move(minutes=1)
    assert deliver(sending) == {}, "no reply goes before its root"
    clock.move(minutes=2)
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert root["text"].startswith("RESOLVED")
    assert [reply["text"] for reply in slack.replies(root["ts"])] == ["Dana Ruiz took it", root["text"]]


def test_a_reply_shows_in_the_channel_only_if_it_is_meant_to(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-51: reopened and raised to critical."""
    record(sending, incident(), "opened")
    note(sending, "quiet")
    note(sending, "loud", broadcast=True)
    deliver_all(sending, clock)
    record(sending, incident(ranged=8), "reopened")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    shown = [(reply["text"][:5], bool(reply.get("reply_broadcast"))) for reply in slack.replies(root["ts"])]
    assert shown == [("quiet", False), ("loud", True), ("LOW o", True)]


def attach(services: Services, file: Attachment) -> None:
    """Queue a file for the incident's thread."""
    with services.state.begin() as tx:
        outbox.attach(tx, file, incident_id="INC-2026-00001", seq=1, channel=GENERAL, now=services.now())


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("files.getUploadURLExternal", lose_answer),
        ("files.completeUploadExternal", lose_request),
        ("files.completeUploadExternal", lose_answer),
        ("files.completeUploadExternal", hang(TIMEOUT + 0.3)),
        ("files.completeUploadExternal", unavailable),
        ("files.completeUploadExternal", rate_limit(2)),
        ("auth.test", unavailable),
    ],
)
def test_a_file_is_in_the_thread_exactly_once_whatever_happens_to_the_call(
    method: str, fault: Fault, sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script(method, fault)
    record(sending, incident(), "opened")
    attach(sending, CSV)
    deliver_all(sending, clock)
    (root,) = slack.messages()
    (reply,) = slack.replies(root["ts"])
    (file,) = reply["files"]
    assert (file["title"], file["size"]) == ("Locations that are out", len(CSV.content))
    assert file["name"].startswith("locations-")
    assert file["name"].endswith(".csv")
    assert statuses(sending) == ["sent", "sent"]
    with sending.state.read() as tx:
        assert tx.execute(outbox.outbox_files.select()).all() == [], "its bytes are dropped"


def test_a_picture_goes_with_words_for_those_who_do_not_see_it(
    sending: Services, proxy: FaultProxy, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    attach(sending, Attachment("stock.png", "Stock", "Stock falls to zero on 28 October.", b"\x89PNG\r\n\x1a\n"))
    deliver_all(sending, clock)
    sent = parse_qs(proxy.bodies[proxy.calls.index("files.getUploadURLExternal")])
    assert sent["alt_txt"] == ["Stock falls to zero on 28 October."]


def test_a_server_that_forgets_everything_gets_one_new_root_and_the_thread_goes_on(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock, tmp_path: Path
) -> None:
    """A-91: restarted in the middle of a thread."""
    record(sending, incident(), "opened")
    note(sending, "first")
    deliver_all(sending, clock)
    with slack_server(tmp_path) as restarted:
        proxy.target = restarted.url
        record(sending, resolved(), "resolved")
        deliver_all(sending, clock)
        (root,) = restarted.messages()
        assert root["text"].startswith("RESOLVED")
        assert "INC-2026-00001" in root["text"]
        assert [reply["text"] for reply in restarted.replies(root["ts"])] == [root["text"]]
    assert statuses(sending) == ["lost", "sent", "sent", "sent"]


def test_an_incident_that_was_previewed_is_posted_once_slack_is_connected(
    services: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    record(services, incident(), "opened")
    deliver_all(services, clock)
    assert statuses(services) == ["previewed"]
    client = WebClient(token=TOKEN, base_url=f"{proxy.url}/api/", retry_handlers=[])
    services.__dict__["messenger"] = SlackMessenger(client)
    record(services, resolved(), "resolved")
    deliver_all(services, clock)
    (root,) = slack.messages()
    assert root["text"].startswith("RESOLVED")
    assert len(slack.replies(root["ts"])) == 1
    assert proxy.calls == ["chat.postMessage", "chat.postMessage"]


def test_a_client_that_retries_by_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="retry_handlers"):
        SlackMessenger(WebClient(token="xoxb-test"))


def test_nothing_is_previewed_once_messages_were_sent(sending: Services, slack: SlackServer, clock: Clock) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    record(sending, resolved(), "resolved")
    sending.__dict__["messenger"] = PreviewMessenger()
    with pytest.raises(DeliveryFailed, match="no Slack connection"):
        deliver(sending)
    assert statuses(sending) == ["sent", "pending", "pending"]


def test_the_figures_of_delivery_are_those_of_what_happened(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-71."""
    proxy.script("chat.postMessage", lose_answer, rate_limit(1))
    record(sending, incident(1), "opened")
    record(sending, incident(2), "opened")
    clock.move(seconds=30)
    waiting = metrics(sending)
    assert (waiting.waiting, waiting.oldest_waiting_seconds, waiting.sent, waiting.p95_seconds) == (2, 30, 0, None)
    deliver_all(sending, clock)
    done = metrics(sending)
    assert (done.waiting, done.oldest_waiting_seconds, done.sent, done.reconciled) == (0, None, 2, 1)
    assert (done.dead, done.rate_limited, done.previewed, done.stopped_by) == (0, 1, 0, None)
    assert done.p95_seconds is not None
    assert 30 < done.p95_seconds < 180

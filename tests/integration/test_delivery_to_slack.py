"""Messages to a real Slack API server, through a proxy that breaks calls on purpose (A-62 to A-69, A-90, A-91)."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slack_sdk import WebClient

from include.stockwatch.adapters.preview import PreviewMessenger
from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.alerting.incident import Basis, Incident, Member, MemberState, Standing
from include.stockwatch.alerting.message import render
from include.stockwatch.errors import DeliveryFailed
from include.stockwatch.workflows.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, Fault, FaultProxy, hang, lose_answer, lose_request, rate_limit, refuse, unavailable
from tests.slack_server.server import GENERAL, TOKEN, SlackServer

DAY = dt.date(2026, 11, 1)


def incident(**changes: object) -> Incident:
    """An open incident in the server's general channel."""
    values: dict[str, object] = {
        "incident_id": "INC-2026-00001",
        "fingerprint": "f1",
        "partner": "northfield",
        "partner_name": "Northfield Grocers",
        "item_id": "00850007123017",
        "item_name": "Oat Bar <!channel> & co",
        "rule": "default",
        "promise": 0.95,
        "channel": GENERAL,
        "owner": "Dana Ruiz",
        "basis": Basis(horizon_days=7, assumptions="published averages", dated="2026-11-22", low=0.09, high=2.35),
        "opened_on": DAY,
        "detected_on": DAY,
        "data_as_of": DAY,
        "members": (Member(location_id="0118", out_since=DAY, last_out=DAY, lost_units=6.0),),
        "ranged": 6,
        "known": 6,
        "peak_out": 1,
    }
    return Incident(**{**values, **changes})


def record(services: Services, state: Incident, kind: str) -> None:
    """Store an event and its messages as a check does."""
    now = services.now()
    with services.state.begin() as tx:
        seq = incidents.append(tx, state, kind=kind, reason="test", business_date=DAY, at=now, actor="test")
        names = {"incident_id": state.incident_id, "seq": seq, "kind": kind, "channel": state.channel}
        outbox.announce(tx, render(state), **names, now=now)


def resolved() -> Incident:
    """The incident after its end."""
    back = (Member(location_id="0118", out_since=DAY, last_out=DAY, lost_units=6.0, state=MemberState.BACK),)
    ended = {"standing": Standing.RESOLVED, "resolved_on": DAY + dt.timedelta(days=1), "members": back}
    return incident(**ended)


@pytest.fixture
def sending(services: Services, proxy: FaultProxy) -> Services:
    """Services whose messenger talks to the Slack server through the proxy."""
    client = WebClient(token=TOKEN, base_url=f"{proxy.url}/api/", retry_handlers=[], timeout=1)
    services.__dict__["messenger"] = SlackMessenger(client)
    return services


def deliver_all(services: Services, clock: Clock, rounds: int = 12) -> list[dict[str, int]]:
    """Run the dispatcher as its schedule would, a minute apart, until the outbox is quiet."""
    ended = []
    for _ in range(rounds):
        ended.append(deliver(services))
        clock.move(minutes=1)
        with services.state.begin() as tx:
            if not {"pending", "sending", "uncertain"} & set(outbox.counts(tx)):
                break
    return ended


def statuses(services: Services) -> list[str]:
    """Status of every message, oldest first."""
    with services.state.begin() as tx:
        return [message["status"] for message in outbox.messages(tx)]


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
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert "<!channel>" not in root["text"]
    assert "&lt;!channel&gt;" in root["text"]


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("clean", ()),
        ("lost request", (lose_request,)),
        ("lost answer", (lose_answer,)),
        ("answer after the time-out", (hang(1.6),)),
        ("503, then lost answer", (unavailable, lose_answer)),
        ("rate limit", (rate_limit(2),)),
        ("rate limit, then lost answer", (rate_limit(1), lose_answer)),
        ("Slack's own error, then fine", (refuse("internal_error"),)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_message_arrives_exactly_once_whatever_happens_to_the_call(
    name: str, faults: tuple[Fault, ...], sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script("chat.postMessage", *faults)
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert len(slack.messages()) == 1, name
    assert statuses(sending) == ["sent"]


def test_a_reply_arrives_exactly_once_when_its_answer_is_lost(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    record(sending, resolved(), "resolved")
    proxy.script("chat.postMessage", lose_answer)
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert len(slack.replies(root["ts"])) == 1


def test_an_uncertain_post_is_not_repeated_while_the_history_cannot_be_read(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script("chat.postMessage", lose_answer)
    proxy.script("conversations.history", unavailable, lose_request)
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    assert len(slack.messages()) == 1
    assert proxy.calls.count("chat.postMessage") == 1


def test_a_refused_message_is_dead_and_holds_nothing_else_up(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script("chat.postMessage", refuse("is_archived"))
    record(sending, incident(), "opened")
    record(sending, incident(incident_id="INC-2026-00002", fingerprint="f2"), "opened")
    deliver_all(sending, clock)
    assert statuses(sending) == ["dead", "sent"]
    assert len(slack.messages()) == 1


def test_a_refused_token_stops_everything_and_loses_nothing(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script("chat.postMessage", refuse("invalid_auth"))
    record(sending, incident(), "opened")
    with pytest.raises(DeliveryFailed, match="invalid_auth"):
        deliver(sending)
    assert statuses(sending) == ["pending"]
    deliver_all(sending, clock)
    assert statuses(sending) == ["sent"]
    assert len(slack.messages()) == 1


def test_a_root_that_somebody_deleted_is_posted_once_more(sending: Services, slack: SlackServer, clock: Clock) -> None:
    record(sending, incident(), "opened")
    deliver_all(sending, clock)
    slack.clear()
    record(sending, resolved(), "resolved")
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert root["text"].startswith("RESOLVED")
    assert len(slack.replies(root["ts"])) == 1


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
    record(sending, incident(), "opened")
    for ranged in (7, 8, 9):
        record(sending, incident(ranged=ranged), "updated")
    deliver_all(sending, clock)
    assert proxy.calls == ["chat.postMessage", "chat.update"]
    assert "1 of 9" in slack.messages()[0]["text"]


def test_a_dispatcher_killed_after_the_post_sends_no_second_copy(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock, tmp_path: Path
) -> None:
    record(sending, incident(), "opened")
    proxy.script("chat.postMessage", hang(30))
    script = tmp_path / "dispatcher.py"
    script.write_text(
        f"""
import datetime as dt, pathlib
from slack_sdk import WebClient
from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.workflows.delivery import deliver
from include.stockwatch.workflows.services import Services
client = WebClient(token={TOKEN!r}, base_url={proxy.url + "/api/"!r}, retry_handlers=[], timeout=60)
at = dt.datetime.fromisoformat({clock().isoformat()!r})
deliver(Services(pathlib.Path({str(sending.home)!r}), pathlib.Path({str(sending.config)!r}), lambda: at,
                 messenger=lambda: SlackMessenger(client)))
""",
        "utf-8",
    )
    killed = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    until = time.monotonic() + 30
    while not slack.messages() and time.monotonic() < until:
        time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert statuses(sending) == ["sending"]

    clock.move(minutes=1)
    assert deliver(sending) == {}, "the lease of the killed dispatcher still runs"
    clock.move(minutes=2)
    deliver_all(sending, clock)
    assert len(slack.messages()) == 1
    assert statuses(sending) == ["sent"]


def test_what_follows_a_message_waits_until_that_message_is_sent(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script("chat.postMessage", rate_limit(150))
    record(sending, incident(), "opened")
    assert deliver(sending) == {"pending": 1}
    record(sending, resolved(), "resolved")
    clock.move(minutes=1)
    assert deliver(sending) == {}, "neither the update nor the reply goes before its root"
    clock.move(minutes=2)
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert root["text"].startswith("RESOLVED")
    assert len(slack.replies(root["ts"])) == 1


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

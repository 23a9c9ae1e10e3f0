"""Dispatchers that are killed at every step of their work, that work side by side, and that are too slow (A-61, A-91)."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable

import pytest

from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.adapters.state import outbox
from include.stockwatch.adapters.state.outbox import Attachment
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests import dispatchers
from tests.fakes import Clock, FaultProxy
from tests.integration.sending import deliver_all, incident, note, record, resolved, statuses
from tests.slack_server.server import GENERAL, RANDOM, SlackServer


def opens(services: Services, number: int, clock: Clock) -> None:
    """An incident opens."""
    record(services, incident(number), "opened")


def ends(services: Services, number: int, clock: Clock) -> None:
    """An incident that the channel shows ends: a file, an update and a reply."""
    record(services, incident(number), "opened")
    assert deliver(services)["sent"] == 1
    with services.state.begin() as tx:
        csv = Attachment("locations.csv", "Locations", "", b"location\r\n0118\r\n")
        names = {"incident_id": incident(number).incident_id, "seq": 2, "channel": GENERAL}
        outbox.attach(tx, csv, **names, now=services.now())
    record(services, resolved(number), "resolved")
    clock.move(seconds=1)


@pytest.mark.parametrize(("story", "replies", "least_steps"), [(opens, 0, 8), (ends, 2, 20)])
def test_a_dispatcher_killed_at_any_step_leaves_neither_a_second_copy_nor_a_gap(
    story: Callable[[Services, int, Clock], None],
    replies: int,
    least_steps: int,
    sending: Services,
    slack: SlackServer,
    clock: Clock,
) -> None:
    step = 0
    while True:
        step += 1
        story(sending, step, clock)
        killed = dispatchers.start(sending, slack.url, clock(), kill_at=step)
        killed.join(30)
        if killed.exitcode == 0:
            break
        assert killed.exitcode == -signal.SIGKILL, f"step {step}"
        clock.move(minutes=3)
        deliver_all(sending, clock)
        mine = [root for root in slack.messages() if f"INC-2026-{step:05d}" in root["text"]]
        assert len(mine) == 1, f"killed at step {step}"
        assert len(slack.replies(mine[0]["ts"])) == replies, f"killed at step {step}"
        assert set(statuses(sending)) <= {"sent", "superseded"}, f"killed at step {step}"
        slack.clear(GENERAL)
    assert step > least_steps


def test_a_lease_keeps_others_off_until_it_runs_out(sending: Services, slack: SlackServer, clock: Clock) -> None:
    record(sending, incident(1), "opened")
    record(sending, incident(2), "opened")
    record(sending, incident(3, channel=RANDOM), "opened")
    killed = dispatchers.start(sending, slack.url, clock(), kill_at=4)  # after Slack took the post
    killed.join(30)
    assert statuses(sending) == ["sending", "pending", "pending"]
    clock.move(minutes=1)
    assert deliver(sending) == {"sent": 1}, "another channel does not wait, the channel itself has one sender at a time"
    assert slack.messages(RANDOM)
    clock.move(minutes=1, seconds=1)
    deliver_all(sending, clock)
    assert len(slack.messages()) == 2
    assert statuses(sending) == ["sent"] * 3


def test_two_dispatchers_at_once_send_everything_once_and_in_order(sending: Services, slack: SlackServer) -> None:
    for number in range(3):
        record(sending, incident(number), "opened")
        note(sending, "first", number)
    record(sending, incident(7, channel=RANDOM), "opened")
    pair = [dispatchers.start(sending, slack.url) for _ in range(2)]
    for process in pair:
        process.join(60)
    assert [process.exitcode for process in pair] == [0, 0]
    assert statuses(sending) == ["sent"] * 7
    keys = Counter(message["metadata"]["event_payload"]["key"] for message in slack.messages())
    assert sorted(keys.values()) == [1, 1, 1]
    assert [len(slack.replies(root["ts"])) for root in slack.messages()] == [1, 1, 1]
    assert len(slack.messages(RANDOM)) == 1


def test_a_send_that_outlives_its_lease_is_the_one_case_that_comes_twice(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    """A-66: while the first dispatcher waits for Slack, its lease runs out, and the second one cannot see its post."""

    class Slow(SlackMessenger):
        def post(self, *arguments: object, **named: object) -> str:
            clock.move(minutes=3)
            sending.__dict__["messenger"] = quick
            assert deliver(sending) == {"sent": 1}
            return super().post(*arguments, **named)  # type: ignore[arg-type]

    quick = sending.messenger
    sending.__dict__["messenger"] = Slow(quick._client)  # type: ignore[attr-defined]
    record(sending, incident(), "opened")
    assert deliver(sending) == {"outlived": 1}
    assert len(slack.messages()) == 2
    assert statuses(sending) == ["sent"], "what the second one stored stays"

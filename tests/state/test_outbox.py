"""The outbox as a table: what is queued, whose turn it is, and what cannot be queued (A-52, A-60, A-61, A-68)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state import State, outbox, pace
from include.stockwatch.adapters.state.outbox import FILE, MAX_FILE_BYTES, POST, REPLY, UPDATE, Attachment, Outgoing
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock

LEASE = dt.timedelta(minutes=2)
SECOND = dt.timedelta(seconds=1)
NOW = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)


@dataclass
class Queue:
    """An outbox in one transaction, at a time."""

    tx: Connection
    now: dt.datetime
    seqs: dict[str, int] = field(default_factory=dict)

    def put(self, operation: str, words: str = "words", incident: str = "A", channel: str = "C", **more: Any) -> bool:
        """Queue a message of the incident's next event."""
        self.seqs[incident] = self.seqs.get(incident, 0) + 1
        named = {"incident_id": incident, "seq": self.seqs[incident], "channel": channel, "now": self.now}
        return outbox.enqueue(self.tx, Notice(words), operation=operation, **{**named, **more})

    def take(self, **more: Any) -> Outgoing | None:
        """Lease what is due."""
        return outbox.take(self.tx, self.now, LEASE, **more)

    def send(self, message: Outgoing, ts: str = "1.0") -> bool:
        """Settle a message as sent."""
        pace.hold_channel(self.tx, message.channel, self.now)
        return outbox.settle(self.tx, message, "sent", ts=ts, sent_at=self.now)

    def texts(self) -> list[str]:
        """Send everything that is due, and say what it was."""
        said = []
        while message := self.take():
            said.append(message.text)
            assert self.send(message)
        return said

    def statuses(self) -> list[str]:
        """Status of every message, oldest first."""
        return [row["status"] for row in outbox.messages(self.tx)]


@pytest.fixture
def queue(services: Services, clock: Clock) -> Any:
    """An empty outbox."""
    with services.state.begin() as tx:
        yield Queue(tx, clock())


def test_the_same_event_is_queued_once(queue: Queue) -> None:
    assert queue.put(POST, seq=1)
    assert not queue.put(POST, seq=1)
    assert queue.put(POST, seq=1, channel="D")
    assert queue.statuses() == ["pending", "pending"]


def test_an_update_that_went_into_its_root_is_not_queued_again_by_the_same_event(queue: Queue) -> None:
    queue.put(POST, "old")
    assert queue.put(UPDATE, "new", seq=2)
    assert not queue.put(UPDATE, "new", seq=2)
    assert queue.texts() == ["new"]
    assert not queue.put(UPDATE, "other", seq=2), "its key is known although it never went by itself"


def test_a_root_that_changes_before_it_is_sent_keeps_the_time_it_was_due(queue: Queue) -> None:
    """A-40: overnight it collapses to the latest state."""
    morning = queue.now + dt.timedelta(hours=1)
    queue.put(POST, "evening", not_before=morning)
    queue.put(UPDATE, "night")
    assert queue.texts() == []
    queue.now = morning
    assert queue.texts() == ["night"]


def test_messages_that_were_due_longest_go_first_and_each_incident_keeps_its_order(queue: Queue) -> None:
    for incident in "AB":
        queue.put(POST, f"{incident} root", incident)
        queue.put(REPLY, f"{incident} reply", incident)
    assert queue.texts() == ["A root", "A reply", "B root", "B reply"]


def test_a_new_root_goes_before_the_replies_that_wait_for_it(queue: Queue) -> None:
    queue.put(POST, "root")
    queue.texts()
    queue.put(REPLY, "reply")
    reply = queue.take()
    assert reply is not None
    assert reply.root_ts == "1.0"
    outbox.settle(queue.tx, reply, "pending", not_before=queue.now)
    outbox.lose_root(queue.tx, reply)
    outbox.repost_root(queue.tx, reply, queue.now)
    outbox.repost_root(queue.tx, reply, queue.now)
    pace.hold_channel(queue.tx, "C", queue.now)
    assert queue.texts() == ["root", "reply"], "once, although it was asked for twice"
    assert queue.statuses() == ["lost", "sent", "sent"]


def test_a_lease_that_ran_out_is_taken_over_as_uncertain_and_its_first_owner_changes_nothing(queue: Queue) -> None:
    queue.put(POST)
    first = queue.take()
    assert first is not None
    queue.now += LEASE - SECOND
    assert queue.take(is_paced=False) is None
    queue.now += SECOND
    second = queue.take()
    assert second is not None
    assert (first.status, second.status, second.attempts) == ("pending", "uncertain", 2)
    assert not queue.send(first, "first")
    assert queue.send(second, "second")
    assert [row["ts"] for row in outbox.messages(queue.tx)] == ["second"]


def test_a_channel_has_one_sender_at_a_time_unless_nothing_is_sent(queue: Queue) -> None:
    """A-61; the preview needs no pace."""
    for incident in "ABC":
        queue.put(POST, incident=incident)
    assert queue.take() is not None
    assert queue.take() is None
    assert queue.take(is_paced=False) is not None
    assert outbox.seconds_until_free(queue.tx, queue.now) == LEASE.total_seconds()


def test_no_wait_is_asked_for_where_nothing_is_due(queue: Queue) -> None:
    pace.hold_channel(queue.tx, "C", queue.now + SECOND)
    assert outbox.seconds_until_free(queue.tx, queue.now) is None
    queue.put(POST, not_before=queue.now + 2 * SECOND)
    assert outbox.seconds_until_free(queue.tx, queue.now) is None
    queue.put(POST, incident="B")
    assert outbox.seconds_until_free(queue.tx, queue.now) == 1.0


def test_a_message_beyond_slacks_limits_is_queued_as_words_with_what_is_wrong(queue: Queue) -> None:
    """A-68."""

    class Long(Notice):
        def blocks(self) -> list[dict[str, Any]]:
            return [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]

    named = {"incident_id": "A", "channel": "C", "now": queue.now}
    outbox.enqueue(queue.tx, Long("words"), seq=1, operation=POST, **named)
    (row,) = outbox.messages(queue.tx)
    assert (row["remedies"], row["refusal"]) == (["plain"], "content")
    assert row["error"] == "content: blocks[0].text.text: 151 characters, at most 150"
    outbox.enqueue(queue.tx, Notice("short"), seq=2, operation=UPDATE, **named)
    assert outbox.messages(queue.tx)[0]["remedies"] == [], "what is newer and fits is not held against it"


def test_a_file_has_a_name_of_its_own_and_a_limit(queue: Queue) -> None:
    csv = Attachment("out.csv", "Out", "", b"a,b\r\n")
    queue.put(POST)
    queue.texts()
    named = {"incident_id": "A", "channel": "C", "now": queue.now}
    assert outbox.attach(queue.tx, csv, seq=2, **named)
    assert not outbox.attach(queue.tx, csv, seq=2, **named)
    assert outbox.attach(queue.tx, csv, seq=2, number=2, **named)
    first = queue.take()
    assert first is not None
    assert first.file is not None
    assert (first.operation, first.file.content, first.file.title) == (FILE, b"a,b\r\n", "Out")
    queue.send(first)
    second = queue.take()
    assert second is not None
    assert second.file is not None
    assert first.file.name != second.file.name
    assert second.file.name.startswith("out-")
    too_large = Attachment("out.csv", "Out", "", b"x" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ValueError, match=r"out\.csv has 2,000,001 bytes; a thread takes up to 2,000,000"):
        outbox.attach(queue.tx, too_large, seq=3, **named)


def test_the_third_refusal_in_a_row_pauses_a_method_and_an_answer_starts_anew(queue: Queue) -> None:
    later = queue.now + SECOND
    for _ in range(2):
        pace.refused_by_rate_limit(queue.tx, "chat.update", later)
    assert pace.paused_methods(queue.tx, queue.now) == []
    pace.answered(queue.tx, ("chat.update",))
    for _ in range(3):
        assert pace.paused_methods(queue.tx, queue.now) == []
        pace.refused_by_rate_limit(queue.tx, "chat.update", later)
    assert pace.paused_methods(queue.tx, queue.now) == ["chat.update"]
    assert pace.paused_methods(queue.tx, later) == []
    assert pace.refusals(queue.tx) == 5


def test_the_next_message_is_found_without_looking_at_those_that_are_done() -> None:
    """Else every send would cost as much as the outbox is long. PostgreSQL plans by what a table holds, so not there."""
    state, plans = State.open("sqlite://"), []

    def explain(tx: Connection, statement: Any, *_: object) -> None:
        if "not_before <=" in str(statement):
            text = statement.compile(state.engine, compile_kwargs={"literal_binds": True})
            plans.extend(row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))

    sa.event.listen(state.engine, "before_execute", explain)
    with state.begin() as tx:
        queue = Queue(tx, NOW)
        queue.put(POST)
        assert queue.take() is not None
    state.engine.dispose()
    of_table = [step for step in plans if step.startswith(("SEARCH outbox", "SCAN outbox"))]
    assert of_table == ["SEARCH outbox USING INDEX outbox_due (not_before<?)"]
    assert not [step for step in plans if "TEMP B-TREE" in step]
    assert [step for step in plans if "outbox_of_incident (incident_id=? AND channel=?)" in step]


INCIDENTS = st.sampled_from("AB")


class Threads(RuleBasedStateMachine):
    """Two incidents in one channel, dispatchers that are refused or too slow, and what the channel shows in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.open("sqlite://")
        self.transaction = self.state.begin()
        self.queue = Queue(self.transaction.__enter__(), NOW)
        self.number = 0
        self.taken: list[Outgoing] = []
        self.newest: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.replies: dict[str, list[int]] = {"A": [], "B": []}

    def put(self, operation: str, incident: str) -> str:
        """Queue a message; its words are numbers that grow."""
        self.number += 1
        self.queue.put(operation, f"{self.number}", incident)
        return f"{self.number}"

    def send(self, message: Outgoing) -> None:
        """Slack takes a message: nothing but a root goes without a root."""
        if not self.queue.send(message, f"{message.outbox_id}.0"):
            return
        if message.operation == REPLY:
            self.replies[message.incident_id].append(int(message.text))
        else:
            self.shown[message.incident_id] = message.text
        assert message.operation == POST or message.root_ts is not None

    @rule(incident=INCIDENTS)
    def opens_or_changes(self, incident: str) -> None:
        self.newest[incident] = self.put(UPDATE if incident in self.newest else POST, incident)

    @rule(incident=INCIDENTS)
    def gets_a_note(self, incident: str) -> None:
        if incident in self.newest:
            self.put(REPLY, incident)

    @rule()
    def is_taken(self) -> None:
        self.taken += [message] if (message := self.queue.take()) else []

    @precondition(lambda self: self.taken)
    @rule()
    def is_sent(self) -> None:
        self.send(self.taken.pop(0))

    @precondition(lambda self: self.taken)
    @rule()
    def is_refused(self) -> None:
        outbox.settle(self.queue.tx, self.taken.pop(0), "uncertain", not_before=self.queue.now)

    @rule(seconds=st.sampled_from([1, 120]))
    def time_passes(self, seconds: int) -> None:
        self.queue.now += seconds * SECOND

    def teardown(self) -> None:
        """In the end everything is sent: the root shows the newest, and the thread is in order."""
        self.queue.now += LEASE
        while message := self.queue.take():
            self.send(message)
        assert self.shown == self.newest
        assert all(said == sorted(said) for said in self.replies.values())
        assert {"pending", "sending", "uncertain"}.isdisjoint(self.queue.statuses())
        self.transaction.__exit__(None, None, None)
        self.state.engine.dispose()


TestThreads = Threads.TestCase
TestThreads.settings = settings(stateful_step_count=25, max_examples=40, deadline=None)

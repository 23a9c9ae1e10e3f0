"""The outbox: messages decided on and not yet, or no longer, to be sent. Works in the caller's transaction.

pending -> sending -> sent | previewed | uncertain | dead
uncertain -> sending (after looking whether it arrived)
pending -> superseded (a newer message of the same incident says more)
sent -> lost (a root message that is gone from its channel)
dead -> uncertain (replayed) | discarded

A message that is being sent belongs to one dispatcher until its `not_before`: then its lease has run out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.pace import hold_channel, paused_methods
from include.stockwatch.adapters.state.tables import OUTBOX_OPEN, channel_pace, outbox, outbox_files
from include.stockwatch.alerting.messages.limits import violations
from include.stockwatch.errors import NotReplayable

POST, UPDATE, REPLY, FILE = "post", "update", "reply", "file"
SENT = ("sent", "previewed")
UNSHOWN = ("superseded", "lost", "dead", "discarded")
PLAIN = "plain"
"""Remedy of a message whose blocks Slack does not take: it goes as words alone."""
METHODS = {
    POST: ("chat.postMessage",),
    REPLY: ("chat.postMessage",),
    UPDATE: ("chat.update",),
    FILE: ("files.getUploadURLExternal", "files.completeUploadExternal"),
}
MAX_FILE_BYTES = 2_000_000
"""Limit of a file in a thread: its bytes wait in the store."""
LOOK_UPS = ("conversations.history", "conversations.replies")
_is_open = outbox.c.status.in_(sa.bindparam("open", OUTBOX_OPEN, expanding=True, literal_execute=True))


def _waits_for_another() -> sa.ColumnElement[bool]:
    other = outbox.alias("other")
    mine, theirs = (sa.case((table.c.operation == POST, 0), else_=1) for table in (outbox, other))
    return sa.exists().where(
        other.c.incident_id == outbox.c.incident_id,
        other.c.channel == outbox.c.channel,
        other.c.status.in_(OUTBOX_OPEN),
        sa.or_(theirs < mine, sa.and_(theirs == mine, other.c.outbox_id < outbox.c.outbox_id)),
    )


_is_its_turn = ~_waits_for_another()


class Name(NamedTuple):
    """Whose message it is, and Slack's name of it."""

    incident_id: str
    ts: str


class Content(Protocol):
    """What can be sent: a message, or a notice."""

    def slack_text(self) -> str:
        """One line that stands alone, escaped for Slack."""

    def as_text(self) -> str:
        """The whole of it in words, without markup."""

    def blocks(self) -> list[dict[str, Any]]:
        """The same as Slack blocks; none if the text says it all."""

    def digest(self) -> str:
        """The same for the same content."""


@dataclass(frozen=True)
class Attachment:
    """A file for the thread of a message: rows that do not fit into it, or a picture."""

    name: str  # with its ending, e.g. locations.csv
    title: str
    alt_text: str  # what a picture shows, for those who do not see it
    content: bytes


@dataclass(frozen=True)
class Outgoing:
    """One leased row of the outbox. `status` is `uncertain` if an earlier attempt may have arrived, else `pending`."""

    outbox_id: int
    idem_key: str
    incident_id: str
    operation: str
    channel: str
    text: str
    plain: str
    blocks: list[dict[str, Any]]
    broadcast: bool
    status: str
    attempts: int
    remedies: tuple[str, ...]
    first_attempt_at: dt.datetime
    root_ts: str | None
    file: Attachment | None = None


def announce(
    tx: Connection, message: Content, *, incident_id: str, seq: int, kind: str, channel: str, now: dt.datetime
) -> None:
    """Queue what an event of an incident says: its message when it opens, a reply as well when it ends or is back."""
    told = {"opened": (POST,), "reopened": (UPDATE, REPLY), "resolved": (UPDATE, REPLY)}
    for operation in told.get(kind, (UPDATE,)):
        enqueue(
            tx,
            message,
            incident_id=incident_id,
            seq=seq,
            operation=operation,
            channel=channel,
            now=now,
            broadcast=operation == REPLY and kind == "reopened",
        )


def enqueue(
    tx: Connection,
    message: Content,
    *,
    incident_id: str,
    seq: int,
    operation: str,
    channel: str,
    now: dt.datetime,
    not_before: dt.datetime | None = None,
    broadcast: bool = False,
) -> bool:
    """Put a message into the outbox once; asking again for the same event changes nothing.

    An update replaces updates that were not sent yet, is left out if the channel already shows the same, and goes into
    a root message that was not sent yet. `broadcast` shows a reply in the channel too (A-51). A message beyond Slack's
    limits is queued as words alone (A-68).
    """
    key = key_of(incident_id, channel, operation, seq)
    if _exists(tx, key):
        return False
    content: dict[str, Any] = {
        "text": message.slack_text(),
        "plain": message.as_text(),
        "blocks": message.blocks(),
        "digest": message.digest(),
        "remedies": [],
        "refusal": None,
        "error": None,
    }
    if wrong := violations(content["text"], content["blocks"]):
        listed = "; ".join(str(violation) for violation in wrong[:5])
        content |= {"remedies": [PLAIN], "refusal": "content", "error": f"content: {listed}"}
    status = "pending"
    if operation == UPDATE:
        mine = sa.and_(outbox.c.incident_id == incident_id, outbox.c.channel == channel)
        if _shown(tx, mine) == content["digest"]:
            return False
        waiting = sa.and_(mine, outbox.c.status == "pending")
        tx.execute(outbox.update().where(waiting, outbox.c.operation == UPDATE).values(status="superseded"))
        root = tx.execute(outbox.update().where(waiting, outbox.c.operation == POST).values(**content))
        status = "superseded" if root.rowcount else "pending"
    due = not_before or now
    _insert(tx, key, incident_id, seq, operation, channel, now, due, status=status, broadcast=broadcast, **content)
    return True


def attach(
    tx: Connection, file: Attachment, *, incident_id: str, seq: int, channel: str, now: dt.datetime, number: int = 1
) -> bool:
    """Queue a file for the thread of an incident's message, once per event and number.

    Raises: ValueError if the file is too large
    """
    if len(file.content) > MAX_FILE_BYTES:
        raise ValueError(f"{file.name} has {len(file.content):,} bytes; a thread takes up to {MAX_FILE_BYTES:,}")
    key = key_of(incident_id, channel, f"{FILE}{number}", seq)
    if _exists(tx, key):
        return False
    digest = hashlib.sha256(file.content).hexdigest()[:16]
    content = {"text": file.title, "plain": f"{file.title} ({file.name})", "blocks": [], "digest": digest}
    outbox_id = _insert(tx, key, incident_id, seq, FILE, channel, now, now, **content)
    tx.execute(
        outbox_files.insert().values(
            outbox_id=outbox_id, name=file.name, title=file.title, alt_text=file.alt_text, content=file.content
        )
    )
    return True


def key_of(incident_id: str, channel: str, operation: str, seq: int) -> str:
    """Name of what is said of an event in a channel."""
    return hashlib.sha256(f"{incident_id}|{channel}|{operation}|{seq}".encode()).hexdigest()[:32]


def _exists(tx: Connection, key: str) -> bool:
    return tx.execute(sa.select(outbox.c.outbox_id).where(outbox.c.idem_key == key)).first() is not None


def _shown(tx: Connection, mine: sa.ColumnElement[bool]) -> str | None:
    """Digest of what the channel shows of an incident, or will once all that is queued is sent."""
    roots = sa.and_(mine, outbox.c.operation.in_((POST, UPDATE)), outbox.c.status.not_in(UNSHOWN))
    return tx.execute(sa.select(outbox.c.digest).where(roots).order_by(outbox.c.outbox_id.desc()).limit(1)).scalar()


def _insert(
    tx: Connection,
    key: str,
    incident_id: str,
    seq: int,
    operation: str,
    channel: str,
    now: dt.datetime,
    due: dt.datetime,
    **values: Any,
) -> int:
    row = {"status": "pending", "broadcast": False, "remedies": [], **values}
    row |= {"idem_key": key, "incident_id": incident_id, "event_seq": seq, "operation": operation, "channel": channel}
    row |= {"attempts": 0, "created_at": now, "due_at": due, "not_before": due, "is_reconciled": False}
    made = tx.execute(outbox.insert().values(**row)).inserted_primary_key
    return int(made[0]) if made else 0


def take(tx: Connection, now: dt.datetime, lease: dt.timedelta, *, is_paced: bool = True) -> Outgoing | None:
    """Lease the message that has been due longest and whose turn it is; none if there is none.

    Within an incident and channel the root goes first, then the others as they were queued. A channel is sent to by
    one dispatcher at a time and no faster than its pace allows (A-61, A-67), unless `is_paced` is false.
    """
    ready = [_is_open, outbox.c.not_before <= now, _is_its_turn]
    if is_paced:
        held = sa.select(channel_pace.c.channel).where(channel_pace.c.free_at > now)
        ready += [outbox.c.channel.not_in(held), *_not_paused(paused_methods(tx, now))]
    oldest_first = (outbox.c.not_before, outbox.c.outbox_id)
    row = tx.execute(sa.select(outbox).where(*ready).order_by(*oldest_first).limit(1)).first()
    if row is None:
        return None
    first, until = row.first_attempt_at or now, now + lease
    leased = {"status": "sending", "attempts": row.attempts + 1, "not_before": until, "first_attempt_at": first}
    tx.execute(outbox.update().where(outbox.c.outbox_id == row.outbox_id).values(**leased))
    if is_paced:
        hold_channel(tx, row.channel, until)
    same = ("outbox_id", "idem_key", "incident_id", "operation", "channel", "text", "plain", "blocks", "broadcast")
    return Outgoing(
        **{name: getattr(row, name) for name in same},
        status="pending" if row.status == "pending" else "uncertain",
        attempts=row.attempts + 1,
        remedies=tuple(row.remedies),
        first_attempt_at=first,
        root_ts=_root_ts(tx, row.incident_id, row.channel),
        file=_file(tx, row) if row.operation == FILE else None,
    )


def _not_paused(paused: Iterable[str]) -> list[sa.ColumnElement[bool]]:
    stopped = set(paused)
    operations = [operation for operation, methods in METHODS.items() if stopped & set(methods)]
    found: list[sa.ColumnElement[bool]] = [outbox.c.operation.not_in(operations)] if operations else []
    return [*found, outbox.c.status == "pending"] if stopped & set(LOOK_UPS) else found


def _root_ts(tx: Connection, incident_id: str, channel: str) -> str | None:
    roots = sa.and_(_of(incident_id, channel), outbox.c.operation == POST, outbox.c.status.in_(SENT))
    return tx.execute(sa.select(outbox.c.ts).where(roots).order_by(outbox.c.outbox_id.desc()).limit(1)).scalar()


def _of(incident_id: str, channel: str) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.incident_id == incident_id, outbox.c.channel == channel)


def _file(tx: Connection, row: Any) -> Attachment | None:
    """The file of a row, under a name that no other row has: it is looked for by it (A-63)."""
    found = tx.execute(sa.select(outbox_files).where(outbox_files.c.outbox_id == row.outbox_id)).first()
    if found is None:
        return None
    name = PurePath(found.name)
    unique = f"{name.stem}-{row.idem_key[:8]}{name.suffix}"
    return Attachment(unique, found.title, found.alt_text, bytes(found.content))


def seconds_until_free(tx: Connection, now: dt.datetime) -> float | None:
    """How long until the first channel is free for which a message is due; none if no message waits for one."""
    due = sa.and_(_is_open, outbox.c.not_before <= now, outbox.c.channel == channel_pace.c.channel)
    first = sa.select(sa.func.min(channel_pace.c.free_at)).where(channel_pace.c.free_at > now, sa.exists().where(due))
    free_at = tx.execute(first).scalar()
    return None if free_at is None else (free_at - now).total_seconds()


def settle(tx: Connection, message: Outgoing, status: str, **values: Any) -> bool:
    """Give a leased message its next status; false, and nothing is changed, if its lease ran out and another has it.

    `values` are columns of the outbox. The bytes of a file that was sent are dropped.
    """
    leased = sa.and_(
        outbox.c.outbox_id == message.outbox_id,
        outbox.c.status == "sending",
        outbox.c.attempts == message.attempts,
    )
    if tx.execute(outbox.update().where(leased).values(status=status, **values)).rowcount != 1:
        return False
    if status == "sent" and message.operation == FILE:
        tx.execute(outbox_files.delete().where(outbox_files.c.outbox_id == message.outbox_id))
    return True


def lose_root(tx: Connection, message: Outgoing) -> None:
    """Note that the root message is gone from the channel."""
    root = sa.and_(_of(message.incident_id, message.channel), outbox.c.operation == POST, outbox.c.status.in_(SENT))
    tx.execute(outbox.update().where(root, outbox.c.ts == message.root_ts).values(status="lost"))


def reopen_as_post(tx: Connection, outbox_id: int, now: dt.datetime) -> None:
    """Turn an update whose message is gone into a new root message (A-53)."""
    anew = {"operation": POST, "status": "pending", "ts": None, "not_before": now}
    tx.execute(outbox.update().where(outbox.c.outbox_id == outbox_id).values(**anew))


def repost_root(tx: Connection, message: Outgoing, now: dt.datetime) -> None:
    """Queue the content that a lost root showed last as a new root, once per lost one: a reply waits for it (A-53)."""
    shown = sa.and_(
        _of(message.incident_id, message.channel),
        outbox.c.operation.in_((POST, UPDATE)),
        outbox.c.status.in_((*SENT, "lost")),
    )
    last = tx.execute(sa.select(outbox).where(shown).order_by(outbox.c.outbox_id.desc()).limit(1)).first()
    key = key_of(message.incident_id, message.channel, f"root in place of {message.root_ts}", 0)
    if last is None or _exists(tx, key):
        return
    content = {name: getattr(last, name) for name in ("text", "plain", "blocks", "digest", "remedies")}
    _insert(tx, key, last.incident_id, last.event_seq, POST, last.channel, now, now, **content)


def change_content(tx: Connection, outbox_id: int, text: str, blocks: list[dict[str, Any]]) -> None:
    """Let a message say something else than when it was queued."""
    tx.execute(outbox.update().where(outbox.c.outbox_id == outbox_id).values(text=text, blocks=blocks))


def messages(tx: Connection) -> list[dict[str, Any]]:
    """Every message, oldest first."""
    return [dict(row._mapping) for row in tx.execute(sa.select(outbox).order_by(outbox.c.outbox_id))]


def of_incident(tx: Connection, incident_id: str) -> list[dict[str, Any]]:
    """Every message of one incident, oldest first."""
    mine = sa.select(outbox).where(outbox.c.incident_id == incident_id).order_by(outbox.c.outbox_id)
    return [dict(row._mapping) for row in tx.execute(mine)]


def roots_without_files(tx: Connection, since: dt.datetime) -> list[dict[str, Any]]:
    """Root messages queued since a time that are sent or to be sent and have no file in their thread."""
    files = outbox.alias("files")
    has_file = sa.exists().where(
        files.c.incident_id == outbox.c.incident_id, files.c.channel == outbox.c.channel, files.c.operation == FILE
    )
    wanted = outbox.c.operation == POST, outbox.c.status.not_in(UNSHOWN), outbox.c.created_at >= since, ~has_file
    query = sa.select(outbox.c.incident_id, outbox.c.channel, outbox.c.event_seq).where(*wanted)
    return [dict(row) for row in tx.execute(query.order_by(outbox.c.outbox_id)).mappings()]


def dead(tx: Connection) -> list[dict[str, Any]]:
    """Messages that were given up and that nobody replayed or discarded yet, oldest first."""
    given_up = sa.select(outbox).where(outbox.c.status == "dead").order_by(outbox.c.outbox_id)
    return [dict(row._mapping) for row in tx.execute(given_up)]


def replay(tx: Connection, outbox_id: int, now: dt.datetime, note: str) -> None:
    """Let a dead message be sent again, after a look whether it arrived after all. Raises: NotReplayable"""
    row = _dead(tx, outbox_id)
    if row.operation in (POST, UPDATE):
        newer = sa.and_(
            _of(row.incident_id, row.channel),
            outbox.c.outbox_id > outbox_id,
            outbox.c.operation.in_((POST, UPDATE)),
            outbox.c.status.in_((*SENT, *OUTBOX_OPEN)),
        )
        later = tx.execute(sa.select(outbox.c.outbox_id).where(newer).limit(1)).scalar()
        if later is not None:
            raise NotReplayable(outbox_id, f"message {later} of {row.incident_id} shows more: discard this one")
    again = {"status": "uncertain", "attempts": 0, "remedies": [], "refusal": None, "not_before": now, "note": note}
    tx.execute(outbox.update().where(outbox.c.outbox_id == outbox_id).values(**again))


def discard(tx: Connection, outbox_id: int, note: str) -> None:
    """Take a dead message off the list for good. Raises: NotReplayable"""
    _dead(tx, outbox_id)
    tx.execute(outbox.update().where(outbox.c.outbox_id == outbox_id).values(status="discarded", note=note))
    tx.execute(outbox_files.delete().where(outbox_files.c.outbox_id == outbox_id))


def _dead(tx: Connection, outbox_id: int) -> Any:
    row = tx.execute(sa.select(outbox).where(outbox.c.outbox_id == outbox_id)).first()
    if row is None:
        raise NotReplayable(outbox_id, "there is no such message")
    if row.status != "dead":
        raise NotReplayable(outbox_id, f"it is {row.status}, not dead")
    return row


def counts(tx: Connection) -> dict[str, int]:
    """How many messages have each status."""
    rows = tx.execute(sa.select(outbox.c.status, sa.func.count()).group_by(outbox.c.status))
    return {status: count for status, count in rows}


def oldest_open(tx: Connection) -> tuple[dt.datetime, str | None] | None:
    """Since when the oldest message that is not sent yet was due, and what Slack said to it last; none if all are."""
    first = sa.select(outbox.c.due_at, outbox.c.error).where(_is_open).order_by(outbox.c.due_at).limit(1)
    row = tx.execute(first).first()
    return None if row is None else (row.due_at, row.error)


def stopped_by(tx: Connection) -> str | None:
    """What Slack said against our token, while messages wait for somebody to mend it; none if nothing."""
    refused = sa.select(outbox.c.error).where(_is_open, outbox.c.refusal == "token").limit(1)
    return tx.execute(refused).scalar()


def sent_since(tx: Connection, since: dt.datetime) -> tuple[list[float], int]:
    """Seconds from due to sent of every message sent since, and how many of them were found instead of sent again."""
    sent = sa.select(outbox.c.due_at, outbox.c.sent_at, outbox.c.is_reconciled)
    rows = tx.execute(sent.where(outbox.c.status.in_(("sent", "lost")), outbox.c.sent_at >= since)).all()
    return [(row.sent_at - row.due_at).total_seconds() for row in rows], sum(int(row.is_reconciled) for row in rows)


def names_since(tx: Connection, since: dt.datetime) -> dict[str, dict[str, Name]]:
    """Channel -> idem key -> name, of every message that was sent since."""
    columns = (outbox.c.channel, outbox.c.idem_key, outbox.c.incident_id, outbox.c.ts)
    sent = sa.and_(outbox.c.status.in_(("sent", "lost")), outbox.c.sent_at >= since, outbox.c.operation != FILE)
    found: dict[str, dict[str, Name]] = {}
    for row in tx.execute(sa.select(*columns).where(sent)):
        found.setdefault(row.channel, {})[row.idem_key] = Name(row.incident_id, row.ts)
    return found

"""The outbox: messages decided on and not yet, or no longer, to be sent. Works in the caller's transaction.

pending -> sending -> sent | previewed | uncertain | dead
uncertain -> sending (after looking whether it arrived)
pending -> superseded (a newer message of the same incident says more)
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.tables import outbox
from include.stockwatch.alerting.message import Message

POST, UPDATE, REPLY = "post", "update", "reply"
SENT = ("sent", "previewed")


@dataclass(frozen=True)
class Outgoing:
    """One row of the outbox."""

    outbox_id: int
    idem_key: str
    incident_id: str
    operation: str
    channel: str
    text: str
    plain: str
    blocks: list[dict[str, Any]]
    status: str
    attempts: int
    first_attempt_at: dt.datetime | None
    ts: str | None
    root_ts: str | None


def announce(
    tx: Connection, message: Message, *, incident_id: str, seq: int, kind: str, channel: str, now: dt.datetime
) -> None:
    """Queue what an event of an incident says: its message when it opens, a reply as well when it ends."""
    for operation in {"opened": (POST,), "resolved": (UPDATE, REPLY)}.get(kind, (UPDATE,)):
        enqueue(tx, message, incident_id=incident_id, seq=seq, operation=operation, channel=channel, now=now)


def enqueue(
    tx: Connection, message: Message, *, incident_id: str, seq: int, operation: str, channel: str, now: dt.datetime
) -> bool:
    """Put a message into the outbox once; asking again for the same event changes nothing.

    An update replaces updates that were not sent yet, and is left out if the channel already shows the same.
    """
    key = hashlib.sha256(f"{incident_id}|{channel}|{operation}|{seq}".encode()).hexdigest()[:32]
    if tx.execute(sa.select(outbox.c.outbox_id).where(outbox.c.idem_key == key)).first():
        return False
    digest = message.digest()
    mine = sa.and_(outbox.c.incident_id == incident_id, outbox.c.channel == channel)
    if operation == UPDATE:
        roots = sa.and_(mine, outbox.c.operation.in_((POST, UPDATE)), outbox.c.status != "superseded")
        shown = tx.execute(
            sa.select(outbox.c.digest).where(roots).order_by(outbox.c.outbox_id.desc()).limit(1)
        ).scalar()
        if shown == digest:
            return False
        waiting = sa.and_(mine, outbox.c.operation == UPDATE, outbox.c.status == "pending")
        tx.execute(outbox.update().where(waiting).values(status="superseded"))
    tx.execute(
        outbox.insert().values(
            idem_key=key,
            incident_id=incident_id,
            event_seq=seq,
            operation=operation,
            channel=channel,
            text=message.slack_text(),
            plain=message.as_text(),
            blocks=message.blocks(),
            digest=digest,
            status="pending",
            attempts=0,
            not_before=now,
            created_at=now,
        )
    )
    return True


def take(tx: Connection, now: dt.datetime, lease: dt.timedelta) -> Outgoing | None:
    """Lease the oldest message that is due and whose turn it is; none if there is none.

    A message waits until every earlier message of the same incident and channel is sent, so that a reply finds its
    root and updates keep their order. A row whose lease ran out is taken again, as uncertain.
    """
    earlier = outbox.alias("earlier")
    blocked = sa.exists().where(
        earlier.c.incident_id == outbox.c.incident_id,
        earlier.c.channel == outbox.c.channel,
        earlier.c.outbox_id < outbox.c.outbox_id,
        earlier.c.status.in_(("pending", "sending", "uncertain")),
    )
    lapsed = sa.and_(outbox.c.status == "sending", outbox.c.lease_until < now)
    due = sa.and_(outbox.c.status.in_(("pending", "uncertain")), outbox.c.not_before <= now)
    row = tx.execute(
        sa.select(outbox).where(sa.or_(due, lapsed), ~blocked).order_by(outbox.c.outbox_id).limit(1)
    ).first()
    if row is None:
        return None
    taken = tx.execute(
        outbox.update()
        .where(outbox.c.outbox_id == row.outbox_id, outbox.c.status == row.status, outbox.c.attempts == row.attempts)
        .values(
            status="sending",
            attempts=row.attempts + 1,
            lease_until=now + lease,
            first_attempt_at=row.first_attempt_at or now,
        )
    )
    if taken.rowcount != 1:
        return None
    status = "uncertain" if row.status == "sending" else row.status
    return Outgoing(
        **{name: getattr(row, name) for name in ("outbox_id", "idem_key", "incident_id", "operation", "channel")},
        **{name: getattr(row, name) for name in ("text", "plain", "blocks", "first_attempt_at", "ts")},
        status=status,
        attempts=row.attempts + 1,
        root_ts=_root_ts(tx, row.incident_id, row.channel),
    )


def _root_ts(tx: Connection, incident_id: str, channel: str) -> str | None:
    roots = sa.and_(
        outbox.c.incident_id == incident_id,
        outbox.c.channel == channel,
        outbox.c.operation == POST,
        outbox.c.status.in_(SENT),
    )
    return tx.execute(sa.select(outbox.c.ts).where(roots).order_by(outbox.c.outbox_id.desc()).limit(1)).scalar()


def settle(
    tx: Connection,
    outbox_id: int,
    status: str,
    now: dt.datetime,
    *,
    ts: str | None = None,
    error: str | None = None,
    not_before: dt.datetime | None = None,
    count_attempt: bool = True,
) -> None:
    """Give a leased message its next status."""
    values: dict[str, Any] = {"status": status, "error": error, "lease_until": None}
    if status in SENT:
        values |= {"ts": ts, "sent_at": now}
    if not_before is not None:
        values["not_before"] = not_before
    if not count_attempt:
        values["attempts"] = outbox.c.attempts - 1
    tx.execute(outbox.update().where(outbox.c.outbox_id == outbox_id).values(**values))


def reopen_as_post(tx: Connection, outbox_id: int) -> None:
    """Turn an update whose message is gone into a new root message."""
    tx.execute(outbox.update().where(outbox.c.outbox_id == outbox_id).values(operation=POST, status="pending", ts=None))


def messages(tx: Connection) -> list[dict[str, Any]]:
    """Every message, oldest first."""
    return [dict(row._mapping) for row in tx.execute(sa.select(outbox).order_by(outbox.c.outbox_id))]


def counts(tx: Connection) -> dict[str, int]:
    """How many messages have each status."""
    rows = tx.execute(sa.select(outbox.c.status, sa.func.count()).group_by(outbox.c.status))
    return {status: count for status, count in rows}

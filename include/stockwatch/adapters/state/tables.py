"""The tables of the state store. Times are aware UTC; documents are JSON."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


class UtcTime(sa.TypeDecorator[dt.datetime]):
    """An aware UTC time, kept as text in ISO form so that every database sorts it alike."""

    impl = sa.String(32)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, _dialect: Dialect) -> str | None:
        """Aware time to text."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, _dialect: Dialect) -> dt.datetime | None:
        """Text to aware time."""
        return None if value is None else dt.datetime.fromisoformat(value)


metadata = sa.MetaData()

landed_files = sa.Table(
    "landed_files",
    metadata,
    sa.Column("file_key", sa.String(32), primary_key=True),  # of feed, path, size and modification
    sa.Column("feed_id", sa.String(64), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # seen, claimed, ingesting, done, failed
    sa.Column("first_seen_at", UtcTime, nullable=False),
    sa.Column("claimed_at", UtcTime),
    sa.Column("delivery_id", sa.String(64)),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("feed_id", sa.String(64), primary_key=True),
    sa.Column("delivery_id", sa.String(64), primary_key=True),  # sha256 of the bytes
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # received, read, published, held, discarded
    sa.Column("rows_in", sa.Integer, nullable=False),
    sa.Column("rows_published", sa.Integer, nullable=False),
    sa.Column("rows_rejected", sa.Integer, nullable=False),
    sa.Column("business_dates", sa.JSON, nullable=False),
    sa.Column("reject_codes", sa.JSON, nullable=False),  # code -> rows
    sa.Column("holds", sa.JSON, nullable=False),  # what keeps the file from being published
    sa.Column("quality", sa.JSON, nullable=False),  # summary of the Great Expectations result
    sa.Column("rows_parked", sa.Integer, nullable=False, server_default="0"),  # wait for an item or a location
    sa.Column("rows_dropped", sa.Integer, nullable=False, server_default="0"),
    sa.Column("observations", sa.Integer, nullable=False, server_default="0"),  # rows of the table that were written
    sa.Column("drop_rules", sa.JSON, nullable=False, server_default="{}"),  # rule -> rows
    sa.Column("warnings", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("controls", sa.JSON, nullable=False, server_default="[]"),  # interchanges: sender, receiver, number
    sa.Column("restated", sa.JSON, nullable=False, server_default="{}"),  # what it changed of what was known before
    sa.Column("decision", sa.String(32)),  # of a person, on a held file: release, release_passing, discard
    sa.Column("decided_by", sa.String(250)),
    sa.Column("decided_at", UtcTime),
    sa.Column("run_id", sa.String(250)),
    sa.Column("finished_at", UtcTime),
)

control_numbers = sa.Table(
    "control_numbers",
    metadata,
    sa.Column("feed_id", sa.String(64), primary_key=True),
    sa.Column("sender", sa.String(64), primary_key=True),
    sa.Column("number", sa.String(64), primary_key=True),  # of an EDI interchange
    sa.Column("delivery_id", sa.String(64), nullable=False),  # the first delivery that carried it
)

delivered_dates = sa.Table(
    "delivered_dates",
    metadata,
    sa.Column("feed_id", sa.String(64), primary_key=True),
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("delivery_id", sa.String(64), nullable=False),  # the delivery whose rows count
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("units_sold", sa.Float),  # of all rows together; none where they say nothing of sales
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),  # grows when parked rows are loaded
    sa.Column("published_at", UtcTime, nullable=False),
)

checks = sa.Table(
    "checks",
    metadata,
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("inputs", sa.String(16), primary_key=True),  # of the deliveries that the date was checked on
    sa.Column("checked_at", UtcTime, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
)

watermarks = sa.Table(
    "watermarks",
    metadata,
    sa.Column("partner", sa.String(64), primary_key=True),
    sa.Column("business_date", sa.Date, nullable=False),  # latest date with fresh data that was decided on
)

LISTED = (
    "standing", "partner", "kind", "money_at_risk", "severity_rank", "severity", "currency", "money_lost",
    "customers_at_risk", "customers_low", "customers_high", "brand", "category", "cause", "owner", "item_id",
    "item_name", "opened_at", "updated_at", "data_stale", "snoozed_until", "locations_out", "incident_id",
)  # fmt: skip
"""What a list of incidents filters, sorts and adds up, in an index of its own: `state` is large, and is not read."""

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("incident_id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("standing", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(16)),
    sa.Column("severity_rank", sa.Integer, nullable=False),  # 0 = critical; what has no severity comes last
    sa.Column("partner", sa.String(64), nullable=False),  # '' = no partner alone
    sa.Column("item_id", sa.String(64), nullable=False),
    sa.Column("item_name", sa.Text),
    sa.Column("category", sa.Text),
    sa.Column("brand", sa.Text),
    sa.Column("cause", sa.String(32)),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("currency", sa.String(8)),
    sa.Column("money_at_risk", sa.Float),
    sa.Column("money_lost", sa.Float),
    sa.Column("customers_at_risk", sa.Float),
    sa.Column("customers_low", sa.Float),
    sa.Column("customers_high", sa.Float),
    sa.Column("locations_out", sa.Integer),
    sa.Column("locations", sa.Integer),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("opened_on", sa.Date),
    sa.Column("data_as_of", sa.Date),
    sa.Column("data_stale", sa.Boolean, nullable=False),
    sa.Column("acknowledged_until", UtcTime),
    sa.Column("snoozed_until", UtcTime),
    sa.Column("resolved_at", UtcTime),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),  # the whole case; the other columns are taken from it, for lists
    sa.Index(
        "one_open_incident_per_fingerprint",
        "fingerprint",
        unique=True,
        sqlite_where=sa.text("standing != 'resolved'"),
        postgresql_where=sa.text("standing != 'resolved'"),
    ),
    sa.Index("incidents_by_fingerprint", "fingerprint"),
    sa.Index("incidents_listed", *LISTED),
)

incident_events = sa.Table(
    "incident_events",
    metadata,
    sa.Column("incident_id", sa.String(32), sa.ForeignKey("incidents.incident_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("business_date", sa.Date),  # none for what people and the clock do
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.String(250), nullable=False),
    sa.Column("note", sa.Text),  # what a person said
    sa.Column("state", sa.JSON, nullable=False),  # the case after the event
)

pending = sa.Table(
    "pending",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),  # of the incident that it would be
    sa.Column("business_date", sa.Date, nullable=False),  # last date with fresh data that showed it
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("item_id", sa.String(64), nullable=False),
    sa.Column("item_name", sa.Text),
    sa.Column("category", sa.Text),
    sa.Column("currency", sa.String(8)),
    sa.Column("money_at_risk", sa.Float),
    sa.Column("locations", sa.Integer, nullable=False),
    sa.Column("places", sa.JSON, nullable=False),
    sa.Column("since", sa.Date),
    sa.Column("due_on", sa.Date),  # none = cannot be told
)

presses = sa.Table(
    "presses",
    metadata,
    sa.Column("press_id", sa.String(32), primary_key=True),  # of message, user, button and moment
    sa.Column("incident_id", sa.String(32), nullable=False),
    sa.Column("press", sa.JSON, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("done_at", UtcTime),  # none = nobody has dealt with it yet
    sa.Column("said", sa.Text),  # what the person was told
)

questions = sa.Table(
    "questions",
    metadata,
    sa.Column("run_id", sa.String(250), primary_key=True),  # the run of release_feed that waits for the answer
    sa.Column("feed_id", sa.String(64), nullable=False),
    sa.Column("delivery_id", sa.String(64), nullable=False),
    sa.Column("asked_at", UtcTime, nullable=False),
    sa.Column("answered_at", UtcTime),
)

OUTBOX_OPEN = ("pending", "sending", "uncertain")
"""Statuses of messages that are still to be sent."""
_OPEN_IN_SQL = sa.text("status IN ('pending', 'sending', 'uncertain')")

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("outbox_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("idem_key", sa.String(64), nullable=False, unique=True),
    sa.Column("incident_id", sa.String(32), nullable=False),  # of an incident of any kind, or a bulletin
    sa.Column("event_seq", sa.Integer, nullable=False),
    sa.Column("operation", sa.String(16), nullable=False),  # post, update, reply, file
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # the fallback, escaped for Slack
    sa.Column("plain", sa.Text, nullable=False),  # the whole message in words
    sa.Column("blocks", sa.JSON, nullable=False),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("broadcast", sa.Boolean, nullable=False),  # a reply that the channel shows too
    sa.Column("status", sa.String(16), nullable=False),  # see outbox.py
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("remedies", sa.JSON, nullable=False),  # what was tried against refusals: joined, plain, unmentioned
    sa.Column("due_at", UtcTime, nullable=False),  # when it should have gone at the earliest
    sa.Column("not_before", UtcTime, nullable=False),  # when it may be taken (again); of `sending`: when its lease ends
    sa.Column("first_attempt_at", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("sent_at", UtcTime),
    sa.Column("ts", sa.String(32)),  # Slack's name of the message, or the id of the file
    sa.Column("is_reconciled", sa.Boolean, nullable=False),  # found in Slack instead of being sent again
    sa.Column("refusal", sa.String(16)),  # class of what Slack said last against it
    sa.Column("error", sa.Text),
    sa.Column("note", sa.Text),  # who replayed or discarded it, and why
    sa.Index("outbox_due", "not_before", "outbox_id", sqlite_where=_OPEN_IN_SQL, postgresql_where=_OPEN_IN_SQL),
    sa.Index("outbox_of_incident", "incident_id", "channel"),
    sa.Index("outbox_sent", "sent_at", "status"),
)

outbox_files = sa.Table(
    "outbox_files",
    metadata,
    sa.Column("outbox_id", sa.Integer, sa.ForeignKey("outbox.outbox_id"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("alt_text", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),  # dropped once it is sent
)

channel_pace = sa.Table(
    "channel_pace",
    metadata,
    sa.Column("channel", sa.String(32), primary_key=True),
    sa.Column("free_at", UtcTime, nullable=False),  # nothing is sent to the channel before
)

method_pace = sa.Table(
    "method_pace",
    metadata,
    sa.Column("method", sa.String(64), primary_key=True),  # of Slack, e.g. chat.postMessage
    sa.Column("refused_in_a_row", sa.Integer, nullable=False),  # by rate limit
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Column("paused_until", UtcTime),
)

silences = sa.Table(
    "silences",
    metadata,
    sa.Column("silence_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("match", sa.JSON, nullable=False),  # which incidents are quiet
    sa.Column("starts_at", UtcTime, nullable=False),
    sa.Column("ends_at", UtcTime, nullable=False),
    sa.Column("author", sa.String(250), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("ended_by", sa.String(250)),  # who ended it before its time
)

slack_people = sa.Table(
    "slack_people",
    metadata,
    sa.Column("email", sa.String(250), primary_key=True),
    sa.Column("slack_id", sa.String(32)),  # none: Slack knows nobody by this address
    sa.Column("looked_up_at", UtcTime, nullable=False),
    sa.Column("mentioned_on", sa.Date),  # day of the route's zone that `mentions` is of
    sa.Column("mentions", sa.Integer, nullable=False),
)

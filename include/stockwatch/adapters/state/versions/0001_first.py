"""First schema: ledger, checks, incidents, outbox.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "landed_files",
        sa.Column("file_key", sa.String(32), primary_key=True),
        sa.Column("feed_id", sa.String(64), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("first_seen_at", sa.String(32), nullable=False),
        sa.Column("claimed_at", sa.String(32)),
        sa.Column("delivery_id", sa.String(64)),
    )
    op.create_table(
        "deliveries",
        sa.Column("feed_id", sa.String(64), primary_key=True),
        sa.Column("delivery_id", sa.String(64), primary_key=True),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("received_at", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("rows_in", sa.Integer, nullable=False),
        sa.Column("rows_published", sa.Integer, nullable=False),
        sa.Column("rows_rejected", sa.Integer, nullable=False),
        sa.Column("business_dates", sa.JSON, nullable=False),
        sa.Column("reject_codes", sa.JSON, nullable=False),
        sa.Column("holds", sa.JSON, nullable=False),
        sa.Column("quality", sa.JSON, nullable=False),
        sa.Column("run_id", sa.String(250)),
        sa.Column("finished_at", sa.String(32)),
    )
    op.create_table(
        "delivered_dates",
        sa.Column("feed_id", sa.String(64), primary_key=True),
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("delivery_id", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("published_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "checks",
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("inputs", sa.String(16), primary_key=True),
        sa.Column("checked_at", sa.String(32), nullable=False),
        sa.Column("summary", sa.JSON, nullable=False),
    )
    op.create_table(
        "watermarks",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("business_date", sa.Date, nullable=False),
    )
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.String(32), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("item_id", sa.String(64), nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.create_table(
        "incident_events",
        sa.Column("incident_id", sa.String(32), sa.ForeignKey("incidents.incident_id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(250), nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("idem_key", sa.String(64), nullable=False, unique=True),
        sa.Column("incident_id", sa.String(32), sa.ForeignKey("incidents.incident_id"), nullable=False),
        sa.Column("event_seq", sa.Integer, nullable=False),
        sa.Column("operation", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("plain", sa.Text, nullable=False),
        sa.Column("blocks", sa.JSON, nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", sa.String(32), nullable=False),
        sa.Column("lease_until", sa.String(32)),
        sa.Column("first_attempt_at", sa.String(32)),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("sent_at", sa.String(32)),
        sa.Column("ts", sa.String(32)),
        sa.Column("error", sa.Text),
    )
    op.create_index(
        "one_open_incident_per_fingerprint",
        "incidents",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("standing != 'resolved'"),
        postgresql_where=sa.text("standing != 'resolved'"),
    )
    op.create_index("outbox_due", "outbox", ["status", "not_before"])


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("outbox")
    op.drop_table("incident_events")
    op.drop_table("incidents")
    op.drop_table("watermarks")
    op.drop_table("checks")
    op.drop_table("delivered_dates")
    op.drop_table("deliveries")
    op.drop_table("landed_files")

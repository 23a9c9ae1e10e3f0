"""Promise incidents and their events.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "promise_incidents",
        sa.Column("incident_id", sa.String(32), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("item_id", sa.String(64), nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.create_index(
        "one_open_promise_incident_per_fingerprint",
        "promise_incidents",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("standing != 'resolved'"),
        postgresql_where=sa.text("standing != 'resolved'"),
    )
    op.create_table(
        "promise_incident_events",
        sa.Column("incident_id", sa.String(32), sa.ForeignKey("promise_incidents.incident_id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(250), nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )

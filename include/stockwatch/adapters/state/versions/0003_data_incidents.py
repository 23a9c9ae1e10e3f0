"""Data incidents and their events, questions to people about held files; the outbox serves incidents of every kind.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; make the outbox anew without its reference to `incidents`."""
    op.create_table(
        "data_incidents",
        sa.Column("incident_id", sa.String(32), primary_key=True),
        sa.Column("feed_id", sa.String(64), nullable=False),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.create_index(
        "one_open_data_incident_per_feed",
        "data_incidents",
        ["feed_id"],
        unique=True,
        sqlite_where=sa.text("standing != 'resolved'"),
        postgresql_where=sa.text("standing != 'resolved'"),
    )
    op.create_table(
        "data_incident_events",
        sa.Column("incident_id", sa.String(32), sa.ForeignKey("data_incidents.incident_id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(250), nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.create_table(
        "questions",
        sa.Column("run_id", sa.String(250), primary_key=True),
        sa.Column("feed_id", sa.String(64), nullable=False),
        sa.Column("delivery_id", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("answered_at", sa.String(32)),
    )
    # the first schema left it without a name: PostgreSQL gave it one, SQLite did not
    name = "outbox_incident_id_fkey" if op.get_bind().dialect.name == "postgresql" else "fk_outbox_incident_id"
    named = {"fk": "fk_%(table_name)s_%(column_0_name)s"}
    with op.batch_alter_table("outbox", naming_convention=named) as outbox:
        outbox.drop_constraint(name, type_="foreignkey")

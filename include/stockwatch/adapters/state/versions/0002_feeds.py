"""Deliveries: parked and dropped rows, warnings, interchanges, restatements, decisions of people.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the table of control numbers."""
    for name in ("rows_parked", "rows_dropped", "observations"):
        op.add_column("deliveries", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    for name, empty in (("drop_rules", "{}"), ("warnings", "[]"), ("controls", "[]"), ("restated", "{}")):
        op.add_column("deliveries", sa.Column(name, sa.JSON, nullable=False, server_default=empty))
    op.execute("UPDATE deliveries SET observations = rows_published")
    op.add_column("deliveries", sa.Column("decision", sa.String(32)))
    op.add_column("deliveries", sa.Column("decided_by", sa.String(250)))
    op.add_column("deliveries", sa.Column("decided_at", sa.String(32)))
    op.add_column("delivered_dates", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "control_numbers",
        sa.Column("feed_id", sa.String(64), primary_key=True),
        sa.Column("sender", sa.String(64), primary_key=True),
        sa.Column("number", sa.String(64), primary_key=True),
        sa.Column("delivery_id", sa.String(64), nullable=False),
    )

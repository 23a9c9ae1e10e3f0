"""Silences, and whom Slack knows.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "silences",
        sa.Column("silence_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("match", sa.JSON, nullable=False),
        sa.Column("starts_at", sa.String(32), nullable=False),
        sa.Column("ends_at", sa.String(32), nullable=False),
        sa.Column("author", sa.String(250), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("ended_by", sa.String(250)),
    )
    op.create_table(
        "slack_people",
        sa.Column("email", sa.String(250), primary_key=True),
        sa.Column("slack_id", sa.String(32)),
        sa.Column("looked_up_at", sa.String(32), nullable=False),
        sa.Column("mentioned_on", sa.Date),
        sa.Column("mentions", sa.Integer, nullable=False),
    )

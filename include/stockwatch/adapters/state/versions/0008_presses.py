"""Buttons that people press in Slack.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "presses",
        sa.Column("press_id", sa.String(32), primary_key=True),
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("press", sa.JSON, nullable=False),
        sa.Column("received_at", sa.String(32), nullable=False),
        sa.Column("done_at", sa.String(32)),
        sa.Column("said", sa.Text),
    )

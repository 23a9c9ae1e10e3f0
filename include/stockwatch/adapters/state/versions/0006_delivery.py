"""The outbox keeps to Slack's pace, sends files and plain words, and says what became of dead messages.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = sa.text("status IN ('pending', 'sending', 'uncertain')")


def upgrade() -> None:
    """A lease ends at `not_before`, which is one column less to look at."""
    op.drop_index("outbox_due", "outbox")
    op.add_column("outbox", sa.Column("due_at", sa.String(32)))
    op.add_column("outbox", sa.Column("broadcast", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("outbox", sa.Column("remedies", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("outbox", sa.Column("refusal", sa.String(16)))
    op.add_column("outbox", sa.Column("is_reconciled", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("outbox", sa.Column("note", sa.Text))
    op.execute("UPDATE outbox SET due_at = created_at")
    op.execute("UPDATE outbox SET not_before = lease_until WHERE status = 'sending' AND lease_until IS NOT NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("due_at", existing_type=sa.String(32), nullable=False)
        outbox.drop_column("lease_until")
    op.create_index(
        "outbox_due", "outbox", ["not_before", "outbox_id"], unique=False, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("outbox_of_incident", "outbox", ["incident_id", "channel"])
    op.create_table(
        "outbox_files",
        sa.Column("outbox_id", sa.Integer, sa.ForeignKey("outbox.outbox_id"), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("alt_text", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "channel_pace",
        sa.Column("channel", sa.String(32), primary_key=True),
        sa.Column("free_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "method_pace",
        sa.Column("method", sa.String(64), primary_key=True),
        sa.Column("refused_in_a_row", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("paused_until", sa.String(32)),
    )

"""An index that finds what was sent lately, and counts messages by status, without reading all there ever were.

Revision ID: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index("outbox_sent", "outbox", ["sent_at", "status"])

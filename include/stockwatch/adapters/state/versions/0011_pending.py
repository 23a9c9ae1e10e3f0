"""What lacks stock and is not due yet, for the board.

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the next check of a partner fills it."""
    op.create_table(
        "pending",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("business_date", sa.Date, nullable=False),
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
        sa.Column("due_on", sa.Date),
    )

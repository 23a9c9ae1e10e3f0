"""What each delivered date sold, to see a feed that tells no sales any more.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; dates delivered before say nothing."""
    op.add_column("delivered_dates", sa.Column("units_sold", sa.Float))

"""An index that has all that the list of incidents filters, sorts and adds up.

Revision ID: 0009
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LISTED = (
    "standing", "partner", "kind", "money_at_risk", "severity_rank", "severity", "currency", "money_lost",
    "customers_at_risk", "brand", "category", "cause", "owner", "item_id", "item_name", "opened_at", "updated_at",
    "data_stale", "snoozed_until", "locations_out", "incident_id",
)  # fmt: skip


def upgrade() -> None:
    """Create the index in the place of one that it begins with."""
    op.drop_index("incidents_by_standing", "incidents")
    op.create_index("incidents_listed", "incidents", list(LISTED))

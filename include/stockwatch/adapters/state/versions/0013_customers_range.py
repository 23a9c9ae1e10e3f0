"""The range of customers at risk, in the list of incidents and in its index.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

POINTS = {"customers_low": "low", "customers_high": "high"}
LISTED = (
    "standing", "partner", "kind", "money_at_risk", "severity_rank", "severity", "currency", "money_lost",
    "customers_at_risk", *POINTS, "brand", "category", "cause", "owner", "item_id", "item_name",
    "opened_at", "updated_at", "data_stale", "snoozed_until", "locations_out", "incident_id",
)  # fmt: skip


def upgrade() -> None:
    """Add the columns, told of what is listed by what its figures rest on, and make the index anew."""
    columns = (sa.column(name, sa.Float) for name in ("customers_at_risk", *POINTS))
    incidents = sa.table("incidents", *columns, sa.column("state", sa.JSON))
    for name, point in POINTS.items():
        op.add_column("incidents", sa.Column(name, sa.Float))
        told = incidents.c.customers_at_risk * incidents.c.state["basis"][point].as_float()
        op.execute(incidents.update().values({name: told}))
    op.drop_index("incidents_listed", "incidents")
    op.create_index("incidents_listed", "incidents", list(LISTED))

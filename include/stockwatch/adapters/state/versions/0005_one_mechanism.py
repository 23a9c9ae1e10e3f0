"""Incidents of every kind in one pair of tables.

Revision ID: 0005
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPEN = sa.text("standing != 'resolved'")
LONG_AGO = "1970-01-01T00:00:00.000000+00:00"
RANKS = ("critical", "high", "medium", "low")


def upgrade() -> None:
    """Create the tables, take everything over, and drop those of before."""
    connection = op.get_bind()
    taken = [
        *_taken(connection, "incidents", "incident_events", lambda state, _: {"kind": "out_of_stock", **state}),
        *_taken(connection, "data_incidents", "data_incident_events", _of_feed),
        *_taken(connection, "promise_incidents", "promise_incident_events", _of_promise),
    ]
    for name in ("data_incident", "promise_incident", "incident"):
        op.drop_table(f"{name}_events")
        op.drop_table(f"{name}s")
    _create()
    new = sa.MetaData()
    incidents, incident_events = (
        sa.Table(name, new, autoload_with=connection) for name in ("incidents", "incident_events")
    )
    for incident, events in taken:
        connection.execute(incidents.insert().values(**incident))
        for event in events:
            connection.execute(incident_events.insert().values(**event))


def _of_feed(state: dict[str, Any], row: Any) -> dict[str, Any]:
    return {"kind": "feed_problem", "fingerprint": f"feed:{row['feed_id']}", **state}


def _of_promise(state: dict[str, Any], row: Any) -> dict[str, Any]:
    return {"kind": f"promise_{row['kind']}", "partner": row["partner"], **state}


def _taken(
    connection: Any, table: str, event_table: str, kept: Any
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Every incident of a table with its events, as the new tables have them."""
    old = sa.MetaData()
    rows, events = (sa.Table(name, old, autoload_with=connection) for name in (table, event_table))
    found = []
    for row in connection.execute(sa.select(rows).order_by(rows.c.incident_id)).mappings().all():
        of_it = sa.select(events).where(events.c.incident_id == row["incident_id"]).order_by(events.c.seq)
        history = [dict(event) for event in connection.execute(of_it).mappings()]
        for event in history:
            event["state"] = kept(_document(event["state"]), row)
            event.setdefault("business_date", None)
        times = [event["at"] for event in history] or [LONG_AGO]
        found.append((_listed(kept(_document(row["state"]), row), row, times), history))
    return found


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _listed(state: dict[str, Any], row: Any, times: list[str]) -> dict[str, Any]:
    """A line of the new table; figures come with the incident's next event."""
    about = state.get("found") or state
    severity = state.get("severity")
    dates = {"opened_on": about.get("opened_on") or about.get("since"), "data_as_of": state.get("data_as_of")}
    return {
        **{name: row[name] for name in ("incident_id", "standing", "last_seq")},
        **{name: about.get(name) for name in ("item_name", "category", "currency")},
        **{name: dt.date.fromisoformat(value[:10]) if value else None for name, value in dates.items()},
        "kind": state["kind"],
        "fingerprint": state.get("fingerprint") or row["fingerprint"],
        "severity": severity,
        "severity_rank": RANKS.index(severity) if severity else len(RANKS),
        "partner": state.get("partner") or "",
        "item_id": about.get("item_id") or "",
        "channel": state.get("channel") or "",
        "owner": state.get("owner") or "",
        "data_stale": bool(state.get("data_stale")),
        "opened_at": times[0],
        "updated_at": times[-1],
        "resolved_at": times[-1] if row["standing"] == "resolved" else None,
        "state": state,
    }


def _create() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16)),
        sa.Column("severity_rank", sa.Integer, nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("item_id", sa.String(64), nullable=False),
        sa.Column("item_name", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column("brand", sa.Text),
        sa.Column("cause", sa.String(32)),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("currency", sa.String(8)),
        *(sa.Column(name, sa.Float) for name in ("money_at_risk", "money_lost", "customers_at_risk")),
        *(sa.Column(name, sa.Integer) for name in ("locations_out", "locations")),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("opened_on", sa.Date),
        sa.Column("data_as_of", sa.Date),
        sa.Column("data_stale", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.String(32)) for name in ("acknowledged_until", "snoozed_until", "resolved_at")),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.create_index(
        "one_open_incident_per_fingerprint",
        "incidents",
        ["fingerprint"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("incidents_by_fingerprint", "incidents", ["fingerprint"])
    op.create_index("incidents_by_standing", "incidents", ["standing", "money_at_risk"])
    op.create_table(
        "incident_events",
        sa.Column("incident_id", sa.String(32), sa.ForeignKey("incidents.incident_id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("business_date", sa.Date),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(250), nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("state", sa.JSON, nullable=False),
    )

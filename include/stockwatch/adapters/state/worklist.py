"""Incidents, and messages, as lines of a list: filtered, sorted, counted and paged in SQL.

Every function works in the caller's transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state.incidents import IS_OPEN, read
from include.stockwatch.adapters.state.outbox import POST, SENT
from include.stockwatch.adapters.state.tables import incident_events, incidents, outbox
from include.stockwatch.alerting.actions import EVENTS, Act
from include.stockwatch.alerting.case import STOCK_KINDS, Case, Kind, Standing

Order = Literal["money", "severity", "customers", "opened", "updated", "product", "partner", "owner", "out", "lost"]
COLUMNS: dict[Order, Any] = {
    "money": incidents.c.money_at_risk,
    "lost": incidents.c.money_lost,
    "severity": -incidents.c.severity_rank,
    "customers": incidents.c.customers_at_risk,
    "opened": incidents.c.opened_at,
    "updated": incidents.c.updated_at,
    "product": incidents.c.item_name,
    "partner": incidents.c.partner,
    "owner": incidents.c.owner,
    "out": incidents.c.locations_out,
}
"""What a list can be sorted by; the largest first, the other way round on demand, and what is not known last."""
_IS_LISTED = incidents.c.standing.in_([one.value for one in Standing if one is not Standing.RESOLVED])
"""Open, said so that SQLite reads the index of the list alone, and not each row by way of the open fingerprints."""
FACETS = ("kind", "severity", "partner", "brand", "category", "cause", "owner")
VERDICTS = tuple(EVENTS[act] for act in (Act.CONFIRM, Act.FALSE_ALARM, Act.APPROVE, Act.DISCARD))
"""Kinds of events by which somebody says whether an incident was right."""
COSTING = tuple(kind.value for kind in STOCK_KINDS)
"""Kinds whose money adds up: every series that costs is a member of one incident of these (alerting/grouping.py)."""


@dataclass(frozen=True)
class Filters:
    """Which incidents are meant. What is left out matches all; `partners` are those that may be seen."""

    partners: Collection[str]
    standing: str = "open"  # open = not resolved; a standing; all
    kind: str = ""
    severity: str = ""
    partner: str = ""
    brand: str = ""
    category: str = ""
    cause: str = ""
    owner: str = ""
    item: str = ""
    text: str = ""
    unowned: bool = False
    unacknowledged: bool = False
    snooze_ends_before: dt.datetime | None = None
    stale: bool = False
    without_verdict: bool = False
    kinds: Sequence[str] = field(default=())
    owners: Collection[str] | None = None

    def where(self) -> sa.ColumnElement[bool]:
        """The condition."""
        c = incidents.c
        of_standing = {"open": _IS_LISTED, "all": sa.true()}.get(self.standing, c.standing == self.standing)
        parts: list[Any] = [of_standing, c.partner.in_(sorted(self.partners))]
        exact = {name: getattr(self, name) for name in (*FACETS,) if getattr(self, name)}
        parts += [c[name] == value for name, value in exact.items()]
        if self.item:
            parts.append(c.item_id == self.item)
        if self.kinds:
            parts.append(c.kind.in_(self.kinds))
        if self.owners is not None:
            parts.append(c.owner.in_(sorted(self.owners)))
        if self.text:
            wanted = f"%{_plain(self.text.lower())}%"
            told = (c.incident_id, c.item_name, c.item_id, c.partner, c.owner, c.brand)
            parts.append(sa.or_(*(sa.func.lower(one).like(wanted, escape="\\") for one in told)))
        if self.unowned:
            parts.append(unowned())
        if self.unacknowledged:
            parts.append(c.standing == Standing.OPEN.value)
        if self.snooze_ends_before is not None:
            parts.append(sa.and_(c.standing == Standing.SNOOZED.value, c.snoozed_until <= self.snooze_ends_before))
        if self.stale:
            parts.append(c.data_stale)
        if self.without_verdict:
            parts.append(~_is_judged())
        return sa.and_(*parts)


def _plain(text: str) -> str:
    """Text whose % and _ stand for themselves."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _is_judged() -> sa.ColumnElement[bool]:
    """Somebody said what they found. Told by its events, as each is found by its key and no state is read."""
    mine = incident_events.c.incident_id == incidents.c.incident_id
    return sa.exists().where(mine, incident_events.c.kind.in_(VERDICTS))


def unowned() -> sa.ColumnElement[bool]:
    """Nobody is named, or the account is known to have nobody."""
    accounts = sa.select(incidents.c.partner).where(incidents.c.kind == Kind.NO_OWNER.value, IS_OPEN)
    return sa.or_(incidents.c.owner == "", incidents.c.partner.in_(accounts))


def count(tx: Connection, filters: Filters) -> int:
    """How many incidents are meant."""
    return tx.execute(sa.select(sa.func.count()).select_from(incidents).where(filters.where())).scalar_one()


def page(
    tx: Connection, filters: Filters, order: Order = "money", *, rising: bool = False, limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """One page of lines, each with its columns and its `case`.

    The ids are sorted first: states are large, and only those of the page are read.
    """
    column = COLUMNS[order]
    by = (column.asc() if rising else column.desc()).nulls_last()
    chosen = sa.select(incidents.c.incident_id).where(filters.where())
    ids = tx.execute(chosen.order_by(by, incidents.c.incident_id).limit(limit).offset(offset)).scalars().all()
    rows = tx.execute(sa.select(incidents).where(incidents.c.incident_id.in_(ids))).mappings()
    found = {row["incident_id"]: dict(row) for row in rows}
    return [{**found[one], "case": _case(found[one])} for one in ids]


def _case(row: dict[str, Any]) -> Case:
    return read(row["kind"], row.pop("state"))


def facets(tx: Connection, partners: Collection[str]) -> dict[str, list[str]]:
    """The values of each column that incidents have, for choosing; all of them in one pass over the list."""
    mine = incidents.c.partner.in_(sorted(partners))
    rows = tx.execute(sa.select(*(incidents.c[name] for name in FACETS)).where(mine).distinct()).all()
    return {name: sorted({row[place] for row in rows if row[place]}) for place, name in enumerate(FACETS)}


def totals(tx: Connection, filters: Filters) -> list[dict[str, Any]]:
    """Count, money and customers at risk of the incidents that are meant, by partner, currency and severity."""
    c = incidents.c
    costs = c.kind.in_(COSTING)
    query = (
        sa.select(
            c.partner,
            c.currency,
            c.severity,
            sa.func.count().label("incidents"),
            sa.func.sum(sa.case((costs, c.money_at_risk))).label("money"),
            sa.func.sum(sa.case((costs, c.money_lost))).label("lost"),
            sa.func.sum(sa.case((costs, c.customers_at_risk))).label("customers"),
            sa.func.sum(sa.case((costs, c.customers_low))).label("customers_low"),
            sa.func.sum(sa.case((costs, c.customers_high))).label("customers_high"),
        )
        .where(filters.where())
        .group_by(c.partner, c.currency, c.severity)
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def visible(tx: Connection, ids: Collection[str], partners: Collection[str]) -> set[str]:
    """Of some incidents, those of partners that may be seen."""
    mine = incidents.c.incident_id.in_(sorted(ids)), incidents.c.partner.in_(sorted(partners))
    return set(tx.execute(sa.select(incidents.c.incident_id).where(*mine)).scalars())


def messages(
    tx: Connection, statuses: Collection[str], limit: int, partners: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """The latest messages of the outbox with some statuses, the newest first, each with the `kind` of its incident.

    `partners` keeps those of their incidents; without it all count, those of no incident too (`kind` is null).
    """
    query = sa.select(outbox, incidents.c.kind).select_from(_outbox()).where(outbox.c.status.in_(sorted(statuses)))
    query = query.where(_is_of(partners)).order_by(outbox.c.outbox_id.desc()).limit(limit)
    return [dict(row._mapping) for row in tx.execute(query)]


def message_counts(tx: Connection, partners: Collection[str] | None = None) -> dict[str, int]:
    """Messages by status, of the same as `messages`."""
    query = sa.select(outbox.c.status, sa.func.count()).select_from(_outbox() if partners is not None else outbox)
    return {status: number for status, number in tx.execute(query.where(_is_of(partners)).group_by(outbox.c.status))}


def message_is_of(tx: Connection, outbox_id: int, partners: Collection[str]) -> bool:
    """Whether a message is of an incident of some partners."""
    query = sa.select(outbox.c.outbox_id).select_from(_outbox())
    return tx.execute(query.where(outbox.c.outbox_id == outbox_id, _is_of(partners))).first() is not None


def new_messages(tx: Connection, since: dt.datetime, partners: Collection[str]) -> list[tuple[str, dt.datetime]]:
    """Owner and time of every message that an incident of some partners began with in a channel since a moment."""
    query = sa.select(incidents.c.owner, outbox.c.sent_at).select_from(_outbox())
    began = (outbox.c.operation == POST, outbox.c.status.in_(SENT), outbox.c.sent_at >= since, _is_of(partners))
    return [(owner, sent_at) for owner, sent_at in tx.execute(query.where(*began))]


def _outbox() -> sa.Join:
    return outbox.outerjoin(incidents, incidents.c.incident_id == outbox.c.incident_id)


def _is_of(partners: Collection[str] | None) -> sa.ColumnElement[bool]:
    return sa.true() if partners is None else incidents.c.partner.in_(sorted(partners))


def stale_by_partner(tx: Connection, partners: Collection[str]) -> dict[str, int]:
    """Open incidents that stand still for want of data, by partner."""
    query = sa.select(incidents.c.partner, sa.func.count()).where(Filters(partners, stale=True).where())
    return {partner: number for partner, number in tx.execute(query.group_by(incidents.c.partner))}

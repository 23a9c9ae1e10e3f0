"""One date of the availability table as decisions look at it: what costs, who is known, and how DCs stand."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from include.stockwatch.alerting.grouping import DcState, Row, Series
from include.stockwatch.alerting.incident import Lack
from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.causes import Cause

if TYPE_CHECKING:
    import pyarrow as pa

LACKS: Mapping[str, Lack] = {
    Status.OUT_OF_STOCK.value: Lack.EMPTY,
    Status.PHANTOM_SUSPECTED.value: Lack.DOUBTFUL,
    Status.AT_RISK.value: Lack.SHORT,
}
"""Statuses that cost."""
LABELS = ("item_name", "category", "item_class", "brand", "currency")
LIGHT = ("partner", "item_id", "location_id", "status", "feed_id", "cause", "location_type", *LABELS)
"""What is read of every series of an item that is decided on."""
HEAVY = (
    *(
        "business_date",
        "partner",
        "location_id",
        "item_id",
        "feed_id",
        "location_name",
        "location_type",
        "status",
        *LABELS,
    ),
    *("on_hand_units", "on_order_units", "in_transit_units", "last_sale_date", "demand_units_per_day"),
    *("promoted_units_per_day", "promoted_until"),
    *("days_of_supply", "silent_days", "p_phantom", "p_phantom_before"),
    *("next_receipt_on", "p_runs_out", "runs_out_on", "short_units"),
    *("spell_start_date", "lost_units", "lost_money", "at_risk_units", "at_risk_money"),
    *("shoppers_exposed", "customers_lost", "customers_at_risk", "cause", "scope", "scope_id", "cause_evidence"),
    "alert_due",
)
"""What is read of those that cost."""


class Seen(NamedTuple):
    """A series of an item, whether it costs or not."""

    partner: str
    location_id: str
    is_known: bool
    is_out: bool
    is_dc: bool
    stands: bool = False  # nothing was due of it: what was reported last still stands


class Day:
    """One date. Series that were meant to leave the range are not in it."""

    def __init__(self, date: dt.date, table: pa.Table, dc_feeds: Collection[str]) -> None:
        """`table` has the columns that are read (HEAVY) and the rows of the date; `dc_feeds` report DCs."""
        import pyarrow.compute as pc

        self.date, self.dc_feeds = date, frozenset(dc_feeds)
        self.table = table.select(list(HEAVY)).filter(pc.not_equal(table["status"], Status.PLANNED.value))

    def without(self, partners: Collection[str], *, stands: bool = False) -> Day:
        """The date as if nothing were known of some partners; `stands`: as if nothing were due of them yet."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not partners:
            return self
        theirs = pc.is_in(self.table["partner"], value_set=pa.array(sorted(partners), pa.string()))
        table = self.table
        for name, value in {
            "status": Status.UNKNOWN.value,
            **({"cause": Cause.NOT_DUE.value} if stands else {}),
        }.items():
            told = pc.if_else(theirs, value, table[name])
            table = table.set_column(table.schema.get_field_index(name), name, told)
        return Day(self.date, table, self.dc_feeds)

    @cached_property
    def costing(self) -> dict[Series, dict[str, Any]]:
        """The series that cost, with all that is told of them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        chosen = self.table.filter(pc.is_in(self.table["status"], value_set=pa.array(list(LACKS))))
        return {(row["partner"], row["location_id"], row["item_id"]): row for row in chosen.to_pylist()}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The same, as far as grouping looks at them."""
        return tuple(
            Row(
                series=series,
                lack=LACKS[row["status"]],
                cause=row["cause"],
                scope=row["scope"],
                scope_id=row["scope_id"],
                is_dc=row["feed_id"] in self.dc_feeds,
            )
            for series, row in self.costing.items()
        )

    @cached_property
    def dcs(self) -> dict[tuple[str, str], dict[str, DcState]]:
        """How the DCs stand of which a feed tells, by their id and item, then by the partner that runs them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self.dc_feeds:
            return {}
        is_dc = pc.is_in(self.table["feed_id"], value_set=pa.array(sorted(self.dc_feeds), pa.string()))
        chosen = self.table.filter(pc.and_(is_dc, pc.not_equal(self.table["status"], Status.UNKNOWN.value)))
        names = ("location_id", "item_id", "partner", "status")
        found: dict[tuple[str, str], dict[str, DcState]] = {}
        for dc_id, item_id, partner, status in zip(*(chosen[name].to_pylist() for name in names), strict=True):
            state = DcState.OUT if status == Status.OUT_OF_STOCK.value else DcState.STOCKED
            found.setdefault((dc_id, item_id), {})[partner] = state
        return found

    @cached_property
    def known_of(self) -> Counter[str]:
        """How many series of each feed are known."""
        import pyarrow.compute as pc

        known = self.table["feed_id"].filter(pc.not_equal(self.table["status"], Status.UNKNOWN.value))
        return Counter({one["values"]: one["counts"] for one in pc.value_counts(known).to_pylist()})

    @cached_property
    def _sorted(self) -> pa.Table:
        return self.table.select(list(LIGHT)).sort_by([(name, "ascending") for name in LIGHT[:3]])

    @cached_property
    def _spans(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Where the series of an item at a partner lie in the sorted table: item -> partner -> offset and length."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows, keys = len(self._sorted), [self._sorted[name] for name in ("partner", "item_id")]
        differs = pc.or_(*(pc.not_equal(key.slice(1), key.slice(0, max(rows - 1, 0))) for key in keys))
        starts = [0, *(place + 1 for place in pc.indices_nonzero(differs).to_pylist())] if rows else []
        told = (key.take(pa.array(starts, pa.int64())).to_pylist() for key in keys)
        spans: dict[str, dict[str, tuple[int, int]]] = {}
        for partner, item_id, start, end in zip(*told, starts, [*starts, rows][1:], strict=True):
            spans.setdefault(item_id, {})[partner] = (start, end - start)
        return spans

    @cached_property
    def _told(self) -> frozenset[str]:
        """The labels that anything is told of."""
        return frozenset(name for name in LABELS if self.table[name].null_count < len(self.table))

    def seen(self, item_id: str, partner: str | None = None) -> list[Seen]:
        """The series of an item at one partner, or at all."""
        found = []
        for who, (offset, length) in self._spans.get(item_id, {}).items():
            if partner in (None, who):
                part = self._sorted.slice(offset, length)
                told = ("location_id", "status", "feed_id", "cause", "location_type")
                columns = (part[name].to_pylist() for name in told)
                for location_id, status, feed_id, cause, kind in zip(*columns, strict=True):
                    is_known, is_out = status != Status.UNKNOWN.value, status == Status.OUT_OF_STOCK.value
                    stands = not is_known and cause == Cause.NOT_DUE.value
                    is_dc = feed_id in self.dc_feeds if feed_id else kind == "dc"
                    found.append(Seen(who, location_id, is_known, is_out, is_dc, stands))
        return found

    def label(self, item_id: str, partner: str, name: str) -> Any:
        """The first name, category, class, brand or currency that is told of an item at a partner; none if none is."""
        span = self._spans.get(item_id, {}).get(partner) if name in self._told else None
        if span is None:
            return None
        return next((value for value in self._sorted[name].slice(*span).to_pylist() if value is not None), None)

    def series_of(self, partner: str) -> int:
        """How many ranged series a partner has."""
        return sum(spans[partner][1] for spans in self._spans.values() if partner in spans)

"""Small tables for tests of the domain: rows by hand in, rows by key out."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from include.stockwatch.domain.availability import CheckSettings
from include.stockwatch.domain.columns import ASSORTMENT, ITEMS, LOCATIONS, OBSERVATIONS, SUPPLY_LINKS
from include.stockwatch.domain.customers import Assumptions
from include.stockwatch.domain.losses import CustomerModel
from include.stockwatch.domain.master import per_partner
from include.stockwatch.domain.thresholds import SeverityBand, SeverityBands, Threshold, Thresholds
from include.stockwatch.workflows.checks.assess import assess
from include.stockwatch.workflows.rules import MasterData, Rules

FIRST = dt.date(2026, 11, 2)
FEED, PARTNER, STORE, ITEM = "northfield_stores", "northfield", "0118", "oat"
BANDS = SeverityBands(
    critical=SeverityBand(money=1500, customers=20),
    high=SeverityBand(money=600, customers=5),
    medium=SeverityBand(money=100, customers=1),
)
DEFAULT = Threshold(
    name="default",
    min_in_stock_rate=0.95,
    out_of_stock_at_or_below_units=0,
    days_out_before_alert=1,
    min_days_of_supply=2,
    severity=BANDS,
)
PLAIN = Thresholds(thresholds=(DEFAULT,))
HALVING = CheckSettings(forgetting=0.5)
"""Every day counts half of the next one: sums that can be done in the head."""


def day(number: int) -> dt.date:
    """Day 1 is Monday 2 November 2026."""
    return FIRST + dt.timedelta(days=number - 1)


def with_rules(*rules: Threshold) -> Thresholds:
    """The default and some more rules."""
    return Thresholds(thresholds=(DEFAULT, *rules))


def observation(number: int, on_hand: float | None = None, sold: float | None = None, **more: Any) -> dict[str, Any]:
    """One row of the observations table; what is left out is null."""
    row: dict[str, Any] = dict.fromkeys(OBSERVATIONS.names)
    row |= {"feed_id": FEED, "partner": PARTNER, "location_id": STORE, "item_id": ITEM, "business_date": day(number)}
    row |= {"on_hand_units": on_hand, "units_sold": sold} | more
    unknown = set(row) - set(OBSERVATIONS.names)
    assert not unknown, unknown
    return row


def series(days: Mapping[int, tuple[float | None, float | None]], **more: Any) -> list[dict[str, Any]]:
    """Rows of one series from `{day: (on_hand_units, units_sold)}`."""
    return [observation(number, *figures, **more) for number, figures in days.items()]


def observations(rows: Iterable[Mapping[str, Any]]) -> ir.Table:
    """Rows as the observations table."""
    return table(rows, OBSERVATIONS)


def table(rows: Iterable[Mapping[str, Any]], schema: ibis.Schema) -> ir.Table:
    """Rows as a table of a schema."""
    return ibis.memtable(pa.Table.from_pylist(list(rows), schema=schema.to_pyarrow()), schema=schema)


@functools.cache
def engine() -> Any:
    """The DuckDB of this test run."""
    ibis.options.sql.fuse_selects = False  # as `Lake` has it
    return ibis.duckdb.connect()


def rows_of(expression: ir.Table) -> list[dict[str, Any]]:
    """What an expression gives, in no particular order."""
    return list(engine().to_pyarrow(expression).to_pylist())


def nothing_known(**known: Any) -> MasterData:
    """Master data without a row, but for what is given."""
    empty = {
        name: per_partner(table([], schema), ())
        for name, schema in (
            ("items", ITEMS),
            ("locations", LOCATIONS),
            ("supply_links", SUPPLY_LINKS),
            ("assortment", ASSORTMENT),
        )
    }
    return MasterData(**(empty | known))


def checked(
    rows: Iterable[Mapping[str, Any]],
    on: Sequence[int],
    *,
    thresholds: Thresholds = PLAIN,
    check: CheckSettings = HALVING,
    memory_half_life_days: float = 1.0,
    location_types: Mapping[str, str] | None = None,
    **known: Any,
) -> dict[tuple[int, str, str], dict[str, Any]]:
    """Availability of some days, by (day, location, item)."""
    customers = CustomerModel(defaults=Assumptions(memory_half_life_days=memory_half_life_days))
    rules = Rules(thresholds=thresholds, check=check, customers=customers)
    dates = [day(number) for number in on]
    types = location_types or {}
    found, _ = assess(engine(), observations(rows), dates, rules, nothing_known(**known), types)
    keyed = {
        ((row["business_date"] - FIRST).days + 1, row["location_id"], row["item_id"]): row for row in found.to_pylist()
    }
    assert len(keyed) == len(found), "a series has two rows on a date"
    return keyed


def one(rows: Iterable[Mapping[str, Any]], on: int, **options: Any) -> dict[str, Any]:
    """Availability of the only series on one day."""
    (found,) = checked(rows, [on], **options).values()
    return found

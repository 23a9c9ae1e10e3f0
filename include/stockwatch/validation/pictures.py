"""What a check says of a simulated world, from its records and master data alone: no files, no lake, no incidents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from include.stockwatch.domain.columns import ASSORTMENT, ITEMS, LOCATIONS, OBSERVATIONS, SUPPLY_LINKS
from include.stockwatch.domain.master import per_partner, ranged_on
from include.stockwatch.domain.thresholds import SeverityBand, SeverityBands, Threshold, Thresholds
from include.stockwatch.simulation.world import World
from include.stockwatch.workflows.checks.assess import assess
from include.stockwatch.workflows.rules import MasterData, Rules

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

BANDS = SeverityBands(critical=SeverityBand(money=3), high=SeverityBand(money=2), medium=SeverityBand(money=1))
"""Nothing that is validated here depends on them."""
PLAIN = Rules(
    thresholds=Thresholds(
        thresholds=(
            Threshold(
                name="default",
                min_in_stock_rate=0.95,
                out_of_stock_at_or_below_units=0,
                days_out_before_alert=1,
                min_days_of_supply=2,
                severity=BANDS,
            ),
        )
    )
)
"""A default rule, and all settings as they are without a file."""
NAMES = ("location_name", "item_name", "category")


def pictures(
    world: World, dates: Sequence[dt.date], rules: Rules = PLAIN, *, without: Collection[str] = ()
) -> pa.Table:
    """The availability table of some dates; `without` are measures that partners are made not to report.

    Grain: (business_date, series)
    """
    import ibis

    engine = ibis.duckdb.connect()
    feeds = world.records.column("feed_id").unique().to_pylist()
    types = {feed: "dc" if feed.endswith("_dcs") else "store" for feed in feeds}
    observations = _filled(world.records, OBSERVATIONS, without)
    found, _ = assess(engine, observations, dates, rules, _master_data(world, dates), types)
    engine.disconnect()
    return found


def _master_data(world: World, dates: Sequence[dt.date]) -> MasterData:
    import ibis

    partners = set(world.records.column("partner").unique().to_pylist())
    items, locations, links, assortment = (
        per_partner(_filled(table, schema), partners)
        for table, schema in (
            (world.items, ITEMS),
            (world.locations, LOCATIONS),
            (world.supply_links, SUPPLY_LINKS),
            (world.assortment, ASSORTMENT),
        )
    )
    listed = ranged_on(assortment, items, dates).mutate(**dict.fromkeys(NAMES, ibis.null("string")))
    return MasterData(items, locations, links, assortment, listed)


def _filled(table: pa.Table, schema: Any, without: Collection[str] = ()) -> ir.Table:
    """A table with every column of a schema; null where it has none of its own or is not to have it."""
    import ibis
    import pyarrow as pa

    arrow = schema.to_pyarrow()
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names and field.name not in without
        else pa.nulls(len(table), field.type)
        for field in arrow
    ]
    return ibis.memtable(pa.table(columns, schema=arrow), schema=schema)

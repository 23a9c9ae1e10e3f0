"""The supply chain as a check asks for it: which DCs serve a series, and which of them are out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from include.stockwatch.domain import outages
from include.stockwatch.domain.chain import (
    cut_off,
    dc_outages,
    dc_states,
    dcs_of,
    least_orders,
    links_on,
    nearest_dc,
    regions,
)
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF, SERIES_ON
from include.stockwatch.domain.figures import Limits
from include.stockwatch.domain.panel import Array, Codes, Mask, Panel, on
from include.stockwatch.workflows.checks.arrays import checked_on, codes
from include.stockwatch.workflows.rules import MasterData

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa


ANY_UNITS = 1e-6
"""A DC with so much less than the smallest order that waits there can send nothing: it holds less than a case."""


@dataclass(frozen=True)
class Chain:
    """The supply chain as causes ask for it, the DC that each series is counted under, and the outages that cut it off.

    Shapes: place (series,)
    """

    dcs: ir.Table
    outages: ir.Table
    places: ir.Table
    place: Codes
    cut: outages.CutOff


def supply_chain(
    engine: Any,
    series: pa.Table,
    panel: Panel,
    limits: Limits,
    dates: Sequence[dt.date],
    known: MasterData,
    dc_feeds: Set[str],
) -> Chain:
    import ibis

    is_dc = np.isin(series["feed_id"].to_pylist(), sorted(dc_feeds))
    out_at = limits.out_of_stock_at_or_below_units
    days = ibis.memtable(_dc_days(series, panel, out_at, is_dc))
    links = links_on(known.supply_links, known.items, dates)
    keys = ibis.memtable(series.select(SERIES_ON).append_column("row", [np.arange(len(series))]))
    dcs = ibis.memtable(engine.to_pyarrow(dcs_of(keys, links, dc_states(days, dc_feeds))))
    placed = keys.left_join(nearest_dc(dcs), list(SERIES_ON), rname="{name}_of_dc")
    short_at = np.fmax(out_at, _least_orders(engine, series, panel, links, is_dc) - ANY_UNITS)
    short = ibis.memtable(_dc_days(series, panel, short_at, is_dc))
    told = engine.to_pyarrow(placed.select("row", "dc_id").order_by("row"))
    return Chain(
        dcs=dcs,
        outages=ibis.memtable(engine.to_pyarrow(dc_outages(short, dc_feeds))),
        places=ibis.memtable(engine.to_pyarrow(regions(known.locations))),
        place=codes(series[AS_OF], series["feed_id"], told["dc_id"]),
        cut=_cut_off(engine, series, panel, keys, dcs, out_at, is_dc),
    )


def _cut_off(
    engine: Any, series: pa.Table, panel: Panel, keys: ir.Table, dcs: ir.Table, out_at: Array, is_dc: Mask
) -> outages.CutOff:
    """The series whose DCs are all out, and the outages of these."""
    import ibis

    places = np.flatnonzero(is_dc)
    of_dcs = series.select([*SERIES_ON, "feed_id"]).take(places)
    told = outages.outages(panel.of(places), out_at[places], codes(of_dcs[AS_OF], of_dcs["feed_id"]))
    dc_keys = ibis.memtable(of_dcs.append_column("dc", [np.arange(len(places))]))
    cut = keys.inner_join(cut_off(dcs), list(SERIES_ON))
    same = [AS_OF, "item_id", cut.dc_partner == dc_keys.partner, cut.dc_id == dc_keys.location_id]
    found = engine.to_pyarrow(cut.inner_join(dc_keys, same, rname="{name}_of_dc").select("row", "dc"))
    dc = found["dc"].to_numpy()
    return outages.CutOff(found["row"].to_numpy(), places[dc], told.of(dc))


def _least_orders(engine: Any, series: pa.Table, panel: Panel, links: ir.Table, is_dc: Mask) -> Array:
    """The smallest order that waited at each DC; NaN where none is known, and of stores: (series,)."""
    import ibis
    import pyarrow as pa

    found = np.full(len(series), np.nan)
    if not is_dc.any():
        return found
    waits = panel.on_order_units > 0
    units = np.minimum.reduce(panel.on_order_units, axis=0, where=waits, initial=np.inf).astype(float)
    orders = series.select(SERIES_ON).append_column("least_order_units", pa.array(units))
    orders = ibis.memtable(orders.filter(pa.array(np.isfinite(units))))
    dcs = series.select(SERIES_ON).append_column("row", [np.arange(len(series))]).filter(pa.array(is_dc))
    dcs, least = ibis.memtable(dcs), least_orders(orders, links)
    told = dcs.inner_join(least, [AS_OF, "item_id", dcs.location_id == least.dc_id])
    told = engine.to_pyarrow(told.select("row", "least_order_units"))
    found[told["row"].to_numpy()] = told["least_order_units"].to_numpy()
    return found


def _dc_days(series: pa.Table, panel: Panel, out_at: Array, is_dc: Mask) -> pa.Table:
    """The days on which feeds of DCs reported stock, and whether the DC was out of it: had no more than `out_at`.

    Grain: (as_of, feed_id, series, business_date)
    """
    import pyarrow as pa

    places = np.flatnonzero(is_dc)
    on_hand, limit = panel.of(places).on_hand_units, out_at[places]
    age, place = np.nonzero(~np.isnan(on_hand))
    days = series.select([AS_OF, "feed_id", *SERIES]).take(places[place])
    is_out = on_hand[age, place] <= limit[place]
    columns = {"business_date": on(checked_on(days), age.astype(float)), "on_hand_units": on_hand[age, place]}
    for name, values in {**columns, "is_out": is_out, "is_in_stock": ~is_out}.items():
        days = days.append_column(name, pa.array(values))
    return days

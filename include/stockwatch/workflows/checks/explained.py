"""Why every series is as it is, and how far that reaches: causes, and what is planned."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from include.stockwatch.domain import transitions
from include.stockwatch.domain.availability import EMPTY, Status, row_weight, share_out
from include.stockwatch.domain.causes import EXPLAINED, with_causes
from include.stockwatch.domain.customers import covered
from include.stockwatch.domain.daily import AS_OF, SERIES_ON
from include.stockwatch.domain.panel import Array, Codes, Mask
from include.stockwatch.workflows.checks.arrays import codes, numbers
from include.stockwatch.workflows.checks.supply_chain import Chain
from include.stockwatch.workflows.rules import MasterData, Rules

if TYPE_CHECKING:
    import pyarrow as pa


INPUTS = (
    *SERIES_ON,
    "feed_id",
    "status",
    "is_low",
    *("spell_start_date", "spell_days", "last_seen_date", "last_sale_date", "last_receipt_date", "lead_time_days"),
    *("inbound_units", "on_order_since", "last_waiting_date", "order_due_on", "order_overdue_days"),
    *("overdue_units", "corrected_units", "demand_units_per_day", "receipt_interval_days"),
)
"""What causes are found from."""
OUTPUTS = ("cause", "scope", "scope_id", "cause_evidence")
Texts = npt.NDArray[np.str_]


def explained(
    engine: Any, table: pa.Table, chain: Chain, known: MasterData, dc_feeds: Set[str], rules: Rules
) -> pa.Table:
    """A table with cause and scope; what is not meant to be had has a status of its own: neither out nor in stock."""
    import ibis
    import pyarrow as pa

    status = _without_ending(engine, table, known)
    is_asked = np.isin(status, EXPLAINED) | np.isin(table["feed_id"].to_numpy(), sorted(dc_feeds))
    ranged = ibis.memtable(table.select(SERIES_ON).append_column("place", [np.arange(len(table))]))
    planned = transitions.planned(ranged, ranged, known.items, known.assortment, chain.places)
    planned = ibis.memtable(engine.to_pyarrow(planned))
    is_planned = engine.to_pyarrow(ranged.semi_join(planned, list(SERIES_ON)).place).to_numpy()
    is_asked[is_planned] = True
    rows = np.flatnonzero(is_asked)
    asked = ibis.memtable(table.select(INPUTS).take(rows).append_column("row", [np.arange(len(rows))]))
    status[is_planned] = Status.PLANNED.value
    table = table.set_column(table.column_names.index("status"), "status", pa.array(status.astype(str)))
    stores = ibis.memtable(table.select([*SERIES_ON, "feed_id", "status"]))
    found = with_causes(asked, stores, chain.dcs, chain.outages, planned, chain.places, dc_feeds, rules.scope)
    told = engine.to_pyarrow(found.select("row", *OUTPUTS).order_by("row"))
    own = codes(*(table[name] for name in SERIES_ON))
    for name, scope in (
        ("store_scope", _store_scope(table, status, dc_feeds, own)),
        ("item_scope", _item_scope(table, status, own)),
    ):
        table = table.append_column(name, pa.array(scope, from_pandas=True))
    place = np.full(len(table), -1)
    place[rows] = np.arange(len(rows))
    places = pa.array(place, mask=~is_asked)
    for name in OUTPUTS:
        table = table.append_column(name, told[name].take(places))
    return table.rename_columns(["business_date" if name == AS_OF else name for name in table.column_names])


def _without_ending(engine: Any, table: pa.Table, known: MasterData) -> Texts:
    """Statuses in which nothing is at risk that will have ended when its stock does."""
    import ibis

    status: Texts = table["status"].to_numpy().copy()
    rows = np.flatnonzero(status == Status.AT_RISK.value)
    at_risk = table.select([*SERIES_ON, "runs_out_on", "days_of_supply"]).take(rows).append_column("row", [rows])
    asked = ibis.memtable(at_risk)
    ending = asked.semi_join(transitions.ending(asked, known.items, known.assortment), list(SERIES_ON))
    status[engine.to_pyarrow(ending.row).to_numpy()] = Status.IN_STOCK.value
    return status


def _store_scope(table: pa.Table, status: Texts, dc_feeds: Set[str], own: Codes) -> Array:
    """x_S: for a store that is empty, the share of the partner's other known stores that are out of the item; for a DC
    that is, the share of the demand that its DCs which are out serve. A DC is no store to go to instead."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_dc = pc.is_in(table["feed_id"], value_set=pa.array(sorted(dc_feeds), pa.string()))
    places = codes(table[AS_OF], table["partner"], table["item_id"], is_dc)
    is_empty, of_whom = np.isin(status, EMPTY), _out_and_known(status)
    units = numbers(table, "demand_units_per_day") * row_weight(of_whom[1], own)
    of_dcs = covered(units, is_empty, *of_whom, places)
    return np.where(is_dc.to_numpy(), of_dcs, share_out(is_empty, *of_whom, places, own))


def _item_scope(table: pa.Table, status: Texts, own: Codes) -> Array:
    """x_I: for a series that is empty, the share of the brand's other known items of its category at the location that
    are out; not known where nobody says the brand. Who wants tea is not served by the brand's cake."""
    is_empty, brand = np.isin(status, EMPTY), table["brand"]
    shelf = codes(*(table[name] for name in (AS_OF, "partner", "location_id", "brand", "category")))
    of_brand = share_out(is_empty, *_out_and_known(status), shelf, own)
    return np.where(brand.is_null().to_numpy(), np.nan, of_brand)


def _out_and_known(status: Texts) -> tuple[Mask, Mask]:
    return status == Status.OUT_OF_STOCK.value, ~np.isin(status, (Status.UNKNOWN.value, Status.PLANNED.value))

"""A world as tables: the truth, what the partners' systems say, and the master data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.simulation.catalogue import LAST, Catalogue
from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.network import DISTRIBUTOR, Network, Place
from include.stockwatch.simulation.outlook import Outlook
from include.stockwatch.simulation.parameters import Parameters
from include.stockwatch.simulation.reasons import CAUSES, DISTRIBUTOR_DC, NONE, PLANNED, RETAILER_DC

LISTED_ON = 14
"""Days that a partner goes on reporting an item that ended, and that DCs know one before it begins."""
OWNERS = ("Dana Ruiz", "Priya Nair", "Tom Becker", "Ines Costa", "Lena Fischer", "Sam Okafor")
MEASURES = ("units_sold", "received_units", "on_order_units", "in_transit_units")


def truth(
    noted: dict[str, Array], parameters: Parameters, places: Network, items: Catalogue, future: Outlook
) -> pa.Table:
    """What happened in the stores, one row per series and day on which the partner's system lists it.

    lost_units is what was wanted and neither sold nor replaced in the same store by its own buyers; cause is null
    where the shelf is not empty at close. Stock balances day by day: stock = stock before + received_units -
    units_sold + shrink_units, record = record before + received_units - units_sold + adjusted_units; the stock is
    shelf_units + backroom_units.
    """
    told = slice(parameters.warm_up_days, None)
    there = _listed(parameters, items, future)
    is_empty = noted["shelf_units"] <= 0
    columns = {
        **{name: noted[name] for name in noted if name != "cause"},
        "price": future.price[told],
        "list_price": np.broadcast_to(items.price, there.shape),
        "is_promoted": future.is_promoted[told],
        "is_price_breach": future.is_price_breach[told],
        "is_ranged": future.is_ranged[told],
        "is_empty": is_empty,
        "is_phantom": is_empty & (noted["record_units"] > 0),
        "lost_units": noted["units_wanted"] - (noted["units_sold"] - noted["switched_units"]),
        "expected_units": future.mean * future.factor[told],
    }
    causes = pa.array([name or None for name in CAUSES])
    table = _keyed(parameters, places.stores, items, there)
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values[there]))
    return table.append_column("cause", causes.take(pa.array(noted["cause"][there])))


def dc_truth(
    noted: dict[str, Array], parameters: Parameters, places: Network, items: Catalogue, future: Outlook
) -> pa.Table:
    """What happened in the DCs: units_sold is what was shipped, is_stopped that nothing is sent to it.

    The cause is whose fault it is that one is empty; planned where no store sells the item yet, or any more. Stock
    balances: record_units = record before + received_units - units_sold.
    """
    told = slice(parameters.warm_up_days, None)
    stock = noted["record_units"]
    day = np.arange(parameters.days)[:, None, None]
    known = (day >= items.first_day - LISTED_ON) & (day <= items.last_day + LISTED_ON)
    there = np.broadcast_to(known, stock.shape)
    is_empty = stock <= 0
    cause = np.where(noted["is_distributors_fault"], DISTRIBUTOR_DC, RETAILER_DC)
    cause = np.where((day >= items.first_day) & (day <= items.last_day), cause, PLANNED)
    table = _keyed(parameters, places.warehouses, items, there)
    for name in ("record_units", *MEASURES):
        table = table.append_column(name, pa.array(noted[name][there]))
    table = table.append_column("is_empty", pa.array(is_empty[there]))
    table = table.append_column("is_stopped", pa.array(future.is_stopped[told][there]))
    causes = pa.array([name or None for name in CAUSES])
    return table.append_column("cause", causes.take(pa.array(np.where(is_empty, cause, NONE)[there])))


def _listed(parameters: Parameters, items: Catalogue, future: Outlook) -> Array:
    """Which series are reported on which day."""
    ever = future.is_ranged.any(axis=0)
    day = np.arange(parameters.days)[:, None, None]
    return np.asarray(ever & (day >= items.first_day) & (day <= items.last_day + LISTED_ON))


def _keyed(parameters: Parameters, places: Sequence[Place], items: Catalogue, there: Array) -> pa.Table:
    """The key columns of all cells that are there."""
    day, place, item = (pa.array(index) for index in np.nonzero(there))
    first = np.datetime64(parameters.first_date, "D")
    return pa.table(
        {
            "partner": pa.array([one.partner for one in places]).take(place),
            "location_id": pa.array([one.location_id for one in places]).take(place),
            "item_id": pa.array(list(items.gtins)).take(item),
            "business_date": pa.array(first + np.arange(parameters.days)).take(day),
        }
    )


def records(stores: pa.Table, dcs: pa.Table, places: Network, items: Catalogue) -> pa.Table:
    """What the partners report of both, with the columns of observations that hold what was measured or named."""
    prices = stores.column("price")
    parts = [
        _reported(stores, "stores").append_column("price", prices),
        _reported(dcs, "dcs").append_column("price", pa.nulls(len(dcs), pa.float64())),
    ]
    table = pa.concat_tables(parts)
    named = {f"{place.partner} {place.location_id}": place.name for place in (*places.stores, *places.warehouses)}
    places_of_rows = pc.binary_join_element_wise(table.column("partner"), table.column("location_id"), " ")
    table = table.append_column("currency", pa.array(["USD"] * len(table)))
    for name, keys, mapping in (
        ("location_name", places_of_rows, named),
        ("item_name", table.column("item_id"), dict(zip(items.gtins, items.names, strict=True))),
        ("category", table.column("item_id"), dict(zip(items.gtins, items.categories, strict=True))),
    ):
        table = table.append_column(name, _looked_up(keys, mapping))
    return table


def _reported(table: pa.Table, kind: str) -> pa.Table:
    feed = pc.binary_join_element_wise(table.column("partner"), pa.scalar(kind), "_")
    kept = table.select(["business_date", "partner", "location_id", "item_id", "record_units", *MEASURES])
    kept = kept.rename_columns(["business_date", "partner", "location_id", "item_id", "on_hand_units", *MEASURES])
    return kept.add_column(0, "feed_id", feed)


def _looked_up(keys: pa.ChunkedArray, mapping: dict[str, str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(mapping.values()))]).take(pc.index_in(keys, pa.array(list(mapping))))


def items(catalogue: Catalogue, parameters: Parameters) -> pa.Table:
    """Our own item master; a partner of '' means all of them."""
    count = len(catalogue)
    ids = list(catalogue.gtins)
    return pa.table(
        {
            "feed_id": ["our_items"] * count,
            "partner": [""] * count,
            "item_id": ids,
            "gtin": ids,
            "partner_item_id": pa.nulls(count, pa.string()),
            "item_name": list(catalogue.names),
            "brand": list(catalogue.brands),
            "category": list(catalogue.categories),
            "item_class": list(catalogue.classes),
            "price": catalogue.price,
            "currency": ["USD"] * count,
            "margin_share": catalogue.margin_share,
            "purchase_cycle_days": catalogue.purchase_cycle_days,
            "packs": pa.array(
                [[("CA", units)] for units in catalogue.pack_units.tolist()], pa.map_(pa.string(), pa.float64())
            ),
            "successor_gtin": pa.array([ids[one] if one >= 0 else None for one in catalogue.successor], pa.string()),
            "active_from": _dates(catalogue.first_day, parameters),
            "active_to": _dates(catalogue.last_day, parameters),
        }
    )


def _dates(days: Array, parameters: Parameters) -> pa.Array:
    """Days of the world as dates; null where there is no end."""
    dates = [parameters.first_date + dt.timedelta(days=int(day)) if abs(day) < LAST else None for day in days]
    return pa.array(dates, pa.date32())


def locations(places: Network) -> pa.Table:
    """All stores and DCs."""
    rows = [
        {
            "feed_id": f"{place.partner}_locations",
            "partner": place.partner,
            "location_id": place.location_id,
            "location_name": place.name,
            "location_type": kind,
            "region": place.region,
            "time_zone": place.time_zone,
            "gln": place.gln,
            "is_active": True,
        }
        for kind, all_places in (("store", places.stores), ("dc", places.warehouses))
        for place in all_places
    ]
    return pa.Table.from_pylist(rows)


def supply_links(places: Network) -> pa.Table:
    """Which DC serves which store, and which distributor's DC serves which retailer's."""
    pairs = [
        (store.partner, places.warehouses[one].location_id, store.location_id)
        for store, one in zip(places.stores, places.warehouse_of, strict=True)
    ]
    pairs += [
        (depot.partner, places.warehouses[one].location_id, depot.location_id)
        for depot, one in zip(places.warehouses, places.feeder_of, strict=True)
        if one >= 0
    ]
    rows = [
        {"feed_id": f"{partner}_supply", "partner": partner, "dc_id": dc_id, "location_id": location_id}
        for partner, dc_id, location_id in pairs
    ]
    table = pa.Table.from_pylist(rows)
    for name, kind in (("item_id", pa.string()), ("valid_from", pa.date32()), ("valid_to", pa.date32())):
        table = table.append_column(name, pa.nulls(len(rows), kind))
    return table


def assortment(parameters: Parameters, places: Network, catalogue: Catalogue, future: Outlook) -> pa.Table:
    """Which store lists which item, from when to when."""
    store, item = np.nonzero(future.is_ranged.any(axis=0))
    partners = pa.array([place.partner for place in places.stores]).take(pa.array(store))
    return pa.table(
        {
            "feed_id": pc.binary_join_element_wise(partners, pa.scalar("range"), "_"),
            "partner": partners,
            "location_id": pa.array([place.location_id for place in places.stores]).take(pa.array(store)),
            "item_id": pa.array(list(catalogue.gtins)).take(pa.array(item)),
            "location_type": pa.array(["store"] * len(store)),
            "ranged_from": _dates(catalogue.first_day[item], parameters),
            "ranged_to": _dates(catalogue.last_day[item], parameters),
        }
    )


def owners(places: Network) -> pa.Table:
    """Who looks after each partner, and after one category of the first."""
    rows = [
        {"partner": partner, "category": None, "region": None, "owner": OWNERS[place % len(OWNERS)]}
        for place, partner in enumerate((*places.retailers, DISTRIBUTOR))
    ]
    rows.append({"partner": places.retailers[0], "category": "Coffee", "region": None, "owner": OWNERS[-1]})
    for row in rows:
        row["feed_id"] = "our_owners"
        row["contact"] = f"{str(row['owner']).lower().replace(' ', '.')}@oatworks.example"
    table = pa.Table.from_pylist(
        rows,
        pa.schema([(name, pa.string()) for name in ("feed_id", "partner", "category", "region", "owner", "contact")]),
    )
    return table.append_column("valid_from", pa.nulls(len(rows), pa.date32())).append_column(
        "valid_to", pa.nulls(len(rows), pa.date32())
    )

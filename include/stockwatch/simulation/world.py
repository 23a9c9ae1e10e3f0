"""A world with known truth: stores that sell, order, lose and miscount, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.stockwatch.simulation import tables
from include.stockwatch.simulation.catalogue import Catalogue, catalogue
from include.stockwatch.simulation.complaints import complaints
from include.stockwatch.simulation.crowds import Crowds
from include.stockwatch.simulation.demand import CountDemand, Demand
from include.stockwatch.simulation.diary import Diary
from include.stockwatch.simulation.life import Life
from include.stockwatch.simulation.network import Network, network
from include.stockwatch.simulation.outlook import Outlook, outlook, stream
from include.stockwatch.simulation.parameters import PLAIN, WORLDS, Parameters
from include.stockwatch.simulation.reasons import CAUSES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CAUSES", "PLAIN", "WORLDS", "Parameters", "World", "simulate"]


@dataclass(frozen=True)
class World:
    """What happened, and what the partners' systems said of it.

    truth:    one row per (partner, location_id, item_id, business_date) of stores
    dc_truth: the same of DCs
    records:  both as the partners report them, with the columns of observations
    The other tables have the columns of the master data of the same name; complaints those of the signals feed.
    """

    parameters: Parameters
    seed: int
    catalogue: Catalogue
    network: Network
    truth: pa.Table
    dc_truth: pa.Table
    records: pa.Table
    items: pa.Table
    locations: pa.Table
    supply_links: pa.Table
    assortment: pa.Table
    owners: pa.Table
    complaints: pa.Table


def simulate(parameters: Parameters = PLAIN, seed: int = 1) -> World:
    """Live through a world. The same parameters and seed give the same world."""
    items = catalogue(parameters, stream(seed, "catalogue"))
    places = network(parameters, stream(seed, "network"))
    future = outlook(parameters, places, items, seed)
    diary = Diary(parameters, places, items)
    buyers = _demand(parameters, places, items, future, seed)
    Life(parameters, places, items, future, seed).live(buyers, diary)
    truth = tables.truth(diary.stores, parameters, places, items, future)
    dc_truth = tables.dc_truth(diary.warehouses, parameters, places, items, future)
    return World(
        parameters,
        seed,
        items,
        places,
        truth,
        dc_truth,
        records=tables.records(truth, dc_truth, places, items),
        items=tables.items(items, parameters),
        locations=tables.locations(places),
        supply_links=tables.supply_links(places),
        assortment=tables.assortment(parameters, places, items, future),
        owners=tables.owners(places),
        complaints=complaints(truth, parameters, stream(seed, "complaints")),
    )


def _demand(parameters: Parameters, places: Network, items: Catalogue, future: Outlook, seed: int) -> Demand:
    if parameters.demand == "shoppers":
        return Crowds(future.mean, items, places, parameters.habits, seed)
    return CountDemand(future.mean, parameters.dispersion, stream(seed, "demand"))

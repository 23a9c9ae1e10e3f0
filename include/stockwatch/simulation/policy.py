"""How stores and DCs order: order points, quantities and days, from the demand that they foresee."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from include.stockwatch.simulation.catalogue import Catalogue
from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.network import Network
from include.stockwatch.simulation.outlook import Outlook, ahead
from include.stockwatch.simulation.parameters import Parameters


@dataclass(frozen=True)
class Policy:
    """Shapes: (day, store, item), or as said."""

    point: Array  # a store orders when it has so much or less, on record and under way
    quantity: Array  # and then so much more than the point
    launched: Array  # units that a store is filled with when an item is new there
    is_order_day: Array  # (day, store)
    dc_factor: Array  # (day, warehouse, item): demand foreseen against the usual one
    dc_flow: Array  # (warehouse, item): usual demand a day


def policy(parameters: Parameters, places: Network, items: Catalogue, future: Outlook) -> Policy:
    """Order points for demand until the next chance to receive, and some safety."""
    windows = future.order_interval_days + parameters.lead_time_days
    foreseen = ahead(future.foreseen, windows)
    until = future.mean * foreseen * windows[:, None]
    spread = parameters.safety * np.sqrt(parameters.dispersion * until)
    day = np.arange(len(foreseen))[:, None]
    serves = _serves(places)
    flow = serves @ future.mean
    dc_windows = np.full(len(places.stores), parameters.dc_lead_time_days + math.ceil(parameters.dc_cover_days))
    at_dc = np.einsum("ws,tsi->twi", serves, future.mean * ahead(future.foreseen, dc_windows))
    point = np.floor(until + spread)
    quantity = np.maximum(items.pack_units, future.mean * foreseen * parameters.cover_days)
    is_new = future.is_ranged & ~np.concatenate([future.is_ranged[:1], future.is_ranged[:-1]])
    return Policy(
        point=point,
        quantity=quantity,
        launched=np.where(is_new, np.ceil((point + quantity) / items.pack_units) * items.pack_units, 0.0),
        is_order_day=(day + np.arange(len(places.stores))) % future.order_interval_days == 0,
        dc_factor=np.divide(at_dc, flow, out=np.zeros_like(at_dc), where=flow > 0),
        dc_flow=flow,
    )


def _serves(places: Network) -> Array:
    """Whether a store's demand hangs on a warehouse, directly or behind another: (warehouse, store)."""
    serves = np.zeros((len(places.warehouses), len(places.stores)))
    serves[places.warehouse_of, np.arange(len(places.stores))] = 1
    for near, far in enumerate(places.feeder_of):
        if far >= 0:
            serves[far] += serves[near]
    return serves

"""The DCs of a world: what they hold, ship, order, and why they cannot ship.

Everything is an array (warehouse, item) or (store, item). An order of the evening is shipped the next morning if there
is stock; what cannot be shipped waits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.network import Network
from include.stockwatch.simulation.parameters import Parameters

FACTORY = -1


@dataclass
class Warehouses:
    """State of all DCs at a moment of a day."""

    network: Network
    stock: Array
    level: Array  # order up to this position
    waiting: Array  # ordered by the warehouse, not shipped to it yet
    coming: Array  # shipped to it: (day, warehouse, item), day of arrival
    in_transit: Array
    shipped: Array
    received: Array
    waits_for_feeder: Array  # the warehouse that serves it had too little, and nothing has come since
    lead_days: int

    @classmethod
    def filled(cls, network: Network, flow: Array, start: Array, days: int, parameters: Parameters) -> Warehouses:
        """Warehouses with some days of stock. `flow` is the mean demand that hangs on each, `start` that of now."""
        lead = parameters.dc_lead_time_days
        level = np.ceil(flow * (parameters.dc_cover_days + lead + 1) + 2.5 * np.sqrt(3 * flow * (lead + 2)))
        nothing = np.zeros_like(level)
        return cls(
            network,
            stock=np.ceil(start * parameters.dc_cover_days),
            level=level,
            waiting=nothing.copy(),
            coming=np.zeros((days + lead + 2, *level.shape)),
            in_transit=nothing.copy(),
            shipped=nothing.copy(),
            received=nothing.copy(),
            waits_for_feeder=np.zeros(level.shape, bool),
            lead_days=lead,
        )

    def receive(self, day: int) -> None:
        """What arrives in the morning."""
        self.received = self.coming[day]
        self.stock = self.stock + self.received
        self.in_transit = self.in_transit - self.received
        self.waits_for_feeder = self.waits_for_feeder & (self.received <= 0)

    def ship_to_stores(self, day: int, orders: Array) -> Array:
        """Ship what stores wait for, as far as there is stock; returns what is shipped, (store, item)."""
        shipped = np.zeros_like(orders)
        self.shipped = np.zeros_like(self.stock)
        for one in range(len(self.stock)):
            stores = np.flatnonzero(self.network.warehouse_of == one)
            sent = self._sent(day, one, orders[stores])
            shipped[stores] = sent
        return shipped

    def ship_to_warehouses(self, day: int, stopped: Array) -> None:
        """Ship what warehouses wait for; where deliveries to one are stopped, nothing comes in at all."""
        for one in range(-1, len(self.stock)):
            fed = np.flatnonzero(self.network.feeder_of == one)
            asked = np.where(stopped[fed], 0.0, self.waiting[fed])
            sent = asked if one == FACTORY else self._sent(day, one, asked)
            self.waiting[fed] -= sent
            self.in_transit[fed] += sent
            self.coming[day + self.lead_days, fed] += sent
            if one != FACTORY:
                self.waits_for_feeder[fed] |= asked > sent

    def _sent(self, day: int, one: int, asked: Array) -> Array:
        """Serve in turn, another one first every day, until nothing is left."""
        if not len(asked):
            return asked
        turned = np.roll(asked, day, axis=0)
        left = self.stock[one] - (turned.cumsum(axis=0) - turned)
        sent = np.roll(np.clip(left, 0, turned), -day, axis=0)
        self.stock[one] -= sent.sum(axis=0)
        self.shipped[one] += sent.sum(axis=0)
        return np.asarray(sent)

    def order(self, factor: Array) -> None:
        """Order up to the level, in the evening. `factor` scales it with the demand that is foreseen."""
        position = self.stock + self.in_transit + self.waiting
        self.waiting += np.maximum(np.ceil(self.level * factor - position), 0)

    def is_distributors_fault(self) -> Array:
        """Whether want of stock is the distributor's: its own, or that of a DC that waits for it."""
        is_far = np.arange(len(self.stock)) < self.network.distributor_dcs
        return is_far[:, None] | self.waits_for_feeder

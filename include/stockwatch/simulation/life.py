"""One day after the other: what comes in, goes wrong, is sold and ordered."""

from __future__ import annotations

import numpy as np

from include.stockwatch.simulation.catalogue import Catalogue
from include.stockwatch.simulation.demand import Array, Demand, Purchases, empty_share
from include.stockwatch.simulation.diary import Diary
from include.stockwatch.simulation.network import Network
from include.stockwatch.simulation.outlook import Outlook, stream
from include.stockwatch.simulation.parameters import Parameters
from include.stockwatch.simulation.policy import Policy, policy
from include.stockwatch.simulation.reasons import NONE, reasons
from include.stockwatch.simulation.stores import Stores
from include.stockwatch.simulation.warehouses import Warehouses

NEGATIVE_RECOUNT = 0.3
"""Chance per day that somebody looks at a record below zero."""


class Life:
    """Everything that changes, and how a day changes it."""

    def __init__(self, parameters: Parameters, places: Network, items: Catalogue, future: Outlook, seed: int) -> None:
        self.parameters, self.places, self.items, self.future = parameters, places, items, future
        self.policy: Policy = policy(parameters, places, items, future)
        self.clerks = stream(seed, "records")
        self.depots = _depots(parameters, places, self.policy, len(future.factor))
        self.stores = _opened(parameters, items, future, self.policy, stream(seed, "start"))
        self.is_wrong = np.zeros(future.mean.shape, bool)  # records, for reasons of the clerks
        self.cause = np.full(future.mean.shape, NONE)

    def live(self, demand: Demand, diary: Diary) -> None:
        """All days; the warm-up is not written down."""
        for day in range(len(self.future.factor)):
            sellable, bought = self.live_day(day, demand)
            self._note(diary, day - self.parameters.warm_up_days, sellable, bought)

    def live_day(self, day: int, demand: Demand) -> tuple[Array, Purchases]:
        """One day, from the first delivery to the last order: what could be sold, and what was."""
        self._morning(day)
        neglected = self.future.neglected[day]
        self.stores.fill_shelves(neglected)
        sellable = self.stores.sellable(neglected)
        bought = demand.buy(day, sellable, self.future.factor[day])
        self.stores.sell(bought.sold)
        self.stores.fill_shelves(neglected)
        self._evening(day)
        return sellable, bought

    def _morning(self, day: int) -> None:
        """Deliveries, then counts, then what goes wrong with stock and records."""
        stores, depots, future = self.stores, self.depots, self.future
        is_ranged = future.is_ranged[day]
        depots.receive(day)
        shipped = depots.ship_to_stores(day, stores.waiting)
        stores.take_shipments(day, shipped, self.parameters.lead_time_days - 1, future.delay_days[day])
        stores.receive(day, self.policy.launched[day])
        stores.clear(~is_ranged)
        counted = self._counted() & is_ranged
        stores.count(counted)
        self._miskey(counted, is_ranged)
        stores.lose(np.where(future.vanishes[day], stores.stock, future.stolen[day]), future.is_misplaced[day])

    def _evening(self, day: int) -> None:
        """Orders of stores, shipments between DCs, orders of DCs; and why shelves are empty."""
        policy, stores, depots = self.policy, self.stores, self.depots
        is_ranged = self.future.is_ranged[day]
        may_order = policy.is_order_day[day][:, None] & is_ranged
        missed = self.future.not_ordered[day]
        stores.order(policy.point[day], policy.quantity[day], self.items.pack_units, may_order, missed)
        depots.ship_to_warehouses(day, self.future.is_stopped[day])
        depots.order(policy.dc_factor[day])
        self.cause = reasons(
            self.cause,
            is_empty=stores.shelf <= 0,
            is_ranged=is_ranged,
            backroom=stores.backroom,
            record=stores.record,
            held_back=stores.held_back,
            is_distributors_fault=depots.is_distributors_fault()[self.places.warehouse_of],
            missing=stores.missing,
            not_ordered=stores.not_ordered,
        )

    def _counted(self) -> Array:
        """Where somebody counts: an empty shelf with a record, a record below zero, or any shelf some day."""
        often = 1 / max(self.parameters.recount_days, 1.0)
        chance = np.full(self.cause.shape, 1 / max(self.parameters.count_interval_days, 1.0))
        chance = np.where((self.stores.shelf <= 0) & (self.stores.record > 0), often, chance)
        chance = np.where(self.stores.record < 0, NEGATIVE_RECOUNT, chance)
        return np.asarray(self.clerks.random(chance.shape) < chance)

    def _miskey(self, counted: Array, is_ranged: Array) -> None:
        """New mistakes in place of those that were counted away, so that their share stays."""
        self.is_wrong &= ~counted & is_ranged
        right = ~self.is_wrong & is_ranged
        lacking = self.parameters.record_error_share * is_ranged.sum() - self.is_wrong.sum()
        new = right & (self.clerks.random(right.shape) < max(lacking, 0) / max(right.sum(), 1))
        size = self.clerks.geometric(1 / max(self.parameters.record_error_units, 1.0), right.shape)
        sign = np.where(self.clerks.random(right.shape) < 0.5, -1.0, 1.0)
        self.stores.miskey(np.where(new, sign * size, 0.0))
        self.is_wrong |= new

    def _note(self, diary: Diary, day: int, sellable: Array, bought: Purchases) -> None:
        stores, depots = self.stores, self.depots
        diary.note(
            "stores",
            day,
            record_units=stores.record,
            shelf_units=stores.shelf,
            backroom_units=stores.backroom,
            units_wanted=bought.wanted,
            units_sold=bought.sold,
            switched_units=bought.switched,
            received_units=stores.received,
            on_order_units=stores.waiting,
            in_transit_units=stores.in_transit,
            shrink_units=stores.shrink,
            adjusted_units=stores.adjusted,
            was_empty_share=empty_share(sellable, np.maximum(bought.wanted, bought.sold)),
            cause=self.cause,
        )
        diary.note(
            "warehouses",
            day,
            record_units=depots.stock,
            units_sold=depots.shipped,
            received_units=depots.received,
            on_order_units=depots.waiting,
            in_transit_units=depots.in_transit,
            is_distributors_fault=depots.is_distributors_fault(),
        )


def _depots(parameters: Parameters, places: Network, plan: Policy, days: int) -> Warehouses:
    return Warehouses.filled(places, plan.dc_flow, plan.dc_flow * plan.dc_factor[0], days, parameters)


def _opened(
    parameters: Parameters, items: Catalogue, future: Outlook, plan: Policy, rng: np.random.Generator
) -> Stores:
    """Stores with somewhere between the order point and a full order."""
    days = len(future.factor) + parameters.lead_time_days + int(future.delay_days.max()) + 1
    capacity = np.maximum(items.pack_units, np.ceil(3 * future.mean))
    start = np.where(future.is_ranged[0], plan.point[0] + rng.random(future.mean.shape) * plan.quantity[0], 0)
    return Stores.filled(np.ceil(start), capacity, days)

"""The stores of a world: what is on the shelf, in the backroom and on record, and what is ordered.

Everything is an array (store, item). Record and stock part when something is stolen, misplaced or miscounted; orders
follow the record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.stockwatch.simulation.demand import Array


@dataclass
class Stores:
    """State of all stores at a moment of a day."""

    shelf: Array
    backroom: Array
    misplaced: Array  # in the store, where nobody finds it before a count
    record: Array
    waiting: Array  # ordered, not shipped yet
    held_back: Array  # of which the DC could not ship
    coming: Array  # (day, store, item), day of arrival
    due: Array  # (day, store, item), day on which it should arrive
    in_transit: Array
    missing: Array  # under way, and past its day
    not_ordered: Array  # units that should have been ordered and were not
    capacity: Array  # of the shelf
    received: Array
    shrink: Array  # stock that went by itself (-) or was found (+) today
    adjusted: Array  # record changed by counts and mistakes today

    @classmethod
    def filled(cls, stock: Array, capacity: Array, days: int) -> Stores:
        """Stores with some stock, right records and nothing on order."""
        shelf = np.minimum(stock, capacity)

        def nothing() -> Array:
            return np.zeros_like(stock)

        return cls(
            shelf=shelf,
            backroom=stock - shelf,
            misplaced=nothing(),
            record=stock.copy(),
            waiting=nothing(),
            held_back=nothing(),
            coming=np.zeros((days, *stock.shape)),
            due=np.zeros((days, *stock.shape)),
            in_transit=nothing(),
            missing=nothing(),
            not_ordered=nothing(),
            capacity=capacity,
            received=nothing(),
            shrink=nothing(),
            adjusted=nothing(),
        )

    @property
    def stock(self) -> Array:
        """What could be sold, on the shelf or behind it."""
        return self.shelf + self.backroom

    def receive(self, day: int, launched: Array) -> None:
        """What arrives in the morning goes to the backroom; items that are launched come with a first filling."""
        self.in_transit = self.in_transit - self.coming[day]
        self.missing = self.missing + self.due[day] - self.coming[day]
        self.received = self.coming[day] + launched
        self.backroom = self.backroom + self.received
        self.record = self.record + self.received
        self.shrink, self.adjusted = np.zeros_like(self.record), np.zeros_like(self.record)

    def lose(self, units: Array, is_misplaced: Array) -> None:
        """Stock that goes without the record: the backroom's last."""
        units = np.minimum(units, self.stock)
        from_shelf = np.minimum(units, self.shelf)
        self.shelf = self.shelf - from_shelf
        self.backroom = self.backroom - (units - from_shelf)
        self.misplaced = self.misplaced + np.where(is_misplaced, units, 0)
        self.shrink = self.shrink - units

    def miskey(self, units: Array) -> None:
        """Records that change without the stock."""
        self.record = self.record + units
        self.adjusted = self.adjusted + units

    def count(self, counted: Array) -> None:
        """Set the record right where somebody counts; misplaced stock is found."""
        found = np.where(counted, self.misplaced, 0)
        self.misplaced = self.misplaced - found
        self.backroom = self.backroom + found
        self.shrink = self.shrink + found
        self.miskey(np.where(counted, self.stock - self.record, 0))

    def fill_shelves(self, neglected: Array) -> None:
        """Bring stock from the backroom, but where nobody does."""
        moved = np.where(neglected, 0, np.minimum(self.backroom, self.capacity - self.shelf).clip(0))
        self.shelf = self.shelf + moved
        self.backroom = self.backroom - moved

    def sellable(self, neglected: Array) -> Array:
        """What the day can sell: shelves are filled again and again, but where nobody does."""
        return np.where(neglected, self.shelf, self.stock)

    def sell(self, units: Array) -> None:
        """Take sold units off the shelf, and what the shelf lacks out of the backroom."""
        from_shelf = np.minimum(units, self.shelf)
        self.shelf = self.shelf - from_shelf
        self.backroom = self.backroom - (units - from_shelf)
        self.record = self.record - units

    def clear(self, ended: Array) -> None:
        """Send back what is left of items that are sold no more."""
        self.shrink = self.shrink - np.where(ended, self.stock, 0)
        self.adjusted = self.adjusted - np.where(ended, self.record, 0)
        for name in ("shelf", "backroom", "misplaced", "record", "waiting", "held_back", "not_ordered"):
            setattr(self, name, np.where(ended, 0.0, getattr(self, name)))

    def take_shipments(self, day: int, shipped: Array, transit_days: int, delay_days: Array) -> None:
        """What the DCs send on its way; some of it comes late."""
        self.waiting = self.waiting - shipped
        self.held_back = self.waiting.copy()
        self.in_transit = self.in_transit + shipped
        self.due[day + transit_days] += shipped
        arrival = np.minimum(day + transit_days + delay_days, len(self.coming) - 1)
        store, item = np.nonzero(shipped)
        np.add.at(self.coming, (arrival[store, item], store, item), shipped[store, item])

    def order(self, point: Array, quantity: Array, pack: Array, may_order: Array, is_missed: Array) -> None:
        """Order when the record and what is under way are at or below the point, in whole packs."""
        position = np.maximum(self.record, 0) + self.waiting + self.in_transit
        wanted = np.where(may_order & (position <= point), np.ceil((point + quantity - position) / pack) * pack, 0)
        self.not_ordered = np.where(wanted > 0, np.where(is_missed, wanted, 0), self.not_ordered * (position <= point))
        self.waiting = self.waiting + np.where(is_missed, 0, wanted)

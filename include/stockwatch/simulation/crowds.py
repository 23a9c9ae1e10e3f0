"""The shoppers of a world as one demand: a crowd for each brand in each category."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from include.stockwatch.simulation.catalogue import Catalogue
from include.stockwatch.simulation.demand import Array, Purchases
from include.stockwatch.simulation.habits import Habits
from include.stockwatch.simulation.network import REGIONS, Network
from include.stockwatch.simulation.shoppers import Shoppers


class Crowds:
    """People instead of counts: they choose between the stores of their region and the items of a brand."""

    def __init__(self, rates: Array, items: Catalogue, places: Network, habits: Habits, seed: int) -> None:
        areas = np.asarray([REGIONS.index(store.region) for store in places.stores])
        _, areas = np.unique(areas, return_inverse=True)
        kinds = list(zip(items.brands, items.categories, strict=True))
        self._columns = [np.flatnonzero([kind == one for kind in kinds]) for one in dict.fromkeys(kinds)]
        self._crowds = [
            Shoppers(
                rates[:, columns],
                seed=seed * len(kinds) + place,
                habits=replace(habits, cycle_days=float(items.purchase_cycle_days[columns[0]])),
                areas=areas,
            )
            for place, columns in enumerate(self._columns)
        ]

    def buy(self, day: int, shelf_units: Array, expected_factor: Array) -> Purchases:
        """Every crowd shops; what is bought by others than those who first wanted it here counts as switched."""
        sold, wanted, switched = (np.zeros(shelf_units.shape) for _ in range(3))
        for columns, crowd in zip(self._columns, self._crowds, strict=True):
            trade = crowd.buy(day, shelf_units[:, columns].copy(), expected_factor[:, columns])
            sold[:, columns], wanted[:, columns] = trade.sold, trade.wanted
            switched[:, columns] = trade.sold - (trade.wanted - trade.unmet)
        return Purchases(sold, wanted, switched)

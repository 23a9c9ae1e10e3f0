"""What is written down of every day."""

from __future__ import annotations

import numpy as np

from include.stockwatch.simulation.catalogue import Catalogue
from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.network import Network
from include.stockwatch.simulation.parameters import Parameters


class Diary:
    """What is written down every day: arrays of (day, place, item) by name, without the warm-up."""

    def __init__(self, parameters: Parameters, places: Network, items: Catalogue) -> None:
        self._shapes = {
            "stores": (parameters.days, len(places.stores), len(items)),
            "warehouses": (parameters.days, len(places.warehouses), len(items)),
        }
        self.stores: dict[str, Array] = {}
        self.warehouses: dict[str, Array] = {}

    def note(self, kind: str, day: int, **values: Array) -> None:
        """Write down one day; days of the warm-up are negative and forgotten."""
        if day < 0:
            return
        book: dict[str, Array] = getattr(self, kind)
        for name, value in values.items():
            book.setdefault(name, np.zeros(self._shapes[kind], value.dtype))[day] = value

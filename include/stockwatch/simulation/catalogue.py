"""The items of a world: ours, sold by every partner, some of which end and have a successor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.parameters import Parameters

BRANDS = ("Oatworks", "Fjordmilk", "Sunlane", "Kettle & Rye", "Bright Acre", "Pinebrook")
CATEGORIES = ("Snacks", "Coffee", "Cereal", "Tea", "Pasta sauce", "Dairy drinks")
FLAVOURS = ("Honey", "Dark", "Berry", "Classic", "Maple", "Sea Salt", "Vanilla", "Hazel", "Lemon", "Smoked")
CLASSES = ("A", "B", "C")
LAST = 10**6


@dataclass(frozen=True)
class Catalogue:
    """One element per item; a successor comes after all others. Days count from the first date of the world."""

    gtins: tuple[str, ...]
    names: tuple[str, ...]
    brands: tuple[str, ...]
    categories: tuple[str, ...]
    classes: tuple[str, ...]
    price: Array
    margin_share: Array
    purchase_cycle_days: Array
    pack_units: Array
    units_per_day: Array  # in a store of usual size
    successor: Array  # index, -1 = none
    first_day: Array
    last_day: Array

    def __len__(self) -> int:
        return len(self.gtins)


def check_digit(digits: str) -> str:
    """The last digit of a GS1 key: weights 3 and 1 from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def gtin(number: int) -> str:
    """Our own GTIN-14 of a number: a UPC-12 with two zeros before it."""
    digits = f"00850007{12000 + number:05d}"
    return digits + check_digit(digits)


def catalogue(parameters: Parameters, rng: np.random.Generator) -> Catalogue:
    """All items of a world, successors last."""
    usual, ending = parameters.items, round(parameters.items * parameters.discontinued_share)
    if parameters.discontinued_share > 0:
        ending = max(ending, 1)
    low, high = np.log(parameters.demand_range)
    rate = np.exp(low + (high - low) * (rng.permutation(usual) + rng.random(usual)) / usual)
    price = np.round(rng.uniform(1.8, 9.5, usual), 1) - 0.01
    pack = rng.choice(np.asarray(parameters.packs, float), usual)
    cycle = rng.choice([14.0, 21.0, 28.0, 35.0], parameters.categories)
    margin = np.round(rng.uniform(0.3, 0.5, usual), 2)
    ended = np.sort(rng.permutation(usual)[:ending])
    switch = rng.integers(int(parameters.days * 0.4), max(int(parameters.days * 0.8), 1) + 1, ending)
    source = np.concatenate([np.arange(usual), ended])
    first, last = np.full(len(source), -LAST), np.full(len(source), LAST)
    last[ended], first[usual:] = switch, switch + 1
    successor = np.full(len(source), -1)
    successor[ended] = np.arange(usual, len(source))
    order = np.argsort(np.argsort(-rate))
    names = [f"{FLAVOURS[one % len(FLAVOURS)]} {_category(one, parameters)} {100 + one}" for one in range(usual)]
    return Catalogue(
        gtins=tuple(gtin(100 + place) for place in range(len(source))),
        names=tuple(names[one] + (" new" if place >= usual else "") for place, one in enumerate(source)),
        brands=tuple(BRANDS[int(one) // parameters.categories % parameters.brands] for one in source),
        categories=tuple(_category(int(one), parameters) for one in source),
        classes=tuple(CLASSES[min(int(order[one] * 3 / usual), 2)] for one in source),
        price=price[source],
        margin_share=margin[source],
        purchase_cycle_days=cycle[source % parameters.categories],
        pack_units=pack[source],
        units_per_day=rate[source],
        successor=successor,
        first_day=first,
        last_day=last,
    )


def _category(item: int, parameters: Parameters) -> str:
    return CATEGORIES[item % parameters.categories]

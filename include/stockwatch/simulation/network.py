"""Where things are: partners, their stores and DCs, and which place serves which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.stockwatch.simulation.catalogue import check_digit
from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.parameters import Parameters

RETAILERS = ("northfield", "eastgate", "southmarket", "hillcrest", "lakeshore", "oldtown")
DISTRIBUTOR = "westway"
TIME_ZONES = ("America/Los_Angeles", "America/New_York", "America/Chicago", "America/Denver")
REGIONS = ("North", "East", "South", "West")


@dataclass(frozen=True)
class Place:
    """A store or a DC."""

    partner: str
    location_id: str
    name: str
    region: str
    time_zone: str
    gln: str


@dataclass(frozen=True)
class Network:
    """Stores and warehouses by index; the distributor's warehouses come first."""

    retailers: tuple[str, ...]
    stores: tuple[Place, ...]
    warehouses: tuple[Place, ...]
    partner_of: Array  # store -> retailer
    warehouse_of: Array  # store -> warehouse that serves it
    feeder_of: Array  # warehouse -> warehouse that serves it, -1 = our factory
    size: Array  # store -> demand against a usual store

    @property
    def distributor_dcs(self) -> int:
        """How many of the warehouses are the distributor's."""
        return sum(place.partner == DISTRIBUTOR for place in self.warehouses)


def owns_dcs(retailer: int, parameters: Parameters) -> bool:
    """Whether a retailer has DCs of its own, behind which the distributor stands."""
    return parameters.dcs_per_partner > 0 and (retailer % 2 == 0 or parameters.distributor_dcs == 0)


def network(parameters: Parameters, rng: np.random.Generator) -> Network:
    """All places of a world."""
    retailers = RETAILERS[: parameters.partners]
    far = [
        _place(DISTRIBUTOR, f"WW{one + 1:02d}", f"Westway depot {one + 1}", one, 900 + one)
        for one in range(parameters.distributor_dcs)
    ]
    near: list[Place] = []
    feeders = [-1] * len(far)
    stores: list[Place] = []
    partner_of, warehouse_of = [], []
    for retailer, name in enumerate(retailers):
        own = _own_dcs(retailer, name, parameters)
        first = len(far) + len(near)
        near += own
        feeders += [one % len(far) if far else -1 for one in range(len(own))]
        serving = range(first, first + len(own)) if own else range(len(far))
        for one in range(retailer, parameters.stores, len(retailers)):
            number = one // len(retailers)
            stores.append(_place(name, _store_id(retailer, number), f"{name.title()} #{number + 1}", number, one))
            partner_of.append(retailer)
            warehouse_of.append(serving[number % len(serving)])
    size = np.exp(rng.normal(0, 0.3, len(stores)))
    return Network(
        retailers,
        tuple(stores),
        (*far, *near),
        np.asarray(partner_of),
        np.asarray(warehouse_of),
        np.asarray(feeders),
        size / size.mean(),
    )


def _own_dcs(retailer: int, name: str, parameters: Parameters) -> list[Place]:
    if not owns_dcs(retailer, parameters):
        return []
    numbers = range(parameters.dcs_per_partner)
    return [
        _place(name, f"DC{retailer + 1}{one + 1}", f"{name.title()} DC {one + 1}", one, 800 + 10 * retailer + one)
        for one in numbers
    ]


def _store_id(retailer: int, number: int) -> str:
    """Ids as the partners write them: with leading zeros, letters, or plain."""
    return (f"{11 + number * 7:04d}", f"E{100 + number}", f"{3001 + number * 13}")[retailer % 3]


def _place(partner: str, location_id: str, name: str, number: int, gln: int) -> Place:
    digits = f"850007{gln:06d}"
    zone = TIME_ZONES[(len(partner) + number) % len(TIME_ZONES)]
    return Place(partner, location_id, name, REGIONS[number % len(REGIONS)], zone, digits + check_digit(digits))

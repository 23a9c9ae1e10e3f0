"""How shoppers are: how often they come, what they do at an empty shelf, and how much of it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RESPONSES = ("store", "brand", "same_brand", "delay", "cancel")
STORE, BRAND, SAME_BRAND, DELAY, CANCEL = range(5)


@dataclass(frozen=True)
class Habits:
    """How the shoppers of an area are. Shares are 0..1; times are days."""

    loyal_share: float = 0.5
    """Share of an item's purchases made by loyal buyers."""
    cycle_days: float = 30.0
    """Mean days between two purchases of a loyal buyer."""
    occasional_cycle_factor: float = 4.0
    """How much longer an occasional buyer takes."""
    units_per_purchase: float = 1.2
    """Mean; every purchase is of at least one unit."""
    rate_variation: float = 0.0
    """Coefficient of variation of purchase rates between shoppers: Gamma-Poisson if above 0."""
    regularity: int = 1
    """Erlang shape of the time between purchases: 1 = by chance, 4 = regular."""
    response: tuple[float, ...] = (0.31, 0.26, 0.19, 0.15, 0.09)
    """What shoppers do at an empty shelf, in the order of `RESPONSES`."""
    loyal_response: tuple[float, ...] | None = None
    """The same of loyal buyers, if they differ."""
    delay_recovered: float = 0.8
    """Share of delayed purchases that are made once the item is back; the others never are."""
    retry_disappoints: bool = False
    """Whether who delayed and finds the shelf still empty chooses anew, or knew and waits on."""
    delay_days: float = 3.0
    """Mean days until they look again."""
    first_persistence: float = 0.05
    """rho_1: share of a loyal buyer's further purchases lost when the first empty shelf makes them switch brands."""
    escalation: float = 1.5
    """G: growth of that share with every empty shelf remembered."""
    max_persistence: float = 0.3
    memory_half_life_days: float = 90.0
    """What an empty shelf still counts when the next one is met halves at this pace."""
    recovery_half_life_days: float | None = None
    """Half-life of what was lost: buyers come back at this pace. None: they do not."""


class HabitTable:
    """The habits of all areas as columns."""

    def __init__(self, habits: Sequence[Habits]) -> None:
        def column(name: str) -> Array:
            return np.array([getattr(habit, name) for habit in habits], float)

        self.loyal_share, self.cycle, self.units = (
            column(name) for name in ("loyal_share", "cycle_days", "units_per_purchase")
        )
        self.occasional_factor, self.rate_variation = column("occasional_cycle_factor"), column("rate_variation")
        self.regularity, self.delay_recovered = column("regularity"), column("delay_recovered")
        self.delay_days, self.retries = column("delay_days"), column("retry_disappoints") > 0
        self.first_persistence, self.escalation = column("first_persistence"), column("escalation")
        self.max_persistence, self.memory = column("max_persistence"), column("memory_half_life_days")
        self.recovery = np.array([habit.recovery_half_life_days or np.inf for habit in habits])
        self.response = np.array([(habit.response, habit.loyal_response or habit.response) for habit in habits])

"""How often the cause that a check names is the true one, in a world whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.domain.availability import EMPTY
from include.stockwatch.domain.causes import Cause
from include.stockwatch.simulation.world import World

KEY = ["business_date", "partner", "location_id", "item_id"]
"""Statuses of which a cause is held against the truth."""
DC_CAUSES = (Cause.DISTRIBUTOR_DC.value, Cause.RETAILER_DC.value)
NOT_EMPTY = "not empty"
"""The truth of a false alarm, which has no cause."""


@dataclass(frozen=True)
class Attribution:
    """Causes of series-days of stores that are flagged and truly empty at close.

    confusion: (true cause, named cause) -> series-days; false alarms are under `NOT_EMPTY` and in no share
    """

    confusion: Mapping[tuple[str, str], int]

    @property
    def flagged(self) -> int:
        """Series-days that are flagged and truly empty."""
        return sum(count for (true, _), count in self.confusion.items() if true != NOT_EMPTY)

    @property
    def right_share(self) -> float | None:
        """Of all causes named, those that are true."""
        return self._share(lambda true: true != NOT_EMPTY)

    @property
    def dc_right_share(self) -> float | None:
        """Of what a DC outage emptied, what is laid at the door of the right kind of DC."""
        return self._share(lambda true: true in DC_CAUSES)

    @property
    def dc_named_right_share(self) -> float | None:
        """Of what is laid at the door of a DC, what its outage truly emptied."""
        named = Counter({pair: count for pair, count in self.confusion.items() if pair[1] in DC_CAUSES})
        right = sum(count for (true, name), count in named.items() if true == name)
        total = sum(count for (true, _), count in named.items() if true != NOT_EMPTY)
        return right / total if total else None

    def __add__(self, other: Attribution) -> Attribution:
        return Attribution(Counter(self.confusion) + Counter(other.confusion))

    def _share(self, is_meant: object) -> float | None:
        assert callable(is_meant)
        meant = {pair: count for pair, count in self.confusion.items() if is_meant(pair[0])}
        total = sum(meant.values())
        return sum(count for (true, name), count in meant.items() if true == name) / total if total else None


def attribution(world: World, found: pa.Table) -> Attribution:
    """Hold the causes of `pictures.pictures` against those of the world.

    Grain: found (business_date, series); only days and series of which the truth tells count
    """
    truth = world.truth.select([*KEY, "cause"]).rename_columns([*KEY, "true_cause"])
    flagged = found.filter(pc.is_in(found.column("status"), pa.array(EMPTY))).select([*KEY, "cause"])
    both = flagged.join(truth, KEY, join_type="inner")
    true = pc.fill_null(both.column("true_cause"), NOT_EMPTY).to_pylist()
    return Attribution(Counter(zip(true, both.column("cause").to_pylist(), strict=True)))

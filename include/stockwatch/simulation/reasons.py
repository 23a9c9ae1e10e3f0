"""Why a shelf is empty: the largest of the gaps that would have filled it."""

from __future__ import annotations

import numpy as np

from include.stockwatch.simulation.demand import Array

CAUSES = ("", "distributor_dc", "retailer_dc", "not_ordered", "not_delivered", "phantom", "shelf", "planned")
NONE, DISTRIBUTOR_DC, RETAILER_DC, NOT_ORDERED, NOT_DELIVERED, PHANTOM, SHELF, PLANNED = range(len(CAUSES))


def reasons(
    before: Array,
    *,
    is_empty: Array,
    is_ranged: Array,
    backroom: Array,
    record: Array,
    held_back: Array,
    is_distributors_fault: Array,
    missing: Array,
    not_ordered: Array,
) -> Array:
    """The cause of every empty shelf, as an index into `CAUSES`; `before` are those of the day before.

    Units that a DC held back, that are overdue, that nobody ordered, or that are on record and not there: the most of
    them is the cause. With none of them the cause of yesterday goes on; a shelf that ran out although an order came in
    time was ordered for too late or too little.
    """
    gaps = np.stack([held_back, missing, not_ordered, np.maximum(record, 0)])
    dc = np.where(is_distributors_fault, DISTRIBUTOR_DC, RETAILER_DC)
    named = np.stack([dc, *(np.full(dc.shape, one) for one in (NOT_DELIVERED, NOT_ORDERED, PHANTOM))])
    largest = np.take_along_axis(named, gaps.argmax(axis=0)[None], axis=0)[0]
    goes_on = np.where(before > NONE, before, NOT_ORDERED)
    cause = np.where(gaps.max(axis=0) > 0, largest, goes_on)
    cause = np.where(backroom > 0, SHELF, cause)
    cause = np.where(is_ranged, cause, PLANNED)
    return np.where(is_empty, cause, NONE)

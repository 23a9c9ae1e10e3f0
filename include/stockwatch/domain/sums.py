"""Sums that come out the same in whatever order an engine adds the rows."""

from __future__ import annotations

import ibis.expr.types as ir

STEPS_PER_UNIT = 1_000_000_000


def exact_sum(values: ir.FloatingValue, where: ir.BooleanValue | None = None) -> ir.FloatingScalar:
    """Sum in steps of 1e-9, as whole numbers.

    Floating-point addition depends on its order, and a parallel engine promises none: without this, checking a date
    again would change last digits, and a changed digit is a changed incident.
    Nulls:  left out; null where nothing is left
    """
    steps = (values * STEPS_PER_UNIT).round().cast("int64")
    return steps.sum(where=where).cast("float64") / STEPS_PER_UNIT

"""Sums that come out the same in whatever order an engine adds the rows."""

from __future__ import annotations

import ibis.expr.types as ir


def exact_sum(values: ir.FloatingValue, where: ir.BooleanValue | None = None) -> ir.FloatingScalar:
    """Sum to twelve decimals, exactly.

    Floating-point addition depends on its order, and a parallel engine promises none: without this, checking a date
    again would change last digits, and a changed digit is a changed incident.
    Nulls:  left out; null where nothing is left
    """
    return values.cast("decimal(38, 12)").sum(where=where).cast("float64")

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


STEPS_PER_UNIT = 2.0**20
"""Steps that `fast_sum` counts in: about a millionth."""


def fast_sum(values: ir.FloatingValue, where: ir.BooleanValue | None = None) -> ir.FloatingScalar:
    """Sum to a millionth, exactly, of values up to a billion; half the price of `exact_sum`.

    Nulls:  left out; null where nothing is left
    """
    return (values * STEPS_PER_UNIT).cast("int64").sum(where=where).cast("float64") / STEPS_PER_UNIT


THOUSANDTHS = 1000.0


def unit_sum(units: ir.NumericColumn, where: ir.BooleanColumn | None = None) -> ir.FloatingScalar:
    """Sum to whole thousandths of a unit, exactly: whole numbers in a float add up in any order below 2**53.

    Nulls:  left out; null where nothing is left
    """
    return (units * THOUSANDTHS).round().cast("float64").sum(where=where) / THOUSANDTHS

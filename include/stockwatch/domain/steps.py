"""Steps of a longer calculation, each computed once."""

from __future__ import annotations

import ibis.expr.types as ir
from ibis.util import gen_name


def step(table: ir.Table) -> ir.Table:
    """The same table under a name of its own, so that later columns refer to its columns and do not repeat them.

    Without it ibis writes a column's whole formula wherever another one uses it, and the query grows exponentially.
    """
    return table.alias(gen_name("step"))

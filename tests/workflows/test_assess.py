"""What an assessment hands to the loss model."""

from __future__ import annotations

import pyarrow as pa
import pytest

from include.stockwatch.workflows.assess import _loss_inputs
from tests.domain.tables import day
from tests.workflows.days import OUT, SHORT, row, table

HORIZON = 7


@pytest.mark.parametrize(
    ("told", "days"),
    [
        ({"on_order_units": 24.0, "next_receipt_on": day(5)}, 3),
        ({"in_transit_units": 6.0, "next_receipt_on": day(5)}, 3),
        ({"on_order_units": 24.0, "next_receipt_on": day(20)}, HORIZON),
        ({"on_order_units": 24.0}, HORIZON),
        ({"on_order_units": 0.0, "next_receipt_on": day(5)}, HORIZON),
        ({"next_receipt_on": day(5)}, HORIZON),
    ],
    ids=["ordered", "on its way", "long after", "date not known", "nothing ordered", "orders not told"],
)
def test_a_gap_goes_on_until_what_was_ordered_is_expected(told: dict[str, object], days: int) -> None:
    """A-20"""
    chosen = table(2, [row("1", OUT, **told), row("2", SHORT, short_units=6.0)])
    for name in ("margin_share", "purchase_cycle_days"):  # of the item master
        chosen = chosen.append_column(name, pa.nulls(len(chosen), pa.float64()))
    assert list(_loss_inputs(chosen, HORIZON)["ahead_days"]) == [days, 3.0]

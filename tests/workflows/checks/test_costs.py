"""What an assessment hands to the loss model."""

from __future__ import annotations

import pyarrow as pa
import pytest

from include.stockwatch.domain.customer_signals import Measure
from include.stockwatch.domain.losses import OUTPUTS
from include.stockwatch.domain.loyalty import Figure
from include.stockwatch.validation.pictures import PLAIN
from include.stockwatch.workflows.checks.costs import loss_inputs, with_losses
from tests.domain.tables import day
from tests.workflows.days import OUT, PHANTOM, SHORT, row, table

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
    """A-20; a shelf that is suspected empty is so with its probability on these days too."""
    chosen = table(2, [row("1", OUT, **told), row("2", SHORT), row("3", PHANTOM, p_phantom=0.8, **told)])
    for name in ("margin_share", "purchase_cycle_days"):  # of the item master
        chosen = chosen.append_column(name, pa.nulls(len(chosen), pa.float64()))
    chosen = chosen.append_column("short_units_ahead", pa.array([None, 6.0, None]))
    found = loss_inputs(chosen, HORIZON)
    assert list(found["ahead_days"]) == [days, 3.0, 0.8 * days]
    assert [*found["store_scope"], *found["item_scope"]] == [0.0] * 6, "of whom nothing is known, nobody is out"


def test_the_days_to_come_of_a_promotion_are_worth_what_they_sell() -> None:
    """Out in a promotion that sells three times as much and goes on for 2 days: 7 days ahead are 5 + 2 x 3."""
    promoted = {"demand_units_per_day": 2.0, "promoted_units_per_day": 6.0, "promoted_until": day(4)}
    chosen = table(
        2, [row("1", OUT, **promoted), row("2", OUT, **promoted, on_order_units=9.0, next_receipt_on=day(3))]
    )
    for name in ("margin_share", "purchase_cycle_days", "short_units_ahead"):
        chosen = chosen.append_column(name, pa.nulls(len(chosen), pa.float64()))
    assert list(loss_inputs(chosen, HORIZON)["ahead_days"]) == [11.0, 3.0]


def test_loyalty_that_is_measured_later_tells_nothing_of_a_date_before() -> None:
    """A replay looks at many dates at once."""
    later = Figure(measure=Measure.LOYAL_SHARE, value=0.9, valid_from=day(2), sample_size=10_000)
    out = {"demand_a": 120.0, "demand_b": 30.0, "spell_exposure_days": 3.0, "earlier_exposure_days": 0.0}
    of_both = pa.concat_tables(table(date, [row("1", OUT, **out, store_scope=0.0, item_scope=0.0)]) for date in (1, 2))
    of_both = of_both.drop(OUTPUTS)
    for name in ("margin_share", "purchase_cycle_days", "short_units_ahead"):
        of_both = of_both.append_column(name, pa.nulls(2, pa.float64()))
    found = with_losses(of_both, PLAIN.model_copy(update={"loyalty": (later,)}))
    before, after = found["customers_lost"].to_pylist()
    assert after == pytest.approx(before * 0.9 / 0.5, rel=0.01)

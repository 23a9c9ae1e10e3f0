"""What the ledger says of checks, on every kind of store."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from include.stockwatch.adapters.state import ledger
from include.stockwatch.workflows.services import Services

FIRST, DAYS, INPUTS = dt.date(2024, 2, 28), 400, ("a", "b", "c")
ZONES = [ZoneInfo(name) for name in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns")]


def on(number: int) -> dt.date:
    """A date, counted from the first."""
    return FIRST + dt.timedelta(days=number)


@pytest.mark.parametrize("span", [(0, DAYS - 1), (1, 1), (2, 2), (3, 200), (4, DAYS), (-9, -1), (200, 100)])
def test_dates_that_were_checked_on_two_states_are_restated_and_the_last_of_a_span_if_it_was_checked(
    services: Services, span: tuple[int, int]
) -> None:
    """One day in every zone: a date has no zone, and a check may be noted near midnight anywhere."""
    dice = random.Random(7)
    told = [(n, one) for n in range(DAYS) for one in INPUTS[: n % 4]]
    dice.shuffle(told)
    with services.state.begin() as tx:
        for n, one in told * 2:  # the same check again is none on another state
            at = dt.datetime(2026, 1, 1, 23, 59, 59, tzinfo=dice.choice(ZONES))
            ledger.record_check(tx, on(n), one, at, {})
    first, last = span
    known = {n: min(n % 4, 3) for n in range(DAYS)}
    expected = [n for n in range(first, last + 1) if known.get(n, 0) > 1 or (n == last and known.get(n, 0))]
    with services.state.read() as tx:
        assert ledger.restated(tx, on(first), on(last)) == [on(n) for n in expected]

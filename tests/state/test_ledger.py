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


def test_the_latest_check_is_of_a_date_on_which_nobody_is_awaited_while_there_is_one(services: Services) -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    told = [(1, "a", []), (2, "a", ["westway"]), (3, "a", ["westway"]), (2, "b", [])]
    found = []
    for hour, (n, inputs, awaited) in enumerate([told[1], told[0], *told[2:]]):
        with services.state.begin() as tx:
            ledger.record_check(tx, on(n), inputs, at + dt.timedelta(hours=hour), {"awaited": awaited})
        with services.state.read() as tx:
            found.append(ledger.latest_check(tx))
    when = [at + dt.timedelta(hours=hour) for hour in range(4)]
    assert found == [(on(2), when[0]), (on(1), when[1]), (on(1), when[2]), (on(2), when[3])]


def test_what_awaited_feeds_bring_is_no_news_until_they_are_settled() -> None:
    before = {on(1): {"n": "1", "w": "1"}, on(2): {"n": "2"}}
    more = {on(1): {"n": "1", "w": "9"}, on(2): {"n": "2"}}

    def inputs(delivered: dict[dt.date, dict[str, str]], *awaited: str) -> str:
        return ledger.inputs_of(on(2), delivered, {}, 56, awaited)

    assert inputs(before, "w") == inputs(more, "w")
    assert inputs(before) != inputs(more)
    assert inputs({on(2): {"n": "2"}}, "w") != inputs({on(2): {"n": "2"}}), "that it is late now is news"

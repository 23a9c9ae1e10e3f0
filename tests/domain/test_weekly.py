"""A week told in one row: the check says of it what it says of the same seven days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from include.stockwatch.domain.availability import CheckSettings, Status, marked
from include.stockwatch.domain.demand import Pools, evidence, history
from include.stockwatch.domain.orders import replenishment
from include.stockwatch.domain.panel import Array, Panel, risen
from include.stockwatch.domain.phantom import runs
from include.stockwatch.domain.supply import SupplySettings, corrected_units, habits
from tests.domain.tables import checked, day, observation, one

ALL_ALIKE = CheckSettings(forgetting=1)
WEEKS = 8
Row = dict[str, Any]


def told(**measures: Array) -> Panel:
    """A panel of what is given, nothing else being reported."""
    shape = next(iter(measures.values())).shape
    return Panel(*(measures.get(one.name, np.broadcast_to(np.nan, shape)) for one in fields(Panel)))


def in_weeks(panel: Panel) -> Panel:
    """The same with a row a week, as `daily` makes it: its flows as those of a day."""
    is_report = (np.arange(panel.days) % 7 == 0)[:, None]

    def weekly(name: str) -> Array:
        values = getattr(panel, name)
        if name == "flow_days":
            values = np.full(panel.on_hand_units.shape, 7.0)
        elif name in ("units_sold", "received_units", "returned_units"):
            values = values.reshape(-1, 7, panel.series).mean(axis=1).repeat(7, axis=0)
        return np.where(is_report, values, np.nan)

    return Panel(*(weekly(one.name) for one in fields(Panel)))


def life(received: Array, lead: int = 2) -> Panel:
    """Days, the newest first, of series that sell Poisson demand; an order is out for so many closes."""
    sold = np.random.default_rng(1).poisson(3.0, received.shape).astype(float)
    stock = 400.0 + (received - sold)[::-1].cumsum(axis=0)[::-1]
    on_order = sum(np.roll(received, ahead, axis=0) for ahead in range(1, lead + 1))
    return told(on_hand_units=stock, units_sold=sold, received_units=received, on_order_units=np.asarray(on_order))


def every(days: int, series: int = 7) -> Array:
    """12 units every so many days, on other days in each series."""
    age = np.arange(7 * WEEKS)[:, None] + np.arange(series)
    return np.where(age % days == 0, 12.0, 0.0)


def test_the_balance_of_a_week_is_that_of_its_days() -> None:
    days = life(every(3))
    weeks, sum_of_days = in_weeks(days), risen(days).reshape(WEEKS, 7, -1).sum(axis=1)
    only_stock_weekly = told(on_hand_units=weeks.on_hand_units, units_sold=days.units_sold)
    for one_told in (weeks, only_stock_weekly):
        np.testing.assert_allclose(risen(one_told)[:-7:7], sum_of_days[:-1])


def test_a_week_of_sales_is_no_lost_stock() -> None:
    """40 on record, 21 sold in the week and none there at its end: 19 were not there."""
    weeks = in_weeks(told(on_hand_units=np.repeat([[0.0], [40.0]], 7, axis=0), units_sold=np.full((14, 1), 3.0)))
    np.testing.assert_allclose(corrected_units(weeks, np.array([7.0])), 19.0)


def test_the_lead_time_is_known_from_weeks_but_not_the_days_between_receipts() -> None:
    days = life(every(5, series=35))
    place = np.zeros(days.series, np.int64)
    rate = np.full(days.series, 3.0)
    for of_days, interval, left in ((days, 5.0, True), (in_weeks(days), np.nan, False)):
        came_in = np.fmax(of_days.of_reports(of_days.received_units), 0.0)
        found = replenishment(of_days, came_in)
        usual = habits(found, rate, place, SupplySettings())
        assert usual.lead_time_days.mean() == pytest.approx(2, abs=0.6)
        np.testing.assert_equal(
            np.nanmedian(found.receipt_interval_days) if left else found.receipt_interval_days, interval
        )
        assert np.isfinite(usual.left_days).all() == left
    only_stock_weekly = told(
        on_hand_units=in_weeks(days).on_hand_units,
        units_sold=days.units_sold,
        on_order_units=in_weeks(days).on_order_units,
    )
    found = replenishment(only_stock_weekly, np.fmax(risen(only_stock_weekly), 0.0))
    assert not found.leads.any()
    assert not found.receipts.any()


def test_a_silent_run_is_learned_from_in_days() -> None:
    """Weeks that sell but for the third and the second before the checked date."""
    sold = np.repeat([7.0, 0.0, 0.0, 7.0, 7.0, 7.0, 7.0, 7.0], 7)[:, None] / 7
    stock = 90 - sold[::-1].cumsum(axis=0)[::-1]
    weeks = in_weeks(told(on_hand_units=stock, units_sold=sold))
    days, pool = marked(weeks, np.zeros(1), ALL_ALIKE), Pools(*np.zeros((4, 1), np.int64))
    seen = history(weeks, days, np.zeros(sold.shape, bool))
    expected, dispersion = np.full(sold.shape, 7.0), np.ones((1, 9))
    found = runs(weeks, days, seen, expected, dispersion, np.ones((1, 9)), pool, np.zeros(1, bool))
    assert (seen.base_rate, seen.plain_units) == (pytest.approx(42 / 56), pytest.approx(42))
    told_runs = dict(zip(found.silent_days.tolist(), found.count.tolist(), strict=True))
    assert told_runs == {14: 1, 0: 4}


def test_two_weeks_without_a_sale_are_fourteen_unsold_days() -> None:
    sold = np.repeat([0.0, 0.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0], 7)[:, None] / 7
    weeks = in_weeks(told(on_hand_units=np.full((56, 1), 20.0), units_sold=sold))
    found = evidence(marked(weeks, np.zeros(1), ALL_ALIKE), np.ones((56, 1)), np.array([14.0]), ALL_ALIKE)
    shown = (found.frozen_a, found.frozen_b, found.unsold_days, found.unsold_expected)
    np.testing.assert_allclose(np.concatenate(shown), [42, 42, 14, 14])


def rows_of(panel: Panel, series: Iterable[int], *, weekly: bool) -> list[Row]:
    """A panel as daily or weekly rows."""
    names = [one.name for one in fields(Panel) if one.name != "flow_days"]
    step, more = (7, {"flow_days": 7}) if weekly else (1, {})

    def row(age: int, place: int) -> Row:
        values = {name: float(getattr(panel, name)[age, place]) for name in names}
        known = {name: value for name, value in values.items() if not np.isnan(value)}
        return observation(panel.days - age, item_id=f"{place}", **known, **more)

    return [row(age, place) for place in series for age in range(0, panel.days, step)]


def test_a_shelf_is_judged_alike_by_weeks_and_by_days() -> None:
    """Of 20 items every fourth has not sold for the last week, and every fifth is out for two; none came in."""
    received = every(3, series=20)
    received[:14] = 0.0
    days = life(received)
    days.units_sold[:7, ::4] = 0.0
    days.on_hand_units[:14, ::5] = days.units_sold[:14, ::5] = 0.0
    by_day = checked(rows_of(days, range(20), weekly=False), [56], check=ALL_ALIKE)
    by_week = checked(rows_of(in_weeks(days), range(20), weekly=True), [56], check=ALL_ALIKE)
    assert {row["status"] for row in by_day.values()} >= {Status.OUT_OF_STOCK, Status.PHANTOM_SUSPECTED}
    for key, row in by_day.items():
        same = by_week[key]
        is_out = row["status"] == Status.OUT_OF_STOCK
        for name in ("status", "spell_days") if is_out else ("status", "silent_days", "spell_days"):
            assert same[name] == row[name], (key, name)
        for name, apart in (("demand_a", 0.01), ("demand_b", 0.02), ("p_phantom", 0.1), ("lost_units", 0.02)):
            assert (same[name] or 0) == pytest.approx(row[name] or 0, rel=apart, abs=0.02), (key, name)
        assert same["dispersion"] == pytest.approx(row["dispersion"], rel=0.25)


@pytest.mark.parametrize(("sold", "days_out"), [(0.0, 7), (5.0, 4)], ids=["nothing sold", "sold out within it"])
def test_a_spell_begins_with_the_days_that_its_first_report_counts(sold: float, days_out: int) -> None:
    found = one([observation(7, 0.0, sold, flow_days=7, on_order_units=5.0)], 7, check=ALL_ALIKE)
    assert (found["spell_days"], found["spell_start_date"]) == (days_out, day(8 - days_out))
    assert found["spell_exposure_days"] == (7 if days_out == 7 else 3.5)


def test_four_weeks_without_any_sale_are_a_void() -> None:
    weeks = [observation(7 * week, 9.0, 0.0, flow_days=7) for week in range(1, 5)]
    assert one(weeks[:3], 21)["status"] != Status.VOID
    assert one(weeks, 28)["status"] == Status.VOID

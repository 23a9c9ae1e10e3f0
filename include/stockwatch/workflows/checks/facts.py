"""The figures of every series as columns of the availability table, with the risk of running out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from include.stockwatch.domain import demand, orders, outages, supply
from include.stockwatch.domain.availability import CheckSettings, Status
from include.stockwatch.domain.figures import Common, Figures
from include.stockwatch.domain.panel import Array, Codes, Dates, Mask, Panel, on
from include.stockwatch.domain.run_out import is_at_risk, run_out, short_units
from include.stockwatch.workflows.checks.arrays import checked_on, numbers
from include.stockwatch.workflows.checks.supply_chain import Chain
from include.stockwatch.workflows.rules import Rules

if TYPE_CHECKING:
    import pyarrow as pa


THURSDAY = 3
"""The weekday of 1 January 1970, Monday being 0."""


def with_figures(
    series: pa.Table,
    found: Figures,
    pool: demand.Pools,
    common: Common,
    chain: Chain,
    panel: Panel,
    rules: Rules,
) -> pa.Table:
    """Every series with its figures as columns: those of AVAILABILITY but cause and cost, and what these ask for."""
    import pyarrow as pa

    rate, refill = found.rate, found.replenishment
    usual = supply.habits(refill, np.where(rate == 0, np.nan, rate), chain.place, rules.supply)
    last_receipt = np.fmin(found.shelf.last_receipt, refill.last_receipt)
    days, stock = orders.order_days(refill.is_order, pool.location), found.position.on_hand_units
    back = outages.back(chain.cut, refill, usual.lead_time_days)
    ahead = supply.next_receipt(refill, usual, days, rate, stock, back, rules.supply)
    today = checked_on(series)
    risk = _run_outs(series, found, ahead, refill, common, pool, today, rules)
    is_out = risk["status"] == Status.OUT_OF_STOCK.value
    corrected, overdue = _of_spells(panel, found, usual, common.reports_receipts[pool.feed], is_out, rules)
    columns = {
        **_told_of(found, today, last_receipt),
        **_promotion_of(found, common.promotions[pool.category], today),
        **_spell_of(series, found, today),
        **risk,
        "next_receipt_on": on(today, -ahead.days_to_receipt),
        "order_due_on": on(today, ahead.order_due),
        "order_overdue_days": ahead.order_overdue_days,
        "lead_time_days": usual.lead_time_days,
        "receipt_interval_days": refill.receipt_interval_days,
        "inbound_units": refill.inbound_units,
        "on_order_since": on(today, refill.on_order_since),
        "last_waiting_date": on(today, refill.last_waiting),
        "corrected_units": corrected,
        "overdue_units": overdue,
    }
    for name, values in columns.items():
        series = series.append_column(name, pa.array(values, from_pandas=True))
    return series


def _told_of(found: Figures, today: Dates, last_receipt: Array) -> dict[str, Any]:
    """Stock, moments and demand of every series."""
    where, rate = found.position, found.rate
    return {
        "on_hand_units": where.on_hand_units,
        "is_negative_record": where.is_fresh & (where.on_hand_units < 0),
        "sold_out_today": where.sold_out_today,
        "on_order_units": where.on_order_units,
        "in_transit_units": where.in_transit_units,
        "price": where.price,
        "last_seen_date": on(today, where.last_seen),
        "last_in_stock_date": on(today, where.last_in_stock),
        "last_sale_date": on(today, where.last_sale),
        "last_receipt_date": on(today, last_receipt),
        "days_observed": where.days_observed,
        "demand_a": found.demand_a,
        "demand_b": found.demand_b,
        "dispersion": found.dispersion,
        "demand_units_per_day": rate,
        "expected_units_today": rate * found.factor_today,
        "days_of_supply": found.days_of_supply,
        "silent_days": found.shelf.silent_days,
        "p_phantom": found.p_phantom,
        "p_phantom_before": np.where(np.isnan(found.p_phantom), np.nan, found.shelf.initial),
    }


def _promotion_of(found: Figures, promotion: Array, today: Dates) -> dict[str, Any]:
    """What every series sells a day while the promotion that is under way goes on, and until when."""
    left = np.floor(found.promotion_days_left)
    is_promoted = left > 0
    return {
        "promoted_units_per_day": np.where(is_promoted, found.rate * promotion, np.nan),
        "promoted_until": on(today, np.where(is_promoted, -left, np.nan)),
    }


def _spell_of(series: pa.Table, found: Figures, today: Dates) -> dict[str, Any]:
    """The spell of every series, and what it cost in units."""
    spell, rate = found.spell, found.rate
    return {
        "spell_start_date": on(today, spell.start),
        "spell_days": spell.start + 1,
        "spell_exposure_days": spell.exposure_days,
        "earlier_exposure_days": spell.earlier_exposure_days,
        "lost_units": rate * spell.exposure_days,
        "lost_units_today": rate * spell.exposure_today,
        "alert_due": spell.start + 1 >= numbers(series, "days_out_before_alert"),
    }


def _of_spells(
    panel: Panel, found: Figures, usual: supply.Habits, reports: Mask, is_out: Mask, rules: Rules
) -> tuple[Array, Array]:
    """Corrected and overdue units of the series that are out, NaN of all others."""
    out = np.flatnonzero(is_out)
    days, corrected, overdue = panel.of(out), np.full(len(is_out), np.nan), np.full(len(is_out), np.nan)
    corrected[out] = supply.corrected_units(days, found.position.last_in_stock[out])
    overdue[out] = supply.overdue_units(days, usual.lead_time_days[out], reports[out], rules.supply)
    return corrected, overdue


def _run_outs(
    series: pa.Table,
    found: Figures,
    ahead: supply.NextReceipt,
    refill: orders.Replenishment,
    common: Common,
    pool: demand.Pools,
    today: Dates,
    rules: Rules,
) -> dict[str, Any]:
    """The risk of running out, the status with it, and the day on which stock is as likely gone as not."""
    weekday = (today.astype(int) + THURSDAY) % 7
    by_weekday = np.take_along_axis(common.weekdays[pool.category], (weekday[:, None] - np.arange(7)) % 7, axis=1)
    inputs = {
        "demand_a": found.demand_a,
        "demand_b": found.demand_b,
        "dispersion": found.dispersion,
        "on_hand_units": found.position.on_hand_units,
        "exposed_units": ahead.exposed_units,
        "exposed_days": ahead.exposed_days,
        "doubtful_days": ahead.doubtful_days,
        "late_share": ahead.late_share,
        "weekday": weekday,
        "promotion": common.promotions[pool.category],
        "promotion_days": found.promotion_days_left,
        "is_to_come": ahead.is_to_come,
    }
    risk = run_out(inputs, rules.check.horizon_days, rules.supply, by_weekday)
    # a feed that says nothing of orders tells too little of the next receipt: there days of supply decide
    told = np.isfinite(ahead.exposed_days) & np.isfinite(refill.inbound_units)
    has_stock = found.position.is_fresh & ~found.position.is_out  # what is out does not run out any more
    p_runs_out = np.where(told & has_stock, risk["p_runs_out"], np.nan)
    is_low = _is_low(series, found, p_runs_out, rules.check)
    status = np.where((found.status == Status.IN_STOCK.value) & is_low, Status.AT_RISK.value, found.status)
    at_risk = np.flatnonzero(status == Status.AT_RISK.value)
    short, short_ahead = np.full((2, len(status)), np.nan)
    until, horizon = (ahead.days_to_receipt - 1)[at_risk], rules.check.horizon_days
    short_ahead[at_risk] = _lacking(inputs, ahead, at_risk, np.fmin(until, horizon), by_weekday, rules)
    short[at_risk] = np.where(np.isnan(until), np.nan, short_ahead[at_risk])
    is_later = until > horizon
    short[at_risk[is_later]] = _lacking(inputs, ahead, at_risk[is_later], until[is_later], by_weekday, rules)
    return {
        "status": status,
        "is_low": is_low,
        "p_runs_out": p_runs_out,
        "short_units": short,
        "short_units_ahead": short_ahead,
        "runs_out_on": on(today, np.where(has_stock, -risk["runs_out_in_days"], np.nan)),
    }


def _lacking(
    inputs: dict[str, Array], ahead: supply.NextReceipt, some: Codes, until: Array, by_weekday: Array, rules: Rules
) -> Array:
    """What some series will lack of what they have today, in so many days each."""
    soon = {"exposed_units": inputs["on_hand_units"][some], "exposed_days": until, "is_to_come": np.zeros(len(some))}
    soon |= {"doubtful_days": np.fmin(ahead.doubtful_days[some], until)}
    cut = {name: values[some] for name, values in inputs.items()} | soon
    return short_units(cut, rules.check.horizon_days, rules.supply, by_weekday[some])


def _is_low(series: pa.Table, found: Figures, p_runs_out: Array, check: CheckSettings) -> Mask:
    """Whether what is on record is at risk to run out."""
    limits = (numbers(series, name) for name in ("run_out_probability", "min_days_of_supply"))
    is_near = found.days_of_supply < 2 * check.horizon_days  # what runs out later is nobody's task today
    return is_at_risk(p_runs_out, found.days_of_supply, *limits) & is_near

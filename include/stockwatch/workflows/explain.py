"""Say what is known of one series on a date: every number behind its status, and the rule that applies."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from include.stockwatch.alerting.message import number
from include.stockwatch.domain.customers import Assumptions, Interval, spell_loss
from include.stockwatch.domain.thresholds import LIMITS, Limit
from include.stockwatch.errors import StockwatchError
from include.stockwatch.workflows import master
from include.stockwatch.workflows.check import availability_on, delivered_until, rules_of
from include.stockwatch.workflows.services import Services


class UnknownSeries(StockwatchError):
    """Nothing is known of a series on a date: it is not ranged, or was never delivered."""


def explain(services: Services, partner: str, location: str, item: str, date: dt.date) -> dict[str, Any]:
    """The availability row of one series, the limits that apply, and a text that an analyst would write.

    Raises: UnknownSeries
    """
    settings = services.settings
    delivered = delivered_until(services, date)
    table, _ = availability_on(services, [date], delivered)
    chosen = pc.and_(
        pc.equal(table["partner"], partner),
        pc.and_(pc.equal(table["location_id"], location), pc.equal(table["item_id"], item)),
    )
    rows = table.filter(chosen).to_pylist()
    if not rows:
        seen = f"no stock and no sale in the last {settings.stockwatch.check.lookback_days} days"
        raise UnknownSeries(
            f"{partner} / {location} / {item} is not ranged on {date}: not in the partner's assortment or, without "
            f"one, {seen} (are the ids written as in the observations table?)"
        )
    row = rows[0]
    lacking = master.unsaid(services, [date]).get(partner, [])
    facts = {name: row[name] for name in ("partner", "category", "item_id", "location_id")}
    limits = {name: settings.thresholds.limit(name, facts) for name in LIMITS}
    return {
        "row": row,
        "rule": settings.thresholds.rule(facts),
        "limits": {name: {"value": _plain(value), "from": rule} for name, (value, rule) in limits.items()},
        "without_master_data": lacking,
        "text": _text(services, row, limits, lacking),
    }


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _text(
    services: Services, row: dict[str, Any], limits: Mapping[Limit, tuple[Any, str]], lacking: Sequence[str]
) -> str:
    check, assumed = (
        services.settings.stockwatch.check,
        rules_of(services).assumed(
            (row["partner"], row["category"], row["brand"], row["currency"]), row["business_date"]
        ),
    )
    lines = [
        f"{row['item_name'] or row['item_id']} at {row['partner']} {row['location_name'] or row['location_id']} "
        f"on {row['business_date']}: {row['status'].replace('_', ' ')}",
        f"  rule      {row['rule']} (most specific that matches); limits and where they come from:",
        *(f"            {name} = {value} ({rule})" for name, (value, rule) in limits.items() if name != "severity"),
        f"  stock     {_n(row['on_hand_units'])} on hand, reported {row['last_seen_date']}; "
        f"on order {_n(row['on_order_units'])}, in transit {_n(row['in_transit_units'])}; "
        f"last in stock {row['last_in_stock_date']}, last sale {row['last_sale_date']}",
        f"  demand    Gamma(a = {row['demand_a']:.3f}, b = {row['demand_b']:.3f}) over {row['days_observed']} days "
        f"seen of {check.lookback_days}, forgetting {check.forgetting}: {_n(row['demand_units_per_day'])} units a day",
        f"  supply    {_n(row['days_of_supply'])} days{_run_out(row)}",
        *_phantom(row),
        *_why(row),
        *(f"  master    {what}" for what in lacking),
    ]
    if row["spell_start_date"] is None or row["spell_exposure_days"] is None:
        return "\n".join(lines)
    lines += [
        f"  spell     out since {row['spell_start_date']}, day {row['spell_days']}; E = "
        f"{row['spell_exposure_days']:.2f} days on which shoppers met the gap; {row['earlier_exposure_days']:.2f} days "
        f"remembered of earlier spells; alert due: {'yes' if row['alert_due'] else 'no'}",
        f"  lost      {_n(row['lost_units'])} units so far, money {_money(row, 'lost_money')}",
        f"  at risk   {_n(row['at_risk_units'])} units in the next {check.horizon_days} days, money "
        f"{_money(row, 'at_risk_money')}",
    ]
    return "\n".join([*lines, *_customers(row, assumed, check.horizon_days)])


def _run_out(row: Mapping[str, Any]) -> str:
    if row["p_runs_out"] is None:
        return "; the chance of running out is not known"
    receipt = f"{row['next_receipt_on']}, the next receipt" if row["next_receipt_on"] else "anything comes in"
    text = f"; runs out before {receipt} with probability {row['p_runs_out']:.2f}"
    if row["runs_out_on"] is not None:
        text += f"; stock is gone on {row['runs_out_on']}, {_n(row['short_units'])} units short until then"
    return text


def _phantom(row: Mapping[str, Any]) -> list[str]:
    if not row["p_phantom"]:
        return []
    return [
        f"  phantom   probability {row['p_phantom']:.3f} that the shelf is empty though the record shows stock: "
        f"{_n(row['silent_days'])} days without a sale where {_n(row['expected_units_today'])} a day are expected; "
        f"last receipt {row['last_receipt_date'] or 'not known'}"
    ]


def _why(row: Mapping[str, Any]) -> list[str]:
    if row["cause"] is None:
        return []
    reach = "" if row["scope"] in (None, "store") else f", {row['scope']} {row['scope_id'] or ''}".rstrip()
    first, *others = json.loads(row["cause_evidence"] or "[]", strict=False) or ["nothing explains it"]
    return [f"  why       {row['cause'].replace('_', ' ')}{reach}: {first}", *(f"            {one}" for one in others)]


def _customers(row: dict[str, Any], assumed: Assumptions, days: int) -> list[str]:
    if row["customers_lost"] is None:
        return ["  customers not estimated: no demand was seen in the look-back"]
    loss = spell_loss(
        demand_a=row["demand_a"],
        demand_b=row["demand_b"],
        exposure_days=row["spell_exposure_days"],
        earlier_exposure_days=row["earlier_exposure_days"],
        price=row["price"] if row["price"] is not None else float("nan"),
        store_scope=row["store_scope"],
        item_scope=row["item_scope"],
        assumed=assumed,
    )
    one = {name: float(values[0]) for name, values in loss._asdict().items()}
    of_customers, of_value = assumed.customers_interval, assumed.value_interval
    lines = [
        f"  customers N = {one['customers_lost']:.4f} lost for good so far "
        f"({_spread(one['customers_lost'], of_customers)}); the next {days} days add {row['customers_at_risk']:.4f}",
        f"            U = {one['unmet_units']:.3f} (sd {one['unmet_units_sd']:.3f}), f = {one['lost_share']:.4f}, "
        f"L = {one['lost_units']:.3f}, h = {one['loss_probability']:.7f} "
        f"(small-risk form {one['loss_probability_small_risk']:.7f}), x_S = {row['store_scope']:.3f}, "
        f"x_I = {row['item_scope']:.3f}",
        f"            {one['shoppers_exposed']:.2f} shoppers met the gap, {one['loyal_exposed']:.2f} of them loyal",
    ]
    if row["price"] is not None:
        lines.append(
            f"            V = {one['value_per_customer']:.2f}, lifetime value {one['lost_lifetime_value']:.2f} "
            f"({_spread(one['lost_lifetime_value'], of_value)}), with margin {one['total_cost']:.2f} "
            f"{row['currency'] or ''}".rstrip()
        )
    else:
        lines.append("            value not estimated: the feed has no price")
    lines.append(
        f"  assumed   {assumed.name}, {assumed.dated}: T = {assumed.purchase_cycle_days} days, "
        f"q = {assumed.units_per_purchase}, ell = {assumed.loyal_share}, rho_1 = {assumed.first_persistence}"
    )
    return lines


def _spread(estimate: float, interval: Interval) -> str:
    low, median, high = (number(estimate * factor) for factor in (interval.low, interval.median, interval.high))
    return f"10, 50, 90 %: {low}, {median}, {high}"


def _money(row: dict[str, Any], name: str) -> str:
    return f"{_n(row[name])} {row['currency'] or ''}".rstrip()


def _n(value: float | None) -> str:
    return "not known" if value is None else number(value)

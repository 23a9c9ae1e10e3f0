"""What is known of one series as an analyst's note: what happened, why, what it costs, what to do; then the figures."""

from __future__ import annotations

import datetime as dt
import json
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from include.stockwatch.alerting.causes import AT_THE_SHELF, OFTEN_WRONG, shelf_step, words_of
from include.stockwatch.alerting.messages.out_of_stock_message import dc_name
from include.stockwatch.alerting.messages.words import (
    day_words,
    number,
    one_line,
    one_or_many,
    spoken_dates,
    units_words,
)
from include.stockwatch.domain.availability import EMPTY, CheckSettings, Status
from include.stockwatch.domain.causes import Cause
from include.stockwatch.domain.customers import Assumptions, Interval, Loss, spell_loss

Row = Mapping[str, Any]
NOT_KNOWN = "not known, "
REACH = {
    "dc": " It reaches as far as {id}.",
    "region": " It reaches all over region {id}.",
    "partner": " It reaches all over {id}.",
}
DAY_ROWS: tuple[tuple[str, str], ...] = (
    ("stock", "on_hand"),
    ("sold", "sold"),
    ("expected", "expected"),
    ("received", "received"),
    ("of days", "flow_days"),
    ("to come", "ordered"),
)
WIDTH = 7
LINE = 110
SURPRISING_UNITS = 3.0
"""Units that should have been sold: that none was is no chance, a Poisson probability of 5 %."""


def note(found: Mapping[str, Any], check: CheckSettings, assumed: Assumptions) -> str:
    """The note on what `explain` found, under the assumptions of the lost-customer model that apply."""
    days = max((one.get("flow_days", 1) for one in found["days"]), default=1)
    row = {**found["row"], "partner_name": one_line(found["partner_name"]), "report_days": days}
    loss = _loss(row, assumed)
    sentences = [
        STATES[row["status"]](row),
        *_ending(row, found["limits"], check),
        *_demand(row, check),
        *_orders(row),
        *_why(row),
        *_cost(row, loss, assumed, check),
        *_elsewhere(row),
        *_next_step(row),
        *(f"Master data: {what}." for what in found["without_master_data"]),
    ]
    said = "\n".join(textwrap.fill(sentence, LINE) for sentence in sentences)
    parts = [_title(row), said, _days(found["days"], row["business_date"])]
    return "\n\n".join([*parts, "\n".join(["Figures", *_figures(found, loss, assumed, check)])])


def nothing_due(row: Row, reported_on: dt.date) -> str:
    """That a report stands, before the note on it."""
    when = f"{day_words(row['business_date'])} {row['business_date'].year}"
    return f"Nothing was due for {when}: the report of {day_words(reported_on)} stands."


def _title(row: Row) -> str:
    item = one_line(row["item_name"] or row["item_id"])
    number_sign = "#" if row["location_id"].isdigit() else ""
    place = one_line(f"{row['partner_name']} {number_sign}{row['location_id']} {row['location_name'] or ''}")
    status, date = row["status"].replace("_", " "), row["business_date"]
    return f"{item} at {place} on {day_words(date)} {date.year}: {status}"


def _unknown(row: Row) -> str:
    if row["cause"] == Cause.NOT_DUE.value:
        return "Nothing was due for the date, and no report before it says anything of it as it is listed now."
    if _sells_unseen(row):
        sale = day_words(row["last_sale_date"])
        return f"No feed has reported its stock, only what it sells, last on {sale}: whether it is out is not known."
    if row["last_seen_date"] is None:
        return "No feed has reported its stock in the days looked back on: nothing is known of it."
    ago = one_or_many((row["business_date"] - row["last_seen_date"]).days, "day")
    last = f"the last report, of {day_words(row['last_seen_date'])}, {ago} before, said {_units(row['on_hand_units'])}"
    return f"No feed reported its stock for the date; {last}."


def _out(row: Row) -> str:
    since = row["spell_start_date"]
    before, least = ("", "") if row["last_in_stock_date"] else (" or before", " at least")
    about, when = (
        ("about ", f"in the {row['report_days']} days of the report") if _is_long(row) else ("", "on the day itself")
    )
    said = f"Out since {about}{day_words(since)}{before}, day {row['spell_days']}{least}" if since else "Out"
    record = "its record, which is below zero and so wrong" if row["is_negative_record"] else "its record"
    sold_out = f"; it sold out {when}" if row["sold_out_today"] else ""
    text = f"{said}: {_units(row['on_hand_units'])} by {record}{sold_out}. {_last(row)}"
    return text if row["alert_due"] else f"{text} It is not out for long enough to open an incident by itself."


def _phantom(row: Row) -> str:
    days = one_or_many(row["silent_days"], "day")
    sale, receipt = row["last_sale_date"], row["last_receipt_date"]
    is_since_receipt = receipt is not None and (sale is None or sale < receipt)  # it was silent before as well
    since = f"in the {days} since the last receipt" if is_since_receipt else f"for {days}"
    silence = f"nothing has sold {since}, where {_expected(row)}"
    nothing = "there is no stock" if row["location_type"] == "dc" else "the shelf is empty"
    doubt = f"{nothing} with probability {row['p_phantom']:.2f}"
    before = row.get("p_phantom_before") or 0.0
    low = f" A record of this feed as low as that is wrong in {before:.0%} of cases." if before >= OFTEN_WRONG else ""
    return f"{_units(row['on_hand_units'])} on record, and {silence}: {doubt}.{low} {_last(row)}"


def _at_risk(row: Row) -> str:
    left = f"{_units(row['on_hand_units'])} left{_lasts(row)}"
    if row["p_runs_out"] is None:
        return f"{left}, which is less than the rule asks for. {_last(row)}"
    gone = f", most likely on {day_words(row['runs_out_on'])}" if row["runs_out_on"] else ""
    short = f"; about {_units(row['short_units'])} will be missing until then" if _of(row["short_units"]) >= 1 else ""
    return f"{left}: gone before {_receipt(row)} with probability {row['p_runs_out']:.2f}{gone}{short}. {_last(row)}"


def _void(row: Row) -> str:
    on, what = ("in", "report") if _is_long(row) else ("on", "day")
    days = one_or_many(row["days_observed"], what)
    record = f"{_units(row['on_hand_units'])} on record, and none sold {on} any of the {days} looked back on"
    why = "it never reached the shelf, or is not really in the range"
    expected = _of(row["demand_units_per_day"]) * row["days_observed"] * row["report_days"]
    if 0 < expected < SURPRISING_UNITS:
        why = f"{number(expected)} would have been sold, so that it may as well be chance"
    return f"{record}: {why}."


def _planned(row: Row) -> str:
    record = "" if row["on_hand_units"] is None else f"{_units(row['on_hand_units'])} on record. "
    return f"{record}By plan it is not to be had here, so this is no stock-out."


def _in_stock(row: Row) -> str:
    risk = row["p_runs_out"]
    runs_out = "" if risk is None else f"; gone before {_receipt(row)} with probability {risk:.2f}"
    return f"{_units(row['on_hand_units'])} on hand{_lasts(row)}{runs_out}. {_last(row)}"


STATES: Mapping[str, Callable[[Row], str]] = {
    Status.UNKNOWN.value: _unknown,
    Status.OUT_OF_STOCK.value: _out,
    Status.PHANTOM_SUSPECTED.value: _phantom,
    Status.AT_RISK.value: _at_risk,
    Status.VOID.value: _void,
    Status.PLANNED.value: _planned,
    Status.IN_STOCK.value: _in_stock,
}
"""How each status is put."""


def _ending(row: Row, limits: Mapping[str, Row], check: CheckSettings) -> Iterator[str]:
    """Why what may well run out is not at risk."""
    limit, risk = limits.get("run_out_probability"), row["p_runs_out"]
    may_run_out = limit is not None and risk is not None and risk >= limit["value"]
    if row["status"] == Status.IN_STOCK.value and may_run_out and row["days_of_supply"] < 2 * check.horizon_days:
        yield "It is not at risk: by then it will have ended by plan, or given way to its successor."


def _lasts(row: Row) -> str:
    days = row["days_of_supply"]
    return "" if days is None else f", {number(days)} days of demand"


def _receipt(row: Row) -> str:
    coming = row["next_receipt_on"]
    usual = "" if row["on_order_units"] is None or _coming(row) else " if orders go out as usual"
    return f"the next receipt, expected on {day_words(coming)}{usual}," if coming else "anything comes in"


def _coming(row: Row) -> float:
    """Units on order or in transit."""
    return _of(row["on_order_units"]) + _of(row["in_transit_units"])


def _last(row: Row) -> str:
    """The moments that are known, in the order in which they happened."""
    moments = (("in stock", "last_in_stock_date"), ("sale", "last_sale_date"), ("receipt", "last_receipt_date"))
    known = sorted((row[name], words) for words, name in moments if row[name] is not None)
    if not known:
        return "No stock, sale or receipt was seen in the days looked back on."
    within = f" in the {row['report_days']} days to" if _is_long(row) else ""
    told = (f"{words}{'' if words == 'in stock' else within} {day_words(date)}" for date, words in known)
    return f"Last {', last '.join(told)}."


def _is_long(row: Row) -> bool:
    """Whether its reports are of several days."""
    return bool(row["report_days"] > 1)


def _expected(row: Row) -> str:
    return f"{number(_of(row['expected_units_today']))} a day are expected"


def _demand(row: Row, check: CheckSettings) -> Iterator[str]:
    rate, seen = row["demand_units_per_day"], f"{row['days_observed']} of the last {check.lookback_days} days"
    seen = seen.replace(f"{check.lookback_days} of the", "all of the")
    if _is_long(row):
        seen = f"{one_or_many(row['days_observed'], 'report')} of the last {check.lookback_days} days"
    if rate is None and _sells_unseen(row):
        yield "What it sells a day while in stock is not known: that takes its stock too."
    elif rate is None:
        yield f"What it sells is not known: {seen} were seen, and none with stock and sales."
    elif rate > 0:
        expected = row["expected_units_today"]
        today = f", and {number(expected)} on a day like this" if abs(expected - rate) > 0.15 * rate else ""
        yield f"It sells {number(rate)} a day while in stock{today}; {seen} were seen."
        if row["promoted_until"] is not None:
            until = f"until about {day_words(row['promoted_until'])}, as long as promotions of this feed usually last"
            yield f"A promotion is under way, {until}: {number(row['promoted_units_per_day'])} a day."


def _orders(row: Row) -> Iterator[str]:
    if row["on_order_units"] is None and row["in_transit_units"] is None:
        is_silent = row["status"] == Status.UNKNOWN.value
        yield "No feed reported its orders for the date." if is_silent else "The feed says nothing of orders."
        return
    told = (("on order", row["on_order_units"]), ("in transit", row["in_transit_units"]))
    coming = " and ".join(f"{_units(units)} {words}" for words, units in told if units)
    due = f", expected on {day_words(row['next_receipt_on'])}" if coming and row["next_receipt_on"] else ""
    yield f"{coming}{due}." if coming else "Nothing is on order."


def _why(row: Row) -> Iterator[str]:
    if row["cause"] in (None, Cause.NOT_DUE.value):
        return
    where = row["partner_name"] if row["scope"] == "partner" else row["scope_id"] or ""
    where = dc_name(where) if row["scope"] == "dc" else where
    reach = REACH.get(row["scope"], "").replace("{id}", where)
    evidence = [spoken_dates(one).partition(": ") for one in json.loads(row["cause_evidence"] or "[]", strict=False)]
    named = [(cause.replace("_", " ").replace(" dc", " DC"), text) for cause, _, text in evidence]
    first, *others = named or [("unknown", "nothing that is known explains it")]
    is_said = first[1].startswith("ordered ")  # "not ordered, ordered too late" would contradict itself
    yield f"Why: {first[1] if is_said else ', '.join(first)}.{reach}"
    also = [f"{cause}, {text}" for cause, text in others if not text.startswith(NOT_KNOWN)]
    if also:
        yield f"This speaks for other causes: {'; '.join(also)}."
    unknown = [f"{cause} ({text.removeprefix(NOT_KNOWN)})" for cause, text in others if text.startswith(NOT_KNOWN)]
    if unknown:
        yield f"Not known: {'; '.join(unknown)}."


def _ahead(row: Row, check: CheckSettings) -> str:
    """The days that figures of what is to come reach over (A-20)."""
    coming = row["next_receipt_on"] if _coming(row) > 0 else None
    if coming is None or (coming - row["business_date"]).days >= check.horizon_days:
        return f"the next {check.horizon_days} days"
    return f"the days until {day_words(coming)}"


def _cost(row: Row, loss: Loss | None, assumed: Assumptions, check: CheckSettings) -> Iterator[str]:
    ahead = _ahead(row, check)
    if row["lost_units"] is not None:
        so_far = f"{_units(row['lost_units'])} ({_money(row, 'lost_money')}) not sold so far"
        yield f"{so_far}; {number(_of(row['at_risk_units']))} ({_money(row, 'at_risk_money')}) more in {ahead}."
    if row["status"] not in EMPTY:
        return
    if loss is None:
        yield "Customers: not estimated, no demand was seen in the days looked back on."
        return
    met, loyal = (number(float(value[0])) for value in (loss.shoppers_exposed, loss.loyal_exposed))
    lost, spread = float(loss.customers_lost[0]), assumed.customers_interval
    for_good = f"{number(lost)} may be lost for good ({_between(lost, spread, float(loss.shoppers_exposed[0]))} at 80%)"
    more = number(row["customers_at_risk"])
    shoppers = "1 shopper" if met == "1" else f"{met} shoppers"
    yield f"{shoppers} met the gap, {loyal} of them loyal: {for_good}; {ahead} add {more}."
    value = row["lost_lifetime_value"]
    if value is None:
        yield "Their value is not estimated: no price is known."
    else:
        yield f"Their lifetime value: {_money(row, 'lost_lifetime_value')} ({_between(value, assumed.value_interval)})."


def _elsewhere(row: Row) -> Iterator[str]:
    is_dc = row["location_type"] == "dc"
    places = "the demand that the partner's DCs serve, its own counted" if is_dc else "the partner's other places"
    shares = ((places, "store_scope"), ("the brand's other items of the category there", "item_scope"))
    known = [
        f"{row[name]:.0%} of {what}" if row[name] else f"none of {what}"
        for what, name in shares
        if row[name] is not None
    ]
    if known and row["status"] in EMPTY:
        yield f"Also out: {', '.join(known)}."


def _sells_unseen(row: Row) -> bool:
    """Whether its feeds tell what it sells, and nothing of its stock."""
    return row["last_seen_date"] is None and row["last_sale_date"] is not None


def _next_step(row: Row) -> Iterator[str]:
    if _sells_unseen(row):
        yield f"Next: ask {row['partner_name']} for its stock as well."
        return
    if row["status"] == Status.PHANTOM_SUSPECTED.value and row["cause"] in AT_THE_SHELF:
        yield f"Next: {shelf_step([row['cause']], row['partner_name'], at_dc=row['location_type'] == 'dc')}"
        return
    words = words_of(row["cause"], _coming(row) > 0)
    if words is None:
        return
    place = row["scope_id"] if row["scope"] == "dc" else None
    yield f"Next: {words.next_step.replace('{partner}', row['partner_name']).replace('{dc}', place or 'its DC')}"


def _days(days: Sequence[Row], last: dt.date) -> str:
    """The latest days side by side, the newest to the right; `-` is not known."""
    known = {one["business_date"]: one for one in days}
    if not known:
        return "No day of the last two weeks is known."
    dates = [last - dt.timedelta(days=ago) for ago in reversed(range((last - min(known)).days + 1))]
    lines = [("", *(day_words(date).partition(" ")[2] for date in dates))]
    for label, name in DAY_ROWS:
        told = [known.get(date, {}).get(name) for date in dates]
        if any(value is not None for value in told):
            lines.append((label, *("-" if value is None else number(value) for value in told)))
    rows = ["".join([label.ljust(WIDTH + 3), *(text.rjust(WIDTH) for text in told)]) for label, *told in lines]
    if any(one.get("flow_days") for one in days):
        rows.append("Sold and received are of the `of days` that end with the date; expected is of the date alone.")
    return "\n".join(rows)


def _figures(found: Mapping[str, Any], loss: Loss | None, assumed: Assumptions, check: CheckSettings) -> Iterator[str]:
    """Every number behind the note, and every limit with the rule that it comes from."""
    row = found["row"]
    yield f"  rule      {found['rule']}, the most specific that matches; limits and where they come from:"
    limits = {name: limit for name, limit in found["limits"].items() if name != "severity"}
    yield from (f"            {name} = {limit['value']} ({limit['from']})" for name, limit in limits.items())
    dispersion = "" if row["dispersion"] is None else f", dispersion {row['dispersion']:.2f}"
    gamma = f"Gamma(a = {row['demand_a']:.3f}, b = {row['demand_b']:.3f}) of units a day{dispersion}"
    yield f"  demand    {gamma if row['demand_b'] > 0 else 'not known'}; forgetting {check.forgetting}"
    if row["p_phantom"] is not None:
        silent = one_or_many(row["silent_days"], "silent day")
        expected = f", {_expected(row)}" if row["expected_units_today"] is not None else ""
        before = row.get("p_phantom_before")
        by_record = "" if before is None else f"; {before:.3f} before them, by the record"
        yield f"  phantom   probability {row['p_phantom']:.3f}, {silent}{expected}{by_record}"
    if row["spell_start_date"] is None or row["spell_exposure_days"] is None:
        return
    exposure = f"E = {row['spell_exposure_days']:.2f} days on which shoppers met the gap"
    earlier = f"{row['earlier_exposure_days']:.2f} remembered of earlier spells"
    yield f"  spell     since {row['spell_start_date']}, {exposure}, {earlier}"
    if loss is not None:
        yield from _model(row, loss, assumed)
    if found["loyalty"]:
        yield f"  loyalty   {'; '.join(found['loyalty'])}: told beside the estimate, and not in it"


def _model(row: Row, loss: Loss, assumed: Assumptions) -> Iterator[str]:
    one = {name: float(values[0]) for name, values in loss._asdict().items()}
    yield (
        f"  customers U = {one['unmet_units']:.3f} (sd {one['unmet_units_sd']:.3f}), f = {one['lost_share']:.4f}, "
        f"L = {one['lost_units']:.3f}, h = {one['loss_probability']:.7f} "
        f"(small-risk form {one['loss_probability_small_risk']:.7f}), x_S = {_of(row['store_scope']):.3f}, "
        f"x_I = {_of(row['item_scope']):.3f}"
    )
    yield f"            N = {one['customers_lost']:.4f} ({_spread(one['customers_lost'], assumed.customers_interval)})"
    if row["lost_lifetime_value"] is not None:
        value = f"{one['lost_lifetime_value']:.2f} ({_spread(one['lost_lifetime_value'], assumed.value_interval)})"
        margin = "" if row["price"] is None else f", with margin {one['total_cost']:.2f}"
        worth = f"V = {one['value_per_customer']:.2f}, lifetime value {value}{margin}"
        yield f"            {worth} {row['currency'] or ''}".rstrip()
    yield (
        f"  assumed   {assumed.name}, {assumed.dated}: T = {assumed.purchase_cycle_days:.4g} days, "
        f"q = {assumed.units_per_purchase:.4g}, ell = {assumed.loyal_share:.4g}, "
        f"rho_1 = {assumed.first_persistence:.4g}"
    )


def _loss(row: Row, assumed: Assumptions) -> Loss | None:
    """The lost-customer model of a spell that goes on."""
    if row["customers_lost"] is None or row["spell_exposure_days"] is None:
        return None
    return spell_loss(
        demand_a=row["demand_a"],
        demand_b=row["demand_b"],
        exposure_days=row["spell_exposure_days"],
        earlier_exposure_days=row["earlier_exposure_days"],
        price=row["price"] if row["price"] is not None else float("nan"),
        store_scope=_of(row["store_scope"]),
        item_scope=_of(row["item_scope"]),
        assumed=assumed,
    )


def _between(estimate: float, interval: Interval, most: float = math.inf) -> str:
    return f"{number(estimate * interval.low)} to {number(min(estimate * interval.high, most))}"


def _spread(estimate: float, interval: Interval) -> str:
    low, median, high = (number(estimate * factor) for factor in (interval.low, interval.median, interval.high))
    return f"10, 50, 90%: {low}, {median}, {high}"


def _units(value: float | None) -> str:
    return "stock not known" if value is None else units_words(value)


def _of(value: float | None) -> float:
    return 0.0 if value is None else value


def _money(row: Row, name: str) -> str:
    value = row[name]
    return "money not known" if value is None else f"{row['currency'] or ''} {number(value)}".strip()

"""What incidents of stock say beside plain stock-outs: an empty DC, a doubtful record, stock that will not last.

Figures that no feed tells are "not known", never left out or made up.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from include.stockwatch.alerting.case import Kind, Standing
from include.stockwatch.alerting.causes import AT_THE_SHELF, OFTEN_WRONG, explained, shelf_step, words_of
from include.stockwatch.alerting.incident import Incident, Lack, Member, MemberState
from include.stockwatch.alerting.messages import out_of_stock_message
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.out_of_stock_message import (
    MISSING_DATA,
    NOT_KNOWN,
    TITLES,
    WORST_SHOWN,
    at_risk,
    customers,
    dc_words,
    frozen,
    in_hand,
    item_words,
    noun,
    partner_words,
    place_words,
    risk,
    units_and_money,
)
from include.stockwatch.alerting.messages.words import clip, day_words, number, one_line, one_or_many, units_words

RETAILERS_SHOWN = 5
SURE = 0.001
"""Probabilities nearer to 0 or 1 are said as less or more than this."""


def render(incident: Incident) -> Message:
    """The root message of an incident of stock of any kind, open or resolved."""
    if incident.standing is Standing.RESOLVED:
        return out_of_stock_message.resolved(incident)
    said: dict[Kind, Callable[[Incident], Message]] = {
        Kind.PHANTOM_STOCK: _phantom,
        Kind.WILL_RUN_OUT: _will_run_out,
        Kind.DC_OUT: _dc_out,
    }
    return said.get(incident.kind, out_of_stock_message.render)(incident)


def _message(
    incident: Incident,
    what: str,
    fields: tuple[tuple[str, str], ...],
    body: Iterable[str],
    said_first: tuple[str, ...] = (),
) -> Message:
    """A message as all of them are built; `what` is the notification without severity, owner and id."""
    fallback = f"{incident.severity.upper()} {what}, {risk(incident)}, owner {incident.owner}."
    return Message(
        fallback=f"{clip(fallback, FALLBACK_LIMIT - len(incident.incident_id) - 1)} {incident.incident_id}",
        header=f"{incident.severity.capitalize()} - {TITLES[incident.kind]} - {item_words(incident)} "
        f"at {partner_words(incident)}",
        fields=fields,
        body=tuple(body),
        context=(*said_first, *out_of_stock_message.context(incident)),
    )


def _common(incident: Incident, status: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("Status", f"{status}{in_hand(incident)}{frozen(incident)}"), ("Owner", incident.owner)


def _costs(incident: Incident) -> tuple[tuple[str, str], tuple[str, str]]:
    return (f"At risk, next {incident.basis.horizon_days} days", at_risk(incident)), ("Customers", customers(incident))


# --- a distribution centre -------------------------------------------------------------------------------------------


def _dc_out(incident: Incident) -> Message:
    empty, partner = incident.empty(), one_line(incident.partner_name)
    dc, told = dc_words(incident), [one.locations for one in incident.fed if one.locations is not None]
    fed = f"{sum(told):,} ({one_or_many(len(told), 'partner')})" if told else f"{NOT_KNOWN}, no supply link names them"
    feeds = f"feeds {one_or_many(sum(told), 'store')}, " if told else ""
    already = f"{feeds}{incident.count_empty():,} already empty"
    reach = already if told or empty else "the stores that it feeds are not known"
    source = incident.source()
    is_back = source is not None and source.state is MemberState.BACK and source.back_on is not None
    status = f"Open, since {day_words(incident.opened_on)}"
    if is_back and source and source.back_on:
        status = f"Open, the DC has stock again since {day_words(source.back_on)}, restock in transit"
    elif source is None:
        status = "Open, the DC was out when stores ordered"
    body = [f"By partner: {_by_partner(incident, empty)}."] if incident.fed else []
    if behind := incident.dcs_behind():
        body.append(f"DCs that it serves, out as well: {_longest_out(incident, behind)}.")
    body += [
        f"Likely cause: {_cause_of(source)} Lost so far: {units_and_money(incident, 'lost_units', 'lost_money')}.",
        f"Next step: {_step_of_dc(incident, partner, dc, is_back=is_back)}",
    ]
    if empty:
        body += [_held(incident, empty), f"Longest out: {_longest_out(incident, empty)}."]
    copied = f"also shown in {one_or_many(len(incident.copies), 'account channel')}"
    return _message(
        incident,
        f"DC out: {partner} {dc} {'had' if is_back else 'has'} no {item_words(incident)}, {reach}",
        (
            *_common(incident, status),
            ("Stores fed", fed),
            ("Empty now", _empty_now(incident)),
            *_costs(incident),
            ("Restock", _restock(incident, source)),
        ),
        body,
        (copied,) if incident.copies else (),
    )


def _step_of_dc(incident: Incident, partner: str, dc: str, *, is_back: bool) -> str:
    if incident.data_stale:
        return MISSING_DATA.replace("{partner}", partner)
    if is_back:
        return f"ask {partner} whether what {dc} has is on its way to the stores that are still without."
    return f"ask {partner} when {dc} is refilled, and who gets how much of it then."


def _empty_now(incident: Incident) -> str:
    count, others = incident.count_empty(), sum(one.locations for one in incident.elsewhere)
    grown = count - (incident.out_before if incident.out_before is not None else count)
    change = f" ({grown:+d} since the date before)" if grown else ""
    soon = [one for one in incident.now_out() if one.lack is Lack.SHORT]
    dates = [one.runs_out_on for one in soon if one.runs_out_on and one.runs_out_on > incident.data_as_of]
    next_ones = f"; {one_or_many(len(soon), 'location')} will run out" if soon else ""
    apart = f", {others:,} of them for other reasons" if others else ""
    return f"{count:,}{change}{apart}{next_ones}{f', the first on {day_words(min(dates))}' if dates else ''}"


def _by_partner(incident: Incident, empty: Sequence[Member]) -> str:
    counts = Counter(member.partner or incident.partner for member in empty)
    for one in incident.elsewhere:
        counts[one.partner] += one.locations
    ranked = sorted(incident.fed, key=lambda one: (-counts[one.partner], one.partner))
    parts = [
        f"{one_line(one.partner_name)} {counts[one.partner]:,} empty"
        + (f" of {one.locations:,}" if one.locations is not None else "")
        for one in ranked[:RETAILERS_SHOWN]
    ]
    rest = len(ranked) - len(parts)
    return ", ".join(parts) + (f", {rest:,} more" if rest > 0 else "")


def _longest_out(incident: Incident, empty: Sequence[Member]) -> str:
    names = {one.partner: one_line(one.partner_name) for one in incident.fed}
    ranked = sorted(empty, key=lambda one: (-one.days_out(), -(one.lost_units or 0), one.partner, one.location_id))
    shown = [
        f"{names.get(one.partner, '')} {place_words(one)} ({one_or_many(one.days_out(), 'day')})".strip()
        for one in ranked[:WORST_SHOWN]
    ]
    rest = len(ranked) - len(shown)
    return ", ".join(shown) + (f", {rest:,} more" if rest else "")


def _cause_of(source: Member | None) -> str:
    words = words_of(source.cause, source.has_open_order) if source else None
    return f"{words.why.replace('{dc}', one_line(source.cause_place or 'that serves it'))}." if words and source else (
        f"{NOT_KNOWN}."
    )  # fmt: skip


def _held(incident: Incident, empty: Sequence[Member]) -> str:
    days = incident.transit_days
    until = f"{number_of_days(days)} after the DC is back" if days is not None else "when the DC is back"
    alerts = "The alert of 1 store is" if len(empty) == 1 else f"The alerts of {len(empty):,} stores are"
    return f"{alerts} held under this incident; what is still empty {until} becomes an incident of its own."


def _restock(incident: Incident, source: Member | None) -> str:
    handling = incident.handling
    if source is not None and source.state is MemberState.BACK and source.back_on is not None:
        return f"in the DC since {day_words(source.back_on)}"
    if handling.restock_on:
        units = f"{units_words(handling.restock_units)} " if handling.restock_units is not None else ""
        is_past = handling.restock_on <= incident.data_as_of
        missed = f", and not seen by {day_words(incident.data_as_of)}" if is_past else ""
        return f"{units}{day_words(handling.restock_on)}, as somebody confirmed{missed}"
    if source is None or source.inbound_units is None:
        return f"{NOT_KNOWN}, the feed says nothing of orders"
    if not source.inbound_units:
        return "nothing is on order or in transit"
    due = f"expected {day_words(source.next_receipt_on)}" if source.next_receipt_on else "date not known"
    return f"{units_words(source.inbound_units)} on order or in transit, {due}, not confirmed"


# --- a record that shows stock which is not there --------------------------------------------------------------------


def _phantom(incident: Incident) -> Message:
    out, partner = incident.now_out(), one_line(incident.partner_name)
    silent = _span([one.silent_days for one in out], lambda days: f"{days:,.0f}")
    places = noun(incident, len(out))
    sales = f"none for {silent} days" if silent else "none for some time"
    came = sum(one.cause == "shelf" for one in out)  # silent before the receipt as well, and counted from it
    of_them = "" if came == len(out) else f" in {came:,} of them"
    since = f", counted from the last receipt{of_them}" if came else ""
    expected = _mean(one.units_per_day * one.silent_days for one in out if one.units_per_day and one.silent_days)
    one_place = noun(incident, 1)
    probability = _span([one.p_phantom for one in out], _percent)
    at_dc = incident.location_type == "dc"
    nothing = "there is no stock" if at_dc else "the shelf is empty"
    chance = f"{nothing} with a probability of {probability}" if probability else ""
    where = f" in {_of_them(out, places)}"
    return _message(
        incident,
        f"suspected phantom stock: {item_words(incident)}, {len(out):,} {places} of {partner} "
        f"{'shows' if len(out) == 1 else 'show'} stock and {sales.replace('none', 'no sale')}",
        (
            *_common(incident, "Open"),
            (places.capitalize() if places[0].islower() else places, f"{len(out):,} of {incident.ranged:,}"),
            ("Stock on record", _stock(out, one_place)),
            (
                "Sales",
                f"{sales}{since}{f'; expected {number(expected)} a {one_place}' if expected is not None else ''}",
            ),
            *_costs(incident),
        ),
        (
            f"Why we suspect it: {_why_suspected(incident, out)}{f'; {chance}' if chance else ''}.",
            "Considered: how fast the item sells here, weekdays, promotions, days on which the place sold nothing at "
            f"all, and that the feed came. Not checked: the {'stock itself' if at_dc else 'shelf'}.",
            f"Next step: {shelf_step((one.cause for one in out), partner, where, at_dc=at_dc)}",
            *_ran_low(incident, out, partner),
            f"Longest silent: {_longest(out)}.",
        ),
        ("This is a suspicion, not a count",),
    )


def _why_suspected(incident: Incident, out: Sequence[Member]) -> str:
    """The silence, or that so little is left on record that it is often not there."""
    low = [one.p_phantom_before for one in out if (one.p_phantom_before or 0.0) >= OFTEN_WRONG]
    wrong = f"so low that it is wrong in {_span(low, _percent)} of cases"
    if low and len(low) == len(out):
        return f"the record is {wrong}, and nothing has sold since"
    silence = "with real stock so long a silence is unlikely"
    return f"{silence}; in {len(low):,} {noun(incident, len(low))} the record is also {wrong}" if low else silence


def _ran_low(incident: Incident, out: Sequence[Member], partner: str) -> Iterator[str]:
    """Where little was left on record already: what let it run so low, and what to do about that."""
    for one in explained(member for member in out if member.cause not in AT_THE_SHELF):
        places = f"{len(one.members):,} {noun(incident, len(one.members))}"
        yield f"Little was left on record in {places}: {one.why()}; {one.next_step(partner)}"


def _of_them(out: Sequence[Member], places: str) -> str:
    return f"the {places}" if len(out) == 1 else f"the {len(out):,} {places}"


def _stock(out: Sequence[Member], one_place: str) -> str:
    units = [one.on_hand_units for one in out if one.on_hand_units is not None]
    if not units:
        return NOT_KNOWN
    spread = f" ({_span(units, number)} a {one_place})" if len(units) > 1 else ""
    return f"{units_words(sum(units))}{spread}"


def _longest(out: Sequence[Member]) -> str:
    ranked = sorted(out, key=lambda one: (-(one.silent_days or 0), one.location_id))
    shown = [
        place_words(one) + (f" ({one_or_many(one.silent_days, 'day')})" if one.silent_days is not None else "")
        for one in ranked[:WORST_SHOWN]
    ]
    rest = len(ranked) - len(shown)
    return ", ".join(shown) + (f", {rest:,} more" if rest else "")


# --- stock that will not last ----------------------------------------------------------------------------------------


def _will_run_out(incident: Incident) -> Message:
    out, partner = incident.now_out(), one_line(incident.partner_name)
    places = noun(incident, len(out))
    gone = _dates([one.runs_out_on for one in out])
    supply = _span([one.days_of_supply for one in out], number)
    what = f"runs out {gone}" if gone else f"has {supply} days of supply" if supply else "will run out"
    short = _sum(one.short_units for one in out)
    missing = f"; about {units_words(short)} will be missing by then" if short is not None else ""
    per_day = _sum(one.units_per_day for one in out)
    wanted = NOT_KNOWN if per_day is None else f"{units_words(per_day)} a day{_promoted(out)}"
    return _message(
        incident,
        f"at risk: {item_words(incident)} at {partner} {what} in {len(out):,} of {incident.ranged:,} "
        f"{noun(incident, incident.ranged)}",
        (
            *_common(incident, "Open"),
            (places.capitalize() if places[0].islower() else places, f"{len(out):,} of {incident.ranged:,}"),
            ("Days of supply", supply or NOT_KNOWN),
            ("Runs out", gone or NOT_KNOWN),
            ("Next receipt", _next_receipt(out)),
            *_costs(incident),
        ),
        (
            f"On hand: {_units(one.on_hand_units for one in out)}. Expected demand: {wanted}. "
            f"On order or in transit: {_inbound(out)}.",
            f"Chance to run out before the next receipt: "
            f"{_span([one.p_runs_out for one in out], _percent) or NOT_KNOWN}{missing}.",
            f"Likely cause: {out_of_stock_message.cause(incident, out)}",
            f"Next step: {_next_step(out, partner)}",
            f"First to run out: {_first(out)}.",
        ),
    )


def _promoted(out: Sequence[Member]) -> str:
    """What is wanted while promotions that are under way go on; nothing if none is."""
    ends = _dates([one.promoted_until for one in out])
    per_day = _sum(one.units_per_day if one.promoted_until is None else one.promoted_units_per_day for one in out)
    return f", {number(per_day)} while the promotion goes on, about until {ends}" if ends and per_day else ""


def _next_receipt(out: Sequence[Member]) -> str:
    """When goods come in; where nothing is on order that is what is usual, and no promise."""
    dates = _dates([one.next_receipt_on for one in out])
    if not dates:
        return NOT_KNOWN
    without = sum(one.inbound_units == 0 for one in out if one.next_receipt_on)
    unknown = sum(one.next_receipt_on is None for one in out)
    usual = ", if orders go out as usual" if without else ""
    return f"{dates}{usual}{f'; not known for {unknown:,} of {len(out):,}' if unknown else ''}"


def _next_step(out: Sequence[Member], partner: str) -> str:
    told = [one.inbound_units for one in out if one.inbound_units is not None]
    dates = [one.runs_out_on for one in out if one.runs_out_on]
    by = f" before {day_words(min(dates))}" if dates else ""
    if not told:
        return f"ask {partner} what is on order, and whether it comes{by or ' in time'}."
    if any(units > 0 for units in told):
        return f"ask {partner} to expedite the open orders so that they come{by or ' in time'}."
    return f"ask {partner} replenishment to raise orders that come{by or ' in time'}."


def _inbound(out: Sequence[Member]) -> str:
    told = [one.inbound_units for one in out if one.inbound_units is not None]
    if not told:
        return f"{NOT_KNOWN}, the feed says nothing of orders"
    return units_words(sum(told)) if sum(told) else "nothing"


def _first(out: Sequence[Member]) -> str:
    ranked = sorted(
        out, key=lambda one: (one.runs_out_on or dt.date.max, one.days_of_supply or float("inf"), one.location_id)
    )
    shown = [
        place_words(one) + (f" ({day_words(one.runs_out_on)})" if one.runs_out_on else "")
        for one in ranked[:WORST_SHOWN]
    ]
    rest = len(ranked) - len(shown)
    return ", ".join(shown) + (f", {rest:,} more" if rest else "")


# --- figures ---------------------------------------------------------------------------------------------------------


def number_of_days(days: float) -> str:
    """`1 day`, `2 days`."""
    return f"{days:,.0f} {'day' if days == 1 else 'days'}"


def _span(values: Iterable[float | None], said: Callable[[float], str]) -> str:
    """`4 to 9`, or `4` where all are alike; '' where none is known."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = said(min(known)), said(max(known))
    return low if low == high else f"{low} to {high}"


def _dates(dates: Iterable[dt.date | None]) -> str:
    known = [date for date in dates if date is not None]
    if not known:
        return ""
    first, last = day_words(min(known)), day_words(max(known))
    return first if first == last else f"{first} to {last}"


def _percent(share: float) -> str:
    if share > 1 - SURE:
        return f"more than {1 - SURE:.1%}"
    return f"less than {SURE:.1%}" if share < SURE else f"{share:.1%}" if share > 0.99 else f"{share:.0%}"


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return sum(known) / len(known) if known else None


def _units(values: Iterable[float | None]) -> str:
    units = _sum(values)
    return NOT_KNOWN if units is None else units_words(units)

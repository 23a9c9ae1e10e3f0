"""What the message of an item that is out of stock says, and what those of the other stock incidents share with it.

A message is always rendered whole from the incident's current state, so that somebody who reads only the channel
sees status, owner, cost and next step.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from include.stockwatch.alerting.case import Case, Kind, Standing
from include.stockwatch.alerting.causes import SHOWN, Explained, explained
from include.stockwatch.alerting.incident import Incident, Member, MemberState, counted, is_source, summed
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, FIELD_LIMIT, Message
from include.stockwatch.alerting.messages.words import (
    NAME_LIMIT,
    clip,
    day_words,
    moment_words,
    number,
    one_line,
    one_or_many,
    units_words,
)

NOUNS = {"store": ("store", "stores"), "dc": ("DC", "DCs")}
WORST_SHOWN = 3
NOT_ESTIMATED = "not estimated"
NOT_KNOWN = "not known"
MISSING_DATA = "ask {partner} for the missing data first; figures without it stand still until it is in."
TITLES = {
    Kind.OUT_OF_STOCK: "Out of stock",
    Kind.PHANTOM_STOCK: "Stock record looks wrong",
    Kind.WILL_RUN_OUT: "Will run out",
    Kind.DC_OUT: "DC out of stock",
}
OVER = {
    Kind.OUT_OF_STOCK: ("back", "stock is back"),
    Kind.PHANTOM_STOCK: ("sold, came in or was counted", "it sold, came in or was counted"),
    Kind.WILL_RUN_OUT: ("has cover again", "cover is back"),
    Kind.DC_OUT: ("back", "stock is back"),
}
"""How what an incident was about is over, by kind: said of the item, and in full."""


def render(incident: Incident) -> Message:
    """The root message of an out-of-stock incident, open or resolved."""
    return resolved(incident) if incident.standing is Standing.RESOLVED else _open(incident)


def _open(incident: Incident) -> Message:
    out = incident.now_out()
    places = noun(incident, incident.ranged)
    item, partner = item_words(incident), one_line(incident.partner_name)
    day = (incident.data_as_of - incident.opened_on).days + 1
    days = incident.basis.horizon_days
    of_all = f"{len(out):,} of {incident.ranged:,} {places}"
    status = f"Open, day {day:,}{in_hand(incident)}{frozen(incident)}"
    grown = len(out) - (incident.out_before if incident.out_before is not None else len(out))
    change = f" ({grown:+d} since the date before)" if grown else ""
    availability = (incident.known - incident.known_out) / max(incident.known, 1)
    fields = (
        ("Status", status),
        ("Owner", incident.owner),
        ("Availability", f"{availability:.1%} (promise {100 * incident.promise:g}%)"),
        (f"{places[0].upper()}{places[1:]} out", f"{len(out):,} of {incident.ranged:,}{change}{_elsewhere(incident)}"),
        (f"At risk, next {days} days", at_risk(incident)),
        ("Customers", customers(incident)),
    )
    body = (
        f"Likely cause: {cause(incident, out)} Lost so far: {units_and_money(incident, 'lost_units', 'lost_money')}.",
        f"Next step: {_next_step(incident, out)}",
        f"Longest out: {worst(out)}.",
    )
    return Message(
        fallback=clip(
            f"{incident.severity.upper()} out of stock: {item} at {partner}, "
            f"{of_all}, {risk(incident)}, owner {incident.owner}. {incident.incident_id}",
            FALLBACK_LIMIT,
        ),
        header=f"{incident.severity.capitalize()} - Out of stock - {item} at {partner}",
        fields=fields,
        body=body,
        context=context(incident),
    )


def _elsewhere(incident: Incident) -> str:
    """The locations that a DC has left without: out as well, and members of its incident."""
    dcs = dict.fromkeys(dc_name(one.dc_id) for one in incident.elsewhere if one.dc_id)
    count = sum(one.locations for one in incident.elsewhere if one.dc_id)
    return f"; {count:,} more because of {clip(', '.join(dcs), NAME_LIMIT)}" if dcs else ""


def at_risk(incident: Incident) -> str:
    """Units and money at risk; a location whose order is due within the horizon counts until then (A-20). What will run
    out counts until its next receipt, whether that is ordered by now or not."""
    figures = units_and_money(incident, "at_risk_units", "at_risk_money", now_out_only=True)
    end = incident.data_as_of + dt.timedelta(days=incident.basis.horizon_days)
    is_ahead = incident.kind is Kind.WILL_RUN_OUT
    counted_until = [one for one in incident.now_out() if one.at_risk_units and (is_ahead or one.has_open_order)]
    is_sooner = any(one.next_receipt_on is not None and one.next_receipt_on < end for one in counted_until)
    until = "the next receipt" if is_ahead else "orders come"
    return f"{figures}, until {until} where that is sooner" if is_sooner else figures


def risk(incident: Incident) -> str:
    """What an open incident will cost, in a few words: money if it is known, else units."""
    ahead = f" in {incident.basis.horizon_days} days"
    money = incident.total("at_risk_money", now_out_only=True)
    if money is not None:
        return f"{money_words(money, incident)} at risk{ahead}"
    units = incident.total("at_risk_units", now_out_only=True)
    return "cost not estimated" if units is None else f"about {units_words(units)} at risk{ahead}"


def frozen(incident: Incident) -> str:
    """What is said of locations without fresh data, after the status; nothing where all have some."""
    out = incident.now_out()
    stale = _stale(incident)
    of_out = "" if stale == len(out) else f" for {stale:,} of {len(out):,}"
    return f" - frozen, no fresh data{of_out}" if stale else ""


def _stale(incident: Incident) -> int:
    return sum(member.state is MemberState.STALE for member in incident.now_out()) if incident.is_open else 0


def in_hand(case: Case) -> str:
    """Who has an open incident in hand, or until when it is quiet; nothing where nobody did anything."""
    handling = case.handling
    if case.standing is Standing.ACKNOWLEDGED and handling.acknowledged_by:
        return f", acknowledged by {one_line(handling.acknowledged_by)}"
    if case.standing is Standing.SNOOZED and handling.snoozed_until:
        return f", snoozed until {moment_words(handling.snoozed_until)}"
    return ", opened again" if handling.reopened else ""


def resolved(incident: Incident) -> Message:
    """The root message of an incident of stock that has ended, of whatever kind."""
    if incident.was_never_out:
        return _corrected(incident)
    item, partner = item_words(incident), partner_words(incident)
    ended = incident.resolved_on or incident.data_as_of
    days = max(1, (ended - incident.opened_on).days)
    lost = units_and_money(incident, "lost_units", "lost_money")
    loss = "loss not estimated" if lost == NOT_ESTIMATED else f"{lost} lost"
    lasted = one_or_many(days, "day")
    if incident.end_reason and incident.business_days not in (None, days):  # both, where they differ
        lasted += f", {incident.business_days or 'none'} on business days"
    what, how = _ending(incident)
    is_ahead = incident.kind is Kind.WILL_RUN_OUT  # nothing is lost by what was only to come
    so_far = "" if is_ahead else f", {loss}"
    ended_words = f"since {day_words(incident.opened_on)}, ended {day_words(ended)} ({lasted})"
    fields = (
        ("Status", "Resolved"),
        ("Owner", incident.owner),
        ("Expected" if is_ahead else "Out", ended_words),
        ("Peak", f"{incident.peak_out:,} of {incident.ranged:,} {noun(incident, incident.ranged)}"),
        *((("Lost in total", lost),) if not is_ahead else ()),
        ("Ended", how),
    )
    return Message(
        fallback=clip(
            f"RESOLVED: {item} {what} at {partner} after {lasted}{so_far}. {incident.incident_id}", FALLBACK_LIMIT
        ),
        header=f"Resolved - {TITLES[incident.kind]} - {item} at {partner}",
        fields=fields,
        body=(
            "It was still to come: no loss is counted." if is_ahead else f"Customers: {_customers_so_far(incident)}",
        ),
        context=context(incident),
    )


def _corrected(incident: Incident) -> Message:
    """What was never out: a report said so, and was put right."""
    item, partner, date = item_words(incident), partner_words(incident), day_words(incident.opened_on)
    spells = incident.latest_spells()
    count = len(tuple(counted(incident.kind, incident.scope, spells)) or spells)
    return Message(
        fallback=clip(
            f"RESOLVED: {item} was not out at {partner}: the report of {date} was corrected. {incident.incident_id}",
            FALLBACK_LIMIT,
        ),
        header=f"Resolved - {TITLES[incident.kind]} - {item} at {partner}",
        fields=(
            ("Status", "Resolved"),
            ("Owner", incident.owner),
            ("Ended", f"report of {date} corrected: stock in {count:,} of {count:,} {noun(incident, count)}"),
        ),
        body=("It was never out: nothing was lost.",),
        context=context(incident),
    )


def _ending(incident: Incident) -> tuple[str, str]:
    """How an incident ended, in a word for the notification and in full."""
    if incident.end_reason is None and (closed := closed_words(incident)):
        return "closed", closed
    spells = incident.latest_spells()
    spells = tuple(counted(incident.kind, incident.scope, spells)) or spells
    back = sum(member.state is MemberState.BACK for member in spells)
    moved = [member.moved_to for member in spells if member.state is MemberState.MOVED and member.moved_to]
    left = len(spells) - back - len(moved)
    goes_on = ", ".join(dict.fromkeys(sorted(moved)))
    if not back and moved:
        return f"is now part of {clip(goes_on, NAME_LIMIT)}", f"now part of {clip(goes_on, FIELD_LIMIT // 2)}"
    if not back:
        return "no longer ranged", "no longer meant to be sold there"
    of_all = f"in {back:,} of {len(spells):,} {noun(incident, len(spells))}"
    short, full = OVER[incident.kind]
    parts = [f"{full} {of_all}"]
    if left:
        parts.append(f"{left:,} no longer meant to be sold there")
    if moved:
        verb = "continues" if len(moved) == 1 else "continue"
        parts.append(f"{len(moved):,} {verb} as {clip(goes_on, FIELD_LIMIT // 2)}")
    never = [member for member in incident.members if member.state is MemberState.CORRECTED]
    if never:
        count, date = len({member.place for member in never}), day_words(min(member.out_since for member in never))
        places = (
            f"{count:,} {noun(incident, count)}" if incident.kind is not Kind.DC_OUT else one_or_many(count, "location")
        )
        parts.append(f"not out in {places}: report of {date} corrected")
    return (f"{short} {of_all}" if left or moved else short), "; ".join(parts)


def closed_words(case: Case) -> str | None:
    """Who closed an incident that has ended, and why; none where data ended it."""
    handling = case.handling
    if case.is_open or not handling.resolved_by:
        return None
    return f"closed by {one_line(handling.resolved_by)}: {one_line(handling.resolve_reason or 'no reason given')}"


def verdict_words(case: Case) -> tuple[str, ...]:
    """What people who looked said of the alert; nothing where nobody did (A-54)."""
    said = {
        words: ", ".join(one_line(one.person) for one in case.handling.verdicts if one.is_confirmed is is_confirmed)
        for words, is_confirmed in (("confirmed by", True), ("called a false alarm by", False))
    }
    told = [f"{words} {people}" for words, people in said.items() if people]
    return (f"disputed: {', '.join(told)}",) if len(told) > 1 else tuple(told)


def context(incident: Incident) -> tuple[str, ...]:
    """The last line of every message of stock: date, rule, what moved the severity, assumptions, id."""
    as_of, stale = f"Data as of {day_words(incident.data_as_of)}", _stale(incident)
    if stale:
        places = noun(incident, stale) if incident.kind is not Kind.DC_OUT else one_or_many(stale, "location")[2:]
        as_of += f" ({stale} {places} without fresh data: frozen, neither out nor back is claimed)"
    return (
        as_of,
        f"rule {incident.rule}",
        *incident.notes,
        *_left_out(incident),
        *(f"vanished, see {promise}" for promise in incident.vanished),
        *verdict_words(incident),
        f"customers modelled: {incident.basis.assumptions}, {incident.basis.dated}",
        incident.incident_id,
    )


def _left_out(incident: Incident) -> tuple[str, ...]:
    """That figures are those of a part of the locations, where no demand is known of the rest."""
    members = next(iter(incident.sides("at_risk_units", now_out_only=incident.is_open)), [])
    unknown = sum(one.at_risk_units is None for one in members)
    if unknown in (0, len(members)):
        return ()
    return (f"figures without {unknown:,} of {one_or_many(len(members), 'location')}: no demand is known there",)


def partner_words(incident: Incident) -> str:
    """The partner as messages call it; with the DC, where the incident is about one."""
    partner = one_line(incident.partner_name)
    return f"{partner} {dc_words(incident)}" if incident.kind is Kind.DC_OUT else partner


def dc_words(incident: Incident) -> str:
    """`DC 07`, or `DC 07 Fresno` where its name is known."""
    shown = dc_name(incident.scope)
    name = one_line(incident.scope_name) if incident.scope_name else ""
    return f"{shown} {name}" if name and name not in shown else shown


def dc_name(dc_id: str) -> str:
    """`DC 07`."""
    shown = one_line(dc_id)
    return shown if shown.upper().startswith("DC") else f"DC {shown}"


def item_words(incident: Incident) -> str:
    """The item as messages call it."""
    return one_line(incident.item_name or f"item {incident.item_id}")


def noun(incident: Incident, count: int) -> str:
    """`store`, `stores`, `DC` or `DCs`."""
    singular, plural = NOUNS[incident.location_type]
    return singular if count == 1 else plural


def customers(incident: Incident) -> str:
    """Shoppers who meet the gap, and how many may be lost for good, as a range (A-21)."""
    shoppers = incident.total("shoppers_exposed", now_out_only=True)
    lost, at_risk = incident.total("customers_lost"), incident.total("customers_at_risk", now_out_only=True)
    if shoppers is None or lost is None or at_risk is None:
        return NOT_ESTIMATED
    return f"about {number(shoppers)} shoppers meet the gap, {_range(lost + at_risk, incident)} may be lost for good"


def _customers_so_far(incident: Incident) -> str:
    lost = incident.total("customers_lost")
    return NOT_ESTIMATED if lost is None else f"{_range(lost, incident)} may be lost for good"


def _range(expected: float, incident: Incident) -> str:
    if number(expected) in ("0", "0.00"):
        return "less than 0.01"
    low, high = expected * incident.basis.low, expected * incident.basis.high
    return f"{number(expected)} ({number(low)} to {number(high)})"


def cause(incident: Incident, out: Sequence[Member]) -> str:
    """What explains the locations that are out; where nothing does, whether they have anything on order."""
    found = _explained(out)
    if not found:
        return _orders(incident, out)
    parts = []
    for one in found[:SHOWN]:
        of_all = "" if len(one.members) == len(out) else f" ({_of(one.members, out, incident)})"
        parts.append(f"{one.why()}{of_all}")
    rest = len(out) - sum(len(one.members) for one in found[:SHOWN])
    return "; ".join(parts) + (f"; not known for {rest:,}." if rest else ".")


def _explained(out: Iterable[Member]) -> list[Explained]:
    return [one._replace(place=one_line(one.place)) if one.place else one for one in explained(out)]


def _of(some: Sequence[Member], out: Sequence[Member], incident: Incident) -> str:
    return f"{len(some):,} of the {len(out):,} {noun(incident, len(out))}"


def _orders(incident: Incident, out: Sequence[Member]) -> str:
    """Only what the feed shows: whether the locations that are out have anything on order."""
    told = [member for member in out if member.has_open_order is not None]
    if not told:
        return "not known; the feed says nothing about open orders."
    missing = sum(not member.has_open_order for member in told)
    one, ran_out = noun(incident, 1), "will run out" if incident.kind is Kind.WILL_RUN_OUT else "ran out"
    if not missing:
        return f"not known yet; an order is open or in transit for every {one} that {ran_out}."
    if missing == len(told):
        return f"not known yet; nothing is on order or in transit for any {one} that {ran_out}."
    of_told = f"{missing} of the {len(told)} {noun(incident, len(told))} that {ran_out}"
    return f"not known yet; nothing is on order or in transit for {of_told}."


def _next_step(incident: Incident, out: Sequence[Member]) -> str:
    told = [member for member in out if member.has_open_order is not None]
    partner = one_line(incident.partner_name)
    if incident.vanished:
        first = ", ".join(incident.vanished)
        return f"settle {first} first: ask {partner} whether the item was delisted; raise orders where it was not."
    if incident.data_stale:
        return MISSING_DATA.replace("{partner}", partner)
    if found := _explained(out):
        return found[0].next_step(partner)
    if any(not member.has_open_order for member in told):
        return f"ask {partner} replenishment to raise orders where none is open."
    if told:
        return f"ask {partner} when the open orders arrive, and expedite them."
    return f"ask {partner} why it ran out and when it is back."


def worst(out: Iterable[Member]) -> str:
    ranked = sorted(out, key=lambda m: (-m.days_out(), -(m.lost_units or 0), m.location_id))
    shown = [f"{place_words(member)} ({one_or_many(member.days_out(), 'day')})" for member in ranked[:WORST_SHOWN]]
    rest = len(ranked) - len(shown)
    return ", ".join(shown) + (f", {rest:,} more" if rest else "")


def place_words(member: Member) -> str:
    name = f" {one_line(member.location_name)}" if member.location_name else ""
    number_sign = "#" if member.location_id.isdigit() else ""
    return f"{number_sign}{one_line(member.location_id)}{name}"


def units_and_money(incident: Incident, units: str, money: str, *, now_out_only: bool = False) -> str:
    """`about 504 units, USD 3,271`, or what of it is known; of a DC both are its own, or both its stores'."""
    told = incident.sides(units, now_out_only=now_out_only)
    if not told or summed(told[0], units) is None:
        return NOT_ESTIMATED
    priced = next((side for side in told if summed(side, money) is not None), told[0])
    value = summed(priced, money)
    partly = _where_priced(incident, priced, units, money)
    worth = f", {money_words(value, incident)}{partly}" if value is not None else ""
    figures = [f"about {units_words(summed(side, units) or 0.0)}" for side in (told[0], priced)]
    if priced is told[0]:
        return f"{figures[0]}{worth}"
    return f"{figures[0]} at {whose(incident, told[0])}; {figures[1]} at {whose(incident, priced)}{worth}"


def whose(incident: Incident, side: Sequence[Member]) -> str:
    """Of whom the figures of an incident are that count, as `sides`."""
    if incident.kind is not Kind.DC_OUT or not side:
        return one_or_many(len({one.place for one in side}), "location")
    if is_source(incident.kind, incident.scope, side[0]):
        return "the DC"
    return "the DCs that it serves" if side[0].is_dc else "its stores"


def _where_priced(incident: Incident, members: Iterable[Member], units: str, money: str) -> str:
    """What is said where the money is that of a part of the units."""
    unpriced = [one for one in members if getattr(one, units) and getattr(one, money) is None]
    in_it = f" in {incident.currency}" if any(one.other_currency for one in unpriced) else ""
    return f" where a price{in_it} is known" if unpriced else ""


def has_unpriced(incident: Incident, units: str, money: str, *, now_out_only: bool = False) -> bool:
    """Whether units are counted that no price is known of, so that the money is that of a part."""
    told = incident.sides(units, now_out_only=now_out_only)
    return any(getattr(one, units) and getattr(one, money) is None for one in (told[0] if told else ()))


def money_words(value: float, incident: Incident) -> str:
    """`USD 3,271`; small amounts with cents."""
    figure = f"{value:,.0f}" if round(value) >= 10 or not value else f"{value:.2f}"
    return f"{incident.currency or ''} {figure}".strip()

"""What a message says: an incident as it stands, in words, for any channel; and the same as Slack blocks.

A message is always rendered whole from the incident's current state, so that somebody who reads only the channel
sees status, owner, cost and next step. No emoji; words carry severity.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from include.stockwatch.alerting.case import Case, Standing
from include.stockwatch.alerting.causes import SHOWN, Explained, explained
from include.stockwatch.alerting.incident import Incident, Member, MemberState

HEADER_LIMIT, FIELD_LIMIT, SECTION_LIMIT, FALLBACK_LIMIT, NAME_LIMIT = 150, 2000, 3000, 240, 60
NOUNS = {"store": ("store", "stores"), "dc": ("DC", "DCs")}
WORST_SHOWN = 3
NOT_ESTIMATED = "not estimated"


@dataclass(frozen=True)
class Message:
    """One message, without markup. `fallback` stands alone in one line, as in a notification."""

    fallback: str
    header: str
    fields: tuple[tuple[str, str], ...]
    body: tuple[str, ...]
    context: tuple[str, ...]

    def as_text(self) -> str:
        """The message for people who read it in a terminal or a log."""
        fields = [f"  {label}: {value}" for label, value in self.fields]
        return "\n".join([self.header, *fields, *(f"  {line}" for line in self.body), "  " + " | ".join(self.context)])

    def blocks(self) -> list[dict[str, Any]]:
        """The message as Slack blocks, every name escaped (A-35) and within Slack's limits (A-68)."""
        fields = [_mrkdwn(f"*{escape(label)}:* {escape(value)}", FIELD_LIMIT) for label, value in self.fields]
        return [
            {"type": "header", "text": {"type": "plain_text", "text": clip(self.header, HEADER_LIMIT), "emoji": False}},
            {"type": "section", "fields": fields[:10]},
            {"type": "section", "text": _mrkdwn("\n".join(escape(line) for line in self.body), SECTION_LIMIT)},
            {"type": "context", "elements": [_mrkdwn(" | ".join(escape(c) for c in self.context), SECTION_LIMIT)]},
        ]

    def slack_text(self) -> str:
        """The fallback for Slack, which looks for mentions in it as well."""
        return escape(self.fallback)

    def digest(self) -> str:
        """The same for the same content: an unchanged message is not sent again."""
        content = json.dumps([self.fallback, self.blocks()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def escape(text: str) -> str:
    """Text that Slack shows as it is: it can form no mention, link or channel name."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def one_line(text: str) -> str:
    """A name of a feed as it may stand in a line: without line breaks and runs of blanks."""
    return clip(" ".join(text.split()), NAME_LIMIT)


def clip(text: str, limit: int) -> str:
    """Text cut to a length, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _mrkdwn(text: str, limit: int) -> dict[str, Any]:
    # verbatim: without it Slack turns bare URLs and #names of product texts into links
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}


def render(incident: Incident) -> Message:
    """The root message of an out-of-stock incident, open or resolved."""
    return _resolved(incident) if incident.standing is Standing.RESOLVED else _open(incident)


def _open(incident: Incident) -> Message:
    out = incident.now_out()
    noun = _noun(incident, incident.ranged)
    item, partner = _item(incident), one_line(incident.partner_name)
    day = (incident.data_as_of - incident.opened_on).days + 1
    at_risk = units_and_money(incident, "at_risk_units", "at_risk_money", now_out_only=True)
    money = incident.total("at_risk_money", now_out_only=True)
    days = incident.basis.horizon_days
    units = incident.total("at_risk_units", now_out_only=True)
    risk_words = "cost not estimated" if units is None else f"about {number(units)} units at risk in {days} days"
    if money is not None:
        risk_words = f"{_money(money, incident)} at risk in {days} days"
    stale = sum(member.state is MemberState.STALE for member in out)
    status = f"Open, day {day:,}{in_hand(incident)}"
    if stale:
        of_out = "" if stale == len(out) else f" for {stale:,} of {len(out):,}"
        status += f" - frozen, no fresh data{of_out}"
    grown = len(out) - (incident.out_before if incident.out_before is not None else len(out))
    change = f" ({grown:+d} since the date before)" if grown else ""
    availability = (incident.known - incident.known_out) / max(incident.known, 1)
    fields = (
        ("Status", status),
        ("Owner", incident.owner),
        ("Availability", f"{availability:.1%} (promise {incident.promise:.0%})"),
        (f"{noun[0].upper()}{noun[1:]} out", f"{len(out):,} of {incident.ranged:,}{change}"),
        (f"At risk, next {days} days", at_risk),
        ("Customers", _customers(incident)),
    )
    body = (
        f"Likely cause: {_cause(incident, out)} Lost so far: {units_and_money(incident, 'lost_units', 'lost_money')}.",
        f"Next step: {_next_step(incident, out)}",
        f"Longest out: {_worst(out)}.",
    )
    return Message(
        fallback=clip(
            f"{incident.severity.upper()} out of stock: {item} at {partner}, "
            f"{len(out):,} of {incident.ranged:,} {noun}, {risk_words}, owner {incident.owner}. {incident.incident_id}",
            FALLBACK_LIMIT,
        ),
        header=f"{incident.severity.capitalize()} - Out of stock - {item} at {partner}",
        fields=fields,
        body=body,
        context=_context(incident, stale),
    )


def in_hand(case: Case) -> str:
    """Who has an open incident in hand, or until when it is quiet; nothing where nobody did anything."""
    handling = case.handling
    if case.standing is Standing.ACKNOWLEDGED and handling.acknowledged_by:
        return f", acknowledged by {one_line(handling.acknowledged_by)}"
    if case.standing is Standing.SNOOZED and handling.snoozed_until:
        return f", snoozed until {handling.snoozed_until:%a %d %b %H:%M} UTC"
    return ", opened again" if handling.reopened else ""


def _resolved(incident: Incident) -> Message:
    item, partner = _item(incident), one_line(incident.partner_name)
    ended = incident.resolved_on or incident.data_as_of
    days = max(1, (ended - incident.opened_on).days)
    lost = units_and_money(incident, "lost_units", "lost_money")
    loss = "loss not estimated" if lost == NOT_ESTIMATED else f"{lost} lost"
    lasted = _days(days)
    what, how = _ending(incident)
    return Message(
        fallback=clip(
            f"RESOLVED: {item} {what} at {partner} after {lasted}, {loss}. {incident.incident_id}",
            FALLBACK_LIMIT,
        ),
        header=f"Resolved - Out of stock - {item} at {partner}",
        fields=(
            ("Status", "Resolved"),
            ("Owner", incident.owner),
            ("Out", f"since {day_words(incident.opened_on)}, ended {day_words(ended)} ({lasted})"),
            ("Peak", f"{incident.peak_out:,} of {incident.ranged:,} {_noun(incident, incident.ranged)}"),
            ("Lost in total", lost),
            ("Ended", how),
        ),
        body=(f"Customers: {_customers_so_far(incident)}",),
        context=_context(incident, 0),
    )


def _ending(incident: Incident) -> tuple[str, str]:
    """How an incident ended, in a word for the notification and in full."""
    handling = incident.handling
    if incident.end_reason is None and handling.resolved_by:
        return "closed", f"closed by {one_line(handling.resolved_by)}: {one_line(handling.resolve_reason or '')}"
    spells = incident.latest_spells()
    back = sum(member.state is MemberState.BACK for member in spells)
    left = len(spells) - back
    if not back:
        return "no longer ranged", "no longer ranged: no stock or sale in the whole look-back"
    of_all = f"back in {back:,} of {len(spells):,} {_noun(incident, len(spells))}"
    if not left:
        return "back", f"stock is {of_all}"
    return of_all, f"stock is {of_all}; {left:,} no longer ranged (no stock or sale in the whole look-back)"


def _context(incident: Incident, stale: int) -> tuple[str, ...]:
    as_of = f"Data as of {day_words(incident.data_as_of)}"
    if stale:
        as_of += f" ({stale} {_noun(incident, stale)} without fresh data: frozen, neither out nor back is claimed)"
    return (
        as_of,
        f"rule {incident.rule}",
        f"customers modelled: {incident.basis.assumptions}, {incident.basis.dated}",
        incident.incident_id,
    )


def _item(incident: Incident) -> str:
    return one_line(incident.item_name or f"item {incident.item_id}")


def _noun(incident: Incident, count: int) -> str:
    singular, plural = NOUNS[incident.location_type]
    return singular if count == 1 else plural


def _customers(incident: Incident) -> str:
    shoppers = incident.total("shoppers_exposed", now_out_only=True)
    lost, at_risk = incident.total("customers_lost"), incident.total("customers_at_risk", now_out_only=True)
    if shoppers is None or lost is None or at_risk is None:
        return NOT_ESTIMATED
    return f"about {number(shoppers)} shoppers meet the gap, {_range(lost + at_risk, incident)} may be lost for good"


def _customers_so_far(incident: Incident) -> str:
    lost = incident.total("customers_lost")
    return NOT_ESTIMATED if lost is None else f"{_range(lost, incident)} may be lost for good"


def _range(expected: float, incident: Incident) -> str:
    low, high = expected * incident.basis.low, expected * incident.basis.high
    return f"{number(expected)} ({number(low)} to {number(high)})"


def _cause(incident: Incident, out: Sequence[Member]) -> str:
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
    return f"{len(some):,} of the {len(out):,} {_noun(incident, len(out))}"


def _orders(incident: Incident, out: Sequence[Member]) -> str:
    """Only what the feed shows: whether the locations that are out have anything on order."""
    told = [member for member in out if member.has_open_order is not None]
    if not told:
        return "not known; the feed says nothing about open orders."
    missing = sum(not member.has_open_order for member in told)
    noun = _noun(incident, 1)
    if not missing:
        return f"not known yet; an order is open or in transit for every {noun} that ran out."
    if missing == len(told):
        return f"not known yet; nothing is on order or in transit for any {noun} that ran out."
    of_told = f"{missing} of the {len(told)} {_noun(incident, len(told))} that ran out"
    return f"not known yet; nothing is on order or in transit for {of_told}."


def _next_step(incident: Incident, out: Sequence[Member]) -> str:
    told = [member for member in out if member.has_open_order is not None]
    partner = one_line(incident.partner_name)
    if incident.data_stale:
        return f"ask {partner} for the missing data first; figures without it stand still until it is in."
    if found := _explained(out):
        return found[0].next_step(partner)
    if any(not member.has_open_order for member in told):
        return f"ask {partner} replenishment to raise orders where none is open."
    if told:
        return f"ask {partner} when the open orders arrive, and expedite them."
    return f"ask {partner} why it ran out and when it is back."


def _worst(out: Iterable[Member]) -> str:
    ranked = sorted(out, key=lambda m: (-m.days_out(), -(m.lost_units or 0), m.location_id))
    shown = [f"{_place(member)} ({_days(member.days_out())})" for member in ranked[:WORST_SHOWN]]
    rest = len(ranked) - len(shown)
    return ", ".join(shown) + (f", {rest:,} more" if rest else "")


def _days(count: int) -> str:
    return f"{count} {'day' if count == 1 else 'days'}"


def _place(member: Member) -> str:
    name = f" {one_line(member.location_name)}" if member.location_name else ""
    number_sign = "#" if member.location_id.isdigit() else ""
    return f"{number_sign}{one_line(member.location_id)}{name}"


def units_and_money(incident: Incident, units: str, money: str, *, now_out_only: bool = False) -> str:
    """`about 504 units, USD 3,271`, or what of it is known."""
    amount = incident.total(units, now_out_only=now_out_only)
    if amount is None:
        return NOT_ESTIMATED
    value = incident.total(money, now_out_only=now_out_only)
    words = f"about {number(amount)} units"
    return words if value is None else f"{words}, {_money(value, incident)}"


def _money(value: float, incident: Incident) -> str:
    figure = f"{value:,.0f}" if round(value) >= 10 else f"{value:.2f}"
    return f"{incident.currency or ''} {figure}".strip()


def number(value: float) -> str:
    """A count as people read it: whole from ten on, one decimal below, two below one."""
    return f"{value:,.0f}" if round(value, 1) >= 10 else f"{value:.1f}" if round(value, 2) >= 1 else f"{value:.2f}"


def day_words(date: dt.date) -> str:
    """`Sun 22 Nov`: the weekday in words, whatever the machine's language."""
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[date.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[date.month - 1]
    return f"{weekday} {date.day} {month}"

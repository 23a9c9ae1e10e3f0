"""What is said of an account that nobody is on record for: the money there, who looks after it now, and what to do."""

from __future__ import annotations

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.out_of_stock_message import closed_words, in_hand
from include.stockwatch.alerting.messages.words import clip, day_words, one_line
from include.stockwatch.alerting.no_owner import NoOwner, Trouble


def render(incident: NoOwner) -> Message:
    """The root message of an account without an owner, open or resolved."""
    return _resolved(incident) if incident.standing is Standing.RESOLVED else _open(incident)


def _open(incident: NoOwner) -> Message:
    partner, claimed = one_line(incident.partner_name), incident.handling.claimed_by
    what, cost = _what(incident), f"{_money(incident)} in {_incidents(incident)}"
    return Message(
        fallback=_with_id(f"NO OWNER: {partner}, {what}; {cost}.", incident),
        header=f"No owner - {partner}",
        fields=(
            ("Status", f"Open since {day_words(incident.since)}{in_hand(incident)}"),
            ("Owner", one_line(incident.owner)),
            ("Open incidents", f"{incident.incidents:,}"),
            ("At risk there", _money(incident).removesuffix(" at risk")),
            ("Claimed by", one_line(claimed) if claimed else "nobody yet"),
        ),
        body=(f"{what[0].upper()}{what[1:]}.", f"Next step: {_next_step(incident)}"),
        context=("audit of the owner list", incident.incident_id),
    )


def _resolved(incident: NoOwner) -> Message:
    partner = one_line(incident.partner_name)
    ended = incident.ended_on or incident.since
    days = (ended - incident.since).days
    lasted = f"{days:,} {'day' if days == 1 else 'days'}"
    closed = closed_words(incident)
    told = f"incident of {partner} {closed}" if closed else f"{partner} has an owner again, after {lasted}"
    return Message(
        fallback=_with_id(f"RESOLVED: {told}.", incident),
        header=f"Resolved - No owner - {partner}",
        fields=(
            ("Status", "Resolved" + (f", {closed}" if closed else "")),
            ("Without owner", f"from {day_words(incident.since)}, {lasted}"),
        ),
        body=(
            "The account is still without an owner: the next audit opens this again."
            if closed
            else "Open incidents of the account go to whom the list names now.",
        ),
        context=("audit of the owner list", incident.incident_id),
    )


def _what(incident: NoOwner) -> str:
    """What is wrong, in one clause."""
    name = one_line(incident.named or "somebody")
    match incident.trouble:
        case Trouble.NO_ROW:
            return "the owner list has nobody for it"
        case Trouble.ENDED:
            return f"{name} was on record until the day before {day_words(incident.since)}, and nobody since"
        case Trouble.NOT_IN_SLACK:
            return f"{name} is on record, and Slack knows nobody by that address"
        case Trouble.AWAY:
            return f"{name} is away, and nobody stands in"


def _next_step(incident: NoOwner) -> str:
    if incident.handling.claimed_by:
        return "the lead confirms the claim with a row in the owner list; until then incidents go to who claimed it."
    match incident.trouble:
        case Trouble.NOT_IN_SLACK:
            return "correct the address in the owner list or the settings, or name somebody else."
        case Trouble.AWAY:
            return "name a delegate in the settings, or claim the account until they are back."
        case _:
            return "claim the account, or have the lead put a row into the owner list."


def _money(incident: NoOwner) -> str:
    if not incident.incidents:
        return "nothing at risk"
    if incident.money_at_risk is None:
        return "cost not estimated"
    return f"{incident.currency or ''} {incident.money_at_risk:,.0f} at risk".strip()


def _incidents(incident: NoOwner) -> str:
    return f"{incident.incidents:,} open {'incident' if incident.incidents == 1 else 'incidents'}"


def _with_id(text: str, incident: NoOwner) -> str:
    return f"{clip(text, FALLBACK_LIMIT - len(incident.incident_id) - 1)} {incident.incident_id}"

"""What a mass change says, in words for any channel: what would have changed, and why it is not believed."""

from __future__ import annotations

from include.stockwatch.alerting.mass_change import MassChange, NewlyOut
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.out_of_stock_message import NOT_ESTIMATED, in_hand
from include.stockwatch.alerting.messages.words import clip, day_words, one_line, one_or_many


def render(incident: MassChange) -> Message:
    """The root message of a mass change, open or resolved."""
    return _open(incident) if incident.is_open else _resolved(incident)


def _open(incident: MassChange) -> Message:
    partner, date = one_line(incident.partner_name), day_words(incident.business_date)
    held = one_or_many(len(incident.dates), "date")
    fallback = f"DATA: {partner} {date} is not believed, {incident.why}; nothing was decided, approve or discard it."
    return Message(
        fallback=_with_id(fallback, incident),
        header=f"Data problem - Suspicious mass change - {partner}",
        fields=(
            ("Status", f"Open - {held} held{in_hand(incident)}"),
            ("Owner", incident.owner),
            ("Date", date) if len(incident.dates) == 1 else ("Dates", f"{day_words(incident.dates[0])} to {date}"),
            ("Newly out", f"{incident.newly_out:,} of {incident.series:,} series, no DC is the cause"),
            ("At risk, if it were true", _money(incident)),
            ("Effect", "no incident is opened or closed by it; those that are open stand still"),
        ),
        body=(
            f"Why it is not believed: {incident.why}.",
            f"Most concerned: {_items(incident.items, len(incident.items))}.",
            "Not a stock signal yet: a file that is cut, or lost a column, looks like this.",
            f"Next step: ask {partner} whether it is so. If it is, approve it, and the date is decided; "
            "else discard it, and have the file sent again.",
        ),
        context=_context(incident),
    )


def _resolved(incident: MassChange) -> Message:
    partner, how = one_line(incident.partner_name), _ending(incident)
    return Message(
        fallback=_with_id(
            f"RESOLVED: mass change of {partner} on {day_words(incident.business_date)} is {how}.", incident
        ),
        header=f"Resolved - Suspicious mass change - {partner}",
        fields=(
            ("Status", "Resolved"),
            ("Owner", incident.owner),
            ("Dates", ", ".join(day_words(date) for date in incident.dates)),
            ("Ended", how),
        ),
        body=(f"It said: {incident.why}.",),
        context=_context(incident),
    )


def _ending(incident: MassChange) -> str:
    by = one_line(incident.handling.resolved_by or "somebody")
    if incident.settled_by:
        return f"settled: {day_words(incident.settled_by)} came in and is believed"
    if incident.is_approved:
        return f"approved by {by}: the date is decided as it is"
    reason = incident.handling.resolve_reason
    return f"discarded by {by}{f': {one_line(reason)}' if reason else ''}; nothing was decided"


def _items(items: tuple[NewlyOut, ...], shown: int) -> str:
    return ", ".join(
        f"{one_line(item.item_name or f'item {item.item_id}')} ({item.locations:,} of {item.of_locations:,} locations)"
        for item in items[:shown]
    )


def _money(incident: MassChange) -> str:
    if incident.money_at_risk is None:
        return NOT_ESTIMATED
    return f"{incident.currency or ''} {incident.money_at_risk:,.0f}".strip()


def _with_id(text: str, incident: MassChange) -> str:
    return f"{clip(text, FALLBACK_LIMIT - len(incident.incident_id) - 1)} {incident.incident_id}"


def _context(incident: MassChange) -> tuple[str, ...]:
    feeds = ", ".join(one_line(feed) for feed in incident.feeds[:3])
    return (
        f"Data as of {day_words(incident.business_date)}",
        *((f"feeds {feeds}",) if feeds else ()),
        incident.incident_id,
    )

"""What a promise incident says, in words for any channel: which promise is broken, where, and what to do.

Like `message`, it is rendered whole from the current state, and never speaks of a stock-out.
"""

from __future__ import annotations

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.out_of_stock_message import closed_words, in_hand
from include.stockwatch.alerting.messages.words import clip, day_words, number, one_line, one_or_many
from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind

LOCATIONS_SHOWN, EVIDENCE_SHOWN = 5, 4
TITLES = {
    PromiseKind.PRICE: "Price outside its band",
    PromiseKind.PACK: "Pack changed without notice",
    PromiseKind.VANISHED: "Item vanished",
    PromiseKind.QUALITY: "Complaints about quality",
}


def render(incident: PromiseIncident) -> Message:
    """The root message of a promise incident, open or resolved."""
    return _resolved(incident) if incident.standing is Standing.RESOLVED else _open(incident)


def _open(incident: PromiseIncident) -> Message:
    found, what = incident.found, _what(incident.found)
    days = (incident.data_as_of - found.since).days + 1
    where = (("Where", _where(found)),) if found.of_locations is not None else ()
    return Message(
        fallback=_fallback(f"PROMISE: {_title(found)}: {_item(found)}{_at(incident)}: {what}", incident),
        header=f"Promise - {_title(found)} - {_item(found)}{_at(incident)}",
        fields=(
            ("Status", f"Open, day {days:,}, since {day_words(found.since)}{in_hand(incident)}"),
            ("Owner", one_line(incident.owner)),
            *where,
            *_figures(found),
        ),
        body=(
            f"{what[0].upper()}{what[1:]}.",
            *_in_stock(incident),
            *(line for text in found.evidence[:EVIDENCE_SHOWN] if (line := _line(text))),
            f"Next step: {_next_step(incident)}",
        ),
        context=_context(incident),
    )


def _resolved(incident: PromiseIncident) -> Message:
    found = incident.found
    ended = incident.resolved_on or incident.data_as_of
    days = max(1, (ended - found.since).days)  # as of stock: on the day it ended the promise was kept again
    ending = closed_words(incident) or incident.ending or "the promise is kept again"
    return Message(
        fallback=_fallback(f"RESOLVED: {_item(found)}{_at(incident)}: {ending}", incident),
        header=f"Resolved - {_title(found)} - {_item(found)}{_at(incident)}",
        fields=(
            ("Status", "Resolved"),
            ("Owner", one_line(incident.owner)),
            ("Lasted", f"since {day_words(found.since)}, ended {day_words(ended)} ({one_or_many(days, 'day')})"),
            *_figures(found),
        ),
        body=(f"{ending[0].upper()}{ending[1:]}.",),
        context=_context(incident),
    )


def _in_stock(incident: PromiseIncident) -> tuple[str, ...]:
    """The incidents of stock that are the same matter: they say what it costs."""
    ids = ", ".join(incident.stock[:EVIDENCE_SHOWN])
    return (f"The same matter in the stock records: {ids}, with what it costs.",) if ids else ()


def _title(found: Finding) -> str:
    return "GTIN changed without notice" if found.fact == "gtin" else TITLES[found.kind]


def _what(found: Finding) -> str:
    """What is wrong, in one clause."""
    match found.kind:
        case PromiseKind.PRICE:
            return f"{_places(found)}: {_prices(found)}; promised is {_band(found)}"
        case PromiseKind.PACK if found.fact == "gtin":
            since = day_words(found.since)
            return (
                f"the partner's own number is the same, its GTIN was {found.before} and is {found.after} since {since}"
            )
        case PromiseKind.PACK:
            unit, day = unit_words(found.fact), day_words(found.since)
            return f"a {unit} held {found.before} pieces and holds {found.after} since {day}, under the same GTIN"
        case PromiseKind.VANISHED:
            return f"{found.of_locations or 0:,} locations had it, none has it since {day_words(found.since)}"
        case _:
            usual = number(found.expected or 0.0)
            return f"{found.complaints or 0:,} complaints in {_window(found)}, where {usual} are usual"


def unit_words(code: str | None) -> str:
    """A unit of the item master: `case (CA)`, or its code."""
    named = {"CA": "case", "CS": "case", "PK": "pack", "PL": "pallet", "PF": "pallet"}.get(code or "")
    return f"{named} ({code})" if named else one_line(code or "pack")


def _figures(found: Finding) -> tuple[tuple[str, str], ...]:
    match found.kind:
        case PromiseKind.PRICE:
            return ("Price", _prices(found)), ("Promised", _band(found))
        case PromiseKind.PACK:
            pieces = "" if found.fact == "gtin" else " pieces"
            return ("Before", f"{found.before or '-'}{pieces}"), ("Now", f"{found.after or '-'}{pieces}")
        case PromiseKind.VANISHED:
            return (("No longer listed", f"by {found.unlisted or 0:,} of {found.of_locations or 0:,} locations"),)
        case _:
            usual = f"{number(found.expected or 0.0)} in {found.days or 0} days, from its own history and sales"
            return ("Complaints", f"{found.complaints or 0:,} in {_window(found)}"), ("Usual", usual)


def _window(found: Finding) -> str:
    """The days that complaints are counted in."""
    return f"{found.days or 0} days{f' to {day_words(found.until)}' if found.until else ''}"


def _next_step(incident: PromiseIncident) -> str:
    partner = _partner(incident)
    match incident.found.kind:
        case PromiseKind.PRICE:
            return f"ask {partner} whether the price is meant, and to put it right where it is not."
        case PromiseKind.PACK:
            return (
                f"check with {partner} which item is delivered, and announce the change (successor, new GTIN) if it is."
            )
        case PromiseKind.VANISHED:
            return f"ask {partner} whether it was delisted, and by whom; end it in the item master if that was planned."
        case _:
            return "hand the complaints to production: lot, line and date; stop the lot if it is at fault."


def _where(found: Finding) -> str:
    shown = ", ".join(_place(place) for place in found.locations[:LOCATIONS_SHOWN])
    more = len(found.locations) - LOCATIONS_SHOWN
    listed = f": {shown}{f' and {more:,} more' if more > 0 else ''}" if shown else ""
    return f"{_places(found)}{listed}"


def _places(found: Finding) -> str:
    count, total = len(found.locations), found.of_locations or 0
    return f"{count:,} of {total:,} {'location' if total == 1 else 'locations'}"


def _place(location_id: str) -> str:
    return f"{'#' if location_id.isdigit() else ''}{one_line(location_id)}"


def _prices(found: Finding) -> str:
    if found.by_currency:
        return ", ".join(map(_prices, found.by_currency))
    lowest, highest = found.lowest, found.highest
    if lowest is None or highest is None or lowest == highest:
        return _money(highest if lowest is None else lowest, found)
    return f"{_money(lowest, found)} to {highest:,.2f}"


def _band(found: Finding) -> str:
    if found.by_currency:
        return ", ".join(map(_band, found.by_currency))
    if found.band_low is None or found.band_high is None:
        most, least = found.band_high is not None, found.band_low is not None
        edge = found.band_high if most else found.band_low
        return f"{'at most ' if most else 'at least ' if least else ''}{_money(edge, found)}"
    return f"{_money(found.band_low, found)} to {found.band_high:,.2f}"


def _money(value: float | None, found: Finding) -> str:
    return "-" if value is None else f"{found.currency or ''} {value:,.2f}".strip()


def _item(found: Finding) -> str:
    return one_line(found.item_name or f"item {found.item_id}")


def _partner(incident: PromiseIncident) -> str:
    return one_line(incident.partner_name) if incident.found.partner else "the maker"


def _at(incident: PromiseIncident) -> str:
    return f" at {_partner(incident)}" if incident.found.partner else ""


def _line(text: str) -> str:
    return clip(" ".join(text.split()), FALLBACK_LIMIT)


def _fallback(text: str, incident: PromiseIncident) -> str:
    return f"{clip(_line(text), FALLBACK_LIMIT - len(incident.incident_id) - 2)}. {incident.incident_id}"


def _context(incident: PromiseIncident) -> tuple[str, ...]:
    rule = (f"rule {one_line(incident.found.rule)}",) if incident.found.rule else ()
    told_until = incident.found.until if incident.is_open else None
    return (
        f"Data as of {day_words(told_until or incident.data_as_of)}",
        *rule,
        f"item {incident.found.item_id}",
        incident.incident_id,
    )

"""What a data incident says, in words for any channel: which data is missing, since when, and what stands still.

Like `message`, it is rendered whole from the current state. Nothing in it depends on the clock, so that a message
changes only when something has.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.data_incident import DataIncident, Trouble
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.out_of_stock_message import closed_words, in_hand
from include.stockwatch.alerting.messages.words import clip, day_words, number, one_line, one_or_many

FROZEN_SHOWN = 3
NOT_KNOWN = "not known yet"


def render(incident: DataIncident) -> Message:
    """The root message of a data incident, open or resolved."""
    return _resolved(incident) if incident.standing is Standing.RESOLVED else _open(incident)


def _open(incident: DataIncident) -> Message:
    partner, word, what = one_line(incident.partner_name), incident.trouble.value, _what(incident)
    came = incident.trouble in (Trouble.SMALL, Trouble.NO_SALES)
    newest = day_words(incident.newest)
    stands = f"{newest} is not whole" if came else f"figures stay as of {newest}"
    stands = f"stock of {newest} counts" if incident.trouble is Trouble.NO_SALES else stands
    body = (
        f"{what[0].upper()}{what[1:]}.",
        f"Not a stock signal: {_meaning(incident, partner, newest)}",
        f"Next step: {_next_step(incident)}",
    )
    fallback = f"DATA: {one_line(incident.feed_id)} of {partner} {word}: {what}; {stands}, {_frozen(incident)}."
    return Message(
        fallback=_with_id(fallback, incident),
        header=f"Data problem - {partner} - feed {incident.feed_id} {word}",
        fields=(
            ("Status", f"Open since {_moment(incident.since, incident)} - {word}{in_hand(incident)}"),
            ("Owner", incident.owner),
            ("Expected by", f"{_moment(incident.expected_by, incident)} ({_usual_arrival(incident)})"),
            ("Units sold", _sold(incident)) if incident.trouble is Trouble.NO_SALES else ("Rows", _rows(incident)),
            ("Newest day" if came else "Last good day", newest),
            ("Effect", _effect(incident)),
        ),
        body=body,
        context=_context(incident),
    )


def _resolved(incident: DataIncident) -> Message:
    partner = one_line(incident.partner_name)
    ended = incident.ended_at or incident.since
    closed = closed_words(incident)
    hole = f", {one_or_many(len(incident.skipped), 'date')} before still missing" if incident.skipped else ""
    told = closed or f"delivers again, data as of {day_words(incident.newest)}{hole}"
    fields = (
        ("Status", "Resolved"),
        ("Owner", incident.owner),
        ("Lasted", f"from {_moment(incident.since, incident)} to {_moment(ended, incident)}"),
        ("Last trouble", incident.trouble.value),
        ("Data as of", day_words(incident.newest)),
    )
    return Message(
        fallback=_with_id(
            f"RESOLVED: feed {one_line(incident.feed_id)} of {partner} {told}.",
            incident,
        ),
        header=f"Resolved - Data problem - {partner} - feed {incident.feed_id}",
        fields=fields,
        body=(
            "No data came by that: incidents of the partner stand still until they do."
            if closed
            else f"{day_words(incident.newest)} is in: its checks run again, and incidents that stood still move on.",
            *_skipped(incident),
        ),
        context=_context(incident),
    )


def _skipped(incident: DataIncident) -> tuple[str, ...]:
    """The dates that later ones overtook, and how they may still come."""
    if not incident.skipped:
        return ()
    days = ", ".join(day_words(date) for date in incident.skipped)
    those = "that day" if len(incident.skipped) == 1 else "those days"
    return (
        f"Still missing: {days}; nothing is known of {those}. A file that is held waits under Required Actions in "
        f"Airflow; else ask {one_line(incident.partner_name)}.",
    )


def _what(incident: DataIncident) -> str:
    """What is wrong, in one clause."""
    match incident.trouble:
        case Trouble.HELD if incident.held:
            held = incident.held
            return f"the file {one_line(held.file_name)} is held ({', '.join(held.codes)}) and waits for a decision"
        case Trouble.SILENT:
            first, last = day_words(incident.missing[0]), day_words(incident.missing[-1])
            return f"{len(incident.missing)} dates have not come, {first} to {last}"
        case Trouble.SMALL:
            return f"{day_words(incident.newest)} has {_share(incident)} of its usual rows"
        case Trouble.NO_SALES:
            return f"{day_words(incident.newest)} tells of no sale of any item at any location"
        case _:
            return f"{day_words(incident.wanted)} has not come"


def _meaning(incident: DataIncident, partner: str, newest: str) -> str:
    """What the trouble does to what is known of stock, and what it does not."""
    if incident.trouble is Trouble.NO_SALES:
        return (
            f"stock of {newest} counts as it was reported. As nothing was sold, the day says nothing of doubtful stock "
            "and of demand."
        )
    until = "figures of" if incident.trouble is Trouble.SMALL else "dates after"
    return f"missing data opens and closes nothing at {partner}. Until it is in, do not act on {until} {newest}."


def _next_step(incident: DataIncident) -> str:
    partner = one_line(incident.partner_name)
    match incident.trouble:
        case Trouble.HELD if incident.held and not incident.held.is_releasable:
            return "mend the feed definition and clear the ingest run, or discard the file under Required Actions."
        case Trouble.HELD:
            return "look at the file under Required Actions in Airflow: release it, or discard it and ask for another."
        case Trouble.SMALL:
            return f"ask {partner} whether the file of {day_words(incident.newest)} is whole, and for all of it if not."
        case Trouble.NO_SALES:
            newest = day_words(incident.newest)
            return f"ask {partner} whether all was closed on {newest}, and for the file with its sales if not."
        case Trouble.SILENT:
            return f"call {partner}: find out what stopped the feed, and ask for every date since it did."
        case _:
            return f"ask {partner} for the file of {day_words(incident.wanted)}."


def _rows(incident: DataIncident) -> str:
    if incident.trouble is Trouble.HELD and incident.held:
        usual = _usual(incident.held.usual_rows_in)
        return f"{incident.held.rows_in:,} in the held file, none published (usual: {usual})"
    usual = _usual(incident.usual_rows)
    if incident.trouble is Trouble.SMALL:
        return f"{incident.rows:,} (usual: {usual}; limit {incident.min_rows_share:.0%})"
    return f"none (usual: {usual})"


def _usual(rows: float | None) -> str:
    return NOT_KNOWN if rows is None else number(rows)


def _sold(incident: DataIncident) -> str:
    told = "none told" if incident.units_sold is None else number(incident.units_sold)
    return f"{told} (usual: {number(incident.usual_units_sold or 0.0)})"


def _share(incident: DataIncident) -> str:
    return f"{incident.rows / incident.usual_rows:.0%}" if incident.usual_rows else "few"


def _usual_arrival(incident: DataIncident) -> str:
    return f"usually there by {incident.usually_by}" if incident.usually_by else "usual arrival not known yet"


def _effect(incident: DataIncident) -> str:
    named = ", ".join(incident.frozen[:FROZEN_SHOWN])
    more = len(incident.frozen) - FROZEN_SHOWN
    listed = f": {named}{f' and {more:,} more' if more > 0 else ''}" if named else ""
    return f"{_frozen(incident)}{listed}"


def _frozen(incident: DataIncident) -> str:
    count = len(incident.frozen)
    return f"{count:,} {'incident' if count == 1 else 'incidents'} frozen" if count else "no incident frozen"


def _with_id(text: str, incident: DataIncident) -> str:
    return f"{clip(text, FALLBACK_LIMIT - len(incident.incident_id) - 1)} {incident.incident_id}"


def _moment(at: dt.datetime, incident: DataIncident) -> str:
    local = at.astimezone(ZoneInfo(incident.time_zone))
    return f"{day_words(local.date())} {local:%H:%M}"


def _context(incident: DataIncident) -> tuple[str, ...]:
    return (
        f"Data as of {day_words(incident.newest)}",
        f"feed {incident.feed_id}",
        f"times in {incident.time_zone}",
        incident.incident_id,
    )

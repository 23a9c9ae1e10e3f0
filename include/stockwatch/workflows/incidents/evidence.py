"""What goes into the thread of a new incident of stock: its locations as a file, and a picture of the last weeks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.adapters.state.outbox import Attachment
from include.stockwatch.alerting.incident import Incident, Member
from include.stockwatch.alerting.messages.out_of_stock_message import WORST_SHOWN
from include.stockwatch.alerting.messages.tables import as_csv
from include.stockwatch.alerting.messages.words import day_words, one_line, one_or_many
from include.stockwatch.workflows.incidents.timeline import days
from include.stockwatch.workflows.services import Services

SHOWN_DAYS = 42
RECENT = dt.timedelta(days=2)
"""How long after its message is queued an incident may still get its files."""
COLUMNS = (
    *("partner", "location_id", "location_name", "state", "out_since", "days_out", "cause", "cause_place"),
    *("on_hand_units", "silent_days", "days_of_supply", "runs_out_on", "lost_units", "lost_money"),
    *("at_risk_units", "at_risk_money", "customers_lost", "customers_at_risk", "currency"),
)


def attach_evidence(services: Services) -> int:
    """Queue the files of incidents whose message was queued lately and has none; returns how many incidents got some.

    Part of no check and done after what is due was sent: a picture that cannot be made delays nothing.
    """
    now = services.now()
    with services.state.begin() as tx:
        bare = outbox.roots_without_files(tx, now - RECENT)
        found = [(incidents.find(tx, row["incident_id"]), row) for row in bare]
    done = 0
    for case, row in found:
        if isinstance(case, Incident) and case.is_open and case.channel == row["channel"]:
            files = files_of(services, case)
            with services.state.begin() as tx:
                for number, file in enumerate(files, 1):
                    named = {"incident_id": case.incident_id, "seq": row["event_seq"], "channel": row["channel"]}
                    outbox.attach(tx, file, **named, now=now, number=number)
            done += bool(files)
    return done


def files_of(services: Services, incident: Incident) -> list[Attachment]:
    """The picture of an incident, and its locations where its message does not show them all."""
    files = []
    if (picture := _picture(services, incident)) is not None:
        files.append(picture)
    if len(incident.now_out()) > WORST_SHOWN:
        rows = as_csv(COLUMNS, (_row(incident, member) for member in incident.now_out()))
        title = f"{len(incident.now_out()):,} locations of {incident.incident_id}"
        if len(rows) <= outbox.MAX_FILE_BYTES:
            files.append(Attachment(f"{incident.incident_id}_locations.csv", title, "A table of locations", rows))
    return files


def _row(incident: Incident, member: Member) -> dict[str, Any]:
    row = {name: getattr(member, name) for name in COLUMNS if name in Member.model_fields}
    whose = {"partner": member.partner or incident.partner, "currency": incident.currency}
    return {**row, **whose, "state": member.state.value, "days_out": member.days_out()}


def _picture(services: Services, incident: Incident) -> Attachment | None:
    """Stock, sales and expected demand of the locations that are out; none if nothing was reported."""
    from include.stockwatch.adapters.plots import plot_timeline

    last = incident.data_as_of
    first = last - dt.timedelta(days=SHOWN_DAYS - 1)
    places = sorted({(member.partner or incident.partner, member.location_id) for member in incident.now_out()})
    told = days(services, incident.item_id, first, last, places=places)
    if not any(day.get("on_hand") is not None for day in told):
        return None
    drawn = plot_timeline(told, first, last, incident.opened_on)
    item, count = one_line(incident.item_name or incident.item_id), len(places)
    where = "1 location" if count == 1 else f"{count:,} locations"
    title = f"Stock, sales and expected demand of {item}, {where}, {day_words(first)} to {day_words(last)}"
    return Attachment(f"{incident.incident_id}_last_weeks.png", title, _words(told, where), drawn)


def _words(told: list[dict[str, Any]], where: str) -> str:
    """What the picture shows, for those who do not see it."""
    known = sorted((day for day in told if day.get("on_hand") is not None), key=lambda day: day["business_date"])
    begin, end = known[0], known[-1]
    sold = sum(day.get("sold") or 0.0 for day in known)
    first, last = (f"{day['on_hand']:,.0f} units on {day_words(day['business_date'])}" for day in (begin, end))
    sales = f"{sold:,.0f} units were sold in {one_or_many(len(known), 'reported day')}"
    return f"Two charts over {where}. Stock on hand: {first}, {last}. {sales}."

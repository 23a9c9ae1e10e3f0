"""What a new incident finds in its thread: a picture of the last weeks, and its locations where they are many."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import struct
from pathlib import Path

import pyarrow as pa

from include.stockwatch.adapters.plots import timeline_figure
from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.adapters.state.outbox import Attachment
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.domain.columns import OBSERVATIONS
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.incidents import timeline
from include.stockwatch.workflows.incidents.evidence import attach_evidence, files_of
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.domain.tables import day, observation
from tests.workflows.checks.test_check import deliver_file, history
from tests.workflows.days import ITEM, OUT, UNKNOWN, row, table

ID = "INC-2026-00001"


def files(services: Services) -> list[str]:
    """Names of what is queued or sent as a file."""
    with services.state.begin() as tx:
        return [row["plain"] for row in outbox.messages(tx) if row["operation"] == outbox.FILE]


def of_incident(services: Services) -> list[Attachment]:
    """The files of the incident."""
    with services.state.begin() as tx:
        case = incidents.find(tx, ID)
    assert isinstance(case, Incident)
    return files_of(services, case)


def test_a_new_incident_gets_a_picture_once(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    check(services, date)
    assert attach_evidence(services) == 1
    assert attach_evidence(services) == 0
    (name,) = files(services)
    assert name.endswith(f"({ID}_last_weeks.png)")
    (picture,) = of_incident(services)
    assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", picture.content[16:24]) == (770, 396)
    assert picture.alt_text.startswith("Two charts over 1 location. Stock on hand: ")
    assert "0 units on Thu 29 Oct" in picture.alt_text
    assert picture == of_incident(services)[0], "the same data give the same bytes"
    assert deliver(services)["previewed"] == 2


def test_many_locations_come_as_a_file(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001", "0002", "0003", "0004"})
    check(services, date)
    picture, table = of_incident(services)
    assert (picture.name, table.name) == (f"{ID}_last_weeks.png", f"{ID}_locations.csv")
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row["location_id"] for row in rows] == ["0001", "0002", "0003", "0004"]
    assert {(row["partner"], row["state"], row["out_since"], row["currency"]) for row in rows} == {
        ("northfield", "out", date.isoformat(), "USD")
    }


def test_what_was_never_told_or_is_over_gets_none(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    check(services, date)
    deliver_file(services, tmp_path, date + dt.timedelta(days=1), set())
    check(services, date + dt.timedelta(days=1))
    assert attach_evidence(services) == 0
    assert files(services) == []


def test_the_picture_shows_every_figure_and_leaves_gaps_empty() -> None:
    first, last = dt.date(2026, 11, 1), dt.date(2026, 11, 6)
    told = [
        {
            "business_date": first + dt.timedelta(days=n),
            "on_hand": 50.0 - n,
            "sold": 7.0,
            "received": 9.0,
            "expected": 8,
        }
        for n in range(6)
        if n != 2
    ]
    stock, sales = timeline_figure(told, first, last, last).axes
    for panel, largest in ((stock, 50.0), (sales, 8.0)):
        bottom, top = panel.get_ylim()
        assert bottom == 0
        assert largest <= top <= 2 * largest
    assert [math.isnan(value) for value in stock.lines[0].get_ydata()] == [False, False, True, False, False, False]


def test_a_day_left_out_because_nothing_was_there_is_no_gap(services: Services) -> None:
    """What the check went by counts: zero where the feed says nothing of what it has none of, nothing where it is late."""
    gone = row("0118", OUT, on_hand_units=0.0, last_seen_date=day(3))
    late = row("0118", UNKNOWN, on_hand_units=4.0, last_seen_date=day(3))
    for number, known in ((3, gone), (4, late)):
        services.lake.replace_dates("availability", table(number, [known]), [day(number)])
    found = {one["business_date"]: one.get("on_hand") for one in timeline.days(services, ITEM, day(1), day(4))}
    assert found == {day(3): 0.0, day(4): None}


def test_what_is_in_transit_is_still_to_come(services: Services) -> None:
    told = ((1, {"on_order_units": 5.0, "in_transit_units": 40.0}), (2, {"in_transit_units": 40.0}), (3, {}))
    for number, coming in told:
        rows = [observation(number, 8.0, 1.0, **coming)]
        reported = pa.Table.from_pylist(rows, schema=OBSERVATIONS.to_pyarrow())
        services.lake.replace_dates("observations", reported, [day(number)])
    found = timeline.days(services, rows[0]["item_id"], day(1), day(3))
    assert [one.get("ordered") for one in found] == [45.0, 40.0, None]

"""Partner by partner: who is decided on a date, and what becomes of those that are awaited (A-14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import incidents, ledger, outbox
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.checks.settled import late_on, with_supplied
from include.stockwatch.workflows.feeds import master_files
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests.fakes import OAT, Clock, days, dc, northfield, row, westway

SATURDAY, SUNDAY, MONDAY = days(dt.date(2026, 10, 31), 3)


def stores(services: Services, tmp_path: Path, *dates: dt.date, out: bool = False) -> None:
    """Northfield delivers dates of two stores; the first one is out of the oat bar, or not."""
    rows = [
        row(date, store, on_hand=0 if out and store == "0001" else 20) for date in dates for store in ("0001", "0002")
    ]
    ingest_file(services, "northfield_stores", northfield(tmp_path / f"n{dates[-1]}{out}.csv", rows))


def warehouses(services: Services, tmp_path: Path, *dates: dt.date, stock: int) -> None:
    """Westway delivers dates of two DCs; one of them always has stock."""
    rows = [
        dc(place, date=f"{date:%d.%m.%Y}", item=OAT, on_hand=units)
        for date in dates
        for place, units in (("L07", stock), ("L09", 500))
    ]
    ingest_file(services, "westway_dcs", westway(tmp_path / f"bestand_{dates[-1]}_{stock}.csv", rows))


def run(services: Services) -> list[tuple[dt.date, dict[str, Any]]]:
    """Check what is due; dates and what was decided of incidents."""
    return [(one.business_date, check(services, one.business_date)["incidents"]) for one in due_checks(services)]


def changed(decided: dict[str, Any]) -> dict[str, list[str]]:
    """The events among what was decided."""
    return {kind: decided[kind] for kind in ("opened", "updated", "frozen", "resolved", "reopened") if decided[kind]}


def open_of(services: Services, partner: str) -> list[Incident]:
    """Open incidents of stock of a partner."""
    with services.state.read() as tx:
        return [one for one in incidents.open_incidents(tx, STOCK_KINDS).values() if one.partner == partner]


def written(services: Services) -> list[Any]:
    """Every event and message."""
    with services.state.read() as tx:
        sent = outbox.messages(tx)
        return [sent, [incidents.events(tx, one) for one in sorted({one["incident_id"] for one in sent})]]


def test_a_weekly_partner_holds_nobody_and_is_decided_once_when_it_is_late_and_again_when_it_comes(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    path = config / "feeds" / "westway_dcs.yaml"
    text = path.read_text("utf-8").replace("days_after: 1", "days_after: 3, weekdays: [sun]")
    path.write_text(text, "utf-8")
    made = Services(services.home, config, clock, pause=clock.wait)
    warehouses(made, tmp_path, dt.date(2026, 10, 18), stock=300)
    warehouses(made, tmp_path, dt.date(2026, 10, 25), stock=0)
    stores(made, tmp_path, SATURDAY)
    stores(made, tmp_path, SUNDAY, out=True)
    assert [one.why.value for one in due_checks(made)] == ["complete", "complete", "in part"]

    *_, (date, decided) = run(made)
    (before,) = open_of(made, "westway")
    assert (date, [*changed(decided)], before.data_as_of) == (SUNDAY, ["opened"], dt.date(2026, 10, 25))
    assert [one.data_as_of for one in open_of(made, "northfield")] == [SUNDAY]
    with made.state.read() as tx:
        assert ledger.watermark(tx) == {"westway": dt.date(2026, 10, 25), "northfield": SUNDAY}
        assert (ledger.latest_check(tx) or ())[0] == SATURDAY, "Sunday is not whole"
    so_far = written(made)
    again = check(made, SUNDAY)
    assert (again["awaited"], written(made), due_checks(made)) == (["westway"], so_far, [])

    clock.move(days=1)  # Tuesday
    stores(made, tmp_path, MONDAY, out=True)
    assert [date for date, _ in run(made)] == [MONDAY]
    assert open_of(made, "westway") == [before]
    of_northfield = open_of(made, "northfield")

    clock.move(days=1, hours=3)  # Wednesday, 09:00 UTC: Westway's Sunday is late
    late = run(made)
    assert [(date, changed(decided)) for date, decided in late] == [(SUNDAY, {"frozen": [before.incident_id]})]
    assert open_of(made, "northfield") == of_northfield, "it was decided past Sunday"
    so_far = written(made)
    assert (changed(check(made, SUNDAY)["incidents"]), written(made), due_checks(made)) == ({}, so_far, [])

    warehouses(made, tmp_path, SUNDAY, stock=300)
    came = run(made)
    assert [date for date, _ in came] == [SUNDAY, MONDAY]
    assert [changed(decided) for _, decided in came] == [{"resolved": [before.incident_id]}, {}]
    made.state.engine.dispose()


@pytest.mark.parametrize("comes", [True, False])
def test_who_is_supplied_by_a_partner_that_is_awaited_is_awaited_too(
    comes: bool, services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    links = "table: supply_links\ndc_id: {column: dc}\nlocation_id: {column: store, width: 4}\nlanding: {pattern: x}\n"
    (config / "master" / "links.yaml").write_text(links, "utf-8")
    made = Services(services.home, config, clock, pause=clock.wait)
    path = tmp_path / "links.csv"
    path.write_text("dc,store\nL07,1\nL07,2\n", "utf-8")
    master_files.ingest_file(made, "links", path)
    friday = SATURDAY - dt.timedelta(days=1)
    stores(made, tmp_path, friday, SATURDAY)
    warehouses(made, tmp_path, friday, SATURDAY, stock=300)
    run(made)
    stores(made, tmp_path, SUNDAY, out=True)
    assert due_checks(made) == [], "whether the DC was out is not known yet"
    held = check(made, SUNDAY)
    assert (held["awaited"], changed(held["incidents"])) == (["northfield", "westway"], {})
    if comes:
        warehouses(made, tmp_path, SUNDAY, stock=0)
    else:
        clock.move(hours=3)
    assert [date for date, _ in run(made)] == [SUNDAY]
    (opened,) = open_of(made, "westway" if comes else "northfield")
    assert opened.kind.value == ("dc_out" if comes else "out_of_stock")
    assert "northfield:0001" in [f"northfield:{one.location_id}" for one in opened.now_out()]
    assert not open_of(made, "northfield" if comes else "westway")
    made.state.engine.dispose()


@pytest.mark.parametrize(
    ("supplied", "found"),
    [
        ([], "w"),
        ([("n", "w")], "wn"),
        ([("n", "x")], "w"),
        ([("h", "n"), ("n", "w")], "wnh"),
        ([("n", "w"), ("w", "n")], "wn"),
    ],
)
def test_who_waits_for_a_supplier_has_others_wait(supplied: Collection[tuple[str, str]], found: str) -> None:
    assert with_supplied({"w"}, supplied) == set(found)


@pytest.mark.parametrize(
    ("hours", "came", "late"),
    [
        (0, (), {"northfield", "westway"}),
        (0, ("westway_dcs",), {"northfield"}),
        (3, (), {"northfield"}),
        (11, (), set()),
        (0, ("northfield_stores", "westway_dcs"), set()),
    ],
)
def test_a_partner_is_waited_for_until_its_feed_has_come_or_its_cut_off_has_passed(
    hours: int, came: Collection[str], late: set[str], services: Services, clock: Clock
) -> None:
    clock.move(hours=hours)
    span = dict.fromkeys(("northfield_stores", "westway_dcs"), (SATURDAY, SATURDAY))
    assert late_on(services.settings, span, SUNDAY, came, clock()) == late
    assert late_on(services.settings, span, SATURDAY - dt.timedelta(days=1), came, clock()) == set(), "not begun"

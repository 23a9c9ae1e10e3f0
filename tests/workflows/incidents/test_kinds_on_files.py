"""From files to incidents of every kind: a distributor's DC and the stores it feeds, and shelves that fall silent."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.workflows.backtest import backtest
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.feeds import master_files
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests.fakes import OAT, Clock, days, dc, northfield, row, westway

FIRST = dt.date(2026, 10, 1)
DATES = days(FIRST, 36)
STORES = ("0001", "0002", "0003", "0004")


def links(config: Path) -> None:
    """Northfield's stores are served by Westway's warehouse L07, as a list says."""
    text = (
        "table: supply_links\npartner: northfield\ndc_id: {column: dc}\nlocation_id: {column: store, width: 4}\n"
        "landing: {pattern: '*.csv'}\n"
    )
    (config / "master" / "links.yaml").write_text(text, "utf-8")


def stores(services: Services, path: Path, dates: list[dt.date], out: set[str], sold: set[str] | None = None) -> None:
    """Take in dates of Northfield: some stores are out, and of the others some sell nothing."""
    rows = []
    for date in dates:
        for store in STORES:
            is_out = store in out
            sells = not is_out and (sold is None or store in sold)
            rows.append(row(date, store, on_hand=0 if is_out else 20, sold=5 if sells else 0, on_order=10))
    ingest_file(services, "northfield_stores", northfield(path, rows))


def warehouse(services: Services, path: Path, dates: list[dt.date], stock: int) -> None:
    """Take in dates of Westway's warehouses; another one always has stock."""
    rows = [
        dc(place, date=f"{date:%d.%m.%Y}", item=OAT, on_hand=units)
        for date in dates
        for place, units in (("L07", stock), ("L09", 500))
    ]
    ingest_file(services, "westway_dcs", westway(path, rows))


def open_now(services: Services) -> dict[str, Incident]:
    """Open incidents by their kind."""
    with services.state.begin() as tx:
        return {one.kind.value: one for one in incidents.open_incidents(tx, STOCK_KINDS).values()}


def four_weeks(made: Services, folder: Path, *served: str) -> None:
    """Four weeks with stock everywhere, and what each DC serves: `dc,store`."""
    path = folder / "links.csv"
    path.write_text("\n".join(["dc,store", *served, ""]), "utf-8")
    master_files.ingest_file(made, "links", path)
    stores(made, folder / "n1.csv", DATES[:28], set())
    warehouse(made, folder / "bestand_1.csv", DATES[:28], 300)


def test_a_dc_takes_its_stores_with_it_and_gives_them_free(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    links(config)
    made = Services(services.home, config, clock, pause=clock.wait)
    four_weeks(made, tmp_path, *(f"L07,{int(store)}" for store in STORES))
    told: list[dict[str, Any]] = []
    story = [(0, set()), (0, {"0001", "0002"}), (300, {"0001", "0002"}), (300, set())]
    for offset, (stock, out) in enumerate(story):
        date = DATES[28 + offset]
        warehouse(made, tmp_path / f"bestand_d{offset}.csv", [date], stock)
        stores(made, tmp_path / f"d{offset}.csv", [date], out)
        told.append(check(made, date)["incidents"])
        if offset == 1:
            incident = open_now(made)["dc_out"]
            assert (incident.source() or incident.members[-1]).location_id == "L07"
            assert [one.place for one in incident.empty()] == ["northfield:0001", "northfield:0002"]
            assert (incident.ranged, [one.locations for one in incident.fed]) == (4, [4])
            assert incident.copies == ("C0NORTHFIELD",)
    assert [one["by_kind"].get("dc_out", 0) for one in told] == [1, 0, 0, 0]
    assert [one["by_kind"].get("out_of_stock", 0) for one in told] == [0, 0, 0, 0]
    assert not open_now(made).keys() & {"dc_out", "out_of_stock"}
    with made.state.begin() as tx:
        sent = {(one["channel"], one["operation"]) for one in outbox.messages(tx)}
    assert ("C0WESTWAY", "post") in sent
    assert ("C0NORTHFIELD", "post") in sent, "the account gets a line of it"
    replayed = backtest(made, DATES[28])
    assert replayed["by_kind"]["dc_out"]["opened"] == 1
    made.state.engine.dispose()


def test_stores_behind_a_dc_of_which_a_date_says_nothing_are_fed_all_the_same(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    """A-13: a retailer's DC in between is no store of the distributor's, also while its own feed is missing."""
    links(config)
    definition = (config / "feeds" / "westway_dcs.yaml").read_text("utf-8")
    own = definition.replace("partner: westway", "partner: northfield").replace("Westway Distribution", "Northfield")
    (config / "feeds" / "northfield_dcs.yaml").write_text(own, "utf-8")
    made = Services(services.home, config, clock, pause=clock.wait)
    four_weeks(made, tmp_path, "L07,N1", *(f"N1,{int(store)}" for store in STORES))
    lines = [dc("N1", date=f"{date:%d.%m.%Y}", item=OAT, on_hand=300) for date in DATES[:28]]
    ingest_file(made, "northfield_dcs", westway(tmp_path / "bestand_n.csv", lines))
    warehouse(made, tmp_path / "bestand_2.csv", [DATES[28]], 0)
    stores(made, tmp_path / "n2.csv", [DATES[28]], {"0001"})
    check(made, DATES[28])
    incident = open_now(made)["dc_out"]
    assert (incident.ranged, [(one.partner, one.locations) for one in incident.fed]) == (4, [("northfield", 4)])
    made.state.engine.dispose()


def test_a_shelf_that_falls_silent_is_told_on_the_second_date_and_in_a_replay_too(
    services: Services, tmp_path: Path
) -> None:
    stores(services, tmp_path / "n1.csv", DATES[:28], set())
    seen = []
    for offset in range(3):
        date = DATES[28 + offset]
        stores(services, tmp_path / f"d{offset}.csv", [date], set(), sold={"0002", "0003", "0004"})
        summary = check(services, date)
        opened = summary["incidents"]["by_kind"].get("phantom_stock", 0)
        seen.append((summary["series"]["by_status"]["phantom_suspected"], opened))
    assert seen == [(1, 0), (1, 1), (1, 0)]
    assert all(member.customers_at_risk for member in open_now(services)["phantom_stock"].members)
    found = backtest(services, DATES[28])
    assert found["by_kind"]["phantom_stock"]["opened"] == 1

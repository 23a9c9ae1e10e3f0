"""The weekly scorecard on files: what it counts, and that each channel gets it once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.stockwatch.adapters.state import outbox
from include.stockwatch.domain.columns import KPIS
from include.stockwatch.workflows.promises import scorecard
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, days, row
from tests.workflows.feeds.test_master import item, items_in, stock_in
from tests.workflows.incidents.test_follow_up import owner_list
from tests.workflows.test_signals import complaints_in, said

MONDAY = dt.date(2026, 10, 19)


def sent(services: Services) -> list[dict[str, Any]]:
    """The outbox."""
    with services.state.begin() as tx:
        return [one for one in outbox.messages(tx) if one["incident_id"].startswith("CARD")]


def kpis_in(
    services: Services,
    out_on: Iterable[dt.date],
    dates: Sequence[dt.date],
    partner: str = "northfield",
    kinds: Sequence[str] = ("store",),
    known: int = 2,
) -> None:
    """KPI rows of a partner with two series in its stores or DCs each, of which one is out on some dates."""
    rows = [
        dict.fromkeys(KPIS.names)
        | {"business_date": date, "partner": partner, "category": "", "ranged": 2, "known": known}
        | {"out_of_stock": int(date in set(out_on)), "location_type": kind}
        for date in dates
        for kind in kinds
    ]
    services.lake.replace_dates("kpis", pa.Table.from_pylist(rows, schema=KPIS.to_pyarrow()), dates)


def two_weeks(services: Services, folder: Path) -> None:
    """Two stores for two weeks: in the second one of them is out on three days and asks too much on two."""
    items_in(services, folder, [item(retail="6.49")])
    dates = days(MONDAY, 14)
    rows = []
    for number, date in enumerate(dates):
        out, dear = number in (8, 9, 10), number in (11, 12)
        rows += [
            row(date, "118", on_hand=0 if out else 10, sold=0 if out else 25, price="9.99" if dear else "6.49"),
            row(date, "204", sold=25),
        ]
    stock_in(services, folder, rows)
    kpis_in(services, dates[8:11], dates)
    complaints_in(services, folder, [said("2026-10-27", contacts="2"), said("2026-10-20"), said("2026-10-10")])


def test_a_week_is_held_against_its_promises_and_the_weeks_before(services: Services, tmp_path: Path) -> None:
    two_weeks(services, tmp_path)
    (northfield,) = scorecard.scorecard(services, dt.date(2026, 10, 30))["partners"]
    assert (northfield["partner"], northfield["days"], northfield["coverage"]) == ("northfield", 7, 1.0)
    assert northfield["availability"] == {
        "verdict": "broken", "value": pytest.approx(11 / 14), "promised": 0.95, "before": 1.0
    }  # fmt: skip
    assert northfield["price"] == {
        "verdict": "broken",
        "value": pytest.approx(12 / 14),
        "promised": 0.95,
        "before": 1.0,
    }
    assert northfield["service"]["value"] == pytest.approx(1000 * 2 / (11 * 25))
    assert northfield["service"]["before"] == pytest.approx(1000 * 2 / (14 * 25))


def test_a_feed_of_complaints_that_fell_silent_is_no_promise_kept(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    two_weeks(services, tmp_path)
    clock.move(days=7)
    dates = days(MONDAY + dt.timedelta(days=14), 7)
    stock_in(services, tmp_path, [row(date, store, sold=25) for date in dates for store in ("118", "204")])
    kpis_in(services, [], dates)
    (silent,) = scorecard.scores(services, dates[0])
    assert silent.week.complaints is None
    clock.move(days=1)
    complaints_in(services, tmp_path, [said("2026-10-20", contacts="3")], "complaints_2.csv")
    (corrected,) = scorecard.scores(services, dates[0])
    assert corrected.week.complaints is None, "a correction of October says nothing of November"
    complaints_in(services, tmp_path, [], "complaints_3.csv")
    (heard,) = scorecard.scores(services, dates[0])
    assert (heard.week.complaints, heard.before.complaints) == (0, 2 + 3 + 1)


def test_days_whose_sales_are_missing_have_no_complaints_either(services: Services, tmp_path: Path) -> None:
    """4 complaints and 50 units a day: the rate is 80 whether three days are missing or none."""
    dates = days(MONDAY + dt.timedelta(days=7), 7)
    came = [date for number, date in enumerate(dates) if number not in (2, 3, 4)]
    stock_in(services, tmp_path, [row(date, store, sold=25) for date in came for store in ("118", "204")])
    kpis_in(services, [], dates)
    complaints_in(services, tmp_path, [said(date.isoformat(), contacts="4") for date in dates])
    (northfield,) = scorecard.scores(services, dates[0])
    assert northfield.week.complaint_rate == pytest.approx(80)
    assert (northfield.week.complaints, northfield.week.units_sold) == (16, 200)


def test_a_week_before_the_first_complaint_was_told_is_no_week_without_complaints(
    services: Services, tmp_path: Path
) -> None:
    dates = days(MONDAY, 14)
    stock_in(services, tmp_path, [row(date, "118", sold=25) for date in dates])
    kpis_in(services, [], dates)
    complaints_in(services, tmp_path, [said("2026-10-27", contacts="2")])
    before, told = (scorecard.scorecard(services, monday)["partners"][0]["service"] for monday in (MONDAY, dates[7]))
    assert (before["verdict"], told["before"]) == ("not measured", None)
    assert told["value"] == pytest.approx(1000 * 2 / (7 * 25))


def test_a_partner_that_sent_nothing_is_told_as_not_measured(services: Services) -> None:
    kpis_in(services, [], [MONDAY])
    kpis_in(services, [], [MONDAY + dt.timedelta(days=1)], "westway", known=0)
    found = scorecard.scorecard(services, MONDAY)
    assert [one["availability"]["verdict"] for one in found["partners"]] == ["kept", "not measured"]
    assert [one["coverage"] for one in found["partners"]] == [1.0, 0.0]


def test_a_channel_gets_the_scorecard_of_a_week_once(services: Services, tmp_path: Path, clock: Clock) -> None:
    two_weeks(services, tmp_path)
    assert scorecard.post(services)["posted"] == ["C0NORTHFIELD"]
    kpis_in(services, [], [dt.date(2026, 10, 28)])
    clock.move(days=1)
    assert scorecard.post(services)["posted"] == []
    (message,) = sent(services)
    assert (message["incident_id"], message["operation"]) == ("CARD-2026-W44", "post")
    clock.move(days=7)
    assert scorecard.post(services) == {"week": "2026-W45", "posted": [], "channels": [], "audited": []}


def test_each_channel_hears_of_its_own_partners(services: Services, tmp_path: Path) -> None:
    kpis_in(services, [], [dt.date(2026, 10, 31)])
    kpis_in(services, [], [dt.date(2026, 11, 1)], "westway", ["dc"])
    scorecard.post(services)
    northfield, westways = sent(services)
    assert ("Northfield" in northfield["text"], "Northfield" in westways["text"]) == (True, False)
    assert "Data: 1 of 7 days" in westways["plain"]
    assert "Availability: KEPT" in northfield["plain"]
    assert "Availability in DCs: KEPT" in westways["plain"], "it has no stores"


def test_a_partner_that_reports_on_sundays_alone_has_a_whole_week_with_one_report(
    services: Services, config: Path, clock: Clock
) -> None:
    path = config / "feeds" / "westway_dcs.yaml"
    path.write_text(path.read_text("utf-8").replace("expected: {", "expected: {weekdays: [sun], "), "utf-8")
    made = Services(services.home, config, clock)
    kpis_in(made, [], [dt.date(2026, 11, 1)], "westway", ["dc"])
    scorecard.post(made)
    (westways,) = sent(made)
    assert "Data: every day that was due, 100% of series fresh" in westways["plain"]
    made.state.engine.dispose()


def test_availability_of_a_partner_is_that_of_its_stores(services: Services) -> None:
    kpis_in(services, [MONDAY], [MONDAY], kinds=("store", "dc"))
    (northfield,) = scorecard.scores(services, MONDAY)
    assert (northfield.week.known, northfield.week.in_stock_rate, northfield.location_type) == (2, 0.5, "store")


def test_a_week_without_data_posts_nothing(services: Services) -> None:
    assert scorecard.post(services)["posted"] == []
    assert scorecard.scorecard(services)["text"] == "no partner has delivered in this week"


@pytest.mark.parametrize("text", ["2026-W44", "2026w44", "2026-10-26", "2026-11-01"])
def test_a_week_is_named_by_its_number_or_by_a_date_in_it(text: str) -> None:
    assert scorecard.week_of(text) == dt.date(2026, 10, 26)


@pytest.mark.parametrize("text", ["2026-W54", "44", "soon", "2026-13-01"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"[Ii]nvalid|isoformat|month"):
        scorecard.week_of(text)


def test_a_card_names_who_has_the_account_as_its_incidents_do(services: Services, tmp_path: Path) -> None:
    """It named the owner of the route, whatever the owner list said."""
    two_weeks(services, tmp_path)
    definition = "table: owners\npartner_column: partner\ncolumns: {owner: owner}\n"
    (services.config / "master" / "our_owners.yaml").write_text(definition, "utf-8")
    services = services.with_settings_anew()
    owner_list(services, [{"owner": "Jo King"}])
    assert "Owner: Jo King" in scorecard.scorecard(services, MONDAY)["text"]
    owner_list(services, [{"owner": "Jo King", "valid_to": MONDAY}])
    assert "Owner: nobody on record, shown to Sam Lee" in scorecard.scorecard(services, MONDAY)["text"]

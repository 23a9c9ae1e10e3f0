"""The message that README and docs show first is the one that the demo's files give."""

from __future__ import annotations

import datetime as dt

import pytest

from include.stockwatch.adapters.state import incidents
from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.kinds import render
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests.conftest import PROJECT
from tests.fakes import Clock, days

FEED, LAST = "northfield_stores", dt.date(2026, 10, 30)
FILES = PROJECT / "include" / "samples" / FEED


@pytest.fixture
def shown(services: Services, clock: Clock) -> list[str]:
    """The lines of the message of 30 October, without the last one, which has the date."""
    ingest_file(services, FEED, FILES / "northfield_history.csv")
    for date in days(dt.date(2026, 10, 27), 4):
        clock.at = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(12), dt.UTC)
        ingest_file(services, FEED, FILES / f"northfield_{date}.csv")
        check(services, date)
    with services.state.read() as tx:
        (out,) = incidents.open_incidents(tx, [Kind.OUT_OF_STOCK]).values()
    return render(out).as_text().splitlines()[:-1]


def test_the_pages_show_what_the_demo_says(shown: list[str]) -> None:
    for page in ("README.md", "docs/alerts/out_of_stock.md"):
        assert "\n".join(shown) in (PROJECT / page).read_text("utf-8"), page

"""Feed health: what it says of late, held and corrected files, and that names of files can do nothing."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.board import feeds
from include.stockwatch.workflows.feeds.feed_status import Day, DayState, FeedStatus, Status
from tests.alerting.data_examples import data_incident
from tests.board.conftest import NOW, Board
from tests.board.test_access import HARM, Reader
from tests.board.test_pages import text_of
from tests.strategies import NAMES


def delivery(name: str = "n.csv", run_id: str | None = "file__northfield_stores__1") -> Delivery:
    """A delivery with all kinds of rows."""
    counts = {"rows_in": 1234, "rows_published": 1200, "rows_rejected": 20, "rows_parked": 10, "rows_dropped": 4}
    return Delivery("northfield_stores", "d", name, NOW, "published", **counts, run_id=run_id)


def late(**told: Any) -> FeedStatus:
    """A late feed."""
    known = {
        "feed_id": "northfield_stores",
        "partner_name": "Northfield Grocers",
        "status": Status.LATE,
        "zone": ZoneInfo("America/Los_Angeles"),
        "newest": dt.date(2026, 10, 31),
        "since": NOW,
        "expected_by": NOW,
        "last": delivery(),
        "incident": data_incident(),
        "days": (Day(dt.date(2026, 11, 1), DayState.MISSING),),
    }
    return FeedStatus(**(known | told))


@pytest.fixture
def shown(board: Board, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page of one feed that stands as a test says."""

    def of(status: FeedStatus) -> str:
        monkeypatch.setattr(feeds, "feed_statuses", lambda *_, **__: [status])
        return board.get("/feeds").text

    return of


def test_a_late_feed_says_since_when_and_whom_to_call(shown: Any) -> None:
    words = text_of(shown(late()))
    assert "Late since Mon 2 Nov 18:00 UTC" in words
    assert "DATA-2026-00007 , late" in words
    assert "1,234 in, 1,200 published, 20 rejected, 10 parked" in words
    assert "Who to call Dana Ruiz" in words
    assert "0 of 1 are on time and whole" in words


def test_a_held_file_leads_to_the_run_that_asks_and_a_date_to_its_data_quality(shown: Any) -> None:
    days = (Day(dt.date(2026, 11, 1), DayState.RESTATED, "b.csv", "file__f__2", ("a.csv",)),)
    page = shown(late(status=Status.HELD, release_run="release__f__1", days=days))
    links = Reader(page).links
    assert "Decide on the held file" in page
    assert "/dags/release_feed/runs/release__f__1" in links
    assert "/dags/ingest_northfield_stores/runs/file__f__2/plugin/data-quality" in links
    assert "before: a.csv" in page


@given(st.one_of(NAMES, HARM), st.one_of(NAMES, HARM), st.one_of(NAMES, HARM))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_of_a_file_makes_an_element_an_attribute_or_a_link(
    shown: Any, partner: str, name: str, run: str
) -> None:
    def page(partner: str, name: str, run: str) -> Reader:
        days = (Day(dt.date(2026, 11, 1), DayState.RESTATED, name, run, (name,)),)
        return Reader(shown(late(partner_name=partner, last=delivery(name, run), days=days)))

    plain, found = page("P", "b", "r"), page(partner, name or "x", run or "r")
    assert (found.elements, found.attributes) == (plain.elements, plain.attributes)
    outside = [link for link in found.links if link.startswith("/dags/")]
    assert len(outside) == 2
    assert all(re.fullmatch(r"/dags/[\w/%.~-]+", link) for link in outside)

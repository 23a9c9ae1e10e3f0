"""The page *Feeds*: what it shows, and that nothing a partner wrote can do anything in it."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.workflows.feed_status import Day, DayState, FeedStatus, Status
from plugins.feeds import CONTENT_POLICY, SCRIPT, page
from tests.alerting.data_examples import data_incident
from tests.strategies import NAMES

NOW = dt.datetime(2026, 11, 2, 18, tzinfo=dt.UTC)


def delivery(name: str = "n.csv", run_id: str | None = "file__northfield_stores__1") -> Delivery:
    """A delivery with all kinds of rows."""
    counts = {"rows_in": 1234, "rows_published": 1200, "rows_rejected": 20, "rows_parked": 10, "rows_dropped": 4}
    return Delivery("northfield_stores", "d", name, NOW, "published", **counts, run_id=run_id)


def feed(**told: Any) -> FeedStatus:
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


class Reader(HTMLParser):
    """Elements and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_a_late_feed_says_since_when_by_the_partners_clock() -> None:
    text = page([feed()], NOW)
    assert "late since Mon 02 Nov 10:00 America/Los_Angeles" in text
    assert "DATA-2026-00007, late" in text
    assert "1,234 in, 1,200 published, 20 rejected, 10 parked, 4 dropped" in text
    assert "0 of 1 are on time and whole" in text


def test_a_held_feed_leads_to_the_run_that_asks_and_a_date_to_its_data_quality() -> None:
    days = (Day(dt.date(2026, 11, 1), DayState.RESTATED, "b.csv", "file__f__2", ("a.csv",)),)
    text = page([feed(status=Status.HELD, release_run="release__f__1", days=days)], NOW)
    assert "held: waiting for a decision" in text
    assert "before: a.csv" in text
    links = Reader(text).links
    assert "../../dags/release_feed/runs/release__f__1" in links
    assert "../../dags/ingest_northfield_stores/runs/file__f__2/plugin/data-quality" in links


def test_a_page_without_feeds_says_so() -> None:
    assert "No feed that you may see" in page([], NOW)
    assert "nothing yet" in page([FeedStatus("f", "F", Status.NEW, ZoneInfo("UTC"))], NOW)


def test_lists_of_master_data_stand_below_the_feeds() -> None:
    items = FeedStatus("items", "Northfield Grocers", Status.IN_PLACE, ZoneInfo("UTC"), last=delivery("items.csv"))
    held = FeedStatus("stores", "Northfield Grocers", Status.HELD, ZoneInfo("UTC"), release_run="release__stores__1")
    text = page([feed()], NOW, [items, held])
    below = text[text.index("Master data") :]
    assert 'id="items"' in below
    assert "in place" in below
    assert "items.csv" in below
    assert "../../dags/release_feed/runs/release__stores__1" in Reader(below).links
    assert "0 of 1 are on time" in text, "lists are due at no time"


PLAIN = Reader(page([feed(days=(Day(dt.date(2026, 11, 1), DayState.RESTATED, "b", "r", ("a",)),))], NOW))
HARM = st.one_of(NAMES, st.sampled_from(["</script><script>alert(1)</script>", '" onclick="x', "javascript:x", "'><a href=x>"]))  # fmt: skip


@given(HARM, HARM, HARM)
def test_no_name_makes_an_element_an_attribute_or_a_link(partner: str, file_name: str, run_id: str) -> None:
    days = (Day(dt.date(2026, 11, 1), DayState.RESTATED, file_name or "x", run_id or "r", (file_name,)),)
    shown = page([feed(partner_name=partner, last=delivery(file_name or "x", run_id or "r"), days=days)], NOW)
    found = Reader(shown)
    assert (found.elements, found.attributes) == (PLAIN.elements, PLAIN.attributes)
    assert all(re.fullmatch(r"\.\./\.\./dags/[\w/%.~-]+", link) for link in found.links)


def test_the_page_runs_its_own_script_and_no_other() -> None:
    assert page([feed()], NOW).count("<script>") == 1
    assert f"<script>{SCRIPT}</script>" in page([feed()], NOW)
    assert "'unsafe-inline'" not in CONTENT_POLICY.split("script-src")[1].split(";")[0]

"""A data incident is one message in a real Slack server, whatever becomes of the calls."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from slack_sdk import WebClient

from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.workflows.feeds.feed_watch import watch
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, FaultProxy, lose_answer
from tests.integration.sending import deliver_all
from tests.slack_server.server import GENERAL, TOKEN, SlackServer

FEED = "northfield_stores"
SATURDAY = dt.date(2026, 10, 31)


@pytest.fixture
def sending(services: Services, config: Path, proxy: FaultProxy) -> Services:
    """Services whose messages about Northfield go to the Slack server through the proxy; Saturday is delivered."""
    routes = config / "routes.yaml"
    routes.write_text(routes.read_text("utf-8").replace("C0NORTHFIELD", GENERAL), "utf-8")
    client = WebClient(token=TOKEN, base_url=f"{proxy.url}/api/", retry_handlers=[], timeout=2)
    services.__dict__["messenger"] = SlackMessenger(client)
    delivers(services, SATURDAY)
    return services


def delivers(services: Services, date: dt.date) -> None:
    """Northfield delivers a date."""
    found = Delivery(FEED, f"sha-{date}", f"{date}.csv", services.now(), "published", 10, 10, 0, (date.isoformat(),))
    with services.state.begin() as tx:
        ledger.record(tx, found)
        ledger.deliver_dates(tx, FEED, found.delivery_id, {date: 10}, services.now())


def test_a_feed_that_is_late_then_silent_then_back_is_one_message_and_one_reply(
    sending: Services, slack: SlackServer, proxy: FaultProxy, clock: Clock
) -> None:
    proxy.script("chat.postMessage", lose_answer)
    clock.move(hours=11)
    watch(sending)
    deliver_all(sending, clock)
    (root,) = slack.messages()
    assert root["text"].startswith("DATA: northfield_stores of Northfield Grocers late: Sun 1 Nov has not come")
    clock.move(days=1)
    watch(sending)
    deliver_all(sending, clock)
    (silent,) = slack.messages()
    assert (silent["ts"], "2 dates have not come" in silent["text"]) == (root["ts"], True)
    for date in (SATURDAY + dt.timedelta(days=n) for n in (1, 2)):
        delivers(sending, date)
    watch(sending)
    deliver_all(sending, clock)
    (ended,) = slack.messages()
    assert ended["ts"] == root["ts"]
    assert ended["text"].startswith("RESOLVED: feed northfield_stores of Northfield Grocers delivers again")
    assert [reply["text"] for reply in slack.replies(root["ts"])] == [ended["text"]]

"""Every kind of message, as the Slack server shows it.

The picture in docs/screenshots is made here when STOCKWATCH_SCREENSHOTS=1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from slack_sdk import WebClient

from include.stockwatch.adapters.slack import SlackMessenger
from tests.browser.browser import chromium
from tests.conftest import PROJECT
from tests.slack_server.server import GENERAL, TOKEN, SlackServer

GOLDEN = PROJECT / "tests" / "golden" / "messages"
KINDS = (
    *("opened_in_some_stores", "run_out_in_some_stores", "phantom_in_some_stores"),
    *("dc_out_and_stores_of_three_partners", "resolved", "feed_late", "mass_change", "no_owner", "digest_of_a_run"),
    *("handed_over", "daily_digest", "scorecard", "promise_price", "promise_pack", "promise_vanished"),
    *("promise_quality", "relay", "weekly_audit"),
)
"""One message of each kind."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with chromium() as running:
        yield running


@pytest.mark.parametrize("state_url", [None], ids=["no store"])
def test_each_kind_of_message_is_taken_as_it_is_and_stands_alone_in_a_line(
    state_url: str | None, slack: SlackServer, browser: Browser
) -> None:
    messenger = SlackMessenger(WebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[]))
    said: list[dict[str, Any]] = [json.loads((GOLDEN / f"{name}.json").read_text("utf-8")) for name in KINDS]
    for name, message in zip(KINDS, said, strict=True):
        messenger.post(GENERAL, message["fallback"], message["blocks"], name, None)
    shown = slack.messages()
    assert [(one["text"], one["blocks"]) for one in shown] == [(one["fallback"], one["blocks"]) for one in said]
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(f"{slack.url}/?tab=messages&channel={GENERAL}")
    for message in said:
        expect(page.get_by_text(message["fallback"])).to_be_visible()
    if os.environ.get("STOCKWATCH_SCREENSHOTS") == "1":
        page.locator("table").nth(1).screenshot(path=PROJECT / "docs" / "screenshots" / "slack-messages.png")
    page.close()

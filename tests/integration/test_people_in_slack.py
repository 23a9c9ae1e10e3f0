"""Whom Slack knows, asked of a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.stockwatch.adapters.state import slack_people
from include.stockwatch.errors import DeliveryFailed, Refusal
from include.stockwatch.workflows.incidents import owners
from include.stockwatch.workflows.services import Services
from tests.fakes import FaultProxy, rate_limit
from tests.slack_server.server import SlackServer


def known(slack: SlackServer) -> tuple[str, str]:
    """Address and id of somebody who is in the workspace."""
    return next(
        (user["profile"]["email"], user["id"])
        for user in slack.call("users.list")["members"]
        if user["profile"].get("email") and not user.get("is_bot")
    )


def test_a_person_is_found_by_their_address_and_nobody_by_another(sending: Services, slack: SlackServer) -> None:
    """A-32"""
    email, slack_id = known(slack)
    assert sending.messenger.user_id(email) == slack_id
    assert sending.messenger.user_id("nobody@example.com") is None


def test_a_look_up_that_slack_refuses_is_no_absence(
    sending: Services, slack: SlackServer, proxy: FaultProxy, config: Path
) -> None:
    email, slack_id = known(slack)
    routes = config / "routes.yaml"
    routes.write_text(routes.read_text("utf-8").replace("dana.ruiz@example.com", email), "utf-8")
    proxy.script("users.lookupByEmail", rate_limit(30))
    with pytest.raises(DeliveryFailed) as refused:
        sending.messenger.user_id(email)
    assert refused.value.refusal is Refusal.WAIT
    proxy.script("users.lookupByEmail", rate_limit(30))
    assert owners.look_up(sending) == {}
    assert owners.look_up(sending) == {"found": 1, "not found": 2}
    with sending.state.read() as tx:
        found = slack_people.known(tx, sending.now())
    assert found == {email: slack_id, "priya.nair@example.com": None, "sam.lee@example.com": None}

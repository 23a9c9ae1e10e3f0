"""The connection test against the Slack server: what it finds, and that it posts nothing (A-78)."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.stockwatch.adapters.state import incidents
from include.stockwatch.alerting.case import Standing
from include.stockwatch.errors import SlackNotReady
from include.stockwatch.workflows.messages.slack_check import PRIVATE_SCOPES, SCOPES, channels, check_slack
from include.stockwatch.workflows.services import Services
from tests.fakes import Fault, FaultProxy, answer, rate_limit, refuse, unavailable
from tests.integration.sending import incident
from tests.slack_server.server import GENERAL, RANDOM, SlackServer

pytestmark = pytest.mark.parametrize("state_url", [None], ids=["no store"])
EVERY_SCOPE = ",".join((*SCOPES, *PRIVATE_SCOPES, "channels:join"))


def scoped(scopes: str) -> Fault:
    """`auth.test` as Slack answers it, with what the token may do."""
    return answer({"ok": True, "user": "stockwatch"}, **{"X-OAuth-Scopes": scopes})


def channel(**told: bool) -> Fault:
    """`conversations.info` of a channel."""
    return answer({"ok": True, "channel": {"is_member": True, "is_private": False, "is_archived": False, **told}})


@pytest.fixture
def connected(sending: Services, config: Path, slack: SlackServer) -> Services:
    """Services whose every channel is one of the Slack server's."""
    for file in ("routes.yaml", "signals.yaml"):
        text = (config / file).read_text("utf-8")
        for name in ("C0NORTHFIELD", "C0WESTWAY", "C0QUALITY", "C0MARKETING"):
            text = text.replace(name, GENERAL)
        (config / file).write_text(text, "utf-8")
    return sending


def found(services: Services) -> tuple[str, ...]:
    with pytest.raises(SlackNotReady) as refused:
        check_slack(services)
    return refused.value.findings


def test_an_app_that_may_do_all_and_is_everywhere_is_ready_and_posts_nothing(
    connected: Services, proxy: FaultProxy, slack: SlackServer
) -> None:
    proxy.script("auth.test", scoped(EVERY_SCOPE))
    told = check_slack(connected)
    assert (told["connected"], told["channels"], told["scopes"]) == (True, 2, sorted(EVERY_SCOPE.split(",")))
    assert set(channels(connected.settings)) == {GENERAL, RANDOM}
    assert set(proxy.calls) == {"auth.test", "conversations.info"}
    assert slack.messages(GENERAL) == slack.messages(RANDOM) == []


def test_a_server_that_does_not_say_scopes_is_asked_for_channels_all_the_same(connected: Services) -> None:
    assert check_slack(connected)["scopes"] == "not told by Slack"


def test_each_missing_scope_is_named_with_what_it_is_for(connected: Services, proxy: FaultProxy) -> None:
    proxy.script("auth.test", scoped("chat:write, channels:read,channels:history,users:read,channels:join"))
    lines = found(connected)
    assert [line.split("`")[1] for line in lines] == ["users:read.email", "files:write"]
    assert all("install the app again" in line for line in lines)


@pytest.mark.parametrize(
    ("answered", "scopes", "says"),
    [
        (refuse("channel_not_found"), EVERY_SCOPE, "knows no such channel"),
        (channel(is_archived=True), EVERY_SCOPE, "archived"),
        (channel(is_member=False, is_private=True), EVERY_SCOPE, "invite it there"),
        (channel(is_member=False), ",".join(SCOPES), "invite it there"),
        (refuse("missing_scope"), EVERY_SCOPE, "`groups:read`"),
    ],
    ids=["unknown", "archived", "private", "public, cannot join", "may not look"],
)
def test_a_channel_that_takes_no_message_is_named_with_what_sends_to_it(
    answered: Fault, scopes: str, says: str, connected: Services, proxy: FaultProxy
) -> None:
    proxy.script("auth.test", scoped(scopes))
    proxy.script("conversations.info", answered)
    (line,) = found(connected)
    assert line.startswith(f"{GENERAL} (route `")
    assert "relay of" in line
    assert says in line


def test_a_channel_that_only_an_open_incident_still_uses_is_looked_at(connected: Services) -> None:
    told = {"kind": "opened", "reason": "first", "at": connected.now(), "actor": "check"}
    with connected.state.begin() as tx:
        for number in (1, 2):
            incidents.append(tx, incident(number, channel="C0BEFORE", copies=(GENERAL,)), **told)
        incidents.append(tx, incident(3, channel="C0ENDED", standing=Standing.RESOLVED), **told)
    (line,) = found(connected)
    assert line.startswith("C0BEFORE (2 open incidents, INC-2026-00001 first): Slack knows no such channel")


def test_a_public_channel_that_the_app_can_join_needs_nothing(connected: Services, proxy: FaultProxy) -> None:
    proxy.script("auth.test", scoped(EVERY_SCOPE))
    proxy.script("conversations.info", channel(is_member=False), channel())
    assert check_slack(connected)["connected"]


def test_a_private_channel_asks_for_the_scopes_of_groups(connected: Services, proxy: FaultProxy) -> None:
    proxy.script("auth.test", scoped(",".join(SCOPES)))
    proxy.script("conversations.info", channel(is_private=True))
    assert [line.split("`")[1] for line in found(connected)] == [*PRIVATE_SCOPES]


def test_a_refused_token_is_the_one_finding(connected: Services, proxy: FaultProxy) -> None:
    proxy.script("auth.test", refuse("token_revoked"))
    (line,) = found(connected)
    assert "token_revoked" in line
    assert proxy.calls == ["auth.test"]


@pytest.mark.parametrize("method", ["auth.test", "conversations.info"])
@pytest.mark.parametrize("fault", [unavailable, rate_limit(30)], ids=["503", "429"])
def test_a_slack_that_does_not_answer_says_nothing_of_the_app_and_is_asked_again(
    fault: Fault, method: str, connected: Services, proxy: FaultProxy
) -> None:
    proxy.script(method, fault)
    with pytest.raises(ConnectionError):  # no rule forbids to try that again
        check_slack(connected)


def test_without_a_connection_there_is_nothing_to_look_at(services: Services) -> None:
    assert check_slack(services) == {"connected": False}

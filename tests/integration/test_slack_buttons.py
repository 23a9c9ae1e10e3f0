"""Buttons in Slack: signed requests, forms, the socket, and what a press comes to (A-75 to A-77, A-93)."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
import sqlalchemy as sa
import yaml
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from websockets.sync.server import ServerConnection, serve

from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.adapters.slack_inbound import SlackInbound
from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.adapters.state.tables import presses as presses_table
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import Decision, Kind, Standing
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.alerting.kinds import page
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.incidents.record import record
from include.stockwatch.workflows.messages import presses
from include.stockwatch.workflows.services import Services
from plugins.slack_actions import LARGEST_BODY, SlackActions, build_app
from tests.conftest import PROJECT
from tests.fakes import Clock, FaultProxy, lose_answer, refuse
from tests.integration.sending import deliver_all, incident
from tests.slack_server.server import GENERAL, TOKEN, SlackServer

SECRET, ADMIN, ADMIN_EMAIL = "8f742231b10e8888abcd99yyyzzz85a5", "U000000001", "admin@emulate.dev"
ID = "INC-2026-00001"


@pytest.fixture
def stored(services: Services, config: Path) -> Services:
    """One open incident; the Slack server's only user is one of the people of the routes."""
    routes = config / "routes.yaml"
    text = routes.read_text("utf-8")
    routes.write_text(text.replace("dana.ruiz@example.com", ADMIN_EMAIL.upper()), "utf-8")
    with services.state.begin() as tx:
        record(tx, Decision(Reason.FIRST, "opened", incident()), at=services.now(), actor="check")
    return services


@pytest.fixture
def inbound(slack: SlackServer) -> SlackInbound:
    """What answers people, talking to the Slack server."""
    return SlackInbound(WebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[]), SECRET, "xapp-1-test")


class App:
    """The address that Slack calls."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; what is to be done after the answer is done as well."""

        async def sent() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://test") as client:
                return await client.request(method, path, **request)

        return asyncio.run(sent())


@pytest.fixture
def app(stored: Services, inbound: SlackInbound) -> App:
    """The address that Slack calls."""
    return App(build_app(stored, inbound))


def payload(act: str = "acknowledge", user: str = ADMIN, **told: Any) -> dict[str, Any]:
    """What Slack sends when a button is pressed."""
    return {
        "type": "block_actions",
        "user": {"id": user},
        "container": {"type": "message", "message_ts": "1762445400.000100", "channel_id": GENERAL},
        "actions": [{"action_id": f"stockwatch.{act}", "value": ID, "action_ts": "1762446000.5"}],
    } | told


def press(app: App, clock: Clock, content: dict[str, Any], secret: str = SECRET, age: int = 0) -> Any:
    """Send a payload as Slack does."""
    body = urlencode({"payload": json.dumps(content)}).encode()
    moment = str(int(clock().timestamp()) - age)
    signature = SignatureVerifier(secret).generate_signature(timestamp=moment, body=body)
    headers = {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": signature or ""}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return app.send("POST", "/actions", content=body, headers=headers)


def history(services: Services) -> list[tuple[str, str]]:
    """Events of the incident and who made them."""
    with services.state.begin() as tx:
        return [(event["kind"], event["actor"]) for event in incidents.events(tx, ID)]


def test_a_press_acknowledges_in_the_name_of_the_person(app: App, stored: Services, clock: Clock) -> None:
    assert press(app, clock, payload()).status_code == 200
    assert history(stored) == [("opened", "check"), ("acknowledged", ADMIN_EMAIL)]
    with stored.state.begin() as tx:
        assert [row["operation"] for row in outbox.messages(tx) if row["status"] == "pending"] == ["post", "reply"]


def test_a_double_click_and_a_repeated_request_count_once(app: App, stored: Services, clock: Clock) -> None:
    for action_ts in ("1762446000.5", "1762446000.5", "1762446000.9"):
        action = {"action_id": "stockwatch.acknowledge", "value": ID, "action_ts": action_ts}
        assert press(app, clock, payload(actions=[action])).status_code == 200
    assert [kind for kind, _ in history(stored)] == ["opened", "acknowledged"]


@pytest.mark.parametrize(
    ("secret", "age"), [("another secret", 0), (SECRET, 301), (SECRET, -301)], ids=["forged", "old", "from the future"]
)
def test_what_slack_did_not_sign_just_now_is_refused(
    secret: str, age: int, app: App, stored: Services, clock: Clock
) -> None:
    assert press(app, clock, payload(), secret, age).status_code == 401
    assert history(stored) == [("opened", "check")]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 401), (b"payload=%7B%7D", 401), (b"x" * (LARGEST_BODY + 1), 413)],
    ids=["empty", "unsigned", "too large"],
)
def test_nothing_unsigned_or_huge_gets_in(body: bytes, status: int, app: App) -> None:
    headers = {"X-Slack-Request-Timestamp": "no number", "X-Slack-Signature": "v0=0"}
    assert app.send("POST", "/actions", content=body, headers=headers).status_code == status
    assert app.send("GET", "/actions").status_code == 405
    assert app.send("GET", "/openapi.json").status_code == 404


def test_a_stale_button_says_how_things_stand(app: App, stored: Services, clock: Clock) -> None:
    assert press(app, clock, payload("confirm")).status_code == 200
    with stored.state.begin() as tx:
        case = incidents.find(tx, ID)
        assert case
        ended = case.model_copy(update={"standing": Standing.RESOLVED})
        record(tx, Decision(Reason.RESTOCKED, "resolved", ended), at=clock(), actor="check")
    said = said_of(stored, payload("acknowledge"))
    assert said == f"{ID} is resolved by now: nothing was changed."


def said_of(services: Services, content: dict[str, Any], inbound: Any = None) -> str:
    """What the person is told."""

    class Ears:
        def email_of(self, user: str) -> str | None:
            return {ADMIN: ADMIN_EMAIL, "U0STRANGER": "stranger@example.com"}.get(user)

        def open_form(self, trigger: str, view: dict[str, Any]) -> None:
            raise AssertionError(trigger, view)

        def whisper(self, channel: str, user: str, text: str, thread_ts: str | None) -> None:
            assert (channel, thread_ts) == (GENERAL, "1762445400.000100")
            heard.append(text)

    heard: list[str] = []
    assert presses.receive(services, inbound or Ears(), content) is None
    (said,) = presses.work(services, Ears())
    assert heard == [said]
    assert presses.work(services, Ears()) == []
    return said


@pytest.mark.parametrize("user", ["U0STRANGER", "U0UNKNOWN"])
def test_somebody_without_the_right_is_told_so_and_changes_nothing(user: str, stored: Services) -> None:
    assert said_of(stored, payload(user=user)) == presses.NO_RIGHT
    assert history(stored) == [("opened", "check")]


def test_a_press_that_was_kept_is_done_after_a_crash(stored: Services, inbound: SlackInbound) -> None:
    presses.receive(stored, inbound, payload())
    assert history(stored) == [("opened", "check")]
    assert len(presses.work(stored, inbound)) == 1
    assert history(stored)[-1] == ("acknowledged", ADMIN_EMAIL)


def test_a_press_waits_while_slack_does_not_say_who_it_was(
    stored: Services, inbound: SlackInbound, proxy: FaultProxy
) -> None:
    busy = through(proxy)
    for fault in (refuse("ratelimited"), lose_answer):
        proxy.script("users.info", fault)
        presses.receive(stored, busy, payload())
        assert presses.work(stored, busy) == []
    assert history(stored) == [("opened", "check")]
    assert presses.work(stored, busy) == [f"{ID}: acknowledged, now acknowledged by {ADMIN_EMAIL}."]


def through(proxy: FaultProxy) -> SlackInbound:
    """What answers people, through the proxy."""
    return SlackInbound(WebClient(token=TOKEN, base_url=f"{proxy.url}/api/", retry_handlers=[]), SECRET)


def test_a_press_that_waits_keeps_no_other_back(stored: Services, inbound: SlackInbound, proxy: FaultProxy) -> None:
    for user, pressed in (("U0FIRST", "acknowledge"), (ADMIN, "confirm")):
        presses.receive(stored, inbound, payload(pressed, user))
    proxy.script("users.info", refuse("ratelimited"))
    assert len(presses.work(stored, through(proxy))) == 1
    assert [kind for kind, _ in history(stored)] == ["opened", "confirmed"]


def test_who_may_act_is_read_again_without_a_restart(stored: Services, inbound: SlackInbound, config: Path) -> None:
    presses.receive(stored, inbound, payload())
    assert ADMIN_EMAIL.upper() in {person.email for person in stored.settings.routes.people.values()}
    routes = config / "routes.yaml"
    routes.write_text(routes.read_text("utf-8").replace(ADMIN_EMAIL.upper(), "nobody@example.com"), "utf-8")
    assert presses.work(stored, inbound) == [presses.NO_RIGHT]


def test_a_form_that_slack_does_not_show_is_asked_for_again(
    stored: Services, proxy: FaultProxy, slack: SlackServer
) -> None:
    proxy.script("views.open", refuse("expired_trigger_id"))
    assert presses.receive(stored, through(proxy), payload("snooze", trigger_id="T1")) is None
    assert proxy.calls == ["views.open", "chat.postEphemeral"]
    assert "once" in proxy.bodies[1]


def test_a_form_opens_while_somebody_writes(stored: Services, slack: SlackServer, proxy: FaultProxy) -> None:
    # a check may write for longer than the three seconds that a trigger is good for
    trigger = slack.call("views.generateTriggerId", user=ADMIN)["trigger_id"]
    with stored.state.begin():
        asked = threading.Thread(
            target=presses.receive, args=(stored, through(proxy), payload("snooze", trigger_id=trigger)), daemon=True
        )
        asked.start()
        until(lambda: proxy.calls == ["views.open"])


def test_a_plain_button_that_does_not_fit_is_answered_to_the_person(stored: Services) -> None:
    assert said_of(stored, payload("claim")) == (
        "this account has an owner: acknowledge the incident instead; nothing was changed."
    )


def test_a_snooze_opens_a_form_and_its_answer_is_checked_while_it_is_open(
    app: App, stored: Services, clock: Clock, slack: SlackServer
) -> None:
    trigger = slack.call("views.generateTriggerId", user=ADMIN)["trigger_id"]
    assert press(app, clock, payload("snooze", trigger_id=trigger)).status_code == 200
    assert [kind for kind, _ in history(stored)] == ["opened"]
    answer = press(app, clock, submitted(clock() + dt.timedelta(days=15)))
    assert answer.json()["response_action"] == "errors"
    assert "within 14 days" in answer.json()["errors"]["until"]
    assert press(app, clock, submitted(clock() + dt.timedelta(hours=4))).content == b""
    assert history(stored)[-1] == ("snoozed", ADMIN_EMAIL)


def submitted(until: dt.datetime) -> dict[str, Any]:
    """A saved form for a snooze."""
    about = {"incident": ID, "act": "snooze", "channel": GENERAL, "ts": "1762445400.000100"}
    values = {"until": {"until": {"selected_date_time": int(until.timestamp())}}, "reason": {"reason": {"value": "x"}}}
    view = {"id": "V1", "hash": str(until), "callback_id": "stockwatch.snooze", "private_metadata": json.dumps(about)}
    return {"type": "view_submission", "user": {"id": ADMIN}, "view": {**view, "state": {"values": values}}}


def test_the_person_is_answered_by_the_server(app: App, clock: Clock, slack: SlackServer) -> None:
    # A person's answer is for their eyes alone; the server keeps it out of the channel's history.
    before = len(slack.messages())
    assert press(app, clock, payload()).status_code == 200
    assert len(slack.messages()) == before


# --- the socket, for networks that nothing reaches from outside ------------------------------------------------------


@contextmanager
def socket_server(envelopes: list[dict[str, Any]], answers: list[dict[str, Any]]) -> Iterator[str]:
    """A server that hands out a socket as Slack does, sends envelopes and keeps what is answered; gives its URL."""

    def talk(connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1, "debug_info": {}, "connection_info": {}}))
        for envelope in envelopes:
            connection.send(json.dumps(envelope))
            answers.append(json.loads(connection.recv(timeout=10)))

    class Opened(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps({"ok": True, "url": f"ws://127.0.0.1:{socket.socket.getsockname()[1]}"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serve(talk, "127.0.0.1", 0) as socket, ThreadingHTTPServer(("127.0.0.1", 0), Opened) as web:
        threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in (socket, web)]
        for thread in threads:
            thread.start()
        yield f"http://127.0.0.1:{web.server_address[1]}/"
        web.shutdown()


def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_presses_arrive_over_the_socket_and_each_is_acknowledged(stored: Services, slack: SlackServer) -> None:
    class Ears(SlackInbound):
        def email_of(self, user: str) -> str | None:
            return ADMIN_EMAIL if user == ADMIN else None

        def whisper(self, channel: str, user: str, text: str, thread_ts: str | None) -> None:
            told.append(text)

    told: list[str] = []
    answers: list[dict[str, Any]] = []
    wrong = submitted(stored.now())
    envelopes = [
        {"envelope_id": "1", "type": "interactive", "payload": payload(), "accepts_response_payload": True},
        {"envelope_id": "2", "type": "interactive", "payload": wrong, "accepts_response_payload": True},
        {"envelope_id": "3", "type": "events_api", "payload": {}, "accepts_response_payload": False},
    ]
    stop = threading.Event()
    with socket_server(envelopes, answers) as url:
        ears = Ears(WebClient(token=TOKEN, base_url=url, retry_handlers=[]), None, "xapp-1-test")
        listener = threading.Thread(target=presses.listen, args=(stored, ears, stop))
        listener.start()
        until(lambda: len(answers) == 3 and bool(told))
        stop.set()
        listener.join(timeout=20)
    assert [answer["envelope_id"] for answer in answers] == ["1", "2", "3"]
    assert answers[1]["payload"]["response_action"] == "errors"
    assert told == [f"{ID}: acknowledged, now acknowledged by {ADMIN_EMAIL}."]
    assert history(stored)[-1] == ("acknowledged", ADMIN_EMAIL)


# --- buttons below the messages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_buttons", [True, False], ids=["reachable", "not reachable"])
def test_buttons_stand_below_the_root_where_presses_reach_us(
    has_buttons: bool, stored: Services, slack: SlackServer, clock: Clock
) -> None:
    # no dead buttons
    client = WebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    stored.__dict__["messenger"] = SlackMessenger(client, has_buttons=has_buttons)
    deliver_all(stored, clock)
    assert shown(slack) == (["Acknowledge", "Confirmed", "False alarm …", "Snooze …"] if has_buttons else [])
    act(stored, ID, Action(act=Act.ACKNOWLEDGE, person=ADMIN_EMAIL, at=clock()))
    deliver_all(stored, clock)
    assert shown(slack) == (["Confirmed", "False alarm …", "Snooze …", "Resolve …"] if has_buttons else [])
    (root,) = slack.messages()
    assert [reply["text"][:12] for reply in slack.replies(root["ts"])] == ["Acknowledged"]


@pytest.mark.parametrize("has_buttons", [True, False], ids=["reachable", "not reachable"])
def test_a_root_leads_to_its_page_on_the_board(
    has_buttons: bool, stored: Services, slack: SlackServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    #
    client = WebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    stored.__dict__["messenger"] = SlackMessenger(client, has_buttons=has_buttons)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    deliver_all(stored, clock)
    (root,) = slack.messages()
    address = f"https://airflow.example.com/plugin/stockwatch/stockwatch/board/incidents/{ID}"
    last = root["blocks"][-1]["elements"][-1]
    assert (last["url"] if has_buttons else last["text"]) == (address if has_buttons else f"<{address}|Open {ID}>")


def test_a_root_leads_to_the_page_that_explains_its_kind(
    stored: Services, slack: SlackServer, clock: Clock, config: Path
) -> None:
    (config / "stockwatch.yaml").write_text("docs_url: https://code.example.com/stockwatch/\n", "utf-8")
    stored.__dict__.pop("settings", None)
    client = WebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    stored.__dict__["messenger"] = SlackMessenger(client, has_buttons=True)
    deliver_all(stored, clock)
    (root,) = slack.messages()
    wanted = "<https://code.example.com/stockwatch/docs/alerts/out_of_stock.md|What this means>"
    assert root["blocks"][-1]["elements"][0]["text"] == wanted
    assert (PROJECT / "docs" / "alerts" / "out_of_stock.md").exists()


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_page(kind: Kind) -> None:
    assert (PROJECT / page(kind)).exists()


def shown(slack: SlackServer) -> list[str]:
    """The buttons of the one root message."""
    (root,) = slack.messages()
    return [
        element["text"]["text"]
        for block in root["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def test_the_listener_runs_as_a_process_of_its_own_until_it_is_told_to_stop(
    stored: Services, config: Path, tmp_path: Path
) -> None:
    answers: list[dict[str, Any]] = []
    envelope = {"envelope_id": "1", "type": "interactive", "payload": payload(), "accepts_response_payload": True}
    with socket_server([envelope], answers) as url:
        extra = {"base_url": url, "app_token": "xapp-1-test"}
        connection = json.dumps({"conn_type": "slack", "password": TOKEN, "extra": extra})
        environment = {**os.environ, "AIRFLOW_CONN_SLACK_API_DEFAULT": connection, "STOCKWATCH_CONFIG": str(config)}
        database = stored.state.engine.url.render_as_string(hide_password=False)
        environment |= {"STOCKWATCH_HOME": str(stored.home), "STOCKWATCH_DB": database}
        environment |= {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        process = subprocess.Popen([sys.executable, str(PROJECT / "scripts" / "slack_listen.py")], env=environment)
        try:
            until(lambda: bool(answers), 60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
    assert answers == [{"envelope_id": "1"}]
    with stored.state.begin() as tx:
        (said,) = tx.execute(sa.select(presses_table.c.press["act"].as_string())).scalars()
    assert said == "acknowledge"


def test_the_manifest_points_at_the_address_that_is_there() -> None:
    manifest = yaml.safe_load((PROJECT / "docs" / "slack-manifest.yaml").read_text("utf-8"))
    (registered,) = SlackActions.fastapi_apps
    path = urlsplit(manifest["settings"]["interactivity"]["request_url"]).path
    assert path == f"{registered['url_prefix']}/actions"
    guide = (PROJECT / "docs" / "slack-setup.md").read_text("utf-8")
    assert [scope for scope in manifest["oauth_config"]["scopes"]["bot"] if f"`{scope}`" not in guide] == []

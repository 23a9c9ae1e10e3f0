"""Who may see and do what (A-82, A-83), and that nothing a partner wrote can do anything."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.stockwatch.adapters.state import pending
from include.stockwatch.adapters.state.tables import outbox
from include.stockwatch.alerting.case import Decision, Kind
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.alerting.pending import Pending
from include.stockwatch.board.access import HEADERS
from include.stockwatch.workflows.incidents.record import record
from tests.alerting.examples import incident, member
from tests.board.conftest import LAST, NOW, PREFIX, Board

ACT = {"incidents": ["INC-2026-00001"], "action": "acknowledge"}
SILENCE = {"action": "silence", "partner": "northfield", "reason": "refit"}
BODIES = {"/actions": ACT, "/messages": {"message": 1, "action": "replay"}, "/silences": SILENCE}
Addresses = Callable[[str], list[str]]


def test_nobody_gets_anything_without_a_login(board: Board, addresses: Addresses) -> None:
    assert len(addresses("GET")) > 20
    for path in addresses("GET"):
        assert board.get(path, user=None).status_code == 401, path
    assert set(addresses("POST")) == set(BODIES)
    for path in addresses("POST"):
        assert board.post(path, BODIES[path], user=None).status_code == 401, path
        assert board.send("POST", path, content=b"{").status_code == 401, path


def test_there_is_no_route_but_those_of_the_router(board: Board) -> None:
    assert all(path not in {route.path for route in board.app.routes} for path in ("/docs", "/openapi.json"))


def test_who_may_only_read_reads_everything_and_changes_nothing(board: Board, addresses: Addresses) -> None:
    for path in addresses("GET"):
        asked = f"{path}?run_id=none" if path.startswith("/quality") else path
        assert board.get(asked, user="reader").status_code in (200, 307, 404), path
    for path in addresses("POST"):
        assert board.post(path, BODIES[path], user="reader").status_code == 403, path
    assert "data-act=" not in board.get("/incidents", user="reader").text
    assert 'data-act="acknowledge"' in board.get("/incidents").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"X-Stockwatch": ""},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://airflow.test"},
    ],
)
def test_an_action_that_another_site_could_send_is_refused(board: Board, headers: dict[str, str]) -> None:
    answer = board.post("/actions", ACT, **headers)
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://airflow.test"}, {"Origin": "https://airflow.example", "Sec-Fetch-Site": "same-origin"}],
)
def test_an_action_of_our_own_page_is_taken_also_behind_a_proxy_that_changes_the_host(
    own_board: Board, headers: dict[str, str]
) -> None:
    assert own_board.post("/actions", ACT, **headers).status_code == 200


def test_every_answer_has_the_headers_and_runs_scripts_of_ours_alone(board: Board, addresses: Addresses) -> None:
    for path in [*addresses("GET"), "/nothing/here"]:
        answer = board.get(path)
        assert HEADERS.keys() <= set(answer.headers.keys()) | {
            name for name in HEADERS if name.lower() in answer.headers
        }
        policy = answer.headers["content-security-policy"]
        assert "unsafe-eval" not in policy
        if not path.startswith("/quality"):
            assert policy == HEADERS["Content-Security-Policy"]
            assert "unsafe-inline" not in policy
    for path in addresses("GET"):
        page = board.get(path)
        if "text/html" in page.headers.get("content-type", ""):
            assert not re.search(r"\son\w+=|\sstyle=|https?://", page.text), path
            assert all(
                "application/json" in tag or "/static/" in tag for tag in re.findall(r"<script[^>]*>", page.text)
            )


def test_rows_of_partners_whose_feeds_one_may_not_read_are_nowhere(board: Board, addresses: Addresses) -> None:
    hidden = ("Northfield", "northfield", "Oat Bar", "INC-2026-00001")
    for path in addresses("GET"):
        if path.startswith("/static"):
            continue
        answer = board.get(path, user="westway")
        shown = answer.text.replace(path, "").replace("There is no incident INC-2026-00001", "")
        assert not [word for word in hidden if word in shown], (path, answer.status_code)
    tested = board.get("/routes?partner=westway", user="westway")
    assert "owner" in tested.text
    assert not [word for word in hidden if word in tested.text], "a dry run names no route of theirs"
    assert "Westway" in board.get("/feeds", user="westway").text
    assert board.get("/incidents/INC-2026-00001", user="westway").status_code == 404
    report = board.get("/quality/ingest_northfield_stores?run_id=x", user="westway")
    assert report.status_code == 403


def test_what_is_pending_is_of_partners_that_one_may_see(own_board: Board) -> None:
    """A-01, A-83. A DC's group names no store of another partner."""
    told = {"business_date": LAST, "kind": Kind.DC_OUT, "scope": "07", "item_id": "850007123024", "locations": 1}
    names = {"westway": "Nut Mix", "northfield": "=Oat Bar"}
    with own_board.services.state.begin() as tx:
        pending.replace(
            tx,
            [
                Pending(fingerprint=partner, partner=partner, item_name=name, places=("northfield:0001",), **told)
                for partner, name in names.items()
            ],
        )
    assert "Pending (2)" in own_board.get("/incidents").text
    assert "Pending (1)" in own_board.get("/incidents", user="westway").text
    for path in ("/incidents/pending", "/csv/pending"):
        mine, theirs = own_board.get(path), own_board.get(path, user="westway")
        assert all(name in mine.text for name in names.values()), path
        assert "Nut Mix" in theirs.text
        assert not [word for word in ("Oat Bar", "orthfield", "0001") if word in theirs.text], path
    assert "'=Oat Bar" in own_board.get("/csv/pending").text, "no formula"


def test_rules_and_counts_are_of_partners_that_one_may_see(own_board: Board) -> None:
    rules = own_board.services.config / "thresholds.yaml"
    rule = "  - name: strict\n    match: {partner: northfield}\n    days_out_before_alert: 2\n"
    rules.write_text(rules.read_text("utf-8") + rule, "utf-8")
    assert "northfield" in own_board.get("/thresholds").text
    assert "northfield" not in own_board.get("/thresholds", user="westway").text
    with own_board.services.state.begin() as tx:
        tx.execute(outbox.update().where(outbox.c.incident_id == "INC-2026-00001").values(status="dead"))
    assert " dead" in own_board.get("/overview/tiles").text
    assert " dead" not in own_board.get("/overview/tiles", user="westway").text
    assert " dead" not in own_board.get("/deliveries", user="westway").text.split("<form")[0]


def test_who_may_see_no_partner_is_told_what_to_ask_for(board: Board) -> None:
    for path in ("/overview", "/incidents", "/heatmap", "/feeds"):
        answer = board.get(path, user="nobody")
        assert answer.status_code == 403
        assert "no partner that you may see" in answer.text
        assert "ingest_" in answer.text


class Reader(HTMLParser):
    """Elements, attributes and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]


HARM = st.sampled_from(
    ["</script><script>alert(1)</script>", '" onclick="x', "javascript:x", "'><a href=x>", "{{ 7 * 7 }}", "</template>"]
)


@given(HARM, HARM, HARM)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_makes_an_element_an_attribute_or_a_link(own_board: Board, item: str, place: str, owner: str) -> None:
    plain = _pages(own_board, "Oat", "Reno", "Dana")
    harmful = _pages(own_board, item, place, owner)
    for before, after in zip(plain, harmful, strict=True):
        assert (before.elements, before.attributes) == (after.elements, after.attributes)
        assert not [link for link in after.links if not link.startswith((PREFIX, "/dags/", "#", "?", "/"))]
    assert (
        "49"
        not in own_board.get("/incidents?text={{7*7}}").text.split("<form")[1].split("</form>")[0].split("value")[1]
    )


def _pages(board: Board, item: str, place: str, owner: str) -> list[Reader]:
    """The pages that show an incident with these names."""
    named = member("0001", 1, 3, location_name=place, cause=None, evidence=(place,))
    case = incident(
        named, incident_id="INC-2026-09999", fingerprint="x", item_name=item, partner_name=place, owner=owner
    )
    with board.services.state.begin() as tx:
        from include.stockwatch.adapters.state.tables import incident_events, incidents, outbox

        for table in (incident_events, incidents, outbox):
            tx.execute(table.delete().where(table.c.incident_id == "INC-2026-09999"))
        record(tx, Decision(Reason.FIRST, "opened", case), at=NOW - dt.timedelta(hours=1), actor=owner, note=place)
    paths = ("/incidents", "/incidents/INC-2026-09999", "/overview/worst", "/deliveries")
    return [Reader(board.get(path).text) for path in paths]

"""What the pages say, that the numbers are those of Slack (A-88), and the states between (A-85)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import shutil
from html import unescape

import ibis
import pyarrow as pa
import pytest

from include.stockwatch.adapters.state import incidents, outbox, tables
from include.stockwatch.alerting.case import STOCK_KINDS, Decision, Kind
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.alerting.incident import Fed
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.messages.notice import Notice
from include.stockwatch.alerting.messages.words import number
from include.stockwatch.board import heatmap, overview
from include.stockwatch.domain.columns import AVAILABILITY
from include.stockwatch.domain.scorecard import Figures
from include.stockwatch.workflows.incidents.record import record
from include.stockwatch.workflows.promises import scorecard
from tests.alerting.data_examples import data_incident
from tests.alerting.examples import incident, member
from tests.alerting.people_examples import no_owner
from tests.alerting.promise_examples import PROMISE_EXAMPLES
from tests.alerting.stock_examples import MASS_EXAMPLES, STOCK_EXAMPLES
from tests.board.conftest import LAST, NOW, Board

OPEN = "INC-2026-00001"


def text_of(page: str) -> str:
    """A page's words."""
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def test_the_overview_loads_its_parts_and_each_tile_leads_to_its_list(board: Board) -> None:
    page = board.get("/overview").text
    parts = re.findall(r'data-part="([^"]+)"', page)
    assert [part.rsplit("/", 1)[1] for part in parts] == ["tiles", "worst", "trend"]
    assert 'aria-busy="true"' in page
    tiles = board.get("/overview/tiles")
    assert tiles.headers["X-Board-Part"] == "1"
    links = re.findall(r'class="tile [^"]*" href="/stockwatch/board/([^"]+)"', tiles.text)
    assert len(links) == 7
    for link in links:
        assert board.get(f"/{link}").status_code == 200, link


def test_money_at_risk_is_the_same_on_the_board_in_the_list_and_in_slack(board: Board) -> None:
    with board.services.state.read() as tx:
        case = incidents.find(tx, OPEN)
        sent = outbox.of_incident(tx, OPEN)[-1]["plain"]
    assert case is not None
    money = case.listed().money_at_risk
    assert money is not None
    said = f"USD {money:,.0f}"
    assert said in sent
    assert said in text_of(board.get("/overview/tiles").text)
    assert said in text_of(board.get("/overview/worst").text)
    assert said in text_of(board.get("/incidents").text)
    assert said in text_of(board.get(f"/incidents/{OPEN}").text)
    rows = list(csv.DictReader(io.StringIO(board.get("/csv/incidents").content.decode("utf-8-sig"))))
    assert [float(row["money_at_risk"]) for row in rows if row["incident_id"] == OPEN] == [pytest.approx(money)]
    locations = list(
        csv.DictReader(io.StringIO(board.get(f"/csv/incidents/{OPEN}/locations").content.decode("utf-8-sig")))
    )
    assert sum(float(row["at_risk_money"]) for row in locations if row["state"] == "out") == pytest.approx(money)


def test_customers_are_never_told_without_their_range(board: Board) -> None:
    with board.services.state.read() as tx:
        listed = [one.listed() for one in incidents.open_incidents(tx, STOCK_KINDS).values()]
    low, high = (sum(getattr(one, name) or 0 for one in listed) for name in ("customers_low", "customers_high"))
    said = f"may be lost for good; 10 to 90%: {number(low)} to {number(high)}"
    assert 0 < low < high
    assert said in text_of(board.get("/overview/tiles").text)
    (first, *_) = [one for one in listed if one.customers_low]
    assert f"{number(first.customers_low)} to {number(first.customers_high)}" in text_of(board.get("/incidents").text)


def test_availability_of_a_week_is_that_of_the_scorecard(board: Board) -> None:
    monday = scorecard.monday_of(LAST)
    (northfield,) = [one for one in scorecard.scores(board.services, monday) if one.partner == "northfield"]
    rate = northfield.week.in_stock_rate
    assert rate is not None
    shown = f"{100 * rate:.1f}%"
    tile = text_of(board.get("/overview/tiles").text)
    assert f"Availability {shown} 1 of 2 partners keep" in tile, "of stores alone, without Westway's DCs"
    assert shown in text_of(board.get("/scorecard?week=2026-W44").text)
    assert shown in text_of(board.get("/overview/trend").text)


def test_a_partner_of_which_nothing_was_measured_keeps_no_promise(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"northfield": Figures(days=7, ranged=9, known=9), "westway": Figures(ranged=9)}
    monkeypatch.setattr(overview, "latest_week", lambda _desk, _rows: told)
    assert "1 of 1 partners keep" in text_of(board.get("/overview/tiles").text)


def test_a_week_without_any_stock_told_is_no_promise_kept(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "latest_week", lambda _desk, _rows: {"westway": Figures(ranged=9)})
    tiles = text_of(board.get("/overview/tiles").text)
    assert "no stock was reported in the last 7 days" in tiles
    assert "keep their promise" not in tiles


def test_the_trend_draws_a_gap_where_a_partner_sent_nothing(board: Board) -> None:
    from include.stockwatch.board.access import Desk, Viewer

    shown = overview.trend(Desk(board.services, Viewer("x")))
    westway = next(one for one in shown["chart"]["series"] if one["name"] == "Westway Distribution (DCs)")
    northfield = next(one for one in shown["chart"]["series"] if one["name"] == "Northfield Grocers")
    assert westway["data"][-1] is None, "nothing came for the last date, and nothing is made up"
    assert westway["connectNulls"] is False
    assert northfield["data"][-1] == pytest.approx(100 * 10 / 12, abs=0.01)
    assert shown["gaps"] == 1


def test_the_heatmap_puts_what_costs_most_first_and_marks_stale_and_unranged_cells(board: Board) -> None:
    page = board.get("/heatmap").text
    products = re.findall(r'<th scope="row">([^<]+)</th>', page)
    assert products[0] == "Oat Bar"
    oat = page[page.index(">Oat Bar<") : page.index("</tr>", page.index(">Oat Bar<"))]
    assert ">50%<" in oat
    assert "not ranged" in oat, "the distributor has no Oat Bar"
    assert re.search(r'<a class="stale h\d"', page), "the distributor sent nothing for the last date"
    assert page.count('tabindex="0"') == 1, "one cell is in the tab order, arrows reach the others"
    money = board.get("/heatmap?by=money").text
    assert "USD" in money
    assert board.get("/heatmap?category=Nonsense").text.count("Show all categories") == 1


def test_an_incident_shows_its_impact_history_evidence_and_delivery(board: Board) -> None:
    page = text_of(board.get(f"/incidents/{OPEN}").text)
    with board.services.state.read() as tx:
        case = incidents.find(tx, OPEN)
    assert case is not None
    for line in render(case).body:
        assert line in page
    assert f"{LAST}.csv, line 2" in page, "evidence names file and line"
    assert "Opened: first seen" in page
    assert "Previewed" in page
    assert "Slack is not set up" in page
    assert "published averages" in page


def test_the_timeline_has_sixty_days_with_stock_sales_and_expected_demand(board: Board) -> None:
    part = board.get(f"/incidents/{OPEN}/timeline")
    assert part.headers["X-Board-Part"] == "1"
    words = text_of(part.text)
    assert "Show as a table" in words
    assert words.count(" 2026 ") >= 60
    one = text_of(board.get(f"/incidents/{OPEN}/timeline?location=0001").text)
    assert "This location alone" in one
    assert "28 days without data" in one


def test_feeds_show_thirty_dates_and_the_held_file(board: Board) -> None:
    page = board.get("/feeds").text
    assert 'id="northfield_stores"' in page, "the deep link of the page before"
    words = text_of(page)
    assert "Held files and what was decided" in words
    assert "bad.csv" in words
    assert "waits for somebody" in words
    calendar = page[page.index('class="calendar"') : page.index("</table>")]
    assert calendar.count('<th scope="col">') == 31


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/routes?partner=northfield", "Route northfield account : channel C0NORTHFIELD , owner Dana Ruiz , sent"),
        ("/routes?partner=westway", "partner is westway, not northfield"),
        ("/silences", "Nothing is snoozed"),
        ("/quality-of-alerts", "Out of stock"),
        ("/deliveries", "Slack is not set up."),
        ("/deliveries?status=waiting", "Everything was delivered"),
        ("/thresholds", "Min in stock rate"),
        ("/thresholds/replay?rule=default&limit=days_out_before_alert&value=0", "Not replayed."),
        ("/thresholds/replay?rule=nothing&limit=days_out_before_alert&value=2", "no rule nothing"),
        ("/scorecard?week=nonsense", "Week 2026-W44"),
        ("/incidents?page=99&sort=nonsense", "1 to"),
        ("/incidents?text=nothing+like+it", "Nothing matches these filters"),
    ],
)
def test_the_plain_pages_say_what_is_so(board: Board, path: str, words: str) -> None:
    answer = board.get(path)
    assert answer.status_code == 200
    assert words in text_of(answer.text)


def test_a_proposed_threshold_is_replayed_and_shown_as_a_change_to_review(own_board: Board) -> None:
    before = (own_board.services.config / "thresholds.yaml").read_bytes()
    asked = "/thresholds/replay?rule=default&limit=days_out_before_alert&value=5"
    assert "people judged" not in own_board.get(asked).text
    own_board.post("/actions", {"incidents": [OPEN], "action": "confirm"})
    page = text_of(own_board.get(asked).text)
    assert (
        "Told of the 1 alert that people judged: now 1, 100% of them right, 100% of the confirmed; proposed 0, 0%"
        in page
    )
    assert "- days_out_before_alert: 1 + days_out_before_alert: 5" in page
    assert "Messages per owner" in page
    assert (own_board.services.config / "thresholds.yaml").read_bytes() == before


def test_a_rule_that_nothing_has_is_told_beside_the_rules_and_only_to_those_who_see_its_partner(
    own_board: Board,
) -> None:
    path = own_board.services.config / "thresholds.yaml"
    rules = {"bars": "category: Snaks", "reno": "partner: northfield, location_id: '001'"}
    more = [f"  - {{name: {name}, match: {{{match}}}, min_days_of_supply: 3}}\n" for name, match in rules.items()]
    assert "Rules that change nothing" not in own_board.get("/thresholds/idle").text
    path.write_text(path.read_text("utf-8") + "".join(more), "utf-8")
    assert 'data-part="/stockwatch/board/thresholds/idle"' in own_board.get("/thresholds").text
    words = text_of(own_board.get("/thresholds/idle").text)
    assert "bars category 'Snaks': no series has it; nearest: 'Snacks'" in words
    assert "reno location '001': no series of northfield has it; nearest: '0001'" in words
    assert "Rules that change nothing" not in own_board.get("/thresholds/idle", user="westway").text
    route = "  - {name: reno, match: {partner: northfield, category: Snaks}, channel: C0TRIAGE, owner: Dana Ruiz}\n"
    path = path.with_name("routes.yaml")
    path.write_text(path.read_text("utf-8").replace("routes:\n", f"routes:\n{route}", 1), "utf-8")
    assert 'data-part="/stockwatch/board/routes/idle"' in own_board.get("/routes").text
    words = text_of(own_board.get("/routes/idle").text)
    assert "reno category 'Snaks': no series of northfield has it; nearest: 'Snacks' routes.yaml" in words
    assert "Rules that change nothing" not in own_board.get("/routes/idle", user="westway").text


def test_before_the_first_file_every_page_says_so_and_none_is_blank(empty_board: Board) -> None:
    said = {
        "/overview": "Nothing was checked yet",
        "/overview/tiles": "no date was checked yet",
        "/overview/worst": "No open incidents",
        "/overview/trend": "No availability yet",
        "/heatmap": "Nothing was checked yet",
        "/incidents": "No open incidents",
        "/incidents/pending": "Nothing is pending",
        "/feeds": "No file was held",
        "/scorecard": "No partner delivered in this week",
        "/quality-of-alerts": "No alert yet",
        "/deliveries": "No message",
        "/csv/feeds": "empty",
    }
    for path, words in said.items():
        answer = empty_board.get(path)
        assert answer.status_code == 200, path
        assert words in text_of(answer.text), path


def test_an_unknown_incident_is_said_to_be_unknown(board: Board) -> None:
    answer = board.get("/incidents/INC-1999-00001")
    assert answer.status_code == 404
    assert "There is no incident INC-1999-00001 that you may see" in text_of(answer.text)
    assert board.get("/csv/incidents/INC-2026-00001/nonsense").status_code == 404
    assert board.get("/csv/nonsense").status_code == 404


def test_a_part_that_fails_fails_alone_with_an_id_and_a_way_to_try_again(
    board: Board, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_desk: object) -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(overview, "trend", broken)
    part = board.get("/overview/trend")
    assert (part.status_code, part.headers["X-Board-Part"]) == (500, "1")
    assert "data-again" in part.text
    assert "a secret of ours" not in part.text
    error_id = re.search(r"<code>(\w{8})</code>", part.text)
    assert error_id
    assert error_id[1] in caplog.text
    assert board.get("/overview").status_code == board.get("/overview/worst").status_code == 200


def test_a_store_that_is_down_is_said_to_be_down(own_board: Board) -> None:
    (own_board.services.home / "state.db").unlink()
    (own_board.services.home / "state.db").mkdir()
    answer = own_board.get("/incidents")
    assert answer.status_code == 503
    assert "The store of Stockwatch does not answer" in text_of(answer.text)
    assert "Try again" in answer.text
    part = own_board.get("/overview/worst")
    assert "could not be loaded" in part.text


def test_a_store_that_does_not_belong_to_the_lake_is_said_to_be_another_one(own_board: Board) -> None:
    (own_board.services.home / "lake" / "observations").mkdir(parents=True, exist_ok=True)
    (own_board.services.home / "state.db").unlink()
    answer = own_board.get("/incidents")
    assert answer.status_code == 503
    assert "is not the one that belongs to them" in text_of(answer.text)


def test_a_setting_that_is_wrong_is_said_with_its_place(own_board: Board) -> None:
    (own_board.services.config / "routes.yaml").write_text("routes: [{}]\n", "utf-8")
    answer = own_board.get("/incidents")
    assert answer.status_code == 500
    assert "routes.yaml:1" in text_of(answer.text)


def test_stale_data_are_said_on_top(own_board: Board) -> None:
    with own_board.services.state.begin() as tx:
        import sqlalchemy as sa

        tx.execute(sa.text("UPDATE incidents SET data_stale = 1"))
    words = text_of(own_board.get("/overview/worst").text)
    assert "Stale data." in words
    assert board_stale(own_board) > 0


def board_stale(board: Board) -> int:
    """Rows of the list of stale incidents."""
    return board.get("/incidents?stale=1").text.count('name="chosen"')


def test_a_session_that_is_over_says_where_to_log_in(board: Board) -> None:
    answer = board.get("/incidents", user=None)
    assert answer.status_code == 401
    assert "Log in to Airflow" in answer.text
    assert "tabs" not in answer.text


def test_a_broken_lake_takes_no_page_of_the_store_with_it(own_board: Board) -> None:
    shutil.rmtree(own_board.services.home / "lake")
    assert own_board.get("/incidents").status_code == 200
    assert own_board.get("/overview/tiles").status_code == 200
    assert "No reports in these sixty days" in own_board.get(f"/incidents/{OPEN}/timeline").text


def test_stores_that_a_dc_feeds_are_shown_to_those_who_may_see_their_partner(own_board: Board) -> None:
    own = member("07", 1, 3, location_name="Main DC")
    fed = member("0002", 1, 3, partner="northfield", location_name="Reno Mall", evidence=("not_ordered: Reno Mall",))
    told = {"incident_id": "INC-2026-00777", "fingerprint": "dc", "partner": "westway", "scope": "07"}
    told["partner_name"] = "Westway Distribution"
    outage = incident(own, fed, **told).model_copy(
        update={"kind": Kind.DC_OUT, "fed": (Fed(partner="northfield", partner_name="Northfield Grocers"),)}
    )
    with own_board.services.state.begin() as tx:
        record(tx, Decision(Reason.FIRST, "opened", outage), at=NOW, actor="check")
    mine = own_board.get("/csv/incidents/INC-2026-00777/locations").text
    assert ("Main DC" in mine, "Reno Mall" in mine) == (True, True)
    theirs = own_board.get("/csv/incidents/INC-2026-00777/locations", user="westway").text
    assert ("Main DC" in theirs, "Reno Mall" in theirs) == (True, False)
    pages = ("/incidents/INC-2026-00777", "/deliveries", "/csv/messages")
    for path in pages:
        mine, theirs = own_board.get(path).text, own_board.get(path, user="westway").text
        assert ("INC-2026-00777" in mine, "INC-2026-00777" in theirs) == (True, True), path
        assert not [word for word in ("Northfield", "northfield", "Reno Mall") if word in theirs], path
    assert "Northfield Grocers 1 empty" in own_board.get(pages[0]).text
    assert "(its stores)" in own_board.get(pages[0]).text, "of the DC and its stores one figure counts"
    assert "1 of partners that you may not see" in own_board.get(pages[0], user="westway").text


def test_the_heatmap_counts_stores_as_messages_do_and_dcs_only_where_there_is_no_store() -> None:
    rows = [("retailer", "store", "in_stock"), ("retailer", "store", "out_of_stock"), ("retailer", "dc", "in_stock")]
    rows += [("retailer", "store", "unknown"), ("distributor", "dc", "out_of_stock")]
    told = {"item_id": "1", "business_date": LAST, "item_name": "Oat Bar", "category": "Snacks", "currency": "USD"}
    table = ibis.memtable(
        [
            {**told, "partner": partner, "location_type": kind, "status": status, "cause": "x", "at_risk_money": 5.0}
            for partner, kind, status in rows
        ]
    )
    found = heatmap.by_day(table).order_by("partner").to_pyarrow().to_pylist()
    assert [(one["ranged"], one["known"], one["out"], one["money"]) for one in found] == [
        (1, 1, 1, 5.0),
        (3, 2, 1, 5.0),
    ]


def test_what_a_dc_sends_and_its_stores_lack_is_one_sum_in_the_heatmap() -> None:
    told = {"item_id": "1", "business_date": LAST, "item_name": "Oat Bar", "category": "Snacks", "currency": "USD"}
    told |= {"partner": "retailer", "status": "out_of_stock", "cause": "x"}
    found = [("store", 188.0), ("store", 292.0), ("dc", 877.0)]
    table = ibis.memtable([{**told, "location_type": kind, "at_risk_money": money} for kind, money in found])
    (row,) = heatmap.by_day(table).to_pyarrow().to_pylist()
    assert row["money"] == 877.0


def test_figures_of_an_earlier_date_are_not_stale_while_no_later_one_is_due(own_board: Board) -> None:
    lake = own_board.services.lake
    rows = lake.engine.to_pyarrow(lake.table("availability", first=LAST, last=LAST)).to_pylist()
    assert 'class="stale h' in own_board.get("/heatmap").text
    for one in rows:
        one |= {"cause": "not_due"} if one["partner"] == "westway" else {}
    lake.replace_dates("availability", pa.Table.from_pylist(rows, AVAILABILITY.to_pyarrow()), [LAST])
    assert 'class="stale h' not in own_board.get("/heatmap").text


def test_a_date_checked_before_places_had_a_kind_counts_its_dcs_as_what_their_feed_reports(own_board: Board) -> None:
    lake = own_board.services.lake
    rows = lake.engine.to_pyarrow(lake.table("availability", first=LAST, last=LAST)).to_pylist()
    of_dc = {"feed_id": "westway_dcs"}
    old = [{**row, "location_type": None, **(of_dc if row["location_id"] == "0004" else {})} for row in rows]
    lake.replace_dates("availability", pa.Table.from_pylist(old, AVAILABILITY.to_pyarrow()), [LAST])
    table = csv.DictReader(io.StringIO(own_board.get("/csv/heatmap").content.decode("utf-8-sig")))
    assert {row["ranged"] for row in table if row["partner"] == "northfield"} == {"3"}


@pytest.mark.parametrize(
    ("name", "says", "never"),
    [
        ("run_out_in_some_stores", "Running out", "Lost so far"),
        ("phantom_in_some_stores", "Doubtful", "until the next receipt"),
    ],
)
def test_a_location_with_stock_is_not_called_out(own_board: Board, name: str, says: str, never: str) -> None:
    case = STOCK_EXAMPLES[name].model_copy(update={"fingerprint": name})
    with own_board.services.state.begin() as tx:
        record(tx, Decision(Reason.FIRST, "opened", case), at=NOW, actor="check")
    words = text_of(own_board.get(f"/incidents/{case.incident_id}").text)
    locations = words[words.index("Locations ·") : words.index("History When")]
    assert (says in locations, " Out " in locations) == (True, False)
    assert never not in words
    assert f"At risk, next {case.basis.horizon_days} days" in words, "as the message calls the same figure"


def test_every_page_names_the_horizon_of_the_settings(own_board: Board) -> None:
    (own_board.services.config / "stockwatch.yaml").write_text("check: {horizon_days: 10}\n", "utf-8")
    for path in ("/overview/tiles", "/overview/worst", "/incidents", "/heatmap?by=money", "/routes"):
        words = text_of(own_board.get(path).text)
        assert re.search(r"(next|At risk,) 10 d", words), path
        assert not re.search(r"(next|At risk,) 7 d", words), path


def test_an_incident_of_thousands_of_stores_counts_each_once(own_board: Board) -> None:
    spells = [member(f"{n:04d}", 1, 3, cause=None if n % 4 else "phantom") for n in range(4000)]
    with own_board.services.state.begin() as tx:
        told = {"incident_id": "INC-2026-00778", "fingerprint": "many"}
        record(tx, Decision(Reason.FIRST, "opened", incident(*spells, **told)), at=NOW, actor="check")
    words = text_of(own_board.get("/incidents/INC-2026-00778").text)
    assert ("1000 locations" in words, "3000 locations" in words) == (True, True), "explained, and not"
    assert len(own_board.get("/csv/incidents/INC-2026-00778/locations").text.splitlines()) == 4001


def test_the_timeline_is_of_the_locations_of_the_incident_unless_asked_for_all(own_board: Board) -> None:
    with own_board.services.state.begin() as tx:
        told = {"incident_id": "INC-2026-00779", "fingerprint": "two"}
        record(tx, Decision(Reason.FIRST, "opened", incident(member("0001", 1, 3), **told)), at=NOW, actor="check")

    def on_hand(query: str) -> list[str]:
        table = own_board.get(f"/csv/incidents/INC-2026-00779/timeline{query}").content.decode("utf-8-sig")
        return [row["on_hand"] for row in csv.DictReader(io.StringIO(table)) if row["business_date"] == "2026-11-01"]

    assert (on_hand(""), on_hand("?location=all"), on_hand("?location=0003")) == (["0.0"], ["40.0"], ["20.0"])


def test_the_timeline_draws_the_limit_that_the_check_went_by(own_board: Board) -> None:
    thresholds = own_board.services.config / "thresholds.yaml"
    rule = "  - name: bars\n    match: {item_class: bars}\n    out_of_stock_at_or_below_units: 3\n"
    thresholds.write_text(thresholds.read_text("utf-8") + rule, "utf-8")
    with own_board.services.state.begin() as tx:
        told = {"incident_id": "INC-2026-00779", "fingerprint": "two", "item_class": "bars"}
        record(tx, Decision(Reason.FIRST, "opened", incident(member("0001", 1, 3), **told)), at=NOW, actor="check")
    words = text_of(own_board.get("/incidents/INC-2026-00779/timeline").text)
    assert "Out at or below 3 units (rule bars)." in words


EVERY_KIND = {
    **STOCK_EXAMPLES,
    **MASS_EXAMPLES,
    **PROMISE_EXAMPLES,
    "feed": data_incident(),
    "no_owner": no_owner(),
}


def test_every_incident_that_there_can_be_has_its_page_and_its_line(own_board: Board) -> None:
    shown = {}
    with own_board.services.state.begin() as tx:
        for number, (name, example) in enumerate(sorted(EVERY_KIND.items()), 500):
            incident_id = f"INC-2026-{number:05d}"
            told = {"incident_id": incident_id, "fingerprint": name, "partner": "northfield"}
            shown[incident_id] = example.model_copy(update=told)
            record(tx, Decision(Reason.FIRST, "opened", shown[incident_id]), at=NOW, actor="check")
    for incident_id, case in shown.items():
        answer = own_board.get(f"/incidents/{incident_id}")
        assert answer.status_code == 200, (incident_id, case.kind)
        words = text_of(answer.text)
        assert [line for line in render(case).body if " ".join(line.split()) not in words] == []
        if case.is_open:
            assert 'data-act="resolve"' in answer.text
    kinds = {case.kind.value for case in shown.values()}
    assert len(kinds) == 11
    for kind in kinds:
        assert 'name="chosen"' in own_board.get(f"/incidents?standing=all&kind={kind}").text


def test_alert_quality_counts_the_new_messages_of_each_owner_by_day(own_board: Board) -> None:
    """A-45"""
    days_ago = (40, 3, 1, 1, 1, 1, 1, 1)
    with own_board.services.state.begin() as tx:
        owner = incidents.find(tx, OPEN).owner
        tx.execute(tables.outbox.delete())
        for number, days in enumerate(days_ago):
            names = {"incident_id": OPEN, "seq": number, "operation": outbox.POST, "channel": f"C{number}"}
            outbox.enqueue(tx, Notice("Out"), **names, now=NOW)
            mine = tables.outbox.c.event_seq == number
            sent = {"status": "sent", "sent_at": NOW - dt.timedelta(days=days)}
            tx.execute(tables.outbox.update().where(mine).values(**sent))
    page = text_of(own_board.get("/quality-of-alerts").text)
    assert f"{owner} 7 0.2 6 above 5" in page
    assert owner not in text_of(own_board.get("/quality-of-alerts", user="westway").text).split("New messages")[-1]

"""The worklist: filters, order and pages live in the address and are worked out in SQL."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.state import State, worklist
from include.stockwatch.adapters.state.worklist import Filters
from include.stockwatch.alerting.case import Decision, Kind, Severity
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.alerting.messages.tables import as_csv
from include.stockwatch.board.access import Viewer
from include.stockwatch.board.incidents import Asked
from include.stockwatch.workflows.incidents.record import record
from tests.alerting.data_examples import data_incident
from tests.alerting.examples import incident, member, resolved
from tests.board.conftest import NOW, PEOPLE, Board

BANDS = tuple(Severity)


@pytest.fixture
def many(tmp_path: object) -> State:
    """120 open incidents of two partners and one that ended, each worth its number."""
    state = State.open("sqlite://")
    with state.begin() as tx:
        for number in range(1, 121):
            spell = member(f"{number:04d}", 1, 3, at_risk_money=float(number), cause="phantom" if number % 2 else None)
            case = incident(
                spell,
                incident_id=f"INC-2026-{number:05d}",
                fingerprint=str(number),
                partner="northfield" if number % 3 else "westway",
                severity=BANDS[number % 4],
                item_name=f"Item {number:03d} 50%_off",
                owner="" if number % 10 == 0 else "Dana Ruiz",
            )
            record(tx, Decision(Reason.FIRST, "opened", case), at=NOW, actor="check")
        ended = resolved(member("0001", 1, 3), incident_id="INC-2026-00999", fingerprint="999")
        record(tx, Decision(Reason.FIRST, "opened", ended), at=NOW, actor="check")
    return state


def ids(state: State, filters: Filters, *order: worklist.Order, **how: object) -> list[int]:
    """Numbers of the incidents of a page."""
    with state.read() as tx:
        rows = worklist.page(tx, filters, *order, **how)  # type: ignore[arg-type]
        assert worklist.count(tx, filters) >= len(rows)
    return [int(row["incident_id"][-5:]) for row in rows]


BOTH = ("northfield", "westway")


def test_pages_go_through_all_and_no_one_twice(many: State) -> None:
    pages = [ids(many, Filters(BOTH), limit=50, offset=offset) for offset in (0, 50, 100, 150)]
    assert [number for page in pages for number in page] == list(range(120, 0, -1))


def test_what_is_not_known_comes_last_either_way(many: State) -> None:
    with many.begin() as tx:
        unpriced = incident(member("1", 1, 3, at_risk_money=None), incident_id="INC-2026-00500", fingerprint="u")
        record(tx, Decision(Reason.FIRST, "opened", unpriced), at=NOW, actor="check")
    for rising in (True, False):
        assert ids(many, Filters(BOTH), "money", rising=rising, limit=200)[-1] == 500


def test_each_filter_keeps_what_it_says(many: State) -> None:
    assert ids(many, Filters(("westway",)), limit=200) == [n for n in range(120, 0, -1) if n % 3 == 0]
    assert ids(many, Filters(BOTH, severity="critical"), limit=200) == [n for n in range(120, 0, -1) if n % 4 == 0]
    assert ids(many, Filters(BOTH, unowned=True), limit=200) == list(range(120, 0, -10))
    assert ids(many, Filters(BOTH, cause="phantom"), limit=2) == [119, 117]
    assert ids(many, Filters(BOTH, standing="resolved")) == [999]
    assert len(ids(many, Filters(BOTH, standing="all"), limit=500)) == 121
    assert ids(many, Filters(BOTH, without_verdict=True), limit=1) == [120]
    assert ids(many, Filters(BOTH, owners={"Sam Lee", "Dana Ruiz"}), limit=1) == [119]
    assert ids(many, Filters(BOTH, owners=())) == []
    assert ids(many, Filters(())) == []


def test_mine_are_those_of_the_name_that_settings_give_my_address(own_board: Board) -> None:
    PEOPLE["dana"] = Viewer("druiz", "DANA.RUIZ@example.com")
    assert "INC-2026-00001" in own_board.get("/incidents?mine=1", user="dana").text
    assert "INC-2026-00001" not in own_board.get("/incidents?mine=1", user="reader").text


def test_no_verdict_means_that_nobody_said_what_they_found(own_board: Board) -> None:
    address = "/incidents?without_verdict=1&standing=all"
    assert "INC-2026-00001" in own_board.get(address).text
    own_board.post("/actions", {"incidents": ["INC-2026-00001"], "action": "acknowledge"})
    assert "INC-2026-00001" in own_board.get(address).text
    own_board.post("/actions", {"incidents": ["INC-2026-00001"], "action": "confirm"})
    assert "INC-2026-00001" not in own_board.get(address).text


def test_a_percent_sign_in_a_search_is_a_percent_sign(many: State) -> None:
    assert ids(many, Filters(BOTH, text="ITEM 007 50%")) == [7]
    assert ids(many, Filters(BOTH, text="item%007")) == []
    assert ids(many, Filters(BOTH, text="'; drop table incidents; --")) == []


def test_money_is_that_of_stock_alone(many: State) -> None:
    with many.begin() as tx:
        outage = incident(member("DC", 1, 3, at_risk_money=7.0), incident_id="INC-2026-00600", fingerprint="dc")
        record(tx, Decision(Reason.FIRST, "opened", outage.model_copy(update={"kind": Kind.DC_OUT})), at=NOW, actor="x")
        late = data_incident()
        record(tx, Decision(Reason.FIRST, "opened", late), at=NOW, actor="feed_watch")
    with many.read() as tx:
        rows = worklist.totals(tx, Filters((*BOTH, late.partner)))
    assert sum(row["money"] or 0.0 for row in rows) == sum(range(1, 121)) + 7.0
    assert sum(row["incidents"] for row in rows) == 122


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=6))
def test_any_address_is_read_and_written_back_the_same(query: dict[str, str]) -> None:
    asked = Asked(query)
    again = Asked(dict(re.findall(r"([^&=?]+)=([^&]*)", asked.query())))
    assert (again.order, again.rising, again.page) == (asked.order, asked.rising, asked.page)


def test_the_address_keeps_filters_through_sorting_and_pages(own_board: Board) -> None:
    page = own_board.get("/incidents?standing=all&partner=northfield&sort=opened").text
    sorts = re.findall(r'href="/stockwatch/board/incidents\?([^"]+)"', page)
    assert any("partner=northfield" in link and "sort=severity" in link and "standing=all" in link for link in sorts)
    assert 'aria-sort="descending"' in page
    assert "csv/incidents?standing=all&amp;partner=northfield" in page or "csv/incidents?partner" in page


def test_a_csv_says_what_it_is_of_and_opens_in_a_spreadsheet(board: Board) -> None:
    answer = board.get("/csv/incidents?standing=all&partner=northfield")
    assert "stockwatch_incidents_northfield_all_2026-11-01.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["partner"] for row in rows} == {"northfield"}
    assert {row["standing"] for row in rows} == {"open", "resolved"}
    assert all(dt.date.fromisoformat(row["data_as_of"]) for row in rows)
    assert {row["currency"] for row in rows} == {"USD"}


def test_a_csv_filtered_by_any_text_has_a_name_that_a_header_can_carry(board: Board) -> None:
    answer = board.get("/csv/incidents?text=%E6%9D%B1%E4%BA%AC%22%0D%0ASet-Cookie:x")
    assert answer.status_code == 200
    assert re.fullmatch(
        r'attachment; filename="stockwatch_incidents_[\w.-]+\.csv"', answer.headers["content-disposition"]
    )
    assert "set-cookie" not in answer.headers


TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["=1+1", "+1", "-2", "@a", "\t=1", "\r=1", " =1", "\ufeff=1", "a=1"])
)


@given(
    st.lists(st.one_of(TEXTS, st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.none()), max_size=5)
)
def test_no_cell_becomes_a_formula_and_no_number_becomes_a_text(values: list[object]) -> None:
    names = [str(n) for n in range(len(values))]
    written = as_csv(names, [dict(zip(names, values, strict=True))]).decode("utf-8-sig")
    cells = list(csv.reader(io.StringIO(written, newline="")))[-1] if values else []
    for value, cell in zip(values, cells, strict=True):
        if isinstance(value, str):
            assert cell.lstrip("'") == value.lstrip("'")
            assert not cell.lstrip(" \ufeff\u00a0").startswith(("=", "+", "-", "@", "\t", "\r"))
        elif value is not None:
            assert float(cell) == value

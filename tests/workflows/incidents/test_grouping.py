"""Which incident a series is a member of, over days: DCs and their stores, phantoms, run-outs (A-10 to A-16)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.stockwatch.adapters.state import incidents, tables
from include.stockwatch.alerting import routing
from include.stockwatch.alerting.case import STOCK_KINDS, Kind, Severity, Standing, Verdict
from include.stockwatch.alerting.grouping import Group, group_of
from include.stockwatch.alerting.incident import Elsewhere, Incident, MemberState
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.routing import Route
from include.stockwatch.domain.thresholds import Match, SeverityBands, Threshold, Thresholds
from include.stockwatch.settings.loader import load
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.incidents.day import LACKS
from tests.domain.tables import day
from tests.workflows.days import IN, ITEM, OUT, PHANTOM, SHORT, UNKNOWN, Book, chain, row

CONFIG = Path(__file__).resolve().parents[3] / "include" / "config"
NOW = dt.datetime(2026, 11, 4, 9, tzinfo=dt.UTC)
CHAIN: Settings = chain(load(CONFIG))


@pytest.fixture
def book() -> Book:
    """No incidents yet."""
    return Book(CHAIN)


def dc(status: str, since: int = 2, **told: object) -> dict[str, object]:
    """DC 07 of Westway."""
    return row("07", status, partner="westway", since=since, **told)


def because(location: str, partner: str = "northfield", status: str = OUT, since: int = 2) -> dict[str, object]:
    """A store that ran out because of DC 07."""
    return row(location, status, partner=partner, since=since, dc="07")


# --- a DC and its stores ---------------------------------------------------------------------------------------------


def test_a_dc_that_is_out_is_an_incident_before_any_store_is_empty(book: Book) -> None:
    book.on(2, dc(OUT), row("1", IN))
    assert book.open_ones() == {"dc_out westway 07": ["07"]}


def test_a_dc_whose_stores_nobody_reports_is_followed_by_its_own_feed(book: Book) -> None:
    for number in (2, 3):
        book.on(number, dc(OUT))
    (incident,) = book.ongoing.values()
    assert incident.known == 0
    assert incident.data_as_of == day(3)
    book.on(4, dc(IN))
    assert book.open_ones() == {}


def test_stores_of_three_partners_that_one_dc_left_without_are_one_incident(book: Book) -> None:
    stores = [because(f"{n}", partner) for partner in ("northfield", "harbor", "quickmart") for n in range(130)]
    decided = book.on(2, dc(OUT), *stores)
    (incident,) = book.ongoing.values()
    assert decided.opened == {"dc_out": 1}
    assert len(incident.members) == 391
    assert incident.source() == incident.members[0]
    assert [one.partner for one in incident.fed] == ["harbor", "northfield", "quickmart"]
    assert incident.copies == ("C0NORTHFIELD", "C0TRIAGE")  # the accounts concerned; Westway's own channel has it whole


def test_stores_do_not_wait_for_goods_of_a_dc_that_never_was_out(book: Book) -> None:
    book.on(3, dc(OUT, since=3), because("1", since=3))
    book.on(3, dc(IN), row("1", OUT, since=3))  # its report is put right
    book.on(4, dc(IN), row("1", OUT, since=3))
    assert book.open_ones() == {"out_of_stock northfield partner": ["1"]}
    (of_dc,) = book.ended.values()
    assert of_dc.end_reason == "part_of"


def test_stores_that_nothing_was_due_of_stand_as_they_were_beside_a_dc_that_is_told_every_day(book: Book) -> None:
    book.fed[Group(Kind.DC_OUT, "westway", ITEM, "07")] = frozenset(("northfield", f"{n}") for n in range(4))
    book.on(2, dc(OUT), *(because(f"{n}") for n in range(3)), row("3", IN))
    (before,) = book.ongoing.values()
    book.on(3, dc(OUT), *(row(f"{n}", UNKNOWN, cause="not_due") for n in range(4)), whole=["westway"])
    (after,) = book.ongoing.values()
    assert after.members[1:] == before.members[1:]
    assert (after.known, after.known_out, after.ranged) == (before.known, before.known_out, before.ranged) == (4, 3, 4)
    assert not after.data_stale
    assert after.severity == before.severity
    book.on(4, dc(OUT), *(row(f"{n}", UNKNOWN, cause="feed") for n in range(4)), whole=["westway"])
    assert len(book.last(after.incident_id).stale_locations()) == 3


def test_what_nothing_was_due_of_counts_as_it_stood(book: Book) -> None:
    book.on(2, row("1", OUT, at_risk_money=9000.0), row("2", OUT), row("3", IN))
    before = book.last("INC-1")
    book.on(3, row("1", UNKNOWN, cause="not_due"), row("2", OUT), row("3", IN), whole=())
    after = book.last("INC-1")
    assert (after.known, after.known_out, after.severity, after.calm_checks) == (3, 2, before.severity, 0)
    assert before.severity is Severity.CRITICAL


def test_what_the_supply_links_say_is_what_the_stores_are_counted_against(book: Book) -> None:
    book.fed[Group(Kind.DC_OUT, "westway", ITEM, "07")] = frozenset({("northfield", "1"), ("northfield", "2")})
    book.on(2, dc(OUT), because("1"), row("2", IN), row("3", IN))
    (incident,) = book.ongoing.values()
    assert (incident.ranged, incident.known, incident.known_out, incident.fed[0].locations) == (2, 2, 1, 2)


def test_a_dc_that_is_known_late_adopts_the_incidents_of_its_stores(book: Book) -> None:
    book.on(2, row("1", OUT), row("2", OUT), row("5", OUT, partner="harbor"))
    assert len(book.ongoing) == 2
    book.on(2, dc(OUT), because("1"), because("2"), because("5", "harbor"))
    assert book.open_ones() == {"dc_out westway 07": ["07", "harbor:5", "northfield:1", "northfield:2"]}
    parent = next(iter(book.ongoing.values())).incident_id
    for incident in book.ended.values():
        assert incident.end_reason == "part_of"
        assert {one.moved_to for one in incident.members} == {parent}
    assert [kind for kind, _ in book.events] == ["opened", "opened", "opened", "resolved", "resolved"]


def test_a_store_that_runs_out_by_itself_stays_out_of_the_incident_of_the_dc(book: Book) -> None:
    book.on(2, dc(OUT), because("1"), row("2", OUT))
    assert book.open_ones() == {
        "dc_out westway 07": ["07", "northfield:1"],
        "out_of_stock northfield partner": ["2"],
    }


def test_availability_counts_what_is_out_in_whichever_incident_it_is(book: Book) -> None:
    book.on(2, dc(OUT), because("1"), row("2", OUT), row("3", IN), row("4", PHANTOM))
    own = next(one for one in book.ongoing.values() if one.kind is Kind.OUT_OF_STOCK)
    assert (own.known, own.known_out, len(own.now_out())) == (4, 2, 1)
    assert own.elsewhere == (Elsewhere(partner="northfield", dc_id="07", locations=1),)
    assert "Stores out: 1 of 4; 1 more because of DC 07" in render(own).as_text()


def test_a_dc_counts_every_store_that_it_feeds_and_that_is_empty(book: Book) -> None:
    book.fed[Group(Kind.DC_OUT, "westway", ITEM, "07")] = frozenset(
        {("northfield", "1"), ("northfield", "2"), ("harbor", "5")}
    )
    book.on(2, dc(OUT), row("1", OUT), row("2", OUT), row("3", OUT), row("5", PHANTOM, partner="harbor"))
    of_dc = next(one for one in book.ongoing.values() if one.kind is Kind.DC_OUT)
    assert (of_dc.count_empty(), len(of_dc.empty()), of_dc.known_out) == (2, 0, 0)
    assert of_dc.listed().locations_out == 0, "they are counted where they are members"
    assert "Empty now: 2, 2 of them for other reasons" in render(of_dc).as_text()
    book.on(3, dc(OUT), because("1"), row("2", OUT), row("3", OUT), row("5", PHANTOM, partner="harbor"))
    of_dc = book.last(of_dc.incident_id)
    assert (of_dc.count_empty(), len(of_dc.empty()), of_dc.out_before) == (2, 1, 2)


def test_a_retailers_own_dc_is_an_incident_of_the_retailer(book: Book) -> None:
    own = row("9", OUT, is_dc=True)
    book.on(2, own, row("1", OUT, dc="9", of_another=False))
    assert book.open_ones() == {"dc_out northfield 9": ["9", "1"]}


def test_the_dc_of_a_retailer_that_a_distributor_left_without_is_a_member_of_the_distributors_incident(
    book: Book,
) -> None:
    # a chain of two, and one message
    book.on(2, dc(OUT), row("9", OUT, is_dc=True, dc="07"), because("1"))
    assert book.open_ones() == {"dc_out westway 07": ["07", "northfield:1", "northfield:9"]}
    (incident,) = book.ongoing.values()
    assert (incident.known_out, [one.location_id for one in incident.empty()]) == (1, ["1"])  # a DC is no store
    assert [one.location_id for one in incident.dcs_behind()] == ["9"]


def test_an_incident_of_before_that_held_a_dc_goes_on_as_the_dcs(book: Book) -> None:
    # incidents that were stored when DCs were members like stores
    book.on(2, row("07", OUT, partner="westway", is_dc=False))
    assert book.open_ones() == {"out_of_stock westway partner": ["07"]}
    book.on(3, dc(OUT))
    assert book.open_ones() == {"dc_out westway 07": ["07"]}
    assert book.last("INC-1").end_reason == "part_of"


def test_a_dc_that_no_feed_speaks_of_is_nobodys(book: Book) -> None:
    book.on(2, because("1"))
    assert book.open_ones() == {"out_of_stock northfield partner": ["1"]}


def test_what_a_dc_will_leave_without_belongs_to_its_incident(book: Book) -> None:
    book.on(2, dc(OUT), because("1", status=SHORT), row("2", SHORT))
    assert book.open_ones() == {
        "dc_out westway 07": ["07", "northfield:1"],
        "will_run_out northfield partner": ["2"],
    }
    incident = next(one for one in book.ongoing.values() if one.kind is Kind.DC_OUT)
    assert incident.empty() == []
    book.on(3, dc(OUT), because("1", since=3), row("2", SHORT))
    assert [one.place for one in book.last(incident.incident_id).empty()] == ["northfield:1"]


def test_what_a_dc_will_leave_without_stays_where_it_is_while_the_dc_has_no_incident(book: Book) -> None:
    """Whatever costs and was told goes on being told: a DC that is out is not due, or was called a false alarm."""
    book.on(2, dc(IN), because("1", status=SHORT))
    book.on(3, dc(OUT, since=3, alert_due=False), {**because("1", status=SHORT), "p_runs_out": 0.3})
    assert book.open_ones() == {"will_run_out northfield partner": ["1"]}
    book.on(4, dc(OUT, since=3), because("1", status=SHORT))
    assert book.open_ones() == {"dc_out westway 07": ["07", "northfield:1"]}
    assert book.last("INC-1").end_reason == "part_of"


def test_without_an_incident_of_the_dc_what_will_run_out_is_the_partners(book: Book) -> None:
    book.on(2, dc(IN), because("1", status=SHORT))
    assert book.open_ones() == {"will_run_out northfield partner": ["1"]}


def test_what_will_run_out_though_the_dc_has_stock_again_is_the_partners(book: Book) -> None:
    book.on(2, dc(OUT), because("1"), because("2", status=SHORT))
    book.on(3, dc(IN), because("1"), because("2", status=SHORT))
    assert book.open_ones() == {
        "dc_out westway 07": ["northfield:1"],
        "will_run_out northfield partner": ["2"],
    }


def test_what_may_run_out_a_little_less_likely_does_not_hold_the_incident_of_a_dc_that_is_back(book: Book) -> None:
    book.on(2, dc(OUT), because("1", status=SHORT))
    assert book.open_ones() == {"dc_out westway 07": ["07", "northfield:1"]}
    found = book.on(3, dc(IN), {**because("1", status=SHORT), "p_runs_out": 0.3})
    assert book.open_ones() == {}
    assert [one.places for one in found.pending] == [("1",)]
    book.on(4, dc(IN), because("1", status=SHORT))
    assert book.open_ones() == {"will_run_out northfield partner": ["1"]}


# --- absence of data, transit (A-15) --------------------------------------------------------------------------


def test_a_dc_of_which_nothing_is_known_keeps_its_stores(book: Book) -> None:
    book.on(2, dc(OUT), because("1"))
    book.on(3, dc(UNKNOWN), row("1", OUT), row("2", OUT), whole=("northfield",))
    assert book.open_ones() == {
        "dc_out westway 07": ["07", "northfield:1"],
        "out_of_stock northfield partner": ["2"],
    }
    assert book.events[-2:] == [("opened", "INC-2"), ("frozen", "INC-1")]


def test_a_store_of_which_nothing_is_known_stays_where_it_is(book: Book) -> None:
    book.on(2, dc(OUT), because("1"), because("2", "harbor"))
    book.on(3, dc(IN), row("1", UNKNOWN), row("2", IN, partner="harbor"), whole=("westway", "harbor"))
    (incident,) = book.ongoing.values()
    assert {one.place: one.state.value for one in incident.members} == {
        "07": "back",
        "harbor:2": "back",
        "northfield:1": "stale",
    }


def test_partners_that_rest_freeze_nothing(book: Book) -> None:
    book.on(2, dc(OUT), because("1"))
    book.on(3, dc(OUT), untouched=("northfield",))
    assert {one.state for one in book.last("INC-1").members} == {MemberState.OUT}


def test_of_a_partner_that_was_decided_past_a_date_the_date_changes_no_member(book: Book) -> None:
    book.on(2, dc(OUT), because("5", "harbor"))
    book.on(3, dc(OUT), because("5", "harbor"), because("6", "harbor"), untouched=("harbor",))
    assert {one.place: one.last_out for one in book.last("INC-1").members} == {"07": day(3), "harbor:5": day(2)}


def test_stores_of_a_dc_are_followed_while_the_dc_rests(book: Book) -> None:
    book.on(2, dc(OUT), because("1"), because("2"))
    book.on(3, row("1", OUT), row("2", IN), untouched=("westway",))
    assert book.open_ones() == {"dc_out westway 07": ["07", "northfield:1"]}
    assert {one.place: one.last_out for one in book.last("INC-1").now_out()} == {"07": day(2), "northfield:1": day(3)}


def test_stores_that_are_back_while_their_dc_rests_leave_its_incident(book: Book) -> None:
    book.on(2, dc(OUT), because("1"))
    book.on(3, row("1", IN), untouched=("westway",))
    assert book.open_ones() == {"dc_out westway 07": ["07"]}


def test_a_partner_that_is_settled_later_than_its_dc_joins_and_leaves_its_incident(book: Book) -> None:
    """A-14: a weekly partner of a DC that is told of every day."""
    not_due = row("1", UNKNOWN, cause="not_due")
    book.on(2, dc(OUT), because("1"), awaited=("northfield",))
    book.on(3, dc(OUT), not_due)
    for _ in "once", "again":
        book.on(2, dc(OUT), because("1"), row("2", OUT), untouched=("westway",))
        assert book.open_ones() == {
            "dc_out westway 07": ["07", "northfield:1"],
            "out_of_stock northfield partner": ["2"],
        }
    incident = book.last("INC-1")
    assert {one.place: one.last_out for one in incident.members} == {"07": day(3), "northfield:1": day(2)}
    assert (incident.data_as_of, [one.partner for one in incident.fed]) == (day(3), ["northfield"])
    assert book.events[-2:] == [("opened", "INC-2"), ("updated", "INC-1")], "again changed nothing"
    book.on(5, dc(OUT), not_due)
    book.on(4, dc(OUT), row("1", IN), row("2", OUT), untouched=("westway",))
    assert book.open_ones() == {"dc_out westway 07": ["07"], "out_of_stock northfield partner": ["2"]}
    assert {one.place: one.back_on for one in book.last("INC-1").members} == {"07": None, "northfield:1": day(4)}


def test_a_partner_that_is_settled_when_its_dc_is_back_opens_the_incident_again(book: Book) -> None:
    book.on(2, dc(OUT), because("1"), awaited=("northfield",))
    book.on(3, dc(IN), row("1", UNKNOWN, cause="not_due"))
    book.on(2, dc(OUT), because("1"), untouched=("westway",))
    assert book.events == [("opened", "INC-1"), ("resolved", "INC-1"), ("reopened", "INC-1")]
    assert book.open_ones() == {"dc_out westway 07": ["northfield:1"]}
    book.on(9, dc(IN), row("1", IN))
    assert (book.last("INC-1").end_reason, book.last("INC-1").resolved_on) == ("restocked", day(9))


def test_stores_wait_for_goods_that_are_in_transit_and_are_released_then(book: Book) -> None:
    book.on(2, dc(OUT), because("1"), because("2"))
    book.on(3, dc(IN), row("1", OUT), row("2", OUT))
    assert book.open_ones() == {"dc_out westway 07": ["northfield:1", "northfield:2"]}
    assert "restock in transit" not in str(book.events)
    book.on(4, dc(IN), row("1", OUT), row("2", IN))
    assert book.open_ones() == {"dc_out westway 07": ["northfield:1"]}
    book.on(5, dc(IN), row("1", OUT), row("2", IN))
    assert book.open_ones() == {"out_of_stock northfield partner": ["1"]}
    ended = book.last("INC-1")
    assert (ended.standing, ended.end_reason) == (Standing.RESOLVED, "restocked")
    assert {one.place: one.moved_to for one in ended.members if one.moved_to} == {"northfield:1": "INC-2"}


def test_a_dc_that_is_back_and_falls_silent_releases_nothing_until_it_speaks(book: Book) -> None:
    book.on(2, dc(OUT), because("1"))
    book.on(3, dc(IN), row("1", OUT))
    for number in (4, 5, 6):
        book.on(number, dc(UNKNOWN), row("1", OUT), whole=("northfield",))
        assert book.open_ones() == {"dc_out westway 07": ["northfield:1"]}
    book.on(7, dc(IN), row("1", OUT))
    assert book.open_ones() == {"out_of_stock northfield partner": ["1"]}


def test_a_store_whose_dc_is_back_and_that_is_back_too_ends_it(book: Book) -> None:
    book.on(2, dc(OUT), because("1"))
    book.on(3, dc(IN), row("1", IN))
    assert book.open_ones() == {}
    assert book.events == [("opened", "INC-1"), ("resolved", "INC-1")]


# --- pending (A-01) ---------------------------------------------------------------------------------------------------


def strict(**limits: object) -> Settings:
    """The chain with other limits in its default rule; Northfield reports nothing on Wednesday, day 4."""
    default, *others = CHAIN.thresholds.thresholds
    rules = (default.model_copy(update=limits), *others)
    feed = CHAIN.feeds["northfield_stores"]
    weekdays = tuple(one for one in feed.expected.weekdays if one != "wed")
    feed = feed.model_copy(update={"expected": feed.expected.model_copy(update={"weekdays": weekdays})})
    told = {"thresholds": CHAIN.thresholds.model_copy(update={"thresholds": rules})}
    return CHAIN.model_copy(update={**told, "feeds": {**CHAIN.feeds, "northfield_stores": feed}})


@pytest.mark.parametrize(
    ("told", "kind", "due_on"),
    [
        (row("1", OUT, since=2, alert_due=False), "out_of_stock", 4),  # day 2 is the first of three
        (row("1", PHANTOM), "phantom_stock", 5),  # two more reports, none of which comes on day 4
        (row("1", SHORT, runs_out_on=day(12)), "will_run_out", 5),  # seven days ahead
        (row("1", SHORT, p_runs_out=0.4), "will_run_out", None),  # it has to become likelier first
        (row("1", SHORT, runs_out_on=None), "will_run_out", None),
    ],
)
def test_what_is_not_due_is_pending_until_a_date_if_that_can_be_told(
    told: dict[str, object], kind: str, due_on: int | None
) -> None:
    book = Book(strict(days_out_before_alert=3, phantom_days_before_alert=3))
    assert book.on(2, told).opened == {}
    assert book.pending_ones() == {f"{kind} northfield partner": (["1"], due_on and day(due_on))}


def test_what_is_pending_goes_when_it_opens_or_is_back_and_stays_while_nothing_is_known(book: Book) -> None:
    """A-01, A-02: also when a part of its stores or another feed is missing."""
    pending = {"out_of_stock northfield partner": (["1", "2"], day(2))}
    told = [row(one, OUT, alert_due=False) for one in ("1", "2")]
    book.on(2, *told)
    assert book.pending_ones() == pending
    book.on(3, row("1", UNKNOWN), row("2", UNKNOWN), whole=())
    book.on(3, row("1", IN), row("2", UNKNOWN), whole=())
    book.on(3, row("1", IN), row("2", IN), untouched={"northfield"})
    assert book.pending_ones() == pending
    book.on(3, row("1", IN), row("2", IN), whole=())
    assert book.pending_ones() == {}
    book.on(4, *told)
    assert book.pending_ones() == pending
    assert book.on(5, row("1", OUT), row("2", OUT)).opened == {"out_of_stock": 1}
    assert book.pending_ones() == {}
    book.on(5, row("7", OUT, partner="harbor", alert_due=False))
    assert [*book.pending_ones()] == ["out_of_stock harbor partner"]
    book.on(6, row("8", IN, partner="harbor"))  # a whole date without it: it left the range
    assert book.pending_ones() == {}


def test_what_is_pending_tells_its_first_day_its_stores_and_its_money_at_risk(book: Book) -> None:
    book.on(3, row("1", OUT, since=3, alert_due=False), row("2", OUT, since=2, alert_due=False))
    (pending,) = book.pending
    assert (pending.since, pending.locations, pending.money_at_risk) == (day(2), 2, 140.0)


# --- phantoms and run-outs -------------------------------------------------------------------------------------------


def test_a_phantom_opens_on_the_second_date_in_a_row(book: Book) -> None:
    series = ("northfield", "1", ITEM)
    assert [one.reason.value for one in book.on(2, row("1", PHANTOM)).decisions] == ["not_due"]
    book.suspected[series] = 1
    assert book.on(3, row("1", PHANTOM)).opened == {"phantom_stock": 1}


def test_what_a_doubtful_shelf_may_cost_counts_until_its_order_comes_and_says_so(book: Book) -> None:
    book.suspected[("northfield", "1", ITEM)] = 1
    book.on(2, row("1", PHANTOM, on_order_units=24.0, next_receipt_on=day(4)))
    (incident,) = book.ongoing.values()
    assert "until orders come where that is sooner" in render(incident).as_text()


def test_a_stock_out_that_turns_phantom_moves_at_once(book: Book) -> None:
    book.on(2, row("1", OUT), row("2", OUT))
    book.on(3, row("1", PHANTOM), row("2", OUT))
    assert book.open_ones() == {"out_of_stock northfield partner": ["2"], "phantom_stock northfield partner": ["1"]}
    book.on(4, row("1", OUT), row("2", OUT))
    assert book.open_ones() == {"out_of_stock northfield partner": ["1", "2"]}
    phantom = book.last("INC-2")
    assert (phantom.end_reason, phantom.members[0].moved_to) == ("part_of", "INC-1")


def test_what_was_to_run_out_and_did_moves_to_the_stock_out(book: Book) -> None:
    book.on(2, row("1", SHORT))
    book.on(3, row("1", OUT, since=3, alert_due=False))
    assert book.open_ones() == {"out_of_stock northfield partner": ["1"]}
    assert book.last("INC-1").end_reason == "part_of"


def test_a_dc_that_may_run_out_is_counted_among_the_dcs_and_not_with_the_stores_it_serves(book: Book) -> None:
    # what the stores lack is what the DC does not send: it would be added twice
    dcs = (row("7", SHORT, is_dc=True), row("8", IN, is_dc=True))
    never_reported = row("9", UNKNOWN, feed_id=None, location_type="dc")
    book.on(2, row("1", SHORT), row("2", SHORT), row("3", IN), *dcs, never_reported)
    found = {one.scope: (one.kind.value, one.location_type, one.ranged) for one in book.ongoing.values()}
    assert found == {"partner": ("will_run_out", "store", 3), "dcs": ("will_run_out", "dc", 3)}


def test_what_has_stock_again_has_not_moved_though_it_may_run_out(book: Book) -> None:
    book.on(2, row("1", OUT))
    book.on(3, row("1", SHORT))
    assert book.last("INC-1").end_reason == "restocked"
    assert book.open_ones() == {"will_run_out northfield partner": ["1"]}


def test_a_run_out_that_goes_on_is_one_member_since_it_was_seen_first(book: Book) -> None:
    for number in (2, 3, 4):
        book.on(number, row("1", SHORT))
    (member,) = book.last("INC-1").members
    assert (member.out_since, member.last_out) == (day(2), day(4))
    assert book.last("INC-1").kind is Kind.WILL_RUN_OUT


@pytest.mark.parametrize(
    ("told", "opens"),
    [
        ({"p_runs_out": 0.5, "runs_out_on": day(9)}, True),
        ({"p_runs_out": 0.49, "runs_out_on": day(3)}, False),
        ({"p_runs_out": 0.9, "runs_out_on": day(10)}, False),  # eight days ahead
        ({"p_runs_out": 0.9, "runs_out_on": None}, False),
        ({"p_runs_out": None, "runs_out_on": None}, True),  # no orders are told: days of supply have decided
    ],
)
def test_a_run_out_alerts_if_it_is_likely_and_near(book: Book, told: dict[str, object], opens: bool) -> None:
    book.on(2, row("1", SHORT, **told))
    assert bool(book.ongoing) is opens


def test_a_false_alarm_about_what_is_to_come_is_not_raised_again_the_next_day(book: Book) -> None:
    book.on(2, row("1", SHORT))
    (incident,) = book.ongoing.values()
    verdict = Verdict(person="dana@example.com", is_confirmed=False, reason="other", at="2026-11-03T09:00:00Z")
    done = incident.handling.model_copy(update={"verdicts": (verdict,)})
    ended = {"standing": Standing.RESOLVED, "resolved_on": day(2), "handling": done}
    book.ended[incident.fingerprint] = incident.model_copy(update=ended)
    book.ongoing.clear()
    assert [one.reason.value for one in book.on(3, row("1", SHORT)).decisions] == ["judged"]
    assert book.on(4, row("1", SHORT), row("2", SHORT)).opened == {"will_run_out": 1}  # another store


# --- severity (A-22) -------------------------------------------------------------------------------------------------


def test_a_promise_that_is_broken_raises_the_severity_by_one_level(book: Book) -> None:
    book.on(2, row("1", OUT, at_risk_money=700.0), row("2", IN), row("3", IN))
    incident = book.last("INC-1")
    assert (incident.severity, incident.notes) == (
        Severity.CRITICAL,
        ("one level up: the promise of 97% is broken",),
    )


def test_no_promise_is_about_doubtful_shelves_or_stores_of_a_dc_that_nobody_counts(book: Book) -> None:
    book.suspected = {("northfield", "1", ITEM): 9}
    of_northfield = (row("1", PHANTOM), *(row(f"{n}", OUT) for n in range(2, 6)))
    book.on(2, dc(OUT), *of_northfield, *(because(f"{n}", "harbor") for n in range(4)))
    assert {one.kind: bool(one.notes) for one in book.ongoing.values()} == {
        Kind.DC_OUT: False,
        Kind.PHANTOM_STOCK: False,
        Kind.OUT_OF_STOCK: True,
    }


def test_customers_lost_already_count_for_the_severity(book: Book) -> None:
    book.on(2, row("1", OUT, customers_lost=900.0), row("2", IN))
    assert book.last("INC-1").severity is Severity.CRITICAL


def test_of_two_locations_no_promise_is_broken(book: Book) -> None:
    book.on(2, row("1", OUT, at_risk_money=700.0), row("2", IN))
    assert (book.last("INC-1").severity, book.last("INC-1").notes) == (Severity.HIGH, ())


def test_figures_of_less_than_half_of_the_locations_are_medium_at_most(book: Book) -> None:
    unknown = [row(f"{n}", UNKNOWN) for n in range(5, 9)]
    book.on(2, row("1", OUT, at_risk_money=7000.0), row("2", IN), row("3", IN), *unknown)
    incident = book.last("INC-1")
    assert incident.severity is Severity.MEDIUM
    assert incident.notes == ("confidence low, so medium at most: data of 3 of 7 locations",)


def test_an_item_that_nobody_listed_and_nobody_bought_is_medium_at_most(book: Book) -> None:
    book.on(2, row("1", OUT, at_risk_money=7000.0, last_sale_date=None))
    assert book.last("INC-1").notes == (
        "confidence low, so medium at most: the range is inferred, and no sale was seen",
    )


def test_money_in_another_currency_is_not_added(book: Book) -> None:
    book.on(2, dc(OUT, currency="EUR", at_risk_money=9000.0), because("1"), because("2"))
    incident = book.last("INC-1")
    assert (incident.currency, incident.total("at_risk_money")) == ("USD", 140)
    assert incident.notes == ("without money in another currency than USD (1 location)",)
    assert [one.other_currency for one in incident.members] == ["EUR", None, None]


def test_an_incident_keeps_its_currency_while_figures_in_it_stand(book: Book) -> None:
    """Two partners report weekly: on the days between, what a third one lacks in its currency is not added to that."""
    in_euros = because("5", "harbor") | {"currency": "EUR", "at_risk_money": 50.0}
    book.on(2, dc(OUT, at_risk_units=1.0, at_risk_money=5.0), because("1"), because("2"), in_euros)
    resting = [row(location, UNKNOWN, cause="not_due") for location in ("1", "2")]
    book.on(3, dc(OUT, at_risk_units=1.0, at_risk_money=5.0), *resting, in_euros, whole=["westway", "harbor"])
    incident = book.last("INC-1")
    assert (incident.currency, incident.total("at_risk_money")) == ("USD", 140)


def test_a_dc_is_told_in_the_currency_of_most_stores_that_it_feeds_whichever_are_empty() -> None:
    harbor = CHAIN.feeds["harbor_stores"].model_copy(update={"currency": "EUR"})
    book = Book(CHAIN.model_copy(update={"feeds": CHAIN.feeds | {"harbor_stores": harbor}}))
    book.fed[Group(Kind.DC_OUT, "westway", ITEM, "07")] = frozenset(
        {("northfield", "1"), ("northfield", "2"), ("harbor", "5")}
    )
    book.on(2, dc(OUT, at_risk_units=60.0, at_risk_money=300.0), because("5", "harbor") | {"currency": "EUR"})
    incident = book.last("INC-1")
    assert (incident.currency, incident.total("at_risk_money")) == ("USD", 300)


def test_who_acts_on_a_dc_does_not_change_with_how_many_of_its_stores_are_empty(book: Book) -> None:
    """A-31, A-34: its cause is that a DC is out, also before a store is; why the DC itself is, the message says."""
    book.fed[Group(Kind.DC_OUT, "westway", ITEM, "07")] = frozenset({("northfield", "1"), ("northfield", "2")})
    seen = []
    for number, stores in ((2, ()), (3, ("1", "2")), (4, ("1",))):
        book.on(number, dc(OUT, cause="not_delivered"), *(because(one) for one in stores))
        seen.append(book.last("INC-1").listed().cause)
    assert seen == ["distributor_dc"] * 3
    book.on(
        2,
        row("9", OUT, is_dc=True, item="own", cause="not_delivered"),
        row("1", OUT, item="own", dc="9", of_another=False),
    )
    assert next(one.cause() for one in book.ongoing.values() if one.item_id == "own") == "retailer_dc"


def test_the_end_says_how_long_it_was_in_days_and_in_business_days() -> None:
    """A-41, A-54: from Tuesday 3 November to Monday 9 November; a route whose window is `always` has no weekends."""
    for route, lasted in (("07:00-18:00", "6 days, 4 on business days"), ("always", "6 days")):
        routes = [one.model_copy(update={"window": route}) for one in CHAIN.routes.routes]
        book = Book(CHAIN.model_copy(update={"routes": CHAIN.routes.model_copy(update={"routes": tuple(routes)})}))
        book.on(2, row("1", OUT))
        book.on(8, row("1", IN))
        assert f"back at Northfield Grocers after {lasted}, about" in render(book.last("INC-1")).fallback


@pytest.mark.parametrize(
    "match",
    [{"brand": "Oatworks"}, {"kind": "will_run_out"}, {"severity": "medium"}, {"cause": "not_ordered"}],
    ids=str,
)
def test_an_incident_goes_where_a_route_for_its_facts_says_and_stays_there(match: dict[str, str]) -> None:
    route = Route(name="one", match=routing.Match.model_validate(match), channel="C0SPECIAL", owner="Pat Moon")
    routes = CHAIN.routes.model_copy(update={"routes": (route, *CHAIN.routes.routes)})
    book, told = Book(CHAIN.model_copy(update={"routes": routes})), {"at_risk_money": 150.0}
    book.on(2, row("1", SHORT, brand="Oatworks", cause="not_ordered", **told), row("2", IN))
    ((mark, incident),) = book.ongoing.items()
    assert incident.channel == "C0SPECIAL"
    book.ongoing[mark] = incident.model_copy(update={"channel": "C0HANDED", "owner": "Kim"})
    book.on(3, row("1", SHORT, brand="Oatworks", cause="not_ordered", **told), row("2", IN))
    assert (book.ongoing[mark].channel, book.ongoing[mark].owner) == ("C0HANDED", "Kim")


def test_names_are_those_of_the_partner_itself_else_of_any_series_of_the_item(book: Book) -> None:
    book.on(2, because("1"), dc(OUT, item_name="WW Nut"), row("2", IN, partner="harbor", item_name="HB Nut"))
    assert book.last("INC-1").item_name == "WW Nut"
    book.on(2, row("3", OUT, partner="harbor", item_name=None), row("2", IN, partner="harbor", item_name="HB Nut"))
    assert book.last("INC-2").item_name == "HB Nut"


@pytest.mark.parametrize(
    ("on_order", "in_transit", "inbound", "has_open_order"),
    [(3.0, 4.0, 7.0, True), (None, 4.0, 4.0, True), (0.0, None, 0.0, False), (None, None, None, None)],
)
def test_what_is_to_come_is_on_order_or_in_transit(
    book: Book, on_order: float | None, in_transit: float | None, inbound: float | None, has_open_order: bool | None
) -> None:
    book.on(2, row("1", OUT, on_order_units=on_order, in_transit_units=in_transit))
    (member,) = book.last("INC-1").members
    assert (member.inbound_units, member.has_open_order, member.cause_place) == (inbound, has_open_order, None)


def test_what_is_meant_to_leave_the_range_counts_nowhere(book: Book) -> None:
    book.on(2, row("1", OUT), row("2", "planned"), row("3", IN))
    assert (book.last("INC-1").ranged, book.last("INC-1").known) == (2, 2)


def test_limits_of_an_item_class_are_those_of_its_incidents() -> None:
    """A-22, A-15: from the first date to the last, on which nothing of it costs any more."""
    rule = Threshold(
        name="bars", match=Match(item_class="bars"), min_in_stock_rate=0.5, restock_transit_days=4,
        severity=SeverityBands.model_validate({"critical": {"money": 2}, "high": {"money": 1}, "medium": {}}),
    )  # fmt: skip
    rules = Thresholds(thresholds=(*CHAIN.thresholds.thresholds, rule))
    book, bars = Book(CHAIN.model_copy(update={"thresholds": rules})), {"item_class": "bars"}
    book.on(2, dc(OUT, **bars), because("1") | bars, row("2", IN, **bars))
    incident = book.last("INC-1")
    assert (incident.rule, incident.promise, incident.severity) == ("bars", 0.5, Severity.CRITICAL)
    assert incident.transit_days == 4
    for number in (3, 4, 5, 6):
        book.on(number, dc(IN, **bars), row("1", OUT, **bars), row("2", IN, **bars))
        assert list(book.open_ones()) == ["dc_out westway 07"], "its stores still wait for the goods"
    book.on(7, dc(IN, **bars), row("1", OUT, **bars), row("2", IN, **bars))
    assert list(book.open_ones()) == ["out_of_stock northfield partner"]
    book.on(8, dc(IN, **bars), row("1", IN, **bars), row("2", IN, **bars))
    assert (book.last("INC-2").rule, book.last("INC-2").promise) == ("bars", 0.5)


# --- properties ------------------------------------------------------------------------------------------------------

STATES = st.sampled_from((OUT, OUT, PHANTOM, SHORT, IN, UNKNOWN))
PLACES = (("westway", "07"), ("northfield", "9"), ("northfield", "1"), ("northfield", "2"), ("harbor", "1"))
DAYS = st.lists(st.tuples(*(st.tuples(STATES, st.booleans(), st.booleans()) for _ in PLACES)), min_size=1, max_size=6)


def rows_of(number: int, told: tuple[tuple[str, bool, bool], ...]) -> list[dict[str, object]]:
    """A day in which every place has some state, is blamed on DC 07 or not, and is due or not."""
    rows = []
    for (partner, location), (status, is_blamed, is_due) in zip(PLACES, told, strict=True):
        is_dc = location in ("07", "9")
        blame = {"dc": "07"} if is_blamed and status in (OUT, SHORT) and partner != "westway" else {}
        due = {"alert_due": is_due} if status in (OUT, PHANTOM) else {}
        rows.append(row(location, status, partner=partner, is_dc=is_dc, since=min(number, 2), **blame, **due))
    return rows


@settings(max_examples=150)
@given(DAYS)
def test_a_series_that_costs_is_in_one_open_incident_or_waits(days: list[tuple[tuple[str, bool, bool], ...]]) -> None:
    book = Book(CHAIN)
    for number, told in enumerate(days, 2):
        decided = book.on(number, *rows_of(number, told))
        open_groups = {group_of(one) for one in book.ongoing.values()}
        members: dict[tuple[str, str], list[str]] = {}
        for one in book.ongoing.values():
            for member in one.members:
                if member.state is MemberState.OUT:
                    members.setdefault((member.partner or one.partner, member.location_id), []).append(one.incident_id)
        waiting = [at if ":" in at else f"{one.partner}:{at}" for one in decided.pending for at in one.places]
        for (partner, location), (status, _, is_due) in zip(PLACES, told, strict=True):
            found = members.get((partner, location), [])
            assert len(found) <= 1, (partner, location, found)
            if status in LACKS and not found:
                assert decided.pictures.groups[partner, location, ITEM] not in open_groups
                assert not (status == OUT and is_due)
                assert waiting.count(f"{partner}:{location}") == 1, "A-01: it is pending, once"
            if status not in LACKS:
                assert not found


NOTHING_KNOWN = (UNKNOWN, False, True)
DC_THAT_IS_BACK_AND_MAY_RUN_OUT = [
    ((IN, False, True), (OUT, False, True), (OUT, True, True), NOTHING_KNOWN, NOTHING_KNOWN),
    ((OUT, False, True), (SHORT, True, True), (OUT, True, True), NOTHING_KNOWN, NOTHING_KNOWN),
]
"""Northfield's DC 9 had an incident of its own, and will run out next because DC 07 has."""


@settings(max_examples=150)
@given(DAYS)
@example(DC_THAT_IS_BACK_AND_MAY_RUN_OUT)
def test_deciding_a_day_again_changes_nothing(days: list[tuple[tuple[str, bool, bool], ...]]) -> None:
    book = Book(CHAIN)
    for number, told in enumerate(days, 2):
        book.on(number, *rows_of(number, told))
        before, events, pending = dict(book.ongoing), list(book.events), book.pending
        again = book.on(number, *rows_of(number, told))
        assert [one.reason.value for one in again.decisions if one.event_kind] == []
        assert (book.ongoing, book.events, book.pending) == (before, events, pending)


SETTLING = st.lists(st.sampled_from(("northfield", "harbor", "westway")), min_size=1, max_size=3, unique=True)
"""Partners in the order in which they are settled; but nobody before Westway, which supplies them."""


@settings(max_examples=150)
@given(DAYS, st.lists(SETTLING, min_size=6, max_size=6))
def test_a_day_that_is_decided_partner_by_partner_ends_as_if_it_had_been_decided_at_once(
    days: list[tuple[tuple[str, bool, bool], ...]], settling: list[list[str]]
) -> None:
    """A-14; of stores that are blamed on a DC that is out."""
    at_once, in_parts = Book(CHAIN), Book(CHAIN)
    for number, (told, partners) in enumerate(zip(days, settling, strict=False), 2):
        is_out = told[0][0] == OUT
        rows = rows_of(number, tuple((one, blamed and is_out, due) for one, blamed, due in told))
        at_once.on(number, *rows)
        for count in range(len(partners) + 1):
            awaited = set(partners[count:])
            in_parts.on(number, *rows, awaited={*awaited, "northfield", "harbor"} if "westway" in awaited else awaited)
        assert (in_parts.open_ones(), in_parts.pending_ones()) == (at_once.open_ones(), at_once.pending_ones())


@settings(max_examples=100)
@given(DAYS)
def test_a_partner_that_is_settled_after_the_next_day_of_the_others_is_in_one_incident_or_waits(
    days: list[tuple[tuple[str, bool, bool], ...]],
) -> None:
    """A-14: its feeds come two days later than those of the DC that supplies it."""
    book = Book(CHAIN)
    for number, told in enumerate(days, 2):
        book.on(number, *rows_of(number, told), awaited=("harbor",))
        if number == 2:
            continue
        before = days[number - 3]
        decided = book.on(number - 1, *rows_of(number - 1, before), untouched=("westway", "northfield"))
        found = [
            incident.incident_id
            for incident in book.ongoing.values()
            for one in incident.now_out()
            if (one.partner or incident.partner) == "harbor"
        ]
        waiting = [one for one in decided.pending if one.partner == "harbor" or "harbor:1" in one.places]
        (status, _, is_due) = before[PLACES.index(("harbor", "1"))]
        if status in LACKS:
            assert len(found) + len(waiting) == 1, (found, waiting)
            assert found or not (status == OUT and is_due)
        elif status == IN:
            assert not found


@settings(max_examples=100)
@given(DAYS)
def test_a_day_without_data_opens_ends_and_moves_nothing(days: list[tuple[tuple[str, bool, bool], ...]]) -> None:
    book = Book(CHAIN)
    for number, told in enumerate(days, 2):
        book.on(number, *rows_of(number, told))
    before, pending = {key: one for key, one in book.ongoing.items()}, book.pending
    nothing = [row(location, UNKNOWN, partner=partner, is_dc=location in ("07", "9")) for partner, location in PLACES]
    book.on(len(days) + 2, *nothing, whole=())
    assert book.pending == pending
    assert book.ongoing.keys() == before.keys()
    for key, one in book.ongoing.items():
        assert still(one) == still(before[key])


def still(incident: Incident) -> object:
    """An incident without what says that it stands still."""
    figures = [one.model_dump(exclude={"state"}) for one in incident.members]
    active = [one.is_active for one in incident.members]
    return incident.model_dump(exclude={"members", "data_stale"}), figures, active


@settings(max_examples=50)
@given(DAYS)
def test_after_every_event_the_state_is_that_which_the_events_tell(
    days: list[tuple[tuple[str, bool, bool], ...]],
) -> None:
    """A-08: events are only added, and each holds the whole state after it, as it was decided."""
    book, engine = Book(CHAIN), sa.create_engine("sqlite://")
    tables.metadata.create_all(engine)
    for number, told in enumerate(days, 2):
        book.on(number, *rows_of(number, told))
    with engine.begin() as tx:
        for incident_id, states in book.states.items():
            for count, state in enumerate(states, 1):
                seq = incidents.append(tx, state, kind="updated", reason="figures", at=NOW, actor="check")
                history = incidents.events(tx, incident_id)
                assert (seq, [event["seq"] for event in history]) == (count, list(range(1, count + 1)))
                assert [incidents.read(state.kind.value, event["state"]) for event in history] == states[:count]
                assert incidents.find(tx, incident_id) == state
        assert incidents.open_incidents(tx, STOCK_KINDS) == book.ongoing
    engine.dispose()

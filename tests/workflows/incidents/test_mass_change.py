"""A date that changes too much at once is not decided on until somebody has looked (A-17)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include.stockwatch.adapters.state import incidents, ledger, pending
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import STOCK_KINDS, Kind
from include.stockwatch.alerting.mass_change import (
    MassChangeSettings,
    MassPicture,
    NewlyOut,
    decide,
    most_first,
    suspicion,
)
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.incidents.decide import decide_date
from include.stockwatch.workflows.rules import Rules
from include.stockwatch.workflows.services import Services
from tests.alerting.stock_examples import mass
from tests.domain.tables import day
from tests.workflows.days import IN, ITEM, OUT, chain, row, table

FEED = "northfield_stores"
FEEDS = {FEED, "northfield_dcs"}  # all of Northfield's
ID = "DATA-2026-00001"


@pytest.fixture
def watched(services: Services) -> Services:
    """Four partners; Northfield's day 2 was decided on, one store being out."""
    services.settings = chain(services.settings)
    check(services, 2, {"1"})
    return services


def rows(out: set[str], since: int, stores: int = 30, items: int = 1) -> list[dict[str, Any]]:
    """Northfield on a day: the stores of `out` ran out of every item on the day `since`, the first one on day 2."""
    return [
        row(f"{n}", OUT if f"{n}" in out else IN, since=2 if n == 1 else since, item=f"{ITEM}{i}" if i else ITEM)
        for n in range(1, stores + 1)
        for i in range(items)
    ]


def check(services: Services, number: int, out: set[str], since: int | None = None, **told: Any) -> dict[str, Any]:
    """Decide on a day of Northfield."""
    told_rows = rows(out, number if since is None else since, **told)
    rules = Rules(thresholds=services.settings.thresholds)
    return decide_date(services, day(number), table(number, told_rows), FEEDS, rules, actor="check")


def some(count: int) -> set[str]:
    """The first stores."""
    return {f"{n}" for n in range(1, count + 1)}


def stored(services: Services) -> tuple[list[Any], Any, Any]:
    """Open incidents of stock, the mass change, and the date decided on last."""
    with services.state.begin() as tx:
        found = list(incidents.open_incidents(tx, STOCK_KINDS).values())
        return found, incidents.find(tx, ID), ledger.watermark(tx).get("northfield")


def test_a_date_on_which_a_third_of_the_stores_run_out_is_held(watched: Services) -> None:
    before, _, _ = stored(watched)
    found = check(watched, 3, some(11))  # ten of thirty newly out
    assert (found["held"], found["opened"], found["resolved"]) == (["northfield"], [], [])
    after, held, mark = stored(watched)
    assert held.why == "one item ran out in 10 of its 30 locations at once, 33%, the limit is 30%"
    assert (held.kind, held.newly_out, held.series, held.items[0].locations) == (Kind.MASS_CHANGE, 10, 30, 10)
    assert mark == day(2), "the date does not count as decided"
    assert [one.members[0].last_out for one in after] == [one.members[0].last_out for one in before]
    assert [one.data_stale for one in after] == [True]


@pytest.mark.parametrize(("newly", "is_held"), [(9, False), (10, True)])
def test_the_limits_are_those_of_the_settings(watched: Services, newly: int, is_held: bool) -> None:
    assert bool(check(watched, 3, some(1 + newly))["held"]) is is_held


@pytest.mark.parametrize(
    ("told", "currency", "money"),
    [
        ({"currency": "USD"}, "USD", 700.0),
        ({"currency": "EUR"}, None, None),
        ({"currency": "EUR", "at_risk_money": None}, "USD", 630.0),
    ],
)
def test_money_of_two_currencies_is_not_added(
    watched: Services, told: dict[str, Any], currency: str | None, money: float | None
) -> None:
    found = rows(some(11), 3)
    found[10] |= told
    rules = Rules(thresholds=watched.settings.thresholds)
    decide_date(watched, day(3), table(3, found), FEEDS, rules, actor="check")
    held = stored(watched)[1]
    assert (held.currency, held.money_at_risk) == (currency, money)


def test_many_items_that_run_out_in_a_store_or_two_are_held_by_their_sum(watched: Services) -> None:
    found = check(watched, 3, some(3), items=15)  # three stores of fifteen items, less what was out before: 44 of 450
    assert found["held"] == ["northfield"]
    assert stored(watched)[1].why == "30 series ran out at once, the limit is 22"


@pytest.mark.parametrize(
    ("stores", "out", "items", "is_held"),
    [
        (3, 3, 3, True),  # six of six, those of the first store being out before
        (4, 3, 3, False),  # six of nine
        (6, 5, 2, False),  # eight of ten are no more than the limit
        (6, 6, 1, False),  # five of five, of one item: its supply may have failed
        (2, 2, 4, False),  # four of four are few
    ],
)
def test_a_small_feed_of_which_nearly_all_is_empty_at_once_is_held(
    watched: Services, stores: int, out: int, items: int, is_held: bool
) -> None:
    assert bool(check(watched, 3, some(out), stores=stores, items=items)["held"]) is is_held
    if is_held:
        why = f"6 of the 6 series of feed {FEED} that had stock ran out at once, 100%, the limit is 80%"
        assert stored(watched)[1].why == why


def test_what_a_weekly_feed_shows_empty_is_new_though_another_feed_of_the_partner_comes_daily(
    watched: Services,
) -> None:
    feeds = watched.settings.feeds
    weekly = feeds[FEED].expected.model_copy(update={"weekdays": ("thu",)})  # day 4
    feeds = {**feeds, FEED: feeds[FEED].model_copy(update={"expected": weekly})}
    watched.settings = watched.settings.model_copy(update={"feeds": feeds})
    with watched.state.begin() as tx:
        ledger.raise_watermark(tx, "northfield", day(3))
    assert check(watched, 4, some(30), since=0)["held"] == ["northfield"]


def test_the_first_date_of_a_partner_is_believed(services: Services) -> None:
    services.settings = chain(services.settings)
    assert check(services, 2, some(30))["held"] == []


def test_what_was_out_before_is_not_new(watched: Services) -> None:
    check(watched, 3, some(9))
    assert check(watched, 4, some(18), since=3)["held"] == []  # none of them is newer than the date decided on


def test_deciding_the_held_date_again_changes_nothing(watched: Services) -> None:
    check(watched, 3, some(11))
    before = stored(watched)
    with watched.state.begin() as tx:
        events = incidents.events(tx, ID)
    check(watched, 3, some(11))
    assert stored(watched) == before
    with watched.state.begin() as tx:
        assert incidents.events(tx, ID) == events


def test_a_file_that_is_sent_again_and_believed_settles_it(watched: Services) -> None:
    check(watched, 3, some(11))
    found = check(watched, 3, some(2))
    assert found["held"] == []
    settled = stored(watched)[1]
    assert (settled.is_open, settled.settled_by) == (False, day(3))


def test_the_next_date_that_shows_the_same_is_held_in_the_same_incident(watched: Services) -> None:
    check(watched, 3, some(11))
    check(watched, 4, some(11), since=3)
    held = stored(watched)[1]
    assert (held.dates, held.business_date) == ((day(3), day(4)), day(4))


def test_what_waits_to_be_due_waits_on_while_a_date_is_held(watched: Services) -> None:
    rules = Rules(thresholds=watched.settings.thresholds)
    waits = row("7", OUT, item=f"{ITEM}9", since=3, alert_due=False)
    for number, out in ((3, {"1"}), (4, some(14))):
        told = table(number, [*rows(out, number), waits])
        decided = decide_date(watched, day(number), told, FEEDS, rules, actor="check")
        assert bool(decided["held"]) is (number == 4)
        with watched.state.begin() as tx:
            assert [one.item_id for one in pending.listed(tx)] == [f"{ITEM}9"]


def test_an_approved_date_is_due_again_and_decided_as_it_is(watched: Services) -> None:
    with watched.state.begin() as tx:
        ledger.deliver_dates(tx, FEED, "a" * 64, {day(3): 30}, watched.now())
        inputs = ledger.inputs_of(day(3), {day(3): {FEED: "a" * 64}}, {}, 56)
        ledger.record_check(tx, day(3), inputs, watched.now(), {})
    check(watched, 3, some(11))
    assert day(3) not in {one.business_date for one in due_checks(watched)}
    done = act(watched, ID, Action(act=Act.APPROVE, person="dana@example.com", at=watched.now()))
    assert done.case.is_approved
    due = [one for one in due_checks(watched) if one.business_date == day(3)]
    assert [(one.why.value, one.inputs != inputs) for one in due] == [("restated", True)]
    found = check(watched, 3, some(11))
    assert (found["held"], stored(watched)[2]) == ([], day(3))
    assert len(stored(watched)[0][0].now_out()) == 11
    assert check(watched, 4, some(25))["held"] == ["northfield"], "the next date is another question"


def test_a_discarded_date_is_not_asked_about_again_until_it_shows_something_else(watched: Services) -> None:
    check(watched, 3, some(11))
    act(watched, ID, Action(act=Act.DISCARD, person="dana@example.com", at=watched.now(), reason="half a file"))
    assert check(watched, 3, some(11))["held"] == ["northfield"]
    with watched.state.begin() as tx:
        assert incidents.open_incidents(tx, [Kind.MASS_CHANGE]) == {}
    check(watched, 3, some(13))
    with watched.state.begin() as tx:
        assert [one.newly_out for one in incidents.open_incidents(tx, [Kind.MASS_CHANGE]).values()] == [12]


def test_the_date_after_a_discarded_one_is_asked_about_though_it_shows_the_same(watched: Services) -> None:
    check(watched, 3, some(11))
    act(watched, ID, Action(act=Act.DISCARD, person="dana@example.com", at=watched.now(), reason="half a file"))
    assert check(watched, 4, some(11), since=3)["held"] == ["northfield"]
    with watched.state.begin() as tx:
        assert [one.dates for one in incidents.open_incidents(tx, [Kind.MASS_CHANGE]).values()] == [(day(4),)]


def test_a_dc_that_explains_it_makes_it_believed_unless_the_dc_itself_is_not(services: Services) -> None:
    services.settings = chain(services.settings)
    feeds = {FEED, "westway_dcs"}
    rules = Rules(thresholds=services.settings.thresholds)

    def decided(number: int, dcs_out: int, stores_out: int) -> list[str]:
        dcs = [row(f"D{n}", OUT if n <= dcs_out else IN, partner="westway", since=number) for n in range(1, 31)]
        stores = [row(f"{n}", OUT if n <= stores_out else IN, since=number, dc="D1") for n in range(1, 31)]
        for one in stores:
            if one["status"] == IN:
                one |= {"cause": None, "scope": None, "scope_id": None}
        found = decide_date(services, day(number), table(number, [*dcs, *stores]), feeds, rules, actor="check")
        return list(found["held"])

    assert decided(2, 0, 0) == []
    assert decided(3, 1, 20) == [], "one DC is out, and explains the stores"
    assert decided(4, 0, 0) == []
    assert decided(5, 25, 20) == ["northfield", "westway"], "nearly all DCs at once: neither is believed"


PICTURE = {name: getattr(mass(), name) for name in MassPicture.model_fields}


@given(st.integers(0, 500), st.integers(1, 9000))
@example(20, 100)
@example(21, 100)
@example(25, 500)
def test_what_is_held_is_more_than_twenty_and_more_than_a_twentieth(newly: int, series: int) -> None:
    picture = MassPicture(**{**PICTURE, "newly_out": newly, "series": series, "items": ()})
    assert (suspicion(picture, MassChangeSettings()) is not None) == (newly > 20 and newly > series / 20)


@pytest.mark.parametrize(("locations", "of_locations", "is_held"), [(9, 9, False), (12, 40, False), (13, 40, True)])
def test_an_item_in_few_locations_is_no_mass_change(locations: int, of_locations: int, is_held: bool) -> None:
    item = NewlyOut(item_id="1", locations=locations, of_locations=of_locations)
    picture = MassPicture(**{**PICTURE, "newly_out": locations, "series": 900, "items": (item,)})
    why = suspicion(picture, MassChangeSettings())
    assert (why is not None) is is_held
    decided = decide(picture, why, None, tenant="x", new_id="y", previous=None)
    assert decided.reason.value == ("first" if is_held else "all_well")


def test_the_items_that_ran_out_in_most_locations_are_named_first() -> None:
    named = most_first(["a", "b", "c", "b"], {"a": 3, "b": 4, "c": 5}, {"b": "Oat Bar"})
    assert [(one.item_id, one.item_name, one.locations, one.of_locations) for one in named] == [
        ("b", "Oat Bar", 2, 4),
        ("a", None, 1, 3),
        ("c", None, 1, 5),
    ]


def test_another_date_leaves_the_question_with_whom_it_was_asked() -> None:
    """Only a hand-over moves it."""
    asked = mass()
    told = {"business_date": asked.business_date + dt.timedelta(days=1), "channel": "C0NEW", "owner": "Pat Moon"}
    decided = decide(MassPicture(**PICTURE | told), "much", asked, tenant="x", new_id="y", previous=None)
    assert decided.incident is not None
    assert (decided.incident.channel, decided.incident.owner) == (asked.channel, asked.owner)
    assert decided.incident.business_date == told["business_date"]

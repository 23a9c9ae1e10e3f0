"""A date is decided with what else is known: how it stood before, what people said, who rests, what was suspected."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from include.stockwatch.adapters.state import incidents, ledger, outbox, pending
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.mass_change import MassChange
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.incidents.decide import decide_date
from include.stockwatch.workflows.rules import Rules
from include.stockwatch.workflows.services import Services
from tests.domain.tables import day
from tests.workflows.days import IN, ITEM, OUT, PHANTOM, UNKNOWN, chain, row, table

FEEDS = frozenset({"northfield_stores", "northfield_dcs"})


@pytest.fixture
def linked(services: Services) -> Services:
    """Services of four partners that nothing was decided on."""
    services.settings = chain(services.settings)
    return services


def decided(
    services: Services,
    number: int,
    *rows: dict[str, Any],
    feeds: frozenset[str] = FEEDS,
    awaited: Collection[str] = (),
    **limits: float,
) -> dict[str, Any]:
    """Decide on a day, with other limits for everything."""
    default, *others = services.settings.thresholds.thresholds
    thresholds = services.settings.thresholds.model_copy(
        update={"thresholds": (default.model_copy(update=limits), *others)}
    )
    services.settings = services.settings.model_copy(update={"thresholds": thresholds})
    rules = Rules(thresholds=thresholds)
    return decide_date(services, day(number), table(number, rows), set(feeds), rules, actor="check", awaited=awaited)


def last(services: Services, number: int = 1) -> Incident:
    """How an incident stands."""
    with services.state.begin() as tx:
        found = incidents.find(tx, f"INC-2026-{number:05d}")
    assert isinstance(found, Incident)
    return found


def test_a_spell_that_is_cut_by_its_last_day_has_lost_what_it_had_lost_before(linked: Services) -> None:
    other = row("2", OUT)
    decided(linked, 2, row("1", OUT, lost_money=10.0), other)
    decided(linked, 3, row("1", OUT, lost_money=70.0), other)  # no even share
    decided(linked, 3, row("1", IN), other)
    back, _ = last(linked).members
    assert (back.state.value, back.last_out, back.lost_money) == ("back", day(2), 10.0)


@pytest.mark.parametrize(("wrong", "is_alone"), [(19, True), (20, False)])
def test_a_rule_that_was_wrong_too_often_interrupts_nobody(linked: Services, wrong: int, is_alone: bool) -> None:
    """A-56"""
    decided(linked, 2, *(row("1", OUT, item=f"{ITEM}{n}") for n in range(20)))
    for n in range(1, wrong + 1):
        said = Action(act=Act.FALSE_ALARM, person="dana@example.com", at=linked.now(), reason="wrong_record")
        act(linked, f"INC-2026-{n:05d}", said)
    decided(linked, 3, row("1", OUT, item=f"{ITEM}x", since=3))
    with linked.state.read() as tx:
        posts = {one["incident_id"] for one in outbox.messages(tx) if one["operation"] == outbox.POST}
    assert last(linked, 21).is_open
    assert (last(linked, 21).incident_id in posts) is is_alone


def test_a_shelf_is_told_once_it_was_suspected_on_so_many_dates_in_a_row(linked: Services) -> None:
    """Dates of which nothing is known are passed over; a date on which it sold ends it."""
    before = {"a": "SSS", "b": ".SS", "c": "S?S", "d": "SS.", "e": "S.S", "f": "..S", "g": "SSO"}
    statuses = {"S": PHANTOM, "?": UNKNOWN, ".": IN, "O": OUT}
    for number in range(3):
        told = [row("1", statuses[past[number]], item=f"{ITEM}{name}") for name, past in before.items()]
        told.append(row("1", PHANTOM, item=f"{ITEM}f", partner="harbor"))  # another shelf
        linked.lake.replace_dates("availability", table(2 + number, told), [day(2 + number)])
    now = [row("1", PHANTOM, item=f"{ITEM}{name}") for name in before]
    linked.lake.replace_dates("availability", table(5, now), [day(5)])  # tables come before decisions
    decided(linked, 5, *now, phantom_days_before_alert=3)
    with linked.state.begin() as tx:
        told_of = {one.item_id[-1] for one in incidents.open_incidents(tx, STOCK_KINDS).values()}
    assert told_of == {"a", "b", "c"}


def test_a_partner_that_rests_is_left_as_it_is_unless_it_reports_all_the_same(linked: Services) -> None:
    feeds = {
        name: feed.model_copy(update={"expected": feed.expected.model_copy(update={"weekdays": ("tue", "thu")})})
        for name, feed in linked.settings.feeds.items()
    }
    linked.settings = linked.settings.model_copy(update={"feeds": feeds})
    decided(linked, 2, row("1", OUT))
    assert decided(linked, 3, row("1", UNKNOWN), feeds=frozenset())["frozen"] == []
    assert not last(linked).data_stale
    assert decided(linked, 3, row("1", IN))["resolved"] == ["INC-2026-00001"], "Wednesday's came"


def test_a_partner_that_is_awaited_is_left_as_it_is(linked: Services) -> None:
    """A-14: nothing opens, freezes or ends, nothing is doubted, what waits waits on; a DC keeps the stores it has."""
    feeds, own = FEEDS | {"westway_dcs"}, f"{ITEM}x"
    before = [row("1", OUT), row("9", OUT, item=own, alert_due=False), row("8", OUT, dc="07")]
    before.append(row("07", OUT, partner="westway"))
    many = [row(f"{n}", OUT, item=f"{ITEM}m", since=3) for n in range(100, 140)]
    decided(linked, 2, *before, *({**one, "status": IN} for one in many), feeds=feeds)
    asked = decided(
        linked, 3, row("07", IN, partner="westway"), row("8", IN), *many, feeds=feeds, awaited={"northfield"}
    )
    assert [asked[name] for name in ("opened", "frozen", "resolved", "held")] == [[], [], [], []]
    with linked.state.read() as tx:
        found = {one.kind.value: one for one in incidents.open_incidents(tx, STOCK_KINDS).values()}
        assert ledger.watermark(tx) == {"northfield": day(2), "westway": day(3)}
        assert [one.item_id for one in pending.listed(tx)] == [own]
    assert found["out_of_stock"].data_as_of == day(2)
    assert [one.place for one in found["dc_out"].now_out()] == ["northfield:8"]
    assert (found["dc_out"].data_as_of, found["dc_out"].data_stale) == (day(3), False)
    assert decided(linked, 3, row("07", IN, partner="westway"), row("8", IN), *many, feeds=feeds)["held"] == [
        "northfield"
    ]


def test_what_a_partner_that_is_awaited_lacks_counts_as_it_stood(linked: Services) -> None:
    dear = row("8", OUT, dc="07", at_risk_money=1e6)
    others = (row("5", OUT, partner="harbor", dc="07"), row("07", OUT, partner="westway"))
    feeds = FEEDS | {"harbor_stores", "westway_dcs"}
    decided(linked, 2, dear, *others, feeds=feeds)
    before = last(linked)
    decided(linked, 3, row("8", UNKNOWN), *others, feeds=feeds, awaited={"northfield"})
    after = last(linked)
    assert (after.severity, after.calm_checks, after.data_as_of) == (before.severity, 0, day(3))


def test_two_partners_that_are_held_at_once_are_two_questions(linked: Services) -> None:
    feeds = FEEDS | {"harbor_stores"}
    partners = ("northfield", "harbor")
    for number, status in ((2, IN), (3, OUT)):
        told = [row(f"{n}", status, partner=one, since=3) for one in partners for n in range(1, 31)]
        held = decided(linked, number, *told, feeds=feeds)["held"]
    assert held == ["harbor", "northfield"]
    with linked.state.read() as tx:
        found = [incidents.find(tx, f"DATA-2026-{n:05d}") for n in (1, 2)]
    of_harbor, of_northfield = (one for one in found if isinstance(one, MassChange))
    assert (of_harbor.partner, of_harbor.feeds) == ("harbor", ("harbor_stores",))
    assert (of_northfield.partner, of_northfield.feeds) == ("northfield", tuple(sorted(FEEDS)))

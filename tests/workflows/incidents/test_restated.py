"""Files that were wrong, and corrected later: incidents end as if the files had been right from the start."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import incidents, ledger
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.alerting.incident import Incident, MemberState
from include.stockwatch.domain.gtin import check_digit
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.incidents.decide import decide_date
from include.stockwatch.workflows.rules import Rules
from include.stockwatch.workflows.services import Services
from tests.domain.tables import day
from tests.fakes import Clock, northfield, row
from tests.workflows import days

FEED, STORES, DAYS, BEFORE = "northfield_stores", ("0001", "0002", "0003", "0004"), 5, 28
STORIES: tuple[tuple[str, dict[int, str]], ...] = (
    # stores that were out on each day, and what was told of some days at first
    ("- - - - -", {4: "12"}),
    ("- - - - -", {3: "12", 4: "1"}),
    ("- - - - -", {0: "1"}),  # had ended as back
    ("- - - - -", {2: "1", 3: "12"}),
    ("- 1 1 - -", {2: "12"}),  # adds a store to an incident that has ended
    ("- - 1 1 1", {3: "12", 4: "12"}),  # to one that goes on
    ("- - 1 - -", {3: "12", 4: "2"}),  # adds a store, and a day to the other
    ("1 - - - -", {2: "1"}),  # opens again what had ended
    ("1 - - - -", {3: "1", 4: "12"}),
    ("1 - - - 1", {2: "1"}),  # opened again in truth as well
    ("- - - - 1", {2: "1"}),
    ("1 1 1 - -", {}),
    ("- - - 1 1", {1: "1", 2: "1"}),  # began later than it was said to
    ("- - 12 12 -", {1: "1"}),
    ("1 - - 1 1", {1: "1", 2: "1"}),  # was two spells, not one
    ("- 1 1 - -", {0: "1", 3: "1"}),
    ("2 - - 1 1", {1: "1", 2: "12"}),
    ("1 - - - 1", {0: "12", 4: "-"}),  # opens again on the date that is corrected
)


@pytest.fixture
def twins(tmp_path: Path, config: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Services]]:
    """Two homes with the same settings."""
    monkeypatch.setenv("STOCKWATCH_DB", "")
    clock.move(days=DAYS)
    made = [Services(tmp_path / name, config, clock, pause=clock.wait) for name in ("right", "told")]
    yield made
    for one in made:
        one.state.engine.dispose()


def gtin(number: int) -> str:
    """The item of a story."""
    body = f"850007124{number:02d}"
    return body + check_digit(body)


def take(services: Services, path: Path, out: Mapping[int, list[str]]) -> None:
    """Take in one file of some days: of each story the stores that are out."""
    rows = [
        row(day(1 + number), store, item=gtin(n), on_hand=20 * is_in, sold=5 * is_in)
        for number, stories in out.items()
        for n, told in enumerate(stories)
        for store in STORES
        for is_in in [store[-1] not in told]
    ]
    ingest_file(services, FEED, northfield(path, rows))


def live(services: Services, folder: Path, told: dict[int, list[str]]) -> None:
    """Live through days as they come."""
    take(services, folder / "history.csv", {-n: ["-"] * len(STORIES) for n in range(1, BEFORE)})
    for number, stories in told.items():
        take(services, folder / f"{number}.csv", {number: stories})
        check(services, day(1 + number))


def shown(services: Services) -> dict[str, list[dict[str, Any]]]:
    """What was so of incidents, by item, without what never was."""
    with services.state.begin() as tx:
        found: list[Incident] = [*incidents.open_incidents(tx, STOCK_KINDS).values()]
        found += incidents.ended_since(tx, STOCK_KINDS, day(1))
    shown: dict[str, list[dict[str, Any]]] = {gtin(n): [] for n in range(len(STORIES))}
    for one in sorted(found, key=lambda one: one.incident_id):
        spells = {
            member.spell: (member.state.value, member.last_out, round(member.lost_units or 0, 6), member.back_on)
            for member in one.members
            if member.state is not MemberState.CORRECTED
        }
        if not one.was_never_out:
            days = (one.opened_on, one.resolved_on, one.end_reason, one.peak_out)
            shown[one.item_id[-12:]].append({"days": days, "spells": spells})
    return shown


def events(services: Services) -> list[Any]:
    """The history of every incident."""
    with services.state.begin() as tx:
        return [incidents.events(tx, f"INC-2026-{n:05d}") for n in range(1, 1 + len(STORIES))]


def test_what_one_file_corrects_ends_as_if_it_had_been_right(tmp_path: Path, twins: list[Services]) -> None:
    right = {number: [story.split()[number] for story, _ in STORIES] for number in range(DAYS)}
    told = {number: [wrong.get(number, right[number][n]) for n, (_, wrong) in enumerate(STORIES)] for number in right}
    as_it_was, corrected = twins
    live(as_it_was, tmp_path / "right", right)
    live(corrected, tmp_path / "told", told)
    take(corrected, tmp_path / "told" / "corrected.csv", right)
    for number in right:
        check(corrected, day(1 + number))
    assert shown(corrected) == shown(as_it_was)
    before = events(corrected)
    check(corrected, day(DAYS))
    assert events(corrected) == before, "deciding again changes nothing"


STATUSES = {"O": days.OUT, "P": days.PHANTOM, "-": days.IN, "?": days.UNKNOWN}
CASES: tuple[tuple[str, str, int, list[tuple[str, int, int, int | None]]], ...] = (
    # days 2 to 6 as told at first, and as told now (a blank: no row); first day of the incident; of its spells the
    # state, the first and the last day, and when it was back
    ("OO---", "O----", 2, [("back", 2, 2, 3)]),
    ("OO---", "-O---", 3, [("back", 3, 3, 4)]),
    ("OO---", "-----", 2, [("corrected", 2, 2, 4)]),
    ("OO---", "OP---", 2, [("back", 2, 3, 4)]),  # empty all the same
    ("OOO--", "O?---", 2, [("back", 2, 2, 4)]),  # out until it was seen out last
    ("OO---", "O?---", 2, [("back", 2, 3, 4)]),  # nothing is known of the day now: it is not taken back
    ("OO---", "??---", 2, [("back", 2, 3, 4)]),
    ("OO---", " ----", 2, [("back", 2, 2, 3)]),  # nor is a day before the first that tables tell of
    ("OOOOO", "O-OOO", 2, [("back", 2, 2, 3), ("out", 4, 6, None)]),
    ("OOOOO", "O--?O", 2, [("back", 2, 2, 3), ("out", 6, 6, None)]),
    ("OOOOO", "O-O-O", 2, [("back", 2, 4, 5), ("out", 6, 6, None)]),  # of two pauses the earlier one is not told
    ("OOOOO", "-OOOO", 3, [("out", 3, 6, None)]),
    ("OOOOO", "--OOO", 4, [("out", 4, 6, None)]),
    ("OOOOO", "O??OO", 2, [("out", 2, 6, None)]),
    ("OOOOO", "??OOO", 2, [("out", 4, 6, None)]),
    ("OOOOO", "-----", 2, [("corrected", 2, 2, None)]),
    ("OOOOO", "OOO--", 2, [("back", 2, 4, 5)]),
    ("OOOOO", "OOO??", 2, [("stale", 2, 6, None)]),
)


def rows_of(number: int, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of a day, 0 being the first, by item."""
    found = []
    for item, story in told.items():
        since = max((n + 1 for n in range(number) if story[n] == "-"), default=0)
        began = next((n for n in range(since, number + 1) if story[n] in "OP"), since)
        if story[number] != " ":
            found.append(days.row("1", STATUSES[story[number]], item=item, since=2 + began))
    return found


def corrected(
    services: Services, cases: Sequence[tuple[str, str]], again: Collection[int]
) -> list[tuple[int, list[tuple[str, int, int, int | None]]]]:
    """Of each case the first day of its incident and its spells, as `CASES` tells them, once some days came again."""
    services.settings = days.chain(services.settings)
    first, now = ({gtin(n): case[which] for n, case in enumerate(cases)} for which in (0, 1))
    rules, feeds = Rules(thresholds=services.settings.thresholds), {FEED, "northfield_dcs"}
    for inputs, told, dates in (("first", first, range(2, 2 + DAYS)), ("now", now, sorted(again))):
        for date in dates:
            table = days.table(date, rows_of(date - 2, told))
            services.lake.replace_dates("availability", table, [day(date)])
            if told is first or date == 1 + DAYS:
                decide_date(services, day(date), table, feeds, rules, actor="check")
            with services.state.begin() as tx:
                ledger.record_check(tx, day(date), inputs, services.now(), {})
    with services.state.begin() as tx:
        found = [*incidents.open_incidents(tx, STOCK_KINDS).values(), *incidents.ended_since(tx, STOCK_KINDS, day(1))]
    number = {day(n): n for n in range(2, 2 + DAYS)}
    return [
        (
            number[one.opened_on],
            [(m.state.value, number[m.out_since], number[m.last_out], number.get(m.back_on)) for m in one.members],
        )
        for one in sorted(found, key=lambda one: str(one.item_id))
    ]


def test_a_spell_keeps_the_days_that_reports_do_not_take_back(services: Services) -> None:
    told = [(before, after) for before, after, *_ in CASES]
    assert corrected(services, told, range(2, 2 + DAYS)) == [(opened, spells) for _, _, opened, spells in CASES]


def test_the_last_day_of_a_spell_may_be_the_only_one_that_came_again(services: Services) -> None:
    assert corrected(services, [("OO---", "O----")], (3, 6)) == [(2, [("back", 2, 2, 3)])]

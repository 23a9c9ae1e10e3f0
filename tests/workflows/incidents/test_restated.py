"""Files that were wrong, and corrected later: incidents end as if the files had been right from the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import incidents
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.alerting.incident import Incident, MemberState
from include.stockwatch.domain.gtin import check_digit
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests.domain.tables import day
from tests.fakes import Clock, northfield, row

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

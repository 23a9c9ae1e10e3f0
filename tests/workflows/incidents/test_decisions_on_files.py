"""What a person may decide on a held file, and what becomes of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import ledger
from include.stockwatch.errors import FeedHeld
from include.stockwatch.workflows.feeds.ingest import decide, ingest_file
from include.stockwatch.workflows.services import Services
from tests.fakes import NUT, OAT, northfield, row

FEED = "northfield_stores"
DATE = dt.date(2026, 11, 1)


def held(services: Services, tmp_path: Path, rows: list[str]) -> str:
    """Take in a file that is held; returns its delivery."""
    with pytest.raises(FeedHeld):
        ingest_file(services, FEED, northfield(tmp_path / "held.csv", rows))
    with services.state.begin() as tx:
        (found,) = ledger.undecided(tx)
    return found.delivery_id


def published(services: Services) -> list[float]:
    """Stock of every published row."""
    table = services.lake.table("observations").order_by("line")
    return list(services.lake.engine.to_pyarrow(table)["on_hand_units"].to_pylist())


def faulty() -> list[str]:
    """Ten rows: one that no one can read, one beyond belief, eight good ones."""
    rows = [row(DATE, f"{n:04d}", item=item) for n in range(4) for item in (OAT, NUT)]
    return [*rows, row(DATE, "0009", on_hand="?"), row(DATE, "0008", on_hand="5000000")]


@pytest.mark.parametrize(
    ("decision", "stock", "codes"),
    [
        ("release", [10.0] * 8 + [5_000_000.0], {"BAD_QUANTITY": 1}),
        ("release_passing", [10.0] * 8, {"BAD_QUANTITY": 1, "OUT_OF_RANGE": 1}),
        ("discard", [], {"BAD_QUANTITY": 1, "FILE_HELD": 8, "OUT_OF_RANGE": 1}),
    ],
)
def test_a_decision_says_which_rows_are_published(
    decision: str, stock: list[float], codes: dict[str, int], services: Services, tmp_path: Path
) -> None:
    delivery = held(services, tmp_path, faulty())
    done = decide(services, FEED, delivery, decision, "dana")
    assert published(services) == stock
    assert (done.decision, done.decided_by, done.decided_at) == (decision, "dana", services.now())
    assert done.status == ("discarded" if decision == "discard" else "published")
    assert done.reject_codes == codes
    assert done.rows_in == done.rows_published + done.rows_rejected == 10
    with services.state.begin() as tx:
        assert ledger.undecided(tx) == []


def test_a_second_decision_changes_nothing(services: Services, tmp_path: Path) -> None:
    delivery = held(services, tmp_path, faulty())
    first = decide(services, FEED, delivery, "discard", "dana")
    assert decide(services, FEED, delivery, "release", "priya") == first
    assert published(services) == []


def test_a_discarded_file_that_comes_again_stays_discarded(services: Services, tmp_path: Path) -> None:
    delivery = held(services, tmp_path, faulty())
    decide(services, FEED, delivery, "discard", "dana")
    again = ingest_file(services, FEED, tmp_path / "held.csv")
    assert again.status == "discarded"
    assert published(services) == []


def test_a_file_that_cannot_be_read_is_not_released(services: Services, tmp_path: Path) -> None:
    path = northfield(tmp_path / "held.csv", faulty(), header="day,shop")
    with pytest.raises(FeedHeld):
        ingest_file(services, FEED, path)
    with services.state.begin() as tx:
        (found,) = ledger.undecided(tx)
    with pytest.raises(FeedHeld, match="LAYOUT_CHANGED"):
        decide(services, FEED, found.delivery_id, "release", "dana")
    with services.state.begin() as tx:
        (waiting,) = ledger.undecided(tx)
    assert (waiting.status, waiting.decided_by) == ("held", None), "it waits for a decision that can be done"


def test_a_release_that_was_killed_is_done_by_the_next_try(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = held(services, tmp_path, faulty())
    honest = services.lake.replace_dates

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(services.lake, "replace_dates", dies)
    with pytest.raises(KeyboardInterrupt):
        decide(services, FEED, delivery, "release_passing", "dana")
    monkeypatch.setattr(services.lake, "replace_dates", honest)
    done = decide(services, FEED, delivery, "release_passing", "dana")
    assert (done.status, published(services)) == ("published", [10.0] * 8)

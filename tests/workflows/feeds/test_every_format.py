"""What holds for every format: the same rows give the same observations, and no row is lost."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.stockwatch.adapters.state import ledger
from include.stockwatch.errors import FeedHeld
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock
from tests.workflows.partner_files import FORMATS, Row, write_feed

FEED = "harbor"
ROWS = [
    ("20261101", "0007", "A-1", "12", "3"),
    ("20261101", "0008", "A-1", "0", "5"),
    ("20261101", "0007", "B-2", "-2", "0"),
    ("20261031", "0007", "A-1", "15", "4"),
]


@pytest.fixture(params=sorted(FORMATS))
def harbor(request: pytest.FixtureRequest, config: Path, services: Services) -> tuple[str, Services]:
    """Services with a feed of one format."""
    write_feed(config, FEED, FORMATS[request.param][0])
    return request.param, services


def observations(services: Services) -> list[tuple[Any, ...]]:
    """The published rows."""
    table = services.lake.table("observations")
    rows = services.lake.engine.to_pyarrow(table.order_by("business_date", "location_id", "item_id")).to_pylist()
    names = ("business_date", "location_id", "item_id", "on_hand_units", "units_sold")
    return [tuple(row[name] for name in names) for row in rows]


def test_the_same_rows_are_the_same_observations_in_every_format(harbor: tuple[str, Services], tmp_path: Path) -> None:
    kind, services = harbor
    path = tmp_path / "delivery"
    path.write_bytes(FORMATS[kind][1](ROWS))
    done = ingest_file(services, FEED, path)
    first, second = dt.date(2026, 10, 31), dt.date(2026, 11, 1)
    assert observations(services) == [
        (first, "0007", "A-1", 15.0, 4.0),
        (second, "0007", "A-1", 12.0, 3.0),
        (second, "0007", "B-2", -2.0, 0.0),
        (second, "0008", "A-1", 0.0, 5.0),
    ]
    assert done.observations == 4
    assert done.rows_in == done.rows_published == (8 if kind in ("x12", "edifact") else 4)


def test_a_file_that_does_not_fit_into_memory_is_the_same_observations(
    harbor: tuple[str, Services], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.stockwatch.workflows.feeds import merging, stage

    monkeypatch.setattr(stage, "MOST_BYTES", 1)
    monkeypatch.setattr(merging, "PASS_ROWS", 7)
    kind, services = harbor
    rows = [
        ("20261101", f"{store:04d}", f"item {item}", str(store + item), "1") for store in range(9) for item in range(9)
    ]
    path = tmp_path / "delivery"
    path.write_bytes(FORMATS[kind][1](rows))
    done = ingest_file(services, FEED, path)
    assert (done.observations, done.rows_in) == (81, done.rows_published)
    date = dt.date(2026, 11, 1)
    assert observations(services) == sorted((date, row[1], row[2], float(row[3]), 1.0) for row in rows)


CELLS = st.sampled_from(["1", "12", "-3", "0", "x", "1.5", "1e9", "not stocked"])
ANY_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["20261101", "20261031", "20261301", "20281101"]),
        st.sampled_from(["7", "0008", "0011"]),
        st.sampled_from(["A-1", "B-2", "1E+9"]),
        CELLS,
        CELLS,
    ),
    max_size=14,
)


@pytest.mark.parametrize("kind", sorted(FORMATS))
@given(rows=ANY_ROWS)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_rows_in_are_rows_published_rejected_parked_and_dropped(
    kind: str, rows: list[Row], tmp_path_factory: pytest.TempPathFactory, config: Path, clock: Clock
) -> None:
    profile, write = FORMATS[kind]
    write_feed(config, FEED, {**profile, "not_ranged": ["not stocked"]})
    home = tmp_path_factory.mktemp("any")
    (home / "delivery").write_bytes(write(rows))
    services = Services(home, config, clock)
    try:
        done = ingest_file(services, FEED, home / "delivery")
    except FeedHeld:
        with services.state.begin() as tx:
            (done,) = ledger.undecided(tx)
        assert done.rows_published == 0
    refused = services.lake.engine.to_pyarrow(services.lake.table("rejects")).to_pylist()
    total = done.rows_published + done.rows_rejected + done.rows_parked + done.rows_dropped
    quantities = 2 if kind in ("x12", "edifact") else 1
    assert done.rows_in == total == quantities * len(rows)
    assert len(observations(services)) == done.observations
    stored = sum(count for code, count in done.reject_codes.items() if code != "FILE_HELD")
    assert len(refused) == stored
    places = [(one["source_file"], one["line"], one["value"]) for one in refused]
    assert quantities > 1 or len(places) == len(set(places)), "no line is rejected twice"
    assert all(one["reason"] and one["fix"] for one in refused)
    services.state.engine.dispose()


def test_a_file_of_another_format_is_held_with_what_it_looks_like(harbor: tuple[str, Services], tmp_path: Path) -> None:
    kind, services = harbor
    other = "x12" if kind != "x12" else "parquet"
    path = tmp_path / "delivery"
    path.write_bytes(FORMATS[other][1](ROWS))
    with pytest.raises(FeedHeld) as raised:
        ingest_file(services, FEED, path)
    assert raised.value.holds[0].fix
    assert observations(services) == []

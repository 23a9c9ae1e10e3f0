"""Files in: what is published, what is rejected, what is held, and that nothing is lost."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.stockwatch.adapters.state import ledger
from include.stockwatch.errors import FeedHeld, HoldCode, RowsLost
from include.stockwatch.workflows.feeds import ingest
from include.stockwatch.workflows.feeds.deliveries import receive
from include.stockwatch.workflows.feeds.ingest import ingest_file, publish, read
from include.stockwatch.workflows.services import Services
from tests.fakes import COFFEE, HEADER, NUT, OAT, Clock, days, dc, northfield, row, westway

FEED = "northfield_stores"
DATE = dt.date(2026, 11, 1)


def full_day(date: dt.date, stores: int = 20) -> list[str]:
    """Rows of one whole date: three items in every store."""
    return [row(date, f"{n:04d}", item=item) for n in range(1, stores + 1) for item in (OAT, NUT, COFFEE)]


def observations(services: Services) -> list[dict[str, Any]]:
    """Every published row."""
    table = services.lake.table("observations")
    return list(services.lake.engine.to_pyarrow(table.order_by("business_date", "location_id", "item_id")).to_pylist())


def rejects(services: Services) -> list[dict[str, Any]]:
    """Every rejected row."""
    return list(services.lake.engine.to_pyarrow(services.lake.table("rejects").order_by("line")).to_pylist())


def test_a_clean_file_is_published_with_its_origin(services: Services, tmp_path: Path) -> None:
    path = northfield(tmp_path / "northfield_1.csv", full_day(DATE))
    done = ingest_file(services, FEED, path)
    assert (done.status, done.rows_in, done.rows_published, done.rows_rejected) == ("published", 60, 60, 0)
    first = observations(services)[0]
    assert first["item_id"] == "00850007123017", "GTINs have 14 digits"
    assert (first["source_file"], first["line"], first["price"], first["currency"]) == (
        "northfield_1.csv",
        2,
        6.49,
        "USD",
    )
    assert services.quality_page(FEED, done.delivery_id).is_file()


def test_a_file_of_many_dates_is_one_commit(services: Services, tmp_path: Path) -> None:
    rows = [line for date in days(dt.date(2026, 9, 1), 40) for line in full_day(date, stores=2)]
    ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    assert services.lake.version("observations") == 0
    assert len(observations(services)) == 240


def test_the_same_bytes_again_change_nothing(services: Services, tmp_path: Path) -> None:
    path = northfield(tmp_path / "n.csv", full_day(DATE))
    first = ingest_file(services, FEED, path)
    path.rename(tmp_path / "other_name.csv")
    again = ingest_file(services, FEED, tmp_path / "other_name.csv")
    assert again == first
    assert services.lake.version("observations") == 0


def test_a_corrected_file_replaces_exactly_its_dates(services: Services, tmp_path: Path) -> None:
    two_days = [*full_day(DATE - dt.timedelta(days=1)), *full_day(DATE)]
    ingest_file(services, FEED, northfield(tmp_path / "n.csv", two_days))
    corrected = [line.replace(",10,", ",77,") for line in full_day(DATE)[:-1]]
    done = ingest_file(services, FEED, northfield(tmp_path / "corrected.csv", corrected))
    stock = {(one["business_date"], one["on_hand_units"]) for one in observations(services)}
    assert stock == {(DATE - dt.timedelta(days=1), 10.0), (DATE, 77.0)}
    assert len(observations(services)) == len(two_days) - 1, "what the correction leaves out is gone"
    with services.state.begin() as tx:
        assert ledger.delivered(tx)[DATE] == {FEED: done.delivery_id}


@pytest.mark.parametrize(
    ("line", "code", "field", "value"),
    [
        (row("2026-31-12", "0001"), "BAD_DATE", "date", "2026-31-12"),
        (row("01.11.2026", "0001"), "BAD_DATE", "date", "01.11.2026"),
        (row("2027-11-01", "0001"), "FUTURE_DATE", "date", "2027-11-01"),
        (row(DATE, ""), "MISSING_ID", "store_nbr", ""),
        (row(DATE, "0001", item=""), "MISSING_ID", "upc", ""),
        (row(DATE, "0001", item="850007123018"), "BAD_GTIN", "upc", "850007123018"),
        (row(DATE, "0001", item="8.50007E+11"), "LOSSY_ID", "upc", "8.50007E+11"),
        (row(DATE, "0001", on_hand="viele"), "BAD_QUANTITY", "on_hand", "viele"),
        (row(DATE, "0001", on_hand="1e9"), "BAD_QUANTITY", "on_hand", "1e9"),
        (row(DATE, "0001", on_hand="nan"), "BAD_QUANTITY", "on_hand", "nan"),
        (row(DATE, "0001", sold="N/A"), "BAD_QUANTITY", "units_sold", "N/A"),
        (row(DATE, "0001", on_hand="99999999"), "OUT_OF_RANGE", "on_hand", "99999999"),
        (row(DATE, "0001", price="-1"), "BAD_PRICE", "price", "-1"),
        (row(DATE, "0001", price="6,49"), "FIELD_COUNT", "", ""),
        (f"{DATE},0001", "FIELD_COUNT", "", ""),
    ],
)  # fmt: skip
def test_a_bad_row_is_stored_with_line_field_value_reason_and_fix(
    line: str, code: str, field: str, value: str, services: Services, tmp_path: Path
) -> None:
    rows = full_day(DATE)
    rows.insert(3, line.replace("0001", "0099"))
    done = ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    (found,) = rejects(services)
    assert (found["line"], found["code"], found["field"], found["value"]) == (
        5,
        code,
        field,
        value.replace("0001", "0099"),
    )
    assert found["reason"]
    assert found["fix"]
    assert found["raw"].startswith("[")
    assert (done.rows_in, done.rows_published, done.rows_rejected) == (61, 60, 1)


def test_rows_with_the_same_key_are_all_rejected(services: Services, tmp_path: Path) -> None:
    rows = [*full_day(DATE, stores=60), row(DATE, "0007", on_hand=3)]
    done = ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    assert [(one["code"], one["line"]) for one in rejects(services)] == [("DUPLICATE_KEY", 20), ("DUPLICATE_KEY", 182)]
    assert done.rows_published == 179


def test_a_blank_quantity_is_no_data_and_a_negative_one_is_kept(services: Services, tmp_path: Path) -> None:
    rows = [row(DATE, "1", on_hand=""), row(DATE, "2", on_hand=-3)]
    ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    assert [(one["location_id"], one["on_hand_units"]) for one in observations(services)] == [
        ("0001", None),
        ("0002", -3.0),
    ]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "EMPTY", "no text"),
        (f"{HEADER}\n".encode(), "NO_ROWS", "no rows"),
        (HEADER.replace("on_hand", "stock").encode() + b"\n" + row(DATE, "1").encode(), "LAYOUT_CHANGED", "`on_hand` is missing"),
        (HEADER.replace(",price", ",date").encode() + b"\n" + row(DATE, "1").encode(), "LAYOUT_CHANGED", "more than once"),
        (HEADER.replace(",", ";").encode() + b"\n1;2", "LAYOUT_CHANGED", "delimiter"),
        ((HEADER + "\n" + row(DATE, "1", name="Müsli")).encode("cp1252"), "ENCODING", "at byte"),
        ((HEADER + "\n" + row(DATE, "1", name="x" * 200_000)).encode(), "LAYOUT_CHANGED", "field larger"),
        (("\n".join([HEADER, *(row(DATE, str(n), on_hand="?") for n in range(9))])).encode(), "TOO_MANY_REJECTS", "9 of 9 rows"),
        (("\n".join([HEADER, row("?", "1"), *(row(DATE, str(n), on_hand="?") for n in range(9))])).encode(), "TOO_MANY_REJECTS", "start with line 3: `on_hand` = `?`"),
    ],
    ids=["empty", "header only", "missing column", "column twice", "delimiter", "encoding", "huge cell", "all rows bad", "most rows bad for another reason than the first"],
)  # fmt: skip
def test_a_broken_file_is_held_whole_and_says_why(
    content: bytes, code: str, says: str, services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(FeedHeld) as raised:
        ingest_file(services, FEED, path)
    assert {hold.code.value for hold in raised.value.holds} == {code}
    assert says in str(raised.value)
    assert "broken.csv: feed `northfield_stores`" in str(raised.value)
    assert "fix:" in str(raised.value)
    assert observations(services) == []
    with services.state.begin() as tx:
        (found,) = [ledger.delivery(tx, FEED, one.name) for one in (services.home / "archive" / FEED).iterdir()]
    assert found
    assert (found.status, found.rows_published, found.rows_rejected) == ("held", 0, found.rows_in)
    assert len(rejects(services)) == found.rows_in


def test_a_file_that_shrinks_by_half_is_held_and_every_row_kept(services: Services, tmp_path: Path) -> None:
    before = DATE - dt.timedelta(days=1)
    ingest_file(services, FEED, northfield(tmp_path / "n1.csv", full_day(before)))
    with pytest.raises(
        FeedHeld,
        match=r"ROW_COUNT: a date has fewer than 70% of its usual rows: 2026-11-01 has 30, usual are 60",
    ) as raised:
        ingest_file(services, FEED, northfield(tmp_path / "n2.csv", full_day(DATE, stores=10)))
    assert "min_rows_share" in str(raised.value)
    assert {one["business_date"] for one in observations(services)} == {before}
    with services.state.begin() as tx:
        (held,) = ledger.undecided(tx)
    assert (held.rows_in, held.rows_rejected, held.reject_codes) == (30, 30, {"FILE_HELD": 30})
    assert services.archived(FEED, held.delivery_id).is_file(), "the bytes are kept"


def test_a_held_file_is_taken_in_once_its_setting_is_mended(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    ingest_file(services, FEED, northfield(tmp_path / "n1.csv", full_day(DATE - dt.timedelta(days=1))))
    smaller = northfield(tmp_path / "n2.csv", full_day(DATE, stores=10))
    with pytest.raises(FeedHeld):
        ingest_file(services, FEED, smaller)
    feed = config / "feeds" / f"{FEED}.yaml"
    feed.write_text(feed.read_text("utf-8").replace("min_rows_share: 0.70", "min_rows_share: 0.30"), "utf-8")
    mended = Services(services.home, config, clock)
    assert ingest_file(mended, FEED, smaller).rows_published == 30
    assert rejects(mended) == [], "its rows are no longer rejected"
    mended.state.engine.dispose()


def test_a_file_above_the_size_limit_is_held_unread(services: Services, tmp_path: Path, config: Path) -> None:
    (config / "stockwatch.yaml").write_text("max_file_mb: 1\n", "utf-8")
    path = tmp_path / "huge.csv"
    path.write_bytes(b"x" * 1_000_001)
    with pytest.raises(FeedHeld, match="TOO_LARGE"):
        ingest_file(services, FEED, path)


def test_german_numbers_dates_and_names_are_read_as_the_feed_says(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "bestand_1.csv"
    westway(path, [f"01.11.2026;Köln;{NUT};Nußmix;Snacks;1.205;12,5;;2,63"])
    ingest_file(services, "westway_dcs", path)
    (found,) = observations(services)
    assert (found["location_id"], found["item_name"]) == ("Köln", "Nußmix")
    assert (found["on_hand_units"], found["units_sold"], found["in_transit_units"], found["price"]) == (
        1205,
        12.5,
        None,
        2.63,
    )


@pytest.mark.parametrize("text", ["1.20", "12.05", "1.2055", "1,205.00", ".", "--1", "1.20-"])
def test_a_number_written_otherwise_is_rejected_not_guessed(text: str, services: Services, tmp_path: Path) -> None:
    path = tmp_path / "bestand_1.csv"
    westway(path, [*(dc(f"L{n}") for n in range(60)), dc("Köln", on_hand=text)])
    ingest_file(services, "westway_dcs", path)
    assert [(one["code"], one["value"]) for one in rejects(services)] == [("BAD_QUANTITY", text)]


@pytest.mark.parametrize(
    ("owner", "call"),
    [("lake", "replace_rejects"), ("lake", "replace_dates"), ("ledger", "deliver_dates"), ("ledger", "record")],
)
def test_a_crash_while_publishing_and_a_second_try_give_the_same_tables(
    owner: str, call: str, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = northfield(tmp_path / "n.csv", [*full_day(DATE), row(DATE, "0099", on_hand="?")])
    found = receive(services, FEED, str(tmp_path), str(path), path.name)
    read(services, FEED, found.delivery_id)

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr({"lake": services.lake, "ledger": ledger}[owner], call, die)
        with pytest.raises(Killed):
            publish(services, FEED, found.delivery_id)
    with services.state.begin() as tx:
        assert ledger.delivered(tx) == {}, "the ledger says nothing before everything is there"
    done = publish(services, FEED, found.delivery_id)
    assert (done.rows_published, done.rows_rejected) == (60, 1)
    assert len(observations(services)) == 60
    assert len(rejects(services)) == 1


def test_publishing_twice_changes_nothing(services: Services, tmp_path: Path) -> None:
    done = ingest_file(services, FEED, northfield(tmp_path / "n.csv", full_day(DATE)))
    assert publish(services, FEED, done.delivery_id) == done
    assert services.lake.version("observations") == 0


def test_a_row_lost_on_the_way_stops_the_file(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = ingest.read_contents

    def careless(*arguments: Any, **options: Any) -> Any:
        contents = honest(*arguments, **options)
        contents.rows_good -= 1
        return contents

    monkeypatch.setattr(ingest, "read_contents", careless)
    with pytest.raises(RowsLost, match="60 rows in, but 59 to publish and 0 rejected"):
        ingest_file(services, FEED, northfield(tmp_path / "n.csv", full_day(DATE)))
    assert observations(services) == []


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
MAYBE_BAD_ROW = st.one_of(
    st.builds(
        row,
        st.sampled_from([DATE, DATE - dt.timedelta(days=1), "2026-13-01", ""]),
        st.sampled_from(["0001", "2", "", "N/A"]),
        item=st.sampled_from([OAT, NUT, "123", "1E+9"]),
        on_hand=st.one_of(st.integers(-5, 99), st.sampled_from(["", "x", "1.5", "-", "=1+1"])),
        sold=st.integers(-2, 9),
    ),
    st.lists(CELL, max_size=12).map(",".join),
)


@given(rows=st.lists(MAYBE_BAD_ROW, max_size=25))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_rows_in_are_rows_published_plus_rows_rejected_for_any_file(
    rows: list[str], tmp_path_factory: pytest.TempPathFactory, config: Path, clock: Clock
) -> None:
    feed = config / "feeds" / f"{FEED}.yaml"
    text = feed.read_text("utf-8").replace("max_rejected_share: 0.02", "max_rejected_share: 1")
    feed.write_text(text, "utf-8")
    home = tmp_path_factory.mktemp("any")
    path = home / "any.csv"
    path.write_bytes("\n".join([HEADER, *rows, ""]).encode())
    services = Services(home, config, clock)
    try:
        done = ingest_file(services, FEED, path)
    except FeedHeld as held:
        if not {hold.code for hold in held.holds} <= {HoldCode.NO_ROWS, HoldCode.TRUNCATED, HoldCode.LAYOUT_CHANGED}:
            raise
        return
    kept, refused = observations(services), rejects(services)
    assert (len(kept), len(refused)) == (done.rows_published, done.rows_rejected)
    assert done.rows_in == done.rows_published + done.rows_rejected
    lines = [one["line"] for one in (*kept, *refused)]
    assert len(lines) == len(set(lines)), "no line counts twice"
    services.state.engine.dispose()


def test_a_lake_made_before_a_column_existed_takes_and_gives_it(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.stockwatch.adapters import lake

    before = DATE - dt.timedelta(days=1)
    ingest_file(services, FEED, northfield(tmp_path / "n1.csv", full_day(before)))
    grown = ibis.schema({**dict(lake.OBSERVATIONS.items()), "shelf_capacity_units": "float64"})
    monkeypatch.setitem(lake.SCHEMAS, "observations", grown)
    assert {one["shelf_capacity_units"] for one in observations(services)} == {None}
    rows = services.lake.engine.to_pyarrow(services.lake.table("observations").mutate(shelf_capacity_units=32.0))
    services.lake.replace_dates("observations", rows, [before], FEED)
    assert {one["shelf_capacity_units"] for one in observations(services)} == {32.0}


def test_a_quote_that_is_never_closed_does_not_swallow_rows(services: Services, tmp_path: Path) -> None:
    rows = full_day(DATE, stores=100)
    rows[200] = rows[200].replace("Oat Bar", '"Oat Bar')
    with pytest.raises(FeedHeld, match="a quote opens on line 202 and swallows the lines up to 301"):
        ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))


def test_a_name_over_two_lines_is_one_row(services: Services, tmp_path: Path) -> None:
    rows = [row(DATE, "1", name='"Oat\nBar"'), row(DATE, "2")]
    ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    assert [(one["line"], one["item_name"]) for one in observations(services)] == [(2, "OatBar"), (4, "Oat Bar")]


def test_a_cut_last_date_among_whole_ones_is_noticed(services: Services, tmp_path: Path) -> None:
    ingest_file(services, FEED, northfield(tmp_path / "n1.csv", full_day(DATE - dt.timedelta(days=3))))
    rows = [*full_day(DATE - dt.timedelta(days=2)), *full_day(DATE - dt.timedelta(days=1)), *full_day(DATE)[:5]]
    with pytest.raises(FeedHeld, match="2026-11-01 has 5"):
        ingest_file(services, FEED, northfield(tmp_path / "n2.csv", rows))


def test_a_row_that_cannot_be_placed_holds_a_file_in_which_an_absent_row_says_something(
    services: Services, tmp_path: Path
) -> None:
    rows = [*(dc(f"L{n}") for n in range(60)), dc("L60", item="123")]
    with pytest.raises(
        FeedHeld, match=r"(?s)UNPLACED_ROWS: a row without .* line 62: `EAN` = `123`.*an absent row means zero"
    ):
        ingest_file(services, "westway_dcs", westway(tmp_path / "bestand_1.csv", rows))


def test_an_old_file_read_again_does_not_undo_its_correction(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    ingest_file(services, FEED, northfield(tmp_path / "n0.csv", full_day(DATE - dt.timedelta(days=1))))
    half = northfield(tmp_path / "half.csv", full_day(DATE, stores=10))
    with pytest.raises(FeedHeld):
        ingest_file(services, FEED, half)
    clock.move(hours=1)
    ingest_file(services, FEED, northfield(tmp_path / "whole.csv", full_day(DATE)))
    feed = config / "feeds" / f"{FEED}.yaml"
    feed.write_text(feed.read_text("utf-8").replace("min_rows_share: 0.70", "min_rows_share: 0"), "utf-8")
    again = Services(services.home, config, clock)
    with pytest.raises(FeedHeld, match=r"SUPERSEDED: whole.csv, which came later, counts for 2026-11-01"):
        ingest_file(again, FEED, half)
    assert len(observations(again)) == 120
    again.state.engine.dispose()


def test_one_mistyped_date_does_not_empty_the_time_in_between(services: Services, tmp_path: Path, config: Path) -> None:
    feed = config / "feeds" / f"{FEED}.yaml"
    text = feed.read_text("utf-8").replace("absent_means: unknown", "absent_means: unchanged")
    feed.write_text(text.replace("min_rows_share: 0.70", "min_rows_share: 0"), "utf-8")
    first = DATE - dt.timedelta(days=9)
    history = [line for date in days(first, 9) for line in full_day(date, stores=2)]
    ingest_file(services, FEED, northfield(tmp_path / "n1.csv", history))
    mistyped = [row(first, "0001", on_hand=3), row(DATE, "0001", on_hand=4)]
    done = ingest_file(services, FEED, northfield(tmp_path / "n2.csv", mistyped))
    assert done.business_dates == (first.isoformat(), DATE.isoformat())
    assert len({one["business_date"] for one in observations(services)}) == 10


def test_a_price_beyond_belief_is_rejected(services: Services, tmp_path: Path) -> None:
    rows = [*full_day(DATE), row(DATE, "0099", price="9" * 25)]
    ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    assert [one["code"] for one in rejects(services)] == ["BAD_PRICE"]


def test_digits_of_other_scripts_are_rejected_not_lost(services: Services, tmp_path: Path) -> None:
    rows = [*full_day(DATE), row(DATE, "0099", on_hand="٣")]
    ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    assert [(one["code"], one["value"]) for one in rejects(services)] == [("BAD_QUANTITY", "٣")]


def test_markup_in_a_file_does_not_reach_the_quality_page(services: Services, tmp_path: Path) -> None:
    evil = "<meta http-equiv=refresh content=0;url=//x><form action=//x>"
    rows = [*full_day(DATE, stores=60), row(DATE, evil), row(DATE, evil)]
    done = ingest_file(services, FEED, northfield(tmp_path / "n.csv", rows))
    page = services.quality_page(FEED, done.delivery_id).read_text("utf-8")
    assert "unexpected values found" in page
    assert "<meta" not in page
    assert "<form" not in page


def test_two_feeds_that_publish_for_the_first_time_at_once_both_succeed(services: Services, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from include.stockwatch.adapters.lake import Lake

    done = ingest_file(services, FEED, northfield(tmp_path / "n.csv", full_day(DATE)))
    rows = services.lake.engine.to_pyarrow(services.lake.table("observations"))
    for round_ in range(3):
        lakes = [Lake(tmp_path / f"lake{round_}") for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            writes = [
                pool.submit(
                    lake.replace_dates,
                    "observations",
                    rows.set_column(0, "feed_id", [[f"f{n}"] * len(rows)]),
                    [DATE],
                    f"f{n}",
                )
                for n, lake in enumerate(lakes)
            ]
            for write in writes:
                write.result()
        assert lakes[0].engine.execute(lakes[0].table("observations").count()) == 6 * done.rows_published

"""Master data in: what is published, what is held, which rows of feeds wait for it, and what it adds to a check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.errors import FeedHeld, HoldCode, RowsLost
from include.stockwatch.workflows import master
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.checks.explain import UnknownSeries, explain
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.feeds import deliveries, ingest, landing, master_files, quarantine
from include.stockwatch.workflows.feeds.known import known
from include.stockwatch.workflows.services import Services
from tests.fakes import COFFEE, NUT, OAT, Clock, days, northfield, row

FEED, ITEMS, PLACES = "northfield_stores", "northfield_items", "northfield_locations"
DATE = dt.date(2026, 11, 1)
OAT_14, NUT_14, COFFEE_14 = (item.zfill(14) for item in (OAT, NUT, COFFEE))
ITEM_HEADER = (
    "item_nbr,upc,description,brand,department,class,retail,margin_pct,case_pack,replaced_by,first_day,last_day"
)
PLACE_HEADER = "store_nbr,store,region,time_zone,gln,status"


def item(upc: str = OAT, number: str = "14101", **other: str) -> str:
    """One line of Northfield's item list."""
    cells = {
        "item_nbr": number,
        "upc": upc,
        "description": "Oat Bar 6-pack",
        "brand": "Oatworks",
        "department": "Snacks",
        "class": "bars",
        "retail": "6.49",
        "margin_pct": "38",
        "case_pack": "12",
        "replaced_by": "",
        "first_day": "2025-03-01",
        "last_day": "",
    }
    return ",".join((cells | other).values())


def place(number: str = "1", **other: str) -> str:
    """One line of Northfield's store list."""
    cells = {
        "store_nbr": number,
        "store": "Reno",
        "region": "NV West",
        "time_zone": "America/Los_Angeles",
        "gln": "",
        "status": "open",
    }
    return ",".join((cells | other).values())


def list_of(path: Path, header: str, rows: Iterable[str]) -> Path:
    """A file of a list."""
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def items_in(services: Services, folder: Path, rows: Iterable[str], name: str = "items_1.csv") -> Delivery:
    """Take in Northfield's item list."""
    return master_files.ingest_file(services, ITEMS, list_of(folder / name, ITEM_HEADER, rows))


def places_in(services: Services, folder: Path, rows: Iterable[str], name: str = "stores_1.csv") -> Delivery:
    """Take in Northfield's store list."""
    return master_files.ingest_file(services, PLACES, list_of(folder / name, PLACE_HEADER, rows))


def stock_in(services: Services, folder: Path, rows: Iterable[str], name: str = "northfield_1.csv") -> Delivery:
    """Take in one file of Northfield's stores."""
    return ingest.ingest_file(services, FEED, northfield(folder / name, rows))


def define(config: Path, name: str, text: str) -> None:
    """Add a definition of master data."""
    (config / "master" / f"{name}.yaml").write_text(text, "utf-8")


def allow(config: Path, share: str) -> None:
    """Let Northfield's files have more rows of unknown items and locations than is usual."""
    feed = config / "feeds" / f"{FEED}.yaml"
    feed.write_text(feed.read_text("utf-8").replace("quality:\n", f"quality:\n  max_unknown_share: {share}\n"), "utf-8")


def rows_of(services: Services, table: str, *order: str) -> list[dict[str, Any]]:
    """Every row of a table."""
    found = services.lake.table(table)
    return list(services.lake.engine.to_pyarrow(found.order_by(*order) if order else found).to_pylist())


def rejects_of(services: Services, feed_id: str = ITEMS) -> list[dict[str, Any]]:
    """Every rejected row of a feed, by line."""
    return [one for one in rows_of(services, "rejects", "line") if one["feed_id"] == feed_id]


# --- what is published -----------------------------------------------------------------------------------------------


def test_an_item_list_is_published_with_its_origin(services: Services, tmp_path: Path) -> None:
    done = items_in(services, tmp_path, [item(replaced_by=NUT)])
    assert (done.status, done.rows_in, done.rows_published, done.rows_rejected) == ("published", 1, 1, 0)
    (found,) = rows_of(services, "items")
    assert (found["item_id"], found["gtin"], found["partner_item_id"]) == (OAT_14, OAT_14, "014101")
    assert (found["price"], found["currency"], found["margin_share"]) == (6.49, "USD", 0.38)
    assert dict(found["packs"]) == {"CA": 12.0, "CS": 12.0}
    assert (found["brand"], found["category"], found["item_class"]) == ("Oatworks", "Snacks", "bars")
    assert found["successor_gtin"] == NUT_14
    assert (found["active_from"], found["active_to"]) == (dt.date(2025, 3, 1), None)
    assert (found["partner"], found["source_file"], found["line"]) == ("northfield", "items_1.csv", 2)
    assert found["delivery_id"] == done.delivery_id


def test_an_item_without_a_gtin_is_stored_under_its_own_number(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(upc="")])
    (found,) = rows_of(services, "items")
    assert (found["item_id"], found["gtin"]) == ("014101", None)


@pytest.mark.parametrize(
    ("first", "second", "third", "is_news"),
    [
        ("items_1.csv", "items_2.csv", "items_3.csv", True),
        ("items.csv", "items.csv", "items.csv", True),
        ("items_1.csv", "items_2.csv", "items_1.csv", False),
    ],
)
def test_a_list_that_says_again_what_it_said_before_counts_unless_it_is_the_old_file(
    first: str, second: str, third: str, is_news: bool, services: Services, tmp_path: Path, clock: Clock
) -> None:
    for name, brand in ((first, "Oatworks"), (second, "Mixworks"), (third, "Oatworks")):
        items_in(services, tmp_path, [item(brand=brand)], name)
        clock.move(days=1)
    (found,) = rows_of(services, "items")
    assert found["brand"] == ("Oatworks" if is_news else "Mixworks")


def test_a_location_list_is_published(services: Services, tmp_path: Path) -> None:
    places_in(services, tmp_path, [place(gln="0850007120016"), place("2", status="closed"), place("3", status="")])
    first, second, third = rows_of(services, "locations", "location_id")
    assert (first["location_id"], first["location_name"], first["location_type"]) == ("0001", "Reno", "store")
    assert (first["region"], first["time_zone"], first["gln"]) == ("NV West", "America/Los_Angeles", "0850007120016")
    assert [one["is_active"] for one in (first, second, third)] == [True, False, None]


def test_supply_links_assortment_and_owners_have_tables_of_their_own(
    services: Services, tmp_path: Path, config: Path
) -> None:
    dated = 'date_format: "%Y-%m-%d"\n'
    define(
        config,
        "links",
        f"table: supply_links\npartner: northfield\n{dated}dc_id: {{column: dc}}\n"
        "location_id: {column: store, width: 4}\nitem_id: {column: upc, kind: gtin}\ncolumns: {valid_from: since}\n",
    )
    define(
        config,
        "range",
        f"table: assortment\npartner: northfield\n{dated}location_id: {{column: store, width: 4}}\n"
        "item_id: {column: upc, kind: gtin}\nlocation_type: store\ncolumns: {ranged_from: since, ranged_to: until}\n",
    )
    define(
        config,
        "owners",
        f"table: owners\npartner_column: account\n{dated}"
        "columns: {owner: who, category: group, region: area, valid_from: since}\n",
    )
    master_files.ingest_file(
        services, "links", list_of(tmp_path / "l.csv", "dc,store,upc,since", [f"DC1,7,{OAT},2026-01-01", "DC1,8,,"])
    )
    master_files.ingest_file(
        services, "range", list_of(tmp_path / "r.csv", "store,upc,since,until", [f"7,{OAT},2026-01-01,9999-12-31"])
    )
    master_files.ingest_file(
        services,
        "owners",
        list_of(tmp_path / "o.csv", "account,who,group,area,since", ["northfield,Dana Ruiz,Snacks,,2026-01-01"]),
    )
    links = rows_of(services, "supply_links", "line")
    assert [(one["dc_id"], one["location_id"], one["item_id"]) for one in links] == [
        ("DC1", "0007", OAT_14),
        ("DC1", "0008", None),
    ]
    (listed,) = rows_of(services, "assortment")
    assert (listed["location_id"], listed["item_id"], listed["location_type"]) == ("0007", OAT_14, "store")
    assert (listed["ranged_from"], listed["ranged_to"]) == (dt.date(2026, 1, 1), dt.date(9999, 12, 31))
    (owner,) = rows_of(services, "owners")
    assert (owner["partner"], owner["owner"], owner["category"], owner["region"]) == (
        "northfield",
        "Dana Ruiz",
        "Snacks",
        None,
    )


def test_a_new_list_replaces_the_whole_one_before_in_one_commit(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2"), item(COFFEE, "3")])
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2"), item("", "4")], "items_2.csv")
    assert {one["item_id"] for one in rows_of(services, "items")} == {OAT_14, NUT_14, "000004"}
    assert services.lake.version("items") == 1


def test_lists_of_two_feeds_stand_side_by_side(services: Services, tmp_path: Path, config: Path) -> None:
    define(config, "ours", "table: items\nitem_id: {gtin: GTIN}\ncolumns: {item_name: Name}\n")
    master_files.ingest_file(services, "ours", list_of(tmp_path / "o.csv", "GTIN,Name", [f"{OAT},Oat Bar"]))
    items_in(services, tmp_path, [item(NUT)])
    assert {(one["feed_id"], one["partner"]) for one in rows_of(services, "items")} == {
        ("ours", ""),
        (ITEMS, "northfield"),
    }


def test_the_same_bytes_again_change_nothing(services: Services, tmp_path: Path) -> None:
    first = items_in(services, tmp_path, [item()])
    assert items_in(services, tmp_path, [item()], "other_name.csv") == first
    assert services.lake.version("items") == 0


def test_a_gtin_that_lost_its_zeros_is_mended_if_all_of_the_column_have(services: Services, tmp_path: Path) -> None:
    from include.stockwatch.domain.gtin import check_digit

    short = [f"4000{n:05d}" for n in range(12)]
    done = items_in(services, tmp_path, [item(code + check_digit(code), str(n)) for n, code in enumerate(short)])
    assert [one["code"] for one in done.warnings] == ["IDS_REPAIRED"]
    assert all(len(one["item_id"]) == 14 for one in rows_of(services, "items"))


# --- what is rejected and held ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "field", "value"),
    [
        (item("850007123018"), "BAD_GTIN", "upc", "850007123018"),
        (item("8.50007E+11"), "BAD_GTIN", "upc", "8.50007E+11"),
        (item("", ""), "MISSING_ID", "upc", ""),
        (item(replaced_by="12"), "BAD_GTIN", "replaced_by", "12"),
        (item(retail="6,49", last_day="2026-01-01"), "FIELD_COUNT", "", ""),
        (item(retail="cheap"), "BAD_NUMBER", "retail", "cheap"),
        (item(retail="-1"), "BAD_NUMBER", "retail", "-1"),
        (item(margin_pct="380"), "BAD_NUMBER", "margin_pct", "380"),
        (item(case_pack="0"), "BAD_NUMBER", "case_pack", "0"),
        (item(first_day="01.03.2025"), "BAD_DATE", "first_day", "01.03.2025"),
        (item(last_day="2024-12-31"), "BAD_DATE", "last_day", "2024-12-31"),
        (item("", "1.4E+4"), "LOSSY_ID", "item_nbr", "1.4E+4"),
    ],
)
def test_a_bad_row_of_an_item_list_is_stored_with_line_field_value_reason_and_fix(
    line: str, code: str, field: str, value: str, services: Services, tmp_path: Path
) -> None:
    good = [item("", str(n)) for n in range(200)]
    done = items_in(services, tmp_path, [*good[:3], line, *good[3:]])
    (found,) = rejects_of(services)
    assert (found["line"], found["code"], found["field"], found["value"]) == (5, code, field, value)
    assert found["reason"]
    assert found["fix"]
    assert found["raw"].startswith("[")
    assert (done.rows_in, done.rows_published, done.rows_rejected) == (201, 200, 1)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (place("", store="Elko"), "store_nbr"),
        (place("9", time_zone="Pacific"), "time_zone"),
        (place("9", gln="0850007120017"), "gln"),
        (place("9", gln="850007123017"), "gln"),
    ],
)
def test_a_bad_row_of_a_location_list_is_rejected(line: str, field: str, services: Services, tmp_path: Path) -> None:
    places_in(services, tmp_path, [line, *(place(str(n)) for n in range(100, 200))])
    (found,) = rejects_of(services, PLACES)
    assert (found["code"], found["field"]) == ("MISSING_ID" if field == "store_nbr" else "BAD_VALUE", field)


def test_rows_with_the_same_key_are_all_rejected(services: Services, tmp_path: Path) -> None:
    rows = [item("", str(n)) for n in range(200)]
    done = items_in(services, tmp_path, [*rows, item("", "7", description="Another")])
    found = rejects_of(services)
    assert [(one["code"], one["line"], one["item_id"]) for one in found] == [
        ("DUPLICATE_KEY", 9, "000007"),
        ("DUPLICATE_KEY", 202, "000007"),
    ]
    assert "Another" in found[1]["raw"]
    assert (done.rows_published, len(rows_of(services, "items"))) == (199, 199)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("", HoldCode.EMPTY, "no text"),
        (f"{ITEM_HEADER}\n", HoldCode.NO_ROWS, "no row"),
        (ITEM_HEADER.replace("upc", "ean") + f"\n{item()}\n", HoldCode.LAYOUT_CHANGED, "`upc` is missing"),
        (f"{ITEM_HEADER}\n{item()}\n{item('123', '2')}\n", HoldCode.TOO_MANY_REJECTS, "1 of 2 rows rejected"),
    ],
    ids=["empty", "header only", "missing column", "bad rows"],
)
def test_a_broken_list_is_held_whole_and_the_one_before_still_counts(
    content: str, code: HoldCode, says: str, services: Services, tmp_path: Path
) -> None:
    items_in(services, tmp_path, [item()])
    path = tmp_path / "items_2.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(FeedHeld) as raised:
        master_files.ingest_file(services, ITEMS, path)
    assert code in {hold.code for hold in raised.value.holds}
    assert says in str(raised.value)
    assert [one["item_id"] for one in rows_of(services, "items")] == [OAT_14]
    assert services.lake.version("items") == 0
    with services.state.begin() as tx:
        held = ledger.undecided(tx)
    assert [(one.feed_id, one.rows_published, one.rows_rejected - one.rows_in) for one in held] == [(ITEMS, 0, 0)]


def test_a_list_of_which_no_row_can_be_read_is_held_whatever_the_limit(
    services: Services, tmp_path: Path, config: Path
) -> None:
    path = config / "master" / f"{ITEMS}.yaml"
    path.write_text(path.read_text("utf-8") + "quality: {max_rejected_share: 1}\n", "utf-8")
    with pytest.raises(FeedHeld, match="NO_ROWS: no row can be read"):
        items_in(services, tmp_path, [item("123")])


def test_a_list_that_shrinks_is_held_until_somebody_releases_it(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2"), item(COFFEE, "3")])
    with pytest.raises(FeedHeld, match=r"ROW_COUNT: 1 good rows; items_1\.csv had 3"):
        items_in(services, tmp_path, [item(OAT, "1")], "items_2.csv")
    assert len(rows_of(services, "items")) == 3
    with services.state.begin() as tx:
        (held,) = ledger.undecided(tx)
    done = master_files.decide(services, ITEMS, held.delivery_id, "release", "dana")
    assert (done.status, done.decided_by, done.rows_published) == ("published", "dana", 1)
    assert [one["item_id"] for one in rows_of(services, "items")] == [OAT_14]


def test_a_held_list_can_be_discarded(services: Services, tmp_path: Path) -> None:
    with pytest.raises(FeedHeld):
        items_in(services, tmp_path, [item("123")])
    with services.state.begin() as tx:
        (held,) = ledger.undecided(tx)
    assert master_files.decide(services, ITEMS, held.delivery_id, "discard", "dana").status == "discarded"
    assert rows_of(services, "items") == []


def test_somebody_is_asked_about_a_held_list_and_the_answer_is_done(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2")])
    with pytest.raises(FeedHeld):
        items_in(services, tmp_path, [item(OAT, "1")], "items_2.csv")
    (question,) = quarantine.unasked(services)
    shown = quarantine.ask(services, question.feed_id, question.delivery_id, "run 1")
    assert quarantine.RELEASE in shown.options
    assert "items_2" in shown.subject
    done = quarantine.apply(services, question.feed_id, question.delivery_id, "run 1", quarantine.RELEASE, "dana")
    assert (done.status, len(rows_of(services, "items"))) == ("published", 1)


def test_a_list_that_nobody_can_read_is_not_released(services: Services, tmp_path: Path) -> None:
    with pytest.raises(FeedHeld):
        items_in(services, tmp_path, [])
    with services.state.begin() as tx:
        (held,) = ledger.undecided(tx)
    with pytest.raises(FeedHeld, match="NO_ROWS"):
        master_files.decide(services, ITEMS, held.delivery_id, "release", "dana")
    with services.state.begin() as tx:
        assert ledger.undecided(tx), "it waits for another decision"


def test_a_list_that_came_before_the_one_that_counts_is_held(services: Services, tmp_path: Path, clock: Clock) -> None:
    older = list_of(tmp_path / "items_1.csv", ITEM_HEADER, [item(OAT)])
    waiting = deliveries.receive(services, ITEMS, str(tmp_path), str(older), older.name)
    clock.move(hours=1)
    items_in(services, tmp_path, [item(NUT)], "items_2.csv")
    with pytest.raises(FeedHeld, match="SUPERSEDED"):
        master_files.read(services, ITEMS, waiting.delivery_id)
    assert [one["item_id"] for one in rows_of(services, "items")] == [NUT_14]


def test_a_row_lost_on_the_way_stops_the_list(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = master_files.read_master

    def careless(*arguments: Any) -> Any:
        read = honest(*arguments)
        read.rows_good -= 1
        return read

    monkeypatch.setattr(master_files, "read_master", careless)
    with pytest.raises(RowsLost):
        items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2")])
    assert rows_of(services, "items") == []


@pytest.mark.parametrize(
    ("owner", "call"),
    [
        ("lake", "replace_rejects"),
        ("lake", "replace_feed"),
        ("ingest", "replay_parked"),
        ("ingest", "publish"),  # of the file whose rows waited
        ("ledger", "record"),
    ],
)
def test_a_crash_while_publishing_and_a_second_try_give_the_same_tables(
    owner: str, call: str, services: Services, tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(config, "1")
    items_in(services, tmp_path, [item(NUT)], "items_0.csv")
    stock_in(services, tmp_path, [row(DATE, "1", item=OAT), row(DATE, "1", item=NUT)])
    path = list_of(tmp_path / "items_1.csv", ITEM_HEADER, [item(OAT, "1"), item(NUT, "2")])
    found = deliveries.receive(services, ITEMS, str(tmp_path), str(path), path.name)
    master_files.read(services, ITEMS, found.delivery_id)

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr({"lake": services.lake, "ingest": ingest, "ledger": ledger}[owner], call, die)
        with pytest.raises(Killed):
            master_files.publish(services, ITEMS, found.delivery_id)
    master_files.publish(services, ITEMS, found.delivery_id)
    assert {one["item_id"] for one in rows_of(services, "items")} == {OAT_14, NUT_14}
    assert {one["item_id"] for one in rows_of(services, "observations")} == {OAT_14, NUT_14}
    assert rejects_of(services, FEED) == []


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
MAYBE_BAD = st.one_of(
    st.builds(
        item,
        st.sampled_from([OAT, NUT, COFFEE, "", "123", "1E+9"]),
        st.sampled_from(["1", "2", "14101", "", "x"]),
        retail=st.sampled_from(["6.49", "", "-1", "n/a"]),
        first_day=st.sampled_from(["2025-03-01", "", "2027-01-01", "x"]),
        last_day=st.sampled_from(["", "2026-01-01"]),
    ),
    st.lists(CELL, max_size=14).map(",".join),
)


@given(rows=st.lists(MAYBE_BAD, max_size=20))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_rows_in_are_rows_published_plus_rows_rejected_for_any_list(
    rows: list[str], tmp_path_factory: pytest.TempPathFactory, config: Path, clock: Clock
) -> None:
    path = config / "master" / f"{ITEMS}.yaml"
    if "quality" not in path.read_text("utf-8"):
        path.write_text(path.read_text("utf-8") + "quality: {max_rejected_share: 1}\n", "utf-8")
    home = tmp_path_factory.mktemp("any")
    (home / "any.csv").write_bytes("\n".join([ITEM_HEADER, *rows, ""]).encode())
    made = Services(home, config, clock)
    try:
        done = master_files.ingest_file(made, ITEMS, home / "any.csv")
    except FeedHeld as held:
        if not {hold.code for hold in held.holds} <= {HoldCode.NO_ROWS, HoldCode.TRUNCATED, HoldCode.LAYOUT_CHANGED}:
            raise
        return
    finally:
        made.state.engine.dispose()
    kept, refused = rows_of(made, "items"), rejects_of(made)
    assert (len(kept), len(refused)) == (done.rows_published, done.rows_rejected)
    assert done.rows_in == done.rows_published + done.rows_rejected
    lines = [one["line"] for one in (*kept, *refused)]
    assert len(lines) == len(set(lines)), "no line counts twice"
    ids = [one["item_id"] for one in kept]
    assert len(ids) == len(set(ids)), "no item stands there twice"


# --- landing ---------------------------------------------------------------------------------------------------------


def test_a_landed_list_is_claimed_and_taken_like_a_file_of_a_feed(services: Services) -> None:
    folder = services.home / "landing" / ITEMS
    folder.mkdir(parents=True)
    list_of(folder / "items_1.csv", ITEM_HEADER, [item()])
    landing.scan(services)
    (claimed,) = landing.scan(services)
    assert claimed.feed_id == ITEMS
    found = master_files.read_landed(services, ITEMS, claimed.file_key, claimed.run_id)
    done = master_files.publish(services, ITEMS, found.delivery_id, claimed.file_key)
    assert (done.status, done.run_id) == ("published", claimed.run_id)
    assert landing.scan(services) == []


# --- rows that wait --------------------------------------------------------------------------------------------------


def test_without_any_master_data_nothing_waits(services: Services, tmp_path: Path) -> None:
    done = stock_in(services, tmp_path, [row(DATE, "1", item=item) for item in (OAT, NUT, COFFEE)])
    assert (done.rows_published, done.rows_parked) == (3, 0)


def tables(services: Services) -> list[dict[str, Any]]:
    """The observations as they stand."""
    return rows_of(services, "observations", "business_date", "location_id", "item_id")


def test_rows_of_unknown_items_and_locations_wait_and_are_loaded_when_the_master_knows_them(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    allow(config, "1")
    rows = [row(date, store, item=item) for date in days(DATE, 2) for store in "12" for item in (OAT, NUT)]
    items_in(services, tmp_path, [item(OAT, "1")])
    places_in(services, tmp_path, [place("1")])
    waiting = stock_in(services, tmp_path, rows)
    assert (waiting.rows_published, waiting.rows_parked, waiting.rows_rejected) == (2, 6, 0)
    assert waiting.reject_codes == {"UNKNOWN_ITEM": 4, "UNKNOWN_LOCATION": 2}
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2")], "items_2.csv")
    assert len(tables(services)) == 4
    places_in(services, tmp_path, [place("1"), place("2")], "stores_2.csv")

    other = Services(tmp_path / "other home", config, clock)  # where the lists had been there from the start
    items_in(other, tmp_path, [item(OAT, "1"), item(NUT, "2")], "items_2.csv")
    places_in(other, tmp_path, [place("1"), place("2")], "stores_2.csv")
    stock_in(other, tmp_path, rows)
    assert tables(services) == tables(other)
    assert rejects_of(services, FEED) == rejects_of(other, FEED) == []
    with services.state.begin() as tx:
        replayed = ledger.delivery(tx, FEED, waiting.delivery_id)
    assert replayed
    assert (replayed.status, replayed.rows_published, replayed.rows_parked) == ("published", 8, 0)
    other.state.engine.dispose()


def test_a_published_file_that_would_be_held_today_stays_published(
    services: Services, tmp_path: Path, config: Path
) -> None:
    allow(config, "1")
    items_in(services, tmp_path, [item(NUT)])
    stock_in(services, tmp_path, [row(DATE, "1", item=one) for one in (OAT, NUT, COFFEE)])
    before = rows_of(services, "observations")
    feed = config / "feeds" / f"{FEED}.yaml"
    feed.write_text(feed.read_text("utf-8").replace("max_unknown_share: 1", "max_unknown_share: 0.1"), "utf-8")
    stricter = Services(services.home, config, services.now)
    items_in(stricter, tmp_path, [item(NUT), item(OAT, "2")], "items_2.csv")
    with stricter.state.begin() as tx:
        (found,) = ledger.latest(tx, FEED, 5)
        assert ledger.undecided(tx) == []
    assert (found.status, found.rows_published, found.rows_parked) == ("published", 1, 2)
    assert rows_of(stricter, "observations") == before


def test_rows_that_were_loaded_late_have_their_date_checked_again(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    allow(config, "1")
    (config / "feeds" / "westway_dcs.yaml").unlink()
    (config / "thresholds.yaml").write_text(
        (config / "thresholds.yaml")
        .read_text("utf-8")
        .replace("    match: {partner: westway}\n", "    match: {category: Tea}\n")
    )
    (config / "routes.yaml").write_text(
        "routes:\n  - name: everything else\n    channel: C0TRIAGE\n    owner: supply planning\n", "utf-8"
    )
    items_in(services, tmp_path, [item(OAT, "1")])
    stock_in(services, tmp_path, [row(DATE, "1", item=OAT), row(DATE, "1", item=NUT)])
    for due in due_checks(services):
        check(services, due.business_date)
    assert due_checks(services) == []
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2")], "items_2.csv")
    assert [(due.business_date, due.why.value) for due in due_checks(services)] == [(DATE, "restated")]


def test_too_many_rows_of_unknown_items_hold_the_file(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(OAT, "1")])
    with pytest.raises(FeedHeld) as raised:
        stock_in(services, tmp_path, [row(DATE, "1", item=OAT), row(DATE, "1", item=NUT)])
    assert HoldCode.UNKNOWN_IDS in {hold.code for hold in raised.value.holds}
    assert tables(services) == []


def test_our_own_items_are_known_at_every_partner(services: Services, tmp_path: Path, config: Path) -> None:
    define(config, "ours", "table: items\nitem_id: {gtin: GTIN}\n")
    master_files.ingest_file(services, "ours", list_of(tmp_path / "o.csv", "GTIN", [OAT]))
    for feed in services.settings.feeds.values():
        assert known(services, feed).items == {OAT_14: OAT_14}


def test_our_own_list_of_locations_is_about_the_partner_that_a_row_names(
    services: Services, tmp_path: Path, config: Path
) -> None:
    define(
        config,
        "places",
        "table: locations\npartner_column: account\nlocation_id: {column: id}\n"
        "types: {S: store, W: dc}\ncolumns: {location_type: kind}\n",
    )
    master_files.ingest_file(
        services, "places", list_of(tmp_path / "p.csv", "account,id,kind", ["northfield,1,S", "westway,L1,w"])
    )
    feeds = services.settings.feeds
    assert known(services, feeds[FEED]).locations == {"1"}
    assert known(services, feeds["westway_dcs"]).locations == {"L1"}
    unsaid = [("northfield", "1", None), ("northfield", "7", FEED), ("westway", "L1", None), ("westway", "L2", None)]
    unsaid.append(("gone", "1", None))
    told = [dict(zip(("partner", "location_id", "feed_id"), one, strict=True)) for one in unsaid]
    rows = ibis.memtable(
        [{**one, "location_type": None} for one in told], schema=dict.fromkeys([*told[0], "location_type"], "string")
    )
    typed = services.lake.engine.to_pyarrow(master.with_location_types(services, rows)).to_pylist()
    kinds = {(row["partner"], row["location_id"]): row["location_type"] for row in typed}
    assert list(map(kinds.get, (one[:2] for one in unsaid))) == ["store", "store", "dc", "dc", None]


def test_a_list_of_stores_does_not_tell_which_warehouses_exist(services: Services, tmp_path: Path) -> None:
    places_in(services, tmp_path, [place("1")])
    stores = services.settings.feeds[FEED]
    assert known(services, stores).locations == {"0001"}
    assert known(services, stores.model_copy(update={"location_type": "dc"})).locations is None


def own_numbers(config: Path, **more: str) -> None:
    """Let Northfield send its own item numbers."""
    feed = config / "feeds" / f"{FEED}.yaml"
    text = feed.read_text("utf-8").replace("{column: upc, kind: gtin}", "{column: upc, kind: partner, width: 6}")
    feed.write_text(text + "".join(f"{key}: {value}\n" for key, value in more.items()), "utf-8")


def test_a_partners_own_number_becomes_the_gtin_of_the_item(services: Services, tmp_path: Path, config: Path) -> None:
    own_numbers(config)
    items_in(services, tmp_path, [item(OAT, "14101"), item("", "14102")])
    stock_in(services, tmp_path, [row(DATE, "1", item="14101"), row(DATE, "1", item="14102")])
    assert {one["item_id"] for one in tables(services)} == {OAT_14, "014102"}


def test_an_own_number_of_two_items_is_the_one_that_became_active_last(
    services: Services, tmp_path: Path, config: Path
) -> None:
    own_numbers(config)
    items_in(
        services,
        tmp_path,
        [item(NUT, "14101", first_day="2026-06-01"), item(OAT, "14101", first_day="2025-03-01", replaced_by=NUT)],
    )
    assert known(services, services.settings.feeds[FEED]).items["014101"] == NUT_14  # type: ignore[index]
    kept = {one["item_id"]: one["successor_gtin"] for one in rows_of(services, "items")}
    assert kept == {OAT_14: NUT_14, NUT_14: None}, "the successor is kept"


def test_a_list_of_gtins_does_not_tell_which_own_numbers_exist(
    services: Services, tmp_path: Path, config: Path
) -> None:
    own_numbers(config)
    define(config, "ours", "table: items\nitem_id: {gtin: GTIN}\n")
    master_files.ingest_file(services, "ours", list_of(tmp_path / "o.csv", "GTIN", [OAT]))
    assert known(services, services.settings.feeds[FEED]).items is None


def test_cases_become_pieces_by_the_pack_of_the_item_list(services: Services, tmp_path: Path, config: Path) -> None:
    feed = config / "feeds" / f"{FEED}.yaml"
    feed.write_text(feed.read_text("utf-8") + "units: {default: CA}\n", "utf-8")
    items_in(services, tmp_path, [item(OAT, "1", case_pack="12"), item(NUT, "2", case_pack="18")])
    stock_in(services, tmp_path, [row(DATE, "1", item=OAT, on_hand=3, sold=1), row(DATE, "1", item=NUT, on_hand=2)])
    found = {one["item_id"]: (one["on_hand_units"], one["units_sold"]) for one in tables(services)}
    assert found == {OAT_14: (36.0, 12.0), NUT_14: (36.0, 36.0)}


def test_a_pack_that_nobody_knows_is_no_piece(services: Services, tmp_path: Path, config: Path) -> None:
    feed = config / "feeds" / f"{FEED}.yaml"
    text = feed.read_text("utf-8").replace("max_rejected_share: 0.02", "max_rejected_share: 0.6")
    feed.write_text(text + "units: {default: CA}\n", "utf-8")
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2", case_pack="")])
    stock_in(services, tmp_path, [row(DATE, "1", item=OAT), row(DATE, "1", item=NUT)])
    assert [one["item_id"] for one in tables(services)] == [OAT_14]
    assert [one["code"] for one in rejects_of(services, FEED)] == ["UNIT_UNKNOWN"]


def test_what_a_definition_that_is_wrong_now_brought_before_still_counts(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    items_in(services, tmp_path, [item(OAT, "1")])
    define(config, ITEMS, "table: items\n")
    later = Services(services.home, config, clock)
    assert known(later, later.settings.feeds[FEED]).items == {OAT_14: OAT_14, "000001": OAT_14}
    (config / "master" / f"{ITEMS}.yaml").unlink()
    gone = Services(services.home, config, clock)
    assert known(gone, gone.settings.feeds[FEED]).items is None, "nobody wants it any more"


# --- the check -------------------------------------------------------------------------------------------------------


def test_a_check_without_master_data_says_so(services: Services, tmp_path: Path) -> None:
    stock_in(services, tmp_path, [row(DATE, "1")])
    said = check(services, DATE)["without_master_data"]["northfield"]
    assert [one.split(":")[0] for one in said] == ["no item master", "no location master", "no assortment"]
    assert "the range is inferred from what was sold or stocked" in said[2]
    text = explain(services, "northfield", "0001", OAT_14, DATE)["text"]
    assert "Master data: no assortment: the range is inferred" in text


def test_explain_reckons_with_the_margin_of_the_item_list_as_the_check_does(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(margin_pct="80")])
    sold = [row(DATE - dt.timedelta(days=ago), "1", price=90, sold=40) for ago in range(1, 15)]
    stock_in(services, tmp_path, [*sold, row(DATE, "1", on_hand=0, sold=0, price=90)])
    found = explain(services, "northfield", "0001", OAT_14, DATE)
    assert f"lifetime value {found['row']['lost_lifetime_value']:.2f}" in found["text"]


def test_what_is_lost_is_worth_the_price_of_the_item_list_where_the_feed_tells_none(
    services: Services, tmp_path: Path
) -> None:
    items_in(services, tmp_path, [item()])
    sold = [row(DATE - dt.timedelta(days=ago), "1", price="", sold=40) for ago in range(1, 15)]
    stock_in(services, tmp_path, [*sold, row(DATE, "1", on_hand=0, sold=0, price="")])
    found = explain(services, "northfield", "0001", OAT_14, DATE)["row"]
    assert found["price"] == 6.49
    assert found["lost_money"] == pytest.approx(found["lost_units"] * 6.49)


def test_explain_goes_by_the_rule_of_the_item_class_as_the_check_does(
    services: Services, tmp_path: Path, config: Path
) -> None:
    thresholds = config / "thresholds.yaml"
    rule = "  - name: bars\n    match: {item_class: bars}\n    min_days_of_supply: 9\n"
    thresholds.write_text(thresholds.read_text("utf-8") + rule, "utf-8")
    items_in(services, tmp_path, [item()])
    stock_in(services, tmp_path, [row(DATE, "1")])
    found = explain(services, "northfield", "0001", OAT_14, DATE)
    assert (found["row"]["item_class"], found["row"]["rule"], found["rule"]) == ("bars", "bars", "bars")
    assert found["limits"]["min_days_of_supply"] == {"value": 9.0, "from": "bars"}


def test_a_check_stops_saying_what_a_master_now_says(services: Services, tmp_path: Path, config: Path) -> None:
    range_of(config)
    items_in(services, tmp_path, [item()])
    places_in(services, tmp_path, [place()])
    range_in(services, tmp_path, [f"1,{OAT},,"])
    stock_in(services, tmp_path, [row(DATE, "1")])
    found = check(services, DATE)["without_master_data"]
    assert (found["northfield"], len(found["westway"])) == ([], 3)


def range_of(config: Path) -> None:
    """Define an assortment of Northfield's stores."""
    define(
        config,
        "northfield_range",
        'table: assortment\npartner: northfield\ndate_format: "%Y-%m-%d"\n'
        "location_id: {column: store, width: 4}\nitem_id: {column: upc, kind: gtin}\n"
        "columns: {ranged_from: since, ranged_to: until}\nquality: {min_rows_share: 0}\n",
    )


def range_in(services: Services, folder: Path, rows: Iterable[str], name: str = "range_1.csv") -> Delivery:
    """Take in Northfield's assortment."""
    path = list_of(folder / name, "store,upc,since,until", rows)
    return master_files.ingest_file(services, "northfield_range", path)


def test_only_what_the_assortment_lists_counts(services: Services, tmp_path: Path, config: Path) -> None:
    range_of(config)
    stock_in(services, tmp_path, [row(DATE, "1", item=item) for item in (OAT, NUT)])
    before = check(services, DATE)
    assert before["series"]["ranged"] == 2
    range_in(services, tmp_path, [f"1,{OAT},2026-01-01,", f"2,{OAT},,", f"1,{NUT},,2026-10-31"])
    after = check(services, DATE)
    assert after["series"] == {
        "seen": 2,
        "ranged": 2,
        "by_status": {
            "unknown": 1,
            "out_of_stock": 0,
            "phantom_suspected": 0,
            "at_risk": 0,
            "planned": 0,
            "void": 0,
            "in_stock": 1,
        },
    }
    assert (before["coverage"], after["coverage"]) == (1.0, 0.5)
    silent = explain(services, "northfield", "0002", OAT_14, DATE)
    assert (silent["row"]["status"], silent["row"]["on_hand_units"]) == ("unknown", None)
    ended = "its range ended on 2026-10-31, as `northfield_range` says; it was last reported on 2026-11-01: "
    with pytest.raises(UnknownSeries, match=ended):
        explain(services, "northfield", "0001", NUT_14, DATE)
    with pytest.raises(UnknownSeries, match=f"not in the partner's assortment .* item_id `{NUT_14}` is not known"):
        explain(services, "northfield", "0002", NUT_14, DATE)


def test_names_that_a_feed_lacks_come_from_the_lists(services: Services, tmp_path: Path, config: Path) -> None:
    feed = config / "feeds" / f"{FEED}.yaml"
    lines = feed.read_text("utf-8").splitlines(keepends=True)
    unnamed = [one for one in lines if not one.strip().startswith(("item_name:", "location_name:", "category:"))]
    feed.write_text("".join(unnamed), "utf-8")
    range_of(config)
    items_in(services, tmp_path, [item(OAT, "1"), item(NUT, "2", description="Nut Mix", department="Nuts")])
    places_in(services, tmp_path, [place("1"), place("2", store="Elko")])
    range_in(services, tmp_path, [f"1,{OAT},,", f"2,{NUT},,"])
    stock_in(services, tmp_path, [row(DATE, "1", item=OAT)])
    check(services, DATE)
    found = {one["location_id"]: one for one in rows_of(services, "availability")}
    told = {place: (one["item_name"], one["location_name"], one["category"]) for place, one in found.items()}
    assert told == {"0001": ("Oat Bar 6-pack", "Reno", "Snacks"), "0002": ("Nut Mix", "Elko", "Nuts")}
    assert found["0001"]["rule"] == "core bars", "a rule for a category applies to a category of the list"


def test_the_shipped_lists_agree_with_the_shipped_files(services: Services) -> None:
    samples = Path(__file__).resolve().parents[3] / "include" / "samples"
    for feed_id in (ITEMS, PLACES):
        (path,) = (samples / feed_id).iterdir()
        assert master_files.ingest_file(services, feed_id, path).rows_rejected == 0
    done = ingest.ingest_file(services, FEED, samples / FEED / "northfield_history.csv")
    assert (done.rows_parked, done.rows_rejected) == (0, 0)
    assert done.rows_published == done.rows_in


def test_a_list_that_names_neither_items_nor_locations_rejects_its_bad_rows_alone(
    services: Services, tmp_path: Path, config: Path
) -> None:
    define(config, "people", "table: owners\ncolumns: {owner: who, category: area}\nquality: {max_rejected_share: 1}\n")
    done = master_files.ingest_file(
        services, "people", list_of(tmp_path / "p.csv", "who,area", ["Dana,Snacks", ",Coffee"])
    )
    assert (done.rows_published, done.reject_codes) == (1, {"MISSING_ID": 1})

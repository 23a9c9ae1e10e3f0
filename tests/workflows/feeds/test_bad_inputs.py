"""What partners send by mistake, and what becomes of it: the list of the feeds page, each with its code."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.errors import FeedHeld
from include.stockwatch.workflows.feeds.ingest import ingest_file, publish
from include.stockwatch.workflows.services import Services
from tests.workflows.partner_files import FORMATS, TABLE, csv_file, edifact_file, write_feed, x12_file

FEED = "harbor"
GOOD = [("20261101", f"{store:04d}", item, "5", "1") for store in range(10) for item in ("A-1", "B-2")]
X12, EDIFACT = FORMATS["x12"][0], FORMATS["edifact"][0]
GTINS = ["850007123017", "850007123024", "850007123031"]


def take(services: Services, tmp_path: Path, content: bytes, profile: dict[str, Any], name: str = "file") -> Delivery:
    """Take in one file with a profile; a held one comes back as it stands in the ledger."""
    write_feed(services.config, FEED, profile)
    fresh = Services(services.home, services.config, services.now)
    (tmp_path / name).write_bytes(content)
    try:
        return ingest_file(fresh, FEED, tmp_path / name)
    except FeedHeld:
        with fresh.state.begin() as tx:
            return next(one for one in ledger.undecided(tx) if one.file_name == name)
    finally:
        fresh.state.engine.dispose()


def holds(found: Delivery) -> list[str]:
    """Codes of what a delivery is held for."""
    assert all(hold["what"] and hold["fix"] for hold in found.holds)
    return sorted(hold["code"] for hold in found.holds)


def zipped(**members: bytes) -> bytes:
    """A zip with some members; `__` in a name stands for a slash."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def encrypted_zip() -> bytes:
    """A zip whose member says that it is encrypted."""
    content = bytearray(zipped(a=b"x"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


ISA = x12_file(GOOD)
UNB = edifact_file(GOOD)


@pytest.mark.parametrize(
    ("content", "profile", "code"),
    [
        (b"", TABLE, "EMPTY"),
        (csv_file([]), TABLE, "NO_ROWS"),
        (csv_file(GOOD).replace(b'"stock"', b'"inventory"'), TABLE, "LAYOUT_CHANGED"),
        (csv_file(GOOD).replace(b'"sold"', b'"stock"'), TABLE, "LAYOUT_CHANGED"),
        (csv_file(GOOD).replace(b"A-1", b"A-\xff"), TABLE, "ENCODING"),
        (b"\x7fELF" + bytes(200), TABLE, "UNSAFE_CONTENT"),
        (b"%PDF-1.7 \x00\x01", TABLE, "WRONG_FORMAT"),
        (ISA, TABLE, "WRONG_FORMAT"),
        (ISA[: len(ISA) // 2], X12, "TRUNCATED"),
        (ISA[: ISA.index(b"GE*")], X12, "TRUNCATED"),
        (ISA.replace(b"SE*", b"SE*9"), X12, "WRONG_COUNTS"),
        (ISA.replace(b"IEA*1*000000017", b"IEA*1*000000018"), X12, "WRONG_COUNTS"),
        (ISA.replace(b"*0*P*>", b"*0*T*>"), X12, "TEST_DATA"),
        (ISA.replace(b"ST*852*", b"ST*997*"), X12, "UNSUPPORTED"),
        (ISA.replace(b"X*004010", b"X*003020"), X12, "UNSUPPORTED"),
        (ISA[ISA.index(b"ST*") : ISA.index(b"GE*")], X12, "NO_ENVELOPE"),
        (ISA, {**X12, "format": {"kind": "x12", "senders": ["OTHER"]}}, "UNKNOWN_SENDER"),
        (ISA, {**X12, "format": {"kind": "x12", "receivers": ["OTHER"]}}, "WRONG_RECEIVER"),
        (UNB[: UNB.index(b"UNT")], EDIFACT, "TRUNCATED"),
        (UNB.replace(b"UNT+", b"UNT+9"), EDIFACT, "WRONG_COUNTS"),
        (UNB.replace(b"INVRPT", b"CONTRL"), EDIFACT, "UNSUPPORTED"),
        (UNB.replace(b"BGM+35+1+9", b"BGM+35+1+1"), EDIFACT, "CANCELLATION"),
        (ISA.replace(b"852", b"846").replace(b"XQ*H*", b"BIA*01*DD*7*"), X12, "CANCELLATION"),
        (zipped(a=b"\0" * 30_000_000), TABLE, "ARCHIVE_RATIO"),
        (zipped(**{f"f{n}": csv_file(GOOD) for n in range(21)}), TABLE, "ARCHIVE_MEMBERS"),
        (zipped(a=zipped(b=zipped(c=csv_file(GOOD)))), TABLE, "ARCHIVE_NESTED"),
        (zipped(**{"..__evil": csv_file(GOOD)}), TABLE, "ARCHIVE_PATH"),
        (encrypted_zip(), TABLE, "ARCHIVE_ENCRYPTED"),
        (zipped(a=csv_file(GOOD))[:-30], TABLE, "ARCHIVE_DAMAGED"),
        (csv_file([("20281101", *row[1:]) for row in GOOD]), {**TABLE, "quality": {}}, "TOO_MANY_REJECTS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_not_what_it_should_be_is_held(
    content: bytes, profile: dict[str, Any], code: str, services: Services, tmp_path: Path
) -> None:
    found = take(services, tmp_path, content, profile)
    assert code in holds(found)
    assert found.rows_published == 0
    assert services.lake.version("observations") is None, "nothing of it is in the tables"


@pytest.mark.parametrize(
    ("row", "profile", "code", "line"),
    [
        (("20281101", "0001", "A-1", "5", "1"), {}, "FUTURE_DATE", 22),
        (("20200101", "0001", "A-1", "5", "1"), {"quality": {"max_rejected_share": 1, "max_age_days": 400}}, "STALE_DATE", 22),
        (("2026-11-01", "0001", "A-1", "5", "1"), {}, "BAD_DATE", 22),
        (("20261101", "", "A-1", "5", "1"), {}, "MISSING_ID", 22),
        (("20261101", "0099", "7.2470006431E+10", "5", "1"), {}, "LOSSY_ID", 22),
        (("20261101", "0099", "A-1", "abc", "1"), {}, "BAD_QUANTITY", 22),
        (("20261101", "0099", "A-1", "N/A", "1"), {}, "BAD_QUANTITY", 22),
        (("20261101", "0099", "A-1", "-", "1"), {}, "BAD_QUANTITY", 22),
        (("20261101", "0099", "A-1", "1,5", "1"), {}, "BAD_QUANTITY", 22),
        (("20261101", "0099", "A-1", "#DIV/0!", "1"), {}, "BAD_QUANTITY", 22),
        (("20261101", "0099", "A-1", "1e9", "1"), {}, "BAD_QUANTITY", 22),
        (("20261101", "0099", "A-1", "=1+1", "1"), {}, "BAD_QUANTITY", 22),
        (("20261101", "0099", "A-1", "99999999", "1"), {}, "OUT_OF_RANGE", 22),
    ],
)  # fmt: skip
def test_a_bad_row_is_rejected_and_the_others_are_published(
    row: tuple[str, ...], profile: dict[str, Any], code: str, line: int, services: Services, tmp_path: Path
) -> None:
    found = take(services, tmp_path, csv_file([*GOOD, row]), {**TABLE, **profile})
    assert (found.status, found.rows_published, found.reject_codes) == ("published", len(GOOD), {code: 1})
    (reject,) = services.lake.engine.to_pyarrow(services.lake.table("rejects")).to_pylist()
    assert (reject["line"], reject["code"]) == (line, code)
    assert reject["fix"]


def test_a_number_that_is_no_gtin_is_rejected_where_gtins_are_meant(services: Services, tmp_path: Path) -> None:
    rows = [("20261101", "0001", gtin, "5", "1") for gtin in (*GTINS, "850007123018", "814014029585003830441685")]
    found = take(services, tmp_path, csv_file(rows), {**TABLE, "item_id": {"column": "item", "kind": "gtin"}})
    assert (found.rows_published, found.reject_codes) == (3, {"BAD_GTIN": 2})


@pytest.mark.parametrize("quantity", ["", " ", "n/a"])
def test_no_data_is_published_as_no_data(quantity: str, services: Services, tmp_path: Path) -> None:
    profile = {**TABLE, "no_data": ["N/A"]}
    take(services, tmp_path, csv_file([("20261101", "0001", "A-1", quantity, "1")]), profile)
    (row,) = services.lake.engine.to_pyarrow(services.lake.table("observations")).to_pylist()
    assert (row["on_hand_units"], row["units_sold"]) == (None, 1.0)


def test_negative_stock_and_sales_are_kept(services: Services, tmp_path: Path) -> None:
    take(services, tmp_path, csv_file([("20261101", "0001", "A-1", "-3", "(2)")]), TABLE)
    (row,) = services.lake.engine.to_pyarrow(services.lake.table("observations")).to_pylist()
    assert (row["on_hand_units"], row["units_sold"]) == (-3.0, -2.0)


def test_a_unit_without_a_pack_size_is_rejected(services: Services, tmp_path: Path) -> None:
    content = x12_file(GOOD).replace(b"SDQ*EA*92*0003", b"SDQ*CA*92*0003")
    found = take(services, tmp_path, content, X12)
    assert found.reject_codes == {"UNIT_UNKNOWN": 4}
    assert found.rows_published == 2 * len(GOOD) - 4


def test_codes_of_no_known_meaning_are_kept_and_not_loaded(services: Services, tmp_path: Path) -> None:
    found = take(services, tmp_path, x12_file(GOOD).replace(b"ZA*QS", b"ZA*QP"), {**X12, "quality": {}})
    assert (found.status, found.reject_codes) == ("published", {"UNMAPPED_CODE": len(GOOD)})
    assert found.rows_published == len(GOOD)


@pytest.mark.parametrize(
    ("repeats", "published", "stock", "rejected"),
    [("reject", 19, None, {"DUPLICATE_KEY": 2}), ("sum", 21, 8.0, {}), ("last", 21, 3.0, {}), ("collapse", 19, None, {"DUPLICATE_KEY": 2})],
)  # fmt: skip
def test_a_repeated_key_means_what_the_profile_says(
    repeats: str, published: int, stock: float | None, rejected: dict[str, int], services: Services, tmp_path: Path
) -> None:
    rows = [*GOOD, ("20261101", "0007", "A-1", "3", "1")]
    found = take(services, tmp_path, csv_file(rows), {**TABLE, "repeats": repeats})
    assert (found.rows_in, found.rows_published, found.reject_codes) == (21, published, rejected)
    table = services.lake.table("observations")
    seen = table.filter(table.location_id == "0007", table.item_id == "A-1")
    assert [row["on_hand_units"] for row in services.lake.engine.to_pyarrow(seen).to_pylist()] == (
        [] if stock is None else [stock]
    )


def test_the_same_row_twice_counts_once_where_the_profile_says_so(services: Services, tmp_path: Path) -> None:
    found = take(services, tmp_path, csv_file([*GOOD, GOOD[3]]), {**TABLE, "repeats": "collapse"})
    assert (found.rows_in, found.rows_published, found.observations, found.reject_codes) == (21, 21, 20, {})


TOTAL = {"name": "total", "column": "store", "equals": ["Grand Total"], "total_of": "on_hand_units"}


def test_total_rows_are_no_observations_and_must_agree(services: Services, tmp_path: Path) -> None:
    profile = {**TABLE, "drop": [TOTAL]}
    good = take(services, tmp_path, csv_file([*GOOD, ("", "Grand Total", "", "100", "")]), profile)
    assert (good.status, good.rows_dropped, good.drop_rules) == ("published", 1, {"total": 1})
    wrong = take(services, tmp_path, csv_file([*GOOD[:-1], ("", "Grand Total", "", "100", "")]), profile, "wrong")
    assert holds(wrong) == ["TOTAL_DIFFERS"]
    assert "states 100 on_hand_units, the rows add up to 95" in wrong.holds[0]["what"]


def test_totals_of_several_exports_in_one_archive_add_up(services: Services, tmp_path: Path) -> None:
    profile = {**TABLE, "drop": [TOTAL]}
    halves = [
        csv_file([*GOOD[:10], ("", "Grand Total", "", "50", "")]),
        csv_file([*GOOD[10:], ("", "Grand Total", "", "50", "")]),
    ]
    found = take(services, tmp_path, zipped(a=halves[0], b=halves[1]), profile)
    assert (found.status, found.rows_published, found.rows_dropped) == ("published", 20, 2)
    short = take(services, tmp_path, zipped(a=halves[0], b=halves[1].replace(b"50", b"55")), profile, "short")
    assert holds(short) == ["TOTAL_DIFFERS", "TOTAL_DIFFERS"]


def parts(*contents: bytes) -> bytes:
    """An archive of some exports, numbered."""
    return zipped(**{f"part_{number}.csv": content for number, content in enumerate(contents)})


def test_what_is_wrong_with_one_of_several_files_names_it(services: Services, tmp_path: Path) -> None:
    broken = csv_file(GOOD).replace(b'"stock"', b'"in\nventory"')
    found = take(services, tmp_path, parts(csv_file(GOOD), broken), TABLE)
    assert found.holds[0]["what"].startswith(
        "`part_1.csv`: column `stock` is missing; columns the feed does not use: `in v"
    )
    assert "`landing.members` leaves out" in found.holds[0]["fix"]
    late = csv_file([("20281101", *row[1:]) for row in GOOD])
    found = take(services, tmp_path, parts(csv_file(GOOD), late), {**TABLE, "quality": {}}, "late")
    assert "start with `part_1.csv`, line 2: `date`" in found.holds[0]["fix"]


def test_files_of_an_archive_that_are_no_reports_are_left_out(services: Services, tmp_path: Path) -> None:
    profile = {**TABLE, "landing": {"pattern": "*", "members": "part_0*"}}
    found = take(services, tmp_path, parts(csv_file(GOOD), b"made by hand\n"), profile)
    assert (found.rows_in, found.rows_published) == (len(GOOD), len(GOOD))
    assert [(one["code"], one["what"].split("`")[1]) for one in found.warnings] == [("ARCHIVE_LITTER", "part_1.csv")]


def test_a_used_control_number_with_other_content_is_held_and_the_same_bytes_are_skipped(
    services: Services, tmp_path: Path
) -> None:
    first = take(services, tmp_path, x12_file(GOOD), X12, "first")
    again = take(services, tmp_path, x12_file(GOOD), X12, "again")
    assert again.delivery_id == first.delivery_id
    assert again.file_name == "first", "a replay is the delivery that is known"
    other = take(services, tmp_path, x12_file(GOOD[:-1]), X12, "other")
    assert holds(other) == ["CONTROL_NUMBER_REUSED"]
    assert "HARBOR used the control number 000000017 before" in other.holds[0]["what"]
    next_one = take(services, tmp_path, x12_file(GOOD[:-1], number="000000018"), X12, "next")
    assert next_one.status == "published"


def test_text_behind_the_last_segment_is_a_warning(services: Services, tmp_path: Path) -> None:
    found = take(services, tmp_path, x12_file(GOOD) + b"-- \nsent by a mail gateway\n", X12)
    assert found.status == "published"
    assert [one["code"] for one in found.warnings] == ["TRAILING_TEXT"]


def test_control_and_bidi_characters_are_stripped_from_ids(services: Services, tmp_path: Path) -> None:
    take(services, tmp_path, csv_file([("20261101", "00\u202e01", "A-\u200e1", "5", "1")]), TABLE)
    (row,) = services.lake.engine.to_pyarrow(services.lake.table("observations")).to_pylist()
    assert (row["location_id"], row["item_id"]) == ("0001", "A-1")


@pytest.mark.parametrize(("name", "is_damaged"), [("MÃ¼sli", True), ("M�sli", True), ("PÃO", False), ("Müsli", False)])
def test_names_that_lost_their_characters_are_warned_of_once(
    name: str, is_damaged: bool, services: Services, tmp_path: Path
) -> None:
    profile = {**TABLE, "columns": {**TABLE["columns"], "item_name": "item"}}
    rows = [*GOOD, *(("20261101", "0001", f"{name} {number}", "5", "1") for number in (1, 2))]
    content = zipped(a=csv_file(rows), b=csv_file([("20261102", *row[1:]) for row in rows]))
    found = take(services, tmp_path, content, profile, "two.zip")
    assert [(one["code"], one["line"]) for one in found.warnings] == ([("TEXT_DAMAGED", 22)] if is_damaged else [])


def test_a_date_of_the_whole_file_that_is_not_there_holds_it(services: Services, tmp_path: Path) -> None:
    date = {"source": "file_name", "format": "%Y%m%d", "pattern": r"(\d{8})"}
    found = take(services, tmp_path, csv_file(GOOD), {**TABLE, "date": date}, "stock.csv")
    assert holds(found) == ["NO_DATE"]
    assert (found.rows_in, found.rows_rejected) == (len(GOOD), len(GOOD))
    dated = take(services, tmp_path, csv_file(GOOD), {**TABLE, "date": date}, "stock_20261029.csv")
    assert (dated.status, dated.business_dates) == ("published", ("2026-10-29",))


def test_rows_only_feeds_keep_what_a_later_file_does_not_name(services: Services, tmp_path: Path) -> None:
    profile = {**TABLE, "replaces": "rows"}
    take(services, tmp_path, csv_file(GOOD[:10]), profile, "north")
    south = take(services, tmp_path, csv_file([(*GOOD[9][:3], "77", "1"), *GOOD[10:]]), profile, "south")
    assert south.restated == {"dates": 1, "rows_known_before": 10, "rows_changed": 1, "rows_gone": 0}
    table = services.lake.engine.to_pyarrow(services.lake.table("observations").order_by("location_id", "item_id"))
    assert table["on_hand_units"].to_pylist() == [5.0] * 9 + [77.0] + [5.0] * 10


def test_rows_that_stay_are_neither_lost_nor_doubled_when_publishing_is_cut(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(services, tmp_path, csv_file(GOOD[:10]), {**TABLE, "replaces": "rows"}, "north")

    def cut(*_: object, **__: object) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "deliver_dates", cut)  # the table is written, the ledger is not
        with pytest.raises(ConnectionAbortedError):
            take(services, tmp_path, csv_file(GOOD[5:]), {**TABLE, "replaces": "rows"}, "south")
    with services.state.begin() as tx:
        (waiting,) = (one for one in ledger.latest(tx, FEED, 10) if one.status == "read")
    fresh = Services(services.home, services.config, services.now)
    publish(fresh, FEED, waiting.delivery_id)
    fresh.state.engine.dispose()
    table = services.lake.engine.to_pyarrow(services.lake.table("observations"))
    assert sorted(zip(table["location_id"].to_pylist(), table["item_id"].to_pylist(), strict=True)) == sorted(
        (row[1], row[2]) for row in GOOD
    )


def test_a_file_that_changes_a_delivered_date_says_what_it_changed(services: Services, tmp_path: Path) -> None:
    take(services, tmp_path, csv_file(GOOD), TABLE, "first")
    changed = [(*row[:3], "6", "1") if number < 3 else row for number, row in enumerate(GOOD[:-2])]
    found = take(services, tmp_path, csv_file(changed), TABLE, "correction")
    assert found.restated == {"dates": 1, "rows_known_before": 20, "rows_changed": 3, "rows_gone": 2}


def test_a_file_of_a_month_gives_a_days_sales_to_the_check(services: Services, tmp_path: Path) -> None:
    from include.stockwatch.domain.daily import daily
    from include.stockwatch.domain.reported import AbsentMeans

    profile = {**TABLE, "date": {"column": "date", "format": "%Y%m%d", "pattern": r"(\d+)-(\d+)"}}
    rows = [("20261001-20261030", "0001", "A-1", "5", "60")]
    take(services, tmp_path, csv_file(rows), profile)
    day = dt.date(2026, 10, 30)
    table = services.lake.table("observations")
    seen = services.lake.engine.to_pyarrow(
        daily(table, table.select("feed_id", "business_date"), {FEED: AbsentMeans.UNKNOWN}, day, day)
    ).to_pylist()
    assert [(row["on_hand_units"], row["units_sold"]) for row in seen] == [(5.0, 2.0)]

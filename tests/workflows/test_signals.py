"""Complaints and loyalty in: what is published, what is rejected, what is kept of words, and who is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import outbox
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.alerting.case import Decision
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.domain.customer_signals import Measure
from include.stockwatch.domain.loyalty import in_force
from include.stockwatch.errors import FeedHeld, HoldCode
from include.stockwatch.workflows import signals
from include.stockwatch.workflows.checks.check import rules_of
from include.stockwatch.workflows.checks.explain import explain
from include.stockwatch.workflows.feeds import master_files
from include.stockwatch.workflows.feeds.feed_status import list_statuses
from include.stockwatch.workflows.feeds.feed_watch import open_incidents, watch
from include.stockwatch.workflows.incidents.record import record
from include.stockwatch.workflows.services import Services
from tests.alerting.examples import incident, member
from tests.fakes import NUT, OAT, Clock, row
from tests.workflows.feeds.test_master import item, items_in, list_of, rejects_of, rows_of, stock_in

COMPLAINTS, LOYALTY = "northfield_complaints", "brand_loyalty"
HEADER = "day,store_nbr,upc,channel,topic,contacts,comment"
PANEL = "metric,value,measured_on,brand,category,shoppers,n"
OAT_14 = OAT.zfill(14)


def said(day: str = "2026-11-01", store: str = "118", upc: str = OAT, topic: str = "Not on shelf", **more: str) -> str:
    """One line of Northfield's complaints."""
    cells = {"channel": "web", "contacts": "", "comment": ""} | more
    return ",".join((day, store, upc, cells["channel"], topic, cells["contacts"], cells["comment"]))


def complaints_in(services: Services, folder: Path, rows: Iterable[str], name: str = "complaints_1.csv") -> Delivery:
    """Take in a file of complaints."""
    return master_files.ingest_file(services, COMPLAINTS, list_of(folder / name, HEADER, rows))


def loyalty_in(services: Services, folder: Path, rows: Iterable[str]) -> Delivery:
    """Take in a file of the panel."""
    return master_files.ingest_file(services, LOYALTY, list_of(folder / "loyalty_1.csv", PANEL, rows))


def messages(services: Services) -> list[dict[str, Any]]:
    """The outbox."""
    with services.state.begin() as tx:
        return outbox.messages(tx)


# --- complaints ------------------------------------------------------------------------------------------------------


def test_a_complaint_is_published_with_what_is_known_of_it(services: Services, tmp_path: Path) -> None:
    complaints_in(services, tmp_path, [said(), said(store="", upc="", topic="Taste or quality", contacts="3")])
    first, second = rows_of(services, "complaints", "line")
    assert (first["partner"], first["business_date"]) == ("northfield", dt.date(2026, 11, 1))
    assert (first["location_id"], first["item_id"], first["channel"]) == ("0118", OAT_14, "web")
    assert (first["kind"], first["complaints"]) == ("could_not_find", 1)
    assert (second["location_id"], second["item_id"], second["kind"]) == (None, None, "quality")
    assert second["complaints"] == 3


def test_a_topic_that_nobody_mapped_is_kept_as_other(services: Services, tmp_path: Path) -> None:
    complaints_in(services, tmp_path, [said(topic="Parking"), said(topic="")])
    assert [row["kind"] for row in rows_of(services, "complaints")] == ["other", "other"]


def test_two_complaints_alike_are_two(services: Services, tmp_path: Path) -> None:
    assert complaints_in(services, tmp_path, [said(), said()]).rows_published == 2


def test_a_file_replaces_the_dates_that_it_has_and_no_others(services: Services, tmp_path: Path) -> None:
    complaints_in(services, tmp_path, [said("2026-10-31"), said("2026-11-01"), said("2026-11-01")])
    complaints_in(services, tmp_path, [said("2026-11-01", store="204"), said("2026-11-02")], "complaints_2.csv")
    found = [(row["business_date"].day, row["location_id"]) for row in rows_of(services, "complaints", "business_date")]
    assert found == [(31, "0118"), (1, "0204"), (2, "0118")]


def test_the_same_file_again_changes_nothing(services: Services, tmp_path: Path) -> None:
    complaints_in(services, tmp_path, [said(), said()])
    complaints_in(services, tmp_path, [said(), said()])
    assert len(rows_of(services, "complaints")) == 2


def test_a_file_without_rows_says_that_nobody_complained(services: Services, tmp_path: Path) -> None:
    complaints_in(services, tmp_path, [said()])
    done = complaints_in(services, tmp_path, [], "complaints_2.csv")
    assert (done.status, len(rows_of(services, "complaints"))) == ("published", 1)


@pytest.mark.parametrize(("day", "is_superseded"), [("2026-11-01", True), ("2026-10-31", False)])
def test_a_held_file_is_superseded_by_a_newer_one_of_its_dates_alone(
    day: str, is_superseded: bool, services: Services, tmp_path: Path, clock: Clock
) -> None:
    with pytest.raises(FeedHeld):
        complaints_in(services, tmp_path, [said(), *[said(day="soon")] * 3])
    held = rows_of(services, "rejects")[0]["delivery_id"]
    clock.move(hours=1)
    complaints_in(services, tmp_path, [said(day)], "complaints_2.csv")
    with pytest.raises(FeedHeld) as again:
        master_files.read(services, COMPLAINTS, held)
    assert (HoldCode.SUPERSEDED in {hold.code for hold in again.value.holds}) is is_superseded


def test_no_more_of_what_people_wrote_is_kept_than_an_extract(services: Services, tmp_path: Path) -> None:
    secret = "call 0171 5550199 or mail anna@example.com " + "about it " * 40
    rows = [said(comment=secret)] * 9 + [said(upc="123", comment=secret)]
    complaints_in(services, tmp_path, rows)
    kept = [row["extract"] for row in rows_of(services, "complaints")]
    told = str(rows_of(services, "rejects")) + str(kept)
    assert kept[0].startswith("call [number] or mail [address] about it")
    assert all(len(text) <= 120 for text in kept)
    assert [text for text in ("5550199", "anna", "about it " * 20) if text in told] == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (said(day="31.10.2026"), "BAD_DATE"),
        (said(day=""), "MISSING_ID"),
        (said(upc="123"), "BAD_GTIN"),
        (said(contacts="-1"), "BAD_NUMBER"),
        (said(contacts="1.5"), "BAD_NUMBER"),
        (said(contacts="1000000"), "BAD_NUMBER"),
    ],
)
def test_a_complaint_that_cannot_be_read_is_rejected_alone(
    row: str, code: str, services: Services, tmp_path: Path
) -> None:
    done = complaints_in(services, tmp_path, [row, *[said()] * 9])
    assert (done.rows_published, done.reject_codes) == (9, {code: 1})


def test_complaints_of_our_own_line_may_name_no_partner(services: Services, config: Path, tmp_path: Path) -> None:
    (config / "master" / "help_line.yaml").write_text(
        "table: complaints\npartner_column: account\nkind: could_not_find\n"
        'date_format: "%Y-%m-%d"\ncolumns: {business_date: day}\n',
        "utf-8",
    )
    path = list_of(tmp_path / "line.csv", "day,account", ["2026-11-01,northfield", "2026-11-01,"])
    master_files.ingest_file(services, "help_line", path)
    assert [row["partner"] for row in rows_of(services, "complaints", "line")] == ["northfield", ""]


def test_an_own_number_means_the_item_that_the_master_stores(services: Services, config: Path, tmp_path: Path) -> None:
    definition = config / "master" / f"{COMPLAINTS}.yaml"
    text = definition.read_text("utf-8").replace("kind: gtin}", "kind: partner, width: 6}")
    definition.write_text(text, "utf-8")
    items_in(services, tmp_path, [item()])
    complaints_in(services, tmp_path, [said(upc="14101")])
    found = signals.not_found(services, [dt.date(2026, 11, 2)])
    assert found is not None
    assert services.lake.engine.to_pyarrow(found)["item_id"].to_pylist() == [OAT_14]


def test_without_any_complaints_there_is_nothing_to_count(services: Services) -> None:
    assert signals.not_found(services, [dt.date(2026, 11, 2)]) is None
    assert signals.ratio(services, dt.date(2026, 11, 2)) == 15


# --- loyalty ---------------------------------------------------------------------------------------------------------


def test_loyalty_figures_are_read_as_shares(services: Services, tmp_path: Path) -> None:
    rows = ["Repeat purchase rate,58%,2026-09-30,Oatworks,,,1240", "NPS,-12,2026-09-30,,Coffee,card,"]
    loyalty_in(services, tmp_path, rows)
    first, second = signals.loyalty(services)
    assert (first.measure, first.value, first.brand, first.sample_size) == (
        Measure.REPEAT_PURCHASE_RATE, 0.58, "Oatworks", 1240
    )  # fmt: skip
    assert (second.value, second.category, second.segment, second.sample_size) == (-12, "Coffee", "card", None)


def test_nps_is_told_beside_an_estimate_that_it_does_not_change(services: Services, tmp_path: Path) -> None:
    date = dt.date(2026, 11, 2)
    rows = [row(date - dt.timedelta(days=ago), "1") for ago in range(1, 15)]
    stock_in(services, tmp_path, [*rows, row(date, "1", on_hand=0, sold=0)])
    asked = services, "northfield", "0001", OAT_14, date
    before = explain(*asked)
    loyalty_in(services, tmp_path, ["NPS,32,2026-09-30,,,,410"])
    after = explain(*asked)
    assert before["row"] == after["row"]
    assert "loyalty   NPS +32 (2026-09-30, n = 410): told beside the estimate" in after["text"]


def test_what_was_measured_more_than_a_year_ago_no_longer_counts_and_explain_says_so(
    services: Services, tmp_path: Path
) -> None:
    rows = [row(dt.date(2026, 11, 2) - dt.timedelta(days=ago), "1") for ago in range(2, 15)]
    out = [row(dt.date(2026, 11, day), "1", on_hand=0, sold=0) for day in (1, 2)]
    stock_in(services, tmp_path, [*rows, *out])
    loyalty_in(services, tmp_path, ["Repeat purchase rate,90,2025-11-01,,,,9000", "NPS,32,2025-11-01,,,,410"])
    last, after = (explain(services, "northfield", "0001", OAT_14, dt.date(2026, 11, day)) for day in (1, 2))
    assert "measured repeat purchase rate (2025-11-01, n = 9,000)" in " ".join(last["text"].split())
    text = " ".join(after["text"].split())
    assert "published averages; too old to count: repeat purchase rate (2025-11-01)" in text
    assert "NPS +32 (2025-11-01, n = 410), too old: told beside" in text
    rules = rules_of(services)
    label = ("northfield", "Snacks", None, "USD")
    assert rules.assumed(label, dt.date(2026, 11, 2)).loyal_share == rules.customers.for_category("Snacks").loyal_share
    days = [rules.measured_by(dt.date(2026, 11, day)) for day in (1, 2)]
    assert len(set(days)) == 2, "dates of different assumptions are not reckoned together"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("Yearly retention,100,2026-09-30,,,,", "OUT_OF_RANGE"),
        ("NPS,101,2026-09-30,,,,", "OUT_OF_RANGE"),
        ("Purchase cycle,0,2026-09-30,,,,", "OUT_OF_RANGE"),
        ("Happiness,3,2026-09-30,,,,", "BAD_VALUE"),
        ("NPS,good,2026-09-30,,,,", "BAD_NUMBER"),
        ("NPS,,2026-09-30,,,,", "MISSING_ID"),
        ("NPS,3,,,,,", "MISSING_ID"),
        ("NPS,3,2026-09-30,,,,-5", "BAD_NUMBER"),
    ],
)
def test_a_figure_that_cannot_be_one_is_rejected(row: str, code: str, services: Services, tmp_path: Path) -> None:
    with pytest.raises(FeedHeld):
        loyalty_in(services, tmp_path, [row, "CSAT,80,2026-09-30,,,,100"])
    assert [one["code"] for one in rejects_of(services, LOYALTY)] == [code]


def test_a_lifetime_value_without_a_currency_is_rejected(services: Services, config: Path, tmp_path: Path) -> None:
    definition = config / "master" / f"{LOYALTY}.yaml"
    text = definition.read_text("utf-8")
    definition.write_text(text[: text.index("measures:")] + "quality: {max_rejected_share: 1}\n", "utf-8")
    loyalty_in(services, tmp_path, ["lifetime_value,30,2026-09-30,,,,", "nps,30,2026-09-30,,,,"])
    assert [one["code"] for one in rejects_of(services, LOYALTY)] == ["NO_CURRENCY"]


def test_percent_is_no_share_unless_the_definition_says_so(services: Services, config: Path, tmp_path: Path) -> None:
    definition = config / "master" / f"{LOYALTY}.yaml"
    definition.write_text(definition.read_text("utf-8").replace("shares_in: percent", "shares_in: share"), "utf-8")
    with pytest.raises(FeedHeld):
        loyalty_in(services, tmp_path, ["CSAT,1%,2026-09-30,,,,100"])
    assert [one["code"] for one in rejects_of(services, LOYALTY)] == ["BAD_NUMBER"]


def test_two_figures_of_one_measure_scope_and_day_are_both_rejected(services: Services, tmp_path: Path) -> None:
    rows = ["NPS,30,2026-09-30,,,,", "NPS,31,2026-09-30,,,,"]
    with pytest.raises(FeedHeld):
        loyalty_in(services, tmp_path, [*rows, "NPS,30,2026-09-30,Oatworks,,,"])
    assert [one["code"] for one in rejects_of(services, LOYALTY)] == ["DUPLICATE_KEY"] * 2


def test_a_panel_file_replaces_the_one_before(services: Services, tmp_path: Path) -> None:
    loyalty_in(services, tmp_path, ["NPS,30,2026-08-30,,,,"])
    loyalty_in(services, tmp_path, ["NPS,31,2026-09-30,,,,"])
    assert in_force(signals.loyalty(services), dt.date(2026, 11, 1))[Measure.NPS].value == 31


# --- late ------------------------------------------------------------------------------------------------------------


def expects(services: Services, list_id: str, expected: str) -> Services:
    """The same services, with a list that is expected."""
    path = services.config / "master" / f"{list_id}.yaml"
    path.write_text(f"{path.read_text('utf-8')}\nexpected: {expected}\n", "utf-8")
    made = Services(services.home, services.config, services.now)
    made.__dict__["state"] = services.state
    return made


def test_a_complaint_feed_that_is_expected_and_does_not_come_is_a_data_incident_until_a_file_comes(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    """The clock says Monday 2 November, 06:00 UTC; a file without rows says that nobody complained."""
    complaints_in(services, tmp_path, [said("2026-10-30")])
    clock.move(days=3)
    assert watch(services)["open"] == 0, "a list that nothing is said of is never late"
    made = expects(services, COMPLAINTS, '{by: "09:00", days_after: 1}')
    assert watch(made)["opened"] == ["DATA-2026-00001"]
    with made.state.begin() as tx:
        told = open_incidents(tx)[COMPLAINTS]
    assert (told.trouble.value, told.newest, told.missing) == (
        "silent",
        dt.date(2026, 11, 1),  # the file of the 2nd tells of all days before it
        (dt.date(2026, 11, 2), dt.date(2026, 11, 3)),
    )
    assert {one.feed_id: one.status.value for one in list_statuses(made)}[COMPLAINTS] == "silent"
    clock.move(hours=4)
    watch(made)
    complaints_in(made, tmp_path, [], "complaints_2.csv")
    assert watch(made)["resolved"] == ["DATA-2026-00001"]


def test_a_list_that_is_late_freezes_no_incident(services: Services, tmp_path: Path, clock: Clock) -> None:
    complaints_in(services, tmp_path, [said("2026-10-30")])
    frozen = incident(member("0118", 1, 3), data_stale=True)
    with services.state.begin() as tx:
        record(tx, Decision(Reason.STALE, "frozen", frozen), at=services.now(), actor="check")
    made = expects(services, COMPLAINTS, '{by: "09:00", days_after: 1}')
    clock.move(days=3)
    watch(made)
    with made.state.begin() as tx:
        told = open_incidents(tx)[COMPLAINTS]
    assert (told.partner, told.frozen) == (frozen.partner, ())


def test_a_panel_that_comes_monthly_is_late_once_its_month_is(services: Services, tmp_path: Path, clock: Clock) -> None:
    loyalty_in(services, tmp_path, ["NPS,30,2026-10-30,,,,"])
    made = expects(services, LOYALTY, '{days_of_month: [31], days_after: 5, by: "12:00"}')
    clock.move(days=33)
    assert watch(made)["open"] == 0, "5 December, 06:00: November is due at 12:00"
    clock.move(hours=7)
    watch(made)
    with made.state.begin() as tx:
        told = open_incidents(tx)[LOYALTY]
    assert (told.trouble.value, told.missing, told.frozen) == ("late", (dt.date(2026, 11, 30),), ())
    assert messages(made)[-1]["text"].startswith(f"DATA: {LOYALTY} of ")


# --- relay -----------------------------------------------------------------------------------------------------------


def test_each_channel_is_told_its_kinds_once_a_day(services: Services, tmp_path: Path) -> None:
    rows = [said(topic="Taste or quality"), said(topic="Price"), said(topic="Price", upc=NUT), said()]
    complaints_in(services, tmp_path, rows)
    assert len(signals.relay(services)["post"]) == 2
    assert signals.relay(services) == {"post": [], "update": [], "unheard": 0}
    production, marketing = messages(services)
    assert (production["channel"], marketing["channel"]) == ("C0QUALITY", "C0MARKETING")
    assert production["text"] == "CUSTOMERS SAID: 1 complaint of Sun 1 Nov: quality 1, owner quality desk."
    assert "price 2" in marketing["text"]


def test_complaints_that_come_later_change_the_message_of_their_day(services: Services, tmp_path: Path) -> None:
    complaints_in(services, tmp_path, [said(topic="Price")])
    signals.relay(services)
    complaints_in(services, tmp_path, [said(topic="Price")] * 4, "complaints_2.csv")
    assert len(signals.relay(services)["update"]) == 1
    assert [one["operation"] for one in messages(services)] == ["post", "update"]


def test_complaints_that_a_corrected_file_takes_back_are_taken_back_in_the_message(
    services: Services, tmp_path: Path
) -> None:
    complaints_in(services, tmp_path, [said(topic="Price"), said(topic="Taste or quality", contacts="0")])
    assert len(signals.relay(services)["post"]) == 1, "no complaint is no message"
    complaints_in(services, tmp_path, [said()], "complaints_2.csv")
    assert len(signals.relay(services)["update"]) == 1
    assert "0 complaints of Sun 1 Nov: taken back by a corrected file" in messages(services)[-1]["text"]
    assert signals.relay(services)["update"] == []


def test_old_complaints_are_loaded_and_told_nobody(services: Services, tmp_path: Path) -> None:
    complaints_in(services, tmp_path, [said("2026-10-01", topic="Price")])
    assert signals.relay(services)["post"] == []


def test_what_no_channel_is_named_for_is_counted(services: Services, config: Path, tmp_path: Path) -> None:
    text = (config / "signals.yaml").read_text("utf-8")
    (config / "signals.yaml").write_text(text.replace("[price, service, other]", "[price]"), "utf-8")
    complaints_in(services, tmp_path, [said(topic="Staff or service", contacts="7"), said()])
    assert signals.relay(services)["unheard"] == 7

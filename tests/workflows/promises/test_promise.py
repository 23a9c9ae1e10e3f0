"""Promises on files: what opens, what ends, what stale data cannot do, and what is told to whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.stockwatch.adapters.state import incidents, ledger, outbox
from include.stockwatch.alerting.case import PROMISE_KINDS, STOCK_KINDS
from include.stockwatch.alerting.kinds import render
from include.stockwatch.alerting.mass_change import MassChangeSettings
from include.stockwatch.alerting.promise_incident import PromiseIncident, PromiseKind
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.feeds import ingest, landing, master_files
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.promises.pack_changes import remember
from include.stockwatch.workflows.promises.watch import watch as watch_promises
from include.stockwatch.workflows.services import Services
from tests.fakes import COFFEE, NUT, OAT, Clock, days, northfield, row
from tests.workflows.feeds.test_master import FEED, define, item, items_in, list_of, place, places_in, rows_of, stock_in
from tests.workflows.test_signals import COMPLAINTS, HEADER, complaints_in, said

MONDAY = dt.date(2026, 11, 2)
STORES = ("118", "204", "305", "411", "503")
FRESH = {FEED}


def prices(services: Services, folder: Path, date: dt.date, asked: dict[str, object], **more: Any) -> None:
    """A day of Northfield's stores with the oat bar at some prices."""
    rows = [row(date, store, price=price, **more) for store, price in asked.items()]
    stock_in(services, folder, rows, f"northfield_{date}.csv")


def open_now(services: Services) -> list[PromiseIncident]:
    """The open promise incidents."""
    with services.state.begin() as tx:
        return sorted(incidents.open_incidents(tx, PROMISE_KINDS).values(), key=lambda one: one.incident_id)


def sent(services: Services) -> list[dict[str, Any]]:
    """The outbox."""
    with services.state.begin() as tx:
        return outbox.messages(tx)


def watch(services: Services, date: dt.date, fresh: Iterable[str] = FRESH) -> dict[str, Any]:
    """Watch the promises on a date, and send what is to be said."""
    found = watch_promises(services, date, set(fresh), actor="test")
    deliver(services)
    return found


# --- price -----------------------------------------------------------------------------------------------------------


def test_the_promises_of_a_partner_that_is_awaited_are_left_as_they_are(services: Services, tmp_path: Path) -> None:
    """A-14"""

    def awaiting(date: dt.date) -> dict[str, Any]:
        return watch_promises(services, date, FRESH, actor="test", awaited={"northfield"})

    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": "9.99"})
    assert awaiting(MONDAY)["opened"] == []
    assert watch(services, MONDAY)["opened"] == ["PROM-2026-00001"]
    tuesday = MONDAY + dt.timedelta(days=1)
    prices(services, tmp_path, tuesday, {"118": "6.49"})
    assert awaiting(tuesday)["resolved"] == []
    assert watch(services, tuesday)["resolved"] == ["PROM-2026-00001"]


def test_a_price_outside_its_band_opens_one_incident_for_all_its_stores(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    places_in(services, tmp_path, [*map(place, STORES[:3]), place("411", status="closed")])
    prices(services, tmp_path, MONDAY, {"118": 7.99, "204": 7.49, "305": 6.49, "411": 9.99})
    assert watch(services, MONDAY)["opened"] == ["PROM-2026-00001"]
    (incident,) = open_now(services)
    assert (incident.found.locations, incident.found.of_locations) == (("0118", "0204"), 3)
    assert (incident.found.lowest, incident.found.highest, incident.found.rule) == (7.49, 7.99, "default")
    assert (incident.channel, incident.owner) == ("C0NORTHFIELD", "Dana Ruiz")
    (message,) = sent(services)
    assert message["text"].startswith(
        "PROMISE: Price outside its band: Oat Bar at Northfield Grocers: 2 of 3 locations"
    )


def test_prices_in_two_currencies_are_one_incident_that_tells_both(
    services: Services, config: Path, tmp_path: Path
) -> None:
    feed = yaml.safe_load((config / "feeds" / f"{FEED}.yaml").read_text("utf-8"))
    feed |= {"currency": "CAD", "landing": {"pattern": "canada*.csv"}}
    (config / "feeds" / "northfield_canada.yaml").write_text(yaml.safe_dump(feed), "utf-8")
    own = 'table: items\ndate_format: "%Y-%m-%d"\nitem_id: {gtin: upc}\ncolumns: {price: retail}\ncurrency: CAD\n'
    define(config, "our_items", own)
    items_in(services, tmp_path, [item(retail="6.49")])
    master_files.ingest_file(services, "our_items", list_of(tmp_path / "our.csv", "upc,retail", [f"{OAT},8.99"]))
    prices(services, tmp_path, MONDAY, {"118": 7.99, "204": 6.49})
    canada = northfield(tmp_path / "canada.csv", [row(MONDAY, "900", price=12.5), row(MONDAY, "901", price=13)])
    ingest.ingest_file(services, "northfield_canada", canada)
    watch(services, MONDAY, {FEED, "northfield_canada"})
    (incident,) = open_now(services)
    assert (incident.found.locations, incident.found.of_locations) == (("0118", "0900", "0901"), 4)
    told = render(incident).as_text()
    promised = "promised is CAD 6.29 to 9.89, USD 4.54 to 7.14"
    assert f"3 of 4 locations: CAD 12.50 to 13.00, USD 7.99; {promised}." in told


def test_watching_again_changes_nothing(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": 7.99})
    watch(services, MONDAY)
    again = watch(services, MONDAY)
    assert (again["opened"], again["updated"], len(sent(services))) == ([], [], 1)


def test_prices_back_in_their_band_end_it_with_a_reply(services: Services, tmp_path: Path, clock: Clock) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    for date, price in zip(days(MONDAY, 2), (7.99, 6.49), strict=True):
        prices(services, tmp_path, date, {"118": price})
        watch(services, date)
    assert open_now(services) == []
    assert [one["operation"] for one in sent(services)] == ["post", "update", "reply"]
    clock.move(days=1)
    prices(services, tmp_path, MONDAY + dt.timedelta(days=2), {"118": 7.99})
    assert watch(services, MONDAY + dt.timedelta(days=2))["reopened"] == ["PROM-2026-00001"], "A-07"


def test_a_partner_that_delivers_nothing_ends_nothing(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": 7.99})
    watch(services, MONDAY)
    assert watch(services, MONDAY + dt.timedelta(days=1), fresh=())["reasons"] == {"stale": 1}
    assert len(open_now(services)) == 1


def test_a_store_that_says_nothing_of_its_price_keeps_it_open(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": 7.99, "204": 7.99})
    watch(services, MONDAY)
    prices(services, tmp_path, MONDAY + dt.timedelta(days=1), {"118": 6.49, "204": ""})
    assert watch(services, MONDAY + dt.timedelta(days=1))["resolved"] == []


def test_a_store_that_closed_keeps_it_open_no_longer(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": 7.99, "204": 6.49})
    watch(services, MONDAY)
    places_in(services, tmp_path, [place("118", status="closed"), place("204")])
    prices(services, tmp_path, MONDAY + dt.timedelta(days=1), {"118": "", "204": 6.49})
    assert watch(services, MONDAY + dt.timedelta(days=1))["resolved"] == ["PROM-2026-00001"]


def test_a_price_of_nothing_is_no_price(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": 0, "204": 6.49})
    assert watch(services, MONDAY)["opened"] == []


def test_a_band_that_is_taken_away_ends_it(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": 7.99})
    watch(services, MONDAY)
    items_in(services, tmp_path, [item(retail="")], "items_2.csv")
    assert watch(services, MONDAY)["resolved"] == ["PROM-2026-00001"]


def test_an_older_date_opens_nothing(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item(retail="6.49")])
    prices(services, tmp_path, MONDAY, {"118": 7.99})
    with services.state.begin() as tx:
        ledger.raise_watermark(tx, "northfield", MONDAY + dt.timedelta(days=1))
    assert watch(services, MONDAY)["reasons"] == {"older_date": 1}


def test_a_date_that_is_not_believed_breaks_no_promise(services: Services, tmp_path: Path) -> None:
    """A-17: what is held for stock is held for promises too."""
    few = MassChangeSettings(members=1)
    stockwatch = services.settings.stockwatch.model_copy(update={"mass_change": few})
    services.__dict__["settings"] = services.settings.model_copy(update={"stockwatch": stockwatch})
    items_in(services, tmp_path, [item(retail="6.49")])
    first, second = days(MONDAY, 2)
    prices(services, tmp_path, first, dict.fromkeys(STORES, 6.49))
    check(services, first)
    prices(services, tmp_path, second, dict.fromkeys(STORES, 64.9), on_hand=0, sold=0)
    checked = check(services, second)
    assert checked["incidents"]["held"] == ["northfield"]
    assert (checked["promises"]["opened"], open_now(services)) == ([], [])


def test_without_an_item_master_no_price_is_promised(services: Services, tmp_path: Path) -> None:
    prices(services, tmp_path, MONDAY, {"118": 7.99})
    assert watch(services, MONDAY)["opened"] == []


def test_explicit_bands_need_no_item_master(services: Services, config: Path, tmp_path: Path) -> None:
    (config / "promises.yaml").write_text(
        "promises:\n  - name: snacks\n    match: {partner: northfield, category: Snacks}\n"
        "    price: {lowest: 5.99, highest: 6.99, currency: USD}\n",
        "utf-8",
    )
    prices(services, tmp_path, MONDAY, {"118": 7.99})
    assert watch(services, MONDAY)["opened"] == ["PROM-2026-00001"]


# --- packs -----------------------------------------------------------------------------------------------------------


def test_a_pack_that_changes_in_the_item_list_is_told_until_it_is_old(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    items_in(services, tmp_path, [item(case_pack="12")])
    assert watch(services, MONDAY)["opened"] == []
    clock.move(days=7)
    items_in(services, tmp_path, [item(case_pack="10")], "items_2.csv")
    later = MONDAY + dt.timedelta(days=7)
    assert watch(services, later)["opened"] == ["PROM-2026-00001"]
    (incident,) = open_now(services)
    assert (incident.found.before, incident.found.after, incident.found.since) == ("12", "10", later)
    assert watch(services, later + dt.timedelta(days=27))["resolved"] == []
    assert watch(services, later + dt.timedelta(days=28))["resolved"] == ["PROM-2026-00001"]
    assert "told for 28 days, and still so" in sent(services)[-1]["text"]


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ([item(case_pack="12")], "a case (CS) holds 12 pieces again"),
        ([item(case_pack="")], "the item list no longer says what a case (CS) holds"),
        ([item(NUT, "14102")], "the item list no longer has the item"),
    ],
)
def test_a_pack_that_changed_ends_with_what_the_list_says_now(
    listed: list[str], why: str, services: Services, tmp_path: Path, clock: Clock
) -> None:
    for date, rows in zip(days(MONDAY, 3), ([item(case_pack="12")], [item(case_pack="10")], listed), strict=True):
        items_in(services, tmp_path, rows, f"items_{date}.csv")
        watch(services, date)
        clock.move(days=1)
    assert open_now(services) == []
    assert why in sent(services)[-1]["text"]


def test_another_gtin_under_one_number_is_told_and_ends_when_it_is_announced(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    items_in(services, tmp_path, [item()])
    watch(services, MONDAY)
    clock.move(days=1)
    items_in(services, tmp_path, [item(NUT)], "items_2.csv")
    assert watch(services, MONDAY + dt.timedelta(days=1))["opened"] == ["PROM-2026-00001"]
    assert open_now(services)[0].found.before == OAT.zfill(14)
    clock.move(days=1)
    items_in(services, tmp_path, [item(replaced_by=NUT), item(NUT)], "items_3.csv")
    assert watch(services, MONDAY + dt.timedelta(days=2))["resolved"] == ["PROM-2026-00001"]
    announced = f"announced: the item list names GTIN {NUT.zfill(14)} as the successor of {OAT.zfill(14)}"
    assert announced in sent(services)[-1]["text"]


def test_what_the_lists_said_is_written_only_when_it_changes(services: Services, tmp_path: Path, clock: Clock) -> None:
    items_in(services, tmp_path, [item()])
    remember(services)
    version = services.lake.version("identities")
    remember(services)
    assert services.lake.version("identities") == version
    assert [(one["unit"], one["pieces"]) for one in rows_of(services, "identities", "unit")] == [("CA", 12), ("CS", 12)]


# --- vanishing -------------------------------------------------------------------------------------------------------


def ranges(services: Services, folder: Path, clock: Clock, *, oat_on: Iterable[int], until: int = 8) -> None:
    """Days on which five stores have the nut mix, and on some of them the oat bar."""
    clock.move(days=until)
    rows = [
        row(date, store, item=upc, name=name)
        for number, date in enumerate(days(MONDAY, until))
        for store in STORES
        for name, upc in {"Mix": NUT, **({"Oat Bar": OAT} if number in set(oat_on) else {})}.items()
    ]
    stock_in(services, folder, rows)


def test_an_item_that_all_stores_stop_listing_is_told_after_its_days(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    ranges(services, tmp_path, clock, oat_on=range(4))
    told = [watch(services, date)["opened"] for date in days(MONDAY, 8)]
    assert told == [[], [], [], [], [], [], ["PROM-2026-00001"], []]
    (incident,) = open_now(services)
    assert (incident.found.kind, incident.found.since) == (PromiseKind.VANISHED, MONDAY + dt.timedelta(days=4))
    assert (incident.found.of_locations, incident.found.unlisted) == (5, 5)


def test_a_store_that_closed_is_none_that_an_item_vanished_from(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    places_in(services, tmp_path, [*map(place, STORES[1:]), place(STORES[0], status="closed")])
    ranges(services, tmp_path, clock, oat_on=range(4))
    assert watch(services, MONDAY + dt.timedelta(days=6))["opened"] == [], "four stores are too few to say so"


def test_an_item_that_the_list_in_force_no_longer_ranges_was_taken_out_on_purpose(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    define(
        config,
        "northfield_range",
        'partner: northfield\ntable: assortment\ndate_format: "%Y-%m-%d"\n'
        "location_id: {column: store, width: 4}\nitem_id: {column: upc, kind: gtin}\n",
    )
    listed = list_of(tmp_path / "range.csv", "store,upc", [f"{store},{NUT}" for store in STORES])
    master_files.ingest_file(services, "northfield_range", listed)
    ranges(services, tmp_path, clock, oat_on=range(4))
    assert watch(services, MONDAY + dt.timedelta(days=6))["opened"] == []


def test_it_ends_when_a_store_has_the_item_again(services: Services, tmp_path: Path, clock: Clock) -> None:
    ranges(services, tmp_path, clock, oat_on=(0, 1, 2, 3, 7))
    opened, ended = (watch(services, MONDAY + dt.timedelta(days=n)) for n in (6, 7))
    assert (opened["opened"], ended["resolved"]) == (["PROM-2026-00001"], ["PROM-2026-00001"])


def test_it_does_not_end_while_the_partner_delivers_nothing(services: Services, tmp_path: Path, clock: Clock) -> None:
    ranges(services, tmp_path, clock, oat_on=range(4), until=7)
    watch(services, MONDAY + dt.timedelta(days=6))
    for number in (7, 40, 80):
        assert watch(services, MONDAY + dt.timedelta(days=number), fresh=())["resolved"] == []


def test_an_item_that_stores_no_longer_list_is_out_of_stock_nowhere(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    ranges(services, tmp_path, clock, oat_on=range(4))
    checked = [check(services, date) for date in days(MONDAY, 7)]
    assert [one["promises"]["opened"] for one in checked][-1] == ["PROM-2026-00001"]
    assert not any(one["incidents"]["opened"] for one in checked)


def test_a_vanished_item_and_its_empty_stock_records_name_each_other(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    clock.move(days=9)
    rows = [row(date, store, item=upc) for date in days(MONDAY, 8) for store in STORES for upc in (NUT, COFFEE)]
    for number, date in enumerate(days(MONDAY, 8)):
        has_it = number not in (4, 5, 6)
        rows += [row(date, store, **({} if has_it else {"on_hand": 0, "sold": 0})) for store in STORES]
    stock_in(services, tmp_path, rows)
    for date in days(MONDAY, 7):
        check(services, date)
    with services.state.begin() as tx:
        (stock,) = incidents.open_incidents(tx, STOCK_KINDS).values()
    (vanished,) = open_now(services)
    assert (vanished.stock, stock.vanished) == ((stock.incident_id,), (vanished.incident_id,))
    told = [render(one).as_text() for one in (vanished, stock)]
    assert f"The same matter in the stock records: {stock.incident_id}, with what it costs." in told[0]
    assert f"Next step: settle {vanished.incident_id} first: ask Northfield Grocers whether" in told[1]
    written = len(sent(services))
    check(services, MONDAY + dt.timedelta(days=6))
    assert len(sent(services)) == written, "the same date again changes nothing"
    check(services, MONDAY + dt.timedelta(days=7))
    assert open_now(services) == []


def test_an_item_that_goes_on_under_another_gtin_has_not_vanished(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    items_in(services, tmp_path, [item(), item(NUT, "14102")])
    ranges(services, tmp_path, clock, oat_on=range(4), until=9)
    clock.move(days=-1)
    assert watch(services, MONDAY + dt.timedelta(days=6))["opened"] == ["PROM-2026-00001"]
    items_in(services, tmp_path, [item(COFFEE), item(NUT, "14102")], "items_2.csv")
    changed = watch(services, MONDAY + dt.timedelta(days=8))
    assert (changed["resolved"], changed["opened"]) == (["PROM-2026-00001"], ["PROM-2026-00002"])
    assert f"it goes on under GTIN {COFFEE.zfill(14)}" in sent(services)[2]["text"]
    (gtin,) = open_now(services)
    assert (gtin.found.fact, gtin.found.before) == ("gtin", OAT.zfill(14))


# --- complaints about quality ----------------------------------------------------------------------------------------


def history(services: Services, folder: Path, recent: int) -> None:
    """Eight quiet weeks with a complaint each, and then some in a day."""
    quiet = [said((MONDAY - dt.timedelta(days=n)).isoformat(), topic="Taste or quality") for n in range(7, 56, 7)]
    rows = [*quiet, *[said("2026-11-02", topic="Taste or quality", comment="stale")] * recent]
    complaints_in(services, folder, rows)


def test_complaints_above_the_usual_are_told_to_those_who_make_it(services: Services, tmp_path: Path) -> None:
    items_in(services, tmp_path, [item()])
    history(services, tmp_path, 12)
    assert watch(services, MONDAY)["opened"] == ["PROM-2026-00001"]
    (incident,) = open_now(services)
    assert (incident.channel, incident.owner) == ("C0QUALITY", "quality desk")
    assert (incident.found.item_name, incident.found.complaints) == ("Oat Bar 6-pack", 12)
    assert incident.found.evidence == ("Named in them: Northfield Grocers 12.", "Said: “stale”", "Said: “stale”")


def test_as_many_complaints_as_ever_are_told_nobody(services: Services, tmp_path: Path) -> None:
    history(services, tmp_path, 2)
    assert watch(services, MONDAY)["opened"] == []


def test_a_feed_of_complaints_that_stopped_ends_nothing(services: Services, tmp_path: Path) -> None:
    history(services, tmp_path, 12)
    watch(services, MONDAY)
    assert watch(services, MONDAY + dt.timedelta(days=8))["reasons"] == {"stale": 1}


def test_its_window_ends_on_the_last_day_that_was_told(services: Services, tmp_path: Path) -> None:
    history(services, tmp_path, 12)
    watch(services, MONDAY + dt.timedelta(days=3))
    (message,) = sent(services)
    assert "12 complaints in 7 days to Mon 2 Nov" in message["text"]
    assert "Data as of Mon 2 Nov" in message["plain"]


@pytest.mark.parametrize(("rows", "is_over"), [([], True), ([said("2026-10-26", topic="Price")], False), (None, False)])
def test_no_complaints_in_a_file_that_came_are_news_and_no_file_is_none(
    rows: list[str] | None, is_over: bool, services: Services, tmp_path: Path, clock: Clock
) -> None:
    history(services, tmp_path, 12)
    watch(services, MONDAY)
    clock.move(days=8)
    if rows is not None:
        complaints_in(services, tmp_path, rows, "complaints_2.csv")
    assert watch(services, dt.date(2026, 11, 9))["resolved"] == (["PROM-2026-00001"] if is_over else [])
    if is_over:
        assert "back to the usual in the 7 days to Mon 9 Nov" in sent(services)[-1]["text"]


def test_a_file_without_complaints_is_news_each_time_that_it_comes(
    services: Services, tmp_path: Path, clock: Clock
) -> None:
    complaints_in(services, tmp_path, [], "complaints_0.csv")
    clock.move(hours=1)
    history(services, tmp_path, 12)
    watch(services, MONDAY)
    clock.move(days=8)
    folder = services.home / "landing" / COMPLAINTS
    folder.mkdir(parents=True)
    list_of(folder / "complaints_9.csv", HEADER, [])
    landing.scan(services)
    (file,) = landing.scan(services)
    again = master_files.read_landed(services, COMPLAINTS, file.file_key)
    master_files.publish(services, COMPLAINTS, again.delivery_id, file.file_key)
    assert again.file_name == "complaints_0.csv", "the same bytes are the same delivery"
    assert watch(services, dt.date(2026, 11, 9))["resolved"] == ["PROM-2026-00001"]


def test_what_one_line_tells_does_not_end_what_another_told(
    services: Services, config: Path, tmp_path: Path, clock: Clock
) -> None:
    define(
        config, "help_line", 'table: complaints\nkind: price\ndate_format: "%Y-%m-%d"\ncolumns: {business_date: day}\n'
    )
    history(services, tmp_path, 12)
    watch(services, MONDAY)
    clock.move(days=8)
    master_files.ingest_file(services, "help_line", list_of(tmp_path / "line.csv", "day", ["2026-11-09"]))
    assert watch(services, dt.date(2026, 11, 9))["resolved"] == [], "Northfield's complaints are missing"
    complaints_in(services, tmp_path, [], "complaints_2.csv")
    assert watch(services, dt.date(2026, 11, 9))["resolved"] == ["PROM-2026-00001"]


def test_it_ends_when_complaints_are_back_to_the_usual(services: Services, tmp_path: Path) -> None:
    history(services, tmp_path, 12)
    watch(services, MONDAY)
    complaints_in(services, tmp_path, [said("2026-11-12", topic="Price")], "complaints_2.csv")
    assert watch(services, dt.date(2026, 11, 12))["resolved"] == ["PROM-2026-00001"]

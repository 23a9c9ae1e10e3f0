"""From published observations to tables, incidents and messages."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.adapters.state import incidents, ledger, outbox, pending
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.alerting.pending import Pending
from include.stockwatch.errors import FeedHeld, LakeLost
from include.stockwatch.workflows.backtest import backtest
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.checks.explain import explain
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.fakes import OAT, Clock, days, dc, northfield, row, westway

FEED = "northfield_stores"
FIRST = dt.date(2026, 10, 1)
DATES = days(FIRST, 32)
STORES = ("0001", "0002", "0003", "0004")


def deliver_file(
    services: Services, tmp_path: Path, date: dt.date, out: set[str] = frozenset(), **changes: Any
) -> None:
    """Take in one date in which some stores have nothing on hand."""
    rows = [
        row(date, store, on_hand=0 if store in out else 20, sold=0 if store in out else 5, **changes)
        for store in STORES
    ]
    ingest_file(services, FEED, northfield(tmp_path / f"{date}.csv", rows))


def history(services: Services, tmp_path: Path) -> dt.date:
    """Four weeks in which everything is there; returns the next date."""
    rows = [row(date, store, on_hand=20, sold=5) for date in DATES[:28] for store in STORES]
    ingest_file(services, FEED, northfield(tmp_path / "history.csv", rows))
    return DATES[28]


def everything(services: Services) -> dict[str, Any]:
    """All that a check writes, without times."""
    with services.state.begin() as tx:
        sent = [{k: v for k, v in m.items() if not k.endswith("_at")} for m in outbox.messages(tx)]
        shown = {i: [e["kind"] for e in incidents.events(tx, i)] for i in sorted({m["incident_id"] for m in sent})}
    engine = services.lake.engine
    tables = {
        name: engine.to_pyarrow(services.lake.table(name).order_by("business_date", "partner", *key)).to_pylist()
        for name, key in (("availability", ("location_id", "item_id")), ("kpis", ("category", "location_type")))
    }
    return {"messages": sent, "events": shown, **tables}


def test_an_incident_opens_worsens_and_resolves(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    story: list[set[str]] = [{"0001"}, {"0001", "0002", "0003"}, set()]
    seen = []
    for offset, out in enumerate(story):
        day = date + dt.timedelta(days=offset)
        deliver_file(services, tmp_path, day, out)
        seen.append(check(services, day)["incidents"])
    incident = "INC-2026-00001"
    assert [one["opened"] for one in seen] == [[incident], [], []]
    assert [one["updated"] for one in seen] == [[], [incident], []]
    assert [one["resolved"] for one in seen] == [[], [], [incident]]
    with services.state.begin() as tx:
        found = incidents.find(tx, incident)
        kinds = [(event["kind"], event["reason"]) for event in incidents.events(tx, incident)]
    assert kinds == [("opened", "first"), ("updated", "worse"), ("resolved", "restocked")]
    assert found
    assert (found.peak_out, found.ranged) == (3, 4)
    # one store for two days and two stores for one day, at five a day
    assert found.total("lost_units") is not None
    assert abs((found.total("lost_units") or 0) - 20.0) < 1e-5


def test_the_summary_counts_every_ranged_series_once(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    summary = check(services, date)
    assert summary["series"] == {
        "seen": 4,
        "ranged": 4,
        "by_status": {
            "unknown": 0,
            "out_of_stock": 1,
            "phantom_suspected": 0,
            "at_risk": 0,
            "planned": 0,
            "void": 0,
            "in_stock": 3,
        },
    }
    assert (summary["coverage"], summary["in_stock_rate"]) == (1.0, 0.75)


def test_a_check_leaves_nothing_behind_in_the_engine(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    check(services, date)
    told = "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
    names = {name for (name,) in services.lake.engine.raw_sql(told).fetchall()}
    assert {name for name in names if name.startswith(("held_", "look_back_"))} == set()


def test_checking_a_date_again_gives_the_same_tables_and_no_second_message(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    check(services, date)
    deliver(services)
    before = everything(services)
    for _ in range(3):
        check(services, date)
        deliver(services)
    assert everything(services) == before


def test_a_stock_out_that_is_not_due_is_kept_for_the_board_until_it_is(
    services: Services, tmp_path: Path, config: Path
) -> None:
    """A-01, A-02: nothing of it is said; a date checked again keeps the same, as does one without data."""
    rules = config / "thresholds.yaml"
    rules.write_text(rules.read_text("utf-8").replace("days_out_before_alert: 1", "days_out_before_alert: 3"), "utf-8")

    def now_pending() -> list[Pending]:
        with services.state.read() as tx:
            return pending.listed(tx)

    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001", "0002"})
    assert check(services, date)["incidents"]["reasons"] == {"not_due": 1}
    (one,) = shown = now_pending()
    assert (one.locations, one.since, one.due_on) == (2, date, date + dt.timedelta(days=2))
    assert (one.item_name, one.money_at_risk) == ("Oat Bar", pytest.approx(2 * 7 * 5 * 6.49, rel=0.05))
    check(services, date)
    check(services, date + dt.timedelta(days=1))
    assert now_pending() == shown
    assert everything(services)["messages"] == []
    for offset, opened in ((1, []), (2, ["INC-2026-00001"])):
        deliver_file(services, tmp_path, date + dt.timedelta(days=offset), {"0001", "0002"})
        assert check(services, date + dt.timedelta(days=offset))["incidents"]["opened"] == opened
    check(services, date)  # decided past it
    assert now_pending() == []


def test_an_old_date_checked_again_changes_its_tables_alone(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    for offset, out in enumerate(({"0001"}, {"0001"}, set())):
        deliver_file(services, tmp_path, date + dt.timedelta(days=offset), out)
        check(services, date + dt.timedelta(days=offset))
    before = everything(services)
    deliver_file(services, tmp_path, date, {"0001", "0002"}, price="6.50")  # a late correction
    assert check(services, date)["incidents"]["reasons"] == {"older_date": 1}
    after = everything(services)
    assert after["messages"] == before["messages"]
    assert after["events"] == before["events"]
    assert after["availability"] != before["availability"]


def test_a_date_without_data_freezes_and_neither_opens_nor_resolves(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    check(services, date)
    summary = check(services, date + dt.timedelta(days=1))
    assert summary["coverage"] == 0
    assert summary["in_stock_rate"] is None
    assert summary["incidents"]["frozen"] == ["INC-2026-00001"]
    again = check(services, date + dt.timedelta(days=2))["incidents"]
    assert (again["frozen"], again["open"]) == ([], 1)
    deliver_file(services, tmp_path, date + dt.timedelta(days=1))  # the late file shows the stock is back
    assert check(services, date + dt.timedelta(days=1))["incidents"]["resolved"] == ["INC-2026-00001"]


def test_on_a_date_that_nothing_was_due_of_the_last_report_stands_unless_it_is_missing(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    path = config / "feeds" / "northfield_stores.yaml"
    path.write_text(path.read_text("utf-8").replace("expected: {", "expected: {weekdays: [tue, thu], "), "utf-8")
    services = Services(services.home, config, clock)
    clock.move(days=3)
    thursday = history(services, tmp_path)
    dates = days(thursday, 7)
    deliver_file(services, tmp_path, thursday, {"0001"})
    for date in dates[:6]:  # Tuesday's file does not come; Westway's come every day
        westway_day(services, tmp_path, date, {f"L{n:02d}": 100 for n in range(60)})
    checked = [check(services, date) for date in dates[:6]]
    assert [one["coverage"] for one in checked] == [1] * 5 + [0]  # first of stores, then of DCs
    assert [one["incidents"]["frozen"] for one in checked] == [[]] * 5 + [["INC-2026-00001"]]
    assert checked[1]["series"]["by_status"]["unknown"] == len(STORES)
    item = f"00{OAT}"
    said = explain(services, "northfield", "0001", item, dates[2])
    assert said["text"].startswith("Nothing was due for Sat 31 Oct 2026: the report of Thu 29 Oct stands.\n\n")
    assert (said["row"]["business_date"], said["row"]["status"]) == (thursday, "out_of_stock")
    late = check(services, dates[6])  # a Wednesday without a report of the Tuesday before
    assert (late["coverage"], late["incidents"]["frozen"]) == (0, [])
    text = explain(services, "northfield", "0001", item, dates[6])["text"]
    assert "Next: ask Northfield Grocers for the missing data." in text.splitlines()
    services.state.engine.dispose()


def test_a_date_that_is_corrected_to_be_in_stock_takes_its_loss_back(services: Services, tmp_path: Path) -> None:
    dates = days(history(services, tmp_path), 2)
    deliver_file(services, tmp_path, dates[0], {"0001"})
    check(services, dates[0])
    deliver_file(services, tmp_path, dates[1], {"0001"})
    check(services, dates[1])
    deliver_file(services, tmp_path, dates[1], price="6.50")
    assert check(services, dates[1])["incidents"]["resolved"] == ["INC-2026-00001"]
    with services.state.begin() as tx:
        lost = [one["state"]["members"][0]["lost_units"] for one in incidents.events(tx, "INC-2026-00001")]
    assert lost[0] == lost[2] < lost[1]


def test_a_held_file_opens_and_closes_nothing(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    check(services, date)
    path = northfield(tmp_path / "half.csv", [row(date + dt.timedelta(days=1), "0002", on_hand=0)])
    with pytest.raises(FeedHeld, match="ROW_COUNT"):
        ingest_file(services, FEED, path)
    summary = check(services, date + dt.timedelta(days=1))
    assert summary["series"]["by_status"]["unknown"] == 4
    assert (summary["incidents"]["opened"], summary["incidents"]["resolved"]) == ([], [])


def test_a_second_outage_soon_after_the_first_goes_on_in_its_incident_and_thread(
    services: Services, tmp_path: Path
) -> None:
    date = history(services, tmp_path)
    for offset, out in enumerate(({"0001"}, set(), {"0001"})):
        deliver_file(services, tmp_path, date + dt.timedelta(days=offset), out)
        check(services, date + dt.timedelta(days=offset))
        deliver(services)
    with services.state.begin() as tx:
        kinds = [event["kind"] for event in incidents.events(tx, "INC-2026-00001")]
        operations = [message["operation"] for message in outbox.messages(tx)]
    assert kinds == ["opened", "resolved", "reopened"]
    assert operations.count("post") == 1


def test_events_messages_and_watermark_are_stored_together_or_not_at_all(
    services: Services, tmp_path: Path, monkeypatch: Any
) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "raise_watermark", die)
        with pytest.raises(Killed):
            check(services, date)
    with services.state.begin() as tx:
        assert outbox.messages(tx) == []
        assert incidents.open_incidents(tx, STOCK_KINDS) == {}
    assert check(services, date)["incidents"]["opened"] == ["INC-2026-00001"]


def test_a_replay_of_history_decides_as_the_checks_did(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    story: list[set[str]] = [{"0001"}, {"0001", "0002"}, {"0002"}, set()]
    for offset, out in enumerate(story):
        deliver_file(services, tmp_path, date + dt.timedelta(days=offset), out)
        check(services, date + dt.timedelta(days=offset))
    before = everything(services)
    found = backtest(services)
    assert (found["opened"], found["still_open"], found["dates"]) == (1, 0, 32)
    assert [day["open"] for day in found["per_day"][-4:]] == [1, 1, 1, 0]
    assert everything(services) == before, "a replay touches nothing"


def test_explain_names_the_rule_and_every_number(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    found = explain(services, "northfield", "0001", "00850007123017", date)
    assert found["rule"] == "core bars"
    assert found["limits"]["min_in_stock_rate"] == {"value": 0.97, "from": "core bars"}
    assert found["limits"]["min_days_of_supply"] == {"value": 2.0, "from": "default"}
    for words in ("out of stock", "Gamma(a =", "sells 5 a day", "Out since Thu 29 Oct, day 1", "U = 5.000", "N ="):
        assert words in found["text"], words
    stock = next(line for line in found["text"].splitlines() if line.startswith("stock "))
    assert (len(found["days"]), stock.split()[-2:]) == (14, ["20", "0"])
    assert [one["business_date"] for one in found["days"]] == days(date - dt.timedelta(days=13), 14)


def test_an_incident_whose_feed_is_gone_stays_open_and_frozen(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    check(services, date)
    (config / "feeds" / f"{FEED}.yaml").unlink()
    routes = config / "routes.yaml"
    routes.write_text("routes: [{name: all, channel: C0TRIAGE, owner: supply planning}]\n", "utf-8")
    without = Services(services.home, config, clock)
    summary = check(without, date + dt.timedelta(days=1))
    assert (summary["incidents"]["frozen"], summary["incidents"]["open"]) == (["INC-2026-00001"], 1)
    without.state.engine.dispose()


def test_a_broken_feed_definition_stops_that_feed_alone(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    (config / "feeds" / "westway_dcs.yaml").write_text("partner: [", "utf-8")
    broken = Services(services.home, config, clock)
    assert check(broken, date)["incidents"]["opened"] == ["INC-2026-00001"]
    broken.state.engine.dispose()


def westway_day(services: Services, tmp_path: Path, date: dt.date, places: dict[str, object]) -> None:
    """Westway delivers a date; what it leaves out is zero."""
    rows = [dc(place, date=f"{date:%d.%m.%Y}", on_hand=stock) for place, stock in places.items()]
    ingest_file(services, "westway_dcs", westway(tmp_path / f"bestand_{date}.csv", rows))


def test_a_row_that_could_not_be_read_is_unknown_and_no_stock_out(services: Services, tmp_path: Path) -> None:
    places = {f"L{n:02d}": 100 for n in range(60)}
    westway_day(services, tmp_path, DATES[0], places)
    westway_day(services, tmp_path, DATES[1], {**places, "L07": "1oo"})
    summary = check(services, DATES[1])
    assert summary["series"]["by_status"] == {
        "unknown": 1,
        "out_of_stock": 0,
        "phantom_suspected": 0,
        "at_risk": 0,
        "planned": 0,
        "void": 0,
        "in_stock": 59,
    }
    assert summary["incidents"]["opened"] == []
    del places["L07"]
    westway_day(services, tmp_path, DATES[2], places)
    assert len(check(services, DATES[2])["incidents"]["opened"]) == 1, "left out of the file, it is out of stock"


def test_a_feed_that_is_left_out_resolves_nothing_and_is_checked_once_it_is_mended(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    stores = config / "feeds" / "westway_stores.yaml"
    dcs = config / "feeds" / "westway_dcs.yaml"
    stores.write_text(dcs.read_text("utf-8"), "utf-8")
    both = Services(services.home, config, clock)
    for date, stock in ((DATES[0], 100), (DATES[1], 0)):
        westway_day(both, tmp_path, date, {"L1": stock})
        rows = [dc("S1", date=f"{date:%d.%m.%Y}", on_hand=9)]
        ingest_file(both, "westway_stores", westway(tmp_path / f"bestand_s{date}.csv", rows))
    (incident,) = check(both, DATES[1])["incidents"]["opened"]
    whole = dcs.read_text("utf-8")
    dcs.write_text(whole.replace("absent_means", "absent_meens"), "utf-8")
    clock.move(days=1)
    broken = Services(services.home, config, clock)
    rows = [dc("S1", date=f"{DATES[2]:%d.%m.%Y}", on_hand=9)]
    ingest_file(broken, "westway_stores", westway(tmp_path / "bestand_s3.csv", rows))
    decided = check(broken, DATES[2])["incidents"]
    assert (decided["resolved"], decided["open"]) == ([], 1)
    dcs.write_text(whole, "utf-8")
    mended = Services(services.home, config, clock)
    westway_day(mended, tmp_path, DATES[2], {"L1": 50})
    assert DATES[2] in {one.business_date for one in due_checks(mended)}
    assert check(mended, DATES[2])["incidents"]["resolved"] == [incident]
    for made in (both, broken, mended):
        made.state.engine.dispose()


def test_a_feed_without_sales_has_no_estimate_rather_than_a_loss_of_zero(
    services: Services, tmp_path: Path, config: Path, clock: Clock
) -> None:
    path = config / "feeds" / f"{FEED}.yaml"
    text = path.read_text("utf-8").replace("  units_sold: units_sold\n", "")
    path.write_text(text.replace("absent_means: unknown", "absent_means: unchanged"), "utf-8")
    made = Services(services.home, config, clock)
    rows = [row(DATES[0], "0001", on_hand=20), row(DATES[5], "0001", on_hand=0), row(DATES[5], "0002", on_hand=3)]
    ingest_file(made, FEED, northfield(tmp_path / "n.csv", rows))
    check(made, DATES[5])
    found = everything(made)
    lost = {row["location_id"]: row["lost_units"] for row in found["availability"]}
    assert lost["0001"] is None
    assert "cost not estimated" in found["messages"][0]["text"]
    made.state.engine.dispose()


def test_a_date_before_any_delivery_can_be_checked(services: Services) -> None:
    summary = check(services, dt.date(2018, 1, 1))
    assert summary["series"] == {
        "seen": 0,
        "ranged": 0,
        "by_status": {
            "unknown": 0,
            "out_of_stock": 0,
            "phantom_suspected": 0,
            "at_risk": 0,
            "planned": 0,
            "void": 0,
            "in_stock": 0,
        },
    }


def test_a_series_that_two_feeds_tell_of_is_one_row_and_counts_once(services: Services, tmp_path: Path) -> None:
    """The second feed counts stock and knows no sales; on the last date its file does not come."""
    feeds = services.config / "feeds"
    text = (feeds / f"{FEED}.yaml").read_text("utf-8").replace("  units_sold: units_sold\n", "")
    (feeds / "northfield_counts.yaml").write_text(text, "utf-8")
    date = history(services, tmp_path)
    counted = [row(one, store, on_hand=20) for one in DATES[:29] for store in STORES]
    counted[-1] = row(date, STORES[-1], on_hand=0)
    ingest_file(services, "northfield_counts", northfield(tmp_path / "counts.csv", counted))
    deliver_file(services, tmp_path, date, out={"0001"})
    summary = check(services, date)
    assert summary["series"]["by_status"] == {**dict.fromkeys(summary["series"]["by_status"], 0)} | {
        "out_of_stock": 1,
        "in_stock": 3,
    }, "the feed that knows of sales says more"
    engine = services.lake.engine
    (partner,) = engine.to_pyarrow(
        services.lake.table("kpis").filter(lambda t: (t.partner == "northfield") & (t.category == ""))
    ).to_pylist()
    assert (partner["ranged"], partner["known"], partner["coverage"]) == (4, 4, 1.0)
    assert partner["lost_units"] == pytest.approx(5, rel=0.1)
    last = date + dt.timedelta(days=1)
    counts = [row(last, store, on_hand=7) for store in STORES]
    ingest_file(services, "northfield_counts", northfield(tmp_path / "later.csv", counts))
    summary = check(services, last)
    assert (summary["series"]["ranged"], summary["coverage"]) == (4, 1.0), "what one feed knows is known"
    assert explain(services, "northfield", "0001", f"00{OAT}", last)["row"]["feed_id"] == "northfield_counts"


@pytest.mark.parametrize("comes", [True, False], ids=["a new file came since", "nothing came"])
def test_a_lake_that_is_not_there_ends_no_incident(services: Services, tmp_path: Path, comes: bool) -> None:
    date = history(services, tmp_path)
    for on in (date, date + dt.timedelta(days=1)):
        deliver_file(services, tmp_path, on, out={"0001"})
        check(services, on)
    before = everything(services)
    services.lake.root.rename(tmp_path / "elsewhere")
    after = date + dt.timedelta(days=2)
    if comes:
        deliver_file(services, tmp_path, after, out={"0001"})
    with pytest.raises(LakeLost, match=r"has (1|0) of them\n  fix: mount the folder"):
        check(services, after)
    if comes:
        (services.lake.root).rename(tmp_path / "begun anew")
    (tmp_path / "elsewhere").rename(services.lake.root)
    assert everything(services) == before

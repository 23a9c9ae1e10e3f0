"""Stock in one file and sales in another: what is known of a series is what one file with both would tell."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.stockwatch.adapters.state import incidents
from include.stockwatch.alerting.case import STOCK_KINDS
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings.loader import load
from include.stockwatch.workflows.backtest import backtest
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.checks.explain import explain
from include.stockwatch.workflows.checks.gate import due_checks
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.promises.scorecard import _missing
from include.stockwatch.workflows.promises.vanished import vanished_items
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock, days

DATES = days(dt.date(2026, 9, 7), 56)
LAST = DATES[-1]
PLACES, ITEMS = ("0001", "0002", "0003", "0004"), ("mix", "oat", "slow", "void")
SOLD_OUT, SILENT, GONE = ("0001", "mix"), ("0002", "mix"), ("0003", "oat")
"""Series that run out now and then, have a record that nothing sells from at the end, and are out at the end."""
SILENT_DAYS = 9

SHARED: dict[str, Any] = {
    "partner": "harbor",
    "partner_name": "Harbor Foods",
    "date": {"column": "day", "format": "%Y-%m-%d"},
    "location_id": {"column": "store"},
    "item_id": {"column": "sku"},
    "quality": {"min_rows_share": 0},
}
STOCK = {"on_hand_units": "stock", "item_name": "name", "category": "group"}
SALES = {"units_sold": "sold", "returned_units": "back", "price": "price"}
MONEY = {"currency": "USD"}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "harbor": {**SHARED, **MONEY, "columns": STOCK | SALES},
    "harbor_stock": {**SHARED, "columns": STOCK},
    "harbor_sales": {**SHARED, **MONEY, "columns": SALES, "adds_to": "harbor_stock"},
}
Row = dict[str, Any]


def sales_report() -> list[Row]:
    """Eight weeks of a small partner: every store and item on every day."""
    rows, chance = [], random.Random(7)
    for place in PLACES:
        for item in ITEMS:
            stock, rate = 20, {"mix": 4, "oat": 2, "slow": 0.2, "void": 0}[item]
            for date in DATES:
                wanted = sum(chance.random() < rate / 8 for _ in range(8))
                if (place, item) == SILENT and (LAST - date).days < SILENT_DAYS:
                    wanted = 0
                sold = min(stock, wanted)
                stock -= sold
                is_refilled = stock < 8 and date.weekday() == 2 and (place, item) != SOLD_OUT
                if is_refilled or (stock == 0 and date.weekday() == 5):
                    stock += 25
                if (place, item) == GONE and (LAST - date).days < 3:
                    sold = stock = 0
                price = 2.0 if item == "oat" and date.day < 6 else 2.5
                rows.append(
                    {"day": date, "store": place, "sku": item, "name": item.title(), "group": "Snacks"}
                    | {"stock": stock, "sold": sold, "back": int(sold > 5), "price": price}
                )
    return rows


ROWS = sales_report()


def written(path: Path, rows: Iterable[Row], columns: Collection[str]) -> Path:
    """A CSV file of some columns of the report."""
    wanted = ["day", "store", "sku", *columns]
    lines = [",".join(wanted), *(",".join(str(row[name]) for name in wanted) for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


class Shop:
    """A home to which the partner sends one file, or two."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services, self.folder, self._files = services, folder, 0

    def take(self, feed: str, rows: Iterable[Row]) -> None:
        """Take in a file with what its feed reports of some rows."""
        self._files += 1
        columns = self.services.settings.feeds[feed].columns.bound().values()
        ingest_file(self.services, feed, written(self.folder / feed / f"{self._files}.csv", rows, columns))

    def availability(self, date: dt.date = LAST) -> dict[tuple[str, str], Row]:
        """The rows of a date but for their feed, by location and item."""
        table = self.services.lake.table("availability", first=date, last=date)
        found = self.services.lake.engine.to_pyarrow(table.filter(table.business_date == date).drop("feed_id"))
        rows = found.to_pylist()
        return {(row["location_id"], row["item_id"]): row for row in rows}

    def feeds(self) -> set[str]:
        """The feeds that series are of."""
        return set(
            self.services.lake.engine.to_pyarrow(self.services.lake.table("availability"))["feed_id"].to_pylist()
        )

    def open_now(self) -> dict[str, bool]:
        """The open incidents of stock, and whether each stands still for want of data."""
        with self.services.state.read() as tx:
            found = incidents.open_incidents(tx, STOCK_KINDS).values()
        return {one.incident_id: one.data_stale for one in found}


@pytest.fixture
def shops(tmp_path: Path, config: Path, clock: Clock) -> Iterator[Any]:
    """Opens homes with some of the definitions, in which fields may be changed."""
    made: list[Services] = []

    def opened(*feeds: str, **changes: Any) -> Shop:
        home = tmp_path / f"home{len(made)}"
        settings = home / "config"
        (settings / "feeds").mkdir(parents=True)
        (settings / "stockwatch.yaml").write_text("gate: {history_days: 1}\n", "utf-8")
        for path in (config / "routes.yaml", config / "thresholds.yaml"):
            rules = yaml.safe_load(path.read_text("utf-8"))
            (key,) = rules.keys() & {"routes", "thresholds"}
            general = [rule for rule in rules[key] if "match" not in rule]
            (settings / path.name).write_text(yaml.safe_dump({key: general}), "utf-8")
        for feed in feeds:
            changed = changes.get(feed, {})
            (settings / "feeds" / f"{feed}.yaml").write_text(yaml.safe_dump(DEFINITIONS[feed] | changed), "utf-8")
        made.append(Services(home, settings, clock, pause=clock.wait))
        return Shop(made[-1], home)

    yield opened
    for one in made:
        one.state.engine.dispose()


def two_files(shop: Shop, rows: Sequence[Row] = ROWS, sold: Iterable[Row] | None = None) -> Shop:
    """A shop that has taken in stock and sales."""
    shop.take("harbor_stock", rows)
    shop.take("harbor_sales", rows if sold is None else sold)
    return shop


def of_days(rows: Iterable[Row], wanted: Collection[dt.date]) -> list[Row]:
    return [row for row in rows if row["day"] in wanted]


def without(rows: Iterable[Row], unwanted: Collection[dt.date]) -> list[Row]:
    return [row for row in rows if row["day"] not in unwanted]


@pytest.fixture
def of_one_file(shops: Any) -> dict[tuple[str, str], Row]:
    """What is known where one file tells both."""
    shop = shops("harbor")
    shop.take("harbor", ROWS)
    check(shop.services, LAST)
    return dict(shop.availability())


def test_two_files_tell_what_one_does(shops: Any, of_one_file: dict[tuple[str, str], Row]) -> None:
    """To the last digit of every column: demand, days of supply, silent runs, spells, cost and cause."""
    shop = two_files(shops("harbor_stock", "harbor_sales"))
    check(shop.services, LAST)
    assert shop.availability() == of_one_file
    assert shop.feeds() == {"harbor_stock"}
    status = {key: row["status"] for key, row in of_one_file.items()}
    assert (status[SILENT], status[GONE]) == ("phantom_suspected", "out_of_stock")
    assert {status[place, "void"] for place in PLACES} == {"void"}
    judged = of_one_file["0004", "oat"]
    assert None not in (judged["demand_units_per_day"], judged["days_of_supply"], judged["p_phantom"])


def test_without_the_setting_nothing_is_known_of_demand(shops: Any) -> None:
    shop = two_files(shops("harbor_stock", "harbor_sales", harbor_sales={"adds_to": None}))
    check(shop.services, LAST)
    assert {row["days_of_supply"] for row in shop.availability().values()} == {None}


def test_a_file_of_what_sold_alone_tells_the_same_if_absent_means_zero(
    shops: Any, of_one_file: dict[tuple[str, str], Row]
) -> None:
    """Of what never sold too, which no file of sales ever named. (Prices are told with the stock.)"""
    moved = {name: column for name, column in SALES.items() if name != "price"}
    stock, sales = {**MONEY, "columns": STOCK | {"price": "price"}}, {"columns": moved, "absent_means": "zero"}
    shop = shops("harbor_stock", "harbor_sales", harbor_stock=stock, harbor_sales=sales)
    two_files(shop, sold=[row for row in ROWS if row["sold"]])
    check(shop.services, LAST)
    assert shop.availability() == of_one_file


@pytest.mark.parametrize("first", ["harbor_stock", "harbor_sales"])
def test_the_order_in_which_files_come_changes_nothing(
    first: str, shops: Any, of_one_file: dict[tuple[str, str], Row]
) -> None:
    """With checks in between: a file that comes later restates the dates that look back on its own."""
    shop = shops("harbor_stock", "harbor_sales")
    shop.services.now.move(days=10)
    parts = [of_days(ROWS, DATES[:30]), of_days(ROWS, DATES[30:])]
    other = "harbor_sales" if first == "harbor_stock" else "harbor_stock"
    checked = 0
    for feed, part in ((first, 1), (other, 0), (other, 1), (first, 0)):
        shop.take(feed, parts[part])
        for due in due_checks(shop.services):
            check(shop.services, due.business_date)
            checked += due.business_date == LAST
    assert checked > 1
    assert shop.availability() == of_one_file


def test_days_without_the_file_of_sales_are_not_known_and_not_days_without_a_sale(shops: Any) -> None:
    """A silent run grows no longer by them, and demand takes them for nothing."""
    missing = DATES[-4:]
    told = {}
    for name, sold in (("missing", without(ROWS, missing)), ("told", ROWS)):
        shop = two_files(shops("harbor_stock", "harbor_sales"), sold=sold)
        check(shop.services, LAST)
        told[name] = shop.availability()
    assert told["told"][SILENT]["silent_days"] == SILENT_DAYS
    assert told["missing"][SILENT]["silent_days"] == SILENT_DAYS - len(missing)
    assert {row["status"] for row in told["missing"].values()}.isdisjoint({"unknown"})  # stock is told
    blank = [row | {"sold": "", "back": "", "price": ""} if row["day"] in missing else row for row in ROWS]
    shop = shops("harbor")
    shop.take("harbor", blank)
    check(shop.services, LAST)
    assert told["missing"] == shop.availability()


def test_sales_without_the_file_of_stock_are_no_news_of_stock(shops: Any, clock: Clock) -> None:
    """Nothing is known of the shelves, an open incident stands still, and nobody is told that it is over."""
    shop = two_files(shops("harbor_stock", "harbor_sales"), without(ROWS, [LAST]))
    before = check(shop.services, DATES[-2])["incidents"]["opened"]
    assert before
    shop.take("harbor_sales", of_days(ROWS, [LAST]))
    clock.move(days=1)  # the file of stock is late
    summary = check(shop.services, LAST)
    assert {row["status"] for row in shop.availability().values()} == {"unknown"}
    assert summary["coverage"] == 0
    assert summary["incidents"]["resolved"] == []
    assert sorted(summary["incidents"]["frozen"]) == sorted(before)
    assert shop.open_now() == dict.fromkeys(before, True)
    shop.take("harbor_stock", of_days(ROWS, [LAST]))
    check(shop.services, LAST)
    assert not any(shop.open_now().values())


def test_stock_that_comes_later_than_the_sales_of_a_later_date_is_decided_on(shops: Any) -> None:
    shop = two_files(shops("harbor_stock", "harbor_sales"), without(ROWS, DATES[-2:]), ROWS)
    check(shop.services, LAST)
    shop.take("harbor_stock", of_days(ROWS, [DATES[-2]]))
    assert check(shop.services, DATES[-2])["incidents"]["opened"]


def test_on_a_day_of_rest_of_the_file_of_stock_its_last_report_stands_though_sales_come(shops: Any) -> None:
    """LAST is a Sunday."""
    rest = {"expected": {"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat"]}}
    shop = two_files(shops("harbor_stock", "harbor_sales", harbor_stock=rest), without(ROWS, [LAST]), ROWS)
    check(shop.services, DATES[-2])
    opened = shop.open_now()
    check(shop.services, LAST)
    assert {row["cause"] for row in shop.availability().values()} == {"not_due"}
    assert shop.open_now() == opened
    assert shop.services.settings.resting(LAST) == {"harbor"}


def test_a_date_waits_for_both_files(shops: Any, clock: Clock) -> None:
    shop = two_files(shops("harbor_stock", "harbor_sales"), without(ROWS, [LAST]))
    clock.at = dt.datetime.combine(LAST + dt.timedelta(days=1), dt.time(6), dt.UTC)
    shop.take("harbor_stock", of_days(ROWS, [LAST]))
    assert LAST not in {due.business_date for due in due_checks(shop.services)}
    shop.take("harbor_sales", of_days(ROWS, [LAST]))
    assert LAST in {due.business_date for due in due_checks(shop.services)}


def test_explanations_and_replays_know_both_files(shops: Any) -> None:
    shop = two_files(shops("harbor_stock", "harbor_sales"))
    found = explain(shop.services, "harbor", *SILENT, LAST)
    wanted = {row["day"]: row for row in ROWS if (row["store"], row["sku"]) == SILENT}
    assert [(day["on_hand"], day["sold"]) for day in found["days"]] == [
        (wanted[date]["stock"], wanted[date]["sold"]) for date in DATES[-14:]
    ]
    (one,) = backtest(shop.services, LAST, LAST)["per_day"]
    assert one["coverage"] == 1


def test_an_item_that_no_file_of_sales_names_any_more_has_not_vanished(shops: Any) -> None:
    """It sells no more, and every store has it."""
    shop = shops("harbor_stock", "harbor_sales", harbor_stock={"absent_means": "zero"})
    (shop.services.config / "promises.yaml").write_text("vanishing: {min_locations: 4, gone_days: 8}\n", "utf-8")
    two_files(shop, sold=[row for row in ROWS if row["sku"] != "oat" or row["day"] < DATES[-12]])
    assert vanished_items(shop.services.with_settings_anew(), LAST, {"harbor"}, []).findings == []


def test_rules_are_judged_once_series_are_known_of_every_main_feed(shops: Any) -> None:
    shop = two_files(shops("harbor_stock", "harbor_sales"))
    rules = shop.services.config / "thresholds.yaml"
    more = [{"name": "snacks", "match": {"category": "Snaks"}, "min_days_of_supply": 3}]
    told = yaml.safe_load(rules.read_text("utf-8"))
    rules.write_text(yaml.safe_dump({"thresholds": told["thresholds"] + more}), "utf-8")
    assert list(check(shop.services.with_settings_anew(), LAST)["idle_rules"]["thresholds.yaml"]) == ["snacks"]


def test_sales_of_a_day_are_told_though_its_stock_is_not(shops: Any) -> None:
    """The scorecard counts them, and leaves out the days that lack the file of sales."""
    lost = {"harbor_stock": DATES[-2], "harbor_sales": DATES[-3]}
    shop = two_files(
        shops("harbor_stock", "harbor_sales"),
        without(ROWS, [lost["harbor_stock"]]),
        without(ROWS, [lost["harbor_sales"]]),
    )
    found = list(_missing(shop.services, lost, DATES[0], LAST).execute()["business_date"])
    assert [date.date() for date in found] == [lost["harbor_sales"]]


def test_a_file_of_stock_whose_definition_is_wrong_stops_no_file_of_sales(shops: Any) -> None:
    """And is no further mistake; of the series nothing is known until it is mended."""
    whole, shop = shops("harbor"), shops("harbor_stock", "harbor_sales")
    whole.take("harbor", ROWS)
    definitions = shop.services.config / "feeds"
    (definitions / "harbor.yaml").write_text(yaml.safe_dump(DEFINITIONS["harbor"] | {"partner": "lakeside"}), "utf-8")
    right = (definitions / "harbor_stock.yaml").read_text("utf-8")
    (definitions / "harbor_stock.yaml").write_text(f"{right}nonsense: 1\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(shop.services.config)
    assert len(caught.value.problems) == 1
    shop.take("harbor_sales", ROWS)
    assert check(shop.services, LAST)["series"]["seen"] == 0
    (definitions / "harbor_stock.yaml").write_text(right, "utf-8")
    mended = Shop(shop.services.with_settings_anew(), shop.folder)
    mended.take("harbor_stock", ROWS)
    check(mended.services, LAST)
    check(whole.services, LAST)
    assert mended.availability() == whole.availability()

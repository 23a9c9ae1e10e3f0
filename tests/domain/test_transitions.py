"""What was meant to leave the range, as a check says it: it is no stock-out."""

from __future__ import annotations

import json
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from include.stockwatch.domain.availability import CheckSettings
from include.stockwatch.domain.columns import ASSORTMENT, AVAILABILITY, ITEMS
from include.stockwatch.domain.kpis import kpis
from include.stockwatch.domain.master import per_partner
from include.stockwatch.domain.transitions import begun
from tests.domain.tables import ITEM, PARTNER, STORE, checked, day, one, rows_of, series, table

USUAL = CheckSettings()
OLD, NEW = "old", "new"
SOLD_OUT = {number: (5.0, 1.0) for number in range(1, 20)} | {number: (0.0, 0.0) for number in range(20, 25)}


def items(**of_old: Any) -> ir.Table:
    """An item list that says something of the old item."""
    row = dict.fromkeys(ITEMS.names) | {"feed_id": "list", "partner": PARTNER, "item_id": OLD} | of_old
    return per_partner(table([row], ITEMS), {PARTNER})


def ranged(item: str, **dates: Any) -> ir.Table:
    """An assortment that lists an item at the store of the tests."""
    return spans(item, dates)


def spans(item: str, *dates: dict[str, Any]) -> ir.Table:
    """The same, from and until several days."""
    row = dict.fromkeys(ASSORTMENT.names) | {"feed_id": "range", "partner": PARTNER, "location_id": STORE}
    return per_partner(table([row | {"item_id": item} | one for one in dates], ASSORTMENT), {PARTNER})


def test_an_item_that_gave_way_to_its_successor_is_no_stock_out_however_the_successor_stands() -> None:
    new = {number: (9.0, 1.0) for number in range(15, 25)}
    rows = [*series(SOLD_OUT, item_id=OLD), *series(new, item_id=NEW)]
    rows += series(SOLD_OUT, item_id=OLD, location_id="0204")
    found = checked(rows, [24], check=USUAL, items=items(successor_gtin=NEW))
    assert {key[1:]: row["status"] for key, row in found.items()} == {
        ("0118", OLD): "planned",
        ("0118", NEW): "in_stock",
        ("0204", OLD): "out_of_stock",
    }
    assert found[24, "0204", OLD]["store_scope"] is None, "a place that is not to have it counts nowhere"
    assert [found[24, "0118", OLD][name] for name in ("lost_units", "lost_units_today", "lost_money")] == [None] * 3
    assert found[24, "0204", OLD]["lost_units_today"] > 0


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ([{"brand": "Oat"}], "at_risk"),
        ([{"successor_gtin": NEW}], "in_stock"),
        ([{"successor_gtin": NEW}, {"item_id": NEW, "active_from": day(19)}], "in_stock"),
        ([{"successor_gtin": NEW}, {"item_id": NEW, "active_from": day(20)}], "at_risk"),
        ([{"active_to": day(18)}], "in_stock"),
        ([{"active_to": day(19)}], "at_risk"),
        ([{"ranged_to": day(18)}], "in_stock"),
        ([{"ranged_to": day(18)}, {"ranged_from": day(19)}], "at_risk"),
    ],
    ids=["goes on", "gives way", "before", "too late", "ends", "ends later", "leaves the range", "range is renewed"],
)
def test_what_has_ended_when_its_stock_does_is_not_at_risk(said: list[dict[str, Any]], status: str) -> None:
    """Twelve units are left on day 16, of five a day: they are gone on day 19, before the next receipt."""
    stock = {number: (2.0 + 5 * ((11 - number) % 10) - (15 if number > 14 else 0), 5.0) for number in range(1, 17)}
    is_range = any(name.startswith("ranged") for one in said for name in one)
    blank = dict.fromkeys(ITEMS.names) | {"feed_id": "list", "partner": PARTNER, "item_id": OLD}
    listed = items() if is_range else per_partner(table([blank | one for one in said], ITEMS), {PARTNER})
    assortment = {"assortment": spans(OLD, *said)} if is_range else {}
    rows = series(stock, item_id=OLD, on_order_units=0.0)
    found = one(rows, 16, check=USUAL, items=listed, **assortment)
    assert (found["status"], found["cause"] is None) == (status, status == "in_stock")


def test_of_what_ended_and_is_no_longer_reported_the_plan_is_the_cause() -> None:
    rows = series({number: (5.0, 1.0) for number in range(1, 20)}, item_id=OLD)
    found = one(rows, 24, check=USUAL, items=items(active_to=day(19)))
    assert (found["status"], found["cause"]) == ("planned", "planned")
    assert json.loads(found["cause_evidence"])[0] == f"planned: the item ended on {day(19)}"


@pytest.mark.parametrize("dates", [{"active_to": day(19)}, {"active_from": day(25)}, {"successor_gtin": NEW}])
def test_what_is_left_of_an_item_that_is_not_meant_to_be_had_is_neither_in_stock_nor_out(dates: dict[str, Any]) -> None:
    """Stock that is sold off, or came before its first day: in no rate, whether there is some or none."""
    left, gone = ({number: (stock, 1.0) for number in range(1, 25)} for stock in (90.0, 0.0))
    rows = [*series(left, item_id=OLD), *series(left, item_id=NEW), *series(gone, item_id=OLD, location_id="0204")]
    rows += [*series(left, item_id=NEW, location_id="0204"), *series(left, item_id="rye")]
    table_on = checked(rows, [24], check=USUAL, items=items(**dates))
    assert {key[1:]: row["status"] for key, row in table_on.items() if row["status"] != "in_stock"} == {
        ("0118", OLD): "planned",
        ("0204", OLD): "planned",
    }
    assert [row["cause"] for row in table_on.values()].count("planned") == 2
    (total,) = [row for row in rows_of(kpis(table(table_on.values(), AVAILABILITY))) if row["partner"] == ""]
    assert (total["ranged"], total["in_stock"], total["out_of_stock"]) == (3, 3, 0)


@pytest.mark.parametrize("said_by", ["assortment", "item list"])
def test_a_series_was_not_out_before_it_was_meant_to_be_had(said_by: str) -> None:
    """A partner that reports zero stock of everything long before it is ranged."""
    began = day(22)
    elsewhere = [
        row for place in range(9) for row in series(dict.fromkeys(range(1, 25), (50.0, 10.0)), location_id=f"{place}")
    ]
    rows = [*elsewhere, *series(dict.fromkeys(range(1, 25), (0.0, 0.0)), on_order_units=12.0)]
    known: dict[str, Any] = {"items": items(item_id=ITEM, active_from=began)}
    if said_by == "assortment":  # under the partner's own number
        known = {"items": items(item_id=ITEM, partner_item_id="17"), "assortment": ranged("17", ranged_from=began)}
    found = checked(rows, [24], check=USUAL, **known)[24, STORE, ITEM]
    assert (found["status"], found["spell_start_date"], found["spell_days"]) == ("out_of_stock", began, 3)
    assert found["lost_units"] == pytest.approx(30, rel=0.01)


def test_an_own_number_in_a_list_that_ended_stands_for_the_item_as_it_is_stored() -> None:
    listed = {"items": items(partner_item_id="17"), "assortment": ranged("17", ranged_to=day(23))}
    assert one(series(SOLD_OUT, item_id=OLD), 24, check=USUAL, **listed)["status"] == "planned"


@pytest.mark.parametrize(
    ("dates", "since"),
    [
        ([(None, None)], None),
        ([(None, 9), (10, None)], None),
        ([(2, 9), (10, 12), (13, None)], 2),
        ([(2, 9), (11, None)], 11),
        ([(2, 30), (11, 12)], 2),
        ([(2, 9), (25, None)], 2),
    ],
    ids=["always", "always, renewed", "renewed", "again", "one in another", "again in future"],
)
def test_a_range_that_is_renewed_begins_once(dates: list[tuple[int | None, int | None]], since: int | None) -> None:
    listed = spans(
        ITEM, *({n: d and day(d) for n, d in zip(("ranged_from", "ranged_to"), one, strict=True)} for one in dates)
    )
    asked = table(
        [{"as_of": day(20), "partner": PARTNER, "location_id": STORE, "item_id": ITEM}],
        ibis.schema({"as_of": "date", "partner": "string", "location_id": "string", "item_id": "string"}),
    )
    found = rows_of(begun(asked, items(), listed))
    assert [row["begun_on"] for row in found] == ([] if since is None else [day(since)])


def test_a_successor_that_is_still_to_begin_plans_no_stock_out() -> None:
    """It is ordered for its first day, and the old item is sold until then."""
    said = [{"item_id": OLD, "successor_gtin": NEW}, {"item_id": NEW, "active_from": day(27)}]
    blank = dict.fromkeys(ITEMS.names) | {"feed_id": "list", "partner": PARTNER}
    listed = per_partner(table([blank | one for one in said], ITEMS), {PARTNER})
    new = series(dict.fromkeys(range(20, 28), (0.0, 0.0)), item_id=NEW, on_order_units=12.0)
    found = checked(
        [*series(SOLD_OUT | {n: (0.0, 0.0) for n in range(25, 28)}, item_id=OLD), *new],
        [24, 27],
        check=USUAL,
        items=listed,
    )
    assert [found[on, STORE, OLD]["status"] for on in (24, 27)] == ["out_of_stock", "planned"]
    assert [found[on, STORE, NEW]["status"] for on in (24, 27)] == ["planned", "out_of_stock"]

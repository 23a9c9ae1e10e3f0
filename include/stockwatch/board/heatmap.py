"""Partner by product: how available each product is at each partner, or what it has at risk."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from include.stockwatch.board.access import Desk
from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.causes import Cause
from include.stockwatch.domain.kpis import STORE
from include.stockwatch.workflows.master import with_location_types

By = Literal["availability", "money"]
LOOK_BACK = 7
"""Days in which the last known figure of a product is looked for."""
PRODUCTS = 100
"""Products on one page."""
STEPS = (0.999, 0.98, 0.95, 0.9, 0.8, 0.6)
"""Lower bounds of the shades of availability, the best first."""
SHARES = (0.0, 0.05, 0.15, 0.3, 0.5, 0.75)
"""Upper bounds of the shades of money, as shares of the largest cell in its currency."""


@dataclass(frozen=True)
class Cell:
    """One product at one partner. `stale` figures are of an earlier date, though later ones were due; none of it = not
    ranged."""

    rate: float | None
    money: float | None
    currency: str | None
    out: int
    known: int
    ranged: int
    as_of: dt.date
    stale: bool
    shade: int = 0


def heatmap(desk: Desk, by: By = "availability", category: str = "", page: int = 1) -> dict[str, Any]:
    """Rows of products by money at risk, the most first; a cell for each partner."""
    rows = cells(desk)
    names: dict[str, str] = {}
    grid: dict[str, dict[str, Cell]] = defaultdict(dict)
    money: dict[str, float] = defaultdict(float)
    categories = sorted({row["category"] for row in rows if row["category"]})
    largest: dict[str | None, float] = defaultdict(float)
    for row in rows:
        largest[row["currency"]] = max(largest[row["currency"]], row["money"] or 0.0)
    for row in rows:
        if category and row["category"] != category:
            continue
        names.setdefault(row["item_id"], row["item_name"] or row["item_id"])
        grid[row["item_id"]][row["partner"]] = _cell(row, by, largest[row["currency"]])
        money[row["item_id"]] += row["money"] or 0.0
    ranked = sorted(grid, key=lambda item: (-money[item], min(_rate(one) for one in grid[item].values()), names[item]))
    shown = ranked[(page - 1) * PRODUCTS : page * PRODUCTS]
    return {
        "partners": {one: name for one, name in desk.partners.items() if any(one in grid[item] for item in ranked)},
        "products": [{"item_id": item, "name": names[item], "cells": grid[item]} for item in shown],
        "by": by,
        "category": category,
        "categories": categories,
        "total": len(ranked),
        "page": page,
        "pages": max(1, -(-len(ranked) // PRODUCTS)),
        "as_of": desk.checked[0] if desk.checked else None,
    }


def cells(desk: Desk) -> list[dict[str, Any]]:
    """One row per partner and product, with the latest date of the look-back on which anything of it was known.

    Grain:  availability (business_date, series) -> (partner, item_id)
    Units:  rate a share of known series that are not out, counted as in `by_day`; money at risk over the horizon, in
            `currency`
    Nulls:  rate and money are null where nothing was known in the whole look-back
    """
    if desk.checked is None:
        return []
    last, _ = desk.checked
    first = last - dt.timedelta(days=LOOK_BACK - 1)
    lake = desk.services.lake
    table = lake.table("availability", first=first, last=last)
    table = table.filter(table.partner.isin(sorted(desk.partners)) & (table.status != Status.PLANNED.value))
    days = by_day(with_location_types(desk.services, table))
    now = days.filter(days.business_date == last)
    days = days.inner_join(now.select("partner", "item_id", is_due=now.not_due < now.ranged), ["partner", "item_id"])
    days = days.filter((days.known > 0) | (days.business_date == last))
    newest = ibis.window(group_by=["partner", "item_id"], order_by=[(days.known > 0).desc(), days.business_date.desc()])
    ranked = days.mutate(place=ibis.row_number().over(newest))
    rows: list[dict[str, Any]] = lake.engine.to_pyarrow(ranked.filter(ranked.place == 0).drop("place")).to_pylist()
    for row in rows:
        row["rate"] = 1 - row["out"] / row["known"] if row["known"] else None
        row["stale"] = not row["known"] or (row["business_date"] < last and row["is_due"])
    return rows


def by_day(availability: ir.Table) -> ir.Table:
    """Counts of each product at a partner: of its stores, as messages count, or its DCs where no store has it.

    Grain:  (business_date, partner, location_id, item_id) -> (business_date, partner, item_id)
    Units:  money at risk of its stores or of its DCs, whichever is more: what a DC sends is what its stores lack
    """
    table = availability.mutate(is_store=availability.location_type.fill_null(STORE) == STORE)
    is_known = table.status != Status.UNKNOWN.value
    is_out = table.status == Status.OUT_OF_STOCK.value

    def count(which: ir.BooleanColumn) -> ir.IntegerValue:
        return table.is_store.any().ifelse((which & table.is_store).sum(), which.sum())

    return table.group_by("partner", "item_id", "business_date").agg(
        item_name=table.item_name.max(),
        category=table.category.max(),
        currency=table.currency.max(),
        ranged=count(ibis.literal(True) | table.is_store),
        known=count(is_known),
        not_due=count((table.cause == Cause.NOT_DUE.value).fill_null(False)),
        out=count(is_out),
        money=ibis.greatest(
            table.at_risk_money.sum(where=is_out & table.is_store),
            table.at_risk_money.sum(where=is_out & ~table.is_store),
        ),
    )


def _cell(row: Mapping[str, Any], by: By, largest: float) -> Cell:
    told = {name: row[name] for name in ("rate", "money", "currency", "out", "known", "ranged", "stale")}
    return Cell(**told, as_of=row["business_date"], shade=_shade(row, by, largest))


def _shade(row: Mapping[str, Any], by: By, largest: float) -> int:
    """0 is well, 6 is worst; what is out and cost no one can say lies between."""
    if by == "availability":
        return 0 if row["rate"] is None else sum(row["rate"] < step for step in STEPS)
    if row["out"] and row["money"] is None:
        return 2
    part = (row["money"] or 0.0) / largest if largest else 0.0
    return sum(part > bound for bound in SHARES)


def _rate(cell: Cell) -> float:
    return 1.0 if cell.rate is None else cell.rate

"""The worklist: incidents filtered by what the address says, a page at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import urlencode

from include.stockwatch.adapters.state import pending, worklist
from include.stockwatch.adapters.state.worklist import FACETS, Filters, Order
from include.stockwatch.alerting.case import Case
from include.stockwatch.alerting.messages.out_of_stock_message import OVER
from include.stockwatch.board.access import Desk
from include.stockwatch.board.words import NONE, reason, sentence

PAGE = 50
MOST_EXPORTED = 50_000
SNOOZE_ENDING = dt.timedelta(hours=24)
ORDERS: tuple[Order, ...] = get_args(Order)
SWITCHES = ("unowned", "unacknowledged", "snooze_ending", "stale", "without_verdict", "mine")
STANDINGS = ("open", "acknowledged", "snoozed", "resolved", "all")
KNOWN = (*FACETS, "standing", "item", "text", *SWITCHES)
COLUMNS = (
    "incident_id", "kind", "severity", "standing", "item_id", "item_name", "brand", "category", "partner", "cause",
    "locations_out", "locations", "opened_on", "days_open", "money_at_risk", "money_lost", "currency",
    "customers_at_risk", "customers_low", "customers_high", "owner", "acknowledged_by", "snoozed_until", "restock_on",
    "last_verdict", "data_as_of", "data_stale",
)  # fmt: skip
"""Of the CSV."""


class Asked:
    """What the address asks for. Anything it does not know is ignored: an old link still opens."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self.chosen = {name: query[name].strip() for name in KNOWN if query.get(name, "").strip()}
        self.order: Order = next((one for one in ORDERS if one == query.get("sort")), "money")
        self.rising = query.get("rising") == "1"
        page = query.get("page", "1")
        self.page = max(int(page), 1) if page.isascii() and page.isdigit() and len(page) < 7 else 1

    def filters(self, desk: Desk) -> Filters:
        """The same as a condition on incidents."""
        chosen = self.chosen
        exact = {name: chosen[name] for name in (*FACETS, "item", "text") if name in chosen}
        standing = chosen.get("standing", "open")
        return Filters(
            desk.scope,
            standing=standing if standing in STANDINGS else "open",
            unowned="unowned" in chosen,
            unacknowledged="unacknowledged" in chosen,
            snooze_ends_before=desk.services.now() + SNOOZE_ENDING if "snooze_ending" in chosen else None,
            stale="stale" in chosen,
            without_verdict="without_verdict" in chosen,
            owners=desk.own_names if "mine" in chosen else None,
            **exact,
        )

    def query(self, **changes: Any) -> str:
        """The address with some parts changed; none takes a part away."""
        now: dict[str, Any] = {**self.chosen, "sort": self.order, "rising": "1" if self.rising else None}
        told = {name: value for name, value in {**now, "page": self.page, **changes}.items() if value not in (None, "")}
        told = {
            name: value for name, value in told.items() if (name, str(value)) not in (("page", "1"), ("sort", "money"))
        }
        return f"?{urlencode(told)}" if told else "?"

    def sorted_by(self, order: Order) -> str:
        """The address sorted by a column; again turns it round."""
        rising = "1" if order == self.order and not self.rising else None
        return self.query(sort=order, rising=rising, page=1)


def incidents_page(desk: Desk, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of the worklist."""
    asked = Asked(query)
    filters = asked.filters(desk)
    with desk.services.state.read() as tx:
        sums = worklist.totals(tx, filters)
        total = sum(row["incidents"] for row in sums)
        pages = max(1, -(-total // PAGE))
        asked.page = min(asked.page, pages)
        offset = (asked.page - 1) * PAGE
        rows = worklist.page(tx, filters, asked.order, rising=asked.rising, limit=PAGE, offset=offset)
        facets = worklist.facets(tx, desk.scope)
        not_due = pending.count(tx, desk.scope)
    money: dict[str | None, float] = {}
    for row in sums:
        if row["money"]:
            money[row["currency"]] = money.get(row["currency"], 0.0) + row["money"]
    return {
        "asked": asked,
        "rows": [line(row, desk.services.now()) for row in rows],
        "total": total,
        "pages": pages,
        "money": money,
        "facets": facets,
        "pending": not_due,
        "standings": STANDINGS,
        "now": desk.services.now(),
        "first": (asked.page - 1) * PAGE + 1,
    }


def line(row: Mapping[str, Any], now: dt.datetime) -> dict[str, Any]:
    """A line of the list, with what is read from the case alone."""
    handling = row["case"].handling
    verdict = handling.verdicts[-1] if handling.verdicts else None
    ended = row["resolved_at"] or now
    began = row["opened_on"] or row["opened_at"].date()
    return {
        **row,
        "partner_name": row["case"].partner_name,
        "days_open": max((ended.date() - began).days, 0),
        "acknowledged_by": handling.acknowledged_by,
        "restock_on": handling.restock_on,
        "ended": sentence(handling.resolve_reason or _end(row["case"])) or NONE,
        "last_verdict": None if verdict is None else "confirmed" if verdict.is_confirmed else "false alarm",
    }


def _end(case: Case) -> str:
    """How data ended a case; of stock that is back or was only short, as messages say it."""
    ended = getattr(case, "end_reason", None)
    return OVER[case.kind][1] if ended == "restocked" and case.kind in OVER else reason(ended)


def exported(desk: Desk, query: Mapping[str, str]) -> tuple[list[dict[str, Any]], Asked]:
    """Every line that the address asks for, for the CSV (A-84)."""
    asked = Asked(query)
    with desk.services.state.read() as tx:
        rows = worklist.page(tx, asked.filters(desk), asked.order, rising=asked.rising, limit=MOST_EXPORTED)
    return [line(row, desk.services.now()) for row in rows], asked

"""How the board says figures, dates and names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from include.stockwatch.alerting.case import Case
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.messages.out_of_stock_message import partner_words
from include.stockwatch.alerting.messages.words import day_words, moment_words, number, spoken_dates

NONE = "–"
"""What stands where nothing is known: never a zero."""
KINDS = {
    "out_of_stock": "Out of stock",
    "phantom_stock": "Phantom stock",
    "will_run_out": "Will run out",
    "dc_out": "DC out",
    "mass_change": "Mass change",
    "feed_problem": "Feed problem",
    "promise_price": "Price promise",
    "promise_pack": "Pack promise",
    "promise_vanished": "Vanished",
    "promise_quality": "Quality promise",
    "no_owner": "No owner",
}
CAUSES = {
    "feed": "No fresh data",
    "planned": "Planned",
    "distributor_dc": "Distributor's DC is out",
    "retailer_dc": "Retailer's DC is out",
    "not_ordered": "Not ordered in time",
    "not_delivered": "Not delivered",
    "phantom": "Phantom stock",
    "shelf": "Shelf not filled",
    "unknown": "Not known",
    "not_due": "Nothing was due",
}
REASONS = {
    "first": "first seen",
    "again": "opened again",
    "worse": "more locations, or more severe",
    "eased": "fewer locations",
    "figures": "new figures",
    "stale": "no fresh data",
    "restocked": "stock again",
    "corrected": "report corrected",
    "part_of": "part of another incident",
    "left_range": "no longer ranged",
    "person": "by a person",
    "ran_out": "its time is over",
    "unanswered": "nobody took it",
}
"""Why an incident changed, where the reason's own name does not say it."""


def share(value: float | None, places: int = 1) -> str:
    """`94.2%`."""
    return NONE if value is None else f"{100 * value:.{places}f}%"


def amount(value: float | None) -> str:
    """Money without its currency: whole from ten on."""
    return NONE if value is None else f"{value:,.0f}" if round(value) >= 10 or value == 0 else f"{value:.2f}"


def money(value: float | None, currency: str | None = None) -> str:
    """`USD 3,271`."""
    return NONE if value is None else f"{currency or ''} {amount(value)}".strip()


def sums(values: Mapping[str | None, float]) -> str:
    """Money of several currencies: `USD 3,271 + EUR 400`; they are never added up."""
    return " + ".join(money(value, currency) for currency, value in values.items()) or "0"


def count(value: float | None) -> str:
    """A count, or units, as messages say it."""
    return NONE if value is None else number(value)


def ranged(low: float | None, high: float | None) -> str:
    """`10 to 90%: 3 to 9`: where an estimate lies in 8 of 10 cases. Sums take it that what errs in one errs in all."""
    return "" if low is None or high is None else f"10 to 90%: {number(low)} to {number(high)}"


def day(value: dt.date | str | None, *, with_year: bool = True) -> str:
    """`Sun 22 Nov 2026`: a business date is the partner's own day, in no zone."""
    if not value:
        return NONE
    date = dt.date.fromisoformat(value) if isinstance(value, str) else value
    return f"{day_words(date)} {date.year}" if with_year else day_words(date)


def moment(value: dt.datetime | str | None) -> Markup | str:
    """A moment: UTC as written, the reader's own zone once the page runs."""
    if not value:
        return NONE
    at = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    at = at.astimezone(dt.UTC)
    text = moment_words(at)
    return Markup('<time datetime="{}" data-moment="{}">{}</time>').format(at.isoformat(), text, text)


def where(case: Case) -> str:
    """A case's partner, and the DC that it is of: a partner has several."""
    return partner_words(case) if isinstance(case, Incident) else case.partner_name


def kind(value: str) -> str:
    """A kind of incident."""
    return KINDS.get(value, spoken(value))


def cause(value: str | None) -> str:
    """A cause, or the trouble of a feed."""
    return NONE if value is None else CAUSES.get(value, spoken(value))


def reason(value: str | None) -> str:
    """Why an incident changed, or how it ended."""
    return REASONS.get(value or "", (value or "").replace("_", " "))


def sentence(text: str) -> str:
    """A text that begins with a capital."""
    return text[:1].upper() + text[1:]


def evidence(text: str) -> str:
    """What was weighed for a cause, the cause in words: `Not delivered: an order is overdue since Thu 5 Nov`."""
    name, colon, rest = (text := spoken_dates(text)).partition(": ")
    return f"{CAUSES[name]}: {rest}" if colon and name in CAUSES else text


def spoken(value: str | None) -> str:
    """`will_run_out` as `Will run out`."""
    return sentence((value or "").replace("_", " "))


def run_path(dag_id: str, run_id: str | None, tail: str = "") -> str | None:
    """Path of a Dag run below the root of Airflow."""
    return f"/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}{tail}" if run_id else None


FILTERS = {
    "amount": amount, "cause": cause, "count": count, "day": day, "evidence": evidence, "kind": kind, "moment": moment,
    "money": money, "reason": reason, "share": share, "spoken": spoken, "sums": sums,
    "where": where,
}  # fmt: skip

"""What a brand promises at the shelf: its price, and how a partner keeps it.

The most specific rule that sets a limit wins, as with thresholds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
from pydantic import Field, model_validator

from include.stockwatch.domain.thresholds import Match
from include.stockwatch.domain.value import Value

PRICED = ("partner", "item_id", "item_name", "category", "currency")


class PriceBand(Value):
    """Shelf prices that keep the promise: shares around the item master's price, or amounts."""

    above: float | None = Field(default=None, ge=0, description="share above the item master's price, 0.10 = 10 %")
    below: float | None = Field(default=None, ge=0, lt=1, description="share below it")
    lowest: float | None = Field(default=None, ge=0, description="an amount, in `currency`")
    highest: float | None = Field(default=None, ge=0, description="an amount, in `currency`")
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$", description="of the amounts")

    @model_validator(mode="after")
    def _is_one_kind_of_band(self) -> PriceBand:
        shares, amounts = (self.above, self.below), (self.lowest, self.highest)
        if all(one is None for one in (*shares, *amounts)):
            raise ValueError("a band needs `above` and `below`, or `lowest` and `highest` with a `currency`")
        if any(one is not None for one in shares) and any(one is not None for one in (*amounts, self.currency)):
            raise ValueError("`above` and `below` are shares of the item master's price: give them, or amounts")
        if any(one is not None for one in amounts) and self.currency is None:
            raise ValueError("`lowest` and `highest` are amounts, so `currency` must be set, e.g. USD")
        if self.lowest is not None and self.highest is not None and self.lowest > self.highest:
            raise ValueError(f"`lowest` is {self.lowest:g}, above `highest`, which is {self.highest:g}")
        return self


class PromiseRule(Value):
    """One rule of `promises.yaml`. A limit left out comes from the next less specific rule."""

    name: str = Field(min_length=1, description="shown in messages")
    match: Match = Match()
    price: PriceBand | None = None
    min_price_kept: float | None = Field(default=None, ge=0, le=1, description="share of prices in their band")
    max_complaints: float | None = Field(default=None, ge=0, description="complaints for 1,000 units sold, in a week")

    @model_validator(mode="after")
    def _limits_of_a_partner_are_matched_by_partner(self) -> PromiseRule:
        if self.match.location_id is not None:
            raise ValueError("a promise is made for all locations of a partner: leave out `location_id`")
        of_partner = self.min_price_kept is not None or self.max_complaints is not None
        if of_partner and self.match.keys().keys() - {"partner"}:
            raise ValueError("`min_price_kept` and `max_complaints` are those of a partner: match by `partner` alone")
        return self


class Vanishing(Value):
    """When an item counts as vanished from a partner."""

    gone_days: int = Field(default=3, ge=1, le=28, description="days since anybody last had it")
    within_days: int = Field(default=5, ge=1, le=28, description="days in which nearly all locations lost it")
    min_locations: int = Field(default=5, ge=1, description="that had it before")
    look_back_days: int = Field(default=28, ge=7, le=56)


class Unusual(Value):
    """When complaints about quality are above the usual."""

    recent_days: int = Field(default=7, ge=1, le=28)
    history_days: int = Field(default=56, ge=14, le=365, description="before the recent days")
    least: int = Field(default=3, ge=2, description="complaints, however unusual")
    probability: float = Field(default=0.0001, gt=0, lt=0.1, description="of as many by chance, below which it is told")
    stale_after_days: int = Field(default=7, ge=1, description="without any complaint, the feed says nothing")


STANDARD = PromiseRule(name="default", price=PriceBand(above=0.10, below=0.30), min_price_kept=0.95)
RuleLimit = Literal["min_price_kept", "max_complaints"]


class Promises(Value):
    """`promises.yaml`: what partners are held to beside availability. The first rule may be for everything."""

    promises: tuple[PromiseRule, ...] = (STANDARD,)
    vanishing: Vanishing = Vanishing()
    quality: Unusual = Unusual()
    pack_told_days: int = Field(default=28, ge=1, le=365, description="how long a change of pack or GTIN is told")

    @model_validator(mode="after")
    def _names_differ(self) -> Promises:
        names = [rule.name for rule in self.promises]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"names of promises must differ; repeated: {', '.join(repeated)}")
        return self

    def by_precedence(self) -> list[PromiseRule]:
        """Most specific first; of two equally specific rules the later one in the file."""
        ranked = sorted(enumerate(self.promises), key=lambda pair: (pair[1].match.weight(), pair[0]), reverse=True)
        return [rule for _, rule in ranked]

    def limit(self, name: RuleLimit, partner: str) -> float | None:
        """A limit of a partner; none if no rule sets it."""
        facts: Mapping[str, str | None] = {"partner": partner}
        rules = (rule for rule in self.by_precedence() if rule.match.accepts(facts))
        return next((value for rule in rules if (value := getattr(rule, name)) is not None), None)


def with_reference(rows: ir.Table, items: ir.Table) -> ir.Table:
    """Rows with the price of the item master: ours before the partner's own, as it is we who promise.

    Grain:  rows any with `partner`, `item_id` and `currency`; items from `master.per_partner` -> as rows
    Nulls:  no master has a price for the item in the row's currency: reference_price is null
    """
    priced = items.filter(items.price > 0)  # nothing is sold for nothing: 0 is no price
    order = ibis.window(group_by=("partner", "item_id", "currency"), order_by=(priced.is_own.desc(), "feed_id"))
    placed = priced.mutate(place=ibis.row_number().over(order))
    first = placed.filter(placed.place == 0).select("partner", "item_id", "currency", reference_price=placed.price)
    joined = rows.left_join(first, ["partner", "item_id", "currency"], rname="master_{name}")
    return joined.select(*rows.columns, "reference_price")


def banded(rows: ir.Table, promises: Promises) -> ir.Table:
    """Prices with the band that each must keep, the rule it comes from, and whether it lies outside.

    Grain:  as rows, from `with_reference`
    Units:  band_low and band_high in the row's currency
    Nulls:  without a reference in the row's currency there is no band, and the price is not outside it
    """
    branches: dict[str, list[tuple[Any, Any]]] = {"band_low": [], "band_high": [], "promise_rule": []}
    for rule in promises.by_precedence():
        keys = rule.match.keys()
        if rule.price is None or not keys.keys() <= set(rows.columns):
            continue
        met = ibis.and_(*(rows[key] == value for key, value in keys.items())) if keys else ibis.literal(True)
        if rule.price.currency:
            met = met & (rows.currency == rule.price.currency)
        low, high = _edges(rule.price, rows.reference_price)
        met = met.fill_null(False) & (low.notnull() | high.notnull())
        for name, value in (("band_low", low), ("band_high", high), ("promise_rule", ibis.literal(rule.name))):
            branches[name].append((met, value))
    kinds = {"band_low": "float64", "band_high": "float64", "promise_rule": "string"}
    found = {
        name: ibis.cases(*cases, else_=ibis.null(kinds[name])) if cases else ibis.null(kinds[name])
        for name, cases in branches.items()
    }
    rows = rows.mutate(**found)
    cent = 0.005  # a price of 7.139 is shown as 7.14
    outside = (rows.price < rows.band_low - cent).fill_null(False) | (rows.price > rows.band_high + cent).fill_null(
        False
    )
    return rows.mutate(is_outside=outside, has_band=rows.promise_rule.notnull())


def _edges(band: PriceBand, reference: ir.FloatingValue) -> tuple[ir.FloatingValue, ir.FloatingValue]:
    nothing = ibis.null("float64")
    if band.currency:
        amounts = (nothing if one is None else ibis.literal(float(one)) for one in (band.lowest, band.highest))
        return next(amounts), next(amounts)
    return (
        nothing if band.below is None else reference * (1 - band.below),
        nothing if band.above is None else reference * (1 + band.above),
    )


def price_findings(prices: ir.Table, watched: Collection[str] = ()) -> ir.Table:
    """Items with a price outside its band, one row per partner, item and currency.

    `watched` are items that are given whatever their prices, as they were outside before.
    Grain:  prices (series) of one date, as `banded` -> (partner, item_id, currency)
    Units:  lowest_outside and highest_outside are the farthest prices; outside and inside list locations, those
            without a band among the latter; priced counts the ones with a band
    """
    known = prices.filter(prices.price.notnull())
    found = known.group_by("partner", "item_id", "currency").agg(
        item_name=known.item_name.max(),
        category=known.category.max(),
        outside=known.location_id.collect(where=known.is_outside),
        inside=known.location_id.collect(where=~known.is_outside),
        priced=known.has_band.sum(),
        number_outside=known.is_outside.sum(),
        lowest_outside=known.price.min(where=known.is_outside),
        highest_outside=known.price.max(where=known.is_outside),
        band_low=known.band_low.min(),
        band_high=known.band_high.max(),
        promise_rule=known.promise_rule.max(),
    )
    return found.filter((found.number_outside > 0) | found.item_id.isin(sorted(watched)))

"""Measured loyalty in the place of published priors, weighed by how many people were watched.

Source: docs/lost-customer-risk.md, section 6 (what each measure is) and section 8 (priors and their pseudo-counts).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from include.stockwatch.domain.customer_signals import Measure
from include.stockwatch.domain.customers import Assumptions, Response
from include.stockwatch.domain.value import Value

CYCLE_PSEUDO_COUNT = 11
"""Intervals that the prior of T counts for: its CV of 0.3 is that of a mean of 11 exponential intervals."""
UNSAID_SAMPLE = 10
"""People that a figure without its sample size is taken for."""
FEWEST_FOR_VALUE = 30
"""Buyers below which a lifetime value is not taken: no prior stands beside it to shrink it towards."""
DAYS_OF_YEAR = 365
WEIGHT = {"partner": 1, "category": 2, "brand": 4}
GAP = {
    Measure.GAP_STORE: "store",
    Measure.GAP_BRAND: "brand",
    Measure.GAP_SAME_BRAND: "same_brand",
    Measure.GAP_DELAY: "delay",
    Measure.GAP_CANCEL: "cancel",
}
CONTEXT = {Measure.NPS: "NPS", Measure.CSAT: "CSAT"}
"""Measures that are told and not used: beside the repeat rate they would count one opinion twice."""
STRONG_REPEAT_RATE, WEAK_REPEAT_RATE = 0.75, 0.30
PROMISE_WEIGHT = 0.25


class Figure(Value):
    """One row of the table `loyalty`, without where it was found."""

    partner: str = ""
    measure: Measure
    brand: str | None = None
    category: str | None = None
    segment: str | None = None
    value: float
    currency: str | None = None
    period_days: int = DAYS_OF_YEAR
    valid_from: dt.date
    sample_size: int | None = None

    @property
    def people(self) -> int:
        """How many the figure rests on; a small number if that was not said."""
        return UNSAID_SAMPLE if self.sample_size is None else self.sample_size

    @property
    def yearly(self) -> float:
        """Value of a share that is kept over a period, over a year: a month's 0.95 is a year's 0.54."""
        kept = 1 - self.value if self.measure is Measure.CHURN else self.value
        return float(kept ** (DAYS_OF_YEAR / self.period_days))

    def weight(self) -> int:
        """How specific the figure is: brand before category before partner."""
        said = {"partner": self.partner, "category": self.category, "brand": self.brand}
        return sum(WEIGHT[name] for name, value in said.items() if value)

    def speaks_for(self, partner: str, category: str | None, brand: str | None, currency: str | None) -> bool:
        """Whether the figure is about such items."""
        return (
            self.partner in ("", partner)
            and self.category in (None, category)
            and self.brand in (None, brand)
            and (self.measure is not Measure.LIFETIME_VALUE or self.currency == currency)
        )


def in_force(
    figures: Iterable[Figure],
    on: dt.date,
    *,
    partner: str = "",
    category: str | None = None,
    brand: str | None = None,
    currency: str | None = None,
    max_age_days: int | None = None,
) -> dict[Measure, Figure]:
    """The figure of each measure that counts for such items on a date: the most specific, of these the newest.

    Where only segments of buyers were measured, the newest of each are pooled by their sizes: a segment is not all
    buyers. What nobody was asked for tells nothing, nor does what is older than `max_age_days`.
    """
    told = (one for one in figures if one.valid_from <= on and one.people)
    if max_age_days is not None:
        told = (one for one in told if (on - one.valid_from).days <= max_age_days)
    mine = [one for one in told if one.speaks_for(partner, category, brand, currency)]
    chosen: dict[Measure, Figure] = {}
    for measure in Measure:
        of_measure = [one for one in mine if one.measure is measure]
        if of_measure:
            best = max(one.weight() for one in of_measure)
            chosen[measure] = _pooled([one for one in of_measure if one.weight() == best])
    return chosen


def measured(
    assumed: Assumptions, figures: Mapping[Measure, Figure], promise_strength: float | None = None
) -> Assumptions:
    """The assumptions with everything that was measured in their place, as `in_force` gives it.

    ell:    from the loyal share or the repeat rate; from `promise_strength` (0..1) only where neither is known
    r:      from retention or 1 - churn, over a year
    T, V:   from the purchase cycle and the lifetime value
    split:  from what shoppers said they do at the gap, if all five shares are there
    Of two measures of one thing that counts which `in_force` would take, and of two alike the one that is named first.
    Each is weighed against its prior by sample size, and makes that prior firmer by as many; the name says what was
    measured, and on how many.
    """
    steps = (_loyal_share, _retention, _purchase_cycle, _value, _response)
    taken = [found for step in steps if (found := step(assumed, figures))]
    after: dict[str, object] = {}
    if promise_strength is not None and not figures.keys() & {Measure.LOYAL_SHARE, Measure.REPEAT_PURCHASE_RATE}:
        after["loyal_share"] = _promised_share(assumed, promise_strength)
    firmer: dict[str, float] = {}
    for one in taken:
        after |= one.changes
        firmer |= one.firmer
    if firmer:
        after["priors"] = assumed.priors.model_copy(update=firmer)
    if taken:
        words = ", ".join(f"{one.word} ({_basis(one.figure)})" for one in taken)
        after["name"] = f"measured {words}; else {assumed.name}"
    return assumed.model_copy(update=after) if after else assumed


def without_outdated(assumed: Assumptions, outdated: Mapping[Measure, Figure]) -> Assumptions:
    """The assumptions, with a word on what would stand in them if it were not too old."""
    words = {
        "response at the gap" if one in GAP else _word(outdated[one]): outdated[one]
        for one in outdated.keys() - CONTEXT
    }
    if not words:
        return assumed
    told = ", ".join(f"{word} ({words[word].valid_from.isoformat()})" for word in sorted(words))
    return assumed.model_copy(update={"name": f"{assumed.name}; too old to count: {told}"})


def context(figures: Mapping[Measure, Figure]) -> tuple[str, ...]:
    """NPS and CSAT in words: beside the estimate, never in it."""
    return tuple(
        f"{name} {_shown(figures[measure])} ({_basis(figures[measure])})"
        for measure, name in CONTEXT.items()
        if measure in figures
    )


def shrunk(prior: float, pseudo_count: float, value: float, people: float) -> float:
    """A value weighed against its prior: nobody asked gives the prior, very many give the value."""
    return (prior * pseudo_count + value * people) / (pseudo_count + people)


class _Taken(NamedTuple):
    """A figure that stands in the place of a prior: what it changes, how firm that is now, and how it is called."""

    changes: dict[str, object]
    word: str
    figure: Figure
    firmer: Mapping[str, float] = {}


def _precedence(figure: Figure) -> tuple[int, dt.date]:
    """The most specific before the newest."""
    return figure.weight(), figure.valid_from


def _first(figures: Mapping[Measure, Figure], *measures: Measure) -> Figure | None:
    """The figure that counts of several measures of one thing."""
    return max((figures[one] for one in measures if one in figures), key=_precedence, default=None)


def _loyal_share(assumed: Assumptions, figures: Mapping[Measure, Figure]) -> _Taken | None:
    found = _first(figures, Measure.LOYAL_SHARE, Measure.REPEAT_PURCHASE_RATE)
    if found is None:
        return None
    weight = assumed.priors.loyal_share_weight
    share = shrunk(assumed.loyal_share, weight, found.value, found.people)
    return _Taken({"loyal_share": share}, _word(found), found, {"loyal_share_weight": weight + found.people})


def _promised_share(assumed: Assumptions, strength: float) -> float:
    repeat_rate = WEAK_REPEAT_RATE + (STRONG_REPEAT_RATE - WEAK_REPEAT_RATE) * strength
    return (1 - PROMISE_WEIGHT) * assumed.loyal_share + PROMISE_WEIGHT * repeat_rate


def _retention(assumed: Assumptions, figures: Mapping[Measure, Figure]) -> _Taken | None:
    found = _first(figures, Measure.RETENTION, Measure.CHURN)
    if found is None:
        return None
    weight = assumed.priors.retention_weight
    kept = shrunk(assumed.retention, weight, found.yearly, found.people)
    return _Taken({"retention": kept}, _word(found), found, {"retention_weight": weight + found.people})


def _purchase_cycle(assumed: Assumptions, figures: Mapping[Measure, Figure]) -> _Taken | None:
    found = figures.get(Measure.PURCHASE_CYCLE_DAYS)
    if found is None:
        return None
    days = shrunk(assumed.purchase_cycle_days, CYCLE_PSEUDO_COUNT, found.value, found.people)
    narrower = math.sqrt(CYCLE_PSEUDO_COUNT / (CYCLE_PSEUDO_COUNT + found.people))
    firmer = {"cycle_variation": assumed.priors.cycle_variation * narrower}
    return _Taken({"purchase_cycle_days": days}, "purchase cycle", found, firmer)


def _value(_assumed: Assumptions, figures: Mapping[Measure, Figure]) -> _Taken | None:
    found = figures.get(Measure.LIFETIME_VALUE)
    if found is None or found.people < FEWEST_FOR_VALUE:
        return None
    return _Taken({"value_per_customer": found.value}, _word(found), found)


def _response(assumed: Assumptions, figures: Mapping[Measure, Figure]) -> _Taken | None:
    found = {name: figures[measure] for measure, name in GAP.items() if measure in figures}
    total = sum(one.value for one in found.values())
    if len(found) < len(GAP) or not math.isclose(total, 1, abs_tol=0.02):
        return None
    smallest, weight = min(found.values(), key=lambda one: one.people), assumed.priors.response_weight
    shares = {
        name: shrunk(getattr(assumed.response, name), weight, one.value / total, smallest.people)
        for name, one in found.items()
    }
    firmer = {"response_weight": weight + smallest.people}
    return _Taken({"response": Response(**shares)}, "response at the gap", smallest, firmer)


def _word(figure: Figure) -> str:
    return figure.measure.value.replace("_", " ")


def _basis(figure: Figure) -> str:
    """`2026-09-01, n = 1,240`."""
    n = "n not said" if figure.sample_size is None else f"n = {figure.sample_size:,}"
    return f"{figure.valid_from.isoformat()}, {n}"


def _shown(figure: Figure) -> str:
    return f"{figure.value:+.0f}" if figure.measure is Measure.NPS else f"{figure.value:.0%}"


def _pooled(figures: Sequence[Figure]) -> Figure:
    """Figures of one measure and scope as one: the newest of all buyers, else the mean of the segments by size."""
    whole = [one for one in figures if one.segment is None]
    in_order = sorted(whole or figures, key=lambda one: one.valid_from)
    latest, newest = {one.segment: one for one in in_order}.values(), in_order[-1]
    if len(latest) == 1:
        return newest
    sizes = [one.sample_size for one in latest]
    mean = sum(one.value * one.people for one in latest) / sum(one.people for one in latest)
    size = None if None in sizes else sum(filter(None, sizes))
    return newest.model_copy(update={"value": mean, "sample_size": size, "segment": None})

"""The lost-customer model against shoppers whose every purchase is known (docs/lost-customer-risk.md).

The model is given what a feed shows, the settings of the category (T and q) and the public defaults. It never sees what
makes a world: loyalty, responses and persistence are the model's guess, and the shoppers' secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from include.stockwatch.domain.customers import Assumptions, Loss, Response, spell_loss
from include.stockwatch.domain.intervals import multiplier_quantiles
from include.stockwatch.simulation.habits import Habits
from include.stockwatch.validation.evidence import Evidence, seen
from include.stockwatch.validation.gaps import Array, Category, Index, Layout, Lived, Truth, layout, live
from include.stockwatch.validation.ranking import captured_by_first_tenth, rank_correlation

CATEGORIES = (Category(14, 1.0), Category(28, 1.25), Category(56, 1.6))
SERIES = 40
"""Of each category; each has one gap to be judged."""
LOOK_AHEAD_DAYS = 365
"""Customers lost are counted by the share of their purchases of the year after the gap."""
MATCHED_BIAS, STRESS_BIAS, COVERAGE = 0.05, 0.45, (0.75, 0.85)
RANK_CORRELATION, CAPTURE_RATIO, HONEST_LOW = 0.9, 1.5, 0.1
DRAWS, COVERAGE_SERIES = 600, 24


@dataclass(frozen=True)
class WorldOfShoppers:
    """What one world does differently, and what is expected of the model there."""

    name: str
    what: str
    changed: Mapping[str, Any]
    is_connected: bool = False
    is_dc_wide: bool = False
    has_promotions: bool = False


LOYALS_SWITCH_LESS = (0.31, 0.26 * 0.7, 0.19, 0.15, 0.09 + 0.26 * 0.3)
WORLDS = (
    WorldOfShoppers("W0", "nobody stays away (rho 0)", {"first_persistence": 0.0, "max_persistence": 0.0}),
    WorldOfShoppers("W1", "as the model assumes", {}),
    WorldOfShoppers("W2", "rho_1 0.20", {"first_persistence": 0.20}),
    WorldOfShoppers("W3", "G 2", {"escalation": 2.0}),
    WorldOfShoppers("W4", "loyal buyers switch 30 % less", {"loyal_response": LOYALS_SWITCH_LESS}),
    WorldOfShoppers("W5", "regular timing (Erlang-4)", {"regularity": 4}),
    WorldOfShoppers("W6", "unequal purchase rates (CV 0.7)", {"rate_variation": 0.7}),
    WorldOfShoppers("W7", "whole areas out at once", {}, is_connected=True, is_dc_wide=True),
    WorldOfShoppers("W8", "promotions, gaps in them", {}, has_promotions=True),
    WorldOfShoppers("W9", "fading, half in a year", {"recovery_half_life_days": 365.0}),
    WorldOfShoppers("W9 fast", "fading, half in 180 days", {"recovery_half_life_days": 180.0}),
    WorldOfShoppers("W10", "delayers are disappointed again", {"retry_disappoints": True}),
    WorldOfShoppers("W11", "switchers buy in the same feed", {}, is_connected=True),
    WorldOfShoppers(
        "W12", "W4, W5 and W11 at once", {"loyal_response": LOYALS_SWITCH_LESS, "regularity": 4}, is_connected=True
    ),
)
MATCHED, WITHOUT_PERSISTENCE = "W1", "W0"
BEYOND = ("W2", "W9 fast", "W12")
"""Shown, but in no gate: four times the persistence cannot be within 45 %, nor half the duration, nor all at once."""


def customers_validation(seed: int = 1, replications: int = 200) -> dict[str, Any]:
    """Every table of the validation: worlds, ranking, coverage, gates. Plain numbers and texts, fit for JSON."""
    judged = {world.name: _judged(world, seed, replications) for world in WORLDS}
    worlds = [_world_row(world, judged[world.name]) for world in WORLDS]
    ranking = _ranking(judged[MATCHED])
    coverage = _coverage(seed, max(DRAWS * replications // 200, 40))
    return {
        "seed": seed,
        "replications": replications,
        "worlds": worlds,
        "ranking": ranking,
        "coverage": coverage,
        "gates": _gates(worlds, ranking, coverage),
        "series": _series(judged[MATCHED]),
    }


class Judged(NamedTuple):
    """One world lived, and what the model says of it."""

    plan: Layout
    lived: Lived
    loss: Loss  # every figure with the shape (replications, series)
    oracle: Loss  # with the world's own parameters in the place of the defaults, and its promotions known
    customers: Array  # (replications, series): truth, averaged over the year after
    value: Array  # the same in money


def _judged(world: WorldOfShoppers, seed: int, replications: int) -> Judged:
    plan = layout(
        seed,
        CATEGORIES,
        SERIES,
        is_connected=world.is_connected,
        is_dc_wide=world.is_dc_wide,
        has_promotions=world.has_promotions,
    )
    habits = [_habits(category, world.changed) for category in CATEGORIES]
    lived = live(plan, [habits[number] for number in plan.category] * replications, replications, seed)
    public = [_assumed(category) for category in CATEGORIES]
    known = [_told(assumed, own) for assumed, own in zip(public, habits, strict=True)]
    as_of, prices = np.tile(plan.last_day, (replications, 1)), np.tile(plan.price, (replications, 1))
    loss, oracle = (
        _by_replication(_scored(evidence, prices, lived.category, assumed), replications)
        for evidence, assumed in (
            (seen(lived.feed, lived.area, as_of), public),
            (seen(lived.feed, lived.area, as_of, np.tile(plan.factor, (1, replications, 1))), known),
        )
    )
    fading = habits[0].recovery_half_life_days
    customers = lived.truth.customers.reshape(replications, -1) * _share_of_the_year(fading)
    value = _value(lived.truth, prices, lived.category, fading).reshape(replications, -1)
    return Judged(plan, lived, loss, oracle, customers, value)


def _habits(category: Category, changed: Mapping[str, Any]) -> Habits:
    return replace(
        Habits(cycle_days=category.cycle_days, units_per_purchase=category.units_per_purchase),
        **changed,
    )


def _assumed(category: Category) -> Assumptions:
    """The public defaults, with what the customer sets for a category."""
    return Assumptions(purchase_cycle_days=category.cycle_days, units_per_purchase=category.units_per_purchase)


def _told(assumed: Assumptions, habits: Habits) -> Assumptions:
    """The best that the model could say: what it can be told of a world, told."""
    response = habits.loyal_response or habits.response
    names = ("store", "brand", "same_brand", "delay", "cancel")
    return assumed.model_copy(
        update={
            "response": Response(**dict(zip(names, response, strict=True))),
            "loyal_share": habits.loyal_share,
            "first_persistence": habits.first_persistence,
            "escalation": habits.escalation,
            "max_persistence": habits.max_persistence,
        }
    )


def _scored(evidence: Evidence, price: Array, category: Index, assumed: Sequence[Assumptions]) -> Loss:
    """The model on every series, with the assumptions of its category."""
    figures = {name: np.empty(price.shape) for name in Loss._fields}
    for number, own in enumerate(assumed):
        chosen = category == number
        loss = spell_loss(
            demand_a=evidence.demand_a[chosen].ravel(),
            demand_b=evidence.demand_b[chosen].ravel(),
            exposure_days=evidence.exposure_days[chosen].ravel(),
            earlier_exposure_days=evidence.earlier_exposure_days[chosen].ravel(),
            price=price[chosen].ravel(),
            store_scope=evidence.store_scope[chosen].ravel(),
            item_scope=evidence.item_scope[chosen].ravel(),
            assumed=own,
        )
        for name, column in loss._asdict().items():
            figures[name][chosen] = np.asarray(column).reshape(price[chosen].shape)
    return Loss(**figures)


def _by_replication(loss: Loss, replications: int) -> Loss:
    return Loss(*(column.reshape(replications, -1) for column in loss))


def _share_of_the_year(half_life_days: float | None) -> float:
    """How much of what was lost at first is lost on average over the year after."""
    if half_life_days is None:
        return 1.0
    fades = np.log(2) * LOOK_AHEAD_DAYS / half_life_days
    return float(-np.expm1(-fades) / fades)


def _value(truth: Truth, price: Array, category: Index, half_life_days: float | None) -> Array:
    """Discounted brand margin of the purchases lost, year by year as long as buyers would have stayed.

    Source: the convention of equation 10, a payment at the end of each year that those who are still there make
    """
    public = Assumptions()
    kept = public.retention * (1.0 if half_life_days is None else float(np.exp2(-365 / half_life_days)))
    units = np.array([own.units_per_purchase for own in CATEGORIES])[category, None]
    lost: Array = truth.purchases_per_year * units * price * public.margin_share
    return lost * kept / (1 + public.discount_rate - kept)


def _world_row(world: WorldOfShoppers, judged: Judged) -> dict[str, Any]:
    """Figures of one world. A bias is what the model says over what happened, less one; None where nothing happened."""
    loss, lived = judged.loss, judged.lived
    customers, low = _bias(loss.customers_lost, judged.customers), Assumptions().customers_interval.low
    return {
        "world": world.name,
        "what": world.what,
        "customers_lost": float(judged.customers.sum(axis=1).mean()),
        "customers_said": float(loss.customers_lost.sum(axis=1).mean()),
        "said_low": float(loss.customers_lost.sum(axis=1).mean()) * low,
        "bias": customers[0],
        "bias_error": customers[1],
        "oracle_bias": _bias(judged.oracle.customers_lost, judged.customers)[0],
        "unmet_units_bias": _bias(loss.unmet_units, lived.truth.unmet_units.reshape(loss.unmet_units.shape))[0],
        "lost_units_bias": _bias(loss.lost_units, lived.lost_units[:, None])[0],
        "value_bias": _bias(loss.lost_lifetime_value, judged.value)[0],
        "rank_correlation": rank_correlation(loss.customers_lost, judged.customers.mean(axis=0)),
    }


def _bias(said: Array, true: Array) -> tuple[float | None, float | None]:
    """Total said over total true, less one, with its standard error over replications."""
    says, is_true = said.sum(axis=1), true.sum(axis=1)
    if not is_true.sum() > 0:
        return None, None
    ratio = says.sum() / is_true.sum()
    error = (says - ratio * is_true).std(ddof=1) / np.sqrt(says.size) / is_true.mean() if says.size > 1 else np.nan
    return float(ratio - 1), float(error)


def _ranking(judged: Judged) -> dict[str, Any]:
    """How well lists of gaps, each sorted by one figure, put the costly ones first.

    The truth of a gap is its average over all replications; one replication alone is mostly chance.
    """
    loss, worth = judged.loss, judged.value.mean(axis=0)
    days = np.tile((judged.plan.last_day - judged.plan.first_day).ravel() + 1.0, (loss.customers_lost.shape[0], 1))
    orders = {
        "lost_lifetime_value": loss.lost_lifetime_value,
        "lost_revenue": loss.lost_revenue,
        "lost_units": loss.lost_units,
        "days_out": days,
    }
    return {
        "rank_correlation": rank_correlation(loss.customers_lost, judged.customers.mean(axis=0)),
        "captured_by_top_decile": {name: captured_by_first_tenth(order, worth) for name, order in orders.items()},
        "captured_at_best": captured_by_first_tenth(worth[None], worth),
    }


def _coverage(seed: int, draws: int) -> dict[str, Any]:
    """How often the intervals hold the truth, when loyalty, responses and persistence are drawn from the priors.

    The draws of rho_1 are stratified, as it is what matters most.
    """
    rng = np.random.default_rng([seed, 21])
    category = CATEGORIES[1]
    public = _assumed(category)
    base = _habits(category, {})
    strata = rng.permutation((np.arange(draws) + rng.random(draws)) / draws)
    persistences = -np.expm1(np.log1p(-strata) / 19)  # Beta(1, 19)
    habits = [
        replace(
            base,
            loyal_share=float(rng.beta(public.loyal_share * 10, (1 - public.loyal_share) * 10)),
            response=tuple(rng.dirichlet(np.array(base.response) * public.priors.response_weight)),
            first_persistence=float(persistence),
        )
        for persistence in persistences
    ]
    plan = layout(seed + 1, (category,), COVERAGE_SERIES)
    lived = live(plan, [own for own in habits for _ in plan.category], draws, seed + 1)
    evidence = seen(lived.feed, lived.area, np.tile(plan.last_day, (draws, 1)))
    loss = _scored(evidence, np.tile(plan.price, (draws, 1)), lived.category, (public,))
    said = loss.customers_lost.reshape(draws, -1).sum(axis=1)
    multiple = lived.truth.customers.reshape(draws, -1).sum(axis=1) / said
    grid = np.linspace(0.005, 0.995, 199)
    quantiles = multiplier_quantiles(public, grid.tolist())[0]
    place = np.interp(multiple, quantiles, grid, left=0.0, right=1.0)
    return {
        "draws": draws,
        "covered": {str(width): float(np.mean(np.abs(place - 0.5) <= width / 200)) for width in (50, 80, 95)},
        "places": np.histogram(place, bins=10, range=(0, 1))[0].tolist(),
    }


def _gates(
    worlds: Sequence[Mapping[str, Any]], ranking: Mapping[str, Any], coverage: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What was asked for in advance, and whether it holds."""
    row = {world["world"]: world for world in worlds}
    stress = {name: one["bias"] for name, one in row.items() if name not in (MATCHED, WITHOUT_PERSISTENCE, *BEYOND)}
    worst = max(stress, key=lambda name: abs(stress[name]))
    captured = ranking["captured_by_top_decile"]
    ratio = captured["lost_lifetime_value"] / captured["days_out"]
    honest = row[WITHOUT_PERSISTENCE]["said_low"] / row[WITHOUT_PERSISTENCE]["customers_said"]
    return [
        _gate("matched world: bias of customers lost", row[MATCHED]["bias"], -MATCHED_BIAS, MATCHED_BIAS),
        _gate(f"stress worlds: worst bias ({worst})", stress[worst], -STRESS_BIAS, STRESS_BIAS),
        _gate("80 % interval: truth inside", coverage["covered"]["80"], *COVERAGE),
        _gate("matched world: rank correlation", ranking["rank_correlation"], RANK_CORRELATION, 1.0),
        _gate("top tenth: value caught against longest gaps", ratio, CAPTURE_RATIO, None),
        _gate("without persistence: low end over point", honest, 0.0, HONEST_LOW),
    ]


def _gate(name: str, value: float, at_least: float, at_most: float | None) -> dict[str, Any]:
    holds = value >= at_least and (at_most is None or value <= at_most)
    return {"gate": name, "value": float(value), "at_least": at_least, "at_most": at_most, "holds": bool(holds)}


def _series(judged: Judged) -> list[dict[str, float]]:
    """The gaps of the matched world one by one, averaged over replications, for the picture."""
    days = (judged.plan.last_day - judged.plan.first_day).ravel() + 1
    said, true = judged.loss.customers_lost.mean(axis=0), judged.customers.mean(axis=0)
    return [
        {"days_out": int(out), "said": float(one), "true": float(other)}
        for out, one, other in zip(days, said, true, strict=True)
    ]

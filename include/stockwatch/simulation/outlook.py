"""What the days of a world bring, before anything happens: who wants how much, what is planned and what goes wrong.

All of it is drawn at once, each kind from a stream of its own, so that a change of one leaves the others as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.stockwatch.simulation.catalogue import Catalogue
from include.stockwatch.simulation.demand import Array
from include.stockwatch.simulation.episodes import episodes, promotions
from include.stockwatch.simulation.network import Network
from include.stockwatch.simulation.parameters import Parameters

STREAMS = (
    "catalogue",
    "network",
    "range",
    "plans",
    "trouble",
    "losses",
    "records",
    "demand",
    "complaints",
    "start",
    "defects",
)
"""Names of the random streams of a seed."""


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one kind."""
    return np.random.default_rng([seed, STREAMS.index(name)])


@dataclass(frozen=True)
class Outlook:
    """Arrays of (day, store, item), or with another second axis where it is said. Warm-up days come first."""

    mean: Array  # (store, item): units wanted on a usual day
    is_ranged: Array
    is_promoted: Array
    factor: Array  # of the mean that is expected on the day
    foreseen: Array  # of the mean that orders count on
    price: Array
    is_price_breach: Array
    is_stopped: Array  # (day, warehouse, item): nothing comes in
    not_ordered: Array
    neglected: Array
    delay_days: Array  # of what is shipped on the day
    vanishes: Array
    is_misplaced: Array
    stolen: Array
    order_interval_days: Array  # (store,)


def outlook(parameters: Parameters, network: Network, items: Catalogue, seed: int) -> Outlook:
    """All that is fixed before the first day."""
    days = parameters.warm_up_days + parameters.days
    shape = (days, len(network.stores), len(items))
    ranges, plans = stream(seed, "range"), stream(seed, "plans")
    trouble, losses = stream(seed, "trouble"), stream(seed, "losses")
    mean = items.units_per_day * network.size[:, None]
    mean = np.clip(mean * np.exp(ranges.normal(0, 0.2, mean.shape)), *parameters.demand_range)
    is_ranged = _ranged(parameters, items, ranges, shape)
    promoted = promotions(plans, parameters, (days, len(network.retailers), shape[2]))
    breached = episodes(plans, parameters.price_breach_rate, parameters.price_breach_days, promoted.shape) & ~promoted
    is_promoted, is_breach = promoted[:, network.partner_of], breached[:, network.partner_of]
    weekday = _weekday(parameters, days)[:, None, None]
    uplift = parameters.promotion_uplift - 1
    factor = weekday * (1 + uplift * is_promoted) * is_ranged
    warehouses = (days, len(network.warehouses), shape[2])
    late = trouble.random(shape) < parameters.not_delivered_rate
    return Outlook(
        mean=mean,
        is_ranged=is_ranged,
        is_promoted=is_promoted,
        factor=factor,
        foreseen=weekday * (1 + uplift * parameters.promotion_foresight * is_promoted) * is_ranged,
        price=np.round(
            items.price * (1 - parameters.promotion_discount * is_promoted + parameters.price_breach * is_breach), 2
        ),
        is_price_breach=is_breach,
        is_stopped=_stopped(parameters, network, trouble, warehouses),
        not_ordered=episodes(trouble, parameters.not_ordered_rate, parameters.not_ordered_days, shape),
        neglected=episodes(trouble, parameters.shelf_gap_rate, parameters.shelf_gap_days, shape),
        delay_days=np.where(late, 1 + trouble.geometric(1 / max(parameters.not_delivered_days - 1, 1), shape), 0),
        vanishes=losses.random(shape) < parameters.phantom_rate,
        is_misplaced=losses.random(shape) < parameters.misplaced_share,
        stolen=losses.poisson(parameters.theft_share * mean * factor).astype(float),
        order_interval_days=plans.integers(
            parameters.order_interval_days[0], parameters.order_interval_days[1] + 1, shape[1]
        ),
    )


def _ranged(parameters: Parameters, items: Catalogue, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """What a store lists, and when; a successor is listed where its forerunner was."""
    listed = rng.random(shape[1:]) < parameters.ranged_share
    for old, new in enumerate(items.successor):
        if new >= 0:
            listed[:, new] = listed[:, old]
    day = (np.arange(shape[0]) - parameters.warm_up_days)[:, None, None]
    return np.asarray(listed & (day >= items.first_day) & (day <= items.last_day))


def _weekday(parameters: Parameters, days: int) -> Array:
    profile = np.asarray(parameters.weekday_profile)
    first = parameters.first_date.weekday() - parameters.warm_up_days
    return np.asarray((profile / profile.mean())[(first + np.arange(days)) % 7])


def _stopped(parameters: Parameters, network: Network, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    far = network.distributor_dcs
    rates = np.where(np.arange(shape[1]) < far, parameters.distributor_outage_rate, parameters.retailer_outage_rate)
    return episodes(rng, rates[:, None], parameters.dc_outage_days, shape)


def ahead(foreseen: Array, windows: Array) -> Array:
    """Mean of what is foreseen for the next days, as many as each store's window: (day, store, item)."""
    days = len(foreseen)
    total = np.concatenate([np.zeros_like(foreseen[:1]), foreseen.cumsum(axis=0)])
    result = np.empty_like(foreseen)
    for window in np.unique(windows):
        stores = windows == window
        first = np.arange(1, days + 1).clip(max=days - 1)
        last = (first + window).clip(max=days)
        spans = (last - first)[:, None, None]
        result[:, stores] = (total[last][:, stores] - total[first][:, stores]) / spans
    return result

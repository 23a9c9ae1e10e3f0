"""How far anybody could foresee run-outs: the risks that the laws of a world give to what is there in the evening.

The oracle knows what a world is made of (mean demand, weekdays, planned promotions, dispersion, order points and order
days, lead times, rates of all that goes wrong), what is truly on the shelves, what is on order and where deliveries are
stopped. It does not know what is drawn on later days: demand, thefts, counts, new trouble, how long trouble lasts, and
which shipment on its way is late. From every evening the world is lived on many times with other luck.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from include.stockwatch.simulation.demand import Array, CountDemand
from include.stockwatch.simulation.life import Life
from include.stockwatch.simulation.outlook import Outlook, outlook, stream
from include.stockwatch.simulation.reasons import CAUSES
from include.stockwatch.simulation.stores import Stores
from include.stockwatch.simulation.warehouses import Warehouses
from include.stockwatch.simulation.world import World
from include.stockwatch.validation.run_outs import SOLD_OUT

if TYPE_CHECKING:
    from include.stockwatch.simulation.policy import Policy

COPIES = 50
"""Of every evening; a risk is the share of them in which stock runs out first."""
LOOK_AHEAD_DAYS = 40
"""What has neither run out nor been received by then counts as not run out."""
GONE = [CAUSES.index(cause) for cause in SOLD_OUT]

State = TypeVar("State", "Stores", "Warehouses", "Policy")


def with_true_risks(world: World, found: pa.Table) -> pa.Table:
    """An availability table with the oracle's risks in the place of ours; null where ours is not known.

    Grain: found (business_date, series), of a world whose demand is `counts`
    """
    first = world.parameters.first_date
    day = (np.asarray(found["business_date"]).astype("datetime64[D]") - np.datetime64(first)).astype(int)
    places = (*world.network.stores, *world.network.warehouses)
    place_of = {(place.partner, place.location_id): number for number, place in enumerate(places)}
    item_of = {gtin: number for number, gtin in enumerate(world.catalogue.gtins)}
    keys = zip(found["partner"].to_pylist(), found["location_id"].to_pylist(), strict=True)
    place = np.array([place_of[key] for key in keys])
    item = np.array([item_of[one] for one in found["item_id"].to_pylist()])
    risk = true_risks(world, int(day.min()))[day, place, item]
    is_known = np.isfinite(np.asarray(found["p_runs_out"], float))
    column = pa.array(np.where(is_known, risk, np.nan), from_pandas=True)
    return found.set_column(found.schema.get_field_index("p_runs_out"), "p_runs_out", column)


def true_risks(world: World, first_day: int) -> Array:
    """The risk of each series on each evening from a day on to sell out before its next receipt.

    Shapes: (day, place, item), the stores first and then the DCs; NaN before the first day and on the last
    """
    parameters, rng = world.parameters, np.random.default_rng([world.seed, 41])
    future = outlook(parameters, world.network, world.catalogue, world.seed)
    life = Life(parameters, world.network, world.catalogue, future, world.seed)
    demand = CountDemand(future.mean, parameters.dispersion, stream(world.seed, "demand"))
    places = len(world.network.stores) + len(world.network.warehouses)
    risks = np.full((parameters.days, places, future.mean.shape[1]), np.nan)
    is_forgotten = np.zeros_like(future.mean)
    for day in range(len(future.factor) - 1):
        life.live_day(day, demand)
        is_forgotten = _forgotten(life, day, is_forgotten)
        if day >= first_day + parameters.warm_up_days:
            risks[day - parameters.warm_up_days] = _runs_out_first(life, day, is_forgotten, rng)
    return risks


def _forgotten(life: Life, day: int, before: Array) -> Array:
    """The probability that nobody orders just now: an order that is due and not placed proves it, an order refutes it.

    Shapes: (store, item)
    """
    rate, mean_days, stores = life.parameters.not_ordered_rate, life.parameters.not_ordered_days, life.stores
    position = np.maximum(stores.record, 0) + stores.waiting + stores.in_transit
    may_order = life.policy.is_order_day[day][:, None] & life.future.is_ranged[day]
    expected = before * (1 - (1 - rate) / max(mean_days, 1.0)) + (1 - before) * rate
    has_ordered = stores.waiting > stores.held_back
    return np.where(may_order & (position <= life.policy.point[day]), 1.0, np.where(has_ordered, 0.0, expected))


def _runs_out_first(life: Life, day: int, is_forgotten: Array, rng: np.random.Generator) -> Array:
    """Live on from the evening of a day; the share of copies that sell out before a receipt, (place, item)."""
    ahead = _copied(life, day, is_forgotten, rng)
    demand = CountDemand(ahead.future.mean, life.parameters.dispersion, rng)
    is_open = _stock(ahead) > 0
    runs_out = np.zeros_like(is_open)
    for day_ahead in range(len(ahead.future.factor)):
        was_empty = _stock(ahead) <= 0
        ahead.live_day(day_ahead, demand)
        came = np.concatenate([ahead.stores.received, ahead.depots.received]) > 0
        is_gone = np.concatenate([np.isin(ahead.cause, GONE), ahead.depots.stock <= 0])
        starts = is_gone & ~was_empty
        runs_out |= is_open & starts & ~came
        is_open &= ~(starts | came)
    return np.asarray(runs_out.reshape(len(runs_out), COPIES, -1).mean(axis=1))


def _stock(life: Life) -> Array:
    """What is on the shelves of the stores, and in the DCs: (place, item)."""
    return np.concatenate([life.stores.shelf, life.depots.stock])


def _copied(life: Life, day: int, is_forgotten: Array, rng: np.random.Generator) -> Life:
    """The evening of a day many times over, side by side along the items, with days to come that are drawn anew."""
    days = slice(day + 1, min(day + 1 + LOOK_AHEAD_DAYS, len(life.future.factor)))
    ahead = copy.copy(life)
    ahead.clerks = rng
    ahead.items = replace(life.items, pack_units=_tiled(life.items.pack_units))
    ahead.is_wrong, ahead.cause = _tiled(life.is_wrong), _tiled(life.cause)
    ahead.future = _drawn(life, day, days, is_forgotten, rng)
    plan = life.policy
    dated = {name: getattr(plan, name)[days] for name in ("point", "quantity", "launched", "dc_factor")}
    ahead.policy = _all_tiled(replace(plan, **dated), is_order_day=plan.is_order_day[days])
    length, lead = days.stop - days.start, life.parameters.lead_time_days
    due, coming = _arrivals(life, day, length + lead, rng)
    ahead.stores = _all_tiled(life.stores, due=due, coming=coming)
    sent = life.depots.coming[days.start : days.stop + life.depots.lead_days]
    ahead.depots = _all_tiled(life.depots, coming=_tiled(sent))
    return ahead


def _tiled(values: Array) -> Array:
    return np.tile(values, (1,) * (values.ndim - 1) + (COPIES,))


def _all_tiled(state: State, **given: Any) -> State:
    """A state with all arrays copied but those that are given."""
    copied: dict[str, Any] = {
        name: _tiled(value)
        for name, value in vars(state).items()
        if isinstance(value, np.ndarray) and name not in given
    }
    return replace(state, **copied, **given)


def _drawn(life: Life, day: int, days: slice, is_forgotten: Array, rng: np.random.Generator) -> Outlook:
    """The days to come: what is planned as it is, all else by the rates of the world."""
    known, parameters = life.future, life.parameters
    factor, mean = _tiled(known.factor[days]), _tiled(known.mean)
    is_far = np.arange(len(life.depots.stock)) < life.places.distributor_dcs
    outage_rates = np.where(is_far, parameters.distributor_outage_rate, parameters.retailer_outage_rate)[:, None]

    def going_on(now: Array, rate: float | Array, mean_days: float) -> Array:
        return _going_on(now, rate, mean_days, len(factor), rng)

    redrawn: dict[str, Any] = {
        "is_stopped": going_on(_tiled(known.is_stopped[day]), outage_rates, parameters.dc_outage_days),
        "not_ordered": going_on(
            rng.random(mean.shape) < _tiled(is_forgotten), parameters.not_ordered_rate, parameters.not_ordered_days
        ),
        "neglected": going_on(_tiled(known.neglected[day]), parameters.shelf_gap_rate, parameters.shelf_gap_days),
        "delay_days": _delays(life, factor.shape, rng),
        "vanishes": rng.random(factor.shape) < parameters.phantom_rate,
        "is_misplaced": rng.random(factor.shape) < parameters.misplaced_share,
        "stolen": rng.poisson(parameters.theft_share * mean * factor).astype(float),
    }
    return replace(known, mean=mean, factor=factor, is_ranged=_tiled(known.is_ranged[days]), **redrawn)


def _going_on(now: Array, rate: float | Array, mean_days: float, days: int, rng: np.random.Generator) -> Array:
    """Whether something goes on, on each of the days to come: it ends as it began, by chance; as `episodes`."""
    found = np.empty((days, *now.shape), bool)
    for ahead in range(days):
        stays = now & (rng.random(now.shape) >= 1 / max(mean_days, 1.0))
        now = found[ahead] = stays | (rng.random(now.shape) < rate)
    return found


def _delays(life: Life, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Days by which shipments come late, most of them by none."""
    is_late = rng.random(shape) < life.parameters.not_delivered_rate
    return np.where(is_late, 1 + _more_days(life, shape, rng), 0)


def _more_days(life: Life, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """What is late takes so many days more, however long it is late by now."""
    return rng.geometric(1 / max(life.parameters.not_delivered_days - 1, 1), shape)


def _arrivals(life: Life, day: int, days: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """What is due and what comes on each of the days to come, of all that is on its way: what is not due may be late,
    what is missing comes some day. The last day stands for all after it."""
    stores, on_the_way = life.stores, life.parameters.lead_time_days - 1
    shape = (len(stores.shelf), stores.shelf.shape[1] * COPIES)
    due, coming = np.zeros((days, *shape)), np.zeros((days, *shape))
    store, item = np.indices(shape)

    def comes(on: Array, units: Array) -> None:
        np.add.at(coming, (np.minimum(on, days - 1), store, item), units)

    for ahead in range(on_the_way):
        due[ahead] = _tiled(stores.due[day + 1 + ahead])
        comes(ahead + _delays(life, shape, rng), due[ahead])
    # a delay is of two days or more
    missing_today = np.where(life.future.delay_days[day - on_the_way] > 0, stores.due[day], 0.0)
    comes(_more_days(life, shape, rng), _tiled(missing_today))
    comes(_more_days(life, shape, rng) - 1, _tiled(stores.missing - missing_today))
    return due, coming

"""What an outage at a distribution centre costs in customers, added up over the stores it serves (equation 12)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from include.stockwatch.domain.customers import Array, Assumptions, Loss, spell_loss

Index = npt.NDArray[np.int_]


class Rollup(NamedTuple):
    """Expected loss per outage. Units: stores, sellable units, money, people."""

    stores_out: Array
    lost_units: Array
    lost_margin: Array
    customers_lost: Array
    lost_lifetime_value: Array


def raised_store_scope(p_out: Array, market: Index) -> Array:
    """x_S of each store while an outage lasts: the share of the other stores of its market that will be out as well.

    Shapes: one element per store and item; `market` numbers the stores that shoppers choose between for one item.
            Stores that the centre does not serve belong here too, with 1 if they are out and 0 if not.
    Nulls:  0 for the only store of a market, as the model's default says
    """
    out = np.bincount(market, weights=p_out)[market] - p_out
    others = np.bincount(market)[market] - 1
    scope: Array = np.where(others > 0, out / np.maximum(others, 1), 0.0)
    return scope


def served_stores_loss(
    *,
    outage: Index,
    p_out: Array,
    exposure_days: Array,
    store_scope: Array,
    demand_a: Array,
    demand_b: Array,
    earlier_exposure_days: Array,
    price: Array,
    assumed: Assumptions,
) -> Rollup:
    """N(DC, item) = sum over served stores of P(store runs out before recovery) x N(store, item).

    Shapes: one element per served store and item; `outage` numbers the centre and item that each belongs to.
    Units:  `p_out` is the chance to be out before the centre recovers, `exposure_days` the days out if so,
            `store_scope` is x_S as raised by the same outage (`raised_store_scope`)
    Nulls:  a store without a demand estimate adds nothing to the sum: what is summed is a lower bound
    """
    loss = spell_loss(
        demand_a=demand_a,
        demand_b=demand_b,
        exposure_days=exposure_days,
        earlier_exposure_days=earlier_exposure_days,
        price=price,
        store_scope=store_scope,
        assumed=assumed,
    )

    def summed(figure: Array) -> Array:
        return np.asarray(np.bincount(outage, weights=p_out * np.nan_to_num(figure)), float)

    return Rollup(
        stores_out=summed(np.ones_like(p_out)),
        lost_units=summed(loss.lost_units),
        lost_margin=summed(loss.lost_margin),
        customers_lost=summed(loss.customers_lost),
        lost_lifetime_value=summed(loss.lost_lifetime_value),
    )


def unseen_stores_loss(
    *,
    demand_a: Any,
    demand_b: Any,
    outage_days: Any,
    store_cover_days: Any,
    coverage: Any,
    price: Any,
    assumed: Assumptions,
) -> Loss:
    """The same where the served stores report nothing: what the centre ships counts as one pool of shoppers.

    Units:  `demand_a`, `demand_b` are the posterior of units a day shipped by the centre; `store_cover_days` of stock
            in the stores delay what shoppers notice; `coverage` is the share of the alternative stores that depend on
            the same centre, and becomes x_S
    """
    noticed = np.maximum(np.asarray(outage_days, float) - np.asarray(store_cover_days, float), 0.0)
    return spell_loss(
        demand_a=demand_a,
        demand_b=demand_b,
        exposure_days=noticed,
        earlier_exposure_days=0.0,
        price=price,
        store_scope=np.asarray(coverage, float) * (noticed > 0),
        assumed=assumed,
    )

"""What the series that are out cost: units, money and customers, one element per series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from pydantic import Field

from include.stockwatch.domain.customers import Assumptions, Response, spell_loss
from include.stockwatch.domain.intervals import with_intervals
from include.stockwatch.domain.panel import Array, Codes
from include.stockwatch.domain.value import Value

INPUTS = (
    "demand_a",
    "demand_b",
    "spell_exposure_days",
    "earlier_exposure_days",
    "price",
    "store_scope",
    "item_scope",
    "margin_share",
    "purchase_cycle_days",
    "ahead_days",
)
OUTPUTS = (
    "lost_money",
    "at_risk_units",
    "at_risk_money",
    "shoppers_exposed",
    "customers_lost",
    "customers_at_risk",
    "lost_lifetime_value",
)


PUBLISHED = Assumptions()
SPREADING = (
    "response",
    "first_persistence",
    "loyal_share",
    "retention",
    "discount_rate",
    "value_per_customer",
    "priors",
)
"""Assumptions that the intervals depend on; those of the published averages are known."""
Label = TypeVar("Label")


class CategoryAssumptions(Value):
    """What a category has of its own; the rest is taken from the defaults."""

    response: Response | None = None
    purchase_cycle_days: float | None = Field(default=None, gt=0)
    units_per_purchase: float | None = Field(default=None, gt=0)
    loyal_share: float | None = Field(default=None, ge=0, le=1)
    margin_share: float | None = Field(default=None, ge=0, le=1)


class CustomerModel(Value):
    """`lost_customers.yaml`: the assumptions, and what is known better for some categories."""

    defaults: Assumptions = Assumptions()
    categories: Mapping[str, CategoryAssumptions] = {}

    def for_category(self, category: str | None) -> Assumptions:
        """The assumptions for one category; the intervals are computed for them, unless they are set."""
        own = self.categories.get(category or "")
        made = self.defaults.model_copy(update={key: value for key, value in own or () if value is not None})
        is_set = self.defaults.model_fields_set & {"customers_interval", "value_interval"}
        is_published = own is None and all(getattr(made, name) == getattr(PUBLISHED, name) for name in SPREADING)
        return made if is_set or is_published else with_intervals(made)


def losses(
    inputs: Mapping[str, Array], of: Codes, labels: Sequence[Label], assumed_for: Callable[[Label], Assumptions]
) -> dict[str, Array]:
    """Loss columns of the availability table for the series that are out, probably are, or may soon be.

    Shapes: every input and output has one element per series, in the same order; `of` is the place of each one's label:
            series with the same label have the same assumptions.
    Units:  `lost_*` is the spell so far; `*_at_risk` and `at_risk_*` are what `ahead_days` more days out would add: the
            horizon for a spell that goes on, the days expected to be short for a series that may run out.
    Nulls:  NaN where demand or price is not known: not estimated.
    """
    result = {name: np.full(len(of), np.nan) for name in OUTPUTS}
    for place, label in enumerate(labels):
        chosen, assumed = np.flatnonzero(of == place), assumed_for(label)
        a, b, days, earlier, price, stores, items, margin, cycle, ahead = (
            np.asarray(inputs[name], float)[chosen] for name in INPUTS
        )
        now, later = (
            spell_loss(
                demand_a=a,
                demand_b=b,
                exposure_days=days + more,
                earlier_exposure_days=earlier,
                price=price,
                store_scope=stores,
                item_scope=items,
                margin=price * np.where(np.isnan(margin), assumed.margin_share, margin),
                cycle_days=np.where(np.isnan(cycle), assumed.purchase_cycle_days, cycle),
                assumed=assumed,
            )
            for more in (0, ahead)
        )
        at_risk_units = later.unmet_units - now.unmet_units
        result["lost_money"][chosen] = now.unmet_units * price
        result["at_risk_units"][chosen] = at_risk_units
        result["at_risk_money"][chosen] = at_risk_units * price
        result["shoppers_exposed"][chosen] = later.shoppers_exposed
        result["customers_lost"][chosen] = now.customers_lost
        result["customers_at_risk"][chosen] = later.customers_lost - now.customers_lost
        result["lost_lifetime_value"][chosen] = now.lost_lifetime_value
    return result

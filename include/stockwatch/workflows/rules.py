"""What a check goes by: the settings, and the master data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.stockwatch.domain.availability import CheckSettings
from include.stockwatch.domain.causes import ScopeSettings
from include.stockwatch.domain.customer_signals import Measure
from include.stockwatch.domain.customers import Assumptions
from include.stockwatch.domain.intervals import with_intervals
from include.stockwatch.domain.losses import CustomerModel
from include.stockwatch.domain.loyalty import Figure, in_force, measured
from include.stockwatch.domain.signals import Heard
from include.stockwatch.domain.supply import SupplySettings
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.domain.value import Value

if TYPE_CHECKING:
    import ibis.expr.types as ir

Label = tuple[str, str | None, str | None, str | None]
"""Partner, category, brand and currency: what assumptions of the lost-customer model may differ by."""


class Rules(Value):
    """What a check goes by."""

    thresholds: Thresholds
    check: CheckSettings = CheckSettings()
    supply: SupplySettings = SupplySettings()
    scope: ScopeSettings = ScopeSettings()
    customers: CustomerModel = CustomerModel()
    loyalty: tuple[Figure, ...] = ()
    promise_strength: Mapping[str, float] = {}

    def measured_by(self, on: dt.date) -> dt.date:
        """The latest day, up to a date, from which a loyalty figure counts: until the next all is assumed alike."""
        return max((one.valid_from for one in self.loyalty if one.valid_from <= on), default=dt.date.min)

    def assumed(self, label: Label, on: dt.date) -> Assumptions:
        """The assumptions for items of a partner, category, brand and currency: as set, or as measured by a date."""
        _, category, brand, _ = label
        as_set = self.customers.for_category(category)
        known = measured(as_set, self.in_force(label, on), self.promise_strength.get(brand or ""))
        return as_set if known is as_set else with_intervals(known)

    def in_force(self, label: Label, on: dt.date) -> dict[Measure, Figure]:
        """What was measured of the customers of such items by a date."""
        partner, category, brand, currency = label
        return in_force(self.loyalty, on, partner=partner, category=category, brand=brand, currency=currency)


@dataclass(frozen=True)
class MasterData:
    """Master data as they speak for each partner (`master.per_partner`): empty tables where there never were any.

    `listed` is what assortments range on the dates (`master.ranged_on`), with names; none where there never was a list.
    `heard` is what customers could not find; none where no complaint was ever loaded.
    """

    items: ir.Table
    locations: ir.Table
    supply_links: ir.Table
    assortment: ir.Table
    listed: ir.Table | None = None
    heard: Heard | None = None

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
from include.stockwatch.domain.loyalty import Figure, in_force, measured, without_outdated
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
    loyalty_days: int = 365
    promise_strength: Mapping[str, float] = {}

    def measured_by(self, on: dt.date) -> dt.date:
        """The latest day, up to a date, from which a loyalty figure counts, or no longer counts: until the next all is
        assumed alike."""
        lasts = dt.timedelta(days=self.loyalty_days + 1)
        days = (day for one in self.loyalty for day in (one.valid_from, one.valid_from + lasts))
        return max((day for day in days if day <= on), default=dt.date.min)

    def assumed(self, label: Label, on: dt.date) -> Assumptions:
        """The assumptions for items of a partner, category, brand and currency: as set, or as measured by a date."""
        _, category, brand, _ = label
        as_set = self.customers.for_category(category)
        known = measured(as_set, self.in_force(label, on), self.promise_strength.get(brand or ""))
        return without_outdated(as_set if known is as_set else with_intervals(known), self.outdated(label, on))

    def in_force(self, label: Label, on: dt.date) -> dict[Measure, Figure]:
        """What was measured of the customers of such items in the `loyalty_days` up to a date."""
        return self._measured(label, on, self.loyalty_days)

    def outdated(self, label: Label, on: dt.date) -> dict[Measure, Figure]:
        """What was measured before, of measures that nothing newer is known of."""
        known = self.in_force(label, on)
        return {measure: one for measure, one in self._measured(label, on).items() if measure not in known}

    def _measured(self, label: Label, on: dt.date, max_age_days: int | None = None) -> dict[Measure, Figure]:
        partner, category, brand, currency = label
        return in_force(
            self.loyalty,
            on,
            partner=partner,
            category=category,
            brand=brand,
            currency=currency,
            max_age_days=max_age_days,
        )


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

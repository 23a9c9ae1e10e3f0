"""What a simulated world is made of: its size, its demand, its supply chain and what goes wrong in it.

Rates are per series and day unless they say otherwise; "days" of something that goes wrong are its mean length.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from include.stockwatch.simulation.habits import Habits


@dataclass(frozen=True)
class Parameters:
    """One world. Every value has a default: `Parameters()` is the plain world."""

    partners: int = 3  # retailers; every second one is served by the distributor directly, the others own DCs
    stores: int = 30  # of all partners together
    dcs_per_partner: int = 2
    distributor_dcs: int = 2
    items: int = 20  # successors of items that end come on top
    brands: int = 2
    categories: int = 3
    ranged_share: float = 0.95  # of items that a store lists
    days: int = 120
    first_date: dt.date = dt.date(2026, 1, 5)
    warm_up_days: int = 56  # simulated before the first date, not told

    demand: Literal["counts", "shoppers"] = "counts"
    demand_range: tuple[float, float] = (0.3, 6.0)  # units a day of a series
    dispersion: float = 1.3  # variance / mean of a day's demand; 1 is Poisson
    weekday_profile: tuple[float, ...] = (0.85, 0.85, 0.9, 0.95, 1.15, 1.25, 1.05)  # Monday to Sunday, mean 1
    promotion_share: float = 0.05  # of partner-item-days
    promotion_days: int = 7
    promotion_uplift: float = 2.0  # demand against an ordinary day
    promotion_discount: float = 0.2
    promotion_foresight: float = 0.8  # share of the uplift that orders allow for

    order_interval_days: tuple[int, int] = (2, 4)  # between two orders of a store
    lead_time_days: int = 2  # order to receipt at a store, at least 1
    cover_days: float = 4.0  # an order is this large, or one pack
    safety: float = 2.6  # standard deviations of demand until the next chance
    packs: tuple[int, ...] = (4, 6, 12)
    dc_lead_time_days: int = 3
    dc_cover_days: float = 5.0

    distributor_outage_rate: float = 0.005  # per DC, item and day: nothing comes in any more
    retailer_outage_rate: float = 0.004
    dc_outage_days: float = 12.0
    not_ordered_rate: float = 0.007  # nobody orders for a while
    not_ordered_days: float = 10.0
    not_delivered_rate: float = 0.035  # per order line: it comes late
    not_delivered_days: float = 7.0
    shelf_gap_rate: float = 0.0035  # the shelf is not filled from the backroom for a while
    shelf_gap_days: float = 4.0

    phantom_rate: float = 0.0006  # all stock of a series is stolen or misplaced, the record stays
    misplaced_share: float = 0.4  # of such events; a count finds misplaced stock again
    theft_share: float = 0.001  # of demand, a unit at a time
    recount_days: float = 8.0  # until somebody looks at an empty shelf that has a record, and corrects it
    count_interval_days: float = 120.0  # between two counts of a series for no reason
    record_error_share: float = 0.04  # of records that are wrong at any time for other reasons
    record_error_units: float = 2.0

    discontinued_share: float = 0.05  # of items that end within the world and have a successor
    price_breach_rate: float = 0.0004  # per partner, item and day: a price outside the promise
    price_breach_days: float = 6.0
    price_breach: float = 0.25  # above the list price
    complaint_rate: float = 0.02  # per unit that was wanted and not there
    other_complaint_rate: float = 0.0004  # per unit sold
    habits: Habits = field(default_factory=Habits)  # of `demand: shoppers`; the cycle is that of the category

    def __post_init__(self) -> None:
        limits = {
            "partners": (1, 6),
            "brands": (1, 6),
            "categories": (1, 6),
            "items": (1, 5000),
            "days": (1, 3650),
            "lead_time_days": (1, 60),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"`{name}` is {getattr(self, name)}; it goes from {least} to {most}")
        if self.stores < self.partners:
            raise ValueError(f"{self.stores} stores are too few for {self.partners} partners")
        if not (self.dcs_per_partner or self.distributor_dcs):
            raise ValueError("without `dcs_per_partner` or `distributor_dcs` nothing reaches a store")

    def with_(self, **changes: object) -> Parameters:
        """The same world but for some values."""
        return replace(self, **changes)  # type: ignore[arg-type]


PLAIN = Parameters()
WORLDS: Mapping[str, Parameters] = {
    "plain": PLAIN,
    "promoted": PLAIN.with_(promotion_share=0.2, promotion_uplift=3.0, promotion_foresight=0.5, dispersion=1.6),
    "noisy_records": PLAIN.with_(record_error_share=0.6, record_error_units=2.5),
    "slow_movers": PLAIN.with_(demand_range=(0.1, 0.8), dispersion=1.1, not_ordered_rate=0.012, days=180),
    "fast_movers": PLAIN.with_(demand_range=(3.0, 12.0), dispersion=2.0, packs=(12, 24)),
    "dc_outages": PLAIN.with_(distributor_outage_rate=0.01, retailer_outage_rate=0.008, dc_outage_days=15.0),
    "sparse_receipts": PLAIN.with_(order_interval_days=(7, 10), lead_time_days=4, cover_days=8.0),
    "daily_receipts": PLAIN.with_(order_interval_days=(1, 1), lead_time_days=1, cover_days=2.0, packs=(2, 4)),
    "phantoms": PLAIN.with_(phantom_rate=0.0018, recount_days=12.0, theft_share=0.004),
    "few_phantoms": PLAIN.with_(phantom_rate=0.0002, recount_days=6.0, shelf_gap_rate=0.0015, theft_share=0.0005),
    "flat_week": PLAIN.with_(weekday_profile=(1.0,) * 7, promotion_share=0.0, dispersion=1.0),
    "steep_week": PLAIN.with_(weekday_profile=(0.6, 0.6, 0.7, 0.8, 1.3, 1.8, 1.2)),
    "small": PLAIN.with_(stores=10, items=8, days=70),
}
"""Worlds by name."""

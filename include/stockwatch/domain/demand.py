"""Demand of every series: weekday, promotion, over-dispersion, and what an item's other locations teach.

What is common to many series (profiles, factors, dispersion) is learned from the days of some locations, the
`history`; what is a series' own comes out of its position. A mask of the newest days on sale, one bit a day, tells
afterwards which weekdays a position consists of, without a second look at its rows.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF, series_hash
from include.stockwatch.domain.steps import step
from include.stockwatch.domain.sums import exact_sum

POOL = (AS_OF, "feed_id", "category")
MASK_DAYS = 56
"""Days that a mask holds, eight whole weeks; bit 0 is the checked date."""
HISTORY_SERIES = 3000
"""Series of a feed from which the common figures are learned, about."""
PROMOTED_BELOW = 0.95
"""A price at or below this share of the series' usual price is a promotion."""
PROFILE_UNITS = 100.0
"""Units sold per weekday that the wider pool's profile counts as, beside a category's own."""
PROFILE_AT_LEAST = 50.0
"""Units per weekday below which a feed has no profile: every day is alike."""
PROMOTION_UNITS = 20.0
DISPERSION_UNITS = 30.0
POOLED_LOCATIONS = 8
"""Locations that an item needs at a feed before they borrow from one another."""
BANDS = (-4, 4)
"""Bands of velocity, powers of two of units a day."""
WEEK = range(7)


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def bit_count(mask: int) -> int:  # type: ignore[empty-body]
    """How many bits are set (DuckDB and Spark both have it)."""


def of_age(residue: int) -> int:
    """The bits of a mask whose age has this rest by seven: one weekday."""
    return sum(1 << age for age in range(residue, MASK_DAYS, 7))


def newest(days: ir.IntegerValue) -> ir.IntegerValue:
    """A mask of the newest days."""
    kept = ibis.greatest(ibis.least(days.cast("int64"), MASK_DAYS), 0)
    return (ibis.literal(1, "int64") << kept) - 1


def bit_of(age_days: ir.IntegerValue) -> ir.IntegerValue:
    """The bit of a day in a mask; a day too old for the mask has none."""
    bit = (ibis.literal(1, "int64") << age_days.clip(upper=MASK_DAYS - 1)).cast("int64")
    return (age_days < MASK_DAYS).ifelse(bit, ibis.literal(0, "int64"))


def weekday_sum(mask: ir.IntegerValue, factors: list[ir.FloatingValue]) -> ir.FloatingValue:
    """Days of a mask, each counted with the factor of its weekday; `factors` by age modulo seven."""
    return _total(bit_count(mask & of_age(rest)).cast("float64") * factors[rest] for rest in WEEK)


def _total(values: Any) -> Any:
    return reduce(add, values)


def velocity_band(rate: ir.FloatingValue) -> ir.IntegerValue:
    """The power of two at or below a rate of units a day, within `BANDS`."""
    return rate.clip(lower=2.0 ** BANDS[0], upper=2.0 ** BANDS[1]).log2().floor().cast("int64")


def sample(rows: ir.Table, position: ir.Table) -> ir.Table:
    """All days of every so many-th location of each feed.

    Grain:  rows (as_of, feed_id, series, business_date) as `availability.marked`, position (as_of, feed_id, series)
            -> as rows, of some locations
    """
    places = position.group_by(AS_OF, "feed_id", "location_id").agg(series=position.count())
    feed = ibis.window(group_by=(AS_OF, "feed_id"))
    stride = ibis.greatest((places.series.sum().over(feed) / HISTORY_SERIES).floor(), 1).cast("int64")
    number = ibis.row_number().over(ibis.window(group_by=(AS_OF, "feed_id"), order_by="location_id"))
    chosen = places.mutate(is_chosen=number % stride == 0).filter(ibis._.is_chosen)
    columns = ["business_date", "age_days", "on_hand_units", "sold", "on_sale", "price", "received_units", "category"]
    days = rows.semi_join(chosen, [AS_OF, "feed_id", "location_id"])
    return days.select(AS_OF, "feed_id", *SERIES, *columns)


def history(days: ir.Table) -> ir.Table:
    """Days with usual price and rate of their series, and whether they teach its demand.

    Grain:  (as_of, feed_id, series, business_date), as `sample` -> the same
    Units:  base_rate is units a day on sale without promotion, up to the last sale; evidence_days what it rests on
    """
    key = [AS_OF, "feed_id", *SERIES]
    told = days.group_by(*key).agg(
        usual_price=days.price.median(),
        series_category=days.category.argmax(days.business_date, where=days.category.notnull()).fill_null(""),
        last_sale_age=days.age_days.min(where=days.sold > 0),
    )
    days = days.join(told, key).drop("category").rename(category="series_category")
    days = days.mutate(
        is_promoted=(days.price <= PROMOTED_BELOW * days.usual_price).fill_null(False),
        is_evidence=(days.on_sale == 1) & (days.age_days >= days.last_sale_age).fill_null(False),
        rest=days.age_days % 7,
    )
    days = step(days)
    plain = days.is_evidence & ~days.is_promoted
    rates = days.group_by(*key).agg(evidence_days=plain.sum(), plain_units=exact_sum(days.sold, where=plain))
    rates = rates.mutate(base_rate=rates.plain_units.fill_null(0.0) / rates.evidence_days.nullif(0))
    return step(days.join(rates, key))


def weekday_factors(days: ir.Table, position: ir.Table) -> ir.Table:
    """How much more or less each weekday sells than the mean day, by feed and category.

    A category's profile is drawn to its feed's, and that to a flat one, the more the less they have sold; a
    feed that sold little has none.
    Grain:  days as `history` -> (as_of, feed_id, category of position, rest); rest is the age modulo seven
    """
    plain = days.filter(days.is_evidence & ~days.is_promoted)
    sold = plain.group_by(*POOL, "rest").agg(units=exact_sum(plain.sold), expected=exact_sum(plain.base_rate))
    pools = position.select(AS_OF, "feed_id", category=position.category.fill_null("")).distinct()
    week = ibis.memtable({"rest": list(WEEK)}, schema=ibis.schema({"rest": "int64"}))
    grid = pools.cross_join(week)
    told = grid.left_join(sold, [*POOL, "rest"], rname="{name}_sold").select(
        *grid.columns, units=ibis._.units.fill_null(0.0), expected=ibis._.expected.fill_null(0.0)
    )
    of_day, of_feed = ibis.window(group_by=(AS_OF, "feed_id", "rest")), ibis.window(group_by=(AS_OF, "feed_id"))
    told = step(told)
    told = told.mutate(all_units=told.units.sum().over(of_day), all_expected=told.expected.sum().over(of_day))
    told = step(told)
    told = told.mutate(
        feed_factor=(told.all_units + PROFILE_UNITS) / (told.all_expected + PROFILE_UNITS),
        least=told.all_expected.min().over(of_feed),
    )
    told = step(told)
    told = told.mutate(factor=(told.units + PROFILE_UNITS * told.feed_factor) / (told.expected + PROFILE_UNITS))
    told = step(told)
    level = told.factor.mean().over(ibis.window(group_by=POOL))
    flat = told.least < PROFILE_AT_LEAST
    return step(told.select(*POOL, "rest", factor=flat.ifelse(1.0, told.factor / level)))


def promotion_factors(days: ir.Table) -> ir.Table:
    """How many times the usual a promoted day sells, by feed and category; drawn to the feed's, and that to 1.

    Grain:  days as `history` with weekday_factor -> (as_of, feed_id, category), pools with a promotion only
    """
    promoted = days.filter(days.is_promoted & days.is_evidence)
    sold = promoted.group_by(*POOL).agg(
        units=exact_sum(promoted.sold),
        expected=exact_sum(promoted.base_rate * promoted.weekday_factor).fill_null(0.0),
    )
    feed = ibis.window(group_by=(AS_OF, "feed_id"))
    sold = sold.mutate(all_units=sold.units.sum().over(feed), all_expected=sold.expected.sum().over(feed))
    of_feed = (sold.all_units + PROMOTION_UNITS) / (sold.all_expected + PROMOTION_UNITS)
    own = (sold.units + PROMOTION_UNITS * of_feed) / (sold.expected + PROMOTION_UNITS)
    return sold.select(*POOL, promotion_factor=own)


def with_expected(days: ir.Table, weekdays: ir.Table, promotions: ir.Table) -> ir.Table:
    """History with what each day was expected to sell."""
    days = weekdayed(days, weekdays)
    days = days.left_join(promotions, list(POOL), rname="{name}_promoted").drop([f"{name}_promoted" for name in POOL])
    lift = days.is_promoted.ifelse(days.promotion_factor.fill_null(1.0), 1.0)
    days = days.mutate(expected_units=days.base_rate * days.weekday_factor * lift)
    return step(days.drop("promotion_factor"))


def weekdayed(days: ir.Table, weekdays: ir.Table) -> ir.Table:
    """History with the factor of each day's weekday."""
    joined = days.left_join(weekdays, [*POOL, "rest"], rname="{name}_of_week")
    return joined.select(*days.columns, weekday_factor=joined.factor.fill_null(1.0))


def dispersions(days: ir.Table) -> ir.Table:
    """Variance of a day's demand over its mean, by velocity; drawn to the feed's, and that to 1 (Poisson).

    Grain:  days as `with_expected` -> (as_of, feed_id, velocity_band)
    """
    used = days.filter(days.is_evidence & (days.evidence_days > 1) & (days.expected_units > 0))
    spread = (used.sold - used.expected_units) ** 2 * used.evidence_days / (used.evidence_days - 1)
    used = used.mutate(velocity_band=velocity_band(used.base_rate), spread=spread)
    sums = used.group_by(AS_OF, "feed_id", "velocity_band").agg(
        spread=exact_sum(used.spread), units=exact_sum(used.expected_units)
    )
    feeds = sums.group_by(AS_OF, "feed_id").agg(all_spread=sums.spread.sum(), all_units=sums.units.sum())
    bands = ibis.memtable(
        {"velocity_band": list(range(BANDS[0], BANDS[1] + 1))}, schema=ibis.schema({"velocity_band": "int64"})
    )
    told = feeds.cross_join(bands)
    told = told.left_join(sums, [AS_OF, "feed_id", "velocity_band"], rname="{name}_own").select(
        *told.columns, spread=ibis._.spread.fill_null(0.0), units=ibis._.units.fill_null(0.0)
    )
    of_feed = (told.all_spread + DISPERSION_UNITS) / (told.all_units + DISPERSION_UNITS)
    own = (told.spread + DISPERSION_UNITS * of_feed) / (told.units + DISPERSION_UNITS)
    return told.select(AS_OF, "feed_id", "velocity_band", dispersion=own.clip(lower=0.5, upper=20.0))


def promoted_days(rows: ir.Table, position: ir.Table, promotions: ir.Table) -> ir.Table:
    """What the promoted days of series in pools with promotions sold, and which days they are.

    Only the days of series whose prices lie far enough apart are read.
    Grain:  rows as `availability.marked`, position as `availability.positions`, promotions as `promotion_factors`
            -> (as_of, feed_id, series)
    """
    key = [AS_OF, "feed_id", *SERIES]
    varied = position.filter(position.least_price <= PROMOTED_BELOW * position.greatest_price)
    varied = varied.semi_join(promotions, [AS_OF, "feed_id"])
    varied = varied.select(*key, number=series_hash(varied))
    days = rows.filter(rows.price.notnull()).inner_join(varied, key)
    days = step(days.select("number", "price", "age_days", exposure=days.weight * days.on_sale))
    usual = days.group_by("number").agg(usual=days.price.median())
    joined = days.join(usual, "number")
    on = joined.filter(joined.price <= PROMOTED_BELOW * joined.usual)
    found = on.group_by("number").agg(
        promotion_mask=bit_of(on.age_days).bit_or().fill_null(0),
        promotion_exposure=exact_sum(on.exposure).fill_null(0.0),
    )
    return found.inner_join(varied, "number").drop("number")


def profiles(weekdays: ir.Table, promotions: ir.Table) -> ir.Table:
    """Weekday factors of each pool side by side, and its promotion factor.

    Grain:  -> (as_of, feed_id, category); factors is an array by age modulo seven
    """
    found = weekdays.group_by(*POOL).agg(
        factors=ibis.array([weekdays.factor.max(where=weekdays.rest == rest) for rest in WEEK])
    )
    joined = found.left_join(promotions, list(POOL), rname="{name}_promoted")
    return joined.select(*found.columns, promotion_factor=joined.promotion_factor.fill_null(1.0))


def with_profile(table: ir.Table, profile: ir.Table, promoted: ir.Table) -> ir.Table:
    """Positions with the factors of their pool and what they sold on promoted days."""
    profile = profile.rename(pool="category")
    joined = table.left_join(profile, [AS_OF, "feed_id", "pool"], rname="{name}_of_pool")
    joined = joined.left_join(promoted, [AS_OF, "feed_id", *SERIES], rname="{name}_promoted")
    return step(
        joined.select(
            *table.columns,
            factors=joined.factors.fill_null(ibis.array([1.0] * 7)),
            promotion_factor=joined.promotion_factor.fill_null(1.0),
            promotion_mask=joined.promotion_mask.fill_null(0),
            promotion_exposure=joined.promotion_exposure.fill_null(0.0),
        )
    )


def noise(check: Any) -> float:
    """Variance of a decayed mean against that of a plain one of the same weight; 1 without forgetting."""
    kept = check.forgetting
    return 1.0 if kept == 1 else float((1 + kept**check.lookback_days) / (1 + kept))


def decayed_days(days: ir.NumericValue, forgetting: float) -> ir.FloatingValue:
    """Weight of so many whole days, the newest counting 1."""
    if forgetting == 1:
        return days.cast("float64")
    return (1 - ibis.literal(forgetting) ** days) / (1 - forgetting)


def expected_days(table: ir.Table, mask: ir.IntegerValue) -> ir.FloatingValue:
    """Days of a mask as ordinary days of a mean weekday: each with its weekday and its promotion."""
    weekdays = [table.factors[rest] for rest in WEEK]
    promoted = weekday_sum(mask & table.promotion_mask, weekdays)
    return weekday_sum(mask, weekdays) + (table.promotion_factor - 1) * promoted


def days_since(table: ir.Table, date: ir.DateValue) -> ir.IntegerValue:
    """Days from a date to the checked one; null where the date is not known."""
    return table.as_of.delta(date, unit="day")


def with_evidence(table: ir.Table, check: Any, dispersions: ir.Table) -> ir.Table:
    """What a series' own days say: up to the last sale (frozen), and with the silent days since (own).

    Units:  *_a in units, *_b in days of a mean weekday without promotion, the newest day that counts weighing 1;
            silent_sum is what the silent days add to b
    """
    kept = ibis.literal(check.forgetting)
    scale = check.forgetting ** (check.lookback_days - 1)
    since = days_since(table, table.last_sale_date).fill_null(0)
    table = step(table.mutate(since=since, silent_mask=table.sale_mask & newest(since)))
    earlier = table.sale_mask - table.silent_mask
    weights = [check.forgetting**rest for rest in WEEK]
    weighted = weekday_sum(earlier, [table.factors[rest] * weights[rest] for rest in WEEK])
    table = table.mutate(
        unsold_days=bit_count(table.silent_mask).cast("float64"),
        unsold_expected=expected_days(table, table.silent_mask),
        mean_factor=(weighted / weekday_sum(earlier, weights).nullif(0.0)).fill_null(1.0),
    )
    table = step(table.drop("silent_mask"))
    # a run with gaps: its days on sale are taken to lie evenly in it
    run_weight = decayed_days(table.since, check.forgetting) * table.unsold_days / table.since.nullif(0)
    before = ibis.greatest(table.exposure_weighted.fill_null(0.0) * scale - run_weight.fill_null(0.0), 0.0)
    lift = (table.promotion_factor - 1) * table.promotion_exposure * scale
    regained = kept ** (-table.since)
    run_factor = (table.unsold_expected / table.unsold_days.nullif(0.0)).fill_null(1.0)
    table = table.mutate(
        frozen_a=table.sold_weighted.fill_null(0.0) * scale * regained,
        frozen_b=(before * table.mean_factor + lift) * regained,
        silent_sum=decayed_days(table.unsold_days, check.forgetting) * run_factor,
        faded=kept**table.unsold_days,
    )
    spent = ("since", "unsold_expected", "mean_factor", "exposure_weighted", "sold_weighted", "promotion_exposure")
    table = step(table.drop(*spent))
    table = table.mutate(own_a=table.frozen_a * table.faded, own_b=table.frozen_b * table.faded + table.silent_sum)
    table = step(table.drop("faded"))
    rate = (table.own_b > 0).ifelse(table.own_a / table.own_b, 0.0)
    table = step(table.mutate(velocity_band=velocity_band(rate)))
    joined = table.left_join(dispersions, [AS_OF, "feed_id", "velocity_band"], rname="{name}_of_band")
    known = [name for name in table.columns if name != "velocity_band"]
    return step(joined.select(*known, dispersion=joined.dispersion.fill_null(1.0)))


def with_item_prior(table: ir.Table, noise: float) -> ir.Table:
    """Rates drawn to what the item sells at the feed's other locations, the more the less they rest on.

    Grain:  table (as_of, feed_id, series) with own_a, own_b (all days) and dispersion -> the same with prior_a, prior_b
    Units:  noise is the variance of a decayed mean against that of a plain one of the same weight
    Source: Gamma prior of an item by moments (between-location variance as DerSimonian and Laird have it)
    """
    known = table.own_b > 0
    pool = (
        table.filter(known)
        .group_by(AS_OF, "feed_id", "item_id")
        .agg(
            locations=ibis._.count(),
            pool_a=exact_sum(ibis._.own_a),
            pool_b=exact_sum(ibis._.own_b),
            squares=exact_sum(ibis._.own_a**2 / ibis._.own_b),
            weights=exact_sum(ibis._.own_b**2),
            scatter=exact_sum(ibis._.dispersion),
        )
    )
    mean = pool.pool_a / pool.pool_b
    spread = pool.squares - mean**2 * pool.pool_b
    by_chance = (pool.locations - 1) / pool.locations * pool.scatter * noise * mean
    between = (spread - by_chance) / (pool.pool_b - pool.weights / pool.pool_b).nullif(0.0)
    least = (0.2 * mean) ** 2
    prior_days = (mean / ibis.greatest(between, least).nullif(0.0)).clip(upper=200.0)
    pool = pool.mutate(mean=mean, prior_days=prior_days).filter(
        (pool.locations >= POOLED_LOCATIONS) & (ibis._.mean > 0)
    )
    joined = table.left_join(
        pool.select(AS_OF, "feed_id", "item_id", "mean", "prior_days"),
        [AS_OF, "feed_id", "item_id"],
        rname="{name}_of_item",
    )
    days = (joined.prior_days * joined.dispersion * noise).fill_null(0.0)
    known = [name for name in table.columns if name not in ("own_a", "own_b")]
    return step(joined.select(*known, prior_a=days * joined.mean.fill_null(0.0), prior_b=days))


def with_rate(table: ir.Table, check: Any) -> ir.Table:
    """The demand as it is reported: silent days count as far as the shelf probably had stock."""
    stocked = 1 - table.p_empty
    faded = ibis.literal(check.forgetting) ** (stocked * table.unsold_days)
    table = table.mutate(
        demand_a=(table.frozen_a * faded + table.prior_a).fill_null(0.0),
        demand_b=(table.frozen_b * faded + stocked * table.silent_sum + table.prior_b).fill_null(0.0),
        factor_today=expected_days(table, ibis.literal(1, "int64")),
    )
    table = step(table.drop("frozen_a", "frozen_b", "prior_a", "prior_b", "unsold_days", "silent_sum"))
    rate = (table.demand_b > 0).ifelse(table.demand_a / table.demand_b, ibis.null("float64"))
    table = step(table.mutate(demand_units_per_day=rate))
    return step(table.mutate(expected_units_today=table.demand_units_per_day * table.factor_today))

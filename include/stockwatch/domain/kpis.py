"""Availability figures per partner, category and kind of location."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.availability import EMPTY, Status
from include.stockwatch.domain.causes import Cause
from include.stockwatch.domain.columns import KPIS
from include.stockwatch.domain.sums import exact_sum

STORE = "store"


def kpis(availability: ir.Table) -> ir.Table:
    """KPIs of each date per partner and category, per partner, and in all; '' stands for all.

    Stores and DCs are apart at every level: what a shopper finds is one thing, how well a DC is filled another.
    Grain:  (business_date, partner, location_id, item_id) -> (business_date, partner, category, location_type)
    Units:  rates are shares 0..1 of ranged series with a known status; coverage is the known share of ranged series;
            in_stock_rate believes the records, osa_estimate takes off every series' probability of being phantom;
            what leaves the range by plan, and what nothing was due of, counts nowhere
    Nulls:  unknown series leave every rate; a rate of no series is null; money over several currencies is null;
            lost units and money are those of the days that the date's reports stand for, customers those of the spells
            going on, so they do not add up over dates; what is silent counts with its probability of being empty, as
            in osa_estimate, suspected or not; each is 0 where nothing is empty and null where it could not be estimated
    """
    was_due = availability.cause.fill_null("") != Cause.NOT_DUE.value
    counted = availability.filter((availability.status != Status.PLANNED.value) & was_due)
    table = counted.mutate(
        category=counted.category.fill_null(""), location_type=counted.location_type.fill_null(STORE)
    )
    everyone, everything = ibis.literal(""), ibis.literal("")
    levels = [table, table.mutate(category=everything), table.mutate(partner=everyone, category=everything)]
    # A feed without categories has '' at the first level already: count it once.
    levels[0] = levels[0].filter(levels[0].category != "")
    return ibis.union(*(_figures(level) for level in levels)).select(KPIS.names).cast(KPIS)


def headline(kpis: ir.Table) -> ir.Table:
    """The KPIs that a partner is known by: those of its stores; of its DCs where no date of the table has both.

    What is listed before a feed ever told of its partner counts as of stores: such dates hide no DC.
    Grain:  (business_date, partner, category, location_type) -> (business_date, partner, category)
    Nulls:  rows without a location_type, of dates that were checked before it was told, are kept
    """
    is_dc = (kpis.location_type == "dc").fill_null(False)
    of_dcs, of_stores = kpis.filter(is_dc), kpis.filter(kpis.location_type == STORE)
    with_both = of_stores.semi_join(of_dcs, ["business_date", "partner"]).select("partner").distinct()
    return ibis.union(kpis.filter(~is_dc), of_dcs.anti_join(with_both, "partner"))


def _figures(table: ir.Table) -> ir.Table:
    def count(status: Status) -> ir.IntegerScalar:
        return (table.status == status.value).sum()

    expected = table.demand_units_per_day
    is_known = table.status != Status.UNKNOWN.value
    is_out, is_empty = table.status == Status.OUT_OF_STOCK.value, table.status.isin(EMPTY)
    figures = table.group_by("business_date", "partner", "category", "location_type").agg(
        ranged=table.count(),
        known=is_known.sum(),
        in_stock=count(Status.IN_STOCK),
        out_of_stock=count(Status.OUT_OF_STOCK),
        phantom_suspected=count(Status.PHANTOM_SUSPECTED),
        at_risk=count(Status.AT_RISK),
        void=count(Status.VOID),
        coverage=is_known.mean(),
        in_stock_rate=(~is_out).mean(where=is_known),
        osa_sum=exact_sum(is_out.ifelse(0.0, 1 - table.p_phantom.fill_null(0.0)), where=is_known),
        oos_rate=is_out.mean(where=is_known),
        oos_rate_sales_weighted=exact_sum(expected, where=is_out & is_known).fill_null(0.0)
        / exact_sum(expected, where=is_known).nullif(0.0),
        supply_units=exact_sum(ibis.greatest(table.on_hand_units, 0.0), where=is_known & expected.notnull()),
        demand_units=exact_sum(expected, where=is_known),
        mean_spell_days=table.spell_days.mean(where=is_out),
        longest_spell_days=table.spell_days.max(where=is_out),
        lost_units=_loss(table.lost_units_today, is_empty, is_known),
        lost_money_sum=_loss(table.lost_units_today * table.price, is_empty, is_known),
        currencies=table.currency.nunique(),
        currency=table.currency.max(),
        customers_lost=_loss(table.customers_lost, is_empty, is_known),
    )
    one_currency = figures.currencies == 1
    return figures.mutate(
        lost_money=one_currency.ifelse(figures.lost_money_sum, ibis.null("float64")),
        currency=one_currency.ifelse(figures.currency, ibis.null("string")),
        osa_estimate=figures.osa_sum / figures.known.nullif(0),
        days_of_supply=figures.supply_units / figures.demand_units.nullif(0.0),
    )


def _loss(figure: ir.FloatingColumn, is_empty: ir.BooleanColumn, is_known: ir.BooleanColumn) -> ir.FloatingScalar:
    """Sum over what is known, whose figures have the probability of being empty in them: 0 where nothing is, null where
    nothing is known or no loss of what is out or suspected empty could be estimated.
    """
    nothing_empty = is_known.any() & ~(is_empty.any())
    is_told = nothing_empty | figure.notnull().any(where=is_empty)
    return is_told.ifelse(exact_sum(figure, where=is_known).fill_null(0.0), ibis.null("float64"))

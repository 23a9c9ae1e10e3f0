"""The tables: every column name, its type and its unit. Units are sellable units, money is in `currency`."""

from __future__ import annotations

import ibis

SERIES = ("partner", "location_id", "item_id")
"""What a series is: one item at one location of one partner."""

OBSERVATIONS = ibis.schema(
    {
        "feed_id": "string",
        "business_date": "date",  # the store's own day
        "partner": "string",
        "location_id": "string",
        "item_id": "string",
        "location_name": "string",
        "item_name": "string",
        "category": "string",
        "on_hand_units": "float64",  # at the close of business_date; null = not reported
        "units_sold": "float64",  # during business_date; null = not reported
        "on_order_units": "float64",
        "in_transit_units": "float64",
        "received_units": "float64",
        "returned_units": "float64",
        "flow_days": "int64",  # days that sold, received and returned units cover, business_date the last; null = 1
        "price": "float64",  # shelf price of one unit
        "currency": "string",
        "delivery_id": "string",  # sha256 of the file
        "source_file": "string",
        "line": "int64",  # line (EDI: segment) in source_file that it begins on
        "received_at": "timestamp('UTC')",
    }
)
"""Grain: (feed_id, business_date, partner, location_id, item_id)."""

REJECTS = ibis.schema(
    {
        "feed_id": "string",
        "delivery_id": "string",
        "source_file": "string",
        "line": "int64",
        "code": "string",
        "field": "string",
        "value": "string",
        "reason": "string",
        "fix": "string",
        "raw": "string",  # the row as it came, as a JSON list of texts
        "partner": "string",
        "business_date": "date",  # of the row, where it could be read
        "location_id": "string",
        "item_id": "string",
        "received_at": "timestamp('UTC')",
    }
)
"""Grain: (delivery_id, line). The first reason found is the one that is kept."""

AVAILABILITY = ibis.schema(
    {
        "business_date": "date",
        "partner": "string",
        "location_id": "string",
        "item_id": "string",
        "feed_id": "string",
        "location_name": "string",
        "location_type": "string",  # store or dc
        "item_name": "string",
        "category": "string",
        "item_class": "string",
        "brand": "string",
        "status": "string",
        "rule": "string",  # name of the most specific threshold that applies
        "on_hand_units": "float64",
        "is_negative_record": "boolean",  # the record is below zero: it is wrong, and counts as out
        "sold_out_today": "boolean",  # was there and sold on the date, and out at its close
        "on_order_units": "float64",
        "in_transit_units": "float64",
        "price": "float64",
        "currency": "string",
        "last_seen_date": "date",  # last date with a reported on-hand
        "last_in_stock_date": "date",
        "last_sale_date": "date",
        "last_receipt_date": "date",  # last day on which stock came in, as reported or as the balance shows
        "days_observed": "int64",
        "demand_a": "float64",  # Gamma(a, b) of units a day
        "demand_b": "float64",
        "dispersion": "float64",  # variance of a day's demand over its mean; 1 = Poisson
        "demand_units_per_day": "float64",  # a / b, null = not estimated
        "expected_units_today": "float64",  # with weekday and price of the date, and the day of its item
        "promoted_units_per_day": "float64",  # while the promotion under way goes on; null where none is
        "promoted_until": "date",  # the last day that it is expected to, as promotions at the feed usually last
        "days_of_supply": "float64",
        "silent_days": "int64",  # days with stock on record and no sale, since the last sale or receipt
        "p_phantom": "float64",  # probability that the shelf is empty although the record shows stock
        "p_phantom_before": "float64",  # the same before the silent days, by how little is left on record
        "next_receipt_on": "date",  # expected; null = not known
        "p_runs_out": "float64",  # before the next receipt
        "runs_out_on": "date",  # the day on which stock is expected to be gone
        "short_units": "float64",  # of what is at risk: wanted and missing until the next receipt
        "spell_start_date": "date",
        "spell_days": "int64",
        "spell_exposure_days": "float64",  # E of the risk model
        "earlier_exposure_days": "float64",  # earlier spells, halved every memory half-life
        "lost_units": "float64",  # this spell so far
        "lost_units_today": "float64",  # of all days of the date's report; of what may be empty times p_phantom
        "lost_money": "float64",
        "at_risk_units": "float64",  # next `horizon_days` if nothing changes
        "at_risk_money": "float64",
        "store_scope": "float64",  # x_S: share of the partner's other stores that are out too; of a DC: of the demand
        "item_scope": "float64",  # x_I: share of the brand's other items of the category there that are out too
        "cause": "string",  # the first that explains it; null = nothing to explain
        "scope": "string",  # how far it reaches: store, dc, region or partner
        "scope_id": "string",
        "cause_evidence": "string",  # JSON list of texts, the cause that counts first
        "shoppers_exposed": "float64",
        "customers_lost": "float64",  # N of the risk model, this spell so far
        "customers_at_risk": "float64",  # what the horizon adds to N
        "lost_lifetime_value": "float64",
        "alert_due": "boolean",  # out for as many days as the threshold asks
    }
)
"""Grain: (business_date, partner, location_id, item_id). Loss columns are null when not estimated."""

KPIS = ibis.schema(
    {
        "business_date": "date",
        "partner": "string",  # '' = all partners
        "category": "string",  # '' = all categories
        "location_type": "string",  # store or dc: never both in one row
        "ranged": "int64",
        "known": "int64",
        "in_stock": "int64",
        "out_of_stock": "int64",
        "phantom_suspected": "int64",
        "at_risk": "int64",
        "void": "int64",
        "coverage": "float64",
        "in_stock_rate": "float64",  # by the partner's records
        "osa_estimate": "float64",  # less what is probably phantom
        "oos_rate": "float64",
        "oos_rate_sales_weighted": "float64",
        "days_of_supply": "float64",  # all stock over all demand
        "mean_spell_days": "float64",  # of the spells going on
        "longest_spell_days": "int64",
        "lost_units": "float64",
        "lost_money": "float64",
        "currency": "string",
        "customers_lost": "float64",
    }
)
"""Grain: (business_date, partner, category, location_type). Rates are shares, 0..1, of ranged series with a known
status."""

_FOUND_IN = {
    "delivery_id": "string",  # sha256 of the file
    "source_file": "string",
    "line": "int64",
    "received_at": "timestamp('UTC')",
}

ITEMS = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",  # '' = every partner: our own item master
        "item_id": "string",  # as in observations: the GTIN, else the partner's own number
        "gtin": "string",  # 14 digits; null = not known
        "partner_item_id": "string",  # the partner's own number
        "item_name": "string",
        "brand": "string",
        "category": "string",
        "item_class": "string",
        "price": "float64",  # of one unit
        "currency": "string",
        "margin_share": "float64",  # unit contribution as a share of the price, 0..1
        "purchase_cycle_days": "float64",  # between two purchases of a loyal buyer
        "packs": "map<string, float64>",  # unit, in capitals -> pieces in it
        "successor_gtin": "string",  # 14 digits; the item that takes its place
        "active_from": "date",
        "active_to": "date",  # last day; null = open
        **_FOUND_IN,
    }
)
"""Grain: (feed_id, partner, item_id). A file replaces all rows of its feed."""

LOCATIONS = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",
        "location_id": "string",  # as in observations
        "location_name": "string",
        "location_type": "string",  # store or dc
        "region": "string",
        "time_zone": "string",  # IANA
        "gln": "string",  # 13 digits
        "is_active": "boolean",  # null = not said
        **_FOUND_IN,
    }
)
"""Grain: (feed_id, partner, location_id). A file replaces all rows of its feed."""

SUPPLY_LINKS = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",
        "dc_id": "string",  # location that sends
        "location_id": "string",  # location that receives
        "item_id": "string",  # GTIN or the partner's own number; null = every item
        "valid_from": "date",  # null = always
        "valid_to": "date",  # last day; null = open
        **_FOUND_IN,
    }
)
"""Grain: (feed_id, partner, dc_id, location_id, item_id, valid_from). A file replaces all rows of its feed."""

ASSORTMENT = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",
        "location_id": "string",
        "item_id": "string",  # GTIN or the partner's own number
        "location_type": "string",  # of the locations that the list is about; null = all of the partner
        "ranged_from": "date",  # null = always
        "ranged_to": "date",  # last day; null = open
        **_FOUND_IN,
    }
)
"""Grain: (feed_id, partner, location_id, item_id, ranged_from). A file replaces all rows of its feed."""

OWNERS = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",
        "category": "string",  # null = every category
        "region": "string",  # null = every region
        "owner": "string",  # as messages name it
        "contact": "string",
        "valid_from": "date",
        "valid_to": "date",  # last day; null = open
        **_FOUND_IN,
    }
)
"""Grain: (feed_id, partner, category, region, valid_from). A file replaces all rows of its feed."""

COMPLAINTS = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",  # '' = not known
        "business_date": "date",  # on which it was made
        "location_id": "string",  # as in observations; null = not known
        "item_id": "string",  # GTIN or the partner's own number; null = not known
        "channel": "string",  # as the file calls it: phone, web, store
        "kind": "string",  # could_not_find, quality, price, pack, service or other
        "complaints": "int64",  # how many the row stands for
        "extract": "string",  # beginning of what was said, without addresses and numbers of people
        **_FOUND_IN,
    }
)
"""Grain: (delivery_id, line). A file replaces the rows of its feed on the dates that it has."""

LOYALTY = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",  # '' = every partner
        "measure": "string",  # see customer_signals.Measure
        "brand": "string",  # null = every brand
        "category": "string",  # null = every category
        "segment": "string",  # of buyers; null = all of them
        "value": "float64",  # shares 0..1, NPS -100..100, money in `currency`, days
        "currency": "string",  # of a lifetime value
        "period_days": "int64",  # that retention and churn are about
        "valid_from": "date",
        "sample_size": "int64",  # people asked or watched; null = not said
        **_FOUND_IN,
    }
)
"""Grain: (feed_id, partner, measure, brand, category, segment, valid_from). A file replaces all rows of its feed."""

MASTERS = {
    "items": ITEMS,
    "locations": LOCATIONS,
    "supply_links": SUPPLY_LINKS,
    "assortment": ASSORTMENT,
    "owners": OWNERS,
    "complaints": COMPLAINTS,
    "loyalty": LOYALTY,
}
"""The tables that are defined in `master/`: master data, and what customers say."""

IDENTITIES = ibis.schema(
    {
        "feed_id": "string",
        "partner": "string",
        "item_id": "string",
        "gtin": "string",
        "partner_item_id": "string",
        "item_name": "string",
        "successor_gtin": "string",
        "unit": "string",  # in capitals; null = no pack is known
        "pieces": "float64",  # in it
        "first_seen_on": "date",  # of all files of the feed
        "last_seen_on": "date",
    }
)
"""Grain: (feed_id, partner, item_id, gtin, partner_item_id, successor_gtin, unit, pieces). What an item master said,
and when: a list replaces the one before, so what changed in it is kept here."""

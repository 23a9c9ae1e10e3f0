"""Why a series is out, suspected empty or at risk, and how far that reaches.

Causes are tried in a fixed order; the first that explains the series wins, the others that apply are kept as
evidence. Where a feed or the master data lack what a cause needs, the evidence says "not known": never "no".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
from pydantic import Field

from include.stockwatch.domain.availability import EMPTY, Status
from include.stockwatch.domain.chain import nearest_dc
from include.stockwatch.domain.daily import AS_OF, SERIES_ON
from include.stockwatch.domain.value import Value


class Cause(StrEnum):
    """What let it happen, in the order in which causes are tried."""

    FEED = "feed"
    PLANNED = "planned"
    DISTRIBUTOR_DC = "distributor_dc"
    RETAILER_DC = "retailer_dc"
    NOT_ORDERED = "not_ordered"
    NOT_DELIVERED = "not_delivered"
    PHANTOM = "phantom"
    SHELF = "shelf"
    UNKNOWN = "unknown"
    NOT_DUE = "not_due"  # not tried with the others: workflows/checks/not_due.py says it of what is unknown


class Scope(StrEnum):
    """How far it reaches."""

    STORE = "store"
    DC = "dc"
    REGION = "region"
    PARTNER = "partner"


class ScopeSettings(Value):
    """When stores that are empty at once are one matter."""

    share: float = Field(default=0.5, gt=0, le=1, description="of the stores of a DC or region that are known")
    partner_share: float = Field(default=0.8, gt=0, le=1, description="of all stores of the partner that are known")
    min_stores: int = Field(default=3, ge=1, description="fewer empty stores are each a matter of their own")


class Candidate(NamedTuple):
    """A cause that is tried: whether it applies (null = not known), and what speaks for it."""

    cause: Cause
    applies: ir.BooleanValue
    evidence: ir.StringValue
    lacking: str = ""


EXPLAINED = (
    Status.UNKNOWN.value,
    Status.OUT_OF_STOCK.value,
    Status.PHANTOM_SUSPECTED.value,
    Status.AT_RISK.value,
)
"""Statuses that have a cause."""
WAITING = (
    "spell_start_date",
    "last_receipt_date",
    "lead_time_days",
    "inbound_units",
    "on_order_since",
    "last_waiting_date",
)
"""What a DC is judged by: columns of the series that it serves."""
LEAST_SEEN_DAYS = 0.5
"""Orders that wait for less, on average, are filled before a report shows them: to see none is no sign of none."""
SHORT = (Status.OUT_OF_STOCK.value, Status.AT_RISK.value)
"""Statuses of what lacks stock on record. What is suspected empty does too where little of it is left (is_low)."""
UNCOUNTED = (Status.UNKNOWN.value, Status.PLANNED.value)
"""Statuses that do not count for how far it reaches, whether they are empty or not."""


def causes(table: ir.Table, dcs: ir.Table, outages: ir.Table, planned: ir.Table, dc_feeds: Collection[str]) -> ir.Table:
    """The cause of every series that is out, suspected empty, at risk, not known or planned, and all evidence.

    Grain:  table (as_of, series) of `availability` with the columns of `supply.with_next_receipt`; dcs and outages as
            `chain.dcs_of` and `chain.dc_outages`; planned as `transitions.planned` -> (as_of, series), the explained
            ones only
    Units:  cause_evidence is a JSON list of "cause: evidence", the cause that counts first
    """
    known = table.left_join(planned, list(SERIES_ON), rname="{name}_of_plan").select(*table.columns, "planned")
    concerned = known.filter(known.status.isin(EXPLAINED) | known.planned.notnull())
    behind = dcs_to_blame(table, dcs, outages, dc_feeds)
    found = concerned.left_join(behind, list(SERIES_ON), rname="{name}_of_dc")
    tried = _candidates(found, dc_feeds)
    first = ((one.applies.fill_null(False), one.cause.value) for one in tried)
    explained = found.mutate(
        cause=ibis.cases(*first, else_=Cause.UNKNOWN.value),
        cause_evidence=_json([*_applying(tried), *_unasked(found), *_not_known(tried)]),
    )
    return explained.select(
        *SERIES_ON,
        "status",
        "feed_id",
        "cause",
        "cause_evidence",
        cause_dc_id=explained.cause.cases(
            (Cause.DISTRIBUTOR_DC.value, explained.distributor_dc_id),
            (Cause.RETAILER_DC.value, explained.retailer_dc_id),
            else_=ibis.null("string"),
        ),
    )


def _is_short(table: ir.Table) -> ir.BooleanValue:
    is_doubted = table.status == Status.PHANTOM_SUSPECTED.value
    return table.status.isin(SHORT) | (is_doubted & table.is_low.fill_null(False))


def dcs_to_blame(table: ir.Table, dcs: ir.Table, outages: ir.Table, dc_feeds: Collection[str]) -> ir.Table:
    """Whether the DCs behind each series explain that it ran short, by whose DC it is.

    A retailer's DC that ran short itself because of a distributor's leaves the blame with the distributor. Of several
    DCs that serve a series all that are known must have been out. One that was out when goods were to be sent, and of
    which nothing was ordered, is not to blame, and told all the same (unasked).
    Grain:  as `causes` -> (as_of, series) of what is out or at risk
    Nulls:  a flag is null where no feed tells of such a DC
    """
    links = _blamed(table, dcs, outages, dc_feeds)
    is_dc = links.feed_id.isin(sorted(dc_feeds))
    far = links.filter(is_dc & links.is_other)
    far = far.group_by(AS_OF, "item_id", dc_partner=far.partner, dc_id=far.location_id).agg(
        far_explains=far.explains.all(),
        far_dc_id=far.dc_id.min(where=far.explains),
        far_text=far.text.argmin(far.dc_id, where=far.explains),
    )
    short = links.filter(_is_short(links))
    found = short.left_join(far, [AS_OF, "item_id", "dc_partner", "dc_id"], rname="{name}_of_far")
    passed_on = found.explains & found.far_explains
    found = found.mutate(
        distributor=found.is_other.ifelse(found.explains, passed_on),
        distributor_id=found.is_other.ifelse(found.dc_id, found.far_dc_id),
        distributor_said=found.is_other.ifelse(found.text, found.far_text),
        retailer=found.is_other.ifelse(ibis.null("boolean"), found.explains),
    )
    return found.group_by(*SERIES_ON).agg(
        distributor_out=found.distributor.all(),
        distributor_dc_id=found.distributor_id.min(where=found.distributor),
        distributor_text=found.distributor_said.argmin(found.distributor_id, where=found.distributor),
        retailer_out=found.retailer.all(),
        retailer_dc_id=found.dc_id.min(where=found.retailer),
        retailer_text=found.text.argmin(found.dc_id, where=found.retailer),
        unasked_distributor=found.text.argmin(found.dc_id, where=found.is_unasked & found.is_other),
        unasked_retailer=found.text.argmin(found.dc_id, where=found.is_unasked & ~found.is_other),
    )


def _blamed(table: ir.Table, dcs: ir.Table, outages: ir.Table, dc_feeds: Collection[str]) -> ir.Table:
    """Every series that is short and every DC with the DCs that serve it, and whether these explain it.

    By orders, where they are seen: one waited at the DC while it was out, or went away then, and what the DC could send
    after that cannot be there yet. Else by date: the DC was out on a day between that on which goods for the first
    empty day were to be sent and that day, and nothing has come in after its last day out.
    """
    is_dc = table.feed_id.isin(sorted(dc_feeds))
    facts = table.filter(_is_short(table) | is_dc).select(*SERIES_ON, "feed_id", "status", "is_low", *WAITING)
    served = facts.inner_join(dcs.filter(dcs.is_told), list(SERIES_ON), rname="{name}_of_link")
    served = served.select(*facts.columns, "dc_id", "dc_partner")
    days = _outage_days(served, outages)
    found = days.group_by(*facts.columns, "dc_id", "dc_partner").agg(
        goes_by_orders=days.goes_by_orders.any(),
        by_order=(days.is_asked & days.holds).any(),
        by_date=days.was_due.any(),
        holds=days.holds.any(),
        days_out=days.is_recent.sum() + days.out_days.argmin(days.out_date, where=days.is_recent) - 1,
        first_out=days.out_since.min(where=days.is_recent),
        last_out=days.out_date.max(where=days.is_recent),
    )
    nothing_since = found.last_receipt_date.isnull() | (found.last_receipt_date <= found.last_out)
    by_date = found.by_date & nothing_since
    is_other = found.dc_partner != found.partner
    whose = is_other.ifelse(ibis.literal(" of ") + found.dc_partner, ibis.literal(""))
    return found.mutate(
        is_other=is_other,
        explains=found.goes_by_orders.ifelse(found.by_order, by_date).fill_null(False),
        is_unasked=(found.goes_by_orders & ~found.by_order & by_date & found.holds).fill_null(False),
        text=found.dc_id
        + whose
        + " was out on "
        + found.days_out.cast("string")
        + (found.days_out == 1).ifelse(" day, ", " days, ")
        + found.first_out.cast("string")
        + " to "
        + found.last_out.cast("string"),
    )


def _outage_days(served: ir.Table, outages: ir.Table) -> ir.Table:
    """Series and the DCs that serve them, with every day on which the DC was out, and what that day explains."""
    days = served.left_join(outages, [AS_OF, "item_id", "dc_partner", "dc_id"], rname="{name}_of_outage")
    began = ibis.coalesce(days.spell_start_date, days.as_of)
    transit = ibis.greatest(days.lead_time_days.fill_null(1.0).round(), 1.0).cast("int64").as_interval("D")
    # an order that is there, or one that went away and nothing came of it
    is_there = (days.inbound_units > 0).fill_null(False)
    nothing_came = days.last_receipt_date.isnull() | (days.last_waiting_date >= days.last_receipt_date)
    waited = days.last_waiting_date.notnull() & (is_there | nothing_came)
    asked_since = ibis.coalesce(days.on_order_since, days.last_receipt_date, days.out_date)
    # what has left the DC could be sent; what went away in an outage never could
    was_held = is_there.ifelse(days.out_date, days.out_since) <= days.last_waiting_date
    are_seen = (days.lead_time_days >= LEAST_SEEN_DAYS).fill_null(True)
    flags = {
        "goes_by_orders": days.inbound_units.notnull() & (waited | are_seen),
        "is_asked": waited & (days.out_date >= asked_since) & was_held,
        "holds": days.out_date >= days.as_of - transit,
        "was_due": days.out_date.between(began - transit, began),
        "is_recent": days.out_date >= began - transit,
    }
    return days.mutate(**{name: flag.fill_null(False) for name, flag in flags.items()})


def _candidates(found: ir.Table, dc_feeds: Collection[str]) -> Sequence[Candidate]:
    """Every cause but the last, in order, as conditions on the facts of a series."""
    is_known, is_planned = found.status != Status.UNKNOWN.value, found.planned.notnull()
    is_short = _is_short(found)
    is_silent = found.status == Status.PHANTOM_SUSPECTED.value
    has_shelf = found.feed_id.notin(sorted(dc_feeds))
    came_in = has_shelf & (found.last_receipt_date > found.last_sale_date).fill_null(False)
    ordered, tells_orders = found.inbound_units > 0, found.inbound_units.notnull()
    is_overdue = found.order_overdue_days.notnull() | (found.overdue_units >= 1).fill_null(False)
    # stock that was not there and would have lasted until today; nobody can order for what no record shows missing
    wanted_since = found.demand_units_per_day.fill_null(0.0) * found.spell_days
    corrected = ((found.corrected_units >= 1) & (found.corrected_units >= wanted_since)).fill_null(False)
    could_order = ~corrected | (found.spell_days > found.receipt_interval_days).fill_null(True)
    was_due_on = found.order_overdue_days.notnull().ifelse(found.order_due_on, None)
    is_late = ordered & ~is_overdue & (found.status == Status.OUT_OF_STOCK.value)

    def if_short(applies: ir.BooleanValue) -> ir.BooleanValue:
        return is_short.ifelse(applies, ibis.literal(False))

    return (
        Candidate(
            Cause.FEED,
            ~is_known & ~is_planned,
            _dated("no report of its stock", ", the last of ", found.last_seen_date),
        ),
        Candidate(Cause.PLANNED, is_planned, found.planned),
        Candidate(
            Cause.DISTRIBUTOR_DC, if_short(found.distributor_out), found.distributor_text, "no feed tells of such a DC"
        ),
        Candidate(Cause.RETAILER_DC, if_short(found.retailer_out), found.retailer_text, "no feed tells of such a DC"),
        Candidate(
            Cause.NOT_ORDERED,
            if_short(~ordered & could_order),
            _dated("nothing is on order", ", last receipt ", found.last_receipt_date),
            "the feed says nothing of orders",
        ),
        Candidate(
            Cause.NOT_DELIVERED,
            if_short(tells_orders.ifelse(ordered & is_overdue, ibis.null("boolean"))),
            _dated("an order is overdue", " since ", was_due_on),
            "the feed says nothing of orders",
        ),
        Candidate(Cause.PHANTOM, is_silent & ~came_in, _silence(found)),
        Candidate(
            Cause.PHANTOM,
            if_short(corrected),
            _dated("the record lost stock without a sale", " by ", found.spell_start_date),
        ),
        Candidate(Cause.SHELF, is_silent & came_in, _silence(found)),
        Candidate(
            Cause.NOT_ORDERED,
            if_short(is_late),
            _dated("ordered too late or too little", ", due on ", found.order_due_on),
        ),
    )


def _dated(text: str, then: str, date: ir.DateValue) -> ir.StringValue:
    """A text, and the date that goes with it where it is known."""
    return ibis.literal(text) + (ibis.literal(then) + date.cast("string")).fill_null("")


def _silence(found: ir.Table) -> ir.StringValue:
    return _dated("stock on record and no sale", " since ", found.last_sale_date) + (
        ibis.literal(", last receipt ") + found.last_receipt_date.cast("string")
    ).fill_null("")


def _applying(tried: Sequence[Candidate]) -> list[ir.StringValue]:
    """What applies, in order; if nothing does, that."""
    hits = [one.applies.fill_null(False) for one in tried]
    texts = [_said(one.cause, hit, one.evidence) for one, hit in zip(tried, hits, strict=True)]
    return [*texts, _said(Cause.UNKNOWN, ~ibis.or_(*hits), ibis.literal("nothing that is known explains it"))]


def _unasked(found: ir.Table) -> list[ir.StringValue]:
    """DCs that had nothing to send, and were not asked for it."""
    by_cause = ((Cause.DISTRIBUTOR_DC, found.unasked_distributor), (Cause.RETAILER_DC, found.unasked_retailer))
    is_short = _is_short(found)
    return [_said(cause, is_short & text.notnull(), text + ", and no order waited there") for cause, text in by_cause]


def _not_known(tried: Sequence[Candidate]) -> list[ir.StringValue]:
    lacking = (one for one in tried if one.lacking)
    return [_said(one.cause, one.applies.isnull(), ibis.literal(f"not known, {one.lacking}")) for one in lacking]


def _said(cause: Cause, applies: ir.BooleanValue, evidence: ir.StringValue) -> ir.StringValue:
    return applies.ifelse(ibis.literal(f"{cause.value}: ") + evidence, ibis.null("string"))


def _json(texts: Sequence[ir.StringValue]) -> ir.StringValue:
    """The texts that are there as a JSON list. Ids may hold quotes."""
    quoted = [ibis.literal('"') + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    there = ibis.array(quoted).filter(lambda text: text.notnull())
    return ibis.literal("[") + there.join(", ") + "]"


def with_causes(
    table: ir.Table,
    stores: ir.Table,
    dcs: ir.Table,
    outages: ir.Table,
    planned: ir.Table,
    places: ir.Table,
    dc_feeds: Collection[str],
    settings: ScopeSettings,
) -> ir.Table:
    """A table with cause, scope, scope_id and cause_evidence; null where there is nothing to explain.

    A DC that is the cause is the scope. Else it is the partner, the DC or the region of which most known stores are
    empty of the item, the widest first; else the store.
    Grain:  as `causes`, the explained ones and DCs at least; stores (as_of, series) with the status of
            every series, planned as such; places (partner, location_id) from `chain.regions` -> as table
    """
    found = causes(table, dcs, outages, planned, dc_feeds)
    stores = stores.filter(stores.feed_id.notin(sorted(dc_feeds)), stores.status.notin(UNCOUNTED))
    stores = stores.semi_join(found, [AS_OF, "partner", "item_id"])
    stores = stores.group_by(*SERIES_ON).agg(is_empty=stores.status.isin(EMPTY).any())  # two feeds may tell of one
    stores = _placed(stores, dcs, places)
    found = _placed(found, dcs, places)
    for level in ("partner", "dc_id", "region"):
        found = _counted(found, stores, level)
    found = _scoped(found, dc_feeds, settings)
    added = ("cause", "scope", "scope_id", "cause_evidence")
    found = found.select(*SERIES_ON, "feed_id", *added)
    key = [*SERIES_ON, table.feed_id.identical_to(found.feed_id)]  # two feeds may speak of a series, or none
    joined = table.left_join(found, key, rname="{name}_of_cause")
    return joined.select(*table.columns, *added)


def _placed(series: ir.Table, dcs: ir.Table, places: ir.Table) -> ir.Table:
    """Series with the DC and the region that they are counted under."""
    placed = series.left_join(nearest_dc(dcs), list(SERIES_ON), rname="{name}_of_dc")
    placed = placed.select(*series.columns, "dc_id")
    found = placed.left_join(places, ["partner", "location_id"], rname="{name}_of_place")
    return found.select(*placed.columns, "region")


def _counted(found: ir.Table, stores: ir.Table, level: str) -> ir.Table:
    """Series with how many and which share of the known stores of the same partner, DC or region are empty."""
    key = list(dict.fromkeys((AS_OF, "partner", "item_id", level)))
    counted = stores.group_by(*key).agg(empty=stores.is_empty.sum(), share=stores.is_empty.mean())
    joined = found.left_join(counted, key, rname="{name}_of_count")
    return joined.select(*found.columns, **{f"{level}_empty": joined.empty, f"{level}_share": joined.share})


def _scoped(found: ir.Table, dc_feeds: Collection[str], settings: ScopeSettings) -> ir.Table:
    def spread(level: str, share: float) -> ir.BooleanValue:
        many = found[f"{level}_empty"] >= settings.min_stores
        return (found[level].notnull() & many & (found[f"{level}_share"] >= share)).fill_null(False)

    is_dc = found.feed_id.isin(sorted(dc_feeds))
    levels = (
        (found.cause_dc_id.notnull(), Scope.DC, found.cause_dc_id),
        (is_dc, Scope.DC, found.location_id),
        (spread("partner", settings.partner_share), Scope.PARTNER, found.partner),
        (spread("dc_id", settings.share), Scope.DC, found.dc_id),
        (spread("region", settings.share), Scope.REGION, found.region),
    )
    return found.mutate(
        scope=ibis.cases(*((holds, scope.value) for holds, scope, _ in levels), else_=Scope.STORE.value),
        scope_id=ibis.cases(*((holds, place) for holds, _, place in levels), else_=found.location_id),
    )

"""Turn the availability of a date into incidents, events and messages."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import incidents as store
from include.stockwatch.adapters.state import ledger, pending
from include.stockwatch.alerting import mass_change
from include.stockwatch.alerting.case import STOCK_KINDS, Decision, Kind, fingerprint
from include.stockwatch.alerting.decisions import Reason, decide, fingerprint_of, taken_back
from include.stockwatch.alerting.grouping import Group, Series, moved_from
from include.stockwatch.alerting.incident import Incident, Lack, Picture, place
from include.stockwatch.alerting.mass_change import MassChange
from include.stockwatch.alerting.pending import Pending, pending_of
from include.stockwatch.alerting.retold import AS_IT_WAS, TakenBack
from include.stockwatch.domain.availability import Status
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.incidents.day import LACKS, Day
from include.stockwatch.workflows.incidents.fed import fed_by
from include.stockwatch.workflows.incidents.mass import mass_pictures
from include.stockwatch.workflows.incidents.pictures import Known, Pictures
from include.stockwatch.workflows.incidents.precision import weak_rules
from include.stockwatch.workflows.incidents.record import record_all
from include.stockwatch.workflows.incidents.restated import restated
from include.stockwatch.workflows.rules import Rules
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import pyarrow as pa

SUSPECTED_WITHIN = dt.timedelta(days=21)
"""How far back earlier dates are looked at to see how long a shelf has been suspected empty."""
Earlier = Callable[[Iterable[str]], Mapping[str, Incident]]
"""Gives the latest resolved incident of each fingerprint that has one."""
EVENTS = ("opened", "reopened", "updated", "frozen", "resolved")


def decide_date(
    services: Services,
    business_date: dt.date,
    table: pa.Table,
    fresh_feeds: set[str],
    rules: Rules,
    *,
    actor: str,
    awaited: Collection[str] = (),
) -> dict[str, Any]:
    """Decide on everything that costs or has an open incident; store events and messages in one transaction.

    Partners that are `awaited` are left as they are (A-14): what was told of them last stands.
    """
    settings, now = services.settings, services.now()
    fresh = settings.fresh(fresh_feeds).difference(awaited)
    whole = settings.wholly_delivered(fresh_feeds)
    day = day_of(settings, business_date, table).without(awaited, stands=True)
    suspected, weak = suspected_before(services, day), weak_rules(services, business_date)
    with services.state.begin() as tx:
        marks = ledger.watermark(tx)
        ahead = {partner for partner, mark in marks.items() if business_date < mark}
        mass = _mass_changes(tx, services, day, fresh - ahead, marks, fresh_feeds)
        held = {one.held for one in mass if one.held}
        known = Known(
            whole=whole.difference(held, awaited),
            untouched=ahead.union(awaited) | (settings.resting(business_date) - fresh),
            suspected=suspected,
            fed=lambda groups: fed_by(services, day, groups),
        )
        believed = day.without(held)
        ongoing = store.open_incidents(tx, STOCK_KINDS)
        again = [one.incident_id for one in ongoing.values() if one.data_as_of == business_date]
        told, ended = restated(services, tx, believed, ongoing.values(), known.untouched)
        decided = decide_day(
            settings,
            rules,
            believed,
            known,
            ongoing,
            lambda marks: store.latest_resolved(tx, marks),
            store.new_ids(tx, Kind.OUT_OF_STOCK, business_date.year),
            told,
            store.stood_before(tx, again, business_date),
        )
        going_on = {one.incident.incident_id for one in decided.decisions if one.incident}
        over = [one for one in ended if one.incident_id not in going_on]
        decided.decisions += [taken_back(one, told[one.incident_id]) for one in over]
        made: list[Decision[Any]] = [*(one.decision for one in mass), *decided.decisions]
        record_all(services, tx, made, at=now, actor=actor, business_date=business_date, digest_only=weak)
        kept = still_pending(pending.listed(tx), decided, believed, known)
        pending.replace(tx, [*decided.pending, *kept])
        for partner in fresh - held:
            ledger.raise_watermark(tx, partner, business_date)
        open_now = store.count_open(tx, STOCK_KINDS)
    changed: dict[str, list[str]] = {name: [] for name in EVENTS}
    for one in decided.decisions:
        if one.incident is not None and one.event_kind is not None:
            changed[one.event_kind].append(one.incident.incident_id)
    reasons = Counter(one.reason.value for one in decided.decisions)
    reasons[Reason.OLDER_DATE.value] += _decided_past(decided.pictures, ahead)
    return {
        **changed,
        "open": open_now,
        "by_kind": dict(sorted(decided.opened.items())),
        "held": sorted(held),
        "reasons": {name: count for name, count in sorted(reasons.items()) if count},
    }


def day_of(settings: Settings, date: dt.date, table: pa.Table) -> Day:
    """The date as decisions look at it."""
    return Day(date, table, {feed_id for feed_id, feed in settings.feeds.items() if feed.location_type == "dc"})


@dataclass
class Decided:
    """What was decided on a date."""

    pictures: Pictures
    decisions: list[Decision[Incident]] = field(default_factory=list)
    opened: Counter[str] = field(default_factory=Counter)  # kind -> incidents
    shown: set[str] = field(default_factory=set)  # fingerprints of what was decided on
    pending: list[Pending] = field(default_factory=list)


def decide_day(
    settings: Settings,
    rules: Rules,
    day: Day,
    known: Known,
    ongoing: Mapping[str, Incident],
    earlier: Earlier,
    ids: Iterator[str],
    told: Mapping[str, TakenBack] | None = None,
    stood: Mapping[str, Incident] | None = None,
) -> Decided:
    """Decide on one date: first what opens, so that members which move know where; then what goes on.

    `ongoing` are the open incidents of stock by fingerprint, `ids` are those of new ones; `told` is what reports take
    back of them, by id, and `stood` are those that were decided on this date already, as they were before it.
    """
    tenant, told = settings.stockwatch.tenant, told or {}
    shown = Pictures(settings, rules, day, known, ongoing.values())
    marked = [(fingerprint_of(picture, tenant), group, picture) for group, picture in shown.of_groups()]
    before = earlier(mark for mark, _, _ in marked)
    decided = Decided(shown, shown={mark for mark, _, _ in marked})
    open_now: dict[Group, str] = {}
    going_on: list[tuple[Group, Picture, Incident]] = []
    candidate = next(ids)
    for mark, group, picture in marked:
        if (incident := ongoing.get(mark)) is not None:
            going_on.append((group, picture, incident))
            open_now[group] = incident.incident_id
            continue
        previous = before.get(mark)
        if previous is not None and previous.incident_id in told:
            previous = taken_back(previous, told[previous.incident_id]).incident or previous
        decision = decide(picture, None, tenant=tenant, new_id=candidate, previous=previous)
        decided.decisions.append(decision)
        if decision.incident is not None:
            open_now[group] = decision.incident.incident_id
            decided.opened[group.kind.value] += 1
        if decision.reason is Reason.FIRST:
            candidate = next(ids)
        elif decision.reason is Reason.NOT_DUE:
            decided.pending.append(pending_of(picture, tenant))
    for _, picture, incident in going_on:
        moved = moved_from(incident, shown.groups, shown.lacks, open_now)
        decision = decide(
            picture,
            incident,
            tenant=tenant,
            new_id=candidate,
            previous=None,
            moved=moved,
            told=told.get(incident.incident_id, AS_IT_WAS),
            stood=(stood or {}).get(incident.incident_id),
        )
        decided.decisions.append(decision)
    return decided


def still_pending(before: Iterable[Pending], decided: Decided, day: Day, known: Known) -> list[Pending]:
    """Of what was pending, that of which the date says nothing: absence of data ends nothing (A-02)."""

    def is_over(one: Pending) -> bool:
        if one.fingerprint in decided.shown:
            return True
        if one.partner in known.untouched:
            return False
        if one.partner in known.whole:
            return True
        seen = day.seen(one.item_id, None if one.kind is Kind.DC_OUT else one.partner)
        told = {place("" if s.partner == one.partner else s.partner, s.location_id) for s in seen if s.is_known}
        return told.issuperset(one.places)

    return [one for one in before if not is_over(one)]


def _decided_past(shown: Pictures, ahead: Collection[str]) -> int:
    """Incidents and groups of partners that were decided past the date, of which it changes nothing."""
    groups = {*shown.groups.values(), *shown.ongoing}
    return sum(group.partner in ahead and not shown.tells_of(group) for group in groups)


def suspected_before(services: Services, day: Day) -> dict[Series, int]:
    """For shelves suspected empty, the dates in a row before on which they were: dates without data are passed over."""
    wanted = {series for series, row in day.costing.items() if LACKS[row["status"]] is Lack.DOUBTFUL}
    if not wanted:
        return {}
    rows = services.lake.table("availability")
    rows = rows.filter(
        rows.business_date.between(day.date - SUSPECTED_WITHIN, day.date - dt.timedelta(days=1)),
        rows.item_id.isin(sorted({item for _, _, item in wanted})),
        rows.status != Status.UNKNOWN.value,
    )
    rows = rows.select("business_date", "partner", "location_id", "item_id", "status")
    found: dict[Series, int] = {}
    over: set[Series] = set()
    told = services.lake.engine.to_pyarrow(rows.order_by(rows.business_date.desc()))
    for _, *key, status in zip(*(column.to_pylist() for column in told.columns), strict=True):
        series = (key[0], key[1], key[2])
        if series not in wanted or series in over:
            continue
        if status == Status.PHANTOM_SUSPECTED.value:
            found[series] = found.get(series, 0) + 1
        else:
            over.add(series)
    return found


@dataclass(frozen=True)
class Mass:
    """What was decided on the mass change of a partner, and whether its date is held."""

    decision: Decision[MassChange]
    held: str | None


def _mass_changes(
    tx: Any, services: Services, day: Day, fresh: set[str], marks: Mapping[str, dt.date], feeds: Collection[str]
) -> list[Mass]:
    """Decide on every fresh partner whether its date is believed (A-17); its first date always is."""
    settings = services.settings
    tenant, limits = settings.stockwatch.tenant, settings.stockwatch.mass_change
    open_now: dict[str, MassChange] = store.open_incidents(tx, [Kind.MASS_CHANGE])
    print_of = {partner: fingerprint(tenant, Kind.MASS_CHANGE, partner, "") for partner in fresh}
    before: dict[str, MassChange] = store.latest_resolved(tx, print_of.values())
    ids = store.new_ids(tx, Kind.MASS_CHANGE, day.date.year)
    candidate = next(ids)
    approved = {one for one, mark in print_of.items() if (last := before.get(mark)) and last.lets(day.date)}
    since = {one: marks[one] for one in fresh if one in marks}
    found: list[Mass] = []
    for picture in mass_pictures(settings, day, since, feeds, approved):
        mark = print_of[picture.partner]
        why = None if picture.partner in approved else mass_change.suspicion(picture, limits)
        decision = mass_change.decide(
            picture, why, open_now.get(mark), tenant=tenant, new_id=candidate, previous=before.get(mark)
        )
        if decision.reason is mass_change.Reason.FIRST:
            candidate = next(ids)
        found.append(Mass(decision, picture.partner if why else None))
    return found

"""Pictures of a date: for every group of series that cost, and every open incident, what the table shows of it."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.grouping import DCS, Group, Series, active_series, group_of, grouped
from include.stockwatch.alerting.incident import (
    Basis,
    Elsewhere,
    Fed,
    Incident,
    Lack,
    Member,
    Picture,
    cause_of,
    counted,
    place,
    total,
)
from include.stockwatch.alerting.messages.words import one_or_many
from include.stockwatch.alerting.severity import LEAST_COVERAGE, adjusted, severity
from include.stockwatch.domain.hours import Hours
from include.stockwatch.domain.thresholds import Limit
from include.stockwatch.settings.models import Settings
from include.stockwatch.workflows.incidents.day import LACKS, Day, Seen
from include.stockwatch.workflows.incidents.fed import NOT_KNOWN, Stores
from include.stockwatch.workflows.rules import Rules

FIGURES = (
    *("lost_units", "lost_money", "at_risk_units", "at_risk_money"),
    *("shoppers_exposed", "customers_lost", "customers_at_risk"),
)
MONEY = ("lost_money", "at_risk_money")
CLASSES = ("category", "item_class")
OF_LACK: Mapping[Lack, tuple[str, ...]] = {
    Lack.EMPTY: ("next_receipt_on",),
    Lack.DOUBTFUL: ("on_hand_units", "silent_days", "p_phantom", "p_phantom_before", "next_receipt_on"),
    Lack.SHORT: (
        *("on_hand_units", "days_of_supply", "p_runs_out", "runs_out_on", "short_units", "next_receipt_on"),
        *("promoted_units_per_day", "promoted_until"),
    ),
}
"""What a member keeps of its row beside what it costs."""
WITH_A_PROMISE = (Kind.OUT_OF_STOCK, Kind.DC_OUT)


@dataclass(frozen=True)
class Known:
    """What is known of a date beside its table."""

    whole: Collection[str] = ()  # partners all of whose feeds delivered
    untouched: Collection[str] = ()  # partners left as they are: they rest, are awaited, or decided past the date
    suspected: Mapping[Series, int] = field(default_factory=dict)  # dates in a row before that a shelf was suspected
    fed: Callable[[Collection[Group]], Mapping[Group, Stores]] = lambda _: NOT_KNOWN


class Pictures:
    """The pictures of one date, and which incident every series of it is a member of."""

    def __init__(self, settings: Settings, rules: Rules, day: Day, known: Known, ongoing: Iterable[Incident]) -> None:
        self.settings, self.rules, self.day, self.known = settings, rules, day, known
        self.ongoing = {group_of(incident): incident for incident in ongoing if incident.is_open}
        self.groups = grouped(day.rows, day.dcs, self.ongoing.values(), day.date, self._transit_days)
        self.lacks = {series: LACKS[row["status"]] for series, row in day.costing.items()}
        self._members: dict[Group, list[dict[str, Any]]] = {group: [] for group in self.ongoing}
        for series, group in self.groups.items():
            if series[0] not in known.untouched:
                self._members.setdefault(group, []).append(day.costing[series])
        self._fed = known.fed([group for group in self._members if group.kind is Kind.DC_OUT])
        self._active = {series: group for group, one in self.ongoing.items() for series in active_series(one)}

    def of_groups(self) -> list[tuple[Group, Picture]]:
        """A picture of every group that the date tells of, DCs first."""
        told = filter(self.tells_of, self._members)
        return [
            (group, self._picture(group, self._members[group], self.ongoing.get(group)))
            for group in sorted(told, key=lambda group: (group.kind is not Kind.DC_OUT, group))
        ]

    def tells_of(self, group: Group) -> bool:
        """Whether the date says anything of a group, be it of one partner of a DC's; else nothing freezes."""
        if self._members.get(group):
            return True
        incident = self.ongoing.get(group)
        partners = {partner for partner, _, _ in active_series(incident)} if incident else set()
        return not {group.partner, *partners} <= set(self.known.untouched)

    def _picture(self, group: Group, rows: list[dict[str, Any]], incident: Incident | None) -> Picture:
        told = self._labels(group, rows, incident)
        facts = {"partner": group.partner, "item_id": group.item_id, **{name: told[name] for name in CLASSES}}
        out = self._of_one_currency(tuple(self._member(row, group, incident) for row in rows), rows, told["currency"])
        seen = [one for one in self.day.seen(group.item_id, None if group.kind is Kind.DC_OUT else group.partner)]
        stores = self._fed.get(group)
        about = self._about(group, seen, out, stores)
        stands = frozenset(self._place(one, group) for one in seen if one.stands)
        still = tuple(one for one in incident.now_out() if one.place in stands) if incident else ()
        lacking, at_dc = (*out, *still), group.kind is Kind.DC_OUT
        known = sum(one.is_known or one.stands for one in about)
        was_out = sum(one.lack is Lack.EMPTY for one in still)
        known_out = (
            len(counted(group.kind, group.scope, lacking)) if at_dc else sum(one.is_out for one in about) + was_out
        )
        promise: float = self._limit("min_in_stock_rate", facts)
        level, notes = adjusted(
            severity(
                total(group.kind, group.scope, lacking, "at_risk_money"),
                total(group.kind, group.scope, lacking, "customers_lost", "customers_at_risk"),
                self._limit("severity", facts),
            ),
            known=known,
            out=known_out,
            promise=promise if group.kind in WITH_A_PROMISE and (not at_dc or stores) else None,
            doubts=self._doubts(group, rows, known, len(about)),
        )
        assumed = self.rules.assumed((group.partner, told["category"], told["brand"], told["currency"]), self.day.date)
        fed = self._partners_fed(group, rows, stores, incident)
        route = self.settings.routes.route(
            group.partner, told["category"], brand=told["brand"], kind=group.kind, severity=level,
            cause=cause_of(group.kind, group.partner, fed, out),
        )  # fmt: skip
        is_due = any(self._is_due(row, group) for row in rows)
        return Picture(
            kind=group.kind,
            scope=group.scope,
            partner=group.partner,
            item_id=group.item_id,
            **told,
            business_date=self.day.date,
            ranged=len(about),
            known=known,
            known_out=known_out,
            elsewhere=self._elsewhere(group, about) if group.kind in WITH_A_PROMISE else (),
            known_locations=frozenset(
                self._place(one, group) for one in seen if one.is_known and one.partner not in self.known.untouched
            ),
            ranged_locations=frozenset(self._place(one, group) for one in seen),
            partner_is_whole=group.partner in self.known.whole,
            whole=frozenset(self.known.whole),
            untouched=frozenset(self.known.untouched),
            not_due=stands,
            fed=fed,
            transit_days=self._limit("restock_transit_days", facts) if group.kind is Kind.DC_OUT else None,
            business_days=self._business_days(incident, route.hours) if incident and not rows else None,
            out=out,
            alert_due=is_due,
            due_on=None if is_due else min(filter(None, map(self._due_on, rows)), default=None),
            rule=self.settings.thresholds.rule(facts),
            promise=promise,
            severity=level,
            notes=(*notes, *self._left_out(rows, told["currency"])),
            channel=incident.channel if incident else route.channel,
            copies=tuple(sorted({self.settings.routes.route(one.partner, told["category"]).channel for one in fed})),
            owner=incident.owner if incident else route.owner,
            basis=Basis(
                horizon_days=self.settings.stockwatch.check.horizon_days,
                assumptions=assumed.name,
                dated=assumed.dated,
                low=assumed.customers_interval.low,
                high=assumed.customers_interval.high,
            ),
        )

    def _business_days(self, incident: Incident, hours: Hours) -> int:
        """Business days from the first day of an incident to the date, which does not count (A-41)."""
        first = incident.opened_on
        days = (first + dt.timedelta(days=n) for n in range((self.day.date - first).days))
        return sum(hours.is_business_day(date) for date in days)

    def _labels(self, group: Group, rows: list[dict[str, Any]], incident: Incident | None) -> dict[str, Any]:
        """Names and the like: of the series that cost, else as the incident has them, else of any other series."""
        feed = next((feed for feed in self.settings.feeds.values() if feed.partner == group.partner), None)
        named = feed or incident  # the feed may be gone, or broken, while its incident is open
        if named is None:
            raise LookupError(f"rows of {group.partner}, which has no feed")  # see checks/check.py
        told: dict[str, Any] = {"partner_name": named.partner_name}
        for name in ("item_name", *CLASSES, "brand"):
            own = [row for row in rows if row["partner"] == group.partner]
            found = next((row[name] for row in (*own, *rows) if row[name] is not None), None)
            found = found or (getattr(incident, name) if incident else None)
            told[name] = found or self.day.label(group.item_id, group.partner, name)
        told["currency"] = self._currency(group, rows, incident)
        told["location_type"] = "dc" if group.scope == DCS else "store"
        if group.kind is Kind.DC_OUT:
            source = next((row["location_name"] for row in rows if self._is_source(row, group)), None)
            told["scope_name"] = source or (incident.scope_name if incident else None)
        return told

    def _currency(self, group: Group, rows: list[dict[str, Any]], incident: Incident | None) -> str | None:
        """What money is told in. An incident keeps its currency while any figure stands that this date does not tell
        anew. Else, of a DC, it is that of most stores that it feeds; of all others, and without supply links, of most
        that lack stock."""
        if incident and incident.currency:
            anew = {(row["partner"], row["location_id"]) for row in rows}
            standing = (
                one
                for one in incident.members
                if not one.is_active or (one.partner or incident.partner, one.location_id) not in anew
            )
            if any(getattr(one, name) is not None for one in standing for name in MONEY):
                return incident.currency
        feeds = [feed for feed in self.settings.feeds.values() if feed.location_type == "store"]
        of_stores = {feed.partner: feed.currency for feed in feeds if feed.currency}
        fed = Counter(of_stores[partner] for partner, _ in self._fed.get(group, ()) if partner in of_stores)
        told = fed or Counter(row["currency"] for row in rows if row["currency"] and not self._is_source(row, group))
        own = next((row["currency"] for row in rows if row["currency"]), incident.currency if incident else None)
        return min(told, key=lambda one: (-told[one], one), default=own)

    @staticmethod
    def _is_source(row: Mapping[str, Any], group: Group) -> bool:
        return group.kind is Kind.DC_OUT and (row["partner"], row["location_id"]) == (group.partner, group.scope)

    @staticmethod
    def _place(one: Seen, group: Group) -> str:
        return place("" if one.partner == group.partner else one.partner, one.location_id)

    def _about(self, group: Group, seen: list[Seen], out: tuple[Member, ...], stores: Stores | None) -> list[Seen]:
        """The series that the members are counted against: its stores or its DCs, or the stores that a DC feeds."""
        if group.kind is Kind.DC_OUT:
            if stores is None:
                places = {member.place for member in counted(group.kind, group.scope, out)}
                return [one for one in seen if self._place(one, group) in places]
            return [one for one in seen if (one.partner, one.location_id) in stores]
        return [one for one in seen if one.is_dc is (group.scope == DCS)]

    def _elsewhere(self, group: Group, about: Iterable[Seen]) -> tuple[Elsewhere, ...]:
        """The locations that are out and in another group."""
        found: Counter[tuple[str, str]] = Counter()
        for one in about:
            other = self.groups.get((one.partner, one.location_id, group.item_id), group)
            if one.is_out and other != group:
                found[one.partner, other.scope if other.kind is Kind.DC_OUT else ""] += 1
        return tuple(
            Elsewhere(partner=partner, dc_id=dc_id or None, locations=count)
            for (partner, dc_id), count in sorted(found.items())
        )

    def _partners_fed(
        self, group: Group, rows: list[dict[str, Any]], stores: Stores | None, incident: Incident | None
    ) -> tuple[Fed, ...]:
        """The partners whose stores the DC feeds or has left without: known names alone, in order."""
        if group.kind is not Kind.DC_OUT:
            return ()
        partners = {row["partner"] for row in rows if not self._is_source(row, group)}
        partners |= {partner for partner, _ in stores or ()} | {
            one.partner for one in (incident.fed if incident else ())
        }
        names = {feed.partner: feed.partner_name for feed in self.settings.feeds.values()}
        before = {one.partner: one for one in (incident.fed if incident else ())}
        return tuple(
            Fed(
                partner=partner,
                partner_name=names.get(partner) or (before[partner].partner_name if partner in before else partner),
                locations=sum(one == partner for one, _ in stores) if stores else None,
            )
            for partner in sorted(partners)
        )

    def _member(self, row: dict[str, Any], group: Group, incident: Incident | None) -> Member:
        lack = LACKS[row["status"]]
        partner = "" if row["partner"] == group.partner else row["partner"]
        coming = [row[name] for name in ("on_order_units", "in_transit_units") if row[name] is not None]
        return Member(
            partner=partner,
            location_id=row["location_id"],
            location_name=row["location_name"],
            is_dc=group.kind is Kind.DC_OUT and row["feed_id"] in self.day.dc_feeds,
            lack=lack,
            out_since=row["spell_start_date"] or self._since(partner, row, incident),
            last_out=self.day.date,
            units_per_day=row["demand_units_per_day"],
            inbound_units=sum(coming) if coming else None,
            has_open_order=any(units > 0 for units in coming) if coming else None,
            cause=row["cause"],
            cause_place=row["scope_id"] if row["scope"] != "store" else None,
            evidence=tuple(json.loads(row["cause_evidence"] or "[]", strict=False)),
            **{name: row[name] for name in (*FIGURES, *OF_LACK[lack])},
        )

    def _since(self, partner: str, row: dict[str, Any], incident: Incident | None) -> Any:
        """Since when a series that has no spell yet is a member: as the incident has it, else since now."""
        found = (
            member.out_since
            for member in (incident.members if incident else ())
            if (member.partner, member.location_id) == (partner, row["location_id"])
            and member.is_active
            and member.lack is Lack.SHORT
        )
        return next(found, self.day.date)

    @staticmethod
    def _of_one_currency(
        members: tuple[Member, ...], rows: list[dict[str, Any]], currency: str | None
    ) -> tuple[Member, ...]:
        """Members without money in another currency than the incident's: it cannot be added."""
        nothing: dict[str, Any] = dict.fromkeys(MONEY)
        return tuple(
            member
            if row["currency"] in (currency, None)
            else member.model_copy(update=nothing | {"other_currency": row["currency"]})
            for member, row in zip(members, rows, strict=True)
        )

    @staticmethod
    def _left_out(rows: list[dict[str, Any]], currency: str | None) -> tuple[str, ...]:
        other = sum(row["currency"] not in (currency, None) for row in rows)
        places = one_or_many(other, "location")
        return (f"without money in another currency than {currency} ({places})",) if other else ()

    def _doubts(self, group: Group, rows: list[dict[str, Any]], known: int, ranged: int) -> tuple[str, ...]:
        if ranged and known / ranged < LEAST_COVERAGE:
            return (f"data of {known:,} of {ranged:,} locations",)
        lists = [one for one in self.settings.masters.values() if one.table == "assortment"]
        is_listed = any(one.serves(group.partner) for one in lists)
        if rows and not is_listed and all(row["last_sale_date"] is None for row in rows):
            return ("the range is inferred, and no sale was seen",)
        return ()

    def _is_due(self, row: dict[str, Any], group: Group) -> bool:
        """Whether a series opens an incident by itself: it lasts long enough, or was in another incident before."""
        series = (row["partner"], row["location_id"], row["item_id"])
        lack = LACKS[row["status"]]
        if lack is not Lack.SHORT and self._active.get(series, group) != group:
            return True
        facts = self._facts(row)
        match lack:
            case Lack.EMPTY:
                return bool(row["alert_due"])
            case Lack.DOUBTFUL:
                return bool(self.known.suspected.get(series, 0) + 1 >= self._limit("phantom_days_before_alert", facts))
        if row["p_runs_out"] is None:  # nothing is told of orders: `min_days_of_supply` has decided already
            return True
        if row["p_runs_out"] < self._limit("run_out_alert_probability", facts) or row["runs_out_on"] is None:
            return False
        return bool((row["runs_out_on"] - self.day.date).days <= self._limit("run_out_alert_days", facts))

    def _due_on(self, row: dict[str, Any]) -> dt.date | None:
        """The date on which a series that is not due will be if it goes on; null where that cannot be told."""
        facts = self._facts(row)
        match LACKS[row["status"]]:
            case Lack.EMPTY:
                start, days = row["spell_start_date"], self._limit("days_out_before_alert", facts) - 1
            case Lack.DOUBTFUL:
                series = (row["partner"], row["location_id"], row["item_id"])
                left = self._limit("phantom_days_before_alert", facts) - 1 - self.known.suspected.get(series, 0)
                return self._report(row["feed_id"], left)
            case Lack.SHORT:
                is_likely = row["p_runs_out"] >= self._limit("run_out_alert_probability", facts)
                start = row["runs_out_on"] if is_likely else None
                days = -self._limit("run_out_alert_days", facts)
        return start + dt.timedelta(days=days) if start else None

    def _report(self, feed_id: str, number: int) -> dt.date | None:
        """The business date of a feed's report so many reports after this date's; null within a year of none."""
        feed = self.settings.feeds.get(feed_id)
        dates = (self.day.date + dt.timedelta(days=n) for n in range(1, 366))
        return next(islice((date for date in dates if feed and feed.expected.is_due(date)), number - 1, None), None)

    @staticmethod
    def _facts(row: Mapping[str, Any]) -> dict[str, str | None]:
        return {name: row[name] for name in ("partner", "category", "item_class", "item_id", "location_id")}

    def _limit(self, name: Limit, facts: Mapping[str, str | None]) -> Any:
        return self.settings.thresholds.limit(name, facts)[0]

    def _transit_days(self, incident: Incident) -> float:
        return float(self._limit("restock_transit_days", incident.facts()))

"""The precision of the alerts as people judged them, and the weekly sample for an audit (A-56)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any, NamedTuple

from include.stockwatch.adapters.state import bulletins, incidents
from include.stockwatch.alerting.actions import JUDGED_KINDS
from include.stockwatch.alerting.case import Case
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.messages.audit_message import NearMiss, render
from include.stockwatch.alerting.precision import (
    Group,
    Judged,
    Outcome,
    Precision,
    judged,
    outcome,
    precisions,
    sample,
    weak,
)
from include.stockwatch.domain.availability import Status
from include.stockwatch.domain.scorecard import DAYS_OF_WEEK, monday_of
from include.stockwatch.workflows.master import with_location_types
from include.stockwatch.workflows.services import Services

WEEKS = 8
"""Weeks of alerts that a precision rests on."""
SAMPLE = 5
"""Alerts, and near misses, that a week's audit asks about."""
NEAR_SHARE = 0.5
"""A series is a near miss from this share of the probability that would make it suspect."""


def alerts(services: Services, first: dt.date, last: dt.date) -> list[Judged]:
    """The alerts that were detected between two dates, oldest first."""
    with services.state.begin() as tx:
        cases = incidents.detected(tx, JUDGED_KINDS, first, last)
    return [found for case in cases if (found := judged(case)) is not None]


class Told(NamedTuple):
    """An alert that people agree on: what it was about, on which dates, and whether it was right."""

    fingerprint: str
    first: dt.date
    last: dt.date
    is_right: bool


def verdicts(services: Services, first: dt.date, last: dt.date) -> list[Told]:
    """The alerts detected between two dates that people confirmed, or called a false alarm; none that is disputed."""
    with services.state.begin() as tx:
        cases = incidents.detected(tx, JUDGED_KINDS, first, last)
    found = [(case, outcome(case.handling.verdicts)) for case in cases if isinstance(case, Incident)]
    return [
        Told(case.fingerprint, case.detected_on, case.data_as_of, said is Outcome.CONFIRMED)
        for case, said in found
        if said in (Outcome.CONFIRMED, Outcome.FALSE_ALARM)
    ]


def of_weeks(services: Services, last: dt.date, weeks: int = WEEKS) -> list[Precision]:
    """Precision by kind, rule and partner over some weeks that end with a date."""
    return precisions(alerts(services, last - dt.timedelta(days=DAYS_OF_WEEK * weeks - 1), last))


def weak_rules(services: Services, on: dt.date) -> set[Group]:
    """Groups of alerts that go to the digest alone."""
    return weak(of_weeks(services, on))


class Audit(NamedTuple):
    """What people are asked to look at for a week: some of its alerts, and some shelves that nearly were one."""

    alerts: list[str]
    near_misses: list[NearMiss]


def audit(services: Services, monday: dt.date, size: int = SAMPLE) -> Audit:
    """A week's sample, the same whenever it is asked for."""
    last = monday + dt.timedelta(days=DAYS_OF_WEEK - 1)
    of_week = [alert.incident_id for alert in alerts(services, monday, last)]
    near = {one.key: one for one in _near_misses(services, last)}
    return Audit(sample(of_week, monday, size), [near[key] for key in sample(near, monday, size)])


def post_audit(services: Services, monday: dt.date) -> list[str]:
    """Put a week's sample into the outbox, for each channel its own part; returns the channels that had none yet."""
    now, found = services.now(), audit(services, monday)
    alerts: dict[str, list[Case]] = defaultdict(list)
    shelves: dict[str, list[NearMiss]] = defaultdict(list)
    for one in found.near_misses:
        shelves[services.settings.routes.route(one.key.split("/")[0]).channel].append(one)
    with services.state.begin() as tx:
        for incident_id in found.alerts:
            if case := incidents.find(tx, incident_id):
                alerts[case.channel].append(case)
        name = "AUDIT-{}-W{:02d}".format(*monday.isocalendar()[:2])
        return [
            channel
            for channel in dict.fromkeys([*alerts, *shelves])
            if bulletins.publish(
                tx,
                render(monday, alerts[channel], shelves[channel]),
                bulletin_id=name,
                channel=channel,
                now=now,
                once=True,
            )
        ]


def _near_misses(services: Services, last: dt.date) -> list[NearMiss]:
    """Shelves with stock by the record on the latest checked date of a week that may yet have been empty."""
    first = last - dt.timedelta(days=DAYS_OF_WEEK - 1)
    table = with_location_types(services, services.lake.table("availability", first=first, last=last))
    near = table.filter(
        table.status == Status.IN_STOCK.value,
        table.location_type.fill_null("") != "dc",
        table.p_phantom >= NEAR_SHARE * services.settings.thresholds.limit_column("phantom_probability", table),
        table.business_date == table.business_date.max(),
    )
    columns = ("partner", "location_id", "item_id", "location_name", "item_name", "p_phantom")
    names = {feed.partner: feed.partner_name for feed in services.settings.feeds.values()}
    return [
        NearMiss(
            key="/".join(row[name] for name in columns[:3]),
            item=row["item_name"] or row["item_id"],
            partner=names.get(row["partner"], row["partner"]),
            location=f"{row['location_name']} ({row['location_id']})" if row["location_name"] else row["location_id"],
            p_phantom=row["p_phantom"],
        )
        for row in services.lake.engine.to_pyarrow(near.select(*columns)).to_pylist()
    ]


def precision(services: Services, monday: dt.date | None = None, weeks: int = WEEKS) -> dict[str, Any]:
    """Precision up to the end of a week, by default the running one, with that week's audit sample."""
    monday = monday_of(monday or services.now().date())
    found, asked = of_weeks(services, monday + dt.timedelta(days=DAYS_OF_WEEK - 1), weeks), audit(services, monday)
    return {
        "weeks": weeks,
        "rules": [one.model_dump(mode="json") for one in found],
        "digest_only": sorted(f"{kind.value} by {rule} at {partner}" for kind, rule, partner in weak(found)),
        "audit": {"alerts": asked.alerts, "near_misses": {one.key: str(one) for one in asked.near_misses}},
    }

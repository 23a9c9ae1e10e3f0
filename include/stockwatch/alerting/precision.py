"""What people say of the alerts: how many were right, how sure that is, and which rules are too loud (A-56)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from pydantic import Field

from include.stockwatch.alerting.case import Case, Kind, Verdict
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.domain.value import Value

WEAK_PRECISION, ENOUGH_ANSWERS = 0.6, 20
"""A rule whose alerts are right less often than this, by at least so many verdicts, is told in the digest alone."""
CONFIDENCE = 0.95


class Outcome(StrEnum):
    """What people say of an alert, all verdicts together."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false alarm"
    DISPUTED = "disputed"  # one says this, another that
    UNANSWERED = "unanswered"


class Judged(Value):
    """One alert, and what people say of it."""

    incident_id: str
    kind: Kind
    rule: str
    partner: str
    category: str | None = None
    detected_on: dt.date
    outcome: Outcome
    money: float = Field(default=0.0, description="lost and at risk; 0 where not estimated")
    data_age_days: float | None = Field(default=None, description="age of the data when the last verdict was given")


class Group(NamedTuple):
    """What alerts are counted by."""

    kind: Kind
    rule: str
    partner: str

    @classmethod
    def of(cls, case: Case) -> Group:
        """The group of an incident; '' is the rule of kinds that have none."""
        return cls(case.kind, getattr(case, "rule", ""), case.partner)


class Precision(Value):
    """How often the alerts of a group were right. Shares; null where nobody answered."""

    kind: Kind
    rule: str
    partner: str
    alerts: int
    confirmed: int
    false_alarms: int
    disputed: int
    precision: float | None
    low: float | None = Field(description="Wilson score interval at 95 %")
    high: float | None
    by_value: float | None = Field(description="precision, each alert weighted by its money")
    answered: float = Field(description="share of the alerts with a verdict")
    data_age_days: float | None = Field(description="median age of the data at the verdict")

    @property
    def is_weak(self) -> bool:
        """Whether the group is wrong too often to interrupt people."""
        judged = self.confirmed + self.false_alarms
        return judged >= ENOUGH_ANSWERS and self.precision is not None and self.precision < WEAK_PRECISION


def outcome(verdicts: Sequence[Verdict]) -> Outcome:
    """What the last verdict of each person comes to."""
    said = {verdict.is_confirmed for verdict in verdicts}
    if not said:
        return Outcome.UNANSWERED
    if len(said) > 1:
        return Outcome.DISPUTED
    return Outcome.CONFIRMED if said == {True} else Outcome.FALSE_ALARM


def judged(case: Case) -> Judged | None:
    """An incident as an alert that people may judge; none if its kind is not judged, or a wrong report was to blame."""
    if isinstance(case, Incident) and case.was_never_out:
        return None
    detected, rule, as_of = (getattr(case, name, None) for name in ("detected_on", "rule", "data_as_of"))
    if detected is None or rule is None:
        return None
    listed, verdicts = case.listed(), case.handling.verdicts
    last = max((verdict.at for verdict in verdicts), default=None)
    age = (last.date() - as_of).days if last and as_of else None
    return Judged(
        incident_id=case.incident_id,
        kind=case.kind,
        rule=rule,
        partner=case.partner,
        category=listed.category,
        detected_on=detected,
        outcome=outcome(verdicts),
        money=(listed.money_lost or 0.0) + (listed.money_at_risk or 0.0),
        data_age_days=None if age is None else float(age),
    )


def precisions(alerts: Iterable[Judged]) -> list[Precision]:
    """Precision by kind, rule and partner, the least precise first; groups without an answer last."""
    groups: dict[Group, list[Judged]] = defaultdict(list)
    for alert in alerts:
        groups[Group(alert.kind, alert.rule, alert.partner)].append(alert)
    found = [precision(of, *group) for group, of in groups.items()]
    return sorted(found, key=lambda one: (one.precision is None, one.precision, one.kind, one.rule, one.partner))


def precision(alerts: Sequence[Judged], kind: Kind, rule: str, partner: str) -> Precision:
    """How often some alerts were right: confirmed / (confirmed + false alarms). Disputed ones count for neither.

    Source: the interval is Wilson's (1927), as scipy computes it
    """
    right, wrong, disputed = (
        [alert for alert in alerts if alert.outcome is one]
        for one in (Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.DISPUTED)
    )
    count = len(right) + len(wrong)
    low, high = _wilson(len(right), count) if count else (None, None)
    money = sum(alert.money for alert in (*right, *wrong))
    ages = [alert.data_age_days for alert in alerts if alert.data_age_days is not None]
    return Precision(
        kind=kind,
        rule=rule,
        partner=partner,
        alerts=len(alerts),
        confirmed=len(right),
        false_alarms=len(wrong),
        disputed=len(disputed),
        precision=len(right) / count if count else None,
        low=low,
        high=high,
        by_value=sum(alert.money for alert in right) / money if money > 0 else None,
        answered=(count + len(disputed)) / len(alerts) if alerts else 0.0,
        data_age_days=median(ages) if ages else None,
    )


def _wilson(right: int, count: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(right, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def weak(found: Iterable[Precision]) -> set[Group]:
    """The groups whose alerts go to the digest alone."""
    return {Group(one.kind, one.rule, one.partner) for one in found if one.is_weak}


def sample(keys: Collection[str], week: dt.date, size: int) -> list[str]:
    """A random choice of a week that is the same whenever it is asked for: the audit is not only about loud alerts."""
    drawn = sorted(keys, key=lambda key: hashlib.sha256(f"{week.isoformat()}|{key}".encode()).digest())
    return sorted(drawn[:size])

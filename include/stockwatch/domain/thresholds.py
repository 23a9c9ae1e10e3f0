"""Dependable-access thresholds: the most specific rule that sets a limit wins.

A rule that matches by location beats one by item, which beats item class, then category, then partner; two keys beat
one of them. Limits that a rule leaves out come from the next less specific rule, down to the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import ibis
import ibis.expr.types as ir
from pydantic import Field, field_validator, model_validator

from include.stockwatch.domain.value import Value

Limit = Literal[
    "min_in_stock_rate",
    "out_of_stock_at_or_below_units",
    "days_out_before_alert",
    "min_days_of_supply",
    "run_out_probability",
    "phantom_probability",
    "phantom_days_before_alert",
    "run_out_alert_probability",
    "run_out_alert_days",
    "restock_transit_days",
    "severity",
]
LIMITS: tuple[Limit, ...] = get_args(Limit)
STANDARD: Mapping[Limit, Any] = {
    "run_out_probability": 0.19,  # in most simulated worlds 7 of 10 run-outs are told of two days ahead, half rightly
    "phantom_probability": 0.6,  # with 60 % of records wrong still below 3 false alarms per 1,000 series-days
    "phantom_days_before_alert": 2,
    "run_out_alert_probability": 0.5,
    "run_out_alert_days": 7,
    "restock_transit_days": 2,
}
"""Limits that the default rule may leave out, and what they are then."""
OF_INCIDENTS: tuple[Limit, ...] = ("severity", "min_in_stock_rate", "restock_transit_days")
"""Limits that hold for all locations of an incident together."""
WEIGHT = {"partner": 1, "category": 2, "item_class": 4, "item_id": 8, "location_id": 16}


class Match(Value):
    """Which series a rule is for. A key left out matches everything."""

    partner: str | None = None
    category: str | None = None
    item_class: str | None = None
    item_id: str | None = None
    location_id: str | None = None

    def keys(self) -> dict[str, str]:
        """The keys that are set, e.g. `{"partner": "northfield"}`."""
        return {key: value for key in WEIGHT if (value := getattr(self, key)) is not None}

    def weight(self) -> int:
        """How specific the match is: 0 for the default."""
        return sum(WEIGHT[key] for key in self.keys())

    def accepts(self, facts: Mapping[str, str | None]) -> bool:
        """Whether a series with these facts is meant."""
        return all(facts.get(key) == value for key, value in self.keys().items())

    def accepts_rows(self, table: ir.Table) -> ir.BooleanValue:
        """Whether each row of a table is meant; a key that the table lacks counts as not known."""
        if not self.keys().keys() <= set(table.columns):
            return ibis.literal(False)
        accepted = ibis.and_(*(table[key] == wanted for key, wanted in self.keys().items()))
        return accepted.fill_null(False)


class SeverityBand(Value):
    """Reached when either figure is reached. Money is per incident over the risk horizon, in the feed's currency."""

    money: float | None = Field(default=None, ge=0, description="money at risk over the horizon")
    customers: float | None = Field(default=None, ge=0, description="customers expected lost, spell so far and horizon")


class SeverityBands(Value):
    """Lower bounds of each severity; below `medium` an incident is low."""

    critical: SeverityBand
    high: SeverityBand
    medium: SeverityBand

    @model_validator(mode="after")
    def _rises(self) -> SeverityBands:
        for figure in ("money", "customers"):
            bounds = [getattr(band, figure) for band in (self.medium, self.high, self.critical)]
            given = [bound for bound in bounds if bound is not None]
            if given != sorted(given):
                raise ValueError(f"`{figure}` must rise from medium over high to critical, these are {given}")
        return self


class Threshold(Value):
    """One rule of `thresholds.yaml`. Every limit may be left out, except in the default."""

    name: str = Field(min_length=1, description="shown in messages and by `explain`")
    match: Match = Match()
    min_in_stock_rate: float | None = Field(default=None, ge=0, le=1, description="the promise, a share 0..1")
    out_of_stock_at_or_below_units: float | None = Field(default=None, description="on hand at or below this is out")
    days_out_before_alert: int | None = Field(default=None, ge=1, le=56, description="days out before it may alert")
    min_days_of_supply: float | None = Field(default=None, ge=0, description="below this a series is at risk")
    run_out_probability: float | None = Field(
        default=None, gt=0, le=1, description="at or above it, before the next receipt, a series is at risk"
    )
    phantom_probability: float | None = Field(
        default=None, gt=0, le=1, description="at or above it the shelf is suspected empty though stock is recorded"
    )
    phantom_days_before_alert: int | None = Field(
        default=None, ge=1, le=14, description="dates in a row that a shelf is suspected empty before it may alert"
    )
    run_out_alert_probability: float | None = Field(
        default=None, gt=0, le=1, description="to run out before the next receipt; at or above it a series may alert"
    )
    run_out_alert_days: int | None = Field(default=None, ge=1, le=60, description="it must run out within so many days")
    restock_transit_days: int | None = Field(
        default=None, ge=0, le=60, description="after a DC is back its empty stores still count as due to it"
    )
    severity: SeverityBands | None = Field(default=None, description="money and customers that make a severity")

    @model_validator(mode="after")
    def _limits_of_an_incident_span_locations(self) -> Threshold:
        given = [name for name in OF_INCIDENTS if getattr(self, name) is not None]
        if self.match.location_id is not None and given:
            *others, last = (f"`{name}`" for name in OF_INCIDENTS)
            what = f"{', '.join(others)} and {last} are those of an incident, which spans locations"
            raise ValueError(f"{what}: leave them out of a rule that matches a `location_id`")
        return self


class Thresholds(Value):
    """All rules of `thresholds.yaml`. The first rule is the default: it matches everything and sets every limit."""

    thresholds: tuple[Threshold, ...] = Field(min_length=1)

    @field_validator("thresholds")
    @classmethod
    def _default_sets_standard_limits(cls, rules: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
        default, *others = rules
        lacking: dict[str, Any] = {limit: value for limit, value in STANDARD.items() if getattr(default, limit) is None}
        return (default.model_copy(update=lacking), *others)

    @model_validator(mode="after")
    def _starts_with_a_complete_default(self) -> Thresholds:
        default = self.thresholds[0]
        if default.match.weight():
            raise ValueError("the first threshold is the default and must not have a `match`")
        missing = [limit for limit in LIMITS if getattr(default, limit) is None]
        if missing:
            raise ValueError(f"the first threshold is the default and must set {', '.join(missing)}")
        names = [rule.name for rule in self.thresholds]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"threshold names must differ; repeated: {', '.join(repeated)}")
        return self

    def by_precedence(self) -> list[Threshold]:
        """Most specific first; of two equally specific rules the later one in the file."""
        ranked = sorted(enumerate(self.thresholds), key=lambda pair: (pair[1].match.weight(), pair[0]), reverse=True)
        return [rule for _, rule in ranked]

    def limit(self, name: Limit, facts: Mapping[str, str | None]) -> tuple[Any, str]:
        """The limit for one series and the name of the rule it comes from."""
        for rule in self.by_precedence():
            value = getattr(rule, name)
            if value is not None and rule.match.accepts(facts):
                return value, rule.name
        raise LookupError(f"no threshold sets {name}")  # ruled out by the default

    def rule(self, facts: Mapping[str, str | None]) -> str:
        """Name of the most specific rule for one series."""
        return next(rule.name for rule in self.by_precedence() if rule.match.accepts(facts))

    def limit_column(self, name: Limit, table: ir.Table) -> ir.Value:
        """The same limit for every row of a table; a match column that it lacks counts as not known."""
        return self._column(table, name, name)

    def source_column(self, name: Limit, table: ir.Table) -> ir.Value:
        """The name of the rule that the limit of every row comes from, as `limit_column`."""
        return self._column(table, name, "name")

    def rule_column(self, table: ir.Table) -> ir.Value:
        """The name of the most specific rule for every row of a table, as `limit_column`."""
        return self._column(table, "name", "name")

    def _column(self, table: ir.Table, field: str, told: str) -> ir.Value:
        """What is `told` by the most specific rule that sets a field, for every row of a table."""
        branches: list[tuple[ir.BooleanValue, Any]] = []
        for rule in self.by_precedence():
            if getattr(rule, field) is None:
                continue
            value = getattr(rule, told)
            if not rule.match.weight():
                return ibis.cases(*branches, else_=value) if branches else ibis.literal(value)
            branches.append((rule.match.accepts_rows(table), value))
        raise LookupError(f"no threshold sets {field}")  # ruled out by the default

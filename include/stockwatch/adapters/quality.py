"""Data quality with Great Expectations: one suite per feed, its result, and a page people can read.

The only module that imports Great Expectations. Importing it takes seconds, so it is imported inside a task.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from typing import Any

import pandas as pd

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import list_registered_expectation_implementations
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Feed

ROWS_SHARE, ROWS_OF_KEY, UNKNOWN_SHARE = "rows_share", "rows_of_key", "unknown_share"


@dataclass(frozen=True)
class Limits:
    """What a suite needs to know beside the feed: the dates that make sense, and the usual rows of each date."""

    latest_date: dt.date
    oldest_date: dt.date | None = None
    usual_rows: Mapping[dt.date, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Digest:
    """The different values of a file: all that a range can be checked on, however many rows there are.

    `values` holds the different values of each column of the observations; `rows_of_date` the rows of each business
    date; `rows_of_key` the different numbers of rows that one date, location and item has.
    """

    values: Mapping[str, Sequence[Any]]
    rows_of_date: Mapping[dt.date, int]
    rows_of_key: Sequence[int] = (1,)
    unknown_share: float = 0.0

    def frame(self, usual: Mapping[dt.date, float]) -> pd.DataFrame:
        """The digest as one batch: every column padded with nulls, which expectations pass over."""
        columns = {name: pd.Series(list(values)) for name, values in self.values.items()}
        shares = {date: rows / usual[date] for date, rows in self.rows_of_date.items() if usual.get(date)}
        columns["date_of_share"] = pd.Series(list(shares), dtype=object)
        columns[ROWS_SHARE] = pd.Series(list(shares.values()), dtype=float)
        columns[ROWS_OF_KEY] = pd.Series(list(self.rows_of_key), dtype=float)
        columns[UNKNOWN_SHARE] = pd.Series([self.unknown_share], dtype=float)
        columns["business_date"] = pd.to_datetime(columns["business_date"])
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class Fault:
    """An expectation that is not met: by the file, by rows with certain values of a column, or by certain lines."""

    code: str
    field: str
    reason: str
    fix: str
    column: str = ""
    values: tuple[Any, ...] = ()
    lines: tuple[int, ...] = ()


@dataclass(frozen=True)
class Quality:
    """Result of one validation. `summary` is small and goes to the ledger, `page` is a piece of HTML."""

    success: bool
    faults: tuple[Fault, ...]
    summary: dict[str, Any]
    page: str


def suite(feed_id: str, feed: Feed, limits: Limits) -> gx.ExpectationSuite:
    """The expectations that every feed must meet: of the values in a digest."""
    dates: dict[str, Any] = {"max_value": _moment(limits.latest_date)}
    date_field = (feed.date.column if feed.date else None) or ""
    checks = [
        _between(
            ROWS_OF_KEY,
            {"max_value": 1},
            "DUPLICATE_KEY",
            field=feed.item_id.column or "",
            reason="the same date, location and item more than once",
            fix="ask the partner which of the rows counts, or say in `repeats` what repeated rows mean",
        ),
        _between(
            "business_date",
            dates,
            "FUTURE_DATE",
            field=date_field,
            reason=f"after {limits.latest_date}, the day after the file came",
            fix="correct the date; are day and month swapped?",
        ),
        _between(
            UNKNOWN_SHARE,
            {"max_value": feed.quality.max_unknown_share},
            HoldCode.UNKNOWN_IDS.value,
            field="",
            reason=f"more than {feed.quality.max_unknown_share:.0%} of the rows are of items or locations that the "
            "master data do not have",
            fix="load the master data, or raise `quality.max_unknown_share`; the rows are replayed when it has them",
        ),
    ]
    if limits.oldest_date:
        checks.append(
            _between(
                "business_date",
                {"min_value": _moment(limits.oldest_date)},
                "STALE_DATE",
                field=date_field,
                reason=f"before {limits.oldest_date}, {feed.quality.max_age_days} days before the file came",
                fix="correct the date, or raise `quality.max_age_days`",
            )
        )
    most = feed.quality.max_units
    for name, column in measures_of(feed).items():
        checks.append(
            _between(
                name,
                {"min_value": -most, "max_value": most},
                "OUT_OF_RANGE",
                field=column,
                reason=f"beyond {most:,.0f} units",
                fix="correct the quantity, or raise `quality.max_units`",
            )
        )
    if has_price(feed):
        checks.append(
            _between(
                "price",
                {"min_value": 0, "max_value": feed.quality.max_price},
                "BAD_PRICE",
                field=feed.columns.price or "price",
                reason=f"a price below zero or above {feed.quality.max_price:,.0f}",
                fix="correct the price, leave it blank, or raise `quality.max_price`",
            )
        )
    if limits.usual_rows and feed.quality.min_rows_share:
        checks.append(
            _between(
                ROWS_SHARE,
                {"min_value": feed.quality.min_rows_share},
                HoldCode.ROW_COUNT.value,
                field="",
                reason=f"a date has fewer than {feed.quality.min_rows_share:.0%} of its usual rows",
                fix="ask the partner for the whole file; if it is whole, lower `quality.min_rows_share`, clear the run",
            )
        )
    return gx.ExpectationSuite(name=feed_id, expectations=checks)


def measures_of(feed: Feed) -> dict[str, str]:
    """Measures that a feed brings, and how the file names them."""
    if feed.codes:
        return {name: code for code, name in reversed(list(feed.codes.measures.items()))}
    return feed.columns.units()


def has_price(feed: Feed) -> bool:
    """Whether a feed brings prices."""
    return bool(feed.columns.price or (feed.is_edi and feed.currency))


def validate(digest: Digest, feed_id: str, feed: Feed, limits: Limits) -> Quality:
    """Validate the values of a file against what every feed must meet."""
    frame = digest.frame(limits.usual_rows)
    result = _run(feed_id, suite(feed_id, feed, limits), frame)
    faults = []
    for one in result.results:
        if one.success:
            continue
        fault = _fault(one)
        if fault.code == HoldCode.ROW_COUNT.value:
            found = ", ".join(_short(frame, line, digest, limits) for line in fault.lines)
            fault = replace(fault, reason=f"{fault.reason}: {found}", lines=())
        elif fault.lines and fault.column in digest.values:
            fault = replace(fault, values=tuple(frame[fault.column][list(fault.lines)]), lines=())
        else:
            fault = replace(fault, lines=())
        faults.append(fault)
    return Quality(bool(result.success), tuple(faults), _summary(result), _page(result))


def validate_rows(frame: pd.DataFrame, feed_id: str, feed: Feed) -> Quality:
    """Validate rows against the expectations that the feed adds; faults name places in the frame's index."""
    checks = []
    for added in feed.quality.expectations:
        column = str(added.kwargs.get("column", ""))
        reason = f"fails {added.type} {dict(added.kwargs)}"
        checks.append(_check(added.type, dict(added.kwargs), added.code, field=column, reason=reason, fix=added.fix))
    result = _run(feed_id, gx.ExpectationSuite(name=feed_id, expectations=checks), frame)
    faults = tuple(_fault(one) for one in result.results if not one.success)
    return Quality(bool(result.success), faults, _summary(result), _page(result))


def _run(feed_id: str, expectations: gx.ExpectationSuite, frame: pd.DataFrame) -> Any:
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False))
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("feed").add_dataframe_asset(feed_id)
    definition = gx.ValidationDefinition(
        name=feed_id, data=source.add_batch_definition_whole_dataframe("file"), suite=context.suites.add(expectations)
    )
    return context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame}, result_format={"result_format": "COMPLETE"}
    )


def _short(frame: pd.DataFrame, line: int, digest: Digest, limits: Limits) -> str:
    date = frame["date_of_share"][line]
    return f"{date} has {digest.rows_of_date[date]}, usual are {limits.usual_rows[date]:.0f}"


def _moment(date: dt.date) -> str:
    return dt.datetime.combine(date, dt.time()).isoformat()


def _escaped(value: Any) -> Any:
    """A result with every text of the file made harmless; Great Expectations puts them into its page as they are."""
    match value:
        case str():
            return escape(value)
        case dict():
            return {name: _escaped(part) for name, part in value.items()}
        case list() | tuple():
            return type(value)(_escaped(part) for part in value)
        case _:
            return value


def known_expectations() -> list[str]:
    """Every type of expectation that a feed may add."""
    return sorted(list_registered_expectation_implementations())


def _between(column: str, bounds: dict[str, Any], code: str, *, field: str, reason: str, fix: str) -> Any:
    kwargs = {"column": column, **bounds}
    return _check("expect_column_values_to_be_between", kwargs, code, field=field, reason=reason, fix=fix)


def _check(kind: str, kwargs: dict[str, Any], code: str, *, field: str, reason: str, fix: str) -> Any:
    meta = {"code": code, "field": field, "reason": reason, "fix": fix}
    return ExpectationConfiguration(type=kind, kwargs=kwargs, meta=meta).to_domain_obj()


def _fault(one: Any) -> Fault:
    meta = one.expectation_config.meta or {}
    reason = meta.get("reason", one.expectation_config.type)
    raised = [info.get("exception_message", "") for info in _exceptions(one.exception_info) if info]
    if raised:
        reason = f"could not be checked: {raised[0].splitlines()[0]}"
    observed = one.result.get("observed_value")
    if observed is not None and not raised:
        reason = f"{reason}; found {observed}"
    lines = tuple(sorted({int(line) for line in one.result.get("unexpected_index_list") or ()}))
    column = str(one.expectation_config.kwargs.get("column", ""))
    code, where = meta.get("code", HoldCode.NOT_VALIDATED.value), meta.get("field", "")
    return Fault(code, where, reason, meta.get("fix", ""), column, lines=lines)


def _exceptions(info: dict[str, Any] | None) -> list[dict[str, Any]]:
    if not info:
        return []
    nested = [info] if "raised_exception" in info else list(info.values())
    return [one for one in nested if one.get("raised_exception")]


def _summary(result: Any) -> dict[str, Any]:
    checks = []
    for one in result.results:
        meta = one.expectation_config.meta or {}
        checks.append(
            {
                "code": meta.get("code"),
                "type": one.expectation_config.type,
                "column": one.expectation_config.kwargs.get("column"),
                "success": bool(one.success),
                "unexpected": int(one.result.get("unexpected_count") or 0),
            }
        )
    return {"success": bool(result.success), "checks": sorted(checks, key=lambda c: (c["code"], str(c["column"])))}


@cache
def _view() -> DefaultJinjaPageView:
    """The templates of the page, compiled once."""
    return DefaultJinjaPageView()


BODY = re.compile(r"<body\b[^>]*>(.*)</body>", re.IGNORECASE | re.DOTALL)
FOREIGN = re.compile(
    r"<(script|style|svg)\b.*?</\1>|<link\b[^>]*>|<img\b[^>]*>|\son[a-z]+=(\"[^\"]*\"|'[^']*')",
    re.IGNORECASE | re.DOTALL,
)


def _page(result: Any) -> str:
    """The body of the Data Docs page of a result, without scripts, styles and pictures.

    It is shown under Airflow's own address, so nothing foreign may run in it; the server's policy forbids it as well.
    """
    for one in result.results:  # the page needs counts and samples, not every failing row
        for long in (
            "unexpected_index_list",
            "unexpected_list",
            "partial_unexpected_index_list",
            "unexpected_index_query",
        ):
            one.result.pop(long, None)
        one.result = _escaped(one.result)
    page = str(_view().render(ValidationResultsPageRenderer().render(result)))
    body = BODY.search(page)
    return FOREIGN.sub("", body[1] if body else page)

"""Data quality with Great Expectations: one suite per feed, its result, and a page people can read.

The only module that imports Great Expectations. Importing it takes seconds, so it is imported inside a task.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import dataclass, replace
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

from include.stockwatch.settings.feed import Feed

KEY = ("business_date", "location_id", "item_id")
ROWS_OF_DATE = "rows_of_date"


@dataclass(frozen=True)
class RowFault:
    """An expectation that single rows do not meet, and their lines."""

    code: str
    field: str
    reason: str
    fix: str
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Quality:
    """Result of one validation. `summary` is small and goes to the ledger, `page` is a piece of HTML."""

    success: bool
    row_faults: tuple[RowFault, ...]
    file_faults: tuple[RowFault, ...]
    summary: dict[str, Any]
    page: str


def suite(feed_id: str, feed: Feed, latest_date: dt.date, usual_rows: float | None) -> gx.ExpectationSuite:
    """The expectations of a feed: what every feed must meet, and what its definition adds.

    `usual_rows` is the usual number of rows per business date, if known.
    """
    limit = feed.quality.max_units
    checks = [
        _check(
            "expect_compound_columns_to_be_unique",
            {"column_list": list(KEY)},
            "DUPLICATE_KEY",
            field=feed.item_id.column,
            reason="the same date, location and item more than once",
            fix="ask the partner which of the rows counts; none of them is published",
        ),
        _check(
            "expect_column_values_to_be_between",
            {"column": "business_date", "max_value": dt.datetime.combine(latest_date, dt.time()).isoformat()},
            "FUTURE_DATE",
            field=feed.date.column,
            reason=f"after {latest_date}, the day after the file came",
            fix="correct the date; are day and month swapped?",
        ),
    ]
    for name, column in feed.columns.units().items():
        checks.append(
            _check(
                "expect_column_values_to_be_between",
                {"column": name, "min_value": -limit, "max_value": limit},
                "OUT_OF_RANGE",
                field=column,
                reason=f"beyond {limit:,.0f} units",
                fix="correct the quantity, or raise `quality.max_units`",
            )
        )
    if feed.columns.price:
        checks.append(
            _check(
                "expect_column_values_to_be_between",
                {"column": "price", "min_value": 0, "max_value": feed.quality.max_price},
                "BAD_PRICE",
                field=feed.columns.price,
                reason=f"a price below zero or above {feed.quality.max_price:,.0f}",
                fix="correct the price, leave it blank, or raise `quality.max_price`",
            )
        )
    if usual_rows and feed.quality.min_rows_share:
        least = int(usual_rows * feed.quality.min_rows_share)
        checks.append(
            _check(
                "expect_column_values_to_be_between",
                {"column": ROWS_OF_DATE, "min_value": least},
                "ROW_COUNT",
                field="",
                reason=f"a date has fewer than {least} rows; usual are {usual_rows:.0f}, "
                f"{feed.quality.min_rows_share:.0%} of it is the least",
                fix="ask the partner for the whole file; if it is whole, lower `quality.min_rows_share`, clear the run",
            )
        )
    for added in feed.quality.expectations:
        column = str(added.kwargs.get("column", ""))
        reason = f"fails {added.type} {dict(added.kwargs)}"
        checks.append(_check(added.type, dict(added.kwargs), added.code, field=column, reason=reason, fix=added.fix))
    return gx.ExpectationSuite(name=feed_id, expectations=checks)


def validate(
    frame: pd.DataFrame, feed_id: str, feed: Feed, *, latest_date: dt.date, usual_rows: float | None
) -> Quality:
    """Validate the bound rows of one file.

    Shapes: `frame` has one row per line, indexed by line; lines in the result refer to that index.
    """
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False))
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = {"globally": False}
    frame = frame.assign(**{ROWS_OF_DATE: frame.groupby("business_date")["business_date"].transform("size")})
    expectations = context.suites.add(suite(feed_id, feed, latest_date, usual_rows))
    source = context.data_sources.add_pandas("feed").add_dataframe_asset(feed_id)
    definition = gx.ValidationDefinition(
        name=feed_id, data=source.add_batch_definition_whole_dataframe("file"), suite=expectations
    )
    result = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame}, result_format={"result_format": "COMPLETE"}
    )
    rows: list[RowFault] = []
    files: list[RowFault] = []
    for one in result.results:
        if one.success:
            continue
        fault = _fault(one)
        if fault.code == "ROW_COUNT":
            short = frame.loc[list(fault.lines)].groupby("business_date").size()
            found = ", ".join(f"{date:%Y-%m-%d} has {count}" for date, count in short.items())
            files.append(replace(fault, reason=f"{fault.reason}; {found}", lines=()))
        else:
            (rows if fault.lines else files).append(fault)
    return Quality(bool(result.success), tuple(rows), tuple(files), _summary(result), _page(result))


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


def _check(kind: str, kwargs: dict[str, Any], code: str, *, field: str, reason: str, fix: str) -> Any:
    meta = {"code": code, "field": field, "reason": reason, "fix": fix}
    return ExpectationConfiguration(type=kind, kwargs=kwargs, meta=meta).to_domain_obj()


def _fault(one: Any) -> RowFault:
    meta = one.expectation_config.meta or {}
    reason = meta.get("reason", one.expectation_config.type)
    raised = [info.get("exception_message", "") for info in _exceptions(one.exception_info) if info]
    if raised:
        reason = f"could not be checked: {raised[0].splitlines()[0]}"
    observed = one.result.get("observed_value")
    if observed is not None and not raised:
        reason = f"{reason}; found {observed}"
    lines = tuple(sorted({int(line) for line in one.result.get("unexpected_index_list") or ()}))
    return RowFault(meta.get("code", "NOT_VALIDATED"), meta.get("field", ""), reason, meta.get("fix", ""), lines)


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
    page = str(DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result)))
    body = BODY.search(page)
    return FOREIGN.sub("", body[1] if body else page)

"""Severity from money and customers at risk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.case import SEVERITY_ORDER, Severity
from include.stockwatch.alerting.severity import severity
from include.stockwatch.domain.thresholds import SeverityBand, SeverityBands
from tests.domain.tables import BANDS
from tests.strategies import severity_bands


@pytest.mark.parametrize(
    ("money", "customers", "expected"),
    [
        (1500, 0, Severity.CRITICAL),  # a bound is reached, not passed
        (1499.99, 0, Severity.HIGH),
        (0, 20, Severity.CRITICAL),  # either figure is enough
        (600, 1, Severity.HIGH),
        (99, 1, Severity.MEDIUM),
        (99, 0.9, Severity.LOW),
        (0, 0, Severity.LOW),
        (None, 5, Severity.HIGH),  # not estimated reaches nothing by itself
        (None, None, Severity.LOW),
    ],
)
def test_the_highest_band_that_either_figure_reaches(
    money: float | None, customers: float | None, expected: Severity
) -> None:
    assert severity(money, customers, BANDS) is expected


def test_a_figure_without_a_bound_reaches_no_band() -> None:
    bands = SeverityBands(critical=SeverityBand(customers=2), high=SeverityBand(), medium=SeverityBand(customers=0.1))
    assert severity(1_000_000, 0.5, bands) is Severity.MEDIUM


FIGURE = st.none() | st.floats(0, 3000)


@given(severity_bands(), FIGURE, FIGURE, st.floats(0, 1000))
def test_more_money_never_lowers_the_severity(
    bands: SeverityBands, money: float | None, customers: float | None, more: float
) -> None:
    before = severity(money, customers, bands)
    after = severity((money or 0) + more, customers, bands)
    assert SEVERITY_ORDER.index(after) <= SEVERITY_ORDER.index(before)

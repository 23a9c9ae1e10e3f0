"""Severity from money and customers at risk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.case import SEVERITY_ORDER, Severity
from include.stockwatch.alerting.severity import adjusted, severity
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


# --- what the figures do not show (A-22) -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "out", "expected"),
    [
        (3, 1, Severity.MEDIUM),
        (2, 1, Severity.LOW),  # of two locations a share says nothing
        (20, 1, Severity.LOW),  # 95 % is kept
        (21, 2, Severity.MEDIUM),
    ],
)
def test_a_broken_promise_raises_by_one_level_where_enough_is_known(known: int, out: int, expected: Severity) -> None:
    found, notes = adjusted(Severity.LOW, known=known, out=out, promise=0.95, doubts=())
    assert found is expected
    assert notes == (("one level up: the promise of 95% is broken",) if expected is Severity.MEDIUM else ())


def test_what_is_critical_already_cannot_be_raised() -> None:
    assert adjusted(Severity.CRITICAL, known=9, out=9, promise=0.95, doubts=()) == (Severity.CRITICAL, ())


def test_doubt_is_told_only_where_it_lowers() -> None:
    doubts = ("data of 1 of 3 locations",)
    medium = adjusted(Severity.LOW, known=4, out=4, promise=0.95, doubts=doubts)
    assert medium == (Severity.MEDIUM, ("one level up: the promise of 95% is broken",))
    high = adjusted(Severity.HIGH, known=4, out=0, promise=0.95, doubts=doubts)
    assert high == (Severity.MEDIUM, ("confidence low, so medium at most: data of 1 of 3 locations",))


@given(st.sampled_from(Severity), st.integers(0, 30), st.integers(0, 30), st.none() | st.floats(0, 1), st.booleans())
def test_doubt_makes_it_medium_at_most_and_says_why(
    by_figures: Severity, known: int, out: int, promise: float | None, is_doubted: bool
) -> None:
    doubts = ("data of 1 of 3 locations",) if is_doubted else ()
    found, notes = adjusted(by_figures, known=known, out=min(out, known), promise=promise, doubts=doubts)
    rank = SEVERITY_ORDER.index
    assert rank(found) >= rank(by_figures) - 1
    assert not is_doubted or rank(found) >= rank(Severity.MEDIUM)
    assert is_doubted or rank(found) <= rank(by_figures)
    assert bool(notes) == (found is not by_figures) or is_doubted

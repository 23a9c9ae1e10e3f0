"""Severity from money and customers at risk, from a promise that is broken, and from how sure the figures are."""

from __future__ import annotations

from include.stockwatch.alerting.case import SEVERITY_ORDER, Severity
from include.stockwatch.domain.thresholds import SeverityBand, SeverityBands

FEWEST_KNOWN = 3
"""Locations below which a share says nothing: one of two without stock is no broken promise."""
MOST_IN_DOUBT = Severity.MEDIUM
LEAST_COVERAGE = 0.5


def severity(money: float | None, customers: float | None, bands: SeverityBands) -> Severity:
    """The highest band that either figure reaches; a figure that is not estimated reaches none."""
    for name in (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM):
        band: SeverityBand = getattr(bands, name.value)
        if _reaches(money, band.money) or _reaches(customers, band.customers):
            return name
    return Severity.LOW


def _reaches(figure: float | None, bound: float | None) -> bool:
    return figure is not None and bound is not None and figure >= bound


def adjusted(
    by_figures: Severity, *, known: int, out: int, promise: float | None, doubts: tuple[str, ...]
) -> tuple[Severity, tuple[str, ...]]:
    """The severity after what the figures do not show, and why it differs (A-22).

    A promise that is broken already raises it by one level; figures in doubt make it medium at most. `known` and `out`
    are locations, `promise` a share; none where no promise is about it.
    """
    found, notes = by_figures, []
    if promise is not None and known >= FEWEST_KNOWN and (known - out) / known < promise:
        raised = SEVERITY_ORDER[max(SEVERITY_ORDER.index(found) - 1, 0)]
        if raised is not found:
            found, notes = raised, [f"one level up: the promise of {100 * promise:g}% is broken"]
    if doubts and SEVERITY_ORDER.index(found) < SEVERITY_ORDER.index(MOST_IN_DOUBT):
        return MOST_IN_DOUBT, tuple(f"confidence low, so medium at most: {doubt}" for doubt in doubts)
    return found, tuple(notes)

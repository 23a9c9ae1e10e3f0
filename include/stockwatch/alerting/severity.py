"""Severity from money and customers at risk."""

from __future__ import annotations

from include.stockwatch.alerting.case import Severity
from include.stockwatch.domain.thresholds import SeverityBand, SeverityBands


def severity(money: float | None, customers: float | None, bands: SeverityBands) -> Severity:
    """The highest band that either figure reaches; a figure that is not estimated reaches none."""
    for name in (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM):
        band: SeverityBand = getattr(bands, name.value)
        if _reaches(money, band.money) or _reaches(customers, band.customers):
            return name
    return Severity.LOW


def _reaches(figure: float | None, bound: float | None) -> bool:
    return figure is not None and bound is not None and figure >= bound

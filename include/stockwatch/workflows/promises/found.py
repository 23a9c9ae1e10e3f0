"""What the tables show of one kind of promise on a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from include.stockwatch.alerting.promise_incident import Finding, PromiseKind


@dataclass
class Found:
    """What the tables show of one kind of promise: what is broken, and how it ended where it is broken no more."""

    kind: PromiseKind
    findings: list[Finding] = field(default_factory=list)
    partners: set[str] | None = None  # with fresh data; None: whoever it is about
    known: Mapping[tuple[str, str], frozenset[str]] | None = None  # locations that were looked at; None: all
    ending: str = ""  # without one nothing ends
    endings: dict[tuple[str, str], str] = field(default_factory=dict)  # by partner and item

    def speaks_of(self, partner: str) -> bool:
        """Whether there are data that could show it."""
        return self.partners is None or partner in self.partners

"""Which new incidents of a run get a message of their own in a channel, and which share one (A-44, A-56).

Nothing is dropped: every incident is in exactly one of the three parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from include.stockwatch.alerting.case import Case, Kind, Severity
from include.stockwatch.alerting.messages.digest import ranked
from include.stockwatch.alerting.precision import Group

MOST_CRITICAL = 5
"""Critical incidents of a run and channel that get a message each; more become one."""
ALWAYS_ALONE = (Kind.FEED_PROBLEM, Kind.MASS_CHANGE, Kind.NO_OWNER)
"""Kinds outside the budget: few, and each stands for many figures."""


class Parts(NamedTuple):
    """New incidents of one channel, the worst first in every part."""

    alone: list[Case]
    rolled_up: list[Case]  # critical, and too many for a message each
    together: list[Case]


def parts(cases: Iterable[Case], budget: int, digest_only: Collection[Group] = ()) -> Parts:
    """Share out the new incidents of a channel: `budget` get a message of their own, ranked by severity and money.

    Critical ones are outside the budget. `digest_only` are groups of alerts that are wrong too often to interrupt.
    """
    found = Parts([], [], [])
    first = ranked(cases)
    critical = [case for case in first if _is_critical(case)]
    (found.rolled_up if len(critical) > MOST_CRITICAL else found.alone).extend(critical)
    for case in first:
        if _is_critical(case):
            continue
        if case.kind in ALWAYS_ALONE:
            found.alone.append(case)
        elif budget > 0 and Group.of(case) not in digest_only:
            found.alone.append(case)
            budget -= 1
        else:
            found.together.append(case)
    return found


def _is_critical(case: Case) -> bool:
    return case.listed().severity is Severity.CRITICAL

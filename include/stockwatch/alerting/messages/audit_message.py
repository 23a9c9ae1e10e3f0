"""The weekly audit: some alerts and some series that nearly were one, for people to look at (A-56).

Verdicts are mostly given of what is loud. A sample drawn by lot shows how good the rules are on all the rest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from include.stockwatch.alerting.case import Case
from include.stockwatch.alerting.messages.digest import line
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.words import clip, day_words, one_line, one_or_many


class NearMiss(NamedTuple):
    """A shelf with stock on record that was nearly suspected to be empty. `key` is partner/location/item."""

    key: str
    item: str
    partner: str
    location: str
    p_phantom: float

    def __str__(self) -> str:
        """In one line."""
        names = (one_line(name) for name in (self.item, self.partner, self.location))
        return "{} at {}, {}: empty with a chance of {:.0%}".format(*names, self.p_phantom)


def render(monday: dt.date, alerts: Sequence[Case], near_misses: Sequence[NearMiss]) -> Message:
    """What one channel is asked to look at for a week."""
    shelves = f"{len(near_misses):,} {'shelf' if len(near_misses) == 1 else 'shelves'} without an alert"
    asked_for = [one_or_many(len(alerts), "alert")] * bool(alerts) + [shelves] * bool(near_misses)
    what = " and ".join(asked_for)
    asked = ["Press Confirmed or False alarm below each alert, or on the board."] if alerts else []
    looked = ["Shelves that nearly had an alert; is one empty? `explain` shows every number."] if near_misses else []
    return Message(
        fallback=clip(f"AUDIT of the week from {day_words(monday)}: please look at {what}.", FALLBACK_LIMIT),
        header=f"Weekly audit - {what}",
        fields=(("Alerts", f"{len(alerts):,}"), ("Without an alert", f"{len(near_misses):,}")),
        body=(*asked, *map(line, alerts), *looked, *(f"   {one} - {one_line(one.key)}" for one in near_misses)),
        context=(f"week from {day_words(monday)}", "drawn by lot, so that precision is not only about loud alerts"),
    )

"""A silence: incidents that are told to nobody for a while. They keep their state and count in every figure (A-05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from include.stockwatch.alerting.routing import Facts, Match
from include.stockwatch.domain.value import Value
from include.stockwatch.errors import ActionRefused

LONGEST = dt.timedelta(days=90)
OVER = "unsilenced"
"""The kind of event of an incident that began under a silence which is over: it is told now."""


class Reason(StrEnum):
    """Why something was done."""

    SILENCE_OVER = "silence_over"


class Silence(Value):
    """Which incidents are quiet, from when until when, who says so and why."""

    silence_id: int = Field(default=0, description="0 = not kept yet")
    match: Match
    starts_at: dt.datetime
    ends_at: dt.datetime = Field(description="the first moment that is not quiet any more")
    author: str = Field(min_length=1, max_length=250)
    comment: str = Field(max_length=1000)
    ended_by: str | None = Field(default=None, description="who ended it before its time")

    def is_active(self, at: dt.datetime) -> bool:
        """Whether it holds at a moment."""
        return self.starts_at <= at < self.ends_at


def check(silence: Silence) -> None:
    """Refuse what would be quiet for ever, or for a reason that nobody knows. Raises: ActionRefused"""
    if silence.match == Match():
        raise ActionRefused("say which incidents are to be quiet; a silence of everything is none")
    if not silence.comment.strip():
        raise ActionRefused("say why these incidents are to be quiet")
    if silence.ends_at <= silence.starts_at:
        raise ActionRefused("a silence ends after it starts")
    if silence.ends_at - silence.starts_at > LONGEST:
        raise ActionRefused(f"a silence lasts {LONGEST.days} days at most")


def silenced_by(facts: Facts, silences: Iterable[Silence], at: dt.datetime) -> Silence | None:
    """The first silence that holds for an incident at a moment."""
    return next((one for one in silences if one.is_active(at) and one.match.accepts(facts)), None)

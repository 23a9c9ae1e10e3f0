"""Silences are told to be quiet about something, for a reason, and not for ever (A-05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.stockwatch.alerting.routing import Facts, Match
from include.stockwatch.alerting.silence import Silence, check, silenced_by
from include.stockwatch.errors import ActionRefused

AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


def silence(**told: Any) -> Silence:
    known = {"match": Match(partner="northfield"), "starts_at": AT, "ends_at": AT + dt.timedelta(days=3)}
    return Silence(**{**known, "author": "dana@example.com", "comment": "reset of the shelf", **told})


def test_a_silence_holds_for_what_it_matches_from_its_start_until_its_end() -> None:
    one, here, there = silence(), Facts(partner="northfield"), Facts(partner="westway")
    assert silenced_by(here, [one], AT) is one
    assert silenced_by(there, [one], AT) is None
    assert silenced_by(here, [one], AT - dt.timedelta(seconds=1)) is None
    assert silenced_by(here, [one], one.ends_at) is None


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"match": Match()}, "which incidents"),
        ({"comment": " "}, "say why"),
        ({"ends_at": AT}, "ends after it starts"),
        ({"ends_at": AT + dt.timedelta(days=90, seconds=1)}, "90 days at most"),
    ],
)
def test_a_silence_without_end_reason_or_object_is_refused(told: dict[str, Any], why: str) -> None:
    check(silence(ends_at=AT + dt.timedelta(days=90)))
    with pytest.raises(ActionRefused, match=why):
        check(silence(**told))

"""What the weekly scorecard of a channel says: each partner's promises kept or broken, and the trend."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.words import clip, day_words, one_line
from include.stockwatch.domain.scorecard import DAYS_OF_WEEK, Promised, Score, Verdict

PARTNERS_SHOWN, NAMED = 6, 3
STEADY = 0.0005
"""Share that a rate may move without a direction: it shows as 0.0 points."""
STEADY_SERVICE = 0.005
"""Complaints for 1,000 units that may be more or less without a direction: they show as 0.00."""


def render(scores: Sequence[Score], owner: str) -> Message:
    """The scorecard of the partners that one channel is told of; broken promises first."""
    ranked = sorted(scores, key=lambda score: (-_broken(score), score.partner_name, score.partner))
    monday = ranked[0].monday
    kept, held = (sum(count(score) for score in ranked) for count in (_kept, _held_to))
    who = one_line(ranked[0].partner_name) if len(ranked) == 1 else f"{len(ranked):,} partners"
    week = f"Week {monday.isocalendar().week}"
    more = len(ranked) - PARTNERS_SHOWN
    lines = [line for score in ranked[:PARTNERS_SHOWN] for line in _lines(score, named=len(ranked) > 1)]
    if more > 0:
        lines.append(f"{more:,} more partners: the board has all, and so has `scorecard --week {_iso_week(monday)}`.")
    return Message(
        fallback=clip(f"{week} {who}: {_headline(ranked, kept, held)}.", FALLBACK_LIMIT),
        header=f"{week} scorecard - {who}",
        fields=(
            ("Week", f"{day_words(monday)} to {day_words(monday + dt.timedelta(days=DAYS_OF_WEEK - 1))}"),
            ("Promises kept", f"{kept:,} of {held:,}" if held else "none could be measured"),
            ("Owner", one_line(owner)),
            ("Data", _data(ranked)),
        ),
        body=tuple(lines),
        context=(f"week {_iso_week(monday)}", "trend: against the four weeks before, points of a share or a rate"),
    )


def _lines(score: Score, *, named: bool) -> list[str]:
    promises = score.promises()
    lines = [
        f"{_availability(score)}: {_share(promises['availability'])}",
        f"Price: {_share(promises['price'], ' in their band')}",
        f"Service: {_service(promises['service'])}",
    ]
    if not named:
        return lines
    return [
        f"{one_line(score.partner_name)}: {_count(score)}",
        *(f"   {line}" for line in lines),
    ]


def _count(score: Score) -> str:
    held = _held_to(score)
    return f"{_kept(score)} of {held} kept" if held else "none could be measured"


def _availability(score: Score) -> str:
    return "Availability in DCs" if score.location_type == "dc" else "Availability"


def _share(promised: Promised, what: str = "") -> str:
    if promised.value is None:
        return Verdict.NOT_MEASURED.value
    limit = "" if promised.limit is None else f" (promise {100 * promised.limit:g}%)"
    change = promised.change
    trend = "no weeks before to compare" if change is None else _trend(change, f"{100 * change:+.1f} points")
    return f"{promised.verdict.upper()} - {_percent(promised.value, promised.limit)}{what}{limit}, {trend}"


def _percent(value: float, limit: float | None) -> str:
    """A share with one decimal; where that would read as a promise kept, it is rounded down."""
    reads_as_kept = limit is not None and value < limit <= round(value, 3)
    return f"{math.floor(1000 * value) / 1000 if reads_as_kept else value:.1%}"


def _service(promised: Promised) -> str:
    if promised.value is None:
        return Verdict.NOT_MEASURED.value
    limit = "" if promised.limit is None else f" (at most {promised.limit:.2f})"
    change = promised.change
    trend = "no weeks before to compare" if change is None else _trend(-change, f"{change:+.2f}", STEADY_SERVICE)
    rate = f"{_rate(promised.value, promised.limit)} complaints for 1,000 units sold"
    return f"{promised.verdict.upper()} - {rate}{limit}, {trend}"


def _rate(value: float, limit: float | None) -> str:
    """A rate with two decimals; where that would read as a promise kept, it is rounded up."""
    reads_as_kept = limit is not None and round(value, 2) <= limit < value
    return f"{math.ceil(100 * value) / 100 if reads_as_kept else value:.2f}"


def _trend(gain: float, shown: str, steady: float = STEADY) -> str:
    return "steady" if abs(gain) < steady else f"{'better' if gain > 0 else 'worse'}: {shown}"


def _headline(ranked: Sequence[Score], kept: int, held: int) -> str:
    if len(ranked) > 1:
        broken = [one_line(score.partner_name) for score in ranked if _broken(score)]
        others = " and others" if len(broken) > NAMED else ""
        where = f"broken at {', '.join(broken[:NAMED])}{others}" if broken else "none broken"
        return f"{kept} of {held} promises kept, {where}"
    promised = ranked[0].promises()["availability"]
    name = _availability(ranked[0])
    return f"{name[0].lower()}{name[1:]} {_share(promised)}; {kept} of {held} promises kept"


def _data(ranked: Sequence[Score]) -> str:
    """How much of the week the figures rest on, and who sent nothing that they could rest on."""
    told = [score for score in ranked if score.week.days]
    without = [score for score in ranked if not score.week.days]
    silent = _named([score for score in without if not score.week.priced], "none of")
    unstocked = _named([score for score in without if score.week.priced], "no stock of")
    if not told:
        return "; ".join(filter(None, [unstocked, silent]))
    least = min(told, key=lambda score: score.week.days - score.due)
    covered = min(score.week.coverage for score in told if score.week.coverage is not None)
    every = "every day" if all(score.due >= DAYS_OF_WEEK for score in told) else "every day that was due"
    words = every if least.week.days >= least.due else f"{least.week.days} of {least.due} days"
    return "; ".join(filter(None, [f"{words}, {covered:.0%} of series fresh", unstocked, silent]))


def _named(scores: Sequence[Score], what: str) -> str:
    """`none of Northfield Grocers, Westway and others`; nothing where there are none."""
    names = ", ".join(one_line(score.partner_name) for score in scores[:NAMED])
    return f"{what} {names}{' and others' if len(scores) > NAMED else ''}" if scores else ""


def _kept(score: Score) -> int:
    return sum(one.verdict is Verdict.KEPT for one in score.promises().values())


def _broken(score: Score) -> int:
    return sum(one.verdict is Verdict.BROKEN for one in score.promises().values())


def _held_to(score: Score) -> int:
    return _kept(score) + _broken(score)


def _iso_week(monday: dt.date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"

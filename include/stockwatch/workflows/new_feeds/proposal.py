"""A feed definition for a file that nobody has described: what every one has, whatever the format of the file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from include.stockwatch.adapters.feeds.sniff import shown
from include.stockwatch.adapters.feeds.sniff_dates import SHAPES
from include.stockwatch.settings.draft import Draft, listed, scalar
from include.stockwatch.settings.feed import WEEKDAYS, Weekday
from include.stockwatch.settings.qualifiers import CODES, Code

WEEK = 7
"""Days; a file that covers more at once is asked about."""

SHOWS_ALL, MOST = 14, 0.6
"""Days after which dates show the weekdays of a partner, and the share of such days that have one."""

MOST_COUNTED = 4


class NoProposal(Exception):
    """Nothing in a file could be an observation. Says what is missing."""


@dataclass(frozen=True)
class Partner:
    """Whose feed it is, as far as anybody said."""

    name: str | None = None

    @property
    def id(self) -> str:
        """The name as an identifier."""
        plain = re.sub(r"[^a-z0-9]+", "_", (self.name or "").casefold()).strip("_")
        return plain[:50] if re.match(r"[a-z]", plain) else "new_partner"

    def feed_id(self, location_type: str) -> str:
        """An id for a feed about stores or warehouses."""
        return f"{self.id}_{'dcs' if location_type == 'dc' else 'stores'}"


@dataclass(frozen=True)
class Proposal:
    """A definition as text, what its file would be called, and on how many lines it is a guess."""

    feed_id: str
    text: str
    guesses: int


def start(file_name: str, partner: Partner) -> Draft:
    """A draft with the lines that every definition begins with."""
    draft = Draft(
        f"Proposed from {shown(file_name)}.",
        "Lines with `check:` are guesses: have them confirmed by the partner, then remove the comment.",
    )
    draft.say(f"partner: {partner.id}", "" if partner.name else "an id of your own", sure=bool(partner.name))
    draft.say(f"partner_name: {scalar(shown(partner.name or 'New partner'))}", sure=bool(partner.name))
    return draft


def landing(file_name: str) -> str:
    """The pattern of files with names like this one: with any date if it has one, else with its ending."""
    for shape, _ in SHAPES:
        found = re.search(rf"(?<!\d){shape}(?!\d)", file_name)
        if found:
            return _as_pattern(file_name[: found.start()]) + "*" + _as_pattern(file_name[found.end() :])
    return f"*{''.join(Path(file_name).suffixes[-2:])}" if Path(file_name).suffix else "*"


def _as_pattern(text: str) -> str:
    """A part of a file name as a pattern that only it matches, or nearly so."""
    return re.sub(r"[\[\]?*]", "?", text)


@dataclass(frozen=True)
class Rhythm:
    """The weekdays on which a partner reports, or that it is the end of each month, and what tells it."""

    weekdays: tuple[Weekday, ...] = ()
    why: str = ""
    is_monthly: bool = False


def rhythm(dates: Iterable[dt.date], covers: int = 1) -> Rhythm:
    """What the dates of some files tell of the weekdays that are reported; `covers` says of how many days each is."""
    days = sorted(set(dates))
    ends = all((day + dt.timedelta(days=1)).day == 1 for day in days)
    if days and ends and (covers > WEEK or len(days) > 1):
        return Rhythm(why=f"all {len(days)} dates end a month" if len(days) > 1 else "a month ends", is_monthly=True)
    seen = {day.weekday() for day in days}
    span = (days[-1] - days[0]).days + 1 if days else 0
    usual = [n for n in range(span) if (days[0] + dt.timedelta(days=n)).weekday() in seen]
    if len(days) < MOST * len(usual):
        return Rhythm()
    if len(seen) == 1 and (len(days) > 1 or covers == WEEK):
        why = f"all {len(days)} dates are a {days[0]:%A}" if len(days) > 1 else f"the week ends on a {days[0]:%A}"
    elif span >= SHOWS_ALL and len(seen) < len(WEEKDAYS):
        why = f"none of {len(days)} dates within {span} days is on another weekday"
    else:
        return Rhythm()
    return Rhythm(tuple(WEEKDAYS[place] for place in sorted(seen)), why)


def finish(draft: Draft, days: int, reported: Rhythm, presence: str = "") -> None:
    """The lines that every definition ends with: what no file says, or not for sure.

    `days` is what a date covers, `presence` how many of its series have a row on a date.
    """
    if days > WEEK:
        note = f"the file is about {days} days at once: is it a period, or daily rows?"
        if not reported.is_monthly:
            note += " Unless `expected` says on which days it ends, the feed is late every day between two reports"
        draft.remark(note, sure=False)
    note = "what a row that is missing says: unknown, unchanged, or zero where rows of nothing are left out"
    draft.say("absent_means: unknown", f"{note}; {presence}" if presence else note, sure=False)
    weekdays = f", weekdays: {listed(reported.weekdays)}" if reported.weekdays else ""
    on = ", days_of_month: [31]" if reported.is_monthly else weekdays
    note = "when the file of a day is there, and in which time zone" + (f"; {reported.why}" if on else "")
    draft.say(f'expected: {{by: "12:00", days_after: 1, time_zone: UTC{on}}}', note, sure=False)


def code_lines(draft: Draft, found: Mapping[str, tuple[int, float]], message: str) -> None:
    """Say what the codes of a file usually mean, each given with its values and their sum.

    One code is taken for each measure, never two; the others with a known meaning are ignored. A code that nobody
    knows, or that partners use differently, stays unmapped.
    """
    codes = [_Seen(text, *counts, CODES.get(message, {}).get(text.upper())) for text, counts in found.items()]
    order = list(CODES.get(message, {}))
    codes.sort(key=lambda one: order.index(one.text.upper()) if one.code else len(order))
    rivals: dict[str, list[_Seen]] = {}
    for one in codes:
        if one.code and one.code.measure:
            rivals.setdefault(one.code.measure, []).append(one)
    draft.say("  measures:" if rivals else "  measures: {}", "" if rivals else "NO code is known", sure=bool(rivals))
    for measure, (first, *others) in rivals.items():
        instead = f"; or {', '.join(map(str, others))}: never both" if others else ""
        draft.say(f"    {scalar(first.text)}: {measure}", f"usually {first.about}{instead}", sure=False)
    taken = [same[0] for same in rivals.values()]
    unmapped = [one for one in codes if one.code is None or one.code.ask]
    ignored = [one for one in codes if one not in taken and one not in unmapped]
    if ignored:
        draft.say(f"  ignored: {listed(one.text for one in ignored)}", "; ".join(map(str, ignored)), sure=False)
    for one in unmapped:
        draft.remark(f"unmapped, so kept and not loaded: {one}: ask what it means", "  ", sure=False)


@dataclass(frozen=True)
class _Seen:
    """A code of a file, and what it usually means."""

    text: str
    count: int
    total: float
    code: Code | None

    @property
    def about(self) -> str:
        means = f"{self.code.means}, " if self.code else ""
        return f"{means}{counted(self.count, 'value')}, sum {self.total:g}"

    def __str__(self) -> str:
        return f"{shown(self.text, 20)} ({self.about})"


def counted(number: int, noun: str) -> str:
    """A number of things: 1 value, 2 values."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def most_of(texts: Mapping[str, int]) -> str:
    """The texts that occur most, each with its count."""
    most = islice(sorted(texts.items(), key=lambda one: -one[1]), MOST_COUNTED)
    more = f" and {len(texts) - MOST_COUNTED} more" if len(texts) > MOST_COUNTED else ""
    return ", ".join(f"`{shown(text, 30)}` x{count}" for text, count in most) + more

"""What customers said on a day, for those who can act on it: production, marketing, whoever the settings name."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.words import clip, day_words, one_line
from include.stockwatch.domain.value import Value

TAKEN_BACK = "taken back by a corrected file"
LINES_SHOWN, EXTRACTS_SHOWN, EXTRACT_LIMIT = 8, 2, 120


class Said(Value):
    """Complaints of one kind about one item at one partner."""

    kind: str
    partner_name: str | None = None
    item_name: str | None = None
    complaints: int
    extracts: tuple[str, ...] = ()


class Day(Value):
    """What is relayed to one channel of one date."""

    business_date: dt.date
    owner: str
    kinds: tuple[str, ...]
    said: tuple[Said, ...]


def render(day: Day) -> Message:
    """A day's complaints, the most frequent first."""
    total = sum(one.complaints for one in day.said)
    by_kind: Counter[str] = Counter()
    for one in day.said:
        by_kind[_words(one.kind)] += one.complaints
    kinds = ", ".join(
        f"{kind} {count:,}" for kind, count in sorted(by_kind.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    ranked = sorted(day.said, key=lambda one: (-one.complaints, one.kind, one.item_name or "", one.partner_name or ""))
    more = len(ranked) - LINES_SHOWN
    left = sum(one.complaints for one in ranked[LINES_SHOWN:])
    rest = (f"{more:,} more lines with {left:,} complaints; the table `complaints` has all.",) if more > 0 else ()
    kinds = kinds or TAKEN_BACK
    date, word = day_words(day.business_date), "complaint" if total == 1 else "complaints"
    return Message(
        fallback=clip(
            f"CUSTOMERS SAID: {total:,} {word} of {date}: {kinds}, owner {one_line(day.owner)}.", FALLBACK_LIMIT
        ),
        header=f"Customers said - {date}",
        fields=(("Complaints", f"{total:,} ({kinds})"), ("Owner", one_line(day.owner))),
        body=(*(_told(one) for one in ranked[:LINES_SHOWN]), *rest),
        context=(f"complaints of {date}", f"relayed: {', '.join(_words(kind) for kind in day.kinds)}"),
    )


def _told(said: Said) -> str:
    item = one_line(said.item_name) if said.item_name else "No item named"
    partner = one_line(said.partner_name) if said.partner_name else "no partner named"
    quoted = ", ".join(f"“{clip(' '.join(text.split()), EXTRACT_LIMIT)}”" for text in said.extracts[:EXTRACTS_SHOWN])
    return f"{item}, {partner}: {_words(said.kind)} {said.complaints:,}{f': {quoted}' if quoted else ''}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")

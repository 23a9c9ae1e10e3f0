"""How numbers are written in some texts, and whether anything says which mark is the decimal one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from include.stockwatch.adapters.feeds.sniff import shown

NUMBER = re.compile(r"[(]?\s*[-+\u2212]?\s*[$€£¥]?\s*(\d[\d.,' \u00a0]*|[.,]\d+)\s*[$€£¥%]?\s*-?\s*[)]?")
"""What looks like a number, whatever its marks mean."""

LONGEST = 40
"""Characters of a number; a longer text is none, whatever it is made of."""

MARKS = re.compile(r"[^\d.,' \u00a0]")
GROUP = 3


def is_number(text: str) -> bool:
    """Whether a text looks like a number."""
    return len(text) <= LONGEST and NUMBER.fullmatch(text) is not None


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written."""

    decimal: str
    thousands: str
    sure: bool
    why: str


def form_of(texts: Iterable[tuple[str, str]]) -> NumberForm:
    """How numbers are written, by all of some texts, each with the name of its column."""
    votes: dict[str, tuple[str, str]] = {}  # what is seen -> the first column and text that it is seen in
    for name, text in texts:
        for vote in _marks_of(text):
            votes.setdefault(vote, (name, text))
    return _judge(votes)


def _marks_of(text: str) -> tuple[str, ...]:
    """What a number says about its marks, e.g. `decimal ,` or `either .`."""
    core = MARKS.sub("", text).strip(" \u00a0")
    between = re.search(r"\d([ \u00a0'])\d{3}", core)
    grouped = (("thousands '" if between[1] == "'" else "thousands  "),) if between else ()
    marks = [c for c in core if c in ".,"]
    if len(set(marks)) > 1:
        return f"decimal {marks[-1]}", f"thousands {marks[0]}"
    if len(marks) > 1:
        return (f"thousands {marks[0]}",)
    if not marks:
        return grouped
    whole, _, rest = core.partition(marks[0])
    if grouped or len(rest) != GROUP or len(whole) > GROUP or whole in ("", "0"):
        return *grouped, f"decimal {marks[0]}"
    return (f"either {marks[0]}",)


def _judge(votes: dict[str, tuple[str, str]]) -> NumberForm:
    def said(vote: str) -> str:
        return "`{}` = `{}`".format(*(shown(text, 30) for text in votes[vote]))

    decimals = [mark for mark in ".," if f"decimal {mark}" in votes]
    if len(decimals) > 1:
        return NumberForm(".", "", False, f"both marks are decimal somewhere: {said('decimal .')}, {said('decimal ,')}")
    grouped = [mark for mark in ".,' " if f"thousands {mark}" in votes and mark not in decimals]
    either = [mark for mark in ".," if f"either {mark}" in votes and mark not in decimals]
    thousands = next(iter([*grouped, *either]), "")
    decimal = decimals[0] if decimals else "," if thousands == "." else "."
    reasons = [f"{said(f'decimal {mark}')} has `{mark}` as decimal mark" for mark in decimals]
    if grouped and decimals and votes[f"thousands {thousands}"] == votes[f"decimal {decimal}"]:
        reasons.append(f"and `{thousands}` between thousands")
    elif grouped:
        reasons.append(f"{said(f'thousands {thousands}')} has `{thousands}` between thousands")
    elif either and decimals:
        reasons.append(f"so {said(f'either {thousands}')} is in thousands")
    elif either:
        reasons.append(
            f"NOTHING decides whether {said(f'either {thousands}')} is in thousands; taken so, as units are whole"
        )
    return NumberForm(
        decimal, thousands, bool(decimals or grouped or not either), "; ".join(reasons) or "no number has a mark"
    )

"""How dates are written in some texts, and whether anything says which of two readings is right."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SHAPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"\d{4}_\d{2}_\d{2}", ("%Y_%m_%d",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%m/%d/%Y", "%d/%m/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%m-%d-%Y", "%d-%m-%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y", "%m.%d.%Y")),
    (r"\d{2}_\d{2}_\d{4}", ("%m_%d_%Y", "%d_%m_%Y")),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%m/%d/%y", "%d/%m/%y")),
    (r"\d{1,2}-\d{1,2}-\d{2}", ("%m-%d-%y", "%d-%m-%y", "%y-%m-%d")),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ("%d.%m.%y", "%m.%d.%y")),
    (r"\d{1,2}-[A-Za-z]{3}-\d{4}", ("%d-%b-%Y",)),
    (r"\d{1,2}-[A-Za-z]{3}-\d{2}", ("%d-%b-%y",)),
    (r"\d{1,2} [A-Za-z]{3} \d{4}", ("%d %b %Y",)),
    (r"\d{1,2} [A-Za-z]{4,9} \d{4}", ("%d %B %Y",)),
    (r"[A-Za-z]{3} \d{1,2}, \d{4}", ("%b %d, %Y",)),
    (r"[A-Za-z]{4,9} \d{1,2}, \d{4}", ("%B %d, %Y",)),
    (r"\d{8}", ("%Y%m%d", "%m%d%Y", "%d%m%Y")),
)
"""How a date looks, and what it may mean."""

OF_WORD, OF_NAME = (r"\b", r"\b"), (r"(?<!\d)", r"(?!\d)")
"""What stands around a date: in a text no letter, within a file name no digit."""

OLDEST = dt.date(2000, 1, 1)
FUTURE = dt.timedelta(days=400)
NEARLY_ALL = 0.95
PERIOD = 2
LONGEST = 1_000
MOST_READ = 20_000
"""Different texts that are looked at; beyond it the others are taken to be like them."""


@dataclass(frozen=True)
class DateForm:
    """How dates are written: a format, and a pattern where more than the date stands in the text."""

    format: str
    pattern: str | None
    is_period: bool
    sure: bool
    why: str
    first: dt.date
    last: dt.date
    dates: tuple[dt.date, ...]  # the different ones; of periods the last days
    covers: int  # days that most periods have; 1 where it is no period
    share: float  # of the different texts that are such dates


def form_of(
    texts: Sequence[str], latest: dt.date, *, day_first: bool = False, in_name: bool = False
) -> DateForm | None:
    """The form in which most of some different texts are dates, none if they are not; `latest` is today.

    `day_first` says which reading is taken where nothing decides. `in_name` looks within words, as in a file name.
    """
    texts = [text[:LONGEST] for text in texts if text][:MOST_READ]
    best: tuple[int, str, int] | None = None
    for shape, _ in SHAPES:
        for groups in (2, 1):
            pattern = re.compile(_pattern(shape, groups, in_name=in_name))
            hits = sum(pattern.search(text) is not None for text in texts)
            if hits and (best is None or hits > best[0]):
                best = hits, shape, groups
    if best is None or best[0] < NEARLY_ALL * len(texts):
        return None
    _, shape, groups = best
    pattern = re.compile(_pattern(shape, groups, in_name=in_name))
    tokens = [(text, found.groups()) for text in texts if (found := pattern.search(text))]
    readings = {form: _read(tokens, form) for form in dict(SHAPES)[shape]}
    readings = {form: days for form, days in readings.items() if _make_sense(days, len(tokens), latest)}
    if not readings:
        return None
    form, sure, why = _decide(readings, tokens, latest, day_first=day_first)
    days = readings[form]
    dates = sorted({day for day in days[groups - 1 :: groups] if day})
    first = min(day for day in days if day)
    is_bare = groups == 1 and all(re.fullmatch(shape, text) for text, _ in tokens)
    kept = None if is_bare else pattern.pattern
    lengths = Counter(
        (end - begin).days + 1
        for begin, end in zip(days[::groups], days[groups - 1 :: groups], strict=True)
        if begin and end
    )
    covers, share = lengths.most_common(1)[0][0], len(tokens) / len(texts)
    return DateForm(form, kept, groups == PERIOD, sure, why, first, max(first, *dates), tuple(dates), covers, share)


def _pattern(shape: str, groups: int, *, in_name: bool) -> str:
    before, behind = OF_NAME if in_name else OF_WORD
    return before + r"\D+".join([f"({shape})"] * groups) + behind


def _read(tokens: Iterable[tuple[str, tuple[str, ...]]], form: str) -> list[dt.date | None]:
    return [_day(part, form) for _, parts in tokens for part in parts]


def _day(text: str, form: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, form).date()  # noqa: DTZ007  (a date, no moment)
    except ValueError:
        return None


def _make_sense(days: list[dt.date | None], texts: int, latest: dt.date) -> bool:
    good = [day for day in days if day and OLDEST <= day <= latest + FUTURE]
    return len(good) >= NEARLY_ALL * len(days) and bool(texts)


def _decide(
    readings: Mapping[str, list[dt.date | None]],
    tokens: Sequence[tuple[str, tuple[str, ...]]],
    latest: dt.date,
    *,
    day_first: bool,
) -> tuple[str, bool, str]:
    """The right reading, whether that is sure, and why."""
    whole = [form for form, days in readings.items() if None not in days] or list(readings)
    shape = next(forms for _, forms in SHAPES if whole[0] in forms)
    if len(whole) == 1:
        return whole[0], True, _why_only(whole[0], shape, tokens)
    past = [form for form in whole if max(day for day in readings[form] if day) <= latest + dt.timedelta(days=1)]
    if len(past) == 1:
        other = next(form for form in whole if form != past[0])
        return past[0], False, f"{other} would be in the future: no other row decides whether day or month is first"
    spans = {form: _span(readings[form]) for form in past or whole}
    narrow = sorted(spans, key=lambda form: spans[form])
    others = [form for form in whole if form != narrow[0]]
    are_several = len({day for day in readings[narrow[0]] if day}) > PERIOD or len(tokens[0][1]) == PERIOD
    if are_several and spans[narrow[0]] * 4 < spans[narrow[1]]:
        spread = f"so read, the dates lie within {spans[narrow[0]]} days, else {spans[narrow[1]]}"
        why = f"every row can be read as {others[0]} too; {spread}"
        return narrow[0], False, why
    first = "%d" if day_first or "." in whole[0] else "%m"
    chosen = next((form for form in (past or whole) if form.startswith(first)), (past or whole)[0])
    others = [form for form in whole if form != chosen]
    return chosen, False, f"NOTHING decides: every row can be read as {' and '.join(others)} too; ask the partner"


def _why_only(form: str, forms: Sequence[str], tokens: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    others = [other for other in forms if other != form]
    for text, parts in tokens:
        if others and all(_day(part, other) is None for other in others for part in parts):
            return f"`{text}` can only be read so"
    return "the year comes first" if not others else "every row can be read so"


def _span(days: Iterable[dt.date | None]) -> int:
    found = [day for day in days if day]
    return (max(found) - min(found)).days


def odd_texts(texts: Mapping[str, int], form: DateForm) -> Counter[str]:
    """The texts that are no dates of this form, and how often each occurs."""
    pattern = re.compile(form.pattern) if form.pattern else None
    odd: Counter[str] = Counter()
    for text, count in texts.items():
        found = pattern.search(text) if pattern and text else None
        parts = found.groups() if found else () if pattern else (text,)
        if not parts or any(_day(part, form.format) is None for part in parts):
            odd[text] = count
    return odd

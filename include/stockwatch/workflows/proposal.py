"""A feed definition for a file that nobody has described: what every one has, whatever the format of the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from include.stockwatch.adapters.feeds.sniff import shown
from include.stockwatch.adapters.feeds.sniff_dates import SHAPES
from include.stockwatch.settings.draft import Draft, listed, scalar
from include.stockwatch.settings.qualifiers import CODES

IS_PERIOD = 7
"""Days; a file that covers more at once is asked about."""

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


def finish(draft: Draft, days: int) -> None:
    """The lines that every definition ends with: what no file says."""
    if days > IS_PERIOD:
        draft.remark(f"the file is about {days} days at once: is it a period, or daily rows?", sure=False)
    note = "what a row that is missing says: unknown, unchanged, or zero where rows of nothing are left out"
    draft.say("absent_means: unknown", note, sure=False)
    note = "when the file of a day is there, and in which time zone"
    draft.say('expected: {by: "12:00", days_after: 1, time_zone: UTC}', note, sure=False)


def code_lines(draft: Draft, found: Mapping[str, tuple[int, float]], message: str) -> None:
    """The measures of the codes of a file: one code each, the others with what they usually mean."""
    known = CODES.get(message, {})
    meanings = {text: known.get(text) or known.get(text.upper()) for text in found}
    order = list(known)
    ranked = sorted(found, key=lambda text: order.index(text.upper()) if text.upper() in order else len(order))
    taken: dict[str, str] = {}
    for text in ranked:
        meaning = meanings[text]
        if meaning and meaning.measure:
            taken.setdefault(meaning.measure, text)

    def seen(text: str) -> str:
        count, total = found[text]
        return f"{counted(count, 'value')}, sum {total:g}"

    draft.say("  measures:" if taken else "  measures: {}", "" if taken else "NO code is known", sure=bool(taken))
    for measure, text in taken.items():
        meaning = meanings[text]
        rivals = [other for other in ranked if other != text and (m := meanings[other]) and m.measure == measure]
        others = (
            f"; or {', '.join(f'{shown(other)} ({seen(other)})' for other in rivals)}: never both" if rivals else ""
        )
        means = meaning.means if meaning else ""
        draft.say(f"    {scalar(text)}: {measure}", f"usually {means}: {seen(text)}{others}", sure=False)
    ignored = [text for text in ranked if text not in taken.values() and (m := meanings[text]) and not m.ask]
    if ignored:
        means = "; ".join(f"{shown(text)} usually {m.means}, {seen(text)}" for text in ignored if (m := meanings[text]))
        draft.say(f"  ignored: {listed(ignored)}", means, sure=False)
    for text in ranked:
        if not meanings[text]:
            draft.remark(
                f"unmapped, so kept and not loaded: {scalar(text)} ({seen(text)}): ask what it means", "  ", sure=False
            )


def counted(number: int, noun: str) -> str:
    """A number of things: 1 value, 2 values."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def most_of(texts: Mapping[str, int]) -> str:
    """The texts that occur most, each with its count."""
    most = islice(sorted(texts.items(), key=lambda one: -one[1]), MOST_COUNTED)
    more = f" and {len(texts) - MOST_COUNTED} more" if len(texts) > MOST_COUNTED else ""
    return ", ".join(f"`{shown(text, 30)}` x{count}" for text, count in most) + more

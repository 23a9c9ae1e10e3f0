"""Why an incident's locations are out and what to do about it, in words: the cause with most locations first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from include.stockwatch.alerting.incident import Member

UNKNOWN = "unknown"
SHOWN = 3
AT_THE_SHELF = ("phantom", "shelf")
"""Causes that lie between the record and the shelf; all others let stock run low."""
OFTEN_WRONG = 0.05
"""A record that is wrong as often as this, so low as it is, is a reason of its own to suspect the shelf."""
FILL = "ask {partner} to fill the shelf from the back"
LOOK = "ask {partner} for a shelf check or a stock count"
COUNT = "ask {partner} for a stock count"


class Words(NamedTuple):
    """How a cause is said. `{dc}` is the DC that explains it, `{partner}` the partner."""

    why: str
    next_step: str


WORDS = {
    "feed": Words("no fresh data", "ask {partner} for the missing data."),
    "planned": Words("planned, the item ends or is replaced here", "nothing, unless the plan is wrong."),
    "distributor_dc": Words("the distributor's DC {dc} is out", "agree with the distributor when {dc} is refilled."),
    "retailer_dc": Words(
        "the DC {dc} is out", "ask {partner} when {dc} is refilled, and for an allocation until then."
    ),
    "not_ordered": Words("nothing was ordered", "ask {partner} replenishment to raise the missing orders."),
    "not_delivered": Words("ordered, and overdue", "ask {partner} where the open orders are, and expedite them."),
    "phantom": Words("the record shows stock that is not there", "have the record counted and corrected."),
    "shelf": Words("stock is in the store, not on the shelf", f"{FILL}."),
}
"""Cause (requirement A-12) -> its words. `unknown` has none: the message says what little the feed shows."""
ORDERED_LATE = Words(
    "ordered too late or too little",
    "ask {partner} replenishment to expedite the open orders, and to raise what is missing.",
)
PARTLY_ORDERED = Words(
    "nothing was ordered, or too late or too little",
    "ask {partner} replenishment to raise the missing orders, and to expedite the open ones.",
)


def words_of(cause: str | None, *has_open_order: bool | None) -> Words | None:
    """The words of a cause at locations that have an open order or not: of what is on its way, none says `nothing`."""
    if cause == "not_ordered" and any(has_open_order):
        return ORDERED_LATE if all(has_open_order) else PARTLY_ORDERED
    return WORDS.get(cause or "")


def shelf_step(causes: Iterable[str | None], partner: str, where: str = "", *, at_dc: bool = False) -> str:
    """What to do about shelves that are suspected empty; only where all have stock in the back is that said. A DC has
    no shelf."""
    step = COUNT if at_dc else FILL if set(causes) == {"shelf"} else LOOK
    return f"{step.replace('{partner}', partner)}{where}."


class Explained(NamedTuple):
    """Locations that one cause explains."""

    cause: str
    place: str | None
    members: tuple[Member, ...]

    def words(self) -> Words:
        """How the cause is said of these locations."""
        return words_of(self.cause, *(member.has_open_order for member in self.members)) or WORDS[self.cause]

    def why(self) -> str:
        """What happened, without saying where."""
        return self.words().why.replace("{dc}", self.place or "that serves it")

    def next_step(self, partner: str) -> str:
        """What to do about it."""
        step = self.words().next_step.replace("{partner}", partner)
        return step.replace("{dc}", self.place or "its DC")


def title(cause: str, members: Iterable[Member]) -> str:
    """The cause of some of these locations in words, without its place."""
    words = words_of(cause, *(one.has_open_order for one in members if one.cause == cause))
    return words.why.replace(" {dc}", "").replace("{dc} ", "") if words else "not known"


def explained(members: Iterable[Member]) -> list[Explained]:
    """Members by what explains them, most locations first; those without a known cause are left out."""
    groups: dict[tuple[str, str | None], list[Member]] = defaultdict(list)
    for member in members:
        if member.cause in WORDS:
            groups[member.cause, member.cause_place if "{dc}" in WORDS[member.cause].why else None].append(member)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0][0], group[0][1] or ""))
    return [Explained(cause, place, tuple(found)) for (cause, place), found in ranked]

"""Feeds that add to the series of another one (`adds_to`): what must hold of the two together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from include.stockwatch.domain.reported import FLOWS, AbsentMeans
from include.stockwatch.errors import Problem, closest
from include.stockwatch.settings.feed import Expected, Feed
from include.stockwatch.settings.reading import open_file

STOCK = "on_hand_units"
ADDS_TO = "adds_to"

Fault = tuple[str, str, str]
"""The field that it is about, what is wrong and what to do."""


def problems(path: Path, feeds: Mapping[str, Feed]) -> Iterator[Problem]:
    """What is wrong with a feed that adds to another one; `path` is its definition."""
    file = open_file(path)
    for field, what, fix in _faults(path.stem, feeds):
        loc = tuple(field.split("."))
        if file.named(loc, with_last=False) != loc:  # left out: its default is meant
            loc = (ADDS_TO,)
        yield file.problem(file.mark(loc), ".".join(loc), what, fix)


def _faults(feed_id: str, feeds: Mapping[str, Feed]) -> Iterator[Fault]:
    feed = feeds[feed_id]
    main_id = feed.adds_to or ""
    main = feeds.get(main_id)
    known = sorted(one for one, of in feeds.items() if of.partner == feed.partner and not of.adds_to)
    choice = f"Feeds of `{feed.partner}` that add to none: {', '.join(known) or 'none'}."
    if main_id == feed_id:
        yield ADDS_TO, "a feed does not add to itself", f"name the one with the stock. {choice}"
    elif main is None:
        yield ADDS_TO, f"there is no feed `{main_id}`", f"{closest(main_id, known) or 'add it.'} {choice}"
    elif main.partner != feed.partner:
        yield ADDS_TO, f"`{main_id}` is a feed of the partner `{main.partner}`", f"name one of this partner. {choice}"
    elif main.adds_to:
        yield ADDS_TO, f"`{main_id}` adds to another one itself", f"write `adds_to: {main.adds_to}`"
    else:
        beside = {one: of for one, of in feeds.items() if of.adds_to == main_id and one < feed_id}
        yield from _of_both(feed, main_id, main)
        yield from _periods(feed, main_id, {main_id: main, **beside})
        yield from _told_twice(feed, {main_id: main, **beside})


def _of_both(feed: Feed, main_id: str, main: Feed) -> Iterator[Fault]:
    if feed.location_type != main.location_type:
        what = f"this feed is about a {feed.location_type}, `{main_id}` about a {main.location_type}"
        yield "location_type", what, "both tell of the same places: set it alike in both"
    if STOCK not in main.measures:
        fix = f"name the feed with the stock; `{main_id}` may add to it as well"
        yield ADDS_TO, f"`{main_id}` tells no stock (`{STOCK}`)", fix
    if feed.currency and main.currency and feed.currency != main.currency:
        fix = "a series has one currency: bind the price in one of the two alone"
        yield "currency", f"this feed has {feed.currency}, `{main_id}` has {main.currency}", fix
    if feed.absent_means is AbsentMeans.UNCHANGED and not feed.measures <= set(FLOWS):
        fix = "use unknown or zero, or leave out what is on order and in transit"
        yield "absent_means", "`unchanged` is for movements alone in a feed that adds to another", fix


def _periods(feed: Feed, main_id: str, others: Mapping[str, Feed]) -> Iterator[Fault]:
    """A week's sales beside the stock of each of its days are the sales of no day."""
    if feed.measures.isdisjoint(FLOWS):
        return
    field, days, apart = "date.period_days", _period(feed), _days_between(others[main_id].expected)
    moving = {one: _period(of) for one, of in others.items() if not of.measures.isdisjoint(FLOWS)}
    unlike = next((one for one, of_other in moving.items() if of_other != days), None)
    if unlike:
        fix = "what moves in one series is told of the same days: ask for files with the same period"
        yield field, f"movements of {days} days here, and of {moving[unlike]} in `{unlike}`", fix
    elif days > apart:
        fix = "ask for files as often, or say in `expected` of the other feed when it comes"
        yield field, f"movements of {days} days here, and stock every {apart} days in `{main_id}`", fix


def _period(feed: Feed) -> int:
    return feed.date.period_days if feed.date else 1


def _days_between(expected: Expected) -> int:
    """How many days lie, about, between two reports."""
    return 31 // len(expected.days_of_month) if expected.days_of_month else 7 // len(expected.weekdays)


def _told_twice(feed: Feed, others: Mapping[str, Feed]) -> Iterator[Fault]:
    for other_id, other in others.items():
        for measure in sorted(feed.measures & other.measures):
            field = f"columns.{measure}" if measure in feed.columns.units() else "codes.measures"
            fix = "each measure of a series comes from one feed: leave it out of one of the two"
            yield field, f"`{other_id}` tells `{measure}` as well", fix

"""Read the whole config folder, or say everything that is wrong with it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from include.stockwatch.alerting.routing import Routes
from include.stockwatch.domain.losses import CustomerModel
from include.stockwatch.domain.promise import Promises
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.errors import ConfigError, Problem, closest
from include.stockwatch.settings import adding
from include.stockwatch.settings.feed import Feed, load_feed
from include.stockwatch.settings.master import Master, load_master
from include.stockwatch.settings.models import Settings, Stockwatch
from include.stockwatch.settings.reading import content_of, file_problem, open_file, read
from include.stockwatch.settings.routes import problems as route_problems
from include.stockwatch.settings.signals import SignalSettings

log = logging.getLogger(__name__)


def load(folder: Path, *, skip_broken_feeds: bool = False) -> Settings:
    """Read and check the whole config folder.

    `skip_broken_feeds` leaves out feeds (those of master data too) whose definition is wrong, so that one mistake does
    not stop the others.
    Raises: ConfigError with every problem of every file.
    """
    problems: list[Problem] = []
    if not folder.is_dir():
        raise ConfigError(
            (file_problem(folder, "the config folder does not exist", "set STOCKWATCH_CONFIG to a folder"),)
        )
    problems.extend(_misspelt(folder))
    broken: list[Problem] = list(_not_read(folder))
    feeds, left_out = _feeds(folder, problems, broken)
    partners = {feed.partner for feed in feeds.values()}
    masters, masters_left_out = _masters(folder, broken, set() if left_out else partners)
    if skip_broken_feeds and feeds:
        for problem in broken:
            log.error("left out a feed: %s", problem)
    else:
        problems.extend(broken)
    thresholds = _collect(problems, read, folder / "thresholds.yaml", Thresholds)
    routes = _collect(problems, read, folder / "routes.yaml", Routes)
    customers = _collect(problems, read, folder / "lost_customers.yaml", CustomerModel, optional=True)
    promises = _collect(problems, read, folder / "promises.yaml", Promises, optional=True)
    signals = _collect(problems, read, folder / "signals.yaml", SignalSettings, optional=True)
    general = _collect(problems, read, folder / "stockwatch.yaml", Stockwatch, optional=True)
    if routes:
        problems.extend(route_problems(folder / "routes.yaml", routes))
    if not left_out and partners:
        problems.extend(_unknown_partners(folder / "thresholds.yaml", "thresholds", partners))
        problems.extend(_unknown_partners(folder / "routes.yaml", "routes", partners))
        problems.extend(_unknown_partners(folder / "promises.yaml", "promises", partners))
    if thresholds and general:
        problems.extend(_alerts_never(folder / "thresholds.yaml", thresholds, general))
    if problems or not (thresholds and routes and customers and promises and signals and general):
        raise ConfigError(tuple(problems))
    return Settings(
        feeds=feeds,
        feeds_left_out=bool(left_out),
        masters=masters,
        masters_left_out=masters_left_out,
        thresholds=thresholds,
        routes=routes,
        lost_customers=customers,
        promises=promises,
        signals=signals,
        stockwatch=general,
    )


FILES = ("thresholds", "routes", "lost_customers", "promises", "signals", "stockwatch")
"""Names of the settings that are no feed's."""


def _not_read(folder: Path) -> Iterable[Problem]:
    """Definitions that nobody would read, for their ending."""
    for path in sorted((*folder.glob("feeds/*.yml"), *folder.glob("master/*.yml"))):
        yield file_problem(path, "is not read: settings end in .yaml", f"call it {path.stem}.yaml")


def _misspelt(folder: Path) -> Iterable[Problem]:
    """Files that nobody would read, as they are named nearly like one that lacks."""
    lacking = [f"{name}.yaml" for name in FILES if not (folder / f"{name}.yaml").exists()]
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        near = closest(path.name, lacking) if path.stem not in FILES or path.suffix == ".yml" else ""
        if near:
            yield file_problem(path, "is not read: no settings file has this name", near)


def _feeds(folder: Path, problems: list[Problem], broken: list[Problem]) -> tuple[dict[str, Feed], set[str]]:
    """The feed definitions, and the names of those that are wrong."""
    paths = sorted(folder.glob("feeds/*.yaml"))
    if not paths:
        problems.append(
            file_problem(folder / "feeds", "no feed is defined", "add feeds/<feed>.yaml, one file per feed")
        )
    found = {path.stem: _collect(broken, load_feed, path) for path in paths}
    feeds = {feed_id: feed for feed_id, feed in found.items() if feed is not None}
    unread = found.keys() - feeds.keys()
    wrong: dict[str, list[Problem]] = {
        feed_id: list(adding.problems(folder / "feeds" / f"{feed_id}.yaml", feeds))
        for feed_id, feed in feeds.items()
        if feed.adds_to and feed.adds_to not in unread  # or one mistake would be told twice
    }
    broken += [problem for of_feed in wrong.values() for problem in of_feed]
    feeds = {feed_id: feed for feed_id, feed in feeds.items() if not wrong.get(feed_id)}
    return feeds, found.keys() - feeds.keys()


def _masters(folder: Path, broken: list[Problem], partners: set[str]) -> tuple[dict[str, Master], frozenset[str]]:
    """The definitions of master data, and the names of those that are wrong, as is one of a partner that no feed has.

    They share their landing with the feeds, so no two may have one name.
    """
    masters: dict[str, Master] = {}
    paths = sorted(folder.glob("master/*.yaml"))
    for path in paths:
        if (folder / "feeds" / path.name).exists():
            fix = "rename one of the two: the name is the folder in which its files arrive"
            broken.append(file_problem(path, f"there is a feed `{path.stem}` already", fix))
            continue
        master = _collect(broken, load_master, path)
        if master and partners and master.partner and master.partner not in partners:
            broken.append(_unknown_partner(path, master.partner, partners))
        elif master:
            masters[path.stem] = master
    return masters, frozenset(path.stem for path in paths) - masters.keys()


def _collect(problems: list[Problem], read: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return read(*arguments, **options)
    except ConfigError as error:
        problems.extend(error.problems)
        return None


def _alerts_never(path: Path, thresholds: Thresholds, general: Stockwatch) -> Iterable[Problem]:
    """Rules that wait for a spell longer than a check looks back."""
    longest = general.check.lookback_days
    for position, rule in enumerate(thresholds.thresholds):
        if rule.days_out_before_alert is not None and rule.days_out_before_alert > longest:
            file, loc = open_file(path), ("thresholds", position, "days_out_before_alert")
            what = f"{rule.days_out_before_alert} days are more than a check looks back ({longest}), so nothing alerts"
            fix = "lower it, or raise `check.lookback_days` in stockwatch.yaml"
            yield file.problem(file.mark(loc), ".".join(map(str, loc)), what, fix)


def _unknown_partners(path: Path, key: str, partners: set[str]) -> Iterable[Problem]:
    """Rules for partners that no feed has: almost always a typing mistake."""
    try:
        file = open_file(path) if path.exists() else None
    except ConfigError:
        return
    content = content_of(path) if file else None
    rules = content.get(key) if isinstance(content, dict) else None
    for position, rule in enumerate(rules if isinstance(rules, list) else ()):
        wanted = rule.get("match", {}) if isinstance(rule, dict) else {}
        named = wanted.get("partner") if isinstance(wanted, dict) else None
        loc: tuple[str | int, ...] = (key, position, "match", "partner")
        for place, partner in enumerate(named if isinstance(named, list) else [named]):
            if file and isinstance(partner, str) and partner not in partners:
                yield _unknown_partner(path, partner, partners, (*loc, place) if isinstance(named, list) else loc)


def _unknown_partner(
    path: Path, partner: str, partners: set[str], loc: tuple[str | int, ...] = ("partner",)
) -> Problem:
    file = open_file(path)
    fix = f"{closest(partner, partners) or 'add its feed.'} Partners with a feed: {', '.join(sorted(partners))}."
    return file.problem(file.mark(loc), ".".join(map(str, loc)), f"no feed has the partner `{partner}`", fix)

"""What every use case works with, made once at the edge (a task or the command line)."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from include.stockwatch.adapters.lake import Lake
    from include.stockwatch.adapters.state import State
    from include.stockwatch.settings.feed import Feed
    from include.stockwatch.settings.models import Settings

PROJECT = Path(__file__).resolve().parents[3]


def home_folder() -> Path:
    """Where lake, state and landing are: STOCKWATCH_HOME, else `var` in the project."""
    return Path(os.environ.get("STOCKWATCH_HOME") or PROJECT / "var").resolve()


def config_folder() -> Path:
    """Where the settings are: STOCKWATCH_CONFIG, else `include/config` in the project."""
    return Path(os.environ.get("STOCKWATCH_CONFIG") or PROJECT / "include" / "config").resolve()


class Messenger(Protocol):
    """What the dispatcher needs of Slack, or of its stand-in."""

    previews: bool

    def post(self, channel: str, text: str, blocks: list[dict[str, Any]], key: str, thread_ts: str | None) -> str:
        """Post or reply; returns the ts."""

    def update(self, channel: str, ts: str, text: str, blocks: list[dict[str, Any]], key: str) -> None:
        """Replace a message's content."""

    def find(self, channel: str, key: str, oldest: float, thread_ts: str | None) -> str | None:
        """The ts of the message with this key, if it arrived."""


class Services:
    """Settings, stores, messenger and clock. Stores open at their first use."""

    def __init__(
        self,
        home: Path,
        config: Path,
        now: Callable[[], dt.datetime],
        *,
        messenger: Callable[[], Messenger] | None = None,
    ) -> None:
        self.home, self.config, self.now = home, config, now
        self._messenger = messenger

    @cached_property
    def settings(self) -> Settings:
        """The config folder, without feeds whose definition is wrong: those stop, the others go on.

        Raises: ConfigError
        """
        from include.stockwatch.settings.loader import load

        return load(self.config, skip_broken_feeds=True)

    @cached_property
    def lake(self) -> Lake:
        """The Delta tables."""
        from include.stockwatch.adapters.lake import Lake

        return Lake(self.home / "lake")

    @cached_property
    def state(self) -> State:
        """The state store: SQLite in the home folder."""
        from include.stockwatch.adapters.state import State

        return State.open(f"sqlite:///{self.home / 'state.db'}")

    @cached_property
    def messenger(self) -> Messenger:
        """Slack, or the preview where no Slack connection is set up."""
        if self._messenger:
            return self._messenger()
        from include.stockwatch.adapters.preview import PreviewMessenger

        return PreviewMessenger()

    def landing_url(self, feed_id: str, feed: Feed) -> str:
        """Where files of a feed arrive."""
        base = self.settings.stockwatch.landing_url or str(self.home / "landing")
        return feed.landing.url or f"{base.rstrip('/')}/{feed_id}"

    def archived(self, feed_id: str, delivery_id: str) -> Path:
        """Where the bytes of a delivery are kept."""
        return self.home / "archive" / feed_id / delivery_id

    def staged(self, feed_id: str, delivery_id: str) -> Path:
        """Where a delivery waits between reading and publishing."""
        return self.home / "staging" / feed_id / delivery_id

    def quality_page(self, feed_id: str, delivery_id: str) -> Path:
        """What Great Expectations found in a delivery, a piece of HTML."""
        return self.home / "quality" / feed_id / f"{delivery_id}.html"

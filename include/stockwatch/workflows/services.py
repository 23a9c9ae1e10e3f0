"""What every use case works with, made once at the edge (a task or the command line)."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from copy import copy
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from include.stockwatch.errors import FeedUnreachable

if TYPE_CHECKING:
    from include.stockwatch.adapters.lake import Lake
    from include.stockwatch.adapters.landing import Credentials
    from include.stockwatch.adapters.state import State
    from include.stockwatch.domain.thresholds import Thresholds
    from include.stockwatch.settings.feed import Feed
    from include.stockwatch.settings.master import Master
    from include.stockwatch.settings.models import Settings

BOARD = "/plugin/stockwatch/stockwatch/board"
"""The board in Airflow's frame; a page of it follows."""
PROJECT = Path(__file__).resolve().parents[3]


def environment_airflow_url() -> str:
    """Where people reach Airflow, as its own environment says; else ''."""
    return os.environ.get("AIRFLOW__API__BASE_URL") or ""


def home_folder() -> Path:
    """Where lake, state and landing are: STOCKWATCH_HOME, else `var` in the project."""
    return Path(os.environ.get("STOCKWATCH_HOME") or PROJECT / "var").resolve()


def config_folder() -> Path:
    """Where the settings are: STOCKWATCH_CONFIG, else `include/config` in the project."""
    return Path(os.environ.get("STOCKWATCH_CONFIG") or PROJECT / "include" / "config").resolve()


def environment_state_url() -> str | None:
    """URL of the state store as STOCKWATCH_DB has it; none for SQLite in the home folder."""
    return os.environ.get("STOCKWATCH_DB") or None


def environment_credentials(connection: str) -> Credentials | None:
    """An Airflow connection as the environment has it, in `AIRFLOW_CONN_<ID>`. Raises: ValueError"""
    from include.stockwatch.adapters.landing import Credentials

    text = os.environ.get(f"AIRFLOW_CONN_{connection.upper()}")
    return Credentials.parse(connection, text) if text else None


class Messenger(Protocol):
    """What the dispatcher needs of Slack, or of its stand-in."""

    previews: bool
    has_buttons: bool

    def post(
        self,
        channel: str,
        text: str,
        blocks: list[dict[str, Any]],
        key: str,
        thread_ts: str | None,
        *,
        broadcast: bool = False,
    ) -> str:
        """Post or reply; returns the ts."""

    def update(self, channel: str, ts: str, text: str, blocks: list[dict[str, Any]], key: str) -> None:
        """Replace a message's content."""

    def upload(self, channel: str, thread_ts: str, name: str, title: str, alt_text: str, content: bytes) -> str:
        """Put a file into a thread; returns its id."""

    def find(self, channel: str, key: str, oldest: float, thread_ts: str | None) -> str | None:
        """The ts of the message with this key, if it arrived."""

    def find_file(self, channel: str, name: str, oldest: float, thread_ts: str) -> str | None:
        """The id of the file with this name, if it arrived."""

    def keys(self, channel: str, oldest: float, thread_ts: str | None = None) -> Iterator[tuple[str, str]]:
        """Key and ts of every message of ours."""

    def join(self, channel: str) -> None:
        """Become a member of a public channel."""

    def scopes(self) -> frozenset[str] | None:
        """What the token may do, if Slack says it."""

    def channel_info(self, channel: str) -> dict[str, Any]:
        """What Slack says of a channel."""

    def user_id(self, email: str) -> str | None:
        """Slack's id of the person with this address, if there is one."""


class Services:
    """Settings, stores, messenger and clock. Stores open at their first use."""

    def __init__(
        self,
        home: Path,
        config: Path,
        now: Callable[[], dt.datetime],
        *,
        messenger: Callable[[], Messenger] | None = None,
        credentials: Callable[[str], Credentials | None] = environment_credentials,
        state_url: Callable[[], str | None] = environment_state_url,
        pause: Callable[[float], None] = time.sleep,
        airflow_url: Callable[[], str] = environment_airflow_url,
    ) -> None:
        self.home, self.config, self.now, self.pause = home, config, now, pause
        self._state_url, self._airflow_url = state_url, airflow_url
        self._messenger = messenger
        self._credentials = cache(credentials)

    @cached_property
    def settings(self) -> Settings:
        """The config folder, without feeds whose definition is wrong: those stop, the others go on.

        Raises: ConfigError
        """
        from include.stockwatch.settings.loader import load

        return load(self.config, skip_broken_feeds=True)

    def with_settings_anew(self) -> Services:
        """The same stores, with settings read again: for a process that outlives a change of them."""
        self.state  # noqa: B018  (opened once, for all copies)
        other = copy(self)
        other.__dict__.pop("settings", None)
        return other

    def proposing(self, thresholds: Thresholds) -> Services:
        """The same stores under other thresholds: for a replay, which writes nothing."""
        other = copy(self)
        other.settings = self.settings.model_copy(update={"thresholds": thresholds})
        return other

    @cached_property
    def lake(self) -> Lake:
        """The Delta tables."""
        from include.stockwatch.adapters.lake import Lake

        return Lake(self.home / "lake")

    @cached_property
    def state(self) -> State:
        """The state store: where its URL says, else SQLite in the home folder.

        Raises: StoreLost, where it is empty and the lake is not
        """
        from include.stockwatch.adapters.state import State

        url = self._state_url() or f"sqlite:///{self.home / 'state.db'}"
        return State.open(url, beside=self.home / "lake" / "observations")

    @cached_property
    def messenger(self) -> Messenger:
        """Slack, or the preview where no Slack connection is set up."""
        if self._messenger:
            return self._messenger()
        from include.stockwatch.adapters.preview import PreviewMessenger

        return PreviewMessenger()

    def board_url(self) -> str:
        """Where people open the board; empty where Airflow's own address is not set up: no broken links (A-81)."""
        airflow = self._airflow_url().rstrip("/")
        return f"{airflow}{BOARD}" if airflow else ""

    def landing_url(self, feed_id: str, feed: Feed | Master) -> str:
        """Where files of a feed arrive."""
        base = self.settings.stockwatch.landing_url or str(self.home / "landing")
        return feed.landing.url or f"{base.rstrip('/')}/{feed_id}"

    def credentials(self, feed_id: str, url: str) -> Credentials | None:
        """What opens a landing of a feed: the content of its connection; nothing for a folder.

        Raises: FeedUnreachable if the feed names no connection, or one that does not exist
        """
        from include.stockwatch.adapters.landing import is_folder

        if is_folder(url):
            return None
        name = self.settings.receiving()[feed_id].landing.connection
        if not name:
            what = "no connection is named; set `landing.connection` to an Airflow connection with the credentials"
            raise FeedUnreachable(url, f"feed `{feed_id}`: {what}")
        try:
            found = self._credentials(name)
        except ValueError as error:
            raise FeedUnreachable(url, f"feed `{feed_id}`: connection `{name}`: {error}") from None
        if found is None:
            what = f"there is no connection `{name}`; add it in Airflow, or as AIRFLOW_CONN_{name.upper()}"
            raise FeedUnreachable(url, f"feed `{feed_id}`: {what}")
        return found

    def archived(self, feed_id: str, delivery_id: str) -> Path:
        """Where the bytes of a delivery are kept."""
        return self.home / "archive" / feed_id / delivery_id

    def staged(self, feed_id: str, delivery_id: str) -> Path:
        """Where a delivery waits between reading and publishing."""
        return self.home / "staging" / feed_id / delivery_id

    def quality_page(self, feed_id: str, delivery_id: str) -> Path:
        """What Great Expectations found in a delivery, a piece of HTML."""
        return self.home / "quality" / feed_id / f"{delivery_id}.html"

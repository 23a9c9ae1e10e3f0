"""Stockwatch in Airflow: the one module that imports it.

Light on purpose: Dag files import it at every parse, so everything heavy is imported inside a task.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule, get_parsing_context

from include.stockwatch.errors import ConfigError, DeliveryFailed, FeedHeld, RowsLost, SlackNotReady
from include.stockwatch.workflows.services import Messenger, Services, config_folder, environment_state_url, home_folder

if TYPE_CHECKING:
    from include.stockwatch.adapters.landing import Credentials
    from include.stockwatch.adapters.slack_inbound import SlackInbound
    from include.stockwatch.settings.feed import Feed
    from include.stockwatch.settings.master import Master

SLACK_CONNECTION = os.environ.get("STOCKWATCH_SLACK_CONNECTION")
"""Name of the Slack connection, which must then exist; '' = preview; not set = `slack_api_default` if it exists."""
SIGNING_SECRET, APP_TOKEN = "signing_secret", "app_token"
"""Where the extra of the Slack connection says how presses of buttons reach us; without either there are no buttons."""
SLACK_POOL = "slack"
STATE_CONNECTION = "stockwatch_db"

AVAILABILITY = Asset(name="availability", uri="stockwatch://availability")
INCIDENTS = Asset(name="incidents", uri="stockwatch://incidents")

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""Before any run; schedules do not catch up."""

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "stockwatch",
    "retries": 2,
    "retry_delay": dt.timedelta(seconds=20),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(ConfigError, RetryAction.FAIL, reason="a setting is wrong: trying again does not mend it"),
            RetryRule(FeedHeld, RetryAction.FAIL, reason="the file is held: it stays as it is until somebody acts"),
            RetryRule(RowsLost, RetryAction.FAIL, reason="counts do not add up: a defect, not the weather"),
            RetryRule(SlackNotReady, RetryAction.FAIL, reason="the Slack app lacks something: its log says what"),
            RetryRule(DeliveryFailed, RetryAction.FAIL, reason="Slack refuses our token or our triage channel"),
        ]
    ),
}
"""What every task has in common. What may be retried is decided here and nowhere else."""


@dataclass(frozen=True)
class FeedDag:
    """What the factory needs to know of one feed, or feed of master data: its definition, or what is wrong with it."""

    feed_id: str
    feed: Feed | Master | None
    error: str | None = None

    @property
    def dag_id(self) -> str:
        """Id of the feed's Dag."""
        return f"ingest_{self.feed_id}"

    @property
    def asset(self) -> Asset:
        """What a publish of the feed produces."""
        return feed_asset(self.feed_id)


def feed_asset(feed_id: str) -> Asset:
    """The asset of a feed's observations; its events wake the gate, and are no work queue."""
    return Asset(name=f"feed_{feed_id}", uri=f"stockwatch://observations/{feed_id}")


def feed_ids() -> list[str]:
    """Ids of all definitions of feeds and master data, from their file names: no file is opened.

    A name that is no id is cleaned.
    """
    paths = [path for kind in ("feeds", "master") for path in (config_folder() / kind).glob("*.yaml")]
    return sorted({re.sub(r"\W", "_", path.stem, flags=re.ASCII) for path in paths})


def is_master(feed_id: str) -> bool:
    """Whether a feed is one of master data; of two definitions with one name that of the other feed counts."""
    name, config = f"{feed_id}.yaml", config_folder()
    return (config / "master" / name).exists() and not (config / "feeds" / name).exists()


def feed_dags() -> list[FeedDag]:
    """The feeds to build Dags for; inside a task only the one that runs. A broken definition breaks its own Dag."""
    only = get_parsing_context().dag_id
    found = []
    for feed_id in feed_ids():
        if only and only != f"ingest_{feed_id}":
            continue
        try:
            found.append(FeedDag(feed_id, feed_definition(feed_id)))
        except ConfigError as error:
            found.append(FeedDag(feed_id, None, str(error)))
    return found


def feed_definition(feed_id: str) -> Feed | Master:
    """One feed's definition. Raises: ConfigError with file, line and fix"""
    from include.stockwatch.settings.feed import load_feed
    from include.stockwatch.settings.master import load_master

    if is_master(feed_id):
        return load_master(config_folder() / "master" / f"{feed_id}.yaml")
    return load_feed(config_folder() / "feeds" / f"{feed_id}.yaml")


def services() -> Services:
    """Services of a task: local paths from the environment, Slack and landings from their Airflow connections."""
    return Services(
        home_folder(),
        config_folder(),
        lambda: dt.datetime.now(dt.UTC),
        messenger=_messenger,
        credentials=_credentials,
        state_url=_state_url,
        airflow_url=airflow_url,
    )


def airflow_url() -> str:
    """Where people reach this Airflow, without a slash at the end; empty if that is not set up (`[api] base_url`)."""
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")


def parse_date(text: str) -> dt.date:
    """A business date as Dag runs carry it."""
    return dt.date.fromisoformat(text)


def _state_url() -> str | None:
    """Where the state store is: STOCKWATCH_DB, else the connection `stockwatch_db`, else SQLite in the home folder."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    if url := environment_state_url():
        return url
    try:
        return str(Connection.get(STATE_CONNECTION).get_uri())
    except AirflowNotFoundException:
        return None


def _credentials(connection: str) -> Credentials | None:
    """What an Airflow connection says, if there is one."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from include.stockwatch.adapters.landing import Credentials

    try:
        found = Connection.get(connection)
    except AirflowNotFoundException:
        return None
    return Credentials.of(connection, found.login, found.password, found.host, found.port, found.extra_dejson)


def _messenger() -> Messenger:
    """Slack where its connection is set up, else the preview.

    Airflow says "not found" also when a secrets backend is down: the dispatcher refuses to preview once it has sent.
    """
    from include.stockwatch.adapters.preview import PreviewMessenger
    from include.stockwatch.adapters.slack import SlackMessenger

    name, extra = _slack_connection()
    if name is None:
        return PreviewMessenger()
    return SlackMessenger(_slack_client(name), has_buttons=bool(extra.get(SIGNING_SECRET) or extra.get(APP_TOKEN)))


def slack_inbound() -> SlackInbound:
    """What takes presses of buttons: with the signing secret, the app-level token, or neither, as they are set up."""
    from include.stockwatch.adapters.slack_inbound import SlackInbound

    name, extra = _slack_connection()
    if name is None:
        return SlackInbound.deaf()
    return SlackInbound(_slack_client(name), extra.get(SIGNING_SECRET), extra.get(APP_TOKEN))


def _slack_connection() -> tuple[str | None, dict[str, Any]]:
    """The name of the Slack connection and its extra; no name where messages are previewed."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    if SLACK_CONNECTION == "":
        return None, {}
    name = SLACK_CONNECTION or "slack_api_default"
    try:
        return name, dict(Connection.get(name).extra_dejson)
    except AirflowNotFoundException:
        if SLACK_CONNECTION:
            raise
        return None, {}


def _slack_client(name: str) -> Any:
    """A client of a Slack connection. Its own retry of a dropped connection would post a second copy (A-64)."""
    from airflow.providers.slack.hooks.slack import SlackHook

    return SlackHook(slack_conn_id=name, retry_handlers=[]).client

"""Checks and dispatchers in processes of their own, which kill themselves at a step of their work (A-91)."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from slack_sdk import WebClient
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.lake import Lake
from include.stockwatch.adapters.slack import SlackMessenger
from include.stockwatch.adapters.state import State
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.fakes import Clock
from tests.slack_server.server import TOKEN

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "deltalake", "ibis.backends.duckdb"])


class Steps:
    """Counts what a dispatcher does, and kills it with SIGKILL at one of the steps."""

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at, self.done = kill_at, 0

    def step(self) -> None:
        """One step."""
        self.done += 1
        if self.done == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class KillingState(State):
    """A store with a step before and after each commit."""

    steps: Steps

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction."""
        with super().begin() as tx:
            yield tx
            self.steps.step()
        self.steps.step()


class KillingLake:
    """A lake with a step before and after each table that is written."""

    def __init__(self, lake: Lake, steps: Steps) -> None:
        self._lake, self._steps = lake, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lake, name)

    def replace_dates(self, *arguments: Any, **named: Any) -> Any:
        """As the lake does it."""
        self._steps.step()
        self._lake.replace_dates(*arguments, **named)
        self._steps.step()


class KillingMessenger:
    """Slack with a step before and after each call."""

    previews = False
    has_buttons = False

    def __init__(self, messenger: SlackMessenger, steps: Steps) -> None:
        self._messenger, self._steps = messenger, steps

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._steps.step()
            answer = getattr(self._messenger, name)(*arguments, **named)
            self._steps.step()
            return answer

        return call


def dispatch(
    home: Path,
    config: Path,
    url: str,
    slack_url: str,
    now: dt.datetime | None,
    kill_at: int | None,
    dates: Sequence[dt.date] = (),
) -> None:
    """Check some dates and deliver everything as one run of each Dag does; the clock stands at `now`, or is real."""
    steps = Steps(kill_at)
    client = WebClient(token=TOKEN, base_url=f"{slack_url}/api/", retry_handlers=[], timeout=5)
    clock = Clock(now) if now else None
    services = Services(
        home,
        config,
        clock or (lambda: dt.datetime.now(dt.UTC)),  # noqa: TID251  (two processes need one clock)
        messenger=lambda: KillingMessenger(SlackMessenger(client), steps),  # type: ignore[arg-type,return-value]
        **({"pause": clock.wait} if clock else {}),
    )
    KillingState.steps = Steps(None)
    services.__dict__["state"] = KillingState.open(url)
    services.__dict__["lake"] = KillingLake(services.lake, steps)
    KillingState.steps = steps
    for date in dates:
        check(services, date)
    deliver(services)


def start(
    services: Services,
    slack_url: str,
    now: dt.datetime | None = None,
    kill_at: int | None = None,
    dates: Sequence[dt.date] = (),
) -> BaseProcess:
    """A dispatcher at work on the store of some services, after checks of some dates."""
    url = services.state.engine.url.render_as_string(hide_password=False)
    told = (services.home, services.config, url, slack_url, now, kill_at, tuple(dates))
    process = PROCESSES.Process(target=dispatch, args=told)
    process.start()
    return process

"""The board on a small home that the real workflows filled, and people who look at it."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from hypothesis import settings

import tests.strategies  # noqa: F401  (registers the profile)
from include.stockwatch.board.access import Viewer
from include.stockwatch.board.app import PREFIX, create_app
from include.stockwatch.errors import FeedHeld
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.conftest import PROJECT
from tests.fakes import COFFEE, NUT, OAT, Clock, days, dc, northfield, row, westway

settings.load_profile("stockwatch")

FIRST = dt.date(2026, 10, 1)
LAST = dt.date(2026, 11, 1)
NOW = dt.datetime(2026, 11, 2, 18, tzinfo=dt.UTC)
STORES = ("0001", "0002", "0003", "0004")
PEOPLE = {
    "admin": Viewer("Dana Ruiz", "dana@example.com", may_act=True),
    "reader": Viewer("Rea Der"),
    "westway": Viewer("Wes Way", feeds=frozenset({"westway_dcs"}), may_act=True),
    "nobody": Viewer("No Body", feeds=frozenset(), may_act=True),
}
JSON = {"Content-Type": "application/json", "X-Stockwatch": "board"}


def who(request: Request) -> Viewer:
    """The person that a header names; nobody is logged in without one."""
    name = request.headers.get("x-test-user")
    if name not in PEOPLE:
        raise HTTPException(401, "Not authenticated")
    return PEOPLE[name]


class Board:
    """The board as a browser reaches it, below a prefix."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.app = create_app(lambda: Services(services.home, services.config, services.now), who)
        self.root = FastAPI()
        self.root.mount(PREFIX, self.app)

    def get(self, path: str, user: str | None = "admin", **headers: str) -> httpx.Response:
        """Read a page."""
        return self.send("GET", path, headers={**({"x-test-user": user} if user else {}), **headers})

    def post(self, path: str, body: object, user: str | None = "admin", **headers: str) -> httpx.Response:
        """Send an action as the page does, or with other headers; an empty one is left out."""
        told = {**JSON, **({"x-test-user": user} if user else {}), **headers}
        return self.send("POST", path, json=body, headers={name: value for name, value in told.items() if value})

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; a redirect is not followed."""

        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(self.root, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://airflow.test") as client:
                return await client.request(method, f"{PREFIX}{path}", **request)

        return asyncio.run(sent())


def stock(date: dt.date, item: str, name: str, out: set[str]) -> list[str]:
    """One date of an item in all stores, some of which are out."""
    return [
        row(date, one, item=item, name=name, on_hand=0 if one in out else 20, sold=0 if one in out else 5)
        for one in STORES
    ]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the Oat Bar is out in two stores of Northfield, the Nut Mix was, and a file was held."""
    home, files = tmp_path_factory.mktemp("board home"), tmp_path_factory.mktemp("files")
    config = Path(shutil.copytree(PROJECT / "include" / "config", home / "config"))
    clock = Clock(NOW - dt.timedelta(days=4))
    services = Services(home, config, clock)
    items = ((OAT, "Oat Bar"), (NUT, "Nut Mix"), (COFFEE, "Coffee"))
    dates = days(FIRST, (LAST - FIRST).days + 1)
    history = [line for date in dates[:-4] for item, name in items for line in stock(date, item, name, set())]
    ingest_file(services, "northfield_stores", northfield(files / "history.csv", history))
    clock.at = NOW - dt.timedelta(days=1)
    ingest_file(
        services, "westway_dcs", westway(files / "bestand_1.csv", [dc("07", date=f"{d:%d.%m.%Y}") for d in dates[:-1]])
    )
    for place, date in enumerate(dates[-4:]):
        clock.at = dt.datetime.combine(date, dt.time(14), dt.UTC) + dt.timedelta(days=1)
        lines = stock(date, OAT, "Oat Bar", {"0001", "0002"} if place else {"0001"})
        lines += stock(date, NUT, "Nut Mix", {"0003"} if place < 2 else set())
        lines += stock(date, COFFEE, "Coffee", set())
        ingest_file(services, "northfield_stores", northfield(files / f"{date}.csv", lines))
        check(services, date)
    deliver(services)
    with pytest.raises(FeedHeld):
        ingest_file(services, "northfield_stores", northfield(files / "bad.csv", ["x"], header="what,is,this"))
    services.state.engine.dispose()
    return home


@pytest.fixture(scope="session")
def board(filled: Path) -> Board:
    """The board on the filled home, to be read only."""
    return Board(Services(filled, filled / "config", lambda: NOW))


@pytest.fixture
def own_board(filled: Path, tmp_path: Path) -> Iterator[Board]:
    """The board on a copy of the filled home, to be changed."""
    home = Path(shutil.copytree(filled, tmp_path / "home"))
    services = Services(home, home / "config", lambda: NOW)
    yield Board(services)
    if "state" in services.__dict__:
        services.state.engine.dispose()


@pytest.fixture
def empty_board(services: Services) -> Board:
    """The board on the shipped settings, with nothing delivered yet."""
    return Board(services)


@pytest.fixture(scope="session")
def addresses(board: Board) -> Callable[[str], list[str]]:
    """Every address of the board for a method, its parameters filled in."""
    values = {
        "incident_id": "INC-2026-00001", "table": "locations", "dag_id": "ingest_northfield_stores", "name": "board.js",
    }  # fmt: skip

    def found(method: str) -> list[str]:
        paths = [route.path for route in walk(board.app) if method in route.methods]
        return [path.format_map(values) for path in paths]

    return found


def walk(app: FastAPI) -> list[Any]:
    """Every route that is registered."""
    return [route for route in app.routes if getattr(route, "methods", None)]

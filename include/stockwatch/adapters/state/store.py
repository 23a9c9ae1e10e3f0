"""Open the state store and keep its schema up to date."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

HEAD = "0004"
BUSY_SECONDS = 30
_opening = threading.Lock()


class State:
    """A connection to the state store. `begin` gives one transaction; writers wait for each other."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> State:
        """Open the store at a SQLite URL, creating or migrating it when needed."""
        engine = _engine(url)
        state = cls(engine)
        with _opening, state.begin() as connection:
            if _version(connection) != HEAD:
                _upgrade(connection)
        return state

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: all of it is stored, or nothing."""
        with self.engine.begin() as connection:
            yield connection


def _engine(url: str) -> Engine:
    def dump(value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    path = sa.engine.make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, json_serializer=dump, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA journal_mode=WAL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Taking the write lock at once makes a second writer wait instead of failing in the middle.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("stockwatch_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM stockwatch_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

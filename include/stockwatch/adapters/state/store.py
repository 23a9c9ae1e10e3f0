"""Open the state store and keep its schema up to date."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from include.stockwatch.adapters.state.engines import READING, make_engine
from include.stockwatch.errors import StoreLost

HEAD = "0013"
_opening = threading.Lock()


class State:
    """A connection to the state store. `begin` gives one transaction, in which the writer is alone."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str, beside: Path | None = None) -> State:
        """Open the store at a URL (see `engines.make_engine`), creating or migrating it when needed.

        Raises: StoreLost, where it would be created `beside` a table of the lake that is there already
        """
        engine = make_engine(url)
        state = cls(engine)
        with state.read() as connection:  # waits for no writer: a request must not
            if (version := _version(connection)) == HEAD:
                return state
        if version is None and beside is not None and beside.exists():
            engine.dispose()
            raise StoreLost(engine.url.render_as_string(hide_password=True), str(beside))
        with _opening, state.begin() as connection:
            if _version(connection) != HEAD:
                _upgrade(connection)
        return state

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: all of it is stored, or nothing."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One moment of the store, to be read only; neither waits for writers nor holds them up."""
        with self.engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
            yield connection


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

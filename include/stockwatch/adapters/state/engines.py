"""Connections to the state store: SQLite or PostgreSQL. The one place that knows how they differ.

On both a transaction is either a writer, and then alone, or a reader that sees one moment. The writers' lock is the
database file in SQLite and an advisory lock in PostgreSQL; a crash frees either.
"""

from __future__ import annotations

import json
import sqlite3
import ssl
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

BUSY_SECONDS = 30
READING = "stockwatch_reading"
"""Execution option of a connection whose transaction only reads."""
WRITERS = 7_214_026_101
"""Name of the writers' advisory lock in PostgreSQL: any number that nobody else uses."""


def make_engine(url: str) -> Engine:
    """Engine of a store: `sqlite:///path`, or `postgresql://user:password@host:port/database`.

    PostgreSQL is reached through pg8000 unless the URL names a driver; `sslmode` and `sslrootcert` mean what they mean
    in libpq. Raises: ValueError for another database
    """
    made = sa.engine.make_url(url)
    kind, _, driver = made.drivername.partition("+")
    if kind == "sqlite":
        return _sqlite(made)
    if kind in ("postgres", "postgresql"):
        return _postgresql(made.set(drivername=f"postgresql+{driver or 'pg8000'}"))
    raise ValueError(f"the state store cannot be in {kind}: use sqlite or postgresql")


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, json_serializer=_dump, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        connection.execute("PRAGMA foreign_keys=ON")
        _use_wal(connection)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Taking the write lock at once makes a second writer wait instead of failing in the middle.
        is_reader = connection.get_execution_options().get(READING)
        connection.exec_driver_sql("BEGIN" if is_reader else "BEGIN IMMEDIATE")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let readers and the writer work side by side. SQLite does not wait by itself while another process does this."""
    for _ in range(BUSY_SECONDS * 100):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            time.sleep(0.01)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")


def _postgresql(url: URL) -> Engine:
    arguments: dict[str, Any] = {}
    if url.get_driver_name() == "pg8000":
        arguments = {"application_name": "stockwatch", "ssl_context": _ssl_context(url)}
        url = url.difference_update_query(["sslmode", "sslrootcert"])
    # a writer must see what was stored while it waited for the lock, whatever the database has as its default
    level = {"isolation_level": "READ COMMITTED"}
    engine = sa.create_engine(url, json_serializer=_dump, connect_args=arguments, pool_pre_ping=True, **level)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get(READING):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return
        wait = f"set_config('lock_timeout', '{BUSY_SECONDS}s', true)"
        connection.exec_driver_sql(f"SELECT {wait}, pg_advisory_xact_lock({WRITERS})")

    return engine


def _ssl_context(url: URL) -> ssl.SSLContext | None:
    """What `sslmode` asks for. `require` encrypts without looking at the certificate, as libpq does."""
    mode, root = (url.query.get(name) for name in ("sslmode", "sslrootcert"))
    if mode in (None, "disable", "allow", "prefer"):
        return None
    context = ssl.create_default_context(cafile=str(root) if root else None)
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context

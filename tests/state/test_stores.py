"""The state store on SQLite and on PostgreSQL: writers are alone, readers see one moment, schemas are the same."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from include.stockwatch.adapters.state import State, engines, store
from include.stockwatch.adapters.state.engines import make_engine
from include.stockwatch.adapters.state.tables import channel_pace, metadata
from include.stockwatch.errors import StoreLost
from include.stockwatch.workflows.services import Services, environment_state_url
from tests.fakes import Clock
from tests.postgres import Postgres

T = "2026-11-02T06:00:00.000000+00:00"


def upgraded(url: str, revision: str) -> State:
    """A store as an earlier version made it."""
    state = State(make_engine(url))
    with state.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(store.__file__).parent))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return state


def empty(services: Services, request: pytest.FixtureRequest, state_url: str | None) -> str:
    """URL of a store without tables, of the kind that the test is about."""
    if state_url is None:
        return f"sqlite:///{services.home / 'empty.db'}"
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.empty()


def test_a_migrated_store_has_the_columns_and_indexes_that_the_code_knows(services: Services) -> None:
    with services.state.begin() as tx:
        inspector = sa.inspect(tx)
        for name, table in metadata.tables.items():
            found = {column["name"]: column["nullable"] for column in inspector.get_columns(name)}
            assert found == {column.name: column.nullable for column in table.columns}, name
            unique = {constraint["name"] for constraint in inspector.get_unique_constraints(name)}
            indexes = {index["name"] for index in inspector.get_indexes(name)} - unique
            assert indexes == {index.name for index in table.indexes}, name


def test_no_store_is_made_beside_a_lake_that_another_one_knows(
    services: Services, request: pytest.FixtureRequest, state_url: str | None, tmp_path: Path
) -> None:
    url, lake = empty(services, request, state_url), tmp_path / "observations"
    lake.mkdir()
    for _ in range(2):  # the second time finds what the first one left
        with pytest.raises(StoreLost, match="is not the one that belongs to them"):
            State.open(url, beside=lake)
    lake.rmdir()
    State.open(url, beside=lake).engine.dispose()
    lake.mkdir()
    State.open(url, beside=lake).engine.dispose()  # it has been there since before the lake


def test_services_look_for_their_lake_before_they_make_a_store(services: Services) -> None:
    (services.home / "lake" / "observations").mkdir(parents=True)
    anew = Services(
        services.home, services.config, services.now, state_url=lambda: f"sqlite:///{services.home}/anew.db"
    )
    with pytest.raises(StoreLost, match="name that one in STOCKWATCH_DB"):
        anew.state  # noqa: B018


def test_a_message_that_was_being_sent_keeps_its_lease_through_the_migration(
    services: Services, request: pytest.FixtureRequest, state_url: str | None
) -> None:
    url = empty(services, request, state_url)
    old = upgraded(url, "0005")
    later = "2026-11-02T06:02:00.000000+00:00"
    with old.begin() as tx:
        tx.execute(
            sa.text(
                "INSERT INTO outbox VALUES (7, 'key', 'INC-2026-00001', 1, 'post', 'C', 't', 'p', '[]', 'd', 'sending',"
                f" 1, '{T}', '{later}', '{T}', '{T}', NULL, NULL, NULL)"
            )
        )
    old.engine.dispose()
    state = State.open(url)
    with state.begin() as tx:
        row = tx.execute(sa.text("SELECT not_before, due_at, remedies FROM outbox")).one()
        assert (row.not_before, row.due_at) == (later, T)
        assert row.remedies in ("[]", [])
        assert not sa.inspect(tx).get_foreign_keys("outbox")
    state.engine.dispose()


def test_many_that_open_a_new_store_at_once_make_it_once(
    services: Services, request: pytest.FixtureRequest, state_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes do not share our lock in memory, so it is taken away."""
    url = empty(services, request, state_url)
    services.home.mkdir(exist_ok=True)
    failures = []

    class NoLock:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(store, "_opening", NoLock())

    def open_it() -> None:
        try:
            State.open(url).engine.dispose()
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_second_writer_waits_for_the_first(services: Services, clock: Clock) -> None:
    state, order, started = services.state, [], threading.Event()

    def second() -> None:
        started.set()
        with state.begin() as tx:
            order.append(tx.execute(sa.select(sa.func.count()).select_from(channel_pace)).scalar())

    with state.begin() as tx:
        thread = threading.Thread(target=second)
        thread.start()
        started.wait()
        thread.join(0.2)
        tx.execute(channel_pace.insert().values(channel="C", free_at=clock()))
        order.append("first is done")
    thread.join()
    assert order == ["first is done", 1]


def test_a_writer_sees_what_was_stored_while_it_waited_whatever_the_database_prefers(
    postgres_server: Postgres, clock: Clock
) -> None:
    url = postgres_server.empty()
    database = sa.engine.make_url(url).database
    postgres_server.run(f"ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read'")
    state, seen = State.open(url), []

    def second() -> None:
        with state.begin() as tx:
            seen.append(tx.execute(sa.select(sa.func.count()).select_from(channel_pace)).scalar())

    with state.begin() as tx:
        thread = threading.Thread(target=second)
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not tx.execute(sa.text(waiting)).scalar():
            pass
        tx.execute(channel_pace.insert().values(channel="C", free_at=clock()))
    thread.join()
    assert seen == [1]
    state.engine.dispose()


def test_a_writer_that_waits_too_long_gives_up(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 1)
    impatient = State(make_engine(services.state.engine.url.render_as_string(hide_password=False)))
    with services.state.begin(), pytest.raises(sa.exc.DBAPIError, match=r"locked|lock timeout"), impatient.begin():
        pass
    impatient.engine.dispose()


def test_a_reader_sees_one_moment_and_waits_for_no_writer(services: Services, clock: Clock) -> None:
    count = sa.select(sa.func.count()).select_from(channel_pace)
    with services.state.begin() as tx:
        tx.execute(channel_pace.insert().values(channel="C1", free_at=clock()))
    with services.state.read() as moment:
        assert moment.execute(count).scalar() == 1
        with services.state.begin() as tx:
            tx.execute(channel_pace.insert().values(channel="C2", free_at=clock()))
            assert moment.execute(count).scalar() == 1
        assert moment.execute(count).scalar() == 1
    with services.state.read() as moment:
        assert moment.execute(count).scalar() == 2


def test_what_fails_in_a_transaction_leaves_nothing(services: Services, clock: Clock) -> None:
    with pytest.raises(sa.exc.IntegrityError), services.state.begin() as tx:
        tx.execute(channel_pace.insert(), [{"channel": "C1", "free_at": clock()}] * 2)
    with services.state.read() as tx:
        assert tx.execute(channel_pace.select()).all() == []


@pytest.mark.parametrize(
    ("url", "driver", "encrypts", "looks_at_certificate"),
    [
        ("postgres://u:p%40ss@db:5433/stock", "pg8000", False, False),
        ("postgresql://u@db/stock?sslmode=prefer", "pg8000", False, False),
        ("postgresql://u@db/stock?sslmode=require", "pg8000", True, False),
        ("postgresql://u@db/stock?sslmode=verify-full", "pg8000", True, True),
        ("postgresql+pg8000://u@db/stock", "pg8000", False, False),
    ],
)
def test_the_url_of_a_connection_is_understood(
    url: str, driver: str, encrypts: bool, looks_at_certificate: bool
) -> None:
    """As Airflow writes the URL of a connection of type Postgres."""
    engine = make_engine(url)
    assert (engine.dialect.name, engine.dialect.driver, engine.url.database) == ("postgresql", driver, "stock")
    assert "sslmode" not in engine.url.query
    context = engines._ssl_context(sa.engine.make_url(url))
    assert (context is not None, bool(context and context.check_hostname)) == (encrypts, looks_at_certificate)


def test_a_store_in_another_database_is_refused_with_what_can_be_used() -> None:
    with pytest.raises(ValueError, match="cannot be in mysql: use sqlite or postgresql"):
        make_engine("mysql://u@db/stock")


def test_the_environment_says_where_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKWATCH_DB", "")
    assert environment_state_url() is None
    monkeypatch.setenv("STOCKWATCH_DB", "postgresql://u@db/stock")
    assert environment_state_url() == "postgresql://u@db/stock"

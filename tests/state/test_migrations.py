"""A store that an earlier version made is brought up to date without losing anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from include.stockwatch.adapters.state import State, store
from include.stockwatch.adapters.state.tables import metadata

T = "2026-11-02T06:00:00.000000+00:00"


def store_at(revision: str, path: Path) -> None:
    """A store as it was at a revision, with one incident and its message."""
    engine = store._engine(f"sqlite:///{path}")
    with State(engine).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(store.__file__).parent))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(
            sa.text("INSERT INTO incidents VALUES ('INC-2026-00001', 'f', 'open', 'northfield', 'i', 1, '{}')")
        )
        connection.execute(
            sa.text(
                "INSERT INTO outbox VALUES (7, 'key', 'INC-2026-00001', 1, 'post', 'C', 't', 'p', '[]', 'd', 'sent', 1,"
                f" '{T}', NULL, '{T}', '{T}', '{T}', '123.456', NULL)"
            )
        )
    engine.dispose()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_messages_survive_and_may_be_of_other_incidents_after_it(revision: str, tmp_path: Path) -> None:
    store_at(revision, tmp_path / "state.db")
    state = State.open(f"sqlite:///{tmp_path / 'state.db'}")
    with state.begin() as tx:
        kept = tx.execute(sa.text("SELECT outbox_id, idem_key, status, ts FROM outbox")).all()
        assert [tuple(row) for row in kept] == [(7, "key", "sent", "123.456")]
        tx.execute(sa.text("UPDATE outbox SET incident_id = 'DATA-2026-00001'"))
        with pytest.raises(sa.exc.IntegrityError):
            tx.execute(sa.text("INSERT INTO outbox SELECT 8, idem_key, incident_id, event_seq, operation, channel, text,"
                " plain, blocks, digest, status, attempts, not_before, lease_until, first_attempt_at, created_at,"
                " sent_at, ts, error FROM outbox"))  # fmt: skip
    state.engine.dispose()


def test_a_migrated_store_has_the_columns_and_indexes_that_the_code_knows(tmp_path: Path) -> None:
    state = State.open(f"sqlite:///{tmp_path / 'state.db'}")
    with state.begin() as tx:
        inspector = sa.inspect(tx)
        for name, table in metadata.tables.items():
            assert {column["name"] for column in inspector.get_columns(name)} == set(table.columns.keys()), name
            assert {index["name"] for index in inspector.get_indexes(name)} == {index.name for index in table.indexes}
        assert inspector.get_foreign_keys("outbox") == []
    state.engine.dispose()

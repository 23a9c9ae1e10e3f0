"""A store that an earlier version made is brought up to date without losing anything."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from include.stockwatch.adapters.state import State, engines, incidents, store
from include.stockwatch.adapters.state.tables import metadata
from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.data_incident import DataIncident
from tests.alerting.data_examples import data_incident
from tests.alerting.examples import incident as stock_incident
from tests.alerting.examples import member
from tests.alerting.promise_examples import incident as promise_incident

T = "2026-11-02T06:00:00.000000+00:00"


def store_at(revision: str, path: Path, *, close: bool = True) -> State:
    """A store as it was at a revision, with one incident and its message."""
    engine = engines.make_engine(f"sqlite:///{path}")
    state = State(engine)
    with state.begin() as connection:
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
    if close:
        engine.dispose()
    return state


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_messages_survive_and_may_be_of_other_incidents_after_it(revision: str, tmp_path: Path) -> None:
    store_at(revision, tmp_path / "state.db")
    state = State.open(f"sqlite:///{tmp_path / 'state.db'}")
    with state.begin() as tx:
        kept = tx.execute(sa.text("SELECT outbox_id, idem_key, status, ts FROM outbox")).all()
        assert [tuple(row) for row in kept] == [(7, "key", "sent", "123.456")]
        tx.execute(sa.text("UPDATE outbox SET incident_id = 'DATA-2026-00001'"))
        columns = ", ".join(c["name"] for c in sa.inspect(tx).get_columns("outbox") if c["name"] != "outbox_id")
        with pytest.raises(sa.exc.IntegrityError):
            tx.execute(sa.text(f"INSERT INTO outbox (outbox_id, {columns}) SELECT 8, {columns} FROM outbox"))
    state.engine.dispose()


def test_a_migrated_store_has_the_columns_and_indexes_that_the_code_knows(tmp_path: Path) -> None:
    state = State.open(f"sqlite:///{tmp_path / 'state.db'}")
    with state.begin() as tx:
        inspector = sa.inspect(tx)
        for name, table in metadata.tables.items():
            assert {column["name"] for column in inspector.get_columns(name)} == set(table.columns.keys()), name
            indexes = {index["name"]: index["column_names"] for index in inspector.get_indexes(name)}
            assert indexes == {index.name: index.columns.keys() for index in table.indexes}, name
        assert inspector.get_foreign_keys("outbox") == []
    state.engine.dispose()


def test_incidents_of_every_kind_are_taken_over_with_their_history(tmp_path: Path) -> None:
    made = store_at("0004", tmp_path / "state.db", close=False)
    at = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)
    old = {
        "incidents": (stock_incident(member("0118", 1, 3)), {"partner": "northfield", "item_id": "00850007123017"}),
        "data_incidents": (data_incident(), {"feed_id": "northfield_stores"}),
        "promise_incidents": (promise_incident(), {"kind": "price", "partner": "northfield", "item_id": "i"}),
    }
    with made.begin() as tx:
        tx.execute(sa.text("DELETE FROM incidents"))
        for table, (case, about) in old.items():
            new = {"kind", "handling"} | ({"fingerprint"} if isinstance(case, DataIncident) else set())
            state = case.model_dump(mode="json", exclude=new)
            row = {"incident_id": case.incident_id, "standing": "open", "last_seq": 1, "state": json.dumps(state)}
            row |= {"fingerprint": "f" * 32} if table != "data_incidents" else {}
            insert(tx, table, row | about)
            event = {
                "incident_id": case.incident_id,
                "seq": 1,
                "kind": "opened",
                "reason": "first",
                "at": T,
                "actor": "a",
            }
            event |= {"business_date": "2026-11-01"} if table != "data_incidents" else {}
            insert(tx, f"{table.removesuffix('s')}_events", event | {"state": json.dumps(state)})
    made.engine.dispose()
    state = State.open(f"sqlite:///{tmp_path / 'state.db'}")
    with state.begin() as tx:
        for case, _ in old.values():
            assert incidents.find(tx, case.incident_id) == case.model_copy(
                update={"fingerprint": "feed:northfield_stores"} if isinstance(case, DataIncident) else {}
            )
            (event,) = incidents.events(tx, case.incident_id)
            assert (event["kind"], event["at"], event["state"]["incident_id"]) == ("opened", at, case.incident_id)
        assert {kind.value for kind in Kind if incidents.count_open(tx, [kind])} == {
            "out_of_stock",
            "feed_problem",
            "promise_price",
        }
    state.engine.dispose()


def test_the_range_of_customers_is_told_of_what_was_listed_before(tmp_path: Path) -> None:
    made = store_at("0001", tmp_path / "state.db", close=False)
    case = stock_incident(member("0118", 1, 3))
    columns = incidents._columns(case)
    low, high = (columns.pop(name) for name in ("customers_low", "customers_high"))
    dates = {name: str(columns[name]) for name in ("opened_on", "data_as_of")}
    row = columns | dates | {"incident_id": case.incident_id, "opened_at": T, "updated_at": T, "last_seq": 1}
    with made.begin() as tx:
        config = Config()
        config.set_main_option("script_location", str(Path(store.__file__).parent))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = tx
        command.upgrade(config, "0012")
        insert(tx, "incidents", row | {"state": json.dumps(case.model_dump(mode="json"))})
    made.engine.dispose()
    state = State.open(f"sqlite:///{tmp_path / 'state.db'}")
    with state.begin() as tx:
        told = tx.execute(sa.text("SELECT customers_low, customers_high FROM incidents WHERE currency = 'USD'")).all()
        assert [tuple(one) for one in told] == [(pytest.approx(low), pytest.approx(high))]
    state.engine.dispose()


def insert(tx: Connection, table: str, row: dict[str, Any]) -> None:
    """A row as text, as an earlier version wrote it."""
    names = ", ".join(row)
    tx.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row)

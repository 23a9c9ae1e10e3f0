"""Credentials: what is read of a connection, and what is never shown."""

from __future__ import annotations

import json

import pytest

from include.stockwatch.adapters.landing import Credentials

EXTRA = {"host_key": "ssh-ed25519 AAAA+/=", "private_key": "-----BEGIN\nKEY", "region_name": "eu-west-1", "timeout": 3}
WHOLE = Credentials(
    "c",
    "me@home",
    "p/w:#é",
    "sftp.example.com",
    2222,
    host_key=EXTRA["host_key"],
    private_key=EXTRA["private_key"],
    region_name="eu-west-1",
)


@pytest.mark.parametrize("extra", [EXTRA, json.dumps(EXTRA)], ids=["object", "text"])
def test_a_connection_is_read_from_json(extra: object) -> None:
    fields = {"conn_type": "sftp", "login": "me@home", "password": "p/w:#é", "host": "sftp.example.com", "port": "2222"}
    assert Credentials.parse("c", json.dumps({**fields, "extra": extra})) == WHOLE


def test_a_connection_is_read_from_a_uri_as_airflow_writes_it() -> None:
    from airflow.sdk import Connection

    made = Connection(
        conn_id="c", conn_type="sftp", host="sftp.example.com", login="me@home", password="p/w:#é", port=2222
    )
    made.extra = json.dumps(EXTRA)
    assert "__extra__" in made.get_uri()
    assert Credentials.parse("c", made.get_uri()) == WHOLE
    made.extra = json.dumps({name: value for name, value in EXTRA.items() if isinstance(value, str)})
    assert "__extra__" not in made.get_uri()
    assert Credentials.parse("c", made.get_uri()) == WHOLE


def test_blank_fields_are_as_good_as_not_set() -> None:
    assert Credentials.parse("c", '{"login": "", "password": null, "port": 0, "extra": ""}') == Credentials("c")


@pytest.mark.parametrize(
    "text", ["{not json", "sftp://me:sec/ret@host", "secret", '{"port": "secret"}', '{"extra": "secret"}']
)
def test_a_text_that_cannot_be_read_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="neither JSON nor a URI") as raised:
        Credentials.parse("c", text)
    assert "sec" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_secrets_are_not_shown() -> None:
    shown = repr(Credentials("c", "me", "pass1", private_key="key2", private_key_passphrase="phrase3"))
    assert "me" in shown
    assert not any(secret in shown for secret in ("pass1", "key2", "phrase3"))

"""What an Airflow connection holds to open a store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

EXTRAS = ("endpoint_url", "region_name", "host_key", "private_key", "private_key_passphrase")


@dataclass(frozen=True)
class Credentials:
    """Login, secrets and address of a store. `connection` is the id of their Airflow connection, for messages."""

    connection: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    endpoint_url: str | None = None
    region_name: str | None = None
    host_key: str | None = None
    private_key: str | None = field(default=None, repr=False)
    private_key_passphrase: str | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        connection: str,
        login: str | None,
        password: str | None,
        host: str | None,
        port: int | None,
        extra: Mapping[str, object],
    ) -> Credentials:
        """From the fields of a connection; blank ones are as good as not set, unknown extras are left alone."""
        named = {name: str(extra[name]) for name in EXTRAS if extra.get(name)}
        return cls(connection, login or None, password or None, host or None, port or None, **named)

    @classmethod
    def parse(cls, connection: str, text: str) -> Credentials:
        """From the text of `AIRFLOW_CONN_<ID>`, which is JSON or a URI.

        Raises: ValueError, which never quotes the text
        """
        try:
            return _from_json(connection, text) if text.lstrip().startswith("{") else _from_uri(connection, text)
        except (ValueError, TypeError, AttributeError):
            raise ValueError("it is neither JSON nor a URI as Airflow writes them") from None


def _from_json(connection: str, text: str) -> Credentials:
    found = json.loads(text)
    extra = found.get("extra") or {}
    port = int(found["port"]) if found.get("port") else None
    extra = json.loads(extra) if isinstance(extra, str) else extra
    return Credentials.of(connection, found.get("login"), found.get("password"), found.get("host"), port, extra)


def _from_uri(connection: str, text: str) -> Credentials:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError(text)
    extra: dict[str, object] = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "__extra__" in extra:
        extra = json.loads(str(extra["__extra__"]))
    quoted = (parts.username, parts.password, parts.hostname)
    login, password, host = (unquote(part) if part else None for part in quoted)
    return Credentials.of(connection, login, password, host, parts.port, extra)

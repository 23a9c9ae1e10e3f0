"""Real servers on loopback for tests of landings: moto speaks S3, asyncssh speaks SFTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh
import requests
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.authorization import enable_iam_authentication
from moto.iam.models import iam_backends
from moto.s3.models import S3Backend, s3_backends
from moto.server import ThreadedMotoServer

from include.stockwatch.adapters.landing import Credentials

LOGIN, PASSWORD = "stockwatch", "correct horse"
BUCKET = "partners"


@dataclass
class SftpServer:
    """A running SFTP server whose root is a folder of ours."""

    root: Path
    host_keys: list[asyncssh.SSHKey]
    user_key: asyncssh.SSHKey
    port: int = 0
    connections: int = 0
    logins: list[str] = field(default_factory=list)
    open_connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    login_seconds: float = 0.0
    most_read_bytes: int = 1 << 20
    also_lists: Iterable[asyncssh.SFTPName] = ()
    before_read: Callable[[int], object] = lambda _offset: None

    def drop(self) -> None:
        """Drop every connection; only from within the server."""
        for connection in self.open_connections:
            connection.abort()

    @property
    def url(self) -> str:
        """Its root."""
        return f"sftp://127.0.0.1:{self.port}"

    @property
    def known_host(self) -> str:
        """The public keys, each as a `.pub` file has it."""
        return "\n".join(key.export_public_key().decode().strip() for key in self.host_keys)

    @property
    def fingerprint(self) -> str:
        """The first public key's fingerprint."""
        return str(self.host_keys[0].get_fingerprint())

    def credentials(self, **changed: Any) -> Credentials:
        """What opens it."""
        fields = {"login": LOGIN, "password": PASSWORD, "host_key": self.known_host}
        return Credentials("partner_sftp", **(fields | changed))


class Login(asyncssh.SSHServer):
    """Who may log in, and what is counted of it."""

    def __init__(self, server: SftpServer) -> None:
        self.server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.server.connections += 1
        self.server.open_connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        self.server.logins.append("password")
        await asyncio.sleep(self.server.login_seconds)
        return (username, password) == (LOGIN, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.server.logins.append("key")
        return username == LOGIN and key.public_data == self.server.user_key.public_data


class Files(asyncssh.SFTPServer):
    """The files under the server's root."""

    def __init__(self, server: SftpServer, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(chan, chroot=str(server.root).encode())
        self.server = server

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for name in super().scandir(path):
            yield name
        for name in self.server.also_lists:
            yield name
            await asyncio.sleep(0)

    def read(self, file_obj: object, offset: int, size: int) -> Any:
        self.server.before_read(offset)
        return super().read(file_obj, offset, min(size, self.server.most_read_bytes))


@contextmanager
def sftp_server(root: Path, *key_types: str) -> Iterator[SftpServer]:
    """A running SFTP server with an event loop and a thread of its own; it has a host key of every type."""
    host_keys = [asyncssh.generate_private_key(kind) for kind in key_types or ("ssh-ed25519",)]
    server = SftpServer(root, host_keys, asyncssh.generate_private_key("ssh-ed25519"))
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def start() -> asyncssh.SSHAcceptor:
        login, files = partial(Login, server), partial(Files, server)
        return await asyncssh.create_server(login, "127.0.0.1", 0, server_host_keys=host_keys, sftp_factory=files)

    async def stop(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        server.drop()
        await acceptor.wait_closed()
        await asyncio.gather(*(connection.wait_closed() for connection in server.open_connections))

    def run() -> None:
        acceptor = loop.run_until_complete(start())
        server.port = acceptor.get_port()
        started.set()
        loop.run_forever()
        loop.run_until_complete(stop(acceptor))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@dataclass
class S3Server:
    """A running S3 server."""

    url: str

    def clear(self) -> None:
        """Forget everything and make an empty bucket."""
        session = requests.Session()
        session.trust_env = False
        session.post(f"{self.url}/moto-api/reset", timeout=10).raise_for_status()
        self.backend.create_bucket(BUCKET, "us-east-1")

    @property
    def backend(self) -> S3Backend:
        """What the server holds. Through HTTP moto takes no key with a line break, and says itself what time it is."""
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    @contextmanager
    def checks_logins(self) -> Iterator[tuple[str, str]]:
        """Let the server look at keys and secrets; gives a pair that may do anything."""
        iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
        iam.create_user("us-east-1", "feeds")
        anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy("feeds", "all", json.dumps(anything))
        key = iam.create_access_key("feeds")
        with enable_iam_authentication():
            yield key.access_key_id, key.secret_access_key

    def put(self, key: str, content: bytes, at: float) -> None:
        """Put an object at a time, in seconds since 1970."""
        stored = self.backend.put_object(BUCKET, key, content)
        stored.last_modified = dt.datetime.fromtimestamp(at, dt.UTC).replace(tzinfo=None)

    def credentials(self, **changed: Any) -> Credentials:
        """What opens it."""
        fields = {"login": LOGIN, "password": PASSWORD, "endpoint_url": self.url, "region_name": "us-east-1"}
        return Credentials("partner_s3", **(fields | changed))


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A running S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()

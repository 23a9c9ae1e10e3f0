"""A landing on an SFTP server. Nothing is sent before the server has shown a key that the connection names."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import logging
import re
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_DATA,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STATUS,
    int64,
)

from include.stockwatch.adapters.landing.credentials import Credentials
from include.stockwatch.adapters.landing.store import CONNECT_SECONDS, READ_SECONDS, LandedFile, Source

TRANSPORT_LOG = f"{__name__}.transport"
logging.getLogger(TRANSPORT_LOG).setLevel(logging.CRITICAL)  # paramiko logs a traceback where our errors say it all

SSH_PORT = 22
PIECE = 32 << 10
"""Bytes of one request: the most that every server answers."""
BLOCK = 64 * PIECE
WEAK = {"ciphers": ["3des-cbc"], "macs": ["hmac-md5", "hmac-md5-96", "hmac-sha1-96"]}
KEY_KINDS: dict[type[PrivateKeyTypes], tuple[PrivateFormat, type[paramiko.PKey]]] = {
    ed25519.Ed25519PrivateKey: (PrivateFormat.OpenSSH, paramiko.Ed25519Key),
    ec.EllipticCurvePrivateKey: (PrivateFormat.TraditionalOpenSSL, paramiko.ECDSAKey),
    rsa.RSAPrivateKey: (PrivateFormat.TraditionalOpenSSL, paramiko.RSAKey),
}
ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class Sftp:
    """Folders of an SFTP server, over one connection."""

    def __init__(self, client: _Client, limit: _Limit) -> None:
        self.client, self.limit = client, limit

    def files(self, url: str) -> Iterator[LandedFile]:
        """Regular files of a folder, links left out. Raises: OSError"""
        folder = unquote(urlsplit(url).path) or "."
        with self.limit.plain_errors():
            for raw, found in self.client.entries(folder):
                if found.st_mode is None or stat.S_ISREG(found.st_mode):
                    name, changed = raw.decode("utf-8", "surrogateescape"), found.st_mtime or 0
                    path = f"{folder.rstrip('/')}/{name}"
                    yield LandedFile(path, name, found.st_size or 0, str(changed), float(changed))

    @contextmanager
    def open(self, path: str) -> Iterator[Source]:
        """A regular file. Raises: OSError"""
        with self.limit.plain_errors():
            _state(self.client, path)
            with self.client.open(path, "rb") as file:
                yield _OpenFile(self.client, path, file)


class _OpenFile:
    def __init__(self, client: _Client, path: str, file: paramiko.SFTPFile) -> None:
        self.client, self.path, self.file = client, path, file

    def state(self) -> tuple[int, str]:
        return _state(self.client, self.path)

    def blocks(self) -> Iterator[bytes]:
        position = 0
        while block := self.client.block(self.file, position):
            position += len(block)
            yield block


def _state(client: _Client, path: str) -> tuple[int, str]:
    found = client.lstat(path)
    if found.st_mode is not None and not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is not a regular file")
    return found.st_size or 0, str(found.st_mtime)


class _Client(paramiko.SFTPClient):
    """paramiko's client, with a listing that takes any name, and with reads that are fast in bounded memory."""

    if TYPE_CHECKING:  # what is used of paramiko's inner parts

        def _request(self, kind: int, *arguments: object) -> tuple[int, paramiko.Message]: ...
        def _async_request(self, answers: object, kind: int, *arguments: object) -> int: ...
        def _read_response(self) -> object: ...
        def _convert_status(self, answer: paramiko.Message) -> None: ...

    def entries(self, folder: str) -> Iterator[tuple[bytes, paramiko.SFTPAttributes]]:
        """Names as the bytes they are: paramiko's own listing fails if a single one is not UTF-8."""
        kind, answer = self._request(CMD_OPENDIR, folder)
        handle = _expect(CMD_HANDLE, kind, answer).get_binary()
        try:
            while True:
                kind, answer = self._request(CMD_READDIR, handle)
                for _ in range(_expect(CMD_NAME, kind, answer).get_int()):
                    name, _line = answer.get_binary(), answer.get_binary()
                    yield name, paramiko.SFTPAttributes._from_msg(answer)  # type: ignore[attr-defined]
        except EOFError:
            self._async_request(type(None), CMD_CLOSE, handle)

    def block(self, file: paramiko.SFTPFile, start: int) -> bytes:
        """The next bytes of an open file; nothing at its end.

        Requests for all its pieces are on their way at once. paramiko's own read-ahead does that too, but may hold the
        whole file in memory.
        """
        answers, offsets = _Answers(), range(start, start + BLOCK, PIECE)
        numbers = [self._async_request(answers, CMD_READ, file.handle, int64(offset), PIECE) for offset in offsets]
        while len(answers.by_number) < len(numbers):
            self._read_response()
        found = bytearray()
        with suppress(EOFError):
            for number, offset in zip(numbers, offsets, strict=True):
                found += self._data(*answers.by_number[number])
                # a server may answer less than was asked for
                while (missing := offset + PIECE - start - len(found)) > 0:
                    found += self._data(*self._request(CMD_READ, file.handle, int64(start + len(found)), missing))
        return bytes(found)

    def _data(self, kind: int, answer: paramiko.Message) -> bytes:
        """Bytes of an answer. Raises: EOFError where the file ends"""
        if kind == CMD_STATUS:
            self._convert_status(answer)
        data = _expect(CMD_DATA, kind, answer).get_binary()
        if not data:
            raise EOFError
        return data


def _expect(wanted: int, kind: int, answer: paramiko.Message) -> paramiko.Message:
    if kind != wanted:
        raise paramiko.SFTPError(f"an answer of type {kind} instead of {wanted}")
    return answer


class _Answers:
    """Where paramiko leaves the answers to requests, in whatever order they come."""

    def __init__(self) -> None:
        self.by_number: dict[int, tuple[int, paramiko.Message]] = {}

    def _async_response(self, kind: int, answer: paramiko.Message, number: int) -> None:
        self.by_number[number] = kind, answer


class _Limit:
    """Closes a transport that takes longer than it may. paramiko waits for some answers without a limit of its own."""

    def __init__(self, transport: paramiko.Transport, seconds: float) -> None:
        self.transport, self.seconds, self.is_over = transport, seconds, False
        self.timer = threading.Timer(seconds, self._end)
        self.timer.daemon = True
        self.timer.start()

    def _end(self) -> None:
        self.is_over = True
        self.transport.close()

    def close(self) -> None:
        """Let the transport live."""
        self.timer.cancel()

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """What can go wrong, as OSErrors."""
        try:
            yield
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {READ_SECONDS} s") from error
        except (paramiko.SSHException, EOFError, OSError, ValueError) as error:  # ValueError: text that is not UTF-8
            if self.is_over:
                raise TimeoutError(f"not done within {self.seconds:.0f} s") from error
            if isinstance(error, OSError):
                raise
            raise ConnectionError(str(error) or "the server closed the connection") from error


@contextmanager
def sftp_store(url: str, credentials: Credentials, seconds: float) -> Iterator[Sftp]:
    """Connect, check the server's key, log in.

    Raises: ConnectionError if the connection lacks something, the key is not the right one, or login is refused;
    OSError
    """
    parts = urlsplit(url)
    host, port = parts.hostname or credentials.host, parts.port or credentials.port or SSH_PORT
    named = f"connection `{credentials.connection}`"
    if not host:
        raise ConnectionError(f"no host: name it in the URL, or in {named}")
    if credentials.host and credentials.host.lower() != host.lower():
        raise ConnectionError(f"{named} is for host {credentials.host}; its secrets are not sent to {host}")
    if not (credentials.login and (credentials.password or credentials.private_key)):
        raise ConnectionError(f"set login, and password or the extra private_key, in {named}")
    key, at_most = _private_key(credentials), min(seconds, CONNECT_SECONDS)
    wire = socket.create_connection((host, port), at_most)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # requests are small, and many are on their way at once
    transport = paramiko.Transport(wire, disabled_algorithms=WEAK)
    transport.set_log_channel(TRANSPORT_LOG)
    with closing(transport):
        with closing(_Limit(transport, at_most)) as limit, limit.plain_errors():
            _check_host_key(transport, credentials)
            client = _log_in(transport, credentials, key)
        with closing(_Limit(transport, seconds)) as limit:
            yield Sftp(client, limit)


def _check_host_key(transport: paramiko.Transport, credentials: Credentials) -> None:
    """Refuse a server that does not show one of the keys that are expected of it."""
    expected, types = _expected_keys(credentials.host_key or "")
    options = transport.get_security_options()
    first = [algorithm for kind in types for algorithm in ALGORITHMS.get(kind, (kind,))]
    known = [algorithm for algorithm in first if algorithm in options.key_types]
    options.key_types = (*known, *(algorithm for algorithm in options.key_types if algorithm not in known))
    transport.start_client()
    shown = transport.get_remote_server_key()
    if shown.fingerprint in expected:
        return
    fingerprint = f"{shown.get_name()} {shown.fingerprint}"
    extra = f"the extra `host_key` of connection `{credentials.connection}`"
    if expected:
        what = f"the server shows the key {fingerprint}, which is not in {extra}; nothing was sent"
        raise ConnectionError(f"{what}. Ask the partner whether it has a new key: if not, somebody else answers there")
    what = f"no key is set in {extra}, so the server is not trusted; it shows {fingerprint}"
    raise ConnectionError(f"{what}. Compare that with what the partner says, then set it")


def _expected_keys(text: str) -> tuple[set[str], list[str]]:
    """Fingerprints, and the key types as far as they are known, of keys as in `known_hosts`, `.pub` files or alone."""
    fingerprints = set(re.findall(r"SHA256:[A-Za-z0-9+/]{43}", text))
    types = []
    for word in re.findall(r"\bAAAA[A-Za-z0-9+/]+=*", text):
        try:
            key = base64.b64decode(word, validate=True)
        except binascii.Error:
            continue
        fingerprints.add("SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("="))
        types.append(paramiko.Message(key).get_binary().decode("ascii", "replace"))
    return fingerprints, types


def _log_in(transport: paramiko.Transport, credentials: Credentials, key: paramiko.PKey | None) -> _Client:
    login, password = credentials.login or "", credentials.password or ""
    try:
        still_wanted = transport.auth_publickey(login, key) if key else ["password"]
        if "password" in still_wanted:  # also where the server wants both
            transport.auth_password(login, password)
    except paramiko.AuthenticationException as error:
        what = f"login as `{login}` refused: {error}; look at login, password and private_key of connection"
        raise ConnectionError(f"{what} `{credentials.connection}`") from error
    channel = transport.open_session()
    channel.settimeout(READ_SECONDS)
    channel.invoke_subsystem("sftp")
    return _Client(channel)


def _private_key(credentials: Credentials) -> paramiko.PKey | None:
    """The private key of a connection, in any form of OpenSSH or PEM; paramiko alone does not read all of them."""
    if not credentials.private_key:
        return None
    passphrase = credentials.private_key_passphrase
    secret = passphrase.encode() if passphrase else None
    for load in (load_ssh_private_key, load_pem_private_key):
        with suppress(ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: a passphrase too many, or none
            found = load(credentials.private_key.encode(), secret)
            for kind, (form, paramiko_kind) in KEY_KINDS.items():
                if isinstance(found, kind):
                    text = found.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
                    return paramiko_kind.from_private_key(io.StringIO(text))
    what = "private_key is no Ed25519, ECDSA or RSA key that private_key_passphrase opens; set both"
    raise ConnectionError(f"{what} in the extra of connection `{credentials.connection}`")

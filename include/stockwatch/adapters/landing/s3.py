"""A landing in an S3-compatible store."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import aiobotocore.session
import aiohttp
import botocore.exceptions
import s3fs
from s3fs.utils import FileExpired

from include.stockwatch.adapters.landing.credentials import Credentials
from include.stockwatch.adapters.landing.store import CHANGED, CONNECT_SECONDS, READ_SECONDS, LandedFile, Source

BLOCK = 8 << 20
ELSEWHERE = {
    "profile": (None, None, None, None),
    "region": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ignore_configured_endpoint_urls": (None, None, True, None),
}
"""Settings that botocore would take from the environment and the home folder: what the connection says is all."""


class S3:
    """Objects of an S3-compatible store. They appear whole or not at all."""

    def __init__(self, system: s3fs.S3FileSystem, credentials: Credentials, deadline: float) -> None:
        self.system, self.credentials, self.deadline = system, credentials, deadline

    def files(self, url: str) -> Iterator[LandedFile]:
        """Objects right under a prefix. Raises: OSError"""
        parts = urlsplit(url)
        prefix = unquote(parts.path).strip("/")
        asked: dict[str, Any] = {"Bucket": parts.netloc, "Prefix": f"{prefix}/" if prefix else "", "Delimiter": "/"}
        while True:
            with self._plain_errors():
                # not `ls`: of an empty folder that lists the one above it, and it may answer from memory
                page = self.system.call_s3("list_objects_v2", timeout=self.seconds_left(), **asked)
            for entry in page.get("Contents", ()):
                key, changed = entry["Key"], entry["LastModified"].timestamp()
                name = key[len(asked["Prefix"]) :]
                if name:  # blank: the marker of the folder itself
                    path = f"{parts.netloc}/{key}"
                    yield LandedFile(path, name, int(entry["Size"]), entry["ETag"], changed, is_whole=True)
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    @contextmanager
    def open(self, path: str) -> Iterator[Source]:
        """An object, in the version that is the newest now. Raises: OSError"""
        with self._plain_errors(), self.system.open(path, "rb", cache_type="none") as file:
            yield _OpenObject(self, path, file)

    def seconds_left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this store is over")
        return min(left, CONNECT_SECONDS + READ_SECONDS)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """What can go wrong, as OSErrors that say what to do."""
        try:
            yield
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {CONNECT_SECONDS + READ_SECONDS} s") from error
        except PermissionError as error:
            what = f"{error}; look at login (key), password (secret) and rights of connection"
            raise PermissionError(f"{what} `{self.credentials.connection}`") from error
        except FileExpired as error:
            raise OSError(CHANGED) from error
        except (botocore.exceptions.BotoCoreError, aiohttp.ClientError) as error:
            raise ConnectionError(str(error)) from error


class _OpenObject:
    def __init__(self, store: S3, path: str, file: Any) -> None:
        self.store, self.path, self.file = store, path, file

    def state(self) -> tuple[int, str]:
        found = self.store.system.info(self.path)
        return int(found["size"]), str(found["ETag"])

    def blocks(self) -> Iterator[bytes]:
        """Each block is one request, refused by the store if the object is no longer the one that was opened."""
        while block := self.file.read(BLOCK):
            yield block
            self.store.seconds_left()


@cache
def _session() -> aiobotocore.session.AioSession:
    """One for all stores: it reads the service descriptions, which takes long. It holds no credentials."""
    return aiobotocore.session.AioSession(session_vars=ELSEWHERE)


@contextmanager
def s3_store(credentials: Credentials, seconds: float) -> Iterator[S3]:
    """The store that a connection names; AWS if it has no `endpoint_url`.

    Raises: ConnectionError if key or secret are missing: nothing is taken from the environment or the home folder
    """
    if not (credentials.login and credentials.password):
        raise ConnectionError(f"set login (key) and password (secret) in connection `{credentials.connection}`")
    system = s3fs.S3FileSystem(
        key=credentials.login,
        secret=credentials.password,
        endpoint_url=credentials.endpoint_url,
        client_kwargs={"region_name": credentials.region_name} if credentials.region_name else {},
        config_kwargs={
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retries": {"mode": "standard", "total_max_attempts": 1},  # the next scan and the task try again
        },
        session=_session(),
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    system.retries = 1
    yield S3(system, credentials, time.monotonic() + seconds)

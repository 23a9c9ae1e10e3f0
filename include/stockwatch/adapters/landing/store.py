"""What all kinds of landing have in common: a store lists folders and opens files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from include.stockwatch.adapters.landing.credentials import Credentials

CONNECT_SECONDS = 10
READ_SECONDS = 20
CHANGED = "it changed while it was copied; it is taken once it has settled"


@dataclass(frozen=True)
class LandedFile:
    """One file as the landing lists it."""

    path: str  # as the store names it
    name: str
    size: int
    modified: str  # whatever the store calls a file's version or time of change
    changed_at: float  # seconds since 1970
    is_whole: bool = False  # the store shows a file only when all of it is there


class Source(Protocol):
    """A landed file, opened."""

    def state(self) -> tuple[int, str]:
        """Its size in bytes and its version, as they are now. Raises: OSError"""

    def blocks(self) -> Iterator[bytes]:
        """Its bytes in order, in blocks of a few megabytes at most. Raises: OSError"""


class Store(Protocol):
    """An open connection to a place that holds files.

    TimeoutError and ConnectionError mean that the store is of no more use, any other OSError is about one folder or
    file.
    """

    def files(self, url: str) -> Iterator[LandedFile]:
        """Regular files of a folder, in any order, nothing below it. Raises: OSError"""

    def open(self, path: str) -> AbstractContextManager[Source]:
        """A file by its path. Raises: OSError"""


def open_store(url: str, credentials: Credentials | None, seconds: float) -> AbstractContextManager[Store]:
    """Connect to the store of a landing, for at most `seconds`.

    Raises: OSError
    """
    if is_folder(url):
        from include.stockwatch.adapters.landing.folder import folder_store

        return folder_store()
    kind = scheme(url)
    if kind not in ("s3", "sftp"):
        raise ConnectionError(f"`{kind}` is no kind of landing; use a folder, s3://bucket/prefix or sftp://host/folder")
    if credentials is None:
        raise ConnectionError("no connection with credentials; set `landing.connection` in the feed")
    if kind == "s3":
        from include.stockwatch.adapters.landing.s3 import s3_store

        return s3_store(credentials, seconds)
    from include.stockwatch.adapters.landing.sftp import sftp_store

    return sftp_store(url, credentials, seconds)


def scheme(url: str) -> str:
    """What comes before `://`, in lower case; blank for a path."""
    return url.partition("://")[0].lower() if "://" in url else ""


def is_folder(url: str) -> bool:
    """Whether a landing is a folder of this machine, which needs no credentials."""
    return scheme(url) in ("", "file")


def reason(error: Exception) -> str:
    """What an error of a store says, in words."""
    if isinstance(error, OSError):
        what = "not found: " if isinstance(error, FileNotFoundError) else ""
        return error.strerror or what + str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"

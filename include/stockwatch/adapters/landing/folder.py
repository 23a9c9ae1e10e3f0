"""A landing that is a folder of this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from include.stockwatch.adapters.landing.store import LandedFile, Source, scheme

BLOCK = 1 << 20


class Folder:
    """Folders of this machine. One that does not exist is empty: nobody has put a file there yet."""

    def files(self, url: str) -> Iterator[LandedFile]:
        """Regular files of a folder, links left out. Raises: OSError"""
        folder = url2pathname(urlsplit(url).path) if scheme(url) else url
        if not os.path.lexists(folder):
            return
        with os.scandir(os.path.abspath(folder)) as entries:  # noqa: PTH100  (without `..`, and links as they are)
            for entry in entries:
                with suppress(FileNotFoundError):  # gone since it was listed
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        yield LandedFile(entry.path, entry.name, found.st_size, str(found.st_mtime), found.st_mtime)

    @contextmanager
    def open(self, path: str) -> Iterator[Source]:
        """A regular file; neither a link nor a pipe that would never end. Raises: OSError"""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  (an open file descriptor)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{path} is not a regular file")
            yield _OpenFile(file)


class _OpenFile:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def state(self) -> tuple[int, str]:
        found = os.fstat(self.file.fileno())
        return found.st_size, str(found.st_mtime_ns)

    def blocks(self) -> Iterator[bytes]:
        while block := self.file.read(BLOCK):
            yield block


@contextmanager
def folder_store() -> Iterator[Folder]:
    """The folders of this machine."""
    yield Folder()

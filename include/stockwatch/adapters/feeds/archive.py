"""Zip files, opened without trust: bounded lists of members, bounded bytes, every damage said in one way."""

from __future__ import annotations

import errno
import gzip
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.errors import HoldCode

CHUNK = 1024 * 1024
MOST_LISTED_BYTES = 4 * 1024 * 1024
"""Bytes of a zip's list of members; twenty of the longest names have less."""

LONGEST_NAME = 255
IS_ENCRYPTED = 0x1 | 0x40 | 0x2000
"""Flags of a member: encrypted, strongly encrypted, its very name hidden."""

AES = 99
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that are read: of the others Python unpacks as much at once as the archive likes."""

DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    UnicodeDecodeError,
    NotImplementedError,
    OverflowError,
)
AGAIN = "ask the partner to pack it again and to send it whole"


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold. The ratio is of bytes unpacked to bytes packed, and counts above `free_bytes`."""

    ratio: int = 100
    free_bytes: int = 1_000_000
    unpacked_bytes: int = 500_000_000
    members: int = 20
    nesting: int = 1


@dataclass
class Budget:
    """The bytes that may still come out of an archive of `packed` bytes."""

    limits: Limits
    packed: int
    unpacked: int = 0

    def spend(self, count: int) -> None:
        """Count bytes. Raises: Unreadable when they are too many."""
        self.unpacked += count
        if self.unpacked > max(self.limits.free_bytes, self.limits.ratio * self.packed):
            what = f"more than {self.limits.ratio} times as large unpacked as packed ({self.packed:,} bytes)"
            raise Unreadable(HoldCode.ARCHIVE_RATIO, what, "ask the partner for the file as it is, not packed")
        if self.unpacked > self.limits.unpacked_bytes:
            what = f"more than {self.limits.unpacked_bytes // 1_000_000:,} MB unpacked"
            raise Unreadable(HoldCode.ARCHIVE_SIZE, what, "ask the partner to send smaller files")

    def copy(self, source: IO[bytes] | io.BufferedIOBase, target: Path, said: int | None = None) -> None:
        """Write what a member really holds, whatever its header `said` of its bytes. Raises: Unreadable"""
        before = self.unpacked
        with target.open("wb") as out:
            while chunk := source.read(CHUNK):
                self.spend(len(chunk))
                out.write(chunk)
        if said is not None and self.unpacked - before != said:
            what = f"a member says that it has {said:,} bytes, and {self.unpacked - before:,} are there"
            raise Unreadable(HoldCode.ARCHIVE_DAMAGED, what, AGAIN)


class _Source(io.BufferedReader):
    """A file of which little is read at once: a zip's list of members is, however long it claims to be."""

    def read(self, size: int | None = -1, /) -> bytes:
        most = MOST_LISTED_BYTES + 1
        found = super().read(most if size is None or not 0 <= size < most else size)
        if len(found) == most:
            what = f"its list of members has more than {MOST_LISTED_BYTES:,} bytes"
            raise Unreadable(HoldCode.ARCHIVE_MEMBERS, what, "ask the partner to send fewer files in one archive")
        return found


@contextmanager
def reading() -> Iterator[None]:
    """Turn what Python raises for a damaged archive into a hold. Raises: Unreadable"""
    try:
        yield
    except DAMAGES as error:
        raise Unreadable(HoldCode.ARCHIVE_DAMAGED, f"the archive is damaged: {error}", AGAIN) from error
    except OSError as error:  # a place before the file's start is damage, a full disk is not
        if error.errno not in (None, errno.EINVAL) and not isinstance(error, gzip.BadGzipFile):
            raise
        raise Unreadable(HoldCode.ARCHIVE_DAMAGED, f"the archive is damaged: {error}", AGAIN) from error


@contextmanager
def opened(path: Path) -> Iterator[ZipFile]:
    """A zip file. Raises: Unreadable, also for damage that is found while it is used"""
    with reading(), _Source(io.FileIO(path)) as source, ZipFile(source) as archive:
        yield archive


def check(members: list[ZipInfo], *, are_paths: bool = True) -> None:
    """Whether every member may be touched at all: a plain file, in the open, named once, and by a plain path.

    Raises: Unreadable
    """
    seen: set[str] = set()
    for member in members:
        name = member.orig_filename
        fault = _path_fault(name) if are_paths else None
        fault = fault or _fault(member)
        if fault:
            raise Unreadable(fault[0], f"member `{name[:LONGEST_NAME]}` {fault[1]}", fault[2])
        if name in seen:
            raise Unreadable(HoldCode.ARCHIVE_DAMAGED, f"two members are named `{name}`", AGAIN)
        seen.add(name)


def plain(name: str) -> str:
    """A member's name without what differs from one program to the next: case, and the kind of slash."""
    return name.lower().replace("\\", "/")


def _path_fault(name: str) -> tuple[HoldCode, str, str] | None:
    if _is_path_out(name):
        return HoldCode.ARCHIVE_PATH, "is no plain relative path", "ask the partner to pack the files by plain names"
    return None


def _fault(member: ZipInfo) -> tuple[HoldCode, str, str] | None:
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return HoldCode.ARCHIVE_LINK, "is a link or device", "ask the partner to pack the file itself"
    if member.flag_bits & IS_ENCRYPTED or member.compress_type == AES:
        return HoldCode.ARCHIVE_ENCRYPTED, "is encrypted", "ask the partner to pack without a password"
    if member.compress_type not in METHODS:
        what = f"is packed by method {member.compress_type} of the zip format"
        return HoldCode.UNSUPPORTED, what, "ask the partner for a usual zip (deflate)"
    return None


def _is_path_out(name: str) -> bool:
    return (
        not name
        or not name.isprintable()
        or len(name) > LONGEST_NAME
        or name.startswith("/")
        or "\\" in name
        or re.match(r"[A-Za-z]:", name) is not None
        or ".." in name.split("/")
    )

"""Landings: the places where partners' files arrive."""

from __future__ import annotations

import fnmatch
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from include.stockwatch.errors import FeedHeld, FeedUnreachable, Hold, HoldCode

UNFINISHED = (".tmp", ".part", ".filepart", ".crdownload")
CHUNK = 1 << 20


@dataclass(frozen=True)
class LandedFile:
    """One file as the landing lists it."""

    path: str  # as the file system of the landing names it
    name: str
    size: int
    modified: str


def files(url: str, pattern: str) -> list[LandedFile]:
    """Finished-looking files of a landing folder, oldest first; a folder that does not exist is empty.

    Raises: FeedUnreachable
    """
    try:
        system, folder = _open(url)
        if not system.exists(folder):
            return []
        listed = system.ls(folder, detail=True)
    except (OSError, ImportError, ValueError) as error:  # the last two: a protocol without its driver, or none at all
        raise FeedUnreachable(url, str(error)) from error
    entries = [entry for entry in listed if entry["type"] == "file" and not entry.get("islink")]
    wanted = [entry for entry in entries if _is_wanted(_name(entry["name"]), pattern)]
    wanted.sort(key=lambda entry: (_time(entry), entry["name"]))
    return [LandedFile(e["name"], _name(e["name"]), int(e["size"]), _modified(e)) for e in wanted]


def archive(url: str, path: str, folder: Path, feed_id: str, max_bytes: int) -> tuple[str, Path]:
    """Copy a landed file into the archive under its content's hash; returns the hash and where the copy lies.

    The partner's file name never becomes a path of ours.
    Raises: FeedUnreachable, FeedHeld if the file is larger than allowed.
    """
    target = folder / feed_id
    target.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(prefix=".incoming-", dir=target)
    copy = Path(name)
    try:
        system, _ = _open(url)
        with system.open(path, "rb") as source, open(handle, "wb") as out:  # noqa: PTH123  (an open file descriptor)
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > max_bytes:
                    what = f"larger than {max_bytes // 1_000_000:,} MB"
                    hold = Hold(HoldCode.TOO_LARGE, what, "split the file, or raise `max_file_mb` in stockwatch.yaml")
                    raise FeedHeld(feed_id, _name(path), (hold,))
                digest.update(chunk)
                out.write(chunk)
    except (OSError, ImportError, ValueError) as error:
        copy.unlink(missing_ok=True)
        raise FeedUnreachable(path, str(error)) from error
    except FeedHeld:
        copy.unlink(missing_ok=True)
        raise
    kept = target / digest.hexdigest()
    copy.replace(kept)
    return digest.hexdigest(), kept


def _open(url: str) -> tuple[Any, str]:
    system, folder = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return system, folder


def _name(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def _is_wanted(name: str, pattern: str) -> bool:
    unfinished = name.startswith((".", "_")) or name.lower().endswith(UNFINISHED)
    return not unfinished and fnmatch.fnmatchcase(name, pattern)


def _time(entry: dict[str, Any]) -> float:
    """When a file was last changed, as far as the store tells; a correction comes after what it corrects."""
    found = next((entry[key] for key in ("mtime", "LastModified", "created") if entry.get(key)), 0.0)
    return found.timestamp() if hasattr(found, "timestamp") else float(found)


def _modified(entry: dict[str, Any]) -> str:
    """Whatever the store calls a file's version or time of change."""
    return str(next((entry[key] for key in ("ETag", "etag", "mtime", "LastModified", "time") if entry.get(key)), ""))

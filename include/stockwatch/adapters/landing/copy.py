"""Copy a landed file into the archive."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import BinaryIO

from include.stockwatch.adapters.landing.credentials import Credentials
from include.stockwatch.adapters.landing.store import CHANGED, Source, open_store, reason
from include.stockwatch.errors import FeedHeld, FeedUnreachable, Hold, HoldCode

COPY_SECONDS = 3600
"""Time for one file; a server that is slower does not keep a worker for ever."""


def archive(
    url: str, path: str, folder: Path, feed_id: str, max_bytes: int, credentials: Credentials | None = None
) -> tuple[str, Path]:
    """Copy a landed file into the archive under its content's hash; returns the hash and where the copy lies.

    The partner's file name never becomes a path of ours.
    Raises: FeedUnreachable, also if the file changes or vanishes while it is copied; FeedHeld if it is larger than
    allowed.
    """
    name = path.rsplit("/", 1)[-1]
    target = folder / feed_id
    target.mkdir(parents=True, exist_ok=True)
    handle, incoming = tempfile.mkstemp(prefix=".incoming-", dir=target)
    copy = Path(incoming)
    try:
        with (
            open(handle, "wb") as out,  # noqa: PTH123  (an open file descriptor)
            open_store(url, credentials, COPY_SECONDS) as store,
            store.open(path) as source,
        ):
            digest = transfer(source, out, max_bytes)
        if digest is None:
            what = f"larger than {max_bytes // 1_000_000:,} MB"
            hold = Hold(HoldCode.TOO_LARGE, what, "split the file, or raise `max_file_mb` in stockwatch.yaml")
            raise FeedHeld(feed_id, name, (hold,))
        kept = target / digest
        copy.replace(kept)
    except OSError as error:
        raise FeedUnreachable(f"{url.rstrip('/')}/{name}", f"feed `{feed_id}`: {reason(error)}") from error
    finally:
        copy.unlink(missing_ok=True)
    return digest, kept


def transfer(source: Source, out: BinaryIO, max_bytes: int) -> str | None:
    """Hash of what was copied; nothing if it is larger than allowed. Raises: OSError"""
    before = source.state()
    if before[0] > max_bytes:
        return None
    digest, size = hashlib.sha256(), 0
    for block in source.blocks():
        size += len(block)
        if size > max_bytes:
            return None
        digest.update(block)
        out.write(block)
    if source.state() != before or size != before[0]:
        raise OSError(CHANGED)
    return digest.hexdigest()

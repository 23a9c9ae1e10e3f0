"""Look at many landings at once."""

from __future__ import annotations

import fnmatch
import logging
import queue
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from include.stockwatch.adapters.landing.credentials import Credentials
from include.stockwatch.adapters.landing.store import LandedFile, Store, is_folder, open_store, reason, scheme
from include.stockwatch.errors import FeedUnreachable

log = logging.getLogger(__name__)

LOOK_SECONDS = 45
"""Time for one look at all landings; whoever has not answered by then is looked at next time."""
MOST_FILES = 100_000
"""Files of one landing that are listed; a folder with more is one that nobody tidies, or a trap."""
UNFINISHED = (".tmp", ".part", ".filepart", ".crdownload")
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories: control and format characters, halves of characters (no UTF-8), line breaks."""
LONGEST_NAME = 255


@dataclass(frozen=True)
class Place:
    """Where the files of one feed arrive."""

    feed_id: str
    url: str
    pattern: str
    credentials: Credentials | None = None


Answer = tuple[Place, list[LandedFile] | FeedUnreachable]


def look(places: Sequence[Place], seconds: float = LOOK_SECONDS) -> Iterator[Answer]:
    """List every landing once, over one connection per store; all stores at once, so none waits for another.

    Yields each place once, in the order of the answers: its finished-looking files, oldest first, or why it cannot be
    read. Takes no longer than `seconds`.
    """
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    end = time.monotonic() + seconds
    stores: dict[object, list[Place]] = {}
    for place in places:
        stores.setdefault(_store_of(place), []).append(place)
    for some in stores.values():
        threading.Thread(target=_look_at_store, args=(some, end, answers), daemon=True).start()
    waiting = {place.feed_id: place for place in places}
    while waiting:
        try:
            place, found = answers.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        del waiting[place.feed_id]
        yield place, found
    for place in waiting.values():
        yield place, FeedUnreachable(place.url, f"no answer within {seconds:.0f} s")


def _store_of(place: Place) -> object:
    """What places have in common that share a connection. Folders share none: one may hang on a dead mount."""
    if is_folder(place.url):
        return place.url
    return scheme(place.url), urlsplit(place.url).netloc, place.credentials


def _look_at_store(places: list[Place], end: float, answers: queue.SimpleQueue[Answer]) -> None:
    waiting = list(places)
    try:
        with open_store(places[0].url, places[0].credentials, end - time.monotonic()) as store:
            for place in places:
                answers.put((place, _listed(store, place)))
                waiting.remove(place)
    except Exception as error:  # noqa: BLE001  (whatever a server does, its places are answered for)
        for place in waiting:
            answers.put((place, FeedUnreachable(place.url, reason(error))))


def _listed(store: Store, place: Place) -> list[LandedFile] | FeedUnreachable:
    """Finished-looking files of one place. Raises: TimeoutError, ConnectionError for the store as a whole"""
    found: list[LandedFile] = []
    odd: list[LandedFile] = []
    try:
        for file in store.files(place.url):
            if is_wanted(file.name, place.pattern):
                (odd if fault_of(file.name) else found).append(file)
            if len(found) + len(odd) > MOST_FILES:
                return FeedUnreachable(place.url, f"more than {MOST_FILES:,} files; move old ones away")
    except (TimeoutError, ConnectionError):
        raise
    except OSError as error:
        return FeedUnreachable(place.url, reason(error))
    if odd:
        name, fault = odd[0].name, fault_of(odd[0].name)
        log.warning("feed %s: %s files not taken, the first is %a: %s", place.feed_id, len(odd), name, fault)
    return sorted(found, key=lambda file: (file.changed_at, file.name))


def is_wanted(name: str, pattern: str) -> bool:
    """Whether a name fits the pattern and is not one that senders give to files they have not finished."""
    unfinished = name.startswith((".", "_")) or name.lower().endswith(UNFINISHED)
    return not unfinished and fnmatch.fnmatchcase(name, pattern)


def fault_of(name: str) -> str | None:
    """Why a file of this name is left where it is: names go into logs, messages and tables."""
    if "/" in name or "\\" in name:
        return "a path separator in its name; have it renamed"
    if any(unicodedata.category(character) in INVISIBLE for character in name):
        return "control characters in its name, or one that is not UTF-8; have it renamed"
    if len(name.encode()) > LONGEST_NAME:
        return f"a name of more than {LONGEST_NAME} bytes; have it renamed"
    return None

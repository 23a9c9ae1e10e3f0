"""What kind of file an unknown file is, and in which encoding: facts for a person who sets up a feed.

A fact says whether it is sure, and why. Nothing of this is used when feeds are read: there the definition decides.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from include.stockwatch.adapters.feeds import content
from include.stockwatch.adapters.feeds.content import Kind
from include.stockwatch.adapters.feeds.encoding import BOMS

CHUNK = 1 << 20
MOST_HALVES = 0.8
"""Share of the characters of a text in UTF-16 with a NUL in them: those of Latin letters, digits and marks."""


@dataclass(frozen=True)
class Fact:
    """One thing that was found out about a file."""

    what: str
    value: str
    sure: bool
    why: str


def kind_of(path: Path) -> Fact:
    """What a file is: a kind of `content`, whether a feed can be of it or not."""
    kind = content.kind_of(path)
    if kind is Kind.BINARY and _unmarked_utf16(path):
        return Fact("kind", Kind.TEXT, False, "every second byte is NUL: a text in UTF-16 without a byte order mark")
    if kind is Kind.TEXT:
        return Fact("kind", kind, True, "a text that begins like no other format")
    return Fact("kind", kind, True, "as its first bytes say")


def encoding_of(path: Path) -> Fact:
    """The encoding of a text: its byte order mark, else UTF-8 if all of it is, else cp1252; nothing else is guessed."""
    with path.open("rb") as file:
        start = file.read(4)
    marked = next((encoding for mark, encoding in BOMS if start.startswith(mark)), "")
    if marked:
        marked = re.sub("-[lb]e$", "", marked)  # the mark says which, and `utf-16` takes both
        return Fact("encoding", marked, True, "begins with a byte order mark")
    unmarked = _unmarked_utf16(path)
    if unmarked:
        return Fact("encoding", unmarked, False, "no byte order mark, and every second byte is NUL")
    bad = _not_utf8(path)
    if bad is None:
        return Fact("encoding", "utf-8", True, "every byte is UTF-8")
    at, around = bad
    sample = re.sub(r"\s+", " ", around.decode("cp1252", "replace")).strip()
    return Fact(
        "encoding", "cp1252", False, f"not UTF-8 at byte {at}; read as cp1252 it says `{sample}`: is that right?"
    )


def _unmarked_utf16(path: Path) -> str:
    """Which UTF-16 the beginning of a file is, by its NULs: nearly all of them are the same halves of characters."""
    with path.open("rb") as file:
        start = file.read(content.HEAD_BYTES)
    first, second = (start[at::2].count(0) for at in (0, 1))
    if max(first, second) < MOST_HALVES * len(start) / 2 or min(first, second):
        return ""
    return "utf-16-le" if second else "utf-16-be"


def _not_utf8(path: Path) -> tuple[int, bytes] | None:
    """Where a file stops being UTF-8, and the bytes around."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                at = done + len(chunk) - len(error.object) + error.start
                file.seek(max(at - 12, 0))
                return at, file.read(24)
            if not chunk:
                return None
            done += len(chunk)


def shown(text: str, most: int = 80) -> str:
    """A text of a file for a terminal: no control characters, no marks that turn its direction, not too long."""
    plain = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"

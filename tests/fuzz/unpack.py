"""Damaged archives, and the members that the zipfile module finds in them."""

from __future__ import annotations

import gzip
import io
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from include.stockwatch.adapters.feeds import content as contents
from include.stockwatch.adapters.feeds import unpack
from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.adapters.feeds.unpack import LITTER, Limits
from tests.fuzz.mutation import with_damaged_bytes, with_damaged_parts

Member = tuple[str, bytes]
TEXT = b"date,store\n2026-11-01,0012\n"
MEMBERS: list[Member] = [("stock.csv", TEXT), ("export/sales.csv", TEXT * 3), ("b.csv", b"q")]
ODD: list[Member] = [
    ("stock.csv.gz", gzip.compress(TEXT * 2, mtime=0)),
    ("empty.csv", b""),
    ("folder/", b""),
    ("__MACOSX/._stock.csv", b"x"),
    (".DS_Store", b"x"),
    ("../up.csv", TEXT),
    ("/etc/up.csv", TEXT),
    ("a\\b.csv", TEXT),
    ("C:up.csv", TEXT),
    ("big.csv", b"0" * 5000),
    ("n" * 300, b"x"),
    ("Müsli.csv", TEXT),
]
TOKENS = [
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"\x1f\x8b\x08",
    b"\xff\xff\xff\xff",
    b"../",
    b"\x00\x00\x00\x00",
    b"\x01",
    b"\x09",
]
LIMITS = [Limits(), Limits(ratio=4, free_bytes=300), Limits(unpacked_bytes=200), Limits(members=2), Limits(nesting=0)]


@dataclass
class ArchiveCase:
    """A file that may be an archive, to be unpacked within limits."""

    content: bytes
    limits: Limits
    was_judged: bool = False

    def problem(self, path: Path) -> str | None:
        """Unpack the file."""
        folder, notes = path.parent / "members", Notes()
        contents.contradiction(path, "csv")
        try:
            members = unpack.members(path, "stock.zip", "csv", folder, self.limits, notes)
            written = sorted(folder.iterdir()) if folder.is_dir() else []
            found = [(member.name, member.path.read_bytes()) for member in members]
            return self._judge(found, notes, written, [member.path for member in members])
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _judge(self, found: list[Member], notes: Notes, written: list[Path], paths: list[Path]) -> str | None:
        if bool(found) == bool(notes.holds):
            return f"{len(found)} members, {len(notes.holds)} holds"
        sizes = sum(one.stat().st_size for one in written)
        most = max(self.limits.free_bytes, self.limits.ratio * len(self.content))
        if sizes > min(most, self.limits.unpacked_bytes):
            return f"{sizes} bytes are written"
        if any(one.is_dir() or one.is_symlink() for one in written):
            return "a folder or link is written"
        if notes.holds:
            return None
        self.was_judged = True
        expected = list(_inside("stock.zip", self.content, 0))
        return None if found == expected else f"members {found}, and zipfile has {expected}"


def case(rng: Random) -> ArchiveCase:
    """A zip or gz of damaged members, in half of all with damaged bytes too."""
    limits = rng.choice(LIMITS)
    members = with_damaged_parts(rng, MEMBERS[: rng.randrange(1, 4)], ODD, lambda one: _changed(rng, one))
    content = TEXT if rng.random() < 0.05 else _zipped(rng, members)
    if rng.random() < 0.1:
        content = gzip.compress(content, 1, mtime=0)
    if rng.random() < 0.5:
        content = with_damaged_bytes(rng, content, TOKENS)
    return ArchiveCase(content, limits)


def _changed(rng: Random, member: Member) -> Member:
    name, content = member
    kind = rng.randrange(4)
    if kind == 0:
        return name, _zipped(rng, [(name, content)])
    if kind == 1:
        return name, gzip.compress(content, 1, mtime=0)
    if kind == 2:
        return name + rng.choice(("/", ".gz", "\x00", "\n", "é", "..", "/..")), content
    return name, content[: rng.randrange(len(content) + 1)]


def _zipped(rng: Random, members: list[Member]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", strict_timestamps=False) as packed:
        for at, (name, content) in enumerate(members):
            info = zipfile.ZipInfo(name if rng.random() < 0.9 else f"{at}-{name}")
            info.compress_type = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            info.external_attr = rng.choice((0,) * 9 + (0o120777 << 16,))
            packed.NameToInfo.pop(info.filename, None)  # else zipfile warns of a second one
            packed.writestr(info, content)
    return out.getvalue()


def _inside(name: str, content: bytes, depth: int) -> list[Member]:
    """The members that Python's own modules find. Only asked where the file was not held."""
    if content.startswith(b"\x1f\x8b"):
        return _inside(name.removesuffix(".gz").removesuffix(".GZ"), gzip.decompress(content), depth + 1)
    if not content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return [(name, content)]
    found: list[Member] = []
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for info in packed.infolist():
            is_litter = info.filename.startswith("__MACOSX/") or info.filename.rsplit("/", 1)[-1] in LITTER
            if not (info.is_dir() or is_litter):
                within = f"{name}/" if depth else ""
                found += _inside(within + info.filename, packed.read(info), depth + 1)
    return found

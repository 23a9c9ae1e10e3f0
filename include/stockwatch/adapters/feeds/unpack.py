"""The files within a file: of a zip or gz its members, of any other the file itself."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from include.stockwatch.adapters.feeds import archive, content
from include.stockwatch.adapters.feeds.archive import Budget, Limits
from include.stockwatch.adapters.feeds.content import Kind
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.errors import HoldCode

__all__ = ["Limits", "Member", "members"]

LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What desktops leave in archives, beside the folder __MACOSX."""


@dataclass(frozen=True)
class Member:
    """One file. `name` is what the partner calls it, folders and inner archives included; `path` is where it lies."""

    name: str
    path: Path


def members(
    path: Path, name: str, kind: str, folder: Path, limits: Limits, notes: Notes, wanted: str = "*"
) -> list[Member]:
    """The files within a file that the partner called `name`, each to be read as `kind`, in the archive's order.

    Members are written into `folder` under numbers: what an archive calls them never becomes a path. A workbook is no
    archive. What is too large, too deep, hidden or damaged is held, and has no members; nothing is raised for it.
    Files in an archive whose name is not like `wanted` are left out, with a warning.
    """
    try:
        return list(_Unpacking(folder, limits, path.stat().st_size, kind, notes, wanted).inside(Member(name, path), 0))
    except Unreadable as error:
        notes.holds.append(error.hold)
        return []


class _Unpacking:
    """One file while it is unpacked."""

    def __init__(self, folder: Path, limits: Limits, packed: int, kind: str, notes: Notes, wanted: str) -> None:
        self.folder, self.limits, self.kind, self.notes, self.wanted = folder, limits, kind, notes, wanted
        self.budget = Budget(limits, packed)
        self.written = 0
        self.files = 0

    def inside(self, member: Member, depth: int) -> Iterator[Member]:
        """The files within a member. Raises: Unreadable"""
        found = content.kind_of(member.path)
        if found not in (Kind.ZIP, Kind.GZIP):
            if not depth or fnmatchcase(member.name.rsplit("/", 1)[-1], self.wanted):
                yield member
            else:
                what = f"`{member.name}` is left out: `landing.members` is `{self.wanted}`"
                self.notes.warn("ARCHIVE_LITTER", 0, what)
            return
        if depth > self.limits.nesting:
            what = f"`{member.name}` is an archive in an archive in an archive"
            fix = f"ask the partner for the {self.kind} file in one zip or gz"
            raise Unreadable(HoldCode.ARCHIVE_NESTED, what, fix)
        unpacked = self._gzip(member) if found is Kind.GZIP else self._zip(member, depth)
        for one in unpacked:
            yield from self.inside(one, depth + 1)

    def _gzip(self, member: Member) -> Iterator[Member]:
        with archive.reading(), gzip.open(member.path) as source:
            target = self._target()
            self.budget.copy(source, target)
        yield Member(member.name.removesuffix(".gz").removesuffix(".GZ"), target)

    def _zip(self, member: Member, depth: int) -> Iterator[Member]:
        within = f"{member.name}/" if depth else ""
        with archive.opened(member.path) as packed:
            archive.check(packed.infolist())
            files = [info for info in packed.infolist() if not info.is_dir() and not self._is_litter(info.filename)]
            self._count(len(files), member)
            Budget(self.limits, self.budget.packed, self.budget.unpacked).spend(sum(info.file_size for info in files))
            for info in files:
                target = self._target()
                with packed.open(info) as source:
                    self.budget.copy(source, target, info.file_size)
                yield Member(within + info.filename, target)

    def _count(self, files: int, member: Member) -> None:
        self.files += files
        if self.files > self.limits.members:
            what = f"`{member.name}` brings {self.files} files, and {self.limits.members} are allowed"
            raise Unreadable(HoldCode.ARCHIVE_MEMBERS, what, "ask the partner to send fewer files in one archive")
        if not files:
            raise Unreadable(HoldCode.EMPTY, f"`{member.name}` has no file in it", "ask the partner to send it again")

    def _is_litter(self, name: str) -> bool:
        is_litter = name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in LITTER
        if is_litter:
            self.notes.warn("ARCHIVE_LITTER", 0, f"`{name}` is left out: a desktop put it there")
        return is_litter

    def _target(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.written += 1
        return self.folder / f"{self.written:04d}"

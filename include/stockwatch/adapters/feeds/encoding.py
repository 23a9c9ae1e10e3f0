"""The text of a file in blocks of whole lines, in UTF-8 whatever its encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.errors import Hold, HoldCode

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WITHOUT_BOM = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
"""What an encoding that may have a mark is without one: Windows writes little-endian."""

ONE_BYTE = ("ascii", "cp125", "iso8859")
"""How the names of encodings begin that are ASCII below 128 and have one byte for a character: ASCII stays as it is."""

MAX_LINE = 32 * 1024 * 1024
"""Bytes of a line that are still taken for one."""


class Unreadable(Exception):
    """A file is not what its reader can read. Readers note the hold and stop."""

    def __init__(self, code: HoldCode, what: str, fix: str) -> None:
        self.hold = Hold(code, what, fix)
        super().__init__(what)


def blocks(path: Path, encoding: str, notes: Notes, first_bytes: int, block_bytes: int) -> Iterator[bytes]:
    """Yield a file in blocks of valid UTF-8 without byte order mark and NUL, each with the end of a line as its last.

    The first block is of about `first_bytes`, as the head of a table is read row by row, all others of `block_bytes`.
    A byte order mark decides what the encoding is, with a warning where it is another than `encoding`.

    Raises: Unreadable where bytes are no text of the encoding, with the offset of the first one.
    """
    with path.open("rb") as file:
        found = _by_mark(file, encoding, notes)
        at = file.tell()
        parts = _parts(file, first_bytes, block_bytes)
        if found != "utf-8":
            yield from _whole_lines(_transcoded(parts, found, at), notes)
            return
        for block in _whole_lines(parts, notes):
            _check(block, at)
            at += len(block)
            yield block


def texts(path: Path, encoding: str, notes: Notes, part_bytes: int) -> Iterator[str]:
    """Yield a file as text in parts that end anywhere, for formats that have no lines.

    Raises: Unreadable as `blocks` does.
    """
    with path.open("rb") as file:
        found = _by_mark(file, encoding, notes)
        for part in _transcoded(_parts(file, part_bytes, part_bytes), found, file.tell()):
            yield part.decode()


def _by_mark(file: BinaryIO, encoding: str, notes: Notes) -> str:
    """The encoding of a file, which is then read up to behind its mark."""
    start = file.read(4)
    for mark, marked in BOMS:
        if start.startswith(mark):
            file.seek(len(mark))
            if not marked.startswith(encoding.removesuffix("-sig")):
                what = f"the file starts with the mark of {marked} and is read so; the feed says {encoding}"
                notes.warn("ENCODING_BY_BOM", 1, what)
            return marked
    file.seek(0)
    return WITHOUT_BOM.get(encoding, encoding)


def _parts(file: BinaryIO, first_bytes: int, block_bytes: int) -> Iterator[bytes]:
    size = first_bytes
    while part := file.read(size):
        yield part
        size = block_bytes


def _whole_lines(parts: Iterator[bytes], notes: Notes) -> Iterator[bytes]:
    """Move the cuts between parts to where lines end."""
    left = b""
    for part in parts:
        left += part
        end = left.rfind(b"\n") + 1
        end = max(end, left.rfind(b"\r", end, len(left) - 1) + 1)  # a last CR may be half of a CRLF
        if end:
            yield left[:end]
            left = left[end:]
        if len(left) > MAX_LINE:
            what = f"a line is longer than {MAX_LINE // 1024 // 1024} MB"
            raise Unreadable(HoldCode.LAYOUT_CHANGED, what, "ask the partner for a file with one row a line")
    if left:
        notes.lacks_line_end = not left.endswith(b"\r")
        yield left + b"\n"


def _check(block: bytes, at: int) -> None:
    """Whether a block is UTF-8; `at` is its offset in the file. Arrow looks four times as fast as Python decodes."""
    nul = block.find(b"\0")
    if nul >= 0:
        raise _binary(at + nul)
    if block.isascii():
        return
    try:
        pa.array([block], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        try:
            block.decode()
        except UnicodeDecodeError as error:
            raise _undecodable("utf-8", at + error.start) from None


def _transcoded(parts: Iterator[bytes], encoding: str, at: int) -> Iterator[bytes]:
    """The same in UTF-8; `at` is the offset of the first part in the file."""
    decoder = codecs.getincrementaldecoder(encoding)()
    stays = encoding.startswith(ONE_BYTE)
    for part in parts:
        if stays and part.isascii() and b"\0" not in part:
            yield part
        else:
            yield _decoded(decoder, part, encoding, at)
        at += len(part)
    yield _decoded(decoder, b"", encoding, at, final=True)


def _decoded(decoder: codecs.IncrementalDecoder, part: bytes, encoding: str, at: int, *, final: bool = False) -> bytes:
    start = at - len(decoder.getstate()[0])
    try:
        text = decoder.decode(part, final)
        nul = text.find("\0")
        if nul >= 0:
            raise _binary(start + len(text[:nul].encode(encoding)))
        return text.encode()
    except UnicodeError as error:
        raise _undecodable(encoding, start + getattr(error, "start", 0)) from None


def _undecodable(encoding: str, at: int) -> Unreadable:
    fix = "set `format.encoding` to what the partner sends, e.g. cp1252"
    return Unreadable(HoldCode.ENCODING, f"not {encoding} text at byte {at}", fix)


def _binary(at: int) -> Unreadable:
    what = f"a NUL at byte {at}, which no text has"
    fix = "set `format.encoding` if this is UTF-16 without a mark; else it is no text file, or was cut while written"
    return Unreadable(HoldCode.ENCODING, what, fix)

"""XML, parsed in a stream and without trust: no document type, so no entity; no token without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import IO, NoReturn
from xml.parsers import expat

from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.errors import HoldCode

CHUNK = 256 * 1024
ENCODINGS = ("utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii", "iso-8859-1", "windows-1252")
"""What a part may say that it is in. Of others expat knows few, and some make it raise whatever they like."""
LONGEST_TOKEN = 4 * 1024 * 1024
"""Bytes of a tag, or of anything else that the parser must see whole."""


class Events:
    """What happens in a part: override what is of interest. Names are without their namespace."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Some letters between tags; those of one element may come in several calls."""


def parse(source: IO[bytes], events: Events, what: str) -> Iterator[None]:
    """Tell `events` what is in a part called `what`, yielding after every chunk.

    Raises: Unreadable where there is a document type, or where it is no XML.
    """
    parser = _parser(what)
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: events.start(name.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda name: events.end(name.rpartition(":")[2])
    parser.CharacterDataHandler = events.text
    read = 0
    try:
        while chunk := source.read(CHUNK):
            parser.Parse(chunk, False)
            read += len(chunk)
            if read - parser.CurrentByteIndex > LONGEST_TOKEN:
                raise _damaged(what, f"something longer than {LONGEST_TOKEN // 1024 // 1024} MB at byte {read}")
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _damaged(what, str(error)) from error
    yield


def refuse_document_type(source: IO[bytes], what: str) -> None:
    """Read a part up to its first element, before which a document type stands. Raises: Unreadable for one."""
    parser = _parser(what)
    elements: list[str] = []
    parser.StartElementHandler = lambda name, _: elements.append(name)
    try:
        while not elements and (chunk := source.read(CHUNK)):
            parser.Parse(chunk, False)
    except expat.ExpatError:
        return  # no XML: whoever needs this part will find out


def _parser(what: str) -> expat.XMLParserType:
    """A parser that refuses document types and unusual encodings."""
    parser = expat.ParserCreate()

    def declared(_: str, encoding: str | None, __: int) -> None:
        if encoding and encoding.lower() not in ENCODINGS:
            raise _damaged(what, f"it says that it is in {encoding[:20]}")

    parser.XmlDeclHandler = declared
    parser.StartDoctypeDeclHandler = _refusal(what)
    return parser


def _refusal(what: str) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        reason = f"`{what}` declares a document type, which may hold entities"
        raise Unreadable(HoldCode.UNSAFE_CONTENT, reason, "ask the partner for a file that a spreadsheet program saved")

    return refuse


def _damaged(what: str, why: str) -> Unreadable:
    fix = "ask the partner to save the workbook again and to send it whole"
    return Unreadable(HoldCode.ARCHIVE_DAMAGED, f"`{what}` is no XML that can be read: {why}", fix)

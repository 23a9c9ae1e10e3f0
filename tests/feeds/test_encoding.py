"""Tests of how the bytes of a file become blocks of lines in UTF-8."""

from __future__ import annotations

import codecs
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import encoding
from include.stockwatch.adapters.feeds.encoding import Unreadable
from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.errors import HoldCode

TEXT = "Größe;Menge\n1 €;12\nžluťoučký;3\n"


def blocks(folder: Path, content: bytes, name: str = "utf-8", size: int = 8, notes: Notes | None = None) -> list[bytes]:
    path = folder / "feed.csv"
    path.write_bytes(content)
    return list(encoding.blocks(path, name, notes or Notes(), size, size))


def text(folder: Path, content: bytes, name: str = "utf-8", size: int = 8, notes: Notes | None = None) -> str:
    return b"".join(blocks(folder, content, name, size, notes)).decode()


def unreadable(folder: Path, content: bytes, name: str = "utf-8", size: int = 8) -> str:
    with pytest.raises(Unreadable) as raised:
        blocks(folder, content, name, size)
    assert raised.value.hold.code is HoldCode.ENCODING
    return raised.value.hold.what


@pytest.mark.parametrize(
    "name", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1250", "utf-7"]
)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_every_encoding_gives_the_same_text(tmp_path: Path, name: str, size: int) -> None:
    assert text(tmp_path, TEXT.encode(name), name, size) == TEXT


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_mark_decides_and_is_no_text(tmp_path: Path, mark: bytes, name: str) -> None:
    notes = Notes()
    assert text(tmp_path, mark + TEXT.encode(name), "cp1252", notes=notes) == TEXT
    (warning,) = notes.warnings
    assert (warning.code, warning.line) == ("ENCODING_BY_BOM", 1)
    assert name in warning.what
    assert "cp1252" in warning.what


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_a_mark_that_agrees_with_the_feed_is_nothing_odd(tmp_path: Path, mark: bytes, name: str) -> None:
    notes = Notes()
    text(tmp_path, mark + "a\n".encode("utf-16-be" if "16" in name else "utf-8"), name, notes=notes)
    assert notes.warnings == []


def test_utf_16_of_the_other_order_than_the_feed_says_is_warned_of(tmp_path: Path) -> None:
    notes = Notes()
    assert text(tmp_path, codecs.BOM_UTF16_BE + "a\n".encode("utf-16-be"), "utf-16-le", notes=notes) == "a\n"
    assert notes.warned == {"ENCODING_BY_BOM": 1}


def test_utf_16_without_a_mark_is_little_endian(tmp_path: Path) -> None:
    assert text(tmp_path, "Größe\n".encode("utf-16-le"), "utf-16") == "Größe\n"


@pytest.mark.parametrize("size", [1, 4, 7, 1000])
@pytest.mark.parametrize("name", ["utf-8", "cp1252"])
def test_the_first_byte_that_is_no_text_is_told(tmp_path: Path, name: str, size: int) -> None:
    content = "Grö\n".encode(name) + b"12345\n12\x81\n"
    at = content.index(b"\x81")
    assert unreadable(tmp_path, content, name, size) == f"not {name} text at byte {at}"


@pytest.mark.parametrize("size", [1, 4, 7, 1000])
def test_the_bytes_of_a_mark_count(tmp_path: Path, size: int) -> None:
    assert "at byte 6" in unreadable(tmp_path, codecs.BOM_UTF8 + b"ab\n\xff\n", size=size)
    assert "at byte 4" in unreadable(tmp_path, codecs.BOM_UTF16_LE + b"a\0\0\xdca\0", size=size)


@pytest.mark.parametrize("bad", [b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_utf_8_is_strict(tmp_path: Path, bad: bytes) -> None:
    assert "not utf-8 text at byte 2" in unreadable(tmp_path, b"a\n" + bad + b"\nb\n", size=1000)


def test_a_file_cut_within_a_character_is_no_text(tmp_path: Path) -> None:
    assert "at byte 2" in unreadable(tmp_path, "a\n€".encode()[:-1])
    assert "at byte 4" in unreadable(tmp_path, "a\n€".encode("utf-16-le")[:-1], "utf-16-le")


@pytest.mark.parametrize("name", ["utf-8", "cp1252", "utf-16-le"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_nul_is_no_text(tmp_path: Path, name: str, size: int) -> None:
    before = "Grö\nab".encode(name)
    content = before + "\0cd\n".encode(name)
    assert unreadable(tmp_path, content, name, size) == f"a NUL at byte {len(before)}, which no text has"


def test_utf_16_that_the_feed_calls_utf_8_is_held_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as raised:
        blocks(tmp_path, "item,qty\n".encode("utf-16-le"))
    assert "UTF-16" in raised.value.hold.fix


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MAX_LINE", 100)
    assert blocks(tmp_path, b"a" * 99, size=10) == [b"a" * 99 + b"\n"]
    with pytest.raises(Unreadable, match="a line is longer"):
        blocks(tmp_path, b"a" * 200, size=10)


@given(content=st.text(st.sampled_from("aé€😀\r\n"), max_size=40), first=st.integers(1, 12), size=st.integers(1, 12))
def test_cuts_lose_nothing_and_fall_between_lines(
    tmp_path_factory: pytest.TempPathFactory, content: str, first: int, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.csv"
    for name in ("utf-8", "utf-16-le"):
        path.write_bytes(content.encode(name))
        cut = list(encoding.blocks(path, name, Notes(), first, size))
        assert b"".join(cut).decode() in (content, content + "\n")
        assert all(block.endswith((b"\n", b"\r")) for block in cut)
        assert not any(one.endswith(b"\r") and other.startswith(b"\n") for one, other in itertools.pairwise(cut))

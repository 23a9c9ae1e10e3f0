"""Archives: what comes out of them, and what is held before anything is read."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.adapters.feeds.unpack import Limits, members
from tests.feeds.reading import bitten

TEXT = b"store,item,stock\n12,A-1,5\n"
SMALL = Limits(ratio=10, free_bytes=1000, unpacked_bytes=100_000, members=3)


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content, method)
    return target.getvalue()


def unpacked(
    tmp_path: Path, content: bytes, name: str = "stock.zip", limits: Limits | None = None, kind: str = "csv"
) -> tuple[list[tuple[str, bytes]], Notes]:
    """Names and contents of the members of a file."""
    path = tmp_path / "archived"
    path.write_bytes(content)
    notes = Notes()
    found = members(path, name, kind, tmp_path / "members", limits or Limits(), notes)
    return [(one.name, one.path.read_bytes()) for one in found], notes


def held(tmp_path: Path, content: bytes, limits: Limits | None = None) -> list[str]:
    """Codes of the holds of a file, which then has no members."""
    found, notes = unpacked(tmp_path, content, limits=limits)
    assert not found or not notes.holds
    return [hold.code.value for hold in notes.holds]


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    """A member with a Unix mode."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def patched(content: bytes, offset: int, form: str, value: int) -> bytes:
    """A zip of one member in whose central header a field is another."""
    at = content.index(b"PK\1\2") + offset
    return content[:at] + struct.pack(form, value) + content[at + struct.calcsize(form) :]


def test_a_plain_file_is_its_own_member(tmp_path: Path) -> None:
    path = tmp_path / "archived"
    path.write_bytes(TEXT)
    notes = Notes()
    (one,) = members(path, "stock.csv", "csv", tmp_path / "members", Limits(), notes)
    assert (one.name, one.path) == ("stock.csv", path)
    assert not (tmp_path / "members").exists()


def test_a_gz_has_one_member_by_its_own_name(tmp_path: Path) -> None:
    assert unpacked(tmp_path, gzip.compress(TEXT), "stock.csv.gz")[0] == [("stock.csv", TEXT)]


def test_gz_content_under_another_name_is_unpacked(tmp_path: Path) -> None:
    assert unpacked(tmp_path, gzip.compress(TEXT), "stock.csv")[0] == [("stock.csv", TEXT)]


def test_the_parts_of_a_gz_are_one_member(tmp_path: Path) -> None:
    content = gzip.compress(TEXT) + gzip.compress(b"13,B,2\n")
    assert unpacked(tmp_path, content, "stock.csv.gz")[0] == [("stock.csv", TEXT + b"13,B,2\n")]


def test_a_zip_has_its_files_in_order(tmp_path: Path) -> None:
    content = zipped(("b.csv", TEXT), ("folder/", b""), ("folder/a.csv", b"x"))
    assert unpacked(tmp_path, content)[0] == [("b.csv", TEXT), ("folder/a.csv", b"x")]


def test_members_are_written_under_numbers(tmp_path: Path) -> None:
    path = tmp_path / "archived"
    path.write_bytes(zipped(("folder/stock.csv", TEXT)))
    (one,) = members(path, "stock.zip", "csv", tmp_path / "members", Limits(), Notes())
    assert one.path == tmp_path / "members" / "0001"


def test_what_desktops_leave_in_a_zip_is_left_out_with_a_warning(tmp_path: Path) -> None:
    content = zipped(("stock.csv", TEXT), ("__MACOSX/._stock.csv", b"\0"), ("a/.DS_Store", b"\0"))
    found, notes = unpacked(tmp_path, content)
    assert [name for name, _ in found] == ["stock.csv"]
    assert notes.warned == {"ARCHIVE_LITTER": 2}


def test_an_archive_in_an_archive_is_unpacked(tmp_path: Path) -> None:
    content = zipped(("jan.csv.gz", gzip.compress(TEXT)), ("feb.zip", zipped(("stock.csv", b"x"))))
    assert unpacked(tmp_path, content)[0] == [("jan.csv", TEXT), ("feb.zip/stock.csv", b"x")]


def test_an_archive_in_an_archive_in_an_archive_is_held(tmp_path: Path) -> None:
    assert held(tmp_path, zipped(("a.zip", zipped(("b.zip", zipped(("c.csv", TEXT))))))) == ["ARCHIVE_NESTED"]
    assert held(tmp_path, gzip.compress(gzip.compress(gzip.compress(TEXT)))) == ["ARCHIVE_NESTED"]


def test_a_zip_that_holds_itself_ends_in_a_hold(tmp_path: Path) -> None:
    """A quine unpacks to itself for ever; three levels of one stand for it."""
    inner = zipped(("r.zip", b""))
    for _ in range(4):
        inner = zipped(("r.zip", inner))
    assert held(tmp_path, inner) == ["ARCHIVE_NESTED"]


def test_a_workbook_is_no_archive_and_may_be_in_one(tmp_path: Path) -> None:
    target = io.BytesIO()
    openpyxl.Workbook().save(target)
    book = target.getvalue()
    assert unpacked(tmp_path, book, "stock.xlsx", kind="xlsx")[0] == [("stock.xlsx", book)]
    assert unpacked(tmp_path, zipped(("stock.xlsx", book)), kind="xlsx")[0] == [("stock.xlsx", book)]


def test_a_zip_without_files_is_held(tmp_path: Path) -> None:
    assert held(tmp_path, zipped()) == ["EMPTY"]
    assert held(tmp_path, zipped(("folder/", b""))) == ["EMPTY"]


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(("stock.csv", content))], ids=["gz", "zip"])
class TestBombs:
    def test_too_high_a_ratio_is_held(self, tmp_path: Path, pack: type[bytes]) -> None:
        assert held(tmp_path, pack(bytes(2_000_000))) == ["ARCHIVE_RATIO"]

    def test_a_ratio_does_not_count_where_little_is_unpacked(self, tmp_path: Path, pack: type[bytes]) -> None:
        assert held(tmp_path, pack(bytes(900_000))) == []

    def test_too_much_is_held(self, tmp_path: Path, pack: type[bytes]) -> None:
        content = bytes(range(256)) * 400
        assert held(tmp_path, pack(content), Limits(unpacked_bytes=100_000)) == ["ARCHIVE_SIZE"]


def test_nothing_is_written_of_a_zip_that_says_how_large_it_is(tmp_path: Path) -> None:
    assert held(tmp_path, zipped(("a.csv", TEXT), ("stock.csv", bytes(2_000_000)))) == ["ARCHIVE_RATIO"]
    assert not (tmp_path / "members").exists()


def test_the_ratio_is_that_of_all_members_and_levels_together(tmp_path: Path) -> None:
    inner = zipped(*((f"{n}.csv", bytes(400_000)) for n in range(3)))
    assert held(tmp_path, inner) == ["ARCHIVE_RATIO"]
    assert held(tmp_path, zipped(("inner.zip", inner))) == ["ARCHIVE_RATIO"]


def test_a_header_that_lies_about_the_size_is_held(tmp_path: Path) -> None:
    whole = zipped(("stock.csv", TEXT * 10))
    assert held(tmp_path, patched(whole, 24, "<I", 20)) == ["ARCHIVE_DAMAGED"]
    assert held(tmp_path, patched(whole, 24, "<I", 10_000)) == ["ARCHIVE_DAMAGED"]


def test_too_many_members_are_held(tmp_path: Path) -> None:
    assert held(tmp_path, zipped(*((f"{n}.csv", TEXT) for n in range(20)))) == []
    assert held(tmp_path, zipped(*((f"{n}.csv", TEXT) for n in range(21)))) == ["ARCHIVE_MEMBERS"]


def test_members_count_over_all_levels(tmp_path: Path) -> None:
    inner = zipped(*((f"{n}.csv", TEXT) for n in range(11)))
    assert held(tmp_path, zipped(("a.zip", inner), ("b.zip", inner))) == ["ARCHIVE_MEMBERS"]


def test_a_list_of_members_without_end_is_not_loaded(tmp_path: Path) -> None:
    many = zipped(*((f"{n:060}", b"") for n in range(45_000)), method=zipfile.ZIP_STORED)
    _, notes = unpacked(tmp_path, many)
    assert [hold.code.value for hold in notes.holds] == ["ARCHIVE_MEMBERS"]
    assert "list of members" in notes.holds[0].what


@pytest.mark.parametrize(
    "name",
    [
        "../stock.csv",
        "a/../../stock.csv",
        "/etc/stock.csv",
        "C:stock.csv",
        "c:/stock.csv",
        "a\\b.csv",
        "..\\b.csv",
        "a\nb.csv",
        "\u202egpj.csv",
        "x" * 300,
    ],
)
def test_a_name_that_is_no_plain_path_is_held(tmp_path: Path, name: str) -> None:
    assert held(tmp_path, zipped(("stock.csv", TEXT), (name, TEXT))) == ["ARCHIVE_PATH"]


def test_dots_within_a_name_are_no_way_out(tmp_path: Path) -> None:
    assert held(tmp_path, zipped(("a..b/stock...csv", TEXT))) == []


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR], ids=["link", "pipe", "device"])
def test_a_link_or_device_is_held(tmp_path: Path, mode: int) -> None:
    assert held(tmp_path, zipped((entry("stock.csv", mode | 0o777), b"/etc/passwd"))) == ["ARCHIVE_LINK"]


def test_a_file_with_a_unix_mode_is_a_file(tmp_path: Path) -> None:
    assert held(tmp_path, zipped((entry("stock.csv", stat.S_IFREG | 0o644), TEXT))) == []


@pytest.mark.parametrize(("offset", "value"), [(8, 1), (8, 0x41), (10, 99)], ids=["flag", "strong", "aes"])
def test_an_encrypted_member_is_held(tmp_path: Path, offset: int, value: int) -> None:
    assert held(tmp_path, patched(zipped(("stock.csv", TEXT)), offset, "<H", value)) == ["ARCHIVE_ENCRYPTED"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_cannot_be_bounded_is_held(tmp_path: Path, method: int) -> None:
    assert held(tmp_path, zipped(("stock.csv", TEXT), method=method)) == ["UNSUPPORTED"]


def test_two_members_of_one_name_are_held(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(("stock.csv", TEXT), ("stock.csv", b"other"))
    assert held(tmp_path, content) == ["ARCHIVE_DAMAGED"]


def test_a_wrong_checksum_is_held(tmp_path: Path) -> None:
    content = zipped(("stock.csv", TEXT), method=zipfile.ZIP_STORED)
    assert held(tmp_path, content.replace(b"A-1", b"A-2")) == ["ARCHIVE_DAMAGED"]
    content = gzip.compress(TEXT)
    assert held(tmp_path, content[:-8] + b"\0\0\0\0" + content[-4:]) == ["ARCHIVE_DAMAGED"]


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(("stock.csv", content))], ids=["gz", "zip"])
def test_a_truncated_archive_is_held_wherever_it_was_cut(tmp_path: Path, pack: type[bytes]) -> None:
    whole = pack(TEXT)
    for end in range(4, len(whole)):
        assert held(tmp_path, whole[:end]) == ["ARCHIVE_DAMAGED"], end


def test_a_full_disk_is_not_the_partners_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, mode: str = "r") -> io.BytesIO:
        if mode == "wb":
            raise OSError(28, "No space left on device")
        return original(self, mode)

    path = tmp_path / "archived"
    path.write_bytes(gzip.compress(TEXT))
    original = Path.open
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        members(path, "stock.csv.gz", "csv", tmp_path / "members", Limits(), Notes())


WHOLE = [
    gzip.compress(TEXT),
    zipped(("stock.csv", TEXT), ("b.csv.gz", gzip.compress(TEXT))),
    zipped(("a.zip", zipped(("stock.csv", TEXT), method=zipfile.ZIP_STORED)), method=zipfile.ZIP_STORED),
]


@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=6)), min_size=1, max_size=4),
    st.integers(0, 60),
)
def test_damage_of_any_kind_ends_in_members_or_a_hold(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, bites: list[tuple[int, bytes]], cut: int
) -> None:
    content = bitten(whole, bites)
    tmp_path = tmp_path_factory.mktemp("unpack")
    found, notes = unpacked(tmp_path, content[: len(content) - cut] if cut < len(content) else content, limits=SMALL)
    assert found or notes.holds
    assert not (found and notes.holds)

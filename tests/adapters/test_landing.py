"""Landings of every kind: one body of tests for all three, then what is particular to each."""

from __future__ import annotations

import hashlib
import io
import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncssh
import pytest

from include.stockwatch.adapters import landing
from include.stockwatch.adapters.landing import Credentials, LandedFile, Place
from include.stockwatch.adapters.landing.copy import transfer
from include.stockwatch.adapters.landing.sftp import BLOCK
from include.stockwatch.adapters.landing.store import open_store
from include.stockwatch.errors import FeedHeld, FeedUnreachable, HoldCode
from tests.adapters.servers import BUCKET, LOGIN, PASSWORD, S3Server, SftpServer, sftp_server

NOON = 1_793_620_800.0  # 2 November 2026, 12:00 UTC
LARGE = 100_000_000


class Landing(Protocol):
    """A landing with an empty folder, and what a partner does in it."""

    url: str
    credentials: Credentials | None

    def put(self, name: str, content: bytes = b"a", at: float = NOON) -> None: ...

    def remove(self, name: str) -> None: ...

    def path(self, name: str) -> str: ...


@dataclass
class FolderLanding:
    """A folder of this machine, also behind an SFTP server."""

    folder: Path
    url: str
    credentials: Credentials | None = None

    def put(self, name: str, content: bytes = b"a", at: float = NOON) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at, at))

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def path(self, name: str) -> str:
        return f"/in/{name}" if self.credentials else str(self.folder / name)


@dataclass
class S3Landing:
    """A prefix of a bucket."""

    server: S3Server
    url: str
    credentials: Credentials | None

    def put(self, name: str, content: bytes = b"a", at: float = NOON) -> None:
        self.server.put(f"in/{name}", content, at)

    def remove(self, name: str) -> None:
        self.server.backend.delete_object(BUCKET, f"in/{name}")

    def path(self, name: str) -> str:
        return f"{BUCKET}/in/{name}"


def on_sftp(server: SftpServer, **changed: Any) -> FolderLanding:
    """The folder `in` of an SFTP server."""
    return FolderLanding(server.root / "in", f"{server.url}/in", server.credentials(**changed))


@pytest.fixture(params=["folder", "s3", "sftp"])
def place_of_files(request: pytest.FixtureRequest, tmp_path: Path) -> Landing:
    """An empty landing of each kind."""
    if request.param == "s3":
        server = request.getfixturevalue("s3")
        return S3Landing(server, f"s3://{BUCKET}/in", server.credentials())
    if request.param == "sftp":
        return on_sftp(request.getfixturevalue("sftp"))
    (tmp_path / "in").mkdir()
    return FolderLanding(tmp_path / "in", str(tmp_path / "in"))


def look(at: Landing, pattern: str = "*.csv") -> list[LandedFile]:
    """What one look sees. Raises: FeedUnreachable"""
    ((_, found),) = landing.look([Place("feed", at.url, pattern, at.credentials)])
    if isinstance(found, FeedUnreachable):
        raise found
    return found


def names(at: Landing, pattern: str = "*.csv") -> list[str]:
    """Names that one look sees."""
    return [file.name for file in look(at, pattern)]


def archive(at: Landing, name: str, to: Path, max_bytes: int = LARGE) -> tuple[str, Path]:
    """Archive one file."""
    return landing.archive(at.url, at.path(name), to, "feed", max_bytes, at.credentials)


def left_behind(archive: Path) -> list[str]:
    """Names of all files in an archive."""
    return [path.name for path in archive.rglob("*") if path.is_file()]


# All three kinds


def test_files_are_listed_oldest_first_and_by_name_within_a_second(place_of_files: Landing) -> None:
    for letter in "gecbfd":
        place_of_files.put(f"{letter}.csv", at=NOON)
    place_of_files.put("a.csv", at=NOON + 60)
    place_of_files.put("h.csv", at=NOON - 60)
    assert names(place_of_files) == [f"{letter}.csv" for letter in "hbcdefga"]


def test_a_file_is_listed_with_its_size_and_path(place_of_files: Landing) -> None:
    place_of_files.put("a.csv", b"four")
    (file,) = look(place_of_files)
    assert (file.name, file.size, file.path) == ("a.csv", 4, place_of_files.path("a.csv"))


def test_only_names_that_fit_the_pattern_are_listed_and_case_counts(place_of_files: Landing) -> None:
    for name in ("stock_1.csv", "stock_2.CSV", "sales_1.csv", "stock_3.csv.gz"):
        place_of_files.put(name)
    assert names(place_of_files, "stock_*.csv") == ["stock_1.csv"]


def test_unfinished_and_hidden_names_are_left_alone(place_of_files: Landing) -> None:
    for name in (".a.csv", "_a.csv", "a.csv.tmp", "a.csv.PART", "a.csv.filepart", "a.csv.crdownload", "a.csv"):
        place_of_files.put(name)
    assert names(place_of_files, "*") == ["a.csv"]


def test_nothing_below_the_folder_is_listed(place_of_files: Landing) -> None:
    place_of_files.put("old/b.csv")
    place_of_files.put("dir.csv/c.csv")
    place_of_files.put("a.csv")
    assert names(place_of_files, "*") == ["a.csv"]


def test_an_empty_landing_has_no_files(place_of_files: Landing) -> None:
    assert look(place_of_files) == []


def test_a_new_file_is_seen_at_the_next_look(place_of_files: Landing) -> None:
    place_of_files.put("a.csv")
    assert names(place_of_files) == ["a.csv"]
    place_of_files.put("b.csv")
    assert names(place_of_files) == ["a.csv", "b.csv"]
    place_of_files.remove("a.csv")
    assert names(place_of_files) == ["b.csv"]


def test_the_same_file_looks_the_same_and_a_changed_one_does_not(place_of_files: Landing) -> None:
    place_of_files.put("a.csv", b"one")
    before = look(place_of_files)
    assert look(place_of_files) == before
    place_of_files.put("a.csv", b"two", at=NOON + 1)
    assert look(place_of_files)[0].modified != before[0].modified


def test_only_an_object_store_shows_files_whole(place_of_files: Landing) -> None:
    place_of_files.put("a.csv")
    assert look(place_of_files)[0].is_whole == place_of_files.url.startswith("s3://")


@pytest.mark.parametrize("size", [0, 1, BLOCK, 8 * (1 << 20) + 3])
def test_an_archived_file_has_its_bytes_under_their_hash(place_of_files: Landing, tmp_path: Path, size: int) -> None:
    content = (b"0123456789abcde" * (size // 15 + 1))[:size]
    place_of_files.put("a.csv", content)
    digest, kept = archive(place_of_files, "a.csv", tmp_path / "archive")
    assert digest == hashlib.sha256(content).hexdigest()
    assert kept == tmp_path / "archive" / "feed" / digest
    assert kept.read_bytes() == content
    assert left_behind(tmp_path / "archive") == [digest]


def test_a_file_of_the_largest_size_is_taken_and_one_byte_more_is_held(place_of_files: Landing, tmp_path: Path) -> None:
    place_of_files.put("a.csv", b"x" * 1000)
    archive(place_of_files, "a.csv", tmp_path / "archive", max_bytes=1000)
    with pytest.raises(FeedHeld, match="raise `max_file_mb`") as raised:
        archive(place_of_files, "a.csv", tmp_path / "other", max_bytes=999)
    assert raised.value.holds[0].code is HoldCode.TOO_LARGE
    assert left_behind(tmp_path / "other") == []


def test_a_file_that_vanished_since_it_was_listed_is_unreachable(place_of_files: Landing, tmp_path: Path) -> None:
    place_of_files.put("a.csv")
    assert names(place_of_files) == ["a.csv"]
    place_of_files.remove("a.csv")
    with pytest.raises(FeedUnreachable, match=r"/a\.csv: feed `feed`: (No such file|not found)"):
        archive(place_of_files, "a.csv", tmp_path / "archive")
    assert left_behind(tmp_path / "archive") == []


class Meddler(io.BytesIO):
    """Where a copy goes, while something happens to the original."""

    def __init__(self, meddle: Callable[[], None]) -> None:
        super().__init__()
        self.meddle = meddle

    def write(self, block: Any) -> int:
        self.meddle()
        return super().write(block)


@pytest.mark.parametrize("content", [b"x" * (9 << 20), b"x" * (17 << 20), b"x"], ids=["same size", "grown", "cut"])
def test_a_file_that_changes_while_it_is_copied_is_not_taken(place_of_files: Landing, content: bytes) -> None:
    place_of_files.put("a.csv", b"a" * (9 << 20))
    out = Meddler(lambda: place_of_files.put("a.csv", content, at=NOON + 1))
    with (
        open_store(place_of_files.url, place_of_files.credentials, 30) as store,
        pytest.raises(OSError, match="changed while it was copied"),
        store.open(place_of_files.path("a.csv")) as source,
    ):
        transfer(source, out, LARGE)


@dataclass
class Made:
    """A source that says one size and gives another."""

    size: int
    given: Iterator[bytes]

    def state(self) -> tuple[int, str]:
        return self.size, "1"

    def blocks(self) -> Iterator[bytes]:
        return self.given


def test_a_file_that_is_said_to_be_too_large_is_not_read() -> None:
    untouched = iter([b"block"])
    assert transfer(Made(101, untouched), io.BytesIO(), 100) is None
    assert next(untouched) == b"block"


def test_a_file_that_has_more_than_it_says_is_read_no_further_than_allowed() -> None:
    out = io.BytesIO()
    assert transfer(Made(1, itertools.repeat(b"0123456789")), out, 100) is None
    assert len(out.getvalue()) == 100


@pytest.mark.parametrize("name", ["Bestände 50% #1 ?+&'\"*.csv", "日本語.csv", "a" * 251 + ".csv"])
def test_names_may_have_any_visible_character(place_of_files: Landing, tmp_path: Path, name: str) -> None:
    place_of_files.put(name, b"content")
    assert names(place_of_files) == [name]
    assert archive(place_of_files, name, tmp_path / "archive")[1].read_bytes() == b"content"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a\nb.csv", "control characters"),
        ("a\x1b[2Jb.csv", "control characters"),
        ("invoice\u202evsc.csv", "control characters"),
        ("new\\b.csv", "a path separator"),
    ],
)
def test_a_name_that_could_do_harm_is_left_where_it_is_and_reported(
    place_of_files: Landing, caplog: pytest.LogCaptureFixture, name: str, fault: str
) -> None:
    place_of_files.put(name)
    place_of_files.put("good.csv")
    with caplog.at_level(logging.WARNING):
        assert names(place_of_files) == ["good.csv"]
    (record,) = [record.getMessage() for record in caplog.records if record.name.startswith("include.")]
    assert "feed feed: 1 files not taken" in record
    assert fault in record
    assert record.isprintable()


# Folders and SFTP servers


@pytest.fixture(params=["folder", "sftp"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> FolderLanding:
    """An empty landing whose files lie in a folder."""
    if request.param == "sftp":
        return on_sftp(request.getfixturevalue("sftp"))
    (tmp_path / "in").mkdir()
    return FolderLanding(tmp_path / "in", str(tmp_path / "in"))


def test_a_link_is_neither_listed_nor_followed(folder: FolderLanding, tmp_path: Path) -> None:
    folder.put("a.csv", b"secret")
    (folder.folder / "link.csv").symlink_to("a.csv")
    assert names(folder) == ["a.csv"]
    with pytest.raises(FeedUnreachable):
        archive(folder, "link.csv", tmp_path / "archive")
    assert left_behind(tmp_path / "archive") == []


def test_a_pipe_is_neither_listed_nor_waited_for(folder: FolderLanding, tmp_path: Path) -> None:
    os.mkfifo(folder.folder / "pipe.csv")
    assert names(folder) == []
    with pytest.raises(FeedUnreachable, match="not a regular file"):
        archive(folder, "pipe.csv", tmp_path / "archive")


def test_a_name_that_is_no_utf_8_does_not_hide_the_others(
    folder: FolderLanding, caplog: pytest.LogCaptureFixture
) -> None:
    folder.put("a.csv")
    (folder.folder / os.fsdecode("Bestände.csv".encode("cp1252"))).write_bytes(b"a")
    with caplog.at_level(logging.WARNING):
        assert names(folder) == ["a.csv"]
    assert "1 files not taken, the first is 'Best\\udce4nde.csv'" in caplog.text


def test_a_folder_that_nobody_has_made_yet_is_empty(tmp_path: Path) -> None:
    assert look(FolderLanding(tmp_path, str(tmp_path / "none"))) == []


def test_a_folder_may_be_a_file_url(tmp_path: Path) -> None:
    at = FolderLanding(tmp_path / "a b", (tmp_path / "a b").as_uri())
    at.put("a.csv", b"bytes")
    assert names(at) == ["a.csv"]
    assert archive(at, "a.csv", tmp_path / "archive")[1].read_bytes() == b"bytes"


# SFTP


def test_a_wrong_password_is_refused_and_named_as_such(sftp: SftpServer) -> None:
    with pytest.raises(FeedUnreachable, match=r"login as `stockwatch` refused.*connection `partner_sftp`"):
        look(on_sftp(sftp, password="wrong"))


def test_a_host_key_that_is_not_set_is_refused_with_the_fingerprint_before_anything_is_sent(sftp: SftpServer) -> None:
    with pytest.raises(FeedUnreachable) as raised:
        look(on_sftp(sftp, host_key=None))
    assert "no key is set in the extra `host_key` of connection `partner_sftp`" in str(raised.value)
    assert f"ssh-ed25519 {sftp.fingerprint}" in str(raised.value)
    assert sftp.logins == []


def test_a_changed_host_key_is_refused_with_the_fingerprint_before_anything_is_sent(
    sftp: SftpServer, tmp_path: Path
) -> None:
    with sftp_server(tmp_path) as other, pytest.raises(FeedUnreachable) as raised:
        look(on_sftp(sftp, host_key=other.known_host))
    assert f"the server shows the key ssh-ed25519 {sftp.fingerprint}, which is not in" in str(raised.value)
    assert sftp.logins == []


def test_a_host_key_of_another_type_is_refused_with_the_fingerprint(sftp: SftpServer, tmp_path: Path) -> None:
    with sftp_server(tmp_path, "ssh-rsa") as other, pytest.raises(FeedUnreachable, match="shows the key ssh-ed25519"):
        look(on_sftp(sftp, host_key=other.known_host))
    assert sftp.logins == []


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_of_a_server_with_several_keys_any_one_will_do(tmp_path: Path, chosen: int) -> None:
    (tmp_path / "in").mkdir()
    with sftp_server(tmp_path, "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa") as server:
        key = server.known_host.splitlines()[chosen]
        assert look(on_sftp(server, host_key=key)) == []


def test_a_host_key_may_be_written_in_every_usual_way(sftp: SftpServer, tmp_path: Path) -> None:
    kind, key = sftp.known_host.split()[:2]
    with sftp_server(tmp_path) as other:
        of_other = other.known_host
    for text in (
        key,
        f"{kind} {key}",
        f"{kind} {key} partner 2026",
        f"[sftp.example.com]:2222 {kind} {key}",
        sftp.fingerprint,
        f"{of_other}\n{sftp.known_host}\n",
    ):
        assert look(on_sftp(sftp, host_key=text)) == [], text


@pytest.mark.parametrize("text", ["AAAA", "SHA256:short", "ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIA==", "*"])
def test_a_host_key_that_is_none_opens_nothing(sftp: SftpServer, text: str) -> None:
    with pytest.raises(FeedUnreachable, match=f"shows .*{sftp.fingerprint.replace('+', '.')}"):
        look(on_sftp(sftp, host_key=text))
    assert sftp.logins == []


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
@pytest.mark.parametrize("passphrase", [None, "a phrase"])
def test_a_private_key_opens_it_without_a_password(
    sftp: SftpServer, kind: str, form: str, passphrase: str | None
) -> None:
    sftp.user_key = asyncssh.generate_private_key(kind)
    text = sftp.user_key.export_private_key(form, passphrase, rounds=50).decode()
    assert look(on_sftp(sftp, password=None, private_key=text, private_key_passphrase=passphrase)) == []
    assert set(sftp.logins) == {"key"}


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"login": None}, "set login, and password or the extra private_key, in connection `partner_sftp`"),
        ({"password": None}, "set login, and password or the extra private_key, in connection `partner_sftp`"),
        ({"private_key": "no key"}, "private_key is no Ed25519, ECDSA or RSA key"),
        ({"host": "sftp.example.com"}, "its secrets are not sent to 127.0.0.1"),
    ],
)
def test_an_incomplete_connection_is_not_tried_and_says_what_to_set(
    sftp: SftpServer, changed: dict[str, Any], what: str
) -> None:
    with pytest.raises(FeedUnreachable, match=what):
        look(on_sftp(sftp, **changed))
    assert sftp.connections == 0


def test_host_and_port_may_stand_in_the_connection_alone(sftp: SftpServer) -> None:
    at = on_sftp(sftp, host="127.0.0.1", port=sftp.port)
    at.put("a.csv")
    at.url = "sftp:///in"
    assert names(at) == ["a.csv"]


def test_neither_agent_nor_home_folder_is_asked_for_keys(
    sftp: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    sftp.user_key.write_private_key(home / ".ssh" / "id_ed25519")
    (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {sftp.known_host}\n", "utf-8")
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(FeedUnreachable, match="login as `stockwatch` refused"):
        look(on_sftp(sftp, password="wrong"))
    with pytest.raises(FeedUnreachable, match="no key is set"):
        look(on_sftp(sftp, host_key=None))
    assert sftp.logins == ["password"]


def test_a_folder_that_the_server_does_not_have_is_reported_and_hides_no_other(sftp: SftpServer) -> None:
    at = on_sftp(sftp)
    at.put("a.csv")
    places = [Place(feed, f"{sftp.url}/{feed}", "*.csv", at.credentials) for feed in ("none", "in")]
    found = {place.feed_id: answer for place, answer in landing.look(places)}
    assert str(found["none"]) == f"cannot read {sftp.url}/none: No such file or directory"
    assert isinstance(found["in"], list)
    assert len(found["in"]) == 1


def test_two_hundred_feeds_on_one_server_use_one_connection(sftp: SftpServer) -> None:
    for number in range(200):
        folder = sftp.root / f"feed{number}"
        folder.mkdir()
        (folder / "a.csv").write_bytes(b"a")
    places = [Place(f"feed{n}", f"{sftp.url}/feed{n}", "*.csv", sftp.credentials()) for n in range(200)]
    found = {place.feed_id: answer for place, answer in landing.look(places)}
    assert all(isinstance(answer, list) and len(answer) == 1 for answer in found.values())
    assert len(found) == 200
    assert sftp.connections == 1


@pytest.mark.parametrize("most", [1000, 20_000, 32_768])
def test_a_server_that_answers_less_than_was_asked_for_is_read_whole(
    sftp: SftpServer, tmp_path: Path, most: int
) -> None:
    at = on_sftp(sftp)
    content = os.urandom(300_000)
    at.put("a.csv", content)
    sftp.most_read_bytes = most
    assert archive(at, "a.csv", tmp_path / "archive")[1].read_bytes() == content


def test_little_more_is_read_ahead_than_was_asked_for(sftp: SftpServer) -> None:
    at = on_sftp(sftp)
    at.put("a.csv", b"a" * (BLOCK * 8))
    asked: list[int] = []
    sftp.before_read = asked.append
    furthest = []
    with open_store(at.url, at.credentials, 30) as store, store.open("/in/a.csv") as source:
        for _ in source.blocks():
            furthest.append(max(asked))
    assert furthest == [pytest.approx(BLOCK * n, abs=40_000) for n in range(1, 9)]


def test_a_connection_that_is_lost_while_copying_is_unreachable(
    sftp: SftpServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at = on_sftp(sftp)
    at.put("a.csv", b"a" * (BLOCK * 4))
    sftp.before_read = lambda offset: sftp.drop() if offset > BLOCK else None
    with pytest.raises(FeedUnreachable):
        archive(at, "a.csv", tmp_path / "archive")
    assert left_behind(tmp_path / "archive") == []
    assert [one for one in caplog.records if "asyncssh" not in one.name] == [], "the error says all there is to say"


def test_a_server_that_never_finishes_the_login_is_left_in_time(sftp: SftpServer) -> None:
    sftp.login_seconds = 60
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="not done within 1 s"), open_store(sftp.url, sftp.credentials(), 1):
        pass
    assert time.monotonic() - started < 5


def test_a_server_cannot_lead_out_of_the_folder_by_a_name(sftp: SftpServer, caplog: pytest.LogCaptureFixture) -> None:
    some = [b"../secret.csv", b"/etc/a.csv", b"..", b"."]
    sftp.also_lists = [asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(permissions=0o100644, size=1)) for name in some]
    with caplog.at_level(logging.WARNING):
        assert names(on_sftp(sftp), "*") == []
    assert "1 files not taken, the first is '/etc/a.csv': a path separator" in caplog.text


def test_a_server_that_lists_for_ever_is_left_in_time(sftp: SftpServer) -> None:
    sftp.also_lists = itertools.repeat(asyncssh.SFTPName(b"old", attrs=asyncssh.SFTPAttrs(permissions=0o40755)))
    started = time.monotonic()
    with open_store(sftp.url, sftp.credentials(), 1) as store, pytest.raises(TimeoutError, match="not done within 1 s"):
        list(store.files(f"{sftp.url}/in"))
    assert time.monotonic() - started < 5


# S3


def test_a_wrong_secret_is_refused_and_named_as_such(s3: S3Server) -> None:
    with s3.checks_logins() as (key, secret):
        good = S3Landing(s3, f"s3://{BUCKET}/in", s3.credentials(login=key, password=secret))
        assert look(good) == []
        with pytest.raises(FeedUnreachable, match=r"look at login .key., password .secret. and rights of connection"):
            look(S3Landing(s3, f"s3://{BUCKET}/in", s3.credentials(login=key, password="wrong")))


def test_a_bucket_that_does_not_exist_is_reported(s3: S3Server) -> None:
    with pytest.raises(
        FeedUnreachable, match="cannot read s3://nobody/in: not found: The specified bucket does not exist"
    ):
        look(S3Landing(s3, "s3://nobody/in", s3.credentials()))


@pytest.mark.parametrize("missing", ["login", "password"])
def test_an_incomplete_s3_connection_says_what_to_set(s3: S3Server, missing: str) -> None:
    with pytest.raises(FeedUnreachable, match=r"set login .key. and password .secret. in connection `partner_s3`"):
        look(S3Landing(s3, f"s3://{BUCKET}/in", s3.credentials(**{missing: None})))


def test_a_prefix_with_more_objects_than_one_answer_holds_is_listed_whole(s3: S3Server) -> None:
    for number in range(2001):
        s3.put(f"in/{number:04}.csv", b"a", NOON)
    assert len(look(S3Landing(s3, f"s3://{BUCKET}/in/", s3.credentials()))) == 2001


def test_a_bucket_may_be_a_landing_without_a_prefix(s3: S3Server) -> None:
    s3.put("a.csv", b"a", NOON)
    s3.put("in/b.csv", b"a", NOON)
    assert names(S3Landing(s3, f"s3://{BUCKET}", s3.credentials())) == ["a.csv"]


def test_a_name_that_is_too_long_is_left_where_it_is(s3: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    for length in (255, 256):
        s3.put("in/" + "ü" * 125 + ".csv".rjust(length - 250, "x"), b"a", NOON)
    with caplog.at_level(logging.WARNING):
        assert len(names(S3Landing(s3, f"s3://{BUCKET}/in", s3.credentials()))) == 1
    assert "a name of more than 255 bytes; have it renamed" in caplog.text


def test_the_marker_of_a_folder_is_no_file(s3: S3Server) -> None:
    s3.put("in/", b"", NOON)
    assert names(S3Landing(s3, f"s3://{BUCKET}/in", s3.credentials()), "*") == []


def test_nothing_of_the_environment_or_the_home_folder_reaches_s3(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nendpoint_url = http://127.0.0.1:1\n", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert look(S3Landing(s3, f"s3://{BUCKET}/in", s3.credentials())) == []


# Many at once


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_server_that_is_down_is_reported_for_each_of_its_feeds(sftp: SftpServer) -> None:
    port = closed_port()
    s3 = Credentials("s3", LOGIN, PASSWORD, endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1")
    places = [Place(f"sftp{n}", f"sftp://127.0.0.1:{port}/in", "*", sftp.credentials()) for n in range(3)]
    places += [Place(f"s3{n}", "s3://bucket/in", "*", s3) for n in range(3)]
    found = dict(landing.look(places))
    assert len(found) == 6
    for place, answer in found.items():
        assert isinstance(answer, FeedUnreachable), place
        assert "onnect" in answer.cause, place


def test_a_server_that_never_answers_delays_no_other(
    silent_port: int, sftp: SftpServer, s3: S3Server, tmp_path: Path
) -> None:
    silent = f"127.0.0.1:{silent_port}"
    deaf = Credentials("deaf", LOGIN, PASSWORD, endpoint_url=f"http://{silent}", region_name="us-east-1")
    places = [Place(f"silent{n}", f"sftp://{silent}/in", "*", sftp.credentials()) for n in range(50)]
    places += [Place("deaf", "s3://bucket/in", "*", deaf)]
    places += [Place("sftp", f"{sftp.url}/in", "*", sftp.credentials())]
    places += [Place("s3", f"s3://{BUCKET}/in", "*", s3.credentials()), Place("folder", str(tmp_path), "*")]
    started = time.monotonic()
    answers = landing.look(places, seconds=5)
    first = {place.feed_id: answer for place, answer in (next(answers) for _ in range(3))}
    assert time.monotonic() - started < 4.5
    assert set(first) == {"sftp", "s3", "folder"}
    rest = list(answers)
    assert time.monotonic() - started < 6
    assert len(rest) == 51
    for place, answer in rest:
        assert isinstance(answer, FeedUnreachable), place
        assert "within" in answer.cause, place


@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_a_server_that_drops_every_connection_is_not_tried_again_for_each_feed(kind: str) -> None:
    tried = []

    def drop(server: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                server.accept()[0].close()
                tried.append(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drop, args=(server,), daemon=True).start()
        address = "127.0.0.1:{1}".format(*server.getsockname())
        opened = Credentials("c", LOGIN, PASSWORD, endpoint_url=f"http://{address}", region_name="us-east-1")
        url = f"sftp://{address}/in" if kind == "sftp" else "s3://bucket/in"
        found = list(landing.look([Place(f"feed{n}", url, "*", opened) for n in range(5)]))
        server.shutdown(socket.SHUT_RDWR)
    assert len(found) == 5
    assert all(isinstance(answer, FeedUnreachable) for _, answer in found)
    assert len(tried) <= 2, "aiohttp tries once more when a connection is closed before the answer"


def test_a_mount_that_hangs_delays_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released, scandir = threading.Event(), os.scandir

    def hang(path: str) -> Any:
        if path.endswith("hangs"):
            released.wait(20)
        return scandir(path)

    for name in ("hangs", "works"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(os, "scandir", hang)
    places = [Place(name, str(tmp_path / name), "*") for name in ("hangs", "works")]
    started = time.monotonic()
    found = {place.feed_id: answer for place, answer in landing.look(places, seconds=1)}
    assert time.monotonic() - started < 5
    assert found["works"] == []
    assert str(found["hangs"]).endswith("no answer within 1 s")
    released.set()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("gs://bucket/in", "`gs` is no kind of landing; use a folder, s3://bucket/prefix or sftp://host/folder"),
        ("ftp://host/in", "`ftp` is no kind of landing"),
        ("sftp://host/in", "set `landing.connection`"),
        ("s3://bucket/in", "set `landing.connection`"),
    ],
)
def test_a_url_that_cannot_be_opened_says_what_to_do(url: str, what: str) -> None:
    with pytest.raises(FeedUnreachable, match=what):
        look(FolderLanding(Path(), url))


def test_a_landing_with_far_too_many_files_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.stockwatch.adapters.landing.listing.MOST_FILES", 3)
    at = FolderLanding(tmp_path, str(tmp_path))
    for number in range(3):
        at.put(f"{number}.csv")
    assert len(look(at)) == 3
    at.put("3.csv")
    with pytest.raises(FeedUnreachable, match="more than 3 files; move old ones away"):
        look(at)

"""One S3 server for all tests of landings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.servers import S3Server, SftpServer, s3_server, sftp_server


@pytest.fixture(scope="session")
def s3_process() -> Iterator[S3Server]:
    """One S3 server for all tests."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_process: S3Server) -> S3Server:
    """The S3 server with one empty bucket."""
    s3_process.clear()
    return s3_process


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    """An SFTP server with an empty folder `in`."""
    (tmp_path / "sftp" / "in").mkdir(parents=True)
    with sftp_server(tmp_path / "sftp") as server:
        yield server

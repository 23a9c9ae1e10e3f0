"""Where files arrive: what a feed's `landing` may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from include.stockwatch.settings.feed import Landing


@pytest.mark.parametrize("url", [None, "/srv/landing", "landing/northfield", "file:///srv/a@b", "/srv/a@b"])
def test_a_folder_needs_no_connection(url: str | None) -> None:
    assert Landing(url=url).url == url


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/a@b", "sftp://host:2222/out", "sftp:///out"])
def test_a_store_or_a_server_needs_a_connection(url: str) -> None:
    assert Landing(url=url, connection="partner").connection == "partner"
    with pytest.raises(ValidationError, match="`connection` is needed"):
        Landing(url=url)


@pytest.mark.parametrize("url", ["sftp://me@host/out", "sftp://me:secret@host/out", "s3://key:secret@bucket/out"])
def test_a_url_with_a_login_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="`url` holds a login"):
        Landing(url=url, connection="partner")


@pytest.mark.parametrize("url", ["ftp://host/out", "https://host/out", "gs://bucket/out", "://x"])
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="use a folder, s3://bucket/prefix or sftp://host/folder"):
        Landing(url=url, connection="partner")

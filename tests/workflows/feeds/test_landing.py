"""The landing scan: what is claimed, at which look, and what a landing that cannot be read leaves alone."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from include.stockwatch.adapters.landing import Credentials
from include.stockwatch.adapters.state import ledger
from include.stockwatch.errors import FeedUnreachable
from include.stockwatch.workflows.feeds.landing import scan
from include.stockwatch.workflows.services import Services
from scripts.local_airflow import PROJECT, LocalAirflow
from tests.adapters.servers import BUCKET, S3Server, SftpServer, s3_server, sftp_server
from tests.fakes import Clock

NORTHFIELD, WESTWAY = "northfield_stores", "westway_dcs"


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    """An SFTP server with an empty folder `in`."""
    (tmp_path / "sftp" / "in").mkdir(parents=True)
    with sftp_server(tmp_path / "sftp") as server:
        yield server


@pytest.fixture
def s3() -> Iterator[S3Server]:
    """An S3 server with one empty bucket."""
    with s3_server() as server:
        server.clear()
        yield server


def put_landing(config: Path, feed_id: str, url: str, connection: str | None) -> None:
    """Let the files of a feed arrive elsewhere."""
    path = config / "feeds" / f"{feed_id}.yaml"
    feed = yaml.safe_load(path.read_text("utf-8"))
    feed["landing"] |= {"url": url, "connection": connection}
    path.write_text(yaml.safe_dump(feed), "utf-8")


def with_connections(services: Services, *known: Credentials) -> Services:
    """The same services, with connections."""
    found = {credentials.connection: credentials for credentials in known}
    return Services(services.home, services.config, services.now, credentials=found.get)


def claimed(services: Services) -> list[str]:
    """Feeds whose files one scan wants to be ingested."""
    return [file.feed_id for file in scan(services)]


def test_a_file_in_a_folder_is_claimed_at_the_second_look_and_only_once_it_is_quiet(services: Services) -> None:
    path = services.home / "landing" / NORTHFIELD / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_text("1", "utf-8")
    assert claimed(services) == []
    path.write_text("12", "utf-8")
    assert claimed(services) == []
    assert claimed(services) == [NORTHFIELD]


def test_a_file_on_an_sftp_server_is_claimed_at_the_second_look_and_only_once_it_is_quiet(
    services: Services, config: Path, sftp: SftpServer
) -> None:
    put_landing(config, NORTHFIELD, f"{sftp.url}/in", "partner_sftp")
    services = with_connections(services, sftp.credentials())
    path = sftp.root / "in" / "a.csv"
    path.write_text("1", "utf-8")
    assert claimed(services) == []
    path.write_text("12", "utf-8")
    assert claimed(services) == []
    assert claimed(services) == [NORTHFIELD]


def test_an_object_in_s3_is_claimed_at_the_first_look(services: Services, config: Path, s3: S3Server) -> None:
    put_landing(config, NORTHFIELD, f"s3://{BUCKET}/in", "partner_s3")
    services = with_connections(services, s3.credentials())
    s3.put("in/a.csv", b"a", 0)
    first = scan(services)
    assert [file.feed_id for file in first] == [NORTHFIELD]
    assert scan(services) == first, "the same file never has two names"
    s3.put("in/a.csv", b"b", 1)
    assert len(scan(services)) == 2, "another object under the same name is another file"


def test_files_are_claimed_oldest_first(services: Services, config: Path, s3: S3Server) -> None:
    put_landing(config, NORTHFIELD, f"s3://{BUCKET}/in", "partner_s3")
    services = with_connections(services, s3.credentials())
    for at, name in enumerate("cab"):
        s3.put(f"in/{name}.csv", name.encode(), at)
    found = scan(services)
    with services.state.begin() as tx:
        assert [ledger.start_file(tx, file.file_key) for file in found] == [f"{BUCKET}/in/{name}.csv" for name in "cab"]


def test_a_landing_that_cannot_be_reached_is_logged_and_hides_no_other(
    services: Services, config: Path, sftp: SftpServer, caplog: pytest.LogCaptureFixture
) -> None:
    put_landing(config, NORTHFIELD, f"{sftp.url}/in", "partner_sftp")
    services = with_connections(services, sftp.credentials(host_key=None))
    path = services.home / "landing" / WESTWAY / "bestand_1.csv"
    path.parent.mkdir(parents=True)
    path.write_text("1", "utf-8")
    with caplog.at_level(logging.WARNING):
        scan(services)
        assert claimed(services) == [WESTWAY]
    assert f"feed {NORTHFIELD}: cannot read {sftp.url}/in: no key is set in the extra `host_key`" in caplog.text
    assert caplog.text.count("will look again") == 2


def test_a_connection_that_does_not_exist_is_logged_with_what_to_do(
    services: Services, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_landing(config, NORTHFIELD, "sftp://127.0.0.1/in", "nowhere")
    with caplog.at_level(logging.WARNING):
        assert scan(with_connections(services)) == []
    assert "feed `northfield_stores`: there is no connection `nowhere`; add it in Airflow" in caplog.text


def test_a_common_landing_on_a_server_needs_a_connection_in_every_feed(
    services: Services, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (config / "stockwatch.yaml").write_text("landing_url: sftp://127.0.0.1/in", "utf-8")
    with caplog.at_level(logging.WARNING):
        assert scan(services) == []
    for feed in (NORTHFIELD, WESTWAY):
        assert f"feed `{feed}`: no connection is named; set `landing.connection`" in caplog.text


def test_without_airflow_connections_come_from_the_environment(
    services: Services, config: Path, sftp: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_landing(config, NORTHFIELD, f"{sftp.url}/in", "partner_sftp")
    (sftp.root / "in" / "a.csv").write_text("1", "utf-8")
    fields = {"login": "stockwatch", "password": "correct horse", "extra": {"host_key": sftp.fingerprint}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNER_SFTP", yaml.safe_dump(fields, default_flow_style=True, width=1000))
    with pytest.raises(FeedUnreachable, match="connection `partner_sftp`: it is neither JSON nor a URI"):
        services.credentials(NORTHFIELD, sftp.url)
    monkeypatch.setenv(
        "AIRFLOW_CONN_PARTNER_SFTP",
        f"sftp://stockwatch:correct%20horse@/?host_key={sftp.fingerprint.replace('+', '%2B')}",
    )
    scan(services)
    assert claimed(services) == [NORTHFIELD]


def test_in_airflow_connections_come_from_airflow(tmp_path: Path) -> None:
    code = """
from include.stockwatch.orchestration import services
made = services()
print("FOUND", repr((made._credentials("partner_sftp"), made._credentials("nowhere"))))
"""
    fields = {"conn_type": "sftp", "login": "me", "host": "h.example", "port": 22, "extra": {"host_key": "SHA256:key"}}
    environment = LocalAirflow(tmp_path).environment | {"AIRFLOW_CONN_PARTNER_SFTP": json.dumps(fields)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=PROJECT, capture_output=True, text=True, check=True
    )
    expected = Credentials("partner_sftp", "me", host="h.example", port=22, host_key="SHA256:key")
    assert f"FOUND {(expected, None)!r}" in done.stdout


def test_a_folder_needs_no_connection(services: Services) -> None:
    assert services.credentials(NORTHFIELD, "/srv/landing") is None


def test_two_hundred_feeds_on_one_server_take_one_connection_and_one_look_at_airflow(
    tmp_path: Path, config: Path, clock: Clock, sftp: SftpServer
) -> None:
    definition = yaml.safe_load((config / "feeds" / f"{NORTHFIELD}.yaml").read_text("utf-8"))
    for number in range(200):
        name = f"feed{number:03}"
        (sftp.root / name).mkdir()
        (sftp.root / name / "a.csv").write_text("1", "utf-8")
        landing = {"url": f"{sftp.url}/{name}", "connection": "partner_sftp"}
        (config / "feeds" / f"{name}.yaml").write_text(yaml.safe_dump(definition | {"landing": landing}), "utf-8")
    looked_up: list[str] = []

    def look_up(connection: str) -> Credentials:
        looked_up.append(connection)
        return sftp.credentials()

    services = Services(tmp_path / "home", config, clock, credentials=look_up)
    assert scan(services) == []
    assert sftp.connections == 1
    assert len(scan(services)) == 200
    assert sftp.connections == 2
    assert looked_up == ["partner_sftp"]
    services.state.engine.dispose()

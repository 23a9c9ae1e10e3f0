"""What people do with dead messages at the command line (A-70)."""

from __future__ import annotations

import json

import pytest

from include.stockwatch.adapters.state import outbox
from include.stockwatch.cli import main
from include.stockwatch.workflows.services import Services
from tests.workflows.messages.test_delivery import put, rows


@pytest.fixture
def dead(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """A store with a dead message, known to the command line."""
    monkeypatch.setenv("STOCKWATCH_HOME", str(services.home))
    monkeypatch.setenv("STOCKWATCH_CONFIG", str(services.config))
    put(services, "LOW out of stock: Oat Bar")
    with services.state.begin() as tx:
        given_up = {"status": "dead", "attempts": 8, "error": "ambiguous: HTTP 503"}
        tx.execute(outbox.outbox.update().values(**given_up))
    return services


def test_dead_messages_are_listed_and_replayed_at_the_command_line(
    dead: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "deliver", "--dead"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["dead"]
    assert (listed["outbox_id"], listed["error"], listed["attempts"]) == (1, "ambiguous: HTTP 503", 8)
    assert main(["deliver", "--replay", "1"]) == 0
    assert [row["status"] for row in rows(dead)] == ["uncertain"]
    assert main(["deliver", "--replay", "1"]) == 1
    assert "message 1: it is uncertain, not dead" in capsys.readouterr().err
    assert main(["deliver"]) == 0
    assert [row["status"] for row in rows(dead)] == ["previewed"]


def test_a_dead_message_is_discarded_with_a_reason(dead: Services, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="--discard needs --reason"):
        main(["deliver", "--discard", "1"])
    assert main(["deliver", "--discard", "1", "--reason", "the account is closed"]) == 0
    (row,) = rows(dead)
    assert row["status"] == "discarded"
    assert row["note"].endswith("UTC: the account is closed")

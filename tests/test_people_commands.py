"""Routes and silences at the command line."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch import cli


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home and settings of its own."""
    monkeypatch.setenv("STOCKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STOCKWATCH_CONFIG", str(config))
    monkeypatch.delenv("STOCKWATCH_DB", raising=False)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert cli.main(["--json", *map(str, arguments)]) == code
    return dict(json.loads(capsys.readouterr().out))


def test_a_route_is_shown_with_who_is_asked_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "route", "partner=westway", "severity=critical")
    assert (found["route"], found["channel"], found["owner"]) == ("westway account", "C0WESTWAY", "Priya Nair")
    assert found["passed"] == [{"route": "northfield account", "why": "partner is westway, not northfield"}]
    wrong = run(capsys, "route", "severity=severe", code=1)
    assert wrong["error"] == "ActionRefused"
    assert "severity: `severe`" in wrong["message"]


def test_a_silence_is_made_listed_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "silences") == {"silences": "none"}
    said = ("--until", "2099-01-01T08:00+01:00", "--as", "dana@example.com", "--comment", "reset of the shelf")
    assert "90 days at most" in run(capsys, "silence", "partner=northfield", *said, code=1)["message"]
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).isoformat()  # noqa: TID251
    made = run(capsys, "silence", "partner=northfield", "category=Snacks", "category=Tea", "--until", until, *said[2:])
    assert made["what"] == "partner northfield, category Snacks or Tea"
    (listed,) = run(capsys, "silences")["silences"]
    assert (listed["active"], listed["author"], listed["comment"]) == (True, "dana@example.com", "reset of the shelf")
    assert run(capsys, "unsilence", made["silence"], "--as", "sam@example.com")["silence"] == made["silence"]
    (listed,) = run(capsys, "silences")["silences"]
    assert (listed["active"], listed["ended_by"]) == (False, "sam@example.com")

"""The command line, as a person and as a script use it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.cli import main
from tests.fakes import days, northfield, row
from tests.workflows.checks.test_check import DATES, STORES

FEED = "northfield_stores"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and a copy of the shipped settings."""
    monkeypatch.setenv("STOCKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STOCKWATCH_CONFIG", str(config))
    return tmp_path / "home"


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    """Run a command with --json and give its answer."""
    assert main(["--json", *map(str, arguments)]) == code
    return dict(json.loads(capsys.readouterr().out))


def test_a_file_ingested_twice_publishes_nothing_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = northfield(tmp_path / "n.csv", [row(date, store) for date in DATES[:3] for store in STORES])
    first = run(capsys, "ingest", FEED, path)
    told = ("rows_in", "rows_published", "rows_rejected", "rows_parked", "rows_dropped", "dates")
    assert [first[name] for name in told] == [12, 12, 0, 0, 0, 3]
    again = run(capsys, "ingest", FEED, path)
    assert (again["outcome"], again["rows_published"], again["rows_already_published"]) == ("already published", 0, 12)


def test_a_checked_date_can_be_looked_at_from_every_side(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    misspelt = "  - name: reno\n    match: {partner: northfield, location_id: '001'}\n    min_days_of_supply: 3\n"
    (config / "thresholds.yaml").write_text((config / "thresholds.yaml").read_text("utf-8") + misspelt, "utf-8")
    assert run(capsys, "check-config")["idle_rules"] == {}, "nothing was checked yet"
    rows = [
        row(date, store, on_hand=0 if date == DATES[27] and store == "0001" else 20)
        for date in DATES[:28]
        for store in STORES
    ]
    run(capsys, "ingest", FEED, northfield(tmp_path / "n.csv", rows))
    checked = run(capsys, "check", DATES[27])
    assert checked["series"]["by_status"]["out_of_stock"] == 1
    why = {"thresholds.yaml": {"reno": "location '001': no series of northfield has it; nearest: '0001'"}}
    assert checked["idle_rules"] == run(capsys, "check-config")["idle_rules"] == why
    (incident,) = checked["incidents"]["opened"]
    shown = run(capsys, "preview", incident)
    assert shown["text"].startswith("MEDIUM out of stock: Oat Bar at Northfield Grocers, 1 of 4 stores, USD 91")
    assert shown["blocks"][0]["type"] == "header"
    assert [one["operation"] for one in run(capsys, "messages")["messages"]] == ["post"]
    assert run(capsys, "explain", "northfield", "0001", "00850007123017", DATES[27])["row"]["status"] == "out_of_stock"
    assert run(capsys, "backtest", "--from", DATES[20])["opened"] == 1
    for wrong in (["--plot", "picture.jpg"], ["--plot", "nowhere/picture.svg"], ["--set", "nowhere.yaml"]):
        with pytest.raises(SystemExit, match=rf"{wrong[1]}: (name an \.svg or a \.png|no such file)"):
            main(["backtest", *wrong])
    assert main(["preview", incident]) == 0
    assert "opened (first)" in capsys.readouterr().out


def test_a_held_file_ends_with_code_1_and_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    answer = run(capsys, "ingest", FEED, tmp_path / "empty.csv", code=1)
    assert (answer["outcome"], answer["holds"][0]["code"]) == ("held", "EMPTY")
    assert main(["ingest", FEED, str(tmp_path / "empty.csv")]) == 1
    assert "empty.csv: feed `northfield_stores`: EMPTY: the file has no text" in capsys.readouterr().err


def test_a_held_file_is_listed_and_released_in_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "held") == {"held": "none"}
    whole = [row(date, store) for date in DATES[:2] for store in STORES]
    run(capsys, "ingest", FEED, northfield(tmp_path / "whole.csv", whole))
    half = northfield(tmp_path / "half.csv", [row(DATES[2], "0001")])
    assert main(["ingest", FEED, str(half)]) == 1
    assert "decide half.csv release --as" in capsys.readouterr().err
    (waiting,) = run(capsys, "held")["held"]
    assert (waiting["feed"], waiting["file"], waiting["can_be"]) == (FEED, "half.csv", "released or discarded")
    assert waiting["why"].startswith("ROW_COUNT: a date has fewer than 70%")
    with pytest.raises(SystemExit, match=r"no held file is called `haf\.csv`; did you mean `half\.csv`\?"):
        main(["decide", "haf.csv", "release", "--as", "sam@example.com"])
    done = run(capsys, "decide", waiting["delivery"], "release", "--as", "sam@example.com")
    assert (done["outcome"], done["rows_published"], done["by"]) == ("published", 1, "sam@example.com")
    assert run(capsys, "held") == {"held": "none"}


def test_a_held_file_that_nobody_can_read_is_only_discarded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    run(capsys, "ingest", FEED, tmp_path / "empty.csv", code=1)
    assert run(capsys, "held")["held"][0]["can_be"] == "discarded"
    said = ("--as", "sam@example.com")
    assert run(capsys, "decide", "empty.csv", "release", *said, code=1)["error"] == "FeedHeld"
    assert run(capsys, "decide", "empty.csv", "discard", *said)["outcome"] == "discarded"


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("nonsense", "STOCKWATCH_DB is no URL of a store"),
        ("mysql://me:secret@127.0.0.1:1/x", "the state store cannot be in mysql: use sqlite or postgresql"),
        ("postgresql://me:secret@127.0.0.1:1/x", "the state store cannot be used: Can't create a connection to host"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_in_words(
    store: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STOCKWATCH_DB", store)
    assert main(["messages"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(says)
    assert "\n  fix: " in told
    assert "secret" not in told


def test_a_store_of_a_later_version_is_told_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["messages"]) == 0
    with sqlite3.connect(home / "state.db") as store:
        store.execute("UPDATE stockwatch_version SET version_num = '9999'")
    store.close()
    capsys.readouterr()
    assert main(["messages"]) == 1
    assert "the state store was made by a later version" in capsys.readouterr().err


def test_a_home_that_is_no_folder_is_told_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.touch()
    assert main(["messages"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{home}: File exists")
    assert "STOCKWATCH_HOME" in told


def test_a_wrong_setting_ends_with_code_1_and_its_place(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config / "thresholds.yaml"
    path.write_text(path.read_text("utf-8").replace("min_days_of_supply: 5", "min_days_of_suply: 5"), "utf-8")
    (problem,) = run(capsys, "check-config", code=1)["problems"]
    assert (problem["line"], problem["column"]) == (15, 5)
    assert "did you mean `min_days_of_supply`?" in problem["fix"]


def test_an_expectation_that_does_not_exist_is_named_with_its_place(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config / "feeds" / f"{FEED}.yaml"
    added = "  expectations:\n    - {type: expect_column_vales_to_be_between, code: X, fix: y}\n"
    path.write_text(path.read_text("utf-8") + added, "utf-8")
    (problem,) = run(capsys, "check-config", code=1)["problems"]
    assert problem["path"] == "quality.expectations.0.type"
    assert problem["fix"] == "did you mean `expect_column_values_to_be_between`?"


def test_a_threshold_that_waits_longer_than_a_check_looks_back_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "stockwatch.yaml").write_text("check: {lookback_days: 7}\n", "utf-8")
    path = config / "thresholds.yaml"
    path.write_text(path.read_text("utf-8").replace("days_out_before_alert: 1", "days_out_before_alert: 8"), "utf-8")
    (problem,) = run(capsys, "check-config", code=1)["problems"]
    assert "8 days are more than a check looks back (7)" in problem["what"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest", "northfeild_stores", "x.csv"], "did you mean `northfield_stores`?"),
        (["ingest", FEED, "nowhere.csv"], "nowhere.csv: no such file"),
        (["ingest", FEED, "."], ".: no file"),
        (["preview", "INC-2026-00009"], "no incident INC-2026-00009"),
        (["check", "2999-01-01"], "2999-01-01 is still to come"),
        (["route", "partner=northfeild"], "no feed has the partner `northfeild`; did you mean `northfield`?"),
        (
            ["silence", "partner=west", "--until", "2099-01-01T08:00Z", "--as", "a@example.com", "--comment", "x"],
            "no feed has the partner `west`; did you mean `westway`?",
        ),
    ],
)
def test_wrong_use_says_what_is_right(arguments: list[str], says: str) -> None:
    with pytest.raises(SystemExit, match=r".") as raised:
        main(arguments)
    assert says in str(raised.value)


def test_a_week_is_asked_for_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["scorecard", "--week", "2026-44"])
    assert "`2026-44` is no week; write it like 2026-W45, or name a date in it" in capsys.readouterr().err


def test_a_series_that_is_not_known_is_said_to_be_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", FEED, northfield(tmp_path / "n.csv", [row(date, "0001") for date in days(DATES[0], 2)]))
    answer = run(capsys, "explain", "northfield", "9999", "00850007123017", DATES[1], code=1)
    assert "not ranged on 2026-10-02" in answer["message"]
    assert "location_id `9999` is not known there" in answer["message"]
    near = run(capsys, "explain", "northfield", "0001", "850007123017", DATES[1], code=1)
    assert "not known there: did you mean `00850007123017`?" in near["message"]

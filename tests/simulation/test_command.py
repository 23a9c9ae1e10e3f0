"""`simulate` on the command line."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include.stockwatch.simulation import command


def run(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


def test_a_world_of_the_wanted_size_ends_on_the_wanted_day(tmp_path: Path) -> None:
    out = tmp_path / "world"
    said = run(str(out), "--days", "30", "--stores", "3", "--items", "2", "--last", "2026-10-31", "--no-defects")
    assert (said["first_date"].isoformat(), said["last_date"].isoformat()) == ("2026-10-02", "2026-10-31")
    assert said["defects"] == 0
    assert len(list(out.glob("landing/*/*"))) == said["files"]
    assert (out / "config" / "routes.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--world", "plane"], "no world `plane`; known: daily_receipts"),
        (["--stores", "1"], "1 stores are too few for 3 partners"),
        (["--partners", "40"], "`partners` is 40; it goes from 1 to 6"),
        (["--items", "0"], "`items` is 0; it goes from 1 to 5000"),
        (["--days", "-5"], "`days` is -5; it goes from 1 to 3650"),
        (["--days", "30", "--history", "31"], "`--history` is 31; it goes from 0 to 30, the days of the world"),
        (["--seed", "-1"], "`--seed` is -1; it goes from 0"),
    ],
)
def test_what_cannot_be_is_said_in_words(tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        run(str(tmp_path / "world"), *arguments)


def test_nothing_is_written_into_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit, match="not empty"):
        run(str(tmp_path))
    with pytest.raises(SystemExit, match="a file; name a new folder"):
        run(str(tmp_path / "mine.txt"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_saying_what_can_be_asked_for_loads_no_numpy() -> None:
    code = "import sys, include.stockwatch.simulation.command; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

"""Resolve requirements*.txt into requirements.lock, for every Python from 3.11 on, with hashes and without addresses.

The lock names no package index, so the same file installs from whichever index a machine is set up for
(docs/adr/0004). `--check` resolves with the locked versions preferred and fails if anything would change.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LOCK = PROJECT / "requirements.lock"
HEADER = "# The whole dependency tree, pinned and hashed. Made by `make lock` from requirements-dev.txt; do not edit.\n"


def resolve(target: Path, *, upgrade: bool) -> str:
    """The lock as it would be; without `upgrade` locked versions are kept where they still fit."""
    uv = Path(sys.executable).parent / "uv"
    command = [
        str(uv), "pip", "compile", "requirements-dev.txt", "--universal", "--python-version", "3.11",
        "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", "--quiet", "-o", str(target),
    ]  # fmt: skip
    subprocess.run([*command, "--upgrade"] if upgrade else command, cwd=PROJECT, check=True)
    return HEADER + target.read_text("utf-8").removeprefix(HEADER)


def main() -> int:
    """Write the lock, or compare it."""
    if "--check" not in sys.argv:
        LOCK.write_text(resolve(LOCK, upgrade="--upgrade" in sys.argv), "utf-8")
        return 0
    scratch = PROJECT / ".venv" / "requirements.lock"
    scratch.write_text(LOCK.read_text("utf-8"), "utf-8")
    if resolve(scratch, upgrade=False) != LOCK.read_text("utf-8"):
        print("requirements.lock does not match requirements*.txt; run `make lock`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

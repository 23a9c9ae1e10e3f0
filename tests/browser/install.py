"""Install a Chromium for tests (npm package `@sparticuz/chromium`) with the Node.js that comes as a Python package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.slack_server.install import NODE, NPM

HERE = Path(__file__).parent
CHROMIUM = HERE / "node_modules" / ".chromium" / "chromium"


def main() -> int:
    """Install exactly what package-lock.json says, and unpack it."""
    environment = {
        **os.environ,
        "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(CHROMIUM.parent),
    }
    for command in ([str(NPM), "ci", "--ignore-scripts", "--loglevel", "error"], ["unpack.mjs"]):
        if "unpack.mjs" in command:
            CHROMIUM.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([str(NODE), *command], cwd=HERE, env=environment, check=False).returncode
        if done:
            return done
    return 0


if __name__ == "__main__":
    sys.exit(main())

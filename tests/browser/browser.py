"""A real browser for tests: Chromium, driven by Playwright, on loopback only."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.install import CHROMIUM

ARGUMENTS = ("--headless=shell", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--font-render-hinting=none")
"""Tests see only their own pages, and run as root in containers, where Chromium's sandbox does not start."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; fails, never skips, where there is none."""
    path, environment = _executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, headless=True, args=list(ARGUMENTS), env=dict(environment)
        )
        try:
            yield browser
        finally:
            browser.close()


def _executable() -> tuple[str, dict[str, str]]:
    """The installed browser, else the machine's own, and the environment it runs in."""
    if CHROMIUM.exists():
        told = subprocess.run(["ldd", str(CHROMIUM)], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            lacks = "not found" in told.stdout
            libraries = {"LD_LIBRARY_PATH": str(CHROMIUM.parent / "al2023" / "lib")} if lacks else {}
            return str(CHROMIUM), {**os.environ, **libraries}
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return str(Path(found)), dict(os.environ)
    raise RuntimeError("there is no browser; run `make test`, or tests.browser.install")

"""What is served to browsers is what assets/ gives, and is whole without anything from elsewhere."""

from __future__ import annotations

import re

from scripts import assets


def test_the_committed_files_are_what_the_sources_give() -> None:
    assert assets.differing() == [], "run `make assets`"


def test_they_load_nothing_from_elsewhere_and_evaluate_no_text() -> None:
    script = (assets.BUILT / "board.js").read_text("utf-8")
    style = (assets.BUILT / "board.css").read_text("utf-8")
    assert not re.search(r"@import|url\(", style)
    assert not re.search(r"\beval\(|new Function\(", script)
    assert not re.search(r"\bimport\(|importScripts\(", script)

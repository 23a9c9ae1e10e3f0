"""Expected output, compared exactly. STOCKWATCH_UPDATE_GOLDEN=1 writes it anew: read the difference before you commit."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent


def same_as_golden(found: str, path: Path) -> None:
    """Compare a text with a golden file, to the last character."""
    if os.environ.get("STOCKWATCH_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, "utf-8")
    assert path.exists(), f"{path} is missing; STOCKWATCH_UPDATE_GOLDEN=1 writes it"
    assert found == path.read_text("utf-8")

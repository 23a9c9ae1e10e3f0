"""What a text of a column stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Meaning(NamedTuple):
    """What a text that is not blank stands for; none if it stands for nothing, and then what is wrong, if anything."""

    of: Callable[[str], Any]
    code: str = ""
    reason: str = ""
    fix: str = ""

"""Damage to a file: to its parts (segments, lines, cells), and to its bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


def with_damaged_parts(rng: Random, parts: Sequence[T], others: Sequence[T], changed: Callable[[T], T]) -> list[T]:
    """Parts of which some are deleted, doubled, swapped, changed, or from another file."""
    parts = list(parts)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        if not parts:
            break
        at, kind = rng.randrange(len(parts)), rng.randrange(10)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            end = at + rng.randrange(1, 4)
            parts[end:end] = parts[at:end]
        elif kind == 2:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        elif kind == 3:
            del parts[at : at + rng.randrange(1, 6)]
        elif kind in (4, 5):
            start = rng.randrange(len(others))
            parts[at:at] = others[start : start + rng.choice((1, 1, 2, 4))]
        else:
            parts[at] = changed(parts[at])
    return parts


def with_damaged_bytes(rng: Random, content: bytes, tokens: Sequence[bytes], start: int = 0) -> bytes:
    """Bytes behind `start` of which some are deleted, doubled, overwritten, or joined by tokens of the format."""
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = rng.randrange(min(start, len(content)), len(content) + 1)
        kind = rng.randrange(8)
        if kind < 3:
            content = content[:at] + rng.choice(tokens) + content[at:]
        elif kind == 3:
            token = rng.choice(tokens)
            content = content[:at] + token + content[at + len(token) :]
        elif kind == 4:
            content = content[:at] + rng.randbytes(rng.randrange(1, 4)) + content[at + 1 :]
        elif kind == 5:
            content = content[:at] + content[at + rng.randrange(1, 20) :]
        elif kind == 6:
            content = content[:at] + content[max(start, at - rng.randrange(1, 40)) : at] + content[at:]
        else:
            content = content[:at] if rng.random() < 0.3 else content[:at] + content[at + 1 :]
    return content


def sizes(rng: Random, module: Any, **choices: Sequence[int]) -> None:
    """Set sizes of a reader's blocks for the next file, so that their ends fall anywhere in a small one."""
    for name, some in choices.items():
        setattr(module, name, rng.choice(some))

"""The text of a settings file as it is proposed: fields, and comments on those that somebody must check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
TAKEN = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
LINE = 118
CHECK = "check: "
"""What begins a comment on a line that is a guess."""


class Draft:
    """A YAML text, written line by line."""

    def __init__(self, *title: str) -> None:
        self._lines = [f"# {line}" for line in title]
        self.guesses = 0
        self._opened = ""

    def open(self, heading: str) -> None:
        """Begin a field that has fields; it is left out if none follows."""
        self._opened = heading

    def say(self, text: str, note: str = "", *, sure: bool = True) -> None:
        """Add a line. A `note` on what is not `sure` is marked; one that does not fit beside it stands above."""
        if self._opened and text.startswith(" "):
            self._lines.append(self._opened)
        self._opened = ""
        if note and not sure:
            note = CHECK + note
        self.guesses += not sure
        if not note:
            self._lines.append(text)
        elif len(f"{text}  # {note}") <= LINE:
            self._lines.append(f"{text}  # {note}")
        else:
            indent = text[: len(text) - len(text.lstrip())]
            self._lines += [f"{indent}# {line}" for line in _wrapped(note, LINE - len(indent) - 2)]
            self._lines.append(text)

    def remark(self, note: str, indent: str = "", *, sure: bool = True) -> None:
        """Add a comment that has no field."""
        self.guesses += not sure
        self._lines += [
            f"{indent}# {line}" for line in _wrapped(note if sure else CHECK + note, LINE - len(indent) - 2)
        ]

    def suggest(self, *lines: str) -> None:
        """Add lines that are not in force: comments until somebody wants them."""
        for line in lines:
            text = line.lstrip()
            self._lines.append(f"{line[: len(line) - len(text)]}# {text}")

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"


def _wrapped(note: str, width: int) -> Iterable[str]:
    line = ""
    for word in note.split(" "):
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def scalar(text: str) -> str:
    """A text as YAML reads it back, quoted where it needs to be; no character of it can be anything but text."""
    if PLAIN.fullmatch(text) and text.casefold() not in TAKEN:
        return text
    quoted = json.dumps(text, ensure_ascii=False)  # a TAB is \\t, as YAML has it too
    return "".join(c if c.isprintable() else _escaped(c) for c in quoted)


def listed(texts: Iterable[str]) -> str:
    """Texts as a YAML list on one line."""
    return f"[{', '.join(map(scalar, texts))}]"


def _escaped(c: str) -> str:
    return f"\\u{ord(c):04x}" if ord(c) < 1 << 16 else f"\\U{ord(c):08x}"

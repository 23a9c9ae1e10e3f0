"""What a reader makes of a file: its rows as dictionaries, its rejects, and what it noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.stockwatch.adapters.feeds.formats import reader_of
from include.stockwatch.adapters.feeds.raw import LINE, Batch, Notes, Reject
from include.stockwatch.settings.feed import Feed

PROFILE: dict[str, Any] = {
    "partner": "harbor",
    "partner_name": "Harbor Foods",
    "date": {"column": "date", "format": "%Y-%m-%d"},
    "location_id": {"column": "store", "width": 4},
    "item_id": {"column": "item", "kind": "partner"},
    "columns": {"on_hand_units": "stock"},
}


def feed(kind: str, *, form: dict[str, Any] | None = None, **changes: Any) -> Feed:
    """A feed with the columns date, store, item and stock."""
    return Feed.model_validate({**PROFILE, "format": {"kind": kind, **(form or {})}, **changes})


@dataclass(frozen=True)
class Read:
    """A file that was read to its end."""

    batches: list[Batch]
    notes: Notes

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.batches for row in batch.rows.to_pylist()]

    @property
    def rejects(self) -> list[Reject]:
        return [one for batch in self.batches for one in batch.rejects]

    @property
    def lines(self) -> list[int]:
        return [row[LINE] for row in self.rows]

    @property
    def holds(self) -> list[str]:
        return [hold.code.value for hold in self.notes.holds]

    @property
    def why(self) -> str:
        """The texts of all holds."""
        return "\n".join(f"{hold.what}; {hold.fix}" for hold in self.notes.holds)

    def column(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]

    @property
    def warned(self) -> dict[str, list[int]]:
        """The lines of the warnings, by their code."""
        return {code: [one.line for one in self.notes.warnings if one.code == code] for code in self.notes.warned}


def read(path: Path, profile: Feed, name: str = "stock") -> Read:
    """Read a file by its feed's format."""
    notes = Notes()
    return Read(list(reader_of(profile.format.kind)(path, name, profile, notes)), notes)


def bitten(content: bytes, bites: list[tuple[int, bytes]]) -> bytes:
    """Bytes of which some are others, as a bad line or an attacker leaves them."""
    for place, bite in bites:
        at = place % (len(content) + 1)
        content = content[:at] + bite + content[at + len(bite) :]
    return content


Maker = Callable[..., Path]

"""The header row of a table, found by its names among the rows that a portal puts above it."""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from include.stockwatch.adapters.feeds.raw import LINE, Notes
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.feed import Csv, Feed, Table

MOST_NAMED = 30
"""Columns that the text of a hold lists; a file may have thousands."""
MOST_COMPARED = 100
"""Rows, and columns of a row, that are compared with the names that are missing."""
LONGEST_SHOWN, LONGEST_COMPARED = 60, 500
"""Characters of a column's name that the text of a hold shows, and that make a difference."""

PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("\u00ad\u200b\u200e\u200f\u2060\ufeff", None),  # marks that nobody sees
    }
)


_Row = tuple[list[str], dict[str, int]]
"""Cells, and where among them the columns stand that the feed uses."""


@dataclass(frozen=True)
class Header:
    """The names of a table's columns, left to right.

    Names are unique, and none is `line`. What the feed uses has the profile's spelling; `column 7` has no name.
    A row may end after `needed` cells, the last one that has a name.
    """

    names: tuple[str, ...]
    needed: int


def find(rows: Iterator[Sequence[str]], feed: Feed, notes: Notes, joint: str = " | ") -> Header | None:
    """Take rows up to the first that names every column the feed uses; the next row of `rows` is then the first below.

    Blank rows do not count. Rows above the header go to `notes.preamble`, their cells joined by `joint`; without a
    header the file is held, with what the row most like one lacks.
    """
    assert isinstance(feed.format, Table)
    wanted = feed.file_columns()
    above: list[_Row] = []
    for cells in rows:
        row = [cell.strip() for cell in cells]
        if not any(row):
            continue
        places = _places(row, wanted)
        if len(places) == len(wanted):
            notes.preamble += [joint.join(texts[: _last(texts)]) for texts, _ in above]
            return _header((row, places), notes)
        above.append((row, places))
        if len(above) == feed.format.header_within:
            break
    if above:
        _hold_for_missing(_most_like(above, wanted), feed, notes)
    else:
        notes.hold(HoldCode.EMPTY, "the file has no text", "ask the partner to send it again")
    return None


def plain(name: str) -> str:
    """A column's name without what differs from one export to the next: case, blanks, a last dot, kinds of quotes."""
    text = unicodedata.normalize("NFKC", name[:LONGEST_COMPARED].translate(PLAIN)).casefold()
    return " ".join(text.split()).rstrip(" .")


def _places(row: list[str], wanted: Sequence[str]) -> dict[str, int]:
    """Column that the feed uses -> where it stands. Names as they are written come before names that are alike."""
    exact = {name: row.index(name) for name in wanted if name in row}
    alike: dict[str, int] = {}
    if len(exact) < len(wanted):
        for at, cell in enumerate(row):
            if at not in exact.values():
                alike.setdefault(plain(cell), at)
    places = dict(exact)
    for name in wanted:
        if name not in exact and plain(name) in alike:
            places[name] = alike.pop(plain(name))
    return places


def _header(found: _Row, notes: Notes) -> Header | None:
    if _hold_for_repeated(found, notes):
        return None
    row, places = found
    used = {at: name for name, at in places.items()}
    seen = Counter([LINE, *places])
    names = []
    for at, cell in enumerate(row):
        names.append(used.get(at) or _unused(cell or f"column {at + 1}", seen))
    notes.columns = tuple(names)
    return Header(notes.columns, _last(row))


def _last(row: list[str]) -> int:
    """How many cells there are up to the last that has a text."""
    return max(at for at, cell in enumerate(row) if cell) + 1


def _unused(name: str, seen: Counter[str]) -> str:
    """The name, with a number behind it where it was seen before."""
    unique = name
    while unique in seen:
        seen[name] += 1
        unique = f"{name} ({seen[name]})"
    seen[unique] += 1
    return unique


def _hold_for_repeated(found: _Row, notes: Notes) -> bool:
    """Hold a file in which two columns could be the one that the feed means."""
    row, places = found
    exactly, alike = Counter(row), Counter(plain(cell) for cell in row)
    repeated = sorted(
        name for name, at in places.items() if (exactly[name] if row[at] == name else alike[plain(name)]) > 1
    )
    if repeated:
        what = f"the header names {quoted(repeated)} more than once: {quoted(row)}"
        notes.hold(HoldCode.LAYOUT_CHANGED, what, "ask the partner which of the columns is meant")
    return bool(repeated)


def _most_like(rows: list[_Row], wanted: Sequence[str]) -> _Row:
    """The row with the most names, then the most that are near one, then the most cells."""
    most = max(len(places) for _, places in rows)
    likely = [(row, places) for row, places in rows if len(places) == most][:MOST_COMPARED]
    return max(likely, key=lambda found: (len(_near(found, wanted)), sum(map(bool, found[0]))))


def _near(found: _Row, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Missing column -> unused columns with a name like it: often it is one of them, renamed."""
    row, places = found
    unused = {plain(cell): cell for at, cell in enumerate(row[:MOST_COMPARED]) if cell and at not in places.values()}
    near = {name: _like(plain(name), unused) for name in wanted if name not in places}
    return {name: [unused[cell] for cell in cells] for name, cells in near.items() if cells}


def _like(name: str, among: Iterable[str]) -> list[str]:
    """Names that begin with a name, or it with them, before those of like letters; at most three."""
    cells = list(among)
    longer = [cell for cell in cells if cell.startswith(name) or (len(cell) > 3 and name.startswith(cell))]
    return list(dict.fromkeys([*longer, *difflib.get_close_matches(name, cells)]))[:3]


def _hold_for_missing(found: _Row, feed: Feed, notes: Notes) -> None:
    row, places = found
    missing = [name for name in feed.file_columns() if name not in places]
    unused = [cell for at, cell in enumerate(row) if cell and at not in places.values()]
    is_or_are = "column {} is" if len(missing) == 1 else "columns {} are"
    what = f"{is_or_are.format(quoted(missing))} missing; columns the feed does not use: {quoted(unused) or 'none'}"
    for name, cells in _near(found, feed.file_columns()).items():
        what += f"; near `{name}`: {quoted(cells)}"
    fix = "ask the partner what changed, or bind the new name in the feed"
    if sum(map(bool, row)) == 1:
        what += " (only one column was found"
        what += f": is the delimiter really `{feed.format.delimiter}`?)" if isinstance(feed.format, Csv) else ")"
        delimiter = _delimiter(max(row), missing)
        if delimiter and isinstance(feed.format, Csv):
            what = f"the columns of the feed stand between `{delimiter}`, and `format.delimiter` is another"
            fix = f'set `format.delimiter: "{delimiter}"` if the partner changed it; did the decimal mark change too?'
    _hold_for_repeated(found, notes)
    notes.hold(HoldCode.LAYOUT_CHANGED, what, fix)


def _delimiter(cell: str, missing: Sequence[str]) -> str:
    """What stands in a cell between all columns that are missing, as YAML writes it; nothing if none does."""
    names = set(map(plain, missing))
    found = (one for one in ",;\t|" if names <= {plain(part.strip('" ')) for part in cell.split(one)})
    return next(found, "").replace("\t", "\\t")


def quoted(names: Sequence[str]) -> str:
    """Names for the text of a hold: `a`, `b` and 3 more."""
    shown = [
        f"`{name if len(name) <= LONGEST_SHOWN else name[: LONGEST_SHOWN - 1] + '…'}`" for name in names[:MOST_NAMED]
    ]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more

"""Try a file of a partner: what it is, what feed definition would read it, and what that would publish and reject.

Nothing is published and no state is touched.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.stockwatch.adapters.feeds import content, unpack
from include.stockwatch.adapters.feeds.content import Kind
from include.stockwatch.adapters.feeds.raw import Notes
from include.stockwatch.adapters.feeds.sniff import Fact, encoding_of, kind_of, shown
from include.stockwatch.adapters.feeds.sniff_edi import Edi, edi_of
from include.stockwatch.adapters.feeds.sniff_grid import grid_of
from include.stockwatch.adapters.feeds.sniff_table import Table, table_of
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings.feed import FEED_ID, load_feed
from include.stockwatch.settings.reading import file_problem
from include.stockwatch.workflows.proposal import NoProposal, Partner, Proposal
from include.stockwatch.workflows.proposal_edi import of_edi
from include.stockwatch.workflows.proposal_table import of_table
from include.stockwatch.workflows.trial import try_out

PUBLISHED, HELD = "would be published", "held"


@dataclass
class Sniffed:
    """What was found in a file before any definition reads it."""

    kind: str
    facts: list[Fact]
    table: Table | None = None
    edi: Edi | None = None
    problems: list[dict[str, str]] = field(default_factory=list)


def try_feed(
    path: Path, name: str, config: Path, now: dt.datetime, *, feed_id: str | None, partner: str | None, write: bool
) -> dict[str, Any]:
    """Everything that can be said about a file; texts of the file come without control characters.

    `feed_id` names a definition of the config folder that is used instead of a proposal; with `write` and a new id the
    proposal is put there. Raises: ConfigError
    """
    existing = config / "feeds" / f"{feed_id}.yaml" if feed_id else None
    with tempfile.TemporaryDirectory(prefix="try-feed-") as folder:
        found = sniff(path, name, Path(folder) / "sniffed", now.date())
        answer: dict[str, Any] = {"file": name, "bytes": path.stat().st_size, "outcome": HELD, **_said(found)}
        if existing and existing.exists() and not write:
            feed = load_feed(existing)
            answer |= {"feed": feed_id, "definition": existing.read_text("utf-8"), "guesses": 0, "is_proposed": False}
        elif existing and not write:
            raise ConfigError(
                (file_problem(existing, "there is no such feed", "leave out --feed to have one proposed"),)
            )
        else:
            try:
                proposal = _proposal(found, name, Partner(partner))
            except NoProposal as error:
                answer["problems"].append(
                    {"code": "NO_PROPOSAL", "what": str(error), "fix": "write the definition by hand"}
                )
                return _clean(answer)  # type: ignore[no-any-return]
            if proposal is None:
                return _clean(answer)  # type: ignore[no-any-return]
            feed_id = feed_id or proposal.feed_id
            target = _target(config, feed_id) if write else Path(folder) / f"{feed_id}.yaml"
            target.write_text(proposal.text, "utf-8")
            feed = load_feed(target)
            answer |= {"feed": feed_id, "definition": proposal.text, "guesses": proposal.guesses, "is_proposed": True}
            answer["written"] = str(target) if write else None
        answer["gives"] = try_out(path, name, feed_id or "", feed, now, Path(folder) / "read")
    answer["outcome"] = HELD if answer["gives"]["holds"] else PUBLISHED
    return _clean(answer)  # type: ignore[no-any-return]


def sniff(path: Path, name: str, folder: Path, latest: dt.date) -> Sniffed:
    """What a file is. Of an archive the first member is looked at; all of them are read later."""
    kind = kind_of(path)
    found = Sniffed(kind.value, [kind])
    member_path, member_name = path, name
    if kind.value in (Kind.ZIP, Kind.GZIP):
        notes = Notes()
        members = unpack.members(path, name, Kind.TEXT, folder, unpack.Limits(), notes)
        found.problems += [{"code": one.code.value, "what": one.what, "fix": one.fix} for one in notes.holds]
        if not members:
            return found
        member_path, member_name = members[0].path, members[0].name
        names = ", ".join(f"`{shown(one.name, 40)}`" for one in members[:5])
        found.facts.append(Fact("archive", f"{len(members)} files", True, names))
        inner = kind_of(member_path)
        found.facts.append(inner)
        found.kind = inner.value
    if found.kind == Kind.EMPTY:
        found.problems.append(
            {"code": "EMPTY", "what": "the file has 0 bytes", "fix": "ask the partner to send it again"}
        )
    elif found.kind not in content.READABLE:
        what = f"no feed can be of this kind: {found.kind}"
        found.problems.append(
            {"code": "UNSUPPORTED", "what": what, "fix": "ask the partner for CSV, XLSX, Parquet or EDI"}
        )
    elif found.kind in (Kind.X12, Kind.EDIFACT):
        found.edi = edi_of(member_path, member_name, found.kind)
        found.facts += found.edi.facts
    else:
        _sniff_table(member_path, member_name, found, latest)
    return found


def _sniff_table(path: Path, name: str, found: Sniffed, latest: dt.date) -> None:
    encoding = encoding_of(path) if found.kind in (Kind.TEXT, Kind.HTML, Kind.JSONL) else None
    grid, holds = grid_of(path, name, found.kind, encoding)
    found.problems += [{"code": one.code.value, "what": one.what, "fix": one.fix} for one in holds]
    found.table = table_of(grid, name.rsplit("/", 1)[-1], latest)
    if found.table:
        found.facts += [*found.table.facts, *_table_facts(found.table)]
    else:
        found.facts += grid.facts
        what = (
            "no row names the columns: either there is none, or the delimiter is another, or columns have fixed widths"
        )
        found.problems.append(
            {"code": "NO_HEADER", "what": what, "fix": "ask the partner for a file with a header row"}
        )


def _table_facts(table: Table) -> Iterator[Fact]:
    more = "" if table.is_whole else ", the first of the file"
    yield Fact("rows", f"{len(table.rows)}", table.is_whole, f"below the header{more}")
    numbers = table.numbers
    between = f", `{numbers.thousands}` between thousands" if numbers.thousands else ""
    yield Fact("numbers", f"`{numbers.decimal}` as decimal mark{between}", numbers.sure, numbers.why)
    form = table.date.form
    if form:
        place = (
            f"column `{shown(table.date.column.name)}`" if table.date.column else table.date.source.replace("_", " ")
        )
        days = f"{form.first} to {form.last}" if form.first != form.last else f"{form.first}"
        yield Fact("date", f"{place}, {form.format}: {days}", form.sure and bool(table.date.column), form.why)
    else:
        yield Fact("date", "none", False, "not in a column, above the header or in the file's name")
    for total in table.totals[:3]:
        yield Fact("total", f"row {total.line}", False, f"`{shown(total.text, 40)}` in `{shown(total.column)}`")


def _proposal(found: Sniffed, name: str, partner: Partner) -> Proposal | None:
    if found.edi and found.edi.count:
        return of_edi(found.edi, name, partner)
    if found.table:
        return of_table(found.table, found.kind, name, partner)
    return None


def _target(config: Path, feed_id: str) -> Path:
    """Where a proposal is written to: never over a file that exists."""
    path = config / "feeds" / f"{feed_id}.yaml"
    if not FEED_ID.match(feed_id):
        fix = "lower-case letters, digits and underscores, starting with a letter"
        raise ConfigError((file_problem(path, f"`{feed_id}` is no feed id", fix),))
    if path.exists():
        fix = "choose another id with --feed, or remove the file first"
        raise ConfigError((file_problem(path, "this feed exists, and is not overwritten", fix),))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


# --- as an answer


def _said(found: Sniffed) -> dict[str, Any]:
    problems = [*found.problems]
    if found.edi:
        problems += [{"code": one.code.value, "what": one.what, "fix": one.fix} for one in found.edi.holds]
    return {
        "kind": str(found.kind),
        "facts": [one.__dict__ for one in found.facts],
        "columns": list(_columns(found.table)) if found.table else [],
        "values": list(_values(found.edi)) if found.edi else [],
        "ids": list(_ids(found.edi)) if found.edi else [],
        "odd": [{"code": str(one.code), "line": one.line, "what": one.what} for one in found.edi.warnings]
        if found.edi
        else [],
        "problems": problems,
        "preamble": list(found.table.preamble) if found.table else [],
    }


def _columns(table: Table) -> Iterator[dict[str, Any]]:
    from include.stockwatch.adapters.feeds.numbers import parser

    number = parser(table.numbers.decimal, table.numbers.thousands, money=True)
    for column in table.columns:
        total = None
        if column.is_number:
            parts = ((number(text), count) for text, count in column.texts.items() if text)
            total = round(sum(value * count for value, count in parts if value is not None), 6)
        meaning = column.meaning
        yield {
            "column": column.name,
            "filled": column.filled,
            "different": len(column.different),
            "sum": total,
            "words": dict(column.words.most_common(5)) if column.is_number else {},
            "samples": column.different[:3],
            "may_be": meaning.role if meaning else None,
            "known_from": meaning.known_from if meaning else None,
        }


def _values(edi: Edi) -> Iterator[dict[str, Any]]:
    for (code, level, unit), one in sorted(edi.values.items()):
        yield {"code": code, "level": level, "unit": unit, "values": one.count, "sum": round(one.total, 6)}


def _ids(edi: Edi) -> Iterator[dict[str, Any]]:
    for one in edi.ids:
        share = round(one.pass_share, 3)
        yield {"qualifier": one.qualifier, "items": one.items, "different": len(one.texts), "check_digits_right": share}


def _clean(value: Any) -> Any:
    """The same without control characters in any text but for the line ends of a definition."""
    if isinstance(value, str):
        return "\n".join(shown(line, 2000) for line in value.split("\n"))
    if isinstance(value, dict):
        return {_clean(key) if isinstance(key, str) else key: _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value

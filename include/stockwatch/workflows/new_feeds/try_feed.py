"""Try a file of a partner: what it is, what feed definition would read it, and what that would publish and reject.

Nothing is published and no state is touched.
"""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.stockwatch.adapters.feeds.sniff import shown
from include.stockwatch.errors import ConfigError
from include.stockwatch.settings.feed import FEED_ID, load_feed
from include.stockwatch.settings.reading import file_problem
from include.stockwatch.settings.reading import shown as shown_path
from include.stockwatch.workflows.new_feeds.proposal import NoProposal, Partner
from include.stockwatch.workflows.new_feeds.proposal_edi import of_edi
from include.stockwatch.workflows.new_feeds.proposal_table import of_table
from include.stockwatch.workflows.new_feeds.sniffed import Sniffed, sniff
from include.stockwatch.workflows.new_feeds.trial import try_out

PUBLISHED, HELD = "would be published", "held"
LONGEST = 2000
"""Characters of a line of the answer."""


@dataclass(frozen=True)
class Definition:
    """The feed definition that a file is tried with; `written` is where a proposal was put."""

    feed_id: str
    text: str
    guesses: int = 0
    is_proposed: bool = False
    written: str | None = None


def try_feed(
    path: Path,
    name: str,
    config: Path,
    now: dt.datetime,
    *,
    feed_id: str | None,
    partner: str | None,
    write: bool,
    more: Sequence[Path] = (),
) -> dict[str, Any]:
    """Everything that can be said about a file; texts of the file come without control characters.

    `feed_id` names a definition of the config folder that is used instead of a proposal; with `write` it is the id of a
    new one, and the proposal is put there. `more` are other files of the same feed: their dates tell the weekdays that
    are reported, and the definition is tried on them too. Raises: ConfigError
    """
    asked = _feed_file(config, feed_id, write=write) if feed_id else None
    with tempfile.TemporaryDirectory(prefix="try-feed-") as temporary:
        folder = Path(temporary)
        found = sniff(path, name, folder / "sniffed", now.date(), [one.name for one in more])
        if asked and not write:
            definition: Definition | None = Definition(asked.stem, asked.read_text("utf-8"))
        else:
            others = (sniff(one, one.name, folder / "sniffed", now.date(), [name]).dates for one in more)
            dates = list(itertools.chain.from_iterable(others))
            definition = _proposed(found, name, Partner(partner), config, feed_id, dates, write=write)
        answer: dict[str, Any] = {"file": name, "bytes": path.stat().st_size, "outcome": HELD, **found.as_answer()}
        if definition:
            (folder / f"{definition.feed_id}.yaml").write_text(definition.text, "utf-8")
            feed = load_feed(asked if asked and not write else folder / f"{definition.feed_id}.yaml")
            tried = [try_out(one, one.name, definition.feed_id, feed, now, folder / "read") for one in (path, *more)]
            answer |= {
                "outcome": HELD if any(gives["holds"] for gives in tried) else PUBLISHED,
                "definition": definition.__dict__,
                "gives": tried[0],
                "more": [{"file": one.name, **gives} for one, gives in zip(more, tried[1:], strict=True)],
            }
    return _clean(answer)  # type: ignore[no-any-return]


def _feed_file(config: Path, feed_id: str, *, write: bool) -> Path:
    """The file of a feed: one that is there to be used, or one that is not there yet to be written."""
    path = config / "feeds" / f"{feed_id}.yaml"
    problem = None
    if not FEED_ID.match(feed_id):
        problem = f"`{feed_id}` is no feed id", "lower-case letters, digits and underscores, starting with a letter"
    elif write and path.exists():
        problem = "this feed exists, and is not overwritten", "choose another id with --feed, or remove the file first"
    elif not write and not path.exists():
        problem = "there is no such feed", "leave out --feed to have a definition proposed"
    if problem:
        raise ConfigError((file_problem(path, *problem),))
    return path


def _proposed(
    found: Sniffed,
    name: str,
    partner: Partner,
    config: Path,
    feed_id: str | None,
    dates: Sequence[dt.date],
    *,
    write: bool,
) -> Definition | None:
    """A new definition, written if that is wanted; none, and a problem, if nothing could be an observation."""
    try:
        if found.edi and found.edi.count:
            proposal = of_edi(found.edi, name, partner, dates)
        elif found.table:
            proposal = of_table(found.table, found.kind, name, partner, dates)
        else:
            return None
    except NoProposal as error:
        fix = "write the definition by hand, if this is a stock report at all; lists of what exists belong into master/"
        found.add_problem("NO_PROPOSAL", str(error), fix)
        return None
    feed_id = feed_id or proposal.feed_id
    target = _feed_file(config, feed_id, write=True) if write else None
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:  # never over a file that came in the meantime
            file.write(proposal.text)
    return Definition(feed_id, proposal.text, proposal.guesses, True, shown_path(target) if target else None)


def _clean(value: Any) -> Any:
    """The same without control characters in any text but for the line ends of a definition."""
    if isinstance(value, str):
        return "\n".join(shown(line, LONGEST) for line in value.split("\n"))
    if isinstance(value, dict):
        return {_clean(key) if isinstance(key, str) else key: _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value

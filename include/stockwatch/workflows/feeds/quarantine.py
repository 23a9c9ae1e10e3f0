"""Held files that wait for a person: the question, its evidence, and what follows from the answer."""

from __future__ import annotations

import datetime as dt
import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from include.stockwatch.adapters.state import ledger, questions
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.errors import FeedHeld, FeedUnreachable
from include.stockwatch.settings.feed import Feed
from include.stockwatch.settings.master import Master
from include.stockwatch.workflows.feeds import ingest, master_files
from include.stockwatch.workflows.feeds.deliveries import PUBLISHED
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)

MOST_AT_ONCE = 50
"""Questions asked by one scan; the rest come with the next."""
REJECTS_SHOWN, WARNINGS_SHOWN, DELIVERIES_COMPARED = 10, 5, 10

RELEASE, RELEASE_PASSING, DISCARD = "Release", "Release without the failing rows", "Discard"
DECISIONS = {RELEASE: "release", RELEASE_PASSING: "release_passing", DISCARD: "discard"}
"""What a person clicks, and the decision that it means."""


@dataclass(frozen=True)
class Question:
    """A held file that somebody has to decide on."""

    feed_id: str
    delivery_id: str
    asked_before: int

    @property
    def run_id(self) -> str:
        """Name of the run that asks: one question is never asked twice at a time."""
        again = f"__{self.asked_before + 1}" if self.asked_before else ""
        return f"release__{self.feed_id}__{self.delivery_id[:24]}{again}"


@dataclass(frozen=True)
class Evidence:
    """What a person sees: a headline, the evidence as Markdown, and what can be chosen."""

    subject: str
    body: str
    options: tuple[str, ...]


def unasked(services: Services) -> list[Question]:
    """Held files on which nobody decided and about which no run asks yet, oldest first.

    A file is offered until its run has begun to ask, so a scan that was killed forgets none; a file that could not be
    released as somebody wished is asked about again.
    """
    with services.state.begin() as tx:
        waiting = questions.open_questions(tx)
        return [
            Question(found.feed_id, found.delivery_id, questions.asked(tx, found.feed_id, found.delivery_id))
            for found in ledger.undecided(tx)
            if found.feed_id in services.settings.receiving() and (found.feed_id, found.delivery_id) not in waiting
        ][:MOST_AT_ONCE]


def ask(services: Services, feed_id: str, delivery_id: str, run_id: str, airflow_url: str = "") -> Evidence:
    """The evidence of a held file; notes that this run asks. `airflow_url` is where links lead, without a slash.

    Raises: FeedUnreachable if the file was never received
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
        earlier = [one for one in ledger.latest(tx, feed_id, DELIVERIES_COMPARED * 3) if one.status == PUBLISHED]
        week = [(services.now() + dt.timedelta(days=n)).date() for n in range(7)]
        usual = ledger.usual_rows_by_date(tx, feed_id, week, besides=delivery_id)
    if found is None:
        raise FeedUnreachable(delivery_id, "this delivery was never received")
    feed = services.settings.receiving()[feed_id]
    options = tuple(DECISIONS) if found.is_releasable else (DISCARD,)
    body = "\n".join(
        [
            *_facts(found, feed, airflow_url),
            *_holds(found),
            *_rejects(services, found),
            *_usual(earlier[:DELIVERIES_COMPARED], usual.values()),
            *_choices(options),
        ]
    )
    with services.state.begin() as tx:
        questions.ask(tx, run_id, feed_id, delivery_id, services.now())
    return Evidence(f"Feed {feed_id}: what shall become of {plain(found.file_name)}?", body, options)


def apply(services: Services, feed_id: str, delivery_id: str, run_id: str, option: str, by: str) -> Delivery:
    """Do what a person chose. Raises: FeedHeld if the file cannot be released; then it is asked about again."""
    try:
        decide = master_files.decide if feed_id in services.settings.masters else ingest.decide
        done = decide(services, feed_id, delivery_id, DECISIONS[option], by)
    except FeedHeld:
        log.error("the file cannot be released as it is, see below; it stays held, and somebody is asked again")
        raise
    finally:
        with services.state.begin() as tx:
            questions.answer(tx, run_id, services.now())
    if done.decided_by != by:
        log.warning("nothing was left to decide: %s is %s already", done.file_name, done.status)
    log.info("%s: %s by %s, now %s", done.file_name, option, by, done.status)
    return done


def _facts(found: Delivery, feed: Feed | Master, airflow_url: str) -> Iterable[str]:
    yield f"**{sentence(feed.partner_name)}**, feed {code(found.feed_id)}, file {code(found.file_name)}"
    yield ""
    yield f"- Received {found.received_at:%a %d %b %Y %H:%M} UTC"
    yield f"- Rows: {found.rows_in:,} in, {sum(_faults(found).values()):,} at fault, none published"
    if found.run_id:
        run = f"{airflow_url}/dags/ingest_{found.feed_id}/runs/{found.run_id}"
        yield f"- [Its ingest run]({run}), [its data quality]({run}/plugin/data-quality)"


def _holds(found: Delivery) -> Iterable[str]:
    yield "\n### Why it is held\n"
    for hold in found.holds:
        yield f"- **{sentence(hold['code'])}**: {sentence(hold['what'])}"
        yield f"  - What can be done: {sentence(hold['fix'])}"
    for warning in found.warnings[:WARNINGS_SHOWN]:
        yield f"- Also: {sentence(str(warning.get('what', '')))} (line {int(warning.get('line') or 0):,})"


def _rejects(services: Services, found: Delivery) -> Iterable[str]:
    faults = _faults(found)
    if not faults:
        return
    yield "\n### Rows at fault\n"
    yield ", ".join(f"{sentence(name)} {count:,}" for name, count in sorted(faults.items(), key=lambda one: -one[1]))
    yield ""
    rows = services.lake.table("rejects", feeds=[found.feed_id])
    mine = rows.filter((rows.delivery_id == found.delivery_id) & (rows.code != "FILE_HELD"))
    for row in services.lake.engine.to_pyarrow(mine.order_by("line").limit(REJECTS_SHOWN)).to_pylist():
        yield f"- {_reject(row)}"


def _reject(row: Mapping[str, Any]) -> str:
    told = f"{code(row['field'])} = {code(row['value'] or '')}: " if row["field"] else ""
    return f"line {row['line']:,}: {told}{sentence(row['reason'])} ({sentence(row['code'])})"


def _usual(earlier: list[Delivery], usual: Iterable[float]) -> Iterable[str]:
    yield "\n### What is usual\n"
    rows = sorted(usual)
    if not rows or not earlier:
        yield "Not known: nothing of this feed was published before."
        return
    share = sum(one.rows_rejected for one in earlier) / max(1, sum(one.rows_in for one in earlier))
    counts = " to ".join(dict.fromkeys(f"{count:,.0f}" for count in (rows[0], rows[-1])))
    yield f"- {counts} rows a date, by weekday"
    files = "the latest published file" if len(earlier) == 1 else f"the latest {len(earlier)} published files"
    yield f"- {share:.1%} of the rows rejected, in {files}"
    yield f"- latest: {code(earlier[0].file_name)}, {earlier[0].rows_in:,} rows, {_span(earlier[0])}"


def _choices(options: tuple[str, ...]) -> Iterable[str]:
    yield "\n### Your choice\n"
    if RELEASE not in options:
        yield "This file cannot be released, whatever anybody says: it cannot be read as what it should be."
        yield "Mend the feed definition and clear the ingest run, or discard the file and ask for another."
        return
    yield f"- **{RELEASE}**: publish every row that can be read, also those that only fail a quality check"
    yield f"- **{RELEASE_PASSING}**: publish the rows that pass; the others stay rejected"
    yield f"- **{DISCARD}**: publish nothing; the date stays as it is until another file comes"


def _span(found: Delivery) -> str:
    dates = found.business_dates
    if not dates:
        return "no date"
    return dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"


def _faults(found: Delivery) -> dict[str, int]:
    return {name: count for name, count in found.reject_codes.items() if name != "FILE_HELD" and count}


def plain(text: str) -> str:
    """A partner's text on one line, without characters that cannot be seen or that turn the line around."""
    kept = (char if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else " " for char in text)
    return " ".join("".join(kept).split())[:300]


LINKS = re.compile(r"www(?=\.)|:(?=//)|@", re.IGNORECASE)
"""Where Markdown begins to see a web or mail address; an invisible joiner behind it keeps it a text."""


def sentence(text: str) -> str:
    """A text in Markdown that says nothing but itself: no markup, no HTML, no link."""
    quiet = LINKS.sub(lambda found: f"{found.group()}\u2060", plain(text))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", quiet)


def code(text: str) -> str:
    """A value in Markdown, as code: shown to the letter, and never taken for anything else."""
    shown = plain(str(text)) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"

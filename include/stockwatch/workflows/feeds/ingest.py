"""Take one partner file in: archive, read, check, publish. Every step may be repeated after a crash."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from include.stockwatch.adapters.feeds.raw import BATCH_ROWS
from include.stockwatch.adapters.lake import bounded_engine
from include.stockwatch.adapters.parts import ROWS
from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.domain.columns import OBSERVATIONS
from include.stockwatch.domain.repeats import KEY
from include.stockwatch.domain.reported import MEASURES, AbsentMeans
from include.stockwatch.errors import FeedHeld, FeedUnreachable, Hold, HoldCode, RowsLost
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.feeds import deliveries
from include.stockwatch.workflows.feeds.contents import Contents, Decision, File, observations
from include.stockwatch.workflows.feeds.deliveries import DISCARDED, PUBLISHED, READ
from include.stockwatch.workflows.feeds.known import known
from include.stockwatch.workflows.feeds.whole_file import read_contents
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)

OBSERVED, REJECTED, KEPT = "observations", "rejects", "kept"
"""What is staged, by folder; and the names of files whose rows are those of earlier files."""


def ingest_file(services: Services, feed_id: str, path: Path) -> Delivery:
    """Take in a file by its path, past the landing: receive, read and publish in one go.

    Raises: FeedHeld, FeedUnreachable
    """
    found = deliveries.receive(services, feed_id, str(path.parent), str(path), path.name)
    return publish(services, feed_id, read(services, feed_id, found.delivery_id).delivery_id)


def read_landed(services: Services, feed_id: str, file_key: str, run_id: str | None = None) -> Delivery:
    """Archive and read a file that the landing scan claimed. Raises: FeedUnreachable, FeedHeld"""
    return deliveries.landed(services, feed_id, file_key, run_id, read)


def read(services: Services, feed_id: str, delivery_id: str, *, again: bool = False) -> Delivery:
    """Read, bind and check an archived file, and stage what may be published.

    A file that was published or discarded before is left alone, unless it is to be read `again` because the master
    data have grown. A file that breaks its contract is held: nothing is staged. Raises: FeedHeld
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
        counting = ledger.counting(tx, feed_id)
    if found is None:
        raise FeedUnreachable(delivery_id, "this delivery was never received")
    if found.status in (PUBLISHED, DISCARDED) and not again:
        return found
    feed = services.settings.feeds[feed_id]
    decision = Decision(found.decision) if found.decision else None
    contents = _contents(services, found, feed, decision)
    if again:
        contents.leave_out({date for date, (_, came) in counting.items() if came > found.received_at})
    dates = _dates(contents, feed, set(counting))
    contents.holds += _holds_of_delivery(services, found, contents, counting, dates, decision)
    if contents.holds and found.status == PUBLISHED:
        raise FeedHeld(feed_id, found.file_name, tuple(contents.holds))  # what was published stays
    found = replace(
        found,
        rows_in=contents.rows_in,
        rows_rejected=contents.rows_rejected,
        rows_parked=contents.rows_parked,
        rows_dropped=sum(contents.dropped.values()),
        observations=len(contents.found),
        reject_codes=dict(contents.reject_codes),
        drop_rules=dict(contents.dropped),
        warnings=tuple(contents.warnings),
        controls=tuple(contents.controls),
        quality=contents.quality,
        holds=tuple({"code": hold.code.value, "what": hold.what, "fix": hold.fix} for hold in contents.holds),
        business_dates=tuple(date.isoformat() for date in dates),
    )
    if contents.page:
        page = services.quality_page(feed_id, delivery_id)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(contents.page, "utf-8")
    if contents.holds:
        deliveries.hold(services, found, feed.partner, contents)
    counted = contents.rows_good + found.rows_rejected + found.rows_parked + found.rows_dropped
    if counted != found.rows_in:
        raise RowsLost(found.file_name, found.rows_in, contents.rows_good, counted - contents.rows_good)
    found = replace(found, status=READ, rows_published=contents.rows_good)
    _stage(services, found, feed, contents)
    with services.state.begin() as tx:
        ledger.record(tx, found)
    log.info(
        "%s: %s rows in, %s good, %s rejected, %s parked, %s dropped",
        found.file_name,
        found.rows_in,
        found.rows_published,
        found.rows_rejected,
        found.rows_parked,
        found.rows_dropped,
    )
    return found


def publish(services: Services, feed_id: str, delivery_id: str, file_key: str | None = None) -> Delivery:
    """Make a read delivery the one that counts for its dates; a second call changes nothing.

    Tables first, ledger last: a crash in between leaves rows that the next try writes again, the same.
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
        counting = ledger.counting(tx, feed_id)
    if found is None:
        raise FeedUnreachable(delivery_id, "this delivery was never received")
    staged = services.staged(feed_id, delivery_id)
    if found.status == READ:
        feed = services.settings.feeds[feed_id]
        dates = [dt.date.fromisoformat(date) for date in found.business_dates]
        restated = _restated(services, feed_id, feed, staged, [date for date in dates if date in counting])
        rejects = found.rows_rejected + found.rows_parked
        services.lake.replace_rejects(feed_id, delivery_id, staged / REJECTED, rows=rejects)
        per_date, sold = _by_date(staged)
        if feed.replaces == "rows" and dates:
            _keep(services, feed_id, staged, dates)
        services.lake.replace_dates("observations", staged / OBSERVED, dates, feed_id)
        now = services.now()
        found = replace(found, status=PUBLISHED, restated=restated, finished_at=now)
        with services.state.begin() as tx:
            ledger.deliver_dates(tx, feed_id, delivery_id, {date: per_date[date] for date in dates}, now, sold)
            ledger.record_numbers(tx, feed_id, delivery_id, _numbers(found.controls))
            ledger.record(tx, found)
    if file_key:
        with services.state.begin() as tx:
            ledger.finish_file(tx, file_key, "done", delivery_id)
    shutil.rmtree(staged, ignore_errors=True)
    return found


def decide(services: Services, feed_id: str, delivery_id: str, decision: str, by: str) -> Delivery:
    """Do what a person decided on a held file: publish it all the same, or discard it. A second call changes nothing.

    Raises: FeedHeld where the file cannot be published whatever anybody says (it cannot be read, or was cut off).
    """
    return deliveries.decided(services, feed_id, delivery_id, Decision(decision), by, read, publish)


def replay_parked(services: Services, partner: str) -> list[Delivery]:
    """Read the files of a partner again that have parked rows and still count: the master data may know them now."""
    with services.state.begin() as tx:
        waiting = ledger.parked(tx, [feed for feed, one in services.settings.feeds.items() if one.partner == partner])
    return [_replayed(services, delivery) for delivery in waiting]


def _replayed(services: Services, before: Delivery) -> Delivery:
    """A delivery read again, and published again if the master data now know more of its rows.

    A published file that would be held today, because rules have changed since, stays as it is with its parked rows.
    """
    try:
        found = read(services, before.feed_id, before.delivery_id, again=True)
    except FeedHeld as held:
        if before.status != PUBLISHED:
            raise
        log.warning("parked rows of %s wait on, the file would be held today: %s", before.file_name, held)
        return before
    if before.status != PUBLISHED or found.rows_parked != before.rows_parked:
        return publish(services, before.feed_id, before.delivery_id)
    with services.state.begin() as tx:
        ledger.record(tx, before)
    shutil.rmtree(services.staged(before.feed_id, before.delivery_id), ignore_errors=True)
    return before


def _contents(services: Services, found: Delivery, feed: Feed, decision: Decision | None) -> Contents:
    """What an archived file says."""
    from include.stockwatch.adapters.quality import Limits

    came = found.received_at.date()
    age = feed.quality.max_age_days

    def limits(dates: Iterable[dt.date]) -> Limits:
        with services.state.begin() as tx:
            usual = ledger.usual_rows_by_date(tx, found.feed_id, list(dates), besides=found.delivery_id)
        oldest = came - dt.timedelta(days=age) if age else None
        return Limits(came + dt.timedelta(days=1), oldest, usual)

    file = File(
        services.archived(found.feed_id, found.delivery_id),
        found.file_name,
        found.feed_id,
        feed,
        feed.expected.local_date(found.received_at),
        services.staged(found.feed_id, found.delivery_id),
        decision,
    )
    return read_contents(file, known(services, feed), limits)


def _dates(contents: Contents, feed: Feed, known: set[dt.date]) -> list[dt.date]:
    """Dates the file speaks for: those it has rows of and, where absent means unchanged, new quiet ones between them.

    A quiet date that was delivered before stays as it was: one mistyped date must not empty the time in between.
    """
    dates = sorted(contents.rows_of_date)
    if feed.absent_means is AbsentMeans.UNCHANGED and dates:
        between = (dates[0] + dt.timedelta(days=n) for n in range((dates[-1] - dates[0]).days + 1))
        return [date for date in between if date in set(dates) or date not in known]
    return dates


def _holds_of_delivery(
    services: Services,
    found: Delivery,
    contents: Contents,
    counting: dict[dt.date, tuple[str, dt.datetime]],
    dates: Iterable[dt.date],
    decision: Decision | None,
) -> Iterator[Hold]:
    """Holds that lie in what came before: a control number that was used, a later file that counts already."""
    if decision in (Decision.RELEASE, Decision.RELEASE_PASSING):
        return
    with services.state.begin() as tx:
        reused = ledger.reused_numbers(tx, found.feed_id, found.delivery_id, _numbers(contents.controls))
    for sender, number, first in reused:
        what = f"sender {sender} used the control number {number} before, with other content (delivery {first[:12]})"
        fix = "ask the partner which of the two counts: release this one, or discard it"
        yield Hold(HoldCode.CONTROL_NUMBER_REUSED, what, fix)
    newer = {date: counting[date][0] for date in dates if date in counting and counting[date][1] > found.received_at}
    if newer:
        date, name = min(newer.items())
        more = f" and {len(newer) - 1} more dates" if len(newer) > 1 else ""
        fix = "nothing to do; if these rows should count, have them sent in a new file"
        yield Hold(HoldCode.SUPERSEDED, f"{name}, which came later, counts for {date}{more}", fix)


def _numbers(controls: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted({(one["sender"], one["number"]) for one in controls})


def _stage(services: Services, found: Delivery, feed: Feed, contents: Contents) -> None:
    """Write what may be published into the files that the lake takes over, for the task that does it."""
    staged = services.staged(found.feed_id, found.delivery_id)
    constants = {
        "feed_id": found.feed_id,
        "partner": feed.partner,
        "currency": feed.currency,
        "delivery_id": found.delivery_id,
        "received_at": found.received_at,
    }
    with services.lake.parts("observations", staged / OBSERVED) as parts:
        for rows in observations(contents.found, constants, contents.sources):
            parts.add(rows)
    with services.lake.parts("rejects", staged / REJECTED) as parts:
        for batch in deliveries.reject_batches(found, feed.partner, contents.rejects):
            parts.add(pa.Table.from_batches([batch]))


def _keep(services: Services, feed_id: str, staged: Path, dates: list[dt.date]) -> None:
    """Put the rows that stay beside the staged ones, at a feed whose files replace only the series that they name."""
    for file in (staged / OBSERVED).rglob(f"{KEPT}-*"):  # of a try before this one
        file.unlink()
    engine = bounded_engine(staged / "spill")
    before = _before(services, feed_id, dates, engine)
    stay = staged / "kept.parquet"
    engine.to_parquet(before.anti_join(_staged(staged, engine), list(KEY)), stay)
    with pq.ParquetFile(stay) as rows, services.lake.parts("observations", staged / OBSERVED, KEPT) as parts:
        for batch in rows.iter_batches(BATCH_ROWS):
            parts.add(pa.Table.from_batches([batch]).cast(OBSERVATIONS.to_pyarrow()))


def _by_date(staged: Path) -> tuple[Counter[dt.date], dict[dt.date, float | None]]:
    """How many rows are staged of each date, and what they sold together; none where they say nothing of sales."""
    engine = bounded_engine(staged / "spill")
    rows = _staged(staged, engine).group_by("business_date").agg(rows=ibis._.count(), sold=ibis._.units_sold.sum())
    found = engine.to_pyarrow(rows).to_pylist()
    return (
        Counter({row["business_date"]: row["rows"] for row in found}),
        {row["business_date"]: row["sold"] for row in found},
    )


def _restated(services: Services, feed_id: str, feed: Feed, staged: Path, dates: list[dt.date]) -> dict[str, Any]:
    """What a file changes of what was known of dates that were delivered before."""
    if not dates:
        return {}
    engine = bounded_engine(staged / "spill")
    before = _before(services, feed_id, dates, engine)
    both = before.join(_staged(staged, engine), list(KEY), rname="{name}_new")
    changed = ibis.or_(*(~both[name].identical_to(both[f"{name}_new"]) for name in (*MEASURES, "price")))
    row = engine.to_pyarrow(both.agg(both=both.count(), changed=changed.sum())).to_pylist()[0]
    known = int(engine.execute(before.count()))
    return {
        "dates": len(dates),
        "rows_known_before": known,
        "rows_changed": int(row["changed"] or 0),
        "rows_gone": known - int(row["both"]) if feed.replaces == "dates" else 0,
    }


def _before(services: Services, feed_id: str, dates: list[dt.date], engine: Any) -> Any:
    """The published rows of some dates of a feed."""
    rows = services.lake.table("observations", feeds=[feed_id], first=min(dates), last=max(dates), engine=engine)
    return rows.filter(rows.business_date.isin(dates))


def _staged(staged: Path, engine: Any) -> Any:
    """The staged rows."""
    files = sorted(map(str, (staged / OBSERVED).rglob(f"{ROWS}-*.parquet")))
    if not files:
        return ibis.memtable(OBSERVATIONS.to_pyarrow().empty_table())
    rows = engine.read_parquet(files, hive_partitioning=True, hive_types_autocast=False)
    return rows.mutate(business_date=rows.business_date.cast("date"))

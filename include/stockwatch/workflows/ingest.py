"""Take one partner file in: archive, read, check, publish. Every step may be repeated after a crash."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.domain.columns import OBSERVATIONS, REJECTS
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.errors import FeedUnreachable, Hold, HoldCode, RowsLost
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows import deliveries, master
from include.stockwatch.workflows.contents import Contents, Decision, observations, read_contents
from include.stockwatch.workflows.deliveries import DISCARDED, PUBLISHED, READ
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)


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
        restated = _restated(services, feed_id, staged, [date for date in dates if date in counting])
        rejects = lambda: _batches(staged / "rejects.arrow")  # noqa: E731
        services.lake.replace_rejects(feed_id, delivery_id, rejects, rows=found.rows_rejected + found.rows_parked)
        per_date = _write(services, feed_id, feed, staged, dates)
        now = services.now()
        found = replace(found, status=PUBLISHED, restated=restated, finished_at=now)
        with services.state.begin() as tx:
            ledger.deliver_dates(tx, feed_id, delivery_id, {date: per_date[date] for date in dates}, now)
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
    """A delivery read again, and published again if the master data now know more of its rows."""
    found = read(services, before.feed_id, before.delivery_id, again=True)
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

    return read_contents(
        services.archived(found.feed_id, found.delivery_id),
        found.file_name,
        found.feed_id,
        feed,
        feed.expected.local_date(found.received_at),
        known=master.known(services, feed),
        limits=limits,
        decision=decision,
        folder=services.staged(found.feed_id, found.delivery_id),
        engine=services.lake.engine,
    )


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
    """Put what may be published into files, for the task that does it."""
    staged = services.staged(found.feed_id, found.delivery_id)
    constants = {
        "feed_id": found.feed_id,
        "partner": feed.partner,
        "currency": feed.currency,
        "delivery_id": found.delivery_id,
        "received_at": found.received_at,
    }
    staged.mkdir(parents=True, exist_ok=True)
    _put(staged / "observations.arrow", observations(contents.found, constants, contents.sources), OBSERVATIONS)
    _put(staged / "rejects.arrow", deliveries.reject_batches(found, feed.partner, contents.rejects), REJECTS)


def _put(file: Path, batches: Iterable[pa.RecordBatch], schema: Any) -> None:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(file), "wb") as out, pa.ipc.new_stream(out, schema.to_pyarrow(), options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    """What was staged, batch by batch."""
    import pyarrow as pa

    with pa.OSFile(str(file), "rb") as source:
        yield from pa.ipc.open_stream(source)


def _rows(staged: Path) -> Iterator[pa.RecordBatch]:
    """The staged observations."""
    return _batches(staged / "observations.arrow")


def _write(services: Services, feed_id: str, feed: Feed, staged: Path, dates: list[dt.date]) -> Counter[dt.date]:
    """Replace the dates of a feed by the staged rows, in one commit; returns the rows of each date."""
    import pyarrow.compute as pc

    per_date: Counter[dt.date] = Counter()
    for batch in _rows(staged):
        counted = pc.value_counts(batch.column("business_date"))
        per_date.update(
            dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
        )
    rows: Callable[[], Iterator[pa.RecordBatch]] = lambda: _rows(staged)  # noqa: E731
    if feed.replaces == "rows" and dates:
        kept = _not_replaced(services, feed_id, staged, dates)
        rows = lambda: iter([*kept.to_batches(), *_rows(staged)])  # noqa: E731
    services.lake.replace_dates("observations", rows, dates, feed_id)
    return per_date


def _not_replaced(services: Services, feed_id: str, staged: Path, dates: list[dt.date]) -> pa.Table:
    """Rows of earlier files that stay, at a feed whose files replace only the series that they name."""
    engine = services.lake.engine
    new = _memtable(staged)
    before = services.lake.table("observations", feeds=[feed_id], first=min(dates), last=max(dates))
    before = before.filter(before.business_date.isin(dates))
    schema = OBSERVATIONS.to_pyarrow()
    return engine.to_pyarrow(before.anti_join(new, ["business_date", "location_id", "item_id"])).cast(schema)


def _restated(services: Services, feed_id: str, staged: Path, dates: list[dt.date]) -> dict[str, Any]:
    """What a file changes of what was known of dates that were delivered before."""
    if not dates:
        return {}
    engine = services.lake.engine
    key = ["business_date", "location_id", "item_id"]
    before = services.lake.table("observations", feeds=[feed_id], first=min(dates), last=max(dates))
    before = before.filter(before.business_date.isin(dates)).select(*key, "on_hand_units", "units_sold")
    new = _memtable(staged).select(*key, "on_hand_units", "units_sold")
    both = before.join(new, key, rname="{name}_new")
    changed = ~both.on_hand_units.identical_to(both.on_hand_units_new) | ~both.units_sold.identical_to(
        both.units_sold_new
    )
    row = engine.to_pyarrow(both.agg(both=both.count(), changed=changed.sum(), known=both.count())).to_pylist()[0]
    known = engine.execute(before.count())
    return {
        "dates": len(dates),
        "rows_known_before": int(known),
        "rows_changed": int(row["changed"] or 0),
        "rows_gone": int(known) - int(row["both"]),
    }


def _memtable(staged: Path) -> Any:
    import ibis
    import pyarrow as pa

    return ibis.memtable(pa.Table.from_batches(list(_rows(staged)), OBSERVATIONS.to_pyarrow()))

"""Take in one file of master data: archive, read, check, publish, and load the rows that waited for it.

The functions are those of `ingest`, with the same arguments. Every step may be repeated after a crash.
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.stockwatch.adapters.feeds.raw import BATCH_ROWS
from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.domain.columns import MASTERS, REJECTS
from include.stockwatch.errors import FeedHeld, FeedUnreachable, Hold, HoldCode, RowsLost
from include.stockwatch.settings.master import Master
from include.stockwatch.workflows.feeds import deliveries, ingest
from include.stockwatch.workflows.feeds.contents import SOURCE, Contents, Decision
from include.stockwatch.workflows.feeds.deliveries import DISCARDED, PUBLISHED, READ
from include.stockwatch.workflows.feeds.master_contents import read_master
from include.stockwatch.workflows.feeds.rejected import describe
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)

WAITED_FOR = ("items", "locations")
"""Tables that rows of feeds wait for."""
COMPARED = 50
"""Latest deliveries among which the one before is looked for."""
PAGE = "<p>Master data: every row was read as its definition says; rows at fault are in the table rejects.</p>"


def ingest_file(services: Services, feed_id: str, path: Path) -> Delivery:
    """Take in a file by its path, past the landing: receive, read and publish in one go.

    Raises: FeedHeld, FeedUnreachable
    """
    found = deliveries.receive(services, feed_id, str(path.parent), str(path), path.name)
    return publish(services, feed_id, read(services, feed_id, found.delivery_id).delivery_id)


def read_landed(services: Services, feed_id: str, file_key: str, run_id: str | None = None) -> Delivery:
    """Archive and read a file that the landing scan claimed. Raises: FeedUnreachable, FeedHeld"""
    return deliveries.landed(services, feed_id, file_key, run_id, read)


def read(services: Services, feed_id: str, delivery_id: str) -> Delivery:
    """Read, bind and check an archived file, and stage its rows; one that was published or discarded is left alone.

    A file with too many bad rows, or far fewer rows than the one before, is held whole. Raises: FeedHeld
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
        earlier = [one for one in ledger.latest(tx, feed_id, COMPARED) if one.status == PUBLISHED]
    if found is None:
        raise FeedUnreachable(delivery_id, "this delivery was never received")
    if found.status in (PUBLISHED, DISCARDED):
        return found
    master = services.settings.masters[feed_id]
    contents = read_master(
        services.archived(feed_id, delivery_id),
        found.file_name,
        master,
        services.staged(feed_id, delivery_id),
        services.lake.engine,
    )
    if master.replaces == "dates":  # a file without rows says that nothing happened
        contents.holds = [hold for hold in contents.holds if hold.code is not HoldCode.NO_ROWS]
    found = replace(found, business_dates=_dates(contents, master))
    contents.holds += _verdicts(contents, master, found, earlier)
    if found.decision in (Decision.RELEASE, Decision.RELEASE_PASSING):
        contents.holds = [hold for hold in contents.holds if not hold.code.is_releasable]
    found = replace(
        found,
        rows_in=contents.rows_in,
        rows_rejected=contents.rows_rejected,
        reject_codes=dict(contents.reject_codes),
        warnings=tuple(contents.warnings),
        holds=tuple({"code": hold.code.value, "what": hold.what, "fix": hold.fix} for hold in contents.holds),
    )
    page = services.quality_page(feed_id, delivery_id)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(PAGE, "utf-8")
    if contents.holds:
        deliveries.hold(services, found, master.partner, contents)
    if contents.rows_good + found.rows_rejected != found.rows_in:
        raise RowsLost(found.file_name, found.rows_in, contents.rows_good, found.rows_rejected)
    found = replace(found, status=READ, rows_published=contents.rows_good)
    _stage(services, found, master, contents)
    with services.state.begin() as tx:
        ledger.record(tx, found)
    log.info("%s: %s rows in, %s rejected", found.file_name, found.rows_in, found.rows_rejected)
    return found


def publish(services: Services, feed_id: str, delivery_id: str, file_key: str | None = None) -> Delivery:
    """Replace all rows of the master by those of a read delivery, and load the feeds' rows that waited for them.

    A file of what happens on dates, such as complaints, replaces the rows of its dates alone. A second call changes
    nothing. The ledger comes last: after a crash in between everything is done again, the same.
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
    if found is None:
        raise FeedUnreachable(delivery_id, "this delivery was never received")
    staged = services.staged(feed_id, delivery_id)
    if found.status == READ:
        master = services.settings.masters[feed_id]
        services.lake.replace_rejects(feed_id, delivery_id, pq.read_table(staged / "rejects.parquet"))
        if master.replaces == "all":
            services.lake.replace_feed(master.table, lambda: _rows(staged), feed_id)
        else:
            dates = [dt.date.fromisoformat(date) for date in found.business_dates]
            services.lake.replace_dates(master.table, lambda: _rows(staged), dates, feed_id)
        if master.table in WAITED_FOR:
            _load_parked(services, master)
        found = replace(found, status=PUBLISHED, finished_at=services.now())
        with services.state.begin() as tx:
            ledger.record(tx, found)
    if file_key:
        with services.state.begin() as tx:
            ledger.finish_file(tx, file_key, "done", delivery_id)
    shutil.rmtree(staged, ignore_errors=True)
    return found


def decide(services: Services, feed_id: str, delivery_id: str, decision: str, by: str) -> Delivery:
    """Do what a person decided on a held file: publish its good rows all the same, or discard it.

    A second call changes nothing. Raises: FeedHeld where the file cannot be read, whatever anybody says.
    """
    return deliveries.decided(services, feed_id, delivery_id, Decision(decision), by, read, publish)


def _load_parked(services: Services, master: Master) -> None:
    """Load the rows of feeds that waited for an item or a location. A file that is held on the way stops no other."""
    partners = {feed.partner for feed in services.settings.feeds.values()}
    for partner in sorted(partners):
        if not master.serves(partner):
            continue
        try:
            loaded = ingest.replay_parked(services, partner)
        except FeedHeld as held:
            log.warning("%s: rows that waited could not be loaded: %s", partner, held)
        else:
            log.info("%s: %s files with waiting rows read again", partner, len(loaded))


def _verdicts(read: Contents, master: Master, found: Delivery, earlier: list[Delivery]) -> Iterator[Hold]:
    """Reasons to hold a file: a master counts whole or not at all."""
    if not (read.rows_good or read.holds) and (read.rows_in or master.replaces == "all"):
        what = "no row can be read" if read.rows_in else "the file has no rows"
        yield Hold(HoldCode.NO_ROWS, what, "no row never means that there is nothing; have the file sent again")
    bad = read.rows_rejected / read.rows_in if read.rows_in else 0.0
    if bad > master.quality.max_rejected_share:
        most = read.reject_codes.most_common(3)
        codes = ", ".join(f"{code} {count}" for code, count in most)
        limit = f"{bad:.1%}; limit {master.quality.max_rejected_share:.1%}"
        what = f"{read.rows_rejected} of {read.rows_in} rows rejected ({limit}): {codes}"
        yield Hold(HoldCode.TOO_MANY_REJECTS, what, f"start with {describe(read.first_rejects[most[0][0]])}")
    dates = set(found.business_dates)
    before = next((one for one in earlier if master.replaces == "all" or dates & set(one.business_dates)), None)
    if before is None:
        return
    least = master.quality.min_rows_share * before.rows_published
    if 0 < read.rows_good < least:
        what = f"{read.rows_good} good rows; {before.file_name} had {before.rows_published}, {least:.0f} is the least"
        fix = "is the file whole? If it is meant, release it, or lower `quality.min_rows_share`"
        yield Hold(HoldCode.ROW_COUNT, what, fix)
    if before.received_at > found.received_at:
        fix = "nothing to do; if these rows should count, have them sent in a new file"
        yield Hold(HoldCode.SUPERSEDED, f"{before.file_name}, which came later, counts already", fix)


def _dates(read: Contents, master: Master) -> tuple[str, ...]:
    """The dates whose rows a file replaces; none where it replaces all rows of its feed."""
    if master.replaces == "all":
        return ()
    found = {date for rows in read.found for date in pc.unique(rows["business_date"]).to_pylist()}
    return tuple(sorted(date.isoformat() for date in found))


def _stage(services: Services, found: Delivery, master: Master, contents: Contents) -> None:
    """Put what may be published into files, for the task that does it."""
    staged = services.staged(found.feed_id, found.delivery_id)
    staged.mkdir(parents=True, exist_ok=True)
    schema = MASTERS[master.table].to_pyarrow()
    shared = {"feed_id": found.feed_id, "delivery_id": found.delivery_id, "received_at": found.received_at}
    sources = pa.array(contents.sources, pa.string())
    with pq.ParquetWriter(staged / "rows.parquet", schema) as out:
        for rows in contents.found:
            columns = {name: rows[name] for name in rows.column_names}
            columns["source_file"] = sources.take(rows[SOURCE].combine_chunks())
            for name, value in shared.items():
                columns[name] = pa.repeat(pa.scalar(value, schema.field(name).type), len(rows))
            out.write_table(pa.table({name: columns[name] for name in schema.names}, schema=schema))
    rejects = deliveries.reject_batches(found, master.partner, contents.rejects)
    pq.write_table(pa.Table.from_batches(list(rejects), REJECTS.to_pyarrow()), staged / "rejects.parquet")


def _rows(staged: Path) -> Iterator[pa.RecordBatch]:
    """The staged rows, batch by batch."""
    with pq.ParquetFile(staged / "rows.parquet") as file:
        yield from file.iter_batches(BATCH_ROWS)

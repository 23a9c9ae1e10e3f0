"""Take one partner file in: archive, read, check, publish. Every step may be repeated after a crash."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from include.stockwatch.adapters import landing
from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.domain.columns import OBSERVATIONS, REJECTS
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.errors import FeedHeld, FeedUnreachable, Hold, HoldCode, RowsLost
from include.stockwatch.settings.feed import Feed
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from include.stockwatch.adapters.feeds.binding import Bound
    from include.stockwatch.adapters.feeds.raw import RawTable, Reject

log = logging.getLogger(__name__)

PUBLISHED, READ, HELD = "published", "read", "held"


def ingest_file(services: Services, feed_id: str, path: Path) -> Delivery:
    """Take in a file by its path, past the landing: receive, read and publish in one go.

    Raises: FeedHeld, FeedUnreachable
    """
    found = receive(services, feed_id, str(path.parent), str(path), path.name)
    return publish(services, feed_id, read(services, feed_id, found.delivery_id).delivery_id)


def read_landed(services: Services, feed_id: str, file_key: str, run_id: str | None = None) -> Delivery:
    """Archive and read a file that the landing scan claimed. Raises: FeedUnreachable, FeedHeld"""
    with services.state.begin() as tx:
        path = ledger.start_file(tx, file_key)
    if path is None:
        raise FeedUnreachable(file_key, "no landed file has this key")
    url = services.landing_url(feed_id, services.settings.feeds[feed_id])
    delivery_id = ""
    try:
        delivery_id = receive(services, feed_id, url, path, path.rsplit("/", 1)[-1], run_id).delivery_id
        return read(services, feed_id, delivery_id)
    except FeedHeld:
        with services.state.begin() as tx:
            ledger.finish_file(tx, file_key, "failed", delivery_id)
        raise


def receive(
    services: Services, feed_id: str, url: str, path: str, file_name: str, run_id: str | None = None
) -> Delivery:
    """Archive a file under its content's hash and note the delivery."""
    limit = services.settings.stockwatch.max_file_mb * 1_000_000
    delivery_id, _ = landing.archive(url, path, services.home / "archive", feed_id, limit)
    with services.state.begin() as tx:
        known = ledger.delivery(tx, feed_id, delivery_id)
        if known is None:
            known = Delivery(feed_id, delivery_id, file_name, services.now(), "received", 0, 0, 0, run_id=run_id)
            ledger.record(tx, known)
    return known


def read(services: Services, feed_id: str, delivery_id: str) -> Delivery:
    """Read, bind and check an archived file, and stage what may be published.

    A file that was published before is left alone. A file that breaks its contract is held: every row is rejected,
    nothing is staged. Raises: FeedHeld
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
        usual = ledger.usual_rows(tx, feed_id, besides=delivery_id)
        counting = ledger.counting(tx, feed_id)
    if found is None:
        raise FeedUnreachable(delivery_id, "this delivery was never received")
    if found.status == PUBLISHED:
        return found
    from include.stockwatch.adapters.feeds import binding, csv

    feed = services.settings.feeds[feed_id]
    raw = csv.read(services.archived(feed_id, delivery_id), feed)
    if raw.holds:
        return _hold(services, replace(found, quality={}), feed, raw, None, raw.holds)
    bound = binding.bind(raw, feed)
    good, rejects, holds, quality = _check(services, found, feed, raw, bound, usual)
    dates = _dates(good, feed, set(counting))
    holds += _superseded(found, counting, dates)
    found = replace(found, rows_in=raw.rows_in, quality=quality)
    if holds:
        return _hold(services, found, feed, raw, replace(bound, rejects=rejects), holds)
    if len(good) + len(rejects) != raw.rows_in:
        raise RowsLost(found.file_name, raw.rows_in, len(good), len(rejects))
    found = replace(
        found,
        status=READ,
        rows_rejected=len(rejects),
        business_dates=tuple(date.isoformat() for date in dates),
        reject_codes=dict(Counter(reject.code for reject in rejects)),
        holds=(),
    )
    _stage(services, found, feed, good, rejects)
    with services.state.begin() as tx:
        ledger.record(tx, found)
    log.info("%s: %s rows in, %s good, %s rejected", found.file_name, raw.rows_in, len(good), len(rejects))
    return found


def publish(services: Services, feed_id: str, delivery_id: str, file_key: str | None = None) -> Delivery:
    """Make a read delivery the one that counts for its dates; a second call changes nothing.

    Tables first, ledger last: a crash in between leaves rows that the next try writes again, the same.
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
    if found is None:
        raise FeedUnreachable(delivery_id, "this delivery was never received")
    staged = services.staged(feed_id, delivery_id)
    if found.status != PUBLISHED:
        import pyarrow.parquet as pq

        rows, rejects = pq.read_table(staged / "observations.parquet"), pq.read_table(staged / "rejects.parquet")
        if len(rows) + len(rejects) != found.rows_in:
            raise RowsLost(found.file_name, found.rows_in, len(rows), len(rejects))
        dates = [dt.date.fromisoformat(date) for date in found.business_dates]
        services.lake.replace_rejects(feed_id, delivery_id, rejects)
        services.lake.replace_dates("observations", rows, dates, feed_id)
        now = services.now()
        per_date = Counter(rows["business_date"].to_pylist())
        found = replace(found, status=PUBLISHED, rows_published=len(rows), finished_at=now)
        with services.state.begin() as tx:
            ledger.deliver_dates(tx, feed_id, delivery_id, {date: per_date[date] for date in dates}, now)
            ledger.record(tx, found)
    if file_key:
        with services.state.begin() as tx:
            ledger.finish_file(tx, file_key, "done", delivery_id)
    shutil.rmtree(staged, ignore_errors=True)
    return found


def _check(
    services: Services,
    found: Delivery,
    feed: Feed,
    raw: RawTable,
    bound: Bound,
    usual_rows: float | None,
) -> tuple[pd.DataFrame, tuple[Reject, ...], tuple[Hold, ...], dict[str, object]]:
    """Good rows, rejects, reasons to hold the file, and the summary of its quality."""
    from include.stockwatch.adapters import quality
    from include.stockwatch.adapters.feeds.binding import reject_of

    frame = bound.frame
    refused = {reject.line: reject for reject in bound.rejects}
    holds: list[Hold] = []
    summary: dict[str, object] = {}
    if len(frame):
        latest = found.received_at.date() + dt.timedelta(days=1)
        result = quality.validate(frame, found.feed_id, feed, latest_date=latest, usual_rows=usual_rows)
        summary = result.summary
        page = services.quality_page(found.feed_id, found.delivery_id)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(result.page, "utf-8")
        for fault in result.row_faults:
            for line in fault.lines:
                if line not in refused:
                    refused[line] = reject_of(raw, bound.keys, line, fault.code, fault.field, fault.reason, fault.fix)
        for fault in result.file_faults:
            code = HoldCode.ROW_COUNT if fault.code == HoldCode.ROW_COUNT.value else HoldCode.NOT_VALIDATED
            what = fault.reason if code.value == fault.code else f"{fault.code}: {fault.reason}"
            holds.append(Hold(code, what, fault.fix))
    good = frame.drop(index=[line for line in refused if line in frame.index])
    unplaced = [reject for reject in refused.values() if not reject.is_placed]
    if unplaced and feed.absent_means is not AbsentMeans.UNKNOWN:
        first = min(unplaced, key=lambda reject: reject.line)
        what = f"rows without a readable date, location or item: {len(unplaced)}"
        why = f"an absent row means {feed.absent_means} at this feed, so a lost row would pass for a statement"
        holds.append(Hold(HoldCode.UNPLACED_ROWS, f"{what}; {why}", f"mend them, starting with {describe(first)}"))
    share = len(refused) / raw.rows_in
    if share > feed.quality.max_rejected_share:
        codes = ", ".join(f"{code} {count}" for code, count in Counter(r.code for r in refused.values()).most_common(3))
        limit = f"{share:.1%}; limit {feed.quality.max_rejected_share:.1%}"
        what = f"{len(refused)} of {raw.rows_in} rows rejected ({limit}): {codes}"
        first = min(refused.values(), key=lambda reject: reject.line)
        fix = f"start with {describe(first)}"
        holds.append(Hold(HoldCode.TOO_MANY_REJECTS, what, fix))
    return good, tuple(sorted(refused.values(), key=lambda reject: reject.line)), tuple(holds), summary


def describe(reject: Reject) -> str:
    """One reject in a sentence: line, field, value, what is wrong, how to mend it."""
    subject = f" `{reject.field}` = `{reject.value}`:" if reject.field else ""
    return f"line {reject.line}:{subject} {reject.reason} ({reject.code}); {reject.fix}"


def _hold(
    services: Services, found: Delivery, feed: Feed, raw: RawTable, bound: Bound | None, holds: tuple[Hold, ...]
) -> Delivery:
    """Reject every row of a file, keep the reasons, and say so."""
    import pandas as pd

    from include.stockwatch.adapters.feeds.binding import reject_of

    known = {reject.line: reject for reject in (*raw.broken, *(bound.rejects if bound else ()))}
    keys = bound.keys if bound else pd.DataFrame()
    reason = f"the file is held: {', '.join(hold.code.value for hold in holds)}"
    for line in raw.frame.index:
        if line not in known:
            known[line] = reject_of(raw, keys, line, "FILE_HELD", "", reason, "see why the file is held")
    every = tuple(sorted(known.values(), key=lambda reject: reject.line))
    services.lake.replace_rejects(found.feed_id, found.delivery_id, _reject_rows(found, feed, every))
    found = replace(
        found,
        status=HELD,
        rows_in=raw.rows_in,
        rows_published=0,
        rows_rejected=len(every),
        reject_codes=dict(Counter(reject.code for reject in every)),
        holds=tuple({"code": hold.code.value, "what": hold.what, "fix": hold.fix} for hold in holds),
        finished_at=services.now(),
    )
    with services.state.begin() as tx:
        ledger.record(tx, found)
    raise FeedHeld(found.feed_id, found.file_name, holds)


def _dates(good: pd.DataFrame, feed: Feed, known: set[dt.date]) -> list[dt.date]:
    """Dates the file speaks for: those it has rows of and, where absent means unchanged, new quiet ones between them.

    A quiet date that was delivered before stays as it was: one mistyped date must not empty the time in between.
    """
    dates = sorted({stamp.date() for stamp in good["business_date"]})
    if feed.absent_means is AbsentMeans.UNCHANGED and dates:
        between = (dates[0] + dt.timedelta(days=n) for n in range((dates[-1] - dates[0]).days + 1))
        return [date for date in between if date in set(dates) or date not in known]
    return dates


def _superseded(
    found: Delivery, counting: dict[dt.date, tuple[str, dt.datetime]], dates: Iterable[dt.date]
) -> tuple[Hold, ...]:
    """A hold if a file that came later already counts for a date: an old file read again must not undo it."""
    newer = {date: counting[date][0] for date in dates if date in counting and counting[date][1] > found.received_at}
    if not newer:
        return ()
    date, name = min(newer.items())
    what = f"{name}, which came later, counts for {date}" + (
        f" and {len(newer) - 1} more dates" if len(newer) > 1 else ""
    )
    return (Hold(HoldCode.SUPERSEDED, what, "nothing to do; if these rows should count, have them sent in a new file"),)


def _stage(services: Services, found: Delivery, feed: Feed, good: pd.DataFrame, rejects: Iterable[Reject]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = OBSERVATIONS.to_pyarrow()
    rows = good.assign(
        feed_id=found.feed_id,
        partner=feed.partner,
        currency=feed.currency,
        delivery_id=found.delivery_id,
        source_file=found.file_name,
        line=good.index,
        received_at=found.received_at,
        business_date=good["business_date"].dt.date,
    )
    staged = services.staged(found.feed_id, found.delivery_id)
    staged.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    pq.write_table(table, staged / "observations.parquet")
    pq.write_table(_reject_rows(found, feed, rejects), staged / "rejects.parquet")


def _reject_rows(found: Delivery, feed: Feed, rejects: Iterable[Reject]) -> pa.Table:
    import pyarrow as pa

    common = {
        "feed_id": found.feed_id,
        "delivery_id": found.delivery_id,
        "source_file": found.file_name,
        "received_at": found.received_at,
        "partner": feed.partner,
    }
    return pa.Table.from_pylist([{**common, **reject.__dict__} for reject in rejects], schema=REJECTS.to_pyarrow())

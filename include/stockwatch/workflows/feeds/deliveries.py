"""Deliveries of whatever kind, from their landing to a decision of a person: what feeds and master data share."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from include.stockwatch.adapters import landing
from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.domain.columns import REJECTS
from include.stockwatch.errors import FeedHeld, FeedUnreachable
from include.stockwatch.workflows.feeds.contents import Contents, Decision
from include.stockwatch.workflows.services import Services

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

RECEIVED, READ, PUBLISHED, HELD, DISCARDED = "received", "read", "published", "held", "discarded"

LATEST_COMPARED = 50
"""Latest deliveries among which the one that counts is looked for."""
Step = Callable[[Services, str, str], Delivery]
"""Read or publish a delivery: services, feed id, delivery id."""


def landed(services: Services, feed_id: str, file_key: str, run_id: str | None, read: Step) -> Delivery:
    """Archive and read a file that the landing scan claimed. Raises: FeedUnreachable, FeedHeld"""
    with services.state.begin() as tx:
        path = ledger.start_file(tx, file_key)
    if path is None:
        raise FeedUnreachable(file_key, "no landed file has this key")
    url = services.landing_url(feed_id, services.settings.receiving()[feed_id])
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
    """Archive a file under its content's hash and note the delivery.

    The same bytes again are the same delivery, but for a list that was replaced and says again what it said before.
    """
    limit = services.settings.stockwatch.max_file_mb * 1_000_000
    delivery_id, _ = landing.archive(
        url, path, services.home / "archive", feed_id, limit, services.credentials(feed_id, url)
    )
    with services.state.begin() as tx:
        known = ledger.delivery(tx, feed_id, delivery_id)
        if known is None:
            known = Delivery(feed_id, delivery_id, file_name, services.now(), RECEIVED, 0, 0, 0, run_id=run_id)
            ledger.record(tx, known)
        elif known.status == PUBLISHED and _is_said_again(services, tx, known, file_name):
            again: dict[str, Any] = {
                "file_name": file_name,
                "received_at": services.now(),
                "run_id": run_id,
                "decision": None,
            }
            known = replace(known, status=RECEIVED, **again)
            ledger.record(tx, known)
        elif known.status == HELD and known.file_name != file_name:  # sent again under a name that may hold its date
            known = replace(known, file_name=file_name)
            ledger.record(tx, known)
    return known


def _is_said_again(services: Services, tx: Connection, known: Delivery, file_name: str) -> bool:
    """Whether a list came back in a file of another name, or in the place of the list that counts now.

    An old file under its old name, beside the newer one, is no news.
    """
    master = services.settings.masters.get(known.feed_id)
    if master is None or master.replaces != "all":
        return False
    latest = ledger.latest(tx, known.feed_id, LATEST_COMPARED)
    counts = next((one for one in latest if one.status == PUBLISHED), known)
    return counts.delivery_id != known.delivery_id and (file_name != known.file_name or file_name == counts.file_name)


def decided(
    services: Services, feed_id: str, delivery_id: str, decision: Decision, by: str, read: Step, publish: Step
) -> Delivery:
    """Do what a person decided on a held file: publish it all the same, or discard it. A second call changes nothing.

    Raises: FeedHeld where the file cannot be published whatever anybody says; it then waits for the next decision.
    """
    with services.state.begin() as tx:
        found = ledger.delivery(tx, feed_id, delivery_id)
        if found is None:
            raise FeedUnreachable(delivery_id, "this delivery was never received")
        if found.status == HELD:
            found = replace(found, decision=decision.value, decided_by=by, decided_at=services.now())
            if decision is Decision.DISCARD:
                found = replace(found, status=DISCARDED, finished_at=services.now())
            ledger.record(tx, found)
    if found.status in (DISCARDED, PUBLISHED):
        return found
    try:
        read(services, feed_id, delivery_id)
    except FeedHeld:
        with services.state.begin() as tx:
            held = ledger.delivery(tx, feed_id, delivery_id)
            if held:
                ledger.record(tx, replace(held, decision=None, decided_by=None, decided_at=None))
        raise
    return publish(services, feed_id, delivery_id)


def hold(services: Services, found: Delivery, partner: str | None, contents: Contents) -> None:
    """Publish nothing of a file, keep its reasons and the rows that are at fault, and say so. Raises: FeedHeld

    The other rows are counted as FILE_HELD; their text is in the archived file.
    """
    faults = contents.rows_rejected + contents.rows_parked
    kept = found.rows_in - faults
    codes = Counter(contents.reject_codes) + Counter({"FILE_HELD": kept})
    services.lake.replace_rejects(
        found.feed_id,
        found.delivery_id,
        lambda: reject_batches(found, partner, contents.rejects),
        rows=len(contents.rejects),
    )
    held = replace(
        found,
        status=HELD,
        rows_published=0,
        rows_rejected=found.rows_in - contents.rows_parked,
        rows_dropped=0,
        observations=0,
        reject_codes=dict(codes),
        drop_rules={},
        finished_at=services.now(),
    )
    shutil.rmtree(services.staged(found.feed_id, found.delivery_id), ignore_errors=True)
    with services.state.begin() as tx:
        ledger.record(tx, held)
    raise FeedHeld(found.feed_id, found.file_name, tuple(contents.holds))


def reject_batches(found: Delivery, partner: str | None, rejects: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    """Rejects as rows of the table: what all rows share is added here."""
    common = {
        "feed_id": found.feed_id,
        "delivery_id": found.delivery_id,
        "received_at": found.received_at,
        "partner": partner,
    }
    schema = REJECTS.to_pyarrow()
    for rows in rejects:
        columns = [
            pa.repeat(pa.scalar(common[one.name], one.type), len(rows)) if one.name in common else rows.column(one.name)
            for one in schema
        ]
        yield from pa.table(columns, schema=schema).to_batches()

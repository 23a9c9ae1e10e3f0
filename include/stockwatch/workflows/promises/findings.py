"""What the tables show of every promise on a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from include.stockwatch.alerting.promise_incident import Finding, PromiseIncident, PromiseKind
from include.stockwatch.domain import packs
from include.stockwatch.domain.master import EVERY_PARTNER
from include.stockwatch.workflows.promises.found import Found
from include.stockwatch.workflows.promises.pack_changes import changed_packs
from include.stockwatch.workflows.promises.prices import broken_prices
from include.stockwatch.workflows.promises.quality import unusual_complaints
from include.stockwatch.workflows.promises.vanished import vanished_items
from include.stockwatch.workflows.services import Services


def findings(
    services: Services, business_date: dt.date, fresh_feeds: set[str], ongoing: Iterable[PromiseIncident]
) -> Iterator[Found]:
    """What the tables show of each kind of promise on a date. A kind without its data shows nothing."""
    settings, watched = services.settings, list(ongoing)
    fresh = settings.fresh(fresh_feeds)
    if services.lake.version("items") is not None or any(
        one.price and one.price.currency for one in settings.promises.promises
    ):
        yield broken_prices(services, business_date, fresh, watched)
    changed = Found(PromiseKind.PACK)
    if services.lake.version("identities") is not None:
        changed = changed_packs(services, business_date, watched)
        yield changed
    gone = vanished_items(services, business_date, settings.wholly_delivered(fresh_feeds) & fresh, watched)
    yield _but_for_new_gtins(gone, changed.findings, watched)
    if services.lake.version("complaints") is not None:
        yield from unusual_complaints(services, business_date, watched)


def _but_for_new_gtins(gone: Found, changed: Iterable[Finding], watched: Iterable[PromiseIncident]) -> Found:
    """What vanished, but for what goes on under another GTIN: that is told already."""
    after = {(one.partner, one.before): one.after for one in changed if one.fact == packs.GTIN}

    def goes_on(one: Finding) -> str | None:
        return after.get((one.partner, one.item_id)) or after.get((EVERY_PARTNER, one.item_id))

    for one in (incident.found for incident in watched if incident.found.kind is PromiseKind.VANISHED):
        if gtin := goes_on(one):
            gone.endings[one.partner, one.item_id] = f"it goes on under GTIN {gtin}"
    gone.findings = [one for one in gone.findings if not goes_on(one)]
    return gone

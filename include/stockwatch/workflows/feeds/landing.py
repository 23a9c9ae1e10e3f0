"""Find files that partners have put into their landings, and claim each once."""

from __future__ import annotations

import datetime as dt
import logging
import random
from dataclasses import dataclass

from include.stockwatch.adapters import landing
from include.stockwatch.adapters.state import ledger
from include.stockwatch.errors import FeedUnreachable
from include.stockwatch.workflows.services import Services

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
"""Files started by one scan; Airflow maps a task over at most 1,024. The rest come with the next scan."""


@dataclass(frozen=True)
class Claimed:
    """A file that an ingest run is to take."""

    feed_id: str
    file_key: str

    @property
    def run_id(self) -> str:
        """Name of the ingest run: the same file never starts two."""
        return f"file__{self.feed_id}__{self.file_key}"


def scan(services: Services) -> list[Claimed]:
    """Look at every landing once and claim what has settled: the same file, unchanged, on two looks.

    One look is enough where files appear whole. Returns the claimed files whose ingest has not started, oldest first,
    so a scan that was killed loses none. A landing that cannot be reached is logged and left for the next scan.
    """
    now = services.now()
    seen = 0
    for place, found in landing.look(_places(services, now)):
        if isinstance(found, FeedUnreachable):
            log.warning("feed %s: %s; will look again", place.feed_id, found)
            continue
        seen += len(found)
        with services.state.begin() as tx:
            for position, file in enumerate(found):
                key = ledger.file_key(place.feed_id, file.path, file.size, file.modified)
                look_at = now + dt.timedelta(microseconds=position)  # keeps their order
                ledger.claim(tx, place.feed_id, file.path, key, look_at, settled=file.is_whole)
    with services.state.begin() as tx:
        waiting = [Claimed(feed_id, key) for feed_id, key in ledger.claimed(tx)]
    known = [file for file in waiting if file.feed_id in services.settings.receiving()][:MOST_AT_ONCE]
    log.info("landing scan: %s files seen, %s to ingest", seen, len(known))
    return known


def _places(services: Services, now: dt.datetime) -> list[landing.Place]:
    """Every landing with what opens it, in another order each time: a server may be too slow for all in one scan."""
    places = []
    for feed_id, feed in services.settings.receiving().items():
        url = services.landing_url(feed_id, feed)
        try:
            places.append(landing.Place(feed_id, url, feed.landing.pattern, services.credentials(feed_id, url)))
        except FeedUnreachable as error:
            log.warning("%s; will look again", error)
    random.Random(now.timestamp()).shuffle(places)
    return places

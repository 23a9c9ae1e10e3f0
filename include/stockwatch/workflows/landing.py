"""Find files that partners have put into their landings, and claim each once."""

from __future__ import annotations

import datetime as dt
import logging
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

    Returns the claimed files whose ingest has not started, oldest first, so a scan that was killed loses none. A
    landing that cannot be reached is logged and left for the next scan.
    """
    now = services.now()
    seen = 0
    for feed_id, feed in services.settings.feeds.items():
        url = services.landing_url(feed_id, feed)
        try:
            found = landing.files(url, feed.landing.pattern)
        except FeedUnreachable as error:
            log.warning("feed %s: %s; will look again", feed_id, error)
            continue
        seen += len(found)
        with services.state.begin() as tx:
            for place, file in enumerate(found):
                key = ledger.file_key(feed_id, file.path, file.size, file.modified)
                ledger.claim(tx, feed_id, file.path, key, now + dt.timedelta(microseconds=place))  # keeps their order
    with services.state.begin() as tx:
        waiting = [Claimed(feed_id, key) for feed_id, key in ledger.claimed(tx)]
    known = [file for file in waiting if file.feed_id in services.settings.feeds][:MOST_AT_ONCE]
    log.info("landing scan: %s files seen, %s to ingest", seen, len(known))
    return known

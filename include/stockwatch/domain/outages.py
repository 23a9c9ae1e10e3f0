"""When DCs that have nothing to send are expected to have stock again.

What is under way to a DC ends its outage a lead time after it was sent, at the latest. While nothing is, nobody knows
when the outage ends: it is taken to go on as long as half of those of the same feed do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.stockwatch.domain.orders import Replenishment
from include.stockwatch.domain.panel import Array, Codes, Columns, Mask, Panel, before, newest, or_zero, summed

USUAL_DAYS = 10.0
"""One outage of so many days counts beside those of each feed."""


@dataclass(frozen=True)
class Outages(Columns):
    """What tells how long DCs that are out will be.

    Shapes: (DCs,)
    Units:  sent is the age of what is under way; waits_days is how long half of all outages go on until something is
            under way, or until the DC has stock where its feed does not tell that (tells_sent)
    Nulls:  sent where nothing is known to be under way
    """

    sent: Array
    waits_days: Array
    tells_sent: Mask


@dataclass(frozen=True)
class CutOff:
    """Series whose DCs are all out, with each DC that serves them: their places among all series, and the outages.

    Shapes: (pairs of a series and a DC,)
    """

    served: Codes
    dc: Codes
    outages: Outages


@dataclass(frozen=True)
class Back(Columns):
    """In how many days the first DC of each series that is cut off has stock again, and whether that is known.

    Shapes: (series,)
    Nulls:  days of all other series
    """

    days: Array
    is_known: Mask


def outages(panel: Panel, out_at: Array, feed: Codes) -> Outages:
    """The outages of DCs that have no more than `out_at`; `feed` numbers the feeds that tell of them.

    Shapes: panel (days, DCs), out_at and feed (DCs,)
    Source: a wait that ends with the same chance every day has the mean of the days on which a DC of the feed was out,
            waited and nothing was under way to it, through the times that this ended; the median is ln 2 times that
    """
    transit = panel.in_transit_units
    is_waiting = (panel.on_hand_units <= out_at) & ~(panel.on_order_units <= 0) & ~(transit > 0)
    is_followed = is_waiting[1:] & ~np.isnan(panel.on_hand_units[:-1])
    feeds = int(feed.max(initial=-1)) + 1
    days, ended = (
        summed(feed, marked.sum(axis=0).astype(float), feeds)[feed]
        for marked in (is_followed, is_followed & ~is_waiting[:-1])
    )
    return Outages(
        sent=np.where(transit[0] > 0, newest(transit > or_zero(before(transit))), np.nan),
        waits_days=np.log(2) * (days + USUAL_DAYS) / (ended + 1),
        tells_sent=np.asarray(~np.isnan(transit).all(axis=0)),
    )


def back(cut: CutOff, found: Replenishment, lead_time_days: Array) -> Back:
    """When the DCs of each series are back, by what is under way to them; where no feed tells that, by what they have
    on order unless it is late.

    Shapes: found and lead_time_days (series,), DCs among them
    """
    lead, tells = or_zero(lead_time_days[cut.dc]), cut.outages.tells_sent
    ordered = found.oldest_order[cut.dc]
    sent = np.where(tells, cut.outages.sent, np.where(ordered <= lead, ordered, np.nan))
    is_known = ~np.isnan(sent)
    guess = cut.outages.waits_days + np.where(tells, lead, 0.0)
    days = np.where(is_known, np.maximum(lead - sent, 1.0), guess)
    series = len(lead_time_days)
    first = Back(np.full(series, np.nan), np.zeros(series, bool))
    order = np.lexsort((is_known, -days))  # of several the one that is back first is written last
    first.put(cut.served[order], Back(days[order], is_known[order]))
    return first

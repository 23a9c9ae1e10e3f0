"""Which incident every series that costs belongs to: exactly one, by kind, partner, item and scope (A-10 to A-16).

A partition, where others keep rules of what inhibits what: a series without stock because a DC is out is a member of
the DC's incident and of no other, so that 400 stores are one message and nothing has to be held back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from include.stockwatch.alerting.case import Kind
from include.stockwatch.alerting.incident import Incident, Lack, MemberState

DC_CAUSES = ("distributor_dc", "retailer_dc")
KINDS: Mapping[Lack, Kind] = {
    Lack.EMPTY: Kind.OUT_OF_STOCK,
    Lack.DOUBTFUL: Kind.PHANTOM_STOCK,
    Lack.SHORT: Kind.WILL_RUN_OUT,
}
Series = tuple[str, str, str]
"""Partner, location, item."""


STORES, DCS = "partner", "dcs"
"""Scopes: the partner's stores, and its DCs, which sell to no shopper and are counted apart."""


class Group(NamedTuple):
    """What an incident is about; of a DC that is out, the scope is the DC."""

    kind: Kind
    partner: str
    item_id: str
    scope: str = STORES


class DcState(StrEnum):
    """How a DC stands with an item on a date. One whose feed says nothing has none."""

    OUT = "out"
    STOCKED = "stocked"


Dcs = Mapping[tuple[str, str], Mapping[str, DcState]]
"""How DCs stand, by their id and item, then by the partner that runs them."""


class Row(NamedTuple):
    """A series that costs on a date, as far as grouping looks at it."""

    series: Series
    lack: Lack
    cause: str | None = None
    scope: str | None = None  # how far the cause reaches
    scope_id: str | None = None
    is_dc: bool = False

    def blamed(self, dcs: Dcs) -> Group | None:
        """The DC that explains it; none if no DC does, or none that is known."""
        partner, _, item_id = self.series
        if self.lack is Lack.DOUBTFUL:
            return None
        if self.cause in DC_CAUSES and self.scope == "dc" and self.scope_id:
            runs_it = whose(partner, self.scope_id, item_id, dcs, is_own=self.cause == "retailer_dc")
            if runs_it is not None:
                return Group(Kind.DC_OUT, runs_it, item_id, self.scope_id)
        if self.is_dc and self.lack is Lack.EMPTY:
            return Group(Kind.DC_OUT, partner, item_id, self.series[1])
        return None


def whose(partner: str, dc_id: str, item_id: str, dcs: Dcs, *, is_own: bool) -> str | None:
    """Who runs a DC that serves a partner: the partner itself, or the first of the others whose feed speaks of it."""
    running = dcs.get((dc_id, item_id), {})
    if is_own:
        return partner if partner in running else None
    return min((other for other in running if other != partner), default=None)


def group_of(incident: Incident) -> Group:
    """What an incident is about."""
    return Group(incident.kind, incident.partner, incident.item_id, incident.scope)


def active_series(incident: Incident) -> Iterable[Series]:
    """The series that are members of an open incident and not known to be back."""
    return ((m.partner or incident.partner, m.location_id, incident.item_id) for m in incident.now_out())


def grouped(
    rows: Iterable[Row],
    dcs: Dcs,
    ongoing: Iterable[Incident],
    on: dt.date,
    transit_days: Callable[[Incident], float],
) -> dict[Series, Group]:
    """The one group of every row.

    A row without stock that has a DC for its cause is the DC's; one that will run out is, while the DC has an incident
    and is not known to have stock. A member of a DC's incident stays there as long as the DC is out, as nothing is
    known of it (A-02), and for `transit_days` after it is back (A-15).
    """
    open_dcs = [incident for incident in ongoing if incident.kind is Kind.DC_OUT and incident.is_open]
    kept = {
        series: group_of(incident)
        for incident in open_dcs
        if _keeps(incident, dcs, on, transit_days(incident))
        for series in active_series(incident)
    }
    standing = {group_of(incident) for incident in open_dcs}
    found: dict[Series, Group] = {}

    def answers(dc: Group, lack: Lack) -> bool:
        is_short_itself = dc in standing and _state(dc, dcs) is not DcState.STOCKED
        return lack is Lack.EMPTY or (lack is Lack.SHORT and is_short_itself)

    for row in sorted(rows, key=lambda row: row.lack is Lack.SHORT):  # what is to come follows what there is
        partner, _, item_id = row.series
        behind = (kept.get(row.series), row.blamed(dcs))
        dc = next((dc for dc in behind if dc is not None and answers(dc, row.lack)), None)
        if dc is not None:
            standing.add(dc)
        found[row.series] = dc or Group(KINDS[row.lack], partner, item_id, DCS if row.is_dc else STORES)
    return found


def _state(dc: Group, dcs: Dcs) -> DcState | None:
    return dcs.get((dc.scope, dc.item_id), {}).get(dc.partner)


def _keeps(incident: Incident, dcs: Dcs, on: dt.date, transit_days: float) -> bool:
    """Whether a DC still answers for the stores that are out because of it."""
    if _state(group_of(incident), dcs) is not DcState.STOCKED:
        return True
    source = incident.source()
    if source is None:
        return False
    back_on = source.back_on if source.state is MemberState.BACK and source.back_on else on
    return (on - back_on).days < transit_days


def moved_from(
    incident: Incident, groups: Mapping[Series, Group], lacks: Mapping[Series, Lack], ids: Mapping[Group, str]
) -> dict[str, str | None]:
    """Places of an incident that belong elsewhere now, and to which open incident; none where that has not opened.

    What has stock again is back, though it may be about to run out: it has not moved. So is what was to run out for
    want of a DC that is back, unless an incident takes it.
    """
    mine = group_of(incident)
    found: dict[str, str | None] = {}
    for member in incident.members:
        series = (member.partner or incident.partner, member.location_id, incident.item_id)
        group = groups.get(series)
        if group is None or group == mine:
            continue
        taken_by = ids.get(group)
        is_freed = mine.kind is Kind.DC_OUT and taken_by is None
        if lacks[series] is Lack.SHORT and (member.lack is not Lack.SHORT or is_freed):
            continue
        found[member.place] = taken_by
    return found

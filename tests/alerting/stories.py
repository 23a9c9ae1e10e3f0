"""Timelines of one incident: a picture per day in, a decision per day out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.decisions import Decision, decide
from include.stockwatch.alerting.incident import Incident, Member, Picture
from tests.domain.tables import day
from tests.strategies import picture_of

Out = Mapping[str, int | tuple[int, Mapping[str, Any]]]


def shown(
    number: int,
    *,
    out: Out | None = None,
    back: Iterable[str] = (),
    unknown: Iterable[str] = (),
    delivered: bool = True,
    due: bool = True,
    **fields: Any,
) -> Picture:
    """The picture of one day: `out` is `{location: day it went out}` or `{location: (day, figures)}`."""
    members = []
    for location, spell in (out or {}).items():
        since, figures = spell if isinstance(spell, tuple) else (spell, {})
        members.append(Member(location_id=location, out_since=day(since), last_out=day(number), **figures))
    known = frozenset((*(out or {}), *back))
    return picture_of(
        day(number),
        out=tuple(members),
        known_locations=known,
        ranged_locations=known | frozenset(unknown),
        partner_is_whole=delivered,
        alert_due=due and bool(members),
        **fields,
    )


@dataclass
class Story:
    """One incident over time. `incident` is the one that is open, `ended` those that were."""

    incident: Incident | None = None
    ended: list[Incident] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def on(self, number: int, **told: Any) -> Decision:
        """Decide on a day, as `shown` tells it."""
        return self.see(shown(number, **told))

    def see(self, picture: Picture) -> Decision:
        """Decide on a picture, and let the decision stand."""
        decision = decide(
            picture,
            self.incident,
            tenant="stockwatch",
            new_id=f"INC-2026-{len(self.ended) + 1:05d}",
            previous=self.ended[-1] if self.ended else None,
        )
        if decision.event_kind is not None:
            assert decision.incident is not None
            self.events.append(decision.event_kind)
            if decision.incident.standing is Standing.RESOLVED:
                self.ended.append(decision.incident)
                self.incident = None
            else:
                self.incident = decision.incident
                self.ended = [one for one in self.ended if one.incident_id != decision.incident.incident_id]
        return decision

    def states(self) -> dict[tuple[str, int], str]:
        """How every spell of the open incident stands, by (location, day it went out)."""
        assert self.incident is not None
        return {(m.location_id, (m.out_since - day(1)).days + 1): m.state.value for m in self.incident.members}
